/*
 * Inside the room. coords.c is the table of shards and follows the image, shard.c the monitor with its outbox, shard_load.c
 * reads the log, record.c turns records to bytes and back, questions.c answers what changes nothing.
 *
 * A shard's life (loading, unloading, its timers) runs on its home loop; the core is stepped by whoever has a request.
 */
#ifndef ODRADEK_COORD_INTERNAL_H
#define ODRADEK_COORD_INTERNAL_H

#include "broker/coord/coord.h"
#include "common/base/buf.h"
#include "common/base/mutant.h"
#include "common/codec/codec.h"
#include "common/port/clock.h"
#include "common/port/lock.h"
#include "common/port/memory.h"
#include "common/trace/trace.h"

#define SHARD_HEAP_MAX    ((size_t)2 << 30)
#define LOAD_CHUNK_BYTES  ((size_t)1 << 20)
/* Waiting for the partition to be open, or for the high watermark: from one look to the next, twice as long each time. */
#define LOAD_AGAIN_US     5000
#define LOAD_AGAIN_MAX_US 500000
/* After a write was lost: what it was lost for is likely to last. */
#define REST_US           100000

enum shard_state {
    SHARD_IDLE, /* not led here */
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
    size_t bytes;
    uint8_t batch[];
};

struct loader {
    bool on;
    struct partition *partition; /* held */
    int32_t epoch;
    bool begun; /* the bounds are known */
    int64_t offset;
    int64_t end;
    uint64_t records;
    time_us started_us;
    struct fetch_part part;
    struct fetch_wait wait;
    bool warming;
    uint8_t *chunk;
    size_t chunk_bytes;
    struct disk_job job;
    bool reading;
    err_t read_err;
    time_us pause_us;
    bool cancelled;
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
    int32_t epoch; /* of the load under way, or of what is loaded */
    bool look_posted;
    bool stopping;
    enum shard_state state;
    uint64_t load; /* counts loads: what belongs to an older one is void */
    struct heap heap;
    bool core_up;
    struct group_shard core;
    struct partition *partition; /* held while ACTIVE */
    uint64_t durable;            /* writes up to here are committed */
    struct list durables;        /* struct coord_call, by after_write */
    struct list told;            /* outbox: struct coord_call to be mailed */
    struct coord_write *writes;  /* outbox, oldest first */
    struct coord_write **writes_end;
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

struct coords {
    struct coords_config config;
    struct shard_table *_Atomic table; /* NULL: the topic is not there */
    struct heap heap;                  /* the control loop's */
    uint32_t stopping;
    bool stop_begun;
    void (*stopped)(void *ctx);
    void *stopped_ctx;
};

/* --- coords.c --- */

/* NULL: no such topic. */
struct coord_shard *coords_shard(struct coords *, struct slice group_id);

/* --- shard.c --- */

err_t shard_open(struct coord_shard *, struct coords *, struct uuid topic, int32_t index);
void shard_close(struct coord_shard *);
void shard_enter(struct coord_shard *);
/* Leaves the monitor and carries out what is in the outbox, unless somebody else is at it. */
void shard_leave(struct coord_shard *);
/* Inside, ACTIVE: one event and its actions. */
void shard_step(struct coord_shard *, struct group_event *);
/* Inside: all who wait are told `error`, the core is gone. */
void shard_drop(struct coord_shard *, enum shard_state, enum kafka_error);
/* Inside: the log has been read. */
void shard_begin(struct coord_shard *, struct partition *);
/* Inside: what a request is told while it is not ACTIVE. */
enum kafka_error shard_closed_error(const struct coord_shard *);
/* Inside: the answer in call->group is complete; it leaves now (true) or when that write is durable. */
bool shard_answer_after(struct coord_shard *, struct coord_call *, uint64_t after_write);
/* Inside: the home loop is to look at what is wanted. */
void shard_look(struct coord_shard *);

/* --- shard_load.c: home loop --- */

void shard_on_look(struct mail *);
void shard_on_again(struct timer *);

/* --- record.c --- */

/* One batch of these records behind what `out` holds. */
err_t records_encode(const struct crc32c_impl *, const struct group_record *, uint32_t count,
                     time_ms wall_ms, struct heap *, struct buf *out) MUST_USE;
/* Replays the records of whole batches at or above *offset, which moves behind the last. ERR_CORRUPT, ERR_MALFORMED, ERR_NO_MEMORY. */
err_t records_replay(struct coord_shard *, struct slice batches, int64_t *offset,
                     uint64_t *records) MUST_USE;

#endif
