#include <criterion/criterion.h>
#include <time.h>

#include "common/base/limits.h"
#include "common/base/prng.h"
#include "common/codec/codec.h"
#include "tests/unit/common/counted_heap.h"

#define EACH_CODEC(codec)                                                  \
    (enum compression codec = COMPRESSION_NONE; codec < COMPRESSION_COUNT; \
     codec = (enum compression)(codec + 1))
#define EACH_REAL_CODEC(codec)                                             \
    (enum compression codec = COMPRESSION_GZIP; codec < COMPRESSION_COUNT; \
     codec = (enum compression)(codec + 1))

static struct counted_heap heap;
static struct encoder encoder;
static struct decoder decoder;
static struct buf packed;
static struct buf plain;

static void begin(void)
{
    counted_init(&heap, SIZE_MAX);
    encoder_init(&encoder, &heap.heap);
    decoder_init(&decoder, &heap.heap);
    buf_init(&packed, &heap.heap, SIZE_MAX / 4);
    buf_init(&plain, &heap.heap, SIZE_MAX / 4);
}

static void end(void)
{
    encoder_release(&encoder);
    decoder_release(&decoder);
    buf_release(&packed);
    buf_release(&plain);
    cr_assert_eq(heap.heap.live, 0, "every piece came back");
    cr_assert_eq(counted_release(&heap), 0);
}

TestSuite(codec, .init = begin, .fini = end);

static void pack(enum compression codec, struct slice bytes, size_t step, int32_t level)
{
    buf_clear(&packed);
    cr_assert_eq(encoder_open(&encoder, codec, level, &packed), OK);
    while (bytes.n > 0) {
        size_t n = step < bytes.n ? step : bytes.n;
        cr_assert_eq(encoder_push(&encoder, slice_of(bytes.p, n)), OK);
        bytes = slice_of(bytes.p + n, bytes.n - n);
    }
    cr_assert_eq(encoder_finish(&encoder), OK);
}

static err_t unpack(enum compression codec, struct slice bytes)
{
    buf_clear(&plain);
    /* A copy of its own size, so that the address sanitizer sees a read beyond it. */
    uint8_t *copy = malloc(bytes.n == 0 ? 1 : bytes.n);
    memcpy(copy, bytes.n == 0 ? (const uint8_t *)"" : bytes.p, bytes.n);
    err_t err = decoder_all(&decoder, codec, slice_of(copy, bytes.n), &plain);
    free(copy);
    return err;
}

/* Bytes between pure noise (0) and a constant (9). */
static void fill(uint8_t *p, size_t n, unsigned order, uint64_t seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    for (size_t i = 0; i < n; i++) {
        bool repeat = i >= 40 && prng_below(&prng, 10) < order;
        p[i] = repeat ? p[i - 1 - prng_below(&prng, 4) * 13] : (uint8_t)prng_u64(&prng);
    }
}

Test(codec, round_trips)
{
    static uint8_t bytes[300000];
    static const size_t sizes[] = {0,     1,     2,     3,     15,    16,    100,    4095,
                                   32767, 32768, 32769, 65535, 65536, 65537, 131072, 300000};
    for (unsigned order = 0; order < 10; order += 3) {
        fill(bytes, sizeof(bytes), order, order);
        for
            EACH_CODEC(codec)
            {
                for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
                    struct slice whole = slice_of(bytes, sizes[i]);
                    pack(codec, whole, i % 2 == 0 ? SIZE_MAX : 777, CODEC_LEVEL_DEFAULT);
                    cr_assert_eq(unpack(codec, buf_slice(&packed)), OK, "%s, %zu bytes: %s",
                                 compression_name(codec), sizes[i], decoder_reason(&decoder));
                    cr_assert(slice_eq(buf_slice(&plain), whole), "%s, %zu bytes",
                              compression_name(codec), sizes[i]);
                    cr_assert_leq(packed.n, sizes[i] + sizes[i] / 50 + 100);
                    cr_assert(codec == COMPRESSION_NONE || order < 9 || sizes[i] < 65535 ||
                              packed.n < sizes[i] / 10 * 9);
                }
            }
    }
}

Test(codec, levels)
{
    static const struct {
        enum compression codec;
        int32_t level;
        err_t err;
    } cases[] = {
        {COMPRESSION_GZIP, 1, OK},
        {COMPRESSION_GZIP, 9, OK},
        {COMPRESSION_GZIP, -1, OK},
        {COMPRESSION_GZIP, 0, ERR_INVALID},
        {COMPRESSION_GZIP, 10, ERR_INVALID},
        {COMPRESSION_LZ4, 1, OK},
        {COMPRESSION_LZ4, 9, OK},
        {COMPRESSION_LZ4, 17, OK},
        {COMPRESSION_LZ4, 0, ERR_INVALID},
        {COMPRESSION_LZ4, 18, ERR_INVALID},
        {COMPRESSION_ZSTD, -131072, OK},
        {COMPRESSION_ZSTD, 1, OK},
        {COMPRESSION_ZSTD, 19, OK},
        {COMPRESSION_ZSTD, 22, OK},
        {COMPRESSION_ZSTD, 23, ERR_INVALID},
        {COMPRESSION_SNAPPY, 1, ERR_INVALID},
    };
    static uint8_t bytes[100000];
    fill(bytes, sizeof(bytes), 6, 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (cases[i].err != OK) {
            cr_assert_eq(encoder_open(&encoder, cases[i].codec, cases[i].level, &packed),
                         cases[i].err);
            continue;
        }
        pack(cases[i].codec, slice_of(bytes, sizeof(bytes)), 10000, cases[i].level);
        cr_assert_eq(unpack(cases[i].codec, buf_slice(&packed)), OK, "case %zu: %s", i,
                     decoder_reason(&decoder));
        cr_assert(slice_eq(buf_slice(&plain), slice_of(bytes, sizeof(bytes))));
    }
}

Test(codec, every_truncation_and_every_byte_behind_is_an_error)
{
    static uint8_t bytes[70000];
    fill(bytes, sizeof(bytes), 9, 2);
    for
        EACH_REAL_CODEC(codec)
        {
            pack(codec, slice_of(bytes, sizeof(bytes)), SIZE_MAX, CODEC_LEVEL_DEFAULT);
            size_t step = packed.n > 4000 ? 17 : 1;
            for (size_t n = 0; n < packed.n; n += step) {
                err_t err = unpack(codec, slice_of(packed.p, n));
                /* The framing of snappy has no end mark: cut between blocks it is a shorter stream. */
                bool between = codec == COMPRESSION_SNAPPY && err == OK && plain.n < sizeof(bytes);
                cr_assert(err != OK || between, "%s at %zu", compression_name(codec), n);
                cr_assert(plain.n <= sizeof(bytes) &&
                              slice_eq(buf_slice(&plain), slice_of(bytes, plain.n)),
                          "what came out was right");
            }
            for (unsigned byte = 0; byte < 256; byte++) {
                uint8_t tail = (uint8_t)byte;
                size_t n = packed.n;
                buf_put(&packed, &tail, 1);
                cr_assert_neq(unpack(codec, buf_slice(&packed)), OK, "%s", compression_name(codec));
                packed.n = n;
            }
            struct slice once = buf_slice(&packed);
            uint8_t *twice = malloc(2 * once.n);
            memcpy(twice, once.p, once.n);
            memcpy(twice + once.n, once.p, once.n);
            cr_assert_neq(unpack(codec, slice_of(twice, 2 * once.n)), OK, "%s: two streams",
                          compression_name(codec));
            free(twice);
        }
}

Test(codec, flipped_bits_do_no_harm)
{
    static uint8_t bytes[6000];
    fill(bytes, sizeof(bytes), 8, 3);
    for
        EACH_REAL_CODEC(codec)
        {
            pack(codec, slice_of(bytes, sizeof(bytes)), SIZE_MAX, CODEC_LEVEL_DEFAULT);
            for (size_t bit = 0; bit < packed.n * 8; bit++) {
                packed.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
                err_t err = unpack(codec, buf_slice(&packed));
                cr_assert(err == OK || decoder_reason(&decoder) != NULL);
                cr_assert_leq(plain.n, BATCH_RATIO_FREE);
                packed.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
            }
            cr_assert_eq(unpack(codec, buf_slice(&packed)), OK, "the decoder is as good as new");
        }
}

Test(codec, noise_does_no_harm)
{
    uint8_t bytes[200];
    for
        EACH_REAL_CODEC(codec)
        {
            for (uint64_t seed = 0; seed < 3000; seed++) {
                fill(bytes, sizeof(bytes), seed % 8, seed);
                err_t err = unpack(codec, slice_of(bytes, seed % sizeof(bytes)));
                cr_assert(err != OK || plain.n <= BATCH_RATIO_FREE);
            }
        }
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A gigabyte of zeros: refused at the bound, in little memory and time. */
static void bomb(enum compression codec)
{
    static uint8_t zeros[1 << 20];
    buf_clear(&packed);
    cr_assert_eq(
        encoder_open(&encoder, codec, codec == COMPRESSION_GZIP ? 1 : CODEC_LEVEL_DEFAULT, &packed),
        OK);
    for (int i = 0; i < 1024; i++) {
        cr_assert_eq(encoder_push(&encoder, slice_of(zeros, sizeof(zeros))), OK);
    }
    cr_assert_eq(encoder_finish(&encoder), OK);
    encoder_release(&encoder);
    const size_t before = heap.heap.live;
    size_t most = 0;
    double start = seconds();
    struct slice piece;
    err_t err = OK;
    decoder_open(&decoder, codec, buf_slice(&packed));
    while (err == OK) {
        err = decoder_pull(&decoder, &piece);
        cr_assert(err != OK || piece.n > 0, "it never ends well");
        most = heap.heap.live - before > most ? heap.heap.live - before : most;
    }
    cr_assert_eq(err, ERR_TOO_LARGE, "%s: %s", compression_name(codec), decoder_reason(&decoder));
    cr_assert_leq(decoder.out_bytes, (uint64_t)BATCH_OUTPUT_MAX + (4 << 20));
    cr_assert_leq(most, 9 << 20, "%s took %zu bytes", compression_name(codec), most);
    cr_assert_lt(seconds() - start, 20.0, "%s", compression_name(codec));
    cr_log_info("%s: 1 GiB of zeros in %zu bytes, refused after %.3f s and %llu bytes, memory %zu",
                compression_name(codec), packed.n, seconds() - start,
                (unsigned long long)decoder.out_bytes, most);
}

Test(codec, bomb_gzip)
{
    bomb(COMPRESSION_GZIP);
}

Test(codec, bomb_snappy)
{
    bomb(COMPRESSION_SNAPPY);
}

Test(codec, bomb_lz4)
{
    bomb(COMPRESSION_LZ4);
}

Test(codec, bomb_zstd)
{
    bomb(COMPRESSION_ZSTD);
}

Test(codec, zeros_of_a_benchmark_are_no_bomb)
{
    static uint8_t zeros[8 << 20];
    for
        EACH_CODEC(codec)
        {
            pack(codec, slice_of(zeros, sizeof(zeros)), SIZE_MAX, CODEC_LEVEL_DEFAULT);
            cr_assert_eq(unpack(codec, buf_slice(&packed)), OK, "%s", compression_name(codec));
            cr_assert_eq(plain.n, sizeof(zeros));
        }
}

Test(codec, memory_that_runs_out_is_an_error_and_nothing_leaks)
{
    static uint8_t bytes[200000];
    fill(bytes, sizeof(bytes), 5, 4);
    for
        EACH_REAL_CODEC(codec)
        {
            pack(codec, slice_of(bytes, sizeof(bytes)), SIZE_MAX, CODEC_LEVEL_DEFAULT);
            bool succeeded = false;
            for (size_t takes = 0; !succeeded; takes++) {
                cr_assert_lt(takes, 100);
                struct counted_heap poor;
                counted_init(&poor, SIZE_MAX);
                poor.takes_left = takes;
                struct encoder e;
                struct decoder d;
                struct buf out;
                struct slice piece;
                encoder_init(&e, &poor.heap);
                decoder_init(&d, &poor.heap);
                buf_init(&out, &poor.heap, SIZE_MAX / 4);
                err_t err = OK;
                decoder_open(&d, codec, buf_slice(&packed));
                do {
                    err = err == OK ? decoder_pull(&d, &piece) : err;
                } while (err == OK && piece.n > 0);
                err = err == OK ? encoder_open(&e, codec, CODEC_LEVEL_DEFAULT, &out) : err;
                err = err == OK ? encoder_push(&e, slice_of(bytes, sizeof(bytes))) : err;
                err = err == OK ? encoder_finish(&e) : err;
                cr_assert(err == OK || err == ERR_NO_MEMORY, "%s: %s", compression_name(codec),
                          err_text(err));
                succeeded = err == OK;
                encoder_release(&e);
                decoder_release(&d);
                buf_release(&out);
                cr_assert_eq(poor.heap.live, 0);
                cr_assert_eq(counted_release(&poor), 0);
            }
        }
}

Test(codec, working_memory_is_kept_and_does_not_grow)
{
    static uint8_t bytes[100000];
    fill(bytes, sizeof(bytes), 5, 5);
    size_t live = 0;
    for (int round = 0; round < 50; round++) {
        for
            EACH_CODEC(codec)
            {
                pack(codec, slice_of(bytes, sizeof(bytes)), SIZE_MAX, CODEC_LEVEL_DEFAULT);
                cr_assert_eq(unpack(codec, buf_slice(&packed)), OK);
            }
        cr_assert(round < 2 || heap.heap.live == live, "round %d: %zu, not %zu", round,
                  heap.heap.live, live);
        live = heap.heap.live;
    }
}

Test(codec, a_stream_may_be_left_in_the_middle)
{
    static uint8_t bytes[300000];
    fill(bytes, sizeof(bytes), 5, 6);
    for
        EACH_CODEC(codec)
        {
            pack(codec, slice_of(bytes, sizeof(bytes)), SIZE_MAX, CODEC_LEVEL_DEFAULT);
            struct slice piece;
            decoder_open(&decoder, codec, buf_slice(&packed));
            cr_assert_eq(decoder_pull(&decoder, &piece), OK);
            cr_assert_eq(unpack(codec, buf_slice(&packed)), OK);
            cr_assert(slice_eq(buf_slice(&plain), slice_of(bytes, sizeof(bytes))));
            buf_clear(&plain);
            cr_assert_eq(encoder_open(&encoder, codec, CODEC_LEVEL_DEFAULT, &plain), OK);
            cr_assert_eq(encoder_push(&encoder, slice_of(bytes, 50000)), OK);
        }
}

Test(codec, what_does_not_fit_is_an_error)
{
    static uint8_t bytes[100000];
    fill(bytes, sizeof(bytes), 0, 7);
    struct buf small;
    buf_init(&small, &heap.heap, 5000);
    for
        EACH_CODEC(codec)
        {
            buf_clear(&small);
            err_t err = encoder_open(&encoder, codec, CODEC_LEVEL_DEFAULT, &small);
            err = err == OK ? encoder_push(&encoder, slice_of(bytes, sizeof(bytes))) : err;
            err = err == OK ? encoder_finish(&encoder) : err;
            cr_assert_eq(err, ERR_TOO_LARGE, "%s", compression_name(codec));
        }
    buf_release(&small);
}

Test(codec, the_end_stays_the_end_and_an_error_stays_an_error)
{
    struct slice piece;
    pack(COMPRESSION_LZ4, slice_str("abc"), SIZE_MAX, CODEC_LEVEL_DEFAULT);
    struct byte_source source = decoder_source(&decoder);
    decoder_open(&decoder, COMPRESSION_LZ4, buf_slice(&packed));
    cr_assert(source_pull(&source, &piece) == OK && slice_eq(piece, slice_str("abc")));
    cr_assert(source_pull(&source, &piece) == OK && piece.n == 0);
    cr_assert(source_pull(&source, &piece) == OK && piece.n == 0);
    decoder_open(&decoder, COMPRESSION_LZ4, slice_of(packed.p, 9));
    cr_assert_eq(source_pull(&source, &piece), ERR_TRUNCATED);
    cr_assert_eq(source_pull(&source, &piece), ERR_TRUNCATED);
    cr_assert_str_eq(source_reason(&source, ERR_TRUNCATED), "the lz4 frame is cut off");
    decoder_open(&decoder, (enum compression)7, buf_slice(&packed));
    cr_assert_eq(source_pull(&source, &piece), ERR_UNSUPPORTED);
}
