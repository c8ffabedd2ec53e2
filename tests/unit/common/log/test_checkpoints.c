#include <criterion/criterion.h>

#include "common/base/prng.h"
#include "common/log/offset_checkpoint.h"
#include "common/log/text.h"

static uint8_t block_bytes[8 << 20] __attribute__((aligned(16)));

struct ground {
    struct memory_block block;
    struct memory_source source;
    struct heap heap;
    struct arena arena;
};

static void ground_init(struct ground *g)
{
    g->block = (struct memory_block){block_bytes, sizeof(block_bytes), 0};
    g->source = memory_block_source(&g->block);
    heap_init(&g->heap, &g->source, sizeof(block_bytes));
    arena_init(&g->arena, &g->source, 4096, sizeof(block_bytes));
}

Test(text, numbers_are_whole_and_bounded)
{
    static const struct {
        const char *text;
        err_t err;
        int64_t value;
    } rows[] = {
        {"0", OK, 0},
        {"-1", OK, -1},
        {"+7", OK, 7},
        {"9223372036854775807", OK, INT64_MAX},
        {"-9223372036854775808", OK, INT64_MIN},
        {"9223372036854775808", ERR_MALFORMED, 0},
        {"-9223372036854775809", ERR_MALFORMED, 0},
        {"99999999999999999999999", ERR_MALFORMED, 0},
        {"", ERR_MALFORMED, 0},
        {"-", ERR_MALFORMED, 0},
        {"1x", ERR_MALFORMED, 0},
        {" 1", ERR_MALFORMED, 0},
        {"0x10", ERR_MALFORMED, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t value = 0;
        err_t err = text_number(slice_str(rows[i].text), INT64_MIN, INT64_MAX, &value);
        cr_assert_eq(err, rows[i].err, "row %zu", i);
        cr_assert_eq(value, rows[i].value, "row %zu", i);
    }
    int64_t value = 5;
    cr_assert_eq(text_number(slice_str("11"), 0, 10, &value), ERR_MALFORMED);
    cr_assert_eq(value, 5);
}

Test(offset_checkpoint, is_written_as_kafka_writes_it)
{
    struct ground g;
    ground_init(&g);
    const struct offset_line lines[] = {
        {slice_str("orders"), 0, 17},
        {slice_str("__consumer_offsets"), 49, 0},
        {slice_str("orders"), 2, INT64_MAX},
    };
    struct buf buf;
    buf_init(&buf, &g.heap, 1 << 20);
    offset_checkpoint_encode(&buf, lines, 3);
    const char *want = "0\n3\norders 0 17\n__consumer_offsets 49 0\norders 2 9223372036854775807\n";
    cr_assert(slice_eq(buf_slice(&buf), slice_str(want)));
    struct offset_line *got = NULL;
    size_t count = 0;
    cr_assert_eq(offset_checkpoint_decode(buf_slice(&buf), &g.arena, &got, &count), OK);
    cr_assert_eq(count, 3);
    for (size_t i = 0; i < count; i++) {
        cr_assert(slice_eq(got[i].topic, lines[i].topic));
        cr_assert_eq(got[i].partition, lines[i].partition);
        cr_assert_eq(got[i].offset, lines[i].offset);
    }
}

Test(offset_checkpoint, refuses_what_is_no_checkpoint)
{
    struct ground g;
    ground_init(&g);
    static const struct {
        const char *text;
        err_t err;
    } rows[] = {
        {"", ERR_MALFORMED},
        {"0", ERR_MALFORMED},
        {"1\n0\n", ERR_VERSION},
        {"x\n0\n", ERR_MALFORMED},
        {"0\n0\n", OK},
        {"0\n-1\n", ERR_MALFORMED},
        {"0\n2000000000\na 0 1\n", ERR_MALFORMED},
        {"0\n1\na 0 1", OK},
        {"0\n1\na 0 1\r\n", OK},
        {"0\n1\na 0 1\nb 0 1\n", ERR_MALFORMED},
        {"0\n2\na 0 1\n", ERR_MALFORMED},
        {"0\n1\na 0\n", ERR_MALFORMED},
        {"0\n1\na 0 1 2\n", ERR_MALFORMED},
        {"0\n1\na -1 1\n", ERR_MALFORMED},
        {"0\n1\na 0 -1\n", ERR_MALFORMED},
        {"0\n1\na 2147483648 1\n", ERR_MALFORMED},
        {"0\n1\n\n", ERR_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct offset_line *got = NULL;
        size_t count = 0;
        err_t err = offset_checkpoint_decode(slice_str(rows[i].text), &g.arena, &got, &count);
        cr_assert_eq(err, rows[i].err, "row %zu: %s", i, err_text(err));
    }
}
