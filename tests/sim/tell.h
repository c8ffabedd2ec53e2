/* What there is at one moment of a run, for a reader: the nodes, and each partition's replicas. */
#ifndef ODRADEK_TESTS_SIM_TELL_H
#define ODRADEK_TESTS_SIM_TELL_H

#include <stdio.h>

#include "tests/sim/nemesis.h"

void tell_cluster(const struct cluster *, const struct nemesis *, FILE *);

#endif
