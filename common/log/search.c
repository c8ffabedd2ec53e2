#include "common/log/log_internal.h"

static err_t index_view_open(struct log *log, struct log_segment *segment, enum log_file_kind kind,
                             bool hot, struct index_view *ret_view)
{
    struct log_index *index = segment_index(segment, kind);
    struct log_file *file = NULL;
    if (index->flushed > 0) {
        err_t err = segment_file(log, segment, kind, false, &file);
        if (err == ERR_NOT_FOUND) {
            index->flushed = 0; /* someone took the hint away */
        } else {
            TRY(err);
        }
    }
    *ret_view = (struct index_view){
        .disk = file == NULL ? NULL : file->disk,
        .tail = index->tail,
        .flushed = index->flushed,
        .count = index_count(index),
        .entry_bytes = index->entry_bytes,
        .hot = hot,
    };
    return OK;
}

err_t segment_view_open(struct log *log, struct log_segment *segment, bool hot,
                        struct segment_view *ret_view)
{
    struct log_file *file = NULL;
    TRY(segment_file(log, segment, FILE_BATCHES, false, &file));
    ret_view->disk = file->disk;
    ret_view->base = segment->base;
    ret_view->bytes = segment->bytes;
    ret_view->hot = hot;
    TRY(index_view_open(log, segment, FILE_OFFSETS, hot, &ret_view->offsets));
    return index_view_open(log, segment, FILE_TIMES, hot, &ret_view->times);
}

/* The last entry with a key <= value; *ret_rank 0: none, or the file is shorter than it was (then it is no hint). */
static err_t hint_find(const struct index_view *view, enum index_key key, int64_t value,
                       uint8_t *ret_entry, uint32_t *ret_rank)
{
    err_t err = index_view_rank(view, key, value, ret_rank);
    if (err == OK && *ret_rank > 0) {
        err = index_view_get(view, *ret_rank - 1, ret_entry);
    }
    if (err == ERR_RANGE) {
        *ret_rank = 0;
        return OK;
    }
    return err;
}

/* A walk that begins at or before the batch that holds an offset. An index entry that does not name a batch that ends
 * where it says is not believed: then the walk begins with the segment. */
static err_t walk_near(const struct segment_view *view, int64_t offset, struct batch_walk *walk)
{
    uint32_t rank = 0;
    uint8_t entry[OFFSET_ENTRY_BYTES];
    walk->at = 0;
    TRY(hint_find(&view->offsets, KEY_OFFSET, offset - view->base, entry, &rank));
    if (rank == 0) {
        return OK;
    }
    int64_t at = index_key_of(entry, KEY_POSITION);
    int64_t last = view->base + index_key_of(entry, KEY_OFFSET);
    if (at <= 0 || at >= view->bytes) {
        return OK;
    }
    struct batch_header header;
    walk->at = at;
    err_t err = walk_next(walk, &header, &at);
    ENSURE(err == OK || err_as_rot(err) == ERR_CORRUPT, err);
    bool true_hint = err == OK && header.base_offset + header.last_offset_delta == last;
    walk->at = true_hint ? at : 0;
    return OK;
}

err_t search_offset(const struct segment_view *view, int64_t offset, struct batch_walk *walk,
                    struct batch_header *ret_header, int64_t *ret_at)
{
    assert(walk->end == view->bytes);
    int64_t end = view->base;
    TRY(walk_near(view, offset, walk));
    do {
        TRY(walk_next(walk, ret_header, ret_at));
        ENSURE(ret_header->base_offset >= end, ERR_CORRUPT);
        end = ret_header->base_offset + ret_header->last_offset_delta + 1;
    } while (end <= offset);
    return OK;
}

/* The farthest place known by the index up to which all is wanted; the walk goes on there. */
static err_t range_skip(const struct segment_view *view, const struct log_search *search,
                        struct batch_walk *walk, int64_t from)
{
    uint32_t by_offset = 0;
    uint32_t by_position = 0;
    uint8_t entry[OFFSET_ENTRY_BYTES];
    uint8_t other[OFFSET_ENTRY_BYTES];
    int64_t to = from + (int64_t)search->bytes_max;
    TRY(hint_find(&view->offsets, KEY_OFFSET, search->limit - view->base, entry, &by_offset));
    TRY(hint_find(&view->offsets, KEY_POSITION, to, other, &by_position));
    if (by_offset == 0 || by_position == 0) {
        return OK;
    }
    if (by_position < by_offset) {
        memcpy(entry, other, sizeof(entry));
    }
    int64_t at = index_key_of(entry, KEY_POSITION);
    if (at <= walk->at || at >= view->bytes) {
        return OK;
    }
    struct batch_header header;
    int64_t back = walk->at;
    walk->at = at;
    err_t err = walk_next(walk, &header, &at);
    ENSURE(err == OK || err_as_rot(err) == ERR_CORRUPT, err);
    int64_t last = view->base + index_key_of(entry, KEY_OFFSET);
    bool true_hint = err == OK && header.base_offset + header.last_offset_delta == last;
    walk->at = true_hint ? at : back;
    return OK;
}

/* From the first batch, which is wanted, to the last one that still fits. */
static err_t range_extend(const struct segment_view *view, const struct log_search *search,
                          struct batch_walk *walk, struct log_range *range)
{
    struct batch_header header;
    int64_t at = walk->at;
    TRY(range_skip(view, search, walk, range->at));
    bool skipped = walk->at != at;
    for (;;) {
        err_t err = walk_next(walk, &header, &at);
        if (err == ERR_NOT_FOUND) {
            range->bytes = (size_t)(walk->end - range->at);
            return OK;
        }
        TRY(err);
        int64_t last = header.base_offset + header.last_offset_delta;
        if (!skipped && !search->gaps && header.base_offset != range->end_offset) {
            range->bytes =
                (size_t)(at -
                         range->at); /* whoever asks for the next one is told that it is rotten */
            return OK;
        }
        skipped = false;
        if (last >= search->limit || header.base_offset < range->end_offset ||
            walk->at - range->at > (int64_t)search->bytes_max) {
            range->bytes = (size_t)(at - range->at);
            range->end_offset = header.base_offset;
            return OK;
        }
        range->end_offset = last + 1;
    }
}

static err_t first_batch(const struct segment_view *view, const struct log_search *search,
                         const struct search_hints *hints, struct batch_walk *walk,
                         struct batch_header *ret_header, int64_t *ret_at)
{
    if (hints->start_at >= 0 && hints->start_at < view->bytes) {
        walk->at = hints->start_at;
        TRY(walk_next(walk, ret_header, ret_at));
        ENSURE(ret_header->base_offset >= search->offset, ERR_CORRUPT);
        return OK;
    }
    ENSURE(hints->start_at < 0, ERR_NOT_FOUND);
    return search_offset(view, search->offset, walk, ret_header, ret_at);
}

/* Readers that follow the log want what lies between two known marks: no look into the file. */
static bool range_from_hints(const struct log_search *search, const struct search_hints *hints,
                             struct log_range *range)
{
    if (hints->start_at < 0 || hints->limit_at <= hints->start_at ||
        hints->limit_at - hints->start_at > (int64_t)search->bytes_max) {
        return false;
    }
    range->at = hints->start_at;
    range->bytes = (size_t)(hints->limit_at - hints->start_at);
    range->base_offset = search->offset;
    range->end_offset = search->limit;
    return true;
}

static err_t search_by_offset(const struct segment_view *view, const struct log_search *search,
                              const struct search_hints *hints, struct log_range *range)
{
    if (range_from_hints(search, hints, range)) {
        return OK;
    }
    uint8_t buf[WALK_BYTES];
    struct batch_walk walk;
    struct batch_header header;
    walk_init(&walk, view->disk, 0, view->bytes, buf, sizeof(buf));
    walk.hot = view->hot;
    err_t err = first_batch(view, search, hints, &walk, &header, &range->at);
    if (err == ERR_NOT_FOUND) {
        /* Its last batch says that it is shorter than it was, unless some were taken out. */
        ENSURE(search->gaps || search->offset >= search->segment_end, ERR_CORRUPT);
        range->at = -1;
        return OK;
    }
    TRY(err);
    int64_t last = header.base_offset + header.last_offset_delta;
    size_t bytes = batch_bytes(&header);
    ENSURE(last >= search->offset && last < search->segment_end, ERR_CORRUPT);
    ENSURE(search->gaps || header.base_offset <= search->offset,
           ERR_CORRUPT); /* no checksum covers it */
    if (last >= search->limit || (bytes > search->bytes_max && !search->first_whole)) {
        return OK;
    }
    range->base_offset = header.base_offset;
    range->end_offset = last + 1;
    range->bytes = bytes;
    if (bytes >= search->bytes_max) {
        return OK;
    }
    if (hints->limit_at > range->at && hints->limit_at - range->at <= (int64_t)search->bytes_max) {
        range->bytes = (size_t)(hints->limit_at - range->at);
        range->end_offset = search->limit;
        return OK;
    }
    return range_extend(view, search, &walk, range);
}

/* Where the walk for a timestamp begins: behind the newest time entry that is older than it. */
static err_t time_floor(const struct segment_view *view, const struct log_search *search,
                        int64_t *ret_offset)
{
    uint32_t rank = 0;
    uint8_t entry[TIME_ENTRY_BYTES];
    *ret_offset = search->offset;
    TRY(hint_find(&view->times, KEY_TIMESTAMP, search->timestamp - 1, entry, &rank));
    if (rank > 0) {
        *ret_offset = max_i64(*ret_offset, view->base + index_key_of(entry, KEY_TIME_OFFSET));
    }
    return OK;
}

static err_t search_by_time(const struct segment_view *view, const struct log_search *search,
                            struct log_range *range)
{
    uint8_t buf[WALK_BYTES];
    struct batch_walk walk;
    struct batch_header header;
    int64_t from = 0;
    walk_init(&walk, view->disk, 0, view->bytes, buf, sizeof(buf));
    walk.hot = view->hot;
    TRY(time_floor(view, search, &from));
    err_t err = search_offset(view, from, &walk, &header, &range->at);
    while (err == OK && header.max_timestamp < search->timestamp) {
        err = walk_next(&walk, &header, &range->at);
    }
    if (err == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(err);
    int64_t last = header.base_offset + header.last_offset_delta;
    ENSURE(last < search->segment_end, ERR_CORRUPT);
    if (last < search->limit) {
        range->base_offset = header.base_offset;
        range->end_offset = last + 1;
        range->bytes = batch_bytes(&header);
    }
    return OK;
}

err_t search_run(const struct segment_view *view, const struct log_search *search,
                 const struct search_hints *hints, struct log_range *range)
{
    range->at = 0;
    range->bytes = 0;
    range->base_offset = LOG_OFFSET_NONE;
    range->end_offset = LOG_OFFSET_NONE;
    err_t err = search->by_time ? search_by_time(view, search, range)
                                : search_by_offset(view, search, hints, range);
    assert(err != OK || range->at + (int64_t)range->bytes <= view->bytes);
    assert(err != OK || range->bytes == 0 || range->at >= 0);
    return err_as_rot(err);
}
