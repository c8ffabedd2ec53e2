#include "tests/unit/controller/raft/world/world.h"

#define OBSERVE_MS 500
#define LATE_MS    20
#define CHUNK      10

struct raft_node node_name(int place, int generation)
{
    return (struct raft_node){.id = place + 1,
                              .directory = {{(uint8_t)(place + 1), (uint8_t)(generation + 1)}}};
}

/* ---- start and crash ---- */

static void throw_log_away_if_torn(struct image *d)
{
    bool torn = d->last < d->snapshot.index || d->first > d->snapshot.index + 1 ||
                (d->snapshot.index > 0 && image_term(d, d->snapshot.index) != d->snapshot.term);
    if (torn) {
        d->first = d->snapshot.index + 1;
        d->last = d->snapshot.index;
    }
}

/* ---- clocks ---- */

time_ms node_clock(const struct world *w, const struct node *n)
{
    return n->clock_then + (w->now - n->clock_since) * (1000000 + n->clock_ppm) / 1000000;
}

/* The first moment of the world at which its clock shows this. */
static time_ms moment(const struct node *n, time_ms clock)
{
    time_ms left = clock - n->clock_then;
    if (clock == TIME_NEVER || left <= 0) {
        return clock == TIME_NEVER ? clock : TICK_DUE;
    }
    if (n->clock_ppm == 0) {
        return n->clock_since + left;
    }
    return n->clock_since + (left * 1000000 + 999999 + n->clock_ppm) / (1000000 + n->clock_ppm);
}

void node_tick_noted(struct world *w, const struct node *n)
{
    w->tick[n->place] = n->up ? moment(n, raft_deadline(&n->raft)) : TIME_NEVER;
}

void node_clock_rate(struct world *w, struct node *n, int64_t ppm)
{
    n->clock_then = node_clock(w, n);
    n->clock_since = w->now;
    n->clock_ppm = ppm;
    node_tick_noted(w, n);
}

/* ---- starting ---- */

static struct raft_config config_of(const struct world *w, const struct node *n)
{
    struct raft_config c;
    raft_config_defaults(&c, n->self);
    c.append_entries_max = w->plan.append_entries_max;
    c.trailing_entries = w->plan.trailing_entries;
    c.uncommitted_max = w->plan.uncommitted_max;
    return c;
}

static err_t init_from_disk(struct world *w, struct node *n)
{
    static struct raft_run runs[LOG_MAX];
    static struct raft_voters_entry voters[SETS_MAX];
    const struct image *d = &n->disk;
    struct raft_durable_state state = {.term = d->term,
                                       .voted_for = d->voted_for,
                                       .snapshot = d->snapshot,
                                       .first_index = d->first,
                                       .runs = runs,
                                       .voters = voters};
    for (raft_index i = d->first; i <= d->last; i++) {
        const struct entry *e = &d->log[i];
        runs[state.run_count++] = (struct raft_run){.term = e->term, .count = 1};
        if (e->kind == RAFT_VOTERS) {
            voters[state.voters_count++] = (struct raft_voters_entry){.index = i,
                                                                      .voters = w->sets[e->voters]};
        }
    }
    struct raft_config config = config_of(w, n);
    return raft_init(&n->raft, &config, &state, &n->heap, prng_u64(&w->prng), node_clock(w, n));
}

static void copy_image(struct image *to, const struct image *from)
{
    memcpy(to, from, offsetof(struct image, log));
    if (from->last >= from->first) {
        memcpy(&to->log[from->first], &from->log[from->first],
               (size_t)(from->last - from->first + 1) * sizeof(from->log[0]));
    }
}

/* fresh: with an emptied disk and a new directory. */
void node_start(struct world *w, struct node *n, bool fresh)
{
    assert(!n->up);
    if (fresh) {
        n->generation++;
        memset(&n->disk, 0, offsetof(struct image, log));
        n->disk.voted_for = RAFT_NOBODY;
        n->disk.first = 1;
    }
    throw_log_away_if_torn(&n->disk);
    copy_image(&n->mem, &n->disk);
    n->self = node_name(n->place, n->generation);
    n->incarnation++;
    n->up = true;
    n->durable = n->issued = 0;
    n->paused_until = 0;
    n->observe_at = w->now;
    n->ready = n->snapshotting = n->leader_closed = n->round_open = false;
    n->joining = RAFT_NOBODY;
    n->leader_heard_at = -1;
    n->cut_since = TIME_NEVER;
    n->read_ticket = n->read_done = 0;
    heap_init(&n->heap, &w->source, (size_t)16 << 20);
    err_t err = init_from_disk(w, n);
    if (err != OK) {
        world_wrong(w, "%d cannot start from its disk: %d", n->self.id, (int)err);
        n->up = false;
        heap_release(&n->heap);
        return;
    }
    node_tick_noted(w, n);
    n->commit = raft_commit_index(&n->raft);
    judge_restored(w, n, &n->disk.snapshot);
    if (prng_chance(&w->prng, 300)) { /* perhaps nobody ever led: then it stands at once */
        struct raft_event gathered = {.kind = RAFT_EV_GATHERED};
        node_step(w, n, &gathered, NULL);
    }
    world_trace(w, "%d starts: term %d, log %ld..%ld, snapshot %ld", n->self.id, n->disk.term,
                (long)n->disk.first, (long)n->disk.last, (long)n->disk.snapshot.index);
}

static void closed(struct world *w, int to, struct raft_node who, time_ms after)
{
    struct event *e = world_event(w, EV_CLOSED, to, 0);
    e->node = who;
    e->incarnation = w->node[to].incarnation;
    world_at(w, e, w->now + after);
}

/* The oldest message that waits for the disk is done with. */
static void held_drop(struct world *w, struct node *n)
{
    struct held *h = n->held;
    n->held = h->next;
    if (n->held == NULL) {
        n->held_end = &n->held;
    }
    world_give(w, h, sizeof(*h));
}

void node_crash(struct world *w, struct node *n)
{
    assert(n->up);
    world_trace(w, "%d crashes", n->self.id);
    n->up = false;
    node_tick_noted(w, n);
    disk_crash(w, n);
    while (n->held != NULL) {
        held_drop(w, n);
    }
    raft_release(&n->raft);
    if (n->heap.live != 0) {
        world_wrong(w, "%d leaks memory", n->self.id);
    }
    heap_release(&n->heap);
    w->crashes++;
    for (uint32_t i = 0; i < w->plan.nodes; i++) {
        if (w->wrong == NULL && w->node[i].up && !w->cut[n->place][i] &&
            prng_chance(&w->prng, 800)) {
            closed(w, (int)i, n->self, prng_between(&w->prng, 0, 3));
        }
    }
}

/* ---- messages ---- */

static time_ms delay(struct world *w)
{
    return !w->healing && prng_chance(&w->prng, w->plan.straggle) ? prng_between(&w->prng, 5, 400)
                                                                  : prng_between(&w->prng, 0, 3);
}

/* As much of it as its kind has: snapshots name all voters, hardly any message is one. */
static void message_copy(struct raft_message *to, const struct raft_message *from)
{
    bool large = from->kind == RAFT_SEND_SNAPSHOT;
    memcpy(to, from,
           large ? sizeof(*to) : offsetof(struct raft_message, append) + sizeof(to->append));
}

/* What the shell attaches: the log's entries, the snapshot's bytes. */
static void attach(struct world *w, const struct node *n, struct event *e)
{
    struct raft_message *m = &e->message;
    const struct image *mem = &n->mem;
    if (m->kind == RAFT_SEND_SNAPSHOT) {
        uint64_t all = snapshot_bytes(mem->snapshot.index, mem->maker);
        if (m->chunk.snapshot.index != mem->snapshot.index) {
            world_wrong(w, "%d sends snapshot %ld, its newest is %ld", n->self.id,
                        (long)m->chunk.snapshot.index, (long)mem->snapshot.index);
        }
        uint64_t left = m->chunk.offset < all ? all - m->chunk.offset : 0;
        m->chunk.bytes = left < CHUNK ? left : CHUNK;
        m->chunk.last = m->chunk.offset + m->chunk.bytes >= all;
        e->maker = mem->maker;
    }
    for (uint32_t i = 0; i < e->count; i++) {
        raft_index index = m->append.first + i;
        if (index < mem->first || index > mem->last) {
            world_wrong(w, "%d sends entry %ld of its log %ld..%ld", n->self.id, (long)index,
                        (long)mem->first, (long)mem->last);
            return;
        }
        e->entries[i] = mem->log[index];
    }
}

static void send(struct world *w, const struct node *n, const struct raft_message *message)
{
    uint32_t count = message->kind == RAFT_APPEND
                         ? (uint32_t)(message->append.last - message->append.first + 1)
                         : 0;
    judge_send(w, n, message);
    struct event *e = world_event(w, EV_MESSAGE, message->to.id - 1, count);
    message_copy(&e->message, message);
    e->from = n->place;
    attach(w, n, e);
    bool lost = !w->healing && prng_chance(&w->prng, w->plan.loss);
    if (!lost && !w->healing && prng_chance(&w->prng, w->plan.twice)) {
        struct event *again = world_event(w, EV_MESSAGE, e->to, count);
        again->from = e->from;
        again->maker = e->maker;
        message_copy(&again->message, &e->message);
        memcpy(again->entries, e->entries, count * sizeof(e->entries[0]));
        world_at(w, again, w->now + delay(w) * 3);
    }
    if (lost) {
        world_event_free(w, e);
    } else {
        world_at(w, e, w->now + delay(w));
    }
}

static void send_or_hold(struct world *w, struct node *n, const struct raft_action *action)
{
    if (action->after_write <= n->durable) {
        send(w, n, &action->message);
        return;
    }
    struct held *h = world_take(w, sizeof(*h));
    h->next = NULL;
    h->after_write = action->after_write;
    message_copy(&h->message, &action->message);
    *n->held_end = h;
    n->held_end = &h->next;
}

static void release_held(struct world *w, struct node *n)
{
    while (n->held != NULL && n->held->after_write <= n->durable) {
        send(w, n, &n->held->message);
        held_drop(w, n);
    }
}

/* ---- carrying out ---- */

static void do_store(struct world *w, struct node *n, const struct raft_action *action,
                     const struct event *cargo)
{
    const struct raft_store *s = &action->store;
    if (s->truncate_from > 0) {
        w->cuts++;
        judge_cut(w, n, s->truncate_from);
    }
    disk_write(w, n, action, cargo);
    judge_stored(w, n, s->first, s->last);
    if (!s->from_message && s->kind == RAFT_VOTERS) {
        w->changes++;
        judge_own_voters(w, n, s->first);
    }
}

static void carry_out(struct world *w, struct node *n, const struct raft_action *a,
                      const struct event *cargo)
{
    switch (a->kind) {
    case RAFT_STORE: do_store(w, n, a, cargo); break;
    case RAFT_SAVE_VOTE:
    case RAFT_SAVE_CHUNK:
    case RAFT_DROP_PREFIX: disk_write(w, n, a, cargo); break;
    case RAFT_INSTALL:
        disk_write(w, n, a, cargo);
        w->installs++;
        judge_restored(w, n, &a->install.snapshot);
        n->commit = max_i64(n->commit, a->install.snapshot.index);
        break;
    case RAFT_SEND:
        judge_stands(w, n, &a->message);
        send_or_hold(w, n, a);
        break;
    case RAFT_COMMITTED: judge_committed(w, n, a->committed); break;
    case RAFT_BECAME_FOLLOWER: n->ready = n->round_open = false; break;
    case RAFT_BECAME_LEADER:
        n->ready = false;
        n->joining = RAFT_NOBODY;
        w->elections++;
        judge_leader(w, n);
        break;
    case RAFT_LEADER_READY: n->ready = true; break;
    case RAFT_READ_READY:
    case RAFT_READ_FAILED: judge_read(w, n, a); break;
    case RAFT_CAUGHT_UP: n->joining = a->node; break;
    case RAFT_HALT:
        w->halts++;
        n->ready = false;
        if (!w->plan.lossy) {
            world_wrong(w, "%d halts: %s", n->self.id, a->why);
        }
        break;
    case RAFT_REFUSED:
    case RAFT_VOTERS_NOW:
    case RAFT_TRANSFER_FAILED:
    case RAFT_ACTION_KINDS: break;
    }
}

static void tell(struct world *w, const struct node *n, const struct raft_action *a)
{
    const struct raft_message *m = &a->message;
    if (a->kind == RAFT_VOTERS_NOW) {
        const struct raft_voters *v = &a->voters.voters;
        world_trace(w, "  %d: %u voters from %ld on, the first %d, the last %d", n->self.id,
                    v->count, (long)a->voters.index, v->count > 0 ? v->node[0].id : -1,
                    v->count > 0 ? v->node[v->count - 1].id : -1);
    }
    if (a->kind != RAFT_SEND) {
        world_trace(w, "  %d: %s, write %lu (term %d, log ..%ld, commit %ld)", n->self.id,
                    raft_action_name(a->kind), (unsigned long)a->write, n->raft.term,
                    (long)n->raft.log.last, (long)n->raft.commit);
        return;
    }
    bool append = m->kind == RAFT_APPEND;
    world_trace(w, "  %d -> %d: %s of term %d, after %lu, [%ld..%ld] %d", n->self.id, m->to.id,
                raft_message_name(m->kind), m->term, (unsigned long)a->after_write,
                append ? (long)m->append.first : 0L,
                append                          ? (long)m->append.last
                : m->kind == RAFT_APPEND_ANSWER ? (long)m->append_answer.match
                                                : 0L,
                m->kind == RAFT_APPEND_ANSWER ? m->append_answer.accepted : m->vote_answer.granted);
}

void node_step(struct world *w, struct node *n, struct raft_event *event, const struct event *cargo)
{
    assert(n->up);
    event->now = node_clock(w, n);
    w->steps++;
    raft_step(&n->raft, event, &w->actions);
    for (uint32_t i = 0; i < w->actions.count && w->wrong == NULL; i++) {
        if (w->loud) {
            tell(w, n, &w->actions.at[i]);
        }
        carry_out(w, n, &w->actions.at[i], cargo);
    }
    if (w->wrong == NULL) {
        judge_after_step(w, n);
    }
    node_tick_noted(w, n);
}

/* ---- events ---- */

static void receive(struct world *w, struct node *n, struct event *e)
{
    static struct raft_run runs[LOG_MAX];
    static struct raft_voters_entry voters[SETS_MAX];
    struct raft_message *m = &e->message;
    if (w->cut[e->from][e->to]) {
        return;
    }
    if (m->kind == RAFT_APPEND) {
        m->append.runs = runs;
        m->append.voters = voters;
        m->append.run_count = m->append.voters_count = 0;
        for (uint32_t i = 0; i < e->count; i++) {
            runs[m->append.run_count++] = (struct raft_run){.term = e->entries[i].term, .count = 1};
            if (e->entries[i].kind == RAFT_VOTERS) {
                voters[m->append.voters_count++] = (struct raft_voters_entry){
                    .index = m->append.first + i, .voters = w->sets[e->entries[i].voters]};
            }
        }
    }
    struct raft_event event;
    event.kind = RAFT_EV_RECEIVE;
    event.message = m;
    if ((m->kind == RAFT_APPEND || m->kind == RAFT_SEND_SNAPSHOT) && raft_node_eq(m->to, n->self) &&
        m->term >= n->raft.term) {
        n->leader_heard_at = node_clock(w, n);
        n->leader_closed = false;
    }
    node_step(w, n, &event, e);
}

void node_event(struct world *w, struct node *n, struct event *e)
{
    struct raft_event event;
    if (!n->up ||
        (e->kind != EV_MESSAGE && e->kind != EV_OBSERVE && e->incarnation != n->incarnation)) {
        return;
    }
    switch (e->kind) {
    case EV_MESSAGE: receive(w, n, e); return;
    case EV_OBSERVE:
        if (w->cut[e->from][e->to]) {
            return;
        }
        event.kind = RAFT_EV_OBSERVE;
        event.node = e->node;
        break;
    case EV_CLOSED:
        event.kind = RAFT_EV_PEER_CLOSED;
        event.node = e->node;
        n->leader_closed = n->leader_closed || raft_node_eq(raft_leader(&n->raft), e->node);
        break;
    case EV_SYNCED:
        disk_synced(w, n, e->number);
        release_held(w, n);
        event.kind = RAFT_EV_WRITTEN;
        event.write = e->number;
        break;
    case EV_SNAPPED:
        n->snapshotting = false;
        if (n->raft.role == RAFT_HALTED || (raft_index)e->number <= n->raft.log.snapshot.index) {
            return;
        }
        event.kind = RAFT_EV_SNAPSHOT_TAKEN;
        event.snapshot.index = (raft_index)e->number;
        event.snapshot.term = raft_term_at(&n->raft, event.snapshot.index);
        disk_snapshot_taken(w, n, event.snapshot.index);
        break;
    default: assert(!"no event of a node"); return;
    }
    node_step(w, n, &event, NULL);
}

void node_tick(struct world *w, struct node *n)
{
    time_ms late_ms = node_clock(w, n) - raft_deadline(&n->raft);
    if (late_ms > LATE_MS) {
        struct raft_event late = {.kind = RAFT_EV_LATE, .late_by_ms = (int32_t)late_ms};
        node_step(w, n, &late, NULL);
    }
    if (w->wrong == NULL) {
        struct raft_event tick;
        tick.kind = RAFT_EV_TICK;
        node_step(w, n, &tick, NULL);
    }
}
