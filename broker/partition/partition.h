/*
 * Partition: one replica on this broker as its users see it: a monitor of lock, pure core (broker/replica), log and outbox.
 *
 * Callable from every thread, best from a reactor. A call holds the monitor for one step of the core and its append to the
 * page cache; nothing waits for the device. Whoever must wait is told by mail to a loop of its choice, with a node inside
 * its own struct. All structs below are the caller's memory; fields under "own" are this room's.
 *
 * A `struct partition *` comes from partitions_find_* (partition_table.h), which holds it; partition_drop lets it go. It may
 * be held for as long as a request waits: a deleted one answers UNKNOWN_TOPIC_OR_PARTITION, an offline one
 * KAFKA_STORAGE_ERROR, one that is still being recovered NOT_LEADER_OR_FOLLOWER.
 *
 * Whether an answer is true is the core's business (replica.h); what is promised here is that its actions are carried out
 * in its order, that a ticket is answered exactly once, and that no wake-up is lost.
 */
#ifndef ODRADEK_PARTITION_PARTITION_H
#define ODRADEK_PARTITION_PARTITION_H

#include <stdatomic.h>

#include "common/base/limits.h"
#include "common/base/uuid.h"
#include "common/log/log.h"
#include "common/port/disk.h"
#include "common/wire/kafka_error.h"
#include "common/wire/kmsg.h"

struct partition;

/* What the topic's configuration says, resolved by partitions_config.settings from the image. */
struct partition_settings {
    int64_t segment_bytes;          /* segment.bytes */
    int64_t segment_ms;             /* segment.ms */
    int64_t segment_jitter_ms;      /* segment.jitter.ms */
    time_ms producer_expiration_ms; /* producer.id.expiration.ms; 0: as partitions_config says */
    int64_t retention_ms;           /* retention.ms; -1: for ever */
    int64_t retention_bytes;        /* retention.bytes; -1: no limit */
    int64_t file_delete_delay_ms;   /* file.delete.delay.ms */
    int64_t timestamp_before_max_ms;
    int64_t timestamp_after_max_ms;
    enum compression compression; /* compression.type, if `recompress` */
    int32_t compression_level;    /* of that codec, as common/codec has it */
    int32_t index_interval_bytes;
    int32_t index_bytes_max;   /* segment.index.bytes */
    int32_t message_bytes_max; /* max.message.bytes */
    int32_t min_isr;           /* min.insync.replicas, not yet bounded by the replication factor */
    bool recompress;           /* compression.type is not "producer" */
    bool durable;              /* durability=disk: an end counts when it is fsynced */
    bool log_append_time;      /* message.timestamp.type */
    bool compacted;            /* cleanup.policy has compact: every record has a key */
    bool deleted;              /* cleanup.policy has delete: retention counts */
};

void partition_hold(struct partition *);
void partition_drop(struct partition *);

struct uuid partition_topic_id(const struct partition *);
struct slice partition_topic_name(const struct partition *); /* as long as it is held */
int32_t partition_index(const struct partition *);
/* The settings that count now. */
void partition_settings_now(struct partition *, struct partition_settings *ret_settings);

/* --- produce ------------------------------------------------------------------------------------------------------ */

enum ticket_state { TICKET_FREE, TICKET_WAITS, TICKET_TOLD };

struct produce_ticket {
    struct mail mail; /* deliver: the caller's; posted to `loop` when the answer has come */
    struct loop *loop;
    /* Given. of_epoch: it is appended under this leadership only, and refused with NOT_LEADER_OR_FOLLOWER under another one. */
    bool of_epoch;
    int32_t leader_epoch;
    /* The answer. */
    enum kafka_error error;
    bool duplicate;             /* nothing was written; the offset is the original's */
    int64_t base_offset;        /* -1 with an error */
    int64_t log_append_time_ms; /* -1: the topic has CreateTime */
    int64_t log_start_offset;   /* -1 with an error */
    /* own */
    struct produce_ticket *next;
    enum ticket_state state; /* in the monitor */
};

/*
 * Appends one whole batch that the rules of common/wire/record_batch_rules.h have accepted and stamped; base offset and
 * leader epoch are written into it in place. The bytes are not needed after the call. acks: 0, 1 or -1.
 * true: the answer stands in the ticket, no mail comes. false: mail comes, once (also with acks 0 and 1, when too many
 * unsynced bytes of the log dir hold the answer back: that is the back-pressure).
 */
bool partition_produce(struct partition *, struct produce_ticket *, uint8_t *batch, size_t bytes,
                       int16_t acks) MUST_USE;

/* The caller has stopped waiting (request.timeout.ms, connection gone). true: no mail will come. false: it is on its way,
 * the ticket must stay until it is there. */
bool partition_produce_forget(struct partition *, struct produce_ticket *) MUST_USE;

/* --- fetch -------------------------------------------------------------------------------------------------------- */

/*
 * Who waits for news of any of several partitions: one per fetch request. On its loop only, apart from what is own.
 * One mail for all of them: it is posted with the first news and not again before fetch_wait_again.
 */
struct fetch_wait {
    struct mail mail; /* deliver: the caller's */
    struct loop *loop;
    /* own */
    atomic_bool told; /* the mail was posted since the last again */
    uint32_t jobs;    /* reads on the pool; on the loop only */
};
void fetch_wait_init(struct fetch_wait *, struct loop *, void (*deliver)(struct mail *));
/* From within deliver, or when nothing was told: news counts again from here. */
void fetch_wait_again(struct fetch_wait *);
/* Nothing is under way: its memory may go (after partition_unwatch of all parts). false: mail comes once more, look again
 * then. */
bool fetch_wait_idle(const struct fetch_wait *);

/* One partition in a fetch. Zeroed before the first use. */
struct fetch_part {
    /* The question. replica_id -1: a consumer, who gets what lies below the high watermark. */
    int32_t replica_id;
    int64_t broker_epoch;         /* of a follower */
    int32_t current_leader_epoch; /* -1: not told */
    int64_t fetch_offset;
    int32_t last_fetched_epoch; /* -1: not told */
    int64_t durable_offset;     /* of a follower; -1: not told */
    int64_t high_watermark;     /* as the follower knows it; INT64_MAX: not told */
    int64_t follower_log_start; /* where its log begins; -1: not told */
    int64_t bad_crc_offset;     /* the batch here failed its CRC at the follower; -1: none */
    int64_t producers_below;    /* of a follower: who wrote below is asked for; -1: not */
    struct arena *arena; /* for that answer; lives as long as it is needed. NULL: never asked */
    bool any_replica;    /* of a consumer that reads from followers too (KIP-392) */
    /* The answer. */
    enum kafka_error error;
    bool at_once; /* do not park for more: an error, a divergence, or news for this follower */
    bool cold; /* there are records but not in memory: partition_warm brings them, then ask again */
    bool woken;              /* told through the wait since it was last asked */
    int32_t diverging_epoch; /* -1: none */
    int64_t diverging_end;
    int64_t high_watermark_now; /* -1 with an error, like the next two */
    int64_t last_stable_offset;
    int64_t log_start;      /* also with OFFSET_OUT_OF_RANGE to followers */
    struct slice producers; /* as a producer snapshot, in the arena; p NULL: not asked for */
    /* A file range with a reference; empty (file NULL, bytes not NULL) if there is nothing. Who takes it over for a response
     * zeroes this field, otherwise fetch_part_clear gives the reference back. */
    struct kmsg_records records;
    /* own */
    struct list_node node;
    struct fetch_wait *wait;
    struct partition *partition; /* while it watches or warms */
    bool judged;                 /* the core has seen this follower's fetch */
    bool warming;
    bool warm;   /* range holds what partition_warm read in */
    err_t fault; /* ... which cannot be served; told with the next call */
    uint64_t seen;
    struct log_range range;
    struct disk_job job;
};

/*
 * Fills the answer: bounds, and records of at most bytes_max bytes (with first_whole the first batch comes even if it is
 * larger; bytes_max 0 without it: bounds only). May be asked again, after news or with other bounds; what it held before is
 * given back. A follower's progress counts with the first call after a fetch_part was zeroed.
 */
void partition_fetch(struct partition *, struct fetch_part *, size_t bytes_max, bool first_whole);

/* Puts the part on watch. false: there has been news since it was last asked, ask again instead. */
bool partition_watch(struct partition *, struct fetch_part *, struct fetch_wait *) MUST_USE;
/* Off watch; harmless if it is not on it. */
void partition_unwatch(struct fetch_part *);

/* After `cold`: reads the records in on the pool; the wait is told (and not idle before). */
void partition_warm(struct partition *, struct fetch_part *, struct fetch_wait *);

/* An in-sync follower that holds a record, as the leader knows it (KIP-392). */
struct partition_choice {
    int32_t broker;
    int64_t end;
    time_ms caught_up_ms;
};
/* Whom the leader could send a consumer to who wants this offset; 0 of who does not lead. */
uint32_t partition_choices(struct partition *, int64_t fetch_offset,
                           struct partition_choice ret_choices[REPLICAS_MAX]);

/* Gives back what the part holds; not while it is on watch or being warmed. */
void fetch_part_clear(struct fetch_part *);

/* --- other questions ---------------------------------------------------------------------------------------------- */

enum { /* ListOffsets: timestamps with a meaning */
       OFFSET_LATEST = -1,
       OFFSET_EARLIEST = -2,
       OFFSET_MAX_TIMESTAMP = -3,
       OFFSET_EARLIEST_LOCAL = -4,
};

struct offset_question {
    struct mail mail; /* deliver: the caller's */
    struct loop *loop;
    void *ctx;                    /* the caller's */
    int32_t current_leader_epoch; /* -1: not told */
    int64_t timestamp_ms;         /* or one of the above */
    bool committed;               /* isolation level read_committed */
    /* The answer; -1 and -1 without an error: no such record. */
    enum kafka_error error;
    int64_t offset;
    int64_t found_timestamp_ms;
    int32_t leader_epoch; /* of that offset */
    /* own */
    struct partition *partition;
    struct log_range range;
    struct disk_job job;
};
/* true: answered. false: mail comes (times are looked up on the pool). */
bool partition_find_offset(struct partition *, struct offset_question *) MUST_USE;

/* OffsetForLeaderEpoch: the largest epoch <= epoch and where it ends; -1 and -1: unknown. */
enum kafka_error partition_epoch_end(struct partition *, int32_t current_leader_epoch,
                                     int32_t epoch, int32_t *ret_epoch, int64_t *ret_end) MUST_USE;

/*
 * DeleteRecords (KIP-107): the leader's log begins at `offset`, or at the high watermark if it is OFFSET_HIGH_WATERMARK.
 * ret_offset: where it is to begin. OFFSET_OUT_OF_RANGE (negative, or above the high watermark), POLICY_VIOLATION (the
 * topic's cleanup.policy has no `delete`), NOT_LEADER_OR_FOLLOWER and the like. Files go with the next retention.
 */
#define OFFSET_HIGH_WATERMARK (-1)
enum kafka_error partition_delete_records(struct partition *, int64_t offset,
                                          int64_t *ret_offset) MUST_USE;
/* The smallest log start of all living replicas; -1: one has not told it. The part (a consumer's, zeroed before the first
 * use) notes what was seen, so that partition_watch tells of what comes later. */
enum kafka_error partition_low_watermark(struct partition *, struct fetch_part *,
                                         int64_t *ret_low) MUST_USE;

/* What the log knows of one producer (DescribeProducers, KIP-664). */
struct partition_producer {
    int64_t id;
    int64_t last_timestamp_ms;
    int64_t txn_first_offset; /* -1: no open transaction */
    int32_t last_sequence;    /* -1: no batch in this epoch */
    int32_t coordinator_epoch;
    int16_t epoch;
};
/* Up to `room` of them, of a leader or a follower: start with *at = 0, fewer than room at the end. */
enum kafka_error partition_producers(struct partition *, uint32_t *at, uint32_t room,
                                     struct partition_producer *ret_producers,
                                     uint32_t *ret_count) MUST_USE;

struct partition_facts {
    bool leader;
    bool online;
    int32_t leader_epoch;
    int64_t log_start;
    int64_t log_end;
    int64_t durable_end;
    int64_t high_watermark;
    int64_t bytes;
    /* Grows when records that were readable here as committed are cut off again (an unclean election elsewhere, a restart of
     * the log): whoever keeps what it read starts anew. */
    uint64_t rewinds;
    struct uuid dir;
};
void partition_facts(struct partition *, struct partition_facts *ret_facts);

#endif
