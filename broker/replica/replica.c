#include "broker/replica/replica.h"

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
