#include "tests/sim/member.h"

#include <stdio.h>

#include "common/wire/kafka_error.h"
#include "kmsg/find_coordinator.h"
#include "kmsg/heartbeat.h"
#include "kmsg/leave_group.h"
#include "kmsg/offset_commit.h"
#include "tests/sim/member_internal.h"

#define API_COMMIT    8
#define API_FIND      10
#define API_HEARTBEAT 12
#define API_LEAVE     13
#define SECOND        INT64_C(1000000)
#define THINKS_TIMES  4
#define LEASE_PERCENT 70           /* of the session: clocks differ */
#define LATE_US       (9 * SECOND) /* streams stand still for no longer */

/* Most until who leads has all join for partitions that it has seen; it doubles so often while nothing comes of it. */
#define GROWTH_US      INT64_C(300000)
#define GROWTH_DOUBLES 5

static struct agent *agent_of(struct member *member)
{
    return &member->consumer.agent;
}

time_us member_now(const struct member *member)
{
    return world_now_us(member->consumer.agent.field->cluster->world);
}

static time_us lease_length(const struct member *member)
{
    int32_t least = member->session_ms < member->rebalance_ms ? member->session_ms
                                                              : member->rebalance_ms;
    return (time_us)least * 1000 * LEASE_PERCENT / 100;
}

void member_note(struct member *member, struct history_op op, uint32_t partition)
{
    struct field *field = member->consumer.agent.field;
    op.partition = partition;
    op.client = member->consumer.agent.number;
    op.group = member->consumer.group;
    op.flags |= field->topics[field_topic_of(field, partition)].weak ? HISTORY_WEAK : 0;
    history_add(field->history, &op);
}

int32_t member_generation(const struct member *member, int32_t generation)
{
    /* A group that was forgotten counts from the beginning. */
    bool counts = !member->consumer.agent.field->history->offsets_expire;
    return member->modern || member->mixed || !counts ? -1 : generation;
}

/* ---- since when it is a member ---- */

static void proof_note(struct member *member)
{
    if (member->consumer.agent.field->history->offsets_expire &&
        member->proved_until_us > member->proved_from_us) {
        struct history_op op = {.kind = HISTORY_MEMBER,
                                .began_us = member->proved_from_us,
                                .ended_us = member->proved_until_us};
        member_note(member, op, 0);
    }
    member->proved_id[0] = '\0';
    member->proved_from_us = member->proved_until_us = 0;
}

void member_prove(struct member *member, const struct member_call *call)
{
    struct field *field = member->consumer.agent.field;
    if (call->deposed || !cluster_coordinates(field->cluster, member->group, call->coordinator)) {
        return; /* it may have been replaced, and not know */
    }
    if (strcmp(member->proved_id, member->id) != 0) {
        proof_note(member);
        memcpy(member->proved_id, member->id, sizeof(member->proved_id));
        member->proved_from_us = member_now(member);
    }
    member->proved_until_us = max_i64(member->proved_until_us, call->sent_us);
}

/* ---- what it owns ---- */

void member_lost(struct member *member, uint32_t mask)
{
    bool late = member_now(member) < member->late_until_us;
    member->late_mask = late ? member->late_mask & mask : mask;
    member->late_until_us = member_now(member) + LATE_US;
}

/* By whose word it owns that. What it got after a request that has not come yet counts as given up when that comes, and may become
 * another's: then it is nobody's word (as with Kafka's coordinator). */
static uint64_t lease_word(const struct member *member, uint32_t partition)
{
    bool late = member->owned_since_us < member->late_until_us &&
                !(member->late_mask >> partition & 1);
    uint64_t own = (2U + member->consumer.agent.number) * BROKERS_MAX;
    return (uint64_t)member->lease_by + (late ? own : 0);
}

static void lease_note(struct member *member)
{
    time_us end = min_i64(member_now(member), member->lease_us);
    for (uint32_t p = 0; p < PARTITIONS_MAX; p++) {
        if ((member->owned >> p & 1) && end > member->owned_since_us) {
            struct history_op op = {.kind = HISTORY_OWNED,
                                    .began_us = member->owned_since_us,
                                    .ended_us = end,
                                    .value = lease_word(member, p),
                                    .generation = member_generation(member, member->generation)};
            member_note(member, op, p);
        }
    }
}

/* One that was replaced and cannot know is not who it was, nor who it will be when it is one again: others count meanwhile. */
static int32_t lease_source(const struct member *member, const struct member_call *call)
{
    struct cluster *cluster = member->consumer.agent.field->cluster;
    bool deposed = call->deposed || !cluster_coordinates(cluster, member->group, call->coordinator);
    return call->coordinator + (deposed ? BROKERS_MAX : 0);
}

void member_lease_extend(struct member *member, const struct member_call *call)
{
    time_us until = call->sent_us + lease_length(member);
    int32_t source = lease_source(member, call);
    if (source != member->lease_by || member->lease_us < member_now(member)) {
        lease_note(member);
        member->owned_since_us = member_now(member);
        member->lease_by = source;
        member->lease_us = until;
    }
    member->lease_us = max_i64(member->lease_us, until);
}

void member_own(struct member *member, uint32_t mask, const struct member_call *call)
{
    assert(member->owned == 0);
    member->owned = mask;
    member->owned_since_us = member_now(member);
    member->lease_by = lease_source(member, call);
    member->lease_us = call->sent_us + lease_length(member);
}

void member_own_instead(struct member *member, uint32_t mask)
{
    lease_note(member);
    member->owned = mask;
    member->owned_since_us = member_now(member);
    for (uint32_t p = 0; p < PARTITIONS_MAX; p++) {
        consumer_drop(&member->consumer, p);
    }
}

static void disown(struct member *member)
{
    lease_note(member);
    member->owned = 0;
    for (uint32_t p = 0; p < PARTITIONS_MAX; p++) {
        consumer_drop(&member->consumer, p);
    }
}

void member_state_set(struct member *member, enum member_state state)
{
    member->state = state;
    member->life++;
}

/* It is to join again; `forget`: under a new id. */
void member_rejoin(struct member *member, bool forget)
{
    disown(member);
    if (forget || member->modern) { /* under epoch 0 it may become one anew */
        proof_note(member);
    }
    if (forget) {
        member->id[0] = '\0';
    }
    member->rejoin_at = 0;
    member->apply_at = 0;
    member->generation = member->modern ? 0 : member->generation;
    member->lives++;
    member_state_set(member, MEMBER_JOINING);
}

/* ---- its life ---- */

static time_us draw_life(struct member *member, time_us every_us)
{
    struct agent *agent = agent_of(member);
    return every_us == 0 ? TIME_NEVER
                         : agent_now(agent) + prng_between(&agent->prng, every_us / 4, every_us);
}

static void wake(struct member *member)
{
    struct agent *agent = agent_of(member);
    member->modern = member->mixed ? prng_chance(&member->kinds, 500) : member->modern;
    member->session_ms = member->session_of[member->modern];
    /* Answers leave in order: those to its heartbeats wait behind its fetches, and its next one for the last. */
    member->consumer.session_ms = member->session_ms;
    member->crash_at = draw_life(member, member->crash_every_us);
    member->leave_at = draw_life(member, member->leave_every_us);
    member->coordinator = -1;
    member->rest_until = 0;
    member->growth_seen = 0;
    member->commit_at = member->probe_at = agent_now(agent);
    member_rejoin(member, true);
}

/* As a killed process does: no word to anyone. */
static void die(struct member *member)
{
    struct agent *agent = agent_of(member);
    disown(member);
    member_state_set(member, MEMBER_DOWN);
    member->back_at = agent_now(agent) + prng_between(&agent->prng, 1000, 6 * SECOND);
    agent_hang_up(agent);
}

void member_failed(struct member *member, int16_t error)
{
    struct agent *agent = agent_of(member);
    agent->field->errors++;
    member->last_error = error;
    member->rest_until = agent_now(agent) + prng_between(&agent->prng, 5000, 100000);
    switch (error) {
    case KAFKA_GROUP_ID_NOT_FOUND: /* it was empty for so long that it is forgotten: as a new process */
    case KAFKA_UNKNOWN_MEMBER_ID: member_rejoin(member, true); break;
    case KAFKA_FENCED_MEMBER_EPOCH:
    case KAFKA_ILLEGAL_GENERATION: member_rejoin(member, false); break;
    case KAFKA_STALE_MEMBER_EPOCH: /* a heartbeat will tell */
    case KAFKA_UNRELEASED_INSTANCE_ID: /* its last life has still to end */ break;
    case KAFKA_FENCED_INSTANCE_ID: die(member); break;
    case KAFKA_REBALANCE_IN_PROGRESS:
        if (member->state < MEMBER_ASKING) {
            member_rejoin(member, false);
        } else if (member->rejoin_at == 0) { /* it takes its time to give up what it has */
            member->rejoin_at = agent_now(agent) +
                                (time_us)prng_below(&agent->prng,
                                                    member->slow ? 6 * SECOND : 400000);
        }
        break;
    case KAFKA_COORDINATOR_LOAD_IN_PROGRESS: break;
    default: member->coordinator = -1; break;
    }
}

bool member_send(struct member *member, struct member_call *call, int16_t api, int16_t version,
                 const void *request)
{
    struct agent *agent = agent_of(member);
    assert(!call->call.out);
    call->life = member->life;
    call->sent_us = member_now(member);
    call->coordinator = member->coordinator;
    call->deposed = !cluster_coordinates(agent->field->cluster, member->group, call->coordinator);
    call->generation = member->generation;
    agent_send(agent, member->coordinator, &call->call, api, version, request);
    return true;
}

struct member *member_of(struct agent_call *call)
{
    return CONTAINER_OF(CONTAINER_OF(call->agent, struct consumer, agent), struct member, consumer);
}

/* ---- the coordinator ---- */

static void on_found(struct agent_call *call, const void *answer)
{
    struct member *member = member_of(call);
    const struct kmsg_find_coordinator_response *response = answer;
    bool good = response != NULL && response->coordinators.count == 1 &&
                response->coordinators.items[0].error_code == KAFKA_NONE;
    member->rest_until = agent_now(call->agent) + (good ? 0 : 50000);
    member->coordinator = good ? response->coordinators.items[0].node_id - broker_id(0) : -1;
}

static void find(struct member *member)
{
    struct agent *agent = agent_of(member);
    int32_t broker = agent_anyone(agent);
    if (member->finding.call.out || !agent_ready(agent, broker)) {
        return;
    }
    struct slice key = slice_str(member->group);
    struct kmsg_find_coordinator_request request;
    kmsg_find_coordinator_request_init(&request);
    request.coordinator_keys.items = &key;
    request.coordinator_keys.count = 1;
    member->finding.call.done = on_found;
    agent_send(agent, broker, &member->finding.call, API_FIND, 4, &request);
}

/* ---- heartbeats ---- */

static void on_beat(struct agent_call *call, const void *answer)
{
    struct member *member = member_of(call);
    struct member_call *beat = CONTAINER_OF(call, struct member_call, call);
    const struct kmsg_heartbeat_response *response = answer;
    if (beat->generation != member->generation || member->state < MEMBER_ASKING ||
        beat->mask != (uint32_t)member->lives) {
        return;
    }
    if (response == NULL) {
        member->coordinator = -1;
    } else if (response->error_code != KAFKA_NONE) {
        member_failed(member, response->error_code);
    } else {
        member_lease_extend(member, beat);
        member_prove(member, beat);
    }
}

static void beat(struct member *member)
{
    struct agent *agent = agent_of(member);
    struct kmsg_heartbeat_request request;
    kmsg_heartbeat_request_init(&request);
    request.group_id = slice_str(member->group);
    request.generation_id = member->generation;
    request.member_id = slice_str(member->id);
    request.group_instance_id = member_instance(member);
    member->beat_at = agent_now(agent) + member->session_ms * 1000 / 4;
    member->beat.mask = (uint32_t)member->lives;
    member->beat.call.done = on_beat;
    member_send(member, &member->beat, API_HEARTBEAT, member->old ? 3 : 4, &request);
}

/* ---- commits ---- */

static enum history_status commit_status(const struct kmsg_offset_commit_response *response,
                                         int16_t error)
{
    static const int16_t refused[] = {
        KAFKA_ILLEGAL_GENERATION,           KAFKA_UNKNOWN_MEMBER_ID,  KAFKA_REBALANCE_IN_PROGRESS,
        KAFKA_COORDINATOR_LOAD_IN_PROGRESS, KAFKA_FENCED_INSTANCE_ID,
    };
    if (response == NULL) {
        return HISTORY_INFO;
    }
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (error == refused[i]) {
            return HISTORY_FAILED;
        }
    }
    return error == KAFKA_NONE ? HISTORY_OK : HISTORY_INFO; /* it may lie in a log */
}

/* Of one partition. KAFKA_REQUEST_TIMED_OUT if it is not in the answer. */
static int16_t commit_error(const struct member *member,
                            const struct kmsg_offset_commit_response *response, uint32_t partition)
{
    for (int32_t i = 0; response != NULL && i < response->topics.count; i++) {
        const struct kmsg_offset_commit_response_topic *topic = &response->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            uint32_t p = 0;
            if (field_partition(member->consumer.agent.field, topic->name,
                                topic->partitions.items[j].partition_index, &p) &&
                p == partition) {
                return topic->partitions.items[j].error_code;
            }
        }
    }
    return KAFKA_REQUEST_TIMED_OUT;
}

static void on_committed(struct agent_call *call, const void *answer)
{
    struct member *member = member_of(call);
    struct member_call *commit = CONTAINER_OF(call, struct member_call, call);
    int16_t worst = KAFKA_NONE;
    /* Who coordinates is known from now on, whoever dies. */
    (void)cluster_coordinates(call->agent->field->cluster, member->group, commit->coordinator);
    for (uint32_t p = 0; p < PARTITIONS_MAX; p++) {
        if (!(commit->mask >> p & 1)) {
            continue;
        }
        int16_t error = commit_error(member, answer, p);
        struct history_op op = {.kind = HISTORY_COMMIT,
                                .began_us = commit->sent_us,
                                .ended_us = member_now(member),
                                .offset = commit->offsets[p],
                                .generation = member_generation(member, commit->generation),
                                .status = (uint8_t)commit_status(answer, error)};
        member_note(member, op, p);
        worst = error != KAFKA_NONE ? error : worst;
        if (error == KAFKA_NONE && commit->life == member->life) {
            member->stored[p] = commit->offsets[p];
        }
    }
    if (worst == KAFKA_NONE && commit->life == member->life) {
        member_prove(member, commit);
    } else if (commit->life == member->life) {
        member_failed(member, worst);
    }
}

/* Partitions whose place has moved since it was stored. */
static uint32_t unstored(const struct member *member)
{
    uint32_t mask = 0;
    for (uint32_t p = 0; p < PARTITIONS_MAX; p++) {
        int64_t next = member->consumer.parts[p].next;
        bool moved = (member->owned >> p & 1) && next >= 0 && next != member->stored[p];
        mask |= moved ? 1U << p : 0;
    }
    return mask;
}

static void commit(struct member *member)
{
    struct agent *agent = agent_of(member);
    struct field *field = agent->field;
    struct kmsg_offset_commit_request_partition parts[PARTITIONS_MAX];
    struct kmsg_offset_commit_request_topic topics[TOPICS_MAX];
    struct kmsg_offset_commit_request request;
    uint32_t count = 0;
    int32_t topic_count = 0;
    member->commit.mask = unstored(member);
    for (uint32_t t = 0; t < field->topic_count; t++) {
        struct kmsg_offset_commit_request_topic *topic = &topics[topic_count];
        kmsg_offset_commit_request_topic_init(topic);
        topic->name = slice_str(field->topics[t].name);
        topic->partitions.items = &parts[count];
        for (uint32_t i = 0; i < field->topics[t].partitions; i++) {
            uint32_t p = field->topics[t].number[i];
            if (member->commit.mask >> p & 1) {
                kmsg_offset_commit_request_partition_init(&parts[count]);
                parts[count].partition_index = (int32_t)i;
                parts[count].committed_offset = member->consumer.parts[p].next;
                parts[count].committed_metadata = slice_str("");
                member->commit.offsets[p] = parts[count].committed_offset;
                topic->partitions.count++;
                count++;
            }
        }
        topic_count += topic->partitions.count > 0;
    }
    if (count == 0) {
        return;
    }
    kmsg_offset_commit_request_init(&request);
    request.group_id = slice_str(member->group);
    request.generation_id_or_member_epoch = member->generation;
    request.member_id = slice_str(member->id);
    request.group_instance_id = member_instance(member);
    request.topics.items = topics;
    request.topics.count = topic_count;
    member->commit.call.done = on_committed;
    member_send(member, &member->commit, API_COMMIT, member->old && !member->modern ? 7 : 9,
                &request);
}

/* ---- leaving ---- */

static void on_left(struct agent_call *call, const void *answer)
{
    (void)call; /* it is gone either way */
    (void)answer;
}

static void leave(struct member *member)
{
    struct kmsg_leave_group_request_member who;
    struct kmsg_leave_group_request request;
    kmsg_leave_group_request_member_init(&who);
    kmsg_leave_group_request_init(&request);
    who.member_id = slice_str(member->id);
    who.group_instance_id = member_instance(member);
    request.group_id = slice_str(member->group);
    request.members.items = &who;
    request.members.count = 1;
    member->leaving.call.done = on_left;
    member_send(member, &member->leaving, API_LEAVE, member->old ? 3 : 5, &request);
}

static void go_away(struct member *member)
{
    struct agent *agent = agent_of(member);
    disown(member);
    if (member->modern) {
        modern_leave(member);
    } else {
        leave(member);
    }
    member_state_set(member, MEMBER_DOWN);
    member->back_at = agent_now(agent) + prng_between(&agent->prng, 1000, 4 * SECOND);
}

/* ---- turns ---- */

/* Who leads a classic group sees that topics have grown, and has all join again. Who does not know whether it leads may be wrong,
 * also because the coordinator assigns: it asks ever more rarely, and has time to work. */
static void growth_look(struct member *member)
{
    struct agent *agent = agent_of(member);
    uint32_t there = agent->field->partition_count;
    bool grown = agent->field->assigned[member->consumer.group] < there;
    bool due = agent_now(agent) >= member->growth_at || member->growth_seen != there;
    if (member->watches && grown && due && member->rejoin_at == 0) {
        member->growth_asks = member->growth_seen == there ? member->growth_asks : 0;
        member->growth_seen = there;
        member->rejoin_at = agent_now(agent) + prng_between(&agent->prng, 1, GROWTH_US);
        member->growth_at = member->rejoin_at + (GROWTH_US << member->growth_asks);
        member->growth_asks += member->growth_asks < GROWTH_DOUBLES;
    }
}

static void work_owner(struct member *member)
{
    struct agent *agent = agent_of(member);
    if (member->modern) {
        modern_apply(member);
    } else {
        growth_look(member);
    }
    if (agent_now(agent) >= member->beat_at && !member->beat.call.out) {
        if (member->modern) {
            modern_beat(member);
        } else {
            beat(member);
        }
    }
    if (member->state == MEMBER_ASKING && !member->step.call.out) {
        member_ask(member, &member->step);
    }
    if (member->state != MEMBER_WORKING) {
        return;
    }
    if (agent_now(agent) >= member->commit_at && !member->commit.call.out) {
        member->commit_at = agent_now(agent) +
                            prng_between(&agent->prng, 10000, member->commit_pace_us);
        commit(member);
    }
    if (agent_now(agent) >= member->probe_at && !member->probe.call.out) {
        member->probe_at = agent_now(agent) +
                           prng_between(&agent->prng, 100000,
                                        (field_busy(agent->field) ? 2 : 8) * SECOND);
        member_ask(member, &member->probe);
    }
}

static void work_member(struct member *member)
{
    struct agent *agent = agent_of(member);
    if (member->rejoin_at != 0 && agent_now(agent) >= member->rejoin_at) {
        member_rejoin(member, false);
    }
    if (agent_now(agent) < member->rest_until) {
        return;
    }
    if (member->coordinator < 0) {
        find(member);
        return;
    }
    if (!agent_ready(agent, member->coordinator)) {
        if (prng_chance(&agent->prng, 50)) { /* it may be gone for good */
            member->coordinator = -1;
        }
        return;
    }
    if (member->state == MEMBER_JOINING && member->modern) {
        if (!member->beat.call.out) {
            modern_beat(member);
        }
    } else if (member->state == MEMBER_JOINING && !member->step.call.out) {
        member_join(member);
    } else if (member->state == MEMBER_SYNCING && !member->step.call.out) {
        member_sync(member);
    } else if (member->state >= MEMBER_ASKING) {
        work_owner(member);
    }
}

static void work(struct agent *agent)
{
    struct member *member = CONTAINER_OF(CONTAINER_OF(agent, struct consumer, agent), struct member,
                                         consumer);
    bool calm = agent->field->quiet;
    if (member->modern && uuid_is_none(agent->field->topics[0].id)) {
        return; /* nothing is known yet */
    }
    if (member->state == MEMBER_DOWN) {
        if (agent_now(agent) >= member->back_at && !member->leaving.call.out) {
            wake(member);
        }
        return;
    }
    if (!calm && agent_now(agent) >= member->crash_at) {
        die(member);
        return;
    }
    if (!calm && agent_now(agent) >= member->leave_at && member->state == MEMBER_WORKING &&
        member->coordinator >= 0 && agent_ready(agent, member->coordinator)) {
        go_away(member);
        return;
    }
    work_member(member);
    if (member->state >= MEMBER_ASKING) {
        consumer_work(&member->consumer);
    }
}

/* Where clients have time everything takes longer. */
static void think(struct member *member)
{
    member->session_of[0] *= THINKS_TIMES; /* the other was drawn for all of its group */
    member->rebalance_ms *= THINKS_TIMES;
    member->crash_every_us *= THINKS_TIMES;
    member->leave_every_us *= THINKS_TIMES;
    int32_t modern_ms = member->session_of[1] > 0 ? member->session_of[1] : INT32_MAX;
    int32_t classic_ms = member->modern && !member->mixed ? INT32_MAX : member->session_of[0];
    agent_of(member)->idle_tick_us = min_i64(modern_ms, classic_ms) * 1000 / 8;
}

void member_open(struct member *member, struct field *field, const char *address, uint16_t number,
                 uint32_t group, int32_t session_ms, bool mixed)
{
    *member = (struct member){.coordinator = -1, .state = MEMBER_DOWN};
    consumer_open(&member->consumer, field, address, number, false);
    struct agent *agent = agent_of(member);
    agent->work = work;
    member->consumer.group = group;
    member->consumer.restart_per_mille = 0;
    for (uint32_t p = 0; p < PARTITIONS_MAX; p++) {
        consumer_drop(&member->consumer, p);
        member->stored[p] = -1;
    }
    struct prng *prng = &agent->prng;
    (void)snprintf(member->group, sizeof(member->group), "group%u", group);
    if (prng_chance(prng, 300)) {
        (void)snprintf(member->instance, sizeof(member->instance), "seat%u", number);
    }
    member->session_ms = (int32_t)prng_between(prng, 600, 4000);
    member->modern = session_ms > 0;
    member->session_of[0] = member->session_ms;
    member->session_of[1] = session_ms;
    member->mixed = mixed;
    member->commit_pace_us = 500000;
    prng_init(&member->kinds, field->seed * 37 + number);
    member->rebalance_ms = (int32_t)prng_between(prng, 800, 4000);
    member->old = prng_chance(prng, 300);
    member->slow = prng_chance(prng, member->instance[0] == '\0' ? 200 : 600);
    member->crash_every_us = prng_chance(prng, 500) ? prng_between(prng, 4, 20) * SECOND : 0;
    member->leave_every_us = prng_chance(prng, 500) ? prng_between(prng, 3, 15) * SECOND : 0;
    member->back_at = agent->tick_us + prng_between(prng, 0, 3 * SECOND);
    if (field->thinks) {
        think(member);
    }
}

void member_has_time(struct member *member, int32_t least_ms)
{
    int32_t classic_ms = member->session_of[0];
    member->session_of[0] = classic_ms < least_ms ? least_ms : classic_ms;
    member->rebalance_ms = member->rebalance_ms < least_ms ? least_ms : member->rebalance_ms;
}

bool member_has(const struct member *member, uint32_t partition, int64_t offset)
{
    return member->state == MEMBER_WORKING && (member->owned >> partition & 1) &&
           member->stored[partition] >= offset;
}

void member_ails(const struct member *member, char *sentence, size_t room)
{
    static const char *const states[] = {"down", "joining", "syncing", "asking for offsets",
                                         "working"};
    (void)snprintf(
        sentence, room,
        "member %u of %s%s is %s in generation %d, owns %x, coordinator %d, the last error is %d",
        member->consumer.agent.number, member->modern ? "modern " : "", member->group,
        states[member->state], member->generation, member->owned, member->coordinator,
        member->last_error);
}

void member_close(struct member *member)
{
    disown(member);
    proof_note(member);
    if (member->commit.call.out) {
        agent_hang_up(agent_of(member));
    }
    consumer_close(&member->consumer);
}
