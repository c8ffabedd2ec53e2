#include "common/meta/image_internal.h"

#define TOUCHED_ROOM_MIN 16u

/* --- a set of changes in the order of first touch --- */

static bool change_equal(const struct meta_change *a, const struct meta_change *b)
{
    return a->kind == b->kind && a->broker == b->broker && uuid_eq(a->topic, b->topic) &&
           a->partition == b->partition && a->resource == b->resource && slice_eq(a->name, b->name);
}

/* Only spreads keys over slots: whoever can choose these subjects was allowed to make topics by the thousand. */
static uint64_t change_hash(const struct meta_change *change)
{
    struct hash_key key = {(uint64_t)change->kind << 32 | (uint32_t)change->broker,
                           (uint64_t)change->resource << 32 | (uint32_t)change->partition};
    uint64_t hash = hash_bytes(&key, slice_of(change->topic.b, sizeof(change->topic.b)));
    return change->name.n == 0 ? hash : hash ^ hash_bytes(&key, change->name);
}

/* The slot of this change, or the free one where it belongs. */
static size_t slot_of(const struct touched *touched, const struct meta_change *change)
{
    assert(touched->slot_count > touched->count);
    size_t mask = touched->slot_count - 1;
    size_t i = change_hash(change) & mask;
    while (touched->slots[i] != 0 &&
           !change_equal(&touched->items[touched->slots[i] - 1], change)) {
        i = (i + 1) & mask;
    }
    return i;
}

static err_t touched_grow(struct touched *touched)
{
    size_t room = touched->room == 0 ? TOUCHED_ROOM_MIN : touched->room * 2;
    struct meta_change *items = arena_array(touched->arena, room, sizeof(*items));
    uint32_t *slots = arena_array(touched->arena, room * 2, sizeof(*slots));
    ENSURE(items != NULL && slots != NULL, ERR_NO_MEMORY);
    if (touched->count > 0) {
        memcpy(items, touched->items, touched->count * sizeof(*items));
    }
    touched->items = items;
    touched->room = room;
    touched->slots = slots;
    touched->slot_count = room * 2;
    for (size_t i = 0; i < touched->count; i++) {
        size_t slot = slot_of(touched, &items[i]);
        assert(slots[slot] == 0);
        slots[slot] = (uint32_t)i + 1;
    }
    return OK;
}

err_t touched_add(struct touched *touched, const struct meta_change *change)
{
    if (touched->arena == NULL) {
        return OK;
    }
    if (touched->count == touched->room) {
        TRY(touched_grow(touched));
    }
    size_t slot = slot_of(touched, change);
    if (touched->slots[slot] != 0) {
        return OK;
    }
    struct meta_change *item = &touched->items[touched->count];
    *item = *change;
    ENSURE(arena_copy(touched->arena, change->name, &item->name), ERR_NO_MEMORY);
    touched->slots[slot] = (uint32_t)++touched->count;
    return OK;
}

err_t touched_topic(struct touched *touched, struct uuid topic)
{
    return touched_add(touched, &(struct meta_change){.kind = META_CHANGED_TOPIC, .topic = topic});
}

err_t touched_partition(struct touched *touched, struct uuid topic, int32_t partition)
{
    return touched_add(touched, &(struct meta_change){.kind = META_CHANGED_PARTITION,
                                                      .topic = topic,
                                                      .partition = partition});
}

err_t touched_config(struct touched *touched, enum meta_resource resource, struct slice name)
{
    return touched_add(
        touched,
        &(struct meta_change){.kind = META_CHANGED_CONFIG, .resource = resource, .name = name});
}

/* --- the difference of two images: merges of ordered trees; what both share is equal without a look inside --- */

static bool broker_equal(const struct meta_broker *a, const struct meta_broker *b)
{
    bool equal = a->epoch == b->epoch && uuid_eq(a->incarnation, b->incarnation) &&
                 slice_same(a->rack, b->rack) && a->endpoint_count == b->endpoint_count &&
                 a->dir_count == b->dir_count && a->fenced == b->fenced &&
                 a->shutting_down == b->shutting_down;
    for (uint32_t i = 0; equal && i < a->endpoint_count; i++) {
        const struct meta_endpoint *x = &a->endpoints[i];
        const struct meta_endpoint *y = &b->endpoints[i];
        equal = slice_eq(x->listener, y->listener) && slice_eq(x->host, y->host) &&
                x->port == y->port && x->security_protocol == y->security_protocol;
    }
    for (uint32_t i = 0; equal && i < a->dir_count; i++) {
        equal = uuid_eq(a->dirs[i], b->dirs[i]);
    }
    return equal;
}

static err_t diff_brokers(const struct meta_image *old, const struct meta_image *new_image,
                          struct touched *touched)
{
    const struct meta_broker *a = meta_broker_next(old, META_NO_BROKER);
    const struct meta_broker *b = meta_broker_next(new_image, META_NO_BROKER);
    while (a != NULL || b != NULL) {
        int c = a == NULL ? 1 : b == NULL ? -1 : (a->id > b->id) - (a->id < b->id);
        if (c != 0 || (a != b && !broker_equal(a, b))) {
            struct meta_change change = {.kind = META_CHANGED_BROKER,
                                         .broker = c <= 0 ? a->id : b->id};
            TRY(touched_add(touched, &change));
        }
        a = c <= 0 ? meta_broker_next(old, a->id) : a;
        b = c >= 0 ? meta_broker_next(new_image, b->id) : b;
    }
    return OK;
}

/* Either may be NULL: the topic came or went. */
static err_t diff_topic(const struct meta_topic *a, const struct meta_topic *b,
                        struct touched *touched)
{
    struct uuid id = a != NULL ? a->id : b->id;
    if (a == NULL || b == NULL || !slice_eq(a->name, b->name)) {
        TRY(touched_topic(touched, id));
    }
    if (a != NULL && b != NULL && a->partitions == b->partitions) {
        return OK;
    }
    uint32_t a_count = a == NULL ? 0 : meta_topic_partitions(a);
    uint32_t b_count = b == NULL ? 0 : meta_topic_partitions(b);
    for (uint32_t i = 0; i < a_count || i < b_count; i++) {
        const struct meta_partition *x = i < a_count ? meta_partition(a, (int32_t)i) : NULL;
        const struct meta_partition *y = i < b_count ? meta_partition(b, (int32_t)i) : NULL;
        if (x != y && (x == NULL || y == NULL || !meta_partition_equal(x, y))) {
            TRY(touched_partition(touched, id, (int32_t)i));
        }
    }
    return OK;
}

static err_t diff_topics(const struct meta_image *old, const struct meta_image *new_image,
                         struct touched *touched)
{
    const struct meta_topic *a = ptree_after(&topic_tree, old->topics, NULL);
    const struct meta_topic *b = ptree_after(&topic_tree, new_image->topics, NULL);
    while (a != NULL || b != NULL) {
        int c = a == NULL ? 1 : b == NULL ? -1 : uuid_cmp(a->id, b->id);
        if (a != b) {
            TRY(diff_topic(c <= 0 ? a : NULL, c >= 0 ? b : NULL, touched));
        }
        a = c <= 0 ? ptree_after(&topic_tree, old->topics, &a->id) : a;
        b = c >= 0 ? ptree_after(&topic_tree, new_image->topics, &b->id) : b;
    }
    return OK;
}

static const struct meta_config *config_after(const struct meta_image *image,
                                              const struct meta_config *after)
{
    struct config_key key = {0};
    if (after != NULL) {
        key = (struct config_key){after->resource, after->name, after->key};
    }
    const struct config_item *item = ptree_after(&config_tree, image->configs,
                                                 after == NULL ? NULL : &key);
    return item == NULL ? NULL : &item->config;
}

static int config_order(const struct meta_config *a, const struct meta_config *b)
{
    int c = (a->resource > b->resource) - (a->resource < b->resource);
    c = c != 0 ? c : slice_cmp(a->name, b->name);
    return c != 0 ? c : slice_cmp(a->key, b->key);
}

static err_t diff_configs(const struct meta_image *old, const struct meta_image *new_image,
                          struct touched *touched)
{
    const struct meta_config *a = config_after(old, NULL);
    const struct meta_config *b = config_after(new_image, NULL);
    while (a != NULL || b != NULL) {
        int c = a == NULL ? 1 : b == NULL ? -1 : config_order(a, b);
        if (c != 0 || (a != b && !slice_eq(a->value, b->value))) {
            const struct meta_config *x = c <= 0 ? a : b;
            TRY(touched_config(touched, x->resource, x->name));
        }
        a = c <= 0 ? config_after(old, a) : a;
        b = c >= 0 ? config_after(new_image, b) : b;
    }
    return OK;
}

static bool others_equal(const struct meta_image *a, const struct meta_image *b)
{
    const struct meta_feature *x = meta_feature_next(a, (struct slice){0});
    const struct meta_feature *y = meta_feature_next(b, (struct slice){0});
    while (x != NULL && y != NULL && slice_eq(x->name, y->name) && x->level == y->level) {
        x = meta_feature_next(a, x->name);
        y = meta_feature_next(b, y->name);
    }
    return x == NULL && y == NULL && slice_same(a->cluster_id, b->cluster_id) &&
           a->producer_ids.next_id == b->producer_ids.next_id &&
           a->producer_ids.broker == b->producer_ids.broker &&
           a->producer_ids.broker_epoch == b->producer_ids.broker_epoch;
}

err_t meta_image_diff(const struct meta_image *old, const struct meta_image *new_image,
                      struct arena *arena, struct meta_changes *ret_changes)
{
    struct touched touched = {.arena = arena};
    assert(arena != NULL && old != NULL && new_image != NULL);
    if (!others_equal(old, new_image)) {
        TRY(touched_add(&touched, &(struct meta_change){.kind = META_CHANGED_OTHER}));
    }
    TRY(diff_brokers(old, new_image, &touched));
    TRY(diff_topics(old, new_image, &touched));
    TRY(diff_configs(old, new_image, &touched));
    *ret_changes = (struct meta_changes){.items = touched.items, .count = touched.count};
    return OK;
}
