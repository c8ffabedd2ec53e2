/* DescribeCluster (KIP-700, KIP-919, KIP-1073). */
#include "broker/api/api_internal.h"

#include "kmsg/describe_cluster.h"

#define ENDPOINT_BROKERS     1
#define ENDPOINT_CONTROLLERS 2

static bool brokers_tell(struct request *request, bool fenced_too,
                         struct kmsg_describe_cluster_response *response)
{
    const struct meta_image *image = metadata_read(api_of(request)->metadata);
    response->brokers.items = kmsg_describe_cluster_response_broker_array(
        &request->arena, (int32_t)meta_broker_count(image));
    if (response->brokers.items == NULL) {
        return false;
    }
    for (const struct meta_broker *broker = meta_broker_next(image, -1); broker != NULL;
         broker = meta_broker_next(image, broker->id)) {
        const struct meta_endpoint *at = meta_broker_endpoint(broker, request_listener(request));
        if (at != NULL && (fenced_too || !broker->fenced)) {
            struct kmsg_describe_cluster_response_broker *to =
                &response->brokers.items[response->brokers.count++];
            to->broker_id = broker->id;
            to->host = at->host;
            to->port = at->port;
            to->rack = broker->rack;
            to->is_fenced = request->frame.version >= 2 && broker->fenced;
        }
    }
    return true;
}

void api_describe_cluster(struct request *request)
{
    struct kmsg_describe_cluster_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    struct api *api = api_of(request);
    const struct meta_image *image = metadata_read(api->metadata);
    struct kmsg_describe_cluster_response response;
    kmsg_describe_cluster_response_init(&response);
    if (ask.endpoint_type == ENDPOINT_CONTROLLERS) {
        response.error_code = KAFKA_MISMATCHED_ENDPOINT_TYPE;
        response.error_message = slice_str(
            "The request was sent to an endpoint of type BROKER, but we wanted an endpoint "
            "of type CONTROLLER");
    } else if (ask.endpoint_type != ENDPOINT_BROKERS) {
        response.error_code = KAFKA_UNSUPPORTED_ENDPOINT_TYPE;
        response.error_message = slice_str("Unsupported endpoint type");
    } else {
        response.cluster_id = meta_cluster_id(image);
        response.controller_id = api_any_broker(api, image);
        if (!brokers_tell(request, ask.include_fenced_brokers, &response)) {
            api_out_of_memory(request);
            return;
        }
    }
    request_answer(request, &response);
}
