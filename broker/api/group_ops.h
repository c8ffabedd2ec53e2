/*
 * Requests to group coordinators: one request holds one or more calls to shards, and is answered when all of them are.
 * Inside of broker/api only.
 */
#ifndef ODRADEK_API_GROUP_OPS_H
#define ODRADEK_API_GROUP_OPS_H

#include "broker/api/api_internal.h"
#include "broker/coord/coord.h"

/* AclOperation bits that groups know: Read, Delete, Describe, DescribeConfigs, AlterConfigs. */
#define OPERATIONS_GROUP 3400

/* Decodes from a copy that lives as long as the request: the answer names what was asked. */
bool group_decode(struct request *, void *ret_message) MUST_USE;

struct group_ops;

struct group_op {
    struct coord_call call;
    struct group_ops *ops;
    bool waits;
};

struct group_ops {
    struct request *request;
    struct group_op *items;
    uint32_t count;
    uint32_t waiting;
    void (*answer)(struct group_ops *);
    void *ctx; /* the handler's */
};

/* `count` calls, not begun. NULL: out of memory, the request has been refused. */
struct group_ops *group_ops_new(struct request *, uint32_t count,
                                void (*answer)(struct group_ops *), void *ctx);
/* One call was given to coord_*: whether it was answered at once. */
void group_op_began(struct group_op *, bool answered);
/* All calls are under way: answers now if none waits, otherwise later. */
void group_ops_go(struct group_ops *);

/* A request with one call that changes something. */
void group_submit(struct request *, struct group_event *, void (*answer)(struct group_ops *),
                  void *ctx);

/* "/192.0.2.7", as Kafka tells where a member is; in the request's arena. */
struct slice group_client_host(struct request *);
/* Whether the cluster's group.version and this broker's group.coordinator.rebalance.protocols serve the consumer protocol. */
bool group_consumer_on(const struct request *);
/* Kafka's rule for group.instance.id (that of topic names); NULL is fine. */
bool group_instance_valid(struct slice);

#endif
