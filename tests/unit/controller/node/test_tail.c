/* The tail of a controller that leads alone, as a broker hears it in the fake world. */
#include "controller/node/tail.h"

#include "common/base/bytes.h"
#include "common/meta/codec/meta_codec.h"
#include "tests/unit/controller/node/store_site.h"

#include <stdio.h>

#define SECOND     INT64_C(1000000)
#define PORT       9000
#define PUSHES_MAX 8
#define SETTINGS   200
#define AT_ONCE    50

struct pushed {
    int64_t offset;
    int32_t epoch;
    bool snapshot;
    bool last; /* of it */
};

struct stage {
    struct world *world;
    struct store_site at;
    struct store_site broker;
    Odradek__Hello hello;
    Odradek__Node node;
    struct heap words; /* what is on its way to the broker */
    struct rpc rpc;
    struct rpc broker_rpc;
    struct net_listener *listener;
    struct trace trace;
    struct machine *machine;
    struct quorum *quorum;
    struct tail tail;
    bool leads;
    raft_index cut; /* a snapshot of up to here is on disk */
    struct rpc_call call;
    bool down;
    struct pushed pushed[PUSHES_MAX];
    uint32_t count;
    uint32_t settings; /* in the snapshot */
};

/* ---- the controller ---- */

static void on_durable(void *ctx, uint64_t write)
{
    quorum_durable(((struct stage *)ctx)->quorum, write);
}

static void on_snapshot(void *ctx, raft_index index, raft_term term)
{
    struct stage *s = ctx;
    quorum_snapshot_durable(s->quorum, index, term);
    s->cut = index;
}

static void on_failed(void *ctx, const char *sentence)
{
    cr_assert(ctx == NULL, "%s", sentence);
}

static void on_leading(void *ctx, raft_term term)
{
    cr_assert_eq(term, 1);
    ((struct stage *)ctx)->leads = true;
}

static void on_following(void *ctx, struct raft_node leader, raft_term term)
{
    cr_assert(ctx != NULL && leader.id == RAFT_NO_ID && term >= 0);
}

static void on_committed(void *ctx, raft_index index, const struct raft_entry *entry)
{
    tail_committed(&((struct stage *)ctx)->tail, index, entry->term, entry->payload);
}

static const struct raft_disk_events disk_events = {on_durable, on_snapshot, on_failed};
static const struct quorum_events quorum_events = {.leading = on_leading,
                                                   .following = on_following,
                                                   .committed = on_committed,
                                                   .halted = on_failed};

static void on_up(void *ctx, struct rpc_conn *conn, const Odradek__Hello *peer)
{
    cr_assert(ctx != NULL && conn != NULL && peer->node->id == 1);
}

static void on_frame(void *ctx, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    cr_assert_eq(frame->body_case, ODRADEK__FRAME__BODY_TAIL);
    tail_subscribe(&((struct stage *)ctx)->tail, conn, frame);
}

static void on_down(void *ctx, struct rpc_conn *conn, err_t why)
{
    cr_assert_eq(why, ERR_CLOSED);
    tail_end(&((struct stage *)ctx)->tail, conn);
}

static const struct rpc_events controller_events = {
    .up = on_up, .frame = on_frame, .down = on_down};

static void on_accept(void *ctx, struct net_conn *net)
{
    struct stage *s = ctx;
    struct rpc_conn *conn;
    cr_assert_eq(rpc_accept(&s->rpc, net, &controller_events, s, &conn), OK);
}

static const struct net_address address = {.host = "10.0.0.1", .port = PORT};

/* Of its log it keeps nothing that a snapshot covers. */
static void start(void *ctx)
{
    struct stage *s = ctx;
    const struct machine_options machine_options = {.settings = controller_settings_default(),
                                                    .snapshot_bytes = INT64_MAX};
    const struct machine_events machine_events = {.failed = on_failed};
    struct quorum_options options = {.seed = 7};
    raft_config_defaults(&options.raft, s->at.found.snapshot.voters.node[0]);
    options.raft.trailing_entries = 0;
    cr_assert_eq(machine_open(s->at.loop, &s->at.heap, &s->trace, &machine_options, &machine_events,
                              s, &s->machine),
                 OK);
    cr_assert_eq(quorum_open(&s->rpc, &s->at.heap, &s->trace, &options, s->at.store, &s->at.found,
                             &quorum_events, s, &s->quorum),
                 OK);
    tail_init(&s->tail, &s->rpc, &s->at.heap, &s->trace, s->quorum, s->machine);
    quorum_start(s->quorum, &options);
    cr_assert_eq(net_listen(s->at.loop, &address, 8, on_accept, s, &s->listener), OK);
}

static void stop(void *ctx)
{
    struct stage *s = ctx;
    net_unlisten(s->listener);
    tail_release(&s->tail);
    quorum_close(s->quorum);
    machine_close(s->machine);
    rpc_release(&s->rpc);
}

static void cut(void *ctx)
{
    struct stage *s = ctx;
    cr_assert_eq(quorum_snapshot(s->quorum, quorum_applied(s->quorum), slice_of("", 0)), OK);
}

static void decide(void *ctx)
{
    struct stage *s = ctx;
    raft_index index;
    raft_term term;
    cr_assert_eq(quorum_propose(s->quorum, slice_str("a batch"), &index, &term), OK);
}

/* As the snapshot of a controller before it said: a broker with large settings. */
static void restore(void *ctx)
{
    static uint8_t value[META_VALUE_MAX] = {'x'};
    struct stage *s = ctx;
    struct buf body;
    char keys[AT_ONCE][8];
    struct meta_record records[AT_ONCE];
    buf_init(&body, &s->at.heap, (size_t)16 << 20);
    for (int i = 0; i < SETTINGS; i++) {
        int at = i % AT_ONCE;
        (void)snprintf(keys[at], sizeof(keys[at]), "k%d", i);
        records[at] = (struct meta_record){.kind = META_CONFIG};
        records[at].config = (struct meta_config){.resource = META_RESOURCE_BROKER,
                                                  .name = slice_str("7"),
                                                  .key = slice_str(keys[at]),
                                                  .value = slice_of(value, sizeof(value))};
        if (at == AT_ONCE - 1) {
            size_t begin = body.n;
            buf_put(&body, "\0\0\0\0", 4);
            cr_assert_eq(meta_batch_encode((struct meta_batch){records, AT_ONCE}, &body), OK);
            store_be32(body.p + begin, (uint32_t)(body.n - begin - 4));
        }
    }
    machine_restored(s->machine, &(struct raft_snapshot){.index = 1, .term = 1}, buf_slice(&body));
    buf_release(&body);
}

/* ---- the broker ---- */

static void on_subscribed(struct rpc_call *call, err_t err, const Odradek__Frame *answer)
{
    cr_assert(call->conn == NULL && err == OK && answer->error == 0);
}

static void on_broker_up(void *ctx, struct rpc_conn *conn, const Odradek__Hello *peer)
{
    struct stage *s = ctx;
    Odradek__Tail body = ODRADEK__TAIL__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    cr_assert_eq(peer->node->id, 1);
    body.offset = -1;
    frame.body_case = ODRADEK__FRAME__BODY_TAIL;
    frame.tail = &body;
    s->call.done = on_subscribed;
    rpc_ask(conn, &s->call, &frame, 1000);
}

/* Records in packed batches, each behind its length. */
static uint32_t records_of(const struct store_site *at, struct slice bytes)
{
    struct arena arena;
    uint32_t count = 0;
    arena_init(&arena, memory_source(at->host), 4096, 256 << 20);
    while (bytes.n > 0) {
        struct meta_batch batch;
        size_t n = load_be32(bytes.p);
        cr_assert_leq(n, bytes.n - 4);
        cr_assert_eq(meta_batch_decode(slice_of(bytes.p + 4, n), &arena, &batch, NULL), OK);
        count += batch.count;
        bytes = slice_of(bytes.p + 4 + n, bytes.n - 4 - n);
    }
    arena_release(&arena);
    return count;
}

static void on_push(void *ctx, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    struct stage *s = ctx;
    cr_assert(conn != NULL && frame->body_case == ODRADEK__FRAME__BODY_TAIL_PUSH);
    cr_assert_lt(s->count, PUSHES_MAX);
    const Odradek__TailPush *push = frame->tail_push;
    s->pushed[s->count++] = (struct pushed){push->offset, push->epoch, push->snapshot,
                                            push->snapshot_last};
    if (push->snapshot) {
        s->settings += records_of(&s->broker, slice_of(push->batch.data, push->batch.len));
    }
}

static void on_broker_down(void *ctx, struct rpc_conn *conn, err_t why)
{
    struct stage *s = ctx;
    cr_assert(conn != NULL && why != OK);
    s->down = true;
}

static const struct rpc_events broker_events = {
    .up = on_broker_up, .frame = on_push, .down = on_broker_down};

static void dial(void *ctx)
{
    struct stage *s = ctx;
    struct rpc_conn *conn;
    cr_assert_eq(rpc_dial(&s->broker_rpc, &address, &broker_events, s, &conn), OK);
}

static void hang_up(void *ctx)
{
    struct stage *s = ctx;
    rpc_release(&s->broker_rpc);
}

/* ---- the stage ---- */

static bool leads(void *ctx)
{
    return ((struct stage *)ctx)->leads;
}

static void stage_begin(struct stage *s)
{
    struct raft_voters voters = {.count = 1, .node[0] = {.id = 1, .directory.b = {1}}};
    *s = (struct stage){.world = world_open(1, false)};
    store_site_begin(&s->at, world_host(s->world, "10.0.0.1"));
    store_site_begin(&s->broker, world_host(s->world, "10.0.0.2"));
    cr_assert_eq(disk_mkdir(s->at.host, "/meta"), OK);
    cr_assert_eq(store_site_open(&s->at, &disk_events, s), OK);
    cr_assert_eq(raft_disk_found(s->at.store, slice_str("cluster"), &voters), OK);
    s->at.found.snapshot.voters = voters;
    odradek__hello__init(&s->hello);
    odradek__node__init(&s->node);
    s->node.id = 1;
    s->hello.node = &s->node;
    store_site_trace(&s->trace, s->at.host);
    heap_init(&s->words, memory_source(s->at.host), 64 << 20);
    rpc_init(&s->rpc, s->at.loop, &s->words, (struct hash_key){1, 2}, &s->hello);
    rpc_init(&s->broker_rpc, s->broker.loop, &s->broker.heap, (struct hash_key){1, 2}, &s->hello);
    store_site_do(&s->at, s->world, start, s);
    cr_assert(world_run(s->world, leads, s, 5 * SECOND));
}

static void stage_end(struct stage *s)
{
    store_site_do(&s->broker, s->world, hang_up, s);
    store_site_do(&s->at, s->world, stop, s);
    raft_disk_close(s->at.store);
    store_site_end(&s->at);
    heap_release(&s->words);
    store_site_end(&s->broker);
    world_close(s->world);
}

/* Seed 847164 of odradek-sim: the snapshot was told as of the newest batch in it. What lay between that and the log's beginning,
 * entries of leaders and voters, was asked of the log, and every broker that came was sent away until something was decided. */
Test(tail, a_snapshot_stands_for_entries_behind_its_newest_batch)
{
    struct stage s;
    stage_begin(&s);
    cr_assert_eq(quorum_applied(s.quorum), 1, "the leader's own entry, and no batch");
    store_site_do(&s.at, s.world, cut, &s);
    world_sleep(s.world, SECOND / 10);
    cr_assert_eq(s.cut, 1);
    cr_assert_eq(quorum_raft(s.quorum)->log.first, 2);
    store_site_do(&s.broker, s.world, dial, &s);
    world_sleep(s.world, SECOND / 10);
    cr_assert_not(s.down);
    store_site_do(&s.at, s.world, decide, &s);
    world_sleep(s.world, SECOND / 10);
    cr_assert_not(s.down);
    cr_assert_eq(s.count, 2);
    cr_assert(s.pushed[0].snapshot && s.pushed[0].offset == 1 && s.pushed[0].epoch == 1);
    cr_assert(!s.pushed[1].snapshot && s.pushed[1].offset == 2 && s.pushed[1].epoch == 1);
    stage_end(&s);
}

static bool has_all(void *ctx)
{
    const struct stage *s = ctx;
    return s->down || (s->count > 0 && s->pushed[s->count - 1].last);
}

/* So many records went into one chunk of the snapshot that large settings did not fit in it, and the connection was ended, at every
 * try: no broker that needed a snapshot could come back. */
Test(tail, a_snapshot_of_large_settings_is_given)
{
    struct stage s;
    stage_begin(&s);
    store_site_do(&s.at, s.world, restore, &s);
    store_site_do(&s.broker, s.world, dial, &s);
    cr_assert(world_run(s.world, has_all, &s, 60 * SECOND));
    cr_assert_not(s.down);
    cr_assert_gt(s.count, 1);
    for (uint32_t i = 0; i < s.count; i++) {
        cr_assert(s.pushed[i].snapshot && s.pushed[i].offset == 1);
    }
    stage_end(&s);
}

/* Memory was short when a piece of the snapshot was to be sent; it was left out, and the next ones were sent. The broker took the rest for
 * all there is: what it did not see was gone, topics and their records too. */
Test(tail, a_snapshot_waits_where_there_is_no_memory_for_a_piece)
{
    struct stage s;
    stage_begin(&s);
    store_site_do(&s.at, s.world, restore, &s);
    s.words.arena.limit = 5 << 20; /* one of the large ones at a time */
    store_site_do(&s.broker, s.world, dial, &s);
    cr_assert(world_run(s.world, has_all, &s, 60 * SECOND));
    cr_assert_not(s.down);
    cr_assert_eq(s.settings, SETTINGS);
    stage_end(&s);
}
