#include "tests/sim/nemesis_internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "tests/sim/atlas.h"
#include "tests/sim/internal.h"

#define SECOND        INT64_C(1000000)
#define WAKES_LATE_US 25000

/* Faults after which busy clients stay busy for up to so long. */
#define LONG_PER_MILLE 35
#define LONG_US        (3 * SECOND)
#define FIRST_US       (SECOND / 2) /* before all faults: there is something to lose */

static time_us now(const struct nemesis *n)
{
    return world_now_us(n->cluster->world);
}

void nemesis_say(struct nemesis *n, const char *format, ...)
{
    char line[200];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (n->loud) {
        (void)fprintf(stderr, "%11lld >>> %s\n", (long long)now(n), line);
    }
}

static const char *node_name(struct nemesis *n, const struct nemesis_node *node)
{
    return node->broker ? n->cluster->brokers[node->number].name
                        : n->cluster->controllers[node->number].name;
}

void nemesis_open(struct nemesis *n, const struct plan *plan, struct cluster *cluster,
                  struct field *field, bool loud)
{
    *n = (struct nemesis){.plan = plan, .cluster = cluster, .field = field, .loud = loud};
    prng_init(&n->prng, plan->seed ^ UINT64_C(0x6e656d65736973));
    prng_init(&n->gaps, plan->seed ^ UINT64_C(0x67617073));
    prng_init(&n->tempo, plan->seed ^ UINT64_C(0x62757379));
    prng_init(&n->starts, plan->seed ^ UINT64_C(0x737461727473));
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        n->nodes[n->node_count++] = (struct nemesis_node){.host = cluster->controllers[i].host,
                                                          .number = i};
    }
    for (uint32_t i = 0; i < cluster->broker_count; i++) {
        n->nodes[n->node_count++] = (struct nemesis_node){
            .host = cluster->brokers[i].host, .number = i, .broker = true};
        bool late = i >= cluster->broker_count - cluster->late;
        n->nodes[n->node_count - 1].down = n->nodes[n->node_count - 1].kept_down = late;
    }
    n->next_at = TIME_NEVER;
}

/* ---- processes ---- */

/* While its process is there still. */
static void node_goes(struct nemesis *n, const struct nemesis_node *node)
{
    if (node->broker) {
        struct sim_broker *broker = &n->cluster->brokers[node->number];
        broker->ended_well = broker_registered(broker) ? node->stopping : broker->ended_well;
    }
}

static void node_gone(struct nemesis *n, struct nemesis_node *node)
{
    if (node->broker) {
        n->cluster->brokers[node->number].node = NULL;
    } else {
        n->cluster->controllers[node->number].node = NULL;
    }
    node->down = true;
    node->stopping = false;
}

void nemesis_crash(struct nemesis *n, struct nemesis_node *node, time_us back_us)
{
    if (!node->down) {
        node_goes(n, node);
        world_crash(node->host);
        node_gone(n, node);
    }
    node->up_at = now(n) + back_us;
}

static void node_power(struct nemesis *n, struct nemesis_node *node, time_us back_us)
{
    static const enum fake_cut cuts[] = {FAKE_CUT_NOTHING, FAKE_CUT_ORDERED, FAKE_CUT_WILD,
                                         FAKE_CUT_WILD};
    if (!node->off) {
        node_goes(n, node);
        world_power_cut(node->host, cuts[prng_below(&n->prng, ARRAY_LEN(cuts))]);
        node_gone(n, node);
        node->off = true;
    }
    node->up_at = now(n) + back_us;
}

static void node_up(struct nemesis *n, struct nemesis_node *node)
{
    if (node->off) {
        world_power_on(node->host);
        node->off = false;
    }
    nemesis_say(n, "%s starts", node_name(n, node));
    nemesis_odd_start(n, node);
    bool good = node->broker ? broker_start(n->cluster, node->number)
                             : controller_start(n->cluster, node->number);
    node->down = !good;
    node->stopping = false;
    node->hurt = node->hurt && node->well_at > now(n);
    if (!good) {
        world_crash(node->host);
        node_gone(n, node);
        node->up_at = now(n) + SECOND;
        if (!node->hurt && n->wrong[0] == '\0') {
            (void)snprintf(n->wrong, sizeof(n->wrong), "%s does not start", node_name(n, node));
        }
    } else if (node->loops > 0) {
        node->loops--;
        node->up_at = now(n) + prng_between(&n->prng, 1000, 800000);
    }
}

static bool node_halted(const struct nemesis *n, const struct nemesis_node *node)
{
    return node->broker ? n->cluster->brokers[node->number].halted
                        : n->cluster->controllers[node->number].halted;
}

/* Whoever is there knows that this broker leads nothing any more: that was waited for. */
static void farewell_look(struct nemesis *n, int32_t leaving)
{
    int32_t active = cluster_active(n->cluster);
    const struct meta_image *newest =
        active < 0 ? NULL : controller_node_image(n->cluster->controllers[active].node);
    for (uint32_t i = 0; i < n->cluster->broker_count && newest != NULL; i++) {
        const struct sim_broker *other = &n->cluster->brokers[i];
        const struct meta_broker *known = meta_broker(newest, broker_id(i));
        if (other->node == NULL || other->halted || broker_id(i) == leaving || known == NULL ||
            known->fenced || known->shutting_down) {
            continue;
        }
        const struct meta_image *image = broker_image(other);
        struct slice after = {0};
        for (const struct meta_topic *topic = meta_topic_next(image, after); topic != NULL;
             topic = meta_topic_next(image, meta_topic_name(topic))) {
            for (int32_t p = 0; p < (int32_t)meta_topic_partitions(topic); p++) {
                if (meta_partition(topic, p)->leader == leaving && n->wrong[0] == '\0') {
                    (void)snprintf(
                        n->wrong, sizeof(n->wrong),
                        "broker %d has ended in order, and %s takes it for a leader still", leaving,
                        other->name);
                }
            }
        }
    }
}

/* It has ended by itself, or as it was asked. */
static void node_ended(struct nemesis *n, struct nemesis_node *node)
{
    struct broker_node *broker = node->broker ? n->cluster->brokers[node->number].node : NULL;
    bool well = broker != NULL && node->stopping && broker_node_ended_well(broker);
    bool registered = node->broker && broker_registered(&n->cluster->brokers[node->number]);
    nemesis_say(n, "%s has ended%s", node_name(n, node), well ? " in order" : "");
    if (well) {
        if (n->plan->calm != CALM_NOT) { /* else no controller may have answered it */
            farewell_look(n, broker_id(node->number));
        }
        broker_node_join(broker);
    } else {
        if (!node->hurt && n->wrong[0] == '\0') {
            (void)snprintf(n->wrong, sizeof(n->wrong), "%s has halted, and its disk is well",
                           node_name(n, node));
        }
        world_crash(node->host);
    }
    node_gone(n, node);
    if (registered) {
        n->cluster->brokers[node->number].ended_well = well;
    }
    node->up_at = now(n) + prng_between(&n->prng, 1000, 2 * SECOND);
}

static void isolate(struct nemesis *, struct nemesis_node *, time_us until);

/* Whether the quorum has taken it in with its new directory. */
static bool voter_again(const struct nemesis *n, const struct nemesis_node *node)
{
    int32_t active = cluster_active(n->cluster);
    const struct controller_node *own = n->cluster->controllers[node->number].node;
    const struct raft *raft = own == NULL ? NULL : controller_node_raft(own);
    const struct raft *leader = active < 0
                                    ? NULL
                                    : controller_node_raft(n->cluster->controllers[active].node);
    return raft != NULL && leader != NULL &&
           raft_voters_has(raft_voters_at(leader, leader->commit), raft->config.self);
}

static void disk_mends(struct nemesis_node *node)
{
    node->well_at = 0;
    world_disk_pace(node->host, 0, 0);
    fake_disk_space_left(node->host, -1);
    fake_disk_fail_change(node->host, 0, OK);
    fake_disk_fail_sync(node->host, 0);
    fake_disk_fail_read(node->host, 0, OK);
}

static void nodes_look(struct nemesis *n)
{
    for (uint32_t i = 0; i < n->node_count; i++) {
        struct nemesis_node *node = &n->nodes[i];
        /* First: whoever starts now finds its disk well. */
        if (node->well_at != 0 && node->well_at <= now(n)) {
            disk_mends(node);
        }
        if (!node->down && node_halted(n, node)) {
            node_ended(n, node);
        } else if (node->down && !node->kept_down && node->up_at <= now(n)) {
            node_up(n, node);
        } else if (!node->down && node->loops > 0 && node->up_at <= now(n)) {
            nemesis_crash(n, node, prng_between(&n->prng, 1000, 300000));
        }
        node->outsider = node->outsider && !voter_again(n, node);
        if (node->clog_at != 0 && node->clog_at <= now(n)) {
            node->clog_at = 0;
            isolate(n, node, node->clog_until);
        }
    }
}

/* ---- faults ---- */

static struct nemesis_node *any(struct nemesis *n)
{
    /* Controllers decide most, and are hurt as often as brokers. */
    bool broker = prng_chance(&n->prng, 600) && n->plan->calm != CALM_CONTROLLERS;
    uint32_t first = broker ? n->cluster->controller_count : 0;
    uint32_t count = broker ? n->cluster->broker_count : n->cluster->controller_count;
    return &n->nodes[first + prng_below(&n->prng, count)];
}

static struct nemesis_node *any_broker(struct nemesis *n)
{
    return &n->nodes[n->cluster->controller_count + prng_below(&n->prng, n->cluster->broker_count)];
}

static time_us a_while(struct nemesis *n)
{
    if (n->plan->hasty_per_mille > 0 && prng_chance(&n->prng, n->plan->hasty_per_mille)) {
        return prng_between(&n->prng, 0, 60000);
    }
    return prng_chance(&n->prng, 500) ? prng_between(&n->prng, 1000, 300000)
                                      : prng_between(&n->prng, 300000, 6 * SECOND);
}

static void cut(struct host *a, struct host *b, time_us until)
{
    world_cut(a, b, until);
    world_cut(b, a, until);
}

static void isolate(struct nemesis *n, struct nemesis_node *node, time_us until)
{
    for (uint32_t i = 0; i < n->node_count; i++) {
        cut(node->host, n->nodes[i].host, until);
    }
    for (uint32_t i = 0; i < n->client_count && prng_chance(&n->prng, 500); i++) {
        cut(node->host, n->clients[i], until);
    }
}

static void split(struct nemesis *n, time_us until)
{
    uint64_t sides = prng_u64(&n->prng);
    bool one_way = prng_chance(&n->prng, 200);
    for (uint32_t i = 0; i < n->node_count; i++) {
        for (uint32_t j = 0; j < n->node_count; j++) {
            bool apart = (sides >> i & 1) && !(sides >> j & 1);
            if (apart) {
                world_cut(n->nodes[i].host, n->nodes[j].host, until);
                if (!one_way) {
                    world_cut(n->nodes[j].host, n->nodes[i].host, until);
                }
            }
        }
    }
}

/* Whether a follower's patience ends about then: it cannot know that it has slept, and that its leader slept, too. */
static bool patience_ends(const struct nemesis *n, time_us at)
{
    for (uint32_t i = 0; i < n->cluster->controller_count; i++) {
        const struct sim_controller *c = &n->cluster->controllers[i];
        const struct raft *raft = c->node == NULL ? NULL : controller_node_raft(c->node);
        if (raft != NULL && raft->role == RAFT_FOLLOWER &&
            raft->follower.campaign_at < TIME_NEVER) {
            time_us ends = machine_moment(fake_machine_of(c->host),
                                          raft->follower.campaign_at * 1000);
            if (ends > at - WAKES_LATE_US && ends < at + WAKES_LATE_US) {
                return true;
            }
        }
    }
    return false;
}

/* As when the lid of a laptop is closed: everything sleeps, and wakes at once. */
static void all_paused(struct nemesis *n)
{
    time_us until = now(n) + prng_between(&n->prng, 1000, 400000);
    while (n->plan->calm != CALM_NOT && patience_ends(n, until)) {
        until += WAKES_LATE_US;
    }
    for (uint32_t i = 0; i < n->node_count; i++) {
        world_pause(n->nodes[i].host, until);
    }
}

static void all_down(struct nemesis *n, bool power)
{
    bool brokers_only = prng_chance(&n->prng, 300);
    for (uint32_t i = 0; i < n->node_count; i++) {
        if (brokers_only && !n->nodes[i].broker) {
            continue;
        }
        if (power) {
            node_power(n, &n->nodes[i], a_while(n));
        } else {
            nemesis_crash(n, &n->nodes[i], a_while(n));
        }
    }
}

static void disk_hurts(struct nemesis *n, struct nemesis_node *node, enum fault fault)
{
    time_us most_us = 0;
    /* Its broker may go on without that disk, and everybody count on the one that was emptied. */
    if (fault != FAULT_SLOW_DISK && n->cluster->dirs > 1 && n->cluster->unheard != 0) {
        return;
    }
    node->well_at = now(n) + a_while(n) * 3;
    switch (fault) {
    case FAULT_SLOW_DISK:
        if (n->plan->calm != CALM_NOT) {
            world_disk_pace(node->host, 10000, 350000);
            return;
        }
        most_us = prng_between(&n->prng, 50000, prng_chance(&n->prng, 200) ? 5 * SECOND : 300000);
        world_disk_pace(node->host, prng_between(&n->prng, 100, 50000), most_us);
        return;
    case FAULT_SYNC_FAILS:
        fake_disk_fail_sync(node->host, (int)prng_between(&n->prng, 1, 20));
        break;
    case FAULT_WRITE_FAILS:
        fake_disk_fail_change(node->host, (int)prng_between(&n->prng, 1, 60), ERR_IO);
        break;
    default: fake_disk_space_left(node->host, prng_between(&n->prng, 0, 20000)); break;
    }
    node->hurt = true;
}

static void cut_off(struct nemesis *n, struct nemesis_node *node, bool clients, time_us until)
{
    nemesis_say(n, "%s is cut off from %s", node_name(n, node),
                clients ? "clients" : "controllers");
    for (uint32_t i = 0; i < n->client_count && clients; i++) {
        cut(node->host, n->clients[i], until);
    }
    for (uint32_t i = 0; i < n->cluster->controller_count && !clients; i++) {
        if (prng_chance(&n->prng, 800)) {
            cut(node->host, n->nodes[i].host, until);
        }
    }
}

static void shut_down(struct nemesis *n, struct nemesis_node *node)
{
    if (!node->down && !node->stopping && !node_halted(n, node)) {
        node->stopping = true;
        broker_node_stop(n->cluster->brokers[node->number].node);
    }
}

/* Whether somebody else has everything of it that was acknowledged, and is well. */
static bool spare(const struct nemesis *n, const struct meta_partition *p, int32_t id)
{
    for (uint32_t i = 0; i < p->isr.count; i++) {
        uint32_t number = (uint32_t)(p->isr.id[i] - broker_id(0));
        if (p->isr.id[i] != id && number < n->cluster->broker_count) {
            const struct nemesis_node *other = &n->nodes[n->cluster->controller_count + number];
            if (!other->down && !other->hurt) {
                return true;
            }
        }
    }
    return false;
}

/* Of a broker that is down: somebody tidies up its disk. Only where another copy is in sync, and once in a run: what two such hands
 * take may be all there was. */
static void folder_lost(struct nemesis *n)
{
    struct nemesis_node *node = any_broker(n);
    int32_t active = cluster_active(n->cluster);
    uint32_t t = (uint32_t)prng_below(&n->prng, n->field->topic_count);
    int32_t index = (int32_t)prng_below(&n->prng, n->field->topics[t].partitions);
    const struct meta_image *image =
        active < 0 ? NULL : controller_node_image(n->cluster->controllers[active].node);
    const struct meta_topic *topic =
        image == NULL ? NULL : meta_topic_named(image, slice_str(n->field->topics[t].name));
    const struct meta_partition *p = topic == NULL ? NULL : meta_partition(topic, index);
    if (n->folder_lost || !node->down || field_changes(n->field) || p == NULL ||
        !nemesis_dirs_well(n) || !spare(n, p, broker_id(node->number)) ||
        !atlas_spares(n->cluster, node->number, n->field->topics[t].name, index, ATLAS_LOSS)) {
        return;
    }
    nemesis_folder_goes(n, node, n->field->topics[t].name, index);
}

static void process_fault(struct nemesis *n, enum fault fault, struct nemesis_node *node)
{
    switch (fault) {
    case FAULT_CRASH: nemesis_crash(n, node, a_while(n)); break;
    case FAULT_CRASH_ALL: all_down(n, false); break;
    case FAULT_CRASH_LOOP:
        node->loops = (uint32_t)prng_between(&n->prng, 1, 6);
        nemesis_crash(n, node, a_while(n));
        if (n->plan->loops_slowly) {
            world_disk_pace(node->host, 100, prng_between(&n->prng, 100000, SECOND));
            node->well_at = now(n) + 3 * SECOND;
        }
        break;
    case FAULT_POWER: node_power(n, node, a_while(n)); break;
    case FAULT_POWER_ALL: all_down(n, true); break;
    case FAULT_PAUSE: world_pause(node->host, now(n) + a_while(n)); break;
    case FAULT_PAUSE_ALL: all_paused(n); break;
    case FAULT_FOLDER_LOST: folder_lost(n); break;
    default: shut_down(n, any_broker(n)); break;
    }
}

static void network_fault(struct nemesis *n, enum fault fault, struct nemesis_node *node)
{
    struct nemesis_node *other = any(n);
    time_us until = now(n) + a_while(n);
    switch (fault) {
    case FAULT_CUT: cut(node->host, other->host, until); break;
    case FAULT_CUT_ONE_WAY: world_cut(node->host, other->host, until); break;
    case FAULT_ISOLATE: isolate(n, node, until); break;
    case FAULT_CUT_CONTROLLERS: cut_off(n, any_broker(n), false, until); break;
    case FAULT_CUT_CLIENTS: cut_off(n, any_broker(n), true, until); break;
    case FAULT_SPLIT: split(n, until); break;
    default: world_reset(node->host, other->host); break;
    }
}

static void fault_do(struct nemesis *n, enum fault fault)
{
    struct nemesis_node *node = any(n);
    nemesis_say(n, "fault %u: %s (%s, if one is meant)", n->drawn - 1, fault_name(fault),
                node_name(n, node));
    n->done[fault]++;
    n->total++;
    if (fault == FAULT_REFIT || fault == FAULT_REPLACE) {
        nemesis_admin(n, fault, node);
    } else if (fault >= FAULT_WIPE) {
        nemesis_late(n, fault, node);
    } else if (fault <= FAULT_PAUSE || fault == FAULT_SHUTDOWN || fault >= FAULT_PAUSE_ALL) {
        process_fault(n, fault, node);
    } else if (fault <= FAULT_RESET) {
        network_fault(n, fault, node);
    } else if (fault <= FAULT_DISK_FULL) {
        disk_hurts(n, node, fault);
    } else if (fault == FAULT_CLOCK_RATE) {
        world_clock_rate(node->host, prng_between(&n->prng, -50000, 50000));
    } else if (fault == FAULT_CLOCK_JUMP) {
        world_clock_jump(node->host, prng_between(&n->prng, -600000, 600000));
    }
}

/* Each fault has chances of its own, so that one left out changes no other. */
static bool fault_next(struct nemesis *n)
{
    uint32_t number = n->drawn++;
    prng_init(&n->prng, (n->plan->seed ^ UINT64_C(0x6661756c74)) * 1000003 + number);
    return cut_keeps(&n->plan->cut, number);
}

static void fault_draw(struct nemesis *n)
{
    uint32_t sum = 0;
    for (int i = 0; i < FAULTS; i++) {
        sum += n->plan->weight[i];
    }
    if (!fault_next(n) || sum == 0) {
        return;
    }
    uint64_t at = prng_below(&n->prng, sum);
    for (int i = 0; i < FAULTS; i++) {
        if (at < n->plan->weight[i]) {
            fault_do(n, (enum fault)i);
            return;
        }
        at -= n->plan->weight[i];
    }
}

/* Clients that think are busy when all begins and after a fault, now and then until all that comes of it is over, and shortly before
 * the next. */
static void clients_wake(struct nemesis *n)
{
    time_us after_us = prng_chance(&n->tempo, LONG_PER_MILLE) ? LONG_US : n->plan->busy_after_us;
    n->field->busy_until = now(n) + prng_between(&n->tempo, 0, after_us);
    n->field->busy_from = n->next_at < n->end_at ? n->next_at - n->plan->busy_before_us
                                                 : TIME_NEVER;
}

void nemesis_begin(struct nemesis *n)
{
    n->end_at = now(n) + n->plan->safety_us;
    clients_wake(n);
    n->field->busy_until = now(n) + FIRST_US;
}

void nemesis_look(struct nemesis *n)
{
    nodes_look(n);
    if (n->next_at == TIME_NEVER) {
        n->next_at = now(n) + prng_between(&n->gaps, 0, 2 * n->plan->fault_gap_us);
    } else if (now(n) >= n->next_at && now(n) < n->end_at) {
        fault_draw(n);
        time_us rest = n->plan->calm == CALM_NOT ? 0 : n->plan->fault_gap_us; /* one at a time */
        n->next_at = now(n) + rest + prng_between(&n->gaps, 0, 2 * n->plan->fault_gap_us);
        clients_wake(n);
    }
}

/* ---- repairs ---- */

void nemesis_heal(struct nemesis *n)
{
    nemesis_say(n, "everything is repaired");
    world_unclog(n->cluster->world);
    for (uint32_t i = 0; i < n->node_count; i++) {
        struct nemesis_node *node = &n->nodes[i];
        for (uint32_t j = 0; j < n->node_count; j++) {
            world_cut(node->host, n->nodes[j].host, 0);
        }
        for (uint32_t j = 0; j < n->client_count; j++) {
            cut(node->host, n->clients[j], 0);
        }
        world_pause(node->host, 0);
        world_clock_rate(node->host, 0);
        disk_mends(node);
        node->clog_at = 0;
        node->loops = 0;
        if (node->hurt && !node->down) {
            nemesis_crash(n, node, 0); /* what its disk did to it is over with a new process */
        }
        node->up_at = node->down ? now(n) + prng_between(&n->prng, 0, SECOND) : 0;
        node->kept_down = false;
        if (node->broker) {
            n->cluster->brokers[node->number].away = false;
        }
    }
}

/* ---- a core of the cluster ---- */

void nemesis_core_begin(struct nemesis *n)
{
    prng_init(&n->prng, n->plan->seed ^ UINT64_C(0x636f7265));
    uint32_t controllers = n->cluster->controller_count;
    uint32_t spare = (controllers - 1) / 2;
    for (uint32_t i = 0; i < controllers; i++) {
        spare -= n->nodes[i].outsider && spare > 0; /* its seat is nobody's until it is taken in */
    }
    for (uint32_t i = 0; i < n->node_count; i++) {
        struct nemesis_node *node = &n->nodes[i];
        bool out = node->broker || ((spare > 0 || node->outsider) && prng_chance(&n->prng, 600));
        spare -= out && !node->broker && !node->outsider;
        if (out && (node->broker ? prng_chance(&n->prng, 600) : true)) {
            nemesis_crash(n, node, 0);
            node->kept_down = true;
        }
    }
    nemesis_say(n, "a core is repaired");
}

bool nemesis_dirs_well(const struct nemesis *n)
{
    bool well = true;
    for (uint32_t i = 0; i < n->node_count; i++) {
        well = well && !(n->nodes[i].broker && n->nodes[i].hurt);
    }
    return well || n->cluster->dirs < 2;
}

uint32_t nemesis_brokers_there(const struct nemesis *n)
{
    uint32_t brokers = 0;
    for (uint32_t i = 0; i < n->cluster->broker_count; i++) {
        brokers |= n->nodes[n->cluster->controller_count + i].kept_down ? 0 : 1U << i;
    }
    return brokers;
}

bool nemesis_core_grow(struct nemesis *n)
{
    uint32_t brokers = nemesis_brokers_there(n);
    int32_t helps = atlas_core_lacks(n->cluster, brokers);
    if (brokers == 0 && helps < 0) {
        helps = (int32_t)prng_below(&n->prng, n->cluster->broker_count);
    }
    if (helps >= 0) {
        struct nemesis_node *node = &n->nodes[n->cluster->controller_count + (uint32_t)helps];
        node->kept_down = false;
        node->up_at = now(n);
    }
    return helps >= 0;
}

bool nemesis_core_up(const struct nemesis *n)
{
    for (uint32_t i = 0; i < n->node_count; i++) {
        if (n->nodes[i].stopping || n->nodes[i].down != n->nodes[i].kept_down) {
            return false;
        }
    }
    return true;
}

bool nemesis_all_up(const struct nemesis *n)
{
    for (uint32_t i = 0; i < n->node_count; i++) {
        if ((n->nodes[i].down && !n->nodes[i].kept_down) || n->nodes[i].stopping) {
            return false;
        }
    }
    return true;
}
