/* Every command with too little memory, piece by piece: an error or an answer, never half a decision (quorum.c asks). */
#include <criterion/criterion.h>

#include "tests/unit/controller/state/quorum.h"

static struct quorum *quorum_new(void)
{
    static struct quorum quorum;
    struct controller_settings settings = controller_settings_default();
    quorum_init(&quorum, &settings, 11);
    quorum.scarce = true;
    for (int b = 1; b <= 3; b++) {
        quorum_join(&quorum, b, 1);
    }
    return &quorum;
}

static enum kafka_error create(struct quorum *quorum, const struct create_topic *topic)
{
    struct command command = {.kind = COMMAND_CREATE_TOPICS, .create_topics = {topic, 1, false}};
    return quorum_submit(quorum, &command)->create_topics.results[0].result.error;
}

static enum kafka_error make(struct quorum *quorum, const char *name, int partitions)
{
    struct create_topic topic = {
        .name = slice_str(name), .partitions = partitions, .replication_factor = 3};
    return create(quorum, &topic);
}

static enum kafka_error change(struct quorum *quorum, enum meta_resource resource, const char *name,
                               const struct topic_setting *setting)
{
    struct alter_resource wants = {
        .resource = resource, .name = slice_str(name), .settings = setting, .setting_count = 1};
    struct command command = {.kind = COMMAND_ALTER_CONFIGS, .alter_configs = {&wants, 1, false}};
    return quorum_submit(quorum, &command)->results.results[0].error;
}

Test(controller_memory, topics)
{
    struct quorum *quorum = quorum_new();
    cr_assert_eq(make(quorum, "orders", 6), KAFKA_NONE);
    cr_assert_eq(make(quorum, "orders", 6), KAFKA_TOPIC_ALREADY_EXISTS);
    cr_assert_eq(make(quorum, "no such/name", 1), KAFKA_INVALID_TOPIC_EXCEPTION);
    cr_assert_eq(make(quorum, "", 1), KAFKA_INVALID_TOPIC_EXCEPTION);
    cr_assert_eq(make(quorum, "a.b", 1), KAFKA_NONE);
    cr_assert_eq(make(quorum, "a_b", 1), KAFKA_INVALID_TOPIC_EXCEPTION);
    struct manual_assignment places[] = {{0, {1, 2, 3}, 3}, {1, {2, 3, 1}, 3}};
    struct topic_setting setting = {slice_str("retention.ms"), slice_str("5")};
    struct create_topic topic = {.name = slice_str("by.hand"),
                                 .partitions = -1,
                                 .replication_factor = -1,
                                 .assignments = places,
                                 .assignment_count = 2,
                                 .settings = &setting,
                                 .setting_count = 1};
    cr_assert_eq(create(quorum, &topic), KAFKA_NONE);
    struct grow_topic grow = {.name = slice_str("orders"), .total = 12};
    struct command command = {.kind = COMMAND_CREATE_PARTITIONS,
                              .create_partitions = {&grow, 1, false}};
    cr_assert_eq(quorum_submit(quorum, &command)->results.results[0].error, KAFKA_NONE);
    cr_assert_eq(meta_partition_total(quorum_image(quorum)), 12 + 1 + 2);
    struct delete_topic gone = {.name = slice_str("by.hand")};
    command = (struct command){.kind = COMMAND_DELETE_TOPICS, .delete_topics = {&gone, 1}};
    cr_assert_eq(quorum_submit(quorum, &command)->delete_topics.results[0].result.error,
                 KAFKA_NONE);
    cr_assert_null(quorum_partition(quorum, "by.hand", 0));
    cr_assert_gt(quorum->refusals, 50);
    quorum_release(quorum);
}

Test(controller_memory, settings_and_features)
{
    struct quorum *quorum = quorum_new();
    cr_assert_eq(make(quorum, "orders", 3), KAFKA_NONE);
    struct topic_setting two = {slice_str("min.insync.replicas"), slice_str("2")};
    cr_assert_eq(change(quorum, META_RESOURCE_TOPIC, "orders", &two), KAFKA_NONE);
    cr_assert_eq(change(quorum, META_RESOURCE_BROKER, "", &two), KAFKA_NONE);
    cr_assert_eq(change(quorum, META_RESOURCE_BROKER, "1", &two), KAFKA_INVALID_CONFIG);
    cr_assert_eq(change(quorum, META_RESOURCE_TOPIC, "nowhere", &two),
                 KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    cr_assert_eq(change(quorum, META_RESOURCE_TOPIC, "no such/name", &two),
                 KAFKA_INVALID_TOPIC_EXCEPTION);
    struct topic_setting both = {slice_str("cleanup.policy"), slice_str("compact"), SETTING_APPEND};
    cr_assert_eq(change(quorum, META_RESOURCE_TOPIC, "orders", &both), KAFKA_NONE);
    cr_assert(slice_eq(meta_config_value(quorum_image(quorum), META_RESOURCE_TOPIC,
                                         slice_str("orders"), slice_str("cleanup.policy")),
                       slice_str("delete,compact")));
    struct update_feature feature = {slice_str("nobody.knows.it"), 1, false};
    struct command command = {.kind = COMMAND_UPDATE_FEATURES,
                              .update_features = {&feature, 1, false}};
    cr_assert_eq(quorum_submit(quorum, &command)->result.error, KAFKA_INVALID_UPDATE_VERSION);
    feature.name = slice_str("transaction.version");
    feature.level = 99;
    cr_assert_eq(quorum_submit(quorum, &command)->result.error, KAFKA_INVALID_UPDATE_VERSION);
    quorum_release(quorum);
}

/* Every partition of a broker with thousands of them, over several batches. */
Test(controller_memory, decisions_of_several_batches)
{
    struct quorum *quorum = quorum_new();
    cr_assert_eq(make(quorum, "wide", 1500), KAFKA_NONE);
    struct topic_setting cached = {slice_str("durability"), slice_str("pagecache")};
    cr_assert_eq(change(quorum, META_RESOURCE_TOPIC, "wide", &cached), KAFKA_NONE);
    cr_assert_eq(quorum->batches, 2);
    struct command again = quorum_registration(1, 2);
    cr_assert_eq(quorum_submit(quorum, &again)->register_broker.result.error, KAFKA_NONE);
    cr_assert_eq(quorum->batches, 2);
    again = quorum_beat(quorum, 1);
    cr_assert_not(quorum_submit(quorum, &again)->heartbeat.fenced);
    struct command elect = {.kind = COMMAND_ELECT_LEADERS, .elect_leaders = {.all = true}};
    (void)quorum_submit(quorum, &elect);
    struct command suspect = {.kind = COMMAND_SUSPECT,
                              .suspect = {2, meta_broker(quorum_image(quorum), 2)->epoch}};
    cr_assert(quorum_submit(quorum, &suspect)->suspect.fenced);
    struct command gone = {.kind = COMMAND_UNREGISTER_BROKER, .unregister_broker = {2}};
    cr_assert_eq(quorum_submit(quorum, &gone)->result.error, KAFKA_NONE);
    cr_assert_null(meta_broker(quorum_image(quorum), 2));
    quorum_failover(quorum);
    quorum_release(quorum);
}

/* --- what was decided is taken in --- */

/* Accepts with memory for so many pieces; whoever has none resigns and follows; true: it was enough. */
static bool accept_within(const struct command *command, size_t most)
{
    struct quorum *quorum = quorum_new();
    quorum->scarce = false;
    struct controller_state *active = &quorum->active;
    arena_clear(&quorum->arena);
    decision_start(&quorum->decision, &quorum->arena);
    cr_assert_eq(controller_decide(active, command, quorum->now, &quorum->decision), OK);
    size_t chunk_bytes = quorum->heap.arena.chunk_bytes;
    test_memory_heap_by_piece(&quorum->heap);
    quorum->memory.most = most;
    int64_t offset = quorum->end++;
    err_t err = controller_accept(active, &quorum->decision, offset, quorum->epoch, quorum->now);
    quorum->memory.most = SIZE_MAX;
    quorum->heap.arena.chunk_bytes = chunk_bytes;
    cr_assert(err == OK || err == ERR_NO_MEMORY);
    controller_resign(active);
    controller_check(active);
    cr_assert_eq(controller_newest(active), controller_committed(active));
    cr_assert_lt(meta_offset(controller_newest(active)), offset);
    /* The batch was appended: it commits, and everybody comes to the same. It borrows from the image of who decided. */
    struct controller_state *all[] = {&quorum->follower, active};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        cr_assert_eq(controller_replay(all[i], quorum->decision.batch, offset, quorum->epoch,
                                       &quorum->scratch),
                     OK);
    }
    quorum_failover(quorum);
    quorum_release(quorum);
    return err == OK;
}

Test(controller_memory, who_cannot_take_in_what_it_decided_resigns)
{
    struct command commands[] = {quorum_registration(9, 1),
                                 {.kind = COMMAND_SUSPECT, .suspect = {.broker = 1}}};
    struct quorum *quorum = quorum_new();
    commands[1].suspect.broker_epoch = meta_broker(quorum_image(quorum), 1)->epoch;
    quorum_release(quorum);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        size_t most = 0;
        while (!accept_within(&commands[i], most)) {
            most++;
        }
        cr_assert_gt(most, 0);
    }
}

/* More brokers than the table of sessions begins with, and no memory at the n-th piece when a new active controller begins. */
Test(controller_memory, sessions_begin_whole_or_not_at_all)
{
    struct quorum *quorum = quorum_new();
    quorum->scarce = false;
    for (int b = 4; b <= 12; b++) {
        quorum_join(quorum, b, 1);
    }
    controller_resign(&quorum->active);
    struct command command = {.kind = COMMAND_NEW_ACTIVE};
    size_t chunk_bytes = quorum->heap.arena.chunk_bytes;
    err_t err = ERR_NO_MEMORY;
    for (size_t most = 0; err != OK; most++) {
        decision_start(&quorum->decision, &quorum->arena);
        cr_assert_eq(controller_decide(&quorum->active, &command, 0, &quorum->decision), OK);
        cr_assert_eq(quorum->decision.batch.count, 0);
        test_memory_heap_by_piece(&quorum->heap);
        quorum->memory.most = most;
        err = controller_accept(&quorum->active, &quorum->decision, -1, quorum->epoch, 0);
        quorum->memory.most = SIZE_MAX;
        quorum->heap.arena.chunk_bytes = chunk_bytes;
        cr_assert_eq(quorum->active.active, err == OK);
        if (err != OK) {
            cr_assert_eq(err, ERR_NO_MEMORY);
            controller_resign(&quorum->active);
        }
        controller_check(&quorum->active);
    }
    quorum_release(quorum);
}

Test(controller_memory, a_controller_begins_whole_or_not_at_all)
{
    struct test_memory memory;
    test_memory_init(&memory);
    struct heap heap;
    heap_init(&heap, &memory.source, 1 << 20);
    memory.most = 0;
    struct controller_settings settings = controller_settings_default();
    struct controller_state state;
    cr_assert_eq(controller_init(&state, &heap, &settings, 1), ERR_NO_MEMORY);
    memory.most = SIZE_MAX;
    cr_assert_eq(controller_init(&state, &heap, &settings, 1), OK);
    cr_assert_eq(controller_deadline(&state), TIME_NEVER);
    controller_release(&state);
    cr_assert_eq(heap.live, 0);
    heap_release(&heap);
}
