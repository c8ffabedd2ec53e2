/* Offsets by meaning, by time, by epoch. Times are looked up on the pool: a batch is read, and decompressed, for each. */
#include "broker/partition/partition_internal.h"

#include "common/codec/codec.h"
#include "common/wire/record_batch_scan.h"

#define LOOKUP_SCRATCH_BYTES ((size_t)64 << 10)
#define LOOKUP_TRIES         5
#define DECODER_HEAP_MAX     ((size_t)512 << 20)

enum kafka_error kafka_error_of_log(err_t err)
{
    switch (err) {
    case OK: return KAFKA_NONE;
    case ERR_RANGE: return KAFKA_OFFSET_OUT_OF_RANGE;
    case ERR_CORRUPT: return KAFKA_CORRUPT_MESSAGE;
    default: return KAFKA_KAFKA_STORAGE_ERROR;
    }
}

enum kafka_error partition_epoch_end(struct partition *p, int32_t current_leader_epoch,
                                     int32_t epoch, int32_t *ret_epoch, int64_t *ret_end)
{
    *ret_epoch = NO_EPOCH;
    *ret_end = NO_OFFSET;
    partition_enter(p);
    enum kafka_error error = partition_closed_error(p);
    if (error == KAFKA_NONE) {
        error = replica_epoch_end(&p->core, current_leader_epoch, epoch, ret_epoch, ret_end);
    }
    lock_leave(p->lock);
    return error;
}

enum kafka_error partition_delete_records(struct partition *p, int64_t offset, int64_t *ret_offset)
{
    partition_enter(p);
    enum kafka_error error = partition_closed_error(p);
    if (error == KAFKA_NONE) {
        error = replica_check_leader(&p->core, NO_EPOCH);
    }
    if (error == KAFKA_NONE && p->rebuilding) {
        error =
            KAFKA_NOT_LEADER_OR_FOLLOWER; /* what is to be read must stay, as for who produces */
    }
    int64_t to = offset == OFFSET_HIGH_WATERMARK ? p->core.high_watermark : offset;
    if (error == KAFKA_NONE && !p->settings.deleted) {
        error = KAFKA_POLICY_VIOLATION;
    } else if (error == KAFKA_NONE && (to < 0 || to > p->core.high_watermark)) {
        error = KAFKA_OFFSET_OUT_OF_RANGE;
    }
    if (error == KAFKA_NONE && to > p->core.log_start) {
        log_set_start(p->log, to);
        struct step step = {.event = {.kind = REPLICA_LOG_START}};
        step.event.log_start = to;
        partition_step(p, &step);
        partition_chore(p, CHORE_START);
        trace_log(p->table->config.trace, TRACE_INFO, TRACE_PARTITION,
                  "%s-%d: begins at %lld now: a client has deleted its records.", p->name, p->index,
                  (long long)to);
    }
    partition_leave(p);
    *ret_offset = to;
    return error;
}

enum kafka_error partition_low_watermark(struct partition *p, struct fetch_part *part,
                                         int64_t *ret_low)
{
    assert(part->replica_id < 0 && !list_linked(&part->node));
    *ret_low = NO_OFFSET;
    partition_enter(p);
    enum kafka_error error = partition_closed_error(p);
    if (error == KAFKA_NONE) {
        error = replica_check_leader(&p->core, NO_EPOCH);
    }
    if (error == KAFKA_NONE) {
        *ret_low = replica_low_watermark(&p->core);
    }
    part->woken = false;
    part->seen = p->consumer_news;
    lock_leave(p->lock);
    return error;
}

/* ---- the record in a batch ---- */

struct sought {
    int64_t
        timestamp; /* the first record at or behind it; OFFSET_MAX_TIMESTAMP: the first with the largest */
    int64_t offset; /* -1: none yet */
    int64_t found;
};

static void look(struct sought *sought, int64_t offset, int64_t timestamp)
{
    if (sought->timestamp == OFFSET_MAX_TIMESTAMP) {
        if (sought->offset < 0 || timestamp > sought->found) {
            sought->offset = offset;
            sought->found = timestamp;
        }
    } else if (sought->offset < 0 && timestamp >= sought->timestamp) {
        sought->offset = offset;
        sought->found = timestamp;
    }
}

static err_t scan_batch(struct heap *heap, const struct batch_header *header, struct slice batch,
                        struct sought *sought)
{
    struct decoder decoder;
    struct record_scan scan;
    struct slice piece;
    const struct record_facts *record;
    bool append_time = (header->attributes & BATCH_LOG_APPEND_TIME) != 0;
    struct slice body = slice_of(batch.p + BATCH_HEADER_BYTES,
                                 batch_bytes(header) - BATCH_HEADER_BYTES);
    decoder_init(&decoder, heap);
    record_scan_init(&scan, header);
    err_t err = OK;
    decoder_open(&decoder, batch_compression(header), body);
    while (err == OK && scan.seen < header->records) {
        err = decoder_pull(&decoder, &piece);
        if (err == OK && piece.n == 0) {
            err = ERR_MALFORMED; /* fewer records than announced */
        }
        record = NULL;
        do {
            err = err == OK ? record_scan_step(&scan, &piece, &record) : err;
            if (err == OK && record != NULL) {
                look(sought, header->base_offset + record->offset_delta,
                     append_time ? header->max_timestamp : record->timestamp);
            }
        } while (err == OK && record != NULL);
    }
    decoder_release(&decoder);
    return err;
}

static err_t find_in_range(struct partition *p, const struct log_range *range,
                           struct sought *sought)
{
    const struct memory_source *memory = memory_source(p->table->host);
    struct heap heap;
    struct batch_header header;
    size_t n = 0;
    heap_init(&heap, memory, DECODER_HEAP_MAX);
    uint8_t *bytes = heap_alloc(&heap, range->bytes);
    err_t err = bytes == NULL ? ERR_NO_MEMORY : log_range_read(range, bytes, &n);
    if (err == OK) {
        err = batch_check(p->table->config.crc, slice_of(bytes, n), &header);
    }
    if (err == OK) {
        err = scan_batch(&heap, &header, slice_of(bytes, n), sought);
    }
    heap_release(&heap);
    return err == ERR_TRUNCATED ? ERR_BUSY : err; /* the file was cut under us */
}

/* One look into the log; *ret_range is warm and ours, or empty. ERR_BUSY: look again. */
static err_t find_batch(struct partition *p, const struct offset_question *q,
                        struct log_range *ret_range, enum kafka_error *ret_error)
{
    memset(ret_range, 0, sizeof(*ret_range));
    partition_enter(p);
    *ret_error = partition_closed_error(p);
    if (*ret_error == KAFKA_NONE) {
        *ret_error = replica_check_leader(&p->core, q->current_leader_epoch);
    }
    err_t err = OK;
    if (*ret_error == KAFKA_NONE) {
        int64_t limit = p->core.high_watermark;
        err = q->timestamp_ms == OFFSET_MAX_TIMESTAMP
                  ? log_find_max_timestamp(p->log, limit, LOG_READ_HOT, ret_range)
                  : log_find_timestamp(p->log, q->timestamp_ms, limit, LOG_READ_HOT, ret_range);
    }
    lock_leave(p->lock);
    bool cold = err == OK && ret_range->cold;
    return cold ? partition_range_warm(p, ret_range, LOOKUP_SCRATCH_BYTES) : err;
}

static void lookup_work(struct disk_job *job)
{
    struct offset_question *q = CONTAINER_OF(job, struct offset_question, job);
    struct partition *p = q->partition;
    struct sought sought = {.timestamp = q->timestamp_ms, .offset = -1, .found = -1};
    err_t err = ERR_BUSY;
    for (int i = 0; i < LOOKUP_TRIES && err == ERR_BUSY; i++) {
        struct log_range range;
        err = find_batch(p, q, &range, &q->error);
        if (err == OK && q->error == KAFKA_NONE && range.bytes > 0) {
            err = find_in_range(p, &range, &sought);
            log_range_release(&range);
        }
    }
    if (err_is_unreadable(err)) {
        partition_enter(p);
        partition_rot(p, LOG_OFFSET_NONE, err);
        partition_leave(p);
    }
    if (q->error == KAFKA_NONE) {
        q->error = err == ERR_BUSY ? KAFKA_REQUEST_TIMED_OUT : kafka_error_of_log(err);
    }
    if (q->error == KAFKA_NONE && sought.offset >= 0) {
        q->offset = sought.offset;
        q->found_timestamp_ms = sought.found;
        partition_enter(p);
        q->leader_epoch = p->state == PARTITION_OPEN ? replica_epoch_at(&p->core, sought.offset)
                                                     : -1;
        lock_leave(p->lock);
    }
}

static void lookup_done(struct disk_job *job)
{
    struct offset_question *q = CONTAINER_OF(job, struct offset_question, job);
    partition_drop(q->partition);
    q->mail.deliver(&q->mail); /* on its loop already */
}

static bool find_known(struct partition *p, struct offset_question *q)
{
    bool known = true;
    partition_enter(p);
    q->error = partition_closed_error(p);
    if (q->error == KAFKA_NONE) {
        q->error = replica_check_leader(&p->core, q->current_leader_epoch);
    }
    if (q->error == KAFKA_NONE) {
        switch (q->timestamp_ms) {
        case OFFSET_LATEST:
            q->error = replica_latest(&p->core, q->current_leader_epoch, &q->offset);
            break;
        case OFFSET_EARLIEST:
        case OFFSET_EARLIEST_LOCAL: q->offset = p->core.log_start; break;
        default: known = false; break;
        }
        if (known && q->error == KAFKA_NONE) {
            q->leader_epoch = q->timestamp_ms == OFFSET_LATEST
                                  ? p->core.view.leader_epoch
                                  : replica_epoch_at(&p->core, q->offset);
        }
    }
    lock_leave(p->lock);
    return known;
}

bool partition_find_offset(struct partition *p, struct offset_question *q)
{
    assert(q->loop != NULL && q->mail.deliver != NULL);
    q->offset = -1;
    q->found_timestamp_ms = -1;
    q->leader_epoch = -1;
    if (find_known(p, q)) {
        return true;
    }
    partition_hold(p);
    q->partition = p;
    q->job.work = lookup_work;
    q->job.done = lookup_done;
    disk_submit(q->loop, &q->job);
    return false;
}
