/*
 * Settings as common/config reads them, with the values that were set at run time out of the cluster image.
 *
 *     struct settings_lookup lookup;
 *     struct config_dynamic dynamic = settings_lookup_init(&lookup, image, broker);
 *     lookup.topic = name;
 *     int64_t age_ms = config_topic_long(config, &dynamic, TOPIC_CONFIG_RETENTION_MS);
 *
 * The image must be held as long as the values are used.
 */
#ifndef ODRADEK_API_SETTINGS_H
#define ODRADEK_API_SETTINGS_H

#include "common/config/alter.h"
#include "common/config/topic_config.h"
#include "common/meta/image.h"

/* What the cluster decides, so that leaders, followers and controllers never disagree (docs/RULES.md). Where no topic and no
 * cluster-wide default says anything, the file of the active controller does, by way of the image; a broker's own does not. */
#define SETTINGS_OF_CLUSTER 3
extern const enum config_key settings_of_cluster[SETTINGS_OF_CLUSTER];

struct settings_lookup {
    const struct meta_image *image;
    struct slice topic; /* NULL: no topic's settings */
    /* of a topic that is being made: its own settings, which the image does not have yet */
    const struct config_change *own;
    uint32_t own_count;
    /* Of whom the settings are told: what its file says like the controllers' comes from there. May be NULL. */
    const struct config *file;
    char broker[12]; /* decimal; "": the cluster-wide defaults only */
};

/* broker: whose settings count; META_NO_BROKER: the cluster-wide defaults only. The lookup must outlive what is returned. */
struct config_dynamic settings_lookup_init(struct settings_lookup *, const struct meta_image *,
                                           int32_t broker);

#endif
