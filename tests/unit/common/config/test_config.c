#include "tests/unit/common/config/config_lib.h"

#include <stdio.h>

#include "common/config/properties.h"

Test(config, defaults_file_and_override_in_their_order)
{
    make();
    cr_assert_eq(config_int(&config, CONFIG_SESSION_MS), 1500);
    cr_assert_not(config_set(&config, CONFIG_NODE_ID));
    config_override(&config, slice_str("min.insync.replicas=3"));
    read_text("# a comment\n! another\nnode.id = 7\nlog.dirs: /a,\\\n   /b\nmin.insync.replicas 2\n"
              "num.partitions=3\nnum.partitions=4\n");
    cr_assert_eq(config_int(&config, CONFIG_NODE_ID), 7);
    cr_assert(slice_eq(config_text(&config, CONFIG_LOG_DIRS), slice_str("/a,/b")));
    cr_assert_eq(config_int(&config, CONFIG_MIN_ISR), 3);
    cr_assert_eq(config_int(&config, CONFIG_NUM_PARTITIONS), 4);
    cr_assert(told(CONFIG_WARNING,
                   "x.properties:8: num.partitions stood in line 7 already; this one counts"));
    cr_assert_not(config_failed(&config));
    cr_assert(config.given[CONFIG_NODE_ID] && !config.given[CONFIG_SESSION_MS]);
    cr_assert_str_eq(config_str(&config, CONFIG_DURABILITY), "disk");
    cr_assert(config_bool(&config, CONFIG_AUTO_CREATE));
    cr_assert_float_eq(config_double(&config, CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO), 0.5, 1e-9);
}

Test(config, chains_of_units)
{
    make();
    cr_assert_eq(config_retention_ms(&config), 168LL * 3600000);
    cr_assert_eq(config_roll_ms(&config), 168LL * 3600000);
    cr_assert_eq(config_roll_jitter_ms(&config), 0);
    config_override(&config, slice_str("log.retention.hours=2147483647"));
    cr_assert_eq(config_retention_ms(&config), 2147483647LL * 3600000);
    config_override(&config, slice_str("log.retention.minutes=2"));
    cr_assert_eq(config_retention_ms(&config), 120000);
    config_override(&config, slice_str("log.retention.minutes=-1"));
    cr_assert_eq(config_retention_ms(&config), -1);
    config_override(&config, slice_str("log.retention.ms=5"));
    cr_assert_eq(config_retention_ms(&config), 5);
    config_override(&config, slice_str("log.roll.ms=60000"));
    cr_assert_eq(config_roll_ms(&config), 60000);
    cr_assert_eq(config_reactors(&config, 1), 1);
    cr_assert_eq(config_reactors(&config, 2), 1);
    cr_assert_eq(config_reactors(&config, 8), 8);
    cr_assert_eq(config_reactors(&config, 900), 64);
    config_override(&config, slice_str("num.network.threads=3"));
    cr_assert_eq(config_reactors(&config, 8), 3);
}

Test(config, wrong_values_and_unknown_keys_are_sentences)
{
    make();
    read_text("node.id=seven\n\nbroker.sesion.timeout.ms=9\nno.such.thing.at.all=1\n"
              "zookeeper.connect=a:1\nlistener.name.x.ssl.keystore.location=/k\nnum.io.threads=9\n"
              "ssl.key.password=se\\u0001cret\nnum.partitions=0\nbackground.threads=10\n");
    cr_assert(config_failed(&config));
    cr_assert_eq(config.message_count, 8);
    static const struct {
        enum config_grade grade;
        const char *text;
    } wanted[] = {
        {CONFIG_ERROR,
         "x.properties:1: Invalid value seven for configuration node.id: Not a number of type INT"},
        {CONFIG_WARNING,
         "x.properties:3: broker.sesion.timeout.ms is unknown and has no effect; did "
         "you mean broker.session.timeout.ms?"},
        {CONFIG_WARNING, "x.properties:4: no.such.thing.at.all is unknown and has no effect"},
        {CONFIG_ERROR,
         "x.properties:5: zookeeper.connect belongs to earlier versions of Kafka. There is no "
         "ZooKeeper here: name the controllers in controller.quorum.voters."},
        {CONFIG_NOTE,
         "x.properties:6: listener.name.x.ssl.keystore.location is known and has no effect "
         "here (security)"},
        {CONFIG_NOTE, "x.properties:7: num.io.threads is known and has no effect here (threads)"},
        {CONFIG_ERROR,
         "x.properties:8: Invalid value (hidden) for configuration ssl.key.password: Not "
         "UTF-8 text, or it holds control bytes"},
        {CONFIG_ERROR,
         "x.properties:9: Invalid value 0 for configuration num.partitions: Value must be at "
         "least 1; the default is 1"},
    };
    for (uint32_t i = 0; i < ARRAY_LEN(wanted); i++) {
        cr_assert_str_eq(config.messages[i], wanted[i].text);
        cr_assert_eq(config.grades[i], wanted[i].grade);
        cr_assert_eq(config.fatal[i], wanted[i].grade == CONFIG_ERROR);
    }
    cr_assert_not(config_set(&config, CONFIG_NODE_ID));
}

Test(config, what_cannot_be_honoured_is_refused)
{
    make();
    config_override(&config, slice_str("authorizer.class.name="));
    cr_assert_eq(config.message_count, 0);
    config_override(
        &config,
        slice_str("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer"));
    cr_assert(told(CONFIG_ERROR, "is not possible here. Permissions are not offered yet"));
    config_override(&config, slice_str("remote.log.storage.system.enable=false"));
    cr_assert_eq(config.message_count, 1);
    config_override(&config, slice_str("remote.log.storage.system.enable=true"));
    cr_assert(told(CONFIG_ERROR, "Tiered storage is not offered."));
    config_override(&config, slice_str("no equals sign"));
    cr_assert(told(CONFIG_ERROR, "--override no equals sign: write it as key=value"));
    config_override(&config, slice_str("=5"));
    config_override(&config, slice_str(""));
    cr_assert_eq(config.message_count, 5);
}

static const char *parsed(const char *text)
{
    static char out[1000];
    struct properties p;
    struct property property;
    size_t n = 0;
    err_t err;
    make();
    properties_init(&p, slice_str(text));
    while ((err = properties_next(&p, &arena, &property)) == OK) {
        n += (size_t)snprintf(out + n, sizeof(out) - n, "%u[%.*s][%.*s]%s", property.line,
                              (int)property.key.n, (const char *)property.key.p,
                              (int)property.value.n, (const char *)property.value.p,
                              property.broken ? "!" : "");
    }
    cr_assert_eq(err, ERR_NOT_FOUND);
    out[n] = '\0';
    return out;
}

/* What java.util.Properties.load makes of the same texts. */
Test(config, notation_of_java)
{
    cr_assert_str_eq(parsed(""), "");
    cr_assert_str_eq(parsed("a=b"), "1[a][b]");
    cr_assert_str_eq(parsed("  a  =  b  \r\nc:d\re f\n"), "1[a][b  ]2[c][d]3[e][f]");
    cr_assert_str_eq(parsed("a"), "1[a][]");
    cr_assert_str_eq(parsed("a==b"), "1[a][=b]");
    cr_assert_str_eq(parsed("a = : b"), "1[a][: b]");
    cr_assert_str_eq(parsed("# x \\\na=1\n\n \t!y\nb=2"), "2[a][1]5[b][2]");
    cr_assert_str_eq(parsed("a=1,\\\n    2,\\\r\n\t3\nb=4"), "1[a][1,2,3]4[b][4]");
    cr_assert_str_eq(parsed("a\\ b\\=c\\:d=e"), "1[a b=c:d][e]");
    cr_assert_str_eq(parsed("a=C:\\\\x\\ty\\qz"), "1[a][C:\\x\tyqz]");
    cr_assert_str_eq(parsed("a=\\u00e4\\u20AC\\uD83D\\uDE00"), "1[a][ä€😀]");
    cr_assert_str_eq(parsed("a=\\u12\nb=\\ud83dx"), "1[a][12]!2[b][x]!");
    cr_assert_str_eq(parsed("a=b\\"), "1[a][b]");
    cr_assert_str_eq(parsed("a=b\\\\\nc=d"), "1[a][b\\]2[c][d]");
    cr_assert_str_eq(parsed("=v\n:w"), "1[][v]2[][w]");
    cr_assert_str_eq(parsed("a=1\\\n#no comment\nb=2"), "1[a][1#no comment]3[b][2]");
}

Test(config, hostile_files_are_bounded)
{
    static char huge[CONFIG_FILE_MAX + 1];
    make();
    memset(huge, 'k', sizeof(huge));
    config_read(&config, slice_of(huge, sizeof(huge)), "x");
    cr_assert(told(CONFIG_ERROR, "x: 10485761 bytes are too many"));
    make(); /* one line of 10 MiB */
    config_read(&config, slice_of(huge, CONFIG_FILE_MAX), "x");
    cr_assert_eq(config.message_count, 1);
    make(); /* five million lines of nothing but unknown keys would end the same way, only later */
    const size_t some = CONFIG_FILE_MAX / 8;
    for (size_t i = 0; i < some; i++) {
        huge[i] = i % 2 == 0 ? 'k' : '\n';
    }
    config_read(&config, slice_of(huge, some), "x");
    cr_assert_eq(config.message_count, CONFIG_MESSAGES_MAX - 1);
    cr_assert_eq(config.untold, some / 2 - (CONFIG_MESSAGES_MAX - 1));
    cr_assert_not(config_failed(&config));
    config_override(&config, slice_str("node.id=x"));
    cr_assert(told(CONFIG_ERROR, "node.id")); /* an error has a seat all the same */
    cr_assert_eq(config.message_count, CONFIG_MESSAGES_MAX);
    config_override(&config, slice_str("node.id=y"));
    cr_assert_eq(config.message_count, CONFIG_MESSAGES_MAX);
}

Test(config, bytes_that_are_no_text)
{
    make();
    static const char bytes[] = "node.id=\0\n\0=\0\nbroker.rack=\xff\xfe\n\xc3\x28=1\n";
    config_read(&config, slice_of(bytes, sizeof(bytes) - 1), "x");
    cr_assert(config_failed(&config));
    for (uint32_t i = 0; i < config.message_count; i++) {
        for (const char *c = config.messages[i]; *c != '\0'; c++) {
            cr_assert(*c >= ' ' && *c < 0x7f, "%s", config.messages[i]);
        }
    }
    cr_assert(told(CONFIG_ERROR, "Invalid value ?? for configuration broker.rack"));
    cr_assert_not(config_set(&config, CONFIG_NODE_ID));
    read_text("node.id=\\u12x\n");
    cr_assert(told(CONFIG_ERROR, "x.properties:1: a \\u that four hexadecimal digits"));
}

Test(config, memory_that_ends_is_an_error_not_a_crash)
{
    for (size_t bytes = 512; bytes < 40000; bytes += 512) {
        static char text[20000];
        make_with(bytes);
        size_t n = 0;
        for (int i = 0; i < 300; i++) {
            n += (size_t)snprintf(text + n, sizeof(text) - n, "broker.rack=%040d\nx.%d=1\n", i, i);
        }
        config_read(&config, slice_of(text, n), "x");
        cr_assert(config_failed(&config) || bytes > 16384, "%zu", bytes);
        cr_assert(!config_failed(&config) || told(CONFIG_ERROR, "out of memory"));
    }
}
