#include "broker/replica/epoch_cache.h"

#define EPOCH_ROOM_FIRST 4u

void epoch_cache_init(struct epoch_cache *cache, struct heap *heap)
{
    assert(cache != NULL && heap != NULL);
    *cache = (struct epoch_cache){.heap = heap};
}

void epoch_cache_release(struct epoch_cache *cache)
{
    assert(cache->count <= cache->room);
    heap_free(cache->heap, cache->entries, cache->room * sizeof(*cache->entries));
    *cache = (struct epoch_cache){.heap = cache->heap};
}

void epoch_cache_clear(struct epoch_cache *cache)
{
    assert(cache->count <= cache->room);
    cache->count = 0;
}

bool epoch_cache_reserve(struct epoch_cache *cache, uint32_t n)
{
    assert(cache->count <= cache->room);
    if (cache->room - cache->count >= n) {
        return true;
    }
    uint32_t room = cache->room == 0 ? EPOCH_ROOM_FIRST : cache->room;
    while (room - cache->count < n) {
        assert(room <= UINT32_MAX / 2);
        room *= 2;
    }
    struct epoch_entry *entries = heap_resize(
        cache->heap, cache->entries, cache->room * sizeof(*entries), room * sizeof(*entries));
    if (entries == NULL) {
        return false;
    }
    cache->entries = entries;
    cache->room = room;
    return true;
}

bool epoch_cache_assign(struct epoch_cache *cache, int32_t epoch, int64_t start_offset,
                        bool *ret_changed)
{
    assert(epoch >= 0 && start_offset >= 0);
    *ret_changed = false;
    if (epoch <= epoch_cache_latest(cache)) {
        return true;
    }
    if (!epoch_cache_reserve(cache, 1)) {
        return false;
    }
    assert(cache->count == 0 || cache->entries[cache->count - 1].start_offset <= start_offset);
    cache->entries[cache->count++] = (struct epoch_entry){.epoch = epoch,
                                                          .start_offset = start_offset};
    *ret_changed = true;
    return true;
}

int32_t epoch_cache_latest(const struct epoch_cache *cache)
{
    return cache->count == 0 ? NO_EPOCH : cache->entries[cache->count - 1].epoch;
}

void epoch_cache_end(const struct epoch_cache *cache, int32_t epoch, int64_t log_end,
                     int32_t *ret_epoch, int64_t *ret_end)
{
    assert(log_end >= 0);
    *ret_epoch = NO_EPOCH;
    *ret_end = NO_OFFSET;
    if (epoch < 0 || epoch > epoch_cache_latest(cache)) {
        return;
    }
    if (epoch == epoch_cache_latest(cache)) {
        *ret_epoch = epoch;
        *ret_end = log_end;
        return;
    }
    uint32_t higher = cache->count; /* the first entry behind `epoch`; there is one */
    while (higher > 0 && cache->entries[higher - 1].epoch > epoch) {
        higher--;
    }
    assert(higher < cache->count);
    *ret_epoch = higher == 0 ? epoch : cache->entries[higher - 1].epoch;
    *ret_end = cache->entries[higher].start_offset;
    assert(*ret_epoch <= epoch && *ret_end <= log_end);
}

int32_t epoch_cache_at(const struct epoch_cache *cache, int64_t offset)
{
    uint32_t later = cache->count; /* the first entry that begins behind it */
    while (later > 0 && cache->entries[later - 1].start_offset > offset) {
        later--;
    }
    assert(later <= cache->count);
    return later == 0 ? NO_EPOCH : cache->entries[later - 1].epoch;
}

bool epoch_cache_truncate_end(struct epoch_cache *cache, int64_t end)
{
    assert(end >= 0);
    uint32_t before = cache->count;
    while (cache->count > 0 && cache->entries[cache->count - 1].start_offset >= end) {
        cache->count--;
    }
    return cache->count != before;
}

bool epoch_cache_truncate_start(struct epoch_cache *cache, int64_t start)
{
    assert(start >= 0);
    uint32_t begun = 0; /* epochs that begin at `start` or before; the last of them holds it */
    while (begun < cache->count && cache->entries[begun].start_offset <= start) {
        begun++;
    }
    if (begun == 0 || (begun == 1 && cache->entries[0].start_offset == start)) {
        return false;
    }
    uint32_t gone = begun - 1;
    assert(gone < cache->count);
    memmove(cache->entries, cache->entries + gone, (cache->count - gone) * sizeof(*cache->entries));
    cache->count -= gone;
    cache->entries[0].start_offset = start;
    return true;
}

void epoch_cache_check(const struct epoch_cache *cache, int64_t log_end)
{
    assert(cache->count <= cache->room);
    assert((cache->room == 0) == (cache->entries == NULL));
    for (uint32_t i = 0; i < cache->count; i++) {
        const struct epoch_entry *entry = &cache->entries[i];
        assert(entry->epoch >= 0 && entry->start_offset >= 0);
        assert(entry->start_offset <= log_end);
        assert(i == 0 || (entry - 1)->epoch < entry->epoch);
        assert(i == 0 || (entry - 1)->start_offset <= entry->start_offset);
    }
}
