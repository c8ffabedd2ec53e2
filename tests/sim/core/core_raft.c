#include "tests/sim/core/core.h"
#include "tests/unit/controller/raft/world/world.h"

const struct core_told core_told = {
    .what =
        "the Raft core: 1 to 5 voters, members that come and go, lost, doubled and late messages, lying disks",
    .probes = "RAFT_",
    .counts = {"steps", "committed", "elections", "crashes", "cuts", "snapshots installed",
               "voter changes", "reads"},
};

void core_run(uint64_t seed, bool loud, struct core_result *ret_result)
{
    static struct world w;
    w.loud = loud;
    bool good = world_run(&w, seed);
    *ret_result = (struct core_result){
        .good = good,
        .sentence = w.wrong,
        .stuck = w.stuck,
        .simulated_ms = w.now,
        .counts = {w.steps, (uint64_t)w.committed_last, w.elections, w.crashes, w.cuts, w.installs,
                   w.changes, w.reads},
    };
}
