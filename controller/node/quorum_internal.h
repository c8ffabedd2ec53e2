/*
 * The quorum from inside: what its files share. The contract is in quorum.h; everything lives on the controller loop.
 */
#ifndef ODRADEK_CONTROLLER_QUORUM_INTERNAL_H
#define ODRADEK_CONTROLLER_QUORUM_INTERNAL_H

#include "common/base/mutant.h"
#include "controller/node/quorum.h"

struct quorum_peer {
    struct quorum *quorum;
    int32_t id;
    struct net_address address;
    struct rpc_conn *conn; /* dialled; NULL while it rests */
    bool up;
    struct raft_node node; /* as its Hello said */
    struct timer redial;
    time_ms backoff_ms;
};

/* A message that waits for a write. */
struct held {
    struct list_node node;
    uint64_t after_write;
    struct raft_message message;
};

struct quorum {
    struct loop *loop;
    struct rpc *rpc;
    struct heap *heap;
    struct trace *trace;
    const struct quorum_events *events;
    void *ctx;
    struct raft_disk *store;
    struct raft raft;
    struct raft_actions actions;
    struct arena scratch; /* one step's */
    struct timer timer;
    struct timer observe_timer;
    uint32_t alone; /* so often it has fired since a leader was known */
    struct quorum_peer peers[VOTERS_MAX];
    uint32_t peer_count;
    struct net_address self_address;
    struct list held;
    uint64_t durable;
    bool stepping;
    bool delivering;
    bool halted;
    /* what the last steps left to hand up */
    raft_index commit;
    raft_index applied;
    bool role_changed;
    bool leading; /* BECAME_LEADER came */
    bool ready;   /* LEADER_READY came, and was handed up */
    bool ready_to_tell;
    bool restored;
    bool heirless; /* a transfer has failed */
    struct raft_node leader;
    raft_term term;
    /* a proposal in the making */
    struct slice proposal;
    uint64_t ticket;
    raft_index proposed;
    err_t refused;
    struct raft_cargo *cargo; /* of the message being received */
    struct raft_node joining; /* an observer that has caught up; RAFT_NOBODY */
};

/* Steps the core and carries the actions out; then hands up. */
void quorum_step(struct quorum *, struct raft_event *);
void quorum_stop(struct quorum *, const char *sentence);

/* peers */
void quorum_peers_open(struct quorum *, const struct quorum_options *);
void quorum_peers_close(struct quorum *);
void quorum_send(struct quorum *, const struct raft_message *);
/* While we are no voter: ask all peers for the log. */
void quorum_ask_to_observe(struct quorum *);

#endif
