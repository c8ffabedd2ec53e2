/* Faults that came later: wiped disks, paths that clog and open one after the other, long sleeps. */
#include <stdio.h>

#include "tests/sim/atlas.h"
#include "tests/sim/dirs.h"
#include "tests/sim/nemesis_internal.h"

#define SECOND          INT64_C(1000000)
#define ODD_START_FILES 12

static time_us now(const struct nemesis *n)
{
    return world_now_us(n->cluster->world);
}

/* Nobody has asked for a topic, or will before the controllers have heard of it: it might be left to the emptied disk alone. */
static bool topics_stay(const struct nemesis *n)
{
    return !field_changes(n->field) &&
           (n->plan->members == 0 || atlas_has_topic(n->cluster, "__consumer_offsets"));
}

/* Of several disks one may be left; true: there was something. */
static bool disks_emptied(struct nemesis *n, const struct nemesis_node *node)
{
    uint32_t dirs = node->broker ? n->cluster->dirs : 1;
    uint64_t left = dirs > 1 ? prng_below(&n->prng, dirs + 1) : dirs;
    bool gone = false;
    for (uint32_t i = 0; i < dirs; i++) {
        gone = (i != left && fake_disk_forget(node->host, dirs_paths[i])) || gone;
    }
    nemesis_say(n, "its disk is empty%s",
                left < dirs ? left == 0 ? ", but the first" : ", but the second" : "");
    return gone;
}

/* The process dies, and the next one finds an empty disk. */
static void wipe(struct nemesis *n, struct nemesis_node *node)
{
    bool good = node->broker
                    ? atlas_spares_broker(n->cluster, node->number) && topics_stay(n)
                    : !n->controller_wiped && atlas_spares_controller(n->cluster, node->number);
    if (!good || node->stopping || node->down || !nemesis_dirs_well(n)) {
        return;
    }
    bool hasty = n->plan->hasty_per_mille > 0 && prng_chance(&n->prng, n->plan->hasty_per_mille);
    nemesis_crash(n, node, prng_between(&n->prng, 1000, hasty ? 60000 : 3 * SECOND));
    bool gone = disks_emptied(n, node);
    assert(gone || node->broker);
    n->controller_wiped = n->controller_wiped || !node->broker;
    n->cluster->emptied |= hasty && node->broker ? 1U << node->number : 0;
    n->cluster->unheard |= node->broker ? 1U << node->number : 0;
    node->outsider = !node->broker;
    n->wiped++;
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

/* Once, so that the other one is well: it may hold all that anybody has of something, and is back with a later process. Which small
 * file it is decides where: the first ones are each directory's own. */
void nemesis_odd_start(struct nemesis *n, struct nemesis_node *node)
{
    if (!node->broker || now(n) >= n->end_at || n->cluster->dirs < 2 ||
        !prng_chance(&n->starts, n->plan->odd_starts_per_mille) || n->cluster->unheard != 0) {
        return;
    }
    int file = (int)prng_between(&n->starts, 1, ODD_START_FILES);
    nemesis_say(n, "the small file that it reads as number %d cannot be read", file);
    fake_disk_fail_read(node->host, file, ERR_IO);
    node->hurt = true;
    node->well_at = now(n) + prng_between(&n->starts, 1000, 6 * SECOND);
    n->total++;
}

void nemesis_folder_goes(struct nemesis *n, struct nemesis_node *node, const char *topic,
                         int32_t index)
{
    struct dirs_folder found;
    n->folder_lost = dirs_find(node->host, topic, index, false, &found) &&
                     fake_disk_forget(node->host, found.path);
    n->cluster->unheard |= n->folder_lost ? 1U << node->number : 0;
    nemesis_say(n, "%s-%d of broker %d %s", topic, index, broker_id(node->number),
                n->folder_lost ? "is gone" : "was never there");
}

/* All processes die at once, so that nobody fences anybody for it; meanwhile a hand tidies up one broker's disk. Where one in sync
 * is enough, that one may be the last that the controllers know of, and its copy is gone: so only where it takes two. */
static void gone(struct nemesis *n, struct nemesis_node *node)
{
    uint32_t t = (uint32_t)prng_below(&n->prng, n->field->topic_count);
    int32_t index = (int32_t)prng_below(&n->prng, n->field->topics[t].partitions);
    bool all_up = node->broker && !n->folder_lost;
    for (uint32_t i = 0; i < n->node_count; i++) {
        const struct nemesis_node *other = &n->nodes[i];
        all_up = all_up && (other->kept_down || (!other->down && !other->hurt && !other->stopping));
    }
    if (!all_up || field_changes(n->field) ||
        atlas_min_isr(n->cluster, n->field->topics[t].name, index) < 2 ||
        !atlas_spares(n->cluster, node->number, n->field->topics[t].name, index, ATLAS_LOSS)) {
        return;
    }
    for (uint32_t i = 0; i < n->node_count; i++) {
        if (!n->nodes[i].kept_down) {
            nemesis_crash(n, &n->nodes[i], prng_between(&n->prng, 1000, 500000));
        }
    }
    nemesis_folder_goes(n, node, n->field->topics[t].name, index);
}

static struct host *some_host(struct nemesis *n, bool broker)
{
    uint32_t first = broker ? n->cluster->controller_count : 0;
    uint32_t count = broker ? n->cluster->broker_count : n->cluster->controller_count;
    return n->nodes[first + prng_below(&n->prng, count)].host;
}

/* Some streams from one node to another stand still, while newer ones between them go on: what was asked or told on them comes
 * when whoever asked has long done something else. */
static void streams_clog(struct nemesis *n)
{
    uint64_t kind = prng_below(&n->prng, 10);
    struct host *from = some_host(n, kind < 7);
    struct host *to = some_host(n, kind >= 3 && kind < 9);
    if (kind == 9 && n->client_count > 0) {
        from = n->clients[prng_below(&n->prng, n->client_count)];
        to = some_host(n, true);
    }
    bool long_ago = prng_chance(&n->prng, 600);
    time_us until = now(n) + (long_ago ? prng_between(&n->prng, 300000, 8 * SECOND)
                                       : prng_between(&n->prng, 1000, 300000));
    uint64_t which = prng_chance(&n->prng, 400) ? UINT64_MAX : prng_u64(&n->prng);
    uint32_t count = from == to ? 0 : world_clog(from, to, which, until);
    nemesis_say(n, "of %u streams between two hosts some are clogged", count);
}

void nemesis_late(struct nemesis *n, enum fault fault, struct nemesis_node *node)
{
    switch (fault) {
    case FAULT_WIPE: wipe(n, node); break;
    case FAULT_SWIZZLE: swizzle(n); break;
    case FAULT_CLOG: streams_clog(n); break;
    case FAULT_GONE: gone(n, node); break;
    default:
        world_pause(node->host, now(n) + prng_between(&n->prng, 4 * SECOND, 15 * SECOND));
        break;
    }
}
