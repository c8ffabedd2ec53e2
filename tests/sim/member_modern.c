/*
 * A member of the consumer protocol (KIP-848): it says in heartbeats that it lives and what it owns, and is told what to own.
 * What it is to give up it gives up first and says so; then only may the coordinator give it to another.
 */
#include <stdio.h>

#include "common/wire/kafka_error.h"
#include "kmsg/consumer_group_heartbeat.h"
#include "tests/sim/member_internal.h"

#define API_GROUP_BEAT 68
#define EPOCH_LEAVES   (-1)
#define EPOCH_PAUSES   (-2) /* a static member leaves for a while */

typedef struct kmsg_consumer_group_heartbeat_request_topic_partition owned_topic;
typedef struct kmsg_consumer_group_heartbeat_response_topic_partitions target_topic;

/* ---- what it is to own ---- */

static uint32_t mask_of(const struct member *member,
                        const struct kmsg_consumer_group_heartbeat_response *response)
{
    struct field *field = member->consumer.agent.field;
    uint32_t mask = 0;
    for (int32_t i = 0; i < response->assignment->topic_partitions.count; i++) {
        const target_topic *topic = &response->assignment->topic_partitions.items[i];
        for (uint32_t t = 0; t < field->topic_count; t++) {
            for (int32_t j = 0;
                 j < topic->partitions.count && uuid_eq(topic->topic_id, field->topics[t].id);
                 j++) {
                field_grow(field, t, (uint32_t)topic->partitions.items[j] + 1); /* it has grown */
                mask |= 1U << field->topics[t].number[topic->partitions.items[j]];
            }
        }
    }
    return mask;
}

/* It may take its time to give up, but not as long as would get it fenced. */
static void target_take(struct member *member, uint32_t mask)
{
    struct agent *agent = &member->consumer.agent;
    bool gives_up = (member->owned & ~mask) != 0;
    if (member->apply_at != 0 && member->target == mask) {
        return; /* it is told again, and its time does not begin anew */
    }
    member->yields = member->yields || gives_up;
    int64_t most_us = member->slow ? member->rebalance_ms * 500 : 200000;
    member->target = mask;
    member->apply_at = agent_now(agent) +
                       (gives_up ? (time_us)prng_below(&agent->prng, (uint64_t)most_us) : 0);
}

void modern_apply(struct member *member)
{
    struct agent *agent = &member->consumer.agent;
    if (member->apply_at == 0 || agent_now(agent) < member->apply_at) {
        return;
    }
    member->apply_at = 0;
    member_own_instead(member, member->target);
    member->says_owned = true;
    member->beat_at = 0;
    member_state_set(member, MEMBER_ASKING);
}

/* ---- heartbeats ---- */

static void lives_on(struct member *member,
                     const struct kmsg_consumer_group_heartbeat_response *response)
{
    if (member->state == MEMBER_JOINING) {
        if (response->member_id.p != NULL) {
            member_id_take(member->id, response->member_id);
        }
        member_own(member, 0, &member->beat);
        member_state_set(member, MEMBER_ASKING);
    }
    member->generation = response->member_epoch;
    member->yields = member->yields && !member->said;
    if (response->assignment != NULL) {
        target_take(member, mask_of(member, response));
    }
    /* Who is to give something up has its time for that, whatever its heartbeats say; and the coordinator may have said so before, in
     * an answer that was lost. */
    if (!member->yields) {
        member_lease_extend(member, &member->beat);
    }
    member_prove(member, &member->beat);
}

static void on_beat(struct agent_call *call, const void *answer)
{
    struct member *member = member_of(call);
    const struct kmsg_consumer_group_heartbeat_response *response = answer;
    if (response == NULL && member->tells) {
        member_lost(member, member->told);
    }
    bool stale = member->beat.generation != member->generation || member->state == MEMBER_DOWN ||
                 member->beat.mask != (uint32_t)member->lives;
    if (stale) {
        return;
    }
    if (response == NULL) {
        member->coordinator = -1;
        member->says_all = true; /* whether it was heard, nobody knows, nor what was told */
    } else if (response->error_code != KAFKA_NONE) {
        member->says_all = true; /* it was not taken in */
        member_failed(member, response->error_code);
    } else {
        lives_on(member, response);
    }
}

static void owned_say(const struct member *member, owned_topic *topics, int32_t *numbers,
                      struct kmsg_consumer_group_heartbeat_request *request)
{
    const struct field *field = member->consumer.agent.field;
    uint32_t count = 0;
    request->topic_partitions.items = topics;
    request->topic_partitions.count = 0;
    for (uint32_t t = 0; t < field->topic_count; t++) {
        owned_topic *topic = &topics[request->topic_partitions.count];
        kmsg_consumer_group_heartbeat_request_topic_partition_init(topic);
        topic->topic_id = field->topics[t].id;
        topic->partitions.items = &numbers[count];
        for (uint32_t i = 0; i < field->topics[t].partitions; i++) {
            if (member->owned >> (field->topics[t].number[i]) & 1) {
                numbers[count++] = (int32_t)i;
                topic->partitions.count++;
            }
        }
        request->topic_partitions.count += topic->partitions.count > 0;
    }
}

static void request_begin(struct member *member,
                          struct kmsg_consumer_group_heartbeat_request *request)
{
    kmsg_consumer_group_heartbeat_request_init(request);
    request->group_id = slice_str(member->group);
    request->member_id = slice_str(member->id);
    request->member_epoch = member->generation;
    request->instance_id = member_instance(member);
}

void modern_beat(struct member *member)
{
    struct agent *agent = &member->consumer.agent;
    struct kmsg_consumer_group_heartbeat_request request;
    struct slice names[TOPICS_MAX];
    owned_topic topics[TOPICS_MAX];
    int32_t numbers[PARTITIONS_MAX];
    bool all = member->state == MEMBER_JOINING || member->says_all;
    if (member->state == MEMBER_JOINING && !member->old &&
        member->id[0] == '\0') { /* from version 1 on it names itself */
        (void)snprintf(member->id, sizeof(member->id), "member-%u-%llx", agent->number,
                       (unsigned long long)prng_u64(&agent->prng));
    }
    request_begin(member, &request);
    if (all) {
        for (uint32_t t = 0; t < agent->field->topic_count; t++) {
            names[t] = slice_str(agent->field->topics[t].name);
        }
        request.rebalance_timeout_ms = member->rebalance_ms;
        request.subscribed_topic_names.items = names;
        request.subscribed_topic_names.count = (int32_t)agent->field->topic_count;
    }
    member->said = (all || member->says_owned) && member->apply_at == 0;
    member->tells = all || member->says_owned;
    member->told = member->owned;
    if (member->tells) {
        owned_say(member, topics, numbers, &request);
        member->says_owned = member->says_all = false;
    }
    member->beat_at = agent_now(agent) + member->session_ms * 1000 / 4;
    member->beat.mask = (uint32_t)member->lives;
    member->beat.call.done = on_beat;
    member_send(member, &member->beat, API_GROUP_BEAT, member->old ? 0 : 1, &request);
}

void modern_leave(struct member *member)
{
    struct kmsg_consumer_group_heartbeat_request request;
    request_begin(member, &request);
    request.member_epoch = member->instance[0] == '\0' ? EPOCH_LEAVES : EPOCH_PAUSES;
    member->leaving.call.done = agent_ignore;
    member_send(member, &member->leaving, API_GROUP_BEAT, member->old ? 0 : 1, &request);
}
