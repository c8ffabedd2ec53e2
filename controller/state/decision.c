#include "controller/state/state_internal.h"

#include <stdarg.h>
#include <stdio.h>

#define RECORDS_ROOM_MIN     4u
#define NOTES_ROOM_MIN       4u
/* Of the record around a setting, at most. The rest of a batch is left to the partitions and to settings that go. */
#define SETTING_RECORD_BYTES 64u
#define SETTINGS_BYTES_MAX   ((size_t)RPC_BODY_MAX / 2)
/* Of a new partition, at most: a topic with all its settings and partitions is one entry of the log. */
#define FRESH_BYTES_MAX      ((size_t)(48 + 16 * REPLICAS_MAX))
static_assert(SETTINGS_BYTES_MAX + REQUEST_PARTITIONS_MAX * FRESH_BYTES_MAX < RPC_BODY_MAX - 4096,
              "a topic fits one entry");

uint32_t decision_left(const struct decision *decision)
{
    assert(decision->batch.count <= METADATA_PIECE_RECORDS);
    return METADATA_PIECE_RECORDS - decision->batch.count;
}

struct meta_record *decision_add(struct decision *decision, enum meta_record_kind kind)
{
    assert(decision->batch.count < METADATA_BATCH_RECORDS_MAX);
    if (decision->batch.count == decision->room) {
        uint32_t room = decision->room == 0 ? RECORDS_ROOM_MIN : decision->room * 2;
        struct meta_record *records = arena_array(decision->arena, room, sizeof(*records));
        if (records == NULL) {
            return NULL;
        }
        if (decision->batch.count > 0) {
            memcpy(records, decision->records, decision->batch.count * sizeof(*records));
        }
        decision->records = records;
        decision->room = room;
        decision->batch.records = records;
    }
    struct meta_record *record = &decision->records[decision->batch.count++];
    assert(decision->batch.records == decision->records);
    memset(record, 0, sizeof(*record));
    record->kind = kind;
    return record;
}

err_t decision_add_broker(struct decision *decision, const struct meta_broker *broker)
{
    assert(broker->id >= 0);
    assert(broker->epoch >= -1 && broker->dir_count <= LOG_DIRS_MAX);
    assert(broker->endpoint_count <= LISTENERS_MAX);
    struct meta_record *record = decision_add(decision, META_BROKER);
    ENSURE(record != NULL, ERR_NO_MEMORY);
    record->broker = *broker;
    return OK;
}

err_t decision_add_broker_first(struct decision *decision, const struct meta_broker *broker)
{
    TRY(decision_add_broker(decision, broker));
    assert(decision->batch.count > 0 && decision->batch.count <= METADATA_BATCH_RECORDS_MAX);
    struct meta_record record = decision->records[decision->batch.count - 1];
    memmove(decision->records + 1, decision->records,
            (decision->batch.count - 1) * sizeof(*decision->records));
    decision->records[0] = record;
    return OK;
}

bool decision_touches(const struct decision *decision, struct uuid topic, int32_t partition)
{
    assert(decision->batch.count == 0 || decision->records != NULL);
    for (uint32_t i = 0; i < decision->batch.count; i++) {
        const struct meta_record *record = &decision->records[i];
        if (record->kind == META_PARTITION && record->partition.index == partition &&
            uuid_eq(record->partition.topic, topic)) {
            return true;
        }
    }
    return false;
}

err_t decision_note(struct decision *decision, enum note_kind kind, int32_t broker, int64_t value)
{
    assert(kind >= NOTE_NEW_ACTIVE && kind <= NOTE_RAISED);
    if (decision->note_count == decision->note_room) {
        uint32_t room = decision->note_room == 0 ? NOTES_ROOM_MIN : decision->note_room * 2;
        struct decision_note *notes = arena_array(decision->arena, room, sizeof(*notes));
        ENSURE(notes != NULL, ERR_NO_MEMORY);
        if (decision->note_count > 0) {
            memcpy(notes, decision->notes, decision->note_count * sizeof(*notes));
        }
        decision->notes = notes;
        decision->note_room = room;
    }
    assert(decision->note_count < decision->note_room);
    decision->notes[decision->note_count++] = (struct decision_note){
        .kind = kind, .broker = broker, .value = value};
    return OK;
}

bool settings_fit(struct slice name, const struct topic_setting *settings, uint32_t count)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += name.n + settings[i].key.n + settings[i].value.n + SETTING_RECORD_BYTES;
    }
    return bytes <= SETTINGS_BYTES_MAX;
}

struct slice decision_text(struct decision *decision, const char *fmt, ...)
{
    char text[TOPIC_NAME_MAX * 2 + 256];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    assert(n >= 0);
    size_t bytes = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
    struct slice copy = {0};
    /* Without memory for the sentence, the error goes without it. */
    return arena_copy(decision->arena, slice_of(text, bytes), &copy) ? copy : (struct slice){0};
}

struct command_result result_of(enum kafka_error error, struct slice message)
{
    assert(error != KAFKA_NONE || message.p == NULL);
    return (struct command_result){.error = error, .message = message};
}

enum kafka_error broker_epoch_check(const struct meta_image *image, int32_t broker, int64_t epoch)
{
    const struct meta_broker *known = meta_broker(image, broker);
    assert(known == NULL || known->epoch >= 0);
    if (known == NULL) {
        return KAFKA_BROKER_ID_NOT_REGISTERED;
    }
    return known->epoch == epoch ? KAFKA_NONE : KAFKA_STALE_BROKER_EPOCH;
}

err_t controller_decide(const struct controller_state *state, const struct command *command,
                        time_ms now, struct decision *decision)
{
    static decide_fn *const table[] = {
        [COMMAND_BOOTSTRAP] = decide_bootstrap,
        [COMMAND_NEW_ACTIVE] = decide_new_active,
        [COMMAND_TICK] = decide_tick,
        [COMMAND_SUSPECT] = decide_suspect,
        [COMMAND_REGISTER_BROKER] = decide_register_broker,
        [COMMAND_HEARTBEAT] = decide_heartbeat,
        [COMMAND_ALTER_PARTITION] = decide_alter_partition,
        [COMMAND_ASSIGN_DIRS] = decide_assign_dirs,
        [COMMAND_REPLICAS_LOST] = decide_replicas,
        [COMMAND_REPLICAS_ROTTEN] = decide_replicas,
        [COMMAND_REPLICAS_SYNCED] = decide_replicas,
        [COMMAND_ALLOCATE_PRODUCER_IDS] = decide_allocate_producer_ids,
        [COMMAND_CREATE_TOPICS] = decide_create_topics,
        [COMMAND_DELETE_TOPICS] = decide_delete_topics,
        [COMMAND_CREATE_PARTITIONS] = decide_create_partitions,
        [COMMAND_ELECT_LEADERS] = decide_elect_leaders,
        [COMMAND_ALTER_CONFIGS] = decide_alter_configs,
        [COMMAND_UPDATE_FEATURES] = decide_update_features,
        [COMMAND_UNREGISTER_BROKER] = decide_unregister_broker,
    };
    assert(command->kind >= COMMAND_BOOTSTRAP && (size_t)command->kind < ARRAY_LEN(table));
    assert(decision->arena != NULL && table[command->kind] != NULL);
    assert(decision->answer.kind == 0 || decision->answer.kind == command->kind);
    assert(state->active || command->kind == COMMAND_NEW_ACTIVE ||
           command->kind == COMMAND_BOOTSTRAP);
    assert(state->deciding ==
           decision->more); /* one decision runs to its end before the next begins */
    decision->answer.kind = command->kind;
    decision->batch.count = 0;
    decision->note_count = 0;
    decision->more = false;
    return table[command->kind](state, command, now, decision);
}
