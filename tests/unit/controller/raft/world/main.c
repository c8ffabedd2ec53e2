/*
 * raft_world [--seeds N] [--first S] [--seconds T]    runs seeds until N are done or T seconds are over
 * raft_world --seed S                                 one seed, telling what happens
 * raft_world --mutants [--unchecked]                  each planted bug must be found (only in a mutant build);
 *                                                unchecked: without the help of raft_check
 *
 * Exit code 0: as it must be. Every run that goes wrong prints the line that repeats it.
 */
#include "tests/unit/controller/raft/world/world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef ODRADEK_MUTANT
int odradek_mutant;

static const struct {
    int number;
    const char *what;
} mutants[] = {
    {49, "a vote is told before it is durable"},
    {50, "a voter with an emptied directory is the voter it was"},
    {51, "votes go to candidates with an older log"},
    {52, "entries of earlier terms are committed by counting"},
    {53, "a follower acknowledges entries before they are durable"},
    {54, "a leader without a majority stays"},
    {55, "pre-votes are granted in reach of the leader"},
    {56, "a pre-vote that nobody answers lasts for ever"},
    {57, "reads are answered without hearing from a majority"},
    {58, "a snapshot is installed over newer state"},
    {60, "a second voter change before the first is committed"},
    {61, "the newest voter set counts only when it is committed"},
    {62, "a voter set that was cut off the log stays"},
    {63, "a leader that was voted out counts itself"},
    {64, "a node becomes a voter before it has caught up"},
    {65, "a follower cuts below its commit point"},
    {101, "heartbeats of a leader wait for its disk"},
    {102, "followers are patient only with a fast disk of their own"},
    {103, "a candidate's time begins before its own vote is durable"},
    {104, "failed rounds do not get longer"},
    {112, "a leader's own entries count before they are fsynced"},
};
#endif

static const struct world *running;

/* An assertion of the core failed: name the seed before the end. */
static void on_abort(int signal_number)
{
    (void)signal_number;
    fprintf(stderr, "seed %lu aborts at %ld\n  again: raft_world --seed %lu\n",
            (unsigned long)running->seed, (long)running->now, (unsigned long)running->seed);
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct totals {
    uint64_t seeds;
    uint64_t steps;
    uint64_t elections;
    uint64_t crashes;
    uint64_t cuts;
    uint64_t installs;
    uint64_t changes;
    uint64_t reads;
    uint64_t committed;
    uint64_t halts;
};

static bool run_seeds(struct world *w, uint64_t first, uint64_t count, double seconds,
                      struct totals *t)
{
    double start = seconds_now();
    for (uint64_t seed = first; seed < first + count && seconds_now() - start < seconds; seed++) {
        if (!world_run(w, seed)) {
            printf("seed %lu: %s\n  again: raft_world --seed %lu\n", (unsigned long)seed, w->wrong,
                   (unsigned long)seed);
            return false;
        }
        t->seeds++;
        t->steps += w->steps;
        t->elections += w->elections;
        t->crashes += w->crashes;
        t->cuts += w->cuts;
        t->installs += w->installs;
        t->changes += w->changes;
        t->reads += w->reads;
        t->committed += (uint64_t)w->committed_last;
        t->halts += w->halts;
    }
    return true;
}

static int soak(struct world *w, uint64_t first, uint64_t count, double seconds)
{
    struct totals t = {0};
    double start = seconds_now();
    if (!run_seeds(w, first, count, seconds, &t)) {
        return 1;
    }
    printf(
        "world: %lu seeds in %.1f s, %lu steps, %lu committed, %lu elections, %lu crashes, %lu cuts, %lu installs, "
        "%lu voter changes, %lu reads, %lu halts on lossy disks: nothing wrong\n",
        (unsigned long)t.seeds, seconds_now() - start, (unsigned long)t.steps,
        (unsigned long)t.committed, (unsigned long)t.elections, (unsigned long)t.crashes,
        (unsigned long)t.cuts, (unsigned long)t.installs, (unsigned long)t.changes,
        (unsigned long)t.reads, (unsigned long)t.halts);
    bool lived = t.seeds > 0 && t.committed > 0 && t.elections > 0 && t.cuts > 0 &&
                 t.installs > 0 && t.changes > 0 && t.reads > 0;
    return lived ? 0 : 1; /* a world where nothing happens finds nothing */
}

#ifdef ODRADEK_MUTANT
/* In a child: an assertion of the core counts as found. */
static bool found(struct world *w, int number, uint64_t seeds, double seconds)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct totals t = {0};
        odradek_mutant = number;
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(2);
        }
        _exit(run_seeds(w, 1, seeds, seconds, &t) ? 0 : 1);
    }
    int status = 0;
    return waitpid(child, &status, 0) == child && status != 0 &&
           !(WIFEXITED(status) && WEXITSTATUS(status) == 2);
}

static int hunt(struct world *w)
{
    int missed = 0;
    for (size_t i = 0; i < ARRAY_LEN(mutants); i++) {
        double start = seconds_now();
        bool ok = found(w, mutants[i].number, 100000, 60);
        printf("M%02d %-8s %6.2f s  %s\n", mutants[i].number, ok ? "found" : "MISSED",
               seconds_now() - start, mutants[i].what);
        missed += !ok;
    }
    printf("mutants: %zu of %zu found\n", ARRAY_LEN(mutants) - (size_t)missed, ARRAY_LEN(mutants));
    return missed == 0 ? 0 : 1;
}
#endif

int main(int argc, char **argv)
{
    uint64_t first = 1;
    uint64_t count = 200;
    double seconds = 1e9;
    bool mutate = false;
    struct world *w = calloc(1, sizeof(*w));
    assert(w != NULL);
    running = w;
    signal(SIGABRT, on_abort);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        if (strcmp(argv[i], "--mutants") == 0) {
            mutate = true;
        } else if (strcmp(argv[i], "--unchecked") == 0) {
            w->unchecked = true;
        } else if (strcmp(argv[i], "--seed") == 0) {
            first = strtoull(value, NULL, 10);
            count = 1;
            w->loud = true;
        } else if (strcmp(argv[i], "--first") == 0) {
            first = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i], "--seeds") == 0) {
            count = strtoull(value, NULL, 10);
        } else if (strcmp(argv[i], "--seconds") == 0) {
            seconds = strtod(value, NULL);
#ifdef ODRADEK_MUTANT
        } else if (strcmp(argv[i], "--mutant") == 0) {
            odradek_mutant = (int)strtol(value, NULL, 10);
#endif
        }
    }
    int code;
#ifdef ODRADEK_MUTANT
    code = mutate ? hunt(w) : soak(w, first, count, seconds);
#else
    code = mutate ? 2 : soak(w, first, count, seconds);
#endif
    world_release(w);
    free(w);
    return code;
}
