/* The cluster's own topics get more replicas when more brokers are there: how many, where, and how many at a time. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/unit/controller/state/quorum.h"

#define OWN  "__consumer_offsets"
#define LOOK 1000
#define WIDE 50

static struct quorum *quorum_new(int brokers)
{
    static struct quorum quorum;
    struct controller_settings settings = controller_settings_default();
    settings.rebalance_check_ms = 0;
    settings.session_timeout_ms = 1000000;
    quorum_init(&quorum, &settings, 7);
    for (int b = 1; b <= brokers; b++) {
        quorum_join(&quorum, b, 1);
    }
    return &quorum;
}

static void create(struct quorum *quorum, const char *name, int partitions, int replicas)
{
    struct create_topic topic = {
        .name = slice_str(name), .partitions = partitions, .replication_factor = (int16_t)replicas};
    struct command command = {.kind = COMMAND_CREATE_TOPICS, .create_topics = {&topic, 1, false}};
    cr_assert_eq(quorum_submit(quorum, &command)->create_topics.results[0].result.error,
                 KAFKA_NONE);
}

/* What is due within that time; answers how many records it wrote. */
static uint32_t wait(struct quorum *quorum, time_ms most)
{
    uint32_t records = 0;
    time_ms to = quorum->now + most;
    for (time_ms due; (due = controller_deadline(&quorum->active)) <= to;
         records += quorum->records) {
        quorum->now = max_i64(quorum->now, due);
        (void)quorum_submit(quorum, &(struct command){.kind = COMMAND_TICK});
        cr_assert_gt(controller_deadline(&quorum->active), quorum->now);
    }
    quorum->now = to;
    return records;
}

static uint32_t look(struct quorum *quorum)
{
    return wait(quorum, LOOK);
}

/* Every replica says where it lies, and its leader takes it into the ISR. */
static void all_join(struct quorum *quorum, const char *name)
{
    uint32_t count = meta_topic_partitions(meta_topic_named(quorum_image(quorum), slice_str(name)));
    for (uint32_t p = 0; p < count; p++) {
        const struct meta_partition *at = quorum_partition(quorum, name, (int32_t)p);
        struct alter_partition_entry entry = {.at = {at->topic, (int32_t)p},
                                              .leader_epoch = at->leader_epoch};
        for (uint32_t r = 0; r < at->replica_count; r++) {
            int32_t broker = at->replicas[r].broker;
            int64_t epoch = meta_broker(quorum_image(quorum), broker)->epoch;
            struct assign_dirs_entry dir = {entry.at, quorum_dir(broker, 0, 0)};
            struct command assign = {.kind = COMMAND_ASSIGN_DIRS,
                                     .assign_dirs = {broker, epoch, &dir, 1}};
            if (!meta_broker(quorum_image(quorum), broker)->fenced) {
                (void)quorum_submit(quorum, &assign);
                entry.isr[entry.isr_count].broker = broker;
                entry.isr[entry.isr_count++].epoch = epoch;
            }
            at = quorum_partition(quorum, name, (int32_t)p);
        }
        entry.partition_epoch = at->partition_epoch;
        struct command command = {
            .kind = COMMAND_ALTER_PARTITION,
            .alter_partition = {at->leader, meta_broker(quorum_image(quorum), at->leader)->epoch,
                                &entry, 1}};
        cr_assert_eq(quorum_submit(quorum, &command)->alter_partition.results[0].error, KAFKA_NONE);
    }
}

static uint32_t with_replicas(const struct quorum *quorum, const char *name, uint32_t replicas)
{
    uint32_t count = 0;
    const struct meta_topic *topic = meta_topic_named(quorum_image(quorum), slice_str(name));
    for (uint32_t p = 0; p < meta_topic_partitions(topic); p++) {
        count += meta_partition(topic, (int32_t)p)->replica_count == replicas;
    }
    return count;
}

static uint32_t preferred_by(const struct quorum *quorum, int32_t broker)
{
    uint32_t count = 0;
    const struct meta_topic *topic = meta_topic_named(quorum_image(quorum), slice_str(OWN));
    for (uint32_t p = 0; p < meta_topic_partitions(topic); p++) {
        count += meta_partition(topic, (int32_t)p)->replicas[0].broker == broker;
    }
    return count;
}

Test(controller_raise, eight_at_a_time_until_all_have_three)
{
    struct quorum *quorum = quorum_new(1);
    create(quorum, OWN, WIDE, 1);
    cr_assert_eq(look(quorum), 0, "there is nobody else");
    quorum_join(quorum, 2, 1);
    quorum_join(quorum, 3, 1);
    for (int rounds = 1; with_replicas(quorum, OWN, 3) < WIDE; rounds++) {
        cr_assert_leq(look(quorum), RAISE_PARTITIONS_MAX);
        cr_assert_eq(look(quorum), 0, "as long as these copy, no others begin");
        cr_assert_leq(rounds, 7);
        all_join(quorum, OWN);
    }
    cr_assert_eq(look(quorum), 0);
    for (int b = 1; b <= 3; b++) {
        cr_assert_geq(preferred_by(quorum, b), 16, "broker %d is preferred for %u", b,
                      preferred_by(quorum, b));
        cr_assert_leq(preferred_by(quorum, b), 17);
    }
    const struct meta_partition *one = quorum_partition(quorum, OWN, 0);
    cr_assert_eq(one->leader, 1, "leaders stay until preferred ones are elected");
    cr_assert_eq(one->leader_epoch, 0);
    cr_assert_eq(one->isr.count, 3);
    quorum_release(quorum);
}

/* Replicas that are there and never get in sync: their devices take nothing, or what they lack has rotted everywhere. */
Test(controller_raise, eight_that_never_catch_up_do_not_stand_in_the_way_for_good)
{
    struct quorum *quorum = quorum_new(1);
    create(quorum, OWN, WIDE, 1);
    quorum_join(quorum, 2, 1);
    cr_assert_eq(look(quorum), RAISE_PARTITIONS_MAX);
    cr_assert_eq(wait(quorum, RAISE_PATIENCE_MS - LOOK), 0, "most copies only take their time");
    cr_assert_eq(wait(quorum, 2 * LOOK), RAISE_PARTITIONS_MAX, "then others are not kept waiting");
    cr_assert_eq(wait(quorum, RAISE_PATIENCE_MS / 2), 0);
    (void)wait(quorum, WIDE / RAISE_PARTITIONS_MAX * (RAISE_PATIENCE_MS + 2 * LOOK));
    cr_assert_eq(with_replicas(quorum, OWN, 2), WIDE);
    quorum_release(quorum);
}

Test(controller_raise, who_lacks_nothing_sleeps)
{
    struct quorum *quorum = quorum_new(2);
    create(quorum, OWN, 4, 1);
    (void)look(quorum);
    all_join(quorum, OWN);
    (void)look(quorum);
    cr_assert_gt(controller_deadline(&quorum->active), quorum->now + 100000, "no look is due");
    quorum_join(quorum, 3, 1);
    cr_assert_eq(look(quorum), 4, "somebody came");
    cr_assert_gt(controller_deadline(&quorum->active), quorum->now + 100000);
    quorum_release(quorum);
}

Test(controller_raise, never_lowered_and_no_other_topic)
{
    struct quorum *quorum = quorum_new(5);
    create(quorum, OWN, 4, 5);
    create(quorum, "orders", 4, 1);
    cr_assert_eq(look(quorum), 0);
    cr_assert_eq(with_replicas(quorum, OWN, 5), 4);
    cr_assert_eq(with_replicas(quorum, "orders", 1), 4);
    quorum_release(quorum);
}

Test(controller_raise, who_is_not_there_gets_nothing)
{
    struct quorum *quorum = quorum_new(1);
    create(quorum, OWN, 2, 1);
    quorum_join(quorum, 2, 1);
    quorum_join(quorum, 3, 1);
    struct command suspect = {.kind = COMMAND_SUSPECT,
                              .suspect = {2, meta_broker(quorum_image(quorum), 2)->epoch}};
    cr_assert(quorum_submit(quorum, &suspect)->suspect.fenced);
    struct command leave = quorum_beat(quorum, 3);
    leave.heartbeat.want_shutdown = true;
    (void)quorum_submit(quorum, &leave);
    cr_assert_eq(look(quorum), 0, "one is fenced, one leaves");
    quorum_join(quorum, 2, 2);
    cr_assert_eq(look(quorum), 2);
    cr_assert_eq(with_replicas(quorum, OWN, 2), 2);
    quorum_release(quorum);
}

Test(controller_raise, who_nobody_leads_waits)
{
    struct quorum *quorum = quorum_new(2);
    create(quorum, OWN, 2, 1);
    int32_t gone = quorum_partition(quorum, OWN, 0)->leader;
    struct command suspect = {.kind = COMMAND_SUSPECT,
                              .suspect = {gone, meta_broker(quorum_image(quorum), gone)->epoch}};
    cr_assert(quorum_submit(quorum, &suspect)->suspect.fenced);
    quorum_join(quorum, 3, 1);
    cr_assert_eq(look(quorum), 1, "the one with a leader only");
    cr_assert_eq(quorum_partition(quorum, OWN, 0)->replica_count, 1);
    quorum_release(quorum);
}

/* A min.insync.replicas that fewer replicas had capped counts as soon as there are more. */
Test(controller_raise, an_elr_goes_by_the_new_number)
{
    struct quorum *quorum = quorum_new(1);
    struct topic_setting setting = {slice_str("min.insync.replicas"), slice_str("2"), SETTING_PUT};
    struct alter_resource all = {.resource = META_RESOURCE_BROKER,
                                 .name = slice_str(""),
                                 .settings = &setting,
                                 .setting_count = 1};
    struct command alter = {.kind = COMMAND_ALTER_CONFIGS, .alter_configs = {&all, 1, false}};
    (void)quorum_submit(quorum, &alter);
    create(quorum, OWN, 1, 1);
    quorum_join(quorum, 2, 1);
    cr_assert_eq(look(quorum), 1);
    const struct meta_partition *one = quorum_partition(quorum, OWN, 0);
    cr_assert_eq(one->replica_count, 2);
    cr_assert_eq(one->isr.count, 1);
    cr_assert_eq(one->elr.count, 0);
    struct command suspect = {.kind = COMMAND_SUSPECT,
                              .suspect = {1, meta_broker(quorum_image(quorum), 1)->epoch}};
    cr_assert(quorum_submit(quorum, &suspect)->suspect.fenced);
    one = quorum_partition(quorum, OWN, 0);
    cr_assert_eq(one->leader, META_NO_BROKER, "who is new has nothing and is never elected");
    cr_assert(meta_ids_has(&one->elr, 1));
    quorum_release(quorum);
}
