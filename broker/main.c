/*
 * odradek-broker CONFIG.properties [--override key=value]...: one broker.
 * Exit codes: 0 stopped in order, 1 configuration, 2 usage, 3 data folder or port, 70 the node had to stop.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "broker/node/broker_node.h"
#include "common/host/host.h"
#include "common/main/start.h"

static void on_halted(void *ctx)
{
    host_stop(ctx);
}

/* The listener between brokers comes first. */
static void listeners_copy(const struct config_net *net, struct broker_options *options)
{
    for (uint32_t i = 0; i < net->listener_count; i++) {
        uint32_t at = i == net->inter_broker ? 0 : i == 0 ? net->inter_broker : i;
        const struct config_listener *from = &net->listeners[i];
        struct broker_listener *to = &options->listeners[at];
        (void)snprintf(to->name, sizeof(to->name), "%s", from->bind.name);
        start_address(&from->bind, &to->bind);
        start_address(&from->advertised, &to->advertised);
    }
    options->listener_count = net->listener_count;
}

static void options_fill(const struct start *start, struct broker_options *options)
{
    const struct config *config = &start->config;
    const struct config_net *net = &start->net;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    options->config = config;
    options->node_id = net->node_id;
    options->rack = config_str(config, CONFIG_BROKER_RACK);
    options->reactors = config_reactors(config, cores < 1 ? 1 : (uint32_t)cores);
    listeners_copy(net, options);
    for (uint32_t i = 0; i < net->voter_count; i++) {
        start_address(&net->voters[i].address, &options->controllers[i]);
    }
    options->controller_count = net->voter_count;
    for (uint32_t i = 0; i < net->log_dir_count; i++) {
        options->dirs[i] = net->log_dirs[i];
    }
    options->dir_count = net->log_dir_count;
    options->has_admin = net->admin_count > 0;
    start_address(&net->admin[0], &options->admin);
}

static int serve(struct broker_node *node, const struct start *start, const struct trace *trace)
{
    int number = host_wait(start->host);
    if (number != 0) {
        trace_log(trace, TRACE_INFO, TRACE_NODE,
                  "Terminating process due to signal %s: moving leaderships away first",
                  start_signal_name(number));
        broker_node_stop(node);
        (void)host_wait(start->host); /* the node's end, or a second signal */
    }
    bool well = broker_node_ended_well(node);
    if (!well) {
        /* as a crash leaves it: the next start recovers */
        return broker_node_no_place(node) ? 3 : 70;
    }
    broker_node_join(node);
    trace_log(trace, TRACE_INFO, TRACE_NODE, "shut down completed");
    return 0;
}

static int run(const struct start *start)
{
    struct broker_options options = {0};
    struct broker_node *node;
    char why[512] = "";
    options_fill(start, &options);
    char name[64];
    struct trace trace;
    (void)snprintf(name, sizeof(name), "broker id=%d", options.node_id);
    start_trace(start, name, &trace);
    if (broker_node_start(start->host, &options, &trace, on_halted, start->host, why, sizeof(why),
                          &node) != OK) {
        (void)start_fail("%s", why);
        _exit(3); /* loops and files go with the process */
    }
    int status = serve(node, start, &trace);
    if (status != 0) {
        _exit(status);
    }
    return 0;
}

int main(int argc, char **argv)
{
    return start_main(argc, argv, "broker",
                      "One broker: hosts partition replicas and serves Kafka clients.", run);
}
