/*
 * Deleted topics. A shard that is in use is told at once; one that is being loaded, or that nobody leads, is told when it begins:
 * the last ones are remembered for that. A topic of the same name that was made meanwhile keeps what was committed under it by
 * another coordinator, who knew of the deletion; what was in the log of a shard that was only being loaded goes all the same.
 */
#include "broker/coord/coord_internal.h"

static struct slice name_of(const struct gone_topic *gone)
{
    assert(gone->bytes <= sizeof(gone->name));
    return slice_of(gone->name, gone->bytes);
}

/* Over the oldest one: what is forgotten expires by age. */
static void remember(struct coords *coords, struct slice name)
{
    uint64_t number = atomic_fetch_add(&coords->gone_number, 1) + 1;
    struct gone_topic *gone = &coords->gone[number % GONE_MAX];
    assert(name.n > 0 && name.n <= sizeof(gone->name));
    *gone = (struct gone_topic){.number = number, .bytes = name.n};
    memcpy(gone->name, name.p, name.n);
}

static void came_back(struct coords *coords, struct slice name)
{
    for (size_t i = 0; i < GONE_MAX; i++) {
        struct gone_topic *gone = &coords->gone[i];
        gone->back = gone->back || slice_eq(name_of(gone), name);
    }
}

static void tell(struct coord_shard *shard, struct slice name)
{
    struct group_event event = {.kind = GROUP_TOPIC_GONE, .topic_gone = name};
    shard_enter(shard);
    while (shard->state == SHARD_ACTIVE && shard_step(shard, &event)) {}
    shard_leave(shard);
}

void gone_apply(struct coords *coords, struct shard_table *table, const struct meta_image *old,
                const struct meta_image *image, const struct meta_changes *changes)
{
    for (size_t i = 0; old != NULL && changes != NULL && i < changes->count; i++) {
        const struct meta_change *change = &changes->items[i];
        if (change->kind != META_CHANGED_TOPIC) {
            continue;
        }
        const struct meta_topic *before = meta_topic(old, change->topic);
        const struct meta_topic *now = meta_topic(image, change->topic);
        if (before == NULL && now != NULL) {
            came_back(coords, meta_topic_name(now));
        } else if (before != NULL && now == NULL) {
            remember(coords, meta_topic_name(before)); /* before anybody who begins now looks */
            for (uint32_t k = 0; table != NULL && k < table->count; k++) {
                tell(&table->shards[k], meta_topic_name(before));
            }
        }
    }
}

void gone_on_begun(struct mail *mail)
{
    struct coord_shard *shard = CONTAINER_OF(mail, struct coord_shard, gone_mail);
    struct coords *coords = shard->coords;
    shard_enter(shard);
    shard->gone_posted = false;
    uint64_t begun = shard->gone_number, wanted = shard->wanted_gone;
    shard_leave(shard);
    for (size_t i = 0; i < GONE_MAX; i++) {
        const struct gone_topic *gone = &coords->gone[i];
        if (gone->number > 0 && gone->number <= begun && (gone->number > wanted || !gone->back)) {
            tell(shard, name_of(gone));
        }
    }
}
