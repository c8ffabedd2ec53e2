/* Random lives and deaths of a log, judged by its model (model.h). */
#ifndef ODRADEK_TESTS_LOG_LIVES_H
#define ODRADEK_TESTS_LOG_LIVES_H

#include <stdint.h>

#define LIVES 6 /* of a seed */

/* One seed; steps done. What is wrong fails an assertion. */
uint64_t lives_run(uint64_t seed);

#endif
