/*
 * Records inside a batch of format v2, when their plain bytes lie in memory.
 *
 *     length varint, then as many bytes:
 *         attributes int8 (unused), timestamp delta varlong, offset delta varint,
 *         key length varint (-1: null), key, value length varint (-1: null), value,
 *         header count varint, then for each: key length varint, key, value length varint (-1: null), value
 *
 * Deltas are relative to the batch's base timestamp and base offset. A record borrows the bytes it was read from. Keys of
 * headers are never null. Every length is checked against the bytes left before it is believed; lengths below -1, which
 * Java readers take for null and others do not, are refused.
 *
 * Errors: ERR_MALFORMED with a sentence; nothing here allocates.
 */
#ifndef ODRADEK_WIRE_RECORD_BATCH_RECORDS_H
#define ODRADEK_WIRE_RECORD_BATCH_RECORDS_H

#include "common/base/buf.h"
#include "common/wire/record_batch.h"

struct record {
    int64_t offset;
    int64_t timestamp;  /* ms since 1970, or NO_TIMESTAMP */
    struct slice key;   /* p == NULL: null */
    struct slice value; /* p == NULL: null, a tombstone where logs are compacted */
    struct slice
        headers; /* encoded, checked; read with record_header_next, written with record_header_put */
    int32_t header_count;
};

/* Length, attributes, two deltas, two lengths, header count at their longest: what a record takes besides its contents. */
#define RECORD_OVERHEAD_MAX (5 + 1 + 10 + 5 + 5 + 5 + 5)

/* The fields of one record, deltas not yet added. */
struct record_body {
    int64_t timestamp_delta;
    int32_t offset_delta;
    struct slice key;
    struct slice value;
    struct slice headers;
    int32_t header_count;
};

/* Reads the n bytes behind a record's length; they must be used up exactly. NULL: fine, else what is wrong. */
const char *record_body_parse(const uint8_t *p, size_t n, struct record_body *ret_body) MUST_USE;

/* Walks over the records of one batch. */
struct record_reader {
    struct slice rest;
    int64_t base_offset;
    int64_t base_timestamp;
    int64_t append_time; /* NO_TIMESTAMP: the records' own times count */
    int32_t left;        /* records still to come */
    int32_t last_delta;  /* of the record before, -1 at first */
    int32_t last_offset_delta;
    const char *reason; /* about ERR_MALFORMED */
};

/* plain: the batch's records, decompressed. The header was checked by batch_check. */
void record_reader_init(struct record_reader *, const struct batch_header *, struct slice plain);

/* The next record. At the end *ret_more is false; then neither bytes nor announced records are left over. */
err_t record_reader_next(struct record_reader *, struct record *ret_record,
                         bool *ret_more) MUST_USE;

/* Takes the first header off a record's headers; false at their end. They were checked when the record was read. */
bool record_header_next(struct slice *headers, struct slice *ret_key, struct slice *ret_value);
/* Writes one more header; count them for record.header_count. */
void record_header_put(struct buf *, struct slice key, struct slice value);

/* Bytes of the record behind its length field, for deltas as given. */
size_t record_body_size(const struct record *, int64_t timestamp_delta, int32_t offset_delta);

#endif
