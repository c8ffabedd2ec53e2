#include <criterion/criterion.h>

#include "common/wire/record_batch.h"

static struct batch_header header_of(size_t record_bytes)
{
    return (struct batch_header){
        .base_offset = 1000,
        .length = (int32_t)(BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES + record_bytes),
        .leader_epoch = 7,
        .magic = BATCH_MAGIC,
        .attributes = COMPRESSION_LZ4 | BATCH_TRANSACTIONAL,
        .last_offset_delta = 4,
        .base_timestamp = 1700000000000,
        .max_timestamp = 1700000000009,
        .producer_id = 4711,
        .producer_epoch = 3,
        .base_sequence = INT32_MAX - 1,
        .records = 5,
    };
}

static size_t make(uint8_t *out, struct batch_header h, size_t record_bytes)
{
    memset(out + BATCH_HEADER_BYTES, 0xAB, record_bytes);
    batch_print_header(&h, out);
    size_t n = batch_bytes(&h);
    h.crc = crc32c(crc32c_portable(), out + BATCH_CRC_FROM, n - BATCH_CRC_FROM);
    batch_print_header(&h, out);
    return n;
}

Test(record_batch, header_and_facts)
{
    uint8_t bytes[200];
    struct batch_header h;
    size_t n = make(bytes, header_of(20), 20);
    cr_assert_eq(n, 81);
    cr_assert_eq(batch_check(crc32c_detect(), slice_of(bytes, n), &h), OK);
    struct batch_facts f = batch_facts(&h);
    cr_assert_eq(f.base_offset, 1000);
    cr_assert_eq(f.last_offset, 1004);
    cr_assert_eq(f.base_timestamp, 1700000000000);
    cr_assert_eq(f.max_timestamp, 1700000000009);
    cr_assert_eq(f.delete_horizon_ms, NO_TIMESTAMP);
    cr_assert_eq(f.producer_id, 4711);
    cr_assert_eq(f.producer_epoch, 3);
    cr_assert_eq(f.base_sequence, INT32_MAX - 1);
    cr_assert_eq(f.last_sequence, 2, "sequences wrap to 0");
    cr_assert_eq(f.leader_epoch, 7);
    cr_assert_eq(f.records, 5);
    cr_assert_eq(f.bytes, 81);
    cr_assert_eq(f.compression, COMPRESSION_LZ4);
    cr_assert(f.transactional && !f.control && !f.log_append_time);
    char text[512];
    cr_assert(batch_describe(&h, text, sizeof(text)) < (int)sizeof(text));
    cr_assert(strstr(text, "baseOffset: 1000 lastOffset: 1004 count: 5 ") == text);
    cr_assert(strstr(text,
                     " isTransactional: true isControl: false deleteHorizonMs: OptionalLong.empty"
                     " CreateTime: 1700000000009 size: 81 magic: 2 compresscodec: lz4 crc: "));
}

Test(record_batch, every_truncation_and_bit_flip_is_refused)
{
    uint8_t bytes[200];
    struct batch_header h;
    size_t n = make(bytes, header_of(20), 20);
    for (size_t cut = 0; cut < n; cut++) {
        cr_assert_eq(batch_check(crc32c_detect(), slice_of(bytes, cut), &h), ERR_TRUNCATED, "%zu",
                     cut);
    }
    for (size_t bit = 0; bit < n * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        err_t err = batch_check(crc32c_detect(), slice_of(bytes, n), &h);
        size_t at = bit / 8;
        if (at < 8 && bit != 7) { /* the base offset and the leader epoch are not covered ... */
            cr_assert_eq(err, OK, "bit %zu", bit);
        } else if (at >= 12 && at < 16) {
            cr_assert_eq(err, OK, "bit %zu", bit);
        } else {
            cr_assert_neq(err, OK, "bit %zu", bit); /* ... but no offset is negative */
        }
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

Test(record_batch, counts_that_no_log_can_hold)
{
    uint8_t bytes[200];
    struct batch_header got;
    static const struct {
        int32_t last_offset_delta;
        int32_t records;
        err_t err;
    } cases[] = {
        {4, 5, OK},
        {4, 0, OK}, /* compaction leaves gaps, and empty batches for the sake of producer state */
        {4, 6, ERR_MALFORMED},
        {-1, 0, ERR_MALFORMED},
        {4, -1, ERR_MALFORMED},
        {INT32_MAX, INT32_MAX, OK},
        {INT32_MIN, 1, ERR_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct batch_header h = header_of(1);
        h.last_offset_delta = cases[i].last_offset_delta;
        h.records = cases[i].records;
        size_t n = make(bytes, h, 1);
        cr_assert_eq(batch_check(crc32c_detect(), slice_of(bytes, n), &got), cases[i].err, "%zu",
                     i);
    }
    struct batch_header h = header_of(1);
    h.attributes = 5;
    size_t n = make(bytes, h, 1);
    cr_assert_eq(batch_check(crc32c_detect(), slice_of(bytes, n), &got), ERR_MALFORMED);
}

Test(record_batch, lengths_and_magics)
{
    uint8_t bytes[200];
    struct batch_header h;
    size_t n = make(bytes, header_of(0), 0);
    cr_assert_eq(n, BATCH_HEADER_BYTES);
    cr_assert_eq(batch_check(crc32c_detect(), slice_of(bytes, n), &h), OK);
    bytes[11] = 48;
    cr_assert_eq(batch_check(crc32c_detect(), slice_of(bytes, n), &h), ERR_CORRUPT);
    bytes[8] = 0xFF;
    cr_assert_eq(batch_check(crc32c_detect(), slice_of(bytes, n), &h), ERR_CORRUPT);
    bytes[16] = 1;
    cr_assert_eq(batch_check(crc32c_detect(), slice_of(bytes, n), &h), ERR_VERSION);
    bytes[16] = 3;
    cr_assert_eq(batch_check(crc32c_detect(), slice_of(bytes, n), &h), ERR_VERSION);
}

Test(record_batch, batches_are_cut_one_by_one)
{
    uint8_t bytes[400];
    size_t a = make(bytes, header_of(20), 20);
    size_t b = make(bytes + a, header_of(0), 0);
    struct slice rest = slice_of(bytes, a + b + 30);
    struct slice batch;
    make(bytes + a + b, header_of(50), 50);
    cr_assert_eq(batch_cut(&rest, &batch), OK);
    cr_assert(batch.p == bytes && batch.n == a);
    cr_assert_eq(batch_cut(&rest, &batch), OK);
    cr_assert(batch.p == bytes + a && batch.n == b);
    cr_assert_eq(batch_cut(&rest, &batch), ERR_TRUNCATED);
    cr_assert_eq(rest.n, 30, "what is no whole batch stays");
}

Test(record_batch, stamps)
{
    uint8_t bytes[200];
    struct batch_header h;
    const struct crc32c_impl *crc = crc32c_detect();
    size_t n = make(bytes, header_of(20), 20);
    batch_stamp(bytes, 123456789012, 42);
    cr_assert_eq(batch_check(crc, slice_of(bytes, n), &h), OK, "both lie outside of the CRC");
    cr_assert_eq(h.base_offset, 123456789012);
    cr_assert_eq(h.leader_epoch, 42);
    uint32_t before = h.crc;
    batch_stamp_max_timestamp(crc, bytes, n, 1700000000008);
    cr_assert_eq(batch_check(crc, slice_of(bytes, n), &h), OK);
    cr_assert_eq(h.max_timestamp, 1700000000008);
    cr_assert_neq(h.crc, before);
    batch_stamp_append_time(crc, bytes, n, 1800000000000);
    cr_assert_eq(batch_check(crc, slice_of(bytes, n), &h), OK);
    cr_assert(batch_facts(&h).log_append_time);
    cr_assert_eq(h.max_timestamp, 1800000000000);
    cr_assert_eq(h.base_timestamp, 1700000000000);
    cr_assert_eq(batch_compression(&h), COMPRESSION_LZ4);
}

Test(record_batch, delete_horizon)
{
    struct batch_header h = header_of(0);
    h.attributes |= BATCH_DELETE_HORIZON | BATCH_CONTROL;
    struct batch_facts f = batch_facts(&h);
    cr_assert_eq(f.delete_horizon_ms, h.base_timestamp);
    cr_assert(f.control);
    char text[512];
    (void)batch_describe(&h, text, sizeof(text));
    cr_assert(
        strstr(text, "isControl: true deleteHorizonMs: OptionalLong[1700000000000] CreateTime:"));
}
