/*
 * `uniform` where subscriptions differ. One topic at a time its partitions are poured over its subscribers like water over a
 * ground of what they have from other topics: that is the most even way for this topic, and the sum of squared loads never grows.
 */
#include "broker/assign/assign_internal.h"

struct pool {
    struct work *work;
    uint32_t *ranks; /* subscribers of the topic, lowest base first */
    uint32_t *scratch;
    uint32_t count;
    uint32_t *base;   /* rank -> what stays with it whatever happens to the topic */
    uint32_t *holds;  /* rank -> partitions of the topic that may move */
    uint32_t *target; /* rank -> how many of them it is to have */
};

static int by_base(const void *ctx, uint32_t a, uint32_t b)
{
    const uint32_t *base = ctx;
    return base[a] != base[b] ? (base[a] < base[b] ? -1 : 1) : (a > b) - (a < b);
}

/* `fixed`: what members have stays theirs. Returns how many partitions are to be poured. */
static uint32_t bases(struct pool *pool, uint32_t t, bool fixed)
{
    struct work *work = pool->work;
    uint32_t first = work->subs_first[t], amount = 0;
    pool->count = subscribers(work, t);
    for (uint32_t i = 0; i < pool->count; i++) {
        uint32_t rank = work->subs[first + i];
        pool->ranks[i] = rank;
        pool->holds[rank] = 0;
        pool->base[rank] = work->load[rank];
    }
    for (uint32_t p = work->first[t]; p < work->first[t + 1]; p++) {
        uint32_t rank = work->owner[p];
        if (rank != NOBODY && fixed) {
            continue;
        }
        amount++;
        if (rank != NOBODY) {
            assert(pool->base[rank] > 0);
            pool->base[rank]--;
            pool->holds[rank]++;
        }
    }
    indexes_sort(pool->ranks, pool->scratch, pool->count, by_base, pool->base);
    return amount;
}

/* How high the water stands, and how many stand one higher because it does not divide. */
static uint64_t water(const struct pool *pool, uint32_t amount, uint64_t *ret_rest)
{
    uint64_t volume = amount, level = 0;
    uint32_t k = 0;
    assert(pool->count > 0);
    do {
        volume += pool->base[pool->ranks[k++]];
        level = volume / k;
    } while (k < pool->count && level > pool->base[pool->ranks[k]]);
    assert(level >= pool->base[pool->ranks[k - 1]]);
    *ret_rest = volume - level * k;
    return level;
}

static void targets(struct pool *pool, uint32_t amount)
{
    uint64_t rest, sum = 0;
    uint64_t level = water(pool, amount, &rest);
    for (uint32_t i = 0; i < pool->count; i++) {
        uint32_t rank = pool->ranks[i], base = pool->base[rank];
        pool->target[rank] = level > base ? (uint32_t)(level - base) : 0;
        bool more = base <= level && pool->holds[rank] > pool->target[rank];
        if (rest > 0 && more) { /* who has one more already keeps it */
            pool->target[rank]++;
            rest--;
        }
    }
    for (uint32_t i = 0; i < pool->count; i++) {
        uint32_t rank = pool->ranks[i], base = pool->base[rank];
        bool higher = base + (uint64_t)pool->target[rank] > level;
        if (rest > 0 && !higher) {
            pool->target[rank]++;
            rest--;
        }
        sum += pool->target[rank];
    }
    assert(rest == 0 && sum == amount);
}

/* Who has more than is meant gives up its last ones, who has less gets what is free. true: something was moved or dealt. */
static bool pour(struct pool *pool, uint32_t t, bool fixed)
{
    struct work *work = pool->work;
    uint32_t at = 0;
    bool changed = false;
    for (uint32_t p = work->first[t]; p < work->first[t + 1] && !fixed; p++) {
        uint32_t rank = work->owner[p];
        assert(rank != NOBODY);
        if (pool->target[rank] == 0) {
            work->owner[p] = NOBODY;
            work->load[rank]--;
        } else {
            pool->target[rank]--;
        }
    }
    for (uint32_t p = work->first[t]; p < work->first[t + 1]; p++) {
        if (work->owner[p] != NOBODY) {
            continue;
        }
        while (pool->target[pool->ranks[at]] == 0) {
            at++;
            assert(at < pool->count);
        }
        uint32_t rank = pool->ranks[at];
        pool->target[rank]--;
        work->load[rank]++;
        work->owner[p] = rank;
        changed = true;
    }
    return changed;
}

static bool level_topic(struct pool *pool, uint32_t t, bool fixed)
{
    if (subscribers(pool->work, t) == 0) {
        return false;
    }
    uint32_t amount = bases(pool, t, fixed);
    targets(pool, amount);
    return pour(pool, t, fixed);
}

static int by_subscribers(const void *ctx, uint32_t a, uint32_t b)
{
    const struct work *work = ctx;
    uint32_t x = subscribers(work, a), y = subscribers(work, b);
    return x != y ? (x < y ? -1 : 1) : uuid_cmp(work->topics[a].id, work->topics[b].id);
}

err_t level_fill(struct work *work)
{
    struct pool pool = {.work = work};
    uint32_t *scratch = arena_array(work->arena, work->topic_count, sizeof(uint32_t));
    uint32_t **arrays[] = {&pool.ranks, &pool.scratch, &pool.base, &pool.holds, &pool.target};
    ENSURE(scratch != NULL, ERR_NO_MEMORY);
    for (size_t i = 0; i < ARRAY_LEN(arrays); i++) {
        *arrays[i] = arena_array(work->arena, work->member_count, sizeof(uint32_t));
        ENSURE(*arrays[i] != NULL, ERR_NO_MEMORY);
    }
    indexes_sort(work->topic_order, scratch, work->topic_count, by_subscribers, work);
    for (uint32_t i = 0; i < work->topic_count; i++) {
        level_topic(&pool, work->topic_order[i], true);
    }
    bool changed = true;
    for (uint32_t round = 0; changed && round < ASSIGN_ROUNDS_MAX; round++) {
        changed = false;
        for (uint32_t i = 0; i < work->topic_count; i++) {
            changed |= level_topic(&pool, work->topic_order[i], false);
        }
    }
    return OK;
}
