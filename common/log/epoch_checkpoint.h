/*
 * leader-epoch-checkpoint in a partition's folder (KIP-101): a line "0" (version), a line with the number of entries, then
 * one line "epoch start_offset" each, both growing (epochs strictly).
 *
 * Missing or broken: the entries are made again by a replay of the whole log, whose batches carry their epochs; only
 * epochs without any record are then unknown.
 */
#ifndef ODRADEK_LOG_EPOCH_CHECKPOINT_H
#define ODRADEK_LOG_EPOCH_CHECKPOINT_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"

struct host;

#define EPOCH_CHECKPOINT_FILE      "leader-epoch-checkpoint"
#define EPOCH_CHECKPOINT_BYTES_MAX (32u << 20)

struct epoch_line {
    int32_t epoch;
    int64_t start_offset;
};

void epoch_checkpoint_encode(struct buf *, const struct epoch_line *, size_t count);
/* ERR_MALFORMED (order included), ERR_VERSION, ERR_NO_MEMORY. */
err_t epoch_checkpoint_decode(struct slice text, struct arena *, struct epoch_line **ret_lines,
                              size_t *ret_count) MUST_USE;

/* dir: the partition's folder. Blocking. ERR_NOT_FOUND, and as above. */
err_t epoch_checkpoint_load(struct host *, const char *dir, struct arena *,
                            struct epoch_line **ret_lines, size_t *ret_count) MUST_USE;
err_t epoch_checkpoint_save(struct host *, struct heap *, const char *dir,
                            const struct epoch_line *, size_t count) MUST_USE;

#endif
