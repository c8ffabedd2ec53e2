#include "tests/sim/atlas.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/node/node_internal.h"
#include "broker/partition/partition_internal.h"
#include "common/log/log_internal.h"
#include "common/log/offset_checkpoint.h"
#include "common/wire/record_batch.h"
#include "common/wire/record_batch_records.h"
#include "tests/lib/fake_disk_internal.h"

static const struct meta_image *active_image(const struct cluster *cluster)
{
    int32_t active = cluster_active(cluster);
    return active < 0 ? NULL : controller_node_image(cluster->controllers[active].node);
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

/* Whether this machine's disk has for good all that this leader has committed. */
static enum copy copy_of(struct host *host, const char *topic, int32_t index,
                         const struct replica *leader)
{
    char name[192];
    (void)snprintf(name, sizeof(name), "%s-%d", topic, index);
    const struct inode *data = tree_find(host, "/data");
    const struct inode *folder = data == NULL ? NULL : names_get(&data->safe_names, name);
    int64_t next = leader->log_start;
    bool any = false;
    for (size_t i = 0; folder != NULL && i < folder->safe_names.n; i++) {
        const struct entry *entry = &folder->safe_names.p[i];
        size_t n = strlen(entry->name);
        if (n == 24 && strcmp(entry->name + 20, ".log") == 0) {
            bool follows = strtoll(entry->name, NULL, 10) <= next;
            follows = follows && entry->inode->odd != FAKE_READ_FAILS;
            next = follows ? image_end(&entry->inode->safe, next, leader) : next;
            any = true;
        }
    }
    return !any ? COPY_NONE : next >= leader->high_watermark ? COPY_WHOLE : COPY_HARMED;
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
            others.in_sync_whole += in_sync && copy == COPY_WHOLE;
            others.harmed += copy != COPY_WHOLE;
            others.gone += copy == COPY_NONE;
        }
    }
    return others;
}

static bool spares(const struct cluster *cluster, const struct meta_topic *topic,
                   const struct meta_partition *mp, int32_t victim, enum atlas_harm harm)
{
    char name[128];
    struct slice text = meta_topic_name(topic);
    (void)snprintf(name, sizeof(name), "%.*s", (int)text.n, (const char *)text.p);
    const struct partition *leader = partition_of(cluster, mp->leader, meta_topic_id(topic),
                                                  mp->index);
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
    bool counts = meta_ids_has(&mp->isr, victim) || meta_ids_has(&mp->elr, victim);
    if (counts && core->view.min_isr < 2) {
        return false;
    }
    struct others others = others_of(cluster, name, mp, victim, core);
    if ((harm == ATLAS_LOSS || others.gone > 0) &&
        others.harmed + counts >= (uint32_t)core->view.min_isr) {
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
    const struct meta_image *image = active_image(cluster);
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
    return mp != NULL && spares(cluster, found, mp, broker_id(broker), harm);
}

int64_t atlas_checkpoint(struct host *host, const char *file, const char *topic, int32_t index)
{
    const struct inode *data = tree_find(host, "/data");
    const struct inode *safe = data == NULL ? NULL : names_get(&data->safe_names, file);
    const struct inode *live = data == NULL ? NULL : names_get(&data->live_names, file);
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

int32_t atlas_min_isr(const struct cluster *cluster, const char *topic, int32_t index)
{
    const struct partition *leader = leader_of(cluster, topic, index);
    return leader == NULL ? 0 : leader->core.view.min_isr;
}

bool atlas_spares_controller(const struct cluster *cluster, uint32_t controller)
{
    int32_t active = cluster_active(cluster);
    const struct raft *raft = active < 0 ? NULL
                                         : controller_node_raft(cluster->controllers[active].node);
    if (raft == NULL || cluster->controller_count < 3 || active == (int32_t)controller ||
        raft_voters_now(raft)->count < cluster->controller_count) {
        return false;
    }
    uint32_t others = 0;
    uint32_t whole = 0; /* of them: with all that is committed on disk */
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        bool runs = i != controller && cluster->controllers[i].node != NULL &&
                    !cluster->controllers[i].halted;
        const struct raft *other = runs ? controller_node_raft(cluster->controllers[i].node) : NULL;
        others += runs;
        whole += other != NULL && other->durable >= raft->commit;
    }
    /* All have been there, and a majority keeps what is committed. */
    return others + 1 == cluster->controller_count && whole > cluster->controller_count / 2;
}

bool atlas_held_by(const struct cluster *cluster, uint32_t broker, const char *topic, int32_t index,
                   uint32_t brokers)
{
    const struct meta_topic *found = topic_of(cluster, topic);
    const struct meta_partition *mp = found == NULL ? NULL : meta_partition(found, index);
    uint32_t holders = 0;
    for (uint32_t i = 0; i < cluster->broker_count && mp != NULL; i++) {
        bool has = meta_ids_has(&mp->isr, broker_id(i)) || meta_ids_has(&mp->elr, broker_id(i));
        holders |= has ? 1U << i : 0;
    }
    return (holders & (brokers | 1U << broker)) == 1U << broker;
}

bool atlas_refused_by(const struct cluster *cluster, uint32_t broker, const char *topic,
                      int32_t index)
{
    const struct meta_topic *found = topic_of(cluster, topic);
    const struct partition *p = found == NULL ? NULL
                                              : partition_of(cluster, broker_id(broker),
                                                             meta_topic_id(found), index);
    return p != NULL && p->state == PARTITION_OFFLINE && p->rotten;
}

bool atlas_in_hand(const struct cluster *cluster, uint32_t broker, const char *topic, int32_t index,
                   int64_t base)
{
    const struct meta_topic *found = topic_of(cluster, topic);
    const struct partition *p = found == NULL ? NULL
                                              : partition_of(cluster, broker_id(broker),
                                                             meta_topic_id(found), index);
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
