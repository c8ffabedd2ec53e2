/*
 * Any bytes as what comes to a controller's port: a whole controller, alone in its quorum, in a fake world. Even first byte: the
 * stream as it stands; odd: pieces of the input as frames behind a good Hello, with the right or a wrong cluster id. 16 in it: the
 * controller is in its second life. Whatever comes,
 * the controller neither stops nor loses its place for good, and memory stays in proportion.
 */
#include <stdio.h>

#include "common/port/memory.h"
#include "common/rpc/rpc.h"
#include "controller/node/controller_node.h"
#include "tests/fuzz/fuzz.h"
#include "tests/sim/internal.h"

#define AMPLIFICATION_MAX 64u
#define STOP_US           20000000
#define LEAD_US           20000000

struct scene {
    struct world *world;
    struct host *host;
    struct host *desk; /* the stranger's machine */
    struct trace trace;
    struct controller_node *node;
    bool halted;
    struct loop *loop;
    struct heap heap;
    struct net_conn *client;
    struct net_events client_events;
    struct buf out;
    bool closed;
};

static void line(void *ctx, struct slice text)
{
    (void)ctx;
    assert(text.n <= TRACE_LINE_MAX);
    if (getenv("FUZZ_LOG") != NULL) {
        (void)fwrite(text.p, 1, text.n, stderr);
    }
}

static time_ms wall_now(void *ctx)
{
    (void)ctx;
    return 0;
}

static void on_halted(void *ctx)
{
    *(bool *)ctx = true;
}

static bool active(void *ctx)
{
    const struct scene *scene = ctx;
    return scene->halted || controller_node_active(scene->node);
}

static bool halted(void *ctx)
{
    return ((const struct scene *)ctx)->halted;
}

static void controller_open(struct scene *scene)
{
    struct controller_options options = {.node_id = 1,
                                         .data_dir = "/data",
                                         .listener = {.host = "10.0.0.1", .port = 9093},
                                         .voter_count = 1,
                                         .election_min_ms = 150,
                                         .election_max_ms = 300,
                                         .snapshot_bytes = 1 << 20};
    char why[512] = "";
    options.voters[0].id = 1;
    options.voters[0].address = options.listener;
    options.settings = controller_settings_default();
    err_t err = controller_node_start(scene->host, &options, &scene->trace, on_halted,
                                      &scene->halted, why, sizeof(why), &scene->node);
    assert(err == OK);
    bool led = world_run(scene->world, active, scene, LEAD_US);
    assert(led && !scene->halted);
}

static void on_opened(void *ctx)
{
    struct scene *scene = ctx;
    struct chain chain;
    chain_init(&chain, &scene->heap);
    uint8_t *p = chain_add_memory(&chain, scene->out.n);
    memcpy(p, scene->out.p, scene->out.n);
    net_send(scene->client, &chain);
}

static void on_bytes(void *ctx, const uint8_t *p, size_t n)
{
    (void)ctx;
    (void)p;
    (void)n;
}

static void on_closed(void *ctx, err_t why)
{
    (void)why;
    ((struct scene *)ctx)->closed = true;
}

static void first(void *arg)
{
    struct scene *scene = arg;
    struct net_address address = {.host = "10.0.0.1", .port = 9093};
    scene->client_events = (struct net_events){
        .opened = on_opened, .bytes = on_bytes, .closed = on_closed};
    err_t err = net_dial(scene->loop, &address, &scene->client_events, scene, &scene->client);
    assert(err == OK);
}

static void frame_put(struct buf *out, struct slice frame)
{
    uint8_t length[4];
    store_be32(length, (uint32_t)frame.n);
    buf_put(out, length, sizeof(length));
    buf_put(out, frame.p, frame.n);
}

/* The stranger says that he is a broker or a controller of this cluster, or of another one. */
static void hello_put(struct scene *scene, uint8_t mode)
{
    uint8_t bytes[512];
    uint8_t id[16] = {mode};
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    Odradek__Hello hello = ODRADEK__HELLO__INIT;
    Odradek__Node node = ODRADEK__NODE__INIT;
    frame.version = RPC_VERSION;
    frame.body_case = ODRADEK__FRAME__BODY_HELLO;
    frame.hello = &hello;
    hello.role = mode & 2 ? ODRADEK__ROLE__ROLE_BROKER : ODRADEK__ROLE__ROLE_CONTROLLER;
    hello.node = &node;
    hello.cluster_id = mode & 4 ? "another" : "";
    hello.incarnation = (ProtobufCBinaryData){.len = sizeof(id), .data = id};
    node.id = mode & 8 ? 1 : 7;
    node.directory = hello.incarnation;
    assert(odradek__frame__get_packed_size(&frame) <= sizeof(bytes));
    frame_put(&scene->out, slice_of(bytes, odradek__frame__pack(&frame, bytes)));
}

static void stranger_open(struct scene *scene, struct slice in, uint8_t mode)
{
    heap_init(&scene->heap, memory_source(scene->desk), (size_t)64 << 20);
    buf_init(&scene->out, &scene->heap, (size_t)16 << 20);
    if (mode & 1) {
        hello_put(scene, mode);
        while (in.n > 0) {
            frame_put(&scene->out, fuzz_piece(&in));
        }
    } else {
        buf_put(&scene->out, in.p, in.n);
        buf_put(&scene->out, "", 1);
    }
    err_t err = loop_open(scene->desk, "stranger", &scene->loop);
    assert(err == OK && scene->out.err == OK);
    loop_start(scene->loop, first, scene);
}

static void controller_close(struct scene *scene)
{
    controller_node_stop(scene->node);
    (void)world_run(scene->world, halted, scene, STOP_US);
    controller_node_join(scene->node);
}

static void stranger_close(struct scene *scene)
{
    if (!scene->closed) {
        net_close(scene->client);
    }
    buf_release(&scene->out);
    loop_stop(scene->loop);
    loop_join(scene->loop);
    heap_release(&scene->heap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct scene scene = {0};
    struct slice in = slice_of(data, n);
    uint8_t mode = fuzz_byte(&in);
    scene.world = world_open(1, false);
    scene.host = world_host(scene.world, "10.0.0.1");
    scene.desk = world_host(scene.world, "10.0.2.1");
    trace_init(&scene.trace, "fuzz", line, wall_now, NULL);
    controller_open(&scene);
    if (mode & 16) {
        controller_close(&scene);
        scene.halted = false;
        controller_open(&scene);
    }
    size_t before = scene.host->memory_taken;
    stranger_open(&scene, in, mode);
    for (int i = 0; i < 30 && !scene.closed; i++) {
        world_sleep(scene.world, 10000);
        assert(scene.host->memory_taken <= before + ((size_t)4 << 20) + AMPLIFICATION_MAX * n);
    }
    stranger_close(&scene);
    assert(!scene.halted);
    bool led = world_run(scene.world, active, &scene, LEAD_US);
    assert(led && !scene.halted);
    controller_close(&scene);
    world_close(scene.world);
    return 0;
}
