/* What a directory's own files say, where they cannot be read, or are not true of what lies beside them any more. */
#include <criterion/criterion.h>

#include "broker/partition/partition_internal.h"
#include "common/log/offset_checkpoint.h"
#include "common/wire/record_batch.h"
#include "partition_bench.h"

static struct bench bench;

/* Another broker is there by name only. */
static void begin(void)
{
    bench_init(&bench, 2);
    bench_start(&bench, 0);
    bench_create(&bench);
    bench_isr(&bench, 1);
    cr_assert(bench_soon_end(&bench, 0, 0));
}

static void end(void)
{
    bench_release(&bench);
}

TestSuite(dirs, .init = begin, .fini = end);

static void start_without_checkpoints(void)
{
    bench.checkpoint_ms = 3600000;
    bench_start(&bench, 0);
}

/* Without its recovery point what was synced would count as a torn tail where it has rotted, and be cut off. */
Test(dirs, a_checkpoint_that_cannot_be_read_takes_its_directory_offline)
{
    char path[200];
    cr_assert_eq(bench_produce(&bench, 0, -1, 5, 100).base_offset, 0);
    bench_stop(&bench, 0, false);
    cr_assert(bench_shell(&bench, "cd node1 && rm -f " RECOVERY_POINT_FILE
                                  " && mkdir -p " RECOVERY_POINT_FILE "/no-file"));
    (void)snprintf(path, sizeof(path), "%s/another", bench.root);
    bench.other_dir = path;
    bench_start(&bench, 0);
    cr_assert(partitions_dir(bench.nodes[0].table, 0).online);
    cr_assert_not(partitions_dir(bench.nodes[0].table, 1).online);
}

/* What `file` says in the usual directory cannot be understood, after a crash. */
static void damage(const char *file)
{
    char command[400];
    cr_assert_eq(bench_produce(&bench, 0, -1, 5, 100).error, KAFKA_NONE);
    bench_stop(&bench, 0, false);
    (void)snprintf(command, sizeof(command),
                   "cd %s/node1 && printf '0\\n7\\n" BENCH_TOPIC " 0 5\\n' > %s", bench.root, file);
    cr_assert_eq(system(command), 0);
    bench_start(&bench, 0);
}

/* As with Kafka. The other directory serves on. */
Test(dirs, a_checkpoint_that_is_damaged_takes_its_directory_offline)
{
    static const char *const files[] = {"recovery-point-offset-checkpoint",
                                        "log-start-offset-checkpoint"};
    char path[200];
    (void)snprintf(path, sizeof(path), "%s/another", bench.root);
    bench.other_dir = path;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        damage(files[i]);
        cr_assert(partitions_dir(bench.nodes[0].table, 0).online, "%s", files[i]);
        cr_assert_not(partitions_dir(bench.nodes[0].table, 1).online, "%s", files[i]);
        bench_stop(&bench, 0, false);
        char command[400];
        (void)snprintf(command, sizeof(command), "rm %s/node1/%s", bench.root, files[i]);
        cr_assert_eq(system(command), 0);
        bench_start(&bench, 0);
        bench_lead(&bench, 1);
    }
}

/* Nothing is cut by a high watermark, so that nothing is lost with it. */
Test(dirs, a_damaged_high_watermark_is_passed_over)
{
    damage("replication-offset-checkpoint");
    cr_assert(partitions_dir(bench.nodes[0].table, 0).online);
    bench_lead(&bench, 1);
    cr_assert(bench_soon_high_watermark(&bench, 0, 5));
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, 5);
}

/* A log whose opening came to nothing is not called clean with what its core had heard until then. */
Test(dirs, what_was_loaded_in_part_is_not_written_down)
{
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 7, 0).base_offset, 0);
    bench_lead(&bench, 1);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 10).base_offset, 1);
    cr_assert(bench_soon_idle(&bench, 0));
    struct partition *p = bench_partition(&bench, 0);
    partition_enter(p);
    partition_halt(p, PARTITION_OFFLINE, KAFKA_KAFKA_STORAGE_ERROR);
    replica_begin_anew(&p->core);
    partition_leave(p);
    partition_drop(p);
    bench_stop(&bench, 0, true);
    bench_start(&bench, 0);
    cr_assert_eq(partitions_dir(bench.nodes[0].table, 0).state, LOG_DIR_CRASHED_THIS_BOOT);
    bench_lead(&bench, 1);
    cr_assert(bench_soon_high_watermark(&bench, 0, 2));
    struct produce_ticket again = bench_produce_as(&bench, 0, -1, 7, 0);
    cr_assert(again.duplicate);
    cr_assert_eq(again.base_offset, 0);
}

static void set_epoch_count(struct partition *p, uint32_t count, uint32_t *ret_before)
{
    partition_enter(p);
    *ret_before = p->core.epochs.count;
    p->core.epochs.count = count;
    partition_chore(p, CHORE_EPOCHS);
    partition_leave(p);
    cr_assert(bench_soon_idle(&bench, 0));
}

/* Below the recovery point the epoch file is believed, so the one that found no room (here: in memory) is written before. */
Test(dirs, no_recovery_point_is_told_before_the_epochs_are_noted)
{
    uint32_t count;
    uint32_t ignored;
    bench_stop(&bench, 0, true);
    start_without_checkpoints();
    bench_lead(&bench, 1);
    cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).error, KAFKA_NONE);
    cr_assert(bench_soon_idle(&bench, 0));
    struct partition *p = bench_partition(&bench, 0);
    struct point point = {.p = p};
    set_epoch_count(p, 1u << 28, &count);
    cr_assert(upkeep_point_take(&point));
    set_epoch_count(p, count, &ignored);
    cr_assert_not(point.recovery.proven);
    cr_assert_lt(point.recovery.offset, 3);
    cr_assert(upkeep_point_take(&point));
    cr_assert(point.recovery.proven);
    cr_assert_eq(point.recovery.offset, 3);
    cr_assert_eq(atomic_load(&bench.nodes[0].dirs_failed), 0);
    partition_drop(p);
}

static int32_t last_epoch(struct partition *p)
{
    uint32_t count;
    partition_enter(p);
    const struct epoch_entry *entries = replica_epochs(&p->core, &count);
    int32_t last = count == 0 ? NO_EPOCH : entries[count - 1].epoch;
    lock_leave(p->lock);
    return last;
}

/* The leader, elected uncleanly, has another log than ours from 1 on. */
static void leave_leader_at_one(struct partition *p)
{
    struct replica_fetched fetched = {.leader_epoch = bench.partition.leader_epoch,
                                      .fetch_offset = 6,
                                      .last_fetched_epoch = last_epoch(p),
                                      .high_watermark = -1,
                                      .diverging_epoch = 0,
                                      .diverging_end = 1};
    cr_assert_eq(partition_fetched(p, &fetched, NULL), KAFKA_NONE);
    cr_assert_eq(bench_facts(&bench, 0).log_end, 1);
}

/* ... and sends two records of it. */
static void fetch_two(struct partition *p)
{
    size_t n = 0;
    uint8_t *batch = bench_batch(-1, -1, 2, 100, &n);
    struct batch_header header;
    batch_stamp(batch, 1, bench.partition.leader_epoch);
    cr_assert_eq(batch_parse(slice_of(batch, n), &header), OK);
    struct batch_facts facts = batch_facts(&header);
    struct batch_receipt receipt = receipt_of(&facts);
    struct slice slice = slice_of(batch, n);
    struct replica_fetched fetched = {.leader_epoch = bench.partition.leader_epoch,
                                      .fetch_offset = 1,
                                      .last_fetched_epoch = last_epoch(p),
                                      .high_watermark = -1,
                                      .diverging_epoch = NO_EPOCH,
                                      .receipt_count = 1,
                                      .receipts = &receipt,
                                      .producers_asked = true};
    cr_assert_eq(partition_fetched(p, &fetched, &slice), KAFKA_NONE);
    free(batch);
}

static void produce_six(void)
{
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, i);
    }
}

/* It is led by the other one, and has three records when that is done. */
static void follow_another_log(void)
{
    struct partition *p = bench_partition(&bench, 0);
    bench_lead(&bench, -1); /* who leads would take the other one out again */
    bench_isr(&bench, 3);
    bench_lead(&bench, 2);
    leave_leader_at_one(p);
    fetch_two(p);
    partition_drop(p);
}

static void crash_with_three(void)
{
    cr_assert(bench_soon_durable(&bench, 0, 3));
    bench_stop(&bench, 0, false);
    start_without_checkpoints();
    cr_assert_eq(bench_facts(&bench, 0).log_end, 3);
}

Test(dirs, a_log_that_began_anew_below_its_noted_start_is_there_after_a_crash)
{
    produce_six();
    cr_assert_eq(bench_delete_below(&bench, 0, 4), KAFKA_NONE);
    cr_assert(bench_soon_noted(&bench, 0, LOG_START_FILE, 4));
    bench_stop(&bench, 0, false);
    start_without_checkpoints();
    cr_assert_eq(bench_facts(&bench, 0).log_start, 4);
    follow_another_log();
    crash_with_three();
    cr_assert_eq(bench_facts(&bench, 0).log_start, 1);
}

static bool opened_again(void *arg)
{
    struct partition *p = bench_partition(&bench, 0);
    partition_enter(p);
    bool again = p->state == PARTITION_OPEN && p->openings > *(uint32_t *)arg;
    lock_leave(p->lock);
    partition_drop(p);
    return again;
}

/* A start was taken for the checkpoint, and stands in it before anybody has heard so; meanwhile the log was opened again, below it. */
static void rest_while_start_is_noted(struct partition *p)
{
    struct point point = {.p = p};
    cr_assert(upkeep_point_take(&point));
    cr_assert_eq(point.log_start, 4);
    partition_enter(p);
    uint32_t openings = p->openings;
    partition_rest(p, "a test");
    partition_leave(p);
    cr_assert(bench_soon(opened_again, &openings));
    cr_assert(
        bench_shell(&bench, "printf '0\\n1\\n" BENCH_TOPIC " 0 4\\n' > node1/" LOG_START_FILE));
    upkeep_point_saved(&point);
    cr_assert_eq(bench_facts(&bench, 0).log_start, 0);
}

Test(dirs, a_log_that_was_cut_below_a_start_that_may_be_noted_is_there_after_a_crash)
{
    produce_six();
    bench_stop(&bench, 0, true);
    start_without_checkpoints();
    bench_lead(&bench, 1);
    cr_assert(bench_soon_high_watermark(&bench, 0, 6));
    struct partition *p = bench_partition(&bench, 0);
    cr_assert_eq(bench_delete_below(&bench, 0, 4), KAFKA_NONE);
    cr_assert(bench_soon_idle(&bench, 0));
    rest_while_start_is_noted(p);
    partition_drop(p);
    follow_another_log();
    crash_with_three();
}
