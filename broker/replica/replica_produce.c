/* Produce: what is appended, and who is told when. */
#include "broker/replica/replica_internal.h"

static void wait_for(struct replica *replica, struct waiter *waiter)
{
    struct list *waiters = &replica->leading.waiters;
    struct list_node *before = &waiters->head;
    /* New batches end last; a duplicate goes where its original stands. */
    while (before->prev != &waiters->head &&
           CONTAINER_OF(before->prev, struct waiter, node)->end > waiter->end) {
        before = before->prev;
    }
    list_insert_before(before, &waiter->node);
}

static struct waiter *waiter_new(struct replica *replica, uint64_t ticket)
{
    assert(ticket != NO_TICKET);
    struct waiter *waiter = HEAP_NEW(replica->heap, struct waiter);
    if (waiter != NULL) {
        waiter->ticket = ticket;
    }
    return waiter;
}

/* Nothing is appended: the answer is the original's, under the original's conditions. */
static void produce_duplicate(struct replica *replica, const struct replica_event *event,
                              const struct producer_batch *original,
                              struct replica_actions *actions)
{
    int64_t end = original->base_offset + original->last_offset_delta + 1;
    assert(end <= replica->log_end);
    if (event->produce.acks == 0) {
        return;
    }
    if (event->produce.acks == 1 || end <= replica->high_watermark || MUTANT(94)) {
        action_ack(actions, event->produce.ticket, KAFKA_NONE);
        struct replica_action *action = &actions->list[actions->count - 1];
        PROBE(PRODUCE_DUPLICATE_TOLD);
        action->ack.duplicate = true;
        action->ack.base_offset = original->base_offset;
        action->ack.max_timestamp_ms = original->max_timestamp_ms;
        return;
    }
    struct waiter *waiter = waiter_new(replica, event->produce.ticket);
    if (waiter == NULL) {
        action_ack(actions, event->produce.ticket, KAFKA_REQUEST_TIMED_OUT);
        return;
    }
    waiter->end = end;
    waiter->base_offset = original->base_offset;
    waiter->max_timestamp_ms = original->max_timestamp_ms;
    PROBE(PRODUCE_DUPLICATE_WAITS);
    waiter->duplicate = true;
    wait_for(replica, waiter);
}

/* The batch has its offset: write it, let it be synced, show it to the followers. */
static void produce_write(struct replica *replica, const struct replica_event *event,
                          const struct batch_receipt *receipt, struct waiter *waiter,
                          struct replica_actions *actions)
{
    assert(receipt->base_offset == replica->log_end);
    replica->log_end = receipt_last_offset(receipt) + 1;
    struct replica_action *action = action_add(actions, REPLICA_WRITE);
    action->write.ticket = event->produce.ticket;
    action->write.base_offset = receipt->base_offset;
    action->write.leader_epoch = receipt->leader_epoch;
    replica_want_sync(replica, actions);
    action_add(actions, REPLICA_WAKE_FOLLOWERS);
    if (waiter != NULL) {
        waiter->end = replica->log_end;
        waiter->base_offset = receipt->base_offset;
        waiter->max_timestamp_ms = receipt->max_timestamp_ms;
        wait_for(replica, waiter);
    } else if (event->produce.acks == 1) {
        action_ack(actions, event->produce.ticket, KAFKA_NONE);
        action = &actions->list[actions->count - 1];
        action->ack.base_offset = receipt->base_offset;
        action->ack.max_timestamp_ms = receipt->max_timestamp_ms;
    }
    leader_advance(replica, event->now, actions);
}

static enum kafka_error produce_allowed(const struct replica *replica,
                                        const struct replica_event *event)
{
    if (replica->role == REPLICA_STOPPED) {
        return replica->stop_error;
    }
    if (replica->role != REPLICA_LEADER) {
        return KAFKA_NOT_LEADER_OR_FOLLOWER;
    }
    if (event->produce.acks == -1 && member_count(replica->isr) < (uint32_t)replica->view.min_isr) {
        return KAFKA_NOT_ENOUGH_REPLICAS;
    }
    bool sequenced = !event->produce.internal && event->produce.receipt.producer_id >= 0;
    return sequenced && !replica->producers_ready ? KAFKA_NOT_LEADER_OR_FOLLOWER : KAFKA_NONE;
}

void leader_produce(struct replica *replica, const struct replica_event *event,
                    struct replica_actions *actions)
{
    struct batch_receipt receipt = event->produce.receipt;
    assert(event->produce.acks >= -1 && event->produce.acks <= 1);
    assert(event->produce.ticket != NO_TICKET || event->produce.acks == 0);
    assert(receipt.last_offset_delta >= 0 && receipt.record_count == receipt.last_offset_delta + 1);
    enum kafka_error error = produce_allowed(replica, event);
    if (error == KAFKA_NONE && !event->produce.internal) {
        const struct producer_batch *original = producer_table_duplicate(&replica->producers,
                                                                         &receipt);
        if (original != NULL) {
            produce_duplicate(replica, event, original, actions);
            return;
        }
        error = producer_table_validate(&replica->producers, &receipt);
    }
    if (error != KAFKA_NONE) {
        action_ack(actions, event->produce.ticket, error);
        return;
    }
    receipt.base_offset = replica->log_end;
    receipt.leader_epoch = replica->view.leader_epoch;
    struct waiter *waiter = event->produce.acks == -1 ? waiter_new(replica, event->produce.ticket)
                                                      : NULL;
    if ((event->produce.acks == -1 && waiter == NULL) ||
        !producer_table_append(&replica->producers, &receipt, event->now)) {
        heap_free(replica->heap, waiter, sizeof(*waiter));
        action_ack(actions, event->produce.ticket,
                   KAFKA_REQUEST_TIMED_OUT); /* memory is out; clients try again */
        return;
    }
    produce_write(replica, event, &receipt, waiter, actions);
}

void leader_forget(struct replica *replica, uint64_t ticket)
{
    LIST_EACH(&replica->leading.waiters, node)
    {
        struct waiter *waiter = CONTAINER_OF(node, struct waiter, node);
        if (waiter->ticket == ticket) {
            list_remove(node);
            heap_free(replica->heap, waiter, sizeof(*waiter));
            return;
        }
    }
}
