/* UnregisterBroker (KIP-500): a broker that will not come back leaves the cluster. The controller decides. */
#include "broker/api/forward.h"

#include "kmsg/unregister_broker.h"

static void on_unregistered(struct forwarded *forwarded, enum kafka_error error)
{
    struct kmsg_unregister_broker_response response;
    kmsg_unregister_broker_response_init(&response);
    bool told = error != KAFKA_NONE || forward_read(forwarded, &response);
    if (error != KAFKA_NONE) {
        response.error_code = (int16_t)error;
    }
    forward_tell(forwarded, told, &response);
}

void api_unregister_broker(struct request *request)
{
    struct kmsg_unregister_broker_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    forward_send(request, &ask, 0, on_unregistered, NULL);
}
