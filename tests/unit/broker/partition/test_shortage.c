/* One broker that has no memory, or no descriptor, for a while: nothing is broken by that. */
#include <criterion/criterion.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/partition/partition_internal.h"
#include "partition_bench.h"

static struct bench bench;

static void begin(void)
{
    bench_init(&bench, 1);
    bench_start(&bench, 0);
    bench_create(&bench);
    cr_assert(bench_soon_end(&bench, 0, 0));
}

static void end(void)
{
    bench_release(&bench);
}

TestSuite(shortage, .init = begin, .fini = end);

struct taken {
    void *p;
    size_t bytes;
};

/* All memory but so many bytes, until it is given back. */
static struct taken take_memory(size_t left)
{
    const struct memory_source *source = memory_source(bench.host);
    struct taken taken = {.p = NULL};
    for (int i = 0; i < 1000 && taken.p == NULL; i++) { /* others take some, too */
        taken.bytes = BENCH_MEMORY_BYTES - memory_taken_bytes(bench.host) - left;
        taken.p = source->take(source->ctx, taken.bytes);
    }
    cr_assert_not_null(taken.p);
    return taken;
}

static void give_memory(struct taken taken)
{
    const struct memory_source *source = memory_source(bench.host);
    source->give(source->ctx, taken.p, taken.bytes);
}

static bool chores_done(void *arg)
{
    struct partition *p = arg;
    partition_enter(p);
    bool done = !p->chores_running && p->chores == 0 && !p->syncing;
    lock_leave(p->lock);
    return done;
}

/* That took the directory offline; the last one of a broker stops it. */
Test(shortage, a_checkpoint_for_which_there_is_no_memory_waits)
{
    cr_assert_eq(bench_produce(&bench, 0, -1, 5, 100).base_offset, 0);
    struct taken taken = take_memory(0);
    (void)usleep(400000); /* some of them */
    give_memory(taken);
    cr_assert_eq(atomic_load(&bench.nodes[0].dirs_failed), 0);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, 5);
}

/* It rests, or its directory has failed. */
static bool stands(void *arg)
{
    struct partition *p = arg;
    partition_enter(p);
    bool rests = p->resting;
    lock_leave(p->lock);
    return rests || atomic_load(&bench.nodes[0].dirs_failed) > 0;
}

static bool serves_again(void *arg)
{
    struct partition *p = arg;
    partition_enter(p);
    bool open = p->state == PARTITION_OPEN && !p->rebuilding && p->core.producers_ready;
    lock_leave(p->lock);
    return open;
}

/* What reads the producers of a log that was cut had no memory: that took the directory offline, with all that lies in it. */
Test(shortage, producers_for_which_there_is_no_memory_are_read_later)
{
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 7, 0).base_offset, 0);
    struct partition *p = bench_partition(&bench, 0);
    cr_assert(bench_soon(chores_done, p));
    struct taken taken = take_memory((size_t)512 << 10);
    partition_enter(p);
    p->core.producers_ready = false;
    p->rebuilding = true;
    partition_chore(p, CHORE_REBUILD);
    partition_leave(p);
    cr_assert(bench_soon(stands, p));
    give_memory(taken);
    cr_assert_eq(atomic_load(&bench.nodes[0].dirs_failed), 0);
    cr_assert(bench_soon(serves_again, p));
    partition_drop(p);
    cr_assert_eq(bench_produce_as(&bench, 0, -1, 7, 1).base_offset, 1);
}

static void limit_files(rlim_t files, struct rlimit *ret_before)
{
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, ret_before), 0);
    struct rlimit limit = {.rlim_cur = files, .rlim_max = ret_before->rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* No descriptor was left for the next segment, or for a checkpoint: that took the directory offline. */
Test(shortage, a_segment_for_which_there_is_no_descriptor_comes_later)
{
    struct rlimit before;
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 9000).base_offset, 0);
    bench.settings.segment_bytes = 10000;
    bench_lead(&bench, 1);
    struct partition *p = bench_partition(&bench, 0);
    cr_assert(bench_soon(chores_done, p));
    limit_files(3, &before);
    for (int16_t acks = -1; acks <= 1; acks++) {
        enum kafka_error error = bench_produce(&bench, 0, acks, 1, 9000).error;
        cr_assert_eq(error, KAFKA_KAFKA_STORAGE_ERROR, "acks=%d: %s", acks,
                     kafka_error_name((int16_t)error));
    }
    (void)usleep(200000); /* a checkpoint or two */
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    cr_assert_eq(atomic_load(&bench.nodes[0].dirs_failed), 0);
    cr_assert(bench_soon(serves_again, p));
    partition_drop(p);
    cr_assert_eq(bench_produce(&bench, 0, -1, 1, 100).base_offset, 1);
}
