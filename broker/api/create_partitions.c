/* CreatePartitions (KIP-195): topics grow. The controller decides everything. */
#include "broker/api/forward.h"

#include "kmsg/create_partitions.h"

/* Nobody answered: each topic is told so, out of the request as it was sent on. */
static bool fail_all(struct forwarded *forwarded, enum kafka_error error,
                     struct kmsg_create_partitions_response *response)
{
    struct arena *arena = &forwarded->request->arena;
    struct slice body = buf_slice(&forwarded->body);
    struct kmsg_create_partitions_request ask;
    const struct kmsg_message *desc = &kmsg_create_partitions_request_desc;
    if (kmsg_decode(desc, desc->version_max, &body, arena, &ask) != OK) {
        return false;
    }
    response->results.items = kmsg_create_partitions_response_result_array(arena, ask.topics.count);
    if (response->results.items == NULL) {
        return false;
    }
    response->results.count = ask.topics.count;
    for (int32_t i = 0; i < ask.topics.count; i++) {
        response->results.items[i].name = ask.topics.items[i].name;
        response->results.items[i].error_code = (int16_t)error;
    }
    return true;
}

static void on_created(struct forwarded *forwarded, enum kafka_error error)
{
    struct kmsg_create_partitions_response response;
    assert(!forwarded->request->ended);
    kmsg_create_partitions_response_init(&response);
    bool told = error == KAFKA_NONE ? forward_read(forwarded, &response)
                                    : fail_all(forwarded, error, &response);
    if (told) {
        request_answer(forwarded->request, &response);
    } else {
        request_refuse(forwarded->request, "CreatePartitions whose answer cannot be read");
    }
}

void api_create_partitions(struct request *request)
{
    struct kmsg_create_partitions_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    time_ms timeout_ms = ask.timeout_ms > 0 ? ask.timeout_ms : api_of(request)->request_timeout_ms;
    if (!forward_send(request, &ask, timeout_ms, on_created, NULL)) {
        return; /* it was refused */
    }
}
