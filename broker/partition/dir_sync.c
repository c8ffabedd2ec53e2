/*
 * Group commit of one log directory. Logs with unsynced bytes queue up, each at most once; a few jobs of the pool take them
 * in turn. What is written to a log while its sync is under way waits for the next turn, so one fsync releases all acks that
 * came before it. A job ends when the queue is empty; a new one starts with the next log. What clients append asks for its sync by a
 * letter to their own loop, which is read when the turn's requests are done: one sync for all of them, not one for the first.
 *
 * Above unsynced_bytes_max answers that need no sync (acks 0 and 1) are held back until there is room again.
 */
#include "broker/partition/partition_internal.h"

/* Inside the directory's lock. */
static void queue_push(struct log_dir *dir, struct partition *p)
{
    assert(lock_held(dir->lock));
    partition_hold(p);
    p->sync_next = NULL;
    *dir->queue_end = p;
    dir->queue_end = &p->sync_next;
}

void dir_sync_queue(struct partition *p)
{
    struct log_dir *dir = p->dir;
    struct sync_worker *worker = NULL;
    lock_enter(dir->lock);
    queue_push(dir, p);
    if (dir->syncs < DIR_SYNCS_MAX) {
        for (uint32_t i = 0; i < DIR_WORKERS && worker == NULL; i++) {
            worker = dir->workers[i].busy ? NULL : &dir->workers[i];
        }
        if (worker != NULL) {
            worker->busy = true;
            dir->syncs++;
        }
    }
    lock_leave(dir->lock);
    if (worker != NULL) {
        disk_submit(dir->table->config.control, &worker->job);
    }
}

/* The next log; NULL: none is left, and the worker is nobody's any more. While the table closes it says so and is busy until
 * that is heard, so that the directory does not go away under it. */
static struct partition *queue_pop(struct sync_worker *worker, bool *ret_tell)
{
    struct log_dir *dir = worker->dir;
    *ret_tell = false;
    lock_enter(dir->lock);
    struct partition *p = dir->queue;
    if (p == NULL) {
        assert(dir->syncs > 0 && worker->busy);
        dir->syncs--;
        *ret_tell = atomic_load(&dir->table->closing_begun);
        worker->busy = *ret_tell;
    } else {
        dir->queue = p->sync_next;
        if (dir->queue == NULL) {
            dir->queue_end = &dir->queue;
        }
    }
    lock_leave(dir->lock);
    return p;
}

void partition_synced(struct partition *p, struct log_sync *sync, uint32_t cut, err_t err)
{
    if (p->log == NULL) {
        return;
    }
    int64_t durable = log_sync_done(p->log, sync, err);
    /* One that rests must not be opened again with pages that are not on the disk. */
    bool failed = err != OK && p->state == PARTITION_OFFLINE;
    if (p->state != PARTITION_OPEN && !failed) {
        return;
    }
    if (err != OK) {
        trace_log(p->table->config.trace, TRACE_ERROR, TRACE_PARTITION,
                  "%s-%d: fsync failed (%s); the log directory %s goes offline.", p->name, p->index,
                  err_text(err), p->dir->path);
        partition_fail(p);
        return;
    }
    struct step step = {.event = {.kind = REPLICA_DURABLE}};
    step.event.durable.end = durable;
    step.event.durable.cut = cut;
    partition_step(p, &step);
}

static void sync_one(struct partition *p)
{
    struct log_sync sync;
    partition_enter(p);
    p->sync_requested = false;
    uint32_t cut = p->core.cut;
    bool taken = p->state == PARTITION_OPEN && !p->syncing && log_sync_take(p->log, &sync);
    int64_t bytes = taken ? p->unsynced_bytes : 0;
    p->unsynced_bytes -= bytes;
    p->syncing = p->syncing || taken;
    partition_leave(p);
    if (!taken) {
        return;
    }
    err_t err = log_sync_run(&sync);
    if (err != OK) {
        log_dir_note_failed_sync(p->dir);
    }
    partition_enter(p);
    p->syncing = false;
    partition_synced(p, &sync, cut, err);
    partition_prove(p);
    bool more = p->state == PARTITION_OPEN &&
                log_durable_end(p->log) < min_i64(p->sync_end, log_end(p->log));
    more = more && !p->sync_requested;
    p->sync_requested = p->sync_requested || more;
    if (p->chores != 0) {
        partition_chore(p, 0); /* closing and deleting wait for the sync */
    }
    partition_leave(p);
    if (more) { /* behind the others; by whoever is free first, us included: nobody is woken for it */
        lock_enter(p->dir->lock);
        queue_push(p->dir, p);
        lock_leave(p->dir->lock);
    }
    atomic_fetch_sub_explicit(&p->dir->unsynced_bytes, bytes, memory_order_relaxed);
    dir_release_held(p->dir, false);
}

static void worker_work(struct disk_job *job)
{
    struct sync_worker *worker = CONTAINER_OF(job, struct sync_worker, job);
    struct partition *p;
    bool tell;
    while ((p = queue_pop(worker, &tell)) != NULL) {
        sync_one(p);
        partition_drop(p);
    }
    if (tell) {
        loop_post(worker->dir->table->config.control, &worker->rest_mail);
    }
}

static void worker_rested(struct mail *mail)
{
    struct sync_worker *worker = CONTAINER_OF(mail, struct sync_worker, rest_mail);
    struct log_dir *dir = worker->dir;
    lock_enter(dir->lock);
    /* While its letter was under way all other workers may have been so, too. */
    bool again = dir->queue != NULL && dir->syncs < DIR_SYNCS_MAX;
    worker->busy = again;
    dir->syncs += again ? 1 : 0;
    lock_leave(dir->lock);
    if (again) {
        disk_submit(dir->table->config.control, &worker->job);
    } else {
        table_try_finish(dir->table);
    }
}

static void sync_soon(struct mail *mail)
{
    struct partition *p = CONTAINER_OF(mail, struct partition, sync_mail);
    dir_sync_queue(p);
    partition_drop(p);
}

void dir_sync_soon(struct partition *p)
{
    partition_hold(p);
    p->sync_mail.deliver = sync_soon;
    loop_post(p->sync_loop, &p->sync_mail);
}

bool dir_sync_idle(struct log_dir *dir)
{
    bool idle = true;
    lock_enter(dir->lock);
    for (uint32_t i = 0; i < DIR_WORKERS; i++) {
        idle = idle && !dir->workers[i].busy;
    }
    lock_leave(dir->lock);
    return idle;
}

/* ---- back-pressure ---- */

static bool has_room(struct log_dir *dir)
{
    return atomic_load_explicit(&dir->unsynced_bytes, memory_order_relaxed) <=
               dir->table->config.unsynced_bytes_max ||
           atomic_load(&dir->offline);
}

bool dir_hold(struct log_dir *dir, struct produce_ticket *ticket)
{
    if (LIKELY(has_room(dir))) {
        return false;
    }
    lock_enter(dir->lock);
    ticket->next = NULL;
    *dir->held_end = ticket;
    dir->held_end = &ticket->next;
    lock_leave(dir->lock);
    if (!atomic_exchange(&dir->pressure_posted, true)) {
        loop_post(dir->table->config.control, &dir->pressure_mail);
    }
    return true;
}

bool dir_unhold(struct log_dir *dir, struct produce_ticket *ticket)
{
    bool found = false;
    lock_enter(dir->lock);
    for (struct produce_ticket **at = &dir->held; *at != NULL && !found; at = &(*at)->next) {
        if (*at == ticket) {
            *at = ticket->next;
            if (*at == NULL) {
                dir->held_end = at;
            }
            found = true;
            break;
        }
    }
    lock_leave(dir->lock);
    return found;
}

void dir_release_held(struct log_dir *dir, bool all)
{
    if (!all && !has_room(dir)) {
        return;
    }
    lock_enter(dir->lock);
    struct produce_ticket *ticket = dir->held;
    dir->held = NULL;
    dir->held_end = &dir->held;
    lock_leave(dir->lock);
    while (ticket != NULL) {
        struct produce_ticket *next = ticket->next;
        loop_post(ticket->loop, &ticket->mail);
        ticket = next;
    }
}

/* On the control loop: all that is unsynced is queued, so that room comes even from logs that nobody waits for. */
static void pressure(struct mail *mail)
{
    struct log_dir *dir = CONTAINER_OF(mail, struct log_dir, pressure_mail);
    atomic_store(&dir->pressure_posted, false);
    struct partition *p = NULL;
    while ((p = table_next(dir->table, p)) != NULL) {
        if (p->dir != dir) {
            continue;
        }
        partition_enter(p);
        if (p->state == PARTITION_OPEN && p->unsynced_bytes > 0 && !p->sync_requested) {
            p->sync_end = max_i64(p->sync_end, log_end(p->log));
            partition_request_sync(p, NULL);
        }
        partition_leave(p);
    }
    dir_release_held(dir, false); /* it may have come between the look and the hold */
}

void dir_sync_init(struct log_dir *dir)
{
    dir_space_init(dir);
    dir->queue_end = &dir->queue;
    dir->held_end = &dir->held;
    dir->pressure_mail.deliver = pressure;
    for (uint32_t i = 0; i < DIR_WORKERS; i++) {
        dir->workers[i].dir = dir;
        dir->workers[i].job.work = worker_work;
        dir->workers[i].rest_mail.deliver = worker_rested;
    }
}
