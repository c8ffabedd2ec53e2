/*
 * ALTER_CONFIGS (KIP-339 and the legacy form). What a change comes to and whether it is good stands in alteration.c; here
 * follow existence, and what three settings mean for partitions:
 *
 * - min.insync.replicas lowered: an ISR that is large enough now empties the ELR before the leader may go on with fewer.
 * - durability to pagecache: replicas are no longer `synced`, before any byte is acknowledged from the page cache.
 * - unclean.leader.election.enable: partitions without a leader get one.
 * So partitions are settled first, as the new values demand, and the settings are written in the last batch.
 */
#include "controller/state/state_internal.h"

/* Settings of one resource: one batch must hold them all. */
#define SETTINGS_MAX (METADATA_PIECE_RECORDS / 2)

/* Resources of one request: each is compared with all others. */
#define RESOURCES_MAX 10000

static bool decimal(struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
    }
    return text.n <= 10;
}

/* How many records the settings take at most. */
static uint32_t settings_room(const struct world *world, const struct alter_resource *wants)
{
    uint32_t room = wants->setting_count;
    struct slice key = {0};
    struct slice value;
    while (wants->replace && room < METADATA_PIECE_RECORDS &&
           meta_config_next(world->image, wants->resource, wants->name, key, &key, &value)) {
        room++;
    }
    return room;
}

/* What the request says by itself. */
static struct command_result check(const struct alter_configs_command *command, uint32_t index,
                                   struct decision *decision)
{
    const struct alter_resource *wants = &command->resources[index];
    assert(index < command->count);
    if (command->count > RESOURCES_MAX) {
        return result_of(KAFKA_POLICY_VIOLATION,
                         slice_str("Excessively large number of resources per request."));
    }
    for (uint32_t i = 0; i < command->count; i++) {
        const struct alter_resource *other = &command->resources[i];
        if (i != index && other->resource == wants->resource &&
            slice_eq(other->name, wants->name)) {
            return result_of(KAFKA_INVALID_REQUEST,
                             slice_str("Each resource must appear at most once."));
        }
    }
    bool kind = wants->resource == META_RESOURCE_GROUP ||
                wants->resource == META_RESOURCE_CLIENT_METRICS;
    if (wants->resource != META_RESOURCE_TOPIC && wants->resource != META_RESOURCE_BROKER &&
        !kind) {
        return result_of(KAFKA_INVALID_REQUEST, slice_str("Unexpected resource type."));
    }
    if (kind && (wants->name.n == 0 || wants->name.n > META_NAME_MAX)) {
        return result_of(KAFKA_INVALID_REQUEST, slice_str("A name is empty or too long."));
    }
    if (wants->resource == META_RESOURCE_TOPIC && wants->name.n == 0) {
        return result_of(KAFKA_INVALID_REQUEST,
                         slice_str("Default topic resources are not allowed."));
    }
    if (wants->resource == META_RESOURCE_TOPIC) {
        struct command_result good = topic_name_check(decision, wants->name);
        if (good.error != KAFKA_NONE) {
            return good;
        }
    }
    if (wants->resource == META_RESOURCE_BROKER && !decimal(wants->name)) {
        return result_of(KAFKA_INVALID_REQUEST,
                         decision_text(decision, "Unable to parse broker name as base 10 number."));
    }
    if (wants->setting_count > SETTINGS_MAX) {
        return result_of(KAFKA_INVALID_CONFIG, slice_str("Too many configs for one resource."));
    }
    return (struct command_result){0};
}

/* What is there already: the topic must be, and there must be room for the records. */
static struct command_result check_image(const struct world *world,
                                         const struct alter_resource *resolved,
                                         struct decision *decision)
{
    if (resolved->resource == META_RESOURCE_TOPIC &&
        meta_topic_named(world->image, resolved->name) == NULL) {
        return result_of(KAFKA_UNKNOWN_TOPIC_OR_PARTITION,
                         decision_text(decision, "The topic '%.*s' does not exist.",
                                       SLICE_ARGS(resolved->name)));
    }
    if (settings_room(world, resolved) >= METADATA_PIECE_RECORDS) {
        return result_of(KAFKA_INVALID_CONFIG, slice_str("Too many configs for one resource."));
    }
    return (struct command_result){0};
}

/* Does this change what the partitions of a topic, or of all, must look like? */
static bool partitions_affected(const struct alter_resource *wants)
{
    if (wants->resource == META_RESOURCE_BROKER && wants->name.n > 0) {
        return false; /* one broker's settings do not decide about topics (docs/RULES.md) */
    }
    bool affected = wants->replace;
    for (uint32_t i = 0; i < wants->setting_count; i++) {
        affected |= setting_matters(wants->settings[i].key);
    }
    return affected && !MUTANT(38);
}

static err_t setting_write(const struct world *world, const struct alter_resource *wants,
                           struct slice key, struct slice value, struct decision *decision)
{
    assert(key.n > 0);
    struct slice old = meta_config_value(world->image, wants->resource, wants->name, key);
    bool same = old.p == NULL || value.p == NULL ? old.p == value.p : slice_eq(old, value);
    if (same) {
        return OK;
    }
    struct meta_record *record = decision_add(decision, META_CONFIG);
    ENSURE(record != NULL, ERR_NO_MEMORY);
    record->config = (struct meta_config){
        .resource = wants->resource, .name = wants->name, .key = key, .value = value};
    return OK;
}

static bool named(const struct alter_resource *wants, struct slice key)
{
    for (uint32_t i = 0; i < wants->setting_count; i++) {
        if (slice_eq(wants->settings[i].key, key)) {
            return true;
        }
    }
    return false;
}

static err_t settings_write(const struct world *world, const struct alter_resource *wants,
                            struct decision *decision)
{
    for (uint32_t i = 0; i < wants->setting_count; i++) {
        const struct topic_setting *setting = &wants->settings[i];
        TRY(setting_write(world, wants, setting->key, setting->value, decision));
    }
    struct slice key = {0};
    struct slice value;
    while (wants->replace &&
           meta_config_next(world->image, wants->resource, wants->name, key, &key, &value)) {
        if (!named(wants, key)) {
            TRY(setting_write(world, wants, key, (struct slice){0}, decision));
        }
    }
    return OK;
}

static err_t alter_one(const struct world *world, const struct alter_resource *wants,
                       struct decision *decision, bool *ret_done)
{
    *ret_done = true;
    assert(wants->setting_count <= SETTINGS_MAX);
    if (partitions_affected(wants)) {
        struct world after = *world;
        after.resource = wants;
        struct sweep sweep = sweep_of(META_NO_BROKER);
        sweep.topic = wants->resource == META_RESOURCE_TOPIC ? wants->name : (struct slice){0};
        sweep.durability = true;
        uint32_t room = settings_room(world, wants);
        assert(room < METADATA_PIECE_RECORDS);
        TRY(sweep_run(&after, &sweep, decision, room, ret_done));
    }
    return *ret_done ? settings_write(world, wants, decision) : OK;
}

err_t decide_alter_configs(const struct controller_state *state, const struct command *command,
                           time_ms now, struct decision *decision)
{
    (void)now;
    const struct alter_configs_command *alter = &command->alter_configs;
    struct results_answer *answer = &decision->answer.results;
    struct decision_cursor *cursor = &decision->cursor;
    struct world world = world_of(state);
    if (answer->results == NULL) {
        answer->results = arena_array(decision->arena, alter->count, sizeof(*answer->results));
        ENSURE(answer->results != NULL, ERR_NO_MEMORY);
        answer->count = alter->count;
    }
    while (cursor->index < alter->count && decision->batch.count == 0) {
        struct command_result result = {0};
        struct alter_resource resolved = {.setting_count = 0};
        bool done = true;
        if (!cursor->inside) {
            result = check(alter, cursor->index, decision);
            sweep_restart(decision);
        }
        if (result.error == KAFKA_NONE) { /* between two batches nothing of this changes */
            result = alteration_resolve(&world, &alter->resources[cursor->index], decision,
                                        &resolved);
        }
        if (result.error == KAFKA_NONE) {
            result = check_image(&world, &resolved, decision);
        }
        /* Half done it was fine, so this is for want of memory; whoever is active next settles what is begun. */
        ENSURE(!cursor->inside || result.error == KAFKA_NONE, ERR_NO_MEMORY);
        answer->results[cursor->index] = result;
        if (result.error == KAFKA_NONE && !alter->validate_only) {
            TRY(alter_one(&world, &resolved, decision, &done));
        }
        cursor->inside = !done;
        cursor->index += done ? 1 : 0;
    }
    assert(cursor->index <= alter->count && answer->count == alter->count);
    decision->more = cursor->index < alter->count;
    return OK;
}
