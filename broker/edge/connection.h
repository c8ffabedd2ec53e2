/* A client's connection: gathers frames, keeps requests in order, sends answers in order. Inside of broker/edge only. */
#ifndef ODRADEK_EDGE_CONNECTION_H
#define ODRADEK_EDGE_CONNECTION_H

#include "broker/edge/request.h"

struct connection {
    struct list_node node;
    struct edge *edge;
    struct net_conn *net;
    struct slice listener;
    struct edge_seat *seat; /* NULL: nobody counts */
    struct frame_reader reader;
    struct buf rest;      /* bytes that came while the pipeline was full */
    struct list requests; /* oldest first */
    uint32_t request_count;
    uint32_t working; /* requests whose work is on the pool: nothing is executed meanwhile */
    uint8_t first[FRAME_LENGTH_BYTES]; /* what the connection began with: Kafka or a stranger */
    uint8_t first_n;
    bool executing; /* inside of a handler: the connection may not be freed */
    bool held;      /* the pipeline was full: `rest`, or a whole frame in the reader, waits */
    bool paused;
    bool closed;
    struct timer idle_timer;
    time_us active_us;
    time_us since_us; /* accepted */
    bool request_seen;
};

/* Executes the request; it may have ended when this returns. */
void dispatch(struct request *);

/* Sends what is ready at the head, takes new input if there is room again; may free the connection. */
void connection_advance(struct connection *);
/* Ends it: at once, or after what was answered is sent. */
void connection_end(struct connection *, bool send_rest);

#endif
