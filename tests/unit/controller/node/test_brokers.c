/* What an active controller does with the words of brokers that come by a connection it does not push the metadata to. */
#include "common/port/clock.h"
#include "common/wire/kafka_error.h"
#include "controller/node/controller_node.h"
#include "tests/unit/controller/node/store_site.h"

#define SECOND INT64_C(1000000)
#define PORT   9093

struct stage {
    struct world *world;
    struct host *host;
    struct trace trace;
    struct controller_node *node;
    bool halted;
    struct store_site broker;
    struct rpc rpc;
    Odradek__Hello hello;
    Odradek__Node self;
    struct rpc_call call;
    bool answered;
    int32_t error;
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
    return ((struct stage *)ctx)->answered;
}

static bool ended(void *host)
{
    return world_ended(host);
}

/* ---- the broker ---- */

static void on_answer(struct rpc_call *call, err_t err, const Odradek__Frame *answer)
{
    struct stage *s = CONTAINER_OF(call, struct stage, call);
    cr_assert_eq(err, OK);
    s->error = (int32_t)answer->error;
    s->answered = true;
}

/* Of a topic that is not there: whoever carries it out says so. */
static void on_up(void *ctx, struct rpc_conn *conn, const Odradek__Hello *peer)
{
    struct stage *s = ctx;
    struct uuid topic = {.b = {7}};
    Odradek__TopicPartition at = ODRADEK__TOPIC_PARTITION__INIT;
    Odradek__IsrMember member = ODRADEK__ISR_MEMBER__INIT;
    Odradek__IsrMember *members[] = {&member};
    Odradek__AlterIsr body = ODRADEK__ALTER_ISR__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    cr_assert_eq(peer->node->id, 1);
    at.topic = rpc_uuid(&topic);
    member.id = body.broker = 101;
    body.partition = &at;
    body.isr = members;
    body.n_isr = 1;
    frame.body_case = ODRADEK__FRAME__BODY_ALTER_ISR;
    frame.alter_isr = &body;
    s->call.done = on_answer;
    rpc_ask(conn, &s->call, &frame, 1000);
}

static void on_frame(void *ctx, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    cr_assert(ctx != NULL && conn != NULL && frame == NULL, "nobody subscribed");
}

static void on_down(void *ctx, struct rpc_conn *conn, err_t why)
{
    cr_assert(ctx != NULL && conn != NULL && why != OK);
}

static const struct rpc_events events = {.up = on_up, .frame = on_frame, .down = on_down};

static void dial(void *ctx)
{
    struct stage *s = ctx;
    struct rpc_conn *conn;
    cr_assert_eq(rpc_dial(&s->rpc, &address, &events, s, &conn), OK);
}

static void hang_up(void *ctx)
{
    rpc_release(&((struct stage *)ctx)->rpc);
}

/* ---- the stage ---- */

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
                                         .snapshot_bytes = INT64_MAX};
    char why[256] = "";
    *s = (struct stage){.world = world_open(1, false)};
    s->host = world_host(s->world, "10.0.0.1");
    trace_init(&s->trace, "controller", written, wall_now, s);
    cr_assert_eq(controller_node_start(s->host, &options, &s->trace, on_halted, s, why, sizeof(why),
                                       &s->node),
                 OK, "%s", why);
    store_site_begin(&s->broker, world_host(s->world, "10.0.1.1"));
    odradek__hello__init(&s->hello);
    odradek__node__init(&s->self);
    s->self.id = 101;
    s->hello.role = ODRADEK__ROLE__ROLE_BROKER;
    s->hello.node = &s->self;
    rpc_init(&s->rpc, s->broker.loop, &s->broker.heap, (struct hash_key){1, 2}, &s->hello);
    cr_assert(world_run(s->world, active, s, 10 * SECOND));
}

static void stage_end(struct stage *s)
{
    store_site_do(&s->broker, s->world, hang_up, s);
    store_site_end(&s->broker);
    controller_node_stop(s->node);
    cr_assert(world_run(s->world, ended, s->host, 10 * SECOND));
    cr_assert_not(s->halted);
    controller_node_join(s->node);
    world_close(s->world);
}

/* A controller was active, was not, and is again. A broker that went to another one in between has still a change of an in-sync set on
 * its way to this one, which it has given up since: the other one refused it, and records were acknowledged without the member that
 * was to join. Carried out now it would put that member, without them, into the set. */
Test(brokers, a_change_of_an_in_sync_set_counts_by_a_connection_that_follows_the_metadata)
{
    struct stage s;
    stage_begin(&s);
    store_site_do(&s.broker, s.world, dial, &s);
    cr_assert(world_run(s.world, answered, &s, SECOND));
    cr_assert_eq(s.error, KAFKA_NOT_CONTROLLER, "it was carried out, and ended with %d", s.error);
    stage_end(&s);
}
