#include "tests/sim/watch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/node/node_internal.h"
#include "broker/partition/partition_internal.h"
#include "common/base/bytes.h"
#include "common/log/offset_checkpoint.h"
#include "common/wire/record_batch.h"
#include "controller/node/quorum_internal.h"
#include "tests/sim/atlas.h"
#include "tests/sim/dirs.h"

#define HASH_EVERY    4  /* offsets of the metadata at which all images are compared */
#define LAST_DELTA_AT 23 /* of a batch: its last offset, counted from its first */

void watch_open(struct watch *watch, struct cluster *cluster)
{
    *watch = (struct watch){.cluster = cluster};
    watch->epochs = calloc(WATCH_EPOCHS, sizeof(watch->epochs[0]));
    watch->images = calloc(WATCH_IMAGES, sizeof(watch->images[0]));
    watch->entries = calloc(WATCH_IMAGES, sizeof(watch->entries[0]));
    watch->meta = watch_meta_open();
    assert(watch->epochs != NULL && watch->images != NULL && watch->entries != NULL);
}

void watch_close(struct watch *watch)
{
    free(watch->epochs);
    free(watch->images);
    free(watch->entries);
    watch_meta_close(watch->meta);
}

void watch_wrong(struct watch *watch, const char *format, ...)
{
    if (watch->wrong[0] == '\0') {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(watch->wrong, sizeof(watch->wrong), format, args);
        va_end(args);
    }
}

/* ---- leaders ---- */

static struct watch_epoch *epoch_slot(struct watch *watch, const struct partition *p, int32_t epoch)
{
    uint64_t hash = watch_hash(p->topic, (uint64_t)p->index << 32 | (uint32_t)epoch);
    for (uint32_t i = 0; i < WATCH_EPOCHS; i++) {
        struct watch_epoch *slot = &watch->epochs[(hash + i) % WATCH_EPOCHS];
        if (slot->leader == 0 ||
            (slot->epoch == epoch && slot->index == p->index && uuid_eq(slot->topic, p->topic))) {
            return slot;
        }
    }
    return NULL;
}

static const struct partition *replica_of(const struct sim_broker *broker,
                                          const struct partition *p)
{
    if (broker->node == NULL) {
        return NULL;
    }
    LIST_EACH(&broker->node->partitions->all, node)
    {
        const struct partition *other = CONTAINER_OF(node, struct partition, node);
        if (other->index == p->index && uuid_eq(other->topic, p->topic)) {
            return other;
        }
    }
    return NULL;
}

/* Members as bits of brokers: the order of the replicas may change under a leader. */
static uint32_t brokers_of(const struct replica *core, uint32_t members)
{
    uint32_t brokers = 0;
    for (uint32_t i = 0; i < core->view.member_count; i++) {
        brokers |= (members >> i & 1) << (core->view.members[i].id - broker_id(0));
    }
    return brokers;
}

/* It knows of a later leader epoch in whose in-sync set it is not: it gave its seat up, and may be empty now. So may one whose folder
 * was gone, or rotten, in the same epoch. An old leader that has not heard of it counts it on; those that are left have what it
 * acknowledges. */
static bool seat_given(const struct replica *leader, const struct replica *other)
{
    bool seated = false;
    for (uint32_t i = 0; i < other->view.isr_count; i++) {
        seated = seated || other->view.isr[i] == other->config.self_id;
    }
    bool later = other->view.leader_epoch > leader->view.leader_epoch ||
                 other->view.partition_epoch > leader->view.partition_epoch;
    return later && !seated;
}

/* What is below a leader's high watermark, every in-sync replica has, and has it on disk where that is promised. */
static void high_watermark_look(struct watch *watch, const struct partition *p, int64_t before,
                                int64_t undemanded)
{
    const struct replica *core = &p->core;
    if (core->high_watermark < before) {
        watch_wrong(watch, "%s-%d: the high watermark of epoch %d went back from %lld to %lld",
                    p->name, p->index, core->view.leader_epoch, (long long)before,
                    (long long)core->high_watermark);
    }
    for (uint32_t i = 0; i < core->view.member_count; i++) {
        uint32_t number = (uint32_t)(core->view.members[i].id - broker_id(0));
        const struct partition *other = (core->isr >> i & 1) &&
                                                number < watch->cluster->broker_count
                                            ? replica_of(&watch->cluster->brokers[number], p)
                                            : NULL;
        if (other == NULL || other->state != PARTITION_OPEN ||
            other->core.role == REPLICA_LOADING || other->core.role == REPLICA_STOPPED ||
            seat_given(core, &other->core) ||
            watch_meta_other_disk(watch, number, core->view.members[i].broker_epoch)) {
            continue;
        }
        /* Without a promise of disks from the beginning, only who never lost power has it, and has not followed another
         * leader since. */
        bool disk = core->view.durability == REPLICA_DISK &&
                    !watch_meta_fickle(watch, p->topic, p->index);
        bool same = other->core.view.leader_epoch == core->view.leader_epoch &&
                    other->core.view.self_broker_epoch == core->view.members[i].broker_epoch;
        int64_t end = disk ? other->core.durable_end : other->core.log_end;
        bool demanded = disk ? core->high_watermark > undemanded : same;
        if (demanded && end < core->high_watermark &&
            other->core.log_start < core->high_watermark) {
            watch_wrong(watch, "%s-%d: high watermark %lld of epoch %d, but broker %u has %lld%s",
                        p->name, p->index, (long long)core->high_watermark, core->view.leader_epoch,
                        number, (long long)end, disk ? " on disk" : "");
        }
    }
}

/* What the leader takes for the in-sync set is what was committed under that partition epoch. */
static void isr_look(struct watch *watch, const struct partition *p)
{
    const struct replica *core = &p->core;
    const struct meta_ids *isr = watch_meta_isr(watch, p->topic, p->index,
                                                core->view.partition_epoch);
    for (uint32_t i = 0; isr != NULL && i < core->view.member_count; i++) {
        bool here = (core->isr >> i & 1) != 0;
        if (here != meta_ids_has(isr, core->view.members[i].id)) {
            watch_wrong(watch,
                        "%s-%d: the leader of epoch %d takes %d for %sin sync, partition epoch %d",
                        p->name, p->index, core->view.leader_epoch, core->view.members[i].id,
                        here ? "" : "not ", core->view.partition_epoch);
        }
    }
}

/* Followers count by what they fetched in the leader's own epoch; who joins has all of earlier ones: on disk, but for who was
 * asked for while that was not promised. */
static void followers_look(struct watch *watch, const struct partition *p, uint32_t joined,
                           uint32_t weak)
{
    const struct replica *core = &p->core;
    for (uint32_t i = 0; i < core->view.member_count; i++) {
        const struct replica_progress *progress = &core->leading.progress[i];
        uint32_t number = (uint32_t)(core->view.members[i].id - broker_id(0));
        const struct partition *other = number < watch->cluster->broker_count
                                            ? replica_of(&watch->cluster->brokers[number], p)
                                            : NULL;
        if (other == NULL || other == p || other->state != PARTITION_OPEN ||
            other->core.view.self_broker_epoch != core->view.members[i].broker_epoch) {
            continue;
        }
        if (progress->end >= 0 && progress->broker_epoch == core->view.members[i].broker_epoch &&
            other->core.view.leader_epoch < core->view.leader_epoch) {
            watch_wrong(watch, "%s-%d: in epoch %d broker %u counts by a fetch of epoch %d",
                        p->name, p->index, core->view.leader_epoch, number,
                        other->core.view.leader_epoch);
        }
        bool disk = core->view.durability == REPLICA_DISK && !(weak >> number & 1);
        int64_t counts = disk ? other->core.durable_end : other->core.log_end;
        if ((joined >> number & 1) && other->core.view.leader_epoch == core->view.leader_epoch &&
            counts < core->leading.epoch_start) {
            watch_wrong(watch, "%s-%d: broker %u joins epoch %d with %lld, which began at %lld",
                        p->name, p->index, number, core->view.leader_epoch, (long long)counts,
                        (long long)core->leading.epoch_start);
        }
    }
}

/* image: of its broker. Between two of them there may have been one with another min.insync.replicas. */
static void slot_look(struct watch *watch, const struct partition *p, struct watch_epoch *slot,
                      int64_t image)
{
    const struct replica *core = &p->core;
    uint32_t isr = brokers_of(core, core->isr);
    bool small = (int32_t)__builtin_popcount(isr) < core->view.min_isr;
    if (core->view.partition_epoch < slot->partition_epoch) {
        watch_wrong(watch, "%s-%d: the leader of epoch %d goes back from partition epoch %d to %d",
                    p->name, p->index, core->view.leader_epoch, slot->partition_epoch,
                    core->view.partition_epoch);
    }
    bool same = core->view.partition_epoch == slot->partition_epoch && slot->image == image;
    if (small && slot->small && same && core->high_watermark > slot->high_watermark) {
        watch_wrong(watch, "%s-%d: the high watermark moves to %lld with too few in sync", p->name,
                    p->index, (long long)core->high_watermark);
    }
    if (slot->high_watermark != core->high_watermark || slot->isr != isr) {
        high_watermark_look(watch, p, slot->high_watermark, slot->undemanded);
        isr_look(watch, p);
    }
    followers_look(watch, p, isr & ~slot->isr, slot->weak);
    if (slot->high_watermark != core->high_watermark && slot->news == p->consumer_news) {
        watch_wrong(watch,
                    "%s-%d: the high watermark moved to %lld and no waiting consumer is told",
                    p->name, p->index, (long long)core->high_watermark);
    }
    slot->partition_epoch = core->view.partition_epoch;
    slot->small = small;
    slot->image = image;
    slot->isr = isr;
    slot->high_watermark = core->high_watermark;
    slot->news = p->consumer_news;
}

/* What moved under a weaker promise, and who joins by what the leader asked for then, is not held against the stronger one that
 * came behind it. */
static void promise_look(struct watch *watch, const struct partition *p, struct watch_epoch *slot,
                         bool fresh)
{
    bool weak = false;
    bool disk = p->core.view.durability == REPLICA_DISK;
    uint32_t joining = brokers_of(&p->core, p->core.leading.isr_proposed | p->core.isr) &
                       ~slot->isr;
    for (uint32_t i = 0; i < watch->weak_count; i++) {
        weak = weak || uuid_eq(watch->weak[i], p->topic);
    }
    if (!disk && !weak && watch->weak_count < ARRAY_LEN(watch->weak)) {
        watch->weak[watch->weak_count++] = p->topic;
    }
    slot->weak &= joining;
    if (!disk || (weak && (fresh || !slot->disk))) {
        slot->undemanded = p->core.high_watermark;
        slot->weak = joining;
    }
    slot->disk = disk;
}

static void leader_look(struct watch *watch, const struct partition *p, uint32_t broker)
{
    const struct replica *core = &p->core;
    struct watch_epoch *slot = epoch_slot(watch, p, core->view.leader_epoch);
    if (slot == NULL) {
        return;
    }
    bool fresh = slot->leader == 0;
    if (fresh) {
        *slot = (struct watch_epoch){.topic = p->topic,
                                     .index = p->index,
                                     .epoch = core->view.leader_epoch,
                                     .leader = (int32_t)broker + 1,
                                     .broker_epoch = core->view.self_broker_epoch,
                                     .partition_epoch = core->view.partition_epoch,
                                     .isr = brokers_of(core, core->isr),
                                     .high_watermark = core->high_watermark,
                                     .news = p->consumer_news - 1};
        watch->elections++;
    } else if (slot->leader != (int32_t)broker + 1 ||
               slot->broker_epoch != core->view.self_broker_epoch) {
        watch_wrong(watch,
                    "%s-%d: two leaders in epoch %d: broker %d (epoch %lld) and %u (epoch %lld)",
                    p->name, p->index, core->view.leader_epoch, slot->leader - 1,
                    (long long)slot->broker_epoch, broker, (long long)core->view.self_broker_epoch);
    }
    promise_look(watch, p, slot, fresh);
    const struct meta_image *image = broker_image(&watch->cluster->brokers[broker]);
    slot_look(watch, p, slot, image == NULL ? -1 : meta_offset(image));
}

static void broker_look(struct watch *watch, uint32_t number)
{
    const struct sim_broker *broker = &watch->cluster->brokers[number];
    LIST_EACH(&broker->node->partitions->all, node)
    {
        const struct partition *p = CONTAINER_OF(node, struct partition, node);
        if (p->state != PARTITION_OPEN) {
            continue;
        }
        replica_check(&p->core);
        watch_meta_replica(watch, p, number);
        if (p->core.role == REPLICA_LEADER) {
            leader_look(watch, p, number);
        }
    }
}

/* ---- metadata ---- */

static void image_look(struct watch *watch, uint32_t who, const struct meta_image *image)
{
    if (image == NULL || watch->image_seen[who] == meta_offset(image) + 1) {
        return;
    }
    watch->image_seen[who] = meta_offset(image) + 1;
    watch_meta_look(watch, image);
    if (meta_offset(image) % HASH_EVERY != 0) { /* what differs once stays different */
        return;
    }
    struct watch_image *slot = &watch->images[(uint64_t)meta_offset(image) % WATCH_IMAGES];
    uint64_t hash = meta_image_hash(image);
    if (slot->offset != meta_offset(image) + 1) {
        *slot = (struct watch_image){.offset = meta_offset(image) + 1, .hash = hash};
    } else if (slot->hash != hash) {
        watch_wrong(watch, "two images of the metadata at offset %lld",
                    (long long)meta_offset(image));
    }
}

void watch_look(struct watch *watch)
{
    const struct cluster *cluster = watch->cluster;
    watch->looks++;
    watch_raft_look(watch);
    watch_meta_sessions(watch);
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        if (cluster->controllers[i].node != NULL) {
            image_look(watch, i, controller_node_image(cluster->controllers[i].node));
        }
    }
    for (uint32_t i = 0; i < cluster->broker_count; i++) {
        if (cluster->brokers[i].node != NULL && !cluster->brokers[i].halted) {
            image_look(watch, cluster->controller_count + i, broker_image(&cluster->brokers[i]));
        }
    }
    /* When all images are known: a replica may be as only its own broker has heard yet, if who told it is gone. */
    for (uint32_t i = 0; i < cluster->broker_count; i++) {
        if (cluster->brokers[i].node != NULL && !cluster->brokers[i].halted) {
            broker_look(watch, i);
        }
    }
}

/* ---- replicas at the end ---- */

struct bytes {
    uint8_t *p;
    size_t n;
    int64_t start; /* offset */
    int64_t end;
};

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name);
    size_t m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* All segments of a partition, one behind the other; n 0: there is none. */
static struct bytes log_bytes(struct host *host, const char *topic, int32_t index)
{
    struct bytes all = {.start = -1};
    struct dirs_folder found;
    const struct inode *folder = dirs_find(host, topic, index, false, &found) ? found.folder : NULL;
    for (size_t i = 0; folder != NULL && i < folder->live_names.n; i++) {
        const struct entry *entry = &folder->live_names.p[i];
        if (!ends_with(entry->name, ".log")) {
            continue;
        }
        if (all.start < 0) {
            all.start = strtoll(entry->name, NULL, 10);
        }
        const struct image *image = &entry->inode->live;
        all.p = realloc(all.p, all.n + image->n + 1);
        assert(all.p != NULL);
        if (image->n > 0) {
            memcpy(all.p + all.n, image->p, image->n);
        }
        all.n += image->n;
        all.end = strtoll(entry->name, NULL, 10);
    }
    for (size_t at = 0; at + BATCH_HEADER_BYTES <= all.n;
         at += BATCH_PREFIX_BYTES + (size_t)load_be32(all.p + at + 8)) {
        all.end = max_i64(all.end, (int64_t)load_be64(all.p + at) +
                                       (int64_t)load_be32(all.p + at + LAST_DELTA_AT) + 1);
    }
    return all;
}

/* Only what begins at this offset or behind it. */
static void forget_before(struct bytes *all, int64_t from)
{
    size_t at = 0;
    while (at + BATCH_HEADER_BYTES <= all->n && (int64_t)load_be64(all->p + at) < from) {
        at += BATCH_PREFIX_BYTES + (size_t)load_be32(all->p + at + 8);
    }
    at = at < all->n ? at : all->n;
    memmove(all->p, all->p + at, all->n - at);
    all->n -= at;
    all->start = max_i64(all->start, from);
}

/* From which offset on both are the same to the end. */
static int64_t same_from(const struct bytes *a, const struct bytes *b)
{
    size_t same = 0;
    size_t at = 0;
    while (same < a->n && same < b->n && a->p[a->n - 1 - same] == b->p[b->n - 1 - same]) {
        same++;
    }
    while (at + BATCH_HEADER_BYTES <= a->n && at < a->n - same) {
        at += BATCH_PREFIX_BYTES + (size_t)load_be32(a->p + at + 8);
    }
    return at + BATCH_HEADER_BYTES <= a->n ? (int64_t)load_be64(a->p + at) : a->end;
}

bool watch_copied(const struct watch *watch, const char *topic, int32_t index)
{
    int64_t end = -1;
    for (uint32_t b = 0; b < watch->cluster->broker_count; b++) {
        const struct sim_broker *broker = &watch->cluster->brokers[b];
        if (broker->node == NULL || broker->halted) {
            continue;
        }
        LIST_EACH(&broker->node->partitions->all, node)
        {
            const struct partition *p = CONTAINER_OF(node, struct partition, node);
            if (p->state > PARTITION_OFFLINE || p->index != index || strcmp(p->name, topic) != 0) {
                continue;
            }
            /* One that is made anew, or to be put back, is awaited. */
            if (p->state != PARTITION_OPEN || (end >= 0 && p->core.log_end != end)) {
                return false;
            }
            end = p->core.log_end;
        }
    }
    return true;
}

uint64_t watch_held(const struct watch *watch)
{
    uint64_t records = 0;
    for (uint32_t b = 0; b < watch->cluster->broker_count; b++) {
        const struct sim_broker *broker = &watch->cluster->brokers[b];
        if (broker->node == NULL || broker->halted) {
            continue;
        }
        LIST_EACH(&broker->node->partitions->all, node)
        {
            const struct partition *p = CONTAINER_OF(node, struct partition, node);
            records += p->state == PARTITION_OPEN ? (uint64_t)max_i64(p->core.log_end, 0) : 0;
        }
    }
    return records;
}

void watch_replicas(struct watch *watch, const char *topic, int32_t index)
{
    struct bytes first = {.start = -1};
    uint32_t who = 0;
    int64_t from = 0;
    for (uint32_t b = 0; b < watch->cluster->broker_count; b++) {
        from = max_i64(
            from, atlas_checkpoint(watch->cluster->brokers[b].host, LOG_START_FILE, topic, index));
    }
    for (uint32_t b = 0; b < watch->cluster->broker_count; b++) {
        struct bytes other = log_bytes(watch->cluster->brokers[b].host, topic, index);
        if (other.start < 0) {
            free(other.p);
            continue;
        }
        forget_before(&other, from);
        size_t n = first.n < other.n ? first.n : other.n; /* ends are alike; starts may not be */
        bool same = first.start < 0 ||
                    (first.end == other.end &&
                     (n == 0 || memcmp(first.p + first.n - n, other.p + other.n - n, n) == 0));
        if (!same || (first.start == other.start && first.n != other.n)) {
            watch_wrong(watch,
                        "%s-%d: brokers %d and %d do not have the same bytes (%lld to %lld in %zu, "
                        "%lld to %lld in %zu; alike from %lld on)",
                        topic, index, broker_id(who), broker_id(b), (long long)first.start,
                        (long long)first.end, first.n, (long long)other.start, (long long)other.end,
                        other.n, (long long)same_from(&first, &other));
        }
        if (first.start < 0) {
            first = other;
            who = b;
        } else {
            free(other.p);
        }
    }
    free(first.p);
}
