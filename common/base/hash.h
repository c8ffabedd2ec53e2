/*
 * Keyed hash for tables whose keys come from outside (SipHash-1-3: Aumasson and Bernstein, "SipHash: a fast short-input
 * PRF"; one compression and three finalisation rounds). With a secret key nobody can choose keys that collide.
 */
#ifndef ODRADEK_BASE_HASH_H
#define ODRADEK_BASE_HASH_H

#include "common/base/types.h"

struct hash_key {
    uint64_t k0;
    uint64_t k1;
};

uint64_t hash_bytes(const struct hash_key *, struct slice);

#endif
