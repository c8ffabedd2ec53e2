/* Which partition of __consumer_offsets a group falls on: Java's String.hashCode over UTF-16, abs(-2^31) = 0. */
#include <criterion/criterion.h>

#include "broker/coord/coord.h"

#define MANY 2147483647u /* so many partitions that the hash itself is seen */

Test(coord_partition, is_javas_hash)
{
    cr_assert_eq(coord_partition(slice_str(""), MANY), 0);
    cr_assert_eq(coord_partition(slice_str("a"), MANY), 97);
    cr_assert_eq(coord_partition(slice_str("hello"), MANY), 99162322);
    cr_assert_eq(coord_partition(slice_str("hello"), 50), 22);
    /* negative: "hello world".hashCode() = 1794106052, "Hello" = 69609650, "zzzzzz" = -685785664 */
    cr_assert_eq(coord_partition(slice_str("hello world"), MANY), 1794106052);
    cr_assert_eq(coord_partition(slice_str("zzzzzz"), MANY) % 64, 685785664 % 64);
}

Test(coord_partition, the_smallest_number_has_no_positive_twin)
{
    cr_assert_eq(coord_partition(slice_str("polygenelubricants"), MANY), 0);
}

Test(coord_partition, counts_utf16_units)
{
    cr_assert_eq(coord_partition(slice_str("\xc3\xa9"), MANY), 0xe9);
    cr_assert_eq(coord_partition(slice_str("\xe2\x82\xac"), MANY), 0x20ac);
    cr_assert_eq(coord_partition(slice_str("\xf0\x9f\x98\x80"), MANY), 0xd83d * 31 + 0xde00);
    cr_assert_eq(coord_partition(slice_str("\xff"), MANY), 0xfffd); /* not UTF-8 */
    cr_assert_eq(coord_partition(slice_str("\xc3"), MANY), 0xfffd);
}
