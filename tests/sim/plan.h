/* What one seed is made of: sizes, habits, faults. Every seed draws its own mix (swarm testing, Groce et al. 2012). */
#ifndef ODRADEK_TESTS_SIM_PLAN_H
#define ODRADEK_TESTS_SIM_PLAN_H

#include "tests/sim/cut.h"
#include "tests/sim/agent.h"

/* X(id, name): faults of the nemesis. */
#define FAULT_TABLE(X)                                    \
    X(CRASH, "crash")                                     \
    X(CRASH_ALL, "crash of all")                          \
    X(CRASH_LOOP, "crash loop")                           \
    X(POWER, "power cut")                                 \
    X(POWER_ALL, "power cut of all")                      \
    X(PAUSE, "pause")                                     \
    X(CUT, "cut between two")                             \
    X(CUT_ONE_WAY, "one-way cut")                         \
    X(ISOLATE, "isolated node")                           \
    X(CUT_CONTROLLERS, "broker cut off from controllers") \
    X(CUT_CLIENTS, "broker cut off from clients")         \
    X(SPLIT, "split in two")                              \
    X(RESET, "reset")                                     \
    X(SLOW_DISK, "slow disk")                             \
    X(SYNC_FAILS, "failed fsync")                         \
    X(WRITE_FAILS, "failed write")                        \
    X(DISK_FULL, "full disk")                             \
    X(CLOCK_RATE, "clock rate")                           \
    X(CLOCK_JUMP, "clock jump")                           \
    X(SHUTDOWN, "controlled shutdown")                    \
    X(PAUSE_ALL, "pause of all")                          \
    X(FOLDER_LOST, "a replica's folder is gone")          \
    X(WIPE, "wiped disk")                                 \
    X(SWIZZLE, "swizzle-clogging")                        \
    X(PAUSE_LONG, "long pause")                           \
    X(CLOG, "clogged streams")                            \
    X(REFIT, "restart with other settings")               \
    X(REPLACE, "broker replaced by another")              \
    X(GONE, "crash of all, and a folder is gone")

enum fault {
#define FAULT_ENUM(id, name) FAULT_##id,
    FAULT_TABLE(FAULT_ENUM)
#undef FAULT_ENUM
        FAULTS,
};

const char *fault_name(enum fault);

/* X(id, name): how a disk gives back what was not written (tests/sim/rot.h). */
#define ROT_TABLE(X)                       \
    X(FLIPPED, "flipped bits")             \
    X(MISDIRECTED, "a misdirected write")  \
    X(LOST, "a write that was lost")       \
    X(FAILS, "a stretch that is not read") \
    X(OLD, "a stretch as it was before")   \
    X(MEMORY, "flipped bits in memory")

enum rot_kind {
#define ROT_ENUM(id, name) ROT_##id,
    ROT_TABLE(ROT_ENUM)
#undef ROT_ENUM
        ROT_KINDS,
};

const char *rot_name(enum rot_kind);

/* Every CALM_EVERY-th seed does only what a healthy cluster must shrug off: no broker is fenced for it. */
#define CALM_EVERY 12

enum calm {
    CALM_NOT,
    CALM_DISKS,   /* slow disks, all machines asleep for a moment, clocks: and no election either */
    CALM_STREAMS, /* connections reset */
    CALM_CONTROLLERS, /* controllers crash */
};

struct plan {
    uint64_t seed;
    enum calm calm;
    bool core;         /* a core is repaired first */
    const char *theme; /* NULL: none */
    bool loops_slowly; /* the disk of who dies again and again takes its time */
    uint32_t
        odd_starts_per_mille; /* of processes that start upon two disks, one of which cannot be read */
    uint32_t hasty_per_mille; /* of what is down, that is back within moments */
    struct plan_cut cut;
    struct cluster_size size;
    char settings[48][64];
    const char *overrides[49];
    uint32_t producers;
    uint32_t consumers;
    uint32_t groups;
    uint32_t members; /* of all groups */
    uint32_t modern;  /* groups of the consumer protocol, as bits */
    int32_t modern_session_ms;
    uint32_t mixed;             /* groups whose members change their protocol, as bits */
    time_us commit_pace_us;     /* of members, at most; 0: as leisurely as any */
    bool offsets_expire;        /* soon */
    int64_t producer_expiry_ms; /* 0: not soon */
    time_us safety_us;
    time_us fault_gap_us; /* mean */
    uint32_t weight[FAULTS];
    uint32_t rot_kinds; /* as bits; 0: disks are true */
    time_us rot_gap_us; /* mean */
    bool rot_newest;    /* in what was written last */
    bool weak;          /* topics promise no disk at first */
    int32_t replicas;   /* of every topic; 0: drawn */
    time_us admin_pace_us;
    time_us overseer_pace_us;
    bool thinks; /* clients are busy around faults only, and the run is long */
    time_us idle_tick_us;
    time_us idle_pace_us;
    time_us busy_before_us; /* a fault */
    time_us busy_after_us;  /* at most, mostly */
    struct world_habits habits;
    uint32_t watch_every; /* events */
};

/* The setting of brokers; the last one said counts. */
void plan_override(struct plan *, const char *key, int64_t value);
/* plan_theme.c: after everything else is drawn. */
void plan_theme(struct plan *);
/* cut NULL: whole. */
void plan_draw(struct plan *, uint64_t seed, const struct plan_cut *cut);
/* Followers are to get on in small steps. */
bool plan_small_fetches(const struct plan *);
/* A follower's way to the leader and back, each as long as the slowest of its segments, and what its turns wait for and stand still. */
time_us plan_fetch_us(const struct plan *);
/* What is written to be replicated takes longer than the least time that coordinators have for it. */
bool plan_slow_commits(const struct plan *);
/* Least session of a member: it is to join, and be heard of again, before it ends. */
int32_t plan_session_ms(const struct plan *);
/* Turns stand still long and often: followers need time, and much in a fetch. */
bool plan_slow_turns(const struct plan *);
void plan_field(const struct plan *, struct field *, struct cluster *, struct history *);
void plan_print(const struct plan *, const struct field *);

#endif
