#include <criterion/criterion.h>

#include "common/base/prng.h"
#include "common/base/ptree.h"
#include "tests/lib/memory.h"

#define KEYS     64
#define VERSIONS 12

struct item {
    int key;
    int value;
    uint32_t refs;
};

static int item_compare(const void *key, const void *item)
{
    int a = *(const int *)key;
    int b = ((const struct item *)item)->key;
    return (a > b) - (a < b);
}

static void item_hold(void *item)
{
    ((struct item *)item)->refs++;
}

static void item_drop(struct heap *heap, void *item)
{
    struct item *it = item;
    cr_assert_gt(it->refs, 0);
    if (--it->refs == 0) {
        heap_free(heap, it, sizeof(*it));
    }
}

static const void *item_key(const void *item)
{
    return &((const struct item *)item)->key;
}

static const struct ptree_type type = {item_compare, item_hold, item_drop};

struct world {
    struct test_memory memory;
    struct heap heap;
};

static void world_init(struct world *world, size_t limit)
{
    test_memory_init(&world->memory);
    heap_init(&world->heap, &world->memory.source, limit);
}

static bool put(struct world *world, struct ptree_node **root, int key, int value)
{
    struct item *item = HEAP_NEW(&world->heap, struct item);
    if (item == NULL) {
        return false;
    }
    *item = (struct item){.key = key, .value = value, .refs = 1};
    if (!ptree_put(&type, &world->heap, root, &key, item)) {
        item_drop(&world->heap, item);
        return false;
    }
    return true;
}

/* A version beside the plain array that it must equal; value 0: not there. */
struct version {
    struct ptree_node *root;
    int model[KEYS];
};

static void version_check(const struct version *version)
{
    ptree_check(&type, version->root, item_key);
    uint32_t count = 0;
    const struct item *at = ptree_after(&type, version->root, NULL);
    for (int key = 0; key < KEYS; key++) {
        const struct item *found = ptree_find(&type, version->root, &key);
        if (version->model[key] == 0) {
            cr_assert_null(found);
            continue;
        }
        count++;
        cr_assert_not_null(found);
        cr_assert_eq(found->value, version->model[key]);
        cr_assert_eq(found, at);
        at = ptree_after(&type, version->root, &key);
    }
    cr_assert_null(at);
    cr_assert_eq(ptree_count(version->root), count);
}

static void version_change(struct world *world, struct version *version, struct prng *prng,
                           int step)
{
    int key = (int)prng_below(prng, KEYS);
    unsigned what = (unsigned)prng_below(prng, 8);
    if (what < 4) {
        cr_assert(put(world, &version->root, key, step));
        version->model[key] = step;
    } else if (what < 7) {
        cr_assert(ptree_remove(&type, &world->heap, &version->root, &key));
        version->model[key] = 0;
    } else if (version->model[key] != 0) {
        void **slot = ptree_edit(&type, &world->heap, &version->root, &key);
        cr_assert_not_null(slot);
        struct item *item = HEAP_NEW(&world->heap, struct item);
        *item = (struct item){.key = key, .value = step, .refs = 1};
        item_drop(&world->heap, *slot);
        *slot = item;
        version->model[key] = step;
    }
}

Test(ptree, versions_equal_their_models_and_old_ones_stay_whole)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct world world;
        world_init(&world, 1 << 24);
        struct prng prng;
        prng_init(&prng, seed);
        struct version versions[VERSIONS] = {0};
        for (int step = 1; step < 600; step++) {
            struct version *version = &versions[prng_below(&prng, VERSIONS)];
            if (prng_chance(&prng, 200)) { /* becomes another version's twin */
                const struct version *from = &versions[prng_below(&prng, VERSIONS)];
                struct ptree_node *root = ptree_hold(from->root);
                ptree_drop(&type, &world.heap, version->root);
                memmove(version->model, from->model, sizeof(version->model));
                version->root = root;
            } else {
                version_change(&world, version, &prng, step);
            }
            if (step % 16 == 0) {
                for (int i = 0; i < VERSIONS; i++) {
                    version_check(&versions[i]);
                }
            }
        }
        for (int i = 0; i < VERSIONS; i++) {
            ptree_drop(&type, &world.heap, versions[i].root);
        }
        cr_assert_eq(world.heap.live, 0);
        heap_release(&world.heap);
        cr_assert_eq(world.memory.out, 0);
    }
}

Test(ptree, one_change_copies_a_path_and_shares_the_rest)
{
    struct world world;
    world_init(&world, 1 << 24);
    struct ptree_node *root = NULL;
    for (int key = 0; key < 4096; key++) {
        cr_assert(put(&world, &root, key, 1));
    }
    size_t before = world.heap.live;
    struct ptree_node *next = ptree_hold(root);
    cr_assert(put(&world, &next, 2000, 2));
    size_t path = world.heap.live - before;
    cr_assert_lt(path, 16 * 64, "%zu bytes for one change of 4096 items", path);
    int key = 2000;
    cr_assert_eq(((struct item *)ptree_find(&type, root, &key))->value, 1);
    cr_assert_eq(((struct item *)ptree_find(&type, next, &key))->value, 2);
    key = 7;
    cr_assert_eq(ptree_find(&type, root, &key), ptree_find(&type, next, &key));

    /* A version that nobody else holds changes in place. */
    before = world.heap.live;
    cr_assert(put(&world, &next, 2000, 3));
    cr_assert_eq(world.heap.live, before);
    ptree_drop(&type, &world.heap, next);
    ptree_drop(&type, &world.heap, root);
    cr_assert_eq(world.heap.live, 0);
    heap_release(&world.heap);
}

/* Whatever allocation fails: the old version is whole, the failed one can be dropped, nothing leaks. */
Test(ptree, running_out_of_memory_leaves_the_old_version_alone)
{
    size_t failures = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct world world;
        world_init(&world, 1 << 24);
        struct prng prng;
        prng_init(&prng, seed);
        struct version old = {0};
        for (int step = 1; step <= 100; step++) {
            version_change(&world, &old, &prng, step);
        }
        /* Nothing is given from here on but what lies in the free lists. */
        world.memory.most = 0;
        void *eaten[4096];
        size_t eaten_count = 0;
        size_t spare = prng_below(&prng, 12);
        while (eaten_count < 4096 && (eaten[eaten_count] = heap_alloc(&world.heap, 48)) != NULL) {
            eaten_count++;
        }
        for (; spare > 0 && eaten_count > 0; spare--) {
            heap_free(&world.heap, eaten[--eaten_count], 48);
        }
        struct ptree_node *next = ptree_hold(old.root);
        int key = (int)prng_below(&prng, KEYS);
        if (prng_chance(&prng, 500)) {
            failures += !put(&world, &next, key, 1000);
        } else {
            failures += !ptree_remove(&type, &world.heap, &next, &key);
        }
        ptree_drop(&type, &world.heap, next);
        version_check(&old);
        ptree_drop(&type, &world.heap, old.root);
        while (eaten_count > 0) {
            heap_free(&world.heap, eaten[--eaten_count], 48);
        }
        cr_assert_eq(world.heap.live, 0);
        heap_release(&world.heap);
        cr_assert_eq(world.memory.out, 0);
    }
    cr_assert_gt(failures, 30);
}
