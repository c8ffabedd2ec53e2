/*
 * One fetch request: what it asks of which partitions, and the waiting. Inside of broker/api only.
 *
 *     fetch.c       the request and its answer
 *     fetch_park.c  asking partitions, waiting for news, warming what is cold
 */
#ifndef ODRADEK_API_FETCH_H
#define ODRADEK_API_FETCH_H

#include "broker/api/api_internal.h"

/* One partition of a request. */
struct fetch_want {
    struct slice topic; /* NULL if asked by id */
    struct uuid topic_id;
    int32_t index;
    int32_t current_leader_epoch;
    int32_t last_fetched_epoch;
    int32_t bytes_max;
    int64_t fetch_offset;
    int64_t log_start;
    int64_t durable_offset;
    int64_t high_watermark;
};

struct fetch_item {
    struct fetch_want want;      /* topic name: the arena's */
    enum kafka_error error;      /* found before the partition was asked */
    struct partition *partition; /* held; NULL with an error */
    struct fetch_part part;
    size_t bytes; /* of records that part holds */
    uint32_t warmings;
    bool watched;
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
    bool ending;    /* the answer waits only for mail that is on its way */
};

/* Asks all partitions and answers, or parks the request. */
void fetch_start(struct fetch *, time_ms wait_max_ms);
/* Called once, when the answer is due: nothing refers to the fetch's memory any more. */
void fetch_answer(struct fetch *);

#endif
