#include "broker/replica/producer_table.h"

void producer_table_init(struct producer_table *table, struct heap *heap, struct hash_key hash_key)
{
    assert(table != NULL && heap != NULL);
    table->heap = heap;
    map_init(&table->by_id, heap, hash_key);
}

void producer_table_clear(struct producer_table *table)
{
    uint32_t at = 0;
    const struct map_entry *entry;
    while ((entry = map_next(&table->by_id, &at)) != NULL) {
        struct producer *producer = entry->value;
        assert(producer->id == (int64_t)map_entry_u64(entry));
        map_remove_u64(&table->by_id, (uint64_t)producer->id);
        heap_free(table->heap, producer, sizeof(*producer));
    }
    assert(table->by_id.count == 0);
}

void producer_table_release(struct producer_table *table)
{
    producer_table_clear(table);
    map_release(&table->by_id);
}
