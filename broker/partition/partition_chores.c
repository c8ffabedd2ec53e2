/*
 * Chores: what a partition needs from the pool, one job at a time, so that its files are never written by two at once.
 * Facts are copied inside the monitor and written outside of it. Closing and deleting wait for a sync that is under way.
 */
#include <stdio.h>

#include "broker/partition/partition_internal.h"

#include "common/log/epoch_checkpoint.h"
#include "common/wire/record_batch.h"

#define CHORE_HEAP_MAX    ((size_t)1 << 30)
#define REBUILD_BYTES     ((size_t)1 << 20)
#define CHORE_ARENA_CHUNK ((size_t)16 << 10)

/* A full device spares followers: what they could not note down is replayed from the log when they are opened again. Want of memory or
 * descriptors says nothing of the device at all. */
static void failed(struct partition *p, const char *what, err_t err)
{
    partition_enter(p);
    bool spared = err == ERR_NO_MEMORY || err == ERR_LIMIT ||
                  (err == ERR_NO_SPACE && p->core.role != REPLICA_LEADER);
    bool rests = spared && p->state == PARTITION_OPEN;
    if (rests) {
        partition_rest(p, "no room, or no memory, for what it notes beside its log");
    }
    partition_leave(p);
    if (rests) {
        return;
    }
    trace_log(p->table->config.trace, TRACE_ERROR, TRACE_PARTITION,
              "%s-%d: %s failed (%s); the log directory %s goes offline.", p->name, p->index, what,
              err_text(err), p->dir->path);
    partition_enter(p);
    if (p->state == PARTITION_OPEN) {
        partition_fail(p);
    }
    partition_leave(p);
}

/* Where a leader finds no room, or anybody no memory: with the next checkpoint, and no recovery point is told before. */
static bool put_off_epochs(struct partition *p, err_t err)
{
    partition_enter(p);
    bool room = err == ERR_NO_SPACE || err == ERR_LIMIT;
    bool lacks = err == ERR_NO_MEMORY || (room && p->core.role == REPLICA_LEADER);
    p->epochs_due = lacks && p->state == PARTITION_OPEN;
    bool due = p->epochs_due;
    lock_leave(p->lock);
    return due;
}

static err_t save_epochs(struct partition *p, struct heap *heap)
{
    uint32_t count = 0;
    struct epoch_line *lines = NULL;
    partition_enter(p);
    bool good = p->log != NULL && !p->resting;
    if (good) {
        const struct epoch_entry *entries = replica_epochs(&p->core, &count);
        lines = heap_alloc(heap, count * sizeof(*lines));
        for (uint32_t i = 0; lines != NULL && i < count; i++) {
            lines[i] = (struct epoch_line){entries[i].epoch, entries[i].start_offset};
        }
    }
    lock_leave(p->lock);
    if (!good) {
        return OK;
    }
    err_t err = lines == NULL
                    ? ERR_NO_MEMORY
                    : epoch_checkpoint_save(p->table->host, heap, p->folder, lines, count);
    if (!put_off_epochs(p, err) && err != OK) {
        failed(p, "writing its epochs", err);
    }
    return err;
}

/* A snapshot saves time at the next start; without it more is replayed. */
enum snapshot_kind {
    SNAPSHOT_END,
    /* For where the log begins: only this one tells of producers of whom nothing is left behind it. */
    SNAPSHOT_START,
    SNAPSHOT_TOLD, /* the same, written even if there are none: the leader has told so */
};

static err_t save_snapshot(struct partition *p, struct heap *heap, enum snapshot_kind kind)
{
    struct producer_lines lines = {0};
    partition_enter(p);
    bool ready = p->core.producers_ready || kind == SNAPSHOT_TOLD;
    bool good = p->log != NULL && ready && !p->core.producers_missing &&
                p->state != PARTITION_OFFLINE;
    int64_t offset = !good ? 0 : kind == SNAPSHOT_END ? p->core.log_end : p->core.log_start;
    if (good) {
        lines = partition_copy_producers(p, heap, offset);
    }
    lock_leave(p->lock);
    ENSURE(ready, ERR_BUSY); /* they are still read from the log */
    ENSURE(!good || lines.list != NULL || lines.room == 0, ERR_NO_MEMORY);
    if (!good || (kind == SNAPSHOT_START && lines.count == 0)) {
        return OK;
    }
    err_t err = producer_snapshot_save(p->table->host, heap, p->table->config.crc, p->folder,
                                       offset, lines.list, lines.count);
    if (err != OK && !err_is_shortage(err)) {
        failed(p, "writing a snapshot of its producers", err);
    }
    return err;
}

/* Those below the log's start, as a crash would find it, are of no use; those beyond where it was cut tell of what is gone, though it
 * may have grown over them since. */
static void trim_snapshots(struct partition *p)
{
    struct arena arena;
    partition_enter(p);
    bool good = p->log != NULL;
    int64_t from = good ? min_i64(log_start(p->log), p->saved_start) : 0;
    int64_t to = good ? min_i64(log_end(p->log), p->cut_to) : 0;
    p->cut_to = good ? INT64_MAX : p->cut_to;
    lock_leave(p->lock);
    if (!good) {
        return;
    }
    arena_init(&arena, memory_source(p->table->host), CHORE_ARENA_CHUNK, CHORE_HEAP_MAX);
    err_t err = producer_snapshot_trim(p->table->host, p->folder, from, to, &arena);
    arena_release(&arena);
    if (err != OK) {
        failed(p, "removing old snapshots of its producers", err);
    }
}

/* ---- rebuilding the producers of a log that was cut ---- */

static bool rebuild_step(struct partition *p, struct replica_event *event)
{
    if (p->state != PARTITION_OPEN) {
        return false;
    }
    struct step step = {.event = *event};
    partition_step(p, &step);
    return p->state == PARTITION_OPEN;
}

/* Inside. Whether a batch stands where it says, which no checksum covers. `inside`: the offset asked for may lie in the middle of it. */
static bool place_true(const struct partition *p, const struct batch_facts *facts, int64_t at,
                       bool inside)
{
    bool follows = facts->base_offset == at || (inside && facts->base_offset < at) ||
                   (p->settings.compacted && facts->base_offset > at);
    return follows && facts->last_offset >= at && facts->last_offset < log_end(p->log);
}

static err_t rebuild_batches(struct partition *p, struct slice bytes, int64_t *at)
{
    struct batch_header header;
    struct slice batch;
    bool first = true;
    while (bytes.n > 0 && batch_cut(&bytes, &batch) == OK && batch_parse(batch, &header) == OK) {
        struct batch_facts facts = batch_facts(&header);
        ENSURE(p->state == PARTITION_OPEN, ERR_OFFLINE);
        ENSURE(place_true(p, &facts, *at, first) && partition_epoch_true(p, &facts), ERR_CORRUPT);
        first = false;
        *at = facts.last_offset + 1;
        struct replica_event event = {.kind = REPLICA_REPLAY};
        event.replay = receipt_of(&facts);
        if (!rebuild_step(p, &event)) {
            return ERR_OFFLINE;
        }
    }
    return OK;
}

/* Bytes of the log on their way into the core. */
struct stretch {
    struct heap *heap;
    uint8_t *p;
    size_t room;
};

static err_t read_stretch(struct partition *p, struct stretch *stretch, int64_t at, size_t *ret_n)
{
    struct log_range range = {0};
    partition_enter(p);
    err_t err = p->state != PARTITION_OPEN ? ERR_OFFLINE
                : at >= log_end(p->log)    ? ERR_NOT_FOUND
                                        : log_read(p->log, at, log_end(p->log), REBUILD_BYTES, true,
                                                   LOG_READ_HOT, &range);
    lock_leave(p->lock);
    TRY(err);
    if (range.cold) {
        err = log_range_warm(&range, p->table->config.crc, stretch->p, stretch->room);
        partition_enter(p);
        if (p->log == NULL) {
            log_range_release(&range);
            err = ERR_OFFLINE;
        } else {
            err = log_range_warmed(p->log, &range, err);
        }
        lock_leave(p->lock);
        TRY(err);
    }
    if (range.bytes > stretch->room) {
        heap_free(stretch->heap, stretch->p, stretch->room);
        stretch->p = heap_alloc(stretch->heap, range.bytes);
        stretch->room = stretch->p == NULL ? 0 : range.bytes;
    }
    err = stretch->p == NULL ? ERR_NO_MEMORY : log_range_read(&range, stretch->p, ret_n);
    log_range_release(&range);
    return err;
}

static err_t check_stretch(const struct partition *p, struct slice bytes)
{
    struct batch_header header;
    struct slice batch;
    while (bytes.n > 0) {
        err_t err = batch_cut(&bytes, &batch);
        if (err == ERR_TRUNCATED) {
            return OK; /* the rest of the batch is behind the stretch */
        }
        TRY(err);
        TRY(batch_check(p->table->config.crc, batch, &header));
    }
    return OK;
}

/* One stretch of the log into the core. ERR_NOT_FOUND: that was all. */
static err_t rebuild_some(struct partition *p, struct stretch *stretch, int64_t *at)
{
    size_t n = 0;
    TRY(read_stretch(p, stretch, *at, &n));
    TRY(check_stretch(p, slice_of(stretch->p, n))); /* before it tells of producers */
    int64_t before = *at;
    partition_enter(p);
    err_t err = rebuild_batches(p, slice_of(stretch->p, n), at);
    partition_leave(p);
    TRY(err);
    return *at > before ? OK : ERR_CORRUPT;
}

static void feed_snapshot(struct partition *p, const struct producer_line *lines, size_t count)
{
    partition_enter(p);
    for (size_t i = 0; i < count; i++) {
        struct replica_event event = {.kind = REPLICA_PRODUCER};
        event.producer = producer_entry_of(&lines[i]);
        if (!rebuild_step(p, &event)) {
            break;
        }
    }
    partition_leave(p);
}

/* The log does not change meanwhile: a follower that rebuilds does not fetch, and produce is refused. */
static void rebuild(struct partition *p, struct heap *heap)
{
    struct arena arena;
    struct replica_event event = {.kind = REPLICA_LOADED};
    struct producer_line *lines = NULL;
    size_t count = 0;
    int64_t at = 0;
    trim_snapshots(p);
    partition_enter(p);
    bool open = p->state == PARTITION_OPEN;
    int64_t start = open ? log_start(p->log) : 0;
    int64_t end = open ? log_end(p->log) : 0;
    lock_leave(p->lock);
    if (!open) {
        return;
    }
    arena_init(&arena, memory_source(p->table->host), CHORE_ARENA_CHUNK, CHORE_HEAP_MAX);
    err_t err = producer_snapshot_load(p->table->host, p->table->config.crc, p->folder, start, end,
                                       &arena, &lines, &count, &at);
    bool unwritten = err == ERR_OFFLINE; /* what is void could not be removed */
    if (err == OK) {
        feed_snapshot(p, lines, count);
    } else if (err == ERR_NOT_FOUND) {
        at = start;
        event.producers_missing = true; /* whom what is deleted below would have told of */
        err = OK;
    }
    struct stretch stretch = {heap, heap_alloc(heap, REBUILD_BYTES), REBUILD_BYTES};
    err = stretch.p == NULL ? ERR_NO_MEMORY : err;
    while (err == OK) {
        err = rebuild_some(p, &stretch, &at);
    }
    arena_release(&arena);
    partition_enter(p);
    p->rebuilding = false;
    if (err == ERR_NOT_FOUND) {
        (void)rebuild_step(p, &event);
    }
    partition_leave(p);
    if (err_is_unreadable(err)) {
        partition_enter(p);
        if (p->state == PARTITION_OPEN) {
            partition_rot_offline(p, at, err);
        }
        partition_leave(p);
    } else if (err != ERR_NOT_FOUND && (err != ERR_OFFLINE || unwritten)) {
        failed(p, "reading its producers from the log", err);
    }
}

/* A follower goes on when what it was told is on disk; who leads by now does without. */
static void save_start(struct partition *p, struct heap *heap)
{
    partition_enter(p);
    bool told = p->noting;
    p->noting = false;
    lock_leave(p->lock);
    err_t err = save_snapshot(p, heap, told ? SNAPSHOT_TOLD : SNAPSHOT_START);
    partition_enter(p);
    p->start_due = err != OK;
    if (!told) {
        lock_leave(p->lock);
        return;
    }
    struct replica_event event = {.kind = REPLICA_LOADED};
    if (err == OK || p->core.role == REPLICA_LEADER) {
        (void)rebuild_step(p, &event);
    } else if (p->state == PARTITION_OPEN) {
        partition_rest(p, "no room for what it is told of producers");
    }
    partition_leave(p);
}

/* ---- verifying what a follower found bad ---- */

/* What no checksum covers. `cut`: how often the log was cut before these bytes were read. */
static err_t check_uncovered(struct partition *p, struct slice bytes, int64_t offset, uint32_t cut)
{
    struct slice batch;
    struct batch_header header;
    int64_t at = offset;
    bool good = true;
    partition_enter(p);
    bool same = p->state == PARTITION_OPEN && p->core.cut == cut;
    while (good && same && bytes.n > 0 && batch_cut(&bytes, &batch) == OK &&
           batch_parse(batch, &header) == OK) {
        struct batch_facts facts = batch_facts(&header);
        good = place_true(p, &facts, at, at == offset) && partition_epoch_true(p, &facts);
        at = facts.last_offset + 1;
    }
    lock_leave(p->lock);
    return good ? OK : ERR_CORRUPT;
}

static err_t verify_from(struct partition *p, struct stretch *stretch, int64_t offset, uint32_t cut)
{
    size_t n = 0;
    TRY(read_stretch(p, stretch, offset, &n));
    assert(offset >= 0 && n <= stretch->room);
    TRY(check_stretch(p, slice_of(stretch->p, n)));
    return check_uncovered(p, slice_of(stretch->p, n), offset, cut);
}

/* The batch before it, too: an epoch there that no checksum covers may say that it is newer than what follows. */
static void verify(struct partition *p, struct heap *heap)
{
    partition_enter(p);
    int64_t offset = p->verify_offset;
    uint32_t cut = p->core.cut;
    bool first = p->state != PARTITION_OPEN || offset <= log_start(p->log);
    lock_leave(p->lock);
    struct stretch stretch = {heap, heap_alloc(heap, REBUILD_BYTES), REBUILD_BYTES};
    err_t err = stretch.p == NULL ? ERR_NO_MEMORY : OK;
    for (int64_t at = first ? offset : offset - 1; err == OK && at <= offset; at++) {
        err = verify_from(p, &stretch, at, cut);
    }
    err = err_as_rot(err);
    bool rotten = err_is_unreadable(err);
    trace_log(p->table->config.trace, rotten ? TRACE_ERROR : TRACE_WARN, TRACE_PARTITION,
              "%s-%d: a follower got a batch at %lld that cannot be right; our copy is %s (%s).",
              p->name, p->index, (long long)offset,
              rotten ? "bad" : "not known to be bad: the fault lies on the way or over there",
              err_text(err));
    partition_enter(p);
    if (rotten && p->state == PARTITION_OPEN) {
        partition_rot(p, offset, err);
    }
    partition_leave(p);
}

/* ---- the end ---- */

static void forget_unsynced(struct partition *p)
{
    atomic_fetch_sub_explicit(&p->dir->unsynced_bytes, p->unsynced_bytes, memory_order_relaxed);
    p->unsynced_bytes = 0;
}

static void close_log(struct partition *p, struct heap *heap)
{
    partition_enter(p);
    /* What was loaded in part is not written down: the epochs of a log that is called clean are believed. */
    bool loaded = p->core.role != REPLICA_LOADING;
    bool abandoned = p->table->abandoned || p->resting || !loaded;
    bool noted = false;
    lock_leave(p->lock);
    if (!abandoned) {
        abandoned = save_epochs(p, heap) != OK; /* below a clean log's end that file is believed */
        noted = save_snapshot(p, heap, SNAPSHOT_END) == OK;
    }
    partition_enter(p);
    struct log *log = p->log;
    p->log = NULL;
    p->closed_start = noted ? p->core.log_start : min_i64(p->saved_start, p->core.log_start);
    int64_t end = log == NULL ? -1 : log_end(log);
    bool good = log != NULL && !log_offline(log) && !abandoned;
    forget_unsynced(p);
    lock_leave(p->lock);
    if (log == NULL) {
        return;
    }
    if (!good) {
        log_abandon(log);
        return;
    }
    err_t err = log_close(log); /* the log is ours alone: nothing else reaches it without p->log */
    if (err != OK) {
        log_dir_note_failed_sync(p->dir);
    }
    if (err != OK) {
        trace_log(p->table->config.trace, TRACE_ERROR, TRACE_PARTITION,
                  "%s-%d: closing its log failed: %s.", p->name, p->index, err_text(err));
        return;
    }
    p->closed_end = end;
}

static void delete_log(struct partition *p)
{
    char doomed[FOLDER_PATH_MAX + 96];
    struct uuid_text id = uuid_print(p->topic);
    partition_enter(p);
    struct log *log = p->log;
    time_ms delay_ms = p->settings.file_delete_delay_ms;
    p->log = NULL;
    forget_unsynced(p);
    lock_leave(p->lock);
    if (log != NULL) {
        log_abandon(log);
    }
    int n = p->aside ? snprintf(doomed, sizeof(doomed), "%s.%s-%d-stray", p->folder, id.s,
                                p->view.partition_epoch) /* another one each time */
                     : snprintf(doomed, sizeof(doomed), "%s.%s-delete", p->folder, id.s);
    assert(n > 0 && (size_t)n < sizeof(doomed));
    atomic_fetch_add(&p->dir->gone, 1); /* before the name is free */
    err_t err = disk_rename(p->table->host, p->folder, doomed);
    if (err == OK) {
        err = disk_sync_dir(p->table->host, p->dir->path);
    }
    if (err == OK && !p->aside) {
        late_add(p->table, NULL, doomed, delay_ms);
    }
    if (err != OK && err != ERR_NOT_FOUND && !atomic_load(&p->dir->offline)) {
        trace_log(p->table->config.trace, TRACE_WARN, TRACE_PARTITION,
                  "%s-%d: removing its folder failed (%s); what is left goes at the next start.",
                  p->name, p->index, err_text(err));
    }
}

/* What was appended is kept, recovered like after a crash: its tail is synced before anyone is told where it ends. */
static void reopen_log(struct partition *p)
{
    partition_enter(p);
    struct log *log = p->log;
    bool good = !atomic_load(&p->dir->offline) && (log == NULL || !log_offline(log));
    bool due = p->state == PARTITION_OFFLINE && p->resting && good;
    if (due) {
        p->state = PARTITION_OPENING;
        p->resting = false;
        p->rebuilding = false;
        p->noting = false;
        p->log = NULL;
        forget_unsynced(p);
    }
    if (due && log != NULL) {
        p->known.clean = false;
        p->known.recovery_point = min_i64(p->saved_point, log_durable_end(log));
        p->known.written_point = max_i64(p->known.written_point, p->saved_point);
        /* What its files and snapshots are there for: a newer start is told again by its leader. */
        p->known.log_start = min_i64(p->saved_start, log_start(log));
        p->known.told_here = true;
        p->known.cuts = log_cuts(log);
        p->known_high_watermark = min_i64(p->core.high_watermark, log_end(log));
    }
    if (due) {
        replica_begin_anew(&p->core);
    }
    lock_leave(p->lock);
    if (due && log != NULL) {
        log_abandon(log);
    }
    if (due) {
        partition_open(p);
    }
}

/* ---- the job ---- */

/* The next chore, or 0: nothing that can be done now. */
static uint32_t next_chore(struct partition *p)
{
    partition_enter(p);
    assert(p->chores_running);
    uint32_t chores = partition_chores_due(p);
    uint32_t chore = chores & -chores;
    p->chores &= ~chore;
    lock_leave(p->lock);
    return chore;
}

static void do_chore(struct partition *p, uint32_t chore)
{
    struct heap heap;
    heap_init(&heap, memory_source(p->table->host), CHORE_HEAP_MAX);
    switch (chore) {
    case CHORE_OPEN: partition_open(p); break;
    case CHORE_REBUILD: rebuild(p, &heap); break;
    case CHORE_EPOCHS: (void)save_epochs(p, &heap); break; /* it has halted by itself */
    case CHORE_TRIM: trim_snapshots(p); break;
    case CHORE_SNAPSHOT:
        (void)save_snapshot(p, &heap, SNAPSHOT_END);
        trim_snapshots(p);
        break;
    case CHORE_CLOSE: close_log(p, &heap); break;
    case CHORE_VERIFY: verify(p, &heap); break;
    case CHORE_REOPEN: reopen_log(p); break;
    case CHORE_START: save_start(p, &heap); break;
    default:
        assert(chore == CHORE_DELETE);
        delete_log(p);
        break;
    }
    heap_release(&heap);
}

static void chores_work(struct disk_job *job)
{
    struct partition *p = CONTAINER_OF(job, struct partition, chores_job);
    uint32_t chore;
    while ((chore = next_chore(p)) != 0) {
        do_chore(p, chore);
        p->chores_done |= chore;
    }
}

/* More may have come while the letter was under way; the job cannot be submitted again before. */
static void chores_done(struct disk_job *job)
{
    struct partition *p = CONTAINER_OF(job, struct partition, chores_job);
    uint32_t done = p->chores_done;
    p->chores_done = 0;
    table_chores_done(p, done);
    partition_enter(p);
    p->chores_running = false;
    partition_chore(p, 0);
    partition_leave(p);
    partition_drop(p);
}

void partition_chores_init(struct partition *p)
{
    p->chores_job.work = chores_work;
    p->chores_job.done = chores_done;
    p->closed_end = -1;
    p->cut_to = INT64_MAX;
}

void partition_chores_submit(struct partition *p)
{
    disk_submit(p->table->config.control, &p->chores_job);
}
