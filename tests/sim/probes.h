/* The rare paths that a process came by, in a build that counts them (common/base/probe.h). */
#ifndef ODRADEK_TESTS_SIM_PROBES_H
#define ODRADEK_TESTS_SIM_PROBES_H

#include "common/base/probe.h"
#include "common/base/types.h"

/* What was counted since the last time; zeros where nothing counts. */
void probes_take(uint32_t *ret_counts);
bool probes_counted(void);
/* Those whose names begin so: one line each, those that were never passed last. Returns how many these are. */
uint32_t probes_print(const uint64_t *counts, const char *prefix);

#endif
