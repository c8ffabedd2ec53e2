#include "common/log/log_internal.h"

/* .log, .index, .timeindex */
#define FILES_PER_SEGMENT 3

static void sync_add(struct log_sync *sync, struct log_file *file)
{
    assert(file != NULL && sync->file_count < LOG_SYNC_FILES_MAX);
    sync->files[sync->file_count++] = log_file_share(file);
}

/* Indexes are worth a sync once their segment is sealed: below the recovery point nobody scans any more. */
static void sync_add_segment(struct log_sync *sync, struct log_segment *segment, bool sealed)
{
    if (segment->file != NULL) { /* else nothing was written to it but its indexes */
        sync_add(sync, segment->file);
    }
    segment->dirty = false;
    struct log_index *indexes[] = {&segment->offsets, &segment->times};
    for (size_t i = 0; i < ARRAY_LEN(indexes) && sealed; i++) {
        if (indexes[i]->dirty) {
            sync_add(sync, indexes[i]->file);
            indexes[i]->dirty = false;
        }
    }
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

bool log_sync_take(struct log *log, struct log_sync *ret_sync)
{
    *ret_sync = (struct log_sync){.host = log->host, .end = log->end};
    if (log->syncing || log->offline || (!log->dir_dirty && log->dirty_base == INT64_MAX)) {
        return false;
    }
    uint32_t i = log_segment_floor(log, log->dirty_base);
    log->sync_base = log->dirty_base;
    log->dirty_base = INT64_MAX;
    for (; i < log->count; i++) {
        struct log_segment *segment = log->segments[i];
        if (segment->dirty && ret_sync->file_count + FILES_PER_SEGMENT > LOG_SYNC_FILES_MAX) {
            ret_sync->end = segment->base; /* the rest waits for the next sync */
            log->dirty_base = segment->base;
            break;
        }
        if (segment->dirty) {
            sync_add_segment(ret_sync, segment, i + 1 < log->count);
        }
    }
    ret_sync->dir = log->dir_dirty && !MUTANT(43) ? log->dir : NULL;
    log->sync_named = log->dir_dirty ? log_active(log)->base : log->named_base;
    log->dir_dirty = false;
    log->syncing = true;
    log->sync_end = ret_sync->end;
    log->sync_cut = log->dirty_base == INT64_MAX ? log->cut : log->proven_cut;
    return true;
}

err_t log_sync_run(struct log_sync *sync)
{
    for (uint32_t i = 0; i < sync->file_count; i++) {
        err_t err = disk_sync(sync->files[i]->disk);
        TRY(err != OK && MUTANT(44) ? disk_sync(sync->files[i]->disk) : err);
    }
    return sync->dir == NULL ? OK : disk_sync_dir(sync->host, sync->dir);
}

int64_t log_sync_done(struct log *log, struct log_sync *sync, err_t err)
{
    assert(log->syncing && log->sync_end <= sync->end);
    log->syncing = false;
    for (uint32_t i = 0; i < sync->file_count; i++) {
        log_file_drop(&sync->files[i]);
    }
    sync->file_count = 0;
    if (err != OK) {
        PROBE(LOG_SYNC_FAILED);
        log_set_offline(log);
    }
    if (!log->offline) {
        log->durable_end = max_i64(log->durable_end, log->sync_end);
        log->proven_cut = max_u32(log->proven_cut, log->sync_cut);
        log->named_base = max_i64(log->named_base, log->sync_named);
    }
    assert(log->durable_end <= log->end);
    return log->durable_end;
}

err_t log_sync_all(struct log *log)
{
    struct log_sync sync;
    while (log_sync_take(log, &sync)) {
        (void)log_sync_done(log, &sync, log_sync_run(&sync));
    }
    return log->offline ? ERR_OFFLINE : OK;
}

/* What a sync under way took is not called dirty any more, and is not on disk either. */
static err_t dirty_sync(struct log *log)
{
    for (uint32_t i = 0; i < log->count; i++) {
        const struct log_segment *segment = log->segments[i];
        bool taken = log->syncing && segment->base >= log->sync_base;
        if ((segment->dirty || taken) && segment->file != NULL) {
            TRY(disk_sync(segment->file->disk));
        }
    }
    return disk_sync_dir(log->host, log->dir);
}

err_t log_cut_prove(struct log *log)
{
    if (log_cut_proven(log)) {
        return OK;
    }
    if (dirty_sync(log) != OK) {
        log_set_offline(log);
        return ERR_OFFLINE;
    }
    log->proven_cut = log->cut;
    log->named_base = log_active(log)->base;
    return OK;
}

struct log_recovery_point log_recovery_point_take(struct log *log)
{
    int64_t proven = MUTANT(41) ? log->end : log->durable_end;
    log->taken_point = proven;
    log->saved_point = max_i64(log->saved_point, proven);
    return (struct log_recovery_point){proven, log->cut, log_cut_proven(log)};
}

/* A point taken before a truncation may stand in the file by now, and as long as a cut is not on disk a crash may bring back
 * what was cut: so long the note beside the log stays. */
void log_recovery_point_saved(struct log *log, struct log_recovery_point point)
{
    assert(point.cut <= log->cut);
    if (point.cut != log->cut || !point.proven) {
        return;
    }
    assert(point.offset <= log->taken_point);
    log->saved_point = log->taken_point;
    if (log->noted) {
        IGNORE(note_forget(log)); /* it is tried again with the next point */
    }
}
