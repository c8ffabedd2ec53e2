#include "common/base/prng.h"
#include "tests/unit/broker/replica/replica_bench.h"

struct table {
    struct memory_source source;
    struct heap heap;
    struct producer_table producers;
    int64_t end;
};

static void table_init(struct table *t)
{
    memset(t, 0, sizeof(*t));
    t->source = (struct memory_source){bench_take, bench_give, NULL};
    heap_init(&t->heap, &t->source, 16 << 20);
    producer_table_init(&t->producers, &t->heap, (struct hash_key){1, 2});
}

static void table_release(struct table *t)
{
    producer_table_release(&t->producers);
    cr_assert_eq(t->heap.live, 0);
    heap_release(&t->heap);
}

static void append(struct table *t, struct batch_receipt receipt)
{
    receipt.base_offset = t->end;
    t->end += receipt.last_offset_delta + 1;
    cr_assert(producer_table_append(&t->producers, &receipt, 1000));
    producer_table_check(&t->producers, t->end);
}

static enum kafka_error judge(const struct table *t, struct batch_receipt receipt)
{
    return producer_table_validate(&t->producers, &receipt);
}

static int64_t original(const struct table *t, struct batch_receipt receipt)
{
    const struct producer_batch *batch = producer_table_duplicate(&t->producers, &receipt);
    return batch == NULL ? -1 : batch->base_offset;
}

Test(producers, sequences_follow_and_wrap)
{
    struct table t;
    table_init(&t);
    cr_assert_eq(judge(&t, bench_batch(7, 0, 500, 3)),
                 KAFKA_NONE);                        /* unknown: may begin anywhere */
    append(&t, bench_batch(7, 0, INT32_MAX - 1, 3)); /* MAX-1, MAX, 0 */
    cr_assert_eq(judge(&t, bench_batch(7, 0, 1, 1)), KAFKA_NONE);
    cr_assert_eq(judge(&t, bench_batch(7, 0, 2, 1)), KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    append(&t, bench_batch(7, 0, 1, INT32_MAX)); /* 1 .. MAX */
    cr_assert_eq(judge(&t, bench_batch(7, 0, 0, 1)), KAFKA_NONE);
    cr_assert_eq(judge(&t, bench_batch(7, 0, 1, 1)), KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    table_release(&t);
}

Test(producers, epochs_begin_at_zero_and_never_fall)
{
    struct table t;
    table_init(&t);
    append(&t, bench_batch(7, 3, 10, 1));
    cr_assert_eq(judge(&t, bench_batch(7, 2, 11, 1)), KAFKA_INVALID_PRODUCER_EPOCH);
    cr_assert_eq(judge(&t, bench_batch(7, 4, 11, 1)), KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    cr_assert_eq(judge(&t, bench_batch(7, 4, 0, 1)), KAFKA_NONE);
    append(&t, bench_batch(7, 4, 0, 1));
    cr_assert_eq(original(&t, bench_batch(7, 3, 10, 1)), -1); /* an epoch's window ends with it */
    cr_assert_eq(judge(&t, bench_batch(7, 3, 11, 1)), KAFKA_INVALID_PRODUCER_EPOCH);
    table_release(&t);
}

Test(producers, half_filled_ids_are_refused)
{
    struct table t;
    table_init(&t);
    cr_assert_eq(judge(&t, bench_batch(7, NO_PRODUCER_EPOCH, 0, 1)), KAFKA_INVALID_RECORD);
    cr_assert_eq(judge(&t, bench_batch(7, 0, NO_SEQUENCE, 1)), KAFKA_INVALID_RECORD);
    cr_assert_eq(judge(&t, bench_batch(NO_PRODUCER_ID, NO_PRODUCER_EPOCH, NO_SEQUENCE, 1)),
                 KAFKA_NONE);
    table_release(&t);
}

Test(producers, five_batches_answer_duplicates)
{
    struct table t;
    table_init(&t);
    for (int32_t i = 0; i < 30; i++) {
        append(&t, bench_batch(7, 0, i * 2, 2));
    }
    for (int32_t i = 25; i < 30; i++) {
        cr_assert_eq(original(&t, bench_batch(7, 0, i * 2, 2)), i * 2);
        cr_assert_eq(original(&t, bench_batch(7, 0, i * 2, 1)),
                     -1); /* another length is another batch */
    }
    cr_assert_eq(original(&t, bench_batch(7, 0, 48, 2)), -1);
    cr_assert_eq(judge(&t, bench_batch(7, 0, 48, 2)), KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    table_release(&t);
}

Test(producers, truncation_leaves_the_window_whole)
{
    struct table t;
    table_init(&t);
    append(&t, bench_batch(8, 0, 0, 1)); /* offset 0 */
    for (int32_t i = 0; i < 20; i++) {
        append(&t, bench_batch(7, 0, i, 1)); /* offset i + 1 */
    }
    cr_assert(producer_table_truncate(&t.producers, 16)); /* sequences 15..19 go */
    producer_table_check(&t.producers, 16);
    for (int32_t i = 10; i < 15; i++) {
        cr_assert_eq(original(&t, bench_batch(7, 0, i, 1)), i + 1);
    }
    cr_assert_eq(judge(&t, bench_batch(7, 0, 15, 1)), KAFKA_NONE);
    cr_assert_eq(judge(&t, bench_batch(7, 0, 20, 1)), KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    table_release(&t);
}

Test(producers, truncation_takes_epochs_back_and_producers_out)
{
    struct table t;
    table_init(&t);
    append(&t, bench_batch(7, 0, 5, 1));
    append(&t, bench_batch(7, 1, 0, 1));
    append(&t, bench_batch(9, 0, 0, 1));
    cr_assert(producer_table_truncate(&t.producers, 1));
    cr_assert_eq(judge(&t, bench_batch(7, 0, 6, 1)), KAFKA_NONE);
    cr_assert_eq(judge(&t, bench_batch(7, 0, 7, 1)), KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    cr_assert_eq(t.producers.by_id.count, 1);
    cr_assert(producer_table_truncate(&t.producers, 0));
    cr_assert_eq(t.producers.by_id.count, 0);
    table_release(&t);
}

Test(producers, what_truncation_cannot_know_asks_for_a_rebuild)
{
    struct table t;
    table_init(&t);
    for (int32_t i = 0; i < 20; i++) {
        append(&t, bench_batch(7, 0, i, 1));
    }
    cr_assert_not(producer_table_truncate(&t.producers, 5)); /* deeper than what is kept */
    cr_assert_eq(t.producers.by_id.count, 0);
    table_release(&t);

    table_init(&t);
    struct producer_entry entry = {.id = 7,
                                   .last_offset = 9,
                                   .last_sequence = 3,
                                   .txn_first_offset = -1,
                                   .coordinator_epoch = -1};
    cr_assert(producer_table_load(&t.producers, &entry, 0));
    cr_assert(producer_table_truncate(&t.producers, 10));
    cr_assert_not(producer_table_truncate(&t.producers, 9));
    table_release(&t);

    table_init(&t);
    struct batch_receipt transactional = bench_batch(7, 0, 0, 1);
    transactional.transactional = true;
    append(&t, transactional);
    cr_assert_not(producer_table_truncate(&t.producers, 0));
    table_release(&t);
}

Test(producers, open_transactions_refuse_plain_batches_and_do_not_expire)
{
    struct table t;
    table_init(&t);
    struct batch_receipt transactional = bench_batch(7, 0, 0, 1);
    transactional.transactional = true;
    append(&t, transactional);
    append(&t, bench_batch(8, 0, 0, 1));
    cr_assert_eq(judge(&t, bench_batch(7, 0, 1, 1)), KAFKA_INVALID_TXN_STATE);
    cr_assert_eq(producer_table_expire(&t.producers, 1000), 0);
    cr_assert_eq(producer_table_expire(&t.producers, 1001), 1);
    cr_assert_eq(judge(&t, bench_batch(8, 0, 9, 1)), KAFKA_NONE);
    struct batch_receipt marker = {.producer_id = 7,
                                   .producer_epoch = 0,
                                   .control = true,
                                   .transactional = true,
                                   .base_sequence = NO_SEQUENCE,
                                   .coordinator_epoch = 4,
                                   .record_count = 1};
    append(&t, marker);
    cr_assert_eq(judge(&t, bench_batch(7, 0, 1, 1)), KAFKA_NONE);
    uint32_t at = 0;
    struct producer_entry entry;
    cr_assert(producer_table_next(&t.producers, &at, &entry));
    cr_assert_eq(entry.id, 7);
    cr_assert_eq(entry.coordinator_epoch, 4);
    cr_assert_eq(entry.txn_first_offset, -1);
    cr_assert_eq(entry.last_sequence, 0);
    cr_assert_not(producer_table_next(&t.producers, &at, &entry));
    cr_assert_eq(producer_table_expire(&t.producers, 1001), 1);
    table_release(&t);
}

/* Of what is deleted below an offset, each producer's newest batch; what lies there is not known of who wrote only behind. */
Test(producers, what_lies_below_an_offset_is_told_as_it_was_there)
{
    struct table t;
    table_init(&t);
    append(&t, bench_batch(7, 0, 0, 2)); /* at 0 and 1 */
    append(&t, bench_batch(8, 0, 0, 1)); /* at 2 */
    append(&t, bench_batch(7, 0, 2, 3)); /* at 3 to 5 */
    append(&t, bench_batch(9, 0, 0, 1)); /* at 6 */
    uint32_t at = 0;
    struct producer_entry entry;
    cr_assert(producer_table_next_below(&t.producers, &at, 5, &entry));
    cr_assert_eq(entry.id, 7);
    cr_assert_eq(entry.last_offset, 1, "the next one is not all below");
    cr_assert_eq(entry.last_sequence, 1);
    cr_assert_eq(entry.last_offset_delta, 1);
    cr_assert(producer_table_next_below(&t.producers, &at, 5, &entry));
    cr_assert_eq(entry.id, 8);
    cr_assert_eq(entry.last_offset, 2);
    cr_assert_not(producer_table_next_below(&t.producers, &at, 5, &entry));
    table_release(&t);
}

/* What a snapshot tells is enough to go on: the next sequence and the newest batch. */
/* M70: what counts is the newest batch, not the first. */
Test(producers, who_goes_on_writing_does_not_expire)
{
    struct table t;
    table_init(&t);
    for (int32_t i = 0; i < 5; i++) {
        struct batch_receipt receipt = bench_batch(7, 0, 2 * i, 2);
        receipt.base_offset = 2 * i;
        cr_assert(producer_table_append(&t.producers, &receipt, 1000 + 1000 * i));
    }
    cr_assert_eq(producer_table_expire(&t.producers, 5000), 0);
    cr_assert_eq(producer_table_expire(&t.producers, 5001), 1);
    table_release(&t);
}

Test(producers, a_snapshot_line_restores_what_it_says)
{
    struct table t;
    struct producer_entry entry;
    table_init(&t);
    append(&t, bench_batch(7, 2, 0, 4));
    append(&t, bench_batch(7, 2, 4, 3));
    uint32_t at = 0;
    cr_assert(producer_table_next(&t.producers, &at, &entry));
    producer_table_clear(&t.producers);
    cr_assert(producer_table_load(&t.producers, &entry, 0));
    producer_table_check(&t.producers, 7);
    cr_assert_eq(original(&t, bench_batch(7, 2, 4, 3)), 4);
    cr_assert_eq(judge(&t, bench_batch(7, 2, 7, 1)), KAFKA_NONE);
    cr_assert_eq(judge(&t, bench_batch(7, 2, 8, 1)), KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    /* Replay may begin below the snapshot: what it has already changes nothing. */
    struct batch_receipt old = bench_batch(7, 2, 4, 3);
    old.base_offset = 4;
    cr_assert(producer_table_append(&t.producers, &old, 0));
    cr_assert_eq(judge(&t, bench_batch(7, 2, 7, 1)), KAFKA_NONE);
    table_release(&t);
}

/* Against a plain model: many producers, random batches, truncations; whatever the table claims to know is right. */
Test(producers, agrees_with_the_log)
{
    struct table t;
    struct prng prng;
    static struct batch_receipt log[4000];
    uint32_t count = 0;
    table_init(&t);
    prng_init(&prng, 4711);
    while (count < ARRAY_LEN(log)) {
        int64_t id = prng_between(&prng, 0, 6);
        int32_t next = 0;
        for (uint32_t i = count; i > 0 && next == 0; i--) { /* what the log says of it */
            if (log[i - 1].producer_id == id) {
                next = sequence_add(receipt_last_sequence(&log[i - 1]), 1);
            }
        }
        struct batch_receipt batch = bench_batch(id, 0, next, (int32_t)prng_between(&prng, 1, 9));
        cr_assert_eq(judge(&t, batch), KAFKA_NONE, "producer %ld, sequence %d", (long)id, next);
        batch.base_offset = t.end;
        log[count++] = batch;
        append(&t, batch);
        if (prng_chance(&prng, 30)) {
            uint32_t gone = (uint32_t)prng_between(&prng, 0, 40);
            count = gone < count ? count - gone : 0;
            t.end = count == 0 ? 0 : receipt_last_offset(&log[count - 1]) + 1;
            if (!producer_table_truncate(&t.producers, t.end)) {
                for (uint32_t i = 0; i < count; i++) {
                    cr_assert(producer_table_append(&t.producers, &log[i], 0));
                }
            }
            producer_table_check(&t.producers, t.end);
        }
    }
    table_release(&t);
}
