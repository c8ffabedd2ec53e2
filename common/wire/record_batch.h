/*
 * Record batches of Kafka's format v2 (KIP-98, magic 2): the unit that a producer sends, a log stores and a consumer gets,
 * the same bytes everywhere.
 *
 *     at  bytes  field
 *      0      8  base offset           set by the leader, outside of the CRC
 *      8      4  length                of everything behind this field
 *     12      4  leader epoch          set by the leader, outside of the CRC
 *     16      1  magic                 2
 *     17      4  crc                   CRC32C of all that follows
 *     21      2  attributes            bits 0-2 compression, 3 timestamp type, 4 transactional, 5 control, 6 delete horizon
 *     23      4  last offset delta
 *     27      8  base timestamp        ms since 1970; the delete horizon instead if bit 6 is set (KIP-534)
 *     35      8  max timestamp         of the batch; with bit 3 (LogAppendTime) the time of every record in it
 *     43      8  producer id           -1: none
 *     51      2  producer epoch
 *     53      4  base sequence
 *     57      4  record count
 *     61         records               compressed as a whole; see record_batch_scan.h
 *
 * Integers are big-endian. Everything here works in place on the caller's bytes and keeps nothing.
 *
 * Errors: ERR_TRUNCATED  the bytes end before the batch does;
 *         ERR_VERSION    magic 0 or 1 (message sets before Kafka 0.11) or one not known yet;
 *         ERR_CORRUPT    the length is too small for a header, or the CRC is not that of the bytes;
 *         ERR_MALFORMED  a correct CRC over counts that no log can hold.
 */
#ifndef ODRADEK_WIRE_RECORD_BATCH_H
#define ODRADEK_WIRE_RECORD_BATCH_H

#include "common/base/compression.h"
#include "common/base/crc32c.h"
#include "common/base/err.h"

#define BATCH_MAGIC        2
#define BATCH_HEADER_BYTES 61
/* Base offset and length: what must be read to know where the next batch begins. */
#define BATCH_PREFIX_BYTES 12
/* The CRC covers everything from the attributes on. */
#define BATCH_CRC_FROM     21

#define BATCH_COMPRESSION_MASK 0x07
#define BATCH_LOG_APPEND_TIME  0x08
#define BATCH_TRANSACTIONAL    0x10
#define BATCH_CONTROL          0x20
#define BATCH_DELETE_HORIZON   0x40

#define NO_TIMESTAMP      (-1)
#define NO_PRODUCER_ID    (-1)
#define NO_PRODUCER_EPOCH (-1)
#define NO_SEQUENCE       (-1)
#define NO_LEADER_EPOCH   (-1)

/* The header as it stands in the bytes. */
struct batch_header {
    int64_t base_offset;
    int32_t length;
    int32_t leader_epoch;
    int8_t magic;
    uint32_t crc;
    uint16_t attributes;
    int32_t last_offset_delta;
    int64_t base_timestamp;
    int64_t max_timestamp;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t records;
};

/* What the cores learn of a batch (docs/RULES.md: receipts, not parcels). */
struct batch_facts {
    int64_t base_offset;
    int64_t last_offset;
    int64_t base_timestamp;    /* record timestamps are relative to it */
    int64_t max_timestamp;     /* NO_TIMESTAMP: none of the records has one */
    int64_t delete_horizon_ms; /* NO_TIMESTAMP: none */
    int64_t producer_id;       /* NO_PRODUCER_ID: neither idempotent nor transactional */
    int32_t base_sequence;
    int32_t last_sequence; /* sequences wrap from 2^31 - 1 to 0 */
    int32_t leader_epoch;
    int32_t records; /* fewer than the offsets when the log was compacted */
    uint32_t bytes;  /* of the whole batch, header included */
    uint32_t crc;
    int16_t producer_epoch;
    enum compression compression;
    bool log_append_time;
    bool transactional;
    bool control;
};

/* Size of the batch that begins here; needs BATCH_PREFIX_BYTES. The bytes may end before it does. */
err_t batch_size(struct slice bytes, size_t *ret_bytes) MUST_USE;

/* Header alone: needs BATCH_HEADER_BYTES, the records may be missing. Checks magic and length, not the CRC. */
err_t batch_parse(struct slice bytes, struct batch_header *ret_header) MUST_USE;

/* Cuts the first whole batch off the rest; ERR_TRUNCATED when only a part of it is there (the usual end of a fetch). */
err_t batch_cut(struct slice *rest, struct slice *ret_batch) MUST_USE;

/* Everything that can be told without looking at records: magic, length, CRC, counts (0 <= records <= last offset delta
 * + 1, offsets and compression in range). Right for appends of followers, recovery and fetched bytes; what a producer may
 * send is stricter (record_batch_rules.h). Bytes behind the batch are not looked at. */
err_t batch_check(const struct crc32c_impl *, struct slice bytes,
                  struct batch_header *ret_header) MUST_USE;

/* The part of batch_check that needs the header alone: counts, offsets and compression are ones that a log can hold. */
err_t batch_check_counts(const struct batch_header *) MUST_USE;

struct batch_facts batch_facts(const struct batch_header *);

static inline size_t batch_bytes(const struct batch_header *header)
{
    return (size_t)header->length + BATCH_PREFIX_BYTES;
}

static inline enum compression batch_compression(const struct batch_header *header)
{
    return (enum compression)(header->attributes & BATCH_COMPRESSION_MASK);
}

/* The sequence `delta` after this one: 2^31 - 1 is followed by 0. NO_SEQUENCE stays. */
int32_t batch_sequence_add(int32_t sequence, int32_t delta);

/* Writes the 61 bytes as the header says, its crc field included. */
void batch_print_header(const struct batch_header *, uint8_t *out);

/* In place, at the leader: offset and epoch lie outside of the CRC. */
void batch_stamp(uint8_t *batch, int64_t base_offset, int32_t leader_epoch);

/* In place, for topics with message.timestamp.type=LogAppendTime: sets the attribute bit and the max timestamp and
 * computes the CRC anew. n is the whole batch. */
void batch_stamp_append_time(const struct crc32c_impl *, uint8_t *batch, size_t n, time_ms now);

/* In place: a producer's wrong max timestamp is put right, as Kafka does, with a new CRC. */
void batch_stamp_max_timestamp(const struct crc32c_impl *, uint8_t *batch, size_t n,
                               int64_t max_timestamp);

/* One line in the words of Kafka's DumpLogSegments, without position and validity; returns as snprintf does. */
int batch_describe(const struct batch_header *, char *out, size_t room);

#endif
