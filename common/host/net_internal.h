/* A connection of the real host, shared by its reading and writing half, the listener and the dialler. */
#ifndef ODRADEK_HOST_NET_INTERNAL_H
#define ODRADEK_HOST_NET_INTERNAL_H

#include <netdb.h>

#include "common/host/internal.h"
#include "common/port/net.h"

enum net_state {
    NET_ACCEPTED,   /* not started yet */
    NET_RESOLVING,  /* the pool looks the name up */
    NET_CONNECTING, /* waiting for the handshake */
    NET_OPEN,
    NET_FINISHING, /* nothing is handed up any more; what is left of the output goes */
    NET_LINGERING, /* ... and is gone: until the other side closes too */
    NET_CLOSED,    /* waits in the loop's graves */
};

struct dial;

struct net_conn {
    struct host *host;
    struct loop *loop;
    enum net_state state;
    int fd;
    struct event *read_event;
    struct event *write_event;
    const struct net_events *events;
    void *ctx;
    struct dial *dial; /* while it is being dialled */
    struct chain out;
    struct turn_end flush;
    struct timer finish_timer;
    struct list_node node; /* among the loop's living connections, then in its graves */
    bool counted;          /* among host->conns_taken */
    bool reading_paused;
    bool write_waiting; /* the socket was full: wait for the kernel */
    char peer[HOST_NAME_MAX_BYTES + 16];
};

struct net_conn *net_conn_new(struct host *, int fd);
/* Makes the events of a connection that is up. */
err_t net_conn_events(struct net_conn *) MUST_USE;
void net_conn_read_on(struct net_conn *);
/* Ends it and tells its owner. */
void net_conn_fail(struct net_conn *, err_t why);
void net_conn_bury(struct net_conn *);
void net_flush_soon(struct net_conn *);
/* The connection of this dial is closed: it must not be touched any more. */
void net_dial_give_up(struct dial *);
/* Closes every listener of a loop that has ended. */
void net_listeners_end(struct loop *);
/* TCP_NODELAY and keep-alive. */
void net_socket_tune(int fd);

#endif
