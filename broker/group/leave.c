/* LeaveGroup, and the removal of whole groups. */
#include "broker/group/consumer_internal.h"

static struct group_member *leaver_find(const struct group *group,
                                        const struct group_leaver *leaver,
                                        enum kafka_error *ret_error)
{
    if (leaver->instance_id.p != NULL && leaver->member_id.n == 0) {
        /* An administrator names static members by their instance alone. */
        struct group_member *m = map_get(&group->statics, leaver->instance_id);
        *ret_error = m == NULL ? KAFKA_UNKNOWN_MEMBER_ID : KAFKA_NONE;
        return m;
    }
    struct group_who who = {.member_id = leaver->member_id, .instance_id = leaver->instance_id};
    return member_find(group, &who, ret_error);
}

static bool leave_one(struct turn *turn, struct group *group, struct group_leaver *leaver)
{
    leaver->error = KAFKA_NONE;
    assert(leaver->member_id.n == 0 || leaver->member_id.p != NULL);
    if (leaver->instance_id.p == NULL &&
        group_pending_remove(turn->shard, group, leaver->member_id)) {
        return true;
    }
    struct group_member *m = leaver_find(group, leaver, &leaver->error);
    if (m == NULL) {
        return false;
    }
    member_fail(turn, m, KAFKA_UNKNOWN_MEMBER_ID);
    member_remove(turn->shard, m);
    return true;
}

void group_leave(struct turn *turn, const struct group_event *event)
{
    struct group *group = map_get(&turn->shard->groups, event->who.group);
    if (group == NULL) {
        for (uint32_t i = 0; i < event->leave.count; i++) {
            event->leave.leavers[i].error = KAFKA_UNKNOWN_MEMBER_ID;
        }
        turn_answer(turn, event->call, KAFKA_NONE, 0);
        return;
    }
    if (group->consumer != NULL) {
        consumer_classic_leave(turn, group, event);
        return;
    }
    bool gone = false;
    for (uint32_t i = 0; i < event->leave.count; i++) {
        gone |= leave_one(turn, group, &event->leave.leavers[i]);
    }
    if (gone) {
        round_member_gone(turn, group);
        shard_retime(turn->shard, group);
    }
    turn_answer(turn, event->call, KAFKA_NONE, 0);
}

void group_delete(struct turn *turn, const struct group_event *event)
{
    struct group *group = map_get(&turn->shard->groups, event->who.group);
    if (group == NULL) {
        turn_refuse(turn, event->call, KAFKA_GROUP_ID_NOT_FOUND);
    } else if (group->state != GROUP_EMPTY ||
               (group->consumer != NULL && group->consumer->members.count > 0)) {
        turn_refuse(turn, event->call, KAFKA_NON_EMPTY_GROUP);
    } else if (!offsets_forget(turn, group)) {
        /* The rest goes with the next request: clients try again. */
        turn_refuse(turn, event->call,
                    turn->actions->broken ? KAFKA_COORDINATOR_NOT_AVAILABLE
                                          : KAFKA_COORDINATOR_LOAD_IN_PROGRESS);
    } else if (!record_gone(turn, group)) {
        turn_refuse(turn, event->call, turn_break(turn));
    } else {
        assert(turn->shard->record_count > 0);
        shard_remove(turn->shard, group);
        turn_answer(turn, event->call, KAFKA_NONE, turn_write(turn));
    }
}
