/* One seed: a plan, its safety phase, its liveness phase, the verdict. */
#ifndef ODRADEK_TESTS_SIM_RUN_H
#define ODRADEK_TESTS_SIM_RUN_H

#include "tests/sim/nemesis.h"
#include "tests/sim/watch.h"

enum outcome {
    OUTCOME_GOOD = 0,
    OUTCOME_WRONG = 1,
    OUTCOME_USAGE = 2,
    OUTCOME_STUCK = 3,
    OUTCOME_CRASHED = 4,
};

struct run_result {
    uint32_t outcome;
    char sentence[240];
    char checker[32];
    uint64_t events;
    time_us simulated_us;
    uint64_t acked;
    uint64_t read;
    uint64_t faults;
    uint64_t elections;
    uint64_t permitted_loss;
    struct world_hash hash;
};

struct run_options {
    uint64_t seed;
    bool verbose;     /* events and log lines of all nodes to standard error */
    bool explain;     /* the plan and the faults */
    const char *dump; /* where to write the history; NULL: nowhere */
};

void run_seed(const struct run_options *, struct run_result *ret_result);

#endif
