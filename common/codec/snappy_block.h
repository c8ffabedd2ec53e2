/*
 * The raw snappy format (google/snappy, format_description.txt): a plain length as varint, then literals and copies from
 * what was written before. Our own, since libsnappy is C++ and knows only whole blocks in memory of its own.
 *
 * Reading gives pieces and needs at most twice the window, whatever the block's size: real encoders reach back 64 KiB at
 * most, Go's s2 up to 4 MiB; an offset beyond the window is refused with ERR_TOO_LARGE. The bytes that are lent were all
 * written by the block itself.
 */
#ifndef ODRADEK_CODEC_SNAPPY_BLOCK_H
#define ODRADEK_CODEC_SNAPPY_BLOCK_H

#include "common/base/err.h"

#define SNAPPY_WINDOW_BYTES   (4u << 20)
/* Copies go eight bytes at a time and may write this far beyond their end. */
#define SNAPPY_SLACK_BYTES    16
/* A fragment for the writer: positions fit 16 bits. */
#define SNAPPY_FRAGMENT_BYTES 32768
#define SNAPPY_HASH_BITS      13

struct snappy_block {
    struct slice in;  /* elements not yet read */
    uint8_t *out;     /* the window and what is being written */
    size_t room;      /* without the slack */
    size_t at;        /* where the next byte goes */
    uint64_t left;    /* plain bytes still to come */
    uint64_t past;    /* plain bytes that have slid out of the window */
    uint32_t literal; /* bytes of a literal still to come */
    const char *reason;
};

/* The plain length in front of a block; `in` is moved behind it. It is believed only up to what the block's bytes can yield. */
err_t snappy_block_length(struct slice *in, uint32_t *ret_length, const char **ret_reason) MUST_USE;

/* Room that reading a block of this length takes, slack included. */
size_t snappy_block_room(uint32_t length);

/* `in`: the elements; out: snappy_block_room(length) bytes. */
void snappy_block_begin(struct snappy_block *, struct slice in, uint32_t length, uint8_t *out);

/* Some more plain bytes, at least one unless the block is over; lent until the next call. */
err_t snappy_block_pull(struct snappy_block *, struct slice *ret_piece) MUST_USE;

/* The most bytes a fragment takes when compressed, its length included. */
size_t snappy_fragment_max(size_t n);

/* Compresses at most SNAPPY_FRAGMENT_BYTES as one block; returns its size. The table is working memory. */
size_t snappy_fragment_write(const uint8_t *plain, size_t n, uint8_t *out,
                             uint16_t table[1 << SNAPPY_HASH_BITS]);

#endif
