/*
 * What a change of settings comes to (KIP-339), and whether it may be: lists are put together, names and values judged by
 * the table of common/config. In the order of Kafka's ConfigurationControlManager, so that of two faults the same is told.
 */
#include "controller/state/state_internal.h"

#include "common/config/alter.h"

#define WHY_BYTES 512

static struct command_result invalid(struct decision *decision, enum kafka_error error,
                                     const char *why)
{
    assert(error != KAFKA_NONE);
    return result_of(error, decision_text(decision, "%s", why));
}

static struct command_result out_of_memory(void)
{
    return result_of(KAFKA_UNKNOWN_SERVER_ERROR, slice_str("Out of memory."));
}

/* --- lists --- */

static struct command_result list_resolve(const struct world *world,
                                          const struct alter_resource *wants,
                                          const struct topic_setting *from,
                                          struct decision *decision, struct topic_setting *to)
{
    bool topic = wants->resource == META_RESOURCE_TOPIC;
    bool append = from->op == SETTING_APPEND;
    assert(append || from->op == SETTING_SUBTRACT);
    enum config_key known;
    if (!topic && !config_is_list(from->key)) {
        const char *what = !config_find(from->key, &known) ? "Unknown config name"
                           : append ? "Config value append is not allowed for config key"
                                    : "Config value subtract is not allowed for config key";
        return result_of(KAFKA_INVALID_CONFIG,
                         decision_text(decision, "%s: %.*s", what, SLICE_ARGS(from->key)));
    }
    if (topic && !topic_config_is_list(from->key)) {
        return result_of(KAFKA_INVALID_CONFIG,
                         decision_text(decision,
                                       "Can't %s to key %.*s because its type is not LIST.",
                                       append ? "APPEND" : "SUBTRACT", SLICE_ARGS(from->key)));
    }
    struct slice old = meta_config_value(world->image, wants->resource, wants->name, from->key);
    if (old.p == NULL) {
        old = topic ? topic_config_default(from->key) : config_default(from->key);
    }
    if (config_list_change(decision->arena, old, from->value,
                           append ? CONFIG_APPEND : CONFIG_SUBTRACT, &to->value) != OK) {
        return out_of_memory();
    }
    return (struct command_result){0};
}

static bool named_later(const struct alter_resource *wants, uint32_t index)
{
    for (uint32_t i = index + 1; i < wants->setting_count; i++) {
        if (slice_eq(wants->settings[i].key, wants->settings[index].key)) {
            return true;
        }
    }
    return false;
}

/* --- judgement --- */

struct topic_after {
    const struct world *world;
    const struct alter_resource *change;
};

static struct slice value_after(const void *ctx, const char *name)
{
    const struct topic_after *after = ctx;
    for (uint32_t i = 0; i < after->change->setting_count; i++) {
        if (slice_eq(after->change->settings[i].key, slice_str(name))) {
            return after->change->settings[i].value;
        }
    }
    return after->change->replace ? (struct slice){0}
                                  : meta_config_value(after->world->image, META_RESOURCE_TOPIC,
                                                      after->change->name, slice_str(name));
}

/* Settings that are taken away need no judgement. */
static uint32_t changes_of(const struct alter_resource *resolved, struct config_change *changes)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < resolved->setting_count; i++) {
        if (resolved->settings[i].value.p != NULL) {
            changes[count++] = (struct config_change){resolved->settings[i].key,
                                                      resolved->settings[i].value};
        }
    }
    assert(count <= resolved->setting_count);
    return count;
}

/* What the cluster decides cannot be one broker's (DESIGN: durability belongs to the topic). */
static struct command_result check_shared(const struct alter_resource *resolved,
                                          struct decision *decision)
{
    bool one = resolved->resource == META_RESOURCE_BROKER && resolved->name.n > 0;
    for (uint32_t i = 0; one && i < resolved->setting_count; i++) {
        struct slice key = resolved->settings[i].key;
        if (slice_eq(key, slice_str(SETTING_MIN_ISR))) {
            return invalid(decision, KAFKA_INVALID_CONFIG,
                           "Broker-level min.insync.replicas cannot be altered while ELR is "
                           "enabled.");
        }
        if (slice_eq(key, slice_str(SETTING_DURABILITY))) {
            return invalid(decision, KAFKA_INVALID_CONFIG,
                           "Broker-level durability cannot be altered: set it for a topic, or as "
                           "the cluster-wide default.");
        }
    }
    return (struct command_result){0};
}

static struct command_result judge(const struct world *world, const struct alter_resource *resolved,
                                   struct decision *decision)
{
    char why[WHY_BYTES];
    struct config_change *changes = arena_array(decision->arena, resolved->setting_count,
                                                sizeof(*changes));
    if (changes == NULL) {
        return out_of_memory();
    }
    uint32_t count = changes_of(resolved, changes);
    if (resolved->resource == META_RESOURCE_GROUP ||
        resolved->resource == META_RESOURCE_CLIENT_METRICS) {
        return (struct command_result){0}; /* judged by the broker, by the bounds in its file */
    }
    if (resolved->resource == META_RESOURCE_BROKER) {
        struct command_result shared = check_shared(resolved, decision);
        if (shared.error != KAFKA_NONE ||
            config_judge(changes, count, resolved->name.n > 0, why, sizeof(why))) {
            return shared;
        }
        return invalid(decision, KAFKA_INVALID_REQUEST, why);
    }
    struct topic_after after = {world, resolved};
    bool good = topic_config_judge(changes, count, why, sizeof(why)) &&
                topic_config_judge_together(value_after, &after, why, sizeof(why));
    return good ? (struct command_result){0} : invalid(decision, KAFKA_INVALID_CONFIG, why);
}

/* What the log can hold: one by one, and in one batch. */
static struct command_result check_sizes(const struct alter_resource *resolved)
{
    for (uint32_t i = 0; i < resolved->setting_count; i++) {
        const struct topic_setting *setting = &resolved->settings[i];
        if (setting->key.n == 0 || setting->key.n > META_NAME_MAX ||
            setting->value.n > META_VALUE_MAX) {
            return result_of(KAFKA_INVALID_CONFIG,
                             slice_str("A config name or value is empty or too long."));
        }
    }
    if (!settings_fit(resolved->name, resolved->settings, resolved->setting_count)) {
        return result_of(KAFKA_INVALID_CONFIG, slice_str("Too many configs for one resource."));
    }
    return (struct command_result){0};
}

struct command_result alteration_resolve(const struct world *world,
                                         const struct alter_resource *wants,
                                         struct decision *decision,
                                         struct alter_resource *ret_resolved)
{
    struct command_result result = check_sizes(wants);
    struct topic_setting *settings = arena_array(decision->arena, wants->setting_count,
                                                 sizeof(*settings));
    if (settings == NULL) {
        return out_of_memory();
    }
    *ret_resolved = *wants;
    ret_resolved->settings = settings;
    ret_resolved->setting_count = 0;
    for (uint32_t i = 0; result.error == KAFKA_NONE && i < wants->setting_count; i++) {
        const struct topic_setting *from = &wants->settings[i];
        if (named_later(wants, i)) {
            continue; /* the last word counts */
        }
        struct topic_setting *to = &settings[ret_resolved->setting_count++];
        *to = (struct topic_setting){.key = from->key, .value = from->value};
        if (from->op != SETTING_PUT && from->value.p != NULL) {
            result = list_resolve(world, wants, from, decision, to);
        }
    }
    if (result.error == KAFKA_NONE) {
        result = check_sizes(ret_resolved);
    }
    return result.error == KAFKA_NONE ? judge(world, ret_resolved, decision) : result;
}
