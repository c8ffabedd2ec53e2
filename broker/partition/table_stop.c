/*
 * The end in order: followers' connections end, upkeep rests, every partition is stopped and closed, the checkpoints say where
 * each log ends, and last of all the marker that says so. A crash anywhere before leaves a directory that is recovered.
 */
#include "broker/partition/partition_internal.h"

#include "common/log/clean_shutdown.h"

static void finish_work(struct disk_job *job)
{
    struct partitions *table = CONTAINER_OF(job, struct partitions, checkpoint_job);
    int64_t epoch = table_broker_epoch(table);
    for (uint32_t i = 0; i < table->dir_count; i++) {
        struct log_dir *dir = &table->dirs[i];
        /* Before the first apply no log was opened: what the last process left is to be recovered still, or was in order and is. */
        bool untouched = !table->applied && dir->state == LOG_DIR_CLEAN && epoch >= 0;
        if (atomic_load(&dir->offline) || dir->unclean || table->abandoned ||
            !(table->applied || untouched)) {
            continue;
        }
        dir->checkpoint_sum = 0;
        err_t err = untouched ? OK : checkpoint_dir(dir);
        if (err == OK) {
            err = clean_shutdown_save(table->host, dir->path, epoch);
        }
        if (err != OK) {
            trace_log(
                table->config.trace, TRACE_ERROR, TRACE_PARTITION,
                "The log directory %s could not be closed in order (%s); the next start recovers it.",
                dir->path, err_text(err));
        }
    }
}

static void finish_done(struct disk_job *job)
{
    struct partitions *table = CONTAINER_OF(job, struct partitions, checkpoint_job);
    table->config.events.stopped(table->config.events.ctx);
}

/* Everything that could still touch a log has ended. */
static void finish(struct partitions *table)
{
    table->checkpoint_job.work = finish_work;
    table->checkpoint_job.done = finish_done;
    disk_submit(table->config.control, &table->checkpoint_job);
}

void table_closed(struct partition *p)
{
    struct partitions *table = p->table;
    if (p->closed_end < 0 && p->state == PARTITION_CLOSING) {
        p->dir->unclean = true;
    }
    assert(table->closing > 0);
    table->closing--;
    table_try_finish(table);
}

/* Everything is closed and no job of a directory is under way. */
void table_try_finish(struct partitions *table)
{
    bool idle = atomic_load(&table->closing_begun) && table->closing == 0 && !table->finishing;
    for (uint32_t i = 0; i < table->dir_count; i++) {
        idle = idle && dir_sync_idle(&table->dirs[i]);
    }
    if (idle) {
        table->finishing = true;
        finish(table);
    }
}

static void close_all(struct partitions *table)
{
    struct partition *p = NULL;
    table->closing = 1; /* ours, so that it cannot end before all are told */
    while ((p = table_next(table, p)) != NULL) {
        partition_enter(p);
        if (p->state != PARTITION_DELETED) {
            partition_halt(p, PARTITION_CLOSING, KAFKA_NOT_LEADER_OR_FOLLOWER);
            table->closing++;
            partition_chore(p, CHORE_CLOSE);
        } else if (p->removing) {
            table->closing++; /* told by the end of CHORE_DELETE */
        }
        partition_leave(p);
    }
    for (uint32_t i = 0; i < table->dir_count; i++) {
        dir_release_held(&table->dirs[i], true);
    }
    table->closing--;
    table_try_finish(table);
}

/* Four things come to rest in any order: the fetch rooms, checkpoints, retention, the look at the space. */
static void rested(struct partitions *table)
{
    assert(table->stopping);
    if (table->rooms_open == 0 && !table->checkpoint_running && !table->retention_running &&
        !table->space_running && !atomic_load(&table->closing_begun)) {
        atomic_store(&table->closing_begun, true);
        close_all(table);
    }
}

void table_rooms_stopped(struct partitions *table)
{
    rested(table);
}

void upkeep_rested(struct partitions *table)
{
    rested(table);
}

void partitions_stop(struct partitions *table)
{
    assert(table->started && !table->stopping);
    table->stopping = true;
    (void)upkeep_stop(table);
    fetch_rooms_stop(table);
    rested(table);
}

void partitions_abandon(struct partitions *table)
{
    table->abandoned = true;
    partitions_stop(table);
}
