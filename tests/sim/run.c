#include "tests/sim/run.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/member.h"
#include "tests/sim/rot.h"
#include "tests/sim/tell.h"

#define SECOND       INT64_C(1000000)
#define FORM_US      (30 * SECOND)
#define REST_US      (15 * SECOND)
#define RECOVER_US   (60 * SECOND)
#define READ_US      2000 /* ... and where groups may have to read everything again */
#define READ_FETCHES 200  /* ... and to join, to ask where partitions begin, and to store that */
#define HELD_MOST_US (20 * SECOND)
#define LOOK_EVERY   32 /* events */
#define PATIENCE     3  /* minutes more at most, for what is slow and gets on */
#define PRODUCERS    4
#define CONSUMERS    2

struct run {
    const struct run_options *options;
    struct run_result *result;
    struct plan plan;
    struct world *world;
    struct cluster *cluster;
    struct field field;
    struct history history;
    struct nemesis nemesis;
    struct rots rots;
    struct watch watch;
    struct producer producers[PRODUCERS];
    struct consumer consumers[CONSUMERS];
    struct member members[MEMBERS_MAX];
    struct consumer last;
    struct administrator admin;
    struct overseer overseer;
    uint32_t until_watch;
    time_us rest_at; /* producers rest when the cluster has not formed by then */
    bool stopped;    /* as asked */
};

static bool verdict(struct run *run, enum outcome outcome, const char *checker,
                    const char *sentence)
{
    if (run->result->outcome == OUTCOME_GOOD) {
        run->result->outcome = outcome;
        (void)snprintf(run->result->checker, sizeof(run->result->checker), "%s", checker);
        (void)snprintf(run->result->sentence, sizeof(run->result->sentence), "%s", sentence);
    }
    return false;
}

/* What the reader wants to see begins, or has been seen. */
static bool wanted(struct run *run)
{
    time_us now = world_now_us(run->world);
    if (run->options->log_from_us > 0 && now >= run->options->log_from_us && !run->nemesis.loud) {
        run->nemesis.loud = true;
        world_loud(run->world, true);
    }
    run->stopped = run->options->until_us > 0 && now >= run->options->until_us;
    return !run->stopped;
}

/* One event and all that is looked at after it. */
static bool step(struct run *run)
{
    if (!wanted(run)) {
        return false;
    }
    if (!world_step(run->world)) {
        return verdict(run, OUTCOME_STUCK, "world", "nothing is left to happen");
    }
    nemesis_look(&run->nemesis);
    if (run->field.quiet) {
        rots_repair(&run->rots);
    } else {
        rots_look(&run->rots);
    }
    if (run->options->progress != NULL) {
        *run->options->progress = (struct run_progress){.faults_drawn = run->nemesis.drawn,
                                                        .rots_drawn = run->rots.drawn,
                                                        .now_us = world_now_us(run->world)};
    }
    if (run->until_watch-- == 0 || run->cluster->emptied != 0) {
        run->until_watch = run->plan.watch_every - 1;
        watch_look(&run->watch);
    }
    if (run->watch.wrong[0] != '\0') {
        return verdict(run, OUTCOME_WRONG, "watch", run->watch.wrong);
    }
    if (run->nemesis.wrong[0] != '\0') {
        return verdict(run, OUTCOME_WRONG, "halted", run->nemesis.wrong);
    }
    return true;
}

static bool producers_done(struct run *run)
{
    for (uint32_t i = 0; i < run->plan.producers; i++) {
        if (!producer_idle(&run->producers[i])) {
            return false;
        }
    }
    return true;
}

static bool group_has(const struct run *run, uint32_t group, uint32_t partition)
{
    for (uint32_t i = 0; i < run->plan.members; i++) {
        const struct member *member = &run->members[i];
        if (member->consumer.group == group &&
            member_has(member, partition, run->last.parts[partition].end)) {
            return true;
        }
    }
    return run->last.parts[partition].end == 0; /* nothing was ever written */
}

static bool groups_done(struct run *run)
{
    for (uint32_t g = 1; g <= run->plan.groups; g++) {
        for (uint32_t p = 0; p < run->field.partition_count; p++) {
            if (!group_has(run, g, p)) {
                return false;
            }
        }
    }
    return true;
}

/* Who of the group owns it; else the first of them. */
static const struct member *owner_of(const struct run *run, uint32_t group, uint32_t partition)
{
    const struct member *owner = NULL;
    for (uint32_t i = 0; i < run->plan.members; i++) {
        const struct member *member = &run->members[i];
        bool owns = (member->owned >> partition & 1) != 0;
        if (member->consumer.group == group && (owner == NULL || owns)) {
            owner = member;
        }
    }
    return owner;
}

/* The first partition of the first group that does not get on there, and whose it is. */
static void groups_ail(const struct run *run, char *sentence, size_t room)
{
    for (uint32_t g = 1; g <= run->plan.groups; g++) {
        for (uint32_t p = 0; p < run->field.partition_count; p++) {
            const struct member *member = owner_of(run, g, p);
            if (group_has(run, g, p) || member == NULL) {
                continue;
            }
            bool owned = (member->owned >> p & 1) != 0;
            int n = snprintf(sentence, room, "partition %u is %s; ", p,
                             owned ? "not read to its end" : "nobody's");
            member_ails(member, sentence + n, room - (size_t)n);
            return;
        }
    }
}

static void groups_due(struct run *run)
{
    for (uint32_t g = 1; g <= run->plan.groups; g++) {
        for (uint32_t p = 0; p < run->field.partition_count; p++) {
            struct history_op op = {.kind = HISTORY_DUE,
                                    .group = g,
                                    .partition = p,
                                    .offset = run->last.parts[p].end > 0 ? run->last.parts[p].end
                                                                         : -1,
                                    .ended_us = world_now_us(run->world)};
            history_add(&run->history, &op);
        }
    }
}

static bool all_read(struct run *run)
{
    return consumer_finished(&run->last);
}

static bool stuck_tell(struct run *run, bool (*done)(struct run *), const char *stuck)
{
    char ails[160];
    char sentence[240];
    cluster_ails(run->cluster, ails, sizeof(ails));
    for (uint32_t p = 0; p < run->plan.producers && done == producers_done; p++) {
        producer_ails(&run->producers[p], ails, sizeof(ails));
    }
    if (done == all_read) {
        consumer_ails(&run->last, ails, sizeof(ails));
    }
    if (done == groups_done) {
        groups_ail(run, ails, sizeof(ails));
    }
    (void)snprintf(sentence, sizeof(sentence), "%s; %s", stuck, ails);
    return verdict(run, OUTCOME_STUCK, "liveness", sentence);
}

/* What is slow is not stuck: it has a minute from when something was last copied, written or read. Not for ever: who goes round in
 * circles copies and reads, too. */
struct patience {
    time_us more_us;
    time_us end; /* if nothing more gets on ... */
    time_us end_at_most;
    time_us look_at;
    uint64_t records;
};

static uint64_t records_moved(const struct run *run)
{
    uint64_t records = watch_held(&run->watch) + run->last.read;
    for (uint32_t i = 0; i < run->plan.producers; i++) {
        records += run->producers[i].acked;
    }
    for (uint32_t i = 0; i < run->plan.members; i++) {
        records += run->members[i].consumer.read;
    }
    return records;
}

static struct patience patience_begin(const struct run *run, time_us most_us)
{
    time_us now = world_now_us(run->world);
    time_us more_us = min_i64(most_us, RECOVER_US);
    return (struct patience){.more_us = more_us,
                             .end = now + most_us,
                             .end_at_most = now + most_us + PATIENCE * more_us,
                             .look_at = now + SECOND,
                             .records = records_moved(run)};
}

static bool patience_over(const struct run *run, struct patience *patience)
{
    time_us now = world_now_us(run->world);
    if (now >= patience->look_at) {
        uint64_t records = records_moved(run);
        time_us later = min_i64(now + patience->more_us, patience->end_at_most);
        patience->end = records > patience->records ? max_i64(patience->end, later) : patience->end;
        patience->records = records;
        patience->look_at = now + SECOND;
    }
    return now >= patience->end;
}

static bool until(struct run *run, bool (*done)(struct run *), time_us most_us, const char *stuck)
{
    struct patience patience = patience_begin(run, most_us);
    for (uint32_t i = 0; i % LOOK_EVERY != 0 || !done(run); i++) {
        if (patience_over(run, &patience)) { /* few events can take long */
            return done(run) || stuck_tell(run, done, stuck);
        }
        if (!step(run)) {
            return false;
        }
    }
    return true;
}

static bool led(struct run *run)
{
    return cluster_led(run->cluster);
}

static bool all_vote(struct run *run)
{
    bool all = true;
    for (uint32_t i = 0; i < run->cluster->controller_count; i++) {
        const struct raft *raft = controller_node_raft(run->cluster->controllers[i].node);
        all = all && raft != NULL && raft_voters_now(raft)->count == run->cluster->controller_count;
    }
    return all;
}

static bool topics_there(struct run *run)
{
    return administrator_ready(&run->admin);
}

static bool whole(struct run *run)
{
    return nemesis_all_up(&run->nemesis) && cluster_whole(run->cluster);
}

static bool over(struct run *run)
{
    return world_now_us(run->world) >= run->nemesis.end_at;
}

/* ---- phases ---- */

static const char *const client_addresses[PRODUCERS + CONSUMERS] = {
    "10.0.3.1", "10.0.3.2", "10.0.3.3", "10.0.3.4", "10.0.3.5", "10.0.3.6"};
static const char *const member_addresses[MEMBERS_MAX] = {"10.0.5.1", "10.0.5.2", "10.0.5.3",
                                                          "10.0.5.4"};

static void clients_open(struct run *run)
{
    uint16_t number = 1;
    uint32_t producers = run->plan.producers;
    uint32_t consumers = run->plan.consumers;
    assert(producers <= PRODUCERS && consumers <= CONSUMERS && run->plan.members <= MEMBERS_MAX);
    administrator_open(&run->admin, &run->field, "10.0.4.1", 100, run->plan.admin_pace_us);
    if (run->plan.overseer_pace_us > 0) {
        overseer_open(&run->overseer, &run->field, "10.0.4.3", 101, run->plan.overseer_pace_us);
    }
    for (uint32_t i = 0; i < producers; i++) {
        producer_open(&run->producers[i], &run->field, client_addresses[i], number);
        run->nemesis.clients[run->nemesis.client_count++] = run->producers[i].agent.host;
        number++;
    }
    for (uint32_t i = 0; i < consumers; i++) {
        consumer_open(&run->consumers[i], &run->field, client_addresses[PRODUCERS + i], number,
                      false);
        run->nemesis.clients[run->nemesis.client_count++] = run->consumers[i].agent.host;
        number++;
    }
    for (uint32_t i = 0; i < run->plan.members; i++) {
        uint32_t group = 1 + i % run->plan.groups;
        bool modern = (run->plan.modern >> group & 1) != 0;
        bool mixed = (run->plan.mixed >> group & 1) != 0;
        member_open(&run->members[i], &run->field, member_addresses[i], (uint16_t)(50 + i), group,
                    modern || mixed ? run->plan.modern_session_ms : 0, mixed);
        member_has_time(&run->members[i], plan_session_ms(&run->plan));
        if (run->plan.commit_pace_us > 0) {
            run->members[i].commit_pace_us = run->plan.commit_pace_us;
        }
        run->nemesis.clients[run->nemesis.client_count++] = run->members[i].consumer.agent.host;
    }
}

/* One after the other, in any order, at once or with seconds between them: nobody is left out. */
static bool controllers_form(struct run *run)
{
    struct prng prng;
    prng_init(&prng, run->plan.seed ^ UINT64_C(0x666f726d));
    uint32_t count = run->cluster->controller_count;
    uint32_t first = (uint32_t)prng_below(&prng, count);
    uint32_t stride = prng_chance(&prng, 500) ? 1 : count - 1;
    for (uint32_t i = 0; i < count; i++) {
        if (!controller_start(run->cluster, (first + i * stride) % count)) {
            return verdict(run, OUTCOME_WRONG, "halted", "a controller does not start");
        }
        world_sleep(run->world, prng_chance(&prng, 700) ? prng_between(&prng, 0, 2 * SECOND) : 0);
    }
    return until(run, led, FORM_US, "no controller becomes active") &&
           until(run, all_vote, FORM_US, "not every controller is a voter");
}

/* Members of the consumer protocol know topics by their ids. A controller that was elected just now may not tell them yet. */
static bool ids_known(struct run *run)
{
    int32_t active = cluster_active(run->cluster);
    const struct meta_image *image =
        active < 0 ? NULL : controller_node_image(run->cluster->controllers[active].node);
    bool all = image != NULL;
    for (uint32_t t = 0; t < run->field.topic_count && image != NULL; t++) {
        const struct meta_topic *topic = meta_topic_named(image,
                                                          slice_str(run->field.topics[t].name));
        run->field.topics[t].id = topic == NULL ? UUID_NONE : meta_topic_id(topic);
        all = all && topic != NULL;
    }
    return all;
}

/* Records that followers have to copy: each may be a batch of its own. */
static uint64_t records_written(const struct run *run)
{
    uint64_t written = 0;
    for (size_t i = 0; i < run->history.count; i++) {
        const struct history_op *op = &run->history.ops[i];
        written += (op->kind == HISTORY_SEND || op->kind == HISTORY_COMMIT) &&
                   op->status != HISTORY_FAILED;
    }
    return written;
}

/* Followers that get on by one batch at a time need long for a long log. */
static time_us recover_us(const struct run *run)
{
    bool small = plan_small_fetches(&run->plan);
    return RECOVER_US + (small ? (time_us)records_written(run) * plan_fetch_us(&run->plan) : 0);
}

/* Who has a short session fetches a hundred records at a time, and a wide network carries four such fetches in a second. */
static time_us read_us(const struct run *run)
{
    return RECOVER_US + (time_us)records_written(run) * READ_US +
           READ_FETCHES * plan_fetch_us(&run->plan);
}

static bool whole_or_late(struct run *run)
{
    return whole(run) || world_now_us(run->world) >= run->rest_at;
}

/* Followers that may fetch little never catch up with producers that write much: those rest when it takes long. */
static bool all_whole(struct run *run)
{
    run->rest_at = world_now_us(run->world) + REST_US;
    if (!until(run, whole_or_late, FORM_US, "the cluster does not form")) {
        return false;
    }
    run->field.rests = !whole(run);
    bool formed = until(run, whole, FORM_US + recover_us(run), "the cluster does not form");
    run->field.rests = false;
    return formed;
}

static bool form(struct run *run)
{
    if (!controllers_form(run)) {
        return false;
    }
    for (uint32_t i = 0; i < run->plan.size.brokers; i++) {
        if (!broker_start(run->cluster, i)) {
            return verdict(run, OUTCOME_WRONG, "halted", "a broker does not start");
        }
    }
    return all_whole(run) && until(run, topics_there, FORM_US, "topics are not created") &&
           until(run, ids_known, FORM_US, "no active controller knows the topics");
}

/* Those that were repaired work together: every partition is led, and every replica that runs is in sync. */
static bool core_whole(struct run *run)
{
    struct nemesis *n = &run->nemesis;
    if (!cluster_led(run->cluster)) {
        return false;
    }
    if (nemesis_core_grow(n)) {
        return false;
    }
    return nemesis_core_up(n) && cluster_core_whole(run->cluster);
}

static bool core_recovers(struct run *run)
{
    nemesis_heal(&run->nemesis);
    nemesis_core_begin(&run->nemesis);
    return until(run, core_whole, recover_us(run) + run->cluster->broker_count * 10 * SECOND,
                 "a sufficient core of the cluster does not get on");
}

static bool recover(struct run *run)
{
    run->field.quiet = true;
    /* Whoever slept is woken, but what came due meanwhile comes when it would have woken: a leader may be late by that. */
    run->watch.terms_calm = run->watch.elections_calm = false;
    rots_heal(&run->rots);
    if (run->plan.core && !core_recovers(run)) {
        return false;
    }
    nemesis_heal(&run->nemesis);
    if (!until(run, whole, recover_us(run), "not all replicas are in sync again") ||
        !until(run, all_vote, RECOVER_US, "not every controller is a voter again") ||
        !until(run, producers_done, recover_us(run), "producers are not done")) {
        return false;
    }
    run->field.memory_rots = false; /* what had flipped has left it, but for answers on their way */
    run->field.memory_well_us = world_now_us(run->cluster->world);
    consumer_open(&run->last, &run->field, "10.0.4.2", 200, true);
    if (!until(run, all_read, read_us(run), "not everything can be read") ||
        !until(run, groups_done, read_us(run), "a group does not get on")) {
        return false;
    }
    groups_due(run);
    /* The last reader may have met rot that nobody had: then a replica has been made anew, and copies everything. */
    return until(run, whole, recover_us(run),
                 "not all replicas are in sync after the last reading");
}

static void judge(struct run *run)
{
    struct history_verdict found;
    if (run->options->dump != NULL) {
        FILE *file = fopen(run->options->dump, "wb");
        assert(file != NULL);
        size_t n = fwrite(run->history.ops, sizeof(struct history_op), run->history.count, file);
        assert(n == run->history.count);
        (void)fclose(file);
    }
    if (history_judge(&run->history, &found) > 0) {
        for (int i = 0; i < ANOMALIES; i++) {
            if (found.found[i] > 0) {
                char sentence[240];
                (void)snprintf(sentence, sizeof(sentence), "%llu x: %s",
                               (unsigned long long)found.found[i], found.first[i]);
                (void)verdict(run, OUTCOME_WRONG, anomaly_name((enum anomaly)i), sentence);
            }
        }
    }
    run->result->acked = found.acked;
    run->result->read = found.read;
    run->result->permitted_loss = found.permitted_loss;
}

static void clients_close(struct run *run)
{
    administrator_close(&run->admin);
    if (run->overseer.agent.loop != NULL) {
        overseer_close(&run->overseer);
    }
    for (uint32_t i = 0; i < run->plan.producers; i++) {
        producer_close(&run->producers[i]);
    }
    for (uint32_t i = 0; i < run->plan.consumers; i++) {
        consumer_close(&run->consumers[i]);
    }
    for (uint32_t i = 0; i < run->plan.members; i++) {
        member_close(&run->members[i]);
    }
    if (run->last.agent.loop != NULL) {
        consumer_close(&run->last);
    }
}

/* Whose process an operator has just ended may hold more than those that run. */
static bool copied(struct run *run)
{
    if (!nemesis_all_up(&run->nemesis)) {
        return false;
    }
    for (uint32_t t = 0; t < run->field.topic_count; t++) {
        for (uint32_t p = 0; p < run->field.topics[t].partitions; p++) {
            if (!watch_copied(&run->watch, run->field.topics[t].name, (int32_t)p)) {
                return false;
            }
        }
    }
    return true;
}

/* What the clients left under way arrives and is copied: a leader that stops at once may hold it alone, unacknowledged. So may one
 * whose followers are in sync and still have far to go, as those that may fetch little at a time. */
static bool rest(struct run *run)
{
    time_us held_us = world_held_until(run->world) - world_now_us(run->world);
    world_sleep(run->world, 2 * SECOND + min_i64(max_i64(held_us, 0), HELD_MOST_US));
    return until(run, copied, recover_us(run), "followers do not copy all that their leaders hold");
}

static void play(struct run *run)
{
    bool good = form(run);
    run->watch.calm = run->plan.calm != CALM_NOT;
    run->watch.terms_calm = run->plan.calm == CALM_DISKS || run->plan.calm == CALM_STREAMS;
    run->watch.elections_calm = run->plan.calm == CALM_DISKS;
    run->watch.settings_move = run->plan.admin_pace_us > 0 || run->plan.overseer_pace_us > 0 ||
                               run->plan.weight[FAULT_REFIT] > 0;
    if (good) {
        nemesis_begin(&run->nemesis);
        good = until(run, over, run->plan.safety_us + SECOND, "time stands still") && recover(run);
    }
    run->watch.calm = run->watch.terms_calm = run->watch.elections_calm = false;
    run->result->simulated_us = world_now_us(run->world);
    if (!good && run->options->explain) {
        tell_cluster(run->cluster, &run->nemesis, stderr);
    }
    clients_close(run);
    if (!good || !rest(run)) {
        judge(run);
        return; /* whatever is left goes with this process */
    }
    if (!cluster_stop(run->cluster)) {
        (void)verdict(run, OUTCOME_STUCK, "liveness", "nodes do not stop in order");
    }
    judge(run);
    rots_undo(&run->rots);
    for (uint32_t t = 0; t < run->field.topic_count; t++) {
        for (uint32_t p = 0; p < run->field.topics[t].partitions; p++) {
            watch_replicas(&run->watch, run->field.topics[t].name, (int32_t)p);
        }
    }
    if (run->watch.wrong[0] != '\0') {
        (void)verdict(run, OUTCOME_WRONG, "replicas", run->watch.wrong);
    }
}

void run_seed(const struct run_options *options, struct run_result *ret_result)
{
    struct run *run = calloc(1, sizeof(*run));
    assert(run != NULL);
    *ret_result = (struct run_result){0};
    run->options = options;
    run->result = ret_result;
    history_init(&run->history);
    plan_draw(&run->plan, options->seed, options->cut);
    run->world = world_open(options->seed, options->verbose);
    world_habits(run->world, &run->plan.habits);
    run->cluster = cluster_open(run->world, &run->plan.size);
    plan_field(&run->plan, &run->field, run->cluster, &run->history);
    if (options->explain) {
        plan_print(&run->plan, &run->field);
    }
    nemesis_open(&run->nemesis, &run->plan, run->cluster, &run->field,
                 options->explain && options->log_from_us == 0);
    rots_open(&run->rots, &run->plan, &run->nemesis);
    watch_open(&run->watch, run->cluster);
    clients_open(run);
    play(run);
    ret_result->events = world_events(run->world);
    ret_result->faults = run->nemesis.total;
    ret_result->elections = run->watch.elections;
    ret_result->isr_changes = run->watch.isr_changes;
    ret_result->hash = world_hash(run->world);
    probes_take(ret_result->probes);
    watch_close(&run->watch);
    if (ret_result->outcome == OUTCOME_GOOD && !run->stopped) {
        cluster_close(run->cluster);
        world_close(run->world);
        history_release(&run->history);
    }
    free(run); /* after a failure nodes still stand on the rest of it, in a process that ends now */
}
