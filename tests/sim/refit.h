/* Other settings for a node's next start: what an operator changes in its file. By the given chance alone. */
#ifndef ODRADEK_TESTS_SIM_REFIT_H
#define ODRADEK_TESTS_SIM_REFIT_H

#include "tests/sim/plan.h"

/* What its plan makes slow gets the time that it needs. */
void refit_broker(struct cluster *, uint32_t number, const struct plan *, struct prng *);
void refit_controller(struct cluster *, uint32_t number, struct prng *);

#endif
