/*
 * The rounds of a rebalance. PREPARING: all members join, or are out when the time is up. Then the next generation begins and
 * everybody is told of it (COMPLETING); each asks for its assignment, and gets it when the leader has handed it in (STABLE).
 */
#include "broker/group/group_internal.h"

void group_set_state(struct turn *turn, struct group *group, enum group_state state)
{
    static const uint8_t allowed[] = {
        [GROUP_EMPTY] = 1 << GROUP_PREPARING,
        [GROUP_PREPARING] = 1 << GROUP_EMPTY | 1 << GROUP_COMPLETING,
        [GROUP_COMPLETING] = 1 << GROUP_PREPARING | 1 << GROUP_STABLE,
        [GROUP_STABLE] = 1 << GROUP_PREPARING,
    };
    assert((allowed[group->state] >> state & 1) != 0);
    assert(state == GROUP_EMPTY || state == GROUP_PREPARING || group->members.count > 0);
    group->state = state;
    group->state_wall_ms = turn->wall_ms;
    group->join_due_ms = TIME_NEVER;
    if (state != GROUP_STABLE) {
        group->sync_due_ms = TIME_NEVER;
    }
}

/* The longest that a member may need to come back; at least 1 whatever it said. */
static int32_t rebalance_ms(const struct group *group)
{
    int32_t longest = 1;
    uint32_t at = 0;
    for (const struct group_member *m; (m = group_member_next(group, &at)) != NULL;) {
        longest = m->rebalance_ms > longest ? m->rebalance_ms : longest;
    }
    return longest;
}

void round_prepare(struct turn *turn, struct group *group)
{
    assert(group->state != GROUP_PREPARING);
    assert(group->state != GROUP_EMPTY || group->joining == group->members.count);
    bool first = group->state == GROUP_EMPTY && turn->shard->config.initial_delay_ms > 0;
    uint32_t at = 0;
    for (const struct map_entry *e; (e = map_next(&group->members, &at)) != NULL;) {
        struct group_member *m = e->value;
        m->owes_sync = false;
        if (m->sync != NULL) { /* of the round that is over */
            turn_refuse(turn, m->sync, KAFKA_REBALANCE_IN_PROGRESS);
            member_touch(turn, m);
        }
    }
    group_set_state(turn, group, GROUP_PREPARING);
    group->first_round = first;
    group->newcomers = false;
    int32_t longest = rebalance_ms(group);
    int32_t delay = turn->shard->config.initial_delay_ms;
    group->join_due_ms = turn->now + (first ? delay : longest);
    assert(group->join_due_ms > turn->now);
    group->wait_left_ms = first ? max_i64(longest - delay, 0) : 0;
    round_look(turn, group);
}

void round_resume(struct turn *turn, struct group *group)
{
    assert(group->state == GROUP_STABLE || group->state == GROUP_EMPTY);
    if (group->state == GROUP_STABLE && map_get(&group->members, group->leader) == NULL) {
        round_prepare(turn, group);
    }
}

/* Members that did not come are out, except static ones, whose time is their session. */
static void drop_absent(struct turn *turn, struct group *group)
{
    assert(group->state == GROUP_PREPARING);
    uint32_t at = 0;
    for (const struct map_entry *e; (e = map_next(&group->members, &at)) != NULL;) {
        struct group_member *m = e->value;
        if (m->join == NULL && m->instance_id.p == NULL) {
            PROBE(GROUP_MEMBER_ABSENT);
            member_fail(turn, m, KAFKA_UNKNOWN_MEMBER_ID);
            member_remove(turn->shard, m);
        }
    }
}

/* The leader stays if it has come, else the first who has. false: nobody has, or memory is out. */
static bool elect(struct group_shard *shard, struct group *group)
{
    const struct group_member *leader = group->leader.p == NULL
                                            ? NULL
                                            : map_get(&group->members, group->leader);
    if (leader != NULL && leader->join != NULL) {
        return true;
    }
    uint32_t at = 0;
    for (const struct group_member *m; (m = group_member_next(group, &at)) != NULL;) {
        if (m->join != NULL) {
            return slice_set(shard, &group->leader, m->id);
        }
    }
    return false;
}

static void tell_generation(struct turn *turn, struct group *group, struct group_member *m)
{
    struct group_call *call = m->join;
    assert(m->group == group && m->sync == NULL && group->state == GROUP_COMPLETING);
    assert(call != NULL || m->instance_id.p != NULL);
    m->fresh = false;
    m->owes_sync = true;
    member_touch(turn, m);
    if (call != NULL) {
        bool leads = slice_eq(group->leader, m->id);
        call->join = (struct group_join_answer){
            .generation = group->generation,
            .protocol_type = group->protocol_type,
            .protocol = group->protocol,
            .leader = group->leader,
            .member_id = m->id,
            .members_of = leads ? group : NULL,
        };
        turn_answer(turn, call, KAFKA_NONE, 0);
    }
}

static void complete_empty(struct turn *turn, struct group *group)
{
    assert(group->members.count == 0 && group->joining == 0);
    slice_drop(turn->shard, &group->protocol);
    slice_drop(turn->shard, &group->leader);
    group->generation++;
    group_set_state(turn, group, GROUP_EMPTY);
    if (!record_group(turn, group)) {
        turn_break(turn);
    }
}

static void complete(struct turn *turn, struct group *group)
{
    drop_absent(turn, group);
    if (group->members.count == 0) {
        complete_empty(turn, group);
        return;
    }
    struct slice choice = group_vote(group);
    assert(group->joining <= group->members.count);
    assert(choice.p != NULL); /* a join that leaves none was refused */
    if (!elect(turn->shard, group) || !slice_set(turn->shard, &group->protocol, choice)) {
        /* Static members only, none of them here: their sessions decide. */
        group->join_due_ms = turn->now + rebalance_ms(group);
        return;
    }
    group->generation++;
    group_set_state(turn, group, GROUP_COMPLETING);
    group->sync_due_ms = turn->now + rebalance_ms(group);
    uint32_t at = 0;
    for (const struct map_entry *e; (e = map_next(&group->members, &at)) != NULL;) {
        tell_generation(turn, group, e->value);
    }
    assert(group->joining == 0);
}

void round_look(struct turn *turn, struct group *group)
{
    if (group->state == GROUP_PREPARING && !group->first_round &&
        (group->joining == group->members.count || (MUTANT(131) && group->joining > 0)) &&
        group->pending.count == 0) {
        complete(turn, group);
    }
    shard_retime(turn->shard, group);
}

static void join_due(struct turn *turn, struct group *group)
{
    if (group->first_round && group->newcomers && group->wait_left_ms > 0) {
        time_ms more = min_i64(turn->shard->config.initial_delay_ms, group->wait_left_ms);
        group->newcomers = false;
        group->wait_left_ms -= more;
        group->join_due_ms = turn->now + more;
        assert(more > 0);
        return;
    }
    group->first_round = false;
    assert(group->join_due_ms <= turn->now);
    complete(turn, group);
    assert(group->join_due_ms > turn->now);
}

void round_member_gone(struct turn *turn, struct group *group)
{
    if (group->state == GROUP_STABLE || group->state == GROUP_COMPLETING) {
        round_prepare(turn, group);
    } else {
        bool nobody = group->members.count == 0 && group->pending.count == 0;
        group->first_round = group->first_round && !nobody; /* else there is nobody to wait for */
        round_look(turn, group);
    }
}

void round_synced(struct turn *turn, struct group *group, struct group_member *m)
{
    assert(group->state == GROUP_COMPLETING || group->state == GROUP_STABLE);
    assert(m->group == group && !m->fresh);
    m->owes_sync = false;
    uint32_t at = 0;
    for (const struct group_member *other; (other = group_member_next(group, &at)) != NULL;) {
        if (other->owes_sync) {
            return;
        }
    }
    group->sync_due_ms = TIME_NEVER;
    shard_retime(turn->shard, group);
}

static void sync_due(struct turn *turn, struct group *group)
{
    uint32_t at = 0;
    assert(group->state == GROUP_COMPLETING || group->state == GROUP_STABLE);
    group->sync_due_ms = TIME_NEVER;
    for (const struct map_entry *e; (e = map_next(&group->members, &at)) != NULL;) {
        struct group_member *m = e->value;
        if (m->owes_sync) {
            PROBE(GROUP_SYNC_OWED);
            member_fail(turn, m, KAFKA_UNKNOWN_MEMBER_ID);
            member_remove(turn->shard, m);
        }
    }
    round_prepare(turn, group);
}

static bool drop_expired(struct turn *turn, struct group *group)
{
    bool gone = false;
    uint32_t at = 0;
    for (const struct map_entry *e; (e = map_next(&group->pending, &at)) != NULL;) {
        if (((struct group_pending *)e->value)->expires_ms <= turn->now) {
            bool removed = group_pending_remove(turn->shard, group, e->key);
            assert(removed);
            gone = true;
        }
    }
    at = 0;
    for (const struct map_entry *e; (e = map_next(&group->members, &at)) != NULL;) {
        struct group_member *m = e->value;
        bool waits = (m->join != NULL && !m->fresh) || m->sync != NULL;
        if (!waits && m->expires_ms <= turn->now) {
            PROBE(GROUP_SESSION_OVER);
            member_fail(turn, m, KAFKA_UNKNOWN_MEMBER_ID);
            member_remove(turn->shard, m);
            gone = true;
        }
    }
    return gone;
}

void round_tick(struct turn *turn, struct group *group)
{
    assert(group->wake_ms <= turn->now);
    if (drop_expired(turn, group)) {
        round_member_gone(turn, group);
    }
    if (group->state == GROUP_PREPARING && group->join_due_ms <= turn->now) {
        join_due(turn, group);
    }
    if (group->sync_due_ms <= turn->now) {
        sync_due(turn, group);
    }
}
