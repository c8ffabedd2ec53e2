/*
 * Any bytes as what comes to a port between nodes: the stream as it stands, or (odd first byte) pieces of the input as frames
 * behind a good Hello. What is handed up is taken further: Raft messages are read for the core, what may be answered is. Memory
 * stays in proportion to the input.
 */
#include "common/port/memory.h"
#include "controller/node/raft_wire.h"
#include "tests/fuzz/fuzz.h"
#include "tests/sim/internal.h"

#define AMPLIFICATION_MAX 64u

struct scene {
    struct world *world;
    struct host *host;
    struct loop *loop;
    struct heap heap;
    struct rpc rpc;
    struct rpc_conn *conn;
    Odradek__Hello hello;
    Odradek__Node node;
    struct net_listener *listener;
    struct net_conn *client;
    struct net_events client_events;
    struct buf out;
    uint32_t ups;
    uint32_t downs;
    bool closed;
};

static void on_up(void *ctx, struct rpc_conn *conn, const Odradek__Hello *peer)
{
    struct scene *scene = ctx;
    struct uuid id;
    assert(conn == scene->conn && peer->node != NULL && scene->ups == 0);
    IGNORE(rpc_uuid_read(peer->incarnation, &id));
    scene->ups++;
}

static void raft_take(struct scene *scene, const Odradek__RaftMessage *raft)
{
    struct arena arena;
    struct raft_message message;
    struct raft_cargo cargo;
    arena_init(&arena, memory_source(scene->host), 4096, (size_t)16 << 20);
    err_t err = raft_wire_read(raft, &arena, &message, &cargo);
    assert(err == OK || err == ERR_MALFORMED || err == ERR_NO_MEMORY || err == ERR_TOO_LARGE);
    if (err == OK) {
        assert(cargo.entry_count == 0 || cargo.entries != NULL);
        err = raft_wire_send(scene->conn, &message, &cargo, &arena); /* and out again */
        assert(err == OK || err == ERR_NO_MEMORY);
    }
    arena_release(&arena);
}

static void on_frame(void *ctx, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    struct scene *scene = ctx;
    assert(scene->ups == 1 && scene->downs == 0 && !frame->answer);
    if (frame->body_case == ODRADEK__FRAME__BODY_RAFT) {
        raft_take(scene, frame->raft);
    }
    if (frame->id % 3 == 0) {
        rpc_refuse(&scene->rpc, rpc_asker_of(conn, frame), 42, "no");
    }
}

static void on_down(void *ctx, struct rpc_conn *conn, err_t why)
{
    struct scene *scene = ctx;
    assert(conn == scene->conn && why != OK && scene->downs == 0);
    scene->downs++;
}

static const struct rpc_events events = {.up = on_up, .frame = on_frame, .down = on_down};

static void on_accept(void *ctx, struct net_conn *conn)
{
    struct scene *scene = ctx;
    err_t err = rpc_accept(&scene->rpc, conn, &events, scene, &scene->conn);
    assert(err == OK);
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
    struct net_address address = {.host = "here", .port = 9093};
    err_t err = net_listen(scene->loop, &address, 10, on_accept, scene, &scene->listener);
    assert(err == OK);
    scene->client_events = (struct net_events){
        .opened = on_opened, .bytes = on_bytes, .closed = on_closed};
    err = net_dial(scene->loop, &address, &scene->client_events, scene, &scene->client);
    assert(err == OK);
}

static void frame_put(struct buf *out, struct slice frame)
{
    uint8_t length[4];
    store_be32(length, (uint32_t)frame.n);
    buf_put(out, length, sizeof(length));
    buf_put(out, frame.p, frame.n);
}

static void hello_put(struct scene *scene, struct buf *out)
{
    uint8_t bytes[256];
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.version = RPC_VERSION;
    frame.body_case = ODRADEK__FRAME__BODY_HELLO;
    frame.hello = &scene->hello;
    assert(odradek__frame__get_packed_size(&frame) <= sizeof(bytes));
    frame_put(out, slice_of(bytes, odradek__frame__pack(&frame, bytes)));
}

static void out_make(struct scene *scene, struct slice in, bool framed)
{
    buf_init(&scene->out, &scene->heap, (size_t)16 << 20);
    if (!framed) {
        buf_put(&scene->out, in.p, in.n);
        buf_put(&scene->out, "", 1);
        return;
    }
    hello_put(scene, &scene->out);
    while (in.n > 0) {
        frame_put(&scene->out, fuzz_piece(&in));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct scene scene = {0};
    struct slice in = slice_of(data, n);
    uint8_t mode = fuzz_byte(&in);
    scene.world = world_open(mode, false);
    scene.host = world_host(scene.world, "here");
    heap_init(&scene.heap, memory_source(scene.host), (size_t)128 << 20);
    err_t err = loop_open(scene.host, "rpc", &scene.loop);
    assert(err == OK);
    odradek__hello__init(&scene.hello);
    odradek__node__init(&scene.node);
    scene.hello.node = &scene.node;
    scene.hello.role = ODRADEK__ROLE__ROLE_BROKER;
    rpc_init(&scene.rpc, scene.loop, &scene.heap, (struct hash_key){1, 2}, &scene.hello);
    out_make(&scene, in, mode & 1);
    loop_start(scene.loop, first, &scene);
    for (int i = 0; i < 20 && !scene.closed; i++) {
        world_sleep(scene.world, 1000);
        assert(scene.host->memory_taken <= ((size_t)1 << 20) + AMPLIFICATION_MAX * n);
    }
    rpc_release(&scene.rpc);
    if (!scene.closed) {
        net_close(scene.client);
    }
    buf_release(&scene.out);
    net_unlisten(scene.listener);
    loop_stop(scene.loop);
    loop_join(scene.loop);
    assert(scene.heap.live == 0);
    heap_release(&scene.heap);
    world_close(scene.world);
    return 0;
}
