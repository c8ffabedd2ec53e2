/*
 * One run of the command line: its words, its output, its session with the cluster.
 *
 * Output goes to standard output through `out` (cli_flush writes it; a reader that has gone away is no error), everything about
 * the run itself to standard error. With --json standard output carries JSON and nothing else: one object per command, or one a
 * line where records stream; an error is {"error": {"message", "next", ...}} there, beside the sentence on standard error.
 */
#ifndef ODRADEK_CLI_CLI_H
#define ODRADEK_CLI_CLI_H

#include "cli/args.h"
#include "cli/json.h"
#include "cli/session.h"
#include "cli/table.h"
#include "common/base/prng.h"

struct cli {
    struct host *host;
    struct loop *loop;
    const struct args *args;
    struct session session;
    struct arena arena; /* as long as the run */
    struct buf out;
    struct json json_out;
    bool json;                 /* --json */
    bool progress;             /* standard error is a terminal */
    bool wide;                 /* standard output is a terminal */
    bool out_broken;           /* nobody reads standard output any more */
    bool out_failed;           /* ... or it cannot be written: a full disk */
    const char *error_message; /* of the first error, with --json */
    const char *error_next;
    int error_code;
    bool error_written;
    struct loop_watch signal_watch;
};

/* Reads the common options and the environment; EXIT_OK or what to end with. The host's signals are blocked until here. */
int cli_init(struct cli *, struct host *, const struct args *);
void cli_release(struct cli *);

/* Writes everything to standard output. False: nobody reads it any more, end quietly. */
bool cli_flush(struct cli *);

/* Tells what is wrong and what to do next (NULL: nothing) and answers the exit code. */
int cli_fail(struct cli *, enum exit_code, const char *next, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
/* The error as the member "error" of the object that is open, or as an object of its own; once, and only if there was one. */
void cli_json_error(struct cli *);
/* A request or connection that failed: link NULL: no address answered. */
int cli_fail_err(struct cli *, err_t, const struct link *, const char *what);
/* A broker's answer with an error code; message may be NULL or empty. */
int cli_fail_kafka(struct cli *, int16_t code, struct slice message, const char *what);
/* The exit code that belongs to an error code of Kafka. */
enum exit_code kafka_exit(int16_t code);
/* What a person can do about it, or NULL. */
const char *kafka_next(int16_t code);

/* A line on standard error. */
void cli_note(struct cli *, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A line that is redrawn in place, on a terminal only. */
void cli_progress(struct cli *, const char *fmt, ...) PRINTF_LIKE(2, 3);
void cli_progress_end(struct cli *);

/* SIGINT and SIGTERM set session.interrupted instead of ending the process, a second one ends it. */
void cli_catch_signals(struct cli *);

/* The bytes as a C string in the run's arena; "?" when memory is out. */
const char *cli_str(struct cli *, struct slice);

#endif
