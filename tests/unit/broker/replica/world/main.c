/*
 * world [--seeds N] [--first S] [--seconds T]    runs seeds until N are done or T seconds are over
 * world --seed S                                 one seed, telling what happens
 * world --mutants [--unchecked]                  each planted bug must be found (only in a mutant build);
 *                                                unchecked: without the help of replica_check
 *
 * Exit code 0: as it must be. Every run that goes wrong prints the line that repeats it.
 */
#include "tests/unit/broker/replica/world/world.h"

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
    {1, "a new follower truncates to its high watermark"},
    {2, "truncation in one step, without its own epochs"},
    {3, "an epoch that the leader does not know is taken for one that ends with its log"},
    {4, "a fetch that diverges gets records all the same"},
    {5, "truncation by an answer of an earlier leader"},
    {6, "fetches are not fenced by epoch"},
    {7, "the epoch cache is cut only with the log"},
    {8, "empty epochs are not noted"},
    {9, "a restart behind the leader's start keeps the high watermark"},
    {10, "the high watermark looks at the committed in-sync set only"},
    {11, "the high watermark moves below min ISR"},
    {12, "follower ends survive into the next leadership"},
    {13, "a follower takes the leader's high watermark beyond its log"},
    {14, "a new leader shows its stale high watermark"},
    {15, "resigning acknowledges what waits"},
    {16, "ends count before they are fsynced"},
    {22, "fetches of an earlier incarnation count"},
    {23, "followers join below the high watermark"},
    {25, "a shrink takes effect before it is committed"},
    {26, "stale answers about the in-sync set are applied"},
    {35, "a restarted broker leads by an image of its predecessor"},
    {37, "a leader that reaches no controller shrinks its in-sync set alone"},
    {66, "followers keep no producer state"},
    {67, "sequence gaps are appended"},
    {68, "sequences do not go on at 0 behind 2^31 - 1"},
    {69, "truncation leaves producer state"},
    {86, "ends count before the directory they lie in is known"},
    {94, "a duplicate is acknowledged before its original"},
};
#endif

static const struct world *running;

/* An assertion of the core failed: name the seed before the end. */
static void on_abort(int signal_number)
{
    (void)signal_number;
    fprintf(stderr, "seed %lu aborts at %ld\n  again: world --seed %lu\n",
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
    uint64_t acked;
    uint64_t elections;
    uint64_t truncations;
    uint64_t duplicates;
    uint64_t rebuilds;
    uint64_t isr_changes;
};

static bool run_seeds(struct world *w, uint64_t first, uint64_t count, double seconds,
                      struct totals *t)
{
    double start = seconds_now();
    for (uint64_t seed = first; seed < first + count && seconds_now() - start < seconds; seed++) {
        if (!world_run(w, seed)) {
            printf("seed %lu: %s\n  again: world --seed %lu\n", (unsigned long)seed, w->wrong,
                   (unsigned long)seed);
            return false;
        }
        t->seeds++;
        t->steps += w->steps;
        t->acked += w->acked;
        t->elections += w->max_elections;
        t->truncations += w->truncations;
        t->duplicates += w->duplicates;
        t->rebuilds += w->rebuilds;
        t->isr_changes += w->isr_changes;
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
        "world: %lu seeds in %.1f s, %lu steps, %lu acknowledged, %lu elections, %lu ISR changes, %lu truncations, "
        "%lu duplicates, %lu rebuilds: nothing wrong\n",
        (unsigned long)t.seeds, seconds_now() - start, (unsigned long)t.steps,
        (unsigned long)t.acked, (unsigned long)t.elections, (unsigned long)t.isr_changes,
        (unsigned long)t.truncations, (unsigned long)t.duplicates, (unsigned long)t.rebuilds);
    bool lived = t.seeds > 0 && t.acked > 0 && t.elections > 0 && t.truncations > 0 &&
                 t.rebuilds > 0 && t.isr_changes > 0;
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
    free(w);
    return code;
}
