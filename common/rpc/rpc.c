#include "common/rpc/rpc.h"

/* Unpacked protobuf takes more room than its bytes: pointers, defaults, small messages. */
#define UNPACK_RATIO 24
#define UNPACK_MIN   ((size_t)64 << 10)
/* Who asks and asks and does not read gets no more answers: pushes stop long before, every asker has a deadline. */
#define UNSENT_MAX   ((size_t)2 * RPC_FRAME_MAX)

struct rpc_conn {
    struct rpc *rpc;
    struct net_conn *net;
    const struct rpc_events *events;
    void *ctx;
    uint64_t number;
    struct frame_reader reader;
    bool greeted; /* the other side's Hello came */
    bool busy;    /* a frame is being handed up: closing waits for it to return */
    bool closed;
    uint64_t call_count;
    uint64_t received; /* bytes */
    struct list calls; /* struct rpc_call, oldest first */
};

void rpc_init(struct rpc *rpc, struct loop *loop, struct heap *heap, struct hash_key key,
              Odradek__Hello *hello)
{
    assert(loop != NULL && hello != NULL);
    *rpc = (struct rpc){.loop = loop, .heap = heap, .hello = hello};
    map_init(&rpc->conns, heap, key);
}

static void conn_free(struct rpc_conn *conn)
{
    frame_reader_release(&conn->reader);
    heap_free(conn->rpc->heap, conn, sizeof(*conn));
}

static void call_end(struct rpc_call *call, err_t err, const Odradek__Frame *answer)
{
    rpc_forget(call);
    call->done(call, err, answer);
}

/* The connection leaves the table; its calls end. It is freed at once, or when the frame in hand has returned. */
static void conn_end(struct rpc_conn *conn)
{
    assert(!conn->closed);
    conn->closed = true;
    (void)map_remove_u64(&conn->rpc->conns, conn->number);
    for (struct list_node *node = list_first(&conn->calls); node != NULL;
         node = list_first(&conn->calls)) {
        call_end(CONTAINER_OF(node, struct rpc_call, node), ERR_CLOSED, NULL);
    }
    if (!conn->busy) {
        conn_free(conn);
    }
}

void rpc_release(struct rpc *rpc)
{
    uint32_t at = 0;
    for (const struct map_entry *e = map_next(&rpc->conns, &at); e != NULL;
         e = map_next(&rpc->conns, &at)) {
        rpc_close(e->value);
    }
    map_release(&rpc->conns);
}

void rpc_close(struct rpc_conn *conn)
{
    if (!conn->closed) {
        net_close(conn->net);
        conn_end(conn);
    }
}

static void conn_fail(struct rpc_conn *conn, err_t why)
{
    const struct rpc_events *events = conn->events;
    void *ctx = conn->ctx;
    bool busy = conn->busy;
    conn->busy = true; /* `down` may still look at it */
    conn_end(conn);
    events->down(ctx, conn, why);
    conn->busy = busy;
    if (!busy) {
        conn_free(conn);
    }
}

void rpc_break(struct rpc_conn *conn, err_t why)
{
    if (!conn->closed) {
        net_close(conn->net);
        conn_fail(conn, why);
    }
}

static void *unpack_alloc(void *ctx, size_t n)
{
    return arena_alloc(ctx, n);
}

static void unpack_free(void *ctx, void *p)
{
    (void)ctx;
    (void)p; /* the arena goes as a whole */
}

static void answer_deliver(struct rpc_conn *conn, const Odradek__Frame *frame)
{
    LIST_EACH(&conn->calls, node)
    {
        struct rpc_call *call = CONTAINER_OF(node, struct rpc_call, node);
        if (call->id == frame->id) {
            call_end(call, OK, frame);
            return;
        }
    } /* an answer that came too late */
}

static err_t frame_deliver(struct rpc_conn *conn, const Odradek__Frame *frame)
{
    ENSURE(frame->version == RPC_VERSION, ERR_VERSION);
    if (frame->body_case == ODRADEK__FRAME__BODY_HELLO) {
        ENSURE(!conn->greeted && frame->hello->node != NULL, ERR_MALFORMED);
        conn->greeted = true;
        conn->events->up(conn->ctx, conn, frame->hello);
        return OK;
    }
    ENSURE(conn->greeted, ERR_MALFORMED);
    if (frame->answer) {
        answer_deliver(conn, frame);
        return OK;
    }
    ENSURE(frame->body_case != ODRADEK__FRAME__BODY__NOT_SET, ERR_MALFORMED);
    conn->events->frame(conn->ctx, conn, frame);
    return OK;
}

static err_t bytes_deliver(struct rpc_conn *conn, struct slice bytes)
{
    struct arena arena;
    arena_init(&arena, conn->rpc->heap->arena.source, 4096, bytes.n * UNPACK_RATIO + UNPACK_MIN);
    ProtobufCAllocator allocator = {
        .alloc = unpack_alloc, .free = unpack_free, .allocator_data = &arena};
    Odradek__Frame *frame = odradek__frame__unpack(&allocator, bytes.n, bytes.p);
    err_t err = frame == NULL ? ERR_MALFORMED : frame_deliver(conn, frame);
    arena_release(&arena);
    return err;
}

static err_t piece_deliver(struct rpc_conn *conn, struct slice piece)
{
    for (;;) {
        struct slice frame;
        TRY(frame_reader_next(&conn->reader, &piece, &frame));
        if (frame.p == NULL) {
            return OK;
        }
        TRY(bytes_deliver(conn, frame));
        if (conn->closed) {
            return OK;
        }
    }
}

static uint8_t *on_room(void *ctx, size_t *ret_n)
{
    struct rpc_conn *conn = ctx;
    uint8_t *p = NULL;
    return frame_reader_room(&conn->reader, &p, ret_n) == OK ? p : NULL;
}

static void on_bytes(void *ctx, const uint8_t *p, size_t n)
{
    struct rpc_conn *conn = ctx;
    struct slice piece = slice_of(p, n);
    conn->received += n;
    if (frame_reader_owns(&conn->reader, p)) {
        frame_reader_filled(&conn->reader, n);
        piece = (struct slice){0};
    }
    conn->busy = true;
    err_t err = piece_deliver(conn, piece);
    conn->busy = false;
    if (conn->closed) {
        conn_free(conn);
    } else if (err != OK) {
        net_close(conn->net);
        conn_fail(conn, err);
    }
}

static void on_closed(void *ctx, err_t why)
{
    conn_fail(ctx, why);
}

static const struct net_events conn_events = {
    .room = on_room, .bytes = on_bytes, .closed = on_closed};

static struct rpc_conn *conn_new(struct rpc *rpc, const struct rpc_events *events, void *ctx)
{
    struct rpc_conn *conn = HEAP_NEW(rpc->heap, struct rpc_conn);
    if (conn == NULL) {
        return NULL;
    }
    conn->rpc = rpc;
    conn->events = events;
    conn->ctx = ctx;
    conn->number = ++rpc->conn_count;
    list_init(&conn->calls);
    frame_reader_init(&conn->reader, rpc->heap, RPC_FRAME_MAX);
    if (!map_put_u64(&rpc->conns, conn->number, conn)) {
        conn_free(conn);
        return NULL;
    }
    return conn;
}

static bool frame_send(struct rpc_conn *conn, Odradek__Frame *frame)
{
    frame->version = RPC_VERSION;
    size_t n = odradek__frame__get_packed_size(frame);
    assert(n <= RPC_FRAME_MAX);
    struct chain chain;
    chain_init(&chain, conn->rpc->heap);
    uint8_t *p = chain_add_memory(&chain, n + 4);
    if (p == NULL) {
        return false; /* as if it were lost on the way: every asker has a deadline, Raft repeats itself */
    }
    p[0] = (uint8_t)(n >> 24);
    p[1] = (uint8_t)(n >> 16);
    p[2] = (uint8_t)(n >> 8);
    p[3] = (uint8_t)n;
    size_t packed = odradek__frame__pack(frame, p + 4);
    assert(packed == n);
    net_send(conn->net, &chain);
    return true;
}

static void hello_send(struct rpc_conn *conn)
{
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.body_case = ODRADEK__FRAME__BODY_HELLO;
    frame.hello = conn->rpc->hello;
    (void)frame_send(conn, &frame);
}

err_t rpc_accept(struct rpc *rpc, struct net_conn *net, const struct rpc_events *events, void *ctx,
                 struct rpc_conn **ret_conn)
{
    struct rpc_conn *conn = conn_new(rpc, events, ctx);
    ENSURE(conn != NULL, ERR_NO_MEMORY);
    conn->net = net;
    *ret_conn = conn;
    uint64_t number = conn->number;
    net_start(rpc->loop, net, &conn_events, conn);
    if (rpc_find(rpc, number) != NULL) { /* else it failed at once, and `down` has said so */
        hello_send(conn);
    }
    return OK;
}

err_t rpc_dial(struct rpc *rpc, const struct net_address *address, const struct rpc_events *events,
               void *ctx, struct rpc_conn **ret_conn)
{
    struct rpc_conn *conn = conn_new(rpc, events, ctx);
    ENSURE(conn != NULL, ERR_NO_MEMORY);
    err_t err = net_dial(rpc->loop, address, &conn_events, conn, &conn->net);
    if (err != OK) {
        conn_end(conn);
        return err;
    }
    *ret_conn = conn;
    hello_send(conn); /* waits in the connection until it is up */
    return OK;
}

const char *rpc_peer(const struct rpc_conn *conn)
{
    return net_peer(conn->net);
}

size_t rpc_unsent_bytes(const struct rpc_conn *conn)
{
    return net_unsent_bytes(conn->net);
}

uint64_t rpc_received_bytes(const struct rpc_conn *conn)
{
    return conn->received;
}

bool rpc_send(struct rpc_conn *conn, Odradek__Frame *frame)
{
    assert(!conn->closed);
    frame->id = 0;
    frame->answer = false;
    return frame_send(conn, frame);
}

static void on_deadline(struct timer *timer)
{
    call_end(CONTAINER_OF(timer, struct rpc_call, timer), ERR_TIMEOUT, NULL);
}

void rpc_ask(struct rpc_conn *conn, struct rpc_call *call, Odradek__Frame *frame,
             time_ms timeout_ms)
{
    assert(!conn->closed && call->conn == NULL && call->done != NULL && timeout_ms > 0);
    call->conn = conn;
    call->id = ++conn->call_count;
    call->timer.fire = on_deadline;
    list_push(&conn->calls, &call->node);
    timer_arm(conn->rpc->loop, &call->timer, loop_now_us(conn->rpc->loop) + timeout_ms * 1000);
    frame->id = call->id;
    frame->answer = false;
    frame->deadline_ms = (uint32_t)min_i64(timeout_ms, UINT32_MAX);
    (void)frame_send(conn, frame);
}

void rpc_forget(struct rpc_call *call)
{
    if (call->conn != NULL) {
        timer_cancel(call->conn->rpc->loop, &call->timer);
        list_remove(&call->node);
        call->conn = NULL;
    }
}

struct rpc_asker rpc_asker_of(const struct rpc_conn *conn, const Odradek__Frame *request)
{
    return (struct rpc_asker){.conn = conn->number, .request = request->id};
}

void rpc_answer(struct rpc *rpc, struct rpc_asker asker, Odradek__Frame *frame)
{
    struct rpc_conn *conn = rpc_find(rpc, asker.conn);
    if (conn != NULL && asker.request != 0 && net_unsent_bytes(conn->net) <= UNSENT_MAX) {
        frame->id = asker.request;
        frame->answer = true;
        (void)frame_send(conn, frame);
    }
}

void rpc_refuse(struct rpc *rpc, struct rpc_asker asker, int32_t error, const char *text)
{
    assert(error != 0);
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.error = error;
    frame.error_text = (char *)text;
    rpc_answer(rpc, asker, &frame);
}

struct rpc_conn *rpc_find(const struct rpc *rpc, uint64_t conn)
{
    return map_get_u64(&rpc->conns, conn);
}

uint64_t rpc_number(const struct rpc_conn *conn)
{
    return conn->number;
}

err_t rpc_uuid_read(ProtobufCBinaryData bytes, struct uuid *ret_uuid)
{
    *ret_uuid = UUID_NONE;
    ENSURE(bytes.len == 0 || bytes.len == sizeof(ret_uuid->b), ERR_MALFORMED);
    if (bytes.len > 0) {
        memcpy(ret_uuid->b, bytes.data, bytes.len);
    }
    return OK;
}
