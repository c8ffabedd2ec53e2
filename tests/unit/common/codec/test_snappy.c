#include <criterion/criterion.h>

#include "common/base/bytes.h"
#include "common/base/prng.h"
#include "common/codec/codec.h"
#include "common/codec/snappy_block.h"
#include "tests/unit/common/counted_heap.h"

static struct counted_heap heap;
static struct decoder decoder;
static struct buf plain;
static struct buf block;

static void begin(void)
{
    counted_init(&heap, SIZE_MAX);
    decoder_init(&decoder, &heap.heap);
    buf_init(&plain, &heap.heap, SIZE_MAX / 4);
    buf_init(&block, &heap.heap, SIZE_MAX / 4);
}

static void end(void)
{
    decoder_release(&decoder);
    buf_release(&plain);
    buf_release(&block);
    cr_assert_eq(counted_release(&heap), 0);
}

TestSuite(snappy, .init = begin, .fini = end);

static err_t unpack(struct slice bytes)
{
    buf_clear(&plain);
    return decoder_all(&decoder, COMPRESSION_SNAPPY, bytes, &plain);
}

/* After the published format; plain NULL: refused. */
static const struct {
    const char *bytes;
    size_t n;
    const char *plain; /* NULL: refused */
    const char *reason;
} blocks[] = {
    {"\x00", 1, "", NULL},
    {"\x03\x08"
     "abc",
     5, "abc", NULL},
    {"\x03\xF0\x02"
     "abc",
     6, "abc", NULL},
    {"\x03\xF4\x02\x00"
     "abc",
     7, "abc", NULL},
    {"\x03\xF8\x02\x00\x00"
     "abc",
     8, "abc", NULL},
    {"\x03\xFC\x02\x00\x00\x00"
     "abc",
     9, "abc", NULL},
    {"\x07\x08"
     "abc\x01\x03",
     7, "abcabca", NULL}, /* one-byte copy: 4 of 3 back */
    {"\x0A\x04"
     "ab\x1E\x02\x00",
     7, "ababababab", NULL}, /* two-byte copy: 8 of 2 back */
    {"\x05\x00"
     "a\x0F\x01\x00\x00\x00",
     8, "aaaaa", NULL}, /* four-byte copy: 4 of 1 back */
    {"", 0, NULL, "the snappy block is cut off"},
    {"\x80", 1, NULL, "the snappy block is cut off"},
    {"\x80\x80\x80\x80\x80\x01", 6, NULL, "the snappy block claims an impossible length"},
    {"\xFF\xFF\xFF\xFF\x0F\x00"
     "a",
     7, NULL, "the snappy block claims an impossible length"},
    {"\x03\x08"
     "ab",
     4, NULL, "the snappy block is cut off"},
    {"\x03", 1, NULL, "the snappy block is cut off"},
    {"\x02\x08"
     "abc",
     5, NULL, "the snappy block is longer than it says"},
    {"\x04\x08"
     "abc",
     5, NULL, "the snappy block is cut off"},
    {"\x03\x08"
     "abc\x00",
     6, NULL, "bytes stand behind the snappy block"},
    {"\x07\x08"
     "abc\x01\x04",
     7, NULL, "a snappy copy reaches before its block"},
    {"\x07\x08"
     "abc\x01\x00",
     7, NULL, "a snappy copy reaches before its block"},
    {"\x04\x01\x01", 3, NULL, "a snappy copy reaches before its block"},
    {"\x06\x08"
     "abc\x01\x03",
     7, NULL, "the snappy block is longer than it says"},
    {"\x07\x08"
     "abc\x01",
     6, NULL, "the snappy block is cut off"},
    {"\x07\x08"
     "abc\x02\x03",
     7, NULL, "the snappy block is cut off"},
    {"\x07\x08"
     "abc\x03\x03\x00\x00",
     9, NULL, "the snappy block is cut off"},
    {"\x07\xFC\xFF\xFF\xFF\xFF"
     "abc",
     9, NULL, "a snappy literal has an impossible length"},
    {"\x07\xFC\xFF\xFF\xFF", 5, NULL, "the snappy block is cut off"},
};

Test(snappy, blocks_by_hand)
{
    for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
        uint8_t *copy = malloc(blocks[i].n + 1);
        memcpy(copy, blocks[i].bytes, blocks[i].n);
        err_t err = unpack(slice_of(copy, blocks[i].n));
        free(copy);
        if (blocks[i].plain != NULL) {
            cr_assert_eq(err, OK, "case %zu: %s", i, decoder_reason(&decoder));
            cr_assert(slice_eq(buf_slice(&plain), slice_str(blocks[i].plain)), "case %zu", i);
        } else {
            cr_assert_neq(err, OK, "case %zu", i);
            cr_assert_str_eq(decoder_reason(&decoder), blocks[i].reason, "case %zu", i);
        }
    }
}

static const struct {
    const char *bytes;
    size_t n;
    const char *plain;
    const char *reason;
} streams[] = {
    {"", 0, "", NULL},
    {"\0\0\0\5\3\x08"
     "abc",
     9, "abc", NULL},
    {"\0\0\0\5\3\x08"
     "abc\0\0\0\5\3\x08"
     "def",
     18, "abcdef", NULL},
    {"\0\0\0\1\0\0\0\0\5\3\x08"
     "abc",
     14, "abc", NULL}, /* an empty block between */
    {"\0\0\0\0", 4, NULL, "a snappy block has an impossible length"},
    {"\xFF\xFF\xFF\xFF", 4, NULL, "a snappy block has an impossible length"},
    {"\0\0\0", 3, NULL, "the snappy stream is cut off"},
    {"\0\0\0\6\3\x08"
     "abc",
     9, NULL, "the snappy stream is cut off"},
    {"\0\0\0\4\3\x08"
     "ab",
     8, NULL, "the snappy block is cut off"},
    {"\0\0\0\5\3\x08"
     "abc\0\0\0\7\7\x08"
     "def\1\6",
     20, NULL, "a snappy copy reaches before its block"}, /* blocks do not see each other */
};

Test(snappy, streams_by_hand)
{
    static const char head[] = "\x82SNAPPY\0\0\0\0\1\0\0\0\1";
    uint8_t bytes[64];
    memcpy(bytes, head, 16);
    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        memcpy(bytes + 16, streams[i].bytes, streams[i].n);
        err_t err = unpack(slice_of(bytes, 16 + streams[i].n));
        if (streams[i].plain != NULL) {
            cr_assert_eq(err, OK, "case %zu: %s", i, decoder_reason(&decoder));
            cr_assert(slice_eq(buf_slice(&plain), slice_str(streams[i].plain)), "case %zu", i);
        } else {
            cr_assert_neq(err, OK, "case %zu", i);
            cr_assert_str_eq(decoder_reason(&decoder), streams[i].reason, "case %zu", i);
        }
    }
    for (size_t n = 8; n < 16; n++) {
        cr_assert_eq(unpack(slice_of(head, n)), ERR_TRUNCATED);
    }
    bytes[11] = 0; /* version 0 */
    cr_assert_eq(unpack(slice_of(bytes, 16)), ERR_MALFORMED);
}

static void put_length(uint64_t n)
{
    do {
        uint8_t byte = (uint8_t)(n < 0x80 ? n : n | 0x80);
        buf_put(&block, &byte, 1);
        n >>= 7;
    } while (n > 0);
}

/* A literal of noise. */
static void put_literal(const uint8_t *p, size_t n)
{
    uint8_t head[5] = {63 << 2};
    store_le32(head + 1, (uint32_t)(n - 1));
    buf_put(&block, head, 5);
    buf_put(&block, p, n);
}

static void put_copy(size_t offset, size_t n)
{
    uint8_t copy[5] = {(uint8_t)((n - 1) << 2 | 3)};
    store_le32(copy + 1, (uint32_t)offset);
    buf_put(&block, copy, 5);
}

/* 20 MB in one block, with copies from up to 4 MiB back (as Go's encoder writes them): through a window that slides. */
Test(snappy, far_copies_in_a_sliding_window)
{
    struct prng prng;
    prng_init(&prng, 5);
    const size_t n = 20000000;
    uint8_t *want = malloc(n);
    uint8_t *noise = malloc(9000000);
    for (size_t i = 0; i < 9000000; i++) {
        noise[i] = (uint8_t)prng_u64(&prng);
    }
    put_length(n);
    size_t at = 0;
    while (at < n) {
        size_t left = n - at;
        if (at == 0 || prng_chance(&prng, 50)) {
            size_t most = at == 0 ? 9000000 : 20000;
            size_t length = 1 + prng_below(&prng, most < left ? most : left);
            put_literal(noise, length);
            memcpy(want + at, noise, length);
            at += length;
        } else {
            size_t length = 1 + prng_below(&prng, left < 64 ? left : 64);
            size_t reach = at < SNAPPY_WINDOW_BYTES ? at : SNAPPY_WINDOW_BYTES;
            size_t offset = prng_chance(&prng, 500) ? 1 + prng_below(&prng, reach < 40 ? reach : 40)
                                                    : 1 + prng_below(&prng, reach);
            put_copy(offset, length);
            for (size_t i = 0; i < length; i++, at++) {
                want[at] = want[at - offset];
            }
        }
    }
    cr_assert_eq(unpack(buf_slice(&block)), OK, "%s", decoder_reason(&decoder));
    cr_assert_eq(plain.n, n);
    cr_assert(memcmp(plain.p, want, n) == 0);
    free(want);
    free(noise);
}

Test(snappy, beyond_the_window_is_refused)
{
    const size_t big = 9000000;
    uint8_t *noise = calloc(big, 1);
    put_length(big + 4);
    put_literal(noise, big);
    put_copy(big - 1, 4);
    cr_assert_eq(unpack(buf_slice(&block)), ERR_TOO_LARGE, "%s", decoder_reason(&decoder));
    buf_clear(&block);
    put_length(big + 4);
    put_literal(noise, big);
    put_copy(big + 1, 4);
    cr_assert_eq(unpack(buf_slice(&block)), ERR_MALFORMED, "%s", decoder_reason(&decoder));
    free(noise);
}

Test(snappy, fragments_survive_the_round_trip)
{
    static uint16_t table[1 << SNAPPY_HASH_BITS];
    static uint8_t bytes[SNAPPY_FRAGMENT_BYTES];
    static uint8_t out[SNAPPY_FRAGMENT_BYTES * 2];
    struct prng prng;
    prng_init(&prng, 6);
    for (int round = 0; round < 3000; round++) {
        size_t n = 1 + prng_below(&prng, round % 10 == 0 ? SNAPPY_FRAGMENT_BYTES : 300);
        unsigned alphabet = 1 + (unsigned)prng_below(&prng, 30);
        for (size_t i = 0; i < n; i++) {
            bytes[i] = (uint8_t)prng_below(&prng, alphabet);
        }
        size_t size = snappy_fragment_write(bytes, n, out, table);
        cr_assert_leq(size, snappy_fragment_max(n));
        cr_assert_eq(unpack(slice_of(out, size)), OK, "%s", decoder_reason(&decoder));
        cr_assert(slice_eq(buf_slice(&plain), slice_of(bytes, n)), "round %d", round);
    }
}
