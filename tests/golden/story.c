#include "tests/golden/story.h"

#include <stdarg.h>
#include <stdio.h>

#define STORY_MAX     (1 << 18)
#define COMMAND_BYTES 1024

struct text {
    char s[STORY_MAX];
    size_t n;
};

void story_say(struct story_out *out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    assert(out->n + 4 < sizeof(out->s));
    out->n += (size_t)snprintf(out->s + out->n, sizeof(out->s) - out->n, "  ");
    size_t room = sizeof(out->s) - out->n;
    int n = vsnprintf(out->s + out->n, room, fmt, args);
    va_end(args);
    assert(n >= 0 && (size_t)n + 1 < room);
    out->n += (size_t)n;
    out->s[out->n++] = '\n';
    out->s[out->n] = '\0';
}

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

/* The story again, with what is told now. */
static void tell(const struct story_teller *teller, const struct text *story, struct text *ret_told)
{
    static struct story_out out;
    bool behind_command = false;
    ret_told->n = 0;
    for (const char *line = story->s; *line != '\0';) {
        size_t n = strcspn(line, "\n");
        if (strncmp(line, "> ", 2) == 0) {
            char command[COMMAND_BYTES];
            assert(n < sizeof(command));
            snprintf(command, sizeof(command), "%.*s", (int)(n - 2), line + 2);
            out.n = 0;
            teller->command(teller->ctx, command, &out);
            add(ret_told, line, n);
            add(ret_told, "\n", 1);
            add(ret_told, out.s, out.n);
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
    printf("%s:%zu differs\n  the story: %.*s\n  told now:  %.*s\n", path, line,
           (int)strcspn(story->s + begin, "\n"), story->s + begin,
           (int)strcspn(told->s + begin, "\n"), told->s + begin);
}

static bool run(const struct story_teller *teller, const char *path, bool rewrite)
{
    static struct text story;
    static struct text told;
    if (!load(path, &story)) {
        printf("%s: cannot be read\n", path);
        return false;
    }
    teller->begin(teller->ctx);
    tell(teller, &story, &told);
    teller->end(teller->ctx);
    if (story.n == told.n && memcmp(story.s, told.s, story.n) == 0) {
        return true;
    }
    if (rewrite) {
        return save(path, &told);
    }
    show_difference(path, &story, &told);
    return false;
}

int story_main(const struct story_teller *teller, int argc, char **argv)
{
    bool rewrite = false;
    int failed = 0;
    int stories = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--rewrite") == 0) {
            rewrite = true;
        } else {
            stories++;
            failed += !run(teller, argv[i], rewrite);
        }
    }
    printf("%d stories, %d differ\n", stories, failed);
    return stories > 0 && failed == 0 ? 0 : 1;
}
