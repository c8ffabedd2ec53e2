/* Frames of lz4 and zstd beside the ordinary ones, made by the libraries themselves. */
#include <criterion/criterion.h>
#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include "common/codec/codec.h"
#include "common/codec/xxh32.h"
#include "tests/unit/common/counted_heap.h"

static struct counted_heap heap;
static struct decoder decoder;
static struct buf plain;
static uint8_t text[200000];
static uint8_t packed[300000];

static void begin(void)
{
    counted_init(&heap, SIZE_MAX);
    decoder_init(&decoder, &heap.heap);
    buf_init(&plain, &heap.heap, SIZE_MAX / 4);
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (uint8_t)("odradek "[i % 8] + i / 1000);
    }
}

static void end(void)
{
    decoder_release(&decoder);
    buf_release(&plain);
    cr_assert_eq(counted_release(&heap), 0);
}

TestSuite(frames, .init = begin, .fini = end);

static err_t unpack(enum compression codec, size_t n)
{
    buf_clear(&plain);
    return decoder_all(&decoder, codec, slice_of(packed, n), &plain);
}

static bool is_text(size_t n)
{
    return plain.n == n && memcmp(plain.p, text, n) == 0;
}

Test(frames, xxh32_known_values)
{
    cr_assert_eq(xxh32("", 0), 0x02CC5D05u);
    cr_assert_eq(xxh32("abc", 3), 0x32D153FFu);
    const char *spam = "Nobody inspects the spammish repetition";
    cr_assert_eq(xxh32(spam, strlen(spam)), 0xE2293B2Fu);
    for (size_t cut = 0; cut <= 100; cut++) {
        struct xxh32 h;
        xxh32_init(&h);
        xxh32_add(&h, text, cut);
        xxh32_add(&h, text + cut, 0);
        xxh32_add(&h, text + cut, 100 - cut);
        cr_assert_eq(xxh32_value(&h), xxh32(text, 100), "cut %zu", cut);
    }
}

static size_t lz4_frame(LZ4F_blockSizeID_t size, LZ4F_blockMode_t mode, bool block_sum, bool sum,
                        bool length)
{
    LZ4F_preferences_t p = {.frameInfo = {.blockSizeID = size,
                                          .blockMode = mode,
                                          .blockChecksumFlag = block_sum,
                                          .contentChecksumFlag = sum,
                                          .contentSize = length ? sizeof(text) : 0}};
    size_t n = LZ4F_compressFrame(packed, sizeof(packed), text, sizeof(text), &p);
    cr_assert_not(LZ4F_isError(n));
    return n;
}

Test(frames, lz4_with_every_flag)
{
    for (unsigned size = LZ4F_max64KB; size <= LZ4F_max4MB; size++) {
        for (unsigned flags = 0; flags < 8; flags++) {
            size_t n = lz4_frame((LZ4F_blockSizeID_t)size, LZ4F_blockIndependent, (flags & 1) != 0,
                                 (flags & 2) != 0, (flags & 4) != 0);
            cr_assert_eq(unpack(COMPRESSION_LZ4, n), OK, "size %u flags %u: %s", size, flags,
                         decoder_reason(&decoder));
            cr_assert(is_text(sizeof(text)));
        }
    }
}

Test(frames, lz4_checksums_are_checked)
{
    size_t n = lz4_frame(LZ4F_max64KB, LZ4F_blockIndependent, false, true, false);
    packed[n - 1] ^= 1;
    cr_assert_eq(unpack(COMPRESSION_LZ4, n), ERR_CORRUPT);
    cr_assert_str_eq(decoder_reason(&decoder), "the lz4 frame's content checksum is wrong");
    n = lz4_frame(LZ4F_max64KB, LZ4F_blockIndependent, true, false, false);
    packed[n - 5] ^= 1;
    cr_assert_eq(unpack(COMPRESSION_LZ4, n), ERR_CORRUPT);
    cr_assert_str_eq(decoder_reason(&decoder), "an lz4 block's checksum is wrong");
    n = lz4_frame(LZ4F_max64KB, LZ4F_blockIndependent, false, false, false);
    packed[6] ^= 1;
    cr_assert_eq(unpack(COMPRESSION_LZ4, n), ERR_CORRUPT);
    cr_assert_str_eq(decoder_reason(&decoder), "the lz4 frame's header checksum is wrong");
    n = lz4_frame(LZ4F_max64KB, LZ4F_blockIndependent, false, false, true);
    packed[6] ^= 1; /* the content size, with a header checksum that fits it */
    packed[14] = (uint8_t)(xxh32(packed + 4, 10) >> 8);
    cr_assert_eq(unpack(COMPRESSION_LZ4, n), ERR_MALFORMED);
    cr_assert_str_eq(decoder_reason(&decoder), "the lz4 frame does not have the size that it says");
}

static void lz4_header(uint8_t flags, uint8_t bd)
{
    packed[4] = flags;
    packed[5] = bd;
    packed[6] = (uint8_t)(xxh32(packed + 4, 2) >> 8);
}

Test(frames, lz4_that_java_does_not_read)
{
    size_t n = lz4_frame(LZ4F_max64KB, LZ4F_blockLinked, false, false, false);
    cr_assert_eq(unpack(COMPRESSION_LZ4, n), ERR_UNSUPPORTED);
    cr_assert_str_eq(decoder_reason(&decoder),
                     "the lz4 frame has linked blocks, which Java consumers do not read");
    n = lz4_frame(LZ4F_max64KB, LZ4F_blockIndependent, false, false, false);
    cr_assert_eq(packed[4], 0x60);
    cr_assert_eq(packed[5], 0x40);
    static const struct {
        uint8_t flags;
        uint8_t bd;
        err_t err;
    } cases[] = {
        {0x60, 0x40, OK},
        {0x61, 0x40, ERR_UNSUPPORTED}, /* dictionary */
        {0x62, 0x40, ERR_MALFORMED},   /* reserved */
        {0x20, 0x40, ERR_MALFORMED},   /* version 0 */
        {0xE0, 0x40, ERR_MALFORMED},   /* version 3 */
        {0x60, 0x30, ERR_MALFORMED},   /* block size 3 */
        {0x60, 0x41, ERR_MALFORMED},   /* reserved */
        {0x60, 0xC0, ERR_MALFORMED},   /* reserved */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        lz4_header(cases[i].flags, cases[i].bd);
        cr_assert_eq(unpack(COMPRESSION_LZ4, n), cases[i].err, "case %zu", i);
    }
    lz4_header(0x60, 0x40);
    packed[0] = 0x02; /* the frames before 1.0 */
    packed[1] = 0x21;
    packed[2] = 0x4C;
    cr_assert_eq(unpack(COMPRESSION_LZ4, n), ERR_MALFORMED);
}

Test(frames, lz4_blocks_of_no_length)
{
    static const uint8_t frame[] = {0x04, 0x22, 0x4D, 0x18, 0x60, 0x40, 0x82, 0,
                                    0,    0,    0x80, 0,    0,    0,    0};
    memcpy(packed, frame, sizeof(frame));
    cr_assert_eq(unpack(COMPRESSION_LZ4, sizeof(frame)), ERR_MALFORMED,
                 "Java takes it for the end, lz4 does not");
    static const uint8_t empty[] = {0x04, 0x22, 0x4D, 0x18, 0x60, 0x40, 0x82, 1,
                                    0,    0,    0,    0x00, 0,    0,    0,    0};
    memcpy(packed, empty, sizeof(empty));
    cr_assert_eq(unpack(COMPRESSION_LZ4, sizeof(empty)), ERR_MALFORMED,
                 "a block that gives nothing");
    memcpy(packed, frame, sizeof(frame));
    packed[7] = 1; /* a stored block longer than blocks may be */
    packed[9] = 1;
    cr_assert_eq(unpack(COMPRESSION_LZ4, sizeof(frame)), ERR_MALFORMED);
}

Test(frames, zstd_with_checksum_and_size)
{
    ZSTD_CCtx *c = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    size_t n = ZSTD_compress2(c, packed, sizeof(packed), text, sizeof(text));
    cr_assert_not(ZSTD_isError(n));
    cr_assert_eq(unpack(COMPRESSION_ZSTD, n), OK);
    cr_assert(is_text(sizeof(text)));
    packed[n - 1] ^= 1;
    cr_assert_eq(unpack(COMPRESSION_ZSTD, n), ERR_CORRUPT, "%s", decoder_reason(&decoder));
    ZSTD_freeCCtx(c);
}

Test(frames, zstd_that_is_no_batch)
{
    static const uint8_t skippable[] = {0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 0};
    memcpy(packed, skippable, sizeof(skippable));
    cr_assert_eq(unpack(COMPRESSION_ZSTD, sizeof(skippable)), ERR_MALFORMED);
    /* A frame that names dictionary 77 in its header: magic, descriptor with a one-byte id, window, id, empty last block. */
    static const uint8_t with_dictionary[] = {0x28, 0xB5, 0x2F, 0xFD, 0x01,
                                              0x40, 77,   0x01, 0x00, 0x00};
    memcpy(packed, with_dictionary, sizeof(with_dictionary));
    cr_assert_eq(unpack(COMPRESSION_ZSTD, sizeof(with_dictionary)), ERR_UNSUPPORTED, "%s",
                 decoder_reason(&decoder));
    /* A window of 2^30 bytes. */
    static const uint8_t huge[] = {0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA0, 0x01, 0x00, 0x00};
    memcpy(packed, huge, sizeof(huge));
    cr_assert_eq(unpack(COMPRESSION_ZSTD, sizeof(huge)), ERR_TOO_LARGE, "%s",
                 decoder_reason(&decoder));
}

/* A window of 128 MiB, as the highest level announces: taken, given back, and not made resident. */
Test(frames, zstd_windows_of_the_highest_level)
{
    static const uint8_t frame[] = {0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x88,
                                    0x19, 0x00, 0x00, 'a',  'b',  'c'};
    memcpy(packed, frame, sizeof(frame));
    cr_assert_eq(unpack(COMPRESSION_ZSTD, sizeof(frame)), OK, "%s", decoder_reason(&decoder));
    cr_assert(slice_eq(buf_slice(&plain), slice_str("abc")));
    cr_assert_gt(heap.most, 128u << 20, "the window was taken: %zu", heap.most);
    cr_assert_lt(heap.heap.live, 1u << 20, "and given back");
    packed[9] = 'x';
    packed[6] = 0x1F; /* a block of the reserved type */
    cr_assert_neq(unpack(COMPRESSION_ZSTD, sizeof(frame)), OK);
    cr_assert_lt(heap.heap.live, 1u << 20, "also after an error");
}

Test(frames, gzip_header_fields_and_members)
{
    z_stream z = {0};
    gz_header head = {.name = (Bytef *)"spool", .comment = (Bytef *)"thread", .hcrc = 1, .time = 5};
    cr_assert_eq(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, 0), Z_OK);
    cr_assert_eq(deflateSetHeader(&z, &head), Z_OK);
    z.next_in = text;
    z.avail_in = sizeof(text);
    z.next_out = packed;
    z.avail_out = sizeof(packed);
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = z.total_out;
    deflateEnd(&z);
    cr_assert_eq(unpack(COMPRESSION_GZIP, n), OK);
    cr_assert(is_text(sizeof(text)));
    memcpy(packed + n, packed, n);
    cr_assert_eq(unpack(COMPRESSION_GZIP, 2 * n), ERR_MALFORMED);
    packed[n - 1] ^= 1;
    cr_assert_eq(unpack(COMPRESSION_GZIP, n), ERR_MALFORMED);
    uLongf room = sizeof(packed);
    cr_assert_eq(compress(packed, &room, text, sizeof(text)), Z_OK);
    cr_assert_eq(unpack(COMPRESSION_GZIP, room), ERR_MALFORMED, "a zlib wrapper is no gzip");
}
