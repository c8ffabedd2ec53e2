#include <stdlib.h>

#include "tests/unit/common/log/fixture.h"

static void append_many(struct ground *g, int n)
{
    for (int i = 0; i < n; i++) {
        cr_assert_eq(ground_append(g, 1 + i % 3, 5, 1000 + i * 10, 40 + (size_t)(i * 37) % 300),
                     OK);
    }
}

Test(log, a_new_log_is_one_empty_file_that_is_on_disk)
{
    struct ground g;
    ground_init(&g, 1);
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 0);
    cr_assert_eq(log_durable_end(g.log), 0);
    cr_assert_eq(fake_disk_open_files(g.host), 0);
    cr_assert_leq(g.heap.live, 4096);
    ground_kill(&g);
    fake_disk_power_cut(g.host, FAKE_CUT_NOTHING);
    size_t n = 1;
    uint8_t *bytes = fake_disk_bytes(g.host, DIR "/00000000000000000000.log", &n);
    cr_assert_not_null(bytes);
    cr_assert_eq(n, 0);
    cr_assert_null(fake_disk_bytes(g.host, DIR "/00000000000000000000.index", &n));
    free(bytes);
    ground_release(&g);
}

Test(log, the_name_of_a_folder_is_on_disk_though_the_first_try_failed_there)
{
    struct ground g;
    size_t n = 1;
    ground_init(&g, 1);
    fake_disk_fail_change(g.host, 2, ERR_IO); /* the folder is made, and its parent not synced */
    cr_assert_eq(ground_open(&g), ERR_OFFLINE);
    ground_must_open(&g);
    ground_kill(&g);
    fake_disk_power_cut(g.host, FAKE_CUT_NOTHING);
    uint8_t *bytes = fake_disk_bytes(g.host, DIR "/00000000000000000000.log", &n);
    cr_assert_not_null(bytes);
    free(bytes);
    ground_release(&g);
}

Test(log, appends_are_read_back_whole_by_every_size_of_range)
{
    struct ground g;
    ground_init(&g, 2);
    ground_must_open(&g);
    append_many(&g, 120);
    cr_assert_gt(log_segment_count(g.log), 4);
    size_t want_n = 0;
    uint8_t *want = ground_read(&g, 0, log_end(g.log), 1 << 20, LOG_READ_ANY, &want_n);
    cr_assert_eq(want_n, (size_t)log_size_bytes(g.log));
    static const size_t sizes[] = {1, 100, 300, 777, 4096, 100000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        size_t n = 0;
        uint8_t *got = ground_read(&g, 0, log_end(g.log), sizes[i], LOG_READ_HOT, &n);
        cr_assert_eq(n, want_n, "size %zu", sizes[i]);
        cr_assert_arr_eq(got, want, n);
        free(got);
    }
    free(want);
    ground_release(&g);
}

Test(log, a_read_begins_with_the_batch_that_holds_the_offset_and_ends_below_the_limit)
{
    struct ground g;
    ground_init(&g, 3);
    g.config.segment_bytes = 1 << 20;
    ground_must_open(&g);
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(ground_append(&g, 10, 0, 1000 + i, 20), OK); /* offsets 10i .. 10i+9 */
    }
    for (int64_t offset = 0; offset < 500; offset += 7) {
        for (int64_t limit = offset; limit <= 500; limit += 13) {
            struct log_range range;
            cr_assert_eq(log_read(g.log, offset, limit, 1 << 20, true, LOG_READ_ANY, &range), OK);
            int64_t base = offset / 10 * 10;
            int64_t end = limit / 10 * 10;
            if (offset < limit && end > base) {
                cr_assert_eq(range.base_offset, base);
                cr_assert_eq(range.end_offset, end);
                cr_assert_eq(range.bytes,
                             (size_t)(end - base) / 10 * (size_t)log_size_bytes(g.log) / 50);
            } else {
                cr_assert_eq(range.bytes, 0);
            }
            log_range_release(&range);
        }
    }
    struct log_range range;
    cr_assert_eq(log_read(g.log, 501, 600, 1, true, LOG_READ_ANY, &range), ERR_RANGE);
    log_set_start(g.log, 100);
    cr_assert_eq(log_read(g.log, 99, 600, 1, true, LOG_READ_ANY, &range), ERR_RANGE);
    cr_assert_eq(log_read(g.log, 100, 600, 1, false, LOG_READ_ANY, &range), OK);
    cr_assert_eq(range.bytes, 0);
    ground_release(&g);
}

Test(log, what_was_synced_survives_a_power_cut_and_a_clean_stop_survives_whole)
{
    struct ground g;
    ground_init(&g, 4);
    ground_must_open(&g);
    append_many(&g, 60);
    int64_t synced = log_end(g.log);
    cr_assert_lt(log_durable_end(g.log), synced);
    cr_assert_eq(ground_sync(&g), synced);
    append_many(&g, 3);
    ground_kill(&g);
    fake_disk_power_cut(g.host, FAKE_CUT_NOTHING);
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), synced);
    cr_assert_eq(log_durable_end(g.log), synced);
    cr_assert_eq(g.report.cut_bytes, 0);
    append_many(&g, 30);
    int64_t end = log_end(g.log);
    cr_assert_eq(log_close(g.log), OK);
    g.log = NULL;
    fake_disk_power_cut(g.host, FAKE_CUT_NOTHING);
    int64_t changes = fake_disk_changes(g.host);
    g.known.clean = true;
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), end);
    cr_assert_eq(g.report.scanned_bytes, 0);
    cr_assert_eq(g.report.rebuilt_indexes, 0);
    cr_assert_eq(fake_disk_changes(g.host), changes, "a clean start writes nothing");
    cr_assert_eq(fake_disk_open_files(g.host), 0);
    ground_release(&g);
}

Test(log, a_failed_sync_takes_the_log_offline_for_good)
{
    struct ground g;
    ground_init(&g, 5);
    ground_must_open(&g);
    append_many(&g, 3);
    struct log_sync sync;
    cr_assert(log_sync_take(g.log, &sync));
    cr_assert(!log_sync_take(g.log, &(struct log_sync){0}), "one at a time");
    fake_disk_fail_sync(g.host, 1);
    err_t err = log_sync_run(&sync);
    cr_assert_eq(err, ERR_IO);
    cr_assert_eq(log_sync_done(g.log, &sync, err), 0);
    cr_assert(log_offline(g.log));
    cr_assert_eq(ground_append(&g, 1, 5, 1, 10), ERR_OFFLINE);
    cr_assert(!log_sync_take(g.log, &sync));
    struct log_range range;
    cr_assert_eq(log_read(g.log, 0, 1, 100, true, LOG_READ_ANY, &range), ERR_OFFLINE);
    cr_assert_eq(log_truncate(g.log, 0, 0), ERR_OFFLINE);
    cr_assert_eq(log_close(g.log), ERR_OFFLINE);
    g.log = NULL;
    ground_release(&g);
}

Test(log, a_full_disk_leaves_whole_batches_only_and_the_log_goes_on)
{
    struct ground g;
    ground_init(&g, 6);
    ground_must_open(&g);
    append_many(&g, 5);
    int64_t end = log_end(g.log);
    int64_t bytes = log_size_bytes(g.log);
    fake_disk_space_left(g.host, 50);
    cr_assert_eq(ground_append(&g, 1, 5, 5000, 200), ERR_NO_SPACE);
    cr_assert_eq(log_end(g.log), end);
    size_t n = 0;
    uint8_t *file = fake_disk_bytes(g.host, DIR "/00000000000000000000.log", &n);
    cr_assert_eq((int64_t)n, bytes);
    free(file);
    fake_disk_space_left(g.host, -1);
    append_many(&g, 50);
    uint8_t *got = ground_read(&g, 0, log_end(g.log), 4096, LOG_READ_HOT, &n);
    cr_assert_eq((int64_t)n, log_size_bytes(g.log));
    free(got);
    ground_release(&g);
}

/* Would it come back, rot between it and the recovery point would be cut off as a torn tail. */
Test(log, the_note_of_a_truncation_is_gone_for_good_with_the_next_sync)
{
    struct ground g;
    ground_init(&g, 8);
    ground_must_open(&g);
    cr_assert_eq(ground_append(&g, 5, 0, 1000, 10), OK);
    cr_assert_eq(ground_append(&g, 5, 0, 1000, 10), OK);
    cr_assert_eq(ground_sync(&g), 10);
    log_recovery_point_saved(g.log, log_recovery_point_take(g.log));
    cr_assert_eq(log_truncate(g.log, 5, 0), OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(ground_append(&g, 5, 0, 1000, 10), OK);
        cr_assert_eq(ground_sync(&g), 10 + 5 * i);
        log_recovery_point_saved(g.log, log_recovery_point_take(g.log));
    }
    ground_kill(&g);
    fake_disk_power_cut(g.host, FAKE_CUT_NOTHING);
    g.known.recovery_point = 10;
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 15);
    cr_assert_eq(g.report.recovery_point, 10);
    ground_release(&g);
}

Test(log, a_queued_range_comes_up_short_after_a_truncation_and_never_holds_other_bytes)
{
    struct ground g;
    ground_init(&g, 7);
    g.config.segment_bytes = 1 << 20;
    ground_must_open(&g);
    append_many(&g, 20);
    struct log_range range;
    cr_assert_eq(log_read(g.log, 0, log_end(g.log), 1 << 20, true, LOG_READ_HOT, &range), OK);
    uint8_t *before = malloc(range.bytes);
    uint8_t *after = malloc(range.bytes);
    size_t n = 0;
    cr_assert_eq(log_range_read(&range, before, &n), OK);
    cr_assert_eq(log_truncate(g.log, 10, 2000), OK);
    log_check(g.log);
    for (int i = 0; i < 30; i++) {
        cr_assert_eq(ground_append(&g, 1, 6, 9000, 333), OK);
    }
    cr_assert_eq(log_range_read(&range, after, &n), OK);
    cr_assert_lt(n, range.bytes);
    cr_assert_arr_eq(before, after, n);
    cr_assert_eq(log_segment_count(g.log), 2);
    log_range_release(&range);
    free(before);
    free(after);
    ground_release(&g);
}

Test(log, a_segment_rolls_by_size_by_age_and_when_its_index_is_full)
{
    struct ground g;
    ground_init(&g, 8);
    g.config.segment_bytes = 1000;
    g.config.segment_ms = 5000;
    g.config.segment_jitter_ms = 1000;
    ground_must_open(&g);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(ground_append(&g, 1, 0, 100, 60), OK);
    }
    int64_t batch = log_size_bytes(g.log) / 8;
    cr_assert_eq(log_segment(g.log, 0).bytes, 1000 / batch * batch);
    uint32_t segments = log_segment_count(g.log);
    cr_assert_eq(ground_append(&g, 1, 0, 4100, 10), OK); /* as old as may be */
    cr_assert_eq(log_segment_count(g.log), segments);
    cr_assert_eq(ground_append(&g, 1, 0, 4101, 10), OK);
    cr_assert_eq(log_segment_count(g.log), segments + 1);
    g.config = (struct log_config){.segment_bytes = 1 << 20,
                                   .segment_ms = INT64_MAX,
                                   .index_interval_bytes = 0,
                                   .index_bytes_max = 60, /* 7 offsets, 5 - 1 times */
                                   .crc = g.config.crc};
    log_configure(g.log, &g.config);
    segments = log_segment_count(g.log);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(ground_append(&g, 1, 0, 5000 + i, 10), OK);
    }
    cr_assert_geq(log_segment_count(g.log), segments + 3);
    ground_release(&g);
}

Test(log, one_batch_may_be_larger_than_a_segment)
{
    struct ground g;
    ground_init(&g, 9);
    ground_must_open(&g);
    cr_assert_eq(ground_append(&g, 1, 0, 1, 10000), OK);
    cr_assert_eq(log_segment_count(g.log), 1);
    cr_assert_eq(ground_append(&g, 1, 0, 1, 10000), OK);
    cr_assert_eq(log_segment_count(g.log), 2);
    size_t n = 0;
    uint8_t *got = ground_read(&g, 0, 2, 10, LOG_READ_HOT, &n);
    cr_assert_eq((int64_t)n, log_size_bytes(g.log));
    free(got);
    ground_release(&g);
}

Test(log, timestamps_find_their_batch_in_every_segment)
{
    struct ground g;
    ground_init(&g, 10);
    ground_must_open(&g);
    for (int i = 0; i < 200; i++) { /* two records each: 10i, 10i+1 */
        cr_assert_eq(ground_append(&g, 2, 0, 10 * i, 50), OK);
    }
    int64_t end = log_end(g.log);
    cr_assert_gt(log_segment_count(g.log), 5);
    for (int64_t t = 0; t < 2000; t += 3) {
        struct log_range range;
        cr_assert_eq(log_find_timestamp(g.log, t, end, LOG_READ_HOT, &range), OK);
        int64_t batch = t % 10 <= 1 ? t / 10 : t / 10 + 1;
        if (batch < 200) {
            cr_assert_eq(range.base_offset, batch * 2, "time %lld", (long long)t);
        } else {
            cr_assert_eq(range.bytes, 0);
        }
        log_range_release(&range);
    }
    struct log_range range;
    cr_assert_eq(log_find_timestamp(g.log, INT64_MIN, end, LOG_READ_HOT, &range), OK);
    cr_assert_eq(range.base_offset, 0);
    log_range_release(&range);
    cr_assert_eq(log_find_timestamp(g.log, INT64_MAX, end, LOG_READ_HOT, &range), OK);
    cr_assert_eq(range.bytes, 0);
    cr_assert_eq(log_find_max_timestamp(g.log, end, LOG_READ_HOT, &range), OK);
    cr_assert_eq(range.base_offset, 398);
    log_range_release(&range);
    cr_assert_eq(log_find_max_timestamp(g.log, end - 1, LOG_READ_HOT, &range), OK);
    cr_assert_eq(range.bytes, 0);
    cr_assert_eq(log_find_timestamp(g.log, 500, 99, LOG_READ_HOT, &range), OK);
    cr_assert_eq(range.bytes, 0, "not below the limit");
    ground_release(&g);
}

Test(log, what_was_not_checked_since_the_start_is_cold_until_it_was_read_in)
{
    struct ground g;
    ground_init(&g, 11);
    ground_must_open(&g);
    append_many(&g, 60);
    int64_t old_end = log_end(g.log);
    cr_assert_eq(log_close(g.log), OK);
    g.known.clean = true;
    g.log = NULL;
    ground_must_open(&g);
    append_many(&g, 10);
    struct log_range range;
    uint8_t scratch[4096];
    cr_assert_eq(log_read(g.log, 0, old_end, 1000, true, LOG_READ_HOT, &range), OK);
    cr_assert(range.cold);
    err_t err = log_range_warm(&range, g.config.crc, scratch, sizeof(scratch));
    cr_assert_eq(log_range_warmed(g.log, &range, err), OK);
    cr_assert_eq(range.base_offset, 0);
    cr_assert_gt(range.bytes, 0);
    log_range_release(&range);
    cr_assert_eq(log_read(g.log, 0, old_end, 1000, true, LOG_READ_HOT, &range), OK);
    cr_assert(!range.cold, "checked once");
    log_range_release(&range);
    cr_assert_eq(log_read(g.log, old_end, log_end(g.log), 1000, true, LOG_READ_HOT, &range), OK);
    cr_assert(!range.cold, "appended since the start");
    log_range_release(&range);
    fake_disk_set_hot(g.host, false);
    cr_assert_eq(log_read(g.log, 0, old_end, 1000, true, LOG_READ_HOT, &range), OK);
    cr_assert(range.cold, "left the cache");
    log_range_release(&range);
    cr_assert_eq(log_find_timestamp(g.log, 1100, old_end, LOG_READ_HOT, &range), OK);
    cr_assert(range.cold);
    err = log_range_warm(&range, g.config.crc, scratch, sizeof(scratch));
    cr_assert_eq(log_range_warmed(g.log, &range, err), OK);
    int64_t found = range.base_offset;
    log_range_release(&range);
    fake_disk_set_hot(g.host, true);
    cr_assert_eq(log_find_timestamp(g.log, 1100, old_end, LOG_READ_ANY, &range), OK);
    cr_assert_eq(range.base_offset, found);
    log_range_release(&range);
    ground_release(&g);
}

Test(log, rot_is_found_by_the_warm_up_and_a_cut_meanwhile_is_told_apart)
{
    struct ground g;
    ground_init(&g, 12);
    ground_must_open(&g);
    append_many(&g, 40);
    cr_assert_eq(log_close(g.log), OK);
    g.log = NULL;
    g.known.clean = true;
    fake_disk_flip(g.host, DIR "/00000000000000000000.log", 300, 3);
    ground_must_open(&g);
    uint8_t scratch[4096];
    struct log_range range;
    cr_assert_eq(log_read(g.log, 0, log_end(g.log), 2000, true, LOG_READ_HOT, &range), OK);
    cr_assert(range.cold);
    cr_assert_eq(log_range_warm(&range, g.config.crc, scratch, sizeof(scratch)), OK);
    int64_t bad = range.end_offset; /* what is good before it comes alone */
    cr_assert_gt(range.bytes, 0);
    cr_assert_leq(range.bytes, 300);
    cr_assert_eq(log_range_warmed(g.log, &range, OK), OK);
    log_range_release(&range);
    cr_assert_eq(log_read(g.log, bad, log_end(g.log), 2000, true, LOG_READ_HOT, &range), OK);
    cr_assert(range.cold);
    err_t err = log_range_warm(&range, g.config.crc, scratch, sizeof(scratch));
    cr_assert_eq(err, ERR_CORRUPT);
    cr_assert_eq(log_range_warmed(g.log, &range, err), ERR_CORRUPT);
    int64_t base = log_active_base(g.log);
    cr_assert_eq(log_read(g.log, base, log_end(g.log), 5000, true, LOG_READ_HOT, &range), OK);
    cr_assert(range.cold);
    cr_assert_eq(log_truncate(g.log, log_end(g.log) - 1, 0), OK);
    err = log_range_warm(&range, g.config.crc, scratch, sizeof(scratch));
    cr_assert_eq(log_range_warmed(g.log, &range, err), ERR_BUSY);
    ground_release(&g);
}

Test(log, files_rest_when_nobody_used_them_but_not_with_unsynced_bytes)
{
    struct ground g;
    ground_init(&g, 13);
    ground_must_open(&g);
    append_many(&g, 30);
    log_rest(g.log);
    log_rest(g.log);
    cr_assert_gt(fake_disk_open_files(g.host), 0, "unsynced files are pinned");
    ground_sync(&g);
    log_rest(g.log);
    log_rest(g.log);
    cr_assert_eq(fake_disk_open_files(g.host), 0);
    size_t n = 0;
    uint8_t *got = ground_read(&g, 0, log_end(g.log), 500, LOG_READ_HOT, &n);
    cr_assert_eq((int64_t)n, log_size_bytes(g.log));
    free(got);
    append_many(&g, 30);
    ground_release(&g);
}

Test(log, a_follower_reads_the_end_without_looking_into_the_file)
{
    struct ground g;
    ground_init(&g, 14);
    g.config.segment_bytes = 1 << 20;
    ground_must_open(&g);
    append_many(&g, 10);
    int64_t at = log_end(g.log);
    append_many(&g, 1);
    int64_t high_watermark = log_end(g.log);
    append_many(&g, 1);
    fake_disk_set_hot(g.host, true);
    struct log_range range;
    cr_assert_eq(log_read(g.log, at, high_watermark, 1 << 20, true, LOG_READ_HOT, &range), OK);
    cr_assert_eq(range.base_offset, at);
    cr_assert_eq(range.end_offset, high_watermark);
    log_range_release(&range);
    ground_release(&g);
}

Test(log, replay_tells_every_batch_from_an_offset_on)
{
    struct ground g;
    ground_init(&g, 15);
    ground_must_open(&g);
    int64_t want[80];
    for (int i = 0; i < 80; i++) {
        want[i] = log_end(g.log);
        append_many(&g, 1);
    }
    cr_assert_gt(log_segment_count(g.log), 1);
    for (uint32_t i = 0; i < 80; i += 9) {
        int64_t bases[80];
        cr_assert_eq(ground_replay(&g, want[i], bases, 80), 80 - i);
        cr_assert_arr_eq(bases, want + i, (80 - i) * sizeof(int64_t));
    }
    cr_assert_eq(ground_replay(&g, log_end(g.log), want, 80), 0);
    ground_release(&g);
}

Test(log, behind_a_cut_that_is_not_proven_one_segment_must_do)
{
    struct ground g;
    ground_init(&g, 16);
    g.config.segment_bytes = 1000;
    ground_must_open(&g);
    append_many(&g, 20);
    (void)ground_sync(&g);
    cr_assert_eq(log_truncate(g.log, log_end(g.log) - 2, 0), OK);
    uint32_t segments = log_segment_count(g.log);
    append_many(&g, 20);
    cr_assert_eq(log_segment_count(g.log), segments);
    (void)ground_sync(&g);
    append_many(&g, 1);
    cr_assert_eq(log_segment_count(g.log), segments + 1);
    int64_t syncs = fake_disk_syncs(g.host);
    cr_assert_eq(log_truncate(g.log, log_end(g.log) - 1, 0), OK);
    cr_assert_eq(fake_disk_syncs(g.host), syncs, "a cut alone waits for nothing");
    cr_assert_eq(log_truncate(g.log, log_end(g.log) - 3, 0), OK);
    cr_assert_gt(fake_disk_syncs(g.host), syncs, "a second one waits for the first");
    ground_release(&g);
}

Test(log, a_truncation_takes_the_index_entries_along)
{
    struct ground g;
    ground_init(&g, 17);
    g.config.segment_bytes = 1 << 20;
    g.config.index_interval_bytes = 0;
    ground_must_open(&g);
    for (int i = 0; i < 1200; i++) { /* more than stay in memory */
        cr_assert_eq(ground_append(&g, 1, 0, 1000 + i, 10), OK);
    }
    int64_t batch = log_size_bytes(g.log) / 1200;
    cr_assert_eq(log_truncate(g.log, 301, 0), OK);
    cr_assert_eq(log_segment(g.log, 0).max_timestamp_ms, 1300);
    size_t n = 0;
    uint8_t *index = fake_disk_bytes(g.host, DIR "/00000000000000000000.index", &n);
    cr_assert_eq(n, 300 * 8); /* the first batch has none */
    int64_t last = (int64_t)index[n - 2] << 8 | index[n - 1];
    cr_assert_eq(last, 300 * batch & 0xffff);
    free(index);
    index = fake_disk_bytes(g.host, DIR "/00000000000000000000.timeindex", &n);
    cr_assert_eq(n, 300 * 12);
    free(index);
    ground_release(&g);
}
