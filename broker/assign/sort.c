/* Indexes in order, from small runs to large ones. */
#include "broker/assign/assign_internal.h"

static void merge(const uint32_t *from, uint32_t *to, uint32_t left, uint32_t right,
                  index_order order, const void *ctx)
{
    uint32_t i = 0, j = left, end = left + right;
    for (uint32_t k = 0; k < end; k++) {
        bool first = j == end || (i < left && order(ctx, from[i], from[j]) <= 0);
        assert(first ? i < left : j < end);
        to[k] = first ? from[i++] : from[j++];
    }
}

void indexes_sort(uint32_t *items, uint32_t *scratch, uint32_t count, index_order order,
                  const void *ctx)
{
    uint32_t *from = items, *to = scratch;
    for (uint64_t run = 1; run < count; run *= 2) {
        for (uint64_t at = 0; at < count; at += 2 * run) {
            uint64_t left = run < count - at ? run : count - at;
            uint64_t right = run < count - at - left ? run : count - at - left;
            merge(from + at, to + at, (uint32_t)left, (uint32_t)right, order, ctx);
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != items) {
        memcpy(items, from, count * sizeof(*items));
    }
    for (uint32_t i = 1; i < count; i++) {
        assert(order(ctx, items[i - 1], items[i]) < 0);
    }
}
