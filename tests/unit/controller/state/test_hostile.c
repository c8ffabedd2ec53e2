/* Whatever a broker or a client says, the controller answers, and what it decides fits its log. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "common/base/prng.h"
#include "tests/unit/controller/state/quorum.h"

static char long_text[40000];

static struct quorum *quorum_new(void)
{
    memset(long_text, 'x', sizeof(long_text));
    return quorum_with_orders(9);
}

static enum kafka_error registered(struct quorum *quorum, const struct command *command)
{
    return quorum_submit(quorum, command)->register_broker.result.error;
}

Test(controller_hostile, a_registration_that_does_not_fit_the_log_is_refused)
{
    struct quorum *quorum = quorum_new();
    struct command command = quorum_registration(7, 1);
    command.register_broker.rack = slice_of(long_text, 256);
    cr_assert_eq(registered(quorum, &command), KAFKA_INVALID_REGISTRATION);
    command = quorum_registration(7, 1);
    command.register_broker.endpoints[0].host = slice_of(long_text, 256);
    cr_assert_eq(registered(quorum, &command), KAFKA_INVALID_REGISTRATION);
    command = quorum_registration(7, 1);
    command.register_broker.endpoints[0].listener = slice_str("");
    cr_assert_eq(registered(quorum, &command), KAFKA_INVALID_REGISTRATION);
    command = quorum_registration(7, 1);
    command.register_broker.endpoints[0].security_protocol = 9;
    cr_assert_eq(registered(quorum, &command), KAFKA_INVALID_REGISTRATION);
    command = quorum_registration(7, 1);
    command.register_broker.dirs[0].condition = (enum dir_condition)0;
    cr_assert_eq(registered(quorum, &command), KAFKA_INVALID_REQUEST);
    command = quorum_registration(-1, 1);
    cr_assert_eq(registered(quorum, &command), KAFKA_INVALID_REQUEST);
    quorum_release(quorum);
}

Test(controller_hostile, settings_that_do_not_fit_the_log_are_refused)
{
    struct quorum *quorum = quorum_new();
    struct topic_setting settings[] = {{slice_of(long_text, 256), slice_str("1")},
                                       {slice_str(""), slice_str("1")},
                                       {slice_str("k"), slice_of(long_text, 32768)},
                                       {slice_str("k"), {0}}};
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        struct create_topic topic = {.name = slice_str("t"),
                                     .partitions = 1,
                                     .replication_factor = 1,
                                     .settings = &settings[i],
                                     .setting_count = 1};
        struct command command = {.kind = COMMAND_CREATE_TOPICS,
                                  .create_topics = {&topic, 1, false}};
        cr_assert_eq(quorum_submit(quorum, &command)->create_topics.results[0].result.error,
                     KAFKA_INVALID_CONFIG);
        struct alter_resource resource = {.resource = META_RESOURCE_TOPIC,
                                          .name = slice_str("orders"),
                                          .settings = &settings[i],
                                          .setting_count = 1};
        command = (struct command){.kind = COMMAND_ALTER_CONFIGS,
                                   .alter_configs = {&resource, 1, false}};
        enum kafka_error error = quorum_submit(quorum, &command)->results.results[0].error;
        cr_assert_eq(error, settings[i].value.p == NULL ? KAFKA_NONE : KAFKA_INVALID_CONFIG);
    }
    quorum_release(quorum);
}

#define SETTINGS 512

/* A topic that comes with so many settings of so many bytes. */
static enum kafka_error created(struct quorum *quorum, const struct topic_setting *settings,
                                uint32_t count)
{
    struct create_topic topic = {.name = slice_of(long_text, TOPIC_NAME_MAX),
                                 .partitions = 1,
                                 .replication_factor = 1,
                                 .settings = settings,
                                 .setting_count = count};
    struct command command = {.kind = COMMAND_CREATE_TOPICS, .create_topics = {&topic, 1, false}};
    return quorum_submit(quorum, &command)->create_topics.results[0].result.error;
}

static enum kafka_error altered(struct quorum *quorum, const struct topic_setting *settings,
                                uint32_t count, bool replace)
{
    struct alter_resource resource = {.resource = META_RESOURCE_GROUP,
                                      .name = slice_of(long_text, META_NAME_MAX),
                                      .settings = settings,
                                      .setting_count = count,
                                      .replace = replace};
    struct command command = {.kind = COMMAND_ALTER_CONFIGS,
                              .alter_configs = {&resource, 1, false}};
    return quorum_submit(quorum, &command)->results.results[0].error;
}

/* Each record names the resource again: what a frame between nodes could carry was more than an entry of the log can, and who was
 * active could not write it, gave up, and left the request to the next one. */
Test(controller_hostile, settings_that_do_not_fit_one_entry_together_are_refused)
{
    static char keys[SETTINGS][8];
    static struct topic_setting settings[SETTINGS];
    struct quorum *quorum = quorum_new();
    for (size_t i = 0; i < SETTINGS; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
        settings[i] = (struct topic_setting){slice_str(keys[i]), slice_of(long_text, 16338)};
    }
    cr_assert_eq(altered(quorum, settings, SETTINGS, false), KAFKA_INVALID_CONFIG);
    cr_assert_eq(created(quorum, settings, SETTINGS), KAFKA_INVALID_CONFIG);
    cr_assert_eq(altered(quorum, settings, 250, false), KAFKA_NONE);
    cr_assert_eq(altered(quorum, settings + 250, 250, true), KAFKA_NONE, "the others go");
    cr_assert_eq(created(quorum, settings, 250), KAFKA_NONE);
    quorum_release(quorum);
}

static void fits_an_entry(void *ctx, const struct meta_batch *batch, int64_t offset)
{
    struct quorum *quorum = ctx;
    struct buf bytes;
    buf_init(&bytes, &quorum->heap, RPC_BODY_MAX);
    cr_assert_eq(meta_batch_encode(*batch, &bytes), OK, "at %lld", (long long)offset);
    buf_release(&bytes);
}

Test(controller_hostile, the_largest_topic_fits_one_entry)
{
    static char keys[250][8];
    static struct topic_setting settings[250];
    struct quorum *quorum = quorum_new();
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
        settings[i] = (struct topic_setting){slice_str(keys[i]), slice_of(long_text, 16338)};
    }
    for (int32_t i = 0; i < REPLICAS_MAX; i++) {
        quorum_join(quorum, INT32_MAX - i, 1);
    }
    struct create_topic topic = {.name = slice_of(long_text, TOPIC_NAME_MAX),
                                 .partitions = REQUEST_PARTITIONS_MAX,
                                 .replication_factor = REPLICAS_MAX,
                                 .settings = settings,
                                 .setting_count = ARRAY_LEN(settings)};
    struct command command = {.kind = COMMAND_CREATE_TOPICS, .create_topics = {&topic, 1, false}};
    quorum->seen = fits_an_entry;
    quorum->ctx = quorum;
    cr_assert_eq(quorum_submit(quorum, &command)->create_topics.results[0].result.error,
                 KAFKA_NONE);
    cr_assert_eq(quorum->batches, 1);
    quorum_release(quorum);
}

/* Each topic may be that large; a small request for many of them held the controller's loop for good. */
Test(controller_hostile, topics_that_are_too_many_partitions_together_are_refused)
{
    struct quorum *quorum = quorum_new();
    struct create_topic topics[3] = {
        {.name = slice_str("a"), .partitions = 6000, .replication_factor = 1},
        {.name = slice_str("b"), .partitions = 6000, .replication_factor = 1},
        {.name = slice_str("c"), .partitions = 4000, .replication_factor = 1}};
    struct command command = {.kind = COMMAND_CREATE_TOPICS, .create_topics = {topics, 3, true}};
    const struct create_topic_result *made = quorum_submit(quorum, &command)->create_topics.results;
    cr_assert_eq(made[0].result.error, KAFKA_NONE);
    cr_assert_eq(made[1].result.error, KAFKA_POLICY_VIOLATION);
    cr_assert_eq(made[2].result.error, KAFKA_NONE);
    quorum_release(quorum);
}

static int32_t some(struct prng *prng)
{
    static const int32_t numbers[] = {0, 1, 2, 3, 4, -1, -2, INT32_MAX, INT32_MIN, 100000};
    return numbers[prng_below(prng, ARRAY_LEN(numbers))];
}

static struct partition_ref some_partition(struct quorum *quorum, struct prng *prng)
{
    struct partition_ref at = {.partition = some(prng)};
    if (prng_chance(prng, 800)) {
        at.topic = quorum_partition(quorum, "orders", 0)->topic;
        at.partition = prng_chance(prng, 700) ? (int32_t)prng_below(prng, 2) : at.partition;
    }
    return at;
}

static void ask_partition(struct quorum *quorum, struct prng *prng)
{
    struct partition_ref at = some_partition(quorum, prng);
    int32_t broker = (int32_t)prng_below(prng, 4) + (prng_chance(prng, 100) ? some(prng) % 9 : 0);
    const struct meta_broker *known = meta_broker(quorum_image(quorum), broker);
    int64_t epoch = known == NULL || prng_chance(prng, 50) ? some(prng) : known->epoch;
    struct assign_dirs_entry dir = {at,
                                    prng_chance(prng, 700) ? quorum_dir(broker, 0, 0) : UUID_NONE};
    struct partition_ref both[2] = {at, at};
    int32_t epochs[2] = {some(prng), (int32_t)prng_below(prng, 3)};
    struct alter_partition_entry isr = {.at = at,
                                        .leader_epoch = (int32_t)prng_below(prng, 3),
                                        .partition_epoch = (int32_t)prng_below(prng, 8),
                                        .recovery = (enum meta_recovery)(prng_below(prng, 3)),
                                        .min_isr = some(prng)};
    isr.isr_count = (uint32_t)prng_below(prng, prng_chance(prng, 100) ? 40 : 4);
    for (uint32_t i = 0; i < isr.isr_count && i < REPLICAS_MAX; i++) {
        isr.isr[i].broker = 1 + (int32_t)prng_below(prng, 4);
        isr.isr[i].epoch = epoch;
    }
    struct command commands[] = {
        {.kind = COMMAND_ASSIGN_DIRS, .assign_dirs = {broker, epoch, &dir, 1}},
        {.kind = COMMAND_REPLICAS_LOST, .replicas = {broker, epoch, both, 2, NULL}},
        {.kind = COMMAND_REPLICAS_ROTTEN, .replicas = {broker, epoch, both, 2, epochs}},
        {.kind = COMMAND_REPLICAS_SYNCED, .replicas = {broker, epoch, both, 2, epochs}},
        {.kind = COMMAND_ALTER_PARTITION, .alter_partition = {broker, epoch, &isr, 1}},
        {.kind = COMMAND_ELECT_LEADERS, .elect_leaders = {.entries = both, .count = 2}},
        {.kind = COMMAND_ALLOCATE_PRODUCER_IDS, .allocate_producer_ids = {broker, epoch}},
    };
    (void)quorum_submit(quorum, &commands[prng_below(prng, ARRAY_LEN(commands))]);
}

static void ask_other(struct quorum *quorum, struct prng *prng)
{
    struct manual_assignment assignment = {.partition = some(prng),
                                           .brokers = {some(prng), some(prng)},
                                           .broker_count = (uint32_t)prng_below(prng, 3)};
    struct create_topic topic = {.name = slice_of(long_text, prng_below(prng, 300)),
                                 .partitions = some(prng) % 100,
                                 .replication_factor = (int16_t)some(prng),
                                 .assignments = &assignment,
                                 .assignment_count = (uint32_t)prng_below(prng, 2)};
    struct grow_topic grow = {.name = slice_str("orders"),
                              .total = some(prng) % 50,
                              .assignments = &assignment,
                              .assignment_count = 1,
                              .assigned = prng_chance(prng, 500)};
    struct delete_topic gone = {.name = topic.name, .id = quorum_dir(1, 1, 1)};
    struct command beat = quorum_beat(quorum, (int32_t)prng_below(prng, 5));
    beat.heartbeat.metadata_offset = prng_chance(prng, 700) ? beat.heartbeat.metadata_offset
                                                            : some(prng);
    beat.heartbeat.want_fence = prng_chance(prng, 100);
    beat.heartbeat.want_shutdown = prng_chance(prng, 50);
    beat.heartbeat.offline_dirs[0] = quorum_dir(beat.heartbeat.broker, 0, prng_chance(prng, 900));
    beat.heartbeat.offline_dir_count = 1;
    struct command again = quorum_registration(1 + (int32_t)prng_below(prng, 3),
                                               (int)prng_below(prng, 50));
    struct command commands[] = {
        {.kind = COMMAND_CREATE_TOPICS, .create_topics = {&topic, 1, prng_chance(prng, 500)}},
        {.kind = COMMAND_CREATE_PARTITIONS, .create_partitions = {&grow, 1, true}},
        {.kind = COMMAND_DELETE_TOPICS, .delete_topics = {&gone, 1}},
        {.kind = COMMAND_SUSPECT, .suspect = {some(prng), some(prng)}},
        {.kind = COMMAND_UNREGISTER_BROKER, .unregister_broker = {some(prng) == 3 ? 3 : -1}},
        beat,
        beat,
        again,
    };
    (void)quorum_submit(quorum, &commands[prng_below(prng, ARRAY_LEN(commands))]);
}

Test(controller_hostile, nonsense_is_answered)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct quorum *quorum = quorum_new();
        struct prng prng;
        prng_init(&prng, seed);
        quorum->scarce = seed <= 3;
        for (int i = 0; i < 400; i++) {
            prng_chance(&prng, 500) ? ask_partition(quorum, &prng) : ask_other(quorum, &prng);
        }
        cr_assert_not_null(quorum_partition(quorum, "orders", 0));
        quorum_release(quorum);
    }
}
