/*
 * The reserve of a log directory: a device is never filled by producers, since what is needed to get out again (checkpoints,
 * indexes, the metadata log beside it, the file system itself) needs room too.
 *
 * Every second, more often when it gets close and less often while it stays what it was, a job of the pool looks how much is
 * free; what is appended in between is subtracted. Below the reserve leaders refuse (KAFKA_STORAGE_ERROR, which clients try
 * again), while fetches, retention and deletions go on; below half of it followers stop fetching too, so that leaders refuse
 * first and replicas stay alike.
 * Both end by themselves when there is room again.
 */
#include "broker/partition/partition_internal.h"

#define LOOK_US       1000000
#define LOOK_NEAR_US  100000
#define LOOK_IDLE_US  3000000
#define NEAR_RESERVES 16
/* Small devices: no more of them than this part. */
#define RESERVE_PART  20

void dir_space_used(struct log_dir *dir, int64_t bytes)
{
    assert(bytes >= 0);
    atomic_fetch_sub_explicit(&dir->space_left, bytes, memory_order_relaxed);
}

bool dir_space_short(struct log_dir *dir)
{
    return atomic_load_explicit(&dir->space_left, memory_order_relaxed) <= 0;
}

bool dir_space_gone(struct log_dir *dir)
{
    int64_t reserve = atomic_load_explicit(&dir->reserve, memory_order_relaxed);
    return atomic_load_explicit(&dir->space_left, memory_order_relaxed) <= -reserve / 2;
}

static void tell(struct log_dir *dir, int64_t left, int64_t reserve)
{
    const struct trace *trace = dir->table->config.trace;
    bool is_short = left <= 0;
    if (is_short != dir->space_told) {
        dir->space_told = is_short;
        trace_log(trace, is_short ? TRACE_ERROR : TRACE_INFO, TRACE_PARTITION,
                  is_short
                      ? "The device of log directory %s has only %lld MiB left, less than the "
                        "reserve of %lld MiB: producers are refused until there is room"
                      : "The device of log directory %s has %lld MiB left again, more than the "
                        "reserve of %lld MiB: producers are served",
                  dir->path, (long long)((left + reserve) >> 20), (long long)(reserve >> 20));
    }
}

static void look(struct log_dir *dir)
{
    int64_t usable;
    int64_t total;
    if (atomic_load(&dir->offline) ||
        disk_space(dir->table->host, dir->path, &usable, &total) != OK) {
        return;
    }
    int64_t reserve = min_i64(dir->table->config.reserve_bytes, total / RESERVE_PART);
    atomic_store_explicit(&dir->reserve, reserve, memory_order_relaxed);
    atomic_store_explicit(&dir->space_left, reserve == 0 ? INT64_MAX : usable - reserve,
                          memory_order_relaxed);
    tell(dir, usable - reserve, reserve);
}

static void space_work(struct disk_job *job)
{
    struct partitions *table = CONTAINER_OF(job, struct partitions, space_job);
    for (uint32_t i = 0; i < table->dir_count; i++) {
        look(&table->dirs[i]);
    }
}

static void space_arm(struct partitions *table)
{
    time_us rest = LOOK_IDLE_US;
    for (uint32_t i = 0; i < table->dir_count; i++) {
        struct log_dir *dir = &table->dirs[i];
        int64_t left = atomic_load(&dir->space_left);
        bool near = left < NEAR_RESERVES * atomic_load(&dir->reserve);
        bool moves = left != dir->space_seen;
        dir->space_seen = left;
        rest = min_i64(rest, near ? LOOK_NEAR_US : moves ? LOOK_US : LOOK_IDLE_US);
    }
    timer_arm_beat(table->config.control, &table->space_timer, rest);
}

static void space_done(struct disk_job *job)
{
    struct partitions *table = CONTAINER_OF(job, struct partitions, space_job);
    table->space_running = false;
    if (table->stopping) {
        upkeep_rested(table);
    } else {
        space_arm(table);
    }
}

static void space_fire(struct timer *timer)
{
    struct partitions *table = CONTAINER_OF(timer, struct partitions, space_timer);
    assert(!table->space_running && !table->stopping);
    table->space_running = true;
    disk_submit(table->config.control, &table->space_job);
}

void dir_space_init(struct log_dir *dir)
{
    atomic_store(&dir->space_left, INT64_MAX);
    atomic_store(&dir->reserve, 0);
}

void dir_space_start(struct partitions *table)
{
    table->space_timer.fire = space_fire;
    table->space_job.work = space_work;
    table->space_job.done = space_done;
    if (table->config.reserve_bytes > 0) {
        space_fire(&table->space_timer);
    }
}
