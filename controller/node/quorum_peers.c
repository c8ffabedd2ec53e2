#include "controller/node/quorum_internal.h"

#define REDIAL_MIN_MS 20
#define REDIAL_MAX_MS 250
/* A peer that does not take what we send: older messages are worthless, so none are added to the pile. */
#define UNSENT_MAX    ((size_t)32 << 20)
#define APPEND_MAX    ((size_t)4 << 20)
#define ALONE_ASKS    4 /* half seconds that a voter waits for a leader */

static void peer_dial(struct quorum_peer *peer);

/* One of us, so that nobody stands against it, need not wait for an election time-out where nobody ever led. */
static void gathered_maybe(struct quorum *q)
{
    bool all_up = raft_current_term(&q->raft) == 0;
    for (uint32_t i = 0; i < q->peer_count; i++) {
        all_up = all_up && q->peers[i].up && q->raft.config.self.id < q->peers[i].id;
    }
    if (all_up) {
        struct raft_event event = {.kind = RAFT_EV_GATHERED};
        quorum_step(q, &event);
    }
}

static void on_up(void *ctx, struct rpc_conn *conn, const Odradek__Hello *hello)
{
    struct quorum_peer *peer = ctx;
    (void)conn;
    peer->up = true;
    peer->backoff_ms = REDIAL_MIN_MS;
    if (raft_wire_node_read(hello->node, &peer->node) != OK || peer->node.id != peer->id) {
        trace_log(peer->quorum->trace, TRACE_WARN, TRACE_QUORUM,
                  "controller %d at %s calls itself %d; check controller.quorum.voters", peer->id,
                  rpc_peer(conn), hello->node->id);
    }
    quorum_ask_to_observe(peer->quorum);
    gathered_maybe(peer->quorum);
}

static void on_frame(void *ctx, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    (void)ctx;
    (void)conn;
    (void)frame; /* peers speak on connections that they dialled */
}

static void peer_rest(struct quorum_peer *peer)
{
    struct quorum *q = peer->quorum;
    time_ms jitter = (time_ms)(prng_u64(&q->raft.prng) % (uint64_t)peer->backoff_ms);
    timer_arm(q->loop, &peer->redial, loop_now_us(q->loop) + (peer->backoff_ms + jitter) * 1000);
    peer->backoff_ms = min_i64(peer->backoff_ms * 2, REDIAL_MAX_MS);
}

static void on_down(void *ctx, struct rpc_conn *conn, err_t why)
{
    struct quorum_peer *peer = ctx;
    struct quorum *q = peer->quorum;
    (void)conn;
    bool was_up = peer->up;
    peer->conn = NULL;
    peer->up = false;
    peer_rest(peer);
    if ((was_up && why == ERR_CLOSED) || why == ERR_REFUSED) {
        struct raft_node node = was_up ? peer->node : q->leader;
        if (node.id == peer->id) {
            struct raft_event event = {.kind = RAFT_EV_PEER_CLOSED, .node = node};
            quorum_step(q, &event);
        }
    }
}

static const struct rpc_events peer_events = {.up = on_up, .frame = on_frame, .down = on_down};

static void on_redial(struct timer *timer)
{
    peer_dial(CONTAINER_OF(timer, struct quorum_peer, redial));
}

static void peer_dial(struct quorum_peer *peer)
{
    assert(peer->conn == NULL);
    if (rpc_dial(peer->quorum->rpc, &peer->address, &peer_events, peer, &peer->conn) != OK) {
        peer->conn = NULL;
        peer_rest(peer);
    }
}

void quorum_peers_open(struct quorum *q, const struct quorum_options *options)
{
    for (uint32_t i = 0; i < options->voter_count; i++) {
        if (options->voters[i].id == options->raft.self.id) {
            q->self_address = options->voters[i].address;
            continue;
        }
        struct quorum_peer *peer = &q->peers[q->peer_count++];
        peer->quorum = q;
        peer->id = options->voters[i].id;
        peer->address = options->voters[i].address;
        peer->backoff_ms = REDIAL_MIN_MS;
        peer->redial.fire = on_redial;
        peer_dial(peer);
    }
}

void quorum_peers_close(struct quorum *q)
{
    for (uint32_t i = 0; i < q->peer_count; i++) {
        timer_cancel(q->loop, &q->peers[i].redial);
        if (q->peers[i].conn != NULL) {
            rpc_close(q->peers[i].conn);
        }
    }
}

static err_t append_cargo(struct quorum *q, struct raft_append *append, struct raft_cargo *cargo)
{
    if (append->last < append->first) {
        return OK;
    }
    struct raft_entry *entries;
    TRY(raft_disk_read(q->store, append->first, append->last, APPEND_MAX, &q->scratch, &entries,
                       &cargo->entry_count));
    cargo->entries = entries;
    return OK;
}

/* A large append goes in several messages, each behind the last entry of the one before. */
static err_t append_send(struct quorum *q, struct rpc_conn *conn,
                         const struct raft_message *message)
{
    struct raft_message part = *message;
    raft_index last = message->append.last;
    do {
        struct raft_cargo cargo = {0};
        part.append.last = last;
        TRY(append_cargo(q, &part.append, &cargo));
        part.append.last = part.append.first + (raft_index)cargo.entry_count - 1;
        TRY(raft_wire_send(conn, &part, &cargo, &q->scratch));
        if (cargo.entry_count > 0) {
            part.append.prev_index = part.append.last;
            part.append.prev_term = cargo.entries[cargo.entry_count - 1].term;
            part.append.first = part.append.last + 1;
        }
    } while (part.append.first <= last);
    return OK;
}

static err_t chunk_send(struct quorum *q, struct rpc_conn *conn, const struct raft_message *message)
{
    struct raft_message chunk = *message;
    struct raft_cargo cargo = {0};
    TRY(raft_disk_snapshot_chunk(q->store, chunk.chunk.snapshot.index, chunk.chunk.offset,
                                 RPC_CHUNK_MAX, &q->scratch, &cargo.chunk, &chunk.chunk.last));
    chunk.chunk.bytes = cargo.chunk.n;
    return raft_wire_send(conn, &chunk, &cargo, &q->scratch);
}

static struct quorum_peer *peer_of(struct quorum *q, int32_t id)
{
    for (uint32_t i = 0; i < q->peer_count; i++) {
        if (q->peers[i].id == id) {
            return &q->peers[i];
        }
    }
    return NULL;
}

void quorum_send(struct quorum *q, const struct raft_message *message)
{
    struct quorum_peer *peer = peer_of(q, message->to.id);
    if (peer == NULL || !peer->up || rpc_unsent_bytes(peer->conn) > UNSENT_MAX) {
        return; /* Raft repeats what matters */
    }
    err_t err;
    switch (message->kind) {
    case RAFT_APPEND: err = append_send(q, peer->conn, message); break;
    case RAFT_SEND_SNAPSHOT: err = chunk_send(q, peer->conn, message); break;
    default: err = raft_wire_send(peer->conn, message, &(struct raft_cargo){0}, &q->scratch); break;
    }
    if (err != OK) {
        trace_log(q->trace, TRACE_WARN, TRACE_QUORUM,
                  "%s to controller %d not sent: %s; it will be repeated",
                  raft_message_name(message->kind), message->to.id, err_text(err));
    }
}

/* Also a voter that no leader speaks to for a while: it may be one by an entry that was never committed, which no leader has, so that
 * nobody would ever send it what it lacks. To a leader whose voter it is that tells nothing. */
void quorum_ask_to_observe(struct quorum *q)
{
    const struct raft_node *self = &q->raft.config.self;
    if (raft_voters_has(raft_voters_now(&q->raft), *self) && q->alone < ALONE_ASKS) {
        return;
    }
    Odradek__Node node = ODRADEK__NODE__INIT;
    node.id = self->id;
    node.directory = rpc_uuid(&self->directory);
    Odradek__FormationAsk ask = ODRADEK__FORMATION_ASK__INIT;
    ask.node = &node;
    for (uint32_t i = 0; i < q->peer_count; i++) {
        if (q->peers[i].up) {
            Odradek__Frame frame = ODRADEK__FRAME__INIT;
            frame.body_case = ODRADEK__FRAME__BODY_FORMATION_ASK;
            frame.formation_ask = &ask;
            rpc_send(q->peers[i].conn, &frame);
        }
    }
}
