#include "tests/unit/controller/node/store_lives.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "tests/lib/fake_disk.h"
#include "tests/unit/controller/node/store_site.h"

#define LIVES           6
#define STEPS_MAX       60
#define ENTRIES_MAX     4096
#define WRITES_MAX      512
#define TEXT_BYTES      600
#define FOLDER          "/meta/__cluster_metadata-0"
/* In a batch. */
#define BATCH_LENGTH_AT 8
#define BATCH_CRC_FROM  21

/* A write that was not told to be durable yet: what is true once it is. */
struct pending {
    raft_term term; /* of a vote; 0: none */
    int32_t voted_for;
    raft_index end;      /* of the log; 0: nothing about it */
    raft_index cut;      /* entries from here on may be gone; 0: none */
    raft_index snapshot; /* that was installed; 0: none */
};

struct lives {
    struct world *world;
    struct prng prng;
    /* The one that is judged, and who sends it snapshots. */
    struct store_site at;
    struct store_site peer;
    raft_index peer_index;
    /* What is. */
    raft_term term;
    raft_index first, end; /* of the entries; end: the last one */
    raft_index committed;  /* as far as snapshots were taken */
    uint64_t value[ENTRIES_MAX];
    raft_term term_of[ENTRIES_MAX];
    uint64_t number; /* of the newest value */
    struct pending pending[WRITES_MAX];
    uint64_t write, durable;
    /* What must be there again. */
    raft_term safe_term;
    int32_t safe_vote;
    raft_index safe_end;
    raft_index safe_snapshot;
    bool rots; /* it is meant to stop */
    struct store_lives *told;
};

static int64_t between(struct lives *l, int64_t least, int64_t most)
{
    return prng_between(&l->prng, least, most);
}

/* ---- what is told ---- */

static void pending_settle(struct lives *l, uint64_t write)
{
    const struct pending *done = &l->pending[write];
    if (done->term > 0) {
        l->safe_term = done->term;
        l->safe_vote = done->voted_for;
    }
    if (done->end > 0) {
        l->safe_end = done->end;
        for (uint64_t later = write + 1; later <= l->write; later++) {
            raft_index cut = l->pending[later].cut;
            l->safe_end = cut > 0 ? min_i64(l->safe_end, cut - 1) : l->safe_end;
        }
    }
    l->safe_snapshot = max_i64(l->safe_snapshot, done->snapshot);
}

static void on_durable(void *ctx, uint64_t write)
{
    struct lives *l = ctx;
    cr_assert(write > l->durable && write <= l->write);
    while (l->durable < write) {
        pending_settle(l, ++l->durable);
    }
}

static void on_snapshot(void *ctx, raft_index index, raft_term term)
{
    struct lives *l = ctx;
    cr_assert_gt(term, 0);
    l->safe_snapshot = max_i64(l->safe_snapshot, index);
}

static void on_failed(void *ctx, const char *sentence)
{
    cr_assert(((struct lives *)ctx)->rots, "%s", sentence);
}

static void peer_durable(void *ctx, uint64_t write)
{
    cr_assert(ctx != NULL && write == 0); /* it writes nothing but snapshots */
}

static void peer_snapshot(void *ctx, raft_index index, raft_term term)
{
    cr_assert_gt(term, 0);
    ((struct lives *)ctx)->peer_index = index;
}

static const struct raft_disk_events events = {on_durable, on_snapshot, on_failed};
static const struct raft_disk_events peer_events = {peer_durable, peer_snapshot, on_failed};

static uint64_t write_new(struct lives *l, struct pending pending)
{
    cr_assert_lt(l->write + 1, (uint64_t)WRITES_MAX);
    l->pending[++l->write] = pending;
    l->safe_end = pending.cut > 0 ? min_i64(l->safe_end, pending.cut - 1) : l->safe_end;
    return l->write;
}

/* ---- what is done ---- */

static size_t entry_text(char text[TEXT_BYTES], raft_index index, uint64_t value)
{
    int n = snprintf(text, TEXT_BYTES, "%" PRId64 ":%" PRIu64 ":", index, value);
    size_t bytes = (size_t)n + value * 7919 % (TEXT_BYTES - 50);
    memset(text + n, 'x', bytes - (size_t)n);
    return bytes;
}

static void append(struct lives *l)
{
    char texts[4][TEXT_BYTES];
    struct raft_entry entries[4];
    size_t count = (size_t)between(l, 1, 4);
    raft_index cut = 0;
    if (l->end >= l->first && prng_chance(&l->prng, 150)) {
        cut = between(l, max_i64(l->first, l->end - 12), l->end);
        cut = cut > l->committed ? cut : 0;
    }
    raft_index first = cut > 0 ? cut : l->end + 1;
    if (first + (raft_index)count >= ENTRIES_MAX) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        raft_index index = first + (raft_index)i;
        l->value[index] = ++l->number;
        l->term_of[index] = l->term;
        size_t n = entry_text(texts[i], index, l->number);
        entries[i] = (struct raft_entry){
            .term = l->term, .kind = RAFT_DATA, .payload = slice_of(texts[i], n)};
    }
    l->end = first + (raft_index)count - 1;
    uint64_t write = write_new(l, (struct pending){.end = l->end, .cut = cut});
    raft_disk_append(l->at.store, write, cut, first, entries, count);
}

static void vote(struct lives *l)
{
    int32_t whom = (int32_t)between(l, 1, 3);
    l->term++;
    uint64_t write = write_new(l, (struct pending){.term = l->term, .voted_for = whom});
    raft_disk_vote(l->at.store, write, l->term, (struct raft_node){.id = whom});
}

static const struct raft_voters voters = {.count = 1, .node = {{.id = 1}}};

static struct slice body_of(raft_index index, char text[TEXT_BYTES])
{
    return slice_of(text, entry_text(text, index, (uint64_t)index * 31));
}

/* Of what is on the disk of a majority, so of this one's mostly. */
static void own_snapshot(struct lives *l)
{
    char text[TEXT_BYTES];
    raft_index most = min_i64(l->safe_end, l->end);
    if (most <= l->safe_snapshot || most < l->first) {
        return;
    }
    raft_index index = between(l, max_i64(l->first, l->safe_snapshot + 1), most);
    err_t err = raft_disk_snapshot(l->at.store, index, l->term_of[index], &voters,
                                   body_of(index, text));
    cr_assert(err == OK || err == ERR_BUSY);
    l->committed = err == OK ? index : l->committed;
}

static bool peer_done(void *ctx)
{
    return !raft_disk_busy(((struct lives *)ctx)->peer.store);
}

/* Of somebody who is far ahead, or leads another history than what we have behind our newest snapshot. */
static raft_index foreign_index(struct lives *l)
{
    raft_index least = max_i64(l->committed, l->peer_index) + 1;
    raft_index index = max_i64(l->end, l->peer_index) + between(l, 1, 20);
    if (least <= l->end && prng_chance(&l->prng, 500)) {
        raft_index inside = between(l, least, l->end);
        index = l->term_of[inside] < l->term ? inside : index;
    }
    return index;
}

/* All of it comes in pieces. */
static void foreign_snapshot(struct lives *l)
{
    char text[TEXT_BYTES];
    struct raft_snapshot snapshot;
    raft_index index = foreign_index(l);
    if (index >= ENTRIES_MAX) {
        return;
    }
    cr_assert_eq(raft_disk_snapshot(l->peer.store, index, l->term, &voters, body_of(index, text)),
                 OK);
    cr_assert(world_run(l->world, peer_done, l, 100000000));
    raft_disk_snapshot_id(l->peer.store, &snapshot);
    cr_assert_eq(snapshot.index, index);
    bool last = false;
    for (uint64_t at = 0; !last;) {
        struct slice bytes;
        size_t most = (size_t)between(l, 50, 400);
        arena_clear(&l->peer.arena);
        cr_assert_eq(
            raft_disk_snapshot_chunk(l->peer.store, index, at, most, &l->peer.arena, &bytes, &last),
            OK);
        raft_disk_chunk(l->at.store, write_new(l, (struct pending){0}), index, at, bytes);
        at += bytes.n;
    }
    l->first = index + 1;
    l->end = l->committed = index;
    l->told->snapshots++;
    /* The entries go, for the snapshot stands for them: it is there when they are not. */
    uint64_t write = write_new(l,
                               (struct pending){.end = index, .cut = index + 1, .snapshot = index});
    raft_disk_install(l->at.store, write, &snapshot, false);
}

static void drop_prefix(struct lives *l)
{
    struct raft_snapshot snapshot;
    raft_disk_snapshot_id(l->at.store, &snapshot);
    raft_index up_to = snapshot.index - between(l, 0, 3);
    if (up_to < l->first || up_to > l->end) {
        return;
    }
    l->first = up_to + 1;
    raft_disk_drop_prefix(l->at.store, write_new(l, (struct pending){0}), up_to);
}

static void step(struct lives *l)
{
    int64_t dice = between(l, 0, 99);
    l->told->steps++;
    if (dice < 60) {
        append(l);
    } else if (dice < 72) {
        vote(l);
    } else if (dice < 82) {
        own_snapshot(l);
    } else if (dice < 87) {
        foreign_snapshot(l);
    } else if (dice < 92) {
        drop_prefix(l);
    } else {
        world_sleep(l->world, between(l, 0, 30000));
    }
    for (int64_t events_left = between(l, 0, 4); events_left > 0; events_left--) {
        (void)world_step(l->world);
    }
}

/* ---- what is found ---- */

static void entry_check(struct lives *l, raft_index index, struct slice payload)
{
    char want[TEXT_BYTES];
    char got[TEXT_BYTES + 1];
    char *colon = NULL;
    cr_assert_lt(payload.n, sizeof(got));
    memcpy(got, payload.p, payload.n);
    got[payload.n] = 0;
    int64_t of = strtoll(got, &colon, 10);
    cr_assert(*colon == ':', "entry %" PRId64, index);
    uint64_t value = strtoull(colon + 1, &colon, 10);
    cr_assert(*colon == ':', "entry %" PRId64, index);
    cr_assert(slice_eq(payload, slice_of(want, entry_text(want, index, value))));
    cr_assert_eq(of, index, "at %" PRId64 " stands an entry of %" PRId64, index, of);
    cr_assert(index > l->safe_end || value == l->value[index],
              "entry %" PRId64 " is another one than was told to be durable", index);
    l->value[index] = value;
    l->told->entries++;
}

/* false: it says that something is rotten. */
static bool read_all(struct lives *l, raft_index from, raft_index to)
{
    while (from <= to) {
        struct raft_entry *entries;
        size_t count = 0;
        arena_clear(&l->at.arena);
        err_t err = raft_disk_read(l->at.store, from, to, (size_t)between(l, 1, 4000), &l->at.arena,
                                   &entries, &count);
        if (l->rots && err == ERR_CORRUPT) {
            return false;
        }
        cr_assert(err == OK && count > 0, "entry %" PRId64 ": %s", from, err_text(err));
        for (size_t i = 0; i < count; i++) {
            entry_check(l, from + (raft_index)i, entries[i].payload);
            l->term_of[from + (raft_index)i] = entries[i].term;
        }
        from += (raft_index)count;
    }
    return true;
}

static void snapshot_check(struct lives *l)
{
    char text[TEXT_BYTES];
    struct slice body;
    raft_index index = l->at.found.snapshot.index;
    cr_assert_geq(index, l->safe_snapshot, "the snapshot at %" PRId64 " is gone", l->safe_snapshot);
    if (index > 0) {
        cr_assert_eq(raft_disk_snapshot_body(l->at.store, &l->at.arena, &body), OK);
        cr_assert(slice_eq(body, body_of(index, text)));
    }
}

static void store_begin(struct lives *l)
{
    store_site_begin(&l->at, l->at.host);
    err_t err = store_site_open(&l->at, &events, l);
    cr_assert_eq(err, OK, "it does not open any more: %s", err_text(err));
    raft_index end = l->at.found.first_index - 1;
    for (size_t i = 0; i < l->at.found.run_count; i++) {
        end += l->at.found.runs[i].count;
    }
    cr_assert_geq(max_i64(end, l->at.found.snapshot.index), l->safe_end,
                  "entries up to %" PRId64 " were durable, there are %" PRId64, l->safe_end, end);
    cr_assert_geq(l->at.found.term, l->safe_term);
    cr_assert(l->at.found.term > l->safe_term || l->at.found.voted_for.id == l->safe_vote);
    snapshot_check(l);
    (void)read_all(l, l->at.found.first_index, end);
    l->first = l->at.found.first_index;
    l->end = l->safe_end = end;
    l->safe_snapshot = l->at.found.snapshot.index;
    l->term = l->at.found.term; /* perhaps only that of an entry: no promise */
    l->write = l->durable = 0;
}

/* ---- ends ---- */

static void die(struct lives *l)
{
    enum fake_cut cut = (enum fake_cut)between(l, FAKE_CUT_NOTHING, FAKE_CUT_ALL);
    l->told->deaths++;
    if (cut == FAKE_CUT_ALL) {
        world_crash(l->at.host);
        return;
    }
    world_power_cut(l->at.host, cut);
    world_power_on(l->at.host);
}

/* One bit of one of its batches, where a checksum covers it. */
static void rot_file(struct lives *l, const char *path)
{
    size_t n = 0;
    size_t at = 0;
    uint8_t *bytes = fake_disk_bytes(l->at.host, path, &n);
    size_t batch = BATCH_LENGTH_AT + 4 + load_be32(bytes + BATCH_LENGTH_AT);
    while (at + batch < n && prng_chance(&l->prng, 900)) {
        at += batch;
        batch = BATCH_LENGTH_AT + 4 + load_be32(bytes + at + BATCH_LENGTH_AT);
    }
    unsigned bit = (unsigned)between(l, 0, 7); /* one draw after the other, whatever the compiler */
    int64_t byte = between(l, (int64_t)at + BATCH_CRC_FROM, (int64_t)(at + batch) - 1);
    fake_disk_flip(l->at.host, path, byte, bit);
    l->rots = true;
    free(bytes);
}

/* A file of the log rots while it is open. */
static void rot(struct lives *l)
{
    struct disk_entry *files;
    size_t count = 0;
    char path[200];
    arena_clear(&l->at.arena);
    cr_assert_eq(disk_list(l->at.host, FOLDER, &l->at.arena, &files, &count), OK);
    for (size_t i = 0; i < count; i++) {
        const char *dot = strrchr(files[i].name, '.');
        if (dot != NULL && strcmp(dot, ".log") == 0 && files[i].bytes > 0 &&
            prng_chance(&l->prng, 500)) {
            (void)snprintf(path, sizeof(path), FOLDER "/%s", files[i].name);
            rot_file(l, path);
            break;
        }
    }
    (void)read_all(l, l->first, l->end);
}

static void peer_begin(struct lives *l)
{
    struct host *host = world_host(l->world, "10.0.0.2");
    store_site_begin(&l->peer, host);
    cr_assert_eq(disk_mkdir(host, "/meta"), OK);
    cr_assert_eq(store_site_open(&l->peer, &peer_events, l), OK);
}

void store_lives_run(uint64_t seed, struct store_lives *ret_lives)
{
    static struct lives l;
    memset(&l, 0, sizeof(l));
    *ret_lives = (struct store_lives){0};
    l.told = ret_lives;
    l.safe_vote = RAFT_NO_ID;
    prng_init(&l.prng, seed);
    l.world = world_open(seed, false);
    l.at.host = world_host(l.world, "10.0.0.1");
    cr_assert_eq(disk_mkdir(l.at.host, "/meta"), OK);
    cr_assert_eq(disk_sync_dir(l.at.host, "/"), OK);
    peer_begin(&l);
    for (int life = 0; life < LIVES; life++) {
        store_begin(&l);
        l.term = l.term > 0 ? l.term : 1;
        vote(&l);
        for (int64_t steps = between(&l, 1, STEPS_MAX); steps > 0; steps--) {
            step(&l);
        }
        die(&l);
    }
    store_begin(&l);
    rot(&l);
    world_crash(l.at.host);
    raft_disk_close(l.peer.store);
    world_crash(loop_host(l.peer.loop));
    world_close(l.world);
}
