/* The table of shards is made whole or not at all; the locks are this test's, and run out. */
#include <criterion/criterion.h>

#include "broker/coord/coord_internal.h"
#include "common/host/host.h"

#define SHARDS 3

struct lock {
    bool held;
};

static struct lock locks[64];
static size_t lock_count; /* made so far */
static size_t locks_open;
static size_t locks_left;

err_t lock_open(struct host *host, const char *name, struct lock **ret_lock)
{
    (void)host;
    (void)name;
    ENSURE(locks_left > 0, ERR_NO_MEMORY);
    cr_assert_lt(lock_count, ARRAY_LEN(locks));
    locks_left--;
    locks_open++;
    *ret_lock = &locks[lock_count++];
    return OK;
}

void lock_close(struct lock *lock)
{
    cr_assert(lock != NULL && !lock->held);
    locks_open--;
}

void lock_enter(struct lock *lock)
{
    cr_assert_not(lock->held);
    lock->held = true;
}

void lock_leave(struct lock *lock)
{
    cr_assert(lock->held);
    lock->held = false;
}

bool lock_held(const struct lock *lock)
{
    return lock->held;
}

/* The groups' topic, led and hosted by another broker: no shard has anything to do, and no loop is needed. */
static struct meta_image *image_make(struct meta_store *store, struct arena *arena)
{
    struct meta_record records[1 + SHARDS] = {{.kind = META_TOPIC}};
    const struct uuid id = {{1}};
    records[0].topic = (struct meta_topic_record){.id = id, .name = slice_str(GROUPS_TOPIC)};
    for (int32_t i = 0; i < SHARDS; i++) {
        records[1 + i].kind = META_PARTITION;
        records[1 + i].partition = (struct meta_partition){.topic = id,
                                                           .index = i,
                                                           .replicas = {{.broker = 2}},
                                                           .replica_count = 1,
                                                           .isr = {.id = {2}, .count = 1},
                                                           .leader = 2};
    }
    struct meta_image *empty = meta_image_empty(store), *image = NULL;
    cr_assert_not_null(empty);
    cr_assert_eq(meta_image_apply(store, empty, (struct meta_batch){records, ARRAY_LEN(records)}, 1,
                                  1, arena, NULL, &image),
                 OK);
    meta_image_drop(store, empty);
    return image;
}

Test(coord_table, is_made_whole_or_not_at_all)
{
    struct host *host = host_open(
        &(struct host_options){.pool_threads = 1, .memory_max_bytes = 64 << 20});
    struct coords_config config = {
        .host = host, .reactor_count = 1, .broker = 1, .write_timeout_ms = 1};
    struct heap heap;
    struct arena arena;
    struct meta_store store;
    struct coords *coords;
    cr_assert_not_null(host);
    heap_init(&heap, memory_source(host), 1 << 20);
    arena_init(&arena, memory_source(host), 4096, 1 << 20);
    meta_store_init(&store, &heap);
    struct meta_image *image = image_make(&store, &arena);
    size_t before = memory_taken_bytes(host);
    locks_left = 1;
    cr_assert_eq(coords_open(&config, &coords), OK);
    size_t opened = memory_taken_bytes(host);
    for (size_t room = 0; room < SHARDS; room++) {
        locks_left = room;
        cr_assert_not(coords_apply(coords, image, NULL));
        cr_assert_null(coords_shard(coords, slice_str("hello")));
        cr_assert_eq(locks_open, 1);
        cr_assert_eq(memory_taken_bytes(host), opened);
    }
    locks_left = SHARDS;
    cr_assert(coords_apply(coords, image, NULL));
    struct coord_shard *shard = coords_shard(coords, slice_str("hello"));
    cr_assert_not_null(shard);
    cr_assert_eq(shard->index, coord_partition(slice_str("hello"), SHARDS));
    coords_close(coords);
    cr_assert_eq(locks_open, 0);
    cr_assert_eq(memory_taken_bytes(host), before);
    meta_image_drop(&store, image);
    arena_release(&arena);
    heap_release(&heap);
    host_close(host);
}
