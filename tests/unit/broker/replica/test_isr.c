#include "tests/unit/broker/replica/replica_bench.h"

static void answer(struct bench *b, enum kafka_error error)
{
    struct replica_event event = {.kind = REPLICA_ISR_ANSWER};
    event.isr_answer.ask = b->replica.leading.isr_ask;
    event.isr_answer.error = error;
    event.isr_answer.leader_epoch = b->replica.view.leader_epoch;
    event.isr_answer.partition_epoch = b->replica.view.partition_epoch + 1;
    for (uint32_t i = 0; i < b->view.member_count; i++) {
        if (b->replica.leading.isr_proposed & (1u << i)) {
            event.isr_answer.isr[event.isr_answer.isr_count++] = b->view.members[i].id;
        }
    }
    bench_step(b, event);
}

Test(isr, nobody_joins_below_the_start_of_the_epoch)
{
    struct bench b;
    bench_init(&b, 10);
    bench_view(&b);
    bench_isr(&b, 2, 1, 3, 0);
    b.view.partition_epoch = 2;
    bench_view(&b); /* replica 2 was taken out, just after the election */
    cr_assert_eq(b.replica.high_watermark, 0);
    bench_fetch(&b, 2, 5,
                5); /* above the watermark, which may be stale, but below the epoch's start */
    cr_assert_null(bench_find(&b, REPLICA_ASK_ISR));
    bench_fetch(&b, 2, 10, 9);
    cr_assert_null(bench_find(&b, REPLICA_ASK_ISR));
    bench_fetch(&b, 2, 10, 10);
    bench_must(&b, REPLICA_ASK_ISR);
    cr_assert_eq(b.out.ask.count, 3);
    cr_assert_eq(b.out.ask.partition_epoch, 2);
    bench_release(&b);
}

Test(isr, nobody_joins_below_the_high_watermark)
{
    struct bench b;
    bench_init(&b, 10);
    bench_isr(&b, 2, 1, 3, 0);
    bench_view(&b);
    bench_fetch(&b, 3, 10, 10);
    bench_produce_plain(&b, 1, 5);
    bench_durable(&b, 15);
    bench_fetch(&b, 3, 15, 15);
    cr_assert_eq(b.replica.high_watermark, 15);
    bench_fetch(&b, 2, 14, 14);
    bench_fetch(&b, 2, 15, 14); /* written is not synced */
    cr_assert_null(bench_find(&b, REPLICA_ASK_ISR));
    bench_fetch(&b, 2, 15, 15);
    bench_must(&b, REPLICA_ASK_ISR);
    bench_release(&b);
}

Test(isr, an_ask_tells_the_min_isr_of_now)
{
    struct bench b;
    bench_init(&b, 0);
    bench_view(&b);
    bench_produce_plain(&b, 1, 1);
    bench_tick(&b, b.view.lag_time_max_ms + 1);
    bench_must(&b, REPLICA_ASK_ISR);
    cr_assert_eq(b.out.ask.min_isr, 2);
    b.view.min_isr = 1;
    bench_view(&b);
    struct replica_event lost = {.kind = REPLICA_ISR_ANSWER};
    lost.isr_answer.error = KAFKA_REQUEST_TIMED_OUT;
    lost.isr_answer.ask = b.replica.asks;
    bench_step(&b, lost);
    bench_tick(&b, REPLICA_ISR_RETRY_MS);
    bench_must(&b, REPLICA_ASK_ISR);
    cr_assert_eq(b.out.ask.min_isr, 1);
    bench_release(&b);
}

Test(isr, the_ineligible_do_not_join)
{
    struct bench b;
    bench_init(&b, 10);
    bench_isr(&b, 2, 1, 3, 0);
    b.view.members[1].eligible = false;
    bench_view(&b);
    bench_fetch(&b, 2, 10, 10);
    cr_assert_null(bench_find(&b, REPLICA_ASK_ISR));
    bench_view(&b);
    b.view.members[1].eligible = true;
    bench_view(&b); /* what it showed before the newest fencing does not count */
    cr_assert_null(bench_find(&b, REPLICA_ASK_ISR));
    bench_tick(&b, 1);
    cr_assert_null(bench_find(&b, REPLICA_ASK_ISR));
    bench_fetch(&b, 2, 10, 10);
    bench_must(&b, REPLICA_ASK_ISR);
    bench_release(&b);
}

Test(isr, one_request_at_a_time)
{
    struct bench b;
    bench_init(&b, 10);
    bench_isr(&b, 1, 1, 0, 0);
    bench_view(&b);
    bench_fetch(&b, 2, 10, 10);
    bench_must(&b, REPLICA_ASK_ISR);
    cr_assert_eq(b.out.ask.count, 2);
    bench_fetch(&b, 3, 10, 10);
    cr_assert_null(bench_find(&b, REPLICA_ASK_ISR));
    answer(&b, KAFKA_NONE);
    bench_must(&b, REPLICA_ASK_ISR);
    cr_assert_eq(b.out.ask.count, 3);
    cr_assert_eq(b.out.ask.partition_epoch, 2);
    answer(&b, KAFKA_NONE);
    cr_assert_null(bench_find(&b, REPLICA_ASK_ISR));
    cr_assert(replica_in_isr(&b.replica, 2) && replica_in_isr(&b.replica, 3));
    bench_release(&b);
}

Test(isr, a_refused_member_does_not_stand_in_anothers_way)
{
    struct bench b;
    bench_init(&b, 10);
    bench_isr(&b, 1, 1, 0, 0);
    bench_view(&b);
    bench_fetch(&b, 2, 10, 10);
    bench_fetch(&b, 3, 10, 10);
    answer(&b, KAFKA_INELIGIBLE_REPLICA);
    cr_assert_null(bench_find(&b, REPLICA_ASK_ISR)); /* not at once */
    cr_assert_leq(replica_deadline(&b.replica), b.now + REPLICA_ISR_RETRY_MS);
    bench_tick(&b, REPLICA_ISR_RETRY_MS);
    bench_must(&b, REPLICA_ASK_ISR);
    cr_assert_eq(b.out.ask.isr[1].id, 3);
    bench_release(&b);
}

Test(isr, stale_answers_change_nothing)
{
    struct bench b;
    bench_init(&b, 10);
    bench_isr(&b, 2, 1, 3, 0);
    b.view.partition_epoch = 5;
    bench_view(&b);
    struct replica_event event = {.kind = REPLICA_ISR_ANSWER};
    event.isr_answer.leader_epoch = 1;
    event.isr_answer.partition_epoch = 5;
    event.isr_answer.isr_count = 1;
    event.isr_answer.isr[0] = 1;
    bench_step(&b, event);
    cr_assert(replica_in_isr(&b.replica, 3));
    event.isr_answer.partition_epoch = 6;
    event.isr_answer.leader_epoch = 0;
    bench_step(&b, event);
    cr_assert(replica_in_isr(&b.replica, 3));
    event.isr_answer.leader_epoch = 1;
    event.isr_answer.isr[0] = 9; /* not of this partition */
    bench_step(&b, event);
    cr_assert(replica_in_isr(&b.replica, 3));
    bench_release(&b);
}

Test(isr, an_answer_ahead_of_the_image_is_not_undone_by_it)
{
    struct bench b;
    bench_init(&b, 10);
    bench_isr(&b, 2, 1, 3, 0);
    bench_view(&b);
    bench_fetch(&b, 2, 10, 10);
    answer(&b, KAFKA_NONE);
    cr_assert_eq(b.replica.view.partition_epoch, 2);
    b.view.min_isr = 3; /* the image still shows partition epoch 1, but a new min ISR */
    bench_view(&b);
    cr_assert(replica_in_isr(&b.replica, 2));
    cr_assert_eq(b.replica.view.partition_epoch, 2);
    cr_assert_eq(b.replica.view.min_isr, 3);
    bench_release(&b);
}

Test(isr, the_silent_leave_after_the_lag_time_and_only_once_committed)
{
    struct bench b;
    bench_init(&b, 0);
    bench_view(&b);
    bench_fetch(&b, 2, 0, 0);
    bench_fetch(&b, 3, 0, 0);
    uint64_t ticket = bench_produce_plain(&b, -1, 1);
    bench_durable(&b, 1);
    bench_fetch(&b, 2, 1, 1);
    cr_assert_eq(replica_deadline(&b.replica), b.now + 10001);
    bench_tick(&b, 10000);
    cr_assert_null(bench_find(&b, REPLICA_ASK_ISR));
    bench_tick(&b, 1);
    bench_must(&b, REPLICA_ASK_ISR);
    cr_assert_eq(b.out.ask.count, 2);
    cr_assert_eq(b.replica.high_watermark, 0);
    answer(&b, KAFKA_NONE);
    cr_assert_eq(bench_told(&b, ticket), KAFKA_NONE);
    bench_release(&b);
}

/* On an idle partition nobody lags; when a batch comes after a long silence, the silent are noticed without any fetch. */
Test(isr, a_batch_after_a_long_silence_makes_laggards)
{
    struct bench b;
    bench_init(&b, 0);
    bench_view(&b);
    bench_fetch(&b, 2, 0, 0);
    bench_fetch(&b, 3, 0, 0);
    bench_tick(&b, 60000);
    cr_assert_null(bench_find(&b, REPLICA_ASK_ISR));
    cr_assert_eq(replica_deadline(&b.replica), TIME_NEVER);
    bench_produce_plain(&b, -1, 1);
    cr_assert_leq(replica_deadline(&b.replica), b.now);
    bench_tick(&b, 0);
    bench_must(&b, REPLICA_ASK_ISR);
    cr_assert_eq(b.out.ask.count, 1);
    bench_release(&b);
}

/* Under load a follower never reaches the very end; having what was there at its last fetch is enough. */
Test(isr, a_follower_just_behind_a_busy_leader_stays)
{
    struct bench b;
    bench_init(&b, 0);
    bench_isr(&b, 2, 1, 2, 0);
    bench_view(&b);
    for (int64_t i = 0; i < 100; i++) {
        bench_produce_plain(&b, 1, 1);
        bench_fetch(&b, 2, i, i);
        bench_tick(&b, 1000);
        cr_assert_null(bench_find(&b, REPLICA_ASK_ISR));
    }
    bench_release(&b);
}

Test(isr, a_removed_and_added_replica_begins_from_nothing)
{
    struct bench b;
    bench_init(&b, 10);
    bench_isr(&b, 1, 1, 0, 0);
    b.view.min_isr = 1;
    b.view.members[2].eligible = false;
    bench_view(&b);
    bench_fetch(&b, 3, 10, 10);
    b.view.member_count = 2; /* replica 3 goes */
    b.view.partition_epoch = 2;
    bench_view(&b);
    cr_assert_eq(bench_fetch(&b, 3, 10, 10)->error, KAFKA_NOT_LEADER_OR_FOLLOWER);
    b.view.member_count = 3; /* and comes again, with an empty log */
    b.view.members[2].eligible = true;
    b.view.partition_epoch = 3;
    bench_view(&b);
    cr_assert_null(bench_find(&b, REPLICA_ASK_ISR));
    bench_tick(&b, 1);
    cr_assert_null(bench_find(&b, REPLICA_ASK_ISR));
    bench_fetch(&b, 3, 10, 10);
    bench_must(&b, REPLICA_ASK_ISR);
    bench_release(&b);
}

/* Its disk is three fetches behind its fetches, for ever: each fetch of its own finds it short of where the leader was at the
 * one before. */
Test(isr, a_follower_that_fetches_ahead_of_its_disk_joins)
{
    struct bench b;
    bool asked = false;
    bench_init(&b, 10);
    bench_isr(&b, 1, 1, 0, 0);
    b.view.min_isr = 1;
    bench_view(&b);
    for (int64_t end = 10; end < 60 && !asked; end += 2) {
        bench_fetch(&b, 2, end, end > 16 ? end - 6 : 9);
        asked = bench_find(&b, REPLICA_ASK_ISR) != NULL;
        bench_produce_plain(&b, 1, 2);
        bench_durable(&b, end + 2);
        bench_tick(&b, 10);
    }
    cr_assert(asked);
    bench_release(&b);
}

/* Its log is opened again, in the same leadership, as far as it reached. */
static void begin_anew(struct bench *b, int64_t log_end)
{
    struct replica_event stop = {.kind = REPLICA_STOP};
    struct epoch_entry epochs[] = {{0, 0}, {1, 10}};
    stop.stop.error = KAFKA_KAFKA_STORAGE_ERROR;
    bench_step(b, stop);
    replica_begin_anew(&b->replica);
    bench_load(b, log_end, epochs, ARRAY_LEN(epochs));
    bench_step(b, (struct replica_event){.kind = REPLICA_LOADED});
}

/* Broker 3 is asked for as in sync, and nobody knows yet what became of that. */
static void ask_for_third(struct bench *b)
{
    bench_init(b, 10);
    bench_isr(b, 2, 1, 2, 0);
    bench_view(b);
    bench_fetch(b, 2, 10, 10);
    bench_fetch(b, 3, 10, 10);
    bench_must(b, REPLICA_ASK_ISR);
    cr_assert_eq(b->out.ask.count, 3);
    cr_assert_eq(b->replica.high_watermark, 10);
}

/* A leader that has no memory for its producers opens its log again and leads on in the same epoch, with a request out that may be
 * carried out later: whom that lets in can be elected. */
Test(isr, who_begins_anew_waits_for_whom_it_may_have_let_in)
{
    struct bench b;
    ask_for_third(&b);
    begin_anew(&b, 10);
    replica_begin_anew(&b.replica); /* no memory once more, before it led */
    begin_anew(&b, 10);
    bench_view(&b);
    bench_must(&b, REPLICA_ASK_ISR);
    cr_assert_eq(b.out.ask.count, 3, "the same is asked again, behind the first");
    cr_assert_eq(b.out.ask.partition_epoch, 1);
    bench_fetch(&b, 2, 10, 10);
    uint64_t ticket = bench_produce_plain(&b, -1, 1);
    bench_durable(&b, 11);
    bench_fetch(&b, 2, 11, 11);
    cr_assert_lt(b.replica.high_watermark, 11);
    cr_assert_null(bench_find(&b, REPLICA_ACK));
    bench_fetch(&b, 3, 11, 11);
    cr_assert_eq(b.replica.high_watermark, 11);
    cr_assert_eq(bench_told(&b, ticket), KAFKA_NONE);
    answer(&b, KAFKA_NONE);
    cr_assert(replica_in_isr(&b.replica, 3));
    bench_release(&b);
}

Test(isr, who_begins_anew_does_not_vouch_for_another_incarnation)
{
    struct bench b;
    ask_for_third(&b);
    begin_anew(&b, 10);
    b.view.members[2].broker_epoch = 23;
    bench_view(&b);
    cr_assert_null(bench_find(&b, REPLICA_ASK_ISR));
    bench_release(&b);
}

Test(isr, what_was_asked_in_an_earlier_epoch_is_not_asked_again)
{
    struct bench b;
    ask_for_third(&b);
    begin_anew(&b, 10);
    b.view.leader_epoch = 2;
    b.view.partition_epoch = 2;
    bench_view(&b);
    cr_assert_null(bench_find(&b, REPLICA_ASK_ISR));
    bench_release(&b);
}
