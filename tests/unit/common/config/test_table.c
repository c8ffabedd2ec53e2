#include <criterion/criterion.h>

#include "common/config/spec.h"

Test(table, every_default_passes_its_own_check)
{
    char why[256];
    struct spec_value value;
    for (int i = 0; i < CONFIG_KEYS; i++) {
        const struct spec *spec = spec_of_key((enum config_key)i);
        cr_assert_gt(strlen(spec->text), 0);
        enum config_key again = CONFIG_KEYS;
        cr_assert(config_find(slice_str(spec->name), &again) && (int)again == i, "%s twice",
                  spec->name);
        if (spec->fallback != NULL && (int)i != CONFIG_NETWORK_THREADS) {
            cr_assert_eq(spec_check(spec, slice_str(spec->fallback), &value, why, sizeof(why)), OK,
                         "%s: %s", spec->name, why);
        }
    }
    for (int i = 0; i < TOPIC_CONFIG_KEYS; i++) {
        const struct spec *spec = spec_of_topic((enum topic_config_key)i);
        cr_assert(spec->fallback == NULL ||
                      spec_check(spec, slice_str(spec->fallback), &value, why, sizeof(why)) == OK,
                  "%s", spec->name);
    }
}

Test(table, synonyms_have_the_type_of_their_topic_setting)
{
    for (int i = 0; i < TOPIC_CONFIG_KEYS; i++) {
        const enum config_key *keys;
        uint32_t n = spec_synonyms((enum topic_config_key)i, &keys);
        const struct spec *topic = spec_of_topic((enum topic_config_key)i);
        for (uint32_t k = 0; k < n; k++) {
            enum config_type type = config_type(keys[k]);
            if (spec_unit_ms(n == 1 ? CONFIG_RETENTION_MS : keys[k]) == 1) {
                cr_assert_eq(type, topic->type, "%s", topic->name);
            } else {
                cr_assert_eq(type, CONFIG_TYPE_INT);
            }
        }
    }
    cr_assert_eq(spec_unit_ms(CONFIG_RETENTION_HOURS), 3600000);
    cr_assert_eq(spec_unit_ms(CONFIG_RETENTION_MINUTES), 60000);
    cr_assert_eq(spec_unit_ms(CONFIG_REBALANCE_CHECK_S), 1000);
}

Test(table, our_defaults_that_differ_are_marked)
{
    cr_assert_str_eq(spec_of_key(CONFIG_HEARTBEAT_MS)->fallback, "300");
    cr_assert_str_eq(spec_of_key(CONFIG_HEARTBEAT_MS)->kafka, "2000");
    cr_assert_str_eq(spec_of_key(CONFIG_SESSION_MS)->fallback, "1500");
    cr_assert_str_eq(spec_of_key(CONFIG_ELECTION_TIMEOUT_MS)->fallback, "200");
    cr_assert_eq(config_effect(CONFIG_DURABILITY), CONFIG_OWN);
    cr_assert_eq(config_effect(CONFIG_AUTHORIZER_CLASS_NAME), CONFIG_REFUSED);
    cr_assert_eq(config_mode(CONFIG_RETENTION_MS), CONFIG_CLUSTER_WIDE);
    cr_assert_eq(config_mode(CONFIG_NODE_ID), CONFIG_READ_ONLY);
}

static err_t tried(enum config_key key, const char *text, char *why)
{
    struct spec_value value;
    return spec_check(spec_of_key(key), slice_str(text), &value, why, 256);
}

Test(table, checks_speak_like_kafka)
{
    char why[256] = "";
    cr_assert_eq(tried(CONFIG_NODE_ID, "abc", why), ERR_INVALID);
    cr_assert_str_eq(why, "Not a number of type INT");
    cr_assert_eq(tried(CONFIG_NODE_ID, "2147483648", why), ERR_INVALID);
    cr_assert_eq(tried(CONFIG_NODE_ID, "2147483647", why), OK);
    cr_assert_eq(tried(CONFIG_NODE_ID, "-1", why), ERR_INVALID);
    cr_assert_str_eq(why, "Value must be at least 0");
    cr_assert_eq(tried(CONFIG_NETWORK_THREADS, "65", why), ERR_INVALID);
    cr_assert_str_eq(why, "Value must be no more than 64");
    /* Twice and three times as much must be a number too: what is beyond was an assertion of a controller that starts. */
    cr_assert_eq(tried(CONFIG_ELECTION_TIMEOUT_MS, "2000000000", why), ERR_INVALID);
    cr_assert_eq(tried(CONFIG_LOG_PREALLOCATE, "yes", why), ERR_INVALID);
    cr_assert_str_eq(why, "Expected value to be either true or false");
    cr_assert_eq(tried(CONFIG_LOG_PREALLOCATE, " TRUE ", why), OK);
    cr_assert_eq(tried(CONFIG_COMPRESSION_TYPE, "rar", why), ERR_INVALID);
    cr_assert_str_eq(why, "String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer");
    cr_assert_eq(tried(CONFIG_GROUP_CONSUMER_MIGRATION_POLICY, "Upgrade", why), OK);
    cr_assert_eq(tried(CONFIG_COMPRESSION_GZIP_LEVEL, "0", why), ERR_INVALID);
    cr_assert_eq(tried(CONFIG_COMPRESSION_GZIP_LEVEL, "-1", why), OK);
    cr_assert_eq(tried(CONFIG_CLEANUP_POLICY, "compact, delete", why), OK);
    cr_assert_eq(tried(CONFIG_CLEANUP_POLICY, "", why), OK);
    cr_assert_eq(tried(CONFIG_CLEANUP_POLICY, "compact,compact", why), OK); /* as Kafka does */
    cr_assert_eq(tried(CONFIG_METADATA_MAX_RETENTION_MS, "-9223372036854775808", why), OK);
    cr_assert_eq(tried(CONFIG_RETENTION_MS, "9223372036854775808", why), ERR_INVALID);
    cr_assert_eq(tried(CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO, "0.75", why), OK);
    cr_assert_eq(tried(CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO, "1.5", why), ERR_INVALID);
    cr_assert_eq(tried(CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO, "nan", why), ERR_INVALID);
    cr_assert_eq(tried(CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO, "1e999", why), ERR_INVALID);
    cr_assert_eq(tried(CONFIG_BROKER_RACK, "a\x01", why), ERR_INVALID);
    cr_assert_eq(tried(CONFIG_BROKER_RACK, "\xc3\x28", why), ERR_INVALID);
    cr_assert_eq(tried(CONFIG_BROKER_RACK, "Küche", why), OK);
}

Test(table, utf8_is_the_shortest_form_and_no_surrogates)
{
    cr_assert(spec_text_good(slice_str("\xf0\x9f\x98\x80 \xe2\x82\xac")));
    static const char *const bad[] = {"\xc0\x80",         "\xe0\x80\x80", "\xed\xa0\x80",
                                      "\xf5\x80\x80\x80", "\xe2\x82",     "\x80",
                                      "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cr_assert_not(spec_text_good(slice_str(bad[i])), "%zu", i);
    }
    cr_assert_not(spec_text_good(slice_of("a\0b", 3)));
}

Test(table, the_nearest_name)
{
    cr_assert_str_eq(spec_nearest(slice_str("log.retension.ms")), "log.retention.ms");
    cr_assert_str_eq(spec_nearest(slice_str("nod.id")), "node.id");
    cr_assert_null(spec_nearest(slice_str("something.else.altogether")));
    cr_assert_null(spec_nearest(slice_str("")));
    cr_assert_not_null(spec_legacy(slice_str("zookeeper.connect")));
    cr_assert_null(spec_legacy(slice_str("zookeeper")));
    cr_assert_str_eq(spec_prefix(slice_str("listener.name.x.ssl.key.password")), "security");
}
