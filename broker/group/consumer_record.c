/* What the log remembers of consumer groups: records 3 to 8 and 16. Record 4 is not written any more, as in Kafka since 4.1. */
#include "broker/group/consumer_internal.h"

#define VALUE_VERSION 0

/* Keys are one text or two, the group's id first. */
#define TWO_TEXTS(type, second)                                               \
    _Static_assert(sizeof(struct type) == 2 * sizeof(struct slice) &&         \
                       offsetof(struct type, group_id) == 0 &&                \
                       offsetof(struct type, second) == sizeof(struct slice), \
                   #type)
TWO_TEXTS(kmsg_consumer_group_member_metadata_key, member_id);
TWO_TEXTS(kmsg_consumer_group_target_assignment_member_key, member_id);
TWO_TEXTS(kmsg_consumer_group_current_member_assignment_key, member_id);
TWO_TEXTS(kmsg_consumer_group_regular_expression_key, regular_expression);
_Static_assert(sizeof(struct kmsg_consumer_group_metadata_key) == sizeof(struct slice), "one");

/* Copies: both may be gone before the record is encoded. NULL: out of memory. */
static const void *two_texts(struct turn *turn, struct slice group, struct slice second)
{
    struct slice *key = arena_array(&turn->shard->scratch, 2, sizeof(*key));
    bool ok = key != NULL && arena_copy(&turn->shard->scratch, group, &key[0]) &&
              arena_copy(&turn->shard->scratch, second, &key[1]);
    assert(group.n > 0);
    return ok ? key : NULL;
}

static const void *group_key(struct turn *turn, const struct group *group)
{
    return two_texts(turn, group->id, (struct slice){0});
}

static const void *member_key(struct turn *turn, const struct consumer_member *m)
{
    return two_texts(turn, m->group->id, m->id);
}

static bool written(struct turn *turn, struct group *group, bool ok)
{
    assert(turn->shard->loaded);
    if (ok) {
        group->write = turn_write(turn);
    }
    return ok;
}

static bool gone(struct turn *turn, struct group *group, const struct kmsg_message *desc,
                 const void *key)
{
    return written(turn, group, key != NULL && turn_record(turn, desc, key, NULL, NULL, 0));
}

/* ---- the group ---- */

bool record_consumer_epoch(struct turn *turn, struct group *group)
{
    const void *key = group_key(turn, group);
    struct kmsg_consumer_group_metadata_value *value = ARENA_NEW(
        &turn->shard->scratch, struct kmsg_consumer_group_metadata_value);
    if (key == NULL || value == NULL) {
        return false;
    }
    assert(group->consumer->epoch >= group->consumer->target_epoch);
    value->epoch = group->consumer->epoch;
    value->metadata_hash = (int64_t)group->consumer->hash;
    bool ok = turn_record(turn, &kmsg_consumer_group_metadata_key_desc, key,
                          &kmsg_consumer_group_metadata_value_desc, value, VALUE_VERSION);
    if (ok && group->consumer->old_metadata) {
        const void *old = group_key(turn, group);
        ok = gone(turn, group, &kmsg_consumer_group_partition_metadata_key_desc, old);
        group->consumer->old_metadata = false;
    }
    return written(turn, group, ok);
}

bool record_consumer_target_epoch(struct turn *turn, struct group *group)
{
    const void *key = group_key(turn, group);
    struct kmsg_consumer_group_target_assignment_metadata_value *value = ARENA_NEW(
        &turn->shard->scratch, struct kmsg_consumer_group_target_assignment_metadata_value);
    if (key == NULL || value == NULL) {
        return false;
    }
    assert(group->consumer->target_epoch <= group->consumer->epoch);
    value->assignment_epoch = group->consumer->target_epoch;
    value->assignment_timestamp = group->consumer->target_wall_ms;
    return written(turn, group,
                   turn_record(turn, &kmsg_consumer_group_target_assignment_metadata_key_desc, key,
                               &kmsg_consumer_group_target_assignment_metadata_value_desc, value,
                               VALUE_VERSION));
}

/* ---- members ---- */

static bool protocols_build(struct arena *scratch, const struct consumer_member *m,
                            struct kmsg_consumer_group_member_metadata_value *value)
{
    typedef struct kmsg_consumer_group_member_metadata_value_supported_protocol supported;
    if (!m->classic) {
        value->classic_member_metadata =
            NULL; /* said aloud: the default is a member of classic kind */
        return true;
    }
    assert(m->protocol_count == 0 || m->protocols != NULL);
    value->classic_member_metadata = kmsg_array_new(
        scratch, &kmsg_consumer_group_member_metadata_value_classic_member_metadata_shape, 1);
    supported *to = kmsg_consumer_group_member_metadata_value_supported_protocol_array(
        scratch, (int32_t)m->protocol_count);
    bool ok = value->classic_member_metadata != NULL && to != NULL;
    for (uint32_t i = 0; ok && i < m->protocol_count; i++) {
        ok = arena_copy(scratch, m->protocols[i].name, &to[i].name) &&
             arena_copy(scratch, m->protocols[i].metadata, &to[i].metadata);
    }
    if (ok) {
        value->classic_member_metadata->session_timeout_ms = m->session_ms;
        value->classic_member_metadata->supported_protocols.items = to;
        value->classic_member_metadata->supported_protocols.count = (int32_t)m->protocol_count;
    }
    return ok;
}

static bool topics_build(struct arena *scratch, const struct slice *topics, uint32_t count,
                         kmsg_string_array *to)
{
    to->items = arena_array(scratch, count, sizeof(*to->items));
    to->count = (int32_t)count;
    bool ok = to->items != NULL;
    for (uint32_t i = 0; ok && i < count; i++) {
        ok = arena_copy(scratch, topics[i], &to->items[i]);
    }
    return ok;
}

/* Copies of all that it says: in the same step the member may come to say something else, or the group become a classic one. */
bool record_consumer_member(struct turn *turn, const struct consumer_member *m)
{
    struct arena *scratch = &turn->shard->scratch;
    const void *key = member_key(turn, m);
    struct kmsg_consumer_group_member_metadata_value *value = ARENA_NEW(
        scratch, struct kmsg_consumer_group_member_metadata_value);
    if (key == NULL || value == NULL) {
        return false;
    }
    assert(m->topic_count == 0 || m->topics != NULL);
    kmsg_consumer_group_member_metadata_value_init(value);
    value->rebalance_timeout_ms = m->rebalance_ms;
    value->server_assignor = m->assignor < 0 ? (struct slice){0}
                                             : slice_str(assignor_name((enum assignor)m->assignor));
    bool ok = arena_copy(scratch, m->instance_id, &value->instance_id) &&
              arena_copy(scratch, m->rack_id, &value->rack_id) &&
              arena_copy(scratch, m->client_id, &value->client_id) &&
              arena_copy(scratch, m->client_host, &value->client_host) &&
              arena_copy(scratch, m->pattern, &value->subscribed_topic_regex) &&
              topics_build(scratch, m->topics, m->topic_count, &value->subscribed_topic_names) &&
              protocols_build(scratch, m, value);
    return written(turn, m->group,
                   ok && turn_record(turn, &kmsg_consumer_group_member_metadata_key_desc, key,
                                     &kmsg_consumer_group_member_metadata_value_desc, value,
                                     VALUE_VERSION));
}

/* Partitions of one topic after the other: how many follow, from i on, that are of the same one. */
static uint32_t run_length(const struct consumer_parts *parts, uint32_t i)
{
    uint32_t end = i;
    while (end < parts->count && parts->items[end].topic == parts->items[i].topic) {
        end++;
    }
    assert(end > i);
    return end - i;
}

static bool numbers(struct arena *arena, const struct consumer_part *parts, uint32_t n, bool epochs,
                    kmsg_i32_array *to)
{
    to->items = arena_array(arena, n, sizeof(*to->items));
    to->count = (int32_t)n;
    for (uint32_t i = 0; to->items != NULL && i < n; i++) {
        to->items[i] = epochs ? parts[i].epoch : parts[i].partition;
    }
    return to->items != NULL;
}

bool record_consumer_target(struct turn *turn, const struct consumer_member *m)
{
    struct arena *scratch = &turn->shard->scratch;
    const struct consumer_parts *target = &m->target;
    const void *key = member_key(turn, m);
    struct kmsg_consumer_group_target_assignment_member_value *value = ARENA_NEW(
        scratch, struct kmsg_consumer_group_target_assignment_member_value);
    if (key == NULL || value == NULL) {
        return false;
    }
    value->topic_partitions.items =
        kmsg_consumer_group_target_assignment_member_value_topic_partition_array(
            scratch, (int32_t)target->count);
    bool ok = value->topic_partitions.items != NULL;
    for (uint32_t i = 0, n; ok && i < target->count; i += n) {
        struct kmsg_consumer_group_target_assignment_member_value_topic_partition *to =
            &value->topic_partitions.items[value->topic_partitions.count++];
        n = run_length(target, i);
        to->topic_id = consumer_part_topic(m->group->consumer, &target->items[i]);
        ok = numbers(scratch, &target->items[i], n, false, &to->partitions);
    }
    return written(turn, m->group,
                   ok && turn_record(turn, &kmsg_consumer_group_target_assignment_member_key_desc,
                                     key, &kmsg_consumer_group_target_assignment_member_value_desc,
                                     value, VALUE_VERSION));
}

typedef struct kmsg_consumer_group_current_member_assignment_value_topic_partitions current_topic;

static bool current_build(struct turn *turn, const struct consumer_member *m,
                          const struct consumer_parts *parts, current_topic **ret_items,
                          int32_t *ret_count)
{
    struct arena *scratch = &turn->shard->scratch;
    current_topic *items =
        kmsg_consumer_group_current_member_assignment_value_topic_partitions_array(
            scratch, (int32_t)parts->count);
    bool ok = items != NULL;
    *ret_count = 0;
    *ret_items = items;
    for (uint32_t i = 0, n; ok && i < parts->count; i += n) {
        current_topic *to = &items[(*ret_count)++];
        n = run_length(parts, i);
        to->topic_id = consumer_part_topic(m->group->consumer, &parts->items[i]);
        ok = numbers(scratch, &parts->items[i], n, false, &to->partitions) &&
             numbers(scratch, &parts->items[i], n, true, &to->assignment_epochs);
    }
    return ok;
}

bool record_consumer_current(struct turn *turn, const struct consumer_member *m)
{
    const void *key = member_key(turn, m);
    struct kmsg_consumer_group_current_member_assignment_value *value = ARENA_NEW(
        &turn->shard->scratch, struct kmsg_consumer_group_current_member_assignment_value);
    if (key == NULL || value == NULL) {
        return false;
    }
    assert(m->state != CONSUMER_UNKNOWN);
    value->member_epoch = m->epoch;
    value->previous_member_epoch = m->previous_epoch;
    value->state = (int8_t)m->state;
    bool ok = current_build(turn, m, &m->assigned, &value->assigned_partitions.items,
                            &value->assigned_partitions.count) &&
              current_build(turn, m, &m->revoking, &value->partitions_pending_revocation.items,
                            &value->partitions_pending_revocation.count);
    return written(turn, m->group,
                   ok && turn_record(turn, &kmsg_consumer_group_current_member_assignment_key_desc,
                                     key, &kmsg_consumer_group_current_member_assignment_value_desc,
                                     value, VALUE_VERSION));
}

static bool current_gone(struct turn *turn, const struct consumer_member *m)
{
    return gone(turn, m->group, &kmsg_consumer_group_current_member_assignment_key_desc,
                member_key(turn, m));
}

static bool target_gone(struct turn *turn, const struct consumer_member *m)
{
    return gone(turn, m->group, &kmsg_consumer_group_target_assignment_member_key_desc,
                member_key(turn, m));
}

static bool member_gone(struct turn *turn, const struct consumer_member *m)
{
    return gone(turn, m->group, &kmsg_consumer_group_member_metadata_key_desc, member_key(turn, m));
}

bool record_consumer_member_gone(struct turn *turn, const struct consumer_member *m)
{
    return current_gone(turn, m) && target_gone(turn, m) && member_gone(turn, m);
}

/* ---- patterns ---- */

bool record_consumer_pattern(struct turn *turn, struct group *group,
                             const struct consumer_pattern *pattern)
{
    const void *key = two_texts(turn, group->id, pattern->text);
    struct kmsg_consumer_group_regular_expression_value *value = ARENA_NEW(
        &turn->shard->scratch, struct kmsg_consumer_group_regular_expression_value);
    if (key == NULL || value == NULL) {
        return false;
    }
    assert(pattern->resolved);
    value->topics.items = pattern->topics;
    value->topics.count = (int32_t)pattern->topic_count;
    value->version = pattern->version;
    value->timestamp = pattern->resolved_wall_ms;
    return written(turn, group,
                   turn_record(turn, &kmsg_consumer_group_regular_expression_key_desc, key,
                               &kmsg_consumer_group_regular_expression_value_desc, value,
                               VALUE_VERSION));
}

bool record_consumer_pattern_gone(struct turn *turn, struct group *group, struct slice text)
{
    return gone(turn, group, &kmsg_consumer_group_regular_expression_key_desc,
                two_texts(turn, group->id, text));
}

/* ---- all of it ---- */

bool record_consumer_gone(struct turn *turn, struct group *group)
{
    const struct consumer *c = group->consumer;
    uint32_t at = 0;
    bool ok = true;
    assert(c != NULL);
    for (const struct consumer_member *m; ok && (m = consumer_member_next(c, &at)) != NULL;) {
        ok = record_consumer_member_gone(turn, m);
    }
    at = 0;
    for (const struct map_entry *e; ok && (e = map_next(&c->patterns, &at)) != NULL;) {
        const struct consumer_pattern *pattern = e->value;
        ok = !pattern->resolved || record_consumer_pattern_gone(turn, group, pattern->text);
    }
    if (ok && c->old_metadata) {
        ok = gone(turn, group, &kmsg_consumer_group_partition_metadata_key_desc,
                  group_key(turn, group));
    }
    return ok &&
           gone(turn, group, &kmsg_consumer_group_target_assignment_metadata_key_desc,
                group_key(turn, group)) &&
           gone(turn, group, &kmsg_consumer_group_metadata_key_desc, group_key(turn, group));
}
