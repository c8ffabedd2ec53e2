/*
 * odradek-sim --CORE --seed S                            one run of one core alone, told step by step where its world can
 * odradek-sim --CORE [--seeds A..B] [--minutes M]        a swarm
 *     [--cpu SECONDS] [--jobs J] [--failures N]
 *
 * --CORE: --raft, --replica, --log, --state, --group or --store; each is a program of its own (core.h). --cpu: of each job's processor time.
 * --failures: it ends after so many (10). Exit codes as odradek-sim: 1 wrong, 2 usage, 3 stuck, 4 an assertion or a signal.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/types.h"
#include "tests/sim/core/core.h"
#include "tests/sim/probes.h"

#define JOBS_MAX     64
#define TOLD_EVERY_S 30

/* Kept by all children in memory that they share. */
struct totals {
    _Atomic uint64_t seeds;
    _Atomic uint64_t simulated_ms;
    _Atomic uint64_t counts[CORE_COUNTS_MAX];
    _Atomic uint64_t probes[PROBES];
    _Atomic uint64_t failed;
    _Atomic int code;              /* the lowest of the failures; 0: none */
    _Atomic uint64_t at[JOBS_MAX]; /* the seed under way */
};

struct swarm {
    uint64_t first;
    uint64_t last;
    double seconds;
    double cpu_seconds;
    uint64_t failures_max;
    uint32_t jobs;
    const char *name;
    double start;
    struct totals *totals;
};

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void failed(struct swarm *swarm, uint64_t seed, int code, const char *why)
{
    struct totals *t = swarm->totals;
    atomic_fetch_add(&t->failed, 1);
    int before = atomic_load(&t->code);
    while ((before == 0 || code < before) &&
           !atomic_compare_exchange_weak(&t->code, &before, code)) {}
    (void)printf("%s seed %llu: %s\n  again: %s --seed %llu\n",
                 code == 1   ? "WRONG"
                 : code == 3 ? "STUCK"
                             : "CRASHED",
                 (unsigned long long)seed, why, swarm->name, (unsigned long long)seed);
}

/* ---- a child ---- */

static void count(struct totals *t, const struct core_result *result)
{
    uint32_t probes[PROBES];
    atomic_fetch_add(&t->seeds, 1);
    atomic_fetch_add(&t->simulated_ms, (uint64_t)result->simulated_ms);
    for (uint32_t i = 0; i < CORE_COUNTS_MAX; i++) {
        atomic_fetch_add(&t->counts[i], result->counts[i]);
    }
    probes_take(probes);
    for (uint32_t i = 0; i < PROBES; i++) {
        atomic_fetch_add(&t->probes[i], probes[i]);
    }
}

static bool goes_on(const struct swarm *swarm)
{
    return seconds_of(CLOCK_MONOTONIC) - swarm->start < swarm->seconds &&
           seconds_of(CLOCK_PROCESS_CPUTIME_ID) < swarm->cpu_seconds &&
           atomic_load(&swarm->totals->failed) < swarm->failures_max;
}

static void child_run(struct swarm *swarm, uint32_t job, uint64_t from)
{
    struct core_result result;
    for (uint64_t seed = from; seed <= swarm->last && goes_on(swarm); seed += swarm->jobs) {
        atomic_store(&swarm->totals->at[job], seed);
        core_run(seed, false, &result);
        if (!result.good) {
            failed(swarm, seed, result.stuck ? 3 : 1, result.sentence);
        }
        count(swarm->totals, &result);
    }
    (void)fflush(stdout);
    _exit(0);
}

static pid_t child_start(struct swarm *swarm, uint32_t job, uint64_t from)
{
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        child_run(swarm, job, from);
    }
    return child;
}

/* ---- the swarm ---- */

static void tell(const struct swarm *swarm, const char *word)
{
    struct totals *t = swarm->totals;
    double seconds = seconds_of(CLOCK_MONOTONIC) - swarm->start;
    (void)printf("%s: %llu seeds, %llu failed, %.0f s", word, (unsigned long long)t->seeds,
                 (unsigned long long)t->failed, seconds);
    if (t->simulated_ms > 0) {
        (void)printf("; %.1f cluster hours", (double)t->simulated_ms / 3.6e6);
    }
    for (uint32_t i = 0; core_told.counts[i] != NULL; i++) {
        (void)printf(", %llu %s", (unsigned long long)t->counts[i], core_told.counts[i]);
    }
    (void)printf("\n");
}

static int swarm_run(struct swarm *swarm)
{
    pid_t children[JOBS_MAX] = {0};
    uint32_t running = 0;
    double told = swarm->start;
    swarm->totals = mmap(NULL, sizeof(*swarm->totals), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert(swarm->totals != MAP_FAILED);
    for (uint32_t j = 0; j < swarm->jobs; j++, running++) {
        children[j] = child_start(swarm, j, swarm->first + j);
    }
    while (running > 0) {
        int status = 0;
        pid_t ended = waitpid(-1, &status, WNOHANG);
        for (uint32_t j = 0; j < swarm->jobs && ended > 0; j++) {
            if (children[j] == ended && WIFSIGNALED(status)) {
                uint64_t seed = atomic_load(&swarm->totals->at[j]);
                failed(swarm, seed, 4, "an assertion or a signal");
                children[j] = child_start(swarm, j, seed + swarm->jobs);
            } else if (children[j] == ended) {
                running--;
            }
        }
        if (ended == 0) {
            (void)usleep(50000);
        }
        if (seconds_of(CLOCK_MONOTONIC) - told > TOLD_EVERY_S) {
            told = seconds_of(CLOCK_MONOTONIC);
            tell(swarm, "so far");
        }
    }
    tell(swarm, "swarm");
    uint64_t probes[PROBES];
    for (uint32_t i = 0; i < PROBES; i++) {
        probes[i] = atomic_load(&swarm->totals->probes[i]);
    }
    if (probes_counted()) {
        (void)probes_print(probes, core_told.probes);
    }
    return atomic_load(&swarm->totals->code);
}

static int alone_run(uint64_t seed)
{
    struct core_result result;
    core_run(seed, true, &result);
    (void)printf("%s\n", result.good ? "nothing wrong" : result.sentence);
    return result.good ? 0 : result.stuck ? 3 : 1;
}

static int usage(const char *name)
{
    (void)fprintf(
        stderr,
        "usage: %s --seed S\n"
        "       %s [--seeds A..B] [--minutes M] [--cpu SECONDS] [--jobs J] [--failures N]\n"
        "%s\n",
        name, name, core_told.what);
    return 2;
}

static bool option_take(struct swarm *swarm, const char *name, const char *value)
{
    char *end = "x";
    if (strcmp(name, "--seeds") == 0) {
        swarm->first = strtoull(value, &end, 0);
        swarm->last = strncmp(end, "..", 2) == 0 ? strtoull(end + 2, &end, 0) : swarm->first;
    } else if (strcmp(name, "--minutes") == 0) {
        swarm->seconds = strtod(value, &end) * 60;
    } else if (strcmp(name, "--cpu") == 0) {
        swarm->cpu_seconds = strtod(value, &end);
    } else if (strcmp(name, "--failures") == 0) {
        swarm->failures_max = strtoull(value, &end, 10);
    } else if (strcmp(name, "--jobs") == 0) {
        swarm->jobs = (uint32_t)strtoul(value, &end, 10);
    }
    return *value != '\0' && *end == '\0';
}

int main(int argc, char **argv)
{
    struct swarm swarm = {.first = 1,
                          .last = UINT64_MAX - JOBS_MAX - 1,
                          .seconds = 1e12,
                          .cpu_seconds = 1e12,
                          .failures_max = 10,
                          .jobs = 1,
                          .name = argv[0],
                          .start = seconds_of(CLOCK_MONOTONIC)};
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--seed") == 0 && i == 1 && argc == 3) {
            return alone_run(strtoull(value, NULL, 0));
        }
        if (!option_take(&swarm, argv[i], value)) {
            return usage(argv[0]);
        }
    }
    return swarm.jobs == 0 || swarm.jobs > JOBS_MAX ? usage(argv[0]) : swarm_run(&swarm);
}
