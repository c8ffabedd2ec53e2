/*
 * What clients of a cluster saw, and what is wrong with it.
 *
 * A history is an array of records of 64 bytes, one for each record that was sent or read; the order of the array means
 * nothing, times do. Values are unique: a value is one record that a client tried to write, whatever came of it. The cluster
 * may be ours or anybody's: nothing in here knows how it works, only what Kafka promises.
 *
 * A send is OK (acknowledged), FAILED (refused: it must never be seen) or INFO (nobody knows: a time-out, a broken
 * connection, NOT_LEADER_OR_FOLLOWER). Legal, and never told: gaps that nobody reads, INFO values that appear late or never,
 * a second copy (and its place, told late) or a lost place of who was silent for so long that it may be forgotten, the last
 * reading at one place twice,
 * duplicates of a producer that is not idempotent, reading again after a new session, any loss of acks below all.
 *
 * Cost: one sort and linear passes.
 */
#ifndef ODRADEK_TESTS_CHECK_HISTORY_H
#define ODRADEK_TESTS_CHECK_HISTORY_H

#include "common/base/types.h"

enum history_kind {
    HISTORY_SEND, /* value was sent to partition; offset if acknowledged */
    HISTORY_READ, /* a consumer's session got value at offset */
    HISTORY_FINAL, /* the last reading of the whole partition, when all was quiet, got value at offset */
    HISTORY_RANGE, /* ... and covered offset (the log's start) up to value (its end), for which it asked at began_us */
    HISTORY_END,   /* the latest offset of partition was asked for: offset */
    HISTORY_START, /* records below offset were deleted, or said to be */
    /* Of consumer groups; READ names its group too if it has one. */
    HISTORY_COMMIT,  /* the client, in that generation, stored offset for its group */
    HISTORY_FETCHED, /* the group's stored offset was asked for: offset, -1: there is none; INFO: of who may be deposed */
    HISTORY_OWNED, /* the client owned partition in that generation, as the coordinator `value` had said; in this time nobody
                      else may: it had not given it up, and its session had not run out */
    HISTORY_MEMBER, /* the client was a member of its group all that time, as coordinators said before and after */
    HISTORY_DUE, /* all was well for long: by the end of this the group must have stored offset, or more */
    /* A reader asked where partition begins and was told offset: who reads on there skips nothing, also where a crash brings back
     * later what had been deleted and not yet noted. */
    HISTORY_BEGIN,
};

enum history_status {
    HISTORY_OK,
    HISTORY_FAILED,
    HISTORY_INFO,
    HISTORY_CORRUPT, /* of a READ or FINAL: not what was written under that value, or not there */
};

enum history_flag {
    HISTORY_IDEMPOTENT = 1,
    HISTORY_ACKS_ALL = 2,
    HISTORY_WEAK = 4, /* the topic promises less: losses are counted and not told */
};

struct history_op {
    int64_t began_us;
    int64_t ended_us;
    uint64_t value;
    int64_t offset;   /* -1: not known */
    int64_t sequence; /* of sends: rises within one producer's session and partition */
    uint32_t session;
    uint32_t partition;
    uint16_t client;
    uint8_t kind;
    uint8_t status;
    uint32_t flags;
    uint32_t group;     /* 0: none */
    int32_t generation; /* of COMMIT and OWNED; -1: members have epochs of their own (KIP-848) */
};

struct history {
    struct history_op *ops;
    size_t count;
    size_t room;
    /* What the cluster may forget, as it was told to. */
    int64_t
        producer_expiry_us; /* who was silent for so long is a new producer; 0: nobody is forgotten */
    bool offsets_expire;    /* of groups that have no members */
};

void history_init(struct history *);
void history_release(struct history *);
void history_add(struct history *, const struct history_op *);

enum anomaly {
    ANOMALY_INCONSISTENT_OFFSETS, /* one offset, two values */
    ANOMALY_DUPLICATE,            /* one value of an idempotent producer at two offsets */
    ANOMALY_LOST_WRITE,           /* acknowledged, not there at the end */
    ANOMALY_UNSTABLE_READ,        /* read, and at the end something else or nothing is there */
    ANOMALY_ABORTED_READ,         /* refused, and there */
    ANOMALY_POLL_SKIP,            /* a session jumped over a record */
    ANOMALY_POLL_BACK,            /* a session went back */
    ANOMALY_SEND_ORDER,           /* an idempotent producer's records are out of order */
    ANOMALY_REAL_TIME,            /* acknowledged before another was sent, and behind it */
    ANOMALY_CORRUPT,              /* bytes, topic or partition are another's */
    ANOMALY_UNWRITTEN,            /* nobody ever sent it */
    ANOMALY_GAP,                  /* an offset of the whole reading is missing */
    ANOMALY_RESURRECTED,          /* deleted, and read later */
    ANOMALY_STALE_END,        /* the latest offset lies below what had been acknowledged before */
    ANOMALY_COMMIT_LOST,      /* a group was told an older offset than it had stored, or none */
    ANOMALY_COMMIT_UNWRITTEN, /* ... or one that it never stored */
    ANOMALY_ZOMBIE_COMMIT, /* a generation stored an offset when a later one was already at work */
    ANOMALY_DOUBLE_OWNER,  /* two members had one partition at the same time */
    ANOMALY_GROUP_SKIP,    /* a group stored an offset behind a record that none of it had read */
    ANOMALY_GROUP_STUCK,   /* it did not get on though it could */
    ANOMALIES,
};

const char *anomaly_name(enum anomaly);

struct history_verdict {
    uint64_t found[ANOMALIES];
    uint64_t permitted_loss;
    uint64_t acked;
    uint64_t read;
    char first[ANOMALIES][160]; /* a sentence about the first of its kind */
};

/* Sorts the history. Returns the number of anomalies. */
uint64_t history_judge(struct history *, struct history_verdict *ret_verdict);

#endif
