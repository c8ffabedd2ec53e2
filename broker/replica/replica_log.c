/* The log's facts: loading and rebuilding, cutting at the end, throwing away, moving the start. */
#include "broker/replica/replica_internal.h"

static bool load_epochs(struct replica *replica, const struct replica_event *event)
{
    for (uint32_t i = 0; i < event->load.epoch_count; i++) {
        struct epoch_entry entry = event->load.epochs[i];
        bool changed;
        if (entry.epoch < 0 || entry.start_offset < 0) {
            continue; /* a damaged line of the file is no worse than a missing one: batches tell their epochs */
        }
        if (!epoch_cache_assign(&replica->epochs, entry.epoch, entry.start_offset, &changed)) {
            return false;
        }
    }
    /* What begins behind the end was lost with its records; what begins just there may be an empty epoch and stays. */
    (void)epoch_cache_truncate_end(&replica->epochs, replica->log_end + 1);
    (void)epoch_cache_truncate_start(&replica->epochs, replica->log_start);
    return true;
}

static void load(struct replica *replica, const struct replica_event *event)
{
    assert(replica->role == REPLICA_LOADING);
    assert(replica->log_end == 0 && replica->epochs.count == 0);
    assert(event->load.log_start >= 0 && event->load.log_start <= event->load.log_end);
    replica->log_start = event->load.log_start;
    replica->log_end = event->load.log_end;
    replica->durable_end = replica->log_end;
    replica->sync_asked = replica->log_end;
    replica->high_watermark = min_i64(max_i64(event->load.high_watermark, replica->log_start),
                                      replica->log_end);
    replica->halted = !load_epochs(replica, event);
}

/* From a file or from the leader: what cannot be is left out. */
static bool producer_possible(const struct producer_entry *entry, int64_t end)
{
    return entry->id >= 0 && entry->epoch >= 0 && entry->last_offset < end &&
           entry->last_offset_delta >= 0;
}

static void load_producer(struct replica *replica, const struct replica_event *event)
{
    const struct producer_entry *entry = &event->producer;
    if (producer_possible(entry, replica->log_end) &&
        !producer_table_load(&replica->producers, entry, event->now)) {
        replica->halted = true;
    }
}

/* A later epoch that begins here is told by a file older than this batch, which came in the place of what was cut off. */
static void replay_epoch(struct replica *replica, const struct batch_receipt *receipt)
{
    const struct epoch_cache *epochs = &replica->epochs;
    bool changed;
    if (receipt->leader_epoch < epoch_cache_latest(epochs) &&
        epochs->entries[epochs->count - 1].start_offset == receipt->base_offset) {
        (void)epoch_cache_truncate_end(&replica->epochs, receipt->base_offset);
    }
    if (!epoch_cache_assign(&replica->epochs, receipt->leader_epoch, receipt->base_offset,
                            &changed)) {
        replica->halted = true;
    }
}

static void replay(struct replica *replica, const struct replica_event *event)
{
    const struct batch_receipt *receipt = &event->replay;
    assert(receipt->last_offset_delta >= 0 && receipt_last_offset(receipt) < replica->log_end);
    if (replica->role == REPLICA_LOADING && receipt->leader_epoch >= 0) {
        replay_epoch(replica, receipt);
    }
    if (!producer_table_append(&replica->producers, receipt, event->now)) {
        replica->halted = true;
    }
}

static void loaded(struct replica *replica, const struct replica_event *event,
                   struct replica_actions *actions)
{
    if (replica->halted) {
        replica_halt(replica, actions);
        return;
    }
    bool asks = event->producers_missing && replica->log_start > 0 &&
                replica->role != REPLICA_LEADER;
    replica->producers_ready = true;
    replica->producers_missing = replica->producers_missing || asks;
    replica->expiry_at_ms = event->now + min_i64(REPLICA_EXPIRY_CHECK_MS,
                                                 replica->config.producer_expiration_ms);
    if (replica->role == REPLICA_LOADING) {
        replica->role = REPLICA_IDLE;
    } else if (replica->role == REPLICA_FOLLOWER) {
        action_add(actions, REPLICA_FETCH);
    }
}

void replica_load_step(struct replica *replica, const struct replica_event *event,
                       struct replica_actions *actions)
{
    if (replica->role == REPLICA_STOPPED) {
        return; /* stopped while a rebuild was on its way */
    }
    assert(replica->role == REPLICA_LOADING || !replica->producers_ready);
    switch (event->kind) {
    case REPLICA_LOAD: load(replica, event); return;
    case REPLICA_PRODUCER: load_producer(replica, event); return;
    case REPLICA_REPLAY: replay(replica, event); return;
    default:
        assert(event->kind == REPLICA_LOADED);
        loaded(replica, event, actions);
        return;
    }
}

void replica_truncate(struct replica *replica, int64_t to, struct replica_actions *actions)
{
    assert(replica->role == REPLICA_FOLLOWER);
    assert(to >= replica->log_start && to <= replica->log_end);
    bool cut = to < replica->log_end;
    if (cut) {
        action_add(actions, REPLICA_TRUNCATE)->truncate_to = to;
        replica->log_end = to;
        replica->durable_end = min_i64(replica->durable_end, to);
        replica->sync_asked = min_i64(replica->sync_asked, to);
        replica->cut++;
    }
    replica->high_watermark = min_i64(replica->high_watermark, to);
    if ((cut || !MUTANT(7)) && epoch_cache_truncate_end(&replica->epochs, to)) {
        action_add(actions, REPLICA_EPOCHS_CHANGED);
    }
    if (!producer_table_truncate(&replica->producers, to)) {
        replica->producers_ready = false;
        action_add(actions, REPLICA_REBUILD)->rebuild_to = to;
    }
}

void replica_restart(struct replica *replica, int64_t at, int64_t log_start,
                     struct replica_actions *actions)
{
    assert(replica->role == REPLICA_FOLLOWER);
    assert(at >= 0 && log_start >= at);
    /* Empty, and it begins where it began: the producers of what was deleted stay as they were told. */
    bool same = log_start == replica->log_start && replica->log_end <= log_start &&
                producer_table_truncate(&replica->producers, at);
    struct replica_action *action = action_add(actions, REPLICA_RESTART);
    action->restart.at = at;
    action->restart.log_start = log_start;
    replica->log_start = log_start;
    replica->log_end = at;
    replica->durable_end = at;
    replica->sync_asked = at;
    replica->cut++;
    replica->high_watermark = MUTANT(9) ? replica->high_watermark : log_start;
    if (replica->epochs.count > 0) {
        epoch_cache_clear(&replica->epochs);
        action_add(actions, REPLICA_EPOCHS_CHANGED);
    }
    if (!same) {
        producer_table_clear(&replica->producers);
        replica->producers_missing = log_start > 0;
    }
}

bool replica_take_producers(struct replica *replica, const struct replica_fetched *fetched,
                            time_ms now, struct replica_actions *actions)
{
    assert(replica->producers_ready && replica->producers_missing);
    for (uint32_t i = 0; i < fetched->producer_count; i++) {
        const struct producer_entry *entry = &fetched->producers[i];
        if (!producer_possible(entry, replica->log_start) ||
            producer_table_knows(&replica->producers, entry->id)) {
            continue; /* records that we have say more of it */
        }
        if (!producer_table_load(&replica->producers, entry, now)) {
            return false;
        }
    }
    replica->producers_missing = false;
    replica->producers_ready = false;
    action_add(actions, REPLICA_NOTE_PRODUCERS);
    return true;
}

void replica_move_log_start(struct replica *replica, int64_t log_start,
                            struct replica_actions *actions)
{
    assert(log_start <= replica->high_watermark);
    if (log_start <= replica->log_start) {
        return;
    }
    replica->log_start = log_start;
    if (epoch_cache_truncate_start(&replica->epochs, log_start)) {
        action_add(actions, REPLICA_EPOCHS_CHANGED);
    }
}
