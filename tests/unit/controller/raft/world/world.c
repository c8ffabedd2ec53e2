#include "tests/unit/controller/raft/world/world.h"

#include <stdarg.h>
#include <stdio.h>

void world_wrong(struct world *w, const char *fmt, ...)
{
    if (w->wrong != NULL) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    vsnprintf(w->text, sizeof(w->text), fmt, args);
    va_end(args);
    w->wrong = w->text;
}

void world_trace(struct world *w, const char *fmt, ...)
{
    if (!w->loud) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    printf("%6ld ", (long)w->now);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
}

static void *take(void *ctx, size_t bytes)
{
    return world_take(ctx, bytes);
}

static void give(void *ctx, void *p, size_t bytes)
{
    world_give(ctx, p, bytes);
}

/* ---- the queue ---- */

static size_t event_bytes(uint32_t entries)
{
    return sizeof(struct event) + entries * sizeof(struct entry);
}

struct event *world_event(struct world *w, enum event_kind kind, int to, uint32_t entries)
{
    struct event *e = world_take(w, event_bytes(entries));
    memset(e, 0, offsetof(struct event, message));
    e->kind = kind;
    e->to = to;
    e->room = entries;
    e->count = entries;
    return e;
}

void world_event_free(struct world *w, struct event *e)
{
    world_give(w, e, event_bytes(e->room));
}

void world_at(struct world *w, struct event *e, time_ms at)
{
    at = max_i64(at, w->now);
    assert(at - w->now < WHEEL);
    uint32_t i = (uint32_t)at % WHEEL;
    struct slot *slot = &w->wheel[i];
    bool busy = w->busy[i / 64] >> i % 64 & 1;
    *(busy ? &slot->last->next : &slot->first) = e;
    slot->last = e;
    e->next = NULL;
    w->busy[i / 64] |= 1ULL << i % 64;
}

/* When the next event is; TIME_NEVER: there is none. */
static time_ms queue_at(const struct world *w)
{
    uint32_t from = (uint32_t)w->now % WHEEL;
    uint64_t word = w->busy[from / 64] >> from % 64;
    if (word != 0) {
        return w->now + __builtin_ctzll(word);
    }
    for (uint32_t ahead = 64 - from % 64; ahead < WHEEL + 64; ahead += 64) {
        word = w->busy[(from + ahead) % WHEEL / 64];
        if (word != 0) { /* the first word comes round again, with what lies before `from` */
            return w->now + ahead + __builtin_ctzll(word);
        }
    }
    return TIME_NEVER;
}

static struct event *queue_pop(struct world *w, time_ms at)
{
    uint32_t i = (uint32_t)at % WHEEL;
    struct slot *slot = &w->wheel[i];
    struct event *e = slot->first;
    assert(w->busy[i / 64] >> i % 64 & 1);
    slot->first = e->next;
    if (e->next == NULL) {
        w->busy[i / 64] &= ~(1ULL << i % 64);
    }
    return e;
}

/* ---- a run ---- */

static void draw_plan(struct world *w)
{
    static const uint32_t sizes[] = {3, 3, 3, 3, 5, 5, 1, 2, 4};
    struct prng *r = &w->prng;
    struct plan *p = &w->plan;
    memset(p, 0, sizeof(*p));
    p->voters = sizes[prng_below(r, ARRAY_LEN(sizes))];
    p->members = prng_chance(r, 400);
    p->nodes = p->voters + (p->members ? (uint32_t)prng_below(r, 3) + 1 : 0);
    p->loss = prng_chance(r, 500) ? (unsigned)prng_below(r, 150) : 0;
    p->twice = prng_chance(r, 500) ? (unsigned)prng_below(r, 100) : 0;
    p->straggle = prng_chance(r, 600) ? (unsigned)prng_below(r, 200) : 0;
    p->slow_sync = prng_chance(r, 600) ? (unsigned)prng_below(r, 500) : 0;
    p->fault_ms = (int)prng_between(r, 30, 600);
    p->heal_at = prng_between(r, 1500, 6000);
    p->lossy = prng_chance(r, 40);
    p->append_entries_max = prng_chance(r, 500) ? (int32_t)prng_between(r, 1, 4) : 64;
    p->trailing_entries = prng_chance(r, 700) ? prng_between(r, 0, 10) : 1000;
    p->uncommitted_max = prng_chance(r, 300) ? 10 : 300;
    p->clocks = prng_chance(r, 300);
}

/* Real clusters have little to do most of the time; and what is forgotten, counted or drawn while nothing happens shows only afterwards. */
static void draw_rests(struct world *w)
{
    struct prng *r = &w->rest_prng;
    struct plan *p = &w->plan;
    prng_split(&w->prng, 1, r);
    p->calm_ms = prng_chance(r, 500) ? prng_between(r, 500, 40000) : 0;
    p->rest_count = (uint32_t)prng_below(r, RESTS_MAX + 1);
    for (uint32_t i = 0; i < p->rest_count; i++) {
        p->rests[i].at = prng_between(r, 1, p->heal_at - 1);
        p->rests[i].lasts = prng_between(r, 500, prng_chance(r, 500) ? 5000 : 30000);
        struct event *e = world_event(w, EV_REST, -1, 0);
        e->number = i;
        world_at(w, e, p->rests[i].at);
    }
}

static void clear(struct world *w)
{
    memset(&w->seed, 0, sizeof(*w) - offsetof(struct world, seed));
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        struct node *n = &w->node[i];
        memset(n, 0, offsetof(struct node, mem));
        memset(&n->mem, 0, offsetof(struct image, log));
        memset(&n->disk, 0, offsetof(struct image, log));
        n->ops_end = &n->ops;
        n->held_end = &n->held;
    }
    if (++w->run == 0) { /* marks of so many runs ago would be taken for ours */
        memset(w->seen, 0, sizeof(w->seen));
        memset(w->leader_of, 0, sizeof(w->leader_of));
        w->run = 1;
    }
}

static void begin(struct world *w, uint64_t seed)
{
    clear(w);
    w->seed = seed;
    w->source = (struct memory_source){.ctx = w, .take = take, .give = give};
    prng_init(&w->prng, seed);
    draw_plan(w);
    draw_rests(w);
    struct raft_voters founders = {.count = w->plan.voters};
    for (uint32_t i = 0; i < w->plan.voters; i++) {
        founders.node[i] = node_name((int)i, 0);
    }
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        struct node *n = &w->node[i];
        n->place = (int)i;
        node_clock_rate(w, n, w->plan.clocks ? prng_between(&w->prng, -50000, 50000) : 0);
        n->disk.voted_for = RAFT_NOBODY;
        n->disk.first = 1;
        if (i < w->plan.voters) {
            n->disk.snapshot.voters = founders;
        }
        node_start(w, n, false);
    }
    world_at(w, world_event(w, EV_FAULT, -1, 0), w->plan.fault_ms);
    world_at(w, world_event(w, EV_CLIENT, -1, 0), 5);
}

static void end(struct world *w)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        if (w->node[i].up) {
            node_crash(w, &w->node[i]);
        }
    }
    for (time_ms at = queue_at(w); at != TIME_NEVER; at = queue_at(w)) {
        world_event_free(w, queue_pop(w, at));
    }
}

static void rest(struct world *w, time_ms lasts)
{
    time_ms until = max_i64(w->rest_until, w->now + lasts);
    world_trace(w, "a rest until %ld", (long)until);
    w->plan.heal_at += until - max_i64(w->rest_until, w->now);
    w->rest_until = until;
}

static time_ms client_pause(struct world *w)
{
    return w->now < w->rest_until ? prng_between(&w->rest_prng, 300, 1000)
                                  : prng_between(&w->prng, 1, 30);
}

static void dispatch(struct world *w, struct event *e)
{
    switch (e->kind) {
    case EV_REST:
        if (w->now < w->rest_until) { /* one after the other */
            time_ms then = w->rest_until + prng_between(&w->rest_prng, 1, 2000);
            world_at(w, e, min_i64(then, w->now + WHEEL - 1));
            return;
        }
        if (!w->healing) {
            rest(w, w->plan.rests[e->number].lasts);
        }
        break;
    case EV_FAULT:
        if (w->now < w->rest_until) {
            world_at(w, e, min_i64(w->rest_until, w->now + WHEEL - 1));
            return;
        }
        if (!w->healing) {
            fault_strike(w);
            world_at(w, world_event(w, EV_FAULT, -1, 0),
                     w->now + prng_between(&w->prng, 1, 2L * w->plan.fault_ms));
        }
        break;
    case EV_CLIENT:
        client_act(w);
        world_at(w, world_event(w, EV_CLIENT, -1, 0), w->now + client_pause(w));
        break;
    case EV_HEAL_LINKS: memset(w->cut, 0, sizeof(w->cut)); break;
    case EV_RESTART:
        if (!w->node[e->to].up) {
            node_start(w, &w->node[e->to], false);
        }
        break;
    default:
        if (e->kind == EV_SNAPPED && w->node[e->to].up &&
            e->incarnation == w->node[e->to].incarnation &&
            w->node[e->to].durable < w->node[e->to].snapshot_after) {
            world_at(w, e, w->now + 5);
            return;
        }
        if (w->node[e->to].up && w->node[e->to].paused_until > w->now) {
            world_at(w, e, w->node[e->to].paused_until);
            return;
        }
        node_event(w, &w->node[e->to], e);
        break;
    }
    world_event_free(w, e);
}

/* Until `until`, or something is wrong. */
static void run_until(struct world *w, time_ms until)
{
    uint32_t standing = 0;
    while (w->wrong == NULL) {
        struct node *next = NULL;
        time_ms at = queue_at(w);
        for (uint32_t i = 0; i < w->plan.nodes; i++) {
            time_ms t = w->tick[i] == TICK_DUE ? w->now : w->tick[i];
            if (t < at && w->node[i].paused_until < at) {
                at = max_i64(t, w->node[i].paused_until);
                next = &w->node[i];
            }
        }
        if (at > until) {
            w->now = until;
            return;
        }
        standing = at > w->now ? 0 : standing + 1;
        if (standing > 10000) {
            world_wrong(w, "time stands still");
        }
        w->now = max_i64(at, w->now);
        if (next != NULL) {
            node_tick(w, next);
        } else {
            dispatch(w, queue_pop(w, at));
        }
    }
}

/* ---- after the faults ---- */

static struct node *ready_leader(struct world *w)
{
    struct node *best = NULL;
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        struct node *n = &w->node[i];
        if (n->up && n->ready && (best == NULL || n->raft.term > best->raft.term)) {
            best = n;
        }
    }
    return best;
}

static bool all_caught_up(struct world *w, const struct node *leader, raft_index marker)
{
    const struct raft_voters *voters = raft_voters_now(&leader->raft);
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        const struct node *n = &w->node[i];
        if (raft_voters_has(voters, n->self) && n->commit < marker) {
            return false;
        }
    }
    return true;
}

static void live(struct world *w)
{
    fault_heal(w);
    time_ms give_up = w->now + 15000;
    raft_index marker = 0;
    struct node *leader = NULL;
    while (w->wrong == NULL && w->now < give_up) {
        run_until(w, w->now + 100);
        leader = ready_leader(w);
        if (leader == NULL || w->wrong != NULL) {
            marker = 0;
            continue;
        }
        if (marker == 0 || leader->raft.log.last < marker) {
            marker = leader->raft.log.last;
        } else if (all_caught_up(w, leader, marker)) {
            break;
        }
    }
    if (w->wrong == NULL && w->now >= give_up) {
        w->stuck = true;
        world_wrong(w, "15 s after the faults: %s",
                    leader == NULL ? "no leader" : "not all voters have caught up");
    }
    if (w->wrong == NULL) {
        run_until(w, w->now + 2000);
        leader = ready_leader(w);
        raft_term term = leader == NULL ? 0 : leader->raft.term;
        run_until(w, w->now + 1500);
        rest(w, w->plan.calm_ms);
        run_until(w, w->now + w->plan.calm_ms);
        if (w->wrong == NULL &&
            (ready_leader(w) != leader || leader == NULL || leader->raft.term != term)) {
            world_wrong(w, "leadership changed in calm weather");
        }
    }
}

bool world_run(struct world *w, uint64_t seed)
{
    begin(w, seed);
    while (w->wrong == NULL && w->now < w->plan.heal_at) { /* it moves */
        run_until(w, w->plan.heal_at);
    }
    if (w->wrong == NULL && !w->plan.lossy) {
        live(w);
    }
    end(w);
    return w->wrong == NULL;
}
