#include "common/base/heap.h"

#define CLASS_MIN 16u

struct heap_large {
    struct heap_large *next;
    struct heap_large *prev;
    size_t bytes; /* as taken from the source */
    size_t pad;
};

void heap_init(struct heap *heap, const struct memory_source *source, size_t limit)
{
    static_assert(sizeof(struct heap_large) % 16 == 0, "large pieces stay aligned");
    memset(heap, 0, sizeof(*heap));
    arena_init(&heap->arena, source, (size_t)HEAP_PIECE_MAX + 4096, limit);
}

void heap_release(struct heap *heap)
{
    const struct memory_source *source = heap->arena.source;
    while (heap->large != NULL) {
        struct heap_large *next = heap->large->next;
        source->give(source->ctx, heap->large, heap->large->bytes);
        heap->large = next;
    }
    arena_release(&heap->arena);
    memset(heap->free_lists, 0, sizeof(heap->free_lists));
    heap->live = 0;
}

/* Class 2k holds 16 * 2^k bytes, class 2k + 1 holds half as much again. */
static unsigned class_of(size_t n, size_t *ret_bytes)
{
    size_t bytes = CLASS_MIN;
    unsigned class = 0;
    while (bytes < n) {
        size_t half = bytes + bytes / 2;
        if (bytes >= 32 && half >= n) {
            *ret_bytes = half;
            return class + 1;
        }
        bytes *= 2;
        class += 2;
    }
    *ret_bytes = bytes;
    assert(class < HEAP_CLASSES);
    return class;
}

static void *large_alloc(struct heap *heap, size_t n)
{
    size_t bytes = n + sizeof(struct heap_large);
    const struct memory_source *source = heap->arena.source;
    if (bytes < n || bytes > heap->arena.limit || heap->live > heap->arena.limit - bytes) {
        return NULL;
    }
    struct heap_large *large = source->take(source->ctx, bytes);
    if (large == NULL) {
        return NULL;
    }
    *large = (struct heap_large){.next = heap->large, .bytes = bytes};
    if (heap->large != NULL) {
        heap->large->prev = large;
    }
    heap->large = large;
    heap->live += bytes;
    return large + 1;
}

static void large_free(struct heap *heap, void *p, size_t n)
{
    struct heap_large *large = (struct heap_large *)p - 1;
    assert(large->bytes == n + sizeof(*large));
    if (large->prev != NULL) {
        large->prev->next = large->next;
    } else {
        assert(heap->large == large);
        heap->large = large->next;
    }
    if (large->next != NULL) {
        large->next->prev = large->prev;
    }
    heap->live -= large->bytes;
    heap->arena.source->give(heap->arena.source->ctx, large, large->bytes);
}

void *heap_alloc_dirty(struct heap *heap, size_t n)
{
    return n > HEAP_PIECE_MAX ? large_alloc(heap, n) : heap_alloc(heap, n);
}

void *heap_alloc(struct heap *heap, size_t n)
{
    if (n > HEAP_PIECE_MAX) {
        void *large = large_alloc(heap, n);
        return large == NULL ? NULL : memset(large, 0, n);
    }
    size_t bytes;
    unsigned class = class_of(n, &bytes);
    void *p = heap->free_lists[class];
    if (p != NULL) {
        memcpy(&heap->free_lists[class], p, sizeof(void *));
        memset(p, 0, bytes);
    } else {
        p = arena_alloc(&heap->arena, bytes);
        if (p == NULL) {
            return NULL;
        }
    }
    heap->live += bytes;
    return p;
}

void heap_free(struct heap *heap, void *p, size_t n)
{
    if (p == NULL) {
        return;
    }
    if (n > HEAP_PIECE_MAX) {
        large_free(heap, p, n);
        return;
    }
    size_t bytes;
    unsigned class = class_of(n, &bytes);
    assert(heap->live >= bytes);
    memset(p, 0xDD, bytes); /* a stale reader sees nonsense, not yesterday's truth */
    memcpy(p, &heap->free_lists[class], sizeof(void *));
    heap->free_lists[class] = p;
    heap->live -= bytes;
}

void *heap_resize(struct heap *heap, void *p, size_t old_n, size_t new_n)
{
    size_t old_bytes = 0;
    size_t new_bytes = 1;
    if (p != NULL && old_n <= HEAP_PIECE_MAX && new_n <= HEAP_PIECE_MAX) {
        (void)class_of(old_n, &old_bytes);
        (void)class_of(new_n, &new_bytes);
    }
    if (old_bytes == new_bytes) { /* the same class: the piece fits as it is */
        if (new_n > old_n) {
            memset((uint8_t *)p + old_n, 0, new_n - old_n);
        }
        return p;
    }
    void *q = heap_alloc(heap, new_n);
    if (q != NULL && p != NULL) {
        memcpy(q, p, old_n < new_n ? old_n : new_n);
        heap_free(heap, p, old_n);
    }
    return q;
}

bool heap_copy(struct heap *heap, struct slice from, struct slice *ret_copy)
{
    if (from.p == NULL) {
        *ret_copy = (struct slice){0};
        return true;
    }
    uint8_t *p = heap_alloc(heap, from.n);
    if (p == NULL) {
        return false;
    }
    memcpy(p, from.p, from.n);
    *ret_copy = slice_of(p, from.n);
    return true;
}
