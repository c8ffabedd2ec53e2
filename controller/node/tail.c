#include "controller/node/tail.h"

#include "common/port/memory.h"

#define UNSENT_PAUSE ((size_t)4 << 20)
#define CHUNK_BYTES  ((size_t)512 << 10)
#define CHUNK_MAX    ((size_t)RPC_FRAME_MAX / 2)
#define READ_BYTES   ((size_t)1 << 20)
#define RETRY_MS     10

static void session_end(struct tail *tail, struct tail_session *session)
{
    list_remove(&session->node);
    if (session->image != NULL) {
        meta_image_drop(machine_store(tail->machine), session->image);
    }
    heap_free(tail->heap, session, sizeof(*session));
}

void tail_end_all(struct tail *tail)
{
    while (!list_empty(&tail->sessions)) {
        session_end(tail, CONTAINER_OF(list_first(&tail->sessions), struct tail_session, node));
    }
    timer_cancel(tail->rpc->loop, &tail->timer);
}

bool tail_follows(const struct tail *tail, const struct rpc_conn *conn)
{
    LIST_EACH(&tail->sessions, node)
    {
        if (CONTAINER_OF(node, struct tail_session, node)->conn == rpc_number(conn)) {
            return true;
        }
    }
    return false;
}

void tail_end(struct tail *tail, const struct rpc_conn *conn)
{
    for (struct list_node *node = tail->sessions.head.next, *next; node != &tail->sessions.head;
         node = next) {
        next = node->next;
        struct tail_session *session = CONTAINER_OF(node, struct tail_session, node);
        if (session->conn == rpc_number(conn)) {
            session_end(tail, session);
        }
    }
}

/* ERR_BUSY: there is no memory for it now. What is left out would not be missed by who follows: of a snapshot it would be gone, topics and
 * all, and an entry is looked for when the next one comes. */
static err_t push(struct rpc_conn *conn, Odradek__TailPush *body)
{
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.body_case = ODRADEK__FRAME__BODY_TAIL_PUSH;
    frame.tail_push = body;
    return rpc_send(conn, &frame) ? OK : ERR_BUSY;
}

static err_t push_batch(struct rpc_conn *conn, int64_t offset, int32_t epoch, struct slice payload)
{
    Odradek__TailPush body = ODRADEK__TAIL_PUSH__INIT;
    body.offset = offset;
    body.epoch = epoch;
    body.batch.data = (uint8_t *)payload.p;
    body.batch.len = payload.n;
    return push(conn, &body);
}

/* One chunk of the snapshot; the image is let go behind the last one. */
static err_t push_chunk(struct tail *tail, struct tail_session *session, struct rpc_conn *conn)
{
    struct arena arena;
    struct buf bytes;
    bool done = false;
    struct meta_cursor before = session->cursor;
    static_assert(CHUNK_BYTES + PACK_BATCH_MAX < CHUNK_MAX, "whatever settings there are");
    arena_init(&arena, memory_source(loop_host(tail->rpc->loop)), 16384, (size_t)64 << 20);
    buf_init(&bytes, tail->heap, CHUNK_MAX);
    err_t err = machine_pack(session->image, &session->cursor, &arena, CHUNK_BYTES, &bytes, &done);
    if (err == OK) {
        Odradek__TailPush body = ODRADEK__TAIL_PUSH__INIT;
        body.offset = session->next - 1;
        body.epoch = session->epoch;
        body.batch.data = bytes.p;
        body.batch.len = bytes.n;
        body.snapshot = true;
        body.snapshot_first = session->first_chunk;
        body.snapshot_last = done;
        err = push(conn, &body);
    }
    buf_release(&bytes);
    arena_release(&arena);
    session->first_chunk = session->first_chunk && err != OK;
    session->cursor = err == OK ? session->cursor : before;
    if (err == OK && done) {
        meta_image_drop(machine_store(tail->machine), session->image);
        session->image = NULL;
    }
    return err;
}

static err_t push_entries(struct tail *tail, struct tail_session *session, struct rpc_conn *conn)
{
    struct arena arena;
    struct raft_entry *entries;
    size_t count = 0;
    arena_init(&arena, memory_source(loop_host(tail->rpc->loop)), 16384, (size_t)64 << 20);
    err_t err = raft_disk_read(quorum_store(tail->quorum), session->next,
                               quorum_applied(tail->quorum), READ_BYTES, &arena, &entries, &count);
    for (size_t i = 0; i < count && err == OK; i++) {
        bool data = entries[i].kind == RAFT_DATA;
        err = push_batch(conn, session->next, entries[i].term,
                         data ? entries[i].payload : (struct slice){0});
        session->next += err == OK;
    }
    arena_release(&arena);
    return err;
}

/* Pushes as much as there is and the connection takes; where that fails both are gone on return. */
static void session_push(struct tail *tail, struct tail_session *session)
{
    struct rpc_conn *conn = rpc_find(tail->rpc, session->conn);
    if (conn == NULL) {
        session_end(tail, session);
        return;
    }
    while (session->image != NULL || session->next <= quorum_applied(tail->quorum)) {
        err_t err = rpc_unsent_bytes(conn) > UNSENT_PAUSE ? ERR_BUSY
                    : session->image != NULL              ? push_chunk(tail, session, conn)
                                                          : push_entries(tail, session, conn);
        if (err == ERR_BUSY) {
            timer_arm(tail->rpc->loop, &tail->timer,
                      loop_now_us(tail->rpc->loop) + RETRY_MS * 1000);
            return;
        }
        if (err != OK) {
            trace_log(tail->trace, TRACE_WARN, TRACE_TAIL,
                      "tail of %s broken off at offset %lld: %s; it will ask again", rpc_peer(conn),
                      (long long)session->next, err_text(err));
            session_end(tail, session);
            rpc_break(conn, ERR_LIMIT); /* who answers on it must not keep it */
            return;
        }
    }
}

static void sessions_push(struct tail *tail)
{
    for (struct list_node *node = tail->sessions.head.next, *next; node != &tail->sessions.head;
         node = next) {
        next = node->next;
        session_push(tail, CONTAINER_OF(node, struct tail_session, node));
    }
}

static void on_timer(struct timer *timer)
{
    sessions_push(CONTAINER_OF(timer, struct tail, timer));
}

void tail_init(struct tail *tail, struct rpc *rpc, struct heap *heap, struct trace *trace,
               struct quorum *quorum, struct machine *machine)
{
    *tail = (struct tail){
        .rpc = rpc, .heap = heap, .trace = trace, .quorum = quorum, .machine = machine};
    tail->timer.fire = on_timer;
    list_init(&tail->sessions);
}

void tail_release(struct tail *tail)
{
    tail_end_all(tail);
}

/* Whether the log can go on from there; a snapshot is the answer when it cannot. */
static bool log_holds(const struct tail *tail, int64_t offset, int32_t epoch)
{
    raft_term term = quorum_term_at(tail->quorum, offset);
    return offset > 0 && term == epoch;
}

static const char *position_refused(const struct tail *tail, int64_t offset, int32_t epoch)
{
    if (offset > quorum_applied(tail->quorum)) {
        return "your metadata is ahead of what this cluster has committed: it belongs to another cluster, or the "
               "controllers lost their log; nothing is served until an operator has looked";
    }
    raft_term term = quorum_term_at(tail->quorum, offset);
    if (offset > 0 && term > 0 && term != epoch) {
        return "your metadata has another history than this cluster's at the same offset; nothing is served until an "
               "operator has looked";
    }
    return NULL;
}

static void snapshot_begin(struct tail *tail, struct tail_session *session)
{
    raft_index applied = quorum_applied(tail->quorum);
    session->image = (struct meta_image *)machine_image(tail->machine);
    meta_image_hold(session->image);
    session->first_chunk = true;
    session->next = applied + 1;
    session->epoch = quorum_term_at(tail->quorum, applied);
    assert(applied > 0 && applied >= meta_offset(session->image) && session->epoch > 0);
}

void tail_subscribe(struct tail *tail, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    struct rpc_asker asker = rpc_asker_of(conn, frame);
    int64_t offset = frame->tail->offset;
    const char *refused = position_refused(tail, offset, frame->tail->epoch);
    struct tail_session *session = refused == NULL ? HEAP_NEW(tail->heap, struct tail_session)
                                                   : NULL;
    if (session == NULL) {
        rpc_refuse(tail->rpc, asker,
                   refused == NULL ? KAFKA_UNKNOWN_SERVER_ERROR : KAFKA_OFFSET_OUT_OF_RANGE,
                   refused == NULL ? "out of memory" : refused);
        return;
    }
    tail_end(tail, conn);
    session->conn = rpc_number(conn);
    session->next = offset + 1;
    if (!log_holds(tail, offset, frame->tail->epoch)) {
        snapshot_begin(tail, session);
    }
    list_push(&tail->sessions, &session->node);
    Odradek__Done done = ODRADEK__DONE__INIT;
    Odradek__Frame answer = ODRADEK__FRAME__INIT;
    answer.body_case = ODRADEK__FRAME__BODY_DONE;
    answer.done = &done;
    rpc_answer(tail->rpc, asker, &answer);
    session_push(tail, session);
}

void tail_committed(struct tail *tail, raft_index index, raft_term term, struct slice payload)
{
    for (struct list_node *node = tail->sessions.head.next, *next; node != &tail->sessions.head;
         node = next) {
        next = node->next;
        struct tail_session *session = CONTAINER_OF(node, struct tail_session, node);
        struct rpc_conn *conn = rpc_find(tail->rpc, session->conn);
        if (conn == NULL) {
            session_end(tail, session);
        } else if (session->image == NULL && session->next == index &&
                   rpc_unsent_bytes(conn) <= UNSENT_PAUSE &&
                   push_batch(conn, index, term, payload) == OK) {
            session->next++;
        } else {
            timer_arm(tail->rpc->loop, &tail->timer, loop_now_us(tail->rpc->loop));
        }
    }
}
