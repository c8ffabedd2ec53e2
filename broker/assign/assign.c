/* What all assignors begin and end with. */
#include "broker/assign/assign_internal.h"

static const char *const names[] = {
    [ASSIGNOR_UNIFORM] = "uniform",
    [ASSIGNOR_RANGE] = "range",
};

const char *assignor_name(enum assignor assignor)
{
    assert(assignor < ASSIGNOR_COUNT);
    return names[assignor];
}

bool assignor_find(struct slice name, enum assignor *ret_assignor)
{
    for (uint32_t i = 0; i < ASSIGNOR_COUNT; i++) {
        if (slice_eq(name, slice_str(names[i]))) {
            *ret_assignor = (enum assignor)i;
            return true;
        }
    }
    return false;
}

/* ---- the work ---- */

static int by_seat(const void *ctx, uint32_t a, uint32_t b)
{
    const struct assign_member *members = ctx;
    const struct assign_member *x = &members[a], *y = &members[b];
    bool x_static = x->instance_id.p != NULL, y_static = y->instance_id.p != NULL;
    if (x_static != y_static) {
        return x_static ? -1 : 1;
    }
    return x_static ? slice_cmp(x->instance_id, y->instance_id) : slice_cmp(x->id, y->id);
}

static int by_topic_id(const void *ctx, uint32_t a, uint32_t b)
{
    const struct assign_topic *topics = ctx;
    return uuid_cmp(topics[a].id, topics[b].id);
}

static uint32_t *words(struct work *work, uint64_t count)
{
    return arena_array(work->arena, count, sizeof(uint32_t));
}

/* 0, 1, 2, ... sorted. */
static uint32_t *ordered(struct work *work, uint32_t count, index_order order, const void *ctx)
{
    uint32_t *items = words(work, count);
    uint32_t *scratch = words(work, count);
    if (items == NULL || scratch == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        items[i] = i;
    }
    indexes_sort(items, scratch, count, order, ctx);
    return items;
}

/* Each subscription once: counted (subs NULL) or written. seen: topic -> the last rank that named it, plus one. */
static void subscribe_all(struct work *work, uint32_t *seen, uint32_t *at, bool write)
{
    memset(seen, 0, work->topic_count * sizeof(*seen));
    for (uint32_t rank = 0; rank < work->member_count; rank++) {
        const struct assign_member *m = &work->members[work->order[rank]];
        for (uint32_t i = 0; i < m->topic_count; i++) {
            uint32_t t = m->topics[i];
            assert(t < work->topic_count);
            if (seen[t] == rank + 1) {
                continue;
            }
            seen[t] = rank + 1;
            if (write) {
                work->subs[at[t]] = rank;
            }
            at[t]++;
        }
    }
}

static err_t subscriptions(struct work *work)
{
    uint32_t *seen = words(work, work->topic_count);
    uint32_t *at = words(work, work->topic_count);
    work->subs_first = words(work, (uint64_t)work->topic_count + 1);
    ENSURE(seen != NULL && at != NULL && work->subs_first != NULL, ERR_NO_MEMORY);
    subscribe_all(work, seen, at, false);
    uint32_t sum = 0;
    for (uint32_t t = 0; t < work->topic_count; t++) {
        work->subs_first[t] = sum;
        sum += at[t];
        at[t] = work->subs_first[t];
    }
    work->subs_first[work->topic_count] = sum;
    work->subs = words(work, sum);
    ENSURE(work->subs != NULL, ERR_NO_MEMORY);
    subscribe_all(work, seen, at, true);
    assert(work->topic_count == 0 || at[work->topic_count - 1] == sum);
    return OK;
}

static err_t work_begin(struct work *work)
{
    uint32_t sum = 0;
    work->order = ordered(work, work->member_count, by_seat, work->members);
    work->topic_order = ordered(work, work->topic_count, by_topic_id, work->topics);
    work->first = words(work, (uint64_t)work->topic_count + 1);
    work->load = words(work, work->member_count);
    ENSURE(work->order != NULL && work->topic_order != NULL && work->first != NULL &&
               work->load != NULL,
           ERR_NO_MEMORY);
    for (uint32_t t = 0; t < work->topic_count; t++) {
        assert(work->topics[t].partitions < UINT32_MAX - sum);
        work->first[t] = sum;
        sum += work->topics[t].partitions;
    }
    work->first[work->topic_count] = sum;
    work->owner = words(work, sum);
    ENSURE(work->owner != NULL, ERR_NO_MEMORY);
    memset(work->owner, 0xff, sum * sizeof(*work->owner));
    return subscriptions(work);
}

err_t owners_keep(struct work *work)
{
    uint32_t *subscribed = words(work, work->topic_count);
    ENSURE(subscribed != NULL, ERR_NO_MEMORY);
    for (uint32_t rank = 0; rank < work->member_count; rank++) {
        const struct assign_member *m = &work->members[work->order[rank]];
        for (uint32_t i = 0; i < m->topic_count; i++) {
            subscribed[m->topics[i]] = rank + 1;
        }
        for (uint32_t i = 0; i < m->owned_count; i++) {
            const struct assign_part *part = &m->owned[i];
            bool there = part->topic < work->topic_count && part->partition >= 0 &&
                         (uint32_t)part->partition < work->topics[part->topic].partitions;
            if (!there || subscribed[part->topic] != rank + 1) {
                continue;
            }
            uint32_t *owner = &work->owner[work->first[part->topic] + (uint32_t)part->partition];
            if (*owner == NOBODY) {
                *owner = rank;
                work->load[rank]++;
            }
        }
    }
    return OK;
}

/* ---- the result ---- */

static err_t tell(struct work *work)
{
    for (uint32_t rank = 0; rank < work->member_count; rank++) {
        struct assign_member *m = &work->members[work->order[rank]];
        m->part_count = 0;
        m->parts = arena_array(work->arena, work->load[rank], sizeof(*m->parts));
        ENSURE(m->parts != NULL, ERR_NO_MEMORY);
    }
    for (uint32_t t = 0; t < work->topic_count; t++) {
        for (uint32_t p = work->first[t]; p < work->first[t + 1]; p++) {
            uint32_t rank = work->owner[p];
            assert((rank == NOBODY) == (subscribers(work, t) == 0));
            if (rank != NOBODY) {
                struct assign_member *m = &work->members[work->order[rank]];
                assert(m->part_count < work->load[rank]);
                m->parts[m->part_count++] = (struct assign_part){t, (int32_t)(p - work->first[t])};
            }
        }
    }
    for (uint32_t rank = 0; rank < work->member_count; rank++) {
        assert(work->members[work->order[rank]].part_count == work->load[rank]);
    }
    return OK;
}

static bool all_alike(const struct work *work)
{
    for (uint32_t t = 0; t < work->topic_count; t++) {
        uint32_t count = subscribers(work, t);
        if (count != 0 && count != work->member_count) {
            return false;
        }
    }
    return true;
}

err_t assign_run(enum assignor assignor, const struct assign_topic *topics, uint32_t topic_count,
                 struct assign_member *members, uint32_t member_count, struct arena *arena)
{
    struct work work = {
        .arena = arena,
        .topics = topics,
        .members = members,
        .topic_count = topic_count,
        .member_count = member_count,
    };
    assert(assignor < ASSIGNOR_COUNT);
    TRY(work_begin(&work));
    if (assignor == ASSIGNOR_RANGE) {
        range_fill(&work);
    } else {
        TRY(owners_keep(&work));
        TRY(all_alike(&work) ? uniform_fill(&work) : level_fill(&work));
    }
    return tell(&work);
}
