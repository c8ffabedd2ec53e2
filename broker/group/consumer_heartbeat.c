/*
 * ConsumerGroupHeartbeat: a member enters with epoch 0, says what it reads and wants, and hears what it is to read. What one
 * request asks for is done in one step and one write: the member as it is now, the group's next epoch, the target, and the
 * member's own step towards it.
 */
#include "broker/group/consumer_internal.h"

static void refuse(struct turn *turn, const struct group_event *event, enum kafka_error error)
{
    assert(error != KAFKA_NONE);
    event->call->consumer = (struct group_consumer_answer){0};
    turn_refuse(turn, event->call, error);
}

/* ---- the group ---- */

/* The consumer group that the request means; made, or made of a classic one, if the member enters. */
static struct group *group_for(struct turn *turn, const struct group_event *event,
                               enum kafka_error *ret_error)
{
    struct group_shard *shard = turn->shard;
    struct group *group = map_get(&shard->groups, event->who.group);
    bool enters = event->who.generation == 0;
    *ret_error = KAFKA_NONE;
    if (group != NULL && group->consumer != NULL) {
        return group;
    }
    if (!enters) {
        *ret_error = KAFKA_GROUP_ID_NOT_FOUND;
        return NULL;
    }
    if (group == NULL) {
        group = shard_create(shard, event->who.group, turn->wall_ms);
        if (group == NULL || consumer_make(shard, group) == NULL) {
            *ret_error = turn_break(turn);
            return NULL;
        }
        return group;
    }
    *ret_error = consumer_may_upgrade(shard, group);
    if (*ret_error == KAFKA_NONE && !consumer_upgrade(turn, group, event->image)) {
        *ret_error = turn_break(turn);
    }
    return *ret_error == KAFKA_NONE ? group : NULL;
}

/* ---- the member ---- */

struct slice consumer_make_id(struct group_shard *shard)
{
    struct uuid id;
    uint8_t entropy[16];
    do {
        uint64_t a = prng_u64(&shard->prng), b = prng_u64(&shard->prng);
        memcpy(entropy, &a, sizeof(a));
        memcpy(entropy + sizeof(a), &b, sizeof(b));
    } while (!uuid_from_random(entropy, &id));
    return slice_str(arena_printf(&shard->scratch, "%s", uuid_print(id).s));
}

static enum kafka_error check_epoch(const struct consumer_member *m,
                                    const struct group_event *event)
{
    int32_t told = event->who.generation;
    assert(told > 0);
    if (told == m->epoch) {
        return KAFKA_NONE;
    }
    /* The answer with its next epoch may have been lost. */
    bool late = told < m->epoch && told == m->previous_epoch &&
                consumer_owns_subset(m, event->consumer.owned, event->consumer.owned_count);
    return late ? KAFKA_NONE : KAFKA_FENCED_MEMBER_EPOCH;
}

bool consumer_replace(struct turn *turn, struct consumer_member *m, struct slice id)
{
    struct group_shard *shard = turn->shard;
    assert(m->instance_id.p != NULL && id.n > 0);
    if (!record_consumer_member_gone(turn, m) || !consumer_member_rename(shard, m, id) ||
        !consumer_gives_all(turn, m)) {
        return false;
    }
    m->epoch = 0;
    m->previous_epoch = 0;
    m->join_due_ms = TIME_NEVER;
    m->sync_due_ms = TIME_NEVER;
    /* What it says of itself is written when all of it has been heard. */
    return record_consumer_target(turn, m) && record_consumer_current(turn, m);
}

static struct consumer_member *enter(struct turn *turn, struct group *group,
                                     const struct group_event *event, struct slice id,
                                     enum kafka_error *ret_error)
{
    struct consumer *c = group->consumer;
    struct slice instance = event->who.instance_id;
    struct consumer_member *seat = instance.p != NULL ? map_get(&c->statics, instance) : NULL;
    struct consumer_member *m = consumer_member_get(c, id);
    assert(event->who.generation == 0);
    *ret_error = KAFKA_NONE;
    if (seat != NULL) {
        if (!seat->classic && seat->epoch != CONSUMER_STEPS_ASIDE) {
            *ret_error = KAFKA_UNRELEASED_INSTANCE_ID;
        } else if (m != NULL && m != seat) {
            *ret_error = KAFKA_FENCED_INSTANCE_ID; /* somebody else's name */
        } else if (!consumer_replace(turn, seat, id)) {
            *ret_error = turn_break(turn);
        }
        return *ret_error == KAFKA_NONE ? seat : NULL;
    }
    if (m != NULL && (m->instance_id.p != NULL || instance.p != NULL)) {
        *ret_error = KAFKA_FENCED_INSTANCE_ID; /* an id does not become another instance's */
        return NULL;
    }
    if (m == NULL) {
        m = consumer_member_make(turn->shard, group, id, instance);
        *ret_error = m == NULL ? turn_break(turn) : KAFKA_NONE;
    }
    return m;
}

static struct consumer_member *member_for(struct turn *turn, struct group *group,
                                          const struct group_event *event, struct slice id,
                                          enum kafka_error *ret_error)
{
    struct consumer *c = group->consumer;
    struct group_who who = event->who;
    assert(c != NULL && id.n > 0);
    bool full = c->members.count >= turn->shard->config.consumer.members_max &&
                consumer_member_get(c, id) == NULL;
    who.member_id = id;
    if (full) {
        *ret_error = KAFKA_GROUP_MAX_SIZE_REACHED;
        return NULL;
    }
    if (who.generation == 0) {
        return enter(turn, group, event, id, ret_error);
    }
    struct consumer_member *m = consumer_member_who(c, &who, ret_error);
    *ret_error = m == NULL ? *ret_error : check_epoch(m, event);
    return *ret_error == KAFKA_NONE ? m : NULL;
}

/* ---- what it says of itself ---- */

static bool text_take(struct group_shard *shard, struct slice *is, struct slice told, bool *changed)
{
    if (told.p == NULL || (is->p != NULL && slice_eq(*is, told))) {
        return true;
    }
    *changed = true;
    return slice_set(shard, is, told);
}

/* What has changed. */
struct said {
    bool facts;   /* something */
    bool topics;  /* the topics by name */
    bool pattern; /* the pattern */
    bool resolved;
    bool fresh; /* a pattern that nobody had */
};

static bool topics_take(struct turn *turn, struct consumer_member *m,
                        const struct group_event *event, struct said *said)
{
    uint32_t count = event->consumer.topic_count;
    assert(count == 0 || event->consumer.topics != NULL);
    struct slice *topics = arena_array(&turn->shard->scratch, count, sizeof(*topics));
    if (event->consumer.topics == NULL || topics == NULL) {
        return topics != NULL;
    }
    if (count > 0) {
        memcpy(topics, event->consumer.topics, count * sizeof(*topics));
    }
    count = slices_sort(topics, count);
    if (slices_equal(m->topics, m->topic_count, topics, count)) {
        return true;
    }
    said->topics = true;
    said->facts = true;
    return slices_set(turn->shard->heap, &m->topics, &m->topic_count, topics, count);
}

static bool pattern_take(struct turn *turn, struct consumer_member *m,
                         const struct group_event *event, struct said *said)
{
    struct consumer *c = m->group->consumer;
    struct slice told = event->consumer.pattern;
    if (told.p == NULL || slice_eq(m->pattern, told)) {
        return true;
    }
    const struct consumer_pattern *was = m->pattern.n == 0 ? NULL
                                                           : consumer_pattern_get(c, m->pattern);
    const struct consumer_pattern *is = told.n == 0 ? NULL : consumer_pattern_get(c, told);
    said->facts = true;
    said->pattern = true;
    said->fresh = told.n > 0 && is == NULL;
    said->resolved = told.n == 0 || (is != NULL && is->resolved);
    bool last = was != NULL && was->subscribers == 1 && was->resolved;
    if (last && !record_consumer_pattern_gone(turn, m->group, m->pattern)) {
        return false;
    }
    return consumer_set_pattern(turn->shard, m, told);
}

static bool facts_take(struct turn *turn, struct consumer_member *m,
                       const struct group_event *event, struct said *said)
{
    struct group_shard *shard = turn->shard;
    enum assignor assignor;
    bool ok = text_take(shard, &m->rack_id, event->consumer.rack_id, &said->facts) &&
              text_take(shard, &m->client_id, event->consumer.client_id, &said->facts) &&
              text_take(shard, &m->client_host, event->consumer.client_host, &said->facts);
    int32_t rebalance_ms = event->consumer.rebalance_ms;
    if (rebalance_ms != -1 && rebalance_ms != m->rebalance_ms) {
        m->rebalance_ms = rebalance_ms;
        said->facts = true;
    }
    if (event->consumer.assignor.p != NULL) {
        bool known = assignor_find(event->consumer.assignor, &assignor);
        assert(known);
        said->facts = said->facts || m->assignor != (int8_t)assignor;
        m->assignor = (int8_t)assignor;
    }
    if (m->classic) { /* it has changed its protocol */
        said->facts = true;
        ok = ok && consumer_set_protocols(shard, m, false, 0, NULL, 0);
    }
    ok = ok && topics_take(turn, m, event, said) && pattern_take(turn, m, event, said);
    return ok && (!said->facts || record_consumer_member(turn, m));
}

/* ---- the answer ---- */

static bool tell(struct turn *turn, struct consumer_member *m, const struct group_event *event,
                 bool assigned)
{
    struct consumer *c = m->group->consumer;
    struct group_part *parts = arena_array(&turn->shard->scratch, m->assigned.count,
                                           sizeof(*parts));
    if (parts == NULL) {
        return false;
    }
    assert(m->epoch > 0 && m->epoch <= c->target_epoch);
    for (uint32_t i = 0; i < m->assigned.count; i++) {
        assert(part_owner(c, &m->assigned.items[i]) == m);
        parts[i] = (struct group_part){consumer_part_topic(c, &m->assigned.items[i]),
                                       m->assigned.items[i].partition};
    }
    event->call->consumer = (struct group_consumer_answer){
        .member_id = m->id,
        .epoch = m->epoch,
        .heartbeat_ms = c->heartbeat_ms,
        .assigned = assigned,
        .parts = parts,
        .part_count = assigned ? m->assigned.count : 0,
    };
    turn_answer(turn, event->call, KAFKA_NONE, m->group->write);
    return true;
}

static bool live_on(struct turn *turn, struct group *group, struct consumer_member *m,
                    const struct group_event *event)
{
    struct consumer *c = group->consumer;
    struct said said = {.facts = m->epoch == 0}; /* it has come: the log does not know it yet */
    bool changed = false;
    assert(m->group == group);
    bool newer = meta_offset(event->image) > c->image_offset;
    time_ms due_before = min_i64(c->assign_due_ms, m->revoke_due_ms);
    if (newer) {
        consumer_settings(turn, group, event->image);
    }
    if (!facts_take(turn, m, event, &said)) {
        return false;
    }
    /* A pattern that nobody has looked at yet stands for nothing: its topics bring the next epoch. */
    bool bump = c->epoch == 0 || said.topics || (said.pattern && said.resolved);
    if (!consumer_advance(turn, group, event->image, bump) ||
        !consumer_reconcile(turn, m, event->consumer.owned, event->consumer.owned_count,
                            said.topics || said.pattern, &changed)) {
        return false;
    }
    consumer_patterns_look(turn, group, event->topics_version, said.fresh);
    time_ms expires_ms = m->expires_ms;
    consumer_touch(turn, m);
    /* A session that goes on longer leaves the group's deadline a lower bound. */
    if (m->expires_ms < expires_ms || min_i64(c->assign_due_ms, m->revoke_due_ms) != due_before) {
        shard_retime(turn->shard, group);
    }
    bool full = event->consumer.rebalance_ms != -1 && event->consumer.owned != NULL &&
                (event->consumer.topics != NULL || event->consumer.pattern.p != NULL);
    return tell(turn, m, event, event->who.generation == 0 || full || changed);
}

/* What no record could hold is not kept: names of topics need not be those of any. */
static bool too_large(const struct group_shard *shard, const struct group_event *event)
{
    uint64_t bytes = (uint64_t)event->who.instance_id.n + event->consumer.rack_id.n +
                     event->consumer.client_id.n + event->consumer.pattern.n;
    assert(event->consumer.topic_count == 0 || event->consumer.topics != NULL);
    for (uint32_t i = 0; i < event->consumer.topic_count; i++) {
        bytes += 1 + event->consumer.topics[i].n; /* with its length */
    }
    return shard->config.write_bytes_max > 0 && bytes > shard->config.write_bytes_max;
}

void consumer_heartbeat(struct turn *turn, const struct group_event *event)
{
    struct group_shard *shard = turn->shard;
    enum kafka_error error;
    enum assignor assignor;
    assert(event->call->joining == NULL && event->call->syncing == NULL && event->image != NULL);
    /* A seat keeps what is read, and would not move for one who says nothing of it. */
    assert(event->who.generation != 0 ||
           (event->consumer.owned != NULL && event->consumer.owned_count == 0));
    if (event->consumer.assignor.p != NULL &&
        (!assignor_find(event->consumer.assignor, &assignor) ||
         (shard->config.consumer.assignors >> assignor & 1) == 0)) {
        refuse(turn, event, KAFKA_UNSUPPORTED_ASSIGNOR);
        return;
    }
    if (too_large(shard, event)) {
        refuse(turn, event, KAFKA_UNKNOWN_SERVER_ERROR);
        return;
    }
    struct group *group = group_for(turn, event, &error);
    if (group == NULL) {
        refuse(turn, event, error);
        return;
    }
    if (event->who.generation < 0) {
        consumer_leave(turn, group, event);
        return;
    }
    struct slice id = event->who.member_id.n > 0 ? event->who.member_id : consumer_make_id(shard);
    struct consumer_member *m = id.p == NULL ? NULL : member_for(turn, group, event, id, &error);
    if (id.p == NULL) {
        refuse(turn, event, turn_break(turn));
    } else if (m == NULL) {
        refuse(turn, event, error);
    } else if (m->state == CONSUMER_UNKNOWN &&
               (event->consumer.owned == NULL || event->consumer.owned_count > 0)) {
        refuse(turn, event, KAFKA_FENCED_MEMBER_EPOCH);
    } else if (!live_on(turn, group, m, event)) {
        refuse(turn, event, turn_break(turn));
    }
}
