/* What the loaders share: a connection to HOST:PORT (an IPv4 address) and the time. */
#ifndef ODRADEK_TESTS_BENCH_DIAL_H
#define ODRADEK_TESTS_BENCH_DIAL_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline int64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* -1: errno says why (EINVAL: not HOST:PORT). */
static inline int dial(const char *to)
{
    const char *colon = strrchr(to, ':');
    char host[64];
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET};
    errno = EINVAL;
    if (colon == NULL || (size_t)(colon - to) >= sizeof(host)) {
        return -1;
    }
    (void)snprintf(host, sizeof(host), "%.*s", (int)(colon - to), to);
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        return -1;
    }
    address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

#endif
