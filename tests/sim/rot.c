#include "tests/sim/rot.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/log/log_internal.h"
#include "common/log/offset_checkpoint.h"
#include "common/wire/record_batch.h"
#include "tests/sim/atlas.h"
#include "tests/sim/dirs.h"
#include "tests/sim/internal.h"
#include "tests/sim/nemesis_internal.h"

#define SECOND         INT64_C(1000000)
#define SECTOR         512
#define BATCHES_MAX    4096
#define BATCH_MAGIC_AT 16

static const char *const kind_names[ROT_KINDS] = {
#define ROT_NAME(id, name) name,
    ROT_TABLE(ROT_NAME)
#undef ROT_NAME
};

const char *rot_name(enum rot_kind kind)
{
    assert(kind < ROT_KINDS);
    return kind_names[kind];
}

static time_us now(const struct rots *rots)
{
    return world_now_us(rots->nemesis->cluster->world);
}

void rots_open(struct rots *rots, const struct plan *plan, struct nemesis *nemesis)
{
    *rots = (struct rots){.plan = plan, .nemesis = nemesis, .next_at = TIME_NEVER};
    prng_init(&rots->gaps, plan->seed ^ UINT64_C(0x726f742d67617073));
}

/* ---- where ---- */

/* Whole batches that may rot. */
struct places {
    uint32_t count;
    struct {
        struct inode *inode;
        int64_t base; /* of its segment */
        int64_t at;
        size_t n;
    } list[BATCHES_MAX];
};

static void file_places(const struct entry *entry, int64_t from, int64_t to, struct places *places)
{
    struct inode *inode = entry->inode;
    struct slice rest = slice_of(inode->safe.p, inode->safe.n);
    struct slice batch;
    struct batch_header header;
    while (rest.n > 0 && batch_cut(&rest, &batch) == OK &&
           batch_check(crc32c_detect(), batch, &header) == OK && places->count < BATCHES_MAX) {
        int64_t at = batch.p - inode->safe.p;
        bool same = (size_t)at + batch.n <= inode->live.n &&
                    memcmp(inode->live.p + at, batch.p, batch.n) == 0;
        if (same && header.base_offset >= from &&
            header.base_offset + header.last_offset_delta < to) {
            places->list[places->count].inode = inode;
            places->list[places->count].base = strtoll(entry->name, NULL, 10);
            places->list[places->count].at = at;
            places->list[places->count++].n = batch.n;
        }
    }
}

static void places_find(struct host *host, const char *topic, int32_t index, int64_t from,
                        int64_t to, struct places *places)
{
    struct dirs_folder safe;
    struct dirs_folder live;
    places->count = 0;
    if (!dirs_find(host, topic, index, true, &safe) ||
        !dirs_find(host, topic, index, false, &live) || live.folder != safe.folder) {
        return;
    }
    const struct inode *folder = safe.folder;
    /* Where the note of a cut is still there, or would be again without power, the checkpoint proves nothing. */
    if (names_get(&folder->safe_names, TRUNCATED_FILE) != NULL ||
        names_get(&folder->live_names, TRUNCATED_FILE) != NULL) {
        return;
    }
    for (size_t i = 0; i < folder->safe_names.n; i++) {
        const struct entry *entry = &folder->safe_names.p[i];
        size_t n = strlen(entry->name);
        if (n == 24 && strcmp(entry->name + 20, ".log") == 0 &&
            names_get(&folder->live_names, entry->name) == entry->inode &&
            entry->inode->odd == FAKE_READ_WELL) {
            file_places(entry, from, to, places);
        }
    }
}

/* ---- what ---- */

static void flip(struct rot *rot, struct prng *prng)
{
    uint64_t bits = 1 + prng_below(prng, 8);
    rot->n = rot->n < 64 ? rot->n : 64;
    memcpy(rot->is, rot->was, rot->n);
    for (uint64_t i = 0; i < bits; i++) {
        uint64_t bit = prng_below(prng, 8); /* one draw after the other, whatever the compiler */
        rot->is[prng_below(prng, rot->n)] ^= (uint8_t)(1U << bit);
    }
}

/* Bytes of another place are here, as a write leaves them that lands beside its place. */
static void misdirect(struct rot *rot, const struct places *places, struct prng *prng)
{
    uint64_t from = prng_below(prng, places->count);
    size_t n = places->list[from].n < rot->n ? places->list[from].n : rot->n;
    memcpy(rot->is, rot->was, rot->n);
    memcpy(rot->is, places->list[from].inode->safe.p + places->list[from].at, n);
}

static void apply(struct rots *rots, struct rot *rot, const struct places *places,
                  struct prng *prng)
{
    switch (rot->kind) {
    case ROT_FAILS:
        fake_disk_read_odd(rot->inode, rot->at, rot->n, FAKE_READ_FAILS, prng_chance(prng, 400));
        return;
    case ROT_OLD: fake_disk_read_odd(rot->inode, rot->at, rot->n, FAKE_READ_OLD, true); return;
    case ROT_MISDIRECTED: misdirect(rot, places, prng); break;
    case ROT_LOST: memset(rot->is, 0, rot->n); break;
    default: flip(rot, prng); break;
    }
    fake_disk_rot(rot->inode, rot->at, rot->is, rot->n, rot->kind != ROT_MEMORY);
    rots->nemesis->field->memory_rots |= rot->kind == ROT_MEMORY;
}

static bool rot_one(struct rots *rots, struct prng *prng, struct places *places)
{
    struct nemesis *n = rots->nemesis;
    struct rot *rot = &rots->list[rots->count];
    uint32_t kinds = 0;
    *rot = (struct rot){.broker = (uint32_t)prng_below(prng, n->cluster->broker_count),
                        .topic = (uint32_t)prng_below(prng, n->field->topic_count)};
    rot->index = (int32_t)prng_below(prng, n->field->topics[rot->topic].partitions);
    uint64_t pick = prng_below(prng, (uint64_t)__builtin_popcount(rots->plan->rot_kinds));
    while (!(rots->plan->rot_kinds >> kinds & 1) || pick-- > 0) {
        kinds++;
    }
    rot->kind = (enum rot_kind)kinds;
    const char *topic = n->field->topics[rot->topic].name;
    int32_t leader = atlas_leader(n->cluster, topic, rot->index);
    rot->broker = rots->plan->rot_newest && leader >= 0 ? (uint32_t)leader : rot->broker;
    struct host *host = n->cluster->brokers[rot->broker].host;
    int64_t from = 0;
    int64_t to = 0;
    /* What was looked at and waits to be sent would be rotten too; of memory nothing else is said. */
    bool sending = !rots->plan->rot_newest && net_sending(fake_machine_of(host));
    if (n->field->topics[rot->topic].weak || sending ||
        !atlas_spares(n->cluster, rot->broker, topic, rot->index, ATLAS_ROT) ||
        !atlas_committed(n->cluster, topic, rot->index, &from, &to)) {
        return false;
    }
    places_find(host, topic, rot->index, from,
                min_i64(to, atlas_proven(n->cluster, rot->broker, topic, rot->index)), places);
    if (places->count == 0) {
        return false;
    }
    uint64_t newest = rots->plan->rot_newest ? (places->count + 7) / 8 : places->count;
    uint64_t place = places->count - newest + prng_below(prng, newest);
    size_t skip = prng_below(prng, places->list[place].n);
    if (!rots->plan->rot_newest &&
        atlas_in_hand(n->cluster, rot->broker, topic, rot->index, places->list[place].base)) {
        return false;
    }
    /* No checksum covers what stands before the magic byte: what flips there in memory nobody can see. */
    skip = rot->kind == ROT_MEMORY && skip < BATCH_MAGIC_AT ? BATCH_MAGIC_AT : skip;
    rot->inode = places->list[place].inode;
    rot->at = places->list[place].at + (int64_t)skip;
    rot->n = places->list[place].n - skip;
    rot->n = rot->n < SECTOR ? rot->n : SECTOR;
    assert(rot->inode != NULL && rot->inode->safe.p != NULL);
    memcpy(rot->was, rot->inode->safe.p + rot->at, rot->n);
    apply(rots, rot, places, prng);
    nemesis_say(n, "rot %u: %s in %s-%d of %s, %zu bytes at %lld of a file", rots->drawn - 1,
                rot_name(rot->kind), topic, rot->index, n->cluster->brokers[rot->broker].name,
                rot->n, (long long)rot->at);
    rots->done[rot->kind]++;
    rots->count++;
    n->total++;
    return true;
}

void rots_look(struct rots *rots)
{
    struct nemesis *n = rots->nemesis;
    if (rots->plan->rot_kinds == 0 || n->end_at == 0 || now(rots) >= n->end_at) {
        return;
    }
    if (rots->next_at != TIME_NEVER && now(rots) < rots->next_at) {
        return;
    }
    bool due = rots->next_at != TIME_NEVER;
    rots->next_at = now(rots) + prng_between(&rots->gaps, 1, 2 * rots->plan->rot_gap_us);
    uint32_t number = rots->drawn;
    if (!due || rots->count == ROTS_MAX) {
        return;
    }
    struct prng prng;
    prng_init(&prng, (rots->plan->seed ^ UINT64_C(0x726f74)) * 1000003 + number);
    rots->drawn++;
    if (cut_keeps(&rots->plan->cut, ROT_NUMBER + number)) {
        struct places *places = calloc(1, sizeof(*places));
        assert(places != NULL);
        for (int tries = 0; tries < 4 && !rot_one(rots, &prng, places); tries++) {}
        free(places);
    }
}

/* ---- repairs ---- */

static bool still(const struct rot *rot)
{
    const struct image *live = &rot->inode->live;
    if (rot->kind == ROT_FAILS || rot->kind == ROT_OLD) {
        return rot->inode->odd != FAKE_READ_WELL;
    }
    return memcmp(rot->is, rot->was, rot->n) != 0 && (size_t)rot->at + rot->n <= live->n &&
           memcmp(live->p + rot->at, rot->is, rot->n) == 0;
}

static void restore(struct rot *rot)
{
    rot->inode->odd = FAKE_READ_WELL;
    if (rot->kind != ROT_FAILS && rot->kind != ROT_OLD &&
        (size_t)rot->at + rot->n <= rot->inode->safe.n) {
        fake_disk_rot(rot->inode, rot->at, rot->was, rot->n, true);
    }
}

void rots_heal(struct rots *rots)
{
    for (uint32_t i = 0; i < rots->count; i++) {
        struct rot *rot = &rots->list[i];
        if (rot->kind == ROT_MEMORY && still(rot) &&
            (size_t)rot->at + rot->n <= rot->inode->safe.n) {
            fake_disk_rot(rot->inode, rot->at, rot->is, rot->n, true);
        }
    }
    rots->next_at = now(rots) + SECOND;
}

/* Newest first, for one may lie in another. */
void rots_repair(struct rots *rots)
{
    struct nemesis *n = rots->nemesis;
    if (rots->count == 0 || now(rots) < rots->next_at) {
        return;
    }
    rots->next_at = now(rots) + SECOND;
    for (uint32_t i = rots->count; i-- > 0;) {
        struct rot *rot = &rots->list[i];
        const char *topic = n->field->topics[rot->topic].name;
        /* What was wrong once may be well by now: then there is nothing to put back, and a new process sees that. */
        bool there = still(rot);
        bool bad = there || atlas_refused_by(n->cluster, rot->broker, topic, rot->index);
        if (bad &&
            atlas_held_by(n->cluster, rot->broker, topic, rot->index, nemesis_brokers_there(n))) {
            nemesis_say(n, "%s-%d of %s is %s", topic, rot->index,
                        n->cluster->brokers[rot->broker].name,
                        there ? "put back from a backup" : "well, and looked at again");
            nemesis_crash(n, &n->nodes[n->cluster->controller_count + rot->broker], SECOND / 10);
            if (there) {
                restore(rot);
            }
            rots->restored++;
        }
    }
}

void rots_undo(struct rots *rots)
{
    for (uint32_t i = rots->count; i-- > 0;) {
        if (still(&rots->list[i])) {
            restore(&rots->list[i]);
        }
    }
}
