/* Invariants of a consumer group. */
#include "broker/group/consumer_internal.h"

static void parts_check(const struct consumer *c, const struct consumer_parts *parts,
                        uint32_t *refs)
{
    for (uint32_t i = 0; i < parts->count; i++) {
        const struct consumer_part *part = &parts->items[i];
        assert(part->topic < c->topic_room && c->topics[part->topic] != NULL);
        assert(part->partition >= 0 && part->partition < TOPIC_PARTITIONS_MAX);
        assert(i == 0 || parts->items[i - 1].topic < part->topic ||
               (parts->items[i - 1].topic == part->topic &&
                parts->items[i - 1].partition < part->partition));
    }
    *refs += parts->count;
}

static void owned_check(const struct consumer *c, const struct consumer_member *m,
                        const struct consumer_parts *parts, uint32_t *owned)
{
    for (uint32_t i = 0; i < parts->count; i++) {
        assert(part_owner(c, &parts->items[i]) == m);
    }
    *owned += parts->count;
}

static void member_check(const struct group_shard *shard, const struct group *group,
                         const struct consumer_member *m, uint32_t *refs, uint32_t *owned)
{
    const struct consumer *c = group->consumer;
    assert(m->group == group && m->id.n > 0 && consumer_member_find(c, m->id) == m);
    assert(m->classic || m->protocol_count == 0);
    assert(m->pattern.n == 0 || consumer_pattern_get(c, m->pattern) != NULL);
    parts_check(c, &m->assigned, refs);
    parts_check(c, &m->revoking, refs);
    parts_check(c, &m->target, refs);
    for (uint32_t i = 1; i < m->topic_count; i++) {
        assert(slice_cmp(m->topics[i - 1], m->topics[i]) < 0);
    }
    if (!shard->loaded) {
        return;
    }
    owned_check(c, m, &m->assigned, owned);
    owned_check(c, m, &m->revoking, owned);
    assert(m->epoch <= c->target_epoch && m->epoch >= CONSUMER_STEPS_ASIDE);
    assert(m->revoking.count == 0 || m->state == CONSUMER_UNREVOKED ||
           m->state == CONSUMER_UNKNOWN);
    assert(m->classic || (m->join_due_ms == TIME_NEVER && m->sync_due_ms == TIME_NEVER));
    assert(group->wake_ms <= m->expires_ms && group->wake_ms <= m->revoke_due_ms);
    assert(group->wake_ms <= m->join_due_ms && group->wake_ms <= m->sync_due_ms);
    assert(m->instance_id.p == NULL || map_get(&c->statics, m->instance_id) == m);
}

static void topics_check(const struct consumer *c, uint32_t refs, uint32_t owned)
{
    uint32_t known = 0;
    for (uint32_t i = 0; i < c->topic_room; i++) {
        const struct consumer_topic *topic = c->topics[i];
        if (topic == NULL) {
            continue;
        }
        assert(topic->slot == i && consumer_topic_known(c, topic->id) == topic);
        assert(!topic->subscribed || topic->name.p != NULL);
        assert(topic->refs <= refs);
        refs -= topic->refs;
        known++;
        for (uint32_t p = 0; p < topic->owner_room; p++) {
            owned -= topic->owners[p] != NULL;
        }
    }
    assert(refs == 0 && known == c->topic_ids.count);
    assert(owned == 0); /* nobody owns what he does not know of */
}

void consumer_check(const struct group_shard *shard, const struct group *group)
{
    const struct consumer *c = group->consumer;
    uint32_t at = 0, refs = 0, owned = 0, classic = 0, statics = 0, subscribed = 0;
    assert(c != NULL && group->members.count == 0 && group->pending.count == 0);
    assert(group->state == GROUP_EMPTY && (!shard->loaded || c->epoch >= c->target_epoch));
    for (const struct consumer_member *m; (m = consumer_member_next(c, &at)) != NULL;) {
        member_check(shard, group, m, &refs, &owned);
        classic += m->classic;
        statics += m->instance_id.p != NULL;
        subscribed += m->pattern.n > 0;
    }
    assert(classic == c->classic_count);
    topics_check(c, refs, owned);
    at = 0;
    for (const struct map_entry *e; (e = map_next(&c->patterns, &at)) != NULL;) {
        const struct consumer_pattern *pattern = e->value;
        assert(!shard->loaded || pattern->subscribers > 0);
        assert(pattern->subscribers <= subscribed);
        subscribed -= pattern->subscribers;
    }
    assert(subscribed == 0 && (!shard->loaded || statics == c->statics.count));
}
