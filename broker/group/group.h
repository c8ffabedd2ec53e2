/*
 * Group: the pure core of one coordinator shard, which is one partition of __consumer_offsets and all groups whose ids fall
 * there. It decides who is a member, which generation holds, who may commit, and what the log is to remember; the shell
 * (broker/coord) appends the records, holds answers back until they are durable, and drives time.
 *
 * Life: group_shard_init; group_replay for each record of the partition in log order; LOADED when this broker leads it and every
 * record below the log end of that moment is committed; then requests, FORGET and TICK. When a write is lost or the
 * leadership goes, the whole shard is released and loaded anew: nothing that was not durable has been answered.
 *
 * Calls: a request comes with a `struct group_call` of the caller's. The core keeps the pointer while the request waits, fills
 * in the answer and puts it on actions->answers, exactly once. Slices of an answer point into the core (or into the event) and
 * are valid until the next step. An answer with after_write may be told when that write is durable, one with 0 at once.
 * What the questions at the end tell of a group may leave when its `write` and `offsets_write` of that moment are durable:
 * then nobody sees an offset that can still go back.
 *
 * Writes: a step makes at most one; its records are one batch, numbered 1, 2, ... and appended in that order. The memory is
 * the shard's, valid until the next step.
 *
 * Rules: KIP-62 (rebalance time-out), KIP-134 (initial delay), KIP-345 (static members), KIP-394 (member id first), KIP-429
 * (nothing to be done here), KIP-559, KIP-800, KIP-814 (a returning static leader does not assign), KIP-211 (expiry of
 * offsets). Records: Kafka's group records, `proto/kafka/group_records.kmsg`.
 */
#ifndef ODRADEK_GROUP_GROUP_H
#define ODRADEK_GROUP_GROUP_H

#include "common/base/list.h"
#include "common/base/map.h"
#include "common/base/prng.h"
#include "common/meta/image.h"
#include "common/wire/kafka_error.h"
#include "kmsg/group_records.h"

/* A member that came without having been known before may take so long to be let in (Kafka's constant). */
#define GROUP_NEW_MEMBER_MS    300000
/* Protocols that one member may offer (clients offer one to three): bits of a word. */
#define GROUP_PROTOCOLS_MAX    64
/* Tombstones in one write of the expiry; what is left goes with the next. */
#define GROUP_EXPIRY_BATCH_MAX 1000

struct group_config {
    int32_t session_min_ms;       /* group.min.session.timeout.ms */
    int32_t session_max_ms;       /* group.max.session.timeout.ms */
    int32_t initial_delay_ms;     /* group.initial.rebalance.delay.ms */
    uint32_t members_max;         /* group.max.size */
    uint32_t write_bytes_max;     /* max.message.bytes of the shard's topic; 0: no bound */
    time_ms offsets_retention_ms; /* offsets.retention.minutes */
    time_ms retention_check_ms;   /* offsets.retention.check.interval.ms */
    struct {                      /* group.consumer.* */
        int32_t session_ms;
        int32_t session_min_ms; /* bounds of what a group's own settings may say */
        int32_t session_max_ms;
        int32_t heartbeat_ms;
        int32_t heartbeat_min_ms;
        int32_t heartbeat_max_ms;
        int32_t assignment_interval_ms;
        int32_t assignment_interval_min_ms;
        int32_t assignment_interval_max_ms;
        int32_t pattern_refresh_ms;
        uint32_t members_max;
        uint8_t assignors; /* bits by enum assignor: what clients may ask for */
        uint8_t assignor;  /* enum assignor: of those who do not ask */
        bool upgrade;      /* a classic group becomes one when a consumer member comes */
        bool downgrade;    /* ... and one again when the last of them goes */
    } consumer;
    struct hash_key hash_key; /* secret of the node, for its maps */
    uint64_t seed;            /* of member ids */
};

enum group_state {
    GROUP_EMPTY,      /* no members; perhaps offsets */
    GROUP_PREPARING,  /* members are to join again; the first to come wait */
    GROUP_COMPLETING, /* all know the new generation; the leader's assignment is awaited */
    GROUP_STABLE,
};
/* As Kafka's tools print it: "Empty", "PreparingRebalance", "CompletingRebalance", "Stable". */
const char *group_state_text(enum group_state);

struct group;
struct group_member;

struct group_protocol {
    struct slice name;
    struct slice metadata;
};

/* --- answers --- */

struct group_join_answer {
    int32_t generation; /* -1 with an error */
    struct slice protocol_type;
    struct slice protocol; /* NULL with an error */
    struct slice leader;
    struct slice member_id;
    bool skip_assignment; /* the leader has nothing to assign (KIP-814) */
    const struct group
        *members_of; /* the leader is told all members with their metadata; NULL: none */
};

struct group_sync_answer {
    struct slice protocol_type;
    struct slice protocol;
    struct slice assignment;
};

struct group_part {
    struct uuid topic;
    int32_t partition;
};

struct group_consumer_answer {
    struct slice member_id;
    int32_t epoch;
    int32_t heartbeat_ms;
    bool assigned; /* it is told what to read, by topic */
    const struct group_part *parts;
    uint32_t part_count;
};

struct group_call {
    enum kafka_error error;
    uint64_t after_write;
    union {
        struct group_join_answer join;
        struct group_sync_answer sync;
        struct group_consumer_answer consumer;
    };
    /* own */
    struct list_node node; /* in actions->answers */
    struct group_member *joining;
    struct group_member *syncing;
};

/* --- events --- */

struct group_who { /* whom a request speaks for */
    struct slice group;
    struct slice member_id;   /* empty: none yet */
    struct slice instance_id; /* NULL: a dynamic member */
    int32_t generation;       /* or member epoch; -1: none */
};

struct group_leaver {
    struct slice member_id;
    struct slice instance_id;
    enum kafka_error error; /* out */
};

struct group_assignment {
    struct slice member_id;
    struct slice bytes;
};

struct group_offset_item {
    struct slice topic;
    int32_t partition;
    int64_t offset;
    int32_t leader_epoch; /* -1: not told */
    struct slice metadata;
    struct uuid topic_id; /* none: not known */
};

struct group_offset_gone {
    struct slice topic;
    int32_t partition;
    enum kafka_error error; /* out */
};

struct group_matched {
    struct slice pattern;
    const struct slice *topics; /* ascending */
    uint32_t count;
};

enum group_event_kind {
    GROUP_LOADED,
    GROUP_JOIN,
    GROUP_SYNC,
    GROUP_HEARTBEAT,
    GROUP_LEAVE,
    GROUP_COMMIT,
    GROUP_DELETE_OFFSETS,
    GROUP_DELETE,
    GROUP_CONSUMER_HEARTBEAT, /* a member of the consumer protocol enters (epoch 0), lives on, or leaves (-1, -2) */
    GROUP_MATCHED, /* patterns have been evaluated */
    GROUP_FORGET,  /* the client of a waiting call is gone: it is not answered any more */
    GROUP_TOPIC_GONE, /* a topic was deleted: so are the offsets in it, and not those in another one of its name */
    GROUP_TICK,
};

struct group_event {
    enum group_event_kind kind;
    time_ms now;     /* monotonic */
    time_ms wall_ms; /* since 1970: for what is remembered in the log */
    struct group_call *call;
    struct group_who who; /* JOIN to MATCHED */
    /* The topics there are, for JOIN, SYNC, COMMIT and CONSUMER_HEARTBEAT; not kept. NULL: there are classic groups only. */
    const struct meta_image *image;
    int64_t topics_version; /* the newest image that is known to have brought a topic; -1: none */
    union {
        struct {
            struct slice client_id;
            struct slice client_host;
            struct slice protocol_type;
            const struct group_protocol *protocols; /* most wanted first */
            uint32_t protocol_count;
            int32_t session_ms;
            int32_t rebalance_ms;
            bool
                id_first; /* a dynamic member gets its id first and comes again (JoinGroup 4, KIP-394) */
            bool may_skip; /* it knows skip_assignment (JoinGroup 9) */
        } join;
        struct {
            struct slice protocol_type; /* NULL: not told */
            struct slice protocol;
            const struct group_assignment *assignments;
            uint32_t assignment_count;
        } sync;
        struct {
            struct group_leaver *leavers;
            uint32_t count;
        } leave;
        struct {
            const struct group_offset_item *items;
            uint32_t count;
            time_ms expire_ms;              /* wall clock; -1: by the retention */
            enum kafka_error unknown_group; /* what a member of no group is told (by version) */
            bool old; /* by a version that knows of no member epochs (below 9) */
        } commit;
        struct { /* NULL, or -1: as before */
            struct slice client_id;
            struct slice client_host;
            struct slice rack_id;
            int32_t rebalance_ms;
            const struct slice *topics;
            uint32_t topic_count;
            struct slice pattern; /* empty: none any more */
            struct slice assignor;
            const struct group_part *owned;
            uint32_t owned_count;
        } consumer;
        struct {
            const struct group_matched *items;
            uint32_t count;
            int64_t version; /* of the image that they were evaluated against */
            bool failed;     /* nothing is known */
        } matched;
        struct {
            struct group_offset_gone *items;
            uint32_t count;
        } delete_offsets;
        struct {
            struct slice name;
            struct uuid id; /* none: whatever is stored under the name goes */
            bool told_only; /* what was stored without an id stays */
        } topic_gone;
    };
};

/* One record of a write. */
struct group_record {
    const struct kmsg_message *key_desc;
    const void *key;
    const struct kmsg_message *value_desc; /* NULL: a tombstone */
    const void *value;
    int16_t value_version;
};

struct group_actions {
    struct list answers; /* struct group_call */
    uint64_t write;      /* its number; 0: nothing to write */
    uint32_t record_count;
    const struct group_record *records;
    bool more; /* TOPIC_GONE: one write does not hold all; to be said again */
    bool
        broken; /* memory ran out in the middle of a change: the shard is to be released and loaded anew */
    /* Patterns of a group that are to be evaluated; MATCHED is to follow. The shard's memory, valid until the next step. */
    struct slice match_group;
    const struct slice *match;
    uint32_t match_count;
};

/* --- state --- */

struct group_member {
    struct group *group;
    struct slice id;
    struct slice instance_id; /* NULL: dynamic */
    struct slice client_id;
    struct slice client_host;
    int32_t session_ms;
    int32_t rebalance_ms;
    struct group_protocol *protocols;
    uint32_t protocol_count;
    struct slice assignment;
    struct group_call *join; /* waits for the generation; NULL: does not */
    struct group_call *sync; /* waits for the leader's assignment */
    time_ms expires_ms;      /* unless it waits */
    bool fresh;              /* not yet in a generation */
    bool owes_sync;          /* has not asked for its assignment in this generation */
};

struct group_offset {
    int32_t partition;
    int32_t leader_epoch;
    int64_t offset;
    time_ms commit_ms; /* wall clock */
    time_ms expire_ms; /* -1: by the retention */
    struct slice metadata;
    struct uuid topic_id; /* none: the log does not tell */
};

/* Offsets of one topic, by partition. */
struct group_topic {
    struct slice name;
    struct group_offset *offsets;
    uint32_t count;
    uint32_t room;
};

struct consumer;

struct group {
    struct slice id;
    struct consumer *
        consumer; /* NULL: a classic group. Else it is EMPTY as such, and consumer.h says what it is */
    enum group_state state;
    time_ms state_wall_ms; /* when it came there */
    int32_t generation;
    struct slice protocol_type; /* empty: never had a member ("simple") */
    struct slice protocol;      /* of this generation; NULL: none */
    struct slice leader; /* a member's id; NULL: none; "": none of them has been told so yet */
    struct map members;  /* by id: struct group_member, in the order in which they came */
    struct map statics;  /* by instance id: the same */
    struct map pending;  /* ids given out, not joined yet: struct group_pending */
    uint32_t joining;    /* members whose join waits */
    /* PREPARING */
    bool first_round;     /* it was empty: wait for more members to come */
    bool newcomers;       /* some have come since that wait began */
    time_ms join_due_ms;  /* who has not joined by then is out */
    time_ms wait_left_ms; /* how much longer the first round may be stretched */
    /* COMPLETING, STABLE: when members that have not asked for their assignment are out; TIME_NEVER */
    time_ms sync_due_ms;
    struct map topics; /* by name: struct group_topic */
    uint32_t offset_count;
    uint64_t write;         /* the newest write that holds this group, or 0 */
    uint64_t offsets_write; /* ... one of its offsets */
    /* own: place among the shard's timers */
    time_ms wake_ms;
    uint32_t timer;
};

struct group_shard {
    struct heap *heap;
    struct group_config config;
    struct prng prng;
    struct map groups;     /* by id */
    struct group **timers; /* a binary heap by wake_ms: all groups */
    uint32_t timer_room;
    bool loaded;
    time_ms expiry_due_ms;
    uint64_t writes; /* made so far */
    /* of the step under way */
    struct arena scratch;
    struct group_record *records;
    uint32_t record_count;
    uint32_t record_room;
    uint64_t gone_bytes; /* of its tombstones, about */
};

/* scratch_source: memory of one step's records. */
void group_shard_init(struct group_shard *, const struct group_config *, struct heap *,
                      const struct memory_source *scratch_source);
/* Gives all memory back; waiting calls are put on *ret_waiting with NOT_COORDINATOR (a list the caller has initialised). */
void group_shard_release(struct group_shard *, struct list *ret_waiting);

/* A record of the log, before LOADED: its decoded key and value (NULL: a tombstone). Kinds 1 to 8 and 16; others are the caller's to skip.
 * false: out of memory; the shard cannot be used. */
bool group_replay(struct group_shard *, const struct kmsg_message *key_desc, const void *key,
                  const void *value) MUST_USE;

void group_step(struct group_shard *, const struct group_event *, struct group_actions *);

/* When TICK is due, or TIME_NEVER. */
time_ms group_deadline(const struct group_shard *);

/* Invariants; asserts. */
void group_check(const struct group_shard *);

/* --- questions --- */

const struct group *group_find(const struct group_shard *, struct slice id);
/* Groups in order of their creation: start with *at = 0; NULL at the end. */
const struct group *group_next(const struct group_shard *, uint32_t *at);
/* Members in the order in which they came. */
const struct group_member *group_member_next(const struct group *, uint32_t *at);
/* What it said under the protocol of this generation; empty: nothing. */
struct slice group_member_metadata(const struct group_member *, struct slice protocol);
/* NULL: nothing committed. */
const struct group_offset *group_offset_find(const struct group *, struct slice name,
                                             int32_t partition);
const struct group_topic *group_topic_next(const struct group *, uint32_t *at);

#endif
