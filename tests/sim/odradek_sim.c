/*
 * odradek-sim --seed S [--verbose] [--dump FILE]           one run, explained
 * odradek-sim --seeds A..B [--minutes M] [--jobs J]        a swarm: each seed in a process of its own; 5 % of them twice
 *
 * Exit code 0: nothing wrong; 1: something acknowledged or promised was not so; 2: usage; 3: stuck, it did not recover after
 * everything was repaired; 4: an assertion or a signal. Of several failures the lowest counts. Each failure prints the line
 * that replays it.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/mutant.h"
#include "tests/sim/run.h"

#define JOBS_MAX    64
#define SECONDS_MAX 120 /* of one seed, in real time */
#define TWICE       20  /* each so-manieth seed is run again, and must give the same hash */

struct swarm {
    uint64_t first;
    uint64_t last;
    double seconds;
    uint32_t jobs;
    uint32_t failures_max;
    const char *name;
    int mutant;
    bool brief;
    /* so far */
    uint64_t next;
    uint64_t done;
    uint64_t failed;
    uint64_t twice;
    uint64_t events;
    uint64_t acked;
    uint64_t read;
    uint64_t faults;
    uint64_t elections;
    uint64_t permitted_loss;
    double simulated_s;
    int code;
};

struct job {
    pid_t child;
    int pipe;
    uint64_t seed;
};

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- one seed in a child ---- */

static void child_run(uint64_t seed, int out)
{
    struct run_options options = {.seed = seed};
    struct run_result result;
    struct run_result again;
    (void)alarm(SECONDS_MAX);
    run_seed(&options, &result);
    if (result.outcome == OUTCOME_GOOD && seed % TWICE == 0) {
        run_seed(&options, &again);
        if (again.hash.high != result.hash.high || again.hash.low != result.hash.low) {
            result.outcome = OUTCOME_WRONG;
            (void)snprintf(result.checker, sizeof(result.checker), "determinism");
            (void)snprintf(result.sentence, sizeof(result.sentence),
                           "the same seed gave two different runs");
        }
    }
    ssize_t n = write(out, &result, sizeof(result));
    _exit(n == (ssize_t)sizeof(result) ? 0 : 9);
}

static struct job job_start(uint64_t seed)
{
    int ends[2];
    struct job job = {.seed = seed, .pipe = -1};
    (void)fflush(stdout);
    if (pipe(ends) != 0) {
        abort();
    }
    job.child = fork();
    if (job.child == 0) {
        (void)close(ends[0]);
        child_run(seed, ends[1]);
    }
    (void)close(ends[1]);
    job.pipe = ends[0];
    return job;
}

static void job_end(struct job *job, struct run_result *ret_result)
{
    int status = 0;
    ssize_t n = read(job->pipe, ret_result, sizeof(*ret_result));
    (void)close(job->pipe);
    if (waitpid(job->child, &status, 0) != job->child || n != (ssize_t)sizeof(*ret_result) ||
        !WIFEXITED(status)) {
        *ret_result = (struct run_result){.outcome = OUTCOME_CRASHED};
        (void)snprintf(ret_result->checker, sizeof(ret_result->checker), "crash");
        (void)snprintf(ret_result->sentence, sizeof(ret_result->sentence), "signal %d%s",
                       WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                       WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? " (no end)" : "");
    }
    job->child = 0;
}

/* ---- swarms ---- */

static const char *outcome_name(uint32_t outcome)
{
    return outcome == OUTCOME_WRONG ? "WRONG" : outcome == OUTCOME_STUCK ? "STUCK" : "CRASHED";
}

static void result_take(struct swarm *swarm, uint64_t seed, const struct run_result *result)
{
    swarm->done++;
    swarm->twice += seed % TWICE == 0;
    swarm->events += result->events;
    swarm->acked += result->acked;
    swarm->read += result->read;
    swarm->faults += result->faults;
    swarm->elections += result->elections;
    swarm->permitted_loss += result->permitted_loss;
    swarm->simulated_s += (double)result->simulated_us / 1e6;
    if (result->outcome != OUTCOME_GOOD) {
        swarm->failed++;
        if (swarm->code == 0 || (int)result->outcome < swarm->code) {
            swarm->code = (int)result->outcome;
        }
        (void)printf("%s seed %llu: %s: %s\n  again: %s%s --seed %llu\n",
                     outcome_name(result->outcome), (unsigned long long)seed, result->checker,
                     result->sentence, swarm->name, swarm->mutant != 0 ? " --mutant N" : "",
                     (unsigned long long)seed);
    }
}

static void tell(const struct swarm *swarm, double seconds, const char *word)
{
    (void)printf(
        "%s: %llu seeds (%llu twice), %llu failed, %.0f s; %.2f cluster hours, %.0f k events/s, %llu"
        " acknowledged, %llu read, %llu faults, %llu elections, %llu losses permitted\n",
        word, (unsigned long long)swarm->done, (unsigned long long)swarm->twice,
        (unsigned long long)swarm->failed, seconds, swarm->simulated_s / 3600,
        (double)swarm->events / seconds / 1000, (unsigned long long)swarm->acked,
        (unsigned long long)swarm->read, (unsigned long long)swarm->faults,
        (unsigned long long)swarm->elections, (unsigned long long)swarm->permitted_loss);
}

static int swarm_run(struct swarm *swarm)
{
    struct job jobs[JOBS_MAX] = {0};
    struct pollfd polls[JOBS_MAX];
    double start = seconds_now();
    double told = start;
    uint32_t running = 0;
    swarm->next = swarm->first;
    for (;;) {
        bool more = swarm->next <= swarm->last && seconds_now() - start < swarm->seconds &&
                    swarm->failed < swarm->failures_max;
        for (uint32_t i = 0; i < swarm->jobs && more && swarm->next <= swarm->last; i++) {
            if (jobs[i].child == 0) {
                jobs[i] = job_start(swarm->next++);
                running++;
            }
        }
        if (running == 0) {
            break;
        }
        for (uint32_t i = 0; i < swarm->jobs; i++) {
            polls[i] = (struct pollfd){.fd = jobs[i].child == 0 ? -1 : jobs[i].pipe,
                                       .events = POLLIN};
        }
        (void)poll(polls, swarm->jobs, -1);
        for (uint32_t i = 0; i < swarm->jobs; i++) {
            if (jobs[i].child != 0 && polls[i].revents != 0) {
                struct run_result result;
                job_end(&jobs[i], &result);
                result_take(swarm, jobs[i].seed, &result);
                running--;
            }
        }
        if (!swarm->brief && seconds_now() - told > 30) {
            told = seconds_now();
            tell(swarm, told - start, "so far");
        }
    }
    tell(swarm, seconds_now() - start, "swarm");
    return swarm->code;
}

/* ---- one seed ---- */

static uint64_t alone_seed;
static char alone_name[256];

static void on_abort(int signal_number)
{
    (void)signal_number;
    char line[400];
    int n = snprintf(line, sizeof(line), "CRASHED seed %llu\n  again: %s --seed %llu\n",
                     (unsigned long long)alone_seed, alone_name, (unsigned long long)alone_seed);
    ssize_t written = write(1, line, (size_t)n);
    _exit(written > 0 ? OUTCOME_CRASHED : OUTCOME_CRASHED);
}

static int alone_run(const struct run_options *options, const char *name)
{
    struct run_result result;
    alone_seed = options->seed;
    (void)snprintf(alone_name, sizeof(alone_name), "%s", name);
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
    (void)fprintf(stderr,
                  "usage: odradek-sim --seed S [--verbose] [--dump FILE]\n"
                  "       odradek-sim [--seeds A..B] [--minutes M] [--jobs J] [--failures N]\n");
    return OUTCOME_USAGE;
}

int main(int argc, char **argv)
{
    struct swarm swarm = {.first = 1,
                          .last = UINT64_MAX - 1,
                          .seconds = 1e12,
                          .jobs = 1,
                          .failures_max = 10,
                          .name = argv[0]};
    struct run_options alone = {.explain = true};
    bool one = false;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        char *end = NULL;
        if (strcmp(argv[i], "--verbose") == 0) {
            alone.verbose = true;
            continue;
        }
        i++;
        if (strcmp(argv[i - 1], "--seed") == 0) {
            alone.seed = strtoull(value, &end, 0);
            one = true;
        } else if (strcmp(argv[i - 1], "--seeds") == 0) {
            swarm.first = strtoull(value, &end, 0);
            swarm.last = strncmp(end, "..", 2) == 0 ? strtoull(end + 2, &end, 0) : swarm.first;
        } else if (strcmp(argv[i - 1], "--minutes") == 0) {
            swarm.seconds = strtod(value, &end) * 60;
        } else if (strcmp(argv[i - 1], "--jobs") == 0) {
            swarm.jobs = (uint32_t)strtoul(value, &end, 10);
        } else if (strcmp(argv[i - 1], "--failures") == 0) {
            swarm.failures_max = (uint32_t)strtoul(value, &end, 10);
#ifdef ODRADEK_TESTS_MUTANTS_VARIABLE_H
        } else if (strcmp(argv[i - 1], "--mutant") == 0) {
            odradek_mutant = swarm.mutant = (int)strtol(value, &end, 10);
#endif
        } else if (strcmp(argv[i - 1], "--dump") == 0) {
            alone.dump = value;
            end = "";
        } else {
            return usage();
        }
        if (*value == '\0' || *end != '\0') {
            return usage();
        }
    }
    if (swarm.jobs == 0 || swarm.jobs > JOBS_MAX) {
        return usage();
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    return one ? alone_run(&alone, argv[0]) : swarm_run(&swarm);
}
