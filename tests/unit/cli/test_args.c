/* The parser, against the real table. */
#include <criterion/criterion.h>

#include "cli/args.h"

static struct args args;

#define PARSE(...) \
    args_parse(&args, (int)ARRAY_LEN(((char *const[]){__VA_ARGS__})), (char *const[]){__VA_ARGS__})

Test(args, options_stand_anywhere_in_every_form)
{
    cr_assert_eq(PARSE("-b", "h:1", "topics", "create", "a", "-p3", "--replicas=2", "--set", "x=1",
                       "b", "-s", "y=2", "--json", "--", "-c"),
                 OK, "%s", args.why);
    cr_assert_str_eq(args.command->name, "topics create");
    cr_assert_eq(args.word_count, 3);
    cr_assert_str_eq(args.words[2], "-c");
    cr_assert_eq(args_number(&args, "partitions", 0), 3);
    cr_assert_eq(args_number(&args, "replicas", 0), 2);
    cr_assert_str_eq(args_text(&args, "bootstrap-server"), "h:1");
    cr_assert(args_flag(&args, "json"));
    cr_assert(!args_flag(&args, "dry-run"));
    uint32_t at = 0;
    cr_assert_str_eq(args_next(&args, "set", &at), "x=1");
    cr_assert_str_eq(args_next(&args, "set", &at), "y=2");
    cr_assert_null(args_next(&args, "set", &at));
}

Test(args, flags_of_one_letter_go_together)
{
    cr_assert_eq(PARSE("topics", "list", "-nij"), OK, "%s", args.why);
    cr_assert(args_flag(&args, "names") && args_flag(&args, "internal") &&
              args_flag(&args, "json"));
    cr_assert_eq(PARSE("produce", "t", "-kz", "zstd"), OK, "%s", args.why);
    cr_assert_str_eq(args_text(&args, "compression"), "zstd");
}

Test(args, fallbacks_and_the_last_value_count)
{
    cr_assert_eq(PARSE("topics", "list", "--timeout", "3", "--timeout", "4"), OK);
    cr_assert_eq(args_number(&args, "timeout", 0), 4);
    cr_assert(args_given(&args, "timeout"));
    cr_assert_eq(PARSE("consume", "t"), OK);
    cr_assert_eq(args_number(&args, "timeout", 0), 10);
    cr_assert_str_eq(args_text(&args, "from"), "beginning");
    cr_assert_eq(args_number(&args, "count", 77), 77);
    cr_assert(!args_given(&args, "timeout"));
}

static void wrong(err_t err, const char *needle)
{
    cr_assert_eq(err, ERR_INVALID);
    cr_assert_not_null(strstr(args.why, needle), "'%s' lacks '%s'", args.why, needle);
}

Test(args, what_is_wrong_names_the_nearest)
{
    wrong(PARSE("topics", "create", "t", "--partition", "3"), "--partitions");
    wrong(PARSE("topics", "creat", "t"), "topics create");
    wrong(PARSE("topcis", "list"), "topics list");
    wrong(PARSE("prodce"), "produce");
    wrong(PARSE("topics"), "list, create");
    wrong(PARSE("topics", "zzzzzzzz"), "list, create");
    wrong(PARSE("zzzzzzzz"), "odradek help");
    wrong(PARSE("topics", "list", "--zzzzzzzz"), "--help");
    wrong(PARSE("-b", "x"), "say what to do");
}

Test(args, values_are_checked)
{
    wrong(PARSE("topics", "create", "t", "-p", "0"), "from 1 to");
    wrong(PARSE("topics", "create", "t", "-p", "x"), "number");
    wrong(PARSE("topics", "create", "t", "-p", "99999999999999999999"), "number");
    wrong(PARSE("topics", "create", "t", "-p"), "missing");
    wrong(PARSE("topics", "create", "t", "--partitions"), "missing");
    wrong(PARSE("topics", "list", "--json=yes"), "no value");
    wrong(PARSE("produce", "t", "--acks", "al"), "all|1|0");
    wrong(PARSE("produce", "t", "--acks", ""), "all|1|0");
    wrong(PARSE("produce"), "TOPIC");
    wrong(PARSE("produce", "a", "b"), "one word too many");
}

Test(args, help_needs_nothing_else)
{
    cr_assert_eq(PARSE("produce", "--help"), OK);
    cr_assert(args.help && strcmp(args.command->name, "produce") == 0);
    cr_assert_eq(PARSE("--help"), OK);
    cr_assert(args.help && args.command == NULL);
    cr_assert_eq(args_parse(&args, 0, NULL), OK);
    cr_assert(args.help);
    cr_assert_eq(PARSE("--version"), OK);
    cr_assert_str_eq(args.command->name, "version");
}

Test(args, numbers)
{
    int64_t n = 0;
    cr_assert(args_parse_number("-9223372036854775808", &n) && n == INT64_MIN);
    cr_assert(args_parse_number("9223372036854775807", &n) && n == INT64_MAX);
    cr_assert(!args_parse_number("9223372036854775808", &n));
    cr_assert(!args_parse_number("-9223372036854775809", &n));
    cr_assert(!args_parse_number("", &n) && !args_parse_number("-", &n) &&
              !args_parse_number("1 ", &n));
}

Test(args, too_many_are_refused)
{
    static char *many[ARGS_WORDS_MAX + 4];
    many[0] = "topics";
    many[1] = "create";
    for (size_t i = 2; i < ARRAY_LEN(many); i++) {
        many[i] = "t";
    }
    wrong(args_parse(&args, (int)ARRAY_LEN(many), many), "too many");
}
