/* ListGroups: what this broker coordinates, filtered by state (KIP-518) and type (KIP-848); names of both in any case. */
#include "broker/api/group_ops.h"

#include "kmsg/list_groups.h"

static bool same_word(struct slice a, struct slice b)
{
    if (a.n != b.n) {
        return false;
    }
    for (size_t i = 0; i < a.n; i++) {
        uint8_t x = a.p[i], y = b.p[i];
        x = x >= 'A' && x <= 'Z' ? (uint8_t)(x | 0x20) : x;
        y = y >= 'A' && y <= 'Z' ? (uint8_t)(y | 0x20) : y;
        if (x != y) {
            return false;
        }
    }
    return true;
}

static bool wanted(const kmsg_string_array *filter, struct slice word)
{
    if (filter->count <= 0) {
        return true;
    }
    for (int32_t i = 0; i < filter->count; i++) {
        if (same_word(filter->items[i], word)) {
            return true;
        }
    }
    return false;
}

static struct slice type_of(const struct coord_listed *group)
{
    return slice_str(group->consumer ? "consumer" : "classic");
}

void api_list_groups(struct request *request)
{
    struct kmsg_list_groups_request ask;
    struct kmsg_list_groups_response response;
    struct coord_listed *groups;
    uint32_t count;
    if (!request_decode(request, &ask)) {
        return;
    }
    kmsg_list_groups_response_init(&response);
    response.error_code = (int16_t)coord_list(api_of(request)->coords, &request->arena, &groups,
                                              &count);
    response.groups.items = kmsg_list_groups_response_group_array(&request->arena, (int32_t)count);
    if (response.groups.items == NULL) {
        api_out_of_memory(request);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (wanted(&ask.states_filter, groups[i].state) &&
            wanted(&ask.types_filter, type_of(&groups[i]))) {
            struct kmsg_list_groups_response_group *to =
                &response.groups.items[response.groups.count++];
            to->group_id = groups[i].id;
            to->protocol_type = groups[i].protocol_type;
            to->group_state = groups[i].state;
            to->group_type = type_of(&groups[i]);
        }
    }
    request_answer(request, &response);
}
