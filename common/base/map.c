#include "common/base/map.h"

#define SLOT_REMOVED UINT32_MAX
#define NOWHERE      UINT32_MAX
/* So few entries are looked through one by one: their hashes tell them apart, and slots would cost more than they save. */
#define SMALL_ROOM   8u

void map_init(struct map *map, struct heap *heap, struct hash_key key)
{
    assert(heap != NULL);
    *map = (struct map){.heap = heap, .hash_key = key};
}

void map_init_borrowing(struct map *map, struct heap *heap, struct hash_key key)
{
    map_init(map, heap, key);
    map->borrows = true;
}

static size_t key_bytes(struct slice key)
{
    return key.n == 0 ? 1 : key.n;
}

static void key_free(struct map *map, struct slice key)
{
    if (!map->borrows) {
        heap_free(map->heap, (void *)key.p, key_bytes(key));
    }
}

static void tables_free(struct map *map)
{
    heap_free(map->heap, map->entries, map->entry_room * sizeof(*map->entries));
    heap_free(map->heap, map->slots, map->slot_count * sizeof(*map->slots));
    map->entries = NULL;
    map->slots = NULL;
    map->entry_count = 0;
    map->entry_room = 0;
    map->slot_count = 0;
}

void map_release(struct map *map)
{
    for (uint32_t i = 0; i < map->entry_count; i++) {
        if (map->entries[i].key.p != NULL) {
            key_free(map, map->entries[i].key);
        }
    }
    tables_free(map);
    map->count = 0;
}

static bool entry_is(const struct map_entry *entry, struct slice key, uint64_t hash)
{
    return entry->key.p != NULL && entry->hash == hash && slice_eq(entry->key, key);
}

/* The entry that holds the key, or NOWHERE; *ret_slot: its slot, if there are slots. */
static uint32_t entry_find(const struct map *map, struct slice key, uint64_t hash,
                           uint32_t *ret_slot)
{
    if (map->slot_count == 0) {
        uint32_t i = 0;
        while (i < map->entry_count && !entry_is(&map->entries[i], key, hash)) {
            i++;
        }
        return i < map->entry_count ? i : NOWHERE;
    }
    uint32_t mask = map->slot_count - 1;
    for (uint32_t i = (uint32_t)hash & mask;; i = (i + 1) & mask) {
        uint32_t slot = map->slots[i];
        if (slot == 0) {
            return NOWHERE;
        }
        if (slot != SLOT_REMOVED && entry_is(&map->entries[slot - 1], key, hash)) {
            *ret_slot = i;
            return slot - 1;
        }
    }
}

void *map_get(const struct map *map, struct slice key)
{
    uint32_t slot;
    if (map->count == 0) {
        return NULL;
    }
    uint32_t entry = entry_find(map, key, hash_bytes(&map->hash_key, key), &slot);
    return entry == NOWHERE ? NULL : map->entries[entry].value;
}

static void slot_fill(struct map *map, uint32_t entry)
{
    if (map->slot_count == 0) {
        return;
    }
    uint32_t mask = map->slot_count - 1;
    uint32_t i = (uint32_t)map->entries[entry].hash & mask;
    while (map->slots[i] != 0 && map->slots[i] != SLOT_REMOVED) {
        i = (i + 1) & mask;
    }
    map->slots[i] = entry + 1;
}

/* For half as many entries again as there are, an even number. Slots are at most half full. */
static void rooms_of(uint32_t count, uint32_t *ret_entries, uint32_t *ret_slots)
{
    uint32_t room = (count + count / 2 + 2) & ~1u;
    uint32_t slots = room > SMALL_ROOM ? 16 : 0;
    while (slots > 0 && slots < room * 2) {
        slots *= 2;
    }
    assert(room > count);
    *ret_entries = room;
    *ret_slots = slots;
}

/* New tables without holes, with room for at least one more entry. */
static bool map_grow(struct map *map)
{
    uint32_t room, slot_count;
    rooms_of(map->count, &room, &slot_count);
    struct map_entry *entries = heap_alloc(map->heap, room * sizeof(*entries));
    uint32_t *slots = slot_count == 0 ? NULL : heap_alloc(map->heap, slot_count * sizeof(*slots));
    if (entries == NULL || (slots == NULL && slot_count > 0)) {
        heap_free(map->heap, entries, room * sizeof(*entries));
        heap_free(map->heap, slots, slot_count * sizeof(*slots));
        return false;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < map->entry_count; i++) {
        if (map->entries[i].key.p != NULL) {
            entries[n++] = map->entries[i];
        }
    }
    assert(n == map->count);
    tables_free(map);
    map->entries = entries;
    map->slots = slots;
    map->entry_count = n;
    map->entry_room = room;
    map->slot_count = slot_count;
    for (uint32_t i = 0; i < n; i++) {
        slot_fill(map, i);
    }
    return true;
}

static bool key_take(struct map *map, struct slice key, struct slice *ret_key)
{
    if (map->borrows) {
        assert(key.p != NULL);
        *ret_key = key;
        return true;
    }
    uint8_t *copy = heap_alloc(map->heap, key_bytes(key));
    if (copy == NULL) {
        return false;
    }
    if (key.n > 0) {
        memcpy(copy, key.p, key.n);
    }
    *ret_key = slice_of(copy, key.n);
    return true;
}

bool map_put(struct map *map, struct slice key, void *value)
{
    uint64_t hash = hash_bytes(&map->hash_key, key);
    uint32_t slot;
    uint32_t there = entry_find(map, key, hash, &slot);
    assert(value != NULL);
    if (there != NOWHERE) {
        struct map_entry *entry = &map->entries[there];
        entry->value = value;
        entry->key = map->borrows ? key : entry->key;
        return true;
    }
    if (map->entry_count == map->entry_room && !map_grow(map)) {
        return false;
    }
    struct slice own;
    if (!key_take(map, key, &own)) {
        return false;
    }
    map->entries[map->entry_count] = (struct map_entry){.key = own, .hash = hash, .value = value};
    slot_fill(map, map->entry_count);
    map->entry_count++;
    map->count++;
    return true;
}

void *map_remove(struct map *map, struct slice key)
{
    uint32_t slot;
    uint32_t there = entry_find(map, key, hash_bytes(&map->hash_key, key), &slot);
    if (there == NOWHERE) {
        return NULL;
    }
    struct map_entry *entry = &map->entries[there];
    void *value = entry->value;
    key_free(map, entry->key);
    *entry = (struct map_entry){0};
    if (map->slot_count > 0) {
        map->slots[slot] = SLOT_REMOVED;
    }
    if (--map->count == 0) {
        tables_free(map);
    }
    return value;
}

const struct map_entry *map_next(const struct map *map, uint32_t *at)
{
    while (*at < map->entry_count) {
        const struct map_entry *entry = &map->entries[(*at)++];
        if (entry->key.p != NULL) {
            return entry;
        }
    }
    return NULL;
}

void *map_get_u64(const struct map *map, uint64_t key)
{
    return map_get(map, slice_of(&key, sizeof(key)));
}

bool map_put_u64(struct map *map, uint64_t key, void *value)
{
    return map_put(map, slice_of(&key, sizeof(key)), value);
}

void *map_remove_u64(struct map *map, uint64_t key)
{
    return map_remove(map, slice_of(&key, sizeof(key)));
}

uint64_t map_entry_u64(const struct map_entry *entry)
{
    uint64_t key;
    assert(entry->key.n == sizeof(key));
    memcpy(&key, entry->key.p, sizeof(key));
    return key;
}
