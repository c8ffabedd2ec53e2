#include "broker/api/settings.h"

#include <stdio.h>

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
    case CONFIG_FROM_CLUSTER:
        return meta_config_value(lookup->image, META_RESOURCE_BROKER, slice_of("", 0), key);
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
