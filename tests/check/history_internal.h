/* What the files of the judge share. */
#ifndef ODRADEK_TESTS_CHECK_HISTORY_INTERNAL_H
#define ODRADEK_TESTS_CHECK_HISTORY_INTERNAL_H

#include "tests/check/history.h"

typedef bool history_select(const struct history_op *);
typedef int history_order(const void *, const void *); /* of pointers to operations */

int history_compare(int64_t a, int64_t b);
/* Those that `select` wants, in that order; the caller frees the array. */
struct history_op **history_chosen(const struct history *, history_select *, history_order *,
                                   size_t *ret_count);
/* Counts an anomaly, with a sentence if it is the first of its kind. */
void history_tell(struct history_verdict *, enum anomaly, const struct history_op *, int64_t other);

void history_judge_groups(const struct history *, struct history_verdict *);

#endif
