#include "tests/sim/cluster.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/node/node_internal.h"
#include "common/port/clock.h"
#include "common/port/console.h"
#include "common/port/memory.h"
#include "tests/sim/dirs.h"

#define CONTROLLER_PORT 9093
#define BROKER_PORT     9092
#define STOP_US         20000000

static const char *const controller_addresses[CONTROLLERS_MAX] = {
    "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"};
static const char *const broker_addresses[BROKERS_MAX] = {"10.0.1.1", "10.0.1.2", "10.0.1.3",
                                                          "10.0.1.4", "10.0.1.5"};

static void line_write(void *ctx, struct slice line)
{
    console_write(ctx, line);
}

static time_ms line_time(void *ctx)
{
    return clock_wall_ms(ctx);
}

static void on_halted(void *ctx)
{
    *(bool *)ctx = true;
}

int32_t broker_id(uint32_t number)
{
    return 101 + (int32_t)number;
}

static void address_set(struct net_address *address, const char *host, uint16_t port)
{
    (void)snprintf(address->host, sizeof(address->host), "%s", host);
    address->port = port;
}

static const struct cluster_size usual_size = {.controllers = 3, .brokers = 3, .reactors = 2};

void cluster_config(struct cluster *cluster, struct config *config)
{
    config_init(config, &cluster->arena);
    config_override(config, slice_str("min.insync.replicas=2"));
    config_override(config, slice_str("auto.create.topics.enable=false"));
    for (const char *const *over = cluster->overrides; over != NULL && *over != NULL; over++) {
        config_override(config, slice_str(*over));
    }
    assert(!config_failed(config));
}

struct cluster *cluster_open(struct world *world, const struct cluster_size *size)
{
    struct cluster *cluster = calloc(1, sizeof(*cluster));
    assert(cluster != NULL);
    size = size == NULL ? &usual_size : size;
    cluster->world = world;
    cluster->controller_count = size->controllers;
    cluster->broker_count = size->brokers + size->late;
    cluster->late = size->late;
    cluster->dirs = size->dirs > 0 ? size->dirs : 1;
    cluster->overrides = size->overrides;
    assert(cluster->broker_count <= BROKERS_MAX);
    cluster->snapshot_bytes = size->snapshot_bytes;
    cluster->trailing_entries = size->trailing_entries;
    cluster->desk = world_host(world, "10.0.2.1");
    arena_init(&cluster->arena, memory_source(cluster->desk), 65536, 4 << 20);
    cluster_config(cluster, &cluster->config);
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        struct sim_controller *c = &cluster->controllers[i];
        c->host = world_host(world, controller_addresses[i]);
        address_set(&c->address, controller_addresses[i], CONTROLLER_PORT);
        (void)snprintf(c->name, sizeof(c->name), "controller id=%u", i + 1);
        trace_init(&c->trace, c->name, line_write, line_time, c->host);
    }
    for (uint32_t i = 0; i < cluster->broker_count; i++) {
        struct sim_broker *b = &cluster->brokers[i];
        b->host = world_host(world, broker_addresses[i]);
        b->config = &cluster->config;
        b->reactors = size->reactors;
        address_set(&b->address, broker_addresses[i], BROKER_PORT);
        (void)snprintf(b->name, sizeof(b->name), "broker id=%d", broker_id(i));
        trace_init(&b->trace, b->name, line_write, line_time, b->host);
    }
    return cluster;
}

static void tune(struct controller_options *options, const struct sim_tuning *tuning)
{
    if (tuning->election_ms > 0) {
        options->election_min_ms = tuning->election_ms;
        options->election_max_ms = 2 * tuning->election_ms;
    }
    if (tuning->session_ms > 0) {
        options->settings.session_timeout_ms = tuning->session_ms;
    }
    if (tuning->min_isr > 0) {
        options->settings.defaults.min_insync_replicas = tuning->min_isr;
    }
    if (tuning->snapshot_bytes > 0) {
        options->snapshot_bytes = tuning->snapshot_bytes;
        options->trailing_entries = tuning->trailing_entries;
    }
}

bool controller_start(struct cluster *cluster, uint32_t number)
{
    struct sim_controller *c = &cluster->controllers[number];
    const struct config *config = &cluster->config;
    struct controller_options options = {.node_id = (int32_t)number + 1,
                                         .data_dir = dirs_paths[0],
                                         .listener = c->address,
                                         .voter_count = cluster->controller_count};
    options.election_min_ms = (int32_t)config_int(config, CONFIG_ELECTION_TIMEOUT_MS);
    options.election_max_ms = 2 * options.election_min_ms;
    options.snapshot_bytes = config_int(config, CONFIG_SNAPSHOT_BYTES);
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        options.voters[i].id = (int32_t)i + 1;
        options.voters[i].address = cluster->controllers[i].address;
    }
    options.trailing_entries = cluster->trailing_entries;
    if (cluster->snapshot_bytes > 0) {
        options.snapshot_bytes = cluster->snapshot_bytes;
    }
    options.settings = controller_settings_default();
    options.settings.session_timeout_ms = config_int(config, CONFIG_SESSION_MS);
    options.settings.defaults.min_insync_replicas = (int32_t)config_int(config, CONFIG_MIN_ISR);
    options.settings.defaults.durability_disk = true;
    options.settings.own_topics[0].replicas = (int32_t)config_int(
        config, CONFIG_OFFSETS_TOPIC_REPLICATION_FACTOR);
    tune(&options, &c->tuning);
    char why[512] = "";
    c->halted = false;
    bool good = controller_node_start(c->host, &options, &c->trace, on_halted, &c->halted, why,
                                      sizeof(why), &c->node) == OK;
    if (!good) {
        (void)fprintf(stderr, "%s: %s\n", c->name, why);
    }
    return good;
}

bool broker_start(struct cluster *cluster, uint32_t number)
{
    struct sim_broker *b = &cluster->brokers[number];
    struct broker_options options = {.config = b->config,
                                     .node_id = broker_id(number),
                                     .dirs = {dirs_paths[0], dirs_paths[1]},
                                     .dir_count = cluster->dirs,
                                     .listener_count = 1,
                                     .controller_count = cluster->controller_count,
                                     .reactors = b->reactors};
    (void)snprintf(options.listeners[0].name, sizeof(options.listeners[0].name), "PLAINTEXT");
    options.listeners[0].bind = b->address;
    options.listeners[0].advertised = b->address;
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        options.controllers[i] = cluster->controllers[i].address;
    }
    char why[512] = "";
    b->halted = false;
    bool good = broker_node_start(b->host, &options, &b->trace, on_halted, &b->halted, why,
                                  sizeof(why), &b->node) == OK;
    if (!good) {
        (void)fprintf(stderr, "%s: %s\n", b->name, why);
    }
    return good;
}

void broker_crash(struct cluster *cluster, uint32_t number)
{
    world_crash(cluster->brokers[number].host);
    cluster->brokers[number].node = NULL;
}

void controller_crash(struct cluster *cluster, uint32_t number)
{
    world_crash(cluster->controllers[number].host);
    cluster->controllers[number].node = NULL;
}

/* ---- looking ---- */

int32_t cluster_active(const struct cluster *cluster)
{
    int32_t active = -1;
    raft_term newest = -1;
    for (int32_t i = 0; i < (int32_t)cluster->controller_count; i++) {
        const struct controller_node *node = cluster->controllers[i].node;
        if (node != NULL && controller_node_active(node) &&
            controller_node_raft(node)->term > newest) {
            active = i;
            newest = controller_node_raft(node)->term;
        }
    }
    return active;
}

int32_t cluster_active_surely(const struct cluster *cluster)
{
    int32_t active = cluster_active(cluster);
    uint32_t alike = 0;
    for (uint32_t i = 0; i < cluster->controller_count && active >= 0; i++) {
        const struct sim_controller *c = &cluster->controllers[i];
        const struct raft *raft = c->node == NULL || c->halted ? NULL
                                                               : controller_node_raft(c->node);
        alike += raft != NULL &&
                 raft->term == controller_node_raft(cluster->controllers[active].node)->term;
    }
    return alike > cluster->controller_count / 2 ? active : -1;
}

bool cluster_led(void *ctx)
{
    return cluster_active(ctx) >= 0;
}

bool broker_registered(const struct sim_broker *broker)
{
    return broker->node != NULL && broker->node->control != NULL &&
           control_epoch(broker->node->control) >= 0;
}

const struct meta_image *broker_image(const struct sim_broker *broker)
{
    return metadata_image(&broker->node->metadata);
}

static int32_t image_leader_epoch(const struct meta_image *image, const char *name, int32_t index)
{
    const struct meta_topic *topic = image == NULL ? NULL
                                                   : meta_topic_named(image, slice_str(name));
    const struct meta_partition *p = topic == NULL ? NULL : meta_partition(topic, index);
    return p == NULL ? -1 : p->leader_epoch;
}

int32_t cluster_leader_epoch(const struct cluster *cluster, const char *topic, int32_t index)
{
    int64_t epoch = -1;
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        const struct controller_node *node = cluster->controllers[i].node;
        const struct meta_image *image = node == NULL ? NULL : controller_node_image(node);
        epoch = max_i64(epoch, image_leader_epoch(image, topic, index));
    }
    for (uint32_t i = 0; i < cluster->broker_count; i++) {
        if (cluster->brokers[i].node != NULL) {
            epoch = max_i64(epoch,
                            image_leader_epoch(broker_image(&cluster->brokers[i]), topic, index));
        }
    }
    return (int32_t)epoch;
}

/* Every controller that runs has committed all that there is. */
static bool log_ended(const struct cluster *cluster, uint32_t active)
{
    const struct raft *leader = controller_node_raft(cluster->controllers[active].node);
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        const struct controller_node *node = cluster->controllers[i].node;
        const struct raft *raft = node == NULL ? leader : controller_node_raft(node);
        if (raft == NULL || raft->commit < leader->log.last) {
            return false;
        }
    }
    return true;
}

/* Entries without data (voters) give a position only to images that came with a snapshot: such a one may be alone with its own. */
static bool position_same(const struct cluster *cluster, uint32_t active,
                          const struct meta_image *a, const struct meta_image *b)
{
    return meta_offset(a) == meta_offset(b) ||
           (log_ended(cluster, active) && meta_image_hash(a) == meta_image_hash(b));
}

/* All have the same position, and all brokers are unfenced in it. */
static bool positions_alike(const struct cluster *cluster)
{
    int32_t active = cluster_active(cluster);
    if (active < 0) {
        return false;
    }
    const struct meta_image *image = controller_node_image(cluster->controllers[active].node);
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        const struct controller_node *node = cluster->controllers[i].node;
        const struct meta_image *other = node == NULL ? image : controller_node_image(node);
        if (other == NULL || !position_same(cluster, (uint32_t)active, image, other)) {
            return false; /* cheap; hashes when all have the same position */
        }
    }
    for (uint32_t i = 0; i < cluster->broker_count; i++) {
        const struct meta_broker *broker = meta_broker(image, broker_id(i));
        if (cluster->brokers[i].node != NULL &&
            (broker == NULL || broker->fenced ||
             !position_same(cluster, (uint32_t)active, image,
                            broker_image(&cluster->brokers[i])))) {
            return false;
        }
    }
    return true;
}

bool cluster_agreed(void *ctx)
{
    const struct cluster *cluster = ctx;
    if (!positions_alike(cluster)) {
        return false;
    }
    const struct meta_image *image = controller_node_image(
        cluster->controllers[cluster_active(cluster)].node);
    for (uint32_t i = 0; i < cluster->controller_count + cluster->broker_count; i++) {
        bool controller = i < cluster->controller_count;
        const struct sim_broker *b = controller ? NULL
                                                : &cluster->brokers[i - cluster->controller_count];
        const struct controller_node *c = controller ? cluster->controllers[i].node : NULL;
        const struct meta_image *other = c != NULL                      ? controller_node_image(c)
                                         : b != NULL && b->node != NULL ? broker_image(b)
                                                                        : image;
        assert(meta_image_hash(image) == meta_image_hash(other)); /* one position, one content */
    }
    return true;
}

bool cluster_whole(void *ctx)
{
    const struct cluster *cluster = ctx;
    if (!positions_alike(cluster)) {
        return false;
    }
    const struct meta_image *image = controller_node_image(
        cluster->controllers[cluster_active(cluster)].node);
    struct slice after = {0};
    for (const struct meta_topic *topic = meta_topic_next(image, after); topic != NULL;
         topic = meta_topic_next(image, meta_topic_name(topic))) {
        for (int32_t i = 0; i < (int32_t)meta_topic_partitions(topic); i++) {
            const struct meta_partition *partition = meta_partition(topic, i);
            if (partition->isr.count != partition->replica_count) {
                return false;
            }
        }
    }
    return cluster_agreed(ctx);
}

static bool core_has(const struct cluster *cluster, const struct meta_partition *p)
{
    if (p->isr.count + p->elr.count == 0) {
        return true;
    }
    bool led = p->leader >= 0;
    for (uint32_t i = 0; i < p->replica_count; i++) {
        uint32_t number = (uint32_t)(p->replicas[i].broker - broker_id(0));
        bool in = cluster->brokers[number].node == NULL;
        for (uint32_t k = 0; k < p->isr.count; k++) {
            in = in || p->isr.id[k] == p->replicas[i].broker;
        }
        led = led && in;
    }
    return led;
}

bool cluster_core_whole(void *ctx)
{
    const struct cluster *cluster = ctx;
    if (!positions_alike(cluster)) {
        return false;
    }
    const struct meta_image *image = controller_node_image(
        cluster->controllers[cluster_active(cluster)].node);
    struct slice after = {0};
    for (const struct meta_topic *topic = meta_topic_next(image, after); topic != NULL;
         topic = meta_topic_next(image, meta_topic_name(topic))) {
        for (int32_t i = 0; i < (int32_t)meta_topic_partitions(topic); i++) {
            if (!core_has(cluster, meta_partition(topic, i))) {
                return false;
            }
        }
    }
    return true;
}

bool cluster_partition_ails(const struct meta_topic *topic, int32_t index, char *sentence,
                            size_t room)
{
    const struct meta_partition *partition = meta_partition(topic, index);
    if (partition->isr.count == partition->replica_count) {
        return false;
    }
    struct slice name = meta_topic_name(topic);
    int n = snprintf(sentence, room, "%.*s-%d: leader %d epoch %d, in sync", (int)name.n,
                     (const char *)name.p, index, partition->leader, partition->leader_epoch);
    for (uint32_t i = 0; i < partition->isr.count && n < (int)room; i++) {
        n += snprintf(sentence + n, room - (size_t)n, " %d", partition->isr.id[i]);
    }
    for (uint32_t i = 0; i < partition->elr.count && n < (int)room; i++) {
        n += snprintf(sentence + n, room - (size_t)n, " (eligible %d)", partition->elr.id[i]);
    }
    for (uint32_t i = 0; i < partition->replica_count && n < (int)room; i++) {
        n += snprintf(sentence + n, room - (size_t)n, "%s%d", i == 0 ? " of " : " ",
                      partition->replicas[i].broker);
    }
    return true;
}

void cluster_ails(const struct cluster *cluster, char *sentence, size_t room)
{
    int32_t active = cluster_active(cluster);
    (void)snprintf(sentence, room, "no active controller");
    if (active < 0) {
        return;
    }
    const struct meta_image *image = controller_node_image(cluster->controllers[active].node);
    int n = snprintf(sentence, room, "controller %d is active; metadata offsets", active + 1);
    for (uint32_t i = 0; i < cluster->controller_count && n < (int)room; i++) {
        const struct controller_node *node = cluster->controllers[i].node;
        const struct meta_image *at = node == NULL ? NULL : controller_node_image(node);
        n += snprintf(sentence + n, room - (size_t)n, " %lld",
                      at == NULL ? -1LL : (long long)meta_offset(at));
    }
    for (uint32_t i = 0; i < cluster->broker_count && n < (int)room; i++) {
        const struct sim_broker *broker = &cluster->brokers[i];
        n += snprintf(sentence + n, room - (size_t)n, " %lld",
                      broker->node == NULL ? -1LL : (long long)meta_offset(broker_image(broker)));
    }
    for (uint32_t i = 0; i < cluster->broker_count; i++) {
        const struct meta_broker *broker = meta_broker(image, broker_id(i));
        if (cluster->brokers[i].node == NULL || broker == NULL || broker->fenced) {
            (void)snprintf(sentence, room, "broker %d is %s", broker_id(i),
                           cluster->brokers[i].node == NULL ? "down"
                           : broker == NULL                 ? "not registered"
                                                            : "fenced");
            return;
        }
    }
    struct slice after = {0};
    for (const struct meta_topic *topic = meta_topic_next(image, after); topic != NULL;
         topic = meta_topic_next(image, meta_topic_name(topic))) {
        for (int32_t i = 0; i < (int32_t)meta_topic_partitions(topic); i++) {
            if (cluster_partition_ails(topic, i, sentence, room)) {
                return;
            }
        }
    }
}

static const struct meta_image *newest_image(const struct cluster *cluster)
{
    const struct meta_image *newest = NULL;
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        const struct controller_node *node = cluster->controllers[i].node;
        const struct meta_image *image = node == NULL ? NULL : controller_node_image(node);
        if (image != NULL && (newest == NULL || meta_offset(image) > meta_offset(newest))) {
            newest = image;
        }
    }
    return newest;
}

bool cluster_coordinates(struct cluster *cluster, const char *group, int32_t broker)
{
    const struct meta_image *newest = newest_image(cluster);
    const struct meta_topic *topic = newest == NULL
                                         ? NULL
                                         : meta_topic_named(newest, slice_str(GROUPS_TOPIC));
    if (topic == NULL) {
        return false;
    }
    int32_t index = coord_partition(slice_str(group), meta_topic_partitions(topic));
    assert(index < COORDINATORS_MAX);
    int32_t epoch = cluster_leader_epoch(cluster, GROUPS_TOPIC, index);
    int32_t *newest_epoch = &cluster->coordinator_epochs[index];
    *newest_epoch = epoch > *newest_epoch ? epoch : *newest_epoch;
    const struct meta_partition *p = meta_partition(topic, index);
    return p != NULL && p->leader == broker_id((uint32_t)broker) &&
           p->leader_epoch == *newest_epoch;
}

bool cluster_holds_nothing(const struct cluster *cluster, int32_t id)
{
    int32_t active = cluster_active_surely(cluster);
    struct slice after = {0};
    if (active < 0 || !cluster->brokers[id - broker_id(0)].away) {
        return false;
    }
    /* That of a controller that has just begun may lack what is committed, or that slept through an election; this one's does not. */
    const struct meta_image *newest = controller_node_image(cluster->controllers[active].node);
    const struct meta_broker *known = meta_broker(newest, id);
    if (known != NULL && !known->fenced) {
        return false; /* until it is it may be given seats */
    }
    for (const struct meta_topic *topic = meta_topic_next(newest, after); topic != NULL;
         topic = meta_topic_next(newest, meta_topic_name(topic))) {
        for (int32_t i = 0; i < (int32_t)meta_topic_partitions(topic); i++) {
            const struct meta_partition *p = meta_partition(topic, i);
            if (meta_partition_seats(p, id)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- the end ---- */

static bool brokers_halted(void *ctx)
{
    const struct cluster *cluster = ctx;
    for (uint32_t i = 0; i < cluster->broker_count; i++) {
        if (cluster->brokers[i].node != NULL && !cluster->brokers[i].halted) {
            return false;
        }
    }
    return true;
}

/* Its disk was slow perhaps when it was asked for something last. */
static bool has_ended(void *host)
{
    return world_ended(host);
}

bool cluster_stop(struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->broker_count; i++) {
        if (cluster->brokers[i].node != NULL) {
            broker_node_stop(cluster->brokers[i].node);
        }
    }
    bool good = world_run(cluster->world, brokers_halted, cluster, STOP_US);
    for (uint32_t i = 0; i < cluster->broker_count; i++) {
        struct sim_broker *b = &cluster->brokers[i];
        if (b->node != NULL && b->halted && broker_node_ended_well(b->node)) {
            broker_node_join(b->node);
        } else {
            good = good && b->node == NULL;
            world_crash(b->host);
        }
    }
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        struct sim_controller *c = &cluster->controllers[i];
        if (c->node != NULL) {
            controller_node_stop(c->node);
            world_sleep(cluster->world, 1000000);
            if (world_run(cluster->world, has_ended, c->host, STOP_US)) {
                good = good && !c->halted;
                controller_node_join(c->node);
            } else {
                good = false;
                world_crash(c->host);
            }
        }
    }
    return good;
}

void cluster_close(struct cluster *cluster)
{
    arena_release(&cluster->arena);
    free(cluster);
}
