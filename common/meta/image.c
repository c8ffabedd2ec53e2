#include "common/meta/image_internal.h"

void meta_store_init(struct meta_store *store, struct heap *heap)
{
    assert(heap != NULL);
    store->heap = heap;
}

struct meta_image *meta_image_empty(struct meta_store *store)
{
    struct meta_image *image = HEAP_NEW(store->heap, struct meta_image);
    if (image != NULL) {
        image->refs = 1;
        image->offset = -1;
        image->producer_ids.broker = META_NO_BROKER;
        image->producer_ids.broker_epoch = -1;
    }
    return image;
}

struct meta_image *image_clone(struct meta_store *store, const struct meta_image *from)
{
    struct meta_image *image = HEAP_NEW(store->heap, struct meta_image);
    if (image == NULL) {
        return NULL;
    }
    *image = *from;
    image->refs = 1;
    if (!heap_copy(store->heap, from->cluster_id, &image->cluster_id)) {
        heap_free(store->heap, image, sizeof(*image));
        return NULL;
    }
    (void)ptree_hold(image->brokers);
    (void)ptree_hold(image->topics);
    (void)ptree_hold(image->names);
    (void)ptree_hold(image->configs);
    (void)ptree_hold(image->features);
    return image;
}

void meta_image_hold(struct meta_image *image)
{
    assert(image->refs > 0 && image->refs < UINT32_MAX);
    image->refs++;
}

void meta_image_drop(struct meta_store *store, struct meta_image *image)
{
    if (image == NULL) {
        return;
    }
    assert(image->refs > 0);
    if (--image->refs > 0) {
        return;
    }
    struct heap *heap = store->heap;
    ptree_drop(&broker_tree, heap, image->brokers);
    ptree_drop(&topic_tree, heap, image->topics);
    ptree_drop(&name_tree, heap, image->names);
    ptree_drop(&config_tree, heap, image->configs);
    ptree_drop(&feature_tree, heap, image->features);
    heap_free(heap, (void *)image->cluster_id.p, image->cluster_id.n);
    heap_free(heap, image, sizeof(*image));
}

void meta_image_position(struct meta_image *image, int64_t offset, int32_t epoch)
{
    assert(image->refs == 1); /* nobody may see an image move */
    assert(offset >= -1 && epoch >= 0);
    image->offset = offset;
    image->epoch = epoch;
}

/* --- reading --- */

int64_t meta_offset(const struct meta_image *image)
{
    return image->offset;
}

int32_t meta_epoch(const struct meta_image *image)
{
    return image->epoch;
}

struct slice meta_cluster_id(const struct meta_image *image)
{
    return image->cluster_id;
}

int64_t meta_next_producer_id(const struct meta_image *image)
{
    return image->producer_ids.next_id;
}

int16_t meta_feature_level(const struct meta_image *image, struct slice name)
{
    const struct feature_item *item = ptree_find(&feature_tree, image->features, &name);
    return item == NULL ? 0 : item->feature.level;
}

const struct meta_feature *meta_feature_next(const struct meta_image *image, struct slice after)
{
    const struct feature_item *item = ptree_after(&feature_tree, image->features,
                                                  after.p == NULL ? NULL : &after);
    return item == NULL ? NULL : &item->feature;
}

const struct meta_broker *meta_broker(const struct meta_image *image, int32_t id)
{
    const struct broker_item *item = ptree_find(&broker_tree, image->brokers, &id);
    return item == NULL ? NULL : &item->broker;
}

const struct meta_broker *meta_broker_next(const struct meta_image *image, int32_t after)
{
    const struct broker_item *item = ptree_after(&broker_tree, image->brokers, &after);
    return item == NULL ? NULL : &item->broker;
}

uint32_t meta_broker_count(const struct meta_image *image)
{
    return ptree_count(image->brokers);
}

const struct meta_endpoint *meta_broker_endpoint(const struct meta_broker *broker,
                                                 struct slice listener)
{
    assert(broker->endpoint_count <= LISTENERS_MAX);
    for (uint32_t i = 0; i < broker->endpoint_count; i++) {
        if (slice_eq(broker->endpoints[i].listener, listener)) {
            return &broker->endpoints[i];
        }
    }
    return NULL;
}

const struct meta_topic *meta_topic(const struct meta_image *image, struct uuid id)
{
    return ptree_find(&topic_tree, image->topics, &id);
}

const struct meta_topic *meta_topic_named(const struct meta_image *image, struct slice name)
{
    const struct name_item *item = ptree_find(&name_tree, image->names, &name);
    return item == NULL ? NULL : meta_topic(image, item->id);
}

const struct meta_topic *meta_topic_next(const struct meta_image *image, struct slice after)
{
    const struct name_item *item = ptree_after(&name_tree, image->names,
                                               after.p == NULL ? NULL : &after);
    if (item == NULL) {
        return NULL;
    }
    const struct meta_topic *topic = meta_topic(image, item->id);
    assert(topic != NULL && slice_eq(topic->name, item->name));
    return topic;
}

uint32_t meta_topic_count(const struct meta_image *image)
{
    assert(ptree_count(image->topics) == ptree_count(image->names));
    return ptree_count(image->topics);
}

uint32_t meta_partition_total(const struct meta_image *image)
{
    return image->partition_total;
}

struct uuid meta_topic_id(const struct meta_topic *topic)
{
    return topic->id;
}

struct slice meta_topic_name(const struct meta_topic *topic)
{
    return topic->name;
}

uint32_t meta_topic_partitions(const struct meta_topic *topic)
{
    return ptree_count(topic->partitions);
}

const struct meta_partition *meta_partition(const struct meta_topic *topic, int32_t index)
{
    const struct partition_item *item = ptree_find(&partition_tree, topic->partitions, &index);
    assert(item == NULL || item->partition.index == index);
    return item == NULL ? NULL : &item->partition;
}

struct slice meta_config_value(const struct meta_image *image, enum meta_resource resource,
                               struct slice name, struct slice key)
{
    const struct config_item *item = ptree_find(&config_tree, image->configs,
                                                &(struct config_key){resource, name, key});
    assert(item == NULL || item->config.value.p != NULL);
    return item == NULL ? (struct slice){0} : item->config.value;
}

bool meta_config_next(const struct meta_image *image, enum meta_resource resource,
                      struct slice name, struct slice after_key, struct slice *ret_key,
                      struct slice *ret_value)
{
    const struct config_item *item = ptree_after(&config_tree, image->configs,
                                                 &(struct config_key){resource, name, after_key});
    if (item == NULL || item->config.resource != resource || !slice_eq(item->config.name, name)) {
        return false;
    }
    *ret_key = item->config.key;
    *ret_value = item->config.value;
    return true;
}

bool meta_config_resource_next(const struct meta_image *image, enum meta_resource resource,
                               struct slice after, struct slice *ret_name)
{
    /* Keys are UTF-8: none comes after this byte. */
    static const uint8_t beyond[] = {0xff};
    const struct config_key key = {resource, after, slice_of(beyond, sizeof(beyond))};
    const struct config_item *item = ptree_after(&config_tree, image->configs, &key);
    if (item == NULL || item->config.resource != resource) {
        return false;
    }
    assert(item->config.name.n > 0 && !slice_eq(item->config.name, after));
    *ret_name = item->config.name;
    return true;
}
