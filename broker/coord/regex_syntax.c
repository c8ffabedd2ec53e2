/*
 * What RE2 takes, of what pcre2 would take. Only the differences are judged here: brackets that do not close and the like are
 * pcre2's to find. Rules: github.com/google/re2/wiki/Syntax.
 */
#include "broker/coord/regex.h"
#include "common/base/limits.h"

#define REPEAT_MAX 1000

struct scan {
    struct slice rest;
    uint32_t depth;
    uint32_t
        repeat; /* how often the item just read is written out, at most; 0: there is none to repeat */
    bool counted;                            /* ... and it is repeated already */
    uint32_t repeats[REGEX_NESTING_MAX + 1]; /* by group: the largest of its items */
};

static bool at(const struct scan *scan, size_t i, char c)
{
    return i < scan->rest.n && scan->rest.p[i] == (uint8_t)c;
}

static bool one_of(const struct scan *scan, size_t i, const char *set)
{
    return i < scan->rest.n && scan->rest.p[i] != 0 && strchr(set, scan->rest.p[i]) != NULL;
}

static bool is_digit(const struct scan *scan, size_t i)
{
    return one_of(scan, i, "0123456789");
}

static bool is_letter(const struct scan *scan, size_t i)
{
    if (i >= scan->rest.n) {
        return false;
    }
    uint8_t lower = scan->rest.p[i] | 0x20;
    return lower >= 'a' && lower <= 'z';
}

static void skip(struct scan *scan, size_t n)
{
    assert(n <= scan->rest.n);
    scan->rest = slice_of(scan->rest.p + n, scan->rest.n - n);
}

static void item(struct scan *scan, uint32_t repeat)
{
    assert(repeat > 0);
    scan->repeat = repeat;
    scan->counted = false;
    if (scan->repeats[scan->depth] < repeat) {
        scan->repeats[scan->depth] = repeat;
    }
}

/* ---- behind a backslash ---- */

/* Length of x7F or x{10FFFF}; 0: neither. */
static size_t hex_length(const struct scan *scan)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    if (one_of(scan, 1, digits) && one_of(scan, 2, digits)) {
        return 3;
    }
    size_t n = 2;
    while (at(scan, 1, '{') && one_of(scan, n, digits)) {
        n++;
    }
    return n > 2 && at(scan, n, '}') ? n + 1 : 0;
}

/* Length of pL, p{Greek}, p{^Greek}; 0: none. */
static size_t property_length(const struct scan *scan)
{
    if (is_letter(scan, 1)) {
        return 2;
    }
    size_t first = at(scan, 2, '^') ? 3 : 2, n = first;
    while (at(scan, 1, '{') && (is_letter(scan, n) || at(scan, n, '_'))) {
        n++;
    }
    return n > first && at(scan, n, '}') ? n + 1 : 0;
}

/* \Q: until \E or the end, all as it stands. */
static void quoted(struct scan *scan)
{
    skip(scan, 1);
    while (scan->rest.n > 0 && !(at(scan, 0, '\\') && at(scan, 1, 'E'))) {
        item(scan, 1);
        skip(scan, 1);
    }
    skip(scan, scan->rest.n > 0 ? 2 : 0);
}

static const char *escaped(struct scan *scan, bool in_class)
{
    skip(scan, 1);
    if (scan->rest.n == 0) {
        return "it ends in a backslash";
    }
    size_t n = 1;
    if (at(scan, 0, 'Q') && !in_class) {
        quoted(scan);
        return NULL;
    }
    if (one_of(scan, 0, "123456789")) {
        return "backreferences are not supported";
    }
    if (at(scan, 0, 'x')) {
        n = hex_length(scan);
    } else if (one_of(scan, 0, "pP")) {
        n = property_length(scan);
    } else if (one_of(scan, 0, "AbBz")) {
        n = in_class ? 0 : 1;
    } else if (is_letter(scan, 0)) {
        n = one_of(scan, 0, "dDsSwWaftnrv") ? 1 : 0;
    } else if (scan->rest.p[0] >= 0x80) {
        n = 0;
    }
    if (n == 0) {
        return "an escape sequence is not supported";
    }
    skip(scan, n);
    item(scan, 1);
    return NULL;
}

/* ---- classes ---- */

static const char *class(struct scan *scan)
{
    skip(scan, at(scan, 1, '^') ? 2 : 1);
    for (bool first = true; scan->rest.n > 0 && (first || !at(scan, 0, ']')); first = false) {
        if (at(scan, 0, '\\')) {
            const char *objection = escaped(scan, true);
            if (objection != NULL) {
                return objection;
            }
        } else if (at(scan, 0, '[') && at(scan, 1, ':') && one_of(scan, 2, "<>")) {
            return "a character class is not supported";
        } else if (at(scan, 0, '[') && at(scan, 1, ':')) {
            size_t n = 2;
            while (is_letter(scan, n) || at(scan, n, '^')) {
                n++;
            }
            skip(scan, at(scan, n, ':') && at(scan, n + 1, ']') ? n + 2 : 1);
        } else {
            skip(scan, 1);
        }
    }
    if (scan->rest.n == 0) {
        return "a bracket [ is not closed";
    }
    skip(scan, 1);
    item(scan, 1);
    return NULL;
}

/* ---- groups ---- */

static const char *group_begin(struct scan *scan)
{
    if (scan->depth == REGEX_NESTING_MAX) {
        return "groups are nested too deeply";
    }
    scan->depth++;
    scan->repeats[scan->depth] = 1;
    scan->repeat = 0;
    return NULL;
}

/* Length of P<name> or <name>; 0: neither. */
static size_t name_length(const struct scan *scan)
{
    size_t first = at(scan, 0, 'P') ? 2 : 1, n = first;
    while (at(scan, first - 1, '<') &&
           (is_letter(scan, n) || is_digit(scan, n) || at(scan, n, '_'))) {
        n++;
    }
    return n > first && at(scan, n, '>') ? n + 1 : 0;
}

/* Length of flags: i, m, s, U, and those taken away behind a minus. */
static size_t flags_length(const struct scan *scan)
{
    size_t n = 0;
    while (one_of(scan, n, "imsU")) {
        n++;
    }
    if (at(scan, n, '-') && one_of(scan, n + 1, "imsU")) {
        n += 2;
        while (one_of(scan, n, "imsU")) {
            n++;
        }
    }
    return n;
}

static const char *group(struct scan *scan)
{
    skip(scan, 1);
    if (at(scan, 0, '*')) {
        return "verbs are not supported";
    }
    if (!at(scan, 0, '?')) {
        return group_begin(scan);
    }
    skip(scan, 1);
    if (one_of(scan, 0, "=!") || (at(scan, 0, '<') && one_of(scan, 1, "=!"))) {
        return "lookaround is not supported";
    }
    if (at(scan, 0, '>')) {
        return "atomic groups are not supported";
    }
    size_t n = one_of(scan, 0, "P<") ? name_length(scan) : flags_length(scan);
    bool named = n > 0 && one_of(scan, 0, "P<");
    bool flags_only = !named && at(scan, n, ')');
    if (!named && !flags_only && !at(scan, n, ':')) {
        return "a kind of group is not supported";
    }
    skip(scan, named ? n : n + 1);
    if (flags_only) {
        scan->repeat = 0;
        return NULL;
    }
    return group_begin(scan);
}

static const char *group_end(struct scan *scan)
{
    skip(scan, 1);
    if (scan->depth == 0) {
        return "a parenthesis ) has no beginning";
    }
    uint32_t inner = scan->repeats[scan->depth--];
    item(scan, inner);
    return NULL;
}

/* ---- repetitions ---- */

/* Length of {n}, {n,} or {n,m}; 0: it is not one, and stands for itself. */
static size_t count_length(const struct scan *scan, uint32_t *ret_most, bool *ret_ordered)
{
    uint32_t bounds[2] = {0, 0};
    size_t n = 1;
    uint32_t which = 0;
    if (!at(scan, 0, '{') || !is_digit(scan, 1)) {
        return 0;
    }
    for (; is_digit(scan, n) || (at(scan, n, ',') && which == 0); n++) {
        if (at(scan, n, ',')) {
            which = 1;
        } else if (bounds[which] <= REPEAT_MAX) {
            bounds[which] = bounds[which] * 10 + (uint32_t)(scan->rest.p[n] - '0');
        }
    }
    bool open = which == 1 && n > 0 && scan->rest.p[n - 1] == ',';
    *ret_ordered = which == 0 || open || bounds[0] <= bounds[1];
    *ret_most = bounds[0] > bounds[1] ? bounds[0] : bounds[1];
    return at(scan, n, '}') ? n + 1 : 0;
}

static const char *repetition(struct scan *scan, size_t n, uint32_t most, bool ordered)
{
    if (scan->repeat == 0) {
        return "a repetition has nothing to repeat";
    }
    if (scan->counted) {
        return "possessive and doubled repetitions are not supported";
    }
    if (!ordered || most > REPEAT_MAX || (most > 1 && scan->repeat > REPEAT_MAX / most)) {
        return "a repetition counts too far";
    }
    skip(scan, n);
    item(scan, most > 1 ? scan->repeat * most : scan->repeat);
    if (at(scan, 0, '?')) {
        skip(scan, 1);
    }
    scan->counted = true;
    return NULL;
}

static const char *next(struct scan *scan)
{
    uint32_t most = 1;
    bool ordered = true;
    size_t n = one_of(scan, 0, "*+?") ? 1 : count_length(scan, &most, &ordered);
    if (n > 0) {
        return repetition(scan, n, most, ordered);
    }
    switch (scan->rest.p[0]) {
    case '\\': return escaped(scan, false);
    case '[': return class(scan);
    case '(': return group(scan);
    case ')': return group_end(scan);
    case '|':
        skip(scan, 1);
        scan->repeat = 0;
        return NULL;
    default:
        skip(scan, 1);
        item(scan, 1);
        return NULL;
    }
}

const char *regex_objection(struct slice pattern)
{
    struct scan scan = {.rest = pattern};
    if (pattern.n > REGEX_BYTES_MAX) {
        return "it is too long";
    }
    scan.repeats[0] = 1;
    while (scan.rest.n > 0) {
        const char *objection = next(&scan);
        if (objection != NULL) {
            return objection;
        }
    }
    return scan.depth > 0 ? "a parenthesis ( is not closed" : NULL;
}
