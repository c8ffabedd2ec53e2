/*
 * CREATE_PARTITIONS (KIP-195): a topic grows. One topic after the other, each in one batch.
 */
#include "controller/state/state_internal.h"

static struct command_result check_total(const struct meta_topic *topic,
                                         const struct grow_topic *wants, struct decision *decision)
{
    int32_t has = (int32_t)meta_topic_partitions(topic);
    assert(has > 0);
    if (wants->total == has) {
        return result_of(KAFKA_INVALID_PARTITIONS,
                         decision_text(decision, "Topic already has %d partition(s).", has));
    }
    if (wants->total < has) {
        return result_of(
            KAFKA_INVALID_PARTITIONS,
            decision_text(
                decision,
                "The topic %.*s currently has %d partition(s); %d would not be an increase.",
                SLICE_ARGS(wants->name), has, wants->total));
    }
    if (wants->total > TOPIC_PARTITIONS_MAX) {
        return result_of(KAFKA_INVALID_PARTITIONS,
                         decision_text(decision, "Number of partitions must be at most %d.",
                                       TOPIC_PARTITIONS_MAX));
    }
    uint32_t more = (uint32_t)(wants->total - has);
    if (wants->assigned && wants->assignment_count != more) {
        return result_of(
            KAFKA_INVALID_REPLICA_ASSIGNMENT,
            decision_text(
                decision,
                "Attempted to add %u additional partition(s), but only %u assignment(s) were "
                "specified.",
                more, wants->assignment_count));
    }
    return (struct command_result){0};
}

static struct command_result check_grow(const struct world *world,
                                        const struct create_partitions_command *command,
                                        uint32_t index, struct decision *decision)
{
    const struct grow_topic *wants = &command->topics[index];
    assert(index < command->count);
    for (uint32_t i = 0; i < command->count; i++) {
        if (i != index && slice_eq(command->topics[i].name, wants->name)) {
            return result_of(KAFKA_INVALID_REQUEST, slice_str("Duplicate topic name."));
        }
    }
    const struct meta_topic *topic = meta_topic_named(world->image, wants->name);
    if (topic == NULL) {
        return result_of(KAFKA_UNKNOWN_TOPIC_OR_PARTITION, (struct slice){0});
    }
    if (wants->verdict.error != KAFKA_NONE) {
        return wants->verdict;
    }
    struct command_result result = check_total(topic, wants, decision);
    /* A topic keeps the replication factor of its first partition. */
    uint32_t replicas = meta_partition(topic, 0)->replica_count;
    for (uint32_t i = 0;
         result.error == KAFKA_NONE && wants->assigned && i < wants->assignment_count; i++) {
        int32_t partition = (int32_t)(meta_topic_partitions(topic) + i);
        result = assignment_check(world, decision, &wants->assignments[i], partition, &replicas);
    }
    if (result.error == KAFKA_NONE && !wants->assigned) {
        struct placement *placement = placement_new(world, decision);
        result = placement == NULL
                     ? result_of(KAFKA_UNKNOWN_SERVER_ERROR, slice_str("Out of memory."))
                     : placement_possible(placement, decision, (int32_t)replicas);
    }
    uint32_t more = (uint32_t)wants->total - meta_topic_partitions(topic);
    return result.error == KAFKA_NONE ? request_partitions(decision, more) : result;
}

static err_t grow(const struct world *world, const struct grow_topic *wants,
                  struct decision *decision)
{
    const struct meta_topic *topic = meta_topic_named(world->image, wants->name);
    assert(topic != NULL);
    int32_t has = (int32_t)meta_topic_partitions(topic);
    uint32_t replicas = meta_partition(topic, 0)->replica_count;
    bool disk = world_disk(world, wants->name);
    struct placement *placement = NULL;
    assert(replicas >= 1 && has < wants->total);
    if (!wants->assigned) {
        placement = placement_new(world, decision);
        ENSURE(placement != NULL, ERR_NO_MEMORY);
    }
    for (int32_t index = has; index < wants->total; index++) {
        int32_t placed[REPLICAS_MAX];
        const int32_t *brokers = placed;
        if (placement == NULL) {
            brokers = wants->assignments[index - has].brokers;
        } else {
            placement_next(placement, replicas, placed);
        }
        struct meta_record *record = decision_add(decision, META_PARTITION);
        ENSURE(record != NULL, ERR_NO_MEMORY);
        record->partition = partition_fresh(world, meta_topic_id(topic), index, brokers, replicas,
                                            disk);
    }
    return OK;
}

err_t decide_create_partitions(const struct controller_state *state, const struct command *command,
                               time_ms now, struct decision *decision)
{
    (void)now;
    const struct create_partitions_command *create = &command->create_partitions;
    struct results_answer *answer = &decision->answer.results;
    struct decision_cursor *cursor = &decision->cursor;
    struct world world = world_of(state);
    if (answer->results == NULL) {
        answer->results = arena_array(decision->arena, create->count, sizeof(*answer->results));
        ENSURE(answer->results != NULL, ERR_NO_MEMORY);
        answer->count = create->count;
    }
    while (cursor->index < create->count && decision->batch.count == 0) {
        struct command_result *result = &answer->results[cursor->index];
        *result = check_grow(&world, create, cursor->index, decision);
        if (result->error == KAFKA_NONE && !create->validate_only) {
            TRY(grow(&world, &create->topics[cursor->index], decision));
        }
        cursor->index++;
    }
    assert(cursor->index <= create->count);
    decision->more = cursor->index < create->count;
    return OK;
}
