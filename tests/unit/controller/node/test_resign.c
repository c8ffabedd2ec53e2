/* What brokers that ask are told by a controller that resigns, and who dies while it asks. */
#include "common/port/clock.h"
#include "common/wire/kafka_error.h"
#include "controller/node/controller_node.h"
#include "kmsg/unregister_broker.h"
#include "tests/unit/controller/node/store_site.h"

#define SECOND     INT64_C(1000000)
#define PORT       9093
#define BROKER     101
#define VOTERS     3
#define UNREGISTER 64

/* A process of broker 101. */
struct process {
    struct stage *stage;
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
    int64_t registered;
    bool follows;
};

struct stage {
    struct world *world;
    uint32_t voters;
    struct host *hosts[VOTERS];
    struct controller_node *nodes[VOTERS];
    /* The one that is asked: which is active, where there are more. */
    uint32_t at;
    struct host *host;
    struct controller_node *node;
    struct trace trace;
    bool halted;
    struct store_site broker;
    struct process processes[2]; /* one after the other */
};

static const struct net_address addresses[VOTERS] = {{.host = "10.0.0.1", .port = PORT},
                                                     {.host = "10.0.0.2", .port = PORT},
                                                     {.host = "10.0.0.3", .port = PORT}};

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
    struct stage *s = ctx;
    for (uint32_t i = 0; i < s->voters; i++) {
        if (controller_node_active(s->nodes[i])) {
            s->at = i;
            s->host = s->hosts[i];
            s->node = s->nodes[i];
            return true;
        }
    }
    return false;
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
    if (err == OK && answer->body_case == ODRADEK__FRAME__BODY_REGISTERED) {
        p->registered = answer->registered->epoch;
    }
    p->answered = true;
}

static void on_up(void *ctx, struct rpc_conn *conn, const Odradek__Hello *peer)
{
    struct process *p = ctx;
    cr_assert_eq(peer->node->id, (int32_t)p->stage->at + 1);
    p->conn = conn;
}

static void on_frame(void *ctx, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    const struct process *p = ctx;
    cr_assert(p->follows && conn == p->conn && frame->body_case == ODRADEK__FRAME__BODY_TAIL_PUSH);
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
    cr_assert_eq(rpc_dial(&p->rpc, &addresses[p->stage->at], &events, p, &conn), OK);
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
        rpc_ask(p->conn, &p->call, frame, 3000);
    }
}

static void beat(void *ctx)
{
    struct process *p = ctx;
    Odradek__Heartbeat body = ODRADEK__HEARTBEAT__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    body.broker = BROKER;
    body.epoch = p->registered;
    body.metadata_offset = p->registered;
    frame.body_case = ODRADEK__FRAME__BODY_HEARTBEAT;
    frame.heartbeat = &body;
    ask(p, &frame);
}

/* Of this broker: as an administrator asked for it, who is a client of it. */
static void ask_to_unregister(void *ctx)
{
    struct process *p = ctx;
    const struct kmsg_api *api = kmsg_api_find(UNREGISTER);
    struct kmsg_unregister_broker_request request;
    struct buf bytes;
    Odradek__Forward body = ODRADEK__FORWARD__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    kmsg_unregister_broker_request_init(&request);
    request.broker_id = BROKER;
    buf_init(&bytes, &p->stage->broker.heap, 1024);
    cr_assert_eq(kmsg_encode_buf(api->request, api->version_max, &request, &bytes), OK);
    body.api_key = UNREGISTER;
    body.api_version = (uint32_t)api->version_max;
    body.body.data = bytes.p;
    body.body.len = bytes.n;
    frame.body_case = ODRADEK__FRAME__BODY_FORWARD;
    frame.forward = &body;
    ask(p, &frame);
    buf_release(&bytes);
}

static void subscribe(void *ctx)
{
    const struct process *p = ctx;
    Odradek__Tail body = ODRADEK__TAIL__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    body.offset = p->reached;
    body.epoch = p->epoch;
    frame.body_case = ODRADEK__FRAME__BODY_TAIL;
    frame.tail = &body;
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

/* ---- the stage ---- */

static void process_begin(struct stage *s, struct process *p, uint8_t incarnation)
{
    p->stage = s;
    p->incarnation = (struct uuid){.b = {incarnation}};
    odradek__hello__init(&p->hello);
    odradek__node__init(&p->self);
    p->self.id = BROKER;
    p->hello.role = ODRADEK__ROLE__ROLE_BROKER;
    p->hello.node = &p->self;
    p->hello.incarnation = rpc_uuid(&p->incarnation);
    rpc_init(&p->rpc, s->broker.loop, &s->broker.heap, (struct hash_key){1, 2}, &p->hello);
}

static void controller_begin(struct stage *s, uint32_t i)
{
    struct controller_options options = {.node_id = (int32_t)i + 1,
                                         .data_dir = "/data",
                                         .listener = addresses[i],
                                         .voter_count = s->voters,
                                         .election_min_ms = 100,
                                         .election_max_ms = 200,
                                         .settings = controller_settings_default(),
                                         .snapshot_bytes = INT64_MAX};
    char why[256] = "";
    for (uint32_t k = 0; k < s->voters; k++) {
        options.voters[k].id = (int32_t)k + 1;
        options.voters[k].address = addresses[k];
    }
    s->hosts[i] = world_host(s->world, addresses[i].host);
    s->host = s->hosts[i];
    cr_assert_eq(controller_node_start(s->hosts[i], &options, &s->trace, on_halted, s, why,
                                       sizeof(why), &s->nodes[i]),
                 OK, "%s", why);
}

static void stage_begin_of(struct stage *s, uint32_t voters)
{
    *s = (struct stage){.world = world_open(1, false), .voters = voters};
    trace_init(&s->trace, "controller", written, wall_now, s);
    for (uint32_t i = 0; i < voters; i++) {
        controller_begin(s, i);
    }
    store_site_begin(&s->broker, world_host(s->world, "10.0.1.1"));
    for (uint8_t i = 0; i < ARRAY_LEN(s->processes); i++) {
        process_begin(s, &s->processes[i], i + 1);
    }
}

static void stage_begin(struct stage *s)
{
    stage_begin_of(s, 1);
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
    store_site_end(&s->broker);
    for (uint32_t i = 0; i < s->voters; i++) {
        controller_node_stop(s->nodes[i]);
        cr_assert(world_run(s->world, ended, s->hosts[i], 10 * SECOND));
        controller_node_join(s->nodes[i]);
    }
    cr_assert_not(s->halted);
    world_close(s->world);
}

static void process_up(struct stage *s, struct process *p)
{
    store_site_do(&s->broker, s->world, dial, p);
    cr_assert(world_run(s->world, up, p, SECOND));
}

static int32_t answer_to(struct stage *s, struct process *p, void (*say)(void *ctx))
{
    store_site_do(&s->broker, s->world, say, p);
    cr_assert(world_run(s->world, answered, p, 4 * SECOND));
    return p->error;
}

/* What it was asked by an administrator is in its log when it is cut off, and resigns: another one may commit that. It was said that
 * nothing had been done, and the broker asked the next controller: what somebody else had changed in between was changed back, and a
 * topic that had been deleted and made again was deleted once more. */
Test(resign, who_resigns_does_not_say_that_nothing_was_done)
{
    struct stage s;
    stage_begin_of(&s, VOTERS);
    until_active(&s);
    process_up(&s, &s.processes[0]);
    cr_assert_eq(answer_to(&s, &s.processes[0], register_it), KAFKA_NONE);
    s.processes[0].follows = true;
    cr_assert_eq(answer_to(&s, &s.processes[0], subscribe), KAFKA_NONE);
    for (uint32_t i = 0; i < VOTERS; i++) {
        if (i != s.at) {
            world_cut(s.host, s.hosts[i], world_now_us(s.world) + 5 * SECOND);
            world_cut(s.hosts[i], s.host, world_now_us(s.world) + 5 * SECOND);
        }
    }
    cr_assert_eq(answer_to(&s, &s.processes[0], ask_to_unregister), KAFKA_REQUEST_TIMED_OUT);
    cr_assert_eq(answer_to(&s, &s.processes[0], ask_to_unregister), KAFKA_NOT_CONTROLLER,
                 "of that nothing was written");
    stage_end(&s);
}

static bool is_fenced(void *ctx)
{
    const struct stage *s = ctx;
    return meta_broker(controller_newest(controller_node_state(s->node)), BROKER)->fenced;
}

static bool is_unfenced(void *ctx)
{
    return !is_fenced(ctx);
}

/* A broker dies as soon as it has sent the heartbeat that unfences it, and that is not committed yet when its connection ends. It was not
 * looked after, for it seemed to be fenced; then it led what it could until its session ended. */
Test(resign, who_dies_while_it_is_being_unfenced_is_suspected)
{
    struct stage s;
    stage_begin(&s);
    until_active(&s);
    process_up(&s, &s.processes[0]);
    cr_assert_eq(answer_to(&s, &s.processes[0], register_it), KAFKA_NONE);
    s.processes[0].follows = true;
    cr_assert_eq(answer_to(&s, &s.processes[0], subscribe), KAFKA_NONE);
    world_disk_pace(s.host, SECOND / 10, SECOND / 10);
    store_site_do(&s.broker, s.world, beat, &s.processes[0]);
    cr_assert(world_run(s.world, is_unfenced, &s, SECOND / 20));
    store_site_do(&s.broker, s.world, leave, &s.processes[0]);
    cr_assert(world_run(s.world, is_fenced, &s, SECOND / 2), "not only when its session ends");
    stage_end(&s);
}
