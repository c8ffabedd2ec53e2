/* UpdateFeatures (KIP-584): the request to a command, and back. The broker has refused kinds of update that nobody knows. */
#include "controller/node/forward_internal.h"

#include "kmsg/update_features.h"

#define UPGRADE 1

static void features_updated(void *machine_ctx, struct order *order, const struct answer *answer)
{
    (void)machine_ctx;
    if (!forward_answer_begin(order, answer)) {
        return;
    }
    struct kmsg_update_features_response response;
    kmsg_update_features_response_init(&response);
    response.error_code = (int16_t)answer->result.error;
    assert(order->command.kind == COMMAND_UPDATE_FEATURES);
    if (answer->result.error != KAFKA_NONE) {
        struct slice why = answer->result.message;
        char *sentence = arena_printf(
            &order->arena,
            "The update failed for all features since the following feature had an error: %.*s",
            (int)why.n, why.n == 0 ? "" : (const char *)why.p);
        response.error_message = slice_str(sentence);
    }
    forward_answer(order, &kmsg_update_features_response_desc, &response);
}

err_t update_features_read(struct order *order, int16_t version, struct slice body)
{
    struct kmsg_update_features_request ask;
    TRY(kmsg_decode(&kmsg_update_features_request_desc, version, &body, &order->arena, &ask));
    int32_t count = ask.feature_updates.count;
    assert(count >= 0 && order->answer == NULL);
    struct update_feature *features = arena_array(&order->arena, (size_t)count, sizeof(*features));
    ENSURE(features != NULL, ERR_NO_MEMORY);
    for (int32_t i = 0; i < count; i++) {
        const struct kmsg_update_features_request_feature_update *from =
            &ask.feature_updates.items[i];
        features[i] = (struct update_feature){.name = from->feature,
                                              .level = from->max_version_level,
                                              .allow_downgrade = from->upgrade_type != UPGRADE};
    }
    order->command.kind = COMMAND_UPDATE_FEATURES;
    order->command.update_features = (struct update_features_command){
        .features = features, .count = (uint32_t)count, .validate_only = ask.validate_only};
    order->answer = features_updated;
    return OK;
}
