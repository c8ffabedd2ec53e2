#include "controller/state/state_internal.h"

struct sweep sweep_of(int32_t broker)
{
    assert(broker >= META_NO_BROKER);
    return (struct sweep){.broker = broker, .rules = settle_rules_plain(), .old_epoch = -1};
}

void sweep_restart(struct decision *decision)
{
    decision->cursor.topic = (struct slice){0};
    decision->cursor.partition = 0;
    decision->cursor.in_topic = false;
}

/* How a directory came back at registration. */
static enum dir_condition dir_condition(const struct sweep *sweep, struct uuid dir, bool *ret_there)
{
    const struct register_broker_command *command = sweep->registration;
    *ret_there = false;
    assert(command != NULL && command->dir_count <= LOG_DIRS_MAX);
    for (uint32_t i = 0; i < command->dir_count; i++) {
        if (uuid_eq(command->dirs[i].id, dir)) {
            *ret_there = true;
            /* A clean-shutdown file of an earlier life proves nothing about this one (M33). That may have ended with its registration. */
            enum dir_condition crashed = command->dirs[i].this_boot ? DIR_CRASHED
                                                                    : DIR_CRASHED_OTHER_BOOT;
            bool stale = command->dirs[i].condition == DIR_CLEAN &&
                         (command->previous_epoch == -1 ||
                          command->previous_epoch != sweep->old_epoch);
            assert(command->dirs[i].condition >= DIR_CLEAN);
            assert(command->dirs[i].condition <= DIR_CRASHED_OTHER_BOOT);
            return stale && !MUTANT(33) ? crashed : command->dirs[i].condition;
        }
    }
    return DIR_CRASHED_OTHER_BOOT;
}

/* A replica without a directory yet may be in any of them: the worst condition counts. */
static enum dir_condition worst_condition(const struct sweep *sweep)
{
    enum dir_condition worst = DIR_CLEAN;
    for (uint32_t i = 0; i < sweep->registration->dir_count; i++) {
        bool there;
        enum dir_condition condition = dir_condition(sweep, sweep->registration->dirs[i].id,
                                                     &there);
        assert(there);
        worst = condition > worst ? condition : worst;
    }
    return worst;
}

/* Nobody else has everything that was acknowledged, in a directory that is there. */
static bool holds_alone(const struct world *world, const struct meta_partition *mp, int32_t broker)
{
    bool alone = meta_partition_seats(mp, broker);
    for (uint32_t i = 0; i < mp->replica_count; i++) {
        const struct meta_replica *other = &mp->replicas[i];
        alone = alone && (other->broker == broker || !meta_partition_seats(mp, other->broker) ||
                          !world_seat(world, other));
    }
    return alone;
}

/* It has a seat, and nobody knows yet where it lies: so it was since the partition was made, for nobody joins like that, and nothing
 * counted meanwhile. There is nothing to lose. (After an unclean election there may be.) */
static bool holds_nothing(const struct meta_partition *mp, const struct meta_replica *replica)
{
    return meta_partition_seats(mp, replica->broker) && uuid_is_none(replica->dir) &&
           mp->recovery == META_RECOVERED;
}

/* "A crash is not a loss", "a replica is (broker, directory id)" (docs/RULES.md). Returns whether the seats go. */
static bool registered_replica(const struct world *world, struct slice topic,
                               const struct sweep *sweep, const struct meta_partition *old,
                               struct meta_replica *replica)
{
    assert(replica->broker == sweep->registration->broker);
    bool there = sweep->old_dirs_all;
    enum dir_condition condition = DIR_CLEAN;
    if (uuid_is_none(replica->dir)) {
        condition = worst_condition(sweep);
    } else {
        condition = dir_condition(sweep, replica->dir, &there);
    }
    if (!there && MUTANT(89)) {
        return false;
    }
    bool placed = !uuid_is_none(replica->dir);
    if (!there && placed && replica->synced && holds_alone(world, old, replica->broker) &&
        !MUTANT(150)) {
        PROBE(SEAT_AWAITED);
        return false; /* it is waited for: what is made anew elsewhere would be empty, and nobody could lead either */
    }
    there = there || holds_nothing(old, replica);
    if (!there && placed) {
        replica->dir =
            UUID_NONE; /* to be made anew, empty: what it will hold follows today's setting */
        replica->synced = world_disk(world, topic);
    }
    return !there || (condition == DIR_CRASHED_OTHER_BOOT && !replica->synced && !MUTANT(31));
}

static struct meta_replica *replica_on(struct meta_partition *partition, int32_t broker)
{
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        if (partition->replicas[i].broker == broker) {
            return &partition->replicas[i];
        }
    }
    return NULL;
}

/* Before this decision: what was acknowledged was on disk. */
static bool was_disk(const struct world *world, struct slice topic)
{
    struct world before = *world;
    before.resource = NULL;
    return world_disk(&before, topic);
}

static err_t sweep_partition(const struct world *world, const struct sweep *sweep,
                             struct slice topic, const struct meta_partition *old,
                             struct decision *decision)
{
    assert(old != NULL && decision_left(decision) > 0);
    struct meta_partition next = *old;
    struct settle_rules rules = sweep->rules;
    if (sweep->broker != META_NO_BROKER) {
        struct meta_replica *replica = replica_on(&next, sweep->broker);
        if (replica == NULL) {
            return OK;
        }
        if (sweep->registration != NULL && registered_replica(world, topic, sweep, old, replica)) {
            PROBE(SEAT_LOST);
            rules.lost = sweep->broker;
        }
        if (sweep->unplaced_lost && uuid_is_none(replica->dir) && !holds_nothing(old, replica)) {
            rules.lost = sweep->broker;
        }
    }
    bool weak = sweep->durability && !world_disk(world, topic);
    if (weak) {
        for (uint32_t i = 0; i < next.replica_count; i++) {
            next.replicas[i].synced = false;
        }
    }
    /* A new epoch also where nobody was known to be synced: what is said by the old one does not count any more. */
    if (partition_settle(world, topic, old, &rules, &next) || (weak && was_disk(world, topic))) {
        struct meta_record *record = decision_add(decision, META_PARTITION);
        ENSURE(record != NULL, ERR_NO_MEMORY);
        record->partition = next;
    }
    return OK;
}

/* The topic at the cursor, or the next one; NULL: the sweep is through. */
static const struct meta_topic *sweep_topic(const struct world *world, const struct sweep *sweep,
                                            struct decision_cursor *cursor)
{
    if (!cursor->in_topic) {
        if (sweep->topic.p != NULL && cursor->topic.p != NULL) {
            return NULL;
        }
        const struct meta_topic *topic = sweep->topic.p != NULL
                                             ? meta_topic_named(world->image, sweep->topic)
                                             : meta_topic_next(world->image, cursor->topic);
        if (topic == NULL) {
            return NULL;
        }
        assert(meta_topic_partitions(topic) > 0);
        cursor->topic = meta_topic_name(topic);
        cursor->in_topic = true;
        cursor->partition = 0;
        return topic;
    }
    const struct meta_topic *topic = meta_topic_named(world->image, cursor->topic);
    assert(topic != NULL); /* nothing else is decided in between */
    return topic;
}

err_t sweep_run(const struct world *world, const struct sweep *sweep, struct decision *decision,
                uint32_t spare, bool *ret_done)
{
    struct decision_cursor *cursor = &decision->cursor;
    *ret_done = false;
    assert(spare < METADATA_PIECE_RECORDS);
    assert(sweep->registration == NULL || sweep->registration->broker == sweep->broker);
    for (;;) {
        const struct meta_topic *topic = sweep_topic(world, sweep, cursor);
        if (topic == NULL) {
            *ret_done = true;
            return OK;
        }
        struct slice name = meta_topic_name(topic);
        int32_t count = (int32_t)meta_topic_partitions(topic);
        assert(cursor->partition <= count);
        for (; cursor->partition < count; cursor->partition++) {
            if (decision_left(decision) <= spare) {
                /* The image that this name lies in may be gone when we come back. */
                ENSURE(arena_copy(decision->arena, name, &cursor->topic), ERR_NO_MEMORY);
                return OK;
            }
            const struct meta_partition *old = meta_partition(topic, cursor->partition);
            TRY(sweep_partition(world, sweep, name, old, decision));
        }
        cursor->in_topic = false;
    }
}
