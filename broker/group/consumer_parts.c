/* Topics of a consumer group, sets of their partitions, and who owns which. Also sorted arrays of names. */
#include "broker/group/consumer_internal.h"

#define SLOTS_FIRST  4
#define OWNERS_FIRST 8

/* ---- order ---- */

typedef int (*items_order)(const void *, const void *);

static void items_swap(uint8_t *a, uint8_t *b, size_t bytes)
{
    uint8_t held[sizeof(struct slice)];
    assert(bytes <= sizeof(held));
    memcpy(held, a, bytes);
    memcpy(a, b, bytes);
    memcpy(b, held, bytes);
}

static void items_sift(uint8_t *items, uint32_t from, uint32_t count, size_t bytes,
                       items_order order)
{
    for (uint32_t at = from, child; (child = 2 * at + 1) < count; at = child) {
        assert(child > at);
        if (child + 1 < count && order(items + child * bytes, items + (child + 1) * bytes) < 0) {
            child++;
        }
        if (order(items + at * bytes, items + child * bytes) >= 0) {
            return;
        }
        items_swap(items + at * bytes, items + child * bytes, bytes);
    }
}

/* Ascending, each once; returns how many there are. By a heap: it needs no memory and has no bad case. */
static uint32_t items_sort(uint8_t *items, uint32_t count, size_t bytes, items_order order)
{
    uint32_t kept = 0;
    assert(count == 0 || items != NULL);
    for (uint32_t i = count / 2; i-- > 0;) {
        items_sift(items, i, count, bytes, order);
    }
    for (uint32_t left = count; left > 1;) {
        items_swap(items, items + --left * bytes, bytes);
        items_sift(items, 0, left, bytes, order);
    }
    for (uint32_t i = 0; i < count; i++) {
        int before = i == 0 ? -1 : order(items + (kept - 1) * bytes, items + i * bytes);
        assert(before <= 0);
        if (before < 0) {
            memmove(items + kept++ * bytes, items + i * bytes, bytes);
        }
    }
    assert(kept <= count && (kept > 0 || count == 0));
    return kept;
}

/* ---- names ---- */

static int slices_order(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    return slice_cmp(*x, *y);
}

uint32_t slices_sort(struct slice *s, uint32_t count)
{
    return items_sort((uint8_t *)s, count, sizeof(*s), slices_order);
}

void slices_free(struct heap *heap, struct slice *s, uint32_t count)
{
    assert(count == 0 || s != NULL);
    for (uint32_t i = 0; i < count; i++) {
        heap_free(heap, (void *)(uintptr_t)s[i].p, s[i].n);
    }
    heap_free(heap, s, count * sizeof(*s));
}

bool slices_set(struct heap *heap, struct slice **slices, uint32_t *slice_count,
                const struct slice *from, uint32_t count)
{
    struct slice *copy = NULL;
    assert(count == 0 || from != NULL);
    assert(*slice_count == 0 || *slices != NULL);
    if (count > 0 && (copy = heap_alloc(heap, count * sizeof(*copy))) == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        assert(i == 0 || slice_cmp(from[i - 1], from[i]) < 0);
        if (!heap_copy(heap, from[i], &copy[i])) {
            slices_free(heap, copy, count);
            return false;
        }
    }
    slices_free(heap, *slices, *slice_count);
    *slices = copy;
    *slice_count = count;
    return true;
}

bool slices_equal(const struct slice *a, uint32_t count, const struct slice *b,
                  uint32_t other_count)
{
    bool equal = count == other_count;
    for (uint32_t i = 0; equal && i < count; i++) {
        equal = slice_eq(a[i], b[i]);
    }
    return equal;
}

bool slices_have(const struct slice *s, uint32_t count, struct slice wanted)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int c = slice_cmp(s[middle], wanted);
        if (c == 0) {
            return true;
        }
        low = c < 0 ? middle + 1 : low;
        high = c < 0 ? high : middle;
    }
    assert(low == high);
    return false;
}

/* ---- topics ---- */

static struct slice id_key(const struct uuid *id)
{
    return slice_of(id->b, sizeof(id->b));
}

struct consumer_topic *consumer_topic_known(const struct consumer *c, struct uuid id)
{
    return map_get(&c->topic_ids, id_key(&id));
}

struct uuid consumer_part_topic(const struct consumer *c, const struct consumer_part *part)
{
    assert(part->topic < c->topic_room && c->topics[part->topic] != NULL);
    return c->topics[part->topic]->id;
}

/* A free slot. */
static bool slot_find(struct group_shard *shard, struct consumer *c, uint32_t *ret_slot)
{
    assert(c->topic_ids.count <= c->topic_room);
    uint32_t slot = c->topic_ids.count < c->topic_room ? 0 : c->topic_room;
    while (slot < c->topic_room && c->topics[slot] != NULL) {
        slot++;
    }
    *ret_slot = slot;
    if (slot < c->topic_room) {
        return true;
    }
    uint32_t room = c->topic_room == 0 ? SLOTS_FIRST : 2 * c->topic_room;
    void *grown = heap_resize(shard->heap, c->topics, c->topic_room * sizeof(*c->topics),
                              room * sizeof(*c->topics));
    if (grown == NULL) {
        return false;
    }
    c->topics = grown;
    c->topic_room = room;
    assert(c->topics[slot] == NULL);
    return true;
}

struct consumer_topic *consumer_topic_get(struct group_shard *shard, struct consumer *c,
                                          struct uuid id)
{
    struct consumer_topic *topic = consumer_topic_known(c, id);
    uint32_t slot;
    if (topic != NULL) {
        return topic;
    }
    topic = HEAP_NEW(shard->heap, struct consumer_topic);
    if (topic == NULL) {
        return NULL;
    }
    topic->id = id;
    if (!slot_find(shard, c, &slot) || !map_put(&c->topic_ids, id_key(&topic->id), topic)) {
        heap_free(shard->heap, topic, sizeof(*topic));
        return NULL;
    }
    assert(slot < c->topic_room && c->topics[slot] == NULL);
    topic->slot = slot;
    c->topics[slot] = topic;
    return topic;
}

static void topic_free(struct group_shard *shard, struct consumer *c, struct consumer_topic *topic)
{
    void *removed = map_remove(&c->topic_ids, id_key(&topic->id));
    assert(removed == topic && c->topics[topic->slot] == topic);
    assert(topic->refs == 0);
    c->topics[topic->slot] = NULL;
    slice_drop(shard, &topic->name);
    heap_free(shard->heap, topic->racks, topic->rack_room * sizeof(*topic->racks));
    heap_free(shard->heap, topic->owners, topic->owner_room * sizeof(*topic->owners));
    heap_free(shard->heap, topic, sizeof(*topic));
}

void consumer_topics_sweep(struct group_shard *shard, struct consumer *c)
{
    for (uint32_t i = 0; i < c->topic_room; i++) {
        struct consumer_topic *topic = c->topics[i];
        if (topic != NULL && topic->refs == 0 && !topic->subscribed) {
            topic_free(shard, c, topic);
        }
    }
}

void consumer_topics_release(struct group_shard *shard, struct consumer *c)
{
    for (uint32_t i = 0; i < c->topic_room; i++) {
        if (c->topics[i] != NULL) {
            assert(c->topics[i]->refs == 0);
            topic_free(shard, c, c->topics[i]);
        }
    }
    heap_free(shard->heap, c->topics, c->topic_room * sizeof(*c->topics));
    c->topics = NULL;
    c->topic_room = 0;
    assert(c->topic_ids.count == 0);
}

/* ---- sets ---- */

static int part_cmp(const struct consumer_part *a, uint32_t topic, int32_t partition)
{
    return a->topic != topic ? (a->topic < topic ? -1 : 1)
                             : (a->partition > partition) - (a->partition < partition);
}

static int parts_order(const void *a, const void *b)
{
    const struct consumer_part *y = b;
    return part_cmp(a, y->topic, y->partition);
}

uint32_t parts_sort(struct consumer_part *parts, uint32_t count)
{
    return items_sort((uint8_t *)parts, count, sizeof(*parts), parts_order);
}

const struct consumer_part *parts_find(const struct consumer_parts *parts, uint32_t topic,
                                       int32_t partition)
{
    uint32_t low = 0, high = parts->count;
    assert(parts->count == 0 || parts->items != NULL);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int c = part_cmp(&parts->items[middle], topic, partition);
        if (c == 0) {
            return &parts->items[middle];
        }
        low = c < 0 ? middle + 1 : low;
        high = c < 0 ? high : middle;
    }
    return NULL;
}

bool parts_equal(const struct consumer_parts *parts, const struct consumer_part *other,
                 uint32_t count)
{
    bool equal = parts->count == count;
    for (uint32_t i = 0; equal && i < count; i++) {
        equal = part_cmp(&parts->items[i], other[i].topic, other[i].partition) == 0;
    }
    return equal;
}

bool parts_set(struct group_shard *shard, struct consumer *c, struct consumer_parts *parts,
               const struct consumer_part *items, uint32_t count)
{
    assert(count == 0 || items != NULL);
    struct consumer_part *copy = count == 0 ? NULL : heap_alloc(shard->heap, count * sizeof(*copy));
    if (count > 0 && copy == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        assert(i == 0 || part_cmp(&items[i - 1], items[i].topic, items[i].partition) < 0);
        assert(items[i].topic < c->topic_room && c->topics[items[i].topic] != NULL);
        copy[i] = items[i];
        c->topics[items[i].topic]->refs++;
    }
    for (uint32_t i = 0; i < parts->count; i++) {
        struct consumer_topic *topic = c->topics[parts->items[i].topic];
        assert(topic->refs > 0);
        topic->refs--;
    }
    heap_free(shard->heap, parts->items, parts->count * sizeof(*parts->items));
    parts->items = copy;
    parts->count = count;
    return true;
}

/* ---- owners ---- */

struct consumer_member *part_owner(const struct consumer *c, const struct consumer_part *part)
{
    const struct consumer_topic *topic = c->topics[part->topic];
    assert(topic != NULL && part->partition >= 0);
    return (uint32_t)part->partition < topic->owner_room ? topic->owners[part->partition] : NULL;
}

static bool owner_set(struct group_shard *shard, struct consumer *c,
                      const struct consumer_part *part, struct consumer_member *m)
{
    struct consumer_topic *topic = c->topics[part->topic];
    uint32_t at = (uint32_t)part->partition;
    assert(part->partition >= 0 && part->partition < TOPIC_PARTITIONS_MAX);
    if (at >= topic->owner_room) {
        uint32_t room = topic->owner_room == 0 ? OWNERS_FIRST : topic->owner_room;
        while (room <= at) {
            room *= 2;
        }
        void *grown = heap_resize(shard->heap, topic->owners,
                                  topic->owner_room * sizeof(*topic->owners),
                                  room * sizeof(*topic->owners));
        if (grown == NULL) {
            return false;
        }
        assert(room > at);
        topic->owners = grown;
        topic->owner_room = room;
    }
    assert(topic->owners[at] == NULL); /* never two */
    topic->owners[at] = m;
    return true;
}

bool owners_take(struct group_shard *shard, struct consumer *c, struct consumer_member *m)
{
    bool ok = true;
    assert(shard->loaded && m->group->consumer == c);
    for (uint32_t i = 0; ok && i < m->assigned.count; i++) {
        ok = owner_set(shard, c, &m->assigned.items[i], m);
    }
    for (uint32_t i = 0; ok && i < m->revoking.count; i++) {
        ok = owner_set(shard, c, &m->revoking.items[i], m);
    }
    return ok;
}

static void owner_clear(struct consumer *c, const struct consumer_part *part,
                        const struct consumer_member *m)
{
    struct consumer_topic *topic = c->topics[part->topic];
    assert(topic != NULL && part->partition >= 0);
    if ((uint32_t)part->partition < topic->owner_room && topic->owners[part->partition] == m) {
        topic->owners[part->partition] = NULL;
    }
}

void owners_leave(struct consumer *c, struct consumer_member *m)
{
    for (uint32_t i = 0; i < m->assigned.count; i++) {
        owner_clear(c, &m->assigned.items[i], m);
    }
    for (uint32_t i = 0; i < m->revoking.count; i++) {
        owner_clear(c, &m->revoking.items[i], m);
    }
}
