/*
 * One fetch request: what it asks of which partitions, and the waiting. Inside of broker/api only.
 *
 *     fetch.c       the request and its answer
 *     fetch_park.c  asking partitions, waiting for news, warming what is cold
 *     fetch_nearest.c  which follower a consumer had better ask (KIP-392)
 *     fetch_session.c  which partitions a request means, and which have anything to tell (KIP-227)
 */
#ifndef ODRADEK_API_FETCH_H
#define ODRADEK_API_FETCH_H

#include "broker/api/api_internal.h"
#include "broker/api/fetch_session.h"

struct fetch_item {
    struct fetch_want want;      /* topic name: the arena's */
    enum kafka_error error;      /* found before the partition was asked */
    struct partition *partition; /* held; NULL with an error */
    struct fetch_part part;
    int32_t preferred; /* the consumer is sent to this broker (KIP-392); -1: it is not */
    size_t bytes;      /* of records that part holds */
    uint32_t warmings;
    bool watched;
    bool silent; /* an incremental answer says nothing of it */
};

struct fetch {
    struct request *request;
    struct fetch_wait wait;
    struct timer timer;
    struct fetch_item *items;
    size_t item_count;
    size_t bytes; /* of all items */
    size_t bytes_max;
    size_t bytes_min;
    bool follower;
    bool committed; /* isolation level read_committed */
    bool expired;   /* the time to wait is over: what is there is answered */
    struct fetch_turn turn;
    bool ending; /* the answer waits only for mail that is on its way */
};

/* The follower that a consumer of this rack shall ask instead of us, who lead; -1: none, or us (KIP-392). */
int32_t fetch_nearest(const struct request *, struct partition *, int64_t fetch_offset,
                      struct slice rack);

/* Asks all partitions and answers, or parks the request. */
void fetch_start(struct fetch *, time_ms wait_max_ms);
/* Called once, when the answer is due: nothing refers to the fetch's memory any more. */
void fetch_answer(struct fetch *);

#endif
