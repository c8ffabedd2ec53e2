/* Following: agreeing with the leader's log by epochs (KIP-101, KIP-279, KIP-595), then appending what it sends. */
#include "broker/replica/replica_internal.h"

void follower_begin(struct replica *replica, struct replica_actions *actions)
{
    assert(replica->role == REPLICA_FOLLOWER);
    isr_settle(replica);
    if (MUTANT(1)) {
        replica_truncate(replica, max_i64(replica->high_watermark, replica->log_start), actions);
    }
    if (replica->producers_ready) {
        action_add(actions, REPLICA_FETCH);
    }
}

static void bad(struct replica_actions *actions, enum kafka_error error)
{
    assert(error != KAFKA_NONE);
    action_add(actions, REPLICA_BAD_FETCH)->bad_fetch = error;
}

/* The leader has nothing at our end. Only a log that ends below the leader's start, or holds nothing, may be given up. */
static void out_of_range(struct replica *replica, int64_t leader_start,
                         struct replica_actions *actions)
{
    bool behind = leader_start > replica->log_end;
    bool empty = replica->log_start == replica->log_end && leader_start != replica->log_end;
    if (leader_start >= 0 && (behind || empty)) {
        PROBE(REPLICA_BEHIND_START);
        replica_restart(replica, leader_start, leader_start, actions);
    } else {
        bad(actions, KAFKA_OFFSET_OUT_OF_RANGE);
    }
}

/* One round of KIP-279: back to the end of the largest epoch that both know, as far as both have it. */
static void diverged(struct replica *replica, const struct replica_fetched *fetched,
                     struct replica_actions *actions)
{
    int32_t epoch;
    int64_t end;
    epoch_cache_end(&replica->epochs, fetched->diverging_epoch, replica->log_end, &epoch, &end);
    if (epoch == NO_EPOCH || fetched->diverging_end < 0 ||
        fetched->diverging_epoch > fetched->last_fetched_epoch) {
        bad(actions, KAFKA_UNKNOWN_SERVER_ERROR);
        return;
    }
    PROBE(REPLICA_DIVERGED);
    int64_t to = epoch == fetched->diverging_epoch ? min_i64(end, fetched->diverging_end) : end;
    if (epoch != fetched->diverging_epoch) {
        PROBE(REPLICA_EPOCH_UNKNOWN);
    }
    if (MUTANT(2)) {
        to = min_i64(fetched->diverging_end, replica->log_end);
    }
    assert(to <= replica->log_end);
    /* At our start, too: it may lie inside a batch, which no cut can keep a part of. */
    if (to < replica->log_start || (to == replica->log_start && to > 0 && to < replica->log_end)) {
        PROBE(REPLICA_DIVERGED_BELOW_START);
        replica_restart(replica, to, to, actions);
        return;
    }
    /* What the leader has deleted no longer says where epochs ended: its start may lie inside a batch of ours. */
    int64_t leader_start = fetched->log_start_offset;
    if (leader_start > 0 && to <= leader_start) {
        replica_restart(replica, leader_start, leader_start, actions);
        return;
    }
    int64_t end_before = replica->log_end;
    uint32_t epochs_before = replica->epochs.count;
    replica_truncate(replica, to, actions);
    if (replica->log_end == end_before && replica->epochs.count == epochs_before) {
        bad(actions, KAFKA_UNKNOWN_SERVER_ERROR); /* the leader contradicts itself: do not spin */
    }
}

/* Whether this batch may follow the end. Compaction alone leaves gaps; epochs never fall nor pass the leader's own. */
static bool continues_log(const struct replica *replica, const struct batch_receipt *receipt,
                          bool whole)
{
    bool gap = receipt->base_offset > replica->log_end;
    return receipt->base_offset >= replica->log_end && !(gap && whole) &&
           receipt->last_offset_delta >= 0 &&
           receipt->base_offset < INT64_MAX - receipt->last_offset_delta &&
           receipt->record_count >= 0 && receipt->record_count <= receipt->last_offset_delta + 1 &&
           receipt->leader_epoch >= max_i64(0, epoch_cache_latest(&replica->epochs)) &&
           receipt->leader_epoch <= replica->view.leader_epoch;
}

/* An empty log may begin inside a batch (DeleteRecords on the leader): then it takes the whole batch. */
static void begin_inside_batch(struct replica *replica, const struct batch_receipt *first,
                               struct replica_actions *actions)
{
    bool empty = replica->log_start == replica->log_end;
    bool inside = first->base_offset >= 0 && first->base_offset < replica->log_end &&
                  first->last_offset_delta >= 0 && receipt_last_offset(first) >= replica->log_end;
    if (empty && inside) {
        PROBE(REPLICA_BEGINS_INSIDE_BATCH);
        replica_restart(replica, first->base_offset, replica->log_start, actions);
    }
}

static bool append_one(struct replica *replica, const struct batch_receipt *receipt, time_ms now,
                       bool *ret_epoch_new)
{
    bool changed;
    if (!epoch_cache_reserve(&replica->epochs, 1)) {
        return false;
    }
    if (MUTANT(71) && producer_table_validate(&replica->producers, receipt) != KAFKA_NONE) {
        return false;
    }
    if (!MUTANT(66) && !producer_table_append(&replica->producers, receipt, now)) {
        return false;
    }
    bool assigned = epoch_cache_assign(&replica->epochs, receipt->leader_epoch,
                                       receipt->base_offset, &changed);
    assert(assigned);
    *ret_epoch_new = *ret_epoch_new || changed;
    replica->log_end = receipt_last_offset(receipt) + 1;
    return true;
}

static void append(struct replica *replica, const struct replica_event *event,
                   struct replica_actions *actions)
{
    const struct replica_fetched *fetched = &event->fetched;
    enum kafka_error error = KAFKA_NONE;
    bool epoch_new = false;
    uint32_t count = 0;
    if (fetched->receipt_count > 0) {
        begin_inside_batch(replica, &fetched->receipts[0], actions);
    }
    while (count < fetched->receipt_count && error == KAFKA_NONE) {
        const struct batch_receipt *receipt = &fetched->receipts[count];
        if (!continues_log(replica, receipt, fetched->whole)) {
            error = KAFKA_CORRUPT_MESSAGE;
        } else if (!append_one(replica, receipt, event->now, &epoch_new)) {
            error = KAFKA_REQUEST_TIMED_OUT; /* memory is out: later */
        } else {
            count++;
        }
    }
    if (count > 0) {
        action_add(actions, REPLICA_APPEND)->append_count = count;
    } else if (replica->log_end < replica->log_start) {
        replica_restart(replica, replica->log_start, replica->log_start, actions);
    }
    if (epoch_new) {
        action_add(actions, REPLICA_EPOCHS_CHANGED);
    }
    if (error != KAFKA_NONE) {
        bad(actions, error);
    }
    replica_want_sync(replica, actions);
}

/* The leader's bounds, as far as our log reaches. The high watermark is a hint here and may fall (never cut by it). */
static void take_bounds(struct replica *replica, const struct replica_fetched *fetched,
                        struct replica_actions *actions)
{
    if (fetched->high_watermark >= 0) {
        int64_t hw = MUTANT(13) ? fetched->high_watermark
                                : min_i64(fetched->high_watermark, replica->log_end);
        hw = max_i64(hw, replica->log_start);
        if (hw > replica->high_watermark) {
            action_add(actions, REPLICA_WAKE_CONSUMERS);
        }
        if (hw < replica->high_watermark) {
            PROBE(REPLICA_WATERMARK_FALLS);
        }
        replica->high_watermark = hw;
    }
    int64_t log_start = min_i64(fetched->log_start_offset, replica->high_watermark);
    if (log_start > replica->log_start) {
        action_add(actions, REPLICA_SET_LOG_START)->set_log_start = log_start;
        replica_move_log_start(replica, log_start, actions);
    }
}

void follower_fetched(struct replica *replica, const struct replica_event *event,
                      struct replica_actions *actions)
{
    const struct replica_fetched *fetched = &event->fetched;
    if (replica->role != REPLICA_FOLLOWER || !replica->producers_ready) {
        return;
    }
    bool same_epoch = fetched->leader_epoch == replica->view.leader_epoch || MUTANT(5);
    if (!same_epoch || fetched->fetch_offset != replica->log_end ||
        fetched->last_fetched_epoch != epoch_cache_latest(&replica->epochs)) {
        PROBE(REPLICA_STALE_ANSWER);
        return;
    }
    if (replica->producers_missing && !fetched->producers_asked) {
        return; /* asked for before: what comes now would be taken without those of whom it says nothing */
    }
    if (fetched->error == KAFKA_OFFSET_OUT_OF_RANGE) {
        out_of_range(replica, fetched->log_start_offset, actions);
    } else if (fetched->error != KAFKA_NONE) {
        bad(actions, fetched->error);
    } else if (fetched->diverging_epoch != NO_EPOCH) {
        diverged(replica, fetched, actions);
    } else if (replica->producers_missing && fetched->producers_told) {
        if (!replica_take_producers(replica, fetched, event->now, actions)) {
            bad(actions, KAFKA_REQUEST_TIMED_OUT);
        }
    } else {
        replica->producers_missing = false;
        append(replica, event, actions);
        take_bounds(replica, fetched, actions);
    }
}
