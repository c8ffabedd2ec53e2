/* JoinGroup (KIP-62, KIP-345, KIP-394, KIP-559, KIP-800, KIP-814): answered when the generation is there. */
#include "broker/api/group_ops.h"

#include "kmsg/join_group.h"

/* Before version 7 a protocol has a name, be it empty. */
static struct slice protocol_name(const struct request *request, struct slice name)
{
    return name.p == NULL && request->frame.version < 7 ? slice_of("", 0) : name;
}

static void refuse(struct request *request, enum kafka_error error, struct slice member_id)
{
    struct kmsg_join_group_response response;
    kmsg_join_group_response_init(&response);
    response.error_code = (int16_t)error;
    response.protocol_name = protocol_name(request, (struct slice){0});
    response.member_id = member_id;
    request_answer(request, &response);
}

static bool members_tell(struct request *request, const struct coord_call *call,
                         struct kmsg_join_group_response *response)
{
    response->members.items = kmsg_join_group_response_member_array(&request->arena,
                                                                    (int32_t)call->member_count);
    if (response->members.items == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < call->member_count; i++) {
        struct kmsg_join_group_response_member *to =
            &response->members.items[response->members.count++];
        to->member_id = call->members[i].id;
        to->group_instance_id = call->members[i].instance_id;
        to->metadata = call->members[i].metadata;
    }
    return true;
}

static void answer(struct group_ops *ops)
{
    const struct coord_call *call = &ops->items[0].call;
    const struct group_join_answer *join = &call->group.join;
    struct kmsg_join_group_response response;
    kmsg_join_group_response_init(&response);
    response.error_code = (int16_t)call->group.error;
    response.generation_id = join->generation;
    response.protocol_type = join->protocol_type;
    response.protocol_name = protocol_name(ops->request, join->protocol);
    response.leader = join->leader;
    response.member_id = join->member_id;
    response.skip_assignment = join->skip_assignment && ops->request->frame.version >= 9;
    if (!members_tell(ops->request, call, &response)) {
        api_out_of_memory(ops->request);
        return;
    }
    request_answer(ops->request, &response);
}

static bool protocols_of(struct request *request, const struct kmsg_join_group_request *ask,
                         struct group_event *event)
{
    struct group_protocol *protocols = arena_array(&request->arena, (size_t)ask->protocols.count,
                                                   sizeof(*protocols));
    if (protocols == NULL) {
        return false;
    }
    for (int32_t i = 0; i < ask->protocols.count; i++) {
        protocols[i] = (struct group_protocol){ask->protocols.items[i].name,
                                               ask->protocols.items[i].metadata};
    }
    event->join.protocols = protocols;
    event->join.protocol_count = (uint32_t)ask->protocols.count;
    return true;
}

void api_join_group(struct request *request)
{
    struct kmsg_join_group_request ask;
    if (!group_decode(request, &ask)) {
        return;
    }
    if (ask.group_id.n == 0 || !group_instance_valid(ask.group_instance_id)) {
        refuse(request, ask.group_id.n == 0 ? KAFKA_INVALID_GROUP_ID : KAFKA_INVALID_CONFIG,
               ask.member_id);
        return;
    }
    struct group_event event = {.kind = GROUP_JOIN};
    event.image = metadata_read(api_of(request)->metadata);
    event.who = (struct group_who){ask.group_id, ask.member_id, ask.group_instance_id, -1};
    event.join.client_id = request_keep(request, request->frame.client_id);
    event.join.client_host = group_client_host(request);
    event.join.protocol_type = ask.protocol_type;
    event.join.session_ms = ask.session_timeout_ms;
    /* Version 0 had one time-out for both. */
    event.join.rebalance_ms = ask.rebalance_timeout_ms >= 0 ? ask.rebalance_timeout_ms
                                                            : ask.session_timeout_ms;
    event.join.id_first = request->frame.version >= 4 && ask.group_instance_id.p == NULL;
    event.join.may_skip = request->frame.version >= 9;
    if (!protocols_of(request, &ask, &event)) {
        api_out_of_memory(request);
        return;
    }
    group_submit(request, &event, answer, NULL);
}
