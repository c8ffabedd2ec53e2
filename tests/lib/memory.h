/* Memory for tests: malloc behind a memory_source, counted, and failing from a chosen call on. */
#ifndef ODRADEK_TESTS_LIB_MEMORY_H
#define ODRADEK_TESTS_LIB_MEMORY_H

#include <stdlib.h>

#include "common/base/heap.h"

struct test_memory {
    struct memory_source source;
    size_t out;  /* bytes taken and not given back */
    size_t most; /* takes that still succeed */
};

static inline void *test_memory_take(void *ctx, size_t bytes)
{
    struct test_memory *memory = ctx;
    void *p = NULL;
    if (memory->most == 0 || posix_memalign(&p, 16, bytes) != 0) {
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

#endif
