/* DescribeGroups: state and members of classic groups. A group that is not there is Dead; from version 6 on that is an error
 * (KIP-1043). */
#include "broker/api/group_ops.h"

#include "kmsg/describe_groups.h"

struct describing {
    struct kmsg_describe_groups_request ask;
    struct coord_description *descriptions;
};

static bool members_tell(struct request *request, const struct coord_description *d,
                         struct kmsg_describe_groups_response_group *to)
{
    bool stable = slice_eq(d->state, slice_str("Stable"));
    to->members.items = kmsg_describe_groups_response_member_array(&request->arena,
                                                                   (int32_t)d->member_count);
    if (to->members.items == NULL) {
        return false;
    }
    to->members.count = (int32_t)d->member_count;
    for (uint32_t i = 0; i < d->member_count; i++) {
        struct kmsg_describe_groups_response_member *m = &to->members.items[i];
        m->member_id = d->members[i].id;
        m->group_instance_id = d->members[i].instance_id;
        m->client_id = d->members[i].client_id;
        m->client_host = d->members[i].client_host;
        /* While it rebalances nothing stands that would be true of it. */
        m->member_metadata = stable ? d->members[i].metadata : slice_of("", 0);
        m->member_assignment = stable ? d->members[i].assignment : slice_of("", 0);
    }
    to->protocol_data = stable ? d->protocol : slice_of("", 0);
    return true;
}

static bool tell(struct request *request, const struct describing *describing, uint32_t i,
                 enum kafka_error error, struct kmsg_describe_groups_response_group *to)
{
    const struct coord_description *d = &describing->descriptions[i];
    bool missing = error == KAFKA_GROUP_ID_NOT_FOUND;
    to->group_id = describing->ask.groups.items[i];
    to->group_state = missing ? slice_str("Dead") : slice_of("", 0);
    if (missing && request->frame.version >= 6) {
        char *why = arena_printf(&request->arena, "Group %.*s %s.", (int)to->group_id.n,
                                 (const char *)to->group_id.p,
                                 d->other_kind ? "is not a classic group" : "not found");
        to->error_code = (int16_t)error;
        to->error_message = slice_str(why);
    } else if (!missing) {
        to->error_code = (int16_t)error;
    }
    if (describing->ask.include_authorized_operations && to->error_code == KAFKA_NONE) {
        to->authorized_operations = OPERATIONS_GROUP;
    }
    if (error != KAFKA_NONE) {
        return true;
    }
    to->group_state = d->state;
    to->protocol_type = d->protocol_type;
    return members_tell(request, d, to);
}

static void answer(struct group_ops *ops)
{
    const struct describing *describing = ops->ctx;
    struct request *request = ops->request;
    struct kmsg_describe_groups_response response;
    kmsg_describe_groups_response_init(&response);
    response.groups.items = kmsg_describe_groups_response_group_array(&request->arena,
                                                                      (int32_t)ops->count);
    bool ok = response.groups.items != NULL;
    for (uint32_t i = 0; ok && i < ops->count; i++) {
        response.groups.count++;
        ok = tell(request, describing, i, ops->items[i].call.group.error,
                  &response.groups.items[i]);
    }
    if (ok) {
        request_answer(request, &response);
    } else {
        api_out_of_memory(request);
    }
}

void api_describe_groups(struct request *request)
{
    struct describing *describing = ARENA_NEW(&request->arena, struct describing);
    if (describing == NULL) {
        api_out_of_memory(request);
        return;
    }
    if (!group_decode(request, &describing->ask)) {
        return;
    }
    uint32_t count = (uint32_t)describing->ask.groups.count;
    describing->descriptions = arena_array(&request->arena, count,
                                           sizeof(*describing->descriptions));
    struct group_ops *ops = group_ops_new(request, count, answer, describing);
    if (ops == NULL) {
        return;
    }
    if (describing->descriptions == NULL) {
        api_out_of_memory(request);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct coord_call *call = &ops->items[i].call;
        struct slice group = describing->ask.groups.items[i];
        bool at_once = true;
        if (group.n == 0) {
            call->group.error = KAFKA_INVALID_GROUP_ID;
        } else {
            at_once = coord_describe(api_of(request)->coords, call, group, &request->arena,
                                     &describing->descriptions[i]);
        }
        group_op_began(&ops->items[i], at_once);
    }
    group_ops_go(ops);
}
