/*
 * Mutants: planted bugs, to show that the tests would find them. A number belongs to one bug for good; tests/mutants/list says
 * what it breaks. 0 is the product, where every MUTANT(n) is a constant false and costs nothing. A mutant build defines
 * ODRADEK_MUTANT as a number, or as the name of a variable that is set before each run (tests/mutants/variable.h).
 */
#ifndef ODRADEK_BASE_MUTANT_H
#define ODRADEK_BASE_MUTANT_H

#ifndef ODRADEK_MUTANT
#define ODRADEK_MUTANT 0
#endif

#define MUTANT(n) (ODRADEK_MUTANT == (n))

#endif
