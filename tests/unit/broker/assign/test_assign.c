/*
 * The assignors by cases and at random: each subscribed partition has exactly one owner who subscribes to it, the same input in
 * another order gives the same answer, loads are even, and no more moves than must.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "broker/assign/assign.h"
#include "common/base/prng.h"

#define MEMBERS 1000
#define TOPICS  64
#define PARTS   10000

static void *take(void *ctx, size_t bytes)
{
    (void)ctx;
    return malloc(bytes);
}

static void give(void *ctx, void *p, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(p);
}

static const struct memory_source source = {.take = take, .give = give};

struct world {
    struct arena arena; /* of the answer that members hold now */
    struct arena next;
    struct assign_topic topics[TOPICS];
    uint32_t topic_count;
    uint64_t racks[TOPICS][PARTS / TOPICS];
    struct assign_member members[MEMBERS];
    uint32_t member_count;
    char ids[MEMBERS][16];
    uint32_t wishes[MEMBERS][TOPICS];
    uint32_t first[TOPICS + 1];
    uint32_t owner[PARTS]; /* member, or UINT32_MAX */
    uint32_t before[PARTS];
};

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof(*w));
    cr_assert_not_null(w);
    arena_init(&w->arena, &source, 4096, (size_t)64 << 20);
    arena_init(&w->next, &source, 4096, (size_t)64 << 20);
    return w;
}

static void world_free(struct world *w)
{
    arena_release(&w->arena);
    arena_release(&w->next);
    free(w);
}

static void topic_add(struct world *w, uint32_t partitions)
{
    uint32_t t = w->topic_count++;
    w->topics[t].id.b[0] = (uint8_t)(t * 151 + 7); /* not in the order of the indexes */
    w->topics[t].id.b[1] = (uint8_t)t;
    w->topics[t].partitions = partitions;
    w->first[t + 1] = w->first[t] + partitions;
    cr_assert_leq(w->first[t + 1], (uint32_t)PARTS);
}

/* wishes: bits of topics. */
static struct assign_member *member_add(struct world *w, const char *id, uint64_t wishes)
{
    uint32_t i = w->member_count++;
    struct assign_member *m = &w->members[i];
    snprintf(w->ids[i], sizeof(w->ids[i]), "%s", id);
    *m = (struct assign_member){.id = slice_str(w->ids[i]), .rack = -1, .topics = w->wishes[i]};
    for (uint32_t t = 0; t < TOPICS; t++) {
        if ((wishes >> t & 1) != 0) {
            w->wishes[i][m->topic_count++] = t;
        }
    }
    return m;
}

static bool subscribed(const struct assign_member *m, uint32_t topic)
{
    for (uint32_t i = 0; i < m->topic_count; i++) {
        if (m->topics[i] == topic) {
            return true;
        }
    }
    return false;
}

static void check_cover(struct world *w)
{
    memset(w->owner, 0xff, sizeof(w->owner));
    for (uint32_t i = 0; i < w->member_count; i++) {
        const struct assign_member *m = &w->members[i];
        for (uint32_t k = 0; k < m->part_count; k++) {
            const struct assign_part *part = &m->parts[k];
            uint32_t *owner = &w->owner[w->first[part->topic] + (uint32_t)part->partition];
            cr_assert(subscribed(m, part->topic));
            cr_assert_lt((uint32_t)part->partition, w->topics[part->topic].partitions);
            cr_assert_eq(*owner, UINT32_MAX);
            *owner = i;
        }
    }
    for (uint32_t t = 0; t < w->topic_count; t++) {
        bool wanted = false;
        for (uint32_t i = 0; i < w->member_count && !wanted; i++) {
            wanted = subscribed(&w->members[i], t);
        }
        for (uint32_t p = w->first[t]; p < w->first[t + 1]; p++) {
            cr_assert_eq(w->owner[p] != UINT32_MAX, wanted);
        }
    }
}

/* What was answered last is what members own. */
static void run(struct world *w, enum assignor assignor)
{
    cr_assert_eq(
        assign_run(assignor, w->topics, w->topic_count, w->members, w->member_count, &w->next), OK);
    memcpy(w->before, w->owner, sizeof(w->before));
    check_cover(w);
    for (uint32_t i = 0; i < w->member_count; i++) {
        w->members[i].owned = w->members[i].parts;
        w->members[i].owned_count = w->members[i].part_count;
    }
    arena_clear(&w->arena);
    struct arena swap = w->arena;
    w->arena = w->next;
    w->next = swap;
}

static uint32_t moves(const struct world *w)
{
    uint32_t count = 0;
    for (uint32_t p = 0; p < w->first[w->topic_count]; p++) {
        count += w->owner[p] != w->before[p];
    }
    return count;
}

static uint32_t spread(const struct world *w)
{
    uint32_t least = UINT32_MAX, most = 0;
    for (uint32_t i = 0; i < w->member_count; i++) {
        uint32_t n = w->members[i].part_count;
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    return most - least;
}

Test(assign, names)
{
    enum assignor a;
    cr_assert(assignor_find(slice_str("range"), &a) && a == ASSIGNOR_RANGE);
    cr_assert(assignor_find(slice_str("uniform"), &a) && a == ASSIGNOR_UNIFORM);
    cr_assert_not(assignor_find(slice_str("Range"), &a));
    cr_assert_not(assignor_find(slice_str(""), &a));
    cr_assert_str_eq(assignor_name(ASSIGNOR_UNIFORM), "uniform");
}

Test(assign, nothing_to_do)
{
    struct world *w = world_new();
    run(w, ASSIGNOR_UNIFORM);
    run(w, ASSIGNOR_RANGE);
    member_add(w, "a", 0);
    run(w, ASSIGNOR_UNIFORM);
    topic_add(w, 3);
    run(w, ASSIGNOR_RANGE);
    run(w, ASSIGNOR_UNIFORM);
    cr_assert_eq(w->members[0].part_count, 0);
    world_free(w);
}

static void check_parts(const struct assign_member *m, const char *expected)
{
    char text[256] = "";
    size_t n = 0;
    for (uint32_t i = 0; i < m->part_count; i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u-%d", i == 0 ? "" : " ",
                              m->parts[i].topic, m->parts[i].partition);
    }
    cr_assert_str_eq(text, expected);
}

Test(assign, range_is_cut_alike_for_topics_alike)
{
    struct world *w = world_new();
    topic_add(w, 5);
    topic_add(w, 5);
    member_add(w, "zz", 3);
    member_add(w, "bb", 3);
    member_add(w, "aa", 3);
    w->members[0].instance_id = slice_str("i");
    run(w, ASSIGNOR_RANGE);
    check_parts(&w->members[0], "0-0 0-1 1-0 1-1");
    check_parts(&w->members[2], "0-2 0-3 1-2 1-3");
    check_parts(&w->members[1], "0-4 1-4");
    /* The static member comes back under another id. */
    w->members[0].id = slice_str("a0");
    run(w, ASSIGNOR_RANGE);
    cr_assert_eq(moves(w), 0);
    world_free(w);
}

Test(assign, range_where_subscriptions_differ_and_members_are_too_many)
{
    struct world *w = world_new();
    topic_add(w, 2);
    topic_add(w, 3);
    member_add(w, "a", 1);
    member_add(w, "b", 3);
    member_add(w, "c", 1);
    run(w, ASSIGNOR_RANGE);
    check_parts(&w->members[0], "0-0");
    check_parts(&w->members[1], "0-1 1-0 1-1 1-2");
    check_parts(&w->members[2], "");
    world_free(w);
}

Test(assign, uniform_spreads_a_topic)
{
    struct world *w = world_new();
    topic_add(w, 4);
    topic_add(w, 2);
    member_add(w, "a", 3);
    member_add(w, "b", 3);
    run(w, ASSIGNOR_UNIFORM);
    cr_assert_eq(w->members[0].part_count, 3);
    uint32_t of_first = 0;
    for (uint32_t i = 0; i < 3; i++) {
        of_first += w->members[0].parts[i].topic == 0;
    }
    cr_assert_eq(of_first, 2);
    world_free(w);
}

Test(assign, uniform_prefers_the_rack_but_never_to_the_balance)
{
    struct world *w = world_new();
    topic_add(w, 6);
    for (uint32_t p = 0; p < 6; p++) {
        w->racks[0][p] = p < 2 ? 1 : UINT64_C(1) << 63; /* two in rack 0, four in rack 63 */
    }
    w->topics[0].racks = w->racks[0];
    member_add(w, "a", 1)->rack = 63;
    member_add(w, "b", 1)->rack = 0;
    run(w, ASSIGNOR_UNIFORM);
    check_parts(&w->members[0], "0-2 0-3 0-4");
    check_parts(&w->members[1], "0-0 0-1 0-5");
    w->members[0].rack = 0; /* nothing moves for that */
    w->members[1].rack = 63;
    run(w, ASSIGNOR_UNIFORM);
    cr_assert_eq(moves(w), 0);
    world_free(w);
}

Test(assign, uniform_passes_over_what_is_not_there)
{
    static const struct assign_part odd[] = {{0, 7}, {0, -1}, {9, 0}, {1, 0}, {0, 1}, {0, 1}};
    struct world *w = world_new();
    topic_add(w, 2);
    topic_add(w, 2);
    member_add(w, "b", 1);
    member_add(w, "a", 1);
    w->members[0].owned = odd;
    w->members[0].owned_count = ARRAY_LEN(odd);
    w->members[1].owned = odd + 4; /* both claim 0-1: the first by id has it */
    w->members[1].owned_count = 1;
    run(w, ASSIGNOR_UNIFORM);
    check_parts(&w->members[0], "0-0");
    check_parts(&w->members[1], "0-1");
    world_free(w);
}

Test(assign, uniform_moves_what_must_and_no_more)
{
    for (uint32_t n = 1; n <= 40; n++) {
        struct world *w = world_new();
        topic_add(w, 60);
        topic_add(w, 41);
        for (uint32_t i = 0; i < n; i++) {
            char id[16];
            snprintf(id, sizeof(id), "m%02u", i * 37 % 41);
            member_add(w, id, 3);
        }
        run(w, ASSIGNOR_UNIFORM);
        run(w, ASSIGNOR_UNIFORM);
        cr_assert_eq(moves(w), 0);
        member_add(w, "m17x", 3);
        run(w, ASSIGNOR_UNIFORM);
        cr_assert_leq(spread(w), 1u);
        cr_assert_eq(moves(w), w->members[n].part_count); /* to the newcomer only */
        uint32_t gone = w->members[n].part_count;
        w->member_count--;
        run(w, ASSIGNOR_UNIFORM);
        cr_assert_leq(spread(w), 1u);
        cr_assert_eq(moves(w), gone);
        world_free(w);
    }
}

/* ---- at random ---- */

static uint64_t wishes_draw(struct prng *prng, const struct world *w, bool alike)
{
    uint64_t all = (UINT64_C(1) << w->topic_count) - 1;
    return alike ? all : prng_u64(prng) & all;
}

static void world_draw(struct world *w, struct prng *prng, bool alike)
{
    uint32_t topics = 1 + (uint32_t)prng_below(prng, 12);
    uint32_t members = 1 + (uint32_t)prng_below(prng, 30);
    for (uint32_t t = 0; t < topics; t++) {
        topic_add(w, (uint32_t)prng_below(prng, 40));
    }
    for (uint32_t i = 0; i < members; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%llx", (unsigned long long)prng_u64(prng) >> 8);
        member_add(w, id, wishes_draw(prng, w, alike));
    }
}

/* No single move to another subscriber would make the loads more even. */
static void check_level(const struct world *w)
{
    for (uint32_t t = 0; t < w->topic_count; t++) {
        uint32_t least = UINT32_MAX;
        for (uint32_t i = 0; i < w->member_count; i++) {
            uint32_t n = w->members[i].part_count;
            if (subscribed(&w->members[i], t) && n < least) {
                least = n;
            }
        }
        for (uint32_t p = w->first[t]; p < w->first[t + 1]; p++) {
            uint32_t owner = w->owner[p];
            cr_assert(owner == UINT32_MAX || w->members[owner].part_count <= least + 1);
        }
    }
}

/* The answer does not depend on the order in which members and their words come. */
static void check_order(struct world *w, struct prng *prng, enum assignor assignor)
{
    struct assign_member shuffled[64];
    uint32_t place[64], n = w->member_count;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t j = (uint32_t)prng_below(prng, i + 1);
        place[i] = place[j];
        place[j] = i;
    }
    for (uint32_t i = 0; i < n; i++) {
        shuffled[i] = w->members[place[i]];
    }
    cr_assert_eq(assign_run(assignor, w->topics, w->topic_count, shuffled, n, &w->next), OK);
    run(w, assignor);
    for (uint32_t i = 0; i < n; i++) {
        const struct assign_member *a = &shuffled[i], *b = &w->members[place[i]];
        cr_assert_eq(a->part_count, b->part_count);
        for (uint32_t k = 0; k < a->part_count; k++) {
            cr_assert(a->parts[k].topic == b->parts[k].topic &&
                      a->parts[k].partition == b->parts[k].partition);
        }
    }
}

/* Something happens to the group. Gives how many partitions must get another owner by it at the least. */
static void change(struct world *w, struct prng *prng, bool alike)
{
    uint32_t what = (uint32_t)prng_below(prng, 3);
    if (what == 0 && w->member_count < 60) {
        char id[16];
        snprintf(id, sizeof(id), "%llx", (unsigned long long)prng_u64(prng) >> 8);
        member_add(w, id, wishes_draw(prng, w, alike));
    } else if (what == 1 && w->member_count > 1) {
        w->member_count--; /* ids are drawn: the last by place is any by name */
    } else if (!alike) {
        uint32_t i = (uint32_t)prng_below(prng, w->member_count);
        uint64_t wishes = wishes_draw(prng, w, alike);
        w->members[i].topic_count = 0;
        for (uint32_t t = 0; t < TOPICS; t++) {
            if ((wishes >> t & 1) != 0) {
                w->wishes[i][w->members[i].topic_count++] = t;
            }
        }
    }
}

static void random_history(uint64_t seed, bool alike, enum assignor assignor)
{
    struct prng prng;
    struct world *w = world_new();
    prng_init(&prng, seed);
    world_draw(w, &prng, alike);
    for (uint32_t step = 0; step < 12; step++) {
        check_order(w, &prng, assignor);
        if (assignor == ASSIGNOR_UNIFORM) {
            cr_assert(!alike || spread(w) <= 1, "seed %llu", (unsigned long long)seed);
            check_level(w);
            run(w, assignor);
            cr_assert_eq(moves(w), 0, "seed %llu: an even group moves", (unsigned long long)seed);
        }
        change(w, &prng, alike);
    }
    world_free(w);
}

Test(assign, random_histories)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        random_history(seed, true, ASSIGNOR_UNIFORM);
        random_history(seed, false, ASSIGNOR_UNIFORM);
        random_history(seed, seed % 2 == 0, ASSIGNOR_RANGE);
    }
}

/* ---- size ---- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void large(bool alike, enum assignor assignor)
{
    struct prng prng;
    struct world *w = world_new();
    prng_init(&prng, 7);
    for (uint32_t t = 0; t < 50; t++) {
        topic_add(w, PARTS / 50);
    }
    for (uint32_t i = 0; i < MEMBERS; i++) {
        char id[16];
        snprintf(id, sizeof(id), "consumer-%u", i);
        member_add(w, id, wishes_draw(&prng, w, alike));
    }
    double begin = seconds();
    cr_assert_eq(
        assign_run(assignor, w->topics, w->topic_count, w->members, w->member_count, &w->next), OK);
    double took = seconds() - begin;
    fprintf(stderr, "%s, %s subscriptions, %d members, %d partitions: %.1f ms, %zu bytes\n",
            assignor_name(assignor), alike ? "equal" : "random", MEMBERS, PARTS, took * 1e3,
            w->next.total);
    check_cover(w);
    cr_assert_leq(w->next.total, (size_t)2 << 20);
    if (assignor == ASSIGNOR_UNIFORM) {
        cr_assert_leq(spread(w), alike ? 1u : 3u);
    }
    world_free(w);
}

Test(assign, a_thousand_members_and_ten_thousand_partitions)
{
    large(true, ASSIGNOR_UNIFORM);
    large(false, ASSIGNOR_UNIFORM);
    large(true, ASSIGNOR_RANGE);
    large(false, ASSIGNOR_RANGE);
}
