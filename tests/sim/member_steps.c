/* The steps of one generation: all join, the leader assigns, each asks where to begin. */
#include <stdio.h>

#include "common/wire/kafka_error.h"
#include "kmsg/consumer_protocol.h"
#include "kmsg/join_group.h"
#include "kmsg/offset_fetch.h"
#include "kmsg/sync_group.h"
#include "tests/sim/member_internal.h"

#define API_OFFSETS  9
#define API_JOIN     11
#define API_SYNC     14
#define METADATA_MAX 4096

/* ---- the consumer protocol: a version, and what was said in it ---- */

static void said(struct buf *out, const struct kmsg_message *desc, const void *message)
{
    static const uint8_t version[2] = {0, 0};
    buf_put(out, version, sizeof(version));
    err_t err = kmsg_encode_buf(desc, 0, message, out);
    assert(err == OK && out->err == OK);
}

static void subscription(struct member *member, struct buf *out)
{
    struct field *field = member->consumer.agent.field;
    struct slice topics[TOPICS_MAX];
    struct kmsg_consumer_protocol_subscription message;
    kmsg_consumer_protocol_subscription_init(&message);
    for (uint32_t t = 0; t < field->topic_count; t++) {
        topics[t] = slice_str(field->topics[t].name);
    }
    message.topics.items = topics;
    message.topics.count = (int32_t)field->topic_count;
    said(out, &kmsg_consumer_protocol_subscription_desc, &message);
}

/* The share of peer i: each so-manieth partition. */
static void assignment(struct member *member, uint32_t peer, uint64_t shift, struct buf *out)
{
    struct field *field = member->consumer.agent.field;
    int32_t numbers[PARTITIONS_MAX];
    struct kmsg_consumer_protocol_assignment_assigned_partition topics[TOPICS_MAX];
    struct kmsg_consumer_protocol_assignment message;
    uint32_t count = 0;
    kmsg_consumer_protocol_assignment_init(&message);
    message.assigned_partitions.items = topics;
    for (uint32_t t = 0; t < field->topic_count; t++) {
        struct kmsg_consumer_protocol_assignment_assigned_partition *topic =
            &topics[message.assigned_partitions.count];
        kmsg_consumer_protocol_assignment_assigned_partition_init(topic);
        topic->topic = slice_str(field->topics[t].name);
        topic->partitions.items = &numbers[count];
        for (uint32_t i = 0; i < field->topics[t].partitions; i++) {
            if ((field->topics[t].number[i] + shift) % member->peer_count == peer) {
                numbers[count++] = (int32_t)i;
                topic->partitions.count++;
            }
        }
        message.assigned_partitions.count += topic->partitions.count > 0;
    }
    said(out, &kmsg_consumer_protocol_assignment_desc, &message);
}

static uint32_t assigned(struct member *member, struct slice bytes)
{
    struct agent *agent = &member->consumer.agent;
    struct kmsg_consumer_protocol_assignment message;
    uint32_t mask = 0;
    if (bytes.n < 2) {
        return 0; /* nothing */
    }
    struct slice rest = slice_of(bytes.p + 2, bytes.n - 2);
    err_t err = kmsg_decode(&kmsg_consumer_protocol_assignment_desc, 0, &rest, &agent->arena,
                            &message);
    assert(err == OK);
    for (int32_t i = 0; i < message.assigned_partitions.count; i++) {
        const struct kmsg_consumer_protocol_assignment_assigned_partition *topic =
            &message.assigned_partitions.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            mask |= 1U << field_meet(agent->field, topic->topic, topic->partitions.items[j]);
        }
    }
    return mask;
}

/* ---- JoinGroup ---- */

void member_id_take(char *to, struct slice id)
{
    assert(id.n < MEMBER_ID_MAX);
    (void)snprintf(to, MEMBER_ID_MAX, "%.*s", (int)id.n, (const char *)id.p);
}

static void joined(struct member *member, const struct kmsg_join_group_response *response)
{
    member_id_take(member->id, response->member_id);
    member->assigns = response->generation_id == member->generation ? member->assigns : 0;
    member->generation = response->generation_id;
    bool leader = slice_eq(response->leader, response->member_id);
    member->leads = leader && !response->skip_assignment;
    /* A leader with a seat that comes back in an early version is told its last life's id: then it does not know (KIP-814). */
    member->watches = leader || (member->old && member->instance[0] != '\0');
    member->peer_count = 0;
    for (int32_t i = 0; i < response->members.count; i++) {
        assert(member->peer_count < ARRAY_LEN(member->peers));
        member_id_take(member->peers[member->peer_count++], response->members.items[i].member_id);
    }
    member_prove(member, &member->step);
    member_state_set(member, MEMBER_SYNCING);
}

static void on_joined(struct agent_call *call, const void *answer)
{
    struct member *member = member_of(call);
    const struct kmsg_join_group_response *response = answer;
    if (response == NULL && (member->id[0] != '\0' || member->instance[0] != '\0')) {
        member_lost(member, 0); /* who joins has given up all; a seat is taken over without an id */
    }
    if (member->step.life != member->life) {
        return;
    }
    if (response == NULL) {
        member->coordinator = -1;
    } else if (response->error_code == KAFKA_MEMBER_ID_REQUIRED) {
        member_id_take(member->id, response->member_id);
    } else if (response->error_code != KAFKA_NONE) {
        member_failed(member, response->error_code);
    } else {
        joined(member, response);
    }
}

void member_join(struct member *member)
{
    struct agent *agent = &member->consumer.agent;
    struct kmsg_join_group_request_protocol protocol;
    struct kmsg_join_group_request request;
    struct buf metadata;
    buf_init(&metadata, &agent->heap, METADATA_MAX);
    subscription(member, &metadata);
    kmsg_join_group_request_protocol_init(&protocol);
    protocol.name = slice_str("range");
    protocol.metadata = buf_slice(&metadata);
    kmsg_join_group_request_init(&request);
    request.group_id = slice_str(member->group);
    request.session_timeout_ms = member->session_ms;
    request.rebalance_timeout_ms = member->rebalance_ms;
    request.member_id = slice_str(member->id);
    request.group_instance_id = member_instance(member);
    request.protocol_type = slice_str("consumer");
    request.protocols.items = &protocol;
    request.protocols.count = 1;
    member->step.call.done = on_joined;
    /* The answer comes when all have joined, or the others' time is up. */
    member->step.call.patience_us = agent->patience_us + 6000000;
    member_send(member, &member->step, API_JOIN, member->old ? 5 : 9, &request);
    buf_release(&metadata);
}

/* ---- SyncGroup ---- */

static void on_synced(struct agent_call *call, const void *answer)
{
    struct member *member = member_of(call);
    const struct kmsg_sync_group_response *response = answer;
    if (member->step.life != member->life) {
        return;
    }
    if (response == NULL) {
        member->coordinator = -1;
    } else if (response->error_code != KAFKA_NONE) {
        member_failed(member, response->error_code);
    } else {
        member_prove(member, &member->step);
        member_own(member, assigned(member, response->assignment), &member->step);
        if (member->assigns > 0) { /* what was not answered may not have been heard */
            member->consumer.agent.field->assigned[member->consumer.group] = member->assigns;
        }
        member->beat_at = 0;
        member_state_set(member, MEMBER_ASKING);
    }
}

void member_sync(struct member *member)
{
    struct agent *agent = &member->consumer.agent;
    struct kmsg_sync_group_request_assignment given[ARRAY_LEN(member->peers)];
    struct buf bytes[ARRAY_LEN(member->peers)];
    struct kmsg_sync_group_request request;
    uint64_t shift = prng_below(&agent->prng, 100);
    kmsg_sync_group_request_init(&request);
    request.group_id = slice_str(member->group);
    request.generation_id = member->generation;
    request.member_id = slice_str(member->id);
    request.group_instance_id = member_instance(member);
    request.protocol_type = slice_str("consumer");
    request.protocol_name = slice_str("range");
    request.assignments.items = given;
    for (uint32_t i = 0; i < member->peer_count && member->leads; i++) {
        buf_init(&bytes[i], &agent->heap, METADATA_MAX);
        assignment(member, i, shift, &bytes[i]);
        kmsg_sync_group_request_assignment_init(&given[i]);
        given[i].member_id = slice_str(member->peers[i]);
        given[i].assignment = buf_slice(&bytes[i]);
        request.assignments.count++;
    }
    /* The first of a generation may have been heard, and is what holds then: later ones count for no more. */
    uint32_t first = member->assigns > 0 ? member->assigns : agent->field->partition_count;
    member->assigns = member->leads ? first : 0;
    member->step.call.done = on_synced;
    member->step.call.patience_us = agent->patience_us + 6000000;
    member_send(member, &member->step, API_SYNC, member->old ? 3 : 5, &request);
    for (int32_t i = 0; i < request.assignments.count; i++) {
        buf_release(&bytes[i]);
    }
}

/* ---- OffsetFetch ---- */

static void told(struct member *member, const struct member_call *call, uint32_t p, int64_t offset)
{
    /* A deposed one that has not heard of it tells what was so before, as Kafka's does. */
    bool sure = !call->deposed && cluster_coordinates(member->consumer.agent.field->cluster,
                                                      member->group, call->coordinator);
    struct history_op op = {.kind = HISTORY_FETCHED,
                            .status = sure ? HISTORY_OK : HISTORY_INFO,
                            .began_us = call->sent_us,
                            .ended_us = member_now(member),
                            .offset = offset};
    member_note(member, op, p);
}

/* The partitions that it told of, and their offsets. */
static uint32_t told_all(struct member *member, const struct member_call *call,
                         const struct kmsg_offset_fetch_response *response, int64_t *ret_offsets)
{
    uint32_t mask = 0;
    for (int32_t i = 0; i < response->topics.count; i++) {
        const struct kmsg_offset_fetch_response_topic *topic = &response->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            const struct kmsg_offset_fetch_response_partition *part = &topic->partitions.items[j];
            uint32_t p = 0;
            if (part->error_code == KAFKA_NONE &&
                field_partition(member->consumer.agent.field, topic->name, part->partition_index,
                                &p)) {
                mask |= 1U << p;
                ret_offsets[p] = part->committed_offset;
                told(member, call, p, part->committed_offset);
            }
        }
    }
    return mask;
}

static void on_told(struct agent_call *call, const void *answer)
{
    struct member *member = member_of(call);
    struct member_call *asked = CONTAINER_OF(call, struct member_call, call);
    const struct kmsg_offset_fetch_response *response = answer;
    int64_t offsets[PARTITIONS_MAX];
    int16_t error = response == NULL ? KAFKA_NETWORK_EXCEPTION : response->error_code;
    uint32_t mask = error == KAFKA_NONE ? told_all(member, asked, response, offsets) : 0;
    if (asked->life != member->life || asked != &member->step) {
        return;
    }
    if (error != KAFKA_NONE) {
        member_failed(member, error);
    } else if ((mask & member->owned) == member->owned) {
        for (uint32_t p = 0; p < PARTITIONS_MAX; p++) {
            if (member->owned >> p & 1) {
                member->stored[p] = offsets[p];
                consumer_take(&member->consumer, p, offsets[p]);
            }
        }
        member_state_set(member, MEMBER_WORKING);
    }
}

void member_ask(struct member *member, struct member_call *call)
{
    struct field *field = member->consumer.agent.field;
    struct kmsg_offset_fetch_request_topic topics[TOPICS_MAX];
    int32_t numbers[PARTITIONS_MAX];
    struct kmsg_offset_fetch_request request;
    uint32_t count = 0;
    kmsg_offset_fetch_request_init(&request);
    request.group_id = slice_str(member->group);
    request.topics.items = topics;
    for (uint32_t t = 0; t < field->topic_count; t++) {
        kmsg_offset_fetch_request_topic_init(&topics[t]);
        topics[t].name = slice_str(field->topics[t].name);
        topics[t].partition_indexes.items = &numbers[count];
        topics[t].partition_indexes.count = (int32_t)field->topics[t].partitions;
        for (uint32_t i = 0; i < field->topics[t].partitions; i++) {
            numbers[count++] = (int32_t)i;
        }
    }
    request.topics.count = (int32_t)field->topic_count;
    call->call.done = on_told;
    member_send(member, call, API_OFFSETS, member->old ? 5 : 7, &request);
}
