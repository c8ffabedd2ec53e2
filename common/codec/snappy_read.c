#include "common/base/bytes.h"
#include "common/codec/snappy_block.h"

#define COPY_BYTES_MAX 64
/* A piece is lent when this much is there. */
#define LEND_BYTES     65536

enum tag { TAG_LITERAL, TAG_COPY_1, TAG_COPY_2, TAG_COPY_4 };

err_t snappy_block_length(struct slice *in, uint32_t *ret_length, const char **ret_reason)
{
    uint64_t length = 0;
    for (size_t i = 0; i < 5; i++) {
        if (i >= in->n) {
            *ret_reason = "the snappy block is cut off";
            return ERR_TRUNCATED;
        }
        length |= (uint64_t)(in->p[i] & 0x7F) << (7 * i);
        if (in->p[i] < 0x80) {
            *in = slice_of(in->p + i + 1, in->n - i - 1);
            /* The best that three bytes can do is a copy of 64. */
            if (length > UINT32_MAX ||
                length > (uint64_t)in->n * COPY_BYTES_MAX / 3 + COPY_BYTES_MAX) {
                break;
            }
            *ret_length = (uint32_t)length;
            return OK;
        }
    }
    *ret_reason = "the snappy block claims an impossible length";
    return ERR_MALFORMED;
}

size_t snappy_block_room(uint32_t length)
{
    const size_t window = 2 * (size_t)SNAPPY_WINDOW_BYTES;
    return (length < window ? length : window) + SNAPPY_SLACK_BYTES;
}

void snappy_block_begin(struct snappy_block *block, struct slice in, uint32_t length, uint8_t *out)
{
    assert(out != NULL);
    *block = (struct snappy_block){.in = in,
                                   .out = out,
                                   .room = snappy_block_room(length) - SNAPPY_SLACK_BYTES,
                                   .left = length};
}

static err_t refuse(struct snappy_block *block, err_t err, const char *reason)
{
    assert(err != OK);
    block->reason = reason;
    return err;
}

static err_t cut_off(struct snappy_block *block)
{
    return refuse(block, ERR_TRUNCATED, "the snappy block is cut off");
}

/* As much of the literal as there is room for. */
static err_t literal_bytes(struct snappy_block *block)
{
    size_t n = block->literal;
    size_t room = block->room - block->at;
    n = n < room ? n : room;
    ENSURE(n <= block->in.n, cut_off(block));
    ENSURE(n <= block->left,
           refuse(block, ERR_MALFORMED, "the snappy block is longer than it says"));
    memcpy(block->out + block->at, block->in.p, n);
    block->in = slice_of(block->in.p + n, block->in.n - n);
    block->at += n;
    block->left -= n;
    block->literal -= (uint32_t)n;
    return OK;
}

static err_t begin_literal(struct snappy_block *block, uint8_t tag)
{
    uint32_t length = tag >> 2;
    if (length >= 60) {
        size_t bytes = length - 59;
        ENSURE(bytes <= block->in.n, cut_off(block));
        length = 0;
        for (size_t i = 0; i < bytes; i++) {
            length |= (uint32_t)block->in.p[i] << (8 * i);
        }
        block->in = slice_of(block->in.p + bytes, block->in.n - bytes);
        ENSURE(length < UINT32_MAX,
               refuse(block, ERR_MALFORMED, "a snappy literal has an impossible length"));
    }
    block->literal = length + 1;
    return literal_bytes(block);
}

/* n bytes from `offset` bytes back; the two may overlap, which repeats them. */
static void copy_back(uint8_t *to, size_t offset, size_t n)
{
    const uint8_t *from = to - offset;
    if (LIKELY(offset >= 8)) {
        for (size_t i = 0; i < n;
             i += 8) { /* up to 7 bytes too many: into the slack, or overwritten next */
            memcpy(to + i, from + i, 8);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        to[i] = from[i];
    }
}

static err_t take_copy(struct snappy_block *block, uint8_t tag)
{
    const size_t extra = (tag & 3) == TAG_COPY_4 ? 4 : (size_t)(tag & 3);
    ENSURE(extra <= block->in.n, cut_off(block));
    const uint8_t *p = block->in.p;
    size_t length = (size_t)(tag >> 2) + 1;
    size_t offset;
    switch (tag & 3) {
    case TAG_COPY_1:
        length = (size_t)((tag >> 2) & 7) + 4;
        offset = (size_t)(tag >> 5) << 8 | p[0];
        break;
    case TAG_COPY_2: offset = load_le16(p); break;
    default: offset = load_le32(p); break;
    }
    block->in = slice_of(p + extra, block->in.n - extra);
    if (UNLIKELY(offset == 0 || offset > block->at)) {
        return offset != 0 && offset <= block->past + block->at
                   ? refuse(block, ERR_TOO_LARGE, "a snappy copy reaches back more than 4 MiB")
                   : refuse(block, ERR_MALFORMED, "a snappy copy reaches before its block");
    }
    ENSURE(length <= block->left,
           refuse(block, ERR_MALFORMED, "the snappy block is longer than it says"));
    assert(length <= block->room - block->at);
    copy_back(block->out + block->at, offset, length);
    block->at += length;
    block->left -= length;
    return OK;
}

/* A window is kept in front, the rest of the room is free again. */
static void slide(struct snappy_block *block)
{
    assert(block->at > SNAPPY_WINDOW_BYTES);
    size_t away = block->at - SNAPPY_WINDOW_BYTES;
    memmove(block->out, block->out + away, SNAPPY_WINDOW_BYTES);
    block->at = SNAPPY_WINDOW_BYTES;
    block->past += away;
}

err_t snappy_block_pull(struct snappy_block *block, struct slice *ret_piece)
{
    *ret_piece = (struct slice){0};
    if (block->left > block->room - block->at && block->room - block->at < LEND_BYTES) {
        slide(block);
    }
    const size_t from = block->at;
    if (block->literal > 0) {
        TRY(literal_bytes(block));
    }
    while (block->left > 0 && block->at - from < LEND_BYTES) {
        /* The last piece may fill the room to the end; before that a whole copy must fit. */
        if (block->room - block->at < COPY_BYTES_MAX && block->left > block->room - block->at) {
            break;
        }
        ENSURE(block->in.n > 0, cut_off(block));
        uint8_t tag = *block->in.p;
        block->in = slice_of(block->in.p + 1, block->in.n - 1);
        TRY((tag & 3) == TAG_LITERAL ? begin_literal(block, tag) : take_copy(block, tag));
    }
    if (block->left == 0 && block->literal > 0) {
        return refuse(block, ERR_MALFORMED, "the snappy block is longer than it says");
    }
    if (block->left == 0 && block->in.n > 0) {
        return refuse(block, ERR_MALFORMED, "bytes stand behind the snappy block");
    }
    assert(block->at > from || block->left == 0);
    *ret_piece = slice_of(block->out + from, block->at - from);
    return OK;
}
