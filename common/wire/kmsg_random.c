#include "common/wire/kmsg.h"

#include "common/wire/kmsg_walk.h"

#define TEXT_MAX 12

struct filler {
    struct prng *prng;
    struct arena *arena;
    int32_t items_max;
    int16_t version;
};

static err_t fill_struct(struct filler *f, const struct kmsg_shape *shape, uint8_t *out);

/* Mostly small numbers and now and then a whole word of bits, so that both ends of a range come up. */
static uint64_t random_number(struct filler *f)
{
    uint64_t v = prng_u64(f->prng);
    switch (prng_below(f->prng, 4)) {
    case 0: return v;
    case 1: return v >> 56;
    case 2: return UINT64_MAX;
    default: return v & 1;
    }
}

static err_t random_slice(struct filler *f, bool text, struct slice *out)
{
    size_t n = (size_t)prng_below(f->prng, TEXT_MAX + 1);
    uint8_t *p = arena_alloc(f->arena, n);
    ENSURE(p != NULL, ERR_NO_MEMORY);
    for (size_t i = 0; i < n; i++) {
        p[i] = text ? (uint8_t)('a' + prng_below(f->prng, 26)) : (uint8_t)prng_u64(f->prng);
    }
    *out = slice_of(p, n);
    return OK;
}

static err_t fill_value(struct filler *f, uint8_t type, const struct kmsg_shape *shape,
                        uint8_t *out)
{
    switch ((enum kmsg_type)type) {
    case KMSG_BOOL: *(bool *)out = prng_chance(f->prng, 500); break;
    case KMSG_STRING: return random_slice(f, true, (struct slice *)out);
    case KMSG_BYTES: return random_slice(f, false, (struct slice *)out);
    case KMSG_RECORDS: return random_slice(f, false, &((struct kmsg_records *)out)->bytes);
    case KMSG_STRUCT: return fill_struct(f, shape, out);
    case KMSG_F64: *(double *)out = (double)(int32_t)random_number(f) / 8; break;
    case KMSG_UUID:
        for (size_t i = 0; i < sizeof(struct uuid); i++) {
            out[i] = (uint8_t)random_number(f);
        }
        break;
    default: {
        uint64_t v = random_number(f);
        memcpy(out, &v, kmsg_type_size(type, NULL));
    }
    }
    return OK;
}

static err_t fill_array(struct filler *f, const struct kmsg_field *field,
                        struct kmsg_any_array *out)
{
    size_t size = kmsg_type_size(field->element, field->shape);
    int32_t count = (int32_t)prng_below(f->prng, (uint64_t)f->items_max + 1);
    uint8_t *items = arena_array(f->arena, (size_t)count, size);
    ENSURE(items != NULL, ERR_NO_MEMORY);
    *out = (struct kmsg_any_array){.items = items, .count = count};
    for (int32_t i = 0; i < count; i++) {
        TRY(fill_value(f, field->element, field->shape, items + size * (size_t)i));
    }
    return OK;
}

static err_t fill_field(struct filler *f, const struct kmsg_field *field, uint8_t *out)
{
    if (kmsg_null_in(field, f->version) && prng_chance(f->prng, 250)) {
        if (field->type == KMSG_ARRAY_OF) {
            *(struct kmsg_any_array *)out = (struct kmsg_any_array){.count = -1};
        } else if (field->type == KMSG_STRUCT) {
            *(void **)out = NULL;
        } else if (field->type == KMSG_RECORDS) {
            *(struct kmsg_records *)out = (struct kmsg_records){0};
        } else {
            *(struct slice *)out = (struct slice){0};
        }
        return OK;
    }
    if (field->type == KMSG_ARRAY_OF) {
        return fill_array(f, field, (struct kmsg_any_array *)out);
    }
    if (field->flags & KMSG_POINTER) {
        uint8_t *item = arena_alloc(f->arena, field->shape->size);
        ENSURE(item != NULL, ERR_NO_MEMORY);
        *(void **)out = item;
        return fill_struct(f, field->shape, item);
    }
    return fill_value(f, field->type, field->shape, out);
}

static err_t fill_struct(struct filler *f, const struct kmsg_shape *shape, uint8_t *out)
{
    kmsg_init(shape, out);
    for (unsigned i = 0; i < shape->field_count; i++) {
        const struct kmsg_field *field = &shape->fields[i];
        bool left_out = field->tag >= 0 && prng_chance(f->prng, 300);
        if (kmsg_field_in(field, f->version) && !left_out) {
            TRY(fill_field(f, field, out + field->offset));
        }
    }
    return OK;
}

err_t kmsg_random(const struct kmsg_message *message, int16_t version, struct prng *prng,
                  int32_t items_max, struct arena *arena, void *ret_struct)
{
    assert(kmsg_has_version(message, version));
    assert(items_max >= 0 && items_max <= KMSG_ARRAY_MAX);
    struct filler f = {.prng = prng, .arena = arena, .items_max = items_max, .version = version};
    return fill_struct(&f, message->shape, ret_struct);
}
