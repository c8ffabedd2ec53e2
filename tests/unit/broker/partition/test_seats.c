/* A broker with two log directories: how each was left, and which of them holds a replica. */
#include <criterion/criterion.h>

#include "broker/partition/partition_internal.h"
#include "common/log/clean_shutdown.h"
#include "partition_bench.h"

static struct bench bench;
static char other[200]; /* the second directory: before the usual one */

static void begin(void)
{
    bench_init(&bench, 1);
    (void)snprintf(other, sizeof(other), "%s/other", bench.root);
    bench_start(&bench, 0);
    bench_create(&bench);
    cr_assert(bench_soon_end(&bench, 0, 0));
}

static void end(void)
{
    bench_release(&bench);
}

TestSuite(seats, .init = begin, .fini = end);

/* It is started again with the second one; whose id. */
static struct uuid start_with_other(void)
{
    bench_stop(&bench, 0, true);
    bench.other_dir = other;
    bench_start(&bench, 0);
    return partitions_dir(bench.nodes[0].table, 0).id;
}

/* Of how a broker ended its directories say one epoch: of those that were closed in order, for others have nothing to say. With none, none
 * of them counts as closed in order, and what was not synced loses its seats. */
Test(seats, a_new_directory_does_not_make_the_others_look_crashed)
{
    (void)start_with_other();
    cr_assert_eq(partitions_dir(bench.nodes[0].table, 0).state, LOG_DIR_NEW);
    cr_assert_eq(partitions_dir(bench.nodes[0].table, 1).state, LOG_DIR_CLEAN);
    int64_t epoch = partitions_previous_epoch(bench.nodes[0].table);
    cr_assert_geq(epoch, 0);
    bench_stop(&bench, 0, true);
    bench_start(&bench, 0);
    cr_assert_gt(partitions_previous_epoch(bench.nodes[0].table), epoch);
    bench_stop(&bench, 0, true);
    /* Its device was away at the end. */
    cr_assert(bench_shell(&bench, "rm other/" CLEAN_SHUTDOWN_FILE));
    bench_start(&bench, 0);
    cr_assert_eq(partitions_dir(bench.nodes[0].table, 0).state, LOG_DIR_CRASHED_THIS_BOOT);
    cr_assert_geq(partitions_previous_epoch(bench.nodes[0].table), 0);
    bench_stop(&bench, 0, true);
}

/* Its device was away for the whole of the last life: that one's directories are closed in order all the same. */
static void away_for_a_life(const char *folder, uint32_t away, uint32_t stays)
{
    bench_stop(&bench, 0, true);
    cr_assert(bench_shell(&bench, "cp %s/" CLEAN_SHUTDOWN_FILE " earlier", folder));
    bench_start(&bench, 0);
    int64_t last = bench.epochs[0];
    bench_stop(&bench, 0, true);
    cr_assert(bench_shell(&bench, "mv earlier %s/" CLEAN_SHUTDOWN_FILE, folder));
    bench_start(&bench, 0);
    cr_assert_eq(partitions_previous_epoch(bench.nodes[0].table), last);
    cr_assert_eq(partitions_dir(bench.nodes[0].table, away).state, LOG_DIR_CRASHED_OTHER_BOOT);
    cr_assert_eq(partitions_dir(bench.nodes[0].table, stays).state, LOG_DIR_CLEAN);
}

Test(seats, a_directory_of_an_earlier_life_does_not_make_the_others_look_crashed)
{
    (void)start_with_other();
    away_for_a_life("other", 0, 1);
    away_for_a_life("node1", 1, 0);
}

/* The machine was booted, and whoever began there found no controller, or no port: nothing was written, and what had been closed in
 * order counted as crashed, so that what was not synced lost its seats. */
Test(seats, who_dies_before_it_has_registered_leaves_directories_as_they_were)
{
    bench_stop(&bench, 0, true);
    bench_glimpse(&bench, 0);
    cr_assert(bench_shell(&bench, "rm node1/boot-id"));
    bench_start(&bench, 0);
    cr_assert_eq(partitions_dir(bench.nodes[0].table, 0).state, LOG_DIR_CLEAN);
    cr_assert_geq(partitions_previous_epoch(bench.nodes[0].table), 0);
    bench_stop(&bench, 0, false);
    bench_glimpse(&bench, 0);
    bench_start(&bench, 0);
    cr_assert_eq(partitions_dir(bench.nodes[0].table, 0).state, LOG_DIR_CRASHED_THIS_BOOT);
}

/* The device of a directory was away, the replica was made anew in another directory, and got the seat. When the device is back there are
 * two folders: what counts was set aside, and what it had held long ago was opened, and led. */
Test(seats, the_folder_in_the_directory_of_its_seat_is_opened)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).base_offset, 0);
    struct uuid seat = start_with_other();
    bench_stop(&bench, 0, true);
    cr_assert(bench_shell(&bench, "cp -r node1/" BENCH_TOPIC "-0 before"));
    bench_start(&bench, 0);
    cr_assert_eq(bench_produce(&bench, 0, -1, 2, 100).base_offset, 3);
    bench_stop(&bench, 0, true);
    cr_assert(bench_shell(&bench,
                          "mv node1/" BENCH_TOPIC "-0 other && mv before node1/" BENCH_TOPIC "-0"));
    bench.partition.replicas[0].dir = seat;
    bench_start(&bench, 0);
    struct partition_facts facts = bench_facts(&bench, 0);
    cr_assert_eq(facts.log_end, 5);
    cr_assert(uuid_eq(facts.dir, seat));
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, 5);
    size_t n;
    int64_t reached;
    free(bench_read(&bench, 0, 0, &n, &reached));
    cr_assert_eq(reached, 6);
    cr_assert(bench_shell(&bench, "ls -d node1/*-stray"));
    cr_assert_not(bench_shell(&bench, "ls -d other/*-stray"));
}

/* What lies elsewhere than its seat says is not what the controllers elect. */
Test(seats, who_is_found_in_another_directory_waits_for_its_seat)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).base_offset, 0);
    struct uuid seat = start_with_other();
    bench_stop(&bench, 0, true);
    bench.partition.replicas[0].dir = seat;
    atomic_store(&bench.nodes[0].homeless, true);
    atomic_store(&bench.nodes[0].assigned, 0);
    bench_start(&bench, 0);
    cr_assert(bench_soon_told(&bench.nodes[0].assigned)); /* where it is */
    cr_assert_not(bench_facts(&bench, 0).leader);
    cr_assert_eq(bench_produce(&bench, 0, 1, 1, 100).error, KAFKA_NOT_LEADER_OR_FOLLOWER);
    bench_place(&bench, 0);
    bench_lead(&bench, 1); /* it had no seat to lead by until then */
    cr_assert(bench_facts(&bench, 0).leader);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, 3);
}

/* The broker halted, and said that its directories belong to another cluster. */
Test(seats, a_directory_that_cannot_note_the_boot_fails_alone)
{
    bench_stop(&bench, 0, true);
    cr_assert(bench_shell(&bench, "mkdir -p other/boot-id/in-the-way"));
    bench.other_dir = other;
    bench_start(&bench, 0);
    cr_assert_not(partitions_dir(bench.nodes[0].table, 0).online);
    cr_assert(partitions_dir(bench.nodes[0].table, 1).online);
    cr_assert_eq(atomic_load(&bench.nodes[0].dirs_failed), 1);
    cr_assert(bench_soon_end(&bench, 0, 0));
}

/* What nobody else has may lie in a directory that could not be opened: made anew in the other one it would be empty, and the seat gone. */
Test(seats, what_may_lie_in_a_directory_that_cannot_be_opened_is_not_made_anew)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).base_offset, 0);
    struct uuid seat = start_with_other();
    bench_stop(&bench, 0, true);
    cr_assert(
        bench_shell(&bench, "mv node1/" BENCH_TOPIC "-0 other && mv other away && touch other"));
    bench.partition.replicas[0].dir = seat;
    bench_start(&bench, 0);
    cr_assert_not(partitions_dir(bench.nodes[0].table, 0).online);
    cr_assert_not(bench_shell(&bench, "ls -d node1/" BENCH_TOPIC "-0"));
    bench_stop(&bench, 0, true);
    cr_assert(bench_shell(&bench, "rm other && mv away other"));
    bench_start(&bench, 0);
    cr_assert_eq(bench_facts(&bench, 0).log_end, 3);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, 3);
}
