#include "common/wire/kmsg.h"

#include "common/wire/kmsg_walk.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the walker swaps bytes");
_Static_assert(sizeof(struct kmsg_any_array) == sizeof(kmsg_i32_array) &&
                   offsetof(struct kmsg_any_array, count) == offsetof(kmsg_uuid_array, count),
               "every array has one layout");
_Static_assert(sizeof(struct kmsg_field) <= 32, "a row stays small");

const struct kmsg_api *kmsg_api_find(int16_t key)
{
    size_t low = 0;
    size_t high = kmsg_api_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (kmsg_apis[middle].key < key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    assert(low <= kmsg_api_count);
    return low < kmsg_api_count && kmsg_apis[low].key == key ? &kmsg_apis[low] : NULL;
}

const struct kmsg_message *kmsg_message_find(const char *name)
{
    for (size_t i = 0; i < kmsg_message_count; i++) {
        if (strcmp(kmsg_messages[i]->name, name) == 0) {
            return kmsg_messages[i];
        }
    }
    return NULL;
}

void kmsg_init(const struct kmsg_shape *shape, void *ret_struct)
{
    assert(shape->initial != NULL && shape->size > 0);
    memcpy(ret_struct, shape->initial, shape->size);
}

void *kmsg_array_new(struct arena *arena, const struct kmsg_shape *shape, int32_t count)
{
    assert(count >= 0);
    uint8_t *items = arena_array(arena, (size_t)count, shape->size);
    if (items != NULL) {
        for (int32_t i = 0; i < count; i++) {
            memcpy(items + (size_t)i * shape->size, shape->initial, shape->size);
        }
    }
    return items;
}

static bool struct_is_default(const struct kmsg_shape *shape, const uint8_t *at)
{
    for (unsigned i = 0; i < shape->field_count; i++) {
        const struct kmsg_field *field = &shape->fields[i];
        if (!kmsg_is_default(field, shape, at + field->offset)) {
            return false;
        }
    }
    return true;
}

/* Asked for so often that a call for a few bytes costs more than they do. */
static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
    switch (n) {
    case 1: return *a == *b;
    case 2: return memcmp(a, b, 2) == 0;
    case 4: return memcmp(a, b, 4) == 0;
    case 8: return memcmp(a, b, 8) == 0;
    default: return memcmp(a, b, n) == 0;
    }
}

/* An empty slice in a field that may be null is something else than null. */
static bool slice_is_default(const struct kmsg_field *field, struct slice initial,
                             struct slice value)
{
    if (initial.p == NULL) {
        return value.p == NULL;
    }
    return value.n == 0 && (value.p != NULL || (field->flags & KMSG_NULLABLE) == 0);
}

bool kmsg_is_default(const struct kmsg_field *field, const struct kmsg_shape *owner,
                     const uint8_t *value)
{
    const uint8_t *initial = (const uint8_t *)owner->initial + field->offset;
    switch ((enum kmsg_type)field->type) {
    case KMSG_STRING:
    case KMSG_BYTES:
        return slice_is_default(field, *(const struct slice *)initial,
                                *(const struct slice *)value);
    case KMSG_RECORDS: {
        const struct kmsg_records *records = (const struct kmsg_records *)value;
        return records->bytes.p == NULL && records->file == NULL;
    }
    case KMSG_ARRAY_OF:
        return ((const struct kmsg_any_array *)value)->count ==
               ((const struct kmsg_any_array *)initial)->count;
    case KMSG_STRUCT:
        if (field->flags & KMSG_POINTER) {
            const uint8_t *item = *(const uint8_t *const *)value;
            return *(const void *const *)initial == NULL
                       ? item == NULL
                       : item != NULL && struct_is_default(field->shape, item);
        }
        return struct_is_default(field->shape, value);
    default: return same_bytes(value, initial, kmsg_type_size(field->type, NULL));
    }
}
