/*
 * Offset checkpoints of a log directory, as Kafka writes them: recovery-point-offset-checkpoint,
 * log-start-offset-checkpoint and replication-offset-checkpoint (high watermarks).
 *
 * Text: a line "0" (version), a line with the number of entries, then one line "topic partition offset" each.
 *
 * A file that is missing or broken is no disaster, as in Kafka: without recovery points everything is scanned (0), without
 * log starts a log begins with its first segment, without high watermarks they are learned anew from 0. So the loader says
 * what was wrong and the owner goes on with none.
 */
#ifndef ODRADEK_LOG_OFFSET_CHECKPOINT_H
#define ODRADEK_LOG_OFFSET_CHECKPOINT_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"

struct host;

#define RECOVERY_POINT_FILE         "recovery-point-offset-checkpoint"
#define LOG_START_FILE              "log-start-offset-checkpoint"
#define HIGH_WATERMARK_FILE         "replication-offset-checkpoint"
#define CLEANER_OFFSET_FILE         "cleaner-offset-checkpoint"
/* Larger files are refused: a million partitions with the longest names. */
#define OFFSET_CHECKPOINT_BYTES_MAX (300u << 20)

struct offset_line {
    struct slice topic; /* no blanks in it */
    int32_t partition;
    int64_t offset; /* >= 0 */
};

/* An error (memory) sticks in the buf. */
void offset_checkpoint_encode(struct buf *, const struct offset_line *, size_t count);
/* Topics borrow from text, the array lives in the arena. ERR_MALFORMED, ERR_VERSION, ERR_NO_MEMORY. */
err_t offset_checkpoint_decode(struct slice text, struct arena *, struct offset_line **ret_lines,
                               size_t *ret_count) MUST_USE;

/* <log_dir>/<file>. Blocking. ERR_NOT_FOUND, and as above. */
err_t offset_checkpoint_load(struct host *, const char *log_dir, const char *file, struct arena *,
                             struct offset_line **ret_lines, size_t *ret_count) MUST_USE;
/* Replaces it; safe when this returns OK. Blocking. */
err_t offset_checkpoint_save(struct host *, struct heap *, const char *log_dir, const char *file,
                             const struct offset_line *, size_t count) MUST_USE;

#endif
