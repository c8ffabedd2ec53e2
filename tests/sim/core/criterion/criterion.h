/*
 * Criterion's words for programs that are no tests: what is demanded and is not so ends the process with its place. With this
 * folder before Criterion's, the worlds of unit tests run in odradek-sim too.
 */
#ifndef ODRADEK_TESTS_SIM_CRITERION_H
#define ODRADEK_TESTS_SIM_CRITERION_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void demand(bool good, const char *file, int line, const char *what,
                          const char *format, ...)
{
    va_list args;
    if (good) {
        return;
    }
    (void)fprintf(stderr, "%s:%d: %s; ", file, line, what);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fprintf(stderr, "\n");
    abort();
}

#define DEMAND(good, what, ...)     demand((good), __FILE__, __LINE__, what, "" __VA_ARGS__)
#define cr_assert(what, ...)        DEMAND((what), #what, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)     DEMAND((a) == (b), #a " is " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...)    DEMAND((a) != (b), #a " is not " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...)     DEMAND((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...)    DEMAND((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...)     DEMAND((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...)    DEMAND((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_not(what, ...)    DEMAND(!(what), "not " #what, __VA_ARGS__)
#define cr_assert_null(p, ...)      DEMAND((p) == NULL, "no " #p, __VA_ARGS__)
#define cr_assert_not_null(p, ...)  DEMAND((p) != NULL, #p, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) DEMAND(strcmp((a), (b)) == 0, #a " reads " #b, __VA_ARGS__)

#endif
