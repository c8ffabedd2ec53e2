/*
 * The few frames that the loader and the floor speak, from bytes up: Produce 7 and Fetch 4 with one topic and one partition,
 * and between the floor's own processes FOLLOW. Big-endian. A writer moves the pointer on.
 *
 *     FOLLOW request:  key 1000, version 0, correlation, follower, appended end (i64), durable end (i64)
 *     FOLLOW response: correlation, bytes from the appended end on
 */
#ifndef ODRADEK_TESTS_BENCH_WORDS_H
#define ODRADEK_TESTS_BENCH_WORDS_H

#include "common/base/bytes.h"

#define KEY_PRODUCE 0
#define KEY_FETCH   1
#define KEY_FOLLOW  1000

#define FRAME_HEAD_BYTES 4
#define BATCH_HEAD_BYTES 61
#define BATCH_CRC_AT     17
#define BATCH_CRC_FROM   21
#define BATCH_COUNT_AT   57

static inline void put16(uint8_t **at, int v)
{
    store_be16(*at, (uint16_t)v);
    *at += 2;
}

static inline void put32(uint8_t **at, int64_t v)
{
    store_be32(*at, (uint32_t)v);
    *at += 4;
}

static inline void put64(uint8_t **at, int64_t v)
{
    store_be64(*at, (uint64_t)v);
    *at += 8;
}

static inline void put_text(uint8_t **at, const char *text, size_t n)
{
    put16(at, (int)n);
    memcpy(*at, text, n);
    *at += n;
}

/* Moves on behind a text; answers where it begins. */
static inline const uint8_t *take_text(const uint8_t **at, int *ret_n)
{
    int n = (int16_t)load_be16(*at);
    const uint8_t *text = *at + 2;
    *ret_n = n < 0 ? 0 : n;
    *at = text + *ret_n;
    return text;
}

static inline void frame_finish(uint8_t *frame, const uint8_t *end)
{
    store_be32(frame, (uint32_t)(end - frame - FRAME_HEAD_BYTES));
}

#endif
