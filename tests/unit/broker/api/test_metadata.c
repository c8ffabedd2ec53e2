/* What Metadata tells, over all its versions, out of one image. */
#include <criterion/criterion.h>

#include "broker/api/api_internal.h"
#include "kmsg/metadata.h"
#include "tests/unit/common/meta/world.h"

#define VERSION_MAX 13

struct asked {
    struct meta_world world;
    struct arena arena;
    struct api_view view;
    struct kmsg_metadata_request ask;
    struct kmsg_metadata_response response;
};

static struct meta_record broker_record(int32_t id, const char *listener, bool fenced)
{
    struct meta_record record = {.kind = META_BROKER};
    record.broker = (struct meta_broker){.id = id,
                                         .epoch = -1,
                                         .incarnation = test_uuid('B', id),
                                         .rack = slice_str("r1"),
                                         .fenced = fenced,
                                         .endpoint_count = 1,
                                         .dir_count = 1};
    record.broker.endpoints[0] = (struct meta_endpoint){
        .listener = slice_str(listener), .host = slice_str("h"), .port = (uint16_t)(9000 + id)};
    record.broker.dirs[0] = test_uuid('D', id);
    return record;
}

static struct meta_record partition_record(int topic, int index, int32_t leader)
{
    struct meta_record record = {.kind = META_PARTITION};
    record.partition = (struct meta_partition){.topic = test_uuid('T', topic),
                                               .index = index,
                                               .replica_count = 3,
                                               .isr = {.id = {1, 2, 3}, .count = 3},
                                               .leader = leader,
                                               .leader_epoch = 4,
                                               .partition_epoch = 5};
    for (int i = 0; i < 3; i++) {
        record.partition.replicas[i] = (struct meta_replica){.broker = i + 1,
                                                             .dir = test_uuid('D', i + 1)};
    }
    return record;
}

/* Brokers 1 and 4 live, 2 is fenced, 3 has another listener. Topic "t": partition 0 led by 1, 1 by 3, 2 by nobody. */
static void asked_init(struct asked *asked, int16_t version)
{
    memset(asked, 0, sizeof(*asked));
    meta_world_init(&asked->world);
    struct meta_record topic = {.kind = META_TOPIC,
                                .topic = {.id = test_uuid('T', 1), .name = slice_str("t")}};
    struct meta_record records[] = {broker_record(1, "PLAINTEXT", false),
                                    broker_record(2, "PLAINTEXT", true),
                                    broker_record(3, "OTHER", false),
                                    broker_record(4, "PLAINTEXT", false),
                                    topic,
                                    partition_record(1, 0, 1),
                                    partition_record(1, 1, 3),
                                    partition_record(1, 2, META_NO_BROKER)};
    meta_world_apply(&asked->world, records, ARRAY_LEN(records));
    arena_init(&asked->arena, &asked->world.memory.source, 4096, (size_t)1 << 24);
    asked->view = (struct api_view){.image = asked->world.image,
                                    .listener = slice_str("PLAINTEXT"),
                                    .arena = &asked->arena,
                                    .version = version};
    kmsg_metadata_request_init(&asked->ask);
    kmsg_metadata_response_init(&asked->response);
}

/* Whatever is told can be sent in the version it was asked in. */
static void asked_tell(struct asked *asked)
{
    size_t bytes;
    cr_assert(metadata_tell(&asked->view, &asked->ask, &asked->response));
    cr_assert_eq(
        kmsg_size(&kmsg_metadata_response_desc, asked->view.version, &asked->response, &bytes), OK,
        "version %d", asked->view.version);
}

static void asked_release(struct asked *asked)
{
    arena_release(&asked->arena);
    meta_world_release(&asked->world);
}

static void ask_topic(struct asked *asked, struct slice name, struct uuid id)
{
    asked->ask.topics.items = kmsg_metadata_request_topic_array(&asked->arena, 1);
    asked->ask.topics.items[0].name = name;
    asked->ask.topics.items[0].topic_id = id;
    asked->ask.topics.count = 1;
}

Test(metadata, brokers_that_the_listener_reaches)
{
    for (int16_t version = 0; version <= VERSION_MAX; version++) {
        struct asked asked;
        asked_init(&asked, version);
        asked_tell(&asked);
        cr_assert_eq(asked.response.brokers.count, 2);
        cr_assert_eq(asked.response.brokers.items[0].node_id, 1);
        cr_assert_eq(asked.response.brokers.items[1].node_id, 4);
        cr_assert_eq(asked.response.brokers.items[1].port, 9004);
        asked_release(&asked);
    }
}

Test(metadata, no_topic_named_means_all_in_version_0_and_none_later)
{
    for (int16_t version = 0; version <= VERSION_MAX; version++) {
        struct asked asked;
        asked_init(&asked, version);
        asked_tell(&asked);
        cr_assert_eq(asked.response.topics.count, version == 0 ? 1 : 0);
        asked_release(&asked);
        if (version > 0) {
            asked_init(&asked, version);
            asked.ask.topics.count = -1;
            asked_tell(&asked);
            cr_assert_eq(asked.response.topics.count, 1);
            asked_release(&asked);
        }
    }
}

Test(metadata, leaders_and_the_errors_of_who_has_none)
{
    for (int16_t version = 0; version <= VERSION_MAX; version++) {
        struct asked asked;
        asked_init(&asked, version);
        ask_topic(&asked, slice_str("t"), UUID_NONE);
        asked_tell(&asked);
        cr_assert_eq(asked.response.topics.count, 1);
        const struct kmsg_metadata_response_topic *topic = &asked.response.topics.items[0];
        cr_assert_eq(topic->error_code, KAFKA_NONE);
        cr_assert(uuid_eq(topic->topic_id, test_uuid('T', 1)));
        cr_assert_eq(topic->partitions.count, 3);
        cr_assert_eq(topic->partitions.items[0].leader_id, 1);
        cr_assert_eq(topic->partitions.items[0].leader_epoch, 4);
        cr_assert_eq(topic->partitions.items[0].error_code,
                     version == 0 ? KAFKA_REPLICA_NOT_AVAILABLE : KAFKA_NONE);
        cr_assert_eq(topic->partitions.items[1].leader_id, -1);
        cr_assert_eq(topic->partitions.items[1].error_code,
                     version >= 6 ? KAFKA_LISTENER_NOT_FOUND : KAFKA_LEADER_NOT_AVAILABLE);
        cr_assert_eq(topic->partitions.items[2].error_code, KAFKA_LEADER_NOT_AVAILABLE);
        asked_release(&asked);
    }
}

Test(metadata, replicas_reached_in_version_0_and_offline_ones_from_version_5)
{
    for (int16_t version = 0; version <= VERSION_MAX; version++) {
        struct asked asked;
        asked_init(&asked, version);
        ask_topic(&asked, slice_str("t"), UUID_NONE);
        asked_tell(&asked);
        const struct kmsg_metadata_response_partition *partition =
            &asked.response.topics.items[0].partitions.items[0];
        cr_assert_eq(partition->replica_nodes.count, version == 0 ? 1 : 3);
        cr_assert_eq(partition->isr_nodes.count, version == 0 ? 1 : 3);
        cr_assert_eq(partition->offline_replicas.count, version >= 5 ? 2 : 0);
        asked_release(&asked);
    }
}

Test(metadata, a_replica_in_a_directory_that_is_gone_is_offline)
{
    struct asked asked;
    asked_init(&asked, VERSION_MAX);
    struct meta_record moved = partition_record(1, 0, 1);
    moved.partition.replicas[0].dir = test_uuid('D', 77);
    moved.partition.partition_epoch++;
    meta_world_apply(&asked.world, &moved, 1);
    asked.view.image = asked.world.image;
    ask_topic(&asked, slice_str("t"), UUID_NONE);
    asked_tell(&asked);
    cr_assert_eq(asked.response.topics.items[0].partitions.items[0].offline_replicas.count, 3);
    asked_release(&asked);
}

Test(metadata, unknown_names_and_names_that_cannot_be)
{
    for (int16_t version = 0; version <= VERSION_MAX; version++) {
        struct asked asked;
        asked_init(&asked, version);
        ask_topic(&asked, slice_str("nobody"), UUID_NONE);
        asked_tell(&asked);
        cr_assert_eq(asked.response.topics.items[0].error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
        asked_release(&asked);
        asked_init(&asked, version);
        ask_topic(&asked, slice_str("a topic"), UUID_NONE);
        asked_tell(&asked);
        cr_assert_eq(asked.response.topics.items[0].error_code, KAFKA_INVALID_TOPIC_EXCEPTION);
        asked_release(&asked);
    }
}

Test(metadata, ids_are_looked_up_from_version_12_on)
{
    for (int16_t version = 10; version <= VERSION_MAX; version++) {
        struct asked asked;
        asked_init(&asked, version);
        ask_topic(&asked, (struct slice){0}, test_uuid('T', 1));
        asked_tell(&asked);
        cr_assert_eq(asked.response.topics.items[0].error_code,
                     version >= 12 ? KAFKA_NONE : KAFKA_INVALID_REQUEST);
        asked_release(&asked);
        asked_init(&asked, version);
        ask_topic(&asked, (struct slice){0}, test_uuid('T', 9));
        asked_tell(&asked);
        cr_assert_eq(asked.response.topics.items[0].error_code,
                     version >= 12 ? KAFKA_UNKNOWN_TOPIC_ID : KAFKA_INVALID_REQUEST);
        asked_release(&asked);
    }
}

Test(metadata, rights_are_told_to_who_asks)
{
    struct asked asked;
    asked_init(&asked, 10);
    ask_topic(&asked, slice_str("t"), UUID_NONE);
    asked_tell(&asked);
    cr_assert_eq(asked.response.topics.items[0].topic_authorized_operations, INT32_MIN);
    cr_assert_eq(asked.response.cluster_authorized_operations, INT32_MIN);
    asked_release(&asked);
    asked_init(&asked, 10);
    asked.ask.include_topic_authorized_operations = true;
    asked.ask.include_cluster_authorized_operations = true;
    ask_topic(&asked, slice_str("t"), UUID_NONE);
    asked_tell(&asked);
    cr_assert_eq(asked.response.topics.items[0].topic_authorized_operations, OPERATIONS_TOPIC);
    cr_assert_eq(asked.response.cluster_authorized_operations, OPERATIONS_CLUSTER);
    asked_release(&asked);
}

Test(metadata, topic_names)
{
    char long_name[TOPIC_NAME_MAX + 1];
    memset(long_name, 'a', sizeof(long_name));
    cr_assert(api_topic_name_valid(slice_of(long_name, TOPIC_NAME_MAX)));
    cr_assert_not(api_topic_name_valid(slice_of(long_name, TOPIC_NAME_MAX + 1)));
    static const char *const good[] = {"a", "A.b_c-1", "...", "__consumer_offsets"};
    static const char *const bad[] = {"", ".", "..", "a b", "a/b", "\xc3\xa4", "a:b"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        cr_assert(api_topic_name_valid(slice_str(good[i])), "%s", good[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cr_assert_not(api_topic_name_valid(slice_str(bad[i])), "%s", bad[i]);
    }
}
