/*
 * Producer table: per producer id, what the log says about its last batches (KIP-98, KIP-360), so that a retried batch is
 * recognised and a gap refused. It is derived from the log only: leaders and followers feed it every batch alike.
 *
 * The last PRODUCER_BATCHES batches of the current epoch answer duplicates. As many again are kept behind them, so that
 * truncating what a client may have in flight leaves that window whole; deeper truncations need a rebuild from the log.
 */
#ifndef ODRADEK_REPLICA_PRODUCER_TABLE_H
#define ODRADEK_REPLICA_PRODUCER_TABLE_H

#include "broker/replica/batch_receipt.h"
#include "common/base/limits.h"
#include "common/base/map.h"
#include "common/wire/kafka_error.h"

#define PRODUCER_BATCHES_KEPT (2 * PRODUCER_BATCHES)

struct producer_batch {
    int64_t base_offset;
    int64_t max_timestamp_ms;
    int32_t last_offset_delta;
    int32_t last_sequence;
    int16_t epoch;
};

struct producer {
    int64_t id;
    int64_t txn_first_offset; /* first offset of the open transaction, or -1 */
    time_ms seen_ms;          /* monotonic time of the last batch, or of the load */
    int64_t last_timestamp_ms;
    int64_t last_offset;       /* of its last batch, data or marker */
    int32_t coordinator_epoch; /* of the last transaction marker, or -1 */
    int16_t epoch;
    /* `batches` shows all it ever wrote: when they are truncated away, so is the producer. */
    bool whole;
    /* It wrote what `batches` does not show (transactions): truncation needs a rebuild. */
    bool opaque;
    uint8_t count;
    struct producer_batch batches[PRODUCER_BATCHES_KEPT]; /* oldest first */
};

/* One line of a producer snapshot file, and what DescribeProducers tells. */
struct producer_entry {
    int64_t id;
    int64_t last_offset;
    int64_t last_timestamp_ms;
    int64_t txn_first_offset; /* -1: no open transaction */
    int32_t last_sequence;    /* NO_SEQUENCE: no batch in this epoch */
    int32_t last_offset_delta;
    int32_t coordinator_epoch;
    int16_t epoch;
};

struct producer_table {
    struct heap *heap;
    struct map by_id;
};

void producer_table_init(struct producer_table *, struct heap *, struct hash_key);
void producer_table_release(struct producer_table *);
void producer_table_clear(struct producer_table *);

/*
 * A client's batch asks to be appended: KAFKA_NONE, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH or
 * INVALID_TXN_STATE. Not for coordinators' and leaders' batches (they are logged as they are).
 */
enum kafka_error producer_table_validate(const struct producer_table *,
                                         const struct batch_receipt *) MUST_USE;

/* The earlier copy among the last PRODUCER_BATCHES of the same epoch (same first and last sequence), or NULL. */
const struct producer_batch *producer_table_duplicate(const struct producer_table *,
                                                      const struct batch_receipt *);

/* The batch is in the log now. false: out of memory, nothing changed. Without a producer id: true, nothing to do. */
bool producer_table_append(struct producer_table *, const struct batch_receipt *,
                           time_ms now) MUST_USE;

/* A line of a snapshot; replaces what was known. false: out of memory. */
bool producer_table_load(struct producer_table *, const struct producer_entry *,
                         time_ms now) MUST_USE;

/* The log was cut to `end`. false: what is left cannot be known from here, the table was cleared, rebuild it. */
bool producer_table_truncate(struct producer_table *, int64_t end) MUST_USE;

/* Forgets producers without an open transaction that were last seen before `before`. Returns how many. */
uint32_t producer_table_expire(struct producer_table *, time_ms before);

bool producer_table_knows(const struct producer_table *, int64_t id);

/* Iterates in order of first appearance: start with *at = 0; false at the end. */
bool producer_table_next(const struct producer_table *, uint32_t *at,
                         struct producer_entry *ret_entry);

/* The same as of `below`: each with its newest batch whose records all lie below, as far as that is remembered; without those who
 * have none. */
bool producer_table_next_below(const struct producer_table *, uint32_t *at, int64_t below,
                               struct producer_entry *ret_entry);

void producer_table_check(const struct producer_table *, int64_t log_end);

#endif
