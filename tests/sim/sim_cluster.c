/*
 * sim_cluster [--verbose] SEED...: each seed is one run of a whole cluster in the fake world. A run is made twice, and both
 * must give the same hash over all events. A line per check, then `N passed, N failed`; exit code 0, 1, or 2 for usage.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/client.h"
#include "tests/sim/cluster.h"
#include "tests/sim/story.h"

#define SECOND INT64_C(1000000)
#define ROUNDS 8

struct run {
    uint64_t seed;
    bool verbose;
    struct world *world;
    struct cluster *cluster;
    struct client *client;
    struct story story;
    int32_t epoch; /* of the first partition's leader, before it died */
    uint32_t failed;
    uint32_t passed;
};

static bool check(struct run *run, bool good, const char *sentence)
{
    run->failed += !good;
    run->passed += good;
    if (!good) {
        (void)printf("FAILED seed %llu at %lld us: %s\n", (unsigned long long)run->seed,
                     (long long)world_now_us(run->world), sentence);
    }
    return good;
}

static void nodes_start(struct run *run)
{
    bool good = true;
    for (uint32_t i = 0; i < run->cluster->controller_count; i++) {
        good = controller_start(run->cluster, i) && good;
    }
    check(run, good, "the controllers start");
    check(run, world_run(run->world, cluster_led, run->cluster, 10 * SECOND),
          "one of the controllers becomes the active one");
    for (uint32_t i = 0; i < run->cluster->broker_count; i++) {
        good = broker_start(run->cluster, i) && good;
    }
    check(run, good, "the brokers start");
    check(run, world_run(run->world, cluster_agreed, run->cluster, 20 * SECOND),
          "all brokers are unfenced and all images are equal");
}

static bool told(struct run *run, bool good, const char *sentence)
{
    if (!good) {
        (void)printf("%s\n", run->story.wrong);
    }
    return check(run, good, sentence);
}

static void whole(struct run *run)
{
    check(run, world_run(run->world, cluster_whole, run->cluster, 60 * SECOND),
          "all replicas are in sync and all images are equal");
}

static bool somebody_left(void *cluster)
{
    return !cluster_whole(cluster);
}

/* The disk of who only follows gets full under its appends, which no reserve has seen coming: it stops, and goes on by itself
 * when there is room, with its log directory never offline. */
static void disk_gets_full(struct run *run, uint32_t victim)
{
    struct host *host = run->cluster->brokers[victim].host;
    bool leads = false;
    for (size_t i = 0; i < ARRAY_LEN(run->story.leader); i++) {
        leads = leads || run->story.leader[i] == (int32_t)victim;
    }
    check(run, !leads, "who came back leads nothing");
    fake_disk_space_left(host, 100);
    told(run, story_write(&run->story, ROUNDS), "writing goes on without a follower's disk");
    check(run, world_run(run->world, somebody_left, run->cluster, 60 * SECOND),
          "who cannot append leaves the in-sync set");
    broker_crash(run->cluster, victim);
    world_power_cut(host, FAKE_CUT_ORDERED);
    world_power_on(host);
    check(run, broker_start(run->cluster, victim), "the broker starts again without any room");
    world_sleep(run->world, 10 * SECOND);
    check(run, !run->cluster->brokers[victim].halted, "it waits for some");
    fake_disk_space_left(host, -1);
    whole(run);
    told(run, story_write(&run->story, ROUNDS), "writing goes on with it");
}

/* The process of whoever leads the first partition dies while a client writes, and is started again. */
static void broker_dies(struct run *run)
{
    uint32_t victim = (uint32_t)run->story.leader[0];
    broker_crash(run->cluster, victim);
    told(run, story_write(&run->story, ROUNDS), "writing goes on without a broker");
    check(run, broker_start(run->cluster, victim), "the broker starts again");
    told(run, story_write(&run->story, ROUNDS), "writing goes on while it comes back");
    whole(run);
    disk_gets_full(run, victim);
}

static bool led_anew(void *ctx)
{
    const struct run *run = ctx;
    return cluster_leader_epoch(run->cluster, "story", 0) > run->epoch;
}

/* Processes that die slowly: their listeners take connections for a while after all others have ended. That they are gone is found
 * out all the same, however often in a minute, and not when their sessions end. */
static void brokers_die_slowly(struct run *run)
{
    time_us began = world_now_us(run->world);
    for (int i = 0; i < 9; i++) {
        told(run, story_write(&run->story, 1), "writing goes on");
        uint32_t victim = (uint32_t)run->story.leader[0];
        run->epoch = cluster_leader_epoch(run->cluster, "story", 0);
        broker_crash(run->cluster, victim);
        world_linger(run->cluster->brokers[victim].host, true);
        world_sleep(run->world, 15000);
        world_linger(run->cluster->brokers[victim].host, false);
        check(run, world_run(run->world, led_anew, run, SECOND),
              "another one leads within a second");
        check(run, broker_start(run->cluster, victim), "the broker starts again");
        whole(run);
    }
    check(run, world_now_us(run->world) - began < 60 * SECOND, "all of that within a minute");
}

static void controller_dies(struct run *run)
{
    int32_t victim = cluster_active(run->cluster);
    if (check(run, victim >= 0, "a controller is active")) {
        controller_crash(run->cluster, (uint32_t)victim);
        told(run, story_write(&run->story, ROUNDS),
             "writing goes on without the active controller");
        check(run, world_run(run->world, cluster_led, run->cluster, 10 * SECOND),
              "another controller takes over");
        check(run, controller_start(run->cluster, (uint32_t)victim), "the controller starts again");
        whole(run);
    }
}

/* A controller that follows has had something written, and is about to be told so. */
static bool follower_told(void *ctx)
{
    const struct cluster *cluster = ctx;
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        const struct sim_controller *c = &cluster->controllers[i];
        const struct raft *raft = controller_node_raft(c->node);
        if (raft->role == RAFT_FOLLOWER && raft->written < raft->write &&
            world_letter_waits(c->host)) {
            return true;
        }
    }
    return false;
}

static bool somebody_stands(void *ctx)
{
    const struct cluster *cluster = ctx;
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        enum raft_role role = controller_node_raft(cluster->controllers[i].node)->role;
        if (role == RAFT_PROSPECTIVE || role == RAFT_CANDIDATE) {
            return true;
        }
    }
    return false;
}

/* The lid of a laptop is closed for longer than any patience lasts. What the disk has to say comes before the timers that are late,
 * and hides from nobody that they are. */
static void all_sleep(struct run *run)
{
    struct cluster *cluster = run->cluster;
    broker_crash(cluster, 0); /* which controllers write down */
    check(run, world_run(run->world, follower_told, cluster, 20 * SECOND),
          "a follower among the controllers is about to hear from its disk");
    time_us until = world_now_us(run->world) + SECOND;
    for (uint32_t i = 0; i < cluster->controller_count; i++) {
        world_pause(cluster->controllers[i].host, until);
    }
    for (uint32_t i = 0; i < cluster->broker_count; i++) {
        world_pause(cluster->brokers[i].host, until);
    }
    check(run, !world_run(run->world, somebody_stands, cluster, 2 * SECOND),
          "all wake up, and no controller stands for election");
    check(run, broker_start(cluster, 0), "the broker starts again");
    whole(run);
}

static void write_and_read(struct run *run)
{
    if (!told(run, story_begin(&run->story), "a topic and a producer id are there") ||
        !told(run, story_write(&run->story, ROUNDS), "batches are acknowledged")) {
        return;
    }
    check(run, run->story.retries <= 3, "nothing had to be tried again and again");
    told(run, story_read(&run->story), "what was acknowledged is read, and nothing else");
    whole(run);
    broker_dies(run);
    brokers_die_slowly(run);
    controller_dies(run);
    all_sleep(run);
    told(run, story_read(&run->story), "after the crashes all of it is read, and nothing else");
}

static struct world_hash run_once(struct run *run)
{
    /* Without a reserve, so that appends find the device full and not a look at it. */
    static const char *const overrides[] = {"log.dir.reserve.bytes=0", NULL};
    static const struct cluster_size size = {
        .controllers = 3, .brokers = 3, .reactors = 2, .overrides = overrides};
    run->world = world_open(run->seed, run->verbose);
    run->cluster = cluster_open(run->world, &size);
    run->client = client_open(run->world, run->cluster->desk);
    story_open(&run->story, run->cluster, run->client, run->seed);
    nodes_start(run);
    write_and_read(run);
    client_close(run->client);
    /* Whoever stops waits for its disk. */
    world_disk_pace(run->cluster->controllers[0].host, 3 * SECOND, 3 * SECOND);
    check(run, cluster_stop(run->cluster), "all nodes stop in order");
    told(run, story_replicas_equal(&run->story), "all replicas are the same bytes");
    cluster_close(run->cluster);
    struct world_hash hash = world_hash(run->world);
    (void)printf("seed %llu: %llu events, %lld ms, hash %016llx%016llx\n",
                 (unsigned long long)run->seed, (unsigned long long)world_events(run->world),
                 (long long)world_now_us(run->world) / 1000, (unsigned long long)hash.high,
                 (unsigned long long)hash.low);
    world_close(run->world);
    return hash;
}

int main(int argc, char **argv)
{
    struct run run = {0};
    int at = 1;
    if (argc > at && strcmp(argv[at], "--verbose") == 0) {
        run.verbose = true;
        at++;
    }
    if (at == argc) {
        (void)fprintf(stderr, "usage: sim_cluster [--verbose] SEED...\n");
        return 2;
    }
    for (; at < argc; at++) {
        run.seed = strtoull(argv[at], NULL, 0);
        struct world_hash first = run_once(&run);
        struct world_hash second = run_once(&run);
        bool same = first.high == second.high && first.low == second.low;
        run.failed += !same;
        run.passed += same;
        if (!same) {
            (void)printf("FAILED seed %s: the same seed gave two different runs\n", argv[at]);
        }
    }
    (void)printf("%u passed, %u failed\n", run.passed, run.failed);
    return run.failed == 0 && run.passed > 0 ? 0 : 1;
}
