/*
 * What must hold between any two events, looked at from outside of the nodes: the invariants of every core, one leader for
 * an epoch, no high watermark beyond what an in-sync replica has, one content of the metadata at one offset.
 *
 * watch.c looks at brokers and their replicas, watch_raft.c at the controllers' quorum, watch_meta.c at every new image of the
 * metadata: in-sync sets, eligible replicas, epochs, elections.
 */
#ifndef ODRADEK_TESTS_SIM_WATCH_H
#define ODRADEK_TESTS_SIM_WATCH_H

#include "common/base/bytes.h"
#include "tests/sim/cluster.h"

#define TOPICS_WEAK      16
#define WATCH_EPOCHS     8192
#define WATCH_IMAGES     8192
#define WATCH_TERMS      1024
#define WATCH_PARTITIONS 1024

struct partition;
struct watch_meta;

struct watch {
    struct cluster *cluster;
    struct watch_epoch {
        struct uuid topic;
        int32_t index;
        int32_t epoch;
        int32_t leader; /* broker number + 1; 0: free */
        int64_t broker_epoch;
        int64_t high_watermark;
        int64_t undemanded; /* below here it may have moved under durability=pagecache */
        bool disk;
        uint32_t weak; /* brokers that were to join under durability=pagecache, and have not yet */
        uint64_t news; /* consumers were told so often */
        int32_t partition_epoch;
        uint32_t isr;  /* brokers, as bits */
        bool small;    /* fewer in sync than min.insync.replicas */
        int64_t image; /* its broker's, when that was seen */
    } * epochs;
    struct watch_image {
        int64_t offset; /* + 1; 0: free */
        uint64_t hash;
    } * images;
    struct watch_meta *meta;
    bool calm;                        /* nothing happens that would be a reason to fence a broker */
    bool terms_calm;                  /* ... nor to elect another leader of the controllers */
    bool elections_calm;              /* ... nor to look for one */
    bool settings_move;               /* somebody changes min.insync.replicas */
    int32_t term_leader[WATCH_TERMS]; /* by term; number + 1 */
    struct watch_entry {
        raft_index index; /* committed; 0: free */
        raft_term term;
    } * entries;
    struct watch_voters {
        uint32_t count;
        raft_term term;
        time_ms at; /* when that began, by its clock */
    } voters[CONTROLLERS_MAX];
    struct uuid weak[TOPICS_WEAK]; /* ever seen with durability=pagecache */
    uint32_t weak_count;
    raft_index committed; /* the newest that was ever seen */
    raft_term term;       /* the same */
    int64_t image_seen[CONTROLLERS_MAX + BROKERS_MAX];
    uint64_t elections;
    uint64_t isr_changes;
    uint64_t looks;
    char wrong[240]; /* empty: nothing */
};

/* Where to look in a table; topic ids are random already. */
static inline uint64_t watch_hash(struct uuid topic, uint64_t more)
{
    uint64_t hash = (load_be64(topic.b) ^ more) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

PRINTF_LIKE(2, 3) void watch_wrong(struct watch *, const char *format, ...);

/* watch_raft.c */
void watch_raft_look(struct watch *);

/* watch_meta.c: after each change of the newest image that anyone has. */
struct watch_meta *watch_meta_open(void);
void watch_meta_close(struct watch_meta *);
void watch_meta_look(struct watch *, const struct meta_image *);
/* At each look, before. */
void watch_meta_sessions(struct watch *);
/* A replica that is open, at each look: who tells that all it has is on disk has there what it had before that was promised. */
void watch_meta_replica(struct watch *, const struct partition *, uint32_t broker);
/* Whether a seat of that epoch was a broker's that has registered with other directories since: a leader may not have heard of it. */
bool watch_meta_other_disk(const struct watch *, uint32_t number, int64_t broker_epoch);
/* Whether its topic says itself what an acknowledgement promises, and may have changed its mind. */
bool watch_meta_fickle(const struct watch *, struct uuid topic, int32_t index);
/* Who was in sync under this partition epoch; NULL: nobody has seen that, or it is long ago. */
const struct meta_ids *watch_meta_isr(const struct watch *, struct uuid topic, int32_t index,
                                      int32_t partition_epoch);

void watch_open(struct watch *, struct cluster *);
void watch_close(struct watch *);
void watch_look(struct watch *);
/* Whether all replicas of the partition that run are open and end at one offset: whoever follows has copied what its leader holds. */
bool watch_copied(const struct watch *, const char *topic, int32_t index);
/* So many records are held by all replicas that run and are open, of deleted ones too. */
uint64_t watch_held(const struct watch *);
/* After all have stopped: the replicas of each partition, from where all of them begin, are the same bytes. What clients have
 * deleted counts no more: a follower was never told which epoch wrote it. */
void watch_replicas(struct watch *, const char *topic, int32_t index);

#endif
