/* Members of a classic group: what they said of themselves, and who a request speaks for. */
#include "broker/group/group_internal.h"

void slice_drop(struct group_shard *shard, struct slice *slice)
{
    heap_free(shard->heap, (void *)(uintptr_t)slice->p, slice->n);
    *slice = (struct slice){0};
}

bool slice_set(struct group_shard *shard, struct slice *slice, struct slice value)
{
    struct slice copy;
    if (!heap_copy(shard->heap, value, &copy)) {
        return false;
    }
    assert((copy.p == NULL) == (value.p == NULL) && copy.n == value.n);
    slice_drop(shard, slice);
    *slice = copy;
    return true;
}

/* ---- what members of both kinds have ---- */

/* One piece holds the array and all that it points to. */
static bool protocols_bytes(const struct group_protocol *protocols, uint32_t count,
                            size_t *ret_bytes)
{
    size_t bytes = count * sizeof(*protocols);
    bool ok = true;
    for (uint32_t i = 0; ok && i < count; i++) {
        ok = !__builtin_add_overflow(bytes, protocols[i].name.n, &bytes) &&
             !__builtin_add_overflow(bytes, protocols[i].metadata.n, &bytes);
    }
    *ret_bytes = bytes;
    return ok;
}

void protocols_free(struct group_shard *shard, struct group_protocol *protocols, uint32_t count)
{
    size_t bytes;
    assert(count == 0 || protocols != NULL);
    bool ok = protocols_bytes(protocols, count, &bytes);
    assert(ok);
    heap_free(shard->heap, protocols, bytes);
}

static struct slice move_in(uint8_t **at, struct slice from)
{
    uint8_t *p = *at;
    if (from.n > 0) {
        memcpy(p, from.p, from.n);
    }
    *at += from.n;
    return slice_of(p, from.n);
}

bool protocols_set(struct group_shard *shard, struct group_protocol **protocols,
                   uint32_t *protocol_count, const struct group_protocol *from, uint32_t count)
{
    struct group_protocol *copy = NULL;
    size_t bytes;
    assert(count == 0 || from != NULL);
    assert(*protocol_count == 0 || *protocols != NULL);
    if (!protocols_bytes(from, count, &bytes) ||
        (count > 0 && (copy = heap_alloc(shard->heap, bytes)) == NULL)) {
        return false;
    }
    uint8_t *at = (uint8_t *)(copy + count);
    for (uint32_t i = 0; i < count; i++) {
        copy[i].name = move_in(&at, from[i].name);
        copy[i].metadata = move_in(&at, from[i].metadata);
    }
    protocols_free(shard, *protocols, *protocol_count);
    *protocols = copy;
    *protocol_count = count;
    return true;
}

bool protocols_equal(const struct group_protocol *a, uint32_t count, const struct group_protocol *b,
                     uint32_t other_count)
{
    bool equal = count == other_count;
    for (uint32_t i = 0; equal && i < count; i++) {
        equal = slice_eq(a[i].name, b[i].name) && slice_eq(a[i].metadata, b[i].metadata);
    }
    return equal;
}

uint32_t protocols_place(const struct group_protocol *protocols, uint32_t count, struct slice name)
{
    uint32_t i = 0;
    while (i < count && !slice_eq(protocols[i].name, name)) {
        i++;
    }
    return i;
}

bool seat_take(struct map *members, struct map *statics, struct slice id, struct slice instance_id,
               void *member)
{
    assert(id.n > 0 && map_get(members, id) == NULL);
    if (!map_put(members, id, member)) {
        return false;
    }
    if (instance_id.p != NULL && !map_put(statics, instance_id, member)) {
        void *removed = map_remove(members, id);
        assert(removed == member);
        return false;
    }
    return true;
}

bool seat_rename(struct group_shard *shard, struct map *members, struct slice *id, struct slice to,
                 void *member)
{
    struct slice copy;
    assert(to.n > 0 && map_get(members, to) == NULL);
    if (!heap_copy(shard->heap, to, &copy)) {
        return false;
    }
    if (!map_put(members, copy, member)) {
        slice_drop(shard, &copy);
        return false;
    }
    void *removed = map_remove(members, *id);
    assert(removed == member);
    slice_drop(shard, id);
    *id = copy;
    return true;
}

/* ---- members of classic groups ---- */

static void member_free(struct group_shard *shard, struct group_member *m)
{
    assert(m->join == NULL && m->sync == NULL);
    slice_drop(shard, &m->id);
    slice_drop(shard, &m->instance_id);
    slice_drop(shard, &m->client_id);
    slice_drop(shard, &m->client_host);
    slice_drop(shard, &m->assignment);
    protocols_free(shard, m->protocols, m->protocol_count);
    heap_free(shard->heap, m, sizeof(*m));
}

struct group_member *member_add(struct group_shard *shard, struct group *group,
                                const struct member_facts *facts)
{
    assert(facts->id.n > 0 && map_get(&group->members, facts->id) == NULL);
    assert(map_get(&group->pending, facts->id) == NULL);
    assert(facts->instance_id.p == NULL || map_get(&group->statics, facts->instance_id) == NULL);
    struct group_member *m = HEAP_NEW(shard->heap, struct group_member);
    if (m == NULL) {
        return NULL;
    }
    m->group = group;
    m->session_ms = facts->session_ms;
    m->rebalance_ms = facts->rebalance_ms;
    m->expires_ms = TIME_NEVER;
    bool ok = protocols_set(shard, &m->protocols, &m->protocol_count, facts->protocols,
                            facts->protocol_count) &&
              heap_copy(shard->heap, facts->id, &m->id) &&
              heap_copy(shard->heap, facts->instance_id, &m->instance_id) &&
              heap_copy(shard->heap, facts->client_id, &m->client_id) &&
              heap_copy(shard->heap, facts->client_host, &m->client_host) &&
              seat_take(&group->members, &group->statics, m->id, m->instance_id, m);
    if (!ok) {
        member_free(shard, m);
        return NULL;
    }
    return m;
}

bool member_update(struct group_shard *shard, struct group_member *m,
                   const struct member_facts *facts)
{
    if (!protocols_set(shard, &m->protocols, &m->protocol_count, facts->protocols,
                       facts->protocol_count)) {
        return false;
    }
    m->session_ms = facts->session_ms;
    m->rebalance_ms = facts->rebalance_ms;
    return true;
}

void member_remove(struct group_shard *shard, struct group_member *m)
{
    assert(m->join == NULL && m->sync == NULL && m->group->members.count > 0);
    struct group *group = m->group;
    void *removed = map_remove(&group->members, m->id);
    assert(removed == m);
    if (m->instance_id.p != NULL) {
        removed = map_remove(&group->statics, m->instance_id);
        assert(removed == m);
    }
    if (slice_eq(group->leader, m->id)) {
        slice_drop(shard, &group->leader);
    }
    member_free(shard, m);
}

bool member_set_assignment(struct group_shard *shard, struct group_member *m, struct slice bytes)
{
    assert(m->group != NULL && (bytes.n == 0 || bytes.p != NULL));
    return slice_set(shard, &m->assignment, bytes);
}

void member_touch(struct turn *turn, struct group_member *m)
{
    assert(turn->now >= 0);
    /* At least 1: the log of somebody else may say anything of a session. */
    m->expires_ms = turn->now + (m->fresh ? GROUP_NEW_MEMBER_MS : max_i64(m->session_ms, 1));
}

void member_fail(struct turn *turn, struct group_member *m, enum kafka_error error)
{
    assert(error != KAFKA_NONE && (m->join == NULL || m->sync == NULL));
    if (m->join != NULL) {
        turn_refuse(turn, m->join, error);
    }
    if (m->sync != NULL) {
        turn_refuse(turn, m->sync, error);
    }
    assert(m->join == NULL && m->sync == NULL);
}

struct slice group_member_metadata(const struct group_member *m, struct slice protocol)
{
    uint32_t place = protocols_place(m->protocols, m->protocol_count, protocol);
    return place < m->protocol_count ? m->protocols[place].metadata : slice_of("", 0);
}

struct group_member *member_find(const struct group *group, const struct group_who *who,
                                 enum kafka_error *ret_error)
{
    struct group_member *m;
    *ret_error = KAFKA_NONE;
    assert(group->statics.count <= group->members.count);
    if (who->instance_id.p != NULL) {
        m = map_get(&group->statics, who->instance_id);
        if (m == NULL) {
            *ret_error = KAFKA_UNKNOWN_MEMBER_ID;
        } else if (!slice_eq(m->id, who->member_id)) {
            *ret_error = KAFKA_FENCED_INSTANCE_ID;
        }
    } else {
        m = map_get(&group->members, who->member_id);
        *ret_error = m == NULL ? KAFKA_UNKNOWN_MEMBER_ID : KAFKA_NONE;
    }
    assert(*ret_error != KAFKA_NONE || m != NULL);
    return *ret_error == KAFKA_NONE ? m : NULL;
}

/* ---- protocols of all members ---- */

/* Which of these every member knows, as bits. */
static uint64_t all_know(const struct group *group, const struct group_protocol *protocols,
                         uint32_t count)
{
    assert(count <= GROUP_PROTOCOLS_MAX);
    uint64_t known = count == 64 ? UINT64_MAX : ((uint64_t)1 << count) - 1;
    uint32_t at = 0;
    for (const struct group_member *m; known != 0 && (m = group_member_next(group, &at)) != NULL;) {
        for (uint32_t i = 0; i < count; i++) {
            bool knows = protocols_place(m->protocols, m->protocol_count, protocols[i].name) <
                         m->protocol_count;
            known &= knows ? UINT64_MAX : ~((uint64_t)1 << i);
        }
    }
    return known;
}

bool group_supports(const struct group *group, struct slice type,
                    const struct group_protocol *protocols, uint32_t count)
{
    if (count > GROUP_PROTOCOLS_MAX) {
        return false;
    }
    if (group->members.count == 0) {
        return type.n > 0 && count > 0;
    }
    return slice_eq(group->protocol_type, type) && all_know(group, protocols, count) != 0;
}

struct slice group_vote(const struct group *group)
{
    uint32_t votes[GROUP_PROTOCOLS_MAX] = {0};
    uint32_t at = 0, best = 0;
    const struct group_member *first = group_member_next(group, &at);
    if (first == NULL) {
        return (struct slice){0};
    }
    /* What all know, the first one knows. */
    uint64_t known = all_know(group, first->protocols, first->protocol_count);
    assert(first->protocol_count > 0);
    at = 0;
    for (const struct group_member *m; (m = group_member_next(group, &at)) != NULL;) {
        for (uint32_t i = 0; i < m->protocol_count; i++) {
            uint32_t place = protocols_place(first->protocols, first->protocol_count,
                                             m->protocols[i].name);
            if (place < first->protocol_count && (known >> place & 1) != 0) {
                votes[place]++;
                break;
            }
        }
    }
    for (uint32_t i = 1; i < first->protocol_count; i++) {
        best = votes[i] > votes[best] ? i : best;
    }
    return votes[best] > 0 ? first->protocols[best].name : (struct slice){0};
}

/* ---- ids given out ---- */

bool group_pending_add(struct group_shard *shard, struct group *group, struct slice id,
                       time_ms expires_ms)
{
    assert(id.n > 0 && map_get(&group->pending, id) == NULL);
    assert(map_get(&group->members, id) == NULL);
    struct group_pending *pending = HEAP_NEW(shard->heap, struct group_pending);
    if (pending == NULL) {
        return false;
    }
    pending->expires_ms = expires_ms;
    if (!map_put(&group->pending, id, pending)) {
        heap_free(shard->heap, pending, sizeof(*pending));
        return false;
    }
    return true;
}

bool group_pending_remove(struct group_shard *shard, struct group *group, struct slice id)
{
    struct group_pending *pending = map_remove(&group->pending, id);
    heap_free(shard->heap, pending, sizeof(*pending));
    return pending != NULL;
}
