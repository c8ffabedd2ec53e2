/*
 * Topics that are created because somebody asked for them (auto.create.topics.enable; Kafka's AutoTopicCreationManager):
 * with this broker's num.partitions and default.replication.factor, and the brokers' own topics as their coordinators want
 * them. The client is told UNKNOWN_TOPIC_OR_PARTITION meanwhile, and LEADER_NOT_AVAILABLE once the topic is there and nobody
 * leads it yet.
 */
#include "broker/api/api_internal.h"

#include "kmsg/create_topics.h"

#include <stdio.h>

#define SETTINGS_MAX 5

typedef struct kmsg_create_topics_request_config told_setting;

/* A setting of one of the brokers' own topics: a word, or what a key of the node says. */
struct own_setting {
    const char *name;
    const char *value; /* NULL: of the key */
    enum config_key key;
};

static const struct own_topic {
    const char *name;
    enum config_key partitions;
    enum config_key replication_factor;
    struct own_setting settings[SETTINGS_MAX]; /* to the first without a name */
} own_topics[] = {
    {"__consumer_offsets",
     CONFIG_OFFSETS_TOPIC_NUM_PARTITIONS,
     CONFIG_OFFSETS_TOPIC_REPLICATION_FACTOR,
     {{"cleanup.policy", "compact", 0},
      {"compression.type", "producer", 0},
      {"segment.bytes", NULL, CONFIG_OFFSETS_TOPIC_SEGMENT_BYTES}}},
    {"__transaction_state",
     CONFIG_TRANSACTION_STATE_LOG_NUM_PARTITIONS,
     CONFIG_TRANSACTION_STATE_LOG_REPLICATION_FACTOR,
     {{"unclean.leader.election.enable", "false", 0},
      {"compression.type", "uncompressed", 0},
      {"cleanup.policy", "compact", 0},
      {"min.insync.replicas", NULL, CONFIG_TRANSACTION_STATE_LOG_MIN_ISR},
      {"segment.bytes", NULL, CONFIG_TRANSACTION_STATE_LOG_SEGMENT_BYTES}}},
    {"__share_group_state",
     CONFIG_SHARE_COORDINATOR_STATE_TOPIC_NUM_PARTITIONS,
     CONFIG_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR,
     {{"cleanup.policy", "delete", 0},
      {"compression.type", "producer", 0},
      {"min.insync.replicas", NULL, CONFIG_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR},
      {"segment.bytes", NULL, CONFIG_SHARE_COORDINATOR_STATE_TOPIC_SEGMENT_BYTES},
      {"retention.ms", "-1", 0}}},
};

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
    assert(creation->api->creation_count > 0);
    creation->api->creation_count--;
    list_remove(&creation->node);
    buf_release(&creation->body);
    heap_free(creation->api->heap, creation, sizeof(*creation));
}

/* What the controllers said of the topic; UNKNOWN_SERVER_ERROR if that cannot be read. */
static enum kafka_error verdict(const struct creation *creation)
{
    const struct kmsg_message *desc = &kmsg_create_topics_response_desc;
    const struct api *api = creation->api;
    struct kmsg_create_topics_response response;
    struct slice body = creation->control.answer.forwarded;
    struct arena arena;
    if (creation->control.error != KAFKA_NONE) {
        return (enum kafka_error)creation->control.error;
    }
    arena_init(&arena, api->heap->arena.source, 4096, RPC_FRAME_MAX);
    enum kafka_error error = KAFKA_UNKNOWN_SERVER_ERROR;
    if (kmsg_decode(desc, desc->version_max, &body, &arena, &response) == OK &&
        response.topics.count == 1) {
        error = (enum kafka_error)response.topics.items[0].error_code;
    }
    arena_release(&arena);
    return error;
}

/* Clients ask again until the topic is there; what went wrong is for the log. */
static void on_created(struct control_request *control)
{
    struct creation *creation = control->ctx;
    enum kafka_error error = verdict(creation);
    const struct trace *trace = creation->api->trace;
    int bytes = (int)creation->name_bytes;
    const char *name = (const char *)creation->name;
    if (error == KAFKA_NONE) {
        trace_log(trace, TRACE_INFO, TRACE_API, "Topic %.*s was asked for and created.", bytes,
                  name);
    } else if (error != KAFKA_TOPIC_ALREADY_EXISTS) {
        trace_log(trace, TRACE_WARN, TRACE_API,
                  "Topic %.*s was asked for and could not be created: %s", bytes, name,
                  kafka_error_name((int16_t)error));
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

/* Settings that stand in `room`; numbers in `text`. */
static int32_t settings_fill(const struct api *api, const struct own_topic *own, told_setting *room,
                             char text[SETTINGS_MAX][24])
{
    int32_t count = 0;
    assert(own->name != NULL && api->config != NULL);
    while (count < SETTINGS_MAX && own->settings[count].name != NULL) {
        const struct own_setting *from = &own->settings[count];
        if (from->value == NULL) {
            (void)snprintf(text[count], sizeof(text[count]), "%lld",
                           (long long)config_int(api->config, from->key));
        }
        room[count].name = slice_str(from->name);
        room[count].value = slice_str(from->value == NULL ? text[count] : from->value);
        count++;
    }
    return count;
}

static err_t creation_encode(struct creation *creation)
{
    const struct kmsg_message *desc = &kmsg_create_topics_request_desc;
    const struct api *api = creation->api;
    struct kmsg_create_topics_request_topic topic;
    told_setting settings[SETTINGS_MAX] = {0};
    char text[SETTINGS_MAX][24];
    enum config_key partitions = CONFIG_NUM_PARTITIONS;
    enum config_key replication_factor = CONFIG_REPLICATION_FACTOR;
    kmsg_create_topics_request_topic_init(&topic);
    topic.name = slice_of(creation->name, creation->name_bytes);
    for (size_t i = 0; i < ARRAY_LEN(own_topics); i++) {
        if (slice_eq(topic.name, slice_str(own_topics[i].name))) {
            partitions = own_topics[i].partitions;
            replication_factor = own_topics[i].replication_factor;
            topic.configs.items = settings;
            topic.configs.count = settings_fill(api, &own_topics[i], settings, text);
        }
    }
    topic.num_partitions = (int32_t)config_int(api->config, partitions);
    topic.replication_factor = (int16_t)config_int(api->config, replication_factor);
    if (topic.configs.count > 0) { /* a cluster of one broker has coordinators too */
        uint32_t brokers = meta_broker_count(metadata_read(api->metadata));
        topic.replication_factor = (int16_t)min_i64(topic.replication_factor,
                                                    brokers > 0 ? brokers : 1);
    }
    struct kmsg_create_topics_request ask;
    kmsg_create_topics_request_init(&ask);
    ask.topics.items = &topic;
    ask.topics.count = 1;
    ask.timeout_ms = (int32_t)api->request_timeout_ms;
    return kmsg_encode_buf(desc, desc->version_max, &ask, &creation->body);
}

void api_auto_create(struct api *api, struct slice name)
{
    assert(name.n > 0 && name.n <= TOPIC_NAME_MAX);
    if (api->creation_count >= AUTO_CREATIONS_MAX || being_created(api, name)) {
        return;
    }
    struct creation *creation = HEAP_NEW(api->heap, struct creation);
    if (creation == NULL) {
        return; /* the client asks again */
    }
    creation->api = api;
    memcpy(creation->name, name.p, name.n);
    creation->name_bytes = name.n;
    buf_init(&creation->body, api->heap, RPC_BODY_MAX);
    list_push(&api->creations, &creation->node);
    api->creation_count++;
    if (creation_encode(creation) != OK) {
        creation_free(creation);
        return;
    }
    creation->control = (struct control_request){.origin = api->loop,
                                                 .timeout_ms = api->request_timeout_ms,
                                                 .kind = CONTROL_FORWARD,
                                                 .done = on_created,
                                                 .ctx = creation};
    creation->control.forward.api_key = kmsg_create_topics_request_desc.id;
    creation->control.forward.version = kmsg_create_topics_request_desc.version_max;
    creation->control.forward.body = buf_slice(&creation->body);
    control_submit(api->control, &creation->control);
}
