/*
 * Kafka's variable-length integers: seven bits a byte, lowest first, the high bit says "more" (as in protocol buffers).
 * Signed ones are zig-zag coded (0, -1, 1, -2, ...) and stand inside records; unsigned ones are the lengths and tags of
 * flexible messages.
 *
 * Readers return the bytes used, 0 when the input ends before the number does, -1 when it is no number of that width:
 * more than 5 (10) bytes, or bits beyond 32 (64), which Kafka's own reader drops silently and other clients read
 * otherwise. Longer forms than needed are fine, as everywhere.
 */
#ifndef ODRADEK_WIRE_VARINT_H
#define ODRADEK_WIRE_VARINT_H

#include "common/base/types.h"

#define VARINT_BYTES_MAX  5
#define VARLONG_BYTES_MAX 10

/* The readers' slow halves: numbers of three bytes and more. */
int uvarint_get_long(const uint8_t *p, size_t n, uint32_t *ret_value) MUST_USE;
int uvarlong_get_long(const uint8_t *p, size_t n, uint64_t *ret_value) MUST_USE;

MUST_USE static inline int uvarint_get(const uint8_t *p, size_t n, uint32_t *ret_value)
{
    if (LIKELY(n > 0 && p[0] < 0x80)) {
        *ret_value = p[0];
        return 1;
    }
    if (LIKELY(n > 1 && p[1] < 0x80)) {
        *ret_value = (p[0] & 0x7Fu) | (unsigned)p[1] << 7;
        return 2;
    }
    return uvarint_get_long(p, n, ret_value);
}

MUST_USE static inline int uvarlong_get(const uint8_t *p, size_t n, uint64_t *ret_value)
{
    if (LIKELY(n > 0 && p[0] < 0x80)) {
        *ret_value = p[0];
        return 1;
    }
    if (LIKELY(n > 1 && p[1] < 0x80)) {
        *ret_value = (p[0] & 0x7Fu) | (unsigned)p[1] << 7;
        return 2;
    }
    return uvarlong_get_long(p, n, ret_value);
}

static inline int32_t zigzag_decode_i32(uint32_t v)
{
    return (int32_t)((v >> 1) ^ (0u - (v & 1)));
}

static inline int64_t zigzag_decode_i64(uint64_t v)
{
    return (int64_t)((v >> 1) ^ (0u - (v & 1)));
}

static inline uint32_t zigzag_encode_i32(int32_t v)
{
    return ((uint32_t)v << 1) ^ (v < 0 ? UINT32_MAX : 0);
}

static inline uint64_t zigzag_encode_i64(int64_t v)
{
    return ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

MUST_USE static inline int varint_get(const uint8_t *p, size_t n, int32_t *ret_value)
{
    uint32_t v = 0;
    int used = uvarint_get(p, n, &v);
    *ret_value = zigzag_decode_i32(v);
    return used;
}

MUST_USE static inline int varlong_get(const uint8_t *p, size_t n, int64_t *ret_value)
{
    uint64_t v = 0;
    int used = uvarlong_get(p, n, &v);
    *ret_value = zigzag_decode_i64(v);
    return used;
}

/* Writers: room for the longest form is the caller's; they return the bytes written. */
size_t uvarint_put(uint8_t *out, uint32_t v);
size_t uvarlong_put(uint8_t *out, uint64_t v);

static inline size_t varint_put(uint8_t *out, int32_t v)
{
    return uvarint_put(out, zigzag_encode_i32(v));
}

static inline size_t varlong_put(uint8_t *out, int64_t v)
{
    return uvarlong_put(out, zigzag_encode_i64(v));
}

/* Bytes that the writers take. */
static inline size_t uvarlong_size(uint64_t v)
{
    return (size_t)(63 - __builtin_clzll(v | 1)) / 7 + 1;
}

static inline size_t uvarint_size(uint32_t v)
{
    return uvarlong_size(v);
}

static inline size_t varint_size(int32_t v)
{
    return uvarlong_size(zigzag_encode_i32(v));
}

static inline size_t varlong_size(int64_t v)
{
    return uvarlong_size(zigzag_encode_i64(v));
}

#endif
