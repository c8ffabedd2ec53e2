#include "tests/sim/core/core.h"
#include "tests/unit/broker/group/world.h"

const struct core_told core_told = {
    .what =
        "a coordinator shard: groups of both protocols, their clients, the log that it writes, and memory that runs short",
    .probes = "GROUP_",
    .counts = {"steps", "answers", "writes", "steps short of memory",
               "shards built anew for want of it"},
};

void core_run(uint64_t seed, bool loud, struct core_result *ret_result)
{
    static struct world w;
    (void)loud;
    world_run(&w, seed, seed % 4 == 0 ? 250 : 0);
    *ret_result = (struct core_result){
        .good = true,
        .simulated_ms = w.now,
        .counts = {WORLD_STEPS, w.answers, w.writes, w.short_steps, w.broken},
    };
}
