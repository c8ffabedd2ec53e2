/*
 * Replica: the pure core of one partition replica on one broker. It decides what is appended, truncated, acknowledged,
 * shown to readers and asked of the controller; the shell (broker/partition) carries it out inside its monitor.
 *
 * Record bytes never enter; batches are seen as receipts. All offsets are log offsets, an "end" is the offset behind the
 * last record. Times named `now` are monotonic milliseconds.
 *
 * Life: replica_init, then the log's facts: LOAD, PRODUCER*, REPLAY*, LOADED; then VIEW, again with each change of the
 * partition in the metadata image; STOP ends it (replica_release at any time). Events in a wrong state are our bug
 * (assert), except those that come from the network or cross a change of role: they are answered or dropped.
 *
 * Order: the actions of a step are carried out in list order before the monitor takes the next event, log actions (WRITE,
 * APPEND, TRUNCATE, RESTART, SET_LOG_START) synchronously. When one fails, the shell drops the rest of the list and steps
 * STOP{KAFKA_STORAGE_ERROR, failed_ticket}: nothing of a dropped list has been promised to anyone.
 * `more` set: the list was full; step MORE before any other event. All state has moved already, only ACKs are left.
 *
 * Rules: KIP-101, KIP-279, KIP-320 and KIP-595 (truncation by epochs, found on fetch), KIP-903 (broker epochs), KIP-966
 * (high watermark over the maximal ISR, not below min ISR), KIP-98 and KIP-360 (idempotence). Beyond Kafka, with
 * durability DISK every end that counts for the high watermark is an fsynced one, the leader's own included; and no end
 * counts before the image knows the directory that it lies in, the leader's own neither.
 */
#ifndef ODRADEK_REPLICA_REPLICA_H
#define ODRADEK_REPLICA_REPLICA_H

#include "broker/replica/batch_receipt.h"
#include "broker/replica/epoch_cache.h"
#include "broker/replica/producer_table.h"
#include "common/base/list.h"

#define NO_BROKER             (-1)
#define NO_TICKET             0u
/* A fetcher that does not tell its high watermark (it is never told news of it early). */
#define HIGH_WATERMARK_UNTOLD INT64_MAX

/* How long an ISR request rests before it is asked again: lost or refused; the controller knows a newer partition. */
#define REPLICA_ISR_RETRY_MS    50
#define REPLICA_ISR_STALE_MS    1000
/* A new high watermark rides on the next records to the followers; on an idle partition it is sent after this long. */
#define REPLICA_NEWS_DELAY_MS   5
/* How often idle producers are looked for (Kafka: 10 minutes). */
#define REPLICA_EXPIRY_CHECK_MS 600000

#define REPLICA_ACTIONS_MAX 64

enum replica_role {
    REPLICA_LOADING,  /* the log's facts are coming in */
    REPLICA_IDLE,     /* no leader known */
    REPLICA_FOLLOWER, /* fetches from view.leader */
    REPLICA_LEADER,
    REPLICA_STOPPED, /* deleted, offline or shut down: for good */
};

enum replica_durability {
    REPLICA_PAGECACHE, /* an end counts once it is written */
    REPLICA_DISK,      /* an end counts once it is fsynced */
};

struct replica_config {
    int32_t self_id;
    time_ms producer_expiration_ms; /* producer.id.expiration.ms */
    struct hash_key hash_key;       /* secret of the node, for its maps */
};

/* One assigned replica, as the metadata image knows its broker. */
struct replica_member {
    int32_t id;
    int64_t broker_epoch; /* of its current registration */
    /* Registered, unfenced, not in controlled shutdown, its directory online (KIP-903). */
    bool eligible;
    /* Its directory does not stand in the image yet (a replica that was just created): nothing that it has counts, for a
     * directory that is emptied now would be made anew, empty, by a member of the ISR that nobody could tell from this. */
    bool unplaced;
};

/* The partition in a metadata image. */
struct replica_view {
    int32_t leader; /* NO_BROKER: none */
    int32_t leader_epoch;
    int32_t partition_epoch;
    uint32_t member_count;
    uint32_t isr_count;
    struct replica_member members[REPLICAS_MAX]; /* distinct; self is one of them */
    int32_t isr[REPLICAS_MAX];                   /* distinct ids of members */
    /* Of this process's own registration, -1 before it: an image that still shows an earlier incarnation never makes it
     * lead, with a log that may be shorter now. */
    int64_t self_broker_epoch;
    int32_t min_isr; /* effective: min(min.insync.replicas, replication factor), >= 1 */
    enum replica_durability durability;
    time_ms lag_time_max_ms; /* replica.lag.time.max.ms */
};

/* A batch set received by fetch, or why there is none. Everything is as the leader said; nothing is trusted. */
struct replica_fetched {
    /* The question, echoed from the fetch plan: an answer to what would not be asked any more is dropped. */
    int32_t leader_epoch;
    int64_t fetch_offset;
    int32_t last_fetched_epoch;
    /* The answer. */
    enum kafka_error error;
    int64_t high_watermark;   /* -1: not told */
    int64_t log_start_offset; /* -1: not told; told with OFFSET_OUT_OF_RANGE too */
    int32_t diverging_epoch;  /* NO_EPOCH: logs agree so far */
    int64_t diverging_end;
    uint32_t receipt_count;
    const struct batch_receipt *receipts; /* checked batches in order; borrowed for the step */
    /* The topic is not compacted, so each batch begins where the one before ends: no checksum covers where it says that. */
    bool whole;
    /* The question was one for producers (plan.producers_below); the answer told them (a leader of an older version does not). */
    bool producers_asked;
    bool producers_told;
    uint32_t producer_count;
    const struct producer_entry *producers; /* borrowed for the step */
};

struct replica_follower_fetch {
    int32_t replica_id;
    int64_t broker_epoch;         /* -1: not told; then it does not count */
    int32_t current_leader_epoch; /* must be told */
    int64_t fetch_offset;
    int32_t last_fetched_epoch; /* NO_EPOCH: not told */
    int64_t durable_offset;     /* -1: not told; then fetch_offset is an fsynced end */
    int64_t high_watermark;     /* the newest it knows; HIGH_WATERMARK_UNTOLD */
    int64_t log_start;          /* where its log begins; -1: not told */
    /* It asks who wrote what was deleted below: until it is told, nothing that it has counts. */
    bool asks_producers;
};

enum replica_event_kind {
    /* The log's facts. `load`: the shell fsynced what it recovered before it tells log_end. */
    REPLICA_LOAD,
    REPLICA_PRODUCER, /* a line of the producer snapshot; also while rebuilding */
    REPLICA_REPLAY,   /* a batch behind that snapshot, in log order; also while rebuilding */
    REPLICA_LOADED,   /* that was all; also ends a rebuild, and answers NOTE_PRODUCERS */
    REPLICA_VIEW,
    REPLICA_STOP,
    /* One client batch (Produce carries exactly one per partition), or a coordinator's. */
    REPLICA_PRODUCE,
    REPLICA_FORGET,  /* the shell has answered this ticket itself (time-out, connection gone) */
    REPLICA_DURABLE, /* an fsync has ended: the whole log below `end` is on disk */
    /* A follower's fetch has come. Its READ action says what to answer; parked, it is judged again by replica_read. */
    REPLICA_FOLLOWER_FETCH,
    REPLICA_FETCHED,
    REPLICA_ISR_ANSWER,
    REPLICA_LOG_START, /* retention or DeleteRecords removed what is below; never above the high watermark */
    REPLICA_TICK,
    REPLICA_MORE,
};

struct replica_event {
    enum replica_event_kind kind;
    time_ms now;
    union {
        struct {
            /* <= log_end: a log that lost even what lay at its start begins anew there. */
            int64_t log_start;
            int64_t log_end;
            int64_t high_watermark; /* the checkpoint's hint; 0 if there is none */
            uint32_t epoch_count;
            const struct epoch_entry
                *epochs; /* leader-epoch-checkpoint; lost: replay the whole log. Borrowed */
        } load;
        struct producer_entry producer;
        struct batch_receipt replay;
        /* LOADED, of an opening or a rebuild: who wrote what was deleted below the log's start is not told by any snapshot. */
        bool producers_missing;
        const struct replica_view *view; /* borrowed for the step */
        struct {
            enum kafka_error
                error; /* what waiting tickets are told: NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR, ... */
            uint64_t
                failed_ticket; /* whose WRITE failed, or NO_TICKET: told as well, unless acks = 0 */
        } stop;
        struct {
            uint64_t ticket; /* NO_TICKET only with acks = 0 */
            int16_t acks;    /* 0, 1, -1 */
            bool internal;   /* a coordinator's batch: no sequence checks */
            struct batch_receipt receipt;
        } produce;
        uint64_t forget; /* ticket */
        struct {
            int64_t end;
            uint32_t
                cut; /* as the SYNC action said: a sync begun before a truncation proves nothing after it */
        } durable;
        struct replica_follower_fetch follower_fetch;
        struct replica_fetched fetched;
        struct {
            uint64_t ask; /* number of the request */
            enum kafka_error error;
            int32_t leader_epoch; /* from here: only with KAFKA_NONE */
            int32_t partition_epoch;
            uint32_t isr_count;
            int32_t isr[REPLICAS_MAX];
        } isr_answer;
        int64_t log_start;
    };
};

/* What a reader may have; also the verdict on a follower's fetch. */
struct replica_read {
    enum kafka_error error; /* not NONE: nothing below but log_start is meant */
    bool at_once;           /* do not park: an error, a divergence, or news of the high watermark */
    int32_t diverging_epoch; /* NO_EPOCH: none; else answer this and no records */
    int64_t diverging_end;
    int64_t end; /* records below this may be read */
    int64_t high_watermark;
    int64_t last_stable_offset;
    int64_t log_start;
};

struct replica_isr_ask {
    uint64_t number; /* echoed in ISR_ANSWER */
    int32_t leader_epoch;
    int32_t partition_epoch;
    int32_t
        min_isr; /* by which the high watermark moves now: who leaves has what was acknowledged only below it */
    uint32_t count;
    struct {
        int32_t id;
        int64_t broker_epoch;
    } isr[REPLICAS_MAX];
};

enum replica_action_kind {
    /* Stamp base offset and epoch into the batch of this step's PRODUCE and append it. */
    REPLICA_WRITE,
    /* Answer a ticket, once. With acks = 0 only errors are told, so that the shell can close the connection. */
    REPLICA_ACK,
    REPLICA_SYNC,           /* fsync the whole log up to `end`, then DURABLE{end, cut} */
    REPLICA_APPEND,         /* append the first `count` batches of this step's FETCHED */
    REPLICA_TRUNCATE,       /* cut the log to `to` */
    REPLICA_RESTART,        /* throw the whole log away; it continues empty at `at` */
    REPLICA_SET_LOG_START,  /* records below may go */
    REPLICA_EPOCHS_CHANGED, /* write leader-epoch-checkpoint from replica_epochs */
    /* Producers are not known any more: newest snapshot <= `to` as PRODUCER, what follows below `to` as REPLAY, LOADED. */
    REPLICA_REBUILD,
    /* The leader told who wrote what is deleted: write a snapshot of them for the log's start, then LOADED. Nothing is
     * fetched before that, so that whoever is in sync knows them after any crash. */
    REPLICA_NOTE_PRODUCERS,
    /*
     * Send actions->ask to the controller; each request gets one ISR_ANSWER, be it REQUEST_TIMED_OUT. The way there must
     * keep the order: a request that was given up must never be carried out after a later one has been answered (one
     * connection a broker; the controller closes the older one unread when a newer one greets). Otherwise a late request
     * could let a broker in for which the high watermark does not wait any more.
     */
    REPLICA_ASK_ISR,
    /* actions->read is the verdict on this step's FOLLOWER_FETCH: answer if at_once, or if end is above its fetch offset;
     * park it otherwise. */
    REPLICA_READ,
    /* replica_fetch_plan has changed: fetch now, even if a fetch is parked at the leader when it is urgent. After each
     * FETCHED the shell asks for the plan by itself. */
    REPLICA_FETCH,
    REPLICA_WAKE_FOLLOWERS, /* judge parked follower fetches again */
    REPLICA_WAKE_CONSUMERS, /* judge parked consumer fetches again: the high watermark or the role moved */
    /* The leader's answer was an error or breaks the rules: log it, rest a moment, fetch again. */
    REPLICA_BAD_FETCH,
    /* It cannot go on (memory is out, or the log is ahead of the cluster's epochs) and is STOPPED; load it again later. */
    REPLICA_HALT,
};

struct replica_action {
    enum replica_action_kind kind;
    union {
        struct {
            uint64_t ticket;
            int64_t base_offset;
            int32_t leader_epoch;
        } write;
        struct {
            uint64_t ticket;
            enum kafka_error error;
            bool duplicate; /* nothing was written: base offset and timestamp are the original's */
            int64_t base_offset;      /* -1 with an error */
            int64_t max_timestamp_ms; /* of the batch in the log; -1 with an error */
        } ack;
        struct {
            int64_t end;
            uint32_t cut;
        } sync;
        uint32_t append_count;
        int64_t truncate_to;
        struct {
            int64_t at;
            int64_t log_start; /* >= at: may lie inside the batch that begins at `at` */
        } restart;
        int64_t set_log_start;
        int64_t rebuild_to;
        struct {
            bool urgent; /* the leader waits for this: the durable end moved */
        } fetch;
        enum kafka_error bad_fetch;
    };
};

struct replica_actions {
    uint32_t count;
    bool more;
    struct replica_action list[REPLICA_ACTIONS_MAX];
    struct replica_isr_ask ask; /* with ASK_ISR */
    struct replica_read read;   /* with READ */
};

#define TIME_LONG_AGO INT64_MIN

/* What the leader knows of a follower, from fetches in this leader epoch only. */
struct replica_progress {
    int64_t end; /* its fetch offset; NO_OFFSET: nothing known */
    /* The largest of them. A late fetch may tell less, and is believed for safety. */
    int64_t best_end;
    int64_t durable;      /* what it told, or NO_OFFSET */
    int64_t broker_epoch; /* of the incarnation that fetched; counts while it is the member's */
    /* An end of ours that it has not reached yet, and when that was our end. It stays until it is reached: a follower that
     * fetches ahead of its disk asks many times before its durable end gets to where ours was. */
    int64_t mark_end;
    time_ms mark_ms;
    time_ms caught_up_ms; /* newest time at which it had everything; TIME_LONG_AGO: never */
    int64_t known_high_watermark;
    int64_t log_start; /* where its log begins; NO_OFFSET: not told */
};

enum replica_isr_state {
    ISR_SETTLED,
    ISR_ASKED, /* in flight */
    ISR_RESTING, /* lost, or answered in a way that leaves open whether it was done: the same is asked again */
};

struct replica_leading {
    int64_t epoch_start;                            /* our end when this leadership began */
    struct replica_progress progress[REPLICAS_MAX]; /* parallel to view.members */
    struct list waiters;                            /* struct waiter, by the end they wait for */
    enum replica_isr_state isr_state;
    uint32_t isr_proposed; /* members, as bits; unless settled */
    uint64_t isr_ask;      /* number of the newest request */
    /* Resting: when to ask again. Settled: not before. */
    time_ms isr_at_ms;
    /* Member that was proposed last: the next expansion begins behind it. */
    uint32_t isr_last;
    /* When the next follower has been behind for too long, or TIME_NEVER. */
    time_ms lag_at_ms;
    /* When followers are told the high watermark without records, or TIME_NEVER. */
    time_ms news_at_ms;
    /* It has not moved since: who fetches without knowing it is told at once. */
    bool news_due;
};

struct replica {
    struct heap *heap;
    struct replica_config config;
    enum replica_role role;
    struct replica_view view; /* leader_epoch -1 before the first */
    uint32_t isr;             /* committed, members as bits */
    int64_t log_start;
    int64_t log_end;
    int64_t durable_end; /* <= log_end */
    int64_t sync_asked;  /* end of the newest SYNC since the last cut */
    uint32_t cut;        /* truncations and restarts so far */
    int64_t high_watermark;
    struct epoch_cache epochs;
    struct producer_table producers;
    /* false: a rebuild is under way, or what the leader told is being noted. */
    bool producers_ready;
    /* Who wrote what was deleted below log_start is to be asked for; a log that begins at 0 has nothing below. */
    bool producers_missing;
    bool halted;                 /* memory ran out while loading */
    enum kafka_error stop_error; /* what STOPPED answers */
    time_ms expiry_at_ms;
    uint64_t asks; /* ISR requests numbered so far */
    /* Of the leadership in which it had to begin anew: the set that its high watermark waited for. count 0: it led nothing. */
    struct replica_isr_ask before;
    bool acks_left;                 /* `more` was set: MORE must be next */
    struct list done;               /* struct waiter: judged, to be acknowledged */
    struct replica_leading leading; /* role LEADER only */
};

void replica_init(struct replica *, const struct replica_config *, struct heap *);
/* producer.id.expiration.ms changed at run time; it counts from the next look at idle producers on. */
void replica_expire_producers_after(struct replica *, time_ms);
/* Gives its memory back; tickets that still wait are not answered (STOP does that). */
void replica_release(struct replica *);
/* Back to LOADING, whatever it was: as after replica_init, but numbers of requests and of cuts go on, so that no late answer is
 * taken for one of the new life; and who leads on in the same epoch knows whom it may have let in. Every ticket must have been
 * answered (STOP, HALT). */
void replica_begin_anew(struct replica *);

void replica_step(struct replica *, const struct replica_event *, struct replica_actions *);

/* When TICK is due, or TIME_NEVER. */
time_ms replica_deadline(const struct replica *);

/* Invariants; asserts. */
void replica_check(const struct replica *);

/*
 * Queries. `current_leader_epoch` is what the client believes, or NO_EPOCH: FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH,
 * NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR or NONE.
 */
enum kafka_error replica_check_leader(const struct replica *,
                                      int32_t current_leader_epoch) MUST_USE;

struct replica_read_request {
    int32_t replica_id; /* NO_BROKER: a consumer, who reads below the high watermark */
    int32_t current_leader_epoch;
    int64_t fetch_offset;
    int32_t last_fetched_epoch; /* NO_EPOCH: not told */
    int64_t high_watermark;     /* followers: the newest they know */
    int64_t log_start;          /* followers: where their log begins; -1: not told */
    /* A consumer that may read from whoever hosts the partition (KIP-392), not only from the leader. */
    bool any_replica;
};
/* Bounds for a fetch, when it comes and again when it is woken; ret_read->error is also returned. */
enum kafka_error replica_read(const struct replica *, const struct replica_read_request *,
                              struct replica_read *ret_read);

/* ListOffsets latest: the high watermark; OFFSET_NOT_AVAILABLE while it may be stale (new leader, KIP-207). */
enum kafka_error replica_latest(const struct replica *, int32_t current_leader_epoch,
                                int64_t *ret_offset) MUST_USE;

/* An in-sync follower that a consumer could be sent to. */
struct replica_choice {
    int32_t broker;
    int64_t end;
    time_ms caught_up_ms; /* newest time at which it had everything */
};
/* KIP-392: followers in the in-sync set that hold the offset, as their leader knows; 0 of who does not lead. */
uint32_t replica_choices(const struct replica *, int64_t fetch_offset,
                         struct replica_choice ret_choices[REPLICAS_MAX]);

/* DeleteRecords: the smallest log start of all replicas that live (NO_OFFSET: one has not told it); only of a leader.
 * WAKE_CONSUMERS says that it may have moved. */
int64_t replica_low_watermark(const struct replica *);

/* OffsetForLeaderEpoch: the largest epoch <= `epoch` and its end; NO_EPOCH and NO_OFFSET when unknown. */
enum kafka_error replica_epoch_end(const struct replica *, int32_t current_leader_epoch,
                                   int32_t epoch, int32_t *ret_epoch, int64_t *ret_end) MUST_USE;

struct replica_fetch_plan {
    int32_t leader;
    int32_t leader_epoch;
    int64_t broker_epoch; /* ours */
    int64_t fetch_offset;
    int32_t last_fetched_epoch;
    int64_t durable_offset;
    int64_t high_watermark;
    int64_t log_start;
    /* log_start: the producers of what was deleted are asked for; NO_OFFSET. */
    int64_t producers_below;
};
/* What a follower asks its leader next; false: nothing is to be fetched now. */
bool replica_fetch_plan(const struct replica *, struct replica_fetch_plan *ret_plan) MUST_USE;

/* Entries of leader-epoch-checkpoint, oldest first; valid until the next step; may be NULL when there are none. */
const struct epoch_entry *replica_epochs(const struct replica *, uint32_t *ret_count);

/* The epoch under which the record at `offset` was written, NO_EPOCH: not known. A batch that says another one is rotten, for no
 * checksum covers that word. */
int32_t replica_epoch_at(const struct replica *, int64_t offset);

/* Producers for snapshots (they hold for log_end) and DescribeProducers: start with *at = 0; false at the end. */
bool replica_next_producer(const struct replica *, uint32_t *at, struct producer_entry *ret_entry);
/* As they were at `below`, of those who wrote there: for the snapshot at the log's start, and for who asks (producers_below). */
bool replica_next_producer_below(const struct replica *, uint32_t *at, int64_t below,
                                 struct producer_entry *ret_entry);

/* Whether a member is in the committed ISR. */
bool replica_in_isr(const struct replica *, int32_t broker_id);

#endif
