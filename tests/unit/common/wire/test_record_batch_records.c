#include <criterion/criterion.h>

#include "common/base/prng.h"
#include "common/wire/record_batch_build.h"
#include "common/wire/record_batch_scan.h"
#include "tests/unit/common/counted_heap.h"

static struct slice text(const char *s)
{
    return slice_str(s);
}

static struct counted_heap heap;
static struct buf out;
static struct buf scratch;

static void begin(void)
{
    counted_init(&heap, 64 << 20);
    buf_init(&out, &heap.heap, 16 << 20);
    buf_init(&scratch, &heap.heap, 16 << 20);
}

static void end(void)
{
    buf_release(&out);
    buf_release(&scratch);
    cr_assert_eq(counted_release(&heap), 0);
}

TestSuite(record_batch_records, .init = begin, .fini = end);

/* Three records: with everything, with nulls, with empty things. */
static struct batch_header build_three(void)
{
    struct batch_options options = batch_options_plain();
    options.base_offset = 50;
    options.producer_id = 9;
    options.producer_epoch = 1;
    options.base_sequence = 100;
    struct batch_builder builder;
    struct batch_header header;
    record_header_put(&scratch, text("trace"), text("abc"));
    record_header_put(&scratch, text("trace"), (struct slice){0});
    record_header_put(&scratch, text(""), text(""));
    batch_begin(&builder, &options, &out);
    struct record record = {.offset = 50,
                            .timestamp = 1700000000500,
                            .key = text("k\xC3\xA9y"),
                            .value = text("value"),
                            .headers = buf_slice(&scratch),
                            .header_count = 3};
    cr_assert_eq(batch_add(&builder, &record), OK);
    cr_assert_eq(batch_append(&builder, 1700000000400, (struct slice){0}, (struct slice){0}), OK);
    cr_assert_eq(batch_append(&builder, 1700000000501, text(""), text("")), OK);
    cr_assert_eq(batch_finish(&builder, crc32c_detect(), &header), OK);
    cr_assert_eq(batch_check(crc32c_portable(), buf_slice(&out), &header), OK);
    return header;
}

static struct slice plain_of(const struct batch_header *header)
{
    return slice_of(out.p + out.n - batch_bytes(header) + BATCH_HEADER_BYTES,
                    batch_bytes(header) - BATCH_HEADER_BYTES);
}

Test(record_batch_records, what_was_built_is_read)
{
    struct batch_header header = build_three();
    struct batch_facts f = batch_facts(&header);
    cr_assert_eq(f.records, 3);
    cr_assert_eq(f.base_offset, 50);
    cr_assert_eq(f.last_offset, 52);
    cr_assert_eq(f.last_sequence, 102);
    cr_assert_eq(f.base_timestamp, 1700000000500, "the first record's");
    cr_assert_eq(f.max_timestamp, 1700000000501);
    struct record_reader reader;
    struct record r;
    bool more;
    record_reader_init(&reader, &header, plain_of(&header));
    cr_assert(record_reader_next(&reader, &r, &more) == OK && more);
    cr_assert_eq(r.offset, 50);
    cr_assert_eq(r.timestamp, 1700000000500);
    cr_assert(slice_eq(r.key, text("k\xC3\xA9y")) && slice_eq(r.value, text("value")));
    struct slice headers = r.headers;
    struct slice key;
    struct slice value;
    cr_assert(record_header_next(&headers, &key, &value));
    cr_assert(slice_eq(key, text("trace")) && slice_eq(value, text("abc")));
    cr_assert(record_header_next(&headers, &key, &value));
    cr_assert(slice_eq(key, text("trace")) && value.p == NULL, "doubles and nulls stay");
    cr_assert(record_header_next(&headers, &key, &value));
    cr_assert(key.n == 0 && value.n == 0 && value.p != NULL);
    cr_assert_not(record_header_next(&headers, &key, &value));
    cr_assert(record_reader_next(&reader, &r, &more) == OK && more);
    cr_assert(r.offset == 51 && r.timestamp == 1700000000400 && r.key.p == NULL &&
              r.value.p == NULL);
    cr_assert(record_reader_next(&reader, &r, &more) == OK && more);
    cr_assert(r.offset == 52 && r.key.p != NULL && r.key.n == 0 && r.value.p != NULL &&
              r.value.n == 0);
    cr_assert(record_reader_next(&reader, &r, &more) == OK && !more);
}

/* The whole scan of these bytes, cut every `step` bytes: result, records seen, their sum of facts. */
struct scanned {
    err_t err;
    int32_t seen;
    int64_t sum;
    const char *reason;
};

static struct scanned scan_cut(const struct batch_header *header, struct slice plain, size_t step)
{
    struct record_scan scan;
    struct scanned s = {.err = OK};
    record_scan_init(&scan, header);
    while (plain.n > 0 && s.err == OK) {
        size_t n = step < plain.n ? step : plain.n;
        /* A copy of its own size: a reader beyond the piece is seen by the address sanitizer. */
        uint8_t *copy = malloc(n);
        memcpy(copy, plain.p, n);
        struct slice piece = slice_of(copy, n);
        const struct record_facts *record = NULL;
        do {
            s.err = record_scan_step(&scan, &piece, &record);
            if (s.err == OK && record != NULL) {
                s.sum = s.sum * 31 + record->offset_delta + record->timestamp + record->bytes +
                        record->has_key * 2 + record->has_value;
            }
        } while (s.err == OK && record != NULL);
        free(copy);
        plain = slice_of(plain.p + n, plain.n - n);
    }
    s.err = s.err == OK ? record_scan_finish(&scan) : s.err;
    s.seen = scan.seen;
    s.reason = scan.reason;
    return s;
}

static void same_however_cut(const struct batch_header *header, struct slice plain, err_t want)
{
    struct scanned whole = scan_cut(header, plain, SIZE_MAX);
    cr_assert(want == ERR_COUNT ? whole.err != OK : whole.err == want, "%s, %s",
              err_text(whole.err), whole.reason == NULL ? "" : whole.reason);
    for (size_t step = 1; step <= plain.n; step++) {
        struct scanned cut = scan_cut(header, plain, step);
        cr_assert_eq(cut.err, whole.err, "step %zu: %s, %s", step, err_text(cut.err), cut.reason);
        cr_assert_eq(cut.seen, whole.seen, "step %zu", step);
        cr_assert_eq(cut.sum, whole.sum, "step %zu", step);
        cr_assert(cut.reason == whole.reason || strcmp(cut.reason, whole.reason) == 0,
                  "step %zu: %s; whole: %s", step, cut.reason, whole.reason);
    }
}

Test(record_batch_records, a_scan_sees_the_same_however_the_bytes_are_cut)
{
    struct batch_header header = build_three();
    same_however_cut(&header, plain_of(&header), OK);
}

Test(record_batch_records, every_truncation_is_refused)
{
    struct batch_header header = build_three();
    struct slice plain = plain_of(&header);
    for (size_t n = 0; n < plain.n; n++) {
        same_however_cut(&header, slice_of(plain.p, n), ERR_TRUNCATED);
    }
}

Test(record_batch_records, every_changed_byte_gives_one_answer_and_no_harm)
{
    struct batch_header header = build_three();
    struct slice plain = plain_of(&header);
    uint8_t *bytes = malloc(plain.n);
    memcpy(bytes, plain.p, plain.n);
    static const uint8_t changes[] = {0x01, 0x02, 0x40, 0x80, 0xFF};
    for (size_t at = 0; at < plain.n; at++) {
        for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
            bytes[at] ^= changes[i];
            struct slice changed = slice_of(bytes, plain.n);
            struct scanned scanned = scan_cut(&header, changed, SIZE_MAX);
            same_however_cut(&header, changed, scanned.err);
            struct record_reader reader;
            struct record r;
            bool more = true;
            err_t err = OK;
            record_reader_init(&reader, &header, changed);
            while (err == OK && more) {
                err = record_reader_next(&reader, &r, &more);
            }
            cr_assert_eq(err == OK, scanned.err == OK, "reader and scan agree at %zu", at);
            bytes[at] ^= changes[i];
        }
    }
    free(bytes);
}

/* One record as bytes, and what is wrong with it. */
Test(record_batch_records, hostile_records)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *reason;
    } cases[] = {
        {"\x00", 1, "a record is empty"},
        {"\x01", 1, "a record's length goes beyond its batch"},
        {"\xFF\xFF\xFF\xFF\x1F", 5, "a record's length goes beyond its batch"},
        {"\x02\x00", 2, "a record has no valid timestamp delta"},
        {"\x04\x00\x00", 3, "a record has no valid offset delta"},
        {"\x06\x00\x00\x00", 4, "a record has a key of an impossible length"},
        {"\x0C\x00\x00\x00\x03\x01\x00", 7, "a record has a key of an impossible length"},
        {"\x0C\x00\x00\x00\x08\x01\x00", 7, "a record has a key of an impossible length"},
        {"\x0C\x00\x00\x00\x01\x03\x00", 7, "a record has a value of an impossible length"},
        {"\x14\x00\x00\x00\x01\xFE\xFF\xFF\xFF\x0F\x00", 11,
         "a record has a value of an impossible length"},
        {"\x0C\x00\x00\x00\x01\x01\x01", 7, "a record has an impossible number of headers"},
        {"\x0C\x00\x00\x00\x01\x01\x02", 7, "a record has an impossible number of headers"},
        {"\x14\x00\x00\x00\x01\x01\xFE\xFF\xFF\xFF\x0F", 11,
         "a record has an impossible number of headers"},
        {"\x10\x00\x00\x00\x01\x01\x02\x01\x00", 9, "a record has a header without a key"},
        {"\x10\x00\x00\x00\x01\x01\x02\x00\x04", 9,
         "a record has a header value of an impossible length"},
        {"\x0E\x00\x00\x00\x01\x01\x00\x00", 8, "a record is longer than its fields"},
        {"\x0C\x00\x00\x02\x01\x01\x00", 7,
         "a record's offset is out of order or outside of its batch"},
        {"\x0C\x00\x00\x01\x01\x01\x00", 7,
         "a record's offset is out of order or outside of its batch"},
        {"\x1E\x00\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x00\x01\x01\x00", 16,
         "a record's timestamp does not fit 64 bits"},
        {"\x0C\x00\x00\x00\x01\x01\x00\x02", 8, "bytes stand behind the last record"},
    };
    struct batch_header header = {
        .magic = 2, .records = 1, .last_offset_delta = 0, .base_timestamp = 5};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice plain = slice_of(cases[i].bytes, cases[i].n);
        struct scanned whole = scan_cut(&header, plain, SIZE_MAX);
        cr_assert_eq(whole.err, ERR_MALFORMED, "case %zu: %s %s", i, err_text(whole.err),
                     whole.reason);
        cr_assert_str_eq(whole.reason, cases[i].reason, "case %zu: %s", i, whole.reason);
        same_however_cut(&header, plain, ERR_MALFORMED);
    }
    static const char good[] = "\x0C\x00\x00\x00\x01\x01\x00";
    same_however_cut(&header, slice_of(good, 7), OK);
    header.records = 2;
    header.last_offset_delta = 1;
    same_however_cut(&header, slice_of(good, 7), ERR_TRUNCATED);
}

Test(record_batch_records, random_batches_survive_the_round_trip)
{
    struct prng prng;
    prng_init(&prng, 99);
    static uint8_t noise[70000];
    for (size_t i = 0; i < sizeof(noise); i++) {
        noise[i] = (uint8_t)prng_u64(&prng);
    }
    for (int round = 0; round < 60; round++) {
        buf_clear(&out);
        struct batch_options options = batch_options_plain();
        struct batch_builder builder;
        struct batch_header header;
        size_t count = 1 + prng_below(&prng, 40);
        size_t big = prng_chance(&prng, 100) ? sizeof(noise) : 300;
        struct record made[40];
        batch_begin(&builder, &options, &out);
        int64_t offset = 0;
        for (size_t i = 0; i < count; i++) {
            made[i] = (struct record){.offset = offset,
                                      .timestamp = prng_between(&prng, -1, INT64_C(1) << 45),
                                      .key = slice_of(noise, prng_below(&prng, 100)),
                                      .value = slice_of(noise, prng_below(&prng, big))};
            made[i].key.p = prng_chance(&prng, 300) ? NULL : noise;
            made[i].key.n = made[i].key.p == NULL ? 0 : made[i].key.n;
            offset += prng_between(&prng, 1, 3);
            cr_assert_eq(batch_add(&builder, &made[i]), OK);
        }
        cr_assert_eq(batch_finish(&builder, crc32c_detect(), &header), OK);
        struct record_reader reader;
        record_reader_init(&reader, &header, plain_of(&header));
        struct record r;
        bool more;
        for (size_t i = 0; i < count; i++) {
            cr_assert(record_reader_next(&reader, &r, &more) == OK && more);
            cr_assert(r.offset == made[i].offset && r.timestamp == made[i].timestamp);
            cr_assert(slice_eq(r.key, made[i].key) && slice_eq(r.value, made[i].value));
            cr_assert_eq(r.key.p == NULL, made[i].key.p == NULL);
        }
        cr_assert(record_reader_next(&reader, &r, &more) == OK && !more);
        for (size_t step = 1; step < 200; step += 13) {
            cr_assert_eq(scan_cut(&header, plain_of(&header), step).sum,
                         scan_cut(&header, plain_of(&header), SIZE_MAX).sum);
        }
    }
}

Test(record_batch_records, log_append_time_counts_for_every_record)
{
    struct batch_options options = batch_options_plain();
    options.append_time = 1800000000000;
    struct batch_builder builder;
    struct batch_header header;
    batch_begin(&builder, &options, &out);
    cr_assert_eq(batch_append(&builder, 5, text("k"), text("v")), OK);
    cr_assert_eq(batch_finish(&builder, crc32c_detect(), &header), OK);
    struct record_reader reader;
    struct record r;
    bool more;
    record_reader_init(&reader, &header, plain_of(&header));
    cr_assert_eq(record_reader_next(&reader, &r, &more), OK);
    cr_assert_eq(r.timestamp, 1800000000000);
}

Test(record_batch_records, a_builder_that_fails_leaves_what_was_there)
{
    struct buf small;
    buf_init(&small, &heap.heap, 300);
    struct batch_options options = batch_options_plain();
    struct batch_builder builder;
    struct batch_header header;
    buf_put(&small, "before", 6);
    batch_begin(&builder, &options, &small);
    static uint8_t value[500];
    cr_assert_eq(batch_append(&builder, 5, text("k"), slice_of(value, 500)), ERR_TOO_LARGE);
    cr_assert_eq(batch_append(&builder, 5, text("k"), text("")), ERR_TOO_LARGE, "the error stays");
    cr_assert_eq(batch_finish(&builder, crc32c_detect(), &header), ERR_TOO_LARGE);
    batch_abandon(&builder);
    cr_assert(slice_eq(buf_slice(&small), text("before")));
    buf_release(&small);
}

Test(record_batch_records, an_empty_batch_keeps_producer_state)
{
    struct batch_options options = batch_options_plain();
    options.base_offset = 7;
    options.producer_id = 4;
    options.producer_epoch = 0;
    options.base_sequence = 3;
    struct batch_builder builder;
    struct batch_header header;
    batch_begin(&builder, &options, &out);
    cr_assert_eq(batch_finish(&builder, crc32c_detect(), &header), OK);
    cr_assert_eq(batch_check(crc32c_detect(), buf_slice(&out), &header), OK);
    cr_assert(header.records == 0 && header.last_offset_delta == 0);
    cr_assert_eq(scan_cut(&header, plain_of(&header), 1).err, OK);
}
