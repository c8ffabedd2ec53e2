/* SyncGroup: the leader hands in, everybody gets its part (KIP-345, KIP-559). */
#include "broker/api/group_ops.h"

#include "kmsg/sync_group.h"

static void refuse(struct request *request, enum kafka_error error)
{
    struct kmsg_sync_group_response response;
    kmsg_sync_group_response_init(&response);
    response.error_code = (int16_t)error;
    request_answer(request, &response);
}

static void answer(struct group_ops *ops)
{
    const struct coord_call *call = &ops->items[0].call;
    struct kmsg_sync_group_response response;
    kmsg_sync_group_response_init(&response);
    response.error_code = (int16_t)call->group.error;
    if (call->group.error == KAFKA_NONE) {
        response.protocol_type = call->group.sync.protocol_type;
        response.protocol_name = call->group.sync.protocol;
        response.assignment = call->group.sync.assignment;
    }
    request_answer(ops->request, &response);
}

void api_sync_group(struct request *request)
{
    struct kmsg_sync_group_request ask;
    if (!group_decode(request, &ask)) {
        return;
    }
    bool unnamed = request->frame.version >= 5 &&
                   (ask.protocol_type.p == NULL || ask.protocol_name.p == NULL);
    if (ask.group_id.n == 0 || unnamed) {
        refuse(request,
               ask.group_id.n == 0 ? KAFKA_INVALID_GROUP_ID : KAFKA_INCONSISTENT_GROUP_PROTOCOL);
        return;
    }
    struct group_event event = {.kind = GROUP_SYNC};
    event.image = metadata_read(api_of(request)->metadata);
    struct group_assignment *given = arena_array(&request->arena, (size_t)ask.assignments.count,
                                                 sizeof(*given));
    if (given == NULL) {
        api_out_of_memory(request);
        return;
    }
    for (int32_t i = 0; i < ask.assignments.count; i++) {
        given[i] = (struct group_assignment){ask.assignments.items[i].member_id,
                                             ask.assignments.items[i].assignment};
    }
    event.who = (struct group_who){ask.group_id, ask.member_id, ask.group_instance_id,
                                   ask.generation_id};
    event.sync.protocol_type = ask.protocol_type;
    event.sync.protocol = ask.protocol_name;
    event.sync.assignments = given;
    event.sync.assignment_count = (uint32_t)ask.assignments.count;
    group_submit(request, &event, answer, NULL);
}
