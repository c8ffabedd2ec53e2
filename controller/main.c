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

static bool address_copy(const struct config_address *from, struct net_address *to)
{
    (void)snprintf(to->host, sizeof(to->host), "%s", from->host);
    to->port = from->port;
    return true;
}

static bool voters_read(const struct config *config, struct controller_options *options)
{
    struct slice list = config_text(config, CONFIG_QUORUM_VOTERS);
    struct slice item;
    bool self = false;
    while (config_item(&list, &item)) {
        struct config_address address;
        struct quorum_address *voter = &options->voters[options->voter_count];
        if (options->voter_count == VOTERS_MAX ||
            config_voter_parse(item, &voter->id, &address) != OK) {
            return start_fail(
                "controller.quorum.voters: write id@host:port, id@host:port, ... (at most 7)");
        }
        self = self || voter->id == options->node_id;
        (void)address_copy(&address, &voter->address);
        options->voter_count++;
    }
    return self ||
           start_fail(
               "controller.quorum.voters does not name this node.id: add it, or correct node.id");
}

static bool listener_read(const struct config *config, struct controller_options *options)
{
    struct slice list = config_text(config, CONFIG_LISTENERS);
    struct slice item;
    struct config_address address;
    if (!config_item(&list, &item) || config_listener_parse(item, &address) != OK) {
        return start_fail(
            "listeners: write NAME://host:port, for example CONTROLLER://127.0.0.1:9093");
    }
    (void)address_copy(&address, &options->listener);
    list = config_text(config, CONFIG_ADMIN_LISTENERS);
    if (config_item(&list, &item)) {
        if (config_listener_parse(item, &address) != OK) {
            return start_fail("admin.listeners: write HTTP://host:port");
        }
        options->has_admin = address_copy(&address, &options->admin);
    }
    return true;
}

static bool options_read(const struct config *config, struct arena *arena,
                         struct controller_options *options)
{
    if (!start_role_is(config, "controller", "odradek-controller")) {
        return false;
    }
    if (!config_set(config, CONFIG_NODE_ID)) {
        return start_fail("node.id is missing: give every node of the cluster its own");
    }
    options->node_id = (int32_t)config_int(config, CONFIG_NODE_ID);
    options->data_dir = start_first_dir(config, arena);
    options->election_min_ms = (int32_t)config_int(config, CONFIG_ELECTION_TIMEOUT_MS);
    options->election_max_ms = 2 * options->election_min_ms;
    options->snapshot_bytes = config_int(config, CONFIG_SNAPSHOT_BYTES);
    struct controller_settings *settings = &options->settings;
    *settings = controller_settings_default();
    settings->session_timeout_ms = config_int(config, CONFIG_SESSION_MS);
    settings->rebalance_check_ms = config_bool(config, CONFIG_REBALANCE_ENABLE)
                                       ? config_int(config, CONFIG_REBALANCE_CHECK_S) * 1000
                                       : 0;
    settings->defaults.min_insync_replicas = (int32_t)config_int(config, CONFIG_MIN_ISR);
    settings->defaults.unclean_leader_election = config_bool(config, CONFIG_UNCLEAN_ELECTION);
    settings->defaults.durability_disk = slice_eq(config_text(config, CONFIG_DURABILITY),
                                                  slice_str("disk"));
    settings->defaults.num_partitions = (int32_t)config_int(config, CONFIG_NUM_PARTITIONS);
    settings->defaults.replication_factor = (int16_t)config_int(config, CONFIG_REPLICATION_FACTOR);
    return voters_read(config, options) && listener_read(config, options);
}

static int run(const struct start *start)
{
    struct app app = {.host = start->host};
    struct controller_options options = {0};
    struct controller_node *node;
    char why[512] = "";
    if (!options_read(&start->config, (struct arena *)&start->arena, &options)) {
        return 1;
    }
    if (start->check_only) {
        (void)printf("the configuration is good\n");
        return 0;
    }
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
    controller_node_stop(node);
    controller_node_join(node);
    trace_log(&trace, TRACE_INFO, TRACE_NODE, "shut down completed");
    return app.status;
}

int main(int argc, char **argv)
{
    return start_main(argc, argv, "odradek-controller",
                      "One controller of the quorum that owns a cluster's metadata.", run);
}
