/* ElectLeaders (KIP-183, KIP-460): preferred leaders on demand, or unclean ones. The controller decides. */
#include "broker/api/forward.h"

#include "kmsg/elect_leaders.h"

#define ELECTION_TYPE_MAX 1 /* 0 preferred, 1 unclean */

/* One verdict for everything that was named, and for the request. */
static bool fail_all(struct arena *arena, const struct kmsg_elect_leaders_request *ask,
                     enum kafka_error error, struct slice message,
                     struct kmsg_elect_leaders_response *response)
{
    int32_t topics = ask->topic_partitions.count < 0 ? 0 : ask->topic_partitions.count;
    response->error_code = (int16_t)error;
    response->replica_election_results.items =
        kmsg_elect_leaders_response_replica_election_result_array(arena, topics);
    if (response->replica_election_results.items == NULL) {
        return false;
    }
    for (int32_t t = 0; t < topics; t++) {
        const kmsg_i32_array *partitions = &ask->topic_partitions.items[t].partitions;
        struct kmsg_elect_leaders_response_replica_election_result *to =
            &response->replica_election_results.items[response->replica_election_results.count++];
        to->topic = ask->topic_partitions.items[t].topic;
        to->partition_result.items = kmsg_elect_leaders_response_partition_result_array(
            arena, partitions->count);
        if (to->partition_result.items == NULL) {
            return false;
        }
        to->partition_result.count = partitions->count;
        for (int32_t i = 0; i < partitions->count; i++) {
            to->partition_result.items[i].partition_id = partitions->items[i];
            to->partition_result.items[i].error_code = (int16_t)error;
            to->partition_result.items[i].error_message = message;
        }
    }
    return true;
}

static bool fail_sent(struct forwarded *forwarded, enum kafka_error error,
                      struct kmsg_elect_leaders_response *response)
{
    struct kmsg_elect_leaders_request ask;
    return forward_asked(forwarded, &ask) &&
           fail_all(&forwarded->request->arena, &ask, error, (struct slice){0}, response);
}

static void on_elected(struct forwarded *forwarded, enum kafka_error error)
{
    struct kmsg_elect_leaders_response response;
    kmsg_elect_leaders_response_init(&response);
    bool told = error == KAFKA_NONE ? forward_read(forwarded, &response)
                                    : fail_sent(forwarded, error, &response);
    forward_tell(forwarded, told, &response);
}

static void refuse_type(struct request *request, const struct kmsg_elect_leaders_request *ask)
{
    struct kmsg_elect_leaders_response response;
    kmsg_elect_leaders_response_init(&response);
    char *why = arena_printf(&request->arena, "Unknown election type %d", ask->election_type);
    if (fail_all(&request->arena, ask, KAFKA_INVALID_REQUEST, slice_str(why), &response)) {
        request_answer(request, &response);
    } else {
        api_out_of_memory(request);
    }
}

void api_elect_leaders(struct request *request)
{
    struct kmsg_elect_leaders_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    if (ask.election_type < 0 || ask.election_type > ELECTION_TYPE_MAX) {
        refuse_type(request, &ask);
        return;
    }
    forward_send(request, &ask, ask.timeout_ms, on_elected, NULL);
}
