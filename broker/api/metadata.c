/* Metadata (KIP-430, KIP-516): brokers, topics and leaders; topics that do not exist are created on the way. */
#include "broker/api/api_internal.h"

#include "kmsg/metadata.h"

static void missing_create(struct api *api, struct kmsg_metadata_response *response)
{
    for (int32_t i = 0; i < response->topics.count; i++) {
        const struct kmsg_metadata_response_topic *topic = &response->topics.items[i];
        if (topic->error_code == KAFKA_UNKNOWN_TOPIC_OR_PARTITION) {
            api_auto_create(api, topic->name);
        }
    }
}

void api_metadata(struct request *request)
{
    struct kmsg_metadata_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    struct api *api = api_of(request);
    struct api_view view = {.image = metadata_read(api->metadata),
                            .listener = request_listener(request),
                            .arena = &request->arena,
                            .version = request->frame.version};
    struct kmsg_metadata_response response;
    kmsg_metadata_response_init(&response);
    response.controller_id = api_any_broker(api, view.image);
    if (!metadata_tell(&view, &ask, &response)) {
        api_out_of_memory(request);
        return;
    }
    /* Versions below 4 cannot say no. */
    if (api->auto_create && (request->frame.version < 4 || ask.allow_auto_topic_creation)) {
        missing_create(api, &response);
    }
    request_answer(request, &response);
}
