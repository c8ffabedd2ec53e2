#include <criterion/criterion.h>

#include "broker/replica/epoch_cache.h"

static _Alignas(16) uint8_t block_bytes[1 << 21];

struct fixture {
    struct memory_block block;
    struct memory_source source;
    struct heap heap;
    struct epoch_cache cache;
};

static void fixture_init(struct fixture *f)
{
    f->block = (struct memory_block){.p = block_bytes, .n = sizeof(block_bytes)};
    f->source = memory_block_source(&f->block);
    heap_init(&f->heap, &f->source, sizeof(block_bytes));
    epoch_cache_init(&f->cache, &f->heap);
}

static void assign(struct fixture *f, int32_t epoch, int64_t start)
{
    bool changed;
    cr_assert(epoch_cache_assign(&f->cache, epoch, start, &changed));
    cr_assert(changed);
    epoch_cache_check(&f->cache, start);
}

static void expect_end(const struct fixture *f, int32_t asked, int32_t epoch, int64_t end)
{
    int32_t got_epoch;
    int64_t got_end;
    epoch_cache_end(&f->cache, asked, 100, &got_epoch, &got_end);
    cr_expect_eq(got_epoch, epoch, "epoch %d: got epoch %d", asked, got_epoch);
    cr_expect_eq(got_end, end, "epoch %d: got end %ld", asked, (long)got_end);
}

Test(epoch_cache, answers_the_largest_epoch_not_above_the_asked)
{
    struct fixture f;
    fixture_init(&f);
    expect_end(&f, 3, NO_EPOCH, NO_OFFSET);
    assign(&f, 2, 10);
    assign(&f, 5, 30);
    assign(&f, 6, 30);
    assign(&f, 9, 70);
    expect_end(&f, NO_EPOCH, NO_EPOCH, NO_OFFSET);
    expect_end(&f, 1, 1, 10); /* below all: itself and where the oldest begins */
    expect_end(&f, 2, 2, 30);
    expect_end(&f, 4, 2, 30);
    expect_end(&f, 5, 5, 30); /* an empty epoch ends where it begins */
    expect_end(&f, 6, 6, 70);
    expect_end(&f, 8, 6, 70);
    expect_end(&f, 9, 9, 100);
    expect_end(&f, 10, NO_EPOCH, NO_OFFSET);
    epoch_cache_release(&f.cache);
    cr_assert_eq(f.heap.live, 0);
}

Test(epoch_cache, keeps_the_first_start_of_an_epoch)
{
    struct fixture f;
    fixture_init(&f);
    assign(&f, 2, 10);
    bool changed = true;
    cr_assert(epoch_cache_assign(&f.cache, 2, 50, &changed));
    cr_assert_not(changed);
    cr_assert(epoch_cache_assign(&f.cache, 1, 50, &changed));
    cr_assert_not(changed);
    cr_assert_eq(f.cache.count, 1);
    cr_assert_eq(f.cache.entries[0].start_offset, 10);
}

Test(epoch_cache, truncating_at_the_end_drops_empty_epochs)
{
    struct fixture f;
    fixture_init(&f);
    assign(&f, 2, 10);
    assign(&f, 5, 30);
    assign(&f, 6, 40);
    cr_assert_not(epoch_cache_truncate_end(&f.cache, 41));
    cr_assert(epoch_cache_truncate_end(&f.cache,
                                       40)); /* the log ends at 40: epoch 6 is empty and goes too */
    cr_assert_eq(epoch_cache_latest(&f.cache), 5);
    cr_assert(epoch_cache_truncate_end(&f.cache, 0));
    cr_assert_eq(epoch_cache_latest(&f.cache), NO_EPOCH);
}

Test(epoch_cache, truncating_at_the_start_keeps_the_epoch_that_holds_it)
{
    struct fixture f;
    fixture_init(&f);
    assign(&f, 2, 10);
    assign(&f, 5, 30);
    assign(&f, 6, 40);
    cr_assert_not(epoch_cache_truncate_start(&f.cache, 10));
    cr_assert(epoch_cache_truncate_start(&f.cache, 35));
    cr_assert_eq(f.cache.count, 2);
    cr_assert_eq(f.cache.entries[0].epoch, 5);
    cr_assert_eq(f.cache.entries[0].start_offset, 35);
    cr_assert(epoch_cache_truncate_start(&f.cache,
                                         40)); /* where an epoch begins, the earlier one is over */
    cr_assert_eq(f.cache.count, 1);
    cr_assert_not(epoch_cache_truncate_start(&f.cache, 40));
    cr_assert(epoch_cache_truncate_start(&f.cache, 90)); /* the newest epoch is never forgotten */
    cr_assert_eq(f.cache.count, 1);
    cr_assert_eq(epoch_cache_latest(&f.cache), 6);
    cr_assert_eq(f.cache.entries[0].start_offset, 90);
    cr_assert_eq(epoch_cache_at(&f.cache, 89), NO_EPOCH);
    cr_assert_eq(epoch_cache_at(&f.cache, 90), 6);
}

Test(epoch_cache, grows_and_says_when_memory_is_out)
{
    struct fixture f;
    fixture_init(&f);
    int32_t epoch = 0;
    bool changed;
    while (epoch_cache_assign(&f.cache, epoch, epoch * 2, &changed)) {
        cr_assert(changed);
        epoch++;
        cr_assert_lt(epoch, 1 << 18);
    }
    cr_assert_gt(epoch, 500);
    cr_assert_eq(f.cache.count, (uint32_t)epoch);
    epoch_cache_check(&f.cache, epoch * 2);
}
