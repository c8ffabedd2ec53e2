#include <stdio.h>

#include "tests/unit/common/log/lives.h"
#include "tests/unit/common/log/model.h"

/* The floor of the present is what the log itself last called durable. */
static void note_floor(struct world *w)
{
    w->now.floor = log_durable_end(w->g.log);
}

/* A life with everything in it. Each step once; the first error ends it. */
static err_t script(struct world *w)
{
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 6; i++) {
            TRY(world_append(w, 1 + i % 3));
        }
        world_sync_take(w);
        TRY(world_append(w, 2));
        TRY(world_sync_finish(w));
        note_floor(w);
        world_point_take(w);
        TRY(world_append(w, 3));
        err_t err = world_truncate(w, log_end(w->g.log) - 3 - round * 4);
        w->now.floor = min_i64(w->now.floor, w->now.end);
        TRY(err);
        TRY(world_append(w, 3));
        TRY(world_sync(w));
        note_floor(w);
        world_point_finish(w);
        world_point_take(w);
        world_point_finish(w);
        TRY(world_expire(w));
        TRY(world_save_start(w));
        err = world_truncate(w, log_end(w->g.log) - 9); /* below the recovery point */
        w->now.floor = min_i64(w->now.floor, w->now.end);
        TRY(err);
        TRY(world_append(w, 4));
    }
    TRY(world_restart(w, log_end(w->g.log) + 100));
    w->now.floor = 0;
    TRY(world_append(w, 4));
    TRY(world_sync(w));
    note_floor(w);
    return OK;
}

/* A log that begins anew where its checkpoint does not say yet, and is cut to nothing there. */
static err_t script_emptied(struct world *w)
{
    for (int i = 0; i < 6; i++) {
        TRY(world_append(w, 3));
    }
    TRY(world_sync(w));
    TRY(world_restart(w, log_end(w->g.log) + 100));
    w->now.floor = w->now.end;
    for (int i = 0; i < 3; i++) {
        TRY(world_append(w, 4));
        TRY(world_sync(w));
        TRY(world_append(w, 4));
        TRY(world_truncate(w, log_start(w->g.log)));
    }
    return OK;
}

/* A log that begins anew below the start that its checkpoint tells of, and then once more (unclean elections): what comes then is not
 * thrown away for that start. */
static err_t script_begun_below(struct world *w)
{
    for (int i = 0; i < 10; i++) {
        TRY(world_append(w, 3));
    }
    TRY(world_sync(w));
    world_point_take(w);
    world_point_finish(w);
    log_set_start(w->g.log, log_end(w->g.log) * 3 / 4);
    w->start = log_start(w->g.log);
    TRY(world_save_start(w));
    for (int64_t part = 2; part > 0; part--) {
        w->now.floor = 0;
        TRY(world_restart(w, log_start(w->g.log) * part / 3));
        w->now.floor = w->now.end;
        TRY(world_append(w, 4));
        TRY(world_sync(w));
        note_floor(w);
        TRY(world_append(w, 2));
        world_point_take(w);
        world_point_finish(w);
        TRY(world_append(w, 3));
        TRY(world_sync(w));
        note_floor(w);
    }
    return OK;
}

static int64_t script_changes(err_t (*life)(struct world *), uint64_t seed)
{
    struct world w;
    world_init(&w, seed);
    world_open(&w, false);
    int64_t before = fake_disk_changes(w.g.host);
    cr_assert_eq(life(&w), OK);
    int64_t changes = fake_disk_changes(w.g.host) - before;
    world_release(&w);
    return changes;
}

static void crash_at(err_t (*life)(struct world *), uint64_t seed, int64_t changes,
                     enum fake_cut cut)
{
    struct world w;
    world_init(&w, seed);
    world_open(&w, false);
    fake_disk_freeze_after(w.g.host, changes);
    (void)life(&w);
    world_kill(&w);
    fake_disk_freeze_after(w.g.host, -1);
    if (cut != FAKE_CUT_ALL) {
        fake_disk_power_cut(w.g.host, cut);
    }
    world_open(&w, false);
    int64_t end = log_end(w.g.log);
    uint32_t segments = log_segment_count(w.g.log);
    world_kill(&w);
    fake_disk_power_cut(w.g.host, FAKE_CUT_NOTHING); /* what was told after the crash is on disk */
    world_open(&w, false);
    cr_assert_eq(log_end(w.g.log), end);
    cr_assert_eq(log_segment_count(w.g.log), segments);
    cr_assert_eq(world_append(&w, 3), OK);
    world_check(&w);
    world_release(&w);
}

static void every_crash_point(err_t (*life)(struct world *), uint64_t seed, enum fake_cut cut)
{
    int64_t changes = script_changes(life, seed);
    cr_assert_gt(changes, 50);
    for (int64_t at = 0; at <= changes; at++) {
        crash_at(life, seed, at, cut);
    }
}

Test(crash, every_point_and_nothing_unsynced_survives)
{
    every_crash_point(script, 21, FAKE_CUT_NOTHING);
}

Test(crash, every_point_and_changes_survive_in_order)
{
    every_crash_point(script, 22, FAKE_CUT_ORDERED);
    every_crash_point(script, 23, FAKE_CUT_ORDERED);
}

Test(crash, every_point_and_any_subset_of_changes_survives)
{
    every_crash_point(script, 24, FAKE_CUT_WILD);
    every_crash_point(script, 25, FAKE_CUT_WILD);
}

Test(crash, every_point_of_a_killed_process)
{
    every_crash_point(script, 26, FAKE_CUT_ALL);
}

Test(crash, every_point_of_a_log_that_is_emptied)
{
    for (uint64_t seed = 31; seed < 40; seed++) {
        every_crash_point(script_emptied, seed, (enum fake_cut)(seed % 4));
    }
}

Test(crash, every_point_of_a_log_that_begins_anew_below_its_start)
{
    for (uint64_t seed = 41; seed < 53; seed++) {
        every_crash_point(script_begun_below, seed, (enum fake_cut)(seed % 4));
    }
}

/* Cut upon cut, each below the one before, the last one to nothing; segments of a batch or two. */
static err_t cuts(struct world *w)
{
    for (int i = 0; i < 12; i++) {
        TRY(world_append(w, 2));
    }
    TRY(world_sync(w));
    note_floor(w);
    for (int64_t part = 3; part >= 0; part--) {
        if (part == 0 && prng_chance(&w->prng, 500)) {
            fake_disk_freeze_after(w->g.host, (int64_t)prng_below(&w->prng, 60));
        }
        err_t err = world_truncate(w, log_end(w->g.log) * part / 4);
        w->now.floor = min_i64(w->now.floor, w->now.end);
        TRY(err);
        TRY(world_append(w, 3));
        if (part == 1) {
            TRY(world_sync(w));
            note_floor(w);
            for (int i = 0; i < 5; i++) {
                TRY(world_append(w, 2));
            }
        }
    }
    return OK;
}

Test(crash, cut_upon_cut_never_loses_the_beginning)
{
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        struct world w;
        world_init(&w, seed);
        w.g.config.segment_bytes = 300;
        world_open(&w, false);
        fake_disk_freeze_after(w.g.host, prng_between(&w.prng, 30, 400));
        (void)cuts(&w);
        world_kill(&w);
        fake_disk_power_cut(w.g.host, FAKE_CUT_WILD);
        world_open(&w, false);
        world_release(&w);
    }
}

Test(crash, random_lives_and_deaths, .timeout = 300)
{
    for (uint64_t seed = 1; seed <= 400; seed++) {
        (void)lives_run(seed);
    }
}

/* Cut to nothing where no checkpoint said yet that it begins: while the old segment was gone and the new one not there yet, a
 * crash left an empty folder, and the log came back at 0 (4770). */
Test(crash, lives_of_a_log_that_was_emptied)
{
    (void)lives_run(4770);
}

/* A log that was made under the name of another one, for whose checkpoints a note says that they are not of this one: when it was
 * closed in order the note went, and a cut below the recovery point was not noted any more (1221, 2291); and while the note stood, segments
 * went on the word of a start that nobody would believe (3509), also when only a power cut brought the note back (6122). */
Test(crash, lives_of_a_log_under_the_name_of_another)
{
    static const uint64_t seeds[] = {1221, 2291, 2833, 3509, 6122};
    for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
        (void)lives_run(seeds[i]);
    }
}

/* Closed in order, which ends the note, with segments below its start still there; then it dies while it is opened. */
static void dies_while_opened(uint64_t seed, int64_t changes)
{
    struct world w;
    world_init(&w, seed);
    world_open(&w, false);
    world_renew(&w);
    for (int i = 0; i < 12; i++) {
        cr_assert_eq(world_append(&w, 3), OK);
    }
    log_set_start(w.g.log, log_end(w.g.log) / 2);
    w.start = log_start(w.g.log);
    w.saved_start = w.start;
    w.start_stale = false;
    w.saved_point = log_end(w.g.log);
    cr_assert_eq(log_close(w.g.log), OK);
    w.g.log = NULL;
    w.g.known = (struct log_known){
        .clean = true, .recovery_point = w.saved_point, .log_start = w.saved_start};
    fake_disk_freeze_after(w.g.host, changes);
    if (ground_open(&w.g) == OK) {
        ground_kill(&w.g);
    }
    fake_disk_freeze_after(w.g.host, -1);
    fake_disk_power_cut(w.g.host, FAKE_CUT_WILD);
    w.now.floor = w.now.end;
    world_open(&w, false);
    world_release(&w);
}

Test(crash, a_log_under_the_name_of_another_dies_while_it_is_opened)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        for (int64_t changes = 0; changes < 60; changes += 1 + changes / 8) {
            dies_while_opened(seed, changes);
        }
    }
}

/* A cut that a sync under way has taken is not yet on disk: what relies on it syncs it itself. Else the end of the first segment, which
 * was cut off, and the third one of a later history, which was retired, came back side by side as a log that never was. */
static err_t cuts_while_a_sync_runs(struct world *w)
{
    TRY(world_append(w, 8));
    TRY(world_sync(w));
    note_floor(w);
    int64_t end = log_end(w->g.log);
    int64_t to = w->now.batches[w->now.count / 2].base;
    w->now.floor = min_i64(w->now.floor, to);
    TRY(world_truncate(w, to));
    while (log_end(w->g.log) < end) {
        TRY(world_append(w, 1));
    }
    world_sync_take(w);
    TRY(log_roll(w->g.log, w->now_ms));
    TRY(world_append(w, 2));
    TRY(world_truncate(w, to));
    return OK;
}

Test(crash, cuts_while_a_sync_runs)
{
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        struct world w;
        world_init(&w, seed);
        w.g.config.segment_bytes = 1 << 20;
        world_open(&w, false);
        cr_assert_eq(cuts_while_a_sync_runs(&w), OK);
        world_kill(&w);
        fake_disk_power_cut(w.g.host, FAKE_CUT_WILD);
        world_open(&w, false);
        world_release(&w);
    }
}

/* A log that begins with a hole is cut to an offset inside of it, below its recovery point: wherever that stops, it opens. */
static bool cut_into_first_hole(int64_t changes)
{
    struct ground g;
    struct sketch sketch = {10, 3, 1, 1000, 50};
    struct slice batch = batch_make(&sketch);
    ground_init(&g, 7);
    g.config.gaps = true;
    ground_must_open(&g);
    cr_assert_eq(log_append(g.log, &batch, 1, 0), OK);
    cr_assert_eq(ground_sync(&g), 13);
    struct log_recovery_point point = log_recovery_point_take(g.log);
    log_recovery_point_saved(g.log, point);
    fake_disk_freeze_after(g.host, changes);
    bool done = log_truncate(g.log, 5, 0) == OK;
    ground_kill(&g);
    fake_disk_freeze_after(g.host, -1);
    g.known.recovery_point = point.offset;
    ground_must_open(&g);
    cr_assert(done ? log_end(g.log) == 5 : log_end(g.log) <= 5 || log_end(g.log) == 13);
    ground_release(&g);
    batch_drop(batch);
    return done;
}

Test(crash, every_point_of_a_cut_into_the_hole_before_the_first_batch)
{
    int64_t changes = 0;
    while (!cut_into_first_hole(changes)) {
        changes++;
    }
    cr_assert_gt(changes, 5);
}

/* Whoever made the folder died before there was a log in it: what the checkpoint says is of another one of that name. */
Test(crash, a_folder_that_was_only_just_made_is_no_log_that_was)
{
    struct ground g;
    ground_init(&g, 15);
    cr_assert_eq(disk_mkdir(g.host, DIR), OK);
    g.known = (struct log_known){.written_point = 50, .log_start = 30};
    ground_must_open(&g);
    cr_assert_eq(log_start(g.log), 0);
    cr_assert_eq(ground_append(&g, 3, 1, 1000, 50), OK);
    cr_assert_eq(ground_sync(&g), 3);
    ground_kill(&g);
    fake_disk_power_cut(g.host, FAKE_CUT_NOTHING);
    ground_must_open(&g);
    cr_assert(g.report.renewed);
    cr_assert_eq(log_start(g.log), 0);
    cr_assert_eq(log_end(g.log), 3);
    ground_release(&g);
}

/* Ten batches of three records. */
static void append_thirty(struct ground *g)
{
    for (int32_t i = 0; i < 10; i++) {
        cr_assert_eq(ground_append(g, 3, 1, 1000, 50), OK);
    }
}

/* Whoever made it died at any moment, also while the note of that was being written. */
static bool made_until(int64_t changes)
{
    struct ground g;
    ground_init(&g, 16);
    g.known.renewed = true;
    fake_disk_freeze_after(g.host, changes);
    bool done = ground_open(&g) == OK;
    ground_kill(&g);
    fake_disk_freeze_after(g.host, -1);
    g.known = (struct log_known){.written_point = 50, .log_start = 30};
    ground_must_open(&g);
    cr_assert_eq(log_start(g.log), 0, "after %lld changes", (long long)changes);
    ground_release(&g);
    return done;
}

Test(crash, every_point_of_a_folder_that_is_made_in_the_name_of_another_one)
{
    int64_t changes = 0;
    while (!made_until(changes)) {
        changes++;
    }
    cr_assert_gt(changes, 7);
}

/* On a full disk it did not come to a new beginning, and is opened again by this process: from below its old start nothing is hidden. */
static bool begins_below_without_room(int n)
{
    struct ground g;
    ground_init(&g, 17);
    g.config.segment_bytes = 1000;
    ground_must_open(&g);
    append_thirty(&g);
    cr_assert_eq(ground_sync(&g), 30);
    log_recovery_point_saved(g.log, log_recovery_point_take(g.log));
    log_set_start(g.log, 15);
    cr_assert_lt(log_segment(g.log, 1).base_offset, 15);
    fake_disk_fail_change(g.host, n, ERR_NO_SPACE);
    err_t err = log_restart(g.log, 5, true, 0);
    cr_assert(err == OK || err == ERR_NO_SPACE, "change %d: %s", n, err_text(err));
    fake_disk_fail_change(g.host, 0, OK);
    g.known = (struct log_known){.recovery_point = log_durable_end(g.log),
                                 .written_point = 30,
                                 .log_start = log_start(g.log),
                                 .told_here = true,
                                 .cuts = log_cuts(g.log)};
    ground_kill(&g);
    ground_must_open(&g);
    bool as_it_was = log_start(g.log) == 15 && log_end(g.log) == 30;
    cr_assert(log_start(g.log) == 5 || (err != OK && as_it_was), "change %d: %lld to %lld", n,
              (long long)log_start(g.log), (long long)log_end(g.log));
    ground_release(&g);
    return err == OK && n > 30;
}

Test(crash, a_log_that_finds_no_room_to_begin_anew_below_its_start_hides_nothing)
{
    for (int n = 1; !begins_below_without_room(n); n++) {}
}

/* A note stays where it is for cuts behind it: what lies there is in doubt until a checkpoint has been written. */
Test(crash, a_note_is_not_raised_by_a_later_cut)
{
    struct ground g;
    ground_init(&g, 12);
    ground_must_open(&g);
    append_thirty(&g);
    g.known.recovery_point = ground_sync(&g);
    log_recovery_point_saved(g.log, log_recovery_point_take(g.log));
    cr_assert_eq(log_truncate(g.log, 6, 0), OK);
    for (int32_t i = 0; i < 4; i++) {
        cr_assert_eq(ground_append(&g, 3, 2, 1000, 50), OK);
    }
    cr_assert_eq(ground_sync(&g), 18);
    ground_kill(&g);
    struct log_known known = g.known;
    g.known = (struct log_known){.written_point = known.recovery_point};
    ground_must_open(&g);
    cr_assert_eq(log_truncate(g.log, 15, 0), OK);
    ground_kill(&g);
    g.known = known;
    ground_must_open(&g);
    cr_assert_eq(g.report.recovery_point, 6);
    ground_release(&g);
}

/* Nor by one of the same process, after a point that its owner had not proven (his epoch file was still on its way). */
Test(crash, a_note_is_not_raised_while_nothing_behind_it_is_proven)
{
    struct ground g;
    ground_init(&g, 13);
    ground_must_open(&g);
    append_thirty(&g);
    (void)ground_sync(&g);
    log_recovery_point_saved(g.log, log_recovery_point_take(g.log));
    cr_assert_eq(log_truncate(g.log, 6, 0), OK);
    for (int32_t i = 0; i < 4; i++) {
        cr_assert_eq(ground_append(&g, 3, 2, 1000, 50), OK);
    }
    g.known.recovery_point = ground_sync(&g);
    struct log_recovery_point point = log_recovery_point_take(g.log);
    cr_assert_eq(point.offset, 18);
    point.proven = false;
    log_recovery_point_saved(g.log, point);
    cr_assert_eq(log_truncate(g.log, 15, 0), OK);
    ground_kill(&g);
    ground_must_open(&g);
    cr_assert_eq(g.report.recovery_point, 6);
    ground_release(&g);
}

/* What a checkpoint says is not believed for once, and the log is cut below it: the next process may believe it again (seed 1208975). */
Test(crash, a_cut_below_a_point_that_was_not_believed_is_noted)
{
    struct ground g;
    ground_init(&g, 11);
    ground_must_open(&g);
    append_thirty(&g);
    int64_t end = ground_sync(&g);
    ground_kill(&g);
    g.known.recovery_point = 0;
    g.known.written_point = end;
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), end);
    cr_assert_eq(log_truncate(g.log, end - 12, 0), OK);
    cr_assert_eq(ground_sync(&g), end - 12);
    ground_kill(&g);
    g.known.recovery_point = end;
    g.known.written_point = 0;
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), end - 12);
    ground_release(&g);
}

/* A cut that must be noted first, on a full disk: nothing has changed, and the log may be opened again. */
Test(crash, a_cut_whose_note_finds_no_room_changes_nothing)
{
    struct ground g;
    ground_init(&g, 14);
    ground_must_open(&g);
    append_thirty(&g);
    g.known.recovery_point = ground_sync(&g);
    log_recovery_point_saved(g.log, log_recovery_point_take(g.log));
    fake_disk_space_left(g.host, 0);
    uint32_t cuts = log_cuts(g.log);
    cr_assert_eq(log_truncate(g.log, 6, 0), ERR_NO_SPACE);
    cr_assert_not(log_offline(g.log), "its directory stays online");
    cr_assert_neq(log_cuts(g.log), cuts, "what was read before says nothing: files may be shorter");
    ground_kill(&g);
    fake_disk_space_left(g.host, -1);
    ground_must_open(&g);
    cr_assert_eq(log_end(g.log), 30);
    cr_assert_eq(log_truncate(g.log, 6, 0), OK);
    ground_release(&g);
}
