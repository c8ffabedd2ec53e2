/* Fetch: bounds from the core, a file range from the log; watches and warm-ups for what cannot be answered at once. */
#include "broker/partition/partition_internal.h"

/* Working memory of a warm-up, taken for its duration. */
#define WARM_LEAST_BYTES 4096
#define WARM_GOOD_BYTES  (64 << 10)
#define WARM_MOST_BYTES  (256 << 10)

static const uint8_t nothing[1];

static void records_clear(struct fetch_part *part)
{
    if (part->records.file != NULL && part->records.drop != NULL) {
        part->records.drop(part->records.owner);
    }
    part->records = (struct kmsg_records){.bytes = slice_of(nothing, 0)};
}

void fetch_part_clear(struct fetch_part *part)
{
    assert(!part->warming && !list_linked(&part->node));
    records_clear(part);
    if (part->warm) {
        log_range_release(&part->range);
        part->warm = false;
    }
}

static void refuse(struct fetch_part *part, enum kafka_error error)
{
    part->error = error;
    part->at_once = true;
    part->diverging_epoch = -1;
    part->diverging_end = -1;
    part->high_watermark_now = -1;
    part->last_stable_offset = -1;
    part->log_start = -1;
}

/* Inside. Where others are in sync one of them will lead soon, so that to ask again is right; else it is not (docs/RELIABILITY.md). */
static enum kafka_error rot_error(const struct partition *p, err_t err)
{
    bool others = p->state == PARTITION_OPEN && __builtin_popcount(p->core.isr) > 1;
    return others ? KAFKA_KAFKA_STORAGE_ERROR : kafka_error_of_log(err);
}

/* How soon the same partition is verified again on a follower's word. */
#define VERIFY_REST_MS 10000

/* Inside. A follower in good standing says that what we sent it is bad: we look at our own copy. */
static void suspect_batch(struct partition *p, int64_t offset)
{
    time_ms now = partitions_now_ms(p->table);
    bool here = p->core.role == REPLICA_LEADER && offset >= log_start(p->log) &&
                offset < log_end(p->log);
    if (here && now >= p->verify_after_ms) {
        p->verify_after_ms = now + VERIFY_REST_MS;
        p->verify_offset = offset;
        partition_chore(p, CHORE_VERIFY);
    }
}

static void judge(struct partition *p, struct fetch_part *part, struct replica_read *read)
{
    if (part->replica_id >= 0 && !part->judged) {
        struct step step = {.event = {.kind = REPLICA_FOLLOWER_FETCH}};
        step.event.follower_fetch = (struct replica_follower_fetch){
            .replica_id = part->replica_id,
            .broker_epoch = part->broker_epoch,
            .current_leader_epoch = part->current_leader_epoch,
            .fetch_offset = part->fetch_offset,
            .last_fetched_epoch = part->last_fetched_epoch,
            .durable_offset = part->durable_offset,
            .high_watermark = part->high_watermark,
            .log_start = part->follower_log_start,
            .asks_producers = part->producers_below >= 0,
        };
        partition_step(p, &step);
        part->judged = true;
        *read = step.read;
        if (read->error == KAFKA_NONE && part->bad_crc_offset >= 0 && p->state == PARTITION_OPEN) {
            suspect_batch(p, part->bad_crc_offset);
        }
        return;
    }
    struct replica_read_request request = {
        .replica_id = part->replica_id,
        .current_leader_epoch = part->current_leader_epoch,
        .fetch_offset = part->fetch_offset,
        .last_fetched_epoch = part->last_fetched_epoch,
        .high_watermark = part->replica_id >= 0 ? part->high_watermark : HIGH_WATERMARK_UNTOLD,
        .log_start = part->replica_id >= 0 ? part->follower_log_start : -1,
        .any_replica = part->replica_id < 0 && part->any_replica,
    };
    (void)replica_read(&p->core, &request, read); /* read->error says it too */
}

static void take_range(struct fetch_part *part, struct log_range *range)
{
    if (range->bytes == 0) {
        log_range_release(range);
        return;
    }
    part->records = (struct kmsg_records){.file = log_range_disk_file(range),
                                          .at = range->at,
                                          .n = range->bytes,
                                          .drop = log_file_release,
                                          .owner = range->file};
    range->file = NULL; /* the reference went along */
    log_range_release(range);
}

/* What was warmed is served if it still is what is asked for. */
static bool take_warm(struct fetch_part *part, int64_t end)
{
    if (!part->warm) {
        return false;
    }
    part->warm = false;
    bool fits = part->range.bytes > 0 && part->range.base_offset <= part->fetch_offset &&
                part->range.end_offset > part->fetch_offset && part->range.end_offset <= end;
    if (fits) {
        take_range(part, &part->range);
    } else {
        log_range_release(&part->range);
    }
    return fits;
}

static void read_records(struct partition *p, struct fetch_part *part, int64_t end,
                         size_t bytes_max, bool first_whole)
{
    if (part->fetch_offset >= end || (bytes_max == 0 && !first_whole) || take_warm(part, end)) {
        return;
    }
    struct log_range range;
    err_t err = log_read(p->log, part->fetch_offset, end, bytes_max, first_whole, LOG_READ_HOT,
                         &range);
    if (err_is_unreadable(err)) {
        partition_rot(p, part->fetch_offset, err);
        refuse(part, rot_error(p, err));
        return;
    }
    if (err != OK) {
        trace_log(p->table->config.trace, TRACE_ERROR, TRACE_PARTITION,
                  "%s-%d: cannot read at %lld: %s.", p->name, p->index,
                  (long long)part->fetch_offset, err_text(err));
        refuse(part, kafka_error_of_log(err));
        return;
    }
    if (range.cold) {
        part->cold = true;
        part->range = range;
        part->warm = true; /* ours to release, or to be warmed */
        return;
    }
    take_range(part, &range);
}

void partition_fetch(struct partition *p, struct fetch_part *part, size_t bytes_max,
                     bool first_whole)
{
    assert(!part->warming && !list_linked(&part->node));
    records_clear(part);
    if (part->cold && part->warm) { /* it was told to be cold and nobody warmed it */
        log_range_release(&part->range);
        part->warm = false;
    }
    part->cold = false;
    part->woken = false;
    part->at_once = false;
    part->producers = (struct slice){0};
    partition_enter(p);
    if (p->state != PARTITION_OPEN) {
        refuse(part, partition_closed_error(p));
    } else if (part->fault != OK) { /* what was found when it was warmed */
        refuse(part, rot_error(p, part->fault));
    } else {
        struct replica_read read;
        judge(p, part, &read);
        part->error = read.error;
        part->at_once = read.at_once;
        part->diverging_epoch = read.diverging_epoch;
        part->diverging_end = read.diverging_end;
        bool good = read.error == KAFKA_NONE;
        part->high_watermark_now = good ? read.high_watermark : -1;
        part->last_stable_offset = good ? read.last_stable_offset : -1;
        part->log_start = read.log_start;
        good = good && read.diverging_epoch == NO_EPOCH && p->state == PARTITION_OPEN;
        if (good && part->replica_id >= 0 && part->producers_below >= 0) {
            /* And nothing else: it takes records when it has noted them. */
            partition_tell_producers(p, part, first_whole ? SIZE_MAX : bytes_max);
        } else if (good) {
            read_records(p, part, read.end, bytes_max, first_whole);
            p->read_end = part->replica_id >= 0 ? p->read_end : max_i64(p->read_end, read.end);
        }
    }
    part->fault = OK;
    part->seen = part->replica_id >= 0 ? p->follower_news : p->consumer_news;
    partition_leave(p);
}

bool partition_watch(struct partition *p, struct fetch_part *part, struct fetch_wait *wait)
{
    assert(!part->warming && !list_linked(&part->node));
    bool follower = part->replica_id >= 0;
    partition_enter(p);
    bool parked = part->seen == (follower ? p->follower_news : p->consumer_news);
    if (parked) {
        part->wait = wait;
        part->partition = p;
        list_push(follower ? &p->followers : &p->consumers, &part->node);
    }
    lock_leave(p->lock);
    return parked;
}

void partition_unwatch(struct fetch_part *part)
{
    struct partition *p = part->partition;
    if (p == NULL || part->warming) {
        return;
    }
    partition_enter(p);
    list_remove(&part->node);
    lock_leave(p->lock);
    part->partition = NULL;
}

/* ---- cold ranges ---- */

err_t partition_range_warm(struct partition *p, struct log_range *range, size_t scratch_bytes)
{
    const struct memory_source *memory = memory_source(p->table->host);
    uint8_t *scratch = memory->take(memory->ctx, scratch_bytes);
    err_t err = ERR_NO_MEMORY;
    for (int i = 0; i < 2 && scratch != NULL && (i == 0 || err_is_unreadable(err)); i++) {
        err = log_range_warm(range, p->table->config.crc, scratch, scratch_bytes);
    }
    if (scratch != NULL) {
        memory->give(memory->ctx, scratch, scratch_bytes);
    }
    partition_enter(p);
    if (p->log == NULL) {
        log_range_release(range);
        err = ERR_BUSY;
    } else {
        err = log_range_warmed(p->log, range, err);
    }
    lock_leave(p->lock);
    return err;
}

/* No more than there is to read. */
static size_t warm_bytes(const struct log_range *range)
{
    int64_t bytes = min_i64((int64_t)range->search.bytes_max, WARM_MOST_BYTES);
    bytes = min_i64(max_i64(bytes, WARM_GOOD_BYTES), range->search.segment_bytes);
    return (size_t)max_i64(bytes, WARM_LEAST_BYTES);
}

static void warm_work(struct disk_job *job)
{
    struct fetch_part *part = CONTAINER_OF(job, struct fetch_part, job);
    struct partition *p = part->partition;
    err_t err = partition_range_warm(p, &part->range, warm_bytes(&part->range));
    part->warm = err == OK;
    if (err_is_unreadable(err)) {
        part->fault = err;
        partition_enter(p);
        partition_rot(p, part->fetch_offset, err);
        partition_leave(p);
    }
}

static void warm_done(struct disk_job *job)
{
    struct fetch_part *part = CONTAINER_OF(job, struct fetch_part, job);
    struct partition *p = part->partition;
    struct fetch_wait *wait = part->wait;
    part->warming = false;
    part->cold = false;
    part->partition = NULL;
    part->woken = true;
    assert(wait->jobs > 0);
    wait->jobs--;
    if (!atomic_exchange(&wait->told, true)) {
        loop_post(wait->loop, &wait->mail);
    }
    partition_drop(p);
}

void partition_warm(struct partition *p, struct fetch_part *part, struct fetch_wait *wait)
{
    assert(part->cold && part->warm && !part->warming && !list_linked(&part->node));
    partition_hold(p);
    part->partition = p;
    part->wait = wait;
    part->warming = true;
    part->job.work = warm_work;
    part->job.done = warm_done;
    wait->jobs++;
    disk_submit(wait->loop, &part->job);
}
