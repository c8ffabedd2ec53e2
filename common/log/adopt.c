#include <stdio.h>

#include "common/log/log_internal.h"

int64_t recovery_file_bytes(const struct log_recovery *r, int64_t base, const char *suffix)
{
    char name[64];
    int n = snprintf(name, sizeof(name), "%020lld%s", (long long)base, suffix);
    assert(n > 0 && (size_t)n < sizeof(name));
    size_t low = 0;
    size_t high = r->entry_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(r->entries[middle].name, name);
        if (order == 0) {
            return r->entries[middle].bytes;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return -1;
}

/* Takes the entries of an index file on trust, as many as fit into it. */
static void index_claim(const struct log_recovery *r, struct log_segment *segment,
                        enum log_file_kind kind, const char *suffix, int64_t *ret_bytes)
{
    struct log_index *index = segment_index(segment, kind);
    *ret_bytes = recovery_file_bytes(r, segment->base, suffix);
    int64_t entries = *ret_bytes > 0 ? *ret_bytes / index->entry_bytes : 0;
    index->flushed = (uint32_t)min_i64(entries, INT32_MAX);
}

/* The last entry of an index, which bounds all others; and whether it lies above the one before it, as it does not in a
 * file that a crash or another server left at full size. ERR_NOT_FOUND: there is none. */
static err_t index_last(struct log *log, struct log_segment *segment, enum log_file_kind kind,
                        uint8_t *ret_entry, bool *ret_ascends)
{
    struct log_index *index = segment_index(segment, kind);
    struct log_file *file = NULL;
    uint8_t before[TIME_ENTRY_BYTES];
    *ret_ascends = true;
    ENSURE(index->flushed > 0, ERR_NOT_FOUND);
    TRY(segment_file(log, segment, kind, false, &file));
    struct index_view view = {.disk = file->disk,
                              .flushed = index->flushed,
                              .count = index->flushed,
                              .entry_bytes = index->entry_bytes};
    TRY(index_view_get(&view, index->flushed - 1, ret_entry));
    if (index->flushed > 1) {
        enum index_key first = kind == FILE_OFFSETS ? KEY_OFFSET : KEY_TIMESTAMP;
        enum index_key second = kind == FILE_OFFSETS ? KEY_POSITION : KEY_TIME_OFFSET;
        TRY(index_view_get(&view, index->flushed - 2, before));
        *ret_ascends = index_key_of(before, first) < index_key_of(ret_entry, first) &&
                       index_key_of(before, second) < index_key_of(ret_entry, second);
    }
    return OK;
}

static err_t adopt_offsets(struct log_recovery *r, uint32_t i, bool *ret_sane)
{
    struct log_segment *segment = r->log->segments[i];
    int64_t bytes = 0;
    uint8_t entry[OFFSET_ENTRY_BYTES];
    index_claim(r, segment, FILE_OFFSETS, OFFSETS_SUFFIX, &bytes);
    *ret_sane = bytes >= 0 && bytes % OFFSET_ENTRY_BYTES == 0;
    bool ascends = false;
    err_t err = index_last(r->log, segment, FILE_OFFSETS, entry, &ascends);
    if (err == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(err);
    int64_t relative = index_key_of(entry, KEY_OFFSET);
    int64_t at = index_key_of(entry, KEY_POSITION);
    *ret_sane = *ret_sane && ascends && relative >= 0 && at > 0 && at < segment->bytes &&
                segment->base + relative < r->log->segments[i + 1]->base;
    *ret_sane = *ret_sane || MUTANT(47);
    return OK;
}

static err_t adopt_times(struct log_recovery *r, uint32_t i, bool *ret_sane)
{
    struct log_segment *segment = r->log->segments[i];
    int64_t bytes = 0;
    uint8_t entry[TIME_ENTRY_BYTES];
    index_claim(r, segment, FILE_TIMES, TIMES_SUFFIX, &bytes);
    *ret_sane = bytes >= 0 && bytes % TIME_ENTRY_BYTES == 0;
    bool ascends = false;
    err_t err = index_last(r->log, segment, FILE_TIMES, entry, &ascends);
    if (err == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(err);
    int64_t relative = index_key_of(entry, KEY_TIME_OFFSET);
    segment->max_timestamp = index_key_of(entry, KEY_TIMESTAMP);
    segment->max_timestamp_offset = segment->base + relative;
    segment->indexed_timestamp = segment->max_timestamp;
    *ret_sane = *ret_sane && ascends && relative >= 0 && segment->max_timestamp >= 0 &&
                segment->max_timestamp_offset < r->log->segments[i + 1]->base;
    return OK;
}

/* Cuts an index to `count` entries, and odd bytes behind them. */
static err_t index_keep(struct log_recovery *r, struct log_segment *segment,
                        enum log_file_kind kind, uint32_t count, int64_t bytes)
{
    struct log_index *index = segment_index(segment, kind);
    struct log_file *file = NULL;
    assert(count <= index->flushed && index->tail_count == 0);
    index->flushed = count;
    if (bytes <= 0 || bytes == (int64_t)count * index->entry_bytes) {
        return OK;
    }
    TRY(segment_file(r->log, segment, kind, false, &file));
    index->dirty = true;
    return err_of_write(disk_truncate(file->disk, (int64_t)count * index->entry_bytes));
}

/* Claims the files first, so that whatever stands in them is cut off. */
err_t recovery_forget(struct log_recovery *r, struct log_segment *segment)
{
    static const char *const suffixes[] = {"", OFFSETS_SUFFIX, TIMES_SUFFIX};
    segment->max_timestamp = LOG_TIMESTAMP_NONE;
    segment->max_timestamp_offset = segment->base;
    segment->indexed_timestamp = LOG_TIMESTAMP_NONE;
    segment->since_index = 0;
    for (enum log_file_kind kind = FILE_OFFSETS; kind <= FILE_TIMES; kind++) {
        int64_t bytes = 0;
        index_claim(r, segment, kind, suffixes[kind], &bytes);
        segment_index(segment, kind)->tail_count = 0;
        TRY(index_keep(r, segment, kind, 0, bytes));
    }
    r->report->rebuilt_indexes++;
    return OK;
}

static err_t adopt_rebuild(struct log_recovery *r, struct log_segment *segment, int64_t next_base)
{
    struct log *log = r->log;
    struct log_scan scan = {.next = segment->base, .crc_from = INT64_MAX, .epoch = -1};
    TRY(recovery_forget(r, segment));
    err_t err = recovery_scan(r, segment, 0, &scan);
    if (err == OK && (scan.next > next_base || (scan.next < next_base && !log->config.gaps))) {
        err = ERR_CORRUPT;
    }
    if (err == ERR_CORRUPT) {
        r->report->bad_offset = scan.next;
    }
    TRY(err);
    TRY(recovery_seal(log, segment));
    segment_mark_dirty(log, segment);
    log->dir_dirty = true;
    return OK;
}

err_t recovery_adopt(struct log_recovery *r, uint32_t i)
{
    struct log_segment *segment = r->log->segments[i];
    bool offsets_sane = false;
    bool times_sane = false;
    assert(i + 1 < r->log->count);
    if (segment->bytes == 0) {
        return OK;
    }
    TRY(adopt_offsets(r, i, &offsets_sane));
    TRY(adopt_times(r, i, &times_sane));
    if (!offsets_sane || !times_sane) {
        TRY(adopt_rebuild(r, segment, r->log->segments[i + 1]->base));
    }
    if (!segment->dirty) {
        log_file_drop(&segment->offsets.file);
        log_file_drop(&segment->times.file);
    }
    return OK;
}

/* Entries from the front that ascend in both fields, with the first field at most `first_max`. */
static err_t index_prefix(struct log_recovery *r, struct log_segment *segment,
                          enum log_file_kind kind, enum index_key by, int64_t by_max,
                          uint32_t *ret_count)
{
    struct log_index *index = segment_index(segment, kind);
    enum index_key keys[2] = {kind == FILE_OFFSETS ? KEY_OFFSET : KEY_TIMESTAMP,
                              kind == FILE_OFFSETS ? KEY_POSITION : KEY_TIME_OFFSET};
    int64_t before[2] = {-1, -1};
    struct log_file *file = NULL;
    size_t room = SCAN_BYTES / index->entry_bytes;
    *ret_count = 0;
    if (index->flushed > 0) {
        TRY(segment_file(r->log, segment, kind, false, &file));
    }
    while (*ret_count < index->flushed) {
        size_t n = 0;
        TRY(disk_read(file->disk, (int64_t)*ret_count * index->entry_bytes, r->scratch,
                      room * index->entry_bytes, &n));
        n = (size_t)min_i64((int64_t)(n / index->entry_bytes), index->flushed - *ret_count);
        for (size_t i = 0; i < n; i++, (*ret_count)++) {
            const uint8_t *entry = r->scratch + i * index->entry_bytes;
            int64_t first = index_key_of(entry, keys[0]);
            int64_t second = index_key_of(entry, keys[1]);
            if (first <= before[0] || second <= before[1] || index_key_of(entry, by) > by_max) {
                return OK;
            }
            before[0] = first;
            before[1] = second;
        }
        ENSURE(n > 0, ERR_IO);
    }
    return OK;
}

/* The batch that an entry names ends where the entry says; and the time index has seen it too. */
static bool entry_true(struct log_recovery *r, struct log_segment *segment, const uint8_t *entry)
{
    struct log_file *file = NULL;
    struct batch_walk walk;
    struct batch_header header;
    int64_t at = index_key_of(entry, KEY_POSITION);
    if (at <= 0 || at >= segment->bytes ||
        segment_file(r->log, segment, FILE_BATCHES, false, &file) != OK) {
        return false;
    }
    walk_init(&walk, file->disk, at, segment->bytes, r->scratch, SCAN_BYTES);
    int64_t last = segment->base + index_key_of(entry, KEY_OFFSET);
    return walk_next(&walk, &header, &at) == OK &&
           header.base_offset + header.last_offset_delta == last &&
           header.max_timestamp <= segment->max_timestamp;
}

static err_t resume_times(struct log_recovery *r, struct log_segment *segment, int64_t relative_max,
                          int64_t bytes)
{
    uint32_t count = 0;
    uint8_t entry[TIME_ENTRY_BYTES];
    TRY(index_prefix(r, segment, FILE_TIMES, KEY_TIME_OFFSET, relative_max, &count));
    TRY(index_keep(r, segment, FILE_TIMES, count, bytes));
    bool ascends = false;
    err_t err = index_last(r->log, segment, FILE_TIMES, entry, &ascends);
    if (err == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(err);
    segment->max_timestamp = index_key_of(entry, KEY_TIMESTAMP);
    segment->max_timestamp_offset = segment->base + index_key_of(entry, KEY_TIME_OFFSET);
    segment->indexed_timestamp = segment->max_timestamp;
    return OK;
}

/* The age of a segment counts from its first batch, which the scan will not see when it begins later. */
static err_t resume_first(struct log_recovery *r, struct log_segment *segment)
{
    struct log_file *file = NULL;
    struct batch_walk walk;
    struct batch_header header;
    int64_t at = 0;
    TRY(segment_file(r->log, segment, FILE_BATCHES, false, &file));
    walk_init(&walk, file->disk, 0, segment->bytes, r->scratch, SCAN_BYTES);
    err_t err = walk_next(&walk, &header, &at);
    if (err_as_rot(err) == ERR_CORRUPT) {
        r->report->bad_offset = segment->base;
        return ERR_CORRUPT;
    }
    TRY(err);
    segment->first_timestamp = header.max_timestamp;
    return OK;
}

err_t recovery_resume(struct log_recovery *r, struct log_segment *segment, int64_t *ret_from)
{
    uint32_t count = 0;
    uint8_t entry[OFFSET_ENTRY_BYTES];
    int64_t offsets_bytes = 0;
    int64_t times_bytes = 0;
    int64_t last_max = r->clean ? INT32_MAX : r->point - 1 - segment->base;
    *ret_from = 0;
    index_claim(r, segment, FILE_OFFSETS, OFFSETS_SUFFIX, &offsets_bytes);
    index_claim(r, segment, FILE_TIMES, TIMES_SUFFIX, &times_bytes);
    TRY(index_prefix(r, segment, FILE_OFFSETS, KEY_OFFSET, last_max, &count));
    TRY(index_keep(r, segment, FILE_OFFSETS, count, offsets_bytes));
    bool ascends = false; /* index_prefix made sure of it */
    err_t err = index_last(r->log, segment, FILE_OFFSETS, entry, &ascends);
    ENSURE(err == OK || err == ERR_NOT_FOUND, err);
    if (err == OK) {
        int64_t relative_max = r->clean ? INT32_MAX : index_key_of(entry, KEY_OFFSET);
        TRY(resume_times(r, segment, relative_max, times_bytes));
        if (entry_true(r, segment, entry)) {
            *ret_from = index_key_of(entry, KEY_POSITION);
            return resume_first(r, segment);
        }
    }
    bool small = segment->bytes <= r->log->config.index_interval_bytes;
    if (offsets_bytes > 0 || times_bytes > 0 || !small) {
        TRY(recovery_forget(r, segment));
    }
    return OK;
}
