/* Batches are sealed and read back; what a hostile server could send is refused or ends. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "common/base/prng.h"
#include "common/client/batch_read.h"
#include "common/client/batch_write.h"
#include "tests/lib/memory.h"

static struct test_memory memory;
static struct heap heap;
static struct batch_gather gather;
static struct batch_sealed sealed;
static struct batch_read reader;
static struct buf log_bytes;

static void begin(void)
{
    test_memory_init(&memory);
    heap_init(&heap, &memory.source, 600u << 20);
    batch_gather_init(&gather, &heap, 4096);
    batch_sealed_init(&sealed, &heap, 64u << 20);
    batch_read_init(&reader, &heap);
    buf_init(&log_bytes, &heap, 64u << 20);
}

static void end(void)
{
    batch_gather_release(&gather);
    batch_sealed_release(&sealed);
    batch_read_release(&reader);
    buf_release(&log_bytes);
    heap_release(&heap);
    cr_assert_eq(memory.out, 0);
}

TestSuite(batches, .init = begin, .fini = end);

/* One batch of `count` records at base offset `at`, behind what the log holds. */
static void batch_put(enum compression compression, int64_t at, int32_t count, bool control)
{
    struct batch_packer packer;
    batch_packer_init(&packer, &heap, compression);
    for (int32_t i = 0; i < count; i++) {
        char text[32];
        int n = snprintf(text, sizeof(text), "value %lld", (long long)(at + i));
        struct record record = {.timestamp = 1000 + i, .value = slice_of(text, (size_t)n)};
        cr_assert(batch_gather_fits(&gather, &record));
        cr_assert_eq(batch_gather_add(&gather, &record), OK);
    }
    cr_assert_eq(batch_seal(&packer, &gather, 77, 3, 5, &sealed), OK);
    cr_assert_eq(sealed.records, count);
    cr_assert_eq(gather.records, 0);
    batch_stamp(sealed.bytes.p, at, 1);
    if (control) {
        struct batch_header header;
        cr_assert_eq(batch_parse(buf_slice(&sealed.bytes), &header), OK);
        header.attributes |= BATCH_CONTROL;
        batch_print_header(&header, sealed.bytes.p);
        header.crc = crc32c(crc32c_detect(), sealed.bytes.p + BATCH_CRC_FROM,
                            sealed.bytes.n - BATCH_CRC_FROM);
        batch_print_header(&header, sealed.bytes.p);
    }
    buf_put(&log_bytes, sealed.bytes.p, sealed.bytes.n);
    batch_packer_release(&packer);
}

/* Reads to the end; how many records came, each the one that its offset says. */
static int32_t read_all(struct slice bytes, int64_t from, err_t *ret_err)
{
    struct record record;
    int32_t count = 0;
    bool more = true;
    batch_read_begin(&reader, bytes, from);
    while ((*ret_err = batch_read_next(&reader, &record, &more)) == OK && more) {
        char text[32];
        (void)snprintf(text, sizeof(text), "value %lld", (long long)record.offset);
        cr_assert(slice_eq(record.value, slice_str(text)));
        cr_assert_geq(record.offset, from);
        cr_assert_eq(reader.next_offset, record.offset + 1);
        count++;
    }
    return count;
}

Test(batches, every_codec_comes_back)
{
    err_t err;
    for (int codec = 0; codec < COMPRESSION_COUNT; codec++) {
        buf_clear(&log_bytes);
        batch_put((enum compression)codec, 10, 20, false);
        batch_put((enum compression)codec, 30, 20, false);
        cr_assert_eq(read_all(buf_slice(&log_bytes), 10, &err), 40);
        cr_assert_eq(err, OK);
        cr_assert_eq(reader.next_offset, 50);
        cr_assert_eq(read_all(buf_slice(&log_bytes), 35, &err), 15,
                     "records before the offset are passed over");
    }
}

Test(batches, producer_and_sequence_stand_in_the_header)
{
    struct batch_header header;
    batch_put(COMPRESSION_LZ4, 0, 3, false);
    cr_assert_eq(batch_check(crc32c_detect(), buf_slice(&log_bytes), &header), OK);
    cr_assert(header.producer_id == 77 && header.producer_epoch == 3 && header.base_sequence == 5);
    cr_assert(header.records == 3 && header.last_offset_delta == 2 &&
              header.base_timestamp == 1000 && header.max_timestamp == 1002);
}

Test(batches, a_gather_ends_at_its_limit_but_takes_one_record_of_any_size)
{
    static uint8_t big[8000];
    struct record record = {.value = slice_of(big, sizeof(big))};
    cr_assert(batch_gather_fits(&gather, &record));
    cr_assert_eq(batch_gather_add(&gather, &record), OK);
    record.value.n = 1;
    cr_assert(!batch_gather_fits(&gather, &record));
}

Test(batches, control_batches_move_the_offset_on)
{
    err_t err;
    batch_put(COMPRESSION_NONE, 0, 2, false);
    batch_put(COMPRESSION_NONE, 2, 1, true);
    cr_assert_eq(read_all(buf_slice(&log_bytes), 0, &err), 2);
    cr_assert(err == OK && reader.next_offset == 3);
    cr_assert_eq(
        read_all(slice_of(log_bytes.p + log_bytes.n - sealed.bytes.n, sealed.bytes.n), 2, &err), 0);
    cr_assert(err == OK && reader.next_offset == 3 && !reader.cut);
}

Test(batches, a_part_of_a_batch_is_the_end)
{
    err_t err;
    batch_put(COMPRESSION_NONE, 0, 5, false);
    size_t first = log_bytes.n;
    batch_put(COMPRESSION_GZIP, 5, 5, false);
    for (size_t n = 0; n < log_bytes.n; n++) {
        int32_t count = read_all(slice_of(log_bytes.p, n), 0, &err);
        cr_assert_eq(err, OK);
        cr_assert_eq(count, n < first ? 0 : 5);
        cr_assert_eq(reader.cut, n > 0 && n < first, "%zu", n);
    }
}

Test(batches, flipped_bytes_are_found)
{
    err_t err;
    batch_put(COMPRESSION_ZSTD, 0, 5, false);
    for (size_t at = BATCH_CRC_FROM - 4; at < log_bytes.n; at++) {
        log_bytes.p[at] ^= 0x40;
        cr_assert_eq(read_all(buf_slice(&log_bytes), 0, &err), 0);
        cr_assert_neq(err, OK, "byte %zu", at);
        cr_assert_not_null(batch_read_reason(&reader, err));
        log_bytes.p[at] ^= 0x40;
    }
}

Test(batches, garbage_ends)
{
    static uint8_t bytes[300];
    struct prng prng;
    err_t err;
    prng_init(&prng, 1);
    for (int round = 0; round < 20000; round++) {
        struct record record;
        bool more = true;
        size_t n = prng_below(&prng, sizeof(bytes));
        for (size_t i = 0; i < n; i++) {
            bytes[i] = (uint8_t)prng_u64(&prng);
        }
        if (n > 16) {
            memset(bytes + 8, 0, 3); /* a length that fits now and then */
            bytes[16] = BATCH_MAGIC;
        }
        batch_read_begin(&reader, slice_of(bytes, n), 0);
        err = batch_read_next(&reader, &record, &more);
        cr_assert(err != OK || !more);
    }
}
