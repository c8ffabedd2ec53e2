/*
 * Force-included before everything in a mutant build (meson setup -Dmutants=true): which bug is planted is chosen while the
 * program runs, by the program or by the environment's ODRADEK_MUTANT_NUMBER. 0: none. Rare paths are counted.
 */
#ifndef ODRADEK_TESTS_MUTANTS_VARIABLE_H
#define ODRADEK_TESTS_MUTANTS_VARIABLE_H

#include <stdlib.h>

__attribute__((weak)) int odradek_mutant;

__attribute__((weak, constructor)) void odradek_mutant_choose(void);

void odradek_mutant_choose(void)
{
    const char *number = getenv("ODRADEK_MUTANT_NUMBER");
    if (number != NULL) {
        odradek_mutant = (int)strtol(number, NULL, 10);
    }
}

#define ODRADEK_MUTANT odradek_mutant

/* How often each PROBE was passed (common/base/probe.h). */
__attribute__((weak)) unsigned long odradek_probes[256];

#define ODRADEK_PROBE_COUNT(number) ((void)odradek_probes[number]++)

#endif
