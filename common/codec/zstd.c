#define ZSTD_STATIC_LINKING_ONLY /* custom allocators; Debian's shared library exports them */
#include "common/base/bytes.h"
#include "common/codec/impl.h"
#include "common/codec/memory.h"

#include <zstd.h>
#include <zstd_errors.h>

#define ZSTD_MAGIC         0xFD2FB528u
/* Java producers of the highest levels (20 to 22) write windows of 32 to 128 MiB, and every Kafka consumer reads them, so
 * they are taken; of such a window only the pages that output fills become resident (heap_alloc_dirty), and the context is
 * given back after the batch. Ordinary levels need 2 MiB (level 3) and keep their context. */
#define WINDOW_LOG_MAX     27
#define CONTEXT_KEEP_BYTES (5u << 20)

struct zstd_decoder {
    ZSTD_DCtx *context;
    bool over; /* the frame's end was seen */
};

struct zstd_encoder {
    ZSTD_CCtx *context;
};

static void *zstd_alloc(void *heap, size_t n)
{
    return hook_alloc(heap, 1, n);
}

static void zstd_free(void *heap, void *p)
{
    hook_free(heap, p);
}

static void zstd_release(struct decoder *decoder)
{
    if (decoder->zstd != NULL) {
        (void)ZSTD_freeDCtx(decoder->zstd->context);
        heap_free(decoder->heap, decoder->zstd, sizeof(*decoder->zstd));
        decoder->zstd = NULL;
    }
}

static err_t zstd_open(struct decoder *decoder)
{
    if (decoder->zstd != NULL && ZSTD_sizeof_DCtx(decoder->zstd->context) > CONTEXT_KEEP_BYTES) {
        zstd_release(decoder);
    }
    if (decoder->zstd == NULL) {
        struct zstd_decoder *zstd = HEAP_NEW(decoder->heap, struct zstd_decoder);
        ENSURE(zstd != NULL, ERR_NO_MEMORY);
        zstd->context = ZSTD_createDCtx_advanced(
            (ZSTD_customMem){zstd_alloc, zstd_free, decoder->heap});
        if (zstd->context == NULL) {
            heap_free(decoder->heap, zstd, sizeof(*zstd));
            return ERR_NO_MEMORY;
        }
        size_t set = ZSTD_DCtx_setParameter(zstd->context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
        assert(!ZSTD_isError(set));
        decoder->zstd = zstd;
    }
    size_t reset = ZSTD_DCtx_reset(decoder->zstd->context, ZSTD_reset_session_only);
    assert(!ZSTD_isError(reset));
    decoder->zstd->over = false;
    ENSURE(decoder_piece(decoder) != NULL, ERR_NO_MEMORY);
    if (decoder->in.n < 4) {
        return decoder_fail(decoder, ERR_TRUNCATED, "the zstd frame is cut off");
    }
    /* Skippable frames and the formats before 1.0 are no batches. */
    if (load_le32(decoder->in.p) != ZSTD_MAGIC) {
        return decoder_fail(decoder, ERR_MALFORMED, "it does not begin with a zstd frame");
    }
    return OK;
}

static err_t zstd_error(struct decoder *decoder, size_t status)
{
    zstd_release(decoder); /* its window may be large */
    switch (ZSTD_getErrorCode(status)) {
    case ZSTD_error_memory_allocation: return ERR_NO_MEMORY;
    case ZSTD_error_frameParameter_windowTooLarge:
        return decoder_fail(decoder, ERR_TOO_LARGE,
                            "the zstd frame needs a window of more than 128 MiB");
    case ZSTD_error_dictionary_wrong:
        return decoder_fail(decoder, ERR_UNSUPPORTED, "the zstd frame needs a dictionary");
    case ZSTD_error_checksum_wrong:
        return decoder_fail(decoder, ERR_CORRUPT, "the zstd frame's checksum is wrong");
    default: return decoder_fail(decoder, ERR_MALFORMED, "the zstd frame is malformed");
    }
}

static err_t zstd_pull(struct decoder *decoder, struct slice *ret_piece)
{
    struct zstd_decoder *zstd = decoder->zstd;
    ZSTD_outBuffer out = {.dst = decoder->piece, .size = PIECE_BYTES};
    while (!zstd->over && out.pos < out.size) {
        ZSTD_inBuffer in = {.src = decoder->in.p, .size = decoder->in.n};
        const size_t before = out.pos;
        size_t status = ZSTD_decompressStream(zstd->context, &out, &in);
        if (ZSTD_isError(status)) {
            return zstd_error(decoder, status);
        }
        decoder_skip(decoder, in.pos);
        zstd->over = status == 0;
        if (!zstd->over && in.pos == 0 && out.pos == before) {
            return decoder_fail(decoder, ERR_TRUNCATED, "the zstd frame is cut off");
        }
    }
    if (zstd->over && decoder->in.n > 0) {
        return decoder_fail(decoder, ERR_MALFORMED, "bytes stand behind the zstd frame");
    }
    assert(out.pos <= PIECE_BYTES);
    *ret_piece = slice_of(decoder->piece, out.pos);
    if (out.pos == 0 && ZSTD_sizeof_DCtx(zstd->context) > CONTEXT_KEEP_BYTES) {
        zstd_release(decoder);
    }
    return OK;
}

const struct decoder_ops zstd_decoder_ops = {zstd_open, zstd_pull, zstd_release};

static void zstd_end(struct encoder *encoder)
{
    if (encoder->zstd != NULL) {
        (void)ZSTD_freeCCtx(encoder->zstd->context);
        heap_free(encoder->heap, encoder->zstd, sizeof(*encoder->zstd));
        encoder->zstd = NULL;
    }
}

static err_t zstd_start(struct encoder *encoder, int32_t asked)
{
    int level = asked == CODEC_LEVEL_DEFAULT ? ZSTD_CLEVEL_DEFAULT : asked;
    ENSURE(level >= ZSTD_minCLevel() && level <= ZSTD_maxCLevel(), ERR_INVALID);
    if (encoder->zstd == NULL) {
        struct zstd_encoder *zstd = HEAP_NEW(encoder->heap, struct zstd_encoder);
        ENSURE(zstd != NULL, ERR_NO_MEMORY);
        zstd->context = ZSTD_createCCtx_advanced(
            (ZSTD_customMem){zstd_alloc, zstd_free, encoder->heap});
        if (zstd->context == NULL) {
            heap_free(encoder->heap, zstd, sizeof(*zstd));
            return ERR_NO_MEMORY;
        }
        encoder->zstd = zstd;
    }
    size_t reset = ZSTD_CCtx_reset(encoder->zstd->context, ZSTD_reset_session_only);
    assert(!ZSTD_isError(reset));
    size_t set = ZSTD_CCtx_setParameter(encoder->zstd->context, ZSTD_c_compressionLevel, level);
    assert(!ZSTD_isError(set));
    return OK;
}

static err_t zstd_run(struct encoder *encoder, struct slice piece, ZSTD_EndDirective end)
{
    ZSTD_inBuffer in = {.src = piece.p, .size = piece.n};
    size_t status;
    do {
        const size_t room = 4096;
        uint8_t *p = buf_reserve(encoder->out, room);
        ENSURE(p != NULL, encoder->out->err);
        ZSTD_outBuffer out = {.dst = p, .size = room};
        status = ZSTD_compressStream2(encoder->zstd->context, &out, &in, end);
        /* Only memory can be short: parameters were checked at the start. */
        ENSURE(!ZSTD_isError(status), ERR_NO_MEMORY);
        buf_commit(encoder->out, out.pos);
    } while (end == ZSTD_e_end ? status != 0 : in.pos < in.size);
    return OK;
}

static err_t zstd_push(struct encoder *encoder, struct slice piece)
{
    return zstd_run(encoder, piece, ZSTD_e_continue);
}

static err_t zstd_finish(struct encoder *encoder)
{
    return zstd_run(encoder, (struct slice){0}, ZSTD_e_end);
}

const struct encoder_ops zstd_encoder_ops = {zstd_start, zstd_push, zstd_finish, zstd_end};
