/*
 * What brokers say about partitions: a leader's new ISR (KIP-497, 841, 903, 966), where replicas lie (KIP-858), which are
 * lost, which are synced.
 */
#include "controller/state/state_internal.h"

/* --- ALTER_PARTITION --- */

/* Why this broker must not be in an ISR; NONE: it may. */
static bool isr_eligible(const struct world *world, const struct meta_partition *partition,
                         int32_t id, int64_t epoch)
{
    const struct meta_broker *broker = world_broker(world, id);
    if (broker == NULL || !world_active(world, id) || (broker->epoch != epoch && !MUTANT(22))) {
        return false;
    }
    const struct meta_replica *replica = meta_partition_replica(partition, id);
    assert(replica != NULL && replica->broker == id);
    /* A new member's seat is one of its directory, so that must be known. */
    return world_seat(world, replica) &&
           (!uuid_is_none(replica->dir) || meta_ids_has(&partition->isr, id));
}

/* Every check of reliability §3.3, in its order (M18 to M22). */
static enum kafka_error alter_check(const struct world *world, int32_t sender,
                                    const struct alter_partition_entry *entry,
                                    const struct meta_partition *partition)
{
    if (entry->leader_epoch > partition->leader_epoch ||
        entry->partition_epoch > partition->partition_epoch) {
        return KAFKA_NOT_CONTROLLER; /* it has seen more than we have */
    }
    if (entry->leader_epoch < partition->leader_epoch) {
        /* The next two checks would refuse it as well: whoever gave way left both epochs behind. */
        return MUTANT(18) ? KAFKA_NONE : KAFKA_FENCED_LEADER_EPOCH;
    }
    if (sender != partition->leader && !MUTANT(19)) {
        return KAFKA_INVALID_REQUEST;
    }
    if (entry->partition_epoch < partition->partition_epoch && !MUTANT(20)) {
        return KAFKA_INVALID_UPDATE_VERSION;
    }
    bool leader = false;
    assert(partition->leader >= 0 && entry->isr_count <= REPLICAS_MAX);
    for (uint32_t i = 0; i < entry->isr_count; i++) {
        int32_t member = entry->isr[i].broker;
        leader |= member == partition->leader;
        if (meta_partition_replica(partition, member) == NULL) {
            return KAFKA_INVALID_REQUEST;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (entry->isr[j].broker == member) {
                return KAFKA_INVALID_REQUEST;
            }
        }
    }
    if (!leader && !MUTANT(21)) {
        return KAFKA_INVALID_REQUEST;
    }
    if (entry->recovery != META_RECOVERED && entry->recovery != META_RECOVERING) {
        return KAFKA_INVALID_REQUEST;
    }
    if (entry->recovery == META_RECOVERING &&
        (entry->isr_count > 1 || partition->recovery == META_RECOVERED)) {
        return KAFKA_INVALID_REQUEST;
    }
    for (uint32_t i = 0; i < entry->isr_count; i++) {
        if (!isr_eligible(world, partition, entry->isr[i].broker, entry->isr[i].epoch)) {
            return KAFKA_INELIGIBLE_REPLICA;
        }
    }
    return KAFKA_NONE;
}

static void alter_tell(const struct meta_partition *partition,
                       struct alter_partition_result *result)
{
    assert(meta_partition_valid(partition));
    result->leader = partition->leader;
    result->leader_epoch = partition->leader_epoch;
    result->partition_epoch = partition->partition_epoch;
    result->isr = partition->isr;
    result->recovery = partition->recovery;
}

static err_t alter_one(const struct world *world, int32_t sender,
                       const struct alter_partition_entry *entry, struct decision *decision,
                       struct alter_partition_result *result)
{
    *result = (struct alter_partition_result){.at = entry->at, .leader = META_NO_BROKER};
    const struct meta_topic *topic = meta_topic(world->image, entry->at.topic);
    if (topic == NULL) {
        result->error = KAFKA_UNKNOWN_TOPIC_ID;
        return OK;
    }
    const struct meta_partition *old = meta_partition(topic, entry->at.partition);
    if (old == NULL) {
        result->error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
        return OK;
    }
    alter_tell(old, result);
    result->error = entry->isr_count > REPLICAS_MAX ? KAFKA_INVALID_REQUEST
                                                    : alter_check(world, sender, entry, old);
    if (result->error != KAFKA_NONE) {
        return OK;
    }
    struct meta_partition next = *old;
    next.isr.count = entry->isr_count;
    for (uint32_t i = 0; i < entry->isr_count; i++) {
        next.isr.id[i] = entry->isr[i].broker;
    }
    next.recovery = entry->recovery;
    struct settle_rules rules = settle_rules_plain();
    assert(meta_ids_has(&next.isr, old->leader) && old->leader == sender);
    rules.min_isr = entry->min_isr > 0 ? entry->min_isr : 1;
    if (partition_settle(world, meta_topic_name(topic), old, &rules, &next)) {
        struct meta_record *record = decision_add(decision, META_PARTITION);
        ENSURE(record != NULL, ERR_NO_MEMORY);
        record->partition = next;
        alter_tell(&record->partition, result);
        assert(next.leader == old->leader && next.leader_epoch == old->leader_epoch);
    }
    return OK;
}

err_t decide_alter_partition(const struct controller_state *state, const struct command *command,
                             time_ms now, struct decision *decision)
{
    (void)now;
    const struct alter_partition_command *alter = &command->alter_partition;
    struct alter_partition_answer *answer = &decision->answer.alter_partition;
    struct decision_cursor *cursor = &decision->cursor;
    struct world world = world_of(state);
    if (cursor->index == 0) {
        answer->error = broker_epoch_check(world.image, alter->broker, alter->broker_epoch);
        answer->count = answer->error == KAFKA_NONE ? alter->count : 0;
        if (answer->error != KAFKA_NONE) {
            return OK;
        }
        answer->results = arena_array(decision->arena, alter->count, sizeof(*answer->results));
        ENSURE(answer->results != NULL, ERR_NO_MEMORY);
    }
    assert(answer->error == KAFKA_NONE && cursor->index <= alter->count);
    for (; cursor->index < alter->count; cursor->index++) {
        const struct alter_partition_entry *entry = &alter->entries[cursor->index];
        if (decision_left(decision) == 0 ||
            decision_touches(decision, entry->at.topic, entry->at.partition)) {
            decision->more = true;
            return OK;
        }
        TRY(alter_one(&world, alter->broker, entry, decision, &answer->results[cursor->index]));
    }
    return OK;
}

/* --- ASSIGN_DIRS, REPLICAS_LOST, REPLICAS_ROTTEN, REPLICAS_SYNCED --- */

/* What is said about one replica of the broker. dir: of ASSIGN_DIRS. */
struct replica_word {
    enum command_kind kind;
    const struct meta_broker *broker;
    struct uuid dir;
    int32_t epoch; /* REPLICAS_ROTTEN: the leader's; else the partition's; -1: not told */
};

/* Changes the replica as it was said; *ret_lost: its seats go. */
static enum kafka_error replica_change(const struct world *world, struct slice topic,
                                       const struct replica_word *word,
                                       struct meta_replica *replica, bool *ret_lost)
{
    *ret_lost = false;
    assert(replica->broker == word->broker->id);
    switch (word->kind) {
    case COMMAND_ASSIGN_DIRS:
        if (!broker_has_dir(word->broker, word->dir)) {
            return KAFKA_LOG_DIR_NOT_FOUND;
        }
        /* A seat is one of a directory: another directory does not take it over. */
        *ret_lost = !uuid_is_none(replica->dir) && !uuid_eq(replica->dir, word->dir);
        replica->dir = word->dir;
        return KAFKA_NONE;
    case COMMAND_REPLICAS_LOST:
    case COMMAND_REPLICAS_ROTTEN:
        if (uuid_is_none(replica->dir)) {
            return KAFKA_NONE; /* said again: it was heard, or nothing lies anywhere yet that could be lost */
        }
        *ret_lost = true;
        replica->dir = UUID_NONE;
        replica->synced = world_disk(world, topic);
        return KAFKA_NONE;
    default:
        assert(word->kind == COMMAND_REPLICAS_SYNCED);
        if (!world_disk(world, topic)) {
            return KAFKA_INVALID_REQUEST; /* the setting went back in the meantime */
        }
        replica->synced = true;
        return KAFKA_NONE;
    }
}

/* Somebody else who may lead has all that was acknowledged. */
static bool spared(const struct world *world, const struct meta_partition *mp, int32_t broker)
{
    bool found = MUTANT(140);
    for (uint32_t i = 0; i < mp->replica_count; i++) {
        const struct meta_replica *other = &mp->replicas[i];
        bool has_all = meta_partition_seats(mp, other->broker);
        found = found || (other->broker != broker && has_all && world_seat(world, other) &&
                          world_active(world, other->broker));
    }
    return found;
}

static err_t replica_one(const struct world *world, const struct partition_ref *at,
                         const struct replica_word *word, struct decision *decision,
                         enum kafka_error *ret_error)
{
    const struct meta_topic *topic = meta_topic(world->image, at->topic);
    const struct meta_partition *old = topic == NULL ? NULL : meta_partition(topic, at->partition);
    if (old == NULL) {
        *ret_error = topic == NULL ? KAFKA_UNKNOWN_TOPIC_ID : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
        return OK;
    }
    const struct meta_replica *replica = meta_partition_replica(old, word->broker->id);
    if (replica == NULL) {
        *ret_error = KAFKA_NOT_LEADER_OR_FOLLOWER;
        return OK;
    }
    struct meta_partition next = *old;
    struct settle_rules rules = settle_rules_plain();
    assert(replica >= old->replicas && replica < old->replicas + old->replica_count);
    bool lost;
    *ret_error = replica_change(world, meta_topic_name(topic), word,
                                &next.replicas[replica - old->replicas], &lost);
    if (*ret_error != KAFKA_NONE) {
        return OK;
    }
    bool early = word->kind == COMMAND_REPLICAS_SYNCED && word->epoch != old->partition_epoch;
    bool late = lost && word->kind == COMMAND_REPLICAS_LOST && word->epoch >= 0 &&
                word->epoch != old->partition_epoch;
    if ((early && !MUTANT(149)) || late) {
        *ret_error = KAFKA_INVALID_UPDATE_VERSION;
        return OK;
    }
    bool rotten = lost && word->kind == COMMAND_REPLICAS_ROTTEN;
    if (rotten && word->epoch != old->leader_epoch && !MUTANT(147)) {
        *ret_error = KAFKA_FENCED_LEADER_EPOCH; /* of an earlier copy, or it is said again */
        return OK;
    }
    if (rotten && !spared(world, old, word->broker->id)) {
        PROBE(SEAT_ROTTEN_KEPT);
        *ret_error = KAFKA_INELIGIBLE_REPLICA; /* what is good of it may be all there is */
        return OK;
    }
    rules.lost = lost ? word->broker->id : META_NO_BROKER;
    rules.renew = rotten;
    if (rules.renew) {
        PROBE(SEAT_ROTTEN);
    }
    if (partition_settle(world, meta_topic_name(topic), old, &rules, &next)) {
        struct meta_record *record = decision_add(decision, META_PARTITION);
        ENSURE(record != NULL, ERR_NO_MEMORY);
        record->partition = next;
    }
    return OK;
}

/* The four requests in one form. */
static err_t decide_words(const struct controller_state *state, enum command_kind kind,
                          const struct replicas_command *words,
                          const struct assign_dirs_entry *dirs, struct decision *decision)
{
    struct replicas_answer *answer = &decision->answer.replicas;
    struct decision_cursor *cursor = &decision->cursor;
    struct world world = world_of(state);
    if (cursor->index == 0) {
        answer->error = broker_epoch_check(world.image, words->broker, words->broker_epoch);
        answer->count = answer->error == KAFKA_NONE ? words->count : 0;
        if (answer->error != KAFKA_NONE) {
            return OK;
        }
        answer->results = arena_array(decision->arena, words->count, sizeof(*answer->results));
        ENSURE(answer->results != NULL, ERR_NO_MEMORY);
    }
    struct replica_word word = {.kind = kind, .broker = meta_broker(world.image, words->broker)};
    assert(word.broker != NULL && word.broker->epoch == words->broker_epoch);
    assert((dirs != NULL) == (kind == COMMAND_ASSIGN_DIRS) || words->count == 0);
    bool epochs = words->epochs != NULL;
    assert(epochs == (kind == COMMAND_REPLICAS_ROTTEN || kind == COMMAND_REPLICAS_SYNCED) ||
           kind == COMMAND_REPLICAS_LOST || words->count == 0);
    for (; cursor->index < words->count; cursor->index++) {
        uint32_t i = cursor->index;
        const struct partition_ref *at = dirs != NULL ? &dirs[i].at : &words->entries[i];
        if (decision_left(decision) == 0 || decision_touches(decision, at->topic, at->partition)) {
            decision->more = true;
            return OK;
        }
        word.dir = dirs != NULL ? dirs[i].dir : UUID_NONE;
        word.epoch = epochs ? words->epochs[i] : -1;
        TRY(replica_one(&world, at, &word, decision, &answer->results[i]));
    }
    return OK;
}

err_t decide_assign_dirs(const struct controller_state *state, const struct command *command,
                         time_ms now, struct decision *decision)
{
    (void)now;
    const struct assign_dirs_command *assign = &command->assign_dirs;
    struct replicas_command words = {
        .broker = assign->broker, .broker_epoch = assign->broker_epoch, .count = assign->count};
    return decide_words(state, command->kind, &words, assign->entries, decision);
}

err_t decide_replicas(const struct controller_state *state, const struct command *command,
                      time_ms now, struct decision *decision)
{
    (void)now;
    assert(command->kind != COMMAND_ASSIGN_DIRS);
    return decide_words(state, command->kind, &command->replicas, NULL, decision);
}
