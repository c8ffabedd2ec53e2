/*
 * The scene of the fuzz target, without a fuzzer: any log of __consumer_offsets and any requests behind it, from bytes drawn by
 * seed. The scene itself asserts what must hold (tests/fuzz/fuzz_group.c).
 */
#include <criterion/criterion.h>

#include "common/base/prng.h"
#include "tests/fuzz/fuzz.h"

#define SEEDS 400
#define BYTES 2000

Test(group_any_log, stands_and_serves)
{
    static uint8_t bytes[BYTES];
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        for (size_t i = 0; i < BYTES; i++) {
            bytes[i] = (uint8_t)prng_u64(&prng);
        }
        cr_assert_eq(LLVMFuzzerTestOneInput(bytes, prng_between(&prng, 1, BYTES)), 0);
    }
}
