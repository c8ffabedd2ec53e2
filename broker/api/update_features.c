/* UpdateFeatures (KIP-584, KIP-778, KIP-1022): levels of features go up, or down where the client says that it may be. */
#include "broker/api/forward.h"

#include "kmsg/update_features.h"

/* Before version 1 a client says yes or no. */
#define UPGRADE          1
#define SAFE_DOWNGRADE   2
#define UNSAFE_DOWNGRADE 3

typedef struct kmsg_update_features_response_result told_result;

/* Before version 2 each feature has a verdict of its own: the request's, for all are written or none. */
static bool results_tell(struct arena *arena, const struct kmsg_update_features_request *ask,
                         struct kmsg_update_features_response *response)
{
    assert(ask->feature_updates.count >= 0 && response->results.count == 0);
    told_result *results = kmsg_update_features_response_result_array(arena,
                                                                      ask->feature_updates.count);
    if (results == NULL) {
        return false;
    }
    for (int32_t i = 0; i < ask->feature_updates.count; i++) {
        results[i].feature = ask->feature_updates.items[i].feature;
        results[i].error_code = response->error_code;
        results[i].error_message = response->error_message;
    }
    response->results.items = results;
    response->results.count = ask->feature_updates.count;
    return true;
}

static bool sent_tell(struct forwarded *forwarded, struct kmsg_update_features_response *response)
{
    struct kmsg_update_features_request ask;
    return forward_asked(forwarded, &ask) &&
           results_tell(&forwarded->request->arena, &ask, response);
}

static void on_updated(struct forwarded *forwarded, enum kafka_error error)
{
    struct kmsg_update_features_response response;
    kmsg_update_features_response_init(&response);
    bool told = error != KAFKA_NONE || forward_read(forwarded, &response);
    if (error != KAFKA_NONE) {
        response.error_code = (int16_t)error;
    }
    if (told && forwarded->request->frame.version < 2) {
        told = sent_tell(forwarded, &response);
    }
    forward_tell(forwarded, told, &response);
}

/* A kind of update that nobody knows: nothing is written. */
static bool kinds_known(struct request *request, const struct kmsg_update_features_request *ask,
                        struct kmsg_update_features_response *response)
{
    for (int32_t i = 0; i < ask->feature_updates.count; i++) {
        const struct kmsg_update_features_request_feature_update *update =
            &ask->feature_updates.items[i];
        if (update->upgrade_type < UPGRADE || update->upgrade_type > UNSAFE_DOWNGRADE) {
            assert(response->error_code == KAFKA_NONE);
            response->error_code = KAFKA_INVALID_UPDATE_VERSION;
            response->error_message = slice_str(arena_printf(
                &request->arena,
                "The update failed for all features since the following feature had an error: "
                "Invalid update version %d for feature %.*s. The controller does not support the "
                "given upgrade type.",
                update->max_version_level, (int)update->feature.n,
                (const char *)update->feature.p));
            return false;
        }
    }
    return true;
}

void api_update_features(struct request *request)
{
    struct kmsg_update_features_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    for (int32_t i = 0; request->frame.version == 0 && i < ask.feature_updates.count; i++) {
        struct kmsg_update_features_request_feature_update *update = &ask.feature_updates.items[i];
        update->upgrade_type = update->allow_downgrade ? SAFE_DOWNGRADE : UPGRADE;
        update->allow_downgrade = false;
    }
    struct kmsg_update_features_response response;
    kmsg_update_features_response_init(&response);
    if (!kinds_known(request, &ask, &response)) {
        if (request->frame.version < 2 && !results_tell(&request->arena, &ask, &response)) {
            api_out_of_memory(request);
        } else {
            request_answer(request, &response);
        }
        return;
    }
    forward_send(request, &ask, ask.timeout_ms, on_updated, NULL);
}
