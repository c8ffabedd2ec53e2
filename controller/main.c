/*
 * odradek-controller CONFIG.properties [--override key=value]...: one controller of the quorum.
 * Exit codes: 0 stopped in order, 1 configuration, 2 usage, 3 data folder or port, 70 the node had to stop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/host/host.h"
#include "common/main/start.h"
#include "controller/node/controller_node.h"

struct app {
    struct host *host;
    int status;
};

static void on_halted(void *ctx)
{
    struct app *app = ctx;
    app->status = 70;
    host_stop(app->host);
}

static void options_fill(const struct start *start, struct controller_options *options)
{
    const struct config *config = &start->config;
    const struct config_net *net = &start->net;
    options->node_id = net->node_id;
    options->data_dir = net->metadata_dir;
    options->election_min_ms = (int32_t)config_int(config, CONFIG_ELECTION_TIMEOUT_MS);
    options->election_max_ms = 2 * options->election_min_ms;
    options->backoff_max_ms = (int32_t)config_int(config,
                                                  CONFIG_CONTROLLER_QUORUM_ELECTION_BACKOFF_MAX_MS);
    options->snapshot_bytes = config_int(config, CONFIG_SNAPSHOT_BYTES);
    for (uint32_t i = 0; i < net->voter_count; i++) {
        options->voters[i].id = net->voters[i].id;
        start_address(&net->voters[i].address, &options->voters[i].address);
    }
    options->voter_count = net->voter_count;
    start_address(&net->listeners[net->inter_broker].bind, &options->listener);
    options->has_admin = net->admin_count > 0;
    start_address(&net->admin[0], &options->admin);
    struct controller_settings *settings = &options->settings;
    *settings = controller_settings_default();
    settings->session_timeout_ms = config_int(config, CONFIG_SESSION_MS);
    settings->rebalance_check_ms = config_bool(config, CONFIG_REBALANCE_ENABLE)
                                       ? config_int(config, CONFIG_REBALANCE_CHECK_S) * 1000
                                       : 0;
    settings->own_topics[0].replicas = (int32_t)config_int(config,
                                                           CONFIG_OFFSETS_TOPIC_REPLICATION_FACTOR);
    settings->own_topics[1].replicas = (int32_t)config_int(
        config, CONFIG_TRANSACTION_STATE_LOG_REPLICATION_FACTOR);
    settings->own_topics[2].replicas = (int32_t)config_int(
        config, CONFIG_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR);
    settings->defaults.min_insync_replicas = (int32_t)config_int(config, CONFIG_MIN_ISR);
    settings->defaults.unclean_leader_election = config_bool(config, CONFIG_UNCLEAN_ELECTION);
    settings->defaults.durability_disk = slice_eq(config_text(config, CONFIG_DURABILITY),
                                                  slice_str("disk"));
    settings->defaults.delete_topics = config_bool(config, CONFIG_DELETE_TOPIC_ENABLE);
    settings->defaults.num_partitions = (int32_t)config_int(config, CONFIG_NUM_PARTITIONS);
    settings->defaults.replication_factor = (int16_t)config_int(config, CONFIG_REPLICATION_FACTOR);
}

static int run(const struct start *start)
{
    struct app app = {.host = start->host};
    struct controller_options options = {0};
    struct controller_node *node;
    char why[512] = "";
    options_fill(start, &options);
    char name[64];
    struct trace trace;
    (void)snprintf(name, sizeof(name), "controller id=%d", options.node_id);
    start_trace(start, name, &trace);
    if (controller_node_start(start->host, &options, &trace, on_halted, &app, why, sizeof(why),
                              &node) != OK) {
        (void)start_fail("%s", why);
        return 3;
    }
    int number = host_wait(start->host);
    if (number != 0) {
        trace_log(&trace, TRACE_INFO, TRACE_NODE, "Terminating process due to signal %s",
                  start_signal_name(number));
    }
    app.status = app.status != 0 && controller_node_no_place(node) ? 3 : app.status;
    controller_node_stop(node);
    controller_node_join(node);
    trace_log(&trace, TRACE_INFO, TRACE_NODE, "shut down completed");
    return app.status;
}

int main(int argc, char **argv)
{
    return start_main(argc, argv, "controller",
                      "One controller of the quorum that owns a cluster's metadata.", run);
}
