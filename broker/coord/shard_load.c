/*
 * A shard is read from its partition, as a consumer reads it: below the high watermark only. One chunk after the other: fetched
 * here, read by the pool, replayed here. A leader reads to the end that the log had when its leadership was seen, and so waits by
 * itself until everything that was there is committed. A follower (KIP-392: consumers may read there) goes on for ever, at
 * leisure; when it comes to lead, it has the tail left to read.
 *
 * Why what was kept may be used: committed records do not change, and the core is a function of them in their order. Where they
 * do change nevertheless (an unclean election, a log begun anew, one gone offline), the partition counts a rewind, or its start
 * has moved, and the core is thrown away. Both are looked at under the partition's lock before each chunk and before the end, so
 * that nothing read across a cut is ever used.
 */
#include "broker/coord/coord_internal.h"

static const struct trace *trace_of(const struct coord_shard *shard)
{
    return shard->coords->config.trace;
}

/* ---- ending ---- */

static void chunk_give(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    const struct memory_source *source = memory_source(shard->coords->config.host);
    if (loader->chunk != NULL) {
        source->give(source->ctx, loader->chunk, loader->chunk_bytes);
    }
    loader->chunk = NULL;
    loader->chunk_bytes = 0;
}

static void loader_clear(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    assert(!loader->reading && !loader->warming && !loader->watching);
    fetch_part_clear(&loader->part);
    if (loader->partition != NULL) {
        partition_drop(loader->partition);
    }
    chunk_give(shard);
    timer_cancel(shard->home, &shard->again);
    *loader = (struct loader){0};
}

/* No news is waited for. false: a letter is on its way, which goes on. */
static bool watch_end(struct loader *loader)
{
    if (loader->watching) {
        partition_unwatch(&loader->part);
        loader->watching = !fetch_wait_idle(&loader->wait);
    }
    return !loader->watching;
}

bool load_cancel(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    if (!loader->on) {
        return true;
    }
    loader->cancelled = true;
    if (loader->reading || loader->warming || !watch_end(loader)) {
        return false;
    }
    loader_clear(shard);
    return true;
}

static void load_later(struct coord_shard *shard, time_us pause_us)
{
    timer_arm(shard->home, &shard->again, loop_now_us(shard->home) + pause_us);
}

static void load_again(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    loader->pause_us = loader->pause_us == 0 ? LOAD_AGAIN_US : 2 * loader->pause_us;
    loader->pause_us = min_i64(loader->pause_us, LOAD_AGAIN_MAX_US);
    load_later(shard, loader->pause_us);
}

/* What the core holds is not the log any more, or cannot become it. */
static void load_anew(struct coord_shard *shard)
{
    bool follows = shard->loader.follows;
    shard_enter(shard);
    assert(shard->state == (follows ? SHARD_FOLLOWING : SHARD_LOADING));
    shard_drop(shard, follows ? SHARD_IDLE : SHARD_RESTING, KAFKA_NOT_COORDINATOR);
    shard->follow_rests = follows;
    shard_leave(shard);
    loader_clear(shard);
    load_later(shard, follows ? FOLLOW_AGAIN_US : REST_US);
}

/* Inside. Of what was deleted later it will be told: it is ACTIVE by then. */
static bool may_begin(const struct coord_shard *shard, const struct gone_topics *gone)
{
    return shard->state == SHARD_LOADING && shard->wanted && !shard->stopping &&
           shard->wanted_epoch == shard->loader.epoch &&
           gone->number == atomic_load(&shard->coords->gone_number);
}

static void load_end(struct coord_shard *shard, const struct gone_topics *gone)
{
    struct loader *loader = &shard->loader;
    time_us took_us = clock_mono_us(shard->coords->config.host) - loader->started_us;
    struct partition_settings settings;
    partition_settings_now(loader->partition, &settings);
    shard_enter(shard);
    if (!may_begin(shard, gone)) {
        shard_look(shard); /* which says what it is for */
        shard_leave(shard);
        load_again(shard);
        return;
    }
    uint32_t groups = shard->core.groups.count;
    uint64_t records = loader->records, kept = loader->kept;
    shard->load_read = records;
    shard->load_kept = kept;
    shard->load_us = took_us;
    shard->core.config.write_bytes_max = (uint32_t)settings.message_bytes_max;
    shard_begin(shard, loader->partition, gone);
    shard_leave(shard);
    loader_clear(shard);
    if (records + kept > 0) {
        trace_log(trace_of(shard), TRACE_INFO, TRACE_COORD,
                  GROUPS_TOPIC "-%d: coordinating %u groups, read from %llu records in %lld ms; "
                               "%llu more were known from following.",
                  shard->index, groups, (unsigned long long)records, (long long)(took_us / 1000),
                  (unsigned long long)kept);
    }
}

static void load_done(struct coord_shard *shard)
{
    const struct memory_source *source = memory_source(shard->coords->config.host);
    struct gone_topics *gone = source->take(source->ctx, sizeof(*gone));
    if (gone == NULL) {
        load_again(shard);
        return;
    }
    gone_copy(shard->coords, gone);
    load_end(shard, gone);
    source->give(source->ctx, gone, sizeof(*gone));
}

/* The log cannot be understood: nothing is answered from it. */
static void load_failed(struct coord_shard *shard, err_t err)
{
    struct loader *loader = &shard->loader;
    if (loader->follows || err == ERR_NO_MEMORY) {
        trace_log(trace_of(shard), TRACE_WARN, TRACE_COORD,
                  GROUPS_TOPIC "-%d: what was read up to offset %lld is given up: %s.",
                  shard->index, (long long)loader->offset, err_text(err));
        load_anew(shard);
        return;
    }
    trace_log(trace_of(shard), TRACE_ERROR, TRACE_COORD,
              GROUPS_TOPIC
              "-%d: cannot be read at offset %lld: %s; its groups have no coordinator. "
              "DumpLogSegments --offsets-decoder shows what is there.",
              shard->index, (long long)loader->offset, err_text(err));
    loader->pause_us = LOAD_AGAIN_MAX_US;
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
    time_us began_us = clock_mono_us(shard->coords->config.host);
    err_t err = records_replay(shard, slice_of(loader->chunk, n), &loader->offset,
                               &loader->records);
    if (err != OK) {
        load_failed(shard, err);
    } else if (loader->follows) {
        time_us share = n >= FOLLOW_CHUNK_BYTES / 2 ? FOLLOW_HASTE_SHARE : FOLLOW_REST_SHARE;
        time_us rest_us = share * (clock_mono_us(shard->coords->config.host) - began_us);
        load_later(shard, max_i64(FOLLOW_REST_MIN_US, min_i64(rest_us, FOLLOW_REST_MAX_US)));
    } else {
        load_go(shard);
    }
}

static void read_chunk(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    const struct memory_source *source = memory_source(shard->coords->config.host);
    size_t n = loader->part.records.n;
    if (n > loader->chunk_bytes) {
        chunk_give(shard);
        loader->chunk_bytes = loader->follows || n > LOAD_CHUNK_BYTES ? n : LOAD_CHUNK_BYTES;
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

static void on_wait(struct mail *mail)
{
    struct fetch_wait *wait = CONTAINER_OF(mail, struct fetch_wait, mail);
    struct loader *loader = CONTAINER_OF(wait, struct loader, wait);
    struct coord_shard *shard = CONTAINER_OF(loader, struct coord_shard, loader);
    bool news = loader->watching;
    fetch_wait_again(wait);
    assert(loader->warming != loader->watching);
    if (news) {
        partition_unwatch(&loader->part);
    }
    if (!fetch_wait_idle(wait)) {
        return;
    }
    loader->warming = false;
    loader->watching = false;
    if (loader->cancelled) {
        loader_clear(shard);
        shard_on_look(&shard->look_mail);
    } else if (news && loader->follows) {
        load_later(shard, FOLLOW_NEWS_US);
    } else {
        load_go(shard);
    }
}

/* All that is committed has been read. Where that reaches the end, compaction took what lay last. */
static void no_records(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    if (!loader->follows && loader->part.high_watermark_now >= loader->end &&
        loader->offset < loader->end) {
        loader->offset = loader->end;
        load_go(shard);
        return;
    }
    if (!loader->follows) {
        loader->pause_us = min_i64(loader->pause_us, LOAD_WATERMARK_US / 2);
        load_again(shard);
        return;
    }
    loader->pause_us = 0;
    chunk_give(shard);
    fetch_wait_init(&loader->wait, shard->home, on_wait);
    loader->watching = partition_watch(loader->partition, &loader->part, &loader->wait);
    if (!loader->watching) {
        load_later(shard, FOLLOW_NEWS_US);
    }
}

static void fetch_chunk(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    struct fetch_part *part = &loader->part;
    part->replica_id = -1;
    part->current_leader_epoch = loader->epoch;
    part->any_replica = loader->follows;
    part->fetch_offset = loader->offset;
    part->last_fetched_epoch = -1;
    part->durable_offset = -1;
    part->bad_crc_offset = -1;
    part->producers_below = -1;
    part->high_watermark = INT64_MAX;
    partition_fetch(loader->partition, part,
                    loader->follows ? FOLLOW_CHUNK_BYTES : LOAD_CHUNK_BYTES, true);
    if (part->error == KAFKA_OFFSET_OUT_OF_RANGE) {
        load_anew(shard);
    } else if (part->error == KAFKA_NONE && part->cold) {
        loader->warming = true;
        fetch_wait_init(&loader->wait, shard->home, on_wait);
        partition_warm(loader->partition, part, &loader->wait);
    } else if (part->error == KAFKA_NONE && part->records.file != NULL && part->records.n > 0) {
        read_chunk(shard);
    } else if (part->error == KAFKA_NONE) {
        no_records(shard);
    } else {
        load_again(shard);
    }
}

/* The bounds of what is to be read; what was read before must still be the log. */
static bool look_again(struct loader *loader, const struct partition_facts *facts)
{
    if (!loader->begun) {
        loader->begun = true;
        loader->start = facts->log_start;
        loader->offset = facts->log_start;
        loader->rewinds = facts->rewinds;
    }
    if (facts->rewinds != loader->rewinds || facts->log_start != loader->start) {
        return false;
    }
    if (!loader->follows && !loader->bounded) {
        loader->bounded = true;
        loader->end = facts->log_end;
    }
    assert(loader->offset >= loader->start);
    return true;
}

static bool is_done(const struct loader *loader, const struct partition_facts *facts)
{
    int64_t end = MUTANT(82) ? facts->high_watermark : loader->end;
    bool read = loader->offset >= end && facts->high_watermark >= end;
    return !loader->follows && (read || MUTANT(80));
}

/* Whoever drained when this load began may have a write of an earlier one in its hand, which shard_drop did not find: it would land
 * behind the end. Who drains later has none, for nothing is written before the shard is ACTIVE. */
static bool still_drained(struct coord_shard *shard)
{
    shard_enter(shard);
    shard->loader.drained = shard->draining;
    lock_leave(shard->lock);
    return shard->loader.drained;
}

void load_go(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    struct partition_facts facts;
    assert(loader->on && !loader->cancelled && !loader->reading && !loader->warming &&
           !loader->watching);
    if (loader->partition == NULL) {
        loader->partition = partitions_find(shard->coords->config.partitions, shard->topic,
                                            shard->index);
    }
    if (loader->partition == NULL) {
        load_again(shard);
        return;
    }
    if (!loader->follows && loader->drained && still_drained(shard)) {
        load_again(shard);
        return;
    }
    partition_facts(loader->partition, &facts);
    if (!facts.online && loader->begun) {
        load_anew(shard);
    } else if (!facts.online) {
        partition_drop(loader->partition); /* another one may come for it */
        loader->partition = NULL;
        load_again(shard);
    } else if (!loader->follows && (!facts.leader || facts.leader_epoch != loader->epoch)) {
        load_again(shard); /* its view of the image is on the way, or ours of the next one */
    } else if (!look_again(loader, &facts)) {
        load_anew(shard);
    } else if (is_done(loader, &facts)) {
        load_done(shard);
    } else {
        fetch_chunk(shard);
    }
}

/* ---- beginnings ---- */

void load_begin(struct coord_shard *shard, bool follows)
{
    struct coords *coords = shard->coords;
    struct group_config config = coords->config.group;
    assert(!shard->core_up && !shard->loader.on && shard->memory.bytes == 0);
    shard->state = follows ? SHARD_FOLLOWING : SHARD_LOADING;
    shard->epoch = follows ? -1 : shard->wanted_epoch;
    config.seed ^= (uint64_t)shard->index << 32 ^ (uint64_t)shard->load ^
                   (uint64_t)clock_mono_us(coords->config.host);
    shard_memory_aim(&shard->memory, follows);
    heap_init(&shard->heap, &shard->memory.source, SHARD_HEAP_MAX);
    group_shard_init(&shard->core, &config, &shard->heap, &shard->memory.source);
    shard->core_up = true;
    shard->loader = (struct loader){
        .on = true,
        .follows = follows,
        .epoch = shard->epoch,
        .drained = shard->draining,
        .started_us = clock_mono_us(coords->config.host),
    };
}

bool load_aim(struct coord_shard *shard, bool follows)
{
    struct loader *loader = &shard->loader;
    int32_t epoch = follows ? -1 : shard->wanted_epoch;
    assert(shard->core_up && loader->on && !loader->cancelled);
    if (loader->follows == follows && loader->epoch == epoch) {
        return false;
    }
    shard->state = follows ? SHARD_FOLLOWING : SHARD_LOADING;
    shard->epoch = epoch;
    shard_memory_aim(&shard->memory, follows);
    loader->follows = follows;
    loader->epoch = epoch;
    loader->drained = shard->draining;
    loader->bounded = false;
    loader->kept += loader->records;
    loader->records = 0;
    loader->pause_us = 0;
    loader->started_us = clock_mono_us(shard->coords->config.host);
    return true;
}

void load_turn(struct coord_shard *shard)
{
    struct loader *loader = &shard->loader;
    assert(loader->on && !loader->cancelled);
    if (loader->reading || loader->warming || !watch_end(loader)) {
        return; /* it goes on from there */
    }
    timer_cancel(shard->home, &shard->again);
    load_go(shard);
}
