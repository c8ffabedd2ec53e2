/*
 * Which partition a key goes to, as Java's producers (and all that follow them) choose it: murmur2 of the key's bytes, without its
 * sign bit, modulo the partitions. A key therefore meets the records that other clients wrote with it.
 * Murmur2: Austin Appleby's MurmurHash2, 32 bits, seed 0x9747b28c.
 */
#ifndef ODRADEK_CLIENT_PARTITIONER_H
#define ODRADEK_CLIENT_PARTITIONER_H

#include "common/base/types.h"

uint32_t partitioner_murmur2(struct slice key);
/* partitions > 0. */
int32_t partitioner_pick(struct slice key, int32_t partitions);

#endif
