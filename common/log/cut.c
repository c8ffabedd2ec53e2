#include <inttypes.h>
#include <stdio.h>

#include "common/log/log_internal.h"
#include "common/log/text.h"

#define NOTE_BYTES_MAX 64
/* Instead of an offset: what checkpoints say is of another log, which lay here before this one was made. */
#define NOTE_RENEWED   "renewed\n"

err_t truncated_note_load(struct log *log, struct arena *scratch, int64_t *ret_offset)
{
    struct log_path path;
    struct slice text;
    log_path_file(log, TRUNCATED_FILE, &path);
    err_t err = disk_read_file(log->host, path.s, NOTE_BYTES_MAX, scratch, &text);
    if (err == ERR_NOT_FOUND) {
        *ret_offset = INT64_MAX;
        return OK;
    }
    log->noted = true;
    *ret_offset = 0; /* unreadable: then everything is in doubt */
    log->renewed = err == OK && slice_eq(text, slice_str(NOTE_RENEWED));
    if (err == OK && !log->renewed && text_number_line(&text, 0, INT64_MAX, ret_offset) != OK) {
        *ret_offset = 0;
    }
    log->noted_at = *ret_offset;
    return err == ERR_TOO_LARGE ? OK : err;
}

/* Bytes behind `offset` will be written anew though the checkpoint on disk calls them proven: whoever opens the log next
 * must scan them. Has to be on disk before any of the files change. */
static err_t truncated_note(struct log *log, int64_t offset)
{
    if (offset >= log->saved_point) {
        return OK;
    }
    if (log->renewed) { /* that says more */
        log->saved_point = offset;
        return OK;
    }
    if (log->noted && log->noted_at <= offset) {
        return OK; /* what lies between the two is in doubt until its owner has proven it */
    }
    struct log_path path;
    char text[NOTE_BYTES_MAX];
    int n = snprintf(text, sizeof(text), "%" PRId64 "\n", offset);
    assert(n > 0 && (size_t)n < sizeof(text));
    log_path_file(log, TRUNCATED_FILE, &path);
    TRY(disk_replace_file(log->host, path.s, slice_of(text, (size_t)n)));
    log->noted = true;
    log->noted_at = offset;
    log->saved_point = offset;
    return OK;
}

err_t renewed_note(struct log *log)
{
    struct log_path path;
    assert(log->count == 0 || !log->renewed);
    log_path_file(log, TRUNCATED_FILE, &path);
    TRY(disk_replace_file(log->host, path.s, slice_str(NOTE_RENEWED)));
    log->noted = true;
    log->noted_at = 0;
    log->renewed = true;
    return OK;
}

err_t note_forget(struct log *log)
{
    struct log_path path;
    assert(log->noted);
    log_path_file(log, TRUNCATED_FILE, &path);
    err_t err = disk_unlink(log->host, path.s);
    ENSURE(err == OK || err == ERR_NOT_FOUND, err);
    if (log->renewed) { /* until a sync has it no segment goes: see log_drop */
        log->named_base = LOG_OFFSET_NONE;
        log->sync_named = LOG_OFFSET_NONE;
    }
    log->noted = false;
    log->renewed = false;
    log->dir_dirty = true;
    return OK;
}

err_t log_retire_newest(struct log *log, uint32_t keep)
{
    while (log->count > keep) {
        struct log_segment *segment = log_active(log);
        TRY(log_doom_segment(log, segment));
        log->dir_dirty = true;
        log->bytes -= segment->bytes;
        log->count--;
        segment_free(log, segment);
    }
    return OK;
}

static void ends_at(struct log *log, int64_t end)
{
    log->end = end;
    log->durable_end = min_i64(log->durable_end, end);
    log->sync_end = min_i64(log->sync_end, end);
    log->taken_point = min_i64(log->taken_point, end);
    log->named_base = min_i64(log->named_base, end - 1);
    log->sync_named = min_i64(log->sync_named, end - 1);
    log->cut++;
    log_marks_clear(log);
}

/* The file of the only segment becomes an empty one in one move: whoever has a range of the old one keeps that. */
static err_t first_empty(struct log *log)
{
    struct log_segment *first = log->segments[0];
    struct log_path path;
    struct log_path empty;
    struct log_file *file = NULL;
    assert(log->count == 1);
    TRY(log_doom_hints(log, first));
    log_path_segment(log, first->base, LOG_SUFFIX, &path);
    log_path_segment(log, first->base, LOG_SUFFIX ".tmp", &empty);
    TRY(log_file_open(log->host, empty.s, DISK_WRITE | DISK_CREATE, &file));
    log_file_drop(&file);
    TRY(disk_rename(log->host, empty.s, path.s));
    return disk_sync_dir(log->host, log->dir);
}

/*
 * All of them go. The first one last, when the others are gone for good, so that a crash leaves a log that begins where it
 * did; and it is emptied and then moved, each on disk before the next, so that at no time the folder is empty: of an empty one
 * only its checkpoint would know where it begins, and that may be older.
 */
static err_t replace_all(struct log *log, int64_t offset, time_ms now_wall_ms)
{
    struct log_path from;
    struct log_path to;
    TRY(log_retire_newest(log, 1));
    if (log->dir_dirty) {
        TRY(disk_sync_dir(log->host, log->dir));
    }
    log_path_segment(log, log->segments[0]->base, LOG_SUFFIX, &from);
    log_path_segment(log, offset, LOG_SUFFIX, &to);
    TRY(first_empty(log));
    if (log->segments[0]->base != offset) {
        TRY(disk_rename(log->host, from.s, to.s));
    }
    log->bytes = 0;
    log->count = 0;
    segment_free(log, log->segments[0]);
    ends_at(log, offset);
    TRY(log_roll_new(log, now_wall_ms));
    TRY(disk_sync_dir(log->host, log->dir));
    log->dir_dirty = false;
    log->proven_cut = log->cut;
    log->named_base = offset;
    return OK;
}

/* What cannot be read on the way to a cut is this replica's rot (docs/RULES.md); what cannot be written is the directory's. */
static err_t unread_is_rot(err_t err)
{
    return err == ERR_IO ? ERR_CORRUPT : err;
}

/* What the indexes and the remaining batches say once everything from `at` on is gone. */
static err_t segment_refresh(struct log *log, struct log_segment *segment, int64_t end)
{
    struct segment_view view;
    uint32_t offsets = 0;
    uint32_t times = 0;
    uint8_t entry[TIME_ENTRY_BYTES];
    TRY(segment_view_open(log, segment, false, &view));
    TRY(index_view_rank(&view.offsets, KEY_POSITION, segment->bytes - 1, &offsets));
    TRY(index_view_rank(&view.times, KEY_TIME_OFFSET, end - 1 - segment->base, &times));
    segment->max_timestamp = LOG_TIMESTAMP_NONE;
    segment->max_timestamp_offset = segment->base;
    segment->indexed_timestamp = LOG_TIMESTAMP_NONE;
    if (times > 0) {
        TRY(index_view_get(&view.times, times - 1, entry));
        segment->max_timestamp = index_key_of(entry, KEY_TIMESTAMP);
        segment->max_timestamp_offset = segment->base + index_key_of(entry, KEY_TIME_OFFSET);
        segment->indexed_timestamp = segment->max_timestamp;
    }
    int64_t from = 0;
    if (offsets > 0) {
        TRY(index_view_get(&view.offsets, offsets - 1, entry));
        from = index_key_of(entry, KEY_POSITION);
    }
    TRY(index_cut(log, segment, FILE_OFFSETS, offsets));
    TRY(index_cut(log, segment, FILE_TIMES, times));

    uint8_t buf[WALK_BYTES];
    struct batch_walk walk;
    struct batch_header header;
    int64_t at = 0;
    walk_init(&walk, view.disk, from, segment->bytes, buf, sizeof(buf));
    err_t err = OK;
    while ((err = walk_next(&walk, &header, &at)) == OK) {
        if (header.max_timestamp > segment->max_timestamp) {
            segment->max_timestamp = header.max_timestamp;
            segment->max_timestamp_offset = header.base_offset + header.last_offset_delta;
        }
    }
    return err == ERR_NOT_FOUND ? OK : unread_is_rot(err);
}

static err_t segment_cut(struct log *log, struct log_segment *segment, int64_t at, int64_t end)
{
    struct log_file *file = NULL;
    assert(at > 0 && at < segment->bytes && log_active(log) == segment);
    TRY(segment_file(log, segment, FILE_BATCHES, false, &file));
    segment_mark_dirty(log, segment);
    TRY(disk_truncate(file->disk, at));
    log->bytes -= segment->bytes - at;
    segment->bytes = at;
    segment->trusted_from = min_i64(segment->trusted_from, at);
    segment->warm_to = min_i64(segment->warm_to, at);
    segment->warm_from = min_i64(segment->warm_from, segment->warm_to);
    TRY(segment_refresh(log, segment, end));
    return segment_seal(log, segment);
}

/* No batch of segment i reaches the offset. Compaction takes records out only before what is whole, and only where the log goes on in
 * another segment; a batch whose rotten header says that it ends sooner is none of its work. */
static err_t hole_check(const struct log *log, uint32_t i, struct batch_walk *walk,
                        const struct batch_header *last, int64_t at)
{
    ENSURE(log->config.gaps && i + 1 < log->count, ERR_CORRUPT);
    return walk->end == 0 ? OK : unread_is_rot(walk_check_crc(walk, log->config.crc, last, at));
}

/* Finds the first batch of segment i that reaches beyond the offset: where the bytes end, and the log. */
static err_t cut_find(struct log *log, uint32_t i, int64_t *offset, int64_t *ret_at)
{
    uint8_t buf[WALK_BYTES];
    struct log_segment *segment = log->segments[i];
    struct segment_view view;
    struct batch_walk walk;
    struct batch_header header;
    TRY(segment_view_open(log, segment, false, &view));
    walk_init(&walk, view.disk, 0, segment->bytes, buf, sizeof(buf));
    err_t err = search_offset(&view, *offset, &walk, &header, ret_at);
    if (err == ERR_NOT_FOUND) {
        TRY(hole_check(log, i, &walk, &header, *ret_at));
        *ret_at = segment->bytes;
        return OK;
    }
    TRY(unread_is_rot(err));
    ENSURE(header.base_offset >= segment->base,
           ERR_CORRUPT); /* rot in a log that was not scanned */
    ENSURE(log->config.gaps || header.base_offset <= *offset,
           ERR_CORRUPT); /* no checksum covers it */
    ENSURE(!log->config.whole_cuts || header.base_offset >= *offset, ERR_CORRUPT);
    *offset = min_i64(*offset, header.base_offset);
    return OK;
}

static err_t truncate_files(struct log *log, int64_t offset, time_ms now_wall_ms)
{
    uint32_t i = log_segment_floor(log, offset);
    struct log_segment *segment = log->segments[i];
    int64_t at = 0;
    assert(segment->base <= offset);
    TRY(log_cut_prove(log));
    if (segment->base < offset) {
        TRY(cut_find(log, i, &offset, &at));
    }
    bool all = at == 0 && i == 0;
    TRY(truncated_note(log, all ? segment->base : offset)); /* where it ends on the way */
    if (all) {
        TRY(replace_all(log, offset, now_wall_ms));
        log->start = max_i64(log->start, offset); /* a hole before the first batch is gone too */
        return OK;
    }
    if (at == 0) {
        TRY(log_retire_newest(log, i));
    } else {
        TRY(log_retire_newest(log, i + 1));
        if (at < segment->bytes) {
            TRY(segment_cut(log, segment, at, offset));
        } else {
            TRY(segment_seal(log, segment));
            segment_mark_dirty(log, segment);
        }
    }
    ends_at(log, offset);
    return at > 0 && MUTANT(108) ? OK : log_roll_new(log, now_wall_ms);
}

/* Files may be shorter though the cut is not done: what was read of them says nothing. */
static err_t offline_unless(struct log *log, err_t err)
{
    log->cut += err != OK;
    if (err != OK && !err_is_shortage(err)) {
        log_set_offline(log);
    }
    return err;
}

err_t log_truncate(struct log *log, int64_t offset, time_ms now_wall_ms)
{
    assert(offset >= log->start);
    ENSURE(!log->offline, ERR_OFFLINE);
    err_t err = offset >= log->end ? OK : truncate_files(log, offset, now_wall_ms);
    return offline_unless(log, err_as_rot(err));
}

/* Of segments that were dropped a power cut may bring back some and not others; the start that hides them is not believed any more. */
static err_t restart_renewed(struct log *log)
{
    if (log->renewed) {
        return OK;
    }
    TRY(disk_sync_dir(log->host, log->dir));
    return renewed_note(log);
}

err_t log_renew(struct log *log)
{
    ENSURE(!log->offline, ERR_OFFLINE);
    return offline_unless(log, restart_renewed(log));
}

static err_t restart_files(struct log *log, int64_t offset, bool renewed, time_ms now_wall_ms)
{
    TRY(log_cut_prove(log));
    TRY(renewed ? restart_renewed(log) : OK);
    TRY(truncated_note(log, min_i64(log->segments[0]->base, offset)));
    err_t err = replace_all(log, offset, now_wall_ms);
    /* Whoever opens it again in this process must not begin where the old one did. */
    if (err != OK && renewed) {
        int64_t first = log->count > 0 ? log->segments[0]->base : offset;
        log->start = min_i64(log->start, max_i64(first, offset));
    }
    TRY(err);
    log->start = offset;
    log->durable_end = offset;
    return OK;
}

err_t log_restart(struct log *log, int64_t offset, bool renewed, time_ms now_wall_ms)
{
    assert(offset >= 0);
    ENSURE(!log->offline, ERR_OFFLINE);
    if (log->start == offset && log->end == offset && !renewed) {
        return OK;
    }
    return offline_unless(log, restart_files(log, offset, renewed, now_wall_ms));
}
