#include "tests/unit/common/config/config_lib.h"

/* Values set at run time, as a table. */
struct given {
    enum config_origin level;
    const char *name;
    const char *value;
};
static struct given given[8];

static struct slice value(const void *ctx, enum config_origin level, const char *name)
{
    const struct given *g = ctx;
    for (size_t i = 0; i < ARRAY_LEN(given) && g[i].name != NULL; i++) {
        if (g[i].level == level && strcmp(g[i].name, name) == 0) {
            return slice_str(g[i].value);
        }
    }
    return (struct slice){0};
}
static const struct config_dynamic dynamic = {.value = value, .ctx = given};

static void give(int i, enum config_origin level, const char *name, const char *text)
{
    given[i] = (struct given){level, name, text};
}

static bool check(const char *name, const char *text, char *why)
{
    return topic_config_check(slice_str(name), slice_str(text), why, 300);
}

Test(topic, checks_speak_like_kafka)
{
    char why[300];
    cr_assert(check("retention.ms", "-1", why));
    cr_assert(check("compression.type", "zstd", why));
    cr_assert(check("durability", "pagecache", why));
    cr_assert(check("cleanup.policy", "compact,delete", why));
    cr_assert(check("leader.replication.throttled.replicas", "0:1,1:2", why));
    cr_assert_not(check("leader.replication.throttled.replicas", "0-1", why));
    cr_assert_not(check("retention.ms", "abc", why));
    cr_assert_str_eq(why,
                     "Invalid value abc for configuration retention.ms: Not a number of type LONG");
    cr_assert_not(check("segment.bytes", "5", why));
    cr_assert_str_eq(
        why, "Invalid value 5 for configuration segment.bytes: Value must be at least 1048576");
    cr_assert_not(check("durability", "paper", why));
    cr_assert_str_eq(
        why,
        "Invalid value paper for configuration durability: String must be one of: disk, pagecache");
    cr_assert_not(check("no.such\n", "1", why));
    cr_assert_str_eq(why, "Unknown topic config name: no.such?");
    cr_assert_not(check("retention.ms", NULL, why));
    cr_assert_str_eq(why, "Null value not supported for topic configs: retention.ms");
    cr_assert_not(check("remote.storage.enable", "true", why));
    cr_assert(check("remote.storage.enable", "false", why));
    char small[10];
    cr_assert_not(topic_config_check(slice_str("x"), slice_str("y"), small, sizeof(small)));
    cr_assert_str_eq(small, "Unknown t");
}

Test(topic, the_value_that_counts)
{
    make();
    memset(given, 0, sizeof(given));
    cr_assert_eq(config_topic_long(&config, NULL, TOPIC_CONFIG_RETENTION_MS), 604800000);
    cr_assert_eq(config_topic_long(&config, &dynamic, TOPIC_CONFIG_SEGMENT_MS), 604800000);
    read_text("log.retention.hours=2\n");
    cr_assert_eq(config_topic_long(&config, &dynamic, TOPIC_CONFIG_RETENTION_MS), 7200000);
    give(0, CONFIG_FROM_CLUSTER, "log.retention.ms", "70");
    cr_assert_eq(config_topic_long(&config, &dynamic, TOPIC_CONFIG_RETENTION_MS), 70);
    give(1, CONFIG_FROM_BROKER, "log.retention.ms", "60");
    cr_assert_eq(config_topic_long(&config, &dynamic, TOPIC_CONFIG_RETENTION_MS), 60);
    give(2, CONFIG_FROM_TOPIC, "retention.ms", "50");
    cr_assert_eq(config_topic_long(&config, &dynamic, TOPIC_CONFIG_RETENTION_MS), 50);
    give(2, CONFIG_FROM_TOPIC, "retention.ms", "rubbish"); /* somebody got it past the checks */
    cr_assert_eq(config_topic_long(&config, &dynamic, TOPIC_CONFIG_RETENTION_MS), 60);
    cr_assert_eq(topic_config_int(&config, TOPIC_CONFIG_RETENTION_MS, slice_str("5")), 5);
    cr_assert_eq(topic_config_int(&config, TOPIC_CONFIG_RETENTION_MS, slice_str("x")), 7200000);
    cr_assert_eq(topic_config_int(&config, TOPIC_CONFIG_UNCLEAN, (struct slice){0}), 0);
    cr_assert(slice_eq(topic_config_text(&config, TOPIC_CONFIG_DURABILITY, (struct slice){0}),
                       slice_str("disk")));
    cr_assert_float_eq(config_topic_double(&config, NULL, TOPIC_CONFIG_MIN_CLEANABLE_DIRTY_RATIO),
                       0.5, 1e-9);
}

/* Leader, followers and controllers must agree on them, so a value set for one broker must not matter. */
Test(topic, what_the_cluster_decides_skips_single_brokers)
{
    make();
    memset(given, 0, sizeof(given));
    give(0, CONFIG_FROM_BROKER, "min.insync.replicas", "3");
    cr_assert_eq(config_topic_long(&config, &dynamic, TOPIC_CONFIG_MIN_ISR), 1);
    cr_assert(config_topic_is(&config, &dynamic, TOPIC_CONFIG_DURABILITY, "disk"));
    cr_assert_not(config_topic_bool(&config, &dynamic, TOPIC_CONFIG_UNCLEAN));
    read_text("min.insync.replicas=2\nunclean.leader.election.enable=true\n");
    cr_assert_eq(config_topic_long(&config, &dynamic, TOPIC_CONFIG_MIN_ISR), 2);
    cr_assert(config_topic_bool(&config, &dynamic, TOPIC_CONFIG_UNCLEAN));
    give(1, CONFIG_FROM_CLUSTER, "min.insync.replicas", "4");
    give(2, CONFIG_FROM_CLUSTER, "durability", "pagecache");
    cr_assert_eq(config_topic_long(&config, &dynamic, TOPIC_CONFIG_MIN_ISR), 4);
    cr_assert(config_topic_is(&config, &dynamic, TOPIC_CONFIG_DURABILITY, "pagecache"));
    give(3, CONFIG_FROM_TOPIC, "durability", "disk");
    cr_assert(config_topic_is(&config, &dynamic, TOPIC_CONFIG_DURABILITY, "disk"));
}

Test(topic, lists_hold_words)
{
    make();
    memset(given, 0, sizeof(given));
    cr_assert(config_topic_is(&config, &dynamic, TOPIC_CONFIG_CLEANUP_POLICY, "delete"));
    give(0, CONFIG_FROM_TOPIC, "cleanup.policy", " compact , delete ");
    cr_assert(config_topic_is(&config, &dynamic, TOPIC_CONFIG_CLEANUP_POLICY, "compact"));
    cr_assert(config_topic_is(&config, &dynamic, TOPIC_CONFIG_CLEANUP_POLICY, "delete"));
    give(0, CONFIG_FROM_TOPIC, "cleanup.policy", "");
    cr_assert_not(config_topic_is(&config, &dynamic, TOPIC_CONFIG_CLEANUP_POLICY, "delete"));
}

Test(topic, describe)
{
    struct config_entry e;
    make();
    memset(given, 0, sizeof(given));
    read_text("log.retention.hours=2\nssl.key.password=secret\nlog.segment.bytes=2000000\n");
    give(0, CONFIG_FROM_TOPIC, "segment.bytes", "3000000");
    give(1, CONFIG_FROM_CLUSTER, "log.segment.bytes", "4000000");
    cr_assert(config_topic_describe(&config, &dynamic, TOPIC_CONFIG_RETENTION_MS, &e));
    cr_assert(slice_eq(e.value, slice_str("7200000")));
    cr_assert_eq(e.origin, CONFIG_FROM_FILE);
    cr_assert_str_eq(e.synonyms[0].name, "log.retention.hours");
    cr_assert(slice_eq(e.synonyms[0].value, slice_str("2")));
    cr_assert_eq(e.synonym_count,
                 1); /* of the defaults only the first name's is told, as by Kafka */
    cr_assert(config_topic_describe(&config, &dynamic, TOPIC_CONFIG_SEGMENT_BYTES, &e));
    cr_assert(slice_eq(e.value, slice_str("3000000")));
    cr_assert_eq(e.origin, CONFIG_FROM_TOPIC);
    cr_assert_eq(e.synonym_count, 4);
    cr_assert_str_eq(e.synonyms[0].name, "segment.bytes");
    cr_assert_eq(e.synonyms[1].origin, CONFIG_FROM_CLUSTER);
    cr_assert_eq(e.type, CONFIG_TYPE_INT);
    cr_assert_not(e.read_only);
    cr_assert_not(
        config_topic_describe(&config, &dynamic, TOPIC_CONFIG_INTERNAL_SEGMENT_BYTES, &e));
    cr_assert(config_describe(&config, &dynamic, CONFIG_SSL_KEY_PASSWORD, &e));
    cr_assert(e.sensitive && e.value.p == NULL && e.synonyms[0].value.p == NULL);
    cr_assert_eq(e.origin, CONFIG_FROM_FILE);
    cr_assert(config_describe(&config, &dynamic, CONFIG_NODE_ID, &e));
    cr_assert(e.read_only && e.value.p == NULL && e.synonym_count == 0);
    cr_assert_not(
        config_describe(&config, NULL, CONFIG_SUPER_USERS, &e)); /* no broker key of Kafka */
    read_text("super.users=User:a\n");
    cr_assert(config_describe(&config, NULL, CONFIG_SUPER_USERS, &e));
    for (int i = 0, n = 0; i < CONFIG_KEYS; i++) {
        n += config_describe(&config, NULL, (enum config_key)i, &e);
        cr_assert(i + 1 < CONFIG_KEYS || n > 300);
    }
}
