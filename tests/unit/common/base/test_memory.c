#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "common/base/chain.h"

static void *take(void *ctx, size_t bytes)
{
    size_t *out = ctx;
    *out += bytes;
    void *p = NULL;
    return posix_memalign(&p, 16, bytes) == 0 ? p : NULL;
}

static void give(void *ctx, void *p, size_t bytes)
{
    size_t *out = ctx;
    *out -= bytes;
    free(p);
}

Test(arena, pieces_are_zeroed_aligned_and_returned)
{
    size_t out = 0;
    struct memory_source source = {take, give, &out};
    struct arena arena;
    arena_init(&arena, &source, 1024, 1 << 20);
    for (size_t n = 0; n < 3000; n += 7) {
        uint8_t *p = arena_alloc(&arena, n);
        cr_assert_not_null(p);
        cr_assert_eq((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < n; i++) {
            cr_assert_eq(p[i], 0);
        }
        memset(p, 0xAA, n);
    }
    cr_assert_gt(out, 0);
    cr_assert_eq(out, arena.total);
    arena_clear(&arena);
    cr_assert_leq(arena.total, 1024);
    arena_release(&arena);
    cr_assert_eq(out, 0);
}

Test(arena, limit_and_overflow_give_null)
{
    size_t out = 0;
    struct memory_source source = {take, give, &out};
    struct arena arena;
    arena_init(&arena, &source, 1024, 4096);
    cr_assert_null(arena_alloc(&arena, 4096));
    cr_assert_null(arena_alloc(&arena, SIZE_MAX));
    cr_assert_null(arena_array(&arena, SIZE_MAX / 2, 3));
    cr_assert_not_null(arena_alloc(&arena, 2000));
    cr_assert_null(arena_alloc(&arena, 3000));
    cr_assert_str_eq(arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
    arena_release(&arena);
    cr_assert_eq(out, 0);
}

Test(heap, reuses_freed_pieces_and_returns_all)
{
    size_t out = 0;
    struct memory_source source = {take, give, &out};
    struct heap heap;
    heap_init(&heap, &source, 16 << 20);
    void *a = heap_alloc(&heap, 100);
    heap_free(&heap, a, 100);
    cr_assert_eq(heap_alloc(&heap, 97), a, "the same class reuses the piece");
    uint8_t *big = heap_alloc(&heap, 1 << 20);
    big[0] = 9;
    big = heap_resize(&heap, big, 1 << 20, 3 << 20);
    cr_assert_eq(big[0], 9);
    heap_free(&heap, big, 3 << 20);
    size_t before = out;
    for (int i = 0; i < 1000; i++) {
        void *p = heap_alloc(&heap, 5000);
        heap_free(&heap, p, 5000);
    }
    cr_assert_leq(out, before + HEAP_PIECE_MAX + 4096 + 64);
    cr_assert_null(heap_alloc(&heap, 17 << 20));
    heap_release(&heap);
    cr_assert_eq(out, 0);
}

/* Each size has a piece that holds it, a fifth larger at most (or by 15 bytes); freed, it serves the same size again. */
Test(heap, classes_fit_closely_and_chunks_are_used_up)
{
    size_t out = 0;
    struct memory_source source = {take, give, &out};
    struct heap heap;
    heap_init(&heap, &source, 64 << 20);
    for (size_t n = 1; n <= HEAP_PIECE_MAX; n += 1 + n / 50) {
        size_t before = heap.live;
        uint8_t *p = heap_alloc(&heap, n);
        size_t bytes = heap.live - before;
        cr_assert(bytes >= n && bytes % 16 == 0 &&
                      bytes <= (n + n / 4 > n + 15 ? n + n / 4 : n + 15),
                  "%zu in %zu", n, bytes);
        memset(p, 0xAA, n);
        heap_free(&heap, p, n);
        cr_assert_eq(heap_alloc(&heap, n), p);
        cr_assert_eq(p[n - 1], 0);
    }
    /* What a large piece leaves of a chunk is cut into small ones. */
    heap_release(&heap);
    heap_init(&heap, &source, 64 << 20);
    cr_assert_not_null(heap_alloc(&heap, 40000));
    cr_assert_not_null(heap_alloc(&heap, 40000));
    size_t taken = out, small = 0;
    while (out == taken) {
        cr_assert_not_null(heap_alloc(&heap, 16 + small % 200));
        small += 16 + small % 200;
    }
    cr_assert_gt(small, 40000, "%zu bytes", small);
    heap_release(&heap);
    cr_assert_eq(out, 0);
}

Test(heap, resize_keeps_bytes_across_classes)
{
    size_t out = 0;
    struct memory_source source = {take, give, &out};
    struct heap heap;
    heap_init(&heap, &source, 64 << 20);
    size_t n = 1;
    uint8_t *p = heap_alloc(&heap, n);
    p[0] = 1;
    while (n < 300000) {
        size_t m = n * 3 + 1;
        p = heap_resize(&heap, p, n, m);
        cr_assert_not_null(p);
        for (size_t i = 0; i < m; i++) {
            cr_assert_eq(p[i], i < n ? (uint8_t)(i + 1) : 0);
            p[i] = (uint8_t)(i + 1);
        }
        n = m;
    }
    heap_release(&heap);
    cr_assert_eq(out, 0);
}

static void count_drop(void *owner)
{
    *(int *)owner += 1;
}

Test(chain, consume_walks_over_pieces_and_drops_files_once)
{
    size_t out = 0;
    struct memory_source source = {take, give, &out};
    struct heap heap;
    heap_init(&heap, &source, 1 << 20);
    struct chain a, b;
    chain_init(&a, &heap);
    chain_init(&b, &heap);
    int drops = 0;
    memcpy(chain_add_memory(&a, 10), "0123456789", 10);
    chain_trim(&a, 2);
    cr_assert(chain_add_file(&b, (struct disk_file *)&drops, 100, 50, count_drop, &drops));
    memcpy(chain_add_memory(&b, 3), "abc", 3);
    chain_append(&a, &b);
    cr_assert_eq(a.bytes, 61);
    cr_assert_eq(b.bytes, 0);
    chain_consume(&a, 5);
    cr_assert_eq(*a.head->memory.at, '5');
    chain_consume(&a, 13);
    cr_assert_eq(a.head->kind, CHAIN_FILE);
    cr_assert_eq(a.head->file.at, 110);
    cr_assert_eq(drops, 0);
    chain_consume(&a, 40);
    cr_assert_eq(drops, 1);
    cr_assert_eq(a.bytes, 3);
    chain_release(&a);
    cr_assert_eq(drops, 1);
    heap_release(&heap);
    cr_assert_eq(out, 0);
}

Test(buf, grows_to_its_limit_with_a_sticky_error)
{
    size_t out = 0;
    struct memory_source source = {take, give, &out};
    struct heap heap;
    heap_init(&heap, &source, 1 << 20);
    struct buf buf;
    buf_init(&buf, &heap, 1000);
    for (int i = 0; i < 99; i++) {
        buf_put(&buf, "0123456789", 10);
    }
    buf_printf(&buf, "%d", 123456789);
    cr_assert_eq(buf.err, OK);
    cr_assert_eq(buf.n, 999);
    buf_put(&buf, "ab", 2);
    cr_assert_eq(buf.err, ERR_TOO_LARGE);
    buf_put(&buf, "a", 1);
    cr_assert_eq(buf.n, 999, "the error is sticky");
    buf_clear(&buf);
    buf_put(&buf, "hello", 5);
    buf_consume(&buf, 2);
    cr_assert(slice_eq(buf_slice(&buf), slice_str("llo")));
    buf_release(&buf);
    heap_release(&heap);
}

Test(heap, large_pieces_are_zeroed_unless_asked_otherwise)
{
    size_t out = 0;
    struct memory_source source = {take, give, &out};
    struct heap heap;
    heap_init(&heap, &source, 1 << 20);
    const size_t n = HEAP_PIECE_MAX + 1000;
    for (int round = 0; round < 3; round++) {
        uint8_t *dirty = heap_alloc_dirty(&heap, n);
        cr_assert_not_null(dirty);
        cr_assert_eq((uintptr_t)dirty % 16, 0);
        memset(dirty, 0xAA, n);
        heap_free(&heap, dirty, n);
        uint8_t *clean = heap_alloc(&heap, n);
        for (size_t i = 0; i < n; i++) {
            cr_assert_eq(clean[i], 0);
        }
        heap_free(&heap, clean, n);
        cr_assert_eq(heap.live, 0);
    }
    cr_assert_null(heap_alloc_dirty(&heap, 1 << 20), "the limit counts");
    uint8_t *small = heap_alloc_dirty(&heap, 100);
    cr_assert(small != NULL && small[0] == 0 && small[99] == 0);
    heap_free(&heap, small, 100);
    heap_release(&heap);
    cr_assert_eq(out, 0);
}
