/*
 * ListConfigResources (KIP-1142): which resources there are that have settings. Version 0 knew client metrics only
 * (KIP-714). Topics and brokers are told whether anything was set or not, others where something was.
 */
#include "broker/api/api_internal.h"
#include "broker/api/loggers.h"

#include "kmsg/list_config_resources.h"

/* Kafka's ConfigResource types, in the order in which they are told. */
static const int8_t types[] = {META_RESOURCE_TOPIC, META_RESOURCE_BROKER, RESOURCE_BROKER_LOGGER,
                               META_RESOURCE_CLIENT_METRICS, META_RESOURCE_GROUP};

static bool asked_for(const struct kmsg_list_config_resources_request *ask, int16_t version,
                      int8_t type)
{
    if (version == 0) {
        return type == META_RESOURCE_CLIENT_METRICS;
    }
    for (int32_t i = 0; i < ask->resource_types.count; i++) {
        if (ask->resource_types.items[i] == type) {
            return true;
        }
    }
    return ask->resource_types.count == 0;
}

static bool all_known(const struct kmsg_list_config_resources_request *ask)
{
    for (int32_t i = 0; i < ask->resource_types.count; i++) {
        bool known = false;
        for (size_t k = 0; k < ARRAY_LEN(types); k++) {
            known = known || ask->resource_types.items[i] == types[k];
        }
        if (!known) {
            return false;
        }
    }
    return true;
}

/* The answer under construction; to == NULL: only counting. */
struct list_tell {
    const struct meta_image *image;
    struct arena *arena;
    struct kmsg_list_config_resources_response_config_resource *to;
    int32_t count;
};

static void tell(struct list_tell *list, int8_t type, struct slice name)
{
    if (list->to != NULL) {
        list->to[list->count].resource_name = name;
        list->to[list->count].resource_type = type;
    }
    list->count++;
}

static void brokers_tell(struct list_tell *list, int8_t type)
{
    for (const struct meta_broker *broker = meta_broker_next(list->image, -1); broker != NULL;
         broker = meta_broker_next(list->image, broker->id)) {
        char *name = list->to == NULL ? NULL : arena_printf(list->arena, "%d", broker->id);
        if (!broker->fenced) {
            tell(list, type, slice_str(name));
        }
    }
}

static void type_tell(struct list_tell *list, int8_t type)
{
    struct slice name = {0};
    if (type == META_RESOURCE_BROKER || type == RESOURCE_BROKER_LOGGER) {
        brokers_tell(list, type);
    } else if (type == META_RESOURCE_TOPIC) {
        for (const struct meta_topic *topic = meta_topic_next(list->image, name); topic != NULL;
             topic = meta_topic_next(list->image, meta_topic_name(topic))) {
            tell(list, type, meta_topic_name(topic));
        }
    } else {
        while (meta_config_resource_next(list->image, (enum meta_resource)type, name, &name)) {
            tell(list, type, name);
        }
    }
}

static void types_tell(struct list_tell *list, const struct kmsg_list_config_resources_request *ask,
                       int16_t version)
{
    list->count = 0;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (asked_for(ask, version, types[i])) {
            type_tell(list, types[i]);
        }
    }
}

void api_list_config_resources(struct request *request)
{
    struct kmsg_list_config_resources_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    int16_t version = request->frame.version;
    struct kmsg_list_config_resources_response response;
    kmsg_list_config_resources_response_init(&response);
    struct list_tell list = {.image = metadata_read(api_of(request)->metadata),
                             .arena = &request->arena};
    if (version > 0 && !all_known(&ask)) {
        response.error_code = KAFKA_UNSUPPORTED_VERSION;
        request_answer(request, &response);
        return;
    }
    types_tell(&list, &ask, version);
    list.to = kmsg_list_config_resources_response_config_resource_array(&request->arena,
                                                                        list.count);
    if (list.to == NULL) {
        api_out_of_memory(request);
        return;
    }
    types_tell(&list, &ask, version);
    response.config_resources.items = list.to;
    response.config_resources.count = list.count;
    request_answer(request, &response);
}
