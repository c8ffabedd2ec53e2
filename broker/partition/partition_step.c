/* The monitor: events in, actions carried out in order, the outbox drained by one at a time. */
#include <stdio.h>

#include "broker/partition/partition_internal.h"

#include "common/wire/record_batch.h"

/* Rests of a partition before it is opened again. */
#define AGAIN_LEAST_MS 200
#define AGAIN_MOST_MS  10000

void partition_hold(struct partition *p)
{
    unsigned before = atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    assert(before > 0);
}

void partition_drop(struct partition *p)
{
    unsigned before = atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1) {
        loop_post(p->table->config.control, &p->bury);
    }
}

void partition_enter(struct partition *p)
{
    lock_enter(p->lock);
}

static void outbox_clear(struct outbox *outbox)
{
    outbox->tickets = NULL;
    outbox->tickets_end = &outbox->tickets;
    outbox->wait_count = 0;
    outbox->flags = 0;
}

static bool outbox_empty(const struct outbox *outbox)
{
    return outbox->tickets == NULL && outbox->wait_count == 0 && outbox->flags == 0;
}

static void post_fail(struct log_dir *dir)
{
    if (!atomic_exchange(&dir->fail_posted, true)) {
        loop_post(dir->table->config.control, &dir->fail_mail);
    }
}

/* Outside of the monitor. Letters that carry the partition hold it until they are read. */
static void carry_out(struct partition *p, const struct outbox *outbox)
{
    assert(!lock_held(p->lock));
    struct produce_ticket *ticket = outbox->tickets;
    while (ticket != NULL) {
        struct produce_ticket *next = ticket->next; /* once posted it is not ours any more */
        loop_post(ticket->loop, &ticket->mail);
        ticket = next;
    }
    for (uint32_t i = 0; i < outbox->wait_count; i++) {
        loop_post(outbox->waits[i]->loop, &outbox->waits[i]->mail);
    }
    if (outbox->flags & OUTBOX_SYNC) {
        dir_sync_queue(p);
    }
    if (outbox->flags & OUTBOX_SYNC_SOON) {
        dir_sync_soon(p);
    }
    if (outbox->flags & OUTBOX_ASK) {
        partition_hold(p);
        loop_post(p->table->config.control, &p->ask_mail);
    }
    if (outbox->flags & OUTBOX_PROVED) {
        partition_hold(p);
        loop_post(p->table->config.control, &p->proved_mail);
    }
    if (outbox->flags & OUTBOX_ROTTEN) {
        partition_hold(p);
        loop_post(p->table->config.control, &p->rotten_mail);
    }
    if (outbox->flags & OUTBOX_FETCH) {
        partition_hold(p);
        fetcher_look(p);
    }
    if (outbox->flags & OUTBOX_TICK) {
        partition_hold(p);
        loop_post(p->home, &p->tick_mail);
    }
    if (outbox->flags & OUTBOX_CHORES) {
        partition_hold(p);
        partition_chores_submit(p);
    }
    if (outbox->flags & OUTBOX_FAILED) {
        post_fail(p->dir);
    }
}

/* Parked fetches go into the outbox as far as it has room; the rest follow with the next round. */
static void wake_some(struct partition *p, struct list *parked, uint64_t news, uint64_t *told)
{
    struct list_node *node = *told == news ? NULL : list_first(parked);
    while (node != NULL && p->outbox.wait_count < ARRAY_LEN(p->outbox.waits)) {
        struct list_node *next = node->next == &parked->head ? NULL : node->next;
        struct fetch_part *part = CONTAINER_OF(node, struct fetch_part, node);
        if (part->seen != news) {
            list_remove(node);
            part->woken = true;
            if (!atomic_exchange(&part->wait->told, true)) {
                p->outbox.waits[p->outbox.wait_count++] = part->wait;
            }
        }
        node = next;
    }
    *told = node == NULL ? news : *told;
}

static void gather_woken(struct partition *p)
{
    wake_some(p, &p->followers, p->follower_news, &p->follower_told);
    wake_some(p, &p->consumers, p->consumer_news, &p->consumer_told);
}

static void note_tick(struct partition *p)
{
    if (p->state != PARTITION_OPEN && p->state != PARTITION_OFFLINE) {
        return;
    }
    time_ms at = p->state == PARTITION_OPEN ? replica_deadline(&p->core) : p->again_at_ms;
    if (at < p->tick_at_ms) {
        p->tick_at_ms = at;
        if (!p->tick_posted) {
            p->tick_posted = true;
            p->outbox.flags |= OUTBOX_TICK;
        }
    }
}

void partition_leave(struct partition *p)
{
    assert(lock_held(p->lock));
    note_tick(p);
    gather_woken(p);
    if (p->draining) {
        lock_leave(p->lock); /* whoever drains looks again before it ends */
        return;
    }
    p->draining = true;
    while (!outbox_empty(&p->outbox)) {
        struct outbox batch = p->outbox;
        outbox_clear(&p->outbox);
        lock_leave(p->lock);
        carry_out(p, &batch);
        lock_enter(p->lock);
        gather_woken(p);
    }
    p->draining = false;
    lock_leave(p->lock);
}

void partition_wake(struct partition *p, bool followers, bool consumers)
{
    p->follower_news += followers ? 1 : 0;
    p->consumer_news += consumers ? 1 : 0;
}

void partition_chore(struct partition *p, uint32_t chores)
{
    assert(lock_held(p->lock));
    p->chores |= chores;
    if (!p->chores_running && partition_chores_due(p) != 0) {
        p->chores_running = true;
        p->outbox.flags |= OUTBOX_CHORES;
    }
}

enum kafka_error partition_closed_error(const struct partition *p)
{
    switch (p->state) {
    case PARTITION_OFFLINE: return KAFKA_KAFKA_STORAGE_ERROR;
    case PARTITION_DELETED:
        return p->aside ? KAFKA_NOT_LEADER_OR_FOLLOWER : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    case PARTITION_OPEN: return KAFKA_NONE;
    default: return KAFKA_NOT_LEADER_OR_FOLLOWER;
    }
}

/* ---- carrying out a step's actions ---- */

static void tell(struct partition *p, struct step *step, const struct replica_action *action)
{
    struct produce_ticket *ticket = (struct produce_ticket *)(uintptr_t)action->ack.ticket;
    assert(ticket != NULL && ticket->state == TICKET_WAITS);
    bool good = action->ack.error == KAFKA_NONE;
    ticket->error = action->ack.error;
    ticket->duplicate = action->ack.duplicate;
    ticket->base_offset = good ? action->ack.base_offset : -1;
    ticket->log_append_time_ms = good && p->settings.log_append_time ? action->ack.max_timestamp_ms
                                                                     : -1;
    ticket->log_start_offset = good ? p->core.log_start : -1;
    ticket->state = TICKET_TOLD;
    if (ticket == step->ticket) {
        step->answered = true; /* its owner is here */
        return;
    }
    ticket->next = NULL;
    *p->outbox.tickets_end = ticket;
    p->outbox.tickets_end = &ticket->next;
}

static void goes_on(struct partition *p);

static void written(struct partition *p, size_t bytes)
{
    if (UNLIKELY(p->again_ms != AGAIN_LEAST_MS)) {
        goes_on(p);
    }
    p->unsynced_bytes += (int64_t)bytes;
    dir_space_used(p->dir, (int64_t)bytes);
    atomic_fetch_add_explicit(&p->dir->unsynced_bytes, (int64_t)bytes, memory_order_relaxed);
    if (log_active_base(p->log) != p->active_base) {
        p->active_base = log_active_base(p->log);
        partition_chore(p, CHORE_SNAPSHOT);
    }
}

static err_t append(struct partition *p, struct step *step, uint32_t count)
{
    assert(count > 0 && step->batches != NULL);
    size_t bytes = 0;
    assert(step->batches != NULL && count > 0);
    for (uint32_t i = 0; i < count; i++) {
        bytes += step->batches[i].n;
    }
    TRY(log_append(p->log, step->batches, count, clock_wall_ms(p->table->host)));
    written(p, bytes);
    /* A log that begins inside a batch could not be told so while it was empty. */
    log_set_start(p->log, min_i64(p->core.log_start, log_end(p->log)));
    return OK;
}

static err_t write_batch(struct partition *p, struct step *step,
                         const struct replica_action *action)
{
    assert(step->batch != NULL && action->write.base_offset == log_end(p->log));
    batch_stamp(step->batch, action->write.base_offset, action->write.leader_epoch);
    struct slice batch = slice_of(step->batch, step->batch_bytes);
    TRY(log_append(p->log, &batch, 1, clock_wall_ms(p->table->host)));
    written(p, step->batch_bytes);
    return OK;
}

void partition_request_sync(struct partition *p, struct loop *loop)
{
    if (!p->syncing && !p->sync_requested) {
        p->sync_requested = true;
        p->sync_loop = loop;
        p->outbox.flags |= loop == NULL ? OUTBOX_SYNC : OUTBOX_SYNC_SOON;
    }
}

void partition_prove(struct partition *p)
{
    if (!p->prove_wanted || p->state != PARTITION_OPEN) {
        p->proving = false;
        return;
    }
    /* Images may be passed over: by this one the topic may have been less than durable since that end was taken. */
    if (!p->proving || p->prove_epoch != p->view.partition_epoch) {
        p->proving = true;
        p->prove_epoch = p->view.partition_epoch;
        p->prove_end = log_end(p->log);
    }
    int64_t wanted = min_i64(p->prove_end, log_end(p->log));
    if (log_durable_end(p->log) < wanted && !MUTANT(96)) {
        p->sync_end = max_i64(p->sync_end, wanted);
        partition_request_sync(p, NULL);
    } else {
        p->prove_wanted = false;
        p->proving = false;
        p->proved_epoch = p->prove_epoch;
        p->outbox.flags |= p->proved_posted ? 0 : OUTBOX_PROVED;
        p->proved_posted = true;
    }
}

static void want_fetch(struct partition *p, bool urgent)
{
    p->fetch_urgent = p->fetch_urgent || urgent;
    if (!p->fetch_posted) {
        p->fetch_posted = true;
        p->outbox.flags |= OUTBOX_FETCH;
    }
}

static void want_ask(struct partition *p, const struct replica_isr_ask *ask)
{
    p->ask = *ask; /* one that is not yet read is out of date now */
    if (!p->ask_posted) {
        p->ask_posted = true;
        p->outbox.flags |= OUTBOX_ASK;
    }
}

static err_t cut_log(struct partition *p, const struct replica_action *action)
{
    time_ms wall = clock_wall_ms(p->table->host);
    int64_t to = action->kind == REPLICA_TRUNCATE ? action->truncate_to : NO_OFFSET;
    if (to < p->read_end) {
        p->read_end = to;
        p->rewinds++;
    }
    if (action->kind == REPLICA_TRUNCATE) {
        p->cut_to = min_i64(p->cut_to, to);
    } else if (p->core.producers_missing || action->restart.log_start == 0) {
        p->cut_to = -1; /* of what it holds from here on nothing tells that was noted before */
    }
    partition_chore(p, CHORE_TRIM);
    if (action->kind == REPLICA_TRUNCATE) {
        trace_log(p->table->config.trace, TRACE_INFO, TRACE_PARTITION,
                  "%s-%d: truncating from %lld to %lld, where its log leaves the leader's.",
                  p->name, p->index, (long long)log_end(p->log), (long long)action->truncate_to);
        /* Opened again, it may begin below the start that the checkpoint tells, by which a crash would throw away what comes now. */
        TRY(to < p->told_start ? log_renew(p->log) : OK);
        return log_truncate(p->log, to, wall);
    }
    trace_log(p->table->config.trace, TRACE_WARN, TRACE_PARTITION,
              "%s-%d: starting anew at %lld: nothing that it had up to %lld is left at the leader.",
              p->name, p->index, (long long)action->restart.at, (long long)log_end(p->log));
    /* A log of another history (an unclean election) may begin below the start that the checkpoint tells of ours. */
    bool renewed = action->restart.log_start < max_i64(log_start(p->log), p->told_start);
    return log_restart(p->log, action->restart.at, renewed, wall);
}

/* One action. An error is the log's: the rest of the list is void. */
static err_t act(struct partition *p, struct step *step, const struct replica_actions *actions,
                 const struct replica_action *action)
{
    switch (action->kind) {
    case REPLICA_WRITE: return write_batch(p, step, action);
    case REPLICA_APPEND: return append(p, step, action->append_count);
    case REPLICA_TRUNCATE:
    case REPLICA_RESTART: return cut_log(p, action);
    case REPLICA_ACK: tell(p, step, action); break;
    case REPLICA_SYNC:
        p->sync_end = action->sync.end;
        partition_request_sync(p, step->ticket == NULL ? NULL : step->ticket->loop);
        break;
    case REPLICA_SET_LOG_START:
        log_set_start(p->log, min_i64(action->set_log_start, log_end(p->log)));
        partition_chore(p, CHORE_START);
        break;
    case REPLICA_EPOCHS_CHANGED: partition_chore(p, CHORE_EPOCHS); break;
    case REPLICA_REBUILD:
        p->rebuilding = true;
        partition_chore(p, CHORE_REBUILD);
        break;
    case REPLICA_NOTE_PRODUCERS:
        p->noting = true;
        partition_chore(p, CHORE_START);
        break;
    case REPLICA_ASK_ISR: want_ask(p, &actions->ask); break;
    case REPLICA_READ: step->read = actions->read; break;
    case REPLICA_FETCH: want_fetch(p, action->fetch.urgent); break;
    case REPLICA_WAKE_FOLLOWERS: partition_wake(p, true, false); break;
    case REPLICA_WAKE_CONSUMERS: partition_wake(p, false, true); break;
    case REPLICA_BAD_FETCH: step->bad_fetch = action->bad_fetch; break;
    case REPLICA_HALT:
        partition_rest(
            p, "cannot go on (no memory, or its log knows epochs that the cluster does not)");
        break;
    }
    return OK;
}

/* What was to be acknowledged behind a failed write was not promised to anyone. */
static void void_rest(struct partition *p, struct step *step, const struct replica_actions *actions,
                      uint32_t from)
{
    for (uint32_t i = from; i < actions->count; i++) {
        if (actions->list[i].kind == REPLICA_ACK) {
            struct replica_action action = actions->list[i];
            action.ack.error = KAFKA_KAFKA_STORAGE_ERROR;
            tell(p, step, &action);
        }
    }
}

/* Of what could not be written: one that waits for nobody (acks = 0) was told by nobody. */
static void end_ticket(struct step *step)
{
    if (step->ticket != NULL && step->ticket->state == TICKET_WAITS) {
        step->ticket->error = KAFKA_KAFKA_STORAGE_ERROR;
        step->ticket->base_offset = -1;
        step->ticket->log_append_time_ms = -1;
        step->ticket->log_start_offset = -1;
        step->ticket->state = TICKET_TOLD;
        step->answered = true;
    }
}

void partition_step(struct partition *p, struct step *step)
{
    assert(lock_held(p->lock));
    assert(p->state == PARTITION_OPEN && p->log != NULL);
    struct replica_actions actions;
    err_t err = OK;
    step->event.now = partitions_now_ms(p->table);
    for (;;) {
        replica_step(&p->core, &step->event, &actions);
        uint32_t i = 0;
        while (err == OK && i < actions.count) {
            err = act(p, step, &actions, &actions.list[i++]);
        }
        if (err != OK) {
            void_rest(p, step, &actions, i);
        }
        if (!actions.more) {
            break;
        }
        step->event.kind = REPLICA_MORE;
    }
    /* A full device is a leader's end: others may have room. */
    bool spared = err_is_shortage(err) && (err != ERR_NO_SPACE || step->ticket == NULL);
    if (spared && !log_offline(p->log)) {
        partition_rest(p, "no room, or no memory, for what comes, or to note a cut");
        end_ticket(step);
        return;
    }
    if (err == ERR_CORRUPT &&
        step->ticket == NULL) { /* found on the way to where it was to be cut */
        partition_rot_offline(p, LOG_OFFSET_NONE, err);
        return;
    }
    if (err != OK) {
        trace_log(p->table->config.trace, TRACE_ERROR, TRACE_PARTITION,
                  "%s-%d: its log failed (%s); the log directory %s goes offline.", p->name,
                  p->index, err_text(err), p->dir->path);
        if (err == ERR_OFFLINE) { /* a sync on the way to a cut failed: nobody else notes that */
            log_dir_note_failed_sync(p->dir);
        }
        partition_fail(p);
        end_ticket(step);
        return;
    }
    assert(p->state != PARTITION_OPEN || log_end(p->log) == p->core.log_end);
}

void partition_halt(struct partition *p, enum partition_state state, enum kafka_error error)
{
    assert(lock_held(p->lock) && state > PARTITION_OPEN);
    bool open = p->state == PARTITION_OPEN;
    p->state = state;
    partition_wake(p, true, true);
    if (!open) {
        return;
    }
    struct step step = {.event = {.kind = REPLICA_STOP, .now = partitions_now_ms(p->table)}};
    step.event.stop.error = error;
    step.event.stop.failed_ticket = NO_TICKET;
    struct replica_actions actions;
    do {
        replica_step(&p->core, &step.event, &actions);
        for (uint32_t i = 0; i < actions.count; i++) {
            if (actions.list[i].kind == REPLICA_ACK) {
                tell(p, &step, &actions.list[i]);
            }
        }
        step.event.kind = REPLICA_MORE;
    } while (actions.more);
}

void partition_rest(struct partition *p, const char *why)
{
    assert(lock_held(p->lock) && p->state <= PARTITION_OFFLINE);
    time_ms now = partitions_now_ms(p->table);
    trace_log(p->table->config.trace, p->again_ms == AGAIN_LEAST_MS ? TRACE_ERROR : TRACE_DEBUG,
              TRACE_PARTITION, "%s-%d: %s; offline, and opened again when that may be over.",
              p->name, p->index, why);
    if (p->core.role != REPLICA_STOPPED) {
        partition_halt(p, PARTITION_OFFLINE, KAFKA_KAFKA_STORAGE_ERROR);
    }
    p->state = PARTITION_OFFLINE;
    p->resting = true;
    p->rested_ms = now;
    p->again_at_ms = now + p->again_ms;
    p->again_ms = min_i64(2 * p->again_ms, AGAIN_MOST_MS);
}

void partition_rot(struct partition *p, int64_t offset, err_t err)
{
    char where[32] = "its opening";
    assert(lock_held(p->lock) && err_is_unreadable(err));
    if (p->rotten || p->state > PARTITION_OFFLINE) {
        return;
    }
    if (offset >= 0) {
        int n = snprintf(where, sizeof(where), "offset %lld", (long long)offset);
        assert(n > 0);
    }
    p->rotten = true;
    p->outbox.flags |= MUTANT(143) ? 0 : OUTBOX_ROTTEN;
    trace_log(
        p->table->config.trace, TRACE_ERROR, TRACE_PARTITION,
        "%s-%d: its log in %s cannot be read at %s (%s). That is not served. Once another replica is known to have "
        "everything, this one is set aside as -stray and copied anew.",
        p->name, p->index, p->folder, where, err_text(err));
}

void partition_doubt(struct partition *p)
{
    partition_enter(p);
    bool counts = false;
    for (uint32_t i = 0; i < p->view.isr_count; i++) {
        counts = counts || p->view.isr[i] == p->table->config.broker_id;
    }
    if (p->state == PARTITION_OPEN && p->core.role == REPLICA_FOLLOWER && !counts) {
        partition_rot(p, log_end(p->log), ERR_CORRUPT);
    }
    partition_leave(p);
}

void partition_rot_offline(struct partition *p, int64_t offset, err_t err)
{
    partition_rot(p, offset, err);
    p->resting = true; /* nothing that the core says is written down, and no tick opens it again */
    partition_halt(p, PARTITION_OFFLINE, KAFKA_KAFKA_STORAGE_ERROR);
}

/* Records come in again. Told when it has lasted, so that a disk that is full now and then is not told of all the time. */
static void goes_on(struct partition *p)
{
    if (partitions_now_ms(p->table) - p->rested_ms > AGAIN_MOST_MS) {
        p->again_ms = AGAIN_LEAST_MS;
        trace_log(p->table->config.trace, TRACE_INFO, TRACE_PARTITION,
                  "%s-%d: open again, and records come in.", p->name, p->index);
    }
}

void partition_fail(struct partition *p)
{
    if (p->log != NULL) {
        log_set_offline(p->log);
    }
    partition_halt(p, PARTITION_OFFLINE, KAFKA_KAFKA_STORAGE_ERROR);
    p->outbox.flags |= OUTBOX_FAILED;
}

/* ---- ticks, on the home loop ---- */

static void tick_fire(struct timer *timer)
{
    struct partition *p = CONTAINER_OF(timer, struct partition, tick);
    partition_enter(p);
    p->tick_at_ms = TIME_NEVER;
    if (p->state == PARTITION_OPEN && replica_deadline(&p->core) <= partitions_now_ms(p->table)) {
        struct step step = {.event = {.kind = REPLICA_TICK}};
        partition_step(p, &step);
    }
    if (p->state == PARTITION_OFFLINE && p->again_at_ms <= partitions_now_ms(p->table)) {
        p->again_at_ms = TIME_NEVER;
        partition_chore(p, CHORE_REOPEN);
    }
    partition_leave(p);
    partition_drop(p);
}

/* The letter's hold goes over to the timer. */
static void tick_arm(struct mail *mail)
{
    struct partition *p = CONTAINER_OF(mail, struct partition, tick_mail);
    partition_enter(p);
    p->tick_posted = false;
    time_ms at = p->tick_at_ms;
    lock_leave(p->lock);
    if (timer_armed(&p->tick)) {
        timer_cancel(p->home, &p->tick);
        partition_drop(p);
    }
    if (at == TIME_NEVER) {
        partition_drop(p);
        return;
    }
    timer_arm(p->home, &p->tick, at * 1000);
}

void partition_tick_init(struct partition *p)
{
    outbox_clear(&p->outbox);
    list_init(&p->followers);
    list_init(&p->consumers);
    p->tick_at_ms = TIME_NEVER;
    p->again_at_ms = TIME_NEVER;
    p->again_ms = AGAIN_LEAST_MS;
    p->tick_mail.deliver = tick_arm;
    p->tick.fire = tick_fire;
}
