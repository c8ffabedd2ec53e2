#include "cli/manual.h"

#include <ctype.h>

#include "cli/cli.h"
#include "cli/version.h"

/* "-b, --bootstrap-server HOST:PORT,..." */
static int option_title(char *out, size_t room, const struct option *o)
{
    assert(o->name != NULL && (o->kind == OPTION_FLAG) == (o->value == NULL));
    char letter[8] = "    ";
    if (o->letter != 0) {
        (void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
    }
    return snprintf(out, room, "%s--%s%s%s", letter, o->name, o->value == NULL ? "" : " ",
                    o->value == NULL ? "" : o->value);
}

static void option_sentence(char *out, size_t room, const struct option *o)
{
    assert(o->help != NULL && (o->kind == OPTION_WORD) == (o->words != NULL));
    char more[160] = "";
    if (o->kind == OPTION_WORD) {
        (void)snprintf(more, sizeof(more), " One of %s.", o->words);
    }
    size_t n = strlen(more);
    if (o->fallback != NULL) {
        (void)snprintf(more + n, sizeof(more) - n, " Default: %s.", o->fallback);
        n = strlen(more);
    }
    if (o->many) {
        (void)snprintf(more + n, sizeof(more) - n, " May be given several times.");
    }
    (void)snprintf(out, room, "%s%s", o->help, more);
}

static void print_option(FILE *to, const struct option *o)
{
    char title[80];
    char sentence[400];
    (void)option_title(title, sizeof(title), o);
    option_sentence(sentence, sizeof(sentence), o);
    (void)fprintf(to, "  %-34s  %s\n", title, sentence);
}

static void help_command(FILE *to, const struct command *c)
{
    assert(c->name != NULL && c->run != NULL);
    (void)fprintf(to, "odradek %s: %s\n\nusage: odradek %s%s%s [options]\n", c->name, c->purpose,
                  c->name, c->arguments[0] == '\0' ? "" : " ", c->arguments);
    if (c->text != NULL) {
        (void)fprintf(to, "\n%s\n", c->text);
    }
    if (c->options[0].name != NULL) {
        (void)fputs("\n", to);
    }
    for (size_t i = 0; i < COMMAND_OPTIONS_MAX && c->options[i].name != NULL; i++) {
        print_option(to, &c->options[i]);
    }
    if (!c->offline) {
        (void)fputs("\nevery command that asks a cluster:\n", to);
        for (size_t i = 0; i < common_option_count; i++) {
            print_option(to, &common_options[i]);
        }
    }
    for (size_t i = 0; i < COMMAND_EXAMPLES_MAX && c->examples[i].line != NULL; i++) {
        (void)fprintf(to, "%s  %s\n      %s\n", i == 0 ? "\nexamples:\n" : "", c->examples[i].line,
                      c->examples[i].what);
    }
}

void manual_help(FILE *to, const struct command *command)
{
    if (command != NULL) {
        help_command(to, command);
        return;
    }
    (void)fputs(
        "odradek: asks, fills, reads and examines a cluster\n\nusage: odradek COMMAND [words] "
        "[options]\n\n",
        to);
    for (size_t i = 0; i < command_count; i++) {
        (void)fprintf(to, "  %-16s  %s\n", commands[i].name, commands[i].purpose);
    }
    (void)fputs("\nevery command that asks a cluster:\n", to);
    for (size_t i = 0; i < common_option_count; i++) {
        print_option(to, &common_options[i]);
    }
    (void)fputs("\nexit codes:\n", to);
    for (size_t i = 0; i < exit_meaning_count; i++) {
        (void)fprintf(to, "  %d  %s\n", exit_meanings[i].code, exit_meanings[i].meaning);
    }
    (void)fputs("\n`odradek help COMMAND` says more, `odradek man | man -l -` says all.\n", to);
}

/* ---- man ---- */

/* Text for roff: no line begins with a control character, backslashes and dashes are themselves. */
static void roff(FILE *to, const char *text)
{
    assert(text != NULL);
    bool line = true;
    for (; *text != '\0'; text++) {
        if (line && (*text == '.' || *text == '\'')) {
            (void)fputs("\\&", to);
        }
        if (*text == '\\' || *text == '-') {
            (void)fputs(*text == '\\' ? "\\e" : "\\-", to);
        } else {
            (void)fputc(*text, to);
        }
        line = *text == '\n';
    }
}

static void man_option(FILE *to, const struct option *o)
{
    char title[80];
    char sentence[400];
    (void)option_title(title, sizeof(title), o);
    option_sentence(sentence, sizeof(sentence), o);
    (void)fputs(".TP\n.B ", to);
    roff(to, title + strspn(title, " "));
    (void)fputs("\n", to);
    roff(to, sentence);
    (void)fputs("\n", to);
}

static void man_command(FILE *to, const struct command *c)
{
    assert(c->purpose[0] != '\0');
    (void)fputs(".SS \"odradek ", to);
    roff(to, c->name);
    (void)fprintf(to, "%s%s\"\n", c->arguments[0] == '\0' ? "" : " ", c->arguments);
    char first[2] = {(char)toupper((unsigned char)c->purpose[0]), '\0'};
    roff(to, first);
    roff(to, c->purpose + 1);
    (void)fputs(".\n", to);
    if (c->text != NULL) {
        (void)fputs(".PP\n", to);
        roff(to, c->text);
        (void)fputs("\n", to);
    }
    for (size_t i = 0; i < COMMAND_OPTIONS_MAX && c->options[i].name != NULL; i++) {
        man_option(to, &c->options[i]);
    }
    for (size_t i = 0; i < COMMAND_EXAMPLES_MAX && c->examples[i].line != NULL; i++) {
        (void)fputs(".PP\n", to);
        roff(to, c->examples[i].what);
        (void)fputs(":\n.PP\n.nf\n    ", to);
        roff(to, c->examples[i].line);
        (void)fputs("\n.fi\n", to);
    }
}

void manual_man(FILE *to)
{
    (void)fprintf(to, ".TH ODRADEK 1 \"\" \"odradek %s\" \"Odradek\"\n", ODRADEK_VERSION);
    (void)fputs(".SH NAME\nodradek \\- asks, fills, reads and examines a cluster\n"
                ".SH SYNOPSIS\n.B odradek\n.I COMMAND\n[words] [options]\n.SH COMMANDS\n",
                to);
    for (size_t i = 0; i < command_count; i++) {
        man_command(to, &commands[i]);
    }
    (void)fputs(".SH COMMON OPTIONS\nOf every command that asks a cluster.\n", to);
    for (size_t i = 0; i < common_option_count; i++) {
        man_option(to, &common_options[i]);
    }
    (void)fputs(".SH EXIT STATUS\n", to);
    for (size_t i = 0; i < exit_meaning_count; i++) {
        (void)fprintf(to, ".TP\n.B %d\n", exit_meanings[i].code);
        roff(to, exit_meanings[i].meaning);
        (void)fputs("\n", to);
    }
    (void)fputs(".SH ENVIRONMENT\n.TP\n.B ODRADEK_BOOTSTRAP\nThe brokers to ask where "
                "\\-\\-bootstrap\\-server is not given.\n",
                to);
}

/* ---- docs/CLI.md ---- */

static void markdown_options(FILE *to, const struct option *options, size_t count)
{
    assert(options != NULL && count <= COMMAND_OPTIONS_MAX);
    char title[80];
    char sentence[400];
    (void)fputs("\n| option | |\n|---|---|\n", to);
    for (size_t i = 0; i < count; i++) {
        (void)option_title(title, sizeof(title), &options[i]);
        option_sentence(sentence, sizeof(sentence), &options[i]);
        (void)fprintf(to, "| `%s` | ", title + strspn(title, " "));
        for (const char *c = sentence; *c != '\0'; c++) {
            (void)fprintf(to, *c == '|' ? "\\%c" : "%c", *c);
        }
        (void)fputs(" |\n", to);
    }
}

static void markdown_command(FILE *to, const struct command *c)
{
    size_t count = 0;
    (void)fprintf(to, "\n## odradek %s\n\n`odradek %s%s%s`: %s.\n", c->name, c->name,
                  c->arguments[0] == '\0' ? "" : " ", c->arguments, c->purpose);
    if (c->text != NULL) {
        (void)fprintf(to, "\n%s\n", c->text);
    }
    while (count < COMMAND_OPTIONS_MAX && c->options[count].name != NULL) {
        count++;
    }
    if (count > 0) {
        markdown_options(to, c->options, count);
    }
    for (size_t i = 0; i < COMMAND_EXAMPLES_MAX && c->examples[i].line != NULL; i++) {
        (void)fprintf(to, "\n    %s\n\n%s.\n", c->examples[i].line, c->examples[i].what);
    }
}

void manual_markdown(FILE *to)
{
    (void)fputs(
        "# The command line\n\nMade from cli/commands.c; the unit test `manual` compares, and writes "
        "it anew when REWRITE_DOCS is set. `odradek man | man -l -` shows the same as a man page, "
        "`odradek completion bash` (zsh, fish) prints the completion.\n\n"
        "With `--json` standard output carries JSON and nothing else: one object per command, or one a "
        "line where records stream. An error is `{\"error\":{\"message\",\"next\",\"exit_code\"}}` there, "
        "beside the sentence on standard error. Names, once there, stay.\n\n"
        "Where `--bootstrap-server` is not given, the environment variable `ODRADEK_BOOTSTRAP` counts, then "
        "`localhost:9092`.\n\n| exit code | |\n|---|---|\n",
        to);
    for (size_t i = 0; i < exit_meaning_count; i++) {
        (void)fprintf(to, "| %d | %s |\n", exit_meanings[i].code, exit_meanings[i].meaning);
    }
    (void)fputs("\n## Options of every command that asks a cluster\n", to);
    markdown_options(to, common_options, common_option_count);
    for (size_t i = 0; i < command_count; i++) {
        markdown_command(to, &commands[i]);
    }
}

/* ---- the commands about the command line ---- */

void manual_usage_error(const char *why)
{
    assert(why[0] != '\0');
    (void)fputs("{\"error\":{\"message\":\"", stdout);
    for (; *why != '\0'; why++) {
        unsigned char c = (unsigned char)*why;
        if (c == '"' || c == '\\') {
            (void)fprintf(stdout, "\\%c", c);
        } else {
            (void)fputc(c < 0x20 || c > 0x7E ? '?' : c, stdout);
        }
    }
    (void)fprintf(stdout, "\",\"next\":null,\"exit_code\":%d}}\n", EXIT_USAGE);
}

int help_run(struct cli *cli)
{
    struct args named;
    const struct args *args = cli->args;
    if (args->word_count == 0) {
        manual_help(stdout, NULL);
        return EXIT_OK;
    }
    if (args_parse(&named, (int)args->word_count, (char *const *)args->words) != OK &&
        named.command == NULL) {
        return cli_fail(cli, EXIT_USAGE, NULL, "%s", named.why);
    }
    manual_help(stdout, named.command);
    return EXIT_OK;
}

int man_run(struct cli *cli)
{
    (void)cli;
    manual_man(stdout);
    return EXIT_OK;
}

int completion_run(struct cli *cli)
{
    const char *shell = cli->args->words[0];
    if (strcmp(shell, "bash") != 0 && strcmp(shell, "zsh") != 0 && strcmp(shell, "fish") != 0) {
        return cli_fail(cli, EXIT_USAGE, "odradek completion bash|zsh|fish",
                        "%s: there is no completion for this shell", shell);
    }
    manual_completion(stdout, shell);
    return EXIT_OK;
}

int version_run(struct cli *cli)
{
    buf_printf(&cli->out, "odradek %s\n", ODRADEK_VERSION);
    return EXIT_OK;
}
