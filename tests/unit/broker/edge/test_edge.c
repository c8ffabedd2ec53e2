/* The edge between a fake network and a handler that answers when chance says so. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "broker/edge/connection.h"
#include "broker/edge/request.h"
#include "common/base/bytes.h"
#include "common/port/clock.h"
#include "common/port/memory.h"
#include "kmsg/api_versions.h"
#include "tests/sim/sim.h"

#define ASKS_MAX  400
#define ROOM      (48u << 20)
#define FRAME_MAX (1u << 20)
#define PATIENCE  (60 * INT64_C(1000000))

struct neighbour;

struct scene {
    struct world *world;
    struct host *host;
    struct loop *loop;
    struct heap heap;
    struct trace trace;
    struct edge edge;
    struct edge_handler handler;
    struct prng prng;
    struct net_listener *listener;
    struct net_conn *client;
    struct net_events client_events;
    struct slice out;            /* what the client says once it is connected */
    struct slice later;          /* ... and when the test says so */
    bool silent;                 /* nothing is answered for now */
    bool works;                  /* every third request has work for the pool */
    struct neighbour *neighbour; /* comes with the client */
    struct request_work work;
    bool working;
    uint32_t worked;
    uint32_t edge_closed;
    uint32_t neighbours; /* requests of other connections, executed while this one's work was out */
    uint8_t *in;         /* what it has heard */
    size_t in_n;
    bool closed;
    struct request *waiting[ASKS_MAX]; /* asked, not answered */
    uint32_t waiting_count;
    uint32_t waiting_most;
    uint32_t asked;
    uint32_t answer_keys; /* how long the answers are */
    bool at_once;
    struct timer answer_timer;
    char lines[4096]; /* of the log */
    size_t lines_n;
};

/* ---- the broker's side ---- */

static void answer(struct scene *scene, struct request *request)
{
    struct kmsg_api_versions_response response;
    kmsg_api_versions_response_init(&response);
    response.error_code = (int16_t)(request->frame.correlation_id * 7);
    int32_t n = (int32_t)prng_below(&scene->prng, scene->answer_keys + 1);
    response.api_keys.items = kmsg_api_versions_response_api_key_array(&request->arena, n);
    response.api_keys.count = n;
    request_answer(request, &response);
}

static void on_answer_timer(struct timer *timer)
{
    struct scene *scene = CONTAINER_OF(timer, struct scene, answer_timer);
    uint64_t count = scene->silent ? 0 : prng_below(&scene->prng, 4);
    for (uint64_t i = count; i > 0 && scene->waiting_count > 0; i--) {
        uint32_t at = (uint32_t)prng_below(&scene->prng, scene->waiting_count);
        struct request *request = scene->waiting[at];
        scene->waiting[at] = scene->waiting[--scene->waiting_count];
        answer(scene, request);
    }
    timer_arm(scene->loop, timer, loop_now_us(scene->loop) + 300);
}

static void handled(struct scene *scene, struct request *request)
{
    if (scene->at_once) {
        answer(scene, request);
        return;
    }
    scene->waiting[scene->waiting_count++] = request;
    scene->waiting_most = scene->waiting_count > scene->waiting_most ? scene->waiting_count
                                                                     : scene->waiting_most;
}

static void pool_works(struct request_work *work)
{
    struct scene *scene = CONTAINER_OF(work, struct scene, work);
    cr_assert(scene->working);
    scene->worked++;
}

static void pool_has_worked(struct request_work *work)
{
    struct scene *scene = CONTAINER_OF(work, struct scene, work);
    cr_assert(scene->working);
    scene->working = false;
    handled(scene, work->request);
}

/* Of a neighbour: answered at once, whatever the others wait for. */
static bool handle_neighbour(struct scene *scene, struct request *request)
{
    if (request->frame.version != 1) {
        return false;
    }
    scene->neighbours += scene->working;
    answer(scene, request);
    return true;
}

/* The body tells the frame's number and is filled with it: every frame comes once, whole, in order. */
static void handle(struct request *request)
{
    struct scene *scene = request->edge->api;
    struct slice body = request->frame.body;
    if (handle_neighbour(scene, request)) {
        return;
    }
    cr_assert_not(scene->working, "executed before what it waits for");
    cr_assert_eq(request->frame.correlation_id, (int32_t)scene->asked);
    bool whole = true;
    for (size_t i = 0; i < body.n; i++) {
        whole = whole && body.p[i] == (uint8_t)scene->asked;
    }
    cr_assert(whole);
    scene->asked++;
    if (scene->works && scene->asked % 3 == 0) {
        scene->working = true;
        scene->work = (struct request_work){.work = pool_works, .done = pool_has_worked};
        request_work(request, &scene->work);
    } else {
        handled(scene, request);
    }
}

static void on_accept(void *ctx, struct net_conn *conn)
{
    struct scene *scene = ctx;
    edge_serve(&scene->edge, conn, slice_str("PLAINTEXT"), NULL);
}

static void on_line(void *ctx, struct slice line)
{
    struct scene *scene = ctx;
    if (scene->lines_n + line.n < sizeof(scene->lines)) {
        memcpy(scene->lines + scene->lines_n, line.p, line.n);
        scene->lines_n += line.n;
    }
}

static time_ms wall_now(void *ctx)
{
    return clock_wall_ms(((struct scene *)ctx)->host);
}

/* ---- the client's side ---- */

static void neighbour_comes(struct neighbour *);

static void say(struct scene *scene, struct slice words)
{
    struct chain chain;
    chain_init(&chain, &scene->heap);
    uint8_t *p = chain_add_memory(&chain, words.n);
    cr_assert_not_null(p);
    memcpy(p, words.p, words.n);
    net_send(scene->client, &chain);
}

static void on_opened(void *ctx)
{
    struct scene *scene = ctx;
    say(scene, scene->out);
    if (scene->neighbour != NULL) {
        neighbour_comes(scene->neighbour);
    }
}

static void on_bytes(void *ctx, const uint8_t *p, size_t n)
{
    struct scene *scene = ctx;
    cr_assert(scene->in_n + n <= ROOM);
    memcpy(scene->in + scene->in_n, p, n);
    scene->in_n += n;
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
    cr_assert_eq(net_listen(scene->loop, &address, 10, on_accept, scene, &scene->listener), OK);
    scene->answer_timer.fire = on_answer_timer;
    on_answer_timer(&scene->answer_timer);
    scene->client_events = (struct net_events){
        .opened = on_opened, .bytes = on_bytes, .closed = on_closed};
    cr_assert_eq(net_dial(scene->loop, &address, &scene->client_events, scene, &scene->client), OK);
}

static void scene_init(struct scene *scene, uint64_t seed, struct slice out)
{
    memset(scene, 0, sizeof(*scene));
    scene->world = world_open(seed, false);
    scene->host = world_host(scene->world, "here");
    prng_init(&scene->prng, seed);
    scene->out = out;
    scene->in = malloc(ROOM);
    scene->answer_keys = 40;
    heap_init(&scene->heap, memory_source(scene->host), 256 << 20);
    trace_init(&scene->trace, "test", on_line, wall_now, scene);
    cr_assert_eq(loop_open(scene->host, "edge", &scene->loop), OK);
    edge_init(&scene->edge, scene->loop, &scene->heap, &scene->trace);
    scene->handler = (struct edge_handler){18, handle};
    scene->edge.handlers = &scene->handler;
    scene->edge.handler_count = 1;
    scene->edge.api = scene;
    scene->edge.frame_max = FRAME_MAX;
    scene->edge.idle_max_ms = 20000;
    loop_start(scene->loop, first, scene);
}

static bool ended(void *ctx)
{
    return ((const struct scene *)ctx)->closed;
}

static void scene_release(struct scene *scene)
{
    if (!scene->edge.closing) {
        edge_close(&scene->edge, NULL);
    }
    if (!scene->closed) {
        net_close(scene->client);
    }
    for (uint32_t i = 0; i < scene->waiting_count; i++) {
        request_no_answer(scene->waiting[i]);
    }
    timer_cancel(scene->loop, &scene->answer_timer);
    net_unlisten(scene->listener);
    loop_stop(scene->loop);
    loop_join(scene->loop);
    cr_assert_eq(scene->edge.conn_count, 0);
    cr_assert_eq(scene->heap.live, 0, "%zu bytes left behind", scene->heap.live);
    heap_release(&scene->heap);
    world_close(scene->world);
    free(scene->in);
}

/* ---- frames ---- */

static void put_frame(struct buf *out, int16_t version, int32_t number, size_t body_n)
{
    uint8_t head[14];
    store_be32(head, (uint32_t)(10 + body_n));
    store_be16(head + 4, 18);
    store_be16(head + 6, (uint16_t)version);
    store_be32(head + 8, (uint32_t)number);
    store_be16(head + 12, 0xffff); /* no client id */
    buf_put(out, head, sizeof(head));
    for (size_t i = 0; i < body_n; i++) {
        uint8_t byte = (uint8_t)number;
        buf_put(out, &byte, 1);
    }
}

/* Answers that are there: in order, each of its request. */
static uint32_t answers(const struct scene *scene)
{
    uint32_t n = 0;
    for (size_t at = 0; at + 4 <= scene->in_n; n++) {
        size_t bytes = load_be32(scene->in + at);
        if (at + 4 + bytes > scene->in_n) {
            break;
        }
        cr_assert_geq(bytes, 6);
        cr_assert_eq(load_be32(scene->in + at + 4), n);
        cr_assert_eq((int16_t)load_be16(scene->in + at + 8), (int16_t)(n * 7));
        at += 4 + bytes;
    }
    return n;
}

struct goal {
    struct scene *scene;
    uint32_t count;
};

static bool all_answered(void *ctx)
{
    const struct goal *goal = ctx;
    return goal->scene->closed ||
           (goal->scene->asked == goal->count && goal->scene->waiting_count == 0 &&
            answers(goal->scene) == goal->count);
}

static size_t frame_size(struct prng *prng)
{
    switch (prng_below(prng, 6)) {
    case 0: return prng_below(prng, FRAME_MAX / 2);
    case 1: return prng_below(prng, 70000);
    default: return prng_below(prng, 60);
    }
}

static void pipeline(uint64_t seed, uint32_t count, uint32_t answer_keys)
{
    struct scene scene;
    static uint8_t room[ROOM] __attribute__((aligned(16)));
    struct memory_block block = {room, sizeof(room), 0};
    struct memory_source source = memory_block_source(&block);
    struct heap heap;
    struct buf out;
    struct prng prng;
    heap_init(&heap, &source, sizeof(room));
    buf_init(&out, &heap, sizeof(room));
    prng_init(&prng, seed);
    for (uint32_t i = 0; i < count; i++) {
        put_frame(&out, 0, (int32_t)i, frame_size(&prng));
    }
    cr_assert_eq(out.err, OK);
    scene_init(&scene, seed, buf_slice(&out));
    scene.answer_keys = answer_keys;
    scene.at_once = seed % 5 == 0;
    scene.edge.pipelines = CONNECTION_PIPELINE_MIN;
    struct goal goal = {&scene, count};
    cr_assert(world_run(scene.world, all_answered, &goal, PATIENCE),
              "seed %llu: %u of %u executed, %u answered", (unsigned long long)seed, scene.asked,
              count, answers(&scene));
    cr_assert_not(scene.closed);
    cr_assert_leq(scene.waiting_most, CONNECTION_PIPELINE_MIN);
    scene_release(&scene);
}

Test(edge, frames_of_any_size_behind_a_full_pipeline_are_executed_once_in_order)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        pipeline(seed, 40, 40);
    }
}

Test(edge, answers_that_pile_up_hold_the_input_and_nothing_is_forgotten)
{
    pipeline(5, 30, 200000); /* answers of a megabyte: the client's window is 256 KiB */
    pipeline(6, 30, 200000);
}

/* ---- work for the pool ---- */

struct neighbour {
    struct scene *scene;
    struct net_events events;
    struct net_conn *conn;
    uint32_t asked;
};

static void neighbour_asks(struct neighbour *neighbour)
{
    struct buf out;
    struct chain chain;
    buf_init(&out, &neighbour->scene->heap, 256);
    put_frame(&out, 1, (int32_t)neighbour->asked++, 3);
    chain_init(&chain, &neighbour->scene->heap);
    uint8_t *p = chain_add_memory(&chain, out.n);
    cr_assert(out.err == OK && p != NULL);
    memcpy(p, out.p, out.n);
    buf_release(&out);
    net_send(neighbour->conn, &chain);
}

static void neighbour_opened(void *ctx)
{
    neighbour_asks(ctx);
}

static void neighbour_hears(void *ctx, const uint8_t *p, size_t n)
{
    (void)p;
    cr_assert_gt(n, 0);
    neighbour_asks(ctx);
}

static void neighbour_gone(void *ctx, err_t why)
{
    (void)ctx;
    (void)why;
}

static void neighbour_comes(struct neighbour *neighbour)
{
    struct net_address address = {.host = "here", .port = 9092};
    neighbour->events = (struct net_events){
        .opened = neighbour_opened, .bytes = neighbour_hears, .closed = neighbour_gone};
    cr_assert_eq(
        net_dial(neighbour->scene->loop, &address, &neighbour->events, neighbour, &neighbour->conn),
        OK);
}

/* While the pool works for a request, none behind it is executed, and neighbours on the same reactor are served. */
Test(edge, work_on_the_pool_holds_its_own_connection_and_no_other)
{
    static uint8_t room[4 << 20] __attribute__((aligned(16)));
    struct memory_block block = {room, sizeof(room), 0};
    struct memory_source source = memory_block_source(&block);
    uint32_t neighbours = 0;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct scene scene;
        struct neighbour neighbour = {.scene = &scene};
        struct heap heap;
        struct buf out;
        block.used = 0;
        heap_init(&heap, &source, sizeof(room));
        buf_init(&out, &heap, sizeof(room));
        for (int32_t i = 0; i < 60; i++) {
            put_frame(&out, 0, i, (size_t)i * 40);
        }
        cr_assert_eq(out.err, OK);
        scene_init(&scene, seed, buf_slice(&out));
        world_disk_pace(scene.host, 2000, 9000);
        scene.works = true;
        scene.at_once = seed % 2 == 0;
        scene.neighbour = &neighbour;
        struct goal goal = {&scene, 60};
        cr_assert(world_run(scene.world, all_answered, &goal, PATIENCE));
        cr_assert_eq(scene.worked, 20);
        neighbours += scene.neighbours;
        net_close(neighbour.conn);
        scene_release(&scene);
    }
    cr_assert_gt(neighbours, 100, "%u requests of neighbours while the pool worked", neighbours);
}

static bool pool_is_at_work(void *ctx)
{
    return ((const struct scene *)ctx)->working;
}

static void edge_is_closed(struct edge *edge)
{
    struct scene *scene = edge->api;
    cr_assert_not(scene->working, "closed before the pool had done its work");
    cr_assert_eq(edge->conn_count, 0);
    scene->edge_closed++;
}

static bool edge_has_closed(void *ctx)
{
    return ((const struct scene *)ctx)->edge_closed > 0;
}

/* Whoever stops its loop then leaves no job behind that still works for a request (seed 971121: a fetch of cold records). */
Test(edge, is_closed_when_work_on_the_pool_has_come_home)
{
    static uint8_t room[1 << 20] __attribute__((aligned(16)));
    struct memory_block block = {room, sizeof(room), 0};
    struct memory_source source = memory_block_source(&block);
    struct scene scene;
    struct heap heap;
    struct buf out;
    heap_init(&heap, &source, sizeof(room));
    buf_init(&out, &heap, sizeof(room));
    for (int32_t i = 0; i < 6; i++) {
        put_frame(&out, 0, i, 10);
    }
    scene_init(&scene, 1, buf_slice(&out));
    world_disk_pace(scene.host, 2000, 9000);
    scene.works = true;
    scene.at_once = true;
    cr_assert(world_run(scene.world, pool_is_at_work, &scene, PATIENCE));
    edge_close(&scene.edge, edge_is_closed);
    cr_assert_eq(scene.edge_closed, 0);
    cr_assert(world_run(scene.world, edge_has_closed, &scene, PATIENCE));
    cr_assert_eq(scene.worked, 1);
    scene_release(&scene);
    cr_assert_eq(scene.edge_closed, 1);
}

/* ---- a pipeline that gets full from outside ---- */

#define CROWD     160
#define FEW       40 /* more than the least of a connection in a crowd, fewer than it may have alone */
#define BIG_BYTES 300000

struct crowd {
    struct scene *scene;
    struct net_events events;
    struct net_conn *conns[CROWD];
    uint32_t told; /* connections that the edge has */
    struct mail mail;
};

static void crowd_bytes(void *ctx, const uint8_t *p, size_t n)
{
    (void)ctx;
    (void)p;
    (void)n;
    cr_assert(false, "nobody asked");
}

static void crowd_closed(void *ctx, err_t why)
{
    (void)ctx;
    cr_assert_eq(why, OK, "the edge closed a connection of the crowd");
}

static void crowd_comes(struct mail *mail)
{
    struct crowd *crowd = CONTAINER_OF(mail, struct crowd, mail);
    struct net_address address = {.host = "here", .port = 9092};
    crowd->events = (struct net_events){.bytes = crowd_bytes, .closed = crowd_closed};
    for (uint32_t i = 0; i < CROWD; i++) {
        cr_assert_eq(
            net_dial(crowd->scene->loop, &address, &crowd->events, crowd, &crowd->conns[i]), OK);
    }
}

static void rest_comes(struct mail *mail)
{
    struct crowd *crowd = CONTAINER_OF(mail, struct crowd, mail);
    say(crowd->scene, crowd->scene->later);
}

/* What the edge has gathered of a frame; and how much that will be. */
static size_t gathered(const struct crowd *crowd, size_t *ret_need)
{
    const struct edge *edge = &crowd->scene->edge;
    const struct connection *conn = CONTAINER_OF(list_first(&edge->conns), struct connection, node);
    *ret_need = conn->reader.gathering ? conn->reader.need : 0;
    return conn->reader.n;
}

static bool nearly_whole(void *ctx)
{
    const struct crowd *crowd = ctx;
    size_t need;
    return crowd->scene->asked == FEW && crowd->scene->edge.conn_count == 1 &&
           gathered(crowd, &need) + 1 == need;
}

static bool crowd_is_there(void *ctx)
{
    return ((const struct crowd *)ctx)->scene->edge.conn_count == CROWD + 1;
}

static bool big_is_whole(void *ctx)
{
    size_t need;
    return gathered(ctx, &need) == need && need > 0;
}

static void crowd_step(struct crowd *crowd, void (*deliver)(struct mail *),
                       bool (*until)(void *ctx), const char *what)
{
    crowd->mail.deliver = deliver;
    if (deliver != NULL) {
        loop_post(crowd->scene->loop, &crowd->mail);
    }
    cr_assert(world_run(crowd->scene->world, until, crowd, PATIENCE), "%s", what);
}

/* With few connections each may have many requests waiting; a crowd makes that too many for one whose large frame the reader is
 * gathering. The frame, whole behind a pipeline that is full, is executed when answers have made room, without another byte from
 * the client. */
Test(edge, a_frame_that_gets_whole_behind_a_full_pipeline_is_not_forgotten)
{
    static uint8_t room[4 << 20] __attribute__((aligned(16)));
    struct memory_block block = {room, sizeof(room), 0};
    struct memory_source source = memory_block_source(&block);
    struct scene scene;
    struct crowd crowd = {.scene = &scene};
    struct heap heap;
    struct buf out;
    heap_init(&heap, &source, sizeof(room));
    buf_init(&out, &heap, sizeof(room));
    for (int32_t i = 0; i < FEW; i++) {
        put_frame(&out, 0, i, 20);
    }
    put_frame(&out, 0, FEW, BIG_BYTES);
    size_t first_n = out.n -
                     1; /* the last byte comes alone: there is no other one to wake anybody */
    cr_assert_eq(out.err, OK);
    scene_init(&scene, 1, slice_of(out.p, first_n));
    scene.later = slice_of(out.p + first_n, out.n - first_n);
    scene.silent = true;
    crowd_step(&crowd, NULL, nearly_whole, "the small frames, and the large one but for a byte");
    crowd_step(&crowd, crowd_comes, crowd_is_there, "the crowd");
    crowd_step(&crowd, rest_comes, big_is_whole, "the rest of the large frame");
    cr_assert_eq(scene.asked, FEW, "it was executed though the pipeline is full");
    scene.silent = false;
    struct goal goal = {&scene, FEW + 1};
    cr_assert(world_run(scene.world, all_answered, &goal, PATIENCE), "it is forgotten");
    for (uint32_t i = 0; i < CROWD; i++) {
        net_close(crowd.conns[i]);
    }
    scene_release(&scene);
}

/* ---- strangers ---- */

/* What the edge says to these bytes before it closes. */
static void meets(struct scene *scene, uint64_t seed, const void *bytes, size_t n,
                  const char *admin)
{
    scene_init(scene, seed, slice_of(bytes, n));
    scene->edge.admin = admin;
    cr_assert(world_run(scene->world, ended, scene, PATIENCE), "the connection stays open");
    cr_assert_eq(scene->asked, 0);
    scene->in[scene->in_n] = 0;
}

static bool said(const struct scene *scene, const char *words)
{
    return strstr((const char *)scene->in, words) != NULL;
}

static bool logged(const struct scene *scene, const char *words)
{
    return strstr(scene->lines, words) != NULL;
}

Test(edge, http_is_told_where_http_is_spoken)
{
    static const char *const asks[] = {"GET / HTTP/1.1\r\n\r\n", "POST /x HTTP/1.0\r\n\r\n",
                                       "DELETE / HTTP/1.1\r\n\r\n", "OPTIONS * HTTP/1.1\r\n\r\n",
                                       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"};
    for (uint64_t seed = 1; seed <= 50; seed++) { /* seeds cut the bytes anywhere */
        const char *ask = asks[seed % ARRAY_LEN(asks)];
        struct scene scene;
        meets(&scene, seed, ask, strlen(ask), seed % 2 == 0 ? "127.0.0.1:9644" : NULL);
        cr_assert(said(&scene, "HTTP/1.1 400 Bad Request\r\n"));
        cr_assert(said(&scene, seed % 2 == 0 ? "http://127.0.0.1:9644 (/readyz, /livez)"
                                             : "set admin.listeners"));
        cr_assert(logged(&scene, "an HTTP request on a Kafka port from here:"));
        scene_release(&scene);
    }
}

Test(edge, a_tls_handshake_gets_an_alert)
{
    static const uint8_t hello[] = {0x16, 0x03, 0x01, 0x00, 0x05, 0x01, 0x00, 0x00, 0x01, 0x00};
    static const uint8_t alert[] = {0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x28};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct scene scene;
        meets(&scene, seed, hello, sizeof(hello), NULL);
        cr_assert_eq(scene.in_n, sizeof(alert));
        cr_assert_arr_eq(scene.in, alert, sizeof(alert));
        cr_assert(logged(&scene, "a TLS handshake on a PLAINTEXT listener"));
        scene_release(&scene);
    }
}

Test(edge, a_frame_that_cannot_be_is_closed_without_a_word)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *line;
    } cases[] = {
        {"\xff\xff\xff\xff", 4, "a frame that cannot be taken"},           /* negative */
        {"\x00\x10\x00\x01", 4, "socket.request.max.bytes is 1048576"},    /* one too many */
        {"\x00\x00\x00\x02\x00\x12", 6, "without a Kafka request header"}, /* too short */
        {"\x00\x00\x00\x00", 4, "without a Kafka request header"},         /* empty */
        {"\x7f\xff\xff\xffgarbage", 11, "a frame that cannot be taken"},   /* noise */
        {"\x00\x00\x00\x0a\x12\x34\x00\x00\x00\x00\x00\x01\xff\xff", 14,
         "a request that this broker does not serve (api key 4660, version 0)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene scene;
        meets(&scene, 100 + i, cases[i].bytes, cases[i].n, NULL);
        cr_assert_eq(scene.in_n, 0);
        cr_assert(logged(&scene, cases[i].line), "%s", scene.lines);
        scene_release(&scene);
    }
}

static void refuse_version(struct request *request)
{
    struct kmsg_api_versions_response response;
    kmsg_api_versions_response_init(&response);
    response.error_code = 35;
    request_answer_version0(request, &response);
}

Test(edge, only_api_versions_answers_a_version_that_nobody_knows)
{
    struct scene scene;
    static const char ask[] = "\x00\x00\x00\x0b\x00\x12\x00\x63\x00\x00\x00\x09\xff\xff";
    static const uint8_t answer0[] = {0, 0, 0, 10, 0, 0, 0, 9, 0, 35, 0, 0, 0, 0};
    scene_init(&scene, 7, slice_of(ask, sizeof(ask)));
    scene.edge.unknown_version = refuse_version;
    cr_assert_not(world_run(scene.world, ended, &scene, 1000000));
    cr_assert_eq(scene.in_n, sizeof(answer0));
    cr_assert_arr_eq(scene.in, answer0, sizeof(answer0));
    scene_release(&scene);
    static const struct edge_handler metadata = {3, refuse_version};
    static const char other[] = "\x00\x00\x00\x0b\x00\x03\x00\x63\x00\x00\x00\x09\xff\xff";
    scene_init(&scene, 8, slice_of(other, sizeof(other)));
    scene.edge.handlers = &metadata;
    cr_assert(world_run(scene.world, ended, &scene, PATIENCE));
    cr_assert(
        logged(&scene, "in a version that this broker does not serve (api key 3, version 99)"));
    scene_release(&scene);
}

Test(edge, a_frame_that_never_ends_takes_no_memory_on_its_word)
{
    struct scene scene;
    static const char begun[] = "\x00\x0f\xff\xff\x00\x12\x00\x00 and no more";
    scene_init(&scene, 3, slice_of(begun, sizeof(begun) - 1));
    world_sleep(scene.world, 1000000);
    cr_assert_not(scene.closed);
    cr_assert_leq(scene.heap.live, 16384);
    world_sleep(scene.world, 30000000); /* connections.max.idle.ms */
    cr_assert(scene.closed);
    scene_release(&scene);
}
