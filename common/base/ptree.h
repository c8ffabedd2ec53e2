/*
 * Persistent ordered tree: many versions of one sorted set, sharing every node that did not change.
 *
 * An AVL tree (Adelson-Velsky and Landis 1962) with path copying and plain reference counts. A version is a root pointer
 * (NULL: empty) that holds one reference; holding it costs O(1) and keeps the version whole. Changing a version copies the
 * nodes on the path that other versions share, and changes in place those that nobody else can see: the first change after
 * a hold costs O(log n) nodes, a thousand changes in a row little more than a thousand nodes.
 *
 * Items are the caller's, counted by the caller: the tree holds one reference of each item per node that points to it.
 * One thread makes, changes, holds and drops versions; others may read one while it is held for them.
 */
#ifndef ODRADEK_BASE_PTREE_H
#define ODRADEK_BASE_PTREE_H

#include "common/base/heap.h"

struct ptree_node;

struct ptree_type {
    /* Like memcmp: key against the key inside the item. */
    int (*compare)(const void *key, const void *item);
    void (*hold)(void *item);
    void (*drop)(struct heap *, void *item);
};

/* The item with this key, or NULL. */
void *ptree_find(const struct ptree_type *, const struct ptree_node *node, const void *key);
/* The first item whose key is greater; key NULL: the very first. NULL at the end. */
void *ptree_after(const struct ptree_type *, const struct ptree_node *node, const void *key);
uint32_t ptree_count(const struct ptree_node *node);

struct ptree_node *ptree_hold(struct ptree_node *node);
void ptree_drop(const struct ptree_type *, struct heap *, struct ptree_node *node);

/* Changes of a version that the caller holds: *root becomes the new version, the reference moves over.
 * put adds the item, or replaces the one with the same key, and takes over the caller's reference of the item.
 * edit makes the path to an item that is there private and returns where the tree keeps its pointer, so that the caller
 * may exchange the item for one with the same key.
 * false and NULL: out of memory. *root can then only be dropped, and an item given to put is still the caller's. */
bool ptree_put(const struct ptree_type *, struct heap *, struct ptree_node **root, const void *key,
               void *item) MUST_USE;
void **ptree_edit(const struct ptree_type *, struct heap *, struct ptree_node **root,
                  const void *key) MUST_USE;
/* Taking out what is not there changes nothing. */
bool ptree_remove(const struct ptree_type *, struct heap *, struct ptree_node **root,
                  const void *key) MUST_USE;

/* Invariants: order, heights, counts. */
void ptree_check(const struct ptree_type *, const struct ptree_node *node,
                 const void *(*key_of)(const void *item));

#endif
