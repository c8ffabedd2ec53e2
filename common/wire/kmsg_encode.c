#include "common/wire/kmsg.h"

#include "common/wire/kmsg_walk.h"

/* Where a file range belongs: behind byte `at` of the message's own bytes. */
struct cut {
    size_t at;
    struct kmsg_records *records;
};

/* Most messages are so small that they need not be counted before they are written. */
#define SMALL_BYTES 512
#define SMALL_CUTS  8

/* One walk does both: what does not fit any more is only counted. So a size can never differ from what is written. */
struct encoder {
    uint8_t *p;
    size_t room;
    size_t n;          /* bytes in memory, counted or written */
    size_t file_bytes; /* bytes of file ranges */
    size_t file_count;
    struct cut *cuts; /* NULL: file ranges can only be counted */
    size_t cut_room;
    int16_t version;
    bool flexible;
    uint8_t depth;
};

static err_t encode_struct(struct encoder *e, const struct kmsg_shape *shape, const uint8_t *in);
static err_t encode_field(struct encoder *e, const struct kmsg_field *field, const uint8_t *in);

/* Where the next bytes go; NULL: they do not fit, nor will any that follow. */
static uint8_t *place(struct encoder *e, size_t bytes)
{
    assert(bytes > 0);
    uint8_t *to = e->n + bytes <= e->room ? e->p + e->n : NULL;
    e->n += bytes;
    return to;
}

static void encode_uvarint(struct encoder *e, uint32_t v)
{
    uint8_t *to = place(e, uvarint_size(v));
    if (to != NULL) {
        (void)uvarint_put(to, v);
    }
}

/* length -1: null */
static void encode_length(struct encoder *e, bool short_length, int64_t length)
{
    assert(length >= -1 && length <= INT32_MAX);
    if (e->flexible) {
        encode_uvarint(e, (uint32_t)(length + 1));
        return;
    }
    uint8_t *to = place(e, short_length ? 2 : 4);
    if (to != NULL && short_length) {
        store_be16(to, (uint16_t)length);
    } else if (to != NULL) {
        store_be32(to, (uint32_t)length);
    }
}

static err_t encode_slice(struct encoder *e, uint8_t type, bool null, struct slice value)
{
    assert(value.n == 0 || value.p != NULL);
    if (null) {
        encode_length(e, type == KMSG_STRING, -1);
        return OK;
    }
    ENSURE(value.n <= (type == KMSG_STRING ? KMSG_STRING_MAX : INT32_MAX - 1), ERR_TOO_LARGE);
    encode_length(e, type == KMSG_STRING, (int64_t)value.n);
    uint8_t *to = value.n > 0 ? place(e, value.n) : NULL;
    if (to != NULL) {
        memcpy(to, value.p, value.n);
    }
    return OK;
}

/* NULL means null where the version allows it, empty where no version does, and is an error between. */
static err_t check_null(const struct encoder *e, const struct kmsg_field *field, bool is_null,
                        bool *ret_null)
{
    *ret_null = is_null && kmsg_null_in(field, e->version);
    ENSURE(!is_null || *ret_null || (field->flags & KMSG_NULLABLE) == 0, ERR_INVALID);
    return OK;
}

static err_t encode_records(struct encoder *e, const struct kmsg_field *field,
                            const struct kmsg_records *records)
{
    bool null;
    if (records->file == NULL) {
        TRY(check_null(e, field, records->bytes.p == NULL, &null));
        return encode_slice(e, KMSG_RECORDS, null, records->bytes);
    }
    ENSURE(records->n <= INT32_MAX - 1, ERR_TOO_LARGE);
    encode_length(e, false, (int64_t)records->n);
    assert(e->p == NULL || e->cuts != NULL); /* a file range can only go into a chain */
    if (e->file_count < e->cut_room) {
        e->cuts[e->file_count] = (struct cut){.at = e->n,
                                              .records = (struct kmsg_records *)records};
    }
    e->file_count++;
    e->file_bytes += records->n;
    return OK;
}

static void encode_fixed(struct encoder *e, uint8_t type, const uint8_t *in)
{
    size_t wire = kmsg_type_wire(type);
    uint8_t *to = place(e, wire);
    if (to != NULL) {
        switch (wire) {
        case 1: *to = type == KMSG_BOOL ? *(const bool *)in : *in; break;
        case 2: store_be16(to, *(const uint16_t *)in); break;
        case 4: store_be32(to, *(const uint32_t *)in); break;
        case 8: {
            uint64_t bits;
            memcpy(&bits, in, sizeof(bits));
            store_be64(to, bits);
            break;
        }
        default: memcpy(to, in, wire);
        }
    }
}

static err_t encode_array(struct encoder *e, const struct kmsg_field *field,
                          const struct kmsg_any_array *array)
{
    assert(array->count >= -1 && (array->count <= 0 || array->items != NULL));
    if (array->count < 0) {
        ENSURE(kmsg_null_in(field, e->version), ERR_INVALID);
        encode_length(e, false, -1);
        return OK;
    }
    encode_length(e, false, array->count);
    size_t size = kmsg_type_size(field->element, field->shape);
    const uint8_t *at = array->items;
    for (int32_t i = 0; i < array->count; i++, at += size) {
        if (field->element == KMSG_STRUCT) {
            TRY(encode_struct(e, field->shape, at));
        } else if (field->element == KMSG_STRING || field->element == KMSG_BYTES) {
            TRY(encode_slice(e, field->element, false, *(const struct slice *)at));
        } else {
            encode_fixed(e, field->element, at);
        }
    }
    return OK;
}

static err_t encode_pointer(struct encoder *e, const struct kmsg_field *field, const uint8_t *in)
{
    const uint8_t *item = *(const uint8_t *const *)in;
    ENSURE(item != NULL || kmsg_null_in(field, e->version), ERR_INVALID);
    uint8_t *to = place(e, 1);
    if (to != NULL) {
        *to = item != NULL ? 1 : field->tag >= 0 ? 0 : 0xff;
    }
    return item == NULL ? OK : encode_struct(e, field->shape, item);
}

static err_t encode_field(struct encoder *e, const struct kmsg_field *field, const uint8_t *in)
{
    switch ((enum kmsg_type)field->type) {
    case KMSG_STRING:
    case KMSG_BYTES: {
        struct slice value = *(const struct slice *)in;
        bool null;
        TRY(check_null(e, field, value.p == NULL, &null));
        return encode_slice(e, field->type, null, value);
    }
    case KMSG_RECORDS: return encode_records(e, field, (const struct kmsg_records *)in);
    case KMSG_ARRAY_OF: return encode_array(e, field, (const struct kmsg_any_array *)in);
    case KMSG_STRUCT:
        return field->flags & KMSG_POINTER ? encode_pointer(e, field, in)
                                           : encode_struct(e, field->shape, in);
    default: encode_fixed(e, field->type, in); return OK;
    }
}

static err_t tagged_size(const struct encoder *e, const struct kmsg_field *field, const uint8_t *in,
                         size_t *ret_bytes)
{
    struct encoder count = {.version = e->version, .flexible = e->flexible, .depth = e->depth};
    TRY(encode_field(&count, field, in));
    assert(count.file_count == 0);
    ENSURE(count.n <= INT32_MAX, ERR_TOO_LARGE);
    *ret_bytes = count.n;
    return OK;
}

/* A tagged field is sent only if it differs from its default. */
static err_t encode_tags(struct encoder *e, const struct kmsg_shape *shape, const uint8_t *in)
{
    uint32_t sent = 0; /* a bit for each */
    assert(shape->field_count - shape->untagged_count <= 32);
    for (unsigned i = shape->untagged_count; i < shape->field_count; i++) {
        const struct kmsg_field *field = &shape->fields[i];
        if (kmsg_field_in(field, e->version) &&
            !kmsg_is_default(field, shape, in + field->offset)) {
            sent |= UINT32_C(1) << (i - shape->untagged_count);
        }
    }
    encode_uvarint(e, (uint32_t)__builtin_popcount(sent));
    for (; sent != 0; sent &= sent - 1) {
        unsigned i = shape->untagged_count + (unsigned)__builtin_ctz(sent);
        const struct kmsg_field *field = &shape->fields[i];
        size_t size;
        TRY(tagged_size(e, field, in + field->offset, &size));
        encode_uvarint(e, (uint32_t)field->tag);
        encode_uvarint(e, (uint32_t)size);
        size_t before = e->n;
        TRY(encode_field(e, field, in + field->offset));
        assert(e->n - before == size);
    }
    return OK;
}

static err_t encode_struct(struct encoder *e, const struct kmsg_shape *shape, const uint8_t *in)
{
    assert(e->depth < KMSG_DEPTH_MAX);
    e->depth++;
    for (unsigned i = 0; i < shape->field_count; i++) {
        const struct kmsg_field *field = &shape->fields[i];
        if (!kmsg_field_in(field, e->version)) {
            ENSURE((field->flags & KMSG_DROP) || kmsg_is_default(field, shape, in + field->offset),
                   ERR_INVALID);
        } else if (field->tag < 0) {
            TRY(encode_field(e, field, in + field->offset));
        }
    }
    if (e->flexible) {
        TRY(encode_tags(e, shape, in));
    }
    e->depth--;
    return OK;
}

static struct encoder encoder_for(const struct kmsg_message *message, int16_t version)
{
    assert(kmsg_has_version(message, version));
    return (struct encoder){.version = version, .flexible = kmsg_is_flexible(message, version)};
}

static err_t encode_message(struct encoder *e, const struct kmsg_message *message, const void *from)
{
    TRY(encode_struct(e, message->shape, from));
    assert(e->depth == 0);
    ENSURE(e->n <= INT32_MAX && e->file_bytes <= INT32_MAX - e->n, ERR_TOO_LARGE);
    return OK;
}

err_t kmsg_size(const struct kmsg_message *message, int16_t version, const void *from,
                size_t *ret_bytes)
{
    struct encoder e = encoder_for(message, version);
    TRY(encode_message(&e, message, from));
    *ret_bytes = e.n + e.file_bytes;
    return OK;
}

/* Writes the message to `to` if it has no more than `room` bytes; if it has, `to` is undefined. Its bytes either way. */
static err_t encode_some(const struct kmsg_message *message, int16_t version, const void *from,
                         uint8_t *to, size_t room, size_t *ret_bytes)
{
    assert(to != NULL);
    struct encoder e = encoder_for(message, version);
    e.p = to;
    e.room = room;
    TRY(encode_message(&e, message, from));
    assert(e.file_count == 0);
    *ret_bytes = e.n;
    return OK;
}

err_t kmsg_encode(const struct kmsg_message *message, int16_t version, const void *from,
                  uint8_t *to, size_t room)
{
    size_t bytes;
    TRY(encode_some(message, version, from, to, room, &bytes));
    assert(bytes == room);
    return OK;
}

err_t kmsg_encode_buf(const struct kmsg_message *message, int16_t version, const void *from,
                      struct buf *buf)
{
    uint8_t small[SMALL_BYTES];
    size_t bytes;
    TRY(encode_some(message, version, from, small, sizeof(small), &bytes));
    uint8_t *to = buf_reserve(buf, bytes);
    if (to == NULL) {
        return buf->err;
    }
    if (bytes <= sizeof(small)) {
        memcpy(to, small, bytes);
    } else {
        TRY(kmsg_encode(message, version, from, to, bytes));
    }
    buf_commit(buf, bytes);
    return OK;
}

static bool add_memory(struct chain *chain, const uint8_t *p, size_t n)
{
    if (n == 0) {
        return true;
    }
    uint8_t *to = chain_add_memory(chain, n);
    if (to != NULL) {
        memcpy(to, p, n);
    }
    return to != NULL;
}

static void drop_records(struct kmsg_records *records)
{
    if (records->file == NULL) {
        return;
    }
    if (records->drop != NULL) {
        records->drop(records->owner);
    }
    *records = (struct kmsg_records){0};
}

/* Bytes and file ranges in turn. A range that the chain took is taken out of the message. */
static bool add_pieces(const struct encoder *e, struct chain *chain)
{
    size_t done = 0;
    for (size_t i = 0; i < e->file_count; i++) {
        const struct cut *cut = &e->cuts[i];
        struct kmsg_records *records = cut->records;
        assert(cut->at > done);
        if (!add_memory(chain, e->p + done, cut->at - done)) {
            return false;
        }
        done = cut->at;
        if (records->n == 0) {
            drop_records(records);
            continue;
        }
        if (!chain_add_file(chain, records->file, records->at, records->n, records->drop,
                            records->owner)) {
            return false;
        }
        *records = (struct kmsg_records){0};
    }
    return add_memory(chain, e->p + done, e->n - done);
}

static void drop_struct(const struct kmsg_shape *shape, uint8_t *at);

static void drop_field(const struct kmsg_field *field, uint8_t *at)
{
    if (field->type == KMSG_RECORDS) {
        drop_records((struct kmsg_records *)at);
    } else if (field->type == KMSG_ARRAY_OF && field->shape != NULL) {
        struct kmsg_any_array *array = (struct kmsg_any_array *)at;
        for (int32_t i = 0; i < array->count; i++) {
            drop_struct(field->shape, (uint8_t *)array->items + (size_t)i * field->shape->size);
        }
    } else if (field->type == KMSG_STRUCT && (field->flags & KMSG_POINTER) == 0) {
        drop_struct(field->shape, at);
    }
}

static void drop_struct(const struct kmsg_shape *shape, uint8_t *at)
{
    for (unsigned i = 0; i < shape->field_count; i++) {
        drop_field(&shape->fields[i], at + shape->fields[i].offset);
    }
}

void kmsg_drop(const struct kmsg_message *message, void *from)
{
    drop_struct(message->shape, from);
}

/* Into a chain of its own, which is to be released on error, too. */
static err_t encode_pieces(const struct kmsg_message *message, int16_t version, void *from,
                           struct slice head, struct arena *arena, struct chain *pieces)
{
    uint8_t small[SMALL_BYTES];
    struct cut few[SMALL_CUTS];
    struct encoder e = encoder_for(message, version);
    e.p = small;
    e.room = sizeof(small);
    e.cuts = few;
    e.cut_room = SMALL_CUTS;
    e.n = head.n;
    TRY(encode_message(&e, message, from));
    if (e.n > e.room || e.file_count > e.cut_room) {
        struct encoder size = e;
        e = encoder_for(message, version);
        e.p = arena_alloc(arena, size.n);
        e.cuts = arena_array(arena, size.file_count, sizeof(struct cut));
        ENSURE(e.p != NULL && e.cuts != NULL, ERR_NO_MEMORY);
        e.room = size.n;
        e.cut_room = size.file_count;
        e.n = head.n;
        TRY(encode_message(&e, message, from));
        assert(e.n == size.n && e.file_count == size.file_count);
    }
    if (head.n > 0) {
        assert(head.n >= KMSG_LENGTH_BYTES && head.n <= sizeof(small));
        memcpy(e.p, head.p, head.n);
        store_be32(e.p, (uint32_t)(e.n - KMSG_LENGTH_BYTES + e.file_bytes));
    }
    return add_pieces(&e, pieces) ? OK : ERR_NO_MEMORY;
}

err_t kmsg_encode_frame(const struct kmsg_message *message, int16_t version, void *from,
                        struct slice head, struct arena *arena, struct chain *chain)
{
    struct chain pieces;
    chain_init(&pieces, chain->heap);
    err_t err = encode_pieces(message, version, from, head, arena, &pieces);
    if (err != OK) {
        chain_release(&pieces);
        kmsg_drop(message, from);
        return err;
    }
    chain_append(chain, &pieces);
    return OK;
}

err_t kmsg_encode_chain(const struct kmsg_message *message, int16_t version, void *from,
                        struct arena *arena, struct chain *chain)
{
    return kmsg_encode_frame(message, version, from, (struct slice){0}, arena, chain);
}
