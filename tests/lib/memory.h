/* Memory for tests: malloc behind a memory_source, counted, and failing from a chosen call on, or at that call only. */
#ifndef ODRADEK_TESTS_LIB_MEMORY_H
#define ODRADEK_TESTS_LIB_MEMORY_H

#include <stdlib.h>

#include "common/base/heap.h"

struct test_memory {
    struct memory_source source;
    size_t out;  /* bytes taken and not given back */
    size_t most; /* takes that still succeed */
    bool once;   /* ... then one fails, and all others succeed again */
    size_t refused;
};

static inline void *test_memory_take(void *ctx, size_t bytes)
{
    struct test_memory *memory = ctx;
    void *p = NULL;
    if (memory->most == 0) {
        memory->refused++;
        memory->most = memory->once ? SIZE_MAX : 0;
        return NULL;
    }
    if (posix_memalign(&p, 16, bytes) != 0) {
        return NULL;
    }
    memory->most--;
    memory->out += bytes;
    memset(p, 0xAA, bytes);
    return p;
}

static inline void test_memory_give(void *ctx, void *p, size_t bytes)
{
    struct test_memory *memory = ctx;
    assert(memory->out >= bytes);
    memory->out -= bytes;
    free(p);
}

static inline void test_memory_init(struct test_memory *memory)
{
    *memory = (struct test_memory){.most = SIZE_MAX};
    memory->source = (struct memory_source){test_memory_take, test_memory_give, memory};
}

/* From now on each piece of this arena is a take of its own: with `most` = n the piece after the n-th fails. */
static inline void test_memory_by_piece(struct arena *arena)
{
    arena->chunk_bytes = 16; /* all of it the chunk's own header */
    size_t total = arena->total;
    while (arena->total == total &&
           arena_alloc(arena, 16) != NULL) { /* what is left of the newest chunk */
    }
}

/* The same of a heap; what was given back is not used again until it is released. */
static inline void test_memory_heap_by_piece(struct heap *heap)
{
    test_memory_by_piece(&heap->arena);
    memset(heap->free_lists, 0, sizeof(heap->free_lists));
}

#endif
