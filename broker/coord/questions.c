/* Questions: answered from the shard as it stands; they leave when everything they tell is committed. */
#include "broker/coord/coord_internal.h"

/* Inside the monitor of an ACTIVE shard on true; else the call has been answered. */
static bool enter_for(struct coords *coords, struct coord_call *call, struct slice group_id)
{
    struct coord_shard *shard = coords_shard(coords, group_id);
    assert(call->loop != NULL && call->state == CALL_FREE);
    call->group = (struct group_call){0};
    call->shard = shard;
    call->group.error = KAFKA_NOT_COORDINATOR;
    if (shard == NULL) {
        return false;
    }
    shard_enter(shard);
    if (shard->state == SHARD_ACTIVE) {
        call->group.error = KAFKA_NONE;
        return true;
    }
    call->group.error = shard_closed_error(shard);
    shard_leave(shard);
    return false;
}

/* Leaves the monitor; whether the answer may go at once. */
static bool leave_with(struct coord_call *call, enum kafka_error error, uint64_t after_write)
{
    struct coord_shard *shard = call->shard;
    call->group.error = error;
    bool now = shard_answer_after(shard, call, error == KAFKA_NONE ? after_write : 0);
    shard_leave(shard);
    return now;
}

static uint64_t newest_write(const struct group *group)
{
    return group->write > group->offsets_write ? group->write : group->offsets_write;
}

/* ---- offsets ---- */

static bool fill(struct arena *arena, struct coord_offset *to, const struct group_offset *from)
{
    to->offset = from == NULL ? -1 : from->offset;
    to->leader_epoch = from == NULL ? -1 : from->leader_epoch;
    to->metadata = slice_of("", 0);
    return from == NULL || arena_copy(arena, from->metadata, &to->metadata);
}

/* It was stored in another topic of that name. */
static bool is_other(const struct group_offset *offset, struct uuid id)
{
    return !uuid_is_none(id) && !uuid_is_none(offset->topic_id) && !uuid_eq(offset->topic_id, id);
}

static struct uuid id_of(const struct meta_image *image, struct slice name)
{
    const struct meta_topic *topic = image == NULL ? NULL : meta_topic_named(image, name);
    return topic == NULL ? UUID_NONE : meta_topic_id(topic);
}

/* *ret_other: something is left out that was stored in another topic. */
static bool fill_all(const struct group *group, struct arena *arena, struct coord_offsets *offsets,
                     bool *ret_other)
{
    uint32_t at = 0;
    offsets->items = arena_array(arena, group->offset_count, sizeof(*offsets->items));
    if (offsets->items == NULL) {
        return false;
    }
    for (const struct group_topic *topic; (topic = group_topic_next(group, &at)) != NULL;) {
        struct slice name;
        struct uuid id = id_of(offsets->image, topic->name);
        if (!arena_copy(arena, topic->name, &name)) {
            return false;
        }
        for (uint32_t i = 0; i < topic->count; i++) {
            if (is_other(&topic->offsets[i], id)) {
                *ret_other = true;
                continue;
            }
            struct coord_offset *to = &offsets->items[offsets->count++];
            to->topic = name;
            to->topic_id = id;
            to->partition = topic->offsets[i].partition;
            if (!fill(arena, to, &topic->offsets[i])) {
                return false;
            }
        }
    }
    return true;
}

static bool fill_asked(const struct group *group, struct arena *arena,
                       struct coord_offsets *offsets, bool *ret_other)
{
    for (uint32_t i = 0; i < offsets->count; i++) {
        struct coord_offset *to = &offsets->items[i];
        const struct group_offset *from = group == NULL
                                              ? NULL
                                              : group_offset_find(group, to->topic, to->partition);
        bool other = from != NULL && is_other(from, to->topic_id);
        *ret_other = *ret_other || other;
        if (!fill(arena, to, other ? NULL : from)) {
            return false;
        }
    }
    return true;
}

bool coord_fetch_offsets(struct coords *coords, struct coord_call *call, struct slice group_id,
                         struct arena *arena, struct coord_offsets *offsets)
{
    if (!enter_for(coords, call, group_id)) {
        return true;
    }
    const struct group *group = group_find(&call->shard->core, group_id);
    bool all = offsets->items == NULL, other = false;
    enum kafka_error error = consumer_may_fetch(group, offsets->member_id, offsets->epoch);
    if (error != KAFKA_NONE) {
        return leave_with(call, error, 0);
    }
    bool ok = !all            ? fill_asked(group, arena, offsets, &other)
              : group == NULL ? true
                              : fill_all(group, arena, offsets, &other);
    /* The other one is the newer one, perhaps: the client asks again, by the next image. */
    if (other && coords_outdated(coords, offsets->image)) {
        return leave_with(call, KAFKA_COORDINATOR_LOAD_IN_PROGRESS, 0);
    }
    /* Of a group that is not there: it may have gone with a write that is not committed yet. */
    uint64_t after = group == NULL ? call->shard->core.writes : newest_write(group);
    return leave_with(call, ok ? KAFKA_NONE : KAFKA_COORDINATOR_NOT_AVAILABLE, after);
}

/* ---- groups ---- */

static bool describe(const struct group *group, struct arena *arena, struct coord_description *d)
{
    uint32_t at = 0;
    bool ok = arena_copy(arena, group->protocol_type, &d->protocol_type) &&
              arena_copy(arena, group->protocol, &d->protocol);
    d->state = slice_str(group_state_text(group->state));
    d->members = arena_array(arena, group->members.count, sizeof(*d->members));
    ok = ok && d->members != NULL;
    for (const struct group_member *m; ok && (m = group_member_next(group, &at)) != NULL;) {
        uint32_t i = d->member_count++;
        ok = arena_copy(arena, m->id, &d->members[i].id) &&
             arena_copy(arena, m->instance_id, &d->members[i].instance_id) &&
             arena_copy(arena, m->client_id, &d->members[i].client_id) &&
             arena_copy(arena, m->client_host, &d->members[i].client_host) &&
             arena_copy(arena, group_member_metadata(m, group->protocol),
                        &d->members[i].metadata) &&
             arena_copy(arena, m->assignment, &d->members[i].assignment);
    }
    return ok;
}

bool coord_describe(struct coords *coords, struct coord_call *call, struct slice group_id,
                    struct arena *arena, struct coord_description *ret_description)
{
    *ret_description = (struct coord_description){0};
    if (!enter_for(coords, call, group_id)) {
        return true;
    }
    const struct group *group = group_find(&call->shard->core, group_id);
    if (group == NULL || group->consumer != NULL) {
        ret_description->other_kind = group != NULL;
        return leave_with(call, KAFKA_GROUP_ID_NOT_FOUND, 0);
    }
    bool ok = describe(group, arena, ret_description);
    return leave_with(call, ok ? KAFKA_NONE : KAFKA_COORDINATOR_NOT_AVAILABLE, newest_write(group));
}

static bool parts_tell(const struct consumer *c, const struct consumer_parts *parts,
                       struct arena *arena, const struct group_part **ret_parts,
                       uint32_t *ret_count)
{
    struct group_part *told = arena_array(arena, parts->count, sizeof(*told));
    for (uint32_t i = 0; told != NULL && i < parts->count; i++) {
        told[i] = (struct group_part){consumer_part_topic(c, &parts->items[i]),
                                      parts->items[i].partition};
    }
    *ret_parts = told;
    *ret_count = parts->count;
    return told != NULL;
}

static bool describe_member(const struct consumer_member *m, struct arena *arena,
                            struct coord_consumer_member *to)
{
    const struct consumer *c = m->group->consumer;
    struct slice *topics = arena_array(arena, m->topic_count, sizeof(*topics));
    bool ok = topics != NULL && arena_copy(arena, m->id, &to->id) &&
              arena_copy(arena, m->instance_id, &to->instance_id) &&
              arena_copy(arena, m->rack_id, &to->rack_id) &&
              arena_copy(arena, m->client_id, &to->client_id) &&
              arena_copy(arena, m->client_host, &to->client_host) &&
              arena_copy(arena, m->pattern, &to->pattern);
    for (uint32_t i = 0; ok && i < m->topic_count; i++) {
        ok = arena_copy(arena, m->topics[i], &topics[i]);
    }
    to->topics = topics;
    to->topic_count = m->topic_count;
    to->epoch = m->epoch;
    to->classic = m->classic;
    return ok && parts_tell(c, &m->assigned, arena, &to->assigned, &to->assigned_count) &&
           parts_tell(c, &m->target, arena, &to->target, &to->target_count);
}

static bool describe_consumer(const struct group_shard *shard, const struct consumer *c,
                              struct arena *arena, struct coord_consumer_description *d)
{
    uint32_t at = 0;
    d->state = slice_str(consumer_state_text(c));
    d->assignor = slice_str(consumer_assignor(shard, c));
    d->epoch = c->epoch;
    d->target_epoch = c->target_epoch;
    d->members = arena_array(arena, c->members.count, sizeof(*d->members));
    bool ok = d->members != NULL;
    for (const struct consumer_member *m; ok && (m = consumer_member_next(c, &at)) != NULL;) {
        ok = describe_member(m, arena, &d->members[d->member_count++]);
    }
    return ok;
}

bool coord_describe_consumer(struct coords *coords, struct coord_call *call, struct slice group_id,
                             struct arena *arena, struct coord_consumer_description *d)
{
    *d = (struct coord_consumer_description){0};
    if (!enter_for(coords, call, group_id)) {
        return true;
    }
    const struct group *group = group_find(&call->shard->core, group_id);
    if (group == NULL || group->consumer == NULL) {
        d->other_kind = group != NULL;
        return leave_with(call, KAFKA_GROUP_ID_NOT_FOUND, 0);
    }
    bool ok = describe_consumer(&call->shard->core, group->consumer, arena, d);
    return leave_with(call, ok ? KAFKA_NONE : KAFKA_COORDINATOR_NOT_AVAILABLE, newest_write(group));
}

struct listing {
    struct arena *arena;
    struct coord_listed *items;
    uint32_t count;
    uint32_t room;
};

static bool list_add(struct listing *listing, const struct group *group)
{
    if (listing->count == listing->room) {
        uint32_t room = listing->room == 0 ? 64 : 2 * listing->room;
        struct coord_listed *grown = arena_array(listing->arena, room, sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        if (listing->count > 0) {
            memcpy(grown, listing->items, listing->count * sizeof(*grown));
        }
        listing->items = grown;
        listing->room = room;
    }
    struct coord_listed *to = &listing->items[listing->count++];
    to->consumer = group->consumer != NULL;
    to->state = slice_str(to->consumer ? consumer_state_text(group->consumer)
                                       : group_state_text(group->state));
    if (to->consumer) {
        to->protocol_type = slice_str("consumer");
    }
    return arena_copy(listing->arena, group->id, &to->id) &&
           (to->consumer || arena_copy(listing->arena, group->protocol_type, &to->protocol_type));
}

static enum kafka_error list_shard(struct coord_shard *shard, struct listing *listing)
{
    enum kafka_error error = KAFKA_NONE;
    uint32_t at = 0;
    shard_enter(shard);
    if (shard->state == SHARD_ACTIVE) {
        for (const struct group *g;
             error == KAFKA_NONE && (g = group_next(&shard->core, &at)) != NULL;) {
            error = list_add(listing, g) ? KAFKA_NONE : KAFKA_COORDINATOR_NOT_AVAILABLE;
        }
    } else if (shard_closed_error(shard) == KAFKA_COORDINATOR_LOAD_IN_PROGRESS) {
        error = KAFKA_COORDINATOR_LOAD_IN_PROGRESS;
    }
    shard_leave(shard);
    return error;
}

enum kafka_error coord_list(struct coords *coords, struct arena *arena,
                            struct coord_listed **ret_groups, uint32_t *ret_count)
{
    struct listing listing = {.arena = arena};
    struct shard_table *table = atomic_load(&coords->table);
    enum kafka_error worst = KAFKA_NONE;
    for (uint32_t i = 0; table != NULL && i < table->count; i++) {
        enum kafka_error error = list_shard(&table->shards[i], &listing);
        worst = error == KAFKA_NONE ? worst : error;
    }
    *ret_groups = listing.items;
    *ret_count = listing.count;
    return worst;
}
