/* CreatePartitions (KIP-195), ElectLeaders (KIP-183, KIP-460), UnregisterBroker (KIP-500): requests to commands, and back. */
#include "controller/node/forward_internal.h"

#include "kmsg/create_partitions.h"
#include "kmsg/elect_leaders.h"
#include "kmsg/unregister_broker.h"

#include <stdlib.h>

/* ---- CreatePartitions ---- */

struct grow_request {
    struct slice *duplicates; /* names that came more than once, each once */
    int32_t duplicate_count;
};

static void partitions_created(void *machine_ctx, struct order *order, const struct answer *answer)
{
    const struct grow_request *request = order->request;
    const struct create_partitions_command *command = &order->command.create_partitions;
    (void)machine_ctx;
    if (!forward_answer_begin(order, answer)) {
        return;
    }
    struct kmsg_create_partitions_response response;
    kmsg_create_partitions_response_init(&response);
    int32_t count = request->duplicate_count + (int32_t)command->count;
    response.results.items = kmsg_create_partitions_response_result_array(&order->arena, count);
    if (response.results.items == NULL) {
        forward_out_of_memory(order);
        return;
    }
    assert(answer->results.count == command->count);
    response.results.count = count;
    struct kmsg_create_partitions_response_result *to = response.results.items;
    for (int32_t i = 0; i < request->duplicate_count; i++, to++) {
        to->name = request->duplicates[i];
        to->error_code = KAFKA_INVALID_REQUEST;
        to->error_message = slice_str("Duplicate topic name.");
    }
    for (uint32_t i = 0; i < command->count; i++, to++) {
        const struct command_result *result = &answer->results.results[i];
        to->name = command->topics[i].name;
        to->error_code = (int16_t)result->error;
        to->error_message = result->message;
    }
    forward_answer(order, &kmsg_create_partitions_response_desc, &response);
}

static err_t grow_assignments_read(struct arena *arena,
                                   const struct kmsg_create_partitions_request_topic *from,
                                   struct grow_topic *to)
{
    int32_t count = from->assignments.count;
    to->assigned = count >= 0;
    if (count <= 0) {
        return OK;
    }
    struct manual_assignment *list = arena_array(arena, (size_t)count, sizeof(*list));
    ENSURE(list != NULL, ERR_NO_MEMORY);
    for (int32_t i = 0; i < count; i++) {
        const kmsg_i32_array *brokers = &from->assignments.items[i].broker_ids;
        if (brokers->count > REPLICAS_MAX) {
            to->verdict.error = KAFKA_INVALID_REPLICA_ASSIGNMENT;
            to->verdict.message = slice_str(
                "The manual partition assignment includes more replicas than a partition can have.");
            return OK;
        }
        list[i].broker_count = (uint32_t)brokers->count;
        for (int32_t j = 0; j < brokers->count; j++) {
            list[i].brokers[j] = brokers->items[j];
        }
    }
    to->assignments = list;
    to->assignment_count = (uint32_t)count;
    return OK;
}

static int by_name(const void *a, const void *b)
{
    const struct kmsg_create_partitions_request_topic *x = a;
    const struct kmsg_create_partitions_request_topic *y = b;
    return slice_cmp(x->name, y->name);
}

/* Names that come once go into the command; the others are a verdict of their own, as in Kafka's ControllerApis. */
static err_t topics_sort(struct order *order, struct kmsg_create_partitions_request *ask,
                         struct grow_request *request, struct grow_topic *topics)
{
    uint32_t single = 0;
    assert(request->duplicate_count == 0);
    if (ask->topics.count > 1) {
        qsort(ask->topics.items, (size_t)ask->topics.count, sizeof(*ask->topics.items), by_name);
    }
    for (int32_t i = 0, end; i < ask->topics.count; i = end) {
        const struct kmsg_create_partitions_request_topic *from = &ask->topics.items[i];
        for (end = i + 1;
             end < ask->topics.count && slice_eq(ask->topics.items[end].name, from->name); end++) {}
        if (end > i + 1) {
            request->duplicates[request->duplicate_count++] = from->name;
            continue;
        }
        topics[single].name = from->name;
        topics[single].total = from->count;
        TRY(grow_assignments_read(&order->arena, from, &topics[single]));
        single++;
    }
    order->command.create_partitions = (struct create_partitions_command){
        .topics = topics, .count = single, .validate_only = ask->validate_only};
    return OK;
}

err_t create_partitions_read(struct order *order, int16_t version, struct slice body)
{
    struct kmsg_create_partitions_request ask;
    struct arena *arena = &order->arena;
    TRY(kmsg_decode(&kmsg_create_partitions_request_desc, version, &body, arena, &ask));
    size_t count = (size_t)ask.topics.count;
    struct grow_topic *topics = arena_array(arena, count, sizeof(*topics));
    struct grow_request *request = ARENA_NEW(arena, struct grow_request);
    ENSURE(topics != NULL && request != NULL, ERR_NO_MEMORY);
    request->duplicates = arena_array(arena, count, sizeof(struct slice));
    ENSURE(request->duplicates != NULL, ERR_NO_MEMORY);
    TRY(topics_sort(order, &ask, request, topics));
    order->request = request;
    order->command.kind = COMMAND_CREATE_PARTITIONS;
    order->answer = partitions_created;
    return OK;
}

/* ---- ElectLeaders ---- */

/* Results of one topic, which stand together: those that the core gave for its partitions, in order. */
static bool run_tell(struct order *order, struct slice topic,
                     const struct elect_leaders_result *results, uint32_t count,
                     struct kmsg_elect_leaders_response *response)
{
    struct kmsg_elect_leaders_response_replica_election_result *to =
        &response->replica_election_results.items[response->replica_election_results.count++];
    to->topic = topic;
    to->partition_result.items = kmsg_elect_leaders_response_partition_result_array(&order->arena,
                                                                                    (int32_t)count);
    if (to->partition_result.items == NULL) {
        return false;
    }
    to->partition_result.count = (int32_t)count;
    for (uint32_t i = 0; i < count; i++) {
        struct kmsg_elect_leaders_response_partition_result *one = &to->partition_result.items[i];
        one->partition_id = results[i].at.partition;
        one->error_code = (int16_t)results[i].result.error;
        one->error_message = results[i].result.message;
    }
    return true;
}

static bool named_tell(struct order *order, const struct kmsg_elect_leaders_request *ask,
                       const struct elect_leaders_answer *answer,
                       struct kmsg_elect_leaders_response *response)
{
    uint32_t at = 0;
    assert(!order->command.elect_leaders.all);
    response->replica_election_results.items =
        kmsg_elect_leaders_response_replica_election_result_array(&order->arena,
                                                                  ask->topic_partitions.count);
    bool told = response->replica_election_results.items != NULL;
    for (int32_t t = 0; told && t < ask->topic_partitions.count; t++) {
        uint32_t count = (uint32_t)ask->topic_partitions.items[t].partitions.count;
        struct slice topic = ask->topic_partitions.items[t].topic;
        assert(at + count <= answer->count);
        for (uint32_t i = at; i < at + count; i++) {
            if (uuid_is_none(answer->results[i].at.topic)) { /* the core does not know its name */
                char *why = arena_printf(&order->arena, "No such topic as %.*s", (int)topic.n,
                                         (const char *)topic.p);
                answer->results[i].result.message = slice_str(why);
            }
        }
        told = run_tell(order, topic, &answer->results[at], count, response);
        at += count;
    }
    return told;
}

/* All partitions were meant: topics are looked up again, and one that went meanwhile has nothing to tell. */
static bool all_tell(struct order *order, const struct elect_leaders_answer *answer,
                     struct kmsg_elect_leaders_response *response)
{
    const struct brokers *b = order->ctx;
    const struct meta_image *image = machine_image(b->machine);
    response->replica_election_results.items =
        kmsg_elect_leaders_response_replica_election_result_array(&order->arena,
                                                                  (int32_t)answer->count);
    bool told = response->replica_election_results.items != NULL;
    for (uint32_t at = 0, end; told && at < answer->count; at = end) {
        struct uuid id = answer->results[at].at.topic;
        const struct meta_topic *topic = meta_topic(image, id);
        for (end = at + 1; end < answer->count && uuid_eq(answer->results[end].at.topic, id);
             end++) {}
        told = topic == NULL ||
               run_tell(order, meta_topic_name(topic), &answer->results[at], end - at, response);
    }
    return told;
}

static void leaders_elected(void *machine_ctx, struct order *order, const struct answer *answer)
{
    const struct kmsg_elect_leaders_request *ask = order->request;
    (void)machine_ctx;
    if (!forward_answer_begin(order, answer)) {
        return;
    }
    struct kmsg_elect_leaders_response response;
    kmsg_elect_leaders_response_init(&response);
    bool told = order->command.elect_leaders.all
                    ? all_tell(order, &answer->elect_leaders, &response)
                    : named_tell(order, ask, &answer->elect_leaders, &response);
    if (told) {
        forward_answer(order, &kmsg_elect_leaders_response_desc, &response);
    } else {
        forward_out_of_memory(order);
    }
}

static err_t elections_read(struct order *order, const struct kmsg_elect_leaders_request *ask)
{
    const struct brokers *b = order->ctx;
    const struct meta_image *image = machine_image(b->machine);
    size_t count = 0;
    for (int32_t t = 0; t < ask->topic_partitions.count; t++) {
        count += (size_t)ask->topic_partitions.items[t].partitions.count;
    }
    /* All are decided in one turn of the loop. */
    ENSURE(count <= TOPIC_PARTITIONS_MAX, ERR_TOO_LARGE);
    struct partition_ref *entries = arena_array(&order->arena, count, sizeof(*entries));
    ENSURE(entries != NULL, ERR_NO_MEMORY);
    assert(order->command.elect_leaders.all == (ask->topic_partitions.count < 0));
    struct partition_ref *to = entries;
    for (int32_t t = 0; t < ask->topic_partitions.count; t++) {
        const struct kmsg_elect_leaders_request_topic_partition *from =
            &ask->topic_partitions.items[t];
        const struct meta_topic *topic = meta_topic_named(image, from->topic);
        for (int32_t i = 0; i < from->partitions.count; i++, to++) {
            to->topic = topic == NULL ? UUID_NONE : meta_topic_id(topic);
            to->partition = from->partitions.items[i];
        }
    }
    order->command.elect_leaders.entries = entries;
    order->command.elect_leaders.count = (uint32_t)count;
    return OK;
}

/* An election of a kind that we do not know is the broker's to refuse. */
err_t elect_leaders_read(struct order *order, int16_t version, struct slice body)
{
    struct kmsg_elect_leaders_request *ask = ARENA_NEW(&order->arena,
                                                       struct kmsg_elect_leaders_request);
    ENSURE(ask != NULL, ERR_NO_MEMORY);
    TRY(kmsg_decode(&kmsg_elect_leaders_request_desc, version, &body, &order->arena, ask));
    ENSURE(ask->election_type == ELECTION_PREFERRED || ask->election_type == ELECTION_UNCLEAN,
           ERR_INVALID);
    order->command.kind = COMMAND_ELECT_LEADERS;
    order->command.elect_leaders = (struct elect_leaders_command){
        .election = (enum election)ask->election_type, .all = ask->topic_partitions.count < 0};
    order->request = ask;
    order->answer = leaders_elected;
    return elections_read(order, ask);
}

/* ---- UnregisterBroker ---- */

static void broker_unregistered(void *machine_ctx, struct order *order, const struct answer *answer)
{
    (void)machine_ctx;
    if (!forward_answer_begin(order, answer)) {
        return;
    }
    assert(order->command.kind == COMMAND_UNREGISTER_BROKER);
    struct kmsg_unregister_broker_response response;
    kmsg_unregister_broker_response_init(&response);
    response.error_code = (int16_t)answer->result.error;
    response.error_message = answer->result.message;
    forward_answer(order, &kmsg_unregister_broker_response_desc, &response);
}

err_t unregister_broker_read(struct order *order, int16_t version, struct slice body)
{
    struct kmsg_unregister_broker_request ask;
    TRY(kmsg_decode(&kmsg_unregister_broker_request_desc, version, &body, &order->arena, &ask));
    order->command.kind = COMMAND_UNREGISTER_BROKER;
    order->command.unregister_broker.broker = ask.broker_id;
    order->answer = broker_unregistered;
    return OK;
}
