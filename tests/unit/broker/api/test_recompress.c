#include <criterion/criterion.h>
#include <stdio.h>

#include "broker/api/recompress.h"
#include "common/wire/record_batch_build.h"
#include "tests/lib/memory.h"

static struct test_memory memory;
static struct heap heap;
static struct decoder decoder;
static struct encoder encoder;
static struct buf batch;
static struct buf out;

static void make(size_t limit)
{
    test_memory_init(&memory);
    heap_init(&heap, &memory.source, SIZE_MAX);
    decoder_init(&decoder, &heap);
    encoder_init(&encoder, &heap);
    buf_init(&batch, &heap, SIZE_MAX);
    buf_init(&out, &heap, limit);
}

static void unmake(void)
{
    buf_release(&batch);
    buf_release(&out);
    encoder_release(&encoder);
    decoder_release(&decoder);
    heap_release(&heap);
    cr_assert_eq(memory.out, 0);
}

/* Forty records of an idempotent producer, in any compression. */
static struct batch_header batch_make(enum compression compression)
{
    struct batch_builder builder;
    struct batch_header header;
    struct batch_options options = batch_options_plain();
    options.producer_id = 7;
    options.producer_epoch = 3;
    options.base_sequence = 100;
    options.compression = compression;
    batch_begin(&builder, &options, &batch);
    struct byte_sink sink;
    if (compression != COMPRESSION_NONE) {
        cr_assert_eq(encoder_open(&encoder, compression, CODEC_LEVEL_DEFAULT, &batch), OK);
        sink = encoder_sink(&encoder);
        batch_set_sink(&builder, &sink);
    }
    for (int64_t i = 0; i < 40; i++) {
        static char value[400];
        (void)snprintf(value, sizeof(value), "%lld the same words again and again %lld",
                       (long long)i, (long long)(i * i));
        cr_assert_eq(batch_append(&builder, 1000 + i, slice_str("key"), slice_str(value)), OK);
    }
    if (compression != COMPRESSION_NONE) {
        cr_assert_eq(encoder_finish(&encoder), OK);
    }
    cr_assert_eq(batch_finish(&builder, crc32c_detect(), &header), OK);
    return header;
}

static void plain_of(struct slice bytes, struct buf *plain)
{
    struct batch_header header;
    cr_assert_eq(batch_check(crc32c_detect(), bytes, &header), OK);
    buf_init(plain, &heap, SIZE_MAX);
    cr_assert_eq(decoder_all(&decoder, batch_compression(&header),
                             slice_of(bytes.p + BATCH_HEADER_BYTES, bytes.n - BATCH_HEADER_BYTES),
                             plain),
                 OK);
}

static err_t rewrite(enum compression to)
{
    struct partition_settings settings;
    memset(&settings, 0, sizeof(settings));
    settings.recompress = true;
    settings.compression = to;
    settings.compression_level = CODEC_LEVEL_DEFAULT;
    return recompress(&settings, crc32c_detect(), &decoder, &encoder, buf_slice(&batch), &out);
}

Test(recompress, from_every_codec_to_every_other)
{
    for (int from = 0; from < COMPRESSION_COUNT; from++) {
        for (int to = 0; to < COMPRESSION_COUNT; to++) {
            struct batch_header is;
            struct buf before;
            struct buf after;
            if (from == to) {
                continue;
            }
            make(SIZE_MAX);
            struct batch_header was = batch_make((enum compression)from);
            cr_assert_eq(rewrite((enum compression)to), OK);
            cr_assert_eq(batch_parse(buf_slice(&out), &is), OK);
            cr_assert_eq(batch_compression(&is), (enum compression)to);
            cr_assert_eq(batch_bytes(&is), out.n);
            plain_of(buf_slice(&batch), &before);
            plain_of(buf_slice(&out), &after);
            cr_assert(slice_eq(buf_slice(&before), buf_slice(&after)), "%d to %d", from, to);
            cr_assert_eq(is.producer_id, was.producer_id);
            cr_assert_eq(is.producer_epoch, was.producer_epoch);
            cr_assert_eq(is.base_sequence, was.base_sequence);
            cr_assert_eq(is.base_timestamp, was.base_timestamp);
            cr_assert_eq(is.max_timestamp, was.max_timestamp);
            cr_assert_eq(is.records, was.records);
            cr_assert_eq(is.last_offset_delta, was.last_offset_delta);
            buf_release(&before);
            buf_release(&after);
            unmake();
        }
    }
}

Test(recompress, what_grows_beyond_the_limit_is_refused)
{
    make(1000);
    (void)batch_make(COMPRESSION_ZSTD);
    cr_assert_lt(batch.n, 1000);
    cr_assert_eq(rewrite(COMPRESSION_NONE), ERR_TOO_LARGE);
    cr_assert_eq(out.n, 0);
    unmake();
    make(SIZE_MAX); /* and the next batch is none the worse for it */
    (void)batch_make(COMPRESSION_ZSTD);
    cr_assert_eq(rewrite(COMPRESSION_GZIP), OK);
    unmake();
}

Test(recompress, wanted)
{
    struct partition_settings settings;
    memset(&settings, 0, sizeof(settings));
    cr_assert_not(recompress_wanted(&settings, COMPRESSION_ZSTD)); /* the producer's choice */
    settings.recompress = true;
    cr_assert(recompress_wanted(&settings, COMPRESSION_ZSTD)); /* to uncompressed */
    cr_assert_not(recompress_wanted(&settings, COMPRESSION_NONE));
    settings.compression = COMPRESSION_LZ4;
    cr_assert(recompress_wanted(&settings, COMPRESSION_NONE));
    cr_assert_not(recompress_wanted(&settings, COMPRESSION_LZ4));
}
