/*
 * replica_story [--rewrite] FILE...: stories of the replica cores; tests/golden/story.h says what a story is, desk.c which
 * commands there are.
 */
#include "tests/golden/replica/desk.h"
#include "tests/golden/story.h"

static void begin(void *desk)
{
    desk_init(desk);
}

static void command(void *ctx, const char *line, struct story_out *out)
{
    struct desk *desk = ctx;
    static_assert(DESK_OUT_MAX <= STORY_OUT_MAX, "what a desk tells fits");
    desk_command(desk, line);
    memcpy(out->s, desk->out, desk->out_n);
    out->n = desk->out_n;
}

static void end(void *desk)
{
    desk_release(desk);
}

int main(int argc, char **argv)
{
    static struct desk desk;
    struct story_teller teller = {.ctx = &desk, .begin = begin, .command = command, .end = end};
    return story_main(&teller, argc, argv);
}
