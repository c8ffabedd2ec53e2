#include "common/config/properties.h"

void properties_init(struct properties *properties, struct slice text)
{
    assert(text.p != NULL || text.n == 0);
    *properties = (struct properties){.text = text};
}

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static bool line_end(uint8_t c)
{
    return c == '\n' || c == '\r';
}

/* Past the end of a line, which is at `at`. */
static size_t past_end(struct slice text, size_t at)
{
    assert(at < text.n && line_end(text.p[at]));
    bool two = text.p[at] == '\r' && at + 1 < text.n && text.p[at + 1] == '\n';
    return at + (two ? 2 : 1);
}

static void skip_blanks(struct properties *p)
{
    while (p->at < p->text.n && blank(p->text.p[p->at])) {
        p->at++;
    }
    assert(p->at <= p->text.n);
}

/* To the first byte of a line that is neither empty nor a comment; false at the end. */
static bool find_line(struct properties *p)
{
    while (p->at < p->text.n) {
        p->line++;
        skip_blanks(p);
        bool comment = p->at < p->text.n && (p->text.p[p->at] == '#' || p->text.p[p->at] == '!');
        if (!comment && p->at < p->text.n && !line_end(p->text.p[p->at])) {
            return true;
        }
        while (p->at < p->text.n && !line_end(p->text.p[p->at])) {
            p->at++;
        }
        if (p->at < p->text.n) {
            p->at = past_end(p->text, p->at);
        }
    }
    return false;
}

/* The logical line from here on, with its continuations joined but its escapes kept. */
static size_t join_lines(struct properties *p, uint8_t *out)
{
    size_t n = 0;
    while (p->at < p->text.n && !line_end(p->text.p[p->at])) {
        uint8_t c = p->text.p[p->at++];
        if (c != '\\') {
            out[n++] = c;
            continue;
        }
        if (p->at == p->text.n) {
            break; /* a lone backslash at the end of the file says nothing */
        }
        if (line_end(p->text.p[p->at])) {
            p->at = past_end(p->text, p->at);
            p->line += p->at < p->text.n;
            skip_blanks(p);
            continue;
        }
        out[n++] = c;
        out[n++] = p->text.p[p->at++];
    }
    if (p->at < p->text.n) {
        p->at = past_end(p->text, p->at);
    }
    return n;
}

static int hex(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The four digits behind \u at p; -1: they are none. */
static int32_t unicode_unit(struct slice s, size_t at)
{
    int32_t unit = 0;
    if (s.n < 6 || at > s.n - 6 || s.p[at] != '\\' || s.p[at + 1] != 'u') {
        return -1;
    }
    for (size_t i = at + 2; i < at + 6; i++) {
        int digit = hex(s.p[i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    assert(unit <= 0xffff);
    return unit;
}

static size_t utf8_put(uint32_t code, uint8_t *out)
{
    assert(code <= 0x10ffff);
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    static const uint8_t marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (uint8_t)(marks[n] | code);
    return n;
}

/* The character of the escape at s.p[*at], UTF-8 to out; *at goes past it. */
static size_t unescape_unicode(struct slice s, size_t *at, uint8_t *out, bool *broken)
{
    int32_t unit = unicode_unit(s, *at);
    if (unit < 0) {
        *broken = true;
        *at += 2;
        return 0;
    }
    *at += 6;
    if (unit < 0xd800 || unit > 0xdfff) {
        return utf8_put((uint32_t)unit, out);
    }
    int32_t second = unit < 0xdc00 ? unicode_unit(s, *at) : -1;
    if (second < 0xdc00 || second > 0xdfff) {
        *broken = true;
        return 0;
    }
    *at += 6;
    return utf8_put(0x10000 + (((uint32_t)unit - 0xd800) << 10) + ((uint32_t)second - 0xdc00), out);
}

/* In place: what comes out is never longer than what goes in. */
static struct slice unescape(uint8_t *p, size_t n, bool *broken)
{
    struct slice s = slice_of(p, n);
    size_t out = 0;
    for (size_t at = 0; at < n;) {
        assert(out <= at);
        if (p[at] != '\\' || at + 1 == n) {
            p[out++] = p[at++];
            continue;
        }
        if (p[at + 1] == 'u') {
            out += unescape_unicode(s, &at, p + out, broken);
            continue;
        }
        uint8_t c = p[at + 1];
        p[out++] = c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 'f' ? '\f' : c;
        at += 2;
    }
    return slice_of(p, out);
}

/* Where the key ends and where the value begins. */
static void split(struct slice line, size_t *ret_key_end, size_t *ret_value)
{
    size_t at = 0;
    while (at < line.n && line.p[at] != '=' && line.p[at] != ':' && !blank(line.p[at])) {
        at += line.p[at] == '\\' && at + 1 < line.n ? 2 : 1;
    }
    *ret_key_end = at;
    while (at < line.n && blank(line.p[at])) {
        at++;
    }
    if (at < line.n && (line.p[at] == '=' || line.p[at] == ':')) {
        at++;
    }
    while (at < line.n && blank(line.p[at])) {
        at++;
    }
    assert(at <= line.n && *ret_key_end <= at);
    *ret_value = at;
}

/* Bytes from here to the end of the logical line at most, so that memory is taken for this line only. */
static size_t line_bytes(const struct properties *p)
{
    size_t at = p->at;
    while (at < p->text.n && !line_end(p->text.p[at])) {
        at += p->text.p[at] == '\\' ? 2 : 1;
        /* A continued \r\n: its \n belongs to the same end. */
        if (at >= 2 && at < p->text.n && p->text.p[at - 2] == '\\' && p->text.p[at - 1] == '\r' &&
            p->text.p[at] == '\n') {
            at++;
        }
    }
    at = at < p->text.n ? at : p->text.n;
    assert(at >= p->at);
    return at - p->at;
}

err_t properties_next(struct properties *p, struct arena *arena, struct property *ret_property)
{
    ENSURE(find_line(p), ERR_NOT_FOUND);
    *ret_property = (struct property){.line = p->line};
    size_t room = line_bytes(p);
    if (room > p->scratch_room || p->scratch == NULL) {
        size_t bigger = room * 2 + 256;
        p->scratch = arena_alloc(arena, bigger);
        ENSURE(p->scratch != NULL, ERR_NO_MEMORY);
        p->scratch_room = bigger;
    }
    uint8_t *joined = p->scratch;
    size_t n = join_lines(p, joined);
    assert(n <= room);
    size_t key_end;
    size_t value;
    split(slice_of(joined, n), &key_end, &value);
    ret_property->key = unescape(joined, key_end, &ret_property->broken);
    ret_property->value = unescape(joined + value, n - value, &ret_property->broken);
    return OK;
}
