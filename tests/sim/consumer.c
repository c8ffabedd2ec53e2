/* Consumers: each reads all partitions, one fetch for each broker at a time, and begins again now and then. */
#include <stdio.h>

#include "common/wire/kafka_error.h"
#include "common/wire/record_batch_records.h"
#include "kmsg/fetch.h"
#include "kmsg/list_offsets.h"
#include "tests/sim/actors.h"

#define API_FETCH      1
#define API_OFFSETS    2
#define QUIET_BYTES    (1 << 20)
#define WAIT_MS        400
#define WAIT_IDLE_MS   3000
#define SESSION_PARTS  4     /* of a member's session, which a fetch may take one */
#define REST_US        20000 /* after an error */
#define READ_AGAIN_MIN 500
#define FETCH_MOST_US  5000000             /* what is asked for at the end fits into that ... */
#define LAST_US        (3 * FETCH_MOST_US) /* ... mostly, and is not asked for again for ever */
#define LATEST         (-1)
#define EARLIEST       (-2)

static void session_begin(struct consumer *consumer, uint32_t partition, int64_t next)
{
    struct consumer_part *part = &consumer->parts[partition];
    part->next = next;
    part->session = ++consumer->agent.field->sessions;
    part->notes = 0;
}

/* ---- records ---- */

static void note(struct consumer *consumer, uint32_t partition, int64_t offset, bool good,
                 uint64_t value, time_us began_us)
{
    struct field *field = consumer->agent.field;
    struct consumer_part *part = &consumer->parts[partition];
    struct history_op op = {.began_us = began_us,
                            .ended_us = world_now_us(field->cluster->world),
                            .value = value,
                            .offset = offset,
                            .sequence = part->notes++,
                            .session = part->session,
                            .partition = partition,
                            .client = consumer->agent.number,
                            .group = consumer->group,
                            .kind = consumer->final ? HISTORY_FINAL : HISTORY_READ,
                            .status = good ? HISTORY_OK : HISTORY_CORRUPT};
    op.flags |= field->topics[field_topic_of(field, partition)].weak ? HISTORY_WEAK : 0;
    history_add(field->history, &op);
    consumer->read++;
}

static bool batch_read(struct consumer *consumer, uint32_t partition, struct slice batch,
                       time_us began_us)
{
    struct consumer_part *part = &consumer->parts[partition];
    struct batch_header header;
    struct record_reader reader;
    struct record record;
    bool more = true;
    if (batch_check(crc32c_detect(), batch, &header) != OK) {
        if (consumer->agent.field->memory_rots ||
            began_us < consumer->agent.field->memory_well_us) {
            agent_want_metadata(&consumer->agent);
            return false;
        }
        note(consumer, partition, part->next, false, 0, began_us);
        return false;
    }
    record_reader_init(&reader, &header,
                       slice_of(batch.p + BATCH_HEADER_BYTES, batch.n - BATCH_HEADER_BYTES));
    while (record_reader_next(&reader, &record, &more) == OK && more) {
        if (record.offset < part->next) {
            continue; /* a batch is read from its beginning */
        }
        uint64_t value = 0;
        bool good = field_value_read(consumer->agent.field, record.value, partition, &value);
        note(consumer, partition, record.offset, good, value, began_us);
        part->next = record.offset + 1;
    }
    return true;
}

static void part_read(struct consumer *consumer, const struct agent_call *call, uint32_t partition,
                      const struct kmsg_fetch_response_partition *answer, time_us began_us)
{
    struct consumer_part *part = &consumer->parts[partition];
    struct slice records = answer->records.bytes;
    struct slice batch;
    bool good = true;
    if (part->off || part->next != part->asked || part->asked_by != call) {
        return; /* it reads on from elsewhere, or asked another broker since (seed 1029548) */
    }
    if (answer->error_code != KAFKA_NONE) {
        agent_want_metadata(&consumer->agent);
        consumer->agent.field->errors++;
        part->last_error = answer->error_code;
        part->rest_until = agent_now(&consumer->agent) + REST_US;
        if (answer->error_code == KAFKA_OFFSET_OUT_OF_RANGE) {
            part->next = -1; /* as auto.offset.reset says */
        }
        return;
    }
    while (good && batch_cut(&records, &batch) == OK) {
        good = batch_read(consumer, partition, batch, began_us);
    }
    if (part->end >= 0 && part->next >= part->end) {
        part->whole = true;
    }
}

static void on_fetched(struct agent_call *call, const void *answer)
{
    struct consumer *consumer = CONTAINER_OF(call->agent, struct consumer, agent);
    struct field *field = consumer->agent.field;
    const struct kmsg_fetch_response *response = answer;
    time_us began_us = world_now_us(field->cluster->world) -
                       (agent_now(call->agent) - call->sent_us) * 11 / 10; /* clocks differ */
    if (response == NULL || response->error_code != KAFKA_NONE) {
        agent_want_metadata(&consumer->agent);
        return;
    }
    for (int32_t i = 0; i < response->responses.count; i++) {
        const struct kmsg_fetch_response_topic *topic = &response->responses.items[i];
        for (uint32_t t = 0; t < field->topic_count; t++) {
            if (slice_eq(topic->topic, slice_str(field->topics[t].name))) {
                for (int32_t p = 0; p < topic->partitions.count; p++) {
                    const struct kmsg_fetch_response_partition *part = &topic->partitions.items[p];
                    part_read(consumer, call, field->topics[t].number[part->partition_index], part,
                              began_us);
                }
            }
        }
    }
}

static void on_refused(struct agent_call *call, const void *answer)
{
    (void)answer;
    agent_want_metadata(call->agent);
}

static bool wanted(const struct consumer *consumer, uint32_t partition, int32_t broker)
{
    const struct consumer_part *part = &consumer->parts[partition];
    return consumer->agent.leader[partition] == broker && part->next >= 0 && !part->whole &&
           !part->off && (!consumer->final || part->end >= 0) &&
           agent_now(&consumer->agent) >= part->rest_until;
}

static void fetch_ask(struct consumer *consumer, int32_t broker)
{
    struct agent *agent = &consumer->agent;
    struct field *field = agent->field;
    struct kmsg_fetch_request_partition parts[PARTITIONS_MAX];
    struct kmsg_fetch_request_topic topics[TOPICS_MAX];
    struct kmsg_fetch_request request;
    uint32_t part_count = 0;
    int32_t topic_count = 0;
    for (uint32_t t = 0; t < field->topic_count; t++) {
        kmsg_fetch_request_topic_init(&topics[topic_count]);
        topics[topic_count].topic = slice_str(field->topics[t].name);
        topics[topic_count].partitions.items = &parts[part_count];
        for (uint32_t i = 0; i < field->topics[t].partitions; i++) {
            uint32_t p = field->topics[t].number[i];
            if (wanted(consumer, p, broker)) {
                struct kmsg_fetch_request_partition *part = &parts[part_count++];
                kmsg_fetch_request_partition_init(part);
                part->partition = (int32_t)i;
                part->fetch_offset = consumer->parts[p].next;
                consumer->parts[p].asked = part->fetch_offset;
                consumer->parts[p].asked_by = &consumer->calls[broker];
                part->current_leader_epoch = agent->leader_epoch[p];
                /* When only the rest is to be read, nobody takes a minute for it. */
                part->partition_max_bytes = field->quiet ? QUIET_BYTES : consumer->bytes_max;
                topics[topic_count].partitions.count++;
            }
        }
        topic_count += topics[topic_count].partitions.count > 0;
    }
    if (part_count == 0) {
        return;
    }
    kmsg_fetch_request_init(&request);
    /* A stranger that says it is a replica, in a version without broker epochs: it must move no high watermark. */
    bool stranger = consumer->stranger && prng_chance(&agent->prng, 20);
    request.replica_id = stranger ? broker_id((uint32_t)(broker + 1) % field->cluster->broker_count)
                                  : -1;
    for (uint32_t i = 0; i < part_count && stranger; i++) {
        parts[i].fetch_offset += prng_between(&agent->prng, 0, 200);
    }
    /* Who thinks has time, but no more than the patience that it has with a broker. */
    int64_t most_ms = field->thinks ? min_i64(WAIT_IDLE_MS, agent->patience_us / 1500) : WAIT_MS;
    bool thinks = field->thinks && consumer->session_ms > 0;
    most_ms = thinks ? min_i64(most_ms, consumer->session_ms / SESSION_PARTS) : most_ms;
    request.max_wait_ms = (int32_t)prng_between(&agent->prng, field_busy(field) ? 0 : most_ms / 2,
                                                field_busy(field) ? WAIT_MS : most_ms);
    request.min_bytes = 1;
    if (field->quiet) { /* what a narrow network carries while it has patience: 200 KB/s */
        time_us patience_us = min_i64(agent->patience_us, FETCH_MOST_US);
        if (consumer->session_ms > 0) {
            patience_us = min_i64(patience_us,
                                  (time_us)consumer->session_ms * 1000 / SESSION_PARTS);
        }
        request.max_bytes = (int32_t)(patience_us / 5);
    }
    request.topics.items = topics;
    request.topics.count = topic_count;
    consumer->calls[broker].done = stranger ? on_refused : on_fetched;
    agent_send(agent, broker, &consumer->calls[broker], API_FETCH, 12, &request);
}

/* ---- where to begin, and to end ---- */

/* Who does not know yet that it is deposed may tell an old one: that is not held against it. */
static void end_note(struct consumer *consumer, uint32_t partition, int64_t offset)
{
    struct field *field = consumer->agent.field;
    uint32_t t = field_topic_of(field, partition);
    if (field_leader_epoch(field, partition) != consumer->parts[partition].asked_epoch) {
        return;
    }
    struct history_op op = {.kind = HISTORY_END,
                            .partition = partition,
                            .offset = offset,
                            .client = consumer->agent.number,
                            .began_us = consumer->parts[partition].asked_us,
                            .ended_us = world_now_us(field->cluster->world)};
    op.flags |= field->topics[t].weak ? HISTORY_WEAK : 0;
    history_add(field->history, &op);
}

static void on_ends(struct agent_call *call, const void *answer)
{
    struct consumer *consumer = CONTAINER_OF(call, struct consumer, ends_call);
    const struct kmsg_list_offsets_response *response = answer;
    uint32_t p = consumer->ends_partition;
    struct consumer_part *part = &consumer->parts[p];
    if (response == NULL || response->topics.count != 1 ||
        response->topics.items[0].partitions.count != 1 ||
        response->topics.items[0].partitions.items[0].error_code != KAFKA_NONE) {
        agent_want_metadata(&consumer->agent);
        return;
    }
    if (part->off || (consumer->group != 0 && part->next >= 0)) {
        return; /* it was given away, or given anew, meanwhile */
    }
    int64_t offset = response->topics.items[0].partitions.items[0].offset;
    if (consumer->ends_latest) {
        end_note(consumer, p, offset);
    }
    if (!consumer->ends_latest) {
        struct history_op op = {.kind = HISTORY_BEGIN,
                                .partition = p,
                                .offset = offset,
                                .client = consumer->agent.number,
                                .began_us = part->asked_us,
                                .ended_us = world_now_us(consumer->agent.field->cluster->world)};
        history_add(consumer->agent.field->history, &op);
        session_begin(consumer, p, offset);
        part->start = offset;
    } else if (consumer->final &&
               field_leader_epoch(consumer->agent.field, p) != part->asked_epoch) {
        agent_want_metadata(&consumer->agent); /* of one that is deposed it is not the end */
    } else if (consumer->final) {
        part->end = offset;
        part->end_asked_us = part->asked_us;
        part->whole = part->next >= part->end;
    } else {
        session_begin(consumer, p, offset);
    }
}

static void ends_ask(struct consumer *consumer, uint32_t p)
{
    struct agent *agent = &consumer->agent;
    struct field *field = agent->field;
    struct consumer_part *part = &consumer->parts[p];
    uint32_t t = field_topic_of(field, p);
    bool needed = !part->off && (part->next < 0 || (consumer->final && part->end < 0));
    if (!needed || consumer->ends_call.out || !field->topics[t].created ||
        !agent_ready(agent, agent->leader[p])) {
        return;
    }
    struct kmsg_list_offsets_request_partition data;
    struct kmsg_list_offsets_request_topic topic;
    struct kmsg_list_offsets_request request;
    kmsg_list_offsets_request_partition_init(&data);
    data.partition_index = field_index_of(field, p);
    data.current_leader_epoch = agent->leader_epoch[p];
    consumer->ends_partition = p;
    part->asked_us = world_now_us(field->cluster->world);
    part->asked_epoch = agent->leader_epoch[p];
    consumer->ends_latest = consumer->final
                                ? part->next >= 0
                                : consumer->group == 0 && prng_chance(&agent->prng, 500);
    data.timestamp = consumer->ends_latest ? LATEST : EARLIEST;
    kmsg_list_offsets_request_topic_init(&topic);
    topic.name = slice_str(field->topics[t].name);
    topic.partitions.items = &data;
    topic.partitions.count = 1;
    kmsg_list_offsets_request_init(&request);
    request.replica_id = -1;
    request.topics.items = &topic;
    request.topics.count = 1;
    consumer->ends_call.done = on_ends;
    agent_send(agent, agent->leader[p], &consumer->ends_call, API_OFFSETS, 7, &request);
}

void consumer_take(struct consumer *consumer, uint32_t partition, int64_t offset)
{
    assert(consumer->group != 0);
    consumer->parts[partition].off = false;
    session_begin(consumer, partition, offset);
}

void consumer_drop(struct consumer *consumer, uint32_t partition)
{
    assert(consumer->group != 0);
    consumer->parts[partition].off = true;
    consumer->parts[partition].next = -1;
}

/* It reads most things once and some of them again, not everything ten times. */
static bool may_restart(const struct consumer *consumer)
{
    uint64_t there = READ_AGAIN_MIN;
    for (uint32_t p = 0; p < consumer->agent.field->partition_count; p++) {
        there += consumer->parts[p].next > 0 ? (uint64_t)consumer->parts[p].next : 0;
    }
    return consumer->read * 2 < there * 3;
}

void consumer_work(struct consumer *consumer)
{
    struct agent *agent = &consumer->agent;
    for (uint32_t p = 0; p < agent->field->partition_count; p++) {
        ends_ask(consumer, p);
        if (agent->leader[p] < 0) {
            agent_want_metadata(agent);
        }
    }
    for (int32_t b = 0; b < (int32_t)agent->field->cluster->broker_count; b++) {
        if (!consumer->calls[b].out && agent_ready(agent, b)) {
            if (prng_chance(&agent->prng, consumer->restart_per_mille) && may_restart(consumer)) {
                uint32_t p = (uint32_t)prng_below(&agent->prng, agent->field->partition_count);
                consumer->parts[p].next = -1;
            }
            fetch_ask(consumer, b);
        }
    }
}

static void work(struct agent *agent)
{
    consumer_work(CONTAINER_OF(agent, struct consumer, agent));
}

void consumer_open(struct consumer *consumer, struct field *field, const char *address,
                   uint16_t number, bool final)
{
    *consumer = (struct consumer){.final = final};
    for (uint32_t p = 0; p < PARTITIONS_MAX; p++) {
        consumer->parts[p] = (struct consumer_part){.next = -1, .end = -1, .start = -1};
    }
    agent_open(&consumer->agent, field, address, number, work);
    struct prng *prng = &consumer->agent.prng;
    consumer->bytes_max = (int32_t)prng_between(prng, 1, 20000);
    consumer->stranger = !final && prng_chance(prng, 300);
    consumer->restart_per_mille = final ? 0 : (uint32_t)prng_between(prng, 0, 12);
    if (final) {
        consumer->bytes_max = 1 << 20;
        consumer->agent.patience_us = LAST_US;
    }
}

void consumer_ails(const struct consumer *consumer, char *sentence, size_t room)
{
    const struct field *field = consumer->agent.field;
    for (uint32_t p = 0; p < field->partition_count; p++) {
        const struct consumer_part *part = &consumer->parts[p];
        if (!part->whole) {
            (void)snprintf(
                sentence, room,
                "%s-%d: read up to %lld of %lld, leader %d epoch %d, the last error is %d",
                field->topics[field_topic_of(field, p)].name, field_index_of(field, p),
                (long long)part->next, (long long)part->end, consumer->agent.leader[p],
                consumer->agent.leader_epoch[p], part->last_error);
            return;
        }
    }
}

bool consumer_finished(const struct consumer *consumer)
{
    for (uint32_t p = 0; p < consumer->agent.field->partition_count; p++) {
        if (!consumer->parts[p].whole) {
            return false;
        }
    }
    return true;
}

void consumer_close(struct consumer *consumer)
{
    struct field *field = consumer->agent.field;
    for (uint32_t p = 0; p < field->partition_count && consumer->final; p++) {
        if (consumer->parts[p].whole) {
            struct history_op op = {.kind = HISTORY_RANGE,
                                    .began_us = consumer->parts[p].end_asked_us,
                                    .partition = p,
                                    .offset = consumer->parts[p].start,
                                    .value = (uint64_t)consumer->parts[p].end};
            history_add(field->history, &op);
        }
    }
    agent_close(&consumer->agent);
}
