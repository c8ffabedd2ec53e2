#include <criterion/criterion.h>
#include <stdio.h>

#include "common/base/list.h"
#include "common/base/map.h"
#include "common/base/prng.h"
#include "common/base/uuid.h"

static uint8_t block_bytes[8 << 20] __attribute__((aligned(16)));

Test(map, keeps_insertion_order_through_growth_and_removal)
{
    struct memory_block block = {block_bytes, sizeof(block_bytes), 0};
    struct memory_source source = memory_block_source(&block);
    struct heap heap;
    heap_init(&heap, &source, sizeof(block_bytes));
    struct map map;
    map_init(&map, &heap, (struct hash_key){1, 2});
    static int values[5000];
    for (uint64_t i = 0; i < 5000; i++) {
        cr_assert(map_put_u64(&map, i * 77, &values[i]));
        if (i % 3 == 1) {
            cr_assert_eq(map_remove_u64(&map, (i / 3) * 77), &values[i / 3]);
            cr_assert_null(map_get_u64(&map, (i / 3) * 77));
            cr_assert_null(map_remove_u64(&map, (i / 3) * 77));
        }
    }
    uint32_t at = 0;
    uint64_t last = 0;
    uint32_t n = 0;
    for (const struct map_entry *e = map_next(&map, &at); e != NULL; e = map_next(&map, &at)) {
        cr_assert(n == 0 || map_entry_u64(e) > last);
        last = map_entry_u64(e);
        cr_assert_eq(e->value, &values[last / 77]);
        n++;
    }
    cr_assert_eq(n, map.count);
    cr_assert(map_put(&map, slice_str(""), values));
    cr_assert_eq(map_get(&map, slice_str("")), values);
    map_release(&map);
    cr_assert_eq(heap.live, 0);
}

struct named {
    char name[16];
    int number;
};

static struct slice key_of(const struct named *named)
{
    return slice_of(named->name, strlen(named->name));
}

/* Sizes around those where slots begin; every other entry goes and comes back in another place. */
Test(map, borrows_keys_and_holds_no_memory_when_it_is_empty)
{
    struct memory_block block = {block_bytes, sizeof(block_bytes), 0};
    struct memory_source source = memory_block_source(&block);
    static struct named old[40], new[40];
    struct heap heap;
    struct map map;
    heap_init(&heap, &source, sizeof(block_bytes));
    map_init_borrowing(&map, &heap, (struct hash_key){3, 4});
    cr_assert_null(map_get(&map, slice_str("none")));
    for (uint32_t count = 1; count <= ARRAY_LEN(old); count++) {
        for (uint32_t i = 0; i < count; i++) {
            (void)snprintf(old[i].name, sizeof(old[i].name), "name-%u", i);
            new[i] = old[i];
            cr_assert(map_put(&map, key_of(&old[i]), &old[i]));
        }
        for (uint32_t i = 0; i < count; i++) { /* the key is the new value's from here */
            cr_assert(map_put(&map, key_of(&new[i]), &new[i]));
            memset(&old[i], 'x', sizeof(old[i]));
            cr_assert_eq(map_get(&map, key_of(&new[i])), &new[i]);
        }
        for (uint32_t i = 0; i < count; i += 2) {
            cr_assert_eq(map_remove(&map, key_of(&new[i])), &new[i]);
            cr_assert_null(map_get(&map, key_of(&new[i])));
            cr_assert(map_put(&map, key_of(&new[i]), &new[i]));
        }
        cr_assert_eq(map.count, count);
        for (uint32_t i = 0; i < count; i++) {
            cr_assert_eq(map_remove(&map, key_of(&new[i])), &new[i]);
        }
        cr_assert_eq(heap.live, 0, "%u entries", count);
    }
    map_release(&map);
}

Test(hash, depends_on_every_byte_of_key_and_message)
{
    uint8_t key[16], message[15];
    for (uint8_t i = 0; i < 16; i++) {
        key[i] = i;
    }
    for (uint8_t i = 0; i < 15; i++) {
        message[i] = i;
    }
    struct hash_key k;
    memcpy(&k, key, sizeof(k));
    uint64_t a = hash_bytes(&k, slice_of(message, 15));
    cr_assert_neq(a, hash_bytes(&k, slice_of(message, 14)));
    message[3] ^= 1;
    cr_assert_neq(a, hash_bytes(&k, slice_of(message, 15)));
    k.k1 ^= 1;
    cr_assert_neq(a, hash_bytes(&k, slice_of(message, 15)));
}

Test(prng, is_the_same_everywhere)
{
    struct prng a, b, c;
    prng_init(&a, 42);
    prng_init(&b, 42);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(prng_u64(&a), prng_u64(&b));
    }
    cr_assert_eq(prng_u64(&a), prng_u64(&b));
    prng_split(&a, 1, &b);
    prng_split(&a, 2, &c);
    cr_assert_neq(prng_u64(&b), prng_u64(&c));
    for (int i = 0; i < 10000; i++) {
        int64_t x = prng_between(&a, -3, 3);
        cr_assert(x >= -3 && x <= 3);
    }
    prng_init(&a, 0);
    cr_assert_eq(prng_u64(&a), 0x99ec5f36cb75f2b4ULL, "xoshiro256** seeded by splitmix64(0)");
}

Test(uuid, prints_and_parses_as_kafka_does)
{
    struct uuid uuid;
    cr_assert_eq(uuid_parse(slice_str("H3KKO4NTRPaCWtEmm3vW7A"), &uuid), OK);
    cr_assert_str_eq(uuid_print(uuid).s, "H3KKO4NTRPaCWtEmm3vW7A");
    cr_assert_eq(uuid.b[0], 0x1f);
    cr_assert_str_eq(uuid_print(UUID_NONE).s, "AAAAAAAAAAAAAAAAAAAAAA");
    cr_assert_eq(uuid_parse(slice_str("H3KKO4NTRPaCWtEmm3vW7"), &uuid), ERR_MALFORMED);
    cr_assert_eq(uuid_parse(slice_str("H3KKO4NTRPaCWtEmm3vW7+"), &uuid), ERR_MALFORMED);
    const uint8_t dash[16] = {0xf8};
    cr_assert_not(uuid_from_random(dash, &uuid));
}

struct item {
    int n;
    struct list_node node;
};

Test(list, push_remove_pop)
{
    struct list list;
    list_init(&list);
    struct item items[3] = {{.n = 0}, {.n = 1}, {.n = 2}};
    for (int i = 0; i < 3; i++) {
        list_push(&list, &items[i].node);
    }
    list_remove(&items[1].node);
    list_remove(&items[1].node);
    int sum = 0;
    LIST_EACH(&list, node)
    {
        sum = sum * 10 + CONTAINER_OF(node, struct item, node)->n;
    }
    cr_assert_eq(sum, 2);
    cr_assert_eq(list_pop(&list), &items[0].node);
    cr_assert_eq(list_pop(&list), &items[2].node);
    cr_assert_null(list_pop(&list));
}
