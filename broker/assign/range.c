/* `range`: each topic cut into contiguous pieces. */
#include "broker/assign/assign_internal.h"

void range_fill(struct work *work)
{
    for (uint32_t t = 0; t < work->topic_count; t++) {
        uint32_t count = subscribers(work, t);
        if (count == 0) {
            continue;
        }
        uint32_t least = work->topics[t].partitions / count;
        uint32_t more = work->topics[t].partitions % count;
        uint32_t at = work->first[t];
        for (uint32_t i = 0; i < count; i++) {
            uint32_t rank = work->subs[work->subs_first[t] + i];
            uint32_t share = least + (i < more);
            for (uint32_t k = 0; k < share; k++) {
                assert(work->owner[at] == NOBODY);
                work->owner[at++] = rank;
            }
            work->load[rank] += share;
        }
        assert(at == work->first[t + 1]);
    }
}
