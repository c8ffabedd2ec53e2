/*
 * Stories: commands to a core and what it did, in a text that reads like a paper.
 *
 * A line that begins with "> " is a command, the lines behind it that begin with a space are what was told, everything else
 * is prose. Running a story tells it again and compares; --rewrite puts in what is told now (commit that only if you
 * understand each change). Each core brings a teller that knows its commands.
 */
#ifndef ODRADEK_TESTS_GOLDEN_STORY_H
#define ODRADEK_TESTS_GOLDEN_STORY_H

#include "common/base/types.h"

#define STORY_OUT_MAX (1 << 16)

/* What one command tells: lines, each with its newline, each beginning with two spaces. */
struct story_out {
    char s[STORY_OUT_MAX];
    size_t n;
};

struct story_teller {
    void *ctx;
    void (*begin)(void *ctx); /* of each story */
    void (*command)(void *ctx, const char *line, struct story_out *);
    void (*end)(void *ctx);
};

/* Adds one line. */
void story_say(struct story_out *, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* main of a program `[--rewrite] FILE...`: its exit code. */
int story_main(const struct story_teller *, int argc, char **argv);

#endif
