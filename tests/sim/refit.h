/* Other settings for a node's next start: what an operator changes in its file. By the given chance alone. */
#ifndef ODRADEK_TESTS_SIM_REFIT_H
#define ODRADEK_TESTS_SIM_REFIT_H

#include "tests/sim/cluster.h"

/* slow_turns: plan_slow_turns() */
void refit_broker(struct cluster *, uint32_t number, bool slow_turns, struct prng *);
void refit_controller(struct cluster *, uint32_t number, struct prng *);

#endif
