/*
 * Inside the group core: what its files share. shard.c takes events and keeps groups and timers, member.c members, round.c
 * the rounds of a rebalance, join.c, sync.c (also heartbeats) and leave.c requests, offsets.c commits and expiry, record.c
 * what the log remembers, query.c answers, check.c checks.
 */
#ifndef ODRADEK_GROUP_INTERNAL_H
#define ODRADEK_GROUP_INTERNAL_H

#include "broker/group/group.h"
#include "common/base/mutant.h"
#include "common/base/probe.h"

/* A member id that was given out and has not come back yet (KIP-394). */
struct group_pending {
    time_ms expires_ms;
};

/* What a step works with. */
struct turn {
    struct group_shard *shard;
    struct group_actions *actions;
    time_ms now;
    time_ms wall_ms;
};

/* --- shard.c --- */

/* A new EMPTY group; NULL: out of memory. */
struct group *shard_create(struct group_shard *, struct slice id, time_ms wall_ms) MUST_USE;
/* The group goes; it has no members. */
void shard_remove(struct group_shard *, struct group *);
/* A deadline of the group has changed. */
void shard_retime(struct group_shard *, struct group *);
/* The call is answered; errors leave at once. */
void turn_answer(struct turn *, struct group_call *, enum kafka_error, uint64_t after_write);
static inline void turn_refuse(struct turn *turn, struct group_call *call, enum kafka_error error)
{
    assert(error != KAFKA_NONE);
    turn_answer(turn, call, error, 0);
}
/* Memory is out in the middle of a change: what is kept and what is written would say different things. The shell throws the shard
 * away and loads it anew, so that nothing has to be taken back. Returns what the client is told. */
static inline enum kafka_error turn_break(struct turn *turn)
{
    turn->actions->broken = true;
    return KAFKA_COORDINATOR_NOT_AVAILABLE;
}
/* Number of the write that this step makes, if it makes one. */
static inline uint64_t turn_write(const struct turn *turn)
{
    return turn->shard->writes + 1;
}

/* --- record.c --- */

/* Adds to the write of this step; key and value are in the scratch arena. false: out of memory, nothing was added. */
bool turn_record(struct turn *, const struct kmsg_message *key_desc, const void *key,
                 const struct kmsg_message *value_desc, const void *value,
                 int16_t version) MUST_USE;
/* The group as it stands. */
bool record_group(struct turn *, struct group *) MUST_USE;
bool record_group_gone(struct turn *, struct group *) MUST_USE;
/* The same of a group of either kind, without its offsets. */
bool record_gone(struct turn *, struct group *) MUST_USE;
/* Whether tombstones of this group, and of a topic with so long a name, belong into the next write: the log takes no larger one, and
 * a write that it does not take costs the whole shard a load. */
bool write_full(const struct group_shard *, const struct group *, size_t name_bytes);
bool record_offset(struct turn *, struct group *, struct slice topic,
                   const struct group_offset *) MUST_USE;
bool record_offset_gone(struct turn *, struct group *, struct slice topic,
                        int32_t partition) MUST_USE;
/* All members of a classic group, without a word to the log. */
void replay_members_drop(struct group_shard *, struct group *);
/* A generation or epoch of the log. Nobody gets anywhere near the largest one by counting; who wrote it all the same shall not
 * leave us without a next one. */
static inline int32_t replay_epoch_of(int32_t told)
{
    return told < 0 ? 0 : told > INT32_MAX / 2 ? INT32_MAX / 2 : told;
}

/* --- member.c --- */

/* What a member says of itself; copied. */
struct member_facts {
    struct slice id;
    struct slice instance_id;
    struct slice client_id;
    struct slice client_host;
    const struct group_protocol *protocols;
    uint32_t protocol_count;
    int32_t session_ms;
    int32_t rebalance_ms;
};
/* NULL: out of memory, nothing has changed. */
struct group_member *member_add(struct group_shard *, struct group *,
                                const struct member_facts *) MUST_USE;
/* Protocols and time-outs anew. */
bool member_update(struct group_shard *, struct group_member *,
                   const struct member_facts *) MUST_USE;
/* Takes it out; nobody waits in it any more. */
void member_remove(struct group_shard *, struct group_member *);
bool member_set_assignment(struct group_shard *, struct group_member *, struct slice) MUST_USE;
/* Its session begins anew. */
void member_touch(struct turn *, struct group_member *);
/* Whoever waits in it is told the error. */
void member_fail(struct turn *, struct group_member *, enum kafka_error);
/* Drops an owned copy and puts another in its place. */
bool slice_set(struct group_shard *, struct slice *, struct slice value) MUST_USE;
void slice_drop(struct group_shard *, struct slice *);

/* What members of both kinds have. Copies of these protocols in place of those; 0 of them take no memory. */
bool protocols_set(struct group_shard *, struct group_protocol **, uint32_t *protocol_count,
                   const struct group_protocol *from, uint32_t count) MUST_USE;
void protocols_free(struct group_shard *, struct group_protocol *, uint32_t count);
bool protocols_equal(const struct group_protocol *, uint32_t count, const struct group_protocol *,
                     uint32_t other_count);
/* Where this name stands among them; the count: nowhere. */
uint32_t protocols_place(const struct group_protocol *, uint32_t count, struct slice name);
/* A member's places in the maps of its group, by id and, if it is static, by instance. */
bool seat_take(struct map *members, struct map *statics, struct slice id, struct slice instance_id,
               void *member) MUST_USE;
/* A static member came back: it keeps its seat under another id. */
bool seat_rename(struct group_shard *, struct map *members, struct slice *id, struct slice to,
                 void *member) MUST_USE;

/* The member that a request speaks for; NULL and why: UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID. */
struct group_member *member_find(const struct group *, const struct group_who *,
                                 enum kafka_error *ret_error);
/* Every member knows at least one of these, under this type; in an empty group anything goes that says something. */
bool group_supports(const struct group *, struct slice type, const struct group_protocol *,
                    uint32_t count);
/* What most members want among what all of them know. NULL slice: there are no members. */
struct slice group_vote(const struct group *);
bool group_pending_add(struct group_shard *, struct group *, struct slice id,
                       time_ms expires_ms) MUST_USE;
/* false: it is not pending. */
bool group_pending_remove(struct group_shard *, struct group *, struct slice id);

/* --- round.c --- */

/* All members are to join again: from any state but PREPARING. */
void round_prepare(struct turn *, struct group *);
/* Behind a load: a group whose leader is none of its members has not been told who leads since a consumer group became it. All join. */
void round_resume(struct turn *, struct group *);
/* Members, joins or pending ids have changed: goes on if everybody is there. */
void round_look(struct turn *, struct group *);
/* A round in which every member asked for its assignment has no deadline any more. */
void round_synced(struct turn *, struct group *, struct group_member *);
/* Members go without having asked: what follows from it by the state. */
void round_member_gone(struct turn *, struct group *);
void round_tick(struct turn *, struct group *);
void group_set_state(struct turn *, struct group *, enum group_state);

/* --- requests --- */

void group_join(struct turn *, const struct group_event *);
void join_refuse(struct turn *, const struct group_event *, enum kafka_error,
                 struct slice member_id);
void sync_refuse(struct turn *, struct group_call *, enum kafka_error);
/* A name that was told, and is another. */
bool sync_otherwise(struct slice told, struct slice is);
void group_sync(struct turn *, const struct group_event *);
void group_heartbeat(struct turn *, const struct group_event *);
void group_leave(struct turn *, const struct group_event *);
void group_commit(struct turn *, const struct group_event *);
void group_delete_offsets(struct turn *, const struct group_event *);
void group_delete(struct turn *, const struct group_event *);

/* --- offsets.c --- */

bool offsets_put(struct group_shard *, struct group *, struct slice topic,
                 const struct group_offset *) MUST_USE;
void offsets_drop(struct group_shard *, struct group *, struct slice name, int32_t partition);
void offsets_release(struct group_shard *, struct group *);
/* All that are left, as far as this write holds them. false: not all, or memory is out. */
bool offsets_forget(struct turn *, struct group *) MUST_USE;
void offsets_expire(struct turn *);
void offsets_topic_gone(struct turn *, const struct group_event *);

#endif
