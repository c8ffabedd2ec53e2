/* Configurations, good and bad, with too little memory and with a full list of messages; values at the edges of what is allowed. */
#include <stdio.h>

#include "common/config/alter.h"
#include "common/config/kinds.h"
#include "tests/lib/memory.h"
#include "tests/unit/common/config/config_lib.h"

static const char long_host[300] = {[0 ... 298] = 'h'};

struct file {
    const char *role;
    const char *text;
    bool fails;
    const char *says; /* one of its messages; NULL: none */
};

#define NODE     "node.id=1\n"
#define VOTERS   "controller.quorum.voters=1@a:91,2@b:92,3@c:93\n"
#define BROKER   NODE VOTERS
#define CONTROLS NODE VOTERS "listeners=CONTROLLER://:9093\ncontroller.listener.names=CONTROLLER\n"

static const struct file files[] = {
    {"broker", BROKER, false, NULL},
    {"controller", CONTROLS, false, NULL},
    {"broker", VOTERS, true, "node.id is missing"},
    {"broker", "broker.id=4\n" VOTERS, false, NULL},
    {"broker", BROKER "broker.id=1\n", false, NULL},
    {"broker", BROKER "broker.id=4\n", true, "older name of node.id"},
    {"broker", BROKER "process.roles=controller\n", true, "this is the broker"},
    {"controller", CONTROLS "process.roles=broker\n", true, "this is the controller"},
    {"broker",
     BROKER
     "process.roles=broker,controller\nlisteners=A://:1,nothing,B://:2,CONTROLLER://:3\ncontroller.listener.names=CONTROLLER\nlog.dirs=/a,/b\n",
     true, "Run these two"},
    {"broker",
     BROKER
     "process.roles=broker,controller\nlisteners=CONTROLLER://:3\ncontroller.listener.names=CONTROLLER\n",
     true, "PLAINTEXT://:9092"},
    {"controller",
     BROKER
     "process.roles=broker,controller\nlisteners=B://:3\ncontroller.listener.names=CONTROLLER\n",
     true, "CONTROLLER://:9093"},
    {"broker", NODE, true, "controller.quorum.voters is missing"},
    {"controller", "node.id=9\n" VOTERS "listeners=C://:1\n", true, "is not among them"},
    {"broker", NODE "controller.quorum.voters=1@a:1,1@b:2\n", true, "the id 1 stands twice"},
    {"broker", NODE "controller.quorum.voters=1@a:1,2@a:2,3@a:3,4@a:4,5@a:5,6@a:6,7@a:7,8@a:8\n",
     true, "more than 7 controllers"},
    {"broker", NODE "controller.quorum.voters=1@a:1,x@b:2\n", true, "write id@host:port"},
    {"broker", NODE "controller.quorum.bootstrap.servers=a:1,b:2\n", false, NULL},
    {"broker", NODE "controller.quorum.bootstrap.servers=a\n", true, "is no controller"},
    {"broker",
     BROKER
     "listeners=A://:1,B://:2,C://:3,D://:4,E://:5,F://:6,G://:7,H://:8,I://:9\nlistener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT,C:PLAINTEXT,D:PLAINTEXT,E:PLAINTEXT,F:PLAINTEXT,G:PLAINTEXT,H:PLAINTEXT,I:PLAINTEXT\n",
     true, "more than 8 listeners"},
    {"broker", BROKER "listeners=nothing\n", true, "is no listener"},
    {"broker",
     BROKER "listeners=A://h:1,B://h:1\nlistener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT\n",
     true, "the same address"},
    {"broker",
     BROKER "listeners=A://h:1,B://g:1\nlistener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT\n",
     false, NULL},
    {"broker", BROKER "listeners=A://h:0,A://h:0\nlistener.security.protocol.map=A:PLAINTEXT\n",
     true, "the same name"},
    {"broker", BROKER "listeners=A://h:1\n", true, "No security protocol defined for listener A"},
    {"broker",
     BROKER
     "listeners=A://h:1\nlistener.security.protocol.map=AB:PLAINTEXT,B:PLAINTEXT,odd,A:SSL\n",
     true, "only PLAINTEXT is spoken"},
    {"broker",
     BROKER
     "listeners=A://h:1,C://h:2\ncontroller.listener.names=C\nlistener.security.protocol.map=A:PLAINTEXT\n",
     true, "is in controller.listener.names"},
    {"controller", CONTROLS "advertised.listeners=CONTROLLER://0.0.0.0:7\n", true,
     "that a client could dial"},
    {"broker", BROKER "advertised.listeners=PLAINTEXT://h\n", true, "is no address"},
    {"broker", BROKER "advertised.listeners=PLAINTEXT://h:0\n", true, "is no address"},
    {"broker", BROKER "advertised.listeners=OTHER://h:1\n", true, "has no listener of that name"},
    {"broker",
     BROKER "inter.broker.listener.name=PLAINTEXT\nsecurity.inter.broker.protocol=PLAINTEXT\n",
     true, "Only one of"},
    {"broker", BROKER "security.inter.broker.protocol=SSL\n", true,
     "only PLAINTEXT is spoken so far"},
    {"broker", BROKER "inter.broker.listener.name=OTHER\n", true,
     "there is no listener of that name"},
    {"controller", CONTROLS "inter.broker.listener.name=OTHER\n", false, NULL},
    {"broker", BROKER "admin.listeners=HTTPS://h:1\n", true, "write HTTP://host:port"},
    {"broker", BROKER "admin.listeners=HTTP://h\n", true, "write HTTP://host:port"},
    {"broker",
     BROKER
     "admin.listeners=HTTP://h:1,HTTP://h:2,HTTP://h:3,HTTP://h:4,HTTP://h:5,HTTP://h:6,HTTP://h:7,HTTP://h:8,HTTP://h:9\n",
     true, "more than 8 addresses"},
    {"broker", BROKER "log.dirs=/a,/b,/a\n", true, "stands twice"},
    {"broker", BROKER "log.dirs= \n", true, "at least one directory"},
    {"broker", BROKER "metadata.log.dir=\n", false, NULL},
    {"broker", BROKER "broker.heartbeat.interval.ms=9000\n", true, "fenced between two heartbeats"},
    {"broker", BROKER "replica.fetch.wait.max.ms=90000\n", true, "a waiting follower"},
    {"broker", BROKER "config.strict=true\n", false, NULL},
    {"broker", BROKER "config.strict=true\nno.such.thing.at.all=1\n", true,
     "config.strict=true, and 1 unknown"},
    {"broker", BROKER "config.strict=false\nlog.dirz=1\n", false, "did you mean log.dir"},
    {"broker", BROKER "zookeeper.connect=h:1\n", true, "earlier versions of Kafka"},
    {"broker", BROKER "num.io.threads=x\n", true, "Not a number of type INT; the default is"},
    {"broker", BROKER "sasl.jaas.config=\xff\n", true, "Invalid value (hidden)"},
    {"broker", BROKER "create.topic.policy.class.name=x.Y\n", true, "is not possible here"},
    {"broker", BROKER "create.topic.policy.class.name=\n", false, NULL},
    {"broker", BROKER "authorizer.class.name=\n", false, NULL},
    {"broker", BROKER "ssl.key.password=secret\n", false, "has no effect here"},
    {"broker", BROKER "ssl.key.password=\n", false, NULL},
    {"broker", BROKER "listener.name.outside.ssl.key.password=x\n", false, "has no effect here"},
    {"broker", BROKER "num.io.threads=3\nnum.io.threads=4\n", false, "stood in line"},
    {"broker", BROKER "a=\\u12x4\n", true, "four hexadecimal digits"},
    {"broker", BROKER "max.connections.per.ip.overrides=127.0.0.1:5, [::1]:7\n", false, NULL},
    {"broker", BROKER "max.connections.per.ip.overrides=127.0.0.1\n", true, "address:count"},
    {"broker", BROKER "max.connections.per.ip.overrides=:5\n", true, "address:count"},
    {"broker", BROKER "max.connections.per.ip.overrides=h:\n", true, "address:count"},
    {"broker", BROKER "log.retention.minutes=-1\n", false, NULL},
};

static struct config_net net;

/* --- what they say --- */

Test(bounds, each_says_what_is_wrong)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        make();
        read_text(files[i].text);
        config_finish(&config, files[i].role, "machine", &net);
        bool said = files[i].says == NULL || told(CONFIG_ERROR, files[i].says) ||
                    told(CONFIG_WARNING, files[i].says) || told(CONFIG_NOTE, files[i].says);
        if (config_failed(&config) != files[i].fails || !said) {
            show_messages();
            cr_assert_fail("%s: failed %d, says %s", files[i].text, config_failed(&config),
                           files[i].says);
        }
    }
}

/* Memory that ends at any piece: the node does not start, or all is as it should be. */
Test(bounds, memory_may_end_at_any_piece)
{
    unsigned starved = 0;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        bool starved_now = true;
        for (size_t most = 0; starved_now; most++) {
            struct test_memory memory;
            test_memory_init(&memory);
            struct arena pieces;
            arena_init(&pieces, &memory.source, 256, 1 << 24);
            pieces.chunk_bytes = 16;
            memory.most = most;
            memory.once = i % 2 == 1;
            config_init(&config, &pieces);
            read_text(files[i].text);
            config_override(&config, slice_str("log.segment.bytes=1048576"));
            config_override(&config, slice_str("nonsense"));
            config_finish(&config, files[i].role, "machine", &net);
            cr_assert(config_failed(&config));
            starved_now = memory.refused > 0;
            starved += starved_now;
            cr_assert(!starved_now || told(CONFIG_ERROR, "out of memory") || files[i].fails, "%s",
                      files[i].text);
            arena_release(&pieces);
        }
    }
    cr_assert_gt(starved, 200);
}

/* A full list of messages hides no error, and the last seat is an error's. */
Test(bounds, messages_beyond_the_list_still_count)
{
    static char text[1 << 16];
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        size_t n = 0;
        for (int k = 0; k < CONFIG_MESSAGES_MAX + 5; k++) {
            n += (size_t)snprintf(text + n, sizeof(text) - n, "unknown.key.number.%d=1\n", k);
        }
        make();
        read_text(text);
        cr_assert_not(config_failed(&config));
        cr_assert_eq(config.message_count, CONFIG_MESSAGES_MAX - 1);
        cr_assert_eq(config.untold, 6);
        read_text(files[i].text);
        config_finish(&config, files[i].role, "machine", &net);
        bool strict = strstr(files[i].text, "config.strict=true") != NULL;
        cr_assert_eq(config_failed(&config), files[i].fails || strict, "%s", files[i].text);
        cr_assert_eq(config.message_count, CONFIG_MESSAGES_MAX - !config_failed(&config));
        config_override(&config, slice_str("no assignment"));
        cr_assert(config_failed(&config));
    }
}

Test(bounds, no_message_has_room_left)
{
    make();
    for (int k = 0; k < CONFIG_MESSAGES_MAX + 5; k++) {
        config_override(&config, slice_str("="));
    }
    cr_assert_eq(config.message_count, CONFIG_MESSAGES_MAX);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        uint32_t untold = config.untold;
        read_text(files[i].text);
        config_finish(&config, files[i].role, "machine", &net);
        cr_assert_eq(config.message_count, CONFIG_MESSAGES_MAX);
        cr_assert_geq(config.untold, untold);
    }
    arena_init(&arena, &source, 4096, 0); /* and no memory either */
    uint32_t untold = config.untold;
    read_text("log.segment.bytes=5\nlog.dirs=/a\n");
    config_override(&config, slice_str("log.segment.bytes=1048576"));
    config_finish(&config, "broker", "machine", &net);
    cr_assert_gt(config.untold, untold);
    cr_assert(config_failed(&config));
}

/* --- edges --- */

Test(bounds, values_at_the_edges)
{
    static const struct {
        const char *name, *value;
        bool good;
    } cases[] = {
        {"num.io.threads", "+8", true},
        {"num.io.threads", "-", false},
        {"num.io.threads", "+", false},
        {"num.io.threads", "8/", false},
        {"num.io.threads", "8:", false},
        {"log.flush.interval.messages", "9223372036854775807", true},
        {"log.flush.interval.messages", "9223372036854775808", false},
        {"log.flush.interval.messages", "92233720368547758070", false},
        {"log.flush.interval.messages", "-9223372036854775808", false},
        {"log.flush.interval.messages", "-9223372036854775809", false},
        {"log.cleaner.min.cleanable.ratio", "1e-1", true},
        {"log.cleaner.min.cleanable.ratio", "", false},
        {"log.cleaner.min.cleanable.ratio", "0.x", false},
        {"log.cleaner.min.cleanable.ratio", "1e", false},
        {"log.cleaner.min.cleanable.ratio", "-0.1", false},
        {"log.cleaner.min.cleanable.ratio",
         "0.00000000000000000000000000000000000000000000000000000000000000001", false},
        {"log.cleaner.io.max.bytes.per.second", "1e999", false},
        {"log.cleaner.io.buffer.load.factor", "-1e300", true},
        {"auto.create.topics.enable", "TRUE", true},
        {"auto.create.topics.enable", "trux", false},
        {"auto.create.topics.enable", "falsy", false},
        {"auto.create.topics.enable", "no", false},
        {"compression.gzip.level", "-1", true},
        {"compression.gzip.level", "9", true},
        {"compression.gzip.level", "0", false},
        {"compression.gzip.level", "10", false},
        {"compression.type", "zstd", true},
        {"compression.type", "ZSTD", false},
        {"log.dir", "/a\tb", true},
        {"log.dir",
         "/a\x01"
         "b",
         false},
        {"log.dir",
         "/a\x7f"
         "b",
         false},
        {"log.dir", "/\xe2\x82\xac", true},
        {"log.dir", "/\xe2\x82", false},
        {"log.dir", "/\xe2\x28\xa1", false},
        {"log.dir", "/\xf0\x90\x8d\x88", true},
        {"log.dir", "/\xf0\x90\x28\xbc", false},
        {"log.dir", "/\xf5\x80\x80\x80", false},
        {"log.dir", "/\xc0\xaf", false},
        {"log.dir", "/\xed\xa0\x80", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[200];
        make();
        (void)snprintf(text, sizeof(text), "%s=%s", cases[i].name, cases[i].value);
        config_override(&config, slice_str(text));
        cr_assert_eq(!config_failed(&config), cases[i].good, "%s", text);
    }
}

Test(bounds, addresses)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"A://h:1", true},
        {"a-b_c.9://h-1.x_y:65535", true},
        {"Z://H:1", true},
        {"A://h:65536", false},
        {"A://h:-1", false},
        {"A://h:", false},
        {"A://", false},
        {"A:/h:1", false},
        {"://h:1", false},
        {"A b://h:1", false},
        {"A{://h:1", false},
        {"A[://h:1", false},
        {"A@://h:1", false},
        {"A/://h:1", false},
        {"A;://h:1", false},
        {"A://h h:1", false},
        {"A://{:1", false},
        {"A://[:1", false},
        {"A://@:1", false},
        {"A://h]:1", false},
        {"A://[::1]:1", true},
        {"A://[]:1", false},
        {"A://[fe80::1%eth0]:1", true},
        {"A://[::/]:1", false},
        {"A://;:1", false},
        {"a`://h:1", false},
        {"A://`:1", false},
        {"A://:1", true},
    };
    struct config_address address;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        err_t err = config_listener_parse(slice_str(cases[i].text), &address);
        cr_assert_eq(err, cases[i].good ? OK : ERR_MALFORMED, "%s", cases[i].text);
    }
    cr_assert_eq(config_listener_parse(slice_of("A://h\0:1", 8), &address), ERR_MALFORMED);
    char text[600];
    (void)snprintf(text, sizeof(text), "A://%s:1", long_host);
    cr_assert_eq(config_listener_parse(slice_str(text), &address), ERR_MALFORMED);
    (void)snprintf(text, sizeof(text), "%s://h:1", long_host);
    cr_assert_eq(config_listener_parse(slice_str(text), &address), ERR_MALFORMED);
    make();
    (void)snprintf(text, sizeof(text), NODE "controller.quorum.bootstrap.servers=%s:1\n",
                   long_host);
    read_text(text);
    config_finish(&config, "broker", "machine", &net);
    cr_assert(told(CONFIG_ERROR, "is no controller"));
}

Test(bounds, properties_as_java_reads_them)
{
    static const struct {
        const char *text, *dir;
    } cases[] = {
        {"log.dir=/a\\\r\n   b\r\n", "/ab"},
        {"log.dir=/a\\\rb\r", "/ab"},
        {"\f\t log.dir\f:\t/a\f\n", "/a"},
        {"# c\r! d\r\n\r\nlog.dir /a", "/a"},
        {"log.dir=/a\\", "/a"},
        {"#", NULL},
        {" ", NULL},
        {"log.dir=/\\u0041\\u00e9\\u20AC", "/A\xc3\xa9\xe2\x82\xac"},
        {"log.dir=/\\ud83d\\ude00", "/\xf0\x9f\x98\x80"},
        {"log.dir=/a\\tb\\n\\q\\:", "/a\tb\nq:"},
        {"log\\.dir\\\n=/a\n", "/a"},
        {"log.dir", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        make();
        read_text(cases[i].text);
        cr_assert_not(config_failed(&config), "%zu", i);
        cr_assert_str_eq(config_str(&config, CONFIG_LOG_DIR),
                         cases[i].dir == NULL ? "/tmp/odradek-logs" : cases[i].dir, "%zu: %s", i,
                         config_str(&config, CONFIG_LOG_DIR));
    }
    static const char *const broken[] = {
        "a=\\u00",          "a=\\u00/0", "a=\\u00:0",        "a=\\u00@0",        "a=\\u00G0",
        "a=\\u00`0",        "a=\\u00g0", "a=\\ud83d",        "a=\\ud83dx",       "a=\\ud83d\\u0041",
        "a=\\ud83d\\ue000", "a=\\ude00", "a=\\ude00\\ude00", "a=\\ud83d\\x00000"};
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        make();
        read_text(broken[i]);
        cr_assert(told(CONFIG_ERROR, "four hexadecimal digits"), "%s", broken[i]);
    }
}

static struct slice lags(const void *ctx, const char *name)
{
    const char *const *pair = ctx;
    return slice_str(strcmp(name, "min.compaction.lag.ms") == 0 ? pair[0] : pair[1]);
}

Test(bounds, two_settings_of_a_topic_together)
{
    static const struct {
        const char *pair[2];
        bool good;
    } cases[] = {{{"5", "6"}, true},  {{"6", "5"}, false}, {{NULL, "5"}, true},
                 {{"6", NULL}, true}, {{"x", "5"}, true},  {{"6", "x"}, true}};
    char why[256];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cr_assert_eq(topic_config_judge_together(lags, cases[i].pair, why, sizeof(why)),
                     cases[i].good);
    }
}

Test(bounds, what_is_shown_of_refused_values)
{
    static const struct {
        const char *name, *value, *shown;
    } cases[] = {
        {"min.cleanable.dirty.ratio", "3000000000", "3e+09"},
        {"min.cleanable.dirty.ratio", "-3000000000", "-3e+09"},
        {"min.cleanable.dirty.ratio", "x", "value x for"},
        {"leader.replication.throttled.replicas", "1:2,x:3", "[1:2, x:3]"},
        {"leader.replication.throttled.replicas", "1:x", "[1:x]"},
        {"leader.replication.throttled.replicas",
         "11111111111111111111111111111111111111111111111111:1,22222222222222222222222222222222222222222222222222:2,33333333333333333333333333333333333333333333333333:3,44444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444:4,5:5",
         "]"},
    };
    char why[600];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cr_assert_not(topic_config_check(slice_str(cases[i].name), slice_str(cases[i].value), why,
                                         sizeof(why)));
        cr_assert_not_null(strstr(why, cases[i].shown), "%s", why);
    }
    struct config_change secret = {slice_str("ssl.key.password"), slice_str("\x01")};
    cr_assert_not(config_judge(&secret, 1, true, why, sizeof(why)));
    cr_assert_null(strstr(why, "\x01"));
    struct config_change jaas = {slice_str("sasl.jaas.config"), slice_str("\x01")};
    cr_assert_not(config_judge(&jaas, 1, true, why, sizeof(why)));
    cr_assert_not_null(strstr(why, "(hidden)"), "%s", why);
    cr_assert_not(config_judge(&jaas, 1, false, why, sizeof(why)));
    struct config_change unknown = {slice_str("nobody.knows"), slice_str("1")};
    cr_assert(config_judge(&unknown, 1, false, why, sizeof(why)));
}

Test(bounds, a_topics_values_and_what_stands_behind)
{
    make();
    read_text("log.retention.minutes=-1\nlog.roll.hours=2\n");
    cr_assert_eq(config_retention_ms(&config), -1);
    cr_assert_eq(config_roll_ms(&config), 7200000);
    cr_assert_eq(config_topic_long(&config, NULL, TOPIC_CONFIG_RETENTION_MS), -1);
    cr_assert(
        slice_eq(topic_config_text(&config, TOPIC_CONFIG_CLEANUP_POLICY, slice_str("compact")),
                 slice_str("compact")));
    cr_assert(slice_eq(topic_config_text(&config, TOPIC_CONFIG_CLEANUP_POLICY, (struct slice){0}),
                       slice_str("delete")));
    for (size_t i = 0; i < TOPIC_CONFIG_KEYS; i++) {
        enum topic_config_key key = (enum topic_config_key)i;
        enum config_key behind = topic_config_behind(key);
        struct slice text = topic_config_text(&config, key, (struct slice){0});
        struct slice want = behind < CONFIG_KEYS
                                ? config_text(&config, behind)
                                : topic_config_default(slice_str(topic_config_name(key)));
        cr_assert(slice_same(text, want), "%s", topic_config_name(key));
    }
}

Test(bounds, patterns_of_client_metrics_are_whole)
{
    static const struct {
        const char *match;
        bool good;
    } cases[] = {{"client_id=a(b[)]c)", true}, {"client_id=a\\", false}, {"client_id=a\\(", true},
                 {"client_id=(", false},       {"client_id=)", false},   {"client_id=[", false},
                 {"client_id=", false},        {"client_id", false},     {"other=x", false}};
    char why[256];
    make();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct config_change change = {slice_str("match"), slice_str(cases[i].match)};
        err_t err = config_kind_judge(&config, CONFIG_KIND_CLIENT_METRICS, &change, 1, why,
                                      sizeof(why));
        cr_assert_eq(err == OK, cases[i].good, "%s", cases[i].match);
    }
    struct config_change interval = {slice_str("interval.ms"), slice_str("3600001")};
    cr_assert_eq(
        config_kind_judge(&config, CONFIG_KIND_CLIENT_METRICS, &interval, 1, why, sizeof(why)),
        ERR_RANGE);
    interval.value = slice_str("99");
    cr_assert_eq(
        config_kind_judge(&config, CONFIG_KIND_CLIENT_METRICS, &interval, 1, why, sizeof(why)),
        ERR_RANGE);
}

Test(bounds, durations)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {{"PT0.5S", true}, {"PT.5S", false}, {"P.1D", false}, {"P5", false},
                 {"PT5X", false},  {"P5T", false},   {"PT/S", false}, {"PT:S", false},
                 {"PTT1S", false}, {"X1D", false},   {"P1", false},   {"P1S", false},
                 {"PD", false},    {"P1D1D", false}};
    char why[512];
    make();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "by_duration:%s", cases[i].text);
        struct config_change change = {slice_str("share.auto.offset.reset"), slice_str(text)};
        err_t err = config_kind_judge(&config, CONFIG_KIND_GROUP, &change, 1, why, sizeof(why));
        cr_assert_eq(err == OK, cases[i].good, "%s", text);
    }
    struct config_change other = {slice_str("share.auto.offset.reset"),
                                  slice_str("by_durations:PT1S")};
    cr_assert_neq(config_kind_judge(&config, CONFIG_KIND_GROUP, &other, 1, why, sizeof(why)), OK);
}
