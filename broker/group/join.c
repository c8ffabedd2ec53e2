/* JoinGroup: a member comes, for the first time or again. */
#include "broker/group/consumer_internal.h"

#include <stdio.h>

#define MEMBER_ID_ROOM 320

void join_refuse(struct turn *turn, const struct group_event *event, enum kafka_error error,
                 struct slice member_id)
{
    assert(error != KAFKA_NONE && event->kind == GROUP_JOIN && member_id.p != NULL);
    event->call->join = (struct group_join_answer){
        .generation = -1,
        .leader = slice_of("", 0),
        .member_id = member_id,
    };
    turn_refuse(turn, event->call, error);
}

static struct member_facts facts_of(const struct group_event *event, struct slice id)
{
    return (struct member_facts){
        .id = id,
        .instance_id = event->who.instance_id,
        .client_id = event->join.client_id,
        .client_host = event->join.client_host,
        .protocols = event->join.protocols,
        .protocol_count = event->join.protocol_count,
        .session_ms = event->join.session_ms,
        .rebalance_ms = event->join.rebalance_ms,
    };
}

/* The client's name for itself and 128 random bits. The text is the scratch arena's; NULL: out of memory. */
static struct slice make_id(struct group_shard *shard, const struct group_event *event)
{
    struct slice name = event->who.instance_id.p != NULL ? event->who.instance_id
                                                         : event->join.client_id;
    uint64_t a = prng_u64(&shard->prng), b = prng_u64(&shard->prng);
    int shown = (int)(name.n < MEMBER_ID_ROOM - 40 ? name.n : MEMBER_ID_ROOM - 40);
    char *id = arena_printf(
        &shard->scratch, "%.*s-%08x-%04x-%04x-%04x-%012llx", shown, (const char *)name.p,
        (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff), (unsigned)(0x4000 | (a & 0x0fff)),
        (unsigned)(0x8000 | (b >> 48 & 0x3fff)), (unsigned long long)(b & 0xffffffffffffULL));
    return slice_str(id);
}

static bool may_enter(const struct group_shard *shard, const struct group *group)
{
    uint32_t here = group->state == GROUP_PREPARING ? group->joining : group->members.count;
    return group->state == GROUP_EMPTY || here < shard->config.members_max;
}

/* The member waits for the generation that is being made. What it waited for before is over. */
static void wait_join(struct turn *turn, struct group_member *m, struct group_call *call)
{
    assert(call->joining == NULL && call->syncing == NULL);
    member_fail(turn, m, KAFKA_REBALANCE_IN_PROGRESS);
    m->join = call;
    call->joining = m;
    m->group->joining++;
    assert(m->group->joining <= m->group->members.count);
}

static void rebalance(struct turn *turn, struct group *group)
{
    if (group->state == GROUP_PREPARING) {
        round_look(turn, group);
    } else {
        round_prepare(turn, group);
    }
}

static void enter(struct turn *turn, struct group *group, const struct group_event *event,
                  struct slice id)
{
    struct group_shard *shard = turn->shard;
    struct member_facts facts = facts_of(event, id);
    assert(id.n > 0 && event->join.protocol_count > 0);
    struct group_member *m = member_add(shard, group, &facts);
    if (m == NULL) {
        join_refuse(turn, event, KAFKA_COORDINATOR_NOT_AVAILABLE, id);
        return;
    }
    if (group->members.count == 1 &&
        !slice_set(shard, &group->protocol_type, event->join.protocol_type)) {
        join_refuse(turn, event, turn_break(turn), id);
        return;
    }
    m->fresh = true;
    member_touch(turn, m);
    group->newcomers = true;
    wait_join(turn, m, event->call);
    rebalance(turn, group);
}

static void join_again(struct turn *turn, struct group_member *m, const struct group_event *event)
{
    struct member_facts facts = facts_of(event, m->id);
    if (!member_update(turn->shard, m, &facts)) {
        join_refuse(turn, event, KAFKA_COORDINATOR_NOT_AVAILABLE, m->id);
        return;
    }
    member_touch(turn, m);
    wait_join(turn, m, event->call);
    rebalance(turn, m->group);
}

/* The generation as it stands: the answer to the last question got lost, or nothing has changed. */
static void tell_current(struct turn *turn, struct group_member *m, const struct group_event *event,
                         bool with_members)
{
    struct group *group = m->group;
    assert(group->state == GROUP_STABLE || group->state == GROUP_COMPLETING);
    assert(m->join == NULL && !m->fresh);
    event->call->join = (struct group_join_answer){
        .generation = group->generation,
        .protocol_type = group->protocol_type,
        .protocol = group->protocol,
        .leader = group->leader,
        .member_id = m->id,
        .members_of = with_members ? group : NULL,
    };
    member_touch(turn, m);
    turn_answer(turn, event->call, KAFKA_NONE, group->write);
    shard_retime(turn->shard, group);
}

/* ---- a static member returns under a new id (KIP-345) ---- */

static void told_as_replacement(struct turn *turn, struct group_member *m,
                                const struct group_event *event, bool led, struct slice old_id)
{
    struct group *group = m->group;
    assert(group->state == GROUP_STABLE && group->write == turn_write(turn));
    assert(m->join == NULL && m->sync == NULL);
    bool skip = led && event->join.may_skip;
    event->call->join = (struct group_join_answer){
        .generation = group->generation,
        .protocol_type = group->protocol_type,
        .protocol = group->protocol,
        /* Who does not know how to skip is not told that it leads: nothing is to be assigned. */
        .leader = led && !skip ? old_id : group->leader,
        .member_id = m->id,
        .skip_assignment = skip,
        .members_of = skip ? group : NULL,
    };
    turn_answer(turn, event->call, KAFKA_NONE, group->write);
}

static void replace_static(struct turn *turn, struct group_member *m,
                           const struct group_event *event, struct slice id)
{
    struct group_shard *shard = turn->shard;
    struct group *group = m->group;
    assert(m->instance_id.p != NULL && !slice_eq(m->id, id));
    struct member_facts facts = facts_of(event, id);
    PROBE(GROUP_STATIC_RETURNS);
    bool led = slice_eq(group->leader, m->id);
    struct slice old_id;
    bool ok = arena_copy(&shard->scratch, m->id, &old_id) && member_update(shard, m, &facts) &&
              (!led || slice_set(shard, &group->leader, id)) &&
              seat_rename(shard, &group->members, &m->id, id, m);
    if (!ok) { /* the leader's name may already be the new one */
        join_refuse(turn, event, turn_break(turn), id);
        return;
    }
    member_fail(turn, m, KAFKA_FENCED_INSTANCE_ID);
    member_touch(turn, m);
    bool keeps = group->state == GROUP_STABLE && slice_eq(group_vote(group), group->protocol);
    if (keeps && record_group(turn, group)) {
        told_as_replacement(turn, m, event, led, old_id);
        shard_retime(shard, group);
        return;
    }
    wait_join(turn, m, event->call);
    rebalance(turn, group);
}

/* ---- the request ---- */

static void join_new(struct turn *turn, struct group *group, const struct group_event *event)
{
    struct group_shard *shard = turn->shard;
    struct slice id = make_id(shard, event);
    struct group_member *seat = event->who.instance_id.p == NULL
                                    ? NULL
                                    : map_get(&group->statics, event->who.instance_id);
    if (id.p == NULL) {
        join_refuse(turn, event, KAFKA_COORDINATOR_NOT_AVAILABLE, slice_of("", 0));
    } else if (seat != NULL) {
        replace_static(turn, seat, event, id);
    } else if (event->who.instance_id.p == NULL && event->join.id_first) {
        bool given = group_pending_add(shard, group, id, turn->now + event->join.session_ms);
        join_refuse(turn, event, given ? KAFKA_MEMBER_ID_REQUIRED : KAFKA_COORDINATOR_NOT_AVAILABLE,
                    id);
        shard_retime(shard, group);
    } else {
        enter(turn, group, event, id);
    }
}

static void join_known(struct turn *turn, struct group *group, const struct group_event *event)
{
    struct slice id = event->who.member_id;
    assert(id.n > 0);
    /* An id that was given out is no static member's. */
    if (event->who.instance_id.p == NULL && group_pending_remove(turn->shard, group, id)) {
        enter(turn, group, event, id);
        return;
    }
    enum kafka_error error;
    struct group_member *m = member_find(group, &event->who, &error);
    if (m == NULL) {
        join_refuse(turn, event, error, id);
        return;
    }
    bool same = protocols_equal(m->protocols, m->protocol_count, event->join.protocols,
                                event->join.protocol_count);
    bool leads = slice_eq(group->leader, m->id);
    if (group->state == GROUP_COMPLETING && same) {
        tell_current(turn, m, event, leads);
    } else if (group->state == GROUP_STABLE && same && !leads) {
        tell_current(turn, m, event, false);
    } else {
        join_again(turn, m, event);
    }
}

static enum kafka_error check(const struct group_shard *shard, const struct group *group,
                              const struct group_event *event)
{
    if (event->join.session_ms < shard->config.session_min_ms ||
        event->join.session_ms > shard->config.session_max_ms) {
        return KAFKA_INVALID_SESSION_TIMEOUT;
    }
    if (group == NULL) {
        bool known = event->who.member_id.n > 0;
        bool says = event->join.protocol_type.n > 0 && event->join.protocol_count > 0 &&
                    event->join.protocol_count <= GROUP_PROTOCOLS_MAX;
        return known  ? KAFKA_UNKNOWN_MEMBER_ID
               : says ? KAFKA_NONE
                      : KAFKA_INCONSISTENT_GROUP_PROTOCOL;
    }
    bool seated = map_get(&group->members, event->who.member_id) != NULL ||
                  (event->who.instance_id.p != NULL &&
                   map_get(&group->statics, event->who.instance_id) != NULL);
    if (!seated && !may_enter(shard, group)) {
        return KAFKA_GROUP_MAX_SIZE_REACHED;
    }
    return group_supports(group, event->join.protocol_type, event->join.protocols,
                          event->join.protocol_count)
               ? KAFKA_NONE
               : KAFKA_INCONSISTENT_GROUP_PROTOCOL;
}

/* What no record could hold is not kept. Kafka keeps it, and refuses what the leader hands in; the error is the same. */
static bool too_large(const struct group_shard *shard, const struct group_event *event)
{
    uint64_t bytes = (uint64_t)event->who.instance_id.n + event->join.client_id.n;
    assert(event->kind == GROUP_JOIN);
    assert(event->join.protocol_count == 0 || event->join.protocols != NULL);
    for (uint32_t i = 0; i < event->join.protocol_count; i++) {
        bytes += event->join.protocols[i].name.n;
        bytes += event->join.protocols[i].metadata.n;
    }
    return shard->config.write_bytes_max > 0 && bytes > shard->config.write_bytes_max;
}

void group_join(struct turn *turn, const struct group_event *event)
{
    struct group_shard *shard = turn->shard;
    struct group *group = map_get(&shard->groups, event->who.group);
    assert(event->call->joining == NULL && event->call->syncing == NULL);
    if (too_large(shard, event)) {
        join_refuse(turn, event, KAFKA_UNKNOWN_SERVER_ERROR, event->who.member_id);
        return;
    }
    if (group != NULL && group->consumer != NULL && group->consumer->members.count > 0) {
        consumer_classic_join(turn, group, event);
        return;
    }
    enum kafka_error error = check(shard, group, event);
    if (error == KAFKA_NONE && group != NULL && group->consumer != NULL) {
        error = consumer_end(turn, group) ? KAFKA_NONE : KAFKA_COORDINATOR_NOT_AVAILABLE;
    }
    if (error == KAFKA_NONE && group == NULL) {
        group = shard_create(shard, event->who.group, turn->wall_ms);
        error = group == NULL ? KAFKA_COORDINATOR_NOT_AVAILABLE : KAFKA_NONE;
    }
    if (error != KAFKA_NONE) {
        join_refuse(turn, event, error, event->who.member_id);
    } else if (event->who.member_id.n == 0) {
        join_new(turn, group, event);
    } else {
        join_known(turn, group, event);
    }
}
