/*
 * The edge of one reactor: its clients' connections. Frames in, handlers called, answers out in order (docs/RULES.md, Threads).
 *
 * The edge knows no API: the node hands it the table of handlers. A key without a handler, or a version outside of the
 * API's range, ends the connection, except ApiVersions, which has an answer for clients that are newer than we are.
 * Input that is no Kafka at all gets a clear end and one line a second in the log: HTTP a 400 that names the right port, a
 * TLS handshake an alert (RFC 8446 §6), noise a closed connection.
 */
#ifndef ODRADEK_EDGE_EDGE_H
#define ODRADEK_EDGE_EDGE_H

#include "common/port/net.h"
#include "common/trace/trace.h"

struct request;

struct edge_handler {
    int16_t key;
    void (*handle)(struct request *);
};

/* Somebody counts connections: called once, on the edge's loop, when the connection is gone. */
struct edge_seat {
    void (*left)(struct edge_seat *);
};

struct edge {
    struct loop *loop;
    struct heap *heap; /* the reactor's */
    const struct trace *trace;
    const struct edge_handler *handlers;
    size_t handler_count;
    void (*unknown_version)(struct request *); /* ApiVersions in a version we do not know */
    void *api;                                 /* the handlers' context */
    size_t frame_max;                          /* socket.request.max.bytes */
    uint32_t
        pipelines; /* requests of all connections that are read ahead, while each has the least */
    time_ms idle_max_ms; /* connections.max.idle.ms; 0: for ever */
    const char *admin; /* "host:port" of the HTTP listener, for who asks for it here; NULL: none */
    struct list conns;
    uint32_t conn_count;
    uint32_t request_count; /* those of connections that are gone, too */
    bool closing;
    void (*closed)(struct edge *);
    struct trace_limit limit;
};

void edge_init(struct edge *, struct loop *, struct heap *, const struct trace *);
/* Ends all connections, and takes no new ones; requests that wait are told (`gone`). `closed` (or NULL) is called once, when the
 * last request has ended, be it at once: work of theirs on the pool has come home then, and the loop may stop. On the loop. */
void edge_close(struct edge *, void (*closed)(struct edge *));

/* A connection accepted on the listener of this name (which outlives it). On the edge's loop. The seat may be NULL. */
void edge_serve(struct edge *, struct net_conn *, struct slice listener, struct edge_seat *);

const struct edge_handler *edge_handler(const struct edge *, int16_t key);

#endif
