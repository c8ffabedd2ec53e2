#include "tests/unit/common/log/lives.h"

#include "tests/unit/common/log/model.h"

static err_t random_cut(struct world *w)
{
    if (w->old_count + 1 >= HISTORIES_MAX) {
        return world_sync(w);
    }
    bool restart = prng_chance(&w->prng, 100);
    int64_t start = log_start(w->g.log);
    int64_t end = log_end(w->g.log);
    err_t err = restart ? world_restart(w, end + prng_between(&w->prng, 0, 50))
                        : world_truncate(w, prng_between(&w->prng, max_i64(start, end - 40), end));
    w->now.floor = restart ? 0 : min_i64(w->now.floor, w->now.end);
    if (err == OK && restart) {
        w->saved_start = prng_chance(&w->prng, 500) ? w->start : w->saved_start;
    }
    return err;
}

static err_t start_step(struct world *w)
{
    if (w->start_out) {
        return world_start_finish(w);
    }
    world_start_take(w);
    return OK;
}

static err_t random_step(struct world *w)
{
    int dice = (int)prng_below(&w->prng, 100);
    if (dice < 45) {
        return world_append(w, (int)prng_between(&w->prng, 1, 8));
    }
    if (dice < 60) {
        world_sync_take(w);
        return OK;
    }
    if (dice < 75) {
        fake_disk_fail_sync(w->g.host, prng_chance(&w->prng, 20) ? 1 : 0);
        err_t err = world_sync_finish(w);
        fake_disk_fail_sync(w->g.host, 0);
        w->now.floor = log_durable_end(w->g.log);
        return err;
    }
    if (dice < 80) {
        world_point_take(w);
        return OK;
    }
    if (dice < 86) {
        world_point_finish(w);
        return OK;
    }
    if (dice < 90) {
        return random_cut(w);
    }
    if (dice < 93) {
        return world_expire(w);
    }
    if (dice < 96) {
        return start_step(w);
    }
    if (dice < 97) {
        return log_roll(w->g.log, w->now_ms);
    }
    if (dice < 98) {
        log_rest(w->g.log);
    } else if (w->held_bytes == NULL) {
        world_hold(w);
    } else {
        world_let_go(w);
    }
    return OK;
}

static void random_end(struct world *w)
{
    if (prng_chance(&w->prng, 80)) {
        fake_disk_freeze_after(w->g.host, -1);
        world_renew(w);
        return;
    }
    if (prng_chance(&w->prng, 250) && !log_offline(w->g.log) && world_sync_finish(w) == OK) {
        int64_t sealed = world_sealed(w);
        int64_t active = log_segment(w->g.log, log_segment_count(w->g.log) - 1).base_offset;
        world_let_go(w);
        int64_t start = log_start(w->g.log);
        int64_t end = log_end(w->g.log);
        bool clean = log_close(w->g.log) == OK;
        if (clean) { /* then the checkpoints are written once more */
            w->saved_start = start;
            w->start_stale = false;
            w->saved_point = end;
        }
        w->g.log = NULL;
        w->point_out = w->start_out = false;
        fake_disk_freeze_after(w->g.host, -1);
        fake_disk_power_cut(w->g.host, FAKE_CUT_NOTHING);
        w->sync_failed = false;
        bool harmed = clean && sealed >= 0 && prng_chance(&w->prng, 300) &&
                      world_harm_index(w, sealed);
        if (clean && prng_chance(&w->prng, 300)) {
            world_harm_times(w, active);
        }
        world_open(w, clean);
        cr_assert_leq(log_segment(w->g.log, log_segment_count(w->g.log) - 1).max_timestamp_ms,
                      w->now_ms + 50);
        cr_assert(!harmed || w->g.report.rebuilt_indexes > 0);
        return;
    }
    world_kill(w);
    fake_disk_freeze_after(w->g.host, -1);
    enum fake_cut cut = (enum fake_cut)prng_below(&w->prng, 4);
    if (cut != FAKE_CUT_ALL) {
        fake_disk_power_cut(w->g.host, cut);
        w->sync_failed = false;
    }
    world_open(w, false);
}

uint64_t lives_run(uint64_t seed)
{
    struct world w;
    uint64_t done = 0;
    world_init(&w, seed);
    world_open(&w, false);
    for (int life = 0; life < LIVES; life++) {
        int steps = (int)prng_between(&w.prng, 1, 60);
        int frozen = (int)prng_below(&w.prng, 80);
        err_t err = OK;
        for (int i = 0; i < steps && err == OK; i++) {
            if (i == frozen) {
                fake_disk_freeze_after(w.g.host, (int64_t)prng_below(&w.prng, 10));
            }
            err = random_step(&w);
            done++;
            if (err == OK && i % 8 == 0) {
                int64_t floor = w.now.floor;
                world_check(&w);
                w.now.floor = floor;
            }
        }
        random_end(&w);
    }
    world_release(&w);
    return done;
}
