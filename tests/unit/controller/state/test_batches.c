/* Decisions that are too big for one batch, leadership lost on the way, and the order of commit. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/unit/controller/state/quorum.h"

static struct quorum *quorum_new(void)
{
    static struct quorum quorum;
    struct controller_settings settings = controller_settings_default();
    settings.rebalance_check_ms = 0;
    settings.raise_check_ms = 0;
    quorum_init(&quorum, &settings, 5);
    for (int b = 1; b <= 3; b++) {
        quorum_join(&quorum, b, 1);
    }
    return &quorum;
}

static const struct create_topic_result *create(struct quorum *quorum, const char *name,
                                                int partitions)
{
    struct create_topic topic = {
        .name = slice_str(name), .partitions = partitions, .replication_factor = 3};
    struct command command = {.kind = COMMAND_CREATE_TOPICS, .create_topics = {&topic, 1, false}};
    return quorum_submit(quorum, &command)->create_topics.results;
}

static unsigned led_by(const struct quorum *quorum, const char *topic, int32_t broker)
{
    unsigned led = 0;
    const struct meta_topic *found = meta_topic_named(quorum_image(quorum), slice_str(topic));
    for (uint32_t i = 0; i < meta_topic_partitions(found); i++) {
        led += meta_partition(found, (int32_t)i)->leader == broker;
    }
    return led;
}

/* It came in batches of 1,024 records: where the controller died between two of them a part of it was left, and whoever had asked was
 * told of an error. */
Test(controller_batches, a_topic_is_made_and_grows_as_a_whole)
{
    struct quorum *quorum = quorum_new();
    const struct create_topic_result *result = create(quorum, "wide", 3000);
    cr_assert_eq(result->result.error, KAFKA_NONE);
    cr_assert_eq(result->partitions, 3000);
    cr_assert_eq(quorum->batches, 1);
    cr_assert_eq(quorum->records, 3001);
    cr_assert_eq(meta_partition_total(quorum_image(quorum)), 3000);
    for (int b = 1; b <= 3; b++) {
        cr_assert_eq(led_by(quorum, "wide", b), 1000);
    }
    struct grow_topic grow = {.name = slice_str("wide"), .total = 3000 + REQUEST_PARTITIONS_MAX};
    struct command command = {.kind = COMMAND_CREATE_PARTITIONS,
                              .create_partitions = {&grow, 1, false}};
    cr_assert_eq(quorum_submit(quorum, &command)->results.results[0].error, KAFKA_NONE);
    cr_assert_eq(quorum->batches, 1);
    cr_assert_eq(meta_partition_total(quorum_image(quorum)), 13000);
    grow.total = 13000 + REQUEST_PARTITIONS_MAX + 1;
    cr_assert_eq(quorum_submit(quorum, &command)->results.results[0].error, KAFKA_POLICY_VIOLATION,
                 "as in Kafka");
    cr_assert_eq(quorum->batches, 0);
    quorum_release(quorum);
}

Test(controller_batches, a_fence_comes_first_and_elections_follow)
{
    struct quorum *quorum = quorum_new();
    (void)create(quorum, "wide", 3000);
    struct command suspect = {.kind = COMMAND_SUSPECT,
                              .suspect = {1, meta_broker(quorum_image(quorum), 1)->epoch}};
    cr_assert(quorum_submit(quorum, &suspect)->suspect.fenced);
    cr_assert_eq(quorum->batches, 3);
    cr_assert_eq(quorum->records, 3001);
    cr_assert_eq(led_by(quorum, "wide", 1), 0);
    quorum_release(quorum);
}

/* The first batch of a decision, accepted; then the leadership is lost. */
static void break_off(struct quorum *quorum, const struct command *command)
{
    arena_clear(&quorum->arena);
    decision_start(&quorum->decision, &quorum->arena);
    cr_assert_eq(controller_decide(&quorum->active, command, quorum->now, &quorum->decision), OK);
    int64_t offset = quorum->end++;
    arena_clear(&quorum->scratch);
    cr_assert_eq(controller_replay(&quorum->follower, quorum->decision.batch, offset, quorum->epoch,
                                   &quorum->scratch),
                 OK);
    cr_assert_eq(controller_accept(&quorum->active, &quorum->decision, offset, quorum->epoch, 0),
                 OK);
    cr_assert(quorum->decision.more);
    quorum_commit(quorum);
    quorum_failover(quorum);
}

Test(controller_batches, the_next_controller_finishes_a_fence)
{
    struct quorum *quorum = quorum_new();
    (void)create(quorum, "wide", 3000);
    struct command suspect = {.kind = COMMAND_SUSPECT,
                              .suspect = {1, meta_broker(quorum_image(quorum), 1)->epoch}};
    break_off(quorum, &suspect);
    cr_assert(meta_broker(quorum_image(quorum), 1)->fenced);
    cr_assert_eq(led_by(quorum, "wide", 1), 0);
    quorum_release(quorum);
}

/* A broker has told that its replicas of the topic lie in its second directory. */
static void place(struct quorum *quorum, const char *topic, int32_t broker, int32_t count)
{
    static struct assign_dirs_entry entries[3000];
    cr_assert_leq(count, (int32_t)ARRAY_LEN(entries));
    struct uuid id = quorum_partition(quorum, topic, 0)->topic;
    for (int32_t i = 0; i < count; i++) {
        entries[i] = (struct assign_dirs_entry){{id, i}, quorum_dir(broker, 0, 1)};
    }
    struct command command = {.kind = COMMAND_ASSIGN_DIRS,
                              .assign_dirs = {broker,
                                              meta_broker(quorum_image(quorum), broker)->epoch,
                                              entries, (uint32_t)count}};
    cr_assert_eq(quorum_submit(quorum, &command)->replicas.error, KAFKA_NONE);
}

/* The controller died between two batches of the decision about a directory that failed, and the next one saw a broker that had lost none:
 * the rest of what lay there was led by it, who had none of them. */
Test(controller_batches, the_next_controller_is_told_of_a_lost_directory_again)
{
    struct quorum *quorum = quorum_new();
    struct command again = quorum_registration(1, 2);
    again.register_broker.dirs[1].id = quorum_dir(1, 0, 1);
    again.register_broker.dirs[1].condition = DIR_CRASHED;
    again.register_broker.dir_count = 2;
    int64_t epoch = quorum_submit(quorum, &again)->register_broker.broker_epoch;
    cr_assert_gt(epoch, 0);
    struct command beat = quorum_beat(quorum, 1);
    cr_assert_not(quorum_submit(quorum, &beat)->heartbeat.fenced);
    (void)create(quorum, "wide", 3000);
    cr_assert_eq(led_by(quorum, "wide", 1), 1000);
    place(quorum, "wide", 1, 3000);
    beat.heartbeat.offline_dirs[beat.heartbeat.offline_dir_count++] = quorum_dir(1, 0, 1);
    break_off(quorum, &beat);
    (void)quorum_submit(quorum, &beat);
    cr_assert_eq(meta_broker(quorum_image(quorum), 1)->dir_count, 1);
    cr_assert_not(meta_broker(quorum_image(quorum), 1)->fenced);
    cr_assert_eq(led_by(quorum, "wide", 1), 0);
    quorum_release(quorum);
}

/* Neither registered nor alive: the old incarnation is fenced, the new one asks again and finds its work half done. */
Test(controller_batches, a_registration_that_broke_off_is_asked_for_again)
{
    struct quorum *quorum = quorum_new();
    (void)create(quorum, "wide", 3000);
    int64_t old_epoch = meta_broker(quorum_image(quorum), 1)->epoch;
    struct command again = quorum_registration(1, 2);
    break_off(quorum, &again);
    const struct meta_broker *broker = meta_broker(quorum_image(quorum), 1);
    cr_assert_eq(broker->epoch, old_epoch);
    cr_assert(broker->fenced);
    cr_assert_eq(led_by(quorum, "wide", 1), 0);
    int64_t epoch = quorum_submit(quorum, &again)->register_broker.broker_epoch;
    cr_assert_gt(epoch, old_epoch);
    cr_assert_eq(meta_broker(quorum_image(quorum), 1)->epoch, epoch);
    quorum_release(quorum);
}

Test(controller_batches, a_registration_of_a_leader_of_thousands_ends_every_epoch)
{
    struct quorum *quorum = quorum_new();
    (void)create(quorum, "wide", 3000);
    struct command again = quorum_registration(1, 2);
    const struct register_broker_answer *answer = &quorum_submit(quorum, &again)->register_broker;
    cr_assert_eq(quorum->batches, 3);
    cr_assert_eq(answer->broker_epoch, meta_broker(quorum_image(quorum), 1)->epoch);
    cr_assert_eq(answer->broker_epoch, meta_offset(quorum_image(quorum)));
    cr_assert_eq(led_by(quorum, "wide", 1), 0);
    quorum_release(quorum);
}

Test(controller_batches, many_topics_settings_and_removals)
{
    struct quorum *quorum = quorum_new();
    static struct create_topic topics[1500];
    static struct delete_topic gone[1500];
    static char names[1500][8];
    for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "t%zu", i);
        topics[i] = (struct create_topic){
            .name = slice_str(names[i]), .partitions = 1, .replication_factor = 3};
        gone[i] = (struct delete_topic){.name = slice_str(names[i])};
    }
    struct command command = {.kind = COMMAND_CREATE_TOPICS,
                              .create_topics = {topics, ARRAY_LEN(topics), false}};
    const struct create_topics_answer *made = &quorum_submit(quorum, &command)->create_topics;
    cr_assert_eq(made->count, ARRAY_LEN(topics));
    unsigned led[4] = {0};
    for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
        cr_assert_eq(made->results[i].result.error, KAFKA_NONE);
        led[quorum_partition(quorum, names[i], 0)->leader]++;
    }
    for (int b = 1; b <= 3; b++) {
        cr_assert_gt(led[b], 400, "topics of one request do not all begin at the same broker");
    }
    /* A cluster-wide setting touches every one of them, and is written last. */
    struct topic_setting setting = {slice_str("durability"), slice_str("pagecache")};
    struct alter_resource resource = {.resource = META_RESOURCE_BROKER,
                                      .name = slice_str(""),
                                      .settings = &setting,
                                      .setting_count = 1};
    command = (struct command){.kind = COMMAND_ALTER_CONFIGS,
                               .alter_configs = {&resource, 1, false}};
    (void)quorum_submit(quorum, &command);
    cr_assert_eq(quorum->batches, 2);
    cr_assert_eq(quorum->records, 1501);
    for (size_t i = 0; i < ARRAY_LEN(topics); i++) {
        cr_assert_not(quorum_partition(quorum, names[i], 0)->replicas[0].synced);
    }
    command = (struct command){.kind = COMMAND_DELETE_TOPICS,
                               .delete_topics = {gone, ARRAY_LEN(gone)}};
    (void)quorum_submit(quorum, &command);
    cr_assert_eq(quorum->batches, 2);
    cr_assert_eq(meta_topic_count(quorum_image(quorum)), 0);
    quorum_release(quorum);
}

Test(controller_batches, what_is_not_committed_is_lost_with_the_leadership)
{
    struct quorum *quorum = quorum_new();
    quorum->hold = true;
    cr_assert_eq(create(quorum, "held", 1)->result.error, KAFKA_NONE);
    /* Decisions build upon it; answers wait. */
    cr_assert_eq(create(quorum, "held", 1)->result.error, KAFKA_TOPIC_ALREADY_EXISTS);
    cr_assert_gt(meta_offset(controller_newest(&quorum->active)),
                 meta_offset(controller_committed(&quorum->active)));
    cr_assert_null(meta_topic_named(controller_committed(&quorum->active), slice_str("held")));
    quorum_failover(quorum);
    cr_assert_null(quorum_partition(quorum, "held", 0));
    cr_assert_eq(create(quorum, "held", 1)->result.error, KAFKA_NONE);
    quorum_release(quorum);
}

/* A quorum of one commits while it appends: the commit comes before controller_accept. */
Test(controller_batches, a_commit_may_come_before_the_batch_is_accepted)
{
    struct quorum *quorum = quorum_new();
    struct create_topic topic = {
        .name = slice_str("early"), .partitions = 1, .replication_factor = 1};
    struct command command = {.kind = COMMAND_CREATE_TOPICS, .create_topics = {&topic, 1, false}};
    arena_clear(&quorum->arena);
    decision_start(&quorum->decision, &quorum->arena);
    cr_assert_eq(controller_decide(&quorum->active, &command, 0, &quorum->decision), OK);
    controller_commit(&quorum->active, quorum->end);
    cr_assert_eq(controller_accept(&quorum->active, &quorum->decision, quorum->end, 1, 0), OK);
    cr_assert_eq(meta_offset(controller_committed(&quorum->active)), quorum->end);
    quorum_release(quorum);
}

Test(controller_batches, a_restored_image_goes_on)
{
    struct quorum *quorum = quorum_new();
    (void)create(quorum, "kept", 3);
    struct meta_image *image = (struct meta_image *)controller_committed(&quorum->active);
    meta_image_hold(image);
    controller_restore(&quorum->follower, image);
    cr_assert_eq(controller_committed(&quorum->follower), image);
    quorum_failover(quorum);
    cr_assert_eq(create(quorum, "more", 3)->result.error, KAFKA_NONE);
    quorum_release(quorum);
}

Test(controller_batches, what_heartbeats_told_of_the_metadata_is_known)
{
    struct quorum quorum;
    struct controller_settings settings = controller_settings_default();
    struct controller_contact contact;
    quorum_init(&quorum, &settings, 5);
    quorum.now = 1000;
    struct command command = quorum_registration(4, 1);
    (void)quorum_submit(&quorum, &command);
    cr_assert_not(controller_contact(&quorum.active, 4, &contact), "it has not told anything yet");
    cr_assert_not(controller_contact(&quorum.active, 5, &contact));
    command = quorum_beat(&quorum, 4);
    command.heartbeat.metadata_offset = 0;
    (void)quorum_submit(&quorum, &command);
    cr_assert(controller_contact(&quorum.active, 4, &contact));
    cr_assert_eq(contact.reached, 0);
    cr_assert_eq(contact.contact_ms, 1000);
    cr_assert_eq(contact.was_caught_up, meta_offset(quorum_image(&quorum)) == 0);
    int64_t end = meta_offset(quorum_image(&quorum));
    quorum.now = 1200;
    quorum_join(&quorum, 5, 1); /* the log moves on */
    command = quorum_beat(&quorum, 4);
    command.heartbeat.metadata_offset = end;
    (void)quorum_submit(&quorum, &command);
    cr_assert(controller_contact(&quorum.active, 4, &contact));
    cr_assert_eq(contact.contact_ms, 1200);
    cr_assert(contact.was_caught_up);
    cr_assert_eq(contact.caught_up_ms, 1000, "at its heartbeat before it lacked nothing of then");
    quorum_release(&quorum);
}
