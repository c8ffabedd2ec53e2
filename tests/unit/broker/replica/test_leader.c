#include "tests/unit/broker/replica/replica_bench.h"

Test(leader, acks_all_waits_for_every_fsync_in_sync)
{
    struct bench b;
    bench_init(&b, 0);
    bench_view(&b);
    uint64_t ticket = bench_produce_plain(&b, -1, 3);
    cr_assert_eq(bench_must(&b, REPLICA_WRITE)->write.base_offset, 0);
    cr_assert_eq(bench_must(&b, REPLICA_WRITE)->write.leader_epoch, 1);
    cr_assert_eq(bench_must(&b, REPLICA_SYNC)->sync.end, 3);
    bench_must(&b, REPLICA_WAKE_FOLLOWERS);
    cr_assert_null(bench_find(&b, REPLICA_ACK));
    bench_fetch(&b, 2, 3, 3);
    bench_fetch(&b, 3, 3, 2); /* it has all, but not on disk */
    bench_durable(&b, 3);
    cr_assert_null(bench_find(&b, REPLICA_ACK));
    cr_assert_eq(b.replica.high_watermark, 2);
    bench_fetch(&b, 3, 3, 3);
    cr_assert_eq(bench_told(&b, ticket), KAFKA_NONE);
    cr_assert_eq(bench_must(&b, REPLICA_ACK)->ack.base_offset, 0);
    bench_must(&b, REPLICA_WAKE_CONSUMERS);
    cr_assert_eq(b.replica.high_watermark, 3);
    bench_release(&b);
}

Test(leader, own_fsync_counts_last_too)
{
    struct bench b;
    bench_init(&b, 0);
    bench_view(&b);
    uint64_t ticket = bench_produce_plain(&b, -1, 1);
    bench_fetch(&b, 2, 1, 1);
    bench_fetch(&b, 3, 1, 1);
    cr_assert_eq(b.replica.high_watermark, 0);
    bench_durable(&b, 1);
    cr_assert_eq(bench_told(&b, ticket), KAFKA_NONE);
    bench_release(&b);
}

Test(leader, acks_1_is_told_at_once_and_acks_0_nothing)
{
    struct bench b;
    bench_init(&b, 0);
    bench_view(&b);
    uint64_t ticket = bench_produce_plain(&b, 1, 2);
    cr_assert_eq(bench_told(&b, ticket), KAFKA_NONE);
    bench_produce_plain(&b, 0, 2);
    bench_must(&b, REPLICA_WRITE);
    cr_assert_null(bench_find(&b, REPLICA_ACK));
    cr_assert_eq(b.replica.log_end, 4);
    bench_release(&b);
}

Test(leader, pagecache_counts_what_is_written)
{
    struct bench b;
    bench_init(&b, 0);
    b.view.durability = REPLICA_PAGECACHE;
    bench_view(&b);
    uint64_t ticket = bench_produce_plain(&b, -1, 2);
    cr_assert_null(bench_find(&b, REPLICA_SYNC));
    bench_fetch(&b, 2, 2, 0);
    bench_fetch(&b, 3, 2, 0);
    cr_assert_eq(bench_told(&b, ticket), KAFKA_NONE);
    /* Turned to DISK: the watermark stays, and moves again when all have synced everything. */
    b.view.durability = REPLICA_DISK;
    bench_view(&b);
    cr_assert_eq(bench_must(&b, REPLICA_SYNC)->sync.end, 2);
    cr_assert_eq(b.replica.high_watermark, 2);
    ticket = bench_produce_plain(&b, -1, 1);
    bench_fetch(&b, 2, 3, 1);
    bench_fetch(&b, 3, 3, 3);
    bench_durable(&b, 3);
    cr_assert_eq(b.replica.high_watermark, 2);
    bench_fetch(&b, 2, 3, 3);
    cr_assert_eq(bench_told(&b, ticket), KAFKA_NONE);
    bench_release(&b);
}

Test(leader, too_few_in_sync_refuse_and_fail_what_waits)
{
    struct bench b;
    bench_init(&b, 0);
    bench_view(&b);
    uint64_t ticket = bench_produce_plain(&b, -1, 1);
    bench_isr(&b, 1, 1, 0, 0);
    b.view.partition_epoch = 2;
    bench_view(&b);
    cr_assert_eq(bench_told(&b, ticket), KAFKA_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    bench_durable(&b, 1);
    cr_assert_eq(b.replica.high_watermark, 0); /* nothing is committed below min ISR */
    ticket = bench_produce_plain(&b, -1, 1);
    cr_assert_eq(bench_told(&b, ticket), KAFKA_NOT_ENOUGH_REPLICAS);
    cr_assert_null(bench_find(&b, REPLICA_WRITE));
    ticket = bench_produce_plain(&b, 1, 1); /* acks = 1 asks for nobody */
    cr_assert_eq(bench_told(&b, ticket), KAFKA_NONE);
    bench_release(&b);
}

Test(leader, resigning_tells_who_waits)
{
    struct bench b;
    bench_init(&b, 0);
    bench_view(&b);
    uint64_t ticket = bench_produce_plain(&b, -1, 1);
    b.view.leader = 2;
    b.view.leader_epoch = 2;
    b.view.partition_epoch = 2;
    bench_view(&b);
    cr_assert_eq(bench_told(&b, ticket), KAFKA_NOT_LEADER_OR_FOLLOWER);
    bench_must(&b, REPLICA_WAKE_FOLLOWERS);
    bench_must(&b, REPLICA_WAKE_CONSUMERS);
    bench_must(&b, REPLICA_FETCH);
    cr_assert_eq(bench_told(&b, bench_produce_plain(&b, -1, 1)), KAFKA_NOT_LEADER_OR_FOLLOWER);
    bench_release(&b);
}

Test(leader, a_new_epoch_of_its_own_ends_the_old_leadership)
{
    struct bench b;
    bench_init(&b, 0);
    bench_view(&b);
    uint64_t ticket = bench_produce_plain(&b, -1, 1);
    bench_fetch(&b, 2, 1, 1);
    b.view.leader_epoch = 2;
    b.view.partition_epoch = 2;
    bench_view(&b);
    cr_assert_eq(bench_told(&b, ticket), KAFKA_NOT_LEADER_OR_FOLLOWER);
    bench_durable(&b, 1);
    bench_fetch(&b, 3, 1, 1);
    cr_assert_eq(b.replica.high_watermark, 0); /* replica 2 has not fetched in this epoch */
    bench_fetch(&b, 2, 1, 1);
    cr_assert_eq(b.replica.high_watermark, 1);
    bench_release(&b);
}

Test(leader, more_tickets_than_one_list_holds)
{
    struct bench b;
    bench_init(&b, 0);
    bench_view(&b);
    for (int i = 0; i < 200; i++) {
        bench_produce_plain(&b, -1, 1);
    }
    bench_fetch(&b, 2, 200, 200);
    bench_fetch(&b, 3, 200, 200);
    bench_durable(&b, 200);
    uint64_t told = 0;
    for (;;) {
        for (uint32_t i = 0; i < b.out.count; i++) {
            if (b.out.list[i].kind == REPLICA_ACK) {
                cr_assert_eq(b.out.list[i].ack.ticket, ++told); /* in order */
                cr_assert_eq(b.out.list[i].ack.base_offset, (int64_t)told - 1);
            }
        }
        if (!b.out.more) {
            break;
        }
        cr_assert_eq(b.out.count, REPLICA_ACTIONS_MAX);
        bench_step(&b, (struct replica_event){.kind = REPLICA_MORE});
    }
    cr_assert_eq(told, 200);
    bench_release(&b);
}

Test(leader, forgotten_tickets_are_told_nothing)
{
    struct bench b;
    bench_init(&b, 0);
    bench_view(&b);
    uint64_t first = bench_produce_plain(&b, -1, 1);
    uint64_t second = bench_produce_plain(&b, -1, 1);
    bench_step(&b, (struct replica_event){.kind = REPLICA_FORGET, .forget = first});
    bench_fetch(&b, 2, 2, 2);
    bench_fetch(&b, 3, 2, 2);
    bench_durable(&b, 2);
    cr_assert_eq(bench_told(&b, second), KAFKA_NONE);
    cr_assert_eq(bench_must(&b, REPLICA_ACK)->ack.ticket, second);
    bench_release(&b);
}

Test(leader, a_failed_write_fails_its_ticket_and_all_others)
{
    for (int16_t acks = -1; acks <= 1; acks++) {
        struct bench b;
        bench_init(&b, 0);
        bench_view(&b);
        uint64_t first = bench_produce_plain(&b, -1, 1);
        uint64_t failed = bench_produce_plain(&b, acks, 1);
        struct replica_event event = {.kind = REPLICA_STOP};
        event.stop.error = KAFKA_KAFKA_STORAGE_ERROR;
        event.stop.failed_ticket = acks == 0 ? NO_TICKET : failed;
        bench_step(&b, event);
        cr_assert_eq(bench_told(&b, first), KAFKA_KAFKA_STORAGE_ERROR);
        uint32_t acks_seen = 0;
        for (uint32_t i = 0; i < b.out.count; i++) {
            acks_seen += b.out.list[i].kind == REPLICA_ACK;
        }
        cr_assert_eq(acks_seen, acks == 0 ? 1 : 2); /* each once */
        cr_assert_eq(bench_told(&b, bench_produce_plain(&b, 1, 1)), KAFKA_KAFKA_STORAGE_ERROR);
        cr_assert_eq(replica_deadline(&b.replica), TIME_NEVER);
        bench_release(&b);
    }
}

Test(leader, a_sync_begun_before_a_truncation_proves_nothing)
{
    struct bench b;
    bench_init(&b, 10);
    b.view.leader = 2;
    bench_view(&b);
    struct batch_receipt lost[] = {
        {.base_offset = 10, .producer_id = -1, .record_count = 10, .last_offset_delta = 9}};
    struct replica_event event = bench_answer(&b);
    event.fetched.receipts = lost;
    event.fetched.receipt_count = 1;
    bench_step(&b, event);
    uint32_t cut = bench_must(&b, REPLICA_SYNC)->sync.cut;
    event = bench_answer(&b);
    event.fetched.diverging_epoch = 0;
    event.fetched.diverging_end = 12;
    bench_step(&b, event);
    cr_assert_eq(bench_must(&b, REPLICA_TRUNCATE)->truncate_to, 12);
    event = bench_answer(&b);
    struct batch_receipt next[] = {{.base_offset = 12,
                                    .producer_id = -1,
                                    .record_count = 8,
                                    .last_offset_delta = 7,
                                    .leader_epoch = 1}};
    event.fetched.receipts = next;
    event.fetched.receipt_count = 1;
    bench_step(&b, event);
    cr_assert_eq(b.replica.log_end, 20);
    event = (struct replica_event){.kind = REPLICA_DURABLE};
    event.durable.end = 20;
    event.durable.cut = cut;
    bench_step(&b, event);
    cr_assert_eq(b.replica.durable_end, 10);
    bench_durable(&b, 20);
    cr_assert_eq(b.replica.durable_end, 20);
    bench_release(&b);
}
