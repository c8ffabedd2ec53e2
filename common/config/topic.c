#include "common/config/spec.h"
#include "common/config/tell.h"

#include <stdio.h>

enum config_key topic_config_behind(enum topic_config_key key)
{
    const enum config_key *keys;
    return spec_synonyms(key, &keys) > 0 ? keys[0] : CONFIG_KEYS;
}

static bool refuse(char *why, size_t room, const char *sentence)
{
    assert(room > 0);
    (void)snprintf(why, room, "%s", sentence);
    return false;
}

static bool value_check(const struct spec *spec, struct slice value, char *why, size_t room)
{
    struct spec_value parsed;
    char reason[256];
    if (value.p == NULL && value.n == 0) {
        (void)snprintf(why, room, "Null value not supported for topic configs: %s", spec->name);
        return false;
    }
    if (spec_check(spec, value, &parsed, reason, sizeof(reason)) != OK) {
        struct shown shown = config_show(value);
        bool secret = spec->type == CONFIG_TYPE_PASSWORD;
        (void)snprintf(why, room, "Invalid value %s for configuration %s: %s",
                       secret ? "(hidden)" : shown.text, spec->name, reason);
        return false;
    }
    if (spec->effect == CONFIG_REFUSED && !slice_is(slice_trim(value), spec->fallback)) {
        return refuse(why, room, spec->text);
    }
    return true;
}

bool topic_config_check(struct slice name, struct slice value, char *why, size_t why_bytes)
{
    enum topic_config_key key;
    assert(why != NULL && why_bytes > 0);
    if (!topic_config_find(name, &key)) {
        struct shown shown = config_show(name);
        (void)snprintf(why, why_bytes, "Unknown topic config name: %s", shown.text);
        return false;
    }
    return value_check(spec_of_topic(key), value, why, why_bytes);
}

bool config_alter_check(struct slice name, struct slice value, bool one, char *why,
                        size_t why_bytes)
{
    enum config_key key;
    struct shown shown = config_show(name);
    assert(why != NULL && why_bytes > 0);
    if (!config_find(name, &key)) {
        (void)snprintf(why, why_bytes, "Unknown broker config name: %s", shown.text);
        return false;
    }
    const struct spec *spec = spec_of_key(key);
    if (spec->mode == CONFIG_READ_ONLY) {
        (void)snprintf(why, why_bytes, "Cannot update these configs dynamically: Set(%s)",
                       spec->name);
        return false;
    }
    if (spec->mode == CONFIG_PER_BROKER && !one) {
        (void)snprintf(why, why_bytes,
                       "Cannot update these configs at default cluster level: Set(%s)", spec->name);
        return false;
    }
    return value.p == NULL || value_check(spec, value, why, why_bytes);
}

/* --- without values set at run time --- */

int64_t topic_config_int(const struct config *config, enum topic_config_key key, struct slice value)
{
    struct spec_value parsed;
    char why[256];
    assert(topic_config_type(key) == CONFIG_TYPE_INT ||
           topic_config_type(key) == CONFIG_TYPE_LONG ||
           topic_config_type(key) == CONFIG_TYPE_BOOLEAN);
    if (value.p != NULL && spec_check(spec_of_topic(key), value, &parsed, why, sizeof(why)) == OK) {
        return parsed.number;
    }
    return topic_config_type(key) == CONFIG_TYPE_BOOLEAN ? config_topic_bool(config, NULL, key)
                                                         : config_topic_long(config, NULL, key);
}

struct slice topic_config_text(const struct config *config, enum topic_config_key key,
                               struct slice value)
{
    if (value.p != NULL) {
        return value;
    }
    enum config_key behind = topic_config_behind(key);
    return behind < CONFIG_KEYS ? config_text(config, behind)
                                : slice_str(spec_of_topic(key)->fallback);
}
