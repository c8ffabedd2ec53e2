#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/internal.h"

struct world *world_open(uint64_t seed, bool verbose)
{
    struct world *world = calloc(1, sizeof(*world));
    assert(world != NULL);
    world->seed = seed;
    world->verbose = verbose;
    world->now = 1000000;
    world->next_port = 40000;
    prng_init(&world->prng, seed);
    list_init(&world->machines);
    list_init(&world->loops);
    list_init(&world->conns);
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
        free(world->events[i].bytes);
    }
    net_release(world);
    for (struct list_node *node = list_pop(&world->machines); node != NULL;
         node = list_pop(&world->machines)) {
        fake_machine_close(CONTAINER_OF(node, struct machine, node));
    }
    free(world->events);
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

void world_mix_bytes(struct world *world, const uint8_t *p, size_t n)
{
    uint64_t value = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < n; i++) {
        value = (value ^ p[i]) * UINT64_C(1099511628211);
    }
    world_mix(world, value);
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

static bool event_before(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

void world_push(struct world *world, time_us at, struct event event)
{
    if (world->event_count == world->event_room) {
        world->event_room = world->event_room == 0 ? 256 : world->event_room * 2;
        world->events = realloc(world->events, world->event_room * sizeof(event));
        assert(world->events != NULL);
    }
    event.at = at > world->now ? at : world->now;
    event.number = world->event_number++;
    size_t i = world->event_count++;
    for (; i > 0 && event_before(&event, &world->events[(i - 1) / 2]); i = (i - 1) / 2) {
        world->events[i] = world->events[(i - 1) / 2];
    }
    world->events[i] = event;
}

static struct event event_pop(struct world *world)
{
    struct event first = world->events[0];
    struct event last = world->events[--world->event_count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= world->event_count) {
            break;
        }
        if (child + 1 < world->event_count &&
            event_before(&world->events[child + 1], &world->events[child])) {
            child++;
        }
        if (!event_before(&world->events[child], &last)) {
            break;
        }
        world->events[i] = world->events[child];
        i = child;
    }
    world->events[i] = last;
    return first;
}

time_us world_delay(struct world *world, time_us least, time_us most)
{
    return prng_between(&world->prng, least, most);
}

bool world_step(struct world *world)
{
    if (world->event_count == 0) {
        return false;
    }
    struct event event = event_pop(world);
    assert(event.at >= world->now);
    world->now = event.at;
    world->events_run++;
    world_mix(world, (uint64_t)event.at);
    world_mix(world, event.loop == NULL ? 0 : event.loop->number);
    world_mix(world, (uint64_t)event.kind);
    if (event.loop != NULL) {
        if (!event.loop->ended) {
            loop_event(event.loop, &event);
        }
    } else {
        net_event(world, &event);
    }
    free(event.bytes);
    assert(world->held == NULL && world->running == NULL);
    return true;
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
    while (world->event_count > 0 && world->events[0].at <= end) {
        (void)world_step(world);
    }
    world->now = end;
}

time_us world_now_us(const struct world *world)
{
    return world->now;
}

uint64_t world_events(const struct world *world)
{
    return world->events_run;
}

void world_crash(struct host *host)
{
    struct machine *machine = fake_machine_of(host);
    struct world *world = machine->world;
    assert(world->running == NULL && world->held == NULL);
    LIST_EACH(&world->loops, node)
    {
        struct loop *loop = CONTAINER_OF(node, struct loop, node);
        if (loop->machine == machine && !loop->ended) {
            loop_end(loop, true);
        }
    }
    fake_machine_drop(machine);
}
