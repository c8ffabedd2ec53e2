#include "broker/edge/connection.h"

#define API_VERSIONS 18

const struct edge_handler *edge_handler(const struct edge *edge, int16_t key)
{
    for (size_t i = 0; i < edge->handler_count; i++) {
        if (edge->handlers[i].key == key) {
            return &edge->handlers[i];
        }
    }
    return NULL;
}

void dispatch(struct request *request)
{
    const struct edge_handler *handler = edge_handler(request->edge, request->frame.key);
    if (handler == NULL) {
        request_refuse(request, "a request that this broker does not serve");
    } else if (!request->frame.version_known && request->frame.key == API_VERSIONS) {
        request->frame.api = kmsg_api_find(API_VERSIONS);
        request->edge->unknown_version(request);
    } else if (!request->frame.version_known) {
        request_refuse(request, "a request in a version that this broker does not serve");
    } else {
        handler->handle(request);
    }
}

bool request_decode(struct request *request, void *ret_message)
{
    struct slice body = request->frame.body;
    err_t err = kmsg_decode(request->frame.api->request, request->frame.version, &body,
                            &request->arena, ret_message);
    if (err != OK) {
        request_refuse(request, "a request that cannot be decoded");
    }
    return err == OK;
}

struct slice request_keep(struct request *request, struct slice from)
{
    struct slice copy;
    if (from.p == NULL || !arena_copy(&request->arena, from, &copy)) {
        return (struct slice){0};
    }
    return copy;
}
