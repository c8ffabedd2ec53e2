/*
 * odradek: the command line. `odradek help` lists the commands; what each is and takes stands in commands.c.
 * Exit codes: commands.c, exit_meanings.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/manual.h"
#include "common/host/host.h"

#define MEMORY_MAX ((size_t)2 << 30)

/* The host blocks the signals of a server; here they end the process, unless a command catches them. */
static void signals_default(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static int run(const struct args *args)
{
    struct cli cli;
    struct host *host = host_open(
        &(struct host_options){.pool_threads = 1, .memory_max_bytes = MEMORY_MAX});
    if (host == NULL) {
        (void)fputs("odradek: no threads or memory left on this machine\n", stderr);
        return EXIT_FAILED;
    }
    signals_default();
    int code = cli_init(&cli, host, args);
    if (code == EXIT_OK) {
        code = args->command->run(&cli);
    }
    if (cli.loop != NULL) {
        cli_json_error(&cli);
    }
    if (cli.loop != NULL && !cli_flush(&cli) && cli.out_failed) {
        (void)fputs("odradek: standard output cannot be written; is the disk full?\n", stderr);
        code = code == EXIT_OK ? EXIT_FAILED : code;
    }
    cli_release(&cli);
    host_close(host);
    return code;
}

static bool json_wanted(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

/* The host is not open yet: what is written here needs no heap. */
static int usage(const struct args *args, bool json)
{
    (void)fprintf(stderr, "odradek: %s\n", args->why);
    if (json) {
        manual_usage_error(args->why);
    }
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct args args;
    if (args_parse(&args, argc - 1, argv + 1) != OK) {
        return usage(&args, json_wanted(argc, argv));
    }
    if (args.help || args.command == NULL) {
        manual_help(stdout, args.command);
        return args.help ? EXIT_OK : EXIT_USAGE;
    }
    return run(&args);
}
