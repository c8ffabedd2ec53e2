/* An image with something of everything: each field counts, each record that does not fit is refused, memory may end anywhere. */
#include "tests/unit/common/meta/world.h"

#include <stdio.h>

#define RECORDS 11

static void records_make(struct meta_record records[RECORDS])
{
    struct meta_partition partition = {
        .topic = test_uuid('T', 1),
        .replicas = {{1, test_uuid('D', 1), true}, {.broker = 2}, {.broker = 3}},
        .replica_count = 3,
        .isr = {{1}, 1},
        .elr = {{2}, 1},
        .last_known_elr = {{3}, 1},
        .leader = 1,
        .leader_epoch = 4,
        .partition_epoch = 9};
    struct meta_record made[RECORDS] = {
        {.kind = META_CLUSTER, .cluster = {slice_str("MkU3OEVBNTcwNTJENDM2Qk")}},
        {.kind = META_BROKER,
         .broker = {.id = 1,
                    .epoch = 7,
                    .incarnation = test_uuid('I', 1),
                    .rack = slice_str("north"),
                    .endpoints = {{slice_str("A"), slice_str("h"), 9092, 0},
                                  {slice_str("B"), slice_str("h2"), 9093, 1}},
                    .endpoint_count = 2,
                    .dirs = {test_uuid('D', 1), test_uuid('D', 2)},
                    .dir_count = 2}},
        {.kind = META_BROKER, .broker = {.id = 2, .epoch = 8, .incarnation = test_uuid('I', 2)}},
        {.kind = META_TOPIC, .topic = {test_uuid('T', 1), slice_str("orders")}},
        {.kind = META_PARTITION, .partition = partition},
        {.kind = META_TOPIC, .topic = {test_uuid('T', 2), slice_str("payments")}},
        {.kind = META_CONFIG,
         .config = {META_RESOURCE_TOPIC, slice_str("orders"), slice_str("k"), slice_str("v")}},
        {.kind = META_CONFIG,
         .config = {META_RESOURCE_BROKER, slice_of("", 0), slice_str("k"), slice_str("v")}},
        {.kind = META_PRODUCER_IDS, .producer_ids = {1000, 7, 12}},
        {.kind = META_FEATURE, .feature = {slice_str("f"), 2}},
        {.kind = META_FEATURE, .feature = {slice_str("g"), 1}},
    };
    memcpy(records, made, sizeof(made));
}

static struct meta_image *image_of(struct meta_world *world, const struct meta_record *records,
                                   uint32_t count)
{
    struct meta_image *empty = meta_image_empty(&world->store);
    struct meta_image *image = NULL;
    err_t err = meta_image_apply(&world->store, empty,
                                 (struct meta_batch){.records = records, .count = count}, 20, 1,
                                 NULL, NULL, &image);
    cr_assert_eq(err, OK);
    meta_image_drop(&world->store, empty);
    return image;
}

/* --- each field --- */

/* What differs in one record is told once, both ways, and in the fingerprint. */
static void differs(struct meta_world *world, const struct meta_record *records,
                    enum meta_change_kind kind, int line)
{
    struct meta_record plain[RECORDS];
    records_make(plain);
    struct meta_image *a = image_of(world, plain, RECORDS);
    struct meta_image *b = image_of(world, records, RECORDS);
    cr_assert_neq(meta_image_hash(a), meta_image_hash(b), "line %d", line);
    struct meta_changes there;
    struct meta_changes back;
    cr_assert_eq(meta_image_diff(a, b, &world->arena, &there), OK);
    cr_assert_eq(meta_image_diff(b, a, &world->arena, &back), OK);
    cr_assert_eq(there.count, 1, "line %d: %zu changes", line, there.count);
    cr_assert_eq(there.items[0].kind, kind, "line %d", line);
    cr_assert_eq(back.count, 1, "line %d", line);
    cr_assert_eq(back.items[0].kind, kind, "line %d", line);
    meta_image_drop(&world->store, a);
    meta_image_drop(&world->store, b);
}

#define DIFFERS(index, kind, ...)                   \
    do {                                            \
        records_make(records);                      \
        struct meta_record *r = &records[index];    \
        __VA_ARGS__;                                \
        differs(&world, records, (kind), __LINE__); \
    } while (0)

Test(meta_whole, each_field_of_a_broker_counts)
{
    struct meta_world world;
    struct meta_record records[RECORDS];
    meta_world_init(&world);
    DIFFERS(1, META_CHANGED_BROKER, r->broker.epoch = 6);
    DIFFERS(1, META_CHANGED_BROKER, r->broker.incarnation = test_uuid('I', 9));
    DIFFERS(1, META_CHANGED_BROKER, r->broker.rack = slice_str("south"));
    DIFFERS(1, META_CHANGED_BROKER, r->broker.rack = (struct slice){0});
    DIFFERS(1, META_CHANGED_BROKER, r->broker.endpoint_count = 1);
    DIFFERS(1, META_CHANGED_BROKER, r->broker.dir_count = 1);
    DIFFERS(1, META_CHANGED_BROKER, r->broker.fenced = true);
    DIFFERS(1, META_CHANGED_BROKER, r->broker.shutting_down = true);
    DIFFERS(1, META_CHANGED_BROKER, r->broker.endpoints[1].listener = slice_str("C"));
    DIFFERS(1, META_CHANGED_BROKER, r->broker.endpoints[0].host = slice_str("other"));
    DIFFERS(1, META_CHANGED_BROKER, r->broker.endpoints[1].port = 1);
    DIFFERS(1, META_CHANGED_BROKER, r->broker.endpoints[1].security_protocol = 3);
    DIFFERS(1, META_CHANGED_BROKER, r->broker.dirs[1] = test_uuid('D', 9));
    meta_world_release(&world);
}

Test(meta_whole, each_field_of_a_partition_counts)
{
    struct meta_world world;
    struct meta_record records[RECORDS];
    meta_world_init(&world);
    DIFFERS(4, META_CHANGED_PARTITION, r->partition.leader = META_NO_BROKER);
    DIFFERS(4, META_CHANGED_PARTITION, r->partition.leader_epoch = 5);
    DIFFERS(4, META_CHANGED_PARTITION, r->partition.partition_epoch = 10);
    DIFFERS(4, META_CHANGED_PARTITION, r->partition.recovery = META_RECOVERING);
    DIFFERS(4, META_CHANGED_PARTITION, r->partition.last_known_elr.count = 0);
    DIFFERS(4, META_CHANGED_PARTITION, r->partition.elr.count = 0);
    DIFFERS(4, META_CHANGED_PARTITION, r->partition.isr.count = 0;
            r->partition.leader = META_NO_BROKER);
    DIFFERS(4, META_CHANGED_PARTITION, r->partition.elr.id[0] = 3;
            r->partition.last_known_elr.id[0] = 2);
    DIFFERS(4, META_CHANGED_PARTITION, r->partition.last_known_elr.count = 0;
            r->partition.replica_count = 2);
    DIFFERS(4, META_CHANGED_PARTITION, r->partition.last_known_elr.count = 0;
            r->partition.replicas[2].broker = 5);
    DIFFERS(4, META_CHANGED_PARTITION, r->partition.replicas[1].synced = true);
    DIFFERS(4, META_CHANGED_PARTITION, r->partition.replicas[2].dir = test_uuid('D', 3));
    meta_world_release(&world);
}

Test(meta_whole, each_other_thing_counts)
{
    struct meta_world world;
    struct meta_record records[RECORDS];
    meta_world_init(&world);
    DIFFERS(0, META_CHANGED_OTHER, r->cluster.cluster_id = slice_str("another"));
    DIFFERS(8, META_CHANGED_OTHER, r->producer_ids.next_id = 2000);
    DIFFERS(8, META_CHANGED_OTHER, r->producer_ids.broker = 8);
    DIFFERS(8, META_CHANGED_OTHER, r->producer_ids.broker_epoch = 13);
    DIFFERS(9, META_CHANGED_OTHER, r->feature.level = 1);
    DIFFERS(9, META_CHANGED_OTHER, r->feature.level = 0);
    DIFFERS(10, META_CHANGED_OTHER, r->feature.name = slice_str("h"));
    DIFFERS(10, META_CHANGED_OTHER, r->feature.level = 0);
    DIFFERS(5, META_CHANGED_TOPIC, r->topic.name = slice_str("pay"));
    DIFFERS(6, META_CHANGED_CONFIG, r->config.value = slice_str("w"));
    DIFFERS(7, META_CHANGED_CONFIG, r->config.key = slice_str("l"));
    DIFFERS(7, META_CHANGED_CONFIG, r->config.value = (struct slice){0});
    meta_world_release(&world);
}

/* --- what does not fit --- */

#define REFUSED(k, ...)                                   \
    do {                                                  \
        records_make(records);                            \
        bad = records[k];                                 \
        __VA_ARGS__;                                      \
        meta_world_refuses(&world, &bad, 1);              \
        cr_assert_eq(meta_image_hash(world.image), hash); \
    } while (0)

Test(meta_whole, what_does_not_fit_is_refused)
{
    struct meta_world world;
    struct meta_record records[RECORDS];
    struct meta_record bad;
    meta_world_init(&world);
    records_make(records);
    meta_world_apply(&world, records, RECORDS);
    uint64_t hash = meta_image_hash(world.image);
    meta_world_apply(&world, records, RECORDS);
    cr_assert_eq(meta_image_hash(world.image), hash, "said again it changes nothing");
    REFUSED(0, bad.cluster.cluster_id = slice_of("", 0));
    REFUSED(0, bad.cluster.cluster_id = slice_str("another"));
    REFUSED(1, bad.broker.id = -1);
    REFUSED(1, bad.broker.epoch = -2);
    REFUSED(1, bad.broker.epoch = 6);
    REFUSED(1, bad.broker.endpoint_count = LISTENERS_MAX + 1);
    REFUSED(1, bad.broker.dir_count = LOG_DIRS_MAX + 1);
    REFUSED(3, bad.topic.name.n = 0);
    REFUSED(3, bad.topic.name.n = TOPIC_NAME_MAX + 1);
    REFUSED(3, bad.topic.id = UUID_NONE);
    REFUSED(4, bad.partition.index = -1);
    REFUSED(4, bad.partition.index = TOPIC_PARTITIONS_MAX);
    REFUSED(4, bad.partition.replica_count = 0);
    REFUSED(4, bad.partition.replica_count = REPLICAS_MAX + 1);
    REFUSED(4, bad.partition.leader_epoch = -1);
    REFUSED(4, bad.partition.partition_epoch = -1);
    REFUSED(4, bad.partition.recovery = (enum meta_recovery)7);
    REFUSED(4, bad.partition.replicas[0].broker = -1);
    REFUSED(4, bad.partition.replicas[1].broker = 3);
    REFUSED(4, bad.partition.isr.count = REPLICAS_MAX + 1);
    REFUSED(4, bad.partition.elr.id[0] = 9);
    REFUSED(4, bad.partition.last_known_elr.id[0] = 9);
    REFUSED(4, bad.partition.isr = ((struct meta_ids){{1, 1}, 2}));
    REFUSED(4, bad.partition.elr.id[0] = 1);
    REFUSED(4, bad.partition.last_known_elr.id[0] = 1);
    REFUSED(4, bad.partition.last_known_elr.id[0] = 2);
    REFUSED(4, bad.partition.leader_epoch = 3; bad.partition.partition_epoch = 10);
    REFUSED(6, bad.config.resource = (enum meta_resource)99);
    REFUSED(6, bad.config.key.n = 0);
    REFUSED(8, bad.producer_ids.next_id = 999);
    REFUSED(9, bad.feature.name.n = 0);
    REFUSED(9, bad.feature.level = -1);
    bad = (struct meta_record){.kind = META_BROKER_GONE, .broker_gone = {.id = 1, .epoch = 6}};
    meta_world_refuses(&world, &bad, 1);
    meta_world_release(&world);
}

Test(meta_whole, settings_that_go_leave_the_hash_of_those_that_never_were)
{
    struct meta_world world;
    meta_world_init(&world);
    struct meta_record records[RECORDS];
    records_make(records);
    struct meta_record gone[] = {records[6],
                                 records[7],
                                 records[9],
                                 records[10],
                                 {.kind = META_BROKER_GONE, .broker_gone = {2, 8}}};
    gone[0].config.value = gone[1].config.value = (struct slice){0};
    gone[2].feature.level = gone[3].feature.level = 0;
    meta_world_apply(&world, records, RECORDS);
    meta_world_apply(&world, gone, ARRAY_LEN(gone));
    struct meta_record few[] = {records[0], records[1], records[3],
                                records[4], records[5], records[8]};
    struct meta_image *image = image_of(&world, few, ARRAY_LEN(few));
    cr_assert_eq(meta_image_hash(world.image), meta_image_hash(image));
    meta_image_drop(&world.store, image);
    meta_world_release(&world);
}

/* --- memory --- */

/* One batch onto an image that somebody else holds, with memory for `most` pieces of the heap or of the arena. */
static err_t apply_within(struct meta_world *world, struct meta_batch batch, size_t most, bool once,
                          bool heap)
{
    uint64_t hash = meta_image_hash(world->image);
    struct test_memory memory;
    test_memory_init(&memory);
    struct arena arena;
    arena_init(&arena, &memory.source, 256, (size_t)1 << 24);
    test_memory_by_piece(&arena);
    struct test_memory *scarce = heap ? &world->memory : &memory;
    test_memory_heap_by_piece(&world->heap);
    size_t live = world->heap.live;
    scarce->once = once;
    scarce->most = most;
    struct meta_changes changes;
    struct meta_image *next = NULL;
    err_t err = meta_image_apply(&world->store, world->image, batch, meta_offset(world->image) + 1,
                                 1, &arena, &changes, &next);
    scarce->most = SIZE_MAX;
    scarce->once = false;
    if (err == OK) {
        cr_assert_gt(changes.count, 0);
        meta_image_drop(&world->store, next);
    } else {
        cr_assert_eq(err, ERR_NO_MEMORY);
        cr_assert_null(next);
    }
    cr_assert_eq(world->heap.live, live);
    cr_assert_eq(meta_image_hash(world->image), hash);
    arena_release(&arena);
    cr_assert_eq(memory.out, 0);
    return err;
}

static unsigned apply_scarce(struct meta_world *world, struct meta_batch batch)
{
    unsigned failures = 0;
    for (unsigned way = 0; way < 4; way++) {
        for (size_t most = 0; apply_within(world, batch, most, way & 1, way & 2) != OK; most++) {
            failures++;
        }
    }
    return failures;
}

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

Test(meta_whole, memory_may_end_at_any_piece_of_a_batch)
{
    struct meta_world world;
    meta_world_init(&world);
    struct meta_record records[RECORDS];
    records_make(records);
    cr_assert_gt(apply_scarce(&world, (struct meta_batch){records, RECORDS}), 50);
    meta_world_apply(&world, records, RECORDS);
    for (int i = 10; i < 60; i++) { /* trees that have to be balanced */
        struct meta_record more[] = {
            {.kind = META_BROKER,
             .broker = {.id = i, .epoch = 30, .incarnation = test_uuid('I', i)}},
            {.kind = META_TOPIC, .topic = {test_uuid('U', i), slice_of(&letters[i], 1)}},
            {.kind = META_CONFIG,
             .config = {META_RESOURCE_TOPIC, slice_str("orders"), slice_of(&letters[i], 1),
                        slice_str("v")}}};
        cr_assert_gt(apply_scarce(&world, (struct meta_batch){more, 3}), 10);
        meta_world_apply(&world, more, 3);
    }
    for (int i = 10; i < 40; i += 3) {
        struct meta_record gone[] = {
            {.kind = META_BROKER_GONE, .broker_gone = {i, 30}},
            {.kind = META_TOPIC_GONE, .topic_gone = {test_uuid('U', i)}},
            {.kind = META_CONFIG,
             .config = {META_RESOURCE_TOPIC, slice_str("orders"), slice_of(&letters[i], 1), {0}}}};
        cr_assert_gt(apply_scarce(&world, (struct meta_batch){gone, 3}), 10);
        meta_world_apply(&world, gone, 3);
    }
    struct meta_record feature = {.kind = META_FEATURE, .feature = {slice_str("f"), 0}};
    cr_assert_gt(apply_scarce(&world, (struct meta_batch){&feature, 1}), 2);
    struct meta_record last[] = {
        {.kind = META_TOPIC_GONE, .topic_gone = {test_uuid('T', 1)}},
        {.kind = META_FEATURE, .feature = {slice_str("f"), 0}},
        {.kind = META_CONFIG,
         .config = {META_RESOURCE_BROKER, slice_of("", 0), slice_str("k"), {0}}},
    };
    cr_assert_gt(apply_scarce(&world, (struct meta_batch){last, 3}), 10);
    meta_world_release(&world);
}

/* How often the difference of two images finds no memory before it is told. */
static unsigned diff_scarce(const struct meta_image *a, const struct meta_image *b, size_t count)
{
    struct test_memory memory;
    test_memory_init(&memory);
    unsigned failures = 0;
    err_t err = ERR_NO_MEMORY;
    for (size_t most = 0; err != OK; most++) {
        struct arena arena;
        struct meta_changes changes = {.count = 77};
        arena_init(&arena, &memory.source, 256, (size_t)1 << 24);
        test_memory_by_piece(&arena);
        memory.most = most;
        err = meta_image_diff(a, b, &arena, &changes);
        memory.most = SIZE_MAX;
        cr_assert(err == OK || err == ERR_NO_MEMORY);
        cr_assert_eq(changes.count, err == OK ? count : 77, "%zu", changes.count);
        failures += err != OK;
        arena_release(&arena);
    }
    return failures;
}

Test(meta_whole, memory_may_end_at_any_piece_of_a_look)
{
    struct meta_world world;
    meta_world_init(&world);
    struct meta_record records[RECORDS];
    records_make(records);
    struct meta_image *empty = world.image;
    world.image = image_of(&world, records, RECORDS);
    cr_assert_gt(diff_scarce(empty, world.image, 8), 2);
    struct meta_image *topic = image_of(&world, &records[3], 1);
    struct meta_image *partition = image_of(&world, &records[3], 2);
    struct meta_image *broker = image_of(&world, &records[1], 1);
    cr_assert_gt(diff_scarce(empty, topic, 1), 1);
    cr_assert_gt(diff_scarce(topic, partition, 1), 1);
    cr_assert_gt(diff_scarce(broker, empty, 1), 1);
    meta_image_drop(&world.store, topic);
    meta_image_drop(&world.store, partition);
    meta_image_drop(&world.store, broker);
    struct arena none;
    arena_init(&none, &world.memory.source, 256, 0);
    struct meta_cursor cursor = {0};
    struct meta_batch batch;
    cr_assert_eq(meta_image_records(world.image, &cursor, &none, 5, &batch), ERR_NO_MEMORY);
    cr_assert_eq(batch.count, 0);
    cr_assert_eq(cursor.phase, 0, "it can be asked again");
    world.memory.most = 0;
    test_memory_heap_by_piece(&world.heap);
    cr_assert_null(meta_image_empty(&world.store));
    world.memory.most = SIZE_MAX;
    meta_image_drop(&world.store, empty);
    meta_image_drop(&world.store, NULL);
    meta_world_release(&world);
}

/* --- words --- */

/* A broker takes a whole image with as much again (broker/meta/control_tail.c): had that a bound of its own, a cluster could come to be too
 * large for any broker to begin in. Settings of many names are the smallest things that are told of one by one. */
Test(meta_whole, what_is_told_of_an_image_takes_less_than_twice_its_memory)
{
    struct meta_world world;
    struct meta_changes changes;
    struct arena arena;
    enum { NAMES = 4097 }; /* the worst: it has just been doubled */
    meta_world_init(&world);
    struct meta_image *empty = world.image;
    meta_image_hold(empty);
    for (int i = 0; i < NAMES; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "%d", i);
        struct meta_record record = {.kind = META_CONFIG,
                                     .config = {.resource = META_RESOURCE_GROUP,
                                                .name = slice_str(name),
                                                .key = slice_str("k"),
                                                .value = slice_str("v")}};
        meta_world_apply(&world, &record, 1);
    }
    arena_init(&arena, &world.memory.source, 16384, SIZE_MAX);
    cr_assert_eq(meta_image_diff(empty, world.image, &arena, &changes), OK);
    cr_assert_eq(changes.count, NAMES);
    cr_assert_lt(arena.total, 2 * world.heap.live);
    arena_release(&arena);
    meta_image_drop(&world.store, empty);
    meta_world_release(&world);
}

Test(meta_whole, sets_of_brokers)
{
    struct meta_ids ids = {.count = 0};
    for (int32_t i = 0; i < REPLICAS_MAX; i++) {
        cr_assert(meta_ids_add(&ids, i));
        cr_assert(meta_ids_add(&ids, i), "again");
        cr_assert_eq(ids.count, (uint32_t)i + 1);
    }
    cr_assert_not(meta_ids_add(&ids, REPLICAS_MAX));
    cr_assert_eq(ids.count, REPLICAS_MAX);
    cr_assert_not(meta_ids_has(&ids, REPLICAS_MAX));
}

Test(meta_whole, names_of_topics)
{
    char text[TOPIC_NAME_MAX + 2];
    char why[TOPIC_NAME_WHY_BYTES];
    memset(text, 'a', sizeof(text));
    cr_assert(meta_topic_name_good(slice_of(text, TOPIC_NAME_MAX), why, sizeof(why)));
    cr_assert(meta_topic_name_good(slice_str("azAZ09._-"), why, sizeof(why)));
    cr_assert_not(meta_topic_name_good(slice_of(text, TOPIC_NAME_MAX + 1), why, sizeof(why)));
    static const char *const bad[] = {"", ".", "..", "/", ":", "@", "[", "`", "{", " ", "\xe9"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cr_assert_not(meta_topic_name_good(slice_str(bad[i]), why, sizeof(why)), "%s", bad[i]);
        cr_assert_gt(strlen(why), 20);
    }
}
