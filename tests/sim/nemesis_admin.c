/* What operators do to whole nodes: another file and a restart; another machine under another id. */
#include "tests/sim/nemesis_internal.h"
#include "tests/sim/refit.h"

#define SECOND INT64_C(1000000)

static void refit(struct nemesis *n, struct nemesis_node *node)
{
    /* What a controller's file says of min.insync.replicas holds when it takes over: the atlas counts on those that there are. */
    if (node->kept_down || (!node->broker && n->cluster->unheard != 0)) {
        return;
    }
    if (node->broker) {
        refit_broker(n->cluster, node->number, n->plan, &n->prng);
    } else {
        refit_controller(n->cluster, node->number, &n->prng);
    }
    if (!node->down && !node->stopping) {
        nemesis_crash(n, node, prng_between(&n->prng, 1000, SECOND));
    }
    nemesis_say(n, "it has other settings from now on");
}

static struct nemesis_node *node_of(struct nemesis *n, uint32_t broker)
{
    return &n->nodes[n->cluster->controller_count + broker];
}

/* One broker goes, with all that it has, and one with another id comes, which has nothing. Until everything is repaired: then the
 * old one is found again. */
static void replace(struct nemesis *n, struct nemesis_node *node)
{
    uint32_t first = n->cluster->broker_count - n->cluster->late;
    struct nemesis_node *heir = NULL;
    for (uint32_t i = first; i < n->cluster->broker_count && heir == NULL; i++) {
        heir = node_of(n, i)->kept_down ? node_of(n, i) : NULL;
    }
    if (heir == NULL || !node->broker || node->number >= first || node->kept_down ||
        node->stopping) {
        return;
    }
    nemesis_crash(n, node, 0);
    node->kept_down = true;
    n->cluster->brokers[node->number].away = true;
    heir->kept_down = false;
    heir->up_at = prng_between(&n->prng, 0, 4 * SECOND) + world_now_us(n->cluster->world);
    nemesis_say(n, "it goes for good, and %s comes", n->cluster->brokers[heir->number].name);
}

void nemesis_admin(struct nemesis *n, enum fault fault, struct nemesis_node *node)
{
    if (fault == FAULT_REFIT) {
        refit(n, node);
    } else {
        replace(n, node);
    }
}
