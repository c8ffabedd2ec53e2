/* What must hold after every step. */
#include "broker/replica/replica_internal.h"

static void check_log(const struct replica *replica)
{
    assert(replica->log_start >= 0 && replica->log_start <= replica->log_end);
    assert(replica->high_watermark >= replica->log_start &&
           replica->high_watermark <= replica->log_end);
    assert(replica->durable_end >= 0 && replica->durable_end <= replica->log_end);
    assert(replica->sync_asked <= replica->log_end);
    epoch_cache_check(&replica->epochs, replica->log_end);
    producer_table_check(&replica->producers, replica->log_end);
}

static void check_list(const struct list *list, bool ordered)
{
    const struct waiter *before = NULL;
    LIST_EACH(list, node)
    {
        const struct waiter *waiter = CONTAINER_OF(node, struct waiter, node);
        assert(node->next->prev == node && node->prev->next == node);
        assert(waiter->ticket != NO_TICKET);
        assert(!ordered || before == NULL || before->end <= waiter->end);
        before = waiter;
    }
}

static void check_isr(const struct replica *replica)
{
    const struct replica_leading *leading = &replica->leading;
    uint32_t members = (1u << replica->view.member_count) - 1;
    assert((replica->isr & ~members) == 0);
    assert((leading->isr_proposed & ~members) == 0);
    assert((leading->isr_state == ISR_SETTLED) == (leading->isr_proposed == 0));
    assert(leading->isr_state == ISR_SETTLED || leading->isr_ask == replica->asks);
}

static void check_leader(const struct replica *replica)
{
    const struct replica_leading *leading = &replica->leading;
    uint32_t self = view_member(&replica->view, replica->config.self_id);
    assert(replica->view.leader == replica->config.self_id);
    assert(self != NO_MEMBER && (replica->isr & member_bit(self)));
    assert(epoch_cache_latest(&replica->epochs) == replica->view.leader_epoch);
    assert(leading->epoch_start <= replica->log_end);
    uint32_t maximal = isr_maximal(replica);
    for (uint32_t i = 0; i < replica->view.member_count; i++) {
        const struct replica_progress *progress = &leading->progress[i];
        assert(progress->end <= replica->log_end);
        if (i != self && (maximal & member_bit(i)) && member_counted_end(replica, i) != NO_OFFSET) {
            assert(progress->best_end >= replica->high_watermark);
        }
    }
    LIST_EACH(&leading->waiters, node)
    {
        const struct waiter *waiter = CONTAINER_OF(node, struct waiter, node);
        assert(waiter->end > replica->high_watermark && waiter->end <= replica->log_end);
        assert(waiter->base_offset < waiter->end);
    }
    assert(list_empty(&leading->waiters) ||
           member_count(replica->isr) >= (uint32_t)replica->view.min_isr);
}

void replica_check(const struct replica *replica)
{
    assert(replica->acks_left == !list_empty(&replica->done));
    check_list(&replica->done, false);
    check_list(&replica->leading.waiters, true);
    if (replica->role == REPLICA_LOADING || replica->role == REPLICA_STOPPED) {
        assert(list_empty(&replica->leading.waiters));
        return;
    }
    check_log(replica);
    check_isr(replica);
    if (replica->role == REPLICA_LEADER) {
        check_leader(replica);
        return;
    }
    assert(list_empty(&replica->leading.waiters));
    assert(replica->leading.isr_state == ISR_SETTLED);
    assert(replica->role != REPLICA_FOLLOWER || replica->view.leader >= 0);
    assert(replica->role != REPLICA_IDLE || replica->view.leader == NO_BROKER ||
           replica->view.leader == replica->config.self_id);
}
