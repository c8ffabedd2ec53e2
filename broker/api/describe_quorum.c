/* DescribeQuorum (KIP-595, KIP-836, KIP-853): the active controller tells how far everybody's metadata is. */
#include "broker/api/forward.h"

#include "kmsg/describe_quorum.h"

typedef struct kmsg_describe_quorum_response_replica_state told_replica;

static void dirs_clear(told_replica *replicas, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        replicas[i].replica_directory_id = UUID_NONE;
    }
}

/* KIP-853's fields do not exist before version 2, and may not be left out silently by the codec. */
static void older(struct kmsg_describe_quorum_response *response)
{
    response->nodes.count = 0;
    for (int32_t t = 0; t < response->topics.count; t++) {
        for (int32_t i = 0; i < response->topics.items[t].partitions.count; i++) {
            struct kmsg_describe_quorum_response_partition *p =
                &response->topics.items[t].partitions.items[i];
            dirs_clear(p->current_voters.items, p->current_voters.count);
            dirs_clear(p->observers.items, p->observers.count);
        }
    }
}

static void on_described(struct forwarded *forwarded, enum kafka_error error)
{
    struct kmsg_describe_quorum_response response;
    kmsg_describe_quorum_response_init(&response);
    bool told = error != KAFKA_NONE || forward_read(forwarded, &response);
    if (error != KAFKA_NONE) {
        response.error_code = (int16_t)error;
        assert(response.topics.count == 0);
    }
    if (told && forwarded->request->frame.version < 2) {
        older(&response);
    }
    forward_tell(forwarded, told, &response);
}

void api_describe_quorum(struct request *request)
{
    struct kmsg_describe_quorum_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    forward_send(request, &ask, 0, on_described, NULL);
}
