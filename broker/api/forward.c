#include "broker/api/forward.h"

static void on_done(struct control_request *control)
{
    struct forwarded *forwarded = control->ctx;
    assert(control == &forwarded->control && !forwarded->request->ended);
    struct heap *heap = forwarded->request->edge->heap;
    forwarded->answered(forwarded, (enum kafka_error)control->error);
    control_request_release(control);
    buf_release(&forwarded->body);
    heap_free(heap, forwarded, sizeof(*forwarded));
}

/* What was sent cannot be called back: the answer ends the request, and goes nowhere. */
static void on_gone(struct request *request)
{
    assert(request->cut && !request->ended);
}

bool forward_send(struct request *request, const void *message, time_ms timeout_ms,
                  void (*answered)(struct forwarded *, enum kafka_error error), void *ctx)
{
    struct api *api = api_of(request);
    const struct kmsg_api *kind = request->frame.api;
    struct forwarded *forwarded = HEAP_NEW(request->edge->heap, struct forwarded);
    if (forwarded == NULL) {
        api_out_of_memory(request);
        return false;
    }
    forwarded->request = request;
    forwarded->answered = answered;
    forwarded->ctx = ctx;
    buf_init(&forwarded->body, request->edge->heap, RPC_BODY_MAX);
    err_t err = kmsg_encode_buf(kind->request, kind->version_max, message, &forwarded->body);
    if (err != OK) {
        buf_release(&forwarded->body);
        heap_free(request->edge->heap, forwarded, sizeof(*forwarded));
        request_refuse(request, "a request that is too large for the controllers");
        return false;
    }
    forwarded->control = (struct control_request){
        .origin = api->loop,
        .timeout_ms = timeout_ms > 0 ? timeout_ms : api->request_timeout_ms,
        .kind = CONTROL_FORWARD,
        .done = on_done,
        .ctx = forwarded};
    forwarded->control.forward.api_key = kind->key;
    forwarded->control.forward.version = kind->version_max;
    forwarded->control.forward.body = slice_of(forwarded->body.p, forwarded->body.n);
    request->gone = on_gone;
    control_submit(api->control, &forwarded->control);
    return true;
}

bool forward_asked(struct forwarded *forwarded, void *ret_request)
{
    const struct kmsg_api *kind = forwarded->request->frame.api;
    struct slice body = buf_slice(&forwarded->body);
    return kmsg_decode(kind->request, kind->version_max, &body, &forwarded->request->arena,
                       ret_request) == OK;
}

bool forward_read(struct forwarded *forwarded, void *ret_response)
{
    const struct kmsg_api *kind = forwarded->request->frame.api;
    struct slice body = forwarded->control.answer.forwarded;
    return kmsg_decode(kind->response, kind->version_max, &body, &forwarded->request->arena,
                       ret_response) == OK;
}

void forward_tell(struct forwarded *forwarded, bool told, void *response)
{
    assert(!forwarded->request->ended);
    if (told) {
        request_answer(forwarded->request, response);
    } else {
        request_refuse(forwarded->request,
                       "a request whose answer by the controllers cannot be read");
    }
}
