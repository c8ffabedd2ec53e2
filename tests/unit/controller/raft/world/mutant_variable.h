/* Force-included before the cores of a mutant build: which bug is planted is chosen while the program runs. */
#ifndef ODRADEK_TEST_MUTANT_VARIABLE_H
#define ODRADEK_TEST_MUTANT_VARIABLE_H

extern int odradek_mutant;
#define ODRADEK_MUTANT odradek_mutant

#endif
