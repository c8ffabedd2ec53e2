/*
 * Big-endian (network order) and little-endian integers at any address: Kafka's messages and files are big-endian, the
 * framing of lz4 and snappy little-endian. The caller has checked the bounds.
 */
#ifndef ODRADEK_BASE_BYTES_H
#define ODRADEK_BASE_BYTES_H

#include "common/base/types.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTES_BIG(bits, v)    __builtin_bswap##bits(v)
#define BYTES_LITTLE(bits, v) (v)
#else
#define BYTES_BIG(bits, v)    (v)
#define BYTES_LITTLE(bits, v) __builtin_bswap##bits(v)
#endif

#define BYTES_FUNCTIONS(bits)                                       \
    static inline uint##bits##_t load_be##bits(const uint8_t *p)    \
    {                                                               \
        uint##bits##_t v;                                           \
        memcpy(&v, p, sizeof(v));                                   \
        return BYTES_BIG(bits, v);                                  \
    }                                                               \
    static inline void store_be##bits(uint8_t *p, uint##bits##_t v) \
    {                                                               \
        v = BYTES_BIG(bits, v);                                     \
        memcpy(p, &v, sizeof(v));                                   \
    }                                                               \
    static inline uint##bits##_t load_le##bits(const uint8_t *p)    \
    {                                                               \
        uint##bits##_t v;                                           \
        memcpy(&v, p, sizeof(v));                                   \
        return BYTES_LITTLE(bits, v);                               \
    }                                                               \
    static inline void store_le##bits(uint8_t *p, uint##bits##_t v) \
    {                                                               \
        v = BYTES_LITTLE(bits, v);                                  \
        memcpy(p, &v, sizeof(v));                                   \
    }

BYTES_FUNCTIONS(16)
BYTES_FUNCTIONS(32)
BYTES_FUNCTIONS(64)

#undef BYTES_FUNCTIONS

#endif
