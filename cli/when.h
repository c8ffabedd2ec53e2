/*
 * Times as people write them, always UTC. Printed as RFC 3339 with milliseconds: 2026-11-21T08:15:30.125Z.
 * Read: the same with or without the fraction, or without the time of day; milliseconds since 1970; or a span before now: -90s,
 * -15m, -2h, -7d.
 */
#ifndef ODRADEK_CLI_WHEN_H
#define ODRADEK_CLI_WHEN_H

#include "common/base/err.h"

struct when_text {
    char s[40];
};

struct when_text when_print(int64_t wall_ms);
/* ERR_MALFORMED. */
err_t when_parse(const char *text, int64_t now_ms, int64_t *ret_wall_ms) MUST_USE;

/* "820 B", "12.3 KiB", "4.0 GiB". */
struct size_text {
    char s[24];
};
struct size_text size_print(int64_t bytes);

#endif
