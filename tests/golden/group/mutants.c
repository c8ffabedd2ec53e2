/*
 * group_mutants FILE...: planted bugs of the group core; each must change what a story tells, or abort. The product must not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/golden/group/desk.h"

static const struct {
    int number;
    const char *what;
} mutants[] = {
    {0, "the product"},
    {83, "offsets expire while a group rebalances"},
    {85, "an earlier generation stores offsets"},
    {131, "a round does not wait for the members that it has"},
};

static void begin(void *desk)
{
    desk_begin(desk);
}

static void command(void *desk, const char *line, struct story_out *out)
{
    desk_command(desk, line, out);
}

static void end(void *desk)
{
    desk_end(desk);
}

/* In a child: an assertion of the core counts as found. */
static bool differs(int number, int argc, char **argv)
{
    static struct desk desk;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct story_teller teller = {.ctx = &desk, .begin = begin, .command = command, .end = end};
        odradek_mutant = number;
        bool quiet = freopen("/dev/null", "w", stdout) != NULL &&
                     freopen("/dev/null", "w", stderr) != NULL;
        _exit(quiet ? story_main(&teller, argc, argv) : 2);
    }
    int status = 0;
    pid_t ended = waitpid(child, &status, 0);
    return ended == child && !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (size_t i = 0; i < ARRAY_LEN(mutants); i++) {
        bool good = differs(mutants[i].number, argc, argv) == (mutants[i].number != 0);
        (void)printf("M%02d %-6s  %s\n", mutants[i].number, good ? "ok" : "MISSED",
                     mutants[i].what);
        failed += !good;
    }
    return failed == 0 ? 0 : 1;
}
