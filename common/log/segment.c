#include "common/log/log_internal.h"

err_t segment_new(struct log *log, int64_t base, time_ms now_wall_ms,
                  struct log_segment **ret_segment)
{
    assert(base >= 0);
    struct log_segment *segment = HEAP_NEW(log->heap, struct log_segment);
    ENSURE(segment != NULL, ERR_NO_MEMORY);
    *segment = (struct log_segment){
        .base = base,
        .max_timestamp = LOG_TIMESTAMP_NONE,
        .max_timestamp_offset = base,
        .indexed_timestamp = LOG_TIMESTAMP_NONE,
        .first_timestamp = LOG_TIMESTAMP_NONE,
        .born_wall_ms = now_wall_ms,
        .modified_wall_ms = now_wall_ms,
        .offsets.entry_bytes = OFFSET_ENTRY_BYTES,
        .times.entry_bytes = TIME_ENTRY_BYTES,
    };
    *ret_segment = segment;
    return OK;
}

void segment_free(struct log *log, struct log_segment *segment)
{
    log_file_drop(&segment->file);
    log_file_drop(&segment->offsets.file);
    log_file_drop(&segment->times.file);
    index_release(log, &segment->offsets);
    index_release(log, &segment->times);
    heap_free(log->heap, segment, sizeof(*segment));
}

err_t segment_push(struct log *log, struct log_segment *segment)
{
    if (log->count == log->room) {
        uint32_t room = log->room == 0 ? 2 : log->room * 2;
        struct log_segment **segments = heap_resize(log->heap, log->segments,
                                                    log->room * sizeof(struct log_segment *),
                                                    room * sizeof(struct log_segment *));
        ENSURE(segments != NULL, ERR_NO_MEMORY);
        log->segments = segments;
        log->room = room;
    }
    assert(log->count == 0 || log->segments[log->count - 1]->base < segment->base);
    log->segments[log->count++] = segment;
    return OK;
}

err_t segment_file(struct log *log, struct log_segment *segment, enum log_file_kind kind,
                   bool create, struct log_file **ret_file)
{
    static const char *const suffixes[] = {LOG_SUFFIX, OFFSETS_SUFFIX, TIMES_SUFFIX};
    struct log_file **slot = kind == FILE_BATCHES ? &segment->file
                                                  : &segment_index(segment, kind)->file;
    segment->used = true;
    if (*slot == NULL) {
        struct log_path path;
        log_path_segment(log, segment->base, suffixes[kind], &path);
        TRY(log_file_open(log->host, path.s, DISK_WRITE | (create ? DISK_CREATE : 0), slot));
    }
    *ret_file = *slot;
    return OK;
}

void segment_mark_dirty(struct log *log, struct log_segment *segment)
{
    segment->dirty = true;
    log->dirty_base = min_i64(log->dirty_base, segment->base);
}

static void time_note(struct log *log, struct log_segment *segment)
{
    if (segment->max_timestamp > segment->indexed_timestamp) {
        uint8_t entry[TIME_ENTRY_BYTES];
        time_entry_put(entry, segment->max_timestamp,
                       segment->max_timestamp_offset - segment->base);
        if (index_add(log, segment, FILE_TIMES, entry)) {
            segment->indexed_timestamp = segment->max_timestamp;
        }
    }
}

/* The order of Kafka's LogSegment.append: an entry is due when more than the interval lies behind the last one. */
void segment_note(struct log *log, struct log_segment *segment, const struct batch_header *header,
                  int64_t at)
{
    int64_t last = header->base_offset + header->last_offset_delta;
    assert(last >= segment->base && last - segment->base <= INT32_MAX);
    assert(at >= 0 && at <= INT32_MAX);
    if (header->max_timestamp > segment->max_timestamp) {
        segment->max_timestamp = header->max_timestamp;
        segment->max_timestamp_offset = last;
    }
    if (at == 0) {
        segment->first_timestamp = header->max_timestamp;
    }
    if (segment->since_index > log->config.index_interval_bytes) {
        uint8_t entry[OFFSET_ENTRY_BYTES];
        offset_entry_put(entry, last - segment->base, at);
        (void)index_add(log, segment, FILE_OFFSETS, entry);
        time_note(log, segment);
        segment->since_index = 0;
    }
    segment->since_index += (int64_t)batch_bytes(header);
    segment->bytes = at + (int64_t)batch_bytes(header);
}

/* Both index files exist from here on, perhaps empty: Kafka's tools open one by the other's name. */
err_t segment_seal(struct log *log, struct log_segment *segment)
{
    time_note(log, segment);
    TRY(index_flush(log, segment, FILE_OFFSETS));
    TRY(index_flush(log, segment, FILE_TIMES));
    index_release(log, &segment->offsets);
    index_release(log, &segment->times);
    return OK;
}

err_t segment_drop_indexes(struct log *log, struct log_segment *segment)
{
    static const char *const suffixes[] = {"", OFFSETS_SUFFIX, TIMES_SUFFIX};
    assert(segment != log_active(log));
    for (enum log_file_kind kind = FILE_OFFSETS; kind <= FILE_TIMES; kind++) {
        struct log_index *index = segment_index(segment, kind);
        struct log_path path;
        log_file_drop(&index->file);
        index_release(log, index);
        index->flushed = 0;
        index->dirty = false;
        log_path_segment(log, segment->base, suffixes[kind], &path);
        err_t err = disk_unlink(log->host, path.s);
        ENSURE(err == OK || err == ERR_NOT_FOUND, err);
    }
    log->dir_dirty = true; /* one that was not synced does not come back below a recovery point */
    return OK;
}

err_t log_roll_new(struct log *log, time_ms now_wall_ms)
{
    struct log_segment *segment = NULL;
    struct log_file *file = NULL;
    TRY(segment_new(log, log->end, now_wall_ms, &segment));
    err_t err = segment_file(log, segment, FILE_BATCHES, true, &file);
    if (err == OK) {
        err = disk_truncate(file->disk, 0); /* of an earlier try that ran out of memory */
    }
    if (err == OK) {
        err = segment_push(log, segment);
    }
    if (err != OK) {
        segment_free(log, segment);
        return err;
    }
    log->dir_dirty = true;
    segment_mark_dirty(log, segment);
    return OK;
}

uint32_t log_segment_floor(const struct log *log, int64_t offset)
{
    uint32_t low = 0; /* the answer is in low..high-1 */
    uint32_t high = log->count;
    assert(high > 0);
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (log->segments[middle]->base <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

int64_t log_segment_end(const struct log *log, uint32_t i)
{
    assert(i < log->count);
    return i + 1 < log->count ? log->segments[i + 1]->base : log->end;
}
