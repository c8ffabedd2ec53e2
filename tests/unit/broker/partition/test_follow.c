/* Three brokers: records are copied, counted when they are on disk, and cut where histories part. */
#include <criterion/criterion.h>
#include <time.h>
#include <unistd.h>

#include "broker/partition/fetcher.h"
#include "broker/partition/partition_internal.h"
#include "common/log/log_internal.h"
#include "partition_bench.h"

static struct bench bench;

static void begin(void)
{
    bench_init(&bench, 3);
    for (uint32_t i = 0; i < 3; i++) {
        bench_start(&bench, i);
    }
    bench.settings.min_isr = 2;
    bench_create(&bench);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert(bench_soon_end(&bench, i, 0));
    }
}

static void end(void)
{
    bench_release(&bench);
}

TestSuite(follow, .init = begin, .fini = end);

static void check_same(uint32_t a, uint32_t b, int64_t from)
{
    /* Bytes of both logs, read as from a leader: each leads once. */
    size_t n[2];
    int64_t reached[2];
    uint8_t *bytes[2];
    uint32_t nodes[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        bench_lead(&bench, (int32_t)nodes[i] + 1);
        int64_t log_end = bench_facts(&bench, nodes[i]).log_end;
        cr_assert(bench_soon_high_watermark(&bench, nodes[i], log_end));
        bytes[i] = bench_read(&bench, nodes[i], from, &n[i], &reached[i]);
    }
    cr_assert_eq(n[0], n[1]);
    cr_assert_eq(memcmp(bytes[0], bytes[1], n[0]), 0);
    free(bytes[0]);
    free(bytes[1]);
}

Test(follow, what_is_acknowledged_is_on_every_disk_of_the_in_sync_set)
{
    for (int i = 0; i < 50; i++) {
        struct produce_ticket ticket = bench_produce(&bench, 0, -1, 2, 500);
        cr_assert_eq(ticket.error, KAFKA_NONE, "%s", kafka_error_name((int16_t)ticket.error));
        cr_assert_eq(ticket.base_offset, 2 * i);
        for (uint32_t node = 0; node < 3; node++) {
            cr_assert_geq(bench_facts(&bench, node).durable_end, 2 * i + 2);
        }
    }
    cr_assert(bench_soon_high_watermark(&bench, 1, 100),
              "an idle follower learns the high watermark");
    check_same(0, 1, 0);
    check_same(1, 2, 0);
}

static bool asked_so_often(void *arg)
{
    return atomic_load(&bench.nodes[0].fetches) >= *(const int *)arg;
}

/* KIP-227: polls that follow each other without news name nothing. */
Test(follow, an_idle_follower_names_nothing)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 10).error, KAFKA_NONE);
    cr_assert(bench_soon_high_watermark(&bench, 1, 1));
    cr_assert(bench_soon_high_watermark(&bench, 2, 1));
    int fetches = atomic_load(&bench.nodes[0].fetches) + 4;
    cr_assert(bench_soon(asked_so_often, &fetches)); /* what they know now is told */
    int named = atomic_load(&bench.nodes[0].named);
    cr_assert_gt(named, 0);
    fetches = atomic_load(&bench.nodes[0].fetches) + 6;
    cr_assert(bench_soon(asked_so_often, &fetches));
    cr_assert_eq(atomic_load(&bench.nodes[0].named), named);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 10).error, KAFKA_NONE);
    cr_assert_gt(atomic_load(&bench.nodes[0].named), named);
}

Test(follow, acks_do_not_wait_for_a_poll_that_is_parked)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 10).error, KAFKA_NONE);
    struct timespec from;
    struct timespec to;
    for (int i = 0; i < 20; i++) {
        (void)usleep(20000); /* the followers' polls are parked by now, for 500 ms */
        (void)clock_gettime(CLOCK_MONOTONIC, &from);
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, 10).error, KAFKA_NONE);
        (void)clock_gettime(CLOCK_MONOTONIC, &to);
        int64_t took_ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
        cr_assert_lt(took_ms, 250, "took %lld ms", (long long)took_ms);
    }
}

struct shortage {
    struct fetch_room *room;
    bool seen;
    bool told; /* what was told beside the poll is still on its way, as far as is known */
};

/* While an update is out the poll is answered, and the next one cannot be sent. */
static void run_short(void *arg)
{
    struct shortage *shortage = arg;
    struct list_node *only = list_first(&shortage->room->fetchers);
    struct fetcher *fetcher = only == NULL ? NULL : CONTAINER_OF(only, struct fetcher, node);
    if (fetcher == NULL || !fetcher->up || !fetcher->poll_out || fetcher->updates[0].out) {
        return;
    }
    CONTAINER_OF(list_first(&fetcher->follows), struct follow, node)->urgent = true;
    fetcher_update(fetcher);
    CHECK(fetcher->updates[0].out);
    list_remove(&fetcher->poll.node);
    fetcher->poll_out = false;
    fetcher->conn.open = false;
    fetcher_poll(fetcher);
    fetcher->conn.open = true;
    shortage->seen = true;
    shortage->told = fetcher->updates[0].out;
}

static bool has_run_short(void *arg)
{
    struct shortage *shortage = arg;
    bench_call(shortage->room->loop, run_short, shortage);
    return shortage->seen;
}

/* A poll for which there was no memory forgot of the updates before it that they were out: the next one took the place of one that
 * waited for its answer, and the broker aborted. */
Test(follow, a_poll_that_cannot_be_sent_leaves_updates_alone)
{
    struct shortage shortage = {.room = bench.nodes[1].table->rooms[1 % BENCH_REACTORS]};
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 10).error, KAFKA_NONE);
    cr_assert(bench_soon(has_run_short, &shortage));
    cr_assert(shortage.told);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, 10).error, KAFKA_NONE);
    }
    cr_assert(bench_soon_high_watermark(&bench, 1, 11));
}

struct changes {
    struct fetch_room *room;
    int seen;
    int given_up;
};

/* While a poll is out something in it changes. */
static void change(void *arg)
{
    struct changes *changes = arg;
    struct list_node *only = list_first(&changes->room->fetchers);
    struct fetcher *fetcher = only == NULL ? NULL : CONTAINER_OF(only, struct fetcher, node);
    if (fetcher == NULL || !fetcher->up || !fetcher->poll_out) {
        return;
    }
    fetcher->changed = true;
    fetcher->turn_end.run(&fetcher->turn_end);
    changes->seen++;
    changes->given_up += fetcher->up ? 0 : 1;
}

static bool has_changed_often(void *arg)
{
    struct changes *changes = arg;
    bench_call(changes->room->loop, change, changes);
    return changes->seen >= 30;
}

/* What comes and goes all the time must not keep everybody else from being copied: each poll that is given up may have been half
 * answered. */
Test(follow, polls_are_not_given_up_time_and_again)
{
    struct changes changes = {.room = bench.nodes[1].table->rooms[1 % BENCH_REACTORS]};
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 10).error, KAFKA_NONE);
    cr_assert(bench_soon(has_changed_often, &changes));
    cr_assert_geq(changes.given_up, 1, "what changes now and then does not wait");
    cr_assert_leq(changes.given_up, 10, "%d times", changes.given_up);
    int fetches = atomic_load(&bench.nodes[0].fetches) + 10;
    cr_assert(bench_soon(asked_so_often, &fetches));
}

static bool knows_now(void *arg)
{
    (void)arg;
    return atomic_load(&bench.nodes[0].unknowing) == 0;
}

/* A leader that does not know of its office yet is asked again soon, though the poll for the others could wait. */
Test(follow, who_rests_does_not_wait_for_the_poll_of_the_others)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 10).error, KAFKA_NONE);
    atomic_store(&bench.nodes[0].unknowing, 4);
    bench_second(&bench);
    cr_assert(bench_soon(knows_now, NULL));
    int waits_ms = atomic_load(&bench.nodes[0].left_out_ms);
    cr_assert_gt(waits_ms, 0, "it was left out for a while");
    cr_assert_leq(waits_ms, 160, "20 ms, and twice as long each time; not %d ms", waits_ms);
}

/* The poll in which one leaves names all that stay, also those behind it: else they wait as long as that poll, or for ever. */
Test(follow, who_stays_is_asked_for_when_another_leaves)
{
    atomic_store(&bench.nodes[0].unknowing, 4);
    bench_second(&bench);
    cr_assert(bench_soon(knows_now, NULL));
    for (int i = 0; i < 10; i++) { /* they take turns at the head of a poll */
        bench_lead(&bench, 3);
        cr_assert_eq(bench_produce(&bench, 2, -1, 1, 10).error, KAFKA_NONE);
        bench_lead(&bench, 1);
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, 10).error, KAFKA_NONE);
    }
    int waits_ms = atomic_load(&bench.nodes[0].left_out_ms);
    cr_assert_leq(waits_ms, 160, "as long as it rested at first; not %d ms", waits_ms);
}

Test(follow, a_new_leader_goes_on_where_the_old_one_was_and_the_old_one_follows)
{
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).error, KAFKA_NONE);
    }
    bench_lead(&bench, 2);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).error, KAFKA_NOT_LEADER_OR_FOLLOWER);
    for (int i = 0; i < 10; i++) {
        struct produce_ticket ticket = bench_produce(&bench, 1, -1, 1, 100);
        cr_assert_eq(ticket.error, KAFKA_NONE);
        cr_assert_eq(ticket.base_offset, 10 + i);
    }
    cr_assert(bench_soon_end(&bench, 0, 20));
    check_same(0, 1, 0);
}

Test(follow, an_unreplicated_tail_is_cut_off)
{
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).error, KAFKA_NONE);
    }
    cr_assert(bench_soon_end(&bench, 1, 5));
    cr_assert(bench_soon_end(&bench, 2, 5));
    bench_stop(&bench, 1, true);
    bench_stop(&bench, 2, true);
    for (int i = 0; i < 7; i++) {
        cr_assert_eq(bench_produce(&bench, 0, 1, 1, 100).error, KAFKA_NONE); /* nobody has these */
    }
    bench_stop(&bench, 0, true);
    bench_start(&bench, 1);
    bench_start(&bench, 2);
    bench_lead(&bench, -1);
    bench_isr(&bench, 6);
    bench_lead(&bench, 2);
    for (int i = 0; i < 3; i++) {
        struct produce_ticket ticket = bench_produce(&bench, 1, -1, 1, 100);
        cr_assert_eq(ticket.error, KAFKA_NONE);
        cr_assert_eq(ticket.base_offset, 5 + i);
    }
    bench_start(&bench, 0);
    cr_assert(bench_soon_end(&bench, 0, 8));
    cr_assert_eq(bench_produce(&bench, 1, -1, 1, 100).base_offset, 8);
    cr_assert(bench_soon_end(&bench, 0, 9));
    cr_assert(bench_soon_in_isr(&bench, 0));
    check_same(1, 0, 0);
}

static void hold_chores(struct partition *p, bool hold)
{
    cr_assert(!hold || bench_soon_idle(&bench, 0));
    partition_enter(p);
    cr_assert_eq(p->chores_running, !hold);
    p->chores_running = hold;
    partition_chore(p, 0);
    partition_leave(p);
}

static bool synced(void *arg)
{
    struct partition *p = arg;
    partition_enter(p);
    bool done = !p->syncing && log_durable_end(p->log) == log_end(p->log);
    lock_leave(p->lock);
    return done;
}

static bool failure_noted(void *arg)
{
    (void)arg;
    return bench_entries(&bench, 0, "/sync-failed") == 1;
}

Test(follow, a_sync_that_fails_before_a_cut_is_noted)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).error, KAFKA_NONE);
    cr_assert(bench_soon_end(&bench, 1, 1));
    cr_assert(bench_soon_end(&bench, 2, 1));
    bench_stop(&bench, 1, true);
    bench_stop(&bench, 2, true);
    cr_assert_eq(bench_produce(&bench, 0, 1, 1, 100).error, KAFKA_NONE); /* nobody has it */
    bench_lead(&bench, -1);
    struct partition *p = bench_partition(&bench, 0);
    cr_assert(bench_soon_idle(&bench, 0));
    cr_assert(bench_soon(synced, p)); /* else that sync proves what follows */
    partition_enter(p);
    p->log->cut++; /* as after a cut that no sync has proven: the next one waits for that */
    lock_leave(p->lock);
    partition_drop(p);
    cr_assert(bench_shell(&bench, "mv node1/" BENCH_TOPIC "-0 gone"));
    bench_start(&bench, 1);
    bench_isr(&bench, 2);
    bench_lead(&bench, 2);
    cr_assert(bench_soon(failure_noted, NULL));
    cr_assert_not(bench_facts(&bench, 0).online);
}

/* Whoever is slow at its disk has grown over a snapshot of what was cut before it gets to throw that away. */
Test(follow, a_snapshot_of_what_was_cut_goes_though_the_log_has_grown_over_it)
{
    bench.settings.segment_bytes = 20000;
    bench_lead(&bench, 1);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).error, KAFKA_NONE);
    cr_assert(bench_soon_end(&bench, 1, 1));
    cr_assert(bench_soon_end(&bench, 2, 1));
    bench_stop(&bench, 1, true);
    bench_stop(&bench, 2, true);
    struct partition *p = bench_partition(&bench, 0);
    for (int i = 0; i < 6; i++) { /* nobody has these */
        cr_assert_eq(bench_produce(&bench, 0, 1, 1, 9000).error, KAFKA_NONE);
        cr_assert(bench_soon_idle(&bench, 0));
    }
    cr_assert_gt(bench_entries(&bench, 0, "snapshot*"), 0);
    bench_lead(&bench, -1);
    bench_start(&bench, 1);
    bench_start(&bench, 2);
    hold_chores(p, true);
    bench_isr(&bench, 6);
    bench_lead(&bench, 2);
    for (int i = 0; i < 9; i++) {
        cr_assert_eq(bench_produce(&bench, 1, -1, 1, 100).base_offset, 1 + i);
    }
    cr_assert(bench_soon_end(&bench, 0, 10));
    hold_chores(p, false);
    cr_assert(bench_soon_idle(&bench, 0));
    cr_assert_eq(bench_entries(&bench, 0, "snapshot*"), 1, "only the new segment's");
    partition_drop(p);
}

/* The last records of the first node's log were compacted away by another server, behind which it has an empty segment. */
static void compact_last(void)
{
    char command[900];
    (void)snprintf(command, sizeof(command),
                   "cd %s/node1/" BENCH_TOPIC "-0 && rm -f *.index *.timeindex && "
                   "truncate -s $(($(stat -c %%s %020d.log) / 5 * 4)) %020d.log && "
                   "touch %020d.log && cd %s && rm -r node2/" BENCH_TOPIC "-0 node3/" BENCH_TOPIC
                   "-0",
                   bench.root, 0, 0, 5, bench.root);
    cr_assert_eq(system(command), 0);
}

Test(follow, who_copies_a_log_that_ends_in_a_hole_comes_to_its_end)
{
    bench.settings.compacted = true;
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, i);
    }
    for (uint32_t i = 0; i < 3; i++) {
        bench_stop(&bench, i, true);
    }
    compact_last();
    bench.partition.replicas[1].dir = UUID_NONE;
    bench.partition.replicas[2].dir = UUID_NONE;
    bench_isr(&bench, 1);
    for (uint32_t i = 0; i < 3; i++) {
        bench_start(&bench, i);
    }
    bench_lead(&bench, 1);
    for (uint32_t i = 1; i < 3; i++) {
        cr_assert(bench_soon_end(&bench, i, 5));
        cr_assert(bench_soon_in_isr(&bench, i));
    }
    cr_assert(bench_soon_high_watermark(&bench, 0, 5));
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, 5);
}

Test(follow, the_set_shrinks_without_a_dead_follower_and_grows_again)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).error, KAFKA_NONE);
    bench_stop(&bench, 2, false);
    for (int i = 0; i < 5; i++) { /* replica.lag.time.max.ms is one second here */
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).error, KAFKA_NONE);
    }
    cr_assert_eq(bench.partition.isr.count, 2);
    bench_start(&bench, 2);
    cr_assert(bench_soon_in_isr(&bench, 2));
    cr_assert(bench_soon_end(&bench, 2, 6));
}

Test(follow, too_small_a_set_refuses_acks_all)
{
    bench_stop(&bench, 1, true);
    bench_stop(&bench, 2, true);
    bench_isr(&bench, 1);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).error, KAFKA_NOT_ENOUGH_REPLICAS);
    cr_assert_eq(bench_produce(&bench, 0, 1, 1, 100).error, KAFKA_NONE);
}

Test(follow, a_leader_that_does_not_answer_is_dialled_again)
{
    atomic_store(&bench.nodes[0].deaf, true);
    cr_assert_eq(bench_produce(&bench, 0, 1, 1, 100).error,
                 KAFKA_NONE); /* ends the polls that are parked */
    (void)usleep(100000);
    cr_assert_eq(bench_produce(&bench, 0, 1, 1, 100).error, KAFKA_NONE);
    atomic_store(&bench.nodes[0].deaf, false);
    cr_assert(bench_soon_end(&bench, 1, 2));
    cr_assert(bench_soon_end(&bench, 2, 2));
}

struct low_sought {
    int64_t low;
};

static bool low_reached(void *arg)
{
    const struct low_sought *sought = arg;
    struct fetch_part part = {.replica_id = -1};
    struct partition *p = bench_partition(&bench, 0);
    int64_t low;
    enum kafka_error error = partition_low_watermark(p, &part, &low);
    partition_drop(p);
    return error == KAFKA_NONE && low == sought->low;
}

Test(follow, records_that_the_leader_deletes_are_deleted_everywhere)
{
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 2, 100).error, KAFKA_NONE);
    }
    struct partition *p = bench_partition(&bench, 0);
    int64_t offset;
    cr_assert_eq(partition_delete_records(p, 7, &offset), KAFKA_NONE);
    cr_assert_eq(offset, 7);
    struct low_sought sought = {.low = 7};
    cr_assert(bench_soon(low_reached, &sought));
    for (uint32_t node = 0; node < 3; node++) {
        cr_assert_eq(bench_facts(&bench, node).log_start, 7);
    }
    bench_stop(&bench, 2, false);
    cr_assert_eq(partition_delete_records(p, OFFSET_HIGH_WATERMARK, &offset), KAFKA_NONE);
    cr_assert_eq(offset, 20);
    partition_drop(p);
    bench_start(&bench, 2);
    sought.low = 20;
    cr_assert(bench_soon(low_reached, &sought), "who was down learns it when it is back");
    cr_assert_eq(bench_facts(&bench, 2).log_start, 20);
}

static bool starts_at_one(void *arg)
{
    (void)arg;
    return bench_facts(&bench, 1).log_start == 1 && bench_facts(&bench, 2).log_start == 1;
}

static void check_known(uint32_t node, int64_t producer, int32_t sequence, int64_t offset)
{
    struct produce_ticket again = bench_produce_as(&bench, node, -1, producer, sequence);
    cr_assert_eq(again.error, KAFKA_NONE);
    cr_assert(again.duplicate, "producer %ld, sequence %d", (long)producer, sequence);
    cr_assert_eq(again.base_offset, offset);
}

/* Records below 2 are deleted, and the third gives its seat up: it is made anew, empty, when it starts. */
static void third_is_emptied(void)
{
    cr_assert_eq(bench_delete_below(&bench, 0, 2), KAFKA_NONE);
    bench_stop(&bench, 2, true);
    cr_assert(bench_shell(&bench, "rm -r node3/" BENCH_TOPIC "-0"));
    bench_rotten(&bench, 2);
}

/* The third's replica is made anew when nothing is left of what a producer wrote; then it leads. */
static void lead_anew(bool crashes)
{
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 7, 0).base_offset, 0);
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 8, 0).base_offset, 1);
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 8, 1).base_offset, 2);
    third_is_emptied();
    bench_start(&bench, 2);
    cr_assert(bench_soon_in_isr(&bench, 2));
    cr_assert(bench_soon_end(&bench, 2, 3));
    cr_assert_eq(bench_facts(&bench, 2).log_start, 2);
    if (crashes) {
        bench_stop(&bench, 2, false);
        bench_start(&bench, 2);
    }
    bench_lead(&bench, 3);
    cr_assert(bench_soon_high_watermark(&bench, 2, 3));
}

Test(follow, who_is_made_anew_knows_producers_whose_records_are_deleted)
{
    lead_anew(false);
    check_known(2, 7, 0, 0);
    check_known(2, 8, 1, 2);
    cr_assert_eq(bench_produce_as(&bench, 2, -1, 7, 1).base_offset, 3);
}

Test(follow, who_is_made_anew_knows_them_after_a_crash_too)
{
    lead_anew(true);
    check_known(2, 7, 0, 0);
    check_known(2, 8, 1, 2);
    cr_assert_eq(bench_produce_as(&bench, 2, -1, 7, 1).base_offset, 3);
}

/* What it knew of the deleted is gone with a cut that is deeper than its memory, and no snapshot has told of it yet. */
Test(follow, who_is_cut_deep_asks_who_wrote_what_is_deleted)
{
    struct partition *p = bench_partition(&bench, 0);
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 7, 0).base_offset, 0);
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 8, 0).base_offset, 1);
    hold_chores(p, true);
    cr_assert_eq(bench_delete_below(&bench, 0, 1), KAFKA_NONE);
    cr_assert(bench_soon(starts_at_one, NULL));
    bench_stop(&bench, 1, true);
    bench_stop(&bench, 2, true);
    for (int32_t i = 1; i <= 15; i++) { /* nobody has these */
        cr_assert_eq(bench_produce_as(&bench, 0, 1, 8, i).error, KAFKA_NONE);
    }
    bench_lead(&bench, -1);
    bench_start(&bench, 1);
    bench_start(&bench, 2);
    bench_isr(&bench, 6);
    bench_lead(&bench, 2);
    cr_assert(bench_soon_end(&bench, 0, 2));
    hold_chores(p, false);
    partition_drop(p);
    cr_assert_eq(bench_produce(&bench, 1, -1, 1, 100).base_offset, 2);
    cr_assert(bench_soon_in_isr(&bench, 0));
    bench_lead(&bench, 1);
    cr_assert(bench_soon_high_watermark(&bench, 0, 3));
    check_known(0, 7, 0, 0);
    check_known(0, 8, 0, 1);
}

/* They are known to nobody but the log then: the start is told when a snapshot for it stands. */
Test(follow, a_start_is_not_told_while_producers_are_read_from_the_log)
{
    struct partition *p = bench_partition(&bench, 0);
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 7, 0).base_offset, 0);
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 8, 0).base_offset, 1);
    hold_chores(p, true);
    cr_assert_eq(bench_delete_below(&bench, 0, 1), KAFKA_NONE);
    partition_enter(p);
    p->core.producers_ready = false;
    partition_leave(p);
    hold_chores(p, false);
    cr_assert(bench_soon_idle(&bench, 0));
    partition_enter(p);
    bool due = p->start_due;
    p->core.producers_ready = true;
    partition_leave(p);
    cr_assert(due);
    partition_drop(p);
}

/* The leader's log begins inside a batch: what is told is noted before the copy's own base is known. */
Test(follow, who_is_made_anew_inside_a_batch_knows_them_after_a_crash_too)
{
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 7, 0).base_offset, 0);
    cr_assert_eq(bench_produce(&bench, 0, -1, 3, 100).base_offset, 1);
    third_is_emptied();
    bench.checkpoint_ms = 3600000;
    bench_start(&bench, 2);
    cr_assert(bench_soon_in_isr(&bench, 2));
    cr_assert(bench_soon_end(&bench, 2, 4));
    bench_lead(&bench, -1);
    bench_stop(&bench, 2, false);
    bench_start(&bench, 2);
    bench_lead(&bench, 3);
    cr_assert(bench_soon_high_watermark(&bench, 2, 4));
    check_known(2, 7, 0, 0);
}

static bool expired(void *arg)
{
    return bench_facts(&bench, *(uint32_t *)arg).log_start > 0;
}

Test(follow, replicas_without_a_leader_keep_the_time_of_retention_too)
{
    bench.settings.segment_bytes = 20000;
    bench.settings.retention_ms = 1000000000000;
    bench_isr(&bench, 7);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(bench_produce(&bench, 0, -1, 1, 10000).error, KAFKA_NONE);
    }
    for (uint32_t node = 0; node < 3; node++) {
        cr_assert(bench_soon_high_watermark(&bench, node, 10));
    }
    bench_lead(&bench, -1);
    bench.settings.retention_ms = 1;
    bench_isr(&bench, 7);
    for (uint32_t node = 0; node < 3; node++) {
        cr_assert(bench_soon(expired, &node));
    }
}
