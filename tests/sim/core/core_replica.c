#include "tests/sim/core/core.h"
#include "tests/unit/broker/replica/world/world.h"

const struct core_told core_told = {
    .what =
        "the replica core: three replicas of a partition, a model controller, clients, a network that reorders",
    .probes = "REPLICA_",
    .counts = {"steps", "acknowledged", "elections", "in-sync set changes", "truncations",
               "duplicates", "rebuilds"},
};

void core_run(uint64_t seed, bool loud, struct core_result *ret_result)
{
    static struct world w;
    w.loud = loud;
    bool good = world_run(&w, seed);
    *ret_result = (struct core_result){
        .good = good,
        .sentence = w.wrong,
        .simulated_ms = w.now,
        .counts = {w.steps, w.acked, w.max_elections, w.isr_changes, w.truncations, w.duplicates,
                   w.rebuilds},
    };
}
