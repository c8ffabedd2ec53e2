#include "common/config/spec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct slice slice_trim(struct slice s)
{
    while (s.n > 0 && s.p[0] <= ' ') {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && s.p[s.n - 1] <= ' ') {
        s.n--;
    }
    assert(s.n == 0 || (s.p[0] > ' ' && s.p[s.n - 1] > ' '));
    return s;
}

bool list_next(struct slice *rest, struct slice *ret_item)
{
    while (rest->n > 0) {
        const uint8_t *comma = memchr(rest->p, ',', rest->n);
        size_t n = comma == NULL ? rest->n : (size_t)(comma - rest->p);
        struct slice item = slice_trim(slice_of(rest->p, n));
        size_t past = comma == NULL ? n : n + 1;
        assert(past <= rest->n && past > 0);
        *rest = slice_of(rest->p + past, rest->n - past);
        if (item.n > 0) {
            *ret_item = item;
            return true;
        }
    }
    return false;
}

bool slice_is(struct slice s, const char *word)
{
    assert(word != NULL);
    /* Most words of a table differ in their first byte. */
    return s.n > 0 && s.p[0] != (uint8_t)word[0] ? false : slice_eq(s, slice_str(word));
}

bool slice_starts(struct slice s, const char *word)
{
    size_t n = strlen(word);
    assert(n > 0);
    return s.n >= n && memcmp(s.p, word, n) == 0;
}

bool int_parse(struct slice text, int64_t min, int64_t max, int64_t *ret_number)
{
    assert(min <= max);
    bool minus = text.n > 0 && text.p[0] == '-';
    size_t at = minus || (text.n > 0 && text.p[0] == '+');
    if (at == text.n) {
        return false;
    }
    int64_t v = 0; /* counted downwards: the lowest number has no positive twin */
    for (; at < text.n; at++) {
        if (text.p[at] < '0' || text.p[at] > '9' || __builtin_mul_overflow(v, (int64_t)10, &v) ||
            __builtin_sub_overflow(v, (int64_t)(text.p[at] - '0'), &v)) {
            return false;
        }
    }
    if (!minus && __builtin_sub_overflow((int64_t)0, v, &v)) {
        return false;
    }
    *ret_number = v;
    return v >= min && v <= max;
}

static bool real_parse(struct slice text, double *ret_real)
{
    char copy[64];
    if (text.n == 0 || text.n >= sizeof(copy)) {
        return false;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (strchr("0123456789+-.eE", text.p[i]) == NULL) {
            return false;
        }
    }
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    char *end = NULL;
    double real = strtod(copy, &end);
    assert(end != NULL && !isnan(real));
    *ret_real = real;
    return *end == '\0' && isfinite(real);
}

/* Bytes of the UTF-8 character at p, 0: it is none. Unicode 15, table 3-7. */
static size_t utf8_length(const uint8_t *p, size_t n)
{
    static const struct {
        uint8_t first, last, low, high, n;
    } rows[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    assert(n > 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (p[0] < rows[i].first || p[0] > rows[i].last) {
            continue;
        }
        bool good = rows[i].n <= n &&
                    (rows[i].n == 1 || (p[1] >= rows[i].low && p[1] <= rows[i].high));
        for (size_t k = 2; good && k < rows[i].n; k++) {
            good = (p[k] & 0xc0) == 0x80;
        }
        return good ? rows[i].n : 0;
    }
    return 0;
}

bool spec_text_good(struct slice text)
{
    for (size_t at = 0; at < text.n;) {
        uint8_t c = text.p[at];
        size_t n = utf8_length(text.p + at, text.n - at);
        if (n == 0 || (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f) {
            return false;
        }
        at += n;
        assert(at <= text.n);
    }
    return true;
}

static bool word_known(const struct spec_valid *valid, struct slice word)
{
    assert(valid->rule == SPEC_WORDS && valid->words != NULL);
    for (const char *const *w = valid->words; *w != NULL; w++) {
        if (strlen(*w) == word.n &&
            (valid->any_case ? strncasecmp(*w, (const char *)word.p, word.n) == 0
                             : memcmp(*w, word.p, word.n) == 0)) {
            return true;
        }
    }
    return false;
}

static err_t why_words(const struct spec_valid *valid, char *why, size_t room)
{
    int n = snprintf(why, room,
                     "String must be one of%s:", valid->any_case ? " (case insensitive)" : "");
    for (const char *const *w = valid->words; *w != NULL && (size_t)n < room; w++) {
        n += snprintf(why + n, room - (size_t)n, "%s %s", w == valid->words ? "" : ",", *w);
    }
    assert(n > 0);
    return ERR_INVALID;
}

static err_t why_not(char *why, size_t room, const char *text)
{
    assert(room > 0 && text != NULL);
    (void)snprintf(why, room, "%s", text);
    return ERR_INVALID;
}

static err_t check_range(const struct spec_valid *valid, double number, char *why, size_t room)
{
    if (valid->rule == SPEC_GZIP_LEVEL) {
        return number == -1 || (number >= 1 && number <= 9)
                   ? OK
                   : why_not(why, room, "Value must be between 1 and 9 or equal to -1");
    }
    if (valid->rule == SPEC_RANGE && number < (double)valid->min) {
        (void)snprintf(why, room, "Value must be at least %lld", (long long)valid->min);
        return ERR_INVALID;
    }
    if (valid->rule == SPEC_RANGE && number > (double)valid->max) {
        (void)snprintf(why, room, "Value must be no more than %lld", (long long)valid->max);
        return ERR_INVALID;
    }
    return OK;
}

static err_t check_number(const struct spec *spec, struct slice text, int64_t *ret_number,
                          char *why, size_t room)
{
    static const struct {
        const char *name;
        int64_t min, max;
    } kinds[] = {
        [CONFIG_TYPE_INT] = {"INT", INT32_MIN, INT32_MAX},
        [CONFIG_TYPE_SHORT] = {"SHORT", INT16_MIN, INT16_MAX},
        [CONFIG_TYPE_LONG] = {"LONG", INT64_MIN, INT64_MAX},
    };
    assert((size_t)spec->type < ARRAY_LEN(kinds) && kinds[spec->type].name != NULL);
    if (!int_parse(text, kinds[spec->type].min, kinds[spec->type].max, ret_number)) {
        (void)snprintf(why, room, "Not a number of type %s", kinds[spec->type].name);
        return ERR_INVALID;
    }
    return check_range(&spec->valid, (double)*ret_number, why, room);
}

/* [partition]:[broker],... or the star (KIP-73). */
static bool throttled_good(struct slice text)
{
    struct slice item;
    if (slice_is(text, "*")) {
        return true;
    }
    while (list_next(&text, &item)) {
        const uint8_t *colon = memchr(item.p, ':', item.n);
        size_t n = colon == NULL ? 0 : (size_t)(colon - item.p);
        int64_t number;
        if (colon == NULL || !int_parse(slice_of(item.p, n), 0, INT32_MAX, &number) ||
            !int_parse(slice_of(colon + 1, item.n - n - 1), 0, INT32_MAX, &number)) {
            return false;
        }
    }
    return true;
}

/* [address]:[count],... as max.connections.per.ip.overrides has them; an IPv6 address has colons of its own. */
static bool overrides_good(struct slice text)
{
    struct slice item;
    while (list_next(&text, &item)) {
        int64_t number;
        size_t n = item.n;
        while (n > 0 && item.p[n - 1] != ':') {
            n--;
        }
        if (n < 2 || !int_parse(slice_of(item.p + n, item.n - n), 0, INT32_MAX, &number)) {
            return false;
        }
    }
    return true;
}

/* An ISO 8601 duration as java.time.Duration reads it, not negative: P[nD][T[nH][nM][n[.n]S]]. */
static bool duration_good(struct slice text)
{
    static const char units[] = "DTHMS";
    size_t at = 1;
    size_t next = 0; /* the first unit that may still come */
    bool any = false;
    if (text.n < 3 || text.p[0] != 'P') {
        return false;
    }
    while (at < text.n) {
        size_t digits = at;
        bool dot = false;
        while (at < text.n && ((text.p[at] >= '0' && text.p[at] <= '9') || text.p[at] == '.')) {
            dot = dot || text.p[at] == '.';
            at++;
        }
        const char *unit = at < text.n ? strchr(units + next, text.p[at]) : NULL;
        bool time = next > 1; /* after the T */
        if (unit == NULL || (*unit == 'T') != (at == digits) || (dot && *unit != 'S') ||
            (*unit != 'D' && *unit != 'T' && !time) || text.p[digits] == '.') {
            return false;
        }
        any = any || *unit != 'T';
        next = (size_t)(unit - units) + 1;
        at++;
    }
    return any && text.p[text.n - 1] != 'T';
}

/* share.auto.offset.reset (KIP-932). */
static err_t check_reset(const struct spec *spec, struct slice text, char *why, size_t room)
{
    static const char by[] = "by_duration:";
    struct slice rest = slice_of(text.p, 0);
    if (text.n >= sizeof(by) - 1) {
        rest = slice_of(text.p + sizeof(by) - 1, text.n - (sizeof(by) - 1));
    }
    if (slice_is(text, "earliest") || slice_is(text, "latest") ||
        (slice_starts(text, by) && duration_good(rest))) {
        return OK;
    }
    (void)snprintf(
        why, room,
        "Invalid value `%.*s` for configuration %s. The value must be either 'earliest', "
        "'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.",
        (int)min_i64((int64_t)text.n, 60), (const char *)text.p, spec->name);
    return ERR_INVALID;
}

static err_t check_list(const struct spec *spec, struct slice text, char *why, size_t room)
{
    assert(spec->type == CONFIG_TYPE_LIST);
    struct slice rest = text;
    struct slice item;
    if (spec->valid.rule == SPEC_THROTTLED) {
        (void)snprintf(why, room,
                       "%s must be the literal '*' or a list of replicas in the following format: "
                       "[partitionId]:[brokerId],[partitionId]:[brokerId],...",
                       spec->name);
        return throttled_good(text) ? OK : ERR_INVALID;
    }
    while (spec->valid.rule == SPEC_WORDS && list_next(&rest, &item)) {
        if (!word_known(&spec->valid, item)) {
            return why_words(&spec->valid, why, room);
        }
    }
    return OK;
}

err_t spec_check(const struct spec *spec, struct slice text, struct spec_value *ret_value,
                 char *why, size_t why_room)
{
    assert(text.p != NULL || text.n == 0);
    *ret_value = (struct spec_value){0};
    if (!spec_text_good(text)) {
        return why_not(why, why_room, "Not UTF-8 text, or it holds control bytes");
    }
    text = slice_trim(text);
    switch (spec->type) {
    case CONFIG_TYPE_BOOLEAN: {
        bool yes = text.n == 4 && strncasecmp((const char *)text.p, "true", 4) == 0;
        bool no = text.n == 5 && strncasecmp((const char *)text.p, "false", 5) == 0;
        ret_value->number = yes;
        return yes || no ? OK : why_not(why, why_room, "Expected value to be either true or false");
    }
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_SHORT:
    case CONFIG_TYPE_LONG: return check_number(spec, text, &ret_value->number, why, why_room);
    case CONFIG_TYPE_DOUBLE:
        if (!real_parse(text, &ret_value->real)) {
            return why_not(why, why_room, "Not a number of type DOUBLE");
        }
        return check_range(&spec->valid, ret_value->real, why, why_room);
    case CONFIG_TYPE_LIST: return check_list(spec, text, why, why_room);
    case CONFIG_TYPE_STRING:
        if (spec->valid.rule == SPEC_OVERRIDES && !overrides_good(text)) {
            return why_not(why, why_room, "Write it as address:count, separated by commas");
        }
        if (spec->valid.rule == SPEC_OFFSET_RESET) {
            return check_reset(spec, text, why, why_room);
        }
        /* fall through */
    case CONFIG_TYPE_CLASS:
    case CONFIG_TYPE_PASSWORD:
        return spec->valid.rule == SPEC_WORDS && !word_known(&spec->valid, text)
                   ? why_words(&spec->valid, why, why_room)
                   : OK;
    }
    assert(false);
    return ERR_INVALID;
}
