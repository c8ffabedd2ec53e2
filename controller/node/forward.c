#include "controller/node/forward_internal.h"

#include "common/config/config.h"
#include "kmsg/create_topics.h"
#include "kmsg/delete_topics.h"

void forward_reply(struct brokers *b, struct rpc_asker asker, int16_t version,
                   const struct kmsg_message *message, const void *response)
{
    struct buf bytes;
    buf_init(&bytes, b->heap, RPC_BODY_MAX);
    err_t err = kmsg_encode_buf(message, version, response, &bytes);
    if (err == OK) {
        Odradek__Forwarded body = ODRADEK__FORWARDED__INIT;
        body.body.data = bytes.p;
        body.body.len = bytes.n;
        Odradek__Frame frame = ODRADEK__FRAME__INIT;
        frame.body_case = ODRADEK__FRAME__BODY_FORWARDED;
        frame.forwarded = &body;
        rpc_answer(b->rpc, asker, &frame);
    } else {
        rpc_refuse(b->rpc, asker, KAFKA_UNKNOWN_SERVER_ERROR, err_text(err));
    }
    buf_release(&bytes);
}

void forward_answer(struct order *order, const struct kmsg_message *message, const void *response)
{
    forward_reply(order->ctx, order->asker, order->forward_version, message, response);
}

/* NOT_CONTROLLER says that nothing was done, and the broker asks the next controller: an administrator's request that is carried out
 * twice deletes, creates or sets again what somebody else has changed in between. */
bool forward_answer_begin(struct order *order, const struct answer *answer)
{
    struct brokers *b = order->ctx;
    if (answer == NULL && order->written) {
        rpc_refuse(b->rpc, order->asker, KAFKA_REQUEST_TIMED_OUT,
                   "the active controller resigned while it worked on this");
    } else if (answer == NULL) {
        brokers_refuse_not_controller(b, order->asker);
    }
    return answer != NULL;
}

void forward_out_of_memory(struct order *order)
{
    struct brokers *b = order->ctx;
    assert(b != NULL);
    rpc_refuse(b->rpc, order->asker, KAFKA_UNKNOWN_SERVER_ERROR, "out of memory");
}

/* The answer goes back in the version of the request. */
static err_t version_keep(struct order *order, const struct kmsg_api *api, int32_t version)
{
    ENSURE(version >= api->version_min && version <= api->version_max, ERR_VERSION);
    order->forward_version = (int16_t)version;
    return OK;
}

/* ---- CreateTopics ---- */

static void topics_created(void *machine_ctx, struct order *order, const struct answer *answer)
{
    (void)machine_ctx;
    if (!forward_answer_begin(order, answer)) {
        return;
    }
    const struct create_topics_answer *a = &answer->create_topics;
    struct kmsg_create_topics_response response;
    kmsg_create_topics_response_init(&response);
    response.topics.items = kmsg_create_topics_response_topic_array(&order->arena,
                                                                    (int32_t)a->count);
    response.topics.count = (int32_t)a->count;
    for (uint32_t i = 0; i < a->count && response.topics.items != NULL; i++) {
        struct kmsg_create_topics_response_topic *to = &response.topics.items[i];
        const struct create_topic_result *from = &a->results[i];
        to->name = from->name;
        to->topic_id = from->id;
        to->error_code = (int16_t)from->result.error;
        to->error_message = from->result.message;
        to->configs.count = from->result.error == KAFKA_NONE ? 0 : -1;
        to->num_partitions = from->result.error == KAFKA_NONE ? from->partitions : -1;
        to->replication_factor = from->result.error == KAFKA_NONE ? from->replication_factor : -1;
    }
    if (response.topics.items == NULL && a->count > 0) {
        forward_out_of_memory(order);
        return;
    }
    forward_answer(order, &kmsg_create_topics_response_desc, &response);
}

static err_t assignments_read(struct arena *arena,
                              const struct kmsg_create_topics_request_topic *from,
                              struct create_topic *to)
{
    struct manual_assignment *list = arena_array(arena, (size_t)from->assignments.count,
                                                 sizeof(*list));
    ENSURE(list != NULL, ERR_NO_MEMORY);
    for (int32_t i = 0; i < from->assignments.count; i++) {
        const struct kmsg_create_topics_request_assignment *a = &from->assignments.items[i];
        ENSURE(a->broker_ids.count <= REPLICAS_MAX, ERR_TOO_LARGE);
        list[i].partition = a->partition_index;
        list[i].broker_count = (uint32_t)a->broker_ids.count;
        for (int32_t j = 0; j < a->broker_ids.count; j++) {
            list[i].brokers[j] = a->broker_ids.items[j];
        }
    }
    to->assignments = list;
    to->assignment_count = (uint32_t)from->assignments.count;
    return OK;
}

/* The first setting that a topic may not have is the topic's verdict. */
static err_t setting_judge(struct arena *arena, const struct topic_setting *setting,
                           struct command_result *verdict)
{
    char why[256];
    if (verdict->error != KAFKA_NONE ||
        topic_config_check(setting->key, setting->value, why, sizeof(why))) {
        return OK;
    }
    verdict->error = KAFKA_INVALID_CONFIG;
    ENSURE(arena_copy(arena, slice_str(why), &verdict->message), ERR_NO_MEMORY);
    return OK;
}

static err_t topic_read(struct arena *arena, const struct kmsg_create_topics_request_topic *from,
                        struct create_topic *to)
{
    to->name = from->name;
    to->partitions = from->num_partitions;
    to->replication_factor = from->replication_factor;
    TRY(assignments_read(arena, from, to));
    struct topic_setting *settings = arena_array(arena, (size_t)from->configs.count,
                                                 sizeof(*settings));
    ENSURE(settings != NULL, ERR_NO_MEMORY);
    for (int32_t i = 0; i < from->configs.count; i++) {
        settings[i] = (struct topic_setting){.key = from->configs.items[i].name,
                                             .value = from->configs.items[i].value};
        TRY(setting_judge(arena, &settings[i], &to->verdict));
    }
    to->settings = settings;
    to->setting_count = (uint32_t)from->configs.count;
    return OK;
}

static err_t create_topics_read(struct order *order, int16_t version, struct slice body)
{
    struct kmsg_create_topics_request request;
    TRY(kmsg_decode(&kmsg_create_topics_request_desc, version, &body, &order->arena, &request));
    struct create_topic *topics = arena_array(&order->arena, (size_t)request.topics.count,
                                              sizeof(*topics));
    ENSURE(topics != NULL, ERR_NO_MEMORY);
    for (int32_t i = 0; i < request.topics.count; i++) {
        TRY(topic_read(&order->arena, &request.topics.items[i], &topics[i]));
    }
    order->command.kind = COMMAND_CREATE_TOPICS;
    order->command.create_topics = (struct create_topics_command){
        topics, (uint32_t)request.topics.count, request.validate_only};
    order->answer = topics_created;
    return OK;
}

/* ---- DeleteTopics ---- */

static void topics_deleted(void *machine_ctx, struct order *order, const struct answer *answer)
{
    (void)machine_ctx;
    if (!forward_answer_begin(order, answer)) {
        return;
    }
    const struct delete_topics_answer *a = &answer->delete_topics;
    struct kmsg_delete_topics_response response;
    kmsg_delete_topics_response_init(&response);
    response.responses.items = kmsg_delete_topics_response_result_array(&order->arena,
                                                                        (int32_t)a->count);
    response.responses.count = (int32_t)a->count;
    for (uint32_t i = 0; i < a->count && response.responses.items != NULL; i++) {
        struct kmsg_delete_topics_response_result *to = &response.responses.items[i];
        to->name = a->results[i].name;
        to->topic_id = a->results[i].id;
        to->error_code = (int16_t)a->results[i].result.error;
        to->error_message = a->results[i].result.message;
    }
    if (response.responses.items == NULL && a->count > 0) {
        forward_out_of_memory(order);
        return;
    }
    forward_answer(order, &kmsg_delete_topics_response_desc, &response);
}

static err_t delete_topics_read(struct order *order, int16_t version, struct slice body)
{
    struct kmsg_delete_topics_request request;
    TRY(kmsg_decode(&kmsg_delete_topics_request_desc, version, &body, &order->arena, &request));
    int32_t named = request.topic_names.count > 0 ? request.topic_names.count : 0;
    int32_t by_id = request.topics.count > 0 ? request.topics.count : 0;
    struct delete_topic *topics = arena_array(&order->arena, (size_t)named + (size_t)by_id,
                                              sizeof(*topics));
    ENSURE(topics != NULL, ERR_NO_MEMORY);
    for (int32_t i = 0; i < named; i++) {
        topics[i].name = request.topic_names.items[i];
    }
    for (int32_t i = 0; i < by_id; i++) {
        topics[named + i].name = request.topics.items[i].name;
        topics[named + i].id = request.topics.items[i].topic_id;
    }
    order->command.kind = COMMAND_DELETE_TOPICS;
    order->command.delete_topics = (struct delete_topics_command){topics,
                                                                  (uint32_t)(named + by_id)};
    order->answer = topics_deleted;
    return OK;
}

err_t forward_order_read(struct order *order, const Odradek__Forward *forward)
{
    static const struct {
        int16_t key;
        err_t (*read)(struct order *, int16_t version, struct slice body);
    } served[] = {
        {19, create_topics_read},     {20, delete_topics_read},
        {37, create_partitions_read}, {43, elect_leaders_read},
        {57, update_features_read},   {64, unregister_broker_read},
        {33, alter_configs_read},     {44, incremental_alter_configs_read},
    };
    const struct kmsg_api *api = forward->api_key <= INT16_MAX
                                     ? kmsg_api_find((int16_t)forward->api_key)
                                     : NULL;
    ENSURE(api != NULL && forward->api_version <= INT16_MAX, ERR_UNSUPPORTED);
    TRY(version_keep(order, api, (int32_t)forward->api_version));
    struct slice body;
    ENSURE(arena_copy(&order->arena, slice_of(forward->body.data, forward->body.len), &body),
           ERR_NO_MEMORY);
    for (size_t i = 0; i < ARRAY_LEN(served); i++) {
        if (served[i].key == api->key) {
            return served[i].read(order, order->forward_version, body);
        }
    }
    return ERR_UNSUPPORTED;
}
