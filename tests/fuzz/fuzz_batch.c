/*
 * Any bytes as the records field of a Produce request. As they come, and with length and CRC put right, so that mutations reach
 * what stands behind the checksum. Besides the sanitizers this holds: the verdict does not depend on how the plain bytes are cut;
 * the scan and the reader accept the same records; an accepted batch is stamped into one that batch_check accepts.
 */
#include <stdlib.h>

#include "common/base/bytes.h"
#include "common/base/prng.h"
#include "common/wire/record_batch_records.h"
#include "common/wire/record_batch_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define NOW 1700000000000

struct cutter {
    struct slice left;
    struct prng prng;
};

static err_t cut_pull(void *ctx, struct slice *ret_piece)
{
    struct cutter *cutter = ctx;
    size_t n = cutter->left.n == 0
                   ? 0
                   : 1 + prng_below(&cutter->prng, cutter->left.n < 40 ? cutter->left.n : 40);
    *ret_piece = slice_of(cutter->left.p, n);
    cutter->left = slice_of(cutter->left.p + n, cutter->left.n - n);
    return OK;
}

static void same_however_cut(const struct produce_rules *rules, const struct produce_verdict *first,
                             const struct produce_verdict *whole)
{
    struct cutter cutter = {.left = first->records};
    prng_init(&cutter.prng, first->header.crc);
    struct byte_source source = {.pull = cut_pull, .ctx = &cutter};
    struct produce_verdict cut = *first;
    produce_check_records(rules, &source, &cut);
    assert(cut.error == whole->error && cut.faults == whole->faults);
    assert(strcmp(cut.text, whole->text) == 0);
    assert(cut.max_timestamp == whole->max_timestamp &&
           cut.max_timestamp_delta == whole->max_timestamp_delta);
}

static bool reader_accepts(const struct produce_verdict *verdict)
{
    struct record_reader reader;
    struct record record;
    bool more = true;
    record_reader_init(&reader, &verdict->header, verdict->records);
    while (more) {
        if (record_reader_next(&reader, &record, &more) != OK) {
            return false;
        }
        struct slice headers = more ? record.headers : (struct slice){0};
        struct slice key;
        struct slice value;
        while (record_header_next(&headers, &key, &value)) {
            assert(key.p != NULL);
        }
    }
    return true;
}

static void judge(const struct produce_rules *rules, uint8_t *bytes, size_t n)
{
    const struct crc32c_impl *crc = crc32c_detect();
    struct produce_verdict first;
    produce_check_batch(rules, crc, slice_of(bytes, n), &first);
    assert((first.error == KAFKA_NONE) == (first.text[0] == 0));
    if (first.error != KAFKA_NONE || batch_compression(&first.header) != COMPRESSION_NONE) {
        return;
    }
    struct slice plain = first.records;
    struct byte_source source = source_slice(&plain);
    struct produce_verdict whole = first;
    produce_check_records(rules, &source, &whole);
    same_however_cut(rules, &first, &whole);
    if (whole.error != KAFKA_NONE) {
        return;
    }
    assert(reader_accepts(&whole));
    produce_stamp(rules, crc, bytes, &whole);
    batch_stamp(bytes, 5, 7);
    struct batch_header header;
    err_t err = batch_check(crc, slice_of(bytes, n), &header);
    assert(err == OK && header.max_timestamp == whole.max_timestamp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct produce_rules rules = {.now = NOW,
                                  .before_max_ms = INT64_MAX,
                                  .after_max_ms = 3600000,
                                  .batch_bytes_max = 1 << 20,
                                  .produce_version = 9};
    if (n == 0) {
        return 0;
    }
    rules.key_required = (data[0] & 1) != 0;
    rules.log_append_time = (data[0] & 2) != 0;
    rules.before_max_ms = (data[0] & 4) != 0 ? 1000 : INT64_MAX;
    n--;
    uint8_t *bytes = malloc(n == 0 ? 1 : n);
    memcpy(bytes, data + 1, n);
    judge(&rules, bytes, n);
    if (n >= BATCH_HEADER_BYTES) {
        memcpy(bytes, data + 1, n);
        store_be64(bytes, 0);
        store_be32(bytes + 8, (uint32_t)(n - BATCH_PREFIX_BYTES));
        bytes[16] = BATCH_MAGIC;
        store_be32(bytes + 17,
                   crc32c(crc32c_portable(), bytes + BATCH_CRC_FROM, n - BATCH_CRC_FROM));
        judge(&rules, bytes, n);
    }
    free(bytes);
    return 0;
}
