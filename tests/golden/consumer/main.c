/* consumer_story [--rewrite] FILE...: stories of consumer groups (KIP-848); desk.c says which commands there are. */
#include "tests/golden/consumer/desk.h"

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
