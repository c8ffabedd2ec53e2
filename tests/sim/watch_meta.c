/*
 * The algebra of the metadata, on the newest image that any node has (reliability rules on ISR, ELR and epochs; KIP-966): what
 * must hold in one image, and what may lie between it and the one before.
 */
#include <stdlib.h>

#include "broker/meta/control_internal.h"
#include "broker/node/node_internal.h"
#include "broker/partition/partition_internal.h"
#include "tests/sim/atlas.h"
#include "tests/sim/internal.h"
#include "tests/sim/sessions.h"
#include "tests/sim/watch.h"

#define MIN_ISR_SETTLES_US INT64_C(15000000)
#define COMMITTED          8 /* in-sync sets of a partition that are remembered */

struct watch_meta {
    int64_t offset; /* of the newest that was looked at */
    bool next;      /* that follows the one that was looked at before */
    struct known {
        bool used;
        int64_t leader_broker_epoch; /* of the epoch's leader; -1: none */
        bool fickle;                 /* its durability was set */
        uint32_t min_isr;
        time_us min_isr_at; /* since when */
        struct meta_partition last;
        struct {
            int32_t partition_epoch;
            struct meta_ids isr;
        } committed[COMMITTED]; /* by partition epoch */
        struct proof {
            bool told;   /* the image says now that all it has is on disk */
            int64_t end; /* what it had when acknowledgements promised no disk yet; -1: not known */
            int32_t leader_epoch; /* then */
            int64_t broker_epoch;
        } proofs[BROKERS_MAX];
    } partitions[WATCH_PARTITIONS];
    int64_t broker_epoch[BROKERS_MAX];
    int64_t epoch_before[BROKERS_MAX]; /* in the image before */
    struct uuid dirs[BROKERS_MAX][LOG_DIRS_MAX];
    uint32_t dir_count[BROKERS_MAX];
    bool fenced[BROKERS_MAX];
    uint32_t boots[BROKERS_MAX];  /* of its machine, when it registered */
    bool lost_power[BROKERS_MAX]; /* between the registration before and that of this image */
    struct broker_session sessions[CONTROLLERS_MAX][BROKERS_MAX]; /* as they were seen last */
    int64_t dirs_since[BROKERS_MAX];       /* the epoch of the first registration with them */
    int64_t epoch_in_session[BROKERS_MAX]; /* of a registration that came while it lasted */
};

struct watch_meta *watch_meta_open(void)
{
    struct watch_meta *meta = calloc(1, sizeof(*meta));
    assert(meta != NULL);
    meta->offset = -1;
    return meta;
}

void watch_meta_close(struct watch_meta *meta)
{
    free(meta);
}

/* What is looked at. */
struct look {
    struct watch *watch;
    const struct meta_image *image;
    const struct meta_topic *topic;
    const struct meta_partition *now;
};

static void wrong(const struct look *look, const char *what, int64_t number)
{
    struct slice name = meta_topic_name(look->topic);
    const struct meta_partition *p = look->now;
    watch_wrong(
        look->watch,
        "metadata %lld, %.*s-%d (leader %d epoch %d, partition epoch %d, %u in sync, %u eligible): %s"
        " (%lld)",
        (long long)meta_offset(look->image), (int)name.n, (const char *)name.p, p->index, p->leader,
        p->leader_epoch, p->partition_epoch, p->isr.count, p->elr.count, what, (long long)number);
}

/* ---- one image ---- */

static struct slice setting(const struct look *look, const char *key)
{
    return atlas_setting(look->image, look->topic, key);
}

/* 0: not said in the image. */
static uint32_t min_isr(const struct look *look)
{
    uint32_t min = atlas_image_min_isr(look->image, look->topic);
    return min < look->now->replica_count ? min : look->now->replica_count;
}

static bool has_replica(const struct meta_partition *p, int32_t broker)
{
    for (uint32_t i = 0; i < p->replica_count; i++) {
        if (p->replicas[i].broker == broker) {
            return true;
        }
    }
    return false;
}

static void sets_look(const struct look *look)
{
    const struct meta_partition *p = look->now;
    for (uint32_t i = 0; i < p->isr.count; i++) {
        const struct meta_broker *broker = meta_broker(look->image, p->isr.id[i]);
        if (!has_replica(p, p->isr.id[i])) {
            wrong(look, "in sync and no replica", p->isr.id[i]);
        } else if (broker == NULL || broker->fenced) {
            wrong(look, "in sync and fenced", p->isr.id[i]);
        } else if (meta_ids_has(&p->elr, p->isr.id[i])) {
            wrong(look, "in sync and eligible besides", p->isr.id[i]);
        }
    }
    for (uint32_t i = 0; i < p->elr.count; i++) {
        if (!has_replica(p, p->elr.id[i])) {
            wrong(look, "eligible and no replica", p->elr.id[i]);
        }
    }
    if ((p->leader == META_NO_BROKER) != (p->isr.count == 0) ||
        (p->leader != META_NO_BROKER && !meta_ids_has(&p->isr, p->leader))) {
        wrong(look, "the leader is not in sync", p->leader);
    }
    uint32_t min = min_isr(look);
    if (min > 0 && p->isr.count >= min && p->elr.count > 0) {
        wrong(look, "enough are in sync, and others are eligible still; needed", min);
    }
}

/* ---- from one image to the next ---- */

static bool same_but_epochs(const struct meta_partition *a, const struct meta_partition *b)
{
    return a->leader == b->leader && a->leader_epoch == b->leader_epoch &&
           a->isr.count == b->isr.count && a->elr.count == b->elr.count &&
           memcmp(a->isr.id, b->isr.id, a->isr.count * sizeof(a->isr.id[0])) == 0 &&
           memcmp(a->elr.id, b->elr.id, a->elr.count * sizeof(a->elr.id[0])) == 0;
}

/* One change of the record lies between them. */
static void election_look(const struct look *look, const struct meta_partition *before)
{
    const struct meta_partition *p = look->now;
    bool unclean = slice_eq(setting(look, "unclean.leader.election.enable"), slice_str("true"));
    if (p->leader == META_NO_BROKER || p->leader == before->leader || unclean) {
        return;
    }
    if (!meta_ids_has(&before->isr, p->leader) && !meta_ids_has(&before->elr, p->leader)) {
        wrong(look, "elected, and was neither in sync nor eligible", p->leader);
    }
}

/* Whether this member of the set before still is the same incarnation on the same directory. */
static bool seat_kept(const struct look *look, const struct meta_partition *before, int32_t id)
{
    const struct meta_broker *broker = meta_broker(look->image, id);
    int32_t number = id - broker_id(0);
    if (broker == NULL || number < 0 || number >= BROKERS_MAX ||
        broker->epoch != look->watch->meta->epoch_before[number]) {
        return false;
    }
    const struct meta_replica *replica = meta_partition_replica(look->now, id);
    const struct meta_replica *was = meta_partition_replica(before, id);
    bool online = false;
    for (uint32_t i = 0; replica != NULL && i < broker->dir_count; i++) {
        online = online || uuid_eq(broker->dirs[i], replica->dir);
    }
    return online && was != NULL && uuid_eq(was->dir, replica->dir);
}

/* Below min.insync.replicas whoever leaves the in-sync set stays eligible: the high watermark stands still without it. A leader
 * that does not know a new minimum yet asks by the old one; and the minimum that it left under may have held between two images
 * only, where nobody has shown those that lie between them (seed 30278: 2, 1, 3). */
static void leaving_look(const struct look *look, const struct known *known)
{
    const struct meta_partition *before = &known->last;
    const struct meta_partition *p = look->now;
    bool unclean = slice_eq(setting(look, "unclean.leader.election.enable"), slice_str("true"));
    time_us settled = world_now_us(look->watch->cluster->world) - known->min_isr_at;
    uint32_t least = min_isr(look); /* may have changed on the way from one image to the other */
    least = known->min_isr < least ? known->min_isr : least;
    bool unseen = look->watch->settings_move && !look->watch->meta->next;
    if (unclean || p->isr.count >= least || settled < MIN_ISR_SETTLES_US || unseen) {
        return;
    }
    for (uint32_t i = 0; i < before->isr.count; i++) {
        int32_t id = before->isr.id[i];
        if (!meta_ids_has(&p->isr, id) && !meta_ids_has(&p->elr, id) &&
            seat_kept(look, before, id)) {
            wrong(look, "left a small in-sync set and is not eligible", id);
        }
    }
}

/* Where nobody promised disks, a power cut takes the seat. */
static void power_look(const struct look *look, const struct meta_partition *before)
{
    const struct meta_partition *p = look->now;
    for (uint32_t i = 0; i < p->replica_count; i++) {
        int32_t id = p->replicas[i].broker;
        int32_t number = id - broker_id(0);
        bool had = meta_partition_seats(before, id);
        bool has = meta_partition_seats(p, id);
        if (number >= 0 && number < BROKERS_MAX && look->watch->meta->lost_power[number] && had &&
            has && !p->replicas[i].synced && !before->replicas[i].synced &&
            p->partition_epoch <= before->partition_epoch + 1) {
            wrong(look, "keeps its seat through a power cut, and nobody has synced it", id);
        }
    }
}

/* Who says that all it has is on disk, from now on keeps its seat through a power cut. */
static void proofs_look(const struct look *look, struct known *known)
{
    const struct meta_partition *p = look->now;
    for (uint32_t i = 0; i < p->replica_count; i++) {
        const struct meta_replica *was = meta_partition_replica(&known->last,
                                                                p->replicas[i].broker);
        int32_t number = p->replicas[i].broker - broker_id(0);
        if (number >= 0 && number < BROKERS_MAX) {
            known->proofs[number].told |= p->replicas[i].synced && was != NULL && !was->synced;
        }
    }
}

static void change_look(const struct look *look, struct known *known)
{
    const struct meta_partition *before = &known->last;
    const struct meta_partition *p = look->now;
    if (p->leader_epoch < before->leader_epoch || p->partition_epoch < before->partition_epoch) {
        wrong(look, "an epoch went back; the leader epoch was", before->leader_epoch);
    }
    if (p->leader != before->leader && p->leader_epoch == before->leader_epoch) {
        wrong(look, "another leader in the same epoch; it was", before->leader);
    }
    if (p->partition_epoch == before->partition_epoch && !same_but_epochs(p, before)) {
        wrong(look, "changed within one partition epoch", before->partition_epoch);
    }
    power_look(look, before);
    proofs_look(look, known);
    look->watch->isr_changes += before->isr.count != p->isr.count ||
                                memcmp(before->isr.id, p->isr.id,
                                       p->isr.count * sizeof(p->isr.id[0])) != 0;
    if (p->partition_epoch == before->partition_epoch + 1) {
        election_look(look, before);
        leaving_look(look, known);
    }
}

static struct known *known_slot(struct watch_meta *meta, struct uuid topic, int32_t index)
{
    uint64_t hash = watch_hash(topic, (uint32_t)index);
    for (uint32_t i = 0; i < WATCH_PARTITIONS; i++) {
        struct known *known = &meta->partitions[(hash + i) % WATCH_PARTITIONS];
        if (!known->used || (known->last.index == index && uuid_eq(known->last.topic, topic))) {
            return known;
        }
    }
    return NULL;
}

static void partition_look(const struct look *look)
{
    const struct meta_partition *p = look->now;
    struct known *known = known_slot(look->watch->meta, p->topic, p->index);
    const struct meta_broker *leader = p->leader == META_NO_BROKER
                                           ? NULL
                                           : meta_broker(look->image, p->leader);
    int64_t epoch = leader == NULL ? -1 : leader->epoch;
    sets_look(look);
    if (known == NULL) {
        return;
    }
    if (known->used) {
        change_look(look, known);
        if (p->leader_epoch == known->last.leader_epoch && epoch != known->leader_broker_epoch) {
            wrong(look, "two incarnations lead one epoch; the first was",
                  known->leader_broker_epoch);
        }
    }
    if (!known->used || known->min_isr != min_isr(look)) {
        known->min_isr = min_isr(look);
        known->min_isr_at = world_now_us(look->watch->cluster->world);
    }
    struct slice name = meta_topic_name(look->topic);
    struct slice durability = meta_config_value(look->image, META_RESOURCE_TOPIC, name,
                                                slice_str("durability"));
    known->fickle = known->fickle || durability.p != NULL;
    for (uint32_t i = 0; i < BROKERS_MAX && !known->used; i++) {
        known->proofs[i].end = -1;
    }
    known->used = true;
    known->leader_broker_epoch = epoch;
    known->last = *p;
    known->committed[p->partition_epoch % COMMITTED].partition_epoch = p->partition_epoch;
    known->committed[p->partition_epoch % COMMITTED].isr = p->isr;
}

/* An active controller takes a broker's registration, committed or not: does the session before last, even now? */
static void session_look(struct watch_meta *meta, uint32_t number, struct broker_session *known,
                         struct broker_session session, time_ms now)
{
    if (known->broker_epoch > 0 && session.broker_epoch != known->broker_epoch &&
        known->end > now) {
        meta->epoch_in_session[number] = session.broker_epoch;
    }
    *known = session;
}

void watch_meta_sessions(struct watch *watch)
{
    struct cluster *cluster = watch->cluster;
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        const struct sim_controller *c = &cluster->controllers[i];
        if (c->node == NULL || !controller_node_active(c->node)) {
            memset(watch->meta->sessions[i], 0, sizeof(watch->meta->sessions[i]));
            continue;
        }
        time_ms now = machine_now(fake_machine_of(c->host)) / 1000;
        for (uint32_t j = 0; j < cluster->broker_count; j++) {
            session_look(watch->meta, j, &watch->meta->sessions[i][j],
                         broker_session(controller_node_state(c->node), broker_id(j)), now);
        }
    }
}

/* Another machine, or another disk, takes no id over from a broker that is not fenced and whose session lasts: it may still
 * work. A session that is over may be so for a moment before its broker is fenced for it. */
static void dirs_look(struct watch *watch, const struct meta_broker *b, uint32_t number)
{
    struct watch_meta *meta = watch->meta;
    uint32_t shared = 0;
    for (uint32_t i = 0; i < b->dir_count; i++) {
        for (uint32_t j = 0; j < meta->dir_count[number]; j++) {
            shared += uuid_eq(b->dirs[i], meta->dirs[number][j]);
        }
    }
    /* Behind images that nobody saw it may have been fenced. */
    if (meta->next && b->epoch != meta->broker_epoch[number] && meta->broker_epoch[number] > 0 &&
        shared == 0 && !meta->fenced[number] && b->epoch == meta->epoch_in_session[number]) {
        watch_wrong(watch, "broker %d registers with other directories, and was not fenced before",
                    b->id);
    }
    meta->dirs_since[number] = shared == 0 ? b->epoch : meta->dirs_since[number];
    memcpy(meta->dirs[number], b->dirs, b->dir_count * sizeof(b->dirs[0]));
    meta->dir_count[number] = b->dir_count;
}

/* What is registered may be an earlier process, in an image that nobody could show before: its machine has lost power since. */
static bool runs_here(const struct sim_broker *broker, const struct meta_broker *registered)
{
    return broker->node != NULL && broker->node->control != NULL &&
           uuid_eq(broker->node->control->incarnation, registered->incarnation);
}

static void brokers_look(struct watch *watch, const struct meta_image *image)
{
    for (const struct meta_broker *b = meta_broker_next(image, -1); b != NULL;
         b = meta_broker_next(image, b->id)) {
        int32_t number = b->id - broker_id(0);
        if (number < 0 || number >= BROKERS_MAX) {
            continue;
        }
        int64_t *known = &watch->meta->broker_epoch[number];
        dirs_look(watch, b, (uint32_t)number);
        if (b->epoch < *known) {
            watch_wrong(watch, "metadata %lld: the epoch of broker %d went back from %lld to %lld",
                        (long long)meta_offset(image), b->id, (long long)*known,
                        (long long)b->epoch);
        }
        bool fresh = b->epoch != *known;
        bool here = runs_here(&watch->cluster->brokers[number], b);
        const struct sim_broker *broker = &watch->cluster->brokers[number];
        uint32_t boots = fake_machine_of(broker->host)->boots;
        watch->meta->lost_power[number] = fresh && here && *known > 0 && !broker->ended_well &&
                                          boots != watch->meta->boots[number];
        watch->meta->boots[number] = fresh ? boots : watch->meta->boots[number];
        watch->meta->epoch_before[number] = *known;
        *known = b->epoch;
        if (watch->calm && !fresh && b->fenced && !watch->meta->fenced[number] &&
            !b->shutting_down) {
            watch_wrong(watch, "metadata %lld: broker %d is fenced, and nothing has happened to it",
                        (long long)meta_offset(image), b->id);
        }
        watch->meta->fenced[number] = b->fenced;
        watch->cluster->emptied &= fresh ? ~(1U << number) : UINT32_MAX;
        watch->cluster->unheard &= here && !b->fenced ? ~(1U << number) : UINT32_MAX;
    }
}

void watch_meta_look(struct watch *watch, const struct meta_image *image)
{
    struct slice after = {0};
    if (meta_offset(image) <= watch->meta->offset) {
        return;
    }
    watch->meta->next = meta_offset(image) == watch->meta->offset + 1;
    watch->meta->offset = meta_offset(image);
    brokers_look(watch, image);
    for (const struct meta_topic *topic = meta_topic_next(image, after); topic != NULL;
         topic = meta_topic_next(image, meta_topic_name(topic))) {
        for (int32_t i = 0; i < (int32_t)meta_topic_partitions(topic); i++) {
            struct look look = {watch, image, topic, meta_partition(topic, i)};
            partition_look(&look);
        }
    }
}

const struct meta_ids *watch_meta_isr(const struct watch *watch, struct uuid topic, int32_t index,
                                      int32_t partition_epoch)
{
    const struct known *known = known_slot(watch->meta, topic, index);
    uint32_t slot = (uint32_t)partition_epoch % COMMITTED;
    if (known == NULL || !known->used || known->committed[slot].isr.count == 0 ||
        known->committed[slot].partition_epoch != partition_epoch) {
        return NULL;
    }
    return &known->committed[slot].isr;
}

bool watch_meta_other_disk(const struct watch *watch, uint32_t number, int64_t broker_epoch)
{
    return broker_epoch < watch->meta->dirs_since[number];
}

bool watch_meta_fickle(const struct watch *watch, struct uuid topic, int32_t index)
{
    const struct known *known = known_slot(watch->meta, topic, index);
    return known != NULL && known->used && known->fickle;
}

void watch_meta_replica(struct watch *watch, const struct partition *p, uint32_t broker)
{
    struct known *known = known_slot(watch->meta, p->topic, p->index);
    const struct replica *core = &p->core;
    if (known == NULL || !known->used || !known->fickle || core->role == REPLICA_LOADING) {
        return;
    }
    struct proof *proof = &known->proofs[broker];
    bool same = proof->leader_epoch == core->view.leader_epoch &&
                proof->broker_epoch == core->view.self_broker_epoch &&
                core->log_end >= proof->end; /* else it may have been cut, and gone on */
    if (core->view.durability != REPLICA_DISK) {
        bool empty = core->log_end ==
                     core->log_start; /* which may begin anew where its leader's batch does */
        *proof = (struct proof){.end = empty ? -1 : core->log_end,
                                .leader_epoch = core->view.leader_epoch,
                                .broker_epoch = core->view.self_broker_epoch};
        return;
    }
    proof->end = same ? proof->end : -1;
    if (proof->told && core->durable_end < proof->end) {
        watch_wrong(watch,
                    "%s-%d: broker %u told that all is on disk; it had %lld, and has %lld there",
                    p->name, p->index, broker, (long long)proof->end, (long long)core->durable_end);
    }
    proof->told = false;
}
