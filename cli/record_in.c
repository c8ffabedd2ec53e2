#include "cli/record_in.h"

#include "cli/args.h"
#include "cli/json.h"
#include "cli/json_read.h"
#include "cli/when.h"

/* Cuts what stands before the separator off the rest. */
static bool cut(struct slice *rest, struct slice separator, struct slice *ret_front)
{
    assert(separator.n > 0);
    const uint8_t *at = memmem(rest->p, rest->n, separator.p, separator.n);
    if (at == NULL) {
        return false;
    }
    *ret_front = slice_of(rest->p, (size_t)(at - rest->p));
    *rest = slice_of(at + separator.n, rest->n - ret_front->n - separator.n);
    return true;
}

/* "a:1,b:2" */
static const char *headers_read(struct slice text, struct buf *headers, int32_t *count)
{
    assert(count != NULL);
    while (text.n > 0) {
        struct slice item = text;
        struct slice key;
        if (cut(&text, slice_str(","), &item)) {
            /* more follow */
        } else {
            text.n = 0;
        }
        if (!cut(&item, slice_str(":"), &key)) {
            return "a header lacks its ':'; headers are written as name:value,name:value";
        }
        record_header_put(headers, key, item);
        (*count)++;
    }
    return NULL;
}

static struct slice null_or(const struct record_format *format, struct slice text)
{
    bool null = format->null_marker.p != NULL && slice_eq(format->null_marker, text);
    return null ? (struct slice){0} : text;
}

static const char *text_read(const struct record_format *format, struct slice line,
                             struct buf *headers, struct record *record)
{
    if (format->headers) {
        struct slice text;
        if (!cut(&line, format->key_separator, &text)) {
            return "no separator stands behind the headers; --separator says what it is";
        }
        const char *why = headers_read(text, headers, &record->header_count);
        if (why != NULL) {
            return why;
        }
    }
    if (format->keys) {
        struct slice key;
        if (!cut(&line, format->key_separator, &key)) {
            return "no separator stands between key and value; --separator says what it is";
        }
        record->key = null_or(format, key);
    }
    record->value = null_or(format, line);
    return NULL;
}

/* ---- JSON ---- */

struct json_line {
    struct json_read read;
    struct heap *heap;
    struct arena *arena;
    struct buf *headers;
    struct record_line *line;
};

/* A value's bytes: a string's text, null, base64, or the JSON itself. */
static err_t bytes_read(struct json_line *in, bool base64, struct slice *ret_bytes)
{
    assert(in->heap != NULL && in->arena != NULL);
    struct json_value value;
    TRY(json_read_value(&in->read, &value));
    *ret_bytes = value.kind == JSON_NULL ? (struct slice){0} : value.text;
    if (!base64 || value.kind == JSON_NULL) {
        return OK;
    }
    struct buf plain;
    buf_init(&plain, in->heap, value.text.n + 4);
    err_t err = value.kind == JSON_STRING ? base64_read(value.text, &plain) : ERR_MALFORMED;
    if (err == OK &&
        !arena_copy(in->arena, slice_of(plain.n == 0 ? (const uint8_t *)"" : plain.p, plain.n),
                    ret_bytes)) {
        err = ERR_NO_MEMORY;
    }
    buf_release(&plain);
    if (err == ERR_MALFORMED) {
        in->read.why = "this is no base64";
    }
    return err;
}

static bool is(struct slice name, const char *text)
{
    return slice_eq(name, slice_str(text));
}

/* {"key": "a", "value": "b"} */
static err_t header_object(struct json_line *in)
{
    assert(in->headers != NULL);
    struct slice name;
    struct slice key = slice_str("");
    struct slice value = {0};
    TRY(json_read_open(&in->read, '{'));
    while (json_read_member(&in->read, &name)) {
        bool base64 = is(name, "value_base64") || is(name, "key_base64");
        bool of_key = is(name, "key") || is(name, "key_base64");
        TRY(bytes_read(in, base64, of_key ? &key : &value));
    }
    TRY(in->read.err);
    if (key.p == NULL) {
        in->read.why = "a header's key is never null";
        return ERR_MALFORMED;
    }
    record_header_put(in->headers, key, value);
    in->line->record.header_count++;
    return in->headers->err;
}

static err_t json_headers(struct json_line *in)
{
    struct slice name, value;
    if (json_read_peek(&in->read) == JSON_ARRAY) {
        TRY(json_read_open(&in->read, '['));
        while (json_read_element(&in->read)) {
            TRY(header_object(in));
        }
        return in->read.err;
    }
    TRY(json_read_open(&in->read, '{'));
    while (json_read_member(&in->read, &name)) {
        TRY(bytes_read(in, false, &value));
        record_header_put(in->headers, name, value);
        in->line->record.header_count++;
    }
    return in->read.err;
}

static err_t number_read(struct json_line *in, int64_t *ret_number, bool time)
{
    assert(ret_number != NULL);
    struct json_value value;
    char text[48];
    TRY(json_read_value(&in->read, &value));
    if (value.kind == JSON_NULL) {
        *ret_number = -1;
        return OK;
    }
    if (value.text.n < sizeof(text)) {
        memcpy(text, value.text.p, value.text.n);
        text[value.text.n] = '\0';
        if (value.kind == JSON_NUMBER && args_parse_number(text, ret_number)) {
            return OK;
        }
        if (time && value.kind == JSON_STRING && when_parse(text, 0, ret_number) == OK) {
            return OK;
        }
    }
    in->read.why = time ? "timestamp is milliseconds since 1970, or 2026-11-21T08:15:30.125Z"
                        : "partition is a number";
    return ERR_MALFORMED;
}

static err_t json_member(struct json_line *in, struct slice name)
{
    assert(name.p != NULL);
    struct record *record = &in->line->record;
    struct json_value ignored;
    int64_t partition;
    if (is(name, "key") || is(name, "key_base64")) {
        return bytes_read(in, name.n > 3, &record->key);
    }
    if (is(name, "value") || is(name, "value_base64")) {
        return bytes_read(in, name.n > 5, &record->value);
    }
    if (is(name, "headers")) {
        return json_headers(in);
    }
    if (is(name, "timestamp")) {
        return number_read(in, &record->timestamp, true);
    }
    if (is(name, "partition")) {
        TRY(number_read(in, &partition, false));
        if (partition < -1 || partition > INT32_MAX) {
            in->read.why = "there is no such partition";
            return ERR_MALFORMED;
        }
        in->line->partition = (int32_t)partition;
        return OK;
    }
    if (!is(name, "topic") && !is(name, "offset") && !is(name, "timestamp_type")) {
        in->read.why = "a member is none of key, value, headers, partition, timestamp";
        return ERR_MALFORMED;
    }
    return json_read_value(&in->read, &ignored);
}

static const char *json_line_read(struct json_line *in, struct slice line)
{
    struct slice name;
    json_read_init(&in->read, line, in->arena);
    err_t err = json_read_open(&in->read, '{');
    while (err == OK && json_read_member(&in->read, &name)) {
        err = json_member(in, name);
    }
    err = err == OK ? json_read_end(&in->read) : err;
    return err == OK ? NULL : in->read.why != NULL ? in->read.why : err_text(err);
}

const char *record_line_read(const struct record_format *format, struct slice line,
                             struct arena *arena, struct heap *heap, struct buf *headers,
                             struct record_line *ret_line)
{
    struct record *record = &ret_line->record;
    const char *why;
    *ret_line = (struct record_line){.partition = -1};
    record->timestamp = NO_TIMESTAMP;
    buf_clear(headers);
    if (format->fixed_headers.n > 0) {
        buf_put(headers, format->fixed_headers.p, format->fixed_headers.n);
    }
    record->header_count = format->fixed_header_count;
    if (format->json) {
        struct json_line in = {.heap = heap, .arena = arena, .headers = headers, .line = ret_line};
        why = json_line_read(&in, line);
    } else {
        why = text_read(format, line, headers, record);
    }
    record->headers = buf_slice(headers);
    assert(record->header_count == 0 || headers->n > 0 || headers->err != OK);
    return why != NULL ? why : headers->err != OK ? err_text(headers->err) : NULL;
}
