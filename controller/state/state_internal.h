/*
 * Inside the decision core: what its files share.
 *
 *   state.c      images and soft state: accept, commit, replay, resign, deadline
 *   session.c    one broker's soft state
 *   decision.c   the list of records under construction, notes, texts; decide's table of commands
 *   world.c      the image as it will be: brokers and settings of a decision under way
 *   files.c      what holds where nobody set anything
 *   settle.c     what a partition must look like in a world: ISR, ELR, leader, epochs
 *   sweep.c      settles partition after partition, batch by batch
 *   raise.c      more replicas for the cluster's own topics, when more brokers are there
 *   decide_*.c   one file for each family of commands
 *   placement.c  which brokers get the replicas of a new partition
 *   check.c      invariants
 */
#ifndef ODRADEK_CONTROLLER_STATE_STATE_INTERNAL_H
#define ODRADEK_CONTROLLER_STATE_STATE_INTERNAL_H

#include "common/base/mutant.h"
#include "common/base/probe.h"
#include "controller/state/controller_state.h"

/* --- soft state --- */

#define SUSPICION_FENCES_MAX 8

struct controller_session {
    int32_t broker;
    time_ms contact_ms;   /* last heartbeat, or when we became active */
    int64_t reached;      /* metadata offset that its heartbeats told; -1: none yet */
    int64_t measured_end; /* newest offset at that heartbeat */
    bool was_caught_up;   /* it had reached all there was, last at caught_up_ms */
    time_ms caught_up_ms;
    int64_t shutdown_offset; /* others must have reached it before the broker may go; -1 */
    time_ms fenced_ms[SUSPICION_FENCES_MAX]; /* by suspicion: a ring of the newest */
    uint32_t fence_count;                    /* ever */
};

enum note_kind {
    NOTE_NEW_ACTIVE = 1,
    NOTE_CONTACT,    /* value: metadata offset reached */
    NOTE_REGISTERED, /* a new incarnation: nothing of the old one's session holds */
    NOTE_SUSPECTED,  /* fenced by suspicion */
    NOTE_SHUTDOWN,   /* may go once others passed the batch that took its leaderships away */
    NOTE_GONE,
    NOTE_SLEPT, /* value: for how long, so that sessions last longer by as much (at most by one session) */
    NOTE_BALANCED,
    NOTE_RAISED, /* value: so many partitions copy a replica, and others wait for them; 0: nothing waits */
};

struct decision_note {
    enum note_kind kind;
    int32_t broker;
    int64_t value;
};

const struct controller_session *session_find(const struct controller_state *, int32_t broker);
err_t session_note(struct controller_state *, const struct decision_note *, int64_t newest_offset,
                   time_ms now_ms) MUST_USE;
void session_clear(struct controller_state *);
/* The newest image is another one: partitions may lack replicas now, or somebody may take them. */
void session_changed(struct controller_state *, time_ms now_ms);
/* When this broker's silence becomes its end. */
time_ms session_deadline(const struct controller_state *, int32_t broker);
/* Fences by suspicion within the window before now. */
uint32_t session_suspicions(const struct controller_state *, int32_t broker, time_ms now_ms);

/* --- the decision under construction --- */

/* Records until the batch is to be cut, where that may be. */
uint32_t decision_left(const struct decision *);
/* One more record, zeroed but for its kind; NULL: out of memory. There must be room. */
struct meta_record *decision_add(struct decision *, enum meta_record_kind) MUST_USE;
err_t decision_add_broker(struct decision *, const struct meta_broker *) MUST_USE;
/* Before the partitions that are in the batch: nothing of it may be seen without. */
err_t decision_add_broker_first(struct decision *, const struct meta_broker *) MUST_USE;
/* Whether this batch changes that partition already: the next change must come in a batch of its own. */
bool decision_touches(const struct decision *, struct uuid topic, int32_t partition);
err_t decision_note(struct decision *, enum note_kind, int32_t broker, int64_t value) MUST_USE;
struct slice decision_text(struct decision *, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct command_result result_of(enum kafka_error, struct slice message);
/* For printf's %.*s. */
#define SLICE_ARGS(slice) (int)(slice).n, (const char *)(slice).p

/* --- the image as it will be --- */

struct world {
    const struct controller_state *state;
    const struct meta_image *image;
    const struct meta_broker *broker;      /* as this decision makes it; NULL: as in the image */
    int32_t gone;                          /* unregistered by this decision; META_NO_BROKER */
    const struct alter_resource *resource; /* settings as this decision makes them; NULL */
};

struct world world_of(const struct controller_state *);
const struct meta_broker *world_broker(const struct world *, int32_t id);
/* May lead and join an ISR: registered, unfenced, not in controlled shutdown. */
bool world_active(const struct world *, int32_t broker);
/* The replica's directory is online at its broker, or not yet told (a seat of its broker holds). */
bool world_seat(const struct world *, const struct meta_replica *);
/* Or all it has is on the disk of a directory that may come back. */
bool world_kept(const struct world *, const struct meta_replica *);
bool broker_has_dir(const struct meta_broker *, struct uuid dir);

/* The setting in force for the topic: its own, else the cluster-wide one, else the file's; the NULL slice: none. */
struct slice world_setting(const struct world *, struct slice topic, const char *key);
/* min(min.insync.replicas, replicas), at least 1 (M38). */
int32_t world_min_isr(const struct world *, struct slice topic, uint32_t replicas);
bool world_unclean(const struct world *, struct slice topic);
bool world_disk(const struct world *, struct slice topic);
/* These three settings decide about partitions. */
bool setting_matters(struct slice key);
#define SETTING_MIN_ISR    "min.insync.replicas"
#define SETTING_UNCLEAN    "unclean.leader.election.enable"
#define SETTING_DURABILITY "durability"

/* What of the controller's file the image does not say; FILES, "". */
err_t files_differ(const struct world *, struct decision *,
                   struct alter_resource *ret_files) MUST_USE;
err_t files_write(const struct alter_resource *files, struct decision *) MUST_USE;
#define FILE_SETTINGS_MAX 3

/* Settings that one batch can hold beside what comes with them: each record names the resource again. */
bool settings_fit(struct slice name, const struct topic_setting *, uint32_t count);
/* Counts what a request makes: at most REQUEST_PARTITIONS_MAX. All of it is decided in one turn of the loop. */
struct command_result request_partitions(struct decision *, uint32_t more);

/* --- what a partition must look like --- */

enum unclean_policy { UNCLEAN_AS_SET, UNCLEAN_NEVER, UNCLEAN_NOW };

struct settle_rules {
    int32_t lost;   /* this broker's replica is lost: no seat; META_NO_BROKER */
    bool renew;     /* a new leader epoch, be it with the same leader */
    bool preferred; /* lead by the first replica if it is in the ISR */
    enum unclean_policy unclean;
    int32_t min_isr; /* a leader's own number where it is smaller; 0: none */
};

struct settle_rules settle_rules_plain(void);

/* `next` is `old` with what the decision changed itself (isr, replicas); comes back with isr, elr, leader and epochs as the
 * world demands. false: nothing differs from old. */
bool partition_settle(const struct world *, struct slice topic, const struct meta_partition *old,
                      const struct settle_rules *, struct meta_partition *next) MUST_USE;

/* --- sweeps --- */

struct sweep {
    int32_t broker;     /* only partitions with a replica there; META_NO_BROKER: all */
    struct slice topic; /* only this topic; NULL: all */
    struct settle_rules rules;
    /* what happens to the replicas of a broker that registers */
    const struct register_broker_command *registration;
    int64_t old_epoch;  /* of its registration before; -1 */
    bool old_dirs_all;  /* all its former directories are there */
    bool unplaced_lost; /* its replicas without a directory may have lain in one that failed */
    bool durability;    /* replicas of topics that are not durability=disk lose `synced` */
};

struct sweep sweep_of(int32_t broker);
/* The next sweep of the same decision begins at the first topic. */
void sweep_restart(struct decision *);

/* Settles from decision->cursor on, leaving `spare` records free in the batch. *ret_done false: the batch is full, call
 * again in the next one. */
err_t sweep_run(const struct world *, const struct sweep *, struct decision *, uint32_t spare,
                bool *ret_done) MUST_USE;

/* --- the cluster's own topics (raise.c) --- */

/* Adds replicas to partitions of the cluster's own topics that have fewer than they should, in one batch of at most
 * RAISE_PARTITIONS_MAX records. */
/* *ret_waits: of NOTE_RAISED. */
err_t raise_own_topics(const struct world *, struct decision *, uint32_t *ret_waits) MUST_USE;

/* --- changes of settings (alteration.c) --- */

/* What a change of one resource's settings comes to: every value whole, NULL for those that go, each key once; in the
 * decision's arena. Result: NONE, or why it is refused. */
struct command_result alteration_resolve(const struct world *, const struct alter_resource *,
                                         struct decision *, struct alter_resource *ret_resolved);

/* --- names and placement --- */

/* KAFKA_NONE, or INVALID_TOPIC_EXCEPTION and why, as Kafka's Topic class says it. */
struct command_result topic_name_check(struct decision *, struct slice name);
/* A topic whose name differs only in '.' and '_', or the NULL slice. */
struct slice topic_name_collision(const struct meta_image *, struct slice name);

struct placement;
/* ret NULL: out of memory. */
struct placement *placement_new(const struct world *, struct decision *);
/* KAFKA_NONE, or INVALID_REPLICATION_FACTOR and why. */
struct command_result placement_possible(const struct placement *, struct decision *,
                                         int32_t replicas);
void placement_next(struct placement *, uint32_t replicas, int32_t *ret_brokers);

/* A partition as it begins: every active broker in the ISR, led by the first. */
struct meta_partition partition_fresh(const struct world *, struct uuid topic, int32_t index,
                                      const int32_t *brokers, uint32_t count, bool disk);
/* KAFKA_NONE, or INVALID_REPLICA_ASSIGNMENT and why. *replicas: as in the partitions before; 0: this is the first. */
struct command_result assignment_check(const struct world *, struct decision *,
                                       const struct manual_assignment *, int32_t partition,
                                       uint32_t *replicas);

/* --- commands --- */

typedef err_t decide_fn(const struct controller_state *, const struct command *, time_ms now_ms,
                        struct decision *);

err_t decide_bootstrap(const struct controller_state *, const struct command *, time_ms,
                       struct decision *);
err_t decide_new_active(const struct controller_state *, const struct command *, time_ms,
                        struct decision *);
err_t decide_tick(const struct controller_state *, const struct command *, time_ms,
                  struct decision *);
err_t decide_suspect(const struct controller_state *, const struct command *, time_ms,
                     struct decision *);
err_t decide_register_broker(const struct controller_state *, const struct command *, time_ms,
                             struct decision *);
err_t decide_heartbeat(const struct controller_state *, const struct command *, time_ms,
                       struct decision *);
err_t decide_unregister_broker(const struct controller_state *, const struct command *, time_ms,
                               struct decision *);
err_t decide_alter_partition(const struct controller_state *, const struct command *, time_ms,
                             struct decision *);
err_t decide_assign_dirs(const struct controller_state *, const struct command *, time_ms,
                         struct decision *);
err_t decide_replicas(const struct controller_state *, const struct command *, time_ms,
                      struct decision *);
err_t decide_elect_leaders(const struct controller_state *, const struct command *, time_ms,
                           struct decision *);
err_t decide_create_topics(const struct controller_state *, const struct command *, time_ms,
                           struct decision *);
err_t decide_delete_topics(const struct controller_state *, const struct command *, time_ms,
                           struct decision *);
err_t decide_create_partitions(const struct controller_state *, const struct command *, time_ms,
                               struct decision *);
err_t decide_alter_configs(const struct controller_state *, const struct command *, time_ms,
                           struct decision *);
err_t decide_update_features(const struct controller_state *, const struct command *, time_ms,
                             struct decision *);
err_t decide_allocate_producer_ids(const struct controller_state *, const struct command *, time_ms,
                                   struct decision *);

/* KAFKA_NONE, or what a broker with this epoch is told. */
enum kafka_error broker_epoch_check(const struct meta_image *, int32_t broker, int64_t epoch);
/* Makes this of the broker and settles its partitions, batch by batch. The broker's record comes in the first one; where it has lost
 * directories in the last, for a replica without a directory may have lain in one of them, and whoever leads next, if this breaks
 * off, sees only by that record that they were lost. Uses cursor.inside; done: the cursor is ready for something else. */
err_t broker_change(const struct controller_state *, const struct meta_broker *, struct decision *,
                    bool *ret_done) MUST_USE;
err_t broker_fence(const struct controller_state *, int32_t broker, struct decision *,
                   bool *ret_done) MUST_USE;

#endif
