/* What several handlers use. Inside of broker/api only. */
#ifndef ODRADEK_API_INTERNAL_H
#define ODRADEK_API_INTERNAL_H

#include "broker/api/api.h"

/* Wall clock, milliseconds since 1970. */
static inline time_ms api_wall_ms(const struct api *api)
{
    return api->trace->wall_now(api->trace->ctx);
}

/* Memory ran out: the connection ends, as there is nothing true to answer. */
static inline void api_out_of_memory(struct request *request)
{
    request_refuse(request, "a request for which there is no memory");
}

/* A broker that clients can be sent to by this listener: registered and not fenced; NULL otherwise. */
const struct meta_endpoint *api_live_endpoint(const struct meta_image *, int32_t id,
                                              struct slice listener,
                                              const struct meta_broker **ret_broker);
/* Kafka's answer to "who is the controller": any broker that lives; -1: none. Stable while we live. */
int32_t api_any_broker(const struct api *, const struct meta_image *);
/* Topics of the brokers' own use (Topic.java). */
bool api_topic_internal(struct slice name);
/* Letters, digits, '.', '_', '-'; 1 to 249; not "." and "..". */
bool api_topic_name_valid(struct slice name);
/* The name of a resource BROKER as a broker id; false: it is none, or not as ids are written. */
bool api_broker_name_read(struct slice name, int32_t *ret_id);

/* --- what the image says of a partition, for clients of one listener --- */

#define OPERATIONS_TOPIC \
    3576 /* bits of AclOperation that topics know: all are allowed where nobody keeps rights */
#define OPERATIONS_CLUSTER 8096

struct api_view {
    const struct meta_image *image;
    struct slice listener;
    struct arena *arena;
    int16_t version;
};
/* Whether a client of the listener reaches the broker. */
bool api_view_reaches(const struct api_view *, int32_t broker);
/* Ids into an array in the arena; false: out of memory. */
bool api_view_replicas(const struct api_view *, const struct meta_partition *, bool reached_only,
                       kmsg_i32_array *ret_ids) MUST_USE;
bool api_view_ids(const struct api_view *, const struct meta_ids *, bool reached_only,
                  kmsg_i32_array *ret_ids) MUST_USE;
/* Replicas on brokers that are gone or fenced, or in a directory that is offline there. */
bool api_view_offline(const struct api_view *, const struct meta_partition *,
                      kmsg_i32_array *ret_ids) MUST_USE;

/* The Metadata answer as the image has it; topics that are not there have UNKNOWN_TOPIC_OR_PARTITION. false: out of
 * memory. */
struct kmsg_metadata_request;
struct kmsg_metadata_response;
bool metadata_tell(const struct api_view *, const struct kmsg_metadata_request *,
                   struct kmsg_metadata_response *) MUST_USE;

/* Has the topic created with this broker's defaults (the brokers' own topics: with theirs), if nobody on this reactor is at
 * it already (auto_create.c). The name is valid. */
void api_auto_create(struct api *, struct slice name);

/* A partition that a request names: by id if `topic_id` is not all zeros, otherwise by name. */
struct api_target {
    struct partition *partition; /* held; NULL with an error */
    enum kafka_error error;
    const struct meta_partition *meta; /* NULL: the image does not know it */
};
/* error: UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION, or NOT_LEADER_OR_FOLLOWER when it is known but not hosted here. */
struct api_target api_find(struct api *, struct uuid topic_id, struct slice name, bool by_id,
                           int32_t index);

#endif
