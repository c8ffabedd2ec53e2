/*
 * Disks that do not give back what was written: bits that flip at rest, writes that landed elsewhere, stretches that cannot be
 * read, or are read once as they were before; and bits that flip in memory. Only in committed records, below the recovery point
 * that is on the disk (behind it rot cannot be told from a torn tail), and only where the fault atlas spares the partition; so
 * "nothing is lost" stays a fair demand. Who is left as the only one with everything, and is rotten, must refuse; when
 * everything else is repaired (or a core of it, in which it is the only one), an operator puts its bytes back from a backup.
 */
#ifndef ODRADEK_TESTS_SIM_ROT_H
#define ODRADEK_TESTS_SIM_ROT_H

#include "tests/sim/nemesis.h"

#define ROTS_MAX      128
#define ROT_BYTES_MAX 512
/* They are numbered behind the nemesis' faults. */
#define ROT_NUMBER    2048

struct rots {
    const struct plan *plan;
    struct nemesis *nemesis;
    struct prng gaps;
    time_us next_at;
    uint32_t drawn;
    uint32_t done[ROT_KINDS];
    uint32_t restored; /* by the operator */
    uint32_t count;
    struct rot {
        enum rot_kind kind;
        struct inode *inode;
        uint32_t broker;
        uint32_t topic;
        int32_t index;
        int64_t at;
        size_t n;
        uint8_t was[ROT_BYTES_MAX];
        uint8_t is[ROT_BYTES_MAX];
    } list[ROTS_MAX];
};

void rots_open(struct rots *, const struct plan *, struct nemesis *);
/* After each event. */
void rots_look(struct rots *);
/* Nothing rots any more; what flipped in memory leaves it. */
void rots_heal(struct rots *);
/* After that: the operator's round. */
void rots_repair(struct rots *);
/* After the end: what nobody has read since is as it was. */
void rots_undo(struct rots *);

#endif
