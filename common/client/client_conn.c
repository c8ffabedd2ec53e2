#include "common/client/client_conn.h"

#define REQUEST_BYTES_MAX ((size_t)64 << 20)

void client_conn_init(struct client_conn *conn, struct loop *loop, struct heap *heap,
                      struct slice client_id, size_t frame_bytes_max,
                      void (*opened)(struct client_conn *),
                      void (*closed)(struct client_conn *, err_t why))
{
    assert(loop != NULL && opened != NULL && closed != NULL);
    *conn = (struct client_conn){
        .loop = loop, .heap = heap, .client_id = client_id, .opened = opened, .closed = closed};
    list_init(&conn->calls);
    frame_reader_init(&conn->reader, heap, frame_bytes_max);
}

static void forget(struct client_conn *conn)
{
    while (list_pop(&conn->calls) != NULL) {}
    size_t max = conn->reader.max;
    frame_reader_release(&conn->reader);
    frame_reader_init(&conn->reader, conn->heap, max);
    conn->net = NULL;
    conn->open = false;
}

void client_conn_close(struct client_conn *conn)
{
    if (conn->net != NULL) {
        net_close(conn->net);
        forget(conn);
    }
}

static void fail(struct client_conn *conn, err_t why)
{
    client_conn_close(conn);
    conn->closed(conn, why);
}

static void net_opened(void *ctx)
{
    struct client_conn *conn = ctx;
    assert(conn->net != NULL && !conn->open);
    conn->open = true;
    conn->opened(conn);
}

static uint8_t *net_room(void *ctx, size_t *ret_n)
{
    struct client_conn *conn = ctx;
    uint8_t *p = NULL;
    *ret_n = 0;
    return frame_reader_room(&conn->reader, &p, ret_n) == OK ? p : NULL;
}

static err_t answer(struct client_conn *conn, struct slice frame)
{
    int32_t correlation_id;
    struct slice body;
    TRY(frame_response_id(frame, &correlation_id));
    struct list_node *node = list_first(&conn->calls);
    ENSURE(node != NULL, ERR_MALFORMED);
    struct client_call *call = CONTAINER_OF(node, struct client_call, node);
    ENSURE(call->correlation_id == correlation_id, ERR_MALFORMED);
    TRY(frame_response_body(call->api, call->version, frame, &body));
    list_remove(node);
    call->answered(call, body);
    return OK;
}

static bool in_reader(const struct frame_reader *reader, const uint8_t *p)
{
    return reader->p != NULL && p >= reader->p && p < reader->p + reader->room;
}

static void net_bytes(void *ctx, const uint8_t *p, size_t n)
{
    struct client_conn *conn = ctx;
    struct slice bytes = slice_of(p, n);
    struct slice frame = {0};
    if (in_reader(&conn->reader, p)) {
        frame_reader_filled(&conn->reader, n);
        bytes.n = 0;
    }
    do {
        err_t err = frame_reader_next(&conn->reader, &bytes, &frame);
        bool whole = err == OK && frame.p != NULL;
        if (whole) {
            err = answer(conn, frame);
        }
        if (conn->net == NULL) {
            return; /* closed by whom it told */
        }
        if (err != OK) {
            fail(conn, err);
            return;
        }
    } while (frame.p != NULL);
}

static void net_closed(void *ctx, err_t why)
{
    struct client_conn *conn = ctx;
    forget(conn);
    conn->closed(conn, why);
}

static const struct net_events events = {
    .opened = net_opened, .room = net_room, .bytes = net_bytes, .closed = net_closed};

err_t client_conn_open(struct client_conn *conn, const struct net_address *address)
{
    assert(conn->net == NULL);
    return net_dial(conn->loop, address, &events, conn, &conn->net);
}

/* A correlation id is used up by every request, answered or not. */
static err_t send_frame(struct client_conn *conn, const struct kmsg_api *api, int16_t version,
                        const void *request)
{
    ENSURE(conn->open, ERR_CLOSED);
    struct buf buf;
    struct chain chain;
    buf_init(&buf, conn->heap, REQUEST_BYTES_MAX);
    chain_init(&chain, conn->heap);
    err_t err = frame_request_encode(api, version, conn->next_correlation_id, conn->client_id,
                                     request, &buf);
    uint8_t *p = err == OK ? chain_add_memory(&chain, buf.n) : NULL;
    if (p != NULL) {
        memcpy(p, buf.p, buf.n);
        conn->next_correlation_id = conn->next_correlation_id == INT32_MAX
                                        ? 0
                                        : conn->next_correlation_id + 1;
        net_send(conn->net, &chain);
    }
    buf_release(&buf);
    chain_release(&chain);
    return err != OK ? err : p == NULL ? ERR_NO_MEMORY : OK;
}

err_t client_conn_send(struct client_conn *conn, struct client_call *call, const void *request)
{
    assert(call->api != NULL && call->answered != NULL && !list_linked(&call->node));
    call->correlation_id = conn->next_correlation_id;
    TRY(send_frame(conn, call->api, call->version, request));
    list_push(&conn->calls, &call->node);
    return OK;
}

err_t client_conn_tell(struct client_conn *conn, const struct kmsg_api *api, int16_t version,
                       const void *request)
{
    assert(api != NULL);
    return send_frame(conn, api, version, request);
}

size_t client_conn_unsent_bytes(const struct client_conn *conn)
{
    return conn->net == NULL ? 0 : net_unsent_bytes(conn->net);
}
