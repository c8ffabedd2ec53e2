#include "tests/unit/common/log/fixture.h"

#include <stdlib.h>

#include "common/wire/record_batch_build.h"

void ground_init(struct ground *g, uint64_t seed)
{
    memset(g, 0, sizeof(*g));
    g->host = fake_host_open(seed);
    heap_init(&g->heap, memory_source(g->host), 64 << 20);
    cr_assert_eq(disk_mkdir(g->host, "data"), OK);
    cr_assert_eq(disk_sync_dir(g->host, ""), OK);
    g->config = (struct log_config){
        .segment_bytes = 4096,
        .segment_ms = INT64_C(7) * 24 * 3600 * 1000,
        .index_interval_bytes = 256,
        .index_bytes_max = 10 << 20,
        .crc = crc32c_portable(),
    };
}

void ground_kill(struct ground *g)
{
    if (g->log != NULL) {
        log_abandon(g->log);
        g->log = NULL;
    }
}

void ground_release(struct ground *g)
{
    ground_kill(g);
    cr_assert_eq(g->heap.live, 0);
    heap_release(&g->heap);
    fake_host_close(g->host);
}

err_t ground_open(struct ground *g)
{
    cr_assert_null(g->log);
    err_t err = log_open(g->host, &g->heap, DIR, &g->config, &g->known, &g->log, &g->report);
    cr_assert((err == OK) == (g->log != NULL));
    if (err == OK) {
        log_check(g->log);
    }
    return err;
}

void ground_must_open(struct ground *g)
{
    err_t err = ground_open(g);
    cr_assert_eq(err, OK, "open: %s at %lld", err_text(err), (long long)g->report.bad_offset);
}

int64_t ground_sync(struct ground *g)
{
    struct log_sync sync;
    while (log_sync_take(g->log, &sync)) {
        (void)log_sync_done(g->log, &sync, log_sync_run(&sync));
        log_check(g->log);
    }
    return log_durable_end(g->log);
}

struct slice batch_make(const struct sketch *sketch)
{
    static uint8_t room[4 << 20] __attribute__((aligned(16)));
    struct memory_block block = {room, sizeof(room), 0};
    struct memory_source source = memory_block_source(&block);
    struct heap heap;
    struct buf buf;
    struct batch_builder builder;
    struct batch_header header;
    heap_init(&heap, &source, block.n);
    buf_init(&buf, &heap, block.n);
    struct batch_options options = batch_options_plain();
    options.base_offset = sketch->base;
    options.leader_epoch = sketch->epoch;
    batch_begin(&builder, &options, &buf);
    uint8_t *value = malloc(sketch->value_bytes + 1);
    for (int32_t i = 0; i < sketch->records; i++) {
        memset(value, 'a' + (int)((sketch->base + i) % 26), sketch->value_bytes + 1);
        cr_assert_eq(batch_append(&builder, sketch->timestamp + i, slice_str("k"),
                                  slice_of(value, sketch->value_bytes)),
                     OK);
    }
    free(value);
    cr_assert_eq(batch_finish(&builder, crc32c_portable(), &header), OK);
    uint8_t *copy = malloc(buf.n);
    memcpy(copy, buf.p, buf.n);
    struct slice batch = slice_of(copy, buf.n);
    return batch;
}

void batch_drop(struct slice batch)
{
    free((void *)(uintptr_t)batch.p);
}

err_t ground_append(struct ground *g, int32_t records, int32_t epoch, int64_t timestamp,
                    size_t value_bytes)
{
    struct sketch sketch = {log_end(g->log), records, epoch, timestamp, value_bytes};
    struct slice batch = batch_make(&sketch);
    err_t err = log_append(g->log, &batch, 1, 1000);
    batch_drop(batch);
    log_check(g->log);
    return err;
}

static err_t read_once(struct ground *g, int64_t from, int64_t limit, size_t bytes_max,
                       enum log_read_mode mode, struct log_range *range)
{
    uint8_t scratch[4096];
    err_t err = log_read(g->log, from, limit, bytes_max, true, mode, range);
    if (err == OK && range->cold) {
        err = log_range_warm(range, g->config.crc, scratch, sizeof(scratch));
        err = log_range_warmed(g->log, range, err);
    }
    return err;
}

uint8_t *ground_read(struct ground *g, int64_t from, int64_t limit, size_t bytes_max,
                     enum log_read_mode mode, size_t *ret_n)
{
    uint8_t *bytes = malloc(1);
    *ret_n = 0;
    while (from < limit) {
        struct log_range range;
        size_t n = 0;
        err_t err = read_once(g, from, limit, bytes_max, mode, &range);
        cr_assert_eq(err, OK, "read at %lld: %s", (long long)from, err_text(err));
        if (range.bytes == 0) {
            log_range_release(&range);
            break;
        }
        bytes = realloc(bytes, *ret_n + range.bytes);
        cr_assert_eq(log_range_read(&range, bytes + *ret_n, &n), OK);
        cr_assert_eq(n, range.bytes);
        cr_assert(range.end_offset > from && range.end_offset <= limit);
        *ret_n += n;
        from = range.end_offset;
        log_range_release(&range);
        log_check(g->log);
    }
    return bytes;
}

uint32_t ground_replay(struct ground *g, int64_t from, int64_t *ret_bases, uint32_t max)
{
    struct log_replay *replay = NULL;
    struct log_batch batch;
    uint32_t n = 0;
    cr_assert_eq(log_replay_open(g->log, from, &replay), OK);
    err_t err = OK;
    while ((err = log_replay_next(replay, &batch)) == OK) {
        if (n < max) {
            ret_bases[n] = batch.facts.base_offset;
        }
        n++;
    }
    cr_assert_eq(err, ERR_NOT_FOUND, "%s", err_text(err));
    log_replay_close(replay);
    return n;
}
