/*
 * CREATE_TOPICS and DELETE_TOPICS: one topic after the other. Each that is made is one batch, so that the next one sees it, and nobody
 * ever sees a part of it.
 * Errors and their sentences are Kafka's (clients and people know them).
 */
#include "controller/state/state_internal.h"

/* Settings that one topic may bring along: the first batch must hold them all. */
#define SETTINGS_MAX (METADATA_PIECE_RECORDS / 2)
/* Topics of one request, as in Kafka: each is compared with all others. */
#define TOPICS_MAX   10000

/* --- what is asked for --- */

/* The topic to be made. */
struct creation {
    const struct create_topic *wants;
    uint32_t partitions;
    uint32_t replicas;
    struct placement *placement; /* NULL: assigned by hand */
};

static struct command_result fault(enum kafka_error error, const char *text)
{
    return result_of(error, slice_str(text));
}

static struct command_result check_name(const struct world *world,
                                        const struct create_topics_command *command, uint32_t index,
                                        struct decision *decision)
{
    struct slice name = command->topics[index].name;
    assert(index < command->count);
    if (command->count > TOPICS_MAX) {
        return fault(KAFKA_POLICY_VIOLATION, "Excessively large number of topics per request.");
    }
    for (uint32_t i = 0; i < command->count; i++) {
        if (i != index && slice_eq(command->topics[i].name, name)) {
            return fault(KAFKA_INVALID_REQUEST, "Duplicate topic name.");
        }
    }
    struct command_result good = topic_name_check(decision, name);
    if (good.error != KAFKA_NONE) {
        return good;
    }
    if (slice_eq(name, slice_str("__cluster_metadata"))) {
        return fault(KAFKA_INVALID_REQUEST,
                     "Creation of internal topic __cluster_metadata is prohibited.");
    }
    if (meta_topic_named(world->image, name) != NULL) {
        return result_of(KAFKA_TOPIC_ALREADY_EXISTS,
                         decision_text(decision, "Topic '%.*s' already exists.", SLICE_ARGS(name)));
    }
    struct slice twin = topic_name_collision(world->image, name);
    if (twin.p != NULL) {
        return result_of(KAFKA_INVALID_TOPIC_EXCEPTION,
                         decision_text(decision, "Topic '%.*s' collides with existing topic: %.*s",
                                       SLICE_ARGS(name), SLICE_ARGS(twin)));
    }
    return (struct command_result){0};
}

static struct command_result check_assignments(const struct world *world, struct creation *creation,
                                               struct decision *decision)
{
    const struct create_topic *wants = creation->wants;
    if (wants->replication_factor != -1) {
        return fault(
            KAFKA_INVALID_REQUEST,
            "A manual partition assignment was specified, but replication factor was not set to -1.");
    }
    if (wants->partitions != -1) {
        return fault(
            KAFKA_INVALID_REQUEST,
            "A manual partition assignment was specified, but numPartitions was not set to -1.");
    }
    if (wants->assignment_count > TOPIC_PARTITIONS_MAX) {
        return fault(KAFKA_INVALID_PARTITIONS,
                     "Number of partitions is above the maximum of one topic.");
    }
    bool *seen = arena_array(decision->arena, wants->assignment_count, sizeof(*seen));
    if (seen == NULL) {
        return fault(KAFKA_UNKNOWN_SERVER_ERROR, "Out of memory.");
    }
    creation->replicas = 0;
    for (uint32_t i = 0; i < wants->assignment_count; i++) {
        int32_t partition = wants->assignments[i].partition;
        if (partition < 0 || (uint32_t)partition >= wants->assignment_count) {
            return fault(KAFKA_INVALID_REPLICA_ASSIGNMENT,
                         "partitions should be a consecutive 0-based integer sequence");
        }
        if (seen[partition]) {
            return result_of(
                KAFKA_INVALID_REPLICA_ASSIGNMENT,
                decision_text(decision,
                              "Found multiple manual partition assignments for partition %d",
                              partition));
        }
        seen[partition] = true;
        struct command_result result = assignment_check(world, decision, &wants->assignments[i],
                                                        partition, &creation->replicas);
        if (result.error != KAFKA_NONE) {
            return result;
        }
    }
    assert(creation->replicas >= 1 && creation->replicas <= REPLICAS_MAX);
    creation->partitions = wants->assignment_count;
    return (struct command_result){0};
}

static struct command_result check_counts(const struct world *world, struct creation *creation,
                                          struct decision *decision)
{
    const struct create_topic *wants = creation->wants;
    const struct controller_defaults *defaults = &world->state->settings.defaults;
    if (wants->replication_factor < -1 || wants->replication_factor == 0) {
        return fault(KAFKA_INVALID_REPLICATION_FACTOR,
                     "Replication factor must be larger than 0, or -1 to use the default value.");
    }
    if (wants->partitions < -1 || wants->partitions == 0) {
        return fault(KAFKA_INVALID_PARTITIONS,
                     "Number of partitions must be larger than 0, or -1 to use the default value.");
    }
    int32_t partitions = wants->partitions == -1 ? defaults->num_partitions : wants->partitions;
    int32_t replicas = wants->replication_factor == -1 ? defaults->replication_factor
                                                       : wants->replication_factor;
    if (partitions > TOPIC_PARTITIONS_MAX) {
        return result_of(KAFKA_INVALID_PARTITIONS,
                         decision_text(decision, "Number of partitions must be at most %d.",
                                       TOPIC_PARTITIONS_MAX));
    }
    if (replicas > REPLICAS_MAX) {
        return result_of(
            KAFKA_INVALID_REPLICATION_FACTOR,
            decision_text(decision, "Replication factor must be at most %d.", REPLICAS_MAX));
    }
    assert(partitions >= 1 && replicas >= 1);
    creation->partitions = (uint32_t)partitions;
    creation->replicas = (uint32_t)replicas;
    creation->placement = placement_new(world, decision);
    if (creation->placement == NULL) {
        return fault(KAFKA_UNKNOWN_SERVER_ERROR, "Out of memory.");
    }
    return placement_possible(creation->placement, decision, replicas);
}

static struct command_result check_settings(const struct create_topic *wants,
                                            struct decision *decision)
{
    for (uint32_t i = 0; i < wants->setting_count; i++) {
        if (wants->settings[i].value.p == NULL) {
            return result_of(KAFKA_INVALID_CONFIG,
                             decision_text(decision,
                                           "Null value not supported for topic configs: %.*s",
                                           SLICE_ARGS(wants->settings[i].key)));
        }
    }
    for (uint32_t i = 0; i < wants->setting_count; i++) {
        if (wants->settings[i].key.n == 0 || wants->settings[i].key.n > META_NAME_MAX ||
            wants->settings[i].value.n > META_VALUE_MAX) {
            return fault(KAFKA_INVALID_CONFIG, "A config name or value is empty or too long.");
        }
    }
    if (wants->setting_count > SETTINGS_MAX ||
        !settings_fit(wants->name, wants->settings, wants->setting_count)) {
        return fault(KAFKA_INVALID_CONFIG, "Too many topic configs.");
    }
    return wants->verdict;
}

struct command_result request_partitions(struct decision *decision, uint32_t more)
{
    if (more > REQUEST_PARTITIONS_MAX - decision->cursor.made) {
        return fault(KAFKA_POLICY_VIOLATION, "Excessively large number of partitions per request.");
    }
    decision->cursor.made += more;
    return (struct command_result){0};
}

static struct command_result check_topic(const struct world *world,
                                         const struct create_topics_command *command,
                                         uint32_t index, struct creation *creation,
                                         struct decision *decision)
{
    struct command_result result = check_name(world, command, index, decision);
    if (result.error == KAFKA_NONE) {
        result = creation->wants->assignment_count > 0
                     ? check_assignments(world, creation, decision)
                     : check_counts(world, creation, decision);
    }
    result = result.error == KAFKA_NONE ? check_settings(creation->wants, decision) : result;
    return result.error == KAFKA_NONE ? request_partitions(decision, creation->partitions) : result;
}

/* --- making it --- */

/* A random id that no topic has. */
static struct uuid fresh_id(const struct world *world, struct decision *decision)
{
    struct prng prng;
    prng_split(&world->state->prng, world->state->decisions * 2 + 1, &prng);
    struct prng own; /* of this topic among those of the decision */
    prng_split(&prng, decision->cursor.index, &own);
    for (;;) {
        uint8_t bytes[16];
        for (size_t i = 0; i < sizeof(bytes); i += 8) {
            uint64_t word = prng_u64(&own);
            memcpy(bytes + i, &word, 8);
        }
        struct uuid id;
        if (uuid_from_random(bytes, &id) && meta_topic(world->image, id) == NULL) {
            return id;
        }
    }
}

/* The topic's own setting among those that it comes with, else the cluster's. */
static bool creation_disk(const struct world *world, const struct create_topic *wants)
{
    struct world with = *world;
    struct alter_resource resource = {.resource = META_RESOURCE_TOPIC,
                                      .name = wants->name,
                                      .settings = wants->settings,
                                      .setting_count = wants->setting_count};
    with.resource = &resource;
    return world_disk(&with, wants->name);
}

static err_t topic_begin(const struct create_topic *wants, struct uuid id,
                         struct decision *decision)
{
    assert(decision->batch.count == 0 && wants->setting_count <= SETTINGS_MAX);
    struct meta_record *topic = decision_add(decision, META_TOPIC);
    ENSURE(topic != NULL, ERR_NO_MEMORY);
    topic->topic = (struct meta_topic_record){.id = id, .name = wants->name};
    for (uint32_t i = 0; i < wants->setting_count; i++) {
        struct meta_record *setting = decision_add(decision, META_CONFIG);
        ENSURE(setting != NULL, ERR_NO_MEMORY);
        assert(wants->settings[i].value.p != NULL);
        setting->config = (struct meta_config){.resource = META_RESOURCE_TOPIC,
                                               .name = wants->name,
                                               .key = wants->settings[i].key,
                                               .value = wants->settings[i].value};
    }
    return OK;
}

static const struct manual_assignment *assignment_of(const struct create_topic *wants,
                                                     int32_t partition)
{
    for (uint32_t i = 0; i < wants->assignment_count; i++) {
        uint32_t guess = ((uint32_t)partition + i) % wants->assignment_count; /* mostly in order */
        if (wants->assignments[guess].partition == partition) {
            return &wants->assignments[guess];
        }
    }
    assert(!"checked: every partition has one");
    return NULL;
}

static err_t topic_partitions(const struct world *world, const struct creation *creation,
                              struct uuid id, struct decision *decision)
{
    bool disk = creation_disk(world, creation->wants);
    for (int32_t i = 0; i < (int32_t)creation->partitions; i++) {
        int32_t placed[REPLICAS_MAX];
        const int32_t *brokers = placed;
        assert(creation->replicas <= REPLICAS_MAX);
        if (creation->placement == NULL) {
            brokers = assignment_of(creation->wants, i)->brokers;
        } else {
            placement_next(creation->placement, creation->replicas, placed);
        }
        struct meta_record *record = decision_add(decision, META_PARTITION);
        ENSURE(record != NULL, ERR_NO_MEMORY);
        record->partition = partition_fresh(world, id, i, brokers, creation->replicas, disk);
    }
    return OK;
}

static void creation_answer(const struct creation *creation, struct create_topic_result *result)
{
    assert(creation->partitions >= 1 && creation->partitions <= REQUEST_PARTITIONS_MAX);
    result->partitions = (int32_t)creation->partitions;
    result->replication_factor = (int16_t)creation->replicas;
}

static err_t create_one(const struct world *world, const struct create_topics_command *command,
                        struct decision *decision)
{
    struct decision_cursor *cursor = &decision->cursor;
    struct creation creation = {.wants = &command->topics[cursor->index]};
    struct create_topic_result *result = &decision->answer.create_topics.results[cursor->index];
    *result = (struct create_topic_result){.name = creation.wants->name};
    result->result = check_topic(world, command, cursor->index, &creation, decision);
    if (result->result.error != KAFKA_NONE) {
        return OK;
    }
    creation_answer(&creation, result);
    if (command->validate_only) {
        return OK;
    }
    result->id = fresh_id(world, decision);
    assert(meta_topic(world->image, result->id) == NULL);
    TRY(topic_begin(creation.wants, result->id, decision));
    return topic_partitions(world, &creation, result->id, decision);
}

err_t decide_create_topics(const struct controller_state *state, const struct command *command,
                           time_ms now, struct decision *decision)
{
    (void)now;
    const struct create_topics_command *create = &command->create_topics;
    struct create_topics_answer *answer = &decision->answer.create_topics;
    struct decision_cursor *cursor = &decision->cursor;
    struct world world = world_of(state);
    if (answer->results == NULL) {
        answer->results = arena_array(decision->arena, create->count, sizeof(*answer->results));
        ENSURE(answer->results != NULL, ERR_NO_MEMORY);
        answer->count = create->count;
    }
    while (cursor->index < create->count && decision->batch.count == 0) {
        TRY(create_one(&world, create, decision));
        cursor->index++;
    }
    assert(answer->count == create->count && cursor->index <= create->count);
    decision->more = cursor->index < create->count;
    return OK;
}

/* --- and its end --- */

static bool deleted_already(const struct decision *decision, struct uuid id)
{
    for (uint32_t i = 0; i < decision->batch.count; i++) {
        assert(decision->records[i].kind == META_TOPIC_GONE);
        if (uuid_eq(decision->records[i].topic_gone.id, id)) {
            return true;
        }
    }
    return false;
}

static err_t delete_one(const struct world *world, const struct delete_topic *wants,
                        struct decision *decision, struct delete_topic_result *result)
{
    bool named = wants->name.p != NULL;
    *result = (struct delete_topic_result){.name = wants->name, .id = wants->id};
    if (!world->state->settings.defaults.delete_topics) {
        result->result = result_of(KAFKA_TOPIC_DELETION_DISABLED, (struct slice){0});
        return OK;
    }
    if (named == !uuid_is_none(wants->id)) {
        result->result = fault(KAFKA_INVALID_REQUEST,
                               named ? "You may not specify both topic name and topic id."
                                     : "Neither topic name nor id were specified.");
        return OK;
    }
    const struct meta_topic *topic = named ? meta_topic_named(world->image, wants->name)
                                           : meta_topic(world->image, wants->id);
    if (topic == NULL) {
        result->result = result_of(
            named ? KAFKA_UNKNOWN_TOPIC_OR_PARTITION : KAFKA_UNKNOWN_TOPIC_ID, (struct slice){0});
        return OK;
    }
    result->name = meta_topic_name(topic);
    result->id = meta_topic_id(topic);
    /* The answer is sent after the image that the name lies in. */
    ENSURE(arena_copy(decision->arena, meta_topic_name(topic), &result->name), ERR_NO_MEMORY);
    if (deleted_already(decision, result->id)) {
        result->result = fault(KAFKA_INVALID_REQUEST,
                               named ? "Duplicate topic name." : "Duplicate topic id.");
        return OK;
    }
    struct meta_record *gone = decision_add(decision, META_TOPIC_GONE);
    ENSURE(gone != NULL, ERR_NO_MEMORY);
    assert(result->result.error == KAFKA_NONE);
    gone->topic_gone.id = result->id;
    return OK;
}

err_t decide_delete_topics(const struct controller_state *state, const struct command *command,
                           time_ms now, struct decision *decision)
{
    (void)now;
    const struct delete_topics_command *gone = &command->delete_topics;
    struct delete_topics_answer *answer = &decision->answer.delete_topics;
    struct decision_cursor *cursor = &decision->cursor;
    struct world world = world_of(state);
    if (answer->results == NULL) {
        answer->results = arena_array(decision->arena, gone->count, sizeof(*answer->results));
        ENSURE(answer->results != NULL, ERR_NO_MEMORY);
        answer->count = gone->count;
    }
    for (; cursor->index < gone->count && decision_left(decision) > 0; cursor->index++) {
        TRY(delete_one(&world, &gone->topics[cursor->index], decision,
                       &answer->results[cursor->index]));
    }
    assert(answer->count == gone->count);
    decision->more = cursor->index < gone->count;
    return OK;
}
