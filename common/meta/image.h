/*
 * The cluster image: all metadata at one offset of the controllers' log. Immutable; the next one shares what did not change
 * (persistent trees), so a batch costs O(changed * log n) and an old image stays whole as long as somebody holds it.
 *
 * Threads: an image is made, held (meta_image_hold) and dropped (meta_image_drop) on ONE thread, the owner of the store.
 * Other threads may read an image while the owner holds it for them; how they tell that they are done is the shell's
 * business (broker/meta: by mail). Reading takes no lock and no count.
 *
 * The same image and the same apply serve controllers (which decide on it) and brokers (which follow it), so both see the
 * same truth. A record that does not fit the image (unknown topic, partition of a deleted topic, an epoch that goes back,
 * another leader within one leader epoch) is a broken log: ERR_CORRUPT, and nothing is changed.
 * A topic that goes takes its partitions and its settings with it.
 */
#ifndef ODRADEK_META_IMAGE_H
#define ODRADEK_META_IMAGE_H

#include "common/base/hash.h"
#include "common/base/heap.h"
#include "common/meta/record.h"

struct meta_image;
struct meta_topic;

/* Makes images on a heap. */
struct meta_store {
    struct heap *heap;
};

/* What a batch (or a snapshot against the image before it) touched; each subject once, in the order of first touch. */
enum meta_change_kind {
    META_CHANGED_BROKER,    /* came, changed or went */
    META_CHANGED_TOPIC,     /* came or went; `topic` is its id */
    META_CHANGED_PARTITION, /* came, changed, or went with its topic */
    META_CHANGED_CONFIG,    /* of `resource` */
    META_CHANGED_OTHER,     /* cluster id, features, producer ids */
};

struct meta_change {
    enum meta_change_kind kind;
    int32_t broker;
    struct uuid topic;
    int32_t partition;
    enum meta_resource resource;
    struct slice name; /* of the resource; in the arena given to apply */
};

struct meta_changes {
    struct meta_change *items; /* in the arena given to apply or diff */
    size_t count;
};

void meta_store_init(struct meta_store *, struct heap *);

/* The image before the first record: offset -1, epoch 0. NULL: out of memory. Held once. */
struct meta_image *meta_image_empty(struct meta_store *) MUST_USE;
void meta_image_hold(struct meta_image *);
void meta_image_drop(struct meta_store *, struct meta_image *);

/* The image after one batch, held once; `old` stays as it is. offset and epoch: of the log entry.
 * ret_changes may be NULL. ERR_CORRUPT, ERR_NO_MEMORY. */
err_t meta_image_apply(struct meta_store *, const struct meta_image *old, struct meta_batch,
                       int64_t offset, int32_t epoch, struct arena *,
                       struct meta_changes *ret_changes, struct meta_image **ret_image) MUST_USE;

/* What differs between two images that need not share anything (after a snapshot was loaded). */
err_t meta_image_diff(const struct meta_image *old, const struct meta_image *new_image,
                      struct arena *, struct meta_changes *ret_changes) MUST_USE;

/* Sets the position of an image that was built from a snapshot's records. */
void meta_image_position(struct meta_image *, int64_t offset, int32_t epoch);

/* The records that build this image from the empty one, in batches of at most `max`: start with *cursor zeroed; count 0 at
 * the end. Slices borrow from the image. Order: cluster, features, brokers, topics with their partitions, configs, ids. */
struct meta_cursor {
    uint32_t phase;
    bool inside; /* the rest says where */
    int32_t number;
    struct uuid topic;
    struct slice name;
    struct slice key;
};
err_t meta_image_records(const struct meta_image *, struct meta_cursor *, struct arena *,
                         uint32_t max, struct meta_batch *ret_batch) MUST_USE;

/* A fingerprint over everything in the image (not its position): equal images have equal ones. */
uint64_t meta_image_hash(const struct meta_image *);

/* --- reading --- */

int64_t meta_offset(const struct meta_image *); /* of the last batch applied; -1: none */
int32_t meta_epoch(const struct meta_image *);
struct slice meta_cluster_id(const struct meta_image *); /* NULL before the first record */
int64_t meta_next_producer_id(const struct meta_image *);
/* 0 when the feature is not set. */
int16_t meta_feature_level(const struct meta_image *, struct slice name);
/* Features in the order of their names: start with the NULL slice; NULL at the end. */
const struct meta_feature *meta_feature_next(const struct meta_image *, struct slice after);

const struct meta_broker *meta_broker(const struct meta_image *, int32_t id); /* or NULL */
const struct meta_broker *meta_broker_next(const struct meta_image *,
                                           int32_t after); /* by id; start with -1 */
uint32_t meta_broker_count(const struct meta_image *);
/* The endpoint of that listener name, or NULL. */
const struct meta_endpoint *meta_broker_endpoint(const struct meta_broker *, struct slice listener);

const struct meta_topic *meta_topic(const struct meta_image *, struct uuid id);
const struct meta_topic *meta_topic_named(const struct meta_image *, struct slice name);
/* The first topic whose name comes after `after` in bytewise order; NULL slice: the very first. */
const struct meta_topic *meta_topic_next(const struct meta_image *, struct slice after);
uint32_t meta_topic_count(const struct meta_image *);
uint32_t meta_partition_total(const struct meta_image *);

struct uuid meta_topic_id(const struct meta_topic *);
struct slice meta_topic_name(const struct meta_topic *);
uint32_t meta_topic_partitions(const struct meta_topic *);
const struct meta_partition *meta_partition(const struct meta_topic *, int32_t index); /* or NULL */

/* The value set for this resource itself (no defaults, no synonyms); NULL slice: not set. */
struct slice meta_config_value(const struct meta_image *, enum meta_resource, struct slice name,
                               struct slice key);
/* Settings of a resource by key order: start with the NULL slice; false at the end. */
bool meta_config_next(const struct meta_image *, enum meta_resource, struct slice name,
                      struct slice after_key, struct slice *ret_key, struct slice *ret_value);
/* Resources of this kind for which something is set, by name: start with the NULL slice; false at the end. Names are not
 * empty. */
bool meta_config_resource_next(const struct meta_image *, enum meta_resource, struct slice after,
                               struct slice *ret_name);

#endif
