/* Tables, times and sizes, addresses. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "cli/session.h"
#include "cli/table.h"
#include "cli/when.h"
#include "tests/lib/memory.h"

Test(text, a_table_is_as_wide_as_its_cells)
{
    static const char *const titles[] = {"NAME", "COUNT>", "LAST"};
    struct test_memory memory;
    struct heap heap;
    struct arena arena;
    struct buf out;
    struct table table;
    test_memory_init(&memory);
    heap_init(&heap, &memory.source, 1u << 20);
    arena_init(&arena, &memory.source, 4096, 1u << 20);
    buf_init(&out, &heap, 1u << 20);
    table_init(&table, &arena, titles, 3);
    table_row(&table);
    table_cell(&table, "a longer name");
    table_cell(&table, "%d", 7);
    table_cell(&table, "x");
    table_row(&table);
    table_cell(&table, "\xC3\xA9");
    table_cell(&table, "%d", 1234567);
    table_cell(&table, "\033[31mred\n");
    table_print(&table, &out);
    static const char want[] = "NAME             COUNT  LAST\n"
                               "a longer name        7  x\n"
                               "\xC3\xA9              1234567  ?[31mred?\n";
    cr_assert(slice_eq(buf_slice(&out), slice_str(want)), "%.*s", (int)out.n, (const char *)out.p);
    buf_release(&out);
    arena_release(&arena);
    heap_release(&heap);
    cr_assert_eq(memory.out, 0);
}

Test(text, times_both_ways)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {{"1970-01-01T00:00:00.000Z", 0},
                {"2000-02-29T23:59:59.999Z", 951868799999},
                {"2026-11-21T08:15:30.125Z", 1795248930125},
                {"2100-03-01T00:00:00.000Z", 4107542400000}};
    int64_t ms;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cr_assert_eq(when_parse(rows[i].text, 0, &ms), OK);
        cr_assert_eq(ms, rows[i].ms, "%s is %lld", rows[i].text, (long long)ms);
        cr_assert_str_eq(when_print(ms).s, rows[i].text);
    }
    for (int64_t day = -800; day < 60000; day += 13) {
        struct when_text text = when_print(day * 86400000 + 1);
        cr_assert(day < 0 || (when_parse(text.s, 0, &ms) == OK && ms == day * 86400000 + 1));
    }
}

Test(text, times_as_people_write_them)
{
    int64_t ms;
    cr_assert(when_parse("2026-11-21", 0, &ms) == OK && ms == 1795219200000);
    cr_assert(when_parse("2026-11-21 08:15:30", 0, &ms) == OK && ms == 1795248930000);
    cr_assert(when_parse("1795248930125", 0, &ms) == OK && ms == 1795248930125);
    cr_assert(when_parse("-2h", 10000000, &ms) == OK && ms == 2800000);
    cr_assert(when_parse("-7d", 1000, &ms) == OK && ms == 0);
    static const char *const bad[] = {"",
                                      "noon",
                                      "-",
                                      "-h",
                                      "-5x",
                                      "-99999999999999999999d",
                                      "2026-13-01",
                                      "2026-11-21T25:00:00",
                                      "2026-11-21T08:15",
                                      "2026-1-2",
                                      "2026-11-21Zx",
                                      "-5"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cr_assert_eq(when_parse(bad[i], 0, &ms), ERR_MALFORMED, "%s", bad[i]);
    }
}

Test(text, sizes)
{
    cr_assert_str_eq(size_print(0).s, "0 B");
    cr_assert_str_eq(size_print(1023).s, "1023 B");
    cr_assert_str_eq(size_print(1536).s, "1.5 KiB");
    cr_assert_str_eq(size_print(INT64_MAX).s, "8.0 EiB");
}

Test(text, addresses)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {{"a", "a", 9092},       {"a:1", "a", 1},
                {"[::1]", "::1", 9092}, {"[::1]:65535", "::1", 65535},
                {"::1", "::1", 9092},   {"10.0.0.1:9093", "10.0.0.1", 9093}};
    static const char *const bad[] = {"",    ":1",   "a:",   "a:0",    "a:65536",
                                      "a:x", "[::1", "[]:1", "[::1]x", "a:123456"};
    struct net_address address;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        cr_assert_eq(session_address_parse(slice_str(good[i].text), &address), OK, "%s",
                     good[i].text);
        cr_assert_str_eq(address.host, good[i].host);
        cr_assert_eq(address.port, good[i].port);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cr_assert_eq(session_address_parse(slice_str(bad[i]), &address), ERR_MALFORMED, "%s",
                     bad[i]);
    }
}
