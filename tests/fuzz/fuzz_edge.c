/*
 * Any bytes as what a client sends to a Kafka port: the edge of a reactor in a fake world, which cuts the stream where the seed
 * (the first byte) says. Handlers decode, keep some requests back and answer them later. Besides the sanitizers this holds: memory
 * in proportion to the input, no more requests at once than the pipeline allows, and all memory comes back.
 */
#include "broker/edge/request.h"
#include "common/port/memory.h"
#include "common/wire/kmsg.h"
#include "tests/fuzz/fuzz.h"
#include "tests/sim/internal.h"

#define KEYS_MAX          128
#define FRAME_MAX         65536
#define AMPLIFICATION_MAX 128u

struct scene {
    struct world *world;
    struct host *host;
    struct loop *loop;
    struct heap heap;
    struct trace trace;
    struct edge edge;
    struct edge_handler handlers[KEYS_MAX];
    struct net_listener *listener;
    struct net_conn *client;
    struct net_events client_events;
    struct slice out;
    struct timer timer;
    struct request *kept[CONNECTION_PIPELINE_MAX];
    uint32_t kept_count;
    bool closed;
};

static void end(struct request *request)
{
    if (request->frame.correlation_id & 1) {
        request_no_answer(request);
        return;
    }
    void *response = arena_alloc(&request->arena, request->frame.api->response->shape->size);
    assert(response != NULL);
    kmsg_init(request->frame.api->response->shape, response);
    request_answer(request, response);
}

static void on_timer(struct timer *timer)
{
    struct scene *scene = CONTAINER_OF(timer, struct scene, timer);
    while (scene->kept_count > 0) {
        end(scene->kept[--scene->kept_count]);
    }
    timer_arm(scene->loop, timer, loop_now_us(scene->loop) + 2000);
}

static void handle(struct request *request)
{
    struct scene *scene = request->edge->api;
    void *message = arena_alloc(&request->arena, request->frame.api->request->shape->size);
    assert(message != NULL);
    if (!request_decode(request, message)) {
        return;
    }
    if (request->frame.correlation_id & 2) {
        assert(scene->kept_count < CONNECTION_PIPELINE_MAX);
        scene->kept[scene->kept_count++] = request;
    } else {
        end(request);
    }
}

static void unknown(struct request *request)
{
    request->frame.version = 0;
    request->frame.correlation_id &= ~1;
    end(request);
}

static void on_accept(void *ctx, struct net_conn *conn)
{
    edge_serve(&((struct scene *)ctx)->edge, conn, slice_str("PLAINTEXT"), NULL);
}

static void on_opened(void *ctx)
{
    struct scene *scene = ctx;
    struct chain chain;
    chain_init(&chain, &scene->heap);
    uint8_t *p = chain_add_memory(&chain, scene->out.n + 1);
    memcpy(p, scene->out.p, scene->out.n);
    p[scene->out.n] = 0;
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
    struct net_address address = {.host = "here", .port = 9092};
    err_t err = net_listen(scene->loop, &address, 10, on_accept, scene, &scene->listener);
    assert(err == OK);
    scene->timer.fire = on_timer;
    on_timer(&scene->timer);
    scene->client_events = (struct net_events){
        .opened = on_opened, .bytes = on_bytes, .closed = on_closed};
    err = net_dial(scene->loop, &address, &scene->client_events, scene, &scene->client);
    assert(err == OK);
}

static void line(void *ctx, struct slice text)
{
    (void)ctx;
    assert(text.n <= TRACE_LINE_MAX);
}

static time_ms wall_now(void *ctx)
{
    (void)ctx;
    return 0;
}

static void scene_open(struct scene *scene, uint8_t seed)
{
    memset(scene, 0, sizeof(*scene));
    scene->world = world_open(seed, false);
    scene->host = world_host(scene->world, "here");
    heap_init(&scene->heap, memory_source(scene->host), 64 << 20);
    trace_init(&scene->trace, "fuzz", line, wall_now, scene);
    err_t err = loop_open(scene->host, "edge", &scene->loop);
    assert(err == OK);
    edge_init(&scene->edge, scene->loop, &scene->heap, &scene->trace);
    for (int16_t key = 0; key < KEYS_MAX; key++) {
        if (kmsg_api_find(key) != NULL) {
            scene->handlers[scene->edge.handler_count++] = (struct edge_handler){key, handle};
        }
    }
    scene->edge.handlers = scene->handlers;
    scene->edge.unknown_version = unknown;
    scene->edge.api = scene;
    scene->edge.frame_max = FRAME_MAX;
    loop_start(scene->loop, first, scene);
}

static void scene_close(struct scene *scene)
{
    edge_close(&scene->edge, NULL);
    if (!scene->closed && scene->client != NULL) {
        net_close(scene->client);
    }
    while (scene->kept_count > 0) {
        request_no_answer(scene->kept[--scene->kept_count]);
    }
    timer_cancel(scene->loop, &scene->timer);
    net_unlisten(scene->listener);
    loop_stop(scene->loop);
    loop_join(scene->loop);
    assert(scene->edge.conn_count == 0 && scene->heap.live == 0);
    heap_release(&scene->heap);
    world_close(scene->world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct scene scene;
    struct slice in = slice_of(data, n);
    scene_open(&scene, fuzz_byte(&in));
    scene.out = in;
    for (int i = 0; i < 20 && !scene.closed; i++) {
        world_sleep(scene.world, 1000);
        assert(scene.kept_count <= CONNECTION_PIPELINE_MAX);
        assert(scene.host->memory_taken <= ((size_t)1 << 20) + AMPLIFICATION_MAX * n);
    }
    scene_close(&scene);
    return 0;
}
