#include "common/log/log_internal.h"

struct log_replay {
    struct log *log;
    struct log_file *file;
    struct batch_walk walk;
    uint32_t segment; /* the one that is walked */
    int64_t from;
    int64_t next; /* behind the batch before: offsets ascend */
    uint8_t control[LOG_CONTROL_BYTES_MAX];
    uint8_t buf[SCAN_BYTES / 4];
};

/* Stands at the first batch of segment i that ends at or behind `from`. */
static err_t replay_enter(struct log_replay *replay, uint32_t i)
{
    struct log *log = replay->log;
    struct log_segment *segment = log->segments[i];
    struct segment_view view;
    struct batch_header header;
    int64_t at = 0;
    log_file_drop(&replay->file);
    replay->segment = i;
    TRY(segment_view_open(log, segment, false, &view));
    replay->file = log_file_share(segment->file);
    walk_init(&replay->walk, replay->file->disk, 0, segment->bytes, replay->buf,
              sizeof(replay->buf));
    if (replay->from <= segment->base) {
        return OK;
    }
    err_t err = search_offset(&view, replay->from, &replay->walk, &header, &at);
    if (err == ERR_NOT_FOUND) {
        return OK; /* the walk stands at the end */
    }
    TRY(err);
    replay->walk.at = at;
    return OK;
}

err_t log_replay_open(struct log *log, int64_t from, struct log_replay **ret_replay)
{
    ENSURE(from >= log->start && from <= log->end, ERR_RANGE);
    struct log_replay *replay = log->source->take(log->source->ctx, sizeof(*replay));
    ENSURE(replay != NULL, ERR_NO_MEMORY);
    replay->log = log;
    replay->file = NULL;
    replay->from = from;
    replay->next = 0;
    err_t err = replay_enter(replay, log_segment_floor(log, from));
    if (err != OK) {
        log_replay_close(replay);
        return err_as_rot(err);
    }
    *ret_replay = replay;
    return OK;
}

static err_t replay_control(struct log_replay *replay, const struct batch_facts *facts, int64_t at,
                            struct slice *ret_whole)
{
    *ret_whole = slice_of(NULL, 0);
    if (!facts->control || facts->bytes > LOG_CONTROL_BYTES_MAX) {
        return OK;
    }
    size_t n = 0;
    TRY(disk_read(replay->file->disk, at, replay->control, facts->bytes, &n));
    ENSURE(n == facts->bytes, ERR_CORRUPT);
    *ret_whole = slice_of(replay->control, n);
    return OK;
}

err_t log_replay_next(struct log_replay *replay, struct log_batch *ret_batch)
{
    struct batch_header header;
    int64_t at = 0;
    err_t err = walk_next(&replay->walk, &header, &at);
    while (err == ERR_NOT_FOUND && replay->segment + 1 < replay->log->count) {
        TRY(replay_enter(replay, replay->segment + 1));
        err = walk_next(&replay->walk, &header, &at);
    }
    ENSURE(err != ERR_RANGE, ERR_CORRUPT);
    TRY(err_as_rot(err));
    ret_batch->facts = batch_facts(&header);
    /* A log that was closed cleanly is not scanned when it is opened: this is where rot in it shows. */
    ENSURE(ret_batch->facts.base_offset >= replay->next, ERR_CORRUPT);
    bool follows = replay->log->config.gaps || replay->next == 0 ||
                   ret_batch->facts.base_offset == replay->next;
    ENSURE(follows, ERR_CORRUPT);
    ENSURE(ret_batch->facts.last_offset < replay->log->end, ERR_CORRUPT);
    TRY(err_as_rot(walk_check_crc(&replay->walk, replay->log->config.crc, &header, at)));
    replay->next = ret_batch->facts.last_offset + 1;
    return replay_control(replay, &ret_batch->facts, at, &ret_batch->whole);
}

void log_replay_close(struct log_replay *replay)
{
    const struct memory_source *source = replay->log->source;
    log_file_drop(&replay->file);
    source->give(source->ctx, replay, sizeof(*replay));
}
