/* What an active controller does with the connections of brokers, and with words that come by one it does not push the metadata to. */
#include "common/port/clock.h"
#include "common/wire/kafka_error.h"
#include "controller/node/controller_node.h"
#include "tests/unit/controller/node/store_site.h"

#define SECOND     INT64_C(1000000)
#define PORT       9093
#define BROKER     101
#define FAR        102
/* Brokers that were registered once, with all that a record can hold, and the bytes of metadata between two snapshots. */
#define PAST       1600
#define PAST_FIRST 1000
#define PAST_BYTES ((int64_t)2 << 20)

/* A process of broker 101, or of one far away. */
struct process {
    struct stage *stage;
    struct store_site *at;
    struct rpc rpc;
    Odradek__Hello hello;
    Odradek__Node self;
    struct uuid incarnation;
    struct rpc_conn *conn; /* NULL: it is not up, or has ended */
    struct rpc_call call;
    bool answered; /* or nobody will */
    int32_t error;
    int64_t reached; /* what it has of the metadata, and of which term */
    int32_t epoch;
    bool follows;
    int32_t past; /* whom it registers */
};

struct stage {
    struct world *world;
    struct host *host;
    struct trace trace;
    struct controller_node *node;
    bool halted;
    struct store_site broker;
    struct store_site away;
    struct process processes[4]; /* one after the other */
    struct process far;
};

static const struct net_address address = {.host = "10.0.0.1", .port = PORT};

static void written(void *ctx, struct slice line)
{
    cr_assert(ctx != NULL && line.n > 0);
}

static time_ms wall_now(void *ctx)
{
    return clock_wall_ms(((struct stage *)ctx)->host);
}

static void on_halted(void *ctx)
{
    ((struct stage *)ctx)->halted = true;
}

static bool active(void *ctx)
{
    return controller_node_active(((struct stage *)ctx)->node);
}

static bool answered(void *ctx)
{
    return ((struct process *)ctx)->answered;
}

static bool up(void *ctx)
{
    return ((struct process *)ctx)->conn != NULL;
}

static bool ended(void *host)
{
    return world_ended(host);
}

/* ---- the broker ---- */

static void on_answer(struct rpc_call *call, err_t err, const Odradek__Frame *answer)
{
    struct process *p = CONTAINER_OF(call, struct process, call);
    p->error = err == OK ? (int32_t)answer->error : KAFKA_NETWORK_EXCEPTION;
    p->answered = true;
}

static void on_up(void *ctx, struct rpc_conn *conn, const Odradek__Hello *peer)
{
    struct process *p = ctx;
    cr_assert_eq(peer->node->id, 1);
    p->conn = conn;
}

static void on_frame(void *ctx, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    const struct process *p = ctx;
    cr_assert(conn != NULL && p->follows, "nobody subscribed");
    cr_assert_eq(frame->body_case, ODRADEK__FRAME__BODY_TAIL_PUSH);
}

static void on_down(void *ctx, struct rpc_conn *conn, err_t why)
{
    struct process *p = ctx;
    cr_assert(conn != NULL && why != OK);
    p->conn = NULL;
}

static const struct rpc_events events = {.up = on_up, .frame = on_frame, .down = on_down};

static void dial(void *ctx)
{
    struct process *p = ctx;
    struct rpc_conn *conn;
    cr_assert_eq(rpc_dial(&p->rpc, &address, &events, p, &conn), OK);
}

static void leave(void *ctx)
{
    struct process *p = ctx;
    rpc_close(p->conn);
    p->conn = NULL;
}

static void hang_up(void *ctx)
{
    rpc_release(&((struct process *)ctx)->rpc);
}

static void ask(struct process *p, Odradek__Frame *frame)
{
    p->answered = p->conn == NULL;
    p->error = KAFKA_NETWORK_EXCEPTION;
    p->call.done = on_answer;
    if (p->conn != NULL) {
        rpc_ask(p->conn, &p->call, frame, 1000);
    }
}

/* Of a topic that is not there: whoever carries it out says so. */
static void ask_isr(void *ctx)
{
    struct uuid topic = {.b = {7}};
    Odradek__TopicPartition at = ODRADEK__TOPIC_PARTITION__INIT;
    Odradek__IsrMember member = ODRADEK__ISR_MEMBER__INIT;
    Odradek__IsrMember *members[] = {&member};
    Odradek__AlterIsr body = ODRADEK__ALTER_ISR__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    at.topic = rpc_uuid(&topic);
    member.id = body.broker = BROKER;
    body.partition = &at;
    body.isr = members;
    body.n_isr = 1;
    frame.body_case = ODRADEK__FRAME__BODY_ALTER_ISR;
    frame.alter_isr = &body;
    ask(ctx, &frame);
}

static void say_lost(void *ctx)
{
    struct uuid topic = {.b = {7}};
    Odradek__TopicPartition at = ODRADEK__TOPIC_PARTITION__INIT;
    Odradek__TopicPartition *all[] = {&at};
    Odradek__ReplicasLost body = ODRADEK__REPLICAS_LOST__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    at.topic = rpc_uuid(&topic);
    body.broker = BROKER;
    body.partitions = all;
    body.n_partitions = 1;
    frame.body_case = ODRADEK__FRAME__BODY_REPLICAS_LOST;
    frame.replicas_lost = &body;
    ask(ctx, &frame);
}

static void subscribe(void *ctx)
{
    struct process *p = ctx;
    Odradek__Tail body = ODRADEK__TAIL__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    body.offset = p->reached;
    body.epoch = p->epoch;
    frame.body_case = ODRADEK__FRAME__BODY_TAIL;
    frame.tail = &body;
    p->follows = true;
    ask(ctx, &frame);
}

static void register_it(void *ctx)
{
    struct process *p = ctx;
    struct uuid dir_id = {.b = {8}};
    Odradek__Endpoint endpoint = ODRADEK__ENDPOINT__INIT, *endpoints[] = {&endpoint};
    Odradek__LogDir dir = ODRADEK__LOG_DIR__INIT, *dirs[] = {&dir};
    Odradek__Register body = ODRADEK__REGISTER__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    endpoint.listener = (char *)"PLAINTEXT";
    endpoint.host = (char *)"10.0.1.1";
    endpoint.port = 9092;
    dir.id = rpc_uuid(&dir_id);
    dir.state = ODRADEK__DIR_STATE__DIR_CRASHED_THIS_BOOT;
    body.broker = BROKER;
    body.incarnation = rpc_uuid(&p->incarnation);
    body.endpoints = endpoints;
    body.n_endpoints = 1;
    body.dirs = dirs;
    body.n_dirs = 1;
    frame.body_case = ODRADEK__FRAME__BODY_REGISTER;
    frame.register_ = &body;
    ask(p, &frame);
}

static void register_past(void *ctx)
{
    struct process *p = ctx;
    char text[HOST_NAME_MAX_BYTES + 1];
    struct uuid id = {.b = {9, (uint8_t)(p->past >> 8), (uint8_t)p->past}};
    Odradek__Endpoint endpoints[LISTENERS_MAX], *all[LISTENERS_MAX];
    Odradek__LogDir dir = ODRADEK__LOG_DIR__INIT, *dirs[] = {&dir};
    Odradek__Register body = ODRADEK__REGISTER__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (size_t i = 0; i < LISTENERS_MAX; i++) {
        odradek__endpoint__init(&endpoints[i]);
        endpoints[i].listener = endpoints[i].host = text;
        endpoints[i].port = 9092;
        all[i] = &endpoints[i];
    }
    dir.id = body.incarnation = rpc_uuid(&id);
    dir.state = ODRADEK__DIR_STATE__DIR_NEW;
    body.broker = p->past;
    body.endpoints = all;
    body.n_endpoints = LISTENERS_MAX;
    body.dirs = dirs;
    body.n_dirs = 1;
    frame.body_case = ODRADEK__FRAME__BODY_REGISTER;
    frame.register_ = &body;
    ask(p, &frame);
}

/* ---- the stage ---- */

static void process_begin(struct stage *s, struct process *p, struct store_site *at,
                          uint8_t incarnation)
{
    p->stage = s;
    p->at = at;
    p->incarnation = (struct uuid){.b = {incarnation}};
    odradek__hello__init(&p->hello);
    odradek__node__init(&p->self);
    p->self.id = at == &s->away ? FAR : BROKER;
    p->hello.role = ODRADEK__ROLE__ROLE_BROKER;
    p->hello.node = &p->self;
    p->hello.incarnation = rpc_uuid(&p->incarnation);
    rpc_init(&p->rpc, at->loop, &at->heap, (struct hash_key){1, 2}, &p->hello);
}

static void stage_begin(struct stage *s)
{
    struct controller_options options = {.node_id = 1,
                                         .data_dir = "/data",
                                         .listener = address,
                                         .voter_count = 1,
                                         .voters[0] = {.id = 1, .address = address},
                                         .election_min_ms = 100,
                                         .election_max_ms = 200,
                                         .settings = controller_settings_default(),
                                         .snapshot_bytes = PAST_BYTES,
                                         .trailing_entries = 1};
    char why[256] = "";
    *s = (struct stage){.world = world_open(1, false)};
    s->host = world_host(s->world, "10.0.0.1");
    trace_init(&s->trace, "controller", written, wall_now, s);
    cr_assert_eq(controller_node_start(s->host, &options, &s->trace, on_halted, s, why, sizeof(why),
                                       &s->node),
                 OK, "%s", why);
    store_site_begin(&s->broker, world_host(s->world, "10.0.1.1"));
    store_site_begin(&s->away, world_host(s->world, "10.0.1.2"));
    for (uint8_t i = 0; i < ARRAY_LEN(s->processes); i++) {
        process_begin(s, &s->processes[i], &s->broker, i + 1);
    }
    process_begin(s, &s->far, &s->away, 100);
}

static void until_active(struct stage *s)
{
    cr_assert(world_run(s->world, active, s, 10 * SECOND));
}

static void stage_end(struct stage *s)
{
    for (size_t i = 0; i < ARRAY_LEN(s->processes); i++) {
        store_site_do(&s->broker, s->world, hang_up, &s->processes[i]);
    }
    store_site_do(&s->away, s->world, hang_up, &s->far);
    store_site_end(&s->broker);
    store_site_end(&s->away);
    controller_node_stop(s->node);
    cr_assert(world_run(s->world, ended, s->host, 10 * SECOND));
    cr_assert_not(s->halted);
    controller_node_join(s->node);
    world_close(s->world);
}

static void process_up(struct stage *s, struct process *p)
{
    store_site_do(p->at, s->world, dial, p);
    cr_assert(world_run(s->world, up, p, SECOND));
}

static int32_t answer_to(struct stage *s, struct process *p, void (*say)(void *ctx))
{
    store_site_do(p->at, s->world, say, p);
    cr_assert(world_run(s->world, answered, p, 2 * SECOND));
    return p->error;
}

/* A controller was active, was not, and is again. A broker that went to another one in between has still a change of an in-sync set on
 * its way to this one, which it has given up since: the other one refused it, and records were acknowledged without the member that
 * was to join. Carried out now it would put that member, without them, into the set. */
Test(brokers, a_change_of_an_in_sync_set_counts_by_a_connection_that_follows_the_metadata)
{
    struct stage s;
    stage_begin(&s);
    until_active(&s);
    process_up(&s, &s.processes[0]);
    cr_assert_eq(answer_to(&s, &s.processes[0], ask_isr), KAFKA_NOT_CONTROLLER);
    stage_end(&s);
}

/* The same, of a replica that was lost: it has told the other one as well, was made anew, and may be the only one in sync by now. */
Test(brokers, what_is_said_of_replicas_counts_by_a_connection_that_follows_the_metadata)
{
    struct stage s;
    stage_begin(&s);
    until_active(&s);
    process_up(&s, &s.processes[0]);
    cr_assert_eq(answer_to(&s, &s.processes[0], register_it), KAFKA_NONE);
    cr_assert_eq(answer_to(&s, &s.processes[0], say_lost), KAFKA_NOT_CONTROLLER);
    stage_end(&s);
}

/* A process wanted to register and died; its word stands still on its way. The next one of the broker has registered, and holds
 * seats by now, when that word comes: it would end its sessions and leaderships, and its seats, where the machine had lost power
 * before the first one. */
Test(brokers, who_died_does_not_register_behind_who_came_next)
{
    struct stage s;
    stage_begin(&s);
    until_active(&s);
    process_up(&s, &s.processes[0]);
    process_up(&s, &s.processes[1]);
    cr_assert_eq(answer_to(&s, &s.processes[1], register_it), KAFKA_NONE);
    cr_assert_eq(answer_to(&s, &s.processes[0], register_it), KAFKA_DUPLICATE_BROKER_REGISTRATION);
    cr_assert_eq(answer_to(&s, &s.processes[1], register_it), KAFKA_NONE, "it is who it was");
    stage_end(&s);
}

/* Nor when the next one is gone as well; who comes then has connected since. */
Test(brokers, who_died_does_not_register_behind_who_is_gone_too)
{
    struct stage s;
    stage_begin(&s);
    until_active(&s);
    process_up(&s, &s.processes[0]);
    process_up(&s, &s.processes[1]);
    cr_assert_eq(answer_to(&s, &s.processes[1], register_it), KAFKA_NONE);
    store_site_do(&s.broker, s.world, leave, &s.processes[1]);
    cr_assert_eq(answer_to(&s, &s.processes[0], register_it), KAFKA_DUPLICATE_BROKER_REGISTRATION);
    store_site_do(&s.broker, s.world, leave, &s.processes[0]);
    process_up(&s, &s.processes[0]);
    cr_assert_eq(answer_to(&s, &s.processes[0], register_it), KAFKA_NONE);
    stage_end(&s);
}

static bool appends(void *ctx)
{
    const struct raft *raft = controller_node_raft(((struct stage *)ctx)->node);
    return raft_last_index(raft) > raft_commit_index(raft);
}

static int32_t answer_to_who_has(struct stage *s, int64_t offset, int32_t epoch)
{
    struct process *p = &s->processes[1];
    p->reached = offset;
    p->epoch = epoch;
    return answer_to(s, p, subscribe);
}

/* Seed 56 of odradek-sim, the other half: an entry of a leader that was cut off was committed by the next one, which pushed it to a broker
 * and nothing behind it. With that the broker comes to the first one, which still leads as far as it knows: it is no other history, for
 * which a broker stops until an operator has looked. */
Test(brokers, who_has_an_entry_of_ours_that_somebody_else_committed_is_sent_away)
{
    struct stage s;
    stage_begin(&s);
    until_active(&s);
    process_up(&s, &s.processes[0]);
    process_up(&s, &s.processes[1]);
    world_disk_pace(s.host, SECOND, SECOND);
    store_site_do(&s.broker, s.world, register_it, &s.processes[0]);
    cr_assert(world_run(s.world, appends, &s, SECOND / 2));
    const struct raft *raft = controller_node_raft(s.node);
    raft_index last = raft_last_index(raft);
    raft_term term = raft_current_term(raft);
    cr_assert_eq(answer_to_who_has(&s, last, term), KAFKA_NOT_CONTROLLER);
    cr_assert_eq(answer_to_who_has(&s, last, term - 1), KAFKA_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(answer_to_who_has(&s, raft_last_index(raft) + 1, term), KAFKA_OFFSET_OUT_OF_RANGE,
                 "nobody else appends in our term");
    cr_assert(appends(&s));
    stage_end(&s);
}

static bool down(void *ctx)
{
    return ((struct process *)ctx)->conn == NULL;
}

/* A broker did not read for so long that the log no longer had what it was to be pushed next. Its connection was closed, and the
 * controller kept what it knew of it: when the broker was back, whoever had got that memory since lost its connection. */
Test(brokers, whose_tail_is_broken_off_takes_nobody_elses_connection)
{
    struct stage s;
    stage_begin(&s);
    until_active(&s);
    process_up(&s, &s.far);
    s.far.reached = -1;
    cr_assert_eq(answer_to(&s, &s.far, subscribe), KAFKA_NONE);
    process_up(&s, &s.processes[0]);
    world_cut(s.host, s.away.host, world_now_us(s.world) + 60 * SECOND);
    for (int32_t i = 0; i < PAST; i++) {
        s.processes[0].past = PAST_FIRST + i;
        cr_assert_eq(answer_to(&s, &s.processes[0], register_past), KAFKA_NONE);
    }
    cr_assert_gt(controller_node_raft(s.node)->log.first, PAST * 3 / 4);
    cr_assert_not(down(&s.far));
    cr_assert(world_run(s.world, down, &s.far, 60 * SECOND));
    for (size_t i = 1; i < ARRAY_LEN(s.processes); i++) {
        process_up(&s, &s.processes[i]);
    }
    process_up(&s, &s.far);
    cr_assert_eq(answer_to(&s, &s.far, subscribe), KAFKA_NONE);
    world_sleep(s.world, SECOND);
    cr_assert_not(down(&s.far));
    for (size_t i = 0; i < ARRAY_LEN(s.processes); i++) {
        cr_assert_not(down(&s.processes[i]), "%zu", i);
    }
    stage_end(&s);
}
