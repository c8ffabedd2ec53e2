/* Questions. */
#include "broker/group/group_internal.h"

const struct group *group_find(const struct group_shard *shard, struct slice id)
{
    assert(id.n == 0 || id.p != NULL);
    return map_get(&shard->groups, id);
}

static void *next_value(const struct map *map, uint32_t *at)
{
    const struct map_entry *e = map_next(map, at);
    return e == NULL ? NULL : e->value;
}

const struct group *group_next(const struct group_shard *shard, uint32_t *at)
{
    return next_value(&shard->groups, at);
}

const struct group_member *group_member_next(const struct group *group, uint32_t *at)
{
    assert(group->id.n > 0);
    return next_value(&group->members, at);
}

const struct group_topic *group_topic_next(const struct group *group, uint32_t *at)
{
    return next_value(&group->topics, at);
}
