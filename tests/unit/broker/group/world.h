/*
 * A coordinator shard with groups of both protocols, the clients that use it, the topics that they read, and the log that it
 * writes: all drawn from one seed. Most clients mean well; some requests are wild. Memory is short for a step now and then: each
 * kind of allocation fails sooner or later.
 *
 * After every step: the core's invariants; each call is answered once, with an error that its kind of request may get, and
 * COORDINATOR_NOT_AVAILABLE only for want of memory; a step that ran short of memory either broke the shard or left it as the log
 * tells it. A broken shard is thrown away whole, leaks nothing, and is built anew from the log. No earlier generation of a classic
 * group stores an offset, and none expires while its members are on their way to the next one.
 */
#ifndef ODRADEK_TESTS_GROUP_WORLD_H
#define ODRADEK_TESTS_GROUP_WORLD_H

#include "broker/group/consumer.h"
#include "tests/unit/broker/group/consumer_dump.h"
#include "tests/unit/broker/group/group_log.h"
#include "tests/unit/common/meta/world.h"

#define WORLD_CLIENTS    15
#define WORLD_GROUPS     3
#define WORLD_TOPICS     4
#define WORLD_PARTITIONS 5
#define WORLD_PATTERNS   3
#define WORLD_CALLS      4096
#define WORLD_PARTS      (WORLD_TOPICS * WORLD_PARTITIONS)
#define WORLD_WALL       1000000
#define WORLD_STEPS      600

struct world_client {
    char id[400]; /* empty: none yet */
    char instance[8];
    char group[4];
    bool classic;       /* by which protocol it speaks */
    int32_t generation; /* or member epoch; 0: it is to enter */
    bool leads;
    bool waits; /* for its join */
    unsigned topics;
    int pattern; /* -1: none */
    int16_t
        version; /* of what it says as a classic member; the last is newer than what the core knows */
    const char *rack;    /* NULL: not told */
    char client_id[320]; /* longer than what fits into a member id */
    struct group_part has[WORLD_PARTS];
    uint32_t has_count;
};

struct world_call {
    struct group_call call;
    struct world_client *client;
    enum group_event_kind kind;
    bool waits;
    struct group_leaver leavers[3];
    struct group_offset_gone gone[3];
};

struct world {
    struct meta_world meta;
    struct meta_image *older;
    struct test_memory heap_memory, scratch_memory;
    struct heap heap;
    struct group_config config;
    struct group_shard shard;
    struct prng prng;
    unsigned tight; /* steps of 1,000 in which memory is short */
    struct world_client clients[WORLD_CLIENTS];
    struct world_call *calls;
    uint32_t call_count;
    uint32_t partitions[WORLD_TOPICS]; /* 0: not there */
    int incarnation[WORLD_TOPICS];
    int64_t topics_version;
    struct {
        int pattern[WORLD_PATTERNS];
        uint32_t count;        /* 0: no evaluation under way */
    } match[WORLD_GROUPS + 1]; /* the last one: of a group that is no client's own */
    time_ms now;
    struct group_log log;
    uint64_t writes, answers, broken, short_steps;
    void *lists[HEAP_CLASSES]; /* pieces that are hidden from a step */
};

void world_begin(struct world *, uint64_t seed, unsigned tight);
/* Nobody says anything any more: no group keeps a member, and after the retention there is no group. */
void world_fall_silent(struct world *);
/* The shard is built anew while one of the two memories is short: one allocation after the other fails. */
void world_load_short(struct world *, struct test_memory *);
void world_end(struct world *);
/* All of it for one seed; what it came to stands in the counters. */
void world_run(struct world *, uint64_t seed, unsigned tight);
/* One request, or something that happens. */
void world_step(struct world *);

/* world.c */
void world_event(struct world *, struct group_event *);
struct world_call *world_call(struct world *, struct world_client *, enum group_event_kind);
/* The shard goes and another one is built from the log, whole or compacted. */
void world_reload(struct world *);
void world_pass(struct world *, time_ms by);
/* By its id; NULL: there is none. */
const struct group *world_group(const struct world *, struct slice id);

/* world_topics.c */
const char *world_topic(int topic, char name[8]);
struct uuid world_topic_id(const struct world *, int topic);
/* Which of those there are now; -1: none. */
int world_topic_of(const struct world *, struct uuid id);
void world_topic_grow(struct world *, int topic, uint32_t to);
void world_topics_change(struct world *);
bool world_pattern_has(int pattern, int topic);

/* world_classic.c, world_consumer.c */
void world_join(struct world *, struct world_client *);
void world_sync(struct world *, struct world_client *);
void world_joined(struct world *, struct world_client *, const struct group_call *);
void world_synced(struct world *, struct world_client *, const struct group_call *);
void world_beat(struct world *, struct world_client *);
void world_leave(struct world *, struct world_client *);
void world_heard(struct world *, struct world_client *, const struct group_call *);
void world_matched(struct world *, int group);

/* world_requests.c */
struct group_event world_ask(struct world *, struct world_client *, struct world_call *);
/* One of a thousand such draws is `per_mille`. */
static inline bool world_chance(struct world *w, unsigned per_mille)
{
    return prng_chance(&w->prng, per_mille);
}

#endif
