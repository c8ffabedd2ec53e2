/*
 * Control: a broker's one connection to the active controller, on the control loop (docs/RULES.md).
 *
 * It looks for the active controller among the voters (following their hints), registers this incarnation, tails the
 * committed metadata log into the image, heartbeats, and carries requests of the broker's other rooms. Connections come and
 * go; a broker that lost the controllers keeps serving with the image it has, until the controllers fence it.
 *
 * What stops the node with a sentence (`fatal`): another cluster's controllers, a metadata log that this broker is ahead of
 * or that has another history, records of a newer version.
 */
#ifndef ODRADEK_BROKER_CONTROL_H
#define ODRADEK_BROKER_CONTROL_H

#include "broker/meta/metadata.h"
#include "common/rpc/rpc.h"
#include "common/trace/trace.h"

struct control_dir {
    struct uuid id;
    Odradek__DirState state;
    bool this_boot;
};

struct control_options {
    int32_t broker;
    struct slice rack; /* NULL: none */
    struct meta_endpoint endpoints[LISTENERS_MAX];
    uint32_t endpoint_count;
    struct control_dir dirs[LOG_DIRS_MAX];
    uint32_t dir_count;
    int64_t previous_epoch; /* of the last clean shutdown; -1 */
    char cluster_id[64];    /* "": learns it */
    struct net_address controllers[VOTERS_MAX];
    uint32_t controller_count;
    time_ms heartbeat_ms;
    time_ms session_ms;
    uint64_t seed;
};

struct control_events {
    /* The cluster is known (first registration): its id is to be written into the log dirs. */
    void (*joined)(void *ctx, const char *cluster_id, int64_t broker_epoch);
    /* The image is about to move; no reactor has the next one yet. Both live during the call. */
    void (*coming)(void *ctx, const struct meta_image *old, const struct meta_image *next,
                   const struct meta_changes *);
    /* The image moved from `old` to the published one. Both live during the call. */
    void (*image)(void *ctx, const struct meta_image *old, const struct meta_image *now,
                  const struct meta_changes *);
    /* The controllers' word on us changed. */
    void (*fenced)(void *ctx, bool fenced);
    /* Controlled shutdown: leaderships are gone, now is the time. */
    void (*may_stop)(void *ctx);
    void (*fatal)(void *ctx, const char *sentence);
};

struct control;

err_t control_open(struct loop *, struct heap *, struct trace *, struct metadata *,
                   const struct control_options *, const struct control_events *, void *ctx,
                   struct control **ret_control) MUST_USE;
/* On the control loop: the connection goes, whoever waits is told so, and so is who asks from now on. */
void control_end(struct control *);
/* After that, when nobody can ask any more. */
void control_close(struct control *);
void control_start(struct control *);

/* --- on the control loop --- */

/* Not ready to serve (logs being recovered, lost replicas not reported): stay fenced. Starts as true. */
void control_want_fence(struct control *, bool want_fence);
/* Controlled shutdown from now on. */
void control_want_shutdown(struct control *);
/* This log dir failed. */
void control_dir_offline(struct control *, struct uuid dir);
/* No heartbeats while true: the watchdog found a reactor that does not turn. */
void control_hold_heartbeats(struct control *, bool hold);
int64_t control_epoch(const struct control *); /* -1 before the first registration */
bool control_fenced(const struct control *);
/* ... and no heartbeat, under way or lost with its connection, may have ended that. */
bool control_stays_fenced(const struct control *);
/* Whether our own registration has been applied: the image knows this incarnation. */
bool control_caught_up(const struct control *);

/* --- requests, from any loop --- */

enum control_kind {
    CONTROL_FORWARD,
    CONTROL_PRODUCER_IDS,
    CONTROL_ALTER_ISR,
    CONTROL_ASSIGN_DIRS,
    CONTROL_REPLICAS_LOST,
    CONTROL_REPLICAS_ROTTEN,
    CONTROL_REPLICAS_SYNCED,
};

/* Partitions of one request, at most: they fit a frame between nodes. */
#define CONTROL_PARTITIONS_MAX (1u << 17)

struct control_partition {
    struct uuid topic;
    int32_t partition;
    /* In the image by which it is said: of REPLICAS_ROTTEN the leader's, of REPLICAS_LOST and REPLICAS_SYNCED the partition's. */
    int32_t epoch;
};

/*
 * A request lives inside its owner. It waits for a controller until its deadline; `done` comes exactly once, on `origin`.
 * error: KAFKA_NONE; what the controller said; REQUEST_TIMED_OUT (nobody answered in time: it may or may not have been done).
 */
struct control_request {
    struct mail mail; /* control's own */
    struct list_node node;
    struct rpc_call call;
    struct control *control;
    time_us deadline_us;
    struct timer timer;

    struct loop *origin;
    time_ms timeout_ms;
    enum control_kind kind;
    void (*done)(struct control_request *);
    void *ctx;
    union {
        struct {
            int16_t api_key;
            int16_t version;
            struct slice body; /* must live until done */
        } forward;
        struct {
            struct control_partition at;
            int32_t leader_epoch;
            int32_t partition_epoch;
            uint32_t count;
            struct {
                int32_t id;
                int64_t broker_epoch;
            } isr[REPLICAS_MAX];
            int32_t min_isr;
        } alter_isr;
        struct { /* ASSIGN_DIRS, REPLICAS_LOST, REPLICAS_ROTTEN, REPLICAS_SYNCED */
            struct uuid dir;
            const struct control_partition *partitions; /* must live until done */
            uint32_t count;                             /* at most CONTROL_PARTITIONS_MAX */
        } replicas;
    };

    /* The answer. */
    int16_t error;
    char error_text[256];
    union {
        struct slice forwarded; /* freed by control_request_release */
        struct {
            int64_t first;
            int32_t count;
        } producer_ids;
        struct {
            int32_t leader_epoch;
            int32_t partition_epoch;
            uint32_t count;
            int32_t isr[REPLICAS_MAX];
        } isr;
    } answer;
    size_t answer_bytes; /* control's own */
};

void control_submit(struct control *, struct control_request *);
/* On the origin's loop, when the answer is no longer needed. */
void control_request_release(struct control_request *);

#endif
