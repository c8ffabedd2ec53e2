#include <criterion/criterion.h>

#include "common/wire/varint.h"

Test(varint, known_forms)
{
    static const struct {
        int64_t value;
        uint8_t bytes[10];
        size_t n;
    } forms[] = {
        {0, {0x00}, 1},
        {-1, {0x01}, 1},
        {1, {0x02}, 1},
        {63, {0x7E}, 1},
        {-64, {0x7F}, 1},
        {64, {0x80, 0x01}, 2},
        {-65, {0x81, 0x01}, 2},
        {8191, {0xFE, 0x7F}, 2},
        {8192, {0x80, 0x80, 0x01}, 3},
        {INT32_MAX, {0xFE, 0xFF, 0xFF, 0xFF, 0x0F}, 5},
        {INT32_MIN, {0xFF, 0xFF, 0xFF, 0xFF, 0x0F}, 5},
        {INT64_MAX, {0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}, 10},
        {INT64_MIN, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}, 10},
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        uint8_t out[VARLONG_BYTES_MAX];
        int64_t v64;
        cr_assert_eq(varlong_put(out, forms[i].value), forms[i].n);
        cr_assert_arr_eq(out, forms[i].bytes, forms[i].n);
        cr_assert_eq(varlong_size(forms[i].value), forms[i].n);
        cr_assert_eq(varlong_get(out, forms[i].n, &v64), (int)forms[i].n);
        cr_assert_eq(v64, forms[i].value);
        for (size_t n = 0; n < forms[i].n; n++) {
            cr_assert_eq(varlong_get(out, n, &v64), 0, "a part is no number");
        }
        int32_t v32;
        if (forms[i].n <= 5) {
            cr_assert_eq(varint_put(out, (int32_t)forms[i].value), forms[i].n);
            cr_assert_arr_eq(out, forms[i].bytes, forms[i].n);
            cr_assert_eq(varint_size((int32_t)forms[i].value), forms[i].n);
            cr_assert_eq(varint_get(out, forms[i].n, &v32), (int)forms[i].n);
            cr_assert_eq(v32, forms[i].value);
            for (size_t n = 0; n < forms[i].n; n++) {
                cr_assert_eq(varint_get(out, n, &v32), 0);
            }
        } else {
            cr_assert_eq(varint_get(out, forms[i].n, &v32), -1, "too long for 32 bits");
        }
    }
}

Test(varint, what_is_no_number)
{
    static const uint8_t endless[11] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                        0x80, 0x80, 0x80, 0x80, 0x01};
    static const uint8_t bit_32[5] = {0xFF, 0xFF, 0xFF, 0xFF, 0x1F};
    static const uint8_t bit_64[10] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02};
    static const uint8_t padded[3] = {0x82, 0x80, 0x00};
    uint32_t u32;
    uint64_t u64;
    cr_assert_eq(uvarint_get(endless, 11, &u32), -1);
    cr_assert_eq(uvarint_get(endless, 5, &u32), -1);
    cr_assert_eq(uvarint_get(endless, 4, &u32), 0);
    cr_assert_eq(uvarlong_get(endless, 11, &u64), -1);
    cr_assert_eq(uvarlong_get(endless, 10, &u64), -1);
    cr_assert_eq(uvarlong_get(endless, 9, &u64), 0);
    cr_assert_eq(uvarint_get(bit_32, 5, &u32), -1);
    cr_assert_eq(uvarlong_get(bit_64, 10, &u64), -1);
    cr_assert_eq(uvarint_get(padded, 3, &u32), 3);
    cr_assert_eq(u32, 2, "longer than needed is a number all the same");
}

Test(varint, unsigned_round_trip_at_every_width)
{
    for (int bit = 0; bit < 64; bit++) {
        for (int around = -1; around <= 1; around++) {
            uint64_t v = ((uint64_t)1 << bit) + (uint64_t)around;
            uint8_t out[VARLONG_BYTES_MAX];
            uint64_t back = ~v;
            size_t n = uvarlong_put(out, v);
            cr_assert_eq(n, uvarlong_size(v));
            cr_assert_eq(uvarlong_get(out, n, &back), (int)n);
            cr_assert_eq(back, v);
            uint32_t back32 = ~(uint32_t)v;
            int used = uvarint_get(out, n, &back32);
            cr_assert_eq(used, v <= UINT32_MAX ? (int)n : -1);
            cr_assert(used < 0 || back32 == v);
        }
    }
}
