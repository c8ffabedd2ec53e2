/*
 * Desk: up to three replica cores of one partition, moved by hand, for stories. Nothing happens unless a command says so;
 * every action of a core is told as one line. The records of a log are named by their epoch and a number.
 */
#ifndef ODRADEK_TEST_REPLICA_DESK_H
#define ODRADEK_TEST_REPLICA_DESK_H

#include "broker/replica/replica.h"

#define DESK_BROKERS 3
#define DESK_BATCHES 256
#define DESK_HELD    26
#define DESK_OUT_MAX (1 << 16)

struct desk_broker {
    int32_t id;
    bool up;
    int64_t broker_epoch;
    struct heap heap;
    struct replica core;
    struct batch_receipt log[DESK_BATCHES]; /* the disk */
    uint32_t log_count;
    int64_t log_start;
    int64_t log_end;
    struct epoch_entry epochs[DESK_BATCHES];
    uint32_t epoch_count;
    uint64_t asked; /* newest ISR request */
    struct replica_isr_ask ask;
    uint32_t sync_cut; /* of its newest SYNC */
    int64_t sync_end;
    int64_t rebuild_to;
};

/* A fetch on its way: the request, then the answer. */
#define DESK_PRODUCERS 8

struct desk_fetch {
    bool used;
    bool answered;
    int32_t follower;
    int32_t leader;
    struct replica_follower_fetch request;
    struct replica_fetched answer;
    struct batch_receipt batches[DESK_BATCHES];
    struct producer_entry producers[DESK_PRODUCERS];
};

struct desk {
    struct memory_source source;
    time_ms now;
    struct replica_view view;
    struct desk_broker brokers[DESK_BROKERS + 1];
    struct desk_fetch held[DESK_HELD];
    char out[DESK_OUT_MAX];
    size_t out_n;
};

void desk_init(struct desk *);
void desk_release(struct desk *);
/* Carries out one command line; what it tells is in out. An unknown command tells so. */
void desk_command(struct desk *, const char *line);

/* desk_broker.c */
void desk_say(struct desk *, const char *fmt, ...) PRINTF_LIKE(2, 3);
void desk_boot(struct desk *, struct desk_broker *);
void desk_stop(struct desk_broker *);
void desk_step(struct desk *, struct desk_broker *, struct replica_event *,
               const struct replica_fetched *);
void desk_rebuild(struct desk *, struct desk_broker *);
void desk_show(struct desk *, const struct desk_broker *);
/* Takes what the broker would ask now. */
bool desk_fetch_ask(struct desk *, struct desk_broker *, struct desk_fetch *);
void desk_fetch_arrive(struct desk *, struct desk_fetch *);
void desk_fetch_deliver(struct desk *, struct desk_fetch *);

#endif
