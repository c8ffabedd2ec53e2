#include <criterion/criterion.h>

#include "tests/unit/controller/state/random.h"

Test(controller_random, no_clean_election_loses_an_acknowledged_record)
{
    unsigned totals[3] = {0};
    for (uint64_t seed = 1; seed <= 400; seed++) {
        random_run(seed, 700, totals);
    }
    cr_assert_gt(totals[0], 10000, "%u elections", totals[0]);
    cr_assert_gt(totals[1], 20, "%u unclean", totals[1]);
    cr_assert_gt(totals[2], 10000, "%u acknowledgements", totals[2]);
}
