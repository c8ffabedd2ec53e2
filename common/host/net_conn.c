#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/host/net_internal.h"

/* Bytes read from one connection in one turn, so that a busy one does not starve the others. */
#define READ_TURN_MAX   (1u << 20)
#define SEND_PIECES_MAX 64
#define SENDFILE_MAX    (1u << 20)
/* Until the last words are sent and the other side has closed too. */
#define FINISH_US       (5 * 1000000)

void net_socket_tune(int fd)
{
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

struct net_conn *net_conn_new(struct host *host, int fd)
{
    struct net_conn *conn = calloc(1, sizeof(*conn));
    if (conn != NULL) {
        conn->host = host;
        conn->fd = fd;
        conn->state = NET_ACCEPTED;
    }
    return conn;
}

void net_conn_bury(struct net_conn *conn)
{
    assert(conn->state != NET_CLOSED);
    conn->state = NET_CLOSED;
    if (conn->dial != NULL) {
        net_dial_give_up(conn->dial);
    }
    if (conn->read_event != NULL) {
        event_free(conn->read_event);
    }
    if (conn->write_event != NULL) {
        event_free(conn->write_event);
    }
    if (conn->fd >= 0) {
        (void)close(conn->fd);
    }
    if (conn->counted) {
        (void)atomic_fetch_sub(&conn->host->conns_taken, 1);
    }
    if (conn->out.heap != NULL) {
        chain_release(&conn->out);
    }
    list_remove(&conn->flush.node);
    timer_cancel(conn->loop, &conn->finish_timer);
    list_remove(&conn->node);
    list_push(&conn->loop->graves, &conn->node);
}

void net_bury(struct loop *loop)
{
    for (struct list_node *node = list_pop(&loop->graves); node != NULL;
         node = list_pop(&loop->graves)) {
        free(CONTAINER_OF(node, struct net_conn, node));
    }
}

void net_end(struct loop *loop)
{
    for (struct list_node *node = list_first(&loop->conns); node != NULL;
         node = list_first(&loop->conns)) {
        net_conn_bury(CONTAINER_OF(node, struct net_conn, node));
    }
    net_bury(loop);
    net_listeners_end(loop);
}

void net_conn_fail(struct net_conn *conn, err_t why)
{
    bool silent = conn->state == NET_FINISHING;
    const struct net_events *events = conn->events;
    void *ctx = conn->ctx;
    net_conn_bury(conn);
    if (!silent) {
        events->closed(ctx, why);
    }
}

/* One recv. Returns false when there is nothing more to read now. */
static bool read_once(struct net_conn *conn, size_t *total)
{
    size_t n = 0;
    uint8_t *p = conn->events->room == NULL ? NULL : conn->events->room(conn->ctx, &n);
    if (p == NULL) {
        p = conn->loop->scratch;
        n = SCRATCH_BYTES;
    }
    assert(n > 0);
    ssize_t got = recv(conn->fd, p, n, 0);
    if (got > 0) {
        *total += (size_t)got;
        conn->events->bytes(conn->ctx, p, (size_t)got);
        return (size_t)got == n;
    }
    if (got == 0) {
        net_conn_fail(conn, ERR_CLOSED);
    } else if (errno != EAGAIN && errno != EINTR) {
        net_conn_fail(conn, host_err(errno));
    }
    return false;
}

/* The last words are sent, and a FIN. What the other side still sends is read and dropped: unread bytes at the close would
 * make the kernel send a RST, which can overtake the words. */
static void linger(struct net_conn *conn)
{
    for (size_t total = 0; total < READ_TURN_MAX;) {
        ssize_t got = recv(conn->fd, conn->loop->scratch, SCRATCH_BYTES, 0);
        if (got > 0) {
            total += (size_t)got;
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            net_conn_bury(conn);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct net_conn *conn = arg;
    if (conn->state == NET_LINGERING) {
        linger(conn);
        return;
    }
    size_t total = 0;
    bool more = true;
    while (more && conn->state == NET_OPEN && !conn->reading_paused && total < READ_TURN_MAX) {
        more = read_once(conn, &total);
    }
}

static ssize_t send_memory(struct net_conn *conn)
{
    struct iovec vector[SEND_PIECES_MAX];
    size_t count = 0;
    const struct chain_piece *piece = conn->out.head;
    for (; piece != NULL && piece->kind == CHAIN_MEMORY && count < SEND_PIECES_MAX;
         piece = piece->next) {
        vector[count++] = (struct iovec){.iov_base = piece->memory.at, .iov_len = piece->left};
    }
    struct msghdr message = {.msg_iov = vector, .msg_iovlen = count};
    return sendmsg(conn->fd, &message, MSG_NOSIGNAL | (piece != NULL ? MSG_MORE : 0));
}

static ssize_t send_file(struct net_conn *conn)
{
    const struct chain_piece *piece = conn->out.head;
    off_t at = piece->file.at;
    size_t n = piece->left < SENDFILE_MAX ? piece->left : SENDFILE_MAX;
    ssize_t sent = sendfile(conn->fd, piece->file.file->fd, &at, n);
    if (sent == 0 && n > 0) {
        errno = EIO; /* the file was cut under the range: the promised length cannot be kept */
        return -1;
    }
    return sent;
}

static void flush_end(struct net_conn *conn)
{
    if (conn->state == NET_FINISHING) {
        conn->state = NET_LINGERING;
        list_remove(&conn->flush.node);
        (void)shutdown(conn->fd, SHUT_WR);
        (void)event_add(conn->read_event, NULL);
    } else if (conn->events->drained != NULL) {
        conn->events->drained(conn->ctx);
    }
}

static void conn_flush(struct net_conn *conn)
{
    assert(conn->state == NET_OPEN || conn->state == NET_FINISHING);
    bool had = conn->out.head != NULL;
    while (conn->out.head != NULL) {
        ssize_t sent = conn->out.head->kind == CHAIN_MEMORY ? send_memory(conn) : send_file(conn);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && errno == EAGAIN) {
            conn->write_waiting = true;
            (void)event_add(conn->write_event, NULL);
            return;
        }
        if (sent < 0) {
            net_conn_fail(conn, host_err(errno));
            return;
        }
        chain_consume(&conn->out, (size_t)sent);
    }
    if (had || conn->state == NET_FINISHING) {
        flush_end(conn);
    }
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct net_conn *conn = arg;
    conn->write_waiting = false;
    conn_flush(conn);
}

static void on_turn_end(struct turn_end *end)
{
    struct net_conn *conn = CONTAINER_OF(end, struct net_conn, flush);
    if (!conn->write_waiting) {
        conn_flush(conn);
    }
}

void net_flush_soon(struct net_conn *conn)
{
    conn->flush.run = on_turn_end;
    loop_at_turn_end(conn->loop, &conn->flush);
}

err_t net_conn_events(struct net_conn *conn)
{
    struct event_base *base = conn->loop->base;
    conn->read_event = event_new(base, conn->fd, EV_READ | EV_PERSIST, on_readable, conn);
    conn->write_event = event_new(base, conn->fd, EV_WRITE, on_writable, conn);
    ENSURE(conn->read_event != NULL && conn->write_event != NULL, ERR_NO_MEMORY);
    return OK;
}

void net_conn_read_on(struct net_conn *conn)
{
    if (!conn->reading_paused && conn->state == NET_OPEN) {
        (void)event_add(conn->read_event, NULL);
    }
}

void net_send(struct net_conn *conn, struct chain *chain)
{
    if (conn->state > NET_OPEN) {
        chain_release(chain);
        return;
    }
    if (conn->out.heap == NULL) {
        chain_init(&conn->out, chain->heap);
    }
    chain_append(&conn->out, chain);
    if (conn->state == NET_OPEN) {
        net_flush_soon(conn);
    }
}

size_t net_unsent_bytes(const struct net_conn *conn)
{
    return conn->out.bytes;
}

void net_read_pause(struct net_conn *conn)
{
    conn->reading_paused = true;
    if (conn->state == NET_OPEN) {
        (void)event_del(conn->read_event);
    }
}

void net_read_resume(struct net_conn *conn)
{
    conn->reading_paused = false;
    net_conn_read_on(conn);
}

void net_close(struct net_conn *conn)
{
    if (conn->state == NET_ACCEPTED) { /* it belongs to no loop yet */
        (void)close(conn->fd);
        free(conn);
        return;
    }
    if (conn->state != NET_CLOSED) {
        net_conn_bury(conn);
    }
}

static void on_finish_timer(struct timer *timer)
{
    net_conn_bury(CONTAINER_OF(timer, struct net_conn, finish_timer));
}

void net_finish(struct net_conn *conn)
{
    if (conn->state != NET_OPEN || conn->out.head == NULL) {
        net_close(conn);
        return;
    }
    (void)event_del(conn->read_event);
    conn->state = NET_FINISHING;
    conn->finish_timer.fire = on_finish_timer;
    timer_arm(conn->loop, &conn->finish_timer, loop_now_us(conn->loop) + FINISH_US);
    net_flush_soon(conn);
}

const char *net_peer(const struct net_conn *conn)
{
    return conn->peer;
}
