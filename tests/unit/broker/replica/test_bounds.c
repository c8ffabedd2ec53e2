/* A replica that is fed from damaged files, has no memory at any piece, or has stopped. */
#include "tests/lib/memory.h"
#include "tests/unit/broker/replica/replica_bench.h"

/* --- stopped --- */

Test(replica_bounds, a_stopped_replica_does_nothing_more)
{
    struct bench b;
    bench_init(&b, 5);
    bench_view(&b);
    struct replica_event stop = {.kind = REPLICA_STOP};
    stop.stop.error = KAFKA_KAFKA_STORAGE_ERROR;
    stop.stop.failed_ticket = NO_TICKET;
    bench_step(&b, stop);
    cr_assert_eq(b.replica.role, REPLICA_STOPPED);
    static const enum replica_event_kind kinds[] = {
        REPLICA_STOP,   REPLICA_TICK,   REPLICA_LOG_START, REPLICA_DURABLE,   REPLICA_PRODUCER,
        REPLICA_REPLAY, REPLICA_LOADED, REPLICA_FORGET,    REPLICA_ISR_ANSWER};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct replica_event event = {.kind = kinds[i]};
        if (kinds[i] == REPLICA_STOP) {
            event = stop;
        } else if (kinds[i] == REPLICA_LOG_START) {
            event.log_start = 3;
        }
        b.now += 100000;
        bench_step(&b, event);
        cr_assert_eq(b.out.count, 0, "%d", (int)kinds[i]);
        cr_assert_eq(b.replica.role, REPLICA_STOPPED);
        cr_assert_eq(b.replica.log_start, 0);
    }
    cr_assert_eq(bench_told(&b, bench_produce_plain(&b, -1, 1)), KAFKA_KAFKA_STORAGE_ERROR);
    bench_release(&b);
}

Test(replica_bounds, a_replica_that_loads_lets_time_pass)
{
    struct bench b;
    bench_init(&b, 5);
    uint32_t cut = b.replica.cut;
    replica_begin_anew(&b.replica);
    cr_assert_eq(b.replica.role, REPLICA_LOADING);
    cr_assert_eq(b.replica.cut, cut + 1, "what was synced before proves nothing now");
    cr_assert_eq(b.replica.log_end, 0);
    bench_tick(&b, 100000);
    cr_assert_eq(b.out.count, 0);
    bench_release(&b);
}

/* --- damaged files --- */

static const struct producer_entry good = {.id = 7,
                                           .last_offset = 4,
                                           .last_timestamp_ms = 9,
                                           .txn_first_offset = -1,
                                           .last_sequence = 2,
                                           .last_offset_delta = 2,
                                           .coordinator_epoch = -1,
                                           .epoch = 1};

Test(replica_bounds, what_cannot_be_in_a_file_is_left_out)
{
    struct bench b;
    bench_init(&b, 0);
    replica_begin_anew(&b.replica);
    struct epoch_entry epochs[] = {{-1, 0}, {0, -5}, {0, 0}, {1, 6}, {2, 99}};
    bench_load(&b, 10, epochs, ARRAY_LEN(epochs));
    cr_assert_eq(b.replica.epochs.count, 2);
    struct producer_entry entries[] = {good, good, good, good, good, good, good, good};
    entries[0].id = -1;
    entries[1].epoch = -1;
    entries[2].last_offset = 10;
    entries[3].last_offset_delta = -1;
    entries[5].id = 8;
    entries[5].last_sequence = NO_SEQUENCE;
    entries[6].id = 9;
    entries[6].txn_first_offset = 3;
    entries[7].id = 10;
    entries[7].coordinator_epoch = 5;
    for (size_t i = 0; i < ARRAY_LEN(entries); i++) {
        bench_step(&b, (struct replica_event){.kind = REPLICA_PRODUCER, .producer = entries[i]});
        uint32_t want = i < 4 ? 0 : (uint32_t)i - 3;
        cr_assert_eq(b.replica.producers.by_id.count, want, "%zu", i);
    }
    bench_step(&b, (struct replica_event){.kind = REPLICA_PRODUCER, .producer = good});
    cr_assert_eq(b.replica.producers.by_id.count, 4, "said again");
    bench_step(&b, (struct replica_event){.kind = REPLICA_LOADED});
    b.view.leader_epoch = 3;
    bench_view(&b);
    uint64_t ticket = bench_produce(&b, -1, bench_batch(7, 1, 9, 1));
    cr_assert_eq(bench_told(&b, ticket), KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    (void)bench_produce(&b, 0, bench_batch(7, 1, 3, 1));
    bench_must(&b, REPLICA_WRITE);
    (void)bench_produce(&b, 0, bench_batch(8, 1, 5, 1));
    cr_assert_null(bench_find(&b, REPLICA_WRITE), "it begins at 0");
    (void)bench_produce(&b, -1, bench_batch(8, 1, 0, 1));
    bench_must(&b, REPLICA_WRITE);
    ticket = bench_produce(&b, -1, bench_batch(9, 1, 3, 1));
    cr_assert_eq(bench_told(&b, ticket), KAFKA_INVALID_TXN_STATE, "a transaction is open");
    static const struct batch_receipt none[] = {{.producer_id = 7, .producer_epoch = -1},
                                                {.producer_id = 7, .base_sequence = -1}};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) {
        struct batch_receipt receipt = bench_batch(7, none[i].producer_epoch, none[i].base_sequence,
                                                   1);
        ticket = bench_produce(&b, -1, receipt);
        cr_assert_eq(bench_told(&b, ticket), KAFKA_INVALID_RECORD);
    }
    int64_t start = b.replica.log_start;
    bench_step(&b, (struct replica_event){.kind = REPLICA_LOG_START, .log_start = start});
    cr_assert_eq(b.out.count, 0);
    bench_release(&b);
}

/* --- memory --- */

struct scarce_bench {
    struct bench bench;
    struct test_memory memory;
};

/* From a load with an epoch, a producer and a replayed batch to a leader with a waiting ack; what the n-th piece stops
 * is told, and a replica that goes on has forgotten nothing. */
static bool live_within(size_t most, bool once)
{
    static struct scarce_bench s;
    struct bench *b = &s.bench;
    bench_init(b, 0);
    bench_release(b);
    test_memory_init(&s.memory);
    heap_init(&b->heap, &s.memory.source, 16 << 20);
    test_memory_heap_by_piece(&b->heap);
    s.memory.most = most;
    s.memory.once = once;
    replica_init(&b->replica,
                 &(struct replica_config){.self_id = 1, .producer_expiration_ms = 60000}, &b->heap);
    struct epoch_entry epochs[] = {{0, 0}, {1, 4}};
    bench_load(b, 10, epochs, ARRAY_LEN(epochs));
    bench_step(b, (struct replica_event){.kind = REPLICA_PRODUCER, .producer = good});
    struct batch_receipt replayed = bench_batch(8, 0, 0, 2);
    replayed.base_offset = 8;
    replayed.leader_epoch = 2;
    bench_step(b, (struct replica_event){.kind = REPLICA_REPLAY, .replay = replayed});
    bench_step(b, (struct replica_event){.kind = REPLICA_LOADED});
    bool halted = bench_find(b, REPLICA_HALT) != NULL;
    cr_assert(halted || (b->replica.epochs.count == 3 && b->replica.producers.by_id.count == 2));
    b->view.leader_epoch = 3;
    bench_view(b);
    halted = halted || bench_find(b, REPLICA_HALT) != NULL;
    cr_assert_eq(b->replica.role, halted ? REPLICA_STOPPED : REPLICA_LEADER);
    int64_t end = b->replica.log_end;
    uint64_t ticket = bench_produce(b, -1, bench_batch(9, 0, 0, 1));
    bool written = bench_find(b, REPLICA_WRITE) != NULL;
    cr_assert_eq(b->replica.log_end, end + written);
    if (!written) {
        cr_assert_eq(bench_told(b, ticket),
                     halted ? KAFKA_KAFKA_STORAGE_ERROR : KAFKA_REQUEST_TIMED_OUT);
    }
    /* The same again: it waits with its original, or is written now. */
    s.memory.most = SIZE_MAX;
    if (!halted) {
        (void)bench_produce(b, -1, bench_batch(9, 0, 0, 1));
        cr_assert_eq(b->replica.log_end, end + 1);
        cr_assert_eq(bench_find(b, REPLICA_WRITE) != NULL, !written);
    }
    bool refused = s.memory.refused > 0;
    bench_release(b);
    cr_assert_eq(s.memory.out, 0);
    return !refused;
}

Test(replica_bounds, memory_may_end_at_any_piece_of_a_life)
{
    for (unsigned once = 0; once < 2; once++) {
        size_t most = 0;
        while (!live_within(most, once == 1)) {
            most++;
        }
        cr_assert_gt(most, 6);
    }
}

/* A duplicate that cannot be remembered is told to come again; the original is not. */
Test(replica_bounds, a_duplicate_without_memory_comes_again)
{
    static struct scarce_bench s;
    struct bench *b = &s.bench;
    bench_init(b, 0);
    bench_release(b);
    test_memory_init(&s.memory);
    heap_init(&b->heap, &s.memory.source, 16 << 20);
    replica_init(&b->replica,
                 &(struct replica_config){.self_id = 1, .producer_expiration_ms = 60000}, &b->heap);
    bench_step(b, (struct replica_event){.kind = REPLICA_LOAD});
    bench_step(b, (struct replica_event){.kind = REPLICA_LOADED});
    bench_view(b);
    (void)bench_produce(b, -1, bench_batch(9, 0, 0, 1));
    bench_must(b, REPLICA_WRITE);
    test_memory_heap_by_piece(&b->heap);
    s.memory.most = 0;
    uint64_t ticket = bench_produce(b, -1, bench_batch(9, 0, 0, 1));
    cr_assert_null(bench_find(b, REPLICA_WRITE));
    cr_assert_eq(bench_told(b, ticket), KAFKA_REQUEST_TIMED_OUT);
    (void)bench_produce(b, 0, bench_batch(9, 0, 0, 1));
    cr_assert_null(bench_find(b, REPLICA_WRITE), "nobody waits for it");
    s.memory.most = SIZE_MAX;
    cr_assert_eq(b->replica.log_end, 1);
    bench_release(b);
}

/* --- absurd answers --- */

Test(replica_bounds, answers_about_the_in_sync_set_that_cannot_be)
{
    struct bench b;
    bench_init(&b, 0);
    bench_view(&b);
    (void)bench_produce_plain(&b, -1, 1);
    bench_tick(&b, 20000); /* nobody fetches: both followers are to leave */
    const struct replica_action *ask = bench_must(&b, REPLICA_ASK_ISR);
    cr_assert_not_null(ask);
    struct replica_event answer = {.kind = REPLICA_ISR_ANSWER};
    answer.isr_answer.ask = b.replica.asks;
    answer.isr_answer.error = KAFKA_NONE;
    answer.isr_answer.isr_count = REPLICAS_MAX + 1;
    answer.isr_answer.leader_epoch = 1;
    answer.isr_answer.partition_epoch = 2;
    uint32_t members = b.replica.view.member_count;
    bench_step(&b, answer);
    cr_assert_eq(b.replica.role, REPLICA_LEADER);
    cr_assert_eq(b.replica.high_watermark, 0, "nothing was committed by it");
    cr_assert_eq(b.replica.view.member_count, members);
    bench_release(&b);
}
