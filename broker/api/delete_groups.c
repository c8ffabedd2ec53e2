/* DeleteGroups: each on its own, only without members. */
#include "broker/api/group_ops.h"

#include "kmsg/delete_groups.h"

static void answer(struct group_ops *ops)
{
    const struct kmsg_delete_groups_request *ask = ops->ctx;
    struct request *request = ops->request;
    struct kmsg_delete_groups_response response;
    kmsg_delete_groups_response_init(&response);
    response.results.items = kmsg_delete_groups_response_result_array(&request->arena,
                                                                      (int32_t)ops->count);
    if (response.results.items == NULL) {
        api_out_of_memory(request);
        return;
    }
    response.results.count = (int32_t)ops->count;
    for (uint32_t i = 0; i < ops->count; i++) {
        response.results.items[i].group_id = ask->groups_names.items[i];
        response.results.items[i].error_code = (int16_t)ops->items[i].call.group.error;
    }
    request_answer(request, &response);
}

void api_delete_groups(struct request *request)
{
    struct kmsg_delete_groups_request *ask = ARENA_NEW(&request->arena,
                                                       struct kmsg_delete_groups_request);
    if (ask == NULL) {
        api_out_of_memory(request);
        return;
    }
    if (!group_decode(request, ask)) {
        return;
    }
    uint32_t count = (uint32_t)ask->groups_names.count;
    struct group_ops *ops = group_ops_new(request, count, answer, ask);
    for (uint32_t i = 0; ops != NULL && i < count; i++) {
        struct coord_call *call = &ops->items[i].call;
        struct group_event event = {.kind = GROUP_DELETE};
        event.who.group = ask->groups_names.items[i];
        bool at_once = true;
        if (event.who.group.n == 0) {
            call->group.error = KAFKA_INVALID_GROUP_ID;
        } else {
            at_once = coord_submit(api_of(request)->coords, call, &event);
        }
        group_op_began(&ops->items[i], at_once);
    }
    if (ops != NULL) {
        group_ops_go(ops);
    }
}
