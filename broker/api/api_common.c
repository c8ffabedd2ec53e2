#include "broker/api/api_internal.h"

const struct meta_endpoint *api_live_endpoint(const struct meta_image *image, int32_t id,
                                              struct slice listener,
                                              const struct meta_broker **ret_broker)
{
    const struct meta_broker *broker = meta_broker(image, id);
    if (ret_broker != NULL) {
        *ret_broker = broker;
    }
    if (broker == NULL || broker->fenced) {
        return NULL;
    }
    return meta_broker_endpoint(broker, listener);
}

int32_t api_any_broker(const struct api *api, const struct meta_image *image)
{
    const struct meta_broker *self = meta_broker(image, api->broker);
    if (self != NULL && !self->fenced) {
        return api->broker;
    }
    for (const struct meta_broker *broker = meta_broker_next(image, -1); broker != NULL;
         broker = meta_broker_next(image, broker->id)) {
        if (!broker->fenced) {
            return broker->id;
        }
    }
    return -1;
}

bool api_topic_internal(struct slice name)
{
    static const char *const names[] = {"__consumer_offsets", "__transaction_state",
                                        "__share_group_state"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_eq(name, slice_str(names[i]))) {
            return true;
        }
    }
    return false;
}

bool api_topic_name_valid(struct slice name)
{
    if (name.n == 0 || name.n > TOPIC_NAME_MAX || slice_eq(name, slice_str(".")) ||
        slice_eq(name, slice_str(".."))) {
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '.' && c != '_' && c != '-') {
            return false;
        }
    }
    return true;
}
