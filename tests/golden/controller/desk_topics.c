#include "tests/golden/controller/desk.h"

#include <stdio.h>
#include <stdlib.h>

/* key=value pairs that are settings: all but these. key+=value adds to a list, key-=value takes out of it. */
static bool own_key(const char *word)
{
    static const char *const own[] = {"partitions=", "replicas=", "assign=", "total="};
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (strncmp(word, own[i], strlen(own[i])) == 0) {
            return true;
        }
    }
    return false;
}

static uint32_t read_settings(struct desk *desk, struct topic_setting *settings)
{
    uint32_t count = 0;
    for (int i = 1; i < desk->word_count; i++) {
        char *value = strchr(desk->words[i], '=');
        if (value != NULL && !own_key(desk->words[i])) {
            size_t n = (size_t)(value - desk->words[i]);
            char last = n > 0 ? value[-1] : '\0';
            settings[count++] = (struct topic_setting){
                .key = slice_of(desk->words[i], n - (last == '+' || last == '-')),
                .value = slice_str(value[1] == '\0' ? NULL : value + 1),
                .op = last == '+'   ? SETTING_APPEND
                      : last == '-' ? SETTING_SUBTRACT
                                    : SETTING_PUT};
        }
    }
    return count;
}

static uint32_t read_assignments(struct desk *desk, struct manual_assignment *assignments)
{
    uint32_t count = 0;
    const char *text = desk_value(desk, "assign");
    while (text != NULL && *text != '\0') {
        assignments[count].partition = (int32_t)count;
        assignments[count].broker_count = desk_ids(text, assignments[count].brokers, REPLICAS_MAX);
        count++;
        text += strcspn(text, "/");
        text += *text == '/';
    }
    return count;
}

static void create(struct desk *desk)
{
    struct topic_setting settings[DESK_WORDS];
    struct manual_assignment assignments[8];
    struct create_topic topic = {.name = slice_str(desk_word(desk, 1)),
                                 .partitions = desk_number(desk, "partitions", -1),
                                 .replication_factor = (int16_t)desk_number(desk, "replicas", -1),
                                 .settings = settings,
                                 .assignments = assignments};
    topic.setting_count = read_settings(desk, settings);
    topic.assignment_count = read_assignments(desk, assignments);
    struct command command = {.kind = COMMAND_CREATE_TOPICS,
                              .create_topics = {&topic, 1, desk_flag(desk, "dry")}};
    const struct create_topic_result *result = desk_submit(desk, &command)->create_topics.results;
    if (result->result.error != KAFKA_NONE) {
        desk_result(desk, &result->result);
    } else if (command.create_topics.validate_only) {
        story_say(desk->out, "-> fine: %d partitions, %d replicas", result->partitions,
                  result->replication_factor);
    }
}

static void change(struct desk *desk)
{
    struct topic_setting settings[DESK_WORDS];
    const char *name = desk_word(desk, 1); /* a topic, "*" for all brokers, "broker:1" for one */
    bool all = strcmp(name, "*") == 0;
    bool one = strncmp(name, "broker:", 7) == 0;
    struct alter_resource resource = {.resource = all || one ? META_RESOURCE_BROKER
                                                             : META_RESOURCE_TOPIC,
                                      .name = slice_str(all   ? ""
                                                        : one ? name + 7
                                                              : name),
                                      .settings = settings,
                                      .replace = desk_flag(desk, "replace")};
    resource.setting_count = read_settings(desk, settings);
    struct command command = {.kind = COMMAND_ALTER_CONFIGS,
                              .alter_configs = {&resource, 1, desk_flag(desk, "dry")}};
    const struct command_result *result = desk_submit(desk, &command)->results.results;
    if (result->error != KAFKA_NONE) {
        desk_result(desk, result);
    } else if (command.alter_configs.validate_only) {
        story_say(desk->out, "-> fine");
    }
}

static const struct meta_partition *the_partition(struct desk *desk)
{
    const char *index = desk_word(desk, 2);
    const struct meta_partition *partition = quorum_partition(
        &desk->quorum, desk_word(desk, 1), (int32_t)strtol(index == NULL ? "0" : index, NULL, 10));
    assert(partition != NULL);
    return partition;
}

static void change_isr(struct desk *desk)
{
    const struct meta_image *image = quorum_image(&desk->quorum);
    const struct meta_partition *partition = the_partition(desk);
    struct alter_partition_entry entry = {
        .at = {partition->topic, partition->index},
        .leader_epoch = desk_number(desk, "leader-epoch", partition->leader_epoch),
        .partition_epoch = desk_number(desk, "partition-epoch", partition->partition_epoch),
        .min_isr = desk_number(desk, "min", REPLICAS_MAX),
        .recovery = desk_flag(desk, "recovering") ? META_RECOVERING : META_RECOVERED};
    int32_t ids[REPLICAS_MAX];
    const char *other = desk_value(desk, "member-epoch");
    entry.isr_count = desk_ids(desk_value(desk, "isr"), ids, REPLICAS_MAX);
    for (uint32_t i = 0; i < entry.isr_count; i++) {
        const struct meta_broker *broker = meta_broker(image, ids[i]);
        entry.isr[i].broker = ids[i];
        entry.isr[i].epoch = broker == NULL ? -1 : broker->epoch;
        if (other != NULL && strtol(other, NULL, 10) == ids[i]) {
            entry.isr[i].epoch = strtol(strchr(other, ':') + 1, NULL, 10);
        }
    }
    int32_t by = desk_number(desk, "by", partition->leader);
    struct command command = {.kind = COMMAND_ALTER_PARTITION,
                              .alter_partition = {by, meta_broker(image, by)->epoch, &entry, 1}};
    const struct alter_partition_answer *answer = &desk_submit(desk, &command)->alter_partition;
    enum kafka_error error = answer->error != KAFKA_NONE ? answer->error : answer->results[0].error;
    story_say(desk->out, "-> %s", kafka_error_name((int16_t)error));
}

static void say_of_replica(struct desk *desk, enum command_kind kind)
{
    const struct meta_partition *partition = the_partition(desk);
    int32_t broker = desk_number(desk, "broker", -1);
    int64_t epoch = meta_broker(quorum_image(&desk->quorum), broker)->epoch;
    struct partition_ref at = {partition->topic, partition->index};
    struct assign_dirs_entry entry = {.at = at};
    struct command command = {.kind = kind};
    int32_t epoch_of = kind == COMMAND_REPLICAS_ROTTEN
                           ? desk_number(desk, "leader-epoch", partition->leader_epoch)
                           : desk_number(desk, "partition-epoch", partition->partition_epoch);
    if (kind == COMMAND_ASSIGN_DIRS) {
        const char *dir = desk_value(desk, "dir");
        entry.dir = desk_dir(dir, strlen(dir));
        command.assign_dirs = (struct assign_dirs_command){broker, epoch, &entry, 1};
    } else {
        command.replicas = (struct replicas_command){broker, epoch, &at, 1, &epoch_of};
    }
    enum kafka_error error = desk_submit(desk, &command)->replicas.results[0];
    if (error != KAFKA_NONE) {
        story_say(desk->out, "-> %s", kafka_error_name((int16_t)error));
    }
}

static void elect(struct desk *desk)
{
    struct partition_ref at = {0};
    bool all = strcmp(desk_word(desk, 2), "all") == 0;
    struct command command = {.kind = COMMAND_ELECT_LEADERS,
                              .elect_leaders = {.all = all, .entries = &at, .count = 1}};
    command.elect_leaders.election = strcmp(desk_word(desk, 1), "unclean") == 0
                                         ? ELECTION_UNCLEAN
                                         : ELECTION_PREFERRED;
    if (!all) {
        const char *index = desk_word(desk, 3);
        const struct meta_partition *partition = quorum_partition(
            &desk->quorum, desk_word(desk, 2),
            (int32_t)strtol(index == NULL ? "0" : index, NULL, 10));
        at = (struct partition_ref){partition->topic, partition->index};
    }
    const struct elect_leaders_answer *answer = &desk_submit(desk, &command)->elect_leaders;
    for (uint32_t i = 0; i < answer->count; i++) {
        desk_result(desk, &answer->results[i].result);
    }
}

static void show(struct desk *desk)
{
    const struct meta_topic *topic = meta_topic_named(quorum_image(&desk->quorum),
                                                      slice_str(desk_word(desk, 1)));
    for (uint32_t i = 0; topic != NULL && i < meta_topic_partitions(topic); i++) {
        desk_partition(desk, "", meta_partition(topic, (int32_t)i));
    }
    if (topic == NULL) {
        story_say(desk->out, "no such topic");
    }
}

static void delete_or_grow(struct desk *desk, bool grow)
{
    struct slice name = slice_str(desk_word(desk, 1));
    struct delete_topic gone = {.name = name};
    struct grow_topic more = {.name = name, .total = desk_number(desk, "total", 1)};
    struct command command = {.kind = COMMAND_DELETE_TOPICS, .delete_topics = {&gone, 1}};
    struct manual_assignment assignments[DESK_WORDS];
    if (grow) {
        more.assignments = assignments;
        more.assignment_count = read_assignments(desk, assignments);
        more.assigned = more.assignment_count > 0;
        command = (struct command){.kind = COMMAND_CREATE_PARTITIONS,
                                   .create_partitions = {&more, 1, desk_flag(desk, "dry")}};
    }
    const struct answer *answer = desk_submit(desk, &command);
    const struct command_result *result = grow ? answer->results.results
                                               : &answer->delete_topics.results->result;
    if (result->error != KAFKA_NONE) {
        desk_result(desk, result);
    } else if (grow && command.create_partitions.validate_only) {
        story_say(desk->out, "-> fine");
    }
}

bool desk_topics(struct desk *desk, const char *name)
{
    if (strcmp(name, "create") == 0) {
        create(desk);
    } else if (strcmp(name, "delete") == 0 || strcmp(name, "grow") == 0) {
        delete_or_grow(desk, name[0] == 'g');
    } else if (strcmp(name, "set") == 0) {
        change(desk);
    } else if (strcmp(name, "isr") == 0) {
        change_isr(desk);
    } else if (strcmp(name, "dir") == 0) {
        say_of_replica(desk, COMMAND_ASSIGN_DIRS);
    } else if (strcmp(name, "lost") == 0) {
        say_of_replica(desk, COMMAND_REPLICAS_LOST);
    } else if (strcmp(name, "rotten") == 0) {
        say_of_replica(desk, COMMAND_REPLICAS_ROTTEN);
    } else if (strcmp(name, "synced") == 0) {
        say_of_replica(desk, COMMAND_REPLICAS_SYNCED);
    } else if (strcmp(name, "elect") == 0) {
        elect(desk);
    } else if (strcmp(name, "show") == 0) {
        show(desk);
    } else {
        return false;
    }
    return true;
}
