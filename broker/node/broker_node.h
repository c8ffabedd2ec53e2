/*
 * One broker: everything of it, from ports. Used by main.c and by the simulator alike.
 *
 * start takes the log dirs and the ports, then returns; logs are opened, the controllers are looked for and clients served
 * in the node's own loops. stop is a controlled shutdown: leaderships move away first, logs are closed in order, the clean
 * marker is written last.
 */
#ifndef ODRADEK_BROKER_NODE_H
#define ODRADEK_BROKER_NODE_H

#include "broker/meta/control.h"
#include "common/config/config.h"
#include "common/trace/trace.h"

struct broker_listener {
    char name[64];
    struct net_address bind;
    struct net_address advertised;
};

struct broker_options {
    const struct config *config; /* outlives the node */
    int32_t node_id;
    const char *rack; /* NULL: none; outlives the node, like the dirs */
    const char *dirs[LOG_DIRS_MAX];
    uint32_t dir_count;
    struct broker_listener listeners[LISTENERS_MAX]; /* the one between brokers first */
    uint32_t listener_count;
    struct net_address controllers[VOTERS_MAX];
    uint32_t controller_count;
    struct net_address admin;
    bool has_admin;
    uint32_t reactors;
};

struct broker_node;

/* ret_why: on an error a sentence that says what to do. halted: the node has stopped by itself, or as asked. */
err_t broker_node_start(struct host *, const struct broker_options *, const struct trace *,
                        void (*halted)(void *ctx), void *ctx, char *ret_why, size_t why_bytes,
                        struct broker_node **ret_node) MUST_USE;

/* Controlled shutdown; `halted` follows. From anywhere, once. */
void broker_node_stop(struct broker_node *);
/* After `halted`: waits for the loops and frees. */
void broker_node_join(struct broker_node *);
/* False: it stopped because it had to. */
bool broker_node_ended_well(const struct broker_node *);
/* ... before it began to serve: a port could not be had. */
bool broker_node_no_place(const struct broker_node *);

#endif
