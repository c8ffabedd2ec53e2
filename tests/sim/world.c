#include <stdio.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "tests/sim/internal.h"

#define STANDING_MAX  4
#define SWITCH_EVENTS 40
/* So many times as long as one may turns be left standing one upon the other, within bounds: a job that goes on while there is work
 * would never let those below it go on, for while it stands there is ever more of it. */
#define STEP_STANDS   20
#define STEP_LEAST_US 20000
#define STEP_MOST_US  1000000
#define HEAP_ARMS     4
#define SLOTS_MAX     (1U << 20)

static const struct world_habits good_habits = {
    .wake_us = 30,
    .letters = 8,
    .link_min_us = 40,
    .link_max_us = 600,
    .whole_per_mille = 700,
    .window_bytes = 256u << 10,
    .switch_us = 500,
};

void world_habits(struct world *world, const struct world_habits *habits)
{
    struct world_habits *to = &world->habits;
    to->wake_us = habits->wake_us > 0 ? habits->wake_us : good_habits.wake_us;
    to->letters = habits->letters > 0 ? habits->letters : good_habits.letters;
    to->link_min_us = habits->link_min_us > 0 ? habits->link_min_us : good_habits.link_min_us;
    to->link_max_us = habits->link_max_us > 0 ? habits->link_max_us : good_habits.link_max_us;
    to->whole_per_mille = habits->whole_per_mille > 0 ? habits->whole_per_mille
                                                      : good_habits.whole_per_mille;
    to->window_bytes = habits->window_bytes > 0 ? habits->window_bytes : good_habits.window_bytes;
    to->switch_per_mille = habits->switch_per_mille;
    to->switch_us = habits->switch_us > 0 ? habits->switch_us : good_habits.switch_us;
}

void world_loud(struct world *world, bool loud)
{
    world->verbose = loud;
}

struct world *world_open(uint64_t seed, bool verbose)
{
    struct world *world = calloc(1, sizeof(*world));
    assert(world != NULL);
    world->seed = seed;
    world->verbose = verbose;
    world->now = 1000000;
    world->next_port = 40000;
    struct prng root;
    prng_init(&root, seed);
    for (uint32_t i = 0; i < STREAMS; i++) {
        prng_split(&root, i + 1, &world->prng[i]);
    }
    world->habits = good_habits;
    list_init(&world->machines);
    list_init(&world->loops);
    list_init(&world->conns);
    list_init(&world->closed);
    list_init(&world->listeners);
    return world;
}

void world_close(struct world *world)
{
    for (struct list_node *node = list_pop(&world->loops); node != NULL;
         node = list_pop(&world->loops)) {
        struct loop *loop = CONTAINER_OF(node, struct loop, node);
        assert(loop->ended);
        free(loop);
    }
    for (size_t i = 0; i < world->event_count; i++) {
        free(world->slots[world->heap[i].order % SLOTS_MAX].bytes);
    }
    net_release(world);
    for (struct list_node *node = list_pop(&world->machines); node != NULL;
         node = list_pop(&world->machines)) {
        fake_machine_close(CONTAINER_OF(node, struct machine, node));
    }
    free(world->heap);
    free(world->slots);
    free(world);
}

/* ---- the hash ---- */

static uint64_t scramble(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 32;
}

void world_mix(struct world *world, uint64_t value)
{
    struct world_hash *hash = &world->hash;
    hash->high = scramble(hash->high + value + UINT64_C(0x9e3779b97f4a7c15));
    hash->low = scramble((hash->low ^ value) + hash->high * 2 + 1);
}

/* Two sums side by side, each over every other word: one would wait for itself. */
void world_mix_bytes(struct world *world, const uint8_t *p, size_t n)
{
    uint64_t even = UINT64_C(14695981039346656037) ^ n;
    uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        even = (even ^ load_be64(p + i)) * UINT64_C(0xd6e8feb86659fd93);
        odd = (odd ^ load_be64(p + i + 8)) * UINT64_C(0xd6e8feb86659fd93);
        even ^= even >> 32;
        odd ^= odd >> 32;
    }
    for (; i < n; i++) {
        even = (even ^ p[i]) * UINT64_C(1099511628211);
    }
    world_mix(world, even);
    world_mix(world, odd);
}

struct world_hash world_hash(const struct world *world)
{
    return world->hash;
}

void world_note(struct world *world, uint64_t value)
{
    world_mix(world, value);
}

/* ---- events ---- */

/* Places in the heap are small, and its events lie where they are: they are moved once each way. */
static bool key_before(const struct event_key *a, const struct event_key *b)
{
    return (a->at < b->at) | ((a->at == b->at) &
                              (a->order < b->order)); /* without a branch that nobody can foresee */
}

static uint32_t slot_take(struct world *world)
{
    if (world->slots_free == 0) {
        uint32_t room = world->slot_count == 0 ? 256 : world->slot_count * 2;
        assert(room <= SLOTS_MAX);
        world->slots = realloc(world->slots, room * sizeof(world->slots[0]));
        world->heap = realloc(world->heap, room * sizeof(world->heap[0]));
        assert(world->slots != NULL && world->heap != NULL);
        for (uint32_t i = room; i-- > world->slot_count;) {
            world->slots[i].next_free = world->slots_free;
            world->slots_free = i + 1;
        }
        world->slot_count = room;
    }
    uint32_t slot = world->slots_free - 1;
    world->slots_free = world->slots[slot].next_free;
    return slot;
}

void world_push(struct world *world, time_us at, struct event event)
{
    uint32_t slot = slot_take(world);
    event.at = at > world->now ? at : world->now;
    world->slots[slot] = event;
    struct event_key key = {.at = event.at, .order = world->event_number++ * SLOTS_MAX + slot};
    size_t i = world->event_count++;
    for (; i > 0 && key_before(&key, &world->heap[(i - 1) / HEAP_ARMS]); i = (i - 1) / HEAP_ARMS) {
        world->heap[i] = world->heap[(i - 1) / HEAP_ARMS];
    }
    world->heap[i] = key;
}

static struct event event_pop(struct world *world)
{
    uint32_t slot = (uint32_t)(world->heap[0].order % SLOTS_MAX);
    struct event_key last = world->heap[--world->event_count];
    size_t count = world->event_count;
    size_t i = 0;
    for (size_t child = 1; child < count; child = HEAP_ARMS * i + 1) {
        size_t end = child + HEAP_ARMS < count ? child + HEAP_ARMS : count;
        for (size_t other = child + 1; other < end; other++) {
            child = key_before(&world->heap[other], &world->heap[child]) ? other : child;
        }
        if (!key_before(&world->heap[child], &last)) {
            break;
        }
        world->heap[i] = world->heap[child];
        i = child;
    }
    world->heap[i] = last;
    struct event first = world->slots[slot];
    world->slots[slot].next_free = world->slots_free;
    world->slots_free = slot + 1;
    return first;
}

time_us world_delay(struct world *world, enum stream stream, time_us least, time_us most)
{
    return prng_between(&world->prng[stream], least, most);
}

/* When it can happen, if not now: its machine's process sleeps, or its loop stands in the middle of another turn. */
static time_us event_later(struct world *world, const struct event *event)
{
    const struct machine *machine = event->loop != NULL ? event->loop->machine
                                                        : net_event_machine(world, event);
    if (machine != NULL && machine->paused_until > world->now) {
        return machine->paused_until;
    }
    if (world->standing == 0 || event->kind == EVENT_WORK) { /* the pool is no actor */
        return 0;
    }
    const struct loop *loop = event->loop != NULL ? event->loop : net_event_loop(world, event);
    return loop == NULL ? 0 : loop->standing_until;
}

static void event_run(struct world *world)
{
    struct event event = event_pop(world);
    assert(event.at >= world->now);
    bool held = false;
    world->now = event.at;
    time_us later = event_later(world, &event);
    if (later > 0) {
        world_push(world, later, event); /* in the old order, for numbers only grow */
        return;
    }
    world->events_run++;
    world_mix(world, (uint64_t)event.at);
    if (event.loop != NULL) {
        world_mix(world, (uint64_t)event.kind << 32 | event.loop->number);
        if (!event.loop->ended) {
            loop_event(event.loop, &event);
        }
    } else {
        held = net_event(world, &event);
    }
    if (!held) {
        free(event.bytes);
    }
    assert(world->held == NULL && world->running == NULL);
}

bool world_step(struct world *world)
{
    if (world->event_count == 0) {
        return false;
    }
    assert(!world->stepping && world->standing == 0);
    world->stepping = true;
    world->stepped_at = world->heap[0].at;
    event_run(world);
    world->stepping = false;
    return true;
}

void world_switch(struct world *world)
{
    struct prng *prng = &world->prng[STREAM_SWITCH];
    time_us most_us = min_i64(max_i64(STEP_STANDS * world->habits.switch_us, STEP_LEAST_US),
                              STEP_MOST_US);
    bool over = world->now - world->stepped_at > most_us;
    if (!world->stepping || world->held != NULL || world->standing == STANDING_MAX || over ||
        world->habits.switch_per_mille == 0 || !prng_chance(prng, world->habits.switch_per_mille)) {
        return;
    }
    struct loop *running = world->running;
    time_us until = world->now + prng_between(prng, 1, world->habits.switch_us);
    int64_t events = prng_between(prng, 1, SWITCH_EVENTS);
    world->switches++;
    world->standing++;
    world->running = NULL;
    if (running != NULL) {
        running->standing_until = until;
    }
    for (; events > 0 && world->event_count > 0 && world->heap[0].at < until; events--) {
        event_run(world);
    }
    if (running != NULL) {
        running->standing_until = 0;
    }
    world->running = running;
    world->standing--;
}

bool world_run(struct world *world, bool (*done)(void *ctx), void *ctx, time_us most_us)
{
    time_us end = world->now + most_us;
    while (!done(ctx)) {
        if (world->now >= end || !world_step(world)) {
            return false;
        }
    }
    return true;
}

void world_sleep(struct world *world, time_us us)
{
    time_us end = world->now + us;
    while (world->event_count > 0 && world->heap[0].at <= end) {
        (void)world_step(world);
    }
    world->now = max_i64(world->now, end); /* a turn that stood still may have gone on behind it */
}

time_us world_now_us(const struct world *world)
{
    return world->now;
}

uint64_t world_events(const struct world *world)
{
    return world->events_run;
}

static void machine_die(struct machine *machine, bool silent)
{
    struct world *world = machine->world;
    assert(world->running == NULL && world->held == NULL);
    LIST_EACH(&world->loops, node)
    {
        struct loop *loop = CONTAINER_OF(node, struct loop, node);
        if (loop->machine == machine && !loop->ended) {
            loop_end(loop, true, silent);
        }
    }
    fake_machine_drop(machine);
    machine->paused_until = 0;
}

void world_crash(struct host *host)
{
    machine_die(fake_machine_of(host), false);
}

/* ---- faults ---- */

void world_power_cut(struct host *host, enum fake_cut cut)
{
    struct machine *machine = fake_machine_of(host);
    machine_die(machine, true);
    fake_disk_power_cut(host, cut);
    machine->off = true;
}

void world_power_on(struct host *host)
{
    struct machine *machine = fake_machine_of(host);
    assert(machine->off);
    machine->off = false;
    machine->boots++;
}

void world_cut(struct host *from, struct host *to, time_us until)
{
    struct machine *a = fake_machine_of(from);
    struct machine *b = fake_machine_of(to);
    a->world->cut_until[a->number][b->number] = until;
    struct world *world = a->world;
    world->held_until = max_i64(world->held_until, until);
}

void world_pause(struct host *host, time_us until)
{
    struct machine *machine = fake_machine_of(host);
    machine->paused_until = until;
    machine->world->held_until = max_i64(machine->world->held_until, until);
}

bool world_letter_waits(struct host *host)
{
    const struct machine *machine = fake_machine_of(host);
    LIST_EACH(&machine->world->loops, node)
    {
        const struct loop *loop = CONTAINER_OF(node, struct loop, node);
        if (loop->machine == machine && !loop->ended && loop->mail_coming) {
            return true;
        }
    }
    return false;
}

bool world_ended(struct host *host)
{
    const struct machine *machine = fake_machine_of(host);
    LIST_EACH(&machine->world->loops, node)
    {
        const struct loop *loop = CONTAINER_OF(node, struct loop, node);
        if (loop->machine == machine && !loop->ended) {
            return false;
        }
    }
    return true;
}

time_us world_held_until(const struct world *world)
{
    return world->held_until;
}

void world_clock_rate(struct host *host, int64_t ppm)
{
    struct machine *machine = fake_machine_of(host);
    time_us now = machine_now(machine);
    machine->mono_then = now;
    machine->mono_since = machine->world->now;
    machine->mono_ppm = ppm;
}

void world_clock_jump(struct host *host, time_ms by_ms)
{
    fake_machine_of(host)->wall_skew_ms += by_ms;
}
