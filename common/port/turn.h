/*
 * A loop without a thread of its own, for programs that do one thing after the other (the command line): whoever opened it turns
 * it, and everything it brings is delivered inside that call. A loop that was given to loop_start is never turned by hand.
 *
 * The real host has this door; the simulator, whose loops are all actors, does not.
 */
#ifndef ODRADEK_PORT_TURN_H
#define ODRADEK_PORT_TURN_H

#include "common/port/loop.h"

/* Delivers what is there. When nothing is, waits for it until `until` (monotonic; TIME_NEVER: for ever). Not from inside. */
void loop_turn(struct loop *, time_us until);

/* A descriptor that is waited for beside the connections: standard input, a signalfd. Lives in the caller; zeroed, with fd and
 * ready set, it is idle. */
struct loop_watch {
    int fd;
    void (*ready)(struct loop_watch *);
    void *event; /* the host's own */
};

/* `ready` follows once when the descriptor can be read. Harmless when it is armed. ERR_UNSUPPORTED: it can always be read
 * (an ordinary file), nothing follows; ERR_NO_MEMORY. */
err_t loop_watch_arm(struct loop *, struct loop_watch *) MUST_USE;
/* Before the loop is joined. Harmless on an idle watch. */
void loop_watch_release(struct loop_watch *);

#endif
