/* Controllers and brokers in one fake world, started as their main.c would. */
#ifndef ODRADEK_TESTS_SIM_CLUSTER_H
#define ODRADEK_TESTS_SIM_CLUSTER_H

#include "broker/node/broker_node.h"
#include "common/meta/image.h"
#include "controller/node/controller_node.h"
#include "tests/sim/sim.h"

#define CONTROLLERS_MAX  5
#define BROKERS_MAX      5
#define COORDINATORS_MAX 64 /* partitions of the groups' topic */

struct sim_controller {
    struct host *host;
    struct net_address address;
    struct trace trace;
    char name[32];
    struct controller_node *node; /* NULL: not running */
    bool halted;                  /* by itself, or as asked */
    struct sim_tuning {
        int32_t election_ms; /* 0: as configured; the rest the same */
        int32_t session_ms;
        int32_t min_isr;
        int64_t snapshot_bytes;
        int64_t trailing_entries;
    } tuning;
};

struct sim_broker {
    struct host *host;
    struct net_address address;
    struct trace trace;
    char name[32];
    struct broker_node *node; /* NULL: not running */
    bool halted;
    bool
        ended_well; /* its last process ended in order, or was about to: its directories may be clean */
    bool away;      /* another one works in its place */
    const struct config *config; /* its file */
    uint32_t reactors;
};

struct cluster_size {
    uint32_t controllers;
    uint32_t brokers;
    uint32_t late; /* and so many that are not there from the beginning */
    uint32_t reactors;
    uint32_t dirs;                /* log directories of a broker; 0: one */
    int64_t snapshot_bytes;       /* 0: as configured */
    int64_t trailing_entries;     /* the same */
    const char *const *overrides; /* key=value, NULL at the end; may be NULL */
};

struct cluster {
    uint32_t controller_count;
    uint32_t broker_count; /* with those that come late */
    uint32_t late;         /* the last ones */
    uint32_t dirs;         /* of each broker */
    const char *const *overrides;
    int64_t snapshot_bytes;
    int64_t trailing_entries;
    struct world *world;
    struct host *desk; /* the machine of clients and of the configuration */
    struct arena arena;
    struct config config;
    uint32_t emptied; /* brokers (bits) that will be back at once, with other directories */
    /* Brokers whose disk was emptied, or lost a folder, and who were not unfenced since: they may count, and have nothing. A process
     * has told what it misses before it is unfenced. */
    uint32_t unheard;
    /* Of leaders, the newest that any node had when somebody asked. */
    int32_t coordinator_epochs[COORDINATORS_MAX];
    uint32_t refits;                                    /* files that were written anew */
    struct sim_controller controllers[CONTROLLERS_MAX]; /* ids 1.. */
    struct sim_broker brokers[BROKERS_MAX];             /* ids 101.. */
};

/* Everybody's file, with what the cluster's size says, into one that lives as long as the cluster. */
void cluster_config(struct cluster *, struct config *);
/* size NULL: three and three. */
struct cluster *cluster_open(struct world *, const struct cluster_size *size);
/* Stops all nodes in order; false: one of them did not end well in time. */
bool cluster_stop(struct cluster *) MUST_USE;
/* After that; the machines with their disks stay until the world's end. */
void cluster_close(struct cluster *);

bool controller_start(struct cluster *, uint32_t number) MUST_USE;
bool broker_start(struct cluster *, uint32_t number) MUST_USE;
/* The process is gone, its files stay as its page cache had them. */
void broker_crash(struct cluster *, uint32_t number);
void controller_crash(struct cluster *, uint32_t number);

/* One controller is active. */
bool cluster_led(void *cluster);
/* All nodes that run have images with the same content, and all running brokers are unfenced in them. */
bool cluster_agreed(void *cluster);
/* ... and every partition has all its replicas in sync. */
bool cluster_whole(void *cluster);
/* ... of what runs: each partition is led, and all its replicas on running brokers are in sync. One that nobody may lead (all its
 * copies were lost, or are not to be trusted) is left out. */
bool cluster_core_whole(void *cluster);
/* What keeps it from being whole, as a sentence. */
void cluster_ails(const struct cluster *, char *ret_sentence, size_t room);
/* The same of one partition; false: everybody is in sync. */
bool cluster_partition_ails(const struct meta_topic *, int32_t index, char *ret_sentence,
                            size_t room);
/* Number, or -1. Who slept through an election believes it is one for a while: that of the newest epoch. */
int32_t cluster_active(const struct cluster *);
/* The same where a majority is in its term, so that nobody was elected behind its back: what it has committed is all there is. */
int32_t cluster_active_surely(const struct cluster *);
/* Whether that broker leads the group's partition by the newest metadata there is, or was when this was asked before: who knew
 * of it may be gone. */
bool cluster_coordinates(struct cluster *, const char *group, int32_t broker);
/* That broker stays away and is fenced, and no partition has it in its in-sync set or among the eligible. */
bool cluster_holds_nothing(const struct cluster *, int32_t broker_id);
/* Its process was: one that never was leaves its directories as it found them. */
bool broker_registered(const struct sim_broker *);
const struct meta_image *broker_image(const struct sim_broker *);
/* The newest epoch of a partition's leader that any node knows of; -1: no node knows the partition. */
int32_t cluster_leader_epoch(const struct cluster *, const char *topic, int32_t index);
int32_t broker_id(uint32_t number);

#endif
