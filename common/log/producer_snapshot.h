/*
 * Producer snapshots: <offset, 20 digits>.snapshot in a partition's folder, the producer state as of that offset (KIP-98).
 *
 * Big-endian: int16 version 1, uint32 CRC32C of what follows, int32 count, then for each producer int64 id, int16 epoch,
 * int32 last sequence, int64 last offset, int32 offset delta, int64 timestamp, int32 coordinator epoch, int64 first offset
 * of the open transaction (-1: none).
 *
 * The newest snapshot that is whole and not behind the log's end saves the replay of what lies before it. A broken one is
 * removed and the next older one is taken, as in Kafka; without any the log is replayed from its start.
 */
#ifndef ODRADEK_LOG_PRODUCER_SNAPSHOT_H
#define ODRADEK_LOG_PRODUCER_SNAPSHOT_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"

struct host;
struct crc32c_impl;

#define PRODUCER_SNAPSHOT_BYTES_MAX (256u << 20)

struct producer_line {
    int64_t producer_id;
    int64_t last_offset;
    int64_t timestamp_ms;
    int64_t txn_first_offset; /* -1: none */
    int32_t last_sequence;
    int32_t offset_delta;
    int32_t coordinator_epoch;
    int16_t epoch;
};

void producer_snapshot_encode(struct buf *, const struct crc32c_impl *,
                              const struct producer_line *, size_t count);
/* ERR_TRUNCATED, ERR_MALFORMED (bytes too many), ERR_CORRUPT (CRC), ERR_VERSION, ERR_NO_MEMORY. */
err_t producer_snapshot_decode(struct slice bytes, const struct crc32c_impl *, struct arena *,
                               struct producer_line **ret_lines, size_t *ret_count) MUST_USE;

/*
 * Loads the newest good snapshot with from <= offset <= end; those that are broken, or beyond end (the log lost what they
 * tell), are removed. ERR_NOT_FOUND: none is left. ERR_OFFLINE: one cannot be removed. Other
 * errors: the newest one cannot be read now, and stays. Blocking.
 */
err_t producer_snapshot_load(struct host *, const struct crc32c_impl *, const char *dir,
                             int64_t from, int64_t end, struct arena *,
                             struct producer_line **ret_lines, size_t *ret_count,
                             int64_t *ret_offset) MUST_USE;
/* Blocking. */
err_t producer_snapshot_save(struct host *, struct heap *, const struct crc32c_impl *,
                             const char *dir, int64_t offset, const struct producer_line *,
                             size_t count) MUST_USE;
/* Removes those with an offset < from or > to (from = 0: none below; to = INT64_MAX: none above). Blocking. */
err_t producer_snapshot_trim(struct host *, const char *dir, int64_t from, int64_t to,
                             struct arena *scratch) MUST_USE;

#endif
