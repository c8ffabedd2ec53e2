#include "common/codec/memory.h"

#define FRONT 16 /* keeps what follows aligned as the heap aligns */

void *hook_alloc(struct heap *heap, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(bytes, FRONT, &bytes)) {
        return NULL;
    }
    uint8_t *p = heap_alloc_dirty(heap, bytes);
    if (p == NULL) {
        return NULL;
    }
    memcpy(p, &bytes, sizeof(bytes));
    return p + FRONT;
}

void hook_free(struct heap *heap, void *p)
{
    if (p == NULL) {
        return;
    }
    uint8_t *front = (uint8_t *)p - FRONT;
    size_t bytes;
    memcpy(&bytes, front, sizeof(bytes));
    assert(bytes >= FRONT);
    heap_free(heap, front, bytes);
}
