#include "broker/api/api_internal.h"

bool api_view_reaches(const struct api_view *view, int32_t broker)
{
    return api_live_endpoint(view->image, broker, view->listener, NULL) != NULL;
}

static bool ids_take(const struct api_view *view, uint32_t count, kmsg_i32_array *ret_ids)
{
    assert(count <= REPLICAS_MAX);
    ret_ids->count = 0;
    ret_ids->items = arena_array(view->arena, count, sizeof(int32_t));
    return ret_ids->items != NULL;
}

bool api_view_replicas(const struct api_view *view, const struct meta_partition *partition,
                       bool reached_only, kmsg_i32_array *ret_ids)
{
    if (!ids_take(view, partition->replica_count, ret_ids)) {
        return false;
    }
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        int32_t id = partition->replicas[i].broker;
        if (!reached_only || api_view_reaches(view, id)) {
            ret_ids->items[ret_ids->count++] = id;
        }
    }
    return true;
}

bool api_view_ids(const struct api_view *view, const struct meta_ids *ids, bool reached_only,
                  kmsg_i32_array *ret_ids)
{
    if (!ids_take(view, ids->count, ret_ids)) {
        return false;
    }
    for (uint32_t i = 0; i < ids->count; i++) {
        if (!reached_only || api_view_reaches(view, ids->id[i])) {
            ret_ids->items[ret_ids->count++] = ids->id[i];
        }
    }
    return true;
}

static bool replica_offline(const struct api_view *view, const struct meta_replica *replica)
{
    const struct meta_broker *broker = meta_broker(view->image, replica->broker);
    if (broker == NULL || broker->fenced || meta_broker_endpoint(broker, view->listener) == NULL) {
        return true;
    }
    if (uuid_is_none(replica->dir)) {
        return false;
    }
    for (uint32_t i = 0; i < broker->dir_count; i++) {
        if (uuid_eq(broker->dirs[i], replica->dir)) {
            return false;
        }
    }
    return true;
}

bool api_view_offline(const struct api_view *view, const struct meta_partition *partition,
                      kmsg_i32_array *ret_ids)
{
    if (!ids_take(view, partition->replica_count, ret_ids)) {
        return false;
    }
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        if (replica_offline(view, &partition->replicas[i])) {
            ret_ids->items[ret_ids->count++] = partition->replicas[i].broker;
        }
    }
    return true;
}
