/*
 * The quorum: the Raft core with its disk and its peers. Shell around controller/raft; lives on the controller's loop.
 *
 * It steps the core, carries its actions out in order, holds back what must wait for an fsync, keeps one connection to each
 * peer, and hands committed entries up in order, each once. Nothing is handed up from inside of a step: callbacks may
 * propose at once.
 *
 * An emptied voter (its directory id is not in the voter set) asks every peer for the log each half second
 * (FormationAsk). Once it has caught up, the leader exchanges it: (id, old directory) goes, (id, new directory) comes, two
 * single-voter changes (docs/RULES.md).
 */
#ifndef ODRADEK_CONTROLLER_QUORUM_H
#define ODRADEK_CONTROLLER_QUORUM_H

#include "common/trace/trace.h"
#include "controller/node/raft_disk.h"

struct quorum_address {
    int32_t id;
    struct net_address address;
};

struct quorum_options {
    struct raft_config raft;
    struct quorum_address voters[VOTERS_MAX]; /* controller.quorum.voters, ourselves included */
    uint32_t voter_count;
    uint64_t seed;
};

/* A timer that fires so late tells of a loop that stood still: messages may wait in the sockets. */
#define LOOP_LATE_MS 20

struct quorum_events {
    /* The active controller: everything committed before was handed up. */
    void (*leading)(void *ctx, raft_term term);
    /* We lead no more, or somebody else is known to lead: leader.id may be RAFT_NO_ID. */
    void (*following)(void *ctx, struct raft_node leader, raft_term term);
    /* In order, without holes, kinds other than DATA included. The payload lives during the call. */
    void (*committed)(void *ctx, raft_index, const struct raft_entry *);
    /* The state machine starts over from this snapshot; the next entry committed is the one behind it. */
    void (*restored)(void *ctx, const struct raft_snapshot *, struct slice body);
    /* The node must stop. */
    void (*halted)(void *ctx, const char *sentence);
};

struct quorum;

/* The store was founded. Nothing happens before quorum_start, which first hands up the snapshot, if there is one. */
err_t quorum_open(struct rpc *, struct heap *, struct trace *, const struct quorum_options *,
                  struct raft_disk *, const struct raft_durable_state *,
                  const struct quorum_events *, void *ctx, struct quorum **ret_quorum) MUST_USE;
void quorum_start(struct quorum *, const struct quorum_options *);
void quorum_close(struct quorum *);

/* The store's callbacks come in here (raft_disk_events). */
void quorum_durable(struct quorum *, uint64_t write);
void quorum_snapshot_durable(struct quorum *, raft_index, raft_term);

/* Frames of peers: RaftMessage, and FormationAsk from a node that is no voter. */
void quorum_receive(struct quorum *, const Odradek__RaftMessage *);
void quorum_observe(struct quorum *, struct raft_node);

/* One entry of data; its index is known at once. ERR_NOT_LEADER, ERR_BUSY (too much uncommitted). */
err_t quorum_propose(struct quorum *, struct slice payload, raft_index *ret_index,
                     raft_term *ret_term) MUST_USE;

/* Hands the state at `index` (committed) to the store. ERR_BUSY: one is being written. */
err_t quorum_snapshot(struct quorum *, raft_index, struct slice body) MUST_USE;

/* Leadership goes to whoever is best; for a graceful stop. */
void quorum_transfer(struct quorum *);

bool quorum_leading(const struct quorum *); /* and ready */
struct raft_node quorum_leader(const struct quorum *, struct net_address *ret_address);
raft_index quorum_applied(const struct quorum *); /* handed up so far */
raft_term quorum_term_at(const struct quorum *, raft_index);
const struct raft *quorum_raft(const struct quorum *);
/* Where a voter listens (ourselves included); port 0: not in controller.quorum.voters. */
struct net_address quorum_address_of(const struct quorum *, int32_t id);
struct raft_disk *quorum_store(struct quorum *);

#endif
