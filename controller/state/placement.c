/*
 * Where the replicas of new partitions go (the goals of Kafka's StripedReplicaPlacer, KIP-36 and KIP-841):
 *
 * - leaders: every broker that is there leads as many as any other, give or take one; the first one is drawn by lot;
 * - racks: a partition's replicas lie in as many racks as there are, and take a second place in a rack only when every rack
 *   has one;
 * - followers: round and round within each rack;
 * - fenced brokers get a replica only when those that are there do not suffice.
 */
#include "controller/state/state_internal.h"

/* Brokers of one rack and one condition, in an order of their own. */
struct ring {
    int32_t *brokers;
    uint32_t count;
    uint32_t at; /* whose turn it is */
};

struct rack {
    struct slice name; /* NULL: brokers without a rack, together */
    struct ring active;
    struct ring fenced; /* or shutting down */
};

struct placement {
    uint32_t broker_count;
    struct rack *racks;
    uint32_t rack_count;
    struct leader {
        int32_t broker;
        uint32_t rack;
    } * leaders; /* active ones, racks alternating */
    uint32_t leader_count;
    uint32_t turn; /* of leaders */
};

static struct rack *rack_of(struct placement *placement, struct slice name)
{
    for (uint32_t i = 0; i < placement->rack_count; i++) {
        struct rack *rack = &placement->racks[i];
        if (slice_same(rack->name, name)) {
            return rack;
        }
    }
    assert(placement->rack_count <= placement->broker_count);
    struct rack *rack = &placement->racks[placement->rack_count++];
    rack->name = name;
    return rack;
}

static void shuffle(struct prng *prng, int32_t *brokers, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = (uint32_t)prng_below(prng, i);
        int32_t broker = brokers[i - 1];
        brokers[i - 1] = brokers[j];
        brokers[j] = broker;
    }
}

/* Racks in a drawn order, brokers in a drawn order within them. */
static err_t gather_racks(struct placement *placement, const struct world *world,
                          struct decision *decision, struct prng *prng)
{
    uint32_t count = placement->broker_count;
    const struct meta_image *image = world->image;
    placement->racks = arena_array(decision->arena, count + 1, sizeof(*placement->racks));
    ENSURE(placement->racks != NULL, ERR_NO_MEMORY);
    for (const struct meta_broker *broker = meta_broker_next(image, META_NO_BROKER); broker != NULL;
         broker = meta_broker_next(image, broker->id)) {
        struct rack *rack = rack_of(placement, broker->rack);
        if (rack->active.brokers == NULL) {
            rack->active.brokers = arena_array(decision->arena, count, sizeof(int32_t));
            rack->fenced.brokers = arena_array(decision->arena, count, sizeof(int32_t));
            ENSURE(rack->active.brokers != NULL && rack->fenced.brokers != NULL, ERR_NO_MEMORY);
        }
        struct ring *ring = world_active(world, broker->id) ? &rack->active : &rack->fenced;
        assert(ring->count < count);
        ring->brokers[ring->count++] = broker->id;
    }
    for (uint32_t i = placement->rack_count; i > 0; i--) {
        struct rack *last = &placement->racks[i - 1];
        struct rack *other = &placement->racks[prng_below(prng, i)];
        struct rack swap = *last;
        *last = *other;
        *other = swap;
        shuffle(prng, last->active.brokers, last->active.count);
        shuffle(prng, last->fenced.brokers, last->fenced.count);
    }
    return OK;
}

static err_t gather_leaders(struct placement *placement, struct decision *decision,
                            struct prng *prng)
{
    placement->leaders = arena_array(decision->arena, placement->broker_count,
                                     sizeof(*placement->leaders));
    ENSURE(placement->leaders != NULL, ERR_NO_MEMORY);
    bool any = true;
    for (uint32_t rank = 0; any; rank++) {
        any = false;
        for (uint32_t r = 0; r < placement->rack_count; r++) {
            const struct ring *ring = &placement->racks[r].active;
            if (rank < ring->count) {
                any = true;
                placement->leaders[placement->leader_count++] = (struct leader){
                    .broker = ring->brokers[rank], .rack = r};
            }
        }
    }
    assert(placement->leader_count <= placement->broker_count);
    if (placement->leader_count > 0) {
        assert(placement->rack_count > 0);
        placement->turn = (uint32_t)prng_below(prng, placement->leader_count);
    }
    return OK;
}

struct placement *placement_new(const struct world *world, struct decision *decision)
{
    struct placement *placement = ARENA_NEW(decision->arena, struct placement);
    if (placement == NULL) {
        return NULL;
    }
    struct prng drawn;
    struct prng prng; /* of this topic among those of the decision */
    prng_split(&world->state->prng, world->state->decisions * 2, &drawn);
    prng_split(&drawn, decision->cursor.index, &prng);
    placement->broker_count = meta_broker_count(world->image);
    if (gather_racks(placement, world, decision, &prng) != OK ||
        gather_leaders(placement, decision, &prng) != OK) {
        return NULL;
    }
    return placement;
}

struct command_result placement_possible(const struct placement *placement,
                                         struct decision *decision, int32_t replicas)
{
    assert(replicas >= 1 && replicas <= REPLICAS_MAX);
    const char *fmt =
        "Unable to replicate the partition %d time(s): All brokers are currently fenced.";
    if (placement->leader_count == 0) {
        return result_of(KAFKA_INVALID_REPLICATION_FACTOR, decision_text(decision, fmt, replicas));
    }
    if (placement->broker_count < (uint32_t)replicas) {
        return result_of(
            KAFKA_INVALID_REPLICATION_FACTOR,
            decision_text(
                decision,
                "Unable to replicate the partition %d time(s): The target replication factor of "
                "%d cannot be reached because only %u broker(s) are registered.",
                replicas, replicas, placement->broker_count));
    }
    return (struct command_result){0};
}

static bool chosen(const int32_t *brokers, uint32_t count, int32_t broker)
{
    for (uint32_t i = 0; i < count; i++) {
        if (brokers[i] == broker) {
            return true;
        }
    }
    return false;
}

/* Whose turn it is in this ring and who is not chosen yet; false: all are. */
static bool ring_take(struct ring *ring, int32_t *brokers, uint32_t *count)
{
    for (uint32_t i = 0; i < ring->count; i++) {
        int32_t broker = ring->brokers[(ring->at + i) % ring->count];
        if (!chosen(brokers, *count, broker)) {
            assert(*count < REPLICAS_MAX);
            ring->at = (ring->at + i + 1) % ring->count;
            brokers[(*count)++] = broker;
            return true;
        }
    }
    return false;
}

void placement_next(struct placement *placement, uint32_t replicas, int32_t *ret_brokers)
{
    assert(placement->leader_count > 0 && replicas >= 1 && replicas <= placement->broker_count);
    assert(placement->turn < placement->leader_count);
    const struct leader *leader = &placement->leaders[placement->turn];
    placement->turn = (placement->turn + 1) % placement->leader_count;
    uint32_t count = 0;
    ret_brokers[count++] = leader->broker;
    for (unsigned pass = 0; pass < 2; pass++) { /* those that are there, then the others */
        bool any = true;
        /* The leader's rack has its first replica: it comes last in each round. */
        while (any && count < replicas) {
            any = false;
            for (uint32_t i = 1; i <= placement->rack_count && count < replicas; i++) {
                struct rack *rack = &placement->racks[(leader->rack + i) % placement->rack_count];
                any |= ring_take(pass == 0 ? &rack->active : &rack->fenced, ret_brokers, &count);
            }
        }
    }
    assert(count == replicas);
}

struct meta_partition partition_fresh(const struct world *world, struct uuid topic, int32_t index,
                                      const int32_t *brokers, uint32_t count, bool disk)
{
    assert(count >= 1 && count <= REPLICAS_MAX);
    struct meta_partition partition = {.topic = topic,
                                       .index = index,
                                       .replica_count = count,
                                       .leader = META_NO_BROKER,
                                       .recovery = META_RECOVERED};
    for (uint32_t i = 0; i < count; i++) {
        partition.replicas[i] = (struct meta_replica){.broker = brokers[i], .synced = disk};
        if (world_active(world, brokers[i])) {
            bool added = meta_ids_add(&partition.isr, brokers[i]);
            assert(added);
        }
    }
    if (partition.isr.count > 0) {
        partition.leader = partition.isr.id[0];
    }
    assert(meta_partition_valid(&partition));
    return partition;
}

struct command_result assignment_check(const struct world *world, struct decision *decision,
                                       const struct manual_assignment *assignment,
                                       int32_t partition, uint32_t *replicas)
{
    enum kafka_error error = KAFKA_INVALID_REPLICA_ASSIGNMENT;
    uint32_t count = assignment->broker_count;
    assert(partition >= 0 && *replicas <= REPLICAS_MAX);
    if (count == 0 || count > REPLICAS_MAX) {
        const char *text = count == 0
                               ? "The manual partition assignment includes an empty replica list."
                               : "The manual partition assignment includes too many replicas.";
        return result_of(error, slice_str(text));
    }
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        int32_t broker = assignment->brokers[i];
        if (world_broker(world, broker) == NULL) {
            return result_of(
                error,
                decision_text(decision,
                              "The manual partition assignment includes broker %d, but no such "
                              "broker is registered.",
                              broker));
        }
        if (chosen(assignment->brokers, i, broker)) {
            return result_of(
                error,
                decision_text(decision,
                              "The manual partition assignment includes the broker %d more than "
                              "once.",
                              broker));
        }
        any |= world_active(world, broker);
    }
    if (*replicas != 0 && *replicas != count) {
        return result_of(
            error,
            decision_text(
                decision,
                "The manual partition assignment includes a partition with %u replica(s), but "
                "this is not consistent with previous partitions, which have %u replica(s).",
                count, *replicas));
    }
    if (!any) {
        return result_of(
            error,
            decision_text(decision,
                          "All brokers specified in the manual partition assignment for partition "
                          "%d are fenced or in controlled shutdown.",
                          partition));
    }
    *replicas = count;
    return (struct command_result){0};
}
