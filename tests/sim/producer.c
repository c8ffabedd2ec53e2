/* Producers. An idempotent one keeps several batches under way and sends all of them again, in order, after any doubt. */
#include <stdio.h>

#include "common/wire/kafka_error.h"
#include "common/wire/record_batch_build.h"
#include "kmsg/init_producer_id.h"
#include "kmsg/produce.h"
#include "tests/sim/actors.h"

#define API_PRODUCE     0
#define API_PRODUCER_ID 22
#define RECORD_TIME     INT64_C(1800000000000)
#define REST_US         20000

static struct shipment *at(struct lane *lane, uint32_t i)
{
    assert(i < lane->count);
    return &lane->ring[(lane->first + i) % WINDOW_MAX];
}

/* What its topic promises may have been lost: then the cluster does not know where we are. */
static bool lane_is_weak(const struct lane *lane)
{
    const struct field *field = lane->producer->agent.field;
    return field->topics[field_topic_of(field, lane->partition)].weak;
}

/* ---- the history ---- */

static void note(struct lane *lane, const struct shipment *ship, enum history_status status)
{
    const struct producer *producer = lane->producer;
    struct field *field = producer->agent.field;
    for (int32_t i = 0; i < ship->records; i++) {
        struct history_op op = {
            .began_us = ship->began_us,
            .ended_us = status == HISTORY_OK ? ship->acked_us : world_now_us(field->cluster->world),
            .value = ship->first_value + (uint64_t)i,
            .offset = status == HISTORY_OK && ship->offset >= 0 ? ship->offset + i : -1,
            .sequence = ship->first_number + i,
            .session = lane->session,
            .partition = lane->partition,
            .client = producer->agent.number,
            .kind = HISTORY_SEND,
            .status = (uint8_t)status};
        op.flags |= producer->idempotent ? HISTORY_IDEMPOTENT : 0;
        op.flags |= producer->acks == -1 ? HISTORY_ACKS_ALL : 0;
        op.flags |= lane_is_weak(lane) ? HISTORY_WEAK : 0;
        history_add(field->history, &op);
    }
}

/* The oldest ones that are known leave the ring. */
static void settle(struct lane *lane)
{
    while (lane->count > 0 && !at(lane, 0)->open && !at(lane, 0)->call.out) {
        lane->first = (lane->first + 1) % WINDOW_MAX;
        lane->count--;
        lane->sent -= lane->sent > 0;
    }
}

static void acked(struct shipment *ship, int64_t offset)
{
    struct lane *lane = ship->lane;
    ship->open = false;
    ship->offset = offset;
    ship->acked_us = world_now_us(lane->producer->agent.field->cluster->world);
    lane->heard_us = max_i64(lane->heard_us, ship->began_us);
    (void)field_leader_epoch(lane->producer->agent.field, lane->partition);
    note(lane, ship, HISTORY_OK);
    lane->producer->acked += (uint64_t)ship->records;
}

static void given_up(struct shipment *ship, enum history_status status)
{
    ship->open = false;
    note(ship->lane, ship, status);
}

/* A new session: its numbers begin anew, what was not known is never known. */
static void session_begin(struct lane *lane)
{
    struct producer *producer = lane->producer;
    for (uint32_t i = 0; i < lane->count; i++) {
        if (at(lane, i)->open) {
            given_up(at(lane, i), HISTORY_INFO);
        }
    }
    lane->first = lane->count = lane->sent = 0;
    lane->session = ++producer->agent.field->sessions;
    /* Now and then short of the last number, behind which they begin at 0 again. */
    lane->next_sequence = producer->near_wrap ? INT32_MAX - 40 : 0;
    lane->numbers = 0;
    lane->producer_id = producer->producer_id;
    lane->producer_epoch = producer->producer_epoch;
    lane->broken = false;
    lane->heard_us = world_now_us(producer->agent.field->cluster->world);
}

/* ---- answers ---- */

static bool surely_not(int16_t error)
{
    return error == KAFKA_NOT_ENOUGH_REPLICAS || error == KAFKA_MESSAGE_TOO_LARGE ||
           error == KAFKA_INVALID_TOPIC_EXCEPTION;
}

/* A broker that loads its producers from a snapshot (Kafka's format) knows only the newest batch of each: to the retry of an
 * earlier one it says OUT_OF_ORDER_SEQUENCE. That a later one was acknowledged says that this one is there;
 * but for a session's first, since who knows nothing of a producer takes any sequence (as Kafka does): that one gives up. So does one
 * that may have been overtaken by a later one while the producer was forgotten. */
static bool later_acked(struct lane *lane, time_us by_us)
{
    bool later = false;
    for (uint32_t i = 1; i < lane->count; i++) {
        later = later ||
                (!at(lane, i)->open && at(lane, i)->offset >= 0 && at(lane, i)->acked_us < by_us);
    }
    return later;
}

static bool surely_there(struct lane *lane)
{
    time_us expiry_us = lane->producer->agent.field->producer_expiry_us;
    time_us by_us = expiry_us > 0 ? at(lane, 0)->known_us + expiry_us * 8 / 10 : TIME_NEVER;
    return at(lane, 0)->first_number > 0 && later_acked(lane, by_us);
}

static void on_produced(struct agent_call *call, const void *answer)
{
    struct shipment *ship = CONTAINER_OF(call, struct shipment, call);
    struct lane *lane = ship->lane;
    struct producer *producer = lane->producer;
    const struct kmsg_produce_response *response = answer;
    const struct kmsg_produce_response_partition *part = NULL;
    if (response != NULL && response->responses.count == 1 &&
        response->responses.items[0].partition_responses.count == 1) {
        part = &response->responses.items[0].partition_responses.items[0];
    }
    assert(lane->out > 0);
    lane->out--;
    if (part != NULL && part->error_code == KAFKA_NONE) {
        acked(ship, part->base_offset);
        settle(lane);
        return;
    }
    producer->agent.field->errors++;
    lane->last_error = part == NULL ? -1 : part->error_code;
    agent_want_metadata(&producer->agent);
    lane->rest_until = agent_now(&producer->agent) + REST_US;
    if (!producer->idempotent) {
        bool never = part != NULL && surely_not(part->error_code);
        given_up(ship, never ? HISTORY_FAILED : HISTORY_INFO);
        settle(lane);
        return;
    }
    lane->broken = true;
    bool behind = lane->last_error == KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER && ship == at(lane, 0) &&
                  later_acked(lane, TIME_NEVER);
    bool there = behind && surely_there(lane);
    if (there) {
        acked(ship, -1);
    }
    lane->lost = lane->lost || (behind && !there) ||
                 (part != NULL && part->error_code == KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER &&
                  ship == at(lane, 0) && lane_is_weak(lane));
}

/* ---- sending ---- */

static void batch_make(struct lane *lane, const struct shipment *ship, struct buf *out)
{
    const struct producer *producer = lane->producer;
    struct batch_options options = batch_options_plain();
    if (producer->idempotent) {
        options.producer_id = lane->producer_id;
        options.producer_epoch = lane->producer_epoch;
        options.base_sequence = ship->sequence;
    }
    struct batch_builder builder;
    struct batch_header header;
    uint8_t room[VALUE_MAX];
    batch_begin(&builder, &options, out);
    for (int32_t i = 0; i < ship->records; i++) {
        struct slice value = field_value(producer->agent.field, ship->first_value + (uint64_t)i,
                                         lane->partition, room);
        err_t err = batch_append(&builder, RECORD_TIME, slice_str("k"), value);
        assert(err == OK);
    }
    err_t err = batch_finish(&builder, crc32c_detect(), &header);
    assert(err == OK);
}

static void ship_send(struct lane *lane, struct shipment *ship)
{
    struct producer *producer = lane->producer;
    struct field *field = producer->agent.field;
    uint32_t topic_at = field_topic_of(field, lane->partition);
    struct kmsg_produce_request_partition data;
    struct kmsg_produce_request_topic topic;
    struct kmsg_produce_request request;
    struct buf batch;
    buf_init(&batch, &producer->agent.heap, 1 << 20);
    batch_make(lane, ship, &batch);
    kmsg_produce_request_partition_init(&data);
    data.index = field_index_of(field, lane->partition);
    data.records.bytes = buf_slice(&batch);
    kmsg_produce_request_topic_init(&topic);
    topic.name = slice_str(field->topics[topic_at].name);
    topic.partition_data.items = &data;
    topic.partition_data.count = 1;
    kmsg_produce_request_init(&request);
    request.transactional_id = (struct slice){0};
    request.acks = producer->acks;
    request.timeout_ms = 3000;
    request.topic_data.items = &topic;
    request.topic_data.count = 1;
    ship->call.done = on_produced;
    lane->out++;
    agent_send(&producer->agent, producer->agent.leader[lane->partition], &ship->call, API_PRODUCE,
               9, &request);
    buf_release(&batch);
}

static void ship_begin(struct lane *lane)
{
    struct producer *producer = lane->producer;
    uint32_t slot = (lane->first + lane->count++) % WINDOW_MAX;
    struct shipment *ship = &lane->ring[slot];
    *ship = (struct shipment){.lane = lane, .open = true, .offset = -1};
    ship->records = (int32_t)prng_between(&producer->agent.prng, 1, producer->records_max);
    ship->first_value = (uint64_t)producer->agent.number << 40 | (producer->values + 1);
    producer->values += (uint64_t)ship->records;
    ship->first_number = lane->numbers;
    ship->sequence = lane->next_sequence;
    ship->began_us = world_now_us(producer->agent.field->cluster->world);
    ship->known_us = lane->heard_us;
    lane->numbers += ship->records;
    lane->next_sequence = (int32_t)(((int64_t)lane->next_sequence + ship->records) %
                                    ((int64_t)INT32_MAX + 1));
}

/* Silent for so long that it may be forgotten soon: as who it was it sends nothing more. */
static bool lane_faded(const struct lane *lane)
{
    const struct field *field = lane->producer->agent.field;
    return lane->producer->idempotent && field->producer_expiry_us > 0 && lane->producer_id >= 0 &&
           world_now_us(field->cluster->world) - lane->heard_us > field->producer_expiry_us / 2;
}

static void lane_other_id(struct lane *lane)
{
    session_begin(lane);
    lane->producer_id = -1; /* another id, so that nothing of the old one is meant */
    lane->producer->producer_id = -1;
}

static void lane_give_up(struct lane *lane)
{
    struct producer *producer = lane->producer;
    if (lane->count == 0 || !at(lane, 0)->open) {
        return;
    }
    time_us age = world_now_us(producer->agent.field->cluster->world) - at(lane, 0)->began_us;
    bool late = producer->give_up_us != 0 && !producer->agent.field->quiet &&
                age >= producer->give_up_us;
    if (late || lane->lost || lane_faded(lane)) {
        lane->lost = false;
        lane_other_id(lane);
    }
}

/* Its next batch is due: soon when clients are busy, though it was drawn when they were not. */
static bool lane_due(struct lane *lane, time_us now)
{
    struct producer *producer = lane->producer;
    if (field_busy(producer->agent.field) && lane->next_at - now > producer->pace_us) {
        lane->next_at = now + prng_between(&producer->agent.prng, 0, producer->pace_us);
    }
    return now >= lane->next_at;
}

static time_us lane_pace(const struct lane *lane)
{
    const struct field *field = lane->producer->agent.field;
    return field_busy(field) ? lane->producer->pace_us : field->idle_pace_us;
}

static void lane_work(struct lane *lane)
{
    struct producer *producer = lane->producer;
    struct agent *agent = &producer->agent;
    time_us now = agent_now(agent);
    if (lane->broken && lane->out == 0) {
        settle(lane);
        lane->sent = 0;
        lane->broken = false;
        lane_give_up(lane);
    }
    if (lane->broken || now < lane->rest_until) {
        return;
    }
    if (lane->count == 0 && lane_faded(lane)) {
        lane_other_id(lane);
    }
    if (producer->idempotent && lane->producer_id < 0) {
        if (producer->producer_id < 0) {
            return;
        }
        session_begin(lane);
    }
    if (lane->session == 0) {
        session_begin(lane);
    }
    if (!agent_ready(agent, agent->leader[lane->partition])) {
        agent_want_metadata(agent);
        return;
    }
    for (;;) {
        while (lane->sent < lane->count && !at(lane, lane->sent)->open) {
            lane->sent++; /* known already: its answer overtook an earlier one's */
        }
        if (lane->sent == lane->count) {
            if (lane->count == producer->window || field_rests(agent->field) ||
                !lane_due(lane, now)) {
                return;
            }
            ship_begin(lane);
            lane->next_at = now + prng_between(&agent->prng, 0, lane_pace(lane));
        }
        struct shipment *ship = at(lane, lane->sent++);
        ship_send(lane, ship);
    }
}

static void on_id(struct agent_call *call, const void *answer)
{
    struct producer *producer = CONTAINER_OF(call, struct producer, id_call);
    const struct kmsg_init_producer_id_response *response = answer;
    if (response != NULL && response->error_code == KAFKA_NONE) {
        producer->producer_id = response->producer_id;
        producer->producer_epoch = response->producer_epoch;
    }
}

static void id_ask(struct producer *producer)
{
    int32_t broker = agent_anyone(&producer->agent);
    if (producer->id_call.out || !agent_ready(&producer->agent, broker)) {
        return;
    }
    struct kmsg_init_producer_id_request request;
    kmsg_init_producer_id_request_init(&request);
    request.transactional_id = (struct slice){0};
    request.transaction_timeout_ms = 60000;
    producer->id_call.done = on_id;
    agent_send(&producer->agent, broker, &producer->id_call, API_PRODUCER_ID, 4, &request);
}

static void work(struct agent *agent)
{
    struct producer *producer = CONTAINER_OF(agent, struct producer, agent);
    if (producer->idempotent && producer->producer_id < 0) {
        id_ask(producer);
    }
    for (uint32_t i = 0; i < agent->field->partition_count; i++) {
        if (agent->field->topics[field_topic_of(agent->field, i)].created) {
            lane_work(&producer->lanes[i]);
        }
    }
}

void producer_open(struct producer *producer, struct field *field, const char *address,
                   uint16_t number)
{
    *producer = (struct producer){.producer_id = -1};
    agent_open(&producer->agent, field, address, number, work);
    struct prng *prng = &producer->agent.prng;
    producer->idempotent = prng_chance(prng, 650);
    producer->acks = producer->idempotent || prng_chance(prng, 700) ? -1 : 1;
    producer->window = (uint32_t)prng_between(prng, 1, WINDOW_MAX);
    producer->records_max = (int32_t)prng_between(prng, 1, field->thinks ? 3 : 12);
    producer->pace_us = prng_between(prng, 2000, 300000);
    producer->near_wrap = prng_chance(prng, 150);
    producer->give_up_us = prng_chance(prng, 300) ? prng_between(prng, 1000000, 8000000) : 0;
    for (uint32_t i = 0; i < PARTITIONS_MAX; i++) {
        producer->lanes[i] = (struct lane){
            .producer = producer, .partition = i, .producer_id = -1, .producer_epoch = -1};
    }
}

void producer_ails(const struct producer *producer, char *sentence, size_t room)
{
    for (uint32_t i = 0; i < producer->agent.field->partition_count; i++) {
        const struct lane *lane = &producer->lanes[i];
        if (lane->count > 0) {
            (void)snprintf(sentence, room,
                           "producer %u, partition %u: %u batches, %u out, leader %d epoch %d, the"
                           " last error is %d",
                           producer->agent.number, i, lane->count, lane->out,
                           producer->agent.leader[i], producer->agent.leader_epoch[i],
                           lane->last_error);
            return;
        }
    }
}

bool producer_idle(const struct producer *producer)
{
    for (uint32_t i = 0; i < producer->agent.field->partition_count; i++) {
        if (producer->lanes[i].count > 0) {
            return false;
        }
    }
    return true;
}

void producer_close(struct producer *producer)
{
    for (uint32_t i = 0; i < producer->agent.field->partition_count; i++) {
        struct lane *lane = &producer->lanes[i];
        for (uint32_t j = 0; j < lane->count; j++) {
            if (at(lane, j)->open) {
                given_up(at(lane, j), HISTORY_INFO);
            }
        }
    }
    agent_close(&producer->agent);
}
