#include <criterion/criterion.h>

#include "controller/raft/raft.h"

static uint8_t block_bytes[1 << 20] __attribute__((aligned(16)));
static struct heap heap;
static struct memory_block block;
static struct memory_source source;

static void with_heap(void)
{
    block = (struct memory_block){block_bytes, sizeof(block_bytes), 0};
    source = memory_block_source(&block);
    heap_init(&heap, &source, sizeof(block_bytes));
}

static struct raft_node node(int32_t id)
{
    return (struct raft_node){.id = id, .directory = {{(uint8_t)(id + 1)}}};
}

static struct raft_durable_state formed(void)
{
    return (struct raft_durable_state){
        .voted_for = RAFT_NOBODY,
        .snapshot = {.voters = {.count = 3, .node = {node(1), node(2), node(3)}}},
        .first_index = 1};
}

Test(raft_init, starts_as_a_patient_follower, .init = with_heap)
{
    struct raft_config config;
    raft_config_defaults(&config, node(1));
    struct raft_durable_state state = formed();
    struct raft raft;
    cr_assert_eq(raft_init(&raft, &config, &state, &heap, 7, 1000), OK);
    cr_assert_eq(raft_role_now(&raft), RAFT_FOLLOWER);
    cr_assert_eq(raft_leader(&raft).id, RAFT_NO_ID);
    cr_assert_geq(raft.follower.campaign_at, 1000 + config.election_min_ms);
    cr_assert_leq(raft.follower.campaign_at, 1000 + config.election_max_ms);
    cr_assert_eq(raft_voters_now(&raft)->count, 3);
    raft_release(&raft);
    cr_assert_eq(heap.live, 0);
}

/* Kafka's default of controller.quorum.election.timeout.ms is 1,000: a leader that resigned sooner than that was no valid one, and a
 * controller with that in its file did not start. */
Test(raft_init, takes_any_election_time_out, .init = with_heap)
{
    static const int32_t least_ms[] = {10, 149, 150, 451, 600, 1000, 5000, 100000};
    for (size_t i = 0; i < sizeof(least_ms) / sizeof(least_ms[0]); i++) {
        struct raft_config config;
        struct raft_durable_state state = formed();
        struct raft raft;
        raft_config_defaults(&config, node(1));
        raft_config_elections(&config, least_ms[i], 2 * least_ms[i], 2000);
        cr_assert_eq(raft_init(&raft, &config, &state, &heap, 1, 0), OK, "%d", least_ms[i]);
        cr_assert_geq(config.resign_ms, config.election_max_ms);
        cr_assert_geq(config.backoff_max_ms, config.election_max_ms);
        raft_release(&raft);
    }
}

Test(raft_init, a_node_outside_the_voter_set_never_campaigns, .init = with_heap)
{
    struct raft_config config;
    raft_config_defaults(&config, node(4));
    struct raft_durable_state state = formed();
    struct raft raft;
    cr_assert_eq(raft_init(&raft, &config, &state, &heap, 7, 0), OK);
    cr_assert_eq(raft.follower.campaign_at, TIME_NEVER);
    raft_release(&raft);
    /* The same id with another directory is another node. */
    config.self = node(3);
    config.self.directory.b[9] = 1;
    cr_assert_eq(raft_init(&raft, &config, &state, &heap, 7, 0), OK);
    cr_assert_eq(raft.follower.campaign_at, TIME_NEVER);
    raft_release(&raft);
}

Test(raft_init, takes_up_log_and_voter_sets, .init = with_heap)
{
    struct raft_config config;
    raft_config_defaults(&config, node(1));
    struct raft_durable_state state = formed();
    struct raft_run runs[] = {{1, 3}, {4, 2}, {4, 1}, {9, 5}};
    struct raft_voters_entry change = {.index = 9, .voters = {.count = 1, .node = {node(1)}}};
    state.term = 9;
    state.voted_for = node(2);
    state.runs = runs;
    state.run_count = 4;
    state.voters = &change;
    state.voters_count = 1;
    struct raft raft;
    cr_assert_eq(raft_init(&raft, &config, &state, &heap, 7, 0), OK);
    cr_assert_eq(raft_last_index(&raft), 11);
    cr_assert_eq(raft_term_at(&raft, 0), 0);
    cr_assert_eq(raft_term_at(&raft, 3), 1);
    cr_assert_eq(raft_term_at(&raft, 4), 4);
    cr_assert_eq(raft_term_at(&raft, 6), 4);
    cr_assert_eq(raft_term_at(&raft, 7), 9);
    cr_assert_eq(raft_term_at(&raft, 12), -1);
    cr_assert_eq(raft_commit_index(&raft), 0);
    cr_assert_eq(raft_voters_at(&raft, 8)->count, 3);
    cr_assert_eq(raft_voters_at(&raft, 9)->count, 1);
    cr_assert_eq(raft_log_agreement(&raft.log, 11, 8), 6);
    cr_assert_eq(raft_log_agreement(&raft.log, 5, 3), 3);
    raft_release(&raft);
    cr_assert_eq(heap.live, 0);
}

Test(raft_init, refuses_a_state_that_contradicts_itself, .init = with_heap)
{
    struct raft_config config;
    raft_config_defaults(&config, node(1));
    struct raft raft;
    struct raft_run descending[] = {{3, 1}, {2, 1}};
    struct raft_durable_state state = formed();
    state.term = 3;
    state.runs = descending;
    state.run_count = 2;
    cr_assert_eq(raft_init(&raft, &config, &state, &heap, 7, 0), ERR_CORRUPT);
    state.run_count = 1;
    state.term = 2; /* an entry of a term that was never begun */
    cr_assert_eq(raft_init(&raft, &config, &state, &heap, 7, 0), ERR_CORRUPT);
    state.term = 3;
    state.snapshot.index = 5; /* the log ends before the snapshot */
    state.snapshot.term = 3;
    cr_assert_eq(raft_init(&raft, &config, &state, &heap, 7, 0), ERR_CORRUPT);
    state.snapshot.index = 1;
    state.snapshot.term = 2; /* and here it differs from it */
    cr_assert_eq(raft_init(&raft, &config, &state, &heap, 7, 0), ERR_CORRUPT);
    state.snapshot.term = 3;
    cr_assert_eq(raft_init(&raft, &config, &state, &heap, 7, 0), OK);
    raft_release(&raft);
    config.election_max_ms = 100;
    cr_assert_eq(raft_init(&raft, &config, &state, &heap, 7, 0), ERR_INVALID);
    cr_assert_eq(heap.live, 0);
}
