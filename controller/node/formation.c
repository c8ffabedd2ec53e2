#include "controller/node/formation.h"

#include "common/log/meta_properties.h"
#include "common/port/entropy.h"
#include "common/wire/kafka_error.h"
#include "common/port/memory.h"

#define ASK_MS        100
#define ASK_WAIT_MS   1000
#define REDIAL_MIN_MS 5
#define REDIAL_MAX_MS 100
#define TELL_EVERY_MS 5000
/* So long a proposer waits for those that do not say that they have it, where a majority has. */
#define STRAGGLE_MS   1000

static void peer_dial(struct formation_peer *peer);

static void peer_rest(struct formation_peer *peer)
{
    struct loop *loop = peer->formation->rpc->loop;
    timer_arm(loop, &peer->redial, loop_now_us(loop) + peer->redial_ms * 1000);
    peer->redial_ms = min_i64(2 * peer->redial_ms, REDIAL_MAX_MS);
}

static void on_up(void *ctx, struct rpc_conn *conn, const Odradek__Hello *hello)
{
    struct formation_peer *peer = ctx;
    (void)conn;
    (void)hello;
    peer->up = true;
    peer->redial_ms = REDIAL_MIN_MS;
    loop_at_turn_end(peer->formation->rpc->loop, &peer->formation->look);
}

static void on_frame(void *ctx, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    (void)ctx;
    (void)conn;
    (void)frame;
}

static void on_down(void *ctx, struct rpc_conn *conn, err_t why)
{
    struct formation_peer *peer = ctx;
    (void)conn;
    (void)why;
    peer->conn = NULL;
    peer->up = false;
    peer->asked = ASKED_NOTHING;
    peer->empty = false;
    peer_rest(peer);
}

static const struct rpc_events peer_events = {.up = on_up, .frame = on_frame, .down = on_down};

static void on_redial(struct timer *timer)
{
    peer_dial(CONTAINER_OF(timer, struct formation_peer, redial));
}

static void peer_dial(struct formation_peer *peer)
{
    struct formation *f = peer->formation;
    if (rpc_dial(f->rpc, &peer->at.address, &peer_events, peer, &peer->conn) != OK) {
        peer->conn = NULL;
        peer_rest(peer);
    }
}

static void formed(struct formation *f)
{
    if (!f->formed) {
        f->formed = true;
        f->done(f->ctx);
    }
}

/* Writes the cluster down; from then on there is no way back. */
static void found(struct formation *f, struct slice cluster_id, const struct raft_voters *voters)
{
    err_t err = raft_disk_found(f->disk, cluster_id, voters);
    if (err != OK) {
        trace_log(f->trace, TRACE_ERROR, TRACE_QUORUM,
                  "the new cluster cannot be written to disk: %s; trying again", err_text(err));
        return;
    }
    trace_log(f->trace, TRACE_INFO, TRACE_QUORUM, "part of cluster %.*s with %u voters",
              (int)cluster_id.n, (const char *)cluster_id.p, voters->count);
}

static void tell_read(struct formation_peer *peer, const Odradek__FormationTell *tell)
{
    struct formation *f = peer->formation;
    struct raft_voters voters;
    if (tell->node == NULL || raft_wire_node_read(tell->node, &peer->node) != OK ||
        peer->node.id != peer->at.id) {
        return;
    }
    peer->empty = tell->empty;
    /* We may have proposed meanwhile, and this peer have agreed before it answered. */
    bool open = raft_disk_founding(f->disk)->cluster_id.n == 0;
    if (!tell->empty && open && raft_wire_voters_read(tell->voters, &voters) == OK &&
        voters.count > 0 && raft_disk_cluster_id_valid(slice_str(tell->cluster_id))) {
        found(f, slice_str(tell->cluster_id), &voters);
        if (raft_disk_founding(f->disk)->cluster_id.n > 0) {
            formed(f);
        }
    }
}

static void on_answer(struct rpc_call *call, err_t err, const Odradek__Frame *answer)
{
    struct formation_peer *peer = CONTAINER_OF(call, struct formation_peer, call);
    if (err != OK || answer->error != 0) {
        return;
    }
    if (answer->body_case == ODRADEK__FRAME__BODY_FORMATION_TELL) {
        tell_read(peer, answer->formation_tell);
    } else if (answer->body_case == ODRADEK__FRAME__BODY_DONE) {
        peer->done = true;
    }
    loop_at_turn_end(peer->formation->rpc->loop, &peer->formation->look);
}

static void peer_ask(struct formation_peer *peer)
{
    struct formation *f = peer->formation;
    Odradek__Node node = ODRADEK__NODE__INIT;
    node.id = f->self.id;
    node.directory = rpc_uuid(&f->self.directory);
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    Odradek__FormationAsk ask = ODRADEK__FORMATION_ASK__INIT;
    Odradek__FormationPropose propose = ODRADEK__FORMATION_PROPOSE__INIT;
    struct arena arena;
    arena_init(&arena, memory_source(loop_host(f->rpc->loop)), 1024, 16384);
    struct uuid_text text = uuid_print(f->cluster);
    if (f->proposing) {
        propose.cluster_id = text.s;
        propose.voters = raft_wire_voters(&f->voters, &arena);
        frame.body_case = ODRADEK__FRAME__BODY_FORMATION_PROPOSE;
        frame.formation_propose = &propose;
    } else {
        ask.node = &node;
        frame.body_case = ODRADEK__FRAME__BODY_FORMATION_ASK;
        frame.formation_ask = &ask;
    }
    peer->call.done = on_answer;
    rpc_ask(peer->conn, &peer->call, &frame, ASK_WAIT_MS);
    arena_release(&arena);
}

/* Everybody is empty and we have the lowest id: ours is the first word. It is on our own disk before anyone hears it. */
static void propose_maybe(struct formation *f)
{
    f->voters = (struct raft_voters){.count = 1, .node = {f->self}};
    uint32_t enough = MUTANT(90) ? f->peer_count / 2 + 1 : f->peer_count + 1;
    for (uint32_t i = 0; i < f->peer_count; i++) {
        if (f->peers[i].empty && f->peers[i].at.id > f->self.id) {
            f->voters.node[f->voters.count++] = f->peers[i].node;
        }
    }
    if (f->voters.count < enough) {
        return;
    }
    f->cluster = entropy_uuid(loop_host(f->rpc->loop));
    struct uuid_text text = uuid_print(f->cluster);
    found(f, slice_str(text.s), &f->voters);
    f->proposing = raft_disk_founding(f->disk)->cluster_id.n > 0;
    f->proposed_ms = loop_now_us(f->rpc->loop) / 1000;
}

static void waiting_tell(struct formation *f)
{
    time_ms now = loop_now_us(f->rpc->loop) / 1000;
    if (now < f->told_ms + TELL_EVERY_MS) {
        return;
    }
    f->told_ms = now;
    for (uint32_t i = 0; i < f->peer_count; i++) {
        if (!f->peers[i].empty) {
            trace_log(
                f->trace, TRACE_INFO, TRACE_QUORUM,
                "new cluster: waiting for controller %d at %s:%u; start it, or correct controller.quorum.voters",
                f->peers[i].at.id, f->peers[i].at.address.host, f->peers[i].at.address.port);
        }
    }
}

/* Whether the quorum may begin: everybody has the cluster on disk, or a majority after a while. Who is missing is told of it when it
 * asks. */
static bool founded(const struct formation *f)
{
    uint32_t done = 1;
    for (uint32_t i = 0; i < f->peer_count; i++) {
        done += f->peers[i].done;
    }
    bool late = loop_now_us(f->rpc->loop) / 1000 >= f->proposed_ms + STRAGGLE_MS;
    return done == f->peer_count + 1 || (late && done > (f->peer_count + 1) / 2);
}

/* again: a peer that was asked the same question before is asked once more. */
static void look(struct formation *f, bool again)
{
    if (!f->proposing && !f->formed) {
        propose_maybe(f);
        waiting_tell(f);
    }
    for (uint32_t i = 0; i < f->peer_count; i++) {
        struct formation_peer *peer = &f->peers[i];
        enum formation_question question = f->proposing ? ASKED_TO_AGREE : ASKED_STATE;
        if (peer->up && peer->call.conn == NULL && !peer->done &&
            (again || peer->asked != question)) {
            peer->asked = question;
            peer_ask(peer);
        }
    }
    if (f->proposing && founded(f)) {
        formed(f);
    }
}

static void on_look(struct turn_end *turn_end)
{
    look(CONTAINER_OF(turn_end, struct formation, look), false);
}

static void on_timer(struct timer *timer)
{
    struct formation *f = CONTAINER_OF(timer, struct formation, timer);
    timer_arm(f->rpc->loop, &f->timer, loop_now_us(f->rpc->loop) + ASK_MS * 1000);
    look(f, true);
}

void formation_open(struct formation *f, struct rpc *rpc, struct trace *trace,
                    struct raft_disk *disk, struct raft_node self,
                    const struct quorum_options *options, void (*done)(void *), void *ctx)
{
    *f = (struct formation){
        .rpc = rpc, .trace = trace, .disk = disk, .self = self, .done = done, .ctx = ctx};
    f->told_ms = loop_now_us(rpc->loop) / 1000;
    for (uint32_t i = 0; i < options->voter_count; i++) {
        if (options->voters[i].id == self.id) {
            continue;
        }
        struct formation_peer *peer = &f->peers[f->peer_count++];
        peer->formation = f;
        peer->at = options->voters[i];
        peer->node = RAFT_NOBODY;
        peer->redial.fire = on_redial;
        peer->redial_ms = REDIAL_MIN_MS;
        peer_dial(peer);
    }
    f->look.run = on_look;
    f->timer.fire = on_timer;
    timer_arm(rpc->loop, &f->timer,
              loop_now_us(rpc->loop) + (f->peer_count == 0 ? 0 : ASK_MS * 1000));
}

void formation_close(struct formation *f)
{
    timer_cancel(f->rpc->loop, &f->timer);
    for (uint32_t i = 0; i < f->peer_count; i++) {
        timer_cancel(f->rpc->loop, &f->peers[i].redial);
        if (f->peers[i].conn != NULL) {
            rpc_forget(&f->peers[i].call);
            rpc_close(f->peers[i].conn);
        }
    }
    f->peer_count = 0;
    f->formed = true; /* what is still to be looked at this turn founds nothing */
}

void formation_settled(struct formation *f, struct rpc *rpc, struct trace *trace,
                       struct raft_disk *disk, struct raft_node self)
{
    assert(raft_disk_founding(disk)->cluster_id.n > 0);
    *f = (struct formation){.rpc = rpc, .trace = trace, .disk = disk, .self = self, .formed = true};
}

void formation_proposed(struct formation *f, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    struct raft_voters voters;
    struct rpc_asker asker = rpc_asker_of(conn, frame);
    const Odradek__FormationPropose *propose = frame->formation_propose;
    if (raft_wire_voters_read(propose->voters, &voters) != OK ||
        !raft_disk_cluster_id_valid(slice_str(propose->cluster_id)) ||
        !raft_voters_has(&voters, f->self)) {
        rpc_refuse(f->rpc, asker, KAFKA_INVALID_REQUEST, "this cluster does not name my directory");
        return;
    }
    if (raft_disk_founding(f->disk)->cluster_id.n == 0) {
        found(f, slice_str(propose->cluster_id), &voters);
    }
    if (!slice_eq(raft_disk_founding(f->disk)->cluster_id, slice_str(propose->cluster_id))) {
        rpc_refuse(f->rpc, asker, KAFKA_INCONSISTENT_CLUSTER_ID,
                   "this controller belongs to another cluster already");
        return;
    }
    Odradek__Done done = ODRADEK__DONE__INIT;
    Odradek__Frame answer = ODRADEK__FRAME__INIT;
    answer.body_case = ODRADEK__FRAME__BODY_DONE;
    answer.done = &done;
    rpc_answer(f->rpc, asker, &answer);
    formed(f);
}

void formation_tell(struct rpc *rpc, struct rpc_conn *conn, const Odradek__Frame *frame,
                    const struct raft_disk *disk, struct raft_node self,
                    const struct raft_voters *now)
{
    const struct raft_founding *founding = raft_disk_founding(disk);
    struct arena arena;
    char cluster_id[CLUSTER_ID_MAX + 1] = "";
    arena_init(&arena, memory_source(loop_host(rpc->loop)), 1024, 16384);
    Odradek__Node node = ODRADEK__NODE__INIT;
    node.id = self.id;
    node.directory = rpc_uuid(&self.directory);
    Odradek__FormationTell tell = ODRADEK__FORMATION_TELL__INIT;
    tell.node = &node;
    tell.empty = founding->cluster_id.n == 0;
    if (founding->cluster_id.n > 0 && founding->cluster_id.n < sizeof(cluster_id)) {
        memcpy(cluster_id, founding->cluster_id.p, founding->cluster_id.n);
    }
    tell.cluster_id = cluster_id;
    tell.voters = raft_wire_voters(now != NULL ? now : &founding->voters, &arena);
    Odradek__Frame answer = ODRADEK__FRAME__INIT;
    answer.body_case = ODRADEK__FRAME__BODY_FORMATION_TELL;
    answer.formation_tell = &tell;
    rpc_answer(rpc, rpc_asker_of(conn, frame), &answer);
    arena_release(&arena);
}
