/* The brokers of a desk: their disks, and what their cores do, told line by line. */
#include "tests/golden/replica/desk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void desk_say(struct desk *desk, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(desk->out + desk->out_n, DESK_OUT_MAX - desk->out_n, fmt, args);
    va_end(args);
    assert(n >= 0 && (size_t)n < DESK_OUT_MAX - desk->out_n);
    desk->out_n += (size_t)n;
}

static void say_batch(struct desk *desk, const struct batch_receipt *batch)
{
    desk_say(desk, "[%ld", (long)batch->base_offset);
    if (batch->last_offset_delta > 0) {
        desk_say(desk, "-%ld", (long)receipt_last_offset(batch));
    }
    desk_say(desk, " e%d", batch->leader_epoch);
    if (batch->producer_id >= 0) {
        desk_say(desk, " p%ld/%d#%d", (long)batch->producer_id, batch->producer_epoch,
                 batch->base_sequence);
    }
    desk_say(desk, "]");
}

static void log_append(struct desk_broker *b, const struct batch_receipt *batch)
{
    assert(b->log_count < DESK_BATCHES && batch->base_offset >= b->log_end);
    b->log[b->log_count++] = *batch;
    b->log_end = receipt_last_offset(batch) + 1;
}

static void log_cut(struct desk_broker *b, int64_t to)
{
    while (b->log_count > 0 && receipt_last_offset(&b->log[b->log_count - 1]) >= to) {
        b->log_count--;
    }
    b->log_end = to;
}

static void save_epochs(struct desk_broker *b)
{
    uint32_t count;
    const struct epoch_entry *entries = replica_epochs(&b->core, &count);
    assert(count <= DESK_BATCHES);
    if (count > 0) {
        memcpy(b->epochs, entries, count * sizeof(*entries));
    }
    b->epoch_count = count;
}

/* What changes the disk. */
static bool carry_out(struct desk *desk, struct desk_broker *b, const struct replica_action *action,
                      const struct replica_event *event, const struct replica_fetched *fetched)
{
    switch (action->kind) {
    case REPLICA_WRITE: {
        struct batch_receipt batch = event->produce.receipt;
        batch.base_offset = action->write.base_offset;
        batch.leader_epoch = action->write.leader_epoch;
        log_append(b, &batch);
        desk_say(desk, "  %d: WRITE ", b->id);
        say_batch(desk, &batch);
        desk_say(desk, "\n");
        return true;
    }
    case REPLICA_APPEND:
        desk_say(desk, "  %d: APPEND", b->id);
        for (uint32_t i = 0; i < action->append_count; i++) {
            log_append(b, &fetched->receipts[i]);
            desk_say(desk, " ");
            say_batch(desk, &fetched->receipts[i]);
        }
        desk_say(desk, "\n");
        return true;
    case REPLICA_TRUNCATE:
        log_cut(b, action->truncate_to);
        desk_say(desk, "  %d: TRUNCATE to %ld\n", b->id, (long)action->truncate_to);
        return true;
    case REPLICA_RESTART:
        b->log_count = 0;
        b->log_end = action->restart.at;
        b->log_start = action->restart.log_start;
        desk_say(desk, "  %d: RESTART at %ld, starts at %ld\n", b->id, (long)action->restart.at,
                 (long)action->restart.log_start);
        return true;
    case REPLICA_SET_LOG_START:
        b->log_start = action->set_log_start;
        desk_say(desk, "  %d: SET LOG START %ld\n", b->id, (long)action->set_log_start);
        return true;
    case REPLICA_EPOCHS_CHANGED: save_epochs(b); return true;
    default: return false;
    }
}

static void say_ask(struct desk *desk, struct desk_broker *b, const struct replica_isr_ask *ask)
{
    b->ask = *ask;
    desk_say(desk, "  %d: ASK ISR #%lu at %d/%d for", b->id, (unsigned long)ask->number,
             ask->leader_epoch, ask->partition_epoch);
    for (uint32_t i = 0; i < ask->count; i++) {
        desk_say(desk, " %d(%ld)", ask->isr[i].id, (long)ask->isr[i].broker_epoch);
    }
    desk_say(desk, ", min %d\n", ask->min_isr);
}

static void say_ack(struct desk *desk, const struct desk_broker *b,
                    const struct replica_action *action)
{
    desk_say(desk, "  %d: ACK t%lu %s", b->id, (unsigned long)action->ack.ticket,
             kafka_error_name((int16_t)action->ack.error));
    if (action->ack.error == KAFKA_NONE) {
        desk_say(desk, " at %ld%s", (long)action->ack.base_offset,
                 action->ack.duplicate ? ", a duplicate" : "");
    }
    desk_say(desk, "\n");
}

static void say_read(struct desk *desk, const struct desk_broker *b,
                     const struct replica_read *read)
{
    if (read->error != KAFKA_NONE) {
        desk_say(desk, "  %d: READ %s\n", b->id, kafka_error_name((int16_t)read->error));
    } else if (read->diverging_epoch != NO_EPOCH) {
        desk_say(desk, "  %d: READ diverging: epoch %d ends at %ld\n", b->id, read->diverging_epoch,
                 (long)read->diverging_end);
    } else {
        desk_say(desk, "  %d: READ up to %ld, hw %ld%s\n", b->id, (long)read->end,
                 (long)read->high_watermark, read->at_once ? ", at once" : "");
    }
}

static void say_other(struct desk *desk, struct desk_broker *b, const struct replica_action *action,
                      const struct replica_actions *out)
{
    switch (action->kind) {
    case REPLICA_ACK: say_ack(desk, b, action); return;
    case REPLICA_SYNC:
        b->sync_end = action->sync.end;
        b->sync_cut = action->sync.cut;
        desk_say(desk, "  %d: SYNC up to %ld\n", b->id, (long)action->sync.end);
        return;
    case REPLICA_REBUILD:
        b->rebuild_to = action->rebuild_to;
        desk_say(desk, "  %d: REBUILD producers up to %ld\n", b->id, (long)action->rebuild_to);
        return;
    case REPLICA_NOTE_PRODUCERS:
        desk_say(desk, "  %d: NOTE producers of what is deleted: %u\n", b->id,
                 b->core.producers.by_id.count);
        return;
    case REPLICA_ASK_ISR: say_ask(desk, b, &out->ask); return;
    case REPLICA_READ: say_read(desk, b, &out->read); return;
    case REPLICA_FETCH:
        desk_say(desk, "  %d: FETCH%s\n", b->id,
                 action->fetch.urgent ? ", the leader waits for it" : "");
        return;
    case REPLICA_WAKE_CONSUMERS:
        desk_say(desk, "  %d: WAKE consumers, hw %ld\n", b->id, (long)b->core.high_watermark);
        return;
    case REPLICA_WAKE_FOLLOWERS: desk_say(desk, "  %d: WAKE followers\n", b->id); return;
    case REPLICA_BAD_FETCH:
        desk_say(desk, "  %d: BAD FETCH %s\n", b->id, kafka_error_name((int16_t)action->bad_fetch));
        return;
    default: assert(action->kind == REPLICA_HALT); desk_say(desk, "  %d: HALT\n", b->id);
    }
}

void desk_step(struct desk *desk, struct desk_broker *b, struct replica_event *event,
               const struct replica_fetched *fetched)
{
    struct replica_actions out;
    struct replica_event more = {.kind = REPLICA_MORE};
    do {
        event->now = desk->now;
        replica_step(&b->core, event, &out);
        replica_check(&b->core);
        for (uint32_t i = 0; i < out.count; i++) {
            if (!carry_out(desk, b, &out.list[i], event, fetched)) {
                say_other(desk, b, &out.list[i], &out);
            }
        }
        event = &more;
    } while (out.more);
}

void desk_rebuild(struct desk *desk, struct desk_broker *b)
{
    for (uint32_t i = 0; i < b->log_count; i++) {
        struct replica_event event = {.kind = REPLICA_REPLAY, .replay = b->log[i]};
        desk_step(desk, b, &event, NULL);
    }
    struct replica_event loaded = {.kind = REPLICA_LOADED};
    desk_step(desk, b, &loaded, NULL);
}

void desk_boot(struct desk *desk, struct desk_broker *b)
{
    assert(!b->up);
    b->up = true;
    heap_init(&b->heap, &desk->source, 16 << 20);
    replica_init(&b->core,
                 &(struct replica_config){.self_id = b->id, .producer_expiration_ms = 86400000},
                 &b->heap);
    struct replica_event load = {.kind = REPLICA_LOAD};
    load.load.log_start = b->log_start;
    load.load.log_end = b->log_end;
    load.load.epochs = b->epochs;
    load.load.epoch_count = b->epoch_count;
    desk_step(desk, b, &load, NULL);
    desk_rebuild(desk, b);
    save_epochs(b);
}

void desk_stop(struct desk_broker *b)
{
    if (b->up) {
        replica_release(&b->core);
        heap_release(&b->heap);
        b->up = false;
    }
}

void desk_show(struct desk *desk, const struct desk_broker *b)
{
    static const char *const roles[] = {"loading", "idle", "follower", "leader", "stopped"};
    desk_say(desk, "  %d: ", b->id);
    if (!b->up) {
        desk_say(desk, "down;");
    } else {
        const struct replica *core = &b->core;
        desk_say(desk, "%s in epoch %d, hw %ld, synced %ld;", roles[core->role],
                 core->view.leader_epoch, (long)core->high_watermark, (long)core->durable_end);
    }
    desk_say(desk, " log %ld-%ld", (long)b->log_start, (long)b->log_end);
    for (uint32_t i = 0; i < b->log_count; i++) {
        desk_say(desk, " ");
        say_batch(desk, &b->log[i]);
    }
    desk_say(desk, "; epochs");
    for (uint32_t i = 0; i < b->epoch_count; i++) {
        desk_say(desk, " %d@%ld", b->epochs[i].epoch, (long)b->epochs[i].start_offset);
    }
    desk_say(desk, "\n");
}

bool desk_fetch_ask(struct desk *desk, struct desk_broker *b, struct desk_fetch *fetch)
{
    struct replica_fetch_plan plan;
    if (!b->up || !replica_fetch_plan(&b->core, &plan)) {
        desk_say(desk, "  %d: nothing to fetch\n", b->id);
        return false;
    }
    *fetch = (struct desk_fetch){.used = true, .follower = b->id, .leader = plan.leader};
    fetch->request = (struct replica_follower_fetch){.replica_id = b->id,
                                                     .broker_epoch = plan.broker_epoch,
                                                     .current_leader_epoch = plan.leader_epoch,
                                                     .fetch_offset = plan.fetch_offset,
                                                     .last_fetched_epoch = plan.last_fetched_epoch,
                                                     .durable_offset = plan.durable_offset,
                                                     .high_watermark = plan.high_watermark,
                                                     .log_start = plan.log_start,
                                                     .asks_producers = plan.producers_below >= 0};
    desk_say(desk, "  %d -> %d: fetch from %ld after epoch %d, synced %ld, in epoch %d%s\n", b->id,
             plan.leader, (long)plan.fetch_offset, plan.last_fetched_epoch,
             (long)plan.durable_offset, plan.leader_epoch,
             fetch->request.asks_producers ? "; who wrote what is deleted?" : "");
    return true;
}

static void tell_producers(const struct desk_broker *leader, struct desk_fetch *fetch)
{
    uint32_t at = 0;
    struct producer_entry entry;
    fetch->answer.producers_told = true;
    while (replica_next_producer_below(&leader->core, &at, fetch->request.log_start, &entry)) {
        assert(fetch->answer.producer_count < DESK_PRODUCERS);
        fetch->producers[fetch->answer.producer_count++] = entry;
    }
}

void desk_fetch_arrive(struct desk *desk, struct desk_fetch *fetch)
{
    struct desk_broker *leader = &desk->brokers[fetch->leader];
    if (!leader->up) {
        desk_say(desk, "  %d is down\n", leader->id);
        fetch->used = false;
        return;
    }
    struct replica_event event = {
        .kind = REPLICA_FOLLOWER_FETCH, .now = desk->now, .follower_fetch = fetch->request};
    desk_step(desk, leader, &event, NULL);
    struct replica_read read;
    struct replica_read_request request = {
        .replica_id = fetch->request.replica_id,
        .current_leader_epoch = fetch->request.current_leader_epoch,
        .fetch_offset = fetch->request.fetch_offset,
        .last_fetched_epoch = fetch->request.last_fetched_epoch,
        .high_watermark = fetch->request.high_watermark,
        .log_start = fetch->request.log_start};
    enum kafka_error error = replica_read(&leader->core, &request, &read);
    fetch->answered = true;
    fetch->answer = (struct replica_fetched){
        .leader_epoch = fetch->request.current_leader_epoch,
        .fetch_offset = fetch->request.fetch_offset,
        .last_fetched_epoch = fetch->request.last_fetched_epoch,
        .error = error,
        .high_watermark = read.high_watermark,
        .log_start_offset = read.log_start,
        .diverging_epoch = read.diverging_epoch,
        .diverging_end = read.diverging_end,
        .receipts = fetch->batches,
        .producers_asked = fetch->request.asks_producers};
    bool good = error == KAFKA_NONE && read.diverging_epoch == NO_EPOCH;
    if (good && fetch->request.asks_producers) {
        tell_producers(leader, fetch);
        return;
    }
    for (uint32_t i = 0; good && i < leader->log_count; i++) {
        if (receipt_last_offset(&leader->log[i]) >= fetch->request.fetch_offset) {
            fetch->batches[fetch->answer.receipt_count++] = leader->log[i];
        }
    }
}

void desk_fetch_deliver(struct desk *desk, struct desk_fetch *fetch)
{
    struct desk_broker *follower = &desk->brokers[fetch->follower];
    assert(fetch->answered);
    if (follower->up) {
        struct replica_event event = {.kind = REPLICA_FETCHED, .fetched = fetch->answer};
        event.fetched.receipts = fetch->batches;
        event.fetched.producers = fetch->producers;
        desk_step(desk, follower, &event, &event.fetched);
    }
    fetch->used = false;
}
