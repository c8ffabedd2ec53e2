/*
 * CRC32C (Castagnoli, reflected polynomial 0x82F63B78; RFC 3720 appendix B.4): the checksum of Kafka's record batches and
 * of its snapshot files. crc32c("123456789") = 0xE3069283.
 *
 * Which instructions do the work is a value: a node asks crc32c_detect() once, keeps the pointer and hands it to whoever
 * checks batches, so that two nodes in one process may differ and nothing global changes. The compilers' intrinsics
 * headers are the one thing besides C's memory and string headers that this folder includes.
 */
#ifndef ODRADEK_BASE_CRC32C_H
#define ODRADEK_BASE_CRC32C_H

#include "common/base/types.h"

struct crc32c_impl {
    const char *name;
    /* Continues a raw CRC register, which is the complement of the checksum. n may be 0. */
    uint32_t (*update)(uint32_t reg, const uint8_t *p, size_t n);
};

/* The fastest that this processor has; lives for ever. */
const struct crc32c_impl *crc32c_detect(void);
/* Slice-by-8 tables: everywhere, about 2 GB/s. */
const struct crc32c_impl *crc32c_portable(void);
/* All that this processor can run, slowest first, for tests and figures: how many, at most `max` of them written. */
size_t crc32c_all(const struct crc32c_impl **ret_impls, size_t max);

/* The checksum of what `crc` covers (0: nothing yet) followed by these bytes. */
static inline uint32_t crc32c_extend(const struct crc32c_impl *impl, uint32_t crc, const void *p,
                                     size_t n)
{
    return ~impl->update(~crc, (const uint8_t *)p, n);
}

static inline uint32_t crc32c(const struct crc32c_impl *impl, const void *p, size_t n)
{
    return crc32c_extend(impl, 0, p, n);
}

/* The checksum of two pieces laid end to end, from the checksums of both; O(log second_bytes). */
uint32_t crc32c_combine(uint32_t first, uint32_t second, uint64_t second_bytes);

#endif
