/*
 * ELECT_LEADERS (KIP-183, KIP-460): preferred leaders on demand, unclean ones where somebody asks for them by name.
 */
#include "controller/state/state_internal.h"

static err_t elect(const struct world *world, const struct meta_topic *topic,
                   const struct meta_partition *old, enum election election,
                   struct decision *decision, struct command_result *result)
{
    bool unneeded = election == ELECTION_UNCLEAN ? old->leader != META_NO_BROKER
                                                 : old->leader == old->replicas[0].broker;
    if (unneeded) {
        *result = result_of(KAFKA_ELECTION_NOT_NEEDED, (struct slice){0});
        return OK;
    }
    assert(decision_left(decision) > 0 && old->replica_count > 0);
    struct meta_partition next = *old;
    struct settle_rules rules = settle_rules_plain();
    rules.preferred = election == ELECTION_PREFERRED;
    rules.unclean = election == ELECTION_UNCLEAN ? UNCLEAN_NOW : UNCLEAN_NEVER;
    bool changed = partition_settle(world, meta_topic_name(topic), old, &rules, &next);
    if (election == ELECTION_PREFERRED && next.leader != old->replicas[0].broker) {
        *result = result_of(KAFKA_PREFERRED_LEADER_NOT_AVAILABLE, (struct slice){0});
        return OK;
    }
    if (next.leader == META_NO_BROKER) {
        *result = result_of(KAFKA_ELIGIBLE_LEADERS_NOT_AVAILABLE, (struct slice){0});
        return OK;
    }
    assert(changed && next.leader_epoch > old->leader_epoch);
    assert(meta_ids_has(&next.isr, next.leader));
    struct meta_record *record = decision_add(decision, META_PARTITION);
    ENSURE(record != NULL, ERR_NO_MEMORY);
    record->partition = next;
    return OK;
}

/* Room for one more result. */
static struct elect_leaders_result *result_add(struct decision *decision)
{
    struct elect_leaders_answer *answer = &decision->answer.elect_leaders;
    if (answer->count == decision->answer_room) {
        uint32_t room = decision->answer_room == 0 ? 16 : decision->answer_room * 2;
        struct elect_leaders_result *results = arena_array(decision->arena, room, sizeof(*results));
        if (results == NULL) {
            return NULL;
        }
        if (answer->count > 0) {
            memcpy(results, answer->results, answer->count * sizeof(*results));
        }
        answer->results = results;
        decision->answer_room = room;
    }
    assert(answer->count < decision->answer_room);
    return &answer->results[answer->count++];
}

static err_t elect_named(const struct world *world, const struct elect_leaders_command *command,
                         struct decision *decision)
{
    struct decision_cursor *cursor = &decision->cursor;
    assert(!command->all && cursor->index <= command->count);
    for (; cursor->index < command->count; cursor->index++) {
        const struct partition_ref *at = &command->entries[cursor->index];
        if (decision_left(decision) == 0 || decision_touches(decision, at->topic, at->partition)) {
            decision->more = true;
            return OK;
        }
        struct elect_leaders_result *result = result_add(decision);
        ENSURE(result != NULL, ERR_NO_MEMORY);
        *result = (struct elect_leaders_result){.at = *at};
        const struct meta_topic *topic = meta_topic(world->image, at->topic);
        const struct meta_partition *old = topic == NULL ? NULL
                                                         : meta_partition(topic, at->partition);
        if (old == NULL) {
            result->result = result_of(
                KAFKA_UNKNOWN_TOPIC_OR_PARTITION,
                topic == NULL ? (struct slice){0}
                              : decision_text(decision, "No such partition as %.*s-%d",
                                              SLICE_ARGS(meta_topic_name(topic)), at->partition));
            continue;
        }
        TRY(elect(world, topic, old, command->election, decision, &result->result));
    }
    return OK;
}

static err_t elect_in_topic(const struct world *world, const struct meta_topic *topic,
                            enum election election, struct decision *decision)
{
    struct decision_cursor *cursor = &decision->cursor;
    int32_t count = (int32_t)meta_topic_partitions(topic);
    for (; cursor->partition < count && decision_left(decision) > 0; cursor->partition++) {
        struct command_result outcome = {0};
        const struct meta_partition *old = meta_partition(topic, cursor->partition);
        TRY(elect(world, topic, old, election, decision, &outcome));
        if (outcome.error != KAFKA_ELECTION_NOT_NEEDED) {
            struct elect_leaders_result *result = result_add(decision);
            ENSURE(result != NULL, ERR_NO_MEMORY);
            result->at = (struct partition_ref){meta_topic_id(topic), cursor->partition};
            result->result = outcome;
        }
    }
    return OK;
}

/* cursor.topic: where the last batch ended. */
static err_t elect_all(const struct world *world, enum election election, struct decision *decision)
{
    struct decision_cursor *cursor = &decision->cursor;
    const struct meta_topic *topic = cursor->in_topic
                                         ? meta_topic_named(world->image, cursor->topic)
                                         : meta_topic_next(world->image, (struct slice){0});
    assert(!cursor->in_topic || topic != NULL);
    while (topic != NULL) {
        TRY(elect_in_topic(world, topic, election, decision));
        if (cursor->partition < (int32_t)meta_topic_partitions(topic)) {
            cursor->in_topic = true;
            ENSURE(arena_copy(decision->arena, meta_topic_name(topic), &cursor->topic),
                   ERR_NO_MEMORY);
            decision->more = true;
            return OK;
        }
        assert(cursor->partition == (int32_t)meta_topic_partitions(topic));
        cursor->partition = 0;
        topic = meta_topic_next(world->image, meta_topic_name(topic));
    }
    return OK;
}

err_t decide_elect_leaders(const struct controller_state *state, const struct command *command,
                           time_ms now, struct decision *decision)
{
    (void)now;
    const struct elect_leaders_command *wants = &command->elect_leaders;
    assert(wants->election == ELECTION_PREFERRED || wants->election == ELECTION_UNCLEAN);
    struct world world = world_of(state);
    return wants->all ? elect_all(&world, wants->election, decision)
                      : elect_named(&world, wants, decision);
}
