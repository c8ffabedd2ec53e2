/*
 * A heap for tests whose source counts what is out and the most that was, and can refuse from the n-th piece on.
 */
#ifndef ODRADEK_TESTS_UNIT_COUNTED_HEAP_H
#define ODRADEK_TESTS_UNIT_COUNTED_HEAP_H

#include <stdlib.h>

#include "common/base/heap.h"

struct counted_heap {
    struct heap heap;
    struct memory_source source;
    size_t out;
    size_t most;
    size_t takes_left; /* SIZE_MAX: never refuses */
};

static void *counted_take(void *ctx, size_t bytes)
{
    struct counted_heap *counted = ctx;
    if (counted->takes_left == 0) {
        return NULL;
    }
    counted->takes_left -= counted->takes_left == SIZE_MAX ? 0 : 1;
    counted->out += bytes;
    counted->most = counted->out > counted->most ? counted->out : counted->most;
    void *p = NULL;
    return posix_memalign(&p, 16, bytes) == 0 ? p : NULL;
}

static void counted_give(void *ctx, void *p, size_t bytes)
{
    struct counted_heap *counted = ctx;
    counted->out -= bytes;
    free(p);
}

static inline void counted_init(struct counted_heap *counted, size_t limit)
{
    counted->out = counted->most = 0;
    counted->takes_left = SIZE_MAX;
    counted->source = (struct memory_source){counted_take, counted_give, counted};
    heap_init(&counted->heap, &counted->source, limit);
}

/* Bytes never given back. */
static inline size_t counted_release(struct counted_heap *counted)
{
    heap_release(&counted->heap);
    return counted->out;
}

#endif
