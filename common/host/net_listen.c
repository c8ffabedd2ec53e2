#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/host/net_internal.h"

/* Connections accepted in one turn, so that a flood of them does not starve those that are there. */
#define ACCEPT_TURN_MAX 64
/* No descriptors: look again after this. */
#define FULL_LOOK_US    50000

struct net_listener {
    struct loop *loop;
    struct list_node node;
    int fd;
    struct event *event;
    struct timer look_timer;
    bool full;
    net_full_fn *watch;
    net_accept_fn *accept;
    void *ctx;
};

static void peer_text(const struct sockaddr *address, socklen_t bytes, char *text, size_t room)
{
    char host[HOST_NAME_MAX_BYTES + 1];
    char port[8];
    if (getnameinfo(address, bytes, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        (void)snprintf(text, room, "unknown");
        return;
    }
    (void)snprintf(text, room, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
}

static void full_tell(struct net_listener *listener, bool full)
{
    const struct host *host = listener->loop->host;
    if (listener->full != full) {
        listener->full = full;
        if (listener->watch != NULL) {
            listener->watch(listener->ctx, full, atomic_load(&host->conns_taken), host->conns_max);
        }
    }
}

/* A readable listener that nothing can be accepted from would keep the loop spinning. */
static void accept_pause(struct net_listener *listener)
{
    (void)event_del(listener->event);
    timer_arm(listener->loop, &listener->look_timer, loop_now_us(listener->loop) + FULL_LOOK_US);
    full_tell(listener, true);
}

static void on_look(struct timer *timer)
{
    struct net_listener *listener = CONTAINER_OF(timer, struct net_listener, look_timer);
    const struct host *host = listener->loop->host;
    if (atomic_load(&host->conns_taken) < host->conns_max) {
        (void)event_add(listener->event, NULL);
    } else {
        timer_arm(listener->loop, timer, loop_now_us(listener->loop) + FULL_LOOK_US);
    }
}

static bool out_of_descriptors(int error_number)
{
    return error_number == EMFILE || error_number == ENFILE || error_number == ENOBUFS ||
           error_number == ENOMEM;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct net_listener *listener = arg;
    const struct host *host = listener->loop->host;
    for (int i = 0; i < ACCEPT_TURN_MAX; i++) {
        if (atomic_load(&host->conns_taken) >= host->conns_max) {
            accept_pause(listener);
            return;
        }
        struct sockaddr_storage address;
        socklen_t bytes = sizeof(address);
        int accepted = accept4(fd, (struct sockaddr *)&address, &bytes,
                               SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted < 0) {
            if (out_of_descriptors(errno)) {
                accept_pause(listener);
            }
            return;
        }
        struct net_conn *conn = net_conn_new(listener->loop->host, accepted);
        if (conn == NULL) {
            (void)close(accepted);
            return;
        }
        conn->counted = true;
        (void)atomic_fetch_add(&conn->host->conns_taken, 1);
        full_tell(listener, false);
        net_socket_tune(accepted);
        peer_text((struct sockaddr *)&address, bytes, conn->peer, sizeof(conn->peer));
        listener->accept(listener->ctx, conn);
    }
}

static err_t listen_on(const struct addrinfo *info, int backlog, int *ret_fd)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ENSURE(fd >= 0, host_err(errno));
    const int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, backlog) != 0) {
        err_t err = host_err(errno);
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    return OK;
}

err_t net_listen(struct loop *loop, const struct net_address *address, int backlog,
                 net_accept_fn *accept, void *ctx, struct net_listener **ret_listener)
{
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", address->port);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_family = AF_UNSPEC};
    struct addrinfo *infos;
    bool any = address->host[0] == '\0';
    ENSURE(getaddrinfo(any ? NULL : address->host, port, &hints, &infos) == 0, ERR_UNREACHABLE);
    int fd = -1;
    err_t err = ERR_UNREACHABLE;
    for (const struct addrinfo *info = infos; info != NULL && err != OK && err != ERR_EXISTS;
         info = info->ai_next) {
        err = listen_on(info, backlog, &fd);
    }
    freeaddrinfo(infos);
    TRY(err);
    struct net_listener *listener = calloc(1, sizeof(*listener));
    if (listener != NULL) {
        *listener = (struct net_listener){.loop = loop, .fd = fd, .accept = accept, .ctx = ctx};
        listener->look_timer.fire = on_look;
        listener->event = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_accept, listener);
    }
    if (listener == NULL || listener->event == NULL) {
        (void)close(fd);
        free(listener);
        return ERR_NO_MEMORY;
    }
    (void)event_add(listener->event, NULL);
    list_push(&loop->listeners, &listener->node);
    *ret_listener = listener;
    return OK;
}

void net_listener_watch(struct net_listener *listener, net_full_fn *full)
{
    assert(listener != NULL && full != NULL);
    listener->watch = full;
}

void net_listener_buffers(struct net_listener *listener, int send_bytes, int receive_bytes)
{
    assert(send_bytes >= -1 && receive_bytes >= -1);
    if (send_bytes >=
        0) { /* accepted sockets inherit both; a size beyond the system's is cut to that */
        (void)setsockopt(listener->fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof(send_bytes));
    }
    if (receive_bytes >= 0) {
        (void)setsockopt(listener->fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes,
                         sizeof(receive_bytes));
    }
}

uint16_t net_listener_port(const struct net_listener *listener)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address = {0};
    socklen_t bytes = sizeof(address);
    int failed = getsockname(listener->fd, &address.any, &bytes);
    assert(failed == 0);
    return ntohs(address.any.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
}

void net_unlisten(struct net_listener *listener)
{
    if (listener != NULL) {
        list_remove(&listener->node);
        timer_cancel(listener->loop, &listener->look_timer);
        event_free(listener->event);
        (void)close(listener->fd);
        free(listener);
    }
}

void net_listeners_end(struct loop *loop)
{
    for (struct list_node *node = list_first(&loop->listeners); node != NULL;
         node = list_first(&loop->listeners)) {
        net_unlisten(CONTAINER_OF(node, struct net_listener, node));
    }
}

void net_start(struct loop *loop, struct net_conn *conn, const struct net_events *events, void *ctx)
{
    assert(conn->state == NET_ACCEPTED && events->bytes != NULL && events->closed != NULL);
    conn->loop = loop;
    list_push(&loop->conns, &conn->node);
    conn->events = events;
    conn->ctx = ctx;
    conn->state = NET_OPEN;
    if (net_conn_events(conn) != OK) {
        net_conn_fail(conn, ERR_NO_MEMORY);
        return;
    }
    net_conn_read_on(conn);
}
