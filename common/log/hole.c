/*
 * A log may come from another server whose cleaner has taken its last records, and go on in a segment that got none. Followers copy
 * batches, and so would never come to such an end: with them in the in-sync set the high watermark would not, either. A batch without
 * records tells where the log goes on, as the same cleaner leaves one wherever it has to (a producer's last sequence).
 */
#include "common/log/epoch_checkpoint.h"
#include "common/log/log_internal.h"
#include "common/log/small_file.h"

/* The epoch that the log was in before `end`: what was written in it may be gone, too, and the epoch file tells of it still. false: that
 * file cannot be read. */
static bool epoch_before(struct log *log, struct arena *scratch, int64_t end, int32_t *epoch)
{
    struct epoch_line *lines = NULL;
    size_t count = 0;
    err_t err = epoch_checkpoint_load(log->host, log->dir, scratch, &lines, &count);
    for (size_t i = 0; err == OK && i < count && lines[i].start_offset < end; i++) {
        *epoch = lines[i].epoch > *epoch ? lines[i].epoch : *epoch;
    }
    return err == OK || small_file_missing(err);
}

/* What stands for the offsets behind `last`, below `end`. */
static struct batch_header header_of(const struct batch_header *last, int64_t end)
{
    int64_t base = last->base_offset + last->last_offset_delta + 1;
    assert(base < end && end - base <= INT32_MAX);
    return (struct batch_header){.base_offset = base,
                                 .length = BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES,
                                 .leader_epoch = last->leader_epoch,
                                 .magic = BATCH_MAGIC,
                                 .last_offset_delta = (int32_t)(end - 1 - base),
                                 .base_timestamp = NO_TIMESTAMP,
                                 .max_timestamp = NO_TIMESTAMP,
                                 .producer_id = NO_PRODUCER_ID,
                                 .producer_epoch = NO_PRODUCER_EPOCH,
                                 .base_sequence = NO_SEQUENCE};
}

/* Whether no batch of segment i reaches its end; the last of them, which is whole. */
static bool ends_in_hole(struct log *log, uint32_t i, struct batch_header *ret_last)
{
    uint8_t buf[WALK_BYTES];
    struct segment_view view;
    struct batch_walk walk;
    struct log_segment *segment = log->segments[i];
    int64_t at = 0;
    int64_t end = log->segments[i + 1]->base;
    if (segment->bytes == 0 || segment_view_open(log, segment, false, &view) != OK) {
        return false;
    }
    walk_init(&walk, view.disk, 0, segment->bytes, buf, sizeof(buf));
    return search_offset(&view, end - 1, &walk, ret_last, &at) == ERR_NOT_FOUND &&
           walk_check_crc(&walk, log->config.crc, ret_last, at) == OK &&
           end - ret_last->base_offset <= INT32_MAX;
}

/* On disk as a whole or not at all. */
static err_t header_write(struct log *log, struct batch_header *header)
{
    uint8_t bytes[BATCH_HEADER_BYTES];
    struct log_path path;
    batch_print_header(header, bytes);
    header->crc = crc32c(log->config.crc, bytes + BATCH_CRC_FROM, sizeof(bytes) - BATCH_CRC_FROM);
    batch_print_header(header, bytes);
    log_path_segment(log, header->base_offset, LOG_SUFFIX, &path);
    return disk_replace_file(log->host, path.s, slice_of(bytes, sizeof(bytes)));
}

/* A segment before the newest one. */
static err_t segment_insert(struct log *log, const struct batch_header *header)
{
    struct log_segment *newest = log_active(log);
    struct log_segment *segment = NULL;
    TRY(segment_new(log, header->base_offset, newest->born_wall_ms, &segment));
    segment->bytes = (int64_t)batch_bytes(header);
    segment->trusted_from = segment->bytes;
    log->count--;
    err_t err = segment_push(log, segment);
    if (err == OK) {
        err = segment_push(log, newest);
    } else {
        segment_free(log, segment);
    }
    if (err != OK) {
        segment_free(log, newest);
    }
    return err;
}

err_t hole_fill(struct log_recovery *r, struct arena *scratch)
{
    struct log *log = r->log;
    struct batch_header last;
    const struct log_segment *newest = log_active(log);
    /* Behind the recovery point what is missing was taken by a crash. */
    bool proven = r->clean || newest->base <= r->point;
    if (!log->config.gaps || !proven || log->count < 2 || newest->bytes > 0 ||
        !ends_in_hole(log, log->count - 2, &last)) {
        return OK;
    }
    struct batch_header header = header_of(&last, newest->base);
    bool told = epoch_before(log, scratch, newest->base, &header.leader_epoch);
    /* Where there is no room it opens as it is. */
    return told && header_write(log, &header) == OK ? segment_insert(log, &header) : OK;
}
