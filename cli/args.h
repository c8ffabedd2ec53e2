/*
 * The words of a command line, read against the command table: options anywhere, --name value, --name=value, -x value, -xvalue,
 * flags of one letter together (-nk), -- ends the options. Everything is borrowed from argv and the table; nothing is printed
 * here: what is wrong becomes a sentence with the next step, and the nearest known name where one is near.
 */
#ifndef ODRADEK_CLI_ARGS_H
#define ODRADEK_CLI_ARGS_H

#include "cli/command.h"
#include "common/base/err.h"

#define ARGS_VALUES_MAX 512
#define ARGS_WORDS_MAX  1024
#define ARGS_WHY_BYTES  512

struct args_value {
    const struct option *option;
    const char *text; /* NULL: a flag */
    int64_t number;   /* OPTION_NUMBER */
};

struct args {
    const struct command *command; /* NULL: none named */
    bool help;                     /* --help was among the words */
    struct args_value values[ARGS_VALUES_MAX];
    uint32_t value_count;
    const char *words[ARGS_WORDS_MAX]; /* what is no option */
    uint32_t word_count;
    char why[ARGS_WHY_BYTES];
};

/* words: argv behind the program's name. ERR_INVALID: why says what is wrong; command is set as far as it is known. */
err_t args_parse(struct args *, int count, char *const *words) MUST_USE;
/* The options of one command that is known already. */
err_t args_parse_options(struct args *, int count, char *const *words) MUST_USE;

/* By the option's name, which the command has (asserted). Text: the last one given, else the fallback, else NULL. */
bool args_flag(const struct args *, const char *name);
const char *args_text(const struct args *, const char *name);
bool args_given(const struct args *, const char *name);
/* The number, or `absent` where neither a value nor a fallback is there. */
int64_t args_number(const struct args *, const char *name, int64_t absent);
/* The values of an option that may be given several times: start with *at = 0; NULL behind the last. */
const char *args_next(const struct args *, const char *name, uint32_t *at);

/* A decimal number and nothing else. */
bool args_parse_number(const char *text, int64_t *ret_number) MUST_USE;

#endif
