#include "broker/api/api_internal.h"

struct api_target api_find(struct api *api, struct uuid topic_id, struct slice name, bool by_id,
                           int32_t index)
{
    const struct meta_image *image = metadata_read(api->metadata);
    const struct meta_topic *topic = by_id ? meta_topic(image, topic_id)
                                           : meta_topic_named(image, name);
    struct api_target target = {.error = KAFKA_NONE};
    if (topic == NULL) {
        target.error = by_id ? KAFKA_UNKNOWN_TOPIC_ID : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
        return target;
    }
    target.meta = index < 0 ? NULL : meta_partition(topic, index);
    if (target.meta == NULL) {
        target.error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
        return target;
    }
    target.partition = partitions_find(api->partitions, meta_topic_id(topic), index);
    if (target.partition == NULL) {
        target.error = KAFKA_NOT_LEADER_OR_FOLLOWER;
    }
    return target;
}
