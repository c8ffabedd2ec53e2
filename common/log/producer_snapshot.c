#include <inttypes.h>
#include <stdio.h>

#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/log/log_internal.h"
#include "common/log/producer_snapshot.h"
#include "common/log/small_file.h"

#define SNAPSHOT_VERSION 1
#define SNAPSHOT_SUFFIX  ".snapshot"
#define CRC_FROM         6 /* version and crc lie before */
#define HEADER_BYTES     10
#define LINE_BYTES       46

static void line_encode(uint8_t *p, const struct producer_line *line)
{
    store_be64(p, (uint64_t)line->producer_id);
    store_be16(p + 8, (uint16_t)line->epoch);
    store_be32(p + 10, (uint32_t)line->last_sequence);
    store_be64(p + 14, (uint64_t)line->last_offset);
    store_be32(p + 22, (uint32_t)line->offset_delta);
    store_be64(p + 26, (uint64_t)line->timestamp_ms);
    store_be32(p + 34, (uint32_t)line->coordinator_epoch);
    store_be64(p + 38, (uint64_t)line->txn_first_offset);
}

static struct producer_line line_decode(const uint8_t *p)
{
    return (struct producer_line){
        .producer_id = (int64_t)load_be64(p),
        .epoch = (int16_t)load_be16(p + 8),
        .last_sequence = (int32_t)load_be32(p + 10),
        .last_offset = (int64_t)load_be64(p + 14),
        .offset_delta = (int32_t)load_be32(p + 22),
        .timestamp_ms = (int64_t)load_be64(p + 26),
        .coordinator_epoch = (int32_t)load_be32(p + 34),
        .txn_first_offset = (int64_t)load_be64(p + 38),
    };
}

void producer_snapshot_encode(struct buf *buf, const struct crc32c_impl *crc,
                              const struct producer_line *lines, size_t count)
{
    assert(lines != NULL || count == 0);
    assert(count <= PRODUCER_SNAPSHOT_BYTES_MAX / LINE_BYTES);
    size_t n = HEADER_BYTES + count * LINE_BYTES;
    uint8_t *p = buf_reserve(buf, n);
    if (p == NULL) {
        return;
    }
    store_be16(p, SNAPSHOT_VERSION);
    store_be32(p + CRC_FROM, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        line_encode(p + HEADER_BYTES + i * LINE_BYTES, &lines[i]);
    }
    store_be32(p + 2, crc32c(crc, p + CRC_FROM, n - CRC_FROM));
    buf_commit(buf, n);
}

err_t producer_snapshot_decode(struct slice bytes, const struct crc32c_impl *crc,
                               struct arena *arena, struct producer_line **ret_lines,
                               size_t *ret_count)
{
    ENSURE(bytes.n >= HEADER_BYTES, ERR_TRUNCATED);
    ENSURE(load_be16(bytes.p) == SNAPSHOT_VERSION, ERR_VERSION);
    ENSURE(crc32c(crc, bytes.p + CRC_FROM, bytes.n - CRC_FROM) == load_be32(bytes.p + 2),
           ERR_CORRUPT);
    uint64_t count = load_be32(bytes.p + CRC_FROM);
    uint64_t room = (bytes.n - HEADER_BYTES) / LINE_BYTES;
    ENSURE(count <= room, ERR_TRUNCATED);
    ENSURE(HEADER_BYTES + count * LINE_BYTES == bytes.n, ERR_MALFORMED);
    struct producer_line *lines = arena_array(arena, (size_t)count, sizeof(*lines));
    ENSURE(lines != NULL, ERR_NO_MEMORY);
    for (uint64_t i = 0; i < count; i++) {
        lines[i] = line_decode(bytes.p + HEADER_BYTES + i * LINE_BYTES);
    }
    *ret_lines = lines;
    *ret_count = (size_t)count;
    return OK;
}

static err_t snapshot_remove(struct host *host, const char *dir, const char *name)
{
    char path[LOG_DIR_PATH_MAX + 64];
    int n = snprintf(path, sizeof(path), "%s/%s", dir, name);
    ENSURE(n > 0 && (size_t)n < sizeof(path), ERR_INVALID);
    err_t err = disk_unlink(host, path);
    return err == ERR_NOT_FOUND ? OK : err;
}

static bool snapshot_name(const struct disk_entry *entry, int64_t *ret_offset)
{
    return !entry->is_dir && strlen(entry->name) == 20 + strlen(SNAPSHOT_SUFFIX) &&
           log_name_parse(entry->name, SNAPSHOT_SUFFIX, ret_offset);
}

/* It tells of what is not there, or is none. One that cannot be opened now may be the only one to tell of what is deleted. */
static bool snapshot_void(err_t err)
{
    return small_file_missing(err) || err == ERR_RANGE || err == ERR_TRUNCATED ||
           err == ERR_CORRUPT;
}

err_t producer_snapshot_load(struct host *host, const struct crc32c_impl *crc, const char *dir,
                             int64_t from, int64_t end, struct arena *arena,
                             struct producer_line **ret_lines, size_t *ret_count,
                             int64_t *ret_offset)
{
    struct disk_entry *entries = NULL;
    size_t count = 0;
    bool removed = false;
    err_t found = ERR_NOT_FOUND;
    TRY(disk_list(host, dir, arena, &entries, &count));
    while (found == ERR_NOT_FOUND && count-- > 0) { /* names are in order: newest first */
        struct slice bytes;
        if (!snapshot_name(&entries[count], ret_offset) || *ret_offset < from) {
            continue;
        }
        err_t err = *ret_offset > end ? ERR_RANGE
                                      : small_file_load(host, dir, entries[count].name,
                                                        PRODUCER_SNAPSHOT_BYTES_MAX, arena, &bytes);
        if (err == OK) {
            err = producer_snapshot_decode(bytes, crc, arena, ret_lines, ret_count);
        }
        if (snapshot_void(err)) {
            TRY(err_of_write(snapshot_remove(host, dir, entries[count].name)));
            removed = true;
        } else {
            found = err;
        }
    }
    TRY(removed ? err_of_write(disk_sync_dir(host, dir)) : OK);
    return found;
}

err_t producer_snapshot_save(struct host *host, struct heap *heap, const struct crc32c_impl *crc,
                             const char *dir, int64_t offset, const struct producer_line *lines,
                             size_t count)
{
    char name[64];
    struct buf buf;
    assert(offset >= 0);
    int n = snprintf(name, sizeof(name), "%020" PRId64 SNAPSHOT_SUFFIX, offset);
    assert(n > 0 && (size_t)n < sizeof(name));
    buf_init(&buf, heap, PRODUCER_SNAPSHOT_BYTES_MAX);
    producer_snapshot_encode(&buf, crc, lines, count);
    return small_file_save(host, dir, name, &buf);
}

err_t producer_snapshot_trim(struct host *host, const char *dir, int64_t from, int64_t to,
                             struct arena *scratch)
{
    struct disk_entry *entries = NULL;
    size_t count = 0;
    bool removed = false;
    TRY(disk_list(host, dir, scratch, &entries, &count));
    for (size_t i = 0; i < count; i++) {
        int64_t offset = 0;
        if (snapshot_name(&entries[i], &offset) && (offset < from || offset > to)) {
            TRY(snapshot_remove(host, dir, entries[i].name));
            removed = true;
        }
    }
    return removed ? disk_sync_dir(host, dir) : OK; /* else a power cut brings them back */
}
