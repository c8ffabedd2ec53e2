/*
 * What Raft cores say to each other. Messages are one-way: an answer is a message of its own, and losing, doubling or
 * reordering any of them is harmless. The shell carries each as one frame, best over one ordered connection per peer.
 *
 * `to` is checked by the receiver: a message for another directory of the same id is dropped, and an answer from another
 * directory never counts as the voter's.
 * Papers: Ongaro and Ousterhout 2014 (RequestVote, AppendEntries, InstallSnapshot); Ongaro's thesis §3.10 (TimeoutNow),
 * §6.4 (read-index), §9.6 (PreVote); KIP-996, KIP-853.
 */
#ifndef ODRADEK_RAFT_MESSAGE_H
#define ODRADEK_RAFT_MESSAGE_H

#include "controller/raft/raft_types.h"

#define RAFT_MESSAGE_TABLE(X)                  \
    X(RAFT_PRE_VOTE, "pre-vote")               \
    X(RAFT_PRE_VOTE_ANSWER, "pre-vote answer") \
    X(RAFT_VOTE, "vote")                       \
    X(RAFT_VOTE_ANSWER, "vote answer")         \
    X(RAFT_APPEND, "append")                   \
    X(RAFT_APPEND_ANSWER, "append answer")     \
    X(RAFT_SEND_SNAPSHOT, "snapshot")          \
    X(RAFT_SNAPSHOT_ANSWER, "snapshot answer") \
    X(RAFT_TIMEOUT_NOW, "timeout now")

enum raft_message_kind {
#define RAFT_MESSAGE_ENUM(name, text) name,
    RAFT_MESSAGE_TABLE(RAFT_MESSAGE_ENUM)
#undef RAFT_MESSAGE_ENUM
        RAFT_MESSAGE_KINDS
};

const char *raft_message_name(enum raft_message_kind);

/* RAFT_PRE_VOTE (would you vote for me?) and RAFT_VOTE. */
struct raft_vote_request {
    raft_term
        term; /* PRE_VOTE: the term it would be (the sender's own is one less); VOTE: the sender's new term */
    raft_index last_index;
    raft_term last_term;
};

struct raft_vote_answer {
    raft_term term; /* the request's */
    bool granted;
};

/*
 * RAFT_APPEND. Outgoing, the shell attaches the entries first..last from its log (none if last < first: a heartbeat).
 * It may split one that is too large for a frame into several messages with the same request number, each with the
 * prev_index and prev_term of the entry before its first one.
 * Incoming, the shell fills `runs` and `voters` from the attached entries, after it checked their bytes; both are borrowed
 * for the step only, and `runs` must add up to last - first + 1.
 */
struct raft_append {
    uint64_t request;      /* echoed by the answer; counts up within a leadership */
    raft_index prev_index; /* the entry just before `first` */
    raft_term prev_term;
    raft_index first; /* = prev_index + 1 */
    raft_index last;
    raft_index commit; /* the leader's */
    bool
        quiet; /* a heartbeat whose acceptance would tell the leader nothing: answered only if refused */
    const struct raft_run *runs; /* incoming only */
    size_t run_count;
    const struct raft_voters_entry
        *voters; /* incoming only: the entries of kind RAFT_VOTERS among them */
    size_t voters_count;
};

struct raft_append_answer {
    uint64_t request;
    bool accepted;
    raft_index match; /* accepted: durable here and equal to the leader's log up to this entry */
    raft_index hint_index; /* refused: the logs may agree here at the latest, ... */
    raft_term hint_term;   /* ... where mine has this term */
};

/*
 * RAFT_SEND_SNAPSHOT: one chunk. Outgoing, the shell attaches at most RPC_CHUNK_MAX bytes of the snapshot `snapshot.index`
 * from `offset` on, and sets `bytes` and `last` in what it sends; incoming they say what came.
 */
struct raft_chunk {
    uint64_t request;
    struct raft_snapshot snapshot;
    uint64_t offset;
    uint64_t bytes;
    bool last;
};

struct raft_chunk_answer {
    uint64_t request;
    raft_index index;     /* of the snapshot meant */
    uint64_t next_offset; /* the byte wanted next; 0: from the start */
    bool installed; /* durable here (or not needed any more): go on with appends after `index` */
};

struct raft_message {
    enum raft_message_kind kind;
    struct raft_node from;
    struct raft_node to;
    raft_term term; /* the sender's current term */
    union {
        struct raft_vote_request vote; /* RAFT_PRE_VOTE, RAFT_VOTE */
        struct raft_vote_answer vote_answer;
        struct raft_append append;
        struct raft_append_answer append_answer;
        struct raft_chunk chunk;
        struct raft_chunk_answer chunk_answer;
    };
};

#endif
