/* What must be true of a run, whatever happened in it. */
#include "tests/unit/broker/replica/world/world.h"

/* What a high watermark has passed is committed for good: every later log shows the same there. */
static void judge_committed(struct world *w, struct broker *b)
{
    int64_t to = b->core.high_watermark;
    if (to >= OFFSETS_MAX) {
        world_wrong(w, "too many records for the test");
        return;
    }
    for (int64_t offset = max_i64(b->checked_to, b->log_start); offset < to; offset++) {
        uint64_t value = broker_value_at(b, offset);
        if (value == 0) {
            world_wrong(w, "broker %d: nothing at %ld below its high watermark %ld", b->id,
                        (long)offset, (long)to);
        } else if (w->committed[offset] == 0) {
            if (b->core.role != REPLICA_LEADER) {
                world_wrong(w, "follower %d: committed %ld before any leader", b->id, (long)offset);
            }
            w->committed[offset] = value;
            w->committed_end = max_i64(w->committed_end, offset + 1);
        } else if (w->committed[offset] != value) {
            world_wrong(w, "broker %d: at %ld stands %lu, committed was %lu", b->id, (long)offset,
                        (unsigned long)value, (unsigned long)w->committed[offset]);
        }
    }
    b->checked_to = max_i64(b->checked_to, to);
}

void judge_broker(struct world *w, struct broker *b)
{
    const struct replica *core = &b->core;
    if (core->log_end != b->log_end || core->log_start != b->log_start) {
        world_wrong(w, "broker %d: core has [%ld, %ld), the log [%ld, %ld)", b->id,
                    (long)core->log_start, (long)core->log_end, (long)b->log_start,
                    (long)b->log_end);
    }
    if (core->durable_end > b->synced_end) {
        world_wrong(w, "broker %d: takes %ld for durable, synced is %ld", b->id,
                    (long)core->durable_end, (long)b->synced_end);
    }
    bool enough = (int32_t)__builtin_popcount(core->isr) >= core->view.min_isr;
    if (core->role == REPLICA_LEADER && core->high_watermark > b->checked_to && !enough) {
        world_wrong(w, "broker %d: commits with %d in sync", b->id, __builtin_popcount(core->isr));
    }
    int64_t latest = 0;
    if (core->role == REPLICA_LEADER && replica_latest(core, NO_EPOCH, &latest) == KAFKA_NONE &&
        latest < w->committed_end && core->view.leader_epoch == w->controller.view.leader_epoch &&
        latest < core->leading.epoch_start) {
        world_wrong(w, "broker %d: shows %ld as latest, %ld were shown before", b->id, (long)latest,
                    (long)w->committed_end);
    }
    judge_committed(w, b);
}

static void judge_fsynced(struct world *w, const struct broker *leader, int64_t end)
{
    const struct controller *c = &w->controller;
    if (c->view.durability != REPLICA_DISK ||
        c->view.leader_epoch != leader->core.view.leader_epoch) {
        return;
    }
    for (uint32_t i = 0; i < c->view.isr_count; i++) {
        const struct broker *member = &w->brokers[c->view.isr[i]];
        if (member->synced_end < end) {
            world_wrong(w, "acknowledged up to %ld, in-sync %d has synced %ld", (long)end,
                        member->id, (long)member->synced_end);
        }
    }
}

void judge_ack(struct world *w, struct broker *b, const struct ticket *ticket,
               const struct replica_action *action)
{
    int64_t base = action->ack.base_offset;
    int64_t end = base + ticket->records;
    w->acked++;
    if (base < 0 || end > b->core.high_watermark) {
        world_wrong(w, "broker %d: acknowledges [%ld, %ld) above its high watermark %ld", b->id,
                    (long)base, (long)end, (long)b->core.high_watermark);
        return;
    }
    for (int64_t offset = max_i64(base, w->started_end); offset < end; offset++) {
        if (w->committed[offset] != ticket->value) {
            world_wrong(w, "broker %d: acknowledges batch %lu at %ld, where %lu is committed",
                        b->id, (unsigned long)ticket->value, (long)base,
                        (unsigned long)w->committed[offset]);
        }
    }
    judge_fsynced(w, b, end);
}

static void judge_equal(struct world *w)
{
    for (int i = 1; i <= BROKERS; i++) {
        const struct broker *b = &w->brokers[i];
        for (int64_t offset = b->log_start; offset < b->log_end; offset++) {
            if (broker_value_at(b, offset) != w->committed[offset]) {
                world_wrong(w, "at the end broker %d has %lu at %ld, committed was %lu", i,
                            (unsigned long)broker_value_at(b, offset), (long)offset,
                            (unsigned long)w->committed[offset]);
            }
        }
    }
}

/* Each producer's batches once, in order, without gaps. */
static void judge_sequences(struct world *w, const struct broker *b)
{
    int32_t next[CLIENTS];
    int16_t epochs[CLIENTS];
    memset(next, -1, sizeof(next));
    memset(epochs, -1, sizeof(epochs));
    for (uint32_t i = b->log_first; i < b->log_count; i++) {
        const struct batch_receipt *receipt = &b->log[i].receipt;
        if (receipt->producer_id < 0) {
            continue;
        }
        int producer = (int)(receipt->producer_id - 1000);
        bool first = epochs[producer] < 0;
        bool same = epochs[producer] == receipt->producer_epoch;
        int32_t expected = same ? next[producer] : 0;
        bool resumed = same && receipt->base_sequence == w->clients[producer].resumed_at;
        if ((!first && receipt->base_sequence != expected && !resumed) ||
            receipt->producer_epoch < epochs[producer]) {
            world_wrong(w, "producer %d: sequence %d of epoch %d at %ld, expected %d", producer,
                        receipt->base_sequence, receipt->producer_epoch, (long)receipt->base_offset,
                        expected);
        }
        epochs[producer] = receipt->producer_epoch;
        next[producer] = sequence_add(receipt->base_sequence, receipt->record_count);
    }
}

void judge_producers(struct world *w, struct broker *b)
{
    time_ms before = w->now;
    for (int i = 0; i < CLIENTS - 1; i++) {
        before = min_i64(before, b->wrote_ms[i]);
    }
    uint32_t forgotten = producer_table_expire(&b->core.producers, before);
    if (forgotten > 0) {
        world_wrong(w, "broker %d: forgets %u producers that wrote since", b->id, forgotten);
    }
}

void judge_end(struct world *w)
{
    judge_equal(w);
    judge_sequences(w, &w->brokers[w->controller.view.leader]);
}
