/*
 * Some seeds have a theme: a few faults that belong together, often, with sizes by which they hurt. Whatever takes three things in
 * a row within a second is too rare where all faults are equally likely.
 */
#include "tests/sim/plan.h"

#define SECOND           INT64_C(1000000)
#define THEMED_PER_MILLE 300

struct theme {
    const char *name;
    uint32_t weight[FAULTS];
    void (*sizes)(struct plan *, struct prng *);
};

/* Who comes back is behind the beginning of the metadata's log. */
static void behind_sizes(struct plan *plan, struct prng *prng)
{
    plan->size.snapshot_bytes = prng_between(prng, 200, prng_chance(prng, 500) ? 1000 : 8000);
    plan->size.trailing_entries = prng_between(prng, 1, 3);
    plan->admin_pace_us = prng_between(prng, 20000, 200000);
}

/* What was asked and told long ago arrives. */
static void yesterday_sizes(struct plan *plan, struct prng *prng)
{
    plan_override(plan, "replica.lag.time.max.ms", prng_between(prng, 200, 700));
    plan->admin_pace_us = prng_between(prng, 50000, 400000);
}

/* Logs of many small files, on disks that lose. */
static void torn_sizes(struct plan *plan, struct prng *prng)
{
    plan_override(plan, "log.roll.ms", prng_between(prng, 20, 400));
    plan_override(plan, "log.flush.offset.checkpoint.interval.ms", prng_between(prng, 100, 300));
    plan_override(plan, "log.index.interval.bytes", prng_between(prng, 0, 300));
    plan_override(plan, "log.retention.check.interval.ms", prng_between(prng, 100, 400));
    plan_override(plan, "log.segment.delete.delay.ms", prng_between(prng, 0, 200));
    plan->admin_pace_us = prng_between(prng, 50000, 400000);
}

/* Everybody at the same things at once. */
static void crowded_sizes(struct plan *plan, struct prng *prng)
{
    plan->habits.switch_per_mille = (uint32_t)prng_between(prng, 50, 600);
    plan->habits.switch_us = prng_between(prng, 100, 4000);
    /* All of them are slow, and must be able to follow. */
    plan_override(plan, "replica.lag.time.max.ms", prng_between(prng, 2000, 5000));
    plan_override(plan, "replica.fetch.max.bytes", 1 << 20);
    plan_override(plan, "replica.fetch.response.max.bytes", 10 << 20);
    if (plan->groups >
        0) { /* and at the coordinators too: one shard has several writes to send at once */
        plan->members = MEMBERS_MAX;
        plan->size.reactors = 3;
        plan->commit_pace_us = prng_between(prng, 11000, 40000);
        plan_override(plan, "offsets.topic.num.partitions", 1);
    }
}

/* Who dies is back before anybody has noticed. It takes two in sync, for one of them may be the one whose disk was emptied. */
static void reborn_sizes(struct plan *plan, struct prng *prng)
{
    if (plan->size.brokers > 1) {
        plan_override(plan, "min.insync.replicas", 2);
    }
    plan->admin_pace_us = plan->overseer_pace_us = 0;
    plan->hasty_per_mille = (uint32_t)prng_between(prng, 500, 1000);
}

static const struct theme themes[] = {
    {"who comes back is far behind",
     {[FAULT_CUT_CONTROLLERS] = 6,
      [FAULT_ISOLATE] = 8,
      [FAULT_PAUSE] = 4,
      [FAULT_POWER] = 8,
      [FAULT_WIPE] = 4,
      [FAULT_CRASH] = 2,
      [FAULT_PAUSE_LONG] = 1},
     behind_sizes},
    {"requests and answers of yesterday",
     {[FAULT_CLOG] = 16,
      [FAULT_ISOLATE] = 3,
      [FAULT_PAUSE] = 4,
      [FAULT_CUT_CONTROLLERS] = 3,
      [FAULT_CUT_ONE_WAY] = 3,
      [FAULT_CRASH] = 2},
     yesterday_sizes},
    {"disks that lose",
     {[FAULT_POWER] = 8,
      [FAULT_POWER_ALL] = 3,
      [FAULT_SHUTDOWN] = 6,
      [FAULT_SLOW_DISK] = 6,
      [FAULT_CRASH] = 3,
      [FAULT_CRASH_LOOP] = 2,
      [FAULT_SYNC_FAILS] = 2,
      [FAULT_WRITE_FAILS] = 2},
     torn_sizes},
    {"a crowd",
     {[FAULT_RESET] = 3, [FAULT_CRASH] = 3, [FAULT_PAUSE] = 3, [FAULT_SLOW_DISK] = 3},
     crowded_sizes},
    {"quick returns",
     {[FAULT_CRASH] = 8,
      [FAULT_CRASH_ALL] = 4,
      [FAULT_GONE] = 6,
      [FAULT_WIPE] = 8,
      [FAULT_POWER] = 4,
      [FAULT_PAUSE] = 2,
      [FAULT_ISOLATE] = 2},
     reborn_sizes},
};

/* By chance of its own: seeds without a theme draw what they ever drew. */
void plan_theme(struct plan *plan)
{
    struct prng prng;
    prng_init(&prng, plan->seed ^ UINT64_C(0x7468656d65));
    if (plan->calm != CALM_NOT || !prng_chance(&prng, THEMED_PER_MILLE)) {
        return;
    }
    const struct theme *theme = &themes[prng_below(&prng, ARRAY_LEN(themes))];
    plan->theme = theme->name;
    memcpy(plan->weight, theme->weight, sizeof(plan->weight));
    plan->safety_us = prng_between(&prng, 5, 12) * SECOND;
    plan->fault_gap_us = prng_between(&prng, 80000, SECOND / 2);
    theme->sizes(plan, &prng);
}
