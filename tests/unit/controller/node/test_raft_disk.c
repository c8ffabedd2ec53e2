/* What a controller finds on its disk when it comes back. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/lib/fake_disk.h"
#include "tests/unit/controller/node/store_site.h"

struct disk {
    struct world *world;
    struct store_site at;
    uint64_t written;
    uint64_t durable;
    bool rots; /* it is meant to stop */
    int stopped;
};

static void on_durable(void *ctx, uint64_t write)
{
    ((struct disk *)ctx)->durable = write;
}

static void on_snapshot(void *ctx, raft_index index, raft_term term)
{
    cr_assert(ctx != NULL && index > 0 && term > 0);
}

static void on_failed(void *ctx, const char *sentence)
{
    struct disk *d = ctx;
    cr_assert(d->rots, "%s", sentence);
    d->stopped++;
}

static const struct raft_disk_events events = {on_durable, on_snapshot, on_failed};

static void disk_begin(struct disk *d, struct world *world, const char *address)
{
    *d = (struct disk){.world = world};
    store_site_begin(&d->at, world_host(world, address));
    cr_assert_eq(disk_mkdir(d->at.host, "/meta"), OK);
}

static void store_begin(struct disk *d)
{
    d->written = d->durable = 0;
    cr_assert_eq(store_site_open(&d->at, &events, d), OK);
}

static bool is_durable(void *ctx)
{
    const struct disk *d = ctx;
    return d->durable == d->written && !raft_disk_busy(d->at.store);
}

static void store_end(struct disk *d)
{
    cr_assert(world_run(d->world, is_durable, d, 10000000));
    raft_disk_close(d->at.store);
}

static void append(struct disk *d, raft_index from, raft_index to, raft_term term)
{
    for (raft_index i = from; i <= to; i++) {
        struct raft_entry entry = {.term = term, .kind = RAFT_DATA, .payload = slice_str("entry")};
        raft_disk_append(d->at.store, ++d->written, 0, i, &entry, 1);
    }
}

/* One that has written a snapshot of its first twenty entries, and another one. */
static void two_begin(struct world *world, struct disk *leader, struct disk *follower,
                      raft_term term)
{
    const struct raft_voters voters = {.count = 1, .node = {{.id = 1}}};
    disk_begin(leader, world, "10.0.0.1");
    disk_begin(follower, world, "10.0.0.2");
    store_begin(leader);
    append(leader, 1, 20, term);
    cr_assert_eq(raft_disk_snapshot(leader->at.store, 20, term, &voters, slice_str("state")), OK);
    cr_assert(world_run(world, is_durable, leader, 10000000));
    store_begin(follower);
}

/* A snapshot of the first twenty entries, from one controller to another that has none of them. */
static void snapshot_send(struct disk *from, struct disk *to)
{
    struct raft_snapshot snapshot;
    struct slice bytes;
    bool last = false;
    raft_disk_snapshot_id(from->at.store, &snapshot);
    cr_assert_eq(snapshot.index, 20);
    cr_assert_eq(
        raft_disk_snapshot_chunk(from->at.store, 20, 0, 1 << 20, &from->at.arena, &bytes, &last),
        OK);
    cr_assert(last);
    raft_disk_chunk(to->at.store, ++to->written, 20, 0, bytes);
    raft_disk_install(to->at.store, ++to->written, &snapshot, false);
}

Test(raft_disk, what_follows_an_installed_snapshot_is_still_there)
{
    struct world *world = world_open(1, false);
    struct disk leader;
    struct disk follower;
    two_begin(world, &leader, &follower, 3);
    snapshot_send(&leader, &follower);
    append(&follower, 21, 25, 3); /* acknowledged: they are durable */
    store_end(&follower);
    store_begin(&follower);
    cr_assert_eq(follower.at.found.snapshot.index, 20);
    cr_assert_eq(follower.at.found.first_index, 21);
    cr_assert_eq(follower.at.found.run_count, 1);
    cr_assert_eq(follower.at.found.runs[0].count, 5);
    store_end(&follower);
    store_end(&leader);
    store_site_end(&follower.at);
    store_site_end(&leader.at);
    world_close(world);
}

/* Seeds 193 and 222 of odradek-sim --store: the hole took the entries behind the snapshot, which had been told to be durable. */
Test(raft_disk, of_segments_that_were_dropped_one_comes_back)
{
    static const char oldest[] = "/meta/__cluster_metadata-0/00000000000000000000.log";
    struct world *world = world_open(1, false);
    struct disk d;
    const struct raft_voters voters = {.count = 1, .node = {{.id = 1}}};
    struct raft_entry entry = {.term = 4, .kind = RAFT_DATA, .payload = slice_str("entry")};
    size_t n = 0;
    disk_begin(&d, world, "10.0.0.1");
    store_begin(&d);
    append(&d, 1, 10, 3);
    raft_disk_append(d.at.store, ++d.written, 6, 6, &entry, 1); /* each cut begins a file */
    append(&d, 7, 20, 4);
    raft_disk_append(d.at.store, ++d.written, 16, 16, &entry, 1);
    append(&d, 17, 25, 4);
    cr_assert(world_run(world, is_durable, &d, 10000000));
    uint8_t *bytes = fake_disk_bytes(d.at.host, oldest, &n);
    cr_assert_eq(raft_disk_snapshot(d.at.store, 20, 4, &voters, slice_str("state")), OK);
    cr_assert(world_run(world, is_durable, &d, 10000000));
    raft_disk_drop_prefix(d.at.store, ++d.written, 18);
    store_end(&d);
    fake_disk_put(d.at.host, oldest, bytes, n);
    free(bytes);
    store_begin(&d);
    cr_assert_eq(d.at.found.snapshot.index, 20);
    cr_assert_eq(d.at.found.first_index, 20);
    cr_assert_eq(d.at.found.runs[0].count, 6);
    store_end(&d);
    store_site_end(&d.at);
    world_close(world);
}

/* Whoever gets an entry puts a checksum of his own around it: nothing rotten may leave. */
Test(raft_disk, rotten_entries_are_not_read)
{
    struct world *world = world_open(1, false);
    struct disk d;
    struct raft_entry *entries;
    size_t count = 0;
    static const char path[] = "/meta/__cluster_metadata-0/00000000000000000000.log";
    disk_begin(&d, world, "10.0.0.1");
    store_begin(&d);
    append(&d, 1, 5, 1);
    cr_assert(world_run(world, is_durable, &d, 10000000));
    size_t n = 0;
    uint8_t *bytes = fake_disk_bytes(d.at.host, path, &n);
    free(bytes);
    d.rots = true;
    fake_disk_flip(d.at.host, path, (int64_t)n - 4, 3); /* in the last entry's payload */
    cr_assert_eq(raft_disk_read(d.at.store, 1, 4, 1 << 20, &d.at.arena, &entries, &count), OK);
    cr_assert_eq(count, 4);
    cr_assert_eq(raft_disk_read(d.at.store, 1, 5, 1 << 20, &d.at.arena, &entries, &count),
                 ERR_CORRUPT);
    cr_assert_eq(d.stopped, 1);
    store_end(&d);
    store_site_end(&d.at);
    world_close(world);
}

/* What the store makes of its log when one bit of entry `entry` of `count` is another than it was. */
static err_t opens_after_flip(raft_index count, raft_index entry, raft_index *ret_end)
{
    static const char path[] = "/meta/__cluster_metadata-0/00000000000000000000.log";
    struct world *world = world_open(1, false);
    struct disk d;
    size_t n = 0;
    disk_begin(&d, world, "10.0.0.1");
    store_begin(&d);
    append(&d, 1, count, 1);
    cr_assert(world_run(world, is_durable, &d, 10000000));
    append(&d, count + 1, count + 1, 1); /* one more sync, in which it may be told */
    store_end(&d);
    free(fake_disk_bytes(d.at.host, path, &n));
    fake_disk_flip(d.at.host, path, (int64_t)(n / (count + 1) * (entry - 1)) + 40, 3);
    arena_clear(&d.at.arena);
    err_t err = store_site_open(&d.at, &events, &d);
    if (err == OK) {
        *ret_end = d.at.found.run_count == 0 ? 0 : d.at.found.runs[0].count;
        d.written = d.durable = 0;
        raft_disk_close(d.at.store);
    }
    store_site_end(&d.at);
    world_close(world);
    return err;
}

/* A power cut may leave of what was not synced a later page and not an earlier one: whoever took that for rot would never start
 * again, and all controllers lose power at once. What was on disk, and is told to have been, is another matter. */
Test(raft_disk, a_tail_that_is_torn_before_whole_entries_is_cut_and_rot_is_not)
{
    raft_index end = 0;
    cr_assert_eq(opens_after_flip(20, 11, &end), OK);
    cr_assert_eq(end, 10);
    cr_assert_eq(opens_after_flip(100, 11, &end), ERR_CORRUPT);
}

/* A leader that was cut off had written far on, all of it durable and told to be. Then a snapshot of the next one takes the place of
 * that, entries come behind it, and the power goes in their middle: it leaves a later page of them and not an earlier one. What had
 * been told was of the log before. */
Test(raft_disk, what_follows_a_snapshot_that_replaced_the_log_may_be_torn)
{
    static const char path[] = "/meta/__cluster_metadata-0/00000000000000000020.log";
    struct world *world = world_open(1, false);
    struct disk leader, follower;
    size_t n = 0;
    two_begin(world, &leader, &follower, 4);
    append(&follower, 1, 100, 3);
    cr_assert(world_run(world, is_durable, &follower, 10000000));
    append(&follower, 101, 101, 3); /* with its sync the others are told */
    cr_assert(world_run(world, is_durable, &follower, 10000000));
    snapshot_send(&leader, &follower);
    append(&follower, 21, 40, 4);
    struct host *host = follower.at.host;
    world_crash(host);
    free(fake_disk_bytes(host, path, &n));
    fake_disk_flip(host, path, (int64_t)(n / 20 * 10) + 40, 3);
    store_site_begin(&follower.at, host);
    store_begin(&follower);
    cr_assert_eq(follower.at.found.first_index, 21);
    cr_assert_eq(follower.at.found.runs[0].count, 10);
    store_end(&follower);
    store_end(&leader);
    store_site_end(&follower.at);
    store_site_end(&leader.at);
    world_close(world);
}

/* Its node is told, and stops in a turn of its own: until then Raft, which has not heard of it, goes on. */
Test(raft_disk, whose_disk_has_failed_takes_nothing_more)
{
    struct world *world = world_open(1, false);
    struct disk d;
    disk_begin(&d, world, "10.0.0.1");
    store_begin(&d);
    d.rots = true;
    raft_disk_chunk(d.at.store, ++d.written, 20, 5, slice_str("the middle of what never began"));
    cr_assert_eq(d.stopped, 1);
    raft_disk_chunk(d.at.store, ++d.written, 20, 0, slice_str("its beginning"));
    append(&d, 1, 1, 1);
    cr_assert_eq(d.stopped, 1);
    raft_disk_close(d.at.store);
    store_site_end(&d.at);
    world_close(world);
}

/* What it finds at so many starts, after a bit of entry 11 is another one: of 101, or of 120, where a snapshot was taken behind all
 * that is told to be on disk. Before them it starts once with too many files open to
 * read what was told. */
static void opens_never(int64_t byte, bool snapshot, bool lacking, int starts)
{
    static const char path[] = "/meta/__cluster_metadata-0/00000000000000000000.log";
    const struct raft_voters voters = {.count = 1, .node = {{.id = 1}}};
    struct world *world = world_open(1, false);
    struct disk d;
    raft_index count = snapshot ? 120 : 101;
    size_t n = 0;
    disk_begin(&d, world, "10.0.0.1");
    store_begin(&d);
    append(&d, 1, 100, 1);
    cr_assert(world_run(world, is_durable, &d, 10000000));
    append(&d, 101, 101, 1); /* with its sync the others are told */
    cr_assert(world_run(world, is_durable, &d, 10000000));
    if (snapshot) {
        cr_assert_eq(raft_disk_snapshot(d.at.store, 101, 1, &voters, slice_str("state")), OK);
        cr_assert(world_run(world, is_durable, &d, 10000000));
        append(&d, 102, count, 1); /* acknowledged: they are durable */
    }
    store_end(&d);
    free(fake_disk_bytes(d.at.host, path, &n));
    fake_disk_flip(d.at.host, path, (int64_t)(n / (size_t)count * 10) + byte, 3);
    if (lacking) {
        arena_clear(&d.at.arena);
        fake_disk_fail_read(d.at.host, 1, ERR_LIMIT);
        cr_assert_eq(store_site_open(&d.at, &events, &d), ERR_LIMIT);
    }
    for (int i = 0; i < starts; i++) {
        arena_clear(&d.at.arena);
        cr_assert_eq(store_site_open(&d.at, &events, &d), ERR_CORRUPT, "start %d", i);
    }
    store_site_end(&d.at);
    world_close(world);
}

/* It refused once. Opening the log had cut it where it was rotten, and who started it again had a voter that had forgotten what it had
 * acknowledged. Nor does it depend on what lies behind: who cannot tell how long a batch is finds nothing whole there. */
Test(raft_disk, what_has_rotted_is_refused_at_every_start)
{
    opens_never(40, false, false, 3);
    opens_never(11, false, false, 3); /* the lowest byte of its length */
}

/* A snapshot stood for what was told to be on disk; but what followed it had been acknowledged too, and went with the rest. */
Test(raft_disk, what_has_rotted_below_a_snapshot_is_refused_at_every_start)
{
    opens_never(40, true, false, 3);
    opens_never(11, true, false, 3);
}

/* What was told to be on disk is not nothing because its file cannot be opened for a moment. */
Test(raft_disk, what_cannot_be_read_now_is_not_taken_for_absent)
{
    opens_never(40, false, true, 1);
}

/* The follower dies after so many changes of its disk by an install that takes the place of a longer log. false: it was done by then. */
static bool dies_in_install(int changes)
{
    struct world *world = world_open(1, false);
    struct disk leader, follower;
    two_begin(world, &leader, &follower, 4);
    append(&follower, 1, 50, 3);
    struct raft_entry entry = {.term = 3, .kind = RAFT_DATA, .payload = slice_str("entry")};
    raft_disk_append(follower.at.store, ++follower.written, 41, 41, &entry, 1); /* another file */
    append(&follower, 42, 100, 3);
    cr_assert(world_run(world, is_durable, &follower, 10000000));
    append(&follower, 101, 101, 3); /* with its sync the others are told */
    cr_assert(world_run(world, is_durable, &follower, 10000000));
    struct host *host = follower.at.host;
    follower.rots = true;
    fake_disk_freeze_after(host, changes);
    snapshot_send(&leader, &follower);
    bool died = follower.stopped > 0;
    world_crash(host);
    fake_disk_freeze_after(host, -1);
    store_site_begin(&follower.at, host);
    store_begin(&follower);
    raft_index end = follower.at.found.first_index - 1;
    for (size_t i = 0; i < follower.at.found.run_count; i++) {
        end += follower.at.found.runs[i].count;
    }
    bool installed = follower.at.found.snapshot.index == 20;
    cr_assert_eq(end, installed ? 20 : 101, "after %d changes", changes);
    cr_assert(installed || died);
    store_end(&follower);
    store_end(&leader);
    store_site_end(&follower.at);
    store_site_end(&leader.at);
    world_close(world);
    return died;
}

/* On the way the log ends before what was told to be on disk; but the snapshot is there by then. */
Test(raft_disk, an_install_that_broke_off_anywhere_is_no_rot)
{
    int changes = 0;
    while (dies_in_install(changes)) {
        changes++;
    }
    cr_assert_gt(changes, 5);
}
