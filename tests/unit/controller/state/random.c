/*
 * The decision core under random commands, beside a data plane of plain numbers: each replica has a count of acknowledged
 * records, each directory may lose them. Whoever is elected cleanly must have every acknowledged record, whatever crashed,
 * was wiped, fenced, reconfigured or forgotten by a controller that lost its leadership. And what must not be asked is asked now
 * and then: each request that breaks a rule has its refusal.
 */
#include "tests/unit/controller/state/random.h"

#include <criterion/criterion.h>

#include "controller/state/state_internal.h"
#include "tests/unit/controller/state/quorum.h"

#define BROKERS    5
#define TOPICS     4
#define PARTITIONS 4
#define DIRS       2
#define SUSPECTED  16

static const char *const names[TOPICS] = {"a", "b.c", "orders", "z_z"};

/* One replica's data, wherever it lies. */
struct data {
    bool there;
    struct uuid dir;
    int len;    /* of the acknowledged records, the first so many are here */
    int synced; /* and so many on the disk */
};

struct partition_model {
    bool there;
    struct uuid topic;
    int32_t leader_epoch;
    struct meta_ids isr;
    struct meta_ids elr;
    int32_t partition_epoch;
    int acked;
    int min_isr; /* by which the leader works: it may not have seen the newest setting; 0: it has */
    struct data data[BROKERS];
};

struct broker_model {
    bool alive;
    int incarnation;
    int life;
    int64_t clean_epoch; /* in its clean-shutdown files; -1 */
    int64_t old_clean; /* of such files that were removed, and may come back with a power cut; -1 */
    enum dir_condition condition;
    int dirs; /* 1 or 2 */
    int away; /* the one that its process could not open; -1: none */
    /* What the active controller has heard of it. */
    time_ms contact;
    int64_t told;                 /* metadata offset; -1 */
    int64_t leaving_at;           /* everybody must have told that much before it may go */
    time_ms suspected[SUSPECTED]; /* the newest fences for a connection that ended; oldest first */
};

struct run {
    struct quorum quorum;
    struct prng prng;
    struct broker_model brokers[BROKERS];
    struct partition_model partitions[TOPICS][PARTITIONS];
    const struct partition_model *proposing;
    struct controller_settings settings;
    time_ms awake; /* the controller has slept: no session ends before */
    bool healing;  /* nothing fails any more */
    bool gentle;   /* durability=disk, nothing is wiped, no unclean elections */
    unsigned elections;
    unsigned unclean;
    unsigned acks;
};

static int below(struct run *run, int bound)
{
    return (int)prng_below(&run->prng, (uint64_t)bound);
}

static bool chance(struct run *run, unsigned per_mille)
{
    return prng_chance(&run->prng, per_mille);
}

/* Its process works without that directory. */
static bool is_away(const struct run *run, int b, struct uuid dir)
{
    const struct broker_model *broker = &run->brokers[b];
    return broker->away >= 0 && uuid_eq(dir, quorum_dir(b, broker->life, broker->away));
}

static bool is_hosted(const struct run *run, int b, const struct data *data)
{
    return data->there && !is_away(run, b, data->dir);
}

/* --- what the newest image says, against the data --- */

static void data_cut(struct data *data, int len)
{
    data->len = data->len < len ? data->len : len;
    data->synced = data->synced < len ? data->synced : len;
}

static void election_check(struct run *run, struct partition_model *model,
                           const struct meta_partition *partition)
{
    int32_t leader = partition->leader;
    struct data *data = &model->data[leader];
    bool clean = meta_ids_has(&model->isr, leader) || meta_ids_has(&model->elr, leader);
    run->elections++;
    if (clean && !run->brokers[leader].alive) {
        return; /* nobody knows yet that it is gone; before it leads anything it registers again */
    }
    if (clean) {
        const struct meta_replica *replica = meta_partition_replica(partition, leader);
        cr_assert(data->there || model->acked == 0, "a leader without data: %d, dir %s", leader,
                  uuid_print(replica->dir).s);
        bool hosted = is_hosted(run, leader, data);
        cr_assert(hosted || !data->there || uuid_is_none(replica->dir)); /* it is made anew */
        cr_assert_geq(hosted ? data->len : 0, model->acked,
                      "acknowledged records are lost: %s %d led by %d", names[0], partition->index,
                      leader);
        return;
    }
    cr_assert_not(run->gentle);
    cr_assert_eq(partition->recovery, META_RECOVERING);
    run->unclean++;
    if (!is_hosted(run, leader, data)) {
        *data = (struct data){0};
    }
    model->acked = data->there ? data->len : 0;
    for (int b = 0; b < BROKERS; b++) {
        data_cut(&model->data[b], model->acked);
    }
}

static void partition_follow(struct run *run, int t, int p)
{
    struct partition_model *model = &run->partitions[t][p];
    const struct meta_partition *partition = quorum_partition(&run->quorum, names[t], p);
    if (partition == NULL || (model->there && !uuid_eq(partition->topic, model->topic))) {
        *model = (struct partition_model){0};
    }
    if (partition == NULL) {
        return;
    }
    if (!model->there) {
        *model = (struct partition_model){.there = true,
                                          .topic = partition->topic,
                                          .leader_epoch = partition->leader_epoch,
                                          .min_isr = 1};
    } else if (partition->leader_epoch != model->leader_epoch) {
        cr_assert_gt(partition->leader_epoch, model->leader_epoch);
        if (partition->leader != META_NO_BROKER) {
            election_check(run, model, partition);
        }
    }
    /* An answer to the leader's own proposal may come before the settings that were written earlier; any other news of the
     * partition comes after them. */
    if (model->partition_epoch != partition->partition_epoch && model != run->proposing) {
        model->min_isr = 0;
    }
    model->partition_epoch = partition->partition_epoch;
    model->leader_epoch = partition->leader_epoch;
    model->isr = partition->isr;
    model->elr = partition->elr;
}

static void follow_all(struct run *run)
{
    for (int t = 0; t < TOPICS; t++) {
        for (int p = 0; p < PARTITIONS; p++) {
            partition_follow(run, t, p);
        }
    }
}

static const struct answer *submit(struct run *run, const struct command *command)
{
    const struct answer *answer = quorum_submit(&run->quorum, command);
    follow_all(run);
    return answer;
}

static int image_min_isr(struct run *run, int t, const struct meta_partition *partition)
{
    struct slice value = meta_config_value(quorum_image(&run->quorum), META_RESOURCE_TOPIC,
                                           slice_str(names[t]), slice_str("min.insync.replicas"));
    if (value.p == NULL) {
        value = meta_config_value(quorum_image(&run->quorum), META_RESOURCE_BROKER, slice_str(""),
                                  slice_str("min.insync.replicas"));
    }
    int min = value.p == NULL ? 1 : value.p[0] - '0';
    return min < (int)partition->replica_count ? min : (int)partition->replica_count;
}

static bool image_disk(struct run *run, int t)
{
    struct slice value = meta_config_value(quorum_image(&run->quorum), META_RESOURCE_TOPIC,
                                           slice_str(names[t]), slice_str("durability"));
    return value.p == NULL || slice_eq(value, slice_str("disk"));
}

/* --- brokers --- */

static bool has_own_dir(struct run *run, int b, struct uuid dir)
{
    for (int d = 0; d < run->brokers[b].dirs; d++) {
        if (d != run->brokers[b].away && uuid_eq(quorum_dir(b, run->brokers[b].life, d), dir)) {
            return true;
        }
    }
    return false;
}

static struct uuid some_own_dir(struct run *run, int b)
{
    const struct broker_model *broker = &run->brokers[b];
    int d = broker->away >= 0 ? 1 - broker->away : below(run, broker->dirs);
    return quorum_dir(b, broker->life, d);
}

/* A broker looks at what it should host: what is gone is reported, what is new is made. What may lie in a directory that is away is
 * left to that. */
static void host_replicas(struct run *run, int b)
{
    struct quorum *quorum = &run->quorum;
    for (int t = 0; t < TOPICS; t++) {
        for (int p = 0; p < PARTITIONS; p++) {
            const struct meta_partition *partition = quorum_partition(quorum, names[t], p);
            const struct meta_replica *replica = partition == NULL
                                                     ? NULL
                                                     : meta_partition_replica(partition, b);
            if (replica == NULL) {
                continue;
            }
            struct data *data = &run->partitions[t][p].data[b];
            struct partition_ref ref = {partition->topic, p};
            int64_t epoch = meta_broker(quorum_image(quorum), b)->epoch;
            bool unknown = !uuid_is_none(replica->dir) && !has_own_dir(run, b, replica->dir);
            if (run->brokers[b].away >= 0 && unknown && !is_hosted(run, b, data)) {
                continue;
            }
            if (data->there && !is_hosted(run, b, data)) {
                *data = (struct data){0}; /* when it is back, its folder is set aside */
            }
            bool lost = !uuid_is_none(replica->dir) &&
                        (!data->there || !uuid_eq(data->dir, replica->dir));
            if (lost) {
                struct command command = {
                    .kind = COMMAND_REPLICAS_LOST,
                    .replicas = {b, epoch, &ref, 1, &(int32_t){partition->partition_epoch}}};
                cr_assert_eq(submit(run, &command)->replicas.results[0], KAFKA_NONE);
                *data = (struct data){0};
            }
            if (!data->there) {
                *data = (struct data){.there = true, .dir = some_own_dir(run, b)};
            }
            partition = quorum_partition(quorum, names[t], p);
            if (uuid_is_none(meta_partition_replica(partition, b)->dir) && chance(run, 700)) {
                struct assign_dirs_entry entry = {ref, data->dir};
                struct command command = {.kind = COMMAND_ASSIGN_DIRS,
                                          .assign_dirs = {b, epoch, &entry, 1}};
                cr_assert_eq(submit(run, &command)->replicas.results[0], KAFKA_NONE);
            }
        }
    }
}

static bool is_over(const struct run *run, int b)
{
    return max_i64(run->brokers[b].contact + run->settings.session_timeout_ms, run->awake) <=
           run->quorum.now;
}

/* Whether the id still belongs to somebody with other directories, whose session lives. */
static bool is_taken(struct run *run, int b)
{
    const struct meta_broker *known = meta_broker(quorum_image(&run->quorum), b);
    bool shared = known == NULL;
    for (uint32_t d = 0; known != NULL && d < known->dir_count; d++) {
        shared = shared || has_own_dir(run, b, known->dirs[d]);
    }
    return !shared && !known->fenced && !is_over(run, b);
}

static bool seat_there(const struct meta_image *image, const struct meta_replica *replica)
{
    return uuid_is_none(replica->dir) ||
           broker_has_dir(meta_broker(image, replica->broker), replica->dir);
}

/* A seat is one of a directory: where that did not come along, nobody sits there any more, but for who alone has everything. */
static void seats_check(struct run *run, int b)
{
    for (int t = 0; t < TOPICS; t++) {
        for (int p = 0; p < PARTITIONS; p++) {
            const struct meta_partition *partition = quorum_partition(&run->quorum, names[t], p);
            if (partition == NULL || !meta_partition_seats(partition, b)) {
                continue;
            }
            const struct meta_replica *replica = meta_partition_replica(partition, b);
            bool alone = replica->synced;
            for (uint32_t i = 0; i < partition->replica_count; i++) {
                const struct meta_replica *other = &partition->replicas[i];
                alone = alone &&
                        (other->broker == b || !meta_partition_seats(partition, other->broker) ||
                         !seat_there(quorum_image(&run->quorum), other));
            }
            cr_assert(alone || uuid_is_none(replica->dir) || has_own_dir(run, b, replica->dir));
        }
    }
}

/* A replica finds rot in what it has, and gives its seat up if somebody else who may lead has everything. */
static void rot(struct run *run, int b)
{
    int t = below(run, TOPICS);
    int p = below(run, PARTITIONS);
    const struct meta_image *image = quorum_image(&run->quorum);
    const struct meta_partition *partition = quorum_partition(&run->quorum, names[t], p);
    struct data *data = &run->partitions[t][p].data[b];
    if (partition == NULL || !is_hosted(run, b, data) ||
        meta_partition_replica(partition, b) == NULL ||
        !uuid_eq(meta_partition_replica(partition, b)->dir, data->dir)) {
        return;
    }
    bool spared = false;
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        int32_t other = partition->replicas[i].broker;
        spared = spared ||
                 (other != b && seat_there(image, &partition->replicas[i]) &&
                  !meta_broker(image, other)->fenced && !meta_broker(image, other)->shutting_down &&
                  meta_partition_seats(partition, other));
    }
    int32_t leader_epoch = partition->leader_epoch;
    bool late = chance(run, 200); /* it was said of the copy before */
    int32_t said_in = leader_epoch - late;
    struct partition_ref ref = {partition->topic, p};
    struct command command = {.kind = COMMAND_REPLICAS_ROTTEN,
                              .replicas = {b, meta_broker(image, b)->epoch, &ref, 1, &said_in}};
    enum kafka_error error = submit(run, &command)->replicas.results[0];
    cr_assert_eq(error, late     ? KAFKA_FENCED_LEADER_EPOCH
                        : spared ? KAFKA_NONE
                                 : KAFKA_INELIGIBLE_REPLICA);
    if (spared && !late) { /* no fetch into the old log counts for the new one */
        cr_assert_gt(quorum_partition(&run->quorum, names[t], p)->leader_epoch, leader_epoch);
        *data = (struct data){0};
    }
}

static void start(struct run *run, int b)
{
    struct broker_model *broker = &run->brokers[b];
    bool fails = broker->dirs > 1 && !run->healing && chance(run, 150);
    broker->away = fails ? below(run, broker->dirs) : -1;
    bool taken = is_taken(run, b);
    struct command command = quorum_registration(b, ++broker->incarnation);
    struct register_broker_command *wants = &command.register_broker;
    wants->previous_epoch = broker->clean_epoch;
    wants->rack = b % 2 == 0 ? slice_str("even") : slice_str("odd");
    wants->dir_count = 0;
    for (int d = 0; d < broker->dirs; d++) {
        if (d != broker->away) {
            wants->dirs[wants->dir_count].id = quorum_dir(b, broker->life, d);
            wants->dirs[wants->dir_count++].condition = broker->condition;
        }
    }
    const struct answer *answer = submit(run, &command);
    cr_assert_eq(answer->register_broker.result.error,
                 taken ? KAFKA_DUPLICATE_BROKER_REGISTRATION : KAFKA_NONE);
    if (taken) {
        broker->alive = false; /* the one before is dead, and this one waits */
        return;
    }
    seats_check(run, b);
    broker->contact = run->quorum.now;
    broker->told = -1;
    const struct meta_broker *known = meta_broker(quorum_image(&run->quorum), b);
    cr_assert_eq(answer->register_broker.broker_epoch, known->epoch);
    cr_assert(known->fenced);
    if (chance(run, 100)) { /* the answer got lost: it asks again */
        answer = submit(run, &command);
        cr_assert_eq(answer->register_broker.broker_epoch, known->epoch);
        cr_assert_eq(run->quorum.batches, 0);
    }
    broker->alive = true;
    broker->old_clean = broker->clean_epoch >= 0 ? broker->clean_epoch : broker->old_clean;
    broker->clean_epoch = -1;
    broker->condition = DIR_CRASHED;
    host_replicas(run, b);
}

static const struct answer *submit_beat(struct run *run, int b, const struct command *command)
{
    const struct answer *answer = submit(run, command);
    struct broker_model *broker = &run->brokers[b];
    cr_assert_eq(answer->heartbeat.result.error, KAFKA_NONE);
    broker->contact = run->quorum.now;
    broker->told = max_i64(broker->told, command->heartbeat.metadata_offset);
    return answer;
}

static void unsynced_goes(struct run *run, int b, bool away_only)
{
    for (int t = 0; t < TOPICS; t++) {
        for (int p = 0; p < PARTITIONS; p++) {
            struct data *data = &run->partitions[t][p].data[b];
            data->len = away_only && is_hosted(run, b, data) ? data->len : data->synced;
        }
    }
}

/* A directory fails under a process that goes on with the other; what was not synced is gone from the page cache, too. */
static void dir_fails(struct run *run, int b, struct command *beat)
{
    struct broker_model *broker = &run->brokers[b];
    broker->away = below(run, broker->dirs);
    beat->heartbeat.offline_dirs[0] = quorum_dir(b, broker->life, broker->away);
    beat->heartbeat.offline_dir_count = 1;
    unsynced_goes(run, b, true);
}

static void beat(struct run *run, int b)
{
    struct command command = quorum_beat(&run->quorum, b);
    if (!run->healing && run->brokers[b].dirs > 1 && run->brokers[b].away < 0 && chance(run, 15)) {
        dir_fails(run, b, &command);
    }
    command.heartbeat.want_fence = chance(run, 20);
    if (chance(run, 50)) {
        command.heartbeat.metadata_offset -= 3; /* it lags */
    }
    const struct answer *answer = submit_beat(run, b, &command);
    if (!answer->heartbeat.caught_up) {
        cr_assert(answer->heartbeat.fenced || !meta_broker(quorum_image(&run->quorum), b)->fenced);
    }
}

static void power_cut(struct run *run, int b)
{
    run->brokers[b].alive = false;
    run->brokers[b].condition = DIR_CRASHED_OTHER_BOOT;
    unsynced_goes(run, b, false);
    if (run->brokers[b].old_clean >= 0 && chance(run, 300)) {
        run->brokers[b].condition = DIR_CLEAN;
        run->brokers[b].clean_epoch = run->brokers[b].old_clean;
    }
}

/* A broker is let go when everybody else knows that it leads nothing any more. */
static void gone_check(struct run *run, int b)
{
    for (int other = 0; other < BROKERS; other++) {
        const struct meta_broker *broker = meta_broker(quorum_image(&run->quorum), other);
        cr_assert(other == b || broker->fenced || broker->shutting_down ||
                  run->brokers[other].told >= run->brokers[b].leaving_at);
    }
}

/* Controlled shutdown, as far as it gets. */
static void leave(struct run *run, int b)
{
    struct command command = quorum_beat(&run->quorum, b);
    command.heartbeat.want_shutdown = true;
    for (int i = 0; i < 3; i++) {
        int64_t epoch = command.heartbeat.broker_epoch;
        struct meta_broker before = *meta_broker(quorum_image(&run->quorum), b);
        const struct answer *answer = submit_beat(run, b, &command);
        if (!before.fenced && !before.shutting_down) {
            run->brokers[b].leaving_at = meta_offset(quorum_image(&run->quorum));
        }
        if (answer->heartbeat.should_shut_down && !before.fenced) {
            gone_check(run, b);
        }
        if (answer->heartbeat.should_shut_down) {
            run->brokers[b].alive = false;
            run->brokers[b].condition = DIR_CLEAN;
            run->brokers[b].clean_epoch = epoch;
            for (int t = 0; t < TOPICS; t++) {
                for (int p = 0; p < PARTITIONS; p++) {
                    struct data *data = &run->partitions[t][p].data[b];
                    data->synced = data->len;
                }
            }
            return;
        }
        for (int other = 0; other < BROKERS; other++) {
            if (other != b && run->brokers[other].alive && chance(run, 800)) {
                beat(run, other);
            }
        }
        command.heartbeat.metadata_offset = meta_offset(quorum_image(&run->quorum));
    }
}

static void wipe(struct run *run, int b)
{
    bool all = chance(run, 500);
    run->brokers[b].life += all;
    run->brokers[b].clean_epoch = all ? -1 : run->brokers[b].clean_epoch;
    run->brokers[b].old_clean = all ? -1 : run->brokers[b].old_clean;
    for (int t = 0; t < TOPICS; t++) {
        for (int p = 0; p < PARTITIONS; p++) {
            if (all || chance(run, 300)) {
                run->partitions[t][p].data[b] = (struct data){0};
            }
        }
    }
}

/* Its connection ended. Who comes and goes is not fenced for it again and again. */
static void suspect(struct run *run, int b)
{
    struct broker_model *broker = &run->brokers[b];
    struct command command = {.kind = COMMAND_SUSPECT,
                              .suspect = {b, meta_broker(quorum_image(&run->quorum), b)->epoch}};
    if (!submit(run, &command)->suspect.fenced) {
        return;
    }
    memmove(broker->suspected, broker->suspected + 1,
            (SUSPECTED - 1) * sizeof(broker->suspected[0]));
    broker->suspected[SUSPECTED - 1] = run->quorum.now;
    uint32_t recent = 0;
    for (int i = 0; i < SUSPECTED; i++) {
        recent += broker->suspected[i] > run->quorum.now - run->settings.suspicion_window_ms;
    }
    cr_assert_leq(recent, run->settings.suspicion_fences);
}

static void broker_action(struct run *run)
{
    int b = below(run, BROKERS);
    struct broker_model *broker = &run->brokers[b];
    if (!broker->alive) {
        if (!run->gentle && chance(run, 60)) {
            wipe(run, b);
        } else if (chance(run, 300)) {
            start(run, b);
        } else {
            suspect(run, b);
        }
        return;
    }
    int what = below(run, 100);
    if (what < 60) {
        beat(run, b);
    } else if (what < 70) {
        broker->alive = false; /* killed: its page cache survives */
    } else if (what < 75) {
        power_cut(run, b);
    } else if (what < 80) {
        leave(run, b);
    } else if (what < 83) {
        suspect(run, b);
    } else if (what < 85) {
        start(run, b); /* restarted before anybody noticed */
    } else if (what < 88) {
        rot(run, b);
    } else {
        host_replicas(run, b);
    }
}

/* --- partitions --- */

static bool all_alive(struct run *run, const struct meta_ids *ids)
{
    for (uint32_t i = 0; i < ids->count; i++) {
        if (!run->brokers[ids->id[i]].alive) {
            return false;
        }
    }
    return true;
}

/* The leader acknowledges one more record, once its whole ISR has it. */
static void acknowledge(struct run *run, int t, const struct meta_partition *partition,
                        struct partition_model *model)
{
    if (model->min_isr == 0 || chance(run, 300)) {
        model->min_isr = image_min_isr(run, t, partition); /* it has seen the newest setting */
    }
    if ((int)partition->isr.count < model->min_isr || !all_alive(run, &partition->isr)) {
        return;
    }
    for (uint32_t i = 0; i < partition->isr.count; i++) {
        struct data *data = &model->data[partition->isr.id[i]];
        if (!data->there) {
            return; /* not made yet */
        }
        if (uuid_is_none(meta_partition_replica(partition, partition->isr.id[i])->dir)) {
            return; /* nobody knows where it is: it reports nothing as durable */
        }
    }
    model->acked++;
    run->acks++;
    for (uint32_t i = 0; i < partition->isr.count; i++) {
        struct data *data = &model->data[partition->isr.id[i]];
        data->len = model->acked;
        data->synced = image_disk(run, t) ? data->len : data->synced;
    }
}

/* Makes a good request one that must be refused, or leaves it as it is; by what. */
static enum kafka_error spoil(struct run *run, const struct meta_partition *partition,
                              struct alter_partition_command *alter)
{
    struct alter_partition_entry *entry = (struct alter_partition_entry *)alter->entries;
    switch (below(run, 50)) {
    case 0: entry->leader_epoch--; return KAFKA_FENCED_LEADER_EPOCH; /* it led before */
    case 1:                                                          /* somebody else asks */
        alter->broker = (partition->leader + 1) % BROKERS;
        alter->broker_epoch = meta_broker(quorum_image(&run->quorum), alter->broker)->epoch;
        return KAFKA_INVALID_REQUEST;
    case 2:
    case 3: entry->partition_epoch--; return KAFKA_INVALID_UPDATE_VERSION; /* it came late */
    case 4:                                                                /* without itself */
        for (uint32_t i = 0; i < entry->isr_count; i++) {
            if (entry->isr[i].broker == partition->leader) {
                entry->isr[i] = entry->isr[--entry->isr_count];
            }
        }
        return KAFKA_INVALID_REQUEST;
    case 5: /* with somebody's incarnation before */
        for (uint32_t i = 0; i < entry->isr_count; i++) {
            if (entry->isr[i].broker != partition->leader) {
                entry->isr[i].epoch--;
                return KAFKA_INELIGIBLE_REPLICA;
            }
        }
        return KAFKA_NONE;
    default: return KAFKA_NONE;
    }
}

/* The leader proposes the ISR that it likes: who is there has copied everything first. */
static void propose(struct run *run, const struct meta_partition *partition,
                    struct partition_model *model)
{
    const struct meta_image *image = quorum_image(&run->quorum);
    struct alter_partition_entry entry = {.at = {partition->topic, partition->index},
                                          .leader_epoch = partition->leader_epoch,
                                          .partition_epoch = partition->partition_epoch,
                                          .min_isr = model->min_isr};
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        int32_t b = partition->replicas[i].broker;
        bool wanted = b == partition->leader ||
                      (run->brokers[b].alive && is_hosted(run, b, &model->data[b]) &&
                       !uuid_is_none(partition->replicas[i].dir) && chance(run, 700));
        if (wanted) {
            entry.isr[entry.isr_count].broker = b;
            entry.isr[entry.isr_count++].epoch = meta_broker(image, b)->epoch;
        }
    }
    struct command command = {
        .kind = COMMAND_ALTER_PARTITION,
        .alter_partition = {.broker = partition->leader,
                            .broker_epoch = meta_broker(image, partition->leader)->epoch,
                            .entries = &entry,
                            .count = 1}};
    /* Joining comes after copying. */
    for (uint32_t i = 0; i < entry.isr_count; i++) {
        struct data *data = &model->data[entry.isr[i].broker];
        data->len = model->acked;
        data->synced = meta_partition_replica(partition, entry.isr[i].broker)->synced
                           ? data->len
                           : data->synced;
    }
    enum kafka_error refusal = spoil(run, partition, &command.alter_partition);
    run->proposing = refusal == KAFKA_NONE ? model : NULL;
    const struct answer *answer = submit(run, &command);
    run->proposing = NULL;
    enum kafka_error error = answer->alter_partition.results[0].error;
    cr_assert(error == refusal || (refusal == KAFKA_NONE && error == KAFKA_INELIGIBLE_REPLICA),
              "%s", kafka_error_name((int16_t)error));
}

static void report_synced(struct run *run, int t, const struct meta_partition *partition,
                          struct partition_model *model)
{
    int32_t b = partition->replicas[0].broker;
    const struct meta_broker *broker = meta_broker(quorum_image(&run->quorum), b);
    if (!run->brokers[b].alive || !is_hosted(run, b, &model->data[b]) || !image_disk(run, t)) {
        return;
    }
    model->data[b].synced = model->data[b].len;
    struct partition_ref ref = {partition->topic, partition->index};
    int32_t epoch = partition->partition_epoch - 1; /* of an image before this one */
    struct command command = {.kind = COMMAND_REPLICAS_SYNCED,
                              .replicas = {b, broker->epoch, &ref, 1, &epoch}};
    cr_assert_eq(submit(run, &command)->replicas.results[0], KAFKA_INVALID_UPDATE_VERSION);
    epoch++;
    cr_assert_eq(submit(run, &command)->replicas.results[0], KAFKA_NONE);
}

static void partition_action(struct run *run)
{
    int t = 0;
    int p = 0;
    struct partition_model *model = NULL;
    const struct meta_partition *partition = NULL;
    for (int tries = 0; tries < 8; tries++) { /* one that has a leader at work */
        t = below(run, TOPICS);
        p = below(run, PARTITIONS);
        model = &run->partitions[t][p];
        partition = quorum_partition(&run->quorum, names[t], p);
        if (partition != NULL && partition->leader != META_NO_BROKER &&
            run->brokers[partition->leader].alive && model->data[partition->leader].there) {
            break;
        }
        partition = NULL;
    }
    if (partition == NULL) {
        return;
    }
    int what = below(run, 100);
    if (what < 50) {
        acknowledge(run, t, partition, model);
    } else if (what < 95) {
        propose(run, partition, model);
    } else {
        report_synced(run, t, partition, model);
    }
}

/* --- people --- */

static void configure(struct run *run)
{
    static const char *const digits[] = {"1", "2", "3"};
    struct topic_setting setting = {slice_str("min.insync.replicas"),
                                    slice_str(digits[below(run, 3)])};
    if (!run->gentle && chance(run, 200)) {
        setting.key = slice_str("durability");
        setting.value = chance(run, 500) ? slice_str("disk") : slice_str("pagecache");
    } else if (!run->gentle && chance(run, 100)) {
        setting.key = slice_str("unclean.leader.election.enable");
        setting.value = chance(run, 300) ? slice_str("true") : slice_str("false");
    }
    if (chance(run, 100)) {
        setting.value = (struct slice){0};
    }
    struct alter_resource resource = {.resource = META_RESOURCE_TOPIC,
                                      .name = slice_str(names[below(run, TOPICS)]),
                                      .settings = &setting,
                                      .setting_count = 1};
    if (setting.key.n == strlen("min.insync.replicas") && chance(run, 200)) {
        resource.resource = META_RESOURCE_BROKER;
        resource.name = slice_str("");
    }
    struct command command = {.kind = COMMAND_ALTER_CONFIGS,
                              .alter_configs = {&resource, 1, false}};
    (void)submit(run, &command);
}

static void people_action(struct run *run)
{
    int what = below(run, 100);
    struct slice name = slice_str(names[below(run, TOPICS)]);
    if (what < 40) {
        struct create_topic topic = {.name = name,
                                     .partitions = 1 + below(run, 2),
                                     .replication_factor = (int16_t)(1 + below(run, 3))};
        struct command command = {.kind = COMMAND_CREATE_TOPICS,
                                  .create_topics = {&topic, 1, false}};
        (void)submit(run, &command);
    } else if (what < 44) {
        struct delete_topic topic = {.name = name};
        struct command command = {.kind = COMMAND_DELETE_TOPICS, .delete_topics = {&topic, 1}};
        (void)submit(run, &command);
    } else if (what < 54) {
        struct grow_topic topic = {.name = name, .total = 1 + below(run, PARTITIONS)};
        struct command command = {.kind = COMMAND_CREATE_PARTITIONS,
                                  .create_partitions = {&topic, 1, false}};
        (void)submit(run, &command);
    } else if (what < 90) {
        configure(run);
    } else {
        struct command command = {.kind = COMMAND_ELECT_LEADERS,
                                  .elect_leaders = {.election = ELECTION_PREFERRED, .all = true}};
        (void)submit(run, &command);
    }
}

/* A tick comes so late: sessions that would end by it last longer, but not twice within one. */
static void pass_sleep(struct run *run, time_ms late)
{
    bool ends = false;
    for (int b = 0; b < BROKERS; b++) {
        ends = ends || (!meta_broker(quorum_image(&run->quorum), b)->fenced && is_over(run, b));
    }
    if (late > 0 && ends && run->quorum.now - run->awake >= run->settings.session_timeout_ms) {
        run->awake = run->quorum.now + min_i64(late, run->settings.session_timeout_ms);
    }
}

static void pass_time(struct run *run)
{
    run->quorum.now += below(run, 400);
    while (controller_deadline(&run->quorum.active) <= run->quorum.now) {
        time_ms before = controller_deadline(&run->quorum.active);
        bool fenced[BROKERS];
        for (int b = 0; b < BROKERS; b++) {
            fenced[b] = meta_broker(quorum_image(&run->quorum), b)->fenced;
        }
        time_ms late = chance(run, 200) ? run->quorum.now - before : 0;
        pass_sleep(run, late);
        (void)submit(run, &(struct command){.kind = COMMAND_TICK, .tick.late_ms = late});
        cr_assert(late > 0 || controller_deadline(&run->quorum.active) > before);
        for (int b = 0; b < BROKERS; b++) { /* nobody who was heard within a session */
            cr_assert(fenced[b] || !meta_broker(quorum_image(&run->quorum), b)->fenced ||
                      is_over(run, b));
        }
    }
}

static void step(struct run *run)
{
    int what = below(run, 100);
    if (what < 45) {
        broker_action(run);
    } else if (what < 80) {
        partition_action(run);
    } else if (what < 90) {
        people_action(run);
    } else if (what < 98) {
        pass_time(run);
    } else if (run->gentle || chance(run, 500)) {
        quorum_failover(&run->quorum);
        run->awake = run->quorum.now;
        for (int b = 0; b < BROKERS; b++) {
            run->brokers[b].contact = run->quorum.now;
            memset(run->brokers[b].suspected, 0x80, sizeof(run->brokers[b].suspected));
        }
        follow_all(run);
    }
}

/* Everyone comes back as he is; nothing was wiped, so every partition must have a leader. */
static void heal_check(struct run *run)
{
    run->healing = true;
    for (int round = 0; round < 2; round++) {
        for (int b = 0; b < BROKERS; b++) {
            if (!run->brokers[b].alive || run->brokers[b].away >= 0 ||
                meta_broker(quorum_image(&run->quorum), b)->shutting_down) {
                start(run, b);
            }
            struct command command = quorum_beat(&run->quorum, b);
            (void)submit_beat(run, b, &command);
        }
    }
    for (int t = 0; t < TOPICS; t++) {
        for (int p = 0; p < PARTITIONS; p++) {
            const struct meta_partition *partition = quorum_partition(&run->quorum, names[t], p);
            cr_assert(partition == NULL || partition->leader != META_NO_BROKER ||
                      run->partitions[t][p].acked == 0); /* nobody knew where they lay */
        }
    }
}

void random_run(uint64_t seed, int steps, bool scarce, unsigned totals[3])
{
    static struct run run;
    memset(&run, 0, sizeof(run));
    struct controller_settings settings = controller_settings_default();
    settings.rebalance_check_ms = seed % 3 == 0 ? 5000 : 0;
    settings.raise_check_ms = seed % 5 == 0 ? 0 : 1000;
    settings.own_topics[0] = (struct controller_own_topic){names[0], 3};
    settings.own_topics[1] = (struct controller_own_topic){names[2], 1 + (int32_t)(seed % 4)};
    quorum_init(&run.quorum, &settings, seed);
    run.quorum.scarce = scarce;
    prng_init(&run.prng, seed);
    run.gentle = seed % 2 == 0;
    run.settings = settings;
    for (int b = 0; b < BROKERS; b++) {
        run.brokers[b] = (struct broker_model){.condition = DIR_CRASHED,
                                               .clean_epoch = -1,
                                               .old_clean = -1,
                                               .dirs = 1 + (b + (int)seed) % DIRS,
                                               .away = -1};
        memset(run.brokers[b].suspected, 0x80, sizeof(run.brokers[b].suspected)); /* never */
        start(&run, b);
        struct command command = quorum_beat(&run.quorum, b);
        (void)submit_beat(&run, b, &command);
    }
    for (int i = 0; i < steps; i++) {
        step(&run);
    }
    if (run.gentle) {
        heal_check(&run);
    }
    totals[0] += run.elections;
    totals[1] += run.unclean;
    totals[2] += run.acks;
    quorum_release(&run.quorum);
}
