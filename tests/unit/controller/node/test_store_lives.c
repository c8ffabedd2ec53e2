/* What a controller keeps on disk through random lives (store_lives.h); odradek-sim --store runs more of them. */
#include <criterion/criterion.h>

#include "tests/unit/controller/node/store_lives.h"

Test(store_lives, what_was_durable_is_there_again, .timeout = 60)
{
    uint64_t entries = 0;
    uint64_t snapshots = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct store_lives lives;
        store_lives_run(seed, &lives);
        entries += lives.entries;
        snapshots += lives.snapshots;
    }
    cr_assert_gt(entries, 1000);
    cr_assert_gt(snapshots, 100);
}
