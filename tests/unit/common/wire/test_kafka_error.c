#include <criterion/criterion.h>

#include "common/wire/kafka_error.h"

Test(kafka_error, names_and_retries)
{
    cr_assert_str_eq(kafka_error_name(-1), "UNKNOWN_SERVER_ERROR");
    cr_assert_str_eq(kafka_error_name(0), "NONE");
    cr_assert_str_eq(kafka_error_name(KAFKA_NOT_LEADER_OR_FOLLOWER), "NOT_LEADER_OR_FOLLOWER");
    cr_assert_eq(KAFKA_NOT_LEADER_OR_FOLLOWER, 6);
    cr_assert(kafka_error_retriable(6));
    cr_assert_not(kafka_error_retriable(KAFKA_MESSAGE_TOO_LARGE));
    cr_assert_str_eq(kafka_error_name(-2), "UNKNOWN");
    cr_assert_str_eq(kafka_error_name(32767), "UNKNOWN");
}
