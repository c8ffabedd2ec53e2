/*
 * Consumer groups of the new protocol (KIP-848) in a coordinator shard: what the core keeps of them.
 *
 * A group has three epochs. `epoch` grows with everything that asks for another assignment: members that come, go or subscribe
 * otherwise, topics that appear, grow or go. `target_epoch` is the epoch for which the assignor has said who is to read what. Each
 * member has an epoch of its own, which follows as it gives partitions back and gets new ones: no partition is given to a member
 * before its owner has said that it let go of it (or is fenced), so at any time a partition has one owner at most.
 * Member states: STABLE, it reads what it is to read; UNREVOKED_PARTITIONS, it is to give back partitions and has not said so;
 * UNRELEASED_PARTITIONS, some of what it is to read is still held by others.
 *
 * Members of the classic protocol may be in the group (online migration): each of them has a member epoch as well, which it knows
 * as its generation; it is asked to join again whenever there is a step for it to take.
 *
 * Topics are known by id and have a slot in their group's table, which lives as long as something names it; names and partition
 * counts are of the newest image that a request brought.
 *
 * Rules: KIP-848 with its follow-ups (KIP-1251: commits in an older epoch; KIP-1263: assignments at intervals), records 3 to 8 and
 * 16 of `proto/kafka/group_records.kmsg`.
 */
#ifndef ODRADEK_GROUP_CONSUMER_H
#define ODRADEK_GROUP_CONSUMER_H

#include "broker/group/group.h"

/* Member epochs that are none. */
#define CONSUMER_LEAVES      (-1)
#define CONSUMER_STEPS_ASIDE (-2) /* a static member that means to come back within its session */

enum consumer_member_state { /* as in the log */
                             CONSUMER_STABLE = 0,
                             CONSUMER_UNREVOKED = 1,
                             CONSUMER_UNRELEASED = 2,
                             CONSUMER_UNKNOWN = 127, /* written by something newer */
};

struct consumer_part {
    uint32_t topic; /* slot */
    int32_t partition;
    int32_t epoch; /* the member's when it got it (KIP-1251) */
};
/* By slot, then partition. */
struct consumer_parts {
    struct consumer_part *items;
    uint32_t count;
};

struct consumer_topic {
    struct uuid id;
    struct slice name;   /* NULL: not seen in an image yet */
    uint32_t slot;       /* its index */
    uint32_t refs;       /* parts that name it */
    bool subscribed;     /* somebody wants it, and it is there */
    uint32_t partitions; /* if subscribed */
    uint64_t *racks;     /* of its partitions: bits by place in consumer->racks; NULL: not told */
    uint32_t rack_room;
    struct consumer_member **owners; /* by partition; NULL: free. Not before LOADED */
    uint32_t owner_room;
};

/* What a regular expression stands for. */
struct consumer_pattern {
    struct slice text;
    uint32_t subscribers;
    bool resolved;
    struct slice *topics; /* ascending */
    uint32_t topic_count;
    int64_t version; /* of the image that it was evaluated against */
    time_ms resolved_wall_ms;
};

struct consumer_member {
    struct group *group;
    struct slice id;
    struct slice instance_id; /* NULL: dynamic */
    struct slice rack_id;     /* NULL: not told */
    struct slice client_id;
    struct slice client_host;
    struct slice *topics; /* by name, ascending */
    uint32_t topic_count;
    struct slice pattern; /* empty: none */
    int32_t rebalance_ms;
    int8_t assignor; /* enum assignor; -1: any */
    /* Of the classic protocol. */
    bool classic;
    int32_t session_ms;
    struct group_protocol *protocols;
    uint32_t protocol_count;
    /* What it does. */
    enum consumer_member_state state;
    int32_t epoch;
    int32_t previous_epoch;
    struct consumer_parts assigned;
    struct consumer_parts revoking;
    struct consumer_parts target;
    /* When it is fenced; TIME_NEVER. */
    time_ms expires_ms;
    time_ms revoke_due_ms; /* it does not give back what it should */
    time_ms join_due_ms;   /* a classic member that does not join again */
    time_ms sync_due_ms;   /* ... or does not ask for its assignment */
};

struct consumer {
    int32_t epoch;
    uint64_t hash; /* of the topics that are subscribed, as of `epoch`; 0: none */
    int32_t target_epoch;
    time_ms target_wall_ms; /* when the target was made */
    time_ms assign_due_ms;  /* a target waits for its time; TIME_NEVER */
    struct map members;     /* by id: struct consumer_member */
    struct map statics;     /* by instance id: the same */
    uint32_t classic_count;
    struct map patterns;  /* by text: struct consumer_pattern */
    struct map topic_ids; /* by uuid: struct consumer_topic */
    struct consumer_topic **topics;
    uint32_t topic_room;
    struct slice *racks; /* names, ASSIGN_RACKS_MAX of them at most; NULL: no member told one */
    uint32_t rack_count;
    int64_t image_offset; /* of the newest image that it looked at; -1: none */
    int32_t session_ms;
    int32_t heartbeat_ms;
    int32_t interval_ms; /* between targets */
    bool old_metadata;   /* the log has a record 4 of it, from before Kafka 4.1 */
    bool matching;       /* patterns are being evaluated */
    time_ms matched_ms;  /* when that was begun last; monotonic */
};

/* "Empty", "Assigning", "Reconciling", "Stable". */
const char *consumer_state_text(const struct consumer *);
/* Members in the order in which they came. */
const struct consumer_member *consumer_member_next(const struct consumer *, uint32_t *at);
/* NULL: there is none. */
const struct consumer_member *consumer_member_find(const struct consumer *, struct slice id);
/* What most members ask for, else the broker's first. */
const char *consumer_assignor(const struct group_shard *, const struct consumer *);
struct uuid consumer_part_topic(const struct consumer *, const struct consumer_part *);
/* Whether a member may fetch offsets: NONE, UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH. */
enum kafka_error consumer_may_fetch(const struct group *, struct slice member_id, int32_t epoch);

#endif
