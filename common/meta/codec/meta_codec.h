/*
 * Metadata batches <-> bytes (proto/metadata.proto, protobuf).
 *
 * Encoding takes what the decision core made, so a value out of bounds is our bug (assert). Decoding believes nothing: the
 * number of records is counted before memory is taken, memory is bounded by META_DECODE_RATIO times the input, and every
 * count, id and length is checked against common/base/limits.h. Nothing of a batch is given out unless all of it is good.
 */
#ifndef ODRADEK_META_CODEC_META_CODEC_H
#define ODRADEK_META_CODEC_META_CODEC_H

#include "common/base/buf.h"
#include "common/meta/record.h"

/* Of batches and records that this build writes; it reads no other. */
#define META_BATCH_VERSION  1
#define META_RECORD_VERSION 1

/* A short record of 10 bytes becomes about 300 bytes while protobuf-c unpacks it (its structs, its list of the fields it
 * saw, all rounded up by the arena); then there is the record itself. */
#define META_DECODE_RATIO 48

/* What this build does not know: with ERR_VERSION. */
struct meta_unknown {
    enum {
        META_UNKNOWN_BATCH_VERSION = 1,
        META_UNKNOWN_RECORD_VERSION,
        META_UNKNOWN_RECORD_KIND,
        META_UNKNOWN_FIELD, /* number: of the field */
    } what;
    uint32_t number;
};

/* "record kind 12": for the sentence with which a node stops. */
const char *meta_unknown_text(const struct meta_unknown *);

/* Appends the batch to the buffer. ERR_NO_MEMORY, ERR_TOO_LARGE: of the buffer. At most METADATA_BATCH_RECORDS_MAX records. */
err_t meta_batch_encode(struct meta_batch, struct buf *) MUST_USE;

/* The batch in these bytes; records and slices live in the arena. ret_unknown may be NULL.
 * ERR_MALFORMED: not a batch; ERR_TOO_LARGE: too many records, or too many parts for its size; ERR_RANGE: a value out of
 * bounds; ERR_VERSION: see ret_unknown; ERR_NO_MEMORY. */
err_t meta_batch_decode(struct slice, struct arena *, struct meta_batch *ret_batch,
                        struct meta_unknown *ret_unknown) MUST_USE;

#endif
