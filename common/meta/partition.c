#include "common/meta/record.h"

/* Distinct, and every one a replica. */
static bool ids_fit(const struct meta_ids *ids, const struct meta_partition *partition)
{
    if (ids->count > REPLICAS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < ids->count; i++) {
        if (meta_partition_replica(partition, ids->id[i]) == NULL) {
            return false;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (ids->id[i] == ids->id[j]) {
                return false;
            }
        }
    }
    return true;
}

static bool ids_apart(const struct meta_ids *a, const struct meta_ids *b)
{
    for (uint32_t i = 0; i < a->count; i++) {
        if (meta_ids_has(b, a->id[i])) {
            return false;
        }
    }
    return true;
}

bool meta_partition_seats(const struct meta_partition *partition, int32_t broker)
{
    return meta_ids_has(&partition->isr, broker) || meta_ids_has(&partition->elr, broker);
}

const struct meta_replica *meta_partition_replica(const struct meta_partition *partition,
                                                  int32_t broker)
{
    assert(partition->replica_count <= REPLICAS_MAX);
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        if (partition->replicas[i].broker == broker) {
            return &partition->replicas[i];
        }
    }
    return NULL;
}

bool meta_partition_valid(const struct meta_partition *partition)
{
    if (partition->index < 0 || partition->index >= TOPIC_PARTITIONS_MAX ||
        partition->replica_count == 0 || partition->replica_count > REPLICAS_MAX ||
        partition->leader_epoch < 0 || partition->partition_epoch < 0) {
        return false;
    }
    if (partition->recovery != META_RECOVERED && partition->recovery != META_RECOVERING) {
        return false;
    }
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        int32_t broker = partition->replicas[i].broker;
        if (broker < 0 || meta_partition_replica(partition, broker) != &partition->replicas[i]) {
            return false; /* named twice */
        }
    }
    if (!ids_fit(&partition->isr, partition) || !ids_fit(&partition->elr, partition) ||
        !ids_fit(&partition->last_known_elr, partition)) {
        return false;
    }
    if (!ids_apart(&partition->isr, &partition->elr) ||
        !ids_apart(&partition->last_known_elr, &partition->isr) ||
        !ids_apart(&partition->last_known_elr, &partition->elr)) {
        return false;
    }
    return partition->leader == META_NO_BROKER || meta_ids_has(&partition->isr, partition->leader);
}

static bool ids_equal(const struct meta_ids *a, const struct meta_ids *b)
{
    assert(a->count <= REPLICAS_MAX && b->count <= REPLICAS_MAX);
    return a->count == b->count && memcmp(a->id, b->id, a->count * sizeof(a->id[0])) == 0;
}

bool meta_partition_equal(const struct meta_partition *a, const struct meta_partition *b)
{
    bool equal = uuid_eq(a->topic, b->topic) && a->index == b->index && a->leader == b->leader &&
                 a->leader_epoch == b->leader_epoch && a->partition_epoch == b->partition_epoch &&
                 a->recovery == b->recovery && a->replica_count == b->replica_count &&
                 ids_equal(&a->isr, &b->isr) && ids_equal(&a->elr, &b->elr) &&
                 ids_equal(&a->last_known_elr, &b->last_known_elr);
    for (uint32_t i = 0; equal && i < a->replica_count; i++) {
        equal = a->replicas[i].broker == b->replicas[i].broker &&
                uuid_eq(a->replicas[i].dir, b->replicas[i].dir) &&
                a->replicas[i].synced == b->replicas[i].synced;
    }
    return equal;
}
