/*
 * FindCoordinator: the leader of the partition of __consumer_offsets that a group falls on. The first to ask has the topic
 * created. There are no transactions and no share groups yet: who asks for their coordinators is told so, once and for all.
 */
#include "broker/api/group_ops.h"

#include "kmsg/find_coordinator.h"

enum coordinator_kind { KIND_GROUP = 0, KIND_TRANSACTION = 1, KIND_SHARE = 2 };

struct coordinator {
    enum kafka_error error;
    const char *message;
    int32_t node;
    struct slice host;
    int32_t port;
};

static struct coordinator no_coordinator(enum kafka_error error, const char *message)
{
    return (struct coordinator){error, message, -1, slice_of("", 0), -1};
}

static struct coordinator find_group(struct request *request, struct slice key)
{
    struct api *api = api_of(request);
    const struct meta_image *image = metadata_read(api->metadata);
    const struct meta_topic *topic = meta_topic_named(image, slice_str(GROUPS_TOPIC));
    if (topic == NULL) {
        api_auto_create(api, slice_str(GROUPS_TOPIC));
        return no_coordinator(KAFKA_COORDINATOR_NOT_AVAILABLE,
                              GROUPS_TOPIC " is being created; ask again.");
    }
    const struct meta_partition *p = meta_partition(
        topic, coord_partition(key, meta_topic_partitions(topic)));
    const struct meta_broker *broker;
    const struct meta_endpoint *endpoint =
        p == NULL ? NULL : api_live_endpoint(image, p->leader, request_listener(request), &broker);
    if (endpoint == NULL) {
        return no_coordinator(KAFKA_COORDINATOR_NOT_AVAILABLE,
                              "The group's partition of " GROUPS_TOPIC " has no leader now.");
    }
    return (struct coordinator){KAFKA_NONE, NULL, p->leader, endpoint->host, endpoint->port};
}

static struct coordinator find(struct request *request, int8_t kind, struct slice key)
{
    if (kind == KIND_GROUP) {
        return find_group(request, key);
    }
    if (kind == KIND_TRANSACTION) {
        return no_coordinator(KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
                              "There are no transactions here yet: leave transactional.id out.");
    }
    return no_coordinator(KAFKA_INVALID_REQUEST, "There is no coordinator of this kind here.");
}

static bool tell_all(struct request *request, const struct kmsg_find_coordinator_request *ask,
                     struct kmsg_find_coordinator_response *response)
{
    int32_t count = ask->coordinator_keys.count;
    response->coordinators.items = kmsg_find_coordinator_response_coordinator_array(&request->arena,
                                                                                    count);
    if (response->coordinators.items == NULL) {
        return false;
    }
    response->coordinators.count = count;
    for (int32_t i = 0; i < count; i++) {
        struct coordinator found = find(request, ask->key_type, ask->coordinator_keys.items[i]);
        struct kmsg_find_coordinator_response_coordinator *to = &response->coordinators.items[i];
        to->key = ask->coordinator_keys.items[i];
        to->node_id = found.node;
        to->host = found.host;
        to->port = found.port;
        to->error_code = (int16_t)found.error;
        to->error_message = slice_str(found.message);
    }
    return true;
}

void api_find_coordinator(struct request *request)
{
    struct kmsg_find_coordinator_request ask;
    struct kmsg_find_coordinator_response response;
    if (!request_decode(request, &ask)) {
        return;
    }
    kmsg_find_coordinator_response_init(&response);
    if (request->frame.version >= 4) {
        if (!tell_all(request, &ask, &response)) {
            api_out_of_memory(request);
            return;
        }
    } else {
        struct coordinator found = find(request, ask.key_type, ask.key);
        response.error_code = (int16_t)found.error;
        response.error_message = slice_str(found.message);
        response.node_id = found.node;
        response.host = found.host;
        response.port = found.port;
    }
    request_answer(request, &response);
}
