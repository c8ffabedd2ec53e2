#include <criterion/criterion.h>

#include "broker/replica/replica.h"

static _Alignas(16) uint8_t block_bytes[1 << 20];

Test(replica, begins_loading_and_knows_nothing)
{
    struct memory_block block = {.p = block_bytes, .n = sizeof(block_bytes)};
    struct memory_source source = memory_block_source(&block);
    struct heap heap;
    heap_init(&heap, &source, sizeof(block_bytes));
    struct replica replica;
    replica_init(&replica, &(struct replica_config){.self_id = 4, .producer_expiration_ms = 1000},
                 &heap);
    cr_assert_eq(replica.role, REPLICA_LOADING);
    cr_assert_eq(replica.view.leader, NO_BROKER);
    cr_assert_eq(replica.view.leader_epoch, NO_EPOCH);
    cr_assert_eq(replica.log_end, 0);
    cr_assert(list_empty(&replica.leading.waiters));
    cr_assert_eq(heap.live, 0);
}

Test(sequence, wraps_behind_the_largest)
{
    cr_assert_eq(sequence_add(0, 0), 0);
    cr_assert_eq(sequence_add(INT32_MAX, 1), 0);
    cr_assert_eq(sequence_add(INT32_MAX - 1, 4), 2);
    struct batch_receipt receipt = {.base_sequence = INT32_MAX - 1, .last_offset_delta = 2};
    cr_assert_eq(receipt_last_sequence(&receipt), 0);
    receipt.base_sequence = NO_SEQUENCE;
    cr_assert_eq(receipt_last_sequence(&receipt), NO_SEQUENCE);
}
