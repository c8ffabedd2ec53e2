/* OffsetDelete (KIP-496): a group forgets partitions, unless it reads their topic. */
#include "broker/api/group_ops.h"

#include "kmsg/offset_delete.h"

struct deletion {
    struct kmsg_offset_delete_response response;
    struct group_offset_gone *items;
    int16_t **errors;
    uint32_t count;
};

static void answer(struct group_ops *ops)
{
    struct deletion *deletion = ops->ctx;
    enum kafka_error error = ops->items[0].call.group.error;
    for (uint32_t i = 0; error == KAFKA_NONE && i < deletion->count; i++) {
        *deletion->errors[i] = (int16_t)deletion->items[i].error;
    }
    if (error != KAFKA_NONE) {
        deletion->response.topics.count = 0;
    }
    deletion->response.error_code = (int16_t)error;
    request_answer(ops->request, &deletion->response);
}

static bool topic_take(struct request *request, const struct kmsg_offset_delete_request_topic *from,
                       struct kmsg_offset_delete_response_topic *to, struct deletion *deletion)
{
    const struct meta_image *image = metadata_read(api_of(request)->metadata);
    const struct meta_topic *topic = meta_topic_named(image, from->name);
    to->name = from->name;
    to->partitions.items = kmsg_offset_delete_response_partition_array(&request->arena,
                                                                       from->partitions.count);
    if (to->partitions.items == NULL) {
        return false;
    }
    to->partitions.count = from->partitions.count;
    for (int32_t i = 0; i < from->partitions.count; i++) {
        int32_t index = from->partitions.items[i].partition_index;
        to->partitions.items[i].partition_index = index;
        if (topic == NULL || meta_partition(topic, index) == NULL) {
            to->partitions.items[i].error_code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
            continue;
        }
        deletion->errors[deletion->count] = &to->partitions.items[i].error_code;
        deletion->items[deletion->count++] = (struct group_offset_gone){.topic = from->name,
                                                                        .partition = index};
    }
    return true;
}

static struct deletion *deletion_of(struct request *request,
                                    const struct kmsg_offset_delete_request *ask)
{
    struct deletion *deletion = ARENA_NEW(&request->arena, struct deletion);
    size_t total = 0;
    for (int32_t i = 0; i < ask->topics.count; i++) {
        total += (size_t)ask->topics.items[i].partitions.count;
    }
    if (deletion == NULL) {
        return NULL;
    }
    kmsg_offset_delete_response_init(&deletion->response);
    deletion->items = arena_array(&request->arena, total, sizeof(*deletion->items));
    deletion->errors = arena_array(&request->arena, total, sizeof(*deletion->errors));
    deletion->response.topics.items = kmsg_offset_delete_response_topic_array(&request->arena,
                                                                              ask->topics.count);
    bool ok = deletion->items != NULL && deletion->errors != NULL &&
              deletion->response.topics.items != NULL;
    for (int32_t i = 0; ok && i < ask->topics.count; i++) {
        deletion->response.topics.count++;
        ok = topic_take(request, &ask->topics.items[i], &deletion->response.topics.items[i],
                        deletion);
    }
    return ok ? deletion : NULL;
}

void api_offset_delete(struct request *request)
{
    struct kmsg_offset_delete_request ask;
    if (!group_decode(request, &ask)) {
        return;
    }
    struct deletion *deletion = deletion_of(request, &ask);
    if (deletion == NULL) {
        api_out_of_memory(request);
        return;
    }
    if (ask.group_id.n == 0) {
        deletion->response.error_code = KAFKA_INVALID_GROUP_ID;
        deletion->response.topics.count = 0;
        request_answer(request, &deletion->response);
        return;
    }
    struct group_event event = {.kind = GROUP_DELETE_OFFSETS};
    event.who.group = ask.group_id;
    event.delete_offsets.items = deletion->items;
    event.delete_offsets.count = deletion->count;
    group_submit(request, &event, answer, deletion);
}
