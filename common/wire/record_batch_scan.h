/*
 * A look over the records of a batch while their plain bytes come in pieces, as from a decompressor: nothing of them is
 * kept, so a batch of 200 MB needs no more memory than one of 200 bytes. For produce validation, for offsets by timestamp.
 *
 *     record_scan_init(&scan, &header);
 *     while (a piece comes) {
 *         do {
 *             TRY(record_scan_step(&scan, &piece, &record));     one record, or NULL when the piece is used up
 *         } while (record != NULL);
 *     }
 *     TRY(record_scan_finish(&scan));
 *
 * However the bytes are cut, the answers are the same. Rules: those of record_batch_records.h, offsets ascend inside the
 * batch, and there are exactly as many records as its header says. ERR_MALFORMED or ERR_TRUNCATED, and scan.reason has a
 * sentence; after an error the scan is over.
 */
#ifndef ODRADEK_WIRE_RECORD_BATCH_SCAN_H
#define ODRADEK_WIRE_RECORD_BATCH_SCAN_H

#include "common/wire/record_batch.h"

struct record_facts {
    int64_t timestamp; /* its own, also in batches with LogAppendTime */
    int32_t offset_delta;
    uint32_t bytes; /* with its length field */
    bool has_key;
    bool has_value;
};

struct record_scan {
    int64_t base_timestamp;
    int32_t records; /* announced */
    int32_t last_offset_delta;
    int32_t seen;
    int32_t last_delta;
    const char *reason;
    struct record_facts record;
    /* A record that lies across pieces: which field comes next, and what is known of it. */
    unsigned field;
    uint32_t left;   /* bytes of the record still to come */
    uint32_t skip;   /* bytes of the current key or value still to come */
    int32_t headers; /* still to come */
    uint64_t number; /* bits of the current varint */
    unsigned number_bytes;
    int64_t timestamp_delta;
};

void record_scan_init(struct record_scan *, const struct batch_header *);

/* Takes bytes off the front of the piece until a record is complete (*ret_record, valid until the next step) or the piece
 * is used up (*ret_record = NULL). */
err_t record_scan_step(struct record_scan *, struct slice *piece,
                       const struct record_facts **ret_record) MUST_USE;

/* No more bytes will come. */
err_t record_scan_finish(struct record_scan *) MUST_USE;

#endif
