/* What the controllers refuse, and how: requests that nobody sends by mistake, in numbers that nobody needs. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/unit/controller/state/quorum.h"

#define MANY 10001

/* --- registration --- */

Test(controller_words, registrations)
{
    struct quorum *quorum = quorum_with_orders(21);
    static const struct {
        enum kafka_error error;
        const char *says;
    } wants[] = {
        {KAFKA_INVALID_REQUEST, "incarnation id is missing"},
        {KAFKA_INVALID_REGISTRATION, "No listeners"},
        {KAFKA_INVALID_REGISTRATION, "No directories"},
        {KAFKA_INVALID_REGISTRATION, "Reserved directory ID"},
        {KAFKA_INVALID_REQUEST, "Unknown condition"},
        {KAFKA_INVALID_REGISTRATION, "Duplicate directory ID"},
        {KAFKA_INVALID_REGISTRATION, "already uses"},
        {KAFKA_INCONSISTENT_CLUSTER_ID, "Expected cluster ID"},
        {KAFKA_INVALID_REGISTRATION, "security protocol"},
        {KAFKA_INVALID_REGISTRATION, "too long"},
        {KAFKA_DUPLICATE_BROKER_REGISTRATION, "Another broker is registered"},
    };
    struct command commands[ARRAY_LEN(wants)];
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        commands[i] = quorum_registration(7, 1);
    }
    static char long_name[300] = {[0 ... 298] = 'n'};
    commands[0].register_broker.incarnation = UUID_NONE;
    commands[1].register_broker.endpoint_count = 0;
    commands[2].register_broker.dir_count = 0;
    commands[3].register_broker.dirs[0].id = UUID_NONE;
    commands[4].register_broker.dirs[0].condition = (enum dir_condition)4;
    commands[5].register_broker.dirs[1] = commands[5].register_broker.dirs[0];
    commands[5].register_broker.dir_count = 2;
    commands[6].register_broker.dirs[0].id = quorum_dir(1, 0, 0);
    commands[7].register_broker.cluster_id = slice_str("AkU3OEVBNTcwNTJENDM2Qg");
    commands[8].register_broker.endpoints[0].security_protocol = -1;
    commands[9].register_broker.endpoints[0].listener = slice_str(long_name);
    commands[10] = quorum_registration(1, 9);
    commands[10].register_broker.dirs[0].id = quorum_dir(1, 5, 5);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        const struct register_broker_answer *answer =
            &quorum_submit(quorum, &commands[i])->register_broker;
        cr_assert_eq(answer->result.error, wants[i].error, "%zu", i);
        cr_assert_not_null(memmem(answer->result.message.p, answer->result.message.n, wants[i].says,
                                  strlen(wants[i].says)),
                           "%zu: %.*s", i, (int)answer->result.message.n,
                           (const char *)answer->result.message.p);
        cr_assert_eq(quorum->batches, 0);
        cr_assert_null(meta_broker(quorum_image(quorum), 7));
    }
    commands[7].register_broker.cluster_id = slice_str("MkU3OEVBNTcwNTJENDM2Qg");
    cr_assert_eq(quorum_submit(quorum, &commands[7])->register_broker.result.error, KAFKA_NONE);
    struct command bootstrap = {.kind = COMMAND_BOOTSTRAP,
                                .bootstrap = {slice_str("AkU3OEVBNTcwNTJENDM2Qg")}};
    (void)quorum_submit(quorum, &bootstrap);
    cr_assert_eq(quorum->batches, 0, "the cluster has an id");
    quorum_release(quorum);
}

/* --- topics --- */

/* The topic is refused with this error, whether it is made or only asked about. */
static void topic_refused(struct quorum *quorum, struct create_topic topic, enum kafka_error error,
                          int line)
{
    for (int dry = 0; dry < 2; dry++) {
        struct command command = {.kind = COMMAND_CREATE_TOPICS,
                                  .create_topics = {&topic, 1, dry == 1}};
        const struct create_topic_result *result =
            quorum_submit(quorum, &command)->create_topics.results;
        cr_assert_eq(result->result.error, error, "line %d: %.*s", line,
                     (int)result->result.message.n, (const char *)result->result.message.p);
        cr_assert(uuid_is_none(result->id));
        cr_assert_eq(quorum->batches, 0);
    }
}

#define REFUSED(base, error, ...)                    \
    do {                                             \
        struct create_topic t = (base);              \
        __VA_ARGS__;                                 \
        topic_refused(quorum, t, (error), __LINE__); \
    } while (0)
#define BY_HAND(list) t.assignments = (list), t.assignment_count = ARRAY_LEN(list)

static const struct create_topic plain = {
    .name = {(const uint8_t *)"t", 1}, .partitions = 1, .replication_factor = 1};
static const struct create_topic hand = {
    .name = {(const uint8_t *)"t", 1}, .partitions = -1, .replication_factor = -1};

Test(controller_words, topics_by_numbers)
{
    struct quorum *quorum = quorum_with_orders(21);
    struct topic_setting null = {slice_str("k"), {0}};
    static struct topic_setting settings[600];
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        settings[i] = (struct topic_setting){slice_str("k"), slice_str("v")};
    }
    REFUSED(plain, KAFKA_INVALID_PARTITIONS, t.partitions = 0);
    REFUSED(plain, KAFKA_INVALID_PARTITIONS, t.partitions = -2);
    REFUSED(plain, KAFKA_INVALID_PARTITIONS, t.partitions = TOPIC_PARTITIONS_MAX + 1);
    REFUSED(plain, KAFKA_INVALID_REPLICATION_FACTOR, t.replication_factor = 0);
    REFUSED(plain, KAFKA_INVALID_REPLICATION_FACTOR, t.replication_factor = -2);
    REFUSED(plain, KAFKA_INVALID_REPLICATION_FACTOR, t.replication_factor = REPLICAS_MAX + 1);
    REFUSED(plain, KAFKA_INVALID_REPLICATION_FACTOR, t.replication_factor = 4);
    REFUSED(plain, KAFKA_INVALID_REQUEST, t.name = slice_str("__cluster_metadata"));
    REFUSED(plain, KAFKA_INVALID_CONFIG, t.settings = &null, t.setting_count = 1);
    REFUSED(plain, KAFKA_INVALID_CONFIG, t.settings = settings, t.setting_count = 600);
    REFUSED(plain, KAFKA_POLICY_VIOLATION, t.verdict.error = KAFKA_POLICY_VIOLATION);
    struct create_topic both[2] = {plain, plain};
    struct command command = {.kind = COMMAND_CREATE_TOPICS, .create_topics = {both, 2, false}};
    cr_assert_eq(quorum_submit(quorum, &command)->create_topics.results[1].result.error,
                 KAFKA_INVALID_REQUEST);
    static struct create_topic many[MANY];
    for (size_t i = 0; i < MANY; i++) {
        many[i] = plain;
    }
    command.create_topics = (struct create_topics_command){many, MANY, false};
    cr_assert_eq(quorum_submit(quorum, &command)->create_topics.results[5].result.error,
                 KAFKA_POLICY_VIOLATION);
    command.create_topics = (struct create_topics_command){&hand, 1, true};
    const struct create_topic_result *fine = quorum_submit(quorum, &command)->create_topics.results;
    cr_assert_eq(fine->result.error, KAFKA_NONE);
    cr_assert_geq(fine->partitions, 1);
    cr_assert_null(quorum_partition(quorum, "t", 0), "it was only asked");
    quorum_release(quorum);
}

Test(controller_words, topics_by_hand)
{
    struct quorum *quorum = quorum_with_orders(21);
    struct manual_assignment twice[] = {{0, {1, 2}, 2}, {0, {1, 2}, 2}};
    struct manual_assignment gap[] = {{0, {1, 2}, 2}, {2, {1, 2}, 2}};
    struct manual_assignment below[] = {{-1, {1, 2}, 2}};
    struct manual_assignment none[] = {{0, {0}, 0}};
    struct manual_assignment wide[] = {{0, {0}, REPLICAS_MAX + 1}};
    struct manual_assignment same[] = {{0, {1, 1}, 2}};
    struct manual_assignment unknown[] = {{0, {1, 77}, 2}};
    struct manual_assignment uneven[] = {{0, {1, 2}, 2}, {1, {1}, 1}};
    struct manual_assignment swapped[] = {{1, {1, 2}, 2}, {0, {2, 1}, 2}};
    struct manual_assignment gone[] = {{0, {3}, 1}};
    REFUSED(hand, KAFKA_INVALID_REPLICA_ASSIGNMENT, BY_HAND(twice));
    REFUSED(hand, KAFKA_INVALID_REPLICA_ASSIGNMENT, BY_HAND(gap));
    REFUSED(hand, KAFKA_INVALID_REPLICA_ASSIGNMENT, BY_HAND(below));
    REFUSED(hand, KAFKA_INVALID_REPLICA_ASSIGNMENT, BY_HAND(none));
    REFUSED(hand, KAFKA_INVALID_REPLICA_ASSIGNMENT, BY_HAND(wide));
    REFUSED(hand, KAFKA_INVALID_REPLICA_ASSIGNMENT, BY_HAND(same));
    REFUSED(hand, KAFKA_INVALID_REPLICA_ASSIGNMENT, BY_HAND(unknown));
    REFUSED(hand, KAFKA_INVALID_REPLICA_ASSIGNMENT, BY_HAND(uneven));
    REFUSED(hand, KAFKA_INVALID_REQUEST, BY_HAND(twice), t.partitions = 2);
    REFUSED(hand, KAFKA_INVALID_REQUEST, BY_HAND(twice), t.replication_factor = 2);
    REFUSED(hand, KAFKA_INVALID_PARTITIONS, t.assignments = twice,
            t.assignment_count = TOPIC_PARTITIONS_MAX + 1);
    struct create_topic topic = hand;
    topic.assignments = swapped;
    topic.assignment_count = 2;
    struct command command = {.kind = COMMAND_CREATE_TOPICS, .create_topics = {&topic, 1, false}};
    cr_assert_eq(quorum_submit(quorum, &command)->create_topics.results[0].result.error,
                 KAFKA_NONE);
    cr_assert_eq(quorum_partition(quorum, "t", 0)->leader, 2);
    struct delete_topic both[] = {{.name = slice_str("t")}, {.name = slice_str("t")}};
    command = (struct command){.kind = COMMAND_DELETE_TOPICS, .delete_topics = {both, 2}};
    const struct delete_topics_answer *ends = &quorum_submit(quorum, &command)->delete_topics;
    cr_assert_eq(ends->results[0].result.error, KAFKA_NONE);
    cr_assert_eq(ends->results[1].result.error, KAFKA_INVALID_REQUEST);
    command = (struct command){.kind = COMMAND_SUSPECT,
                               .suspect = {3, meta_broker(quorum_image(quorum), 3)->epoch, true}};
    cr_assert(quorum_submit(quorum, &command)->suspect.fenced);
    REFUSED(hand, KAFKA_INVALID_REPLICA_ASSIGNMENT, BY_HAND(gone));
    quorum_release(quorum);
}

Test(controller_words, more_partitions)
{
    struct quorum *quorum = quorum_with_orders(21);
    struct grow_topic good = {.name = slice_str("orders"), .total = 3};
    struct grow_topic bad[] = {good, good, good, good, good, good, good};
    bad[0].name = slice_str("nowhere");
    bad[1].total = 2;
    bad[2].total = 1;
    bad[3].total = TOPIC_PARTITIONS_MAX + 1;
    bad[4].assigned = true;
    bad[5].verdict.error = KAFKA_POLICY_VIOLATION;
    bad[6].assigned = true;
    bad[6].assignments = &(struct manual_assignment){0, {1}, 1};
    bad[6].assignment_count = 1;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct command command = {.kind = COMMAND_CREATE_PARTITIONS,
                                  .create_partitions = {&bad[i], 1, false}};
        cr_assert_neq(quorum_submit(quorum, &command)->results.results[0].error, KAFKA_NONE, "%zu",
                      i);
        cr_assert_eq(quorum->batches, 0);
    }
    struct grow_topic both[] = {good, good};
    struct command command = {.kind = COMMAND_CREATE_PARTITIONS,
                              .create_partitions = {both, 2, false}};
    const struct results_answer *answer = &quorum_submit(quorum, &command)->results;
    cr_assert_eq(answer->results[0].error, KAFKA_INVALID_REQUEST);
    cr_assert_eq(answer->results[1].error, KAFKA_INVALID_REQUEST);
    quorum_release(quorum);
}

static struct partition_ref refs[2401];

/* A topic with 2,400 partitions in three steps, by hand and by draw; refs: each of them, the last one twice. */
static void grow_wide(struct quorum *quorum)
{
    static struct manual_assignment places[2300];
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        places[i] = (struct manual_assignment){0, {1, 2, 3}, 3};
    }
    struct grow_topic wide = {.name = slice_str("orders"),
                              .total = 2302,
                              .assignments = places,
                              .assignment_count = 2300,
                              .assigned = true};
    struct command command = {.kind = COMMAND_CREATE_PARTITIONS,
                              .create_partitions = {&wide, 1, false}};
    cr_assert_eq(quorum_submit(quorum, &command)->results.results[0].error, KAFKA_NONE);
    cr_assert_eq(quorum->batches, 1);
    wide = (struct grow_topic){.name = slice_str("orders"), .total = 2400};
    cr_assert_eq(quorum_submit(quorum, &command)->results.results[0].error, KAFKA_NONE);
    cr_assert_eq(quorum->batches, 1);
    cr_assert_eq(quorum_partition(quorum, "orders", 2399)->replica_count, 3);
    for (int32_t i = 0; i < 2401; i++) {
        refs[i] = (struct partition_ref){quorum_partition(quorum, "orders", 0)->topic,
                                         i < 2400 ? i : 2399};
    }
}

/* All of them from their leaders: broker 1 is in sync again. */
static void isr_whole(struct quorum *quorum, int32_t leader)
{
    static struct alter_partition_entry entries[2401];
    const struct meta_image *image = quorum_image(quorum);
    uint32_t count = 0;
    for (int32_t i = 0; i < 2401; i++) {
        const struct meta_partition *partition = quorum_partition(quorum, "orders",
                                                                  refs[i].partition);
        if (partition->leader == leader) {
            entries[count] = (struct alter_partition_entry){
                .at = refs[i],
                .leader_epoch = partition->leader_epoch,
                .partition_epoch = partition->partition_epoch,
                .isr_count = 3,
                .min_isr = 1};
            for (int32_t b = 1; b <= 3; b++) {
                entries[count].isr[b - 1].broker = b;
                entries[count].isr[b - 1].epoch = meta_broker(image, b)->epoch;
            }
            count++;
        }
    }
    struct command command = {
        .kind = COMMAND_ALTER_PARTITION,
        .alter_partition = {leader, meta_broker(image, leader)->epoch, entries, count}};
    const struct alter_partition_answer *answer = &quorum_submit(quorum, &command)->alter_partition;
    cr_assert_eq(answer->count, count);
    for (uint32_t i = 0; i < count; i++) {
        bool again = i > 0 && entries[i].at.partition == entries[i - 1].at.partition;
        cr_assert_eq(answer->results[i].error, again ? KAFKA_INVALID_UPDATE_VERSION : KAFKA_NONE);
    }
}

Test(controller_words, words_about_thousands_of_partitions)
{
    struct quorum *quorum = quorum_with_orders(21);
    grow_wide(quorum);
    struct command command = {.kind = COMMAND_SUSPECT,
                              .suspect = {1, meta_broker(quorum_image(quorum), 1)->epoch, true}};
    cr_assert(quorum_submit(quorum, &command)->suspect.fenced);
    cr_assert_not(quorum_submit(quorum, &command)->suspect.fenced, "it is");
    command = quorum_beat(quorum, 1);
    cr_assert_not(quorum_submit(quorum, &command)->heartbeat.fenced);
    static struct assign_dirs_entry dirs[2401];
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        dirs[i] = (struct assign_dirs_entry){refs[i], quorum_dir(1, 0, 0)};
    }
    int64_t epoch = meta_broker(quorum_image(quorum), 1)->epoch;
    command = (struct command){.kind = COMMAND_ASSIGN_DIRS, .assign_dirs = {1, epoch, dirs, 2401}};
    const struct replicas_answer *placed = &quorum_submit(quorum, &command)->replicas;
    cr_assert_eq(placed->count, 2401);
    cr_assert_eq(placed->results[2400], KAFKA_NONE);
    cr_assert_eq(quorum->batches, 3);
    isr_whole(quorum, 2);
    isr_whole(quorum, 3);
    struct command elect = {.kind = COMMAND_ELECT_LEADERS,
                            .elect_leaders = {.entries = refs, .count = 1100}};
    const struct elect_leaders_answer *elected = &quorum_submit(quorum, &elect)->elect_leaders;
    cr_assert_eq(elected->count, 1100);
    cr_assert_eq(quorum->batches, 2);
    elect.elect_leaders = (struct elect_leaders_command){.entries = &refs[2399], .count = 2};
    cr_assert_eq(quorum_submit(quorum, &elect)->elect_leaders.count, 2, "the same one twice");
    elect.elect_leaders = (struct elect_leaders_command){.all = true};
    cr_assert_gt(quorum_submit(quorum, &elect)->elect_leaders.count, 1100);
    cr_assert_eq(quorum->batches, 2);
    cr_assert_eq(quorum_submit(quorum, &elect)->elect_leaders.count, 0, "all lead that should");
    quorum_release(quorum);
}

/* --- settings --- */

#define SETTINGS 600

static struct topic_setting *settings_many(void)
{
    static struct topic_setting many[SETTINGS];
    static char keys[SETTINGS][12];
    for (size_t i = 0; i < SETTINGS; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "key.%zu", i);
        many[i] = (struct topic_setting){.key = slice_str(keys[i]), .value = slice_str("v")};
    }
    return many;
}

static struct command_result change(struct quorum *quorum, struct alter_resource wants)
{
    struct command command = {.kind = COMMAND_ALTER_CONFIGS, .alter_configs = {&wants, 1, false}};
    return quorum_submit(quorum, &command)->results.results[0];
}

Test(controller_words, settings)
{
    struct quorum *quorum = quorum_with_orders(21);
    struct topic_setting *many = settings_many();
    static const struct topic_setting one = {.key = {(const uint8_t *)"retention.ms", 12},
                                             .value = {(const uint8_t *)"5", 1}};
    static const struct topic_setting join = {.key = {(const uint8_t *)"retention.ms", 12},
                                              .value = {(const uint8_t *)"5", 1},
                                              .op = SETTING_APPEND};
    static const struct topic_setting cut = {.key = {(const uint8_t *)"num.io.threads", 14},
                                             .value = {(const uint8_t *)"5", 1},
                                             .op = SETTING_SUBTRACT};
    static const struct topic_setting what = {.key = {(const uint8_t *)"what", 4},
                                              .value = {(const uint8_t *)"5", 1},
                                              .op = SETTING_APPEND};
    static char long_name[300] = {[0 ... 298] = 'n'};
#define OF(the_kind, the_name, list, count)               \
    ((struct alter_resource){.resource = (the_kind),      \
                             .name = slice_str(the_name), \
                             .settings = (list),          \
                             .setting_count = (count)})
    struct {
        struct alter_resource wants;
        enum kafka_error error;
    } cases[] = {
        {OF((enum meta_resource)8, "x", &one, 1), KAFKA_INVALID_REQUEST},
        {OF(META_RESOURCE_FILES, "", &one, 1), KAFKA_INVALID_REQUEST},
        {OF(META_RESOURCE_GROUP, "", many, 1), KAFKA_INVALID_REQUEST},
        {OF(META_RESOURCE_CLIENT_METRICS, long_name, many, 1), KAFKA_INVALID_REQUEST},
        {OF(META_RESOURCE_TOPIC, "", &one, 1), KAFKA_INVALID_REQUEST},
        {OF(META_RESOURCE_BROKER, "a", &one, 1), KAFKA_INVALID_REQUEST},
        {OF(META_RESOURCE_BROKER, "/", &one, 1), KAFKA_INVALID_REQUEST},
        {OF(META_RESOURCE_BROKER, "12345678901", &one, 1), KAFKA_INVALID_REQUEST},
        {OF(META_RESOURCE_GROUP, "g", many, 600), KAFKA_INVALID_CONFIG},
        {OF(META_RESOURCE_TOPIC, "orders", &join, 1), KAFKA_INVALID_CONFIG},
        {OF(META_RESOURCE_BROKER, "", &cut, 1), KAFKA_INVALID_CONFIG},
        {OF(META_RESOURCE_BROKER, "", &what, 1), KAFKA_INVALID_CONFIG},
    };
#undef OF
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct command_result result = change(quorum, cases[i].wants);
        cr_assert_eq(result.error, cases[i].error, "%zu: %.*s", i, (int)result.message.n,
                     (const char *)result.message.p);
        cr_assert_eq(quorum->batches, 0);
    }
    quorum_release(quorum);
}

Test(controller_words, settings_in_numbers)
{
    struct quorum *quorum = quorum_with_orders(21);
    struct topic_setting *many = settings_many();
    /* Groups take what the broker has judged: three halves of a batch, then a request to take all of it back. */
    struct alter_resource group = {META_RESOURCE_GROUP, slice_str("g"), many, 500, false};
    cr_assert_eq(change(quorum, group).error, KAFKA_NONE);
    group = (struct alter_resource){META_RESOURCE_GROUP, slice_str("g"), many + 500, 100, false};
    cr_assert_eq(change(quorum, group).error, KAFKA_NONE);
    group = (struct alter_resource){META_RESOURCE_GROUP, slice_str("g"), many + 100, 500, true};
    cr_assert_eq(change(quorum, group).error, KAFKA_INVALID_CONFIG, "600 and 500 are too many");
    group = (struct alter_resource){META_RESOURCE_GROUP, slice_str("g"), many, 300, true};
    cr_assert_eq(change(quorum, group).error, KAFKA_NONE);
    cr_assert_eq(quorum->records, 300);
    struct topic_setting last[] = {{slice_str("retention.ms"), slice_str("6")},
                                   {slice_str("retention.ms"), slice_str("7")},
                                   {slice_str("cleanup.policy"), {0}, SETTING_APPEND}};
    struct alter_resource topic = {META_RESOURCE_TOPIC, slice_str("orders"), last, 3, false};
    cr_assert_eq(change(quorum, topic).error, KAFKA_NONE);
    cr_assert(slice_eq(meta_config_value(quorum_image(quorum), META_RESOURCE_TOPIC,
                                         slice_str("orders"), slice_str("retention.ms")),
                       slice_str("7")));
    static struct alter_resource resources[MANY];
    for (size_t i = 0; i < MANY; i++) {
        resources[i] = topic;
    }
    struct command command = {.kind = COMMAND_ALTER_CONFIGS,
                              .alter_configs = {resources, 2, false}};
    cr_assert_eq(quorum_submit(quorum, &command)->results.results[1].error, KAFKA_INVALID_REQUEST);
    resources[1].resource = META_RESOURCE_GROUP;
    command.alter_configs.validate_only = true;
    cr_assert_eq(quorum_submit(quorum, &command)->results.results[0].error, KAFKA_NONE);
    cr_assert_eq(quorum->batches, 0);
    command.alter_configs.count = MANY;
    cr_assert_eq(quorum_submit(quorum, &command)->results.results[MANY - 1].error,
                 KAFKA_POLICY_VIOLATION);
    quorum_release(quorum);
}

/* What an older or a stranger log may hold: numbers that are none count as absent, words are read without regard to case. */
Test(controller_words, strange_values_in_the_log)
{
    static const struct {
        const char *key, *value;
    } strange[] = {{"min.insync.replicas", "two"},
                   {"min.insync.replicas", "/"},
                   {"min.insync.replicas", "99999999999999999999"},
                   {"min.insync.replicas", "2147483648"},
                   {"durability", "DISK"},
                   {"durability", "dusk"},
                   {"unclean.leader.election.enable", "True"},
                   {"unclean.leader.election.enable", "[rue"}};
    for (size_t i = 0; i < ARRAY_LEN(strange); i++) {
        struct quorum *quorum = quorum_with_orders(21);
        struct meta_record record = {.kind = META_CONFIG,
                                     .config = {META_RESOURCE_TOPIC, slice_str("orders"),
                                                slice_str(strange[i].key),
                                                slice_str(strange[i].value)}};
        struct meta_image *image = NULL;
        cr_assert_eq(meta_image_apply(&quorum->active.store, quorum_image(quorum),
                                      (struct meta_batch){&record, 1}, quorum->end++, quorum->epoch,
                                      NULL, NULL, &image),
                     OK);
        controller_resign(&quorum->active);
        controller_restore(&quorum->active, image);
        meta_image_hold(image);
        controller_restore(&quorum->follower, image);
        (void)quorum_submit(quorum, &(struct command){.kind = COMMAND_NEW_ACTIVE});
        struct command suspect = {
            .kind = COMMAND_SUSPECT,
            .suspect = {1, meta_broker(quorum_image(quorum), 1)->epoch, true}};
        cr_assert(quorum_submit(quorum, &suspect)->suspect.fenced);
        const struct meta_partition *partition = quorum_partition(quorum, "orders", 0);
        cr_assert_eq(partition->elr.count, 0, "%s: two are in sync, which suffices",
                     strange[i].value);
        cr_assert_eq(partition->replicas[0].synced, i != 5, "%s", strange[i].value);
        quorum_release(quorum);
    }
}

/* --- the cluster --- */

Test(controller_words, features_and_ids)
{
    struct quorum *quorum = quorum_with_orders(21);
    int16_t level = meta_feature_level(quorum_image(quorum), slice_str("transaction.version"));
    static struct update_feature features[METADATA_BATCH_RECORDS_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(features); i++) {
        features[i] = (struct update_feature){slice_str("transaction.version"), level, false};
    }
    struct command command = {.kind = COMMAND_UPDATE_FEATURES,
                              .update_features = {features, ARRAY_LEN(features), false}};
    cr_assert_eq(quorum_submit(quorum, &command)->result.error, KAFKA_INVALID_REQUEST);
    command.update_features.count = 1;
    cr_assert_eq(quorum_submit(quorum, &command)->result.error, KAFKA_NONE);
    cr_assert_eq(quorum->batches, 0, "as it is");
    features[0].level = 0;
    cr_assert_eq(quorum_submit(quorum, &command)->result.error,
                 level > 0 ? KAFKA_INVALID_UPDATE_VERSION : KAFKA_NONE);
    features[0].allow_downgrade = true;
    command.update_features.validate_only = true;
    cr_assert_eq(quorum_submit(quorum, &command)->result.error, KAFKA_NONE);
    cr_assert_eq(quorum->batches, 0);
    command.update_features.validate_only = false;
    quorum->scarce = true;
    cr_assert_eq(quorum_submit(quorum, &command)->result.error, KAFKA_NONE);
    cr_assert_eq(meta_feature_level(quorum_image(quorum), slice_str("transaction.version")), 0);
    features[0].level = 1;
    cr_assert_eq(quorum_submit(quorum, &command)->result.error, KAFKA_INVALID_UPDATE_VERSION,
                 "a downgrade that is none");
    struct meta_record ids = {.kind = META_PRODUCER_IDS,
                              .producer_ids = {INT64_MAX - PRODUCER_ID_BLOCK + 1, 1, 1}};
    struct meta_image *image = NULL;
    cr_assert_eq(meta_image_apply(&quorum->active.store, quorum_image(quorum),
                                  (struct meta_batch){&ids, 1}, quorum->end, quorum->epoch, NULL,
                                  NULL, &image),
                 OK);
    controller_resign(&quorum->active);
    controller_restore(&quorum->active, image);
    meta_image_hold(image);
    controller_restore(&quorum->follower, image);
    quorum->end++;
    quorum->scarce = false;
    (void)quorum_submit(quorum, &(struct command){.kind = COMMAND_NEW_ACTIVE});
    struct command block = {
        .kind = COMMAND_ALLOCATE_PRODUCER_IDS,
        .allocate_producer_ids = {1, meta_broker(quorum_image(quorum), 1)->epoch}};
    cr_assert_eq(quorum_submit(quorum, &block)->allocate_producer_ids.error,
                 KAFKA_UNKNOWN_SERVER_ERROR);
    cr_assert_eq(quorum->batches, 0);
    quorum_release(quorum);
}

/* A broker with thousands of partitions goes, and comes back, and asks to leave. */
Test(controller_words, brokers_of_thousands)
{
    struct quorum *quorum = quorum_with_orders(21);
    struct create_topic wide = {
        .name = slice_str("wide"), .partitions = 2500, .replication_factor = 3};
    struct command command = {.kind = COMMAND_CREATE_TOPICS, .create_topics = {&wide, 1, false}};
    (void)quorum_submit(quorum, &command);
    struct command beat = quorum_beat(quorum, 3);
    beat.heartbeat.want_shutdown = true;
    const struct heartbeat_answer *answer = &quorum_submit(quorum, &beat)->heartbeat;
    cr_assert_eq(quorum->batches, 3);
    cr_assert_not(answer->should_shut_down, "the others do not know yet");
    cr_assert_not(quorum_submit(quorum, &beat)->heartbeat.should_shut_down);
    for (int32_t b = 1; b <= 2; b++) {
        struct command other = quorum_beat(quorum, b);
        (void)quorum_submit(quorum, &other);
    }
    cr_assert(quorum_submit(quorum, &beat)->heartbeat.should_shut_down);
    quorum->now += 200;
    command = (struct command){.kind = COMMAND_UNREGISTER_BROKER, .unregister_broker = {2}};
    cr_assert_eq(quorum_submit(quorum, &command)->result.error, KAFKA_NONE);
    cr_assert_eq(quorum->batches, 3, "it was there, so it is fenced first");
    cr_assert_null(meta_broker(quorum_image(quorum), 2));
    cr_assert_eq(quorum_submit(quorum, &command)->result.error, KAFKA_BROKER_ID_NOT_REGISTERED);
    while (!meta_broker(quorum_image(quorum), 1)->fenced) {
        cr_assert_lt(quorum->now, 3000);
        quorum->now = controller_deadline(&quorum->active);
        (void)quorum_submit(quorum, &(struct command){.kind = COMMAND_TICK});
    }
    cr_assert_geq(quorum->batches, 3);
    quorum_release(quorum);
}
