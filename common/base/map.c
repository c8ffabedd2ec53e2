#include "common/base/map.h"

#define SLOT_REMOVED UINT32_MAX
#define MAP_ROOM_MIN 8u

void map_init(struct map *map, struct heap *heap, struct hash_key key)
{
    assert(heap != NULL);
    *map = (struct map){.heap = heap, .hash_key = key};
}

static size_t key_bytes(struct slice key)
{
    return key.n == 0 ? 1 : key.n;
}

void map_release(struct map *map)
{
    for (uint32_t i = 0; i < map->entry_count; i++) {
        if (map->entries[i].key.p != NULL) {
            heap_free(map->heap, (void *)map->entries[i].key.p, key_bytes(map->entries[i].key));
        }
    }
    heap_free(map->heap, map->entries, map->entry_room * sizeof(*map->entries));
    heap_free(map->heap, map->slots, map->slot_count * sizeof(*map->slots));
    map_init(map, map->heap, map->hash_key);
}

/* The slot that holds the key, or UINT32_MAX. */
static uint32_t slot_find(const struct map *map, struct slice key, uint64_t hash)
{
    if (map->slot_count == 0) {
        return UINT32_MAX;
    }
    uint32_t mask = map->slot_count - 1;
    for (uint32_t i = (uint32_t)hash & mask;; i = (i + 1) & mask) {
        uint32_t slot = map->slots[i];
        if (slot == 0) {
            return UINT32_MAX;
        }
        if (slot != SLOT_REMOVED) {
            const struct map_entry *entry = &map->entries[slot - 1];
            if (entry->hash == hash && slice_eq(entry->key, key)) {
                return i;
            }
        }
    }
}

void *map_get(const struct map *map, struct slice key)
{
    uint32_t slot = slot_find(map, key, hash_bytes(&map->hash_key, key));
    return slot == UINT32_MAX ? NULL : map->entries[map->slots[slot] - 1].value;
}

static void slot_fill(struct map *map, uint32_t entry)
{
    uint32_t mask = map->slot_count - 1;
    uint32_t i = (uint32_t)map->entries[entry].hash & mask;
    while (map->slots[i] != 0 && map->slots[i] != SLOT_REMOVED) {
        i = (i + 1) & mask;
    }
    map->slots[i] = entry + 1;
}

/* New tables without holes, with room for at least one more entry. Slots are at most half full. */
static bool map_grow(struct map *map)
{
    uint32_t room = map->count * 2 < MAP_ROOM_MIN ? MAP_ROOM_MIN : map->count * 2;
    uint32_t slot_count = 16;
    while (slot_count < room * 2) {
        slot_count *= 2;
    }
    struct map_entry *entries = heap_alloc(map->heap, room * sizeof(*entries));
    uint32_t *slots = heap_alloc(map->heap, slot_count * sizeof(*slots));
    if (entries == NULL || slots == NULL) {
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
    heap_free(map->heap, map->entries, map->entry_room * sizeof(*entries));
    heap_free(map->heap, map->slots, map->slot_count * sizeof(*slots));
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

bool map_put(struct map *map, struct slice key, void *value)
{
    assert(value != NULL);
    uint64_t hash = hash_bytes(&map->hash_key, key);
    uint32_t slot = slot_find(map, key, hash);
    if (slot != UINT32_MAX) {
        map->entries[map->slots[slot] - 1].value = value;
        return true;
    }
    if (map->entry_count == map->entry_room && !map_grow(map)) {
        return false;
    }
    uint8_t *copy = heap_alloc(map->heap, key_bytes(key));
    if (copy == NULL) {
        return false;
    }
    if (key.n > 0) {
        memcpy(copy, key.p, key.n);
    }
    map->entries[map->entry_count] = (struct map_entry){
        .key = slice_of(copy, key.n), .hash = hash, .value = value};
    slot_fill(map, map->entry_count);
    map->entry_count++;
    map->count++;
    return true;
}

void *map_remove(struct map *map, struct slice key)
{
    uint32_t slot = slot_find(map, key, hash_bytes(&map->hash_key, key));
    if (slot == UINT32_MAX) {
        return NULL;
    }
    struct map_entry *entry = &map->entries[map->slots[slot] - 1];
    void *value = entry->value;
    heap_free(map->heap, (void *)entry->key.p, key_bytes(entry->key));
    *entry = (struct map_entry){0};
    map->slots[slot] = SLOT_REMOVED;
    map->count--;
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
