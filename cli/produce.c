/* produce: lines of standard input become records. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/producer.h"
#include "cli/record_in.h"
#include "cli/topics.h"
#include "cli/when.h"
#include "common/port/clock.h"
#include "common/port/memory.h"

#define READ_BYTES     ((size_t)256 << 10)
#define LINE_ARENA_MAX ((size_t)300 << 20)
#define PROGRESS_US    200000

struct produce {
    struct cli *cli;
    struct producer producer;
    struct record_format format;
    struct buf fixed_headers;
    struct buf headers;
    struct arena line_arena;
    struct buf in; /* read, not taken yet */
    size_t in_at;  /* taken of it */
    size_t line_max;
    int64_t line;    /* number of the line that comes */
    int64_t skipped; /* lines that are no record, with --skip-bad-lines */
    int32_t partition;
    bool skip_bad;
    bool ended; /* standard input is over, or nothing more shall be read */
    bool ready; /* standard input can be read */
    bool file;  /* ... always: it is no pipe and no terminal */
    struct loop_watch watch;
    time_us began_at;
    time_us shown_at;
    int code;
};

static void on_input(struct loop_watch *watch)
{
    struct produce *produce = CONTAINER_OF(watch, struct produce, watch);
    produce->ready = true;
}

/* ---- options ---- */

/* "\t", "\n", "\\" and "\x1f" stand for their bytes. */
static struct slice separator_read(struct cli *cli, const char *text)
{
    assert(text != NULL);
    size_t n = 0;
    char *out = arena_alloc(&cli->arena, strlen(text) + 1);
    for (const char *p = text; out != NULL && *p != '\0'; p++) {
        if (p[0] != '\\' || p[1] == '\0') {
            out[n++] = *p;
        } else if (p[1] == 'x' && isxdigit((unsigned char)p[2])) {
            char digits[3] = {p[2], isxdigit((unsigned char)p[3]) ? p[3] : '\0', '\0'};
            out[n++] = (char)strtoul(digits, NULL, 16);
            p += strlen(digits) + 1;
        } else {
            out[n++] = (char)(p[1] == 't' ? '\t' : p[1] == 'n' ? '\n' : p[1]);
            p++;
        }
    }
    return slice_of(out, out == NULL ? 0 : n);
}

static int fixed_headers_read(struct produce *produce)
{
    struct cli *cli = produce->cli;
    const char *text;
    uint32_t at = 0;
    while ((text = args_next(cli->args, "header", &at)) != NULL) {
        const char *equals = strchr(text, '=');
        if (equals == NULL || equals == text) {
            return cli_fail(cli, EXIT_USAGE, "--header trace=abc",
                            "--header %s: write it as name=value", text);
        }
        record_header_put(&produce->fixed_headers, slice_of(text, (size_t)(equals - text)),
                          slice_str(equals + 1));
        produce->format.fixed_header_count++;
    }
    produce->format.fixed_headers = buf_slice(&produce->fixed_headers);
    return EXIT_OK;
}

static int format_read(struct produce *produce)
{
    assert(produce->cli != NULL);
    struct cli *cli = produce->cli;
    const struct args *args = cli->args;
    struct record_format *format = &produce->format;
    format->json = strcmp(args_text(args, "format"), "json") == 0;
    format->keys = args_flag(args, "key");
    format->headers = args_flag(args, "headers");
    format->key_separator = separator_read(cli, args_text(args, "separator"));
    format->null_marker = slice_str(args_text(args, "null"));
    produce->skip_bad = args_flag(args, "skip-bad-lines");
    produce->partition = (int32_t)args_number(args, "partition", -1);
    produce->line_max = (size_t)args_number(args, "line-bytes", 0);
    if (format->key_separator.n == 0) {
        return cli_fail(cli, EXIT_USAGE, "--separator : or --separator '\\t'",
                        "--separator: it is empty");
    }
    if (format->json && (format->keys || format->headers)) {
        return cli_fail(cli, EXIT_USAGE, "leave --key and --headers out",
                        "--format json says itself what is key and what are headers");
    }
    return fixed_headers_read(produce);
}

static int options_read(struct cli *cli, struct producer_options *options)
{
    assert(cli->args->word_count == 1);
    const struct args *args = cli->args;
    const char *acks = args_text(args, "acks");
    *options = (struct producer_options){
        .acks = (int16_t)(strcmp(acks, "all") == 0 ? -1 : acks[0] - '0'),
        .batch_bytes = (size_t)args_number(args, "batch-bytes", 0),
        .delivery_us = args_number(args, "delivery-timeout", 0) * 1000000,
    };
    bool known = compression_parse(slice_str(args_text(args, "compression")),
                                   &options->compression);
    assert(known);
    options->idempotent = options->acks == -1 && !args_flag(args, "no-idempotence");
    return EXIT_OK;
}

/* ---- input ---- */

static void input_read(struct produce *produce)
{
    assert(produce->in_at <= produce->in.n && !produce->ended);
    if (produce->in_at > 0 && produce->in_at * 2 >= produce->in.n) {
        buf_consume(&produce->in, produce->in_at);
        produce->in_at = 0;
    }
    uint8_t *to = buf_reserve(&produce->in, READ_BYTES);
    if (to == NULL) {
        produce->code = cli_fail(produce->cli, EXIT_FAILED, NULL, "%s", err_text(produce->in.err));
        produce->ended = true;
        return;
    }
    ssize_t n = read(STDIN_FILENO, to, READ_BYTES);
    produce->ready = produce->file;
    if (n > 0) {
        buf_commit(&produce->in, (size_t)n);
    } else if (n == 0) {
        produce->ended = true;
    } else if (errno != EINTR && errno != EAGAIN) {
        produce->code = cli_fail(produce->cli, EXIT_FAILED, NULL, "standard input cannot be read");
        produce->ended = true;
    }
}

/* The next whole line, or at the end what is left. False: there is none. */
static bool line_peek(struct produce *produce, struct slice *ret_line, size_t *ret_bytes)
{
    assert(produce->in_at <= produce->in.n);
    const uint8_t *from = produce->in.p + produce->in_at;
    size_t left = produce->in.n - produce->in_at;
    const uint8_t *newline = left == 0 ? NULL : memchr(from, '\n', left);
    if (newline == NULL && (!produce->ended || left == 0)) {
        return false;
    }
    *ret_bytes = newline == NULL ? left : (size_t)(newline - from) + 1;
    *ret_line = slice_of(from, *ret_bytes - (newline != NULL));
    return true;
}

static void bad_line(struct produce *produce, const char *why)
{
    assert(why != NULL);
    if (produce->skip_bad) {
        cli_note(produce->cli, "odradek: line %lld is passed over: %s", (long long)produce->line,
                 why);
        produce->skipped++;
        return;
    }
    produce->code = cli_fail(produce->cli, EXIT_FAILED,
                             "mend the line, or pass over such lines with --skip-bad-lines; "
                             "the lines before it are written",
                             "line %lld: %s", (long long)produce->line, why);
    produce->ended = true;
    produce->in_at = produce->in.n;
}

/* False: the producer is full, the line stays. */
static bool line_take(struct produce *produce, struct slice line)
{
    assert(!produce->producer.failed);
    struct record_line made;
    arena_clear(&produce->line_arena);
    const char *why = record_line_read(&produce->format, line, &produce->line_arena,
                                       &produce->cli->session.heap, &produce->headers, &made);
    if (why != NULL) {
        bad_line(produce, why);
        return true;
    }
    if (made.record.timestamp < 0) {
        made.record.timestamp = clock_wall_ms(produce->cli->host);
    }
    int32_t partition = produce->partition >= 0 ? produce->partition : made.partition;
    switch (producer_offer(&produce->producer, &made.record, partition)) {
    case OFFER_FULL: return false;
    case OFFER_WRONG_PARTITION: bad_line(produce, "the topic has no such partition"); break;
    case OFFER_TOO_LARGE: bad_line(produce, "the record is too large for any batch"); break;
    case OFFER_TAKEN: break;
    }
    return true;
}

/* Whether it stopped because the producer is full. */
static bool lines_take(struct produce *produce)
{
    static const char too_long[] = "the line is longer than --line-bytes";
    struct slice line;
    size_t bytes;
    while (line_peek(produce, &line, &bytes)) {
        produce->line++;
        if (line.n > produce->line_max) {
            bad_line(produce, too_long);
        } else if (!line_take(produce, line)) {
            produce->line--;
            return true;
        }
        if (produce->code != EXIT_OK) {
            return false;
        }
        produce->in_at += bytes;
    }
    if (produce->in.n - produce->in_at > produce->line_max) { /* its end is not even in sight */
        produce->line++;
        produce->skip_bad = false;
        bad_line(produce, too_long);
    }
    return false;
}

/* ---- the run ---- */

static void progress(struct produce *produce)
{
    assert(produce->began_at > 0);
    const struct producer *producer = &produce->producer;
    time_us now = session_now(&produce->cli->session);
    if (now - produce->shown_at < PROGRESS_US) {
        return;
    }
    double seconds = (double)(now - produce->began_at) / 1e6;
    struct size_text size = size_print(producer->acked_bytes);
    produce->shown_at = now;
    cli_progress(produce->cli, "%lld records, %s, %.0f records/s", (long long)producer->acked,
                 size.s, (double)producer->acked / (seconds > 0 ? seconds : 1));
}

static void interrupted(struct produce *produce)
{
    if (produce->cli->session.interrupted) {
        produce->cli->session.interrupted = false; /* what was taken is still written */
        produce->ended = true;
        produce->in_at = produce->in.n;
        produce->code = EXIT_FAILED;
        cli_note(produce->cli, "odradek: interrupted; writing what was read");
    }
}

static void input_wait(struct produce *produce, bool full)
{
    if (produce->ended || produce->ready || full) {
        return;
    }
    err_t err = loop_watch_arm(produce->cli->loop, &produce->watch);
    if (err != OK) {
        produce->file = true;
        produce->ready = true;
    }
}

static void produce_loop(struct produce *produce)
{
    struct producer *producer = &produce->producer;
    struct session *session = &produce->cli->session;
    bool full = false;
    while (produce->producer.failed == EXIT_OK) {
        if (produce->ready && !full && !produce->ended) {
            input_read(produce);
        }
        full = lines_take(produce);
        producer_step(producer);
        bool all = produce->ended && produce->in_at >= produce->in.n;
        if (all && producer_done(producer)) {
            break;
        }
        input_wait(produce, full);
        time_us until = producer_deadline(producer);
        if (produce->ready && !full && !produce->ended) {
            until = 0;
        } else if (produce->cli->progress) {
            until = min_i64(until, session_now(session) + PROGRESS_US);
        }
        session_turn(session, until);
        interrupted(produce);
        if (full) {
            producer_step(producer);
        }
        progress(produce);
    }
}

/* acks=0: there is no answer to wait for, but the bytes must leave. */
static void drain(struct produce *produce)
{
    assert(produce->producer.options.acks == 0);
    struct session *session = &produce->cli->session;
    time_us until = session_now(session) + session->timeout_us;
    for (bool left = true; left && session_now(session) < until;) {
        left = false;
        LIST_EACH(&session->links, node)
        {
            struct link *link = CONTAINER_OF(node, struct link, node);
            left = left || client_conn_unsent_bytes(&link->conn) > 0;
        }
        if (left) {
            session_turn(session, session_now(session) + 10000);
        }
    }
}

static void summary(struct produce *produce)
{
    assert(produce->producer.acked <= produce->producer.records);
    const struct producer *producer = &produce->producer;
    struct cli *cli = produce->cli;
    double seconds = (double)(session_now(&cli->session) - produce->began_at) / 1e6;
    double rate = (double)producer->acked / (seconds > 0 ? seconds : 1);
    cli_progress_end(cli);
    if (!cli->json) {
        if (!args_flag(cli->args, "quiet")) {
            struct size_text size = size_print(producer->acked_bytes);
            cli_note(cli, "%lld records (%s) written to %.*s in %.2f s, %.0f/s%s",
                     (long long)producer->acked, size.s, (int)producer->topic.n,
                     (const char *)producer->topic.p, seconds, rate,
                     producer->acked < producer->records ? "; not all were acknowledged" : "");
        }
        return;
    }
    struct json *json = &cli->json_out;
    json_open(json, NULL, '{');
    cli_json_error(cli);
    json_slice(json, "topic", producer->topic);
    json_number(json, "records_read", producer->records);
    json_number(json, "records_written", producer->acked);
    json_number(json, "lines_skipped", produce->skipped);
    json_number(json, "bytes", producer->acked_bytes);
    json_number(json, "milliseconds", (int64_t)(seconds * 1000));
    json_number(json, "records_per_second", (int64_t)rate);
    json_open(json, "partitions", '[');
    for (int32_t i = 0; i < producer->lane_count; i++) {
        json_open(json, NULL, '{');
        json_number(json, "partition", i);
        json_number(json, "records_written", producer->lanes[i].acked);
        json_close(json);
    }
    json_close(json);
    json_close(json);
}

static int produce_start(struct produce *produce)
{
    assert(produce->line_max == 0);
    struct cli *cli = produce->cli;
    struct producer_options options;
    struct heap *heap = &cli->session.heap;
    buf_init(&produce->fixed_headers, heap, 1u << 20);
    buf_init(&produce->headers, heap, 64u << 20);
    int code = options_read(cli, &options);
    code = code != EXIT_OK ? code : format_read(produce);
    buf_init(&produce->in, heap, produce->line_max + 4 * READ_BYTES);
    if (code != EXIT_OK) {
        return code;
    }
    cli_catch_signals(cli);
    code = producer_init(&produce->producer, cli, slice_str(cli->args->words[0]), &options);
    if (code == EXIT_OK && produce->partition >= produce->producer.lane_count) {
        return cli_fail(cli, EXIT_FAILED, "`odradek topics describe` shows its partitions",
                        "topic %s has no partition %d", cli->args->words[0], produce->partition);
    }
    return code;
}

int produce_run(struct cli *cli)
{
    struct produce produce;
    memset(&produce, 0, sizeof(produce));
    produce.cli = cli;
    produce.watch = (struct loop_watch){.fd = STDIN_FILENO, .ready = on_input};
    arena_init(&produce.line_arena, memory_source(cli->host), 4096, LINE_ARENA_MAX);
    int code = produce_start(&produce);
    if (code == EXIT_OK) {
        if (isatty(STDIN_FILENO)) {
            cli_note(cli, "one record a line; Ctrl-D ends");
        }
        produce.began_at = session_now(&cli->session);
        produce_loop(&produce);
        if (produce.producer.options.acks == 0) {
            drain(&produce);
        }
        code = produce.producer.failed != EXIT_OK ? produce.producer.failed : produce.code;
        summary(&produce);
    }
    loop_watch_release(&produce.watch);
    producer_release(&produce.producer);
    buf_release(&produce.in);
    buf_release(&produce.headers);
    buf_release(&produce.fixed_headers);
    arena_release(&produce.line_arena);
    return code;
}
