#include "tests/sim/plan.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND INT64_C(1000000)

#define BUSY_PER_MILLE     80
#define ADMIN_THINKS_TIMES 6
#define CALM_SWITCH_US     2000
#define SMALL_FETCH_BYTES  3000
#define TWO_DIRS_PER_MILLE 250

#define FETCH_US        20000 /* at most, on a good machine */
#define FETCH_SWITCHES  20    /* turns that may stand still, for each fetch */
#define COMMIT_FETCHES  4     /* until what was written is replicated, and its client knows */
#define COMMIT_MS       300   /* least that is drawn for that */
#define SESSION_FETCHES 10    /* until a member has joined, and is heard of again */
#define WINDOW_KBYTES   400   /* a second at least: whoever reads everything again is to end */

static const char *const fault_names[FAULTS] = {
#define FAULT_NAME(id, name) name,
    FAULT_TABLE(FAULT_NAME)
#undef FAULT_NAME
};

const char *fault_name(enum fault fault)
{
    assert(fault < FAULTS);
    return fault_names[fault];
}

void plan_override(struct plan *plan, const char *key, int64_t value)
{
    uint32_t i = 0;
    while (plan->overrides[i] != NULL) {
        i++;
    }
    assert(i < ARRAY_LEN(plan->settings));
    (void)snprintf(plan->settings[i], sizeof(plan->settings[i]), "%s=%lld", key, (long long)value);
    plan->overrides[i] = plan->settings[i];
}

/* Sizes that are usual, and now and then others. */
static uint32_t draw(struct prng *prng, uint32_t usual, uint32_t usual_per_mille, uint32_t least,
                     uint32_t most)
{
    return prng_chance(prng, usual_per_mille) ? usual : (uint32_t)prng_between(prng, least, most);
}

static void habits_draw(struct plan *plan, struct prng *prng)
{
    struct world_habits *habits = &plan->habits;
    if (prng_chance(prng, 500)) {
        habits->wake_us = prng_between(prng, 10, prng_chance(prng, 200) ? 20000 : 1000);
        habits->letters = (uint32_t)prng_between(prng, 1, 8);
    }
    if (prng_chance(prng, 500)) {
        habits->link_min_us = prng_between(prng, 10, 2000);
        habits->link_max_us = habits->link_min_us +
                              prng_between(prng, 10, prng_chance(prng, 200) ? 60000 : 5000);
        habits->whole_per_mille = (uint32_t)prng_between(prng, 300, 1000);
    }
    if (prng_chance(prng, 200)) {
        habits->window_bytes = (size_t)prng_between(prng, 2000, 40000);
    }
}

static void calm_draw(struct plan *plan)
{
    static const enum calm kinds[] = {CALM_STREAMS, CALM_DISKS, CALM_CONTROLLERS};
    if (plan->seed % CALM_EVERY != CALM_EVERY / 2) {
        return;
    }
    plan->calm = kinds[plan->seed / CALM_EVERY % ARRAY_LEN(kinds)];
    for (int i = 0; i < FAULTS; i++) {
        plan->weight[i] = 0;
    }
    plan->weight[FAULT_CLOCK_JUMP] = 1;
    plan->weight[FAULT_SLOW_DISK] = plan->calm == CALM_DISKS ? 4 : 0;
    plan->weight[FAULT_PAUSE_ALL] = plan->calm == CALM_DISKS ? 4 : 0;
    plan->weight[FAULT_RESET] = plan->calm == CALM_STREAMS ? 8 : 0;
    plan->weight[FAULT_SHUTDOWN] = plan->calm == CALM_STREAMS ? 4 : 0;
    plan->weight[FAULT_CRASH] = plan->calm == CALM_CONTROLLERS ? 8 : 0;
    plan->habits = (struct world_habits){0};
    plan->safety_us = 10 * SECOND;
    plan->fault_gap_us = SECOND / 2;
    plan->watch_every = 4;
}

/* Of its own chance, as all that came later: what older seeds draw stays. */
static void late_faults_draw(struct plan *plan)
{
    struct prng prng;
    prng_init(&prng, plan->seed ^ UINT64_C(0x6c617465));
    for (int i = FAULT_WIPE; i < FAULT_CLOG && plan->calm == CALM_NOT; i++) {
        plan->weight[i] = prng_chance(&prng, 400) ? (uint32_t)prng_between(&prng, 1, 6) : 0;
    }
    plan->core = plan->calm == CALM_NOT && prng_chance(&prng, 400);
}

static void clogs_draw(struct plan *plan)
{
    struct prng prng;
    prng_init(&prng, plan->seed ^ UINT64_C(0x636c6f67));
    if (plan->calm == CALM_NOT && prng_chance(&prng, 500)) {
        plan->weight[FAULT_CLOG] = (uint32_t)prng_between(&prng, 1, 15);
    }
}

/* What administrators do: of its own chance. */
static void overseers_draw(struct plan *plan)
{
    struct prng prng;
    prng_init(&prng, plan->seed ^ UINT64_C(0x6f70657261746f72));
    if (plan->calm != CALM_NOT) {
        return;
    }
    plan->overseer_pace_us = prng_chance(&prng, 400) ? prng_between(&prng, 100000, 2 * SECOND) : 0;
    plan->weight[FAULT_REFIT] = prng_chance(&prng, 300) ? (uint32_t)prng_between(&prng, 1, 6) : 0;
    if (prng_chance(&prng, 250) && plan->size.brokers < BROKERS_MAX) {
        plan->size.late = 1;
        plan->weight[FAULT_REPLACE] = (uint32_t)prng_between(&prng, 1, 6);
    }
}

static void switches_draw(struct plan *plan)
{
    struct prng prng;
    prng_init(&prng, plan->seed ^ UINT64_C(0x737769746368));
    if (prng_chance(&prng, 600)) {
        plan->habits.switch_per_mille = (uint32_t)prng_between(&prng, 1,
                                                               prng_chance(&prng, 300) ? 300 : 40);
        plan->habits.switch_us = prng_between(&prng, 10, prng_chance(&prng, 200) ? 50000 : 2000);
    }
    /* Turns that stand still as long as the grace for a reset would have a healthy broker fenced. */
    if (plan->calm == CALM_STREAMS) {
        plan->habits.switch_us = min_i64(plan->habits.switch_us, CALM_SWITCH_US);
    }
}

static void settings_draw(struct plan *plan, struct prng *prng)
{
    plan_override(plan, "min.insync.replicas",
                  prng_between(prng, 1, plan->size.brokers > 1 ? 2 : 1));
    if (prng_chance(prng, 300)) {
        plan_override(plan, "log.flush.offset.checkpoint.interval.ms",
                      prng_between(prng, 100, 1000));
    }
    if (prng_chance(prng, 600)) {
        plan_override(plan, "replica.lag.time.max.ms", prng_between(prng, 200, 3000));
    }
    if (prng_chance(prng, 400)) { /* followers get on in small steps: one batch, and little more */
        plan_override(plan, "replica.fetch.max.bytes", prng_between(prng, 1, SMALL_FETCH_BYTES));
        plan_override(plan, "replica.fetch.response.max.bytes", prng_between(prng, 1, 6000));
    }
    if (prng_chance(prng, 500)) {
        plan_override(plan, "log.index.interval.bytes", prng_between(prng, 0, 200));
    }
    if (prng_chance(prng, 600)) {
        plan_override(plan, "log.roll.ms", prng_between(prng, 50, 2000));
    }
    if (prng_chance(prng, 400)) { /* what was deleted goes soon */
        plan_override(plan, "log.retention.check.interval.ms", prng_between(prng, 100, 1500));
        plan_override(plan, "log.segment.delete.delay.ms", prng_between(prng, 0, 1000));
    }
    plan->size.snapshot_bytes = prng_chance(prng, 500) ? prng_between(prng, 200, 20000) : 0;
    plan->size.trailing_entries = prng_chance(prng, 700) ? prng_between(prng, 1, 30) : 0;
    plan->size.overrides = plan->overrides;
}

static void modern_draw(struct plan *plan, struct prng *prng)
{
    plan->modern_session_ms = (int32_t)prng_between(prng, 1000, 4000);
    plan_override(plan, "group.consumer.min.session.timeout.ms", 100);
    plan_override(plan, "group.consumer.session.timeout.ms", plan->modern_session_ms);
    plan_override(plan, "group.consumer.min.heartbeat.interval.ms", 50);
    plan_override(plan, "group.consumer.heartbeat.interval.ms", prng_between(prng, 100, 500));
    plan_override(plan, "group.consumer.assignment.interval.ms", prng_between(prng, 0, 500));
}

/* By chance of its own: what else a seed draws does not depend on it. */
static void groups_draw(struct plan *plan)
{
    struct prng prng;
    prng_init(&prng, plan->seed ^ UINT64_C(0x67726f757073));
    if (prng_chance(&prng, 500)) {
        return;
    }
    plan->groups = (uint32_t)prng_between(&prng, 1, 2);
    plan->members = (uint32_t)prng_between(&prng, plan->groups, MEMBERS_MAX);
    plan_override(plan, "group.min.session.timeout.ms", 100);
    plan_override(plan, "group.initial.rebalance.delay.ms", prng_between(&prng, 0, 1000));
    plan_override(plan, "offsets.topic.num.partitions", prng_between(&prng, 1, 3));
    if (prng_chance(&prng, 300)) {
        plan_override(plan, "offsets.commit.timeout.ms", prng_between(&prng, COMMIT_MS, 3000));
    }
    plan->modern = (uint32_t)prng_below(&prng, 4) << 1; /* groups count from 1 */
    if (plan->modern != 0) {
        modern_draw(plan, &prng);
    }
}

/* What was said last of it counts; NULL: nothing. */
static const char *said_last(const struct plan *plan, const char *key)
{
    const char *value = NULL;
    size_t n = strlen(key);
    for (uint32_t i = 0; plan->overrides[i] != NULL; i++) {
        if (strncmp(plan->overrides[i], key, n) == 0 && plan->overrides[i][n] == '=') {
            value = plan->overrides[i] + n + 1;
        }
    }
    return value;
}

static bool overridden(const struct plan *plan, const char *key)
{
    return said_last(plan, key) != NULL;
}

/* Time-outs as patient as the clients. */
static void patience_draw(struct plan *plan, struct prng *prng)
{
    int64_t heartbeat_ms = prng_between(prng, 300, 1000);
    plan_override(plan, "controller.quorum.election.timeout.ms", prng_between(prng, 200, 1000));
    plan_override(plan, "broker.heartbeat.interval.ms", heartbeat_ms);
    plan_override(plan, "broker.session.timeout.ms", heartbeat_ms * prng_between(prng, 4, 8));
    if (!overridden(plan, "replica.lag.time.max.ms")) {
        plan_override(plan, "replica.fetch.wait.max.ms", prng_between(prng, 500, 3000));
    }
}

/* Most seeds are long: clients are busy around faults only, so that hardly any time is spent on what was seen before. */
static void tempo_draw(struct plan *plan)
{
    struct prng prng;
    prng_init(&prng, plan->seed ^ UINT64_C(0x74656d706f));
    if (prng_chance(&prng, BUSY_PER_MILLE) || plan->calm != CALM_NOT) {
        return;
    }
    plan_theme(plan); /* some have one, and stay short */
    if (plan->theme != NULL) {
        return;
    }
    plan->thinks = true;
    plan->safety_us = prng_between(&prng, 35, 165) * SECOND;
    plan->fault_gap_us = prng_between(&prng, 1500000, 4500000);
    plan->idle_tick_us = prng_between(&prng, 200000, 2 * SECOND);
    plan->idle_pace_us = prng_between(&prng, 2, 20) * SECOND;
    plan->busy_before_us = prng_between(&prng, 0, 60000);
    plan->busy_after_us = prng_between(&prng, 10000, 300000);
    plan->admin_pace_us *= ADMIN_THINKS_TIMES;
    plan->overseer_pace_us *= ADMIN_THINKS_TIMES;
    /* Files that change know nothing of each other: controllers would fence who is patient. */
    if (plan->weight[FAULT_REFIT] == 0 && prng_chance(&prng, 700)) {
        patience_draw(plan, &prng);
    }
    /* Streams in ever smaller pieces tell nothing new there, and are most of the events. */
    if (prng_chance(&prng, 800)) {
        plan->habits.whole_per_mille = (uint32_t)prng_between(&prng, 930, 1000);
    }
}

static void rots_draw(struct plan *plan)
{
    static const char pace[] = "log.flush.offset.checkpoint.interval.ms";
    struct prng prng;
    prng_init(&prng, plan->seed ^ UINT64_C(0x726f7473));
    if (plan->calm != CALM_NOT || plan->rot_kinds != 0 || !prng_chance(&prng, 300)) {
        return; /* a theme may have said which */
    }
    for (uint32_t i = 0; i < ROT_KINDS; i++) {
        plan->rot_kinds |= prng_chance(&prng, i == ROT_MEMORY ? 250 : 500) ? 1U << i : 0;
    }
    plan->rot_gap_us = prng_between(&prng, 50000, SECOND) * (plan->thinks ? 8 : 1);
    if (plan->rot_kinds != 0 && !overridden(plan, pace)) {
        plan_override(plan, pace, prng_between(&prng, 100, 500));
    }
}

/* Groups whose members come back with the other protocol, and what is forgotten soon: of its own chance. */
static void changes_draw(struct plan *plan)
{
    struct prng prng;
    prng_init(&prng, plan->seed ^ UINT64_C(0x6368616e6765));
    bool mixed = prng_chance(&prng, 350);
    bool offsets = prng_chance(&prng, 300);
    if (plan->groups > 0 && mixed) {
        plan->mixed = (uint32_t)prng_between(&prng, 1, 3) << 1;
        if (plan->modern == 0) {
            modern_draw(plan, &prng);
        }
    }
    if (plan->groups > 0 && offsets) {
        plan->offsets_expire = true;
        plan_override(plan, "offsets.retention.minutes", 1);
        plan_override(plan, "offsets.retention.check.interval.ms", prng_between(&prng, 20, 500));
    }
    if (prng_chance(&prng, 150)) {
        plan->producer_expiry_ms = prng_between(&prng, 2000, 8000) * (plan->thinks ? 5 : 1);
        plan_override(plan, "producer.id.expiration.ms", plan->producer_expiry_ms);
    }
}

/* Disks that fail one by one, under brokers that go on with the other: of its own chance. */
static void dirs_draw(struct plan *plan)
{
    struct prng prng;
    prng_init(&prng, plan->seed ^ UINT64_C(0x64697273));
    plan->size.dirs = prng_chance(&prng, TWO_DIRS_PER_MILLE) ? 2 : 1;
    if (plan->size.dirs < 2 || plan->calm != CALM_NOT) {
        return;
    }
    if (prng_chance(&prng, 600)) {
        plan->weight[FAULT_SYNC_FAILS] += (uint32_t)prng_between(&prng, 0, 4);
        plan->weight[FAULT_WRITE_FAILS] += (uint32_t)prng_between(&prng, 0, 4);
    }
    if (prng_chance(&prng, 400)) {
        plan->odd_starts_per_mille = (uint32_t)prng_between(&prng, 50, 400);
    }
}

/* After all is drawn: what is left out moves nothing else. */
static void cut_apply(struct plan *plan)
{
    const struct plan_cut *cut = &plan->cut;
    plan->producers = cut_count(cut, CUT_PRODUCERS, plan->producers);
    plan->consumers = cut_count(cut, CUT_CONSUMERS, plan->consumers);
    plan->members = cut_count(cut, CUT_MEMBERS, plan->members);
    plan->groups = plan->members < plan->groups ? plan->members : plan->groups;
    plan->size.controllers = cut_count(cut, CUT_CONTROLLERS, plan->size.controllers);
    plan->size.brokers = cut_count(cut, CUT_BROKERS, plan->size.brokers);
    plan->size.dirs = cut_count(cut, CUT_DIRS, plan->size.dirs);
    bool administered = cut_count(cut, CUT_ADMINISTRATOR, 1) > 0;
    plan->admin_pace_us = administered ? plan->admin_pace_us : 0;
    plan->overseer_pace_us = administered ? plan->overseer_pace_us : 0;
}

static time_us stands_us(const struct plan *plan)
{
    return (time_us)plan->habits.switch_per_mille * plan->habits.switch_us / 1000;
}

bool plan_slow_turns(const struct plan *plan)
{
    return stands_us(plan) > 3000;
}

time_us plan_fetch_us(const struct plan *plan)
{
    return FETCH_US + 2 * (plan->habits.link_max_us + plan->habits.wake_us) +
           FETCH_SWITCHES * stands_us(plan);
}

bool plan_slow_commits(const struct plan *plan)
{
    return COMMIT_FETCHES * plan_fetch_us(plan) > COMMIT_MS * 1000;
}

/* Where turns stand still long and often, followers that fetch little or have little time can never keep up (seeds 51673, 61047). */
static void followers_fit(struct plan *plan)
{
    if (plan_slow_turns(plan)) {
        plan_override(plan, "replica.lag.time.max.ms", 5000);
        plan_override(plan, "replica.fetch.max.bytes", 1 << 20);
        plan_override(plan, "replica.fetch.response.max.bytes", 10 << 20);
    }
    if (plan_slow_commits(plan)) {
        plan_override(plan, "offsets.commit.timeout.ms", 5000);
    }
}

int32_t plan_session_ms(const struct plan *plan)
{
    return (int32_t)(SESSION_FETCHES * plan_fetch_us(plan) / 1000);
}

/* So do members whose sessions end before the answer to their joining is there, and readers through windows for good machines. */
static void clients_fit(struct plan *plan)
{
    struct world_habits *habits = &plan->habits;
    int32_t least_ms = plan_session_ms(plan);
    if (habits->window_bytes > 0) {
        time_us way_us = habits->link_max_us + FETCH_SWITCHES * stands_us(plan);
        habits->window_bytes = (size_t)max_i64((int64_t)habits->window_bytes,
                                               way_us * WINDOW_KBYTES / 1000);
    }
    if (plan->modern_session_ms > 0 && plan->modern_session_ms < least_ms) {
        plan->modern_session_ms = least_ms;
        plan_override(plan, "group.consumer.session.timeout.ms", least_ms);
    }
}

void plan_draw(struct plan *plan, uint64_t seed, const struct plan_cut *cut)
{
    struct prng prng;
    *plan = (struct plan){.seed = seed};
    if (cut != NULL) {
        plan->cut = *cut;
    }
    prng_init(&prng, seed ^ UINT64_C(0x706c616e));
    plan->size.controllers = prng_chance(&prng, 750) ? 3 : prng_chance(&prng, 500) ? 1 : 5;
    plan->size.brokers = draw(&prng, 3, 600, 1, BROKERS_MAX);
    plan->size.reactors = (uint32_t)prng_between(&prng, 1, 3);
    plan->producers = (uint32_t)prng_between(&prng, 1, 4);
    plan->consumers = (uint32_t)prng_between(&prng, 0, 2);
    /* Most are short and harsh, and find more in the same time; what needs patience is in the others. */
    bool harsh = prng_chance(&prng, 700);
    plan->safety_us = (harsh ? prng_between(&prng, 4, 12) : prng_between(&prng, 8, 24)) * SECOND;
    plan->fault_gap_us = prng_between(&prng, 80000, harsh ? SECOND * 6 / 10 : 3 * SECOND);
    for (int i = 0; i < FAULT_WIPE; i++) {
        plan->weight[i] = prng_chance(&prng, 500) ? (uint32_t)prng_between(&prng, 1, 10) : 0;
    }
    plan->admin_pace_us = prng_chance(&prng, 700) ? prng_between(&prng, 100000, 2 * SECOND) : 0;
    plan->watch_every = 12 + (uint32_t)prng_below(&prng, 200);
    habits_draw(plan, &prng);
    settings_draw(plan, &prng);
    calm_draw(plan);
    late_faults_draw(plan);
    clogs_draw(plan);
    switches_draw(plan);
    overseers_draw(plan);
    groups_draw(plan);
    tempo_draw(plan);
    rots_draw(plan);
    changes_draw(plan);
    dirs_draw(plan);
    followers_fit(plan);
    clients_fit(plan);
    cut_apply(plan);
}

bool plan_small_fetches(const struct plan *plan)
{
    const char *most = said_last(plan, "replica.fetch.max.bytes");
    bool refits = plan->weight[FAULT_REFIT] > 0 && !plan_slow_turns(plan);
    return refits || (most != NULL && strtoll(most, NULL, 10) <= SMALL_FETCH_BYTES);
}

static void topic_setting(struct field *field, uint32_t t, const char *key, const char *value)
{
    uint32_t n = field->topics[t].config_count++;
    (void)snprintf(field->topics[t].configs[n][0], sizeof(field->topics[t].configs[n][0]), "%s",
                   key);
    (void)snprintf(field->topics[t].configs[n][1], sizeof(field->topics[t].configs[n][1]), "%s",
                   value);
}

static void topic_draw(const struct plan *plan, struct field *field, uint32_t t, struct prng *prng)
{
    (void)snprintf(field->topics[t].name, sizeof(field->topics[t].name), "field%u", t);
    field_grow(field, t, (uint32_t)prng_between(prng, 1, TOPIC_SIZE_MAX));
    field->topics[t].replicas = (int32_t)min_i64(draw(prng, 3, 750, 1, 5), plan->size.brokers);
    field->topics[t].replicas = plan->replicas > 0 ? plan->replicas : field->topics[t].replicas;
    field->topics[t].weak = (t > 0 && prng_chance(prng, 150)) || plan->weak;
    field->topics[t].deletable = prng_chance(prng, 500);
    if (field->topics[t].weak) {
        topic_setting(field, t, "durability", "pagecache");
        /* A power cut takes every seat: nobody else could lead it again. */
        topic_setting(field, t, "unclean.leader.election.enable", "true");
    }
}

void plan_field(const struct plan *plan, struct field *field, struct cluster *cluster,
                struct history *history)
{
    struct prng prng;
    *field = (struct field){.cluster = cluster,
                            .history = history,
                            .seed = plan->seed,
                            .thinks = plan->thinks,
                            .idle_tick_us = plan->idle_tick_us,
                            .idle_pace_us = plan->idle_pace_us};
    field->producer_expiry_us = plan->producer_expiry_ms * 1000;
    history->producer_expiry_us = field->producer_expiry_us;
    history->offsets_expire = plan->offsets_expire;
    prng_init(&prng, plan->seed ^ UINT64_C(0x6669656c64));
    field->topic_count = (uint32_t)prng_between(&prng, 1, TOPICS_MAX);
    for (uint32_t t = 0; t < field->topic_count; t++) {
        topic_draw(plan, field, t, &prng);
    }
}

void plan_print(const struct plan *plan, const struct field *field)
{
    (void)printf(
        "seed %llu: %u controllers, %u brokers with %u reactors, %u producers, %u consumers, %u members of"
        " %u groups, %lld s of faults about every %lld ms\n",
        (unsigned long long)plan->seed, plan->size.controllers, plan->size.brokers,
        plan->size.reactors, plan->producers, plan->consumers, plan->members, plan->groups,
        (long long)(plan->safety_us / SECOND), (long long)(plan->fault_gap_us / 1000));
    if (plan->theme != NULL) {
        (void)printf("  theme: %s\n", plan->theme);
    }
    if (plan->size.dirs > 1) {
        (void)printf(
            "  brokers have %u log directories each; %u of 1000 starts find one unreadable\n",
            plan->size.dirs, plan->odd_starts_per_mille);
    }
    if (plan->habits.switch_per_mille > 0) {
        (void)printf(
            "  turns stand still at %u of 1000 lock releases and letters, for up to %lld us\n",
            plan->habits.switch_per_mille, (long long)plan->habits.switch_us);
    }
    if (plan->overseer_pace_us > 0) {
        (void)printf("  topics grow, and settings of all change, about every %lld ms\n",
                     (long long)(plan->overseer_pace_us / 1000));
    }
    if (plan->thinks) {
        (void)printf("  clients are busy from %lld ms before to %lld ms after a fault\n",
                     (long long)(plan->busy_before_us / 1000),
                     (long long)(plan->busy_after_us / 1000));
    }
    for (uint32_t t = 0; t < field->topic_count; t++) {
        (void)printf("  topic %s: %u partitions, %d replicas%s\n", field->topics[t].name,
                     field->topics[t].partitions, field->topics[t].replicas,
                     field->topics[t].weak ? ", durability=pagecache" : "");
    }
    for (uint32_t i = 0; plan->overrides[i] != NULL; i++) {
        (void)printf("  %s\n", plan->overrides[i]);
    }
    for (uint32_t i = 0; i < ROT_KINDS; i++) {
        if (plan->rot_kinds >> i & 1) {
            (void)printf("  rot about every %lld ms: %s\n", (long long)(plan->rot_gap_us / 1000),
                         rot_name((enum rot_kind)i));
        }
    }
    for (int i = 0; i < FAULTS; i++) {
        if (plan->weight[i] > 0) {
            (void)printf("  fault %s: %u\n", fault_name((enum fault)i), plan->weight[i]);
        }
    }
}
