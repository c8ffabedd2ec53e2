/* The leaders that are named with NOT_LEADER_OR_FOLLOWER (KIP-951). */
#include <criterion/criterion.h>

#include "broker/api/hints.h"
#include "tests/unit/common/meta/world.h"

static struct meta_record partition_record(int index, int32_t leader, int32_t epoch)
{
    struct meta_record record = {.kind = META_PARTITION};
    record.partition = (struct meta_partition){.topic = test_uuid('T', 1),
                                               .index = index,
                                               .replicas = {{.broker = 1}, {.broker = 2}},
                                               .replica_count = 2,
                                               .isr = {.id = {1, 2}, .count = 2},
                                               .leader = leader,
                                               .leader_epoch = epoch,
                                               .partition_epoch = epoch};
    return record;
}

static void world_init(struct meta_world *world)
{
    struct meta_record topic = {.kind = META_TOPIC,
                                .topic = {.id = test_uuid('T', 1), .name = slice_str("t")}};
    struct meta_record records[] = {topic, partition_record(0, 1, 7), partition_record(1, 2, 3),
                                    partition_record(2, META_NO_BROKER, 9),
                                    partition_record(3, 1, 1)};
    meta_world_init(world);
    meta_world_apply(world, records, ARRAY_LEN(records));
}

Test(hints, leaders_by_name_and_by_id_each_noted_once)
{
    struct meta_world world;
    struct leader_hints hints = {.count = 0};
    world_init(&world);
    struct leader_hint hint = hint_leader(&hints, world.image, UUID_NONE, slice_str("t"), 0);
    cr_assert_eq(hint.leader, 1);
    cr_assert_eq(hint.epoch, 7);
    hint = hint_leader(&hints, world.image, test_uuid('T', 1), (struct slice){0}, 1);
    cr_assert_eq(hint.leader, 2);
    cr_assert_eq(hint.epoch, 3);
    hint = hint_leader(&hints, world.image, UUID_NONE, slice_str("t"), 3);
    cr_assert_eq(hint.epoch, 1);
    cr_assert_eq(hints.count, 2);
    cr_assert_eq(hints.leaders[0], 1);
    cr_assert_eq(hints.leaders[1], 2);
    meta_world_release(&world);
}

Test(hints, without_a_leader_the_epoch_is_told_and_nobody_noted)
{
    struct meta_world world;
    struct leader_hints hints = {.count = 0};
    world_init(&world);
    struct leader_hint hint = hint_leader(&hints, world.image, UUID_NONE, slice_str("t"), 2);
    cr_assert_eq(hint.leader, -1);
    cr_assert_eq(hint.epoch, 9);
    cr_assert_eq(hints.count, 0);
    meta_world_release(&world);
}

Test(hints, what_the_image_does_not_know_has_no_hint)
{
    struct meta_world world;
    struct leader_hints hints = {.count = 0};
    world_init(&world);
    cr_assert_eq(hint_leader(&hints, world.image, UUID_NONE, slice_str("u"), 0).epoch, -1);
    cr_assert_eq(hint_leader(&hints, world.image, test_uuid('T', 2), (struct slice){0}, 0).leader,
                 -1);
    cr_assert_eq(hint_leader(&hints, world.image, UUID_NONE, slice_str("t"), 4).leader, -1);
    cr_assert_eq(hint_leader(&hints, world.image, UUID_NONE, slice_str("t"), -1).leader, -1);
    cr_assert_eq(hints.count, 0);
    meta_world_release(&world);
}
