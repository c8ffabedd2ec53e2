/*
 * Hashed timing wheel (Varghese and Lauck 1987, scheme 6): arming and cancelling cost nothing worth counting, which matters
 * because every parked request has a deadline that is nearly always cancelled. Slots of 1 ms; a timer further away than one
 * turn of the wheel waits in its slot for its round.
 */
#ifndef ODRADEK_HOST_WHEEL_H
#define ODRADEK_HOST_WHEEL_H

#include "common/port/loop.h"

#define WHEEL_SLOTS   1024u
#define WHEEL_TICK_US 1000

struct wheel {
    struct list slots[WHEEL_SLOTS];
    uint64_t filled[WHEEL_SLOTS / 64]; /* one bit a slot: may hold timers */
    int64_t tick;                      /* all timers due before this tick have fired */
    uint32_t count;
};

void wheel_init(struct wheel *, time_us now);
void wheel_arm(struct wheel *, struct timer *, time_us at);
void wheel_cancel(struct wheel *, struct timer *);
/* Fires what is due at `now`. Timers may be armed and cancelled while it runs. */
void wheel_run(struct wheel *, time_us now);
/* When to look again: never later than the next due timer, at most one turn of the wheel ahead; TIME_NEVER when empty. */
time_us wheel_next_us(const struct wheel *);

#endif
