#include "broker/edge/connection.h"

#include <stdio.h>

#define UNSENT_MAX          ((size_t)16 << 20)
/* Many clients that do not read may fill the reactor's memory together: above this, who has not read the last answer gets no
 * other one. */
#define HEAP_SOFT_MAX       ((size_t)24 << 20)
/* Of a request's arena: enough for most, and what a member that waits in a rebalance costs. */
#define REQUEST_CHUNK_BYTES 1024
/* What may wait behind a full pipeline: one scratch of the host. */
#define REST_MAX            ((size_t)1 << 20)
/* A connection that has not brought one whole request after this long, nor a good part of one, is no client. */
#define FIRST_US            30000000
#define FIRST_BYTES         32768u

static void edge_look(struct edge *edge)
{
    void (*closed)(struct edge *) = edge->closed;
    if (closed != NULL && edge->request_count == 0) {
        edge->closed = NULL;
        closed(edge);
    }
}

static void request_free(struct request *request)
{
    struct edge *edge = request->edge;
    chain_release(&request->out);
    arena_release(&request->arena);
    heap_free(edge->heap, request, sizeof(*request));
    assert(edge->request_count > 0);
    edge->request_count--;
    edge_look(edge);
}

static void connection_free(struct connection *conn)
{
    struct edge *edge = conn->edge;
    assert(conn->closed && !conn->executing && conn->request_count == 0);
    frame_reader_release(&conn->reader);
    buf_release(&conn->rest);
    list_remove(&conn->node);
    edge->conn_count--;
    if (conn->seat != NULL) {
        conn->seat->left(conn->seat);
    }
    heap_free(edge->heap, conn, sizeof(*conn));
}

/* Requests that wait lose their connection: their handlers let go and end them, now or when their mail comes back. */
static void requests_cut(struct connection *conn)
{
    for (struct list_node *node = list_first(&conn->requests); node != NULL;
         node = list_first(&conn->requests)) {
        struct request *request = CONTAINER_OF(node, struct request, node);
        list_remove(node);
        conn->request_count--;
        request->conn = NULL;
        request->cut = true;
        if (request->ended) {
            request_free(request);
        } else if (request->gone != NULL) {
            request->gone(request);
        }
    }
}

void connection_end(struct connection *conn, bool send_rest)
{
    if (conn->closed) {
        return;
    }
    conn->closed = true;
    timer_cancel(conn->edge->loop, &conn->idle_timer);
    if (conn->net != NULL && send_rest) {
        net_finish(conn->net);
    } else if (conn->net != NULL) {
        net_close(conn->net);
    }
    conn->net = NULL;
    requests_cut(conn);
    if (!conn->executing) {
        connection_free(conn);
    }
}

static void input_hold(struct connection *conn, bool hold)
{
    if (hold != conn->paused && !conn->closed) {
        conn->paused = hold;
        if (hold) {
            net_read_pause(conn->net);
        } else {
            net_read_resume(conn->net);
        }
    }
}

static uint32_t pipeline_max(const struct edge *edge)
{
    uint32_t share = edge->pipelines / (edge->conn_count > 0 ? edge->conn_count : 1);
    return share > CONNECTION_PIPELINE_MAX   ? CONNECTION_PIPELINE_MAX
           : share < CONNECTION_PIPELINE_MIN ? CONNECTION_PIPELINE_MIN
                                             : share;
}

static bool pipeline_full(const struct connection *conn)
{
    size_t unsent = net_unsent_bytes(conn->net);
    return conn->working > 0 || conn->request_count >= pipeline_max(conn->edge) ||
           unsent > UNSENT_MAX || (unsent > 0 && conn->edge->heap->live > HEAP_SOFT_MAX);
}

/* ---- not Kafka ---- */

static void stranger_tell(struct connection *conn, const char *what)
{
    uint32_t held;
    if (trace_limit_pass(&conn->edge->limit, loop_now_us(conn->edge->loop) / 1000, &held)) {
        trace_log(conn->edge->trace, TRACE_WARN, TRACE_EDGE,
                  "%s from %s; connection closed (%u more like this)", what, net_peer(conn->net),
                  held);
    }
}

static void last_words(struct connection *conn, const void *words, size_t n)
{
    struct chain chain;
    chain_init(&chain, conn->edge->heap);
    uint8_t *p = chain_add_memory(&chain, n);
    if (p != NULL) {
        memcpy(p, words, n);
        net_send(conn->net, &chain);
    }
    connection_end(conn, true);
}

static void http_refuse(struct connection *conn)
{
    char words[640];
    const char *admin = conn->edge->admin;
    int n = snprintf(words, sizeof(words),
                     "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
                     "Connection: close\r\n\r\n"
                     "This is a Kafka port: it speaks the Kafka protocol and no HTTP.\n%s%s%s\n",
                     admin == NULL ? "This broker has no HTTP port: set admin.listeners"
                                   : "HTTP is spoken at http://",
                     admin == NULL ? "" : admin,
                     admin == NULL ? " (for example HTTP://:9644) to ask for /readyz and /livez."
                                   : " (/readyz, /livez).");
    assert(n > 0 && (size_t)n < sizeof(words));
    stranger_tell(conn, "an HTTP request on a Kafka port");
    last_words(conn, words, (size_t)n);
}

static void tls_refuse(struct connection *conn)
{
    /* record: alert, version 3.1, two bytes: fatal, handshake_failure */
    static const uint8_t alert[] = {0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x28};
    stranger_tell(conn, "a TLS handshake on a PLAINTEXT listener (set security.protocol=PLAINTEXT "
                        "in the client, or give it the port of an SSL listener)");
    last_words(conn, alert, sizeof(alert));
}

/* Looks at the first four bytes of a connection, however they are cut. True: it spoke something else and has ended. What is
 * refused here would be a frame of at least 352 MB. */
static bool stranger(struct connection *conn, struct slice bytes)
{
    static const char methods[][FRAME_LENGTH_BYTES + 1] = {"GET ", "POST", "HEAD", "PUT ", "DELE",
                                                           "OPTI", "PATC", "CONN", "TRAC", "PRI "};
    if (conn->first_n == sizeof(conn->first)) {
        return false;
    }
    while (bytes.n > 0 && conn->first_n < sizeof(conn->first)) {
        conn->first[conn->first_n++] = *bytes.p++;
        bytes.n--;
    }
    if (conn->first_n < sizeof(conn->first)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (memcmp(conn->first, methods[i], sizeof(conn->first)) == 0) {
            http_refuse(conn);
            return true;
        }
    }
    if (conn->first[0] == 0x16 && conn->first[1] == 0x03 && conn->first[2] <= 0x04) {
        tls_refuse(conn);
        return true;
    }
    return false;
}

/* ---- input ---- */

static void frame_execute(struct connection *conn, struct slice frame)
{
    struct edge *edge = conn->edge;
    struct request *request = HEAP_NEW(edge->heap, struct request);
    if (request == NULL) {
        connection_end(conn, false);
        return;
    }
    edge->request_count++;
    request->edge = edge;
    request->conn = conn;
    arena_init(&request->arena, edge->heap->arena.source, REQUEST_CHUNK_BYTES,
               (size_t)4 * edge->frame_max + 65536);
    chain_init(&request->out, edge->heap);
    list_push(&conn->requests, &request->node);
    conn->request_count++;
    conn->request_seen = true;
    err_t err = frame_request_decode(frame, &request->frame);
    if (err != OK) {
        request_refuse(request, "a frame without a Kafka request header");
        return;
    }
    dispatch(request);
}

static void input_broken(struct connection *conn, err_t err)
{
    char what[128];
    (void)snprintf(what, sizeof(what),
                   "a frame that cannot be taken (%s; socket.request.max.bytes is %zu)",
                   err_text(err), conn->edge->frame_max);
    stranger_tell(conn, what);
    connection_end(conn, false);
}

/* Executes the frames in these bytes while the pipeline has room; what is left waits in `rest`. The caller holds
 * `executing`. */
static void input_take(struct connection *conn, struct slice bytes)
{
    while (!conn->closed) {
        struct slice frame;
        if (pipeline_full(conn)) {
            conn->held = true; /* also when only the reader holds a frame that is whole */
            buf_put(&conn->rest, bytes.p, bytes.n);
            if (conn->rest.err != OK) {
                connection_end(conn, false);
            }
            return;
        }
        err_t err = frame_reader_next(&conn->reader, &bytes, &frame);
        if (err != OK) {
            input_broken(conn, err);
            return;
        }
        if (frame.p == NULL) {
            return;
        }
        frame_execute(conn, frame);
    }
}

static void rest_take(struct connection *conn)
{
    if (!conn->held || conn->closed || pipeline_full(conn)) {
        return;
    }
    conn->held = false;
    struct buf rest = conn->rest;
    buf_init(&conn->rest, conn->edge->heap, REST_MAX);
    input_take(conn, buf_slice(&rest));
    buf_release(&rest);
}

static uint8_t *on_room(void *ctx, size_t *ret_n)
{
    struct connection *conn = ctx;
    uint8_t *p = NULL;
    if (conn->held || frame_reader_room(&conn->reader, &p, ret_n) != OK) {
        return NULL;
    }
    return p;
}

static void on_bytes(void *ctx, const uint8_t *p, size_t n)
{
    struct connection *conn = ctx;
    struct slice bytes = slice_of(p, n);
    conn->active_us = loop_now_us(conn->edge->loop);
    if (stranger(conn, bytes)) {
        return;
    }
    conn->executing = true;
    if (frame_reader_owns(&conn->reader, p)) {
        frame_reader_filled(&conn->reader, n);
        bytes = (struct slice){0};
    }
    if (conn->held) {
        buf_put(&conn->rest, bytes.p, bytes.n);
        rest_take(conn);
    } else {
        input_take(conn, bytes);
    }
    conn->executing = false;
    connection_advance(conn);
}

static void on_drained(void *ctx)
{
    connection_advance(ctx);
}

static void on_closed(void *ctx, err_t why)
{
    struct connection *conn = ctx;
    (void)why;
    conn->net = NULL;
    connection_end(conn, false);
}

static const struct net_events conn_events = {
    .room = on_room, .bytes = on_bytes, .drained = on_drained, .closed = on_closed};

/* ---- output ---- */

/* Sends the answers at the head of the queue that are ready. False: one of them ended the connection. */
static bool answers_send(struct connection *conn)
{
    for (struct list_node *node = list_first(&conn->requests); node != NULL;
         node = list_first(&conn->requests)) {
        struct request *request = CONTAINER_OF(node, struct request, node);
        if (!request->ended) {
            return true;
        }
        bool close = request->close;
        list_remove(node);
        conn->request_count--;
        if (request->out.head != NULL) {
            net_send(conn->net, &request->out);
        }
        request_free(request);
        if (close) {
            connection_end(conn, true);
            return false;
        }
    }
    frame_reader_idle(&conn->reader);
    return true;
}

void connection_advance(struct connection *conn)
{
    if (conn->executing) {
        return; /* whoever executes comes here when it has ended */
    }
    if (conn->closed) {
        connection_free(conn);
        return;
    }
    conn->executing = true;
    if (answers_send(conn)) {
        rest_take(conn);
        if (!conn->closed) {
            (void)answers_send(conn);
        }
    }
    conn->executing = false;
    if (conn->closed) {
        connection_free(conn);
        return;
    }
    input_hold(conn, pipeline_full(conn) || conn->held);
}

/* ---- life ---- */

static void on_idle(struct timer *timer)
{
    struct connection *conn = CONTAINER_OF(timer, struct connection, idle_timer);
    time_us until = conn->active_us + conn->edge->idle_max_ms * 1000;
    if (conn->request_count > 0) {
        until = loop_now_us(conn->edge->loop) + conn->edge->idle_max_ms * 1000;
    }
    if (!conn->request_seen && conn->reader.n < FIRST_BYTES) {
        until = min_i64(until, conn->since_us + FIRST_US);
    }
    if (until > loop_now_us(conn->edge->loop)) {
        timer_arm(conn->edge->loop, timer, until);
    } else {
        connection_end(conn, false);
    }
}

void edge_serve(struct edge *edge, struct net_conn *net, struct slice listener,
                struct edge_seat *seat)
{
    struct connection *conn = edge->closing ? NULL : HEAP_NEW(edge->heap, struct connection);
    if (conn == NULL) {
        net_close(net);
        if (seat != NULL) {
            seat->left(seat);
        }
        return;
    }
    conn->seat = seat;
    conn->edge = edge;
    conn->net = net;
    conn->listener = listener;
    conn->active_us = loop_now_us(edge->loop);
    conn->since_us = conn->active_us;
    conn->idle_timer.fire = on_idle;
    list_init(&conn->requests);
    frame_reader_init(&conn->reader, edge->heap, edge->frame_max);
    buf_init(&conn->rest, edge->heap, REST_MAX);
    list_push(&edge->conns, &conn->node);
    edge->conn_count++;
    if (edge->idle_max_ms > 0) {
        timer_arm(edge->loop, &conn->idle_timer,
                  conn->active_us + min_i64(edge->idle_max_ms * 1000, FIRST_US));
    }
    net_start(edge->loop, net, &conn_events, conn);
}

void edge_init(struct edge *edge, struct loop *loop, struct heap *heap, const struct trace *trace)
{
    *edge = (struct edge){.loop = loop, .heap = heap, .trace = trace};
    edge->frame_max = FRAME_MAX_DEFAULT;
    edge->pipelines = EDGE_PIPELINES;
    list_init(&edge->conns);
}

void edge_close(struct edge *edge, void (*closed)(struct edge *))
{
    assert(!edge->closing);
    edge->closing = true;
    for (struct list_node *node = list_first(&edge->conns); node != NULL;
         node = list_first(&edge->conns)) {
        connection_end(CONTAINER_OF(node, struct connection, node), false);
    }
    edge->closed = closed;
    edge_look(edge);
}

/* ---- requests ---- */

static void request_end(struct request *request)
{
    assert(!request->ended);
    request->ended = true;
    request->gone = NULL;
    if (request->cut) {
        request_free(request);
    } else {
        connection_advance(request->conn);
    }
}

void request_answer(struct request *request, void *response)
{
    const struct frame_request *frame = &request->frame;
    err_t err = frame_response_encode(frame->api, frame->version, frame->correlation_id, response,
                                      &request->arena, &request->out);
    if (err != OK) {
        trace_log(request->edge->trace, TRACE_ERROR, TRACE_EDGE,
                  "the answer to %s version %d cannot be encoded: %s", frame->api->name,
                  frame->version, err_text(err));
        request->close = true;
    }
    request_end(request);
}

void request_answer_version0(struct request *request, void *response)
{
    request->frame.version = 0;
    request_answer(request, response);
}

void request_no_answer(struct request *request)
{
    request_end(request);
}

void request_refuse(struct request *request, const char *why)
{
    if (!request->cut) {
        char what[256];
        (void)snprintf(what, sizeof(what), "%s (api key %d, version %d)", why, request->frame.key,
                       request->frame.version);
        stranger_tell(request->conn, what);
    }
    request->close = true;
    request_end(request);
}

static void work_work(struct disk_job *job)
{
    struct request_work *work = CONTAINER_OF(job, struct request_work, job);
    work->work(work);
}

static void work_done(struct disk_job *job)
{
    struct request_work *work = CONTAINER_OF(job, struct request_work, job);
    struct connection *conn = work->request->conn;
    assert(!work->request->ended && (conn == NULL) == work->request->cut);
    if (conn == NULL) {
        work->done(work);
        return;
    }
    assert(conn->working > 0 && !conn->executing);
    conn->working--;
    conn->executing = true;
    work->done(work);
    conn->executing = false;
    connection_advance(conn);
}

void request_work(struct request *request, struct request_work *work)
{
    assert(!request->ended && !request->cut && work->work != NULL && work->done != NULL);
    work->request = request;
    work->job.work = work_work;
    work->job.done = work_done;
    request->conn->working++;
    disk_submit(request->edge->loop, &work->job);
}

struct slice request_listener(const struct request *request)
{
    return request->cut ? (struct slice){0} : request->conn->listener;
}

const char *request_peer(const struct request *request)
{
    return request->cut ? "a client that has gone" : net_peer(request->conn->net);
}
