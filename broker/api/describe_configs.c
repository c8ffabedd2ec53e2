/*
 * DescribeConfigs (KIP-133, KIP-226, KIP-569): settings of topics and of this broker, each with where it comes from.
 *
 * resource   name         told
 * TOPIC      a topic      all settings that topics have
 * BROKER     our id       all settings of this broker; another broker's are its own to tell
 * BROKER     empty        the cluster-wide defaults that were set at run time
 */
#include "broker/api/api_internal.h"

#include "common/config/topic_config.h"
#include "kmsg/describe_configs.h"

#include <stdio.h>

/* There are more keys of nodes than of topics. */
#define RESULT_ITEMS_MAX ((int32_t)CONFIG_KEYS)
_Static_assert((int)TOPIC_CONFIG_KEYS <= (int)CONFIG_KEYS, "room for all settings");

/* Where values that were set at run time are looked up. */
struct lookup {
    const struct meta_image *image;
    struct slice topic;
    char broker[12]; /* decimal; "": cluster-wide only */
};

struct describe {
    struct request *request;
    const struct kmsg_describe_configs_request *ask;
    const struct kmsg_describe_configs_request_resource *resource;
    struct kmsg_describe_configs_response_result *to;
    struct lookup lookup;
    struct config_dynamic dynamic;
};

static struct slice value_set(const void *ctx, enum config_origin level, const char *name)
{
    const struct lookup *lookup = ctx;
    struct slice key = slice_str(name);
    switch (level) {
    case CONFIG_FROM_TOPIC:
        return lookup->topic.n == 0
                   ? (struct slice){0}
                   : meta_config_value(lookup->image, META_RESOURCE_TOPIC, lookup->topic, key);
    case CONFIG_FROM_BROKER:
        return lookup->broker[0] == '\0' ? (struct slice){0}
                                         : meta_config_value(lookup->image, META_RESOURCE_BROKER,
                                                             slice_str(lookup->broker), key);
    case CONFIG_FROM_CLUSTER:
        return meta_config_value(lookup->image, META_RESOURCE_BROKER, slice_of("", 0), key);
    default: return (struct slice){0};
    }
}

/* Without names all are meant, as with Kafka. */
static bool asked_for(const struct describe *describe, const char *name)
{
    const kmsg_string_array *keys = &describe->resource->configuration_keys;
    for (int32_t i = 0; i < keys->count; i++) {
        if (slice_eq(keys->items[i], slice_str(name))) {
            return true;
        }
    }
    return keys->count <= 0;
}

static bool synonyms_tell(struct arena *arena, const struct config_entry *from,
                          struct kmsg_describe_configs_response_config *to)
{
    int32_t count = (int32_t)from->synonym_count;
    to->synonyms.items = kmsg_describe_configs_response_synonym_array(arena, count);
    if (to->synonyms.items == NULL) {
        return false;
    }
    to->synonyms.count = count;
    for (int32_t i = 0; i < count; i++) {
        to->synonyms.items[i].name = slice_str(from->synonyms[i].name);
        to->synonyms.items[i].value = from->synonyms[i].value;
        to->synonyms.items[i].source = (int8_t)from->synonyms[i].origin;
    }
    return true;
}

static bool entry_tell(struct describe *describe, const struct config_entry *from)
{
    struct arena *arena = &describe->request->arena;
    struct kmsg_describe_configs_response_config *to =
        &describe->to->configs.items[describe->to->configs.count];
    assert(describe->to->configs.count < RESULT_ITEMS_MAX);
    to->name = slice_str(from->name);
    to->read_only = from->read_only;
    to->is_sensitive = from->sensitive;
    to->config_source = (int8_t)from->origin;
    /* A number that was made for this entry goes with it. */
    if (!arena_copy(arena, from->value, &to->value) ||
        (describe->ask->include_synonyms && !synonyms_tell(arena, from, to))) {
        return false;
    }
    if (describe->request->frame.version >= 3) {
        to->config_type = (int8_t)from->type;
        to->documentation = slice_str(describe->ask->include_documentation ? from->documentation
                                                                           : NULL);
    }
    describe->to->configs.count++;
    return true;
}

static bool topic_tell(struct describe *describe)
{
    const struct config *config = api_of(describe->request)->config;
    for (int key = 0; key < TOPIC_CONFIG_KEYS; key++) {
        struct config_entry entry = {0};
        if (config_topic_describe(config, &describe->dynamic, (enum topic_config_key)key, &entry) &&
            asked_for(describe, entry.name) && !entry_tell(describe, &entry)) {
            return false;
        }
    }
    return true;
}

/* set_only: what was set at run time for all brokers. */
static bool broker_tell(struct describe *describe, bool set_only)
{
    const struct config *config = api_of(describe->request)->config;
    for (int key = 0; key < CONFIG_KEYS; key++) {
        struct config_entry entry = {0};
        if (config_describe(config, &describe->dynamic, (enum config_key)key, &entry) &&
            (!set_only || entry.origin == CONFIG_FROM_CLUSTER) && asked_for(describe, entry.name) &&
            !entry_tell(describe, &entry)) {
            return false;
        }
    }
    return true;
}

static void refuse(struct describe *describe, enum kafka_error error, const char *sentence)
{
    describe->to->error_code = (int16_t)error;
    describe->to->error_message = slice_str(sentence);
}

static bool topic_describe(struct describe *describe)
{
    struct slice name = describe->resource->resource_name;
    if (!api_topic_name_valid(name)) {
        refuse(describe, KAFKA_INVALID_TOPIC_EXCEPTION, "This is no name of a topic.");
        return true;
    }
    if (meta_topic_named(describe->lookup.image, name) == NULL) {
        refuse(describe, KAFKA_UNKNOWN_TOPIC_OR_PARTITION,
               kafka_error_name(KAFKA_UNKNOWN_TOPIC_OR_PARTITION));
        return true;
    }
    describe->lookup.topic = name;
    return topic_tell(describe);
}

static bool broker_describe(struct describe *describe)
{
    const struct api *api = api_of(describe->request);
    struct slice name = describe->resource->resource_name;
    (void)snprintf(describe->lookup.broker, sizeof(describe->lookup.broker), "%d", api->broker);
    if (name.n == 0) {
        describe->lookup.broker[0] = '\0';
        return broker_tell(describe, true);
    }
    if (!slice_eq(name, slice_str(describe->lookup.broker))) {
        char *sentence = arena_printf(&describe->request->arena,
                                      "Unexpected broker id, expected %d or empty string.",
                                      api->broker);
        refuse(describe, KAFKA_INVALID_REQUEST, sentence);
        return true;
    }
    return broker_tell(describe, false);
}

static bool resource_describe(struct describe *describe)
{
    struct arena *arena = &describe->request->arena;
    const struct api *api = api_of(describe->request);
    describe->to->resource_type = describe->resource->resource_type;
    describe->to->resource_name = describe->resource->resource_name;
    describe->to->configs.items = kmsg_describe_configs_response_config_array(arena,
                                                                              RESULT_ITEMS_MAX);
    if (describe->to->configs.items == NULL) {
        return false;
    }
    /* Topics follow the settings of the broker that is asked. */
    describe->lookup = (struct lookup){.image = metadata_read(api->metadata)};
    (void)snprintf(describe->lookup.broker, sizeof(describe->lookup.broker), "%d", api->broker);
    describe->dynamic = (struct config_dynamic){.value = value_set, .ctx = &describe->lookup};
    switch (describe->resource->resource_type) {
    case META_RESOURCE_TOPIC: return topic_describe(describe);
    case META_RESOURCE_BROKER: return broker_describe(describe);
    default:
        refuse(describe, KAFKA_INVALID_REQUEST, "This resource type has no settings here.");
        return true;
    }
}

void api_describe_configs(struct request *request)
{
    struct kmsg_describe_configs_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    struct kmsg_describe_configs_response response;
    kmsg_describe_configs_response_init(&response);
    response.results.items = kmsg_describe_configs_response_result_array(&request->arena,
                                                                         ask.resources.count);
    bool told = response.results.items != NULL;
    for (int32_t i = 0; told && i < ask.resources.count; i++) {
        struct describe describe = {.request = request,
                                    .ask = &ask,
                                    .resource = &ask.resources.items[i],
                                    .to = &response.results.items[response.results.count++]};
        told = resource_describe(&describe);
    }
    if (told) {
        request_answer(request, &response);
    } else {
        api_out_of_memory(request);
    }
}
