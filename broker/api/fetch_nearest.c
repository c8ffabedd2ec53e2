/*
 * KIP-392: a leader sends consumers to an in-sync follower of their own rack (Kafka's RackAwareReplicaSelector): the leader
 * itself if it stands there, else the follower with the largest end, of those the one that caught up last.
 */
#include "broker/api/fetch.h"

static bool better(const struct partition_choice *a, const struct partition_choice *b)
{
    if (a->end != b->end) {
        return a->end > b->end;
    }
    return a->caught_up_ms != b->caught_up_ms ? a->caught_up_ms > b->caught_up_ms
                                              : a->broker > b->broker;
}

static bool stands_in(const struct meta_broker *broker, struct slice rack)
{
    return broker != NULL && broker->rack.p != NULL && slice_eq(broker->rack, rack);
}

int32_t fetch_nearest(const struct request *request, struct partition *partition,
                      int64_t fetch_offset, struct slice rack)
{
    const struct api *api = api_of(request);
    const struct meta_image *image = metadata_read(api->metadata);
    if (!api->rack_aware || rack.n == 0 || stands_in(meta_broker(image, api->broker), rack)) {
        return -1;
    }
    struct partition_choice choices[REPLICAS_MAX];
    uint32_t count = partition_choices(partition, fetch_offset, choices);
    const struct partition_choice *best = NULL;
    assert(count <= REPLICAS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const struct meta_broker *broker;
        bool reached = api_live_endpoint(image, choices[i].broker, request_listener(request),
                                         &broker) != NULL;
        if (reached && stands_in(broker, rack) && (best == NULL || better(&choices[i], best))) {
            best = &choices[i];
        }
    }
    return best == NULL ? -1 : best->broker;
}
