/*
 * Another administrator beside the first one: topics grow while they are worked on, settings of the whole cluster change, and a
 * broker that stays away is struck off. By chance of its own.
 */
#include <stdio.h>

#include "kmsg/create_partitions.h"
#include "kmsg/incremental_alter_configs.h"
#include "kmsg/unregister_broker.h"
#include "tests/sim/actors.h"

#define API_CREATE_PARTITIONS 37
#define API_ALTER             44
#define API_UNREGISTER        64
#define RESOURCE_BROKER       4
#define SET                   0
#define UNSET                 1
#define SIDE_TOPICS           8

/* ---- topics that grow ---- */

static void grow(struct overseer *who, int32_t broker, const char *name, int32_t count)
{
    struct kmsg_create_partitions_request_topic topic;
    struct kmsg_create_partitions_request request;
    kmsg_create_partitions_request_topic_init(&topic);
    topic.name = slice_str(name);
    topic.count = count;
    topic.assignments.count = -1;
    kmsg_create_partitions_request_init(&request);
    request.topics.items = &topic;
    request.topics.count = 1;
    request.timeout_ms = 5000;
    request.validate_only = prng_chance(&who->agent.prng, 100);
    agent_send(&who->agent, broker, &who->call, API_CREATE_PARTITIONS, 3, &request);
}

/* Of a topic that is written to: never more than there are numbers for, whatever became of what was asked before. */
static void field_topic_grow(struct overseer *who, int32_t broker)
{
    struct field *field = who->agent.field;
    uint32_t t = (uint32_t)prng_below(&who->agent.prng, field->topic_count);
    uint32_t more = (uint32_t)prng_between(&who->agent.prng, 1, 2);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < field->topic_count; i++) {
        uint32_t now = field->topics[i].partitions;
        who->asked[i] = who->asked[i] > now ? who->asked[i] : now;
        sum += who->asked[i];
    }
    uint32_t count = field->topics[t].partitions +
                     more; /* fewer than asked for before: refused, or it came first */
    uint32_t most = count > who->asked[t] ? count : who->asked[t];
    if (sum - who->asked[t] + most <= PARTITIONS_MAX) {
        who->asked[t] = most;
        grow(who, broker, field->topics[t].name, (int32_t)count);
    }
}

static void side_topic_grow(struct overseer *who, int32_t broker)
{
    char name[32];
    (void)snprintf(name, sizeof(name), "side%u",
                   (uint32_t)prng_below(&who->agent.prng, SIDE_TOPICS));
    grow(who, broker, name, (int32_t)prng_between(&who->agent.prng, 0, 5));
}

/* ---- settings of the whole cluster ---- */

static const struct {
    const char *key;
    int64_t least;
    int64_t most;
} settings[] = {
    {"min.insync.replicas", 1, 2},
    {"min.insync.replicas", 1, 3},
    {"log.roll.ms", 50, 3000},
    {"log.index.interval.bytes", 0, 4096},
    {"log.segment.bytes", 1 << 20, 2 << 20},
    {"log.segment.delete.delay.ms", 0, 1000},
    {"group.consumer.assignment.interval.ms", 0, 1000},
};

static void default_alter(struct overseer *who, int32_t broker)
{
    struct kmsg_incremental_alter_configs_request_resource resource;
    struct kmsg_incremental_alter_configs_request_config config;
    struct kmsg_incremental_alter_configs_request request;
    struct prng *prng = &who->agent.prng;
    uint64_t i = prng_below(prng, ARRAY_LEN(settings));
    char value[24];
    (void)snprintf(value, sizeof(value), "%lld",
                   (long long)prng_between(prng, settings[i].least, settings[i].most));
    kmsg_incremental_alter_configs_request_config_init(&config);
    config.name = slice_str(settings[i].key);
    config.config_operation = prng_chance(prng, 250) ? UNSET : SET;
    config.value = config.config_operation == UNSET ? (struct slice){0} : slice_str(value);
    kmsg_incremental_alter_configs_request_resource_init(&resource);
    resource.resource_type = RESOURCE_BROKER;
    resource.resource_name = slice_str("");
    resource.configs.items = &config;
    resource.configs.count = 1;
    kmsg_incremental_alter_configs_request_init(&request);
    request.resources.items = &resource;
    request.resources.count = 1;
    agent_send(&who->agent, broker, &who->call, API_ALTER, 1, &request);
}

/* ---- brokers that stay away ---- */

/* Only one whose seats have all gone to others: else an operator would throw away what may be the last copy. */
static void broker_unregister(struct overseer *who, int32_t broker)
{
    struct field *field = who->agent.field;
    struct kmsg_unregister_broker_request request;
    kmsg_unregister_broker_request_init(&request);
    request.broker_id = broker_id(
        (uint32_t)prng_below(&who->agent.prng, field->cluster->broker_count));
    if (cluster_holds_nothing(field->cluster, request.broker_id)) {
        agent_send(&who->agent, broker, &who->call, API_UNREGISTER, 0, &request);
    }
}

/* ---- turns ---- */

static void change(struct overseer *who, int32_t broker, uint64_t drawn)
{
    if (!field_may_change(who->agent.field)) {
        return;
    }
    who->call.done = agent_changed;
    switch (drawn) {
    case 0:
    case 1:
    case 2: field_topic_grow(who, broker); break;
    case 3: side_topic_grow(who, broker); break;
    default: default_alter(who, broker); break;
    }
    agent_changing(&who->agent, &who->call);
}

static void work(struct agent *agent)
{
    struct overseer *who = CONTAINER_OF(agent, struct overseer, agent);
    struct field *field = agent->field;
    int32_t broker = agent_anyone(agent);
    bool idle = who->pace_us == 0 || field_rests(field) ||
                !field->topics[field->topic_count - 1].created;
    if (idle || who->call.out || agent_now(agent) < who->next_at || !agent_ready(agent, broker)) {
        return;
    }
    who->next_at = agent_now(agent) + prng_between(&agent->prng, 0, 2 * who->pace_us);
    who->call.done = agent_ignore;
    uint64_t drawn = prng_below(&agent->prng, 8);
    if (drawn == 4 || drawn == 5) {
        broker_unregister(who, broker);
    } else {
        change(who, broker, drawn);
    }
}

void overseer_open(struct overseer *who, struct field *field, const char *address, uint16_t number,
                   time_us pace_us)
{
    *who = (struct overseer){.pace_us = pace_us};
    agent_open(&who->agent, field, address, number, work);
}

void overseer_close(struct overseer *who)
{
    agent_close(&who->agent);
}
