/*
 * Inside the core's consumer groups. consumer_heartbeat.c takes the request, consumer_member.c keeps members, consumer_parts.c
 * topics, sets of partitions and who owns them, consumer_target.c looks at topics and has the target made, consumer_reconcile.c
 * moves a member towards it, consumer_pattern.c keeps regular expressions, consumer_leave.c takes members out,
 * consumer_classic.c serves members of the classic protocol, consumer_migrate.c turns groups into the other kind,
 * consumer_record.c writes, consumer_replay.c reads, consumer_check.c checks.
 *
 * What runs out of memory in the middle of a change breaks the turn: the shell throws the shard away and loads it anew, so that
 * nothing here has to be taken back.
 */
#ifndef ODRADEK_GROUP_CONSUMER_INTERNAL_H
#define ODRADEK_GROUP_CONSUMER_INTERNAL_H

#include "broker/assign/assign.h"
#include "broker/group/consumer.h"
#include "broker/group/group_internal.h"
#include "common/base/limits.h"

/* --- consumer_parts.c --- */

/* The slot of a topic, made if it is new; NULL: out of memory. */
struct consumer_topic *consumer_topic_get(struct group_shard *, struct consumer *,
                                          struct uuid id) MUST_USE;
struct consumer_topic *consumer_topic_known(const struct consumer *, struct uuid id);
/* Slots that nothing names any more go. */
void consumer_topics_sweep(struct group_shard *, struct consumer *);
void consumer_topics_release(struct group_shard *, struct consumer *);
/* A copy takes the place of what is there; ascending. */
bool parts_set(struct group_shard *, struct consumer *, struct consumer_parts *,
               const struct consumer_part *, uint32_t count) MUST_USE;
/* Brings parts in order; two of the same become one. Returns how many there are. */
uint32_t parts_sort(struct consumer_part *, uint32_t count);
const struct consumer_part *parts_find(const struct consumer_parts *, uint32_t topic,
                                       int32_t partition);
bool parts_equal(const struct consumer_parts *, const struct consumer_part *, uint32_t count);
/* Who holds it, to read it or until it is given back; NULL: nobody. */
struct consumer_member *part_owner(const struct consumer *, const struct consumer_part *);
bool owners_take(struct group_shard *, struct consumer *, struct consumer_member *) MUST_USE;
void owners_leave(struct consumer *, struct consumer_member *);
/* Ascending, each once; returns how many there are. */
uint32_t slices_sort(struct slice *, uint32_t count);
/* Copies in place of what is there; ascending. */
bool slices_set(struct heap *, struct slice **, uint32_t *slice_count, const struct slice *from,
                uint32_t count) MUST_USE;
void slices_free(struct heap *, struct slice *, uint32_t count);
bool slices_equal(const struct slice *, uint32_t count, const struct slice *, uint32_t other_count);
bool slices_have(const struct slice *, uint32_t count, struct slice);

/* --- consumer_member.c --- */

/* An empty consumer group in place of whatever the group was; NULL: out of memory. */
struct consumer *consumer_make(struct group_shard *, struct group *) MUST_USE;
/* All of it goes, members too; the log is not told. */
void consumer_unmake(struct group_shard *, struct group *);
/* Epoch 0, with nothing; NULL: out of memory. */
struct consumer_member *consumer_member_make(struct group_shard *, struct group *, struct slice id,
                                             struct slice instance_id) MUST_USE;
void consumer_member_drop(struct group_shard *, struct consumer_member *);
/* A static member under another id. */
bool consumer_member_rename(struct group_shard *, struct consumer_member *,
                            struct slice id) MUST_USE;
/* Its process is gone, so that nothing is left to be given back. */
bool consumer_gives_all(struct turn *, struct consumer_member *) MUST_USE;
/* Keeps count of who subscribes to which pattern. */
bool consumer_set_pattern(struct group_shard *, struct consumer_member *, struct slice) MUST_USE;
bool consumer_set_protocols(struct group_shard *, struct consumer_member *, bool classic,
                            int32_t session_ms, const struct group_protocol *,
                            uint32_t count) MUST_USE;
struct consumer_member *consumer_member_get(const struct consumer *, struct slice id);
/* The member that a request speaks for: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID. */
struct consumer_member *consumer_member_who(const struct consumer *, const struct group_who *,
                                            enum kafka_error *ret_error);
void consumer_touch(struct turn *, struct consumer_member *);
time_ms consumer_wake(const struct consumer *);
void consumer_loaded(struct turn *, struct group *);
bool consumer_subscribes(const struct consumer_member *, struct slice topic);
/* Whether it stands where the target wants it. */
bool consumer_settled(const struct consumer_member *);

/* --- consumer_pattern.c --- */

struct consumer_pattern *consumer_pattern_get(const struct consumer *, struct slice text);
/* Nobody subscribes to it yet; NULL: out of memory. */
struct consumer_pattern *consumer_pattern_make(struct group_shard *, struct consumer *,
                                               struct slice text) MUST_USE;
void consumer_pattern_drop(struct group_shard *, struct consumer *, struct consumer_pattern *);
/* Evaluates anew what is due. `fresh`: there is a pattern that nobody has looked at. */
void consumer_patterns_look(struct turn *, struct group *, int64_t topics_version, bool fresh);
void consumer_matched(struct turn *, const struct group_event *);

/* --- consumer_target.c --- */

/* Looks at the topics if the image is newer or `bump` says so, gives the group its next epoch if something is otherwise, and has
 * the target made if it is due. */
bool consumer_advance(struct turn *, struct group *, const struct meta_image *, bool bump) MUST_USE;
/* The next epoch, without a look at topics. */
bool consumer_bump(struct turn *, struct group *) MUST_USE;
void consumer_settings(struct turn *, struct group *, const struct meta_image *);

/* --- consumer_reconcile.c --- */

/* One step of the member towards the target. owned: what it says that it has; NULL: as before. changed: its subscription is
 * another. *ret_changed: what it is to read is. */
bool consumer_reconcile(struct turn *, struct consumer_member *, const struct group_part *owned,
                        uint32_t owned_count, bool changed, bool *ret_changed) MUST_USE;
/* Everything that it says it has, it was given. */
bool consumer_owns_subset(const struct consumer_member *, const struct group_part *,
                          uint32_t count);
/* Something that it is to read is still held by somebody else. */
bool consumer_waits_for_others(const struct consumer_member *);

/* --- consumer_leave.c --- */

/* It is out: the log forgets it. The caller bumps. */
bool consumer_take_out(struct turn *, struct consumer_member *) MUST_USE;
/* Out, and what follows: the next epoch, or a classic group. The group may be one then. image: NULL: there is none at hand. */
bool consumer_fence(struct turn *, struct consumer_member *, const struct meta_image *) MUST_USE;
void consumer_tick(struct turn *, struct group *);
void consumer_leave(struct turn *, struct group *, const struct group_event *);

/* --- requests --- */

/* A UUID in base64, as Kafka makes ids; the scratch arena's, NULL: out of memory. */
struct slice consumer_make_id(struct group_shard *);
/* A static member is back under another id; what it says of itself is written when it has been heard. */
bool consumer_replace(struct turn *, struct consumer_member *, struct slice id) MUST_USE;

void consumer_heartbeat(struct turn *, const struct group_event *);
void consumer_classic_join(struct turn *, struct group *, const struct group_event *);
void consumer_classic_sync(struct turn *, struct group *, const struct group_event *);
void consumer_classic_heartbeat(struct turn *, struct group *, const struct group_event *);
void consumer_classic_leave(struct turn *, struct group *, const struct group_event *);
enum kafka_error consumer_may_commit(const struct group *, const struct group_event *);

/* --- consumer_migrate.c --- */

/* A classic group that may become one: NONE, or GROUP_ID_NOT_FOUND. */
enum kafka_error consumer_may_upgrade(struct group_shard *, const struct group *);
bool consumer_upgrade(struct turn *, struct group *, const struct meta_image *) MUST_USE;
/* As if it had never had classic members: what the log says instead is the caller's. */
void consumer_forget_classic(struct group_shard *, struct group *);
/* Every member of the classic protocol offers this one. */
bool consumer_all_know(const struct consumer *, struct slice protocol);
/* Whether all members but this one (NULL: all) speak the classic protocol, and the group may be one of theirs. Not where a topic that
 * they read has no name yet (behind a load, until an image has come): it would be missing in what they bring along. */
bool consumer_may_downgrade(const struct group_shard *, const struct group *,
                            const struct consumer_member *gone, const struct meta_image *);
/* Whether none of the consumer protocol is left when this one has joined by the classic: the seat of the last, which may be alone, is
 * taken over, or there was none any more. */
bool consumer_last_changes(const struct group_shard *, const struct group *,
                           const struct group_who *, const struct meta_image *);
/* The group is a classic one, without that member (NULL: with all), and is to join again: until then each has what it holds, with
 * `stays` what it was to read. */
bool consumer_downgrade(struct turn *, struct group *, struct consumer_member *gone,
                        const struct meta_image *, bool stays) MUST_USE;

/* An empty group is none of consumers any more; what it remembers of offsets stays. */
bool consumer_end(struct turn *, struct group *) MUST_USE;

/* --- consumer_record.c --- */

bool record_consumer_epoch(struct turn *, struct group *) MUST_USE;
bool record_consumer_member(struct turn *, const struct consumer_member *) MUST_USE;
bool record_consumer_target(struct turn *, const struct consumer_member *) MUST_USE;
bool record_consumer_target_epoch(struct turn *, struct group *) MUST_USE;
bool record_consumer_current(struct turn *, const struct consumer_member *) MUST_USE;
bool record_consumer_pattern(struct turn *, struct group *,
                             const struct consumer_pattern *) MUST_USE;
bool record_consumer_pattern_gone(struct turn *, struct group *, struct slice text) MUST_USE;
bool record_consumer_member_gone(struct turn *, const struct consumer_member *) MUST_USE;
/* Of the whole group with its members, without its offsets. */
bool record_consumer_gone(struct turn *, struct group *) MUST_USE;

/* --- consumer_replay.c --- */

/* false: out of memory. */
bool consumer_replay(struct group_shard *, const struct kmsg_message *key_desc, const void *key,
                     const void *value) MUST_USE;

/* --- consumer_check.c --- */

void consumer_check(const struct group_shard *, const struct group *);

#endif
