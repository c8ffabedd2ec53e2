/*
 * The floor of a heartbeat: the least that a server can do with it on this machine. One thread on raw epoll; each frame is
 * answered with a correlation, a throttle time and no error, the answers of one read by one send. A measuring stick.
 *
 *   bench_echo PORT
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/words.h"

#define EVENTS_MAX   256
#define INPUT_BYTES  65536
#define ANSWER_BYTES 14

struct conn {
    int fd;
    size_t have;
    uint8_t input[INPUT_BYTES];
};

static _Noreturn void stop(const char *what)
{
    perror(what);
    exit(1);
}

static void conn_accept(int poll, int listener)
{
    const int one = 1;
    struct conn *conn = calloc(1, sizeof(*conn));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    if (conn == NULL || (conn->fd = accept(listener, NULL, NULL)) < 0 ||
        setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
        epoll_ctl(poll, EPOLL_CTL_ADD, conn->fd, &event) != 0) {
        stop("accept");
    }
}

static void conn_end(struct conn *conn)
{
    (void)close(conn->fd);
    free(conn);
}

static void conn_read(struct conn *conn)
{
    uint8_t answers[INPUT_BYTES], *out = answers;
    ssize_t got = recv(conn->fd, conn->input + conn->have, INPUT_BYTES - conn->have, 0);
    if (got <= 0) {
        conn_end(conn);
        return;
    }
    conn->have += (size_t)got;
    size_t at = 0;
    while (conn->have - at >= 12 && conn->have - at - 4 >= load_be32(conn->input + at)) {
        uint32_t correlation = load_be32(conn->input + at + 8);
        at += 4 + load_be32(conn->input + at);
        put32(&out, ANSWER_BYTES - FRAME_HEAD_BYTES);
        put32(&out, correlation);
        put32(&out, 0);
        put16(&out, 0);
    }
    memmove(conn->input, conn->input + at, conn->have - at);
    conn->have -= at;
    if (out > answers && send(conn->fd, answers, (size_t)(out - answers), MSG_NOSIGNAL) !=
                             (ssize_t)(out - answers)) {
        conn_end(conn);
    }
}

int main(int argc, char **argv)
{
    const int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (argc != 2) {
        fprintf(stderr, "usage: bench_echo PORT\n");
        return 2;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    address.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    int poll = epoll_create1(EPOLL_CLOEXEC);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (poll < 0 || listener < 0 ||
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
        bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 1024) != 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) != 0) {
        stop("listening");
    }
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int n = epoll_wait(poll, events, EVENTS_MAX, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL) {
                conn_accept(poll, listener);
            } else {
                conn_read(events[i].data.ptr);
            }
        }
    }
}
