/* Loops turned by hand: standard input, signals and connections of a program that has one thread. */
#include "common/port/turn.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common/host/internal.h"

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop_watch *watch = arg;
    watch->ready(watch);
}

/* Files and /dev/null cannot be polled, and libevent would complain aloud. */
static bool can_wait(int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    int probe = epoll_create1(EPOLL_CLOEXEC);
    if (probe < 0) {
        return true;
    }
    bool refused = epoll_ctl(probe, EPOLL_CTL_ADD, fd, &event) != 0 && errno == EPERM;
    (void)close(probe);
    return !refused;
}

err_t loop_watch_arm(struct loop *loop, struct loop_watch *watch)
{
    assert(watch->fd >= 0 && watch->ready != NULL);
    if (watch->event == NULL) {
        ENSURE(can_wait(watch->fd), ERR_UNSUPPORTED);
        watch->event = event_new(loop->base, watch->fd, EV_READ, on_ready, watch);
        ENSURE(watch->event != NULL, ERR_NO_MEMORY);
    }
    assert(loop->first == NULL);
    if (event_add(watch->event, NULL) == 0) {
        return OK;
    }
    loop_watch_release(watch);
    return ERR_NO_MEMORY;
}

void loop_watch_release(struct loop_watch *watch)
{
    if (watch->event != NULL) {
        event_free(watch->event);
        watch->event = NULL;
    }
}
