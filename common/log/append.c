#include "common/log/log_internal.h"

/* A run of batches on its way into one segment. */
struct run {
    uint32_t count;
    int64_t bytes;
};

static struct batch_header header_of(struct slice batch)
{
    struct batch_header header;
    err_t err = batch_parse(batch, &header);
    assert(err == OK && batch_bytes(&header) == batch.n);
    (void)err;
    return header;
}

/* What the format cannot hold. */
static bool roll_forced(const struct log_segment *segment, const struct run *run,
                        const struct batch_header *next)
{
    int64_t last = next->base_offset + next->last_offset_delta;
    return segment->bytes + run->bytes + (int64_t)batch_bytes(next) > INT32_MAX ||
           last - segment->base > INT32_MAX;
}

/* Kafka's LogSegment.shouldRoll, with entries yet to be made counted as if every batch made one. */
static bool roll_wanted(const struct log *log, const struct log_segment *segment,
                        const struct run *run, const struct batch_header *next, time_ms now_wall_ms)
{
    const struct log_config *config = &log->config;
    bool by_record = segment->first_timestamp >= 0 && next->max_timestamp >= 0;
    int64_t age = by_record ? next->max_timestamp - segment->first_timestamp
                            : now_wall_ms - segment->born_wall_ms;
    int64_t entries_max = config->index_bytes_max / OFFSET_ENTRY_BYTES;
    int64_t times_max = config->index_bytes_max / TIME_ENTRY_BYTES -
                        1; /* the last one comes at the roll */
    return segment->bytes + run->bytes + (int64_t)batch_bytes(next) > config->segment_bytes ||
           age > config->segment_ms - config->segment_jitter_ms ||
           index_count(&segment->offsets) + run->count >= entries_max ||
           index_count(&segment->times) + run->count >= times_max;
}

/* Behind a cut that is not on disk yet one segment must do: with two of them a crash could keep the second alone, which
 * would then seem to follow the history that was cut off. */
static bool roll_due(const struct log *log, const struct log_segment *segment,
                     const struct run *run, const struct batch_header *next, time_ms now_wall_ms)
{
    if (segment->bytes + run->bytes == 0) {
        return false;
    }
    return roll_forced(segment, run, next) ||
           (log_cut_proven(log) && roll_wanted(log, segment, run, next, now_wall_ms));
}

static struct run run_cut(const struct log *log, const struct slice *batches, uint32_t count,
                          time_ms now_wall_ms)
{
    const struct log_segment *segment = log_active(log);
    struct run run = {0, 0};
    while (run.count < count) {
        struct batch_header header = header_of(batches[run.count]);
        if (roll_due(log, segment, &run, &header, now_wall_ms)) {
            break;
        }
        run.bytes += (int64_t)batches[run.count].n;
        run.count++;
    }
    return run;
}

/* A failed write may have left any part of itself: it is cut off before anyone can read it. */
static err_t run_undo(struct log *log, struct log_segment *segment, struct disk_file *disk,
                      err_t err)
{
    if (disk_truncate(disk, segment->bytes) != OK) {
        log_set_offline(log);
    }
    return err;
}

static void run_note(struct log *log, struct log_segment *segment, const struct slice *batches,
                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct batch_header header = header_of(batches[i]);
        assert(header.base_offset == log->end ||
               (log->config.gaps && header.base_offset > log->end));
        segment_note(log, segment, &header, segment->bytes);
        log->end = header.base_offset + header.last_offset_delta + 1;
        log->bytes += (int64_t)batches[i].n;
    }
    struct log_mark mark = {log->end, segment->bytes, segment->base};
    log_mark_put(log->append_marks, &log->append_mark_next, APPEND_MARKS, mark);
}

static err_t run_write(struct log *log, const struct slice *batches, struct run run,
                       time_ms now_wall_ms)
{
    struct log_segment *segment = log_active(log);
    struct log_file *file = NULL;
    TRY(segment_file(log, segment, FILE_BATCHES, false, &file));
    segment_mark_dirty(log, segment);
    err_t err = disk_write(file->disk, batches, run.count, segment->bytes);
    if (err != OK && !MUTANT(45)) {
        return run_undo(log, segment, file->disk, err);
    }
    int64_t before = segment->bytes;
    run_note(log, segment, batches, run.count);
    assert(segment->bytes == before + run.bytes);
    segment->modified_wall_ms = now_wall_ms;
    return OK;
}

err_t log_append(struct log *log, const struct slice *batches, uint32_t count, time_ms now_wall_ms)
{
    ENSURE(!log->offline, ERR_OFFLINE);
    while (count > 0) {
        struct run run = run_cut(log, batches, count, now_wall_ms);
        if (run.count == 0) {
            TRY(log_roll(log, now_wall_ms));
            continue;
        }
        TRY(run_write(log, batches, run, now_wall_ms));
        batches += run.count;
        count -= run.count;
    }
    return OK;
}

err_t log_roll(struct log *log, time_ms now_wall_ms)
{
    ENSURE(!log->offline, ERR_OFFLINE);
    struct log_segment *active = log_active(log);
    if (active->bytes == 0) {
        return OK;
    }
    TRY(log_cut_prove(log));
    TRY(segment_seal(log, active));
    segment_mark_dirty(log, active); /* its indexes */
    return log_roll_new(log, now_wall_ms);
}
