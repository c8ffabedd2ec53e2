#include "common/base/bytes.h"
#include "common/codec/snappy_block.h"

#define MATCH_MIN 4

size_t snappy_fragment_max(size_t n)
{
    assert(n <= SNAPPY_FRAGMENT_BYTES);
    return 5 + n + n / 6 + 8;
}

static uint8_t *put_literal(uint8_t *out, const uint8_t *p, size_t n)
{
    assert(n > 0 && n <= SNAPPY_FRAGMENT_BYTES);
    size_t code = n - 1;
    if (code < 60) {
        *out++ = (uint8_t)(code << 2);
    } else if (code < 256) {
        *out++ = 60 << 2;
        *out++ = (uint8_t)code;
    } else {
        *out++ = 61 << 2;
        store_le16(out, (uint16_t)code);
        out += 2;
    }
    memcpy(out, p, n);
    return out + n;
}

static uint8_t *put_copy(uint8_t *out, size_t offset, size_t n)
{
    assert(offset > 0 && offset < SNAPPY_FRAGMENT_BYTES && n >= MATCH_MIN);
    while (n > 0) {
        /* A rest of fewer than four bytes could not be written as the short form. */
        size_t part = n > 64 ? (n < 68 ? 60 : 64) : n;
        if (part < 12 && offset < 2048) {
            *out++ = (uint8_t)((offset >> 8) << 5 | (part - 4) << 2 | 1);
            *out++ = (uint8_t)offset;
        } else {
            *out++ = (uint8_t)((part - 1) << 2 | 2);
            store_le16(out, (uint16_t)offset);
            out += 2;
        }
        n -= part;
    }
    return out;
}

static size_t hash_of(uint32_t four)
{
    return (four * 0x9E3779B1u) >> (32 - SNAPPY_HASH_BITS);
}

static size_t match_length(const uint8_t *a, const uint8_t *b, const uint8_t *end)
{
    const uint8_t *from = b;
    while (b < end && *a == *b) {
        a++;
        b++;
    }
    return (size_t)(b - from);
}

/* Greedy: at each position the last place where the same four bytes hashed is tried; the longer nothing is found, the larger the
 * steps, so that what does not compress costs little. */
size_t snappy_fragment_write(const uint8_t *plain, size_t n, uint8_t *out,
                             uint16_t table[1 << SNAPPY_HASH_BITS])
{
    uint8_t *to = out;
    assert(n <= SNAPPY_FRAGMENT_BYTES);
    for (size_t v = n;; v >>= 7) {
        *to++ = (uint8_t)(v < 0x80 ? v : v | 0x80);
        if (v < 0x80) {
            break;
        }
    }
    memset(table, 0, sizeof(uint16_t) << SNAPPY_HASH_BITS);
    const uint8_t *end = plain + n;
    size_t literal = 0; /* where bytes begin that are not yet written */
    size_t misses = 32;
    for (size_t at = 1; at + MATCH_MIN <= n;) {
        uint32_t four = load_le32(plain + at);
        uint16_t *slot = &table[hash_of(four)];
        size_t candidate = *slot;
        *slot = (uint16_t)at;
        if (load_le32(plain + candidate) != four) {
            at += misses++ >> 5;
            continue;
        }
        assert(candidate < at);
        size_t length = MATCH_MIN +
                        match_length(plain + candidate + MATCH_MIN, plain + at + MATCH_MIN, end);
        if (at > literal) {
            to = put_literal(to, plain + literal, at - literal);
        }
        to = put_copy(to, at - candidate, length);
        at += length;
        literal = at;
        misses = 32;
    }
    if (literal < n) {
        to = put_literal(to, plain + literal, n - literal);
    }
    assert((size_t)(to - out) <= snappy_fragment_max(n));
    return (size_t)(to - out);
}
