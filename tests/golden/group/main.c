/* group_story [--rewrite] FILE...: stories of a coordinator shard; desk.c says which commands there are. */
#include "tests/golden/group/desk.h"

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

int main(int argc, char **argv)
{
    static struct desk desk;
    struct story_teller teller = {.ctx = &desk, .begin = begin, .command = command, .end = end};
    return story_main(&teller, argc, argv);
}
