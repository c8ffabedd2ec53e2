#include "common/codec/impl.h"

static err_t none_open(struct encoder *encoder, int32_t level)
{
    (void)level;
    return encoder->out->err;
}

static err_t none_push(struct encoder *encoder, struct slice piece)
{
    buf_put(encoder->out, piece.p, piece.n);
    return encoder->out->err;
}

static err_t none_finish(struct encoder *encoder)
{
    return encoder->out->err;
}

static void none_release(struct encoder *encoder)
{
    assert(encoder->heap != NULL);
}

static const struct encoder_ops none_encoder_ops = {none_open, none_push, none_finish,
                                                    none_release};

static const struct encoder_ops *const table[COMPRESSION_COUNT] = {
    [COMPRESSION_NONE] = &none_encoder_ops,     [COMPRESSION_GZIP] = &gzip_encoder_ops,
    [COMPRESSION_SNAPPY] = &snappy_encoder_ops, [COMPRESSION_LZ4] = &lz4_encoder_ops,
    [COMPRESSION_ZSTD] = &zstd_encoder_ops,
};

void encoder_init(struct encoder *encoder, struct heap *heap)
{
    assert(heap != NULL);
    *encoder = (struct encoder){.heap = heap};
}

void encoder_release(struct encoder *encoder)
{
    for (size_t i = 0; i < COMPRESSION_COUNT; i++) {
        table[i]->release(encoder);
    }
    encoder->out = NULL;
}

err_t encoder_open(struct encoder *encoder, enum compression compression, int32_t level,
                   struct buf *out)
{
    ENSURE((unsigned)compression < COMPRESSION_COUNT, ERR_UNSUPPORTED);
    assert(out != NULL);
    encoder->compression = compression;
    encoder->out = out;
    return table[compression]->open(encoder, level);
}

err_t encoder_push(struct encoder *encoder, struct slice piece)
{
    assert(encoder->out != NULL);
    return piece.n == 0 ? OK : table[encoder->compression]->push(encoder, piece);
}

err_t encoder_finish(struct encoder *encoder)
{
    assert(encoder->out != NULL);
    TRY(table[encoder->compression]->finish(encoder));
    encoder->out = NULL;
    return OK;
}

static err_t sink_push_piece(void *ctx, struct slice piece)
{
    struct encoder *encoder = ctx;
    return encoder_push(encoder, piece);
}

struct byte_sink encoder_sink(struct encoder *encoder)
{
    assert(encoder->heap != NULL);
    return (struct byte_sink){.push = sink_push_piece, .ctx = encoder};
}
