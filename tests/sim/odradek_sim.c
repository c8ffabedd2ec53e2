/*
 * odradek-sim --seed S [--keep LIST] [--only LIST]     one run, or a part of it, explained
 *     [--log] [--until T] [--verbose] [--dump FILE]
 * odradek-sim --minimise S [--minutes M]               which of its faults, clients and nodes does this failure need?
 * odradek-sim --seeds A..B [--minutes M] [--jobs J]    a swarm: each seed in a process of its own; 5 % of them twice
 * odradek-sim --raft | --replica | --log | --state | --group | --store ... one core alone: core/core_swarm.c
 *
 * --keep 3,7,12: of the seed's faults only these; --only producers=1,brokers=2: of its clients and nodes no more. --until T: it
 * stops after so many seconds of its own time, and tells what there is. --log: what all nodes say in the two seconds before
 * that, or before it went wrong. --verbose: all that they ever say.
 *
 * Exit code 0: nothing wrong; 1: something acknowledged or promised was not so; 2: usage; 3: stuck, it did not recover after
 * everything was repaired; 4: an assertion or a signal. Of several failures the lowest counts. Each failure prints the line
 * that replays it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/mutant.h"
#include "tests/sim/minimise.h"
#include "tests/sim/swarm.h"

#define LOG_US (2 * INT64_C(1000000)) /* of log lines before the end */

/* ---- one seed ---- */

static char alone_line[700]; /* made beforehand: what a crash says */

static void on_abort(int signal_number)
{
    (void)signal_number;
    ssize_t written = write(1, alone_line, strlen(alone_line));
    (void)written;
    _exit(OUTCOME_CRASHED);
}

/* When it goes wrong, or ends. */
static time_us end_of(const struct run_options *options)
{
    struct run_options quiet = {.seed = options->seed, .cut = options->cut};
    struct run_result result;
    quiet.progress = mmap(NULL, sizeof(*quiet.progress), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert(quiet.progress != MAP_FAILED);
    *quiet.progress = (struct run_progress){0};
    struct job job = job_start(&quiet, false);
    job_end(&job, &result);
    return quiet.progress->now_us;
}

static int alone_run(struct run_options *options, const char *name, bool log)
{
    struct run_result result;
    if (log) {
        time_us end_us = options->until_us > 0 ? options->until_us : end_of(options);
        options->log_from_us = max_i64(end_us - LOG_US, 1);
    }
    (void)snprintf(alone_line, sizeof(alone_line), "CRASHED seed %llu\n  again: %s --seed %llu\n",
                   (unsigned long long)options->seed, name, (unsigned long long)options->seed);
    (void)signal(SIGABRT, on_abort);
    (void)signal(SIGSEGV, on_abort);
    run_seed(options, &result);
    (void)printf(
        "%llu events, %.1f s simulated, %llu acknowledged, %llu read, %llu faults, %llu elections, hash"
        " %016llx%016llx\n",
        (unsigned long long)result.events, (double)result.simulated_us / 1e6,
        (unsigned long long)result.acked, (unsigned long long)result.read,
        (unsigned long long)result.faults, (unsigned long long)result.elections,
        (unsigned long long)result.hash.high, (unsigned long long)result.hash.low);
    if (result.outcome == OUTCOME_GOOD) {
        (void)printf("nothing wrong\n");
    } else {
        (void)printf("%s: %s: %s\n", outcome_name(result.outcome), result.checker, result.sentence);
    }
    return (int)result.outcome;
}

static int usage(void)
{
    (void)fprintf(
        stderr,
        "usage: odradek-sim --seed S [--keep LIST] [--only LIST] [--log] [--until T]"
        " [--verbose] [--dump FILE]\n"
        "       odradek-sim --minimise S [--minutes M]\n"
        "       odradek-sim [--seeds A..B] [--minutes M] [--jobs J] [--failures N]\n"
        "       odradek-sim --raft|--replica|--log|--state|--group|--store [--seed S | --seeds A..B] [--minutes M]\n"
        "                   [--cpu SECONDS] [--jobs J] [--failures N]\n");
    return OUTCOME_USAGE;
}

static bool core_meant(const char *option)
{
    static const char *const cores[] = {"--raft",  "--replica", "--log",
                                        "--state", "--group",   "--store"};
    for (size_t i = 0; i < ARRAY_LEN(cores); i++) {
        if (strcmp(option, cores[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Each is its own program, beside this one: their worlds have the same names for other things. */
static int core_run(char **argv)
{
    char path[512];
    char name[512];
    (void)snprintf(path, sizeof(path), "%s-%s", argv[0], argv[1] + 2);
    (void)snprintf(name, sizeof(name), "%s %s", argv[0], argv[1]);
    argv[1] = name;
    (void)execv(path, argv + 1);
    (void)fprintf(stderr, "odradek-sim: %s cannot be run\n", path);
    return OUTCOME_USAGE;
}

struct arguments {
    struct swarm swarm;
    struct run_options alone;
    struct plan_cut cut;
    bool one;
    bool log;
    bool minimise;
};

/* Whole words. */
static bool flag_take(struct arguments *a, const char *name)
{
    if (strcmp(name, "--verbose") == 0) {
        a->alone.verbose = true;
    } else if (strcmp(name, "--log") == 0) {
        a->log = true;
    } else {
        return false;
    }
    return true;
}

/* Of one run. true: it is one of these; *ret_end: where its value was understood up to. */
static bool option_of_one(struct arguments *a, const char *name, const char *value, char **ret_end)
{
    if (strcmp(name, "--seed") == 0 || strcmp(name, "--minimise") == 0) {
        a->alone.seed = strtoull(value, ret_end, 0);
        a->one = true;
        a->minimise = strcmp(name, "--minimise") == 0;
    } else if (strcmp(name, "--until") == 0) {
        a->alone.until_us = (time_us)(strtod(value, ret_end) * 1e6);
    } else if (strcmp(name, "--keep") == 0) {
        *ret_end = cut_parse_keep(&a->cut, value) ? "" : "x";
    } else if (strcmp(name, "--only") == 0) {
        *ret_end = cut_parse_only(&a->cut, value) ? "" : "x";
    } else if (strcmp(name, "--dump") == 0) {
        a->alone.dump = value;
        *ret_end = "";
    } else {
        return false;
    }
    return true;
}

static bool option_take(struct arguments *a, const char *name, const char *value)
{
    char *end = "x";
    struct swarm *swarm = &a->swarm;
    if (option_of_one(a, name, value, &end)) {
        return *end == '\0';
    }
    if (strcmp(name, "--seeds") == 0) {
        swarm->first = strtoull(value, &end, 0);
        swarm->last = strncmp(end, "..", 2) == 0 ? strtoull(end + 2, &end, 0) : swarm->first;
    } else if (strcmp(name, "--minutes") == 0) {
        swarm->seconds = strtod(value, &end) * 60;
    } else if (strcmp(name, "--jobs") == 0) {
        swarm->jobs = (uint32_t)strtoul(value, &end, 10);
    } else if (strcmp(name, "--failures") == 0) {
        swarm->failures_max = (uint32_t)strtoul(value, &end, 10);
#ifdef ODRADEK_TESTS_MUTANTS_VARIABLE_H
    } else if (strcmp(name, "--mutant") == 0) {
        odradek_mutant = swarm->mutant = (int)strtol(value, &end, 10);
#endif
    }
    return *value != '\0' && *end == '\0';
}

int main(int argc, char **argv)
{
    struct arguments a = {.swarm = {.first = 1,
                                    .last = UINT64_MAX - 1,
                                    .seconds = 1e12,
                                    .jobs = 1,
                                    .failures_max = 10,
                                    .name = argv[0]},
                          .alone = {.explain = true, .cut = &a.cut}};
    if (argc > 1 && core_meant(argv[1])) {
        return core_run(argv);
    }
    for (int i = 1; i < argc; i++) {
        if (flag_take(&a, argv[i])) {
            continue;
        }
        if (i + 1 == argc || !option_take(&a, argv[i], argv[i + 1])) {
            return usage();
        }
        i++;
    }
    if (a.swarm.jobs == 0 || a.swarm.jobs > JOBS_MAX) {
        return usage();
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (a.minimise) {
        return minimise_run(a.alone.seed, &a.cut, a.swarm.seconds, argv[0]);
    }
    return a.one ? alone_run(&a.alone, argv[0], a.log) : swarm_run(&a.swarm);
}
