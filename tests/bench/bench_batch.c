/*
 * Figures of the ways that every record takes: CRC32C, the produce check, compression. Prints one line per figure; a run takes
 * about ten seconds. Each figure is the best of several rounds: what else runs on the machine only makes rounds slower.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/prng.h"
#include "common/codec/codec.h"
#include "common/wire/record_batch_build.h"
#include "common/wire/record_batch_rules.h"

#define ROUNDS  7
#define ROUND_S 0.03

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds that one call of `work` takes. */
static double best(void (*work)(void *), void *ctx)
{
    double least = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_s();
        double spent;
        size_t calls = 0;
        do {
            work(ctx);
            calls++;
            spent = now_s() - start;
        } while (spent < ROUND_S);
        least = spent / (double)calls < least ? spent / (double)calls : least;
    }
    return least;
}

struct crc_work {
    const struct crc32c_impl *impl;
    const uint8_t *p;
    size_t n;
    uint32_t sum;
};

static void crc_work(void *ctx)
{
    struct crc_work *w = ctx;
    size_t times = w->n < 65536 ? 65536 / w->n : 1;
    for (size_t i = 0; i < times; i++) {
        w->sum ^= crc32c_extend(w->impl, w->sum, w->p, w->n);
    }
}

static void bench_crc(void)
{
    static const size_t sizes[] = {64, 100, 256, 1024, 4096, 16384, 131072, 1048576, 67108864};
    const size_t most = sizes[ARRAY_LEN(sizes) - 1];
    uint8_t *bytes = malloc(most);
    memset(bytes, 0xA5, most);
    const struct crc32c_impl *impls[8];
    size_t n = crc32c_all(impls, ARRAY_LEN(impls));
    printf("%-18s", "crc32c GB/s");
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        printf("%10zu", sizes[s]);
    }
    for (size_t i = 0; i < n; i++) {
        printf("\n%-18s", impls[i]->name);
        for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
            struct crc_work w = {.impl = impls[i], .p = bytes, .n = sizes[s]};
            size_t times = w.n < 65536 ? 65536 / w.n : 1;
            printf("%10.2f", (double)(w.n * times) / best(crc_work, &w) / 1e9);
        }
    }
    printf("\n");
    free(bytes);
}

static void *take(void *ctx, size_t bytes)
{
    (void)ctx;
    void *p = NULL;
    return posix_memalign(&p, 64, bytes) == 0 ? p : NULL;
}

static void give(void *ctx, void *p, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(p);
}

struct batch_work {
    struct produce_rules rules;
    const struct crc32c_impl *crc;
    struct decoder decoder;
    struct slice batch;
    uint64_t plain_bytes;
};

static void check_work(void *ctx)
{
    struct batch_work *w = ctx;
    struct produce_verdict v;
    produce_check_batch(&w->rules, w->crc, w->batch, &v);
    struct byte_source source = decoder_source(&w->decoder);
    decoder_open(&w->decoder, batch_compression(&v.header), v.records);
    produce_check_records(&w->rules, &source, &v);
    assert(v.error == KAFKA_NONE);
    w->plain_bytes = v.plain_bytes;
}

struct build_work {
    struct encoder encoder;
    struct buf out;
    const struct crc32c_impl *crc;
    const uint8_t *text;
    size_t records;
    size_t value_bytes;
    enum compression compression;
};

static void build_work(void *ctx)
{
    struct build_work *w = ctx;
    struct batch_options options = batch_options_plain();
    struct batch_builder builder;
    struct batch_header header;
    struct byte_sink sink = encoder_sink(&w->encoder);
    options.compression = w->compression;
    buf_clear(&w->out);
    batch_begin(&builder, &options, &w->out);
    err_t err = OK;
    if (w->compression != COMPRESSION_NONE) {
        err = encoder_open(&w->encoder, w->compression, CODEC_LEVEL_DEFAULT, &w->out);
        batch_set_sink(&builder, &sink);
    }
    for (size_t i = 0; i < w->records && err == OK; i++) {
        err = batch_append(&builder, 1700000000000 + (int64_t)i, slice_of(w->text + i % 100, 8),
                           slice_of(w->text + i * 31 % 50000, w->value_bytes));
    }
    err = err == OK && w->compression != COMPRESSION_NONE ? encoder_finish(&w->encoder) : err;
    err = err == OK ? batch_finish(&builder, w->crc, &header) : err;
    assert(err == OK);
}

/* Words of a small vocabulary with numbers between: compresses about as log lines do. */
static void fill_text(uint8_t *p, size_t n)
{
    static const char *const words[] = {
        "partition ", "leader ", "offset=", "epoch=", "thread ", "spool ", "star "};
    struct prng prng;
    prng_init(&prng, 1);
    for (size_t at = 0; at < n;) {
        char word[32];
        int length = snprintf(word, sizeof(word), "%s%u ",
                              words[prng_below(&prng, ARRAY_LEN(words))],
                              (unsigned)prng_below(&prng, 100000));
        size_t room = n - at < (size_t)length ? n - at : (size_t)length;
        memcpy(p + at, word, room);
        at += room;
    }
}

static void bench_batches(struct heap *heap)
{
    static uint8_t text[60000];
    fill_text(text, sizeof(text));
    static const size_t shapes[][2] = {{1, 100}, {100, 10}, {1000, 100}, {1000, 900}, {5000, 100}};
    printf("%-8s %8s %8s %10s %12s %12s %12s %12s\n", "codec", "records", "value", "bytes",
           "check ns/rec", "check GB/s", "build ns/rec", "build GB/s");
    for (unsigned codec = 0; codec < COMPRESSION_COUNT; codec++) {
        for (size_t s = 0; s < ARRAY_LEN(shapes); s++) {
            struct build_work b = {.crc = crc32c_detect(),
                                   .text = text,
                                   .records = shapes[s][0],
                                   .value_bytes = shapes[s][1],
                                   .compression = (enum compression)codec};
            encoder_init(&b.encoder, heap);
            buf_init(&b.out, heap, 1 << 24);
            double build_s = best(build_work, &b);
            struct batch_work w = {.crc = b.crc, .batch = buf_slice(&b.out)};
            w.rules = (struct produce_rules){.now = 1700000000000,
                                             .before_max_ms = INT64_MAX,
                                             .after_max_ms = 3600000,
                                             .batch_bytes_max = 1 << 24,
                                             .produce_version = 9};
            decoder_init(&w.decoder, heap);
            double check_s = best(check_work, &w);
            printf("%-8s %8zu %8zu %10zu %12.1f %12.2f %12.1f %12.2f\n", compression_name(codec),
                   b.records, b.value_bytes, b.out.n, check_s * 1e9 / (double)b.records,
                   (double)w.plain_bytes / check_s / 1e9, build_s * 1e9 / (double)b.records,
                   (double)w.plain_bytes / build_s / 1e9);
            decoder_release(&w.decoder);
            encoder_release(&b.encoder);
            buf_release(&b.out);
        }
    }
}

int main(void)
{
    const struct memory_source source = {take, give, NULL};
    struct heap heap;
    heap_init(&heap, &source, SIZE_MAX);
    bench_crc();
    bench_batches(&heap);
    heap_release(&heap);
    return 0;
}
