/* CreateTopics: the controller decides everything; here only the version changes. */
#include "broker/api/forward.h"
#include "broker/api/settings.h"

#include "kmsg/create_topics.h"

static const char *error_sentence(enum kafka_error error)
{
    return error == KAFKA_REQUEST_TIMED_OUT
               ? "No controller answered in time; the topic may or may not have been created."
               : kafka_error_name((int16_t)error);
}

/* ---- the settings of a new topic (from version 5 on) ---- */

static bool settings_of(struct arena *arena, const struct config *config,
                        const struct config_dynamic *dynamic,
                        struct kmsg_create_topics_response_topic *to)
{
    to->configs.items = kmsg_create_topics_response_config_array(arena, TOPIC_CONFIG_KEYS);
    to->configs.count = 0;
    if (to->configs.items == NULL) {
        return false;
    }
    for (int key = 0; key < TOPIC_CONFIG_KEYS; key++) {
        struct config_entry entry;
        if (config_topic_describe(config, dynamic, (enum topic_config_key)key, &entry)) {
            struct kmsg_create_topics_response_config *one =
                &to->configs.items[to->configs.count++];
            one->name = slice_str(entry.name);
            one->read_only = entry.read_only;
            one->is_sensitive = entry.sensitive;
            one->config_source = (int8_t)entry.origin;
            if (!arena_copy(arena, entry.value, &one->value)) {
                return false;
            }
        }
    }
    return true;
}

/* The image may not have the topic yet: its own settings are those of the request. */
static bool settings_tell(struct forwarded *forwarded, struct kmsg_create_topics_response_topic *to,
                          const struct kmsg_create_topics_request_topic *from)
{
    const struct api *api = api_of(forwarded->request);
    struct arena *arena = &forwarded->request->arena;
    struct settings_lookup lookup;
    struct config_dynamic dynamic = settings_lookup_init(&lookup, metadata_read(api->metadata),
                                                         api->broker);
    struct config_change *own = arena_array(arena, (size_t)from->configs.count, sizeof(*own));
    if (own == NULL) {
        return false;
    }
    for (int32_t i = 0; i < from->configs.count; i++) {
        own[i] = (struct config_change){from->configs.items[i].name, from->configs.items[i].value};
    }
    lookup.file = api->config;
    lookup.own = own;
    lookup.own_count = (uint32_t)from->configs.count;
    return settings_of(arena, api->config, &dynamic, to);
}

/* Results come in the order of the request. */
static bool all_settings_tell(struct forwarded *forwarded,
                              struct kmsg_create_topics_response *response)
{
    struct kmsg_create_topics_request ask;
    if (forwarded->request->frame.version < 5) {
        return true;
    }
    bool told = forward_asked(forwarded, &ask) && ask.topics.count == response->topics.count;
    for (int32_t i = 0; told && i < ask.topics.count; i++) {
        if (response->topics.items[i].error_code == KAFKA_NONE) {
            told = settings_tell(forwarded, &response->topics.items[i], &ask.topics.items[i]);
        }
    }
    return told;
}

/* Nobody answered: each topic is told so, out of the request as it was sent on. */
static bool fail_all(struct forwarded *forwarded, enum kafka_error error,
                     struct kmsg_create_topics_response *response)
{
    struct arena *arena = &forwarded->request->arena;
    struct kmsg_create_topics_request ask;
    if (!forward_asked(forwarded, &ask)) {
        return false;
    }
    response->topics.items = kmsg_create_topics_response_topic_array(arena, ask.topics.count);
    if (response->topics.items == NULL) {
        return false;
    }
    for (int32_t i = 0; i < ask.topics.count; i++) {
        struct kmsg_create_topics_response_topic *to =
            &response->topics.items[response->topics.count++];
        to->name = ask.topics.items[i].name;
        to->error_code = (int16_t)error;
        to->error_message = slice_str(error_sentence(error));
    }
    return true;
}

static void on_created(struct forwarded *forwarded, enum kafka_error error)
{
    struct kmsg_create_topics_response response;
    kmsg_create_topics_response_init(&response);
    bool told = error == KAFKA_NONE
                    ? forward_read(forwarded, &response) && all_settings_tell(forwarded, &response)
                    : fail_all(forwarded, error, &response);
    forward_tell(forwarded, told, &response);
}

void api_create_topics(struct request *request)
{
    struct kmsg_create_topics_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    forward_send(request, &ask, ask.timeout_ms, on_created, NULL);
}
