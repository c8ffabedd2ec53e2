/*
 * Raft for the controller quorum: a pure core. One event in, a list of actions out; no clock, disk, network or callback.
 *
 *   shell: on any event            raft_step(raft, &event, &actions); carry the actions out in their order
 *          when raft_deadline()    step a RAFT_EV_TICK
 *          after an fsync          step a RAFT_EV_WRITTEN
 *
 * Writes. SAVE_VOTE, STORE, SAVE_CHUNK, INSTALL and DROP_PREFIX are writes; they carry the running number `write` (1, 2,
 * ...) and are made in that order. RAFT_EV_WRITTEN{n} says that every write up to n is durable (file and directory); one
 * fsync may cover many. An action with after_write = n is released once write n is durable; released actions keep their
 * order per peer, after_write = 0 never waits. A write that fails is never reported: the shell stops the node instead.
 * Why that suffices: what is released was promised by a state that is a durable prefix of the writes, so a crash looks to
 * the others like lost messages.
 *
 * Receipts, not parcels. A proposal's payload stays with the shell under its ticket, an incoming append's with the message.
 * STORE says which of them go into the log, at which index and term, and what is cut off before.
 *
 * Time. `now` is monotonic, in milliseconds, and never runs backwards from event to event.
 *
 * Outside input. Peers are authenticated, yet their messages are checked: one that makes no sense is dropped. What only a
 * bug or a lost disk can explain (a truncation below the commit point, two leaders of one term) ends in RAFT_HALT: the
 * shell logs the sentence and stops the node. A halted core answers every event with nothing.
 *
 * Memory: term starts and voter sets of the log live on the heap given; when it is used up the core halts. Everything else
 * has a fixed size. The core borrows events during the step and the actions' contents are plain copies.
 */
#ifndef ODRADEK_RAFT_H
#define ODRADEK_RAFT_H

#include "common/base/heap.h"
#include "controller/raft/raft_message.h"

/* Non-voters that a leader keeps up to date: one candidate for every seat. */
#define RAFT_OBSERVERS_MAX VOTERS_MAX
#define RAFT_PEERS_MAX     (VOTERS_MAX + RAFT_OBSERVERS_MAX)
/* Appends on their way to one peer: hides a round trip behind the peer's fsync; more would only queue there. */
#define RAFT_IN_FLIGHT_MAX 8

struct raft_config {
    struct raft_node self;
    int32_t election_min_ms; /* an election time-out is drawn from [min, max] */
    int32_t election_max_ms;
    int32_t backoff_max_ms; /* failed rounds double the time-out up to this */
    int32_t heartbeat_ms;
    int32_t resign_ms; /* check-quorum: a leader that heard of no majority for so long resigns */
    int32_t eof_jitter_ms;      /* the leader's connection ended: pre-vote after 0..this */
    int32_t append_entries_max; /* entries in one append */
    raft_index
        uncommitted_max; /* a leader refuses proposals beyond this many uncommitted entries (ERR_BUSY) */
    raft_index trailing_entries; /* kept behind a snapshot for followers that are a little late */
};

/* What the core's own tests run with: 150-300 ms elections, 50 ms heartbeats, back-off to 2 s; resign after 1.5 longest time-outs
 * (KIP-595). Controllers take their elections from their configuration instead (200-400 ms where nothing is said). */
void raft_config_defaults(struct raft_config *, struct raft_node self);
/* Elections as somebody's file has them, and with them what has to fit: heartbeats of half of the shortest time-out (one may be that
 * late, which a sleeping machine or a slow network needs; more of them only cost idle clusters wake-ups), resigning after
 * one and a half of the longest. backoff_max_ms: no less than the longest first time-out is made of it. */
void raft_config_elections(struct raft_config *, int32_t min_ms, int32_t max_ms,
                           int32_t backoff_max_ms);

/* ---- events ---- */

enum raft_event_kind {
    RAFT_EV_TICK,    /* raft_deadline() has come (too early is harmless) */
    RAFT_EV_RECEIVE, /* a message of a peer */
    RAFT_EV_WRITTEN, /* writes up to `write` are durable */
    RAFT_EV_PROPOSE, /* append `count` entries of data; answered by STORE or REFUSED with the ticket */
    RAFT_EV_CHANGE_VOTERS, /* append a voter set that differs by one node; STORE or REFUSED */
    RAFT_EV_READ,          /* answered by READ_READY or READ_FAILED */
    /* The state at a committed index is durable as a snapshot; its voters: raft_voters_at(). It is published after the writes
     * before it: a crash must not leave a snapshot of a term that the stored vote does not know. */
    RAFT_EV_SNAPSHOT_TAKEN,
    RAFT_EV_OBSERVE, /* a node that is no voter asks for the log; repeat at least every second, to each new leader */
    RAFT_EV_TRANSFER, /* hand leadership over (graceful stop); to.id = RAFT_NO_ID: to whoever is best */
    RAFT_EV_RESIGN,      /* give leadership up; whoever is elected next leads, be it this one */
    RAFT_EV_PEER_CLOSED, /* the peer's connection ended by FIN or RST, or was refused */
    RAFT_EV_GATHERED, /* all voters are connected: where nobody ever led (term 0) there is nobody to be patient with */
    RAFT_EV_LATE, /* the loop ran `late_by_ms` late: unread messages may wait in the sockets */
};

struct raft_event {
    enum raft_event_kind kind;
    time_ms now;
    union {
        const struct raft_message *message; /* RECEIVE; borrowed */
        uint64_t write;                     /* WRITTEN */
        struct {
            uint64_t ticket; /* the shell's name for it, any value */
            raft_term term;  /* in which the shell believes to lead; another one is refused */
            uint32_t count;  /* > 0 */
        } propose;
        struct {
            uint64_t ticket;
            raft_term term;
            struct raft_voters voters;
        } change;
        uint64_t read_ticket; /* READ; tickets never descend */
        struct {
            raft_index
                index;      /* committed, newer than the last snapshot (an older one is ignored) */
            raft_term term; /* of the entry there: raft_term_at() */
        } snapshot;
        struct raft_node node; /* OBSERVE, TRANSFER, PEER_CLOSED */
        int32_t late_by_ms;
    };
};

/* ---- actions ---- */

#define RAFT_ACTION_TABLE(X)                   \
    X(RAFT_SAVE_VOTE, "save vote")             \
    X(RAFT_STORE, "store")                     \
    X(RAFT_SAVE_CHUNK, "save chunk")           \
    X(RAFT_INSTALL, "install snapshot")        \
    X(RAFT_DROP_PREFIX, "drop prefix")         \
    X(RAFT_SEND, "send")                       \
    X(RAFT_COMMITTED, "committed")             \
    X(RAFT_BECAME_FOLLOWER, "became follower") \
    X(RAFT_BECAME_LEADER, "became leader")     \
    X(RAFT_LEADER_READY, "leader ready")       \
    X(RAFT_REFUSED, "refused")                 \
    X(RAFT_READ_READY, "read ready")           \
    X(RAFT_READ_FAILED, "read failed")         \
    X(RAFT_VOTERS_NOW, "voters")               \
    X(RAFT_CAUGHT_UP, "caught up")             \
    X(RAFT_TRANSFER_FAILED, "transfer failed") \
    X(RAFT_HALT, "halt")

enum raft_action_kind {
#define RAFT_ACTION_ENUM(name, text) name,
    RAFT_ACTION_TABLE(RAFT_ACTION_ENUM)
#undef RAFT_ACTION_ENUM
        RAFT_ACTION_KINDS
};

const char *raft_action_name(enum raft_action_kind);

/* Replace the stored (term, voted_for) atomically. */
struct raft_save_vote {
    raft_term term;
    struct raft_node voted_for; /* RAFT_NOBODY: the term alone */
};

/*
 * First cut the log: entries >= truncate_from go (0: none). Then append first..last.
 * from_message: they are the entries of the message being received, of which the first `skip` are left out.
 * Else they are our own, of `kind` and `term`: DATA's payload is the ticket's; LEADER_CHANGE and VOTERS the shell writes.
 */
struct raft_store {
    raft_index truncate_from;
    raft_index first;
    raft_index last;
    bool from_message;
    raft_index skip;
    enum raft_entry_kind kind;
    raft_term term;
    uint64_t ticket;           /* of the PROPOSE or CHANGE_VOTERS event */
    struct raft_voters voters; /* kind VOTERS */
};

/* Keep this chunk of the message being received in the download's file; offset 0 starts the file anew. */
struct raft_save_chunk {
    raft_index index;
    uint64_t offset;
    uint64_t bytes;
};

/*
 * The download is complete: publish it atomically as the newest snapshot, then drop log entries: all of them, or, with
 * keep_log, those that the snapshot covers. The state machine starts from it (a COMMITTED for its index follows).
 */
struct raft_install {
    struct raft_snapshot snapshot;
    bool keep_log;
};

struct raft_action {
    enum raft_action_kind kind;
    uint64_t write;       /* > 0 in writes only: their number */
    uint64_t after_write; /* SEND: hold back until this write is durable; 0: at once */
    union {
        struct raft_save_vote save_vote;
        struct raft_store store;
        struct raft_save_chunk save_chunk;
        struct raft_install install;
        raft_index
            drop_to; /* DROP_PREFIX: entries <= this may go; the snapshot covering them is durable */
        struct raft_message
            message; /* SEND: an append's entries, a chunk's bytes are attached by the shell */
        raft_index
            committed; /* COMMITTED: entries <= this are final; never descends, except by a restart */
        struct {
            raft_term term;
            struct raft_node
                leader; /* BECAME_FOLLOWER: RAFT_NOBODY while unknown. BECAME_LEADER: self */
        } role;         /* BECAME_FOLLOWER, BECAME_LEADER */
        struct {
            raft_term term;
            raft_index
                index; /* apply up to here, then the state machine holds all that was ever acknowledged */
        } ready;       /* LEADER_READY: an entry of the own term is committed */
        struct {
            uint64_t ticket;
            err_t
                why; /* ERR_NOT_LEADER, ERR_BUSY, ERR_INVALID, ERR_NOT_FOUND (to be added, but not caught up) */
        } refused;
        struct {
            uint64_t ticket;  /* this and all earlier ones that are still open */
            raft_index index; /* READ_READY: serve from a state that applied at least this */
        } read;
        struct {
            struct raft_voters
                voters; /* the set now in force: appended, taken over, or reverted by a truncation */
            raft_index index; /* of its entry; it may still be uncommitted */
        } voters;
        struct raft_node
            node; /* CAUGHT_UP: this observer can be added as a voter. TRANSFER_FAILED: to whom */
        const char *why; /* HALT: a sentence, static */
    };
};

/*
 * Fixed size. The most in one step: to each peer a full window of appends, plus a second message to each (a heartbeat for
 * a read, or a transfer), plus the single actions: SAVE_VOTE, STORE twice (a leader's first entry after its vote; a
 * proposal), INSTALL, DROP_PREFIX, COMMITTED twice, the role twice, LEADER_READY, READ twice, VOTERS_NOW twice, CAUGHT_UP,
 * REFUSED, TRANSFER_FAILED, HALT: below 24. The core asserts that the list suffices.
 */
#define RAFT_ACTIONS_MAX (RAFT_PEERS_MAX * (RAFT_IN_FLIGHT_MAX + 2) + 24)

struct raft_actions {
    uint32_t count;
    struct raft_action at[RAFT_ACTIONS_MAX];
};

#include "controller/raft/raft_state.h"

/*
 * Starts as a follower that knows no leader. ERR_CORRUPT: the durable state contradicts itself; ERR_INVALID: the
 * configuration does; ERR_NO_MEMORY. The heap must outlive the core; raft_release gives its pieces back.
 */
err_t raft_init(struct raft *, const struct raft_config *, const struct raft_durable_state *,
                struct heap *, uint64_t seed, time_ms now) MUST_USE;
void raft_release(struct raft *);

/* The list is cleared first. */
void raft_step(struct raft *, const struct raft_event *, struct raft_actions *);

/* When the next RAFT_EV_TICK is wanted; TIME_NEVER: only other events matter. */
time_ms raft_deadline(const struct raft *);

/* Invariants, by assert. */
void raft_check(const struct raft *);

/* ---- questions ---- */

enum raft_role raft_role_now(const struct raft *);
const char *raft_role_name(enum raft_role);
/* RAFT_NOBODY while unknown. */
struct raft_node raft_leader(const struct raft *);
raft_term raft_current_term(const struct raft *);
raft_index raft_last_index(const struct raft *);
raft_index raft_commit_index(const struct raft *);
/* Of an entry in the log or the one at the snapshot; -1: not known here (any more, or yet). */
raft_term raft_term_at(const struct raft *, raft_index);
/* The set in force at this index (snapshot.index <= index <= last): what a snapshot of that index must hold. */
const struct raft_voters *raft_voters_at(const struct raft *, raft_index);
/* The newest set, committed or not. */
const struct raft_voters *raft_voters_now(const struct raft *);

/* What a leader knows of the others (KIP-595, KIP-836), in times of the events' clock. */
struct raft_replica {
    struct raft_node node;
    bool voter;
    raft_index match; /* durable there up to here */
    bool heard;       /* in this term, last at heard_at */
    time_ms heard_at;
    bool was_caught_up; /* last at caught_up_at */
    time_ms caught_up_at;
};
/* The i-th of them; false: there are no more, or we do not lead. */
bool raft_replica(const struct raft *, uint32_t i, struct raft_replica *ret_replica) MUST_USE;

#endif
