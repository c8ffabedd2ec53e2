#include "cli/json_read.h"

#include "cli/json.h"

static err_t fail(struct json_read *read, const char *why)
{
    assert(why != NULL);
    if (read->err == OK) {
        read->err = ERR_MALFORMED;
        read->why = why;
    }
    return read->err;
}

static void space(struct json_read *read)
{
    while (read->p < read->end &&
           (*read->p == ' ' || *read->p == '\t' || *read->p == '\n' || *read->p == '\r')) {
        read->p++;
    }
}

/* The next byte that is no space, or 0. */
static uint8_t peek(struct json_read *read)
{
    space(read);
    return read->p < read->end ? *read->p : 0;
}

void json_read_init(struct json_read *read, struct slice text, struct arena *arena)
{
    *read = (struct json_read){.from = text.p, .p = text.p, .end = text.p + text.n, .arena = arena};
    if (!json_is_utf8(text)) {
        (void)fail(read, "this is no UTF-8");
    }
}

err_t json_read_open(struct json_read *read, char bracket)
{
    assert(read->p <= read->end);
    assert(bracket == '{' || bracket == '[');
    TRY(read->err);
    if (peek(read) != (uint8_t)bracket) {
        return fail(read, bracket == '{' ? "an object is expected" : "an array is expected");
    }
    read->p++;
    read->first = true;
    return OK;
}

/* Takes the comma or the end. */
static bool next_item(struct json_read *read, uint8_t close)
{
    assert(close == '}' || close == ']');
    if (read->err != OK) {
        return false;
    }
    uint8_t c = peek(read);
    if (c == close) {
        read->p++;
        read->first = false;
        return false;
    }
    if (!read->first) {
        if (c != ',') {
            (void)fail(read, "a comma or the end is expected");
            return false;
        }
        read->p++;
    }
    read->first = false;
    return true;
}

static bool hex4(const uint8_t *p, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = p[i];
        uint8_t lower = c | 0x20;
        bool digit = c >= '0' && c <= '9';
        if (!digit && (lower < 'a' || lower > 'f')) {
            return false;
        }
        *ret = *ret << 4 | (uint32_t)(digit ? c - '0' : lower - 'a' + 10);
    }
    return true;
}

static size_t utf8_put(uint8_t *out, uint32_t c)
{
    assert(c <= 0x10FFFF);
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (c & 0x3F));
        c >>= 6;
    }
    out[0] = (uint8_t)(lead[n] | c);
    return n;
}

/* \uXXXX, and its second half where it is a surrogate; *at stands behind the u. */
static bool unicode(const uint8_t **at, const uint8_t *end, uint32_t *ret)
{
    uint32_t low;
    if (end - *at < 4 || !hex4(*at, ret)) {
        return false;
    }
    *at += 4;
    if (*ret < 0xD800 || *ret > 0xDFFF) {
        return true;
    }
    if (*ret > 0xDBFF || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u' ||
        !hex4(*at + 2, &low) || low < 0xDC00 || low > 0xDFFF) {
        return false;
    }
    *ret = 0x10000 + ((*ret - 0xD800) << 10) + (low - 0xDC00);
    *at += 6;
    return true;
}

static err_t unescape(struct json_read *read, struct slice raw, struct slice *ret_text)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char bytes[] = "\"\\/\b\f\n\r\t";
    uint8_t *out = arena_alloc(read->arena, raw.n);
    size_t n = 0;
    if (out == NULL) {
        read->err = ERR_NO_MEMORY;
        return read->err;
    }
    const uint8_t *end = raw.p + raw.n;
    for (const uint8_t *p = raw.p; p < end;) {
        if (*p != '\\') {
            out[n++] = *p++;
            continue;
        }
        p++;
        assert(p < end); /* a string never ends in a backslash */
        const char *found = *p == 0 ? NULL : strchr(letters, *p);
        uint32_t c;
        if (found != NULL) {
            out[n++] = (uint8_t)bytes[found - letters];
            p++;
        } else if (*p == 'u') {
            p++;
            if (!unicode(&p, end, &c)) {
                return fail(
                    read,
                    "\\u is followed by four hexadecimal digits, and surrogates come in pairs");
            }
            n += utf8_put(out + n, c);
        } else {
            return fail(read, "there is no such escape");
        }
    }
    *ret_text = slice_of(out, n);
    return OK;
}

static err_t string(struct json_read *read, struct slice *ret_text)
{
    assert(read->arena != NULL);
    bool escaped = false;
    if (peek(read) != '"') {
        return fail(read, "a string is expected");
    }
    const uint8_t *from = ++read->p;
    for (; read->p < read->end && *read->p != '"'; read->p++) {
        if (*read->p < 0x20) {
            return fail(read, "control bytes in strings are written as \\u00XX");
        }
        if (*read->p == '\\') {
            escaped = true;
            read->p++;
        }
    }
    if (read->p >= read->end) {
        return fail(read, "a string does not end");
    }
    struct slice raw = slice_of(from, (size_t)(read->p - from));
    read->p++;
    *ret_text = raw;
    return escaped ? unescape(read, raw, ret_text) : OK;
}

bool json_read_member(struct json_read *read, struct slice *ret_name)
{
    if (!next_item(read, '}') || string(read, ret_name) != OK) {
        return false;
    }
    if (peek(read) != ':') {
        (void)fail(read, "a colon is expected");
        return false;
    }
    read->p++;
    return true;
}

bool json_read_element(struct json_read *read)
{
    return next_item(read, ']');
}

static bool digits(struct json_read *read)
{
    const uint8_t *from = read->p;
    while (read->p < read->end && *read->p >= '0' && *read->p <= '9') {
        read->p++;
    }
    return read->p > from;
}

static err_t number(struct json_read *read)
{
    assert(read->p < read->end);
    read->p += *read->p == '-';
    bool zero = read->p < read->end && *read->p == '0';
    if (zero) {
        read->p++;
    } else if (!digits(read)) {
        return fail(read, "this is no value");
    }
    if (read->p < read->end && *read->p == '.') {
        read->p++;
        if (!digits(read)) {
            return fail(read, "a digit is expected");
        }
    }
    if (read->p < read->end && (*read->p | 0x20) == 'e') {
        read->p++;
        read->p += read->p < read->end && (*read->p == '+' || *read->p == '-');
        if (!digits(read)) {
            return fail(read, "a digit is expected");
        }
    }
    return OK;
}

static err_t word(struct json_read *read, const char *text)
{
    assert(text[0] != '\0');
    size_t n = strlen(text);
    if ((size_t)(read->end - read->p) < n || memcmp(read->p, text, n) != 0) {
        return fail(read, "this is no value");
    }
    read->p += n;
    return OK;
}

/* A nested value, with a stack of what is open instead of recursion. */
static err_t nested(struct json_read *read)
{
    uint8_t open[JSON_READ_DEPTH_MAX];
    size_t depth = 0;
    struct slice name;
    do {
        uint8_t c = peek(read);
        if (c == '{' || c == '[') {
            if (depth == JSON_READ_DEPTH_MAX) {
                return fail(read, "this is nested too deep");
            }
            open[depth++] = c;
            read->p++;
            read->first = true;
        } else {
            struct json_value ignored;
            TRY(json_read_value(read, &ignored));
        }
        /* behind a value, or at the beginning of a level: close what ends, then stand before the next value */
        while (depth > 0) {
            bool more = open[depth - 1] == '{' ? json_read_member(read, &name)
                                               : json_read_element(read);
            TRY(read->err);
            if (more) {
                break;
            }
            depth--;
        }
    } while (depth > 0);
    return OK;
}

enum json_kind json_read_peek(struct json_read *read)
{
    switch (peek(read)) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"': return JSON_STRING;
    case 't': return JSON_TRUE;
    case 'f': return JSON_FALSE;
    case 'n':
    case 0: return JSON_NULL;
    default: return JSON_NUMBER;
    }
}

err_t json_read_value(struct json_read *read, struct json_value *ret_value)
{
    assert(ret_value != NULL);
    TRY(read->err);
    ret_value->kind = json_read_peek(read);
    const uint8_t *from = read->p;
    if (from == read->end) {
        return fail(read, "a value is expected");
    }
    switch (ret_value->kind) {
    case JSON_STRING: return string(read, &ret_value->text);
    case JSON_OBJECT:
    case JSON_ARRAY: TRY(nested(read)); break;
    case JSON_NUMBER: TRY(number(read)); break;
    case JSON_TRUE: TRY(word(read, "true")); break;
    case JSON_FALSE: TRY(word(read, "false")); break;
    case JSON_NULL: TRY(word(read, "null")); break;
    }
    read->first = false;
    ret_value->text = slice_of(from, (size_t)(read->p - from));
    return OK;
}

err_t json_read_end(struct json_read *read)
{
    TRY(read->err);
    return peek(read) == 0 && read->p == read->end ? OK : fail(read, "something follows the end");
}
