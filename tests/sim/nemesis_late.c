/* Faults that came later: wiped disks, paths that clog and open one after the other, long sleeps. */
#include "tests/sim/atlas.h"
#include "tests/sim/nemesis_internal.h"

#define SECOND INT64_C(1000000)

static time_us now(const struct nemesis *n)
{
    return world_now_us(n->cluster->world);
}

/* The process dies, and the next one finds an empty disk. */
static void wipe(struct nemesis *n, struct nemesis_node *node)
{
    bool good = node->broker
                    ? atlas_spares_broker(n->cluster, node->number)
                    : !n->controller_wiped && atlas_spares_controller(n->cluster, node->number);
    if (!good || node->stopping || node->down) {
        return;
    }
    nemesis_crash(n, node, prng_between(&n->prng, 1000, 3 * SECOND));
    bool gone = fake_disk_forget(node->host, "/data");
    assert(gone || node->broker);
    n->controller_wiped = n->controller_wiped || !node->broker;
    n->wiped++;
    nemesis_say(n, "its disk is empty");
}

/* Swizzle-clogging: some nodes lose touch one after the other, and find it again in another order. */
static void swizzle(struct nemesis *n)
{
    time_us span = prng_between(&n->prng, 200000, 3 * SECOND);
    for (uint32_t i = 0; i < n->node_count; i++) {
        if (prng_chance(&n->prng, 500)) {
            n->nodes[i].clog_at = now(n) + prng_between(&n->prng, 1, span);
            n->nodes[i].clog_until = now(n) + span + prng_between(&n->prng, 1, span);
        }
    }
}

void nemesis_late(struct nemesis *n, enum fault fault, struct nemesis_node *node)
{
    switch (fault) {
    case FAULT_WIPE: wipe(n, node); break;
    case FAULT_SWIZZLE: swizzle(n); break;
    default:
        world_pause(node->host, now(n) + prng_between(&n->prng, 4 * SECOND, 15 * SECOND));
        break;
    }
}
