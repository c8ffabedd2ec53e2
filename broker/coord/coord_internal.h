/*
 * Inside the room. coords.c is the table of shards and follows the image, gone.c remembers deleted topics, shard.c is the
 * monitor with its outbox, shard_look.c decides what a shard is for, shard_load.c reads the log, shard_memory.c counts, record.c
 * turns records to bytes and back, questions.c answers what changes nothing.
 *
 * A shard's life (loading, unloading, its timers) runs on its home loop; the core is stepped by whoever has a request.
 */
#ifndef ODRADEK_COORD_INTERNAL_H
#define ODRADEK_COORD_INTERNAL_H

#include "broker/coord/coord.h"
#include "common/base/buf.h"
#include "common/base/mutant.h"
#include "common/base/probe.h"
#include "common/codec/codec.h"
#include "common/port/clock.h"
#include "common/port/lock.h"
#include "common/port/memory.h"
#include "common/trace/trace.h"

#define SHARD_HEAP_MAX     ((size_t)2 << 30)
#define LOAD_CHUNK_BYTES   ((size_t)1 << 20)
/* While following: requests of the same loop come first. A chunk takes a millisecond or two, and thrice that is rest. */
#define FOLLOW_CHUNK_BYTES ((size_t)256 << 10)
#define FOLLOW_REST_SHARE  3
/* ... but as long as whole chunks are there to read: who has just come is likely to lead before it has read everything. */
#define FOLLOW_HASTE_SHARE 1
#define FOLLOW_REST_MIN_US 500
#define FOLLOW_REST_MAX_US 50000
/* From the first news to the look at it: what comes meanwhile costs nothing more. */
#define FOLLOW_NEWS_US     50000
/* What was kept could not be kept any longer: from then to the next try. */
#define FOLLOW_AGAIN_US    5000000
/* All shards together that are kept warm, so that they never take memory from those that are in use. */
#define FOLLOW_BYTES_MAX   ((size_t)512 << 20)
/* Waiting for the partition to be open, or for the high watermark: from one look to the next, twice as long each time. */
#define LOAD_AGAIN_US      5000
#define LOAD_AGAIN_MAX_US  500000
/* ... where only the high watermark is missing, which moves as soon as the followers have asked their new leader: clients wait. */
#define LOAD_WATERMARK_US  10000
/* After a write was lost: what it was lost for is likely to last. */
#define REST_US            100000

enum shard_state {
    SHARD_IDLE, /* not led here */
    SHARD_FOLLOWING, /* not led here: the core is kept near the high watermark, so that leading begins soon */
    SHARD_LOADING,
    SHARD_ACTIVE,
    SHARD_RESTING, /* a write was lost; loaded again soon */
};

enum call_state { CALL_FREE, CALL_CORE, CALL_DURABLE, CALL_TOLD };

/* A batch on its way to the log. */
struct coord_write {
    struct produce_ticket ticket;
    struct coord_write *next;
    struct coord_shard *shard;
    struct partition *partition; /* held */
    uint64_t load;
    uint64_t number;
    uint64_t gone; /* topics whose deletion was known when it was made */
    size_t bytes;
    uint8_t batch[];
};

/* Evaluations that wait or are under way. Each holds a copy of all topics' names: with many topics there is room for fewer. */
#define MATCHES_MAX       256
#define MATCHES_BYTES_MAX ((size_t)64 << 20)

/* Patterns of one group that are to be evaluated. */
struct coord_match {
    struct disk_job job;
    struct coord_match *next;
    struct coord_shard *shard;
    uint64_t load;
    struct arena arena;
    size_t bytes; /* of it, when it was asked for */
    struct slice group;
    int64_t version;
    const struct slice *names;
    uint32_t name_count;
    struct group_matched *items;
    uint32_t count;
    uint32_t at; /* the next to be evaluated */
    bool failed;
};

struct loader {
    bool on;
    bool follows;                /* has no end */
    struct partition *partition; /* held */
    int32_t epoch;               /* leading: of the leadership; else -1 */
    bool begun; /* what the core holds is the log from `start` to `offset`, as it was then */
    int64_t start;
    uint64_t rewinds;
    int64_t offset;
    bool drained; /* leading: somebody was at the outbox as it began, and may still be */
    bool bounded; /* leading: the end is known */
    int64_t end;
    uint64_t records; /* replayed since it leads, or follows */
    uint64_t kept;    /* before that */
    time_us started_us;
    struct fetch_part part;
    struct fetch_wait wait;
    bool warming;
    bool watching;
    uint8_t *chunk;
    size_t chunk_bytes;
    struct disk_job job;
    bool reading;
    err_t read_err;
    time_us pause_us;
    bool cancelled;
};

/* Where a shard's core takes its memory: counted, and bounded while it is only kept warm. */
struct shard_memory {
    struct memory_source source;
    struct coords *coords;
    size_t bytes;
    bool follows;
};

struct coord_shard {
    struct coords *coords;
    int32_t index;
    struct loop *home;
    struct lock *lock;

    /* Inside the monitor. */
    struct uuid topic;
    bool wanted; /* this broker leads the partition ... */
    int32_t wanted_epoch;
    uint64_t wanted_gone; /* topics that were deleted by then, or before what is committed since */
    uint64_t told_gone;   /* ... of which the core has been told: what it writes now is newer */
    bool hosted;          /* ... or has a replica of it */
    int32_t epoch;        /* of the load under way, or of what is loaded */
    bool look_posted;
    bool stopping;
    enum shard_state state;
    uint64_t load; /* counts loads: what belongs to an older one is void */
    struct shard_memory memory;
    struct heap heap;
    bool core_up;
    struct group_shard core;
    /* Of the last load: records that were read for it, those known from following, and how long it took. */
    uint64_t load_read;
    uint64_t load_kept;
    time_us load_us;
    struct partition *partition; /* held while ACTIVE */
    uint64_t durable;            /* writes up to here are committed */
    int64_t durable_offset;      /* ... and the newest of them lies there; -1: none of this load */
    struct list durables;        /* struct coord_call, by after_write */
    struct list told;            /* outbox: struct coord_call to be mailed */
    struct coord_write *writes;  /* outbox, oldest first */
    struct coord_write **writes_end;
    uint64_t sent_load;                  /* of the write that was handed to the log last ... */
    uint64_t sent;                       /* ... and its number */
    struct coord_match *matches;         /* outbox: patterns to be evaluated */
    uint32_t matching;                   /* evaluations that have not come back */
    struct coord_write *dropped;         /* to be freed outside */
    struct partition *partition_dropped; /* likewise */
    uint64_t pending;                    /* writes under way */
    time_ms progress_ms;                 /* when one of them ended, or the first of them was made */
    bool look_due;
    bool draining;
    time_ms tick_at_ms;
    bool tick_posted;

    /* The home loop's. */
    struct mail look_mail;
    struct mail tick_mail;
    struct timer tick;
    struct timer again;
    bool follow_rests; /* it is not tried again before the timer */
    struct loader loader;
    struct decoder decoder;
    struct heap decoder_heap;
    struct mail stopped_mail;
    bool stop_told;
};

struct shard_table {
    struct shard_table *older;
    struct uuid topic;
    uint32_t count;
    struct coord_shard shards[];
};

/* Deleted topics that are remembered. */
#define GONE_MAX 128

struct gone_topic {
    uint64_t number; /* it was the n-th to go; 0: none yet */
    bool back;       /* there is one of this name again */
    struct uuid id;
    size_t bytes;
    uint8_t name[TOPIC_NAME_MAX];
};

/* Those of one moment. */
struct gone_topics {
    uint64_t number; /* deleted so far */
    struct gone_topic items[GONE_MAX];
};

struct coords {
    struct coords_config config;
    struct shard_table *_Atomic table; /* NULL: the topic is not there */
    atomic_size_t follow_bytes;        /* of shards that are only kept warm */
    atomic_uint_fast64_t gone_number;  /* topics deleted so far */
    struct lock *gone_lock;            /* of the next; never inside a shard's monitor */
    struct gone_topic gone[GONE_MAX];  /* the last of them */
    int64_t _Atomic gone_version;      /* the newest image without a topic that was there; -1 */
    int64_t _Atomic topics_version;    /* the newest image that brought a topic */
    struct coord_match *_Atomic match_inbox;
    struct coord_match *match_queue; /* of whoever holds the turn */
    atomic_bool matching;            /* somebody holds it */
    atomic_uint matches;             /* that have not ended */
    atomic_size_t match_bytes;       /* of theirs */
    uint32_t stopping;
    bool stop_begun;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
};

/* --- coords.c --- */

/* NULL: no such topic. */
struct coord_shard *coords_shard(struct coords *, struct slice group_id);
/* Inside of a shard's monitor: what this image says of a topic may be over, as shards know by now. */
bool coords_outdated(const struct coords *, const struct meta_image *);

/* --- gone.c --- */

/* Control loop: topics went, or came back. */
void gone_apply(struct coords *, struct shard_table *, const struct meta_image *old,
                const struct meta_image *, const struct meta_changes *);
/* Outside of every monitor. */
void gone_copy(struct coords *, struct gone_topics *ret_copy);
/* Inside: the shard has begun just now, and none is newer than these. */
void gone_begin(struct coord_shard *, const struct gone_topics *);

/* --- shard_memory.c --- */

void shard_memory_init(struct shard_memory *, struct coords *);
/* While it follows it may be refused memory for the others' sake. */
void shard_memory_aim(struct shard_memory *, bool follows);

/* --- shard.c --- */

err_t shard_open(struct coord_shard *, struct coords *, struct uuid topic, int32_t index);
void shard_close(struct coord_shard *);
void shard_enter(struct coord_shard *);
/* Leaves the monitor and carries out what is in the outbox, unless somebody else is at it. */
void shard_leave(struct coord_shard *);
/* Inside, ACTIVE: one event and its actions. true: there is more of it, for the next write. */
bool shard_step(struct coord_shard *, struct group_event *);
/* Inside: all who wait are told `error`, the core is gone. */
void shard_drop(struct coord_shard *, enum shard_state, enum kafka_error);
/* Inside: the log has been read. */
void shard_begin(struct coord_shard *, struct partition *, const struct gone_topics *);
/* Inside: what a request is told while it is not ACTIVE. */
enum kafka_error shard_closed_error(const struct coord_shard *);
/* Inside: the answer in call->group is complete; it leaves now (true) or when that write is durable. */
bool shard_answer_after(struct coord_shard *, struct coord_call *, uint64_t after_write);
/* Inside: the home loop is to look at what is wanted. */
void shard_look(struct coord_shard *);
/* Inside: who does not lead any more, or under another epoch, knows nothing from now on. That does not wait for the home loop: when
 * that turns next this broker may lead again, and what is decided by what was known before would be taken by the log, behind what
 * another coordinator has stored there. */
void shard_yield(struct coord_shard *);

/* --- match.c --- */

/* Inside: what the core wants evaluated goes to the outbox. */
void match_take(struct coord_shard *, const struct group_actions *, const struct meta_image *);
/* Inside: takes one out; NULL: there is none. */
struct coord_match *match_next(struct coord_shard *);
/* Outside. */
void match_send(struct coord_match *);

/* --- shard_look.c: home loop --- */

void shard_on_look(struct mail *);
void shard_on_again(struct timer *);

/* --- shard_load.c: home loop --- */

/* Inside: an empty core, to be filled for what is wanted now. load_go follows, outside. */
void load_begin(struct coord_shard *, bool follows);
/* Inside: what is being read is for something else from now on. false: nothing is different. load_turn follows, outside. */
bool load_aim(struct coord_shard *, bool follows) MUST_USE;
void load_turn(struct coord_shard *);
void load_go(struct coord_shard *);
/* true: it is gone. false: something of it is under way, which looks again when it ends. */
bool load_cancel(struct coord_shard *) MUST_USE;

/* --- record.c --- */

/* One batch of these records behind what `out` holds. */
err_t records_encode(const struct crc32c_impl *, const struct group_record *, uint32_t count,
                     time_ms wall_ms, struct heap *, struct buf *out) MUST_USE;
/* Replays the records of whole batches at or above *offset, which moves behind the last. ERR_CORRUPT, ERR_MALFORMED, ERR_NO_MEMORY. */
err_t records_replay(struct coord_shard *, struct slice batches, int64_t *offset,
                     uint64_t *records) MUST_USE;

#endif
