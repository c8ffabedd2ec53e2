/* What a shard does where something comes to its bound: writes of the expiry, racks that are told apart, what cannot be read. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "broker/group/consumer_protocol.h"
#include "tests/unit/broker/group/bench.h"

static void open_loaded(struct bench *b)
{
    bench_open(b, 100);
    begin(b);
}

static struct group_event ask(struct bench *b, enum group_event_kind kind, const char *group,
                              const char *member, int32_t generation)
{
    struct group_event event = {.kind = kind, .call = &b->call};
    b->call = (struct group_call){0};
    event.who = (struct group_who){slice_str(group), slice_str(member), {0}, generation};
    return event;
}

static void commit(struct bench *b, const char *group, int32_t partition)
{
    struct group_offset_item item = {
        .topic = slice_str("t"), .partition = partition, .offset = 7, .leader_epoch = -1};
    struct group_event event = ask(b, GROUP_COMMIT, group, "", -1);
    event.commit.items = &item;
    event.commit.count = 1;
    event.commit.expire_ms = -1;
    step(b, &event);
    cr_assert_eq(b->call.error, KAFKA_NONE);
}

Test(group_limits, a_commit_that_no_write_may_hold_is_refused_and_nobody_else_feels_it)
{
    struct bench b;
    char text[100] = "";
    struct group_offset_item items[20];
    open_loaded(&b);
    b.shard.config.write_bytes_max = 2000;
    commit(&b, "other", 1);
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        items[i] = (struct group_offset_item){.topic = slice_str("t"),
                                              .offset = (int64_t)i,
                                              .leader_epoch = -1,
                                              .metadata = slice_of(text, sizeof(text))};
    }
    struct group_event event = ask(&b, GROUP_COMMIT, "g", "", -1);
    event.commit.items = items;
    event.commit.count = ARRAY_LEN(items);
    event.commit.expire_ms = -1;
    step(&b, &event);
    cr_assert_eq(b.call.error, KAFKA_INVALID_COMMIT_OFFSET_SIZE);
    cr_assert_eq(b.actions.record_count, 0);
    cr_assert_eq(b.shard.groups.count, 1, "it is not made for that");
    event.commit.count = 10;
    b.call = (struct group_call){0};
    step(&b, &event);
    cr_assert_eq(b.call.error, KAFKA_NONE);
    cr_assert_eq(b.actions.record_count, 10);
    bench_close(&b);
}

Test(group_limits, a_subscription_that_no_record_may_hold_is_refused)
{
    struct bench b;
    struct slice topics[100];
    char names[100][16];
    static const struct group_part none[1];
    struct meta_record record = {.kind = META_TOPIC,
                                 .topic = {.id = test_uuid('T', 1), .name = slice_str("t")}};
    open_loaded(&b);
    meta_world_apply(&b.meta, &record, 1);
    b.shard.config.write_bytes_max = 1000;
    for (uint32_t i = 0; i < ARRAY_LEN(topics); i++) {
        snprintf(names[i], sizeof(names[i]), "no-such-%u", i);
        topics[i] = slice_str(names[i]);
    }
    struct group_event event = ask(&b, GROUP_CONSUMER_HEARTBEAT, "g", "m", 0);
    event.consumer.client_id = slice_str("c");
    event.consumer.client_host = slice_str("/h");
    event.consumer.rebalance_ms = 1000;
    event.consumer.topics = topics;
    event.consumer.topic_count = ARRAY_LEN(topics);
    event.consumer.owned = none;
    step(&b, &event);
    cr_assert_eq(b.call.error, KAFKA_UNKNOWN_SERVER_ERROR);
    cr_assert_eq(b.shard.groups.count, 0);
    event.consumer.topic_count = 50;
    b.call = (struct group_call){0};
    step(&b, &event);
    cr_assert_eq(b.call.error, KAFKA_NONE);
    bench_close(&b);
}

/* One that grows may be known to members first, but a number costs memory for all below it. */
Test(group_limits, partitions_far_beyond_those_of_the_image_are_not_taken_from_members)
{
    struct bench b;
    int32_t numbers[] = {-1, 0, 999, 1000, 99999, INT32_MAX};
    struct kmsg_consumer_protocol_assignment_assigned_partition topic = {.topic = slice_str("t")};
    struct kmsg_consumer_protocol_assignment has;
    struct meta_record record = {.kind = META_TOPIC,
                                 .topic = {.id = test_uuid('T', 1), .name = slice_str("t")}};
    struct turn turn = {.shard = &b.shard};
    struct group_part *parts;
    uint32_t count;
    open_loaded(&b);
    meta_world_apply(&b.meta, &record, 1);
    topic.partitions.items = numbers;
    topic.partitions.count = (int32_t)ARRAY_LEN(numbers);
    kmsg_consumer_protocol_assignment_init(&has);
    has.assigned_partitions.items = &topic;
    has.assigned_partitions.count = 1;
    cr_assert(consumer_parts_assigned(&turn, b.meta.image, &has, &parts, &count));
    cr_assert_eq(count, 2);
    cr_assert_eq(parts[1].partition, 999);
    bench_close(&b);
}

/* The next tick; how many records it writes. */
static uint32_t tick(struct bench *b)
{
    struct group_event event = {.kind = GROUP_TICK};
    b->now = group_deadline(&b->shard);
    step(b, &event);
    return b->actions.record_count;
}

Test(group_limits, an_expiry_goes_in_writes_of_a_thousand)
{
    struct bench b;
    open_loaded(&b);
    for (int32_t p = 0; p < 2500; p++) {
        commit(&b, "g", p);
    }
    cr_assert_eq(tick(&b), GROUP_EXPIRY_BATCH_MAX);
    cr_assert_eq(b.shard.expiry_due_ms, b.now + 1, "the rest comes soon");
    cr_assert_eq(tick(&b), GROUP_EXPIRY_BATCH_MAX);
    cr_assert_eq(tick(&b), 501, "and the group itself");
    cr_assert_eq(b.shard.groups.count, 0);
    cr_assert_eq(b.shard.expiry_due_ms, b.now + b.shard.config.retention_check_ms);
    bench_close(&b);
}

Test(group_limits, groups_expire_whole_or_later)
{
    struct bench b;
    uint32_t written = 0, ticks = 0;
    open_loaded(&b);
    for (int g = 0; g < 1250; g++) {
        char name[16];
        snprintf(name, sizeof(name), "g%d", g);
        commit(&b, name, 0);
    }
    while (b.shard.groups.count > 0) {
        uint32_t n = tick(&b);
        cr_assert_leq(n, (uint32_t)GROUP_EXPIRY_BATCH_MAX);
        written += n;
        ticks++;
    }
    cr_assert_eq(written, 2 * 1250, "an offset and a group each");
    cr_assert_eq(ticks, 3);
    bench_close(&b);
}

Test(group_limits, racks_beyond_those_that_are_told_apart)
{
    struct bench b;
    uint32_t given = 0;
    struct meta_record records[101] = {
        {.kind = META_TOPIC, .topic = {.id = test_uuid('T', 1), .name = slice_str("t")}}};
    for (uint32_t p = 0; p < 100; p++) {
        records[p + 1] = quick_partition(test_uuid('T', 1), p);
    }
    open_loaded(&b);
    meta_world_apply(&b.meta, records, ARRAY_LEN(records));
    for (int i = 0; i < 100; i++) {
        char text[16];
        struct slice topic = slice_str("t");
        static const struct group_part none[1];
        snprintf(text, sizeof(text), "m%d", i);
        struct group_event event = ask(&b, GROUP_CONSUMER_HEARTBEAT, "g", text, 0);
        event.consumer.client_id = slice_str("c");
        event.consumer.client_host = slice_str("/h");
        event.consumer.rack_id = slice_str(text);
        event.consumer.rebalance_ms = 1000;
        event.consumer.topics = &topic;
        event.consumer.topic_count = 1;
        event.consumer.owned = none;
        step(&b, &event);
        cr_assert_eq(b.call.error, KAFKA_NONE);
    }
    const struct consumer *c = group_find(&b.shard, slice_str("g"))->consumer;
    uint32_t at = 0;
    for (const struct consumer_member *m; (m = consumer_member_next(c, &at)) != NULL;) {
        cr_assert_eq(m->target.count, 1, "everybody has its share, with a rack or without");
        given += m->target.count;
    }
    cr_assert_eq(given, 100);
    bench_close(&b);
}

/* A classic member of group g, which says this. */
static void join(struct bench *b, struct group_protocol offer)
{
    struct group_event event = ask(b, GROUP_JOIN, "g", "", -1);
    event.join.client_id = slice_str("c");
    event.join.client_host = slice_str("/h");
    event.join.protocol_type = slice_str("consumer");
    event.join.protocols = &offer;
    event.join.protocol_count = 1;
    event.join.session_ms = 5000;
    event.join.rebalance_ms = 5000;
    step(b, &event);
    cr_assert_eq(b->call.error, KAFKA_NONE);
}

/* Offsets of a topic that a member may be reading are not deleted beneath it; who cannot be understood may be reading it. */
Test(group_limits, what_a_member_says_may_not_be_understood)
{
    struct bench b;
    struct group_offset_gone gone = {.topic = slice_str("t")};
    struct group_protocol offer = {slice_str("range"), slice_str("\x7fno subscription")};
    open_loaded(&b);
    commit(&b, "g", 0);
    join(&b, offer);
    struct group_event event = ask(&b, GROUP_DELETE_OFFSETS, "g", "", -1);
    event.delete_offsets.items = &gone;
    event.delete_offsets.count = 1;
    step(&b, &event);
    cr_assert_eq(b.call.error, KAFKA_NONE);
    cr_assert_eq(gone.error, KAFKA_GROUP_SUBSCRIBED_TO_TOPIC);
    bench_close(&b);
}

/* Who deletes much at once does not cost the shard a load: what one write does not hold goes with the next. */
static void open_with_offsets(struct bench *b, int32_t count)
{
    open_loaded(b);
    for (int32_t p = 0; p < count; p++) {
        commit(b, p % 2 == 0 ? "g" : "h", p);
    }
    b->shard.config.write_bytes_max = 2000;
}

static void check_fits(const struct bench *b)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < b->actions.record_count; i++) {
        const struct group_record *record = &b->actions.records[i];
        size_t key_bytes = 0;
        cr_assert_eq(
            kmsg_size(record->key_desc, record->key_desc->version_min, record->key, &key_bytes),
            OK);
        bytes += 10 + key_bytes;
    }
    cr_assert_leq(bytes + 61, b->shard.config.write_bytes_max);
}

Test(group_limits, a_topic_with_more_offsets_than_one_write_holds_goes_in_several)
{
    struct bench b;
    int writes = 0;
    open_with_offsets(&b, 200);
    struct group_event gone = {.kind = GROUP_TOPIC_GONE, .topic_gone.name = slice_str("t")};
    do {
        step(&b, &gone);
        check_fits(&b);
        cr_assert_gt(b.actions.record_count, 0);
        writes++;
    } while (b.actions.more);
    cr_assert_geq(writes, 200 * 20 / 2000);
    cr_assert_eq(group_find(&b.shard, slice_str("g"))->offset_count, 0);
    cr_assert_eq(group_find(&b.shard, slice_str("h"))->offset_count, 0);
    bench_close(&b);
}

Test(group_limits, a_group_with_more_offsets_than_one_write_holds_goes_when_it_is_asked_for_again)
{
    struct bench b;
    open_with_offsets(&b, 200);
    uint32_t left = 100;
    for (bool all = false; !all;) {
        struct group_event event = ask(&b, GROUP_DELETE, "g", "", -1);
        step(&b, &event);
        check_fits(&b);
        const struct group *group = group_find(&b.shard, slice_str("g"));
        all = group == NULL;
        cr_assert_eq(b.call.error, all ? KAFKA_NONE : KAFKA_COORDINATOR_LOAD_IN_PROGRESS);
        cr_assert(all || group->offset_count < left);
        left = all ? 0 : group->offset_count;
    }
    cr_assert_eq(group_find(&b.shard, slice_str("h"))->offset_count, 100);
    bench_close(&b);
}

Test(group_limits, offsets_that_one_write_does_not_hold_are_refused_alone)
{
    struct bench b;
    struct group_offset_gone items[100];
    uint32_t gone = 0;
    open_with_offsets(&b, 200);
    for (int32_t i = 0; i < 100; i++) {
        items[i] = (struct group_offset_gone){.topic = slice_str("t"), .partition = 2 * i};
    }
    struct group_event event = ask(&b, GROUP_DELETE_OFFSETS, "g", "", -1);
    event.delete_offsets.items = items;
    event.delete_offsets.count = ARRAY_LEN(items);
    step(&b, &event);
    check_fits(&b);
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        gone += items[i].error == KAFKA_NONE;
        cr_assert(items[i].error == KAFKA_NONE ||
                  items[i].error == KAFKA_COORDINATOR_LOAD_IN_PROGRESS);
    }
    cr_assert_gt(gone, 10);
    cr_assert_eq(group_find(&b.shard, slice_str("g"))->offset_count, 100 - gone);
    bench_close(&b);
}

/* What members read is looked up for each offset; that must not fill the memory of a step. */
Test(group_limits, many_offsets_beside_long_subscriptions)
{
    static uint8_t said[6 + 1000 * 12 + 4];
    static struct group_offset_gone items[1000];
    struct bench b;
    uint8_t *p = said + 6; /* version 0, 1000 topics */
    said[4] = 1000 >> 8;
    said[5] = 1000 & 255;
    for (int i = 0; i < 1000; i++, p += 12) {
        char name[13];
        (void)snprintf(name, sizeof(name), "%c%ctopic-%04d", 0, 10, i);
        memcpy(p, name, 12);
    }
    memset(p, 0xff, 4); /* no user data */
    open_loaded(&b);
    commit(&b, "g", 0);
    join(&b, (struct group_protocol){slice_str("range"), slice_of(said, sizeof(said))});
    for (int32_t i = 0; i < 1000; i++) {
        items[i] = (struct group_offset_gone){.topic = slice_str("t"), .partition = i};
    }
    struct group_event event = ask(&b, GROUP_DELETE_OFFSETS, "g", "", -1);
    event.delete_offsets.items = items;
    event.delete_offsets.count = ARRAY_LEN(items);
    step(&b, &event);
    cr_assert_eq(items[0].error, KAFKA_NONE, "it is understood, and does not read that topic");
    cr_assert_eq(b.actions.record_count, 1);
    cr_assert_lt(b.shard.scratch.total, 100000);
    bench_close(&b);
}
