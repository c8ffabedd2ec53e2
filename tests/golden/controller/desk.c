#include "tests/golden/controller/desk.h"

#include <stdio.h>
#include <stdlib.h>

static void begin(void *ctx)
{
    struct desk *desk = ctx;
    memset(desk, 0, sizeof(*desk));
    desk->settings = controller_settings_default();
    desk->settings.rebalance_check_ms = 0;
    desk->settings.raise_check_ms = 0;
}

static void end(void *ctx)
{
    struct desk *desk = ctx;
    if (desk->begun) {
        quorum_release(&desk->quorum);
    }
}

static void change_settings(struct desk *desk)
{
    assert(!desk->begun);
    desk->settings.session_timeout_ms = desk_number(desk, "session", 1500);
    desk->settings.rebalance_check_ms = desk_number(desk, "rebalance", 0);
    desk->settings.raise_check_ms = desk_number(desk, "raise", 0);
    desk->settings.suspicion_fences = (uint32_t)desk_number(desk, "suspicion", 3);
    desk->settings.defaults.min_insync_replicas = desk_number(desk, "min", 1);
    const char *unclean = desk_value(desk, "unclean");
    desk->settings.defaults.unclean_leader_election = unclean != NULL &&
                                                      strcmp(unclean, "true") == 0;
    desk->settings.defaults.delete_topics = !desk_flag(desk, "keep-topics");
}

const struct answer *desk_submit(struct desk *desk, const struct command *command)
{
    return quorum_submit(&desk->quorum, command);
}

static void read_dirs(struct desk *desk, struct register_broker_command *wants)
{
    const char *names = desk_value(desk, "dirs");
    const char *state = desk_value(desk, "state");
    enum dir_condition condition = DIR_CRASHED;
    if (state != NULL) {
        condition = strcmp(state, "clean") == 0      ? DIR_CLEAN
                    : strcmp(state, "rebooted") == 0 ? DIR_CRASHED_OTHER_BOOT
                                                     : DIR_CRASHED;
    }
    wants->dir_count = 0;
    while (names != NULL && *names != '\0') {
        size_t n = strcspn(names, ",");
        wants->dirs[wants->dir_count].id = desk_dir(names, n);
        wants->dirs[wants->dir_count].this_boot = desk_flag(desk, "same-boot");
        wants->dirs[wants->dir_count++].condition = condition;
        names += n + (names[n] == ',');
    }
}

static void register_broker(struct desk *desk)
{
    int incarnation = desk_number(desk, "incarnation", ++desk->incarnations);
    struct command command = quorum_registration((int32_t)strtol(desk_word(desk, 1), NULL, 10),
                                                 incarnation);
    struct register_broker_command *wants = &command.register_broker;
    read_dirs(desk, wants);
    wants->previous_epoch = desk_number(desk, "was", -1);
    wants->rack = slice_str(desk_value(desk, "rack"));
    wants->cluster_id = slice_str(desk_value(desk, "cluster"));
    const struct register_broker_answer *answer = &desk_submit(desk, &command)->register_broker;
    if (answer->result.error == KAFKA_NONE) {
        story_say(desk->out, "-> broker epoch %lld", (long long)answer->broker_epoch);
    } else {
        desk_result(desk, &answer->result);
    }
}

static void beat(struct desk *desk)
{
    struct command command = quorum_beat(&desk->quorum,
                                         (int32_t)strtol(desk_word(desk, 1), NULL, 10));
    struct heartbeat_command *beat = &command.heartbeat;
    beat->metadata_offset = desk_number(desk, "at", (int)beat->metadata_offset);
    beat->broker_epoch = desk_number(desk, "epoch", (int)beat->broker_epoch);
    beat->want_fence = desk_flag(desk, "fence");
    beat->want_shutdown = desk_flag(desk, "shutdown");
    const char *offline = desk_value(desk, "offline");
    if (offline != NULL) {
        beat->offline_dirs[beat->offline_dir_count++] = desk_dir(offline, strlen(offline));
    }
    const struct heartbeat_answer *answer = &desk_submit(desk, &command)->heartbeat;
    if (answer->result.error != KAFKA_NONE) {
        desk_result(desk, &answer->result);
        return;
    }
    story_say(desk->out, "-> %s%s%s", answer->fenced ? "fenced" : "unfenced",
              answer->caught_up ? "" : ", not caught up",
              answer->should_shut_down ? ", may go" : "");
}

/* Brokers that come one after the other, without a word: the stage of a story. */
static void join(struct desk *desk)
{
    desk->out = NULL;
    for (int i = 1; i < desk->word_count; i++) {
        char *rack = strchr(desk->words[i], '@');
        struct command command = quorum_registration((int32_t)strtol(desk->words[i], NULL, 10),
                                                     ++desk->incarnations);
        char name[8];
        int n = snprintf(name, sizeof(name), "%da", command.register_broker.broker);
        command.register_broker.dirs[0].id = desk_dir(name, (size_t)n);
        command.register_broker.rack = slice_str(rack == NULL ? NULL : rack + 1);
        (void)desk_submit(desk, &command);
        command = quorum_beat(&desk->quorum, command.register_broker.broker);
        (void)desk_submit(desk, &command);
    }
}

static void suspect(struct desk *desk)
{
    int32_t broker = (int32_t)strtol(desk_word(desk, 1), NULL, 10);
    const struct meta_broker *known = meta_broker(quorum_image(&desk->quorum), broker);
    struct command command = {
        .kind = COMMAND_SUSPECT,
        .suspect = {broker, desk_number(desk, "epoch", known == NULL ? -1 : (int)known->epoch)}};
    bool fenced = desk_submit(desk, &command)->suspect.fenced;
    story_say(desk->out, "-> %s", fenced ? "fenced" : "left alone");
}

static void tick(struct desk *desk, time_ms late_ms)
{
    story_say(desk->out, "%lld ms:", (long long)desk->quorum.now);
    (void)desk_submit(desk, &(struct command){.kind = COMMAND_TICK, .tick.late_ms = late_ms});
}

/* The controller sleeps that long, and hears nothing. */
static void sleep_until(struct desk *desk)
{
    desk->quorum.now += strtol(desk_word(desk, 1), NULL, 10);
    time_ms late = desk->quorum.now - controller_deadline(&desk->quorum.active);
    if (late > 0) {
        tick(desk, late);
    }
}

static void wait_until(struct desk *desk)
{
    time_ms until = desk->quorum.now + strtol(desk_word(desk, 1), NULL, 10);
    while (controller_deadline(&desk->quorum.active) <= until) {
        desk->quorum.now = max_i64(desk->quorum.now, controller_deadline(&desk->quorum.active));
        tick(desk, 0);
    }
    desk->quorum.now = until;
}

/* failover [min=N] [durability=X] [unclean=B]: the file of the controller that takes over says something else. */
static void other_file(struct desk *desk)
{
    struct controller_defaults *file = &desk->quorum.follower.settings.defaults;
    const char *durability = desk_value(desk, "durability");
    const char *unclean = desk_value(desk, "unclean");
    file->min_insync_replicas = desk_number(desk, "min", file->min_insync_replicas);
    file->durability_disk = durability == NULL ? file->durability_disk
                                               : strcmp(durability, "disk") == 0;
    file->unclean_leader_election = unclean == NULL ? file->unclean_leader_election
                                                    : strcmp(unclean, "true") == 0;
}

static bool cluster_command(struct desk *desk, const char *name)
{
    if (strcmp(name, "unregister") == 0) {
        struct command command = {.kind = COMMAND_UNREGISTER_BROKER};
        command.unregister_broker.broker = (int32_t)strtol(desk_word(desk, 1), NULL, 10);
        desk_result(desk, &desk_submit(desk, &command)->result);
    } else if (strcmp(name, "ids") == 0) {
        struct command beat = quorum_beat(&desk->quorum,
                                          (int32_t)strtol(desk_word(desk, 1), NULL, 10));
        struct command command = {
            .kind = COMMAND_ALLOCATE_PRODUCER_IDS,
            .allocate_producer_ids = {beat.heartbeat.broker, beat.heartbeat.broker_epoch}};
        const struct allocate_producer_ids_answer *answer =
            &desk_submit(desk, &command)->allocate_producer_ids;
        story_say(desk->out, "-> %s, from %lld, %d", kafka_error_name((int16_t)answer->error),
                  (long long)answer->first_id, answer->count);
    } else if (strcmp(name, "feature") == 0) {
        struct update_feature feature = {.name = slice_str(desk_word(desk, 1)),
                                         .level = (int16_t)strtol(desk_word(desk, 2), NULL, 10),
                                         .allow_downgrade = desk_flag(desk, "downgrade")};
        struct command command = {.kind = COMMAND_UPDATE_FEATURES,
                                  .update_features = {&feature, 1, false}};
        desk_result(desk, &desk_submit(desk, &command)->result);
    } else if (strcmp(name, "hold") == 0) {
        desk->quorum.hold = true;
    } else if (strcmp(name, "failover") == 0) {
        other_file(desk);
        quorum_failover(&desk->quorum);
    } else {
        return false;
    }
    return true;
}

static void command_line(void *ctx, const char *text, struct story_out *out)
{
    struct desk *desk = ctx;
    char line[1024];
    snprintf(line, sizeof(line), "%s", text);
    desk_split(desk, line);
    assert(desk->word_count > 0);
    const char *name = desk->words[0];
    desk->out = out;
    if (strcmp(name, "settings") == 0) {
        change_settings(desk);
        return;
    }
    if (!desk->begun) {
        desk->out = NULL;
        quorum_init(&desk->quorum, &desk->settings, 1);
        desk->quorum.seen = desk_batch;
        desk->quorum.ctx = desk;
        desk->begun = true;
        desk->out = out;
    }
    if (strcmp(name, "register") == 0) {
        register_broker(desk);
    } else if (strcmp(name, "beat") == 0) {
        beat(desk);
    } else if (strcmp(name, "join") == 0) {
        join(desk);
    } else if (strcmp(name, "suspect") == 0) {
        suspect(desk);
    } else if (strcmp(name, "wait") == 0) {
        wait_until(desk);
    } else if (strcmp(name, "sleep") == 0) {
        sleep_until(desk);
    } else if (!cluster_command(desk, name) && !desk_topics(desk, name)) {
        story_say(out, "?? %s", name);
    }
}

int main(int argc, char **argv)
{
    static struct desk desk;
    struct story_teller teller = {
        .ctx = &desk, .begin = begin, .command = command_line, .end = end};
    return story_main(&teller, argc, argv);
}
