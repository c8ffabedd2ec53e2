/* Batches that real clients wrote (tests/vectors/batches/capture.py) go through the broker's whole check and come out as what
 * was sent. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>

#include "common/codec/codec.h"
#include "common/wire/record_batch_build.h"
#include "common/wire/record_batch_rules.h"
#include "tests/unit/common/counted_heap.h"

#define FIRST_MS 1700000000000
#define RECORDS  8
#define VECTORS  21

static struct counted_heap heap;
static struct decoder decoder;
static struct buf batch;
static struct buf plain;
static struct produce_rules rules;

static void begin(void)
{
    counted_init(&heap, SIZE_MAX);
    decoder_init(&decoder, &heap.heap);
    buf_init(&batch, &heap.heap, 1 << 24);
    buf_init(&plain, &heap.heap, 1 << 24);
    rules = (struct produce_rules){.now = FIRST_MS,
                                   .before_max_ms = INT64_MAX,
                                   .after_max_ms = 3600000,
                                   .batch_bytes_max = 1048588,
                                   .produce_version = 8};
}

static void end(void)
{
    decoder_release(&decoder);
    buf_release(&batch);
    buf_release(&plain);
    cr_assert_eq(heap.heap.live, 0);
    cr_assert_eq(counted_release(&heap), 0);
}

TestSuite(vectors, .init = begin, .fini = end);

static void load(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", BATCH_VECTORS, name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    unsigned byte;
    buf_clear(&batch);
    while (fscanf(file, "%2x", &byte) == 1) {
        uint8_t b = (uint8_t)byte;
        buf_put(&batch, &b, 1);
    }
    fclose(file);
    cr_assert_gt(batch.n, BATCH_HEADER_BYTES);
}

/* Calls `look` with every vector's name; returns how many there are. */
static size_t each_vector(void (*look)(const char *name))
{
    DIR *dir = opendir(BATCH_VECTORS);
    cr_assert_not_null(dir);
    size_t n = 0;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (strstr(entry->d_name, ".hex") != NULL) {
            load(entry->d_name);
            look(entry->d_name);
            n++;
        }
    }
    closedir(dir);
    return n;
}

static struct produce_verdict check(struct slice bytes)
{
    struct produce_verdict v;
    produce_check_batch(&rules, crc32c_detect(), bytes, &v);
    if (v.error == KAFKA_NONE) {
        struct byte_source source = decoder_source(&decoder);
        decoder_open(&decoder, batch_compression(&v.header), v.records);
        produce_check_records(&rules, &source, &v);
    }
    return v;
}

/* The value of record i: see records() of capture.py. */
static struct slice value_of(int i, bool compressed)
{
    static const char *const texts[] = {"hello \xC3\xA9", NULL, "", NULL, NULL, "v5", "v6", "v7"};
    static uint8_t bytes[95000];
    if (i == 3) {
        const char spool[] = "a spool of thread, ";
        size_t n = (sizeof(spool) - 1) * (compressed ? 5000 : 20);
        for (size_t at = 0; at < n; at++) {
            bytes[at] = (uint8_t)spool[at % (sizeof(spool) - 1)];
        }
        return slice_of(bytes, n);
    }
    if (i == 4) {
        uint32_t state = 12345;
        for (size_t at = 0; at < 300; at++) {
            state = (state * 1103515245u + 12345u) & 0x7FFFFFFF;
            bytes[at] = (uint8_t)(state >> 16);
        }
        return slice_of(bytes, 300);
    }
    return slice_str(texts[i]);
}

static void compare(const char *name, const struct record *r, int i, bool compressed)
{
    char key[16];
    (void)snprintf(key, sizeof(key), "key-%d", i);
    cr_assert(i == 5 ? r->key.p == NULL : slice_eq(r->key, slice_str(key)), "%s, record %d", name,
              i);
    struct slice value = value_of(i, compressed);
    cr_assert(slice_eq(r->value, value) && (r->value.p == NULL) == (value.p == NULL),
              "%s, record %d", name, i);
    cr_assert_eq(r->timestamp, FIRST_MS + 3 * i - (i == 6 ? 100 : 0), "%s, record %d", name, i);
    cr_assert_eq(r->offset, i);
    cr_assert_eq(r->header_count, i == 0 ? 2 : 0, "%s, record %d", name, i);
    struct slice headers = r->headers;
    struct slice header_value;
    struct slice header_key;
    for (int h = 0; record_header_next(&headers, &header_key, &header_value); h++) {
        cr_assert(slice_eq(header_key, slice_str("trace")));
        cr_assert(slice_eq(header_value, slice_str(h == 0 ? "abc" : "")));
    }
}

static void read_vector(const char *name)
{
    struct produce_verdict v = check(buf_slice(&batch));
    cr_assert_eq(v.error, KAFKA_NONE, "%s: %s", name, v.text);
    cr_assert_eq(v.max_timestamp, FIRST_MS + 21);
    cr_assert_eq(v.max_timestamp_delta, 7);
    cr_assert_not(v.restamp, "%s", name);
    bool compressed = batch_compression(&v.header) != COMPRESSION_NONE;
    cr_assert(strstr(name, compression_name(batch_compression(&v.header))) != NULL, "%s", name);
    buf_clear(&plain);
    cr_assert_eq(decoder_all(&decoder, batch_compression(&v.header), v.records, &plain), OK);
    cr_assert_eq(plain.n, v.plain_bytes);
    struct record_reader reader;
    struct record r;
    bool more;
    record_reader_init(&reader, &v.header, buf_slice(&plain));
    for (int i = 0; i < RECORDS; i++) {
        cr_assert(record_reader_next(&reader, &r, &more) == OK && more, "%s", name);
        compare(name, &r, i, compressed);
    }
    cr_assert(record_reader_next(&reader, &r, &more) == OK && !more);
}

Test(vectors, every_client_is_understood)
{
    cr_assert_eq(each_vector(read_vector), VECTORS);
}

/* Writes the header anew for a payload that was changed. */
static void seal(size_t n)
{
    struct batch_header h;
    cr_assert_eq(batch_parse(buf_slice(&batch), &h), OK);
    h.length = (int32_t)(n - BATCH_PREFIX_BYTES);
    batch_print_header(&h, batch.p);
    h.crc = crc32c(crc32c_detect(), batch.p + BATCH_CRC_FROM, n - BATCH_CRC_FROM);
    batch_print_header(&h, batch.p);
}

/* A window of 128 MiB is taken anew for each try: fewer of them. */
static size_t step_of(const char *name, size_t step)
{
    return strstr(name, "java22") != NULL ? step * 101 : step;
}

static void truncate_vector(const char *name)
{
    const size_t whole = batch.n;
    const size_t step = step_of(name, whole > 2000 ? 31 : 1);
    for (size_t n = BATCH_HEADER_BYTES; n < whole; n += step) {
        seal(n);
        struct produce_verdict v = check(slice_of(batch.p, n));
        cr_assert_eq(v.error, KAFKA_INVALID_RECORD, "%s cut at %zu: %s", name, n, v.text);
    }
}

Test(vectors, a_sealed_but_truncated_batch_is_refused)
{
    cr_assert_eq(each_vector(truncate_vector), VECTORS);
}

static void flip_vector(const char *name)
{
    for (size_t bit = (size_t)BATCH_HEADER_BYTES * 8; bit < batch.n * 8; bit += step_of(name, 5)) {
        batch.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        seal(batch.n);
        struct produce_verdict v = check(buf_slice(&batch));
        cr_assert(v.error == KAFKA_NONE || v.error == KAFKA_INVALID_RECORD ||
                      v.error == KAFKA_MESSAGE_TOO_LARGE || v.error == KAFKA_INVALID_TIMESTAMP,
                  "%s bit %zu: %s", name, bit, v.text);
        batch.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

Test(vectors, a_sealed_but_changed_batch_does_no_harm)
{
    cr_assert_eq(each_vector(flip_vector), VECTORS);
}

/* What our own builder and encoders write is judged by the same check, and is the same records. */
Test(vectors, our_own_batches)
{
    struct encoder encoder;
    encoder_init(&encoder, &heap.heap);
    for (unsigned codec = 0; codec < COMPRESSION_COUNT; codec++) {
        struct batch_options options = batch_options_plain();
        struct batch_builder builder;
        struct batch_header header;
        struct byte_sink sink = encoder_sink(&encoder);
        options.compression = (enum compression)codec;
        buf_clear(&batch);
        buf_clear(&plain);
        record_header_put(&plain, slice_str("trace"), slice_str("abc"));
        record_header_put(&plain, slice_str("trace"), slice_str(""));
        batch_begin(&builder, &options, &batch);
        if (codec != COMPRESSION_NONE) {
            cr_assert_eq(encoder_open(&encoder, options.compression, CODEC_LEVEL_DEFAULT, &batch),
                         OK);
            batch_set_sink(&builder, &sink);
        }
        for (int i = 0; i < RECORDS; i++) {
            char key[16];
            (void)snprintf(key, sizeof(key), "key-%d", i);
            struct record r = {.offset = i,
                               .timestamp = FIRST_MS + 3 * i - (i == 6 ? 100 : 0),
                               .key = slice_str(i == 5 ? NULL : key),
                               .value = value_of(i, codec != COMPRESSION_NONE),
                               .headers = i == 0 ? buf_slice(&plain) : (struct slice){0},
                               .header_count = i == 0 ? 2 : 0};
            cr_assert_eq(batch_add(&builder, &r), OK);
        }
        if (codec != COMPRESSION_NONE) {
            cr_assert_eq(encoder_finish(&encoder), OK);
        }
        cr_assert_eq(batch_finish(&builder, crc32c_detect(), &header), OK);
        read_vector(compression_name(codec));
    }
    encoder_release(&encoder);
}

/* Every client's batch in every other compression: the same records under the same header. */
static void repack_vector(const char *name)
{
    struct produce_verdict v = check(buf_slice(&batch));
    cr_assert_eq(v.error, KAFKA_NONE);
    struct encoder encoder;
    struct buf out;
    encoder_init(&encoder, &heap.heap);
    buf_init(&out, &heap.heap, 1 << 24);
    buf_clear(&plain);
    cr_assert_eq(decoder_all(&decoder, batch_compression(&v.header), v.records, &plain), OK);
    for (unsigned codec = 0; codec < COMPRESSION_COUNT; codec++) {
        struct batch_builder builder;
        struct batch_header header;
        struct byte_sink sink = encoder_sink(&encoder);
        buf_clear(&out);
        batch_begin_like(&builder, &v.header, (enum compression)codec, &out);
        if (codec != COMPRESSION_NONE) {
            cr_assert_eq(encoder_open(&encoder, (enum compression)codec, CODEC_LEVEL_DEFAULT, &out),
                         OK);
            batch_set_sink(&builder, &sink);
        }
        for (size_t at = 0; at < plain.n; at += 1000) {
            size_t n = plain.n - at < 1000 ? plain.n - at : 1000;
            cr_assert_eq(batch_pour(&builder, slice_of(plain.p + at, n)), OK);
        }
        cr_assert(codec == COMPRESSION_NONE || encoder_finish(&encoder) == OK);
        cr_assert_eq(batch_finish(&builder, crc32c_detect(), &header), OK);
        struct produce_verdict again = check(buf_slice(&out));
        cr_assert_eq(again.error, KAFKA_NONE, "%s as %s: %s", name, compression_name(codec),
                     again.text);
        cr_assert_eq(batch_compression(&again.header), codec);
        cr_assert_eq(again.header.records, v.header.records);
        cr_assert_eq(again.header.base_timestamp, v.header.base_timestamp);
        cr_assert_eq(again.header.producer_id, v.header.producer_id);
        cr_assert(again.max_timestamp == v.max_timestamp && again.plain_bytes == v.plain_bytes);
    }
    encoder_release(&encoder);
    buf_release(&out);
}

Test(vectors, every_batch_in_every_compression)
{
    cr_assert_eq(each_vector(repack_vector), VECTORS);
}
