#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/common/log/fixture.h"

#define FIRST DIR "/00000000000000000000.log"

/* `n` batches of one record with 100 bytes each, synced; the size of a batch. */
static int64_t fill(struct ground *g, int n)
{
    ground_must_open(g);
    for (int i = 0; i < n; i++) {
        cr_assert_eq(ground_append(g, 1, 3, 1000 + i, 100), OK);
    }
    cr_assert_eq(ground_sync(g), n);
    return log_size_bytes(g->log) / n;
}

static void close_clean(struct ground *g)
{
    cr_assert_eq(log_close(g->log), OK);
    g->log = NULL;
    g->known.clean = true;
}

static void big_segments(struct ground *g)
{
    ground_init(g, 31);
    g->config.segment_bytes = 1 << 20;
}

/* Twenty batches in one segment, and a process that died; synced up to `recovery_point`. The size of a batch. */
static int64_t killed_with(struct ground *g, int64_t recovery_point)
{
    big_segments(g);
    int64_t batch = fill(g, 20);
    ground_kill(g);
    g->known.recovery_point = recovery_point;
    return batch;
}

Test(recovery, a_flipped_bit_in_the_last_batch_is_a_torn_tail)
{
    struct ground g;
    int64_t batch = killed_with(&g, 10);
    fake_disk_flip(g.host, FIRST, 19 * batch + 80, 5);
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 19);
    cr_assert_eq(g.report.bad_offset, 19);
    cr_assert_eq(g.report.cut_bytes, batch);
    cr_assert(!g.report.rot_suspected);
    cr_assert_eq(g.report.scanned_bytes, 9 * batch, "only behind the recovery point");
    size_t n = 0;
    uint8_t *file = fake_disk_bytes(g.host, FIRST, &n);
    cr_assert_eq((int64_t)n, 19 * batch);
    free(file);
    ground_kill(&g);
    fake_disk_power_cut(g.host, FAKE_CUT_NOTHING);
    ground_must_open(&g);
    cr_assert_eq(g.report.cut_bytes, 0, "done once, on disk");
    ground_release(&g);
}

Test(recovery, a_flipped_bit_with_whole_batches_behind_it_is_cut_and_told)
{
    struct ground g;
    int64_t batch = killed_with(&g, 10);
    fake_disk_flip(g.host, FIRST, 14 * batch + 80, 5);
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 14);
    cr_assert_eq(g.report.recovery_point, 10);
    cr_assert(g.report.rot_suspected);
    ground_release(&g);
}

Test(recovery, whole_segments_behind_a_bad_batch_go_and_are_told)
{
    struct ground g;
    ground_init(&g, 32);
    g.config.segment_bytes = 1000;
    int64_t batch = fill(&g, 20);
    ground_kill(&g);
    int64_t bytes = 20 * batch;
    fake_disk_flip(g.host, FIRST, 2 * batch + 100, 0);
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 2);
    cr_assert_eq(log_segment_count(g.log), 1);
    cr_assert_gt(g.report.dropped_segments, 1);
    cr_assert_eq(g.report.cut_bytes, bytes - 2 * batch);
    cr_assert(g.report.rot_suspected);
    struct log_doomed *doomed = log_doomed_take(g.log);
    cr_assert_not_null(doomed, "kept for a while, for whoever wants to look");
    log_doomed_run(doomed);
    ground_release(&g);
}

/* Segments that are below the start, whose indexes are gone, that are torn; and the n-th change of the disk fails. */
static err_t open_harmed(int n)
{
    char path[64];
    struct ground g;
    ground_init(&g, 34);
    g.config.segment_bytes = 1000;
    int64_t batch = fill(&g, 30);
    int64_t bases[4];
    for (uint32_t i = 0; i < 4; i++) {
        bases[i] = log_segment(g.log, i).base_offset;
    }
    ground_kill(&g);
    (void)snprintf(path, sizeof(path), DIR "/%020lld.index", (long long)bases[1]);
    cr_assert(fake_disk_forget(g.host, path));
    (void)snprintf(path, sizeof(path), DIR "/%020lld.log", (long long)bases[3]);
    fake_disk_flip(g.host, path, batch + 100, 0);
    fake_disk_put(g.host, DIR "/left-behind.tmp", "", 0);
    g.known = (struct log_known){
        .recovery_point = bases[3], .log_start = bases[1], .rewrite = true};
    fake_disk_fail_change(g.host, n, ERR_IO);
    err_t err = ground_open(&g);
    cr_assert(err != OK || log_end(g.log) == bases[3] + 1);
    ground_release(&g);
    return err;
}

/* It is the device's fault: what is there can be read, and others need not copy it. */
Test(recovery, what_cannot_be_written_while_a_log_is_opened_is_no_rot)
{
    int n = 1;
    err_t err = OK;
    while ((err = open_harmed(n)) != OK) {
        cr_assert_eq(err, ERR_OFFLINE, "change %d: %s", n, err_text(err));
        n++;
    }
    cr_assert_gt(n, 15);
    struct ground g;
    for (n = 1, err = ERR_OFFLINE; err != OK; n++) {
        ground_init(&g, 35);
        g.known.renewed = true;
        fake_disk_fail_change(g.host, n, ERR_IO);
        err = ground_open(&g);
        cr_assert(err == OK || err == ERR_OFFLINE, "change %d of a new one: %s", n, err_text(err));
        ground_release(&g);
    }
    cr_assert_gt(n, 5);
}

Test(recovery, rot_below_the_recovery_point_is_never_cut_off)
{
    struct ground g;
    int64_t batch = killed_with(&g, 15);
    fake_disk_flip(g.host, FIRST, 10 * batch + 10,
                   7); /* a length: the walk over the headers meets it */
    size_t before_n = 0;
    size_t after_n = 0;
    uint8_t *before = fake_disk_bytes(g.host, FIRST, &before_n);
    cr_assert_eq(ground_open(&g), ERR_CORRUPT);
    cr_assert_eq(g.report.bad_offset, 10);
    uint8_t *after = fake_disk_bytes(g.host, FIRST, &after_n);
    cr_assert_eq(before_n, after_n);
    cr_assert_arr_eq(before, after, after_n);
    g.known.clean = true;
    cr_assert_eq(ground_open(&g), ERR_CORRUPT, "nor after a clean stop");
    free(before);
    free(after);
    ground_release(&g);
}

Test(recovery, an_epoch_that_rots_right_below_the_recovery_point_cuts_nothing_off)
{
    struct ground g;
    int64_t batch = killed_with(&g, 11);
    fake_disk_flip(g.host, FIRST, 10 * batch + 12, 4); /* no checksum covers it */
    cr_assert_eq(ground_open(&g), ERR_CORRUPT);
    cr_assert_eq(g.report.bad_offset, 11, "what follows contradicts it");
    size_t n = 0;
    free(fake_disk_bytes(g.host, FIRST, &n));
    cr_assert_eq(n, (size_t)(20 * batch));
    g.known.recovery_point = 10; /* behind it such a batch is the end, and that is told */
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 11);
    cr_assert(g.report.rot_suspected);
    ground_release(&g);
}

Test(recovery, a_log_that_lost_what_lay_below_its_recovery_point_does_not_open)
{
    struct ground g;
    (void)killed_with(&g, 25);
    for (int clean = 0; clean < 2; clean++) {
        g.known.clean = clean == 1;
        cr_assert_eq(ground_open(&g), ERR_CORRUPT);
        cr_assert_eq(g.report.bad_offset, 20);
        cr_assert_eq(g.report.cut_bytes, 0);
    }
    g.known = (struct log_known){.recovery_point = 20};
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 20);
    ground_release(&g);
}

/* As a repair of the file system may leave it. It opened empty, and whoever led by it took all that the others had. */
Test(recovery, a_log_that_lost_all_its_files_does_not_open)
{
    struct ground g;
    (void)killed_with(&g, 20);
    cr_assert(fake_disk_forget(g.host, FIRST));
    for (int clean = 0; clean < 2; clean++) {
        g.known.clean = clean == 1;
        cr_assert_eq(ground_open(&g), ERR_CORRUPT);
        cr_assert_eq(g.report.bad_offset, 0);
    }
    g.known = (struct log_known){.recovery_point = 20, .log_start = 20};
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 20, "all of it was deleted");
    ground_release(&g);
}

/* Seed 604604: what a write left that was lost in the middle of the last batch's header. */
Test(recovery, a_last_batch_that_says_it_is_shorter_than_it_was_is_rotten)
{
    struct ground g;
    big_segments(&g);
    int64_t batch = fill(&g, 20);
    cr_assert_eq(ground_append(&g, 3, 3, 2000, 100), OK);
    cr_assert_eq(ground_sync(&g), 23);
    ground_kill(&g);
    size_t n = 0;
    uint8_t *file = fake_disk_bytes(g.host, FIRST, &n);
    memset(file + 20 * batch + 23, 0, n - (size_t)(20 * batch + 23)); /* from its last offset on */
    fake_disk_put(g.host, FIRST, file, n);
    free(file);
    g.known.recovery_point = 23;
    cr_assert_eq(ground_open(&g), ERR_CORRUPT);
    cr_assert_eq(g.report.bad_offset, 21);
    g.known.recovery_point = 20; /* behind it such a batch is torn */
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 20);
    ground_release(&g);
}

Test(recovery, zeros_at_the_end_and_records_of_an_earlier_epoch_are_no_log)
{
    struct ground g;
    big_segments(&g);
    (void)fill(&g, 5);
    ground_kill(&g);
    struct disk_file *file = NULL;
    cr_assert_eq(disk_open(g.host, FIRST, DISK_WRITE, &file), OK);
    int64_t bytes = 0;
    cr_assert_eq(disk_size(file, &bytes), OK);
    cr_assert_eq(disk_truncate(file, bytes + 4096), OK);
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 5);
    cr_assert_eq(g.report.cut_bytes, 4096);
    ground_kill(&g);
    struct sketch sketch = {.base = 5, .records = 1, .epoch = 2, .timestamp = 1, .value_bytes = 10};
    struct slice batch = batch_make(&sketch);
    cr_assert_eq(disk_write(file, &batch, 1, bytes), OK);
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 5, "epoch 2 behind epoch 3");
    ground_kill(&g);
    batch_drop(batch);
    sketch.base = 6;
    sketch.epoch = 3;
    batch = batch_make(&sketch);
    cr_assert_eq(disk_write(file, &batch, 1, bytes), OK);
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 5, "offset 5 is missing");
    ground_kill(&g);
    cr_assert_eq(disk_write(file, &batch, 1, bytes), OK);
    g.config.gaps = true;
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 7, "compaction leaves holes");
    batch_drop(batch);
    disk_close(file);
    ground_release(&g);
}

static void check_filled(struct ground *g, bool clean)
{
    int64_t bases[32];
    struct log_replay *replay = NULL;
    struct log_batch batch;
    g->known.clean = clean;
    ground_must_open(g);
    cr_assert_eq(log_end(g->log), 9);
    cr_assert_eq(ground_replay(g, 0, bases, ARRAY_LEN(bases)), 6, "five, and one for the hole");
    cr_assert_eq(log_replay_open(g->log, 5, &replay), OK);
    cr_assert_eq(log_replay_next(replay, &batch), OK);
    cr_assert_eq(batch.facts.last_offset, 8);
    cr_assert_eq(batch.facts.leader_epoch, 4, "nothing else is left of it");
    log_replay_close(replay);
    cr_assert_eq(log_segment_count(g->log), 3);
    cr_assert_eq(log_segment(g->log, 1).base_offset, 5);
    cr_assert_eq(log_segment(g->log, 1).bytes, BATCH_HEADER_BYTES);
    cr_assert_eq(ground_append(g, 1, 5, 2000, 100), OK);
    cr_assert_eq(log_truncate(g->log, 9, 0), OK);
    cr_assert_eq(ground_sync(g), 9);
    ground_kill(g);
}

static void hole_at_the_end(bool clean)
{
    struct ground g;
    big_segments(&g);
    (void)fill(&g, 5);
    close_clean(&g);
    static const char epochs[] = "0\n3\n3 0\n4 7\n5 9\n";
    fake_disk_put(g.host, DIR "/00000000000000000009.log", (const uint8_t *)"", 0);
    fake_disk_put(g.host, DIR "/leader-epoch-checkpoint", (const uint8_t *)epochs,
                  sizeof(epochs) - 1);
    g.config.gaps = true;
    g.known.recovery_point = 9;
    check_filled(&g, clean);
    ground_release(&g);
}

/* Another server's cleaner took its last records, up to where a segment had begun that is empty still. */
Test(recovery, a_hole_that_compaction_left_at_the_end_is_filled)
{
    hole_at_the_end(true);
    hole_at_the_end(false);
}

/* Seed 816856: of two segments that were not synced a power cut kept the second one's bytes. */
Test(recovery, a_segment_that_a_crash_emptied_is_no_hole_of_compaction)
{
    struct ground g;
    ground_init(&g, 33);
    g.config.segment_bytes = 1000;
    g.config.gaps = true;
    (void)fill(&g, 20);
    cr_assert_gt(log_segment_count(g.log), 3);
    int64_t base = log_segment(g.log, 1).base_offset;
    int64_t next = log_segment(g.log, 2).base_offset;
    ground_kill(&g);
    char path[64];
    (void)snprintf(path, sizeof(path), DIR "/%020lld.log", (long long)base);
    fake_disk_put(g.host, path, (const uint8_t *)"", 0);
    g.known.recovery_point = next; /* below it, it may well be one */
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 20);
    ground_kill(&g);
    g.known.recovery_point = base + 1;
    cr_assert_eq(ground_open(&g), ERR_CORRUPT, "what was synced is gone, and more");
    g.known.recovery_point = base;
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), base);
    cr_assert_eq(g.report.bad_offset, base);
    cr_assert(g.report.rot_suspected);
    ground_release(&g);
}

static void expect_all(struct ground *g, const uint8_t *want, size_t want_n)
{
    size_t n = 0;
    uint8_t *got = ground_read(g, 0, log_end(g->log), 700, LOG_READ_ANY, &n);
    cr_assert_eq(n, want_n);
    cr_assert_arr_eq(got, want, n);
    free(got);
    for (int64_t offset = 0; offset < log_end(g->log); offset += 3) {
        struct log_range range;
        cr_assert_eq(log_read(g->log, offset, log_end(g->log), 1, true, LOG_READ_ANY, &range), OK);
        cr_assert_eq(range.base_offset, offset);
        log_range_release(&range);
        cr_assert_eq(
            log_find_timestamp(g->log, 1000 + offset, log_end(g->log), LOG_READ_ANY, &range), OK);
        cr_assert(range.bytes == 0 || range.base_offset >= offset);
        log_range_release(&range);
    }
}

Test(recovery, no_flipped_bit_of_an_offset_index_leads_a_reader_astray, .timeout = 120)
{
    struct ground g;
    ground_init(&g, 33);
    g.config.segment_bytes = 2500;
    (void)fill(&g, 40);
    cr_assert_geq(log_segment_count(g.log), 2);
    size_t want_n = 0;
    uint8_t *want = ground_read(&g, 0, 40, 1 << 20, LOG_READ_ANY, &want_n);
    close_clean(&g);
    char path[100];
    int64_t bases[2] = {0, 0};
    ground_must_open(&g);
    bases[1] = log_active_base(g.log);
    close_clean(&g);
    for (int s = 0; s < 2; s++) {
        size_t n = 0;
        (void)snprintf(path, sizeof(path), DIR "/%020lld.index", (long long)bases[s]);
        uint8_t *index = fake_disk_bytes(g.host, path, &n);
        cr_assert_not_null(index);
        cr_assert_gt(n, 0);
        for (size_t bit = 0; bit < n * 8; bit++) {
            fake_disk_flip(g.host, path, (int64_t)bit / 8, bit % 8);
            ground_must_open(&g);
            cr_assert_eq(log_end(g.log), 40);
            expect_all(&g, want, want_n);
            ground_kill(&g);
            fake_disk_put(g.host, path, index, n);
        }
        free(index);
    }
    free(want);
    ground_release(&g);
}

/* A header that is rotten may say that its batch ends behind the log's end, where nothing may be told yet: a reader that is given
 * nothing for it waits forever, and nobody hears of it. */
Test(recovery, no_flipped_bit_of_a_header_is_taken_for_records_that_are_yet_to_come, .timeout = 120)
{
    struct ground g;
    big_segments(&g);
    int64_t size = fill(&g, 40);
    close_clean(&g);
    for (int64_t bit = 0; bit < 61 * 8; bit++) {
        struct log_range range;
        uint8_t scratch[4096];
        fake_disk_flip(g.host, FIRST, 20 * size + bit / 8, (unsigned)bit % 8);
        ground_must_open(&g);
        for (int64_t offset = 19; offset <= 20; offset++) {
            err_t err = log_read(g.log, offset, 40, 1 << 20, true, LOG_READ_HOT, &range);
            if (err == OK && range.cold) {
                err = log_range_warm(&range, g.config.crc, scratch, sizeof(scratch));
                err_t told = log_range_warmed(g.log, &range, err);
                cr_assert_eq(told, err);
            }
            cr_assert(err == ERR_CORRUPT || (err == OK && range.bytes > 0), "bit %lld, offset %lld",
                      (long long)bit, (long long)offset);
            bool moved = offset == 20 && bit < 64; /* its offset, which no checksum covers */
            cr_assert(!moved || err == ERR_CORRUPT, "bit %lld", (long long)bit);
            cr_assert(err != OK || offset != 19 || range.end_offset == 20 || bit >= 64);
            log_range_release(&range);
        }
        ground_kill(&g);
        fake_disk_flip(g.host, FIRST, 20 * size + bit / 8, (unsigned)bit % 8);
    }
    ground_release(&g);
}

/* Whatever is wrong with what it meets: it is this replica that is rotten, and not the directory that has failed. */
Test(recovery, a_truncation_that_meets_rot_says_so)
{
    struct ground g;
    big_segments(&g);
    int64_t size = fill(&g, 40);
    close_clean(&g);
    fake_disk_flip(g.host, FIRST, 20 * size + 16, 3); /* the magic byte */
    ground_must_open(&g);
    cr_assert_eq(log_truncate(g.log, 21, 0), ERR_CORRUPT);
    ground_release(&g);
}

/* Seed 60181 of the simulator at 3947291: the log directory went offline, and the broker halted. */
Test(recovery, a_truncation_that_cannot_read_says_that_it_is_rot)
{
    struct ground g;
    big_segments(&g);
    int64_t size = fill(&g, 40);
    close_clean(&g);
    ground_must_open(&g);
    fake_disk_unread(g.host, FIRST, 20 * size, 64);
    cr_assert_eq(log_truncate(g.log, 21, 0), ERR_CORRUPT);
    ground_release(&g);
}

Test(recovery, indexes_that_are_missing_short_or_long_are_made_again)
{
    static const char *const suffixes[] = {"index", "timeindex"};
    struct ground g;
    ground_init(&g, 34);
    g.config.segment_bytes = 2500;
    (void)fill(&g, 40);
    size_t want_n = 0;
    uint8_t *want = ground_read(&g, 0, 40, 1 << 20, LOG_READ_ANY, &want_n);
    close_clean(&g);
    for (int kind = 0; kind < 2; kind++) {
        char path[100];
        size_t n = 0;
        (void)snprintf(path, sizeof(path), DIR "/00000000000000000000.%s", suffixes[kind]);
        uint8_t *good = fake_disk_bytes(g.host, path, &n);
        uint8_t longer[4096] = {0};
        memcpy(longer, good, n);
        for (int how = 0; how < 3; how++) {
            if (how == 0) {
                cr_assert_eq(disk_unlink(g.host, path), OK);
            } else {
                fake_disk_put(g.host, path, longer, how == 1 ? n - 1 : sizeof(longer) / 24 * 24);
            }
            ground_must_open(&g);
            cr_assert_eq(g.report.rebuilt_indexes, 1);
            cr_assert_eq(log_segment(g.log, 0).max_timestamp_ms,
                         1000 + log_segment(g.log, 1).base_offset - 1);
            expect_all(&g, want, want_n);
            size_t again_n = 0;
            uint8_t *again = fake_disk_bytes(g.host, path, &again_n);
            cr_assert_eq(again_n, n);
            cr_assert_arr_eq(again, good, n);
            free(again);
            ground_kill(&g);
        }
        free(good);
    }
    free(want);
    ground_release(&g);
}

Test(recovery, a_time_index_of_zeros_does_not_make_records_old)
{
    struct ground g;
    big_segments(&g);
    ground_must_open(&g);
    for (int i = 0; i < 40; i++) { /* the youngest record is the first one */
        cr_assert_eq(ground_append(&g, 1, 3, i == 0 ? 5000 : 1000 + i, 100), OK);
    }
    (void)ground_sync(&g);
    close_clean(&g);
    size_t n = 0;
    uint8_t *times = fake_disk_bytes(g.host, DIR "/00000000000000000000.timeindex", &n);
    cr_assert_geq(n, 12);
    memset(times, 0, n);
    fake_disk_put(g.host, DIR "/00000000000000000000.timeindex", times, n);
    free(times);
    g.known = (struct log_known){.recovery_point = 40};
    ground_must_open(&g);
    cr_assert_eq(log_segment(g.log, 0).max_timestamp_ms, 5000);
    ground_release(&g);
}

Test(recovery, leftovers_go_and_a_foreign_half_compaction_is_not_touched)
{
    struct ground g;
    big_segments(&g);
    (void)fill(&g, 3);
    ground_kill(&g);
    static const char *const gone[] = {
        "00000000000000000000.log.deleted", "x.tmp", "00000000000000000007.log.cleaned",
        "00000000000000000009.index", "00000000000000000009.timeindex"};
    for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
        char path[100];
        (void)snprintf(path, sizeof(path), DIR "/%s", gone[i]);
        fake_disk_put(g.host, path, "x", 1);
    }
    fake_disk_put(g.host, DIR "/partition.metadata", "x", 1);
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 3);
    for (size_t i = 0; i < ARRAY_LEN(gone); i++) {
        char path[100];
        size_t n = 0;
        (void)snprintf(path, sizeof(path), DIR "/%s", gone[i]);
        cr_assert_null(fake_disk_bytes(g.host, path, &n), "%s", gone[i]);
    }
    ground_kill(&g);
    fake_disk_put(g.host, DIR "/00000000000000000000.log.swap", "x", 1);
    cr_assert_eq(ground_open(&g), ERR_UNSUPPORTED);
    ground_release(&g);
}

Test(recovery, a_log_start_above_the_end_begins_anew_there)
{
    struct ground g;
    big_segments(&g);
    (void)fill(&g, 10);
    ground_kill(&g);
    g.known.log_start = 500;
    ground_must_open(&g);
    cr_assert(g.report.restarted);
    cr_assert_eq(log_start(g.log), 500);
    cr_assert_eq(log_end(g.log), 500);
    ground_kill(&g);
    fake_disk_power_cut(g.host, FAKE_CUT_NOTHING);
    ground_must_open(&g);
    cr_assert_eq(log_start(g.log), 500);
    ground_release(&g);
}

Test(recovery, only_what_is_behind_the_recovery_point_is_scanned)
{
    struct ground g;
    ground_init(&g, 35);
    int64_t batch = fill(&g, 200);
    ground_kill(&g);
    g.known.recovery_point = 150;
    ground_must_open(&g);
    cr_assert_eq(g.report.scanned_bytes, 50 * batch);
    cr_assert_lt(g.report.scanned_segments, g.report.segments);
    cr_assert_eq(log_durable_end(g.log), 200);
    ground_release(&g);
}

Test(recovery, errors_of_the_disk_are_told_and_leave_no_memory_behind)
{
    struct ground g;
    ground_init(&g, 36);
    (void)fill(&g, 100);
    ground_kill(&g);
    for (int n = 1; n < 5; n++) {
        fake_disk_fail_sync(g.host, n);
        cr_assert_eq(ground_open(&g), ERR_OFFLINE, "a failed sync is told apart");
    }
    fake_disk_fail_sync(g.host, 0);
    for (int64_t changes = 0; changes < 6; changes++) {
        fake_disk_freeze_after(g.host, changes);
        err_t err = ground_open(&g);
        cr_assert(err == ERR_IO || err == ERR_OFFLINE);
    }
    fake_disk_freeze_after(g.host, -1);
    ground_must_open(&g);
    ground_release(&g);
}
