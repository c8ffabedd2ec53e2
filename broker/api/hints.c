#include "broker/api/hints.h"

static void note(struct leader_hints *hints, int32_t leader)
{
    for (uint32_t i = 0; i < hints->count; i++) {
        if (hints->leaders[i] == leader) {
            return;
        }
    }
    if (hints->count < HINT_LEADERS_MAX) {
        hints->leaders[hints->count++] = leader;
    }
}

struct leader_hint hint_leader(struct leader_hints *hints, const struct meta_image *image,
                               struct uuid topic_id, struct slice topic_name, int32_t index)
{
    struct leader_hint hint = {.leader = -1, .epoch = -1};
    assert(image != NULL && hints->count <= HINT_LEADERS_MAX);
    const struct meta_topic *topic = uuid_is_none(topic_id) ? meta_topic_named(image, topic_name)
                                                            : meta_topic(image, topic_id);
    const struct meta_partition *partition = topic == NULL || index < 0
                                                 ? NULL
                                                 : meta_partition(topic, index);
    if (partition != NULL) {
        hint.leader = partition->leader;
        hint.epoch = partition->leader_epoch;
        if (hint.leader != META_NO_BROKER) {
            note(hints, hint.leader);
        }
    }
    return hint;
}
