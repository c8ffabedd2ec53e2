#include "tests/unit/controller/node/askers.h"

#include "common/wire/kafka_error.h"

#define PORT 9093

static const struct net_address addresses[ASKERS_VOTERS_MAX] = {{.host = "10.0.0.1", .port = PORT},
                                                                {.host = "10.0.0.2", .port = PORT},
                                                                {.host = "10.0.0.3", .port = PORT}};

/* ---- a broker's process ---- */

static void on_answer(struct rpc_call *call, err_t err, const Odradek__Frame *answer)
{
    struct asker *asker = CONTAINER_OF(call, struct asker, call);
    asker->error = err == OK ? (int32_t)answer->error : KAFKA_NETWORK_EXCEPTION;
    if (err == OK && answer->body_case == ODRADEK__FRAME__BODY_REGISTERED) {
        asker->registered = answer->registered->epoch;
    }
    asker->answered = true;
}

static void on_up(void *ctx, struct rpc_conn *conn, const Odradek__Hello *peer)
{
    struct asker *asker = ctx;
    cr_assert_eq(peer->node->id, (int32_t)asker->stage->asked + 1);
    asker->conn = conn;
}

static void on_frame(void *ctx, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    const struct asker *asker = ctx;
    cr_assert(conn != NULL && conn == asker->conn);
    cr_assert(asker->follows, "nobody subscribed");
    cr_assert_eq(frame->body_case, ODRADEK__FRAME__BODY_TAIL_PUSH);
}

static void on_down(void *ctx, struct rpc_conn *conn, err_t why)
{
    struct asker *asker = ctx;
    cr_assert(conn != NULL && why != OK);
    asker->conn = NULL;
}

static const struct rpc_events events = {.up = on_up, .frame = on_frame, .down = on_down};

static void dial(void *ctx)
{
    struct asker *asker = ctx;
    struct rpc_conn *conn;
    cr_assert_eq(rpc_dial(&asker->rpc, &addresses[asker->stage->asked], &events, asker, &conn), OK);
}

static void leave(void *ctx)
{
    struct asker *asker = ctx;
    rpc_close(asker->conn);
    asker->conn = NULL;
}

static void hang_up(void *ctx)
{
    rpc_release(&((struct asker *)ctx)->rpc);
}

static bool is_up(void *ctx)
{
    return ((struct asker *)ctx)->conn != NULL;
}

static bool is_answered(void *ctx)
{
    return ((struct asker *)ctx)->answered;
}

void asker_begin(struct asker *asker, struct askers *stage, struct store_site *at, int32_t id,
                 uint8_t incarnation)
{
    *asker = (struct asker){.stage = stage, .at = at, .broker = id, .incarnation.b = {incarnation}};
    odradek__hello__init(&asker->hello);
    odradek__node__init(&asker->self);
    asker->self.id = id;
    asker->hello.role = ODRADEK__ROLE__ROLE_BROKER;
    asker->hello.node = &asker->self;
    asker->hello.incarnation = rpc_uuid(&asker->incarnation);
    rpc_init(&asker->rpc, at->loop, &at->heap, (struct hash_key){1, 2}, &asker->hello);
}

void asker_end(struct asker *asker)
{
    asker_say(asker, hang_up);
}

void asker_up(struct asker *asker)
{
    asker_say(asker, dial);
    cr_assert(world_run(asker->stage->world, is_up, asker, SECOND));
}

void asker_leave(struct asker *asker)
{
    asker_say(asker, leave);
}

void asker_say(struct asker *asker, void (*say)(void *asker))
{
    store_site_do(asker->at, asker->stage->world, say, asker);
}

int32_t asker_answer(struct asker *asker, void (*say)(void *asker))
{
    asker_say(asker, say);
    cr_assert(
        world_run(asker->stage->world, is_answered, asker, asker->stage->ask_ms * 1000 + SECOND));
    return asker->error;
}

void asker_ask(struct asker *asker, Odradek__Frame *frame)
{
    asker->answered = asker->conn == NULL;
    asker->error = KAFKA_NETWORK_EXCEPTION;
    asker->call.done = on_answer;
    if (asker->conn != NULL) {
        rpc_ask(asker->conn, &asker->call, frame, asker->stage->ask_ms);
    }
}

void asker_register(void *ctx)
{
    struct asker *asker = ctx;
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
    body.broker = asker->broker;
    body.incarnation = rpc_uuid(&asker->incarnation);
    body.endpoints = endpoints;
    body.n_endpoints = 1;
    body.dirs = dirs;
    body.n_dirs = 1;
    frame.body_case = ODRADEK__FRAME__BODY_REGISTER;
    frame.register_ = &body;
    asker_ask(asker, &frame);
}

void asker_subscribe(void *ctx)
{
    struct asker *asker = ctx;
    Odradek__Tail body = ODRADEK__TAIL__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    body.offset = asker->reached;
    body.epoch = asker->epoch;
    frame.body_case = ODRADEK__FRAME__BODY_TAIL;
    frame.tail = &body;
    asker->follows = true;
    asker_ask(asker, &frame);
}

/* ---- the stage ---- */

static void on_halted(void *ctx)
{
    ((struct askers *)ctx)->halted = true;
}

static bool anyone_active(void *ctx)
{
    struct askers *s = ctx;
    for (uint32_t i = 0; i < s->voters; i++) {
        if (controller_node_active(s->nodes[i])) {
            s->asked = i;
            s->host = s->hosts[i];
            s->node = s->nodes[i];
            return true;
        }
    }
    return false;
}

static void controller_begin(struct askers *s, uint32_t i, int64_t snapshot_bytes)
{
    struct controller_options options = {.node_id = (int32_t)i + 1,
                                         .data_dir = "/data",
                                         .listener = addresses[i],
                                         .voter_count = s->voters,
                                         .election_min_ms = 100,
                                         .election_max_ms = 200,
                                         .settings = controller_settings_default(),
                                         .snapshot_bytes = snapshot_bytes,
                                         .trailing_entries = 1};
    char why[256] = "";
    for (uint32_t k = 0; k < s->voters; k++) {
        options.voters[k].id = (int32_t)k + 1;
        options.voters[k].address = addresses[k];
    }
    cr_assert_eq(controller_node_start(s->hosts[i], &options, &s->trace, on_halted, s, why,
                                       sizeof(why), &s->nodes[i]),
                 OK, "%s", why);
}

void askers_begin(struct askers *s, uint32_t voters, time_ms ask_ms, int64_t snapshot_bytes)
{
    *s = (struct askers){.world = world_open(1, false), .voters = voters, .ask_ms = ask_ms};
    for (uint32_t i = 0; i < voters; i++) {
        s->hosts[i] = world_host(s->world, addresses[i].host);
    }
    store_site_trace(&s->trace, s->hosts[0]);
    for (uint32_t i = 0; i < voters; i++) {
        controller_begin(s, i, snapshot_bytes);
    }
    store_site_begin(&s->broker, world_host(s->world, "10.0.1.1"));
    for (uint8_t i = 0; i < ARRAY_LEN(s->processes); i++) {
        asker_begin(&s->processes[i], s, &s->broker, BROKER, i + 1);
    }
    cr_assert(world_run(s->world, anyone_active, s, 10 * SECOND));
}

static bool is_ended(void *host)
{
    return world_ended(host);
}

void askers_end(struct askers *s)
{
    for (size_t i = 0; i < ARRAY_LEN(s->processes); i++) {
        asker_end(&s->processes[i]);
    }
    store_site_end(&s->broker);
    for (uint32_t i = 0; i < s->voters; i++) {
        controller_node_stop(s->nodes[i]);
        cr_assert(world_run(s->world, is_ended, s->hosts[i], 10 * SECOND));
        cr_assert_not(s->halted);
        controller_node_join(s->nodes[i]);
    }
    world_close(s->world);
}

void asker_forward(struct asker *asker, int16_t api_key, const void *request)
{
    const struct kmsg_api *api = kmsg_api_find(api_key);
    struct buf bytes;
    Odradek__Forward body = ODRADEK__FORWARD__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    buf_init(&bytes, &asker->at->heap, RPC_BODY_MAX);
    cr_assert_eq(kmsg_encode_buf(api->request, api->version_max, request, &bytes), OK);
    body.api_key = api_key;
    body.api_version = (uint32_t)api->version_max;
    body.body.data = bytes.p;
    body.body.len = bytes.n;
    frame.body_case = ODRADEK__FRAME__BODY_FORWARD;
    frame.forward = &body;
    asker_ask(asker, &frame);
    buf_release(&bytes);
}
