#include "cli/args.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/base/similar.h"

static err_t wrong(struct args *args, const char *fmt, ...) PRINTF_LIKE(2, 3);

static err_t wrong(struct args *args, const char *fmt, ...)
{
    va_list list;
    va_start(list, fmt);
    (void)vsnprintf(args->why, sizeof(args->why), fmt, list);
    va_end(list);
    assert(args->why[0] != '\0');
    return ERR_INVALID;
}

bool args_parse_number(const char *text, int64_t *ret_number)
{
    int64_t n = 0;
    bool negative = text[0] == '-';
    const char *at = text + negative;
    if (*at == '\0') {
        return false;
    }
    for (; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_sub_overflow(n, *at - '0',
                                   &n)) { /* counted down: the least number has no positive twin */
            return false;
        }
    }
    if (!negative && n == INT64_MIN) {
        return false;
    }
    *ret_number = negative ? n : -n;
    return true;
}

/* ---- finding names ---- */

static const char *nearest_option(const struct command *command, struct slice name)
{
    assert(command != NULL);
    uint32_t most = similar_most(name);
    const char *best = NULL;
    const struct option *option;
    for (size_t i = 0; (option = command_option(command, i)) != NULL; i++) {
        uint32_t d = similar_distance(name, slice_str(option->name), most);
        if (d < most) {
            most = d;
            best = option->name;
        }
    }
    return best;
}

static const char *nearest_command(struct slice name)
{
    uint32_t most = similar_most(name);
    const char *best = NULL;
    for (size_t i = 0; i < command_count; i++) {
        uint32_t d = similar_distance(name, slice_str(commands[i].name), most);
        if (d < most) {
            most = d;
            best = commands[i].name;
        }
    }
    return best;
}

static const struct option *option_named(const struct command *command, struct slice name)
{
    assert(name.p != NULL);
    const struct option *option;
    for (size_t i = 0; (option = command_option(command, i)) != NULL; i++) {
        if (slice_eq(slice_str(option->name), name)) {
            return option;
        }
    }
    return NULL;
}

static const struct option *option_lettered(const struct command *command, char letter)
{
    assert(letter != 0);
    const struct option *option;
    for (size_t i = 0; (option = command_option(command, i)) != NULL; i++) {
        if (option->letter == letter) {
            return option;
        }
    }
    return NULL;
}

/* ---- values ---- */

static bool word_allowed(const char *words, const char *word)
{
    assert(words != NULL && word != NULL);
    size_t n = strlen(word);
    for (const char *at = words; *at != '\0';) {
        size_t length = strcspn(at, "|");
        if (length == n && memcmp(at, word, n) == 0) {
            return true;
        }
        at += length + (at[length] == '|');
    }
    return false;
}

static err_t value_check(struct args *args, const struct option *option, const char *text,
                         int64_t *ret_number)
{
    assert(option->kind != OPTION_FLAG);
    if (option->kind == OPTION_WORD && !word_allowed(option->words, text)) {
        return wrong(args, "--%s %s: it is one of %s", option->name, text, option->words);
    }
    if (option->kind == OPTION_NUMBER && (!args_parse_number(text, ret_number) ||
                                          *ret_number < option->min || *ret_number > option->max)) {
        return wrong(args, "--%s %s: give a number from %lld to %lld", option->name, text,
                     (long long)option->min, (long long)option->max);
    }
    return OK;
}

static err_t value_add(struct args *args, const struct option *option, const char *text)
{
    int64_t number = 0;
    assert((text == NULL) == (option->kind == OPTION_FLAG));
    if (text != NULL) {
        TRY(value_check(args, option, text, &number));
    }
    if (args->value_count == ARGS_VALUES_MAX) {
        return wrong(args, "--%s: more than %d options are too many", option->name,
                     ARGS_VALUES_MAX);
    }
    args->values[args->value_count++] = (struct args_value){
        .option = option, .text = text, .number = number};
    return OK;
}

static err_t unknown_option(struct args *args, const char *word, struct slice name)
{
    assert(args->command != NULL);
    const char *near = nearest_option(args->command, name);
    if (near != NULL) {
        return wrong(args, "%s: there is no such option; did you mean --%s?", word, near);
    }
    return wrong(args, "%s: there is no such option; `odradek %s --help` lists them", word,
                 args->command->name);
}

/* --name, --name=value, --name value. */
static err_t long_option(struct args *args, int count, char *const *words, int *at)
{
    assert(*at < count && words[*at][0] == '-');
    const char *word = words[*at];
    const char *equals = strchr(word, '=');
    struct slice name = equals == NULL ? slice_str(word + 2)
                                       : slice_of(word + 2, (size_t)(equals - word - 2));
    const struct option *option = option_named(args->command, name);
    if (slice_eq(name, slice_str("help"))) {
        args->help = true;
        return OK;
    }
    if (option == NULL) {
        return unknown_option(args, word, name);
    }
    if (option->kind == OPTION_FLAG) {
        return equals != NULL ? wrong(args, "--%s takes no value", option->name)
                              : value_add(args, option, NULL);
    }
    if (equals != NULL) {
        return value_add(args, option, equals + 1);
    }
    if (*at + 1 == count) {
        return wrong(args, "--%s: its value is missing: --%s %s", option->name, option->name,
                     option->value);
    }
    return value_add(args, option, words[++*at]);
}

/* -x, -xy, -x value, -xvalue. */
static err_t short_options(struct args *args, int count, char *const *words, int *at)
{
    assert(*at < count && words[*at][0] == '-');
    const char *word = words[*at];
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        const struct option *option = option_lettered(args->command, *letter);
        if (option == NULL && *letter == 'h') {
            args->help = true;
            continue;
        }
        if (option == NULL) {
            return unknown_option(args, word, slice_str(word + 1));
        }
        if (option->kind == OPTION_FLAG) {
            TRY(value_add(args, option, NULL));
            continue;
        }
        if (letter[1] != '\0') {
            return value_add(args, option, letter + 1 + (letter[1] == '='));
        }
        if (*at + 1 == count) {
            return wrong(args, "-%c: its value is missing: -%c %s", *letter, *letter,
                         option->value);
        }
        return value_add(args, option, words[++*at]);
    }
    return OK;
}

static err_t words_check(struct args *args)
{
    assert(args->command->arguments_min <= args->command->arguments_max);
    const struct command *command = args->command;
    if (args->help) {
        return OK;
    }
    if (args->word_count < command->arguments_min) {
        return wrong(args, "%s: %s is missing; usage: odradek %s %s", command->name,
                     command->arguments, command->name, command->arguments);
    }
    if (args->word_count > command->arguments_max) {
        return wrong(args, "%s: one word too many: %s; usage: odradek %s %s", command->name,
                     args->words[command->arguments_max], command->name, command->arguments);
    }
    return OK;
}

static err_t parse_words(struct args *args, int count, char *const *words)
{
    bool ended = false;
    assert(args->command != NULL);
    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        if (!ended && strcmp(word, "--") == 0) {
            ended = true;
        } else if (!ended && word[0] == '-' && word[1] == '-') {
            TRY(long_option(args, count, words, &i));
        } else if (!ended && word[0] == '-' && word[1] != '\0') {
            TRY(short_options(args, count, words, &i));
        } else if (args->word_count == ARGS_WORDS_MAX) {
            return wrong(args, "more than %d names at once are too many", ARGS_WORDS_MAX);
        } else {
            args->words[args->word_count++] = word;
        }
    }
    return OK;
}

err_t args_parse_options(struct args *args, int count, char *const *words)
{
    TRY(parse_words(args, count, words));
    return words_check(args);
}

/* How many words in front of the command are common options with their values. */
static int leading_words(int count, char *const *words)
{
    int n = 0;
    while (n < count && words[n][0] == '-' && words[n][1] != '\0') {
        const char *name = words[n] + 1 + (words[n][1] == '-');
        bool lettered = words[n][1] != '-';
        size_t length = lettered ? 1 : strcspn(name, "=");
        const struct option *found = NULL;
        for (size_t i = 0; i < common_option_count; i++) {
            const struct option *o = &common_options[i];
            bool same = lettered ? o->letter == name[0]
                                 : slice_eq(slice_str(o->name), slice_of(name, length));
            found = same ? o : found;
        }
        if (found == NULL) {
            break;
        }
        n += found->kind != OPTION_FLAG && name[length] == '\0' ? 2 : 1;
    }
    return n < count ? n : count;
}

static err_t unknown_command(struct args *args, int count, char *const *words)
{
    assert(count > 0);
    char two[128];
    (void)snprintf(two, sizeof(two), "%s%s%s", words[0], count > 1 ? " " : "",
                   count > 1 ? words[1] : "");
    const char *near = nearest_command(slice_str(two));
    near = near == NULL ? nearest_command(slice_str(words[0])) : near;
    if (near != NULL) {
        return wrong(args, "%s: there is no such command; did you mean `odradek %s`?", words[0],
                     near);
    }
    return wrong(args, "%s: there is no such command; `odradek help` lists them", words[0]);
}

/* How many of the first words name the command; 0: none does. */
static int command_words(struct args *args, int count, char *const *words)
{
    assert(count > 0);
    char name[128];
    for (int n = count < 2 ? count : 2; n > 0; n--) {
        (void)snprintf(name, sizeof(name), "%s%s%s", words[0], n > 1 ? " " : "",
                       n > 1 ? words[1] : "");
        args->command = command_find(name);
        if (args->command != NULL) {
            return n;
        }
    }
    return 0;
}

/* "topics" alone, or with a word that is no command: what there is below it. */
static err_t group_of(struct args *args, int count, char *const *words)
{
    assert(count > 0 && args->command == NULL);
    char list[256] = "";
    size_t n = strlen(words[0]);
    size_t at = 0;
    for (size_t i = 0; i < command_count && at < sizeof(list); i++) {
        const char *name = commands[i].name;
        if (strncmp(name, words[0], n) == 0 && name[n] == ' ') {
            int more = snprintf(list + at, sizeof(list) - at, "%s%s", at == 0 ? "" : ", ",
                                name + n + 1);
            assert(more > 0);
            at += (size_t)more;
        }
    }
    if (at == 0 ||
        (count > 1 && words[1][0] != '-' && nearest_command(slice_str(words[1])) != NULL)) {
        return unknown_command(args, count, words);
    }
    if (count > 1 && strcmp(words[1], "--help") != 0 && strcmp(words[1], "-h") != 0 &&
        words[1][0] != '-') {
        char two[128];
        (void)snprintf(two, sizeof(two), "%s %s", words[0], words[1]);
        const char *near = nearest_command(slice_str(two));
        return wrong(args, "%s: there is no such command; %s%s%s%s has %s", two,
                     near == NULL ? "" : "did you mean `odradek ", near == NULL ? "" : near,
                     near == NULL ? "" : "`? ", words[0], list);
    }
    return wrong(args, "%s: say what to do: %s", words[0], list);
}

err_t args_parse(struct args *args, int count, char *const *words)
{
    assert(count >= 0);
    memset(args, 0, sizeof(*args));
    if (count == 0 || strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0) {
        args->help = true;
        return OK;
    }
    if (strcmp(words[0], "--version") == 0) {
        args->command = command_find("version");
        return args_parse_options(args, count - 1, words + 1);
    }
    int front = leading_words(count, words);
    char *const *rest = words + front;
    int left = count - front;
    int n = left == 0 ? 0 : command_words(args, left, rest);
    if (n == 0) {
        return left == 0 ? wrong(args, "say what to do; `odradek help` lists the commands")
                         : group_of(args, left, rest);
    }
    TRY(parse_words(args, front, words));
    return args_parse_options(args, left - n, rest + n);
}

/* ---- reading ---- */

static const struct args_value *last_value(const struct args *args, const char *name,
                                           const struct option **ret_option)
{
    const struct option *option = option_named(args->command, slice_str(name));
    assert(option != NULL); /* the command's table lacks it */
    *ret_option = option;
    for (uint32_t i = args->value_count; i > 0; i--) {
        if (args->values[i - 1].option == option) {
            return &args->values[i - 1];
        }
    }
    return NULL;
}

bool args_given(const struct args *args, const char *name)
{
    const struct option *option;
    return last_value(args, name, &option) != NULL;
}

bool args_flag(const struct args *args, const char *name)
{
    const struct option *option;
    bool given = last_value(args, name, &option) != NULL;
    assert(option->kind == OPTION_FLAG);
    return given;
}

const char *args_text(const struct args *args, const char *name)
{
    const struct option *option;
    const struct args_value *value = last_value(args, name, &option);
    assert(option->kind != OPTION_FLAG);
    return value != NULL ? value->text : option->fallback;
}

int64_t args_number(const struct args *args, const char *name, int64_t absent)
{
    const struct option *option;
    const struct args_value *value = last_value(args, name, &option);
    int64_t number = absent;
    assert(option->kind == OPTION_NUMBER);
    if (value != NULL) {
        return value->number;
    }
    bool good = option->fallback == NULL || args_parse_number(option->fallback, &number);
    assert(good);
    return number;
}

const char *args_next(const struct args *args, const char *name, uint32_t *at)
{
    assert(*at <= args->value_count);
    const struct option *option = option_named(args->command, slice_str(name));
    assert(option != NULL && option->many);
    while (*at < args->value_count) {
        const struct args_value *value = &args->values[(*at)++];
        if (value->option == option) {
            return value->text;
        }
    }
    return NULL;
}
