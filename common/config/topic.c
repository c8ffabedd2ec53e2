#include "common/config/spec.h"

enum config_key topic_config_behind(enum topic_config_key key)
{
    const enum config_key *keys;
    return spec_synonyms(key, &keys) > 0 ? keys[0] : CONFIG_KEYS;
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
