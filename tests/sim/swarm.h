/* Seeds in processes of their own: one, or as many as the time allows. */
#ifndef ODRADEK_TESTS_SIM_SWARM_H
#define ODRADEK_TESTS_SIM_SWARM_H

#include <sys/types.h>

#include "tests/sim/run.h"

#define JOBS_MAX 64

/* A child that runs one seed after the other, as long as nothing is wrong. */
struct job {
    pid_t child;
    int orders; /* what it is to run next goes in here, ... */
    int pipe;   /* ... and results come from here */
    uint64_t seed;
    uint32_t runs;
    bool busy;
    bool afresh; /* the seed has failed behind others */
};

/* twice: it is run again, and must give the same hash. */
struct job job_start(const struct run_options *, bool twice);
/* Waits for its result; its child ends. */
void job_end(struct job *, struct run_result *ret_result);

struct swarm {
    uint64_t first;
    uint64_t last;
    double seconds;
    uint32_t jobs;
    uint32_t failures_max;
    const char *name;
    int mutant;
    bool brief;
    /* so far */
    uint64_t next;
    uint64_t done;
    uint64_t failed;
    uint64_t twice;
    uint64_t counted;
    uint64_t events;
    uint64_t acked;
    uint64_t read;
    uint64_t faults;
    uint64_t elections;
    uint64_t isr_changes;
    uint64_t permitted_loss;
    uint64_t probes[PROBES];
    double simulated_s;
    double counted_s;
    int code;
};

/* Returns the exit code. */
int swarm_run(struct swarm *);

const char *outcome_name(uint32_t outcome);
double seconds_now(void);

#endif
