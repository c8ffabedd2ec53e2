/*
 * Consumer groups back from the log. Compaction may have left any record out that a later one makes superfluous, so each is taken
 * by itself, in whatever order: a value makes the group and the member that it speaks of, a tombstone of something that is not
 * there says nothing.
 */
#include "broker/group/consumer_internal.h"

/* The group as one of consumers: what was told of a classic one before is over. NULL: out of memory. */
static struct consumer *consumer_at(struct group_shard *shard, struct slice id)
{
    struct group *group = map_get(&shard->groups, id);
    assert(id.n > 0 && !shard->loaded);
    if (group == NULL) {
        group = shard_create(shard, id, 0);
    }
    if (group != NULL && group->consumer == NULL) {
        replay_members_drop(shard, group);
        consumer_forget_classic(shard, group);
        return consumer_make(shard, group);
    }
    return group == NULL ? NULL : group->consumer;
}

static struct consumer *consumer_known(const struct group_shard *shard, struct slice id)
{
    const struct group *group = map_get(&shard->groups, id);
    return group == NULL ? NULL : group->consumer;
}

static struct consumer_member *member_at(struct group_shard *shard, struct slice group,
                                         struct slice id)
{
    struct consumer *c = consumer_at(shard, group);
    struct consumer_member *m = c == NULL ? NULL : consumer_member_get(c, id);
    if (c == NULL || m != NULL) {
        return m;
    }
    return consumer_member_make(shard, map_get(&shard->groups, group), id, (struct slice){0});
}

static bool replay_epoch(struct group_shard *shard,
                         const struct kmsg_consumer_group_metadata_key *key,
                         const struct kmsg_consumer_group_metadata_value *value)
{
    if (value != NULL) {
        struct consumer *c = consumer_at(shard, key->group_id);
        if (c != NULL) {
            c->epoch = replay_epoch_of(value->epoch);
            c->hash = (uint64_t)value->metadata_hash;
        }
        return c != NULL;
    }
    struct group *group = map_get(&shard->groups, key->group_id);
    if (group != NULL && group->consumer != NULL) {
        consumer_unmake(shard, group);
        if (group->offset_count == 0) {
            shard_remove(shard, group);
        }
    }
    return true;
}

static bool classic_take(struct group_shard *shard, struct consumer_member *m,
                         const struct kmsg_consumer_group_member_metadata_value *value)
{
    const struct kmsg_consumer_group_member_metadata_value_classic_member_metadata *classic =
        value->classic_member_metadata;
    assert(m->group->consumer != NULL);
    if (classic == NULL) {
        return consumer_set_protocols(shard, m, false, 0, NULL, 0);
    }
    uint32_t count = (uint32_t)classic->supported_protocols.count;
    struct group_protocol *protocols = arena_array(&shard->scratch, count, sizeof(*protocols));
    if (protocols == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        protocols[i] = (struct group_protocol){classic->supported_protocols.items[i].name,
                                               classic->supported_protocols.items[i].metadata};
    }
    return consumer_set_protocols(shard, m, true, classic->session_timeout_ms, protocols, count);
}

static bool instance_take(struct group_shard *shard, struct consumer_member *m, struct slice id)
{
    struct consumer *c = m->group->consumer;
    assert(c != NULL && consumer_member_get(c, m->id) == m);
    if (slice_eq(m->instance_id, id) && (m->instance_id.p == NULL) == (id.p == NULL)) {
        return true;
    }
    if (m->instance_id.p != NULL && map_get(&c->statics, m->instance_id) == m) {
        void *removed = map_remove(&c->statics, m->instance_id);
        assert(removed == m);
    }
    return slice_set(shard, &m->instance_id, id) &&
           (id.p == NULL || map_put(&c->statics, m->instance_id, m)); /* the newest has the seat */
}

static bool replay_member(struct group_shard *shard,
                          const struct kmsg_consumer_group_member_metadata_key *key,
                          const struct kmsg_consumer_group_member_metadata_value *value)
{
    if (value == NULL) {
        struct consumer *c = consumer_known(shard, key->group_id);
        struct consumer_member *gone = c == NULL ? NULL : consumer_member_get(c, key->member_id);
        if (gone != NULL) {
            consumer_member_drop(shard, gone);
        }
        return true;
    }
    struct consumer_member *m = member_at(shard, key->group_id, key->member_id);
    struct slice *topics = arena_array(&shard->scratch, (size_t)value->subscribed_topic_names.count,
                                       sizeof(*topics));
    enum assignor assignor;
    if (m == NULL || topics == NULL) {
        return false;
    }
    uint32_t count = (uint32_t)value->subscribed_topic_names.count;
    for (uint32_t i = 0; i < count; i++) {
        topics[i] = value->subscribed_topic_names.items[i];
    }
    count = slices_sort(topics, count);
    bool named = value->server_assignor.p != NULL &&
                 assignor_find(value->server_assignor, &assignor);
    m->assignor = named ? (int8_t)assignor : -1;
    m->rebalance_ms = value->rebalance_timeout_ms;
    return instance_take(shard, m, value->instance_id) &&
           slice_set(shard, &m->rack_id, value->rack_id) &&
           slice_set(shard, &m->client_id, value->client_id) &&
           slice_set(shard, &m->client_host, value->client_host) &&
           slices_set(shard->heap, &m->topics, &m->topic_count, topics, count) &&
           consumer_set_pattern(shard, m, value->subscribed_topic_regex) &&
           classic_take(shard, m, value);
}

static bool replay_target_epoch(
    struct group_shard *shard, const struct kmsg_consumer_group_target_assignment_metadata_key *key,
    const struct kmsg_consumer_group_target_assignment_metadata_value *value)
{
    struct consumer *c = value != NULL ? consumer_at(shard, key->group_id)
                                       : consumer_known(shard, key->group_id);
    if (c != NULL) {
        c->target_epoch = value == NULL ? 0 : replay_epoch_of(value->assignment_epoch);
        c->target_wall_ms = value == NULL ? 0 : max_i64(value->assignment_timestamp, 0);
    }
    return c != NULL || value == NULL;
}

/* Parts being gathered from a record. */
struct gathering {
    struct consumer_part *parts;
    uint32_t count;
};

static bool gather(struct group_shard *shard, struct consumer *c, struct gathering *to,
                   struct uuid id, const kmsg_i32_array *partitions, const kmsg_i32_array *epochs,
                   int32_t epoch)
{
    assert(partitions->count >= 0);
    struct consumer_topic *topic = consumer_topic_get(shard, c, id);
    if (topic == NULL) {
        return false;
    }
    for (int32_t i = 0; i < partitions->count; i++) {
        bool dated = epochs != NULL && epochs->count == partitions->count;
        if (partitions->items[i] >= 0 && partitions->items[i] < TOPIC_PARTITIONS_MAX) {
            to->parts[to->count++] = (struct consumer_part){topic->slot, partitions->items[i],
                                                            dated ? epochs->items[i] : epoch};
        }
    }
    return true;
}

static bool replay_target(struct group_shard *shard,
                          const struct kmsg_consumer_group_target_assignment_member_key *key,
                          const struct kmsg_consumer_group_target_assignment_member_value *value)
{
    struct consumer *known = consumer_known(shard, key->group_id);
    struct gathering all = {0};
    size_t total = 0;
    if (value == NULL) {
        struct consumer_member *m = known == NULL ? NULL
                                                  : consumer_member_get(known, key->member_id);
        return m == NULL || parts_set(shard, known, &m->target, NULL, 0);
    }
    struct consumer_member *m = member_at(shard, key->group_id, key->member_id);
    for (int32_t i = 0; i < value->topic_partitions.count; i++) {
        total += (size_t)value->topic_partitions.items[i].partitions.count;
    }
    all.parts = arena_array(&shard->scratch, total, sizeof(*all.parts));
    bool ok = m != NULL && all.parts != NULL;
    for (int32_t i = 0; ok && i < value->topic_partitions.count; i++) {
        ok = gather(shard, m->group->consumer, &all, value->topic_partitions.items[i].topic_id,
                    &value->topic_partitions.items[i].partitions, NULL, 0);
    }
    return ok && parts_set(shard, m->group->consumer, &m->target, all.parts,
                           parts_sort(all.parts, all.count));
}

typedef struct kmsg_consumer_group_current_member_assignment_value_topic_partitions current_topic;

static bool current_take(struct group_shard *shard, struct consumer_member *m,
                         const current_topic *items, int32_t count, struct consumer_parts *to)
{
    struct gathering all = {0};
    size_t total = 0;
    for (int32_t i = 0; i < count; i++) {
        total += (size_t)items[i].partitions.count;
    }
    all.parts = arena_array(&shard->scratch, total, sizeof(*all.parts));
    assert(count >= 0);
    bool ok = all.parts != NULL;
    for (int32_t i = 0; ok && i < count; i++) {
        ok = gather(shard, m->group->consumer, &all, items[i].topic_id, &items[i].partitions,
                    &items[i].assignment_epochs, m->epoch);
    }
    return ok &&
           parts_set(shard, m->group->consumer, to, all.parts, parts_sort(all.parts, all.count));
}

static bool replay_current(struct group_shard *shard,
                           const struct kmsg_consumer_group_current_member_assignment_key *key,
                           const struct kmsg_consumer_group_current_member_assignment_value *value)
{
    struct consumer *known = consumer_known(shard, key->group_id);
    struct consumer_member *m;
    if (value == NULL) {
        m = known == NULL ? NULL : consumer_member_get(known, key->member_id);
        if (m == NULL) {
            return true;
        }
        m->epoch = CONSUMER_LEAVES;
        m->previous_epoch = CONSUMER_LEAVES;
        m->state = CONSUMER_STABLE;
        return parts_set(shard, known, &m->assigned, NULL, 0) &&
               parts_set(shard, known, &m->revoking, NULL, 0);
    }
    m = member_at(shard, key->group_id, key->member_id);
    if (m == NULL) {
        return false;
    }
    bool state_known = value->state >= CONSUMER_STABLE && value->state <= CONSUMER_UNRELEASED;
    m->epoch = value->member_epoch == CONSUMER_STEPS_ASIDE ? CONSUMER_STEPS_ASIDE
                                                           : replay_epoch_of(value->member_epoch);
    m->previous_epoch = value->previous_member_epoch;
    m->state = state_known ? (enum consumer_member_state)value->state : CONSUMER_UNKNOWN;
    return current_take(shard, m, value->assigned_partitions.items,
                        value->assigned_partitions.count, &m->assigned) &&
           current_take(shard, m, value->partitions_pending_revocation.items,
                        value->partitions_pending_revocation.count, &m->revoking);
}

static bool replay_pattern(struct group_shard *shard,
                           const struct kmsg_consumer_group_regular_expression_key *key,
                           const struct kmsg_consumer_group_regular_expression_value *value)
{
    struct consumer *c = value != NULL ? consumer_at(shard, key->group_id)
                                       : consumer_known(shard, key->group_id);
    struct consumer_pattern *pattern = c == NULL || key->regular_expression.n == 0
                                           ? NULL
                                           : consumer_pattern_get(c, key->regular_expression);
    if (value == NULL) {
        if (pattern != NULL && pattern->subscribers == 0) {
            consumer_pattern_drop(shard, c, pattern);
        } else if (pattern != NULL) {
            pattern->resolved = false;
            return slices_set(shard->heap, &pattern->topics, &pattern->topic_count, NULL, 0);
        }
        return true;
    }
    if (key->regular_expression.n == 0) {
        return true;
    }
    if (c != NULL && pattern == NULL) { /* its members may come later */
        pattern = consumer_pattern_make(shard, c, key->regular_expression);
    }
    if (pattern == NULL) {
        return false;
    }
    assert(value->topics.count >= 0);
    uint32_t count = (uint32_t)value->topics.count;
    struct slice *topics = arena_array(&shard->scratch, count, sizeof(*topics));
    for (uint32_t i = 0; topics != NULL && i < count; i++) {
        topics[i] = value->topics.items[i];
    }
    pattern->resolved = true;
    pattern->version = value->version;
    pattern->resolved_wall_ms = max_i64(value->timestamp, 0);
    return topics != NULL && slices_set(shard->heap, &pattern->topics, &pattern->topic_count,
                                        topics, slices_sort(topics, count));
}

static bool replay_old_metadata(struct group_shard *shard,
                                const struct kmsg_consumer_group_partition_metadata_key *key,
                                const void *value)
{
    struct consumer *c = value != NULL ? consumer_at(shard, key->group_id)
                                       : consumer_known(shard, key->group_id);
    if (c != NULL) {
        c->old_metadata = value != NULL;
    }
    return c != NULL || value == NULL;
}

/* Without names there is nobody to speak of; nobody writes such keys. */
static bool unnamed(const struct kmsg_message *key_desc, const void *key)
{
    const struct slice *texts = key; /* the group's id stands first in each of them */
    bool two = key_desc == &kmsg_consumer_group_member_metadata_key_desc ||
               key_desc == &kmsg_consumer_group_target_assignment_member_key_desc ||
               key_desc == &kmsg_consumer_group_current_member_assignment_key_desc;
    return texts[0].n == 0 || (two && texts[1].n == 0);
}

bool consumer_replay(struct group_shard *shard, const struct kmsg_message *key_desc,
                     const void *key, const void *value)
{
    assert(!shard->loaded && key != NULL);
    arena_clear(&shard->scratch);
    if (unnamed(key_desc, key)) {
        return true;
    }
    switch (key_desc->id) {
    case 3: return replay_epoch(shard, key, value);
    case 4: return replay_old_metadata(shard, key, value);
    case 5: return replay_member(shard, key, value);
    case 6: return replay_target_epoch(shard, key, value);
    case 7: return replay_target(shard, key, value);
    case 8: return replay_current(shard, key, value);
    default: assert(key_desc->id == 16); return replay_pattern(shard, key, value);
    }
}
