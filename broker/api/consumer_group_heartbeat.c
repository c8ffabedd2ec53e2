/*
 * ConsumerGroupHeartbeat (KIP-848): a member of the consumer protocol enters, lives on, or leaves. What can be told from the
 * request alone is judged here.
 */
#include "broker/api/group_ops.h"
#include "broker/coord/regex.h"
#include "common/base/limits.h"

#include "kmsg/consumer_group_heartbeat.h"

typedef struct kmsg_consumer_group_heartbeat_response_topic_partitions told_topic;

static void refuse(struct request *request, enum kafka_error error, const char *why)
{
    struct kmsg_consumer_group_heartbeat_response response;
    kmsg_consumer_group_heartbeat_response_init(&response);
    response.error_code = (int16_t)error;
    response.error_message = slice_str(why);
    request_answer(request, &response);
}

/* What an operator can make of it. */
static const char *sentence(const struct request *request, enum kafka_error error)
{
    switch (error) {
    case KAFKA_FENCED_MEMBER_EPOCH:
        return "The epoch is not the one that the coordinator knows. The member must abandon all its partitions and rejoin.";
    case KAFKA_UNKNOWN_MEMBER_ID: return "The member is not a member of the group.";
    case KAFKA_GROUP_ID_NOT_FOUND: return "There is no consumer group of this id.";
    case KAFKA_GROUP_MAX_SIZE_REACHED:
        return "The consumer group has reached its maximum capacity (group.consumer.max.size).";
    case KAFKA_UNRELEASED_INSTANCE_ID:
        return "Another member holds the instance id and has not left the group.";
    case KAFKA_FENCED_INSTANCE_ID: return "The instance id belongs to another member.";
    case KAFKA_UNSUPPORTED_ASSIGNOR: {
        struct slice names = config_text(api_of((struct request *)request)->config,
                                         CONFIG_GROUP_CONSUMER_ASSIGNORS);
        return arena_printf((struct arena *)&request->arena,
                            "The server assignor is not supported. Supported assignors: %.*s.",
                            (int)names.n, (const char *)names.p);
    }
    default: return NULL;
    }
}

/* Partitions of one topic stand together. */
static bool parts_tell(struct request *request, const struct group_consumer_answer *answer,
                       struct kmsg_consumer_group_heartbeat_response *response)
{
    struct arena *arena = &request->arena;
    response->assignment = kmsg_array_new(
        arena, &kmsg_consumer_group_heartbeat_response_assignment_shape, 1);
    told_topic *topics = kmsg_consumer_group_heartbeat_response_topic_partitions_array(
        arena, (int32_t)answer->part_count);
    int32_t *numbers = arena_array(arena, answer->part_count, sizeof(*numbers));
    if (response->assignment == NULL || topics == NULL || numbers == NULL) {
        return false;
    }
    int32_t count = 0;
    for (uint32_t i = 0; i < answer->part_count; i++) {
        bool another = i == 0 || !uuid_eq(answer->parts[i].topic, answer->parts[i - 1].topic);
        if (another) {
            topics[count].topic_id = answer->parts[i].topic;
            topics[count++].partitions.items = &numbers[i];
        }
        numbers[i] = answer->parts[i].partition;
        topics[count - 1].partitions.count++;
    }
    response->assignment->topic_partitions.items = topics;
    response->assignment->topic_partitions.count = count;
    return true;
}

static void answer(struct group_ops *ops)
{
    struct request *request = ops->request;
    const struct group_call *call = &ops->items[0].call.group;
    struct kmsg_consumer_group_heartbeat_response response;
    if (call->error != KAFKA_NONE) {
        refuse(request, call->error, sentence(request, call->error));
        return;
    }
    kmsg_consumer_group_heartbeat_response_init(&response);
    response.member_id = call->consumer.member_id;
    response.member_epoch = call->consumer.epoch;
    response.heartbeat_interval_ms = call->consumer.heartbeat_ms;
    if (call->consumer.assigned && !parts_tell(request, &call->consumer, &response)) {
        api_out_of_memory(request);
        return;
    }
    request_answer(request, &response);
}

/* ---- the request ---- */

static bool blank(struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] > ' ') {
            return false;
        }
    }
    return text.p != NULL;
}

static const char *entry_fault(const struct kmsg_consumer_group_heartbeat_request *ask)
{
    if (ask->rebalance_timeout_ms == -1) {
        return "RebalanceTimeoutMs must be provided in first request.";
    }
    if (ask->topic_partitions.count != 0) {
        return "TopicPartitions must be empty when (re-)joining.";
    }
    return ask->subscribed_topic_names.count < 0 && ask->subscribed_topic_regex.p == NULL
               ? "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining."
               : NULL;
}

/* NULL: none. */
static const char *fault(const struct request *request,
                         const struct kmsg_consumer_group_heartbeat_request *ask)
{
    bool named = !blank(ask->member_id) && ask->member_id.n > 0;
    if (ask->group_id.n == 0 || blank(ask->group_id)) {
        return "GroupId can't be empty.";
    }
    if (blank(ask->instance_id)) {
        return "InstanceId can't be empty.";
    }
    if (blank(ask->rack_id)) {
        return "RackId can't be empty.";
    }
    if (!named && (request->frame.version >= 1 || ask->member_epoch != 0)) {
        return "MemberId can't be empty.";
    }
    if (ask->member_epoch < -2) {
        return "MemberEpoch is invalid.";
    }
    if (ask->member_epoch == -2 && ask->instance_id.p == NULL) {
        return "InstanceId can't be null.";
    }
    return ask->member_epoch == 0 ? entry_fault(ask) : NULL;
}

static bool owned_take(struct request *request,
                       const struct kmsg_consumer_group_heartbeat_request *ask,
                       struct group_event *event)
{
    size_t total = 0;
    if (ask->topic_partitions.count < 0) {
        return true;
    }
    for (int32_t i = 0; i < ask->topic_partitions.count; i++) {
        total += (size_t)ask->topic_partitions.items[i].partitions.count;
    }
    struct group_part *owned = arena_array(&request->arena, total, sizeof(*owned));
    for (int32_t i = 0; owned != NULL && i < ask->topic_partitions.count; i++) {
        for (int32_t p = 0; p < ask->topic_partitions.items[i].partitions.count; p++) {
            owned[event->consumer.owned_count++] = (struct group_part){
                ask->topic_partitions.items[i].topic_id,
                ask->topic_partitions.items[i].partitions.items[p]};
        }
    }
    event->consumer.owned = owned;
    return owned != NULL;
}

static bool event_take(struct request *request,
                       const struct kmsg_consumer_group_heartbeat_request *ask,
                       struct group_event *event)
{
    event->who = (struct group_who){ask->group_id, ask->member_id, ask->instance_id,
                                    ask->member_epoch};
    event->image = metadata_read(api_of(request)->metadata);
    event->consumer.client_id = request_keep(request, request->frame.client_id);
    event->consumer.client_host = group_client_host(request);
    event->consumer.rack_id = ask->rack_id;
    event->consumer.rebalance_ms = ask->rebalance_timeout_ms;
    event->consumer.pattern = ask->subscribed_topic_regex;
    event->consumer.assignor = ask->server_assignor;
    if (ask->subscribed_topic_names.count >= 0) {
        event->consumer.topics = ask->subscribed_topic_names.items;
        event->consumer.topic_count = (uint32_t)ask->subscribed_topic_names.count;
    }
    static const struct slice none[1];
    if (ask->subscribed_topic_names.count == 0) {
        event->consumer.topics = none;
    }
    return owned_take(request, ask, event);
}

bool group_consumer_on(const struct request *request)
{
    const struct api *api = api_of((struct request *)request);
    const struct meta_image *image = metadata_read(api->metadata);
    struct slice protocols = config_text(api->config, CONFIG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS);
    return meta_feature_level(image, slice_str("group.version")) >= 1 &&
           memmem(protocols.p, protocols.n, "consumer", strlen("consumer")) != NULL;
}

void api_consumer_group_heartbeat(struct request *request)
{
    struct kmsg_consumer_group_heartbeat_request ask;
    if (request->frame.body.n > GROUP_HEARTBEAT_BYTES_MAX) {
        refuse(
            request, KAFKA_INVALID_REQUEST,
            "The heartbeat has more than 1 MiB; subscribe to fewer topics, or by a regular expression.");
        return;
    }
    if (!group_decode(request, &ask)) {
        return;
    }
    if (!group_consumer_on(request)) {
        refuse(request, KAFKA_UNSUPPORTED_VERSION, NULL);
        return;
    }
    const char *why = fault(request, &ask);
    if (why != NULL) {
        refuse(request, KAFKA_INVALID_REQUEST, why);
        return;
    }
    struct regex_fault fault_found;
    if (ask.subscribed_topic_regex.n > 0) {
        err_t err = regex_check(request->arena.source, ask.subscribed_topic_regex, &fault_found);
        if (err != OK) {
            refuse(request, KAFKA_INVALID_REGULAR_EXPRESSION,
                   arena_printf(&request->arena,
                                "SubscribedTopicRegex is not a valid regular expression: %s.",
                                fault_found.text));
            return;
        }
    }
    struct group_event event = {.kind = GROUP_CONSUMER_HEARTBEAT};
    if (!event_take(request, &ask, &event)) {
        api_out_of_memory(request);
        return;
    }
    group_submit(request, &event, answer, NULL);
}
