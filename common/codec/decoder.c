#include "common/codec/impl.h"

/* Not compressed: the input is the only piece. */
static err_t none_open(struct decoder *decoder)
{
    decoder->out_max = UINT64_MAX;
    return OK;
}

static err_t none_pull(struct decoder *decoder, struct slice *ret_piece)
{
    *ret_piece = decoder->in;
    decoder_skip(decoder, decoder->in.n);
    return OK;
}

static void none_release(struct decoder *decoder)
{
    assert(decoder->heap != NULL);
}

static const struct decoder_ops none_decoder_ops = {none_open, none_pull, none_release};

static const struct decoder_ops *const table[COMPRESSION_COUNT] = {
    [COMPRESSION_NONE] = &none_decoder_ops,     [COMPRESSION_GZIP] = &gzip_decoder_ops,
    [COMPRESSION_SNAPPY] = &snappy_decoder_ops, [COMPRESSION_LZ4] = &lz4_decoder_ops,
    [COMPRESSION_ZSTD] = &zstd_decoder_ops,
};

void decoder_init(struct decoder *decoder, struct heap *heap)
{
    assert(heap != NULL);
    *decoder = (struct decoder){.heap = heap, .ended = true};
}

void decoder_release(struct decoder *decoder)
{
    for (size_t i = 0; i < COMPRESSION_COUNT; i++) {
        table[i]->release(decoder);
    }
    heap_free(decoder->heap, decoder->piece, PIECE_BYTES);
    decoder->piece = NULL;
    decoder->ended = true;
}

err_t decoder_fail(struct decoder *decoder, err_t err, const char *reason)
{
    assert(err != OK && reason != NULL);
    decoder->err = err;
    decoder->reason = reason;
    return err;
}

uint8_t *decoder_piece(struct decoder *decoder)
{
    if (decoder->piece == NULL) {
        decoder->piece = heap_alloc(decoder->heap, PIECE_BYTES);
    }
    return decoder->piece;
}

/* Keeps the error, so that every later pull gives it again. */
static err_t keep(struct decoder *decoder, err_t err)
{
    if (err != OK && decoder->err == OK) {
        assert(err == ERR_NO_MEMORY);
        return decoder_fail(decoder, err, "there is no memory left to decompress it");
    }
    return err;
}

void decoder_open(struct decoder *decoder, enum compression compression, struct slice in)
{
    uint64_t by_ratio = (uint64_t)in.n * BATCH_RATIO_MAX;
    by_ratio = by_ratio < BATCH_RATIO_FREE ? BATCH_RATIO_FREE : by_ratio;
    decoder->compression = compression;
    decoder->in = in;
    decoder->out_bytes = 0;
    decoder->out_max = by_ratio < BATCH_OUTPUT_MAX ? by_ratio : BATCH_OUTPUT_MAX;
    decoder->ended = false;
    decoder->err = OK;
    decoder->reason = NULL;
    if ((unsigned)compression >= COMPRESSION_COUNT) {
        (void)decoder_fail(decoder, ERR_UNSUPPORTED, "there is no such compression type");
        return;
    }
    (void)keep(decoder, table[compression]->open(decoder));
}

err_t decoder_pull(struct decoder *decoder, struct slice *ret_piece)
{
    *ret_piece = (struct slice){0};
    TRY(decoder->err);
    if (decoder->ended) {
        return OK;
    }
    TRY(keep(decoder, table[decoder->compression]->pull(decoder, ret_piece)));
    decoder->out_bytes += ret_piece->n;
    if (decoder->out_bytes > decoder->out_max) {
        *ret_piece = (struct slice){0};
        return decoder_fail(decoder, ERR_TOO_LARGE,
                            "it decompresses to far more than a batch may hold");
    }
    decoder->ended = ret_piece->n == 0;
    assert(!decoder->ended || decoder->in.n == 0);
    return OK;
}

static err_t source_pull_piece(void *ctx, struct slice *ret_piece)
{
    struct decoder *decoder = ctx;
    return decoder_pull(decoder, ret_piece);
}

static const char *source_tell_reason(void *ctx)
{
    const struct decoder *decoder = ctx;
    return decoder_reason(decoder);
}

struct byte_source decoder_source(struct decoder *decoder)
{
    assert(decoder->heap != NULL);
    return (struct byte_source){
        .pull = source_pull_piece, .reason = source_tell_reason, .ctx = decoder};
}

const char *decoder_reason(const struct decoder *decoder)
{
    return decoder->reason != NULL ? decoder->reason : err_text(decoder->err);
}

err_t decoder_all(struct decoder *decoder, enum compression compression, struct slice in,
                  struct buf *out)
{
    decoder_open(decoder, compression, in);
    for (;;) {
        struct slice piece;
        TRY(decoder_pull(decoder, &piece));
        if (piece.n == 0) {
            return OK;
        }
        buf_put(out, piece.p, piece.n);
        TRY(out->err);
    }
}
