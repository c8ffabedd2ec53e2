/*
 * Deleted topics. A shard that is in use is told before any request sees the image; one that is being loaded, or that nobody leads,
 * is told as it begins, before anybody commits: the last ones are remembered for that. What goes is what was stored in the topic of
 * that id. Where the log does not tell the id: a topic of the same name that was made meanwhile keeps what was committed under it by
 * another coordinator, and what this one has stored since it was told; what was in the log of a shard that was only being loaded
 * goes all the same.
 */
#include "broker/coord/coord_internal.h"

static struct slice name_of(const struct gone_topic *gone)
{
    assert(gone->bytes <= sizeof(gone->name));
    return slice_of(gone->name, gone->bytes);
}

/* Over the oldest one: what is forgotten expires by age. */
static void remember(struct coords *coords, struct slice name, struct uuid id)
{
    lock_enter(coords->gone_lock);
    uint64_t number = atomic_fetch_add(&coords->gone_number, 1) + 1;
    struct gone_topic *gone = &coords->gone[number % GONE_MAX];
    assert(name.n > 0 && name.n <= sizeof(gone->name));
    *gone = (struct gone_topic){.number = number, .id = id, .bytes = name.n};
    memcpy(gone->name, name.p, name.n);
    lock_leave(coords->gone_lock);
}

/* Looked up, not followed: a snapshot tells of topics in the order of their ids, and images may have been passed over. */
static void who_is_back(struct coords *coords, const struct meta_image *image)
{
    lock_enter(coords->gone_lock);
    for (size_t i = 0; i < GONE_MAX; i++) {
        struct gone_topic *gone = &coords->gone[i];
        gone->back = gone->back ||
                     (gone->number > 0 && meta_topic_named(image, name_of(gone)) != NULL);
    }
    lock_leave(coords->gone_lock);
}

/* Inside. */
static void forget(struct coord_shard *shard, struct slice name, struct uuid id, bool told_only)
{
    struct group_event event = {.kind = GROUP_TOPIC_GONE, .topic_gone = {name, id, told_only}};
    while (shard->state == SHARD_ACTIVE && shard_step(shard, &event)) {}
}

static void tell(struct coord_shard *shard, const struct meta_topic *topic)
{
    shard_enter(shard);
    forget(shard, meta_topic_name(topic), meta_topic_id(topic), false);
    shard->told_gone = atomic_load(
        &shard->coords->gone_number); /* of nothing, unless it is ACTIVE */
    shard_leave(shard);
}

void gone_apply(struct coords *coords, struct shard_table *table, const struct meta_image *old,
                const struct meta_image *image, const struct meta_changes *changes)
{
    bool moved = false;
    assert(old != NULL && changes != NULL);
    for (size_t i = 0; i < changes->count; i++) {
        const struct meta_change *change = &changes->items[i];
        if (change->kind != META_CHANGED_TOPIC) {
            continue;
        }
        moved = true;
        const struct meta_topic *before = meta_topic(old, change->topic);
        if (before != NULL && meta_topic(image, change->topic) == NULL) {
            atomic_store(&coords->gone_version, meta_offset(image));
            /* Before anybody who begins now looks. */
            remember(coords, meta_topic_name(before), change->topic);
            for (uint32_t k = 0; table != NULL && k < table->count; k++) {
                tell(&table->shards[k], before);
            }
        }
    }
    if (moved) {
        who_is_back(coords, image);
    }
}

void gone_copy(struct coords *coords, struct gone_topics *ret_copy)
{
    lock_enter(coords->gone_lock);
    ret_copy->number = atomic_load(&coords->gone_number);
    memcpy(ret_copy->items, coords->gone, sizeof(ret_copy->items));
    lock_leave(coords->gone_lock);
}

void gone_begin(struct coord_shard *shard, const struct gone_topics *topics)
{
    uint64_t wanted = shard->wanted_gone;
    assert(shard->state == SHARD_ACTIVE);
    for (size_t i = 0; i < GONE_MAX; i++) {
        const struct gone_topic *gone = &topics->items[i];
        if (gone->number > 0) {
            forget(shard, name_of(gone), gone->id, gone->number <= wanted && gone->back);
        }
    }
    shard->told_gone = topics->number;
}
