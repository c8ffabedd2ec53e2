/* The broker node from inside: what its files share. The contract is in broker_node.h. */
#ifndef ODRADEK_BROKER_NODE_INTERNAL_H
#define ODRADEK_BROKER_NODE_INTERNAL_H

#include "broker/api/api.h"
#include "broker/edge/edge.h"
#include "broker/node/broker_node.h"
#include "broker/node/conn_gate.h"
#include "broker/partition/partition_table.h"
#include "common/port/http.h"

struct reactor {
    struct broker_node *node;
    struct loop *loop;
    struct heap heap;
    struct edge edge;
    struct api api;
    struct metadata_reader metadata;
    struct mail close_mail;
};

/* Replicas lost or placed, told to the controllers in batches. */
struct replica_news {
    struct control_request request;
    struct broker_node *node;
    enum control_kind kind;
    struct uuid dir;
    struct control_partition *items; /* gathered */
    uint32_t count;
    uint32_t room;
    struct control_partition *sent; /* on their way */
    uint32_t sent_count;
    bool busy;
};

struct broker_node {
    struct host *host;
    struct loop *control_loop;
    struct heap heap; /* the control loop's */
    struct trace trace;
    struct broker_options options;
    char admin[HOST_NAME_MAX_BYTES + 16]; /* of the HTTP listener, for who looks for it elsewhere */
    struct metadata metadata;
    struct partitions *partitions;
    struct coords *coords;
    struct control *control;
    struct control_events control_events;
    struct reactor reactors[METADATA_READERS_MAX];
    uint32_t reactor_count;
    struct trace_limit full_limit; /* reactor 0's */
    uint32_t next_reactor;         /* the acceptor's, on reactor 0 */
    struct conn_gate gate;         /* the same */
    struct trace_limit gate_limit;
    struct net_listener *listeners[LISTENERS_MAX];
    struct listener_ctx {
        struct broker_node *node;
        uint32_t index;
    } listener_ctx[LISTENERS_MAX];
    struct http_server *http;
    struct timer watch_timer;
    struct replica_news lost;
    struct replica_news rotten;
    struct replica_news synced;
    struct replica_news placed[LOG_DIRS_MAX];
    struct turn_end news_end;
    struct timer news_timer; /* to look again at what was not heard */
    bool news_waits;
    bool lost_unheard; /* some are to be told again by then */
    time_ms news_retry_ms;
    bool applied; /* partitions_apply was called for this registration */
    bool ready;
    bool told_running;
    bool stopping;
    bool partitions_stopping;
    bool failed;
    bool no_place; /* ... since a port could not be had */
    struct mail listening_mail;
    struct mail stop_mail;
    struct timer stop_timer;
    uint32_t reactors_closed;
    uint32_t reactors_settled; /* nothing comes back to them any more */
    struct mail reactor_closed_mail;
    void (*halted)(void *ctx);
    void *halted_ctx;
};

/* node_settings.c */
void node_topic_settings(void *ctx, const struct meta_image *, const struct meta_topic *,
                         struct partition_settings *ret_settings);
/* node_controllers.c: what goes between the partitions and the controllers. */
void node_control_events(struct control_events *);
void node_partition_events(struct broker_node *, struct partitions_events *);
/* node_listen.c */
/* ret_failed: the listener that an error is about. */
err_t node_listen(struct broker_node *, uint32_t *ret_failed);
void node_unlisten(struct broker_node *);
/* broker_node.c */
void node_fail(struct broker_node *, const char *sentence);
void node_partitions_stopped(struct broker_node *);
void node_tell_running(struct broker_node *);

#endif
