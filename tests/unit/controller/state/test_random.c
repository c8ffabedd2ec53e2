#include <criterion/criterion.h>

#include "tests/unit/controller/state/random.h"

Test(controller_random, no_clean_election_loses_an_acknowledged_record)
{
    unsigned totals[3] = {0};
    for (uint64_t seed = 1; seed <= 400; seed++) {
        random_run(seed, 700, false, totals);
    }
    cr_assert_gt(totals[0], 10000, "%u elections", totals[0]);
    cr_assert_gt(totals[1], 20, "%u unclean", totals[1]);
    cr_assert_gt(totals[2], 10000, "%u acknowledgements", totals[2]);
}

Test(controller_random, nor_does_one_with_too_little_memory)
{
    unsigned totals[3] = {0};
    for (uint64_t seed = 1; seed <= 6; seed++) {
        random_run(seed, 400, true, totals);
    }
    cr_assert_gt(totals[0], 50, "%u elections", totals[0]);
}
