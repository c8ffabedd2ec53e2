/*
 * A shard is read from its partition, as a consumer reads it: below the high watermark only, so that it waits by itself until
 * everything that was in the log at the beginning is committed. One chunk after the other: fetched here, read by the pool,
 * replayed here.
 */
#include "broker/coord/coord_internal.h"

static void load_go(struct coord_shard *shard);

static const struct trace *trace_of(const struct coord_shard *shard)
{
    return shard->coords->config.trace;
}

/* ---- ending ---- */

static void loader_clear(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    const struct memory_source *source = memory_source(shard->coords->config.host);
    assert(!loader->reading && !loader->warming);
    fetch_part_clear(&loader->part);
    if (loader->partition != NULL) {
        partition_drop(loader->partition);
    }
    if (loader->chunk != NULL) {
        source->give(source->ctx, loader->chunk, loader->chunk_bytes);
    }
    timer_cancel(shard->home, &shard->again);
    *loader = (struct loader){0};
}

/* true: it is gone. false: something of it is under way, which looks again when it ends. */
static bool loader_cancel(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    if (!loader->on) {
        return true;
    }
    loader->cancelled = true;
    if (loader->reading || loader->warming) {
        return false;
    }
    loader_clear(shard);
    return true;
}

static void load_again(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    loader->pause_us = loader->pause_us == 0 ? LOAD_AGAIN_US : 2 * loader->pause_us;
    loader->pause_us = min_i64(loader->pause_us, LOAD_AGAIN_MAX_US);
    timer_arm(shard->home, &shard->again, loop_now_us(shard->home) + loader->pause_us);
}

static void load_done(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    time_us took_us = clock_mono_us(shard->coords->config.host) - loader->started_us;
    shard_enter(shard);
    bool begun = shard->state == SHARD_LOADING && shard->wanted && !shard->stopping &&
                 shard->wanted_epoch == loader->epoch;
    uint32_t groups = begun ? shard->core.groups.count : 0;
    if (begun) {
        shard_begin(shard, loader->partition);
    } else {
        shard_look(shard);
    }
    uint64_t records = loader->records;
    shard_leave(shard);
    loader_clear(shard);
    if (begun && records > 0) {
        trace_log(trace_of(shard), TRACE_INFO, TRACE_COORD,
                  GROUPS_TOPIC "-%d: coordinating %u groups, read from %llu records in %lld ms.",
                  shard->index, groups, (unsigned long long)records, (long long)(took_us / 1000));
    }
}

/* The log cannot be understood: nothing is answered from it. */
static void load_failed(struct coord_shard *shard, err_t err)
{
    trace_log(trace_of(shard), TRACE_ERROR, TRACE_COORD,
              GROUPS_TOPIC
              "-%d: cannot be read at offset %lld: %s; its groups have no coordinator. "
              "DumpLogSegments --offsets-decoder shows what is there.",
              shard->index, (long long)shard->loader.offset, err_text(err));
    shard->loader.pause_us = LOAD_AGAIN_MAX_US;
    load_again(shard);
}

/* ---- one chunk ---- */

static void read_work(struct disk_job *job)
{
    struct loader *loader = CONTAINER_OF(job, struct loader, job);
    const struct kmsg_records *records = &loader->part.records;
    size_t n = 0;
    loader->read_err = disk_read(records->file, records->at, loader->chunk, records->n, &n);
    if (loader->read_err == OK && n < records->n) {
        loader->read_err = ERR_TRUNCATED; /* cut meanwhile: the epoch is over, which will be seen */
    }
}

static void read_done(struct disk_job *job)
{
    struct loader *loader = CONTAINER_OF(job, struct loader, job);
    struct coord_shard *shard = CONTAINER_OF(loader, struct coord_shard, loader);
    loader->reading = false;
    if (loader->cancelled) {
        loader_clear(shard);
        shard_on_look(&shard->look_mail);
        return;
    }
    size_t n = loader->part.records.n;
    fetch_part_clear(&loader->part);
    loader->part = (struct fetch_part){0};
    if (loader->read_err != OK) {
        load_again(shard);
        return;
    }
    loader->pause_us = 0;
    err_t err = records_replay(shard, slice_of(loader->chunk, n), &loader->offset,
                               &loader->records);
    if (err != OK) {
        load_failed(shard, err);
        return;
    }
    load_go(shard);
}

static void read_chunk(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    const struct memory_source *source = memory_source(shard->coords->config.host);
    size_t n = loader->part.records.n;
    if (n > loader->chunk_bytes) {
        if (loader->chunk != NULL) {
            source->give(source->ctx, loader->chunk, loader->chunk_bytes);
        }
        loader->chunk_bytes = n > LOAD_CHUNK_BYTES ? n : LOAD_CHUNK_BYTES;
        loader->chunk = source->take(source->ctx, loader->chunk_bytes);
    }
    if (loader->chunk == NULL) {
        loader->chunk_bytes = 0;
        load_again(shard);
        return;
    }
    loader->reading = true;
    loader->job.work = read_work;
    loader->job.done = read_done;
    disk_submit(shard->home, &loader->job);
}

static void on_warm(struct mail *mail)
{
    struct fetch_wait *wait = CONTAINER_OF(mail, struct fetch_wait, mail);
    struct loader *loader = CONTAINER_OF(wait, struct loader, wait);
    struct coord_shard *shard = CONTAINER_OF(loader, struct coord_shard, loader);
    fetch_wait_again(wait);
    loader->warming = !fetch_wait_idle(wait);
    if (loader->warming) {
        return;
    }
    if (loader->cancelled) {
        loader_clear(shard);
        shard_on_look(&shard->look_mail);
        return;
    }
    load_go(shard);
}

static void fetch_chunk(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    struct fetch_part *part = &loader->part;
    part->replica_id = -1;
    part->current_leader_epoch = loader->epoch;
    part->fetch_offset = loader->offset;
    part->last_fetched_epoch = -1;
    part->durable_offset = -1;
    part->high_watermark = INT64_MAX;
    partition_fetch(loader->partition, part, LOAD_CHUNK_BYTES, true);
    if (part->error == KAFKA_OFFSET_OUT_OF_RANGE) {
        loader->begun = false; /* the log's start moved */
        load_again(shard);
    } else if (part->error == KAFKA_NONE && part->cold) {
        loader->warming = true;
        fetch_wait_init(&loader->wait, shard->home, on_warm);
        partition_warm(loader->partition, part, &loader->wait);
    } else if (part->error == KAFKA_NONE && part->records.file != NULL && part->records.n > 0) {
        read_chunk(shard);
    } else {
        load_again(shard);
    }
}

static void load_go(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    struct partition_facts facts;
    assert(loader->on && !loader->cancelled && !loader->reading && !loader->warming);
    if (loader->partition == NULL) {
        loader->partition = partitions_find(shard->coords->config.partitions, shard->topic,
                                            shard->index);
    }
    if (loader->partition == NULL) {
        load_again(shard);
        return;
    }
    partition_facts(loader->partition, &facts);
    if (!facts.online || !facts.leader || facts.leader_epoch != loader->epoch) {
        load_again(shard); /* its view of the image is on the way, or ours of the next one */
        return;
    }
    if (!loader->begun) {
        loader->begun = true;
        loader->offset = facts.log_start;
        loader->end = facts.log_end;
    }
    int64_t end = MUTANT(82) ? facts.high_watermark : loader->end;
    if ((loader->offset >= end && facts.high_watermark >= end) || MUTANT(80)) {
        load_done(shard);
    } else {
        fetch_chunk(shard);
    }
}

/* ---- what is wanted ---- */

/* Inside. */
static void load_begin(struct coord_shard *shard)
{
    struct coords *coords = shard->coords;
    const struct memory_source *source = memory_source(coords->config.host);
    struct group_config config = coords->config.group;
    assert(!shard->core_up && !shard->loader.on);
    shard->state = SHARD_LOADING;
    shard->epoch = shard->wanted_epoch;
    config.seed ^= (uint64_t)shard->index << 32 ^ (uint64_t)shard->load ^
                   (uint64_t)clock_mono_us(coords->config.host);
    heap_init(&shard->heap, source, SHARD_HEAP_MAX);
    group_shard_init(&shard->core, &config, &shard->heap, source);
    shard->core_up = true;
    shard->loader = (struct loader){
        .on = true,
        .epoch = shard->epoch,
        .started_us = clock_mono_us(coords->config.host),
    };
}

/* Inside: what does not fit what is wanted goes. */
static void drop_unwanted(struct coord_shard *shard)
{
    bool wanted = (shard->wanted || MUTANT(130)) && !shard->stopping;
    bool other = shard->state != SHARD_RESTING && shard->epoch != shard->wanted_epoch;
    if (shard->state != SHARD_IDLE && (!wanted || other)) {
        shard_drop(shard, SHARD_IDLE, KAFKA_NOT_COORDINATOR);
        shard->look_due = false;
    }
}

void shard_on_look(struct mail *mail)
{
    struct coord_shard *shard = CONTAINER_OF(mail, struct coord_shard, look_mail);
    shard_enter(shard);
    shard->look_posted = false;
    drop_unwanted(shard);
    bool cancel = shard->state == SHARD_IDLE || shard->state == SHARD_RESTING;
    shard_leave(shard);
    if (cancel && !loader_cancel(shard)) {
        return; /* it looks again when it has ended */
    }
    shard_enter(shard);
    bool idle = shard->state == SHARD_IDLE && !shard->loader.on;
    bool begins = idle && shard->wanted && !shard->stopping;
    bool rests = shard->state == SHARD_RESTING;
    bool stopped = idle && shard->stopping && !shard->stop_told;
    shard->stop_told = shard->stop_told || stopped;
    if (begins) {
        load_begin(shard);
    }
    shard_leave(shard);
    if (begins) {
        load_go(shard);
    } else if (rests && !timer_armed(&shard->again)) {
        timer_arm(shard->home, &shard->again, loop_now_us(shard->home) + REST_US);
    }
    if (stopped) {
        timer_cancel(shard->home, &shard->tick);
        timer_cancel(shard->home, &shard->again);
        loop_post(shard->coords->config.control, &shard->stopped_mail);
    }
}

void shard_on_again(struct timer *timer)
{
    struct coord_shard *shard = CONTAINER_OF(timer, struct coord_shard, again);
    if (shard->loader.on) {
        load_go(shard);
        return;
    }
    shard_enter(shard);
    if (shard->state == SHARD_RESTING) {
        shard->state = SHARD_IDLE;
    }
    shard_look(shard);
    shard_leave(shard);
}
