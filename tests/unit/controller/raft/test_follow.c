#include <criterion/criterion.h>

#include "controller/raft/raft.h"

static uint8_t block_bytes[1 << 20] __attribute__((aligned(16)));
static struct heap heap;
static struct memory_block block;
static struct memory_source source;
static struct raft raft;
static struct raft_actions actions;

static struct raft_node node(int32_t id)
{
    return (struct raft_node){.id = id, .directory = {{(uint8_t)(id + 1)}}};
}

static const struct raft_voters of_three = {.count = 3,
                                            .node = {{.id = 1, .directory = {{2}}},
                                                     {.id = 2, .directory = {{3}}},
                                                     {.id = 3, .directory = {{4}}}}};

/* Node 1 with one entry of term 1, which takes it out of the voters. */
static void with_a_set_at_one(void)
{
    block = (struct memory_block){block_bytes, sizeof(block_bytes), 0};
    source = memory_block_source(&block);
    heap_init(&heap, &source, sizeof(block_bytes));
    struct raft_config config;
    struct raft_run run = {1, 1};
    struct raft_voters_entry without = {.index = 1,
                                        .voters = {.count = 2, .node = {node(2), node(3)}}};
    struct raft_durable_state state = {.term = 1,
                                       .voted_for = RAFT_NOBODY,
                                       .snapshot = {.voters = of_three},
                                       .first_index = 1,
                                       .runs = &run,
                                       .run_count = 1,
                                       .voters = &without,
                                       .voters_count = 1};
    raft_config_defaults(&config, node(1));
    cr_assert_eq(raft_init(&raft, &config, &state, &heap, 7, 0), OK);
}

static const struct raft_action *told(enum raft_action_kind kind)
{
    for (uint32_t i = 0; i < actions.count; i++) {
        if (actions.at[i].kind == kind) {
            return &actions.at[i];
        }
    }
    return NULL;
}

static void receive(const struct raft_message *message)
{
    struct raft_event event = {.kind = RAFT_EV_RECEIVE, .now = 10, .message = message};
    raft_step(&raft, &event, &actions);
    raft_check(&raft);
}

Test(raft_follow, a_set_that_replaces_another_at_its_index_is_told, .init = with_a_set_at_one)
{
    struct raft_run run = {2, 1};
    struct raft_voters_entry all = {.index = 1, .voters = of_three};
    struct raft_message message = {.kind = RAFT_APPEND, .from = node(2), .to = node(1), .term = 2};
    message.append = (struct raft_append){.request = 1,
                                          .first = 1,
                                          .last = 1,
                                          .runs = &run,
                                          .run_count = 1,
                                          .voters = &all,
                                          .voters_count = 1};
    receive(&message);
    const struct raft_action *store = told(RAFT_STORE);
    const struct raft_action *voters = told(RAFT_VOTERS_NOW);
    cr_assert_not_null(store);
    cr_assert_eq(store->store.truncate_from, 1);
    cr_assert_not_null(voters, "the set in force has changed");
    cr_assert_eq(voters->voters.voters.count, 3);
    cr_assert_eq(voters->voters.index, 1);
    raft_release(&raft);
}

Test(raft_follow, an_installed_snapshot_is_told_once_it_is_durable, .init = with_a_set_at_one)
{
    struct raft_message chunk = {
        .kind = RAFT_SEND_SNAPSHOT, .from = node(2), .to = node(1), .term = 2};
    chunk.chunk = (struct raft_chunk){.request = 1,
                                      .snapshot = {.index = 9, .term = 2, .voters = of_three},
                                      .bytes = 5,
                                      .last = true};
    receive(&chunk);
    const struct raft_action *install = told(RAFT_INSTALL);
    cr_assert_not_null(install);
    uint64_t write = install->write;
    cr_assert_eq(told(RAFT_SEND)->after_write, write);
    /* The leader asks again, once with the snapshot and once with an append: no word before the write is durable. */
    receive(&chunk);
    cr_assert_not_null(told(RAFT_SEND));
    cr_assert_geq(told(RAFT_SEND)->after_write, write);
    struct raft_message append = {.kind = RAFT_APPEND, .from = node(2), .to = node(1), .term = 2};
    append.append = (struct raft_append){
        .request = 2, .prev_index = 9, .prev_term = 2, .first = 10, .last = 9, .commit = 9};
    receive(&append);
    cr_assert_eq(told(RAFT_SEND)->message.append_answer.match, 9);
    cr_assert_geq(told(RAFT_SEND)->after_write, write);
    struct raft_event written = {.kind = RAFT_EV_WRITTEN, .now = 10, .write = raft.write};
    raft_step(&raft, &written, &actions);
    receive(&append);
    cr_assert_eq(told(RAFT_SEND)->after_write, 0);
    raft_release(&raft);
}
