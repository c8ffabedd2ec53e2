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
    char why[TOPIC_NAME_WHY_BYTES];
    return meta_topic_name_good(name, why, sizeof(why));
}

bool api_broker_name_read(struct slice name, int32_t *ret_id)
{
    int64_t id = 0;
    bool minus = name.n > 0 && name.p[0] == '-';
    for (size_t i = minus; i < name.n; i++) {
        if (name.p[i] < '0' || name.p[i] > '9' || id > INT32_MAX) {
            return false;
        }
        id = id * 10 + (name.p[i] - '0');
    }
    bool padded = name.n > 1 + (size_t)minus && name.p[minus] == '0';
    *ret_id = (int32_t)(minus ? -id : id);
    return name.n > minus && id <= INT32_MAX && !padded;
}
