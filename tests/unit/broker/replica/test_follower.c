#include "tests/unit/broker/replica/replica_bench.h"

static struct batch_receipt stored(int64_t base, int32_t records, int32_t epoch)
{
    struct batch_receipt receipt = bench_batch(NO_PRODUCER_ID, NO_PRODUCER_EPOCH, NO_SEQUENCE,
                                               records);
    receipt.base_offset = base;
    receipt.leader_epoch = epoch;
    return receipt;
}

static void follow(struct bench *b, int64_t log_end)
{
    bench_init(b, log_end);
    b->view.leader = 2;
    b->view.leader_epoch = 5;
    bench_view(b);
    bench_must(b, REPLICA_FETCH);
}

static void receive(struct bench *b, struct batch_receipt *receipts, uint32_t count,
                    int64_t high_watermark)
{
    struct replica_event event = bench_answer(b);
    event.fetched.receipts = receipts;
    event.fetched.receipt_count = count;
    event.fetched.high_watermark = high_watermark;
    bench_step(b, event);
}

Test(follower, appends_and_tells_what_is_synced)
{
    struct bench b;
    struct replica_fetch_plan plan;
    follow(&b, 10);
    receive(&b, (struct batch_receipt[]){stored(10, 2, 3), stored(12, 1, 5)}, 2, 11);
    cr_assert_eq(bench_must(&b, REPLICA_APPEND)->append_count, 2);
    cr_assert_eq(bench_must(&b, REPLICA_SYNC)->sync.end, 13);
    bench_must(&b, REPLICA_EPOCHS_CHANGED);
    cr_assert_eq(b.replica.high_watermark, 11);
    cr_assert(replica_fetch_plan(&b.replica, &plan));
    cr_assert_eq(plan.fetch_offset, 13);
    cr_assert_eq(plan.durable_offset, 10);
    cr_assert_eq(plan.last_fetched_epoch, 5);
    cr_assert_eq(plan.broker_epoch, 11);
    bench_durable(&b, 13);
    cr_assert(bench_must(&b, REPLICA_FETCH)->fetch.urgent);
    cr_assert(replica_fetch_plan(&b.replica, &plan));
    cr_assert_eq(plan.durable_offset, 13);
    bench_release(&b);
}

Test(follower, its_high_watermark_never_passes_its_log_and_may_fall)
{
    struct bench b;
    follow(&b, 10);
    receive(&b, NULL, 0, 50);
    cr_assert_eq(b.replica.high_watermark, 10);
    bench_must(&b, REPLICA_WAKE_CONSUMERS);
    receive(&b, NULL, 0, 7); /* a new leader's may be stale; the log stays as it is */
    cr_assert_eq(b.replica.high_watermark, 7);
    cr_assert_eq(b.replica.log_end, 10);
    bench_release(&b);
}

Test(follower, batches_that_break_the_rules_are_left_out)
{
    static const struct {
        int64_t base;
        int32_t delta;
        int32_t records;
        int32_t epoch;
    } bad[] = {
        {11, 0, 1, 4},            /* an epoch that falls */
        {11, 0, 1, 6},            /* beyond the leader's */
        {10, 0, 1, 5},            /* overlaps */
        {11, -1, 0, 5},           /* ends before it begins */
        {11, 0, 2, 5},            /* more records than offsets */
        {11, 3, -1, 5},           /* fewer than none */
        {INT64_MAX - 1, 5, 1, 5}, /* runs over */
        {-5, 1, 1, 5},            /* below zero */
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct bench b;
        follow(&b, 10);
        struct batch_receipt receipts[] = {stored(10, 1, 5), stored(bad[i].base, 1, bad[i].epoch)};
        receipts[1].last_offset_delta = bad[i].delta;
        receipts[1].record_count = bad[i].records;
        receive(&b, receipts, 2, 0);
        cr_assert_eq(bench_must(&b, REPLICA_APPEND)->append_count, 1, "case %zu", i);
        cr_assert_eq(bench_must(&b, REPLICA_BAD_FETCH)->bad_fetch, KAFKA_CORRUPT_MESSAGE);
        cr_assert_eq(b.replica.log_end, 11);
        receive(&b, &receipts[1], 1, 0);
        cr_assert_null(bench_find(&b, REPLICA_APPEND), "case %zu", i);
        bench_release(&b);
    }
}

/* M71: what the leader has taken is appended, whatever our own state says about its producer. */
Test(follower, sequences_are_the_leaders_business)
{
    struct bench b;
    follow(&b, 0);
    struct batch_receipt batches[2] = {bench_batch(7, 0, 0, 2), bench_batch(7, 0, 40, 1)};
    batches[0].leader_epoch = batches[1].leader_epoch = 5;
    batches[1].base_offset = 2;
    receive(&b, batches, 2, 0);
    cr_assert_eq(bench_must(&b, REPLICA_APPEND)->append_count, 2);
    bench_release(&b);
}

Test(follower, compaction_leaves_gaps)
{
    struct bench b;
    follow(&b, 10);
    struct batch_receipt thin = stored(20, 1, 5);
    thin.last_offset_delta = 9; /* one record of ten is left */
    receive(&b, &thin, 1, 0);
    cr_assert_eq(bench_must(&b, REPLICA_APPEND)->append_count, 1);
    cr_assert_eq(b.replica.log_end, 30);
    bench_release(&b);
}

Test(follower, nothing_else_leaves_gaps)
{
    struct bench b;
    follow(&b, 10);
    struct batch_receipt batches[] = {stored(10, 2, 5), stored(13, 1, 5)};
    struct replica_event event = bench_answer(&b);
    event.fetched.receipts = batches;
    event.fetched.receipt_count = ARRAY_LEN(batches);
    event.fetched.whole = true;
    bench_step(&b, event);
    cr_assert_eq(bench_must(&b, REPLICA_APPEND)->append_count, 1);
    cr_assert_eq(bench_must(&b, REPLICA_BAD_FETCH)->bad_fetch, KAFKA_CORRUPT_MESSAGE);
    cr_assert_eq(b.replica.log_end, 12);
    bench_release(&b);
}

Test(follower, answers_to_other_questions_are_dropped)
{
    struct bench b;
    struct batch_receipt receipt = stored(10, 1, 5);
    for (int i = 0; i < 3; i++) {
        follow(&b, 10);
        struct replica_event event = bench_answer(&b);
        event.fetched.receipts = &receipt;
        event.fetched.receipt_count = 1;
        event.fetched.leader_epoch -= i == 0;
        event.fetched.fetch_offset -= i == 1;
        event.fetched.last_fetched_epoch -= i == 2;
        bench_step(&b, event);
        cr_assert_eq(b.out.count, 0);
        cr_assert_eq(b.replica.log_end, 10);
        bench_release(&b);
    }
}

Test(follower, errors_rest_and_contradictions_do_not_spin)
{
    struct bench b;
    follow(&b, 10);
    struct replica_event event = bench_answer(&b);
    event.fetched.error = KAFKA_NOT_LEADER_OR_FOLLOWER;
    bench_step(&b, event);
    cr_assert_eq(bench_must(&b, REPLICA_BAD_FETCH)->bad_fetch, KAFKA_NOT_LEADER_OR_FOLLOWER);
    event = bench_answer(&b);
    event.fetched.error = KAFKA_OFFSET_OUT_OF_RANGE;
    event.fetched.log_start_offset = 3; /* inside our log: no reason to throw it away */
    bench_step(&b, event);
    bench_must(&b, REPLICA_BAD_FETCH);
    event = bench_answer(&b);
    event.fetched.diverging_epoch = 0;
    event.fetched.diverging_end = 10; /* that is what we have */
    bench_step(&b, event);
    bench_must(&b, REPLICA_BAD_FETCH);
    event = bench_answer(&b);
    event.fetched.diverging_epoch = 3; /* larger than what we asked with */
    event.fetched.diverging_end = 4;
    bench_step(&b, event);
    bench_must(&b, REPLICA_BAD_FETCH);
    cr_assert_eq(b.replica.log_end, 10);
    bench_release(&b);
}

Test(follower, the_leaders_start_is_taken_as_far_as_committed)
{
    struct bench b;
    follow(&b, 10);
    struct replica_event event = bench_answer(&b);
    event.fetched.high_watermark = 6;
    event.fetched.log_start_offset = 8;
    bench_step(&b, event);
    cr_assert_eq(bench_must(&b, REPLICA_SET_LOG_START)->set_log_start, 6);
    cr_assert_eq(b.replica.log_start, 6);
    bench_release(&b);
}

/* Its client deleted records up to the middle of a batch: where an epoch ended below that, it cannot know any more. */
Test(follower, what_the_leader_has_deleted_is_not_truncated_to)
{
    struct bench b;
    follow(&b, 10);
    struct replica_event event = bench_answer(&b);
    event.fetched.diverging_epoch = epoch_cache_latest(&b.replica.epochs);
    event.fetched.diverging_end = 8;
    event.fetched.log_start_offset = 8;
    bench_step(&b, event);
    cr_assert_eq(bench_must(&b, REPLICA_RESTART)->restart.at, 8);
    cr_assert_eq(b.replica.log_start, 8);
    cr_assert_eq(b.replica.log_end, 8);
    bench_release(&b);
}

static struct batch_receipt sequenced(int64_t base, int32_t sequence, int32_t epoch)
{
    struct batch_receipt receipt = bench_batch(7, 0, sequence, 1);
    receipt.base_offset = base;
    receipt.leader_epoch = epoch;
    return receipt;
}

/* A truncation deeper than the producers' memory: nothing is fetched, and nobody with a sequence is served, until the
 * state has been read back from the log. */
Test(follower, a_deep_truncation_rebuilds_the_producers)
{
    struct bench b;
    struct replica_fetch_plan plan;
    struct batch_receipt log[30];
    follow(&b, 0);
    for (int32_t i = 0; i < 30; i++) {
        log[i] = sequenced(i, i, 4);
    }
    receive(&b, log, 30, 0);
    struct replica_event event = bench_answer(&b);
    event.fetched.diverging_epoch = 4;
    event.fetched.diverging_end = 8;
    bench_step(&b, event);
    cr_assert_eq(bench_must(&b, REPLICA_TRUNCATE)->truncate_to, 8);
    cr_assert_eq(bench_must(&b, REPLICA_REBUILD)->rebuild_to, 8);
    cr_assert_not(replica_fetch_plan(&b.replica, &plan));
    b.view.leader = 1;
    b.view.leader_epoch = 6;
    bench_view(&b);
    cr_assert_eq(bench_told(&b, bench_produce(&b, 1, bench_batch(7, 0, 8, 1))),
                 KAFKA_NOT_LEADER_OR_FOLLOWER);
    cr_assert_eq(bench_told(&b, bench_produce_plain(&b, 1, 1)), KAFKA_NONE);
    for (int32_t i = 0; i < 8; i++) {
        bench_step(&b, (struct replica_event){.kind = REPLICA_REPLAY, .replay = log[i]});
    }
    bench_step(&b, (struct replica_event){.kind = REPLICA_LOADED});
    cr_assert_eq(bench_told(&b, bench_produce(&b, 1, bench_batch(7, 0, 9, 1))),
                 KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    cr_assert_eq(bench_told(&b, bench_produce(&b, 1, bench_batch(7, 0, 7, 1))), KAFKA_NONE);
    cr_assert(bench_must(&b, REPLICA_ACK)->ack.duplicate);
    cr_assert_eq(bench_told(&b, bench_produce(&b, 1, bench_batch(7, 0, 8, 1))), KAFKA_NONE);
    cr_assert_not(bench_must(&b, REPLICA_ACK)->ack.duplicate);
    bench_release(&b);
}

/* Where it begins a batch may go over that offset (DeleteRecords): no cut there could keep a part of it. */
Test(follower, a_log_that_leaves_the_leaders_at_its_own_start_begins_anew)
{
    struct bench b;
    follow(&b, 0);
    receive(&b, (struct batch_receipt[]){stored(0, 3, 1), stored(3, 5, 3)}, 2, 8);
    struct replica_event event = bench_answer(&b);
    event.fetched.high_watermark = 8;
    event.fetched.log_start_offset = 5; /* inside the second batch */
    bench_step(&b, event);
    cr_assert_eq(bench_must(&b, REPLICA_SET_LOG_START)->set_log_start, 5);
    event = bench_answer(&b);
    event.fetched.diverging_epoch = 2; /* who leads now has nothing of epoch 3, and more of 2 */
    event.fetched.diverging_end = 7;
    event.fetched.log_start_offset = 0;
    bench_step(&b, event);
    cr_assert_eq(bench_must(&b, REPLICA_RESTART)->restart.at, 5);
    bench_release(&b);
}

/* Cut deeper than it remembers when no snapshot tells of what is deleted: only the leader knows who wrote that. */
static void rebuild(struct bench *b, bool leads)
{
    struct batch_receipt log[30];
    follow(b, 0);
    for (int32_t i = 0; i < 30; i++) {
        log[i] = sequenced(i, i, 4);
    }
    receive(b, log, 30, 30);
    struct replica_event event = bench_answer(b);
    event.fetched.high_watermark = 30;
    event.fetched.log_start_offset = 5;
    bench_step(b, event);
    cr_assert_eq(bench_must(b, REPLICA_SET_LOG_START)->set_log_start, 5);
    event = bench_answer(b);
    event.fetched.diverging_epoch = 4;
    event.fetched.diverging_end = 8;
    bench_step(b, event);
    cr_assert_eq(bench_must(b, REPLICA_REBUILD)->rebuild_to, 8);
    if (leads) {
        b->view.leader = 1;
        b->view.leader_epoch = 6;
        bench_view(b);
    }
    for (int32_t i = 5; i < 8; i++) {
        bench_step(b, (struct replica_event){.kind = REPLICA_REPLAY, .replay = log[i]});
    }
    bench_step(b, (struct replica_event){.kind = REPLICA_LOADED, .producers_missing = true});
}

Test(follower, who_rebuilds_without_a_snapshot_asks_who_wrote_what_is_deleted)
{
    struct bench b;
    struct replica_fetch_plan plan;
    rebuild(&b, false);
    cr_assert(replica_fetch_plan(&b.replica, &plan));
    cr_assert_eq(plan.fetch_offset, 8);
    cr_assert_eq(plan.producers_below, 5);
    bench_release(&b);
}

Test(follower, who_leads_by_the_end_of_a_rebuild_asks_nobody)
{
    struct bench b;
    rebuild(&b, true);
    cr_assert_not(b.replica.producers_missing);
    cr_assert_eq(bench_told(&b, bench_produce(&b, 1, bench_batch(7, 0, 8, 1))), KAFKA_NONE);
    bench_release(&b);
}

Test(follower, fetches_only_once_registered)
{
    struct bench b;
    struct replica_fetch_plan plan;
    bench_init(&b, 0);
    b.view.leader = 2;
    b.view.self_broker_epoch = -1;
    bench_view(&b);
    cr_assert_not(replica_fetch_plan(&b.replica, &plan));
    b.view.self_broker_epoch = 11;
    bench_view(&b);
    bench_must(&b, REPLICA_FETCH);
    cr_assert(replica_fetch_plan(&b.replica, &plan));
    bench_release(&b);
}

static void load_begin(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    b->source = (struct memory_source){bench_take, bench_give, NULL};
    heap_init(&b->heap, &b->source, 16 << 20);
    replica_init(&b->replica,
                 &(struct replica_config){.self_id = 1, .producer_expiration_ms = 60000}, &b->heap);
}

/* Epoch 6 began at 20 and had no records; it was cut, a record of epoch 5 came there, and the file was not written anew. */
Test(loading, a_record_says_more_than_an_older_file)
{
    struct bench b;
    load_begin(&b);
    struct epoch_entry file[] = {{3, 0}, {6, 20}};
    struct replica_event event = {.kind = REPLICA_LOAD};
    event.load.log_end = 21;
    event.load.epochs = file;
    event.load.epoch_count = 2;
    bench_step(&b, event);
    bench_step(&b, (struct replica_event){.kind = REPLICA_REPLAY, .replay = stored(0, 20, 3)});
    cr_assert_eq(replica_epoch_at(&b.replica, 20), 6, "an earlier one says nothing");
    bench_step(&b, (struct replica_event){.kind = REPLICA_REPLAY, .replay = stored(20, 1, -5)});
    cr_assert_eq(replica_epoch_at(&b.replica, 20), 6, "what cannot be is left out");
    bench_step(&b, (struct replica_event){.kind = REPLICA_REPLAY, .replay = stored(20, 1, 5)});
    bench_step(&b, (struct replica_event){.kind = REPLICA_LOADED});
    cr_assert_eq(replica_epoch_at(&b.replica, 0), 3);
    cr_assert_eq(replica_epoch_at(&b.replica, 19), 3);
    cr_assert_eq(replica_epoch_at(&b.replica, 20), 5);
    bench_release(&b);
}

Test(loading, epochs_come_from_the_file_and_from_the_batches)
{
    struct bench b;
    load_begin(&b);
    /* The tail behind 20 was lost; epoch 6 began there and is empty now, epoch 7 began behind it. */
    struct epoch_entry file[] = {{1, 0}, {3, 10}, {6, 20}, {7, 25}};
    struct replica_event event = {.kind = REPLICA_LOAD};
    event.load.log_start = 4;
    event.load.log_end = 20;
    event.load.high_watermark = 30;
    event.load.epochs = file;
    event.load.epoch_count = 4;
    bench_step(&b, event);
    struct batch_receipt tail = stored(15, 5, 5);
    bench_step(&b, (struct replica_event){.kind = REPLICA_REPLAY, .replay = tail});
    bench_step(&b, (struct replica_event){.kind = REPLICA_LOADED});
    uint32_t count;
    const struct epoch_entry *epochs = replica_epochs(&b.replica, &count);
    cr_assert_eq(count, 3);
    cr_assert_eq(epochs[0].epoch, 1);
    cr_assert_eq(epochs[0].start_offset, 4);
    cr_assert_eq(epochs[2].epoch, 6);
    cr_assert_eq(b.replica.high_watermark, 20);
    cr_assert_eq(b.replica.durable_end, 20);
    bench_release(&b);
}

/* Far behind: the leader's log begins at 46, and who wrote below is asked for before anything is fetched. */
static void start_anew(struct bench *b)
{
    struct replica_fetch_plan plan;
    follow(b, 10);
    struct replica_event event = bench_answer(b);
    event.fetched.error = KAFKA_OFFSET_OUT_OF_RANGE;
    event.fetched.log_start_offset = 46;
    bench_step(b, event);
    cr_assert_eq(bench_must(b, REPLICA_RESTART)->restart.at, 46);
    cr_assert(replica_fetch_plan(&b->replica, &plan));
    cr_assert_eq(plan.producers_below, 46);
}

static struct replica_event told(const struct bench *b, const struct producer_entry *producers,
                                 uint32_t count)
{
    struct replica_event event = bench_answer(b);
    event.fetched.producers_told = true;
    event.fetched.producers = producers;
    event.fetched.producer_count = count;
    return event;
}

static enum kafka_error validate(const struct bench *b, int64_t producer, int32_t sequence)
{
    struct batch_receipt receipt = bench_batch(producer, 0, sequence, 1);
    return producer_table_validate(&b->replica.producers, &receipt);
}

Test(follower, who_starts_anew_is_told_who_wrote_what_is_deleted)
{
    struct bench b;
    struct replica_fetch_plan plan;
    struct producer_entry producers[] = {
        {.id = 7, .last_offset = 33, .last_sequence = 5},
        {.id = 8, .last_offset = 46, .last_sequence = 1}, /* not below */
        {.id = -1, .last_offset = 3, .last_sequence = 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(producers); i++) {
        producers[i].txn_first_offset = -1;
        producers[i].coordinator_epoch = -1;
    }
    start_anew(&b);
    bench_step(&b, told(&b, producers, ARRAY_LEN(producers)));
    bench_must(&b, REPLICA_NOTE_PRODUCERS);
    cr_assert_not(replica_fetch_plan(&b.replica, &plan), "nothing before it is on disk");
    bench_step(&b, (struct replica_event){.kind = REPLICA_LOADED});
    bench_must(&b, REPLICA_FETCH);
    cr_assert(replica_fetch_plan(&b.replica, &plan));
    cr_assert_eq(plan.fetch_offset, 46);
    cr_assert_eq(plan.producers_below, NO_OFFSET);
    cr_assert_eq(validate(&b, 7, 6), KAFKA_NONE);
    cr_assert_eq(validate(&b, 7, 4), KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    cr_assert_not(producer_table_knows(&b.replica.producers, 8), "its records will tell");
    /* The leader's log begins inside a batch: they stay known. */
    receive(&b, (struct batch_receipt[]){stored(43, 5, 3)}, 1, 48);
    cr_assert_eq(bench_must(&b, REPLICA_RESTART)->restart.at, 43);
    cr_assert_eq(b.replica.log_end, 48);
    cr_assert(producer_table_knows(&b.replica.producers, 7));
    cr_assert(replica_fetch_plan(&b.replica, &plan));
    cr_assert_eq(plan.producers_below, NO_OFFSET);
    bench_release(&b);
}

Test(follower, an_answer_to_an_earlier_question_is_not_taken_for_what_was_asked)
{
    struct bench b;
    start_anew(&b);
    struct replica_event early = bench_answer(&b);
    struct batch_receipt batch = stored(46, 1, 3);
    early.fetched.producers_asked = false;
    early.fetched.receipts = &batch;
    early.fetched.receipt_count = 1;
    bench_step(&b, early);
    cr_assert_eq(b.replica.log_end, 46);
    /* A leader that knows nothing of that question is followed all the same. */
    receive(&b, &batch, 1, 47);
    cr_assert_eq(b.replica.log_end, 47);
    cr_assert_not(b.replica.producers_missing);
    bench_release(&b);
}
