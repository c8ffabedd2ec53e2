/*
 * How much alike two names are, for "did you mean": Levenshtein's distance, the least number of bytes to insert, remove or
 * change. Names longer than SIMILAR_NAME_MAX are like nothing. No memory is taken.
 */
#ifndef ODRADEK_BASE_SIMILAR_H
#define ODRADEK_BASE_SIMILAR_H

#include "common/base/types.h"

#define SIMILAR_NAME_MAX 80 /* the longest known name has 60 */

/* The distance, or `most` if it is not below. */
uint32_t similar_distance(struct slice a, struct slice b, uint32_t most);

/* The distance that still counts as a slip of the fingers, plus one; 0: the name is too short or too long to guess. */
uint32_t similar_most(struct slice name);

#endif
