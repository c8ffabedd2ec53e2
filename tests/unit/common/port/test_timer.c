/* What port/loop.h promises of timers, in the simulator's world; common/host/test_wheel.c asks the real one. */
#include <criterion/criterion.h>

#include "tests/sim/sim.h"

struct scene {
    struct loop *loop;
    struct timer past;
    struct timer never;
    struct timer last;
    bool armed;
    int fired;
};

static void on_past(struct timer *timer)
{
    struct scene *scene = CONTAINER_OF(timer, struct scene, past);
    scene->fired++;
}

static void on_never(struct timer *timer)
{
    cr_assert_fail("%p fired", (void *)timer);
}

static void on_last(struct timer *timer)
{
    struct scene *scene = CONTAINER_OF(timer, struct scene, last);
    loop_stop(scene->loop);
}

static void first(void *arg)
{
    struct scene *scene = arg;
    time_us now = loop_now_us(scene->loop);
    timer_arm(scene->loop, &scene->past, now - 1000000);
    cr_assert(timer_armed(&scene->past));
    cr_assert_eq(scene->fired, 0, "not inside of the call");
    timer_arm(scene->loop, &scene->never, now + 10);
    timer_arm(scene->loop, &scene->never, TIME_NEVER);
    cr_assert_not(timer_armed(&scene->never), "as good as cancelled");
    timer_arm(scene->loop, &scene->last, now + 1000);
}

Test(timer, of_the_past_fires_in_a_later_turn_and_of_never_not_at_all)
{
    struct world *world = world_open(1, false);
    struct host *host = world_host(world, "here");
    struct scene scene = {.past.fire = on_past, .never.fire = on_never, .last.fire = on_last};
    cr_assert_eq(loop_open(host, "one", &scene.loop), OK);
    loop_start(scene.loop, first, &scene);
    while (world_step(world)) {}
    cr_assert_eq(scene.fired, 1);
    loop_join(scene.loop);
    world_close(world);
}
