/*
 * A failing seed made small: which of its faults does it need (delta debugging, Zeller and Hildebrandt 2002), which clients,
 * how many nodes? What is left still fails in the same way: the same outcome, told by the same checker.
 */
#ifndef ODRADEK_TESTS_SIM_MINIMISE_H
#define ODRADEK_TESTS_SIM_MINIMISE_H

#include "tests/sim/run.h"

/* Prints as it goes. cut: where it begins; seconds: of a processor. Returns the exit code: that of the failure; 0: the seed does not fail. */
int minimise_run(uint64_t seed, const struct plan_cut *cut, double seconds, const char *name);

#endif
