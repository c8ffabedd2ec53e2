/*
 * Some seeds have a theme: a few faults that belong together, often, with sizes by which they hurt. Whatever takes three things in
 * a row within a second is too rare where all faults are equally likely.
 */
#include "tests/sim/plan.h"

#define SECOND           INT64_C(1000000)
#define THEMED_PER_MILLE 300
#define NARROW_PER_MILLE 40
#define NARROW_SEEDS     UINT64_C(1000000000000) /* from here on it is all that have a theme at all */

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

/* Rot that is met at once, where the atlas allows any: two must be in sync, recovery points move quickly. */
static void rotten_sizes(struct plan *plan, struct prng *prng)
{
    plan_override(plan, "min.insync.replicas", 2);
    plan_override(plan, "log.flush.offset.checkpoint.interval.ms", prng_between(prng, 100, 200));
    plan->rot_gap_us = prng_between(prng, 30000, 200000);
    plan->admin_pace_us = plan->overseer_pace_us = 0;
}

/* Leaders send from memory what they looked at once, and others come to fetch it. */
static void memory_sizes(struct plan *plan, struct prng *prng)
{
    rotten_sizes(plan, prng);
    plan->size.brokers = BROKERS_MAX - plan->size.late;
    plan->replicas = (int32_t)plan->size.brokers;
    plan->hasty_per_mille = (uint32_t)prng_between(prng, 500, 1000);
    plan_override(plan, "replica.lag.time.max.ms", prng_between(prng, 200, 700));
    plan->rot_kinds = 1U << ROT_MEMORY;
    plan->rot_newest = true;
    plan->fault_gap_us = prng_between(prng, SECOND / 2, SECOND);
}

/* Logs are opened slowly, by processes that die before they are through, and what they are to read has changed at rest. */
static void opening_sizes(struct plan *plan, struct prng *prng)
{
    rotten_sizes(plan, prng);
    plan->size.brokers = plan->size.brokers < 2 ? 2 : plan->size.brokers;
    plan->replicas = 2; /* so that who is away is counted on */
    plan->rot_kinds = 1U << ROT_FLIPPED | 1U << ROT_LOST | 1U << ROT_MISDIRECTED;
    plan->loops_slowly = true;
    plan->fault_gap_us = prng_between(prng, SECOND / 2, 2 * SECOND);
    plan->hasty_per_mille = (uint32_t)prng_between(prng, 500, 1000);
}

/* What an acknowledgement promises changes while records come, and disks are slow to keep it. */
static void promise_sizes(struct plan *plan, struct prng *prng)
{
    plan->weak = true;
    plan->admin_pace_us = prng_between(prng, 20000, 200000);
    plan->fault_gap_us = prng_between(prng, SECOND / 5, SECOND);
}

/* What hardly ever comes together by itself. */
static const struct theme narrow[] = {
    {"memory that rots",
     {[FAULT_ISOLATE] = 2, [FAULT_CRASH] = 8, [FAULT_PAUSE] = 8, [FAULT_WIPE] = 4},
     memory_sizes},
    {"rot under logs that are being opened",
     {[FAULT_CRASH_LOOP] = 12, [FAULT_CRASH] = 2, [FAULT_POWER] = 2, [FAULT_CUT_CONTROLLERS] = 2},
     opening_sizes},
    {"promises that change",
     {[FAULT_SLOW_DISK] = 12, [FAULT_POWER] = 2, [FAULT_CRASH] = 1, [FAULT_PAUSE] = 1},
     promise_sizes},
};

/* By chances of their own: seeds without a theme draw what they ever drew. */
static const struct theme *theme_draw(const struct plan *plan, struct prng *prng)
{
    struct prng own;
    prng_init(&own, plan->seed ^ UINT64_C(0x726f747468656d65));
    prng_init(prng, plan->seed ^ UINT64_C(0x7468656d65));
    if (prng_chance(&own, NARROW_PER_MILLE) || plan->seed >= NARROW_SEEDS) {
        return &narrow[prng_below(&own, ARRAY_LEN(narrow))];
    }
    if (prng_chance(prng, THEMED_PER_MILLE)) {
        return &themes[prng_below(prng, ARRAY_LEN(themes))];
    }
    return NULL;
}

void plan_theme(struct plan *plan)
{
    struct prng prng;
    const struct theme *theme = plan->calm == CALM_NOT ? theme_draw(plan, &prng) : NULL;
    if (theme == NULL) {
        return;
    }
    plan->theme = theme->name;
    memcpy(plan->weight, theme->weight, sizeof(plan->weight));
    plan->safety_us = prng_between(&prng, 5, 12) * SECOND;
    plan->fault_gap_us = prng_between(&prng, 80000, SECOND / 2);
    theme->sizes(plan, &prng);
}
