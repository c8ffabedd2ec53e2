/* An image on its heap with one call per batch, shared by the tests of common/meta. */
#ifndef ODRADEK_TESTS_META_WORLD_H
#define ODRADEK_TESTS_META_WORLD_H

#include <criterion/criterion.h>

#include "common/meta/image.h"
#include "tests/lib/memory.h"

struct meta_world {
    struct test_memory memory;
    struct heap heap;
    struct arena arena; /* of the newest batch */
    struct meta_store store;
    struct meta_image *image;
    struct meta_changes changes; /* of the newest batch */
};

static inline struct uuid test_uuid(char kind, int n)
{
    struct uuid uuid = {{(uint8_t)kind, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, 1}};
    return uuid;
}

static inline void meta_world_init(struct meta_world *world)
{
    test_memory_init(&world->memory);
    heap_init(&world->heap, &world->memory.source, (size_t)1 << 28);
    arena_init(&world->arena, &world->memory.source, 1 << 16, (size_t)1 << 28);
    meta_store_init(&world->store, &world->heap);
    world->image = meta_image_empty(&world->store);
    world->changes = (struct meta_changes){0};
    cr_assert_not_null(world->image);
}

static inline void meta_world_release(struct meta_world *world)
{
    meta_image_drop(&world->store, world->image);
    cr_assert_eq(world->heap.live, 0);
    heap_release(&world->heap);
    arena_release(&world->arena);
    cr_assert_eq(world->memory.out, 0);
}

static inline err_t meta_world_try(struct meta_world *world, const struct meta_record *records,
                                   uint32_t count, struct meta_image **ret_image)
{
    arena_clear(&world->arena);
    return meta_image_apply(
        &world->store, world->image, (struct meta_batch){.records = records, .count = count},
        meta_offset(world->image) + 1, 1, &world->arena, &world->changes, ret_image);
}

static inline void meta_world_apply(struct meta_world *world, const struct meta_record *records,
                                    uint32_t count)
{
    struct meta_image *next = NULL;
    cr_assert_eq(meta_world_try(world, records, count, &next), OK);
    meta_image_drop(&world->store, world->image);
    world->image = next;
}

static inline void meta_world_refuses(struct meta_world *world, const struct meta_record *records,
                                      uint32_t count)
{
    struct meta_image *next = NULL;
    size_t live = world->heap.live;
    cr_assert_eq(meta_world_try(world, records, count, &next), ERR_CORRUPT);
    cr_assert_null(next);
    cr_assert_eq(world->heap.live, live);
}

#endif
