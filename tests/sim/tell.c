#include "tests/sim/tell.h"

#include "broker/node/node_internal.h"
#include "broker/partition/partition_internal.h"

static const char *const role_names[] = {[REPLICA_LOADING] = "loading",
                                         [REPLICA_IDLE] = "idle",
                                         [REPLICA_FOLLOWER] = "follower",
                                         [REPLICA_LEADER] = "LEADER",
                                         [REPLICA_STOPPED] = "stopped"};
static const char *const state_names[] = {
    [PARTITION_WAITS] = "waits",     [PARTITION_OPENING] = "opening",
    [PARTITION_OPEN] = "open",       [PARTITION_OFFLINE] = "offline",
    [PARTITION_CLOSING] = "closing", [PARTITION_DELETED] = "deleted"};

static const char *node_state(const struct nemesis *nemesis, uint32_t number)
{
    const struct nemesis_node *node = &nemesis->nodes[number];
    return node->off ? "without power" : node->down ? "down" : node->stopping ? "stopping" : "runs";
}

static void tell_controllers(const struct cluster *cluster, const struct nemesis *nemesis,
                             FILE *out)
{
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        const struct controller_node *node = cluster->controllers[i].node;
        const struct meta_image *image = node == NULL ? NULL : controller_node_image(node);
        (void)fprintf(out, "  %s: %s%s, metadata up to %lld\n", cluster->controllers[i].name,
                      node_state(nemesis, i),
                      node != NULL && controller_node_active(node) ? ", active" : "",
                      image == NULL ? -1LL : (long long)meta_offset(image));
    }
}

/* Those that not everybody is in sync of, as the active controller has them. */
static void tell_partitions(const struct cluster *cluster, FILE *out)
{
    char line[200];
    int32_t active = cluster_active(cluster);
    const struct meta_image *image = active < 0
                                         ? NULL
                                         : controller_node_image(cluster->controllers[active].node);
    struct slice after = {0};
    const struct meta_topic *topic = image == NULL ? NULL : meta_topic_next(image, after);
    for (; topic != NULL; topic = meta_topic_next(image, meta_topic_name(topic))) {
        for (int32_t i = 0; i < (int32_t)meta_topic_partitions(topic); i++) {
            if (cluster_partition_ails(topic, i, line, sizeof(line))) {
                (void)fprintf(out, "    %s\n", line);
            }
        }
    }
}

static void tell_isr(const struct replica *core, FILE *out)
{
    (void)fprintf(out, ", in sync");
    for (uint32_t i = 0; i < core->view.member_count; i++) {
        if (core->isr >> i & 1) {
            (void)fprintf(out, " %d", core->view.members[i].id);
        }
    }
}

static void tell_replica(const struct partition *p, FILE *out)
{
    const struct replica *core = &p->core;
    if (p->state != PARTITION_OPEN) {
        (void)fprintf(out, "    %s-%d: %s%s\n", p->name, p->index, state_names[p->state],
                      p->rotten ? ", rotten" : "");
        return;
    }
    (void)fprintf(out, "    %s-%d: %s of epoch %d, log %lld to %lld, synced %lld, watermark %lld",
                  p->name, p->index, role_names[core->role], core->view.leader_epoch,
                  (long long)core->log_start, (long long)core->log_end,
                  (long long)core->durable_end, (long long)core->high_watermark);
    if (core->role == REPLICA_LEADER) {
        tell_isr(core, out);
    }
    (void)fprintf(out, "%s", p->rotten ? ", rotten" : "");
    (void)fprintf(out, "\n");
}

static void tell_broker(const struct cluster *cluster, uint32_t number, const char *state,
                        FILE *out)
{
    const struct sim_broker *broker = &cluster->brokers[number];
    int32_t active = cluster_active(cluster);
    const struct meta_broker *known =
        active < 0 ? NULL
                   : meta_broker(controller_node_image(cluster->controllers[active].node),
                                 broker_id(number));
    (void)fprintf(out, "  %s: %s%s\n", broker->name, state,
                  known == NULL   ? ", not registered"
                  : known->fenced ? ", fenced"
                                  : "");
    if (broker->node == NULL || broker->halted) {
        return;
    }
    LIST_EACH(&broker->node->partitions->all, node)
    {
        tell_replica(CONTAINER_OF(node, struct partition, node), out);
    }
}

void tell_cluster(const struct cluster *cluster, const struct nemesis *nemesis, FILE *out)
{
    (void)fprintf(out, "at %.3f s, after %u faults:\n", (double)world_now_us(cluster->world) / 1e6,
                  nemesis->total);
    tell_controllers(cluster, nemesis, out);
    tell_partitions(cluster, out);
    for (uint32_t i = 0; i < cluster->broker_count; i++) {
        tell_broker(cluster, i, node_state(nemesis, cluster->controller_count + i), out);
    }
}
