#include <criterion/criterion.h>

#include "broker/api/loggers.h"
#include "common/config/alter.h"
#include "tests/lib/memory.h"

static struct test_memory memory;
static struct arena arena;
static struct trace trace;
static int lines;

static void write_line(void *ctx, struct slice line)
{
    (void)ctx;
    (void)line;
    lines++;
}

static time_ms now(void *ctx)
{
    (void)ctx;
    return 0;
}

static void make(void)
{
    test_memory_init(&memory);
    arena_init(&arena, &memory.source, 4096, 65536);
    trace_init(&trace, "broker id=1", write_line, now, NULL);
}

static bool written(enum trace_room room, enum trace_level level)
{
    int before = lines;
    trace_log(&trace, level, room, "words");
    return lines > before;
}

/* The sentences stand so in what Apache Kafka 4.3.1 answers. */
Test(loggers, are_refused_in_kafkas_words)
{
    static const struct {
        const char *key, *value;
        int8_t op;
        enum kafka_error error;
        const char *why;
    } cases[] = {
        {"api", "DEBUG", CONFIG_SET, KAFKA_NONE, NULL},
        {"root", "FATAL", CONFIG_SET, KAFKA_NONE, NULL},
        {"api", NULL, CONFIG_DELETE, KAFKA_NONE, NULL},
        {"nope.nope", "INFO", CONFIG_SET, KAFKA_INVALID_CONFIG, "Logger nope.nope does not exist!"},
        {"nope", NULL, CONFIG_DELETE, KAFKA_INVALID_CONFIG, "Logger nope does not exist!"},
        {"root", "warn", CONFIG_SET, KAFKA_INVALID_CONFIG,
         "Cannot set the log level of root to warn as it is not a supported log level. Valid log "
         "levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"},
        {"api", "INFO", CONFIG_APPEND, KAFKA_INVALID_REQUEST,
         "APPEND operation is not allowed for the BROKER_LOGGER resource"},
        {"api", "INFO", CONFIG_SUBTRACT, KAFKA_INVALID_REQUEST,
         "SUBTRACT operation is not allowed for the BROKER_LOGGER resource"},
        {"root", NULL, CONFIG_DELETE, KAFKA_INVALID_REQUEST,
         "Removing the log level of the root logger is not allowed"},
    };
    make();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct setting_change change = {slice_str(cases[i].key), slice_str(cases[i].value),
                                              cases[i].op};
        const char *why = NULL;
        cr_assert_eq(loggers_judge(&change, 1, &arena, &why), cases[i].error, "%s", cases[i].key);
        cr_assert(cases[i].why == NULL || strcmp(why, cases[i].why) == 0, "%s", why);
    }
    arena_release(&arena);
}

static void set(const char *key, const char *value)
{
    const struct setting_change change = {slice_str(key), slice_str(value),
                                          value == NULL ? CONFIG_DELETE : CONFIG_SET};
    loggers_set(&trace, &change, 1);
}

Test(loggers, a_room_without_a_level_of_its_own_has_the_roots)
{
    make();
    cr_assert(written(TRACE_API, TRACE_INFO) && !written(TRACE_API, TRACE_DEBUG));
    set("api", "DEBUG");
    cr_assert(written(TRACE_API, TRACE_DEBUG) && !written(TRACE_EDGE, TRACE_DEBUG));
    set("root", "ERROR");
    cr_assert(written(TRACE_API, TRACE_DEBUG)); /* it has its own */
    cr_assert(written(TRACE_EDGE, TRACE_ERROR) && !written(TRACE_EDGE, TRACE_WARN));
    set("api", NULL);
    cr_assert_not(written(TRACE_API, TRACE_WARN));
    cr_assert_str_eq(logger_name(0), "root");
    cr_assert_str_eq(logger_level(&trace, 0), "ERROR");
    for (size_t i = 0; i < LOGGERS; i++) {
        cr_assert_str_eq(logger_level(&trace, i), "ERROR", "%s", logger_name(i));
    }
    arena_release(&arena);
}
