/*
 * One connection that sends Kafka requests and matches the answers to them. On one loop; no retries, no versions tried: the
 * caller knows whom it speaks to. Requests may be sent before earlier ones are answered; a Kafka server answers in order.
 *
 * Events come from the loop, never from inside client_conn_send or client_conn_open. After `closed`, or client_conn_close,
 * calls that were not answered are forgotten without a word: whoever sent them starts over.
 */
#ifndef ODRADEK_CLIENT_CLIENT_CONN_H
#define ODRADEK_CLIENT_CLIENT_CONN_H

#include "common/base/list.h"
#include "common/port/net.h"
#include "common/wire/frame.h"

/* A request that is out. Lives in the caller; free again once answered. */
struct client_call {
    struct list_node node; /* own */
    const struct kmsg_api *api;
    int16_t version;
    int32_t correlation_id;
    /* The answer's body, valid during the call. */
    void (*answered)(struct client_call *, struct slice body);
};

struct client_conn {
    struct loop *loop;
    struct heap *heap;
    struct net_conn *net; /* NULL: closed */
    bool open;
    struct slice client_id;
    struct frame_reader reader;
    struct list calls; /* in the order they were sent */
    int32_t next_correlation_id;
    void (*opened)(struct client_conn *);
    /* ERR_MALFORMED, ERR_TOO_LARGE: what came is no answer; else as in net.h. */
    void (*closed)(struct client_conn *, err_t why);
};

/* heap: the loop's. client_id: borrowed for the connection's life. */
void client_conn_init(struct client_conn *, struct loop *, struct heap *, struct slice client_id,
                      size_t frame_bytes_max, void (*opened)(struct client_conn *),
                      void (*closed)(struct client_conn *, err_t why));
/* Dials; `opened` or `closed` follows. Not while one is open. */
err_t client_conn_open(struct client_conn *, const struct net_address *) MUST_USE;
/* At once; no event follows. Harmless when closed. */
void client_conn_close(struct client_conn *);

/* call->api, version and answered are set. ERR_NO_MEMORY and what kmsg_encode says; ERR_CLOSED: not open. */
err_t client_conn_send(struct client_conn *, struct client_call *, const void *request) MUST_USE;
/* The same for a request that the server does not answer (Produce with acks=0). */
err_t client_conn_tell(struct client_conn *, const struct kmsg_api *, int16_t version,
                       const void *request) MUST_USE;
/* Bytes of requests that did not leave yet. */
size_t client_conn_unsent_bytes(const struct client_conn *);

#endif
