#include "common/log/log_internal.h"

void log_mark_put(struct log_mark *marks, uint8_t *next, uint8_t room, struct log_mark mark)
{
    assert(*next < room && mark.offset > 0);
    uint8_t last = (uint8_t)((*next + room - 1) % room);
    if (marks[last].offset != mark.offset) {
        marks[*next] = mark;
        *next = (uint8_t)((*next + 1) % room);
    }
}

void log_marks_clear(struct log *log)
{
    memset(log->read_marks, 0, sizeof(log->read_marks));
    memset(log->append_marks, 0, sizeof(log->append_marks));
}

/* A mark of offset 0 would say nothing: that is where the first segment begins. */
static int64_t mark_find(const struct log *log, const struct log_segment *segment, int64_t offset)
{
    if (offset == segment->base) {
        return 0;
    }
    for (size_t i = 0; i < APPEND_MARKS; i++) {
        const struct log_mark *mark = &log->append_marks[i];
        if (mark->offset == offset && mark->segment_base == segment->base) {
            return mark->at;
        }
    }
    for (size_t i = 0; i < READ_MARKS; i++) {
        const struct log_mark *mark = &log->read_marks[i];
        if (mark->offset == offset && mark->segment_base == segment->base) {
            return mark->at;
        }
    }
    return -1;
}

/* Bytes from this position on that are known to be good. */
static int64_t segment_checked(const struct log_segment *segment, int64_t at)
{
    int64_t to = at;
    if (at >= segment->warm_from && at < segment->warm_to) {
        to = segment->warm_to;
    }
    if (to >= segment->trusted_from) {
        to = segment->bytes;
    }
    return to - at;
}

static err_t range_cold(struct log *log, struct log_segment *segment,
                        const struct log_search *search, struct log_range *ret_range)
{
    struct log_file *file = NULL;
    TRY(segment_file(log, segment, FILE_BATCHES, false, &file));
    *ret_range = (struct log_range){.file = log_file_share(file),
                                    .cold = true,
                                    .base_offset = LOG_OFFSET_NONE,
                                    .end_offset = LOG_OFFSET_NONE,
                                    .search = *search};
    ret_range->search.cut = log->cut;
    ret_range->search.offsets = log_file_share(segment->offsets.file);
    ret_range->search.times = log_file_share(segment->times.file);
    ret_range->search.offset_entries = segment->offsets.file ? segment->offsets.flushed : 0;
    ret_range->search.time_entries = segment->times.file ? segment->times.flushed : 0;
    return OK;
}

static err_t range_find(struct log *log, struct log_segment *segment, struct log_search *search,
                        const struct search_hints *hints, bool hot, struct log_range *range)
{
    struct segment_view view;
    TRY(segment_view_open(log, segment, hot, &view));
    TRY(search_run(&view, search, hints, range));
    if (range->bytes == 0 || !hot) {
        return OK;
    }
    int64_t checked = segment_checked(segment, range->at);
    if (checked > 0 && checked < (int64_t)range->bytes) {
        search->bytes_max = (size_t)checked;
        TRY(search_run(&view, search, hints, range));
        assert((int64_t)range->bytes <= checked);
    }
    bool good = checked > 0 && disk_hot(view.disk, range->at, range->bytes);
    return good ? OK : ERR_BUSY;
}

/* One segment. bytes = 0: nothing in it. */
static err_t read_segment(struct log *log, uint32_t i, struct log_search *search,
                          enum log_read_mode mode, struct log_range *ret_range)
{
    struct log_segment *segment = log->segments[i];
    int64_t end = log_segment_end(log, i);
    search->gaps = log->config.gaps;
    search->segment_base = segment->base;
    search->segment_bytes = segment->bytes;
    search->segment_end = end;
    search->limit = min_i64(search->limit, end);
    struct search_hints hints = {-1, -1};
    if (!search->by_time) {
        hints.start_at = search->offset == end ? segment->bytes
                                               : mark_find(log, segment, search->offset);
        hints.limit_at = search->limit == end ? segment->bytes
                                              : mark_find(log, segment, search->limit);
    }
    err_t err = range_find(log, segment, search, &hints, mode == LOG_READ_HOT, ret_range);
    if (err == ERR_BUSY) {
        return range_cold(log, segment, search, ret_range);
    }
    ENSURE(err != ERR_RANGE, ERR_CORRUPT); /* shorter than what was appended to it */
    TRY(err);
    if (ret_range->bytes > 0) {
        ret_range->file = log_file_share(segment->file);
        ret_range->search.segment_base = segment->base;
        struct log_mark mark = {ret_range->end_offset, ret_range->at + (int64_t)ret_range->bytes,
                                segment->base};
        log_mark_put(log->read_marks, &log->read_mark_next, READ_MARKS, mark);
    }
    return OK;
}

err_t log_read(struct log *log, int64_t offset, int64_t limit, size_t bytes_max, bool first_whole,
               enum log_read_mode mode, struct log_range *ret_range)
{
    *ret_range = (struct log_range){.base_offset = LOG_OFFSET_NONE, .end_offset = LOG_OFFSET_NONE};
    ENSURE(!log->offline, ERR_OFFLINE);
    ENSURE(offset >= log->start && offset <= log->end, ERR_RANGE);
    bytes_max = bytes_max < INT32_MAX ? bytes_max : INT32_MAX;
    for (uint32_t i = log_segment_floor(log, offset); i < log->count; i++) {
        if (offset >= limit || (bytes_max == 0 && !first_whole)) {
            break;
        }
        struct log_search search = {
            .offset = offset, .limit = limit, .bytes_max = bytes_max, .first_whole = first_whole};
        TRY(read_segment(log, i, &search, mode, ret_range));
        int64_t end = log_segment_end(log, i);
        if (ret_range->at >= 0 || limit <= end) {
            break;
        }
        offset = end; /* compaction took the rest of this segment */
    }
    ret_range->at = max_i64(ret_range->at, 0);
    return OK;
}

err_t log_find_timestamp(struct log *log, time_ms timestamp_ms, int64_t limit,
                         enum log_read_mode mode, struct log_range *ret_range)
{
    *ret_range = (struct log_range){.base_offset = LOG_OFFSET_NONE, .end_offset = LOG_OFFSET_NONE};
    ENSURE(!log->offline, ERR_OFFLINE);
    for (uint32_t i = log_segment_floor(log, log->start); i < log->count; i++) {
        if (log->segments[i]->max_timestamp >= timestamp_ms && log->segments[i]->bytes > 0) {
            struct log_search search = {.offset = log->start,
                                        .limit = limit,
                                        .timestamp = max_i64(timestamp_ms, 0),
                                        .by_time = true};
            search.offset = max_i64(log->start, log->segments[i]->base);
            return read_segment(log, i, &search, mode, ret_range);
        }
    }
    return OK;
}

err_t log_find_max_timestamp(struct log *log, int64_t limit, enum log_read_mode mode,
                             struct log_range *ret_range)
{
    *ret_range = (struct log_range){.base_offset = LOG_OFFSET_NONE, .end_offset = LOG_OFFSET_NONE};
    ENSURE(!log->offline, ERR_OFFLINE);
    uint32_t best = log_segment_floor(log, log->start);
    for (uint32_t i = best + 1; i < log->count; i++) {
        if (log->segments[i]->max_timestamp > log->segments[best]->max_timestamp) {
            best = i;
        }
    }
    const struct log_segment *segment = log->segments[best];
    if (segment->max_timestamp < 0 || segment->max_timestamp_offset < log->start) {
        return OK;
    }
    struct log_search search = {.offset = segment->max_timestamp_offset,
                                .limit = limit,
                                .bytes_max = 1,
                                .first_whole = true};
    return read_segment(log, best, &search, mode, ret_range);
}

static void search_release(struct log_search *search)
{
    log_file_drop(&search->offsets);
    log_file_drop(&search->times);
}

/* What lies before the first bad batch is good, and comes alone. */
static err_t warm_bytes(struct log_range *range, const struct crc32c_impl *crc, uint8_t *scratch,
                        size_t scratch_bytes)
{
    struct batch_walk walk;
    struct batch_header header;
    int64_t at = 0;
    size_t good = 0;
    int64_t end_offset = LOG_OFFSET_NONE;
    walk_init(&walk, range->file->disk, range->at, range->at + (int64_t)range->bytes, scratch,
              scratch_bytes);
    for (;;) {
        err_t err = walk_next(&walk, &header, &at);
        if (err == ERR_NOT_FOUND) {
            return OK;
        }
        if (err == OK && !MUTANT(142)) {
            err = walk_check_crc(&walk, crc, &header, at);
        }
        bool follows = range->search.gaps || good == 0 || header.base_offset == end_offset;
        err = err == OK && !follows ? ERR_CORRUPT : err;
        if (err != OK && good > 0 && err != ERR_RANGE) {
            PROBE(LOG_GOOD_BEFORE_ROT);
            range->bytes = good;
            range->end_offset = end_offset;
            return OK;
        }
        TRY(err);
        good = (size_t)(walk.at - range->at);
        end_offset = header.base_offset + header.last_offset_delta + 1;
    }
}

err_t log_range_warm(struct log_range *range, const struct crc32c_impl *crc, uint8_t *scratch,
                     size_t scratch_bytes)
{
    assert(range->cold && range->file != NULL);
    assert(scratch_bytes >= WALK_BYTES);
    const struct log_search *search = &range->search;
    const struct search_hints none = {-1, -1};
    struct segment_view view = {
        .disk = range->file->disk,
        .base = search->segment_base,
        .bytes = search->segment_bytes,
        .offsets = {.disk = search->offsets == NULL ? NULL : search->offsets->disk,
                    .flushed = search->offset_entries,
                    .count = search->offset_entries,
                    .entry_bytes = OFFSET_ENTRY_BYTES},
        .times = {.disk = search->times == NULL ? NULL : search->times->disk,
                  .flushed = search->time_entries,
                  .count = search->time_entries,
                  .entry_bytes = TIME_ENTRY_BYTES},
    };
    TRY(search_run(&view, search, &none, range));
    if (range->bytes > 0) {
        TRY(err_as_rot(warm_bytes(range, crc, scratch, scratch_bytes)));
    } else {
        log_file_drop(&range->file);
    }
    range->at = max_i64(range->at, 0);
    range->cold = false;
    search_release(&range->search);
    return OK;
}

static void segment_warmed(struct log_segment *segment, int64_t from, int64_t to)
{
    assert(from < to && to <= segment->bytes);
    if (from > segment->warm_to || to < segment->warm_from) {
        segment->warm_from = from;
        segment->warm_to = to;
    } else {
        segment->warm_from = min_i64(segment->warm_from, from);
        segment->warm_to = max_i64(segment->warm_to, to);
    }
}

err_t log_range_warmed(struct log *log, struct log_range *range, err_t err)
{
    bool cut = range->search.cut != log->cut;
    if (cut || err != OK) {
        log_range_release(range);
        ENSURE(!cut, ERR_BUSY);
        return err == ERR_RANGE ? ERR_CORRUPT : err;
    }
    assert(!range->cold);
    struct log_segment *segment = log->segments[log_segment_floor(log, range->search.segment_base)];
    if (segment->base == range->search.segment_base && range->bytes > 0) { /* not dropped */
        segment_warmed(segment, range->at, range->at + (int64_t)range->bytes);
    }
    return OK;
}

err_t log_range_read(const struct log_range *range, uint8_t *p, size_t *ret_n)
{
    *ret_n = 0;
    return range->bytes == 0 ? OK : disk_read(range->file->disk, range->at, p, range->bytes, ret_n);
}

struct disk_file *log_range_disk_file(const struct log_range *range)
{
    assert(range->file != NULL);
    return range->file->disk;
}

void log_range_release(struct log_range *range)
{
    search_release(&range->search);
    log_file_drop(&range->file);
    *range = (struct log_range){0};
}

void log_rest(struct log *log)
{
    for (uint32_t i = 0; i < log->count && !log->syncing; i++) {
        struct log_segment *segment = log->segments[i];
        if (!segment->used && !segment->dirty) {
            log_file_drop(&segment->file);
            if (!segment->offsets.dirty) {
                log_file_drop(&segment->offsets.file);
            }
            if (!segment->times.dirty) {
                log_file_drop(&segment->times.file);
            }
        }
        segment->used = false;
    }
}
