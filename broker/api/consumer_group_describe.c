/* ConsumerGroupDescribe (KIP-848): epochs, members, what they read and what they are to read. */
#include "broker/api/group_ops.h"

#include "kmsg/consumer_group_describe.h"

struct describing {
    struct kmsg_consumer_group_describe_request ask;
    struct coord_consumer_description *descriptions;
};

typedef struct kmsg_consumer_group_describe_response_topic_partitions told_topic;

/* By topic; topics that are not there any more are left out. */
static bool parts_tell(struct request *request, const struct group_part *parts, uint32_t count,
                       struct kmsg_consumer_group_describe_response_assignment *to)
{
    struct arena *arena = &request->arena;
    const struct meta_image *image = metadata_read(api_of(request)->metadata);
    told_topic *topics = kmsg_consumer_group_describe_response_topic_partitions_array(
        arena, (int32_t)count);
    int32_t *numbers = arena_array(arena, count, sizeof(*numbers));
    if (topics == NULL || numbers == NULL) {
        return false;
    }
    to->topic_partitions.items = topics;
    to->topic_partitions.count = 0;
    const struct meta_topic *topic = NULL;
    for (uint32_t i = 0; i < count; i++) {
        bool another = i == 0 || !uuid_eq(parts[i].topic, parts[i - 1].topic);
        topic = another ? meta_topic(image, parts[i].topic) : topic;
        if (topic == NULL) {
            continue;
        }
        if (another) {
            told_topic *told = &topics[to->topic_partitions.count++];
            told->topic_id = parts[i].topic;
            told->topic_name = meta_topic_name(topic);
            told->partitions.items = &numbers[i];
        }
        numbers[i] = parts[i].partition;
        topics[to->topic_partitions.count - 1].partitions.count++;
    }
    return true;
}

static bool member_tell(struct request *request, const struct coord_consumer_member *m,
                        struct kmsg_consumer_group_describe_response_member *to)
{
    to->member_id = m->id;
    to->instance_id = m->instance_id;
    to->rack_id = m->rack_id;
    to->member_epoch = m->epoch;
    to->client_id = m->client_id;
    to->client_host = m->client_host;
    to->subscribed_topic_names.items = (struct slice *)(uintptr_t)m->topics;
    to->subscribed_topic_names.count = (int32_t)m->topic_count;
    to->subscribed_topic_regex = m->pattern.n > 0 ? m->pattern : slice_of("", 0);
    to->member_type = m->classic ? 0 : 1;
    return parts_tell(request, m->assigned, m->assigned_count, &to->assignment) &&
           parts_tell(request, m->target, m->target_count, &to->target_assignment);
}

static bool tell(struct request *request, const struct describing *describing, uint32_t i,
                 enum kafka_error error, struct kmsg_consumer_group_describe_response_group *to)
{
    const struct coord_consumer_description *d = &describing->descriptions[i];
    to->group_id = describing->ask.group_ids.items[i];
    to->error_code = (int16_t)error;
    if (error == KAFKA_GROUP_ID_NOT_FOUND) {
        to->error_message = slice_str(arena_printf(
            &request->arena, "Group %.*s %s.", (int)to->group_id.n, (const char *)to->group_id.p,
            d->other_kind ? "is not a consumer group" : "not found"));
    }
    if (error != KAFKA_NONE) {
        return true;
    }
    if (describing->ask.include_authorized_operations) {
        to->authorized_operations = OPERATIONS_GROUP;
    }
    to->group_state = d->state;
    to->group_epoch = d->epoch;
    to->assignment_epoch = d->target_epoch;
    to->assignor_name = d->assignor;
    to->members.items = kmsg_consumer_group_describe_response_member_array(
        &request->arena, (int32_t)d->member_count);
    bool ok = to->members.items != NULL;
    for (uint32_t m = 0; ok && m < d->member_count; m++) {
        ok = member_tell(request, &d->members[m], &to->members.items[to->members.count++]);
    }
    return ok;
}

static void answer(struct group_ops *ops)
{
    const struct describing *describing = ops->ctx;
    struct request *request = ops->request;
    struct kmsg_consumer_group_describe_response response;
    kmsg_consumer_group_describe_response_init(&response);
    response.groups.items = kmsg_consumer_group_describe_response_group_array(&request->arena,
                                                                              (int32_t)ops->count);
    bool ok = response.groups.items != NULL;
    for (uint32_t i = 0; ok && i < ops->count; i++) {
        response.groups.count++;
        ok = tell(request, describing, i, ops->items[i].call.group.error,
                  &response.groups.items[i]);
    }
    if (ok) {
        request_answer(request, &response);
    } else {
        api_out_of_memory(request);
    }
}

void api_consumer_group_describe(struct request *request)
{
    struct describing *describing = ARENA_NEW(&request->arena, struct describing);
    if (describing == NULL) {
        api_out_of_memory(request);
        return;
    }
    if (!group_decode(request, &describing->ask)) {
        return;
    }
    bool on = group_consumer_on(request);
    uint32_t count = (uint32_t)describing->ask.group_ids.count;
    describing->descriptions = arena_array(&request->arena, count,
                                           sizeof(*describing->descriptions));
    struct group_ops *ops = group_ops_new(request, count, answer, describing);
    if (ops == NULL) {
        return;
    }
    if (describing->descriptions == NULL) {
        api_out_of_memory(request);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct coord_call *call = &ops->items[i].call;
        struct slice group = describing->ask.group_ids.items[i];
        bool at_once = true;
        if (!on || group.n == 0) {
            call->group.error = on ? KAFKA_INVALID_GROUP_ID : KAFKA_UNSUPPORTED_VERSION;
        } else {
            at_once = coord_describe_consumer(api_of(request)->coords, call, group, &request->arena,
                                              &describing->descriptions[i]);
        }
        group_op_began(&ops->items[i], at_once);
    }
    group_ops_go(ops);
}
