/*
 * Heap: memory whose pieces can be given back one by one, for long-lived state (cluster images, partitions, maps).
 *
 * Pieces are rounded up to size classes (multiples of 16 up to 256, then four to each doubling); freed pieces go to their class's
 * list and are used again, or cut into smaller ones before more is taken. The caller passes the size to heap_free, so pieces
 * carry no header. Pieces above HEAP_PIECE_MAX are taken from and returned to the source directly. Zeroed at allocation.
 * One thread at a time.
 * Nothing is returned to the source before heap_release, except those large pieces.
 */
#ifndef ODRADEK_BASE_HEAP_H
#define ODRADEK_BASE_HEAP_H

#include "common/base/arena.h"

#define HEAP_PIECE_MAX 65536u
#define HEAP_CLASSES   48

struct heap_large;

struct heap {
    struct arena arena;
    void *free_lists[HEAP_CLASSES];
    struct heap_large *large; /* pieces above HEAP_PIECE_MAX, newest first */
    size_t live;              /* bytes in use, rounded to classes */
};

void heap_init(struct heap *, const struct memory_source *, size_t limit);
void heap_release(struct heap *);

/* n zeroed bytes aligned to 16, or NULL when the limit or the source is used up. n = 0 gives a piece of the smallest class. */
void *heap_alloc(struct heap *, size_t n) MUST_USE;

/* The same, but a piece above HEAP_PIECE_MAX is not zeroed: for large windows and buffers of which only what was written is
 * ever read, so that pages never written are never made resident. */
void *heap_alloc_dirty(struct heap *, size_t n) MUST_USE;

/* p as heap_alloc(n) gave it, with the same n; NULL is fine. */
void heap_free(struct heap *, void *p, size_t n);

/* Grows or shrinks from old_n to new_n, new bytes zeroed; on NULL the old piece is untouched. */
void *heap_resize(struct heap *, void *p, size_t old_n, size_t new_n) MUST_USE;

/* A copy to be freed with heap_free(copy.p, copy.n). NULL stays NULL. */
bool heap_copy(struct heap *, struct slice, struct slice *ret_copy) MUST_USE;

#define HEAP_NEW(heap, type) ((type *)heap_alloc((heap), sizeof(type)))

#endif
