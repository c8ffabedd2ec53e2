#include "tests/unit/controller/raft/world/world.h"

uint64_t snapshot_bytes(raft_index index, int maker)
{
    return 10 + (uint64_t)(index * 7 + maker * 13) % 30;
}

raft_term image_term(const struct image *m, raft_index index)
{
    if (index >= m->first && index <= m->last) {
        return m->log[index].term;
    }
    return index == m->snapshot.index ? m->snapshot.term : index == 0 ? 0 : -1;
}

static void apply_store(struct world *w, struct image *m, const struct op *op)
{
    const struct raft_store *s = &op->action.store;
    if (s->truncate_from > 0) {
        if (s->truncate_from > m->last + 1 || s->truncate_from < m->first) {
            world_wrong(w, "the log %ld..%ld is to be cut at %ld", (long)m->first, (long)m->last,
                        (long)s->truncate_from);
            return;
        }
        m->last = s->truncate_from - 1;
    }
    if (s->first != m->last + 1 || s->last >= LOG_MAX || s->last < s->first) {
        world_wrong(w, "%ld..%ld are to be stored behind %ld", (long)s->first, (long)s->last,
                    (long)m->last);
        return;
    }
    for (uint32_t i = 0; i < op->count; i++) {
        m->log[++m->last] = op->entries[i];
    }
}

static void apply_chunk(struct world *w, struct image *m, const struct op *op)
{
    const struct raft_save_chunk *c = &op->action.save_chunk;
    if (c->offset == 0) {
        m->download = c->index;
        m->download_bytes = 0;
        m->download_maker = op->maker;
    }
    if (m->download != c->index || m->download_bytes != c->offset ||
        m->download_maker != op->maker) {
        world_wrong(w, "a chunk of snapshot %ld does not fit the download", (long)c->index);
    }
    m->download_bytes += c->bytes;
}

static void apply_install(struct world *w, struct image *m, const struct op *op)
{
    const struct raft_snapshot *s = &op->action.install.snapshot;
    if (m->download != s->index ||
        m->download_bytes != snapshot_bytes(s->index, m->download_maker)) {
        world_wrong(w, "snapshot %ld is installed, but not complete", (long)s->index);
    }
    if (s->index > m->snapshot.index) { /* else one of our own became durable meanwhile */
        m->snapshot = *s;
        m->maker = m->download_maker;
    }
    m->download = 0;
    m->first = s->index + 1;
    if (!op->action.install.keep_log || m->last < s->index) {
        m->last = s->index;
    }
}

static void apply(struct world *w, struct image *m, const struct op *op)
{
    switch (op->action.kind) {
    case RAFT_SAVE_VOTE:
        m->term = op->action.save_vote.term;
        m->voted_for = op->action.save_vote.voted_for;
        break;
    case RAFT_STORE: apply_store(w, m, op); break;
    case RAFT_SAVE_CHUNK: apply_chunk(w, m, op); break;
    case RAFT_INSTALL: apply_install(w, m, op); break;
    case RAFT_DROP_PREFIX:
        m->first = op->action.drop_to + 1;
        if (m->snapshot.index < op->action.drop_to) {
            world_wrong(w, "entries up to %ld go, the snapshot ends at %ld",
                        (long)op->action.drop_to, (long)m->snapshot.index);
        }
        break;
    default: assert(!"no write");
    }
}

static void sync_begin(struct world *w, struct node *n)
{
    if (n->syncing || n->ops == NULL) {
        return;
    }
    time_ms takes = prng_between(&w->prng, 0, 3);
    if (!w->healing && (n->slow || prng_chance(&w->prng, w->plan.slow_sync))) {
        takes = prng_between(&w->prng, 20, 700);
    }
    struct event *e = world_event(w, EV_SYNCED, n->place, 0);
    e->incarnation = n->incarnation;
    e->number = n->issued;
    n->syncing = true;
    world_at(w, e, w->now + takes);
}

static struct entry own_entry(struct world *w, const struct raft_store *s)
{
    struct entry e = {.term = s->term, .kind = (uint8_t)s->kind, .value = ++w->value};
    if (s->kind == RAFT_VOTERS) {
        assert(w->set_count < SETS_MAX);
        w->sets[w->set_count] = s->voters;
        e.voters = (uint16_t)w->set_count++;
    }
    return e;
}

static size_t op_bytes(uint32_t entries)
{
    return sizeof(struct op) + entries * sizeof(struct entry);
}

/* The oldest write is done with. */
static void op_drop(struct world *w, struct node *n)
{
    struct op *op = n->ops;
    n->ops = op->next;
    if (n->ops == NULL) {
        n->ops_end = &n->ops;
    }
    world_give(w, op, op_bytes(op->count));
}

void disk_write(struct world *w, struct node *n, const struct raft_action *action,
                const struct event *cargo)
{
    const struct raft_store *s = &action->store;
    uint32_t count = action->kind == RAFT_STORE ? (uint32_t)(s->last - s->first + 1) : 0;
    struct op *op = world_take(w, op_bytes(count));
    op->next = NULL;
    op->write = action->write;
    op->action = *action;
    op->count = count;
    op->maker = cargo == NULL ? -1 : cargo->maker;
    if (action->write != n->issued + 1) {
        world_wrong(w, "write %lu follows %lu", (unsigned long)action->write,
                    (unsigned long)n->issued);
    }
    n->issued = action->write;
    for (uint32_t i = 0; i < count; i++) {
        if (s->from_message) {
            assert(cargo != NULL && (uint32_t)s->skip + i < cargo->count);
            op->entries[i] = cargo->entries[(uint32_t)s->skip + i];
        } else {
            op->entries[i] = own_entry(w, s);
        }
    }
    *n->ops_end = op;
    n->ops_end = &op->next;
    apply(w, &n->mem, op);
    sync_begin(w, n);
}

static void flush_one(struct world *w, struct node *n)
{
    apply(w, &n->disk, n->ops);
    op_drop(w, n);
}

void disk_synced(struct world *w, struct node *n, uint64_t write)
{
    while (n->ops != NULL && n->ops->write <= write) {
        flush_one(w, n);
    }
    n->syncing = false;
    n->durable = write;
    sync_begin(w, n);
}

void disk_crash(struct world *w, struct node *n)
{
    bool kept = w->wrong == NULL &&
                prng_chance(&w->prng, 400); /* some of what was not fsynced is there all the same */
    while (n->ops != NULL) {
        kept = kept && prng_chance(&w->prng, 700);
        if (kept) {
            flush_one(w, n);
        } else {
            op_drop(w, n);
        }
    }
    n->syncing = false;
    n->disk.download = 0;
}

/* The disk forgets what it had promised. */
void disk_lose(struct world *w, struct node *n)
{
    struct image *d = &n->disk;
    if (d->last >= d->first) {
        d->last = max_i64(d->first, d->last - prng_between(&w->prng, 0, 30)) - 1;
    }
    if (prng_chance(&w->prng, 300)) {
        d->voted_for = RAFT_NOBODY;
    }
}

void disk_snapshot_taken(struct world *w, struct node *n, raft_index index)
{
    struct image *images[] = {&n->mem, &n->disk};
    raft_term term = raft_term_at(&n->raft, index);
    struct raft_snapshot s = {.index = index, .term = term};
    if (index <= n->mem.snapshot.index) {
        return; /* a newer one came from the leader meanwhile */
    }
    s.voters = *raft_voters_at(&n->raft, index);
    for (int i = 0; i < 2; i++) {
        images[i]->snapshot = s;
        images[i]->maker = n->place;
    }
    world_trace(w, "%d: snapshot at %ld", n->self.id, (long)index);
}
