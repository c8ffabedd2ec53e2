#include "tests/sim/refit.h"

#include <stdio.h>

#define REFITS_MAX 16 /* of a cluster: files stay as long as it does */

/* Nothing that clients or the judges count on: sessions of members, what a topic promises. */
static const struct {
    const char *key;
    int64_t least;
    int64_t most;
} settings[] = {
    {"broker.heartbeat.interval.ms", 50, 400},
    {"group.initial.rebalance.delay.ms", 0, 1000},
    {"log.flush.offset.checkpoint.interval.ms", 100, 5000},
    {"log.index.interval.bytes", 0, 4096},
    {"log.index.size.max.bytes", 64, 4096},
    {"log.retention.check.interval.ms", 100, 3000},
    {"log.roll.ms", 50, 3000},
    {"log.segment.bytes", 1 << 20, 4 << 20},
    {"log.segment.delete.delay.ms", 0, 1000},
    {"max.incremental.fetch.session.cache.slots", 0, 4},
    {"min.insync.replicas", 1, 3},
    {"offsets.commit.timeout.ms", 300, 5000},
    {"replica.fetch.backoff.ms", 0, 500},
    {"replica.fetch.max.bytes", 1, 3000},
    {"replica.fetch.response.max.bytes", 1, 6000},
    {"replica.fetch.wait.max.ms", 10, 500},
    {"replica.high.watermark.checkpoint.interval.ms", 50, 5000},
    {"replica.lag.time.max.ms", 200, 5000},
    {"request.timeout.ms", 500, 10000},
    {"socket.request.max.bytes", 1 << 20, 8 << 20},
};

/* Followers get as much time and as much at once as they need where turns stand still, coordinators where all takes long. */
static bool fits(const char *key, const struct plan *plan)
{
    bool follower = strncmp(key, "replica.", strlen("replica.")) == 0;
    bool commit = strcmp(key, "offsets.commit.timeout.ms") == 0;
    return !(follower && plan_slow_turns(plan)) && !(commit && plan_slow_commits(plan));
}

void refit_broker(struct cluster *cluster, uint32_t number, const struct plan *plan,
                  struct prng *prng)
{
    struct sim_broker *broker = &cluster->brokers[number];
    if (cluster->refits == REFITS_MAX) {
        return;
    }
    cluster->refits++;
    struct config *config = arena_alloc(&cluster->arena, sizeof(*config));
    assert(config != NULL);
    cluster_config(cluster, config);
    for (int64_t i = prng_between(prng, 1, 4); i > 0; i--) {
        char text[80];
        uint64_t at = prng_below(prng, ARRAY_LEN(settings));
        (void)snprintf(text, sizeof(text), "%s=%lld", settings[at].key,
                       (long long)prng_between(prng, settings[at].least, settings[at].most));
        if (fits(settings[at].key, plan)) {
            config_override(config, slice_str(text));
        }
    }
    assert(!config_failed(config));
    broker->config = config;
    broker->reactors = (uint32_t)prng_between(prng, 1, 3);
}

void refit_controller(struct cluster *cluster, uint32_t number, struct prng *prng)
{
    struct sim_tuning *tuning = &cluster->controllers[number].tuning;
    *tuning = (struct sim_tuning){0};
    if (prng_chance(prng, 500)) {
        tuning->election_ms = (int32_t)prng_between(prng, 80, 600);
    }
    if (prng_chance(prng, 500)) {
        tuning->session_ms = (int32_t)prng_between(prng, 700, 4000);
    }
    if (prng_chance(prng, 500)) {
        tuning->min_isr = (int32_t)prng_between(prng, 1, 3);
    }
    if (prng_chance(prng, 500)) {
        tuning->snapshot_bytes = prng_between(prng, 200, 20000);
        tuning->trailing_entries = prng_between(prng, 0, 30);
    }
}
