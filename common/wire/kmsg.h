/*
 * Kafka messages: plain structs, and one walker over tables that knows the wire.
 *
 * `proto/kafka/<file>.kmsg` describes the messages; `tools/kmsgc.py` makes of it `kmsg/<file>.h` (structs) and the tables.
 * For a message such as the Produce request a header gives
 *     struct kmsg_produce_request                     its fields, in snake_case of the official names
 *     struct kmsg_produce_request_topic               elements of its arrays and nested structs
 *     kmsg_produce_request_desc                       what every function below asks for
 *     kmsg_produce_request_init(&request)             all fields at their defaults
 *     kmsg_produce_request_topic_array(arena, count)  items for an array, at their defaults; NULL: out of memory
 * A struct zeroed by hand is valid too, but zero is not every field's default (-1 and null are frequent).
 *
 * Shapes: string and bytes are a struct slice, an array is {items, count}, a nullable struct is a pointer.
 * Null is p == NULL for string, bytes and records, count == -1 for an array, NULL for a struct. A NULL slice in a field that
 * is never nullable is sent as empty. A nullable struct whose default is not null points at constant defaults: put another
 * pointer there, do not write through it. `records` may be a file range when a message is sent (struct kmsg_records).
 *
 * Versions: a field that the version lacks has its default after decoding. When encoding, a value other than the default in
 * such a field is ERR_INVALID, which catches handler bugs, unless the .kmsg file marks the field `drop` (Kafka: ignorable).
 * So is null where the version does not allow it. The caller checks that the version lies in the message's range (asserted).
 *
 * Ownership: decoding borrows strings, bytes and records from the input and takes arrays from the arena; the message is valid
 * as long as both. Hostile input: a count is held against the bytes left, KMSG_ARRAY_MAX and KMSG_TAGS_MAX before memory is
 * taken, so the arena grows with the bytes received; depth is bounded by the tables (KMSG_DEPTH_MAX). Unknown tagged fields
 * are skipped. Errors: ERR_TRUNCATED, ERR_MALFORMED, ERR_TOO_LARGE, ERR_NO_MEMORY.
 *
 * Rules of the wire: https://kafka.apache.org/protocol, KIP-482 (flexible versions: compact lengths, tagged fields).
 */
#ifndef ODRADEK_WIRE_KMSG_H
#define ODRADEK_WIRE_KMSG_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/chain.h"
#include "common/base/err.h"
#include "common/base/prng.h"
#include "common/base/uuid.h"

/* ---- Shapes of fields ---- */

/*
 * Record batches: bytes in memory, or a range of a file that goes to the socket unseen. file != NULL: the range counts and
 * holds one reference, which drop(owner) gives back (drop may be NULL). Null: neither.
 */
struct kmsg_records {
    struct slice bytes;
    struct disk_file *file;
    int64_t at; /* first byte: position in the file */
    size_t n;   /* bytes of the range */
    void (*drop)(void *owner);
    void *owner;
};

#define KMSG_ARRAY(type)              \
    struct {                          \
        type *items;                  \
        int32_t count; /* -1: null */ \
    }

/* Arrays of simple elements have a name, so that they can be handed around. */
typedef KMSG_ARRAY(int8_t) kmsg_i8_array;
typedef KMSG_ARRAY(int16_t) kmsg_i16_array;
typedef KMSG_ARRAY(int32_t) kmsg_i32_array;
typedef KMSG_ARRAY(int64_t) kmsg_i64_array;
typedef KMSG_ARRAY(struct slice) kmsg_string_array;
typedef KMSG_ARRAY(struct uuid) kmsg_uuid_array;

/* ---- Tables (generated) ---- */

enum kmsg_type {
    KMSG_BOOL,
    KMSG_I8,
    KMSG_I16,
    KMSG_U16,
    KMSG_I32,
    KMSG_U32,
    KMSG_I64,
    KMSG_F64,
    KMSG_UUID,
    KMSG_STRING,
    KMSG_BYTES,
    KMSG_RECORDS,
    KMSG_STRUCT,
    KMSG_ARRAY_OF,
};

enum kmsg_flag {
    KMSG_DROP = 1,     /* left out silently in versions that lack it */
    KMSG_NULLABLE = 2, /* in some version; null_since says from where */
    KMSG_POINTER = 4,  /* a nullable struct */
    KMSG_PRIVATE = 8,  /* not of the official protocol */
};

#define KMSG_NEVER 255

struct kmsg_shape;

struct kmsg_field {
    const char *name;
    const struct kmsg_shape *shape; /* of a struct, or of an array's elements if they are structs */
    uint16_t offset;                /* in the struct */
    int16_t tag;                    /* -1: not tagged */
    uint8_t type;                   /* enum kmsg_type */
    uint8_t element;                /* of KMSG_ARRAY_OF: enum kmsg_type */
    uint8_t flags;                  /* enum kmsg_flag */
    uint8_t since, until;           /* versions that have it; until may be KMSG_NEVER: no end */
    uint8_t null_since;             /* first version in which it may be null, or KMSG_NEVER */
};

/* A struct: fields in wire order, the tagged ones last, by tag. */
struct kmsg_shape {
    const char *name;
    const struct kmsg_field *fields;
    const void *initial; /* the struct at its defaults */
    uint16_t size;       /* of the C struct */
    uint8_t field_count;
    uint8_t untagged_count;
};

enum kmsg_kind {
    KMSG_REQUEST,
    KMSG_RESPONSE,
    KMSG_KEY,   /* of a record in an internal topic; id is its type (a key's leading int16) */
    KMSG_VALUE, /* same id as its key */
    KMSG_DATA,  /* everything else */
};

struct kmsg_message {
    const char *name; /* "ProduceRequest" */
    const struct kmsg_shape *shape;
    uint8_t kind;        /* enum kmsg_kind */
    int16_t id;          /* API key or record type; -1: none */
    int16_t version_min; /* served */
    int16_t version_max;
    int16_t flexible_since; /* INT16_MAX: never */
};

struct kmsg_api {
    int16_t key;
    const char *name; /* "Produce" */
    int16_t version_min;
    int16_t version_max;
    int16_t
        advertised_min; /* what ApiVersions tells; below version_min for Produce, see its .kmsg file */
    int16_t flexible_since;
    const struct kmsg_message *request;
    const struct kmsg_message *response;
};

/* Every API of the protocol by ascending key, whether a broker serves it or not. */
extern const struct kmsg_api kmsg_apis[];
extern const size_t kmsg_api_count;
/* Every message: requests, responses, records, data. */
extern const struct kmsg_message *const kmsg_messages[];
extern const size_t kmsg_message_count;

/* NULL: no such API. */
const struct kmsg_api *kmsg_api_find(int16_t key);
/* By official name; NULL: unknown. For tests and tools. */
const struct kmsg_message *kmsg_message_find(const char *name);

static inline bool kmsg_has_version(const struct kmsg_message *message, int16_t version)
{
    return version >= message->version_min && version <= message->version_max;
}

/* ---- The walker ---- */

/* Sets all fields to their defaults. */
void kmsg_init(const struct kmsg_shape *, void *ret_struct);
/* `count` structs at their defaults, or NULL when memory is out. */
void *kmsg_array_new(struct arena *, const struct kmsg_shape *, int32_t count) MUST_USE;

/*
 * Reads one message from the front of *bytes and moves *bytes past it; what is left over is the caller's business (Kafka
 * ignores it in requests). On error *ret_struct and *bytes are undefined, and memory taken stays with the arena.
 */
err_t kmsg_decode(const struct kmsg_message *, int16_t version, struct slice *bytes, struct arena *,
                  void *ret_struct) MUST_USE;

/* Exact bytes that the message takes, file ranges included. ERR_INVALID, ERR_TOO_LARGE as above. */
err_t kmsg_size(const struct kmsg_message *, int16_t version, const void *from,
                size_t *ret_bytes) MUST_USE;

/* Writes the message to `to`, which has room for exactly kmsg_size bytes. File ranges are not allowed here. */
err_t kmsg_encode(const struct kmsg_message *, int16_t version, const void *from, uint8_t *to,
                  size_t room) MUST_USE;

/* Appends the message to a buffer. */
err_t kmsg_encode_buf(const struct kmsg_message *, int16_t version, const void *from,
                      struct buf *) MUST_USE;

/*
 * Appends the message to a chain; file ranges become pieces of their own, in place. All file references are used up in every
 * case: on OK they belong to the chain and are taken out of the message, on error they were dropped and the chain is as
 * before. Scratch memory comes from the arena.
 */
err_t kmsg_encode_chain(const struct kmsg_message *, int16_t version, void *from, struct arena *,
                        struct chain *) MUST_USE;

/* Gives back all file references in a message that will not be sent. */
void kmsg_drop(const struct kmsg_message *, void *from);

/*
 * One line like JSON for logs and tools: {"acks":-1,"topics":[...]}, with the fields of this version. Bytes and records are
 * shown by length only (they may be secrets, and are long). Cut with "..." at bytes_max.
 */
void kmsg_print(const struct kmsg_message *, int16_t version, const void *from, size_t bytes_max,
                struct buf *);

/* Fills every field that the version has at random: short strings, arrays of up to items_max, nulls where allowed. For tests. */
err_t kmsg_random(const struct kmsg_message *, int16_t version, struct prng *, int32_t items_max,
                  struct arena *, void *ret_struct) MUST_USE;

#endif
