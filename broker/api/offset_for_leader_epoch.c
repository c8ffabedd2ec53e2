/* OffsetForLeaderEpoch (KIP-101, KIP-320): where an epoch of leadership ended, so that readers see whether their history is
 * still the log's. */
#include "broker/api/api_internal.h"

#include "kmsg/offset_for_leader_epoch.h"

static void partition_tell(struct api *api, struct slice topic,
                           const struct kmsg_offset_for_leader_epoch_request_partition *from,
                           struct kmsg_offset_for_leader_epoch_response_partition *to)
{
    struct api_target target = api_find(api, UUID_NONE, topic, false, from->partition);
    to->partition = from->partition;
    if (target.error == KAFKA_NONE) {
        target.error = partition_epoch_end(target.partition, from->current_leader_epoch,
                                           from->leader_epoch, &to->leader_epoch, &to->end_offset);
        partition_drop(target.partition);
    }
    to->error_code = (int16_t)target.error;
    if (target.error != KAFKA_NONE) {
        to->leader_epoch = -1;
        to->end_offset = -1;
    }
}

static bool topic_tell(struct request *request,
                       const struct kmsg_offset_for_leader_epoch_request_topic *from,
                       struct kmsg_offset_for_leader_epoch_response_topic *to)
{
    to->topic = from->topic;
    to->partitions.items = kmsg_offset_for_leader_epoch_response_partition_array(
        &request->arena, from->partitions.count);
    if (to->partitions.items == NULL) {
        return false;
    }
    to->partitions.count = from->partitions.count;
    for (int32_t i = 0; i < from->partitions.count; i++) {
        partition_tell(api_of(request), from->topic, &from->partitions.items[i],
                       &to->partitions.items[i]);
    }
    return true;
}

void api_offset_for_leader_epoch(struct request *request)
{
    struct kmsg_offset_for_leader_epoch_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    struct kmsg_offset_for_leader_epoch_response response;
    kmsg_offset_for_leader_epoch_response_init(&response);
    response.topics.items = kmsg_offset_for_leader_epoch_response_topic_array(&request->arena,
                                                                              ask.topics.count);
    bool told = response.topics.items != NULL;
    response.topics.count = told ? ask.topics.count : 0;
    for (int32_t i = 0; told && i < ask.topics.count; i++) {
        told = topic_tell(request, &ask.topics.items[i], &response.topics.items[i]);
    }
    if (told) {
        request_answer(request, &response);
    } else {
        api_out_of_memory(request);
    }
}
