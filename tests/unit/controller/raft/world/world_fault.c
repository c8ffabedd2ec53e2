#include "tests/unit/controller/raft/world/world.h"

static struct node *any_node(struct world *w)
{
    return &w->node[prng_below(&w->prng, w->plan.nodes)];
}

static bool place_is(const struct world *w, struct raft_node node)
{
    return raft_node_eq(w->node[node.id - 1].self, node);
}

/* Whether an identity of the set is gone for good: its directory was emptied. */
bool set_has_dead(const struct world *w, const struct raft_voters *voters)
{
    for (uint32_t i = 0; i < voters->count; i++) {
        if (!place_is(w, voters->node[i])) {
            return true;
        }
    }
    return false;
}

/* ---- faults ---- */

static void restart_later(struct world *w, const struct node *n)
{
    world_at(w, world_event(w, EV_RESTART, n->place, 0),
             w->now + prng_between(&w->prng, 0, prng_chance(&w->prng, 300) ? 1500 : 60));
}

static void crash(struct world *w, struct node *n)
{
    if (!n->up) {
        return;
    }
    node_crash(w, n);
    if (w->plan.lossy && prng_chance(&w->prng, 500)) {
        disk_lose(w, n);
    }
    restart_later(w, n);
}

static void crash_all(struct world *w)
{
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        crash(w, &w->node[i]);
    }
}

static void partition(struct world *w)
{
    uint32_t side = (uint32_t)prng_below(&w->prng, 1U << w->plan.nodes);
    bool one_way = prng_chance(&w->prng, 200);
    if (prng_chance(&w->prng, 500)) {
        side = 1U << prng_below(&w->prng, w->plan.nodes);
    }
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        for (uint32_t j = 0; j < w->plan.nodes; j++) {
            w->cut[i][j] = one_way ? (side >> i & 1) && !(side >> j & 1)
                                   : (side >> i & 1) != (side >> j & 1);
        }
    }
    world_trace(w, "partition %x%s", side, one_way ? ", one way" : "");
    world_at(w, world_event(w, EV_HEAL_LINKS, -1, 0), w->now + prng_between(&w->prng, 20, 3000));
}

/* A connection breaks, both ends are told. */
static void reset(struct world *w)
{
    const struct node *a = any_node(w);
    const struct node *b = any_node(w);
    for (int i = 0; i < 2 && a != b; i++) {
        const struct node *to = i == 0 ? a : b;
        struct event *e = world_event(w, EV_CLOSED, to->place, 0);
        e->node = (i == 0 ? b : a)->self;
        e->incarnation = to->incarnation;
        world_at(w, e, w->now + prng_between(&w->prng, 0, 2));
    }
}

static bool stored_set_counts_on(const struct world *w, const struct image *m,
                                 struct raft_node node)
{
    const struct raft_voters *sets[LOG_MAX + 1];
    size_t n = 0;
    sets[n++] = &m->snapshot.voters;
    for (raft_index i = m->first; i <= m->last; i++) {
        if (m->log[i].kind == RAFT_VOTERS) {
            sets[n++] = &w->sets[m->log[i].voters];
        }
    }
    for (size_t i = 0; i < n; i++) { /* any of them may be the newest after a truncation */
        if (raft_voters_has(sets[i], node) && (sets[i]->count < 3 || set_has_dead(w, sets[i]))) {
            return true;
        }
    }
    return false;
}

/* One directory is emptied, where no set that may come into force needs it. */
static void empty_directory(struct world *w)
{
    struct node *n = any_node(w);
    if (!w->plan.members || w->plan.lossy || n->generation > 100) {
        return;
    }
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        const struct node *o = &w->node[i];
        if (stored_set_counts_on(w, &o->disk, n->self) ||
            (o->up && stored_set_counts_on(w, &o->mem, n->self))) {
            return;
        }
    }
    if (n->up) {
        node_crash(w, n);
    }
    world_trace(w, "%d loses its directory", n->self.id);
    node_start(w, n, true);
}

static void snapshot(struct world *w, struct node *n)
{
    if (!n->up || n->snapshotting || n->commit <= n->raft.log.snapshot.index ||
        n->raft.role == RAFT_HALTED) {
        return;
    }
    struct event *e = world_event(w, EV_SNAPPED, n->place, 0);
    e->incarnation = n->incarnation;
    e->number = (uint64_t)prng_between(&w->prng, n->raft.log.snapshot.index + 1, n->commit);
    n->snapshotting = true;
    n->snapshot_after = n->issued;
    world_at(w, e, w->now + prng_between(&w->prng, 0, 100));
}

static struct node *any_leader(struct world *w)
{
    for (uint32_t i = 0, at = (uint32_t)prng_below(&w->prng, w->plan.nodes); i < w->plan.nodes;
         i++) {
        struct node *n = &w->node[(at + i) % w->plan.nodes];
        if (n->up && n->raft.role == RAFT_LEADER) {
            return n;
        }
    }
    return any_node(w);
}

static void transfer(struct world *w, struct node *n)
{
    struct raft_event event = {.kind = RAFT_EV_TRANSFER};
    event.node = prng_chance(&w->prng, 500) ? RAFT_NOBODY : any_node(w)->self;
    if (n->up) {
        node_step(w, n, &event, NULL);
    }
}

void fault_strike(struct world *w)
{
    struct node *n = prng_chance(&w->prng, 400) ? any_leader(w) : any_node(w);
    switch (prng_below(&w->prng, 20)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: crash(w, n); break;
    case 5: crash_all(w); break;
    case 6:
    case 7:
    case 8: partition(w); break;
    case 9: memset(w->cut, 0, sizeof(w->cut)); break;
    case 10: n->slow = !n->slow; break;
    case 11: n->paused_until = w->now + prng_between(&w->prng, 10, 800); break;
    case 12:
        reset(w);
        if (w->plan.clocks) {
            node_clock_rate(w, n, prng_between(&w->prng, -50000, 50000));
        }
        break;
    case 13:
    case 14: transfer(w, any_leader(w)); break;
    case 15: empty_directory(w); break;
    default: snapshot(w, n); break;
    }
}

void fault_heal(struct world *w)
{
    world_trace(w, "the faults end");
    w->healing = true;
    memset(w->cut, 0, sizeof(w->cut));
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        w->node[i].slow = false;
        if (!w->node[i].up) {
            node_start(w, &w->node[i], false);
        }
    }
}

/* ---- clients ---- */

void client_propose(struct world *w, struct node *n, uint32_t count, raft_term term)
{
    struct raft_event event = {.kind = RAFT_EV_PROPOSE};
    event.propose.ticket = ++w->value;
    event.propose.term = term;
    event.propose.count = count;
    node_step(w, n, &event, NULL);
}

static void read_one(struct world *w, struct node *n)
{
    if (n->read_ticket - n->read_done >= 200) {
        return;
    }
    struct raft_event event = {.kind = RAFT_EV_READ, .read_ticket = ++n->read_ticket};
    n->read_floor[n->read_ticket % 256] = w->committed_last;
    node_step(w, n, &event, NULL);
}

static void change(struct world *w, struct node *n, const struct raft_voters *voters)
{
    struct raft_event event = {.kind = RAFT_EV_CHANGE_VOTERS};
    event.change.ticket = ++w->value;
    event.change.term = n->raft.term;
    event.change.voters = *voters;
    if (w->set_count < SETS_MAX - 1) {
        node_step(w, n, &event, NULL);
    }
}

/* Takes out whoever lost its directory; else adds who has caught up (or anyone: the core is to refuse that), or removes anyone. */
static void members_act(struct world *w, struct node *n)
{
    struct raft_node who = prng_chance(&w->prng, 100) ? any_node(w)->self : n->joining;
    struct raft_voters voters = *raft_voters_now(&n->raft);
    for (uint32_t i = 0; i < voters.count; i++) {
        if (!place_is(w, voters.node[i])) {
            voters.node[i] = voters.node[--voters.count];
            change(w, n, &voters);
            return;
        }
    }
    bool fits = who.id != RAFT_NO_ID && voters.count < VOTERS_MAX && place_is(w, who);
    for (uint32_t i = 0; i < voters.count; i++) {
        fits = fits && voters.node[i].id != who.id;
    }
    if (fits) {
        voters.node[voters.count++] = who;
    } else if (voters.count > 1 && !w->healing && prng_chance(&w->prng, 200)) {
        uint32_t out = (uint32_t)prng_below(&w->prng, voters.count);
        voters.node[out] = voters.node[--voters.count];
    } else {
        return;
    }
    change(w, n, &voters);
}

static void observe(struct world *w, struct node *n)
{
    if (w->now < n->observe_at || raft_voters_has(raft_voters_now(&n->raft), n->self)) {
        return;
    }
    n->observe_at = w->now + 500;
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        if ((int)i != n->place) {
            struct event *e = world_event(w, EV_OBSERVE, (int)i, 0);
            e->from = n->place;
            e->node = n->self;
            world_at(w, e, w->now + 1);
        }
    }
}

void client_act(struct world *w)
{
    for (uint32_t i = 0; i < w->plan.nodes && w->wrong == NULL; i++) {
        struct node *n = &w->node[i];
        if (!n->up || n->paused_until > w->now || n->raft.role == RAFT_HALTED) {
            continue;
        }
        observe(w, n);
        bool leading = n->raft.role == RAFT_LEADER;
        if (leading && n->raft.log.last < LOG_MAX - 600 &&
            prng_chance(&w->prng, w->healing ? 100 : 700)) {
            uint32_t count = prng_chance(&w->prng, 900) ? 1
                                                        : (uint32_t)prng_between(&w->prng, 2, 20);
            client_propose(w, n, count,
                           prng_chance(&w->prng, 20) ? n->raft.term - 1 : n->raft.term);
        }
        if (w->wrong == NULL && n->up && prng_chance(&w->prng, leading ? 200 : 10)) {
            read_one(w, n);
        }
        if (w->wrong == NULL && leading && w->plan.members && prng_chance(&w->prng, 150)) {
            members_act(w, n);
        }
    }
}
