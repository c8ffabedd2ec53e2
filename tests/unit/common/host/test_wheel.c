/* The timing wheels against a plain list of timers: what fires when, in which order, and that nothing wakes a loop for nothing. */
#include <criterion/criterion.h>

#include "common/base/prng.h"
#include "common/host/wheel.h"

#define TIMERS 64

struct world {
    struct wheel wheel;
    struct prng prng;
    time_us now;
    struct watched {
        struct timer timer;
        struct world *world;
        time_us wanted; /* TIME_NEVER: not armed */
        int fired;
    } timers[TIMERS];
    int fired;
};

static time_us tick_up(time_us at)
{
    return (at + WHEEL_TICK_US - 1) / WHEEL_TICK_US * WHEEL_TICK_US;
}

static void on_fire(struct timer *timer)
{
    struct watched *w = CONTAINER_OF(timer, struct watched, timer);
    cr_assert(w->wanted <= w->world->now, "fired %ld us early", (long)(w->wanted - w->world->now));
    w->wanted = TIME_NEVER;
    w->fired++;
    w->world->fired++;
    if (prng_below(&w->world->prng, 4) == 0) { /* timers that arm themselves again, now and later */
        w->wanted = w->world->now + (time_us)prng_below(&w->world->prng, 3000);
        wheel_arm(&w->world->wheel, timer, w->wanted);
    }
}

static void world_init(struct world *world, uint64_t seed, time_us now)
{
    memset(world, 0, sizeof(*world));
    prng_init(&world->prng, seed);
    world->now = now;
    wheel_init(&world->wheel, now);
    for (int i = 0; i < TIMERS; i++) {
        world->timers[i] = (struct watched){.world = world, .wanted = TIME_NEVER};
        world->timers[i].timer.fire = on_fire;
    }
}

static time_us least_wanted(const struct world *world)
{
    time_us least = TIME_NEVER;
    for (int i = 0; i < TIMERS; i++) {
        least = min_i64(least, world->timers[i].wanted);
    }
    return least;
}

/* Milliseconds, seconds, minutes, hours: every way through both wheels. */
static time_us some_delay(struct prng *prng)
{
    static const uint64_t reach[] = {1000, 50000, 2000000, 400000000, 20000000000};
    return (time_us)prng_below(prng, reach[prng_below(prng, ARRAY_LEN(reach))]);
}

Test(wheel, a_random_life)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct world *world = malloc(sizeof(*world));
        world_init(world, seed, (time_us)seed * 1234567);
        for (int step = 0; step < 2000; step++) {
            struct watched *w = &world->timers[prng_below(&world->prng, TIMERS)];
            switch (prng_below(&world->prng, 4)) {
            case 0:
                w->wanted = TIME_NEVER;
                wheel_cancel(&world->wheel, &w->timer);
                break;
            case 1:
                w->wanted = world->now + some_delay(&world->prng);
                wheel_arm(&world->wheel, &w->timer, w->wanted);
                break;
            case 2: /* a loop that is woken by something else */
                world->now += some_delay(&world->prng) / 8;
                wheel_run(&world->wheel, world->now);
                break;
            default: /* a loop that sleeps until it should wake */
                if (wheel_next_us(&world->wheel) != TIME_NEVER) {
                    world->now = max_i64(world->now, wheel_next_us(&world->wheel));
                    wheel_run(&world->wheel, world->now);
                }
            }
            time_us least = least_wanted(world);
            cr_assert_eq(wheel_next_us(&world->wheel) == TIME_NEVER, least == TIME_NEVER);
            cr_assert(least == TIME_NEVER ||
                      wheel_next_us(&world->wheel) <= max_i64(tick_up(least), world->now));
        }
        cr_assert_gt(world->fired, 100);
        free(world);
    }
}

/* Found by a node that slept 42 times a second instead of 20: each heartbeat had armed a time-out and cancelled it. */
/* As port/loop.h says; the simulator's loop: common/port/test_timer.c. */
Test(wheel, a_timer_of_the_past_fires_at_the_next_turn_and_one_of_never_not_at_all)
{
    struct world *world = calloc(1, sizeof(*world));
    cr_assert_not_null(world);
    world_init(world, 3, 5000000);
    struct watched *past = &world->timers[0], *never = &world->timers[1];
    past->wanted = 1000000;
    wheel_arm(&world->wheel, &past->timer, past->wanted);
    wheel_arm(&world->wheel, &never->timer, 5000010);
    wheel_arm(&world->wheel, &never->timer, TIME_NEVER);
    cr_assert(list_linked(&past->timer.node));
    cr_assert_not(list_linked(&never->timer.node));
    cr_assert_leq(wheel_next_us(&world->wheel), tick_up(5000001));
    world->now = tick_up(5000001);
    wheel_run(&world->wheel, world->now);
    cr_assert_eq(past->fired, 1);
    cr_assert_eq(never->fired, 0);
    free(world);
}

Test(wheel, cancelled_timers_wake_nobody)
{
    struct world *world = malloc(sizeof(*world));
    world_init(world, 1, 5000000);
    struct timer *never = &world->timers[0].timer;
    struct timer *far = &world->timers[1].timer;
    wheel_arm(&world->wheel, far, world->now + 10000000);
    for (int i = 0; i < 2000; i++) {
        wheel_arm(&world->wheel, never, world->now + 150000 + i * 700);
    }
    wheel_cancel(&world->wheel, never);
    cr_assert_eq(wheel_next_us(&world->wheel), world->now + 10000000);
    wheel_run(&world->wheel, world->now + 9000000);
    cr_assert_eq(world->fired, 0);
    cr_assert_eq(wheel_next_us(&world->wheel), world->now + 10000000);
    wheel_cancel(&world->wheel, far);
    cr_assert_eq(wheel_next_us(&world->wheel), TIME_NEVER);
    free(world);
}

/* A far timer sleeps through whole turns of the near wheel. */
Test(wheel, turning_wakes_nobody)
{
    struct world *world = malloc(sizeof(*world));
    world_init(world, 1, 5000000);
    struct watched *w = &world->timers[0];
    const time_us delays[] = {1024000, 1025000, 30000000, 200000000};
    for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
        w->wanted = world->now + delays[i];
        wheel_arm(&world->wheel, &w->timer, w->wanted);
        cr_assert_eq(wheel_next_us(&world->wheel), w->wanted);
        wheel_cancel(&world->wheel, &w->timer);
    }
    free(world);
}

/* Found by a broker under a thousand clients: the far timers of a new turn came over before the last slot of the old turn had
 * run, so that those due in the new turn's last slot, a second later, fired with it. */
Test(wheel, the_last_slot_of_a_turn_runs_before_the_next_turn_comes_over)
{
    struct world *world = malloc(sizeof(*world));
    const time_us turn = (time_us)WHEEL_SLOTS * WHEEL_TICK_US;
    world_init(world, 1, 10 * turn);
    struct watched *early = &world->timers[0];
    struct watched *late = &world->timers[1];
    late->wanted = 13 * turn -
                   WHEEL_TICK_US; /* the last slot of a later turn: it waits in the far wheel */
    wheel_arm(&world->wheel, &late->timer, late->wanted);
    world->now = 11 * turn + turn / 2;
    wheel_run(&world->wheel, world->now);
    early->wanted = 12 * turn - WHEEL_TICK_US; /* the last slot of this turn */
    wheel_arm(&world->wheel, &early->timer, early->wanted);
    world->now = 12 * turn + 1000;
    wheel_run(&world->wheel, world->now);
    cr_assert_eq(early->fired, 1);
    cr_assert_eq(late->fired, 0);
    world->now = 13 * turn;
    wheel_run(&world->wheel, world->now);
    cr_assert_eq(late->fired, 1);
    free(world);
}
