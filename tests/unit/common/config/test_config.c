#include <criterion/criterion.h>

#include "common/config/config.h"

static uint8_t block_bytes[1 << 20] __attribute__((aligned(16)));
static struct memory_block block;
static struct memory_source source;
static struct arena arena;
static struct config config;

static void make(void)
{
    block = (struct memory_block){block_bytes, sizeof(block_bytes), 0};
    source = memory_block_source(&block);
    arena_init(&arena, &source, 4096, sizeof(block_bytes));
    config_init(&config, &arena);
}

Test(config, defaults_file_and_override_in_their_order)
{
    make();
    cr_assert_eq(config_int(&config, CONFIG_SESSION_MS), 1500);
    cr_assert_not(config_set(&config, CONFIG_NODE_ID));
    config_read(
        &config,
        slice_str(
            "# a comment\n! another\nnode.id = 7\nlog.dirs: /a,\\\n   /b\nmin.insync.replicas 2\n"
            "num.partitions=3\nnum.partitions=4\n"),
        "x.properties");
    config_override(&config, slice_str("min.insync.replicas=3"));
    cr_assert_eq(config_int(&config, CONFIG_NODE_ID), 7);
    cr_assert(slice_eq(config_text(&config, CONFIG_LOG_DIRS), slice_str("/a,/b")));
    cr_assert_eq(config_int(&config, CONFIG_MIN_ISR), 3);
    cr_assert_eq(config_int(&config, CONFIG_NUM_PARTITIONS), 4);
    cr_assert_not(config_failed(&config));
    cr_assert_eq(config_retention_ms(&config), 168LL * 3600000);
    config_override(&config, slice_str("log.retention.minutes=2"));
    cr_assert_eq(config_retention_ms(&config), 120000);
}

Test(config, wrong_values_and_unknown_keys_are_sentences)
{
    make();
    config_read(&config,
                slice_str("node.id=seven\n\nbroker.sesion.timeout.ms=9\nno.such.thing.at.all=1\n"),
                "x.properties");
    cr_assert_eq(config.message_count, 3);
    cr_assert(config_failed(&config));
    cr_assert_str_eq(
        config.messages[0],
        "x.properties:1: node.id=seven is not allowed: give it a whole number from 0 to 2147483647");
    cr_assert_str_eq(
        config.messages[1],
        "x.properties:3: broker.sesion.timeout.ms has no effect here; did you mean broker.session.timeout.ms?");
    cr_assert_str_eq(config.messages[2], "x.properties:4: no.such.thing.at.all has no effect here");
    cr_assert_not(config.fatal[1]);
}

Test(config, hostile_files_are_bounded)
{
    make();
    static char huge[300000];
    memset(huge, 'k', sizeof(huge));
    config_read(&config, slice_of(huge, sizeof(huge)), "x");
    for (size_t i = 0; i < sizeof(huge); i++) {
        huge[i] = i % 2 == 0 ? '\0' : '\n';
    }
    config_read(&config, slice_of(huge, sizeof(huge)), "x");
    config_override(&config, slice_str("no equals sign"));
    cr_assert_leq(config.message_count, CONFIG_MESSAGES_MAX);
    cr_assert(config_failed(&config));
}

Test(config, addresses)
{
    struct config_address a;
    int32_t id;
    cr_assert_eq(config_listener_parse(slice_str("PLAINTEXT://127.0.0.1:9092"), &a), OK);
    cr_assert_str_eq(a.name, "PLAINTEXT");
    cr_assert_str_eq(a.host, "127.0.0.1");
    cr_assert_eq(a.port, 9092);
    cr_assert_eq(config_listener_parse(slice_str("IN://:0"), &a), OK);
    cr_assert_str_eq(a.host, "");
    cr_assert_eq(config_listener_parse(slice_str("IN://[::1]:80"), &a), OK);
    cr_assert_str_eq(a.host, "::1");
    cr_assert_eq(config_listener_parse(slice_str("://x:1"), &a), ERR_MALFORMED);
    cr_assert_eq(config_listener_parse(slice_str("A://x:70000"), &a), ERR_MALFORMED);
    cr_assert_eq(config_listener_parse(slice_str("A://x"), &a), ERR_MALFORMED);
    cr_assert_eq(config_voter_parse(slice_str("101@host-1:9192"), &id, &a), OK);
    cr_assert_eq(id, 101);
    cr_assert_str_eq(a.host, "host-1");
    cr_assert_eq(config_voter_parse(slice_str("x@host:1"), &id, &a), ERR_MALFORMED);
}

Test(config, topic_settings)
{
    make();
    char why[200];
    cr_assert(topic_config_check(slice_str("retention.ms"), slice_str("-1"), why, sizeof(why)));
    cr_assert(
        topic_config_check(slice_str("compression.type"), slice_str("zstd"), why, sizeof(why)));
    cr_assert_not(
        topic_config_check(slice_str("retention.ms"), slice_str("soon"), why, sizeof(why)));
    cr_assert_not(
        topic_config_check(slice_str("durability"), slice_str("paper"), why, sizeof(why)));
    cr_assert_not(topic_config_check(slice_str("no.such"), slice_str("1"), why, sizeof(why)));
    cr_assert_eq(topic_config_int(&config, TOPIC_CONFIG_RETENTION_MS, slice_str("5")), 5);
    cr_assert_eq(topic_config_int(&config, TOPIC_CONFIG_RETENTION_MS, (struct slice){0}),
                 168LL * 3600000);
}
