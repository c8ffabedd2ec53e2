/*
 * DescribeQuorum (KIP-595, KIP-836, KIP-853), out of what the leader knows of its voters and what heartbeats told of the
 * brokers, which observe. Offsets are Kafka's: an end is the offset behind the last entry.
 */
#include "controller/node/forward_internal.h"

#include "common/port/clock.h"
#include "common/port/memory.h"
#include "kmsg/describe_quorum.h"

#define METADATA_TOPIC    "__cluster_metadata"
#define LISTENER          "CONTROLLER"
/* An observer that was silent for so long is told no more (Kafka's LeaderState). */
#define OBSERVER_MS       300000
#define ANSWER_MEMORY_MAX ((size_t)16 << 20)

typedef struct kmsg_describe_quorum_response_replica_state told_replica;
typedef struct kmsg_describe_quorum_response_partition told_partition;

struct describe {
    struct brokers *brokers;
    const struct raft *raft;
    struct arena arena;
    time_ms now_ms;
    time_ms wall_ms;
    struct kmsg_describe_quorum_response response;
};

static int64_t wall_of(const struct describe *describe, bool known, time_ms at)
{
    assert(!known || at <= describe->now_ms);
    return known ? describe->wall_ms - (describe->now_ms - at) : -1;
}

/* Ourselves: the leader is always caught up with itself. */
static void self_tell(const struct describe *describe, told_replica *to)
{
    struct raft_node self = raft_leader(describe->raft);
    to->replica_id = self.id;
    to->replica_directory_id = self.directory;
    to->log_end_offset = raft_last_index(describe->raft) + 1;
    to->last_fetch_timestamp = describe->wall_ms;
    to->last_caught_up_timestamp = describe->wall_ms;
}

static void peer_tell(const struct describe *describe, const struct raft_replica *from,
                      told_replica *to)
{
    to->replica_id = from->node.id;
    to->replica_directory_id = from->node.directory;
    to->log_end_offset = from->heard ? from->match + 1 : -1;
    to->last_fetch_timestamp = wall_of(describe, from->heard, from->heard_at);
    to->last_caught_up_timestamp = wall_of(describe, from->was_caught_up, from->caught_up_at);
}

static void brokers_tell(struct describe *describe, told_partition *to)
{
    const struct meta_image *image = machine_image(describe->brokers->machine);
    for (const struct meta_broker *broker = meta_broker_next(image, META_NO_BROKER); broker != NULL;
         broker = meta_broker_next(image, broker->id)) {
        struct controller_contact contact;
        if (!machine_contact(describe->brokers->machine, broker->id, &contact) ||
            describe->now_ms - contact.contact_ms > OBSERVER_MS) {
            continue;
        }
        told_replica *one = &to->observers.items[to->observers.count++];
        one->replica_id = broker->id;
        one->replica_directory_id = broker->dir_count > 0 ? broker->dirs[0] : UUID_NONE;
        one->log_end_offset = contact.reached + 1;
        one->last_fetch_timestamp = wall_of(describe, true, contact.contact_ms);
        one->last_caught_up_timestamp = wall_of(describe, contact.was_caught_up,
                                                contact.caught_up_ms);
    }
}

static bool replicas_tell(struct describe *describe, told_partition *to)
{
    const struct meta_image *image = machine_image(describe->brokers->machine);
    uint32_t observers = RAFT_PEERS_MAX + meta_broker_count(image);
    struct arena *arena = &describe->arena;
    to->current_voters.items = kmsg_describe_quorum_response_replica_state_array(
        arena, RAFT_PEERS_MAX + 1);
    to->observers.items = kmsg_describe_quorum_response_replica_state_array(arena,
                                                                            (int32_t)observers);
    if (to->current_voters.items == NULL || to->observers.items == NULL) {
        return false;
    }
    self_tell(describe, &to->current_voters.items[to->current_voters.count++]);
    struct raft_replica peer;
    for (uint32_t i = 0; raft_replica(describe->raft, i, &peer); i++) {
        peer_tell(describe, &peer,
                  peer.voter ? &to->current_voters.items[to->current_voters.count++]
                             : &to->observers.items[to->observers.count++]);
    }
    brokers_tell(describe, to);
    assert(to->current_voters.count <= RAFT_PEERS_MAX + 1);
    assert((uint32_t)to->observers.count <= observers);
    return true;
}

static bool nodes_tell(struct describe *describe, const told_partition *from)
{
    struct kmsg_describe_quorum_response *response = &describe->response;
    response->nodes.items = kmsg_describe_quorum_response_node_array(&describe->arena,
                                                                     from->current_voters.count);
    if (response->nodes.items == NULL) {
        return false;
    }
    for (int32_t i = 0; i < from->current_voters.count; i++) {
        int32_t id = from->current_voters.items[i].replica_id;
        struct net_address address = quorum_address_of(describe->brokers->quorum, id);
        struct kmsg_describe_quorum_response_node *to =
            &response->nodes.items[response->nodes.count++];
        to->node_id = id;
        to->listeners.items = kmsg_describe_quorum_response_listener_array(&describe->arena, 1);
        if (to->listeners.items == NULL) {
            return false;
        }
        to->listeners.count = 1;
        to->listeners.items[0].name = slice_str(LISTENER);
        to->listeners.items[0].port = address.port;
        if (!arena_copy(&describe->arena, slice_str(address.host), &to->listeners.items[0].host)) {
            return false;
        }
    }
    return true;
}

static bool quorum_tell(struct describe *describe)
{
    struct kmsg_describe_quorum_response *response = &describe->response;
    response->topics.items = kmsg_describe_quorum_response_topic_array(&describe->arena, 1);
    told_partition *to = kmsg_describe_quorum_response_partition_array(&describe->arena, 1);
    if (response->topics.items == NULL || to == NULL) {
        return false;
    }
    response->topics.count = 1;
    response->topics.items[0].topic_name = slice_str(METADATA_TOPIC);
    response->topics.items[0].partitions.items = to;
    response->topics.items[0].partitions.count = 1;
    to->leader_id = raft_leader(describe->raft).id;
    to->leader_epoch = raft_current_term(describe->raft);
    to->high_watermark = raft_commit_index(describe->raft) + 1;
    return replicas_tell(describe, to) && nodes_tell(describe, to);
}

/* Kafka's hasValidTopicPartition: one topic with one partition, and it is the metadata. */
static bool asks_for_metadata(const struct kmsg_describe_quorum_request *ask)
{
    return ask->topics.count == 1 &&
           slice_eq(ask->topics.items[0].topic_name, slice_str(METADATA_TOPIC)) &&
           ask->topics.items[0].partitions.count == 1 &&
           ask->topics.items[0].partitions.items[0].partition_index == 0;
}

/* Everything else is unknown here, each by itself. */
static bool unknown_tell(struct describe *describe, const struct kmsg_describe_quorum_request *ask)
{
    struct kmsg_describe_quorum_response *response = &describe->response;
    response->topics.items = kmsg_describe_quorum_response_topic_array(&describe->arena,
                                                                       ask->topics.count);
    bool told = response->topics.items != NULL;
    for (int32_t t = 0; told && t < ask->topics.count; t++) {
        struct kmsg_describe_quorum_response_topic *to = &response->topics.items[t];
        int32_t count = ask->topics.items[t].partitions.count;
        to->topic_name = ask->topics.items[t].topic_name;
        to->partitions.items = kmsg_describe_quorum_response_partition_array(&describe->arena,
                                                                             count);
        told = to->partitions.items != NULL;
        for (int32_t i = 0; told && i < count; i++) {
            told_partition *one = &to->partitions.items[to->partitions.count++];
            one->partition_index = ask->topics.items[t].partitions.items[i].partition_index;
            one->error_code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
        }
        response->topics.count++;
    }
    return told;
}

err_t describe_quorum_answer(struct brokers *b, struct rpc_asker asker,
                             const Odradek__Forward *forward)
{
    const struct kmsg_message *answer = &kmsg_describe_quorum_response_desc;
    const struct kmsg_message *question = &kmsg_describe_quorum_request_desc;
    ENSURE(forward->api_key == (uint32_t)question->id, ERR_UNSUPPORTED);
    ENSURE(forward->api_version <= (uint32_t)question->version_max, ERR_VERSION);
    struct host *host = loop_host(b->rpc->loop);
    struct describe describe = {.brokers = b,
                                .raft = quorum_raft(b->quorum),
                                .now_ms = loop_now_us(b->rpc->loop) / 1000,
                                .wall_ms = clock_wall_ms(host)};
    struct kmsg_describe_quorum_request ask;
    struct slice body = slice_of(forward->body.data, forward->body.len);
    int16_t version = (int16_t)forward->api_version;
    arena_init(&describe.arena, memory_source(host), 4096, ANSWER_MEMORY_MAX);
    kmsg_describe_quorum_response_init(&describe.response);
    err_t err = kmsg_decode(question, version, &body, &describe.arena, &ask);
    if (err == OK) {
        bool told = asks_for_metadata(&ask) ? quorum_tell(&describe)
                                            : unknown_tell(&describe, &ask);
        err = told ? OK : ERR_NO_MEMORY;
    }
    if (err == OK) {
        forward_reply(b, asker, version, answer, &describe.response);
    }
    arena_release(&describe.arena);
    return err;
}
