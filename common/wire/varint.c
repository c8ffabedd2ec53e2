#include "common/wire/varint.h"

int uvarint_get_long(const uint8_t *p, size_t n, uint32_t *ret_value)
{
    uint64_t v = 0;
    int used = uvarlong_get_long(p, n < VARINT_BYTES_MAX ? n : VARINT_BYTES_MAX, &v);
    if (used == 0) {
        return n >= VARINT_BYTES_MAX ? -1 : 0;
    }
    if (used < 0 || v > UINT32_MAX) {
        return -1;
    }
    assert(used <= VARINT_BYTES_MAX);
    *ret_value = (uint32_t)v;
    return used;
}

int uvarlong_get_long(const uint8_t *p, size_t n, uint64_t *ret_value)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n && i < VARLONG_BYTES_MAX; i++) {
        uint64_t bits = p[i] & 0x7F;
        if (i == VARLONG_BYTES_MAX - 1 && bits > 1) {
            return -1; /* beyond bit 63 */
        }
        v |= bits << (7 * i);
        if (p[i] < 0x80) {
            *ret_value = v;
            return (int)i + 1;
        }
    }
    return n >= VARLONG_BYTES_MAX ? -1 : 0;
}

size_t uvarint_put(uint8_t *out, uint32_t v)
{
    size_t n = uvarlong_put(out, v);
    assert(n <= VARINT_BYTES_MAX);
    return n;
}

size_t uvarlong_put(uint8_t *out, uint64_t v)
{
    size_t n = 0;
    while (v >= 0x80) {
        out[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    out[n++] = (uint8_t)v;
    assert(n <= VARLONG_BYTES_MAX);
    return n;
}
