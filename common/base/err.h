/*
 * One error style: a function that can fail returns err_t, OK is 0, and the caller must look.
 *
 * These are errors inside a node. What a Kafka client is told is an enum kafka_error (common/wire/kafka_error.h).
 * `assert` is for our own bugs and always compiled in; ENSURE is for what came from outside.
 */
#ifndef ODRADEK_BASE_ERR_H
#define ODRADEK_BASE_ERR_H

#include "common/base/types.h"

#define ERR_TABLE(X)                                         \
    X(OK, "success")                                         \
    X(ERR_NO_MEMORY, "out of memory")                        \
    X(ERR_LIMIT, "a limit is reached")                       \
    X(ERR_TRUNCATED, "the bytes end too early")              \
    X(ERR_MALFORMED, "the bytes do not follow their format") \
    X(ERR_TOO_LARGE, "larger than allowed")                  \
    X(ERR_VERSION, "a version this build does not know")     \
    X(ERR_CORRUPT, "a checksum or an order is wrong")        \
    X(ERR_RANGE, "outside of what exists")                   \
    X(ERR_INVALID, "a value that is not allowed here")       \
    X(ERR_NOT_FOUND, "not found")                            \
    X(ERR_EXISTS, "exists already")                          \
    X(ERR_BUSY, "busy")                                      \
    X(ERR_LOCKED, "in use by another process")               \
    X(ERR_FOREIGN, "belongs to another node or cluster")     \
    X(ERR_IO, "input or output failed")                      \
    X(ERR_NO_SPACE, "no space left on the device")           \
    X(ERR_PERMISSION, "permission denied")                   \
    X(ERR_OFFLINE, "offline after an earlier failure")       \
    X(ERR_CLOSED, "closed by the other side")                \
    X(ERR_REFUSED, "connection refused")                     \
    X(ERR_UNREACHABLE, "cannot be reached")                  \
    X(ERR_TIMEOUT, "timed out")                              \
    X(ERR_NOT_LEADER, "not the leader")                      \
    X(ERR_STALE, "an older epoch than the current one")      \
    X(ERR_UNSUPPORTED, "not supported")

typedef enum err {
#define ERR_ENUM(name, text) name,
    ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
        ERR_COUNT
} err_t;

/* A short English phrase; never NULL. */
const char *err_text(err_t err);

/* The outside's fault: leave with this error. */
#define ENSURE(cond, error)      \
    do {                         \
        if (UNLIKELY(!(cond))) { \
            return (error);      \
        }                        \
    } while (0)

/* Pass an error up. */
#define TRY(expr)                 \
    do {                          \
        err_t try_err_ = (expr);  \
        if (UNLIKELY(try_err_)) { \
            return try_err_;      \
        }                         \
    } while (0)

/* An error that changes nothing here; the line says why beside it. */
#define IGNORE(expr)             \
    do {                         \
        err_t ignored_ = (expr); \
        (void)ignored_;          \
    } while (0)

#endif
