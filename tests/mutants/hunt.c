/*
 * odradek-hunt [--seeds N] [--first S] [--cpu SECONDS] [--jobs J] NUMBER[:N]...     (only in a mutant build)
 *
 * For each number, the whole cluster is simulated with that bug planted, seed after seed, until one of N seeds is found out: a
 * checker speaks, an assertion fails, it does not recover, and the same seed without the bug does none of that. One line each:
 *
 *     NUMBER found SEEDS SECONDS SEED CHECKER SENTENCE
 *     NUMBER missed SEEDS SECONDS
 *
 * SEEDS: how many were run; SECONDS: of processor time; --cpu: no seed begins after so much of it. Exit code 0: all were found, 1: not all, 2: usage.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/mutant.h"
#include "tests/sim/run.h"

#define SEED_SECONDS 40 /* of processor time: what takes longer does not end */

/* ---- one seed in a child ---- */

static int result_pipe;

static void tell(const struct run_result *result)
{
    ssize_t n = write(result_pipe, result, sizeof(*result));
    _exit(n == (ssize_t)sizeof(*result) ? 0 : 9);
}

/* Instead of the C library's: the assertion is what found it, and its place is worth telling. */
void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function)
{
    struct run_result result = {.outcome = OUTCOME_CRASHED};
    (void)function;
    (void)snprintf(result.checker, sizeof(result.checker), "assertion");
    (void)snprintf(result.sentence, sizeof(result.sentence), "%s:%u: %s", file, line, assertion);
    tell(&result);
    abort();
}

static void child_run(uint64_t seed)
{
    struct run_options options = {.seed = seed};
    struct run_result result;
    struct rlimit limit = {.rlim_cur = SEED_SECONDS, .rlim_max = SEED_SECONDS};
    (void)setrlimit(RLIMIT_CPU, &limit);
    FILE *quiet = freopen("/dev/null", "w", stderr);
    assert(quiet != NULL);
    run_seed(&options, &result);
    tell(&result);
}

static void seed_run(uint64_t seed, int mutant, struct run_result *ret_result)
{
    int ends[2];
    int status = 0;
    if (pipe(ends) != 0) {
        abort();
    }
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        result_pipe = ends[1];
        odradek_mutant = mutant;
        child_run(seed);
    }
    (void)close(ends[1]);
    ssize_t n = read(ends[0], ret_result, sizeof(*ret_result));
    (void)close(ends[0]);
    if (waitpid(child, &status, 0) != child || n != (ssize_t)sizeof(*ret_result)) {
        *ret_result = (struct run_result){.outcome = OUTCOME_CRASHED};
        (void)snprintf(ret_result->checker, sizeof(ret_result->checker), "crash");
        (void)snprintf(ret_result->sentence, sizeof(ret_result->sentence), "signal %d",
                       WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    }
}

/* ---- one bug ---- */

static double seconds_used(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* In a process of its own. */
static int hunt(int mutant, uint64_t first, uint64_t seeds, uint64_t cpu_seconds)
{
    uint64_t i = 0;
    for (; i < seeds && seconds_used() < (double)cpu_seconds; i++) {
        struct run_result result;
        struct run_result without;
        seed_run(first + i, mutant, &result);
        if (result.outcome == OUTCOME_GOOD) {
            continue;
        }
        double seconds = seconds_used();
        seed_run(first + i, 0, &without);
        if (without.outcome != OUTCOME_GOOD) {
            continue; /* that is another bug, and not planted */
        }
        for (char *c = result.checker; *c != '\0'; c++) {
            *c = *c == ' ' ? '-' : *c;
        }
        (void)printf("%d found %llu %.1f %llu %s %s\n", mutant, (unsigned long long)(i + 1),
                     seconds, (unsigned long long)(first + i), result.checker, result.sentence);
        return 0;
    }
    (void)printf("%d missed %llu %.1f\n", mutant, (unsigned long long)i, seconds_used());
    return 1;
}

static bool wait_one(void)
{
    int status = 0;
    return wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int usage(void)
{
    (void)fprintf(
        stderr,
        "usage: odradek-hunt [--seeds N] [--first S] [--cpu SECONDS] [--jobs J] NUMBER[:N]...\n");
    return 2;
}

int main(int argc, char **argv)
{
    uint64_t seeds = 100;
    uint64_t first = 1;
    uint64_t jobs = 1;
    uint64_t cpu_seconds = 1000000;
    uint64_t running = 0;
    bool all = true;
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        uint64_t value = strtoull(argv[i + 1], NULL, 10);
        uint64_t *to = strcmp(argv[i], "--seeds") == 0   ? &seeds
                       : strcmp(argv[i], "--first") == 0 ? &first
                       : strcmp(argv[i], "--jobs") == 0  ? &jobs
                       : strcmp(argv[i], "--cpu") == 0   ? &cpu_seconds
                                                         : NULL;
        if (to == NULL || value == 0) {
            return usage();
        }
        *to = value;
    }
    if (i == argc) {
        return usage();
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (; i < argc; i++) {
        char *end = NULL;
        int mutant = (int)strtol(argv[i], &end, 10);
        uint64_t most = *end == ':' ? strtoull(end + 1, &end, 10) : seeds;
        if (mutant <= 0 || *end != '\0' || most == 0) {
            return usage();
        }
        if (running == jobs) {
            all = wait_one() && all;
            running--;
        }
        running++;
        (void)fflush(stdout);
        if (fork() == 0) {
            _exit(hunt(mutant, first, most, cpu_seconds));
        }
    }
    for (; running > 0; running--) {
        all = wait_one() && all;
    }
    return all ? 0 : 1;
}
