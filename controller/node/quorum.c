#include "common/port/memory.h"
#include "controller/node/quorum_internal.h"

#define SCRATCH_CHUNK   ((size_t)64 << 10)
#define SCRATCH_MAX     ((size_t)64 << 20)
/* Entries handed up from one read of the store. */
#define COMMIT_READ_MAX ((size_t)1 << 20)
#define OBSERVE_MS      500

static time_ms now_ms(const struct quorum *q)
{
    return loop_now_us(q->loop) / 1000;
}

void quorum_stop(struct quorum *q, const char *sentence)
{
    if (!q->halted) {
        q->halted = true;
        q->events->halted(q->ctx, sentence);
    }
}

/* ---- carrying actions out ---- */

/* Our own entries: a proposal, or what the core asks for. */
static err_t own_entry(struct quorum *q, const struct raft_store *store,
                       struct raft_entry *ret_entry)
{
    *ret_entry = (struct raft_entry){
        .term = store->term, .kind = store->kind, .payload = slice_of("", 0)};
    if (store->kind == RAFT_DATA) {
        assert(store->ticket == q->ticket && store->first == store->last);
        q->proposed = store->first;
        ret_entry->payload = q->proposal;
    }
    return store->kind == RAFT_VOTERS
               ? raft_wire_voters_pack(&store->voters, &q->scratch, &ret_entry->payload)
               : OK;
}

static void do_store(struct quorum *q, uint64_t write, const struct raft_store *store)
{
    size_t count = (size_t)(store->last - store->first + 1);
    if (store->from_message) {
        assert(q->cargo != NULL && (size_t)store->skip + count <= q->cargo->entry_count);
        raft_disk_append(q->store, write, store->truncate_from, store->first,
                         q->cargo->entries + store->skip, count);
        return;
    }
    struct raft_entry entry;
    assert(count == 1);
    if (own_entry(q, store, &entry) != OK) {
        quorum_stop(q, "out of memory while writing to the metadata log");
        return;
    }
    raft_disk_append(q->store, write, store->truncate_from, store->first, &entry, 1);
}

static void do_send(struct quorum *q, const struct raft_action *action)
{
    if (action->after_write <= q->durable) {
        quorum_send(q, &action->message);
        return;
    }
    struct held *held = HEAP_NEW(q->heap, struct held);
    if (held != NULL) { /* else it is as if it were lost on the way */
        held->after_write = action->after_write;
        held->message = action->message;
        list_push(&q->held, &held->node);
    }
}

static void do_install(struct quorum *q, uint64_t write, const struct raft_install *install)
{
    raft_disk_install(q->store, write, &install->snapshot, install->keep_log);
    q->restored = true;
}

static void do_role(struct quorum *q, bool leading, const struct raft_action *action)
{
    q->role_changed = true;
    q->leading = leading;
    q->ready = false;
    q->ready_to_tell = leading && MUTANT(95);
    q->leader = action->role.leader;
    q->term = action->role.term;
    /* Who caught up with an earlier leadership of ours may have been taken in and emptied again since then. */
    q->joining = RAFT_NOBODY;
}

static void carry_out(struct quorum *q, const struct raft_action *action)
{
    switch (action->kind) {
    case RAFT_SAVE_VOTE:
        raft_disk_vote(q->store, action->write, action->save_vote.term,
                       action->save_vote.voted_for);
        break;
    case RAFT_STORE: do_store(q, action->write, &action->store); break;
    case RAFT_SAVE_CHUNK:
        assert(q->cargo != NULL);
        raft_disk_chunk(q->store, action->write, action->save_chunk.index,
                        action->save_chunk.offset, q->cargo->chunk);
        break;
    case RAFT_INSTALL: do_install(q, action->write, &action->install); break;
    case RAFT_DROP_PREFIX: raft_disk_drop_prefix(q->store, action->write, action->drop_to); break;
    case RAFT_SEND: do_send(q, action); break;
    case RAFT_COMMITTED: q->commit = action->committed; break;
    case RAFT_BECAME_FOLLOWER: do_role(q, false, action); break;
    case RAFT_BECAME_LEADER: do_role(q, true, action); break;
    case RAFT_LEADER_READY: q->ready_to_tell = true; break;
    case RAFT_REFUSED: q->refused = action->refused.why; break;
    case RAFT_CAUGHT_UP: q->joining = action->node; break;
    case RAFT_HALT: quorum_stop(q, action->why); break;
    case RAFT_READ_READY: /* nothing here asks for reads: brokers are served committed metadata by the ready leader */
    case RAFT_READ_FAILED:
    case RAFT_VOTERS_NOW: break;
    case RAFT_TRANSFER_FAILED: q->heirless = true; break;
    case RAFT_ACTION_KINDS: assert(!"no such action");
    }
}

/* ---- handing up ---- */

static void hand_up_snapshot(struct quorum *q)
{
    struct raft_snapshot snapshot;
    struct slice body;
    struct arena arena;
    q->restored = false;
    raft_disk_snapshot_id(q->store, &snapshot);
    if (snapshot.index <= q->applied) {
        return;
    }
    arena_init(&arena, memory_source(loop_host(q->loop)), SCRATCH_CHUNK, (size_t)1 << 31);
    err_t err = raft_disk_snapshot_body(q->store, &arena, &body);
    if (err == OK) {
        q->applied = snapshot.index;
        q->events->restored(q->ctx, &snapshot, body);
    } else {
        quorum_stop(q, "the newest snapshot of the metadata cannot be read");
    }
    arena_release(&arena);
}

/* One read's worth of committed entries. */
static void hand_up_entries(struct quorum *q)
{
    struct arena arena;
    struct raft_entry *entries;
    size_t count = 0;
    arena_init(&arena, memory_source(loop_host(q->loop)), SCRATCH_CHUNK, SCRATCH_MAX);
    err_t err = raft_disk_read(q->store, q->applied + 1, q->commit, COMMIT_READ_MAX, &arena,
                               &entries, &count);
    for (size_t i = 0; i < count && err == OK && !q->halted; i++) {
        q->applied++;
        q->events->committed(q->ctx, q->applied, &entries[i]);
    }
    if (err != OK) {
        quorum_stop(q, "a committed entry of the metadata log cannot be read back");
    }
    arena_release(&arena);
}

static void hand_up(struct quorum *q)
{
    if (q->delivering) {
        return; /* the outer call goes on */
    }
    q->delivering = true;
    while (!q->halted) {
        if (q->role_changed) { /* first: a snapshot may be what a deposed leader hears first */
            q->role_changed = false;
            if (!q->leading) {
                q->events->following(q->ctx, q->leader, q->term);
            }
        } else if (q->restored) {
            hand_up_snapshot(q);
        } else if (q->applied < q->commit) {
            hand_up_entries(q);
        } else if (q->ready_to_tell) {
            q->ready_to_tell = false;
            q->ready = true;
            q->events->leading(q->ctx, q->term);
        } else {
            break;
        }
    }
    q->delivering = false;
}

void quorum_step(struct quorum *q, struct raft_event *event)
{
    assert(!q->stepping);
    if (q->halted) {
        return;
    }
    q->stepping = true;
    event->now = now_ms(q);
    raft_step(&q->raft, event, &q->actions);
    for (uint32_t i = 0; i < q->actions.count && !q->halted; i++) {
        carry_out(q, &q->actions.at[i]);
    }
    arena_clear(&q->scratch);
    time_ms deadline = raft_deadline(&q->raft);
    timer_arm(q->loop, &q->timer, deadline == TIME_NEVER ? TIME_NEVER : deadline * 1000);
    q->stepping = false;
    hand_up(q);
    if (q->heirless) { /* whoever wanted to be rid of it serves no more, and would lead on without deciding anything */
        q->heirless = false;
        struct raft_event resign = {.kind = RAFT_EV_RESIGN};
        quorum_step(q, &resign);
    }
}

/* ---- events ---- */

static void voters_change(struct quorum *q, const struct raft_voters *voters)
{
    struct raft_event event = {.kind = RAFT_EV_CHANGE_VOTERS};
    event.change.term = q->term;
    event.change.voters = *voters;
    quorum_step(q, &event); /* refused: tried again by the next tick of the exchange */
}

/* One step of the exchange of an emptied voter, if there is one and the last step is committed. */
static void exchange_step(struct quorum *q)
{
    if (!q->ready || q->joining.id == RAFT_NO_ID) {
        return;
    }
    struct raft_voters voters = *raft_voters_now(&q->raft);
    if (raft_voters_has(&voters, q->joining)) {
        q->joining = RAFT_NOBODY;
        return;
    }
    for (uint32_t i = 0; i < voters.count; i++) {
        if (voters.node[i].id == q->joining.id) {
            trace_log(q->trace, TRACE_INFO, TRACE_QUORUM,
                      "voter %d has an emptied directory; taking its old one out", q->joining.id);
            voters.node[i] = voters.node[--voters.count];
            voters_change(q, &voters);
            return;
        }
    }
    trace_log(q->trace, TRACE_INFO, TRACE_QUORUM,
              "voter %d has caught up with its new directory; taking it in", q->joining.id);
    voters.node[voters.count++] = q->joining;
    voters_change(q, &voters);
}

static void on_observe_timer(struct timer *timer)
{
    struct quorum *q = CONTAINER_OF(timer, struct quorum, observe_timer);
    bool led = q->leading || q->leader.id != RAFT_NO_ID;
    timer_arm(q->loop, &q->observe_timer, loop_now_us(q->loop) + OBSERVE_MS * 1000);
    q->alone = led ? 0 : q->alone + 1;
    quorum_ask_to_observe(q);
    exchange_step(q);
}

static void on_timer(struct timer *timer)
{
    struct quorum *q = CONTAINER_OF(timer, struct quorum, timer);
    /* Later than the core asked for: steps before this one in the same turn have armed the timer anew. */
    time_ms late = now_ms(q) - raft_deadline(&q->raft);
    if (late > LOOP_LATE_MS) {
        struct raft_event event = {.kind = RAFT_EV_LATE,
                                   .late_by_ms = (int32_t)min_i64(late, INT32_MAX)};
        quorum_step(q, &event);
    }
    struct raft_event event = {.kind = RAFT_EV_TICK};
    quorum_step(q, &event);
}

void quorum_durable(struct quorum *q, uint64_t write)
{
    assert(write >= q->durable);
    q->durable = write;
    while (list_first(&q->held) != NULL) {
        struct held *held = CONTAINER_OF(list_first(&q->held), struct held, node);
        if (held->after_write > write) {
            break;
        }
        list_remove(&held->node);
        quorum_send(q, &held->message);
        heap_free(q->heap, held, sizeof(*held));
    }
    struct raft_event event = {.kind = RAFT_EV_WRITTEN, .write = write};
    quorum_step(q, &event);
}

void quorum_snapshot_durable(struct quorum *q, raft_index index, raft_term term)
{
    struct raft_event event = {.kind = RAFT_EV_SNAPSHOT_TAKEN};
    event.snapshot.index = index;
    event.snapshot.term = term;
    quorum_step(q, &event);
}

void quorum_receive(struct quorum *q, const Odradek__RaftMessage *frame)
{
    struct arena arena;
    struct raft_message message;
    struct raft_cargo cargo;
    arena_init(&arena, memory_source(loop_host(q->loop)), 4096, SCRATCH_MAX);
    if (raft_wire_read(frame, &arena, &message, &cargo) == OK) {
        struct raft_event event = {.kind = RAFT_EV_RECEIVE, .message = &message};
        q->cargo = &cargo;
        quorum_step(q, &event);
        q->cargo = NULL;
    }
    arena_release(&arena);
}

void quorum_observe(struct quorum *q, struct raft_node node)
{
    struct raft_event event = {.kind = RAFT_EV_OBSERVE, .node = node};
    quorum_step(q, &event);
}

err_t quorum_propose(struct quorum *q, struct slice payload, raft_index *ret_index,
                     raft_term *ret_term)
{
    struct raft_event event = {.kind = RAFT_EV_PROPOSE};
    ENSURE(q->ready, ERR_NOT_LEADER);
    event.propose.ticket = ++q->ticket;
    event.propose.term = q->term;
    event.propose.count = 1;
    q->proposal = payload;
    q->proposed = 0;
    q->refused = OK;
    quorum_step(q, &event);
    q->proposal = (struct slice){0};
    ENSURE(!q->halted, ERR_NOT_LEADER);
    TRY(q->refused);
    assert(q->proposed > 0);
    *ret_index = q->proposed;
    *ret_term = q->term;
    return OK;
}

err_t quorum_snapshot(struct quorum *q, raft_index index, struct slice body)
{
    assert(index <= q->applied);
    raft_term term = raft_term_at(&q->raft, index);
    ENSURE(term > 0, ERR_RANGE);
    return raft_disk_snapshot(q->store, index, term, raft_voters_at(&q->raft, index), body);
}

void quorum_transfer(struct quorum *q)
{
    struct raft_event event = {.kind = RAFT_EV_TRANSFER, .node = RAFT_NOBODY};
    quorum_step(q, &event);
}

/* ---- life ---- */

err_t quorum_open(struct rpc *rpc, struct heap *heap, struct trace *trace,
                  const struct quorum_options *options, struct raft_disk *store,
                  const struct raft_durable_state *durable, const struct quorum_events *events,
                  void *ctx, struct quorum **ret_quorum)
{
    struct quorum *q = HEAP_NEW(heap, struct quorum);
    ENSURE(q != NULL, ERR_NO_MEMORY);
    *q = (struct quorum){
        .loop = rpc->loop, .rpc = rpc, .heap = heap, .trace = trace, .events = events, .ctx = ctx};
    q->store = store;
    q->leader = RAFT_NOBODY;
    q->joining = RAFT_NOBODY;
    list_init(&q->held);
    arena_init(&q->scratch, memory_source(loop_host(q->loop)), SCRATCH_CHUNK, SCRATCH_MAX);
    err_t err = raft_init(&q->raft, &options->raft, durable, heap, options->seed, now_ms(q));
    if (err != OK) {
        heap_free(heap, q, sizeof(*q));
        return err;
    }
    q->commit = raft_commit_index(&q->raft);
    q->restored = q->commit > 0;
    q->timer.fire = on_timer;
    q->observe_timer.fire = on_observe_timer;
    *ret_quorum = q;
    return OK;
}

void quorum_start(struct quorum *q, const struct quorum_options *options)
{
    hand_up(q);
    quorum_peers_open(q, options);
    on_observe_timer(&q->observe_timer);
    struct raft_event event = {.kind = RAFT_EV_TICK};
    quorum_step(q, &event);
}

void quorum_close(struct quorum *q)
{
    if (q == NULL) {
        return;
    }
    quorum_peers_close(q);
    timer_cancel(q->loop, &q->timer);
    timer_cancel(q->loop, &q->observe_timer);
    for (struct list_node *node = list_pop(&q->held); node != NULL; node = list_pop(&q->held)) {
        heap_free(q->heap, CONTAINER_OF(node, struct held, node), sizeof(struct held));
    }
    raft_release(&q->raft);
    arena_release(&q->scratch);
    heap_free(q->heap, q, sizeof(*q));
}

bool quorum_leading(const struct quorum *q)
{
    return q->ready;
}

struct raft_node quorum_leader(const struct quorum *q, struct net_address *ret_address)
{
    *ret_address = (struct net_address){0};
    for (uint32_t i = 0; i < q->peer_count; i++) {
        if (q->peers[i].id == q->leader.id) {
            *ret_address = q->peers[i].address;
        }
    }
    return q->leader;
}

struct net_address quorum_address_of(const struct quorum *q, int32_t id)
{
    for (uint32_t i = 0; i < q->peer_count; i++) {
        if (q->peers[i].id == id) {
            return q->peers[i].address;
        }
    }
    return id == q->raft.config.self.id ? q->self_address : (struct net_address){0};
}

raft_index quorum_applied(const struct quorum *q)
{
    return q->applied;
}

raft_term quorum_term_at(const struct quorum *q, raft_index index)
{
    return raft_term_at(&q->raft, index);
}

const struct raft *quorum_raft(const struct quorum *q)
{
    return &q->raft;
}

struct raft_disk *quorum_store(struct quorum *q)
{
    return q->store;
}
