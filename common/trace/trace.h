/*
 * Log lines: one per event, never one per request. Each says when, how grave, which room, which ids, what happened and what
 * follows from it:
 *
 *     [2026-11-21 18:01:02,123] INFO [broker id=1] Fenced by the controller; registering again. (control)
 *
 * or, with log.format=json, an object per line with the same parts. Text that came from outside is escaped, lines are cut
 * at TRACE_LINE_MAX. Pure: the shell gives the sink and the wall clock. May be used from every thread of a node if the
 * sink may.
 */
#ifndef ODRADEK_TRACE_TRACE_H
#define ODRADEK_TRACE_TRACE_H

#include "common/base/limits.h"
#include "common/base/types.h"

enum trace_level { TRACE_DEBUG, TRACE_INFO, TRACE_WARN, TRACE_ERROR };

/* Rooms of the house that speak; levels can be set for each. */
#define TRACE_ROOM_TABLE(X)         \
    X(TRACE_NODE, "node")           \
    X(TRACE_QUORUM, "quorum")       \
    X(TRACE_STATE, "state")         \
    X(TRACE_TAIL, "tail")           \
    X(TRACE_CONTROL, "control")     \
    X(TRACE_EDGE, "edge")           \
    X(TRACE_API, "api")             \
    X(TRACE_PARTITION, "partition") \
    X(TRACE_FETCHER, "fetcher")     \
    X(TRACE_COORD, "coord")         \
    X(TRACE_LOG, "log")             \
    X(TRACE_CONFIG, "config")

enum trace_room {
#define TRACE_ROOM_ENUM(name, text) name,
    TRACE_ROOM_TABLE(TRACE_ROOM_ENUM)
#undef TRACE_ROOM_ENUM
        TRACE_ROOMS
};

struct trace {
    void (*write)(void *ctx, struct slice line); /* a whole line with its newline */
    time_ms (*wall_now)(void *ctx);
    void *ctx;
    const char *node; /* "broker id=1" */
    bool json;
    enum trace_level levels[TRACE_ROOMS]; /* the least grave that is written */
    enum trace_level root;                /* of rooms without a level of their own */
    uint32_t own;                         /* bits of the rooms that have one */
};

/* All rooms at INFO. */
void trace_init(struct trace *, const char *node, void (*write)(void *, struct slice),
                time_ms (*wall_now)(void *), void *ctx);

void trace_log(const struct trace *, enum trace_level, enum trace_room, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* Levels may change while others write lines: each room sees the old or the new one. */
void trace_set_level(struct trace *, enum trace_room, enum trace_level);
/* The root's level counts for the room again. */
void trace_unset_level(struct trace *, enum trace_room);
void trace_set_root(struct trace *, enum trace_level);
enum trace_level trace_level_of(const struct trace *, enum trace_room);
enum trace_level trace_root_level(const struct trace *);

const char *trace_level_name(enum trace_level);
/* "debug", "INFO", ...; false: no such level. */
bool trace_level_parse(struct slice, enum trace_level *ret_level);
const char *trace_room_name(enum trace_room);
bool trace_room_parse(struct slice, enum trace_room *ret_room);

/* At most one line a second of a kind that outsiders can cause at will; zeroed is ready. */
struct trace_limit {
    time_ms next_ms;
    uint32_t held; /* lines left out since the last one */
};
/* True: write it, and say how many were left out before it. */
bool trace_limit_pass(struct trace_limit *, time_ms now, uint32_t *ret_held);

#endif
