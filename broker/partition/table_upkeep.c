/*
 * Upkeep: checkpoints every few seconds, retention every few minutes. Both run as one job of the pool at a time and enter
 * each partition's monitor only to take its facts.
 *
 * Order that a crash may rely on: a recovery point is written only while no epoch file or trim of snapshots is outstanding
 * (what lies below it is never replayed), a new start only while no snapshot for it is; a log's start is written before files below it go.
 */
#include "broker/partition/partition_internal.h"

#include "common/log/offset_checkpoint.h"

#define UPKEEP_HEAP_MAX ((size_t)1 << 30)
#define UPKEEP_RETRY_US 100000

/* All partitions of a directory, held. The walk is of the whole table: there are few directories. */
static err_t gather(struct log_dir *dir, struct heap *heap, struct point **ret_points,
                    size_t *ret_count)
{
    struct partitions *table = dir->table;
    size_t count = 0;
    lock_enter(table->lock);
    LIST_EACH(&table->all, node)
    {
        count++;
    }
    struct point *points = heap_alloc(heap, count * sizeof(*points));
    size_t n = 0;
    LIST_EACH(&table->all, node)
    {
        struct partition *p = CONTAINER_OF(node, struct partition, node);
        unsigned refs = atomic_load(&p->refs);
        /* One without holders is on its way to be freed. */
        while (points != NULL && p->dir == dir && refs > 0 &&
               !atomic_compare_exchange_weak(&p->refs, &refs, refs + 1)) {}
        if (points != NULL && p->dir == dir && refs > 0) {
            points[n++].p = p;
        }
    }
    lock_leave(table->lock);
    ENSURE(points != NULL, ERR_NO_MEMORY);
    *ret_points = points;
    *ret_count = n;
    return OK;
}

/* Of one that is being opened or is offline: else the next start would take what was on disk for good for a torn tail (M144). */
static void keep_point(struct point *point)
{
    const struct partition *p = point->p;
    bool loaded = p->log != NULL && p->core.role != REPLICA_LOADING;
    point->recovery = (struct log_recovery_point){.offset = p->saved_point};
    point->log_start = p->log != NULL ? min_i64(p->saved_start, log_start(p->log))
                                      : p->known.log_start;
    point->high_watermark = loaded ? p->core.high_watermark : p->known_high_watermark;
}

/* Inside. */
static void want_sync(struct partition *p)
{
    if (!p->sync_requested && !p->syncing) {
        p->sync_end = log_end(p->log);
        partition_request_sync(p, NULL);
    }
}

bool upkeep_point_take(struct point *point)
{
    struct partition *p = point->p;
    partition_enter(p);
    point->opening = p->openings;
    bool open = p->state == PARTITION_OPEN;
    if (open) {
        point->recovery = log_recovery_point_take(p->log);
        bool settled = !p->chores_running && p->chores == 0 && !p->epochs_due;
        bool told = settled && !p->start_due;
        point->log_start = told ? log_start(p->log) : min_i64(p->saved_start, log_start(p->log));
        p->told_start = max_i64(p->told_start, point->log_start);
        partition_chore(p, (p->start_due ? CHORE_START : 0) | (p->epochs_due ? CHORE_EPOCHS : 0));
        if (settled) {
            p->saved_point = point->recovery.offset;
        } else {
            /* The epoch file may not know yet what came in the place of what was cut: the log's note of that stays. */
            point->recovery.offset = min_i64(point->recovery.offset, p->saved_point);
            point->recovery.proven = false;
        }
        point->high_watermark = p->core.high_watermark;
        /* Without acks that wait for it nobody syncs a log with durability=pagecache: then we do. */
        if (p->unsynced_bytes > 0 && log_durable_end(p->log) < log_end(p->log)) {
            want_sync(p);
        }
    }
    point->kept = p->state < PARTITION_OPEN || p->state == PARTITION_OFFLINE;
    if (point->kept) {
        keep_point(point);
    }
    point->closed = p->state == PARTITION_CLOSING && p->closed_end >= 0;
    if (point->closed) {
        point->recovery.offset = p->closed_end;
        point->log_start = p->closed_start;
        point->high_watermark = p->core.high_watermark;
    }
    partition_leave(p);
    return open || point->closed || (point->kept && !MUTANT(144));
}

void upkeep_point_saved(const struct point *point)
{
    struct partition *p = point->p;
    partition_enter(p);
    bool same = p->openings == point->opening; /* it may have rested meanwhile */
    if (p->log != NULL && same && !point->closed && !point->kept) {
        log_recovery_point_saved(p->log, point->recovery);
        p->saved_start = point->log_start;
        p->told_start = point->log_start;
    }
    lock_leave(p->lock);
}

static uint64_t mix(uint64_t sum, int64_t value)
{
    return (sum ^ (uint64_t)value) * 0x9E3779B97F4A7C15u + 1;
}

static err_t save(struct log_dir *dir, struct heap *heap, const struct point *points, size_t count)
{
    struct partitions *table = dir->table;
    struct offset_line *lines = heap_alloc(heap, count * sizeof(*lines));
    ENSURE(lines != NULL, ERR_NO_MEMORY);
    for (size_t i = 0; i < count; i++) {
        lines[i] = (struct offset_line){.topic = slice_str(points[i].p->name),
                                        .partition = points[i].p->index};
        lines[i].offset = points[i].log_start;
    }
    TRY(offset_checkpoint_save(table->host, heap, dir->path, LOG_START_FILE, lines, count));
    for (size_t i = 0; i < count; i++) {
        lines[i].offset = points[i].recovery.offset;
    }
    TRY(offset_checkpoint_save(table->host, heap, dir->path, RECOVERY_POINT_FILE, lines, count));
    for (size_t i = 0; i < count; i++) {
        lines[i].offset = points[i].high_watermark;
    }
    return offset_checkpoint_save(table->host, heap, dir->path, HIGH_WATERMARK_FILE, lines, count);
}

err_t checkpoint_dir(struct log_dir *dir)
{
    struct heap heap;
    struct point *points;
    size_t all = 0;
    size_t count = 0;
    uint64_t gone = atomic_load(&dir->gone);
    uint64_t sum = gone + 1; /* another one may lie where one lay that is gone */
    heap_init(&heap, memory_source(dir->table->host), UPKEEP_HEAP_MAX);
    err_t err = gather(dir, &heap, &points, &all);
    if (err != OK) {
        heap_release(&heap);
        return err;
    }
    for (size_t i = 0; i < all; i++) {
        if (upkeep_point_take(&points[i])) {
            struct point point = points[i];
            points[i] = points[count];
            points[count++] = point;
            sum = mix(mix(mix(mix(mix(sum, (int64_t)(uintptr_t)point.p), point.opening),
                              point.recovery.offset),
                          point.log_start),
                      point.high_watermark);
            sum = mix(sum, point.recovery.proven); /* its log keeps a note until it is */
        }
    }
    if (sum != dir->checkpoint_sum) {
        err = save(dir, &heap, points, count);
        dir->checkpoint_sum = err == OK ? sum : 0;
        for (size_t i = 0; err == OK && i < count; i++) {
            upkeep_point_saved(&points[i]);
        }
    }
    if (err == OK) {
        atomic_store(&dir->gone_noted, gone);
    }
    for (size_t i = 0; i < all; i++) {
        partition_drop(points[i].p);
    }
    heap_release(&heap);
    return err;
}

/* ---- checkpoints ---- */

static void checkpoint_work(struct disk_job *job)
{
    struct partitions *table = CONTAINER_OF(job, struct partitions, checkpoint_job);
    late_run(table);
    for (uint32_t i = 0; i < table->dir_count; i++) {
        struct log_dir *dir = &table->dirs[i];
        err_t err = atomic_load(&dir->offline) ? OK : checkpoint_dir(dir);
        if (err_is_shortage(
                err)) { /* the old ones stand: more is scanned after a crash, and that is all */
            trace_log(table->config.trace, TRACE_WARN, TRACE_PARTITION,
                      "The checkpoints of log directory %s find no room (%s); the last ones stay.",
                      dir->path, err_text(err));
        } else if (err != OK) {
            trace_log(
                table->config.trace, TRACE_ERROR, TRACE_PARTITION,
                "The checkpoints of log directory %s cannot be written (%s); it goes offline.",
                dir->path, err_text(err));
            if (!atomic_exchange(&dir->fail_posted, true)) {
                loop_post(table->config.control, &dir->fail_mail);
            }
        }
    }
}

static void checkpoint_arm(struct partitions *table)
{
    timer_arm(table->config.control, &table->checkpoint_timer,
              loop_now_us(table->config.control) + table->config.checkpoint_ms * 1000);
}

static void checkpoint_done(struct disk_job *job)
{
    struct partitions *table = CONTAINER_OF(job, struct partitions, checkpoint_job);
    table->checkpoint_running = false;
    if (table->stopping) {
        upkeep_rested(table);
    } else {
        checkpoint_arm(table);
    }
}

static void checkpoint_fire(struct timer *timer)
{
    struct partitions *table = CONTAINER_OF(timer, struct partitions, checkpoint_timer);
    assert(!table->checkpoint_running && !table->stopping);
    /* Retention writes the same files. Before the first apply no log is known here: what the files say stands. */
    if (table->retention_running || !table->applied) {
        checkpoint_arm(table);
        return;
    }
    table->checkpoint_running = true;
    disk_submit(table->config.control, &table->checkpoint_job);
}

/* ---- retention ---- */

/* Inside. Also of followers, who drop what their leader's start has passed. */
static bool files_below_start(const struct partition *p)
{
    return p->state == PARTITION_OPEN && log_segment_count(p->log) > 1 &&
           log_segment(p->log, 1).base_offset <= log_start(p->log);
}

/* Moves the start over expired segments; true: files may go once the checkpoint says so. */
static bool expire(struct partition *p, time_ms wall)
{
    bool moved = false;
    partition_enter(p);
    /* Of followers too, as with Kafka: a replica keeps the time that was promised though it hears of no leader. */
    bool due = p->state == PARTITION_OPEN && p->settings.deleted && !p->rebuilding;
    if (due) {
        struct log_retention retention = {.retention_ms = p->settings.retention_ms,
                                          .retention_bytes = p->settings.retention_bytes,
                                          .limit = p->core.high_watermark};
        err_t err = log_expire(p->log, &retention, wall, &moved);
        if (err != OK && !err_is_shortage(err)) {
            partition_fail(p);
        } else if (moved) {
            struct step step = {.event = {.kind = REPLICA_LOG_START}};
            step.event.log_start = log_start(p->log);
            partition_step(p, &step);
            partition_chore(p, CHORE_START);
        }
    }
    bool files = files_below_start(p);
    partition_leave(p);
    return moved || files;
}

/* The files below the start that stands in the checkpoint go. What is kept until a sync has proven the name of the segment behind it,
 * or until a newer start has its snapshot, goes the next time: where nobody writes any more, nobody else asks for a sync. */
static void drop_files(struct partition *p)
{
    partition_enter(p);
    struct log_doomed *doomed = NULL;
    time_ms delay_ms = p->settings.file_delete_delay_ms;
    if (p->state == PARTITION_OPEN && !p->rebuilding) {
        err_t err = log_drop(p->log, min_i64(p->saved_start, log_start(p->log)));
        if (err != OK && !err_is_shortage(err)) {
            partition_fail(p);
        }
        doomed = log_doomed_take(p->log);
        partition_chore(p, CHORE_TRIM);
        if (files_below_start(p)) {
            want_sync(p);
        }
    }
    partition_leave(p);
    if (doomed != NULL) {
        late_add(p->table, doomed, "", delay_ms);
    }
}

/* Where the checkpoint found no room, or the snapshot that a new start waits for: what nobody needs any more goes without either. */
static void thin(struct partition *p, bool full)
{
    partition_enter(p);
    if (p->state == PARTITION_OPEN && (full || p->start_due)) {
        log_thin(p->log);
    }
    partition_leave(p);
}

static void rest(struct partition *p)
{
    partition_enter(p);
    struct log_doomed *doomed = NULL;
    time_ms delay_ms = p->settings.file_delete_delay_ms;
    if (p->state == PARTITION_OPEN) {
        log_rest(p->log);
        doomed = log_doomed_take(p->log);
    }
    partition_leave(p);
    if (doomed != NULL) {
        late_add(p->table, doomed, "", delay_ms);
    }
}

static void retain_dir(struct log_dir *dir)
{
    struct heap heap;
    struct point *points;
    size_t count;
    size_t moved = 0;
    time_ms wall = clock_wall_ms(dir->table->host);
    heap_init(&heap, memory_source(dir->table->host), UPKEEP_HEAP_MAX);
    if (gather(dir, &heap, &points, &count) != OK) {
        heap_release(&heap);
        return; /* next time */
    }
    for (size_t i = 0; i < count; i++) {
        bool files = expire(points[i].p, wall);
        partition_enter(points[i].p);
        points[i].log_start = files && points[i].p->log != NULL ? log_start(points[i].p->log) : -1;
        lock_leave(points[i].p->lock);
        moved += files ? 1 : 0;
        rest(points[i].p);
    }
    err_t err = moved > 0 ? checkpoint_dir(dir) : OK;
    for (size_t i = 0; i < count; i++) {
        if (points[i].log_start >= 0) {
            thin(points[i].p, err == ERR_NO_SPACE);
        }
    }
    err = err == ERR_NO_SPACE ? checkpoint_dir(dir) : err;
    for (size_t i = 0; i < count && err == OK; i++) {
        if (points[i].log_start >= 0) {
            drop_files(points[i].p);
        }
    }
    for (size_t i = 0; i < count; i++) {
        partition_drop(points[i].p);
    }
    heap_release(&heap);
}

static void retention_work(struct disk_job *job)
{
    struct partitions *table = CONTAINER_OF(job, struct partitions, retention_job);
    for (uint32_t i = 0; i < table->dir_count; i++) {
        if (!atomic_load(&table->dirs[i].offline)) {
            retain_dir(&table->dirs[i]);
        }
    }
}

static void retention_arm(struct partitions *table)
{
    timer_arm(table->config.control, &table->retention_timer,
              loop_now_us(table->config.control) + table->config.retention_ms * 1000);
}

static void retention_done(struct disk_job *job)
{
    struct partitions *table = CONTAINER_OF(job, struct partitions, retention_job);
    table->retention_running = false;
    if (table->stopping) {
        upkeep_rested(table);
    } else {
        retention_arm(table);
    }
}

static void retention_fire(struct timer *timer)
{
    struct partitions *table = CONTAINER_OF(timer, struct partitions, retention_timer);
    assert(!table->retention_running && !table->stopping);
    if (table->checkpoint_running || !table->applied) {
        timer_arm(table->config.control, timer,
                  loop_now_us(table->config.control) + UPKEEP_RETRY_US);
        return;
    }
    table->retention_running = true;
    disk_submit(table->config.control, &table->retention_job);
}

static void dir_fail_told(struct mail *mail)
{
    struct log_dir *dir = CONTAINER_OF(mail, struct log_dir, fail_mail);
    table_dir_failed(dir);
}

void upkeep_start(struct partitions *table)
{
    for (uint32_t i = 0; i < table->dir_count; i++) {
        table->dirs[i].fail_mail.deliver = dir_fail_told;
    }
    table->checkpoint_timer.fire = checkpoint_fire;
    table->retention_timer.fire = retention_fire;
    table->checkpoint_job.work = checkpoint_work;
    table->checkpoint_job.done = checkpoint_done;
    table->retention_job.work = retention_work;
    table->retention_job.done = retention_done;
    checkpoint_arm(table);
    retention_arm(table);
    dir_space_start(table);
}

bool upkeep_stop(struct partitions *table)
{
    assert(table->stopping);
    timer_cancel(table->config.control, &table->checkpoint_timer);
    timer_cancel(table->config.control, &table->retention_timer);
    timer_cancel(table->config.control, &table->space_timer);
    return !table->checkpoint_running && !table->retention_running && !table->space_running;
}
