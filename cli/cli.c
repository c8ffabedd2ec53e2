#include "cli/cli.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/port/memory.h"

#define OUT_MAX   ((size_t)300 << 20) /* a batch of BATCH_OUTPUT_MAX, escaped a little */
#define ARENA_MAX ((size_t)512 << 20)

static const char default_bootstrap[] = "localhost:9092";

static int bootstrap_read(struct cli *cli)
{
    const char *from = "--bootstrap-server";
    const char *list = args_text(cli->args, "bootstrap-server");
    struct slice bad;
    if (list == NULL) {
        from = "ODRADEK_BOOTSTRAP";
        list = getenv(from);
    }
    if (list == NULL || list[0] == '\0') {
        list = default_bootstrap;
    }
    err_t err = session_bootstrap(&cli->session, list, &bad);
    if (err == OK) {
        return EXIT_OK;
    }
    return cli_fail(cli, EXIT_USAGE, "give host:port, several with commas between them",
                    err == ERR_LIMIT ? "%s: %.*s: more than 16 addresses"
                                     : "%s: '%.*s' is no address",
                    from, (int)bad.n, (const char *)bad.p);
}

int cli_init(struct cli *cli, struct host *host, const struct args *args)
{
    assert(args->command != NULL);
    memset(cli, 0, sizeof(*cli));
    cli->host = host;
    cli->args = args;
    cli->signal_watch.fd = -1;
    err_t err = loop_open(host, "odradek", &cli->loop);
    if (err != OK) {
        (void)fprintf(stderr, "odradek: %s\n", err_text(err));
        return EXIT_FAILED;
    }
    bool asks = !args->command->offline;
    session_init(&cli->session, host, cli->loop,
                 asks ? args_number(args, "timeout", 10) * 1000000 : 0);
    arena_init(&cli->arena, memory_source(host), 65536, ARENA_MAX);
    buf_init(&cli->out, &cli->session.heap, OUT_MAX);
    json_init(&cli->json_out, &cli->out);
    cli->progress = isatty(STDERR_FILENO);
    cli->wide = isatty(STDOUT_FILENO);
    if (!asks) {
        return EXIT_OK;
    }
    cli->json = args_flag(args, "json");
    return bootstrap_read(cli);
}

static void signal_close(struct cli *cli)
{
    if (cli->signal_watch.fd >= 0) {
        loop_watch_release(&cli->signal_watch);
        (void)close(cli->signal_watch.fd);
        cli->signal_watch.fd = -1;
    }
}

void cli_release(struct cli *cli)
{
    if (cli->loop == NULL) {
        return;
    }
    signal_close(cli);
    buf_release(&cli->out);
    arena_release(&cli->arena);
    session_release(&cli->session);
    loop_join(cli->loop);
}

bool cli_flush(struct cli *cli)
{
    assert(cli->loop != NULL);
    size_t at = 0;
    while (at < cli->out.n && !cli->out_broken) {
        ssize_t n = write(STDOUT_FILENO, cli->out.p + at, cli->out.n - at);
        if (n > 0) {
            at += (size_t)n;
        } else if (errno != EINTR && errno != EAGAIN) {
            cli->out_broken = true;
            cli->out_failed = errno != EPIPE;
        }
    }
    if (cli->out.err != OK) {
        cli->out_failed = true;
        cli->out_broken = true;
    }
    buf_clear(&cli->out);
    return !cli->out_broken;
}

/* ---- errors ---- */

void cli_json_error(struct cli *cli)
{
    struct json *json = &cli->json_out;
    if (cli->error_message == NULL || cli->error_written || !cli->json) {
        return;
    }
    bool alone = json->depth == 0;
    if (alone) {
        json_open(json, NULL, '{');
    }
    json_open(json, "error", '{');
    json_text(json, "message", cli->error_message);
    json_text(json, "next", cli->error_next);
    json_number(json, "exit_code", cli->error_code);
    json_close(json);
    if (alone) {
        json_close(json);
    }
    cli->error_written = true;
}

int cli_fail(struct cli *cli, enum exit_code code, const char *next, const char *fmt, ...)
{
    char message[1024];
    va_list list;
    va_start(list, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, list);
    va_end(list);
    assert(code != EXIT_OK);
    cli_progress_end(cli);
    (void)fprintf(stderr, "odradek: %s\n", message);
    if (next != NULL) {
        (void)fprintf(stderr, "  next: %s\n", next);
    }
    if (cli->json && cli->error_message == NULL) {
        cli->error_message = cli_str(cli, slice_str(message));
        cli->error_next = next;
        cli->error_code = code;
        cli->error_written = cli->json_out.depth > 0; /* its place is in what is being written */
    }
    return code;
}

static const char *err_next(err_t err)
{
    switch (err) {
    case ERR_REFUSED:
        return "nothing listens there: start a broker, or give another address with --bootstrap-server";
    case ERR_UNREACHABLE:
        return "the name or address does not lead anywhere: check it, or give another with --bootstrap-server";
    case ERR_TIMEOUT:
        return "run `odradek doctor` with the same address to see which hop is slow, or give --timeout SECONDS";
    case ERR_CLOSED:
        return "the other side hung up: is it a Kafka listener without TLS and SASL? `odradek doctor` looks closer";
    case ERR_MALFORMED:
    case ERR_TRUNCATED:
    case ERR_TOO_LARGE: return "what answers there does not speak Kafka's protocol: check the port";
    case ERR_UNSUPPORTED:
        return "this broker is too old, or too new, for this request: `odradek doctor` lists what it serves";
    default: return "`odradek doctor` looks at every hop between here and the cluster";
    }
}

static enum exit_code err_exit(err_t err)
{
    switch (err) {
    case ERR_REFUSED:
    case ERR_UNREACHABLE:
    case ERR_CLOSED:
    case ERR_IO:
    case ERR_MALFORMED:
    case ERR_TRUNCATED:
    case ERR_TOO_LARGE: return EXIT_NO_CONNECTION;
    case ERR_TIMEOUT: return EXIT_TIMED_OUT;
    default: return EXIT_FAILED;
    }
}

int cli_fail_err(struct cli *cli, err_t err, const struct link *link, const char *what)
{
    const struct session *session = &cli->session;
    assert(err != OK);
    if (session->interrupted) {
        return cli_fail(cli, EXIT_FAILED, NULL, "%s: interrupted", what);
    }
    if (link != NULL) {
        return cli_fail(cli, err_exit(err), err_next(err), "%s: %s:%u: %s", what,
                        link->address.host, link->address.port, err_text(err));
    }
    char list[400] = "";
    size_t at = 0;
    for (uint32_t i = 0; i < session->bootstrap_count && at < sizeof(list); i++) {
        int n = snprintf(list + at, sizeof(list) - at, "%s%s:%u", i == 0 ? "" : ", ",
                         session->bootstrap[i].host, session->bootstrap[i].port);
        assert(n > 0);
        at += (size_t)n;
    }
    return cli_fail(cli, err_exit(err), err_next(err), "%s: no broker answers at %s: %s", what,
                    list, err_text(err));
}

enum exit_code kafka_exit(int16_t code)
{
    switch (code) {
    case KAFKA_TOPIC_AUTHORIZATION_FAILED:
    case KAFKA_GROUP_AUTHORIZATION_FAILED:
    case KAFKA_CLUSTER_AUTHORIZATION_FAILED:
    case KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case KAFKA_SASL_AUTHENTICATION_FAILED: return EXIT_DENIED;
    case KAFKA_REQUEST_TIMED_OUT: return EXIT_TIMED_OUT;
    case KAFKA_NONE: return EXIT_OK;
    default: return EXIT_FAILED;
    }
}

const char *kafka_next(int16_t code)
{
    switch (code) {
    case KAFKA_UNKNOWN_TOPIC_OR_PARTITION:
    case KAFKA_UNKNOWN_TOPIC_ID:
        return "`odradek topics list` shows the topics there are; `odradek topics create` makes one";
    case KAFKA_TOPIC_ALREADY_EXISTS:
        return "`odradek topics describe` shows it; --if-not-exists makes this no error";
    case KAFKA_INVALID_REPLICATION_FACTOR:
        return "`odradek cluster` shows how many brokers live; give fewer --replicas";
    case KAFKA_INVALID_TOPIC_EXCEPTION:
        return "letters, digits, '.', '_' and '-' make a name, 249 of them at most";
    case KAFKA_INVALID_CONFIG:
        return "docs/CONFIG.md lists the settings of topics and their values";
    case KAFKA_NOT_ENOUGH_REPLICAS:
    case KAFKA_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
        return "too few replicas are in sync: `odradek cluster` shows which brokers are missing";
    case KAFKA_LEADER_NOT_AVAILABLE:
    case KAFKA_NOT_LEADER_OR_FOLLOWER:
        return "the partition has no leader now: `odradek cluster` shows why; try again";
    case KAFKA_MESSAGE_TOO_LARGE:
    case KAFKA_RECORD_LIST_TOO_LARGE:
        return "`odradek topics alter TOPIC --set max.message.bytes=N` allows larger ones; --batch-bytes makes smaller batches";
    case KAFKA_REQUEST_TIMED_OUT:
        return "`odradek cluster` shows whether the controllers have a leader; try again";
    case KAFKA_TOPIC_AUTHORIZATION_FAILED:
    case KAFKA_CLUSTER_AUTHORIZATION_FAILED: return "ask the cluster's operator for the permission";
    default: return NULL;
    }
}

int cli_fail_kafka(struct cli *cli, int16_t code, struct slice message, const char *what)
{
    assert(what != NULL);
    assert(code != KAFKA_NONE);
    if (message.p != NULL && message.n > 0) {
        return cli_fail(cli, kafka_exit(code), kafka_next(code), "%s: %.*s (%s)", what,
                        (int)min_i64((int64_t)message.n, 600), (const char *)message.p,
                        kafka_error_name(code));
    }
    return cli_fail(cli, kafka_exit(code), kafka_next(code), "%s: %s", what,
                    kafka_error_name(code));
}

/* ---- standard error ---- */

void cli_note(struct cli *cli, const char *fmt, ...)
{
    va_list list;
    cli_progress_end(cli);
    va_start(list, fmt);
    (void)vfprintf(stderr, fmt, list);
    va_end(list);
    (void)fputc('\n', stderr);
}

void cli_progress(struct cli *cli, const char *fmt, ...)
{
    if (!cli->progress) {
        return;
    }
    va_list list;
    va_start(list, fmt);
    (void)fputs("\r\033[K", stderr);
    (void)vfprintf(stderr, fmt, list);
    va_end(list);
    (void)fflush(stderr);
}

void cli_progress_end(struct cli *cli)
{
    if (cli->progress) {
        (void)fputs("\r\033[K", stderr);
    }
}

/* ---- signals ---- */

static void on_signal(struct loop_watch *watch)
{
    struct cli *cli = CONTAINER_OF(watch, struct cli, signal_watch);
    sigset_t set;
    struct signalfd_siginfo info;
    ssize_t n = read(watch->fd, &info, sizeof(info));
    cli->session.interrupted = n > 0;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* the next one ends the process */
}

void cli_catch_signals(struct cli *cli)
{
    sigset_t set;
    assert(cli->signal_watch.fd < 0);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    cli->signal_watch.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    cli->signal_watch.ready = on_signal;
    if (cli->signal_watch.fd < 0 || loop_watch_arm(cli->loop, &cli->signal_watch) != OK) {
        (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
        signal_close(cli);
    }
}

const char *cli_str(struct cli *cli, struct slice text)
{
    char *copy = arena_alloc(&cli->arena, text.n + 1);
    if (copy == NULL) {
        return "?";
    }
    if (text.n > 0) {
        memcpy(copy, text.p, text.n);
    }
    return copy;
}
