/* Members go: they leave, step aside, or are fenced because their time is up. */
#include "broker/group/consumer_internal.h"

bool consumer_take_out(struct turn *turn, struct consumer_member *m)
{
    struct group *group = m->group;
    struct consumer *c = group->consumer;
    const struct consumer_pattern *pattern = m->pattern.n == 0
                                                 ? NULL
                                                 : consumer_pattern_get(c, m->pattern);
    assert(c != NULL && (pattern == NULL || pattern->subscribers > 0));
    bool last = pattern != NULL && pattern->subscribers == 1 && pattern->resolved;
    if (!record_consumer_member_gone(turn, m) ||
        (last && !record_consumer_pattern_gone(turn, group, m->pattern))) {
        return false;
    }
    consumer_member_drop(turn->shard, m);
    return true;
}

bool consumer_fence(struct turn *turn, struct consumer_member *m, const struct meta_image *image)
{
    struct group *group = m->group;
    assert(group->consumer->members.count > 0);
    if (consumer_may_downgrade(turn->shard, group, m, image)) {
        return consumer_downgrade(turn, group, m, image, false);
    }
    return consumer_take_out(turn, m) && consumer_bump(turn, group);
}

/* Also for those who do not give back, join again or ask for their assignment in time. */
static bool is_due(const struct consumer_member *m, time_ms now)
{
    return m->expires_ms <= now || m->revoke_due_ms <= now || m->join_due_ms <= now ||
           m->sync_due_ms <= now;
}

void consumer_tick(struct turn *turn, struct group *group)
{
    uint32_t at = 0;
    bool ok = true;
    assert(group->consumer != NULL && group->wake_ms <= turn->now);
    for (const struct map_entry *e;
         ok && group->consumer != NULL && (e = map_next(&group->consumer->members, &at)) != NULL;) {
        struct consumer_member *m = e->value;
        assert(m->group == group);
        if (is_due(m, turn->now)) {
            ok = consumer_fence(turn, m, NULL);
        }
    }
    if (ok && group->consumer != NULL && group->consumer->assign_due_ms <= turn->now) {
        group->consumer->assign_due_ms = TIME_NEVER;
        ok = consumer_advance(turn, group, NULL, false);
    }
    if (!ok) {
        turn_break(turn);
    }
}

/* ---- requests ---- */

static void told_gone(struct turn *turn, const struct group_event *event, struct group *group)
{
    assert(event->who.generation < 0);
    event->call->consumer = (struct group_consumer_answer){.member_id = event->who.member_id,
                                                           .epoch = event->who.generation};
    turn_answer(turn, event->call, KAFKA_NONE, group->write);
    shard_retime(turn->shard, group);
}

void consumer_leave(struct turn *turn, struct group *group, const struct group_event *event)
{
    struct consumer *c = group->consumer;
    enum kafka_error error;
    assert(c != NULL && event->who.generation >= CONSUMER_STEPS_ASIDE);
    struct consumer_member *m = consumer_member_who(c, &event->who, &error);
    if (m == NULL) {
        turn_refuse(turn, event->call, error);
        return;
    }
    bool ok;
    if (event->who.generation == CONSUMER_STEPS_ASIDE) {
        assert(event->who.instance_id.p != NULL && m->instance_id.p != NULL);
        m->epoch = CONSUMER_STEPS_ASIDE;
        ok = consumer_gives_all(turn, m) && record_consumer_current(turn, m);
    } else {
        ok = consumer_fence(turn, m, event->image);
    }
    if (!ok) {
        turn_refuse(turn, event->call, turn_break(turn));
        return;
    }
    told_gone(turn, event, group);
}
