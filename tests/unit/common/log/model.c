#include "tests/unit/common/log/model.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/bytes.h"

void world_init(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    ground_init(&w->g, seed * 2 + 1);
    prng_init(&w->prng, seed);
    w->g.config.segment_bytes = prng_between(&w->prng, 300, 5000);
    w->g.config.index_interval_bytes = (int32_t)prng_between(&w->prng, 0, 700);
    w->now_ms = 1000000;
}

void world_release(struct world *w)
{
    world_kill(w);
    ground_release(&w->g);
    for (size_t i = 0; i < w->pool_count; i++) {
        batch_drop(w->pool[i]);
    }
    for (size_t i = 0; i < w->old_count; i++) {
        free(w->old[i].batches);
    }
    free(w->now.batches);
    free(w->pool);
}

void world_kill(struct world *w)
{
    if (w->g.log == NULL) {
        return;
    }
    if (w->sync_out) {
        (void)log_sync_done(w->g.log, &w->sync, ERR_IO);
        w->sync_out = false;
    }
    w->point_out = w->start_out = false;
    world_let_go(w);
    ground_kill(&w->g);
}

static void history_add(struct history *h, struct model_batch batch)
{
    h->batches = realloc(h->batches, (h->count + 1) * sizeof(h->batches[0]));
    h->batches[h->count++] = batch;
    h->end = batch.last + 1;
}

/* The present becomes one of the pasts that a crash may bring back. */
static void history_keep(struct world *w, int64_t floor)
{
    cr_assert_lt(w->old_count, HISTORIES_MAX);
    struct history *old = &w->old[w->old_count++];
    *old = (struct history){.end = w->now.end, .start = w->start, .floor = floor};
    for (size_t i = 0; i < w->now.count; i++) {
        history_add(old, w->now.batches[i]);
    }
    old->end = w->now.end;
    for (size_t i = 0; i + 1 < w->old_count; i++) {
        w->old[i].floor = min_i64(w->old[i].floor, floor);
    }
}

static void history_forget(struct world *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(w->old[i].batches);
    }
    memmove(w->old, w->old + n, (w->old_count - n) * sizeof(w->old[0]));
    w->old_count -= n;
}

static struct slice world_batch(struct world *w, int64_t base, int64_t *ret_last)
{
    struct sketch sketch = {base, (int32_t)prng_between(&w->prng, 1, 4), w->epoch,
                            w->now_ms + prng_between(&w->prng, -50, 50),
                            prng_below(&w->prng, prng_chance(&w->prng, 50) ? 3000 : 300)};
    struct slice batch = batch_make(&sketch);
    w->now_ms += 10;
    *ret_last = base + sketch.records - 1;
    w->pool = realloc(w->pool, (w->pool_count + 1) * sizeof(w->pool[0]));
    w->pool[w->pool_count++] = batch;
    return batch;
}

err_t world_append(struct world *w, int batches)
{
    struct slice slices[16];
    struct model_batch made[16];
    int64_t base = log_end(w->g.log);
    cr_assert_leq(batches, 16);
    w->epoch += prng_chance(&w->prng, 100);
    for (int i = 0; i < batches; i++) {
        made[i].base = base;
        slices[i] = made[i].bytes = world_batch(w, base, &made[i].last);
        base = made[i].last + 1;
    }
    err_t err = log_append(w->g.log, slices, (uint32_t)batches, w->now_ms);
    log_check(w->g.log);
    for (int i = 0; i < batches && made[i].last < log_end(w->g.log); i++) {
        history_add(&w->now, made[i]);
    }
    cr_assert_eq(w->now.end, log_end(w->g.log));
    cr_assert(err != OK || w->now.end == base);
    return err;
}

err_t world_truncate(struct world *w, int64_t offset)
{
    offset = max_i64(offset, log_start(w->g.log));
    history_keep(w, min_i64(log_durable_end(w->g.log), offset));
    while (w->now.count > 0 && w->now.batches[w->now.count - 1].last >= offset) {
        w->now.end = w->now.batches[--w->now.count].base;
    }
    w->now.end = w->now.count > 0 ? w->now.batches[w->now.count - 1].last + 1 : w->now.end;
    w->epoch++;
    err_t err = log_truncate(w->g.log, offset, w->now_ms);
    if (err == OK) {
        log_check(w->g.log);
        cr_assert_eq(log_end(w->g.log), w->now.end);
    }
    return err;
}

err_t world_restart(struct world *w, int64_t offset)
{
    bool below = offset < max_i64(log_start(w->g.log), w->saved_start);
    history_keep(w, 0);
    w->start_out = false;
    w->now.count = 0;
    w->now.end = offset;
    w->start = offset;
    w->start_stale = w->start_stale || below;
    w->epoch++;
    err_t err = log_restart(w->g.log, offset, below, w->now_ms);
    if (err == OK) {
        log_check(w->g.log);
        cr_assert_eq(log_end(w->g.log), offset);
        cr_assert_eq(log_start(w->g.log), offset);
    }
    return err;
}

err_t world_expire(struct world *w)
{
    struct log_retention retention = {
        .retention_ms = prng_chance(&w->prng, 500) ? prng_between(&w->prng, 0, 1000) : -1,
        .retention_bytes = prng_chance(&w->prng, 500) ? prng_between(&w->prng, 0, 20000) : -1,
        .limit = prng_between(&w->prng, log_start(w->g.log), log_end(w->g.log)),
    };
    bool moved = false;
    int64_t before = log_start(w->g.log);
    err_t err = log_expire(w->g.log, &retention, w->now_ms, &moved);
    if (err == OK) {
        log_check(w->g.log);
    }
    cr_assert_eq(moved, log_start(w->g.log) > before);
    cr_assert(!moved || log_start(w->g.log) <= retention.limit);
    w->start = log_start(w->g.log);
    for (size_t i = 0; i < w->old_count; i++) {
        w->old[i].start = max_i64(w->old[i].start, w->start);
    }
    return err;
}

void world_start_take(struct world *w)
{
    if (!w->start_out) {
        w->start_taken = log_start(w->g.log);
        w->start_out = true;
    }
}

err_t world_start_finish(struct world *w)
{
    if (!w->start_out) {
        return OK;
    }
    w->saved_start = w->start_taken;
    w->start_stale = false;
    w->start_out = false;
    err_t err = log_drop(w->g.log, w->saved_start);
    log_check(w->g.log);
    if (prng_chance(&w->prng, 500)) {
        log_doomed_run(log_doomed_take(w->g.log));
    }
    return err;
}

err_t world_save_start(struct world *w)
{
    world_start_take(w);
    return world_start_finish(w);
}

void world_hold(struct world *w)
{
    int64_t from = prng_between(&w->prng, max_i64(log_start(w->g.log), log_end(w->g.log) - 30),
                                log_end(w->g.log));
    size_t n = 0;
    if (w->held_bytes != NULL) {
        return;
    }
    err_t err = log_read(w->g.log, from, log_end(w->g.log), 1 << 20, true, LOG_READ_ANY, &w->held);
    cr_assert_eq(err, OK);
    w->held_bytes = malloc(w->held.bytes + 1);
    cr_assert_eq(log_range_read(&w->held, w->held_bytes, &n), OK);
    cr_assert_eq(n, w->held.bytes);
}

void world_let_go(struct world *w)
{
    if (w->held_bytes == NULL) {
        return;
    }
    uint8_t *now = malloc(w->held.bytes + 1);
    size_t n = 0;
    cr_assert_eq(log_range_read(&w->held, now, &n), OK);
    cr_assert_eq(memcmp(now, w->held_bytes, n), 0, "bytes that were given out are others now");
    log_range_release(&w->held);
    free(now);
    free(w->held_bytes);
    w->held_bytes = NULL;
}

int64_t world_sealed(const struct world *w)
{
    uint32_t i = log_segment_count(w->g.log) - 1;
    bool there = i > 0 && log_segment(w->g.log, i).base_offset > log_start(w->g.log) &&
                 log_segment(w->g.log, i - 1).bytes > 0;
    return there ? log_segment(w->g.log, i - 1).base_offset : -1;
}

/* As a crash of another server, or a copy of the folder, may leave it. */
bool world_harm_index(struct world *w, int64_t base)
{
    char path[100];
    size_t n = 0;
    (void)snprintf(path, sizeof(path), DIR "/%020lld.index", (long long)base);
    uint8_t *good = fake_disk_bytes(w->g.host, path, &n);
    uint8_t longer[4096] = {0};
    bool fits = n > 0 && n < sizeof(longer) / 2;
    if (fits && prng_chance(&w->prng, 300)) {
        (void)fake_disk_forget(w->g.host, path);
    } else if (fits) {
        memcpy(longer, good, n);
        fake_disk_put(w->g.host, path, longer,
                      prng_chance(&w->prng, 500) ? n - 1 : sizeof(longer) / 8 * 8);
    }
    free(good);
    return fits;
}

void world_harm_times(struct world *w, int64_t base)
{
    char path[100];
    size_t n = 0;
    (void)snprintf(path, sizeof(path), DIR "/%020lld.timeindex", (long long)base);
    uint8_t *good = fake_disk_bytes(w->g.host, path, &n);
    uint8_t longer[4096];
    if (n > 0 && n + 12 <= sizeof(longer)) {
        memcpy(longer, good, n);
        store_be64(longer + n, (uint64_t)INT64_MAX / 2);
        store_be32(longer + n + 8, INT32_MAX);
        fake_disk_put(w->g.host, path, longer, n + 12);
    }
    free(good);
}

void world_sync_take(struct world *w)
{
    if (!w->sync_out && log_sync_take(w->g.log, &w->sync)) {
        w->sync_out = true;
        w->sync_covers = w->sync.end == log_end(w->g.log) ? w->old_count : 0;
    }
}

err_t world_sync_finish(struct world *w)
{
    if (!w->sync_out) {
        return OK;
    }
    err_t err = log_sync_run(&w->sync);
    int64_t durable = log_sync_done(w->g.log, &w->sync, err);
    w->sync_out = false;
    w->sync_failed = w->sync_failed || err != OK;
    log_check(w->g.log);
    cr_assert_leq(durable, w->now.end);
    if (err == OK) {
        history_forget(w, w->sync_covers);
    }
    return err;
}

err_t world_sync(struct world *w)
{
    err_t err = world_sync_finish(w);
    world_sync_take(w);
    return err != OK ? err : world_sync_finish(w);
}

void world_point_take(struct world *w)
{
    if (!w->point_out) {
        w->point = log_recovery_point_take(w->g.log);
        w->point_start = log_start(w->g.log);
        w->point_out = true;
    }
}

void world_point_finish(struct world *w)
{
    if (w->point_out) {
        w->saved_point = w->point.offset;
        w->saved_start = w->start_stale ? w->point_start : w->saved_start;
        w->start_stale = w->start_stale && w->point.cut != log_cuts(w->g.log);
        log_recovery_point_saved(w->g.log, w->point);
        w->point_out = false;
    }
}

/* The bytes of a history from the batch that holds `from` up to the batch that ends at `to`. false: it has no such ends. */
static bool history_bytes(const struct history *h, int64_t from, int64_t to, uint8_t *out,
                          size_t room, size_t *ret_n)
{
    *ret_n = 0;
    if (from == to) {
        return to <= h->end;
    }
    bool ended = false;
    for (size_t i = 0; i < h->count; i++) {
        const struct model_batch *batch = &h->batches[i];
        if (batch->last < from || batch->base >= to) {
            continue;
        }
        if (*ret_n + batch->bytes.n > room) {
            return false;
        }
        memcpy(out + *ret_n, batch->bytes.p, batch->bytes.n);
        *ret_n += batch->bytes.n;
        ended = batch->last + 1 == to;
    }
    return ended;
}

static bool history_matches(const struct history *h, int64_t from, int64_t to, const uint8_t *got,
                            size_t n)
{
    uint8_t *want = malloc(n + 1);
    size_t want_n = 0;
    bool same = history_bytes(h, from, to, want, n, &want_n) && want_n == n &&
                memcmp(want, got, n) == 0;
    free(want);
    return same;
}

/* The first batch of a history may have been dropped with its segment; then it cannot be compared any more. */
static const struct history *world_match(struct world *w, int64_t from, int64_t to,
                                         const uint8_t *got, size_t n)
{
    if (to >= w->now.floor && history_matches(&w->now, from, to, got, n)) {
        return &w->now;
    }
    for (size_t i = 0; i < w->old_count; i++) {
        if (to >= w->old[i].floor && from <= w->old[i].start &&
            history_matches(&w->old[i], from, to, got, n)) {
            return &w->old[i];
        }
    }
    return NULL;
}

static void world_adopt(struct world *w, const struct history *from, int64_t end)
{
    struct history now = {.end = end};
    for (size_t i = 0; i < from->count && from->batches[i].last < end; i++) {
        history_add(&now, from->batches[i]);
    }
    now.end = end;
    history_forget(w, 0);
    struct history was = w->now;
    w->now = now;
    free(was.batches);
    history_forget(w, w->old_count);
}

void world_renew(struct world *w)
{
    world_kill(w);
    cr_assert_eq(log_remove(w->g.host, DIR), OK);
    history_forget(w, w->old_count);
    free(w->now.batches);
    w->now = (struct history){0};
    w->start = 0;
    w->start_stale = true;
    w->g.known = (struct log_known){.rewrite = w->sync_failed, .renewed = true};
    ground_must_open(&w->g);
    cr_assert_eq(log_end(w->g.log), 0);
}

void world_open(struct world *w, bool clean)
{
    int64_t durable = w->now.floor;
    w->g.known = (struct log_known){.clean = clean,
                                    .recovery_point = w->saved_point,
                                    .log_start = w->saved_start,
                                    .rewrite = w->sync_failed};
    ground_must_open(&w->g);
    int64_t from = log_start(w->g.log);
    int64_t to = log_end(w->g.log);
    size_t n = 0;
    uint8_t *got = ground_read(&w->g, from, to, 4096, LOG_READ_HOT, &n);
    const struct history *match = world_match(w, from, to, got, n);
    cr_assert_not_null(match, "%lld..%lld is none of the histories; now ends at %lld, floor %lld",
                       (long long)from, (long long)to, (long long)w->now.end, (long long)durable);
    cr_assert(match != &w->now || from <= w->start || w->now.count == 0);
    cr_assert(!clean || (match == &w->now && to == w->now.end));
    cr_assert_eq(log_durable_end(w->g.log), to);
    free(got);
    world_adopt(w, match, to);
    w->start = from;
    w->start_stale = w->start_stale || w->g.report.renewed; /* it was not believed */
    if (!w->start_stale) {
        w->saved_start = max_i64(w->saved_start, from); /* as the owner must */
    }
    w->now.floor = to;
}

void world_check(struct world *w)
{
    struct log *log = w->g.log;
    int64_t from = prng_between(&w->prng, log_start(log), log_end(log));
    int64_t to = prng_between(&w->prng, from, log_end(log));
    size_t n = 0;
    enum log_read_mode mode = prng_chance(&w->prng, 500) ? LOG_READ_HOT : LOG_READ_ANY;
    uint8_t *got = ground_read(&w->g, from, to, prng_below(&w->prng, 3000), mode, &n);
    int64_t end = from;
    for (size_t i = 0; i < w->now.count; i++) {
        end = w->now.batches[i].last < to && w->now.batches[i].last >= from
                  ? w->now.batches[i].last + 1
                  : end;
    }
    cr_assert(end == from ? n == 0 : history_matches(&w->now, from, end, got, n));
    free(got);
    w->now.floor = max_i64(w->now.floor, log_durable_end(log));
    w->now.floor = min_i64(w->now.floor, w->now.end);
}
