/* Files that nobody promised anything about: the engine answers with an error or with what is sound in them. */
#include <stdio.h>
#include <stdlib.h>

#include "common/base/prng.h"
#include "tests/unit/common/log/fixture.h"

static const char *const files[] = {DIR "/00000000000000000000.log",
                                    DIR "/00000000000000000000.index",
                                    DIR "/00000000000000000000.timeindex",
                                    DIR "/00000000000000000100.log",
                                    DIR "/00000000000000000100.index",
                                    DIR "/00000000000000000100.timeindex",
                                    DIR "/truncated-below"};

static void use(struct ground *g, struct prng *prng)
{
    for (int i = 0; i < 6; i++) {
        struct log_range range;
        int64_t from = prng_between(prng, log_start(g->log), log_end(g->log));
        err_t err = i % 2 == 0 ? log_read(g->log, from, log_end(g->log), prng_below(prng, 3000),
                                          prng_chance(prng, 500), LOG_READ_ANY, &range)
                               : log_find_timestamp(g->log, (time_ms)prng_u64(prng), INT64_MAX,
                                                    LOG_READ_ANY, &range);
        cr_assert(err == OK || err == ERR_CORRUPT, "%s", err_text(err));
        log_range_release(&range);
    }
    struct log_replay *replay = NULL;
    struct log_batch batch;
    err_t err = log_replay_open(g->log, log_start(g->log), &replay);
    while (err == OK) {
        err = log_replay_next(replay, &batch);
    }
    cr_assert(err == ERR_NOT_FOUND || err == ERR_CORRUPT, "%s", err_text(err));
    if (replay != NULL) {
        log_replay_close(replay);
    }
    cr_assert_eq(ground_append(g, 1, INT32_MAX, 1, 20), OK);
    cr_assert_eq(log_truncate(g->log, prng_between(prng, log_start(g->log), log_end(g->log)), 1),
                 OK);
    log_check(g->log);
}

static void garbage(uint64_t seed)
{
    struct ground g;
    struct prng prng;
    uint8_t bytes[600];
    ground_init(&g, seed);
    prng_init(&prng, seed);
    cr_assert_eq(disk_mkdir(g.host, DIR), OK);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        size_t n = prng_below(&prng, sizeof(bytes));
        for (size_t b = 0; b < n; b++) {
            bytes[b] = prng_chance(&prng, 600) ? 0 : (uint8_t)prng_u64(&prng);
        }
        if (prng_chance(&prng, 600)) {
            fake_disk_put(g.host, files[i], bytes, n);
        }
    }
    g.known = (struct log_known){
        .clean = prng_chance(&prng, 300),
        .recovery_point = prng_chance(&prng, 500) ? 0 : (int64_t)prng_below(&prng, 300),
        .log_start = prng_chance(&prng, 700) ? 0 : (int64_t)prng_below(&prng, 300)};
    err_t err = ground_open(&g);
    cr_assert(err == OK || err == ERR_CORRUPT, "%s", err_text(err));
    if (err == OK) {
        cr_assert(g.known.recovery_point > 0 || g.known.clean || log_end(g.log) == log_start(g.log),
                  "garbage became records");
        struct log_range range;
        cr_assert_eq(
            log_read(g.log, log_start(g.log), log_end(g.log), 100, true, LOG_READ_ANY, &range), OK);
        log_range_release(&range);
    }
    ground_release(&g);
}

Test(hostile, garbage_is_no_log)
{
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        garbage(seed);
    }
}

/* A good log in several segments; its bytes. */
static uint8_t *good_log(struct ground *g, size_t *ret_n)
{
    g->config.segment_bytes = 2000;
    ground_must_open(g);
    for (int i = 0; i < 60; i++) {
        cr_assert_eq(ground_append(g, 1 + i % 3, i / 20, 1000 + i, (size_t)(i * 53) % 200), OK);
    }
    uint8_t *bytes = ground_read(g, 0, log_end(g->log), 1 << 20, LOG_READ_ANY, ret_n);
    cr_assert_eq(log_close(g->log), OK);
    g->log = NULL;
    return bytes;
}

/* The leader epoch lies outside of the CRC: a flipped bit there is not seen unless the epochs then fall. */
static void forget_epochs(uint8_t *bytes, size_t n)
{
    struct batch_header header;
    for (size_t at = 0; at < n; at += batch_bytes(&header)) {
        cr_assert_eq(batch_parse(slice_of(bytes + at, n - at), &header), OK);
        memset(bytes + at + 12, 0, 4);
    }
}

static void spoil(struct ground *g, struct prng *prng)
{
    struct disk_entry *entries = NULL;
    size_t count = 0;
    struct arena arena;
    arena_init(&arena, memory_source(g->host), 4096, 1 << 20);
    cr_assert_eq(disk_list(g->host, DIR, &arena, &entries, &count), OK);
    for (uint64_t i = prng_below(prng, 4) + 1; i > 0; i--) {
        char path[200];
        const struct disk_entry *entry = &entries[prng_below(prng, count)];
        (void)snprintf(path, sizeof(path), DIR "/%s", entry->name);
        size_t n = 0;
        uint8_t *bytes = fake_disk_bytes(g->host, path, &n);
        if (prng_chance(prng, 700) && n > 0) {
            fake_disk_flip(g->host, path, (int64_t)prng_below(prng, n),
                           (unsigned)prng_below(prng, 8));
        } else {
            fake_disk_put(g->host, path, bytes, prng_below(prng, n + 1));
        }
        free(bytes);
    }
    arena_release(&arena);
}

Test(hostile, a_spoiled_log_opens_as_a_prefix_of_what_it_was_or_not_at_all)
{
    for (uint64_t seed = 1; seed <= 600; seed++) {
        struct ground g;
        struct prng prng;
        size_t want_n = 0;
        size_t n = 0;
        ground_init(&g, seed);
        prng_init(&prng, seed);
        uint8_t *want = good_log(&g, &want_n);
        spoil(&g, &prng);
        ground_must_open(&g); /* nothing known: all of it is scanned */
        uint8_t *got = ground_read(&g, log_start(g.log), log_end(g.log), 5000, LOG_READ_ANY, &n);
        cr_assert_eq(log_start(g.log), 0);
        cr_assert_leq(n, want_n);
        forget_epochs(got, n);
        forget_epochs(want, want_n);
        cr_assert_arr_eq(got, want, n);
        use(&g, &prng);
        ground_kill(&g);
        free(got);
        g.known = (struct log_known){.clean = prng_chance(&prng, 500), .recovery_point = 70};
        spoil(&g, &prng);
        err_t err = ground_open(&g);
        cr_assert(err == OK || err == ERR_CORRUPT, "%s", err_text(err));
        if (err == OK) {
            struct log_range range;
            err = log_read(g.log, 0, log_end(g.log), 1 << 20, true, LOG_READ_HOT, &range);
            cr_assert(err == OK || err == ERR_CORRUPT);
            log_range_release(&range);
        }
        free(want);
        ground_release(&g);
    }
}

Test(hostile, an_index_that_shrinks_under_an_open_log_is_a_worse_hint_and_nothing_else)
{
    struct ground g;
    size_t want_n = 0;
    ground_init(&g, 52);
    uint8_t *want = good_log(&g, &want_n);
    g.known.clean = true;
    ground_must_open(&g);
    int64_t end = log_end(g.log);
    for (size_t i = 1; i <= 2; i++) { /* .index, .timeindex */
        struct disk_file *file = NULL;
        cr_assert_eq(disk_open(g.host, files[i], DISK_WRITE, &file), OK);
        cr_assert_eq(disk_truncate(file, 12), OK);
        disk_close(file);
    }
    for (int64_t offset = 0; offset < end; offset++) {
        struct log_range range;
        cr_assert_eq(log_read(g.log, offset, end, 200, true, LOG_READ_ANY, &range), OK);
        cr_assert(range.base_offset <= offset && range.end_offset > offset);
        log_range_release(&range);
        cr_assert_eq(log_find_timestamp(g.log, 1000 + offset, end, LOG_READ_ANY, &range), OK);
        log_range_release(&range);
    }
    free(want);
    ground_release(&g);
}

Test(hostile, a_truncation_into_the_hole_before_the_first_batch_leaves_a_log_that_begins_there)
{
    struct ground g;
    ground_init(&g, 53);
    g.config.gaps = true;
    ground_must_open(&g);
    struct sketch sketch = {10, 3, 0, 1000, 80};
    struct slice batch = batch_make(&sketch);
    cr_assert_eq(log_append(g.log, &batch, 1, 0), OK);
    batch_drop(batch);
    cr_assert_eq(log_truncate(g.log, 5, 0), OK);
    log_check(g.log);
    cr_assert_eq(log_start(g.log), 5);
    cr_assert_eq(log_end(g.log), 5);
    cr_assert_eq(log_close(g.log), OK);
    g.log = NULL;
    ground_must_open(&g);
    cr_assert_eq(log_start(g.log), 5);
    ground_release(&g);
}

Test(hostile, holes_of_a_compacted_log_are_read_over)
{
    struct ground g;
    ground_init(&g, 51);
    g.config.gaps = true;
    g.config.segment_bytes = 600;
    ground_must_open(&g);
    int64_t bases[40];
    int64_t base = 0;
    for (int i = 0; i < 40; i++) {
        struct sketch sketch = {base, 1 + i % 3, 0, 1000 + i, 80};
        struct slice batch = batch_make(&sketch);
        cr_assert_eq(log_append(g.log, &batch, 1, 0), OK);
        log_check(g.log);
        bases[i] = base;
        batch_drop(batch);
        base += sketch.records + (i % 4 == 3 ? 1000 : i % 2);
    }
    cr_assert_gt(log_segment_count(g.log), 4);
    for (int64_t offset = 0; offset < log_end(g.log); offset += 13) {
        struct log_range range;
        int next = 0;
        while (bases[next] + next % 3 < offset) {
            next++;
        }
        cr_assert_eq(log_read(g.log, offset, log_end(g.log), 1, true, LOG_READ_ANY, &range), OK);
        cr_assert_gt(range.bytes, 0);
        cr_assert(range.base_offset == bases[next] || range.base_offset == offset, "at %lld",
                  (long long)offset);
        cr_assert_eq(range.end_offset > offset, true);
        log_range_release(&range);
    }
    int64_t found[40];
    cr_assert_eq(ground_replay(&g, 0, found, 40), 40);
    cr_assert_arr_eq(found, bases, sizeof(found));
    int64_t end = log_end(g.log);
    ground_kill(&g);
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), end);
    cr_assert_eq(log_truncate(g.log, bases[20] - 1, 0), OK); /* into a hole, or right before one */
    cr_assert_eq(log_end(g.log), bases[20] - 1);
    cr_assert_eq(ground_replay(&g, 0, found, 40), 20);
    ground_release(&g);
}

/* A sealed segment of batches of three, whose last one ends at `end`; from its last offset on its bytes are nought. */
static void rot_last_of_first(struct ground *g, int64_t end)
{
    size_t n = 0;
    uint8_t *file = fake_disk_bytes(g->host, DIR "/00000000000000000000.log", &n);
    size_t batch = n * 3 / (size_t)end;
    memset(file + n - batch + 23, 0, batch - 23);
    fake_disk_put(g->host, DIR "/00000000000000000000.log", file, n);
    free(file);
}

/* The last batch of a segment that is not the last says in its rotten header that it ends sooner: who asks for what it had is not
 * told what comes behind it instead. */
Test(hostile, what_a_rotten_batch_at_the_end_of_a_segment_hides_is_not_passed_over)
{
    struct ground g;
    ground_init(&g, 53);
    g.config.segment_bytes = 1000;
    ground_must_open(&g);
    while (log_segment_count(g.log) == 1) {
        cr_assert_eq(ground_append(&g, 3, 1, 1000, 50), OK);
    }
    int64_t base = log_active_base(g.log);
    cr_assert_eq(ground_sync(&g), base + 3);
    ground_kill(&g);
    rot_last_of_first(&g, base);
    g.known.recovery_point = base + 3;
    for (int hot = 0; hot < 2; hot++) {
        ground_must_open(&g);
        fake_disk_set_hot(g.host, hot == 1);
        for (int64_t offset = base - 3; offset < base; offset++) {
            struct log_range range;
            uint8_t scratch[4096];
            err_t err = log_read(g.log, offset, log_end(g.log), 100, true, LOG_READ_HOT, &range);
            if (err == OK) {
                cr_assert(range.cold);
                err = log_range_warm(&range, g.config.crc, scratch, sizeof(scratch));
                err = log_range_warmed(g.log, &range, err);
            }
            cr_assert_eq(err, ERR_CORRUPT, "%lld", (long long)offset);
        }
        ground_kill(&g);
    }
    g.config.gaps =
        true; /* compaction may have taken the last one out: then there is nothing of it in this segment */
    ground_must_open(&g);
    fake_disk_set_hot(g.host, false);
    struct log_range range;
    uint8_t scratch[4096];
    cr_assert_eq(log_read(g.log, base - 1, log_end(g.log), 100, true, LOG_READ_HOT, &range), OK);
    cr_assert(range.cold);
    cr_assert_eq(log_range_warm(&range, g.config.crc, scratch, sizeof(scratch)), OK);
    cr_assert_eq(log_range_warmed(g.log, &range, OK), OK);
    cr_assert_eq(range.bytes, 0);
    cr_assert_null(range.file, "nothing to read, and the file is held");
    ground_release(&g);
}

/* Nor is a log cut where such a batch had records: it is rotten, and says so, also where compaction may leave holes. */
Test(hostile, a_cut_does_not_take_a_rotten_batch_for_a_hole)
{
    for (int gaps = 0; gaps < 2; gaps++) {
        for (int64_t back = 1; back < 3; back++) {
            struct ground g;
            ground_init(&g, 54);
            g.config.segment_bytes = 1000;
            g.config.gaps = gaps == 1;
            ground_must_open(&g);
            while (log_segment_count(g.log) == 1) {
                cr_assert_eq(ground_append(&g, 3, 1, 1000, 50), OK);
            }
            int64_t end = log_active_base(g.log);
            cr_assert_eq(ground_sync(&g), end + 3);
            ground_kill(&g);
            rot_last_of_first(&g, end);
            g.known.recovery_point = end + 3;
            ground_must_open(&g);
            cr_assert_eq(log_truncate(g.log, end - back, 0), ERR_CORRUPT);
            ground_release(&g);
        }
    }
}

/* A batch that says that it begins later than it does, in a log without holes: the same. */
Test(hostile, a_cut_does_not_pass_over_a_batch_that_begins_too_late)
{
    struct ground g;
    ground_init(&g, 55);
    ground_must_open(&g);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(ground_append(&g, 8, 1, 1000, 50), OK);
    }
    int64_t batch = log_segment(g.log, 0).bytes / 5;
    cr_assert_eq(ground_sync(&g), 40);
    fake_disk_flip(g.host, DIR "/00000000000000000000.log", 3 * batch + 7, 2); /* 24 is 28 */
    cr_assert_eq(log_truncate(g.log, 26, 0), ERR_CORRUPT);
    ground_release(&g);
}

/* A replica is cut where its leader's batches end: one that goes over that has a rotten header, and what it held below stays (seed
 * 1214575). */
Test(hostile, a_cut_between_batches_does_not_take_one_that_goes_over_it)
{
    struct ground g;
    ground_init(&g, 55);
    g.config.whole_cuts = true;
    ground_must_open(&g);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(ground_append(&g, 3, 1, 1000, 50), OK);
    }
    cr_assert_eq(log_truncate(g.log, 9, 0), OK);
    cr_assert_eq(log_end(g.log), 9);
    cr_assert_eq(log_truncate(g.log, 7, 0), ERR_CORRUPT);
    ground_kill(&g);
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 9, "%lld", (long long)log_end(g.log));
    ground_release(&g);
}

/* A range is read in while its log is abandoned and opened again, and cut: it is of a log that is gone, not rotten. */
Test(hostile, what_was_read_of_a_log_that_is_opened_again_says_nothing_of_it)
{
    struct ground g;
    struct log_range range;
    static uint8_t scratch[65536];
    ground_init(&g, 61);
    ground_must_open(&g);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(ground_append(&g, 3, 1, 1000, 50), OK);
    }
    cr_assert_eq(log_truncate(g.log, 27, 0), OK);
    cr_assert_eq(ground_sync(&g), 27);
    fake_disk_set_hot(g.host, false);
    cr_assert_eq(log_read(g.log, 24, 27, 65536, true, LOG_READ_HOT, &range), OK);
    cr_assert(range.cold);
    struct log *before = g.log;
    g.log = NULL;
    g.known.told_here = true;
    g.known.cuts = log_cuts(before);
    log_abandon(before);
    ground_must_open(&g);
    cr_assert_eq(log_truncate(g.log, 3, 0), OK);
    err_t err = log_range_warm(&range, g.config.crc, scratch, sizeof(scratch));
    cr_assert_neq(err, OK);
    cr_assert_eq(log_range_warmed(g.log, &range, err), ERR_BUSY);
    ground_release(&g);
}
