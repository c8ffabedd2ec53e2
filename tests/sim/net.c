/*
 * Streams: what one end sends at a turn's end travels in segments of seeded sizes with seeded delays, in order, and is read
 * in pieces of seeded sizes. A window bounds what is under way or unread, so that senders meet back-pressure.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/internal.h"

#define PUMP_MAX_US   20
#define SEGMENT_BYTES (64u << 10)
#define SCRATCH_BYTES (64u << 10)
#define FINISH_US     5000000
#define SYN_US        1000000 /* a dial knocks again */
#define CLOG_LOOK_US  50000

enum conn_state {
    CONN_DIALLED,  /* on its way */
    CONN_ACCEPTED, /* not started yet */
    CONN_OPEN,
    CONN_FINISHING,
    CONN_CLOSED,
};

struct net_conn {
    struct list_node node; /* among all of the world */
    struct world *world;
    struct machine *machine;
    struct loop *loop;
    struct net_conn *other; /* NULL until the dial has arrived */
    enum conn_state state;
    const struct net_events *events;
    void *ctx;
    struct net_address address; /* of a dial */
    struct chain out;
    size_t under_way; /* sent, not read by the other side yet */
    time_us arrives;  /* when the last segment sent gets there */
    uint64_t sent;    /* segments and FINs */
    uint64_t got;     /* of the other side's, in order */
    time_us held;     /* when the one held up longest comes again */
    time_us clogged;  /* nothing that the other side sends gets here before */
    bool silent;      /* its machine lost its power: whoever sends here is told by a reset, later */
    bool probing;     /* the question whether that machine is back is under way */
    bool deaf;        /* reset: what was under way does not arrive */
    struct buf_in {
        uint8_t *p;
        size_t n;
        size_t room;
    } in;
    bool fin; /* behind what is in `in`, nothing comes */
    bool paused;
    bool pumping; /* an event will read */
    struct turn_end flush;
    struct timer finish_timer;
    char peer[HOST_NAME_MAX_BYTES + 16];
};

struct net_listener {
    struct list_node node;
    struct loop *loop;
    struct net_address address;
    net_accept_fn *accept;
    void *ctx;
};

static void push(struct net_conn *conn, time_us at, enum event_kind kind, uint8_t *bytes, size_t n)
{
    world_push(conn->world, at, (struct event){.kind = kind, .conn = conn, .bytes = bytes, .n = n});
}

static time_us link_delay(struct net_conn *conn)
{
    const struct world_habits *habits = &conn->world->habits;
    return world_delay(conn->world, STREAM_NETWORK, habits->link_min_us, habits->link_max_us);
}

static struct net_conn *conn_new(struct machine *machine)
{
    struct net_conn *conn = calloc(1, sizeof(*conn));
    assert(conn != NULL);
    conn->world = machine->world;
    conn->machine = machine;
    list_push(&machine->world->conns, &conn->node);
    return conn;
}

bool net_sending(const struct machine *machine)
{
    LIST_EACH(&machine->world->conns, node)
    {
        const struct net_conn *conn = CONTAINER_OF(node, struct net_conn, node);
        if (conn->machine == machine && conn->out.head != NULL) {
            return true;
        }
    }
    return false;
}

/* ---- sending ---- */

/* When something sent now reaches the other side: never before what was sent earlier. */
static time_us arrival(struct net_conn *conn)
{
    conn->arrives = max_i64(conn->arrives, conn->world->now + link_delay(conn));
    return conn->arrives;
}

/* Segments and FINs arrive in the order in which they were sent. */
static void push_ordered(struct net_conn *conn, enum event_kind kind, uint8_t *bytes, size_t n)
{
    world_push(
        conn->world, arrival(conn),
        (struct event){
            .kind = kind, .conn = conn->other, .bytes = bytes, .n = n, .order = conn->sent++});
}

static bool piece_copy(const struct chain_piece *piece, uint8_t *to, size_t n)
{
    size_t got = n;
    if (piece->kind == CHAIN_MEMORY) {
        memcpy(to, piece->memory.at, n);
        return true;
    }
    return disk_read(piece->file.file, piece->file.at, to, n, &got) == OK && got == n;
}

static size_t some_of(struct world *world, size_t n)
{
    struct prng *prng = &world->prng[STREAM_NETWORK];
    return prng_chance(prng, world->habits.whole_per_mille) ? n : 1 + prng_below(prng, n);
}

static void conn_close(struct net_conn *conn, bool crash);

static void conn_fail(struct net_conn *conn, err_t why)
{
    bool silent = conn->state == CONN_FINISHING;
    conn_close(conn, false);
    if (!silent) {
        conn->events->closed(conn->ctx, why);
    }
}

/* One segment of at most n bytes; false: a file was cut under its range. */
static bool segment_send(struct net_conn *conn, size_t n)
{
    uint8_t *bytes = malloc(n);
    size_t filled = 0;
    assert(bytes != NULL);
    while (filled < n) {
        const struct chain_piece *piece = conn->out.head;
        size_t take = piece->left < n - filled ? piece->left : n - filled;
        if (!piece_copy(piece, bytes + filled, take)) {
            free(bytes);
            return false;
        }
        filled += take;
        chain_consume(&conn->out, take);
    }
    conn->under_way += n;
    push_ordered(conn, EVENT_SEGMENT, bytes, n);
    return true;
}

/* Nothing more fits into the window of a machine that lost its power: it is asked from time to time whether it has room again. */
static void window_probe(struct net_conn *conn)
{
    if (conn->other != NULL && conn->other->silent && conn->out.bytes > 0 && !conn->probing) {
        conn->probing = true;
        push_ordered(conn, EVENT_SEGMENT, NULL, 0);
    }
}

static void conn_flush(struct net_conn *conn)
{
    assert(conn->state == CONN_OPEN || conn->state == CONN_FINISHING);
    bool had = conn->out.bytes > 0;
    size_t window = conn->world->habits.window_bytes;
    while (conn->out.bytes > 0 && conn->under_way < window) {
        size_t n = min_i64((int64_t)conn->out.bytes, (int64_t)(window - conn->under_way));
        n = some_of(conn->world, n < SEGMENT_BYTES ? n : SEGMENT_BYTES);
        if (!segment_send(conn, n)) {
            conn_fail(conn, ERR_IO);
            return;
        }
    }
    if (conn->out.bytes > 0) {
        window_probe(conn);
        return;
    }
    if (conn->state == CONN_FINISHING) {
        conn_close(conn, false);
    } else if (had && conn->events->drained != NULL) {
        conn->events->drained(conn->ctx);
    }
}

static void on_flush(struct turn_end *end)
{
    conn_flush(CONTAINER_OF(end, struct net_conn, flush));
}

static void flush_soon(struct net_conn *conn)
{
    conn->flush.run = on_flush;
    loop_at_turn_end(conn->loop, &conn->flush);
}

void net_send(struct net_conn *conn, struct chain *chain)
{
    if (conn->state == CONN_CLOSED || conn->state == CONN_FINISHING) {
        chain_release(chain);
        return;
    }
    assert(conn->loop == conn->world->running); /* a connection is touched on its loop only */
    if (conn->out.heap == NULL) {
        chain_init(&conn->out, chain->heap);
    }
    chain_append(&conn->out, chain);
    if (conn->state == CONN_OPEN) {
        flush_soon(conn);
    }
}

size_t net_unsent_bytes(const struct net_conn *conn)
{
    return conn->out.bytes;
}

/* ---- closing ---- */

static void conn_close(struct net_conn *conn, bool crash)
{
    assert(conn->state != CONN_CLOSED);
    conn->state = CONN_CLOSED;
    list_remove(&conn->node);
    list_push(&conn->world->closed, &conn->node);
    if (conn->other != NULL && conn->other->state != CONN_CLOSED) {
        if (!conn->silent) {
            push_ordered(conn, EVENT_FIN, NULL, 0);
        }
    }
    if (!crash) {
        if (conn->out.heap != NULL) {
            chain_release(&conn->out);
        }
        list_remove(&conn->flush.node);
        list_remove(&conn->finish_timer.node);
    }
    memset(&conn->out, 0, sizeof(conn->out));
    free(conn->in.p);
    memset(&conn->in, 0, sizeof(conn->in));
}

void net_close(struct net_conn *conn)
{
    if (conn->state != CONN_CLOSED) {
        assert(conn->loop == NULL || conn->loop == conn->world->running ||
               conn->world->running == NULL);
        conn_close(conn, false);
    }
}

static void on_finish_timer(struct timer *timer)
{
    conn_close(CONTAINER_OF(timer, struct net_conn, finish_timer), false);
}

void net_finish(struct net_conn *conn)
{
    if (conn->state != CONN_OPEN || conn->out.bytes == 0) {
        net_close(conn);
        return;
    }
    conn->state = CONN_FINISHING;
    conn->finish_timer.fire = on_finish_timer;
    timer_arm(conn->loop, &conn->finish_timer, loop_now_us(conn->loop) + FINISH_US);
    flush_soon(conn);
}

/* ---- receiving ---- */

static void pump_soon(struct net_conn *conn)
{
    bool something = conn->in.n > 0 || conn->fin;
    if (something && !conn->pumping && !conn->paused && conn->state == CONN_OPEN) {
        conn->pumping = true;
        push(conn, conn->world->now + world_delay(conn->world, STREAM_SCHEDULE, 0, PUMP_MAX_US),
             EVENT_PUMP, NULL, 0);
    }
}

/* One read, into the owner's room or the scratch. */
static void read_once(struct net_conn *conn)
{
    size_t room = 0;
    uint8_t *scratch = NULL;
    uint8_t *p = conn->events->room == NULL ? NULL : conn->events->room(conn->ctx, &room);
    room = p == NULL ? SCRATCH_BYTES : room;
    assert(room > 0);
    size_t n = some_of(conn->world, conn->in.n < room ? conn->in.n : room);
    if (p == NULL) {
        p = scratch = malloc(n);
        assert(p != NULL);
    }
    memcpy(p, conn->in.p, n);
    conn->in.n -= n;
    memmove(conn->in.p, conn->in.p + n, conn->in.n);
    if (conn->other->out.bytes == 0) { /* nobody waits for room */
        assert(conn->other->under_way >= n);
        conn->other->under_way -= n;
    } else {
        push(conn->other, conn->world->now + conn->world->habits.link_min_us, EVENT_WRITABLE, NULL,
             n);
    }
    conn->events->bytes(conn->ctx, p, n);
    free(scratch);
}

static void conn_pump(struct net_conn *conn)
{
    conn->pumping = false;
    if (conn->paused) {
        return;
    }
    if (conn->in.n > 0) {
        read_once(conn);
    } else if (conn->fin) {
        conn_fail(conn, ERR_CLOSED);
        return;
    }
    pump_soon(conn);
}

static void conn_arrived(struct net_conn *conn, const uint8_t *p, size_t n)
{
    struct buf_in *in = &conn->in;
    if (in->n + n > in->room) {
        in->room = (in->n + n) * 2;
        in->p = realloc(in->p, in->room);
        assert(in->p != NULL);
    }
    memcpy(in->p + in->n, p, n);
    in->n += n;
    world_mix_bytes(conn->world, p, n);
    pump_soon(conn);
}

void net_read_pause(struct net_conn *conn)
{
    conn->paused = true;
}

void net_read_resume(struct net_conn *conn)
{
    conn->paused = false;
    pump_soon(conn);
}

/* ---- listening and dialling ---- */

err_t net_listen(struct loop *loop, const struct net_address *address, int backlog,
                 net_accept_fn *accept, void *ctx, struct net_listener **ret_listener)
{
    struct world *world = loop->world;
    assert(backlog > 0);
    ENSURE(strcmp(address->host, loop->machine->address) == 0, ERR_UNREACHABLE);
    LIST_EACH(&world->listeners, node)
    {
        const struct net_listener *there = CONTAINER_OF(node, struct net_listener, node);
        ENSURE(there->address.port != address->port || address->port == 0 ||
                   strcmp(there->address.host, address->host) != 0,
               ERR_EXISTS);
    }
    struct net_listener *listener = calloc(1, sizeof(*listener));
    assert(listener != NULL);
    *listener = (struct net_listener){
        .loop = loop, .address = *address, .accept = accept, .ctx = ctx};
    if (address->port == 0) {
        listener->address.port = world->next_port++;
    }
    list_push(&world->listeners, &listener->node);
    *ret_listener = listener;
    return OK;
}

void net_listener_buffers(struct net_listener *listener, int send_bytes, int receive_bytes)
{
    (void)listener; /* the fake net's buffers are as they are */
    assert(send_bytes >= -1 && receive_bytes >= -1);
}

void net_listener_watch(struct net_listener *listener, net_full_fn *full)
{
    assert(listener != NULL && full != NULL); /* the fake world has descriptors without end */
}

uint16_t net_listener_port(const struct net_listener *listener)
{
    return listener->address.port;
}

void net_unlisten(struct net_listener *listener)
{
    if (listener != NULL) {
        list_remove(&listener->node);
        free(listener);
    }
}

err_t net_dial(struct loop *loop, const struct net_address *address,
               const struct net_events *events, void *ctx, struct net_conn **ret_conn)
{
    assert(loop->world->running == loop && events->closed != NULL && events->bytes != NULL);
    struct net_conn *conn = conn_new(loop->machine);
    conn->loop = loop;
    conn->state = CONN_DIALLED;
    conn->events = events;
    conn->ctx = ctx;
    conn->address = *address;
    (void)snprintf(conn->peer, sizeof(conn->peer), "%s:%u", address->host, address->port);
    push(conn, arrival(conn), EVENT_CONNECT, NULL, 0);
    *ret_conn = conn;
    return OK;
}

static struct net_listener *listener_find(struct world *world, const struct net_address *address)
{
    LIST_EACH(&world->listeners, node)
    {
        struct net_listener *listener = CONTAINER_OF(node, struct net_listener, node);
        if (listener->address.port == address->port &&
            strcmp(listener->address.host, address->host) == 0) {
            return listener;
        }
    }
    return NULL;
}

/* The dial is there. The acceptor's turn; the answer travels back. */
static void conn_connect(struct net_conn *conn)
{
    struct net_listener *listener = listener_find(conn->world, &conn->address);
    if (listener != NULL) {
        struct net_conn *accepted = conn_new(listener->loop->machine);
        accepted->state = CONN_ACCEPTED;
        accepted->other = conn;
        conn->other = accepted;
        (void)snprintf(accepted->peer, sizeof(accepted->peer), "%s:%u", conn->machine->address,
                       conn->world->next_port++);
        push(conn, arrival(accepted), EVENT_OPENED, NULL, 0);
        struct loop *loop = listener->loop;
        actor_begin(loop);
        listener->accept(listener->ctx, accepted);
        actor_end(loop);
    } else {
        if (conn->world->lingers != NULL &&
            conn->world->lingers == machine_at(conn->world, conn->address.host)) {
            conn->other = conn_new(conn->world->lingers);
            conn->other->state = CONN_ACCEPTED;
            conn->other->other = conn;
        }
        push(conn, arrival(conn), EVENT_OPENED, NULL, 0);
    }
}

void world_linger(struct host *host, bool lingers)
{
    struct machine *machine = fake_machine_of(host);
    struct world *world = machine->world;
    assert(lingers ? world->lingers == NULL : world->lingers == machine);
    world->lingers = lingers ? machine : NULL;
    for (struct list_node *node = world->conns.head.next, *next; node != &world->conns.head;
         node = next) {
        next = node->next;
        struct net_conn *conn = CONTAINER_OF(node, struct net_conn, node);
        if (!lingers && conn->machine == machine && conn->loop == NULL &&
            conn->state == CONN_ACCEPTED) {
            conn_close(conn, true);
        }
    }
}

static void conn_opened(struct net_conn *conn)
{
    if (conn->other == NULL) {
        conn_fail(conn, ERR_REFUSED);
        return;
    }
    conn->state = CONN_OPEN;
    if (conn->out.bytes > 0) {
        flush_soon(conn);
    }
    if (conn->events->opened != NULL) {
        conn->events->opened(conn->ctx);
    }
    if (conn->state == CONN_OPEN) {
        pump_soon(conn);
    }
}

void net_start(struct loop *loop, struct net_conn *conn, const struct net_events *events, void *ctx)
{
    assert(conn->state == CONN_ACCEPTED && events->bytes != NULL && events->closed != NULL);
    assert(loop->world->running == loop && loop->machine == conn->machine);
    conn->loop = loop;
    conn->events = events;
    conn->ctx = ctx;
    conn->state = CONN_OPEN;
    pump_soon(conn);
}

const char *net_peer(const struct net_conn *conn)
{
    return conn->peer;
}

/* ---- events ---- */

static void turn_of_conn(struct net_conn *conn, void (*what)(struct net_conn *))
{
    struct loop *loop = conn->loop;
    actor_begin(loop);
    what(conn);
    actor_end(loop);
}

/* Who sent what comes with an event, and who gets it; NULL: nobody there. */
static void way_of(struct world *world, const struct event *event, struct machine **ret_from,
                   struct machine **ret_to)
{
    struct net_conn *conn = event->conn;
    struct machine *other = conn->other != NULL ? conn->other->machine
                                                : machine_at(world, conn->address.host);
    bool comes = event->kind != EVENT_CONNECT;
    *ret_from = comes ? other : conn->machine;
    *ret_to = comes ? conn->machine : other;
}

struct machine *net_event_machine(struct world *world, const struct event *event)
{
    struct machine *from = NULL;
    struct machine *to = NULL;
    way_of(world, event, &from, &to);
    /* The kernel takes segments also for a process that sleeps. */
    return event->kind == EVENT_SEGMENT || event->kind == EVENT_FIN ? NULL : to;
}

struct loop *net_event_loop(struct world *world, const struct event *event)
{
    struct net_conn *conn = event->conn;
    struct net_listener *listener = NULL;
    switch (event->kind) {
    case EVENT_CONNECT:
        listener = listener_find(world, &conn->address);
        return listener == NULL ? NULL : listener->loop;
    case EVENT_SEGMENT:
    case EVENT_FIN: return NULL;
    default: return conn->loop;
    }
}

/* true: it does not arrive now. */
static bool net_held(struct world *world, const struct event *event, struct event *again)
{
    struct machine *from = NULL;
    struct machine *to = NULL;
    way_of(world, event, &from, &to);
    if (event->kind == EVENT_PUMP || from == NULL || to == NULL) {
        return false;
    }
    bool ordered = event->kind == EVENT_SEGMENT || event->kind == EVENT_FIN;
    time_us at = world->cut_until[from->number][to->number];
    if (ordered && event->conn->clogged > world->now) {
        /* Looked at again soon, for it may be healed before. */
        at = max_i64(at, min_i64(event->conn->clogged, world->now + CLOG_LOOK_US));
    }
    if (at > world->now) {
        at++;
    } else if (ordered && event->order != event->conn->got) {
        at = max_i64(world->now, event->conn->held) + 1; /* an earlier one was held up */
    } else if (to->off && (event->kind == EVENT_CONNECT || ordered)) { /* sent again and again */
        at = world->now + SYN_US;
    } else {
        return false;
    }
    event->conn->held = ordered ? max_i64(event->conn->held, at) : event->conn->held;
    *again = *event;
    world_push(world, at, *again);
    return true;
}

static void conn_event(struct net_conn *conn, const struct event *event)
{
    switch (event->kind) {
    case EVENT_CONNECT: conn_connect(conn); break;
    case EVENT_OPENED: turn_of_conn(conn, conn_opened); break;
    case EVENT_SEGMENT:
        if (!conn->deaf) {
            conn_arrived(conn, event->bytes, event->n);
        }
        break;
    case EVENT_FIN:
        conn->fin = true;
        pump_soon(conn);
        break;
    case EVENT_PUMP:
        if (conn->state == CONN_OPEN) {
            turn_of_conn(conn, conn_pump);
        }
        break;
    case EVENT_WRITABLE:
        assert(conn->under_way >= event->n);
        conn->under_way -= event->n;
        if (conn->out.bytes > 0) {
            turn_of_conn(conn, conn_flush);
        }
        break;
    default: assert(!"an event of a loop");
    }
}

bool net_event(struct world *world, const struct event *event)
{
    struct net_conn *conn = event->conn;
    struct event again;
    assert(conn->world == world);
    world_mix(world, (uint64_t)event->kind << 32 | (conn->loop == NULL ? 0 : conn->loop->number));
    if (net_held(world, event, &again)) {
        return true;
    }
    conn->got += event->kind == EVENT_SEGMENT || event->kind == EVENT_FIN;
    if (conn->state != CONN_CLOSED) {
        conn_event(conn, event);
    } else if (conn->silent && event->kind == EVENT_SEGMENT && !conn->machine->off) {
        conn->silent = false;
        push_ordered(conn, EVENT_FIN, NULL, 0);
    }
    return false;
}

static void conn_reset(struct net_conn *conn)
{
    struct prng *prng = &conn->world->prng[STREAM_NETWORK];
    conn->deaf = prng_chance(prng, 700);
    conn->fin = true;
    pump_soon(conn);
}

void world_reset(struct host *a, struct host *b)
{
    struct world *world = fake_machine_of(a)->world;
    LIST_EACH(&world->conns, node)
    {
        struct net_conn *conn = CONTAINER_OF(node, struct net_conn, node);
        bool between = conn->other != NULL &&
                       ((conn->machine->host == a && conn->other->machine->host == b) ||
                        (conn->machine->host == b && conn->other->machine->host == a));
        if (between) {
            conn_reset(conn);
        }
    }
}

void world_unclog(struct world *world)
{
    LIST_EACH(&world->conns, node)
    {
        CONTAINER_OF(node, struct net_conn, node)->clogged = 0;
    }
}

uint32_t world_clog(struct host *from, struct host *to, uint64_t which, time_us until)
{
    struct world *world = fake_machine_of(from)->world;
    uint32_t count = 0;
    LIST_EACH(&world->conns, node)
    {
        struct net_conn *conn = CONTAINER_OF(node, struct net_conn, node);
        if (conn->other == NULL || conn->machine->host != to ||
            conn->other->machine->host != from || conn->state != CONN_OPEN ||
            conn->other->state != CONN_OPEN) {
            continue;
        }
        if (which >> (count & 63) & 1) {
            conn->clogged = until;
        }
        count++;
    }
    return count;
}

void net_loop_end(struct loop *loop, bool crash, bool silent)
{
    struct world *world = loop->world;
    for (struct list_node *node = world->listeners.head.next, *next; node != &world->listeners.head;
         node = next) {
        next = node->next;
        struct net_listener *listener = CONTAINER_OF(node, struct net_listener, node);
        if (listener->loop == loop) {
            net_unlisten(listener);
        }
    }
    for (struct list_node *node = world->conns.head.next, *next; node != &world->conns.head;
         node = next) {
        next = node->next;
        struct net_conn *conn = CONTAINER_OF(node, struct net_conn, node);
        bool lost = crash && conn->loop == NULL && conn->machine == loop->machine;
        if (conn->loop == loop || lost) {
            conn->silent = silent;
            conn_close(conn, crash);
            if (conn->other != NULL && conn->other->state == CONN_OPEN) {
                window_probe(conn->other);
            }
        }
    }
}

void net_release(struct world *world)
{
    struct list *lists[] = {&world->conns, &world->closed};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (struct list_node *node = list_pop(lists[i]); node != NULL; node = list_pop(lists[i])) {
            struct net_conn *conn = CONTAINER_OF(node, struct net_conn, node);
            free(conn->in.p);
            free(conn);
        }
    }
}
