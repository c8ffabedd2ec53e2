/* Containers whose memory ends at any piece, and arguments at the edges. */
#include <criterion/criterion.h>

#include "common/base/buf.h"
#include "common/base/chain.h"
#include "common/base/compression.h"
#include "common/base/map.h"
#include "common/base/prng.h"
#include "common/base/ptree.h"
#include "common/base/similar.h"
#include "common/base/uuid.h"
#include "tests/lib/memory.h"

struct scarce {
    struct test_memory memory;
    struct heap heap;
};

static void scarce_init(struct scarce *s)
{
    test_memory_init(&s->memory);
    heap_init(&s->heap, &s->memory.source, (size_t)1 << 30);
}

static void scarce_release(struct scarce *s)
{
    cr_assert_eq(s->heap.live, 0);
    heap_release(&s->heap);
    cr_assert_eq(s->memory.out, 0);
}

/* From now on the piece after the n-th is refused. */
static void scarce_from(struct scarce *s, size_t n, bool once)
{
    test_memory_heap_by_piece(&s->heap);
    s->memory.most = n;
    s->memory.once = once;
}

static void scarce_end(struct scarce *s)
{
    s->memory.most = SIZE_MAX;
}

/* --- maps --- */

Test(scarce, a_map_that_cannot_grow_is_as_it_was)
{
    struct scarce s;
    struct map map;
    static int values[100];
    scarce_init(&s);
    map_init(&map, &s.heap, (struct hash_key){1, 2});
    for (uint64_t i = 0; i < ARRAY_LEN(values); i++) {
        bool put = false;
        for (size_t most = 0; !put; most++) {
            scarce_from(&s, most, most % 2 == 1);
            put = map_put_u64(&map, i, &values[i]);
            scarce_end(&s);
            cr_assert_eq(map.count, i + put);
            cr_assert_eq(map_get_u64(&map, i), put ? &values[i] : NULL);
            for (uint64_t k = 0; k < i; k++) {
                cr_assert_eq(map_get_u64(&map, k), &values[k]);
            }
        }
    }
    map_release(&map);
    scarce_release(&s);
}

/* --- trees --- */

struct number {
    int32_t value;
    uint32_t refs;
};

static int number_compare(const void *key, const void *item)
{
    int32_t a = *(const int32_t *)key;
    int32_t b = ((const struct number *)item)->value;
    return (a > b) - (a < b);
}

static void number_hold(void *item)
{
    ((struct number *)item)->refs++;
}

static void number_drop(struct heap *heap, void *item)
{
    struct number *number = item;
    cr_assert_gt(number->refs, 0);
    if (--number->refs == 0) {
        heap_free(heap, number, sizeof(*number));
    }
}

static const void *number_key(const void *item)
{
    return &((const struct number *)item)->value;
}

static const struct ptree_type numbers = {number_compare, number_hold, number_drop};

/* Puts or takes out one number in a version of its own, with memory for `most` pieces. */
static bool change(struct scarce *s, struct ptree_node **root, int32_t value, bool put, size_t most)
{
    struct number *number = NULL;
    struct ptree_node *next = ptree_hold(*root);
    if (put) {
        number = HEAP_NEW(&s->heap, struct number);
        *number = (struct number){.value = value, .refs = 1};
    }
    scarce_from(s, most, most % 2 == 1);
    bool done = put ? ptree_put(&numbers, &s->heap, &next, &value, number)
                    : ptree_remove(&numbers, &s->heap, &next, &value);
    scarce_end(s);
    if (done) {
        ptree_check(&numbers, next, number_key);
        cr_assert_eq(ptree_find(&numbers, next, &value), number);
        ptree_drop(&numbers, &s->heap, *root);
        *root = next;
        return true;
    }
    ptree_drop(&numbers, &s->heap, next);
    ptree_check(&numbers, *root, number_key);
    if (put) { /* still ours */
        number_drop(&s->heap, number);
    }
    return false;
}

Test(scarce, a_tree_that_cannot_change_is_as_it_was)
{
    struct scarce s;
    struct prng prng;
    struct ptree_node *root = NULL;
    unsigned failures = 0;
    prng_init(&prng, 3);
    scarce_init(&s);
    for (int round = 0; round < 1500; round++) {
        int32_t value = (int32_t)prng_below(&prng, 120);
        bool there = ptree_find(&numbers, root, &value) != NULL;
        bool put = prng_chance(&prng, round < 700 ? 700 : 350);
        uint32_t count = ptree_count(root);
        size_t most = 0;
        while (!change(&s, &root, value, put, most)) {
            cr_assert_eq(ptree_count(root), count);
            cr_assert_eq(ptree_find(&numbers, root, &value) != NULL, there);
            failures++;
            most++;
        }
        cr_assert_eq(ptree_count(root), count + (put && !there) - (!put && there));
    }
    cr_assert_gt(failures, 3000);
    ptree_drop(&numbers, &s.heap, root);
    scarce_release(&s);
}

/* --- pieces of output, buffers --- */

static void count_drop(void *owner)
{
    ++*(unsigned *)owner;
}

Test(scarce, a_chain_without_memory_leaves_the_file_to_its_owner)
{
    struct scarce s;
    struct chain chain;
    struct chain other;
    unsigned drops = 0;
    struct disk_file *file = (struct disk_file *)&drops; /* never looked into */
    scarce_init(&s);
    chain_init(&chain, &s.heap);
    chain_init(&other, &s.heap);
    chain_append(&chain, &other);
    cr_assert_null(chain.head);
    scarce_from(&s, 0, false);
    cr_assert_not(chain_add_file(&chain, file, 0, 9, count_drop, &drops));
    cr_assert_null(chain_add_memory(&chain, 4));
    scarce_end(&s);
    cr_assert_eq(drops, 0);
    cr_assert_eq(chain.bytes, 0);
    cr_assert(chain_add_file(&other, file, 0, 9, count_drop, &drops));
    cr_assert(chain_add_file(&other, file, 9, 1, NULL, NULL));
    chain_append(&chain, &other);
    cr_assert_eq(chain.bytes, 10);
    chain_consume(&chain, 9);
    cr_assert_eq(drops, 1);
    chain_release(&chain);
    cr_assert_eq(drops, 1, "the second has no owner");
    scarce_release(&s);
}

Test(scarce, a_buffer_says_why_it_ends)
{
    struct scarce s;
    struct buf buf;
    scarce_init(&s);
    buf_init(&buf, &s.heap, 300);
    scarce_from(&s, 0, false);
    buf_printf(&buf, "%d", 5);
    scarce_end(&s);
    cr_assert_eq(buf.err, ERR_NO_MEMORY);
    cr_assert_eq(buf.n, 0);
    buf_clear(&buf);
    buf_put(&buf, NULL, 0);
    cr_assert_eq(buf.err, OK);
    buf_printf(&buf, "%400d", 5);
    cr_assert_eq(buf.err, ERR_TOO_LARGE);
    buf_put(&buf, "x", 1);
    cr_assert_eq(buf.n, 0, "an error stays");
    buf_release(&buf);
    scarce_release(&s);
}

Test(scarce, sizes_that_no_memory_has)
{
    struct scarce s;
    struct arena arena;
    scarce_init(&s);
    arena_init(&arena, &s.memory.source, 256, (size_t)1 << 30);
    cr_assert_null(arena_alloc(&arena, SIZE_MAX));
    cr_assert_null(arena_alloc(&arena, SIZE_MAX - 31), "its header does not fit");
    cr_assert_null(arena_array(&arena, SIZE_MAX / 2, 3));
    cr_assert_not_null(arena_alloc(&arena, 1000));
    cr_assert_not_null(arena_alloc(&arena, 10));
    cr_assert_not_null(arena_alloc(&arena, 230));
    arena_clear(&arena);
    cr_assert_eq(arena.total, 256, "one ordinary chunk is kept");
    arena_release(&arena);
    cr_assert_null(heap_alloc(&s.heap, SIZE_MAX - 7));
    cr_assert_null(heap_alloc(&s.heap, (size_t)1 << 30));
    void *large = heap_alloc(&s.heap, (size_t)1 << 20);
    cr_assert_not_null(large);
    cr_assert_null(heap_alloc(&s.heap, ((size_t)1 << 30) - (1 << 16)),
                   "both together are too much");
    heap_free(&s.heap, large, (size_t)1 << 20);
    scarce_release(&s);
}

Test(scarce, a_block_starts_anywhere_and_ends)
{
    static uint8_t bytes[4096] __attribute__((aligned(16)));
    struct memory_block block = {.p = bytes + 3, .n = sizeof(bytes) - 3};
    struct memory_source source = memory_block_source(&block);
    uint8_t *p = source.take(source.ctx, 100);
    cr_assert_eq((uintptr_t)p % 16, 0);
    uint8_t *q = source.take(source.ctx, 100);
    cr_assert_geq(q, p + 100);
    source.give(source.ctx, p, 100);
    cr_assert_gt(source.take(source.ctx, 16), (void *)q, "only the newest goes back");
    cr_assert_null(source.take(source.ctx, 4000));
    while (source.take(source.ctx, 1) != NULL) {}
    cr_assert_leq(block.used, block.n);
    cr_assert_null(source.take(source.ctx, 1));
}

/* --- numbers and names --- */

Test(scarce, numbers_over_the_whole_range)
{
    struct prng prng;
    prng_init(&prng, 1);
    bool low = false;
    bool high = false;
    for (int i = 0; i < 200; i++) {
        int64_t any = prng_between(&prng, INT64_MIN, INT64_MAX);
        low = low || any < 0;
        high = high || any > 0;
        cr_assert_lt(prng_below(&prng, ((uint64_t)1 << 63) + 1), ((uint64_t)1 << 63) + 1);
    }
    cr_assert(low && high);
    cr_assert_eq(prng_between(&prng, 7, 7), 7);
}

Test(scarce, names_of_compressions)
{
    for (unsigned i = 0; i < COMPRESSION_COUNT; i++) {
        enum compression found;
        cr_assert(compression_parse(slice_str(compression_name(i)), &found));
        cr_assert_eq((unsigned)found, i);
    }
    enum compression none;
    cr_assert_not(compression_parse(slice_str("brotli"), &none));
    cr_assert_str_eq(compression_name(COMPRESSION_COUNT), "unknown");
}

Test(scarce, texts_that_are_no_ids)
{
    struct uuid uuid;
    cr_assert_eq(uuid_parse(slice_str("MkU3OEVBNTcwNTJENDM2Qg"), &uuid), OK);
    cr_assert_eq(uuid_parse(slice_str("MkU3OEVBNTcwNTJENDM2Q+"), &uuid), ERR_MALFORMED);
    cr_assert_eq(uuid_parse(slice_of("MkU3OEVBNTcwNTJENDM2Q\0", 22), &uuid), ERR_MALFORMED);
    cr_assert_eq(uuid_parse(slice_str("MkU3"), &uuid), ERR_MALFORMED);
}

Test(scarce, long_names_are_like_nothing)
{
    static const char a[SIMILAR_NAME_MAX + 1] = {[0 ... SIMILAR_NAME_MAX] = 'a'};
    struct slice fits = slice_of(a, SIMILAR_NAME_MAX);
    struct slice longer = slice_of(a, SIMILAR_NAME_MAX + 1);
    cr_assert_eq(similar_distance(fits, fits, 5), 0);
    cr_assert_eq(similar_distance(longer, fits, 5), 5);
    cr_assert_eq(similar_distance(fits, longer, 5), 5);
    cr_assert_eq(similar_most(longer), 0);
    cr_assert_eq(similar_most(slice_str("ab")), 0);
}
