/*
 * What must hold between any two events, looked at from outside of the nodes: the invariants of every core, one leader for
 * an epoch, no high watermark beyond what an in-sync replica has, one content of the metadata at one offset.
 */
#ifndef ODRADEK_TESTS_SIM_WATCH_H
#define ODRADEK_TESTS_SIM_WATCH_H

#include "tests/sim/cluster.h"

#define WATCH_EPOCHS 8192
#define WATCH_IMAGES 8192

struct watch {
    struct cluster *cluster;
    struct watch_epoch {
        struct uuid topic;
        int32_t index;
        int32_t epoch;
        int32_t leader; /* broker number + 1; 0: free */
        int64_t broker_epoch;
        int64_t high_watermark;
    } * epochs;
    struct watch_image {
        int64_t offset; /* + 1; 0: free */
        uint64_t hash;
    } * images;
    struct watch_term {
        uint64_t term;
        int32_t leader;
    } terms[1024];
    int64_t image_seen[CONTROLLERS_MAX + BROKERS_MAX];
    uint64_t elections;
    uint64_t isr_changes;
    uint64_t looks;
    char wrong[240]; /* empty: nothing */
};

void watch_open(struct watch *, struct cluster *);
void watch_close(struct watch *);
void watch_look(struct watch *);
/* After all have stopped: the replicas of each partition, from where all of them begin, are the same bytes. */
void watch_replicas(struct watch *, const char *topic, int32_t index);

#endif
