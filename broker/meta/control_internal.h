/*
 * Control from inside: what its files share. The contract is in control.h; everything here lives on the control loop.
 */
#ifndef ODRADEK_BROKER_CONTROL_INTERNAL_H
#define ODRADEK_BROKER_CONTROL_INTERNAL_H

#include "broker/meta/control.h"
#include "common/base/mutant.h"
#include "common/base/prng.h"

enum control_state {
    CONTROL_RESTING, /* until the timer */
    CONTROL_DIALLING,
    CONTROL_REGISTERING,
    CONTROL_SUBSCRIBING,
    CONTROL_UP,    /* the tail flows */
    CONTROL_ENDED, /* the broker is stopping */
};

struct control {
    struct loop *loop;
    struct heap *heap;
    struct trace *trace;
    struct metadata *metadata;
    struct control_options options;
    const struct control_events *events;
    void *ctx;
    struct prng prng;
    struct uuid incarnation;
    struct rpc rpc;
    Odradek__Hello hello;
    Odradek__Node hello_node;
    enum control_state state;
    struct rpc_conn *conn;
    uint32_t candidate;      /* index of the controller dialled */
    struct net_address hint; /* of the active controller; port 0: none */
    struct timer rest_timer;
    time_ms rest_ms;
    time_ms told_ms; /* when the log last said that no controller answers */
    bool was_up;
    /* registration */
    int64_t epoch;
    struct rpc_call call; /* REGISTER, TAIL */
    /* tail */
    int64_t offset; /* behind which the tail goes on */
    int32_t offset_epoch;
    struct meta_image *building; /* from a snapshot's chunks */
    /* heartbeats */
    struct timer beat_timer;
    struct rpc_call beat;
    bool beat_again; /* something changed while one was out */
    uint64_t beat_received; /* bytes that had come when the one that is out was sent */
    bool held;
    bool want_fence;
    bool want_shutdown;
    bool fenced;
    bool may_be_unfenced; /* by a heartbeat that was sent and is not answered */
    struct uuid offline_dirs[LOG_DIRS_MAX];
    uint32_t offline_dir_count;
    /* requests */
    struct list waiting; /* for a connection */
    struct list asked;
};

/* Gives the connection up and rests before the next try; hint: go there at once. */
void control_reconnect(struct control *, const char *why);
/* An answer with an error: follows the hint of NOT_CONTROLLER. True: the connection was given up. */
bool control_misdirected(struct control *, const Odradek__Frame *answer);

/* control_tail.c */
void control_subscribe(struct control *);
void control_pushed(struct control *, const Odradek__TailPush *);
void control_tail_reset(struct control *);

/* control_beat.c */
void control_beat_now(struct control *);
void control_beat_stop(struct control *);

/* control_requests.c */
void control_requests_send(struct control *);
void control_requests_back(struct control *); /* the connection went: those that are out */
void control_requests_end(struct control *);

#endif
