/*
 * RPC between nodes: protobuf frames (proto/cluster.proto) behind a 4-byte big-endian length, both ways on one connection.
 *
 * The first frame of each side is its Hello; nothing else is handed up before the other side's came. Requests carry an id
 * and a deadline, answers the same id; id 0 means that nobody waits (Raft messages, pushes). One loop owns an `rpc` and
 * all of its connections; nothing here takes a lock.
 *
 * Frames handed to an owner live until the call returns. Frames given to send may be freed right after the call.
 * Frames above RPC_FRAME_MAX, of another version, or that do not parse end the connection (the log says why); unpacking
 * takes at most a fixed multiple of the frame's bytes.
 */
#ifndef ODRADEK_RPC_RPC_H
#define ODRADEK_RPC_RPC_H

#include "common/base/map.h"
#include "common/base/uuid.h"
#include "common/port/net.h"
#include "common/wire/frame.h"
#include "proto/cluster.pb-c.h"

#define RPC_VERSION 1

struct rpc_conn;

/* Called on the loop. After `down` (which comes exactly once, also if `up` never came) the connection is gone. */
struct rpc_events {
    void (*up)(void *ctx, struct rpc_conn *, const Odradek__Hello *peer);
    /* A request (frame->id != 0: answer it, now or later) or a message nobody waits for. */
    void (*frame)(void *ctx, struct rpc_conn *, const Odradek__Frame *);
    void (*down)(void *ctx, struct rpc_conn *, err_t why);
};

/* Everything of one loop. */
struct rpc {
    struct loop *loop;
    struct heap *heap;
    Odradek__Hello
        *hello;       /* what we say of ourselves; its owner keeps it alive and may change it */
    struct map conns; /* by number: answers find their connection, or that it is gone */
    uint64_t conn_count;
};

void rpc_init(struct rpc *, struct loop *, struct heap *, struct hash_key, Odradek__Hello *hello);
/* Closes all connections, silently. */
void rpc_release(struct rpc *);

err_t rpc_accept(struct rpc *, struct net_conn *, const struct rpc_events *, void *ctx,
                 struct rpc_conn **ret_conn) MUST_USE;
err_t rpc_dial(struct rpc *, const struct net_address *, const struct rpc_events *, void *ctx,
               struct rpc_conn **ret_conn) MUST_USE;
/* At once; `down` does not come, calls that wait end with ERR_CLOSED. */
void rpc_close(struct rpc_conn *);
/* The same by who does not own it: `down` comes, from inside, so that whoever knows it lets go. */
void rpc_break(struct rpc_conn *, err_t why);
const char *rpc_peer(const struct rpc_conn *);
size_t rpc_unsent_bytes(const struct rpc_conn *);
/* Bytes that have come on it so far, of frames that are not whole yet, too. */
uint64_t rpc_received_bytes(const struct rpc_conn *);

/* A message nobody waits for. Sets version and id. false: there is no memory for it, it is as if it were lost on the way. */
bool rpc_send(struct rpc_conn *, Odradek__Frame *);

/* A request on its way: a node inside the asker's struct. */
struct rpc_call {
    struct list_node node; /* the connection's own */
    struct timer timer;
    struct rpc_conn *conn; /* NULL: idle */
    uint64_t id;
    /* Once: OK with the answer (whose `error` may be set), ERR_TIMEOUT, or ERR_CLOSED. The call is idle again. */
    void (*done)(struct rpc_call *, err_t, const Odradek__Frame *answer);
};

/* Asks; `done` always comes later, never from inside. */
void rpc_ask(struct rpc_conn *, struct rpc_call *, Odradek__Frame *, time_ms timeout_ms);
/* `done` will not come. Harmless on an idle call. */
void rpc_forget(struct rpc_call *);

/* Who asked: answers may come after the connection went. */
struct rpc_asker {
    uint64_t conn;
    uint64_t request;
};
struct rpc_asker rpc_asker_of(const struct rpc_conn *, const Odradek__Frame *request);
/* Sets version, id and answer; dropped when the asker is gone. */
void rpc_answer(struct rpc *, struct rpc_asker, Odradek__Frame *);
/* An answer without a body: a Kafka error code and a sentence. */
void rpc_refuse(struct rpc *, struct rpc_asker, int32_t error, const char *text);
/* The connection, or NULL when it is gone. */
struct rpc_conn *rpc_find(const struct rpc *, uint64_t conn);
uint64_t rpc_number(const struct rpc_conn *);

/* Ids in frames: 16 bytes or nothing. */
static inline ProtobufCBinaryData rpc_uuid(const struct uuid *uuid)
{
    return (ProtobufCBinaryData){.len = sizeof(uuid->b), .data = (uint8_t *)uuid->b};
}
err_t rpc_uuid_read(ProtobufCBinaryData, struct uuid *ret_uuid) MUST_USE;

#endif
