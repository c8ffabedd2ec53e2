#include "common/codec/impl.h"
#include "common/codec/memory.h"

#include <zlib.h>

#define GZIP_ONLY (15 + 16) /* the largest window, and a gzip wrapper rather than a zlib one */

struct gzip_decoder {
    z_stream z;
    bool over; /* the stream's end was seen */
};

struct gzip_encoder {
    z_stream z;
    int level;
};

static void *gzip_alloc(void *heap, uInt count, uInt size)
{
    return hook_alloc(heap, count, size);
}

static void gzip_free(void *heap, void *p)
{
    hook_free(heap, p);
}

static err_t gzip_open(struct decoder *decoder)
{
    if (decoder->gzip == NULL) {
        struct gzip_decoder *gzip = HEAP_NEW(decoder->heap, struct gzip_decoder);
        ENSURE(gzip != NULL, ERR_NO_MEMORY);
        gzip->z = (z_stream){.zalloc = gzip_alloc, .zfree = gzip_free, .opaque = decoder->heap};
        if (inflateInit2(&gzip->z, GZIP_ONLY) != Z_OK) {
            heap_free(decoder->heap, gzip, sizeof(*gzip));
            return ERR_NO_MEMORY;
        }
        decoder->gzip = gzip;
    }
    int reset = inflateReset(&decoder->gzip->z);
    assert(reset == Z_OK);
    decoder->gzip->over = false;
    return decoder_piece(decoder) == NULL ? ERR_NO_MEMORY : OK;
}

static err_t gzip_error(struct decoder *decoder, int status)
{
    switch (status) {
    case Z_BUF_ERROR: return decoder_fail(decoder, ERR_TRUNCATED, "the gzip stream is cut off");
    case Z_MEM_ERROR: return ERR_NO_MEMORY;
    default:
        return decoder_fail(decoder, ERR_MALFORMED,
                            "the gzip stream is malformed or its checksum is wrong");
    }
}

static err_t gzip_pull(struct decoder *decoder, struct slice *ret_piece)
{
    struct gzip_decoder *gzip = decoder->gzip;
    z_stream *z = &gzip->z;
    z->next_out = decoder->piece;
    z->avail_out = PIECE_BYTES;
    while (!gzip->over && z->avail_out > 0) {
        /* zlib counts in 32 bits. */
        uInt n = decoder->in.n > INT32_MAX ? INT32_MAX : (uInt)decoder->in.n;
        z->next_in = (Bytef *)(uintptr_t)decoder->in.p;
        z->avail_in = n;
        int status = inflate(z, Z_NO_FLUSH);
        assert(z->avail_in <= n);
        decoder_skip(decoder, n - z->avail_in);
        if (status == Z_STREAM_END) {
            gzip->over = true;
        } else if (status != Z_OK) {
            return gzip_error(decoder, status);
        }
    }
    /* Java reads members that follow each other as one, librdkafka reads the first only: nobody writes them. */
    if (gzip->over && decoder->in.n > 0) {
        return decoder_fail(decoder, ERR_MALFORMED, "bytes stand behind the gzip stream");
    }
    *ret_piece = slice_of(decoder->piece, PIECE_BYTES - z->avail_out);
    return OK;
}

static void gzip_release(struct decoder *decoder)
{
    if (decoder->gzip != NULL) {
        (void)inflateEnd(&decoder->gzip->z);
        heap_free(decoder->heap, decoder->gzip, sizeof(*decoder->gzip));
        decoder->gzip = NULL;
    }
}

const struct decoder_ops gzip_decoder_ops = {gzip_open, gzip_pull, gzip_release};

static void gzip_end(struct encoder *encoder)
{
    if (encoder->gzip != NULL) {
        (void)deflateEnd(&encoder->gzip->z);
        heap_free(encoder->heap, encoder->gzip, sizeof(*encoder->gzip));
        encoder->gzip = NULL;
    }
}

static err_t gzip_start(struct encoder *encoder, int32_t asked)
{
    int level = asked == CODEC_LEVEL_DEFAULT ? Z_DEFAULT_COMPRESSION : asked;
    ENSURE(level >= Z_DEFAULT_COMPRESSION && level <= Z_BEST_COMPRESSION && level != 0,
           ERR_INVALID);
    if (encoder->gzip != NULL && encoder->gzip->level != level) {
        gzip_end(encoder);
    }
    if (encoder->gzip == NULL) {
        struct gzip_encoder *gzip = HEAP_NEW(encoder->heap, struct gzip_encoder);
        ENSURE(gzip != NULL, ERR_NO_MEMORY);
        gzip->level = level;
        gzip->z = (z_stream){.zalloc = gzip_alloc, .zfree = gzip_free, .opaque = encoder->heap};
        if (deflateInit2(&gzip->z, level, Z_DEFLATED, GZIP_ONLY, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
            heap_free(encoder->heap, gzip, sizeof(*gzip));
            return ERR_NO_MEMORY;
        }
        encoder->gzip = gzip;
    }
    int reset = deflateReset(&encoder->gzip->z);
    assert(reset == Z_OK);
    return OK;
}

static err_t gzip_run(struct encoder *encoder, struct slice piece, int flush)
{
    z_stream *z = &encoder->gzip->z;
    ENSURE(piece.n <= INT32_MAX, ERR_TOO_LARGE);
    z->next_in = (Bytef *)(uintptr_t)piece.p;
    z->avail_in = (uInt)piece.n;
    int status;
    do {
        const size_t room = 4096;
        uint8_t *out = buf_reserve(encoder->out, room);
        ENSURE(out != NULL, encoder->out->err);
        z->next_out = out;
        z->avail_out = (uInt)room;
        status = deflate(z, flush);
        assert(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR);
        buf_commit(encoder->out, room - z->avail_out);
    } while (flush == Z_FINISH ? status != Z_STREAM_END : z->avail_in > 0 || z->avail_out == 0);
    return OK;
}

static err_t gzip_push(struct encoder *encoder, struct slice piece)
{
    return gzip_run(encoder, piece, Z_NO_FLUSH);
}

static err_t gzip_finish(struct encoder *encoder)
{
    return gzip_run(encoder, (struct slice){0}, Z_FINISH);
}

const struct encoder_ops gzip_encoder_ops = {gzip_start, gzip_push, gzip_finish, gzip_end};
