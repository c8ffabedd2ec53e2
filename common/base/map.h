/*
 * Map: bytes -> pointer, iterated in insertion order (so that every run of a seed sees the same order).
 *
 * Keys are copied into the map's heap; values belong to the caller. Open addressing over an insertion-ordered entry array, which a
 * map of a few entries does without; removing leaves a hole that the next growth closes, and an empty map holds no memory.
 * Keys are hashed with a key of the node's own (hash.h). A map that borrows its keys does not copy them: they lie in the values,
 * where they stay as they are until the entry is removed or its value replaced (then the new key is borrowed).
 * While iterating, the entry just returned may be removed; nothing may be added.
 */
#ifndef ODRADEK_BASE_MAP_H
#define ODRADEK_BASE_MAP_H

#include "common/base/hash.h"
#include "common/base/heap.h"

struct map_entry {
    struct slice key; /* key.p NULL: a hole */
    uint64_t hash;
    void *value;
};

struct map {
    struct heap *heap;
    struct hash_key hash_key;
    struct map_entry *entries; /* in insertion order */
    uint32_t *slots;           /* entry index + 1; 0: never used; UINT32_MAX: removed */
    uint32_t entry_count;      /* holes included */
    uint32_t entry_room;
    uint32_t slot_count; /* a power of two, or 0 */
    uint32_t count;      /* live entries */
    bool borrows;
};

void map_init(struct map *, struct heap *, struct hash_key);
/* Its keys are parts of its values. */
void map_init_borrowing(struct map *, struct heap *, struct hash_key);
/* Frees keys and tables, not the values. */
void map_release(struct map *);

/* The value, or NULL. */
void *map_get(const struct map *, struct slice key);
/* Adds or replaces; value must not be NULL. false when out of memory (then nothing changed). */
bool map_put(struct map *, struct slice key, void *value) MUST_USE;
/* Takes the entry out and returns its value, or NULL. */
void *map_remove(struct map *, struct slice key);

/* Live entries in insertion order: start with *at = 0; NULL at the end. */
const struct map_entry *map_next(const struct map *, uint32_t *at);

/* Integer keys: eight bytes of the number itself. */
void *map_get_u64(const struct map *, uint64_t key);
bool map_put_u64(struct map *, uint64_t key, void *value) MUST_USE;
void *map_remove_u64(struct map *, uint64_t key);
uint64_t map_entry_u64(const struct map_entry *);

#endif
