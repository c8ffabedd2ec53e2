/*
 * Members of the classic protocol in a consumer group. JoinGroup says what they want and hold, and moves them a step; their
 * generation is their member epoch, and none of them leads. SyncGroup tells them what they are to read, Heartbeat when there is a
 * step to take. Where the consumer protocol says STALE_MEMBER_EPOCH they hear ILLEGAL_GENERATION.
 */
#include "broker/group/consumer_protocol.h"

/* One of these is known to every member of the classic protocol. */
static bool supported(const struct consumer *c, const struct group_event *event)
{
    assert(c->classic_count <= c->members.count);
    if (!slice_eq(event->join.protocol_type, slice_str("consumer"))) {
        return false;
    }
    for (uint32_t i = 0; i < event->join.protocol_count; i++) {
        if (consumer_all_know(c, event->join.protocols[i].name)) {
            return true;
        }
    }
    return false;
}

static enum kafka_error join_check(const struct group_shard *shard, const struct consumer *c,
                                   const struct group_event *event)
{
    if (event->join.session_ms < shard->config.session_min_ms ||
        event->join.session_ms > shard->config.session_max_ms) {
        return KAFKA_INVALID_SESSION_TIMEOUT;
    }
    bool known = event->who.member_id.n > 0 && consumer_member_get(c, event->who.member_id) != NULL;
    if (!known && c->members.count >= shard->config.consumer.members_max) {
        return KAFKA_GROUP_MAX_SIZE_REACHED;
    }
    bool few = event->join.protocol_count > 0 && event->join.protocol_count <= GROUP_PROTOCOLS_MAX;
    return few && supported(c, event) ? KAFKA_NONE : KAFKA_INCONSISTENT_GROUP_PROTOCOL;
}

/* The member that joins: the one there is, another one, or a static one that returns. */
static struct consumer_member *joiner(struct turn *turn, struct group *group,
                                      const struct group_event *event, struct slice id,
                                      enum kafka_error *ret_error)
{
    struct consumer *c = group->consumer;
    struct slice instance = event->who.instance_id;
    struct consumer_member *seat = instance.p != NULL ? map_get(&c->statics, instance) : NULL;
    struct consumer_member *m = consumer_member_get(c, id);
    *ret_error = KAFKA_NONE;
    assert(id.n > 0 && (seat == NULL || seat->instance_id.p != NULL));
    /* Who stepped aside and comes back under the same id comes anew, and reads nothing. */
    bool back = seat != NULL && seat == m && seat->epoch == CONSUMER_STEPS_ASIDE;
    if (instance.p != NULL && event->who.member_id.n > 0 && !back) {
        *ret_error = seat == NULL ? KAFKA_UNKNOWN_MEMBER_ID
                     : seat != m  ? KAFKA_FENCED_INSTANCE_ID
                                  : KAFKA_NONE;
        return *ret_error == KAFKA_NONE ? seat : NULL;
    }
    if (seat != NULL) {
        if (!consumer_replace(turn, seat, id)) {
            *ret_error = turn_break(turn);
        }
        return *ret_error == KAFKA_NONE ? seat : NULL;
    }
    if (m != NULL && m->instance_id.p != NULL) {
        *ret_error = KAFKA_FENCED_INSTANCE_ID; /* an id does not leave its instance */
        return NULL;
    }
    m = m != NULL ? m : consumer_member_make(turn->shard, group, id, instance);
    *ret_error = m == NULL ? turn_break(turn) : KAFKA_NONE;
    return m;
}

static bool protocols_same(const struct consumer_member *m, const struct group_event *event)
{
    assert(event->join.protocol_count > 0);
    return m->classic && m->session_ms == event->join.session_ms &&
           protocols_equal(m->protocols, m->protocol_count, event->join.protocols,
                           event->join.protocol_count);
}

/* What it says of itself; written down if it is new. */
static bool facts_take(struct turn *turn, struct consumer_member *m,
                       const struct group_event *event,
                       const struct kmsg_consumer_protocol_subscription *said, bool *ret_changed)
{
    struct group_shard *shard = turn->shard;
    bool rack = said->rack_id.p != NULL && !slice_same(m->rack_id, said->rack_id);
    bool fresh = m->epoch == 0 || rack || !protocols_same(m, event) || m->pattern.n > 0 ||
                 m->rebalance_ms != event->join.rebalance_ms ||
                 !slice_same(m->client_id, event->join.client_id) ||
                 !slice_same(m->client_host, event->join.client_host);
    m->rebalance_ms = event->join.rebalance_ms;
    const struct consumer_pattern *was = m->pattern.n == 0
                                             ? NULL
                                             : consumer_pattern_get(m->group->consumer, m->pattern);
    bool last = was != NULL && was->subscribers == 1 && was->resolved;
    bool pattern = m->pattern.n > 0;
    assert((was != NULL) == pattern);
    bool ok = (!last || record_consumer_pattern_gone(turn, m->group, m->pattern)) &&
              consumer_set_pattern(shard, m, (struct slice){0}) &&
              slice_set(shard, &m->client_id, event->join.client_id) &&
              slice_set(shard, &m->client_host, event->join.client_host) &&
              consumer_set_protocols(shard, m, true, event->join.session_ms, event->join.protocols,
                                     event->join.protocol_count) &&
              consumer_subscription_take(shard, m, said, ret_changed);
    assert(!ok || (m->classic && m->pattern.n == 0));
    fresh = fresh || *ret_changed;
    *ret_changed = *ret_changed || pattern;
    return ok && (!fresh || record_consumer_member(turn, m));
}

static void join_tell(struct consumer_member *m, const struct group_event *event)
{
    assert(m->protocol_count > 0);
    assert(m->classic);
    event->call->join = (struct group_join_answer){
        .generation = m->epoch,
        .protocol_type = slice_str("consumer"),
        .protocol = m->protocols[0].name,
        .leader = slice_of("", 0),
        .member_id = m->id,
    };
}

static bool join_step(struct turn *turn, struct group *group, struct consumer_member *m,
                      const struct group_event *event,
                      const struct kmsg_consumer_protocol_subscription *said, bool last)
{
    struct consumer *c = group->consumer;
    struct group_part *owned;
    uint32_t owned_count;
    bool changed = false, moved, came = m->epoch == 0; /* and has nothing, whatever it says */
    assert(m->group == group && event->image != NULL);
    if (meta_offset(event->image) > c->image_offset) {
        consumer_settings(turn, group, event->image);
    }
    if (!facts_take(turn, m, event, said, &changed) ||
        !consumer_advance(turn, group, event->image, changed || c->epoch == 0) ||
        !consumer_parts_owned(turn, event->image, said, &owned, &owned_count) ||
        !consumer_reconcile(turn, m, owned, came ? 0 : owned_count, changed, &moved)) {
        return false;
    }
    assert(m->classic && m->epoch >= 0);
    consumer_touch(turn, m);
    m->revoke_due_ms = TIME_NEVER;
    m->join_due_ms = TIME_NEVER;
    m->sync_due_ms = turn->now + max_i64(m->rebalance_ms, 1);
    join_tell(m, event);
    if (last) {
        struct slice id;
        /* The group is another one in a moment, and the answer borrows from this one. */
        if (!arena_copy(&turn->shard->scratch, m->id, &id) ||
            !arena_copy(&turn->shard->scratch, m->protocols[0].name, &event->call->join.protocol) ||
            !consumer_downgrade(turn, group, NULL, event->image, true)) {
            return false;
        }
        event->call->join.member_id = id;
    }
    turn_answer(turn, event->call, KAFKA_NONE, group->write);
    shard_retime(turn->shard, group);
    return true;
}

void consumer_classic_join(struct turn *turn, struct group *group, const struct group_event *event)
{
    struct consumer *c = group->consumer;
    struct kmsg_consumer_protocol_subscription said;
    assert(c->members.count > 0 && event->call->joining == NULL);
    enum kafka_error error = join_check(turn->shard, c, event);
    bool nameless = event->who.member_id.n == 0;
    struct slice id = nameless ? consumer_make_id(turn->shard) : event->who.member_id;
    if (error == KAFKA_NONE && id.p == NULL) {
        error = KAFKA_COORDINATOR_NOT_AVAILABLE;
    }
    if (error == KAFKA_NONE && nameless && event->join.id_first) {
        join_refuse(turn, event, KAFKA_MEMBER_ID_REQUIRED, id); /* it is not remembered */
        return;
    }
    if (error == KAFKA_NONE &&
        !consumer_subscription_decode(turn->shard, event->join.protocols[0].metadata, &said)) {
        error = KAFKA_INCONSISTENT_GROUP_PROTOCOL;
    }
    if (error != KAFKA_NONE) {
        join_refuse(turn, event, error, event->who.member_id);
        return;
    }
    bool last = consumer_last_changes(turn->shard, group, &event->who, event->image);
    struct consumer_member *m = joiner(turn, group, event, id, &error);
    if (m == NULL) {
        join_refuse(turn, event, error, event->who.member_id);
    } else if (!join_step(turn, group, m, event, &said, last)) {
        join_refuse(turn, event, turn_break(turn), event->who.member_id);
    }
}

/* ---- SyncGroup, Heartbeat ---- */

/* The classic member that a request speaks for, in its generation. */
static struct consumer_member *speaker(struct group *group, const struct group_event *event,
                                       enum kafka_error *ret_error)
{
    struct consumer_member *m = consumer_member_who(group->consumer, &event->who, ret_error);
    if (m != NULL && !m->classic) {
        *ret_error = KAFKA_UNKNOWN_MEMBER_ID;
    } else if (m != NULL && m->epoch != event->who.generation) {
        *ret_error = KAFKA_ILLEGAL_GENERATION;
    }
    assert(*ret_error != KAFKA_NONE || (m != NULL && m->classic));
    return *ret_error == KAFKA_NONE ? m : NULL;
}

static void await_join(struct turn *turn, struct consumer_member *m)
{
    if (m->join_due_ms == TIME_NEVER) {
        m->join_due_ms = turn->now + max_i64(m->rebalance_ms, 1);
        shard_retime(turn->shard, m->group);
    }
    assert(m->classic);
}

void consumer_classic_sync(struct turn *turn, struct group *group, const struct group_event *event)
{
    enum kafka_error error;
    struct slice bytes;
    struct consumer_member *m = speaker(group, event, &error);
    if (m == NULL) {
        sync_refuse(turn, event->call, error);
        return;
    }
    if (m->protocol_count == 0 ||
        sync_otherwise(event->sync.protocol_type, slice_str("consumer")) ||
        sync_otherwise(event->sync.protocol, m->protocols[0].name)) {
        sync_refuse(turn, event->call, KAFKA_INCONSISTENT_GROUP_PROTOCOL);
        return;
    }
    if (group->consumer->epoch > m->epoch && m->state != CONSUMER_UNREVOKED) {
        await_join(turn, m);
        sync_refuse(turn, event->call, KAFKA_REBALANCE_IN_PROGRESS);
        return;
    }
    if (!consumer_assignment_encode(turn, m, &m->assigned, event->image, &bytes)) {
        sync_refuse(turn, event->call, KAFKA_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    assert(bytes.n >= 2);
    m->sync_due_ms = TIME_NEVER;
    consumer_touch(turn, m);
    event->call->sync = (struct group_sync_answer){
        .protocol_type = slice_str("consumer"),
        .protocol = m->protocols[0].name,
        .assignment = bytes,
    };
    turn_answer(turn, event->call, KAFKA_NONE, group->write);
    shard_retime(turn->shard, group);
}

void consumer_classic_heartbeat(struct turn *turn, struct group *group,
                                const struct group_event *event)
{
    enum kafka_error error;
    struct consumer_member *m = speaker(group, event, &error);
    if (m == NULL) {
        turn_refuse(turn, event->call, error);
        return;
    }
    consumer_touch(turn, m); /* later than before: its group's deadline stays a lower bound */
    /* There is another epoch, something to give back, or all that it waited for is free. */
    assert(m->epoch <= group->consumer->epoch);
    bool again = m->epoch < group->consumer->epoch || m->state == CONSUMER_UNREVOKED ||
                 (m->state == CONSUMER_UNRELEASED && !consumer_waits_for_others(m));
    if (again) {
        await_join(turn, m);
        turn_refuse(turn, event->call, KAFKA_REBALANCE_IN_PROGRESS);
    } else {
        turn_answer(turn, event->call, KAFKA_NONE, 0);
    }
}

/* ---- LeaveGroup ---- */

/* Who has left, by protocol. */
struct left {
    bool classic, next;
};

/* Administrators remove members of either protocol so. */
static bool leave_one(struct turn *turn, struct group *group, struct group_leaver *leaver,
                      struct left *left)
{
    struct consumer *c = group->consumer;
    struct group_who who = {.member_id = leaver->member_id, .instance_id = leaver->instance_id};
    struct consumer_member *m = NULL;
    leaver->error = KAFKA_NONE;
    assert(c != NULL && c->classic_count <= c->members.count);
    if (leaver->instance_id.p != NULL && leaver->member_id.n == 0) {
        /* An administrator names static members by their instance alone. */
        m = map_get(&c->statics, leaver->instance_id);
        leaver->error = m == NULL ? KAFKA_UNKNOWN_MEMBER_ID : KAFKA_NONE;
    } else {
        m = consumer_member_who(c, &who, &leaver->error);
    }
    if (m == NULL) {
        return true;
    }
    assert(leaver->error == KAFKA_NONE);
    *(m->classic ? &left->classic : &left->next) = true;
    return consumer_take_out(turn, m);
}

void consumer_classic_leave(struct turn *turn, struct group *group, const struct group_event *event)
{
    struct left left = {false, false};
    bool ok = true;
    assert(group->consumer != NULL && (event->leave.count == 0 || event->leave.leavers != NULL));
    for (uint32_t i = 0; ok && i < event->leave.count; i++) {
        ok = leave_one(turn, group, &event->leave.leavers[i], &left);
    }
    if (ok && left.next && consumer_may_downgrade(turn->shard, group, NULL, event->image)) {
        ok = consumer_downgrade(turn, group, NULL, event->image, false);
    } else if (ok && (left.next || left.classic)) {
        ok = consumer_bump(turn, group);
    }
    if (!ok) {
        turn_refuse(turn, event->call, turn_break(turn));
        return;
    }
    turn_answer(turn, event->call, KAFKA_NONE, left.next || left.classic ? group->write : 0);
    shard_retime(turn->shard, group);
}
