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

/* Bytes of one value on the wire, if every value takes the same; else 0. */
static inline size_t kmsg_type_wire(uint8_t type)
{
    static const uint8_t bytes[] = {
        [KMSG_BOOL] = 1, [KMSG_I8] = 1,  [KMSG_I16] = 2, [KMSG_U16] = 2,   [KMSG_I32] = 4,
        [KMSG_U32] = 4,  [KMSG_I64] = 8, [KMSG_F64] = 8, [KMSG_UUID] = 16, [KMSG_ARRAY_OF] = 0,
    };
    assert(type < sizeof(bytes));
    return bytes[type];
}

/* Bytes of one value in memory. */
static inline size_t kmsg_type_size(uint8_t type, const struct kmsg_shape *shape)
{
    static const uint8_t bytes[] = {
        [KMSG_BOOL] = sizeof(bool),
        [KMSG_I8] = sizeof(int8_t),
        [KMSG_I16] = sizeof(int16_t),
        [KMSG_U16] = sizeof(uint16_t),
        [KMSG_I32] = sizeof(int32_t),
        [KMSG_U32] = sizeof(uint32_t),
        [KMSG_I64] = sizeof(int64_t),
        [KMSG_F64] = sizeof(double),
        [KMSG_UUID] = sizeof(struct uuid),
        [KMSG_STRING] = sizeof(struct slice),
        [KMSG_BYTES] = sizeof(struct slice),
        [KMSG_RECORDS] = sizeof(struct kmsg_records),
        [KMSG_ARRAY_OF] = sizeof(struct kmsg_any_array),
    };
    assert(type < sizeof(bytes));
    return type == KMSG_STRUCT ? shape->size : bytes[type];
}

/* The value is what the table of defaults has (an empty array or string for any empty one). */
bool kmsg_is_default(const struct kmsg_field *field, const struct kmsg_shape *owner,
                     const uint8_t *value);

#define KMSG_LENGTH_BYTES 4
/*
 * kmsg_encode_chain with a head before the message; the head's first four bytes are the place for the length of all that
 * follows them.
 */
err_t kmsg_encode_frame(const struct kmsg_message *, int16_t version, void *from, struct slice head,
                        struct arena *, struct chain *) MUST_USE;

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
