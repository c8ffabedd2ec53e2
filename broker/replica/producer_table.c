#include "broker/replica/producer_table.h"

#include "common/base/mutant.h"
#include "common/base/probe.h"

void producer_table_init(struct producer_table *table, struct heap *heap, struct hash_key hash_key)
{
    assert(table != NULL && heap != NULL);
    table->heap = heap;
    map_init(&table->by_id, heap, hash_key);
}

static struct producer *producer_get(const struct producer_table *table, int64_t id)
{
    assert(id >= 0);
    struct producer *producer = map_get_u64(&table->by_id, (uint64_t)id);
    assert(producer == NULL || producer->id == id);
    return producer;
}

static void producer_drop(struct producer_table *table, struct producer *producer)
{
    void *removed = map_remove_u64(&table->by_id, (uint64_t)producer->id);
    assert(removed == producer);
    heap_free(table->heap, producer, sizeof(*producer));
}

void producer_table_clear(struct producer_table *table)
{
    uint32_t at = 0;
    const struct map_entry *entry;
    while ((entry = map_next(&table->by_id, &at)) != NULL) {
        producer_drop(table, entry->value);
    }
    assert(table->by_id.count == 0);
}

void producer_table_release(struct producer_table *table)
{
    producer_table_clear(table);
    map_release(&table->by_id);
}

static struct producer *producer_new(struct producer_table *table, int64_t id)
{
    struct producer *producer = HEAP_NEW(table->heap, struct producer);
    if (producer == NULL) {
        return NULL;
    }
    producer->id = id;
    producer->epoch = NO_PRODUCER_EPOCH;
    producer->txn_first_offset = -1;
    producer->coordinator_epoch = -1;
    producer->last_offset = -1;
    producer->last_timestamp_ms = -1;
    if (!map_put_u64(&table->by_id, (uint64_t)id, producer)) {
        heap_free(table->heap, producer, sizeof(*producer));
        return NULL;
    }
    return producer;
}

/* Its newest batch of the current epoch, or NULL. */
static const struct producer_batch *producer_newest(const struct producer *producer)
{
    assert(producer->count <= PRODUCER_BATCHES_KEPT);
    if (producer->count == 0) {
        return NULL;
    }
    const struct producer_batch *batch = &producer->batches[producer->count - 1];
    return batch->epoch == producer->epoch ? batch : NULL;
}

static int32_t sequence_next(const struct producer *producer)
{
    const struct producer_batch *newest = producer_newest(producer);
    int32_t next = newest == NULL ? 0 : sequence_add(newest->last_sequence, 1);
    return MUTANT(68) && next == 0 && newest != NULL ? INT32_MIN : next;
}

enum kafka_error producer_table_validate(const struct producer_table *table,
                                         const struct batch_receipt *receipt)
{
    if (receipt->producer_id < 0) {
        return KAFKA_NONE;
    }
    if (receipt->producer_epoch < 0 || receipt->base_sequence < 0 || receipt->control) {
        return KAFKA_INVALID_RECORD;
    }
    const struct producer *producer = producer_get(table, receipt->producer_id);
    if (producer == NULL) {
        return KAFKA_NONE; /* its state may have been lost to retention: any first sequence is good (KIP-360) */
    }
    assert(producer->epoch >= 0);
    if (receipt->producer_epoch < producer->epoch) {
        return KAFKA_INVALID_PRODUCER_EPOCH;
    }
    int32_t expected = receipt->producer_epoch > producer->epoch ? 0 : sequence_next(producer);
    if (receipt->base_sequence != expected && !MUTANT(67)) {
        PROBE(PRODUCE_OUT_OF_ORDER);
        return KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER;
    }
    if (producer->txn_first_offset >= 0 && !receipt->transactional) {
        return KAFKA_INVALID_TXN_STATE;
    }
    return KAFKA_NONE;
}

const struct producer_batch *producer_table_duplicate(const struct producer_table *table,
                                                      const struct batch_receipt *receipt)
{
    if (receipt->producer_id < 0 || receipt->base_sequence < 0) {
        return NULL;
    }
    const struct producer *producer = producer_get(table, receipt->producer_id);
    if (producer == NULL || producer->epoch != receipt->producer_epoch) {
        return NULL;
    }
    int32_t last_sequence = receipt_last_sequence(receipt);
    uint32_t oldest = producer->count > PRODUCER_BATCHES ? producer->count - PRODUCER_BATCHES : 0;
    for (uint32_t i = producer->count; i > oldest; i--) {
        const struct producer_batch *batch = &producer->batches[i - 1];
        if (batch->epoch == producer->epoch && batch->last_sequence == last_sequence &&
            batch->last_offset_delta == receipt->last_offset_delta) {
            return batch;
        }
    }
    return NULL;
}

static void producer_push(struct producer *producer, const struct batch_receipt *receipt)
{
    assert(receipt->base_sequence >= 0);
    if (producer->count == PRODUCER_BATCHES_KEPT) {
        memmove(producer->batches, producer->batches + 1,
                (PRODUCER_BATCHES_KEPT - 1) * sizeof(producer->batches[0]));
        producer->count--;
        producer->whole = false;
    }
    assert(producer->count < PRODUCER_BATCHES_KEPT);
    producer->batches[producer->count++] = (struct producer_batch){
        .base_offset = receipt->base_offset,
        .max_timestamp_ms = receipt->max_timestamp_ms,
        .last_offset_delta = receipt->last_offset_delta,
        .last_sequence = receipt_last_sequence(receipt),
        .epoch = receipt->producer_epoch,
    };
}

bool producer_table_append(struct producer_table *table, const struct batch_receipt *receipt,
                           time_ms now)
{
    if (receipt->producer_id < 0 || receipt->producer_epoch < 0) {
        return true;
    }
    struct producer *producer = producer_get(table, receipt->producer_id);
    if (producer == NULL) {
        producer = producer_new(table, receipt->producer_id);
        if (producer == NULL) {
            return false;
        }
        producer->whole = true;
    }
    if (receipt_last_offset(receipt) <= producer->last_offset) {
        return true; /* replayed over a snapshot that has it already */
    }
    producer->epoch = receipt->producer_epoch;
    producer->seen_ms = MUTANT(70) && producer->count > 0 ? producer->seen_ms : now;
    producer->last_timestamp_ms = receipt->max_timestamp_ms;
    producer->last_offset = receipt_last_offset(receipt);
    if (receipt->control) {
        producer->coordinator_epoch = receipt->coordinator_epoch;
        producer->txn_first_offset = -1;
    } else if (receipt->transactional && producer->txn_first_offset < 0) {
        producer->txn_first_offset = receipt->base_offset;
    }
    if (receipt->base_sequence >= 0 && !receipt->control) {
        producer_push(producer, receipt);
    } else {
        producer->opaque = true;
    }
    producer->opaque = producer->opaque || receipt->transactional;
    return true;
}

bool producer_table_load(struct producer_table *table, const struct producer_entry *entry,
                         time_ms now)
{
    assert(entry->id >= 0);
    struct producer *producer = producer_get(table, entry->id);
    if (producer == NULL) {
        producer = producer_new(table, entry->id);
        if (producer == NULL) {
            return false;
        }
    }
    producer->epoch = entry->epoch;
    producer->seen_ms = now;
    producer->last_timestamp_ms = entry->last_timestamp_ms;
    producer->last_offset = entry->last_offset;
    producer->txn_first_offset = entry->txn_first_offset;
    producer->coordinator_epoch = entry->coordinator_epoch;
    producer->whole = false;
    producer->opaque = entry->txn_first_offset >= 0 || entry->coordinator_epoch >= 0 ||
                       entry->last_sequence < 0;
    producer->count = 0;
    if (entry->last_sequence >= 0) {
        producer->batches[producer->count++] = (struct producer_batch){
            .base_offset = entry->last_offset - entry->last_offset_delta,
            .max_timestamp_ms = entry->last_timestamp_ms,
            .last_offset_delta = entry->last_offset_delta,
            .last_sequence = entry->last_sequence,
            .epoch = entry->epoch,
        };
    }
    return true;
}

static bool batch_below(const struct producer_batch *batch, int64_t end)
{
    return batch->base_offset + batch->last_offset_delta < end;
}

/* False: what it was at `end` is not known here. */
static bool producer_truncate(struct producer_table *table, struct producer *producer, int64_t end)
{
    if (producer->opaque && !producer->whole) {
        return false; /* a marker of it may lie anywhere */
    }
    if (producer->last_offset < end) {
        return true;
    }
    if (producer->opaque) {
        return false;
    }
    while (producer->count > 0 && !batch_below(&producer->batches[producer->count - 1], end)) {
        producer->count--;
    }
    if (producer->count == 0 && !producer->whole) {
        return false;
    }
    if (producer->count == 0) {
        producer_drop(table, producer);
        return true;
    }
    const struct producer_batch *newest = &producer->batches[producer->count - 1];
    producer->epoch = newest->epoch;
    producer->last_offset = newest->base_offset + newest->last_offset_delta;
    producer->last_timestamp_ms = newest->max_timestamp_ms;
    assert(producer->last_offset < end);
    return true;
}

bool producer_table_truncate(struct producer_table *table, int64_t end)
{
    assert(end >= 0);
    if (MUTANT(69)) {
        return true;
    }
    uint32_t at = 0;
    const struct map_entry *entry;
    while ((entry = map_next(&table->by_id, &at)) != NULL) {
        if (!producer_truncate(table, entry->value, end)) {
            producer_table_clear(table);
            return false;
        }
    }
    return true;
}

uint32_t producer_table_expire(struct producer_table *table, time_ms before)
{
    uint32_t expired = 0;
    uint32_t at = 0;
    const struct map_entry *entry;
    while ((entry = map_next(&table->by_id, &at)) != NULL) {
        struct producer *producer = entry->value;
        if (producer->seen_ms < before && producer->txn_first_offset < 0) {
            producer_drop(table, producer);
            expired++;
        }
    }
    return expired;
}

bool producer_table_knows(const struct producer_table *table, int64_t id)
{
    return producer_get(table, id) != NULL;
}

static struct producer_entry entry_of(const struct producer *producer,
                                      const struct producer_batch *newest)
{
    return (struct producer_entry){
        .id = producer->id,
        .last_offset = newest == NULL ? -1 : newest->base_offset + newest->last_offset_delta,
        .last_timestamp_ms = producer->last_timestamp_ms,
        .txn_first_offset = producer->txn_first_offset,
        .last_sequence = newest == NULL ? NO_SEQUENCE : newest->last_sequence,
        .last_offset_delta = newest == NULL ? 0 : newest->last_offset_delta,
        .coordinator_epoch = producer->coordinator_epoch,
        .epoch = producer->epoch,
    };
}

bool producer_table_next(const struct producer_table *table, uint32_t *at,
                         struct producer_entry *ret_entry)
{
    const struct map_entry *entry = map_next(&table->by_id, at);
    if (entry == NULL) {
        return false;
    }
    *ret_entry = entry_of(entry->value, producer_newest(entry->value));
    return true;
}

/* What was known when its newest batch below was the newest; false: none is remembered. */
static bool entry_below(const struct producer *producer, int64_t below,
                        struct producer_entry *ret_entry)
{
    if (producer->last_offset < below) {
        *ret_entry = entry_of(producer, producer_newest(producer));
        return true;
    }
    uint32_t i = producer->count;
    while (i > 0 && !batch_below(&producer->batches[i - 1], below)) {
        i--;
    }
    if (i == 0) {
        return false;
    }
    const struct producer_batch *batch = &producer->batches[i - 1];
    *ret_entry = entry_of(producer, batch);
    ret_entry->epoch = batch->epoch;
    ret_entry->last_timestamp_ms = batch->max_timestamp_ms;
    if (producer->txn_first_offset >= below) {
        ret_entry->txn_first_offset = -1;
    }
    return true;
}

bool producer_table_next_below(const struct producer_table *table, uint32_t *at, int64_t below,
                               struct producer_entry *ret_entry)
{
    const struct map_entry *entry;
    while ((entry = map_next(&table->by_id, at)) != NULL) {
        if (entry_below(entry->value, below, ret_entry)) {
            return true;
        }
    }
    return false;
}

void producer_table_check(const struct producer_table *table, int64_t log_end)
{
    uint32_t at = 0;
    const struct map_entry *entry;
    while ((entry = map_next(&table->by_id, &at)) != NULL) {
        const struct producer *producer = entry->value;
        assert(producer->id == (int64_t)map_entry_u64(entry));
        assert(producer->epoch >= 0);
        assert(producer->count <= PRODUCER_BATCHES_KEPT);
        assert(producer->last_offset < log_end);
        assert(producer->txn_first_offset <= producer->last_offset || !producer->whole);
        assert(producer->txn_first_offset < 0 || producer->opaque);
        for (uint32_t i = 0; i < producer->count; i++) {
            const struct producer_batch *batch = &producer->batches[i];
            assert(batch->last_sequence >= 0 && batch->last_offset_delta >= 0);
            assert(batch_below(batch, log_end));
            assert(i == 0 || batch_below(batch - 1, batch->base_offset));
        }
    }
}
