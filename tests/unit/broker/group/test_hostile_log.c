/*
 * Records of __consumer_offsets as no coordinator would have written them: the shard begins all the same, and serves. A broker
 * that stopped over one would stop again at every start, and so would each that takes over.
 */
#include <criterion/criterion.h>

#include "tests/unit/broker/group/bench.h"

static void open_with_topic(struct bench *b)
{
    bench_open(b, 10);
    struct meta_record records[] = {
        {.kind = META_TOPIC, .topic = {.id = test_uuid('T', 1), .name = slice_str("t")}},
        quick_partition(test_uuid('T', 1), 0)};
    meta_world_apply(&b->meta, records, ARRAY_LEN(records));
}

static void say(struct bench *b, const struct kmsg_message *desc, const char *member,
                const void *value)
{
    struct slice key[2] = {slice_str("g"), slice_str(member)};
    cr_assert(group_replay(&b->shard, desc, key, value));
}

static void say_epoch(struct bench *b, int32_t epoch)
{
    struct kmsg_consumer_group_metadata_value value = {.epoch = epoch};
    say(b, &kmsg_consumer_group_metadata_key_desc, "", &value);
}

static void say_member(struct bench *b, const char *member, const char *instance)
{
    struct kmsg_consumer_group_member_metadata_value value;
    kmsg_consumer_group_member_metadata_value_init(&value);
    value.classic_member_metadata = NULL;
    value.instance_id = instance == NULL ? (struct slice){0} : slice_str(instance);
    say(b, &kmsg_consumer_group_member_metadata_key_desc, member, &value);
}

static void say_current(struct bench *b, const char *member, int32_t epoch, int8_t state)
{
    struct kmsg_consumer_group_current_member_assignment_value value = {
        .member_epoch = epoch, .previous_member_epoch = epoch, .state = state};
    say(b, &kmsg_consumer_group_current_member_assignment_key_desc, member, &value);
}

static enum kafka_error beat(struct bench *b, const char *member, const char *instance,
                             int32_t epoch)
{
    static const struct slice none[1];
    struct slice topic = slice_str("t");
    struct group_event event = {.kind = GROUP_CONSUMER_HEARTBEAT, .call = &b->call};
    b->call = (struct group_call){0};
    event.who = (struct group_who){slice_str("g"), slice_str(member),
                                   instance == NULL ? (struct slice){0} : slice_str(instance),
                                   epoch};
    event.consumer.client_id = slice_str("c");
    event.consumer.client_host = slice_str("/h");
    event.consumer.rebalance_ms = epoch == 0 ? 1000 : -1;
    event.consumer.topics = epoch == 0 ? &topic : NULL;
    event.consumer.topic_count = epoch == 0;
    event.consumer.owned = epoch == 0 ? (const struct group_part *)none : NULL;
    step(b, &event);
    return b->call.error;
}

Test(hostile_log, epochs_at_their_edges)
{
    static const int32_t edges[] = {INT32_MAX, INT32_MAX - 1, INT32_MIN, -1, -2, -3, 0};
    for (size_t i = 0; i < ARRAY_LEN(edges); i++) {
        for (size_t k = 0; k < ARRAY_LEN(edges); k++) {
            struct bench b;
            struct kmsg_consumer_group_target_assignment_metadata_value target = {
                .assignment_epoch = edges[k], .assignment_timestamp = INT64_MAX - (int64_t)i};
            open_with_topic(&b);
            say_epoch(&b, edges[i]);
            say(&b, &kmsg_consumer_group_target_assignment_metadata_key_desc, "", &target);
            say_member(&b, "m", NULL);
            say_current(&b, "m", edges[k], 0);
            begin(&b);
            cr_assert_eq(beat(&b, "m", NULL, 0), KAFKA_NONE);
            cr_assert_eq(beat(&b, "n", NULL, 0), KAFKA_NONE);
            cr_assert_gt(b.call.consumer.epoch, 0);
            bench_close(&b);
        }
    }
}

Test(hostile_log, a_classic_group_becomes_one_of_consumers_without_its_tombstone)
{
    struct bench b;
    struct kmsg_group_metadata_value value;
    open_with_topic(&b);
    kmsg_group_metadata_value_init(&value);
    value.protocol_type = slice_str("consumer");
    value.generation = 3;
    value.members.items = kmsg_group_metadata_value_member_metadata_array(&b.meta.arena, 1);
    value.members.count = 1;
    value.members.items[0].member_id = slice_str("m");
    say(&b, &kmsg_group_metadata_key_desc, "", &value);
    say_epoch(&b, 5);
    begin(&b);
    cr_assert_eq(beat(&b, "m", NULL, 0), KAFKA_NONE);
    bench_close(&b);
}

Test(hostile_log, classic_groups_without_what_they_must_have)
{
    struct bench b;
    struct kmsg_group_metadata_value value;
    open_with_topic(&b);
    kmsg_group_metadata_value_init(&value);
    value.protocol_type = slice_str("consumer");
    value.generation = -7;
    value.members.items = kmsg_group_metadata_value_member_metadata_array(&b.meta.arena, 2);
    value.members.count = 2;
    value.members.items[0].member_id = slice_of("", 0);
    value.members.items[1].member_id = slice_str("m");
    value.members.items[1].session_timeout = 50;
    say(&b, &kmsg_group_metadata_key_desc, "", &value);
    begin(&b);
    const struct group *group = group_find(&b.shard, slice_str("g"));
    cr_assert_eq(group->members.count, 1);
    struct group_event tick = {.kind = GROUP_TICK};
    for (b.now = 50; b.now < 1000; b.now += 50) {
        step(&b, &tick);
    }
    cr_assert_eq(group->state, GROUP_EMPTY);
    cr_assert_gt(group->generation, 0);
    bench_close(&b);
}

Test(hostile_log, a_static_member_in_a_state_that_nobody_knows)
{
    for (int aside = 0; aside < 2; aside++) {
        struct bench b;
        open_with_topic(&b);
        say_epoch(&b, 5);
        say_member(&b, "m", "i");
        say_current(&b, "m", aside ? CONSUMER_STEPS_ASIDE : 5, 77);
        begin(&b);
        if (!aside) {
            cr_assert_eq(beat(&b, "m", "i", CONSUMER_STEPS_ASIDE), KAFKA_NONE);
        }
        cr_assert_eq(beat(&b, "n", "i", 0), KAFKA_NONE);
        bench_close(&b);
    }
}

Test(hostile_log, two_members_on_one_seat)
{
    struct bench b;
    open_with_topic(&b);
    say_epoch(&b, 5);
    say_member(&b, "m", "i");
    say_member(&b, "n", "i");
    say_current(&b, "m", 5, 0);
    say_current(&b, "n", 5, 0);
    begin(&b);
    cr_assert_eq(beat(&b, "m", "i", 5), KAFKA_FENCED_INSTANCE_ID);
    cr_assert_eq(beat(&b, "n", "i", 5), KAFKA_NONE);
    bench_close(&b);
}

Test(hostile_log, a_classic_member_that_offers_no_protocol_is_left_alone)
{
    struct bench b;
    struct kmsg_consumer_group_member_metadata_value value;
    struct kmsg_consumer_group_member_metadata_value_classic_member_metadata classic = {
        .session_timeout_ms = 5000};
    open_with_topic(&b);
    b.shard.config.consumer.downgrade = true;
    say_epoch(&b, 5);
    say_member(&b, "m", NULL);
    kmsg_consumer_group_member_metadata_value_init(&value);
    value.classic_member_metadata = &classic;
    say(&b, &kmsg_consumer_group_member_metadata_key_desc, "old", &value);
    say_current(&b, "m", 5, 0);
    say_current(&b, "old", 5, 0);
    begin(&b);
    cr_assert_eq(beat(&b, "m", NULL, CONSUMER_LEAVES), KAFKA_NONE);
    const struct group *group = group_find(&b.shard, slice_str("g"));
    cr_assert(group->consumer != NULL, "it stays a group of the new protocol");
    cr_assert_eq(group->consumer->members.count, 1);
    bench_close(&b);
}
