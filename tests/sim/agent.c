#include "tests/sim/agent.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/port/memory.h"
#include "common/wire/kafka_error.h"
#include "kmsg/create_partitions.h"
#include "kmsg/create_topics.h"
#include "kmsg/incremental_alter_configs.h"
#include "kmsg/metadata.h"

#define FRAME_MAX       (64u << 20)
#define API_METADATA    3
#define API_CREATE      19
#define API_PARTITIONS  37
#define METADATA_GAP_US 50000
#define DIAL_REST_US    100000
#define VALUE_HEAD      20

#define QUIET_TICK_US     60000 /* where clients have time */
#define QUIET_PATIENCE_US 5000000

#define CHANGE_MOST_US INT64_C(30000000) /* what nobody answered is not done later than that */

/* ---- what is written ---- */

bool field_may_change(const struct field *field)
{
    return field->cluster->unheard == 0;
}

bool field_changes(const struct field *field)
{
    return field->changing > 0 || world_now_us(field->cluster->world) < field->changing_until;
}

bool field_busy(const struct field *field)
{
    time_us now = world_now_us(field->cluster->world);
    return !field->thinks || now < field->busy_until || now >= field->busy_from;
}

uint32_t field_topic_of(const struct field *field, uint32_t partition)
{
    assert(partition < field->partition_count);
    return field->partitions[partition].topic;
}

int32_t field_index_of(const struct field *field, uint32_t partition)
{
    assert(partition < field->partition_count);
    return field->partitions[partition].index;
}

int32_t field_leader_epoch(struct field *field, uint32_t partition)
{
    const char *topic = field->topics[field_topic_of(field, partition)].name;
    int32_t *newest = &field->partitions[partition].leader_epoch;
    int32_t epoch = cluster_leader_epoch(field->cluster, topic, field_index_of(field, partition));
    *newest = epoch > *newest ? epoch : *newest;
    return *newest;
}

void field_grow(struct field *field, uint32_t topic, uint32_t partitions)
{
    while (field->topics[topic].partitions < partitions) {
        uint32_t index = field->topics[topic].partitions++;
        uint32_t number = field->partition_count++;
        assert(number < PARTITIONS_MAX);
        field->topics[topic].number[index] = (uint8_t)number;
        field->partitions[number].topic = (uint8_t)topic;
        field->partitions[number].index = (uint8_t)index;
    }
}

bool field_partition(const struct field *field, struct slice topic, int32_t index,
                     uint32_t *ret_partition)
{
    for (uint32_t t = 0; t < field->topic_count; t++) {
        if (slice_eq(topic, slice_str(field->topics[t].name)) && index >= 0 &&
            (uint32_t)index < field->topics[t].partitions) {
            *ret_partition = field->topics[t].number[index];
            return true;
        }
    }
    return false;
}

uint32_t field_meet(struct field *field, struct slice topic, int32_t index)
{
    uint32_t t = 0;
    while (!slice_eq(topic, slice_str(field->topics[t].name))) {
        t++;
        assert(t < field->topic_count);
    }
    assert(index >= 0);
    field_grow(field, t, (uint32_t)index + 1);
    return field->topics[t].number[index];
}

struct slice field_value(const struct field *field, uint64_t value, uint32_t partition,
                         uint8_t *room)
{
    struct prng prng;
    prng_init(&prng, field->seed ^ value * UINT64_C(0x9e3779b97f4a7c15));
    size_t n = VALUE_HEAD + prng_below(&prng, VALUE_MAX - VALUE_HEAD);
    uint64_t check = prng_u64(&prng);
    memcpy(room, &value, 8);
    memcpy(room + 8, &partition, 4);
    memcpy(room + 12, &check, 8);
    for (size_t i = VALUE_HEAD; i < n; i += 8) {
        memcpy(room + i, &check, n - i < 8 ? n - i : 8);
    }
    return slice_of(room, n);
}

bool field_value_read(const struct field *field, struct slice bytes, uint32_t partition,
                      uint64_t *ret_value)
{
    uint8_t room[VALUE_MAX];
    if (bytes.n < VALUE_HEAD) {
        return false;
    }
    memcpy(ret_value, bytes.p, 8);
    return slice_eq(bytes, field_value(field, *ret_value, partition, room));
}

/* ---- connections ---- */

time_us agent_now(const struct agent *agent)
{
    return loop_now_us(agent->loop);
}

static void call_end(struct agent_call *call, const void *response)
{
    assert(call->out);
    call->out = false;
    list_remove(&call->node);
    call->done(call, response);
}

static void link_lost(struct agent_link *link)
{
    link->rest_until = agent_now(link->agent) + DIAL_REST_US;
    for (struct list_node *node = list_first(&link->calls); node != NULL;
         node = list_first(&link->calls)) {
        call_end(CONTAINER_OF(node, struct agent_call, node), NULL);
    }
    agent_want_metadata(link->agent);
}

static void on_opened(struct client_conn *conn)
{
    struct agent *agent = CONTAINER_OF(conn, struct agent_link, conn)->agent;
    agent->work(agent);
}

static void on_closed(struct client_conn *conn, err_t why)
{
    (void)why;
    link_lost(CONTAINER_OF(conn, struct agent_link, conn));
}

static void on_answered(struct client_call *client_call, struct slice body)
{
    struct agent_call *call = CONTAINER_OF(client_call, struct agent_call, call);
    struct agent *agent = call->agent;
    void *response = arena_alloc(&agent->arena, client_call->api->response->shape->size);
    assert(response != NULL);
    err_t err = kmsg_decode(client_call->api->response, client_call->version, &body, &agent->arena,
                            response);
    call_end(call, err == OK ? response : NULL);
    arena_clear(&agent->arena);
    agent->work(agent);
}

/* Before there are topics, and when all is repaired, nothing that works is given up for being slow: some networks take longer to
 * create a topic or to store an offset than some clients have patience. */
static time_us patience_of(const struct agent *agent)
{
    const struct field *field = agent->field;
    bool patient = field->quiet || !field->topics[field->topic_count - 1].created;
    return patient ? max_i64(agent->patience_us, QUIET_PATIENCE_US) : agent->patience_us;
}

bool agent_ready(struct agent *agent, int32_t broker)
{
    if (broker < 0 || broker >= (int32_t)agent->field->cluster->broker_count) {
        return false;
    }
    struct agent_link *link = &agent->links[broker];
    if (link->conn.net == NULL && agent_now(agent) >= link->rest_until) {
        link->rest_until = agent_now(agent) + patience_of(agent);
        err_t err = client_conn_open(&link->conn, &agent->field->cluster->brokers[broker].address);
        assert(err == OK);
    }
    return link->conn.open;
}

void agent_send(struct agent *agent, int32_t broker, struct agent_call *call, int16_t api,
                int16_t version, const void *request)
{
    struct agent_link *link = &agent->links[broker];
    assert(link->conn.open && !call->out && call->done != NULL);
    call->call = (struct client_call){
        .api = kmsg_api_find(api), .version = version, .answered = on_answered};
    call->agent = agent;
    call->link = link;
    call->sent_us = agent_now(agent);
    call->out = true;
    list_push(&link->calls, &call->node);
    err_t err = client_conn_send(&link->conn, &call->call, request);
    assert(err == OK);
}

int32_t agent_anyone(struct agent *agent)
{
    return (int32_t)prng_below(&agent->prng, agent->field->cluster->broker_count);
}

void agent_hang_up(struct agent *agent)
{
    for (uint32_t i = 0; i < agent->field->cluster->broker_count; i++) {
        client_conn_close(&agent->links[i].conn);
        link_lost(&agent->links[i]);
    }
}

static void links_look(struct agent *agent)
{
    for (uint32_t i = 0; i < agent->field->cluster->broker_count; i++) {
        struct agent_link *link = &agent->links[i];
        const struct list_node *oldest = list_first(&link->calls);
        const struct agent_call *call = oldest == NULL
                                            ? NULL
                                            : CONTAINER_OF(oldest, struct agent_call, node);
        time_us patience_us = call != NULL && call->patience_us > 0 ? call->patience_us
                                                                    : patience_of(agent);
        bool late = call != NULL && agent_now(agent) - call->sent_us > patience_us;
        bool deaf = link->conn.net != NULL && !link->conn.open &&
                    agent_now(agent) >= link->rest_until;
        if (late || deaf) {
            client_conn_close(&link->conn);
            link_lost(link);
        }
    }
}

/* ---- metadata ---- */

void agent_ignore(struct agent_call *call, const void *response)
{
    (void)call;
    (void)response;
}

/* One change was asked for. */
static int16_t change_error(const struct agent_call *call, const void *answer)
{
    const struct kmsg_create_topics_response *topics = answer;
    const struct kmsg_create_partitions_response *partitions = answer;
    const struct kmsg_incremental_alter_configs_response *settings = answer;
    int16_t none = KAFKA_REQUEST_TIMED_OUT;
    switch (call->call.api->key) {
    case API_CREATE: return topics->topics.count == 1 ? topics->topics.items[0].error_code : none;
    case API_PARTITIONS:
        return partitions->results.count == 1 ? partitions->results.items[0].error_code : none;
    default: return settings->responses.count == 1 ? settings->responses.items[0].error_code : none;
    }
}

/* Who asked the controllers for us and lost its connection to them meanwhile knows no more than we without an answer. */
void agent_changed(struct agent_call *call, const void *response)
{
    struct field *field = call->agent->field;
    assert(field->changing > 0);
    field->changing--;
    if (response == NULL || change_error(call, response) == KAFKA_REQUEST_TIMED_OUT) {
        field->changing_until = world_now_us(field->cluster->world) + CHANGE_MOST_US;
    }
}

void agent_changing(struct agent *agent, const struct agent_call *call)
{
    agent->field->changing += call->out;
}

void agent_want_metadata(struct agent *agent)
{
    agent->metadata_wanted = true;
}

static void on_metadata(struct agent_call *call, const void *answer)
{
    struct agent *agent = call->agent;
    const struct kmsg_metadata_response *response = answer;
    if (response == NULL) {
        agent->metadata_wanted = true;
        return;
    }
    for (int32_t i = 0; i < response->topics.count; i++) {
        const struct kmsg_metadata_response_topic *topic = &response->topics.items[i];
        for (uint32_t t = 0; t < agent->field->topic_count; t++) {
            if (!slice_eq(topic->name, slice_str(agent->field->topics[t].name))) {
                continue;
            }
            field_grow(agent->field, t, (uint32_t)topic->partitions.count);
            for (int32_t p = 0; p < topic->partitions.count; p++) {
                int32_t index = topic->partitions.items[p].partition_index;
                uint32_t at = agent->field->topics[t].number[index];
                int32_t epoch = topic->partitions.items[p].leader_epoch;
                if (topic->partitions.items[p].leader_id < 0) {
                    agent->metadata_wanted = true;
                } else if (epoch >= agent->leader_epoch[at]) {
                    agent->leader[at] = topic->partitions.items[p].leader_id - broker_id(0);
                    agent->leader_epoch[at] = epoch;
                }
            }
        }
    }
}

static void metadata_ask(struct agent *agent)
{
    int32_t broker = agent_anyone(agent);
    if (!agent->metadata_wanted || agent->metadata.out || agent_now(agent) < agent->metadata_at ||
        !agent_ready(agent, broker)) {
        return;
    }
    struct kmsg_metadata_request_topic topics[TOPICS_MAX];
    struct kmsg_metadata_request request;
    kmsg_metadata_request_init(&request);
    for (uint32_t i = 0; i < agent->field->topic_count; i++) {
        kmsg_metadata_request_topic_init(&topics[i]);
        topics[i].name = slice_str(agent->field->topics[i].name);
    }
    request.topics.items = topics;
    request.topics.count = (int32_t)agent->field->topic_count;
    request.allow_auto_topic_creation = false;
    agent->metadata_wanted = false;
    agent->metadata_at = agent_now(agent) + METADATA_GAP_US;
    agent->metadata.done = on_metadata;
    agent_send(agent, broker, &agent->metadata, API_METADATA, 9, &request);
}

/* ---- turns ---- */

static time_us tick_length(const struct agent *agent)
{
    const struct field *field = agent->field;
    if (field_busy(field)) {
        return agent->tick_us;
    }
    if (field->quiet) {
        return max_i64(agent->tick_us, QUIET_TICK_US);
    }
    time_us wait = field->busy_from - world_now_us(field->cluster->world);
    return min_i64(max_i64(agent->tick_us, min_i64(field->idle_tick_us, agent->idle_tick_us)),
                   wait + 1);
}

static void on_tick(struct timer *timer)
{
    struct agent *agent = CONTAINER_OF(timer, struct agent, timer);
    links_look(agent);
    metadata_ask(agent);
    agent->work(agent);
    timer_arm(agent->loop, timer, agent_now(agent) + tick_length(agent));
}

static void first(void *arg)
{
    struct agent *agent = arg;
    agent->timer.fire = on_tick;
    on_tick(&agent->timer);
}

void agent_open(struct agent *agent, struct field *field, const char *address, uint16_t number,
                void (*work)(struct agent *))
{
    *agent = (struct agent){.field = field, .number = number, .work = work};
    agent->host = world_host(field->cluster->world, address);
    prng_init(&agent->prng, field->seed * 31 + number);
    heap_init(&agent->heap, memory_source(agent->host), 256 << 20);
    arena_init(&agent->arena, memory_source(agent->host), 65536, 256 << 20);
    agent->patience_us = prng_between(&agent->prng, 300000, 5000000);
    agent->tick_us = prng_between(&agent->prng, 3000, 30000);
    agent->idle_tick_us = TIME_NEVER;
    agent->metadata_wanted = true;
    err_t err = loop_open(agent->host, "agent", &agent->loop);
    assert(err == OK);
    for (uint32_t i = 0; i < BROKERS_MAX; i++) {
        agent->links[i].agent = agent;
        list_init(&agent->links[i].calls);
        client_conn_init(&agent->links[i].conn, agent->loop, &agent->heap, slice_str("sim"),
                         FRAME_MAX, on_opened, on_closed);
    }
    for (uint32_t i = 0; i < PARTITIONS_MAX; i++) {
        agent->leader[i] = -1;
        agent->leader_epoch[i] = -1;
    }
    loop_start(agent->loop, first, agent);
}

void agent_close(struct agent *agent)
{
    for (uint32_t i = 0; i < BROKERS_MAX; i++) {
        client_conn_close(&agent->links[i].conn);
    }
    loop_stop(agent->loop);
    loop_join(agent->loop);
    arena_release(&agent->arena);
    heap_release(&agent->heap);
}
