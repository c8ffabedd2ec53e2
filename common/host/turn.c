/* Loops turned by hand: standard input, signals and connections of a program that has one thread. */
#include "common/port/turn.h"

#include <errno.h>

#include "common/host/internal.h"

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop_watch *watch = arg;
    watch->ready(watch);
}

err_t loop_watch_arm(struct loop *loop, struct loop_watch *watch)
{
    assert(watch->fd >= 0 && watch->ready != NULL);
    if (watch->event == NULL) {
        watch->event = event_new(loop->base, watch->fd, EV_READ, on_ready, watch);
        ENSURE(watch->event != NULL, ERR_NO_MEMORY);
    }
    if (event_add(watch->event, NULL) == 0) {
        return OK;
    }
    loop_watch_release(watch);
    return errno == ENOMEM ? ERR_NO_MEMORY : ERR_UNSUPPORTED;
}

void loop_watch_release(struct loop_watch *watch)
{
    if (watch->event != NULL) {
        event_free(watch->event);
        watch->event = NULL;
    }
}
