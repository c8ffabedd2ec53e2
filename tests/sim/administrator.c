/* Creates the topics, then does what administrators do. */
#include <stdio.h>

#include "common/wire/kafka_error.h"
#include "kmsg/create_topics.h"
#include "kmsg/delete_records.h"
#include "kmsg/delete_topics.h"
#include "kmsg/elect_leaders.h"
#include "kmsg/incremental_alter_configs.h"
#include "tests/sim/actors.h"

#define API_CREATE         19
#define API_DELETE         20
#define API_DELETE_RECORDS 21
#define API_ELECT          43
#define API_ALTER          44
#define AGAIN_US           100000
#define HIGH_WATERMARK     (-1) /* of DeleteRecords: all that there is */

static void on_created(struct agent_call *call, const void *answer)
{
    struct administrator *admin = CONTAINER_OF(call, struct administrator, call);
    const struct kmsg_create_topics_response *response = answer;
    admin->next_at = agent_now(&admin->agent) + AGAIN_US;
    if (response == NULL || response->topics.count != 1) {
        return;
    }
    int16_t error = response->topics.items[0].error_code;
    if (error == KAFKA_NONE || error == KAFKA_TOPIC_ALREADY_EXISTS) {
        admin->agent.field->topics[admin->topic++].created = true;
    }
}

static void topic_create(struct administrator *admin, int32_t broker, const char *name,
                         uint32_t partitions, int32_t replicas, uint32_t like)
{
    struct field *field = admin->agent.field;
    struct kmsg_create_topics_request_config configs[4];
    struct kmsg_create_topics_request_topic topic;
    struct kmsg_create_topics_request request;
    kmsg_create_topics_request_topic_init(&topic);
    topic.name = slice_str(name);
    topic.num_partitions = (int32_t)partitions;
    topic.replication_factor = (int16_t)replicas;
    for (uint32_t i = 0; i < field->topics[like].config_count; i++) {
        kmsg_create_topics_request_config_init(&configs[i]);
        configs[i].name = slice_str(field->topics[like].configs[i][0]);
        configs[i].value = slice_str(field->topics[like].configs[i][1]);
    }
    topic.configs.items = configs;
    topic.configs.count = (int32_t)field->topics[like].config_count;
    kmsg_create_topics_request_init(&request);
    request.topics.items = &topic;
    request.topics.count = 1;
    request.timeout_ms = 5000;
    agent_send(&admin->agent, broker, &admin->call, API_CREATE, 7, &request);
}

static void side_topic(struct administrator *admin, int32_t broker)
{
    char name[32];
    (void)snprintf(name, sizeof(name), "side%u", admin->side_topics++);
    int32_t replicas = (int32_t)prng_between(&admin->agent.prng, 1,
                                             admin->agent.field->cluster->broker_count);
    topic_create(admin, broker, name, (uint32_t)prng_between(&admin->agent.prng, 1, 3), replicas,
                 0);
}

static void side_topic_delete(struct administrator *admin, int32_t broker)
{
    char name[32];
    struct slice names[1];
    struct kmsg_delete_topics_request request;
    (void)snprintf(name, sizeof(name), "side%u",
                   (uint32_t)prng_below(&admin->agent.prng, admin->side_topics + 1));
    names[0] = slice_str(name);
    kmsg_delete_topics_request_init(&request);
    request.topic_names.items = names;
    request.topic_names.count = 1;
    request.timeout_ms = 5000;
    agent_send(&admin->agent, broker, &admin->call, API_DELETE, 5, &request);
}

static void leaders_elect(struct administrator *admin, int32_t broker)
{
    struct kmsg_elect_leaders_request request;
    kmsg_elect_leaders_request_init(&request);
    request.election_type = 0;
    request.topic_partitions.count = -1;
    request.timeout_ms = 5000;
    agent_send(&admin->agent, broker, &admin->call, API_ELECT, 2, &request);
}

/* Of a topic that promises less from its beginning: to the stronger promise and back. */
static const char *durability_drawn(struct administrator *admin)
{
    return prng_chance(&admin->agent.prng, 600) ? "disk" : "pagecache";
}

static void setting_alter(struct administrator *admin, int32_t broker)
{
    struct field *field = admin->agent.field;
    struct kmsg_incremental_alter_configs_request_resource resource;
    struct kmsg_incremental_alter_configs_request_config config;
    struct kmsg_incremental_alter_configs_request request;
    uint32_t t = (uint32_t)prng_below(&admin->agent.prng, field->topic_count);
    char value[16];
    bool durability = field->topics[t].weak && prng_chance(&admin->agent.prng, 500);
    kmsg_incremental_alter_configs_request_config_init(&config);
    config.name = slice_str(durability ? "durability" : "min.insync.replicas");
    (void)snprintf(value, sizeof(value), "%d",
                   (int)prng_between(&admin->agent.prng, 1, field->topics[t].replicas));
    config.value = slice_str(durability ? durability_drawn(admin) : value);
    kmsg_incremental_alter_configs_request_resource_init(&resource);
    resource.resource_type = 2;
    resource.resource_name = slice_str(field->topics[t].name);
    resource.configs.items = &config;
    resource.configs.count = 1;
    kmsg_incremental_alter_configs_request_init(&request);
    request.resources.items = &resource;
    request.resources.count = 1;
    agent_send(&admin->agent, broker, &admin->call, API_ALTER, 1, &request);
}

/* Deletes from the front of a partition. Whether it was done, and stays so through a power cut, nobody says: the last reading
 * shows where the partition begins. */
static void records_delete(struct administrator *admin)
{
    struct agent *agent = &admin->agent;
    struct field *field = agent->field;
    uint32_t p = (uint32_t)prng_below(&agent->prng, field->partition_count);
    uint32_t t = field_topic_of(field, p);
    if (!field->topics[t].deletable || !agent_ready(agent, agent->leader[p])) {
        return;
    }
    struct kmsg_delete_records_request_partition partition;
    struct kmsg_delete_records_request_topic topic;
    struct kmsg_delete_records_request request;
    kmsg_delete_records_request_partition_init(&partition);
    partition.partition_index = field_index_of(field, p);
    bool all = prng_chance(&agent->prng, 150);
    int64_t most = prng_chance(&agent->prng, 500) ? 300 : 3000;
    partition.offset = all ? HIGH_WATERMARK : prng_between(&agent->prng, 0, most);
    kmsg_delete_records_request_topic_init(&topic);
    topic.name = slice_str(field->topics[t].name);
    topic.partitions.items = &partition;
    topic.partitions.count = 1;
    kmsg_delete_records_request_init(&request);
    request.topics.items = &topic;
    request.topics.count = 1;
    request.timeout_ms = 3000;
    agent_send(agent, agent->leader[p], &admin->call, API_DELETE_RECORDS, 2, &request);
}

static void change(struct administrator *admin, int32_t broker, bool topic)
{
    if (!field_may_change(admin->agent.field)) {
        return;
    }
    admin->call.done = agent_changed;
    if (topic) {
        side_topic(admin, broker);
    } else {
        setting_alter(admin, broker);
    }
    agent_changing(&admin->agent, &admin->call);
}

static void work(struct agent *agent)
{
    struct administrator *admin = CONTAINER_OF(agent, struct administrator, agent);
    struct field *field = agent->field;
    int32_t broker = agent_anyone(agent);
    if (admin->call.out || agent_now(agent) < admin->next_at || !agent_ready(agent, broker)) {
        return;
    }
    if (admin->topic < field->topic_count) {
        admin->call.done = on_created;
        topic_create(admin, broker, field->topics[admin->topic].name,
                     field->topics[admin->topic].partitions, field->topics[admin->topic].replicas,
                     admin->topic);
        return;
    }
    if (admin->pace_us == 0 || field_rests(field)) {
        return;
    }
    admin->next_at = agent_now(agent) + prng_between(&agent->prng, 0, admin->pace_us);
    admin->call.done = agent_ignore;
    if (prng_chance(&agent->prng, 400)) {
        records_delete(admin);
        return;
    }
    switch (prng_below(&agent->prng, 4)) {
    case 0: change(admin, broker, true); break;
    case 1: side_topic_delete(admin, broker); break;
    case 2: leaders_elect(admin, broker); break;
    default: change(admin, broker, false); break;
    }
}

void administrator_open(struct administrator *admin, struct field *field, const char *address,
                        uint16_t number, time_us pace_us)
{
    *admin = (struct administrator){.pace_us = pace_us};
    agent_open(&admin->agent, field, address, number, work);
}

bool administrator_ready(const struct administrator *admin)
{
    return admin->topic == admin->agent.field->topic_count;
}

void administrator_close(struct administrator *admin)
{
    agent_close(&admin->agent);
}
