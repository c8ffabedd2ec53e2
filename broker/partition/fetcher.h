/*
 * Following leaders. Each reactor has a room of fetchers, one for each leader whose id falls to it; a fetcher has one
 * connection and asks for all partitions that follow this leader in one Fetch after the other, in a fetch session (KIP-227):
 * after the first one only what changed is named and answered. A partition that rests leaves the session meanwhile. All of it
 * lives on the reactor's loop; a partition reaches it by mail and is entered like by anyone else.
 *
 * One long poll is out at a time. When a durable end moves meanwhile the leader must learn at once: a second Fetch goes
 * behind it on the same connection, outside of the session, so that the leader sees both in order, asking for no bytes; its
 * answer tells nothing.
 * When a partition is new, or its plan has changed, while a poll is parked at the leader, or too many updates wait behind
 * it, the connection is given up for a new one: answers come in order, so that nothing else would come before the poll's. What the
 * leader had sent of that is lost, and its session, so what changes all the time waits for the answer: the others are copied still.
 */
#ifndef ODRADEK_PARTITION_FETCHER_H
#define ODRADEK_PARTITION_FETCHER_H

#include "broker/partition/partition_internal.h"
#include "common/client/client_conn.h"
#include "kmsg/fetch.h"

#define FETCH_VERSION     18
#define FETCH_REST_MIN_MS 20
#define FETCH_TIMEOUT_MS  30000
#define FETCH_REST_MAX_MS 500 /* where nothing else is configured */
/* Below the requests that a server reads ahead on one connection. */
#define FETCH_UPDATES_MAX 12
/* So often for what changed, in the time for which a poll is parked. */
#define FETCH_REDIALS_MAX 4
/* A partition's records come beyond fetch_bytes_max where the first batch is larger. */
#define FETCH_FRAME_MAX   ((size_t)512 << 20)

struct fetcher;

/* A partition that follows this fetcher's leader. */
struct follow {
    struct list_node node;
    struct fetcher *fetcher;
    struct partition *partition; /* held */
    struct replica_fetch_plan asked;
    bool bad_crc;     /* what came behind our end was bad: the next question says so */
    bool in_session;  /* the leader's session has it as `asked` */
    bool crc_accused; /* ... with a word on its checksum, which is to be taken back */
    bool in_poll;
    bool urgent; /* the durable end moved since it was last told */
    time_ms rest_until_ms;
    time_ms rest_ms;
};

struct fetch_update {
    struct client_call call;
    bool out;
};

struct fetcher {
    struct list_node node;
    struct fetch_room *room;
    int32_t leader;
    struct client_conn conn;
    bool dialling;
    bool up;
    bool redial;  /* asked for; done when the turn ends */
    bool changed; /* the same, if it was not done too often since redials_since_ms */
    uint32_t redials;
    time_ms redials_since_ms;
    time_ms rest_ms;
    /* Rest before dialling, the answer's time-out, or until a partition has rested. */
    struct timer timer;
    struct turn_end turn_end;
    struct list follows;
    struct map by_id; /* topic id, index -> struct follow */
    uint32_t follow_count;
    struct client_call poll;
    bool poll_out;
    int32_t session;       /* that the leader has of us; 0: none */
    int32_t session_epoch; /* of the next poll, if that goes on with it */
    bool
        session_good; /* what it has is what we noted; else the next poll names everything and begins another one */
    bool session_void; /* that ended while the poll was out */
    bool poll_goes_on; /* the poll that is out */
    struct fetch_update updates[FETCH_UPDATES_MAX];
    struct trace_limit limit;
};

struct fetch_room {
    struct partitions *table;
    struct loop *loop;
    struct heap heap;
    struct arena arena;
    struct list fetchers;
    bool stopping;
    struct mail stop_mail;
    struct mail stopped_mail;
    char client_id[32];
};

static inline time_ms fetcher_rest_max_ms(const struct fetcher *fetcher)
{
    time_ms rest_ms = fetcher->room->table->config.fetch_rest_max_ms;
    return rest_ms > 0 ? rest_ms : FETCH_REST_MAX_MS;
}

/* fetcher_poll.c: asks, if there is anything to ask. */
void fetcher_poll(struct fetcher *);
/* Tells durable ends behind the poll that is out. */
void fetcher_update(struct fetcher *);
/* The connection is up or gone: nothing is out. */
void fetcher_forget_calls(struct fetcher *);

/* What the leader's session knows is not what we would ask: the next poll names everything. */
void fetcher_session_end(struct fetcher *);

/* fetcher.c */
void fetcher_rest_follow(struct follow *);
/* Looks for another fetcher, or lets it go. */
void fetcher_remove(struct follow *, bool look_again);

#endif
