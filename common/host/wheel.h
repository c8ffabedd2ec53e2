/*
 * Timing wheels (Varghese and Lauck 1987, scheme 7): arming and cancelling cost nothing worth counting, which matters because
 * every parked request has a deadline that is nearly always cancelled. The near wheel has slots of 1 ms; what is further away
 * than one turn of it waits in the far wheel, whose slots are one turn of the near one each, and comes over when its turn
 * begins. A timer beyond the far wheel waits in its last slot and is sorted in again from there.
 *
 * A loop with nothing due sleeps: cancelled timers and slots that only turn by wake nobody.
 */
#ifndef ODRADEK_HOST_WHEEL_H
#define ODRADEK_HOST_WHEEL_H

#include "common/port/loop.h"

#define WHEEL_SLOTS     1024u
#define WHEEL_FAR_SLOTS 256u
#define WHEEL_TICK_US   1000

struct wheel {
    struct list slots[WHEEL_SLOTS];
    struct list far[WHEEL_FAR_SLOTS];
    uint64_t filled[WHEEL_SLOTS / 64]; /* one bit a slot: may hold timers */
    uint64_t far_filled[WHEEL_FAR_SLOTS / 64];
    int64_t tick; /* all timers due before this tick have fired */
    uint32_t count;
};

void wheel_init(struct wheel *, time_us now);
void wheel_arm(struct wheel *, struct timer *, time_us at);
void wheel_cancel(struct wheel *, struct timer *);
/* Fires what is due at `now`. Timers may be armed and cancelled while it runs. */
void wheel_run(struct wheel *, time_us now);
/* When to look again: never later than the next due timer (in whole ticks, rounded up); TIME_NEVER when empty. Earlier than that
 * only where very many timers share a far slot. */
time_us wheel_next_us(struct wheel *);

#endif
