/*
 * Coordinator shards of one broker: each partition of __consumer_offsets that it leads is one shard, a monitor of lock, pure
 * core (broker/group), waiting calls and outbox. A shard's only truth is its partition: what the core decides is appended
 * there, and no answer leaves before what it tells is committed on every in-sync replica.
 *
 * A shard is loaded when the partition's leadership begins: all records below the log end of that moment are replayed, and
 * only once they are all below the high watermark. Until then it answers COORDINATOR_LOAD_IN_PROGRESS. When the leadership
 * goes, or a write is lost, it is thrown away whole, and loaded anew if this broker leads still. A broker that follows the
 * partition replays what is committed as it comes, so that loading has only the tail to read when it is elected; what is kept
 * for that answers nothing, and goes with the replica.
 *
 * Topics that are deleted take their offsets along, also in a shard that was being loaded just then. What was stored in a topic is
 * not told of another one of its name, whoever has passed over the deletion.
 *
 * Threads. coords_forewarn, coords_apply, coords_stop: the control loop. Everything else from every thread, best from a reactor. A
 * call is the caller's memory; its answer comes at once or by mail to its loop, once.
 *
 * Group ids find their partition as in Kafka: abs(Java's String.hashCode) % partitions, abs(-2^31) = 0.
 */
#ifndef ODRADEK_COORD_COORD_H
#define ODRADEK_COORD_COORD_H

#include "broker/group/consumer.h"
#include "broker/partition/partition_table.h"

#define GROUPS_TOPIC "__consumer_offsets"

struct trace;
struct coords;
struct coord_shard;

struct coords_config {
    struct host *host;
    struct loop *control;
    struct loop *reactors[REACTORS_MAX];
    uint32_t reactor_count;
    const struct trace *trace;
    const struct crc32c_impl *crc;
    struct partitions *partitions;
    int32_t broker;
    struct group_config group;
    time_ms
        write_timeout_ms; /* offsets.commit.timeout.ms: a write that is not committed by then is given up */
};

err_t coords_open(const struct coords_config *, struct coords **ret_coords) MUST_USE;
/* The image is about to move, and no request has seen the next one yet: topics were deleted. Each image comes here, also those
 * that are not applied. */
void coords_forewarn(struct coords *, const struct meta_image *old, const struct meta_image *image,
                     const struct meta_changes *);
/* The image moved: partitions of the topic came here or went. changes: NULL: all may be otherwise. false: there was no memory;
 * to be applied again. */
bool coords_apply(struct coords *, const struct meta_image *, const struct meta_changes *) MUST_USE;
/* Lets go of every shard and partition; `stopped` follows on the control loop. Calls are answered NOT_COORDINATOR from here. */
void coords_stop(struct coords *, void (*stopped)(void *ctx), void *ctx);
/* Loops are joined. */
void coords_close(struct coords *);

/* Partition of a group among `partitions`. */
int32_t coord_partition(struct slice group_id, uint32_t partitions);

/* --- requests that change something --- */

struct coord_member { /* as the leader of a generation is told */
    struct slice id;
    struct slice instance_id;
    struct slice metadata;
};

struct coord_call {
    struct mail mail; /* deliver: the caller's; posted to `loop` when the answer has come later */
    struct loop *loop;
    /* Given: where the answer's slices go. The shard's while the call waits (JOIN and SYNC write there): its source must be
     * the host's, and two such calls must not share it. */
    struct arena *arena;
    /* The answer. */
    struct group_call group;
    struct coord_member *members; /* of a join that leads */
    uint32_t member_count;
    /* own */
    struct list_node node;
    struct coord_shard *shard;
    uint8_t kind;  /* enum group_event_kind */
    uint8_t state; /* in the monitor */
};

/*
 * One event of kind JOIN to CONSUMER_HEARTBEAT; its call field is set here. What it points at is not needed after the call returns, except
 * arrays that the answer is written into (leavers, offsets to delete): those until the answer.
 * true: answered (NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS and COORDINATOR_NOT_AVAILABLE are possible for each). false:
 * mail comes.
 */
bool coord_submit(struct coords *, struct coord_call *, struct group_event *) MUST_USE;
/* The client is gone. true: no mail will come. false: it is on its way. */
bool coord_forget(struct coord_call *) MUST_USE;

/* --- questions: the answer stands in the arena when they return; it may leave when the call says so --- */

struct coord_offset {
    struct slice topic;
    struct uuid topic_id; /* none: what was stored in any topic of this name is told */
    int32_t partition;
    int64_t offset; /* -1: nothing committed */
    int32_t leader_epoch;
    struct slice metadata;
};
struct coord_offsets {
    struct coord_offset
        *items; /* given: topics and partitions asked for; NULL: all that there are */
    uint32_t count;
    const struct meta_image *image; /* given: that of the ids; not kept. NULL: none */
    struct slice member_id; /* given: of a consumer group, who asks; NULL: an administrator */
    int32_t epoch;          /* ... and in which epoch; -1 */
};
/* All calls below: true: answered, call->group.error says how; false: it is, once mail has come. */
bool coord_fetch_offsets(struct coords *, struct coord_call *, struct slice group_id,
                         struct arena *, struct coord_offsets *) MUST_USE;

struct coord_description {
    struct slice state;
    struct slice protocol_type;
    struct slice protocol;
    struct {
        struct slice id;
        struct slice instance_id;
        struct slice client_id;
        struct slice client_host;
        struct slice metadata;
        struct slice assignment;
    } * members;
    uint32_t member_count;
    bool other_kind; /* there is a group, but not a classic one */
};
/* GROUP_ID_NOT_FOUND: there is none. */
bool coord_describe(struct coords *, struct coord_call *, struct slice group_id, struct arena *,
                    struct coord_description *ret_description) MUST_USE;

struct coord_consumer_member {
    struct slice id;
    struct slice instance_id;
    struct slice rack_id;
    struct slice client_id;
    struct slice client_host;
    const struct slice *topics;
    uint32_t topic_count;
    struct slice pattern;
    int32_t epoch;
    bool classic;
    const struct group_part *assigned; /* by topic */
    uint32_t assigned_count;
    const struct group_part *target;
    uint32_t target_count;
};
struct coord_consumer_description {
    struct slice state;
    struct slice assignor;
    int32_t epoch;
    int32_t target_epoch;
    struct coord_consumer_member *members;
    uint32_t member_count;
    bool other_kind; /* there is a group, but not one of the consumer protocol */
};
/* GROUP_ID_NOT_FOUND: there is none. */
bool coord_describe_consumer(struct coords *, struct coord_call *, struct slice group_id,
                             struct arena *,
                             struct coord_consumer_description *ret_description) MUST_USE;

struct coord_listed {
    struct slice id;
    struct slice protocol_type;
    struct slice state;
    bool consumer; /* of the consumer protocol */
};
/* Groups of all shards here; COORDINATOR_LOAD_IN_PROGRESS if one is being loaded (the others are told all the same). */
enum kafka_error coord_list(struct coords *, struct arena *, struct coord_listed **ret_groups,
                            uint32_t *ret_count);

#endif
