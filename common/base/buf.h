/*
 * Buf: a byte buffer that grows on a heap, for encoding what has no size known beforehand and for gathering input.
 * Owns its bytes; the error is sticky (ERR_NO_MEMORY or ERR_TOO_LARGE), so that writers need not look after every call.
 */
#ifndef ODRADEK_BASE_BUF_H
#define ODRADEK_BASE_BUF_H

#include "common/base/err.h"
#include "common/base/heap.h"

struct buf {
    struct heap *heap;
    uint8_t *p;
    size_t n;     /* bytes written */
    size_t room;  /* bytes allocated */
    size_t limit; /* most bytes it may hold */
    err_t err;
};

void buf_init(struct buf *, struct heap *, size_t limit);
void buf_release(struct buf *);
/* Forgets the bytes and the error, keeps the memory. */
void buf_clear(struct buf *);

/* Makes room for n more bytes and returns where they go, without counting them; NULL on error. */
uint8_t *buf_reserve(struct buf *, size_t n) MUST_USE;
/* Counts n bytes written where buf_reserve said. */
void buf_commit(struct buf *, size_t n);

void buf_put(struct buf *, const void *p, size_t n);
void buf_printf(struct buf *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Drops the first n bytes. */
void buf_consume(struct buf *, size_t n);

static inline struct slice buf_slice(const struct buf *buf)
{
    return slice_of(buf->p, buf->n);
}

#endif
