#include "common/trace/trace.h"

#include <stdarg.h>
#include <stdio.h>

void trace_init(struct trace *trace, const char *node, void (*write)(void *, struct slice),
                time_ms (*wall_now)(void *), void *ctx)
{
    assert(write != NULL && wall_now != NULL && node != NULL);
    *trace = (struct trace){.write = write, .wall_now = wall_now, .ctx = ctx, .node = node};
    for (size_t i = 0; i < TRACE_ROOMS; i++) {
        trace->levels[i] = TRACE_INFO;
    }
    trace->root = TRACE_INFO;
}

_Static_assert(TRACE_ROOMS <= 32, "a bit for each room");

void trace_set_level(struct trace *trace, enum trace_room room, enum trace_level level)
{
    assert((size_t)room < TRACE_ROOMS);
    (void)__atomic_fetch_or(&trace->own, 1u << room, __ATOMIC_RELAXED);
    __atomic_store_n(&trace->levels[room], level, __ATOMIC_RELAXED);
}

void trace_unset_level(struct trace *trace, enum trace_room room)
{
    assert((size_t)room < TRACE_ROOMS);
    (void)__atomic_fetch_and(&trace->own, ~(1u << room), __ATOMIC_RELAXED);
    __atomic_store_n(&trace->levels[room], trace_root_level(trace), __ATOMIC_RELAXED);
}

void trace_set_root(struct trace *trace, enum trace_level level)
{
    uint32_t own = __atomic_load_n(&trace->own, __ATOMIC_RELAXED);
    __atomic_store_n(&trace->root, level, __ATOMIC_RELAXED);
    for (size_t i = 0; i < TRACE_ROOMS; i++) {
        if ((own & (1u << i)) == 0) {
            __atomic_store_n(&trace->levels[i], level, __ATOMIC_RELAXED);
        }
    }
}

enum trace_level trace_level_of(const struct trace *trace, enum trace_room room)
{
    assert((size_t)room < TRACE_ROOMS);
    return __atomic_load_n(&trace->levels[room], __ATOMIC_RELAXED);
}

enum trace_level trace_root_level(const struct trace *trace)
{
    return __atomic_load_n(&trace->root, __ATOMIC_RELAXED);
}

static const char *const level_names[] = {"DEBUG", "INFO", "WARN", "ERROR"};

static const char *const room_names[] = {
#define TRACE_ROOM_NAME(name, text) text,
    TRACE_ROOM_TABLE(TRACE_ROOM_NAME)
#undef TRACE_ROOM_NAME
};

const char *trace_level_name(enum trace_level level)
{
    assert((size_t)level < ARRAY_LEN(level_names));
    return level_names[level];
}

const char *trace_room_name(enum trace_room room)
{
    assert((size_t)room < TRACE_ROOMS);
    return room_names[room];
}

static bool same_word(struct slice a, const char *b)
{
    if (a.n != strlen(b)) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        if ((a.p[i] | 0x20) != ((uint8_t)b[i] | 0x20)) {
            return false;
        }
    }
    return true;
}

bool trace_level_parse(struct slice text, enum trace_level *ret_level)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (same_word(text, level_names[i])) {
            *ret_level = (enum trace_level)i;
            return true;
        }
    }
    return false;
}

bool trace_room_parse(struct slice text, enum trace_room *ret_room)
{
    for (size_t i = 0; i < TRACE_ROOMS; i++) {
        if (same_word(text, room_names[i])) {
            *ret_room = (enum trace_room)i;
            return true;
        }
    }
    return false;
}

/* Days since 1970 as a date (Howard Hinnant, "chrono-compatible low-level date algorithms"), UTC. */
static void date_print(time_ms wall, char json, char *out, size_t room)
{
    int64_t days = wall / 86400000;
    int64_t of_day = wall % 86400000;
    int64_t z = days + 719468;
    int64_t era = z / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = yoe + era * 400 + (month <= 2);
    (void)snprintf(out, room, "%04d-%02d-%02d%c%02d:%02d:%02d%c%03d%s", (int)year, (int)month,
                   (int)(doy - (153 * mp + 2) / 5 + 1), json ? 'T' : ' ', (int)(of_day / 3600000),
                   (int)(of_day / 60000 % 60), (int)(of_day / 1000 % 60), json ? '.' : ',',
                   (int)(of_day % 1000), json ? "Z" : "");
}

/* Control bytes and, in JSON, quotes become visible; the text is cut where the room ends. */
static size_t escape(const char *from, bool json, char *out, size_t room)
{
    size_t n = 0;
    for (; *from != '\0' && n + 7 < room; from++) {
        unsigned char c = (unsigned char)*from;
        if (c < 0x20 || c == 0x7f) {
            n += (size_t)snprintf(out + n, room - n, "\\u%04x", c);
        } else {
            if (json && (c == '"' || c == '\\')) {
                out[n++] = '\\';
            }
            out[n++] = (char)c;
        }
    }
    out[n] = '\0';
    return n;
}

void trace_log(const struct trace *trace, enum trace_level level, enum trace_room room,
               const char *fmt, ...)
{
    assert((size_t)room < TRACE_ROOMS && (size_t)level < ARRAY_LEN(level_names));
    if (level < trace_level_of(trace, room)) {
        return;
    }
    char text[TRACE_LINE_MAX];
    char safe[TRACE_LINE_MAX];
    char date[40];
    char line[TRACE_LINE_MAX + 256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)escape(text, trace->json, safe, sizeof(safe));
    date_print(trace->wall_now(trace->ctx), (char)trace->json, date, sizeof(date));
    const char *shape =
        trace->json
            ? "{\"time\":\"%s\",\"level\":\"%s\",\"node\":\"%s\",\"text\":\"%s\",\"room\":\"%s\"}\n"
            : "[%s] %s [%s] %s (%s)\n";
    int n = snprintf(line, sizeof(line), shape, date, level_names[level], trace->node, safe,
                     room_names[room]);
    assert(n > 0 && (size_t)n < sizeof(line));
    trace->write(trace->ctx, slice_of(line, (size_t)n));
}

bool trace_limit_pass(struct trace_limit *limit, time_ms now, uint32_t *ret_held)
{
    if (now < limit->next_ms) {
        limit->held++;
        return false;
    }
    *ret_held = limit->held;
    limit->held = 0;
    limit->next_ms = now + 1000;
    return true;
}
