/*
 * What each codec gives to decoder.c and encoder.c: one row of functions. Inside of common/codec only; codec.h has the
 * contract.
 *
 * open     a new stream; d->in is the whole input. Takes working memory on first use.
 * pull     the next piece, never empty except at the end of the stream, which it checks (nothing missing, nothing behind).
 * release  gives the working memory back; before any open it does nothing.
 */
#ifndef ODRADEK_CODEC_IMPL_H
#define ODRADEK_CODEC_IMPL_H

#include "common/base/limits.h"
#include "common/codec/codec.h"

/* Plain bytes of gzip and zstd are lent in pieces of this size: they stay in the first-level caches. */
#define PIECE_BYTES 65536

struct decoder_ops {
    err_t (*open)(struct decoder *);
    err_t (*pull)(struct decoder *, struct slice *ret_piece);
    void (*release)(struct decoder *);
};

struct encoder_ops {
    err_t (*open)(struct encoder *, int32_t level);
    err_t (*push)(struct encoder *, struct slice piece);
    err_t (*finish)(struct encoder *);
    void (*release)(struct encoder *);
};

extern const struct decoder_ops gzip_decoder_ops;
extern const struct decoder_ops snappy_decoder_ops;
extern const struct decoder_ops lz4_decoder_ops;
extern const struct decoder_ops zstd_decoder_ops;
extern const struct encoder_ops gzip_encoder_ops;
extern const struct encoder_ops snappy_encoder_ops;
extern const struct encoder_ops lz4_encoder_ops;
extern const struct encoder_ops zstd_encoder_ops;

/* Notes the error and its sentence (no full stop); returns the error. */
err_t decoder_fail(struct decoder *, err_t, const char *reason);
/* The shared buffer of PIECE_BYTES, or NULL. */
uint8_t *decoder_piece(struct decoder *);
/* Steps over n bytes of the input. */
static inline void decoder_skip(struct decoder *decoder, size_t n)
{
    assert(n <= decoder->in.n);
    decoder->in = slice_of(decoder->in.p + n, decoder->in.n - n);
}

#endif
