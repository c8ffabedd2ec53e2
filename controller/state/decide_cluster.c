/*
 * The cluster itself: its first records, feature levels (KIP-584, KIP-1022), blocks of producer ids (KIP-730).
 */
#include "controller/state/state_internal.h"

#include <stdio.h>

#include "common/meta/feature_table.h"

static err_t feature_write(struct decision *decision, struct slice name, int16_t level)
{
    assert(name.n > 0 && level >= 0);
    struct meta_record *record = decision_add(decision, META_FEATURE);
    ENSURE(record != NULL, ERR_NO_MEMORY);
    record->feature = (struct meta_feature){.name = name, .level = level};
    return OK;
}

err_t decide_bootstrap(const struct controller_state *state, const struct command *command,
                       time_ms now, struct decision *decision)
{
    (void)now;
    if (meta_cluster_id(controller_newest(state)).p != NULL) {
        return OK; /* another controller was faster */
    }
    assert(command->bootstrap.cluster_id.n == UUID_TEXT_LEN);
    struct meta_record *cluster = decision_add(decision, META_CLUSTER);
    ENSURE(cluster != NULL, ERR_NO_MEMORY);
    cluster->cluster.cluster_id = command->bootstrap.cluster_id;
    for (size_t i = 0; i < ARRAY_LEN(meta_feature_ranges); i++) {
        TRY(feature_write(decision, slice_str(meta_feature_ranges[i].name),
                          meta_feature_ranges[i].fresh));
    }
    struct world world = world_of(state);
    struct alter_resource files;
    TRY(files_differ(&world, decision, &files));
    return files_write(&files, decision);
}

static struct command_result update_check(const struct meta_image *image,
                                          const struct update_feature *wants,
                                          struct decision *decision)
{
    const struct meta_feature_range *range = NULL;
    for (size_t i = 0; i < ARRAY_LEN(meta_feature_ranges); i++) {
        if (slice_eq(wants->name, slice_str(meta_feature_ranges[i].name))) {
            range = &meta_feature_ranges[i];
        }
    }
    int16_t level = meta_feature_level(image, wants->name);
    char why[128] = "The controllers do not support this feature.";
    if (range != NULL) {
        assert(range->min <= range->fresh && range->fresh <= range->max);
        if (wants->level < range->min || wants->level > range->max) {
            (void)snprintf(why, sizeof(why), "The controllers only support versions %d-%d",
                           range->min, range->max);
        } else if (wants->level < level && !wants->allow_downgrade) {
            (void)snprintf(why, sizeof(why), "%s",
                           "Can't downgrade the version of this feature without setting the "
                           "upgrade type to either safe or unsafe downgrade.");
        } else if (wants->level > level && wants->allow_downgrade) {
            (void)snprintf(why, sizeof(why), "Can't downgrade to a newer version.");
        } else {
            return (struct command_result){0};
        }
    }
    return result_of(KAFKA_INVALID_UPDATE_VERSION,
                     decision_text(decision, "Invalid update version %d for feature %.*s. %s",
                                   wants->level, SLICE_ARGS(wants->name), why));
}

err_t decide_update_features(const struct controller_state *state, const struct command *command,
                             time_ms now, struct decision *decision)
{
    (void)now;
    const struct update_features_command *update = &command->update_features;
    const struct meta_image *image = controller_newest(state);
    for (uint32_t i = 0; i < update->count; i++) { /* all or none */
        decision->answer.result = update_check(image, &update->features[i], decision);
        if (decision->answer.result.error != KAFKA_NONE) {
            return OK;
        }
    }
    if (update->count > METADATA_PIECE_RECORDS) {
        decision->answer.result = result_of(KAFKA_INVALID_REQUEST,
                                            slice_str("Too many features in one request."));
        return OK;
    }
    for (uint32_t i = 0; i < update->count && !update->validate_only; i++) {
        const struct update_feature *wants = &update->features[i];
        if (meta_feature_level(image, wants->name) != wants->level) {
            TRY(feature_write(decision, wants->name, wants->level));
        }
    }
    return OK;
}

err_t decide_allocate_producer_ids(const struct controller_state *state,
                                   const struct command *command, time_ms now,
                                   struct decision *decision)
{
    (void)now;
    const struct allocate_producer_ids_command *wants = &command->allocate_producer_ids;
    struct allocate_producer_ids_answer *answer = &decision->answer.allocate_producer_ids;
    const struct meta_image *image = controller_newest(state);
    int64_t next = meta_next_producer_id(image);
    answer->error = broker_epoch_check(image, wants->broker, wants->broker_epoch);
    if (answer->error == KAFKA_NONE && next > INT64_MAX - PRODUCER_ID_BLOCK) {
        answer->error = KAFKA_UNKNOWN_SERVER_ERROR; /* all 2^63 are handed out */
    }
    if (answer->error != KAFKA_NONE) {
        return OK;
    }
    assert(next >= 0);
    answer->first_id = next;
    assert(decision->batch.count == 0);
    answer->count = PRODUCER_ID_BLOCK;
    struct meta_record *record = decision_add(decision, META_PRODUCER_IDS);
    ENSURE(record != NULL, ERR_NO_MEMORY);
    record->producer_ids = (struct meta_producer_ids){.next_id = next + PRODUCER_ID_BLOCK,
                                                      .broker = wants->broker,
                                                      .broker_epoch = wants->broker_epoch};
    return OK;
}
