#include "common/meta/image_internal.h"

/* One batch on its way into a new image that nobody else sees yet. */
struct applying {
    struct heap *heap;
    struct meta_image *image;
    int64_t offset;
    struct touched touched;
};

static err_t apply_cluster(struct applying *a, const struct meta_cluster *record)
{
    struct meta_image *image = a->image;
    ENSURE(record->cluster_id.n > 0, ERR_CORRUPT);
    if (image->cluster_id.p != NULL) {
        ENSURE(slice_eq(image->cluster_id, record->cluster_id), ERR_CORRUPT);
        return OK;
    }
    ENSURE(heap_copy(a->heap, record->cluster_id, &image->cluster_id), ERR_NO_MEMORY);
    return touched_add(&a->touched, &(struct meta_change){.kind = META_CHANGED_OTHER});
}

static err_t apply_broker(struct applying *a, const struct meta_broker *record)
{
    ENSURE(record->id >= 0 && record->epoch >= -1, ERR_CORRUPT);
    ENSURE(record->endpoint_count <= LISTENERS_MAX && record->dir_count <= LOG_DIRS_MAX,
           ERR_CORRUPT);
    const struct meta_broker *old = meta_broker(a->image, record->id);
    struct broker_item *item = broker_item_new(a->heap, record);
    ENSURE(item != NULL, ERR_NO_MEMORY);
    if (item->broker.epoch == -1) {
        item->broker.epoch = a->offset;
    }
    /* Broker epochs only grow, and one epoch is one incarnation (M34). */
    bool fits = old == NULL || old->epoch < item->broker.epoch ||
                (old->epoch == item->broker.epoch &&
                 uuid_eq(old->incarnation, record->incarnation));
    if (!fits || !ptree_put(&broker_tree, a->heap, &a->image->brokers, &record->id, item)) {
        broker_tree.drop(a->heap, item);
        return fits ? ERR_NO_MEMORY : ERR_CORRUPT;
    }
    return touched_add(&a->touched,
                       &(struct meta_change){.kind = META_CHANGED_BROKER, .broker = record->id});
}

static err_t apply_broker_gone(struct applying *a, const struct meta_broker_gone *record)
{
    const struct meta_broker *old = meta_broker(a->image, record->id);
    ENSURE(old != NULL && old->epoch == record->epoch, ERR_CORRUPT);
    ENSURE(ptree_remove(&broker_tree, a->heap, &a->image->brokers, &record->id), ERR_NO_MEMORY);
    return touched_add(&a->touched,
                       &(struct meta_change){.kind = META_CHANGED_BROKER, .broker = record->id});
}

static err_t apply_topic(struct applying *a, const struct meta_topic_record *record)
{
    struct meta_image *image = a->image;
    ENSURE(record->name.n > 0 && record->name.n <= TOPIC_NAME_MAX, ERR_CORRUPT);
    ENSURE(!uuid_is_none(record->id), ERR_CORRUPT);
    const struct meta_topic *same_id = meta_topic(image, record->id);
    const struct meta_topic *same_name = meta_topic_named(image, record->name);
    ENSURE(same_id == same_name, ERR_CORRUPT);
    if (same_id != NULL) {
        return OK;
    }
    struct meta_topic *topic = topic_item_new(a->heap, record);
    ENSURE(topic != NULL, ERR_NO_MEMORY);
    if (!ptree_put(&topic_tree, a->heap, &image->topics, &record->id, topic)) {
        topic_tree.drop(a->heap, topic);
        return ERR_NO_MEMORY;
    }
    struct name_item *name = name_item_new(a->heap, record);
    ENSURE(name != NULL, ERR_NO_MEMORY);
    if (!ptree_put(&name_tree, a->heap, &image->names, &record->name, name)) {
        name_tree.drop(a->heap, name);
        return ERR_NO_MEMORY;
    }
    return touched_topic(&a->touched, record->id);
}

/* The topic's settings go with it: a later topic of the same name begins without. */
static err_t topic_settings_gone(struct applying *a, struct slice topic)
{
    struct slice key;
    struct slice value;
    bool any = false;
    while (
        meta_config_next(a->image, META_RESOURCE_TOPIC, topic, (struct slice){0}, &key, &value)) {
        struct config_key whole = {META_RESOURCE_TOPIC, topic, key};
        ENSURE(ptree_remove(&config_tree, a->heap, &a->image->configs, &whole), ERR_NO_MEMORY);
        any = true;
    }
    return any ? touched_config(&a->touched, META_RESOURCE_TOPIC, topic) : OK;
}

static err_t apply_topic_gone(struct applying *a, const struct meta_topic_gone *record)
{
    struct meta_image *image = a->image;
    const struct meta_topic *topic = meta_topic(image, record->id);
    ENSURE(topic != NULL, ERR_CORRUPT);
    TRY(touched_topic(&a->touched, record->id));
    uint32_t partitions = meta_topic_partitions(topic);
    for (uint32_t i = 0; a->touched.arena != NULL && i < partitions; i++) {
        TRY(touched_partition(&a->touched, record->id, (int32_t)i));
    }
    TRY(topic_settings_gone(a, topic->name));
    assert(image->partition_total >= partitions);
    image->partition_total -= partitions;
    ENSURE(ptree_remove(&name_tree, a->heap, &image->names, &topic->name), ERR_NO_MEMORY);
    ENSURE(ptree_remove(&topic_tree, a->heap, &image->topics, &record->id), ERR_NO_MEMORY);
    return OK;
}

/* The topic, private to this image, so that its partitions may change. */
static struct meta_topic *topic_own(struct applying *a, struct uuid id)
{
    void **slot = ptree_edit(&topic_tree, a->heap, &a->image->topics, &id);
    if (slot == NULL) {
        return NULL;
    }
    struct meta_topic *topic = *slot;
    if (topic->refs > 1) {
        struct meta_topic *copy = topic_item_clone(a->heap, topic);
        if (copy == NULL) {
            return NULL;
        }
        topic_tree.drop(a->heap, topic);
        *slot = copy;
        topic = copy;
    }
    return topic;
}

static err_t apply_partition(struct applying *a, const struct meta_partition *record)
{
    ENSURE(meta_partition_valid(record), ERR_CORRUPT);
    const struct meta_topic *topic = meta_topic(a->image, record->topic);
    ENSURE(topic != NULL, ERR_CORRUPT);
    uint32_t count = meta_topic_partitions(topic);
    ENSURE((uint32_t)record->index <= count && count < TOPIC_PARTITIONS_MAX, ERR_CORRUPT);
    const struct meta_partition *old = meta_partition(topic, record->index);
    if (old != NULL) {
        if (meta_partition_equal(old, record)) {
            return OK;
        }
        ENSURE(record->partition_epoch > old->partition_epoch, ERR_CORRUPT);
        ENSURE(record->leader_epoch >= old->leader_epoch, ERR_CORRUPT);
        /* One leader epoch has one leader: what everything else rests on. */
        ENSURE(record->leader == old->leader || record->leader_epoch > old->leader_epoch,
               ERR_CORRUPT);
    }
    struct meta_topic *own = topic_own(a, record->topic);
    ENSURE(own != NULL, ERR_NO_MEMORY);
    struct partition_item *item = partition_item_new(a->heap, record);
    ENSURE(item != NULL, ERR_NO_MEMORY);
    if (!ptree_put(&partition_tree, a->heap, &own->partitions, &record->index, item)) {
        partition_tree.drop(a->heap, item);
        return ERR_NO_MEMORY;
    }
    a->image->partition_total += old == NULL ? 1 : 0;
    return touched_partition(&a->touched, record->topic, record->index);
}

static err_t apply_config(struct applying *a, const struct meta_config *record)
{
    ENSURE(meta_resource_known(record->resource), ERR_CORRUPT);
    ENSURE(record->key.n > 0, ERR_CORRUPT);
    ENSURE(record->resource != META_RESOURCE_TOPIC ||
               meta_topic_named(a->image, record->name) != NULL,
           ERR_CORRUPT);
    struct config_key key = {record->resource, record->name, record->key};
    TRY(touched_config(&a->touched, record->resource, record->name));
    if (record->value.p == NULL) {
        ENSURE(ptree_remove(&config_tree, a->heap, &a->image->configs, &key), ERR_NO_MEMORY);
        return OK;
    }
    struct config_item *item = config_item_new(a->heap, record);
    ENSURE(item != NULL, ERR_NO_MEMORY);
    if (!ptree_put(&config_tree, a->heap, &a->image->configs, &key, item)) {
        config_tree.drop(a->heap, item);
        return ERR_NO_MEMORY;
    }
    return OK;
}

static err_t apply_producer_ids(struct applying *a, const struct meta_producer_ids *record)
{
    ENSURE(record->next_id >= a->image->producer_ids.next_id, ERR_CORRUPT);
    a->image->producer_ids = *record;
    return touched_add(&a->touched, &(struct meta_change){.kind = META_CHANGED_OTHER});
}

static err_t apply_feature(struct applying *a, const struct meta_feature *record)
{
    ENSURE(record->name.n > 0 && record->level >= 0, ERR_CORRUPT);
    TRY(touched_add(&a->touched, &(struct meta_change){.kind = META_CHANGED_OTHER}));
    if (record->level == 0) {
        ENSURE(ptree_remove(&feature_tree, a->heap, &a->image->features, &record->name),
               ERR_NO_MEMORY);
        return OK;
    }
    struct feature_item *item = feature_item_new(a->heap, record);
    ENSURE(item != NULL, ERR_NO_MEMORY);
    if (!ptree_put(&feature_tree, a->heap, &a->image->features, &record->name, item)) {
        feature_tree.drop(a->heap, item);
        return ERR_NO_MEMORY;
    }
    return OK;
}

static err_t apply_record(struct applying *a, const struct meta_record *record)
{
    switch (record->kind) {
    case META_CLUSTER: return apply_cluster(a, &record->cluster);
    case META_BROKER: return apply_broker(a, &record->broker);
    case META_BROKER_GONE: return apply_broker_gone(a, &record->broker_gone);
    case META_TOPIC: return apply_topic(a, &record->topic);
    case META_TOPIC_GONE: return apply_topic_gone(a, &record->topic_gone);
    case META_PARTITION: return apply_partition(a, &record->partition);
    case META_CONFIG: return apply_config(a, &record->config);
    case META_PRODUCER_IDS: return apply_producer_ids(a, &record->producer_ids);
    case META_FEATURE: return apply_feature(a, &record->feature);
    }
    return ERR_CORRUPT;
}

err_t meta_image_apply(struct meta_store *store, const struct meta_image *old,
                       struct meta_batch batch, int64_t offset, int32_t epoch, struct arena *arena,
                       struct meta_changes *ret_changes, struct meta_image **ret_image)
{
    assert(offset >= meta_offset(old) && epoch >= 0);
    assert(batch.count == 0 || batch.records != NULL);
    assert(ret_changes == NULL || arena != NULL);
    struct applying a = {.heap = store->heap,
                         .offset = offset,
                         .touched = {.arena = ret_changes == NULL ? NULL : arena}};
    a.image = image_clone(store, old);
    ENSURE(a.image != NULL, ERR_NO_MEMORY);
    for (uint32_t i = 0; i < batch.count; i++) {
        err_t err = apply_record(&a, &batch.records[i]);
        if (err != OK) {
            meta_image_drop(store, a.image);
            return err;
        }
    }
    meta_image_position(a.image, offset, epoch);
    if (ret_changes != NULL) {
        *ret_changes = (struct meta_changes){.items = a.touched.items, .count = a.touched.count};
    }
    *ret_image = a.image;
    return OK;
}
