#include "common/log/text.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

bool text_line(struct slice *text, struct slice *ret_line)
{
    assert(text != NULL && ret_line != NULL);
    if (text->n == 0) {
        return false;
    }
    const uint8_t *end = memchr(text->p, '\n', text->n);
    size_t n = end == NULL ? text->n : (size_t)(end - text->p);
    size_t eaten = end == NULL ? n : n + 1;
    assert(eaten <= text->n);
    *ret_line = slice_of(text->p, n > 0 && text->p[n - 1] == '\r' ? n - 1 : n);
    *text = slice_of(text->p + eaten, text->n - eaten);
    return true;
}

bool text_word(struct slice *line, struct slice *ret_word)
{
    assert(line != NULL && ret_word != NULL);
    size_t from = 0;
    while (from < line->n && is_blank(line->p[from])) {
        from++;
    }
    size_t to = from;
    while (to < line->n && !is_blank(line->p[to])) {
        to++;
    }
    assert(from <= to && to <= line->n);
    if (to == from) {
        return false;
    }
    *ret_word = slice_of(line->p + from, to - from);
    *line = slice_of(line->p + to, line->n - to);
    return true;
}

struct slice text_trim(struct slice s)
{
    while (s.n > 0 && is_blank(s.p[0])) {
        s = slice_of(s.p + 1, s.n - 1);
    }
    while (s.n > 0 && is_blank(s.p[s.n - 1])) {
        s.n--;
    }
    return s;
}

err_t text_number(struct slice word, int64_t low, int64_t high, int64_t *ret_number)
{
    assert(low <= high && ret_number != NULL);
    bool minus = word.n > 0 && word.p[0] == '-';
    size_t first = word.n > 0 && (minus || word.p[0] == '+') ? 1 : 0;
    ENSURE(word.n > first, ERR_MALFORMED);
    int64_t value = 0; /* counted downwards: INT64_MIN has no positive twin */
    for (size_t i = first; i < word.n; i++) {
        ENSURE(word.p[i] >= '0' && word.p[i] <= '9', ERR_MALFORMED);
        ENSURE(!__builtin_mul_overflow(value, 10, &value), ERR_MALFORMED);
        ENSURE(!__builtin_sub_overflow(value, word.p[i] - '0', &value), ERR_MALFORMED);
    }
    ENSURE(minus || value != INT64_MIN, ERR_MALFORMED);
    value = minus ? value : -value;
    ENSURE(value >= low && value <= high, ERR_MALFORMED);
    *ret_number = value;
    return OK;
}

err_t text_number_line(struct slice *text, int64_t low, int64_t high, int64_t *ret_number)
{
    struct slice line;
    ENSURE(text_line(text, &line), ERR_MALFORMED);
    return text_number(text_trim(line), low, high, ret_number);
}
