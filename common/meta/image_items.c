#include "common/meta/image_internal.h"

/* Puts a copy of the slice at *at and moves on. NULL stays NULL. */
static struct slice text_put(uint8_t **at, struct slice from)
{
    if (from.p == NULL) {
        return (struct slice){0};
    }
    struct slice copy = slice_of(*at, from.n);
    if (from.n > 0) {
        memcpy(*at, from.p, from.n);
    }
    *at += from.n;
    return copy;
}

static int compare_i32(int32_t a, int32_t b)
{
    return (a > b) - (a < b);
}

/* --- brokers --- */

static size_t broker_text_bytes(const struct meta_broker *broker)
{
    size_t n = broker->rack.n;
    for (uint32_t i = 0; i < broker->endpoint_count; i++) {
        n += broker->endpoints[i].listener.n + broker->endpoints[i].host.n;
    }
    return n + 1; /* so that an empty value has a place to point at */
}

struct broker_item *broker_item_new(struct heap *heap, const struct meta_broker *broker)
{
    assert(broker->endpoint_count <= LISTENERS_MAX && broker->dir_count <= LOG_DIRS_MAX);
    struct broker_item *item = HEAP_NEW(heap, struct broker_item);
    if (item == NULL) {
        return NULL;
    }
    size_t bytes = broker_text_bytes(broker);
    uint8_t *text = heap_alloc(heap, bytes);
    if (text == NULL) {
        heap_free(heap, item, sizeof(*item));
        return NULL;
    }
    *item = (struct broker_item){.refs = 1, .broker = *broker, .text = text, .text_bytes = bytes};
    uint8_t *at = text;
    item->broker.rack = text_put(&at, broker->rack);
    for (uint32_t i = 0; i < broker->endpoint_count; i++) {
        item->broker.endpoints[i].listener = text_put(&at, broker->endpoints[i].listener);
        item->broker.endpoints[i].host = text_put(&at, broker->endpoints[i].host);
    }
    assert(at < text + bytes);
    return item;
}

static int broker_compare(const void *key, const void *item)
{
    return compare_i32(*(const int32_t *)key, ((const struct broker_item *)item)->broker.id);
}

static void broker_hold(void *item)
{
    ((struct broker_item *)item)->refs++;
}

static void broker_drop(struct heap *heap, void *p)
{
    struct broker_item *item = p;
    assert(item->refs > 0);
    if (--item->refs == 0) {
        heap_free(heap, item->text, item->text_bytes);
        heap_free(heap, item, sizeof(*item));
    }
}

const struct ptree_type broker_tree = {broker_compare, broker_hold, broker_drop};

/* --- topics and their names --- */

struct meta_topic *topic_item_new(struct heap *heap, const struct meta_topic_record *record)
{
    struct meta_topic *item = HEAP_NEW(heap, struct meta_topic);
    if (item == NULL) {
        return NULL;
    }
    *item = (struct meta_topic){.refs = 1, .id = record->id};
    if (!heap_copy(heap, record->name, &item->name)) {
        heap_free(heap, item, sizeof(*item));
        return NULL;
    }
    return item;
}

struct meta_topic *topic_item_clone(struct heap *heap, const struct meta_topic *topic)
{
    struct meta_topic *copy = topic_item_new(
        heap, &(struct meta_topic_record){.id = topic->id, .name = topic->name});
    if (copy != NULL) {
        copy->partitions = ptree_hold(topic->partitions);
    }
    return copy;
}

static int topic_compare(const void *key, const void *item)
{
    return uuid_cmp(*(const struct uuid *)key, ((const struct meta_topic *)item)->id);
}

static void topic_hold(void *item)
{
    ((struct meta_topic *)item)->refs++;
}

static void topic_drop(struct heap *heap, void *p)
{
    struct meta_topic *item = p;
    assert(item->refs > 0);
    if (--item->refs == 0) {
        ptree_drop(&partition_tree, heap, item->partitions);
        heap_free(heap, (void *)item->name.p, item->name.n);
        heap_free(heap, item, sizeof(*item));
    }
}

const struct ptree_type topic_tree = {topic_compare, topic_hold, topic_drop};

struct name_item *name_item_new(struct heap *heap, const struct meta_topic_record *record)
{
    struct name_item *item = HEAP_NEW(heap, struct name_item);
    if (item == NULL) {
        return NULL;
    }
    *item = (struct name_item){.refs = 1, .id = record->id};
    if (!heap_copy(heap, record->name, &item->name)) {
        heap_free(heap, item, sizeof(*item));
        return NULL;
    }
    return item;
}

static int name_compare(const void *key, const void *item)
{
    return slice_cmp(*(const struct slice *)key, ((const struct name_item *)item)->name);
}

static void name_hold(void *item)
{
    ((struct name_item *)item)->refs++;
}

static void name_drop(struct heap *heap, void *p)
{
    struct name_item *item = p;
    assert(item->refs > 0);
    if (--item->refs == 0) {
        heap_free(heap, (void *)item->name.p, item->name.n);
        heap_free(heap, item, sizeof(*item));
    }
}

const struct ptree_type name_tree = {name_compare, name_hold, name_drop};

/* --- partitions --- */

struct partition_item *partition_item_new(struct heap *heap, const struct meta_partition *partition)
{
    struct partition_item *item = HEAP_NEW(heap, struct partition_item);
    if (item != NULL) {
        *item = (struct partition_item){.refs = 1, .partition = *partition};
    }
    return item;
}

static int partition_compare(const void *key, const void *item)
{
    return compare_i32(*(const int32_t *)key,
                       ((const struct partition_item *)item)->partition.index);
}

static void partition_hold(void *item)
{
    ((struct partition_item *)item)->refs++;
}

static void partition_drop(struct heap *heap, void *p)
{
    struct partition_item *item = p;
    assert(item->refs > 0);
    if (--item->refs == 0) {
        heap_free(heap, item, sizeof(*item));
    }
}

const struct ptree_type partition_tree = {partition_compare, partition_hold, partition_drop};

/* --- settings --- */

struct config_item *config_item_new(struct heap *heap, const struct meta_config *config)
{
    assert(config->value.p != NULL);
    struct config_item *item = HEAP_NEW(heap, struct config_item);
    if (item == NULL) {
        return NULL;
    }
    size_t bytes = config->name.n + config->key.n + config->value.n + 1;
    uint8_t *text = heap_alloc(heap, bytes);
    if (text == NULL) {
        heap_free(heap, item, sizeof(*item));
        return NULL;
    }
    *item = (struct config_item){.refs = 1, .config = *config, .text = text, .text_bytes = bytes};
    uint8_t *at = text;
    item->config.name = text_put(&at, config->name.p == NULL ? slice_of("", 0) : config->name);
    item->config.key = text_put(&at, config->key);
    item->config.value = text_put(&at, config->value);
    assert(at < text + bytes);
    return item;
}

static int config_compare(const void *key, const void *item)
{
    const struct config_key *a = key;
    const struct meta_config *b = &((const struct config_item *)item)->config;
    int c = compare_i32((int32_t)a->resource, (int32_t)b->resource);
    c = c != 0 ? c : slice_cmp(a->name, b->name);
    return c != 0 ? c : slice_cmp(a->key, b->key);
}

static void config_hold(void *item)
{
    ((struct config_item *)item)->refs++;
}

static void config_drop(struct heap *heap, void *p)
{
    struct config_item *item = p;
    assert(item->refs > 0);
    if (--item->refs == 0) {
        heap_free(heap, item->text, item->text_bytes);
        heap_free(heap, item, sizeof(*item));
    }
}

const struct ptree_type config_tree = {config_compare, config_hold, config_drop};

/* --- features --- */

struct feature_item *feature_item_new(struct heap *heap, const struct meta_feature *feature)
{
    struct feature_item *item = HEAP_NEW(heap, struct feature_item);
    if (item == NULL) {
        return NULL;
    }
    *item = (struct feature_item){.refs = 1, .feature = *feature};
    if (!heap_copy(heap, feature->name, &item->feature.name)) {
        heap_free(heap, item, sizeof(*item));
        return NULL;
    }
    return item;
}

static int feature_compare(const void *key, const void *item)
{
    return slice_cmp(*(const struct slice *)key, ((const struct feature_item *)item)->feature.name);
}

static void feature_hold(void *item)
{
    ((struct feature_item *)item)->refs++;
}

static void feature_drop(struct heap *heap, void *p)
{
    struct feature_item *item = p;
    assert(item->refs > 0);
    if (--item->refs == 0) {
        heap_free(heap, (void *)item->feature.name.p, item->feature.name.n);
        heap_free(heap, item, sizeof(*item));
    }
}

const struct ptree_type feature_tree = {feature_compare, feature_hold, feature_drop};
