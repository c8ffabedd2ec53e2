/* One seed: a plan, its safety phase, its liveness phase, the verdict. */
#ifndef ODRADEK_TESTS_SIM_RUN_H
#define ODRADEK_TESTS_SIM_RUN_H

#include "tests/sim/nemesis.h"
#include "tests/sim/probes.h"
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
    time_us simulated_us; /* when it ended, or went wrong */
    uint64_t acked;
    uint64_t read;
    uint64_t faults;
    uint64_t elections;
    uint64_t isr_changes;
    uint64_t permitted_loss;
    struct world_hash hash;
    uint32_t probes[PROBES];
};

/* How far a run is, in memory that outlives it. */
struct run_progress {
    uint64_t faults_drawn;
    uint64_t rots_drawn;
    time_us now_us;
};

struct run_options {
    uint64_t seed;
    bool verbose;               /* events and log lines of all nodes to standard error */
    bool explain;               /* the plan and the faults */
    const char *dump;           /* where to write the history; NULL: nowhere */
    const struct plan_cut *cut; /* NULL: the whole run */
    time_us log_from_us; /* log lines of all nodes and faults are told from here on; 0: never */
    struct run_progress *progress; /* NULL: nobody wants to know */
    time_us until_us;              /* it stops here, and what there is is told; 0: at its end */
};

void run_seed(const struct run_options *, struct run_result *ret_result);

#endif
