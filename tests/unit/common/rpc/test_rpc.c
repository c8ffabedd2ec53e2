/* Frames between two nodes in the fake world: greetings, ids, deadlines, and peers that break the rules. */
#include <criterion/criterion.h>

#include "common/port/memory.h"
#include "common/rpc/rpc.h"
#include "tests/sim/sim.h"

#define SECOND     INT64_C(1000000)
#define PORT       9000
#define FRAMES_MAX 64
#define HEAP_MAX   ((size_t)64 << 20)

/* One node: what it did and what it was told. */
struct side {
    struct host *host;
    struct loop *loop;
    struct heap heap;
    struct rpc rpc;
    Odradek__Hello hello;
    Odradek__Node node;
    struct rpc_conn *conn;
    uint32_t ups;
    uint32_t downs;
    err_t why;
    int32_t peer; /* as its Hello said */
    uint32_t frames;
    int64_t offsets[FRAMES_MAX]; /* of TailPush messages, in the order they came */
    struct rpc_asker askers[FRAMES_MAX];
    uint32_t asked;
};

/* A request and how it ended. */
struct asking {
    struct rpc_call call;
    uint32_t dones;
    err_t err;
    int32_t error;
    int64_t offset;
};

static struct world *world;
static struct side server;
static struct side client;
static struct net_listener *listener;

/* ---- on a loop ---- */

struct errand {
    struct mail mail;
    void (*fn)(void *arg);
    void *arg;
    bool done;
};

static void errand_run(struct mail *mail)
{
    struct errand *errand = CONTAINER_OF(mail, struct errand, mail);
    errand->fn(errand->arg);
    errand->done = true;
}

static bool errand_done(void *ctx)
{
    return ((const struct errand *)ctx)->done;
}

static void on_loop(struct side *side, void (*fn)(void *arg), void *arg)
{
    struct errand errand = {.mail = {.deliver = errand_run}, .fn = fn, .arg = arg};
    loop_post(side->loop, &errand.mail);
    cr_assert(world_run(world, errand_done, &errand, SECOND));
}

static void nothing(void *arg)
{
    (void)arg;
}

/* ---- the two nodes ---- */

static void on_up(void *ctx, struct rpc_conn *conn, const Odradek__Hello *peer)
{
    struct side *side = ctx;
    cr_assert_eq(conn, side->conn);
    cr_assert_eq(side->frames, 0, "nothing is handed up before the Hello");
    side->ups++;
    side->peer = peer->node->id;
}

static void on_frame(void *ctx, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    struct side *side = ctx;
    cr_assert_eq(side->ups, 1);
    cr_assert_eq(frame->body_case, ODRADEK__FRAME__BODY_TAIL_PUSH);
    cr_assert_lt(side->frames, FRAMES_MAX);
    side->offsets[side->frames++] = frame->tail_push->offset;
    if (frame->id != 0) {
        side->askers[side->asked++] = rpc_asker_of(conn, frame);
    }
}

static void on_down(void *ctx, struct rpc_conn *conn, err_t why)
{
    struct side *side = ctx;
    cr_assert_eq(conn, side->conn);
    side->downs++;
    side->why = why;
    side->conn = NULL;
}

static const struct rpc_events events = {.up = on_up, .frame = on_frame, .down = on_down};

static void on_accept(void *ctx, struct net_conn *net)
{
    struct side *side = ctx;
    cr_assert_eq(rpc_accept(&side->rpc, net, &events, side, &side->conn), OK);
}

static const struct net_address server_address = {.host = "10.0.0.1", .port = PORT};

static void server_listen(void *arg)
{
    (void)arg;
    cr_assert_eq(net_listen(server.loop, &server_address, 8, on_accept, &server, &listener), OK);
}

static void side_open(struct side *side, const char *address, int32_t id)
{
    *side = (struct side){.host = world_host(world, address), .why = OK};
    heap_init(&side->heap, memory_source(side->host), HEAP_MAX);
    cr_assert_eq(loop_open(side->host, "rpc", &side->loop), OK);
    odradek__hello__init(&side->hello);
    odradek__node__init(&side->node);
    side->node.id = id;
    side->hello.node = &side->node;
    rpc_init(&side->rpc, side->loop, &side->heap, (struct hash_key){.k0 = 1, .k1 = 2},
             &side->hello);
    loop_start(side->loop, nothing, NULL);
}

static void side_rest(void *arg)
{
    struct side *side = arg;
    rpc_release(&side->rpc);
    if (side == &server) {
        net_unlisten(listener);
    }
}

static void side_close(struct side *side)
{
    on_loop(side, side_rest, side);
    loop_stop(side->loop);
    loop_join(side->loop);
    heap_release(&side->heap);
}

static void begin(void)
{
    world = world_open(7, false);
    side_open(&server, "10.0.0.1", 1);
    side_open(&client, "10.0.0.2", 2);
    on_loop(&server, server_listen, NULL);
}

static void end(void)
{
    side_close(&client);
    side_close(&server);
    world_close(world);
}

TestSuite(rpc, .init = begin, .fini = end);

static void client_dial(void *arg)
{
    (void)arg;
    cr_assert_eq(rpc_dial(&client.rpc, &server_address, &events, &client, &client.conn), OK);
}

static bool both_up(void *ctx)
{
    (void)ctx;
    return server.ups == 1 && client.ups == 1;
}

static void connect_both(void)
{
    on_loop(&client, client_dial, NULL);
    cr_assert(world_run(world, both_up, NULL, SECOND));
}

/* ---- messages and requests ---- */

static Odradek__Frame *push_frame(int64_t offset)
{
    static Odradek__Frame frame;
    static Odradek__TailPush body;
    odradek__frame__init(&frame);
    odradek__tail_push__init(&body);
    body.offset = offset;
    frame.body_case = ODRADEK__FRAME__BODY_TAIL_PUSH;
    frame.tail_push = &body;
    return &frame;
}

static void on_done(struct rpc_call *call, err_t err, const Odradek__Frame *answer)
{
    struct asking *asking = CONTAINER_OF(call, struct asking, call);
    asking->dones++;
    asking->err = err;
    asking->error = answer == NULL ? 0 : answer->error;
    asking->offset = answer != NULL && answer->body_case == ODRADEK__FRAME__BODY_TAIL_PUSH
                         ? answer->tail_push->offset
                         : -1;
}

static void send_ten(void *arg)
{
    (void)arg;
    for (int64_t i = 0; i < 10; i++) {
        rpc_send(client.conn, push_frame(i));
    }
}

static void ask_with(struct asking *asking, int64_t offset, time_ms timeout_ms)
{
    asking->call.done = on_done;
    rpc_ask(client.conn, &asking->call, push_frame(offset), timeout_ms);
}

static void ask_three(void *arg)
{
    struct asking *asking = arg;
    for (int64_t i = 0; i < 3; i++) {
        ask_with(&asking[i], 100 + i, 1000);
    }
}

static void answer_backwards(void *arg)
{
    (void)arg;
    cr_assert_eq(server.asked, 3);
    for (int i = 2; i > 0; i--) {
        rpc_answer(&server.rpc, server.askers[i], push_frame(server.offsets[i] * 2));
    }
    rpc_refuse(&server.rpc, server.askers[0], 41, "not here");
}

static void answer_late(void *arg)
{
    (void)arg;
    rpc_answer(&server.rpc, server.askers[0], push_frame(1));
    rpc_answer(&server.rpc, (struct rpc_asker){.conn = 99, .request = 1}, push_frame(1));
}

static void client_hang_up(void *arg)
{
    (void)arg;
    rpc_close(client.conn);
    client.conn = NULL;
}

static void ask_and_forget(void *arg)
{
    struct asking *asking = arg;
    ask_with(asking, 1, 100);
    rpc_forget(&asking->call);
    rpc_forget(&asking->call);
}

Test(rpc, both_sides_greet_and_messages_keep_their_order)
{
    connect_both();
    cr_assert_eq(server.peer, 2);
    cr_assert_eq(client.peer, 1);
    on_loop(&client, send_ten, NULL);
    world_sleep(world, SECOND);
    cr_assert_eq(server.frames, 10);
    for (int64_t i = 0; i < 10; i++) {
        cr_assert_eq(server.offsets[i], i);
    }
    cr_assert_eq(server.asked, 0, "nobody waits for an answer to these");
}

Test(rpc, answers_find_their_requests_in_any_order)
{
    static struct asking asking[3];
    connect_both();
    on_loop(&client, ask_three, asking);
    world_sleep(world, SECOND / 10);
    on_loop(&server, answer_backwards, NULL);
    world_sleep(world, SECOND / 10);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(asking[i].dones, 1);
        cr_assert_eq(asking[i].err, OK);
        cr_assert_eq(asking[i].error, i == 0 ? 41 : 0);
        cr_assert_eq(asking[i].offset, i == 0 ? -1 : (100 + i) * 2);
    }
}

Test(rpc, a_request_without_an_answer_ends_at_its_deadline_and_once)
{
    static struct asking asking[3];
    connect_both();
    on_loop(&client, ask_three, asking);
    world_sleep(world, SECOND - SECOND / 20);
    cr_assert_eq(asking[0].dones, 0, "not before");
    world_sleep(world, SECOND / 10);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(asking[i].dones, 1);
        cr_assert_eq(asking[i].err, ERR_TIMEOUT);
    }
    on_loop(&server, answer_late, NULL);
    world_sleep(world, SECOND);
    cr_assert_eq(asking[0].dones, 1, "an answer that comes too late is nobody's");
    cr_assert_not_null(client.conn, "and harms nobody");
}

Test(rpc, requests_end_with_their_connection)
{
    static struct asking asking[3];
    connect_both();
    on_loop(&client, ask_three, asking);
    world_sleep(world, SECOND / 10);
    on_loop(&client, client_hang_up, NULL);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(asking[i].dones, 1);
        cr_assert_eq(asking[i].err, ERR_CLOSED);
    }
    cr_assert_eq(client.downs, 0, "who closes is not told so");
    world_sleep(world, SECOND / 10);
    cr_assert_eq(server.downs, 1);
    cr_assert_eq(server.why, ERR_CLOSED);
    on_loop(&server, answer_late, NULL); /* the asker is gone: dropped */
}

Test(rpc, a_crash_of_the_peer_ends_what_waits)
{
    static struct asking asking[3];
    connect_both();
    on_loop(&client, ask_three, asking);
    world_sleep(world, SECOND / 100);
    on_loop(&server, side_rest, &server); /* its end of the connection goes */
    world_sleep(world, SECOND / 10);
    cr_assert_eq(client.downs, 1);
    cr_assert_eq(client.why, ERR_CLOSED);
    cr_assert_eq(asking[2].dones, 1);
    cr_assert_eq(asking[2].err, ERR_CLOSED);
    rpc_init(&server.rpc, server.loop, &server.heap, (struct hash_key){.k0 = 3}, &server.hello);
    on_loop(&server, server_listen, NULL); /* for the end of the test */
}

Test(rpc, what_is_forgotten_is_not_told)
{
    static struct asking asking;
    connect_both();
    on_loop(&client, ask_and_forget, &asking);
    world_sleep(world, SECOND / 20);
    cr_assert_eq(server.asked, 1);
    on_loop(&server, answer_late, NULL);
    world_sleep(world, SECOND);
    cr_assert_eq(asking.dones, 0);
}

Test(rpc, nobody_listens)
{
    side_close(&server);
    on_loop(&client, client_dial, NULL);
    world_sleep(world, SECOND);
    cr_assert_eq(client.downs, 1);
    cr_assert_eq(client.why, ERR_REFUSED);
    cr_assert_eq(client.ups, 0);
    side_open(&server, "10.0.0.1", 1);
    on_loop(&server, server_listen, NULL);
}

/* ---- peers that break the rules ---- */

struct stranger {
    struct net_conn *net;
    const uint8_t *bytes;
    size_t n;
    size_t piece; /* bytes a send; 0: all at once */
    bool closed;
};

static void stranger_bytes(void *ctx, const uint8_t *p, size_t n)
{
    (void)ctx;
    (void)p;
    (void)n;
}

static void stranger_closed(void *ctx, err_t why)
{
    struct stranger *stranger = ctx;
    (void)why;
    stranger->closed = true;
    stranger->net = NULL;
}

static const struct net_events stranger_events = {.bytes = stranger_bytes,
                                                  .closed = stranger_closed};

static void stranger_dial(void *arg)
{
    struct stranger *stranger = arg;
    cr_assert_eq(net_dial(client.loop, &server_address, &stranger_events, stranger, &stranger->net),
                 OK);
}

static void stranger_send(void *arg)
{
    struct stranger *stranger = arg;
    size_t n = stranger->piece == 0 ? stranger->n : stranger->piece;
    n = n < stranger->n ? n : stranger->n;
    struct chain chain;
    chain_init(&chain, &client.heap);
    uint8_t *p = chain_add_memory(&chain, n);
    cr_assert_not_null(p);
    memcpy(p, stranger->bytes, n);
    stranger->bytes += n;
    stranger->n -= n;
    if (stranger->net != NULL) {
        net_send(stranger->net, &chain);
    } else {
        chain_release(&chain);
    }
}

static void stranger_hang_up(void *arg)
{
    struct stranger *stranger = arg;
    if (stranger->net != NULL) {
        net_close(stranger->net);
        stranger->net = NULL;
    }
}

/* The server's verdict on these bytes; OK: it still listens to them. */
static err_t verdict(const uint8_t *bytes, size_t n, size_t piece)
{
    struct stranger stranger = {.bytes = bytes, .n = n, .piece = piece};
    server.ups = server.downs = server.frames = server.asked = 0;
    server.why = OK;
    on_loop(&client, stranger_dial, &stranger);
    while (stranger.n > 0) {
        on_loop(&client, stranger_send, &stranger);
        world_sleep(world, 2000);
    }
    world_sleep(world, SECOND / 5);
    err_t why = server.why;
    cr_assert_eq(server.downs, why == OK ? 0 : 1);
    cr_assert_eq(stranger.closed, why != OK, "who is refused is hung up on");
    on_loop(&client, stranger_hang_up, &stranger);
    world_sleep(world, SECOND / 5);
    return why;
}

/* Frame with its length into `to`; how many bytes. */
static size_t pack(const Odradek__Frame *frame, uint8_t *to)
{
    size_t n = odradek__frame__pack(frame, to + 4);
    to[0] = (uint8_t)(n >> 24);
    to[1] = (uint8_t)(n >> 16);
    to[2] = (uint8_t)(n >> 8);
    to[3] = (uint8_t)n;
    return n + 4;
}

static size_t pack_hello(uint8_t *to, uint32_t version, bool with_node)
{
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    Odradek__Hello hello = ODRADEK__HELLO__INIT;
    Odradek__Node node = ODRADEK__NODE__INIT;
    node.id = 5;
    hello.node = with_node ? &node : NULL;
    frame.version = version;
    frame.body_case = ODRADEK__FRAME__BODY_HELLO;
    frame.hello = &hello;
    return pack(&frame, to);
}

static size_t pack_push(uint8_t *to, uint32_t version, int64_t offset)
{
    Odradek__Frame *frame = push_frame(offset);
    frame->version = version;
    return pack(frame, to);
}

Test(rpc, hostile_lengths_take_no_memory)
{
    static const uint8_t negative[] = {0xff, 0xff, 0xff, 0xff, 1, 2, 3};
    static const uint8_t too_long[] = {0, 0x80, 0, 1, 1, 2, 3}; /* RPC_FRAME_MAX + 1 */
    static const uint8_t longest[] = {0, 0x80, 0, 0, 1, 2, 3};  /* just allowed, and never sent */
    cr_assert_eq(verdict(negative, sizeof(negative), 0), ERR_MALFORMED);
    cr_assert_eq(verdict(too_long, sizeof(too_long), 0), ERR_TOO_LARGE);
    size_t before = server.heap.live;
    cr_assert_eq(verdict(longest, sizeof(longest), 0), OK, "it may still come");
    cr_assert_leq(server.heap.live, before + 65536);
    cr_assert_eq(verdict(negative, sizeof(negative), 1), ERR_MALFORMED, "in pieces too");
}

Test(rpc, what_is_no_frame_ends_the_connection)
{
    static const uint8_t garbage[] = {0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0xff};
    static const uint8_t empty[] = {0, 0, 0, 0};
    static const char http[] = "GET / HTTP/1.1\r\nHost: controller\r\n\r\n";
    cr_assert_eq(verdict(garbage, sizeof(garbage), 0), ERR_MALFORMED);
    cr_assert_neq(verdict(empty, sizeof(empty), 0), OK, "it says no version");
    cr_assert_neq(verdict((const uint8_t *)http, sizeof(http) - 1, 0), OK);
}

Test(rpc, the_first_frame_is_a_hello_and_the_only_one)
{
    uint8_t bytes[256];
    size_t n = pack_push(bytes, RPC_VERSION, 1);
    cr_assert_eq(verdict(bytes, n, 0), ERR_MALFORMED, "before the Hello");
    cr_assert_eq(server.frames, 0);
    n = pack_hello(bytes, RPC_VERSION, true);
    n += pack_hello(bytes + n, RPC_VERSION, true);
    cr_assert_eq(verdict(bytes, n, 0), ERR_MALFORMED, "twice");
    cr_assert_eq(server.ups, 1);
    n = pack_hello(bytes, RPC_VERSION, false);
    cr_assert_eq(verdict(bytes, n, 0), ERR_MALFORMED, "of nobody");
    n = pack_hello(bytes, RPC_VERSION + 1, true);
    cr_assert_eq(verdict(bytes, n, 0), ERR_VERSION);
    cr_assert_eq(server.ups, 0);
}

Test(rpc, frames_of_another_version_or_without_a_body_end_the_connection)
{
    uint8_t bytes[256];
    size_t hello = pack_hello(bytes, RPC_VERSION, true);
    size_t n = hello + pack_push(bytes + hello, RPC_VERSION + 1, 1);
    cr_assert_eq(verdict(bytes, n, 0), ERR_VERSION);
    Odradek__Frame bare = ODRADEK__FRAME__INIT;
    bare.version = RPC_VERSION;
    bare.id = 9;
    n = hello + pack(&bare, bytes + hello);
    cr_assert_eq(verdict(bytes, n, 0), ERR_MALFORMED);
    bare.answer = true; /* to a question that was never asked */
    n = hello + pack(&bare, bytes + hello);
    cr_assert_eq(verdict(bytes, n, 0), OK);
    cr_assert_eq(server.frames, 0);
}

Test(rpc, frames_may_come_byte_by_byte)
{
    uint8_t bytes[512];
    size_t n = pack_hello(bytes, RPC_VERSION, true);
    for (int64_t i = 0; i < 5; i++) {
        n += pack_push(bytes + n, RPC_VERSION, i);
    }
    cr_assert_eq(verdict(bytes, n, 1), OK);
    cr_assert_eq(server.frames, 5);
    cr_assert_eq(server.offsets[4], 4);
    cr_assert_eq(verdict(bytes, n - 1, 7), OK);
    cr_assert_eq(server.frames, 4, "the last one is not whole");
}

Test(rpc_uuid, ids_have_sixteen_bytes_or_none)
{
    struct uuid id = {{1, 2, 3}};
    struct uuid back;
    ProtobufCBinaryData data = rpc_uuid(&id);
    cr_assert_eq(rpc_uuid_read(data, &back), OK);
    cr_assert(uuid_eq(id, back));
    data.len = 15;
    cr_assert_eq(rpc_uuid_read(data, &back), ERR_MALFORMED);
    data.len = 0;
    cr_assert_eq(rpc_uuid_read(data, &back), OK);
    cr_assert(uuid_is_none(back));
}
