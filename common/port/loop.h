/*
 * Loops: one event loop each for a reactor, the control thread, a controller. Run to completion, nobody blocks inside.
 *
 * A `struct host` is the ground one node stands on: real (common/host) or fake (tests/sim), chosen at link time. Loops
 * belong to a host. In the real host a loop is a thread; in the simulator it is an actor that the scheduler runs.
 *
 * Timers and connections of a loop may be touched on that loop only. Everything else reaches it by mail: a node inside the
 * sender's own struct, so that a mailbox can neither overflow nor block. Mail posted by one sender is delivered in order.
 */
#ifndef ODRADEK_PORT_LOOP_H
#define ODRADEK_PORT_LOOP_H

#include "common/base/err.h"
#include "common/base/list.h"

struct host;
struct loop;

/* A letter. It must stay in place until it was delivered, and may be posted again from then on (also by `deliver`). */
struct mail {
    struct mail *next; /* the mailbox's own */
    void (*deliver)(struct mail *);
};

/* A timer lives inside its owner; zeroed and with `fire` set it is ready. Fires once per arming, never early. */
struct timer {
    struct list_node node; /* the loop's own */
    time_us at;            /* likewise: see timer_arm */
    void (*fire)(struct timer *);
};

/* Called at the end of each turn in which it was asked for, after all events and mail: the place to flush. */
struct turn_end {
    struct list_node node; /* the loop's own */
    void (*run)(struct turn_end *);
};

/* A loop that does not run yet. name: for thread names and traces; copied. */
err_t loop_open(struct host *, const char *name, struct loop **ret_loop) MUST_USE;

/* Starts it: `first` is its first event. */
void loop_start(struct loop *, void (*first)(void *arg), void *arg);

/* Asks it to end after its present turn; may be called from anywhere. Connections and timers die with it, silently. */
void loop_stop(struct loop *);

/* Waits until it has ended, then frees it. Not from a loop. */
void loop_join(struct loop *);

struct host *loop_host(const struct loop *);

/* Monotonic time at the start of this turn. */
time_us loop_now_us(const struct loop *);

/* From any thread. Delivered on the loop. */
void loop_post(struct loop *, struct mail *);

/* Anew if it is armed. A time that is past already fires in a later turn, as soon as may be, never inside of this call; TIME_NEVER:
 * as timer_cancel. What timer->at is afterwards is the loop's own (of a past time: that one, or a later one); who needs the time
 * that was asked for keeps it. */
void timer_arm(struct loop *, struct timer *, time_us at);
/* At the next whole multiple of `every`: one turn does for all timers that beat alike. */
static inline void timer_arm_beat(struct loop *loop, struct timer *timer, time_us every)
{
    timer_arm(loop, timer, (loop_now_us(loop) / every + 1) * every);
}
/* Harmless on an idle timer. */
void timer_cancel(struct loop *, struct timer *);
bool timer_armed(const struct timer *);

/* Harmless when it is asked for already. */
void loop_at_turn_end(struct loop *, struct turn_end *);

/* Monotonic time of the start of the loop's last turn, readable from any thread: a watchdog looks whether it still turns.
 * A loop that waits for events counts as turning. */
time_us loop_last_turn_us(const struct loop *);

#endif
