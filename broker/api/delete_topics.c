/* DeleteTopics (KIP-516: by id from version 6 on): the controller decides, here only the version changes. */
#include "broker/api/forward.h"

#include "kmsg/delete_topics.h"

static bool fail_all(struct forwarded *forwarded, enum kafka_error error,
                     struct kmsg_delete_topics_response *response)
{
    struct arena *arena = &forwarded->request->arena;
    struct kmsg_delete_topics_request ask;
    if (!forward_asked(forwarded, &ask)) {
        return false;
    }
    response->responses.items = kmsg_delete_topics_response_result_array(arena, ask.topics.count);
    if (response->responses.items == NULL) {
        return false;
    }
    for (int32_t i = 0; i < ask.topics.count; i++) {
        struct kmsg_delete_topics_response_result *to =
            &response->responses.items[response->responses.count++];
        to->name = ask.topics.items[i].name;
        to->topic_id = ask.topics.items[i].topic_id;
        to->error_code = (int16_t)error;
        to->error_message = slice_str(kafka_error_name((int16_t)error));
    }
    return true;
}

static void on_deleted(struct forwarded *forwarded, enum kafka_error error)
{
    struct kmsg_delete_topics_response response;
    kmsg_delete_topics_response_init(&response);
    bool told = error == KAFKA_NONE ? forward_read(forwarded, &response)
                                    : fail_all(forwarded, error, &response);
    forward_tell(forwarded, told, &response);
}

/* Before version 6 there are names only. */
static bool names_to_topics(struct request *request, struct kmsg_delete_topics_request *ask)
{
    int32_t count = ask->topic_names.count;
    ask->topics.items = kmsg_delete_topics_request_topic_array(&request->arena, count);
    if (ask->topics.items == NULL) {
        return false;
    }
    ask->topics.count = count;
    for (int32_t i = 0; i < count; i++) {
        ask->topics.items[i].name = ask->topic_names.items[i];
    }
    ask->topic_names.count = 0;
    return true;
}

void api_delete_topics(struct request *request)
{
    struct kmsg_delete_topics_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    if (request->frame.version < 6 && !names_to_topics(request, &ask)) {
        api_out_of_memory(request);
        return;
    }
    forward_send(request, &ask, ask.timeout_ms, on_deleted, NULL);
}
