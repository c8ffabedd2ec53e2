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

void meta_ids_remove(struct meta_ids *ids, int32_t id)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < ids->count; i++) {
        if (ids->id[i] != id) {
            ids->id[kept++] = ids->id[i];
        }
    }
    ids->count = kept;
}

bool meta_ids_equal_sets(const struct meta_ids *a, const struct meta_ids *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (!meta_ids_has(b, a->id[i])) {
            return false;
        }
    }
    return true;
}
