#include "cli/json.h"

#include <stdio.h>

#include "cli/when.h"

static const char base64_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void json_init(struct json *json, struct buf *out)
{
    *json = (struct json){.out = out};
}

/* Length of the UTF-8 sequence at p, or 0. */
static size_t utf8_length(const uint8_t *p, size_t n)
{
    static const struct {
        uint8_t first_min, first_max, second_min, second_max, bytes;
    } rows[] = {
        {0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    assert(n > 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (p[0] < rows[i].first_min || p[0] > rows[i].first_max) {
            continue;
        }
        if (n < rows[i].bytes ||
            (rows[i].bytes > 1 && (p[1] < rows[i].second_min || p[1] > rows[i].second_max))) {
            return 0;
        }
        for (size_t k = 2; k < rows[i].bytes; k++) {
            if ((p[k] & 0xC0) != 0x80) {
                return 0;
            }
        }
        return rows[i].bytes;
    }
    return 0;
}

bool json_is_utf8(struct slice text)
{
    for (size_t at = 0; at < text.n;) {
        size_t n = utf8_length(text.p + at, text.n - at);
        if (n == 0) {
            return false;
        }
        at += n;
    }
    return true;
}

static void put_escaped(struct buf *out, uint8_t c)
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = c == 0 ? NULL : strchr(plain, c);
    if (found != NULL) {
        buf_printf(out, "\\%c", letters[found - plain]);
    } else {
        buf_printf(out, "\\u%04x", c);
    }
}

/* What is no UTF-8 becomes U+FFFD. */
static void put_string(struct buf *out, struct slice text)
{
    size_t from = 0;
    buf_put(out, "\"", 1);
    for (size_t at = 0; at < text.n;) {
        size_t n = utf8_length(text.p + at, text.n - at);
        bool plain = n > 0 && text.p[at] >= 0x20 && text.p[at] != '"' && text.p[at] != '\\';
        if (!plain) {
            buf_put(out, text.p + from, at - from);
            if (n == 0) {
                buf_put(out, "\xEF\xBF\xBD", 3);
            } else {
                put_escaped(out, text.p[at]);
            }
            n = 1;
            from = at + 1;
        }
        at += n;
    }
    if (text.n > from) {
        buf_put(out, text.p + from, text.n - from);
    }
    buf_put(out, "\"", 1);
}

static void begin(struct json *json, const char *key)
{
    assert(json->depth == 0 || (key != NULL) == (json->close[json->depth - 1] == '}'));
    if (json->comma) {
        buf_put(json->out, ",", 1);
    }
    json->comma = true;
    if (key != NULL) {
        put_string(json->out, slice_str(key));
        buf_put(json->out, ":", 1);
    }
}

void json_open(struct json *json, const char *key, char bracket)
{
    assert(bracket == '{' || bracket == '[');
    assert(json->depth < JSON_DEPTH_MAX);
    begin(json, key);
    buf_put(json->out, &bracket, 1);
    json->close[json->depth++] = bracket == '{' ? '}' : ']';
    json->comma = false;
}

void json_close(struct json *json)
{
    assert(json->depth > 0);
    buf_put(json->out, &json->close[--json->depth], 1);
    json->comma = true;
    if (json->depth == 0) {
        buf_put(json->out, "\n", 1);
        json->comma = false;
    }
}

void json_slice(struct json *json, const char *key, struct slice text)
{
    if (text.p == NULL) {
        json_null(json, key);
        return;
    }
    begin(json, key);
    put_string(json->out, text);
}

void json_text(struct json *json, const char *key, const char *text)
{
    json_slice(json, key, slice_str(text));
}

void json_bytes(struct json *json, const char *key, struct slice bytes)
{
    assert(key != NULL);
    if (bytes.p == NULL || json_is_utf8(bytes)) {
        json_slice(json, key, bytes);
        return;
    }
    char name[64];
    int n = snprintf(name, sizeof(name), "%s_base64", key);
    assert(n > 0 && (size_t)n < sizeof(name));
    begin(json, name);
    buf_put(json->out, "\"", 1);
    base64_put(json->out, bytes);
    buf_put(json->out, "\"", 1);
}

void json_number(struct json *json, const char *key, int64_t number)
{
    begin(json, key);
    buf_printf(json->out, "%lld", (long long)number);
}

void json_bool(struct json *json, const char *key, bool value)
{
    assert(json->out != NULL);
    begin(json, key);
    buf_printf(json->out, "%s", value ? "true" : "false");
}

void json_null(struct json *json, const char *key)
{
    begin(json, key);
    buf_put(json->out, "null", 4);
}

void json_uuid(struct json *json, const char *key, struct uuid uuid)
{
    struct uuid_text text = uuid_print(uuid);
    json_text(json, key, uuid_is_none(uuid) ? NULL : text.s);
}

void json_time(struct json *json, const char *key, int64_t wall_ms)
{
    struct when_text text = when_print(wall_ms);
    json_text(json, key, wall_ms < 0 ? NULL : text.s);
}

void base64_put(struct buf *out, struct slice bytes)
{
    for (size_t at = 0; at < bytes.n; at += 3) {
        size_t left = bytes.n - at;
        uint32_t v = (uint32_t)bytes.p[at] << 16;
        v |= left > 1 ? (uint32_t)bytes.p[at + 1] << 8 : 0;
        v |= left > 2 ? bytes.p[at + 2] : 0;
        const char four[4] = {base64_letters[v >> 18], base64_letters[v >> 12 & 63],
                              left > 1 ? base64_letters[v >> 6 & 63] : '=',
                              left > 2 ? base64_letters[v & 63] : '='};
        buf_put(out, four, sizeof(four));
    }
}

err_t base64_read(struct slice text, struct buf *out)
{
    ENSURE(text.n % 4 == 0, ERR_MALFORMED);
    for (size_t at = 0; at < text.n; at += 4) {
        bool last = at + 4 == text.n;
        size_t pad = last ? (size_t)(text.p[at + 3] == '=') + (text.p[at + 2] == '=') : 0;
        uint32_t v = 0;
        for (size_t k = 0; k < 4; k++) {
            uint8_t c = text.p[at + k];
            bool padding = k >= 4 - pad;
            const char *found = c == 0 ? NULL : strchr(base64_letters, c);
            ENSURE(padding ? c == '=' : found != NULL, ERR_MALFORMED);
            v = v << 6 | (padding ? 0 : (uint32_t)(found - base64_letters));
        }
        const uint8_t three[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
        buf_put(out, three, 3 - pad);
    }
    return out->err;
}
