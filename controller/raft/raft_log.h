/*
 * What the core remembers of the log: where each term starts and which entries name voters. O(terms), not O(entries).
 *
 *      snapshot.index
 *   ───────┬──────────────────────────
 *     first ........ ........... last       first <= snapshot.index + 1 <= last + 1
 */
#ifndef ODRADEK_RAFT_LOG_H
#define ODRADEK_RAFT_LOG_H

#include "common/base/heap.h"
#include "controller/raft/raft_types.h"

/* Entries start ... (up to the next one's start, or the end) are of this term. */
struct raft_term_start {
    raft_term term;
    raft_index start;
};

struct raft_log {
    struct heap *heap;
    struct raft_snapshot snapshot;
    raft_index first; /* oldest entry that is still there */
    raft_index last;  /* newest; first - 1 when there is none */
    struct raft_term_start
        *terms; /* by ascending start and term; terms[0].start == first unless empty */
    uint32_t term_count;
    uint32_t term_room;
    struct raft_voters_entry *voters; /* entries of kind VOTERS behind the snapshot */
    uint32_t voters_count;
    uint32_t voters_room;
};

/* ERR_CORRUPT when the state contradicts itself; ERR_NO_MEMORY. */
err_t raft_log_init(struct raft_log *, struct heap *, const struct raft_durable_state *) MUST_USE;
void raft_log_release(struct raft_log *);
void raft_log_check(const struct raft_log *);

/* Of the entry at index, or -1 when it is not known here; index 0 has term 0. */
raft_term raft_log_term(const struct raft_log *, raft_index);
raft_term raft_log_last_term(const struct raft_log *);

/* Makes sure that `terms` term starts and `voters` voter sets more can be kept. */
err_t raft_log_reserve(struct raft_log *, size_t terms, size_t voters) MUST_USE;
/* These two need room reserved. */
void raft_log_append(struct raft_log *, raft_term, raft_index count);
void raft_log_add_voters(struct raft_log *, raft_index, const struct raft_voters *);
/* Entries >= from go. */
void raft_log_truncate(struct raft_log *, raft_index from);
/* Entries <= to go; to <= snapshot.index. */
void raft_log_drop_prefix(struct raft_log *, raft_index to);
/* A snapshot of our own, at an index that the log has. */
void raft_log_snapshot_taken(struct raft_log *, const struct raft_snapshot *);
/* A foreign snapshot takes the place of the log, but for what follows it when keep is set. */
void raft_log_install(struct raft_log *, const struct raft_snapshot *, bool keep);

/* The largest index <= `index` whose term is <= `term`; where two logs may still agree. 0 when there is none. */
raft_index raft_log_agreement(const struct raft_log *, raft_index index, raft_term term);

const struct raft_voters *raft_log_voters_at(const struct raft_log *, raft_index);
/* Whether the node is in the set in force at index or in a newer one. */
bool raft_log_voters_any(const struct raft_log *, raft_index, struct raft_node);
/* The index of the entry that put the newest set in force; the snapshot's when it is from there. */
raft_index raft_log_voters_index(const struct raft_log *);

#endif
