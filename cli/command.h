/*
 * What the command line knows, said once: commands and their options. The parser (args.h), the help, the man page, docs/CLI.md
 * and the completions of shells (manual.h) all read this table and nothing else.
 */
#ifndef ODRADEK_CLI_COMMAND_H
#define ODRADEK_CLI_COMMAND_H

#include "common/base/types.h"

struct cli;

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_NUMBER,
    OPTION_WORD, /* one of `words` */
};

struct option {
    const char *name; /* without dashes */
    char letter;      /* 0: none */
    enum option_kind kind;
    bool many;            /* may be given several times; all values count */
    const char *value;    /* what the value is called: "HOST:PORT"; NULL for flags */
    const char *words;    /* OPTION_WORD: those allowed, with | between them */
    int64_t min, max;     /* OPTION_NUMBER */
    const char *fallback; /* NULL: none */
    const char *help;     /* one sentence */
};

struct example {
    const char *line;
    const char *what;
};

#define COMMAND_OPTIONS_MAX  24
#define COMMAND_EXAMPLES_MAX 6

struct command {
    const char *name;      /* "topics create" */
    const char *arguments; /* "TOPIC..."; "" for none */
    uint32_t arguments_min;
    uint32_t arguments_max; /* UINT32_MAX: any number */
    const char *purpose;    /* one line */
    const char *text;       /* more sentences, or NULL */
    bool offline;           /* asks no cluster: has none of the common options */
    struct option options[COMMAND_OPTIONS_MAX]; /* up to the first without a name */
    struct example examples[COMMAND_EXAMPLES_MAX];
    int (*run)(struct cli *); /* an enum exit_code */
};

extern const struct command commands[];
extern const size_t command_count;

/* Those that every command has which asks a cluster. */
extern const struct option common_options[];
extern const size_t common_option_count;

struct exit_meaning {
    int code;
    const char *meaning;
};

enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NO_CONNECTION = 3,
    EXIT_DENIED = 4,
    EXIT_TIMED_OUT = 5,
    EXIT_UNHEALTHY = 6,
};
extern const struct exit_meaning exit_meanings[];
extern const size_t exit_meaning_count;

/* The command of this name, or NULL. */
const struct command *command_find(const char *name);
/* Option `at` of a command, its own first, then the common ones; NULL behind the last. */
const struct option *command_option(const struct command *, size_t at);

/* The commands themselves. */
int topics_list(struct cli *);
int topics_create(struct cli *);
int topics_describe(struct cli *);
int topics_alter(struct cli *);
int topics_delete(struct cli *);
int topics_offsets(struct cli *);
int topics_trim(struct cli *);
int produce_run(struct cli *);
int consume_run(struct cli *);
int cluster_run(struct cli *);
int doctor_run(struct cli *);
int completion_run(struct cli *);
int man_run(struct cli *);
int help_run(struct cli *);
int version_run(struct cli *);

#endif
