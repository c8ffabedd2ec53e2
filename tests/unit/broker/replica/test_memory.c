/* Memory that runs out anywhere: nothing is lost, nobody is told something wrong, all of it comes back. */
#include "tests/unit/broker/replica/replica_bench.h"

struct budget {
    size_t left;
};

static void *take_some(void *ctx, size_t bytes)
{
    struct budget *budget = ctx;
    if (budget->left < bytes) {
        return NULL;
    }
    budget->left -= bytes;
    return bench_take(NULL, bytes);
}

static void give_back(void *ctx, void *p, size_t bytes)
{
    ((struct budget *)ctx)->left += bytes;
    bench_give(NULL, p, bytes);
}

Test(memory, a_leader_refuses_what_it_cannot_remember)
{
    struct bench b;
    struct budget budget = {.left = 400000};
    bench_init(&b, 0);
    bench_release(&b);
    b.source = (struct memory_source){take_some, give_back, &budget};
    heap_init(&b.heap, &b.source, 16 << 20);
    replica_init(&b.replica,
                 &(struct replica_config){.self_id = 1, .producer_expiration_ms = 60000}, &b.heap);
    bench_step(&b, (struct replica_event){.kind = REPLICA_LOAD});
    bench_step(&b, (struct replica_event){.kind = REPLICA_LOADED});
    bench_view(&b);
    uint32_t refused = 0;
    uint32_t written = 0;
    for (int64_t i = 0; i < 5000; i++) {
        int64_t end = b.replica.log_end;
        uint64_t ticket = bench_produce(&b, -1, bench_batch(i, 0, 0, 1));
        if (bench_find(&b, REPLICA_WRITE) == NULL) {
            cr_assert_eq(bench_told(&b, ticket), KAFKA_REQUEST_TIMED_OUT);
            cr_assert_eq(b.replica.log_end, end);
            refused++;
        } else {
            written++;
        }
    }
    cr_assert_gt(refused, 0);
    cr_assert_gt(written, 100);
    cr_assert_eq(b.replica.producers.by_id.count, written);
    bench_release(&b);
}

Test(memory, a_follower_stops_at_what_it_cannot_remember)
{
    struct bench b;
    struct budget budget = {.left = 200000};
    static struct batch_receipt log[5000];
    bench_init(&b, 0);
    bench_release(&b);
    b.source = (struct memory_source){take_some, give_back, &budget};
    heap_init(&b.heap, &b.source, 16 << 20);
    replica_init(&b.replica,
                 &(struct replica_config){.self_id = 1, .producer_expiration_ms = 60000}, &b.heap);
    bench_step(&b, (struct replica_event){.kind = REPLICA_LOAD});
    bench_step(&b, (struct replica_event){.kind = REPLICA_LOADED});
    b.view.leader = 2;
    bench_view(&b);
    for (int64_t i = 0; i < 5000; i++) {
        log[i] = bench_batch(i, 0, 0, 1);
        log[i].base_offset = i;
    }
    struct replica_event event = bench_answer(&b);
    event.fetched.receipts = log;
    event.fetched.receipt_count = 5000;
    bench_step(&b, event);
    uint32_t kept = bench_must(&b, REPLICA_APPEND)->append_count;
    cr_assert_lt(kept, 5000);
    cr_assert_eq(b.replica.log_end, kept);
    cr_assert_eq(b.replica.producers.by_id.count, kept);
    bench_must(&b, REPLICA_BAD_FETCH);
    bench_release(&b);
}

Test(memory, a_load_without_memory_halts)
{
    struct bench b;
    struct budget budget = {.left = 1000};
    bench_init(&b, 0);
    bench_release(&b);
    b.source = (struct memory_source){take_some, give_back, &budget};
    heap_init(&b.heap, &b.source, 16 << 20);
    replica_init(&b.replica,
                 &(struct replica_config){.self_id = 1, .producer_expiration_ms = 60000}, &b.heap);
    struct epoch_entry epoch = {0, 0};
    bench_load(&b, 5, &epoch, 1);
    bench_step(&b, (struct replica_event){.kind = REPLICA_LOADED});
    bench_must(&b, REPLICA_HALT);
    cr_assert_eq(b.replica.role, REPLICA_STOPPED);
    bench_view(&b);
    cr_assert_eq(bench_told(&b, bench_produce_plain(&b, 1, 1)), KAFKA_KAFKA_STORAGE_ERROR);
    bench_release(&b);
}

Test(memory, a_log_ahead_of_the_cluster_halts)
{
    struct bench b;
    bench_init(&b, 5);
    struct batch_receipt later = bench_batch(NO_PRODUCER_ID, NO_PRODUCER_EPOCH, NO_SEQUENCE, 1);
    later.base_offset = 4;
    later.leader_epoch = 9;
    bench_release(&b);
    b.source = (struct memory_source){bench_take, bench_give, NULL};
    heap_init(&b.heap, &b.source, 16 << 20);
    replica_init(&b.replica,
                 &(struct replica_config){.self_id = 1, .producer_expiration_ms = 60000}, &b.heap);
    bench_load(&b, 5, NULL, 0);
    bench_step(&b, (struct replica_event){.kind = REPLICA_REPLAY, .replay = later});
    bench_step(&b, (struct replica_event){.kind = REPLICA_LOADED});
    bench_view(&b);
    bench_must(&b, REPLICA_HALT);
    bench_release(&b);
}
