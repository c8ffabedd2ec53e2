/* The hashes that Kafka's own tests demand (UtilsTest.testMurmur2), and the partitions that follow. */
#include <criterion/criterion.h>

#include "common/client/partitioner.h"

Test(partitioner, murmur2)
{
    static const struct {
        const char *key;
        int32_t hash;
    } rows[] = {{"21", -973932308},
                {"foobar", -790332482},
                {"a-little-bit-long-string", -985981536},
                {"a-little-bit-longer-string", -1486304829},
                {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
                {"abc", 479470107}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cr_assert_eq((int32_t)partitioner_murmur2(slice_str(rows[i].key)), rows[i].hash, "%s",
                     rows[i].key);
    }
}

Test(partitioner, picks_within_bounds)
{
    cr_assert_eq(partitioner_pick(slice_str("21"), 1), 0);
    cr_assert_eq(partitioner_pick(slice_str("21"), 7), (-973932308 & 0x7fffffff) % 7);
    cr_assert_lt(partitioner_pick(slice_str(""), 3), 3);
}
