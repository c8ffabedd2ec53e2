/* One shard and an image, stepped by hand; every step is checked. */
#ifndef ODRADEK_TESTS_GROUP_BENCH_H
#define ODRADEK_TESTS_GROUP_BENCH_H

#include "tests/unit/broker/group/quick.h"
#include "tests/unit/common/meta/world.h"

#define WALL 1000000

struct bench {
    struct meta_world meta;
    struct heap heap;
    struct group_shard shard;
    struct group_call call;
    struct group_actions actions; /* of the newest step */
    time_ms now;
};

static inline void step(struct bench *b, struct group_event *event)
{
    event->now = b->now;
    event->wall_ms = WALL + b->now;
    event->image = b->meta.image;
    event->topics_version = -1;
    group_step(&b->shard, event, &b->actions);
    cr_assert_not(b->actions.broken);
    group_check(&b->shard);
}

/* What was in the log is read: it serves. */
static inline void begin(struct bench *b)
{
    struct group_event loaded = {.kind = GROUP_LOADED};
    step(b, &loaded);
}

static inline void bench_open(struct bench *b, uint32_t members_max)
{
    struct group_config config = quick_config(members_max);
    memset(b, 0, sizeof(*b));
    meta_world_init(&b->meta);
    heap_init(&b->heap, &b->meta.memory.source, 1 << 26);
    group_shard_init(&b->shard, &config, &b->heap, &b->meta.memory.source);
}

static inline void bench_close(struct bench *b)
{
    struct list waiting;
    list_init(&waiting);
    group_shard_release(&b->shard, &waiting);
    cr_assert_eq(b->heap.live, 0);
    heap_release(&b->heap);
    meta_world_release(&b->meta);
}

#endif
