/* The lz4 frame format (lz4_Frame_format.md 1.6) around liblz4's block functions: our own framing keeps all memory on the
 * heap and takes exactly those frames that Kafka's Java reader takes. */
#include "common/base/bytes.h"
#include "common/codec/impl.h"
#include "common/codec/xxh32.h"

#include <lz4.h>
#include <lz4hc.h>

#define LZ4_MAGIC            0x184D2204u
#define FLG_VERSION_MASK     0xC0
#define FLG_VERSION          0x40
#define FLG_INDEPENDENT      0x20
#define FLG_BLOCK_CHECKSUM   0x10
#define FLG_CONTENT_SIZE     0x08
#define FLG_CONTENT_CHECKSUM 0x04
#define FLG_RESERVED         0x02
#define FLG_DICTIONARY       0x01
#define BD_SIZE_SHIFT        4
#define BD_RESERVED          0x8F
#define BLOCK_PLAIN          0x80000000u
#define BLOCK_KEEP_BYTES     (256u << 10)
/* What Java producers write: independent blocks of 64 KiB, no checksums, no content size. */
#define OUT_BLOCK_BYTES      65536
#define OUT_BD               (4 << BD_SIZE_SHIFT)

struct lz4_decoder {
    uint8_t *block;   /* one decompressed block */
    size_t room;      /* bytes of block */
    size_t block_max; /* of this frame */
    uint8_t flags;
    bool begun;
    uint64_t content_size;
    uint64_t content; /* bytes so far */
    struct xxh32 checksum;
};

struct lz4_encoder {
    uint8_t plain[OUT_BLOCK_BYTES]; /* gathers one block */
    size_t n;
    int level; /* 0: the fast compressor */
    void *fast;
    void *high;
};

static void block_free(struct decoder *decoder)
{
    struct lz4_decoder *lz4 = decoder->lz4;
    heap_free(decoder->heap, lz4->block, lz4->room);
    lz4->block = NULL;
    lz4->room = 0;
}

static err_t lz4_open(struct decoder *decoder)
{
    if (decoder->lz4 == NULL) {
        decoder->lz4 = HEAP_NEW(decoder->heap, struct lz4_decoder);
        ENSURE(decoder->lz4 != NULL, ERR_NO_MEMORY);
    }
    struct lz4_decoder *lz4 = decoder->lz4;
    if (lz4->room > BLOCK_KEEP_BYTES) { /* of a stream that was not read to its end */
        block_free(decoder);
    }
    lz4->begun = false;
    lz4->content = 0;
    xxh32_init(&lz4->checksum);
    return OK;
}

static err_t cut_off(struct decoder *decoder)
{
    return decoder_fail(decoder, ERR_TRUNCATED, "the lz4 frame is cut off");
}

static err_t check_flags(struct decoder *decoder, uint8_t flags, uint8_t bd)
{
    if ((flags & FLG_VERSION_MASK) != FLG_VERSION || (flags & FLG_RESERVED) != 0 ||
        (bd & BD_RESERVED) != 0 || (bd >> BD_SIZE_SHIFT) < 4) {
        return decoder_fail(decoder, ERR_MALFORMED, "the lz4 frame's header is malformed");
    }
    if ((flags & FLG_INDEPENDENT) == 0) {
        return decoder_fail(decoder, ERR_UNSUPPORTED,
                            "the lz4 frame has linked blocks, which Java consumers do not read");
    }
    if ((flags & FLG_DICTIONARY) != 0) {
        return decoder_fail(decoder, ERR_UNSUPPORTED, "the lz4 frame needs a dictionary");
    }
    return OK;
}

static err_t read_header(struct decoder *decoder)
{
    struct lz4_decoder *lz4 = decoder->lz4;
    const uint8_t *p = decoder->in.p;
    ENSURE(decoder->in.n >= 7, cut_off(decoder));
    if (load_le32(p) != LZ4_MAGIC) {
        return decoder_fail(decoder, ERR_MALFORMED, "it does not begin with an lz4 frame");
    }
    TRY(check_flags(decoder, p[4], p[5]));
    lz4->flags = p[4];
    lz4->block_max = (size_t)1 << (8 +
                                   2 * (p[5] >> BD_SIZE_SHIFT)); /* 64 KiB, 256 KiB, 1 MiB, 4 MiB */
    size_t descriptor = (lz4->flags & FLG_CONTENT_SIZE) != 0 ? 10 : 2;
    ENSURE(decoder->in.n >= 4 + descriptor + 1, cut_off(decoder));
    if (descriptor > 2) {
        lz4->content_size = load_le64(p + 6);
    }
    if (p[4 + descriptor] != (uint8_t)(xxh32(p + 4, descriptor) >> 8)) {
        return decoder_fail(decoder, ERR_CORRUPT, "the lz4 frame's header checksum is wrong");
    }
    if (lz4->room < lz4->block_max) {
        block_free(decoder);
        lz4->block = heap_alloc_dirty(decoder->heap, lz4->block_max);
        ENSURE(lz4->block != NULL, ERR_NO_MEMORY);
        lz4->room = lz4->block_max;
    }
    decoder_skip(decoder, 4 + descriptor + 1);
    lz4->begun = true;
    return OK;
}

/* Behind the end mark. */
static err_t read_end(struct decoder *decoder)
{
    struct lz4_decoder *lz4 = decoder->lz4;
    if ((lz4->flags & FLG_CONTENT_CHECKSUM) != 0) {
        ENSURE(decoder->in.n >= 4, cut_off(decoder));
        if (load_le32(decoder->in.p) != xxh32_value(&lz4->checksum)) {
            return decoder_fail(decoder, ERR_CORRUPT, "the lz4 frame's content checksum is wrong");
        }
        decoder_skip(decoder, 4);
    }
    if ((lz4->flags & FLG_CONTENT_SIZE) != 0 && lz4->content_size != lz4->content) {
        return decoder_fail(decoder, ERR_MALFORMED,
                            "the lz4 frame does not have the size that it says");
    }
    if (decoder->in.n > 0) {
        return decoder_fail(decoder, ERR_MALFORMED, "bytes stand behind the lz4 frame");
    }
    if (lz4->room > BLOCK_KEEP_BYTES) {
        block_free(decoder);
    }
    return OK;
}

/* One block, whose length word is `head`, at the front of the input. */
static err_t read_block(struct decoder *decoder, uint32_t head, struct slice *ret_piece)
{
    struct lz4_decoder *lz4 = decoder->lz4;
    const size_t n = head & ~BLOCK_PLAIN;
    const size_t check = (lz4->flags & FLG_BLOCK_CHECKSUM) != 0 ? 4 : 0;
    if (n == 0 || n > lz4->block_max) {
        return decoder_fail(decoder, ERR_MALFORMED, "an lz4 block has an impossible length");
    }
    ENSURE(decoder->in.n >= n + check, cut_off(decoder));
    const uint8_t *p = decoder->in.p;
    if (check > 0 && load_le32(p + n) != xxh32(p, n)) {
        return decoder_fail(decoder, ERR_CORRUPT, "an lz4 block's checksum is wrong");
    }
    if ((head & BLOCK_PLAIN) != 0) {
        *ret_piece = slice_of(p, n);
    } else {
        int got = LZ4_decompress_safe((const char *)p, (char *)lz4->block, (int)n,
                                      (int)lz4->block_max);
        /* An empty block is none of those that encoders write, and Java readers stumble over it. */
        if (got <= 0) {
            return decoder_fail(decoder, ERR_MALFORMED, "an lz4 block is malformed");
        }
        assert((size_t)got <= lz4->block_max);
        *ret_piece = slice_of(lz4->block, (size_t)got);
    }
    decoder_skip(decoder, n + check);
    return OK;
}

static err_t lz4_pull(struct decoder *decoder, struct slice *ret_piece)
{
    struct lz4_decoder *lz4 = decoder->lz4;
    if (!lz4->begun) {
        TRY(read_header(decoder));
    }
    ENSURE(decoder->in.n >= 4, cut_off(decoder));
    uint32_t head = load_le32(decoder->in.p);
    decoder_skip(decoder, 4);
    if (head == 0) {
        return read_end(decoder);
    }
    TRY(read_block(decoder, head, ret_piece));
    assert(ret_piece->n > 0);
    lz4->content += ret_piece->n;
    if ((lz4->flags & FLG_CONTENT_CHECKSUM) != 0) {
        xxh32_add(&lz4->checksum, ret_piece->p, ret_piece->n);
    }
    return OK;
}

static void lz4_release(struct decoder *decoder)
{
    if (decoder->lz4 != NULL) {
        block_free(decoder);
        heap_free(decoder->heap, decoder->lz4, sizeof(*decoder->lz4));
        decoder->lz4 = NULL;
    }
}

const struct decoder_ops lz4_decoder_ops = {lz4_open, lz4_pull, lz4_release};

static err_t lz4_start(struct encoder *encoder, int32_t asked)
{
    /* Kafka's levels go to 17, the library's end is 12, and it takes more for 12. */
    ENSURE(asked == CODEC_LEVEL_DEFAULT || (asked >= 1 && asked <= 17), ERR_INVALID);
    if (encoder->lz4 == NULL) {
        encoder->lz4 = heap_alloc_dirty(encoder->heap, sizeof(*encoder->lz4));
        ENSURE(encoder->lz4 != NULL, ERR_NO_MEMORY);
        encoder->lz4->fast = NULL;
        encoder->lz4->high = NULL;
    }
    struct lz4_encoder *lz4 = encoder->lz4;
    lz4->n = 0;
    lz4->level = asked == CODEC_LEVEL_DEFAULT ? 0 : asked;
    if (lz4->level == 0 && lz4->fast == NULL) {
        lz4->fast = heap_alloc(encoder->heap, (size_t)LZ4_sizeofState());
        ENSURE(lz4->fast != NULL, ERR_NO_MEMORY);
    }
    if (lz4->level > 0 && lz4->high == NULL) {
        lz4->high = heap_alloc(encoder->heap, (size_t)LZ4_sizeofStateHC());
        ENSURE(lz4->high != NULL, ERR_NO_MEMORY);
    }
    uint8_t header[7] = {0, 0, 0, 0, FLG_VERSION | FLG_INDEPENDENT, OUT_BD, 0};
    store_le32(header, LZ4_MAGIC);
    header[6] = (uint8_t)(xxh32(header + 4, 2) >> 8);
    buf_put(encoder->out, header, sizeof(header));
    return encoder->out->err;
}

static err_t write_block(struct encoder *encoder)
{
    struct lz4_encoder *lz4 = encoder->lz4;
    assert(lz4->n > 0 && lz4->n <= OUT_BLOCK_BYTES);
    uint8_t *out = buf_reserve(encoder->out, 4 + lz4->n);
    ENSURE(out != NULL, encoder->out->err);
    /* Room for less than the plain block: what does not shrink is stored as it is. */
    const char *plain = (const char *)lz4->plain;
    char *to = (char *)out + 4;
    int n = (int)lz4->n;
    int got = lz4->level == 0
                  ? LZ4_compress_fast_extState(lz4->fast, plain, to, n, n - 1, 1)
                  : LZ4_compress_HC_extStateHC(lz4->high, plain, to, n, n - 1, lz4->level);
    if (got > 0) {
        assert(got < n);
        store_le32(out, (uint32_t)got);
    } else {
        got = n;
        store_le32(out, (uint32_t)n | BLOCK_PLAIN);
        memcpy(to, plain, lz4->n);
    }
    buf_commit(encoder->out, 4 + (size_t)got);
    lz4->n = 0;
    return OK;
}

static err_t lz4_push(struct encoder *encoder, struct slice piece)
{
    struct lz4_encoder *lz4 = encoder->lz4;
    while (piece.n > 0) {
        size_t room = OUT_BLOCK_BYTES - lz4->n;
        size_t n = piece.n < room ? piece.n : room;
        memcpy(lz4->plain + lz4->n, piece.p, n);
        lz4->n += n;
        piece = slice_of(piece.p + n, piece.n - n);
        if (lz4->n == OUT_BLOCK_BYTES) {
            TRY(write_block(encoder));
        }
    }
    return OK;
}

static err_t lz4_finish(struct encoder *encoder)
{
    if (encoder->lz4->n > 0) {
        TRY(write_block(encoder));
    }
    buf_put(encoder->out, "\0\0\0\0", 4);
    return encoder->out->err;
}

static void lz4_end(struct encoder *encoder)
{
    struct lz4_encoder *lz4 = encoder->lz4;
    if (lz4 != NULL) {
        heap_free(encoder->heap, lz4->fast, (size_t)LZ4_sizeofState());
        heap_free(encoder->heap, lz4->high, (size_t)LZ4_sizeofStateHC());
        heap_free(encoder->heap, lz4, sizeof(*lz4));
        encoder->lz4 = NULL;
    }
}

const struct encoder_ops lz4_encoder_ops = {lz4_start, lz4_push, lz4_finish, lz4_end};
