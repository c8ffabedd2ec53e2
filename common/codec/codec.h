/*
 * Compression of record batches: gzip, snappy (raw and in the framing of Java's snappy library), lz4 frames, zstd; and none,
 * so that callers need not tell the cases apart.
 *
 * Decoder. A decoder turns one compressed slice into pieces of plain bytes. It is bounded: what comes out is at most
 * BATCH_OUTPUT_MAX, and at most BATCH_RATIO_MAX times what went in once it is past BATCH_RATIO_FREE. The input is one whole stream: bytes
 * missing at its end, behind its end, or inside a checksum are errors. Only what Kafka's Java consumers can read is taken,
 * so that one producer cannot poison a topic for the others.
 *
 * Encoder. Pushed pieces go compressed into a buf, as one stream that every Kafka client reads.
 *
 * Both take all their memory from the heap given at init (zlib, lz4 and zstd through their allocator hooks or into memory
 * handed to them), keep the working state of each codec that was used for the next batch, and give it back at release. One
 * thread at a time; a thread that decodes keeps one decoder.
 *
 * Errors: ERR_TRUNCATED, ERR_MALFORMED, ERR_CORRUPT (a checksum), ERR_TOO_LARGE (a bound), ERR_UNSUPPORTED (right, but Java
 * consumers refuse it: linked lz4 blocks, dictionaries), ERR_NO_MEMORY. After an error only open and release may follow.
 */
#ifndef ODRADEK_CODEC_CODEC_H
#define ODRADEK_CODEC_CODEC_H

#include "common/base/buf.h"
#include "common/base/compression.h"
#include "common/base/stream.h"

struct decoder {
    struct heap *heap;
    enum compression compression;
    struct slice in;    /* compressed bytes not yet read */
    uint64_t out_bytes; /* plain bytes lent so far in this stream */
    uint64_t out_max;
    uint8_t *piece; /* plain bytes are lent from here; NULL until first needed */
    bool ended;
    err_t err;
    const char *reason; /* a static sentence about err, or NULL */
    struct gzip_decoder *gzip;
    struct snappy_decoder *snappy;
    struct lz4_decoder *lz4;
    struct zstd_decoder *zstd;
};

void decoder_init(struct decoder *, struct heap *);
void decoder_release(struct decoder *);

/* Begins a stream; `in` must live until it is over. An unfinished stream is thrown away. What is wrong with it, the first
 * pull tells. */
void decoder_open(struct decoder *, enum compression, struct slice in);

/* The next piece, lent until the next call; empty at the end of the stream. */
err_t decoder_pull(struct decoder *, struct slice *ret_piece) MUST_USE;

/* The stream as a source, for readers that know no codec. */
struct byte_source decoder_source(struct decoder *);

/* Why the last call failed, e.g. "the lz4 frame has linked blocks, which Java consumers do not read". Never NULL. */
const char *decoder_reason(const struct decoder *);

/* Everything at once, behind what `out` holds already. */
err_t decoder_all(struct decoder *, enum compression, struct slice in, struct buf *out) MUST_USE;

/* The level that the codec's own library (and so Kafka) takes by default. */
#define CODEC_LEVEL_DEFAULT INT32_MIN

struct encoder {
    struct heap *heap;
    enum compression compression;
    struct buf *out;
    struct gzip_encoder *gzip;
    struct snappy_encoder *snappy;
    struct lz4_encoder *lz4;
    struct zstd_encoder *zstd;
};

void encoder_init(struct encoder *, struct heap *);
void encoder_release(struct encoder *);

/* Begins a stream behind what `out` holds. Levels as in Kafka: gzip -1 or 1..9, lz4 1..17, zstd -131072..22. */
err_t encoder_open(struct encoder *, enum compression, int32_t level, struct buf *out) MUST_USE;
err_t encoder_push(struct encoder *, struct slice piece) MUST_USE;
/* Writes what is still held back and ends the stream. */
err_t encoder_finish(struct encoder *) MUST_USE;
struct byte_sink encoder_sink(struct encoder *);

#endif
