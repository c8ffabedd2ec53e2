#include <criterion/criterion.h>

#include "common/base/crc32c.h"
#include "common/base/prng.h"

/* The definition, bit by bit: what every implementation is measured against. */
static uint32_t by_bits(uint32_t crc, const uint8_t *p, size_t n)
{
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78u : 0);
        }
    }
    return ~crc;
}

static size_t all(const struct crc32c_impl **impls)
{
    size_t n = crc32c_all(impls, 8);
    cr_assert(n >= 1 && n <= 4);
    return n;
}

Test(crc32c, check_values)
{
    const struct crc32c_impl *impls[8];
    size_t n = all(impls);
    uint8_t zeros[32] = {0};
    uint8_t ones[32];
    memset(ones, 0xFF, sizeof(ones));
    for (size_t i = 0; i < n; i++) { /* RFC 3720 B.4, and the usual check value */
        cr_assert_eq(crc32c(impls[i], "123456789", 9), 0xE3069283u, "%s", impls[i]->name);
        cr_assert_eq(crc32c(impls[i], zeros, 32), 0x8A9136AAu, "%s", impls[i]->name);
        cr_assert_eq(crc32c(impls[i], ones, 32), 0x62A8AB43u, "%s", impls[i]->name);
        cr_assert_eq(crc32c(impls[i], NULL, 0), 0, "%s", impls[i]->name);
    }
}

Test(crc32c, every_length_and_alignment_agrees_with_the_definition)
{
    const struct crc32c_impl *impls[8];
    size_t n = all(impls);
    struct prng prng;
    prng_init(&prng, 7);
    uint8_t bytes[9000];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)prng_u64(&prng);
    }
    for (size_t length = 0; length <= 8200; length += length < 1100 ? 1 : 61) {
        size_t at = length % 67;
        uint32_t start = (uint32_t)length * 2654435761u;
        uint32_t want = by_bits(start, bytes + at, length);
        for (size_t i = 0; i < n; i++) {
            uint32_t got = crc32c_extend(impls[i], start, bytes + at, length);
            cr_assert_eq(got, want, "%s at %zu, %zu bytes: %08x, not %08x", impls[i]->name, at,
                         length, got, want);
        }
    }
}

Test(crc32c, pieces_make_the_whole)
{
    const struct crc32c_impl *impl = crc32c_detect();
    struct prng prng;
    prng_init(&prng, 8);
    uint8_t bytes[20000];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)prng_u64(&prng);
    }
    uint32_t whole = crc32c(crc32c_portable(), bytes, sizeof(bytes));
    for (size_t cut = 0; cut <= sizeof(bytes); cut += 37) {
        uint32_t first = crc32c(impl, bytes, cut);
        uint32_t second = crc32c(impl, bytes + cut, sizeof(bytes) - cut);
        cr_assert_eq(crc32c_extend(impl, first, bytes + cut, sizeof(bytes) - cut), whole);
        cr_assert_eq(crc32c_combine(first, second, sizeof(bytes) - cut), whole);
    }
}

Test(crc32c, a_flipped_bit_is_seen_wherever_it_is)
{
    const struct crc32c_impl *impls[8];
    size_t n = all(impls);
    uint8_t bytes[1500] = {1, 2, 3};
    for (size_t i = 0; i < n; i++) {
        uint32_t right = crc32c(impls[i], bytes, sizeof(bytes));
        for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            cr_assert_neq(crc32c(impls[i], bytes, sizeof(bytes)), right);
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}
