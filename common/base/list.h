/*
 * Intrusive doubly linked ring: a node inside each member, no memory of its own, nothing can fail.
 * A node that is in no list has next == NULL (zeroed memory is a valid idle node).
 */
#ifndef ODRADEK_BASE_LIST_H
#define ODRADEK_BASE_LIST_H

#include "common/base/types.h"

struct list_node {
    struct list_node *next;
    struct list_node *prev;
};

struct list {
    struct list_node head;
};

static inline void list_init(struct list *list)
{
    list->head.next = &list->head;
    list->head.prev = &list->head;
}

static inline bool list_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

static inline bool list_linked(const struct list_node *node)
{
    return node->next != NULL;
}

static inline void list_insert_before(struct list_node *before, struct list_node *node)
{
    assert(node->next == NULL);
    node->next = before;
    node->prev = before->prev;
    before->prev->next = node;
    before->prev = node;
}

static inline void list_push(struct list *list, struct list_node *node)
{
    list_insert_before(&list->head, node);
}

/* Takes the node out of its list; an idle node stays idle. */
static inline void list_remove(struct list_node *node)
{
    if (node->next != NULL) {
        node->next->prev = node->prev;
        node->prev->next = node->next;
        node->next = NULL;
        node->prev = NULL;
    }
}

/* The first node without removing it, or NULL. */
static inline struct list_node *list_first(const struct list *list)
{
    return list_empty(list) ? NULL : list->head.next;
}

static inline struct list_node *list_pop(struct list *list)
{
    struct list_node *node = list_first(list);
    if (node != NULL) {
        assert(node->next != node && node->prev == &list->head);
        list->head.next = node->next;
        node->next->prev = &list->head;
        node->next = NULL;
        node->prev = NULL;
    }
    return node;
}

/* All nodes of another list, in their order, into one that is empty. */
static inline void list_take(struct list *list, struct list *from)
{
    assert(list_empty(list));
    if (!list_empty(from)) {
        list->head = from->head;
        list->head.next->prev = &list->head;
        list->head.prev->next = &list->head;
        list_init(from);
    }
}

#define LIST_EACH(list, node) \
    for (struct list_node *node = (list)->head.next; node != &(list)->head; node = node->next)

#endif
