#include "tests/sim/core/core.h"
#include "tests/unit/common/log/lives.h"

const struct core_told core_told = {
    .what =
        "a log on a disk that loses what was not synced: lives and deaths, each judged by what comes back",
    .probes = "LOG_",
    .counts = {"steps", "lives"},
};

void core_run(uint64_t seed, bool loud, struct core_result *ret_result)
{
    (void)loud;
    *ret_result = (struct core_result){.good = true};
    ret_result->counts[0] = lives_run(seed);
    ret_result->counts[1] = LIVES;
}
