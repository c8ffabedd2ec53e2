/* One broker: what is written is read, survives restarts of both kinds, and goes when it should. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "broker/partition/partition_internal.h"
#include "common/log/offset_checkpoint.h"
#include "partition_bench.h"

static struct bench bench;

static void begin(void)
{
    bench_init(&bench, 1);
    bench_start(&bench, 0);
    bench_create(&bench);
    cr_assert(bench_soon_end(&bench, 0, 0));
}

static void end(void)
{
    bench_release(&bench);
}

TestSuite(partition, .init = begin, .fini = end);

static void check_read(int64_t from, int64_t end_offset)
{
    size_t n;
    int64_t reached;
    uint8_t *bytes = bench_read(&bench, 0, from, &n, &reached);
    cr_assert_eq(reached, end_offset);
    free(bytes);
}

Test(partition, batches_get_consecutive_offsets_and_are_read_back)
{
    for (int i = 0; i < 10; i++) {
        struct produce_ticket ticket = bench_produce(&bench, 0, -1, 3, 100);
        cr_assert_eq(ticket.error, KAFKA_NONE);
        cr_assert_eq(ticket.base_offset, 3 * i);
        cr_assert_eq(ticket.log_start_offset, 0);
        cr_assert_eq(ticket.log_append_time_ms, -1);
    }
    struct partition_facts facts = bench_facts(&bench, 0);
    cr_assert(facts.leader && facts.online);
    cr_assert_eq(facts.high_watermark, 30);
    cr_assert_eq(facts.durable_end, 30, "an ack means disk");
    check_read(0, 30);
    check_read(17, 30);
}

Test(partition, acks_one_and_zero_are_answered_at_once_and_are_durable_soon)
{
    struct produce_ticket one = bench_produce(&bench, 0, 1, 1, 10);
    cr_assert_eq(one.error, KAFKA_NONE);
    cr_assert_eq(one.base_offset, 0);
    struct produce_ticket none = bench_produce(&bench, 0, 0, 1, 10);
    cr_assert_eq(none.error, KAFKA_NONE);
    cr_assert(bench_soon_high_watermark(&bench, 0, 2));
    check_read(0, 2);
}

Test(partition, a_duplicate_has_the_offset_of_its_original)
{
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 7, 0).base_offset, 0);
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 7, 1).base_offset, 1);
    struct produce_ticket again = bench_produce_as(&bench, 0, -1, 7, 0);
    cr_assert_eq(again.error, KAFKA_NONE);
    cr_assert(again.duplicate);
    cr_assert_eq(again.base_offset, 0);
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 7, 5).error, KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    check_read(0, 2);
}

static void restart(bool clean, enum dir_state state)
{
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 7, 0).base_offset, 0);
    for (int i = 1; i < 40; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 2, 1000).base_offset, 2 * i - 1);
    }
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 7, 1).base_offset, 79);
    struct uuid dir = bench.dirs[0];
    bench_stop(&bench, 0, clean);
    bench_start(&bench, 0);
    cr_assert_eq(partitions_dir(bench.nodes[0].table, 0).state, state);
    cr_assert(uuid_eq(bench.dirs[0], dir));
    cr_assert_eq(partitions_previous_epoch(bench.nodes[0].table) >= 0, clean);
    cr_assert_eq(bench_facts(&bench, 0).log_end, 80);
    bench_lead(&bench, 1); /* the old epoch's leadership ended with the incarnation */
    cr_assert(bench_soon_high_watermark(&bench, 0, 80));
    check_read(0, 80);
    struct produce_ticket again = bench_produce_as(&bench, 0, -1, 7, 1);
    cr_assert(again.duplicate);
    cr_assert_eq(again.base_offset, 79);
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 7, 2).base_offset, 80);
    cr_assert_eq(atomic_load(&bench.nodes[0].lost), 0);
}

Test(partition, a_clean_stop_keeps_everything_and_says_so)
{
    restart(true, LOG_DIR_CLEAN);
}

Test(partition, a_crash_keeps_what_was_acknowledged_and_who_wrote_it)
{
    restart(false, LOG_DIR_CRASHED_THIS_BOOT);
}

Test(partition, a_deleted_topic_and_one_of_the_same_name_have_nothing_in_common)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 5, 100).base_offset, 0);
    struct partition *old = bench_partition(&bench, 0);
    bench_delete(&bench);
    bench_create(&bench);
    cr_assert(bench_soon_end(&bench, 0, 0));
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, 0);
    struct fetch_part part = {
        .replica_id = -1, .current_leader_epoch = -1, .last_fetched_epoch = -1};
    partition_fetch(old, &part, 1 << 20, true);
    cr_assert_eq(part.error, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    fetch_part_clear(&part);
    partition_drop(old);
    check_read(0, 1);
}

Test(partition, nothing_counts_before_the_image_knows_the_directory)
{
    bench_delete(&bench);
    atomic_store(&bench.nodes[0].assigned, 0);
    atomic_store(&bench.nodes[0].homeless, true);
    bench_create(&bench);
    cr_assert(bench_soon_told(&bench.nodes[0].assigned)); /* once it is open */
    cr_assert_eq(bench_produce(&bench, 0, 1, 3, 100).base_offset, 0);
    cr_assert(bench_soon_durable(&bench, 0, 3));
    cr_assert_eq(bench_facts(&bench, 0).high_watermark, 0);
    bench_place(&bench, 0);
    cr_assert_eq(bench_facts(&bench, 0).high_watermark, 3);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, 3);
}

Test(partition, a_directory_that_is_bad_at_the_start_is_gone_on_without)
{
    char path[200];
    cr_assert_eq(bench_produce(&bench, 0, -1, 5, 100).base_offset, 0);
    bench_stop(&bench, 0, true);
    (void)snprintf(path, sizeof(path), "%s/no-directory", bench.root);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fclose(file), 0);
    bench.other_dir = path;
    bench_start(&bench, 0);
    cr_assert_not(partitions_dir(bench.nodes[0].table, 0).online);
    cr_assert(partitions_dir(bench.nodes[0].table, 1).online);
    cr_assert_geq(partitions_previous_epoch(bench.nodes[0].table), 0); /* it was closed in order */
    check_read(0, 5);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, 5);
    bench_stop(&bench, 0, true);
    bench.other_dir = NULL;
    bench_start(&bench, 0);
    check_read(0, 6);
}

Test(partition, a_folder_that_vanished_is_reported_lost_and_not_made_again)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 5, 100).base_offset, 0);
    cr_assert_eq(atomic_load(&bench.nodes[0].assigned), 1);
    bench_stop(&bench, 0, true);
    cr_assert(bench_shell(&bench, "rm -r node1/" BENCH_TOPIC "-0"));
    bench_start(&bench, 0);
    cr_assert_eq(atomic_load(&bench.nodes[0].lost), 1);
    cr_assert_null(partitions_find(bench.nodes[0].table, bench.topic, 0));
}

static size_t room;

static void take_memory(struct bench_node *node)
{
    room = node->table->map_heap.arena.limit;
    node->table->map_heap.arena.limit = 0;
}

static void give_memory(struct bench_node *node)
{
    CHECK(!node->table->applied); /* it is not over */
    node->table->map_heap.arena.limit = room;
}

Test(partition, a_folder_for_which_there_was_no_memory_is_hosted_later)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 5, 100).base_offset, 0);
    bench_stop(&bench, 0, true);
    bench.opened = take_memory;
    bench.again = give_memory;
    bench_start(&bench, 0); /* until it is ready */
    cr_assert_eq(atomic_load(&bench.nodes[0].short_of_memory), 1);
    check_read(0, 5);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, 5);
    cr_assert_eq(atomic_load(&bench.nodes[0].lost), 0);
    cr_assert_eq(bench_entries(&bench, 0, "-stray"), 0, "nothing was set aside");
}

Test(partition, offsets_are_found_by_meaning_and_by_time)
{
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 4, 100).error,
                     KAFKA_NONE); /* timestamps ..000 to ..003 */
    }
    static const struct {
        int64_t timestamp;
        int64_t offset;
    } rows[] = {{OFFSET_EARLIEST, 0}, {OFFSET_LATEST, 20},       {1700000000000, 0},
                {1700000000002, 2},   {OFFSET_MAX_TIMESTAMP, 3}, {0, 0},
                {1700000000004, -1}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct offset_question question = {.timestamp_ms = rows[i].timestamp,
                                           .current_leader_epoch = -1};
        bench_find_offset(&bench, 0, &question);
        cr_assert_eq(question.error, KAFKA_NONE);
        cr_assert_eq(question.offset, rows[i].offset, "timestamp %lld gives %lld",
                     (long long)rows[i].timestamp, (long long)question.offset);
    }
    int32_t epoch;
    int64_t end_offset;
    struct partition *p = bench_partition(&bench, 0);
    cr_assert_eq(partition_epoch_end(p, -1, 0, &epoch, &end_offset), KAFKA_NONE);
    cr_assert_eq(epoch, 0);
    cr_assert_eq(end_offset, 20);
    cr_assert_eq(partition_epoch_end(p, 5, 0, &epoch, &end_offset), KAFKA_UNKNOWN_LEADER_EPOCH);
    partition_drop(p);
}

static bool files_gone(void *arg)
{
    (void)arg;
    return bench_facts(&bench, 0).log_start > 0 && bench_facts(&bench, 0).bytes <= 80000;
}

Test(partition, old_segments_go_when_the_log_is_too_large)
{
    bench.settings.segment_bytes = 20000;
    bench.settings.retention_bytes = 50000;
    bench_lead(&bench, 1); /* brings the settings along */
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, 9000).base_offset, i);
    }
    cr_assert(bench_soon(files_gone, NULL));
    struct partition_facts facts = bench_facts(&bench, 0);
    check_read(facts.log_start, 20);
    /* The files that went may be those of a start before. */
    cr_assert(bench_soon_noted(&bench, 0, LOG_START_FILE, facts.log_start));
    bench_stop(&bench, 0, false);
    bench_start(&bench, 0);
    bench_lead(&bench, 1);
    cr_assert_geq(bench_facts(&bench, 0).log_start, facts.log_start);
    cr_assert_eq(bench_facts(&bench, 0).log_end, 20);
}

static bool all_gone(void *arg)
{
    (void)arg;
    return bench_facts(&bench, 0).bytes == 0;
}

/* What expired goes from the disk though nobody writes any more, who would have the new segment's name synced. */
Test(partition, a_log_that_expired_goes_though_it_is_idle)
{
    bench.settings.retention_ms = 1;
    bench_lead(&bench, 1);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 9000).base_offset, 0);
    cr_assert(bench_soon(all_gone, NULL));
    cr_assert_eq(bench_facts(&bench, 0).log_start, 1);
    cr_assert_eq(bench_facts(&bench, 0).log_end, 1);
}

static bool deleted_are(void *arg)
{
    return bench_entries(&bench, 0, "-delete") == *(int *)arg;
}

Test(partition, what_goes_waits_for_the_delay)
{
    int none = 0;
    int one = 1;
    bench.settings.segment_bytes = 20000;
    bench.settings.retention_bytes = 50000;
    bench.settings.file_delete_delay_ms = 3600000;
    bench_lead(&bench, 1);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, 9000).base_offset, i);
    }
    cr_assert(bench_soon(files_gone, NULL));
    cr_assert_gt(bench_entries(&bench, 0, ".log.deleted"), 0);
    bench_delete(&bench);
    cr_assert(bench_soon(deleted_are, &one));
    bench_create(&bench); /* under the same name, at once */
    cr_assert(bench_soon_end(&bench, 0, 0));
    cr_assert_eq(bench_entries(&bench, 0, "-delete"), 1);
    bench_stop(&bench, 0, true);
    bench_start(&bench, 0);
    cr_assert_eq(bench_entries(&bench, 0, "-delete"), 0);
    bench.settings.file_delete_delay_ms = 50;
    bench_lead(&bench, 1);
    bench_delete(&bench);
    cr_assert(bench_soon(deleted_are, &none));
}

Test(partition, many_unsynced_bytes_hold_answers_back_and_let_them_go)
{
    for (int i = 0; i < 30; i++) {
        struct produce_ticket ticket = bench_produce(&bench, 0, 1, 1,
                                                     200000); /* the bound is 1 MiB */
        cr_assert_eq(ticket.error, KAFKA_NONE);
        cr_assert_eq(ticket.base_offset, i);
    }
    cr_assert(bench_soon_high_watermark(&bench, 0, 30));
}

Test(partition, without_a_leader_nobody_is_served)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 10).base_offset, 0);
    bench_lead(&bench, -1);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 10).error, KAFKA_NOT_LEADER_OR_FOLLOWER);
    struct partition *p = bench_partition(&bench, 0);
    struct fetch_part part = {
        .replica_id = -1, .current_leader_epoch = -1, .last_fetched_epoch = -1};
    partition_fetch(p, &part, 1 << 20, true);
    cr_assert_eq(part.error, KAFKA_NOT_LEADER_OR_FOLLOWER);
    cr_assert(part.at_once);
    fetch_part_clear(&part);
    partition_drop(p);
    bench_lead(&bench, 1);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 10).base_offset, 1);
}

Test(partition, a_topic_that_becomes_durable_is_synced_as_a_whole_and_that_is_told_once)
{
    bench_delete(&bench);
    bench.settings.durable = false;
    bench_create(&bench);
    cr_assert(bench_soon_end(&bench, 0, 0));
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, i);
    }
    cr_assert_eq(atomic_load(&bench.nodes[0].synced), 0);
    bench.settings.durable = true;
    bench_lead(&bench, 1);
    cr_assert(bench_soon_told(&bench.nodes[0].synced));
    cr_assert_eq(bench_facts(&bench, 0).durable_end, 20);
    bench_lead(&bench, 1);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, 20);
    cr_assert_eq(atomic_load(&bench.nodes[0].synced), 1);
}

Test(partition, a_log_that_cannot_be_written_takes_its_directory_offline)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 9000).base_offset, 0);
    bench.settings.segment_bytes = 10000;
    bench_lead(&bench, 1);
    cr_assert(bench_shell(&bench, "mv node1/" BENCH_TOPIC "-0 gone"));
    struct produce_ticket ticket = bench_produce(&bench, 0, -1, 1, 9000); /* needs a new segment */
    cr_assert_eq(ticket.error, KAFKA_KAFKA_STORAGE_ERROR);
    cr_assert_eq(ticket.base_offset, -1);
    cr_assert_eq(bench_produce(&bench, 0, 1, 1, 10).error, KAFKA_KAFKA_STORAGE_ERROR);
    cr_assert(bench_soon_told(&bench.nodes[0].dirs_failed));
    cr_assert_not(partitions_dir(bench.nodes[0].table, 0).online);
    cr_assert_not(bench_facts(&bench, 0).online);
    bench_stop(&bench, 0, true);
    bench_start(&bench, 0); /* not called clean: what was there is looked at */
    cr_assert_eq(partitions_dir(bench.nodes[0].table, 0).state, LOG_DIR_CRASHED_THIS_BOOT);
}

/* A note of so many bytes lies there when the broker starts after a crash. */
static void start_with_note(uint32_t bytes)
{
    bench_stop(&bench, 0, false);
    cr_assert(bench_shell(&bench, "truncate -s %u node1/sync-failed", bytes));
    bench_start(&bench, 0);
}

Test(partition, a_note_of_a_failed_sync_that_found_no_room_counts)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).base_offset, 0);
    start_with_note(0);
    cr_assert(bench.nodes[0].table->dirs[0].rewrite, "its name is there");
    start_with_note(9);
    cr_assert(bench.nodes[0].table->dirs[0].rewrite, "it is not whole");
    start_with_note(100);
    cr_assert(bench.nodes[0].table->dirs[0].rewrite, "it is longer than any");
    bench_stop(&bench, 0, false);
    bench_start(&bench, 0);
    cr_assert(bench.nodes[0].table->dirs[0].rewrite, "it was written anew, for this boot");
    cr_assert_eq(bench_facts(&bench, 0).log_end, 3);
}

Test(partition, a_folder_of_another_topic_id_is_set_aside_and_kept)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).base_offset, 0);
    bench_stop(&bench, 0, true);
    bench_delete(&bench); /* while it was away, and one of the same name came */
    bench_create(&bench);
    bench_start(&bench, 0);
    cr_assert(bench_soon_end(&bench, 0, 0));
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, 0);
    cr_assert(
        bench_shell(&bench, "test -s node1/" BENCH_TOPIC "-0.*-stray/00000000000000000000.log"));
    cr_assert_eq(atomic_load(&bench.nodes[0].lost), 0);
}

Test(partition, records_below_an_offset_are_deleted_for_good)
{
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).error, KAFKA_NONE);
    }
    struct partition *p = bench_partition(&bench, 0);
    int64_t offset;
    cr_assert_eq(partition_delete_records(p, 16, &offset), KAFKA_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(partition_delete_records(p, -2, &offset), KAFKA_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(partition_delete_records(p, 7, &offset), KAFKA_NONE);
    cr_assert_eq(partition_delete_records(p, 3, &offset), KAFKA_NONE, "they are gone already");
    struct fetch_part part = {.replica_id = -1};
    int64_t low;
    cr_assert_eq(partition_low_watermark(p, &part, &low), KAFKA_NONE);
    cr_assert_eq(low, 7);
    struct fetch_part below = {.replica_id = -1, .current_leader_epoch = -1, .fetch_offset = 6};
    below.last_fetched_epoch = -1;
    partition_fetch(p, &below, 1000, true);
    cr_assert_eq(below.error, KAFKA_OFFSET_OUT_OF_RANGE);
    fetch_part_clear(&below);
    partition_drop(p);
    check_read(7, 15); /* with the batch that holds it */
    bench_stop(&bench, 0, true);
    bench_start(&bench, 0);
    cr_assert(bench_soon_end(&bench, 0, 15));
    cr_assert_eq(bench_facts(&bench, 0).log_start, 7, "log-start-offset-checkpoint keeps it");
}

Test(partition, a_topic_made_again_is_not_opened_with_what_was_noted_of_the_one_before)
{
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).error, KAFKA_NONE);
    }
    cr_assert_eq(bench_delete_below(&bench, 0, 7), KAFKA_NONE);
    bench_stop(&bench, 0, true);
    bench.checkpoint_ms = 3600000; /* until the crash none is written any more */
    bench_start(&bench, 0);
    bench_delete(&bench);
    bench_create(&bench);
    cr_assert(bench_soon_end(&bench, 0, 0));
    cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).error, KAFKA_NONE);
    bench_stop(&bench, 0, false);
    bench_start(&bench, 0);
    cr_assert(bench_soon_end(&bench, 0, 3));
    cr_assert_eq(bench_facts(&bench, 0).log_start, 0);
    check_read(0, 3);
}

/* Three producers wrote a record each; the first is deleted, and that is noted. */
static void first_deleted(void)
{
    for (int64_t producer = 7; producer <= 9; producer++) {
        cr_assert_eq(bench_produce_as(&bench, 0, -1, producer, 0).base_offset, producer - 7);
    }
    cr_assert_eq(bench_delete_below(&bench, 0, 1), KAFKA_NONE);
    cr_assert(bench_soon_noted(&bench, 0, LOG_START_FILE, 1));
}

static void check_known(int64_t producer, int64_t offset)
{
    struct produce_ticket again = bench_produce_as(&bench, 0, -1, producer, 0);
    cr_assert(again.duplicate, "producer %lld", (long long)producer);
    cr_assert_eq(again.base_offset, offset);
}

static void check_three_known(void)
{
    for (int64_t producer = 7; producer <= 9; producer++) {
        check_known(producer, producer - 7);
    }
}

Test(partition, a_producer_whose_records_were_deleted_is_known_after_a_crash)
{
    first_deleted();
    bench_stop(&bench, 0, false);
    bench_start(&bench, 0);
    bench_lead(&bench, 1);
    cr_assert(bench_soon_high_watermark(&bench, 0, 3));
    cr_assert_eq(bench_facts(&bench, 0).log_start, 1);
    for (int64_t producer = 7; producer <= 9; producer++) {
        check_known(producer, producer - 7);
        cr_assert_eq(bench_produce_as(&bench, 0, -1, producer, 1).error, KAFKA_NONE);
    }
}

static void start_without_checkpoints(void)
{
    bench.checkpoint_ms = 3600000;
    bench_start(&bench, 0);
    bench_lead(&bench, 1);
}

/* The epoch file begins where the newest deletion left the log; the checkpoint says where the one before left it. */
static void crash_before_the_start_is_noted(bool rolls)
{
    first_deleted();
    bench_stop(&bench, 0, true);
    bench.settings.segment_bytes = 20000;
    start_without_checkpoints();
    cr_assert(bench_soon_high_watermark(&bench, 0, 3));
    cr_assert_eq(bench_delete_below(&bench, 0, 2), KAFKA_NONE);
    for (int i = 0; i < 5 && rolls; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, 9000).error, KAFKA_NONE);
    }
    cr_assert(bench_soon_idle(&bench, 0));
    bench_stop(&bench, 0, false);
    start_without_checkpoints();
    cr_assert(bench_soon_high_watermark(&bench, 0, rolls ? 8 : 3));
    cr_assert_eq(bench_facts(&bench, 0).log_start, 1);
    check_three_known();
}

Test(partition, deleted_producers_are_known_where_the_epoch_file_is_ahead_of_the_start)
{
    crash_before_the_start_is_noted(false);
}

Test(partition, the_snapshot_for_a_start_stays_until_a_newer_start_is_noted)
{
    crash_before_the_start_is_noted(true);
}

Test(partition, a_producer_whose_records_have_expired_is_known_after_a_crash)
{
    bench_stop(&bench, 0, true);
    bench.settings.segment_bytes = 20000;
    start_without_checkpoints();
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 7, 0).base_offset, 0);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, 9000).error, KAFKA_NONE);
    }
    bench_stop(&bench, 0, false); /* no checkpoint proves what its snapshots tell */
    bench.settings.retention_bytes = 50000;
    start_without_checkpoints();
    cr_assert(bench_soon(files_gone, NULL));
    int64_t start = bench_facts(&bench, 0).log_start;
    cr_assert(bench_soon_noted(&bench, 0, LOG_START_FILE, start));
    bench_stop(&bench, 0, false);
    start_without_checkpoints();
    cr_assert(bench_soon_high_watermark(&bench, 0, 11));
    cr_assert_geq(bench_facts(&bench, 0).log_start, start);
    check_known(7, 0);
}

Test(partition, a_topic_that_is_only_compacted_deletes_no_records)
{
    struct partition *p = bench_partition(&bench, 0);
    int64_t offset;
    cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).error, KAFKA_NONE);
    bench.settings.deleted = false;
    bench_lead(&bench, 1);
    struct partition_settings now;
    partition_settings_now(p, &now);
    cr_assert_not(now.deleted);
    cr_assert_eq(partition_delete_records(p, 1, &offset), KAFKA_POLICY_VIOLATION);
    cr_assert_eq(bench_facts(&bench, 0).log_start, 0);
    partition_drop(p);
}

static void set_producer_count(uint32_t count, uint32_t *ret_before)
{
    struct partition *p = bench_partition(&bench, 0);
    partition_enter(p);
    *ret_before = p->core.producers.by_id.count;
    p->core.producers.by_id.count = count;
    lock_leave(p->lock);
    partition_drop(p);
}

/* As on a full device: the snapshot finds no room (here: in memory), and the checkpoint does. */
Test(partition, a_start_is_not_noted_before_a_snapshot_tells_who_wrote_below)
{
    uint32_t count;
    uint32_t ignored;
    first_deleted();
    set_producer_count(1u << 28, &count);
    cr_assert_eq(bench_delete_below(&bench, 0, 2), KAFKA_NONE);
    cr_assert(bench_soon_idle(&bench, 0));
    (void)usleep(300000); /* checkpoints come every 50 ms */
    set_producer_count(count, &ignored);
    cr_assert(bench_soon_noted(&bench, 0, LOG_START_FILE, 2), "it is tried again");
    bench_stop(&bench, 0, false);
    start_without_checkpoints();
    cr_assert(bench_soon_high_watermark(&bench, 0, 3));
    cr_assert_eq(bench_facts(&bench, 0).log_start, 2);
    check_three_known();
}

static bool is_open(void *arg)
{
    (void)arg;
    return bench_facts(&bench, 0).online;
}

static void rest(struct partition *p)
{
    partition_enter(p);
    partition_rest(p, "the test says so");
    partition_leave(p);
}

Test(partition, who_rests_before_a_start_has_its_snapshot_begins_where_the_checkpoint_says)
{
    first_deleted();
    struct partition *p = bench_partition(&bench, 0);
    cr_assert(bench_soon_idle(&bench, 0));
    partition_enter(p);
    p->chores_running = true; /* a job is out, and comes to nothing more before it rests */
    lock_leave(p->lock);
    cr_assert_eq(bench_delete_below(&bench, 0, 2), KAFKA_NONE);
    partition_enter(p);
    partition_rest(p, "the test says so");
    p->chores_running = false;
    partition_chore(p, 0);
    partition_leave(p);
    partition_drop(p);
    cr_assert(bench_soon(is_open, NULL));
    check_three_known();
}

Test(partition, a_checkpoint_of_a_log_that_was_opened_again_meanwhile_proves_nothing_of_it)
{
    bench_stop(&bench, 0, true);
    start_without_checkpoints();
    cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).error, KAFKA_NONE);
    cr_assert(bench_soon_idle(&bench, 0));
    struct partition *p = bench_partition(&bench, 0);
    struct point point = {.p = p};
    cr_assert(upkeep_point_take(&point));
    cr_assert_eq(point.recovery.offset, 3);
    rest(p);
    cr_assert(bench_soon(is_open, NULL));
    upkeep_point_saved(&point);
    cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).error, KAFKA_NONE);
    partition_drop(p);
}

/* The pages that a failed sync was to write are called clean by now: whoever opened the log again would believe them. */
Test(partition, a_sync_that_fails_while_its_log_rests_takes_the_directory_offline)
{
    struct log_sync sync;
    struct partition *p = bench_partition(&bench, 0);
    cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).error, KAFKA_NONE);
    partition_enter(p);
    p->syncing = true;
    cr_assert_eq(log_roll(p->log, 0), OK);
    cr_assert(log_sync_take(p->log, &sync));
    uint32_t cut = p->core.cut;
    partition_rest(p, "the test says so");
    partition_leave(p);
    partition_enter(p);
    p->syncing = false;
    partition_synced(p, &sync, cut, ERR_IO);
    partition_chore(p, 0);
    partition_leave(p);
    cr_assert(bench_soon_told(&bench.nodes[0].dirs_failed));
    (void)usleep(500000); /* it would have been opened again after 200 ms */
    cr_assert_not(bench_facts(&bench, 0).online);
    partition_drop(p);
}

/* A cut syncs what an earlier cut left; whoever starts next must not believe the page cache. */
Test(partition, a_sync_that_failed_inside_of_a_step_is_noted)
{
    struct partition *p = bench_partition(&bench, 0);
    partition_enter(p);
    log_set_offline(p->log);
    partition_leave(p);
    cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).error, KAFKA_KAFKA_STORAGE_ERROR);
    cr_assert(bench_soon_told(&bench.nodes[0].dirs_failed));
    cr_assert_eq(bench_entries(&bench, 0, "/sync-failed"), 1);
    partition_drop(p);
}

Test(partition, a_sync_that_fails_when_a_log_is_opened_takes_the_directory_offline)
{
    bench_stop(&bench, 0, false);
    cr_assert(
        bench_shell(&bench, "ln -sf /dev/full node1/" BENCH_TOPIC "-0/00000000000000000000.log"));
    bench_start(&bench, 0);
    cr_assert(bench_soon_told(&bench.nodes[0].dirs_failed));
    cr_assert_not(bench_facts(&bench, 0).online);
    cr_assert_eq(atomic_load(&bench.nodes[0].rotten), 0);
}

Test(partition, who_is_opened_while_its_directory_fails_is_not_served)
{
    struct partition *p = bench_partition(&bench, 0);
    partition_enter(p);
    partition_halt(p, PARTITION_OFFLINE, KAFKA_KAFKA_STORAGE_ERROR);
    struct log *log = p->log;
    p->log = NULL;
    p->state = PARTITION_OPENING;
    replica_begin_anew(&p->core);
    partition_leave(p);
    log_abandon(log);
    atomic_store(&p->dir->offline, true);
    partition_open(p);
    cr_assert_not(bench_facts(&bench, 0).online);
    partition_drop(p);
}

/* A folder without a seat is read through, whatever the checkpoint says; a cut below that is noted, also when it has rested. */
Test(partition, what_the_checkpoint_says_of_a_log_is_remembered_while_it_rests)
{
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).error, KAFKA_NONE);
    }
    cr_assert(bench_soon_noted(&bench, 0, RECOVERY_POINT_FILE, 6));
    bench_stop(&bench, 0, false);
    atomic_store(&bench.nodes[0].homeless, true);
    bench.partition.replicas[0].dir = UUID_NONE;
    start_without_checkpoints();
    struct partition *p = bench_partition(&bench, 0);
    cr_assert(bench_soon(is_open, NULL));
    rest(p);
    cr_assert(bench_soon(is_open, NULL));
    partition_enter(p);
    cr_assert_eq(log_truncate(p->log, 3, 0), OK);
    lock_leave(p->lock);
    partition_drop(p);
    bench_stop(&bench, 0, false);
    bench.partition.replicas[0].dir = bench.dirs[0];
    start_without_checkpoints();
    cr_assert(bench_soon_end(&bench, 0, 3));
    cr_assert_eq(atomic_load(&bench.nodes[0].rotten), 0);
}

static bool rebuilt(void *arg)
{
    (void)arg;
    struct partition *p = bench_partition(&bench, 0);
    partition_enter(p);
    bool ready = !p->rebuilding && p->core.producers_ready;
    lock_leave(p->lock);
    partition_drop(p);
    return ready || atomic_load(&bench.nodes[0].dirs_failed) > 0;
}

/* Who was cut deep and leads now reads its producers from its log: what it is to read does not go meanwhile. */
Test(partition, no_records_are_deleted_while_producers_are_read_from_them)
{
    int64_t offset;
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 7, 0).base_offset, 0);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, 1000).error, KAFKA_NONE);
    }
    cr_assert(bench_soon_idle(&bench, 0));
    struct partition *p = bench_partition(&bench, 0);
    partition_enter(p);
    p->core.producers_ready = false;
    p->rebuilding = true;
    p->chores_running = true; /* the job that reads them is under way for a while */
    lock_leave(p->lock);
    cr_assert_eq(partition_delete_records(p, 21, &offset), KAFKA_NOT_LEADER_OR_FOLLOWER);
    partition_enter(p);
    p->chores_running = false;
    partition_chore(p, CHORE_REBUILD);
    partition_leave(p);
    cr_assert(bench_soon(rebuilt, NULL));
    cr_assert_eq(atomic_load(&bench.nodes[0].dirs_failed), 0);
    cr_assert_eq(partition_delete_records(p, 21, &offset), KAFKA_NONE);
    partition_drop(p);
    check_known(7, 0);
}
