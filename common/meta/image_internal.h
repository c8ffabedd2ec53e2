/*
 * Inside the image: its trees and their items. image.c makes, drops and reads; image_items.c knows the items;
 * image_apply.c applies records; image_changes.c lists what differs; image_records.c turns an image into records and hashes.
 *
 * Every item is counted: one reference per tree node that points to it. An item never changes once it is in a tree that
 * somebody else may hold; image_apply.c exchanges it.
 */
#ifndef ODRADEK_META_IMAGE_INTERNAL_H
#define ODRADEK_META_IMAGE_INTERNAL_H

#include "common/base/ptree.h"
#include "common/meta/image.h"

struct broker_item {
    uint32_t refs;
    struct meta_broker broker; /* its slices lie in text */
    uint8_t *text;
    size_t text_bytes;
};

struct meta_topic {
    uint32_t refs;
    struct uuid id;
    struct slice name; /* its own */
    struct ptree_node *partitions;
};

/* name -> id: does not change when a partition does. */
struct name_item {
    uint32_t refs;
    struct uuid id;
    struct slice name; /* its own */
};

struct partition_item {
    uint32_t refs;
    struct meta_partition partition;
};

struct config_item {
    uint32_t refs;
    struct meta_config config; /* its slices lie in text */
    uint8_t *text;
    size_t text_bytes;
};

struct feature_item {
    uint32_t refs;
    struct meta_feature feature; /* name is its own */
};

struct config_key {
    enum meta_resource resource;
    struct slice name;
    struct slice key;
};

struct meta_image {
    uint32_t refs;
    int32_t epoch;
    int64_t offset;
    struct slice cluster_id; /* its own */
    struct meta_producer_ids producer_ids;
    uint32_t partition_total;
    struct ptree_node *brokers;  /* broker_item by id */
    struct ptree_node *topics;   /* meta_topic by id */
    struct ptree_node *names;    /* name_item by name */
    struct ptree_node *configs;  /* config_item by resource, name, key */
    struct ptree_node *features; /* feature_item by name */
};

extern const struct ptree_type broker_tree;
extern const struct ptree_type topic_tree;
extern const struct ptree_type name_tree;
extern const struct ptree_type partition_tree;
extern const struct ptree_type config_tree;
extern const struct ptree_type feature_tree;

/* Copies with one reference; NULL: out of memory. */
struct broker_item *broker_item_new(struct heap *, const struct meta_broker *);
struct meta_topic *topic_item_new(struct heap *, const struct meta_topic_record *);
/* Shares the partitions. */
struct meta_topic *topic_item_clone(struct heap *, const struct meta_topic *);
struct name_item *name_item_new(struct heap *, const struct meta_topic_record *);
struct partition_item *partition_item_new(struct heap *, const struct meta_partition *);
struct config_item *config_item_new(struct heap *, const struct meta_config *);
struct feature_item *feature_item_new(struct heap *, const struct meta_feature *);

/* A copy that may be changed before anybody else sees it, held once; NULL: out of memory. */
struct meta_image *image_clone(struct meta_store *, const struct meta_image *);

/* What a batch has touched so far, each subject once. */
struct touched {
    struct arena *arena; /* NULL: nobody asked */
    struct meta_change *items;
    size_t count;
    size_t room;
    uint32_t *slots; /* index + 1 */
    size_t slot_count;
};

err_t touched_add(struct touched *, const struct meta_change *) MUST_USE;
err_t touched_topic(struct touched *, struct uuid topic) MUST_USE;
err_t touched_partition(struct touched *, struct uuid topic, int32_t partition) MUST_USE;
err_t touched_config(struct touched *, enum meta_resource, struct slice name) MUST_USE;

#endif
