/* The machine of a controller that leads alone, and has no memory left when it is told so. */
#include "controller/node/machine.h"

#include "common/meta/codec/meta_codec.h"
#include "tests/lib/memory.h"
#include "tests/unit/controller/node/store_site.h"

#include <stdio.h>

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
    int64_t snapshot_bytes;
    uint32_t snapshots; /* on disk */
    int32_t broker;     /* the newest that was registered */
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
    struct stage *s = ctx;
    s->snapshots++;
    if (s->quorum != NULL) {
        quorum_snapshot_durable(s->quorum, index, term);
    }
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
    s->memory.most = s->replays ? SIZE_MAX : s->memory.most;
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
                                                    .snapshot_bytes = s->snapshot_bytes};
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

static void stage_begin(struct stage *s, int shortages, int64_t snapshot_bytes)
{
    struct raft_voters voters = {.count = 1, .node[0] = {.id = 1, .directory.b = {1}}};
    *s = (struct stage){
        .world = world_open(1, false), .shortages = shortages, .snapshot_bytes = snapshot_bytes};
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
    stage_begin(&s, 1, INT64_MAX); /* nor for the first record of a cluster */
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
    stage_begin(&s, 0, INT64_MAX);
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

/* The records of all of it lay in memory at once, seven times as large as they are packed: of a cluster of 1.7 million partitions there
 * was no snapshot, and the log grew for good. */
Test(machine, a_large_image_is_packed_with_little_memory)
{
    struct test_memory memory;
    struct heap heap;
    struct arena arena;
    struct meta_store store;
    struct buf out;
    bool done = false;
    struct meta_cursor cursor = {0};
    test_memory_init(&memory);
    heap_init(&heap, &memory.source, 64 << 20);
    meta_store_init(&store, &heap);
    struct meta_image *image = meta_image_empty(&store);
    for (int i = 0; i < 2000; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "%d", i);
        struct meta_record record = {.kind = META_CONFIG,
                                     .config = {.resource = META_RESOURCE_GROUP,
                                                .name = slice_str(name),
                                                .key = slice_str("k"),
                                                .value = slice_str("v")}};
        struct meta_image *next;
        cr_assert_eq(meta_image_apply(&store, image, (struct meta_batch){&record, 1}, i, 1, NULL,
                                      NULL, &next),
                     OK);
        meta_image_drop(&store, image);
        image = next;
    }
    arena_init(&arena, &memory.source, 8192, 256 << 10);
    buf_init(&out, &heap, 1 << 20);
    cr_assert_eq(machine_pack(image, &cursor, &arena, SIZE_MAX, &out, &done), OK);
    cr_assert(done && out.n > 2000);
    buf_release(&out);
    arena_release(&arena);
    meta_image_drop(&store, image);
    heap_release(&heap);
    cr_assert_eq(memory.out, 0);
}

static void register_one(void *ctx)
{
    static char far[HOST_NAME_MAX_BYTES];
    struct stage *s = ctx;
    struct order *order = order_new(s->machine);
    cr_assert_not_null(order);
    struct register_broker_command *wants = &order->command.register_broker;
    order->command.kind = COMMAND_REGISTER_BROKER;
    wants->broker = ++s->broker;
    wants->previous_epoch = -1;
    wants->incarnation = (struct uuid){.b = {1, (uint8_t)s->broker}};
    /* What is packed of two does not fit into what the order of one gives back. */
    memset(far, 'h', sizeof(far));
    wants->rack = slice_of(far, sizeof(far));
    wants->endpoints[0] = (struct meta_endpoint){slice_str("PLAINTEXT"), slice_of(far, sizeof(far)),
                                                 9092, 0};
    wants->endpoint_count = 1;
    wants->dirs[0].id = (struct uuid){.b = {2, (uint8_t)s->broker}};
    wants->dirs[0].condition = DIR_CRASHED;
    wants->dir_count = 1;
    machine_submit(s->machine, order);
}

static raft_index not_committed(const struct stage *s)
{
    return raft_last_index(quorum_raft(s->quorum)) - quorum_applied(s->quorum);
}

static bool one_is_left(void *ctx)
{
    return not_committed(ctx) == 1;
}

static bool all_is_committed(void *ctx)
{
    return not_committed(ctx) == 0;
}

/* Each commit packed all of the image again while the snapshot before was still being written, and then had nowhere to put it: of a
 * large cluster a second each, in which the controller was not heard of. */
Test(machine, no_snapshot_is_packed_while_one_is_being_written)
{
    struct stage s;
    stage_begin(&s, 0, 1);
    cr_assert(world_run(s.world, decides, &s, SECOND));
    world_sleep(s.world, 2 * SECOND);
    uint32_t before = s.snapshots;
    cr_assert_gt(before, 0);
    world_disk_pace(s.at.host, SECOND / 10, SECOND / 10);
    store_site_do(&s.at, s.world, register_one, &s);
    store_site_do(&s.at, s.world, register_one, &s);
    cr_assert(world_run(s.world, one_is_left, &s, 5 * SECOND));
    test_memory_heap_by_piece(&s.heap);
    size_t most = s.memory.most;
    cr_assert(world_run(s.world, all_is_committed, &s, 5 * SECOND));
    cr_assert_leq(s.snapshots, before + 1, "the one of the first");
    cr_assert_eq(s.memory.most, most);
    world_sleep(s.world, 5 * SECOND);
    store_site_do(&s.at, s.world, register_one, &s);
    world_sleep(s.world, 5 * SECOND);
    cr_assert_gt(s.snapshots, before + 1);
    stage_end(&s);
}
