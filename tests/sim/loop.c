#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/internal.h"

err_t loop_open(struct host *host, const char *name, struct loop **ret_loop)
{
    struct machine *machine = fake_machine_of(host);
    struct loop *loop = calloc(1, sizeof(*loop));
    assert(loop != NULL);
    loop->machine = machine;
    loop->world = machine->world;
    loop->number = ++machine->world->loop_numbers;
    loop->now = machine_now(machine);
    loop->timers_at = TIME_NEVER;
    (void)snprintf(loop->name, sizeof(loop->name), "%s", name);
    list_init(&loop->timers);
    list_init(&loop->turn_ends);
    list_push(&machine->world->loops, &loop->node);
    *ret_loop = loop;
    return OK;
}

static void push(struct loop *loop, time_us at, enum event_kind kind)
{
    world_push(loop->world,
               at + world_delay(loop->world, STREAM_SCHEDULE, 1, loop->world->habits.wake_us),
               (struct event){.kind = kind, .loop = loop});
}

void loop_start(struct loop *loop, void (*first)(void *arg), void *arg)
{
    assert(loop->first == NULL && first != NULL);
    loop->first = first;
    loop->first_arg = arg;
    push(loop, loop->world->now, EVENT_START);
}

/* ---- turns ---- */

void actor_begin(struct loop *loop)
{
    struct world *world = loop->world;
    assert(world->running == NULL && world->held == NULL && !loop->ended);
    world->running = loop;
    loop->now = machine_now(loop->machine);
}

void actor_end(struct loop *loop)
{
    struct world *world = loop->world;
    for (struct list_node *node = list_pop(&loop->turn_ends); node != NULL;
         node = list_pop(&loop->turn_ends)) {
        struct turn_end *end = CONTAINER_OF(node, struct turn_end, node);
        end->run(end);
        assert(world->held == NULL);
    }
    assert(world->running == loop && world->held == NULL);
    world->running = NULL;
    if (loop->stopping) {
        loop_end(loop, false, false);
    }
}

static void mail_soon(struct loop *loop)
{
    if (loop->mail_head != NULL && loop->started && !loop->mail_coming) {
        loop->mail_coming = true;
        push(loop, loop->world->now, EVENT_MAIL);
    }
}

static void mail_run(struct loop *loop)
{
    loop->mail_coming = false;
    uint64_t count = 1 +
                     prng_below(&loop->world->prng[STREAM_SCHEDULE], loop->world->habits.letters);
    for (; count > 0 && loop->mail_head != NULL; count--) {
        struct mail *mail = loop->mail_head;
        loop->mail_head = mail->next;
        if (loop->mail_head == NULL) {
            loop->mail_tail = NULL;
        }
        mail->next = NULL;
        mail->deliver(mail); /* may post the same letter again */
    }
    mail_soon(loop);
}

static void timers_soon(struct loop *loop)
{
    struct list_node *node = list_first(&loop->timers);
    if (node == NULL) {
        return;
    }
    time_us at = CONTAINER_OF(node, struct timer, node)->at;
    if (at < loop->timers_at) {
        struct world *world = loop->world;
        time_us moment = max_i64(machine_moment(loop->machine, at), world->now);
        loop->timers_at = at;
        world_push(
            world, moment + world_delay(world, STREAM_SCHEDULE, 1, world->habits.wake_us),
            (struct event){.kind = EVENT_TIMERS, .loop = loop, .order = ++loop->timers_pushed});
    }
}

static void timers_run(struct loop *loop)
{
    loop->timers_at = TIME_NEVER;
    for (struct list_node *node = list_first(&loop->timers); node != NULL;
         node = list_first(&loop->timers)) {
        struct timer *timer = CONTAINER_OF(node, struct timer, node);
        if (timer->at > loop->now) {
            break;
        }
        list_remove(node);
        timer->fire(timer);
    }
    timers_soon(loop);
}

void loop_event(struct loop *loop, const struct event *event)
{
    if (event->kind == EVENT_WORK) {
        job_run(loop, event->job);
        return;
    }
    if (event->kind == EVENT_TIMERS && event->order != loop->timers_pushed && !loop->stopping) {
        return; /* a later one was pushed for an earlier timer, and has pushed others since */
    }
    actor_begin(loop);
    switch (event->kind) {
    case EVENT_START:
        loop->started = true;
        loop->first(loop->first_arg);
        mail_soon(loop);
        break;
    case EVENT_MAIL: mail_run(loop); break;
    case EVENT_TIMERS: timers_run(loop); break;
    default: assert(!"an event of the network has no loop of its own");
    }
    actor_end(loop);
}

/* ---- the door ---- */

void loop_end(struct loop *loop, bool crash, bool silent)
{
    assert(!loop->ended);
    loop->ended = true;
    loop->mail_head = NULL;
    loop->mail_tail = NULL;
    net_loop_end(loop, crash, silent);
    while (!crash && (list_pop(&loop->timers) != NULL || list_pop(&loop->turn_ends) != NULL)) {
        /* they lie in their owners, who may still look whether they are armed */
    }
    list_init(&loop->timers);
    list_init(&loop->turn_ends);
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
    if (loop->world->running != loop && !loop->ended) {
        push(loop, loop->world->now, EVENT_TIMERS); /* a turn in which it notices */
    }
}

void loop_join(struct loop *loop)
{
    assert(loop->world->running == NULL && !loop->joined && (loop->stopping || !loop->started));
    loop->joined = true;
    if (!loop->ended) {
        loop_end(loop, false, false);
    }
}

struct host *loop_host(const struct loop *loop)
{
    return loop->machine->host;
}

time_us loop_now_us(const struct loop *loop)
{
    return loop->now;
}

time_us loop_last_turn_us(const struct loop *loop)
{
    /* an actor that has nothing to do counts as turning, and none ever hangs */
    return machine_now(loop->machine);
}

void loop_post(struct loop *loop, struct mail *mail)
{
    assert(mail->deliver != NULL && !loop->joined);
    if (loop->ended) {
        return;
    }
    mail->next = NULL;
    if (loop->mail_tail == NULL) {
        loop->mail_head = mail;
    } else {
        loop->mail_tail->next = mail;
    }
    loop->mail_tail = mail;
    mail_soon(loop);
    if (loop != loop->world->running) {
        world_switch(loop->world);
    }
}

void timer_arm(struct loop *loop, struct timer *timer, time_us at)
{
    assert(timer->fire != NULL && (loop->world->running == loop || !loop->started));
    list_remove(&timer->node);
    if (at == TIME_NEVER) {
        return;
    }
    time_us now = machine_now(loop->machine);
    timer->at = at > now ? at : now + 1;
    struct list_node *before = &loop->timers.head;
    while (before->prev != &loop->timers.head &&
           CONTAINER_OF(before->prev, struct timer, node)->at > timer->at) {
        before = before->prev;
    }
    list_insert_before(before, &timer->node);
    timers_soon(loop);
}

void timer_cancel(struct loop *loop, struct timer *timer)
{
    assert(loop->world->running == loop || !loop->started || loop->world->running == NULL);
    list_remove(&timer->node);
}

bool timer_armed(const struct timer *timer)
{
    return list_linked(&timer->node);
}

void loop_at_turn_end(struct loop *loop, struct turn_end *end)
{
    assert(loop->world->running == loop || !loop->started);
    if (!list_linked(&end->node)) {
        list_push(&loop->turn_ends, &end->node);
    }
}
