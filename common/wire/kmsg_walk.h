/*
 * What the parts of the walker share: sizes of the C types behind the table's types, and big-endian access.
 * Only kmsg*.c and frame*.c include this.
 */
#ifndef ODRADEK_WIRE_KMSG_WALK_H
#define ODRADEK_WIRE_KMSG_WALK_H

#include "common/base/limits.h"
#include "common/wire/kmsg.h"
#include "common/wire/varint.h"

/* A Kafka string has at most this many bytes, also where its length is a varint. */
#define KMSG_STRING_MAX INT16_MAX

/* Any array of a message, whatever its elements: KMSG_ARRAY has this layout. */
struct kmsg_any_array {
    void *items;
    int32_t count;
};

static inline bool kmsg_field_in(const struct kmsg_field *field, int16_t version)
{
    return version >= field->since && version <= field->until;
}

static inline bool kmsg_null_in(const struct kmsg_field *field, int16_t version)
{
    return version >= field->null_since;
}

static inline bool kmsg_is_flexible(const struct kmsg_message *message, int16_t version)
{
    return version >= message->flexible_since;
}

/* Bytes of one value in memory. */
size_t kmsg_type_size(uint8_t type, const struct kmsg_shape *shape);
/* Bytes of one value on the wire, if every value takes the same; else 0. */
size_t kmsg_type_wire(uint8_t type);
/* The value is what the table of defaults has (an empty array or string for any empty one). */
bool kmsg_is_default(const struct kmsg_field *field, const struct kmsg_shape *owner,
                     const uint8_t *value);

#define KMSG_LENGTH_BYTES 4
/*
 * kmsg_encode_chain with a head before the message; the head's first four bytes are the place for the length of all that
 * follows them.
 */
err_t kmsg_encode_frame(const struct kmsg_message *, int16_t version, void *message,
                        struct slice head, struct arena *, struct chain *) MUST_USE;

static inline uint16_t load_be16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return __builtin_bswap16(v);
}

static inline uint32_t load_be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return __builtin_bswap32(v);
}

static inline uint64_t load_be64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof(v));
    return __builtin_bswap64(v);
}

static inline void store_be16(uint8_t *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, sizeof(v));
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof(v));
}

static inline void store_be64(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof(v));
}

#endif
