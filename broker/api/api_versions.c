/* ApiVersions (KIP-35, KIP-511, KIP-584): what is served, and the features that the cluster has decided on. */
#include "broker/api/api_internal.h"

#include "kmsg/api_versions.h"

#define API_VERSIONS_KEY 18

/* Features that this build understands, and the levels of Kafka 4.3 that it speaks. */
static const struct {
    const char *name;
    int16_t min;
    int16_t max;
} features[] = {
    {"group.version", 0, 1},
    {"metadata.version", 7, 30},
};

static bool name_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])? */
static bool software_valid(struct slice text)
{
    if (text.n == 0 || !name_char(text.p[0]) || !name_char(text.p[text.n - 1])) {
        return false;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (!name_char(text.p[i]) && text.p[i] != '-' && text.p[i] != '.') {
            return false;
        }
    }
    return true;
}

static void key_tell(int16_t key, struct kmsg_api_versions_response_api_key *to)
{
    const struct kmsg_api *api = kmsg_api_find(key);
    assert(api != NULL);
    to->api_key = key;
    to->min_version = api->advertised_min;
    to->max_version = api->version_max;
}

static bool keys_tell(struct request *request, struct kmsg_api_versions_response *response)
{
    const struct edge *edge = request->edge;
    response->api_keys.items = kmsg_api_versions_response_api_key_array(
        &request->arena, (int32_t)edge->handler_count);
    if (response->api_keys.items == NULL) {
        return false;
    }
    response->api_keys.count = (int32_t)edge->handler_count;
    for (size_t i = 0; i < edge->handler_count; i++) {
        key_tell(edge->handlers[i].key, &response->api_keys.items[i]);
    }
    return true;
}

static bool supported_tell(struct request *request, struct kmsg_api_versions_response *response)
{
    response->supported_features.items = kmsg_api_versions_response_supported_feature_array(
        &request->arena, (int32_t)ARRAY_LEN(features));
    if (response->supported_features.items == NULL) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(features); i++) {
        /* Clients before version 4 take a lower end of 0 for an error. */
        if (features[i].min > 0 || request->frame.version >= 4) {
            struct kmsg_api_versions_response_supported_feature *to =
                &response->supported_features.items[response->supported_features.count++];
            to->name = slice_str(features[i].name);
            to->min_version = features[i].min;
            to->max_version = features[i].max;
        }
    }
    return true;
}

static bool finalized_tell(struct request *request, struct kmsg_api_versions_response *response)
{
    const struct meta_image *image = metadata_read(api_of(request)->metadata);
    int32_t count = 0;
    for (const struct meta_feature *f = meta_feature_next(image, (struct slice){0}); f != NULL;
         f = meta_feature_next(image, f->name)) {
        count++;
    }
    response->finalized_features_epoch = meta_offset(image);
    response->finalized_features.items = kmsg_api_versions_response_finalized_feature_array(
        &request->arena, count);
    if (response->finalized_features.items == NULL) {
        return false;
    }
    for (const struct meta_feature *f = meta_feature_next(image, (struct slice){0}); f != NULL;
         f = meta_feature_next(image, f->name)) {
        if (f->level > 0) {
            struct kmsg_api_versions_response_finalized_feature *to =
                &response->finalized_features.items[response->finalized_features.count++];
            to->name = f->name;
            to->max_version_level = f->level;
            to->min_version_level = f->level;
        }
    }
    return true;
}

void api_versions(struct request *request)
{
    struct kmsg_api_versions_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    struct kmsg_api_versions_response response;
    kmsg_api_versions_response_init(&response);
    if (request->frame.version >= 3 && (!software_valid(ask.client_software_name) ||
                                        !software_valid(ask.client_software_version))) {
        response.error_code = KAFKA_INVALID_REQUEST;
    } else if (!keys_tell(request, &response) || !supported_tell(request, &response) ||
               !finalized_tell(request, &response)) {
        api_out_of_memory(request);
        return;
    }
    request_answer(request, &response);
}

void api_versions_unknown(struct request *request)
{
    struct kmsg_api_versions_response response;
    kmsg_api_versions_response_init(&response);
    response.error_code = KAFKA_UNSUPPORTED_VERSION;
    struct kmsg_api_versions_response_api_key key = {0};
    key_tell(API_VERSIONS_KEY, &key);
    response.api_keys.items = &key;
    response.api_keys.count = 1;
    request_answer_version0(request, &response);
}
