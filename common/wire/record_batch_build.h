/*
 * Makes record batches: for our own clients, the internal topics, the metadata log, tests.
 *
 * A batch is written behind what a buf holds already. Its records go there as they are, or through a sink that writes into
 * the same buf (an encoder of common/codec); the caller finishes the sink before the batch:
 *
 *     encoder_open(&encoder, COMPRESSION_LZ4, CODEC_LEVEL_DEFAULT, &out);       after batch_begin
 *     struct byte_sink sink = encoder_sink(&encoder);
 *
 * The base timestamp is the first record's, the max timestamp the largest one's. Offsets ascend from the base offset and may have gaps
 * (compaction). Errors: ERR_NO_MEMORY, ERR_TOO_LARGE as the buf and the sink say; then the batch is thrown away with
 * batch_abandon.
 */
#ifndef ODRADEK_WIRE_RECORD_BATCH_BUILD_H
#define ODRADEK_WIRE_RECORD_BATCH_BUILD_H

#include "common/base/stream.h"
#include "common/wire/record_batch_records.h"

struct batch_options {
    int64_t base_offset; /* 0 in a Produce request */
    int64_t producer_id; /* NO_PRODUCER_ID: epoch and sequence are written as -1 */
    int64_t append_time; /* NO_TIMESTAMP: the records' own times */
    int32_t base_sequence;
    int32_t leader_epoch;
    int16_t producer_epoch;
    enum compression compression; /* of the sink */
    bool transactional;
    bool control;
};

/* A plain batch of an ordinary producer. */
struct batch_options batch_options_plain(void);

struct batch_builder {
    struct buf *out;
    size_t at;                    /* where the batch begins in out */
    const struct byte_sink *sink; /* NULL: records go to out as they are */
    struct batch_header header;
    uint64_t plain_bytes; /* of the records so far, before compression */
    err_t err;            /* sticky */
};

/* Reserves the header. The sink must outlive the batch. */
void batch_begin(struct batch_builder *, const struct batch_options *, struct buf *out);
/* Compressed batches: where the records go from now on; before the first record. */
void batch_set_sink(struct batch_builder *, const struct byte_sink *);

/* Rewrites a batch that was checked, with another compression (topics whose compression.type is not "producer"): all header
 * fields stay as they are; batch_pour then takes the plain records as they stand, batch_finish ends it. */
void batch_begin_like(struct batch_builder *, const struct batch_header *, enum compression,
                      struct buf *out);
err_t batch_pour(struct batch_builder *, struct slice plain) MUST_USE;

/* A record at its offset, which is above the one before. */
err_t batch_add(struct batch_builder *, const struct record *) MUST_USE;
/* A record without headers at the next offset. */
err_t batch_append(struct batch_builder *, int64_t timestamp, struct slice key,
                   struct slice value) MUST_USE;

/* Writes the header. The batch is the end of out. At least one record, unless the batch only keeps producer state. */
err_t batch_finish(struct batch_builder *, const struct crc32c_impl *,
                   struct batch_header *ret_header) MUST_USE;
/* Cuts the unfinished batch off `out` again. */
void batch_abandon(struct batch_builder *);

/* The most bytes that this record adds before compression: to stop before a limit. */
size_t batch_record_bytes_max(const struct record *);

#endif
