/*
 * The compression types of Kafka's record batches: number (attributes bits 0-2), name in configuration (compression.type)
 * and in tools. One line each; the codecs themselves stand in common/codec.
 */
#ifndef ODRADEK_BASE_COMPRESSION_H
#define ODRADEK_BASE_COMPRESSION_H

#include "common/base/types.h"

#define COMPRESSION_TABLE(X) \
    X(0, NONE, "none")       \
    X(1, GZIP, "gzip")       \
    X(2, SNAPPY, "snappy")   \
    X(3, LZ4, "lz4")         \
    X(4, ZSTD, "zstd")

enum compression {
#define COMPRESSION_ENUM(number, name, text) COMPRESSION_##name = (number),
    COMPRESSION_TABLE(COMPRESSION_ENUM)
#undef COMPRESSION_ENUM
};
#define COMPRESSION_COUNT 5

/* "none", "gzip", ...; "unknown" for numbers outside of the table. */
const char *compression_name(unsigned number);
/* The type of a name; false when there is none of that name. */
bool compression_parse(struct slice name, enum compression *ret_compression) MUST_USE;

#endif
