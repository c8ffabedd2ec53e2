/*
 * The metadata tail: pushes committed batches to brokers (docs/RULES.md). Served by the active controller only, after an entry
 * of its own epoch is committed.
 *
 * A broker subscribes with the position (offset, epoch) behind which it wants to go on. Positions the log still holds are
 * served from it; one behind the log's start gets a snapshot of the committed image in chunks; one ahead of what is
 * committed, or with another epoch, is refused with a sentence: that broker has seen another history.
 * A slow broker holds nobody up: its pushes stop while much of what was sent is still unsent, and go on when that is gone.
 */
#ifndef ODRADEK_CONTROLLER_TAIL_H
#define ODRADEK_CONTROLLER_TAIL_H

#include "controller/node/machine.h"

struct tail_session {
    struct list_node node;
    uint64_t conn; /* rpc number */
    int64_t next;  /* next entry to push */
    /* A snapshot on its way: the image is held. It stands for all that was applied when it was taken, up to `next` - 1: its own
     * offset is that of its newest batch, and the log may begin behind that (leaders and voters are entries too). */
    struct meta_image *image;
    raft_term epoch; /* of the entry at `next` - 1 */
    struct meta_cursor cursor;
    bool first_chunk;
};

struct tail {
    struct rpc *rpc;
    struct heap *heap;
    struct trace *trace;
    struct quorum *quorum;
    struct machine *machine;
    struct list sessions;
    struct timer timer; /* slow brokers are looked at again */
};

void tail_init(struct tail *, struct rpc *, struct heap *, struct trace *, struct quorum *,
               struct machine *);
void tail_release(struct tail *);

/* Whether it was subscribed by this connection, and still is. */
bool tail_follows(const struct tail *, const struct rpc_conn *);
/* Subscribes the connection; answers the request. */
void tail_subscribe(struct tail *, struct rpc_conn *, const Odradek__Frame *);
/* One more entry was committed. */
void tail_committed(struct tail *, raft_index, raft_term, struct slice payload);
/* Not the active controller any more, or the connection went. */
void tail_end_all(struct tail *);
void tail_end(struct tail *, const struct rpc_conn *);

#endif
