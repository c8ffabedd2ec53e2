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

/* Below, classes are multiples of CLASS_MIN; above, four to each doubling, so that at most a fifth of a piece is lost. */
#define FINE_MAX 256u

static unsigned class_of(size_t n, size_t *ret_bytes)
{
    if (n <= FINE_MAX) {
        size_t steps = n == 0 ? 1 : (n + CLASS_MIN - 1) / CLASS_MIN;
        *ret_bytes = steps * CLASS_MIN;
        return (unsigned)steps - 1;
    }
    unsigned doubling = 63 -
                        (unsigned)__builtin_clzll(n - 1); /* 2^doubling < n <= 2^(doubling + 1) */
    size_t quarter = (size_t)1 << (doubling - 2);
    size_t quarters = (n + quarter - 1) / quarter; /* 5 to 8 */
    unsigned class = FINE_MAX / CLASS_MIN + 4 * (doubling - 8) + (unsigned)quarters - 5;
    assert(quarters >= 5 && quarters <= 8 && class < HEAP_CLASSES);
    *ret_bytes = quarters * quarter;
    return class;
}

static size_t class_bytes(unsigned class)
{
    unsigned fine = FINE_MAX / CLASS_MIN;
    assert(class < HEAP_CLASSES);
    return class < fine ? (class + 1) * (size_t)CLASS_MIN
                        : (size_t)(5 + (class - fine) % 4) << ((class - fine) / 4 + 6);
}

static void piece_push(struct heap *heap, unsigned class, void *p)
{
    memcpy(p, &heap->free_lists[class], sizeof(void *));
    heap->free_lists[class] = p;
}

static void *piece_pop(struct heap *heap, unsigned class)
{
    void *p = heap->free_lists[class];
    if (p != NULL) {
        memcpy(&heap->free_lists[class], p, sizeof(void *));
    }
    return p;
}

/* n bytes become free pieces, the largest first. */
static void pieces_make(struct heap *heap, uint8_t *p, size_t n)
{
    assert(n % CLASS_MIN == 0);
    while (n > 0) {
        size_t doubling = 63 - (size_t)__builtin_clzll(n);
        size_t step = n <= FINE_MAX ? CLASS_MIN : (size_t)1 << (doubling - 2);
        size_t bytes;
        unsigned class = class_of(n > HEAP_PIECE_MAX ? HEAP_PIECE_MAX : n - n % step, &bytes);
        assert(bytes <= n);
        piece_push(heap, class, p);
        p += bytes;
        n -= bytes;
    }
}

/* Before another chunk is begun: what is left of the newest one becomes pieces, and the next larger one that is free is cut. */
static void *piece_cut(struct heap *heap, unsigned class, size_t bytes)
{
    size_t rest = arena_rest(&heap->arena);
    uint8_t *left = rest == 0 ? NULL : arena_alloc(&heap->arena, rest);
    assert(rest < bytes && (left != NULL) == (rest > 0));
    pieces_make(heap, left, rest);
    for (unsigned larger = class + 1; larger < HEAP_CLASSES; larger++) {
        uint8_t *p = piece_pop(heap, larger);
        if (p != NULL) {
            pieces_make(heap, p + bytes, class_bytes(larger) - bytes);
            return p;
        }
    }
    return NULL;
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
    void *p = piece_pop(heap, class);
    if (p == NULL && arena_rest(&heap->arena) < bytes) {
        p = piece_cut(heap, class, bytes);
    }
    if (p != NULL) {
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
    piece_push(heap, class, p);
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
