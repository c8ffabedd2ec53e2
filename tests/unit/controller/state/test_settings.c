#include <criterion/criterion.h>
#include "controller/state/controller_state.h"

Test(controller_settings, defaults_are_those_of_the_design)
{
    struct controller_settings settings = controller_settings_default();
    cr_assert_eq(settings.session_timeout_ms, 1500);
    cr_assert_eq(settings.suspicion_fences, 3);
    cr_assert_eq(settings.suspicion_window_ms, 60 * 1000);
    cr_assert(settings.defaults.durability_disk);
    cr_assert_not(settings.defaults.unclean_leader_election);
}

Test(controller_settings, a_decision_starts_empty)
{
    static uint8_t memory[4096];
    struct memory_block block = {.p = memory, .n = sizeof(memory)};
    struct memory_source source = memory_block_source(&block);
    struct arena arena;
    arena_init(&arena, &source, 1024, sizeof(memory));
    struct decision decision;
    memset(&decision, 0xAA, sizeof(decision));
    decision_start(&decision, &arena);
    cr_assert_eq(decision.arena, &arena);
    cr_assert_eq(decision.batch.count, 0);
    cr_assert_eq(decision.cursor.phase, 0);
    cr_assert_not(decision.more);
}
