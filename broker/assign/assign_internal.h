/*
 * Inside the room. assign.c makes the work and tells the result, sort.c sorts, range.c, uniform.c (all subscribe to the same
 * topics) and level.c (they do not) fill `owner`.
 *
 * Members are known by their rank in the order of `range`, partitions by one number over all topics.
 */
#ifndef ODRADEK_ASSIGN_INTERNAL_H
#define ODRADEK_ASSIGN_INTERNAL_H

#include "broker/assign/assign.h"

#define NOBODY UINT32_MAX

struct work {
    struct arena *arena;
    const struct assign_topic *topics;
    struct assign_member *members;
    uint32_t topic_count;
    uint32_t member_count;
    uint32_t *order;       /* rank -> member */
    uint32_t *topic_order; /* topics by id */
    uint32_t *first;       /* topic -> number of its first partition; one more at the end */
    uint32_t *subs_first;  /* topic -> its first subscriber in `subs`; one more at the end */
    uint32_t *subs;        /* ranks, ascending within a topic */
    uint32_t *owner;       /* partition -> rank, NOBODY */
    uint32_t *load;        /* rank -> partitions */
};

/* a before b: < 0. Never 0 for two of one list. */
typedef int (*index_order)(const void *ctx, uint32_t a, uint32_t b);

/* By merging; scratch has room for as many. */
void indexes_sort(uint32_t *items, uint32_t *scratch, uint32_t count, index_order, const void *ctx);

static inline uint32_t subscribers(const struct work *work, uint32_t topic)
{
    assert(topic < work->topic_count);
    return work->subs_first[topic + 1] - work->subs_first[topic];
}

/* Everybody has what it owned and still subscribes to. */
err_t owners_keep(struct work *) MUST_USE;

void range_fill(struct work *);
err_t uniform_fill(struct work *) MUST_USE;
err_t level_fill(struct work *) MUST_USE;

#endif
