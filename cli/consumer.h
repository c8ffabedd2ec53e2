/*
 * Reads partitions of one topic from given offsets on: one Fetch request out per leader, each partition's offset moving on as its
 * records are handed out; goes on over changes of leaders without a gap or a repetition, since only the offset counts.
 * Batches are checked and decompressed by common/client/batch_read.h. Memory: one answer per leader, CONSUMER_FETCH_BYTES each,
 * and one decompressed batch.
 */
#ifndef ODRADEK_CLI_CONSUMER_H
#define ODRADEK_CLI_CONSUMER_H

#include "cli/topics.h"
#include "common/client/batch_read.h"
#include "kmsg/fetch.h"

#define CONSUMER_FETCH_BYTES     (8 << 20)
#define CONSUMER_PARTITION_BYTES (1 << 20)

struct consumer_partition {
    int32_t partition;
    int32_t leader;
    int64_t offset; /* the next one to hand out */
    int64_t stop;   /* nothing from here on is wanted; INT64_MAX: no end */
    int32_t bytes;  /* asked for; grows for a batch that does not fit */
    bool out;       /* in a request */
    time_us retry_at;
    int64_t records;
};

/* A fetch from one leader. */
struct consumer_fetch {
    int32_t leader;
    struct ask ask;
    struct arena arena;
    struct kmsg_fetch_response response;
    bool asked;
};

struct consumer;
/* False: no more records are wanted. */
typedef bool consumer_record_fn(struct consumer *, const struct consumer_partition *,
                                const struct record *);

struct consumer {
    struct cli *cli;
    void *ctx;
    consumer_record_fn *record;
    struct slice topic;
    struct uuid topic_id;
    struct consumer_partition *partitions;
    int32_t count;
    struct consumer_fetch *fetches; /* one for each broker that led once */
    int32_t fetch_count, fetch_room;
    struct kmsg_metadata_response metadata;
    struct arena metadata_arena;
    time_us metadata_at;
    bool stale;
    bool silent_since_known; /* nobody answers: since when */
    time_us silent_since;
    struct batch_read read;
    bool enough; /* `record` said so */
    int failed;
};

/* Places: partition and offset are taken from them. EXIT_OK or what is wrong was told; release it in any case. */
int consumer_init(struct consumer *, struct cli *, struct slice topic, const struct place *,
                  int32_t count, consumer_record_fn *, void *ctx);
void consumer_release(struct consumer *);

/* Sends fetches, waits for answers until `until`, hands records out. */
void consumer_step(struct consumer *, time_us until);
/* Every partition has reached its stop. */
bool consumer_done(const struct consumer *);

#endif
