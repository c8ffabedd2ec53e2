#include <criterion/criterion.h>

#include "common/config/alter.h"
#include "tests/unit/common/config/config_lib.h"

static char why[512];

static bool topic(const char *name, const char *value)
{
    const struct config_change change = {slice_str(name), slice_str(value)};
    why[0] = '\0';
    return topic_config_judge(&change, 1, why, sizeof(why));
}

static bool node(const char *name, const char *value, bool one)
{
    const struct config_change change = {slice_str(name), slice_str(value)};
    why[0] = '\0';
    return config_judge(&change, 1, one, why, sizeof(why));
}

/* The sentences stand so in what Apache Kafka 4.3.1 answers. */
Test(alter, settings_of_topics_are_refused_in_kafkas_words)
{
    static const struct {
        const char *name, *value, *why; /* why NULL: it is allowed */
    } cases[] = {
        {"retention.ms", "2000", NULL},
        {"retention.ms", " 3000 ", NULL},
        {"preallocate", "TRUE", NULL},
        {"cleanup.policy", "", NULL},
        {"cleanup.policy", "delete,delete", NULL},
        {"remote.storage.enable", "false", NULL},
        {"leader.replication.throttled.replicas", "0:1,1:2", NULL},
        {"leader.replication.throttled.replicas", "*", NULL},
        {"foo", "1", "Unknown topic config name: foo"},
        {"retention.ms", NULL, "Null value not supported for topic configs: retention.ms"},
        {"retention.ms", "abc",
         "Invalid value abc for configuration retention.ms: Not a number of type LONG"},
        {"retention.ms", "",
         "Invalid value  for configuration retention.ms: Not a number of type LONG"},
        {"retention.ms", "-2",
         "Invalid value -2 for configuration retention.ms: Value must be at least -1"},
        {"segment.bytes", "99999999999",
         "Invalid value 99999999999 for configuration segment.bytes: Not a number of type INT"},
        {"preallocate", "yes",
         "Invalid value yes for configuration preallocate: Expected value to be either true or "
         "false"},
        {"cleanup.policy", "compact,shred",
         "Invalid value shred for configuration cleanup.policy: String must be one of: compact, "
         "delete"},
        {"compression.gzip.level", "0",
         "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 "
         "or equal to -1"},
        {"min.cleanable.dirty.ratio", "2",
         "Invalid value 2.0 for configuration min.cleanable.dirty.ratio: Value must be no more "
         "than 1"},
        {"min.cleanable.dirty.ratio", "1.25",
         "Invalid value 1.25 for configuration min.cleanable.dirty.ratio: Value must be no more "
         "than 1"},
        {"min.cleanable.dirty.ratio", "x",
         "Invalid value x for configuration min.cleanable.dirty.ratio: Not a number of type "
         "DOUBLE"},
        {"leader.replication.throttled.replicas", "*,2:3",
         "Invalid value [*, 2:3] for configuration leader.replication.throttled.replicas: "
         "leader.replication.throttled.replicas must be the literal '*' or a list of replicas in "
         "the following format: [partitionId]:[brokerId],[partitionId]:[brokerId],..."},
        {"remote.storage.enable", "true",
         "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with "
         "remote log storage."},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool good = topic(cases[i].name, cases[i].value);
        cr_assert_eq(good, cases[i].why == NULL, "%s=%s: %s", cases[i].name, cases[i].value, why);
        cr_assert(good || strcmp(why, cases[i].why) == 0, "%s", why);
    }
}

Test(alter, settings_of_nodes_are_refused_in_kafkas_words)
{
    static const struct {
        const char *name, *value, *one, *all; /* sentences; NULL: allowed */
    } cases[] = {
        {"log.retention.ms", "5000", NULL, NULL},
        {"foo.bar", "1", NULL, NULL},
        {"listener.name.internal.ssl.keystore.location", "/x", NULL,
         "Cannot update these configs at default cluster level, broker id must be specified: "
         "[listener.name.internal.ssl.keystore.location]"},
        {"node.id", "5", "Cannot update these configs dynamically: [node.id]",
         "Cannot update these configs dynamically: [node.id]"},
        {"log.retention.ms", "x",
         "Invalid value x for configuration log.retention.ms: Not a number of type LONG",
         "Invalid value x for configuration log.retention.ms: Not a number of type LONG"},
        {"ssl.keystore.location", "/x",
         "These security configs can be dynamically updated only per-listener using the listener "
         "prefix: [ssl.keystore.location]",
         "These security configs can be dynamically updated only per-listener using the listener "
         "prefix: [ssl.keystore.location]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool good = node(cases[i].name, cases[i].value, true);
        cr_assert_eq(good, cases[i].one == NULL, "%s: %s", cases[i].name, why);
        cr_assert(good || strcmp(why, cases[i].one) == 0, "%s", why);
        good = node(cases[i].name, cases[i].value, false);
        cr_assert_eq(good, cases[i].all == NULL, "%s: %s", cases[i].name, why);
        cr_assert(good || strcmp(why, cases[i].all) == 0, "%s", why);
    }
    const struct config_change two[] = {{slice_str("node.id"), slice_str("5")},
                                        {slice_str("log.retention.ms"), slice_str("x")},
                                        {slice_str("log.dirs"), slice_str("/x")}};
    cr_assert_not(config_judge(two, 3, true, why, sizeof(why)));
    cr_assert_str_eq(why, "Cannot update these configs dynamically: [node.id, log.dirs]");
}

Test(alter, sentences_are_cut_and_hostile_names_shown_harmless)
{
    char small[10];
    const struct config_change change = {slice_str("x\ny"), slice_str("1")};
    cr_assert_not(topic_config_judge(&change, 1, small, sizeof(small)));
    cr_assert_str_eq(small, "Unknown t");
    cr_assert_not(topic_config_judge(&change, 1, why, sizeof(why)));
    cr_assert_str_eq(why, "Unknown topic config name: x?y");
    struct config_change many[200];
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        many[i] = (struct config_change){slice_str("log.dirs"), slice_str("/x")};
    }
    cr_assert_not(config_judge(many, ARRAY_LEN(many), true, why, sizeof(why)));
    cr_assert_lt(strlen(why), sizeof(why));
    cr_assert(topic_config_judge(NULL, 0, why, sizeof(why)));
    cr_assert(config_judge(NULL, 0, false, why, sizeof(why)));
}

static struct slice lag(const void *ctx, const char *name)
{
    const char *const *pair = ctx;
    return slice_str(strncmp(name, "min", 3) == 0 ? pair[0] : pair[1]);
}

Test(alter, settings_of_a_topic_that_contradict_each_other)
{
    const char *const bad[] = {"100", "50"};
    const char *const good[] = {"50", "100"};
    const char *const alone[] = {"100", NULL};
    cr_assert_not(topic_config_judge_together(lag, bad, why, sizeof(why)));
    cr_assert_str_eq(why, "conflict topic config setting min.compaction.lag.ms (100) > "
                          "max.compaction.lag.ms (50)");
    cr_assert(topic_config_judge_together(lag, good, why, sizeof(why)));
    cr_assert(topic_config_judge_together(lag, alone, why, sizeof(why)));
}

Test(alter, lists_grow_and_shrink)
{
    static const struct {
        const char *old, *change, *append, *subtract;
    } cases[] = {
        {"delete", "compact", "delete,compact", "delete"},
        {"delete,compact", "compact", "delete,compact", "delete"},
        {"delete", "delete", "delete", ""},
        {NULL, "a, b ,a", "a,b", ""},
        {"a,b,c", "c,a", "a,b,c", "b"},
        {"a", "", "a", "a"},
    };
    make();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice list;
        cr_assert_eq(config_list_change(&arena, slice_str(cases[i].old), slice_str(cases[i].change),
                                        CONFIG_APPEND, &list),
                     OK);
        cr_assert(slice_eq(list, slice_str(cases[i].append)), "%.*s", (int)list.n,
                  (const char *)list.p);
        cr_assert_eq(config_list_change(&arena, slice_str(cases[i].old), slice_str(cases[i].change),
                                        CONFIG_SUBTRACT, &list),
                     OK);
        cr_assert(slice_eq(list, slice_str(cases[i].subtract)) && list.p != NULL, "%.*s",
                  (int)list.n, (const char *)list.p);
    }
    cr_assert(topic_config_is_list(slice_str("cleanup.policy")));
    cr_assert_not(topic_config_is_list(slice_str("retention.ms")));
    cr_assert_not(topic_config_is_list(slice_str("foo")));
    cr_assert(config_is_list(slice_str("log.cleanup.policy")));
    cr_assert_not(config_is_list(slice_str("log.retention.ms")));
    cr_assert(slice_eq(topic_config_default(slice_str("cleanup.policy")), slice_str("delete")));
    cr_assert(slice_eq(config_default(slice_str("log.cleanup.policy")), slice_str("delete")));
    cr_assert_null(config_default(slice_str("foo")).p);
    cr_assert_null(topic_config_default(slice_str("foo")).p);
}
