#include "tests/unit/broker/replica/replica_bench.h"

static enum kafka_error consume(const struct bench *b, int64_t offset, int32_t epoch,
                                int32_t last_epoch, struct replica_read *ret_read)
{
    struct replica_read_request request = {.replica_id = NO_BROKER,
                                           .current_leader_epoch = epoch,
                                           .fetch_offset = offset,
                                           .last_fetched_epoch = last_epoch,
                                           .high_watermark = HIGH_WATERMARK_UNTOLD};
    return replica_read(&b->replica, &request, ret_read);
}

/* Leads epoch 1 with 10 old and 5 new records, of which 12 are committed. */
static void lead(struct bench *b)
{
    bench_init(b, 10);
    bench_isr(b, 2, 1, 2, 0);
    bench_view(b);
    bench_produce_plain(b, 1, 5);
    bench_durable(b, 15);
    bench_fetch(b, 2, 15, 12);
    cr_assert_eq(b->replica.high_watermark, 12);
}

Test(reading, consumers_read_below_the_high_watermark)
{
    struct bench b;
    struct replica_read read;
    lead(&b);
    cr_assert_eq(consume(&b, 5, NO_EPOCH, NO_EPOCH, &read), KAFKA_NONE);
    cr_assert_eq(read.end, 12);
    cr_assert_eq(read.last_stable_offset, 12);
    cr_assert_not(read.at_once);
    cr_assert_eq(consume(&b, 14, NO_EPOCH, NO_EPOCH, &read),
                 KAFKA_NONE); /* nothing yet, but no error */
    cr_assert_eq(consume(&b, 15, NO_EPOCH, NO_EPOCH, &read), KAFKA_NONE);
    cr_assert_eq(consume(&b, 16, NO_EPOCH, NO_EPOCH, &read), KAFKA_OFFSET_OUT_OF_RANGE);
    cr_assert(read.at_once);
    bench_step(&b, (struct replica_event){.kind = REPLICA_LOG_START, .log_start = 6});
    cr_assert_eq(consume(&b, 5, NO_EPOCH, NO_EPOCH, &read), KAFKA_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(read.log_start, 6);
    bench_release(&b);
}

Test(reading, epochs_fence_both_ways)
{
    struct bench b;
    struct replica_read read;
    lead(&b);
    cr_assert_eq(consume(&b, 5, 1, NO_EPOCH, &read), KAFKA_NONE);
    cr_assert_eq(consume(&b, 5, 0, NO_EPOCH, &read), KAFKA_FENCED_LEADER_EPOCH);
    cr_assert_eq(consume(&b, 5, 2, NO_EPOCH, &read), KAFKA_UNKNOWN_LEADER_EPOCH);
    b.view.leader = 2;
    b.view.leader_epoch = 2;
    b.view.partition_epoch = 2;
    bench_view(&b);
    cr_assert_eq(consume(&b, 5, 2, NO_EPOCH, &read), KAFKA_NOT_LEADER_OR_FOLLOWER);
    cr_assert_eq(consume(&b, 5, 1, NO_EPOCH, &read), KAFKA_FENCED_LEADER_EPOCH);
    cr_assert_eq(consume(&b, 5, NO_EPOCH, NO_EPOCH, &read), KAFKA_NOT_LEADER_OR_FOLLOWER);
    struct replica_event event = {.kind = REPLICA_STOP};
    event.stop.error = KAFKA_KAFKA_STORAGE_ERROR;
    bench_step(&b, event);
    cr_assert_eq(consume(&b, 5, NO_EPOCH, NO_EPOCH, &read), KAFKA_KAFKA_STORAGE_ERROR);
    bench_release(&b);
}

Test(reading, a_consumer_of_another_history_is_told_where_it_parted)
{
    struct bench b;
    struct replica_read read;
    lead(&b);
    cr_assert_eq(consume(&b, 11, 1, 0, &read),
                 KAFKA_NONE); /* it holds 11 records of epoch 0, we have ten */
    cr_assert_eq(read.diverging_epoch, 0);
    cr_assert_eq(read.diverging_end, 10);
    cr_assert(read.at_once);
    cr_assert_eq(consume(&b, 10, 1, 0, &read), KAFKA_NONE);
    cr_assert_eq(read.diverging_epoch, NO_EPOCH);
    cr_assert_eq(consume(&b, 10, 1, 9, &read),
                 KAFKA_OFFSET_OUT_OF_RANGE); /* an epoch that has not been */
    int32_t epoch;
    int64_t end;
    cr_assert_eq(replica_epoch_end(&b.replica, 1, 0, &epoch, &end), KAFKA_NONE);
    cr_assert_eq(epoch, 0);
    cr_assert_eq(end, 10);
    cr_assert_eq(replica_epoch_end(&b.replica, 0, 0, &epoch, &end), KAFKA_FENCED_LEADER_EPOCH);
    bench_release(&b);
}

Test(reading, latest_waits_for_the_start_of_the_epoch)
{
    struct bench b;
    int64_t latest = -7;
    bench_init(&b, 10);
    bench_view(&b);
    cr_assert_eq(replica_latest(&b.replica, NO_EPOCH, &latest), KAFKA_OFFSET_NOT_AVAILABLE);
    bench_fetch(&b, 2, 10, 10);
    bench_fetch(&b, 3, 10, 10);
    cr_assert_eq(replica_latest(&b.replica, 1, &latest), KAFKA_NONE);
    cr_assert_eq(latest, 10);
    cr_assert_eq(replica_latest(&b.replica, 0, &latest), KAFKA_FENCED_LEADER_EPOCH);
    bench_release(&b);
}

Test(reading, fetches_that_may_not_count_do_not)
{
    struct bench b;
    bench_init(&b, 10);
    bench_view(&b);
    struct replica_event event = {.kind = REPLICA_FOLLOWER_FETCH};
    event.follower_fetch = (struct replica_follower_fetch){.replica_id = 2,
                                                           .broker_epoch = 12,
                                                           .current_leader_epoch = 1,
                                                           .fetch_offset = 10,
                                                           .last_fetched_epoch = NO_EPOCH,
                                                           .durable_offset = -1,
                                                           .high_watermark = HIGH_WATERMARK_UNTOLD};
    struct replica_event bad = event;
    bad.follower_fetch.broker_epoch = -1;
    bench_step(&b, bad);
    cr_assert_eq(b.out.read.error, KAFKA_NOT_LEADER_OR_FOLLOWER);
    bad = event;
    bad.follower_fetch.current_leader_epoch = NO_EPOCH;
    bench_step(&b, bad);
    cr_assert_eq(b.out.read.error, KAFKA_NOT_LEADER_OR_FOLLOWER);
    bad = event;
    bad.follower_fetch.replica_id = 1; /* ourselves */
    bench_step(&b, bad);
    cr_assert_eq(b.out.read.error, KAFKA_NOT_LEADER_OR_FOLLOWER);
    bad = event;
    bad.follower_fetch.replica_id = 8;
    bench_step(&b, bad);
    cr_assert_eq(b.out.read.error, KAFKA_NOT_LEADER_OR_FOLLOWER);
    bad = event;
    bad.follower_fetch.fetch_offset = 11; /* beyond our end: no such record was ever sent */
    bench_step(&b, bad);
    cr_assert_eq(b.out.read.error, KAFKA_OFFSET_OUT_OF_RANGE);
    bench_fetch(&b, 3, 10, 10);
    cr_assert_eq(b.replica.high_watermark, 0);
    bench_step(&b, event); /* without a durable offset the fetch offset is a synced one */
    cr_assert_eq(b.out.read.error, KAFKA_NONE);
    cr_assert_eq(b.replica.high_watermark, 10);
    bench_release(&b);
}

Test(reading, idle_followers_are_told_the_high_watermark)
{
    struct bench b;
    bench_init(&b, 0);
    bench_isr(&b, 2, 1, 2, 0);
    bench_view(&b);
    bench_produce_plain(&b, -1, 1);
    bench_durable(&b, 1);
    struct replica_event event = {.kind = REPLICA_FOLLOWER_FETCH};
    event.follower_fetch = (struct replica_follower_fetch){.replica_id = 2,
                                                           .broker_epoch = 12,
                                                           .current_leader_epoch = 1,
                                                           .fetch_offset = 1,
                                                           .last_fetched_epoch = 1,
                                                           .durable_offset = 1,
                                                           .high_watermark = 0};
    bench_step(&b, event);
    cr_assert_eq(b.out.read.high_watermark, 1);
    cr_assert_not(b.out.read.at_once); /* more records may follow and carry it */
    cr_assert_eq(replica_deadline(&b.replica), b.now + REPLICA_NEWS_DELAY_MS);
    bench_tick(&b, REPLICA_NEWS_DELAY_MS);
    bench_must(&b, REPLICA_WAKE_FOLLOWERS);
    bench_step(&b, event);
    cr_assert(b.out.read.at_once);
    event.follower_fetch.high_watermark = 1;
    bench_step(&b, event);
    cr_assert_not(b.out.read.at_once);
    cr_assert_eq(replica_deadline(&b.replica), TIME_NEVER);
    bench_release(&b);
}

Test(reading, idle_producers_are_forgotten_in_time)
{
    struct bench b;
    bench_init(&b, 0);
    bench_view(&b);
    bench_produce(&b, 1, bench_batch(7, 0, 0, 1));
    b.now += 59000;
    bench_produce(&b, 1, bench_batch(8, 0, 0, 1));
    bench_tick(&b, 1001);
    cr_assert_eq(b.replica.producers.by_id.count, 1);
    uint32_t at = 0;
    struct producer_entry entry;
    cr_assert(replica_next_producer(&b.replica, &at, &entry));
    cr_assert_eq(entry.id, 8);
    bench_release(&b);
}

Test(reading, records_are_gone_when_every_living_replica_has_forgotten_them)
{
    struct bench b;
    lead(&b);
    cr_assert_eq(replica_low_watermark(&b.replica), NO_OFFSET, "nobody has told his start");
    struct replica_event event = {.kind = REPLICA_FOLLOWER_FETCH};
    event.follower_fetch = (struct replica_follower_fetch){.replica_id = 2,
                                                           .broker_epoch = 12,
                                                           .current_leader_epoch = 1,
                                                           .fetch_offset = 15,
                                                           .last_fetched_epoch = NO_EPOCH,
                                                           .durable_offset = 15,
                                                           .high_watermark = 15,
                                                           .log_start = 0};
    bench_step(&b, event);
    cr_assert_not(b.out.read.at_once);
    event.follower_fetch.replica_id = 3;
    event.follower_fetch.broker_epoch = 13;
    bench_step(&b, event);
    cr_assert_eq(replica_low_watermark(&b.replica), 0);
    bench_step(&b, (struct replica_event){.kind = REPLICA_LOG_START, .log_start = 6});
    bench_must(&b, REPLICA_WAKE_FOLLOWERS);
    cr_assert_eq(replica_low_watermark(&b.replica), 0);
    bench_step(&b, event); /* it does not know yet: it is told at once */
    cr_assert(b.out.read.at_once);
    cr_assert_eq(b.out.read.log_start, 6);
    event.follower_fetch.log_start = 6;
    bench_step(&b, event);
    bench_must(&b, REPLICA_WAKE_CONSUMERS);
    cr_assert_not(b.out.read.at_once);
    cr_assert_eq(replica_low_watermark(&b.replica), 0, "2 still has them");
    b.view.members[1].eligible = false; /* and dies */
    b.view.partition_epoch++;
    bench_view(&b);
    cr_assert_eq(replica_low_watermark(&b.replica), 6);
    bench_release(&b);
}

static enum kafka_error consume_anywhere(const struct bench *b, int64_t offset, int32_t epoch,
                                         struct replica_read *ret_read)
{
    struct replica_read_request request = {.replica_id = NO_BROKER,
                                           .current_leader_epoch = epoch,
                                           .fetch_offset = offset,
                                           .last_fetched_epoch = NO_EPOCH,
                                           .high_watermark = HIGH_WATERMARK_UNTOLD,
                                           .log_start = -1,
                                           .any_replica = true};
    return replica_read(&b->replica, &request, ret_read);
}

Test(reading, a_follower_serves_consumers_up_to_the_high_watermark_that_it_knows)
{
    struct bench b;
    struct replica_read read;
    bench_init(&b, 10);
    cr_assert_eq(consume_anywhere(&b, 0, NO_EPOCH, &read), KAFKA_NOT_LEADER_OR_FOLLOWER,
                 "nothing is known of the cluster yet");
    b.view.leader = 2;
    bench_view(&b);
    struct replica_event event = {.kind = REPLICA_FETCHED};
    event.fetched = (struct replica_fetched){
        .leader_epoch = 1,
        .fetch_offset = 10,
        .last_fetched_epoch = epoch_cache_latest(&b.replica.epochs),
        .high_watermark = 7,
        .log_start_offset = 2,
        .diverging_epoch = NO_EPOCH,
        .diverging_end = NO_OFFSET};
    bench_step(&b, event);
    cr_assert_eq(consume_anywhere(&b, 5, 1, &read), KAFKA_NONE);
    cr_assert_eq(read.end, 7);
    cr_assert_eq(read.log_start, 2);
    cr_assert_not(read.at_once);
    cr_assert_eq(consume_anywhere(&b, 9, 1, &read), KAFKA_NONE, "it is there, and will be shown");
    cr_assert_eq(consume_anywhere(&b, 11, 1, &read), KAFKA_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(consume_anywhere(&b, 1, 1, &read), KAFKA_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(consume_anywhere(&b, 5, 0, &read), KAFKA_FENCED_LEADER_EPOCH);
    cr_assert_eq(consume_anywhere(&b, 5, 2, &read), KAFKA_UNKNOWN_LEADER_EPOCH);
    cr_assert_eq(consume(&b, 5, 1, NO_EPOCH, &read), KAFKA_NOT_LEADER_OR_FOLLOWER,
                 "older consumers read from leaders");
    struct replica_choice choices[REPLICAS_MAX];
    cr_assert_eq(replica_choices(&b.replica, 5, choices), 0, "who follows sends nobody away");
    b.view.leader = NO_BROKER;
    b.view.leader_epoch = 2;
    b.view.partition_epoch++;
    bench_view(&b);
    cr_assert_eq(consume_anywhere(&b, 5, 2, &read), KAFKA_NONE, "even without a leader");
    bench_release(&b);
}

Test(reading, a_leader_knows_which_followers_hold_an_offset)
{
    struct bench b;
    struct replica_choice choices[REPLICAS_MAX];
    bench_init(&b, 0);
    bench_isr(&b, 2, 1, 2, 0); /* 3 is not in sync */
    bench_view(&b);
    bench_produce_plain(&b, -1, 5);
    bench_durable(&b, 5);
    cr_assert_eq(replica_choices(&b.replica, 0, choices), 0, "none has fetched yet");
    bench_fetch(&b, 2, 3, 3);
    bench_fetch(&b, 3, 5, 5);
    uint32_t count = replica_choices(&b.replica, 3, choices);
    cr_assert_geq(count, 1);
    cr_assert_eq(choices[0].broker, 2);
    cr_assert_eq(choices[0].end, 3);
    cr_assert_eq(count, 1, "3 is no member of the committed in-sync set");
    cr_assert_eq(replica_choices(&b.replica, 4, choices), 0);
    bench_release(&b);
}
