#include "common/config/config.h"
#include "common/config/spec.h"
#include "common/config/tell.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

/* What one walk over the keys that hang together knows. */
struct finish {
    struct config *config;
    struct config_net *net;
    const char *host_name;
    bool controller;
};

PRINTF_LIKE(3, 4)
static void complain(struct finish *f, enum config_key key, const char *fmt, ...)
{
    struct shown where = config_where(f->config, key);
    char why[512];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);
    assert(n > 0);
    CONFIG_TELL(f->config, CONFIG_ERROR, "%s: %s", where.text, why);
}

static bool list_has(struct slice list, const char *word)
{
    struct slice item;
    while (config_item(&list, &item)) {
        if (item.n == strlen(word) && strncasecmp((const char *)item.p, word, item.n) == 0) {
            return true;
        }
    }
    return false;
}

/* Those of `listeners` that are the controllers', or the others, as a list. */
static const char *listeners_of(const struct finish *f, bool controllers)
{
    struct slice names = config_text(f->config, CONFIG_CONTROLLER_LISTENERS);
    struct slice all = config_text(f->config, CONFIG_LISTENERS);
    struct slice item;
    const char *list = "";
    while (list != NULL && config_item(&all, &item)) {
        struct config_address address;
        if (config_listener_parse(item, &address) == OK &&
            list_has(names, address.name) == controllers) {
            struct shown shown = config_show(item);
            list = arena_printf(f->config->arena, "%s%s%s", list, list[0] == '\0' ? "" : ",",
                                shown.text);
        }
    }
    bool none = list == NULL || list[0] == '\0';
    return !none ? list : controllers ? "CONTROLLER://:9093" : "PLAINTEXT://:9092";
}

/* Kafka's combined mode: the file has what two processes need, and these are their commands. */
static void finish_combined(struct finish *f)
{
    const char *file = f->config->file == NULL ? "CONFIG.properties" : f->config->file;
    struct slice dirs = config_text(f->config, CONFIG_LOG_DIRS);
    struct slice dir = dirs.p != NULL ? dirs : config_text(f->config, CONFIG_LOG_DIR);
    struct slice first = slice_str("/tmp/kafka-logs");
    (void)config_item(&dir, &first);
    struct shown shown = config_show(first);
    complain(f, CONFIG_PROCESS_ROLES,
             "broker and controller are a process each here. Run these two instead:");
    for (int i = 0; i < 2; i++) {
        const char *role = i == 0 ? "controller" : "broker";
        CONFIG_TELL(f->config, CONFIG_ERROR,
                    "odradek-%s %s --override process.roles=%s --override listeners=%s --override "
                    "log.dirs=%s/%s",
                    role, file, role, listeners_of(f, i == 0), shown.text, role);
    }
}

static bool is_combined(const struct finish *f)
{
    struct slice roles = config_text(f->config, CONFIG_PROCESS_ROLES);
    return list_has(roles, "broker") && list_has(roles, "controller");
}

static void finish_role(struct finish *f)
{
    const char *role = f->controller ? "controller" : "broker";
    struct slice roles = config_text(f->config, CONFIG_PROCESS_ROLES);
    if (roles.p != NULL && !slice_is(roles, role)) {
        complain(f, CONFIG_PROCESS_ROLES,
                 "this is the %s: process.roles=%s, or leave it out; the other role is the program "
                 "odradek-%s",
                 role, role, f->controller ? "broker" : "controller");
    }
    enum config_key key = config_set(f->config, CONFIG_NODE_ID) ? CONFIG_NODE_ID : CONFIG_BROKER_ID;
    f->net->node_id = config_set(f->config, key) ? (int32_t)config_int(f->config, key) : -1;
    assert(f->net->node_id >= -1 || key == CONFIG_BROKER_ID);
    if (f->net->node_id < 0) {
        CONFIG_TELL(f->config, CONFIG_ERROR,
                    "node.id is missing; give this %s a number of its own, from 0 on", role);
    } else if (key == CONFIG_NODE_ID && f->config->given[CONFIG_BROKER_ID] &&
               config_int(f->config, CONFIG_BROKER_ID) != f->net->node_id) {
        complain(f, CONFIG_BROKER_ID, "it is the older name of node.id, which is %d; take it out",
                 f->net->node_id);
    } else if (key == CONFIG_NODE_ID) { /* the older name says the same, as clients are told */
        f->config->values[CONFIG_BROKER_ID] = config_text(f->config, CONFIG_NODE_ID);
        f->config->given[CONFIG_BROKER_ID] = true;
    }
}

/* The protocol of a listener's name; NULL: none is known. */
static struct slice protocol_of(const struct finish *f, const char *name)
{
    struct slice map = config_text(f->config, CONFIG_PROTOCOL_MAP);
    struct slice item;
    while (config_item(&map, &item)) {
        const uint8_t *colon = memchr(item.p, ':', item.n);
        size_t n = colon == NULL ? item.n : (size_t)(colon - item.p);
        if (colon != NULL && n == strlen(name) && strncasecmp((const char *)item.p, name, n) == 0) {
            return slice_of(colon + 1, item.n - n - 1);
        }
    }
    /* As Kafka: a controller's listener needs no line in a map that nobody has written. */
    bool free = !f->config->given[CONFIG_PROTOCOL_MAP] &&
                (f->controller ||
                 list_has(config_text(f->config, CONFIG_CONTROLLER_LISTENERS), name));
    return slice_str(free ? "PLAINTEXT" : NULL);
}

static bool listener_allowed(struct finish *f, const struct config_address *bind)
{
    struct slice names = config_text(f->config, CONFIG_CONTROLLER_LISTENERS);
    bool of_controllers = names.n > 0 && list_has(names, bind->name);
    struct slice protocol = protocol_of(f, bind->name);
    for (uint32_t i = 0; i < f->net->listener_count; i++) {
        const struct config_address *other = &f->net->listeners[i].bind;
        bool port = bind->port != 0 && other->port == bind->port &&
                    strcmp(other->host, bind->host) == 0;
        if (port || strcmp(other->name, bind->name) == 0) {
            complain(f, CONFIG_LISTENERS, "two listeners have the same %s; each needs its own",
                     port ? "address" : "name");
            return false;
        }
    }
    if (of_controllers != f->controller && names.n > 0) {
        complain(f, CONFIG_LISTENERS,
                 "%s is %s controller.listener.names, and this is a %s; take it out", bind->name,
                 of_controllers ? "in" : "not in", f->controller ? "controller" : "broker");
        return false;
    }
    if (protocol.p == NULL) {
        complain(f, CONFIG_PROTOCOL_MAP,
                 "No security protocol defined for listener %s; add %s:PLAINTEXT", bind->name,
                 bind->name);
        return false;
    }
    if (!slice_is(protocol, "PLAINTEXT")) {
        struct shown shown = config_show(protocol);
        complain(f, CONFIG_PROTOCOL_MAP,
                 "listener %s asks for %s, and only PLAINTEXT is spoken so far; it must not run "
                 "open by mistake",
                 bind->name, shown.text);
        return false;
    }
    return true;
}

static bool any_address(const char *host)
{
    return host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

static void finish_listeners(struct finish *f)
{
    struct slice list = config_text(f->config, CONFIG_LISTENERS);
    struct slice item;
    while (config_item(&list, &item)) {
        struct config_address bind;
        struct shown shown = config_show(item);
        if (config_listener_parse(item, &bind) != OK) {
            complain(f, CONFIG_LISTENERS, "%s is no listener; write NAME://host:port", shown.text);
            continue;
        }
        if (f->net->listener_count == LISTENERS_MAX) {
            complain(f, CONFIG_LISTENERS, "more than %d listeners", LISTENERS_MAX);
            return;
        }
        if (listener_allowed(f, &bind)) {
            struct config_listener *listener = &f->net->listeners[f->net->listener_count++];
            *listener = (struct config_listener){.bind = bind, .advertised = bind};
            if (any_address(bind.host)) {
                size_t n = strlen(f->host_name);
                assert(n > 0 && n < sizeof(bind.host));
                memcpy(listener->advertised.host, f->host_name, n + 1);
            }
        }
    }
    if (f->net->listener_count == 0) {
        complain(f, CONFIG_LISTENERS,
                 "there is no listener left; give at least one NAME://host:port");
    }
}

static struct config_listener *listener_find(struct config_net *net, const char *name)
{
    for (uint32_t i = 0; i < net->listener_count; i++) {
        if (strcasecmp(net->listeners[i].bind.name, name) == 0) {
            return &net->listeners[i];
        }
    }
    return NULL;
}

static void finish_advertised(struct finish *f)
{
    struct slice list = config_text(f->config, CONFIG_ADVERTISED_LISTENERS);
    struct slice item;
    while (config_item(&list, &item)) {
        struct config_address address;
        struct shown shown = config_show(item);
        if (config_listener_parse(item, &address) != OK || address.port == 0) {
            complain(f, CONFIG_ADVERTISED_LISTENERS, "%s is no address; write NAME://host:port",
                     shown.text);
            continue;
        }
        struct config_listener *listener = listener_find(f->net, address.name);
        if (any_address(address.host)) {
            complain(f, CONFIG_ADVERTISED_LISTENERS,
                     "%s is no address that a client could dial; name this machine", shown.text);
        } else if (listener == NULL) {
            complain(f, CONFIG_ADVERTISED_LISTENERS, "%s has no listener of that name in listeners",
                     shown.text);
        } else {
            listener->advertised = address;
        }
    }
}

static void finish_inter_broker(struct finish *f)
{
    const char *name = config_str(f->config, CONFIG_INTER_BROKER_LISTENER);
    if (name != NULL && f->config->given[CONFIG_SECURITY_INTER_BROKER_PROTOCOL]) {
        complain(f, CONFIG_INTER_BROKER_LISTENER,
                 "Only one of inter.broker.listener.name and security.inter.broker.protocol should "
                 "be set");
    } else if (!slice_is(config_text(f->config, CONFIG_SECURITY_INTER_BROKER_PROTOCOL),
                         "PLAINTEXT")) {
        complain(f, CONFIG_SECURITY_INTER_BROKER_PROTOCOL, "only PLAINTEXT is spoken so far");
    } else if (name != NULL && !f->controller) {
        const struct config_listener *listener = listener_find(f->net, name);
        if (listener == NULL) {
            complain(f, CONFIG_INTER_BROKER_LISTENER, "there is no listener of that name");
        } else {
            f->net->inter_broker = (uint32_t)(listener - f->net->listeners);
        }
    }
    assert(f->net->inter_broker < LISTENERS_MAX);
}

static void voter_add(struct finish *f, enum config_key key, int32_t id,
                      const struct config_address *address)
{
    struct config_net *net = f->net;
    uint32_t at = net->voter_count;
    if (at == VOTERS_MAX) {
        complain(f, key, "more than %d controllers", VOTERS_MAX);
        return;
    }
    for (uint32_t i = 0; i < net->voter_count; i++) {
        if (id >= 0 && net->voters[i].id == id) {
            complain(f, key, "the id %d stands twice", id);
            return;
        }
    }
    for (; id >= 0 && at > 0 && net->voters[at - 1].id > id; at--) {
        net->voters[at] = net->voters[at - 1];
    }
    net->voters[at] = (struct config_voter){.id = id, .address = *address};
    net->voter_count++;
    assert(at < net->voter_count);
}

static err_t bootstrap_parse(struct slice item, struct config_address *ret_address)
{
    char text[HOST_NAME_MAX_BYTES + 16] = "0@";
    int32_t id;
    ENSURE(item.n + 2 < sizeof(text), ERR_MALFORMED);
    memcpy(text + 2, item.p, item.n);
    return config_voter_parse(slice_of(text, item.n + 2), &id, ret_address);
}

static void finish_voters(struct finish *f)
{
    bool known = config_text(f->config, CONFIG_QUORUM_VOTERS).n > 0;
    enum config_key key = known ? CONFIG_QUORUM_VOTERS : CONFIG_CONTROLLER_QUORUM_BOOTSTRAP_SERVERS;
    struct slice list = config_text(f->config, key);
    struct slice item;
    while ((known || !f->controller) && config_item(&list, &item)) {
        struct config_address address;
        int32_t id = -1;
        struct shown shown = config_show(item);
        err_t err = known ? config_voter_parse(item, &id, &address)
                          : bootstrap_parse(item, &address);
        if (err != OK) {
            complain(f, key, "%s is no controller; write %shost:port", shown.text,
                     known ? "id@" : "");
        } else {
            voter_add(f, key, id, &address);
        }
    }
    bool self = !f->controller;
    for (uint32_t i = 0; i < f->net->voter_count; i++) {
        self = self || f->net->voters[i].id == f->net->node_id;
    }
    if (f->net->voter_count == 0) {
        CONFIG_TELL(
            f->config, CONFIG_ERROR,
            "controller.quorum.voters is missing; list the controllers as id@host:port,...");
    } else if (!self) {
        complain(f, CONFIG_QUORUM_VOTERS, "this controller, node.id=%d, is not among them",
                 f->net->node_id);
    }
}

static void finish_admin(struct finish *f)
{
    struct slice list = config_text(f->config, CONFIG_ADMIN_LISTENERS);
    struct slice item;
    while (config_item(&list, &item)) {
        struct config_address address;
        struct shown shown = config_show(item);
        if (config_listener_parse(item, &address) != OK || strcmp(address.name, "HTTP") != 0) {
            complain(f, CONFIG_ADMIN_LISTENERS, "%s is no address; write HTTP://host:port",
                     shown.text);
        } else if (f->net->admin_count == LISTENERS_MAX) {
            complain(f, CONFIG_ADMIN_LISTENERS, "more than %d addresses", LISTENERS_MAX);
        } else {
            f->net->admin[f->net->admin_count++] = address;
        }
    }
}

static const char *text_copy(struct config *config, struct slice text)
{
    char *copy = arena_printf(config->arena, "%.*s", (int)text.n, (const char *)text.p);
    if (copy == NULL && config_seat(config, CONFIG_ERROR)) {
        config_tell(config, CONFIG_ERROR, NULL);
    }
    return copy == NULL ? "" : copy;
}

static void finish_dirs(struct finish *f)
{
    enum config_key key = config_set(f->config, CONFIG_LOG_DIRS) ? CONFIG_LOG_DIRS : CONFIG_LOG_DIR;
    struct slice list = config_text(f->config, key);
    struct slice item;
    struct config_net *net = f->net;
    while (config_item(&list, &item)) {
        if (net->log_dir_count == LOG_DIRS_MAX) {
            complain(f, key, "more than %d directories", LOG_DIRS_MAX);
            break;
        }
        for (uint32_t i = 0; i < net->log_dir_count; i++) {
            if (slice_is(item, net->log_dirs[i])) {
                complain(f, key, "%s stands twice", net->log_dirs[i]);
            }
        }
        net->log_dirs[net->log_dir_count++] = text_copy(f->config, item);
    }
    if (net->log_dir_count == 0) {
        complain(f, key, "at least one directory is needed");
        net->log_dirs[0] = "";
    }
    const char *metadata = config_str(f->config, CONFIG_METADATA_LOG_DIR);
    net->metadata_dir = metadata != NULL && metadata[0] != '\0' ? metadata : net->log_dirs[0];
    assert(net->metadata_dir != NULL);
}

static void finish_levels(struct finish *f)
{
    struct slice list = config_text(f->config, CONFIG_LOG_LEVEL);
    struct slice item;
    while (config_item(&list, &item)) {
        const uint8_t *equals = memchr(item.p, '=', item.n);
        size_t n = equals == NULL ? 0 : (size_t)(equals - item.p) + 1;
        struct shown level = config_show(slice_of(item.p + n, item.n - n));
        if (!list_has(slice_str("debug,info,warn,error"), level.text)) {
            complain(f, CONFIG_LOG_LEVEL, "%s is no level; there are debug, info, warn and error",
                     level.text);
        }
    }
}

static void finish_times(struct finish *f)
{
    const struct config *c = f->config;
    if (config_int(c, CONFIG_HEARTBEAT_MS) >= config_int(c, CONFIG_SESSION_MS)) {
        complain(f, CONFIG_SESSION_MS,
                 "a broker would be fenced between two heartbeats; it must be more than "
                 "broker.heartbeat.interval.ms, best five times as much");
    }
    if (config_int(c, CONFIG_REPLICA_WAIT_MS) > config_int(c, CONFIG_LAG_MAX_MS)) {
        complain(f, CONFIG_REPLICA_WAIT_MS,
                 "a waiting follower would leave the in-sync set; it must not be more than "
                 "replica.lag.time.max.ms");
    }
}

static void finish_strict(struct finish *f)
{
    struct config *c = f->config;
    if (config_bool(c, CONFIG_CONFIG_STRICT) && c->unknown > 0) {
        CONFIG_TELL(f->config, CONFIG_ERROR,
                    "config.strict=true, and %u unknown keys (named above); take them out",
                    c->unknown);
    }
}

void config_finish(struct config *config, const char *role, const char *host_name,
                   struct config_net *ret_net)
{
    assert(strcmp(role, "broker") == 0 || strcmp(role, "controller") == 0);
    assert(host_name != NULL && host_name[0] != '\0');
    *ret_net = (struct config_net){.node_id = -1};
    struct finish f = {.config = config,
                       .net = ret_net,
                       .host_name = host_name,
                       .controller = strcmp(role, "controller") == 0};
    if (is_combined(&f)) {
        finish_combined(&f);
        return;
    }
    finish_role(&f);
    finish_listeners(&f);
    finish_advertised(&f);
    finish_inter_broker(&f);
    finish_voters(&f);
    finish_admin(&f);
    finish_dirs(&f);
    finish_levels(&f);
    finish_times(&f);
    finish_strict(&f);
    assert(config->failed || (ret_net->listener_count > 0 && ret_net->voter_count > 0));
}
