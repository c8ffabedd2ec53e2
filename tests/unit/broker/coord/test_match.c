/* Patterns of many groups at once: one is on the pool, the others wait outside, and every group hears of its own. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "coord_bench.h"

#define GROUPS 300

static bool is_active(struct coord_shard *shard)
{
    shard_enter(shard);
    bool active = shard->state == SHARD_ACTIVE;
    shard_leave(shard);
    return active;
}

static struct coord_shard *open_active(struct bench *b)
{
    coord_bench_open(b, 1);
    struct coord_shard *shard = coord_bench_shard(b, 0);
    while (!is_active(shard)) {
        (void)usleep(1000);
    }
    return shard;
}

struct asking {
    struct bench_node *node;
    struct coord_shard *shard;
    struct slice first; /* pattern; empty: an ordinary one */
};

/* On the control loop, where the image is. */
static void ask_all(void *arg)
{
    struct asking *asking = arg;
    struct coord_shard *shard = asking->shard;
    const struct slice patterns[] = {asking->first.n > 0 ? asking->first
                                                         : slice_str("__consumer.*"),
                                     slice_str("(a|aa)+$"), slice_str("(")};
    shard_enter(shard);
    CHECK(shard->state == SHARD_ACTIVE);
    for (uint32_t i = 0; i < GROUPS; i++) {
        struct group_actions actions = {
            .match_group = slice_of(&i, sizeof(i)), .match = patterns, .match_count = 1 + i % 3};
        match_take(shard, &actions, asking->node->image);
    }
    shard_leave(shard);
}

static uint32_t waiting(struct coord_match *list, uint32_t *ret_failed)
{
    uint32_t count = 0;
    for (; list != NULL; list = list->next) {
        *ret_failed += list->failed;
        count++;
    }
    return count;
}

Test(coord_match, one_pattern_is_evaluated_at_a_time)
{
    static struct bench b;
    struct coord_gate gate;
    struct coord_shard *shard = open_active(&b);
    struct coords *coords = shard->coords;
    coord_gate_close(&gate, shard->home); /* what comes from the pool stays there */
    bench_call(b.nodes[0].control, ask_all, &(struct asking){&b.nodes[0], shard});
    uint32_t failed = 0;
    uint32_t queued = waiting(coords->match_queue, &failed) +
                      waiting(atomic_load(&coords->match_inbox), &failed);
    cr_assert_eq(queued, MATCHES_MAX - 1, "one is on the pool");
    cr_assert_eq(failed, 0, "those above the bound hold no names: they were told at once");
    cr_assert_eq(atomic_load(&coords->matches), MATCHES_MAX);
    /* Nor do those wait that come while a pattern is evaluated. */
    bench_call(b.nodes[0].control, ask_all, &(struct asking){&b.nodes[0], shard});
    cr_assert_eq(atomic_load(&coords->matches), MATCHES_MAX);
    coord_gate_open(&gate);
    while (atomic_load(&coords->matches) > 0) {
        (void)usleep(1000);
    }
    cr_assert(is_active(shard));
    coord_bench_close(&b);
}

/* As if there were so many topics: a pattern is copied with them. */
Test(coord_match, what_is_large_leaves_room_for_few)
{
    static struct bench b;
    static char large[1 << 20];
    struct coord_gate gate;
    struct coord_shard *shard = open_active(&b);
    struct coords *coords = shard->coords;
    memset(large, 'x', sizeof(large));
    coord_gate_close(&gate, shard->home);
    struct asking asking = {&b.nodes[0], shard, slice_of(large, sizeof(large))};
    bench_call(b.nodes[0].control, ask_all, &asking);
    uint32_t most = MATCHES_BYTES_MAX / sizeof(large) + 1;
    cr_assert_leq(atomic_load(&coords->matches), most);
    cr_assert_geq(atomic_load(&coords->matches), most / 2);
    coord_gate_open(&gate);
    while (atomic_load(&coords->matches) > 0) {
        (void)usleep(1000);
    }
    cr_assert_eq(atomic_load(&coords->match_bytes), 0);
    cr_assert(is_active(shard));
    coord_bench_close(&b);
}

/* Who stops does not wait for what nobody wants any more. */
Test(coord_match, a_shard_that_stops_takes_its_patterns_along)
{
    static struct bench b;
    struct coord_shard *shard = open_active(&b);
    bench_call(b.nodes[0].control, ask_all, &(struct asking){&b.nodes[0], shard});
    coord_bench_close(&b);
}
