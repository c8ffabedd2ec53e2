#include <criterion/criterion.h>

#include "common/base/prng.h"
#include "tests/unit/common/meta/world.h"

static struct meta_record topic_record(int id, const char *name)
{
    return (struct meta_record){.kind = META_TOPIC,
                                .topic = {.id = test_uuid('T', id), .name = slice_str(name)}};
}

static struct meta_record partition_record(int topic, int index, int32_t leader, int epoch)
{
    return (struct meta_record){.kind = META_PARTITION,
                                .partition = {
                                    .topic = test_uuid('T', topic),
                                    .index = index,
                                    .replicas = {{.broker = 1}, {.broker = 2}},
                                    .replica_count = 2,
                                    .isr = {.id = {1, 2}, .count = 2},
                                    .leader = leader,
                                    .leader_epoch = epoch,
                                    .partition_epoch = epoch,
                                }};
}

static struct meta_record config_record(const char *topic, const char *key, const char *value)
{
    return (struct meta_record){.kind = META_CONFIG,
                                .config = {.resource = META_RESOURCE_TOPIC,
                                           .name = slice_str(topic),
                                           .key = slice_str(key),
                                           .value = slice_str(value)}};
}

Test(meta_image, a_topic_comes_with_partitions_and_takes_them_and_its_settings_along)
{
    struct meta_world world;
    meta_world_init(&world);
    struct meta_record made[] = {topic_record(1, "orders"), partition_record(1, 0, 1, 0),
                                 partition_record(1, 1, 2, 0),
                                 config_record("orders", "retention.ms", "5")};
    meta_world_apply(&world, made, 4);
    cr_assert_eq(world.changes.count, 4);
    const struct meta_topic *topic = meta_topic_named(world.image, slice_str("orders"));
    cr_assert_not_null(topic);
    cr_assert(uuid_eq(meta_topic_id(topic), test_uuid('T', 1)));
    cr_assert_eq(meta_topic_partitions(topic), 2);
    cr_assert_eq(meta_partition(topic, 1)->leader, 2);
    cr_assert_null(meta_partition(topic, 2));
    cr_assert_eq(meta_partition_total(world.image), 2);
    struct slice value = meta_config_value(world.image, META_RESOURCE_TOPIC, slice_str("orders"),
                                           slice_str("retention.ms"));
    cr_assert(slice_eq(value, slice_str("5")));

    struct meta_record gone = {.kind = META_TOPIC_GONE, .topic_gone = {test_uuid('T', 1)}};
    meta_world_apply(&world, &gone, 1);
    cr_assert_eq(world.changes.count, 4, "topic, two partitions, settings");
    cr_assert_eq(world.changes.items[0].kind, META_CHANGED_TOPIC);
    cr_assert_eq(meta_topic_count(world.image), 0);
    cr_assert_eq(meta_partition_total(world.image), 0);
    cr_assert_null(meta_topic_named(world.image, slice_str("orders")));

    struct meta_record again = topic_record(2, "orders");
    meta_world_apply(&world, &again, 1);
    value = meta_config_value(world.image, META_RESOURCE_TOPIC, slice_str("orders"),
                              slice_str("retention.ms"));
    cr_assert_null(value.p);
    meta_world_release(&world);
}

static void set_for(struct meta_world *world, enum meta_resource resource, const char *name,
                    const char *key, const char *value)
{
    struct meta_record record = config_record(name, key, value);
    record.config.resource = resource;
    meta_world_apply(world, &record, 1);
}

Test(meta_image, resources_that_have_settings_are_found_each_once)
{
    struct meta_world world;
    struct slice name = {0};
    meta_world_init(&world);
    cr_assert_not(meta_config_resource_next(world.image, META_RESOURCE_GROUP, name, &name));
    set_for(&world, META_RESOURCE_GROUP, "b", "share.isolation.level", "read_committed");
    set_for(&world, META_RESOURCE_GROUP, "a", "consumer.session.timeout.ms", "50000");
    set_for(&world, META_RESOURCE_GROUP, "a", "share.isolation.level", "read_committed");
    set_for(&world, META_RESOURCE_GROUP, "ab", "share.isolation.level", "read_committed");
    set_for(&world, META_RESOURCE_CLIENT_METRICS, "m", "interval.ms", "100");
    set_for(&world, META_RESOURCE_BROKER, "1", "max.connections", "9");
    static const char *const groups[] = {"a", "ab", "b"};
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        cr_assert(meta_config_resource_next(world.image, META_RESOURCE_GROUP, name, &name));
        cr_assert(slice_eq(name, slice_str(groups[i])));
    }
    cr_assert_not(meta_config_resource_next(world.image, META_RESOURCE_GROUP, name, &name));
    name = (struct slice){0};
    cr_assert(meta_config_resource_next(world.image, META_RESOURCE_CLIENT_METRICS, name, &name));
    cr_assert(slice_eq(name, slice_str("m")));
    set_for(&world, META_RESOURCE_CLIENT_METRICS, "m", "interval.ms", NULL);
    name = (struct slice){0};
    cr_assert_not(
        meta_config_resource_next(world.image, META_RESOURCE_CLIENT_METRICS, name, &name));
    meta_world_release(&world);
}

Test(meta_image, a_fresh_broker_gets_its_offset_as_epoch)
{
    struct meta_world world;
    meta_world_init(&world);
    struct meta_record filler = {.kind = META_FEATURE,
                                 .feature = {.name = slice_str("group.version"), .level = 1}};
    meta_world_apply(&world, &filler, 1);
    struct meta_record broker = {.kind = META_BROKER,
                                 .broker = {.id = 3,
                                            .epoch = -1,
                                            .incarnation = test_uuid('I', 1),
                                            .rack = slice_str("north"),
                                            .endpoints = {{.listener = slice_str("PLAINTEXT"),
                                                           .host = slice_str("127.0.0.1"),
                                                           .port = 9092}},
                                            .endpoint_count = 1,
                                            .fenced = true}};
    meta_world_apply(&world, &broker, 1);
    const struct meta_broker *found = meta_broker(world.image, 3);
    cr_assert_eq(found->epoch, meta_offset(world.image));
    cr_assert(slice_eq(found->rack, slice_str("north")));
    cr_assert_eq(meta_broker_endpoint(found, slice_str("PLAINTEXT"))->port, 9092);
    cr_assert_null(meta_broker_endpoint(found, slice_str("SSL")));
    cr_assert_eq(meta_feature_level(world.image, slice_str("group.version")), 1);

    /* Unfenced later, with the same epoch; another incarnation with it is a broken log. */
    broker.broker.epoch = found->epoch;
    broker.broker.fenced = false;
    meta_world_apply(&world, &broker, 1);
    cr_assert_not(meta_broker(world.image, 3)->fenced);
    broker.broker.incarnation = test_uuid('I', 2);
    meta_world_refuses(&world, &broker, 1);
    meta_world_release(&world);
}

Test(meta_image, what_does_not_fit_changes_nothing)
{
    struct meta_world world;
    meta_world_init(&world);
    struct meta_record made[] = {topic_record(1, "orders"), partition_record(1, 0, 1, 5)};
    meta_world_apply(&world, made, 2);
    uint64_t hash = meta_image_hash(world.image);
    struct meta_record bad[] = {
        partition_record(2, 0, 1, 0),                 /* unknown topic */
        partition_record(1, 2, 1, 0),                 /* a gap */
        partition_record(1, 0, 1, 4),                 /* epochs go back */
        partition_record(1, 0, 2, 5),                 /* a second leader in one epoch */
        topic_record(2, "orders"),                    /* the name is taken */
        topic_record(1, "others"),                    /* a topic is not renamed */
        config_record("others", "retention.ms", "5"), /* of nothing */
        {.kind = META_TOPIC_GONE, .topic_gone = {test_uuid('T', 9)}},
        {.kind = META_BROKER_GONE, .broker_gone = {.id = 1, .epoch = 0}},
        {.kind = (enum meta_record_kind)99},
        partition_record(1, 0, 3, 6), /* leader not in the isr */
        partition_record(1, 0, 1, 6),
    };
    bad[11].partition.isr.id[1] = 7; /* not a replica */
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct meta_record batch[] = {topic_record(3, "innocent"), bad[i]};
        meta_world_refuses(&world, batch, 2);
        cr_assert_eq(meta_image_hash(world.image), hash);
        cr_assert_null(meta_topic_named(world.image, slice_str("innocent")));
    }
    meta_world_release(&world);
}

Test(meta_image, one_partition_of_ten_thousand_costs_little)
{
    struct meta_world world;
    meta_world_init(&world);
    struct meta_record topic = topic_record(1, "wide");
    meta_world_apply(&world, &topic, 1);
    for (int i = 0; i < 10000; i += 100) {
        struct meta_record records[100];
        for (int j = 0; j < 100; j++) {
            records[j] = partition_record(1, i + j, 1, 0);
        }
        meta_world_apply(&world, records, 100);
    }
    struct meta_image *old = world.image;
    meta_image_hold(old);
    size_t before = world.heap.live;
    struct meta_record change = partition_record(1, 5000, 2, 1);
    meta_world_apply(&world, &change, 1);
    cr_assert_lt(world.heap.live - before, 4096, "%zu bytes", world.heap.live - before);
    cr_assert_eq(world.changes.count, 1);
    cr_assert_eq(world.changes.items[0].partition, 5000);
    cr_assert_eq(meta_partition(meta_topic(old, test_uuid('T', 1)), 5000)->leader, 1);
    cr_assert_eq(meta_partition(meta_topic(world.image, test_uuid('T', 1)), 5000)->leader, 2);
    cr_assert_eq(meta_partition(meta_topic(old, test_uuid('T', 1)), 77),
                 meta_partition(meta_topic(world.image, test_uuid('T', 1)), 77));
    meta_image_drop(&world.store, old);
    meta_world_release(&world);
}
