/*
 * Groups that become of the other kind while they run. A classic group becomes one of consumers when a member of the consumer
 * protocol comes: its members stay, each with what the leader had given it, and are asked to join again. A consumer group becomes a
 * classic one when the last member of the consumer protocol goes and others stay.
 */
#include "broker/group/consumer_protocol.h"

/* ---- to the consumer protocol ---- */

/* What one classic member brings. */
struct newcomer {
    struct kmsg_consumer_protocol_subscription said;
    struct kmsg_consumer_protocol_assignment has;
};

static struct slice metadata_of(const struct group *group, const struct group_member *m)
{
    assert(m->protocol_count > 0);
    return group->protocol.p != NULL ? group_member_metadata(m, group->protocol)
                                     : m->protocols[0].metadata;
}

/* false: what it says is not to be understood, or belongs to an assignor of its own, whose notes would be lost. */
static bool newcomer_read(struct group_shard *shard, const struct group *group,
                          const struct group_member *m, struct newcomer *to)
{
    assert(m->group == group);
    kmsg_consumer_protocol_assignment_init(&to->has);
    if (!consumer_subscription_decode(shard, metadata_of(group, m), &to->said)) {
        return false;
    }
    return m->assignment.n == 0 ||
           (consumer_assignment_decode(shard, m->assignment, &to->has) && to->has.user_data.n == 0);
}

enum kafka_error consumer_may_upgrade(struct group_shard *shard, const struct group *group)
{
    uint32_t at = 0;
    assert(group->consumer == NULL);
    if (group->state == GROUP_EMPTY) {
        return KAFKA_NONE; /* nobody is asked */
    }
    if (!shard->config.consumer.upgrade || !slice_eq(group->protocol_type, slice_str("consumer")) ||
        group->members.count > shard->config.consumer.members_max) {
        return KAFKA_GROUP_ID_NOT_FOUND;
    }
    for (const struct group_member *m; (m = group_member_next(group, &at)) != NULL;) {
        struct newcomer newcomer;
        if (!newcomer_read(shard, group, m, &newcomer)) {
            return KAFKA_GROUP_ID_NOT_FOUND;
        }
    }
    return KAFKA_NONE;
}

/* What nobody else of them has: two may have been given the same by an assignor of their own making. */
static bool parts_bring(struct turn *turn, const struct meta_image *image,
                        struct consumer_member *m,
                        const struct kmsg_consumer_protocol_assignment *has)
{
    struct consumer *c = m->group->consumer;
    struct group_part *told;
    uint32_t told_count, count = 0;
    if (!consumer_parts_assigned(turn, image, has, &told, &told_count)) {
        return false;
    }
    struct consumer_part *parts = arena_array(&turn->shard->scratch, told_count, sizeof(*parts));
    for (uint32_t i = 0; parts != NULL && i < told_count; i++) {
        struct consumer_topic *topic = consumer_topic_get(turn->shard, c, told[i].topic);
        if (topic == NULL) {
            return false;
        }
        struct consumer_part part = {topic->slot, told[i].partition, m->epoch};
        if (part_owner(c, &part) == NULL) {
            assert(count < told_count);
            parts[count++] = part;
        }
    }
    if (parts == NULL) {
        return false;
    }
    count = parts_sort(parts, count);
    return parts_set(turn->shard, c, &m->assigned, parts, count) &&
           parts_set(turn->shard, c, &m->target, parts, count) && owners_take(turn->shard, c, m);
}

static bool member_bring(struct turn *turn, struct group *group, const struct group_member *from,
                         const struct newcomer *newcomer, const struct meta_image *image)
{
    struct group_shard *shard = turn->shard;
    struct consumer_member *m = consumer_member_make(shard, group, from->id, from->instance_id);
    bool changed;
    if (m == NULL) {
        return false;
    }
    assert(group->generation >= 0);
    m->epoch = group->generation;
    m->previous_epoch = group->generation;
    m->rebalance_ms = from->rebalance_ms;
    return slice_set(shard, &m->client_id, from->client_id) &&
           slice_set(shard, &m->client_host, from->client_host) &&
           consumer_set_protocols(shard, m, true, from->session_ms, from->protocols,
                                  from->protocol_count) &&
           consumer_subscription_take(shard, m, &newcomer->said, &changed) &&
           parts_bring(turn, image, m, &newcomer->has);
}

static bool group_write(struct turn *turn, struct group *group)
{
    uint32_t at = 0;
    bool ok = record_consumer_epoch(turn, group);
    for (const struct map_entry *e; ok && (e = map_next(&group->consumer->members, &at)) != NULL;) {
        struct consumer_member *m = e->value;
        assert(m->classic && m->state == CONSUMER_STABLE);
        consumer_touch(turn, m);
        ok = record_consumer_member(turn, m) && record_consumer_target(turn, m) &&
             record_consumer_current(turn, m);
    }
    return ok && record_consumer_target_epoch(turn, group);
}

/* Whoever waits is told that another round begins, and joins it. */
static void members_dismiss(struct turn *turn, struct group *group)
{
    uint32_t at = 0;
    for (const struct map_entry *e; (e = map_next(&group->members, &at)) != NULL;) {
        struct group_member *m = e->value;
        member_fail(turn, m, KAFKA_REBALANCE_IN_PROGRESS);
        member_remove(turn->shard, m);
    }
    at = 0;
    for (const struct map_entry *e; (e = map_next(&group->pending, &at)) != NULL;) {
        bool removed = group_pending_remove(turn->shard, group, e->key);
        assert(removed);
    }
    assert(group->members.count == 0 && group->pending.count == 0 && group->joining == 0);
}

/* The old members leave their maps only when the new ones stand: they are read until then. */
bool consumer_upgrade(struct turn *turn, struct group *group, const struct meta_image *image)
{
    struct group_shard *shard = turn->shard;
    struct newcomer *newcomers = arena_array(&shard->scratch, group->members.count,
                                             sizeof(*newcomers));
    struct consumer *c = newcomers == NULL || !record_group_gone(turn, group)
                             ? NULL
                             : consumer_make(shard, group);
    uint32_t at = 0, i = 0;
    bool ok = c != NULL;
    if (ok) {
        /* Without members nothing goes on: it is a new group. */
        c->epoch = group->members.count > 0 ? group->generation : 0;
        c->target_epoch = c->epoch;
        c->target_wall_ms = 0; /* the next target may be made at once */
        c->image_offset = -1;
    }
    for (const struct group_member *m; ok && (m = group_member_next(group, &at)) != NULL; i++) {
        ok = newcomer_read(shard, group, m, &newcomers[i]) &&
             member_bring(turn, group, m, &newcomers[i], image);
    }
    assert(!ok || i == group->members.count);
    members_dismiss(turn, group);
    consumer_forget_classic(shard, group);
    group->state_wall_ms = turn->wall_ms;
    if (!ok || (c->members.count > 0 && !group_write(turn, group))) {
        return false;
    }
    shard_retime(shard, group);
    return true;
}

/* ---- and back ---- */

bool consumer_all_know(const struct consumer *c, struct slice protocol)
{
    uint32_t at = 0;
    assert(c->classic_count <= c->members.count);
    for (const struct consumer_member *m; (m = consumer_member_next(c, &at)) != NULL;) {
        if (m->classic &&
            protocols_place(m->protocols, m->protocol_count, protocol) == m->protocol_count) {
            return false;
        }
    }
    return true;
}

/* Our own members of the classic protocol have one that all know; a log that somebody else wrote may say otherwise. */
static bool have_common(const struct consumer *c)
{
    const struct consumer_member *first = NULL;
    uint32_t at = 0;
    bool fit = true, common = false;
    for (const struct consumer_member *m; (m = consumer_member_next(c, &at)) != NULL;) {
        fit = fit && m->protocol_count <= GROUP_PROTOCOLS_MAX;
        first = first == NULL && m->classic ? m : first;
    }
    assert(first != NULL && c->classic_count > 0);
    for (uint32_t i = 0; fit && !common && i < first->protocol_count; i++) {
        common = consumer_all_know(c, first->protocols[i].name);
    }
    return common;
}

static bool all_named(const struct consumer *c, const struct consumer_parts *parts)
{
    bool named = true;
    for (uint32_t i = 0; named && i < parts->count; i++) {
        assert(parts->items[i].topic < c->topic_room);
        named = c->topics[parts->items[i].topic]->name.p != NULL;
    }
    return named;
}

/* What the members read can be said in the classic protocol, which knows topics by their names. */
static bool can_be_said(const struct consumer *c)
{
    bool named = true;
    uint32_t at = 0;
    for (const struct consumer_member *m; named && (m = consumer_member_next(c, &at)) != NULL;) {
        named = all_named(c, &m->target) && all_named(c, &m->assigned) &&
                all_named(c, &m->revoking);
    }
    return named;
}

bool consumer_may_downgrade(const struct group_shard *shard, const struct group *group,
                            const struct consumer_member *gone, const struct meta_image *image)
{
    const struct consumer *c = group->consumer;
    assert(c->classic_count <= c->members.count && (gone == NULL || gone->group == group));
    uint32_t left = c->members.count - (gone == NULL ? 0 : 1);
    return shard->config.consumer.downgrade && left > 0 && (gone == NULL || !gone->classic) &&
           c->classic_count == left && left <= shard->config.members_max && have_common(c) &&
           (image != NULL || can_be_said(c));
}

bool consumer_last_changes(const struct group_shard *shard, const struct group *group,
                           const struct group_who *who, const struct meta_image *image)
{
    const struct consumer *c = group->consumer;
    const struct consumer_member *seat = who->instance_id.p == NULL
                                             ? NULL
                                             : map_get(&c->statics, who->instance_id);
    assert(image != NULL && c->members.count > 0);
    if (seat != NULL && !seat->classic) {
        return c->members.count == 1 ? shard->config.consumer.downgrade
                                     : consumer_may_downgrade(shard, group, seat, image);
    }
    /* Behind a load the last one went, and what the others read could not be said then. */
    return c->members.count < shard->config.members_max &&
           consumer_may_downgrade(shard, group, NULL, image);
}

/* What it may be reading, as long as nobody has told it otherwise. NULL: out of memory. */
static const struct consumer_parts *held(struct turn *turn, const struct consumer_member *m)
{
    struct arena *scratch = &turn->shard->scratch;
    uint32_t count = m->assigned.count + m->revoking.count;
    struct consumer_parts *all = arena_array(scratch, 1, sizeof(*all));
    struct consumer_part *parts = arena_array(scratch, count, sizeof(*parts));
    if (all == NULL || parts == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        parts[i] = i < m->assigned.count ? m->assigned.items[i]
                                         : m->revoking.items[i - m->assigned.count];
    }
    *all = (struct consumer_parts){parts, parts_sort(parts, count)};
    return all;
}

/* stays: it is told what it is to read; else what it has, until all join again. */
static bool member_return(struct turn *turn, struct group *group,
                          const struct consumer_member *from, const struct meta_image *image,
                          bool stays)
{
    struct member_facts facts = {
        .id = from->id,
        .instance_id = from->instance_id,
        .client_id = from->client_id,
        .client_host = from->client_host,
        .protocols = from->protocols,
        .protocol_count = from->protocol_count,
        .session_ms = from->session_ms,
        .rebalance_ms = from->rebalance_ms,
    };
    struct slice bytes;
    const struct consumer_parts *parts = stays ? &from->target : held(turn, from);
    assert(from->classic);
    if (parts == NULL || !consumer_assignment_encode(turn, from, parts, image, &bytes)) {
        return false;
    }
    struct group_member *m = member_add(turn->shard, group, &facts);
    return m != NULL && member_set_assignment(turn->shard, m, bytes);
}

bool consumer_downgrade(struct turn *turn, struct group *group, struct consumer_member *gone,
                        const struct meta_image *image, bool stays)
{
    struct group_shard *shard = turn->shard;
    struct consumer *c = group->consumer;
    assert(c != NULL && (gone == NULL || !stays) && group->members.count == 0);
    int32_t generation = c->epoch;
    uint32_t at = 0;
    bool ok = record_consumer_gone(turn, group);
    for (const struct consumer_member *m; ok && (m = consumer_member_next(c, &at)) != NULL;) {
        ok = m == gone || member_return(turn, group, m, image, stays);
    }
    struct slice choice = group_vote(group);
    assert(!ok || (group->members.count > 0 && choice.p != NULL)); /* they have one in common */
    /* Nobody of it knows yet that it leads; a coordinator that reads this goes on from here (round_resume). */
    ok = ok && slice_set(shard, &group->protocol, choice) &&
         slice_set(shard, &group->leader, slice_of("", 0)) &&
         slice_set(shard, &group->protocol_type, slice_str("consumer"));
    if (!ok) {
        return false;
    }
    consumer_unmake(shard, group);
    assert(group->members.count > 0 && group->consumer == NULL);
    group->state = GROUP_STABLE;
    group->state_wall_ms = turn->wall_ms;
    group->generation = generation;
    at = 0;
    for (const struct map_entry *e; (e = map_next(&group->members, &at)) != NULL;) {
        member_touch(turn, e->value);
    }
    if (!record_group(turn, group)) {
        return false;
    }
    round_prepare(turn, group);
    shard_retime(shard, group);
    return true;
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
