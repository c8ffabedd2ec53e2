/* A shard: events in, groups by id, and a heap of their deadlines. */
#include "broker/group/consumer_internal.h"

#define SCRATCH_CHUNK_BYTES 4096
#define SCRATCH_MAX         ((size_t)256 << 20)

const char *group_state_text(enum group_state state)
{
    static const char *const texts[] = {
        [GROUP_EMPTY] = "Empty",
        [GROUP_PREPARING] = "PreparingRebalance",
        [GROUP_COMPLETING] = "CompletingRebalance",
        [GROUP_STABLE] = "Stable",
    };
    assert(state < ARRAY_LEN(texts));
    return texts[state];
}

void group_shard_init(struct group_shard *shard, const struct group_config *config,
                      struct heap *heap, const struct memory_source *scratch_source)
{
    assert(config->session_min_ms > 0 && config->session_min_ms <= config->session_max_ms);
    assert(config->members_max > 0 && config->retention_check_ms > 0);
    *shard = (struct group_shard){.heap = heap, .config = *config, .expiry_due_ms = TIME_NEVER};
    prng_init(&shard->prng, config->seed);
    map_init_borrowing(&shard->groups, heap, config->hash_key);
    arena_init(&shard->scratch, scratch_source, SCRATCH_CHUNK_BYTES, SCRATCH_MAX);
}

/* ---- timers: a binary heap whose places are written into the groups ---- */

static void timer_put(struct group_shard *shard, uint32_t place, struct group *group)
{
    assert(place < shard->timer_room);
    shard->timers[place] = group;
    group->timer = place;
}

static void timer_sift(struct group_shard *shard, struct group *group)
{
    uint32_t count = shard->groups.count;
    uint32_t place = group->timer;
    assert(place < count && count <= shard->timer_room);
    while (place > 0 && shard->timers[(place - 1) / 2]->wake_ms > group->wake_ms) {
        timer_put(shard, place, shard->timers[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child + 1 < count &&
            shard->timers[child + 1]->wake_ms < shard->timers[child]->wake_ms) {
            child++;
        }
        if (child >= count || shard->timers[child]->wake_ms >= group->wake_ms) {
            break;
        }
        timer_put(shard, place, shard->timers[child]);
        place = child;
    }
    timer_put(shard, place, group);
}

static bool timer_room(struct group_shard *shard)
{
    uint32_t room = shard->timer_room;
    assert(shard->groups.count <= room);
    if (shard->groups.count < room) {
        return true;
    }
    uint32_t larger = room == 0 ? 8 : 2 * room;
    void *grown = heap_resize(shard->heap, shard->timers, room * sizeof(struct group *),
                              larger * sizeof(struct group *));
    if (grown == NULL) {
        return false;
    }
    shard->timers = grown;
    shard->timer_room = larger;
    return true;
}

static time_ms group_wake(const struct group *group)
{
    time_ms wake = TIME_NEVER;
    uint32_t at = 0;
    if (group->consumer != NULL) {
        return consumer_wake(group->consumer);
    }
    for (const struct map_entry *e; (e = map_next(&group->pending, &at)) != NULL;) {
        wake = min_i64(wake, ((const struct group_pending *)e->value)->expires_ms);
    }
    at = 0;
    for (const struct group_member *m; (m = group_member_next(group, &at)) != NULL;) {
        bool waits = (m->join != NULL && !m->fresh) || m->sync != NULL;
        wake = waits ? wake : min_i64(wake, m->expires_ms);
    }
    if (group->state == GROUP_PREPARING) {
        wake = min_i64(wake, group->join_due_ms);
    }
    return min_i64(wake, group->sync_due_ms);
}

void shard_retime(struct group_shard *shard, struct group *group)
{
    assert(shard->groups.count > 0 && map_get(&shard->groups, group->id) == group);
    group->wake_ms = group_wake(group);
    timer_sift(shard, group);
}

/* ---- groups ---- */

struct group *shard_create(struct group_shard *shard, struct slice id, time_ms wall_ms)
{
    assert(id.n > 0 && group_find(shard, id) == NULL);
    struct group *group = HEAP_NEW(shard->heap, struct group);
    if (group == NULL) {
        return NULL;
    }
    bool ok = timer_room(shard) && heap_copy(shard->heap, id, &group->id) &&
              map_put(&shard->groups, group->id, group);
    if (!ok) {
        slice_drop(shard, &group->id);
        heap_free(shard->heap, group, sizeof(*group));
        return NULL;
    }
    map_init_borrowing(&group->members, shard->heap, shard->config.hash_key);
    map_init_borrowing(&group->statics, shard->heap, shard->config.hash_key);
    map_init(&group->pending, shard->heap, shard->config.hash_key);
    map_init_borrowing(&group->topics, shard->heap, shard->config.hash_key);
    group->state_wall_ms = wall_ms;
    group->sync_due_ms = TIME_NEVER;
    group->join_due_ms = TIME_NEVER;
    group->wake_ms = TIME_NEVER;
    timer_put(shard, shard->groups.count - 1, group);
    return group;
}

static void group_release(struct group_shard *shard, struct group *group)
{
    assert(group->id.n > 0 && group->joining == 0);
    offsets_release(shard, group);
    uint32_t at = 0;
    if (group->consumer != NULL) {
        consumer_unmake(shard, group);
    }
    for (const struct map_entry *e; (e = map_next(&group->members, &at)) != NULL;) {
        member_remove(shard, e->value);
    }
    at = 0;
    for (const struct map_entry *e; (e = map_next(&group->pending, &at)) != NULL;) {
        heap_free(shard->heap, e->value, sizeof(struct group_pending));
    }
    map_release(&group->members);
    map_release(&group->statics);
    map_release(&group->pending);
    map_release(&group->topics);
    slice_drop(shard, &group->protocol_type);
    slice_drop(shard, &group->protocol);
    slice_drop(shard, &group->leader);
    slice_drop(shard, &group->id);
    heap_free(shard->heap, group, sizeof(*group));
}

void shard_remove(struct group_shard *shard, struct group *group)
{
    assert(group->members.count == 0 && group->state == GROUP_EMPTY);
    assert(shard->timers[group->timer] == group);
    uint32_t place = group->timer;
    struct group *last = shard->timers[shard->groups.count - 1];
    void *removed = map_remove(&shard->groups, group->id);
    assert(removed == group);
    if (last != group) {
        timer_put(shard, place, last);
        timer_sift(shard, last);
    }
    group_release(shard, group);
}

static void call_refuse(struct group_call *call, struct list *to)
{
    if (call != NULL) {
        assert(!list_linked(&call->node));
        assert((call->joining != NULL) != (call->syncing != NULL));
        call->error = KAFKA_NOT_COORDINATOR;
        call->after_write = 0;
        call->joining = NULL;
        call->syncing = NULL;
        list_push(to, &call->node);
    }
}

void group_shard_release(struct group_shard *shard, struct list *ret_waiting)
{
    uint32_t at = 0;
    for (const struct map_entry *e; (e = map_next(&shard->groups, &at)) != NULL;) {
        struct group *group = e->value;
        uint32_t i = 0;
        for (const struct map_entry *m; (m = map_next(&group->members, &i)) != NULL;) {
            struct group_member *member = m->value;
            call_refuse(member->join, ret_waiting);
            call_refuse(member->sync, ret_waiting);
            member->join = NULL;
            member->sync = NULL;
        }
        group->joining = 0;
        group_release(shard, group);
    }
    map_release(&shard->groups);
    heap_free(shard->heap, shard->timers, shard->timer_room * sizeof(struct group *));
    arena_release(&shard->scratch);
    *shard = (struct group_shard){0};
}

/* ---- a step ---- */

void turn_answer(struct turn *turn, struct group_call *call, enum kafka_error error,
                 uint64_t after_write)
{
    assert(call != NULL && !list_linked(&call->node));
    if (call->joining != NULL) {
        assert(call->joining->join == call && call->joining->group->joining > 0);
        call->joining->join = NULL;
        call->joining->group->joining--;
        call->joining = NULL;
    }
    if (call->syncing != NULL) {
        assert(call->syncing->sync == call);
        call->syncing->sync = NULL;
        call->syncing = NULL;
    }
    call->error = error;
    call->after_write = error == KAFKA_NONE ? after_write : 0;
    list_push(&turn->actions->answers, &call->node);
}

/* Its member may well be alive and ask anew by another connection: it has its session for that. */
static void group_forget(struct turn *turn, struct group_call *call)
{
    struct group_member *member = call->joining != NULL ? call->joining : call->syncing;
    assert(member != NULL && (call->joining != NULL) != (call->syncing != NULL));
    if (call->joining != NULL) {
        assert(member->join == call && member->group->joining > 0);
        member->join = NULL;
        member->group->joining--;
    } else {
        assert(member->sync == call);
        member->sync = NULL;
    }
    call->joining = NULL;
    call->syncing = NULL;
    member->expires_ms = turn->now + member->session_ms;
    shard_retime(turn->shard, member->group);
}

static void shard_begin(struct turn *turn)
{
    struct group_shard *shard = turn->shard;
    assert(!shard->loaded);
    shard->loaded = true;
    shard->expiry_due_ms = turn->now + shard->config.retention_check_ms;
    uint32_t at = 0;
    for (const struct map_entry *e; (e = map_next(&shard->groups, &at)) != NULL;) {
        struct group *group = e->value;
        uint32_t i = 0;
        for (const struct map_entry *m; (m = map_next(&group->members, &i)) != NULL;) {
            member_touch(turn, m->value);
        }
        if (group->consumer != NULL) {
            consumer_loaded(turn, group);
        } else {
            round_resume(turn, group);
        }
        shard_retime(shard, group);
    }
}

static void shard_tick(struct turn *turn)
{
    struct group_shard *shard = turn->shard;
    while (shard->groups.count > 0 && shard->timers[0]->wake_ms <= turn->now &&
           !turn->actions->broken) {
        struct group *group = shard->timers[0];
        assert(group->timer == 0);
        if (group->consumer != NULL) {
            consumer_tick(turn, group);
        } else {
            round_tick(turn, group);
        }
        shard_retime(shard, group);
        assert(group->wake_ms > turn->now || turn->actions->broken);
    }
    if (shard->expiry_due_ms <= turn->now && !turn->actions->broken) {
        offsets_expire(turn);
    }
}

static void dispatch(struct turn *turn, const struct group_event *event)
{
    switch (event->kind) {
    case GROUP_JOIN: group_join(turn, event); break;
    case GROUP_SYNC: group_sync(turn, event); break;
    case GROUP_HEARTBEAT: group_heartbeat(turn, event); break;
    case GROUP_LEAVE: group_leave(turn, event); break;
    case GROUP_COMMIT: group_commit(turn, event); break;
    case GROUP_DELETE_OFFSETS: group_delete_offsets(turn, event); break;
    case GROUP_DELETE: group_delete(turn, event); break;
    case GROUP_CONSUMER_HEARTBEAT: consumer_heartbeat(turn, event); break;
    case GROUP_MATCHED: consumer_matched(turn, event); break;
    case GROUP_FORGET: group_forget(turn, event->call); break;
    case GROUP_TOPIC_GONE: offsets_topic_gone(turn, event); break;
    case GROUP_TICK: shard_tick(turn); break;
    case GROUP_LOADED: shard_begin(turn); break;
    }
}

void group_step(struct group_shard *shard, const struct group_event *event,
                struct group_actions *actions)
{
    struct turn turn = {shard, actions, event->now, event->wall_ms};
    *actions = (struct group_actions){0};
    list_init(&actions->answers);
    arena_clear(&shard->scratch);
    shard->records = NULL;
    shard->record_count = 0;
    shard->record_room = 0;
    shard->gone_bytes = 0;
    assert(shard->loaded == (event->kind != GROUP_LOADED));
    bool asked = event->kind >= GROUP_JOIN && event->kind <= GROUP_FORGET &&
                 event->kind != GROUP_MATCHED;
    assert(asked == (event->call != NULL));
    dispatch(&turn, event);
    bool wrote = shard->record_count > 0 && !actions->broken;
    assert(shard->record_count <= shard->record_room);
    shard->writes += wrote;
    actions->write = wrote ? shard->writes : 0;
    actions->record_count = wrote ? shard->record_count : 0;
    actions->records = shard->records;
}

time_ms group_deadline(const struct group_shard *shard)
{
    assert(shard->loaded);
    time_ms first = shard->groups.count > 0 ? shard->timers[0]->wake_ms : TIME_NEVER;
    return min_i64(first, shard->expiry_due_ms);
}
