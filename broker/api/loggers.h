/*
 * Log levels at run time (KIP-412): resource BROKER_LOGGER, named by the id of the broker that is asked. Loggers are the rooms
 * of common/trace, and "root", whose level counts for rooms without one of their own. A change lasts until the process ends.
 */
#ifndef ODRADEK_API_LOGGERS_H
#define ODRADEK_API_LOGGERS_H

#include "common/base/arena.h"
#include "common/trace/trace.h"
#include "common/wire/kafka_error.h"

#define RESOURCE_BROKER_LOGGER 8

/* One key of an AlterConfigs request. */
struct setting_change {
    struct slice key;
    struct slice value;
    int8_t op; /* enum config_op */
};

/* KAFKA_NONE, or why not: the sentence in the arena. */
enum kafka_error loggers_judge(const struct setting_change *, int32_t count, struct arena *,
                               const char **ret_why);
/* What was judged good. From any thread. */
void loggers_set(struct trace *, const struct setting_change *, int32_t count);

#define LOGGERS (TRACE_ROOMS + 1)
/* i < LOGGERS; the root first. */
const char *logger_name(size_t i);
const char *logger_level(const struct trace *, size_t i);

#endif
