/* Writing and reading JSON. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "cli/json.h"
#include "cli/json_read.h"
#include "tests/lib/memory.h"

static struct test_memory memory;
static struct heap heap;
static struct arena arena;
static struct buf out;
static struct json json;

static void begin(void)
{
    test_memory_init(&memory);
    heap_init(&heap, &memory.source, 64u << 20);
    arena_init(&arena, &memory.source, 4096, 64u << 20);
    buf_init(&out, &heap, 16u << 20);
    json_init(&json, &out);
}

static void end(void)
{
    buf_release(&out);
    arena_release(&arena);
    heap_release(&heap);
    cr_assert_eq(memory.out, 0);
}

TestSuite(json, .init = begin, .fini = end);

static void written(const char *text)
{
    cr_assert_eq(out.err, OK);
    cr_assert(slice_eq(buf_slice(&out), slice_str(text)), "%.*s", (int)out.n, (const char *)out.p);
}

Test(json, objects_and_arrays_get_their_commas)
{
    json_open(&json, NULL, '{');
    json_text(&json, "a", "x");
    json_open(&json, "b", '[');
    json_number(&json, NULL, INT64_MIN);
    json_bool(&json, NULL, true);
    json_open(&json, NULL, '{');
    json_close(&json);
    json_close(&json);
    json_null(&json, "c");
    json_uuid(&json, "d", UUID_NONE);
    json_time(&json, "e", 0);
    json_close(&json);
    written(
        "{\"a\":\"x\",\"b\":[-9223372036854775808,true,{}],\"c\":null,\"d\":null,\"e\":\"1970-01-01T00:00:00.000Z\"}\n");
}

Test(json, text_is_escaped)
{
    json_open(&json, NULL, '[');
    json_slice(&json, NULL, slice_of("\"\\\b\f\n\r\t\x01\0/\x7f", 11));
    json_text(&json, NULL, "\xC3\xA9\xF0\x9F\x98\x80");
    json_slice(&json, NULL, slice_of("a\xFFz", 3));
    json_close(&json);
    written(
        "[\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u0000/\x7f\",\"\xC3\xA9\xF0\x9F\x98\x80\",\"a\xEF\xBF\xBDz\"]\n");
}

Test(json, bytes_that_are_no_text_are_base64)
{
    json_open(&json, NULL, '{');
    json_bytes(&json, "a", slice_of("\xff\xfe", 2));
    json_bytes(&json, "b", slice_str("ok"));
    json_bytes(&json, "c", (struct slice){0});
    json_close(&json);
    written("{\"a_base64\":\"//4=\",\"b\":\"ok\",\"c\":null}\n");
}

Test(json, utf8)
{
    static const char *const good[] = {
        "", "a", "\xC2\x80", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {
        "\x80",         "\xC0\x80",         "\xC1\xBF",         "\xE0\x9F\xBF",
        "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xC2",
        "\xE2\x82",     "\xF0\x9F\x98"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        cr_assert(json_is_utf8(slice_str(good[i])), "%zu", i);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cr_assert(!json_is_utf8(slice_str(bad[i])), "%zu", i);
    }
}

Test(json, base64_both_ways)
{
    static const char *const rows[][2] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) { /* RFC 4648, section 10 */
        buf_clear(&out);
        base64_put(&out, slice_str(rows[i][0]));
        written(rows[i][1]);
        buf_clear(&out);
        cr_assert_eq(base64_read(slice_str(rows[i][1]), &out), OK);
        written(rows[i][0]);
    }
    static const char *const bad[] = {"A", "AB", "A===", "A=BC", "Zg==Zg==", "Zm 9", "Zm9\n"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cr_assert_eq(base64_read(slice_str(bad[i]), &out), ERR_MALFORMED, "%s", bad[i]);
    }
}

static err_t whole(const char *text, struct json_value *ret_value)
{
    struct json_read read;
    json_read_init(&read, slice_str(text), &arena);
    err_t err = json_read_value(&read, ret_value);
    err = err == OK ? json_read_end(&read) : err;
    cr_assert(err == OK || read.why != NULL);
    return err;
}

Test(json, values_are_read)
{
    static const char *const good[] = {"null",
                                       " true ",
                                       "false",
                                       "0",
                                       "-0",
                                       "-12.5e+10",
                                       "1E2",
                                       "\"\"",
                                       "[]",
                                       "{}",
                                       "[1,[2,{\"a\":[]}],3]",
                                       "{\"a\":{\"b\":[{},{}]},\"c\":1}",
                                       "[[[[[[]]]]]]"};
    static const char *const bad[] = {"",
                                      " ",
                                      "nul",
                                      "tru",
                                      "01",
                                      "1.",
                                      ".5",
                                      "-",
                                      "1e",
                                      "+1",
                                      "\"",
                                      "\"\\",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\ud800\"",
                                      "\"\\udc00\"",
                                      "\"\\ud800\\u0041\"",
                                      "\"\t\"",
                                      "[",
                                      "[1",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{a:1}",
                                      "{\"a\" 1}",
                                      "1 2",
                                      "[1}",
                                      "{\"a\":1]",
                                      "\"\xff\""};
    struct json_value value;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        cr_assert_eq(whole(good[i], &value), OK, "%s", good[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cr_assert_eq(whole(bad[i], &value), ERR_MALFORMED, "%s", bad[i]);
    }
}

Test(json, strings_are_unescaped)
{
    struct json_value value;
    cr_assert_eq(whole("\"a\\n\\u0000\\u00e9\\ud83d\\ude00\\/\"", &value), OK);
    cr_assert(slice_eq(value.text, slice_of("a\n\0\xC3\xA9\xF0\x9F\x98\x80/", 10)));
    cr_assert_eq(whole("\"plain\"", &value), OK);
    cr_assert(slice_eq(value.text, slice_str("plain")));
}

Test(json, nested_values_keep_their_bytes_and_depth_is_bounded)
{
    struct json_value value;
    char deep[400];
    cr_assert_eq(whole(" {\"a\": [1.50, 123456789012345678901]} ", &value), OK);
    cr_assert(slice_eq(value.text, slice_str("{\"a\": [1.50, 123456789012345678901]}")));
    for (size_t depth = JSON_READ_DEPTH_MAX; depth <= JSON_READ_DEPTH_MAX + 1; depth++) {
        memset(deep, '[', depth);
        memset(deep + depth, ']', depth);
        deep[2 * depth] = '\0';
        cr_assert_eq(whole(deep, &value), depth <= JSON_READ_DEPTH_MAX ? OK : ERR_MALFORMED);
    }
}

Test(json, members_and_elements_one_by_one)
{
    struct json_read read;
    struct json_value value;
    struct slice name;
    int count = 0;
    json_read_init(&read, slice_str("{\"a\":[1,[2],{}],\"b\":null}"), &arena);
    cr_assert_eq(json_read_open(&read, '{'), OK);
    cr_assert(json_read_member(&read, &name) && slice_eq(name, slice_str("a")));
    cr_assert_eq(json_read_peek(&read), JSON_ARRAY);
    cr_assert_eq(json_read_open(&read, '['), OK);
    while (json_read_element(&read)) {
        cr_assert_eq(json_read_value(&read, &value), OK);
        count++;
    }
    cr_assert_eq(count, 3);
    cr_assert(json_read_member(&read, &name) && slice_eq(name, slice_str("b")));
    cr_assert_eq(json_read_value(&read, &value), OK);
    cr_assert_eq(value.kind, JSON_NULL);
    cr_assert(!json_read_member(&read, &name));
    cr_assert_eq(json_read_end(&read), OK);
}
