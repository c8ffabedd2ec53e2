#include "common/base/bytes.h"
#include "common/log/log_internal.h"

#define TAIL_ROOM_FIRST 32
/* Entries that a search takes at once: a page of offsets. */
#define RANK_BLOCK      512

struct log_index *segment_index(struct log_segment *segment, enum log_file_kind kind)
{
    assert(kind == FILE_OFFSETS || kind == FILE_TIMES);
    return kind == FILE_OFFSETS ? &segment->offsets : &segment->times;
}

void offset_entry_put(uint8_t *entry, int64_t relative, int64_t at)
{
    assert(relative >= 0 && relative <= INT32_MAX);
    assert(at >= 0 && at <= INT32_MAX);
    store_be32(entry, (uint32_t)relative);
    store_be32(entry + 4, (uint32_t)at);
}

void time_entry_put(uint8_t *entry, int64_t timestamp, int64_t relative)
{
    assert(relative >= 0 && relative <= INT32_MAX);
    store_be64(entry, (uint64_t)timestamp);
    store_be32(entry + 8, (uint32_t)relative);
}

int64_t index_key_of(const uint8_t *entry, enum index_key key)
{
    switch (key) {
    case KEY_OFFSET: return (int32_t)load_be32(entry);
    case KEY_POSITION: return (int32_t)load_be32(entry + 4);
    case KEY_TIMESTAMP: return (int64_t)load_be64(entry);
    case KEY_TIME_OFFSET: return (int32_t)load_be32(entry + 8);
    }
    assert(false);
    return 0;
}

static bool tail_room(struct log *log, struct log_index *index)
{
    if (index->tail_count < index->tail_room) {
        return true;
    }
    size_t old_bytes = (size_t)index->tail_room * index->entry_bytes;
    size_t room = index->tail_room == 0 ? TAIL_ROOM_FIRST : (size_t)index->tail_room * 4;
    room = room < INDEX_TAIL_MAX ? room : INDEX_TAIL_MAX;
    if (room == index->tail_room) {
        return false;
    }
    uint8_t *tail = heap_resize(log->heap, index->tail, old_bytes, room * index->entry_bytes);
    if (tail == NULL) {
        return false;
    }
    index->tail = tail;
    index->tail_room = (uint16_t)room;
    return true;
}

/* An index is a hint: an entry that finds neither memory nor a place on the disk is left out. */
bool index_add(struct log *log, struct log_segment *segment, enum log_file_kind kind,
               const uint8_t *entry)
{
    struct log_index *index = segment_index(segment, kind);
    if (!tail_room(log, index) &&
        (index->tail_room == 0 || index_flush(log, segment, kind) != OK)) {
        return false;
    }
    assert(index->tail_count < index->tail_room);
    memcpy(index->tail + (size_t)index->tail_count * index->entry_bytes, entry, index->entry_bytes);
    index->tail_count++;
    return true;
}

err_t index_flush(struct log *log, struct log_segment *segment, enum log_file_kind kind)
{
    struct log_index *index = segment_index(segment, kind);
    struct log_file *file = NULL;
    TRY(segment_file(log, segment, kind, true, &file));
    if (index->tail_count == 0) {
        return OK;
    }
    struct slice bytes = slice_of(index->tail, (size_t)index->tail_count * index->entry_bytes);
    index->dirty = true;
    TRY(disk_write(file->disk, &bytes, 1, (int64_t)index->flushed * index->entry_bytes));
    index->flushed += index->tail_count;
    index->tail_count = 0;
    return OK;
}

err_t index_cut(struct log *log, struct log_segment *segment, enum log_file_kind kind,
                uint32_t count)
{
    struct log_index *index = segment_index(segment, kind);
    assert(count <= index_count(index));
    if (count >= index->flushed) {
        index->tail_count = (uint16_t)(count - index->flushed);
        return OK;
    }
    index->tail_count = 0;
    index->flushed = count;
    struct log_file *file = NULL;
    TRY(segment_file(log, segment, kind, false, &file));
    index->dirty = true;
    return disk_truncate(file->disk, (int64_t)count * index->entry_bytes);
}

void index_release(struct log *log, struct log_index *index)
{
    heap_free(log->heap, index->tail, (size_t)index->tail_room * index->entry_bytes);
    index->tail = NULL;
    index->tail_room = 0;
    index->tail_count = 0;
}

err_t index_view_get(const struct index_view *view, uint32_t i, uint8_t *ret_entry)
{
    assert(i < view->count);
    if (i >= view->flushed) {
        assert(view->tail != NULL);
        memcpy(ret_entry, view->tail + (size_t)(i - view->flushed) * view->entry_bytes,
               view->entry_bytes);
        return OK;
    }
    int64_t at = (int64_t)i * view->entry_bytes;
    assert(view->disk != NULL);
    ENSURE(!view->hot || disk_hot(view->disk, at, view->entry_bytes), ERR_BUSY);
    size_t n = 0;
    TRY(disk_read(view->disk, at, ret_entry, view->entry_bytes, &n));
    return n == view->entry_bytes ? OK : ERR_RANGE;
}

/* Among entries first..first+n-1 in memory: how many of all have a key <= value. */
static uint32_t rank_in(const uint8_t *entries, size_t entry_bytes, uint32_t first, uint32_t n,
                        enum index_key key, int64_t value)
{
    uint32_t low = 0;
    uint32_t high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        bool below = index_key_of(entries + middle * entry_bytes, key) <= value;
        low = below ? middle + 1 : low;
        high = below ? high : middle;
    }
    return first + low;
}

/* Entries low..high-1 of the file hold the answer: halves them by single entries, then takes the rest in one read. */
static err_t rank_in_file(const struct index_view *view, uint32_t low, uint32_t high,
                          enum index_key key, int64_t value, uint32_t *ret_count)
{
    uint8_t block[RANK_BLOCK * TIME_ENTRY_BYTES];
    assert(low <= high && high <= view->flushed);
    while (high - low > RANK_BLOCK) {
        uint32_t middle = low + (high - low) / 2;
        TRY(index_view_get(view, middle, block));
        bool below = index_key_of(block, key) <= value;
        low = below ? middle + 1 : low;
        high = below ? high : middle;
    }
    size_t bytes = (size_t)(high - low) * view->entry_bytes;
    int64_t at = (int64_t)low * view->entry_bytes;
    size_t n = 0;
    if (bytes > 0) {
        ENSURE(!view->hot || disk_hot(view->disk, at, bytes), ERR_BUSY);
        TRY(disk_read(view->disk, at, block, bytes, &n));
    }
    ENSURE(n == bytes, ERR_RANGE);
    *ret_count = rank_in(block, view->entry_bytes, low, high - low, key, value);
    return OK;
}

err_t index_view_rank(const struct index_view *view, enum index_key key, int64_t value,
                      uint32_t *ret_count)
{
    uint32_t in_tail = view->count - view->flushed;
    if (in_tail > 0 && index_key_of(view->tail, key) <= value) { /* most readers follow the end */
        *ret_count = rank_in(view->tail, view->entry_bytes, view->flushed, in_tail, key, value);
        return OK;
    }
    return rank_in_file(view, 0, view->flushed, key, value, ret_count);
}
