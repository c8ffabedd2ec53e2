/* CreatePartitions (KIP-195): topics grow. The controller decides everything. */
#include "broker/api/forward.h"

#include "kmsg/create_partitions.h"

/* Nobody answered: each topic is told so, out of the request as it was sent on. */
static bool fail_all(struct forwarded *forwarded, enum kafka_error error,
                     struct kmsg_create_partitions_response *response)
{
    struct arena *arena = &forwarded->request->arena;
    struct kmsg_create_partitions_request ask;
    if (!forward_asked(forwarded, &ask)) {
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
    kmsg_create_partitions_response_init(&response);
    bool told = error == KAFKA_NONE ? forward_read(forwarded, &response)
                                    : fail_all(forwarded, error, &response);
    forward_tell(forwarded, told, &response);
}

void api_create_partitions(struct request *request)
{
    struct kmsg_create_partitions_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    forward_send(request, &ask, ask.timeout_ms, on_created, NULL);
}
