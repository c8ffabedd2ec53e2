#include <criterion/criterion.h>

#include "common/trace/trace.h"

static char seen[4096];

static void keep(void *ctx, struct slice line)
{
    (void)ctx;
    memcpy(seen, line.p, line.n);
    seen[line.n] = '\0';
}

static time_ms fixed(void *ctx)
{
    (void)ctx;
    return 1795284062123; /* 2026-11-21 18:01:02,123 UTC */
}

Test(trace, lines_as_text_and_json_with_outside_text_escaped)
{
    struct trace trace;
    trace_init(&trace, "broker id=1", keep, fixed, NULL);
    trace_log(&trace, TRACE_INFO, TRACE_CONTROL, "topic %s", "a\nb\"");
    cr_assert_str_eq(seen,
                     "[2026-11-21 18:01:02,123] INFO [broker id=1] topic a\\u000ab\" (control)\n");
    trace.json = true;
    trace_log(&trace, TRACE_WARN, TRACE_EDGE, "say \"%s\"", "\\");
    cr_assert_str_eq(
        seen, "{\"time\":\"2026-11-21T18:01:02.123Z\",\"level\":\"WARN\",\"node\":\"broker id=1\","
              "\"text\":\"say \\\"\\\\\\\"\",\"room\":\"edge\"}\n");
    seen[0] = '\0';
    trace_log(&trace, TRACE_DEBUG, TRACE_EDGE, "quiet");
    cr_assert_str_eq(seen, "");
    char huge[5000];
    memset(huge, '"', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    trace_log(&trace, TRACE_ERROR, TRACE_EDGE, "%s", huge);
    cr_assert_lt(strlen(seen), TRACE_LINE_MAX + 256);
}

Test(trace, limit_counts_what_it_holds_back)
{
    struct trace_limit limit = {0};
    uint32_t held = 9;
    cr_assert(trace_limit_pass(&limit, 5, &held));
    cr_assert_eq(held, 0);
    cr_assert_not(trace_limit_pass(&limit, 6, &held));
    cr_assert_not(trace_limit_pass(&limit, 1004, &held));
    cr_assert(trace_limit_pass(&limit, 1005, &held));
    cr_assert_eq(held, 2);
}

Test(trace, names)
{
    enum trace_level level;
    enum trace_room room;
    cr_assert(trace_level_parse(slice_str("debug"), &level) && level == TRACE_DEBUG);
    cr_assert_not(trace_level_parse(slice_str("loud"), &level));
    cr_assert(trace_room_parse(slice_str("quorum"), &room) && room == TRACE_QUORUM);
}
