#include "tests/sim/swarm.h"

#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNTS_ACKED  200 /* records, ... */
#define COUNTS_FAULTS 10  /* ... and faults a simulated minute, for a run to count */
#define SECONDS_MAX   120 /* of one seed, in real time */
#define KEEP_BYTES    (256 << 20)
#define TOP_BYTES     (4 << 20)
#define TWICE         20 /* each so-manieth seed is run again */

double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- one seed in a child ---- */

static void child_run(const struct run_options *options, bool twice, int out)
{
    struct run_result result;
    struct run_result again;
    (void)alarm(SECONDS_MAX);
    (void)mallopt(M_TRIM_THRESHOLD, KEEP_BYTES); /* nothing is given back: it ends soon */
    (void)mallopt(M_TOP_PAD, TOP_BYTES);
    run_seed(options, &result);
    if (result.outcome == OUTCOME_GOOD && twice) {
        run_seed(options, &again);
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

struct job job_start(const struct run_options *options, bool twice)
{
    int ends[2];
    struct job job = {.seed = options->seed, .pipe = -1};
    (void)fflush(stdout);
    if (pipe(ends) != 0) {
        abort();
    }
    job.child = fork();
    if (job.child == 0) {
        (void)close(ends[0]);
        child_run(options, twice, ends[1]);
    }
    (void)close(ends[1]);
    job.pipe = ends[0];
    return job;
}

void job_end(struct job *job, struct run_result *ret_result)
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

const char *outcome_name(uint32_t outcome)
{
    return outcome == OUTCOME_WRONG ? "WRONG" : outcome == OUTCOME_STUCK ? "STUCK" : "CRASHED";
}

/* Runs in which hardly anything happened prove nothing. */
static bool counts(const struct run_result *result)
{
    return result->acked >= COUNTS_ACKED &&
           (double)result->faults >= COUNTS_FAULTS * (double)result->simulated_us / 60e6;
}

static void result_take(struct swarm *swarm, uint64_t seed, const struct run_result *result)
{
    swarm->done++;
    swarm->counted += counts(result);
    swarm->counted_s += counts(result) ? (double)result->simulated_us / 1e6 : 0;
    swarm->twice += seed % TWICE == 0;
    swarm->events += result->events;
    swarm->acked += result->acked;
    swarm->read += result->read;
    swarm->faults += result->faults;
    swarm->elections += result->elections;
    swarm->isr_changes += result->isr_changes;
    swarm->permitted_loss += result->permitted_loss;
    swarm->simulated_s += (double)result->simulated_us / 1e6;
    for (uint32_t i = 0; i < PROBES; i++) {
        swarm->probes[i] += result->probes[i];
    }
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
        "%s: %llu seeds (%llu twice), %llu failed, %.0f s; %.2f cluster hours (%llu seeds and %.2f hours with"
        " 200 records and 10 faults a minute), %.0f k events/s, %llu"
        " acknowledged, %llu read, %llu faults, %llu elections, %llu changes of in-sync sets, %llu losses permitted\n",
        word, (unsigned long long)swarm->done, (unsigned long long)swarm->twice,
        (unsigned long long)swarm->failed, seconds, swarm->simulated_s / 3600,
        (unsigned long long)swarm->counted, swarm->counted_s / 3600,
        (double)swarm->events / seconds / 1000, (unsigned long long)swarm->acked,
        (unsigned long long)swarm->read, (unsigned long long)swarm->faults,
        (unsigned long long)swarm->elections, (unsigned long long)swarm->isr_changes,
        (unsigned long long)swarm->permitted_loss);
}

int swarm_run(struct swarm *swarm)
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
                struct run_options options = {.seed = swarm->next++};
                jobs[i] = job_start(&options, options.seed % TWICE == 0);
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
    if (probes_counted()) {
        (void)probes_print(swarm->probes, "");
    }
    return swarm->code;
}
