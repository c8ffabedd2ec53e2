/* Invariants of a shard. */
#include "broker/group/consumer_internal.h"

static void member_check(const struct group *group, const struct group_member *m, uint32_t *joining)
{
    assert(m->group == group && m->id.n > 0);
    assert(map_get(&group->members, m->id) == m);
    assert(map_get(&group->pending, m->id) == NULL);
    assert(m->instance_id.p == NULL || map_get(&group->statics, m->instance_id) == m);
    assert(m->protocol_count <= GROUP_PROTOCOLS_MAX);
    assert(m->join == NULL || m->join->joining == m);
    assert(m->sync == NULL || m->sync->syncing == m);
    assert(m->join == NULL || group->state == GROUP_PREPARING);
    assert(m->sync == NULL || group->state == GROUP_COMPLETING);
    assert(!m->fresh || group->state == GROUP_PREPARING);
    *joining += m->join != NULL;
}

static void topics_check(const struct group *group)
{
    uint32_t at = 0, offsets = 0;
    for (const struct group_topic *topic; (topic = group_topic_next(group, &at)) != NULL;) {
        assert(topic->count > 0 && topic->count <= topic->room);
        assert(map_get(&group->topics, topic->name) == topic);
        for (uint32_t i = 1; i < topic->count; i++) {
            assert(topic->offsets[i - 1].partition < topic->offsets[i].partition);
        }
        offsets += topic->count;
    }
    assert(offsets == group->offset_count);
}

static void group_check_one(const struct group_shard *shard, const struct group *group)
{
    assert(group->id.n > 0 && map_get(&shard->groups, group->id) == group);
    assert(group->timer < shard->groups.count && shard->timers[group->timer] == group);
    uint32_t at = 0, joining = 0, statics = 0;
    for (const struct group_member *m; (m = group_member_next(group, &at)) != NULL;) {
        member_check(group, m, &joining);
        statics += m->instance_id.p != NULL;
        if (shard->loaded && m->join == NULL && m->sync == NULL) {
            assert(group->wake_ms <= m->expires_ms);
        }
    }
    assert(joining == group->joining && statics == group->statics.count);
    assert((group->state == GROUP_EMPTY) <= (group->members.count == 0));
    assert((group->state == GROUP_COMPLETING || group->state == GROUP_STABLE) <=
           (group->members.count > 0));
    assert((group->state == GROUP_PREPARING) == (group->join_due_ms != TIME_NEVER));
    assert(group->state != GROUP_COMPLETING || group->leader.p != NULL);
    assert(group->write <= shard->writes && group->offsets_write <= shard->writes);
    topics_check(group);
    if (group->consumer != NULL) {
        consumer_check(shard, group);
    }
}

void group_check(const struct group_shard *shard)
{
    uint32_t at = 0;
    for (const struct group *group; (group = group_next(shard, &at)) != NULL;) {
        group_check_one(shard, group);
    }
    for (uint32_t i = 1; i < shard->groups.count; i++) {
        assert(shard->timers[(i - 1) / 2]->wake_ms <= shard->timers[i]->wake_ms);
    }
    assert(shard->groups.count <= shard->timer_room);
}
