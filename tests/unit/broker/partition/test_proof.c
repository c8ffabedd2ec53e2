/* What a replica says of its log when its topic becomes durable. */
#include <criterion/criterion.h>

#include "broker/partition/partition_internal.h"
#include "partition_bench.h"

static struct bench bench;

/* Its disk stands still, once no sync is under way. */
static bool hold_syncs(void *arg)
{
    struct partition *p = arg;
    partition_enter(p);
    bool idle = !p->syncing && !p->sync_requested;
    p->syncing = p->syncing || idle;
    lock_leave(p->lock);
    return idle;
}

static void let_go(struct partition *p)
{
    partition_enter(p);
    p->syncing = false;
    partition_request_sync(p, NULL);
    partition_leave(p);
}

static int64_t end_to_prove(struct partition *p)
{
    partition_enter(p);
    int64_t end = p->proving ? p->prove_end : NO_OFFSET;
    lock_leave(p->lock);
    return end;
}

/* While the first sync was under way the topic was made less durable, and durable again. A broker that takes a snapshot of the metadata
 * sees the last of that only, and what it had at first says nothing of what was acknowledged in between. */
Test(proof, by_a_later_image_all_that_is_there_by_then_is_to_be_on_disk)
{
    bench_init(&bench, 1);
    bench.settings.durable = false;
    bench_start(&bench, 0);
    bench_create(&bench);
    cr_assert(bench_soon_end(&bench, 0, 0));
    struct partition *p = bench_partition(&bench, 0);
    cr_assert(bench_soon(hold_syncs, p));
    cr_assert_eq(bench_produce(&bench, 0, 1, 20, 100).base_offset, 0);
    bench.settings.durable = true;
    bench_lead(&bench, 1);
    cr_assert_eq(end_to_prove(p), 20);
    cr_assert_eq(bench_produce(&bench, 0, 1, 5, 100).base_offset, 20);
    cr_assert_eq(end_to_prove(p), 20, "producers do not keep it from an end");
    bench_lead(&bench, 1);
    cr_assert_eq(end_to_prove(p), 25);
    cr_assert_eq(atomic_load(&bench.nodes[0].synced), 0);
    let_go(p);
    cr_assert(bench_soon_told(&bench.nodes[0].synced));
    cr_assert_eq(bench_facts(&bench, 0).durable_end, 25);
    partition_drop(p);
    bench_release(&bench);
}
