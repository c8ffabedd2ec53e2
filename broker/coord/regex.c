/* Expressions compiled and matched by pcre2, with every limit that it has. */
#include "broker/coord/regex.h"

#include <stdio.h>

#include "common/base/limits.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Backtracking: what an honest expression needs for a name of 249 characters is some hundreds. */
#define STEPS_MAX      20000
#define STEPS_HEAP_KIB 1024
/* The automaton: ints of its two lists of states, so about 800 states; one name costs some 100 ms at the worst. */
#define STATES_INTS    5000
/* So many names of one struct regex may need it. */
#define HARD_NAMES_MAX 32

struct regex {
    const struct memory_source *source;
    pcre2_general_context *general;
    pcre2_match_context *match;
    pcre2_match_data *data;
    pcre2_code *code;
    uint32_t hard_names;
    int states[STATES_INTS];
};

/* ---- memory: pcre2 gives back without telling how much ---- */

union piece {
    size_t bytes;
    uint8_t align[16];
};

static void *piece_take(size_t bytes, void *ctx)
{
    const struct memory_source *source = ctx;
    union piece *piece = source->take(source->ctx, bytes + sizeof(*piece));
    if (piece == NULL) {
        return NULL;
    }
    piece->bytes = bytes + sizeof(*piece);
    return piece + 1;
}

static void piece_give(void *p, void *ctx)
{
    const struct memory_source *source = ctx;
    if (p != NULL) {
        union piece *piece = (union piece *)p - 1;
        assert(piece->bytes >= sizeof(*piece));
        source->give(source->ctx, piece, piece->bytes);
    }
}

/* ---- compiling ---- */

static void fault_of(int number, size_t where, struct regex_fault *fault)
{
    uint8_t text[120];
    if (pcre2_get_error_message(number, text, sizeof(text)) < 0) {
        text[0] = 0;
    }
    snprintf(fault->text, sizeof(fault->text), "%s at index %zu", (const char *)text, where);
}

static err_t compile(struct regex *regex, struct slice pattern, struct regex_fault *fault)
{
    uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C |
                       PCRE2_NO_AUTO_CAPTURE | PCRE2_NO_AUTO_POSSESS;
    int number = 0;
    size_t where = 0;
    pcre2_compile_context *context = pcre2_compile_context_create(regex->general);
    ENSURE(context != NULL, ERR_NO_MEMORY);
    pcre2_set_max_pattern_length(context, REGEX_BYTES_MAX);
    pcre2_set_parens_nest_limit(context, REGEX_NESTING_MAX);
    regex->code = pcre2_compile(pattern.n > 0 ? pattern.p : (const uint8_t *)"", pattern.n, options,
                                &number, &where, context);
    pcre2_compile_context_free(context);
    if (regex->code != NULL) {
        return OK;
    }
    fault_of(number, where, fault);
    return number == PCRE2_ERROR_NOMEMORY || number == PCRE2_ERROR_HEAP_FAILED ? ERR_NO_MEMORY
                                                                               : ERR_INVALID;
}

static err_t open_parts(struct regex *regex, struct slice pattern, struct regex_fault *fault)
{
    regex->general = pcre2_general_context_create(piece_take, piece_give, (void *)regex->source);
    ENSURE(regex->general != NULL, ERR_NO_MEMORY);
    regex->match = pcre2_match_context_create(regex->general);
    regex->data = pcre2_match_data_create(1, regex->general);
    ENSURE(regex->match != NULL && regex->data != NULL, ERR_NO_MEMORY);
    pcre2_set_match_limit(regex->match, STEPS_MAX);
    pcre2_set_depth_limit(regex->match, STEPS_MAX);
    pcre2_set_heap_limit(regex->match, STEPS_HEAP_KIB);
    return compile(regex, pattern, fault);
}

err_t regex_open(const struct memory_source *source, struct slice pattern, struct regex **ret_regex,
                 struct regex_fault *ret_fault)
{
    const char *objection = regex_objection(pattern);
    ret_fault->text[0] = 0;
    if (objection != NULL) {
        snprintf(ret_fault->text, sizeof(ret_fault->text), "%s", objection);
        return ERR_INVALID;
    }
    struct regex *regex = source->take(source->ctx, sizeof(*regex));
    ENSURE(regex != NULL, ERR_NO_MEMORY);
    memset(regex, 0, sizeof(*regex));
    regex->source = source;
    err_t err = open_parts(regex, pattern, ret_fault);
    if (err != OK) {
        regex_close(regex);
        return err;
    }
    assert(regex->code != NULL && regex->hard_names == 0);
    *ret_regex = regex;
    return OK;
}

void regex_close(struct regex *regex)
{
    const struct memory_source *source = regex->source;
    pcre2_code_free(regex->code);
    pcre2_match_data_free(regex->data);
    pcre2_match_context_free(regex->match);
    pcre2_general_context_free(regex->general);
    source->give(source->ctx, regex, sizeof(*regex));
}

/* ---- matching ---- */

/* All ways at once. pcre2's automaton tells the longest match; whether it is the whole name is ours to see. */
static int match_hard(struct regex *regex, struct slice name)
{
    int found = pcre2_dfa_match(regex->code, name.p, name.n, 0, PCRE2_ANCHORED, regex->data,
                                regex->match, regex->states, STATES_INTS);
    bool whole = found >= 0 && pcre2_get_ovector_pointer(regex->data)[1] == name.n;
    return found < 0 || whole ? found : PCRE2_ERROR_NOMATCH;
}

err_t regex_matches(struct regex *regex, struct slice name, bool *ret_matches)
{
    struct slice text = name.n > 0 ? name : slice_of("", 0);
    assert(regex->code != NULL);
    *ret_matches = false;
    int found = pcre2_match(regex->code, text.p, text.n, 0, PCRE2_ANCHORED | PCRE2_ENDANCHORED,
                            regex->data, regex->match);
    bool spent = found == PCRE2_ERROR_MATCHLIMIT || found == PCRE2_ERROR_DEPTHLIMIT ||
                 found == PCRE2_ERROR_HEAPLIMIT;
    if (spent) {
        ENSURE(regex->hard_names < HARD_NAMES_MAX, ERR_LIMIT);
        regex->hard_names++;
        found = match_hard(regex, text);
    }
    ENSURE(found != PCRE2_ERROR_NOMEMORY, ERR_NO_MEMORY);
    /* Bytes that are not UTF-8 are no topic's name. */
    bool no = found == PCRE2_ERROR_NOMATCH ||
              (found <= PCRE2_ERROR_UTF8_ERR1 && found >= PCRE2_ERROR_UTF8_ERR21);
    ENSURE(found >= 0 || no, ERR_LIMIT);
    *ret_matches = !no;
    return OK;
}

err_t regex_check(const struct memory_source *source, struct slice pattern,
                  struct regex_fault *ret_fault)
{
    struct regex *regex;
    TRY(regex_open(source, pattern, &regex, ret_fault));
    regex_close(regex);
    return OK;
}

err_t regex_select(const struct memory_source *source, struct slice pattern,
                   const struct slice *names, uint32_t count, uint32_t *ret_indexes,
                   uint32_t *ret_count, struct regex_fault *ret_fault)
{
    struct regex *regex;
    *ret_count = 0;
    TRY(regex_open(source, pattern, &regex, ret_fault));
    err_t err = OK;
    for (uint32_t i = 0; err == OK && i < count; i++) {
        bool matches = false;
        err = regex_matches(regex, names[i], &matches);
        if (matches) {
            ret_indexes[(*ret_count)++] = i;
        }
    }
    regex_close(regex);
    if (err == ERR_LIMIT) {
        snprintf(ret_fault->text, sizeof(ret_fault->text), "it takes too much work to match");
    }
    if (err != OK) {
        *ret_count = 0;
    }
    return err;
}
