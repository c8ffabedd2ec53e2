/*
 * Batch receipt: what the replica core sees of a record batch. The bytes stay in the shell.
 *
 * Fields are those of a v2 batch header (KIP-98). base_offset and leader_epoch mean something only where the batch has
 * been written by a leader already (follower appends, replay); in a client's batch the core assigns both.
 * A batch that was never compacted has record_count == last_offset_delta + 1.
 */
#ifndef ODRADEK_REPLICA_BATCH_RECEIPT_H
#define ODRADEK_REPLICA_BATCH_RECEIPT_H

#include "common/base/types.h"

#define NO_PRODUCER_ID    (-1)
#define NO_PRODUCER_EPOCH (-1)
#define NO_SEQUENCE       (-1)

struct batch_receipt {
    int64_t base_offset;
    int64_t producer_id;       /* NO_PRODUCER_ID: not idempotent */
    int64_t max_timestamp_ms;  /* wall clock, as in the batch header */
    int32_t last_offset_delta; /* >= 0 */
    int32_t record_count;      /* compaction may have emptied a batch: >= 0 */
    int32_t leader_epoch;      /* >= 0 where the batch comes from a log */
    int32_t base_sequence;     /* NO_SEQUENCE for control batches and where producer_id is absent */
    int32_t size_bytes;        /* the whole batch, header included */
    int32_t coordinator_epoch; /* of a transaction marker; else unused */
    int16_t producer_epoch;
    bool transactional;
    bool control; /* a transaction marker */
};

/* The offset of the batch's last record. */
static inline int64_t receipt_last_offset(const struct batch_receipt *receipt)
{
    return receipt->base_offset + receipt->last_offset_delta;
}

/* Sequences count records and wrap from INT32_MAX to 0 (KIP-98; also inside one batch). */
static inline int32_t sequence_add(int32_t sequence, int32_t n)
{
    assert(sequence >= 0 && n >= 0);
    return (int32_t)(((int64_t)sequence + n) % ((int64_t)INT32_MAX + 1));
}

/* Sequence of the batch's last record; NO_SEQUENCE stays. */
static inline int32_t receipt_last_sequence(const struct batch_receipt *receipt)
{
    return receipt->base_sequence < 0
               ? NO_SEQUENCE
               : sequence_add(receipt->base_sequence, receipt->last_offset_delta);
}

#endif
