/* The machine of a controller that leads alone, and has no memory left when it is told so. */
#include "controller/node/machine.h"

#include "common/meta/codec/meta_codec.h"
#include "tests/lib/memory.h"
#include "tests/unit/controller/node/store_site.h"

#define SECOND  INT64_C(1000000)
#define CLUSTER "abcdefghijklmnopqrstuv"

struct stage {
    struct world *world;
    struct store_site at;
    Odradek__Hello hello;
    struct rpc rpc;
    struct trace trace;
    struct test_memory memory;
    struct heap heap; /* the machine's */
    struct machine *machine;
    struct quorum *quorum;
    int shortages; /* leaderships to come that begin with one */
    raft_term led;
    bool replays;        /* what is committed from now on: for the first of it there is no memory */
    raft_index replayed; /* the newest that it took */
    bool failed;         /* as it is meant to */
};

/* ---- below it ---- */

static void on_durable(void *ctx, uint64_t write)
{
    struct stage *s = ctx;
    if (s->quorum != NULL) {
        quorum_durable(s->quorum, write);
    }
}

static void on_snapshot(void *ctx, raft_index index, raft_term term)
{
    cr_assert(ctx == NULL, "a snapshot at %lld of %d", (long long)index, term);
}

static void on_failed(void *ctx, const char *sentence)
{
    cr_assert(ctx == NULL, "%s", sentence);
}

static void on_leading(void *ctx, raft_term term)
{
    struct stage *s = ctx;
    s->led = term;
    s->memory.most = s->shortages > 0 ? 0 : SIZE_MAX;
    s->shortages -= s->shortages > 0;
    test_memory_heap_by_piece(&s->heap);
    machine_leading(s->machine, term);
    s->memory.most = SIZE_MAX;
}

static void on_following(void *ctx, struct raft_node leader, raft_term term)
{
    cr_assert(leader.id == RAFT_NO_ID && term >= 0);
    machine_following(((struct stage *)ctx)->machine);
}

static void on_committed(void *ctx, raft_index index, const struct raft_entry *entry)
{
    struct stage *s = ctx;
    if (s->replays && !s->failed) {
        s->memory.most = 0;
        test_memory_heap_by_piece(&s->heap);
    }
    machine_committed(s->machine, index, entry);
    s->memory.most = SIZE_MAX;
}

static void on_machine_failed(void *ctx, const char *sentence)
{
    struct stage *s = ctx;
    cr_assert(s->replays, "%s", sentence);
    s->failed = true;
}

static const struct raft_disk_events disk_events = {on_durable, on_snapshot, on_failed};
static const struct quorum_events quorum_events = {.leading = on_leading,
                                                   .following = on_following,
                                                   .committed = on_committed,
                                                   .halted = on_failed};

/* ---- above it ---- */

static void on_told(void *ctx, raft_index index, raft_term term, struct slice payload)
{
    cr_assert(ctx != NULL && index > 0 && term > 0 && (payload.p == NULL) == (payload.n == 0));
    ((struct stage *)ctx)->replayed = index;
}

static void on_active(void *ctx, bool active)
{
    const struct stage *s = ctx;
    cr_assert_eq(active, machine_active(s->machine));
}

static const struct machine_events machine_events = {on_told, on_active, on_machine_failed};

/* ---- the stage ---- */

static void start(void *ctx)
{
    struct stage *s = ctx;
    const struct machine_options machine_options = {.settings = controller_settings_default(),
                                                    .snapshot_bytes = INT64_MAX};
    struct quorum_options options = {.seed = 7};
    raft_config_defaults(&options.raft, s->at.found.snapshot.voters.node[0]);
    cr_assert_eq(machine_open(s->at.loop, &s->heap, &s->trace, &machine_options, &machine_events, s,
                              &s->machine),
                 OK);
    machine_set_cluster_id(s->machine, slice_str(CLUSTER));
    cr_assert_eq(quorum_open(&s->rpc, &s->at.heap, &s->trace, &options, s->at.store, &s->at.found,
                             &quorum_events, s, &s->quorum),
                 OK);
    machine_attach(s->machine, s->quorum);
    quorum_start(s->quorum, &options);
}

static void stop(void *ctx)
{
    struct stage *s = ctx;
    quorum_close(s->quorum);
    s->quorum = NULL;
    machine_close(s->machine);
    rpc_release(&s->rpc);
}

static void stage_begin(struct stage *s, int shortages)
{
    struct raft_voters voters = {.count = 1, .node[0] = {.id = 1, .directory.b = {1}}};
    *s = (struct stage){.world = world_open(1, false), .shortages = shortages};
    test_memory_init(&s->memory);
    heap_init(&s->heap, &s->memory.source, 64 << 20);
    store_site_begin(&s->at, world_host(s->world, "10.0.0.1"));
    cr_assert_eq(disk_mkdir(s->at.host, "/meta"), OK);
    cr_assert_eq(store_site_open(&s->at, &disk_events, s), OK);
    cr_assert_eq(raft_disk_found(s->at.store, slice_str(CLUSTER), &voters), OK);
    s->at.found.snapshot.voters = voters;
    odradek__hello__init(&s->hello);
    store_site_trace(&s->trace, s->at.host);
    rpc_init(&s->rpc, s->at.loop, &s->at.heap, (struct hash_key){1, 2}, &s->hello);
    store_site_do(&s->at, s->world, start, s);
}

static bool is_quiet(void *ctx)
{
    return !raft_disk_busy(((struct stage *)ctx)->at.store);
}

static void stage_end(struct stage *s)
{
    store_site_do(&s->at, s->world, stop, s);
    cr_assert(world_run(s->world, is_quiet, s, SECOND));
    raft_disk_close(s->at.store);
    store_site_end(&s->at);
    heap_release(&s->heap);
    cr_assert_eq(s->memory.out, 0);
    world_close(s->world);
}

static bool decides(void *ctx)
{
    const struct stage *s = ctx;
    return machine_active(s->machine) && machine_state(s->machine)->active;
}

static void resign(void *ctx)
{
    quorum_transfer(((struct stage *)ctx)->quorum);
}

/* It was taken for the active controller and had not begun to be it: the next heartbeat of a broker made it abort. Who cannot begin
 * gives up, and is elected anew where nobody else can be. */
Test(machine, who_has_no_memory_to_begin_with_gives_up)
{
    struct stage s;
    stage_begin(&s, 1); /* nor for the first record of a cluster */
    cr_assert(world_run(s.world, decides, &s, SECOND));
    cr_assert_eq(s.led, 2);
    cr_assert(
        slice_eq(meta_cluster_id(controller_newest(machine_state(s.machine))), slice_str(CLUSTER)));
    s.shortages = 1;
    store_site_do(&s.at, s.world, resign, &s);
    cr_assert_not(decides(&s));
    cr_assert(world_run(s.world, decides, &s, SECOND));
    cr_assert_eq(s.led, 4);
    cr_assert_gt(s.memory.refused, 0);
    stage_end(&s);
}

/* A topic without partitions each. */
static void follow_two(void *ctx)
{
    struct stage *s = ctx;
    raft_index index;
    raft_term term;
    struct buf bytes;
    buf_init(&bytes, &s->at.heap, 4096);
    machine_following(s->machine);
    for (uint8_t i = 1; i <= 2; i++) {
        struct meta_record record = {.kind = META_TOPIC};
        record.topic.id = (struct uuid){.b = {i}};
        record.topic.name = slice_str(i == 1 ? "one" : "two");
        buf_clear(&bytes);
        cr_assert_eq(meta_batch_encode((struct meta_batch){&record, 1}, &bytes), OK);
        cr_assert_eq(quorum_propose(s->quorum, buf_slice(&bytes), &index, &term), OK);
    }
    buf_release(&bytes);
    s->replays = true;
}

/* It tells its node to stop, which does so in a turn of its own. Until then it took what followed, and might have made a snapshot of that:
 * after the next start it would have decided by an image in which something is missing. */
Test(machine, who_could_not_take_a_batch_takes_nothing_behind_it)
{
    struct stage s;
    stage_begin(&s, 0);
    cr_assert(world_run(s.world, decides, &s, SECOND));
    world_sleep(s.world, SECOND / 10);
    raft_index before = s.replayed;
    store_site_do(&s.at, s.world, follow_two, &s);
    world_sleep(s.world, SECOND);
    cr_assert_eq(quorum_applied(s.quorum), before + 2);
    cr_assert(s.failed);
    cr_assert_eq(s.replayed, before);
    cr_assert_null(meta_topic_named(machine_image(s.machine), slice_str("two")));
    stage_end(&s);
}
