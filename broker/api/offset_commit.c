/*
 * OffsetCommit. What can be told without the coordinator (topics and partitions that are not there, notes that are too long)
 * is refused here, partition by partition; the rest goes to the coordinator as one commit.
 */
#include "broker/api/group_ops.h"

#include "kmsg/offset_commit.h"

struct commit {
    struct kmsg_offset_commit_response response;
    struct group_offset_item *items;
    int16_t **errors; /* where the answer of each item goes */
    uint32_t count;
};

static void answer(struct group_ops *ops)
{
    struct commit *commit = ops->ctx;
    for (uint32_t i = 0; i < commit->count; i++) {
        *commit->errors[i] = (int16_t)ops->items[0].call.group.error;
    }
    request_answer(ops->request, &commit->response);
}

static enum kafka_error check(const struct api *api, const struct meta_topic *topic, bool by_id,
                              const struct kmsg_offset_commit_request_partition *p)
{
    if (topic == NULL) {
        return by_id ? KAFKA_UNKNOWN_TOPIC_ID : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (meta_partition(topic, p->partition_index) == NULL) {
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    }
    return (int64_t)p->committed_metadata.n >
                   config_int(api->config, CONFIG_OFFSET_METADATA_MAX_BYTES)
               ? KAFKA_OFFSET_METADATA_TOO_LARGE
               : KAFKA_NONE;
}

static bool topic_take(struct request *request, const struct kmsg_offset_commit_request_topic *from,
                       struct kmsg_offset_commit_response_topic *to, struct commit *commit)
{
    const struct api *api = api_of(request);
    const struct meta_image *image = metadata_read(api->metadata);
    bool by_id = request->frame.version >= 10;
    const struct meta_topic *topic = by_id ? meta_topic(image, from->topic_id)
                                           : meta_topic_named(image, from->name);
    struct slice name = topic == NULL ? from->name : meta_topic_name(topic);
    to->name = from->name;
    to->topic_id = from->topic_id;
    to->partitions.items = kmsg_offset_commit_response_partition_array(&request->arena,
                                                                       from->partitions.count);
    if (to->partitions.items == NULL || !arena_copy(&request->arena, name, &name)) {
        return false;
    }
    to->partitions.count = from->partitions.count;
    for (int32_t i = 0; i < from->partitions.count; i++) {
        const struct kmsg_offset_commit_request_partition *p = &from->partitions.items[i];
        enum kafka_error error = check(api, topic, by_id, p);
        to->partitions.items[i].partition_index = p->partition_index;
        to->partitions.items[i].error_code = (int16_t)error;
        if (error == KAFKA_NONE) {
            commit->errors[commit->count] = &to->partitions.items[i].error_code;
            commit->items[commit->count++] = (struct group_offset_item){
                .topic = name,
                .partition = p->partition_index,
                .offset = p->committed_offset,
                .leader_epoch = p->committed_leader_epoch,
                .metadata = p->committed_metadata,
                .topic_id = meta_topic_id(topic),
            };
        }
    }
    return true;
}

static struct commit *commit_of(struct request *request,
                                const struct kmsg_offset_commit_request *ask)
{
    struct commit *commit = ARENA_NEW(&request->arena, struct commit);
    size_t total = 0;
    for (int32_t i = 0; i < ask->topics.count; i++) {
        total += (size_t)ask->topics.items[i].partitions.count;
    }
    if (commit == NULL) {
        return NULL;
    }
    kmsg_offset_commit_response_init(&commit->response);
    commit->items = arena_array(&request->arena, total, sizeof(*commit->items));
    commit->errors = arena_array(&request->arena, total, sizeof(*commit->errors));
    commit->response.topics.items = kmsg_offset_commit_response_topic_array(&request->arena,
                                                                            ask->topics.count);
    bool ok = commit->items != NULL && commit->errors != NULL &&
              commit->response.topics.items != NULL;
    for (int32_t i = 0; ok && i < ask->topics.count; i++) {
        commit->response.topics.count++;
        ok = topic_take(request, &ask->topics.items[i], &commit->response.topics.items[i], commit);
    }
    return ok ? commit : NULL;
}

void api_offset_commit(struct request *request)
{
    struct kmsg_offset_commit_request ask;
    if (!group_decode(request, &ask)) {
        return;
    }
    struct commit *commit = commit_of(request, &ask);
    if (commit == NULL) {
        api_out_of_memory(request);
        return;
    }
    if (ask.group_id.n == 0) {
        for (uint32_t i = 0; i < commit->count; i++) {
            *commit->errors[i] = KAFKA_INVALID_GROUP_ID;
        }
        commit->count = 0;
    }
    if (commit->count == 0) {
        request_answer(request, &commit->response);
        return;
    }
    struct group_event event = {.kind = GROUP_COMMIT};
    event.who = (struct group_who){ask.group_id, ask.member_id, ask.group_instance_id,
                                   ask.generation_id_or_member_epoch};
    event.image = metadata_read(api_of(request)->metadata);
    event.commit.old = request->frame.version < 9;
    event.commit.items = commit->items;
    event.commit.count = commit->count;
    time_ms wall_ms = api_wall_ms(api_of(request));
    event.commit.expire_ms = ask.retention_time_ms >= 0
                                 ? wall_ms + min_i64(ask.retention_time_ms, INT64_MAX - wall_ms)
                                 : -1;
    event.commit.unknown_group = request->frame.version >= 9 ? KAFKA_GROUP_ID_NOT_FOUND
                                                             : KAFKA_ILLEGAL_GENERATION;
    group_submit(request, &event, answer, commit);
}
