/*
 * World: three replica cores of one partition, a model controller and a few clients in one virtual time, driven by a
 * seed. Messages are delayed, lost and reordered; brokers crash (with or without the page cache), are wiped, pause, and
 * lose each other. Checked throughout: what a high watermark has passed never changes, what was acknowledged lies below
 * one, in DISK mode fsynced by every in-sync member; at the end, once all is healed, all logs are equal, hold every
 * acknowledged batch, and no batch of an idempotent producer twice or out of order. Last of all the leader alone forgets its
 * producers, and each goes on with a later sequence: what a leader takes its followers take.
 */
#ifndef ODRADEK_TEST_WORLD_H
#define ODRADEK_TEST_WORLD_H

#include "broker/replica/replica.h"
#include "common/base/prng.h"

#define BROKERS           3
#define CLIENTS           4
#define CLIENT_WINDOW     5
#define LOG_BATCHES_MAX   6000
#define OFFSETS_MAX       30000
#define FETCH_BATCHES_MAX 8
#define TICKETS_MAX       20000
#define EPOCHS_SAVED_MAX  400
#define CONTROLLER        0 /* its place in the network; brokers are 1..3, clients 4.. */
#define PLACES            (1 + BROKERS + CLIENTS)

/* A batch in a log. `value` names it: no two batches of a run share one. */
struct stored {
    struct batch_receipt receipt;
    uint64_t value;
};

enum message_kind {
    MESSAGE_VIEW,
    MESSAGE_FETCH,
    MESSAGE_FETCH_ANSWER,
    MESSAGE_ISR_ASK,
    MESSAGE_ISR_ANSWER,
    MESSAGE_PRODUCE,
    MESSAGE_PRODUCE_ANSWER,
    /* A node's own timers. */
    MESSAGE_TICK,
    MESSAGE_SYNCED,
    MESSAGE_REBUILT,
    MESSAGE_FETCH_TIMER,
    MESSAGE_PARK_TIMER,
    MESSAGE_CLIENT_TIMER,
    MESSAGE_BOOT,
    MESSAGE_REGISTER,
    MESSAGE_ASSIGN, /* its directory is to stand in the image */
    MESSAGE_FENCE,
    MESSAGE_UNFENCE,
    MESSAGE_NEMESIS,
};

struct message {
    time_ms at;
    uint64_t order; /* among equal times */
    enum message_kind kind;
    int from;
    int to;
    uint32_t incarnation; /* of the receiver; another one never sees it. 0: any */
    uint64_t number;
    union {
        struct {
            struct replica_view view;
            uint64_t version;
        } view;
        struct replica_follower_fetch fetch;
        struct {
            struct replica_fetched fetched;
            struct stored batches[FETCH_BATCHES_MAX];
        } answer;
        struct replica_isr_ask ask;
        struct replica_event isr_answer;
        struct {
            struct batch_receipt receipt;
            uint64_t value;
            int16_t acks;
            int slot;
        } produce;
        struct {
            enum kafka_error error;
            int slot;
            uint64_t value;
        } told;
        struct {
            int64_t end;
            uint32_t cut;
        } synced;
        int64_t number64;
    };
};

struct parked {
    bool used;
    struct replica_read_request request;
    uint64_t number; /* of the fetch, echoed in the answer */
    time_ms deadline;
};

struct broker {
    int id;
    bool up;
    time_ms paused_until;
    uint32_t incarnation;
    uint64_t view_version;
    struct heap heap;
    struct replica core;
    /* The disk. */
    struct stored log[LOG_BATCHES_MAX];
    uint32_t log_count;
    uint32_t log_first; /* batches below were deleted at the start */
    int64_t log_start;
    int64_t log_end;
    int64_t synced_end;
    int64_t high_watermark_hint;
    struct epoch_entry epochs[EPOCHS_SAVED_MAX];
    uint32_t epoch_count;
    /* The shell. */
    struct parked parked[BROKERS + 1];
    uint64_t fetch_number; /* newest fetch sent */
    bool fetch_open;
    time_ms tick_at;
    int64_t checked_to; /* offsets below were compared with what is committed */
    bool written;       /* the produce of this step was written */
    time_ms wrote_ms
        [CLIENTS]; /* when a client's newest batch came into this log, or the broker booted */
};

struct slot {
    bool used;
    bool waiting; /* sent, not answered */
    bool acked;   /* but an earlier one is not: the window must not move past that */
    uint64_t value;
    uint64_t number; /* of the newest try */
    int32_t sequence;
    int32_t records;
    time_ms sent_ms;
};

struct client {
    int place;
    int64_t producer_id; /* NO_PRODUCER_ID: plain */
    int16_t epoch;
    int16_t acks;
    bool transactional;
    int32_t next_sequence;
    int32_t resumed_at; /* the sequence that it went on with after a long silence; -1 */
    struct slot slots[CLIENT_WINDOW]; /* oldest first */
    int leader;
    int32_t leader_epoch;
    bool known; /* something was acknowledged in this epoch: more may be in flight */
    bool broken[BROKERS +
                1]; /* a request was lost: the connection is gone, and all later ones with it */
    time_ms arrival_ms[BROKERS + 1]; /* requests to one broker arrive in order */
};

struct ticket {
    int client;
    int slot;
    uint64_t value;
    uint64_t number;
    int64_t producer_id;
    int16_t producer_epoch;
    int16_t acks;
    int32_t sequence;
    int32_t records;
};

struct controller {
    struct replica_view view;
    uint64_t version;
    int64_t next_epoch; /* of brokers */
    bool fenced[BROKERS + 1];
    bool placed[BROKERS + 1]; /* its directory is known: a loss of what lies there would be seen */
    int64_t broker_epochs[BROKERS + 1];
    uint32_t incarnations[BROKERS + 1]; /* that registered */
    uint64_t asks[BROKERS + 1]; /* newest ISR request of each: no older one is read after it */
};

struct world {
    uint64_t seed;
    struct prng prng;
    time_ms now;
    bool healing; /* no new faults, no new batches */
    bool resumed; /* clients have been silent for long since, and each went on with one batch */
    time_ms end_ms;
    struct memory_source source;
    struct message *queue[1 << 14]; /* a heap by (at, order) */
    uint32_t queue_count;
    uint64_t order;
    uint64_t number; /* requests, values */
    time_ms cut_until[PLACES][PLACES];
    struct broker brokers[BROKERS + 1];
    struct controller controller;
    struct client clients[CLIENTS];
    struct ticket tickets[TICKETS_MAX];
    uint64_t ticket_count;
    uint64_t committed[OFFSETS_MAX]; /* value at an offset; 0: not committed yet */
    int64_t committed_end;
    int64_t started_end; /* largest log start any leader was told */
    uint64_t acked;      /* acks = all */
    uint64_t steps;
    uint64_t max_elections;
    uint64_t truncations;
    uint64_t duplicates;
    uint64_t rebuilds;
    uint64_t isr_changes;
    bool loud;
    bool unchecked; /* the cores' own invariants are not asked: what is seen from outside must do */
    const char *wrong; /* the first finding; NULL: none */
    char text[256];
};

/* Runs one seed; false: w->wrong says what is not as it must be. */
bool world_run(struct world *, uint64_t seed);

/* world.c */
void world_wrong(struct world *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void world_trace(struct world *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct message *world_message(struct world *, enum message_kind, int from, int to);
/* Through the network: delayed; may be lost. Frees it in the end. */
void world_send(struct world *, struct message *);
/* A timer, or anything that surely arrives. */
void world_at(struct world *, struct message *, time_ms at);
/* The same again at that time, in its old place among the others. */
void world_again(struct world *, const struct message *, time_ms at);
time_ms world_delay(struct world *);

/* world_broker.c */
void broker_boot(struct world *, struct broker *);
void broker_crash(struct world *, struct broker *, bool lose_unsynced, bool wipe);
void broker_message(struct world *, struct broker *, const struct message *);
void broker_step(struct world *, struct broker *, struct replica_event *,
                 const struct message *cause);
uint64_t broker_value_at(const struct broker *, int64_t offset);
/* DeleteRecords at the leader. */
void broker_delete_records(struct world *, struct broker *, int64_t to);

/* world_controller.c */
void controller_start(struct world *);
void controller_message(struct world *, const struct message *);
void controller_strip(struct world *, int broker, bool lost);
void controller_move_leader(struct world *);
bool controller_in_isr(const struct world *, int broker);

/* world_client.c */
void client_start(struct world *);
void client_message(struct world *, struct client *, const struct message *);
bool client_idle(const struct client *);
/* An idempotent one that was silent for so long that a leader may have forgotten it goes on, with a sequence further on. */
void client_resume(struct world *, struct client *);

/* world_judge.c */
void judge_broker(struct world *, struct broker *);
void judge_ack(struct world *, struct broker *, const struct ticket *,
               const struct replica_action *);
/* Who wrote a while ago only is not among those that are forgotten. */
void judge_producers(struct world *, struct broker *);
void judge_end(struct world *);

#endif
