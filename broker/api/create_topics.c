/* CreateTopics, and topics that are created because somebody asked for them (auto.create.topics.enable). The controller
 * decides everything; here only the version changes. */
#include "broker/api/forward.h"

#include "kmsg/create_topics.h"

static const char *error_sentence(enum kafka_error error)
{
    return error == KAFKA_REQUEST_TIMED_OUT
               ? "No controller answered in time; the topic may or may not have been created."
               : kafka_error_name((int16_t)error);
}

/* Nobody answered: each topic is told so, out of the request as it was sent on. */
static bool fail_all(struct forwarded *forwarded, enum kafka_error error,
                     struct kmsg_create_topics_response *response)
{
    struct arena *arena = &forwarded->request->arena;
    struct slice body = buf_slice(&forwarded->body);
    struct kmsg_create_topics_request ask;
    const struct kmsg_message *desc = &kmsg_create_topics_request_desc;
    if (kmsg_decode(desc, desc->version_max, &body, arena, &ask) != OK) {
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
    bool told = error == KAFKA_NONE ? forward_read(forwarded, &response)
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
