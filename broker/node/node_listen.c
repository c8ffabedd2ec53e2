/* Client connections: accepted on the first reactor, counted there, and handed to all in turn. */
#include "broker/api/settings.h"
#include "broker/node/node_internal.h"

/* An accepted connection: on its way to its reactor, then its place among those that are counted. On the first reactor's
 * heap. */
struct handed {
    struct mail mail; /* there, and back when it has ended */
    struct edge_seat seat;
    struct reactor *reactor;
    struct net_conn *conn;
    struct slice listener;
    size_t address_bytes;
    char address[HOST_NAME_MAX_BYTES + 16];
};

static struct reactor *acceptor(const struct handed *handed)
{
    return &handed->reactor->node->reactors[0];
}

static void on_back(struct mail *mail)
{
    struct handed *handed = CONTAINER_OF(mail, struct handed, mail);
    struct reactor *first = acceptor(handed);
    conn_gate_leave(&first->node->gate, slice_of(handed->address, handed->address_bytes));
    heap_free(&first->heap, handed, sizeof(*handed));
}

static void on_left(struct edge_seat *seat)
{
    struct handed *handed = CONTAINER_OF(seat, struct handed, seat);
    if (handed->reactor == acceptor(handed)) {
        on_back(&handed->mail);
        return;
    }
    handed->mail.deliver = on_back;
    loop_post(acceptor(handed)->loop, &handed->mail);
}

static void on_handed(struct mail *mail)
{
    struct handed *handed = CONTAINER_OF(mail, struct handed, mail);
    edge_serve(&handed->reactor->edge, handed->conn, handed->listener, &handed->seat);
}

/* ---- who may come in ---- */

static void tell_closed(struct broker_node *node, const struct net_conn *conn, const char *limit)
{
    uint32_t held;
    if (trace_limit_pass(&node->gate_limit, loop_now_us(node->reactors[0].loop) / 1000, &held)) {
        trace_log(&node->trace, TRACE_WARN, TRACE_EDGE,
                  "a connection from %s is one more than %s allows; closed (%u more like this)",
                  net_peer(conn), limit, held);
    }
}

/* The limits may change at run time: they are looked up for each. */
static bool come_in(struct broker_node *node, uint32_t listener, const struct net_conn *conn,
                    struct slice address)
{
    const struct config *config = node->options.config;
    struct settings_lookup lookup;
    struct config_dynamic now = settings_lookup_init(
        &lookup, metadata_read(&node->reactors[0].metadata), node->options.node_id);
    const struct gate_limits limits = {
        .connections = config_now_long(config, &now, CONFIG_MAX_CONNECTIONS),
        .per_address = config_now_long(config, &now, CONFIG_MAX_CONNECTIONS_PER_IP),
        .overrides = config_now_text(config, &now, CONFIG_MAX_CONNECTIONS_PER_IP_OVERRIDES),
        .privileged = listener == 0 && node->options.listener_count > 1};
    enum gate_verdict verdict = conn_gate_enter(&node->gate, address, &limits);
    if (verdict == GATE_FULL) {
        tell_closed(node, conn, "max.connections");
    } else if (verdict == GATE_ADDRESS_FULL) {
        tell_closed(node, conn, "max.connections.per.ip");
    }
    return verdict == GATE_OPEN;
}

static void on_accept(void *ctx, struct net_conn *conn)
{
    const struct listener_ctx *listener = ctx;
    struct broker_node *node = listener->node;
    struct heap *heap = &node->reactors[0].heap;
    struct handed *handed = HEAP_NEW(heap, struct handed);
    struct slice address = gate_address_of(net_peer(conn));
    if (handed == NULL || address.n > sizeof(handed->address) ||
        !come_in(node, listener->index, conn, address)) {
        net_close(conn);
        if (handed != NULL) {
            heap_free(heap, handed, sizeof(*handed));
        }
        return;
    }
    handed->mail.deliver = on_handed;
    handed->seat.left = on_left;
    handed->reactor = &node->reactors[node->next_reactor++ % node->reactor_count];
    handed->conn = conn;
    handed->listener = slice_str(node->options.listeners[listener->index].name);
    memcpy(handed->address, address.p, address.n);
    handed->address_bytes = address.n;
    if (handed->reactor == &node->reactors[0]) {
        on_handed(&handed->mail);
    } else {
        loop_post(handed->reactor->loop, &handed->mail);
    }
}

static void on_full(void *ctx, bool full, unsigned open, unsigned most)
{
    const struct listener_ctx *listener = ctx;
    struct broker_node *node = listener->node;
    uint32_t held;
    if (trace_limit_pass(&node->full_limit, loop_now_us(node->reactors[0].loop) / 1000, &held)) {
        trace_log(
            &node->trace, TRACE_WARN, TRACE_EDGE,
            full ? "%u of at most %u connections are open: new ones wait until some end (raise "
                   "the limit of open files, ulimit -n); those that are there are served"
                 : "connections are taken again (%u of at most %u are open)",
            open, most);
    }
}

err_t node_listen(struct broker_node *node, uint32_t *ret_failed)
{
    const struct config *config = node->options.config;
    int backlog = (int)config_int(config, CONFIG_BACKLOG);
    for (uint32_t i = 0; i < node->options.listener_count; i++) {
        *ret_failed = i;
        node->listener_ctx[i] = (struct listener_ctx){.node = node, .index = i};
        TRY(net_listen(node->reactors[0].loop, &node->options.listeners[i].bind, backlog, on_accept,
                       &node->listener_ctx[i], &node->listeners[i]));
        net_listener_watch(node->listeners[i], on_full);
        net_listener_buffers(node->listeners[i],
                             (int)config_int(config, CONFIG_SOCKET_SEND_BUFFER_BYTES),
                             (int)config_int(config, CONFIG_SOCKET_RECEIVE_BUFFER_BYTES));
    }
    return OK;
}

void node_unlisten(struct broker_node *node)
{
    for (uint32_t i = 0; i < node->options.listener_count; i++) {
        net_unlisten(node->listeners[i]);
        node->listeners[i] = NULL;
    }
}
