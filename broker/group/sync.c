/* SyncGroup: the leader hands in who gets what, everybody asks for its own. Heartbeats: a member says that it lives. */
#include "broker/group/consumer_internal.h"

void sync_refuse(struct turn *turn, struct group_call *call, enum kafka_error error)
{
    call->sync = (struct group_sync_answer){.assignment = slice_of("", 0)};
    turn_refuse(turn, call, error);
}

static void sync_tell(struct turn *turn, struct group_member *m, struct group_call *call)
{
    struct group *group = m->group;
    assert(group->state == GROUP_STABLE && m->join == NULL);
    call->sync = (struct group_sync_answer){
        .protocol_type = group->protocol_type,
        .protocol = group->protocol,
        .assignment = m->assignment.p != NULL ? m->assignment : slice_of("", 0),
    };
    member_touch(turn, m);
    /* Not before the log remembers the generation: a coordinator that comes next would make the same number again. */
    turn_answer(turn, call, KAFKA_NONE, group->write);
}

bool sync_otherwise(struct slice told, struct slice is)
{
    return told.p != NULL && !slice_eq(told, is);
}

static struct group_member *sync_check(struct group *group, const struct group_event *event,
                                       enum kafka_error *ret_error)
{
    struct group_member *m = member_find(group, &event->who, ret_error);
    if (m == NULL) {
        return NULL;
    }
    if (event->who.generation != group->generation) {
        *ret_error = KAFKA_ILLEGAL_GENERATION;
    } else if (sync_otherwise(event->sync.protocol_type, group->protocol_type) ||
               sync_otherwise(event->sync.protocol, group->protocol)) {
        *ret_error = KAFKA_INCONSISTENT_GROUP_PROTOCOL;
    } else if (group->state == GROUP_PREPARING) {
        *ret_error = KAFKA_REBALANCE_IN_PROGRESS;
    }
    return *ret_error == KAFKA_NONE ? m : NULL;
}

/* Members that the leader did not name get nothing; names that are no members' are passed over. */
static bool assign(struct group_shard *shard, struct group *group, const struct group_event *event)
{
    uint32_t at = 0;
    bool ok = true;
    for (const struct map_entry *e; ok && (e = map_next(&group->members, &at)) != NULL;) {
        ok = member_set_assignment(shard, e->value, slice_of("", 0));
    }
    for (uint32_t i = 0; ok && i < event->sync.assignment_count; i++) {
        const struct group_assignment *given = &event->sync.assignments[i];
        struct group_member *m = map_get(&group->members, given->member_id);
        ok = m == NULL || given->bytes.p == NULL || member_set_assignment(shard, m, given->bytes);
    }
    return ok;
}

/* What the group's record is going to hold, with this assignment. */
static bool too_large(const struct group_shard *shard, const struct group *group,
                      const struct group_event *event)
{
    uint64_t bytes = 0;
    uint32_t at = 0;
    assert(event->kind == GROUP_SYNC && group->protocol.p != NULL);
    assert(event->sync.assignment_count == 0 || event->sync.assignments != NULL);
    for (const struct group_member *m; (m = group_member_next(group, &at)) != NULL;) {
        bytes += (uint64_t)m->id.n + m->instance_id.n + m->client_id.n + m->client_host.n;
        bytes += group_member_metadata(m, group->protocol).n;
    }
    for (uint32_t i = 0; i < event->sync.assignment_count; i++) {
        bytes += event->sync.assignments[i].bytes.n;
    }
    return shard->config.write_bytes_max > 0 && bytes > shard->config.write_bytes_max;
}

/* As Kafka does where the log does not take it: all who wait are told, and everybody is to come again. */
static void refuse_all(struct turn *turn, struct group *group)
{
    uint32_t at = 0;
    assert(group->state == GROUP_COMPLETING && group->consumer == NULL);
    for (const struct map_entry *e; (e = map_next(&group->members, &at)) != NULL;) {
        struct group_member *m = e->value;
        if (m->sync != NULL) {
            sync_refuse(turn, m->sync, KAFKA_UNKNOWN_SERVER_ERROR);
            member_touch(turn, m);
        }
    }
    round_prepare(turn, group);
}

/* The leader's word: written down, then everybody who waits is told. */
static void hand_in(struct turn *turn, struct group *group, const struct group_event *event)
{
    assert(group->state == GROUP_COMPLETING && group->joining == 0);
    if (too_large(turn->shard, group, event)) {
        refuse_all(turn, group);
        return;
    }
    if (!assign(turn->shard, group, event) || !record_group(turn, group)) {
        round_prepare(turn, group); /* everybody comes again */
        return;
    }
    group_set_state(turn, group, GROUP_STABLE);
    assert(group->write == turn_write(turn));
    uint32_t at = 0;
    for (const struct map_entry *e; (e = map_next(&group->members, &at)) != NULL;) {
        struct group_member *m = e->value;
        if (m->sync != NULL) {
            sync_tell(turn, m, m->sync);
        }
    }
}

void group_sync(struct turn *turn, const struct group_event *event)
{
    struct group *group = map_get(&turn->shard->groups, event->who.group);
    enum kafka_error error = KAFKA_UNKNOWN_MEMBER_ID;
    if (group != NULL && group->consumer != NULL) {
        consumer_classic_sync(turn, group, event);
        return;
    }
    struct group_member *m = group == NULL ? NULL : sync_check(group, event, &error);
    if (m == NULL) {
        sync_refuse(turn, event->call, error);
        return;
    }
    assert(group->state == GROUP_COMPLETING || group->state == GROUP_STABLE);
    assert(event->call->syncing == NULL && m->join == NULL);
    round_synced(turn, group, m);
    if (group->state == GROUP_STABLE) {
        sync_tell(turn, m, event->call);
    } else {
        if (m->sync != NULL) { /* it asked before; that answer would be of no use */
            sync_refuse(turn, m->sync, KAFKA_REBALANCE_IN_PROGRESS);
        }
        m->sync = event->call;
        event->call->syncing = m;
        if (slice_eq(group->leader, m->id)) {
            hand_in(turn, group, event);
        }
    }
    shard_retime(turn->shard, group);
}

void group_heartbeat(struct turn *turn, const struct group_event *event)
{
    struct group *group = map_get(&turn->shard->groups, event->who.group);
    enum kafka_error error = KAFKA_UNKNOWN_MEMBER_ID;
    if (group != NULL && group->consumer != NULL) {
        consumer_classic_heartbeat(turn, group, event);
        return;
    }
    struct group_member *m = group == NULL ? NULL : member_find(group, &event->who, &error);
    if (m == NULL) {
        turn_refuse(turn, event->call, error);
        return;
    }
    if (event->who.generation != group->generation) {
        turn_refuse(turn, event->call, KAFKA_ILLEGAL_GENERATION);
        return;
    }
    member_touch(turn, m); /* later than before: its group's deadline stays a lower bound */
    if (group->state == GROUP_PREPARING) {
        turn_refuse(turn, event->call, KAFKA_REBALANCE_IN_PROGRESS);
    } else {
        turn_answer(turn, event->call, KAFKA_NONE, 0);
    }
}
