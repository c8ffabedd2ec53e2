/*
 * DescribeConfigs (KIP-133, KIP-226, KIP-569): settings of topics and of this broker, each with where it comes from.
 *
 * resource   name         told
 * TOPIC      a topic      all settings that topics have
 * BROKER     our id       all settings of this broker; another broker's are its own to tell
 * BROKER     empty        the cluster-wide defaults that were set at run time
 * BROKER_LOGGER, our id    the log levels of this broker
 * GROUP and CLIENT_METRICS, any name: all their settings, whether anything was set or not
 */
#include "broker/api/api_internal.h"
#include "broker/api/loggers.h"
#include "broker/api/settings.h"
#include "common/config/kinds.h"

#include "kmsg/describe_configs.h"

/* Keys that nobody knows and that are told all the same. */
#define UNKNOWN_MAX 256

struct describe {
    struct request *request;
    const struct kmsg_describe_configs_request *ask;
    const struct kmsg_describe_configs_request_resource *resource;
    struct kmsg_describe_configs_response_result *to;
    int32_t room; /* of to->configs */
    struct settings_lookup lookup;
    struct config_dynamic dynamic;
};

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
    assert(describe->to->configs.count < describe->room);
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

/* Of the cluster-wide defaults only these themselves are told. */
static void keep_cluster_only(struct config_entry *entry)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < entry->synonym_count; i++) {
        if (entry->synonyms[i].origin == CONFIG_FROM_CLUSTER) {
            entry->synonyms[kept++] = entry->synonyms[i];
        }
    }
    assert(kept > 0 && kept <= entry->synonym_count);
    entry->synonym_count = kept;
}

static bool known_tell(struct describe *describe)
{
    const struct config *config = api_of(describe->request)->config;
    bool set_only = describe->lookup.broker[0] == '\0';
    for (int key = 0; key < CONFIG_KEYS; key++) {
        struct config_entry entry = {0};
        if (!config_describe(config, &describe->dynamic, (enum config_key)key, &entry) ||
            (set_only && entry.origin != CONFIG_FROM_CLUSTER) || !asked_for(describe, entry.name)) {
            continue;
        }
        if (set_only) {
            keep_cluster_only(&entry);
        }
        if (!entry_tell(describe, &entry)) {
            return false;
        }
    }
    return true;
}

/* Keys that somebody set and nobody knows: they may be secrets. `broker`: whose; those of this broker come first. */
static bool unknown_tell(struct describe *describe, const char *broker)
{
    const struct meta_image *image = describe->lookup.image;
    struct slice key = {0};
    struct slice value;
    enum config_key known;
    while (meta_config_next(image, META_RESOURCE_BROKER, slice_str(broker), key, &key, &value)) {
        bool one = broker[0] != '\0';
        bool both = meta_config_value(image, META_RESOURCE_BROKER,
                                      slice_str(one ? "" : describe->lookup.broker), key)
                        .p != NULL;
        char *name = arena_printf(&describe->request->arena, "%.*s", (int)key.n,
                                  (const char *)key.p);
        if (name == NULL) {
            return false;
        }
        if (config_find(key, &known) || (both && !one) || !asked_for(describe, name) ||
            describe->to->configs.count == describe->room) {
            continue;
        }
        struct config_entry entry = {
            .name = name,
            .origin = one ? CONFIG_FROM_BROKER : CONFIG_FROM_CLUSTER,
            .read_only = true,
            .sensitive = true,
            .synonyms = {{name, {0}, one ? CONFIG_FROM_BROKER : CONFIG_FROM_CLUSTER},
                         {name, {0}, CONFIG_FROM_CLUSTER}},
            .synonym_count = both ? 2 : 1};
        if (!entry_tell(describe, &entry)) {
            return false;
        }
    }
    return true;
}

static bool broker_tell(struct describe *describe)
{
    return known_tell(describe) &&
           (describe->lookup.broker[0] == '\0' ||
            unknown_tell(describe, describe->lookup.broker)) &&
           unknown_tell(describe, "");
}

static void refuse(struct describe *describe, enum kafka_error error, const char *sentence)
{
    describe->to->error_code = (int16_t)error;
    describe->to->error_message = slice_str(sentence);
}

static bool topic_describe(struct describe *describe)
{
    struct slice name = describe->resource->resource_name;
    char why[TOPIC_NAME_WHY_BYTES];
    if (!meta_topic_name_good(name, why, sizeof(why))) {
        refuse(describe, KAFKA_INVALID_TOPIC_EXCEPTION,
               arena_printf(&describe->request->arena, "%s", why));
        return true;
    }
    if (meta_topic_named(describe->lookup.image, name) == NULL) {
        refuse(describe, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, "");
        return true;
    }
    describe->lookup.topic = name;
    return topic_tell(describe);
}

static bool broker_describe(struct describe *describe)
{
    struct slice name = describe->resource->resource_name;
    struct arena *arena = &describe->request->arena;
    int32_t self = api_of(describe->request)->broker;
    int32_t id;
    if (name.n == 0) {
        describe->lookup.broker[0] = '\0';
    } else if (!api_broker_name_read(name, &id)) {
        refuse(describe, KAFKA_INVALID_REQUEST,
               arena_printf(arena, "Broker id must be an integer, but it is: %.*s", (int)name.n,
                            (const char *)name.p));
        return true;
    } else if (id != self) {
        refuse(describe, KAFKA_INVALID_REQUEST,
               arena_printf(arena,
                            "Unexpected broker id, expected %d or empty string, but received %.*s",
                            self, (int)name.n, (const char *)name.p));
        return true;
    }
    return broker_tell(describe);
}

static bool kind_describe(struct describe *describe, enum config_kind kind)
{
    const struct api *api = api_of(describe->request);
    struct slice name = describe->resource->resource_name;
    bool group = kind == CONFIG_KIND_GROUP;
    if (name.n == 0) {
        refuse(describe, KAFKA_INVALID_REQUEST,
               group ? "Group name must not be empty"
                     : "Client metrics subscription name must not be empty");
        return true;
    }
    for (uint32_t i = 0; i < config_kind_keys(kind); i++) {
        struct config_entry entry;
        struct slice key = slice_str(config_kind_name(kind, i));
        config_kind_describe(
            api->config, &describe->dynamic, kind, i,
            meta_config_value(describe->lookup.image,
                              group ? META_RESOURCE_GROUP : META_RESOURCE_CLIENT_METRICS, name,
                              key),
            &entry);
        if (asked_for(describe, entry.name) && !entry_tell(describe, &entry)) {
            return false;
        }
    }
    return true;
}

static bool loggers_describe(struct describe *describe)
{
    const struct api *api = api_of(describe->request);
    struct slice name = describe->resource->resource_name;
    struct arena *arena = &describe->request->arena;
    int32_t id;
    if (name.n == 0) {
        refuse(describe, KAFKA_INVALID_REQUEST, "Broker id must not be empty");
        return true;
    }
    bool number = api_broker_name_read(name, &id);
    if (!number || id != api->broker) {
        refuse(describe, KAFKA_INVALID_REQUEST,
               number ? arena_printf(arena, "Unexpected broker id, expected %d but received %.*s",
                                     api->broker, (int)name.n, (const char *)name.p)
                      : arena_printf(arena, "Broker id must be an integer, but it is: %.*s",
                                     (int)name.n, (const char *)name.p));
        return true;
    }
    for (size_t i = 0; i < LOGGERS; i++) {
        const struct config_entry entry = {.name = logger_name(i),
                                           .value = slice_str(logger_level(api->trace, i)),
                                           .origin = CONFIG_FROM_LOGGER,
                                           .documentation = ""};
        if (asked_for(describe, entry.name) && !entry_tell(describe, &entry)) {
            return false;
        }
    }
    return true;
}

static bool resource_describe(struct describe *describe)
{
    struct arena *arena = &describe->request->arena;
    const struct api *api = api_of(describe->request);
    describe->to->resource_type = describe->resource->resource_type;
    describe->to->resource_name = describe->resource->resource_name;
    bool broker = describe->resource->resource_type == META_RESOURCE_BROKER;
    describe->room = broker ? (int32_t)CONFIG_KEYS + UNKNOWN_MAX : (int32_t)TOPIC_CONFIG_KEYS;
    describe->to->configs.items = kmsg_describe_configs_response_config_array(arena,
                                                                              describe->room);
    if (describe->to->configs.items == NULL) {
        return false;
    }
    /* Topics follow the settings of the broker that is asked. */
    describe->dynamic = settings_lookup_init(&describe->lookup, metadata_read(api->metadata),
                                             api->broker);
    describe->lookup.file = api->config;
    switch (describe->resource->resource_type) {
    case META_RESOURCE_TOPIC: return topic_describe(describe);
    case META_RESOURCE_BROKER: return broker_describe(describe);
    case RESOURCE_BROKER_LOGGER: return loggers_describe(describe);
    case META_RESOURCE_GROUP: return kind_describe(describe, CONFIG_KIND_GROUP);
    case META_RESOURCE_CLIENT_METRICS: return kind_describe(describe, CONFIG_KIND_CLIENT_METRICS);
    default:
        refuse(
            describe, KAFKA_INVALID_REQUEST,
            "This most likely occurs because of a request being malformed by the client library or "
            "the message was sent to an incompatible broker. See the broker logs for more "
            "details.");
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
