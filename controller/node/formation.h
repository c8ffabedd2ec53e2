/*
 * First formation of the quorum (docs/RULES.md): unanimous. Until every configured voter has answered "empty" no cluster id is
 * made; the voter with the lowest id then makes it, everybody fsyncs it with all directory ids, and only then elections
 * begin. A node that finds a formed quorum takes that over: as a voter if its own directory is among the voters (it missed
 * the last word of the formation), else as one that was emptied and must be exchanged. So who has agreed and is not there to hear
 * what was founded keeps nobody from beginning for long, once a majority has it on disk.
 */
#ifndef ODRADEK_CONTROLLER_FORMATION_H
#define ODRADEK_CONTROLLER_FORMATION_H

#include "common/base/mutant.h"
#include "common/trace/trace.h"
#include "controller/node/quorum.h"

struct formation_peer {
    struct formation *formation;
    struct quorum_address at;
    struct rpc_conn *conn;
    bool up;
    enum formation_question {
        ASKED_NOTHING,
        ASKED_STATE,
        ASKED_TO_AGREE
    } asked;               /* on this connection */
    bool empty;            /* it said so, ... */
    struct raft_node node; /* ... from this directory */
    bool done;             /* it has the cluster on disk */
    struct rpc_call call;
    struct timer redial;
    time_ms redial_ms;
};

struct formation {
    struct rpc *rpc;
    struct trace *trace;
    struct raft_disk *disk;
    struct raft_node self;
    struct formation_peer peers[VOTERS_MAX];
    uint32_t peer_count;
    struct uuid cluster; /* proposed by us */
    bool proposing;
    time_ms proposed_ms;
    struct raft_voters voters;
    struct timer timer;
    time_ms told_ms; /* when the log last said for whom it waits */
    bool formed;
    struct turn_end look; /* what a turn's answers change is looked at once */
    /* Once: the founding is on disk. */
    void (*done)(void *ctx);
    void *ctx;
};

void formation_open(struct formation *, struct rpc *, struct trace *, struct raft_disk *,
                    struct raft_node self, const struct quorum_options *, void (*done)(void *),
                    void *ctx);
void formation_close(struct formation *);

/* Instead of open, where the quorum was formed in an earlier life: peers that still propose are answered. */
void formation_settled(struct formation *, struct rpc *, struct trace *, struct raft_disk *,
                       struct raft_node self);

/* FormationPropose of peers that form, or have not heard yet that we are formed. */
void formation_proposed(struct formation *, struct rpc_conn *, const Odradek__Frame *);

/* Answers FormationAsk: what we have. Used while forming and for ever after. */
void formation_tell(struct rpc *, struct rpc_conn *, const Odradek__Frame *,
                    const struct raft_disk *, struct raft_node self, const struct raft_voters *now);

#endif
