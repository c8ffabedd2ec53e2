/* Client connections: accepted on the first reactor, handed to all in turn. */
#include "broker/node/node_internal.h"
#include "common/port/memory.h"

/* An accepted connection on its way to its reactor. */
struct handed {
    struct mail mail;
    struct reactor *reactor;
    struct net_conn *conn;
    struct slice listener;
};

static void on_handed(struct mail *mail)
{
    struct handed *handed = CONTAINER_OF(mail, struct handed, mail);
    const struct memory_source *source = memory_source(loop_host(handed->reactor->loop));
    edge_serve(&handed->reactor->edge, handed->conn, handed->listener);
    source->give(source->ctx, handed, sizeof(*handed));
}

static void on_accept(void *ctx, struct net_conn *conn)
{
    const struct listener_ctx *listener = ctx;
    struct broker_node *node = listener->node;
    struct reactor *reactor = &node->reactors[node->next_reactor++ % node->reactor_count];
    struct slice name = slice_str(node->options.listeners[listener->index].name);
    if (reactor == &node->reactors[0]) {
        edge_serve(&reactor->edge, conn, name);
        return;
    }
    const struct memory_source *source = memory_source(node->host);
    struct handed *handed = source->take(source->ctx, sizeof(*handed));
    if (handed == NULL) {
        net_close(conn);
        return;
    }
    *handed = (struct handed){
        .mail = {.deliver = on_handed}, .reactor = reactor, .conn = conn, .listener = name};
    loop_post(reactor->loop, &handed->mail);
}

err_t node_listen(struct broker_node *node)
{
    int backlog = (int)config_int(node->options.config, CONFIG_BACKLOG);
    for (uint32_t i = 0; i < node->options.listener_count; i++) {
        node->listener_ctx[i] = (struct listener_ctx){.node = node, .index = i};
        TRY(net_listen(node->reactors[0].loop, &node->options.listeners[i].bind, backlog, on_accept,
                       &node->listener_ctx[i], &node->listeners[i]));
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
