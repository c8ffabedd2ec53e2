#include "controller/node/machine.h"

#include "common/base/bytes.h"
#include "common/meta/codec/meta_codec.h"
#include "common/port/memory.h"

#define ORDER_CHUNK     ((size_t)8 << 10)
#define ORDER_MAX       ((size_t)256 << 20)
#define BATCH_BYTES_MAX ((size_t)RPC_BODY_MAX)
#define SNAPSHOT_MAX    ((size_t)1 << 30)

struct machine {
    struct loop *loop;
    struct heap *heap;
    struct trace *trace;
    struct quorum *quorum;
    const struct machine_events *events;
    void *ctx;
    struct controller_state state;
    struct machine_options options;
    struct slice cluster_id;
    bool active;
    bool failed; /* its image lacks something that is committed: it is the last one */
    bool deciding;
    struct list queue;   /* orders not decided yet */
    struct list waiting; /* decided; by wait_offset */
    struct timer timer;  /* COMMAND_TICK */
    struct buf bytes;    /* one encoded batch */
    int64_t bytes_since_snapshot;
};

static time_ms now_ms(const struct machine *m)
{
    return loop_now_us(m->loop) / 1000;
}

static void machine_fail(struct machine *m, const char *sentence)
{
    m->failed = true;
    m->events->failed(m->ctx, sentence);
}

/* ---- orders ---- */

struct order *order_new(struct machine *m)
{
    struct order *order = HEAP_NEW(m->heap, struct order);
    if (order != NULL) {
        arena_init(&order->arena, memory_source(loop_host(m->loop)), ORDER_CHUNK, ORDER_MAX);
    }
    return order;
}

void order_free(struct machine *m, struct order *order)
{
    assert(!list_linked(&order->node));
    arena_release(&order->arena);
    heap_free(m->heap, order, sizeof(*order));
}

static void order_end(struct machine *m, struct order *order, const struct answer *answer)
{
    if (answer != NULL) {
        news_tell(&order->news, &order->command, &m->options.settings, m->trace);
    }
    if (order->answer != NULL) {
        order->answer(m->ctx, order, answer);
    }
    order_free(m, order);
}

static void orders_refuse(struct machine *m, struct list *orders)
{
    for (struct list_node *node = list_pop(orders); node != NULL; node = list_pop(orders)) {
        order_end(m, CONTAINER_OF(node, struct order, node), NULL);
    }
}

/* ---- deciding ---- */

static void timer_set(struct machine *m)
{
    time_ms deadline = controller_deadline(&m->state);
    timer_arm(m->loop, &m->timer, deadline == TIME_NEVER ? TIME_NEVER : deadline * 1000);
}

static err_t batch_propose(struct machine *m, struct decision *decision, raft_index *ret_index,
                           raft_term *ret_term)
{
    *ret_index = -1;
    *ret_term = 0;
    if (decision->batch.count == 0) {
        return OK;
    }
    buf_clear(&m->bytes);
    TRY(meta_batch_encode(decision->batch, &m->bytes));
    return quorum_propose(m->quorum, buf_slice(&m->bytes), ret_index, ret_term);
}

static err_t order_decide(struct machine *m, struct order *order)
{
    decision_start(&order->decision, &order->arena);
    order->news = (struct decision_news){.broker_count = 0};
    do {
        raft_index index;
        raft_term term;
        TRY(controller_decide(&m->state, &order->command, now_ms(m), &order->decision));
        TRY(batch_propose(m, &order->decision, &index, &term));
        order->written = order->written || index >= 0;
        news_gather(&order->news, controller_newest(&m->state), order->decision.batch);
        TRY(controller_accept(&m->state, &order->decision, index, term, now_ms(m)));
    } while (order->decision.more);
    order->wait_offset = meta_offset(controller_newest(&m->state));
    return OK;
}

/* Who cannot decide, or write down what was decided, lets another one do it: what was not appended is dropped. */
static void give_up(struct machine *m)
{
    machine_following(m);
    quorum_transfer(m->quorum);
}

/* Decides what is queued, one order after the other. Commits may come from inside (a quorum of one): they only queue. */
static void orders_decide(struct machine *m)
{
    if (m->deciding) {
        return;
    }
    m->deciding = true;
    while (m->active && !list_empty(&m->queue)) {
        struct order *order = CONTAINER_OF(list_pop(&m->queue), struct order, node);
        err_t err = order_decide(m, order);
        if (err != OK) {
            trace_log(m->trace, TRACE_WARN, TRACE_STATE,
                      "a decision could not be written: %s; its asker will ask again",
                      err_text(err));
            order_end(m, order, NULL);
            give_up(m);
        } else if (order->wait_offset <= meta_offset(controller_committed(&m->state)) ||
                   MUTANT(27)) {
            order_end(m, order, &order->decision.answer);
        } else {
            list_push(&m->waiting, &order->node);
        }
    }
    m->deciding = false;
    if (!m->active) {
        orders_refuse(m, &m->queue);
        orders_refuse(m, &m->waiting);
    }
    timer_set(m);
}

void machine_submit(struct machine *m, struct order *order)
{
    if (!m->active) {
        order_end(m, order, NULL);
        return;
    }
    list_push(&m->queue, &order->node);
    orders_decide(m);
}

static void submit_own(struct machine *m, const struct command *command)
{
    struct order *order = order_new(m);
    if (order == NULL) {
        trace_log(m->trace, TRACE_WARN, TRACE_STATE,
                  "no memory left to decide anything; another controller is asked to take over");
        give_up(m);
        return;
    }
    order->command = *command;
    machine_submit(m, order);
}

static void on_timer(struct timer *timer)
{
    struct machine *m = CONTAINER_OF(timer, struct machine, timer);
    time_ms late = now_ms(m) - controller_deadline(&m->state);
    submit_own(
        m, &(struct command){.kind = COMMAND_TICK, .tick.late_ms = late > LOOP_LATE_MS ? late : 0});
}

static void answers_release(struct machine *m)
{
    int64_t committed = meta_offset(controller_committed(&m->state));
    while (!list_empty(&m->waiting)) {
        struct order *order = CONTAINER_OF(list_first(&m->waiting), struct order, node);
        if (order->wait_offset > committed) {
            return;
        }
        list_remove(&order->node);
        order_end(m, order, &order->decision.answer);
    }
}

/* ---- from the quorum ---- */

void machine_leading(struct machine *m, raft_term term)
{
    if (m->failed) { /* the node is stopping, and decides nothing by such an image */
        return;
    }
    trace_log(m->trace, TRACE_INFO, TRACE_STATE,
              "active controller of epoch %d, metadata offset %lld", term,
              (long long)meta_offset(controller_committed(&m->state)));
    m->active = true;
    if (meta_cluster_id(controller_committed(&m->state)).n == 0) {
        submit_own(
            m, &(struct command){.kind = COMMAND_BOOTSTRAP, .bootstrap.cluster_id = m->cluster_id});
    }
    if (m->active) { /* else it has given up */
        submit_own(m, &(struct command){.kind = COMMAND_NEW_ACTIVE});
    }
    if (m->active) {
        m->events->active(m->ctx, true);
    }
}

void machine_following(struct machine *m)
{
    bool was = m->active;
    m->active = false;
    controller_resign(&m->state);
    timer_cancel(m->loop, &m->timer);
    if (!m->deciding) {
        orders_refuse(m, &m->queue);
        orders_refuse(m, &m->waiting);
    }
    if (was) {
        m->events->active(m->ctx, false);
    }
}

err_t machine_pack(const struct meta_image *image, struct meta_cursor *cursor, struct arena *arena,
                   size_t bytes_max, struct buf *out, bool *ret_done)
{
    *ret_done = false;
    while (out->n < bytes_max) {
        struct meta_batch batch;
        arena_clear(arena); /* all records of a large image are several times as large as it is */
        TRY(meta_image_records(image, cursor, arena, PACK_RECORDS, &batch));
        if (batch.count == 0) {
            *ret_done = true;
            return OK;
        }
        size_t at = out->n;
        buf_put(out, "\0\0\0\0", 4);
        TRY(meta_batch_encode(batch, out));
        TRY(out->err);
        store_be32(out->p + at, (uint32_t)(out->n - at - 4));
    }
    return OK;
}

static void snapshot_maybe(struct machine *m)
{
    if (m->bytes_since_snapshot < m->options.snapshot_bytes ||
        raft_disk_saving(quorum_store(m->quorum))) {
        return;
    }
    struct arena arena;
    struct buf body;
    struct meta_cursor cursor = {0};
    bool done = false;
    arena_init(&arena, memory_source(loop_host(m->loop)), ORDER_CHUNK, SNAPSHOT_MAX);
    buf_init(&body, m->heap, SNAPSHOT_MAX);
    err_t err = machine_pack(controller_committed(&m->state), &cursor, &arena, SIZE_MAX, &body,
                             &done);
    if (err == OK) {
        err = quorum_snapshot(m->quorum, quorum_applied(m->quorum), buf_slice(&body));
    }
    if (err == OK) {
        trace_log(m->trace, TRACE_INFO, TRACE_STATE,
                  "snapshot of the metadata at offset %lld: %zu bytes",
                  (long long)quorum_applied(m->quorum), body.n);
        m->bytes_since_snapshot = 0;
    } else if (err != ERR_BUSY) {
        trace_log(m->trace, TRACE_WARN, TRACE_STATE,
                  "no snapshot of the metadata: %s; the log grows until one succeeds",
                  err_text(err));
        m->bytes_since_snapshot = 0;
    }
    buf_release(&body);
    arena_release(&arena);
}

static err_t batch_replay(struct machine *m, raft_index index, const struct raft_entry *entry)
{
    struct arena arena;
    struct meta_batch batch;
    arena_init(&arena, memory_source(loop_host(m->loop)), ORDER_CHUNK, ORDER_MAX);
    err_t err = meta_batch_decode(entry->payload, &arena, &batch, NULL);
    if (err == OK) {
        err = controller_replay(&m->state, batch, index, entry->term, &arena);
    }
    arena_release(&arena);
    return err;
}

void machine_committed(struct machine *m, raft_index index, const struct raft_entry *entry)
{
    struct slice payload = entry->kind == RAFT_DATA ? entry->payload : (struct slice){0};
    if (m->failed) { /* what follows may fit, and a snapshot of that would be there at the next start */
        return;
    }
    if (entry->kind == RAFT_DATA && m->active) {
        controller_commit(&m->state, index);
    } else if (entry->kind == RAFT_DATA) {
        err_t err = batch_replay(m, index, entry);
        if (err != OK) {
            trace_log(m->trace, TRACE_ERROR, TRACE_STATE,
                      "metadata batch at offset %lld cannot be applied: %s", (long long)index,
                      err_text(err));
            machine_fail(
                m,
                err == ERR_VERSION || err == ERR_TOO_LARGE
                    ? "the metadata log holds records of a newer version: upgrade this controller"
                : err == ERR_NO_MEMORY
                    ? "there is no memory for what the metadata log holds; with more, start again"
                    : "the metadata log does not fit its own state: restore this controller "
                      "from its peers by emptying its directory");
            return;
        }
    }
    m->bytes_since_snapshot += (int64_t)entry->payload.n;
    m->events->committed(m->ctx, index, entry->term, payload);
    if (m->active && !m->deciding) {
        answers_release(m);
    }
    snapshot_maybe(m);
}

static err_t body_apply(struct machine *m, struct slice body, struct arena *arena,
                        struct meta_image **image)
{
    while (body.n > 0) {
        ENSURE(body.n >= 4, ERR_CORRUPT);
        size_t n = load_be32(body.p);
        ENSURE(n <= body.n - 4, ERR_CORRUPT);
        struct meta_batch batch;
        struct meta_image *next;
        TRY(meta_batch_decode(slice_of(body.p + 4, n), arena, &batch, NULL));
        TRY(meta_image_apply(machine_store(m), *image, batch, meta_offset(*image),
                             meta_epoch(*image), arena, NULL, &next));
        meta_image_drop(machine_store(m), *image);
        *image = next;
        body.p += 4 + n;
        body.n -= 4 + n;
        arena_clear(arena);
    }
    return OK;
}

void machine_restored(struct machine *m, const struct raft_snapshot *snapshot, struct slice body)
{
    struct arena arena;
    arena_init(&arena, memory_source(loop_host(m->loop)), ORDER_CHUNK, SNAPSHOT_MAX);
    struct meta_image *image = meta_image_empty(machine_store(m));
    err_t err = image == NULL ? ERR_NO_MEMORY : body_apply(m, body, &arena, &image);
    arena_release(&arena);
    if (err != OK) {
        if (image != NULL) {
            meta_image_drop(machine_store(m), image);
        }
        machine_fail(m, "the newest snapshot of the metadata cannot be applied");
        return;
    }
    meta_image_position(image, snapshot->index, snapshot->term);
    controller_restore(&m->state, image);
    m->bytes_since_snapshot = 0;
}

/* ---- life ---- */

err_t machine_open(struct loop *loop, struct heap *heap, struct trace *trace,
                   const struct machine_options *options, const struct machine_events *events,
                   void *ctx, struct machine **ret_machine)
{
    struct machine *m = HEAP_NEW(heap, struct machine);
    ENSURE(m != NULL, ERR_NO_MEMORY);
    m->loop = loop;
    m->heap = heap;
    m->trace = trace;
    m->events = events;
    m->ctx = ctx;
    m->options = *options;
    m->timer.fire = on_timer;
    list_init(&m->queue);
    list_init(&m->waiting);
    buf_init(&m->bytes, heap, BATCH_BYTES_MAX);
    err_t err = controller_init(&m->state, heap, &m->options.settings, options->seed);
    if (err != OK) {
        heap_free(heap, m, sizeof(*m));
        return err;
    }
    *ret_machine = m;
    return OK;
}

void machine_close(struct machine *m)
{
    if (m != NULL) {
        timer_cancel(m->loop, &m->timer);
        m->active = false;
        orders_refuse(m, &m->queue);
        orders_refuse(m, &m->waiting);
        controller_release(&m->state);
        buf_release(&m->bytes);
        heap_free(m->heap, m, sizeof(*m));
    }
}

void machine_attach(struct machine *m, struct quorum *quorum)
{
    m->quorum = quorum;
}

void machine_set_cluster_id(struct machine *m, struct slice cluster_id)
{
    m->cluster_id = cluster_id;
}

bool machine_active(const struct machine *m)
{
    return m->active;
}

const struct meta_image *machine_image(const struct machine *m)
{
    return controller_committed(&m->state);
}

const struct controller_state *machine_state(const struct machine *m)
{
    return &m->state;
}

struct meta_store *machine_store(struct machine *m)
{
    return &m->state.store;
}

bool machine_contact(const struct machine *m, int32_t broker,
                     struct controller_contact *ret_contact)
{
    return m->active && controller_contact(&m->state, broker, ret_contact);
}
