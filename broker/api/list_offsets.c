/* ListOffsets (KIP-79, KIP-207, KIP-320, KIP-734): offsets by meaning at once, by time from the pool. */
#include "broker/api/api_internal.h"

#include "kmsg/list_offsets.h"

#define EARLIEST_LOCAL_SINCE 8 /* KIP-405 */
#define MAX_TIMESTAMP_SINCE  7

struct lookup;

struct lookup_item {
    struct lookup *lookup;
    struct offset_question question;
    struct partition *partition;
    struct kmsg_list_offsets_response_partition *to;
};

struct lookup {
    struct request *request;
    struct kmsg_list_offsets_response response;
    struct lookup_item *items;
    size_t item_count;
    size_t waiting;
    bool parked;
};

static enum kafka_error error_in_version(enum kafka_error error, int16_t version)
{
    return error == KAFKA_OFFSET_NOT_AVAILABLE && version < 5 ? KAFKA_LEADER_NOT_AVAILABLE : error;
}

static void answer_item(struct lookup_item *item)
{
    const struct offset_question *question = &item->question;
    int16_t version = item->lookup->request->frame.version;
    assert(item->partition != NULL && item->to != NULL);
    item->to->error_code = (int16_t)error_in_version(question->error, version);
    if (question->error == KAFKA_NONE) {
        item->to->offset = question->offset;
        item->to->timestamp = question->found_timestamp_ms;
        item->to->leader_epoch = version >= 4 ? question->leader_epoch : -1;
    }
    partition_drop(item->partition);
    item->partition = NULL;
}

static void on_found(struct mail *mail)
{
    struct offset_question *question = CONTAINER_OF(mail, struct offset_question, mail);
    struct lookup_item *item = CONTAINER_OF(question, struct lookup_item, question);
    struct lookup *lookup = item->lookup;
    answer_item(item);
    assert(lookup->waiting > 0);
    if (--lookup->waiting == 0 && lookup->parked) {
        request_answer(lookup->request, &lookup->response);
    }
}

/* Look-ups on the pool cannot be called back; the last one ends the request. */
static void on_gone(struct request *request)
{
    const struct lookup *lookup = request->state;
    assert(lookup->waiting > 0);
}

static bool timestamp_known(int64_t timestamp, int16_t version)
{
    return timestamp >= OFFSET_EARLIEST ||
           (timestamp == OFFSET_MAX_TIMESTAMP && version >= MAX_TIMESTAMP_SINCE) ||
           (timestamp == OFFSET_EARLIEST_LOCAL && version >= EARLIEST_LOCAL_SINCE);
}

/* Whatever lies on other tiers: nothing does, so there is no such offset. */
static bool timestamp_tiered(int64_t timestamp, int16_t version)
{
    return (timestamp == -5 && version >= 9) || (timestamp == -6 && version >= 11);
}

static void partition_do(struct lookup_item *item, struct slice topic,
                         const struct kmsg_list_offsets_request_partition *from, bool committed)
{
    struct lookup *lookup = item->lookup;
    struct request *request = lookup->request;
    item->to->partition_index = from->partition_index;
    struct api_target target = api_find(api_of(request), UUID_NONE, topic, false,
                                        from->partition_index);
    bool tiered = timestamp_tiered(from->timestamp, request->frame.version);
    if (target.error == KAFKA_NONE && !tiered &&
        !timestamp_known(from->timestamp, request->frame.version)) {
        target.error = KAFKA_UNSUPPORTED_VERSION;
    }
    if (target.error != KAFKA_NONE || tiered) {
        item->to->error_code = (int16_t)target.error;
        if (target.partition != NULL) {
            partition_drop(target.partition);
        }
        return;
    }
    item->partition = target.partition;
    item->question = (struct offset_question){.mail = {.deliver = on_found},
                                              .loop = request->edge->loop,
                                              .current_leader_epoch = from->current_leader_epoch,
                                              .timestamp_ms = from->timestamp,
                                              .committed = committed};
    lookup->waiting++;
    if (partition_find_offset(target.partition, &item->question)) {
        lookup->waiting--;
        answer_item(item);
    }
}

static struct lookup *lookup_new(struct request *request,
                                 const struct kmsg_list_offsets_request *ask)
{
    struct arena *arena = &request->arena;
    struct lookup *lookup = ARENA_NEW(arena, struct lookup);
    size_t count = 0;
    for (int32_t t = 0; t < ask->topics.count; t++) {
        count += (size_t)ask->topics.items[t].partitions.count;
    }
    if (lookup == NULL) {
        return NULL;
    }
    lookup->request = request;
    kmsg_list_offsets_response_init(&lookup->response);
    lookup->items = arena_array(arena, count, sizeof(struct lookup_item));
    lookup->response.topics.items = kmsg_list_offsets_response_topic_array(arena,
                                                                           ask->topics.count);
    if (lookup->items == NULL || lookup->response.topics.items == NULL) {
        return NULL;
    }
    lookup->response.topics.count = ask->topics.count;
    for (int32_t t = 0; t < ask->topics.count; t++) {
        struct kmsg_list_offsets_response_topic *to = &lookup->response.topics.items[t];
        int32_t partitions = ask->topics.items[t].partitions.count;
        to->name = request_keep(request, ask->topics.items[t].name);
        to->partitions.items = kmsg_list_offsets_response_partition_array(arena, partitions);
        if (to->partitions.items == NULL) {
            return NULL;
        }
        to->partitions.count = partitions;
    }
    return lookup;
}

void api_list_offsets(struct request *request)
{
    struct kmsg_list_offsets_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    struct lookup *lookup = lookup_new(request, &ask);
    if (lookup == NULL) {
        api_out_of_memory(request);
        return;
    }
    for (int32_t t = 0; t < ask.topics.count; t++) {
        const struct kmsg_list_offsets_request_topic *topic = &ask.topics.items[t];
        for (int32_t i = 0; i < topic->partitions.count; i++) {
            struct lookup_item *item = &lookup->items[lookup->item_count++];
            item->lookup = lookup;
            item->to = &lookup->response.topics.items[t].partitions.items[i];
            partition_do(item, topic->name, &topic->partitions.items[i], ask.isolation_level == 1);
        }
    }
    if (lookup->waiting == 0) {
        request_answer(request, &lookup->response);
    } else {
        lookup->parked = true;
        request->state = lookup;
        request->gone = on_gone;
    }
}
