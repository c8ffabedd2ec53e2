/*
 * Mutants: planted bugs, to show that the tests would find them. A number belongs to one bug for good; the tests of the
 * room that plants it say what it breaks. 0 is the product. A mutant build defines ODRADEK_MUTANT as a number, or as the name of a variable that
 * its test sets before each run. In the product every MUTANT(n) is a constant false and costs nothing.
 */
#ifndef ODRADEK_BASE_MUTANT_H
#define ODRADEK_BASE_MUTANT_H

#ifndef ODRADEK_MUTANT
#define ODRADEK_MUTANT 0
#endif

#define MUTANT(n) (ODRADEK_MUTANT == (n))

#endif
