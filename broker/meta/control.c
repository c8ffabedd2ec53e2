#include "broker/meta/control_internal.h"

#include <stdio.h>

#include "common/port/entropy.h"
#include "common/wire/kafka_error.h"

#define REST_MIN_MS      10
#define REST_MAX_MS      200
#define CALL_TIMEOUT_MS  2000
#define DIAL_WAIT_MS     1000 /* a machine without power answers nothing, for minutes */
#define REGISTER_WAIT_MS 5000
#define TELL_EVERY_MS    10000

static void dial(struct control *c);
static void rest(struct control *c);

static void fatal(struct control *c, const char *sentence)
{
    trace_log(c->trace, TRACE_ERROR, TRACE_CONTROL, "%s", sentence);
    c->events->fatal(c->ctx, sentence);
}

/* ---- finding the active controller ---- */

static void conn_drop(struct control *c)
{
    if (c->conn != NULL) {
        struct rpc_conn *conn = c->conn;
        c->conn = NULL;
        rpc_close(conn); /* calls that wait end with ERR_CLOSED: they find no connection */
    }
    control_beat_stop(c);
    control_tail_reset(c);
    control_requests_back(c);
}

static void rest(struct control *c)
{
    time_ms now = loop_now_us(c->loop) / 1000;
    time_ms wait = c->hint.port != 0 ? 0 : prng_between(&c->prng, c->rest_ms / 2, c->rest_ms);
    c->rest_ms = min_i64(c->rest_ms * 3 / 2, REST_MAX_MS);
    c->state = CONTROL_RESTING;
    timer_arm(c->loop, &c->rest_timer, (now + wait) * 1000);
    if (now >= c->told_ms + TELL_EVERY_MS) {
        c->told_ms = now;
        trace_log(
            c->trace, TRACE_WARN, TRACE_CONTROL,
            "no active controller among %u; trying on (is controller.quorum.voters right, and a majority running?)",
            c->options.controller_count);
    }
}

void control_reconnect(struct control *c, const char *why)
{
    if (c->state == CONTROL_UP) {
        trace_log(c->trace, TRACE_INFO, TRACE_CONTROL,
                  "lost the active controller (%s); looking for it", why);
        c->told_ms = loop_now_us(c->loop) / 1000;
        c->rest_ms = REST_MIN_MS;
    }
    conn_drop(c);
    rest(c);
}

bool control_misdirected(struct control *c, const Odradek__Frame *answer)
{
    if (answer->error != KAFKA_NOT_CONTROLLER) {
        return false;
    }
    c->hint = (struct net_address){0};
    if (answer->leader_host[0] != '\0' && strlen(answer->leader_host) <= HOST_NAME_MAX_BYTES &&
        answer->leader_port > 0 && answer->leader_port <= UINT16_MAX) {
        (void)snprintf(c->hint.host, sizeof(c->hint.host), "%s", answer->leader_host);
        c->hint.port = (uint16_t)answer->leader_port;
    }
    control_reconnect(c, "not the active controller");
    return true;
}

static void on_up(void *ctx, struct rpc_conn *conn, const Odradek__Hello *hello);

static void on_frame(void *ctx, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    struct control *c = ctx;
    assert(c->options.controller_count > 0);
    if (conn == c->conn && frame->body_case == ODRADEK__FRAME__BODY_TAIL_PUSH) {
        control_pushed(c, frame->tail_push);
    }
}

static void on_down(void *ctx, struct rpc_conn *conn, err_t why)
{
    struct control *c = ctx;
    assert(c->options.controller_count > 0);
    if (conn == c->conn) {
        c->conn = NULL;
        control_reconnect(c, err_text(why));
    }
}

static const struct rpc_events conn_events = {.up = on_up, .frame = on_frame, .down = on_down};

static void dial(struct control *c)
{
    struct net_address address = c->hint;
    if (address.port == 0) {
        c->candidate = (c->candidate + 1) % c->options.controller_count;
        address = c->options.controllers[c->candidate];
    }
    c->hint = (struct net_address){0};
    c->state = CONTROL_DIALLING;
    if (rpc_dial(&c->rpc, &address, &conn_events, c, &c->conn) != OK) {
        c->conn = NULL;
        rest(c);
        return;
    }
    timer_arm(c->loop, &c->rest_timer, loop_now_us(c->loop) + (time_us)DIAL_WAIT_MS * 1000);
}

static void on_rest_timer(struct timer *timer)
{
    struct control *c = CONTAINER_OF(timer, struct control, rest_timer);
    if (c->state == CONTROL_RESTING) {
        dial(c);
    } else { /* a dial or a registration that takes too long */
        control_reconnect(c, "no answer");
    }
}

/* ---- registration ---- */

static void registered(struct control *c, const Odradek__Registered *answer)
{
    bool first = c->epoch < 0;
    c->epoch = answer->epoch;
    c->fenced = true;
    c->may_be_unfenced = false;
    if (c->options.cluster_id[0] == '\0') {
        (void)snprintf(c->options.cluster_id, sizeof(c->options.cluster_id), "%s",
                       answer->cluster_id);
    }
    trace_log(c->trace, TRACE_INFO, TRACE_CONTROL, "registered with epoch %lld in cluster %s",
              (long long)c->epoch, c->options.cluster_id);
    if (first) {
        c->events->joined(c->ctx, c->options.cluster_id, c->epoch);
    }
    control_subscribe(c);
}

static void on_registered(struct rpc_call *call, err_t err, const Odradek__Frame *answer)
{
    struct control *c = CONTAINER_OF(call, struct control, call);
    if (c->conn == NULL) {
        return;
    }
    if (err != OK) {
        control_reconnect(c, err_text(err));
        return;
    }
    if (control_misdirected(c, answer)) {
        return;
    }
    if (answer->error == KAFKA_INCONSISTENT_CLUSTER_ID) {
        char sentence[512];
        (void)snprintf(
            sentence, sizeof(sentence),
            "these controllers belong to another cluster (%s): correct controller.quorum.voters, or log.dirs",
            answer->error_text);
        fatal(c, sentence);
        return;
    }
    if (answer->error != 0 || answer->body_case != ODRADEK__FRAME__BODY_REGISTERED) {
        trace_log(c->trace, TRACE_WARN, TRACE_CONTROL, "registration refused: %s %s; trying again",
                  kafka_error_name((int16_t)answer->error), answer->error_text);
        control_reconnect(c, "registration refused");
        return;
    }
    registered(c, answer->registered);
}

static void register_send(struct control *c)
{
    Odradek__Register body = ODRADEK__REGISTER__INIT;
    Odradek__Endpoint endpoints[LISTENERS_MAX];
    Odradek__Endpoint *endpoint_list[LISTENERS_MAX];
    Odradek__LogDir dirs[LOG_DIRS_MAX];
    Odradek__LogDir *dir_list[LOG_DIRS_MAX];
    char texts[LISTENERS_MAX][2][HOST_NAME_MAX_BYTES + 1];
    char rack[256] = "";
    for (uint32_t i = 0; i < c->options.endpoint_count; i++) {
        const struct meta_endpoint *from = &c->options.endpoints[i];
        (void)snprintf(texts[i][0], sizeof(texts[i][0]), "%.*s", (int)from->listener.n,
                       (const char *)from->listener.p);
        (void)snprintf(texts[i][1], sizeof(texts[i][1]), "%.*s", (int)from->host.n,
                       (const char *)from->host.p);
        odradek__endpoint__init(&endpoints[i]);
        endpoints[i].listener = texts[i][0];
        endpoints[i].host = texts[i][1];
        endpoints[i].port = from->port;
        endpoints[i].security_protocol = (uint32_t)from->security_protocol;
        endpoint_list[i] = &endpoints[i];
    }
    for (uint32_t i = 0; i < c->options.dir_count; i++) {
        odradek__log_dir__init(&dirs[i]);
        dirs[i].id = rpc_uuid(&c->options.dirs[i].id);
        dirs[i].state = c->options.dirs[i].state;
        dirs[i].this_boot = c->options.dirs[i].this_boot;
        dir_list[i] = &dirs[i];
    }
    (void)snprintf(rack, sizeof(rack), "%.*s", (int)c->options.rack.n,
                   c->options.rack.p == NULL ? "" : (const char *)c->options.rack.p);
    body.broker = c->options.broker;
    body.incarnation = rpc_uuid(&c->incarnation);
    body.has_rack = c->options.rack.p != NULL;
    body.rack = rack;
    body.endpoints = endpoint_list;
    body.n_endpoints = c->options.endpoint_count;
    body.dirs = dir_list;
    body.n_dirs = c->options.dir_count;
    body.previous_epoch = c->options.previous_epoch;
    body.cluster_id = c->options.cluster_id;
    body.metadata_offset = c->offset;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.body_case = ODRADEK__FRAME__BODY_REGISTER;
    frame.register_ = &body;
    c->state = CONTROL_REGISTERING;
    c->call.done = on_registered;
    rpc_ask(c->conn, &c->call, &frame, CALL_TIMEOUT_MS);
}

static bool is_foreign(const struct control *c, const Odradek__Hello *hello)
{
    const char *ours = c->options.cluster_id;
    return ours[0] != '\0' && hello->cluster_id[0] != '\0' && strcmp(ours, hello->cluster_id) != 0;
}

/* A broker that never registered has a wrong configuration; one that has does not give up for one wrong controller. */
static void foreign_refuse(struct control *c, const Odradek__Hello *hello)
{
    char sentence[512];
    (void)snprintf(
        sentence, sizeof(sentence),
        "the controller at %s belongs to another cluster (%.64s) than these log directories (%s): "
        "correct controller.quorum.voters, or log.dirs",
        rpc_peer(c->conn), hello->cluster_id, c->options.cluster_id);
    if (c->epoch < 0) {
        fatal(c, sentence);
        return;
    }
    trace_log(c->trace, TRACE_WARN, TRACE_CONTROL, "%s", sentence);
    control_reconnect(c, "a controller of another cluster");
}

static void on_up(void *ctx, struct rpc_conn *conn, const Odradek__Hello *hello)
{
    struct control *c = ctx;
    assert(c->options.controller_count > 0);
    assert(conn == c->conn);
    if (is_foreign(c, hello)) {
        foreign_refuse(c, hello);
        return;
    }
    timer_cancel(c->loop, &c->rest_timer);
    timer_arm(c->loop, &c->rest_timer, loop_now_us(c->loop) + (time_us)REGISTER_WAIT_MS * 1000);
    if (c->epoch < 0) {
        register_send(c);
    } else {
        control_subscribe(c);
    }
}

/* ---- life ---- */

static void hello_fill(struct control *c)
{
    odradek__hello__init(&c->hello);
    odradek__node__init(&c->hello_node);
    c->hello_node.id = c->options.broker;
    c->hello.role = ODRADEK__ROLE__ROLE_BROKER;
    c->hello.node = &c->hello_node;
    c->hello.cluster_id = c->options.cluster_id;
    c->hello.incarnation = rpc_uuid(&c->incarnation);
}

err_t control_open(struct loop *loop, struct heap *heap, struct trace *trace,
                   struct metadata *metadata, const struct control_options *options,
                   const struct control_events *events, void *ctx, struct control **ret_control)
{
    struct control *c = HEAP_NEW(heap, struct control);
    ENSURE(c != NULL, ERR_NO_MEMORY);
    assert(options->controller_count > 0 && options->endpoint_count > 0 && options->dir_count > 0);
    *c = (struct control){.loop = loop, .heap = heap, .trace = trace, .metadata = metadata};
    c->options = *options;
    c->events = events;
    c->ctx = ctx;
    c->epoch = -1;
    c->offset = -1;
    c->rest_ms = REST_MIN_MS;
    c->want_fence = true;
    c->fenced = true;
    c->incarnation = entropy_uuid(loop_host(loop));
    prng_init(&c->prng, options->seed);
    c->candidate = (uint32_t)prng_below(&c->prng, options->controller_count);
    c->rest_timer.fire = on_rest_timer;
    list_init(&c->waiting);
    list_init(&c->asked);
    hello_fill(c);
    struct hash_key key;
    entropy_fill(loop_host(loop), &key, sizeof(key));
    rpc_init(&c->rpc, loop, heap, key, &c->hello);
    *ret_control = c;
    return OK;
}

void control_start(struct control *c)
{
    c->told_ms = loop_now_us(c->loop) / 1000;
    dial(c);
}

void control_end(struct control *c)
{
    conn_drop(c);
    timer_cancel(c->loop, &c->rest_timer);
    control_requests_end(c);
    rpc_release(&c->rpc);
    c->state = CONTROL_ENDED;
}

void control_close(struct control *c)
{
    heap_free(c->heap, c, sizeof(*c));
}

int64_t control_epoch(const struct control *c)
{
    return c->epoch;
}

bool control_fenced(const struct control *c)
{
    return c->fenced;
}

bool control_stays_fenced(const struct control *c)
{
    return c->fenced && !c->may_be_unfenced;
}

bool control_caught_up(const struct control *c)
{
    const struct meta_broker *self = meta_broker(metadata_image(c->metadata), c->options.broker);
    return c->epoch >= 0 && self != NULL && self->epoch == c->epoch;
}
