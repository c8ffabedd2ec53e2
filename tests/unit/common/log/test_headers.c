/* Each header of the room stands on its own, and all of them together. */
#include "common/log/clean_shutdown.h"
#include "common/log/epoch_checkpoint.h"
#include "common/log/log.h"
#include "common/log/meta_properties.h"
#include "common/log/offset_checkpoint.h"
#include "common/log/partition_metadata.h"
#include "common/log/producer_snapshot.h"

#include <criterion/criterion.h>

Test(log_headers, a_range_of_zeros_is_an_empty_range)
{
    struct log_range range = {0};
    cr_assert_null(range.file);
    cr_assert(!range.cold);
    cr_assert_lt(LOG_OFFSET_NONE, 0);
}
