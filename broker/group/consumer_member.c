/* Members of a consumer group, and the group as a whole: made, changed, dropped. */
#include "broker/group/consumer_internal.h"

const char *consumer_state_text(const struct consumer *c)
{
    uint32_t at = 0;
    assert(c->target_epoch <= c->epoch);
    if (c->members.count == 0) {
        return "Empty";
    }
    if (c->epoch > c->target_epoch) {
        return "Assigning";
    }
    for (const struct consumer_member *m; (m = consumer_member_next(c, &at)) != NULL;) {
        if (!consumer_settled(m)) {
            return "Reconciling";
        }
    }
    return "Stable";
}

bool consumer_settled(const struct consumer_member *m)
{
    assert(m->group->consumer != NULL);
    return m->state == CONSUMER_STABLE && m->epoch == m->group->consumer->target_epoch;
}

const struct consumer_member *consumer_member_next(const struct consumer *c, uint32_t *at)
{
    const struct map_entry *e = map_next(&c->members, at);
    return e == NULL ? NULL : e->value;
}

struct consumer_member *consumer_member_get(const struct consumer *c, struct slice id)
{
    assert(id.n == 0 || id.p != NULL);
    return map_get(&c->members, id);
}

const struct consumer_member *consumer_member_find(const struct consumer *c, struct slice id)
{
    return consumer_member_get(c, id);
}

struct consumer_member *consumer_member_who(const struct consumer *c, const struct group_who *who,
                                            enum kafka_error *ret_error)
{
    struct consumer_member *m = who->instance_id.p != NULL ? map_get(&c->statics, who->instance_id)
                                                           : map_get(&c->members, who->member_id);
    *ret_error = m == NULL                          ? KAFKA_UNKNOWN_MEMBER_ID
                 : !slice_eq(m->id, who->member_id) ? KAFKA_FENCED_INSTANCE_ID
                                                    : KAFKA_NONE;
    assert(m != NULL || *ret_error != KAFKA_NONE);
    return *ret_error == KAFKA_NONE ? m : NULL;
}

/* ---- the group ---- */

struct consumer *consumer_make(struct group_shard *shard, struct group *group)
{
    assert(group->consumer == NULL && group->id.n > 0);
    struct consumer *c = HEAP_NEW(shard->heap, struct consumer);
    if (c == NULL) {
        return NULL;
    }
    map_init_borrowing(&c->members, shard->heap, shard->config.hash_key);
    map_init_borrowing(&c->statics, shard->heap, shard->config.hash_key);
    map_init_borrowing(&c->patterns, shard->heap, shard->config.hash_key);
    map_init_borrowing(&c->topic_ids, shard->heap, shard->config.hash_key);
    c->image_offset = -1;
    c->session_ms = shard->config.consumer.session_ms;
    c->heartbeat_ms = shard->config.consumer.heartbeat_ms;
    c->interval_ms = shard->config.consumer.assignment_interval_ms;
    c->assign_due_ms = TIME_NEVER;
    c->matched_ms = -1;
    group->consumer = c;
    return c;
}

void consumer_forget_classic(struct group_shard *shard, struct group *group)
{
    assert(group->members.count == 0 && group->pending.count == 0 && group->joining == 0);
    group->state = GROUP_EMPTY;
    group->generation = 0;
    group->first_round = false;
    group->join_due_ms = TIME_NEVER;
    group->sync_due_ms = TIME_NEVER;
    slice_drop(shard, &group->protocol_type);
    slice_drop(shard, &group->protocol);
    slice_drop(shard, &group->leader);
}

static void racks_free(struct group_shard *shard, struct consumer *c)
{
    assert(c->rack_count == 0 || c->racks != NULL);
    for (uint32_t i = 0; i < c->rack_count; i++) {
        slice_drop(shard, &c->racks[i]);
    }
    heap_free(shard->heap, c->racks, ASSIGN_RACKS_MAX * sizeof(*c->racks));
}

void consumer_unmake(struct group_shard *shard, struct group *group)
{
    struct consumer *c = group->consumer;
    uint32_t at = 0;
    assert(c != NULL);
    for (const struct map_entry *e; (e = map_next(&c->members, &at)) != NULL;) {
        consumer_member_drop(shard, e->value);
    }
    at = 0;
    for (const struct map_entry *e; (e = map_next(&c->patterns, &at)) != NULL;) {
        consumer_pattern_drop(shard, c, e->value);
    }
    assert(c->members.count == 0 && c->statics.count == 0 && c->patterns.count == 0);
    consumer_topics_release(shard, c);
    racks_free(shard, c);
    map_release(&c->members);
    map_release(&c->statics);
    map_release(&c->patterns);
    map_release(&c->topic_ids);
    heap_free(shard->heap, c, sizeof(*c));
    group->consumer = NULL;
}

/* ---- members ---- */

static void member_free(struct group_shard *shard, struct consumer_member *m)
{
    assert(m->assigned.count == 0 && m->revoking.count == 0 && m->target.count == 0);
    assert(m->pattern.n == 0 && m->protocol_count == 0);
    slices_free(shard->heap, m->topics, m->topic_count);
    slice_drop(shard, &m->id);
    slice_drop(shard, &m->instance_id);
    slice_drop(shard, &m->rack_id);
    slice_drop(shard, &m->client_id);
    slice_drop(shard, &m->client_host);
    slice_drop(shard, &m->pattern);
    heap_free(shard->heap, m, sizeof(*m));
}

struct consumer_member *consumer_member_make(struct group_shard *shard, struct group *group,
                                             struct slice id, struct slice instance_id)
{
    struct consumer *c = group->consumer;
    assert(id.n > 0 && consumer_member_get(c, id) == NULL);
    assert(instance_id.p == NULL || map_get(&c->statics, instance_id) == NULL);
    struct consumer_member *m = HEAP_NEW(shard->heap, struct consumer_member);
    if (m == NULL) {
        return NULL;
    }
    m->group = group;
    m->assignor = -1;
    m->rebalance_ms = -1;
    m->expires_ms = TIME_NEVER;
    m->revoke_due_ms = TIME_NEVER;
    m->join_due_ms = TIME_NEVER;
    m->sync_due_ms = TIME_NEVER;
    if (!heap_copy(shard->heap, id, &m->id) ||
        !heap_copy(shard->heap, instance_id, &m->instance_id) ||
        !seat_take(&c->members, &c->statics, m->id, m->instance_id, m)) {
        member_free(shard, m);
        return NULL;
    }
    return m;
}

void consumer_member_drop(struct group_shard *shard, struct consumer_member *m)
{
    struct consumer *c = m->group->consumer;
    assert(c != NULL && c->members.count > 0);
    void *removed = map_remove(&c->members, m->id);
    assert(removed == m);
    if (m->instance_id.p != NULL && map_get(&c->statics, m->instance_id) == m) {
        removed = map_remove(&c->statics, m->instance_id);
        assert(removed == m);
    }
    owners_leave(c, m);
    /* To nothing: no memory is taken. */
    bool ok = parts_set(shard, c, &m->assigned, NULL, 0) &&
              parts_set(shard, c, &m->revoking, NULL, 0) &&
              parts_set(shard, c, &m->target, NULL, 0) &&
              consumer_set_pattern(shard, m, (struct slice){0}) &&
              consumer_set_protocols(shard, m, false, 0, NULL, 0);
    assert(ok);
    member_free(shard, m);
}

bool consumer_member_rename(struct group_shard *shard, struct consumer_member *m, struct slice id)
{
    assert(m->instance_id.p != NULL && id.n > 0);
    return slice_eq(m->id, id) || seat_rename(shard, &m->group->consumer->members, &m->id, id, m);
}

bool consumer_gives_all(struct turn *turn, struct consumer_member *m)
{
    struct consumer *c = m->group->consumer;
    assert(turn->shard->loaded && m->instance_id.p != NULL);
    m->revoke_due_ms = TIME_NEVER;
    m->state = m->state == CONSUMER_UNKNOWN ? CONSUMER_STABLE : m->state;
    owners_leave(c, m);
    return parts_set(turn->shard, c, &m->revoking, NULL, 0) && owners_take(turn->shard, c, m);
}

bool consumer_set_protocols(struct group_shard *shard, struct consumer_member *m, bool classic,
                            int32_t session_ms, const struct group_protocol *protocols,
                            uint32_t count)
{
    assert(classic || count == 0);
    if (!protocols_set(shard, &m->protocols, &m->protocol_count, protocols, count)) {
        return false;
    }
    m->group->consumer->classic_count += (uint32_t)classic - (uint32_t)m->classic;
    assert(m->group->consumer->classic_count <= m->group->consumer->members.count);
    m->classic = classic;
    m->session_ms = session_ms;
    if (!classic) { /* it is not asked to join, nor to ask, any more */
        m->join_due_ms = TIME_NEVER;
        m->sync_due_ms = TIME_NEVER;
    }
    return true;
}

bool consumer_set_pattern(struct group_shard *shard, struct consumer_member *m,
                          struct slice pattern)
{
    struct consumer *c = m->group->consumer;
    struct consumer_pattern *was = m->pattern.n > 0 ? consumer_pattern_get(c, m->pattern) : NULL;
    struct consumer_pattern *is = NULL;
    if (slice_eq(m->pattern, pattern)) {
        return true;
    }
    assert((was != NULL) == (m->pattern.n > 0));
    if (pattern.n > 0) {
        is = consumer_pattern_get(c, pattern);
        is = is != NULL ? is : consumer_pattern_make(shard, c, pattern);
        if (is == NULL) {
            return false;
        }
    }
    if (!slice_set(shard, &m->pattern, pattern.n > 0 ? pattern : (struct slice){0})) {
        return false;
    }
    if (is != NULL) {
        is->subscribers++;
        assert(is->subscribers <= c->members.count);
    }
    if (was != NULL) {
        assert(was->subscribers > 0);
        if (--was->subscribers == 0 && shard->loaded) { /* the log says itself when it goes */
            consumer_pattern_drop(shard, c, was);
        }
    }
    return true;
}

/* ---- time ---- */

void consumer_touch(struct turn *turn, struct consumer_member *m)
{
    int32_t session_ms = m->classic ? m->session_ms : m->group->consumer->session_ms;
    assert(turn->now >= 0);
    m->expires_ms = turn->now + max_i64(session_ms, 1);
}

time_ms consumer_wake(const struct consumer *c)
{
    assert(c->statics.count <= c->members.count);
    time_ms wake = c->members.count > 0 ? c->assign_due_ms : TIME_NEVER;
    uint32_t at = 0;
    for (const struct consumer_member *m; (m = consumer_member_next(c, &at)) != NULL;) {
        wake = min_i64(wake, min_i64(m->expires_ms, m->revoke_due_ms));
        wake = min_i64(wake, min_i64(m->join_due_ms, m->sync_due_ms));
    }
    return wake;
}

/* A log that somebody else wrote may give a partition to two: the one that came first keeps it. */
static bool claim(struct turn *turn, struct consumer *c, struct consumer_member *m)
{
    struct group_shard *shard = turn->shard;
    struct consumer_parts *sets[] = {&m->assigned, &m->revoking};
    assert(shard->loaded && m->group->consumer == c);
    for (int s = 0; s < 2; s++) {
        struct consumer_part *free_ones = arena_array(&shard->scratch, sets[s]->count,
                                                      sizeof(*free_ones));
        uint32_t count = 0;
        if (free_ones == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < sets[s]->count; i++) {
            const struct consumer_part *part = &sets[s]->items[i];
            bool twice = s == 1 && parts_find(&m->assigned, part->topic, part->partition) != NULL;
            if (!twice && part_owner(c, part) == NULL) {
                free_ones[count++] = *part;
            }
        }
        if (count < sets[s]->count && !parts_set(shard, c, sets[s], free_ones, count)) {
            return false;
        }
    }
    return owners_take(shard, c, m);
}

/* What a log that somebody else wrote may say of a member, and none of ours would. */
static bool member_mend(struct group_shard *shard, struct consumer *c, struct consumer_member *m)
{
    const struct consumer_member *seat = m->instance_id.p == NULL
                                             ? m
                                             : map_get(&c->statics, m->instance_id);
    assert(m->epoch >= CONSUMER_STEPS_ASIDE);
    if (seat == NULL && !map_put(&c->statics, m->instance_id, m)) {
        return false;
    }
    if (seat != NULL && seat != m) { /* another one has the seat: this one will be fenced */
        slice_drop(shard, &m->instance_id);
    }
    bool aside = m->epoch == CONSUMER_STEPS_ASIDE && m->instance_id.p != NULL;
    m->epoch = m->epoch < 0 && !aside ? 0 : m->epoch;
    if (m->revoking.count > 0 && m->state != CONSUMER_UNKNOWN) {
        m->state = CONSUMER_UNREVOKED; /* it may still read them */
    }
    return true;
}

/* Behind replay: who owns what, and sessions that begin now. */
void consumer_loaded(struct turn *turn, struct group *group)
{
    struct consumer *c = group->consumer;
    uint32_t at = 0;
    assert(c != NULL && c->image_offset == -1 && !c->matching);
    c->epoch = c->target_epoch > c->epoch ? c->target_epoch : c->epoch;
    for (const struct map_entry *e; (e = map_next(&c->members, &at)) != NULL;) {
        struct consumer_member *m = e->value;
        assert(m->group == group);
        /* A log that somebody else wrote may lack what was compacted wrongly: epochs still follow each other. */
        c->target_epoch = m->epoch > c->target_epoch ? m->epoch : c->target_epoch;
        c->epoch = c->target_epoch > c->epoch ? c->target_epoch : c->epoch;
        if (!member_mend(turn->shard, c, m) || !claim(turn, c, m)) {
            turn_break(turn);
            return;
        }
        consumer_touch(turn, m);
        if (m->state == CONSUMER_UNREVOKED && !m->classic) {
            m->revoke_due_ms = turn->now + max_i64(m->rebalance_ms, 1);
        }
    }
    at = 0;
    for (const struct map_entry *e; (e = map_next(&c->patterns, &at)) != NULL;) {
        struct consumer_pattern *pattern = e->value;
        if (pattern->subscribers == 0) {
            consumer_pattern_drop(turn->shard, c, pattern);
        }
    }
    consumer_topics_sweep(turn->shard, c);
}

/* ---- subscriptions ---- */

bool consumer_subscribes(const struct consumer_member *m, struct slice topic)
{
    assert(topic.p != NULL && m->group->consumer != NULL);
    if (slices_have(m->topics, m->topic_count, topic)) {
        return true;
    }
    const struct consumer_pattern *pattern =
        m->pattern.n == 0 ? NULL : consumer_pattern_get(m->group->consumer, m->pattern);
    return pattern != NULL && slices_have(pattern->topics, pattern->topic_count, topic);
}

enum kafka_error consumer_may_fetch(const struct group *group, struct slice member_id,
                                    int32_t epoch)
{
    if (group == NULL || group->consumer == NULL || (member_id.p == NULL && epoch < 0)) {
        return KAFKA_NONE; /* an administrator */
    }
    const struct consumer_member *m = consumer_member_find(group->consumer, member_id);
    assert(m == NULL || m->group == group);
    return m == NULL           ? KAFKA_UNKNOWN_MEMBER_ID
           : m->epoch == epoch ? KAFKA_NONE
           : m->classic        ? KAFKA_ILLEGAL_GENERATION
                               : KAFKA_STALE_MEMBER_EPOCH;
}
