/*
 * Writes records to one topic and keeps at it until each is acknowledged: each partition has one batch out at most, which is sent
 * again unchanged, to whoever leads by then, until its answer comes. With an idempotent producer (acks=all) a broker that has it
 * already says so, so that no record is lost or doubled while leaders change; order within a partition is that of the input.
 *
 * Memory is bounded: --batch-bytes twice for each partition, PRODUCER_ROOM in all.
 */
#ifndef ODRADEK_CLI_PRODUCER_H
#define ODRADEK_CLI_PRODUCER_H

#include "cli/cli.h"
#include "common/client/batch_write.h"
#include "kmsg/produce.h"

#define PRODUCER_ROOM ((size_t)64 << 20)

/* One partition's way. */
struct producer_lane {
    int32_t partition;
    int32_t leader; /* -1: none */
    struct batch_gather gather;
    struct batch_sealed sealed; /* records > 0: a batch that waits for its acknowledgement */
    struct arena arena;         /* the answer's */
    struct ask ask;
    struct kmsg_produce_response response;
    bool asked; /* ask is out, or its answer was not looked at */
    int32_t next_sequence;
    time_us sealed_at;
    time_us retry_at;
    int16_t last_error;
    int64_t acked;
};

struct producer_options {
    int16_t acks;
    bool idempotent;
    enum compression compression;
    size_t batch_bytes;
    time_us delivery_us; /* a batch that is not acknowledged by then has failed */
};

struct producer {
    struct cli *cli;
    struct producer_options options;
    struct slice topic;
    struct uuid topic_id;
    int64_t producer_id;
    int16_t producer_epoch;
    struct producer_lane *lanes;
    int32_t lane_count;
    int32_t sticky; /* where records without a key go for now */
    struct kmsg_metadata_response metadata;
    struct arena metadata_arena;
    time_us metadata_at;
    bool stale; /* a leader moved or died */
    struct batch_packer packer;
    int64_t records; /* taken */
    int64_t acked;
    int64_t acked_bytes; /* plain */
    size_t held;         /* bytes gathered and sealed */
    int failed;          /* an exit code; 0: all is well */
};

/* Looks the topic up and asks for a producer id. EXIT_OK, or what is wrong was told; release it in any case. */
int producer_init(struct producer *, struct cli *, struct slice topic,
                  const struct producer_options *);
void producer_release(struct producer *);

enum offer {
    OFFER_TAKEN,
    OFFER_FULL, /* come again after a turn */
    OFFER_WRONG_PARTITION,
    OFFER_TOO_LARGE,
};
/* Takes a copy of the record. partition -1: by its key, or anywhere. */
enum offer producer_offer(struct producer *, struct record *, int32_t partition);

/* Sends what can be sent and looks at what came; no waiting. */
void producer_step(struct producer *);
/* When producer_step wants to be called at the latest. */
time_us producer_deadline(const struct producer *);
/* Everything taken is acknowledged (or nothing will be any more: failed). */
bool producer_done(const struct producer *);

#endif
