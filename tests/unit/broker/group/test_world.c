#include "tests/unit/broker/group/world.h"

#define SEEDS 60

/* WORLD_SEEDS=5000 in the environment hunts through more of them. */
static uint64_t seeds(void)
{
    const char *told = getenv("WORLD_SEEDS");
    return told == NULL ? SEEDS : strtoull(told, NULL, 10);
}

static void run(uint64_t seed, unsigned tight, uint64_t sums[4])
{
    static struct world w;
    world_run(&w, seed, tight);
    sums[0] += w.answers;
    sums[1] += w.writes;
    sums[2] += w.short_steps;
    sums[3] += w.broken;
}

Test(group_world, all_that_clients_do)
{
    uint64_t sums[4] = {0};
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        run(seed, 0, sums);
    }
    cr_assert_gt(sums[0], seeds() * WORLD_STEPS / 2);
    cr_assert_gt(sums[1], seeds() * WORLD_STEPS / 10);
    cr_assert_eq(sums[3], 0);
}

Test(group_world, all_that_clients_do_while_memory_is_short)
{
    uint64_t sums[4] = {0};
    for (uint64_t seed = 1; seed <= seeds(); seed++) {
        run(seed, 250, sums);
    }
    cr_assert_gt(sums[2], seeds() * 50);
    cr_assert_gt(sums[3], seeds() * 3, "%llu steps broke", (unsigned long long)sums[3]);
    cr_assert_lt(sums[3], sums[2]);
}
