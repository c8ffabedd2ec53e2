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

static bool addresses_read(struct slice list, struct broker_listener *listeners,
                           uint32_t *ret_count, const char *key)
{
    struct slice item;
    while (config_item(&list, &item)) {
        struct config_address address;
        if (*ret_count == LISTENERS_MAX || config_listener_parse(item, &address) != OK) {
            return start_fail(
                "%s: write NAME://host:port, ... (at most %d), for example PLAINTEXT://127.0.0.1:9092",
                key, LISTENERS_MAX);
        }
        struct broker_listener *listener = &listeners[(*ret_count)++];
        (void)snprintf(listener->name, sizeof(listener->name), "%s", address.name);
        (void)snprintf(listener->bind.host, sizeof(listener->bind.host), "%s", address.host);
        listener->bind.port = address.port;
    }
    return true;
}

/* What clients are told: advertised.listeners, else the listener's own address, else this machine's name. */
static bool advertised_fill(const struct config *config, struct broker_options *options)
{
    struct broker_listener told[LISTENERS_MAX] = {0};
    uint32_t count = 0;
    if (!addresses_read(config_text(config, CONFIG_ADVERTISED_LISTENERS), told, &count,
                        "advertised.listeners")) {
        return false;
    }
    for (uint32_t i = 0; i < options->listener_count; i++) {
        struct broker_listener *listener = &options->listeners[i];
        listener->advertised = listener->bind;
        for (uint32_t j = 0; j < count; j++) {
            if (strcmp(told[j].name, listener->name) == 0) {
                listener->advertised = told[j].bind;
            }
        }
        const char *host = listener->advertised.host;
        if ((host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) &&
            gethostname(listener->advertised.host, sizeof(listener->advertised.host) - 1) != 0) {
            return start_fail("advertised.listeners: give %s an address that clients can reach",
                              listener->name);
        }
    }
    return true;
}

/* The listener between brokers comes first. */
static bool inter_broker_first(const struct config *config, struct broker_options *options)
{
    struct slice name = config_text(config, CONFIG_INTER_BROKER_LISTENER);
    for (uint32_t i = 0; name.p != NULL && i < options->listener_count; i++) {
        if (slice_eq(name, slice_str(options->listeners[i].name))) {
            struct broker_listener first = options->listeners[i];
            options->listeners[i] = options->listeners[0];
            options->listeners[0] = first;
            return true;
        }
    }
    return name.p == NULL ||
           start_fail("inter.broker.listener.name is none of `listeners`: add it there");
}

static bool listener_named(const struct broker_options *options, struct slice name)
{
    for (uint32_t i = 0; i < options->listener_count; i++) {
        if (slice_eq(name, slice_str(options->listeners[i].name))) {
            return true;
        }
    }
    return false;
}

/* The listeners in use must be PLAINTEXT; what the map says of others is nobody's concern. */
static bool protocols_check(const struct config *config, const struct broker_options *options)
{
    struct slice list = config_text(config, CONFIG_PROTOCOL_MAP);
    struct slice item;
    while (config_item(&list, &item)) {
        const uint8_t *colon = memchr(item.p, ':', item.n);
        size_t n = colon == NULL ? item.n : (size_t)(colon - item.p);
        bool plain = colon != NULL &&
                     slice_eq(slice_of(colon + 1, item.n - n - 1), slice_str("PLAINTEXT"));
        if (!plain && listener_named(options, slice_of(item.p, n))) {
            return start_fail(
                "listener.security.protocol.map: %.*s: PLAINTEXT is what this build serves",
                (int)item.n, (const char *)item.p);
        }
    }
    return true;
}

static bool controllers_read(const struct config *config, struct broker_options *options)
{
    struct slice list = config_text(config, CONFIG_QUORUM_VOTERS);
    struct slice item;
    while (config_item(&list, &item)) {
        struct config_address address;
        int32_t id;
        if (options->controller_count == VOTERS_MAX ||
            config_voter_parse(item, &id, &address) != OK) {
            return start_fail(
                "controller.quorum.voters: write id@host:port, id@host:port, ... (at most 7)");
        }
        struct net_address *to = &options->controllers[options->controller_count++];
        (void)snprintf(to->host, sizeof(to->host), "%s", address.host);
        to->port = address.port;
    }
    return options->controller_count > 0 ||
           start_fail("controller.quorum.voters is missing: name the controllers");
}

static bool dirs_read(const struct config *config, struct arena *arena,
                      struct broker_options *options)
{
    bool many = config_set(config, CONFIG_LOG_DIRS);
    struct slice list = config_text(config, many ? CONFIG_LOG_DIRS : CONFIG_LOG_DIR);
    struct slice item;
    while (config_item(&list, &item)) {
        if (options->dir_count == LOG_DIRS_MAX) {
            return start_fail("log.dirs: at most %d folders", LOG_DIRS_MAX);
        }
        options->dirs[options->dir_count++] = arena_printf(arena, "%.*s", (int)item.n,
                                                           (const char *)item.p);
    }
    return options->dir_count > 0 || start_fail("log.dirs is empty: name a folder");
}

static bool admin_read(const struct config *config, struct broker_options *options)
{
    struct broker_listener admin[LISTENERS_MAX] = {0};
    uint32_t count = 0;
    if (!addresses_read(config_text(config, CONFIG_ADMIN_LISTENERS), admin, &count,
                        "admin.listeners")) {
        return false;
    }
    options->has_admin = count > 0;
    options->admin = admin[0].bind;
    return true;
}

static bool options_read(const struct config *config, struct arena *arena,
                         struct broker_options *options)
{
    if (!start_role_is(config, "broker", "odradek-broker")) {
        return false;
    }
    enum config_key id = config_set(config, CONFIG_NODE_ID) ? CONFIG_NODE_ID : CONFIG_BROKER_ID;
    if (!config_set(config, id)) {
        return start_fail("node.id is missing: give every node of the cluster its own");
    }
    options->config = config;
    options->node_id = (int32_t)config_int(config, id);
    struct slice rack = config_text(config, CONFIG_BROKER_RACK);
    options->rack = rack.p == NULL ? NULL
                                   : arena_printf(arena, "%.*s", (int)rack.n, (const char *)rack.p);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    options->reactors = config_set(config, CONFIG_NETWORK_THREADS)
                            ? (uint32_t)config_int(config, CONFIG_NETWORK_THREADS)
                        : cores <= 2 ? 1
                        : cores > 64 ? 64
                                     : (uint32_t)cores;
    struct slice listeners = config_text(config, CONFIG_LISTENERS);
    return addresses_read(listeners.p == NULL ? slice_str("PLAINTEXT://:9092") : listeners,
                          options->listeners, &options->listener_count, "listeners") &&
           (options->listener_count > 0 || start_fail("listeners is empty")) &&
           advertised_fill(config, options) && inter_broker_first(config, options) &&
           protocols_check(config, options) && controllers_read(config, options) &&
           dirs_read(config, arena, options) && admin_read(config, options);
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
        return 70; /* as a crash leaves it: the next start recovers */
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
    if (!options_read(&start->config, (struct arena *)&start->arena, &options)) {
        return 1;
    }
    if (start->check_only) {
        (void)printf("the configuration is good\n");
        return 0;
    }
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
    return start_main(argc, argv, "odradek-broker",
                      "One broker: hosts partition replicas and serves Kafka clients.", run);
}
