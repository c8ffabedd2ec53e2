#include "group_same.h"

static const char *members_difference(const struct group *a, const struct group *b)
{
    uint32_t i = 0, k = 0;
    const struct group_member *x, *y;
    if (a->members.count != b->members.count || a->statics.count != b->statics.count) {
        return "members";
    }
    while ((x = group_member_next(a, &i)) != NULL && (y = group_member_next(b, &k)) != NULL) {
        bool same = slice_eq(x->id, y->id) && slice_eq(x->instance_id, y->instance_id) &&
                    slice_eq(x->client_id, y->client_id) &&
                    slice_eq(x->client_host, y->client_host) && x->session_ms == y->session_ms &&
                    x->rebalance_ms == y->rebalance_ms && slice_eq(x->assignment, y->assignment) &&
                    slice_eq(group_member_metadata(x, a->protocol),
                             group_member_metadata(y, b->protocol));
        if (!same) {
            return "a member";
        }
    }
    return NULL;
}

static const char *offsets_difference(const struct group *a, const struct group *b)
{
    uint32_t at = 0;
    if (a->offset_count != b->offset_count || a->topics.count != b->topics.count) {
        return "offsets";
    }
    for (const struct group_topic *t; (t = group_topic_next(a, &at)) != NULL;) {
        for (uint32_t i = 0; i < t->count; i++) {
            const struct group_offset *x = &t->offsets[i];
            const struct group_offset *y = group_offset_find(b, t->name, x->partition);
            bool same = y != NULL && x->offset == y->offset && x->leader_epoch == y->leader_epoch &&
                        x->commit_ms == y->commit_ms && x->expire_ms == y->expire_ms &&
                        slice_eq(x->metadata, y->metadata) && uuid_eq(x->topic_id, y->topic_id);
            if (!same) {
                return "an offset";
            }
        }
    }
    return NULL;
}

const char *group_difference(const struct group_shard *a, const struct group_shard *b)
{
    uint32_t at = 0;
    if (a->groups.count != b->groups.count) {
        return "groups";
    }
    for (const struct group *x; (x = group_next(a, &at)) != NULL;) {
        const struct group *y = group_find(b, x->id);
        bool same = y != NULL && x->state == y->state && x->generation == y->generation &&
                    x->state_wall_ms == y->state_wall_ms &&
                    slice_eq(x->protocol_type, y->protocol_type) &&
                    slice_eq(x->protocol, y->protocol) && slice_eq(x->leader, y->leader);
        const char *difference = !same ? "a group" : members_difference(x, y);
        difference = difference != NULL ? difference : offsets_difference(x, y);
        if (difference != NULL) {
            return difference;
        }
    }
    return NULL;
}
