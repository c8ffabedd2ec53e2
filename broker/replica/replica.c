#include "broker/replica/replica_internal.h"

void replica_init(struct replica *replica, const struct replica_config *config, struct heap *heap)
{
    assert(replica != NULL && heap != NULL);
    assert(config->self_id >= 0);
    assert(config->producer_expiration_ms > 0);
    *replica = (struct replica){.heap = heap, .config = *config, .role = REPLICA_LOADING};
    replica->view.leader = NO_BROKER;
    replica->view.leader_epoch = NO_EPOCH;
    replica->view.partition_epoch = NO_EPOCH;
    replica->expiry_at_ms = TIME_NEVER;
    epoch_cache_init(&replica->epochs, heap);
    producer_table_init(&replica->producers, heap, config->hash_key);
    list_init(&replica->done);
    list_init(&replica->leading.waiters);
}

void replica_expire_producers_after(struct replica *replica, time_ms expiration_ms)
{
    assert(expiration_ms > 0);
    replica->config.producer_expiration_ms = expiration_ms;
}

static void waiters_release(struct replica *replica, struct list *list)
{
    struct list_node *node;
    while ((node = list_pop(list)) != NULL) {
        struct waiter *waiter = CONTAINER_OF(node, struct waiter, node);
        heap_free(replica->heap, waiter, sizeof(*waiter));
    }
    assert(list_empty(list));
}

void replica_release(struct replica *replica)
{
    waiters_release(replica, &replica->done);
    waiters_release(replica, &replica->leading.waiters);
    epoch_cache_release(&replica->epochs);
    producer_table_release(&replica->producers);
    replica->role = REPLICA_STOPPED;
}

void replica_begin_anew(struct replica *replica)
{
    assert(list_empty(&replica->done));
    assert(replica->role != REPLICA_LEADER || list_empty(&replica->leading.waiters));
    struct replica_config config = replica->config;
    uint64_t asks = replica->asks;
    uint32_t cut = replica->cut;
    struct replica_isr_ask before;
    isr_remember(replica, &before);
    replica_release(replica);
    replica_init(replica, &config, replica->heap);
    replica->asks = asks;
    replica->cut = cut + 1;
    replica->before = before;
    assert(replica->role == REPLICA_LOADING);
}

struct replica_action *action_add(struct replica_actions *actions, enum replica_action_kind kind)
{
    assert(actions->count < REPLICA_ACTIONS_MAX);
    struct replica_action *action = &actions->list[actions->count++];
    memset(action, 0, sizeof(*action));
    action->kind = kind;
    return action;
}

void action_ack(struct replica_actions *actions, uint64_t ticket, enum kafka_error error)
{
    struct replica_action *action = action_add(actions, REPLICA_ACK);
    action->ack.ticket = ticket;
    action->ack.error = error;
    action->ack.base_offset = -1;
    action->ack.max_timestamp_ms = -1;
}

void replica_want_sync(struct replica *replica, struct replica_actions *actions)
{
    if (replica->view.durability != REPLICA_DISK || replica->view.leader_epoch < 0) {
        return;
    }
    int64_t asked = max_i64(replica->sync_asked, replica->durable_end);
    assert(asked <= replica->log_end);
    if (asked < replica->log_end) {
        struct replica_action *action = action_add(actions, REPLICA_SYNC);
        action->sync.end = replica->log_end;
        action->sync.cut = replica->cut;
        replica->sync_asked = replica->log_end;
    }
}

void replica_halt(struct replica *replica, struct replica_actions *actions)
{
    assert(replica->role != REPLICA_STOPPED);
    leader_fail_waiters(replica, KAFKA_KAFKA_STORAGE_ERROR);
    replica->role = REPLICA_STOPPED;
    replica->stop_error = KAFKA_KAFKA_STORAGE_ERROR;
    action_add(actions, REPLICA_HALT);
    action_add(actions, REPLICA_WAKE_FOLLOWERS);
    action_add(actions, REPLICA_WAKE_CONSUMERS);
}

static bool waits(const struct list *list, uint64_t ticket)
{
    LIST_EACH(list, node)
    {
        if (CONTAINER_OF(node, struct waiter, node)->ticket == ticket) {
            return true;
        }
    }
    return false;
}

static void stop(struct replica *replica, const struct replica_event *event,
                 struct replica_actions *actions)
{
    assert(event->stop.error != KAFKA_NONE);
    if (replica->role == REPLICA_STOPPED) {
        return;
    }
    uint64_t failed = event->stop.failed_ticket;
    if (failed != NO_TICKET && !waits(&replica->leading.waiters, failed)) {
        action_ack(actions, failed, event->stop.error);
    }
    leader_fail_waiters(replica, event->stop.error);
    replica->role = REPLICA_STOPPED;
    replica->stop_error = event->stop.error;
    action_add(actions, REPLICA_WAKE_FOLLOWERS);
    action_add(actions, REPLICA_WAKE_CONSUMERS);
}

/* Only what the newest cut left can be proven by an fsync. */
static void durable(struct replica *replica, const struct replica_event *event,
                    struct replica_actions *actions)
{
    assert(event->durable.end >= 0);
    if (replica->role == REPLICA_STOPPED || event->durable.cut != replica->cut) {
        return;
    }
    assert(event->durable.end <= replica->log_end);
    if (event->durable.end <= replica->durable_end) {
        return;
    }
    replica->durable_end = event->durable.end;
    if (replica->role == REPLICA_LEADER) {
        leader_advance(replica, event->now, actions);
    } else if (replica->role == REPLICA_FOLLOWER && replica->view.durability == REPLICA_DISK) {
        action_add(actions, REPLICA_FETCH)->fetch.urgent = true;
    }
}

static void tick(struct replica *replica, time_ms now, struct replica_actions *actions)
{
    if (replica->role == REPLICA_STOPPED || replica->role == REPLICA_LOADING) {
        return;
    }
    if (now >= replica->expiry_at_ms) {
        (void)producer_table_expire(&replica->producers,
                                    now - replica->config.producer_expiration_ms);
        replica->expiry_at_ms = now + min_i64(REPLICA_EXPIRY_CHECK_MS,
                                              replica->config.producer_expiration_ms);
    }
    if (replica->role == REPLICA_LEADER) {
        leader_tick(replica, now, actions);
    }
}

/* Followers are told at once, so that their records go too. */
static void log_start(struct replica *replica, int64_t to, struct replica_actions *actions)
{
    if (replica->role == REPLICA_STOPPED) {
        return;
    }
    bool moves = to > replica->log_start;
    replica_move_log_start(replica, to, actions);
    if (moves && replica->role == REPLICA_LEADER && replica->view.member_count > 1) {
        action_add(actions, REPLICA_WAKE_FOLLOWERS);
    }
}

static void dispatch(struct replica *replica, const struct replica_event *event,
                     struct replica_actions *actions)
{
    switch (event->kind) {
    case REPLICA_LOAD:
    case REPLICA_PRODUCER:
    case REPLICA_REPLAY:
    case REPLICA_LOADED: replica_load_step(replica, event, actions); return;
    case REPLICA_VIEW: replica_view_step(replica, event->view, event->now, actions); return;
    case REPLICA_STOP: stop(replica, event, actions); return;
    case REPLICA_PRODUCE: leader_produce(replica, event, actions); return;
    case REPLICA_FORGET: leader_forget(replica, event->forget); return;
    case REPLICA_DURABLE: durable(replica, event, actions); return;
    case REPLICA_FOLLOWER_FETCH: leader_follower_fetch(replica, event, actions); return;
    case REPLICA_FETCHED: follower_fetched(replica, event, actions); return;
    case REPLICA_ISR_ANSWER: isr_answer(replica, event, actions); return;
    case REPLICA_LOG_START: log_start(replica, event->log_start, actions); return;
    case REPLICA_TICK: tick(replica, event->now, actions); return;
    case REPLICA_MORE: return;
    }
    assert(!"an event kind");
}

/* Tells judged tickets as far as the list has room. */
static void drain(struct replica *replica, struct replica_actions *actions)
{
    struct list_node *node;
    while (actions->count < REPLICA_ACTIONS_MAX && (node = list_pop(&replica->done)) != NULL) {
        struct waiter *waiter = CONTAINER_OF(node, struct waiter, node);
        struct replica_action *action = action_add(actions, REPLICA_ACK);
        bool good = waiter->error == KAFKA_NONE;
        action->ack.ticket = waiter->ticket;
        action->ack.error = waiter->error;
        action->ack.duplicate = good && waiter->duplicate;
        action->ack.base_offset = good ? waiter->base_offset : -1;
        action->ack.max_timestamp_ms = good ? waiter->max_timestamp_ms : -1;
        heap_free(replica->heap, waiter, sizeof(*waiter));
    }
    replica->acks_left = !list_empty(&replica->done);
    actions->more = replica->acks_left;
}

void replica_step(struct replica *replica, const struct replica_event *event,
                  struct replica_actions *actions)
{
    assert(replica->acks_left == (event->kind == REPLICA_MORE));
    actions->count = 0;
    actions->more = false;
    dispatch(replica, event, actions);
    drain(replica, actions);
}

time_ms replica_deadline(const struct replica *replica)
{
    if (replica->role == REPLICA_STOPPED || replica->role == REPLICA_LOADING) {
        return TIME_NEVER;
    }
    time_ms at = replica->producers.by_id.count > 0 ? replica->expiry_at_ms : TIME_NEVER;
    return replica->role == REPLICA_LEADER ? min_i64(at, leader_deadline(replica)) : at;
}
