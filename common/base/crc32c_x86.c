#include "common/base/crc32c_x86.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define SSE42        __attribute__((target("sse4.2")))
#define SSE42_PCLMUL __attribute__((target("sse4.2,pclmul")))
#define AVX512       __attribute__((target("sse4.2,pclmul,avx512f,avx512vl,vpclmulqdq")))

static inline uint64_t load_u64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

/* One crc32 instruction has a latency of three cycles and could start every cycle; so this reaches a third of the speed. */
SSE42 static uint32_t update_sse42(uint32_t reg, const uint8_t *p, size_t n)
{
    assert(n == 0 || p != NULL);
    uint64_t wide = reg;
    for (; n >= 8; p += 8, n -= 8) {
        wide = _mm_crc32_u64(wide, load_u64(p));
    }
    reg = (uint32_t)wide;
    for (; n > 0; p++, n--) {
        reg = _mm_crc32_u8(reg, *p);
    }
    return reg;
}

/* reg moved over as many zero bytes as the constant stands for: x^(8 * bytes - 33) modulo the polynomial. */
SSE42_PCLMUL static inline uint64_t shift(uint64_t reg, uint32_t constant)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)reg),
                                           _mm_cvtsi32_si128((int)constant), 0);
    return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

/* Three lanes of `lane` bytes side by side, joined by two multiplications (Gopal et al., Intel 2011). */
SSE42_PCLMUL static inline uint32_t three_lanes(uint32_t reg, const uint8_t *p, size_t lane,
                                                uint32_t over_one, uint32_t over_two)
{
    uint64_t a = reg;
    uint64_t b = 0;
    uint64_t c = 0;
    for (const uint8_t *end = p + lane; p < end; p += 8) {
        a = _mm_crc32_u64(a, load_u64(p));
        b = _mm_crc32_u64(b, load_u64(p + lane));
        c = _mm_crc32_u64(c, load_u64(p + 2 * lane));
    }
    return (uint32_t)(shift(a, over_two) ^ shift(b, over_one) ^ c);
}

SSE42_PCLMUL static uint32_t update_pclmul(uint32_t reg, const uint8_t *p, size_t n)
{
    enum { LONG = 2048, SHORT = 256 };
    for (; n >= 3 * LONG; p += 3 * LONG, n -= 3 * LONG) {
        reg = three_lanes(reg, p, LONG, 0xA51B6135, 0x82F89C77);
    }
    for (; n >= 3 * SHORT; p += 3 * SHORT, n -= 3 * SHORT) {
        reg = three_lanes(reg, p, SHORT, 0xB9E02B86, 0xDD7E3B0C);
    }
    return update_sse42(reg, p, n);
}

/* Every 128-bit lane moved ahead by the distance of the constants and added to what stands there. The two constants of a
 * distance of d bits are x^(d + 31) and x^(d - 33): for the lane's earlier and later half. */
AVX512 static inline __m512i fold(__m512i lanes, __m512i constants, __m512i there)
{
    __m512i early = _mm512_clmulepi64_epi128(lanes, constants, 0x00);
    __m512i late = _mm512_clmulepi64_epi128(lanes, constants, 0x11);
    return _mm512_ternarylogic_epi64(early, late, there, 0x96); /* exclusive or of the three */
}

AVX512 static inline __m512i distance(uint32_t early, uint32_t late)
{
    return _mm512_set4_epi64(late, early, late, early);
}

AVX512 static uint32_t update_vpclmul(uint32_t reg, const uint8_t *p, size_t n)
{
    enum { VECTOR = 64, STRIDE = 4 * VECTOR };
    if (n < STRIDE) {
        return update_sse42(reg, p, n);
    }
    __m512i a = _mm512_xor_si512(_mm512_loadu_si512(p),
                                 _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)reg)));
    __m512i b = _mm512_loadu_si512(p + VECTOR);
    __m512i c = _mm512_loadu_si512(p + 2 * VECTOR);
    __m512i d = _mm512_loadu_si512(p + 3 * VECTOR);
    const __m512i by_2048 = distance(0xDCB17AA4, 0xB9E02B86);
    for (p += STRIDE, n -= STRIDE; n >= STRIDE; p += STRIDE, n -= STRIDE) {
        a = fold(a, by_2048, _mm512_loadu_si512(p));
        b = fold(b, by_2048, _mm512_loadu_si512(p + VECTOR));
        c = fold(c, by_2048, _mm512_loadu_si512(p + 2 * VECTOR));
        d = fold(d, by_2048, _mm512_loadu_si512(p + 3 * VECTOR));
    }
    const __m512i by_512 = distance(0x740EEF02, 0x9E4ADDF8);
    a = fold(a, by_512, b);
    a = fold(a, by_512, c);
    a = fold(a, by_512, d);
    for (; n >= VECTOR; p += VECTOR, n -= VECTOR) {
        a = fold(a, by_512, _mm512_loadu_si512(p));
    }
    uint8_t rest[VECTOR];
    _mm512_storeu_si512(rest, a);
    return update_sse42(update_sse42(0, rest, VECTOR), p, n);
}

static const struct crc32c_impl impls[] = {
    {.name = "sse4.2", .update = update_sse42},
    {.name = "sse4.2 + pclmul", .update = update_pclmul},
    {.name = "avx512 vpclmul", .update = update_vpclmul},
};

size_t crc32c_x86(const struct crc32c_impl **ret_impls, size_t max)
{
    const bool has_sse42 = __builtin_cpu_supports("sse4.2") != 0;
    const bool has_pclmul = has_sse42 && __builtin_cpu_supports("pclmul") != 0;
    const bool has[] = {
        has_sse42,
        has_pclmul,
        has_pclmul && __builtin_cpu_supports("avx512f") != 0 &&
            __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("vpclmulqdq") != 0,
    };
    static_assert(ARRAY_LEN(has) == ARRAY_LEN(impls), "one condition each");
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(impls); i++) {
        if (has[i] && n < max) {
            ret_impls[n++] = &impls[i];
        }
    }
    assert(n <= max);
    return n;
}

#else

size_t crc32c_x86(const struct crc32c_impl **ret_impls, size_t max)
{
    assert(ret_impls != NULL || max == 0);
    return 0;
}

#endif
