/* CreateTopics, and topics that are created because somebody asked for them (auto.create.topics.enable). The controller
 * decides everything; here only the version changes. */
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

/* The request as it was sent on. */
static bool asked(struct forwarded *forwarded, struct kmsg_create_topics_request *ret_ask)
{
    struct slice body = buf_slice(&forwarded->body);
    const struct kmsg_message *desc = &kmsg_create_topics_request_desc;
    return kmsg_decode(desc, desc->version_max, &body, &forwarded->request->arena, ret_ask) == OK;
}

/* Results come in the order of the request. */
static bool all_settings_tell(struct forwarded *forwarded,
                              struct kmsg_create_topics_response *response)
{
    struct kmsg_create_topics_request ask;
    if (forwarded->request->frame.version < 5) {
        return true;
    }
    bool told = asked(forwarded, &ask) && ask.topics.count == response->topics.count;
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
    if (!asked(forwarded, &ask)) {
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
    if (told) {
        request_answer(forwarded->request, &response);
    } else {
        request_refuse(forwarded->request, "CreateTopics whose answer cannot be read");
    }
}

void api_create_topics(struct request *request)
{
    struct kmsg_create_topics_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    time_ms timeout_ms = ask.timeout_ms > 0 ? ask.timeout_ms : api_of(request)->request_timeout_ms;
    if (!forward_send(request, &ask, timeout_ms, on_created, NULL)) {
        return; /* it was refused */
    }
}

/* ---- auto creation ---- */

struct creation {
    struct list_node node; /* in api->creations */
    struct api *api;
    struct control_request control;
    struct buf body;
    size_t name_bytes;
    uint8_t name[TOPIC_NAME_MAX];
};

static void creation_free(struct creation *creation)
{
    list_remove(&creation->node);
    buf_release(&creation->body);
    heap_free(creation->api->heap, creation, sizeof(*creation));
}

/* Clients ask again until the topic is there; what went wrong is for the log. */
static void on_auto_created(struct control_request *control)
{
    struct creation *creation = control->ctx;
    if (control->error != KAFKA_NONE) {
        trace_log(creation->api->trace, TRACE_WARN, TRACE_API,
                  "Topic %.*s was asked for and could not be created: %s",
                  (int)creation->name_bytes, (const char *)creation->name,
                  kafka_error_name(control->error));
    } else {
        trace_log(creation->api->trace, TRACE_INFO, TRACE_API,
                  "Topic %.*s was asked for; the controller was asked to create it.",
                  (int)creation->name_bytes, (const char *)creation->name);
    }
    control_request_release(control);
    creation_free(creation);
}

static bool being_created(const struct api *api, struct slice name)
{
    LIST_EACH(&api->creations, node)
    {
        const struct creation *creation = CONTAINER_OF(node, const struct creation, node);
        if (slice_eq(slice_of(creation->name, creation->name_bytes), name)) {
            return true;
        }
    }
    return false;
}

static err_t creation_encode(struct creation *creation, time_ms timeout_ms)
{
    const struct kmsg_message *desc = &kmsg_create_topics_request_desc;
    struct kmsg_create_topics_request_topic topic;
    kmsg_create_topics_request_topic_init(&topic);
    topic.name = slice_of(creation->name, creation->name_bytes);
    topic.num_partitions = -1; /* the cluster's default, like the other */
    topic.replication_factor = -1;
    struct kmsg_create_topics_request ask;
    kmsg_create_topics_request_init(&ask);
    ask.topics.items = &topic;
    ask.topics.count = 1;
    ask.timeout_ms = (int32_t)timeout_ms;
    return kmsg_encode_buf(desc, desc->version_max, &ask, &creation->body);
}

void api_auto_create(struct api *api, struct slice name)
{
    assert(name.n > 0 && name.n <= TOPIC_NAME_MAX);
    if (being_created(api, name)) {
        return;
    }
    struct creation *creation = HEAP_NEW(api->heap, struct creation);
    if (creation == NULL) {
        return; /* the client asks again */
    }
    creation->api = api;
    memcpy(creation->name, name.p, name.n);
    creation->name_bytes = name.n;
    buf_init(&creation->body, api->heap, RPC_FRAME_MAX);
    list_push(&api->creations, &creation->node);
    if (creation_encode(creation, api->request_timeout_ms) != OK) {
        creation_free(creation);
        return;
    }
    creation->control = (struct control_request){.origin = api->loop,
                                                 .timeout_ms = api->request_timeout_ms,
                                                 .kind = CONTROL_FORWARD,
                                                 .done = on_auto_created,
                                                 .ctx = creation};
    creation->control.forward.api_key = kmsg_create_topics_request_desc.id;
    creation->control.forward.version = kmsg_create_topics_request_desc.version_max;
    creation->control.forward.body = buf_slice(&creation->body);
    control_submit(api->control, &creation->control);
}
