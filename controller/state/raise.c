/*
 * The cluster's own topics (coordinators' state) grow with it. They are created on first use, with no more replicas than there
 * are brokers; when more brokers are there, the controllers add what is missing, by themselves and a few partitions at a time:
 * as long as RAISE_PARTITIONS_MAX partitions of theirs have a replica that is there and not in sync, no further one begins, until
 * patience ends (RAISE_PATIENCE_MS). They look after the metadata has changed, so that an idle cluster sleeps. Replicas are never
 * taken away. A new one begins empty and outside the ISR, so nothing that was acknowledged depends on it; a
 * min.insync.replicas above the old number of replicas counts at once, and writes wait until enough have copied the partition.
 *
 * A new replica goes to a broker that is there, in a rack that has none of the partition if there is such a one, and to the one with
 * the fewest replicas of the topic. The preferred leader of a partition that is raised is balanced too, or the broker that was there
 * first would lead them all for good.
 */
#include "controller/state/state_internal.h"

/* What one broker has of the topic. */
struct raise_seat {
    int32_t broker;
    struct slice rack;
    bool active;
    uint32_t replicas;
    uint32_t preferred;
};

struct raise_tally {
    struct raise_seat *seats; /* by broker id, ascending */
    uint32_t count;
};

static struct raise_seat *seat_of(const struct raise_tally *tally, int32_t broker)
{
    for (uint32_t i = 0; i < tally->count; i++) {
        if (tally->seats[i].broker == broker) {
            return &tally->seats[i];
        }
    }
    return NULL; /* unregistered, and its replicas are still in the lists */
}

static err_t tally_brokers(const struct world *world, struct arena *arena,
                           struct raise_tally *tally)
{
    uint32_t room = meta_broker_count(world->image);
    *tally = (struct raise_tally){.seats = arena_array(arena, room + 1, sizeof(*tally->seats))};
    ENSURE(tally->seats != NULL, ERR_NO_MEMORY);
    for (const struct meta_broker *broker = meta_broker_next(world->image, META_NO_BROKER);
         broker != NULL; broker = meta_broker_next(world->image, broker->id)) {
        assert(tally->count < room);
        tally->seats[tally->count++] = (struct raise_seat){
            .broker = broker->id,
            .rack = broker->rack,
            .active = world_active(world, broker->id) && broker->dir_count > 0};
    }
    return OK;
}

static void tally_topic(const struct meta_topic *topic, struct raise_tally *tally)
{
    for (uint32_t i = 0; i < tally->count; i++) {
        tally->seats[i].replicas = 0;
        tally->seats[i].preferred = 0;
    }
    for (uint32_t p = 0; p < meta_topic_partitions(topic); p++) {
        const struct meta_partition *partition = meta_partition(topic, (int32_t)p);
        assert(partition != NULL && partition->replica_count > 0);
        for (uint32_t r = 0; r < partition->replica_count; r++) {
            struct raise_seat *seat = seat_of(tally, partition->replicas[r].broker);
            if (seat != NULL) {
                seat->replicas++;
                seat->preferred += r == 0;
            }
        }
    }
}

/* Somebody is there and not in sync: it copies what it lacks. */
static bool catching_up(const struct world *world, const struct meta_partition *partition)
{
    assert(partition->replica_count > 0);
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        int32_t broker = partition->replicas[i].broker;
        if (world_active(world, broker) && !meta_ids_has(&partition->isr, broker)) {
            return true;
        }
    }
    return false;
}

static bool rack_used(const struct raise_tally *tally, const struct meta_partition *partition,
                      struct slice rack)
{
    for (uint32_t i = 0; i < partition->replica_count && rack.p != NULL; i++) {
        const struct raise_seat *seat = seat_of(tally, partition->replicas[i].broker);
        if (seat != NULL && slice_same(seat->rack, rack)) {
            return true;
        }
    }
    return false;
}

/* Who takes the next replica; NULL: everybody who is there has one. */
static struct raise_seat *taker(const struct raise_tally *tally,
                                const struct meta_partition *partition)
{
    struct raise_seat *best = NULL;
    bool best_used = false;
    assert(partition->replica_count < REPLICAS_MAX);
    for (uint32_t i = 0; i < tally->count; i++) {
        struct raise_seat *seat = &tally->seats[i];
        if (!seat->active || meta_partition_replica(partition, seat->broker) != NULL) {
            continue;
        }
        bool used = rack_used(tally, partition, seat->rack);
        if (best == NULL || (best_used && !used) ||
            (best_used == used && seat->replicas < best->replicas)) {
            best = seat;
            best_used = used;
        }
    }
    return best;
}

/* The first replica is the one that is preferred: another one, if it has two fewer such seats. */
static void prefer(const struct raise_tally *tally, struct meta_partition *next)
{
    struct raise_seat *first = seat_of(tally, next->replicas[0].broker);
    uint32_t best = 0;
    uint32_t fewest = first == NULL ? UINT32_MAX : first->preferred;
    for (uint32_t i = 1; i < next->replica_count; i++) {
        const struct raise_seat *seat = seat_of(tally, next->replicas[i].broker);
        if (seat != NULL && seat->active && seat->preferred < fewest) {
            fewest = seat->preferred;
            best = i;
        }
    }
    if (best == 0 || (first != NULL && fewest + 1 >= first->preferred)) {
        return;
    }
    struct meta_replica chosen = next->replicas[best];
    assert(best < next->replica_count);
    memmove(&next->replicas[1], &next->replicas[0], best * sizeof(next->replicas[0]));
    next->replicas[0] = chosen;
    seat_of(tally, chosen.broker)->preferred++;
    if (first != NULL) {
        assert(first->preferred > 0);
        first->preferred--;
    }
}

/* *ret_raised: a record was written. */
static err_t raise_partition(const struct world *world, struct slice topic,
                             const struct raise_tally *tally, uint32_t target,
                             const struct meta_partition *old, struct decision *decision,
                             bool *ret_raised)
{
    struct meta_partition next = *old;
    struct settle_rules rules = settle_rules_plain();
    *ret_raised = false;
    assert(target <= REPLICAS_MAX && old->leader != META_NO_BROKER);
    while (next.replica_count < target) {
        struct raise_seat *seat = taker(tally, &next);
        if (seat == NULL) {
            break;
        }
        next.replicas[next.replica_count++] = (struct meta_replica){
            .broker = seat->broker, .synced = world_disk(world, topic)};
        seat->replicas++;
    }
    if (next.replica_count == old->replica_count) {
        return OK;
    }
    prefer(tally, &next);
    bool changed = partition_settle(world, topic, old, &rules, &next);
    assert(changed && next.leader == old->leader && next.leader_epoch == old->leader_epoch);
    assert(next.isr.count == old->isr.count); /* who is new has nothing yet */
    struct meta_record *record = changed ? decision_add(decision, META_PARTITION) : NULL;
    ENSURE(record != NULL, ERR_NO_MEMORY);
    record->partition = next;
    PROBE(REPLICATION_RAISED);
    *ret_raised = true;
    return OK;
}

static err_t raise_topic(const struct world *world, const struct meta_topic *topic,
                         struct raise_tally *tally, uint32_t target, struct decision *decision,
                         uint32_t *budget)
{
    tally_topic(topic, tally);
    for (uint32_t p = 0; p < meta_topic_partitions(topic) && *budget > 0; p++) {
        const struct meta_partition *old = meta_partition(topic, (int32_t)p);
        assert(old != NULL);
        bool wanting = old->replica_count < target && old->leader != META_NO_BROKER;
        if (wanting && !catching_up(world, old)) {
            bool raised;
            TRY(raise_partition(world, meta_topic_name(topic), tally, target, old, decision,
                                &raised));
            *budget -= raised;
        }
    }
    return OK;
}

static uint32_t copying(const struct world *world, const struct meta_topic *topic)
{
    uint32_t count = 0;
    for (uint32_t p = 0; p < meta_topic_partitions(topic); p++) {
        count += catching_up(world, meta_partition(topic, (int32_t)p));
    }
    assert(count <= meta_topic_partitions(topic));
    return count;
}

err_t raise_own_topics(const struct world *world, struct decision *decision, uint32_t *ret_waits)
{
    const struct controller_settings *settings = &world->state->settings;
    const struct meta_topic *topics[OWN_TOPICS_MAX];
    uint32_t busy = 0;
    struct raise_tally tally;
    assert(decision->batch.count == 0);
    for (size_t i = 0; i < OWN_TOPICS_MAX; i++) {
        const char *name = settings->own_topics[i].name;
        topics[i] = name == NULL ? NULL : meta_topic_named(world->image, slice_str(name));
        busy += topics[i] == NULL ? 0 : copying(world, topics[i]);
    }
    *ret_waits = busy;
    uint32_t counts = busy - (uint32_t)min_i64(busy, world->state->raise_stuck);
    if (counts >= RAISE_PARTITIONS_MAX) {
        return OK;
    }
    uint32_t budget = RAISE_PARTITIONS_MAX - counts;
    TRY(tally_brokers(world, decision->arena, &tally));
    for (size_t i = 0; i < OWN_TOPICS_MAX; i++) {
        if (topics[i] != NULL) {
            uint32_t target = (uint32_t)min_i64(settings->own_topics[i].replicas, REPLICAS_MAX);
            assert(target >= 1);
            TRY(raise_topic(world, topics[i], &tally, target, decision, &budget));
        }
    }
    assert(decision->batch.count <= RAISE_PARTITIONS_MAX);
    *ret_waits = budget == 0 ? busy + decision->batch.count : 0;
    return OK;
}
