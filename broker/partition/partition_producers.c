/*
 * Producers on their way between the core, snapshot files and a follower that cannot know them from its records: who wrote what
 * was deleted below the log's start (retention, DeleteRecords) is told by nothing else to a replica that is made anew.
 */
#include "broker/partition/partition_internal.h"

/* A follower's answer holds no more. Those behind it are unknown there, as all of them are in Kafka. */
#define TOLD_MAX       ((size_t)100000)
#define TOLD_BYTES_MAX ((size_t)16 << 20)

struct producer_entry producer_entry_of(const struct producer_line *line)
{
    return (struct producer_entry){
        .id = line->producer_id,
        .last_offset = line->last_offset,
        .last_timestamp_ms = line->timestamp_ms,
        .txn_first_offset = line->txn_first_offset,
        .last_sequence = line->last_sequence,
        .last_offset_delta = line->offset_delta,
        .coordinator_epoch = line->coordinator_epoch,
        .epoch = line->epoch,
    };
}

static struct producer_line line_of(const struct producer_entry *entry)
{
    return (struct producer_line){
        .producer_id = entry->id,
        .last_offset = entry->last_offset,
        .timestamp_ms = entry->last_timestamp_ms,
        .txn_first_offset = entry->txn_first_offset,
        .last_sequence = entry->last_sequence,
        .offset_delta = entry->last_offset_delta,
        .coordinator_epoch = entry->coordinator_epoch,
        .epoch = entry->epoch,
    };
}

struct producer_lines partition_copy_producers(struct partition *p, struct heap *heap,
                                               int64_t before)
{
    assert(lock_held(p->lock));
    struct producer_lines lines = {.room = p->core.producers.by_id.count};
    struct producer_entry entry;
    uint32_t at = 0;
    lines.list = heap_alloc(heap, lines.room * sizeof(*lines.list));
    while (lines.list != NULL && replica_next_producer_below(&p->core, &at, before, &entry)) {
        assert(lines.count < lines.room);
        lines.list[lines.count++] = line_of(&entry);
    }
    return lines;
}

void partition_tell_producers(struct partition *p, struct fetch_part *part, size_t bytes_max)
{
    assert(lock_held(p->lock) && p->core.role == REPLICA_LEADER && p->core.producers_ready);
    part->at_once = true;
    struct producer_lines lines = partition_copy_producers(p, &p->heap, part->producers_below);
    struct buf bytes;
    buf_init(&bytes, &p->heap, TOLD_BYTES_MAX);
    if (lines.list != NULL) {
        size_t count = lines.count < TOLD_MAX ? lines.count : TOLD_MAX;
        producer_snapshot_encode(&bytes, p->table->config.crc, lines.list, count);
        heap_free(&p->heap, lines.list, lines.room * sizeof(*lines.list));
    }
    bool told = lines.list != NULL && bytes.err == OK && bytes.n <= bytes_max &&
                part->arena != NULL && arena_copy(part->arena, buf_slice(&bytes), &part->producers);
    buf_release(&bytes);
    if (!told) {
        part->error = KAFKA_REQUEST_TIMED_OUT; /* it asks again */
    }
}

err_t producers_decode(const struct partitions *table, struct slice bytes, struct arena *arena,
                       struct producer_entry **ret_producers, uint32_t *ret_count)
{
    struct producer_line *lines;
    size_t count;
    TRY(producer_snapshot_decode(bytes, table->config.crc, arena, &lines, &count));
    ENSURE(count <= TOLD_MAX, ERR_MALFORMED);
    struct producer_entry *producers = arena_array(arena, count, sizeof(*producers));
    ENSURE(producers != NULL, ERR_NO_MEMORY);
    for (size_t i = 0; i < count; i++) {
        producers[i] = producer_entry_of(&lines[i]);
    }
    *ret_producers = producers;
    *ret_count = (uint32_t)count;
    return OK;
}
