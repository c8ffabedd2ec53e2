#include "common/meta/record.h"

bool meta_ids_has(const struct meta_ids *ids, int32_t id)
{
    assert(ids->count <= REPLICAS_MAX);
    for (uint32_t i = 0; i < ids->count; i++) {
        if (ids->id[i] == id) {
            return true;
        }
    }
    return false;
}

bool meta_ids_add(struct meta_ids *ids, int32_t id)
{
    if (meta_ids_has(ids, id)) {
        return true;
    }
    if (ids->count == REPLICAS_MAX) {
        return false;
    }
    ids->id[ids->count++] = id;
    return true;
}
