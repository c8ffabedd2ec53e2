/* LeaveGroup: one member up to version 2, any number from 3 on (KIP-345). */
#include "broker/api/group_ops.h"

#include "kmsg/leave_group.h"

struct leaving {
    struct group_leaver *leavers;
    uint32_t count;
};

static void answer(struct group_ops *ops)
{
    const struct leaving *leaving = ops->ctx;
    struct request *request = ops->request;
    struct kmsg_leave_group_response response;
    kmsg_leave_group_response_init(&response);
    response.error_code = (int16_t)ops->items[0].call.group.error;
    if (request->frame.version < 3 && response.error_code == KAFKA_NONE) {
        response.error_code = (int16_t)leaving->leavers[0].error;
    }
    if (request->frame.version >= 3 && response.error_code == KAFKA_NONE) {
        response.members.items = kmsg_leave_group_response_member_array(&request->arena,
                                                                        (int32_t)leaving->count);
        if (response.members.items == NULL) {
            api_out_of_memory(request);
            return;
        }
        response.members.count = (int32_t)leaving->count;
        for (uint32_t i = 0; i < leaving->count; i++) {
            response.members.items[i].member_id = leaving->leavers[i].member_id;
            response.members.items[i].group_instance_id = leaving->leavers[i].instance_id;
            response.members.items[i].error_code = (int16_t)leaving->leavers[i].error;
        }
    }
    request_answer(request, &response);
}

static struct leaving *leaving_of(struct request *request,
                                  const struct kmsg_leave_group_request *ask)
{
    bool many = request->frame.version >= 3;
    uint32_t count = many ? (uint32_t)ask->members.count : 1;
    struct leaving *leaving = ARENA_NEW(&request->arena, struct leaving);
    struct group_leaver *leavers = arena_array(&request->arena, count, sizeof(*leavers));
    if (leaving == NULL || leavers == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        leavers[i].member_id = many ? ask->members.items[i].member_id : ask->member_id;
        leavers[i].instance_id = many ? ask->members.items[i].group_instance_id : (struct slice){0};
    }
    *leaving = (struct leaving){leavers, count};
    return leaving;
}

void api_leave_group(struct request *request)
{
    struct kmsg_leave_group_request ask;
    if (!group_decode(request, &ask)) {
        return;
    }
    struct leaving *leaving = leaving_of(request, &ask);
    if (leaving == NULL) {
        api_out_of_memory(request);
        return;
    }
    if (ask.group_id.n == 0) {
        struct kmsg_leave_group_response response;
        kmsg_leave_group_response_init(&response);
        response.error_code = KAFKA_INVALID_GROUP_ID;
        request_answer(request, &response);
        return;
    }
    struct group_event event = {.kind = GROUP_LEAVE};
    event.who.group = ask.group_id;
    event.leave.leavers = leaving->leavers;
    event.leave.count = leaving->count;
    group_submit(request, &event, answer, leaving);
}
