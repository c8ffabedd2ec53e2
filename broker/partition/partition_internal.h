/*
 * Inside the room. partition_step.c is the monitor: events in, actions carried out, the outbox drained. Around it:
 * partition_produce.c, partition_fetch.c, partition_offsets.c answer clients; partition_open.c, partition_chores.c and
 * dir_sync.c work on the pool; log_dir.c reads and writes a directory's own files; partition_table.c, table_apply.c,
 * table_upkeep.c and table_stop.c are the table on the control loop; fetcher*.c follow leaders from the reactors.
 *
 * Locks: of a partition (its monitor), of a directory (queue of syncs, answers held back), of the table (maps and peers).
 * No two at once.
 */
#ifndef ODRADEK_PARTITION_INTERNAL_H
#define ODRADEK_PARTITION_INTERNAL_H

#include "broker/partition/partition_table.h"
#include "common/base/map.h"
#include "common/base/mutant.h"
#include "common/log/meta_properties.h"
#include "common/log/producer_snapshot.h"
#include "common/port/clock.h"
#include "common/port/lock.h"
#include "common/port/memory.h"
#include "common/trace/trace.h"

#define PARTITION_HEAP_MAX ((size_t)1 << 30)
/* <log dir>/<topic>-<index> */
#define FOLDER_PATH_MAX    (LOG_DIR_PATH_MAX)
/* Syncs of one directory that run side by side: a journalling file system merges their commits. */
#define DIR_SYNCS_MAX      4
#define DIR_WORKERS        (2 * DIR_SYNCS_MAX)

enum partition_state {
    PARTITION_WAITS,   /* its folder's name is still taken by a partition that is being removed */
    PARTITION_OPENING, /* the pool has it to itself */
    PARTITION_OPEN,
    PARTITION_OFFLINE, /* its log cannot be trusted any more */
    PARTITION_CLOSING, /* the node stops; closed or being closed */
    PARTITION_DELETED,
};

/* What the drainer has to do, besides telling tickets and waits. */
enum outbox_flag {
    OUTBOX_SYNC = 1,
    OUTBOX_ASK = 2,
    OUTBOX_FETCH = 4,
    OUTBOX_TICK = 8,
    OUTBOX_CHORES = 16,
    OUTBOX_FAILED = 32,
    OUTBOX_PROVED = 64,
    OUTBOX_SYNC_SOON = 128,
    OUTBOX_ROTTEN = 256,
};

struct outbox {
    struct produce_ticket *tickets; /* oldest first */
    struct produce_ticket **tickets_end;
    struct fetch_wait *waits[32];
    uint32_t wait_count;
    uint32_t flags;
};

/* Work of one partition on the pool, one after the other in this order. */
enum chore {
    CHORE_OPEN = 1,
    CHORE_REBUILD = 2,
    CHORE_EPOCHS = 4,
    CHORE_TRIM = 8, /* snapshots beyond the end, after a truncation */
    CHORE_SNAPSHOT = 16,
    CHORE_CLOSE = 32,
    CHORE_DELETE = 64,
    CHORE_VERIFY = 128, /* a follower found a batch of ours bad */
    CHORE_REOPEN = 256, /* offline for a cause that may be over */
    CHORE_START =
        512, /* producers of records that are deleted: only a snapshot tells of them after a crash; NOTE_PRODUCERS */
};

/* What a folder and the checkpoints said about it, before it is opened. */
struct found_folder {
    struct list_node node;
    struct found_folder *same; /* another one of the same name, in another directory */
    uint32_t dir;
    struct uuid topic; /* none: no partition.metadata */
    int32_t index;
    char name[TOPIC_NAME_MAX + 1];
    int64_t recovery_point;
    int64_t log_start;
    int64_t high_watermark;
    bool used;
};

struct partition {
    struct partitions *table;
    atomic_uint refs;
    struct list_node node; /* in table->all; table lock */
    struct uuid topic;
    int32_t index;
    char name[TOPIC_NAME_MAX + 1];
    char folder[FOLDER_PATH_MAX + 1];
    struct log_dir *dir;
    struct loop *home; /* its ticks */
    struct lock *lock;
    struct mail bury;
    /* Set before it is opened. */
    struct log_known known;
    int64_t known_high_watermark;
    /* The control loop's. */
    bool first;       /* the first apply waits for it */
    bool removing;    /* its folder's name is still taken */
    struct uuid said; /* its directory as the image has it */
    bool alone_told;  /* that it is rotten and nobody else has everything */

    /* Inside the monitor. */
    struct heap heap;
    struct replica core;
    struct log *log; /* NULL unless open, offline or closing */
    struct partition_settings settings;
    struct replica_view view;
    struct outbox outbox;
    struct list followers; /* struct fetch_part: parked */
    struct list consumers;
    uint64_t follower_news;
    uint64_t consumer_news;
    uint64_t follower_told; /* all that are parked have asked since this news */
    uint64_t consumer_told;
    int64_t read_end; /* consumers were shown what lies below */
    uint64_t rewinds; /* ... and so often a part of that was cut off */
    int64_t unsynced_bytes;
    int64_t sync_end;       /* what the core wants synced */
    struct loop *sync_loop; /* a client's batch asks: at the end of what its loop is doing */
    struct mail sync_mail;
    int64_t prove_end;
    time_ms tick_at_ms;
    struct replica_isr_ask ask;
    int64_t verify_offset;
    time_ms verify_after_ms; /* not again before */
    uint32_t openings;       /* of its log, so far */
    time_ms again_at_ms;     /* offline: when it is opened again; TIME_NEVER: not by itself */
    time_ms again_ms;        /* the next rest before that */
    time_ms rested_ms;       /* when the newest rest began */
    int64_t active_base;     /* of the log, when the newest snapshot was asked for */
    int64_t saved_point;     /* recovery point that may be written while chores are open */
    int64_t saved_start;     /* the log's start, as the checkpoint says it */
    int64_t told_start;   /* the highest that it may say: one that was taken is perhaps written */
    int64_t closed_start; /* as saved_start, with closed_end */
    int64_t cut_to;     /* the log's lowest end since the newest trim: snapshots beyond are void */
    int64_t closed_end; /* after CHORE_CLOSE: all below is on disk; -1: not so */
    enum partition_state state;
    uint32_t chores;      /* enum chore */
    uint32_t chores_done; /* the job's own */
    bool view_known;
    bool start_due;  /* the snapshot for the newest start found no room: with the next checkpoint */
    bool epochs_due; /* the epoch file likewise */
    bool draining;
    bool syncing;
    /* An fsync of the whole log is to be reported: of what it had when that was first seen, by the image of that epoch. */
    bool prove_wanted;
    bool proving;
    bool proved_posted;
    int32_t prove_epoch;
    int32_t proved_epoch; /* the partition's, in the image that asked for it */
    bool sync_requested;  /* in the directory's queue, or on the way there */
    bool tick_posted;
    bool ask_posted;
    bool fetch_posted;
    bool fetch_urgent;
    bool chores_running; /* the job is out */
    bool rebuilding;
    /* What the leader told of producers is to be in a snapshot before anything else comes. */
    bool noting;
    bool rotten;  /* its log cannot be read through: table_apply.c has what follows */
    bool aside;   /* its folder is set aside, not removed */
    bool resting; /* the core may be ahead of the log: nothing that it says is written down */

    struct mail ask_mail;
    struct mail proved_mail;
    struct mail rotten_mail;
    struct mail fetch_mail;
    struct fetch_room *fetch_room; /* where that letter goes; whoever set fetch_posted */
    struct mail tick_mail;
    struct timer tick;
    struct disk_job chores_job;
    struct partition *sync_next; /* directory lock */
};

struct sync_worker {
    struct disk_job job;
    struct mail rest_mail; /* posted only while the table closes */
    struct log_dir *dir;
    bool busy; /* directory lock */
};

struct log_dir {
    struct partitions *table;
    char path[LOG_DIR_PATH_MAX + 1];
    struct meta_properties properties;
    enum dir_state state;
    struct disk_lock *disk_lock;
    uint32_t partitions; /* control loop */
    uint64_t checkpoint_sum;
    /* Folders that went, and how many of those the checkpoint files do not tell of any more: between the two, what they say of
     * a name may be said of another log. Begins with one: nobody knows what the last process left in them. */
    atomic_uint_fast64_t gone;
    atomic_uint_fast64_t gone_noted;
    bool failure_told;  /* control loop */
    bool space_told;    /* the job of dir_space.c */
    int64_t space_seen; /* control loop: space_left behind the last look */
    bool boot_noted;    /* its file boot-id tells this boot */
    bool same_boot;     /* ... and did so at the start */
    bool rewrite;       /* an fsync has failed in this boot: see log_known */
    bool unclean;       /* a log of it was not closed in order */
    struct mail fail_mail;
    atomic_bool fail_posted;
    struct mail pressure_mail;
    atomic_bool pressure_posted;
    atomic_bool offline;
    _Atomic int64_t space_left; /* bytes that may come until the reserve is touched, dir_space.c */
    _Atomic int64_t reserve;

    _Atomic int64_t unsynced_bytes;
    /* Inside its lock. */
    struct lock *lock;
    struct partition *queue;
    struct partition **queue_end;
    uint32_t syncs;
    struct sync_worker workers[DIR_WORKERS];
    struct produce_ticket *held;
    struct produce_ticket **held_end;
};

/* Where another broker listens for us. */
struct peer {
    struct net_address address;
    bool known;
};

struct fetch_room;

struct partitions {
    struct partitions_config config;
    struct host *host;
    struct heap heap; /* control loop */
    struct log_dir dirs[LOG_DIRS_MAX];
    uint32_t dir_count;
    char cluster_id[CLUSTER_ID_MAX + 1];
    int64_t broker_epoch; /* table lock */
    int64_t previous_epoch;
    struct list found; /* struct found_folder */
    struct map found_by_name;
    bool applied;         /* the first apply is over: what was found is hosted, or set aside */
    bool short_of_memory; /* of this apply: somebody is not hosted who should be */
    bool settings_moved;  /* of this apply: those of who is hosted may be others now */
    bool ready;
    bool stopping;
    atomic_bool closing_begun;
    bool finishing;
    bool abandoned;   /* nothing is written any more; set before closing begins */
    uint32_t opening; /* of the first apply */
    uint32_t closing; /* control loop */
    struct timer checkpoint_timer;
    struct timer retention_timer;
    struct disk_job checkpoint_job;
    struct timer space_timer;
    struct disk_job space_job;
    bool space_running;
    struct disk_job retention_job;
    bool checkpoint_running;
    bool retention_running;
    bool started;
    struct fetch_room *rooms[REACTORS_MAX];
    uint32_t rooms_open;
    /* Inside its lock. */
    struct lock *lock;
    struct heap map_heap;
    struct map by_id;   /* topic id, index */
    struct map by_name; /* name, index */
    struct map peers;   /* broker id -> struct peer */
    struct list all;    /* every partition not freed */
    struct list late;   /* table_late.c */
};

static inline time_ms partitions_now_ms(const struct partitions *table)
{
    return clock_mono_us(table->host) / 1000;
}

/* ---- partition_step.c ---- */

/* What an event brings besides itself, and what its actions bring back. */
struct step {
    struct replica_event event;
    struct produce_ticket *ticket; /* of PRODUCE */
    uint8_t *batch;
    size_t batch_bytes;
    const struct slice *batches; /* of FETCHED */
    bool answered;               /* the ticket was */
    enum kafka_error bad_fetch;
    struct replica_read read;
};

void partition_enter(struct partition *);
/* Leaves the monitor and carries out what has gathered in the outbox, unless somebody else is at it. */
void partition_leave(struct partition *);
/* Inside the monitor of an open partition: one event and all its actions. */
void partition_step(struct partition *, struct step *);
/* Inside: the log is not to be trusted any more. */
void partition_fail(struct partition *);
/* Inside: it cannot go on for now, but what it has on disk is not in doubt: offline, and opened again after a rest that grows. */
void partition_rest(struct partition *, const char *why);
/* Inside: what was written here does not come back, or not as it was written (ERR_CORRUPT, ERR_IO), twice asked. Those bytes are
 * not served; the controllers hear of it. offset -1: not known. */
void partition_rot(struct partition *, int64_t offset, err_t);
/* A follower has refused again and again what its leader has behind its end, by what no checksum covers. Where the leader finds nothing
 * wrong it is its own last batch whose epoch is not true. Who is in sync is counted on, and says nothing of itself. */
void partition_doubt(struct partition *);
/* Inside: the same, and nothing of it can be used. */
void partition_rot_offline(struct partition *, int64_t offset, err_t);
static inline bool err_is_unreadable(err_t err)
{
    return err == ERR_CORRUPT || err == ERR_IO;
}
/* Inside: everyone who waits is told `error`, the core is stopped, the state is `state`. */
void partition_halt(struct partition *, enum partition_state state, enum kafka_error error);
/* Inside: what a client is told while it is not open. */
enum kafka_error partition_closed_error(const struct partition *);
/* Inside: more work for the pool. */
void partition_chore(struct partition *, uint32_t chores);
/* Inside: wakes all that are parked. */
void partition_wake(struct partition *, bool followers, bool consumers);
/* Inside: what can be done now. */
static inline uint32_t partition_chores_due(const struct partition *p)
{
    return p->syncing ? p->chores & ~(uint32_t)(CHORE_CLOSE | CHORE_DELETE | CHORE_REOPEN)
                      : p->chores;
}
/* Inside: one up to sync_end, unless one is under way or asked for. The loop is that of the client being served, or NULL. */
void partition_request_sync(struct partition *, struct loop *);
/* Inside: goes on with proving that all is on disk, if that is wanted. */
void partition_prove(struct partition *);
void partition_tick_init(struct partition *);

/* ---- partition_open.c, partition_chores.c: on the pool ---- */

void partition_open(struct partition *);
struct batch_facts;
struct batch_receipt receipt_of(const struct batch_facts *);
/* Whether a batch of the log says the epoch under which it was written, as the core knows it: no checksum covers that word. */
bool partition_epoch_true(const struct partition *, const struct batch_facts *);
struct log_config partition_log_config(const struct partition *);
void partition_chores_init(struct partition *);
/* Outside of the monitor. */
void partition_chores_submit(struct partition *);

/* ---- partition_fetch.c ---- */
/* On the pool, outside: log_range_warm, twice where it is unreadable, and log_range_warmed. ERR_BUSY too where the log is closed
 * by now. The range is released unless OK. */
err_t partition_range_warm(struct partition *, struct log_range *, size_t scratch_bytes) MUST_USE;

/* ---- partition_producers.c ---- */

struct producer_lines {
    struct producer_line *list; /* NULL: out of memory */
    size_t count;
    size_t room; /* as allocated */
};
struct producer_entry producer_entry_of(const struct producer_line *);
/* Inside: as they were at `before`. */
struct producer_lines partition_copy_producers(struct partition *, struct heap *, int64_t before);
/* Inside, of a leader: answers a part that asks for them; with REQUEST_TIMED_OUT where there is no room now. */
void partition_tell_producers(struct partition *, struct fetch_part *, size_t bytes_max);
/* What that answer holds. */
err_t producers_decode(const struct partitions *, struct slice bytes, struct arena *,
                       struct producer_entry **ret_producers, uint32_t *ret_count) MUST_USE;

/* ---- partition_offsets.c ---- */
/* Inside: error of a log call in the protocol's words. */
enum kafka_error kafka_error_of_log(err_t);

/* ---- dir_sync.c ---- */

void dir_sync_init(struct log_dir *);
/* No job of it is under way. */
bool dir_sync_idle(struct log_dir *);
/* Inside the monitor: the sync has ended that was taken when the core had been cut so often. */
void partition_synced(struct partition *, struct log_sync *, uint32_t cut, err_t);
/* Outside of any lock: its log is to be synced. */
void dir_sync_queue(struct partition *);
/* The same once p->sync_loop has done what it is doing. */
void dir_sync_soon(struct partition *);
/* Holds an answer back until enough is synced; false: no need, answer. */
bool dir_hold(struct log_dir *, struct produce_ticket *);
/* true: it was held and is free now. */
bool dir_unhold(struct log_dir *, struct produce_ticket *);
/* Lets held answers go if there is room, or all of them. */
void dir_release_held(struct log_dir *, bool all);

/* ---- log_dir.c: blocking ---- */

err_t log_dir_open(struct partitions *, struct log_dir *, const char *path, char *sentence,
                   size_t room);
err_t log_dir_scan(struct partitions *, uint32_t i, char *sentence, size_t room);
/* An fsync in it has failed: whoever starts next without a boot in between must not believe the page cache. */
void log_dir_note_failed_sync(struct log_dir *);
err_t log_dir_set_cluster(struct log_dir *, const char *cluster_id);
/* The controllers know how the directory was left; from now on it is in use, and in this boot. */
err_t log_dir_note_use(struct log_dir *);
err_t log_dir_note_boot(struct log_dir *);
/* <dir>/<topic>-<index>; false: too long. */
bool folder_path(const struct log_dir *, const char *topic, int32_t index, const char *suffix,
                 char *out);
bool folder_parse(const char *folder, char *ret_topic, int32_t *ret_index);

/* ---- partition_table.c ---- */

struct partition *table_create(struct partitions *, struct uuid topic, struct slice name,
                               int32_t index, struct log_dir *, const struct found_folder *);
/* Takes it out of the maps: nobody finds it any more. */
void table_forget(struct partition *);
struct partition *table_next(struct partitions *, struct partition *after);
bool table_peer(struct partitions *, int32_t broker, struct net_address *ret_address);
int64_t table_broker_epoch(struct partitions *);

/* ---- table_apply.c ---- */

/* Control loop: a chores job has ended. */
void table_chores_done(struct partition *, uint32_t chores);
void table_ask(struct mail *);
void table_proved(struct mail *);
void table_rotten(struct mail *);
void table_dir_failed(struct log_dir *);

/* ---- table_upkeep.c, table_stop.c: control loop ---- */

void upkeep_start(struct partitions *);
/* Cancels what is due. true: nothing is under way; else upkeep_rested follows. */
bool upkeep_stop(struct partitions *);
void upkeep_rested(struct partitions *);

/* What the three checkpoints say of one partition. */
struct point {
    struct partition *p; /* held */
    struct log_recovery_point recovery;
    int64_t log_start;
    int64_t high_watermark;
    uint32_t opening; /* of the log that it was taken of */
    bool closed;
    bool kept; /* it is not open: what was known of it stays */
};
/* false: there is nothing to write of it. */
bool upkeep_point_take(struct point *);
/* It stands in the files. */
void upkeep_point_saved(const struct point *);

/* dir_space.c */
void dir_space_init(struct log_dir *);
void dir_space_start(struct partitions *);
void dir_space_used(struct log_dir *, int64_t bytes);
/* Leaders refuse. */
bool dir_space_short(struct log_dir *);
/* Followers wait. */
bool dir_space_gone(struct log_dir *);
/* Blocking: the three checkpoints of a directory. */
err_t checkpoint_dir(struct log_dir *);
/* One that was to be closed is. */
void table_closed(struct partition *);
void table_try_finish(struct partitions *);

/* ---- table_late.c: files and folders that go after file.delete.delay.ms; blocking ---- */

/* files: taken over; NULL: the folder. Any thread. */
void late_add(struct partitions *, struct log_doomed *files, const char *folder, time_ms delay_ms);
void late_run(struct partitions *);
/* At the end: segments go, folders stay for the next start. */
void late_forget(struct partitions *);

/* ---- fetcher.c ---- */

err_t fetch_rooms_open(struct partitions *);
void fetch_rooms_start(struct partitions *);
/* Ends all connections; table_rooms_stopped follows on the control loop. */
void fetch_rooms_stop(struct partitions *);
void fetch_rooms_close(struct partitions *);
/* Any thread: look at this partition's fetch plan. */
void fetcher_look(struct partition *);
void table_rooms_stopped(struct partitions *);

/* The partition's side of it. */
bool partition_plan_now(struct partition *, struct replica_fetch_plan *ret_plan, bool *ret_urgent);
enum kafka_error partition_fetched(struct partition *, const struct replica_fetched *,
                                   const struct slice *batches);

#endif
