/*
 * odradek-sim --raft --seed S                                    one run of the Raft core alone, told step by step
 * odradek-sim --raft [--seeds A..B] [--minutes M] [--jobs J]     a swarm
 *
 * 1 to 5 voters, with observers that join and leave; lost, doubled, late messages, cut and broken connections, crashes that take
 * unsynced writes, slow and lying disks, pauses, clocks at rates of their own. The world and what it judges after every step:
 * tests/unit/controller/raft/world/world.h. Exit codes as odradek-sim: 1 wrong, 2 usage, 3 stuck, 4 crashed.
 */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/probes.h"
#include "tests/unit/controller/raft/world/world.h"

#define JOBS_MAX     64
#define TOLD_EVERY_S 30

/* Kept by all children in memory that they share. */
struct totals {
    _Atomic uint64_t seeds;
    _Atomic uint64_t steps;
    _Atomic uint64_t simulated_ms;
    _Atomic uint64_t committed;
    _Atomic uint64_t elections;
    _Atomic uint64_t crashes;
    _Atomic uint64_t cuts;
    _Atomic uint64_t installs;
    _Atomic uint64_t changes;
    _Atomic uint64_t probes[PROBES];
    _Atomic uint64_t failed;
    _Atomic int code;              /* the lowest of the failures; 0: none */
    _Atomic uint64_t at[JOBS_MAX]; /* the seed under way */
};

struct swarm {
    uint64_t first;
    uint64_t last;
    double seconds;
    uint32_t jobs;
    const char *name;
    double start;
    struct totals *totals;
};

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
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

static void count(struct totals *t, const struct world *w)
{
    atomic_fetch_add(&t->seeds, 1);
    atomic_fetch_add(&t->steps, w->steps);
    atomic_fetch_add(&t->simulated_ms, (uint64_t)w->now);
    atomic_fetch_add(&t->committed, (uint64_t)w->committed_last);
    atomic_fetch_add(&t->elections, w->elections);
    atomic_fetch_add(&t->crashes, w->crashes);
    atomic_fetch_add(&t->cuts, w->cuts);
    atomic_fetch_add(&t->installs, w->installs);
    atomic_fetch_add(&t->changes, w->changes);
    uint32_t probes[PROBES];
    probes_take(probes);
    for (uint32_t i = 0; i < PROBES; i++) {
        atomic_fetch_add(&t->probes[i], probes[i]);
    }
}

static void child_run(struct swarm *swarm, uint32_t job, uint64_t from)
{
    struct world *w = calloc(1, sizeof(*w));
    assert(w != NULL);
    for (uint64_t seed = from; seed <= swarm->last && seconds_now() - swarm->start < swarm->seconds;
         seed += swarm->jobs) {
        atomic_store(&swarm->totals->at[job], seed);
        if (!world_run(w, seed)) {
            failed(swarm, seed, w->stuck ? 3 : 1, w->wrong);
        }
        count(swarm->totals, w);
    }
    free(w);
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
    double seconds = seconds_now() - swarm->start;
    (void)printf(
        "%s: %llu seeds, %llu failed, %.0f s; %.1f cluster hours, %.2f M steps/s, %llu committed, %llu "
        "elections, %llu crashes, %llu cuts, %llu snapshots installed, %llu voter changes\n",
        word, (unsigned long long)t->seeds, (unsigned long long)t->failed, seconds,
        (double)t->simulated_ms / 3.6e6, (double)t->steps / seconds / 1e6,
        (unsigned long long)t->committed, (unsigned long long)t->elections,
        (unsigned long long)t->crashes, (unsigned long long)t->cuts,
        (unsigned long long)t->installs, (unsigned long long)t->changes);
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
        if (seconds_now() - told > TOLD_EVERY_S) {
            told = seconds_now();
            tell(swarm, "so far");
        }
    }
    tell(swarm, "swarm");
    uint64_t probes[PROBES];
    for (uint32_t i = 0; i < PROBES; i++) {
        probes[i] = atomic_load(&swarm->totals->probes[i]);
    }
    if (probes_counted()) {
        (void)probes_print(probes, "RAFT_");
    }
    return atomic_load(&swarm->totals->code);
}

static int alone_run(uint64_t seed)
{
    struct world *w = calloc(1, sizeof(*w));
    assert(w != NULL);
    w->loud = true;
    bool good = world_run(w, seed);
    (void)printf("%s\n", good ? "nothing wrong" : w->wrong);
    int code = good ? 0 : w->stuck ? 3 : 1;
    free(w);
    return code;
}

static int usage(void)
{
    (void)fprintf(stderr, "usage: odradek-sim --raft --seed S\n"
                          "       odradek-sim --raft [--seeds A..B] [--minutes M] [--jobs J]\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct swarm swarm = {.first = 1,
                          .last = UINT64_MAX - JOBS_MAX - 1,
                          .seconds = 1e12,
                          .jobs = 1,
                          .name = argv[0],
                          .start = seconds_now()};
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        char *end = NULL;
        if (strcmp(argv[i], "--seed") == 0 && i == 1 && argc == 3) {
            return alone_run(strtoull(value, NULL, 0));
        }
        if (strcmp(argv[i], "--seeds") == 0) {
            swarm.first = strtoull(value, &end, 0);
            swarm.last = strncmp(end, "..", 2) == 0 ? strtoull(end + 2, &end, 0) : swarm.first;
        } else if (strcmp(argv[i], "--minutes") == 0) {
            swarm.seconds = strtod(value, &end) * 60;
        } else if (strcmp(argv[i], "--jobs") == 0) {
            swarm.jobs = (uint32_t)strtoul(value, &end, 10);
        }
        if (end == NULL || *value == '\0' || *end != '\0') {
            return usage();
        }
    }
    return swarm.jobs == 0 || swarm.jobs > JOBS_MAX ? usage() : swarm_run(&swarm);
}
