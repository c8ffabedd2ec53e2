#include <criterion/criterion.h>

#include "common/wire/record_batch_build.h"
#include "common/wire/record_batch_rules.h"
#include "tests/unit/common/counted_heap.h"

#define NOW 1700000000000

static struct counted_heap heap;
static struct buf out;
static struct produce_rules rules;

static void begin(void)
{
    counted_init(&heap, 64 << 20);
    buf_init(&out, &heap.heap, 16 << 20);
    rules = (struct produce_rules){.now = NOW,
                                   .before_max_ms = INT64_MAX,
                                   .after_max_ms = 3600000,
                                   .batch_bytes_max = 1048588,
                                   .produce_version = 9};
}

static void end(void)
{
    buf_release(&out);
    cr_assert_eq(counted_release(&heap), 0);
}

TestSuite(record_batch_rules, .init = begin, .fini = end);

static struct batch_header build(const int64_t *timestamps, size_t n, bool keys)
{
    struct batch_options options = batch_options_plain();
    struct batch_builder builder;
    struct batch_header header;
    buf_clear(&out);
    batch_begin(&builder, &options, &out);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(batch_append(&builder, timestamps[i],
                                  keys || i % 2 == 0 ? slice_str("k") : (struct slice){0},
                                  slice_str("value")),
                     OK);
    }
    cr_assert_eq(batch_finish(&builder, crc32c_detect(), &header), OK);
    return header;
}

/* Writes the header anew with a right CRC. */
static void rewrite(struct batch_header h)
{
    batch_print_header(&h, out.p);
    h.crc = crc32c(crc32c_detect(), out.p + BATCH_CRC_FROM, out.n - BATCH_CRC_FROM);
    batch_print_header(&h, out.p);
}

static struct produce_verdict check(struct slice bytes)
{
    struct produce_verdict verdict;
    produce_check_batch(&rules, crc32c_detect(), bytes, &verdict);
    if (verdict.error == KAFKA_NONE) {
        struct slice plain = verdict.records;
        struct byte_source source = source_slice(&plain);
        produce_check_records(&rules, &source, &verdict);
    }
    cr_assert_eq(verdict.error == KAFKA_NONE, verdict.text[0] == 0, "a refusal has a sentence");
    return verdict;
}

static enum kafka_error error_of(struct batch_header h)
{
    rewrite(h);
    return check(buf_slice(&out)).error;
}

static const int64_t three[] = {NOW - 5, NOW + 7, NOW + 7};

Test(record_batch_rules, a_good_batch)
{
    build(three, 3, true);
    struct produce_verdict v = check(buf_slice(&out));
    cr_assert_eq(v.error, KAFKA_NONE, "%s", v.text);
    cr_assert_eq(v.max_timestamp, NOW + 7);
    cr_assert_eq(v.max_timestamp_delta, 1, "the first that has it");
    cr_assert_not(v.restamp);
    cr_assert_eq(v.plain_bytes, out.n - BATCH_HEADER_BYTES);
}

Test(record_batch_rules, the_frame)
{
    build(three, 3, true);
    size_t n = out.n;
    cr_assert_eq(check((struct slice){0}).error, KAFKA_INVALID_RECORD, "no batch at all");
    cr_assert_eq(check(slice_of(out.p, n - 1)).error, KAFKA_INVALID_RECORD);
    cr_assert_eq(check(slice_of(out.p, 11)).error, KAFKA_INVALID_RECORD);
    uint8_t *twice = malloc(2 * n);
    memcpy(twice, out.p, n);
    memcpy(twice + n, out.p, n);
    cr_assert_eq(check(slice_of(twice, 2 * n)).error, KAFKA_INVALID_RECORD, "two batches");
    free(twice);
    out.p[16] = 1;
    cr_assert_eq(check(buf_slice(&out)).error, KAFKA_INVALID_RECORD);
    out.p[16] = 0;
    cr_assert_eq(check(buf_slice(&out)).error, KAFKA_INVALID_RECORD);
    out.p[16] = 3;
    cr_assert_eq(check(buf_slice(&out)).error, KAFKA_CORRUPT_MESSAGE);
    out.p[16] = 2;
    out.p[20] ^= 1;
    cr_assert_eq(check(buf_slice(&out)).error, KAFKA_CORRUPT_MESSAGE);
    out.p[20] ^= 1;
    out.p[n - 1] ^= 1;
    cr_assert_eq(check(buf_slice(&out)).error, KAFKA_CORRUPT_MESSAGE);
    out.p[n - 1] ^= 1;
    memset(out.p + 8, 0, 4);
    cr_assert_eq(check(buf_slice(&out)).error, KAFKA_CORRUPT_MESSAGE);
}

Test(record_batch_rules, sizes_and_compression)
{
    struct batch_header h = build(three, 3, true);
    rules.batch_bytes_max = (int32_t)out.n;
    cr_assert_eq(error_of(h), KAFKA_NONE);
    rules.batch_bytes_max = (int32_t)out.n - 1;
    cr_assert_eq(error_of(h), KAFKA_MESSAGE_TOO_LARGE);
    rules.batch_bytes_max = 1048588;
    h.attributes = COMPRESSION_ZSTD;
    rules.produce_version = 6;
    cr_assert_eq(error_of(h), KAFKA_UNSUPPORTED_COMPRESSION_TYPE);
    h.attributes = COMPRESSION_LZ4;
    cr_assert_neq(error_of(h), KAFKA_UNSUPPORTED_COMPRESSION_TYPE);
    for (uint16_t codec = 5; codec <= 7; codec++) {
        h.attributes = codec;
        cr_assert_eq(error_of(h), KAFKA_UNSUPPORTED_COMPRESSION_TYPE);
    }
}

Test(record_batch_rules, counts_and_offsets)
{
    struct batch_header good = build(three, 3, true);
    struct batch_header h = good;
    h.base_offset = 1;
    cr_assert_eq(error_of(h), KAFKA_INVALID_RECORD);
    static const struct {
        int32_t last_offset_delta;
        int32_t records;
    } bad[] = {{-1, 0},
               {0, 0},
               {-1, 3},
               {2, -1},
               {2, 2},
               {3, 3},
               {2, 4},
               {1, 2},
               {3, 4},
               {INT32_MAX, INT32_MAX},
               {INT32_MAX, INT32_MIN}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        h = good;
        h.last_offset_delta = bad[i].last_offset_delta;
        h.records = bad[i].records;
        cr_assert_eq(error_of(h), KAFKA_INVALID_RECORD, "case %zu", i);
    }
    cr_assert_eq(error_of(good), KAFKA_NONE);
}

Test(record_batch_rules, gaps_between_offsets)
{
    struct batch_options options = batch_options_plain();
    struct batch_builder builder;
    struct batch_header h;
    batch_begin(&builder, &options, &out);
    struct record record = {.offset = 0, .timestamp = NOW, .value = slice_str("v")};
    cr_assert_eq(batch_add(&builder, &record), OK);
    record.offset = 2;
    cr_assert_eq(batch_add(&builder, &record), OK);
    cr_assert_eq(batch_finish(&builder, crc32c_detect(), &h), OK);
    cr_assert_eq(error_of(h), KAFKA_INVALID_RECORD);
    h.records = 3; /* the header pretends: the scan finds out */
    struct produce_verdict v;
    rewrite(h);
    v = check(buf_slice(&out));
    cr_assert_eq(v.error, KAFKA_INVALID_RECORD);
    cr_assert_str_eq(v.text, "Record 1 has the offset delta 2; they are consecutive.");
}

Test(record_batch_rules, producers)
{
    struct batch_header good = build(three, 3, true);
    static const struct {
        int64_t id;
        int16_t epoch;
        int32_t sequence;
        uint16_t attributes;
        enum kafka_error error;
    } cases[] = {
        {7, 0, 0, 0, KAFKA_NONE},
        {7, 0, 0, BATCH_TRANSACTIONAL, KAFKA_NONE},
        {7, -1, 0, 0, KAFKA_INVALID_RECORD},
        {7, 0, -1, 0, KAFKA_INVALID_RECORD},
        {-1, -1, -1, BATCH_TRANSACTIONAL, KAFKA_INVALID_RECORD},
        {7, 0, 0, BATCH_CONTROL, KAFKA_INVALID_RECORD},
        {7, 0, 0, BATCH_CONTROL | BATCH_TRANSACTIONAL, KAFKA_INVALID_RECORD},
        {-1, -1, -1, BATCH_CONTROL, KAFKA_INVALID_RECORD},
        {-1, -1, -1, BATCH_DELETE_HORIZON, KAFKA_INVALID_RECORD},
        {-1, -1, -1, 0, KAFKA_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct batch_header h = good;
        h.producer_id = cases[i].id;
        h.producer_epoch = cases[i].epoch;
        h.base_sequence = cases[i].sequence;
        h.attributes = cases[i].attributes;
        cr_assert_eq(error_of(h), cases[i].error, "case %zu", i);
    }
}

Test(record_batch_rules, keys_on_compacted_topics)
{
    int64_t many[20];
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        many[i] = NOW;
    }
    rules.key_required = true;
    build(three, 3, true);
    cr_assert_eq(check(buf_slice(&out)).error, KAFKA_NONE);
    build(many, 20, false);
    struct produce_verdict v = check(buf_slice(&out));
    cr_assert_eq(v.error, KAFKA_INVALID_RECORD);
    cr_assert_eq(v.faults, 10, "all are counted");
    cr_assert_eq(v.fault[0].index, 1);
    cr_assert_eq(v.fault[7].index, 15, "the first eight are named");
    cr_assert_str_eq(
        v.text,
        "10 records are refused; record 1: a compacted topic takes no record without a key.");
    rules.key_required = false;
    cr_assert_eq(check(buf_slice(&out)).error, KAFKA_NONE);
}

Test(record_batch_rules, timestamps)
{
    static const struct {
        int64_t timestamp;
        int64_t before_max_ms;
        int64_t after_max_ms;
        enum kafka_error error;
    } cases[] = {
        {NOW + 3600000, INT64_MAX, 3600000, KAFKA_NONE},
        {NOW + 3600001, INT64_MAX, 3600000, KAFKA_INVALID_TIMESTAMP},
        {NOW - 1000, 1000, 3600000, KAFKA_NONE},
        {NOW - 1001, 1000, 3600000, KAFKA_INVALID_TIMESTAMP},
        {0, INT64_MAX, 3600000, KAFKA_NONE},
        {NO_TIMESTAMP, 1000, 1000, KAFKA_NONE}, /* none is never out of range */
        {INT64_MAX, INT64_MAX, 3600000, KAFKA_INVALID_TIMESTAMP},
        {INT64_MAX, INT64_MAX, INT64_MAX, KAFKA_NONE},
        {INT64_MIN, 1000, 1000, KAFKA_INVALID_TIMESTAMP},
        {-2, 1000, 1000, KAFKA_INVALID_TIMESTAMP},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        rules.before_max_ms = cases[i].before_max_ms;
        rules.after_max_ms = cases[i].after_max_ms;
        build(&cases[i].timestamp, 1, true);
        struct produce_verdict v = check(buf_slice(&out));
        cr_assert_eq(v.error, cases[i].error, "case %zu: %s", i, v.text);
    }
}

Test(record_batch_rules, log_append_time)
{
    const int64_t wild[] = {INT64_MAX, 0, -1};
    const struct crc32c_impl *crc = crc32c_detect();
    build(wild + 1, 2, true);
    rules.log_append_time = true;
    struct produce_verdict v = check(buf_slice(&out));
    cr_assert_eq(v.error, KAFKA_NONE, "times of the producer do not count: %s", v.text);
    cr_assert(v.restamp && v.max_timestamp == NOW && v.max_timestamp_delta == 0);
    produce_stamp(&rules, crc, out.p, &v);
    struct batch_header h;
    cr_assert_eq(batch_check(crc, buf_slice(&out), &h), OK);
    cr_assert(batch_facts(&h).log_append_time && h.max_timestamp == NOW);
    rules.log_append_time = false;
    v = check(buf_slice(&out));
    cr_assert_eq(v.error, KAFKA_INVALID_TIMESTAMP, "only such topics have the attribute");
    cr_assert_eq(v.faults, 2);
}

Test(record_batch_rules, a_wrong_max_timestamp_is_put_right)
{
    const struct crc32c_impl *crc = crc32c_detect();
    struct batch_header h = build(three, 3, true);
    h.max_timestamp = NOW + 100;
    rewrite(h);
    struct produce_verdict v = check(buf_slice(&out));
    cr_assert_eq(v.error, KAFKA_NONE);
    cr_assert(v.restamp);
    produce_stamp(&rules, crc, out.p, &v);
    cr_assert_eq(batch_check(crc, buf_slice(&out), &h), OK);
    cr_assert_eq(h.max_timestamp, NOW + 7);
    const int64_t none[] = {-1, -1};
    build(none, 2, true);
    v = check(buf_slice(&out));
    cr_assert(v.error == KAFKA_NONE && v.max_timestamp == NO_TIMESTAMP && !v.restamp);
}

static err_t failing_pull(void *ctx, struct slice *ret_piece)
{
    *ret_piece = (struct slice){0};
    return *(const err_t *)ctx;
}

Test(record_batch_rules, what_a_failing_stream_means)
{
    static const struct {
        err_t err;
        enum kafka_error error;
    } cases[] = {
        {ERR_MALFORMED, KAFKA_INVALID_RECORD},
        {ERR_TRUNCATED, KAFKA_INVALID_RECORD},
        {ERR_TOO_LARGE, KAFKA_MESSAGE_TOO_LARGE},
        {ERR_NO_MEMORY, KAFKA_REQUEST_TIMED_OUT},
    };
    build(three, 3, true);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct produce_verdict v;
        err_t err = cases[i].err;
        struct byte_source source = {.pull = failing_pull, .ctx = &err};
        produce_check_batch(&rules, crc32c_detect(), buf_slice(&out), &v);
        cr_assert_eq(v.error, KAFKA_NONE);
        produce_check_records(&rules, &source, &v);
        cr_assert_eq(v.error, cases[i].error);
        cr_assert(strstr(v.text, err_text(err)) != NULL, "%s", v.text);
    }
}
