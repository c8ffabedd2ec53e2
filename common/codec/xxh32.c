#include "common/codec/xxh32.h"
#include "common/base/bytes.h"

#define P1     0x9E3779B1u
#define P2     0x85EBCA77u
#define P3     0xC2B2AE3Du
#define P4     0x27D4EB2Fu
#define P5     0x165667B1u
#define STRIPE 16

static uint32_t rotate(uint32_t v, unsigned bits)
{
    return v << bits | v >> (32 - bits);
}

void xxh32_init(struct xxh32 *h)
{
    *h = (struct xxh32){.lane = {P1 + P2, P2, 0, 0u - P1}};
}

static void take_stripe(struct xxh32 *h, const uint8_t *p)
{
    for (size_t i = 0; i < 4; i++) {
        h->lane[i] = rotate(h->lane[i] + load_le32(p + 4 * i) * P2, 13) * P1;
    }
}

void xxh32_add(struct xxh32 *h, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    size_t held = (size_t)(h->bytes % STRIPE);
    h->bytes += n;
    if (held > 0) {
        size_t take = n < STRIPE - held ? n : STRIPE - held;
        memcpy(h->held + held, p, take);
        p += take;
        n -= take;
        if (held + take < STRIPE) {
            return;
        }
        take_stripe(h, h->held);
    }
    for (; n >= STRIPE; p += STRIPE, n -= STRIPE) {
        take_stripe(h, p);
    }
    assert(n < STRIPE && n == h->bytes % STRIPE);
    if (n > 0) {
        memcpy(h->held, p, n);
    }
}

uint32_t xxh32_value(const struct xxh32 *h)
{
    uint32_t v = h->bytes < STRIPE ? P5
                                   : rotate(h->lane[0], 1) + rotate(h->lane[1], 7) +
                                         rotate(h->lane[2], 12) + rotate(h->lane[3], 18);
    v += (uint32_t)h->bytes;
    const uint8_t *p = h->held;
    size_t n = (size_t)(h->bytes % STRIPE);
    for (; n >= 4; p += 4, n -= 4) {
        v = rotate(v + load_le32(p) * P3, 17) * P4;
    }
    for (; n > 0; p++, n--) {
        v = rotate(v + *p * P5, 11) * P1;
    }
    v = (v ^ v >> 15) * P2;
    v = (v ^ v >> 13) * P3;
    return v ^ v >> 16;
}

uint32_t xxh32(const void *p, size_t n)
{
    struct xxh32 h;
    xxh32_init(&h);
    xxh32_add(&h, p, n);
    return xxh32_value(&h);
}
