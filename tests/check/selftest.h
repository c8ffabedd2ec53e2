/* The judge judged: each anomaly planted must be named exactly once, legal histories not at all. */
#ifndef ODRADEK_TESTS_CHECK_SELFTEST_H
#define ODRADEK_TESTS_CHECK_SELFTEST_H

#include "tests/check/history.h"

/* with_many: ten million operations too. Returns the exit code. */
int selftest(bool with_many);

/* selftest_forget.c: how many of so many were right. */
#define SELFTEST_FORGET 12
uint32_t selftest_forget(void);

/* selftest_groups.c: a group of three that reads partition 0 of a history whose records are at offsets 0..9. */
void good_group(struct history *);
/* After that; ops as good_group left them behind `first`. */
void plant_group(struct history *, size_t first, enum anomaly);
/* A group at work where all went well; what is legal and looks odd is drawn. */
void legal_group(struct history *, uint64_t seed, uint32_t group, uint32_t partition);

#endif
