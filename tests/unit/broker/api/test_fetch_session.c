/* Fetch sessions: the rules of KIP-227, and a long random life beside a simple model. */
#include <criterion/criterion.h>

#include "broker/api/fetch_session.h"
#include "tests/lib/memory.h"

struct world {
    struct test_memory memory;
    struct heap heap;
    struct fetch_sessions sessions;
    time_us now;
};

static void world_init(struct world *world, uint32_t max)
{
    test_memory_init(&world->memory);
    heap_init(&world->heap, &world->memory.source, (size_t)1 << 26);
    fetch_sessions_init(&world->sessions, &world->heap, max, 7);
    world->now = 1000;
}

static void world_release(struct world *world)
{
    fetch_sessions_check(&world->sessions);
    fetch_sessions_release(&world->sessions);
    cr_assert_eq(world->heap.live, 0);
    heap_release(&world->heap);
    cr_assert_eq(world->memory.out, 0);
}

static struct fetch_want want(const char *topic, int32_t index, int64_t offset)
{
    return (struct fetch_want){
        .topic = slice_str(topic), .index = index, .fetch_offset = offset, .bytes_max = 1000};
}

static struct fetch_turn ask(struct world *world, int32_t id, int32_t epoch,
                             const struct fetch_want *wants, size_t count)
{
    struct fetch_sessions_ask question = {
        .id = id, .epoch = epoch, .now = world->now, .wants = wants, .want_count = count};
    struct fetch_turn turn = fetch_session_ask(&world->sessions, &question);
    fetch_sessions_check(&world->sessions);
    return turn;
}

static const struct fetch_told quiet = {.high_watermark = 10};

/* A session over two partitions, both told with high watermark 10. */
static int32_t begin(struct world *world, bool follower)
{
    struct fetch_want wants[] = {want("a", 0, 0), want("a", 1, 0)};
    struct fetch_told told[] = {quiet, quiet};
    struct fetch_sessions_ask question = {
        .now = world->now, .wants = wants, .want_count = 2, .follower = follower};
    struct fetch_turn turn = fetch_session_ask(&world->sessions, &question);
    cr_assert_eq(turn.kind, FETCH_FULL);
    fetch_session_begin(&world->sessions, &turn, world->now, wants, told, 2);
    fetch_sessions_check(&world->sessions);
    return turn.id;
}

static bool tells(struct world *world, const struct fetch_turn *turn, int32_t index,
                  struct fetch_told told)
{
    struct fetch_want at = want("a", index, 0);
    bool answer = fetch_session_tells(&world->sessions, turn, &at, &told);
    fetch_sessions_check(&world->sessions);
    return answer;
}

Test(fetch_session, epoch_minus_one_has_no_session_and_ends_one)
{
    struct world world;
    world_init(&world, 10);
    int32_t id = begin(&world, false);
    cr_assert_gt(id, 0);
    cr_assert_eq(fetch_sessions_count(&world.sessions), 1);
    struct fetch_turn turn = ask(&world, id, -1, NULL, 0);
    cr_assert_eq(turn.kind, FETCH_SESSIONLESS);
    cr_assert_eq(turn.error, KAFKA_NONE);
    cr_assert_eq(turn.id, 0);
    cr_assert_eq(fetch_sessions_count(&world.sessions), 0);
    world_release(&world);
}

Test(fetch_session, a_full_fetch_with_the_id_of_a_session_ends_that_one)
{
    struct world world;
    world_init(&world, 10);
    int32_t id = begin(&world, false);
    struct fetch_turn turn = ask(&world, id, 0, NULL, 0);
    cr_assert_eq(turn.kind, FETCH_FULL);
    cr_assert_eq(fetch_sessions_count(&world.sessions), 0);
    cr_assert_eq(ask(&world, id, 1, NULL, 0).error, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    world_release(&world);
}

Test(fetch_session, wrong_epochs_and_ids_are_refused_and_change_nothing)
{
    struct world world;
    world_init(&world, 10);
    int32_t id = begin(&world, false);
    struct fetch_want more = want("b", 5, 0);
    cr_assert_eq(ask(&world, id, 2, &more, 1).error, KAFKA_INVALID_FETCH_SESSION_EPOCH);
    cr_assert_eq(ask(&world, id + 1, 1, &more, 1).error, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    struct fetch_sessions_ask by_id = {.id = id, .epoch = 1, .by_id = true, .now = world.now};
    cr_assert_eq(fetch_session_ask(&world.sessions, &by_id).error,
                 KAFKA_FETCH_SESSION_TOPIC_ID_ERROR);
    struct fetch_turn turn = ask(&world, id, 1, NULL, 0);
    cr_assert_eq(turn.error, KAFKA_NONE);
    cr_assert_eq(fetch_session_size(&world.sessions, &turn), 2);
    world_release(&world);
}

Test(fetch_session, requests_change_partitions_and_positions)
{
    struct world world;
    world_init(&world, 10);
    int32_t id = begin(&world, false);
    struct fetch_want changed[] = {want("a", 1, 77), want("b", 0, 5)};
    struct fetch_want gone = want("a", 0, 0);
    struct fetch_sessions_ask question = {.id = id,
                                          .epoch = 1,
                                          .now = world.now,
                                          .wants = changed,
                                          .want_count = 2,
                                          .forgotten = &gone,
                                          .forgotten_count = 1};
    struct fetch_turn turn = fetch_session_ask(&world.sessions, &question);
    cr_assert_eq(turn.kind, FETCH_INCREMENTAL);
    cr_assert_eq(turn.id, id);
    struct fetch_want now[2];
    cr_assert_eq(fetch_session_size(&world.sessions, &turn), 2);
    fetch_session_wants(&world.sessions, &turn, now);
    cr_assert_eq(now[0].index, 1);
    cr_assert_eq(now[0].fetch_offset, 77);
    cr_assert(slice_eq(now[1].topic, slice_str("b")));
    cr_assert_eq(now[1].fetch_offset, 5);
    world_release(&world);
}

Test(fetch_session, a_session_without_partitions_ends)
{
    struct world world;
    world_init(&world, 10);
    int32_t id = begin(&world, false);
    struct fetch_want gone[] = {want("a", 0, 0), want("a", 1, 0)};
    struct fetch_sessions_ask question = {
        .id = id, .epoch = 1, .now = world.now, .forgotten = gone, .forgotten_count = 2};
    struct fetch_turn turn = fetch_session_ask(&world.sessions, &question);
    cr_assert_eq(turn.kind, FETCH_SESSIONLESS);
    cr_assert_eq(turn.error, KAFKA_NONE);
    cr_assert_eq(fetch_sessions_count(&world.sessions), 0);
    world_release(&world);
}

Test(fetch_session, only_news_are_told)
{
    struct world world;
    world_init(&world, 10);
    int32_t id = begin(&world, false);
    struct fetch_turn turn = ask(&world, id, 1, NULL, 0);
    cr_assert_not(tells(&world, &turn, 0, quiet));
    cr_assert(tells(&world, &turn, 0, (struct fetch_told){.high_watermark = 11}));
    cr_assert_not(tells(&world, &turn, 0, (struct fetch_told){.high_watermark = 11}));
    cr_assert(tells(&world, &turn, 0, (struct fetch_told){.high_watermark = 11, .log_start = 3}));
    cr_assert(tells(&world, &turn, 0,
                    (struct fetch_told){.high_watermark = 11, .log_start = 3, .diverging = true}));
    cr_assert_not(
        tells(&world, &turn, 0, (struct fetch_told){.high_watermark = 11, .log_start = 3}));
    world_release(&world);
}

Test(fetch_session, errors_are_told_each_time_and_their_end_once)
{
    struct world world;
    world_init(&world, 10);
    int32_t id = begin(&world, false);
    struct fetch_turn turn = ask(&world, id, 1, NULL, 0);
    struct fetch_told error = {.error = KAFKA_NOT_LEADER_OR_FOLLOWER, .high_watermark = -1};
    cr_assert(tells(&world, &turn, 1, error));
    cr_assert(tells(&world, &turn, 1, error));
    cr_assert(tells(&world, &turn, 1, quiet));
    cr_assert_not(tells(&world, &turn, 1, quiet));
    world_release(&world);
}

Test(fetch_session, who_got_records_stands_last)
{
    struct world world;
    world_init(&world, 10);
    int32_t id = begin(&world, false);
    struct fetch_turn turn = ask(&world, id, 1, NULL, 0);
    cr_assert(tells(&world, &turn, 0, (struct fetch_told){.high_watermark = 10, .records = true}));
    struct fetch_want now[2];
    fetch_session_wants(&world.sessions, &turn, now);
    cr_assert_eq(now[0].index, 1);
    cr_assert_eq(now[1].index, 0);
    world_release(&world);
}

Test(fetch_session, a_full_cache_gives_way_only_to_age_and_to_followers)
{
    struct world world;
    world_init(&world, 2);
    int32_t first = begin(&world, false);
    world.now += 10;
    int32_t second = begin(&world, false);
    cr_assert(first > 0 && second > 0 && first != second);
    cr_assert_eq(begin(&world, false), 0, "nobody has been idle for long");
    int32_t follower = begin(&world, true);
    cr_assert_gt(follower, 0);
    cr_assert_eq(ask(&world, first, 1, NULL, 0).error, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    cr_assert_eq(ask(&world, second, 1, NULL, 0).error, KAFKA_NONE);
    world.now += FETCH_SESSION_IDLE_US;
    cr_assert_gt(begin(&world, false), 0, "the oldest was idle for long");
    cr_assert_eq(ask(&world, follower, 1, NULL, 0).error, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    cr_assert_eq(fetch_sessions_count(&world.sessions), 2);
    world_release(&world);
}

Test(fetch_session, without_room_for_any_there_are_none)
{
    struct world world;
    world_init(&world, 0);
    cr_assert_eq(begin(&world, false), 0);
    cr_assert_eq(begin(&world, true), 0);
    world_release(&world);
}

Test(fetch_session, a_random_life_keeps_the_table_in_order)
{
    struct world world;
    struct prng prng;
    int32_t ids[8] = {0};
    int32_t epochs[8] = {0};
    world_init(&world, 4);
    prng_init(&prng, 99);
    for (int i = 0; i < 20000; i++) {
        size_t s = prng_below(&prng, 8);
        struct fetch_want wants[3];
        for (int k = 0; k < 3; k++) {
            wants[k] = want(prng_chance(&prng, 500) ? "x" : "y", (int32_t)prng_below(&prng, 5), i);
        }
        world.now += (time_us)prng_below(&prng, FETCH_SESSION_IDLE_US / 4);
        struct fetch_told told[3] = {quiet, quiet, quiet};
        if (ids[s] == 0 || prng_chance(&prng, 50)) {
            struct fetch_turn turn = ask(&world, ids[s], 0, wants, 3);
            fetch_session_begin(&world.sessions, &turn, world.now, wants, told, 3);
            ids[s] = turn.id;
            epochs[s] = 1;
            continue;
        }
        struct fetch_sessions_ask question = {.id = ids[s],
                                              .epoch = epochs[s],
                                              .now = world.now,
                                              .wants = wants,
                                              .want_count = 1,
                                              .forgotten = wants + 1,
                                              .forgotten_count = 2};
        struct fetch_turn turn = fetch_session_ask(&world.sessions, &question);
        cr_assert(turn.error == KAFKA_NONE || turn.error == KAFKA_FETCH_SESSION_ID_NOT_FOUND);
        epochs[s]++;
        ids[s] = turn.kind == FETCH_INCREMENTAL ? ids[s] : 0;
        fetch_sessions_check(&world.sessions);
    }
    world_release(&world);
}

Test(fetch_session, who_is_sent_elsewhere_is_told_each_time)
{
    struct world world;
    world_init(&world, 10);
    int32_t id = begin(&world, false);
    struct fetch_turn turn = ask(&world, id, 1, NULL, 0);
    struct fetch_told told = {.high_watermark = 10};
    cr_assert_not(tells(&world, &turn, 0, told), "nothing is new");
    told.redirected = true;
    cr_assert(tells(&world, &turn, 0, told));
    cr_assert(tells(&world, &turn, 0, told));
    world_release(&world);
}
