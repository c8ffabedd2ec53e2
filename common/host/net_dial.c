/*
 * Dialling: names are looked up on the pool (the resolver blocks), the handshake goes on in the loop. Addresses of a name
 * are tried one after the other.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/host/net_internal.h"

/* A machine without power answers nothing, and the kernel knocks ever more rarely, for minutes: also when it is back. Whoever dials
 * begins anew instead. */
#define DIAL_S 3

struct dial {
    struct disk_job job;   /* its letter also starts the dial of a numeric address */
    struct net_conn *conn; /* NULL: given up while the look-up goes on */
    struct net_address address;
    struct addrinfo *infos;
    const struct addrinfo *next;
    struct event *event; /* of the socket being connected */
    bool looking_up;     /* the pool or the mailbox has it */
};

static void dial_try(struct dial *dial, err_t last);

static void dial_free(struct dial *dial)
{
    if (dial->conn != NULL) {
        dial->conn->dial = NULL;
    }
    if (dial->infos != NULL) {
        freeaddrinfo(dial->infos);
    }
    if (dial->event != NULL) {
        event_free(dial->event);
    }
    free(dial);
}

void net_dial_give_up(struct dial *dial)
{
    dial->conn->dial = NULL;
    dial->conn = NULL;
    if (!dial->looking_up) {
        dial_free(dial);
    }
}

static void dial_opened(struct dial *dial)
{
    struct net_conn *conn = dial->conn;
    dial_free(dial);
    net_socket_tune(conn->fd);
    conn->state = NET_OPEN;
    if (net_conn_events(conn) != OK) {
        net_conn_fail(conn, ERR_NO_MEMORY);
        return;
    }
    net_conn_read_on(conn);
    if (conn->out.head != NULL) {
        net_flush_soon(conn);
    }
    if (conn->events->opened != NULL) {
        conn->events->opened(conn->ctx);
    }
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
    struct dial *dial = arg;
    int error_number = 0;
    socklen_t bytes = sizeof(error_number);
    (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_number, &bytes);
    if ((what & EV_TIMEOUT) != 0 && error_number == 0) {
        error_number = ETIMEDOUT;
    }
    event_free(dial->event);
    dial->event = NULL;
    if (error_number == 0) {
        dial_opened(dial);
        return;
    }
    (void)close(dial->conn->fd);
    dial->conn->fd = -1;
    dial_try(dial, host_err(error_number));
}

static err_t dial_one(struct dial *dial, const struct addrinfo *info)
{
    struct net_conn *conn = dial->conn;
    conn->fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ENSURE(conn->fd >= 0, host_err(errno));
    if (connect(conn->fd, info->ai_addr, info->ai_addrlen) != 0 && errno != EINPROGRESS) {
        err_t err = host_err(errno);
        (void)close(conn->fd);
        conn->fd = -1;
        return err;
    }
    dial->event = event_new(conn->loop->base, conn->fd, EV_WRITE, on_connected, dial);
    ENSURE(dial->event != NULL, ERR_NO_MEMORY);
    const struct timeval patience = {.tv_sec = DIAL_S};
    (void)event_add(dial->event, &patience);
    return OK;
}

/* Goes on with the next address; without one the dial has failed. */
static void dial_try(struct dial *dial, err_t last)
{
    while (dial->next != NULL) {
        const struct addrinfo *info = dial->next;
        dial->next = info->ai_next;
        last = dial_one(dial, info);
        if (last == OK) {
            return;
        }
    }
    struct net_conn *conn = dial->conn;
    dial_free(dial);
    net_conn_fail(conn, last);
}

static bool resolve(struct dial *dial, int flags)
{
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", dial->address.port);
    const struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags, .ai_family = AF_UNSPEC};
    return getaddrinfo(dial->address.host, port, &hints, &dial->infos) == 0;
}

static void resolve_work(struct disk_job *job)
{
    struct dial *dial = CONTAINER_OF(job, struct dial, job);
    if (!resolve(dial, 0)) {
        dial->infos = NULL;
    }
}

static void resolve_done(struct disk_job *job)
{
    struct dial *dial = CONTAINER_OF(job, struct dial, job);
    dial->looking_up = false;
    if (dial->conn == NULL) {
        dial_free(dial);
        return;
    }
    dial->next = dial->infos;
    dial->conn->state = NET_CONNECTING;
    dial_try(dial, ERR_UNREACHABLE);
}

static void numeric_start(struct mail *mail)
{
    resolve_done(CONTAINER_OF(mail, struct disk_job, mail));
}

err_t net_dial(struct loop *loop, const struct net_address *address,
               const struct net_events *events, void *ctx, struct net_conn **ret_conn)
{
    assert(events->bytes != NULL && events->closed != NULL);
    struct net_conn *conn = net_conn_new(loop->host, -1);
    struct dial *dial = calloc(1, sizeof(*dial));
    if (conn == NULL || dial == NULL) {
        free(conn);
        free(dial);
        return ERR_NO_MEMORY;
    }
    conn->loop = loop;
    list_push(&loop->conns, &conn->node);
    conn->events = events;
    conn->ctx = ctx;
    conn->state = NET_RESOLVING;
    conn->dial = dial;
    (void)snprintf(conn->peer, sizeof(conn->peer), "%s:%u", address->host, address->port);
    dial->conn = conn;
    dial->address = *address;
    dial->looking_up = true;
    if (resolve(dial, AI_NUMERICHOST)) {
        dial->job.mail.deliver = numeric_start;
        loop_post(loop, &dial->job.mail);
    } else {
        dial->infos = NULL;
        dial->job.work = resolve_work;
        dial->job.done = resolve_done;
        disk_submit(loop, &dial->job);
    }
    *ret_conn = conn;
    return OK;
}
