/*
 * What a log must hold, kept beside it in plain memory, and the judge of what came back after a crash.
 *
 * A crash may bring back a history that was truncated but whose truncation no sync has proven yet, so earlier ones are kept
 * until one has. What came back must be a prefix of one of them, whole batches, byte for byte, and long enough.
 */
#ifndef ODRADEK_TESTS_LOG_MODEL_H
#define ODRADEK_TESTS_LOG_MODEL_H

#include "common/base/prng.h"
#include "tests/unit/common/log/fixture.h"

#define HISTORIES_MAX 64

struct model_batch {
    int64_t base;
    int64_t last;
    struct slice bytes; /* the model's pool owns them */
};

struct history {
    struct model_batch *batches;
    size_t count;
    int64_t end;
    int64_t start; /* nothing at or above it may be missing */
    int64_t floor; /* at least this much of it must come back */
};

struct world {
    struct ground g;
    struct prng prng;
    struct history now;
    int64_t start;
    struct history old[HISTORIES_MAX];
    size_t old_count;
    struct slice *pool;
    size_t pool_count;
    /* What stands in the checkpoint files. */
    int64_t saved_point;
    int64_t saved_start;
    bool start_stale; /* saved_start is of a log that is gone */
    /* A checkpoint on its way. */
    struct log_recovery_point point;
    int64_t point_start; /* that goes along with it */
    bool point_out;
    /* A sync on its way. */
    struct log_sync sync;
    bool sync_out;
    size_t sync_covers; /* histories that are gone for good when it succeeds */
    bool sync_failed; /* since the power came: pages that are called clean may not be on the disk */
    /* A log start on its way to its checkpoint. */
    int64_t start_taken;
    bool start_out;
    /* A range that somebody has not sent yet, and what it was when it was given out. */
    struct log_range held;
    uint8_t *held_bytes; /* NULL: none */
    int32_t epoch;
    time_ms now_ms;
};

void world_init(struct world *, uint64_t seed);
void world_release(struct world *);
/* Opens with what the checkpoints say and judges what is there. */
void world_open(struct world *, bool clean);
/* The log is deleted and another one made under its name. What stands in the checkpoint files is still of the one before. */
void world_renew(struct world *);
/* The process dies with all that was under way. */
void world_kill(struct world *);

err_t world_append(struct world *, int batches);
err_t world_truncate(struct world *, int64_t offset);
err_t world_restart(struct world *, int64_t offset);
err_t world_expire(struct world *);
err_t world_save_start(struct world *); /* both of: */
void world_start_take(struct world *);
err_t world_start_finish(struct world *); /* checkpoint, then the files */
/* Takes a range that ends with the log. */
void world_hold(struct world *);
/* What it has is what it had, or less. */
void world_let_go(struct world *);
/* The newest segment whose offset index is whole already and may not go away; -1: none. */
int64_t world_sealed(const struct world *);
/* Once everything is closed: harms the offset index of that segment; false: it is left alone. */
bool world_harm_index(struct world *, int64_t base);
/* And this: the time index of the newest segment speaks of a record that is not there. */
void world_harm_times(struct world *, int64_t base);
void world_sync_take(struct world *);
err_t world_sync_finish(struct world *);
err_t world_sync(struct world *);
void world_point_take(struct world *);
void world_point_finish(struct world *);
/* Compares some reads with the model. */
void world_check(struct world *);

#endif
