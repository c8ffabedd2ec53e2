/* Lines of input and the records that they become. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "cli/record_in.h"
#include "tests/lib/memory.h"

static struct test_memory memory;
static struct heap heap;
static struct arena arena;
static struct buf headers;
static struct record_line line;

static void begin(void)
{
    test_memory_init(&memory);
    heap_init(&heap, &memory.source, 16u << 20);
    arena_init(&arena, &memory.source, 4096, 16u << 20);
    buf_init(&headers, &heap, 1u << 20);
}

static void end(void)
{
    buf_release(&headers);
    arena_release(&arena);
    heap_release(&heap);
    cr_assert_eq(memory.out, 0);
}

TestSuite(record_in, .init = begin, .fini = end);

static const char *read(struct record_format format, const char *text)
{
    format.key_separator = format.key_separator.p == NULL ? slice_str(":") : format.key_separator;
    return record_line_read(&format, slice_str(text), &arena, &heap, &headers, &line);
}

static void is(struct slice got, const char *want)
{
    cr_assert((got.p == NULL) == (want == NULL) && slice_eq(got, slice_str(want)), "%.*s",
              (int)got.n, got.p == NULL ? "" : (const char *)got.p);
}

Test(record_in, a_line_is_a_value)
{
    cr_assert_null(read((struct record_format){0}, "a:b"));
    is(line.record.key, NULL);
    is(line.record.value, "a:b");
    cr_assert_eq(line.partition, -1);
    cr_assert_eq(line.record.timestamp, NO_TIMESTAMP);
    cr_assert_null(read((struct record_format){0}, ""));
    is(line.record.value, "");
}

Test(record_in, keys_headers_and_null)
{
    struct record_format format = {.keys = true,
                                   .headers = true,
                                   .null_marker = slice_str("NULL"),
                                   .key_separator = slice_str("--")};
    struct slice key, value;
    cr_assert_null(read(format, "a:1,b:--k--v--w"));
    is(line.record.key, "k");
    is(line.record.value, "v--w");
    cr_assert_eq(line.record.header_count, 2);
    struct slice rest = line.record.headers;
    cr_assert(record_header_next(&rest, &key, &value));
    is(key, "a");
    is(value, "1");
    cr_assert(record_header_next(&rest, &key, &value));
    is(key, "b");
    is(value, "");
    cr_assert_null(read(format, "--NULL--NULL"));
    is(line.record.key, NULL);
    is(line.record.value, NULL);
    cr_assert_eq(line.record.header_count, 0);
    cr_assert_not_null(read(format, "a:1--k"));
    cr_assert_not_null(read(format, "a--k--v"));
    cr_assert_not_null(read((struct record_format){.keys = true}, "none"));
}

Test(record_in, json)
{
    const struct record_format json = {.json = true};
    cr_assert_null(read(
        json,
        "{\"key\":\"k\",\"value\":{\"a\": 1.0},\"partition\":3,\"timestamp\":\"1970-01-01T00:00:01Z\","
        "\"headers\":[{\"key\":\"h\",\"value_base64\":\"AAE=\"}],\"offset\":7,\"topic\":\"t\"}"));
    is(line.record.key, "k");
    is(line.record.value, "{\"a\": 1.0}");
    cr_assert_eq(line.partition, 3);
    cr_assert_eq(line.record.timestamp, 1000);
    struct slice key, value;
    struct slice rest = line.record.headers;
    cr_assert(record_header_next(&rest, &key, &value));
    cr_assert(slice_eq(value, slice_of("\0\1", 2)));
    cr_assert_null(read(
        json,
        "{\"headers\":{\"a\":\"1\",\"b\":null},\"key_base64\":\"\",\"value_base64\":null,\"timestamp\":5}"));
    is(line.record.key, "");
    is(line.record.value, NULL);
    cr_assert_eq(line.record.header_count, 2);
    cr_assert_eq(line.record.timestamp, 5);
}

Test(record_in, json_that_is_wrong_says_why)
{
    static const char *const bad[] = {"",
                                      "1",
                                      "[]",
                                      "{\"x\":1}",
                                      "{\"partition\":-2}",
                                      "{\"partition\":\"1\"}",
                                      "{\"partition\":4294967296}",
                                      "{\"timestamp\":\"noon\"}",
                                      "{\"value_base64\":\"A\"}",
                                      "{\"value_base64\":1}",
                                      "{\"headers\":1}",
                                      "{\"headers\":[1]}",
                                      "{\"headers\":[{\"key\":null}]}",
                                      "{} {}",
                                      "{\"key\":\"\\q\"}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cr_assert_not_null(read((struct record_format){.json = true}, bad[i]), "%s", bad[i]);
    }
}
