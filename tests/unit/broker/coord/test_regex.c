/* Subscriptions by regular expression: RE2's syntax and no other, whole names, and a bounded cost whatever is asked. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "broker/coord/regex.h"
#include "common/base/limits.h"
#include "common/base/prng.h"

static void *take(void *ctx, size_t bytes)
{
    size_t *left = ctx;
    if (left != NULL && *left < bytes) {
        return NULL;
    }
    if (left != NULL) {
        *left -= bytes;
    }
    return malloc(bytes);
}

static void give(void *ctx, void *p, size_t bytes)
{
    size_t *left = ctx;
    if (left != NULL) {
        *left += bytes;
    }
    free(p);
}

static const struct memory_source source = {.take = take, .give = give};

static err_t ask(const char *pattern, const char *name, bool *ret_matches)
{
    struct regex *regex;
    struct regex_fault fault;
    TRY(regex_open(&source, slice_str(pattern), &regex, &fault));
    err_t err = regex_matches(regex, slice_str(name), ret_matches);
    regex_close(regex);
    return err;
}

static bool matches(const char *pattern, const char *name)
{
    bool yes = false;
    cr_assert_eq(ask(pattern, name, &yes), OK, "%s", pattern);
    return yes;
}

static void refused(const char *pattern, const char *why)
{
    struct regex_fault fault;
    cr_assert_eq(regex_check(&source, slice_str(pattern), &fault), ERR_INVALID, "%s", pattern);
    cr_assert(strstr(fault.text, why) != NULL, "%s: %s", pattern, fault.text);
}

Test(regex, whole_names)
{
    cr_assert(matches("orders", "orders"));
    cr_assert_not(matches("orders", "orders2"));
    cr_assert_not(matches("orders", "my-orders"));
    cr_assert(matches("orders.*", "orders-eu"));
    cr_assert(matches("a|ab", "ab")); /* the longer way is found though the shorter comes first */
    cr_assert(matches("a*?", "aaa"));
    cr_assert(matches("^x$", "x"));
    cr_assert_not(matches("", "x"));
    cr_assert_not(matches("x$", "x\n"));
}

Test(regex, what_re2_knows)
{
    cr_assert(matches("(?i)ORDERS", "orders"));
    cr_assert(matches("(?i:O)rders", "orders"));
    cr_assert(matches("(?s-i).x", "ax"));
    cr_assert(matches("(?P<region>eu|us)-(?<n>\\d+)", "eu-12"));
    cr_assert(matches("[[:alpha:]_]+[^a-z]", "ab_9"));
    cr_assert(matches("[]a]+", "a]"));
    cr_assert(matches("\\Qa.b\\E+", "a.bb"));
    cr_assert(matches("\\Qa.b", "a.b"));
    cr_assert_not(matches("\\Qa.b\\E", "axb"));
    cr_assert(matches("a\\.b\\-c\\_", "a.b-c_"));
    cr_assert(matches("\\x61\\x{62}\\pL\\p{Ll}", "abcd"));
    cr_assert(matches("a{2,3}b{2}c{1,}", "aabbc"));
    cr_assert(matches("a{,2}", "a{,2}")); /* not a repetition */
    cr_assert(matches("\\Atopic\\z", "topic"));
    cr_assert(matches("\\btopic\\b", "topic"));
    cr_assert(matches("(a+)?(b+?)*", "aabb"));
    cr_assert(matches("(?:a{10}){100}|b", "b"));
}

Test(regex, what_re2_lacks)
{
    refused("(a)\\1", "backreferences");
    refused("(a)\\k<1>", "escape");
    refused("(a)\\g1", "escape");
    refused("(?P<n>a)(?P=n)", "group");
    refused("(?=a)b", "lookaround");
    refused("(?!a)b", "lookaround");
    refused("(?<=a)b", "lookaround");
    refused("(?<!a)b", "lookaround");
    refused("(?>a+)b", "atomic");
    refused("a++", "possessive");
    refused("a*+", "possessive");
    refused("a?+", "possessive");
    refused("a{2}+", "possessive");
    refused("a**", "doubled");
    refused("a{2}{3}", "doubled");
    refused("(?(1)a|b)", "group");
    refused("a(?R)?", "group");
    refused("a(?1)", "group");
    refused("(?#comment)a", "group");
    refused("(?|a|b)", "group");
    refused("(?x) a", "group");
    refused("(?C1)a", "group");
    refused("(?P>n)", "group");
    refused("(*UTF8)a", "verbs");
    refused("(*ACCEPT)", "verbs");
    refused("a\\Z", "escape");
    refused("\\Ka", "escape");
    refused("\\Ga", "escape");
    refused("\\R", "escape");
    refused("\\X", "escape");
    refused("\\C", "escape");
    refused("\\h", "escape");
    refused("\\cA", "escape");
    refused("[\\b]", "escape");
    refused("[\\Qa\\E]", "escape");
    refused("[[:<:]]a", "class");
    refused("a{1001}", "too far");
    refused("(a{100}){11}", "too far");
    refused("((a{10}){10}b){11}", "too far");
    refused("a{3,2}", "too far");
}

Test(regex, what_nobody_knows)
{
    refused("(", "not closed");
    refused("a)", "no beginning");
    refused("[a", "not closed");
    refused("[b-a]", "range");
    refused("*a", "nothing");
    refused("a|*", "nothing");
    refused("(+a)", "nothing");
    refused("a\\", "backslash");
    refused("\\x{zz}", "escape");
    refused("\\x1", "escape");
    refused("\\p{", "escape");
    refused("\\p{Nosuch}", "index");
    refused("[[:nosuch:]]", "index");
    refused("(?P<n>a)(?P<n>b)", "index");
    refused("\xff", "UTF-8");
    char *deep = calloc(1, 1024);
    cr_assert_not_null(deep);
    memset(deep, '(', REGEX_NESTING_MAX + 1);
    memset(deep + REGEX_NESTING_MAX + 1, ')', REGEX_NESTING_MAX + 1);
    refused(deep, "deeply");
    free(deep);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What makes a backtracking matcher take forever is answered, and rightly, as RE2 would. */
Test(regex, what_explodes_elsewhere_is_answered)
{
    static const char *const bad[] = {"(a+)+",     "(a|aa)+",    "(a*)*",          "(a|a?)+b?",
                                      "(.*a){12}", "(a?){60}a*", "([a-z]+)*[a-z]", "(x+x+)+|a*"};
    char name[TOPIC_NAME_MAX + 1], other[TOPIC_NAME_MAX + 1];
    memset(name, 'a', TOPIC_NAME_MAX);
    name[TOPIC_NAME_MAX] = 0;
    memcpy(other, name, sizeof(name));
    other[TOPIC_NAME_MAX - 1] = '!';
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        double begin = seconds();
        cr_assert(matches(bad[i], name), "%s", bad[i]);
        cr_assert_not(matches(bad[i], other), "%s", bad[i]);
        fprintf(stderr, "%s: %.1f ms\n", bad[i], (seconds() - begin) * 1e3);
    }
}

/* What even the automaton cannot hold is given up. */
Test(regex, what_is_too_much_is_given_up)
{
    enum { NAMES = 2000 };
    struct slice *names = calloc(NAMES, sizeof(*names));
    uint32_t *found = calloc(NAMES, sizeof(*found)), count;
    char name[TOPIC_NAME_MAX + 1];
    struct regex_fault fault;
    memset(name, 'a', TOPIC_NAME_MAX);
    name[TOPIC_NAME_MAX - 1] = '!';
    for (uint32_t i = 0; i < NAMES; i++) {
        names[i] = slice_of(name, TOPIC_NAME_MAX);
    }
    double begin = seconds();
    cr_assert_eq(regex_select(&source, slice_str("((a?){30}(a?){20}a*){15}"), names, NAMES, found,
                              &count, &fault),
                 ERR_LIMIT);
    cr_assert_eq(count, 0);
    cr_assert(strstr(fault.text, "too much") != NULL);
    cr_assert_eq(regex_select(&source, slice_str("(a|aa)+"), names, NAMES, found, &count, &fault),
                 ERR_LIMIT);
    double took = seconds() - begin;
    fprintf(stderr, "given up after %.0f ms\n", took * 1e3);
    free(names);
    free(found);
}

Test(regex, selects_among_names)
{
    static const char *const topics[] = {"orders-eu", "orders-us", "payments", "", "orders-"};
    struct slice names[5];
    uint32_t found[5], count;
    struct regex_fault fault;
    for (uint32_t i = 0; i < 5; i++) {
        names[i] = slice_str(topics[i]);
    }
    cr_assert_eq(
        regex_select(&source, slice_str("orders-(eu|us)|pay.+"), names, 5, found, &count, &fault),
        OK);
    cr_assert(count == 3 && found[0] == 0 && found[1] == 1 && found[2] == 2);
    cr_assert_eq(regex_select(&source, slice_str("(?=o)"), names, 5, found, &count, &fault),
                 ERR_INVALID);
    cr_assert_eq(count, 0);
}

/* A thousand topics named one by one: the work of an honest client. */
Test(regex, a_list_of_names)
{
    char *pattern = calloc(1, 64 * 1024);
    size_t n = 0;
    cr_assert_not_null(pattern);
    for (int i = 0; i < 1000; i++) {
        n += (size_t)snprintf(pattern + n, 64, "%sdev\\.orders\\.topic%d", i == 0 ? "" : "|", i);
    }
    cr_assert(matches(pattern, "dev.orders.topic999"));
    cr_assert_not(matches(pattern, "dev.orders.topic1000"));
    memset(pattern, 'a', 64 * 1024 - 1);
    refused("a{1000}b{1000}(c{1000}d{1000}){2}", "too far");
    free(pattern);
}

Test(regex, too_long)
{
    char *pattern = malloc(REGEX_BYTES_MAX + 2);
    cr_assert_not_null(pattern);
    memset(pattern, 'a', REGEX_BYTES_MAX + 1);
    pattern[REGEX_BYTES_MAX + 1] = 0;
    refused(pattern, "too long");
    free(pattern);
}

/* Anything at all is either taken or refused, and out of memory is told as that and leaks nothing. */
Test(regex, anything_at_all)
{
    static const char alphabet[] = "ab|()[]{}?*+^$\\.:<>=!PQE-,0129\xc3\xa9";
    struct prng prng;
    uint32_t taken = 0;
    prng_init(&prng, 11);
    for (uint32_t i = 0; i < 20000; i++) {
        char pattern[24];
        struct regex_fault fault;
        size_t n = prng_below(&prng, sizeof(pattern)), left = prng_below(&prng, 6000), had = left;
        const struct memory_source small = {.take = take, .give = give, .ctx = &left};
        for (size_t k = 0; k < n; k++) {
            pattern[k] = alphabet[prng_below(&prng, sizeof(alphabet) - 1)];
        }
        err_t err = regex_check(&source, slice_of(pattern, n), &fault);
        cr_assert(err == OK || (err == ERR_INVALID && fault.text[0] != 0));
        taken += err == OK;
        err_t again = regex_check(&small, slice_of(pattern, n), &fault);
        cr_assert(again == err || again == ERR_NO_MEMORY);
        cr_assert_eq(left, had);
    }
    cr_assert_gt(taken, 1000u);
}
