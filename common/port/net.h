/*
 * Byte streams between nodes and clients. A connection belongs to one loop and is touched on that loop only.
 *
 * Input: the host asks `room` where the next bytes shall go; NULL means "your scratch", and the bytes are then valid only
 * during the call of `bytes`. So a whole request is executed in place, and the rest of a large one is read straight into
 * its own buffer. Output: a chain (memory and file ranges); what is sent in one turn leaves together at the turn's end.
 * `closed` comes exactly once, last, for every connection that was started or dialled, unless we closed it ourselves
 * with net_close: then nothing comes any more.
 */
#ifndef ODRADEK_PORT_NET_H
#define ODRADEK_PORT_NET_H

#include "common/base/chain.h"
#include "common/base/limits.h"
#include "common/port/loop.h"

struct net_conn;
struct net_listener;

struct net_address {
    char host[HOST_NAME_MAX_BYTES + 1]; /* name or literal, without brackets */
    uint16_t port;
};

struct net_events {
    /* A dialled connection is up. NULL for accepted ones. */
    void (*opened)(void *ctx);
    /* Where to read to and how much fits (> 0); NULL: the scratch. May be NULL altogether. */
    uint8_t *(*room)(void *ctx, size_t *ret_n);
    /* n > 0 bytes arrived, at `p` (the room, or the scratch). */
    void (*bytes)(void *ctx, const uint8_t *p, size_t n);
    /* All output is gone. May be NULL. */
    void (*drained)(void *ctx);
    /* ERR_CLOSED: the peer's FIN or RST; ERR_REFUSED, ERR_UNREACHABLE, ERR_TIMEOUT: the dial failed; ERR_IO. */
    void (*closed)(void *ctx, err_t why);
};

/* A new connection: start it on the loop it shall live on (this one, or another by mail). */
typedef void net_accept_fn(void *ctx, struct net_conn *);

/* ERR_EXISTS: the port is in use; ERR_PERMISSION; ERR_UNREACHABLE: no such address here. Port 0 picks one. */
err_t net_listen(struct loop *, const struct net_address *, int backlog, net_accept_fn *, void *ctx,
                 struct net_listener **ret_listener) MUST_USE;
/* SO_SNDBUF and SO_RCVBUF of connections accepted from now on; -1: the system's own. */
void net_listener_buffers(struct net_listener *, int send_bytes, int receive_bytes);
/*
 * A quarter of the process's descriptors is kept for its files. When the rest is used up no more connections are taken: they
 * wait in the backlog until some end. `full` is told when that begins (open, of so many) and when it is over.
 */
typedef void net_full_fn(void *ctx, bool full, unsigned open, unsigned most);
void net_listener_watch(struct net_listener *, net_full_fn *);
uint16_t net_listener_port(const struct net_listener *);
void net_unlisten(struct net_listener *);

/* On the loop where an accepted connection shall live. */
void net_start(struct loop *, struct net_conn *, const struct net_events *, void *ctx);

/* Name look-up and connect go on in the background; `opened` or `closed` follows: ERR_TIMEOUT where nobody answers for seconds. */
err_t net_dial(struct loop *, const struct net_address *, const struct net_events *, void *ctx,
               struct net_conn **ret_conn) MUST_USE;

/* Takes all pieces of the chain (which is empty afterwards). Nothing fails here: `closed` tells. */
void net_send(struct net_conn *, struct chain *);
size_t net_unsent_bytes(const struct net_conn *);

/* Stop and go on reading: back-pressure. */
void net_read_pause(struct net_conn *);
void net_read_resume(struct net_conn *);

/* At once, unsent output is thrown away; no event follows. An accepted connection need not have been started. */
void net_close(struct net_conn *);
/* After the output is gone (or after 5 s); reads nothing more; no event follows. */
void net_finish(struct net_conn *);

/* "address:port" of the other side, valid as long as the connection. */
const char *net_peer(const struct net_conn *);

#endif
