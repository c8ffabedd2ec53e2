#include "common/wire/kmsg.h"

#include <inttypes.h>

#include "common/wire/kmsg_walk.h"

struct printer {
    struct buf *buf;
    size_t end; /* the buffer's length at which the line is cut */
    int16_t version;
};

static void print_struct(struct printer *out, const struct kmsg_shape *shape, const uint8_t *in);

static bool full(const struct printer *out)
{
    return out->buf->n >= out->end || out->buf->err != OK;
}

/* Printable ASCII as it is; everything else as JSON wants it, byte by byte. */
static void print_text(struct printer *out, struct slice text)
{
    if (text.p == NULL) {
        buf_printf(out->buf, "null");
        return;
    }
    buf_put(out->buf, "\"", 1);
    for (size_t i = 0; i < text.n && !full(out); i++) {
        uint8_t c = text.p[i];
        if (c == '"' || c == '\\') {
            buf_printf(out->buf, "\\%c", c);
        } else if (c < 0x20 || c >= 0x7f) {
            buf_printf(out->buf, "\\u%04x", c);
        } else {
            buf_put(out->buf, &c, 1);
        }
    }
    buf_put(out->buf, "\"", 1);
}

static void print_length(struct printer *out, bool null, size_t n)
{
    if (null) {
        buf_printf(out->buf, "null");
    } else {
        buf_printf(out->buf, "\"<%zu bytes>\"", n);
    }
}

static void print_value(struct printer *out, uint8_t type, const struct kmsg_shape *shape,
                        const uint8_t *in)
{
    switch ((enum kmsg_type)type) {
    case KMSG_BOOL: buf_printf(out->buf, *(const bool *)in ? "true" : "false"); break;
    case KMSG_I8: buf_printf(out->buf, "%d", *(const int8_t *)in); break;
    case KMSG_I16: buf_printf(out->buf, "%d", *(const int16_t *)in); break;
    case KMSG_U16: buf_printf(out->buf, "%u", *(const uint16_t *)in); break;
    case KMSG_I32: buf_printf(out->buf, "%" PRId32, *(const int32_t *)in); break;
    case KMSG_U32: buf_printf(out->buf, "%" PRIu32, *(const uint32_t *)in); break;
    case KMSG_I64: buf_printf(out->buf, "%" PRId64, *(const int64_t *)in); break;
    case KMSG_F64: buf_printf(out->buf, "%.17g", *(const double *)in); break;
    case KMSG_UUID: buf_printf(out->buf, "\"%s\"", uuid_print(*(const struct uuid *)in).s); break;
    case KMSG_STRING: print_text(out, *(const struct slice *)in); break;
    case KMSG_BYTES: {
        const struct slice *bytes = (const struct slice *)in;
        print_length(out, bytes->p == NULL, bytes->n);
        break;
    }
    case KMSG_RECORDS: {
        const struct kmsg_records *records = (const struct kmsg_records *)in;
        print_length(out, records->file == NULL && records->bytes.p == NULL,
                     records->file != NULL ? records->n : records->bytes.n);
        break;
    }
    case KMSG_STRUCT: print_struct(out, shape, in); break;
    case KMSG_ARRAY_OF: assert(!"arrays hold no arrays");
    }
}

static void print_array(struct printer *out, const struct kmsg_field *field,
                        const struct kmsg_any_array *array)
{
    if (array->count < 0) {
        buf_printf(out->buf, "null");
        return;
    }
    size_t size = kmsg_type_size(field->element, field->shape);
    buf_put(out->buf, "[", 1);
    for (int32_t i = 0; i < array->count && !full(out); i++) {
        buf_put(out->buf, ",", i == 0 ? 0 : 1);
        print_value(out, field->element, field->shape,
                    (const uint8_t *)array->items + size * (size_t)i);
    }
    buf_put(out->buf, "]", 1);
}

static void print_field(struct printer *out, const struct kmsg_field *field, const uint8_t *in)
{
    if (field->type == KMSG_ARRAY_OF) {
        print_array(out, field, (const struct kmsg_any_array *)in);
    } else if (field->flags & KMSG_POINTER) {
        const uint8_t *item = *(const uint8_t *const *)in;
        if (item == NULL) {
            buf_printf(out->buf, "null");
        } else {
            print_struct(out, field->shape, item);
        }
    } else {
        print_value(out, field->type, field->shape, in);
    }
}

static void print_struct(struct printer *out, const struct kmsg_shape *shape, const uint8_t *in)
{
    const char *comma = "";
    buf_put(out->buf, "{", 1);
    for (unsigned i = 0; i < shape->field_count && !full(out); i++) {
        const struct kmsg_field *field = &shape->fields[i];
        const uint8_t *value = in + field->offset;
        if (!kmsg_field_in(field, out->version) ||
            (field->tag >= 0 && kmsg_is_default(field, shape, value))) {
            continue;
        }
        buf_printf(out->buf, "%s\"%s\":", comma, field->name);
        comma = ",";
        print_field(out, field, value);
    }
    buf_put(out->buf, "}", 1);
}

void kmsg_print(const struct kmsg_message *message, int16_t version, const void *from,
                size_t bytes_max, struct buf *buf)
{
    assert(kmsg_has_version(message, version));
    assert(bytes_max >= 3);
    size_t start = buf->n;
    struct printer out = {.buf = buf, .end = start + bytes_max, .version = version};
    print_struct(&out, message->shape, from);
    if (buf->n > start + bytes_max && buf->err == OK) {
        memcpy(buf->p + start + bytes_max - 3, "...", 3);
        buf->n = start + bytes_max;
    }
}
