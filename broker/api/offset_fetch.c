/*
 * OffsetFetch: one group up to version 7, any number from 8 on; topics by name up to 9, by id from 10 on. It leaves when all
 * that it tells is committed. There are no transactions yet, so require_stable changes nothing.
 */
#include "broker/api/group_ops.h"

#include "kmsg/offset_fetch.h"

/* Questions and answers are held in the newest shape; older versions are turned into it and back. */
struct fetching {
    struct kmsg_offset_fetch_request ask;
    struct coord_offsets *offsets; /* of each group */
};

static bool by_id(const struct group_ops *ops)
{
    return ops->request->frame.version >= 10;
}

/* ---- the answer ---- */

/* The next topic of the answer, with room for so many partitions; NULL: out of memory. */
static struct kmsg_offset_fetch_response_group_topic *add_topic(
    struct group_ops *ops, struct kmsg_offset_fetch_response_group *to, struct slice name,
    struct uuid id, int32_t room)
{
    struct kmsg_offset_fetch_response_group_topic *topic = &to->topics.items[to->topics.count++];
    topic->name = by_id(ops) ? slice_of("", 0) : name;
    topic->topic_id = by_id(ops) ? id : (struct uuid){0};
    topic->partitions.items = kmsg_offset_fetch_response_group_topic_partition_array(
        &ops->request->arena, room);
    return topic->partitions.items == NULL ? NULL : topic;
}

static void add_partition(struct kmsg_offset_fetch_response_group_topic *topic,
                          const struct coord_offset *offset, enum kafka_error error)
{
    struct kmsg_offset_fetch_response_group_topic_partition *p =
        &topic->partitions.items[topic->partitions.count++];
    p->partition_index = offset->partition;
    p->committed_offset = error == KAFKA_NONE ? offset->offset : -1;
    p->committed_leader_epoch = error == KAFKA_NONE ? offset->leader_epoch : -1;
    p->metadata = offset->metadata.p == NULL ? slice_of("", 0) : offset->metadata;
    p->error_code = (int16_t)error;
}

/* How many of these that follow are of the same topic. */
static int32_t run_length(const struct coord_offsets *offsets, uint32_t i)
{
    uint32_t end = i;
    while (end < offsets->count && slice_eq(offsets->items[end].topic, offsets->items[i].topic)) {
        end++;
    }
    return (int32_t)(end - i);
}

static bool group_tell(struct group_ops *ops, uint32_t i,
                       struct kmsg_offset_fetch_response_group *to)
{
    const struct fetching *fetching = ops->ctx;
    const struct coord_offsets *offsets = &fetching->offsets[i];
    to->group_id = fetching->ask.groups.items[i].group_id;
    to->error_code = (int16_t)ops->items[i].call.group.error;
    if (to->error_code != KAFKA_NONE) {
        return true;
    }
    to->topics.items = kmsg_offset_fetch_response_group_topic_array(&ops->request->arena,
                                                                    (int32_t)offsets->count);
    if (to->topics.items == NULL) {
        return false;
    }
    for (uint32_t k = 0; k < offsets->count;) {
        int32_t n = run_length(offsets, k);
        struct uuid id = offsets->items[k].topic_id;
        if (by_id(ops) && uuid_is_none(id)) {
            k += (uint32_t)n; /* by id, a topic that is not there any more cannot be told */
            continue;
        }
        struct kmsg_offset_fetch_response_group_topic *added = add_topic(
            ops, to, offsets->items[k].topic, id, n);
        if (added == NULL) {
            return false;
        }
        for (uint32_t end = k + (uint32_t)n; k < end; k++) {
            add_partition(added, &offsets->items[k], KAFKA_NONE);
        }
    }
    return true;
}

/* Ids that nobody knows: each partition is told so. */
static bool unknown_tell(struct group_ops *ops, uint32_t i,
                         struct kmsg_offset_fetch_response_group *to)
{
    const struct fetching *fetching = ops->ctx;
    const struct kmsg_offset_fetch_request_group *ask = &fetching->ask.groups.items[i];
    struct kmsg_offset_fetch_response_group_topic *old = to->topics.items;
    int32_t told = to->topics.count;
    if (!by_id(ops) || ask->topics.count <= 0 || to->error_code != KAFKA_NONE) {
        return true;
    }
    to->topics.items = kmsg_offset_fetch_response_group_topic_array(&ops->request->arena,
                                                                    told + ask->topics.count);
    if (to->topics.items == NULL) {
        return false;
    }
    if (told > 0) {
        memcpy(to->topics.items, old, (size_t)told * sizeof(*old));
    }
    for (int32_t t = 0; t < ask->topics.count; t++) {
        const struct kmsg_offset_fetch_request_group_topic *topic = &ask->topics.items[t];
        if (topic->name.n > 0) {
            continue;
        }
        struct kmsg_offset_fetch_response_group_topic *added = add_topic(
            ops, to, slice_of("", 0), topic->topic_id, topic->partition_indexes.count);
        for (int32_t p = 0; added != NULL && p < topic->partition_indexes.count; p++) {
            struct coord_offset none = {.partition = topic->partition_indexes.items[p]};
            add_partition(added, &none, KAFKA_UNKNOWN_TOPIC_ID);
        }
        if (added == NULL) {
            return false;
        }
    }
    return true;
}

/* Up to version 7: the one group's topics stand at the top, and so does its error. */
static bool old_tell(struct group_ops *ops, struct kmsg_offset_fetch_response *response)
{
    const struct fetching *fetching = ops->ctx;
    struct arena *arena = &ops->request->arena;
    const struct coord_offsets *offsets = &fetching->offsets[0];
    enum kafka_error error = ops->items[0].call.group.error;
    response->error_code = (int16_t)error;
    if (error != KAFKA_NONE && ops->request->frame.version >= 2) {
        return true;
    }
    response->topics.items = kmsg_offset_fetch_response_topic_array(arena, (int32_t)offsets->count);
    if (response->topics.items == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < offsets->count;) {
        int32_t n = run_length(offsets, i);
        struct kmsg_offset_fetch_response_topic *to =
            &response->topics.items[response->topics.count++];
        to->name = offsets->items[i].topic;
        to->partitions.items = kmsg_offset_fetch_response_partition_array(arena, n);
        if (to->partitions.items == NULL) {
            return false;
        }
        for (; to->partitions.count < n; i++) {
            struct kmsg_offset_fetch_response_partition *p =
                &to->partitions.items[to->partitions.count++];
            p->partition_index = offsets->items[i].partition;
            p->committed_offset = error == KAFKA_NONE ? offsets->items[i].offset : -1;
            p->committed_leader_epoch = error == KAFKA_NONE ? offsets->items[i].leader_epoch : -1;
            p->metadata = error == KAFKA_NONE ? offsets->items[i].metadata : slice_of("", 0);
            p->error_code = (int16_t)error;
        }
    }
    return true;
}

static void answer(struct group_ops *ops)
{
    struct request *request = ops->request;
    struct kmsg_offset_fetch_response response;
    kmsg_offset_fetch_response_init(&response);
    bool ok = true;
    if (request->frame.version < 8) {
        ok = old_tell(ops, &response);
    } else {
        response.groups.items = kmsg_offset_fetch_response_group_array(&request->arena,
                                                                       (int32_t)ops->count);
        ok = response.groups.items != NULL;
        for (uint32_t i = 0; ok && i < ops->count; i++) {
            response.groups.count++;
            ok = group_tell(ops, i, &response.groups.items[i]) &&
                 unknown_tell(ops, i, &response.groups.items[i]);
        }
    }
    if (ok) {
        request_answer(request, &response);
    } else {
        api_out_of_memory(request);
    }
}

/* ---- the question ---- */

static bool lift(struct request *request, struct kmsg_offset_fetch_request *ask)
{
    if (request->frame.version >= 8) {
        return true;
    }
    struct kmsg_offset_fetch_request_group *group = kmsg_offset_fetch_request_group_array(
        &request->arena, 1);
    int32_t count = ask->topics.count;
    if (group == NULL) {
        return false;
    }
    ask->groups.items = group;
    ask->groups.count = 1;
    group->group_id = ask->group_id;
    group->topics.count = count;
    if (count < 0) {
        return true; /* all topics */
    }
    group->topics.items = kmsg_offset_fetch_request_group_topic_array(&request->arena, count);
    for (int32_t i = 0; group->topics.items != NULL && i < count; i++) {
        group->topics.items[i].name = ask->topics.items[i].name;
        group->topics.items[i].partition_indexes = ask->topics.items[i].partition_indexes;
    }
    return group->topics.items != NULL;
}

/* Topics are looked up once: another image may be there when the answer comes. By id they get their names; nameless ones are not there. */
static bool offsets_of(struct request *request, struct kmsg_offset_fetch_request_group *group,
                       struct coord_offsets *to)
{
    const struct meta_image *image = metadata_read(api_of(request)->metadata);
    bool by_id = request->frame.version >= 10;
    size_t total = 0;
    to->image = image;
    if (group->topics.count < 0) {
        return true;
    }
    for (int32_t i = 0; i < group->topics.count; i++) {
        total += (size_t)group->topics.items[i].partition_indexes.count;
    }
    to->items = arena_array(&request->arena, total, sizeof(*to->items));
    for (int32_t i = 0; to->items != NULL && i < group->topics.count; i++) {
        struct kmsg_offset_fetch_request_group_topic *from = &group->topics.items[i];
        const struct meta_topic *topic = by_id ? meta_topic(image, from->topic_id)
                                               : meta_topic_named(image, from->name);
        if (by_id && topic == NULL) {
            continue;
        }
        if (by_id && !arena_copy(&request->arena, meta_topic_name(topic), &from->name)) {
            return false;
        }
        for (int32_t p = 0; p < from->partition_indexes.count; p++) {
            to->items[to->count++] = (struct coord_offset){
                .topic = from->name,
                .topic_id = topic == NULL ? UUID_NONE : meta_topic_id(topic),
                .partition = from->partition_indexes.items[p]};
        }
    }
    return to->items != NULL;
}

void api_offset_fetch(struct request *request)
{
    struct fetching *fetching = ARENA_NEW(&request->arena, struct fetching);
    if (fetching == NULL) {
        api_out_of_memory(request);
        return;
    }
    if (!group_decode(request, &fetching->ask)) {
        return;
    }
    if (!lift(request, &fetching->ask)) {
        api_out_of_memory(request);
        return;
    }
    uint32_t count = (uint32_t)fetching->ask.groups.count;
    fetching->offsets = arena_array(&request->arena, count, sizeof(*fetching->offsets));
    bool ok = fetching->offsets != NULL;
    for (uint32_t i = 0; ok && i < count; i++) {
        fetching->offsets[i].member_id = fetching->ask.groups.items[i].member_id;
        fetching->offsets[i].epoch = fetching->ask.groups.items[i].member_epoch;
        ok = offsets_of(request, &fetching->ask.groups.items[i], &fetching->offsets[i]);
    }
    if (!ok) {
        api_out_of_memory(request);
        return;
    }
    struct group_ops *ops = group_ops_new(request, count, answer, fetching);
    if (ops == NULL) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct slice group = fetching->ask.groups.items[i].group_id;
        struct coord_call *call = &ops->items[i].call;
        bool at_once = true;
        if (group.n == 0) {
            call->group.error = KAFKA_INVALID_GROUP_ID;
        } else {
            at_once = coord_fetch_offsets(api_of(request)->coords, call, group, &request->arena,
                                          &fetching->offsets[i]);
        }
        group_op_began(&ops->items[i], at_once);
    }
    group_ops_go(ops);
}
