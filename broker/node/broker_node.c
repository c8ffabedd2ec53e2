#include "broker/node/broker_node.h"

#include <stdio.h>

#include "broker/node/group_config.h"
#include "broker/node/node_internal.h"
#include "common/port/clock.h"
#include "common/port/entropy.h"
#include "common/port/memory.h"

#define HEAP_MAX     ((size_t)8 << 30)
#define WATCH_US     1000000
/* A reactor that has not turned for so long is hung: the broker stops its heartbeats and is fenced (docs/RULES.md, Threads). */
#define HUNG_US      5000000
/* A controlled shutdown that the controllers do not answer goes on alone after this. */
#define STOP_WAIT_US 10000000
#define UNSYNCED_MAX ((int64_t)64 << 20)

void node_fail(struct broker_node *node, const char *sentence)
{
    if (!node->failed) {
        node->failed = true;
        trace_log(&node->trace, TRACE_ERROR, TRACE_NODE, "%s", sentence);
        node->halted(node->halted_ctx);
    }
}

void node_tell_running(struct broker_node *node)
{
    if (!node->told_running) { /* the words that scripts made for Kafka wait for */
        node->told_running = true;
        trace_log(&node->trace, TRACE_INFO, TRACE_NODE, "Transitioning from RECOVERY to RUNNING");
        trace_log(&node->trace, TRACE_INFO, TRACE_NODE,
                  "Kafka Server started: broker %d serves %u listeners", node->options.node_id,
                  node->options.listener_count);
    }
}

/* ---- health ---- */

static void on_http(void *ctx, const char *path, struct http_answer *answer)
{
    const struct broker_node *node = ctx;
    http_health(answer, path,
                node->stopping ? "stopping"
                : !node->ready ? "logs are being opened, or no controller has been found yet"
                : control_fenced(node->control) ? "fenced by the controllers"
                                                : NULL);
}

static void on_watch(struct timer *timer)
{
    struct broker_node *node = CONTAINER_OF(timer, struct broker_node, watch_timer);
    time_us now = clock_mono_us(node->host);
    bool hung = false;
    for (uint32_t i = 0; i < node->reactor_count; i++) {
        hung = hung || now - loop_last_turn_us(node->reactors[i].loop) > HUNG_US;
    }
    control_hold_heartbeats(node->control, hung);
    timer_arm_beat(node->control_loop, timer, WATCH_US); /* with the look at the directories */
}

/* ---- starting ---- */

static void place_fail(struct broker_node *node, const char *key, const struct net_address *place,
                       err_t err)
{
    char sentence[HOST_NAME_MAX_BYTES + 256];
    const char *hint = err == ERR_EXISTS ? "the port is in use: stop what listens there, or change"
                       : err == ERR_UNREACHABLE ? "the address is not one of this machine: correct"
                                                : "change";
    (void)snprintf(sentence, sizeof(sentence), "cannot listen on %s:%u: %s; %s %s", place->host,
                   place->port, err_text(err), hint, key);
    node->no_place = true;
    node_fail(node, sentence);
}

static void control_first(void *arg)
{
    struct broker_node *node = arg;
    partitions_start(node->partitions);
    err_t err = !node->options.has_admin ? OK
                                         : http_listen(node->control_loop, &node->options.admin,
                                                       on_http, node, &node->http);
    if (err != OK) {
        place_fail(node, "admin.listeners", &node->options.admin, err);
        return;
    }
    node->watch_timer.fire = on_watch;
    on_watch(&node->watch_timer);
}

/* Who cannot be reached does not register: the cluster would remember a broker that never was. */
static void on_listening(struct mail *mail)
{
    struct broker_node *node = CONTAINER_OF(mail, struct broker_node, listening_mail);
    if (!node->failed && !node->stopping) {
        control_start(node->control);
    }
}

static void reactor_first(void *arg)
{
    (void)arg; /* what it does comes by its connections */
}

static void first_reactor_first(void *arg)
{
    struct broker_node *node = arg;
    uint32_t failed = 0;
    err_t err = node_listen(node, &failed);
    if (err != OK) {
        place_fail(node, "listeners", &node->options.listeners[failed].bind, err);
        return;
    }
    node->listening_mail.deliver = on_listening;
    loop_post(node->control_loop, &node->listening_mail);
}

static void partitions_config_fill(struct broker_node *node, struct partitions_config *to)
{
    const struct config *config = node->options.config;
    *to = (struct partitions_config){
        .host = node->host,
        .control = node->control_loop,
        .reactor_count = node->reactor_count,
        .trace = &node->trace,
        .crc = crc32c_detect(),
        .broker_id = node->options.node_id,
        .dir_count = node->options.dir_count,
        .listener = node->options.listeners[0].name,
        .lag_time_max_ms = config_int(config, CONFIG_LAG_MAX_MS),
        .producer_expiration_ms = config_int(config, CONFIG_PRODUCER_EXPIRATION_MS),
        .checkpoint_ms = min_i64(
            config_int(config, CONFIG_CHECKPOINT_MS),
            config_int(config, CONFIG_REPLICA_HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS)),
        .retention_ms = config_int(config, CONFIG_RETENTION_CHECK_MS),
        .fetch_wait_max_ms = config_int(config, CONFIG_REPLICA_WAIT_MS),
        .fetch_timeout_ms = config_int(config, CONFIG_REPLICA_SOCKET_TIMEOUT_MS),
        .fetch_rest_max_ms = config_int(config, CONFIG_REPLICA_FETCH_BACKOFF_MS),
        .fetch_bytes_min = (int32_t)config_int(config, CONFIG_REPLICA_FETCH_MIN_BYTES),
        .fetch_bytes_max = (int32_t)config_int(config, CONFIG_REPLICA_RESPONSE_BYTES),
        .fetch_partition_bytes_max = (int32_t)config_int(config, CONFIG_REPLICA_FETCH_BYTES),
        .unsynced_bytes_max = UNSYNCED_MAX,
        .reserve_bytes = config_int(config, CONFIG_DIR_RESERVE),
    };
    for (uint32_t i = 0; i < node->reactor_count; i++) {
        to->reactors[i] = node->reactors[i].loop;
    }
    for (uint32_t i = 0; i < node->options.dir_count; i++) {
        to->dirs[i] = node->options.dirs[i];
    }
    entropy_fill(node->host, &to->hash_key, sizeof(to->hash_key));
    node_partition_events(node, &to->events);
}

static void coords_config_fill(struct broker_node *node, struct coords_config *to)
{
    const struct config *config = node->options.config;
    *to = (struct coords_config){
        .host = node->host,
        .control = node->control_loop,
        .reactor_count = node->reactor_count,
        .trace = &node->trace,
        .crc = crc32c_detect(),
        .partitions = node->partitions,
        .broker = node->options.node_id,
        .write_timeout_ms = config_int(config, CONFIG_OFFSETS_COMMIT_TIMEOUT_MS),
    };
    group_config_fill(config, &to->group);
    for (uint32_t i = 0; i < node->reactor_count; i++) {
        to->reactors[i] = node->reactors[i].loop;
    }
    entropy_fill(node->host, &to->group.hash_key, sizeof(to->group.hash_key));
    entropy_fill(node->host, &to->group.seed, sizeof(to->group.seed));
}

static void control_options_fill(struct broker_node *node, struct control_options *to)
{
    const struct broker_options *from = &node->options;
    *to = (struct control_options){.broker = from->node_id,
                                   .rack = slice_str(from->rack),
                                   .previous_epoch = partitions_previous_epoch(node->partitions),
                                   .controller_count = from->controller_count,
                                   .heartbeat_ms = config_int(from->config, CONFIG_HEARTBEAT_MS),
                                   .session_ms = config_int(from->config, CONFIG_SESSION_MS)};
    memcpy(to->controllers, from->controllers, sizeof(to->controllers));
    for (uint32_t i = 0; i < from->listener_count; i++) {
        to->endpoints[i].listener = slice_str(from->listeners[i].name);
        to->endpoints[i].host = slice_str(from->listeners[i].advertised.host);
        to->endpoints[i].port = from->listeners[i].advertised.port;
    }
    to->endpoint_count = from->listener_count;
    for (uint32_t i = 0; i < partitions_dir_count(node->partitions); i++) {
        struct log_dir_facts dir = partitions_dir(node->partitions, i);
        if (dir.online) {
            to->dirs[to->dir_count].id = dir.id;
            to->dirs[to->dir_count].this_boot = dir.this_boot;
            to->dirs[to->dir_count++].state = (Odradek__DirState)dir.state;
        }
    }
    (void)snprintf(to->cluster_id, sizeof(to->cluster_id), "%s",
                   partitions_cluster_id(node->partitions));
    entropy_fill(node->host, &to->seed, sizeof(to->seed));
}

static err_t reactor_open(struct broker_node *node, uint32_t i)
{
    struct reactor *reactor = &node->reactors[i];
    char name[24];
    (void)snprintf(name, sizeof(name), "reactor-%u", i);
    reactor->node = node;
    TRY(loop_open(node->host, name, &reactor->loop));
    heap_init(&reactor->heap, memory_source(node->host), HEAP_MAX);
    metadata_add_reader(&node->metadata, &reactor->metadata, reactor->loop);
    return OK;
}

static void reactor_fill(struct broker_node *node, uint32_t i)
{
    struct reactor *reactor = &node->reactors[i];
    const struct config *config = node->options.config;
    edge_init(&reactor->edge, reactor->loop, &reactor->heap, &node->trace);
    reactor->edge.handlers = api_handlers;
    reactor->edge.handler_count = api_handler_count;
    reactor->edge.unknown_version = api_versions_unknown;
    reactor->edge.api = &reactor->api;
    reactor->edge.frame_max = (size_t)config_int(config, CONFIG_REQUEST_MAX_BYTES);
    reactor->edge.idle_max_ms = config_int(config, CONFIG_IDLE_MS);
    reactor->edge.admin = node->options.has_admin ? node->admin : NULL;
    struct api *api = &reactor->api;
    *api = (struct api){.loop = reactor->loop,
                        .heap = &reactor->heap,
                        .trace = &node->trace,
                        .loggers = &node->trace,
                        .crc = crc32c_detect(),
                        .partitions = node->partitions,
                        .coords = node->coords,
                        .metadata = &reactor->metadata,
                        .control = node->control,
                        .broker = node->options.node_id,
                        .auto_create = config_bool(config, CONFIG_AUTO_CREATE),
                        .request_timeout_ms = config_int(config, CONFIG_REQUEST_TIMEOUT_MS),
                        .fetch_bytes_max = (int32_t)config_int(config, CONFIG_FETCH_MAX_BYTES),
                        .fetch_sessions_max = (uint32_t)config_int(config, CONFIG_FETCH_SESSIONS) /
                                              node->reactor_count};
    api->config = config;
    entropy_fill(node->host, &api->seed, sizeof(api->seed));
    api_init(api);
}

/* As a client would write it: an IPv6 literal in brackets; listening everywhere means this host by the name it advertises. */
static void admin_text(struct broker_node *node)
{
    const struct net_address *admin = &node->options.admin;
    const char *host = admin->host;
    if (host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) {
        host = node->options.listeners[0].advertised.host;
    }
    (void)snprintf(node->admin, sizeof(node->admin),
                   strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, admin->port);
}

static err_t rooms_open(struct broker_node *node, char *why, size_t why_bytes)
{
    TRY(loop_open(node->host, "control", &node->control_loop));
    TRY(metadata_init(&node->metadata, node->control_loop, &node->heap));
    for (uint32_t i = 0; i < node->reactor_count; i++) {
        TRY(reactor_open(node, i));
    }
    struct hash_key key;
    entropy_fill(node->host, &key, sizeof(key));
    conn_gate_init(&node->gate, &node->reactors[0].heap, key);
    struct partitions_config partitions;
    struct control_options options;
    struct coords_config coords;
    partitions_config_fill(node, &partitions);
    TRY(partitions_open(&partitions, why, why_bytes, &node->partitions));
    coords_config_fill(node, &coords);
    TRY(coords_open(&coords, &node->coords));
    control_options_fill(node, &options);
    node_control_events(&node->control_events);
    TRY(control_open(node->control_loop, &node->heap, &node->trace, &node->metadata, &options,
                     &node->control_events, node, &node->control));
    for (uint32_t i = 0; i < node->reactor_count; i++) {
        reactor_fill(node, i);
    }
    return OK;
}

err_t broker_node_start(struct host *host, const struct broker_options *options,
                        const struct trace *trace, void (*halted)(void *ctx), void *ctx,
                        char *ret_why, size_t why_bytes, struct broker_node **ret_node)
{
    const struct memory_source *source = memory_source(host);
    struct broker_node *node = source->take(source->ctx, sizeof(*node));
    ENSURE(node != NULL, ERR_NO_MEMORY);
    memset(node, 0, sizeof(*node));
    node->host = host;
    node->trace = *trace;
    node->options = *options;
    node->halted = halted;
    node->halted_ctx = ctx;
    node->reactor_count = options->reactors;
    admin_text(node);
    heap_init(&node->heap, source, HEAP_MAX);
    err_t err = rooms_open(node, ret_why, why_bytes);
    if (err != OK) {
        if (ret_why[0] == '\0') {
            (void)snprintf(ret_why, why_bytes, "the broker cannot start: %s", err_text(err));
        }
        return err; /* the process ends: what was opened goes with it */
    }
    *ret_node = node;
    loop_start(node->reactors[0].loop, first_reactor_first, node);
    for (uint32_t i = 1; i < node->reactor_count; i++) {
        loop_start(node->reactors[i].loop, reactor_first, node);
    }
    loop_start(node->control_loop, control_first, node);
    return OK;
}

/* ---- stopping ---- */

static void on_reactor_settled(struct mail *mail)
{
    struct reactor *reactor = CONTAINER_OF(mail, struct reactor, close_mail);
    struct broker_node *node = reactor->node;
    assert(node->reactors_closed == node->reactor_count);
    if (++node->reactors_settled == node->reactor_count) {
        node->halted(node->halted_ctx);
    }
}

static void on_reactor_settle(struct mail *mail)
{
    struct reactor *reactor = CONTAINER_OF(mail, struct reactor, close_mail);
    mail->deliver = on_reactor_settled;
    loop_post(reactor->node->control_loop, mail);
}

/* What a reactor had asked the controllers before it closed has been refused by now: that goes home before the loops stop. */
static void on_reactor_closed(struct mail *mail)
{
    struct broker_node *node = CONTAINER_OF(mail, struct reactor, close_mail)->node;
    if (++node->reactors_closed < node->reactor_count) {
        return;
    }
    for (uint32_t i = 0; i < node->reactor_count; i++) {
        node->reactors[i].close_mail.deliver = on_reactor_settle;
        loop_post(node->reactors[i].loop, &node->reactors[i].close_mail);
    }
}

/* Its requests have ended, with what they had on the pool. */
static void on_edge_closed(struct edge *edge)
{
    struct reactor *reactor = CONTAINER_OF(edge, struct reactor, edge);
    reactor->close_mail.deliver = on_reactor_closed;
    loop_post(reactor->node->control_loop, &reactor->close_mail);
}

static void on_reactor_close(struct mail *mail)
{
    struct reactor *reactor = CONTAINER_OF(mail, struct reactor, close_mail);
    if (reactor == &reactor->node->reactors[0]) {
        node_unlisten(reactor->node);
    }
    edge_close(&reactor->edge, on_edge_closed);
}

/* Everything is on disk: the clients' connections go, then the loops. */
void node_partitions_stopped(struct broker_node *node)
{
    control_end(node->control);
    http_close(node->http);
    node->http = NULL;
    timer_cancel(node->control_loop, &node->watch_timer);
    timer_cancel(node->control_loop, &node->news_timer);
    for (uint32_t i = 0; i < node->reactor_count; i++) {
        node->reactors[i].close_mail.deliver = on_reactor_close;
        loop_post(node->reactors[i].loop, &node->reactors[i].close_mail);
    }
}

static void on_coords_stopped(void *ctx)
{
    struct broker_node *node = ctx;
    assert(node->partitions_stopping);
    partitions_stop(node->partitions);
}

static void on_stop_timer(struct timer *timer)
{
    struct broker_node *node = CONTAINER_OF(timer, struct broker_node, stop_timer);
    if (!node->partitions_stopping) { /* the controllers may say "now" more than once */
        node->partitions_stopping = true;
        coords_stop(node->coords, on_coords_stopped, node);
    }
}

static void on_stop(struct mail *mail)
{
    struct broker_node *node = CONTAINER_OF(mail, struct broker_node, stop_mail);
    node->stopping = true;
    node->stop_timer.fire = on_stop_timer;
    bool orderly = config_bool(node->options.config, CONFIG_CONTROLLED_SHUTDOWN_ENABLE);
    /* Who may be unfenced by a heartbeat that was not answered may lead by now: that has to be handed over. */
    time_us wait = control_stays_fenced(node->control) || !orderly ? 0 : STOP_WAIT_US;
    timer_arm(node->control_loop, &node->stop_timer, loop_now_us(node->control_loop) + wait);
    if (orderly) { /* otherwise the controllers learn of the end by the connection's */
        control_want_shutdown(node->control);
    }
}

void broker_node_stop(struct broker_node *node)
{
    node->stop_mail.deliver = on_stop;
    loop_post(node->control_loop, &node->stop_mail);
}

void broker_node_join(struct broker_node *node)
{
    const struct memory_source *source = memory_source(node->host);
    for (uint32_t i = 0; i < node->reactor_count; i++) {
        loop_stop(node->reactors[i].loop);
    }
    loop_stop(node->control_loop);
    for (uint32_t i = node->reactor_count; i > 0; i--) { /* the others send mail to the first */
        loop_join(node->reactors[i - 1].loop);
    }
    loop_join(node->control_loop);
    control_close(node->control);
    coords_close(node->coords);
    partitions_close(node->partitions);
    conn_gate_release(&node->gate);
    for (uint32_t i = 0; i < node->reactor_count; i++) {
        api_release(&node->reactors[i].api);
        heap_release(&node->reactors[i].heap);
    }
    heap_release(&node->heap);
    source->give(source->ctx, node, sizeof(*node));
}

bool broker_node_no_place(const struct broker_node *node)
{
    return node->no_place;
}

bool broker_node_ended_well(const struct broker_node *node)
{
    return !node->failed;
}
