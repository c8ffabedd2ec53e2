#include "common/wire/kmsg.h"

#include "common/wire/kmsg_walk.h"

struct decoder {
    const uint8_t *p;
    const uint8_t *end;
    struct arena *arena;
    int16_t version;
    bool flexible;
    uint8_t depth;
};

static const uint8_t empty_byte[1];

static err_t decode_struct(struct decoder *d, const struct kmsg_shape *shape, uint8_t *out);

static size_t left(const struct decoder *d)
{
    assert(d->p <= d->end);
    return (size_t)(d->end - d->p);
}

static err_t decode_uvarint(struct decoder *d, uint32_t *ret_value)
{
    int used = uvarint_get(d->p, left(d), ret_value);
    ENSURE(used != 0, ERR_TRUNCATED);
    ENSURE(used > 0, ERR_MALFORMED);
    d->p += used;
    return OK;
}

/* A length of what follows: -1 for null. Compact lengths are one more than the number; 0 is null. */
static err_t decode_length(struct decoder *d, bool short_length, int64_t *ret_length)
{
    if (d->flexible) {
        uint32_t v;
        TRY(decode_uvarint(d, &v));
        *ret_length = (int64_t)v - 1;
        return OK;
    }
    size_t width = short_length ? 2 : 4;
    ENSURE(left(d) >= width, ERR_TRUNCATED);
    *ret_length = short_length ? (int16_t)load_be16(d->p) : (int32_t)load_be32(d->p);
    d->p += width;
    return OK;
}

static err_t decode_slice(struct decoder *d, uint8_t type, bool may_be_null, struct slice *out)
{
    int64_t n;
    TRY(decode_length(d, type == KMSG_STRING, &n));
    if (n < 0) {
        ENSURE(may_be_null, ERR_MALFORMED);
        *out = (struct slice){0};
        return OK;
    }
    ENSURE(type != KMSG_STRING || n <= KMSG_STRING_MAX, ERR_MALFORMED);
    ENSURE((uint64_t)n <= left(d), ERR_TRUNCATED);
    *out = slice_of(n == 0 ? empty_byte : d->p, (size_t)n);
    d->p += n;
    return OK;
}

/* One simple value; the caller has checked that kmsg_type_wire(type) bytes are there. */
static void decode_fixed(struct decoder *d, uint8_t type, uint8_t *out)
{
    switch ((enum kmsg_type)type) {
    case KMSG_BOOL:
        *(bool *)out = *d->p != 0;
        d->p += 1;
        break;
    case KMSG_I8:
        *out = *d->p;
        d->p += 1;
        break;
    case KMSG_I16:
    case KMSG_U16:
        *(uint16_t *)out = load_be16(d->p);
        d->p += 2;
        break;
    case KMSG_I32:
    case KMSG_U32:
        *(uint32_t *)out = load_be32(d->p);
        d->p += 4;
        break;
    case KMSG_I64:
        *(uint64_t *)out = load_be64(d->p);
        d->p += 8;
        break;
    case KMSG_F64: {
        uint64_t bits = load_be64(d->p);
        memcpy(out, &bits, sizeof(bits));
        d->p += 8;
        break;
    }
    case KMSG_UUID:
        memcpy(out, d->p, sizeof(struct uuid));
        d->p += sizeof(struct uuid);
        break;
    default: assert(!"a type of fixed size");
    }
}

/* Fewest bytes that a struct takes at this version: what a count may promise. */
static size_t wire_min(const struct decoder *d, const struct kmsg_shape *shape)
{
    size_t n = d->flexible ? 1 : 0;
    for (unsigned i = 0; i < shape->untagged_count; i++) {
        const struct kmsg_field *field = &shape->fields[i];
        if (!kmsg_field_in(field, d->version)) {
            continue;
        }
        size_t wire = kmsg_type_wire(field->type);
        if (wire > 0) {
            n += wire;
        } else if (field->type != KMSG_STRUCT || (field->flags & KMSG_POINTER)) {
            n += d->flexible || field->type == KMSG_STRUCT ? 1 : field->type == KMSG_STRING ? 2 : 4;
        } else {
            n += wire_min(d, field->shape);
        }
    }
    return n;
}

/* The exact bound costs a walk, so that the short arrays of every day go without. */
static size_t element_min(const struct decoder *d, const struct kmsg_field *field, int64_t count)
{
    size_t n = field->element != KMSG_STRUCT ? kmsg_type_wire(field->element)
               : count < 8                   ? 1
                                             : wire_min(d, field->shape);
    return n > 0 ? n : 1;
}

static err_t decode_items(struct decoder *d, const struct kmsg_field *field, uint8_t *at,
                          int32_t count)
{
    size_t size = kmsg_type_size(field->element, field->shape);
    if (field->element == KMSG_STRUCT) {
        for (int32_t i = 0; i < count; i++, at += size) {
            TRY(decode_struct(d, field->shape, at));
        }
    } else if (kmsg_type_wire(field->element) > 0) {
        assert(left(d) / kmsg_type_wire(field->element) >= (size_t)count);
        for (int32_t i = 0; i < count; i++, at += size) {
            decode_fixed(d, field->element, at);
        }
    } else {
        assert(field->element == KMSG_STRING || field->element == KMSG_BYTES);
        for (int32_t i = 0; i < count; i++, at += size) {
            TRY(decode_slice(d, field->element, false, (struct slice *)at));
        }
    }
    return OK;
}

static err_t decode_array(struct decoder *d, const struct kmsg_field *field, uint8_t *out)
{
    struct kmsg_any_array *array = (struct kmsg_any_array *)out;
    int64_t count;
    TRY(decode_length(d, false, &count));
    if (count < 0) {
        ENSURE(kmsg_null_in(field, d->version), ERR_MALFORMED);
        *array = (struct kmsg_any_array){.items = NULL, .count = -1};
        return OK;
    }
    ENSURE(count <= KMSG_ARRAY_MAX, ERR_TOO_LARGE);
    ENSURE((uint64_t)count * element_min(d, field, count) <= left(d), ERR_TRUNCATED);
    array->count = (int32_t)count;
    array->items = NULL;
    if (count == 0) {
        return OK;
    }
    array->items = arena_array(d->arena, (size_t)count,
                               kmsg_type_size(field->element, field->shape));
    ENSURE(array->items != NULL, ERR_NO_MEMORY);
    return decode_items(d, field, array->items, (int32_t)count);
}

/* Whether a struct is there: one byte below 0 for null, but in a tagged field a varint, 0 for null (Kafka's generated code). */
static err_t decode_presence(struct decoder *d, const struct kmsg_field *field, bool *ret_there)
{
    if (field->tag >= 0) {
        uint32_t there;
        TRY(decode_uvarint(d, &there));
        *ret_there = there > 0;
        return OK;
    }
    ENSURE(left(d) >= 1, ERR_TRUNCATED);
    *ret_there = *d->p++ < 0x80;
    return OK;
}

static err_t decode_pointer(struct decoder *d, const struct kmsg_field *field, uint8_t *out)
{
    bool there;
    TRY(decode_presence(d, field, &there));
    if (!there) {
        ENSURE(kmsg_null_in(field, d->version), ERR_MALFORMED);
        *(void **)out = NULL;
        return OK;
    }
    uint8_t *item = arena_alloc(d->arena, field->shape->size);
    ENSURE(item != NULL, ERR_NO_MEMORY);
    *(void **)out = item;
    return decode_struct(d, field->shape, item);
}

static err_t decode_field(struct decoder *d, const struct kmsg_field *field, uint8_t *out)
{
    switch ((enum kmsg_type)field->type) {
    case KMSG_STRING:
    case KMSG_BYTES:
        return decode_slice(d, field->type, kmsg_null_in(field, d->version), (struct slice *)out);
    case KMSG_RECORDS: {
        struct kmsg_records *records = (struct kmsg_records *)out;
        return decode_slice(d, field->type, kmsg_null_in(field, d->version), &records->bytes);
    }
    case KMSG_ARRAY_OF: return decode_array(d, field, out);
    case KMSG_STRUCT:
        return field->flags & KMSG_POINTER ? decode_pointer(d, field, out)
                                           : decode_struct(d, field->shape, out);
    default:
        ENSURE(left(d) >= kmsg_type_wire(field->type), ERR_TRUNCATED);
        decode_fixed(d, field->type, out);
        return OK;
    }
}

static const struct kmsg_field *tagged_field(const struct decoder *d,
                                             const struct kmsg_shape *shape, uint32_t tag)
{
    for (unsigned i = shape->untagged_count; i < shape->field_count; i++) {
        const struct kmsg_field *field = &shape->fields[i];
        if ((uint32_t)field->tag == tag && kmsg_field_in(field, d->version)) {
            return field;
        }
    }
    return NULL;
}

/* Tagged fields carry their size; a known one must fill it exactly, an unknown one is skipped. Any order is accepted. */
static err_t decode_tags(struct decoder *d, const struct kmsg_shape *shape, uint8_t *out)
{
    uint32_t count;
    TRY(decode_uvarint(d, &count));
    if (LIKELY(count == 0)) {
        return OK;
    }
    ENSURE(count <= KMSG_TAGS_MAX, ERR_TOO_LARGE);
    ENSURE(count <= left(d) / 2, ERR_TRUNCATED);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t tag;
        uint32_t size;
        TRY(decode_uvarint(d, &tag));
        TRY(decode_uvarint(d, &size));
        ENSURE(size <= left(d), ERR_TRUNCATED);
        const struct kmsg_field *field = tagged_field(d, shape, tag);
        if (field == NULL) {
            d->p += size;
            continue;
        }
        const uint8_t *end = d->end;
        d->end = d->p + size;
        TRY(decode_field(d, field, out + field->offset));
        ENSURE(d->p == d->end, ERR_MALFORMED);
        d->end = end;
    }
    return OK;
}

static err_t decode_struct(struct decoder *d, const struct kmsg_shape *shape, uint8_t *out)
{
    assert(d->depth < KMSG_DEPTH_MAX);
    d->depth++;
    memcpy(out, shape->initial, shape->size);
    for (unsigned i = 0; i < shape->untagged_count; i++) {
        const struct kmsg_field *field = &shape->fields[i];
        if (kmsg_field_in(field, d->version)) {
            TRY(decode_field(d, field, out + field->offset));
        }
    }
    if (d->flexible) {
        TRY(decode_tags(d, shape, out));
    }
    d->depth--;
    return OK;
}

err_t kmsg_decode(const struct kmsg_message *message, int16_t version, struct slice *bytes,
                  struct arena *arena, void *ret_struct)
{
    assert(kmsg_has_version(message, version));
    assert(bytes->p != NULL || bytes->n == 0);
    struct decoder d = {
        .p = bytes->p == NULL ? empty_byte : bytes->p,
        .arena = arena,
        .version = version,
        .flexible = kmsg_is_flexible(message, version),
    };
    d.end = d.p + bytes->n;
    TRY(decode_struct(&d, message->shape, ret_struct));
    assert(d.depth == 0);
    *bytes = slice_of(d.p, left(&d));
    return OK;
}
