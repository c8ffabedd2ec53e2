/*
 * The replicas that one broker hosts: its log directories, the table of its partitions, and everything that goes on without
 * a client: opening and recovery, following leaders, syncs, checkpoints, retention, deletion (docs/RULES.md).
 *
 * Threads. Everything here is called on the control loop (or before it runs), except partitions_find_*: those may be called
 * from every thread, and hold what they return. The table behind them is one map behind one lock that is held for a look-up
 * and nothing else (25 ns; no monitor is entered inside), so a partition is found until the table drops it and lives until
 * its last holder has.
 *
 * Life: partitions_open (blocking) -> register with what partitions_dir tells -> partitions_start when the loops run ->
 * partitions_cluster once the cluster id is known -> partitions_apply for the first image that holds this incarnation's
 * registration (not before: an older image may lack or misplace what is here), then for each later one ->
 * partitions_stop, `stopped` follows -> partitions_close after the loops were joined.
 *
 * Files of a log directory: .lock, meta.properties, boot-id (the kernel's boot id while in use), .kafka_cleanshutdown, three
 * offset checkpoints, and a folder for each partition. A folder of another topic id, or of a partition that is not ours any
 * more at the first apply, is renamed `-stray` and left alone. Deleted ones are renamed `-delete` and removed.
 */
#ifndef ODRADEK_PARTITION_TABLE_H
#define ODRADEK_PARTITION_TABLE_H

#include "broker/partition/partition.h"
#include "broker/replica/replica.h"
#include "common/base/limits.h"
#include "common/meta/image.h"
#include "common/port/net.h"

struct trace;
struct partitions;

#define REACTORS_MAX 64

enum dir_state { /* as proto DirState */
                 LOG_DIR_CLEAN,
                 LOG_DIR_CRASHED_THIS_BOOT,
                 LOG_DIR_CRASHED_OTHER_BOOT,
                 LOG_DIR_NEW,
};

/* All on the control loop. Nothing here may call back into partitions_apply or partitions_stop. */
struct partitions_events {
    void *ctx;
    /* Resolves a topic's settings. */
    void (*settings)(void *ctx, const struct meta_image *, const struct meta_topic *,
                     struct partition_settings *ret_settings);
    /* The leader asks the controller for another in-sync set (AlterIsr). Answer with partitions_isr_answer, with
     * KAFKA_REQUEST_TIMED_OUT if nothing was heard; `ask` is valid during the call. */
    void (*ask_isr)(void *ctx, struct uuid topic, int32_t index, const struct replica_isr_ask *ask);
    /* The image, of this partition epoch, says that a replica lies in one of our directories, and it is not there (ReplicasLost). Told
     * once an image that says so; it is created when the image shows it without a directory. */
    void (*lost)(void *ctx, struct uuid topic, int32_t index, int32_t partition_epoch);
    /* A replica is there and cannot be read through (ReplicasRotten), by the image of this leader epoch. Told with each apply until
     * the image shows it without a directory; then it is set aside, and made anew. May be NULL. */
    void (*rotten)(void *ctx, struct uuid topic, int32_t index, int32_t leader_epoch);
    /* A replica lies here, its folder is on disk (AssignDirs). Told again with each apply until the image shows it; until
     * then nothing that the replica has counts. */
    void (*assigned)(void *ctx, struct uuid topic, int32_t index, struct uuid dir);
    /* The whole log of a replica whose topic has durability=disk, in the image with that partition epoch, is on disk, and the
     * image does not show it as synced (ReplicasSynced). May be NULL. */
    void (*synced)(void *ctx, struct uuid topic, int32_t index, int32_t partition_epoch);
    /* A directory has failed: it is offline for good (Heartbeat.offline_dirs). */
    void (*dir_failed)(void *ctx, struct uuid dir);
    /* There was no memory for a partition that is to be hosted: an image is to be applied again, whole, after a while. The first
     * apply is not over until there was. May come inside partitions_apply, and may be NULL. */
    void (*again)(void *ctx);
    /* All partitions of the first apply are open (or offline), lost ones are told: the broker may ask to be unfenced. May
     * come inside partitions_apply. */
    void (*ready)(void *ctx);
    /* After partitions_stop: everything is on disk. */
    void (*stopped)(void *ctx);
};

struct partitions_config {
    struct host *host;
    struct loop *control;
    struct loop *reactors[REACTORS_MAX];
    uint32_t reactor_count;
    const struct trace *trace;
    const struct crc32c_impl *crc;
    struct hash_key hash_key;
    int32_t broker_id;
    const char *dirs[LOG_DIRS_MAX]; /* log.dirs; made if they are not there */
    uint32_t dir_count;
    const char *listener;           /* inter.broker.listener.name */
    time_ms lag_time_max_ms;        /* replica.lag.time.max.ms, 30000 */
    time_ms producer_expiration_ms; /* producer.id.expiration.ms, 86400000 */
    time_ms checkpoint_ms;     /* log.flush.offset.checkpoint.interval.ms; 5000 is a good value */
    time_ms retention_ms;      /* log.retention.check.interval.ms, 300000 */
    time_ms fetch_wait_max_ms; /* replica.fetch.wait.max.ms, 500 */
    time_ms fetch_timeout_ms;  /* replica.socket.timeout.ms; 0: 30000 */
    time_ms fetch_rest_max_ms; /* replica.fetch.backoff.ms; 0: 500 */
    int32_t fetch_bytes_min;   /* replica.fetch.min.bytes; 0: 1 */
    int32_t fetch_bytes_max;   /* replica.fetch.response.max.bytes, 10485760 */
    int32_t fetch_partition_bytes_max; /* replica.fetch.max.bytes, 1048576 */
    int64_t
        unsynced_bytes_max; /* per log dir: above it answers wait for a sync; 64 MiB is a good value */
    int64_t reserve_bytes; /* log.dir.reserve.bytes; 0: none */
    struct partitions_events events;
};

/* Blocking. Takes the directories and reads what they say. One that cannot be read or written is offline from the start, as
 * long as another is good. ret_sentence: what is wrong, for the operator (static or in
 * `sentence`). ERR_LOCKED, ERR_FOREIGN (another node's directory), ERR_MALFORMED, ERR_IO, ERR_NO_MEMORY. */
err_t partitions_open(const struct partitions_config *, char *sentence, size_t sentence_room,
                      struct partitions **ret_partitions) MUST_USE;

struct log_dir_facts {
    struct uuid id;
    enum dir_state state;
    bool this_boot; /* it was in use in this boot before, however it was left */
    bool online;
    const char *path;
};
uint32_t partitions_dir_count(const struct partitions *);
struct log_dir_facts partitions_dir(const struct partitions *, uint32_t i);
/* Space of the devices behind the log directories, looked up on the pool: `mail` comes, once. */
struct dirs_space {
    struct mail mail; /* deliver: the caller's */
    struct loop *loop;
    /* The answer, in the order of partitions_dir; -1: offline, or not told. */
    struct {
        int64_t total_bytes;
        int64_t usable_bytes;
    } dirs[LOG_DIRS_MAX];
    /* own */
    struct partitions *table;
    struct disk_job job;
};
/* Any thread that has a loop. */
void partitions_space(struct partitions *, struct dirs_space *);
/* The cluster id that the directories know; empty: none yet. */
const char *partitions_cluster_id(const struct partitions *);
/* Broker epoch of the last registration that ended cleanly in every directory; -1. */
int64_t partitions_previous_epoch(const struct partitions *);

/* On the control loop, before anything below. */
void partitions_start(struct partitions *);

/* The cluster that this broker has registered with, and its epoch there (also after each new registration). Blocking (it
 * writes small files when the id is new); a directory that does not take them fails. ERR_FOREIGN: the directories belong to
 * another cluster. */
err_t partitions_registered(struct partitions *, struct slice cluster_id,
                            int64_t broker_epoch) MUST_USE;

/* The image moved: `changes` is what differs from the image of the last call, NULL: look at everything. The image is only
 * read during the call. */
void partitions_apply(struct partitions *, const struct meta_image *, const struct meta_changes *);

/* The controller's answer to the request `ask_number`; with KAFKA_NONE the partition's new state. */
struct partition_isr_answer {
    uint64_t ask_number;
    enum kafka_error error;
    int32_t leader_epoch;
    int32_t partition_epoch;
    uint32_t isr_count;
    int32_t isr[REPLICAS_MAX];
};
void partitions_isr_answer(struct partitions *, struct uuid topic, int32_t index,
                           const struct partition_isr_answer *);

/* Any thread. The partition, held, or NULL: not hosted here. */
struct partition *partitions_find(struct partitions *, struct uuid topic, int32_t index) MUST_USE;
struct partition *partitions_find_named(struct partitions *, struct slice topic,
                                        int32_t index) MUST_USE;

/* Every hosted partition, one after the other, held: start with *at = 0; NULL at the end. Any thread. One that comes or goes
 * meanwhile may be missed. */
struct partition *partitions_next(struct partitions *, uint32_t *at) MUST_USE;

/* Closes all in order: waiting tickets get NOT_LEADER_OR_FOLLOWER, logs are synced and closed, checkpoints written, the clean
 * marker last. `stopped` follows. */
void partitions_stop(struct partitions *);
/* The same without writing anything, as a crash would leave it: for a node that cannot go on. */
void partitions_abandon(struct partitions *);
/* Loops are joined, nobody holds a partition, and `stopped` has come if they ever ran. */
void partitions_close(struct partitions *);

#endif
