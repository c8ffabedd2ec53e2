/*
 * One turn: wait for the kernel (libevent), then the mail, the timers, and last what was asked for at the turn's end.
 * The wheel's next timer stands in a timerfd of our own, set anew only when that pays; libevent would set its one in every turn.
 * Both descriptors that wake a loop are edge-triggered: nobody has to read them.
 * A loop says that it sleeps before it looks at its mailbox for the last time; whoever posts looks at that flag after
 * posting. Both orders are sequentially consistent, so a letter is never left behind, and the eventfd is written only for a
 * loop that really sleeps.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/host/internal.h"
#include "common/port/clock.h"
#include "common/port/turn.h"

/* Mail that brings more mail may keep a turn going, but not for ever. */
#define MAIL_ROUNDS_MAX 16
/* A flush may take in requests that waited, and whoever ends a turn may send: both belong to this turn. What they bring in
 * their turn waits for the next one, or two busy clients could keep a turn going until the broker is taken for hung. */
#define END_ROUNDS_MAX  2

/* A timer that was put off, or is gone, may wake the loop once for nothing; taking it back costs as much as a turn of a busy
 * loop does, so that is done so often at most. */
#define TIMER_REST_US 1000

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg; /* mail is looked at in every turn */
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct loop *loop = arg;
    (void)fd;
    (void)what;
    loop->timer_at = TIME_NEVER; /* timers are looked at in every turn */
}

static void loop_free(struct loop *loop)
{
    if (loop->wake_event != NULL) {
        event_free(loop->wake_event);
    }
    if (loop->timer_event != NULL) {
        event_free(loop->timer_event);
    }
    if (loop->base != NULL) {
        event_base_free(loop->base);
    }
    if (loop->wake_fd >= 0) {
        close(loop->wake_fd);
    }
    if (loop->timer_fd >= 0) {
        close(loop->timer_fd);
    }
    free(loop->scratch);
    free(loop);
}

static bool loop_events(struct loop *loop)
{
    struct event_config *config = event_config_new();
    if (config == NULL) {
        return false;
    }
    bool ok = event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0 &&
              event_config_require_features(config, EV_FEATURE_ET) == 0;
    loop->base = ok ? event_base_new_with_config(config) : NULL;
    event_config_free(config);
    if (loop->base == NULL) {
        return false;
    }
    const short what = EV_READ | EV_PERSIST | EV_ET;
    loop->wake_event = event_new(loop->base, loop->wake_fd, what, on_wake, loop);
    loop->timer_event = event_new(loop->base, loop->timer_fd, what, on_timer, loop);
    return loop->wake_event != NULL && loop->timer_event != NULL &&
           event_add(loop->wake_event, NULL) == 0 && event_add(loop->timer_event, NULL) == 0;
}

err_t loop_open(struct host *host, const char *name, struct loop **ret_loop)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    ENSURE(loop != NULL, ERR_NO_MEMORY);
    loop->host = host;
    (void)snprintf(loop->name, sizeof(loop->name), "%s", name);
    list_init(&loop->turn_ends);
    list_init(&loop->graves);
    list_init(&loop->conns);
    list_init(&loop->listeners);
    wheel_init(&loop->wheel, clock_mono_us(host));
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    loop->timer_at = TIME_NEVER;
    loop->scratch = malloc(SCRATCH_BYTES);
    if (loop->wake_fd < 0 || loop->timer_fd < 0 || loop->scratch == NULL || !loop_events(loop)) {
        loop_free(loop);
        return ERR_LIMIT;
    }
    *ret_loop = loop;
    return OK;
}

static void mail_drain(struct loop *loop)
{
    for (int round = 0; round < MAIL_ROUNDS_MAX; round++) {
        struct mail *newest = atomic_exchange(&loop->mailbox, NULL);
        if (newest == NULL) {
            return;
        }
        struct mail *oldest = NULL;
        while (newest != NULL) {
            struct mail *next = newest->next;
            newest->next = oldest;
            oldest = newest;
            newest = next;
        }
        while (oldest != NULL) {
            struct mail *mail = oldest;
            oldest = mail->next;
            mail->next = NULL;
            mail->deliver(mail); /* may post the same letter again */
        }
    }
}

/* Those that were asked for by now. */
static void turn_ends_run(struct loop *loop)
{
    struct list ends;
    list_init(&ends);
    list_take(&ends, &loop->turn_ends);
    for (struct list_node *node = list_pop(&ends); node != NULL; node = list_pop(&ends)) {
        struct turn_end *end = CONTAINER_OF(node, struct turn_end, node);
        end->run(end);
    }
}

static void turn_finish(struct loop *loop)
{
    mail_drain(loop);
    if (loop->wheel.count > 0) {
        wheel_run(&loop->wheel, loop_now_us(loop));
        mail_drain(loop);
    } else {
        loop->wheel.tick = loop_now_us(loop) / WHEEL_TICK_US;
    }
    for (int round = 0; round < END_ROUNDS_MAX && !list_empty(&loop->turn_ends); round++) {
        turn_ends_run(loop);
    }
    net_bury(loop);
}

/* A time that has passed wakes at once. */
static void timer_set(struct loop *loop, time_us next)
{
    bool later = next > loop->timer_at;
    if (next == loop->timer_at ||
        (later && loop_now_us(loop) - loop->timer_set_us < TIMER_REST_US)) {
        return;
    }
    time_us at = next == TIME_NEVER ? 0 : max_i64(next, 1); /* 0: never */
    struct itimerspec spec = {.it_value = {at / 1000000, at % 1000000 * 1000}};
    int failed = timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    assert(failed == 0);
    loop->timer_at = next;
    loop->timer_set_us = loop_now_us(loop);
}

static void loop_sleep(struct loop *loop, time_us until)
{
    int flags = EVLOOP_ONCE;
    timer_set(loop, min_i64(wheel_next_us(&loop->wheel), until));
    atomic_store(&loop->sleeping, true);
    if (atomic_load(&loop->mailbox) != NULL || atomic_load(&loop->stopping) ||
        !list_empty(&loop->turn_ends)) { /* asked for between turns, of a loop turned by hand */
        flags = EVLOOP_NONBLOCK;
    }
    loop->now_us = 0;
    (void)event_base_loop(loop->base, flags);
    atomic_store(&loop->sleeping, false);
}

static void *loop_main(void *arg)
{
    struct loop *loop = arg;
    (void)pthread_setname_np(pthread_self(), loop->name);
    loop->first(loop->first_arg);
    turn_finish(loop);
    while (!atomic_load(&loop->stopping)) {
        loop_sleep(loop, TIME_NEVER);
        atomic_store(&loop->last_turn_us, loop_now_us(loop));
        turn_finish(loop);
    }
    return NULL;
}

void loop_turn(struct loop *loop, time_us until)
{
    assert(loop->first == NULL); /* it has no thread */
    loop_sleep(loop, until);
    turn_finish(loop);
}

void loop_start(struct loop *loop, void (*first)(void *arg), void *arg)
{
    assert(loop->first == NULL && first != NULL);
    loop->first = first;
    loop->first_arg = arg;
    atomic_store(&loop->last_turn_us, clock_mono_us(loop->host));
    int failed = pthread_create(&loop->thread, NULL, loop_main, loop);
    assert(failed == 0);
}

static void loop_wake(struct loop *loop)
{
    if (atomic_load(&loop->sleeping)) {
        const uint64_t one = 1;
        ssize_t n = write(loop->wake_fd, &one, sizeof(one));
        assert(n == sizeof(one) || errno == EAGAIN);
    }
}

void loop_stop(struct loop *loop)
{
    atomic_fetch_add(&loop->hands, 1);
    atomic_store(&loop->stopping, true);
    loop_wake(loop);
    atomic_fetch_sub(&loop->hands, 1);
}

void loop_join(struct loop *loop)
{
    if (loop->first != NULL) {
        (void)pthread_join(loop->thread, NULL);
    }
    /* It may have ended by a letter whose sender is still about to wake it. */
    while (atomic_load(&loop->hands) != 0) {
        (void)sched_yield();
    }
    net_end(loop);
    loop_free(loop);
}

struct host *loop_host(const struct loop *loop)
{
    return loop->host;
}

time_us loop_now_us(const struct loop *loop)
{
    if (loop->now_us == 0) {
        ((struct loop *)loop)->now_us = clock_mono_us(loop->host);
    }
    return loop->now_us;
}

void loop_post(struct loop *loop, struct mail *mail)
{
    assert(mail->deliver != NULL);
    atomic_fetch_add(&loop->hands, 1);
    struct mail *head = atomic_load(&loop->mailbox);
    do {
        mail->next = head;
    } while (!atomic_compare_exchange_weak(&loop->mailbox, &head, mail));
    if (head == NULL) { /* else whoever filled the box has woken it, or is about to */
        loop_wake(loop);
    }
    atomic_fetch_sub(&loop->hands, 1);
}

void timer_arm(struct loop *loop, struct timer *timer, time_us at)
{
    wheel_arm(&loop->wheel, timer, at);
}

void timer_cancel(struct loop *loop, struct timer *timer)
{
    wheel_cancel(&loop->wheel, timer);
}

bool timer_armed(const struct timer *timer)
{
    return list_linked(&timer->node);
}

void loop_at_turn_end(struct loop *loop, struct turn_end *end)
{
    if (!list_linked(&end->node)) {
        list_push(&loop->turn_ends, &end->node);
    }
}

time_us loop_last_turn_us(const struct loop *loop)
{
    return atomic_load(&loop->sleeping) ? clock_mono_us(loop->host)
                                        : atomic_load(&loop->last_turn_us);
}
