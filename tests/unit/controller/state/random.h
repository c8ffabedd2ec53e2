/* The decision core under random commands, judged by a model of what every replica holds (random.c). */
#ifndef ODRADEK_TESTS_CONTROLLER_RANDOM_H
#define ODRADEK_TESTS_CONTROLLER_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

/* One seed. scarce: as quorum.h says. totals: elections, unclean ones and acknowledgements are added. What is wrong fails an
 * assertion. */
void random_run(uint64_t seed, int steps, bool scarce, unsigned totals[3]);

#endif
