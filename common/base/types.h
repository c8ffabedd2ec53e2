/*
 * The few words everyone uses: byte slices, times, ids.
 *
 * A slice borrows: whoever made it says how long its bytes live. An empty slice may have a NULL pointer; where NULL and
 * empty differ (nullable strings of the Kafka protocol) NULL is p == NULL, and an empty value points at a static byte.
 */
#ifndef ODRADEK_BASE_TYPES_H
#define ODRADEK_BASE_TYPES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MUST_USE                        __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first)         __attribute__((format(__printf__, fmt, first)))
#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define LIKELY(x)                       __builtin_expect(!!(x), 1)
#define UNLIKELY(x)                     __builtin_expect(!!(x), 0)

/* Milliseconds: monotonic since some start, or wall clock since 1970; the name of the variable says which. */
typedef int64_t time_ms;
/* Microseconds, always monotonic. */
typedef int64_t time_us;

#define TIME_NEVER INT64_MAX

struct slice {
    const uint8_t *p;
    size_t n;
};

static inline struct slice slice_of(const void *p, size_t n)
{
    return (struct slice){.p = (const uint8_t *)p, .n = n};
}

/* The bytes of a C string without its final NUL; NULL gives the NULL slice. */
static inline struct slice slice_str(const char *s)
{
    return s == NULL ? (struct slice){0} : slice_of(s, strlen(s));
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Equal, and NULL only to NULL. */
static inline bool slice_same(struct slice a, struct slice b)
{
    return a.p == NULL || b.p == NULL ? a.p == b.p : slice_eq(a, b);
}

/* Bytewise order, shorter first where one is the other's prefix. */
static inline int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n == 0 ? 0 : memcmp(a.p, b.p, n);
    return c != 0 ? c : (a.n > b.n) - (a.n < b.n);
}

static inline int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
