/* UnregisterBroker (KIP-500): a broker that will not come back leaves the cluster. The controller decides. */
#include "broker/api/forward.h"

#include "kmsg/unregister_broker.h"

static void on_unregistered(struct forwarded *forwarded, enum kafka_error error)
{
    struct kmsg_unregister_broker_response response;
    kmsg_unregister_broker_response_init(&response);
    if (error == KAFKA_NONE && !forward_read(forwarded, &response)) {
        request_refuse(forwarded->request, "UnregisterBroker whose answer cannot be read");
        return;
    }
    if (error != KAFKA_NONE) {
        response.error_code = (int16_t)error;
    }
    request_answer(forwarded->request, &response);
}

void api_unregister_broker(struct request *request)
{
    struct kmsg_unregister_broker_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    time_ms timeout_ms = api_of(request)->request_timeout_ms;
    if (!forward_send(request, &ask, timeout_ms, on_unregistered, NULL)) {
        return; /* it was refused */
    }
}
