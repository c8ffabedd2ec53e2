/*
 * A member of a consumer group, of the classic or of the consumer protocol: finds the coordinator, joins, assigns if it is to,
 * reads what it was given, stores how far it is, and dies, leaves and comes back as its seed says. What it stored and was told, and when it owned
 * what, goes into the history.
 */
#ifndef ODRADEK_TESTS_SIM_MEMBER_H
#define ODRADEK_TESTS_SIM_MEMBER_H

#include "tests/sim/actors.h"

#define MEMBER_ID_MAX 96

enum member_state {
    MEMBER_DOWN,
    MEMBER_JOINING,
    MEMBER_SYNCING,
    MEMBER_ASKING, /* it owns partitions, and asks where to begin */
    MEMBER_WORKING,
};

struct member_call {
    struct agent_call call;
    uint64_t life; /* of the member when it was sent */
    time_us sent_us;
    int32_t coordinator;
    int32_t generation;
    bool deposed;  /* the coordinator had been replaced by then, and may not have known */
    uint32_t mask; /* partitions */
    int64_t offsets[PARTITIONS_MAX];
};

struct member {
    struct consumer consumer;
    char group[16];
    char instance[16];             /* empty: a dynamic member */
    bool modern;                   /* the consumer protocol (KIP-848) */
    bool mixed;                    /* another protocol in each life */
    struct prng kinds;             /* ... by this chance */
    int32_t session_of[2];         /* by protocol */
    char proved_id[MEMBER_ID_MAX]; /* it is known to have been a member under this id ... */
    time_us proved_from_us;
    time_us proved_until_us;
    int32_t session_ms;
    int32_t rebalance_ms;
    bool old;  /* speaks earlier versions */
    bool slow; /* to come back when it is to */
    time_us crash_every_us;
    time_us leave_every_us;
    enum member_state state;
    uint64_t life; /* counts what answers belong to */
    int32_t coordinator;
    int16_t last_error;
    char id[MEMBER_ID_MAX];
    int32_t generation;
    bool leads;
    bool watches;         /* it is the one who sees that topics grow */
    uint32_t growth_seen; /* so many partitions, when it had all join for them last ... */
    uint32_t growth_asks; /* ... and so often */
    time_us growth_at;    /* not again before that */
    uint32_t assigns;     /* as a leader: of so many partitions */
    uint32_t peer_count;
    char peers[MEMBERS_MAX + 2][MEMBER_ID_MAX];
    uint32_t owned; /* partitions */
    time_us owned_since_us;
    time_us lease_us;      /* until then nobody else may own them */
    uint32_t late_mask;    /* a request may still come that says it owns no more than this ... */
    time_us late_until_us; /* ... until then */
    int32_t lease_by; /* the coordinator that said so; another number where it had been replaced */
    int64_t stored[PARTITIONS_MAX];
    struct member_call finding;
    struct member_call step; /* joining, syncing, asking */
    struct member_call beat;
    struct member_call commit;
    struct member_call probe;
    struct member_call leaving;
    time_us rest_until;
    time_us beat_at;
    time_us commit_at;
    time_us commit_pace_us; /* most between two commits */
    time_us probe_at;
    time_us rejoin_at; /* 0: not asked to */
    uint64_t lives;    /* begun so far */
    uint32_t target;   /* of the consumer protocol: what it is to own ... */
    time_us apply_at;  /* ... from then on; 0: it does */
    bool says_owned;   /* in its next heartbeat */
    bool says_all;     /* ... as if it were its first */
    bool said;         /* the heartbeat that is under way does */
    bool tells;        /* ... tells what it owns: `told` */
    uint32_t told;
    bool yields; /* it is to give something up, and has not said yet that it did */
    time_us crash_at;
    time_us leave_at;
    time_us back_at;
};

/* number: of the client; group: from 1. session_ms: 0: classic, and its own; else the consumer protocol's. mixed: now the one, now
 * the other. */
void member_open(struct member *, struct field *, const char *address, uint16_t number,
                 uint32_t group, int32_t session_ms, bool mixed);
/* Its sessions and rebalances are no shorter than that. */
void member_has_time(struct member *, int32_t least_ms);
/* It owns this partition, and has stored at least this offset of it. */
bool member_has(const struct member *, uint32_t partition, int64_t offset);
void member_ails(const struct member *, char *ret_sentence, size_t room);
void member_close(struct member *);

#endif
