#include "common/base/ptree.h"

struct ptree_node {
    struct ptree_node *left;
    struct ptree_node *right;
    void *item;
    uint32_t refs;
    uint32_t count; /* of this subtree */
    uint32_t height;
    uint32_t pad;
};

/* More than 2^32 items do not fit the counts, and an AVL tree of so many is at most 1.44 * 32 high. */
#define HEIGHT_MAX 48u

static uint32_t height_of(const struct ptree_node *node)
{
    return node == NULL ? 0 : node->height;
}

uint32_t ptree_count(const struct ptree_node *node)
{
    return node == NULL ? 0 : node->count;
}

void *ptree_find(const struct ptree_type *type, const struct ptree_node *node, const void *key)
{
    assert(key != NULL);
    while (node != NULL) {
        int c = type->compare(key, node->item);
        if (c == 0) {
            return node->item;
        }
        node = c < 0 ? node->left : node->right;
    }
    return NULL;
}

void *ptree_after(const struct ptree_type *type, const struct ptree_node *node, const void *key)
{
    void *best = NULL;
    while (node != NULL) {
        if (key == NULL || type->compare(key, node->item) < 0) {
            best = node->item;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return best;
}

struct ptree_node *ptree_hold(struct ptree_node *node)
{
    if (node != NULL) {
        assert(node->refs > 0 && node->refs < UINT32_MAX);
        node->refs++;
    }
    return node;
}

void ptree_drop(const struct ptree_type *type, struct heap *heap, struct ptree_node *node)
{
    if (node == NULL) {
        return;
    }
    assert(node->refs > 0);
    if (--node->refs == 0) {
        ptree_drop(type, heap, node->left);
        ptree_drop(type, heap, node->right);
        type->drop(heap, node->item);
        heap_free(heap, node, sizeof(*node));
    }
}

/* Makes the node behind this pointer one that no other version sees. */
static bool node_own(const struct ptree_type *type, struct heap *heap, struct ptree_node **at)
{
    struct ptree_node *node = *at;
    assert(node != NULL);
    if (node->refs == 1) {
        return true;
    }
    struct ptree_node *copy = HEAP_NEW(heap, struct ptree_node);
    if (copy == NULL) {
        return false;
    }
    *copy = *node;
    copy->refs = 1;
    type->hold(copy->item);
    (void)ptree_hold(copy->left);
    (void)ptree_hold(copy->right);
    node->refs--;
    *at = copy;
    return true;
}

static void node_measure(struct ptree_node *node)
{
    assert(node->refs == 1);
    uint32_t left = height_of(node->left);
    uint32_t right = height_of(node->right);
    node->height = 1 + (left > right ? left : right);
    node->count = 1 + ptree_count(node->left) + ptree_count(node->right);
    assert(node->height <= HEIGHT_MAX);
}

/* Rotations: the node and the child that comes up are private already. */
static void rotate_right(struct ptree_node **at)
{
    struct ptree_node *node = *at;
    struct ptree_node *up = node->left;
    assert(up != NULL && up->refs == 1);
    node->left = up->right;
    up->right = node;
    node_measure(node);
    node_measure(up);
    *at = up;
}

static void rotate_left(struct ptree_node **at)
{
    struct ptree_node *node = *at;
    struct ptree_node *up = node->right;
    assert(up != NULL && up->refs == 1);
    node->right = up->left;
    up->left = node;
    node_measure(node);
    node_measure(up);
    *at = up;
}

/* After one of the subtrees of a private node grew or shrank by one. */
static bool node_balance(const struct ptree_type *type, struct heap *heap, struct ptree_node **at)
{
    struct ptree_node *node = *at;
    uint32_t left = height_of(node->left);
    uint32_t right = height_of(node->right);
    if (left > right + 1) {
        assert(left == right + 2);
        if (!node_own(type, heap, &node->left)) {
            return false;
        }
        if (height_of(node->left->left) < height_of(node->left->right)) {
            if (!node_own(type, heap, &node->left->right)) {
                return false;
            }
            rotate_left(&node->left);
        }
        rotate_right(at);
    } else if (right > left + 1) {
        assert(right == left + 2);
        if (!node_own(type, heap, &node->right)) {
            return false;
        }
        if (height_of(node->right->right) < height_of(node->right->left)) {
            if (!node_own(type, heap, &node->right->left)) {
                return false;
            }
            rotate_right(&node->right);
        }
        rotate_left(at);
    } else {
        node_measure(node);
    }
    return true;
}

bool ptree_put(const struct ptree_type *type, struct heap *heap, struct ptree_node **at,
               const void *key, void *item)
{
    assert(key != NULL && item != NULL);
    if (*at == NULL) {
        struct ptree_node *node = HEAP_NEW(heap, struct ptree_node);
        if (node == NULL) {
            return false;
        }
        *node = (struct ptree_node){.item = item, .refs = 1, .count = 1, .height = 1};
        *at = node;
        return true;
    }
    if (!node_own(type, heap, at)) {
        return false;
    }
    struct ptree_node *node = *at;
    int c = type->compare(key, node->item);
    if (c == 0) {
        type->drop(heap, node->item);
        node->item = item;
        return true;
    }
    if (!ptree_put(type, heap, c < 0 ? &node->left : &node->right, key, item)) {
        return false;
    }
    /* A failed rotation comes after the item went in: give the caller's reference a twin, for it is still the caller's. */
    if (!node_balance(type, heap, at)) {
        type->hold(item);
        return false;
    }
    return true;
}

void **ptree_edit(const struct ptree_type *type, struct heap *heap, struct ptree_node **root,
                  const void *key)
{
    assert(key != NULL);
    struct ptree_node **at = root;
    for (;;) {
        assert(*at != NULL); /* it is there, says the contract */
        if (!node_own(type, heap, at)) {
            return NULL;
        }
        int c = type->compare(key, (*at)->item);
        if (c == 0) {
            return &(*at)->item;
        }
        at = c < 0 ? &(*at)->left : &(*at)->right;
    }
}

/* Takes the leftmost item out of a tree that is not empty; its reference goes to the caller. */
static bool take_first(const struct ptree_type *type, struct heap *heap, struct ptree_node **at,
                       void **ret_item)
{
    if (!node_own(type, heap, at)) {
        return false;
    }
    struct ptree_node *node = *at;
    if (node->left == NULL) {
        *ret_item = node->item;
        *at = node->right;
        heap_free(heap, node, sizeof(*node));
        return true;
    }
    if (!take_first(type, heap, &node->left, ret_item)) {
        return false;
    }
    if (!node_balance(type, heap, at)) {
        type->drop(heap, *ret_item);
        return false;
    }
    return true;
}

/* Takes the private node *at out of the tree. */
static bool node_remove(const struct ptree_type *type, struct heap *heap, struct ptree_node **at)
{
    struct ptree_node *node = *at;
    assert(node->refs == 1);
    if (node->left == NULL || node->right == NULL) {
        *at = node->left == NULL ? node->right : node->left;
        type->drop(heap, node->item);
        heap_free(heap, node, sizeof(*node));
        return true;
    }
    void *next = NULL;
    if (!take_first(type, heap, &node->right, &next)) {
        return false;
    }
    type->drop(heap, node->item);
    node->item = next;
    return node_balance(type, heap, at);
}

static bool remove_there(const struct ptree_type *type, struct heap *heap, struct ptree_node **at,
                         const void *key)
{
    assert(*at != NULL);
    if (!node_own(type, heap, at)) {
        return false;
    }
    int c = type->compare(key, (*at)->item);
    if (c == 0) {
        return node_remove(type, heap, at);
    }
    return remove_there(type, heap, c < 0 ? &(*at)->left : &(*at)->right, key) &&
           node_balance(type, heap, at);
}

bool ptree_remove(const struct ptree_type *type, struct heap *heap, struct ptree_node **root,
                  const void *key)
{
    return ptree_find(type, *root, key) == NULL || remove_there(type, heap, root, key);
}

void ptree_check(const struct ptree_type *type, const struct ptree_node *node,
                 const void *(*key_of)(const void *item))
{
    if (node == NULL) {
        return;
    }
    uint32_t left = height_of(node->left);
    uint32_t right = height_of(node->right);
    assert(node->refs > 0 && node->item != NULL);
    assert(left <= right + 1 && right <= left + 1);
    assert(node->height == 1 + (left > right ? left : right));
    assert(node->count == 1 + ptree_count(node->left) + ptree_count(node->right));
    assert(node->left == NULL || type->compare(key_of(node->left->item), node->item) < 0);
    assert(node->right == NULL || type->compare(key_of(node->right->item), node->item) > 0);
    ptree_check(type, node->left, key_of);
    ptree_check(type, node->right, key_of);
}
