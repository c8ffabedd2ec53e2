#include "broker/api/loggers.h"

#include "common/config/alter.h"

/* Kafka has two levels more; they mean our nearest. */
static bool level_read(struct slice text, enum trace_level *ret_level)
{
    static const struct {
        const char *name;
        enum trace_level level;
    } names[] = {{"DEBUG", TRACE_DEBUG}, {"ERROR", TRACE_ERROR}, {"FATAL", TRACE_ERROR},
                 {"INFO", TRACE_INFO},   {"TRACE", TRACE_DEBUG}, {"WARN", TRACE_WARN}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_eq(text, slice_str(names[i].name))) {
            *ret_level = names[i].level;
            return true;
        }
    }
    return false;
}

/* LOGGERS: none. */
static size_t logger_find(struct slice name)
{
    size_t i = 0;
    while (i < LOGGERS && !slice_eq(name, slice_str(logger_name(i)))) {
        i++;
    }
    return i;
}

const char *logger_name(size_t i)
{
    assert(i < LOGGERS);
    return i == 0 ? "root" : trace_room_name((enum trace_room)(i - 1));
}

const char *logger_level(const struct trace *trace, size_t i)
{
    assert(i < LOGGERS);
    return trace_level_name(i == 0 ? trace_root_level(trace)
                                   : trace_level_of(trace, (enum trace_room)(i - 1)));
}

static enum kafka_error judge(const struct setting_change *change, struct arena *arena,
                              const char **ret_why)
{
    enum trace_level level;
    if (change->op == CONFIG_APPEND || change->op == CONFIG_SUBTRACT) {
        *ret_why = arena_printf(arena, "%s operation is not allowed for the BROKER_LOGGER resource",
                                change->op == CONFIG_APPEND ? "APPEND" : "SUBTRACT");
        return KAFKA_INVALID_REQUEST;
    }
    size_t logger = logger_find(change->key);
    if (logger == LOGGERS) {
        *ret_why = arena_printf(arena, "Logger %.*s does not exist!", (int)change->key.n,
                                (const char *)change->key.p);
        return KAFKA_INVALID_CONFIG;
    }
    if (change->op == CONFIG_DELETE) {
        *ret_why = "Removing the log level of the root logger is not allowed";
        return logger == 0 ? KAFKA_INVALID_REQUEST : KAFKA_NONE;
    }
    assert(change->op == CONFIG_SET);
    if (!level_read(change->value, &level)) {
        *ret_why = arena_printf(
            arena,
            "Cannot set the log level of %s to %.*s as it is not a supported log level. Valid log "
            "levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN",
            logger_name(logger), (int)change->value.n, (const char *)change->value.p);
        return KAFKA_INVALID_CONFIG;
    }
    return KAFKA_NONE;
}

enum kafka_error loggers_judge(const struct setting_change *changes, int32_t count,
                               struct arena *arena, const char **ret_why)
{
    for (int32_t i = 0; i < count; i++) {
        enum kafka_error error = judge(&changes[i], arena, ret_why);
        if (error != KAFKA_NONE) {
            return error;
        }
    }
    *ret_why = NULL;
    return KAFKA_NONE;
}

void loggers_set(struct trace *trace, const struct setting_change *changes, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        size_t logger = logger_find(changes[i].key);
        enum trace_level level = TRACE_INFO;
        bool set = changes[i].op == CONFIG_SET && level_read(changes[i].value, &level);
        assert(logger < LOGGERS && (set || changes[i].op == CONFIG_DELETE));
        if (logger == 0) {
            trace_set_root(trace, level);
        } else if (set) {
            trace_set_level(trace, (enum trace_room)(logger - 1), level);
        } else {
            trace_unset_level(trace, (enum trace_room)(logger - 1));
        }
    }
}
