/* What a client does to a cluster, and what it must find afterwards: an idempotent producer with acks=all, and a reader. */
#ifndef ODRADEK_TESTS_SIM_STORY_H
#define ODRADEK_TESTS_SIM_STORY_H

#include "tests/sim/client.h"
#include "tests/sim/cluster.h"

#define PARTITIONS 3

struct story {
    struct cluster *cluster;
    struct client *client;
    struct prng prng;
    uint64_t seed;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t leader[PARTITIONS];  /* numbers of brokers; -1: unknown */
    int32_t written[PARTITIONS]; /* records acknowledged: offsets 0.. */
    uint32_t retries;
    char wrong[256]; /* about false */
};

void story_open(struct story *, struct cluster *, struct client *, uint64_t seed);
/* A topic with three partitions of three replicas, and a producer id. */
bool story_begin(struct story *) MUST_USE;
/* One batch to each partition, in this many rounds; each is tried until it is acknowledged. */
bool story_write(struct story *, uint32_t rounds) MUST_USE;
/* Reads every partition from its leader: exactly what was acknowledged is there, in order. */
bool story_read(struct story *) MUST_USE;
/* After all have stopped: all replicas are the same bytes. */
bool story_replicas_equal(struct story *) MUST_USE;

#endif
