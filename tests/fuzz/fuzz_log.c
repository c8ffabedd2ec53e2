/*
 * Any bytes as the files of a log: segments, indexes, the note of a truncation. Log and index files come as they are, or with
 * lengths and checksums of the batches put right. The log opens or says why not; what it then holds is read, searched, appended
 * to, cut, closed and opened again, with its own invariants looked at after every step.
 */
#include "common/base/crc32c.h"
#include "common/log/log.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/fake_disk.h"

#define DIR "t-0"

static const char *const files[] = {DIR "/00000000000000000000.log",
                                    DIR "/00000000000000000000.index",
                                    DIR "/00000000000000000000.timeindex",
                                    DIR "/00000000000000000002.log",
                                    DIR "/00000000000000000002.index",
                                    DIR "/00000000000000000002.timeindex",
                                    DIR "/truncated-below"};

/* Batch after batch, as far as lengths go: magic and CRC as they must be. */
static void put_right(uint8_t *p, size_t n)
{
    while (n >= BATCH_HEADER_BYTES) {
        size_t bytes = BATCH_PREFIX_BYTES + (size_t)load_be32(p + 8);
        if (bytes < BATCH_HEADER_BYTES || bytes > n) {
            bytes = n;
            store_be32(p + 8, (uint32_t)(n - BATCH_PREFIX_BYTES));
        }
        p[16] = BATCH_MAGIC;
        store_be32(p + 17, crc32c(crc32c_portable(), p + BATCH_CRC_FROM, bytes - BATCH_CRC_FROM));
        p += bytes;
        n -= bytes;
    }
}

static void files_put(struct host *host, struct slice *in, uint8_t mode)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct slice bytes = fuzz_piece(in);
        uint8_t *copy = malloc(bytes.n + 1);
        memcpy(copy, bytes.p, bytes.n);
        if ((mode & 1) && i % 3 == 0) {
            put_right(copy, bytes.n);
        }
        if (bytes.n > 0) {
            fake_disk_put(host, files[i], copy, bytes.n);
        }
        free(copy);
    }
}

static void read_some(struct log *log, uint32_t choice)
{
    struct log_range range;
    uint8_t scratch[4096];
    int64_t from = log_start(log) + choice % (log_end(log) - log_start(log) + 1);
    err_t err = choice & 0x100
                    ? log_read(log, from, log_end(log), choice % 5000, choice & 1, LOG_READ_HOT,
                               &range)
                    : log_find_timestamp(log, choice, log_end(log), LOG_READ_HOT, &range);
    assert(err == OK || err == ERR_CORRUPT);
    if (err == OK && range.cold) {
        err = log_range_warm(&range, crc32c_portable(), scratch, sizeof(scratch));
        err = log_range_warmed(log, &range, err);
        assert(err == OK || err == ERR_CORRUPT || err == ERR_IO);
    }
    if (err == OK) {
        log_range_release(&range);
    }
    log_check(log);
}

static void replay(struct log *log)
{
    struct log_replay *replay = NULL;
    struct log_batch batch;
    int64_t end = log_start(log);
    err_t err = log_replay_open(log, log_start(log), &replay);
    while (err == OK) {
        err = log_replay_next(replay, &batch);
        if (err == OK) {
            assert(batch.facts.last_offset >= batch.facts.base_offset);
            assert(end == log_start(log) || batch.facts.base_offset >= end);
            end = batch.facts.last_offset + 1;
        }
    }
    assert(err == ERR_NOT_FOUND || err == ERR_CORRUPT);
    if (replay != NULL) {
        log_replay_close(replay);
    }
}

static void use(struct log *log, struct slice *in)
{
    replay(log);
    for (int i = 0; i < 4; i++) {
        read_some(log, fuzz_number(in, 2));
    }
    uint8_t cut = fuzz_byte(in);
    if (cut & 1) {
        int64_t to = log_start(log) + cut % (log_end(log) - log_start(log) + 1);
        err_t err = log_truncate(log, to, 1000);
        assert(err == OK || err == ERR_CORRUPT);
        log_check(log);
    }
}

/* Opens, uses, closes; false: it would not open. */
static bool life(struct host *host, struct heap *heap, struct log_known *known, struct slice *in)
{
    struct log_config config = {.segment_bytes = 4096,
                                .segment_ms = INT64_C(604800000),
                                .index_interval_bytes = 128,
                                .index_bytes_max = 1 << 20,
                                .gaps = (fuzz_byte(in) & 1) != 0,
                                .crc = crc32c_portable()};
    struct log *log = NULL;
    struct log_report report;
    err_t err = log_open(host, heap, DIR, &config, known, &log, &report);
    assert((err == OK) == (log != NULL));
    if (err != OK) {
        assert(err == ERR_CORRUPT || err == ERR_UNSUPPORTED || err == ERR_RANGE);
        return false;
    }
    log_check(log);
    use(log, in);
    err = log_close(log);
    assert(err == OK || err == ERR_OFFLINE);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice in = slice_of(data, n);
    struct heap heap;
    uint8_t mode = fuzz_byte(&in);
    struct host *host = fake_host_open(mode);
    heap_init(&heap, memory_source(host), (size_t)64 << 20);
    err_t err = disk_mkdir(host, DIR);
    assert(err == OK);
    struct log_known known = {.clean = (mode & 2) != 0,
                              .recovery_point = mode & 4 ? fuzz_byte(&in) : 0,
                              .log_start = mode & 8 ? fuzz_byte(&in) : 0};
    files_put(host, &in, mode);
    if (life(host, &heap, &known, &in)) {
        known.clean = (mode & 16) != 0;
        (void)life(host, &heap, &known, &in);
    }
    assert(heap.live == 0);
    heap_release(&heap);
    fake_host_close(host);
    return 0;
}
