#include "tests/sim/minimise.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/sim/rot.h"
#include "tests/sim/swarm.h"

struct list_of { /* of faults */
    uint32_t count;
    uint32_t at[CUT_FAULTS_MAX];
};

struct minimiser {
    uint64_t seed;
    double until;
    uint32_t runs;
    struct run_result want; /* what must be found again */
    struct run_progress *progress;
    struct plan_cut cut; /* the smallest that fails so far; its faults are in `faults` */
    struct list_of faults;
};

/* ---- one trial ---- */

static void trial(struct minimiser *m, const struct plan_cut *cut, struct run_result *ret_result)
{
    struct run_options options = {.seed = m->seed, .cut = cut, .progress = m->progress};
    *m->progress = (struct run_progress){0};
    struct job job = job_start(&options, false);
    job_end(&job, ret_result);
    m->runs++;
}

static bool fails(struct minimiser *m, const struct plan_cut *cut)
{
    struct run_result result;
    trial(m, cut, &result);
    return result.outcome == m->want.outcome && strcmp(result.checker, m->want.checker) == 0;
}

/* Of a processor: how busy the machine is does not decide how small it gets. */
static double seconds_used(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_CHILDREN, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static bool time_left(const struct minimiser *m)
{
    return seconds_used() < m->until;
}

static struct plan_cut with_faults(const struct minimiser *m, const struct list_of *faults)
{
    struct plan_cut cut = m->cut;
    cut.some = true;
    memset(cut.keep, 0, sizeof(cut.keep));
    for (uint32_t i = 0; i < faults->count; i++) {
        cut_keep(&cut, faults->at[i]);
    }
    return cut;
}

/* ---- faults ---- */

/* All but [from, to), or only these. */
static void part_of(const struct list_of *all, uint32_t from, uint32_t to, bool only,
                    struct list_of *ret)
{
    ret->count = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        if ((i >= from && i < to) == only) {
            ret->at[ret->count++] = all->at[i];
        }
    }
}

/* One of `parts` alone, or all but one of them, fails as well: that is what is left. */
static bool split(struct minimiser *m, uint32_t parts, bool only)
{
    struct list_of *less = malloc(sizeof(*less));
    assert(less != NULL);
    bool found = false;
    for (uint32_t i = 0; i < parts && !found && time_left(m); i++) {
        uint32_t n = m->faults.count;
        part_of(&m->faults, n * i / parts, n * (i + 1) / parts, only, less);
        struct plan_cut cut = with_faults(m, less);
        found = less->count < n && fails(m, &cut);
        if (found) {
            m->faults = *less;
            m->cut = cut;
        }
    }
    free(less);
    return found;
}

static void faults_less(struct minimiser *m)
{
    uint32_t parts = 2;
    struct list_of none = {0};
    struct plan_cut cut = with_faults(m, &none);
    if (m->faults.count > 0 && fails(m, &cut)) {
        m->faults.count = 0;
        m->cut = cut;
    }
    while (m->faults.count > 0 && parts <= 2 * m->faults.count && time_left(m)) {
        uint32_t now = parts < m->faults.count ? parts : m->faults.count;
        if (now > 1 && split(m, now, true)) {
            parts = 2;
        } else if (split(m, now, false)) {
            parts = now > 2 ? now - 1 : 2;
        } else if (now == m->faults.count) {
            break;
        } else {
            parts = 2 * now;
        }
        (void)printf("  %u faults after %u runs\n", m->faults.count, m->runs);
    }
}

/* ---- clients and nodes ---- */

static bool count_less(struct minimiser *m, enum cut_kind kind, uint32_t least, uint32_t drawn)
{
    for (uint32_t n = least; n < drawn && time_left(m); n++) {
        struct plan_cut cut = m->cut;
        cut.most[kind] = n + 1;
        if (fails(m, &cut)) {
            m->cut = cut;
            (void)printf("  %s: %u of %u\n", cut_name(kind), n, drawn);
            return true;
        }
    }
    return false;
}

static bool counts_less(struct minimiser *m)
{
    struct plan plan;
    plan_draw(&plan, m->seed, &m->cut);
    bool less = count_less(m, CUT_MEMBERS, 0, plan.members);
    less |= count_less(m, CUT_CONSUMERS, 0, plan.consumers);
    less |= count_less(m, CUT_ADMINISTRATOR, 0, plan.admin_pace_us > 0 ? 1 : 0);
    less |= count_less(m, CUT_PRODUCERS, 1, plan.producers);
    less |= count_less(m, CUT_CONTROLLERS, 1, plan.size.controllers);
    less |= count_less(m, CUT_DIRS, 1, plan.size.dirs);
    less |= count_less(m, CUT_BROKERS, 2, plan.size.brokers); /* two can be min.insync.replicas */
    return less;
}

/* ---- all ---- */

static void report(const struct minimiser *m, const char *name)
{
    (void)printf("%u faults are enough, after %u runs: %s\n  again: %s --seed %llu",
                 m->faults.count, m->runs, m->want.checker, name, (unsigned long long)m->seed);
    cut_print(&m->cut, stdout);
    (void)printf("\n");
}

int minimise_run(uint64_t seed, const struct plan_cut *cut, double seconds, const char *name)
{
    struct minimiser *m = calloc(1, sizeof(*m));
    assert(m != NULL);
    m->seed = seed;
    m->until = seconds_used() + seconds;
    m->cut = *cut;
    m->progress = mmap(NULL, sizeof(*m->progress), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert(m->progress != MAP_FAILED);
    trial(m, cut, &m->want);
    if (m->want.outcome == OUTCOME_GOOD) {
        (void)printf("seed %llu: nothing wrong\n", (unsigned long long)seed);
        free(m);
        return OUTCOME_GOOD;
    }
    for (uint32_t i = 0; i < m->progress->faults_drawn && i < ROT_NUMBER; i++) {
        if (cut_keeps(cut, i)) {
            m->faults.at[m->faults.count++] = i;
        }
    }
    for (uint32_t i = ROT_NUMBER; i < ROT_NUMBER + m->progress->rots_drawn && i < CUT_FAULTS_MAX;
         i++) {
        if (cut_keeps(cut, i)) {
            m->faults.at[m->faults.count++] = i;
        }
    }
    (void)printf("%s seed %llu: %s: %s\n  %u faults at first\n", outcome_name(m->want.outcome),
                 (unsigned long long)seed, m->want.checker, m->want.sentence, m->faults.count);
    faults_less(m);
    if (counts_less(m)) {
        faults_less(m);
    }
    report(m, name);
    int code = (int)m->want.outcome;
    free(m);
    return code;
}
