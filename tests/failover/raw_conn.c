#include "tests/failover/raw_conn.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { RETRY_NS = 20 * 1000 * 1000, FRAME_MAX = 64 << 20 };

static int dial(const struct raw_broker *b, int flags)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)b->port)};
    const char *host = strcmp(b->host, "localhost") == 0 ? "127.0.0.1" : b->host;
    int one = 1;
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1)
        return -1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

void conn_dial(struct conn *c, uint64_t now)
{
    assert(c->state == CONN_CLOSED);
    if (now < c->dial_at_ns)
        return;
    c->dial_at_ns = now + RETRY_NS;
    c->fd = dial(&c->broker, SOCK_NONBLOCK);
    if (c->fd >= 0)
        c->state = CONN_CONNECTING;
}

void conn_close(struct conn *c, uint64_t now)
{
    if (c->state != CONN_CLOSED)
        close(c->fd);
    c->state = CONN_CLOSED;
    c->fd = -1;
    c->out.len = c->in.len = c->sent = 0;
    c->dial_at_ns = now + RETRY_NS;
}

short conn_events(const struct conn *c)
{
    return (short)(POLLIN | (c->state == CONN_CONNECTING || c->sent < c->out.len ? POLLOUT : 0));
}

static bool conn_write(struct conn *c)
{
    while (c->sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        c->sent += (size_t)n;
    }
    c->out.len = c->sent = 0;
    return true;
}

static bool conn_read(struct conn *c)
{
    uint8_t scratch[65536];
    for (;;) {
        ssize_t n = recv(c->fd, scratch, sizeof scratch, 0);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (n == 0)
            return false;
        put_raw(&c->in, scratch, (size_t)n);
    }
}

bool conn_turn(struct conn *c, short revents)
{
    if (c->state == CONN_CONNECTING && (revents & (POLLOUT | POLLERR | POLLHUP))) {
        int error = 0;
        socklen_t len = sizeof error;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error != 0)
            return false;
        c->state = CONN_UP;
    }
    if (c->state != CONN_UP)
        return true;
    bool wrote = conn_write(c);
    return conn_read(c) && wrote;
}

bool conn_frame(struct conn *c, size_t *taken, struct in *ret)
{
    struct in i = {.at = c->in.data + *taken, .end = c->in.data + c->in.len};
    if (c->in.len - *taken < 4)
        return false;
    int32_t len = get_i32(&i);
    assert(len >= 4 && len < FRAME_MAX);
    if (i.end - i.at < len)
        return false;
    *ret = (struct in){.at = i.at, .end = i.at + len};
    *taken += 4 + (size_t)len;
    return true;
}

void conn_tidy(struct conn *c, size_t taken)
{
    if (taken > 0)
        memmove(c->in.data, c->in.data + taken, c->in.len - taken);
    c->in.len -= taken;
}

int raw_dial(const struct raw_broker *b, int timeout_ms)
{
    int fd = dial(b, 0);
    struct timeval t = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    }
    return fd;
}

static bool read_whole(int fd, uint8_t *to, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = recv(fd, to + at, len - at, 0);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

bool raw_call(int fd, const struct out *frame, struct out *buf, struct in *ret)
{
    uint8_t head[4];
    for (size_t at = 0; at < frame->len;) {
        ssize_t n = send(fd, frame->data + at, frame->len - at, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    if (!read_whole(fd, head, 4))
        return false;
    struct in i = {.at = head, .end = head + 4};
    int32_t len = get_i32(&i);
    if (len < 4 || len > FRAME_MAX)
        return false;
    buf->len = 0;
    if (buf->cap < (size_t)len) {
        buf->cap = (size_t)len;
        buf->data = realloc(buf->data, buf->cap);
        assert(buf->data != NULL);
    }
    buf->len = (size_t)len;
    if (!read_whole(fd, buf->data, buf->len))
        return false;
    *ret = (struct in){.at = buf->data + 4, .end = buf->data + buf->len};
    return true;
}

bool parse_number(const char *text, int min, int max, int *ret)
{
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != 0 || v < min || v > max)
        return false;
    *ret = (int)v;
    return true;
}

int parse_brokers(const char *text, struct raw_broker *ret, int max)
{
    char copy[1024], *rest = copy;
    int n = 0;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word; n < max && (word = strsep(&rest, ",")) != NULL;) {
        char *colon = strrchr(word, ':');
        ret[n] = (struct raw_broker){.id = -1};
        if (colon == NULL || !parse_number(colon + 1, 1, 65535, &ret[n].port))
            continue;
        *colon = 0;
        snprintf(ret[n++].host, sizeof ret[0].host, "%s", word);
    }
    return n;
}

bool raw_metadata(const struct raw_broker *brokers, int count, int *turn, const char *topic,
                  struct raw_view *ret)
{
    struct out frame = {0}, buf = {0};
    bool found = false;
    metadata_request(&frame, 1, topic);
    for (int k = 0; k < count && !found; k++) {
        int fd = raw_dial(&brokers[(*turn)++ % count], 300);
        struct in i;
        if (fd < 0)
            continue;
        if (raw_call(fd, &frame, &buf, &i)) {
            metadata_answer(&i, ret);
            found = !i.bad && ret->error == 0 && ret->partition_count > 0;
        }
        close(fd);
    }
    out_free(&frame);
    out_free(&buf);
    return found;
}
