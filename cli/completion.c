/*
 * Completion scripts. They hold the words of the command table and complete commands, options and the words of options; topic
 * names come from the cluster (`odradek topics list --names`, with a short time-out, errors swallowed).
 */
#include "cli/manual.h"

#include "common/base/types.h"

static void words_of(FILE *to, const struct command *c)
{
    const struct option *o;
    for (size_t i = 0; (o = command_option(c, i)) != NULL; i++) {
        (void)fprintf(to, "%s--%s", i == 0 ? "" : " ", o->name);
    }
}

static bool takes_topic(const struct command *c)
{
    assert(c->arguments != NULL);
    return strncmp(c->arguments, "TOPIC", 5) == 0 && strcmp(c->name, "topics create") != 0;
}

/* The first words, each once. */
static void first_words(FILE *to)
{
    for (size_t i = 0; i < command_count; i++) {
        size_t n = strcspn(commands[i].name, " ");
        bool seen = i > 0 && strncmp(commands[i - 1].name, commands[i].name, n) == 0 &&
                    (commands[i - 1].name[n] == ' ' || commands[i - 1].name[n] == '\0');
        if (!seen) {
            (void)fprintf(to, "%s%.*s", i == 0 ? "" : " ", (int)n, commands[i].name);
        }
    }
}

static void second_words(FILE *to, const char *first)
{
    assert(first[0] != '\0');
    size_t n = strlen(first);
    bool any = false;
    for (size_t i = 0; i < command_count; i++) {
        if (strncmp(commands[i].name, first, n) == 0 && commands[i].name[n] == ' ') {
            (void)fprintf(to, "%s%s", any ? " " : "", commands[i].name + n + 1);
            any = true;
        }
    }
}

static void bash_values(FILE *to, const struct command *c)
{
    const struct option *o;
    for (size_t i = 0; (o = command_option(c, i)) != NULL; i++) {
        if (o->kind != OPTION_WORD) {
            continue;
        }
        (void)fprintf(to, "        '%s/--%s') words='", c->name, o->name);
        for (const char *w = o->words; *w != '\0'; w++) {
            (void)fputc(*w == '|' ? ' ' : *w, to);
        }
        (void)fputs("' ;;\n", to);
    }
}

static void bash(FILE *to)
{
    (void)fputs(
        "# odradek: completion for bash\n_odradek() {\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words= command=${COMP_WORDS[1]}\n"
        "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words='",
        to);
    first_words(to);
    (void)fputs(
        "'\n    elif [ \"$COMP_CWORD\" -eq 2 ] && [ \"$command\" = topics ]; then\n        words='",
        to);
    second_words(to, "topics");
    (void)fputs(
        "'\n    else\n        [ \"$command\" = topics ] && command=\"topics ${COMP_WORDS[2]}\"\n"
        "        case \"$command/$prev\" in\n",
        to);
    for (size_t i = 0; i < command_count; i++) {
        bash_values(to, &commands[i]);
    }
    (void)fputs("        esac\n        [ -n \"$words\" ] || case \"$command/$cur\" in\n", to);
    for (size_t i = 0; i < command_count; i++) {
        (void)fprintf(to, "        '%s/-'*) words='", commands[i].name);
        words_of(to, &commands[i]);
        (void)fputs("' ;;\n", to);
        if (takes_topic(&commands[i])) {
            (void)fprintf(
                to,
                "        '%s/'*) words=$(odradek topics list --names --timeout 1 2>/dev/null) ;;\n",
                commands[i].name);
        }
    }
    (void)fputs(
        "        'completion/'*) words='bash zsh fish' ;;\n        esac\n    fi\n"
        "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\ncomplete -F _odradek odradek\n",
        to);
}

/* zsh reads bash's completions; a translation of its own would say the same words again. */
static void zsh(FILE *to)
{
    (void)fputs("#compdef odradek\nautoload -U +X bashcompinit && bashcompinit\n", to);
    for (size_t i = 0; i < command_count; i++) {
        (void)fprintf(to, "# odradek %s: %s\n", commands[i].name, commands[i].purpose);
    }
    bash(to);
}

static void fish_quoted(FILE *to, const char *text)
{
    assert(text != NULL);
    (void)fputc('\'', to);
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') {
            (void)fputc('\\', to);
        }
        (void)fputc(*text, to);
    }
    (void)fputc('\'', to);
}

static void fish_condition(FILE *to, const struct command *c)
{
    const char *space = strchr(c->name, ' ');
    int n = space == NULL ? (int)strlen(c->name) : (int)(space - c->name);
    (void)fprintf(to, "complete -c odradek -n '__fish_seen_subcommand_from %.*s%s%s'", n, c->name,
                  space == NULL ? "" : "; and __fish_seen_subcommand_from ",
                  space == NULL ? "" : space + 1);
}

static void fish_command(FILE *to, const struct command *c)
{
    const struct option *o;
    const char *space = strchr(c->name, ' ');
    if (space == NULL) {
        (void)fprintf(to, "complete -c odradek -n __fish_use_subcommand -a %s -d ", c->name);
    } else {
        (void)fprintf(to,
                      "complete -c odradek -n '__fish_seen_subcommand_from %.*s; and test "
                      "(count (commandline -opc)) -eq 2' -a %s -d ",
                      (int)(space - c->name), c->name, space + 1);
    }
    fish_quoted(to, c->purpose);
    (void)fputc('\n', to);
    for (size_t i = 0; (o = command_option(c, i)) != NULL; i++) {
        fish_condition(to, c);
        (void)fprintf(to, " -l %s", o->name);
        if (o->letter != 0) {
            (void)fprintf(to, " -s %c", o->letter);
        }
        if (o->kind == OPTION_WORD) {
            (void)fputs(" -xa '", to);
            for (const char *w = o->words; *w != '\0'; w++) {
                (void)fputc(*w == '|' ? ' ' : *w, to);
            }
            (void)fputs("'", to);
        } else if (o->kind != OPTION_FLAG) {
            (void)fputs(" -r", to);
        }
        (void)fputs(" -d ", to);
        fish_quoted(to, o->help);
        (void)fputc('\n', to);
    }
    if (takes_topic(c)) {
        fish_condition(to, c);
        (void)fputs(" -a '(odradek topics list --names --timeout 1 2>/dev/null)'\n", to);
    }
}

static void fish(FILE *to)
{
    (void)fputs(
        "# odradek: completion for fish\ncomplete -c odradek -f\n"
        "complete -c odradek -n __fish_use_subcommand -a topics -d 'topics and their partitions'\n"
        "complete -c odradek -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n",
        to);
    for (size_t i = 0; i < command_count; i++) {
        fish_command(to, &commands[i]);
    }
}

void manual_completion(FILE *to, const char *shell)
{
    if (strcmp(shell, "bash") == 0) {
        bash(to);
    } else if (strcmp(shell, "zsh") == 0) {
        zsh(to);
    } else {
        assert(strcmp(shell, "fish") == 0);
        fish(to);
    }
}
