/*
 * Opening a partition on the pool: its log is recovered, then the core learns the log's facts. Nobody else has it before the
 * state is OPEN, so nothing here needs the monitor until then.
 *
 * What is behind the recovery point is replayed, so epochs and producers follow the recovered bytes and not a file that is
 * ahead of them: of the epoch checkpoint only what begins at or before that point is taken, of the producer snapshots only
 * those that lie there. Upkeep writes a recovery point only after the epoch file and the snapshots' trim are on disk.
 */
#include "broker/partition/partition_internal.h"

#include "common/log/epoch_checkpoint.h"
#include "common/log/partition_metadata.h"
#include "common/log/small_file.h"

#define OPEN_ARENA_CHUNK ((size_t)64 << 10)
#define OPEN_ARENA_MAX   ((size_t)1 << 30)

struct log_config partition_log_config(const struct partition *p)
{
    return (struct log_config){
        .segment_bytes = p->settings.segment_bytes,
        .segment_ms = p->settings.segment_ms,
        .segment_jitter_ms = p->settings.segment_jitter_ms,
        .index_interval_bytes = p->settings.index_interval_bytes,
        .index_bytes_max = p->settings.index_bytes_max,
        .gaps = p->settings.compacted,
        .whole_cuts = true,
        .crc = p->table->config.crc,
    };
}

bool partition_epoch_true(const struct partition *p, const struct batch_facts *facts)
{
    uint32_t count;
    const struct epoch_entry *entries = replica_epochs(&p->core, &count);
    assert(facts->last_offset >= facts->base_offset);
    if (count == 0 || facts->last_offset < entries[0].start_offset) {
        return count == 0 ||
               facts->leader_epoch <= entries[0].epoch; /* deleted, and here again after a crash */
    }
    return replica_epoch_at(&p->core, facts->last_offset) == facts->leader_epoch;
}

/* A step of the core that is loading: it has nothing to do for us but perhaps to halt. */
static bool feed(struct partition *p, struct replica_event *event)
{
    struct replica_actions actions;
    event->now = partitions_now_ms(p->table);
    replica_step(&p->core, event, &actions);
    assert(!actions.more);
    return p->core.role != REPLICA_STOPPED;
}

/* The epoch file, where there is one that begins with the log. (Records were deleted, and power went before the log's new start was
 * noted: then it begins behind, and is as good as none.) */
struct epoch_file {
    struct epoch_line *lines;
    size_t count;
};

static err_t feed_load(struct partition *p, struct arena *arena, int64_t proven,
                       struct epoch_file *ret_file)
{
    struct epoch_line *lines = NULL;
    size_t count = 0;
    err_t err = epoch_checkpoint_load(p->table->host, p->folder, arena, &lines, &count);
    ENSURE(err == OK || small_file_missing(err), err);
    bool whole = err == OK && count > 0 && lines[0].start_offset <= log_start(p->log);
    *ret_file = (struct epoch_file){lines, whole ? count : 0};
    struct epoch_entry *entries = arena_array(arena, ret_file->count, sizeof(*entries));
    ENSURE(entries != NULL, ERR_NO_MEMORY);
    struct replica_event event = {.kind = REPLICA_LOAD};
    event.load.log_start = log_start(p->log);
    event.load.log_end = log_end(p->log);
    event.load.high_watermark = p->known_high_watermark;
    event.load.epochs = entries;
    for (size_t i = 0; i < ret_file->count && lines[i].start_offset <= proven; i++) {
        entries[event.load.epoch_count++] = (struct epoch_entry){lines[i].epoch,
                                                                 lines[i].start_offset};
    }
    return feed(p, &event) ? OK : ERR_NO_MEMORY;
}

/* Where a snapshot for the log's start may stand. A start inside a batch that was not noted yet comes back as that batch's first
 * offset; who wrote what is deleted below is the same. */
static int64_t start_reach(struct partition *p)
{
    struct log_replay *replay;
    struct log_batch batch;
    int64_t start = log_start(p->log);
    if (start == 0 || start == log_end(p->log) || log_replay_open(p->log, start, &replay) != OK) {
        return start;
    }
    err_t err = log_replay_next(replay, &batch);
    log_replay_close(replay);
    return err == OK ? max_i64(start, batch.facts.last_offset) : start;
}

/* ret_known: one was there, so that what the log's records do not tell is known. */
static err_t feed_snapshot(struct partition *p, struct arena *arena, int64_t proven,
                           int64_t *ret_from, bool *ret_known)
{
    struct producer_line *lines = NULL;
    size_t count = 0;
    err_t err = producer_snapshot_load(p->table->host, p->table->config.crc, p->folder,
                                       log_start(p->log), proven, arena, &lines, &count, ret_from);
    if (err == ERR_NOT_FOUND) {
        *ret_from = log_start(p->log);
        return OK;
    }
    TRY(err);
    *ret_known = true;
    for (size_t i = 0; i < count; i++) {
        struct replica_event event = {.kind = REPLICA_PRODUCER};
        event.producer = producer_entry_of(&lines[i]);
        (void)feed(p, &event);
    }
    return OK;
}

/* Below `told` the epoch file tells the truth; elsewhere epochs follow the batches. */
static err_t feed_replay(struct partition *p, int64_t from, int64_t told)
{
    struct log_replay *replay;
    struct log_batch batch;
    TRY(log_replay_open(p->log, from, &replay));
    err_t err;
    while ((err = log_replay_next(replay, &batch)) == OK) {
        struct replica_event event = {.kind = REPLICA_REPLAY};
        event.replay = receipt_of(&batch.facts);
        if (batch.facts.last_offset < told && !partition_epoch_true(p, &batch.facts)) {
            err = ERR_CORRUPT;
            break;
        }
        if (!feed(p, &event)) {
            err = ERR_NO_MEMORY;
            break;
        }
    }
    log_replay_close(replay);
    return err == ERR_NOT_FOUND ? OK : err;
}

static bool file_tells(const struct partition *p, const struct epoch_file *file)
{
    uint32_t count;
    const struct epoch_entry *entries = replica_epochs(&p->core, &count);
    bool same = count == file->count;
    for (uint32_t i = 0; same && i < count; i++) {
        same = entries[i].epoch == file->lines[i].epoch &&
               entries[i].start_offset == file->lines[i].start_offset;
    }
    return same;
}

/* report.recovery_point: what the log itself believes, a truncation's note below the checkpoint included; a producer snapshot
 * above it may tell of batches that were cut. */
static err_t load_core(struct partition *p, const struct log_report *report, bool *ret_noted)
{
    struct arena arena;
    struct epoch_file file = {0};
    int64_t from = 0;
    bool known = false;
    int64_t proven = p->known.clean
                         ? log_end(p->log)
                         : min_i64(min_i64(p->known.recovery_point, report->recovery_point),
                                   log_end(p->log));
    arena_init(&arena, memory_source(p->table->host), OPEN_ARENA_CHUNK, OPEN_ARENA_MAX);
    err_t err = feed_load(p, &arena, proven, &file);
    bool epochs_known = err == OK && (file.count > 0 || log_end(p->log) == log_start(p->log));
    /* Without the epoch file the whole log tells its epochs; the producers come the same way, but for those below its start. */
    if (err == OK) {
        bool beyond = epochs_known && proven > log_start(p->log);
        int64_t newest = beyond ? proven : start_reach(p);
        err = feed_snapshot(p, &arena, newest, &from, &known);
    }
    from = max_i64(from, log_start(p->log));
    if (err == OK && from < log_end(p->log)) {
        err = feed_replay(p, from, file.count > 0 ? proven : 0);
    }
    *ret_noted = err == OK && file_tells(p, &file);
    arena_release(&arena);
    TRY(err);
    struct replica_event event = {.kind = REPLICA_LOADED};
    event.producers_missing = !known;
    return feed(p, &event) ? OK : ERR_NO_MEMORY;
}

static void tell_report(struct partition *p, const struct log_report *report)
{
    if (report->cut_bytes > 0) {
        trace_log(p->table->config.trace, report->rot_suspected ? TRACE_ERROR : TRACE_WARN,
                  TRACE_PARTITION,
                  "%s-%d: recovery cut %lld bytes behind offset %lld%s; the log ends at %lld.",
                  p->name, p->index, (long long)report->cut_bytes, (long long)report->bad_offset,
                  report->rot_suspected ? ", with whole batches behind the broken one (rot?)" : "",
                  (long long)log_end(p->log));
    }
}

static err_t open_log(struct partition *p, struct log_report *ret_report)
{
    *ret_report = (struct log_report){.bad_offset = LOG_OFFSET_NONE};
    partition_enter(p);
    struct log_config config = partition_log_config(p);
    p->known.renewed = atomic_load(&p->dir->gone) != atomic_load(&p->dir->gone_noted);
    lock_leave(p->lock);
    struct log *log = NULL;
    err_t err = ERR_CORRUPT;
    /* What a device gives wrong once it may give right when it is asked again. */
    for (int i = 0; i < 2 && err_is_unreadable(err); i++) {
        err = log_open(p->table->host, &p->heap, p->folder, &config, &p->known, &log, ret_report);
    }
    if (err == ERR_OFFLINE) {
        log_dir_note_failed_sync(p->dir);
    }
    if (err_is_unreadable(err)) {
        return err;
    }
    if (err != OK) {
        trace_log(
            p->table->config.trace, TRACE_ERROR, TRACE_PARTITION,
            "%s-%d: its log in %s does not open (%s, offset %lld); the replica stays offline.",
            p->name, p->index, p->folder, err_text(err), (long long)ret_report->bad_offset);
        return err;
    }
    partition_enter(p);
    p->log = log; /* others look whether it is there, inside the monitor */
    p->saved_start = log_start(log);
    p->told_start = max_i64(p->told_start, p->saved_start);
    p->start_due = false;
    p->epochs_due = false;
    p->openings++;
    p->known_high_watermark = ret_report->renewed ? log_start(log) : p->known_high_watermark;
    lock_leave(p->lock);
    tell_report(p, ret_report);
    struct uuid topic;
    err = partition_metadata_load(p->table->host, p->folder, &topic);
    if (err == OK) {
        ENSURE(uuid_eq(topic, p->topic), ERR_FOREIGN);
        return OK;
    }
    ENSURE(err == ERR_NOT_FOUND || err == ERR_MALFORMED, err);
    return err_of_write(partition_metadata_save(p->table->host, p->folder, p->topic));
}

void partition_open(struct partition *p)
{
    assert(p->log == NULL);
    struct log_report report;
    bool noted = false;
    err_t err = open_log(p, &report);
    if (err == OK) {
        err = load_core(p, &report, &noted);
    }
    if (err != OK && !err_is_unreadable(err) && p->log != NULL) {
        trace_log(p->table->config.trace, TRACE_ERROR, TRACE_PARTITION,
                  "%s-%d: cannot be loaded (%s); the replica stays offline.", p->name, p->index,
                  err_text(err));
    }
    partition_enter(p);
    if (p->state != PARTITION_OPENING) {
        lock_leave(p->lock); /* deleted or stopped meanwhile: that chore follows */
        return;
    }
    if (atomic_load(&p->dir->offline)) {
        err = ERR_OFFLINE; /* it failed meanwhile, and halted only those that were open */
    }
    p->state = err == OK ? PARTITION_OPEN : PARTITION_OFFLINE;
    partition_wake(p, true, true);
    if (err_is_unreadable(err)) {
        partition_rot_offline(p, report.bad_offset, err);
    }
    if (err_is_shortage(err)) {
        partition_rest(p, "what it lacked may come");
    }
    /* Nothing can be written any more: whoever leads here must go to another replica. */
    if (err == ERR_OFFLINE || err == ERR_PERMISSION) {
        partition_fail(p);
    }
    if (err == OK) {
        p->active_base = log_active_base(p->log);
        p->saved_point = min_i64(p->known.recovery_point, report.recovery_point);
        if (!noted) { /* what was replayed will lie below the recovery point, where the file is believed */
            partition_chore(p, CHORE_EPOCHS);
        }
        struct log_config config = partition_log_config(p); /* it may have changed meanwhile */
        log_configure(p->log, &config);
        if (p->settings.producer_expiration_ms > 0) {
            replica_expire_producers_after(&p->core, p->settings.producer_expiration_ms);
        }
        if (p->view_known) {
            struct step step = {.event = {.kind = REPLICA_VIEW}};
            step.event.view = &p->view;
            partition_step(p, &step);
        }
        partition_prove(p);
    }
    partition_leave(p);
}
