/*
 * sim_cluster [--verbose] SEED...: each seed is one run of a whole cluster in the fake world. A run is made twice, and both
 * must give the same hash over all events. A line per check, then `N passed, N failed`; exit code 0, 1, or 2 for usage.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/client.h"
#include "tests/sim/cluster.h"

#define SECOND INT64_C(1000000)

struct run {
    uint64_t seed;
    bool verbose;
    struct world *world;
    struct cluster *cluster;
    struct client *client;
    uint32_t failed;
    uint32_t passed;
};

static bool check(struct run *run, bool good, const char *sentence)
{
    run->failed += !good;
    run->passed += good;
    if (!good) {
        (void)printf("FAILED seed %llu at %lld us: %s\n", (unsigned long long)run->seed,
                     (long long)world_now_us(run->world), sentence);
    }
    return good;
}

static void nodes_start(struct run *run)
{
    bool good = true;
    for (uint32_t i = 0; i < CONTROLLERS; i++) {
        good = controller_start(run->cluster, i) && good;
    }
    check(run, good, "the controllers start");
    check(run, world_run(run->world, cluster_led, run->cluster, 10 * SECOND),
          "one of the controllers becomes the active one");
    for (uint32_t i = 0; i < BROKERS; i++) {
        good = broker_start(run->cluster, i) && good;
    }
    check(run, good, "the brokers start");
    check(run, world_run(run->world, cluster_agreed, run->cluster, 20 * SECOND),
          "all brokers are unfenced and all images are equal");
}

static struct world_hash story(struct run *run)
{
    run->world = world_open(run->seed, run->verbose);
    run->cluster = cluster_open(run->world);
    nodes_start(run);
    check(run, cluster_close(run->cluster), "all nodes stop in order");
    struct world_hash hash = world_hash(run->world);
    (void)printf("seed %llu: %llu events, %lld ms, hash %016llx%016llx\n",
                 (unsigned long long)run->seed, (unsigned long long)world_events(run->world),
                 (long long)world_now_us(run->world) / 1000, (unsigned long long)hash.high,
                 (unsigned long long)hash.low);
    world_close(run->world);
    return hash;
}

int main(int argc, char **argv)
{
    struct run run = {0};
    int at = 1;
    if (argc > at && strcmp(argv[at], "--verbose") == 0) {
        run.verbose = true;
        at++;
    }
    if (at == argc) {
        (void)fprintf(stderr, "usage: sim_cluster [--verbose] SEED...\n");
        return 2;
    }
    for (; at < argc; at++) {
        run.seed = strtoull(argv[at], NULL, 0);
        struct world_hash first = story(&run);
        struct world_hash second = story(&run);
        bool same = first.high == second.high && first.low == second.low;
        run.failed += !same;
        run.passed += same;
        if (!same) {
            (void)printf("FAILED seed %s: the same seed gave two different runs\n", argv[at]);
        }
    }
    (void)printf("%u passed, %u failed\n", run.passed, run.failed);
    return run.failed == 0 && run.passed > 0 ? 0 : 1;
}
