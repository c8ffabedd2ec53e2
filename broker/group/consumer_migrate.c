/* Groups that become of the other kind. */
#include "broker/group/consumer_internal.h"

enum kafka_error consumer_may_upgrade(struct group_shard *shard, const struct group *group)
{
    (void)shard;
    assert(group->consumer == NULL);
    return group->state == GROUP_EMPTY && group->pending.count == 0 ? KAFKA_NONE
                                                                    : KAFKA_GROUP_ID_NOT_FOUND;
}

bool consumer_upgrade(struct turn *turn, struct group *group, const struct meta_image *image)
{
    (void)image;
    assert(group->members.count == 0);
    /* A group that only stores offsets has no record of its own; a tombstone more does no harm. */
    group->generation = 0;
    return record_group_gone(turn, group) && consumer_make(turn->shard, group) != NULL;
}

bool consumer_may_downgrade(const struct group_shard *shard, const struct group *group,
                            const struct consumer_member *gone)
{
    (void)shard;
    (void)group;
    (void)gone;
    return false;
}

bool consumer_downgrade(struct turn *turn, struct group *group, struct consumer_member *gone,
                        bool stays)
{
    (void)turn;
    (void)group;
    (void)gone;
    (void)stays;
    return false;
}

bool consumer_end(struct turn *turn, struct group *group)
{
    assert(group->consumer != NULL && group->consumer->members.count == 0);
    if (!record_consumer_gone(turn, group)) {
        turn_break(turn);
        return false;
    }
    consumer_unmake(turn->shard, group);
    group->state_wall_ms = turn->wall_ms;
    return true;
}
