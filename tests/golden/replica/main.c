/*
 * replica_story [--rewrite] FILE...: runs stories and compares what is told with what they say.
 *
 * A line that begins with "> " is a command (desk.c says which there are), the indented lines behind it are what the cores
 * did, everything else is prose. --rewrite puts in what they do now: commit that only if you understand each change.
 */
#include "tests/golden/replica/desk.h"

#include <stdio.h>
#include <stdlib.h>

#define STORY_MAX      (1 << 18)
#define LINE_MAX_BYTES 512

struct text {
    char s[STORY_MAX];
    size_t n;
};

static void add(struct text *text, const char *s, size_t n)
{
    assert(text->n + n < STORY_MAX);
    memcpy(text->s + text->n, s, n);
    text->n += n;
    text->s[text->n] = '\0';
}

static bool load(const char *path, struct text *text)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    text->n = fread(text->s, 1, STORY_MAX - 1, file);
    text->s[text->n] = '\0';
    fclose(file);
    return text->n < STORY_MAX - 1;
}

static bool save(const char *path, const struct text *text)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return false;
    }
    bool written = fwrite(text->s, 1, text->n, file) == text->n;
    return fclose(file) == 0 && written;
}

/* The story again, with what the cores do now. */
static void tell(struct desk *desk, const struct text *story, struct text *ret_told)
{
    bool behind_command = false;
    ret_told->n = 0;
    for (const char *line = story->s; *line != '\0';) {
        size_t n = strcspn(line, "\n");
        if (strncmp(line, "> ", 2) == 0) {
            char command[LINE_MAX_BYTES];
            snprintf(command, sizeof(command), "%.*s", (int)(n - 2), line + 2);
            desk_command(desk, command);
            add(ret_told, line, n);
            add(ret_told, "\n", 1);
            add(ret_told, desk->out, desk->out_n);
            behind_command = true;
        } else if (!behind_command || *line != ' ') {
            behind_command = false;
            add(ret_told, line, n);
            add(ret_told, "\n", 1);
        }
        line += n + (line[n] == '\n');
    }
}

static void show_difference(const char *path, const struct text *story, const struct text *told)
{
    size_t at = 0;
    size_t line = 1;
    size_t begin = 0;
    while (at < story->n && at < told->n && story->s[at] == told->s[at]) {
        if (story->s[at] == '\n') {
            line++;
            begin = at + 1;
        }
        at++;
    }
    printf("%s:%zu differs\n  the story: %.*s\n  the cores: %.*s\n", path, line,
           (int)strcspn(story->s + begin, "\n"), story->s + begin,
           (int)strcspn(told->s + begin, "\n"), told->s + begin);
}

static bool run(struct desk *desk, const char *path, bool rewrite)
{
    static struct text story;
    static struct text told;
    if (!load(path, &story)) {
        printf("%s: cannot be read\n", path);
        return false;
    }
    desk_init(desk);
    tell(desk, &story, &told);
    desk_release(desk);
    if (story.n == told.n && memcmp(story.s, told.s, story.n) == 0) {
        return true;
    }
    if (rewrite) {
        return save(path, &told);
    }
    show_difference(path, &story, &told);
    return false;
}

int main(int argc, char **argv)
{
    struct desk *desk = calloc(1, sizeof(*desk));
    assert(desk != NULL);
    bool rewrite = false;
    int failed = 0;
    int stories = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--rewrite") == 0) {
            rewrite = true;
        } else {
            stories++;
            failed += !run(desk, argv[i], rewrite);
        }
    }
    printf("%d stories, %d differ\n", stories, failed);
    free(desk);
    return stories > 0 && failed == 0 ? 0 : 1;
}
