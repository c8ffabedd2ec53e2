#include "common/base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#define BUF_ROOM_MIN 256u

void buf_init(struct buf *buf, struct heap *heap, size_t limit)
{
    assert(heap != NULL);
    *buf = (struct buf){.heap = heap, .limit = limit};
}

void buf_release(struct buf *buf)
{
    heap_free(buf->heap, buf->p, buf->room);
    buf->p = NULL;
    buf->n = 0;
    buf->room = 0;
}

void buf_clear(struct buf *buf)
{
    buf->n = 0;
    buf->err = OK;
}

uint8_t *buf_reserve(struct buf *buf, size_t n)
{
    assert(buf->n <= buf->room);
    if (buf->err != OK) {
        return NULL;
    }
    if (n > buf->limit || buf->n > buf->limit - n) {
        buf->err = ERR_TOO_LARGE;
        return NULL;
    }
    if (buf->room - buf->n < n) {
        size_t room = buf->room < BUF_ROOM_MIN ? BUF_ROOM_MIN : buf->room;
        while (room - buf->n < n) {
            room *= 2;
        }
        uint8_t *p = heap_resize(buf->heap, buf->p, buf->room, room);
        if (p == NULL) {
            buf->err = ERR_NO_MEMORY;
            return NULL;
        }
        buf->p = p;
        buf->room = room;
    }
    return buf->p + buf->n;
}

void buf_commit(struct buf *buf, size_t n)
{
    assert(n <= buf->room - buf->n);
    buf->n += n;
}

void buf_put(struct buf *buf, const void *p, size_t n)
{
    uint8_t *to = buf_reserve(buf, n);
    if (to != NULL && n > 0) {
        memcpy(to, p, n);
        buf->n += n;
    }
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(n >= 0);
    uint8_t *to = buf_reserve(buf, (size_t)n + 1);
    if (to != NULL) {
        va_start(args, fmt);
        (void)vsnprintf((char *)to, (size_t)n + 1, fmt, args);
        va_end(args);
        buf->n += (size_t)n;
    }
}

void buf_consume(struct buf *buf, size_t n)
{
    assert(n <= buf->n);
    memmove(buf->p, buf->p + n, buf->n - n);
    buf->n -= n;
}
