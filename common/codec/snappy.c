/* Snappy as Kafka's clients write it: one raw block (librdkafka, Go), or the stream of Java's snappy library ("xerial"): a
 * header of 16 bytes (0x82 "SNAPPY" 0, version, least compatible version), then blocks, each behind its length (int32). */
#include "common/base/bytes.h"
#include "common/codec/impl.h"
#include "common/codec/snappy_block.h"

#define STREAM_MAGIC        "\x82SNAPPY"
#define STREAM_MAGIC_BYTES  8
#define STREAM_HEADER_BYTES 16
#define ROOM_KEEP_BYTES     (1u << 20)

struct snappy_decoder {
    struct snappy_block block;
    uint8_t *out;
    size_t room;
    bool framed;
    bool begun;  /* the first block was */
    bool inside; /* a block is being read */
};

struct snappy_encoder {
    uint8_t plain[SNAPPY_FRAGMENT_BYTES];
    uint16_t table[1 << SNAPPY_HASH_BITS];
    size_t n;
};

static void room_free(struct decoder *decoder)
{
    struct snappy_decoder *snappy = decoder->snappy;
    heap_free(decoder->heap, snappy->out, snappy->room);
    snappy->out = NULL;
    snappy->room = 0;
}

static err_t snappy_open(struct decoder *decoder)
{
    if (decoder->snappy == NULL) {
        decoder->snappy = HEAP_NEW(decoder->heap, struct snappy_decoder);
        ENSURE(decoder->snappy != NULL, ERR_NO_MEMORY);
    }
    struct snappy_decoder *snappy = decoder->snappy;
    if (snappy->room > ROOM_KEEP_BYTES) {
        room_free(decoder);
    }
    snappy->begun = false;
    snappy->inside = false;
    snappy->framed = decoder->in.n >= STREAM_MAGIC_BYTES &&
                     memcmp(decoder->in.p, STREAM_MAGIC, STREAM_MAGIC_BYTES) == 0;
    if (snappy->framed) {
        if (decoder->in.n < STREAM_HEADER_BYTES) {
            return decoder_fail(decoder, ERR_TRUNCATED, "the snappy stream is cut off");
        }
        if ((int32_t)load_be32(decoder->in.p + STREAM_MAGIC_BYTES) < 1) {
            return decoder_fail(decoder, ERR_MALFORMED,
                                "the snappy stream has an impossible version");
        }
        decoder_skip(decoder, STREAM_HEADER_BYTES);
    }
    return OK;
}

/* The bytes of the next block: all that is there, or as many as the length in front says. */
static err_t next_block(struct decoder *decoder, struct slice *ret_block)
{
    if (!decoder->snappy->framed) {
        *ret_block = decoder->in;
        decoder_skip(decoder, decoder->in.n);
        return OK;
    }
    if (decoder->in.n < 4) {
        return decoder_fail(decoder, ERR_TRUNCATED, "the snappy stream is cut off");
    }
    int32_t n = (int32_t)load_be32(decoder->in.p);
    decoder_skip(decoder, 4);
    if (n <= 0) {
        return decoder_fail(decoder, ERR_MALFORMED, "a snappy block has an impossible length");
    }
    if ((size_t)n > decoder->in.n) {
        return decoder_fail(decoder, ERR_TRUNCATED, "the snappy stream is cut off");
    }
    *ret_block = slice_of(decoder->in.p, (size_t)n);
    decoder_skip(decoder, (size_t)n);
    return OK;
}

static err_t begin_block(struct decoder *decoder)
{
    struct snappy_decoder *snappy = decoder->snappy;
    struct slice block;
    uint32_t length;
    const char *reason;
    TRY(next_block(decoder, &block));
    err_t err = snappy_block_length(&block, &length, &reason);
    if (err != OK) {
        return decoder_fail(decoder, err, reason);
    }
    if (length > decoder->out_max) {
        return decoder_fail(decoder, ERR_TOO_LARGE,
                            "it decompresses to far more than a batch may hold");
    }
    size_t room = snappy_block_room(length);
    if (snappy->room < room) {
        room_free(decoder);
        snappy->out = heap_alloc_dirty(decoder->heap, room);
        ENSURE(snappy->out != NULL, ERR_NO_MEMORY);
        snappy->room = room;
    }
    snappy_block_begin(&snappy->block, block, length, snappy->out);
    snappy->begun = true;
    snappy->inside = true;
    return OK;
}

static err_t snappy_pull(struct decoder *decoder, struct slice *ret_piece)
{
    struct snappy_decoder *snappy = decoder->snappy;
    for (;;) {
        if (snappy->inside) {
            err_t err = snappy_block_pull(&snappy->block, ret_piece);
            if (err != OK) {
                return decoder_fail(decoder, err, snappy->block.reason);
            }
            snappy->inside = snappy->block.left > 0;
            if (ret_piece->n > 0) {
                return OK;
            }
        } else if (decoder->in.n == 0 && (snappy->framed || snappy->begun)) {
            *ret_piece = (struct slice){0};
            return OK;
        } else {
            TRY(begin_block(decoder));
        }
    }
}

static void snappy_release(struct decoder *decoder)
{
    if (decoder->snappy != NULL) {
        room_free(decoder);
        heap_free(decoder->heap, decoder->snappy, sizeof(*decoder->snappy));
        decoder->snappy = NULL;
    }
}

const struct decoder_ops snappy_decoder_ops = {snappy_open, snappy_pull, snappy_release};

static err_t snappy_start(struct encoder *encoder, int32_t level)
{
    ENSURE(level == CODEC_LEVEL_DEFAULT, ERR_INVALID); /* snappy has none */
    if (encoder->snappy == NULL) {
        encoder->snappy = HEAP_NEW(encoder->heap, struct snappy_encoder);
        ENSURE(encoder->snappy != NULL, ERR_NO_MEMORY);
    }
    encoder->snappy->n = 0;
    buf_put(encoder->out, STREAM_MAGIC "\0\0\0\0\1\0\0\0\1", STREAM_HEADER_BYTES);
    return encoder->out->err;
}

static err_t write_fragment(struct encoder *encoder)
{
    struct snappy_encoder *snappy = encoder->snappy;
    uint8_t *out = buf_reserve(encoder->out, 4 + snappy_fragment_max(snappy->n));
    ENSURE(out != NULL, encoder->out->err);
    size_t n = snappy_fragment_write(snappy->plain, snappy->n, out + 4, snappy->table);
    assert(n > 0);
    store_be32(out, (uint32_t)n);
    buf_commit(encoder->out, 4 + n);
    snappy->n = 0;
    return OK;
}

static err_t snappy_push(struct encoder *encoder, struct slice piece)
{
    struct snappy_encoder *snappy = encoder->snappy;
    while (piece.n > 0) {
        size_t room = SNAPPY_FRAGMENT_BYTES - snappy->n;
        size_t n = piece.n < room ? piece.n : room;
        memcpy(snappy->plain + snappy->n, piece.p, n);
        snappy->n += n;
        piece = slice_of(piece.p + n, piece.n - n);
        if (snappy->n == SNAPPY_FRAGMENT_BYTES) {
            TRY(write_fragment(encoder));
        }
    }
    return OK;
}

static err_t snappy_finish(struct encoder *encoder)
{
    return encoder->snappy->n > 0 ? write_fragment(encoder) : OK;
}

static void snappy_end(struct encoder *encoder)
{
    if (encoder->snappy != NULL) {
        heap_free(encoder->heap, encoder->snappy, sizeof(*encoder->snappy));
        encoder->snappy = NULL;
    }
}

const struct encoder_ops snappy_encoder_ops = {snappy_start, snappy_push, snappy_finish,
                                               snappy_end};
