/* Heartbeat of a member of a classic group. */
#include "broker/api/group_ops.h"

#include "kmsg/heartbeat.h"

static void tell(struct request *request, enum kafka_error error)
{
    struct kmsg_heartbeat_response response;
    kmsg_heartbeat_response_init(&response);
    response.error_code = (int16_t)error;
    request_answer(request, &response);
}

static void answer(struct group_ops *ops)
{
    tell(ops->request, ops->items[0].call.group.error);
}

void api_heartbeat(struct request *request)
{
    struct kmsg_heartbeat_request ask;
    if (!group_decode(request, &ask)) {
        return;
    }
    if (ask.group_id.n == 0) {
        tell(request, KAFKA_INVALID_GROUP_ID);
        return;
    }
    struct group_event event = {.kind = GROUP_HEARTBEAT};
    event.who = (struct group_who){ask.group_id, ask.member_id, ask.group_instance_id,
                                   ask.generation_id};
    group_submit(request, &event, answer, NULL);
}
