/*
 * Seeded random numbers (xoshiro256**, Blackman and Vigna 2018; seeded by splitmix64). The same seed gives the same
 * numbers everywhere; nothing here is secret, keys and ids come from port/entropy.h.
 */
#ifndef ODRADEK_BASE_PRNG_H
#define ODRADEK_BASE_PRNG_H

#include "common/base/types.h"

struct prng {
    uint64_t s[4];
};

void prng_init(struct prng *, uint64_t seed);
uint64_t prng_u64(struct prng *);
/* Uniform in [0, bound); bound > 0. */
uint64_t prng_below(struct prng *, uint64_t bound);
/* Uniform in [low, high]. */
int64_t prng_between(struct prng *, int64_t low, int64_t high);
/* True in `per_mille` of 1000 draws. */
bool prng_chance(struct prng *, unsigned per_mille);
/* An independent stream: the same parent seed and name always give the same stream. */
void prng_split(const struct prng *parent, uint64_t name, struct prng *ret_child);

#endif
