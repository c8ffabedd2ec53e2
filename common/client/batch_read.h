/*
 * The records in what a fetch brought: batches, each checked (length, magic, CRC32C, counts) and decompressed within the bounds
 * of common/codec, record after record.
 *
 *     batch_read_begin(&read, bytes, offset);
 *     while ((err = batch_read_next(&read, &record, &more)) == OK && more) { use record }
 *     next fetch at read.next_offset
 *
 * The last batch of an answer may be cut off: that is its end and no error, unless it is the only one (then the caller must ask
 * for more bytes: read.cut). Records below the offset asked for, and control batches, are passed over; batches that hold nothing
 * else move next_offset on all the same. A record borrows its bytes until the next call.
 * Errors: ERR_CORRUPT, ERR_MALFORMED, ERR_VERSION, ERR_TOO_LARGE, ERR_UNSUPPORTED, ERR_NO_MEMORY; read.batch.base_offset says
 * where, batch_read_reason why.
 */
#ifndef ODRADEK_CLIENT_BATCH_READ_H
#define ODRADEK_CLIENT_BATCH_READ_H

#include "common/codec/codec.h"
#include "common/wire/record_batch_records.h"

struct batch_read {
    const struct crc32c_impl *crc;
    struct decoder decoder;
    struct buf plain;  /* a compressed batch's records */
    struct slice rest; /* batches not read yet */
    int64_t from;      /* records below are passed over */
    int64_t next_offset;
    bool inside; /* of a batch */
    bool cut;    /* nothing but a part of a batch was there */
    const char *reason;
    struct batch_header batch;
    struct record_reader records;
};

void batch_read_init(struct batch_read *, struct heap *);
void batch_read_release(struct batch_read *);

void batch_read_begin(struct batch_read *, struct slice bytes, int64_t from_offset);
err_t batch_read_next(struct batch_read *, struct record *ret_record, bool *ret_more) MUST_USE;
/* A sentence about the last error; never NULL. */
const char *batch_read_reason(const struct batch_read *, err_t);

#endif
