/*
 * A member's way from what it reads to what it is to read. First it gives back what is not its any more, and stays in its epoch
 * until it has said so; then it gets what is free, in the epoch of the target; what others still hold it gets when they let go.
 */
#include "broker/group/consumer_internal.h"

struct step {
    struct turn *turn;
    struct consumer *c;
    struct consumer_member *m;
    const struct group_part *owned; /* NULL: not told */
    uint32_t owned_count;
    /* What comes out. */
    struct consumer_part *keeps, *gives, *gets;
    uint32_t keep_count, give_count, get_count;
    bool unreleased;
};

static bool owned_has(const struct step *step, const struct consumer_parts *revoking)
{
    assert(step->owned_count == 0 || step->owned != NULL);
    for (uint32_t i = 0; i < step->owned_count; i++) {
        const struct consumer_topic *topic = consumer_topic_known(step->c, step->owned[i].topic);
        if (topic != NULL && parts_find(revoking, topic->slot, step->owned[i].partition) != NULL) {
            return true;
        }
    }
    return step->owned == NULL;
}

bool consumer_owns_subset(const struct consumer_member *m, const struct group_part *owned,
                          uint32_t count)
{
    if (owned == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct consumer_topic *topic = consumer_topic_known(m->group->consumer,
                                                                  owned[i].topic);
        if (topic == NULL || parts_find(&m->assigned, topic->slot, owned[i].partition) == NULL) {
            return false;
        }
    }
    return true;
}

bool consumer_waits_for_others(const struct consumer_member *m)
{
    const struct consumer *c = m->group->consumer;
    assert(c != NULL && m->epoch <= c->target_epoch);
    for (uint32_t i = 0; m->state == CONSUMER_UNRELEASED && i < m->target.count; i++) {
        const struct consumer_member *owner = part_owner(c, &m->target.items[i]);
        if (owner != NULL && owner != m) {
            return true;
        }
    }
    return false;
}

/* Its subscription may be ahead of the target. */
static bool wants(const struct step *step, uint32_t slot)
{
    assert(slot < step->c->topic_room && step->c->topics[slot] != NULL);
    const struct consumer_topic *topic = step->c->topics[slot];
    return topic->name.p == NULL || consumer_subscribes(step->m, topic->name);
}

static bool parts_part(struct step *step)
{
    struct consumer_member *m = step->m;
    struct arena *scratch = &step->turn->shard->scratch;
    uint32_t slot = UINT32_MAX;
    bool wanted = false;
    step->keeps = arena_array(scratch, m->assigned.count + m->target.count, sizeof(*step->keeps));
    step->gives = arena_array(scratch, m->assigned.count, sizeof(*step->gives));
    step->gets = arena_array(scratch, m->target.count, sizeof(*step->gets));
    if (step->keeps == NULL || step->gives == NULL || step->gets == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < m->assigned.count; i++) {
        const struct consumer_part *part = &m->assigned.items[i];
        wanted = part->topic == slot ? wanted : wants(step, part->topic);
        slot = part->topic;
        if (wanted && parts_find(&m->target, part->topic, part->partition) != NULL) {
            step->keeps[step->keep_count++] = *part;
        } else {
            step->gives[step->give_count++] = *part;
        }
    }
    slot = UINT32_MAX;
    for (uint32_t i = 0; i < m->target.count; i++) {
        const struct consumer_part *part = &m->target.items[i];
        wanted = part->topic == slot ? wanted : wants(step, part->topic);
        slot = part->topic;
        if (!wanted || parts_find(&m->assigned, part->topic, part->partition) != NULL) {
            continue;
        }
        const struct consumer_member *owner = part_owner(step->c, part);
        /* What it is giving back itself, and has, is free for it. */
        if (owner == NULL || owner == m) {
            step->gets[step->get_count++] = *part;
        } else {
            step->unreleased = true;
        }
    }
    assert(step->get_count <= m->target.count && step->keep_count <= m->target.count);
    return true;
}

static void epoch_move(struct consumer_member *m, int32_t epoch)
{
    assert(epoch >= 0);
    if (epoch != m->epoch) {
        m->previous_epoch = m->epoch;
        m->epoch = epoch;
    }
}

/* The member as it is from now on, in the log as well. */
static bool settle(struct step *step, enum consumer_member_state state, int32_t epoch,
                   const struct consumer_part *revoking, uint32_t revoking_count)
{
    struct consumer_member *m = step->m;
    struct group_shard *shard = step->turn->shard;
    assert(m->epoch >= 0 && epoch >= m->epoch);
    bool same = state == m->state && epoch == m->epoch &&
                parts_equal(&m->assigned, step->keeps, step->keep_count) &&
                parts_equal(&m->revoking, revoking, revoking_count);
    if (same) {
        return true;
    }
    assert(state == CONSUMER_UNREVOKED || revoking_count == 0);
    owners_leave(step->c, m);
    m->state = state;
    epoch_move(m, epoch);
    m->revoke_due_ms = state == CONSUMER_UNREVOKED && !m->classic
                           ? step->turn->now + max_i64(m->rebalance_ms, 1)
                           : TIME_NEVER;
    return parts_set(shard, step->c, &m->assigned, step->keeps, step->keep_count) &&
           parts_set(shard, step->c, &m->revoking, revoking, revoking_count) &&
           owners_take(shard, step->c, m) && record_consumer_current(step->turn, m);
}

static bool next_assignment(struct step *step)
{
    struct consumer_member *m = step->m;
    int32_t target_epoch = step->c->target_epoch;
    assert(target_epoch >= m->epoch && m->epoch >= 0);
    if (!parts_part(step)) {
        return false;
    }
    struct consumer_parts gives = {step->gives, step->give_count};
    assert(step->keep_count + step->give_count == m->assigned.count);
    if (step->give_count > 0 && owned_has(step, &gives)) {
        return settle(step, CONSUMER_UNREVOKED, m->epoch, step->gives, step->give_count);
    }
    for (uint32_t i = 0; i < step->get_count; i++) {
        step->gets[i].epoch = target_epoch;
        step->keeps[step->keep_count++] = step->gets[i];
    }
    uint32_t kept = parts_sort(step->keeps, step->keep_count);
    assert(kept == step->keep_count);
    return settle(step, step->unreleased ? CONSUMER_UNRELEASED : CONSUMER_STABLE, target_epoch,
                  NULL, 0);
}

/* What it does not subscribe to any more is taken away at once, whatever the target says. */
static bool trim(struct step *step)
{
    struct consumer_member *m = step->m;
    struct arena *scratch = &step->turn->shard->scratch;
    step->keeps = arena_array(scratch, m->assigned.count, sizeof(*step->keeps));
    step->gives = arena_array(scratch, m->assigned.count + m->revoking.count, sizeof(*step->gives));
    if (step->keeps == NULL || step->gives == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < m->assigned.count; i++) {
        const struct consumer_part *part = &m->assigned.items[i];
        if (wants(step, part->topic)) {
            step->keeps[step->keep_count++] = *part;
        } else {
            step->gives[step->give_count++] = *part;
        }
    }
    assert(step->keep_count + step->give_count == m->assigned.count);
    if (step->give_count == 0) {
        return true;
    }
    for (uint32_t i = 0; i < m->revoking.count; i++) {
        step->gives[step->give_count++] = m->revoking.items[i];
    }
    step->give_count = parts_sort(step->gives, step->give_count);
    struct consumer_parts gives = {step->gives, step->give_count};
    bool holds = owned_has(step, &gives);
    return holds ? settle(step, CONSUMER_UNREVOKED, m->epoch, step->gives, step->give_count)
                 : settle(step, m->state, m->epoch, m->revoking.items, m->revoking.count);
}

bool consumer_reconcile(struct turn *turn, struct consumer_member *m,
                        const struct group_part *owned, uint32_t owned_count, bool changed,
                        bool *ret_changed)
{
    struct consumer *c = m->group->consumer;
    struct step step = {.turn = turn, .c = c, .m = m, .owned = owned, .owned_count = owned_count};
    struct consumer_part *before = arena_array(&turn->shard->scratch, m->assigned.count,
                                               sizeof(*before));
    uint32_t count = m->assigned.count;
    assert(turn->shard->loaded && owned_count <= (owned == NULL ? 0 : UINT32_MAX));
    *ret_changed = false;
    if (before == NULL) {
        return false;
    }
    if (count > 0) {
        memcpy(before, m->assigned.items, count * sizeof(*before));
    }
    bool ok;
    if (m->state == CONSUMER_STABLE && m->epoch == c->target_epoch) {
        ok = !changed || trim(&step);
    } else if (m->state == CONSUMER_UNREVOKED && owned_has(&step, &m->revoking)) {
        ok = !changed || trim(&step);
    } else {
        ok = next_assignment(&step);
    }
    *ret_changed = !parts_equal(&m->assigned, before, count);
    return ok;
}
