/* The Metadata answer out of the image: nothing but the image, the listener and the version decide on it. */
#include "broker/api/api_internal.h"

#include "kmsg/metadata.h"

static bool brokers_tell(const struct api_view *view, struct kmsg_metadata_response *response)
{
    response->brokers.items = kmsg_metadata_response_broker_array(
        view->arena, (int32_t)meta_broker_count(view->image));
    if (response->brokers.items == NULL) {
        return false;
    }
    for (const struct meta_broker *broker = meta_broker_next(view->image, -1); broker != NULL;
         broker = meta_broker_next(view->image, broker->id)) {
        const struct meta_endpoint *at = meta_broker_endpoint(broker, view->listener);
        if (!broker->fenced && at != NULL) {
            struct kmsg_metadata_response_broker *to =
                &response->brokers.items[response->brokers.count++];
            to->node_id = broker->id;
            to->host = at->host;
            to->port = at->port;
            to->rack = broker->rack;
        }
    }
    return true;
}

/* Kafka's MetadataCache: who asks in version 0 is only told of replicas that it can reach. */
static bool partition_tell(const struct api_view *view, const struct meta_partition *from,
                           struct kmsg_metadata_response_partition *to)
{
    bool reached_only = view->version == 0;
    assert(from->replica_count > 0 && from->replica_count <= REPLICAS_MAX);
    to->partition_index = from->index;
    to->leader_id = META_NO_BROKER;
    to->leader_epoch = from->leader_epoch;
    if (!api_view_replicas(view, from, reached_only, &to->replica_nodes) ||
        !api_view_ids(view, &from->isr, reached_only, &to->isr_nodes)) {
        return false;
    }
    if (view->version >= 5 && !api_view_offline(view, from, &to->offline_replicas)) {
        return false;
    }
    if (from->leader != META_NO_BROKER && api_view_reaches(view, from->leader)) {
        to->leader_id = from->leader;
        if ((uint32_t)to->replica_nodes.count < from->replica_count ||
            (uint32_t)to->isr_nodes.count < from->isr.count) {
            to->error_code = KAFKA_REPLICA_NOT_AVAILABLE;
        }
    } else if (from->leader != META_NO_BROKER && view->version >= 6 &&
               meta_broker(view->image, from->leader) != NULL) {
        to->error_code = KAFKA_LISTENER_NOT_FOUND;
    } else {
        to->error_code = KAFKA_LEADER_NOT_AVAILABLE;
    }
    return true;
}

static bool topic_tell(const struct api_view *view, const struct meta_topic *topic, bool operations,
                       struct kmsg_metadata_response_topic *to)
{
    uint32_t count = meta_topic_partitions(topic);
    to->name = meta_topic_name(topic);
    to->topic_id = meta_topic_id(topic);
    to->is_internal = api_topic_internal(to->name);
    if (operations && view->version >= 8) {
        to->topic_authorized_operations = OPERATIONS_TOPIC;
    }
    to->partitions.items = kmsg_metadata_response_partition_array(view->arena, (int32_t)count);
    if (to->partitions.items == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct meta_partition *partition = meta_partition(topic, (int32_t)i);
        if (partition != NULL &&
            !partition_tell(view, partition, &to->partitions.items[to->partitions.count++])) {
            return false;
        }
    }
    return true;
}

static bool all_tell(const struct api_view *view, bool operations,
                     struct kmsg_metadata_response *response)
{
    response->topics.items = kmsg_metadata_response_topic_array(
        view->arena, (int32_t)meta_topic_count(view->image));
    if (response->topics.items == NULL) {
        return false;
    }
    for (const struct meta_topic *topic = meta_topic_next(view->image, (struct slice){0});
         topic != NULL; topic = meta_topic_next(view->image, meta_topic_name(topic))) {
        if (!topic_tell(view, topic, operations,
                        &response->topics.items[response->topics.count++])) {
            return false;
        }
    }
    return true;
}

static bool named_tell(const struct api_view *view, const struct kmsg_metadata_request_topic *ask,
                       bool operations, struct kmsg_metadata_response_topic *to)
{
    bool by_id = !uuid_is_none(ask->topic_id);
    const struct meta_topic *topic = by_id ? meta_topic(view->image, ask->topic_id)
                                           : meta_topic_named(view->image, ask->name);
    if (topic != NULL) {
        return topic_tell(view, topic, operations, to);
    }
    if (by_id) {
        to->topic_id = ask->topic_id;
        to->error_code = KAFKA_UNKNOWN_TOPIC_ID;
        return true;
    }
    to->name = ask->name;
    to->is_internal = api_topic_internal(ask->name);
    to->error_code = api_topic_name_valid(ask->name) ? KAFKA_UNKNOWN_TOPIC_OR_PARTITION
                                                     : KAFKA_INVALID_TOPIC_EXCEPTION;
    return true;
}

/* Names may be left out, and ids used, from version 12 on. */
static bool ask_valid(int16_t version, const struct kmsg_metadata_request *ask)
{
    for (int32_t i = 0; i < ask->topics.count; i++) {
        const struct kmsg_metadata_request_topic *topic = &ask->topics.items[i];
        bool by_id = !uuid_is_none(topic->topic_id);
        if ((version < 12 && (topic->name.p == NULL || by_id)) ||
            (topic->name.p == NULL && !by_id)) {
            return false;
        }
    }
    return true;
}

static void refuse_all(const struct kmsg_metadata_request *ask,
                       struct kmsg_metadata_response *response)
{
    for (int32_t i = 0; i < ask->topics.count; i++) {
        struct kmsg_metadata_response_topic *to = &response->topics.items[response->topics.count++];
        to->name = ask->topics.items[i].name.p == NULL ? slice_str("") : ask->topics.items[i].name;
        to->error_code = KAFKA_INVALID_REQUEST;
    }
    response->error_code = KAFKA_INVALID_REQUEST;
}

bool metadata_tell(const struct api_view *view, const struct kmsg_metadata_request *ask,
                   struct kmsg_metadata_response *response)
{
    assert(view->image != NULL && view->arena != NULL && response->topics.count == 0);
    bool all = ask->topics.count < 0 || (ask->topics.count == 0 && view->version == 0);
    bool operations = ask->include_topic_authorized_operations;
    response->cluster_id = meta_cluster_id(view->image);
    if (ask->include_cluster_authorized_operations) {
        response->cluster_authorized_operations = OPERATIONS_CLUSTER;
    }
    if (!brokers_tell(view, response)) {
        return false;
    }
    if (all) {
        return all_tell(view, operations, response);
    }
    response->topics.items = kmsg_metadata_response_topic_array(view->arena, ask->topics.count);
    if (response->topics.items == NULL) {
        return false;
    }
    if (!ask_valid(view->version, ask)) {
        refuse_all(ask, response);
        return true;
    }
    for (int32_t i = 0; i < ask->topics.count; i++) {
        if (!named_tell(view, &ask->topics.items[i], operations,
                        &response->topics.items[response->topics.count++])) {
            return false;
        }
    }
    return true;
}
