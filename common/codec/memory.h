/*
 * Memory hooks of zlib and zstd on a heap: their free functions do not tell the size, so each piece carries it in front.
 * Pieces are not zeroed beyond what the heap does: a library that asks for a window of 128 MiB and writes a few
 * kilobytes of it makes no more than those resident.
 */
#ifndef ODRADEK_CODEC_MEMORY_H
#define ODRADEK_CODEC_MEMORY_H

#include "common/base/heap.h"

/* NULL when the heap is used up or the product overflows. */
void *hook_alloc(struct heap *, size_t count, size_t size);
/* NULL is fine. */
void hook_free(struct heap *, void *);

#endif
