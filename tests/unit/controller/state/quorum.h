/*
 * A quorum of one in memory around the decision core, for its tests: every decision is encoded, decoded, appended and
 * replayed by a second controller, and checked on the way.
 */
#ifndef ODRADEK_TESTS_CONTROLLER_QUORUM_H
#define ODRADEK_TESTS_CONTROLLER_QUORUM_H

#include "common/meta/codec/meta_codec.h"
#include "controller/state/controller_state.h"
#include "tests/lib/memory.h"

struct quorum {
    struct test_memory memory;
    struct heap heap;
    struct arena arena;   /* of the newest decision */
    struct arena scratch; /* of the follower's decoding */
    struct controller_state active;
    struct controller_state follower;
    struct decision decision; /* the newest one, with its answer */
    int64_t end;              /* next offset */
    int32_t epoch;
    time_ms now;
    uint32_t batches; /* of the newest decision */
    uint32_t records;
    bool hold; /* batches are appended, but not committed */
    /* Everything is tried with less memory first, piece by piece: nothing may change then, and no sense be lost. */
    bool scarce;
    unsigned refusals; /* for want of memory */
    /* Told of every batch, before the newest image takes it in; may be NULL. */
    void (*seen)(void *ctx, const struct meta_batch *, int64_t offset);
    void *ctx;
};

void quorum_init(struct quorum *, const struct controller_settings *, uint64_t seed);
/* Three brokers, and the topic "orders" with two partitions of three replicas; one at a time. */
struct quorum *quorum_with_orders(uint64_t seed);
/* Checks that nothing is left in memory. */
void quorum_release(struct quorum *);

/* Decides, appends, accepts and (unless held) commits; the answer. */
const struct answer *quorum_submit(struct quorum *, const struct command *);
/* Commits everything that was appended. */
void quorum_commit(struct quorum *);
/* The other controller becomes active; what was appended and not committed is lost. */
void quorum_failover(struct quorum *);

const struct meta_image *quorum_image(const struct quorum *);
/* By name; NULL: there is none. */
const struct meta_partition *quorum_partition(const struct quorum *, const char *topic,
                                              int32_t partition);

/* Directory `which` (0, 1, ...) of a broker, or of its `life`-th set of disks. */
struct uuid quorum_dir(int32_t broker, int life, int which);
/* A registration with one directory, as a first start would send it. */
struct command quorum_registration(int32_t broker, int incarnation);
struct command quorum_beat(const struct quorum *, int32_t broker);
/* Registers and unfences. */
void quorum_join(struct quorum *, int32_t broker, int incarnation);

#endif
