#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/common/log/fixture.h"

/* Ten segments of ten batches each; batch i has timestamp i. */
static void ten_segments(struct ground *g)
{
    ground_init(g, 41);
    g->config.segment_bytes = INT32_MAX;
    ground_must_open(g);
    for (int i = 0; i < 100; i++) {
        if (i % 10 == 0) {
            cr_assert_eq(log_roll(g->log, 0), OK);
        }
        cr_assert_eq(ground_append(g, 1, 0, i, 50), OK);
    }
    cr_assert_eq(log_segment_count(g->log), 10);
    (void)ground_sync(g);
}

static int64_t expire(struct ground *g, int64_t ms, int64_t bytes, int64_t limit, time_ms now)
{
    struct log_retention retention = {ms, bytes, limit};
    bool moved = false;
    int64_t before = log_start(g->log);
    cr_assert_eq(log_expire(g->log, &retention, now, &moved), OK);
    log_check(g->log);
    cr_assert_eq(moved, log_start(g->log) != before);
    return log_start(g->log);
}

Test(retention, old_segments_go_by_their_youngest_record)
{
    struct ground g;
    ten_segments(&g);
    cr_assert_eq(expire(&g, 1000, -1, 100, 1009), 0, "exactly as old as may be");
    cr_assert_eq(expire(&g, 1000, -1, 100, 1010), 10);
    cr_assert_eq(expire(&g, 1000, -1, 100, 1059), 50);
    cr_assert_eq(expire(&g, -1, -1, 100, INT64_MAX), 50);
    ground_release(&g);
}

Test(retention, size_counts_whole_segments)
{
    struct ground g;
    ten_segments(&g);
    int64_t segment = log_segment(g.log, 0).bytes;
    cr_assert_eq(expire(&g, -1, 9 * segment + 1, 100, 0), 0);
    cr_assert_eq(expire(&g, -1, 9 * segment, 100, 0), 10);
    cr_assert_eq(log_drop(g.log, 10), OK);
    cr_assert_eq(expire(&g, -1, 3 * segment + 5, 100, 0), 60);
    ground_release(&g);
}

Test(retention, nothing_at_or_above_the_high_watermark_goes)
{
    struct ground g;
    ten_segments(&g);
    cr_assert_eq(expire(&g, 0, -1, 39, 1 << 20), 30);
    cr_assert_eq(expire(&g, 0, -1, 40, 1 << 20), 40);
    ground_release(&g);
}

Test(retention, an_expired_active_segment_is_rolled_first_an_empty_one_stays)
{
    struct ground g;
    ten_segments(&g);
    cr_assert_eq(expire(&g, 0, -1, 100, 1 << 20), 100);
    cr_assert_eq(log_segment_count(g.log), 11);
    cr_assert_eq(log_end(g.log), 100);
    (void)ground_sync(&g);
    cr_assert_eq(log_drop(g.log, 100), OK);
    cr_assert_eq(log_segment_count(g.log), 1);
    cr_assert_eq(expire(&g, 0, 0, 100, 1 << 20), 100);
    cr_assert_eq(log_segment_count(g.log), 1);
    cr_assert_eq(ground_append(&g, 1, 0, 5, 10), OK);
    ground_release(&g);
}

Test(retention, files_go_only_below_a_saved_start_and_are_unlinked_later)
{
    struct ground g;
    ten_segments(&g);
    cr_assert_eq(expire(&g, 1000, -1, 100, 1055), 50);
    cr_assert_eq(log_segment_count(g.log), 10, "the checkpoint comes first");
    cr_assert_eq(log_drop(g.log, 25), OK);
    cr_assert_eq(log_segment_count(g.log), 8);
    size_t n = 0;
    uint8_t *bytes = fake_disk_bytes(g.host, DIR "/00000000000000000000.log.deleted", &n);
    cr_assert_not_null(bytes);
    free(bytes);
    cr_assert_null(fake_disk_bytes(g.host, DIR "/00000000000000000000.log", &n));
    log_doomed_run(log_doomed_take(g.log));
    cr_assert_null(log_doomed_take(g.log));
    cr_assert_null(fake_disk_bytes(g.host, DIR "/00000000000000000000.log.deleted", &n));
    cr_assert_null(fake_disk_bytes(g.host, DIR "/00000000000000000000.timeindex.deleted", &n));
    ground_release(&g);
}

Test(retention, a_reader_keeps_a_dropped_segment_until_it_is_done)
{
    struct ground g;
    ten_segments(&g);
    struct log_range range;
    cr_assert_eq(log_read(g.log, 0, 100, 1 << 20, true, LOG_READ_HOT, &range), OK);
    cr_assert_eq(expire(&g, 1000, -1, 100, 1055), 50);
    cr_assert_eq(log_drop(g.log, 50), OK);
    log_doomed_run(log_doomed_take(g.log));
    uint8_t *p = malloc(range.bytes);
    size_t n = 0;
    cr_assert_eq(log_range_read(&range, p, &n), OK);
    cr_assert_eq(n, range.bytes);
    free(p);
    int open = fake_disk_open_files(g.host);
    log_range_release(&range);
    cr_assert_eq(fake_disk_open_files(g.host), open - 1);
    ground_release(&g);
}

Test(retention, a_segment_stays_until_the_one_behind_it_has_its_name_on_disk)
{
    struct ground g;
    ten_segments(&g);
    cr_assert_eq(expire(&g, 0, -1, 100, 1 << 20), 100); /* rolls: the new name is not synced */
    cr_assert_eq(log_drop(g.log, 100), OK);
    cr_assert_eq(log_segment_count(g.log), 2);
    (void)ground_sync(&g);
    cr_assert_eq(log_drop(g.log, 100), OK);
    cr_assert_eq(log_segment_count(g.log), 1);
    ground_release(&g);
}

Test(retention, a_moved_start_hides_records_and_bounds_replay_and_reads)
{
    struct ground g;
    ten_segments(&g);
    log_set_start(g.log, 37);
    log_set_start(g.log, 20);
    cr_assert_eq(log_start(g.log), 37);
    struct log_replay *replay = NULL;
    cr_assert_eq(log_replay_open(g.log, 36, &replay), ERR_RANGE);
    int64_t bases[100];
    cr_assert_eq(ground_replay(&g, 37, bases, 100), 63);
    struct log_range range;
    cr_assert_eq(log_find_timestamp(g.log, 0, 100, LOG_READ_ANY, &range), OK);
    cr_assert_eq(range.base_offset, 37);
    log_range_release(&range);
    ground_release(&g);
}

Test(retention, a_removed_log_leaves_nothing)
{
    struct ground g;
    ten_segments(&g);
    cr_assert_eq(log_close(g.log), OK);
    g.log = NULL;
    cr_assert_eq(log_remove(g.host, DIR), OK);
    cr_assert_eq(log_remove(g.host, DIR), ERR_NOT_FOUND);
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 0);
    ground_release(&g);
}

static bool has_times(struct ground *g, int64_t base)
{
    char path[64];
    size_t n = 0;
    (void)snprintf(path, sizeof(path), DIR "/%020lld.timeindex", (long long)base);
    uint8_t *bytes = fake_disk_bytes(g->host, path, &n);
    bool there = bytes != NULL;
    free(bytes);
    return there && n > 0;
}

/* Nobody has noted the new start, for want of room; then it dies, and there is still none. */
Test(retention, what_makes_room_for_the_checkpoint_is_not_missed_after_a_crash)
{
    struct ground g;
    int64_t bases[100];
    ten_segments(&g);
    g.known.recovery_point = log_recovery_point_take(g.log).offset;
    cr_assert_eq(expire(&g, 1000, -1, 100, 1055), 50);
    log_thin(g.log);
    log_check(g.log);
    for (int64_t base = 0; base < 90; base += 10) {
        cr_assert_eq(has_times(&g, base), base >= 50, "%lld", (long long)base);
    }
    (void)ground_sync(&g);
    ground_kill(&g);
    fake_disk_power_cut(g.host, FAKE_CUT_NOTHING);
    fake_disk_space_left(g.host, 0);
    ground_must_open(&g);
    cr_assert_eq(log_start(g.log), 0);
    cr_assert_geq(g.report.rebuilt_indexes, 5);
    cr_assert_not(has_times(&g, 0));
    cr_assert_eq(ground_replay(&g, 0, bases, 100), 100);
    cr_assert_eq(expire(&g, 1000, -1, 100, 1055), 50, "their age is known all the same");
    ground_kill(&g);
    fake_disk_space_left(g.host, -1);
    ground_must_open(&g);
    cr_assert(has_times(&g, 0));
    ground_release(&g);
}

/* Nor is a checkpoint needed: a tail of many segments is opened without room for one index of theirs, or retention could not begin. */
Test(retention, a_tail_of_many_segments_opens_on_a_full_disk)
{
    struct ground g;
    int64_t bases[100];
    ten_segments(&g);
    (void)ground_sync(&g);
    ground_kill(&g);
    fake_disk_power_cut(g.host, FAKE_CUT_NOTHING);
    g.known = (struct log_known){0};
    fake_disk_space_left(g.host, 0);
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 100);
    cr_assert_eq(ground_replay(&g, 0, bases, 100), 100);
    cr_assert_eq(expire(&g, 1000, -1, 100, 1055), 50);
    ground_release(&g);
}

/* A longer name in a full folder finds no room: then the file goes at once. */
Test(retention, on_a_full_disk_segments_go_without_a_new_name)
{
    for (int n = 1; n <= 3; n++) {
        struct ground g;
        size_t bytes = 0;
        ten_segments(&g);
        cr_assert_eq(expire(&g, 1000, -1, 100, 1055), 50);
        fake_disk_fail_change(g.host, n, ERR_NO_SPACE);
        cr_assert_eq(log_drop(g.log, 50), OK);
        log_check(g.log);
        cr_assert_eq(log_segment_count(g.log), 5);
        cr_assert_null(fake_disk_bytes(g.host, DIR "/00000000000000000000.log", &bytes));
        log_doomed_run(log_doomed_take(g.log));
        cr_assert_null(fake_disk_bytes(g.host, DIR "/00000000000000000000.log.deleted", &bytes));
        ground_release(&g);
    }
}

/* Where nothing more fits the newest segment cannot be rolled; the others go, and make room. */
Test(retention, on_a_full_disk_all_but_the_newest_segment_go)
{
    struct ground g;
    ten_segments(&g);
    fake_disk_space_left(g.host, 0);
    cr_assert_eq(expire(&g, 0, -1, 100, 1 << 20), 90);
    cr_assert_eq(log_drop(g.log, 90), OK);
    cr_assert_eq(log_segment_count(g.log), 1);
    fake_disk_space_left(g.host, -1);
    cr_assert_eq(ground_append(&g, 1, 0, 100, 50), OK);
    cr_assert_eq(expire(&g, 0, -1, 101, 1 << 20), 101);
    ground_release(&g);
}
