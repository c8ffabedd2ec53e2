#include "broker/api/group_ops.h"

bool group_decode(struct request *request, void *ret_message)
{
    struct slice body = request_keep(request, request->frame.body);
    if (body.p == NULL && request->frame.body.n > 0) {
        api_out_of_memory(request);
        return false;
    }
    request->frame.body = body;
    return request_decode(request, ret_message);
}

static void finish(struct group_ops *ops)
{
    struct request *request = ops->request;
    assert(ops->waiting == 0);
    if (request->cut) {
        request_no_answer(request);
        return;
    }
    ops->answer(ops);
}

static void on_answered(struct mail *mail)
{
    struct coord_call *call = CONTAINER_OF(mail, struct coord_call, mail);
    struct group_op *op = CONTAINER_OF(call, struct group_op, call);
    struct group_ops *ops = op->ops;
    assert(op->waits && ops->waiting > 0);
    op->waits = false;
    if (--ops->waiting == 0) {
        finish(ops);
    }
}

static void on_gone(struct request *request)
{
    struct group_ops *ops = request->state;
    assert(request->cut && ops->request == request);
    for (uint32_t i = 0; i < ops->count; i++) {
        struct group_op *op = &ops->items[i];
        if (op->waits && coord_forget(&op->call)) {
            op->waits = false;
            ops->waiting--;
        }
    }
    if (ops->waiting == 0) {
        finish(ops);
    }
}

struct group_ops *group_ops_new(struct request *request, uint32_t count,
                                void (*answer)(struct group_ops *), void *ctx)
{
    struct group_ops *ops = ARENA_NEW(&request->arena, struct group_ops);
    struct group_op *items = arena_array(&request->arena, count, sizeof(*items));
    if (ops == NULL || items == NULL) {
        api_out_of_memory(request);
        return NULL;
    }
    *ops = (struct group_ops){request, items, count, 0, answer, ctx};
    for (uint32_t i = 0; i < count; i++) {
        items[i].ops = ops;
        items[i].call.loop = api_of(request)->loop;
        items[i].call.arena = &request->arena;
        items[i].call.mail.deliver = on_answered;
    }
    return ops;
}

void group_op_began(struct group_op *op, bool answered)
{
    op->waits = !answered;
    op->ops->waiting += !answered;
}

void group_ops_go(struct group_ops *ops)
{
    if (ops->waiting == 0) {
        finish(ops);
        return;
    }
    ops->request->state = ops;
    ops->request->gone = on_gone;
}

void group_submit(struct request *request, struct group_event *event,
                  void (*answer)(struct group_ops *), void *ctx)
{
    struct group_ops *ops = group_ops_new(request, 1, answer, ctx);
    if (ops == NULL) {
        return;
    }
    struct group_op *op = &ops->items[0];
    group_op_began(op, coord_submit(api_of(request)->coords, &op->call, event));
    group_ops_go(ops);
}

struct slice group_client_host(struct request *request)
{
    const char *peer = request_peer(request);
    const char *end = strrchr(peer, ':');
    int n = (int)(end == NULL ? strlen(peer) : (size_t)(end - peer));
    char *host = arena_printf(&request->arena, "/%.*s", n, peer);
    return host == NULL ? slice_of("", 0) : slice_str(host);
}

bool group_instance_valid(struct slice instance)
{
    return instance.p == NULL || api_topic_name_valid(instance);
}
