#include "common/base/crc32c.h"
#include "common/base/crc32c_x86.h"

#define POLYNOMIAL 0x82F63B78u

/* A CRC is linear: the entry of a byte is the sum of the entries of its bits, so 64 constants make the eight tables. */
#define ENTRY(i, a, b, c, d, e, f, g, h)                                             \
    (((i)&1 ? (a) : 0) ^ ((i)&2 ? (b) : 0) ^ ((i)&4 ? (c) : 0) ^ ((i)&8 ? (d) : 0) ^ \
     ((i)&16 ? (e) : 0) ^ ((i)&32 ? (f) : 0) ^ ((i)&64 ? (g) : 0) ^ ((i)&128 ? (h) : 0))
#define ENTRIES_4(i, ...)                                                            \
    ENTRY(i, __VA_ARGS__), ENTRY((i) + 1, __VA_ARGS__), ENTRY((i) + 2, __VA_ARGS__), \
        ENTRY((i) + 3, __VA_ARGS__)
#define ENTRIES_16(i, ...)                                                                       \
    ENTRIES_4(i, __VA_ARGS__), ENTRIES_4((i) + 4, __VA_ARGS__), ENTRIES_4((i) + 8, __VA_ARGS__), \
        ENTRIES_4((i) + 12, __VA_ARGS__)
#define ENTRIES_64(i, ...)                                         \
    ENTRIES_16(i, __VA_ARGS__), ENTRIES_16((i) + 16, __VA_ARGS__), \
        ENTRIES_16((i) + 32, __VA_ARGS__), ENTRIES_16((i) + 48, __VA_ARGS__)
#define TABLE(...)                                                                             \
    {                                                                                          \
        ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__), ENTRIES_64(128, __VA_ARGS__), \
            ENTRIES_64(192, __VA_ARGS__)                                                       \
    }

/* tables[k][b]: the register after byte b and k zero bytes, from an empty register. */
/* clang-format off */
static const uint32_t tables[8][256] = {
    TABLE(0xF26B8303, 0xE13B70F7, 0xC79A971F, 0x8AD958CF, 0x105EC76F, 0x20BD8EDE, 0x417B1DBC, 0x82F63B78),
    TABLE(0x13A29877, 0x274530EE, 0x4E8A61DC, 0x9D14C3B8, 0x3FC5F181, 0x7F8BE302, 0xFF17C604, 0xFBC3FAF9),
    TABLE(0xA541927E, 0x4F6F520D, 0x9EDEA41A, 0x38513EC5, 0x70A27D8A, 0xE144FB14, 0xC76580D9, 0x8B277743),
    TABLE(0xDD45AAB8, 0xBF672381, 0x7B2231F3, 0xF64463E6, 0xE964B13D, 0xD725148B, 0xABA65FE7, 0x52A0C93F),
    TABLE(0x38116FAC, 0x7022DF58, 0xE045BEB0, 0xC5670B91, 0x8F2261D3, 0x1BA8B557, 0x37516AAE, 0x6EA2D55C),
    TABLE(0xEF306B19, 0xDB8CA0C3, 0xB2F53777, 0x6006181F, 0xC00C303E, 0x85F4168D, 0x0E045BEB, 0x1C08B7D6),
    TABLE(0x68032CC8, 0xD0065990, 0xA5E0C5D1, 0x4E2DFD53, 0x9C5BFAA6, 0x3D5B83BD, 0x7AB7077A, 0xF56E0EF4),
    TABLE(0x493C7D27, 0x9278FA4E, 0x211D826D, 0x423B04DA, 0x847609B4, 0x0D006599, 0x1A00CB32, 0x34019664),
};
/* clang-format on */

static uint32_t little_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t update_tables(uint32_t reg, const uint8_t *p, size_t n)
{
    assert(n == 0 || p != NULL);
    for (; n >= 8; p += 8, n -= 8) {
        uint32_t a = reg ^ little_u32(p);
        uint32_t b = little_u32(p + 4);
        reg = tables[7][a & 255] ^ tables[6][(a >> 8) & 255] ^ tables[5][(a >> 16) & 255] ^
              tables[4][a >> 24] ^ tables[3][b & 255] ^ tables[2][(b >> 8) & 255] ^
              tables[1][(b >> 16) & 255] ^ tables[0][b >> 24];
    }
    for (; n > 0; p++, n--) {
        reg = (reg >> 8) ^ tables[0][(reg ^ *p) & 255];
    }
    return reg;
}

static const struct crc32c_impl impl_portable = {.name = "slice-by-8", .update = update_tables};

const struct crc32c_impl *crc32c_portable(void)
{
    return &impl_portable;
}

size_t crc32c_all(const struct crc32c_impl **ret_impls, size_t max)
{
    assert(ret_impls != NULL && max >= 1);
    ret_impls[0] = &impl_portable;
    return 1 + crc32c_x86(ret_impls + 1, max - 1);
}

const struct crc32c_impl *crc32c_detect(void)
{
    const struct crc32c_impl *impls[4];
    size_t n = crc32c_all(impls, ARRAY_LEN(impls));
    assert(n >= 1 && n <= ARRAY_LEN(impls));
    return impls[n - 1];
}

/* a * b modulo the polynomial, both reflected: bit 31 is x^0. */
static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;
    for (uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
        if ((a & bit) != 0) {
            product ^= b;
        }
        b = (b >> 1) ^ ((b & 1) != 0 ? POLYNOMIAL : 0);
    }
    return product;
}

uint32_t crc32c_combine(uint32_t first, uint32_t second, uint64_t second_bytes)
{
    uint32_t square = 1u << 23; /* x^8: what one zero byte multiplies by */
    for (uint64_t n = second_bytes; n != 0; n >>= 1) {
        if ((n & 1) != 0) {
            first = multiply(square, first);
        }
        square = multiply(square, square);
    }
    return first ^ second;
}
