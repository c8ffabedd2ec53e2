/* Three brokers, and bytes of one that do not come back as they were written: never served, given up where others have them. */
#include <criterion/criterion.h>

#include "broker/partition/partition_internal.h"
#include "common/log/offset_checkpoint.h"
#include "common/wire/record_batch.h"
#include "partition_bench.h"

#define RECORDS     5
#define BATCH_BYTES 1000

static struct bench bench;

static void begin(void)
{
    bench_init(&bench, 3);
    for (uint32_t i = 0; i < 3; i++) {
        bench_start(&bench, i);
    }
    bench.settings.min_isr = 1;
    bench_create(&bench);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert(bench_soon_end(&bench, i, 0));
    }
}

static void end(void)
{
    bench_release(&bench);
}

TestSuite(rot, .init = begin, .fini = end);

static FILE *log_file(uint32_t node, const char *folder)
{
    char path[300];
    (void)snprintf(path, sizeof(path), "%s/node%u/%s/%020d.log", bench.root, node + 1, folder, 0);
    FILE *file = fopen(path, "r+b");
    cr_assert_not_null(file, "%s", path);
    return file;
}

static void flip(uint32_t node, long at)
{
    FILE *file = log_file(node, BENCH_TOPIC "-0");
    cr_assert_eq(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    cr_assert_eq(fseek(file, at, SEEK_SET), 0);
    cr_assert_eq(fputc(byte ^ 1, file), byte ^ 1);
    cr_assert_eq(fclose(file), 0);
}

/* From where a batch says its epoch, which no checksum covers, to its base offset, which none covers either, to its base sequence,
 * and to its record. */
#define TO_OFFSET   (-5) /* the last byte of the base offset */
#define TO_LAST     3    /* the last byte of the epoch */
#define TO_SEQUENCE 41
#define TO_RECORD   500

/* Where the batch behind so many others says its epoch. */
static long epoch_of_batch(uint32_t node, int before)
{
    FILE *file = log_file(node, BENCH_TOPIC "-0");
    long at = 0;
    for (int i = 0; i < before; i++) {
        uint8_t length[4];
        cr_assert_eq(fseek(file, at + 8, SEEK_SET), 0);
        cr_assert_eq(fread(length, 1, sizeof(length), file), sizeof(length));
        at += 12 + ((long)length[2] << 8) + length[3];
    }
    cr_assert_eq(fclose(file), 0);
    return at + 12;
}

static void forget_producers(uint32_t node)
{
    cr_assert(bench_shell(&bench, "rm node%u/" BENCH_TOPIC "-0/*.snapshot", node + 1));
}

static void produce(uint32_t isr)
{
    bench_isr(&bench, isr);
    for (int i = 0; i < RECORDS; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, BATCH_BYTES).error, KAFKA_NONE);
    }
}

static bool set_aside(void *arg)
{
    return bench_shell(&bench, "test -s node%u/" BENCH_TOPIC "-0.*-stray/%020d.log",
                       *(uint32_t *)arg + 1, 0);
}

static void check_same(uint32_t a, uint32_t b)
{
    FILE *files[2] = {log_file(a, BENCH_TOPIC "-0"), log_file(b, BENCH_TOPIC "-0")};
    for (int byte = 0; byte != EOF;) {
        byte = fgetc(files[0]);
        cr_assert_eq(fgetc(files[1]), byte);
    }
    cr_assert_eq(fclose(files[0]) + fclose(files[1]), 0);
}

/* Of what the third broker copies from the first one, which leads; it says what it gets. `behind`: the epoch of the third batch. */
static void leader_rots(long behind)
{
    uint32_t first = 0;
    bench_stop(&bench, 2, true);
    produce(3);
    if (behind == TO_LAST) {
        bench_lead(&bench, 1); /* that epoch has been */
    }
    flip(0, epoch_of_batch(0, 2) + behind);
    bench_start(&bench, 2);
    cr_assert(bench_soon(set_aside, &first));
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert(bench_soon_end(&bench, i, RECORDS), "broker %u", i);
    }
    cr_assert(bench_soon_in_isr(&bench, 0));
    cr_assert(bench_soon_in_isr(&bench, 2));
    cr_assert_eq(atomic_load(&bench.nodes[0].lost), 0);
    check_same(0, 1);
    if (behind != TO_LAST) { /* else it was cut, and its log goes on in another file */
        check_same(2, 1);
    }
}

Test(rot, a_leader_gives_its_seat_up_while_others_are_in_sync_and_copies_anew)
{
    leader_rots(TO_RECORD);
}

Test(rot, a_leader_whose_batch_says_an_epoch_that_never_was_is_told_and_gives_its_seat_up)
{
    leader_rots(0);
}

/* Seed 2937344: the follower took it, and refused what comes behind it; the leader looked at that alone. */
Test(rot, a_leader_one_of_whose_batches_says_a_later_epoch_is_told_and_gives_its_seat_up)
{
    while (bench.partition.leader_epoch % 2 != 0) {
        bench_lead(&bench, 1);
    }
    leader_rots(TO_LAST);
}

/* The follower aborted: it was to write what does not begin where its log ends. */
Test(rot, a_leader_whose_batch_says_another_offset_is_told_and_gives_its_seat_up)
{
    leader_rots(TO_OFFSET);
}

/* The first broker has been away, and starts again. */
static void away(void)
{
    produce(7);
    bench_stop(&bench, 0, true);
    bench_lead(&bench, 2);
}

static void copies_anew(bool aside)
{
    uint32_t first = 0;
    bench_start(&bench, 0);
    cr_assert(!aside || bench_soon(set_aside, &first));
    cr_assert(bench_soon_end(&bench, 0, RECORDS));
    cr_assert(bench_soon_in_isr(&bench, 0));
    check_same(0, 1);
}

Test(rot, a_log_that_does_not_open_is_copied_anew)
{
    away();
    flip(0, 16); /* of the first batch: its magic */
    copies_anew(true);
}

Test(rot, a_log_whose_last_batch_says_an_epoch_that_never_was_is_copied_anew)
{
    away();
    flip(0, epoch_of_batch(0, RECORDS - 1));
    forget_producers(0); /* so that all is replayed */
    copies_anew(true);
}

Test(rot, a_log_one_of_whose_batches_says_another_sequence_is_copied_anew)
{
    away();
    flip(0, epoch_of_batch(0, 2) + TO_SEQUENCE);
    forget_producers(0);
    copies_anew(true);
}

/* A cut deeper than it remembers producers: they are read again from what is left. `behind`: the epoch of the third batch. */
static void cut_log_rots(long behind)
{
    uint32_t first = 0;
    produce(7);
    bench_stop(&bench, 1, true);
    bench_stop(&bench, 2, true);
    for (int32_t i = 0; i < 15; i++) { /* nobody else has these */
        cr_assert_eq(bench_produce_as(&bench, 0, 1, 8, i).error, KAFKA_NONE);
    }
    flip(0, epoch_of_batch(0, 2) + behind);
    bench_lead(&bench, -1);
    bench_start(&bench, 1);
    bench_start(&bench, 2);
    bench_isr(&bench, 6);
    bench_lead(&bench, 2);
    cr_assert(bench_soon(set_aside, &first));
    cr_assert(bench_soon_end(&bench, 0, RECORDS));
    cr_assert(bench_soon_in_isr(&bench, 0));
    check_same(0, 1);
}

Test(rot, a_cut_log_one_of_whose_batches_says_another_sequence_is_copied_anew)
{
    cut_log_rots(TO_SEQUENCE);
}

Test(rot, a_cut_log_one_of_whose_batches_says_another_offset_is_copied_anew)
{
    cut_log_rots(TO_OFFSET);
}

/* Records below 7 were deleted, so that the epoch file begins there; power went before the new start was noted. */
static void deleted_and_back(int recovery_point)
{
    uint32_t first = 0;
    produce(7);
    bench_lead(&bench, 2);
    bench_lead(&bench, 1);
    cr_assert(bench_soon_end(&bench, 0, RECORDS));
    produce(7);
    bench_stop(&bench, 0, true);
    cr_assert(
        bench_shell(&bench,
                    "cd node1 && rm -f .kafka_cleanshutdown " LOG_START_FILE " && "
                    "printf '0\\n1\\n" BENCH_TOPIC " 0 %d\\n' > " RECOVERY_POINT_FILE " && "
                    "cd " BENCH_TOPIC "-0 && test $(sed -n 2p leader-epoch-checkpoint) -gt 1 && "
                    "printf '0\\n1\\n%%s 7\\n' $(tail -1 leader-epoch-checkpoint | cut -d' ' -f1) "
                    "> told && mv told leader-epoch-checkpoint",
                    recovery_point));
    forget_producers(0);
    bench_start(&bench, 0);
    cr_assert(bench_soon_end(&bench, 0, 2 * RECORDS));
    cr_assert_eq(atomic_load(&bench.nodes[0].rotten), 0);
    cr_assert_not(set_aside(&first));
    struct partition *p = bench_partition(&bench, 0);
    cr_assert_lt(replica_epoch_at(&p->core, 0), replica_epoch_at(&p->core, 6),
                 "all are known again");
    cr_assert_geq(replica_epoch_at(&p->core, 0), 0);
    partition_drop(p);
}

Test(rot, records_that_were_deleted_and_are_here_again_are_none)
{
    deleted_and_back(6);
}

Test(rot, epochs_of_records_that_are_here_again_are_known)
{
    deleted_and_back(8);
}

/* Bytes of a batch that were checked when they came, and not since. */
static void rot_at_rest(uint32_t isr)
{
    away();
    flip(0, 2 * (BATCH_BYTES + 68) + 500); /* in a record of the third batch */
    bench_start(&bench, 0);
    cr_assert(bench_soon_high_watermark(&bench, 0, RECORDS));
    bench_lead(&bench, 1);
    if (isr == 1) {
        bench_stop(&bench, 1, true);
        bench_stop(&bench, 2, true);
    }
    bench_isr(&bench, isr);
    cr_assert(bench_soon_high_watermark(&bench, 0, RECORDS));
}

Test(rot, a_cold_batch_is_not_served_and_its_leader_is_another_one_soon)
{
    uint32_t first = 0;
    rot_at_rest(3);
    cr_assert_eq(bench_refusal(&bench, 0, 0), KAFKA_NONE); /* what is before it is good */
    enum kafka_error error = bench_refusal(&bench, 0, 2);  /* it may have gone before it answers */
    cr_assert(error == KAFKA_KAFKA_STORAGE_ERROR || error == KAFKA_NOT_LEADER_OR_FOLLOWER);
    cr_assert(bench_soon(set_aside, &first));
    cr_assert(bench_soon_end(&bench, 0, RECORDS));
    check_same(0, 1);
}

Test(rot, a_cold_batch_of_who_is_alone_is_refused_and_the_rest_is_served)
{
    uint32_t first = 0;
    rot_at_rest(1);
    cr_assert_eq(bench_refusal(&bench, 0, 2), KAFKA_CORRUPT_MESSAGE);
    cr_assert(bench_soon_told(&bench.nodes[0].rotten));
    cr_assert_eq(bench_refusal(&bench, 0, 1), KAFKA_NONE);
    cr_assert_eq(bench_refusal(&bench, 0, 3), KAFKA_NONE);
    cr_assert_eq(bench_produce(&bench, 0, 1, 1, 10).base_offset, RECORDS);
    cr_assert_not(set_aside(&first));
}

Test(rot, who_is_alone_keeps_its_seat_and_its_records)
{
    uint32_t first = 0;
    produce(7);
    bench_stop(&bench, 1, true);
    bench_stop(&bench, 2, true);
    bench_isr(&bench, 1);
    for (int life = 0; life < 3; life++) { /* what was known to be on disk stays known */
        bench_stop(&bench, 0, life == 0);
        if (life == 0) {
            flip(0, 16);
        }
        bench_start(&bench, 0);
        cr_assert_not(bench_facts(&bench, 0).online);
        cr_assert_eq(bench_refusal(&bench, 0, 0), KAFKA_KAFKA_STORAGE_ERROR);
    }
    cr_assert_not(set_aside(&first));
    bench_start(&bench, 1);
    bench_isr(&bench, 3); /* somebody comes who has everything */
    cr_assert(bench_soon(set_aside, &first));
    cr_assert(bench_soon_end(&bench, 0, RECORDS));
}

/* The broker dies when the image has taken its seat, and before the folder is set aside: a log without a seat is read through. */
Test(rot, a_seat_that_was_given_up_before_a_crash_is_not_taken_again_with_what_was_rotten)
{
    away();
    flip(0, 2 * (BATCH_BYTES + 68) + 500); /* in a record of the third batch */
    bench_rotten(&bench, 0);
    copies_anew(false);
}
