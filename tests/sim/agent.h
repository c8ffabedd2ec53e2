/*
 * A client of the cluster as an actor of its own: connections to all brokers, metadata, and time-outs as a Kafka client has
 * them. Producers, consumers and the administrator are agents with something to do.
 */
#ifndef ODRADEK_TESTS_SIM_AGENT_H
#define ODRADEK_TESTS_SIM_AGENT_H

#include "common/client/client_conn.h"
#include "tests/check/history.h"
#include "tests/sim/cluster.h"

#define TOPICS_MAX     3
#define TOPIC_SIZE_MAX 4  /* of a topic when it is created */
#define PARTITIONS_MAX 18 /* of all topics, when they have grown */
#define MEMBERS_MAX    4  /* of all groups */

/* The topics that agents write to. */
struct field {
    struct cluster *cluster;
    struct history *history;
    struct {
        char name[32];
        struct uuid id;
        uint32_t partitions;            /* as many as anybody has heard of */
        uint8_t number[PARTITIONS_MAX]; /* of each among all */
        int32_t replicas;
        bool weak;      /* durability=pagecache: it promises less */
        bool deletable; /* its records may be deleted */
        bool created;
        char configs[4][2][48];
        uint32_t config_count;
    } topics[TOPICS_MAX];
    uint32_t topic_count;
    struct {
        uint8_t topic;
        uint8_t index;
        int32_t leader_epoch; /* the newest that any node had when somebody asked */
    } partitions[PARTITIONS_MAX];
    uint32_t partition_count;
    uint32_t assigned[MEMBERS_MAX +
                      1]; /* by group: so many partitions its newest leader has given out */
    uint32_t sessions;    /* numbered so far */
    uint64_t seed;
    time_us producer_expiry_us; /* 0: nobody is forgotten soon */
    bool memory_rots;           /* bytes flip in memory: clients see that, and ask again */
    time_us memory_well_us;     /* what was asked for before that may still be wrong */
    bool quiet;                 /* producers finish what they have begun, and begin nothing */
    bool rests; /* the same, and administrators, for as long as followers need to get in sync */
    /* Clients that think: they are busy around faults, and do little in between. */
    bool thinks;
    time_us idle_tick_us;   /* of a client that thinks: it looks around so often */
    time_us idle_pace_us;   /* ... and begins a batch for each partition */
    time_us busy_until;     /* of the world's time */
    time_us busy_from;      /* the next time */
    uint32_t changing;      /* so many changes are asked for */
    time_us changing_until; /* what was, and nobody answered, may be done until then */
    uint64_t errors;
};

/*
 * Partitions that are made and settings that change while the controllers count on a disk that was emptied may be left to that disk
 * alone: with one replica, or with one in sync that is enough. So nobody asks for them then, and no disk is emptied while they are
 * asked for: agent_changing.
 */
bool field_may_change(const struct field *);
bool field_changes(const struct field *);

/* Whether nobody begins anything new: producers, administrators. */
static inline bool field_rests(const struct field *field)
{
    return field->quiet || field->rests;
}
/* Whether clients work as fast as they were made. */
bool field_busy(const struct field *);

uint32_t field_topic_of(const struct field *, uint32_t partition);
int32_t field_index_of(const struct field *, uint32_t partition);
/* The newest leader epoch that any node has, or had when this was asked before: who knew of it may be gone. */
int32_t field_leader_epoch(struct field *, uint32_t partition);
/* The number of one that there is, as somebody has just heard. */
uint32_t field_meet(struct field *, struct slice topic, int32_t index);
/* Somebody has heard that the topic has that many: those that are new get the next numbers. */
void field_grow(struct field *, uint32_t topic, uint32_t partitions);
/* The number of a topic's partition among all; false: there is none. */
bool field_partition(const struct field *, struct slice topic, int32_t index,
                     uint32_t *ret_partition);
/* What is written under this value. room: VALUE_MAX bytes. */
#define VALUE_MAX 400
struct slice field_value(const struct field *, uint64_t value, uint32_t partition, uint8_t *room);
/* false: not what was ever written. */
bool field_value_read(const struct field *, struct slice, uint32_t partition, uint64_t *ret_value);

struct agent;

/* A request that is out; free again once done. */
struct agent_call {
    struct client_call call;
    struct list_node node;
    struct agent *agent;
    struct agent_link *link;
    time_us sent_us;
    time_us patience_us; /* 0: the agent's */
    bool out;
    /* response: decoded, valid during the call; NULL: nobody knows what came of it. */
    void (*done)(struct agent_call *, const void *response);
};

struct agent_link {
    struct agent *agent;
    struct client_conn conn;
    struct list calls;
    time_us rest_until; /* not dialled again before */
};

struct agent {
    struct field *field;
    struct host *host;
    struct loop *loop;
    struct heap heap;
    struct arena arena;
    struct prng prng;
    uint16_t number;
    struct agent_link links[BROKERS_MAX];
    int32_t leader[PARTITIONS_MAX]; /* numbers of brokers; -1: unknown */
    int32_t leader_epoch[PARTITIONS_MAX];
    struct agent_call metadata;
    bool metadata_wanted;
    time_us metadata_at;
    time_us patience_us; /* of a request */
    time_us tick_us;
    time_us idle_tick_us; /* at most, where clients think */
    struct timer timer;
    /* What it does with its turns. */
    void (*work)(struct agent *);
};

/* name and address must outlive the world. */
void agent_open(struct agent *, struct field *, const char *address, uint16_t number,
                void (*work)(struct agent *));
/* Between turns, when its loop runs no more requests are sent. */
void agent_close(struct agent *);

time_us agent_now(const struct agent *);
/* Dials if it has to; false: not now. */
bool agent_ready(struct agent *, int32_t broker) MUST_USE;
/* agent_ready has just said so. */
void agent_send(struct agent *, int32_t broker, struct agent_call *, int16_t api, int16_t version,
                const void *request);
/* `done` of a call whose answer nobody waits for. */
void agent_ignore(struct agent_call *, const void *response);
/* `done` of a call that changes something; and said when it should have been sent (it was if it is out). */
void agent_changed(struct agent_call *, const void *response);
void agent_changing(struct agent *, const struct agent_call *);
void agent_want_metadata(struct agent *);
/* All its connections end; nobody knows what becomes of what is out. */
void agent_hang_up(struct agent *);
/* Any broker. */
int32_t agent_anyone(struct agent *);

#endif
