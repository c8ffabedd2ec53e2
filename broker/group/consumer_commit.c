/* Whether a member of a consumer group may commit. */
#include "broker/group/consumer_internal.h"

/* What the member holds of a topic by this name; NULL: nothing. */
static const struct consumer_part *held(const struct consumer_member *m,
                                        const struct meta_image *image,
                                        const struct group_offset_item *item)
{
    assert(image != NULL);
    const struct meta_topic *named = meta_topic_named(image, item->topic);
    const struct consumer_topic *topic =
        named == NULL ? NULL : consumer_topic_known(m->group->consumer, meta_topic_id(named));
    if (topic == NULL) {
        return NULL;
    }
    const struct consumer_part *part = parts_find(&m->assigned, topic->slot, item->partition);
    return part != NULL ? part : parts_find(&m->revoking, topic->slot, item->partition);
}

/* A commit of an older epoch is as good as a newer one where each partition has been the member's since then (KIP-1251). */
static bool held_since(const struct consumer_member *m, const struct group_event *event)
{
    assert(event->who.generation < m->epoch &&
           (event->commit.count == 0 || event->commit.items != NULL));
    for (uint32_t i = 0; i < event->commit.count; i++) {
        const struct consumer_part *part = held(m, event->image, &event->commit.items[i]);
        if (part == NULL || part->epoch > event->who.generation) {
            return false;
        }
    }
    return true;
}

enum kafka_error consumer_may_commit(const struct group *group, const struct group_event *event)
{
    const struct consumer *c = group->consumer;
    assert(c != NULL);
    int32_t told = event->who.generation;
    if (told < 0 && c->members.count == 0) {
        return KAFKA_NONE; /* an administrator */
    }
    const struct consumer_member *m = consumer_member_find(c, event->who.member_id);
    if (m == NULL) {
        return KAFKA_UNKNOWN_MEMBER_ID;
    }
    if (!m->classic && event->commit.old) {
        return KAFKA_UNSUPPORTED_VERSION;
    }
    if (told == m->epoch) {
        return KAFKA_NONE;
    }
    if (m->classic) {
        return KAFKA_ILLEGAL_GENERATION;
    }
    return told >= 0 && told < m->epoch && held_since(m, event) ? KAFKA_NONE
                                                                : KAFKA_STALE_MEMBER_EPOCH;
}
