/*
 * Assign: the server-side assignors of KIP-848. A pure function from members and topics to who reads what.
 *
 * `uniform` (the default): partitions of all topics are spread so that members differ by one at most; whoever holds a partition
 * keeps it as long as that allows. Where all members subscribe to the same topics the balance is exact and no partition moves
 * that need not: a member beyond its share gives up its last ones, and only what is free is dealt. What is free goes to a member
 * in the rack of one of its replicas before it goes to any other, where racks are told; nothing moves for a rack's sake, and the
 * balance comes first. Where subscriptions differ, topics with the fewest subscribers are dealt first, then topic after topic is
 * levelled until no single move to another subscriber of the topic would make the loads more even (or the rounds are used up).
 *
 * `range`: each topic by itself, in contiguous ranges over its subscribers, the first ones holding one more where it does not
 * divide. Static members stand first, by instance id, then dynamic ones by member id, so that topics with the same number of
 * partitions and the same subscribers are cut alike (co-partitioned) and a static member that returns under another id gets the
 * same ranges. It looks neither at what members hold nor at racks, as Kafka's since 4.0.
 *
 * The answer depends on the input alone: neither on the order of members nor on any chance. O(n log n) in members + partitions +
 * subscriptions, times ASSIGN_ROUNDS_MAX at the very worst for differing subscriptions.
 *
 * Topics are named by their index in the caller's array; order and ties go by topic id. Errors: ERR_NO_MEMORY only.
 */
#ifndef ODRADEK_ASSIGN_ASSIGN_H
#define ODRADEK_ASSIGN_ASSIGN_H

#include "common/base/arena.h"
#include "common/base/uuid.h"

/* Racks that are told apart: bits of a word. A member in a further one is a member in none. */
#define ASSIGN_RACKS_MAX  64
/* Subscriptions that hardly overlap settle within two or three rounds. */
#define ASSIGN_ROUNDS_MAX 16

enum assignor { ASSIGNOR_UNIFORM, ASSIGNOR_RANGE };
#define ASSIGNOR_COUNT 2

/* "uniform", "range": as clients ask for them and as they are told. */
const char *assignor_name(enum assignor);
/* false: there is none of this name. */
bool assignor_find(struct slice name, enum assignor *ret_assignor) MUST_USE;

struct assign_topic {
    struct uuid id;
    uint32_t partitions;
    const uint64_t
        *racks; /* a word for each partition: bit r, a replica is in rack r. NULL: not told */
};

struct assign_part {
    uint32_t topic; /* index of the topic */
    int32_t partition;
};

struct assign_member {
    /* Given. */
    struct slice id;          /* unlike all others */
    struct slice instance_id; /* unlike all others; NULL: a dynamic member */
    int32_t rack;             /* the caller's numbers, 0 to ASSIGN_RACKS_MAX - 1; -1: not told */
    const uint32_t *topics;   /* indexes of what it subscribes to, in any order */
    uint32_t topic_count;
    /* What it has now, in any order. What it is not subscribed to and what is not there any more is passed over; of two that
     * claim the same partition the first in the order of `range` keeps it. */
    const struct assign_part *owned;
    uint32_t owned_count;
    /* The answer: by index of the topic, then partition. The arena's. */
    struct assign_part *parts;
    uint32_t part_count;
};

/* Fills parts of all members. arena: also for what the work needs, about 16 bytes for each partition and subscription. */
err_t assign_run(enum assignor, const struct assign_topic *topics, uint32_t topic_count,
                 struct assign_member *members, uint32_t member_count, struct arena *) MUST_USE;

#endif
