#include "common/main/start.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "common/port/clock.h"
#include "common/port/console.h"
#include "common/port/disk.h"
#include "common/port/memory.h"

#define VERSION     "0.1.0"
#define MEMORY_MAX  ((size_t)16 << 30)
#define CONFIG_ROOM ((size_t)32 << 20)

bool start_fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return false;
}

static void usage(FILE *to, const char *name, const char *purpose)
{
    (void)fprintf(to,
                  "%s\n\nusage: %s CONFIG.properties [--override key=value]...\n\n"
                  "  --override key=value  wins over the file; may be given several times\n"
                  "  --check-config        says whether the configuration is good, and ends\n"
                  "  --version             prints the version\n"
                  "  --help                prints this\n\n"
                  "Keys are Kafka's; docs/CONFIG.md lists those that have an effect.\n",
                  purpose, name);
}

static bool file_read(struct start *start, const char *path)
{
    struct slice text;
    err_t err = disk_read_file(start->host, path, CONFIG_FILE_MAX, &start->arena, &text);
    if (err != OK) {
        return start_fail("%s: %s; give the path of a .properties file", path, err_text(err));
    }
    config_read(&start->config, text, path);
    return true;
}

/* 0: go on; else end with this exit code - 1. */
static int argument(struct start *start, int argc, char **argv, int *at, const char *purpose)
{
    const char *word = argv[*at];
    if (strcmp(word, "--help") == 0) {
        usage(stdout, start->name, purpose);
        return 1;
    }
    if (strcmp(word, "--version") == 0) {
        (void)printf("%s %s\n", start->name, VERSION);
        return 1;
    }
    if (strcmp(word, "--check-config") == 0) {
        start->check_only = true;
    } else if (strcmp(word, "--override") == 0 && *at + 1 < argc) {
        config_override(&start->config, slice_str(argv[++*at]));
    } else if (word[0] == '-') {
        (void)start_fail("%s: no such option; --help lists them", word);
        return 3;
    }
    return 0;
}

static bool is_option_value(char **argv, int at)
{
    return at > 1 && strcmp(argv[at - 1], "--override") == 0;
}

static int arguments(struct start *start, int argc, char **argv, const char *purpose)
{
    bool file = false;
    for (int i = 1; i < argc; i++) { /* the file first: overrides win wherever they stand */
        if (argv[i][0] != '-' && !is_option_value(argv, i)) {
            if (!file_read(start, argv[i])) {
                return 2;
            }
            file = true;
        }
    }
    for (int i = 1; i < argc; i++) {
        int end = argument(start, argc, argv, &i, purpose);
        if (end != 0) {
            return end;
        }
    }
    if (!file) {
        usage(stderr, start->name, purpose);
        return 3;
    }
    return 0;
}

static int checked_run(struct start *start, const char *role, int (*run)(const struct start *))
{
    static const char *const grades[] = {"note", "warning", "error"};
    struct config *config = &start->config;
    char host_name[HOST_NAME_MAX_BYTES + 1] = "";
    if (gethostname(host_name, sizeof(host_name) - 1) != 0 || host_name[0] == '\0') {
        (void)snprintf(host_name, sizeof(host_name), "localhost");
    }
    config_finish(config, role, host_name, &start->net);
    for (uint32_t i = 0; i < config->message_count; i++) {
        (void)fprintf(stderr, "%s: %s\n", grades[config->grades[i]], config->messages[i]);
    }
    if (config->untold > 0) {
        (void)fprintf(stderr, "warning: %u more messages of this kind\n", config->untold);
    }
    if (config_failed(config)) {
        return 1;
    }
    if (start->check_only) {
        (void)printf("the configuration is good\n");
        return 0;
    }
    return run(start);
}

int start_main(int argc, char **argv, const char *role, const char *purpose,
               int (*run)(const struct start *))
{
    char name[32];
    (void)snprintf(name, sizeof(name), "odradek-%s", role);
    struct start start = {.name = name};
    start.host = host_open(
        &(struct host_options){.pool_threads = 4, .memory_max_bytes = MEMORY_MAX});
    if (start.host == NULL) {
        (void)start_fail("%s: no threads or memory left on this machine", name);
        return 3;
    }
    arena_init(&start.arena, memory_source(start.host), 65536, CONFIG_ROOM);
    config_init(&start.config, &start.arena);
    int end = arguments(&start, argc, argv, purpose);
    int status = end != 0 ? end - 1 : checked_run(&start, role, run);
    arena_release(&start.arena);
    host_close(start.host);
    return status;
}

void start_address(const struct config_address *from, struct net_address *ret_address)
{
    (void)snprintf(ret_address->host, sizeof(ret_address->host), "%s", from->host);
    ret_address->port = from->port;
}

static void trace_write(void *ctx, struct slice line)
{
    console_write(ctx, line);
}

static time_ms trace_now(void *ctx)
{
    return clock_wall_ms(ctx);
}

static void levels_set(struct slice list, struct trace *trace)
{
    struct slice item;
    while (config_item(&list, &item)) {
        enum trace_level level;
        enum trace_room room;
        const uint8_t *equals = memchr(item.p, '=', item.n);
        size_t n = equals == NULL ? 0 : (size_t)(equals - item.p);
        if (equals == NULL && trace_level_parse(item, &level)) {
            trace_set_root(trace, level);
        } else if (equals != NULL && trace_room_parse(slice_of(item.p, n), &room) &&
                   trace_level_parse(slice_of(equals + 1, item.n - n - 1), &level)) {
            trace_set_level(trace, room, level);
        } else {
            (void)start_fail("warning: log.level: %.*s is no level and no room=level", (int)item.n,
                             (const char *)item.p);
        }
    }
}

void start_trace(const struct start *start, const char *node, struct trace *ret_trace)
{
    trace_init(ret_trace, node, trace_write, trace_now, start->host);
    ret_trace->json = slice_eq(config_text(&start->config, CONFIG_LOG_FORMAT), slice_str("json"));
    levels_set(config_text(&start->config, CONFIG_LOG_LEVEL), ret_trace);
}

const char *start_signal_name(int number)
{
    return number == SIGTERM  ? "SIGTERM"
           : number == SIGINT ? "SIGINT"
           : number == SIGHUP ? "SIGHUP"
                              : "a signal";
}
