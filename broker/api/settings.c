#include "broker/api/settings.h"

#include <stdio.h>

const enum config_key settings_of_cluster[SETTINGS_OF_CLUSTER] = {
    CONFIG_MIN_ISR, CONFIG_UNCLEAN_ELECTION, CONFIG_DURABILITY};

static struct slice topic_value(const struct settings_lookup *lookup, struct slice key)
{
    for (uint32_t i = lookup->own_count; i > 0; i--) { /* the last word counts */
        if (slice_eq(lookup->own[i - 1].name, key)) {
            return lookup->own[i - 1].value;
        }
    }
    return lookup->topic.n == 0
               ? (struct slice){0}
               : meta_config_value(lookup->image, META_RESOURCE_TOPIC, lookup->topic, key);
}

/* Set at run time, or for what the cluster decides the controllers' file, unless ours says the same. */
static struct slice cluster_value(const struct settings_lookup *lookup, struct slice key)
{
    struct slice none = slice_of("", 0);
    struct slice value = meta_config_value(lookup->image, META_RESOURCE_BROKER, none, key);
    if (value.p != NULL) {
        return value;
    }
    value = meta_config_value(lookup->image, META_RESOURCE_FILES, none, key);
    for (size_t i = 0; lookup->file != NULL && i < ARRAY_LEN(settings_of_cluster); i++) {
        enum config_key of = settings_of_cluster[i];
        if (slice_eq(key, slice_str(config_name(of))) &&
            slice_eq(value, config_text(lookup->file, of))) {
            return (struct slice){0}; /* it comes from our file, which says the same */
        }
    }
    return value;
}

static struct slice value_set(const void *ctx, enum config_origin level, const char *name)
{
    const struct settings_lookup *lookup = ctx;
    struct slice key = slice_str(name);
    assert(lookup->image != NULL);
    switch (level) {
    case CONFIG_FROM_TOPIC: return topic_value(lookup, key);
    case CONFIG_FROM_BROKER:
        return lookup->broker[0] == '\0' ? (struct slice){0}
                                         : meta_config_value(lookup->image, META_RESOURCE_BROKER,
                                                             slice_str(lookup->broker), key);
    case CONFIG_FROM_CLUSTER: return cluster_value(lookup, key);
    default: return (struct slice){0};
    }
}

struct config_dynamic settings_lookup_init(struct settings_lookup *lookup,
                                           const struct meta_image *image, int32_t broker)
{
    *lookup = (struct settings_lookup){.image = image};
    if (broker != META_NO_BROKER) {
        (void)snprintf(lookup->broker, sizeof(lookup->broker), "%d", broker);
    }
    assert(image != NULL);
    return (struct config_dynamic){.value = value_set, .ctx = lookup};
}
