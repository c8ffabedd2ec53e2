/* A broker's connection to a controller that this test plays. */
#include <criterion/criterion.h>

#include "broker/meta/control.h"
#include "common/base/bytes.h"
#include "common/base/buf.h"
#include "common/meta/codec/meta_codec.h"
#include "common/port/clock.h"
#include "common/port/memory.h"
#include "tests/lib/memory.h"
#include "tests/sim/sim.h"

#define SECOND  INT64_C(1000000)
#define BROKER  101
#define EPOCH   3
#define OFFSET  5
#define CLUSTER "abcdefghijklmnopqrstuv"

/* A process with a loop. */
struct process {
    struct host *host;
    struct loop *loop;
    struct heap heap;
    struct mail mail;
    void (*turn)(void *ctx);
};

struct stage {
    struct world *world;
    struct process controller;
    struct process broker;
    struct rpc rpc;
    Odradek__Hello hello;
    Odradek__Node node;
    struct net_listener *listener;
    struct rpc_conn *conn; /* of the broker, once it has subscribed */
    uint32_t subscriptions;
    bool mute;     /* no heartbeat is answered */
    uint8_t piece; /* of the snapshot: the next one to send */
    struct trace trace;
    struct test_memory memory;
    struct heap images;
    struct metadata metadata;
    struct control *control;
    uint32_t shown; /* images */
    uint32_t fatal;
};

static struct stage stage;
static const struct net_address address = {.host = "10.0.0.1", .port = 9093};

static void first(void *arg)
{
    cr_assert_not_null(arg);
}

static void process_begin(struct process *p, const char *name, const char *at)
{
    p->host = world_host(stage.world, at);
    heap_init(&p->heap, memory_source(p->host), 64 << 20);
    cr_assert_eq(loop_open(p->host, name, &p->loop), OK);
    loop_start(p->loop, first, p);
}

static void process_end(struct process *p)
{
    loop_stop(p->loop);
    loop_join(p->loop);
    heap_release(&p->heap);
}

static void take_turn(struct mail *mail)
{
    struct process *p = CONTAINER_OF(mail, struct process, mail);
    p->turn(&stage);
    p->turn = NULL;
}

static bool turn_taken(void *process)
{
    return ((struct process *)process)->turn == NULL;
}

static void process_do(struct process *p, void (*turn)(void *))
{
    p->turn = turn;
    p->mail.deliver = take_turn;
    loop_post(p->loop, &p->mail);
    cr_assert(world_run(stage.world, turn_taken, p, SECOND));
}

/* ---- the controller ---- */

static void on_up(void *ctx, struct rpc_conn *conn, const Odradek__Hello *peer)
{
    cr_assert(ctx == &stage && conn != NULL);
    cr_assert_eq(peer->node->id, BROKER);
}

static void on_frame(void *ctx, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    Odradek__Registered registered = ODRADEK__REGISTERED__INIT;
    Odradek__Heartbeaten heartbeaten = ODRADEK__HEARTBEATEN__INIT;
    Odradek__Done done = ODRADEK__DONE__INIT;
    Odradek__Frame answer = ODRADEK__FRAME__INIT;
    cr_assert_eq(ctx, &stage);
    switch (frame->body_case) {
    case ODRADEK__FRAME__BODY_REGISTER:
        registered.epoch = EPOCH;
        registered.cluster_id = (char *)CLUSTER;
        answer.body_case = ODRADEK__FRAME__BODY_REGISTERED;
        answer.registered = &registered;
        break;
    case ODRADEK__FRAME__BODY_HEARTBEAT:
        if (stage.mute) {
            return;
        }
        heartbeaten.fenced = true;
        answer.body_case = ODRADEK__FRAME__BODY_HEARTBEATEN;
        answer.heartbeaten = &heartbeaten;
        break;
    default:
        cr_assert_eq(frame->body_case, ODRADEK__FRAME__BODY_TAIL);
        answer.body_case = ODRADEK__FRAME__BODY_DONE;
        answer.done = &done;
        stage.conn = conn;
        stage.subscriptions++;
    }
    rpc_answer(&stage.rpc, rpc_asker_of(conn, frame), &answer);
}

static void on_down(void *ctx, struct rpc_conn *conn, err_t why)
{
    cr_assert(ctx == &stage && conn != NULL && why != OK);
    stage.conn = NULL;
}

static const struct rpc_events controller_events = {
    .up = on_up, .frame = on_frame, .down = on_down};

static void on_accept(void *ctx, struct net_conn *net)
{
    struct rpc_conn *conn;
    cr_assert_eq(rpc_accept(&stage.rpc, net, &controller_events, ctx, &conn), OK);
}

static void controller_begin(void *ctx)
{
    struct process *p = &stage.controller;
    odradek__hello__init(&stage.hello);
    odradek__node__init(&stage.node);
    stage.node.id = 1;
    stage.hello.node = &stage.node;
    rpc_init(&stage.rpc, p->loop, &p->heap, (struct hash_key){1, 2}, &stage.hello);
    cr_assert_eq(net_listen(p->loop, &address, 8, on_accept, ctx, &stage.listener), OK);
}

static void controller_end(void *ctx)
{
    cr_assert_eq(ctx, &stage);
    net_unlisten(stage.listener);
    rpc_release(&stage.rpc);
}

/* The next of three pieces, with a topic each. */
static void send_piece(void *ctx)
{
    struct buf bytes;
    char name[] = "topic-0";
    struct meta_record record = {.kind = META_TOPIC};
    Odradek__TailPush push = ODRADEK__TAIL_PUSH__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    cr_assert(ctx == &stage && stage.conn != NULL);
    name[6] = (char)('0' + stage.piece);
    record.topic.id = (struct uuid){.b = {(uint8_t)(stage.piece + 1)}};
    record.topic.name = slice_str(name);
    buf_init(&bytes, &stage.controller.heap, 4096);
    buf_put(&bytes, "\0\0\0\0", 4);
    cr_assert_eq(meta_batch_encode((struct meta_batch){&record, 1}, &bytes), OK);
    store_be32(bytes.p, (uint32_t)(bytes.n - 4));
    push.offset = OFFSET;
    push.epoch = 1;
    push.snapshot = true;
    push.snapshot_first = stage.piece == 0;
    push.snapshot_last = stage.piece == 2;
    push.batch.data = bytes.p;
    push.batch.len = bytes.n;
    frame.body_case = ODRADEK__FRAME__BODY_TAIL_PUSH;
    frame.tail_push = &push;
    (void)rpc_send(stage.conn, &frame);
    buf_release(&bytes);
    stage.piece++;
}

/* ---- the broker ---- */

static void on_joined(void *ctx, const char *cluster_id, int64_t broker_epoch)
{
    cr_assert_eq(ctx, &stage);
    cr_assert_str_eq(cluster_id, CLUSTER);
    cr_assert_eq(broker_epoch, EPOCH);
}

static void on_coming(void *ctx, const struct meta_image *old, const struct meta_image *next,
                      const struct meta_changes *changes)
{
    cr_assert(ctx == &stage && old != next && changes != NULL);
}

static void on_image(void *ctx, const struct meta_image *old, const struct meta_image *now,
                     const struct meta_changes *changes)
{
    cr_assert(ctx == &stage && old != now && changes != NULL);
    stage.shown++;
}

static void on_fenced(void *ctx, bool fenced)
{
    cr_assert(ctx == &stage && fenced);
}

static void on_may_stop(void *ctx)
{
    cr_assert(ctx != &stage);
}

static void on_fatal(void *ctx, const char *sentence)
{
    cr_assert(ctx == &stage && sentence[0] != '\0');
    stage.fatal++;
}

static const struct control_events broker_events = {.joined = on_joined,
                                                    .coming = on_coming,
                                                    .image = on_image,
                                                    .fenced = on_fenced,
                                                    .may_stop = on_may_stop,
                                                    .fatal = on_fatal};

static void written(void *ctx, struct slice line)
{
    cr_assert(ctx == &stage && line.n > 0);
}

static time_ms wall_now(void *ctx)
{
    return clock_wall_ms(((struct stage *)ctx)->broker.host);
}

static void broker_begin(void *ctx)
{
    struct process *p = &stage.broker;
    struct control_options options = {.broker = BROKER,
                                      .endpoint_count = 1,
                                      .dir_count = 1,
                                      .previous_epoch = -1,
                                      .controllers[0] = address,
                                      .controller_count = 1,
                                      .heartbeat_ms = 300,
                                      .session_ms = 9000,
                                      .seed = 7};
    options.endpoints[0] = (struct meta_endpoint){slice_str("PLAINTEXT"), slice_str("10.0.0.2"),
                                                  9092, 0};
    options.dirs[0].id = (struct uuid){.b = {8}};
    cr_assert_eq(metadata_init(&stage.metadata, p->loop, &stage.images), OK);
    cr_assert_eq(control_open(p->loop, &p->heap, &stage.trace, &stage.metadata, &options,
                              &broker_events, ctx, &stage.control),
                 OK);
    control_start(stage.control);
}

static void broker_end(void *ctx)
{
    cr_assert_eq(ctx, &stage);
    control_end(stage.control);
    control_close(stage.control);
    metadata_release(&stage.metadata);
}

/* ---- the stage ---- */

static bool subscribed(void *ctx)
{
    return ((struct stage *)ctx)->conn != NULL;
}

static void stage_begin(void)
{
    memset(&stage, 0, sizeof(stage));
    stage.world = world_open(1, false);
    test_memory_init(&stage.memory);
    heap_init(&stage.images, &stage.memory.source, 64 << 20);
    trace_init(&stage.trace, "broker", written, wall_now, &stage);
    process_begin(&stage.controller, "controller", "10.0.0.1");
    process_begin(&stage.broker, "control", "10.0.0.2");
    process_do(&stage.controller, controller_begin);
    process_do(&stage.broker, broker_begin);
    cr_assert(world_run(stage.world, subscribed, &stage, 5 * SECOND));
}

static void stage_end(void)
{
    process_do(&stage.broker, broker_end);
    process_do(&stage.controller, controller_end);
    process_end(&stage.broker);
    process_end(&stage.controller);
    heap_release(&stage.images);
    cr_assert_eq(stage.memory.out, 0);
    world_close(stage.world);
}

static void piece_comes(void)
{
    process_do(&stage.controller, send_piece);
    world_sleep(stage.world, SECOND / 100);
}

Test(control, a_snapshot_is_shown_when_all_of_it_is_there)
{
    stage_begin();
    piece_comes();
    piece_comes();
    cr_assert_eq(stage.shown, 0);
    piece_comes();
    cr_assert_eq(stage.shown, 1);
    cr_assert_eq(meta_topic_count(metadata_image(&stage.metadata)), 3);
    cr_assert_eq(stage.fatal, 0);
    stage_end();
}

/* There was no memory for the second one. Its node is told to stop, which takes a while; the last one comes before. */
Test(control, a_snapshot_of_which_a_piece_was_not_taken_is_not_shown)
{
    stage_begin();
    piece_comes();
    stage.memory.most = 0;
    test_memory_heap_by_piece(&stage.images);
    piece_comes();
    stage.memory.most = SIZE_MAX;
    cr_assert_gt(stage.fatal, 0);
    piece_comes();
    cr_assert_eq(stage.shown, 0);
    cr_assert_eq(meta_topic_count(metadata_image(&stage.metadata)), 0);
    stage_end();
}

/* What is answered to its heartbeats lies behind pieces of the snapshot that are on their way: it took that for silence, looked for a
 * controller again, and was sent the snapshot from its beginning, at every try. */
Test(control, a_snapshot_over_a_thin_way_is_not_begun_again_and_again)
{
    stage_begin();
    stage.mute = true;
    piece_comes();
    world_sleep(stage.world, 4 * SECOND);
    piece_comes();
    world_sleep(stage.world, 4 * SECOND);
    piece_comes();
    cr_assert_eq(stage.subscriptions, 1);
    cr_assert_eq(stage.shown, 1);
    cr_assert_eq(stage.fatal, 0);
    stage_end();
}

Test(control, who_gets_no_more_pieces_of_a_snapshot_looks_for_a_controller)
{
    stage_begin();
    stage.mute = true;
    piece_comes();
    world_sleep(stage.world, 12 * SECOND);
    cr_assert_gt(stage.subscriptions, 1);
    cr_assert_eq(stage.shown + stage.fatal, 0);
    stage_end();
}
