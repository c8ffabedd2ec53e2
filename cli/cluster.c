/* cluster: brokers, controllers, leaders, replicas and their lag at a glance. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/topics.h"
#include "cli/when.h"
#include "common/port/clock.h"
#include "kmsg/describe_cluster.h"
#include "kmsg/describe_log_dirs.h"
#include "kmsg/describe_quorum.h"

#define PROBLEMS_SHOWN 20

struct broker_view {
    int32_t id;
    const char *address;
    const char *rack;
    bool fenced;
    bool answers;
    struct ask ask;
    struct kmsg_describe_log_dirs_response dirs;
    int32_t leads, replicas, out_of_sync;
    int64_t lag;
    int64_t bytes;
};

struct view {
    struct cli *cli;
    struct kmsg_describe_cluster_response cluster;
    struct kmsg_metadata_response metadata;
    struct kmsg_describe_quorum_response quorum;
    const struct kmsg_describe_quorum_response_partition *raft; /* NULL: the broker does not tell */
    struct broker_view *brokers;
    int32_t broker_count;
    int32_t topics, partitions, leaderless, under_replicated, fenced, silent;
};

typedef const struct kmsg_metadata_response_partition partition_row;

/* ---- asking ---- */

static int brokers_ask(struct view *view, struct link *link)
{
    assert(link->state == LINK_READY);
    struct cli *cli = view->cli;
    struct kmsg_describe_cluster_request request;
    kmsg_describe_cluster_request_init(&request);
    request.include_fenced_brokers = link_version(link, API_DESCRIBE_CLUSTER) >= 2;
    err_t err = ask_link(link, API_DESCRIBE_CLUSTER, &request, &cli->arena, &view->cluster);
    if (err != OK) {
        return cli_fail_err(cli, err, link, "cluster");
    }
    if (view->cluster.error_code != KAFKA_NONE) {
        return cli_fail_kafka(cli, view->cluster.error_code, view->cluster.error_message,
                              "cluster");
    }
    int32_t count = view->cluster.brokers.count;
    assert(count >= 0);
    view->brokers = arena_array(&cli->arena, (size_t)count + 1, sizeof(*view->brokers));
    if (view->brokers == NULL) {
        return cli_fail(cli, EXIT_FAILED, NULL, "%s", err_text(ERR_NO_MEMORY));
    }
    view->broker_count = count;
    for (int32_t i = 0; i < count; i++) {
        const struct kmsg_describe_cluster_response_broker *row = &view->cluster.brokers.items[i];
        const char *host = cli_str(cli, row->host);
        const char *address = arena_printf(&cli->arena, "%s:%d", host, row->port);
        view->brokers[i] = (struct broker_view){
            .id = row->broker_id,
            .address = address == NULL ? "?" : address,
            .rack = row->rack.p == NULL ? NULL : cli_str(cli, row->rack),
            .fenced = row->is_fenced};
    }
    return EXIT_OK;
}

/* The metadata quorum is told as a topic of one partition (KIP-595). */
static void quorum_ask(struct view *view, struct link *link)
{
    assert(link != NULL);
    struct cli *cli = view->cli;
    struct kmsg_describe_quorum_request request;
    view->raft = NULL;
    if (link->state != LINK_READY || link_version(link, API_DESCRIBE_QUORUM) == NO_VERSION) {
        return;
    }
    kmsg_describe_quorum_request_init(&request);
    request.topics.items = kmsg_describe_quorum_request_topic_array(&cli->arena, 1);
    if (request.topics.items == NULL) {
        return;
    }
    request.topics.count = 1;
    request.topics.items[0].topic_name = slice_str("__cluster_metadata");
    request.topics.items[0].partitions.items = kmsg_describe_quorum_request_partition_array(
        &cli->arena, 1);
    request.topics.items[0].partitions.count = request.topics.items[0].partitions.items != NULL;
    if (ask_link(link, API_DESCRIBE_QUORUM, &request, &cli->arena, &view->quorum) == OK &&
        view->quorum.error_code == KAFKA_NONE && view->quorum.topics.count == 1 &&
        view->quorum.topics.items[0].partitions.count == 1 &&
        view->quorum.topics.items[0].partitions.items[0].error_code == KAFKA_NONE) {
        view->raft = &view->quorum.topics.items[0].partitions.items[0];
    }
}

/* All brokers at once: each tells its own replicas. */
static void dirs_ask(struct view *view)
{
    assert(view->broker_count >= 0);
    struct cli *cli = view->cli;
    struct kmsg_describe_log_dirs_request request;
    kmsg_describe_log_dirs_request_init(&request);
    request.topics.count = -1;
    for (int32_t i = 0; i < view->broker_count; i++) {
        struct broker_view *broker = &view->brokers[i];
        struct link *link;
        if (!broker->fenced &&
            session_broker(&cli->session, &view->metadata, broker->id, &link) == OK &&
            link->state == LINK_READY) {
            broker->answers = ask_start(&broker->ask, link, API_DESCRIBE_LOG_DIRS, &request,
                                        &cli->arena, &broker->dirs, 0) == OK;
        }
    }
    for (int32_t i = 0; i < view->broker_count; i++) {
        struct broker_view *broker = &view->brokers[i];
        broker->answers = broker->answers && ask_wait(&broker->ask) == OK;
    }
}

/* ---- counting ---- */

static const struct kmsg_describe_log_dirs_response_partition *replica_find(
    const struct broker_view *broker, struct slice topic, int32_t partition)
{
    assert(topic.p != NULL && partition >= 0);
    for (int32_t d = 0; broker->answers && d < broker->dirs.results.count; d++) {
        const struct kmsg_describe_log_dirs_response_result *dir = &broker->dirs.results.items[d];
        for (int32_t t = 0; t < dir->topics.count; t++) {
            for (int32_t i = 0; slice_eq(dir->topics.items[t].name, topic) &&
                                i < dir->topics.items[t].partitions.count;
                 i++) {
                if (dir->topics.items[t].partitions.items[i].partition_index == partition) {
                    return &dir->topics.items[t].partitions.items[i];
                }
            }
        }
    }
    return NULL;
}

static void broker_sum(struct broker_view *broker)
{
    assert(broker->lag == 0 && broker->bytes == 0);
    for (int32_t d = 0; broker->answers && d < broker->dirs.results.count; d++) {
        const struct kmsg_describe_log_dirs_response_result *dir = &broker->dirs.results.items[d];
        for (int32_t t = 0; t < dir->topics.count; t++) {
            for (int32_t i = 0; i < dir->topics.items[t].partitions.count; i++) {
                broker->bytes += dir->topics.items[t].partitions.items[i].partition_size;
                broker->lag += max_i64(0, dir->topics.items[t].partitions.items[i].offset_lag);
            }
        }
    }
}

static bool has_id(const kmsg_i32_array *ids, int32_t id)
{
    assert(ids->count <= 0 || ids->items != NULL);
    for (int32_t i = 0; i < ids->count; i++) {
        if (ids->items[i] == id) {
            return true;
        }
    }
    return false;
}

static void partition_count(struct view *view, partition_row *p)
{
    assert(p->partition_index >= 0);
    view->partitions++;
    view->leaderless += p->leader_id < 0;
    view->under_replicated += p->isr_nodes.count < p->replica_nodes.count;
    for (int32_t i = 0; i < view->broker_count; i++) {
        struct broker_view *broker = &view->brokers[i];
        bool holds = has_id(&p->replica_nodes, broker->id);
        broker->leads += p->leader_id == broker->id;
        broker->replicas += holds;
        broker->out_of_sync += holds && !has_id(&p->isr_nodes, broker->id);
    }
}

static void view_count(struct view *view)
{
    assert(view->partitions == 0);
    view->topics = view->metadata.topics.count;
    for (int32_t t = 0; t < view->metadata.topics.count; t++) {
        const struct kmsg_metadata_response_topic *topic = &view->metadata.topics.items[t];
        for (int32_t i = 0; i < topic->partitions.count; i++) {
            partition_count(view, &topic->partitions.items[i]);
        }
    }
    for (int32_t i = 0; i < view->broker_count; i++) {
        broker_sum(&view->brokers[i]);
        view->fenced += view->brokers[i].fenced;
        view->silent += !view->brokers[i].fenced && !view->brokers[i].answers;
    }
}

static int32_t controller_leader(const struct view *view)
{
    return view->raft == NULL ? -1 : view->raft->leader_id;
}

static bool healthy(const struct view *view)
{
    return view->leaderless == 0 && view->under_replicated == 0 && view->fenced == 0 &&
           view->silent == 0 && (view->raft == NULL || view->raft->leader_id >= 0);
}

static int compare_brokers(const void *a, const void *b)
{
    const struct broker_view *x = a;
    const struct broker_view *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static int view_make(struct view *view, struct cli *cli)
{
    struct link *link;
    memset(view, 0, sizeof(*view));
    view->cli = cli;
    err_t err = session_any(&cli->session, &link);
    if (err != OK) {
        return cli_fail_err(cli, err, NULL, "cluster");
    }
    int code = brokers_ask(view, link);
    if (code != EXIT_OK) {
        return code;
    }
    quorum_ask(view, link);
    err = session_metadata(&cli->session, NULL, 0, &cli->arena, &view->metadata);
    if (err != OK) {
        return cli_fail_err(cli, err, NULL, "metadata");
    }
    dirs_ask(view);
    view_count(view);
    if (view->broker_count > 1) {
        qsort(view->brokers, (size_t)view->broker_count, sizeof(*view->brokers), compare_brokers);
    }
    topics_sort(&view->metadata);
    return EXIT_OK;
}

/* ---- text ---- */

static const char *broker_state(const struct broker_view *broker)
{
    return broker->fenced ? "fenced" : broker->answers ? "ok" : "no answer";
}

static void brokers_print(const struct view *view)
{
    assert(!view->cli->json);
    static const char *const titles[] = {"BROKER>",   "ADDRESS",      "RACK", "STATE", "LEADS>",
                                         "REPLICAS>", "OUT OF SYNC>", "LAG>", "DATA>"};
    struct cli *cli = view->cli;
    struct table table;
    table_init(&table, &cli->arena, titles, ARRAY_LEN(titles));
    for (int32_t i = 0; i < view->broker_count; i++) {
        const struct broker_view *broker = &view->brokers[i];
        struct size_text size = size_print(broker->bytes);
        table_row(&table);
        table_cell(&table, "%d", broker->id);
        table_cell(&table, "%s", broker->address);
        table_cell(&table, "%s", broker->rack == NULL ? "-" : broker->rack);
        table_cell(&table, "%s", broker_state(broker));
        table_cell(&table, "%d", broker->leads);
        table_cell(&table, "%d", broker->replicas);
        table_cell(&table, "%d", broker->out_of_sync);
        if (broker->answers) {
            table_cell(&table, "%lld", (long long)broker->lag);
            table_cell(&table, "%s", size.s);
        } else {
            table_cell(&table, "?");
            table_cell(&table, "?");
        }
    }
    table_print(&table, &cli->out);
}

static const char *controller_address(const struct view *view, int32_t id)
{
    assert(view->raft != NULL);
    for (int32_t i = 0; i < view->quorum.nodes.count; i++) {
        const struct kmsg_describe_quorum_response_node *node = &view->quorum.nodes.items[i];
        if (node->node_id == id && node->listeners.count > 0) {
            const char *host = cli_str(view->cli, node->listeners.items[0].host);
            const char *text = arena_printf(&view->cli->arena, "%s:%u", host,
                                            node->listeners.items[0].port);
            return text == NULL ? "?" : text;
        }
    }
    return "-";
}

static void controllers_print(const struct view *view)
{
    assert(view->raft != NULL);
    static const char *const titles[] = {"CONTROLLER>", "ADDRESS", "STATE",
                                         "LOG END>",    "LAG>",    "CAUGHT UP"};
    struct cli *cli = view->cli;
    struct table table;
    int64_t end = 0;
    table_init(&table, &cli->arena, titles, ARRAY_LEN(titles));
    for (int32_t i = 0; i < view->raft->current_voters.count; i++) {
        end = max_i64(end, view->raft->current_voters.items[i].log_end_offset);
    }
    for (int32_t i = 0; i < view->raft->current_voters.count; i++) {
        const struct kmsg_describe_quorum_response_replica_state *voter =
            &view->raft->current_voters.items[i];
        struct when_text when = when_print(voter->last_caught_up_timestamp);
        table_row(&table);
        table_cell(&table, "%d", voter->replica_id);
        table_cell(&table, "%s", controller_address(view, voter->replica_id));
        table_cell(&table, "%s", voter->replica_id == view->raft->leader_id ? "active" : "follows");
        table_cell(&table, "%lld", (long long)voter->log_end_offset);
        table_cell(&table, "%lld", (long long)(end - voter->log_end_offset));
        table_cell(&table, "%s", voter->last_caught_up_timestamp < 0 ? "-" : when.s);
    }
    table_print(&table, &cli->out);
}

/* "2:+153 3:out" of one partition's followers. */
static const char *lag_text(const struct view *view, struct slice topic, partition_row *p)
{
    assert(topic.p != NULL);
    char text[REPLICAS_MAX * 40] = "";
    size_t at = 0;
    for (int32_t i = 0; i < view->broker_count && at + 40 < sizeof(text); i++) {
        const struct broker_view *broker = &view->brokers[i];
        if (!has_id(&p->replica_nodes, broker->id) || broker->id == p->leader_id) {
            continue;
        }
        const struct kmsg_describe_log_dirs_response_partition *replica = replica_find(
            broker, topic, p->partition_index);
        bool out = !has_id(&p->isr_nodes, broker->id);
        if (out || (replica != NULL && replica->offset_lag > 0)) {
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%d:", at == 0 ? "" : " ",
                                   broker->id);
            at += (size_t)snprintf(text + at, sizeof(text) - at, replica == NULL ? "?" : "+%lld",
                                   replica == NULL ? 0 : (long long)replica->offset_lag);
            at += (size_t)snprintf(text + at, sizeof(text) - at, "%s", out ? " (out)" : "");
        }
    }
    const char *copy = at == 0 ? "-" : arena_printf(&view->cli->arena, "%s", text);
    return copy == NULL ? "?" : copy;
}

static void partition_print(const struct view *view, struct table *table, struct slice topic,
                            partition_row *p)
{
    assert(table->columns == 6);
    table_row(table);
    table_cell(table, "%.*s", (int)topic.n, (const char *)topic.p);
    table_cell(table, "%d", p->partition_index);
    if (p->leader_id < 0) {
        table_cell(table, "none");
    } else {
        table_cell(table, "%d", p->leader_id);
    }
    table_cell(table, "%s", ids_text(view->cli, &p->replica_nodes));
    table_cell(table, "%s", ids_text(view->cli, &p->isr_nodes));
    table_cell(table, "%s", lag_text(view, topic, p));
}

/* With --all every partition, else those that are not as they should be. */
static void partitions_print(const struct view *view)
{
    assert(!view->cli->json);
    static const char *const titles[] = {"TOPIC",    "PARTITION>", "LEADER>",
                                         "REPLICAS", "IN SYNC",    "LAG OF FOLLOWERS"};
    struct cli *cli = view->cli;
    struct table table;
    bool all = args_flag(cli->args, "all");
    int32_t shown = 0;
    int32_t more = 0;
    table_init(&table, &cli->arena, titles, ARRAY_LEN(titles));
    for (int32_t t = 0; t < view->metadata.topics.count; t++) {
        const struct kmsg_metadata_response_topic *topic = &view->metadata.topics.items[t];
        for (int32_t i = 0; i < topic->partitions.count; i++) {
            partition_row *p = &topic->partitions.items[i];
            bool bad = p->leader_id < 0 || p->isr_nodes.count < p->replica_nodes.count;
            if (!all && (!bad || shown == PROBLEMS_SHOWN)) {
                more += bad;
                continue;
            }
            shown++;
            partition_print(view, &table, topic->name, p);
        }
    }
    if (shown > 0) {
        buf_put(&cli->out, "\n", 1);
        table_print(&table, &cli->out);
    }
    if (more > 0) {
        buf_printf(&cli->out, "and %d more; --all shows them\n", more);
    }
}

static void text_print(const struct view *view)
{
    assert(!view->cli->json);
    struct cli *cli = view->cli;
    buf_printf(
        &cli->out,
        "cluster %.*s: %s, %d topics, %d partitions, %d under-replicated, %d without leader\n\n",
        (int)view->cluster.cluster_id.n, (const char *)view->cluster.cluster_id.p,
        healthy(view) ? "healthy" : "NOT HEALTHY", view->topics, view->partitions,
        view->under_replicated, view->leaderless);
    brokers_print(view);
    buf_put(&cli->out, "\n", 1);
    if (view->raft != NULL) {
        controllers_print(view);
    } else {
        buf_printf(&cli->out, "controllers: the broker does not tell of them now\n");
    }
    partitions_print(view);
}

/* ---- JSON ---- */

static void json_brokers(const struct view *view, struct json *json)
{
    assert(view->cli->json);
    json_open(json, "brokers", '[');
    for (int32_t i = 0; i < view->broker_count; i++) {
        const struct broker_view *broker = &view->brokers[i];
        json_open(json, NULL, '{');
        json_number(json, "id", broker->id);
        json_text(json, "address", broker->address);
        json_text(json, "rack", broker->rack);
        json_text(json, "state", broker_state(broker));
        json_number(json, "leads", broker->leads);
        json_number(json, "replicas", broker->replicas);
        json_number(json, "out_of_sync", broker->out_of_sync);
        if (broker->answers) {
            json_number(json, "lag", broker->lag);
            json_number(json, "bytes", broker->bytes);
        } else {
            json_null(json, "lag");
            json_null(json, "bytes");
        }
        json_close(json);
    }
    json_close(json);
}

static void json_controllers(const struct view *view, struct json *json)
{
    assert(view->cli->json);
    json_open(json, "controllers", '[');
    for (int32_t i = 0; view->raft != NULL && i < view->raft->current_voters.count; i++) {
        const struct kmsg_describe_quorum_response_replica_state *voter =
            &view->raft->current_voters.items[i];
        json_open(json, NULL, '{');
        json_number(json, "id", voter->replica_id);
        json_text(json, "address", controller_address(view, voter->replica_id));
        json_bool(json, "active", voter->replica_id == view->raft->leader_id);
        json_number(json, "log_end_offset", voter->log_end_offset);
        json_time(json, "caught_up", voter->last_caught_up_timestamp);
        json_close(json);
    }
    json_close(json);
}

static void json_partition(const struct view *view, struct json *json, struct slice topic,
                           partition_row *p)
{
    assert(topic.p != NULL);
    json_open(json, NULL, '{');
    json_slice(json, "topic", topic);
    json_number(json, "partition", p->partition_index);
    json_number(json, "leader", p->leader_id);
    json_ids(json, "replicas", &p->replica_nodes);
    json_ids(json, "in_sync", &p->isr_nodes);
    json_open(json, "lags", '[');
    for (int32_t i = 0; i < view->broker_count; i++) {
        const struct broker_view *broker = &view->brokers[i];
        const struct kmsg_describe_log_dirs_response_partition *replica =
            has_id(&p->replica_nodes, broker->id) ? replica_find(broker, topic, p->partition_index)
                                                  : NULL;
        if (replica != NULL) {
            json_open(json, NULL, '{');
            json_number(json, "broker", broker->id);
            json_number(json, "lag", replica->offset_lag);
            json_number(json, "bytes", replica->partition_size);
            json_close(json);
        }
    }
    json_close(json);
    json_close(json);
}

static void json_print(const struct view *view)
{
    assert(view->cli->json && view->cli->json_out.depth == 0);
    struct cli *cli = view->cli;
    struct json *json = &cli->json_out;
    bool all = args_flag(cli->args, "all");
    json_open(json, NULL, '{');
    json_slice(json, "cluster_id", view->cluster.cluster_id);
    json_bool(json, "healthy", healthy(view));
    json_number(json, "topics", view->topics);
    json_number(json, "partitions", view->partitions);
    json_number(json, "under_replicated", view->under_replicated);
    json_number(json, "leaderless", view->leaderless);
    json_number(json, "active_controller", controller_leader(view));
    json_brokers(view, json);
    json_controllers(view, json);
    json_open(json, all ? "all_partitions" : "unhealthy_partitions", '[');
    for (int32_t t = 0; t < view->metadata.topics.count; t++) {
        const struct kmsg_metadata_response_topic *topic = &view->metadata.topics.items[t];
        for (int32_t i = 0; i < topic->partitions.count; i++) {
            partition_row *p = &topic->partitions.items[i];
            if (all || p->leader_id < 0 || p->isr_nodes.count < p->replica_nodes.count) {
                json_partition(view, json, topic->name, p);
            }
        }
    }
    json_close(json);
    json_close(json);
}

/* ---- the run ---- */

static int once(struct cli *cli, bool redraw)
{
    assert(cli->json_out.depth == 0);
    struct view view;
    int code = view_make(&view, cli);
    if (code != EXIT_OK) {
        return code;
    }
    if (cli->json) {
        json_print(&view);
    } else {
        if (redraw && cli->wide) {
            buf_printf(&cli->out, "\033[H\033[2J%s  (Ctrl-C ends)\n",
                       when_print(clock_wall_ms(cli->host)).s);
        }
        text_print(&view);
    }
    bool check = args_flag(cli->args, "check") && !healthy(&view);
    return cli_flush(cli) && check ? EXIT_UNHEALTHY : EXIT_OK;
}

int cluster_run(struct cli *cli)
{
    int64_t seconds = args_number(cli->args, "watch", 0);
    if (seconds == 0) {
        return once(cli, false);
    }
    cli_catch_signals(cli);
    int code = EXIT_OK;
    while (!cli->session.interrupted && !cli->out_broken) {
        code = once(cli, true);
        if (!cli->session.interrupted && !cli->out_broken) {
            cli_json_error(cli); /* nobody answers now; perhaps in a while */
            cli->error_message = NULL;
            cli->error_written = false;
            session_sleep(&cli->session, seconds * 1000000);
        }
        arena_clear(&cli->arena);
    }
    return cli->session.interrupted ? EXIT_OK : code;
}
