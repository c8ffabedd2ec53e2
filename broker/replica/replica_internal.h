/*
 * Inside the replica core: what its files share. replica.c takes events, replica_leader.c, _produce.c and _isr.c lead,
 * replica_follower.c follows, replica_log.c loads and cuts, replica_query.c answers, replica_check.c checks.
 */
#ifndef ODRADEK_REPLICA_INTERNAL_H
#define ODRADEK_REPLICA_INTERNAL_H

#include "broker/replica/replica.h"
#include "common/base/mutant.h"
#include "common/base/probe.h"

/* A ticket that waits for the high watermark, or is judged and waits to be told. */
struct waiter {
    struct list_node node;
    uint64_t ticket;
    int64_t end; /* satisfied when the high watermark reaches it */
    int64_t base_offset;
    int64_t max_timestamp_ms;
    enum kafka_error error; /* once judged */
    bool duplicate;
};

/* The next action of this step. Every step leaves room: only ACKs of waiters fill the list, and they check. */
struct replica_action *action_add(struct replica_actions *, enum replica_action_kind);
void action_ack(struct replica_actions *, uint64_t ticket, enum kafka_error);

/* Asks for an fsync of what is not asked for yet, if the topic's durability is DISK. */
void replica_want_sync(struct replica *, struct replica_actions *);

/* Memory is out: the replica is STOPPED. */
void replica_halt(struct replica *, struct replica_actions *);

/* replica_log.c */
void replica_load_step(struct replica *, const struct replica_event *, struct replica_actions *);
/* Cuts the log to `to`: epochs, producers, durable end and high watermark follow. to >= log_start. */
void replica_truncate(struct replica *, int64_t to, struct replica_actions *);
/* What the leader tells of who wrote below the log's start. false: out of memory, asked again. */
bool replica_take_producers(struct replica *, const struct replica_fetched *, time_ms now,
                            struct replica_actions *) MUST_USE;
/* The log is empty and goes on at `at`; its first readable record will be log_start (>= at). */
void replica_restart(struct replica *, int64_t at, int64_t log_start, struct replica_actions *);
void replica_move_log_start(struct replica *, int64_t log_start, struct replica_actions *);

/* replica_view.c: members are numbered by their place in view.members. */
#define NO_MEMBER UINT32_MAX
uint32_t view_member(const struct replica_view *, int32_t broker_id);
uint32_t view_isr_bits(const struct replica_view *);
void replica_view_step(struct replica *, const struct replica_view *, time_ms now,
                       struct replica_actions *);

static inline uint32_t member_bit(uint32_t member)
{
    assert(member < REPLICAS_MAX);
    return 1u << member;
}

static inline uint32_t member_count(uint32_t bits)
{
    return (uint32_t)__builtin_popcount(bits);
}

/* replica_leader.c */
#define PROGRESS_UNKNOWN                                                      \
    ((struct replica_progress){.end = NO_OFFSET,                              \
                               .durable = NO_OFFSET,                          \
                               .broker_epoch = -1,                            \
                               .caught_up_ms = TIME_LONG_AGO,                 \
                               .known_high_watermark = HIGH_WATERMARK_UNTOLD, \
                               .log_start = NO_OFFSET})

void leader_begin(struct replica *, time_ms now, struct replica_actions *);
/* Every waiting ticket is told `error`. */
void leader_fail_waiters(struct replica *, enum kafka_error error);
void leader_follower_fetch(struct replica *, const struct replica_event *,
                           struct replica_actions *);
void leader_tick(struct replica *, time_ms now, struct replica_actions *);
/* Moves the high watermark as far as the rules let it, judges waiters, and reckons the next deadline. */
void leader_advance(struct replica *, time_ms now, struct replica_actions *);
time_ms leader_deadline(const struct replica *);

/* replica_produce.c */
void leader_produce(struct replica *, const struct replica_event *, struct replica_actions *);
void leader_forget(struct replica *, uint64_t ticket);

/* A fetch without a broker epoch never counts: there is no bypass for older brokers (KIP-903), but for this planted bug. */
static inline bool old_version(int64_t broker_epoch)
{
    return MUTANT(106) && broker_epoch < 0;
}

/* replica_isr.c */
/* The offset up to which this member's log counts; NO_OFFSET: it does not. */
int64_t member_counted_end(const struct replica *, uint32_t member);
bool member_caught_up(const struct replica *, uint32_t member, time_ms now);
/* Committed ISR and what may become it: the high watermark waits for all of them (KIP-966). */
uint32_t isr_maximal(const struct replica *);
/* Asks for a smaller or a larger ISR if one is due and none is in flight. */
void isr_consider(struct replica *, time_ms now, struct replica_actions *);
void isr_answer(struct replica *, const struct replica_event *, struct replica_actions *);
/* A newer partition epoch has shown what the ISR is: nothing is in flight any more. */
void isr_settle(struct replica *);
/* What a leadership leaves behind that has to begin anew, and goes on in the same epoch. */
void isr_remember(const struct replica *, struct replica_isr_ask *ret_before);
void isr_resume(struct replica *, time_ms now);

/* replica_follower.c */
void follower_begin(struct replica *, struct replica_actions *);
void follower_fetched(struct replica *, const struct replica_event *, struct replica_actions *);

#endif
