#include "tests/sim/swarm.h"

#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNTS_ACKED  200  /* records, ... */
#define COUNTS_FAULTS 10   /* ... and faults a simulated minute, for a run to count */
#define SECONDS_MAX   120  /* of a processor, for one seed */
#define WAITS_MAX     1200 /* seconds: of a child that gets none, or that nobody asks any more */
#define KEEP_BYTES    (256 << 20)
#define TOP_BYTES     (4 << 20)
#define MMAP_BYTES    (1 << 20)
#define SEEDS_EACH    64 /* of one child: what it has taken stays small */
#define TWICE         20 /* each so-manieth seed is run again */

double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- seeds in a child ---- */

/* What a child is asked for next. */
struct seed_order {
    uint64_t seed;
    bool twice;
};

static void twice_run(const struct run_options *options, struct run_result *result)
{
    struct run_result again;
    run_seed(options, &again);
    if (again.hash.high != result->hash.high || again.hash.low != result->hash.low) {
        result->outcome = OUTCOME_WRONG;
        (void)snprintf(result->checker, sizeof(result->checker), "determinism");
        (void)snprintf(result->sentence, sizeof(result->sentence),
                       "the same seed gave two different runs");
    }
}

/* After a failure nodes still stand on the rest of it: that child ends. */
static void child_run(struct run_options options, bool twice, int in, int out)
{
    struct run_result result;
    struct seed_order order = {.seed = options.seed, .twice = twice};
    (void)mallopt(M_TRIM_THRESHOLD, KEEP_BYTES); /* nothing is given back: the next seed wants it */
    (void)mallopt(M_TOP_PAD, TOP_BYTES);
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
    do {
        const struct itimerval most = {.it_value.tv_sec = SECONDS_MAX};
        (void)setitimer(ITIMER_PROF, &most, NULL);
        (void)alarm(WAITS_MAX);
        options.seed = order.seed;
        run_seed(&options, &result);
        if (result.outcome == OUTCOME_GOOD && order.twice) {
            twice_run(&options, &result);
        }
        if (write(out, &result, sizeof(result)) != (ssize_t)sizeof(result)) {
            _exit(9);
        }
    } while (result.outcome == OUTCOME_GOOD && read(in, &order, sizeof(order)) == sizeof(order));
    _exit(0);
}

struct job job_start(const struct run_options *options, bool twice)
{
    int orders[2];
    int results[2];
    struct job job = {.seed = options->seed, .runs = 1};
    (void)fflush(stdout);
    if (pipe(orders) != 0 || pipe(results) != 0) {
        abort();
    }
    job.child = fork();
    if (job.child == 0) {
        (void)close(orders[1]);
        (void)close(results[0]);
        child_run(*options, twice, orders[0], results[1]);
    }
    (void)close(orders[0]);
    (void)close(results[1]);
    job.orders = orders[1];
    job.pipe = results[0];
    return job;
}

static void job_next(struct job *job, uint64_t seed, bool twice)
{
    struct seed_order order = {.seed = seed, .twice = twice};
    if (write(job->orders, &order, sizeof(order)) != (ssize_t)sizeof(order)) {
        abort();
    }
    job->seed = seed;
    job->runs++;
}

/* It is asked no more. */
static void job_dismiss(struct job *job)
{
    int status = 0;
    (void)close(job->orders);
    (void)close(job->pipe);
    if (job->child > 0) {
        (void)kill(job->child, SIGKILL); /* later children hold its pipe open, too */
        (void)waitpid(job->child, &status, 0);
    }
    job->child = 0;
}

/* Waits for what its child says. false: the child is gone, or of no use any more. */
static bool job_result(struct job *job, struct run_result *ret_result)
{
    ssize_t n = read(job->pipe, ret_result, sizeof(*ret_result));
    if (n == (ssize_t)sizeof(*ret_result) && ret_result->outcome == OUTCOME_GOOD) {
        return true;
    }
    int status = 0;
    if (n != (ssize_t)sizeof(*ret_result)) {
        (void)waitpid(job->child, &status, 0);
        job->child = -1;
        *ret_result = (struct run_result){.outcome = OUTCOME_CRASHED};
        (void)snprintf(ret_result->checker, sizeof(ret_result->checker), "crash");
        int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
        (void)snprintf(ret_result->sentence, sizeof(ret_result->sentence), "signal %d%s", number,
                       number == SIGPROF || number == SIGALRM ? " (no end)" : "");
    }
    return false;
}

void job_end(struct job *job, struct run_result *ret_result)
{
    (void)job_result(job, ret_result);
    job_dismiss(job);
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

static void seed_next(struct swarm *swarm, struct job *job)
{
    uint64_t seed = swarm->next++;
    bool twice = seed % TWICE == 0;
    if (job->child != 0) {
        job_next(job, seed, twice);
    } else {
        struct run_options options = {.seed = seed};
        *job = job_start(&options, twice);
    }
    job->busy = true;
}

/* What fails behind other seeds is run again alone, as whoever replays it will run it. */
static void job_look(struct swarm *swarm, struct job *job)
{
    struct run_result result;
    bool good = job_result(job, &result);
    bool afresh = !good && job->runs > 1;
    if (good && job->afresh) {
        result.outcome = OUTCOME_WRONG;
        (void)snprintf(result.checker, sizeof(result.checker), "determinism");
        (void)snprintf(result.sentence, sizeof(result.sentence),
                       "it fails behind other seeds, and alone it does not");
    }
    job->busy = afresh;
    if (!afresh) {
        result_take(swarm, job->seed, &result);
    }
    if (!good || job->afresh || job->runs == SEEDS_EACH) {
        job_dismiss(job);
    }
    if (afresh) {
        struct run_options options = {.seed = job->seed};
        *job = job_start(&options, job->seed % TWICE == 0);
        job->busy = job->afresh = true;
    }
}

int swarm_run(struct swarm *swarm)
{
    struct job jobs[JOBS_MAX] = {0};
    struct pollfd polls[JOBS_MAX];
    double start = seconds_now();
    double told = start;
    swarm->next = swarm->first;
    for (;;) {
        bool more = seconds_now() - start < swarm->seconds && swarm->failed < swarm->failures_max;
        bool busy = false;
        for (uint32_t i = 0; i < swarm->jobs; i++) {
            if (more && !jobs[i].busy && swarm->next <= swarm->last) {
                seed_next(swarm, &jobs[i]);
            }
            busy = busy || jobs[i].busy;
            polls[i] = (struct pollfd){.fd = jobs[i].busy ? jobs[i].pipe : -1, .events = POLLIN};
        }
        if (!busy) {
            break;
        }
        (void)poll(polls, swarm->jobs, -1);
        for (uint32_t i = 0; i < swarm->jobs; i++) {
            if (jobs[i].busy && polls[i].revents != 0) {
                job_look(swarm, &jobs[i]);
            }
        }
        if (!swarm->brief && seconds_now() - told > 30) {
            told = seconds_now();
            tell(swarm, told - start, "so far");
        }
    }
    for (uint32_t i = 0; i < swarm->jobs; i++) {
        if (jobs[i].child != 0) {
            job_dismiss(&jobs[i]);
        }
    }
    tell(swarm, seconds_now() - start, "swarm");
    if (probes_counted()) {
        (void)probes_print(swarm->probes, "");
    }
    return swarm->code;
}
