/*
 * Byte streams between rooms that may not know each other: a decompressor is a source, a record validator pulls from one;
 * a batch builder pushes into a sink, a compressor is one.
 *
 * A source lends each piece until its next pull and ends with an empty piece (again and again, if asked). After an error
 * it is not asked again. A sink copies what it needs before push returns.
 */
#ifndef ODRADEK_BASE_STREAM_H
#define ODRADEK_BASE_STREAM_H

#include "common/base/err.h"

struct byte_source {
    err_t (*pull)(void *ctx, struct slice *ret_piece);
    const char *(*reason)(
        void *ctx); /* a sentence about the last error; NULL: the source has none to tell */
    void *ctx;
};

struct byte_sink {
    err_t (*push)(void *ctx, struct slice piece);
    void *ctx;
};

MUST_USE static inline err_t source_pull(const struct byte_source *source, struct slice *ret_piece)
{
    assert(source->pull != NULL);
    return source->pull(source->ctx, ret_piece);
}

/* A sentence about the error that pull returned. */
static inline const char *source_reason(const struct byte_source *source, err_t err)
{
    return source->reason == NULL ? err_text(err) : source->reason(source->ctx);
}

MUST_USE static inline err_t sink_push(const struct byte_sink *sink, struct slice piece)
{
    assert(sink->push != NULL);
    return sink->push(sink->ctx, piece);
}

/* Bytes that lie in memory already, as a source of one piece. The slice lives in the caller and is used up. */
struct byte_source source_slice(struct slice *);

#endif
