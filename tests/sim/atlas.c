#include "tests/sim/atlas.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/node/node_internal.h"
#include "broker/partition/partition_internal.h"
#include "common/log/log_internal.h"
#include "common/log/offset_checkpoint.h"
#include "common/wire/record_batch.h"
#include "common/wire/record_batch_records.h"
#include "tests/sim/dirs.h"

static const struct meta_image *active_image(const struct cluster *cluster)
{
    int32_t active = cluster_active(cluster);
    return active < 0 ? NULL : controller_node_image(cluster->controllers[active].node);
}

/* NULL also where another one may be active that nobody has heard of. */
static const struct meta_image *sure_image(const struct cluster *cluster)
{
    return cluster_active_surely(cluster) < 0 ? NULL : active_image(cluster);
}

static const struct partition *partition_of(const struct cluster *cluster, int32_t id,
                                            struct uuid topic, int32_t index)
{
    uint32_t number = (uint32_t)(id - broker_id(0));
    if (id < broker_id(0) || number >= cluster->broker_count ||
        cluster->brokers[number].node == NULL || cluster->brokers[number].halted) {
        return NULL;
    }
    LIST_EACH(&cluster->brokers[number].node->partitions->all, node)
    {
        const struct partition *p = CONTAINER_OF(node, struct partition, node);
        if (p->index == index && uuid_eq(p->topic, topic)) {
            return p;
        }
    }
    return NULL;
}

static const struct meta_topic *topic_of(const struct cluster *cluster, const char *name)
{
    const struct meta_image *image = active_image(cluster);
    return image == NULL ? NULL : meta_topic_named(image, slice_str(name));
}

/* NULL also while its process is away. */
static const struct partition *hosted_by(const struct cluster *cluster, uint32_t broker,
                                         const char *topic, int32_t index)
{
    const struct meta_topic *found = topic_of(cluster, topic);
    return found == NULL ? NULL
                         : partition_of(cluster, broker_id(broker), meta_topic_id(found), index);
}

bool atlas_has_topic(const struct cluster *cluster, const char *name)
{
    return topic_of(cluster, name) != NULL;
}

static const struct partition *leader_of(const struct cluster *cluster, const char *topic,
                                         int32_t index)
{
    const struct meta_topic *found = topic_of(cluster, topic);
    const struct meta_partition *mp = found == NULL ? NULL : meta_partition(found, index);
    return mp == NULL ? NULL : partition_of(cluster, mp->leader, meta_topic_id(found), index);
}

int32_t atlas_leader(const struct cluster *cluster, const char *topic, int32_t index)
{
    const struct meta_topic *found = topic_of(cluster, topic);
    const struct meta_partition *mp = found == NULL ? NULL : meta_partition(found, index);
    int32_t number = mp == NULL ? -1 : mp->leader - broker_id(0);
    return number >= 0 && number < (int32_t)cluster->broker_count ? number : -1;
}

/* No checksum covers the word; the leader knows it better. */
static bool epoch_true(const struct replica *leader, const struct batch_header *header)
{
    int32_t epoch = replica_epoch_at(leader, max_i64(header->base_offset, 0));
    return epoch < 0 || epoch == header->leader_epoch;
}

/* What a power cut would leave of one segment: up to where its batches follow each other. */
static int64_t image_end(const struct image *image, int64_t next, const struct replica *leader)
{
    struct slice rest = slice_of(image->p, image->n);
    struct slice batch;
    struct batch_header header;
    while (rest.n > 0 && batch_cut(&rest, &batch) == OK &&
           batch_check(crc32c_detect(), batch, &header) == OK && header.base_offset <= next &&
           epoch_true(leader, &header)) {
        next = max_i64(next, header.base_offset + header.last_offset_delta + 1);
    }
    return next;
}

enum copy { COPY_NONE, COPY_HARMED, COPY_WHOLE };

/* Whether this machine has all that this leader has committed: on its disk for good, or as whoever reads it now is given it. */
static enum copy copy_as(struct host *host, const char *topic, int32_t index, bool for_good,
                         const struct replica *leader)
{
    struct dirs_folder found;
    const struct inode *folder = dirs_find(host, topic, index, for_good, &found) ? found.folder
                                                                                 : NULL;
    const struct names *files = folder == NULL ? NULL
                                : for_good     ? &folder->safe_names
                                               : &folder->live_names;
    int64_t next = leader->log_start;
    bool any = false;
    for (size_t i = 0; files != NULL && i < files->n; i++) {
        const struct inode *file = files->p[i].inode;
        const char *base = files->p[i].name;
        if (strlen(base) == 24 && strcmp(base + 20, ".log") == 0) {
            bool follows = strtoll(base, NULL, 10) <= next && file->odd != FAKE_READ_FAILS;
            next = follows ? image_end(for_good ? &file->safe : &file->live, next, leader) : next;
            any = true;
        }
    }
    return !any ? COPY_NONE : next >= leader->high_watermark ? COPY_WHOLE : COPY_HARMED;
}

/* Both: what has changed in memory alone costs a seat, and the folder with it. */
static enum copy copy_of(struct host *host, const char *topic, int32_t index,
                         const struct replica *leader)
{
    enum copy copy = copy_as(host, topic, index, true, leader);
    bool same = copy != COPY_WHOLE || copy_as(host, topic, index, false, leader) == COPY_WHOLE;
    return same ? copy : COPY_HARMED;
}

/* The others that the controllers count on, by what they have of what this leader has committed. */
struct others {
    uint32_t in_sync_whole;
    uint32_t harmed; /* or gone */
    uint32_t gone;
};

static struct others others_of(const struct cluster *cluster, const char *topic,
                               const struct meta_partition *mp, int32_t victim,
                               const struct replica *leader)
{
    struct others others = {0};
    for (uint32_t i = 0; i < cluster->broker_count; i++) {
        bool in_sync = meta_ids_has(&mp->isr, broker_id(i));
        if (broker_id(i) != victim && (in_sync || meta_ids_has(&mp->elr, broker_id(i)))) {
            enum copy copy = copy_of(cluster->brokers[i].host, topic, mp->index, leader);
            /* Bytes may be well again of which it has told that they are not. */
            const struct partition *p = partition_of(cluster, broker_id(i), mp->topic, mp->index);
            copy = copy == COPY_WHOLE && p != NULL && p->rotten ? COPY_HARMED : copy;
            others.in_sync_whole += in_sync && copy == COPY_WHOLE;
            others.harmed += copy != COPY_WHOLE;
            others.gone += copy == COPY_NONE;
        }
    }
    return others;
}

/* What administrators have said. */
static struct slice setting_said(const struct meta_image *image, const struct meta_topic *topic,
                                 const char *key)
{
    struct slice name = meta_topic_name(topic);
    struct slice value = meta_config_value(image, META_RESOURCE_TOPIC, name, slice_str(key));
    if (value.p == NULL) {
        value = meta_config_value(image, META_RESOURCE_BROKER, slice_of("", 0), slice_str(key));
    }
    return value;
}

struct slice atlas_setting(const struct meta_image *image, const struct meta_topic *topic,
                           const char *key)
{
    struct slice value = setting_said(image, topic, key);
    if (value.p == NULL) {
        value = meta_config_value(image, META_RESOURCE_FILES, slice_of("", 0), slice_str(key));
    }
    return value;
}

uint32_t atlas_image_min_isr(const struct meta_image *image, const struct meta_topic *topic)
{
    struct slice text = atlas_setting(image, topic, "min.insync.replicas");
    uint32_t min = 0;
    for (size_t i = 0; i < text.n; i++) {
        min = min * 10 + (uint32_t)(text.p[i] - '0');
    }
    return min;
}

/* What holds as long as no administrator says otherwise, whoever of the controllers takes over: where nothing is set, its file's
 * min.insync.replicas is everybody's then. A leader may not have heard yet of what is committed. */
static int32_t least_min_isr(const struct cluster *cluster, const struct meta_image *image,
                             const struct meta_topic *topic, const struct replica *leader)
{
    int32_t least = leader->view.min_isr;
    int32_t told = (int32_t)atlas_image_min_isr(image, topic);
    least = told > 0 && told < least ? told : least;
    bool said = setting_said(image, topic, "min.insync.replicas").p != NULL;
    for (uint32_t i = 0; i < cluster->controller_count && !said; i++) {
        int32_t own = cluster->controllers[i].tuning.min_isr;
        own = own > 0 ? own : (int32_t)config_int(&cluster->config, CONFIG_MIN_ISR);
        least = own < least ? own : least;
    }
    return least;
}

/* A change of it that is decided and not committed may take somebody's seat, and soon. */
static bool changes(const struct cluster *cluster, const struct meta_partition *mp)
{
    const struct sim_controller *active = &cluster->controllers[cluster_active(cluster)];
    const struct meta_image *newest = controller_newest(controller_node_state(active->node));
    const struct meta_topic *topic = meta_topic(newest, mp->topic);
    const struct meta_partition *next = topic == NULL ? NULL : meta_partition(topic, mp->index);
    return next == NULL || next->partition_epoch != mp->partition_epoch;
}

/* It is not fenced, or has a process that may be unfenced by what it has said: its leader may take it in by what it has fetched,
 * though it is dead by then and its disk empty. */
static bool may_join(const struct cluster *cluster, int32_t id)
{
    const struct sim_broker *broker = &cluster->brokers[id - broker_id(0)];
    const struct sim_controller *active = &cluster->controllers[cluster_active(cluster)];
    const struct meta_image *newest = controller_newest(controller_node_state(active->node));
    const struct meta_broker *known = meta_broker(newest, id);
    return broker->node != NULL || (known != NULL && !known->fenced);
}

static bool spares(const struct cluster *cluster, const struct meta_topic *topic,
                   const struct meta_partition *mp, int32_t victim, enum atlas_harm harm)
{
    char name[128];
    struct slice text = meta_topic_name(topic);
    (void)snprintf(name, sizeof(name), "%.*s", (int)text.n, (const char *)text.p);
    const struct partition *leader = partition_of(cluster, mp->leader, meta_topic_id(topic),
                                                  mp->index);
    if (changes(cluster, mp)) {
        return false;
    }
    if (leader == NULL || leader->state != PARTITION_OPEN || leader->core.role != REPLICA_LEADER) {
        return false;
    }
    const struct replica *core = &leader->core;
    if (core->high_watermark == 0) {
        return false; /* nothing shows who has it */
    }
    if (core->view.leader_epoch != mp->leader_epoch ||
        core->high_watermark < core->leading.epoch_start ||
        core->leading.isr_state != ISR_SETTLED) {
        return false;
    }
    /* Where one in sync is enough, the others may be taken out before anybody knows that its disk is empty. */
    bool seated = meta_partition_seats(mp, victim);
    bool counts = seated || may_join(cluster, victim);
    int32_t min = least_min_isr(cluster, sure_image(cluster), topic, core);
    if ((harm == ATLAS_LOSS ? counts : seated) && min < 2) {
        return false;
    }
    struct others others = others_of(cluster, name, mp, victim, core);
    if ((harm == ATLAS_LOSS || others.gone > 0) && others.harmed + counts >= (uint32_t)min) {
        return false;
    }
    return others.in_sync_whole > 0;
}

static bool hosts(const struct meta_partition *mp, int32_t id)
{
    for (uint32_t i = 0; i < mp->replica_count; i++) {
        if (mp->replicas[i].broker == id) {
            return true;
        }
    }
    return false;
}

bool atlas_spares_broker(const struct cluster *cluster, uint32_t broker)
{
    const struct meta_image *image = sure_image(cluster);
    struct slice after = {0};
    if (image == NULL) {
        return false;
    }
    for (const struct meta_topic *topic = meta_topic_next(image, after); topic != NULL;
         topic = meta_topic_next(image, meta_topic_name(topic))) {
        for (int32_t i = 0; i < (int32_t)meta_topic_partitions(topic); i++) {
            const struct meta_partition *mp = meta_partition(topic, i);
            if (hosts(mp, broker_id(broker)) &&
                !spares(cluster, topic, mp, broker_id(broker), ATLAS_LOSS)) {
                return false;
            }
        }
    }
    return true;
}

bool atlas_spares(const struct cluster *cluster, uint32_t broker, const char *topic, int32_t index,
                  enum atlas_harm harm)
{
    const struct meta_topic *found = topic_of(cluster, topic);
    const struct meta_partition *mp = found == NULL ? NULL : meta_partition(found, index);
    return mp != NULL && sure_image(cluster) != NULL &&
           spares(cluster, found, mp, broker_id(broker), harm);
}

int64_t atlas_checkpoint(struct host *host, const char *file, const char *topic, int32_t index)
{
    struct dirs_folder found;
    if (!dirs_find(host, topic, index, false, &found)) {
        return 0;
    }
    const struct inode *safe = names_get(&found.dir->safe_names, file);
    const struct inode *live = names_get(&found.dir->live_names, file);
    struct arena arena;
    struct offset_line *lines = NULL;
    size_t count = 0;
    int64_t point = 0;
    if (safe == NULL || safe != live) {
        return 0;
    }
    arena_init(&arena, memory_source(host), 4096, 1 << 20);
    err_t err = offset_checkpoint_decode(slice_of(safe->safe.p, safe->safe.n), &arena, &lines,
                                         &count);
    for (size_t i = 0; err == OK && i < count; i++) {
        bool same = slice_eq(lines[i].topic, slice_str(topic)) && lines[i].partition == index;
        point = same ? lines[i].offset : point;
    }
    arena_release(&arena);
    return point;
}

int64_t atlas_proven(const struct cluster *cluster, uint32_t broker, const char *topic,
                     int32_t index)
{
    const struct partition *p = hosted_by(cluster, broker, topic, index);
    int64_t point = atlas_checkpoint(cluster->brokers[broker].host, RECOVERY_POINT_FILE, topic,
                                     index);
    return p == NULL ? point : min_i64(point, p->saved_point);
}

int32_t atlas_min_isr(const struct cluster *cluster, const char *topic, int32_t index)
{
    const struct partition *leader = leader_of(cluster, topic, index);
    return leader == NULL ? 0 : leader->core.view.min_isr;
}

bool atlas_spares_controller(const struct cluster *cluster, uint32_t controller)
{
    int32_t active = cluster_active_surely(cluster);
    const struct raft *raft = active < 0 ? NULL
                                         : controller_node_raft(cluster->controllers[active].node);
    if (raft == NULL || cluster->controller_count < 3 || active == (int32_t)controller ||
        raft_voters_now(raft)->count < cluster->controller_count) {
        return false;
    }
    uint32_t others = 0;
    uint32_t whole = 0; /* of them: with all that there is on disk */
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        bool runs = i != controller && cluster->controllers[i].node != NULL &&
                    !cluster->controllers[i].halted;
        const struct raft *other = runs ? controller_node_raft(cluster->controllers[i].node) : NULL;
        others += runs;
        /* By its entry there: another one may be there still, of a leader that nobody followed. */
        whole += other != NULL && other->durable >= raft->log.last &&
                 raft_term_at(other, raft->log.last) == raft_term_at(raft, raft->log.last);
    }
    /* All have been there, and a majority keeps what is committed, and what will be by an answer of this one that is under way. */
    return others + 1 == cluster->controller_count && whole > cluster->controller_count / 2;
}

bool atlas_held_by(const struct cluster *cluster, uint32_t broker, const char *topic, int32_t index,
                   uint32_t brokers)
{
    const struct meta_topic *found = topic_of(cluster, topic);
    const struct meta_partition *mp = found == NULL ? NULL : meta_partition(found, index);
    uint32_t holders = 0;
    for (uint32_t i = 0; i < cluster->broker_count && mp != NULL; i++) {
        bool has = meta_partition_seats(mp, broker_id(i));
        holders |= has ? 1U << i : 0;
    }
    return (holders & (brokers | 1U << broker)) == 1U << broker;
}

bool atlas_refused_by(const struct cluster *cluster, uint32_t broker, const char *topic,
                      int32_t index)
{
    const struct partition *p = hosted_by(cluster, broker, topic, index);
    return p != NULL && p->state == PARTITION_OFFLINE && p->rotten;
}

bool atlas_in_hand(const struct cluster *cluster, uint32_t broker, const char *topic, int32_t index,
                   int64_t base)
{
    const struct partition *p = hosted_by(cluster, broker, topic, index);
    bool held = false;
    for (uint32_t i = 0; p != NULL && p->log != NULL && i < p->log->count; i++) {
        const struct log_segment *segment = p->log->segments[i];
        held = held || (segment->base == base && segment->file != NULL &&
                        atomic_load(&segment->file->references) > 1);
    }
    return held;
}

bool atlas_committed(const struct cluster *cluster, const char *topic, int32_t index,
                     int64_t *ret_from, int64_t *ret_to)
{
    const struct partition *leader = leader_of(cluster, topic, index);
    if (leader == NULL || leader->state != PARTITION_OPEN) {
        return false;
    }
    *ret_from = leader->core.log_start;
    *ret_to = leader->core.high_watermark;
    return true;
}

static bool has_core(const struct meta_partition *mp, uint32_t brokers, int32_t *ret_helps)
{
    bool found = false;
    *ret_helps = -1;
    for (uint32_t i = 0; i < mp->isr.count + mp->elr.count; i++) {
        int32_t id = i < mp->isr.count ? mp->isr.id[i] : mp->elr.id[i - mp->isr.count];
        uint32_t number = (uint32_t)(id - broker_id(0));
        found = found || (brokers >> number & 1) != 0;
        *ret_helps = (int32_t)number;
    }
    return found || *ret_helps < 0; /* nobody may lead: no more brokers help */
}

int32_t atlas_core_lacks(const struct cluster *cluster, uint32_t brokers)
{
    const struct meta_image *image = active_image(cluster);
    struct slice after = {0};
    int32_t helps = -1;
    const struct meta_topic *topic = image == NULL ? NULL : meta_topic_next(image, after);
    for (; topic != NULL; topic = meta_topic_next(image, meta_topic_name(topic))) {
        for (int32_t i = 0; i < (int32_t)meta_topic_partitions(topic); i++) {
            if (!has_core(meta_partition(topic, i), brokers, &helps)) {
                return helps;
            }
        }
    }
    return -1;
}
