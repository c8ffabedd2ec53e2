/*
 * XXH32 with seed 0 (the xxHash specification by Yann Collet): the checksum of lz4 frames. liblz4 has it inside but does not
 * export it. Incremental: any cutting of the bytes gives the same value.
 */
#ifndef ODRADEK_CODEC_XXH32_H
#define ODRADEK_CODEC_XXH32_H

#include "common/base/types.h"

struct xxh32 {
    uint32_t lane[4];
    uint64_t bytes;
    uint8_t held[16]; /* fewer than 16 bytes wait here for the rest of their stripe */
};

void xxh32_init(struct xxh32 *);
void xxh32_add(struct xxh32 *, const void *bytes, size_t n);
uint32_t xxh32_value(const struct xxh32 *);

/* All at once. */
uint32_t xxh32(const void *p, size_t n);

#endif
