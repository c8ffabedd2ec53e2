/*
 * Topics whose compression.type is not "producer": a batch that came compressed otherwise, or not at all, is written anew
 * with the topic's codec and level (compression.gzip.level, .lz4.level, .zstd.level). Records, offsets, timestamps,
 * producer state and all other attributes stay as they are.
 */
#ifndef ODRADEK_API_RECOMPRESS_H
#define ODRADEK_API_RECOMPRESS_H

#include "broker/partition/partition.h"
#include "common/codec/codec.h"

/* Whether a batch compressed like this has to be written anew. */
static inline bool recompress_wanted(const struct partition_settings *settings,
                                     enum compression compression)
{
    return settings->recompress && settings->compression != compression;
}

/* `batch` has been judged good. The result is all that `out` holds. ERR_TOO_LARGE: beyond the limit of `out`;
 * ERR_NO_MEMORY. */
err_t recompress(const struct partition_settings *, const struct crc32c_impl *, struct decoder *,
                 struct encoder *, struct slice batch, struct buf *out) MUST_USE;

#endif
