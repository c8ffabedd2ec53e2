/* One broker, whose topic's settings move. */
#include <criterion/criterion.h>

#include "partition_bench.h"

static struct bench bench;

static void begin(void)
{
    bench_init(&bench, 1);
    bench_start(&bench, 0);
    bench_create(&bench);
}

static void end(void)
{
    bench_release(&bench);
}

TestSuite(settings, .init = begin, .fini = end);

static int64_t segment_ms_now(void)
{
    struct partition_settings now;
    struct partition *p = bench_partition(&bench, 0);
    partition_settings_now(p, &now);
    partition_drop(p);
    return now.segment_ms;
}

/* A failover of ten thousand partitions need not resolve the settings of ten thousand. */
Test(settings, are_resolved_anew_only_if_some_moved)
{
    bench_lead(&bench, 1);
    int asked = atomic_load(&bench.settings_asked);
    bench_lead(&bench, -1);
    bench_lead(&bench, 1);
    cr_assert_eq(atomic_load(&bench.settings_asked), asked);
    bench.settings.segment_ms = 70001;
    bench_lead(&bench, -1);
    cr_assert_gt(atomic_load(&bench.settings_asked), asked, "its topic's own");
    cr_assert_eq(segment_ms_now(), 70001);
    bench.settings.segment_ms = 70002;
    bench.cluster_wide = true;
    bench_lead(&bench, 1);
    cr_assert_eq(segment_ms_now(), 70002, "a default of the cluster");
}
