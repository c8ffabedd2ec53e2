#include "common/log/log_internal.h"

void walk_init(struct batch_walk *walk, struct disk_file *disk, int64_t at, int64_t end,
               uint8_t *buf, size_t room)
{
    assert(disk != NULL && at >= 0 && at <= end);
    assert(room >= BATCH_HEADER_BYTES);
    *walk = (struct batch_walk){.disk = disk, .at = at, .end = end, .buf = buf, .room = room};
}

static err_t walk_fill(struct batch_walk *walk, int64_t at)
{
    assert(at < walk->end);
    size_t n = (uint64_t)(walk->end - at) < walk->room ? (size_t)(walk->end - at) : walk->room;
    ENSURE(!walk->hot || disk_hot(walk->disk, at, n), ERR_BUSY);
    walk->buf_at = at;
    walk->buf_n = 0;
    return disk_read(walk->disk, at, walk->buf, n, &walk->buf_n);
}

static bool walk_holds(const struct batch_walk *walk, int64_t at, size_t n)
{
    return at >= walk->buf_at && at + (int64_t)n <= walk->buf_at + (int64_t)walk->buf_n;
}

err_t walk_bytes(struct batch_walk *walk, int64_t at, size_t n, const uint8_t **ret_p)
{
    assert(n > 0 && n <= walk->room);
    ENSURE(at + (int64_t)n <= walk->end, ERR_TRUNCATED);
    if (!walk_holds(walk, at, n)) {
        TRY(walk_fill(walk, at));
        ENSURE(walk->buf_n >= n, ERR_RANGE);
    }
    *ret_p = walk->buf + (at - walk->buf_at);
    return OK;
}

err_t walk_next(struct batch_walk *walk, struct batch_header *ret_header, int64_t *ret_at)
{
    ENSURE(walk->at < walk->end, ERR_NOT_FOUND);
    const uint8_t *p = NULL;
    TRY(walk_bytes(walk, walk->at, BATCH_HEADER_BYTES, &p));
    TRY(batch_parse(slice_of(p, BATCH_HEADER_BYTES), ret_header));
    TRY(batch_check_counts(ret_header));
    int64_t bytes = (int64_t)batch_bytes(ret_header);
    ENSURE(bytes <= walk->end - walk->at, ERR_TRUNCATED);
    *ret_at = walk->at;
    walk->at += bytes;
    return OK;
}

err_t walk_check_crc(struct batch_walk *walk, const struct crc32c_impl *impl,
                     const struct batch_header *header, int64_t at)
{
    uint32_t crc = 0;
    int64_t end = at + (int64_t)batch_bytes(header);
    assert(end <= walk->end);
    for (int64_t pos = at + BATCH_CRC_FROM; pos < end;) {
        if (!walk_holds(walk, pos, 1)) {
            TRY(walk_fill(walk, pos));
            ENSURE(walk->buf_n > 0, ERR_RANGE);
        }
        int64_t held = walk->buf_at + (int64_t)walk->buf_n;
        size_t n = (size_t)(min_i64(held, end) - pos);
        crc = crc32c_extend(impl, crc, walk->buf + (pos - walk->buf_at), n);
        pos += (int64_t)n;
    }
    return crc == header->crc ? OK : ERR_CORRUPT;
}
