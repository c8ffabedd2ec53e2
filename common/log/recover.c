#include "common/log/log_internal.h"

/*
 * An epoch is smaller than the one before: no checksum covers epochs. Where this batch is whole and the one before lies below the
 * recovery point, it is that one that rotted, and what follows is no torn tail.
 */
static bool epoch_rotten(const struct log_recovery *r, struct batch_walk *walk,
                         const struct batch_header *header, int64_t at, const struct log_scan *scan)
{
    return header->base_offset == scan->next && scan->next <= scan->crc_from &&
           walk_check_crc(walk, r->log->config.crc, header, at) == OK;
}

static err_t batch_judge(struct log_recovery *r, struct log_segment *segment,
                         struct batch_walk *walk, const struct batch_header *header, int64_t at,
                         struct log_scan *scan)
{
    int64_t last = header->base_offset + header->last_offset_delta;
    bool follows = header->base_offset == scan->next || scan->next == LOG_OFFSET_NONE ||
                   (r->log->config.gaps && header->base_offset > scan->next);
    scan->rotten = header->leader_epoch < scan->epoch && epoch_rotten(r, walk, header, at, scan);
    ENSURE(follows && header->leader_epoch >= scan->epoch, ERR_CORRUPT);
    ENSURE(last - segment->base <= INT32_MAX, ERR_CORRUPT);
    if (last >= scan->crc_from) {
        TRY(walk_check_crc(walk, r->log->config.crc, header, at));
        segment->trusted_from = min_i64(segment->trusted_from, at);
        r->report->scanned_bytes += (int64_t)batch_bytes(header);
    }
    return OK;
}

err_t recovery_scan(struct log_recovery *r, struct log_segment *segment, int64_t from,
                    struct log_scan *scan)
{
    struct log_file *file = NULL;
    struct batch_walk walk;
    struct batch_header header;
    int64_t at = from;
    int64_t end = segment->bytes;
    TRY(segment_file(r->log, segment, FILE_BATCHES, false, &file));
    walk_init(&walk, file->disk, from, end, r->scratch, SCAN_BYTES);
    while (at < end) {
        scan->bad_at = at;
        err_t err = walk_next(&walk, &header, &at);
        if (err == OK) {
            err = batch_judge(r, segment, &walk, &header, at, scan);
        }
        if (err != OK) {
            return err == ERR_RANGE ? ERR_CORRUPT : err_as_rot(err);
        }
        segment_note(r->log, segment, &header, at);
        scan->next = header.base_offset + header.last_offset_delta + 1;
        scan->epoch = header.leader_epoch;
        at = walk.at;
    }
    segment->bytes = end;
    return OK;
}

/* Whether a whole batch of later records begins here. */
static bool batch_whole_at(struct log_recovery *r, struct log_segment *segment, int64_t at,
                           int64_t bytes, int64_t offset)
{
    struct log_file *file = NULL;
    struct batch_walk walk;
    struct batch_header header;
    if (at >= bytes || segment_file(r->log, segment, FILE_BATCHES, false, &file) != OK) {
        return false;
    }
    walk_init(&walk, file->disk, at, bytes, r->scratch, SCAN_BYTES);
    return walk_next(&walk, &header, &at) == OK && header.base_offset >= offset &&
           walk_check_crc(&walk, r->log->config.crc, &header, at) == OK;
}

/* A torn tail has nothing whole behind it, but for pages that the device wrote out of order. */
static bool rot_suspected(struct log_recovery *r, uint32_t i, const struct log_scan *scan,
                          int64_t bytes)
{
    struct log *log = r->log;
    struct log_file *file = NULL;
    struct batch_walk walk;
    struct batch_header header;
    int64_t at = 0;
    for (uint32_t later = i + 1; later < log->count; later++) {
        struct log_segment *segment = log->segments[later];
        if (batch_whole_at(r, segment, 0, segment->bytes, scan->next)) {
            return true;
        }
    }
    if (scan->bad_at >= bytes ||
        segment_file(log, log->segments[i], FILE_BATCHES, false, &file) != OK) {
        return false;
    }
    walk_init(&walk, file->disk, scan->bad_at, bytes, r->scratch, SCAN_BYTES);
    return walk_next(&walk, &header, &at) == OK &&
           batch_whole_at(r, log->segments[i], walk.at, bytes, scan->next);
}

/* The log ends at scan->next: in segment i at bad_at, nothing behind it. `bytes` is the length that the file has. */
static err_t recovery_cut(struct log_recovery *r, uint32_t i, const struct log_scan *scan,
                          int64_t bytes)
{
    struct log *log = r->log;
    struct log_segment *segment = log->segments[i];
    struct log_file *file = NULL;
    PROBE(LOG_TAIL_CUT);
    r->report->bad_offset = scan->next;
    ENSURE(!r->clean && !scan->rotten && scan->next >= r->point, ERR_CORRUPT);
    r->report->rot_suspected = rot_suspected(r, i, scan, bytes);
    r->report->cut_bytes += bytes - scan->bad_at;
    for (uint32_t later = i + 1; later < log->count; later++) {
        PROBE(LOG_SEGMENT_DROPPED);
        r->report->cut_bytes += log->segments[later]->bytes;
        r->report->dropped_segments++;
    }
    TRY(err_of_write(log_retire_newest(log, i + 1)));
    TRY(segment_file(log, segment, FILE_BATCHES, false, &file));
    log->bytes -= bytes - scan->bad_at;
    segment->bytes = scan->bad_at;
    segment->trusted_from = min_i64(segment->trusted_from, segment->bytes);
    segment_mark_dirty(log, segment);
    return scan->bad_at < bytes ? err_of_write(disk_truncate(file->disk, scan->bad_at)) : OK;
}

/* The same bytes again, so that their pages are dirty and the next sync writes them. */
static err_t recovery_rewrite(struct log_recovery *r, struct log_segment *segment, int64_t from)
{
    struct log_file *file = NULL;
    TRY(segment_file(r->log, segment, FILE_BATCHES, true, &file));
    for (int64_t at = from; at < segment->bytes;) {
        size_t n = 0;
        size_t want = (size_t)min_i64(SCAN_BYTES, segment->bytes - at);
        TRY(disk_read(file->disk, at, r->scratch, want, &n));
        ENSURE(n > 0, ERR_IO);
        struct slice bytes = slice_of(r->scratch, n);
        TRY(err_of_write(disk_write(file->disk, &bytes, 1, at)));
        at += (int64_t)n;
    }
    return OK;
}

/* Compaction takes records out of what has long been on disk. Behind the recovery point a segment begins where the one before it
 * ended, also where a follower copies holes: what is missing there a crash has taken, with an end or with whole segments. */
static bool hole_compacted(const struct log_recovery *r, int64_t end, int64_t next_base)
{
    return r->log->config.gaps && next_base > end && (r->clean || next_base <= r->point);
}

/* Scans segment i, whose base is what must follow, and says whether the log goes on behind it. */
static err_t recovery_segment(struct log_recovery *r, uint32_t i, int64_t from,
                              struct log_scan *scan, bool *ret_ends)
{
    struct log *log = r->log;
    struct log_segment *segment = log->segments[i];
    int64_t bytes = segment->bytes;
    r->report->scanned_segments += !r->clean;
    err_t err = recovery_scan(r, segment, from, scan);
    if (err == OK) {
        scan->bad_at = bytes;
        bool last = i + 1 == log->count;
        int64_t next_base = last ? scan->next : log->segments[i + 1]->base;
        *ret_ends = last;
        if (next_base == scan->next || hole_compacted(r, scan->next, next_base)) {
            return OK;
        }
        err = ERR_CORRUPT; /* a hole or an overlap: what comes next belongs to another history */
    }
    ENSURE(err == ERR_CORRUPT, err);
    *ret_ends = true;
    return recovery_cut(r, i, scan, bytes);
}

err_t recovery_seal(struct log *log, struct log_segment *segment)
{
    err_t err = segment_seal(log, segment);
    return err_of_write(err == ERR_NO_SPACE ? segment_drop_indexes(log, segment) : err);
}

/* A scanned segment that is not the last: on disk before the next one, so that the open files stay few. */
static err_t recovery_settle(struct log *log, struct log_segment *segment, int64_t end)
{
    TRY(recovery_seal(log, segment));
    log->end = end;
    TRY(log_sync_all(log));
    log_file_drop(&segment->file);
    log_file_drop(&segment->offsets.file);
    log_file_drop(&segment->times.file);
    return OK;
}

/* A time index that speaks of records that are not there was kept on trust after a clean stop: made again. */
static err_t recovery_times(struct log_recovery *r)
{
    struct log *log = r->log;
    struct log_segment *active = log_active(log);
    if (active->max_timestamp < 0 || active->max_timestamp_offset < log->end) {
        return OK;
    }
    struct log_scan scan = {.next = active->base, .crc_from = INT64_MAX, .epoch = -1};
    PROBE(LOG_TIMES_AHEAD);
    TRY(recovery_forget(r, active));
    return recovery_scan(r, active, 0, &scan);
}

static err_t recovery_tail(struct log_recovery *r, uint32_t first)
{
    struct log *log = r->log;
    struct log_scan scan = {.crc_from = r->clean ? INT64_MAX : r->point, .epoch = -1};
    int64_t from = 0;
    bool ends = false;
    TRY(recovery_resume(r, log->segments[first], &from));
    scan.next = from == 0 ? log->segments[first]->base : LOG_OFFSET_NONE;
    for (uint32_t i = first; !ends; i++) {
        struct log_segment *segment = log->segments[i];
        if (i > first) {
            scan.next = max_i64(scan.next, segment->base);
            TRY(recovery_forget(r, segment));
            from = 0;
        }
        TRY(recovery_segment(r, i, from, &scan, &ends));
        if (!r->clean) {
            struct log_file *file = NULL;
            TRY(segment_file(log, segment, FILE_BATCHES, false, &file));
            segment_mark_dirty(log, segment);
            PROBE(LOG_TAIL_UNSYNCED);
            if (r->rewrite) {
                PROBE(LOG_TAIL_REWRITTEN);
                TRY(recovery_rewrite(r, segment, from));
            }
        }
        if (!ends) {
            TRY(recovery_settle(log, segment, scan.next));
        }
    }
    log->end = scan.next;
    /* What was synced is gone, or the last batch says that it is shorter. */
    if (log->end < r->point) {
        r->report->bad_offset = log->end;
        return ERR_CORRUPT;
    }
    TRY(recovery_times(r));
    log->dir_dirty = log->dir_dirty || !r->clean;
    return OK;
}

err_t log_recover(struct log_recovery *r)
{
    struct log *log = r->log;
    /* The segment before one that begins at the point may have been cut there, and the cut not yet be on disk. */
    uint32_t first = r->clean || MUTANT(40) ? log->count - 1 : log_segment_floor(log, r->point - 1);
    for (uint32_t i = 0; i < log->count; i++) {
        log->bytes += log->segments[i]->bytes;
    }
    for (uint32_t i = 0; i < first; i++) {
        TRY(recovery_adopt(r, i));
    }
    TRY(recovery_tail(r, first));
    r->report->segments = log->count;
    if (MUTANT(87)) {
        return OK;
    }
    /* What was kept goes to the disk before anyone hears of it: a killed process leaves bytes in the page cache that look
     * durable and are not. */
    return log_sync_all(log);
}
