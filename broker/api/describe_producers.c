/* DescribeProducers (KIP-664): who writes to partitions that are hosted here, led or not. */
#include "broker/api/api_internal.h"

#include "kmsg/describe_producers.h"

#define PAGE 64

typedef struct kmsg_describe_producers_response_active_producer told_producer;

/* Room for `more` of them; it doubles, in the arena. */
static bool room_take(struct arena *arena, int32_t more, int32_t *room,
                      struct kmsg_describe_producers_response_partition *to)
{
    int32_t count = to->active_producers.count;
    assert(more >= 0 && count >= 0 && count <= *room);
    if (count + more <= *room) {
        return true;
    }
    int32_t larger = (int32_t)max_i64(count + more, (int64_t)*room * 2);
    told_producer *items = kmsg_describe_producers_response_active_producer_array(arena, larger);
    if (items == NULL) {
        return false;
    }
    for (int32_t i = 0; i < count; i++) {
        items[i] = to->active_producers.items[i];
    }
    to->active_producers.items = items;
    *room = larger;
    return true;
}

static bool producers_tell(struct arena *arena, struct partition *partition,
                           struct kmsg_describe_producers_response_partition *to)
{
    struct partition_producer page[PAGE];
    uint32_t at = 0;
    uint32_t count = PAGE;
    int32_t room = 0;
    while (count == PAGE) {
        enum kafka_error error = partition_producers(partition, &at, PAGE, page, &count);
        if (error != KAFKA_NONE) {
            to->error_code = (int16_t)error;
            to->active_producers.count = 0;
            return true;
        }
        if (!room_take(arena, (int32_t)count, &room, to)) {
            return false;
        }
        assert(count <= PAGE && to->active_producers.count + (int32_t)count <= room);
        for (uint32_t i = 0; i < count; i++) {
            told_producer *one = &to->active_producers.items[to->active_producers.count++];
            one->producer_id = page[i].id;
            one->producer_epoch = page[i].epoch;
            one->last_sequence = page[i].last_sequence;
            one->last_timestamp = page[i].last_timestamp_ms;
            one->coordinator_epoch = page[i].coordinator_epoch;
            one->current_txn_start_offset = page[i].txn_first_offset;
        }
    }
    return true;
}

static bool partition_tell(struct request *request, struct slice topic, int32_t index,
                           struct kmsg_describe_producers_response_partition *to)
{
    struct api_target target = api_find(api_of(request), UUID_NONE, topic, false, index);
    to->partition_index = index;
    to->error_code = (int16_t)target.error;
    if (target.partition == NULL) {
        return true;
    }
    bool told = producers_tell(&request->arena, target.partition, to);
    partition_drop(target.partition);
    return told;
}

static bool topic_tell(struct request *request,
                       const struct kmsg_describe_producers_request_topic *from,
                       struct kmsg_describe_producers_response_topic *to)
{
    int32_t count = from->partition_indexes.count;
    to->name = from->name;
    to->partitions.items = kmsg_describe_producers_response_partition_array(&request->arena, count);
    if (to->partitions.items == NULL) {
        return false;
    }
    for (int32_t i = 0; i < count; i++) {
        if (!partition_tell(request, from->name, from->partition_indexes.items[i],
                            &to->partitions.items[to->partitions.count++])) {
            return false;
        }
    }
    return true;
}

void api_describe_producers(struct request *request)
{
    struct kmsg_describe_producers_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    struct kmsg_describe_producers_response response;
    kmsg_describe_producers_response_init(&response);
    response.topics.items = kmsg_describe_producers_response_topic_array(&request->arena,
                                                                         ask.topics.count);
    bool told = response.topics.items != NULL;
    for (int32_t t = 0; told && t < ask.topics.count; t++) {
        told = topic_tell(request, &ask.topics.items[t],
                          &response.topics.items[response.topics.count++]);
    }
    if (told) {
        request_answer(request, &response);
    } else {
        api_out_of_memory(request);
    }
}
