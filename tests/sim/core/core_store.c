#include "tests/sim/core/core.h"
#include "tests/unit/controller/node/store_lives.h"

const struct core_told core_told = {
    .what =
        "what a controller keeps on disk: it dies at any moment, and what was durable is there again",
    .probes = "LOG_",
    .counts = {"steps", "deaths", "entries found again", "snapshots received"},
};

void core_run(uint64_t seed, bool loud, struct core_result *ret_result)
{
    struct store_lives lives;
    (void)loud;
    store_lives_run(seed, &lives);
    *ret_result = (struct core_result){
        .good = true, .counts = {lives.steps, lives.deaths, lives.entries, lives.snapshots}};
}
