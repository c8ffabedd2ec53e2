/*
 * InitProducerId for idempotent producers (KIP-98, KIP-360): ids come in blocks from the controller, which never gives one
 * twice; what is left of a block when the broker stops is lost. Requests wait while a block is on its way.
 * Transactional ids have no coordinator here, and are told so.
 */
#include "broker/api/api_internal.h"

#include "kmsg/init_producer_id.h"

struct id_waiter {
    struct list_node node;
    struct request *request;
};

static void answer(struct request *request, enum kafka_error error, int64_t id)
{
    struct kmsg_init_producer_id_response response;
    kmsg_init_producer_id_response_init(&response);
    response.error_code = (int16_t)error;
    response.producer_id = id;
    response.producer_epoch = error == KAFKA_NONE ? 0 : -1;
    request_answer(request, &response);
}

static void serve(struct api *api, enum kafka_error error)
{
    struct producer_ids *ids = &api->producer_ids;
    assert(ids->next <= ids->end);
    while (!list_empty(&ids->waiting) && (error != KAFKA_NONE || ids->next < ids->end)) {
        struct id_waiter *waiter = CONTAINER_OF(list_pop(&ids->waiting), struct id_waiter, node);
        answer(waiter->request, error, error == KAFKA_NONE ? ids->next++ : -1);
    }
}

static void block_ask(struct api *api);

static void on_block(struct control_request *control)
{
    struct api *api = control->ctx;
    struct producer_ids *ids = &api->producer_ids;
    enum kafka_error error = KAFKA_NONE;
    assert(ids->asked && control == &ids->ask);
    ids->asked = false;
    if (control->error == KAFKA_NONE && control->answer.producer_ids.count > 0) {
        ids->next = control->answer.producer_ids.first;
        ids->end = ids->next + control->answer.producer_ids.count;
    } else {
        error = KAFKA_COORDINATOR_LOAD_IN_PROGRESS; /* clients try again, as with Kafka */
    }
    control_request_release(control);
    serve(api, error);
    if (!list_empty(&ids->waiting)) {
        block_ask(api);
    }
}

static void block_ask(struct api *api)
{
    struct producer_ids *ids = &api->producer_ids;
    if (ids->asked) {
        return;
    }
    assert(ids->next == ids->end);
    ids->asked = true;
    ids->ask = (struct control_request){.origin = api->loop,
                                        .timeout_ms = api->request_timeout_ms,
                                        .kind = CONTROL_PRODUCER_IDS,
                                        .done = on_block,
                                        .ctx = api};
    control_submit(api->control, &ids->ask);
}

static void on_gone(struct request *request)
{
    struct id_waiter *waiter = request->state;
    assert(request->cut && waiter->request == request);
    list_remove(&waiter->node);
    request_no_answer(request);
}

static enum kafka_error ask_check(const struct kmsg_init_producer_id_request *ask)
{
    if ((ask->producer_id < 0) != (ask->producer_epoch < 0)) {
        return KAFKA_INVALID_REQUEST;
    }
    if (ask->transactional_id.p != NULL) {
        return ask->transactional_id.n == 0 ? KAFKA_INVALID_REQUEST
                                            : KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    }
    return KAFKA_NONE;
}

void api_init_producer_id(struct request *request)
{
    struct kmsg_init_producer_id_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    struct api *api = api_of(request);
    enum kafka_error error = ask_check(&ask);
    if (error == KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED) {
        trace_log(
            api->trace, TRACE_WARN, TRACE_API,
            "%s asked for a producer id with a transactional id: refused, there are no transactions yet",
            request_peer(request));
    }
    struct id_waiter *waiter = ARENA_NEW(&request->arena, struct id_waiter);
    if (error != KAFKA_NONE || waiter == NULL) {
        answer(request, error != KAFKA_NONE ? error : KAFKA_COORDINATOR_LOAD_IN_PROGRESS, -1);
        return;
    }
    waiter->request = request;
    request->state = waiter;
    request->gone = on_gone;
    list_push(&api->producer_ids.waiting, &waiter->node);
    if (api->producer_ids.next < api->producer_ids.end) {
        serve(api, KAFKA_NONE);
    } else {
        block_ask(api);
    }
}
