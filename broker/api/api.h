/*
 * The Kafka APIs of a broker: one handler a request, one file an API. Here is what they share on one reactor.
 *
 * The node fills a `struct api` for each reactor (fields under "given"), calls api_init, and hands api_handlers to the
 * reactor's edge with `edge.api` pointing here. Everything runs on that reactor's loop, apart from control_submit and
 * partitions_find_*, which may be called from it.
 *
 * Rules are those of Kafka 4: KafkaApis.scala, the KIPs named in each file.
 */
#ifndef ODRADEK_API_API_H
#define ODRADEK_API_API_H

#include "broker/api/fetch_session.h"
#include "broker/coord/coord.h"
#include "broker/edge/request.h"
#include "broker/meta/control.h"
#include "broker/meta/metadata.h"
#include "broker/partition/partition_table.h"
#include "common/codec/codec.h"
#include "common/config/config.h"

/* KIP-430: the client did not ask for its rights, or nobody keeps them. */
#define OPERATIONS_UNKNOWN INT32_MIN

struct api {
    /* given */
    struct loop *loop;
    struct heap *heap; /* the reactor's */
    const struct trace *trace;
    struct trace *loggers; /* the same, for who may change its levels; NULL: nobody */
    const struct crc32c_impl *crc;
    struct partitions *partitions;
    struct coords *coords;
    struct metadata_reader *metadata;
    struct control *control;
    int32_t broker;             /* node.id */
    bool auto_create;           /* auto.create.topics.enable */
    time_ms request_timeout_ms; /* of what is asked of the controllers; 30000 is a good value */
    int32_t fetch_bytes_max;    /* fetch.max.bytes, 57671680 */
    uint32_t
        fetch_sessions_max; /* max.incremental.fetch.session.cache.slots, shared out over the reactors */
    uint64_t seed;          /* of session ids */
    const struct config *config;
    /* own */
    bool rack_aware; /* replica.selector.class is RackAwareReplicaSelector */
    struct decoder decoder;
    struct encoder encoder;
    struct fetch_sessions fetch_sessions;
    struct producer_ids {
        int64_t next;
        int64_t end;         /* next == end: none left */
        struct list waiting; /* requests for an id, by their state */
        bool asked;
        struct control_request ask;
    } producer_ids;
    struct list creations; /* topics being created for clients that asked for their metadata */
    uint32_t creation_count;
};

/* Every API that is served; sorted by key, so that ApiVersions tells them in Kafka's order. */
extern const struct edge_handler api_handlers[];
extern const size_t api_handler_count;

/* The fields given are set. On the loop, or before it runs. */
void api_init(struct api *);
/* The edge is closed. Requests to the controllers that are still under way are let go by the loop's end. */
void api_release(struct api *);

static inline struct api *api_of(const struct request *request)
{
    return request->edge->api;
}

/* edge.unknown_version: ApiVersions of a client that is newer than we are. */
void api_versions_unknown(struct request *);

/* Handlers. */
void api_produce(struct request *);
void api_fetch(struct request *);
void api_list_offsets(struct request *);
void api_metadata(struct request *);
void api_versions(struct request *);
void api_create_topics(struct request *);
void api_delete_topics(struct request *);
void api_init_producer_id(struct request *);
void api_offset_for_leader_epoch(struct request *);
void api_describe_configs(struct request *);
void api_list_config_resources(struct request *);
void api_alter_configs(struct request *);
void api_incremental_alter_configs(struct request *);
void api_describe_cluster(struct request *);
void api_describe_topic_partitions(struct request *);
void api_delete_records(struct request *);
void api_describe_quorum(struct request *);
void api_describe_log_dirs(struct request *);
void api_describe_producers(struct request *);
void api_create_partitions(struct request *);
void api_elect_leaders(struct request *);
void api_unregister_broker(struct request *);
void api_find_coordinator(struct request *);
void api_join_group(struct request *);
void api_sync_group(struct request *);
void api_heartbeat(struct request *);
void api_consumer_group_heartbeat(struct request *);
void api_consumer_group_describe(struct request *);
void api_leave_group(struct request *);
void api_offset_commit(struct request *);
void api_offset_fetch(struct request *);
void api_offset_delete(struct request *);
void api_describe_groups(struct request *);
void api_list_groups(struct request *);
void api_delete_groups(struct request *);
void api_update_features(struct request *);

#endif
