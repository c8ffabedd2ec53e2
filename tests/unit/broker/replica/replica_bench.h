/*
 * A bench for one replica core: broker 1 of the replicas 1, 2, 3, on the C library's memory. Each helper is one step,
 * followed by replica_check; the actions of the newest step stay in `out`.
 */
#ifndef ODRADEK_TEST_REPLICA_BENCH_H
#define ODRADEK_TEST_REPLICA_BENCH_H

#include <criterion/criterion.h>
#include <stdlib.h>

#include "broker/replica/replica.h"

struct bench {
    struct memory_source source;
    struct heap heap;
    struct replica replica;
    struct replica_view view;
    struct replica_actions out;
    time_ms now;
    uint64_t ticket;
};

static inline void *bench_take(void *ctx, size_t bytes)
{
    (void)ctx;
    void *p = NULL;
    return posix_memalign(&p, 16, bytes) == 0 ? p : NULL;
}

static inline void bench_give(void *ctx, void *p, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(p);
}

static inline void bench_step(struct bench *b, struct replica_event event)
{
    event.now = b->now;
    replica_step(&b->replica, &event, &b->out);
    replica_check(&b->replica);
}

static inline void bench_load(struct bench *b, int64_t log_end, const struct epoch_entry *epochs,
                              uint32_t count)
{
    struct replica_event event = {.kind = REPLICA_LOAD};
    event.load.log_end = log_end;
    event.load.epochs = epochs;
    event.load.epoch_count = count;
    bench_step(b, event);
}

/* Loaded with a log of [0, log_end), all of epoch 0. */
static inline void bench_init(struct bench *b, int64_t log_end)
{
    memset(b, 0, sizeof(*b));
    b->source = (struct memory_source){bench_take, bench_give, NULL};
    b->now = 1000;
    heap_init(&b->heap, &b->source, 16 << 20);
    replica_init(&b->replica,
                 &(struct replica_config){.self_id = 1, .producer_expiration_ms = 60000}, &b->heap);
    struct epoch_entry zero = {.epoch = 0, .start_offset = 0};
    bench_load(b, log_end, &zero, log_end > 0 ? 1 : 0);
    bench_step(b, (struct replica_event){.kind = REPLICA_LOADED});
    b->view = (struct replica_view){.leader = 1,
                                    .leader_epoch = 1,
                                    .partition_epoch = 1,
                                    .member_count = 3,
                                    .isr_count = 3,
                                    .members = {{1, 11, true}, {2, 12, true}, {3, 13, true}},
                                    .isr = {1, 2, 3},
                                    .min_isr = 2,
                                    .self_broker_epoch = 11,
                                    .durability = REPLICA_DISK,
                                    .lag_time_max_ms = 10000};
}

static inline void bench_release(struct bench *b)
{
    replica_release(&b->replica);
    cr_assert_eq(b->heap.live, 0);
    heap_release(&b->heap);
}

static inline void bench_view(struct bench *b)
{
    bench_step(b, (struct replica_event){.kind = REPLICA_VIEW, .view = &b->view});
}

static inline void bench_isr(struct bench *b, uint32_t count, int32_t a, int32_t second,
                             int32_t third)
{
    b->view.isr_count = count;
    b->view.isr[0] = a;
    b->view.isr[1] = second;
    b->view.isr[2] = third;
}

static inline const struct replica_action *bench_find(const struct bench *b,
                                                      enum replica_action_kind kind)
{
    for (uint32_t i = 0; i < b->out.count; i++) {
        if (b->out.list[i].kind == kind) {
            return &b->out.list[i];
        }
    }
    return NULL;
}

static inline const struct replica_action *bench_must(const struct bench *b,
                                                      enum replica_action_kind kind)
{
    const struct replica_action *action = bench_find(b, kind);
    cr_assert_not_null(action, "no action of kind %d", kind);
    return action;
}

static inline struct batch_receipt bench_batch(int64_t producer, int16_t epoch, int32_t sequence,
                                               int32_t records)
{
    return (struct batch_receipt){.producer_id = producer,
                                  .producer_epoch = epoch,
                                  .base_sequence = sequence,
                                  .record_count = records,
                                  .last_offset_delta = records - 1,
                                  .max_timestamp_ms = 77,
                                  .size_bytes = 100};
}

static inline uint64_t bench_produce(struct bench *b, int16_t acks, struct batch_receipt receipt)
{
    struct replica_event event = {.kind = REPLICA_PRODUCE};
    event.produce.ticket = ++b->ticket;
    event.produce.acks = acks;
    event.produce.receipt = receipt;
    bench_step(b, event);
    return b->ticket;
}

static inline uint64_t bench_produce_plain(struct bench *b, int16_t acks, int32_t records)
{
    return bench_produce(b, acks,
                         bench_batch(NO_PRODUCER_ID, NO_PRODUCER_EPOCH, NO_SEQUENCE, records));
}

/* The error that the newest step told this ticket; it must be there. */
static inline enum kafka_error bench_told(const struct bench *b, uint64_t ticket)
{
    for (uint32_t i = 0; i < b->out.count; i++) {
        if (b->out.list[i].kind == REPLICA_ACK && b->out.list[i].ack.ticket == ticket) {
            return b->out.list[i].ack.error;
        }
    }
    cr_assert_fail("ticket %lu was told nothing", (unsigned long)ticket);
    return KAFKA_UNKNOWN_SERVER_ERROR;
}

static inline void bench_durable(struct bench *b, int64_t end)
{
    struct replica_event event = {.kind = REPLICA_DURABLE};
    event.durable.end = end;
    event.durable.cut = b->replica.cut;
    bench_step(b, event);
}

/* A fetch of the present epoch, with the member's broker epoch, by a follower that last saw the newest epoch there is. */
static inline const struct replica_read *bench_fetch(struct bench *b, int32_t id, int64_t offset,
                                                     int64_t durable)
{
    struct replica_event event = {.kind = REPLICA_FOLLOWER_FETCH};
    event.follower_fetch = (struct replica_follower_fetch){
        .replica_id = id,
        .broker_epoch = 10 + id,
        .current_leader_epoch = b->view.leader_epoch,
        .fetch_offset = offset,
        .last_fetched_epoch = NO_EPOCH,
        .durable_offset = durable,
        .high_watermark = HIGH_WATERMARK_UNTOLD,
        .log_start = -1};
    bench_step(b, event);
    cr_assert_not_null(bench_find(b, REPLICA_READ));
    return &b->out.read;
}

static inline void bench_tick(struct bench *b, time_ms later)
{
    b->now += later;
    bench_step(b, (struct replica_event){.kind = REPLICA_TICK});
}

/* What a follower in this state would be answered: no error, no divergence, no records. */
static inline struct replica_event bench_answer(const struct bench *b)
{
    struct replica_fetch_plan plan;
    struct replica_event event = {.kind = REPLICA_FETCHED};
    cr_assert(replica_fetch_plan(&b->replica, &plan));
    event.fetched = (struct replica_fetched){.leader_epoch = plan.leader_epoch,
                                             .fetch_offset = plan.fetch_offset,
                                             .last_fetched_epoch = plan.last_fetched_epoch,
                                             .high_watermark = -1,
                                             .log_start_offset = -1,
                                             .diverging_epoch = NO_EPOCH,
                                             .diverging_end = NO_OFFSET,
                                             .producers_asked = plan.producers_below >= 0};
    return event;
}

#endif
