/*
 * One core alone in a small world of its own, driven by a seed: what odradek-sim --raft, --replica, --log, --state, --group and --store run.
 * The worlds are those of the unit tests (tests/unit/.../); each is linked into a program of its own, for they share names.
 */
#ifndef ODRADEK_TESTS_SIM_CORE_H
#define ODRADEK_TESTS_SIM_CORE_H

#include <stdbool.h>
#include <stdint.h>

#define CORE_COUNTS_MAX 10

struct core_told {
    const char *what;   /* is run, for usage */
    const char *probes; /* ids of its probes begin so */
    /* What a run counts, for the reader; the first is steps. NULL: the end. */
    const char *counts[CORE_COUNTS_MAX + 1];
};

struct core_result {
    bool good;
    bool stuck;           /* what is wrong is that it did not recover */
    const char *sentence; /* what is wrong; until the next run */
    int64_t simulated_ms;
    uint64_t counts[CORE_COUNTS_MAX];
};

extern const struct core_told core_told;
/* What is wrong may also end the process by an assertion, with a line on standard error. loud: told step by step. */
void core_run(uint64_t seed, bool loud, struct core_result *ret_result);

#endif
