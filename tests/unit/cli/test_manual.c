/* What the table gives: docs/CLI.md, help, completion. REWRITE_DOCS=1 writes docs/CLI.md anew. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "cli/manual.h"
#include "common/base/types.h"

static char made[200000];
static char found[200000];

static size_t print_to(char *room, size_t bytes, void (*print)(FILE *))
{
    FILE *to = fmemopen(room, bytes, "w");
    cr_assert_not_null(to);
    print(to);
    size_t n = (size_t)ftell(to);
    cr_assert_eq(fclose(to), 0);
    cr_assert_lt(n + 1, bytes);
    room[n] = '\0';
    return n;
}

Test(manual, cli_md_is_what_the_table_says)
{
    size_t n = print_to(made, sizeof(made), manual_markdown);
    if (getenv("REWRITE_DOCS") != NULL) {
        FILE *out = fopen(CLI_DOC, "w");
        cr_assert_not_null(out);
        cr_assert_eq(fwrite(made, 1, n, out), n);
        cr_assert_eq(fclose(out), 0);
    }
    FILE *in = fopen(CLI_DOC, "r");
    cr_assert_not_null(in, "%s is missing; run this test with REWRITE_DOCS=1", CLI_DOC);
    size_t read = fread(found, 1, sizeof(found), in);
    (void)fclose(in);
    cr_assert(read == n && memcmp(made, found, n) == 0,
              "docs/CLI.md is older than the table; run this test with REWRITE_DOCS=1");
}

Test(manual, the_man_page_has_every_command_and_option)
{
    (void)print_to(made, sizeof(made), manual_man);
    for (size_t i = 0; i < command_count; i++) {
        cr_assert_not_null(strstr(made, commands[i].name), "%s", commands[i].name);
    }
    for (const char *line = made; line != NULL && *line != '\0'; line = strchr(line + 1, '\n')) {
        line += *line == '\n';
        cr_assert(*line != '\'', "a line begins with a quote: %.40s", line);
    }
}

Test(manual, the_table_is_sound)
{
    for (size_t i = 0; i < command_count; i++) {
        const struct command *c = &commands[i];
        const struct option *o;
        cr_assert(c->arguments_min <= c->arguments_max && c->run != NULL &&
                  command_find(c->name) == c);
        for (size_t a = 0; (o = command_option(c, a)) != NULL; a++) {
            cr_assert((o->kind == OPTION_FLAG) == (o->value == NULL), "%s --%s", c->name, o->name);
            cr_assert((o->kind == OPTION_WORD) == (o->words != NULL), "%s --%s", c->name, o->name);
            cr_assert(o->kind != OPTION_NUMBER || o->min < o->max, "%s --%s", c->name, o->name);
            const struct option *other;
            for (size_t b = a + 1; (other = command_option(c, b)) != NULL; b++) {
                cr_assert_str_neq(o->name, other->name, "%s has two --%s", c->name, o->name);
                cr_assert(o->letter == 0 || o->letter != other->letter, "%s has two -%c", c->name,
                          o->letter);
            }
        }
    }
}
