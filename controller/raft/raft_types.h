/*
 * The words of the Raft core: who takes part, what an entry is, what is remembered across a restart.
 *
 * Index: entries are numbered 1, 2, 3, ... without holes; 0 means "before the first entry". One entry is one metadata
 * batch. Term: Kafka's epoch, the number of an election; 0 means "before the first election".
 * The core never sees what an entry holds. It knows how many there are, of which term, and which of them name voters.
 */
#ifndef ODRADEK_RAFT_TYPES_H
#define ODRADEK_RAFT_TYPES_H

#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/base/mutant.h"
#include "common/base/uuid.h"

typedef int64_t raft_index;
typedef int32_t raft_term;

#define RAFT_NO_ID (-1)

/* A node is its id together with the directory its log lives in (KIP-853): an emptied directory is another node. */
struct raft_node {
    int32_t id; /* >= 0; RAFT_NO_ID: nobody */
    struct uuid directory;
};

#define RAFT_NOBODY ((struct raft_node){.id = RAFT_NO_ID})

static inline bool raft_node_eq(struct raft_node a, struct raft_node b)
{
    return a.id == b.id && (uuid_eq(a.directory, b.directory) || MUTANT(50));
}

/* A voter set: no id twice. Where voters listen is the shell's matter, kept beside this in the same entry. */
struct raft_voters {
    uint32_t count;
    struct raft_node node[VOTERS_MAX];
};

/* At most VOTERS_MAX, ids >= 0, none twice. */
bool raft_voters_valid(const struct raft_voters *);
/* Its place in the set, or -1: id and directory must both be right. */
int raft_voters_find(const struct raft_voters *, struct raft_node);
bool raft_voters_has(const struct raft_voters *, struct raft_node);
/* The same nodes, in any order. */
bool raft_voters_eq(const struct raft_voters *, const struct raft_voters *);

enum raft_entry_kind {
    RAFT_DATA,          /* the state machine's; opaque */
    RAFT_LEADER_CHANGE, /* the first entry of every leader; empty, commits what earlier terms left */
    RAFT_VOTERS,        /* the whole voter set from here on; in force as soon as it is in the log */
};

/* `count` neighbouring entries of one term. */
struct raft_run {
    raft_term term;   /* > 0 */
    raft_index count; /* > 0 */
};

/* An entry of kind RAFT_VOTERS. */
struct raft_voters_entry {
    raft_index index;
    struct raft_voters voters;
};

/* A snapshot stands for all entries up to and including `index`. */
struct raft_snapshot {
    raft_index
        index; /* 0: none was ever taken; then `voters` is the set the quorum was formed with */
    raft_term term; /* of the entry at `index` */
    struct raft_voters
        voters; /* in force at `index`; may be empty in an observer that was told of none */
};

/*
 * What the shell found on its disk. Everything here must be durable before raft_init: a log opened after an unclean stop
 * is fsynced first. Entries first_index ... of the runs; first_index <= snapshot.index + 1, and where the log overlaps the
 * snapshot, its entry at snapshot.index must have snapshot.term. A log that does not reach the snapshot (a crash while one
 * was being installed) or differs there is to be thrown away by the shell: run_count 0, first_index snapshot.index + 1.
 */
struct raft_durable_state {
    raft_term term;             /* from the newest SAVE_VOTE, 0 before */
    struct raft_node voted_for; /* in `term`; RAFT_NOBODY: nobody yet */
    struct raft_snapshot snapshot;
    raft_index first_index;
    const struct raft_run *runs; /* terms ascend */
    size_t run_count;
    const struct raft_voters_entry *voters; /* those in the log, by ascending index */
    size_t voters_count;
};

#endif
