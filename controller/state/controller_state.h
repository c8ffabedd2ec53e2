/*
 * The decision core of the controllers: commands in, metadata records and answers out. Pure.
 *
 * The active controller's loop for one command (the shell's part in <>):
 *
 *     struct decision decision;
 *     decision_start(&decision, <arena>);
 *     do {
 *         err = controller_decide(&state, &command, now_ms, &decision);      nothing has changed yet
 *         <if decision.batch.count > 0: encode the batch, append it to the log -> offset, epoch>
 *         err = controller_accept(&state, &decision, offset, epoch, now_ms); the newest image moves ahead
 *     } while (decision.more);
 *     <send decision.answer when the log is committed up to meta_offset(controller_newest(&state))>
 *
 * - One decision runs to its end before the next command is looked at. A decision of more than METADATA_PIECE_RECORDS
 *   records comes as several batches; each is atomic and safe alone (a broker is fenced in the first, elections follow; a
 *   raised setting is written first, a lowered one last). A new topic, or the growth of one, is one batch whatever its size.
 *   If the loop breaks off because the log takes no more, leadership is lost, and the next active controller's NEW_ACTIVE
 *   finishes what is half done.
 * - Decisions are made on the newest image, which is ahead of the committed one: answers therefore wait until everything
 *   they were derived from is committed, even when they wrote nothing themselves.
 * - controller_decide changes nothing, so a batch that could not be appended costs nothing: controller_resign, done.
 *
 * A follower replays committed batches (controller_replay). Losing leadership drops the images ahead of the committed one
 * and all soft state (sessions, heartbeats, suspicion, shutdown offsets): controller_resign. Brokers are served committed
 * metadata only.
 *
 * Time is monotonic milliseconds. Randomness (placement, topic ids) comes from the seed. Errors returned are ERR_NO_MEMORY
 * and ERR_CORRUPT (the log does not fit the image) only; what a client did wrong stands in the answer.
 * Rules: docs/RULES.md; KIP-500, 516, 631, 841, 858, 903, 966; "M.." in the sources names the bug that a line is there against.
 */
#ifndef ODRADEK_CONTROLLER_STATE_CONTROLLER_STATE_H
#define ODRADEK_CONTROLLER_STATE_CONTROLLER_STATE_H

#include "common/base/prng.h"
#include "common/meta/image.h"
#include "controller/state/command.h"

/* Producer ids are handed out in blocks of this size (Kafka's ProducerIdsBlock). */
#define PRODUCER_ID_BLOCK 1000

/* What holds where the image has neither a topic's setting nor a cluster-wide default. */
struct controller_defaults {
    int32_t min_insync_replicas;
    bool unclean_leader_election;
    bool durability_disk;
    bool delete_topics; /* whether topics may be deleted */
    int32_t num_partitions;
    int16_t replication_factor;
};

/* A topic that the coordinators keep their state in, and how many replicas it should have as soon as there are so many
 * brokers. */
struct controller_own_topic {
    const char *name; /* NULL: none */
    int32_t replicas; /* >= 1 */
};
#define OWN_TOPICS_MAX 3

struct controller_settings {
    /* A broker without heartbeat for so long is fenced (1,500). */
    time_ms session_timeout_ms;
    /* Between looks for partitions that are not led by their preferred replica; 0: never (300,000). */
    time_ms rebalance_check_ms;
    /* From a change of the metadata to a look for partitions of our own topics that lack replicas; 0: never (1,000). */
    time_ms raise_check_ms;
    struct controller_own_topic own_topics[OWN_TOPICS_MAX];
    /* A broker that was fenced so often (3) by suspicion within the window (60,000) is judged by its session only. */
    time_ms suspicion_window_ms;
    uint32_t suspicion_fences;
    struct controller_defaults defaults;
};

struct controller_settings controller_settings_default(void);

struct controller_session; /* soft state of one broker */
struct controller_ahead;   /* an image between the committed and the newest one */

struct controller_state {
    struct heap *heap;
    struct meta_store store;
    struct controller_settings settings;
    struct prng prng;               /* never drawn from: decision n uses stream n */
    uint64_t decisions;             /* accepted so far */
    struct meta_image *committed;   /* held */
    struct controller_ahead *ahead; /* images after the committed one, oldest first */
    uint32_t ahead_count;
    uint32_t ahead_room;
    int64_t commit_offset; /* as controller_commit said; -1 */
    /* Soft state: of the active controller only. */
    bool active;
    bool deciding;                       /* a decision of several batches is under way */
    struct controller_session *sessions; /* by broker id */
    uint32_t session_count;
    uint32_t session_room;
    time_ms awake_ms;     /* no session ends before that: the controller had slept */
    time_ms rebalance_ms; /* when preferred leaders are looked at next; TIME_NEVER */
    time_ms raise_ms; /* and our own topics; TIME_NEVER: nothing has changed since the last look */
    /* Of their partitions that others wait for: how many there are, and since when so many; how many nobody waits for any more. */
    uint32_t raise_busy;
    time_ms raise_busy_ms;
    uint32_t raise_stuck;
};

/* How far a decision of several batches has come; meaning depends on the command. */
struct decision_cursor {
    uint32_t phase;
    uint32_t index;
    bool inside;    /* of a broker's change, which has begun */
    bool dirs_lost; /* and by which it loses directories */
    bool in_topic;
    struct slice topic;
    int32_t partition;
    uint32_t made; /* partitions, of all topics that the request makes or lets grow */
};

struct decision_note; /* a change of soft state */

struct decision {
    struct arena *arena;
    struct meta_batch batch; /* count 0: nothing to write */
    struct answer answer;    /* complete when more is false */
    bool more;
    /* The core's own. */
    struct decision_cursor cursor;
    struct meta_record *records;
    uint32_t room;
    struct decision_note *notes;
    uint32_t note_count;
    uint32_t note_room;
    uint32_t answer_room;
};

/* heap and settings are borrowed for the state's life; the image starts empty. ERR_NO_MEMORY. */
err_t controller_init(struct controller_state *, struct heap *, const struct controller_settings *,
                      uint64_t seed) MUST_USE;
void controller_release(struct controller_state *);

/* arena: records, answer and notes of the whole decision. */
void decision_start(struct decision *, struct arena *);

/* The next batch of the decision on this command. */
err_t controller_decide(const struct controller_state *, const struct command *, time_ms now_ms,
                        struct decision *) MUST_USE;

/* The batch has this place in our log (ignored if it is empty): the newest image and the soft state take it in. */
err_t controller_accept(struct controller_state *, struct decision *, int64_t offset, int32_t epoch,
                        time_ms now_ms) MUST_USE;

/* The log is committed up to this offset: of the active controller. May come before controller_accept (a quorum of one). */
void controller_commit(struct controller_state *, int64_t offset);

/* A committed batch on a controller that is not active (or has just been elected and catches up). */
err_t controller_replay(struct controller_state *, struct meta_batch, int64_t offset, int32_t epoch,
                        struct arena *scratch) MUST_USE;

/* Starts from a snapshot's image instead; takes over the caller's hold. Not while active. */
void controller_restore(struct controller_state *, struct meta_image *);

/* No longer the active controller. */
void controller_resign(struct controller_state *);

/* The image to serve, and the image to decide on. Borrowed until the next call; hold it to keep it. */
const struct meta_image *controller_committed(const struct controller_state *);
const struct meta_image *controller_newest(const struct controller_state *);

/* How far a broker's metadata is, as its heartbeats told the active controller; times of the commands' clock. */
struct controller_contact {
    int64_t reached; /* its metadata offset */
    time_ms contact_ms;
    bool was_caught_up; /* last at caught_up_ms (as KIP-836 counts it for observers) */
    time_ms caught_up_ms;
};
/* false: nothing was heard of it since we became active. */
bool controller_contact(const struct controller_state *, int32_t broker,
                        struct controller_contact *ret_contact) MUST_USE;

/* When COMMAND_TICK is due; TIME_NEVER while not active. */
time_ms controller_deadline(const struct controller_state *);

/* Invariants, over everything: tests and the simulator. */
void controller_check(const struct controller_state *);

#endif
