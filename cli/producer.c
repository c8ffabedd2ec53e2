#include "cli/producer.h"

#include "cli/topics.h"

#include "common/client/partitioner.h"
#include "common/port/memory.h"
#include "kmsg/init_producer_id.h"

#define RETRY_US         50000
#define REFRESH_US       50000
#define LANE_ARENA_MAX   ((size_t)4 << 20)
#define META_ARENA_MAX   ((size_t)64 << 20)
#define INIT_TRIES_EVERY 100000
/* What a batch may grow by when it does not compress. */
#define SEAL_SPARE       ((size_t)1 << 20)

static int no_memory(struct producer *producer)
{
    return cli_fail(producer->cli, EXIT_FAILED, "give fewer --batch-bytes", "%s",
                    err_text(ERR_NO_MEMORY));
}

/* ---- where things are ---- */

static void leaders_take(struct producer *producer,
                         const struct kmsg_metadata_response_topic *topic)
{
    assert(producer->lane_count > 0);
    for (int32_t i = 0; i < producer->lane_count; i++) {
        producer->lanes[i].leader = -1;
    }
    for (int32_t i = 0; i < topic->partitions.count; i++) {
        const struct kmsg_metadata_response_partition *p = &topic->partitions.items[i];
        if (p->partition_index >= 0 && p->partition_index < producer->lane_count) {
            producer->lanes[p->partition_index].leader = p->leader_id;
        }
    }
}

static void producer_fail(struct producer *producer, int code)
{
    assert(code != EXIT_OK);
    if (producer->failed == EXIT_OK) {
        producer->failed = code;
    }
}

/* Asks anew where the leaders are. A topic that was deleted and made again is another one: its records would be torn apart. */
static void refresh(struct producer *producer)
{
    assert(producer->stale);
    struct cli *cli = producer->cli;
    struct kmsg_metadata_response fresh;
    producer->metadata_at = session_now(&cli->session);
    arena_clear(&producer->metadata_arena);
    producer->metadata.brokers.count = 0;
    err_t err = session_metadata(&cli->session, &producer->topic, 1, &producer->metadata_arena,
                                 &fresh);
    if (err != OK || fresh.topics.count != 1) {
        return; /* nobody answers now; the batches' own time-out ends this */
    }
    producer->metadata = fresh;
    const struct kmsg_metadata_response_topic *topic = &fresh.topics.items[0];
    if (topic->error_code != KAFKA_NONE) {
        return;
    }
    if (!uuid_is_none(producer->topic_id) && !uuid_is_none(topic->topic_id) &&
        !uuid_eq(producer->topic_id, topic->topic_id)) {
        producer_fail(producer,
                      cli_fail(cli, EXIT_FAILED, "start again for the new one",
                               "topic %.*s was deleted and created anew while records were written",
                               (int)producer->topic.n, (const char *)producer->topic.p));
        return;
    }
    leaders_take(producer, topic);
    producer->stale = false;
}

/* ---- start ---- */

static int ask_producer_id(struct producer *producer)
{
    assert(producer->options.idempotent);
    struct cli *cli = producer->cli;
    struct kmsg_init_producer_id_request request;
    struct kmsg_init_producer_id_response response;
    struct link *link;
    time_us until = session_now(&cli->session) + cli->session.timeout_us;
    kmsg_init_producer_id_request_init(&request);
    request.transactional_id = (struct slice){0};
    request.transaction_timeout_ms = INT32_MAX;
    for (;;) {
        err_t err = session_any(&cli->session, &link);
        if (err != OK) {
            return cli_fail_err(cli, err, NULL, "produce");
        }
        err = ask_link(link, API_INIT_PRODUCER_ID, &request, &cli->arena, &response);
        bool again = err == ERR_CLOSED || (err == OK && kafka_error_retriable(response.error_code));
        if (err == OK && response.error_code == KAFKA_NONE) {
            producer->producer_id = response.producer_id;
            producer->producer_epoch = response.producer_epoch;
            return EXIT_OK;
        }
        if (!again || session_now(&cli->session) >= until || cli->session.interrupted) {
            return err != OK
                       ? cli_fail_err(cli, err, link, "producer id")
                       : cli_fail_kafka(cli, response.error_code, (struct slice){0}, "producer id");
        }
        session_sleep(&cli->session, INIT_TRIES_EVERY);
    }
}

static int lanes_make(struct producer *producer, const struct kmsg_metadata_response_topic *topic)
{
    assert(producer->lanes == NULL);
    struct cli *cli = producer->cli;
    struct heap *heap = &cli->session.heap;
    int32_t count = topic->partitions.count;
    if (count <= 0 || count > TOPIC_PARTITIONS_MAX) {
        return cli_fail(cli, EXIT_FAILED, "`odradek doctor` looks closer",
                        "the broker tells of no partitions");
    }
    producer->lanes = arena_array(&cli->arena, (size_t)count, sizeof(*producer->lanes));
    if (producer->lanes == NULL) {
        return no_memory(producer);
    }
    producer->lane_count = count;
    for (int32_t i = 0; i < count; i++) {
        struct producer_lane *lane = &producer->lanes[i];
        lane->partition = i;
        batch_gather_init(&lane->gather, heap, producer->options.batch_bytes);
        batch_sealed_init(&lane->sealed, heap, BATCH_OUTPUT_MAX + SEAL_SPARE);
        arena_init(&lane->arena, memory_source(cli->host), 1024, LANE_ARENA_MAX);
    }
    leaders_take(producer, topic);
    return EXIT_OK;
}

int producer_init(struct producer *producer, struct cli *cli, struct slice topic,
                  const struct producer_options *options)
{
    const struct kmsg_metadata_response_topic *found;
    memset(producer, 0, sizeof(*producer));
    producer->cli = cli;
    producer->options = *options;
    producer->topic = topic;
    producer->producer_id = NO_PRODUCER_ID;
    producer->producer_epoch = NO_PRODUCER_EPOCH;
    arena_init(&producer->metadata_arena, memory_source(cli->host), 16384, META_ARENA_MAX);
    batch_packer_init(&producer->packer, &cli->session.heap, options->compression);
    assert(!options->idempotent || options->acks == -1);
    int code = topic_metadata(cli, &producer->metadata_arena, topic, &producer->metadata, &found);
    if (code != EXIT_OK) {
        return code;
    }
    producer->topic_id = found->topic_id;
    code = lanes_make(producer, found);
    return code == EXIT_OK && options->idempotent ? ask_producer_id(producer) : code;
}

void producer_release(struct producer *producer)
{
    if (producer->cli == NULL) {
        return; /* it was never begun */
    }
    for (int32_t i = 0; i < producer->lane_count; i++) {
        struct producer_lane *lane = &producer->lanes[i];
        ask_drop(&lane->ask);
        batch_gather_release(&lane->gather);
        batch_sealed_release(&lane->sealed);
        arena_release(&lane->arena);
    }
    batch_packer_release(&producer->packer);
    arena_release(&producer->metadata_arena);
}

/* ---- taking records ---- */

static struct producer_lane *lane_for(struct producer *producer, const struct record *record,
                                      int32_t partition)
{
    assert(producer->sticky >= 0 && producer->sticky < producer->lane_count);
    assert(partition < producer->lane_count);
    if (partition >= 0) {
        return &producer->lanes[partition];
    }
    if (record->key.p != NULL) {
        return &producer->lanes[partitioner_pick(record->key, producer->lane_count)];
    }
    /* Without a key: one partition until its batch leaves, then the next that has room and a leader. */
    for (int32_t i = 0; i < producer->lane_count; i++) {
        int32_t at = (producer->sticky + i) % producer->lane_count;
        struct producer_lane *lane = &producer->lanes[at];
        if (lane->leader >= 0 && batch_gather_fits(&lane->gather, record) &&
            (lane->gather.records > 0 || lane->sealed.records == 0)) {
            producer->sticky = at;
            return lane;
        }
    }
    return &producer->lanes[producer->sticky];
}

enum offer producer_offer(struct producer *producer, struct record *record, int32_t partition)
{
    assert(producer->lane_count > 0);
    size_t bytes = batch_record_bytes_max(record);
    if (partition >= producer->lane_count || partition < -1) {
        return OFFER_WRONG_PARTITION;
    }
    if (bytes > BATCH_OUTPUT_MAX - BATCH_HEADER_BYTES) {
        return OFFER_TOO_LARGE;
    }
    struct producer_lane *lane = lane_for(producer, record, partition);
    bool room = producer->held == 0 || producer->held + bytes <= PRODUCER_ROOM;
    if (!room || !batch_gather_fits(&lane->gather, record)) {
        return OFFER_FULL;
    }
    size_t before = batch_gather_bytes(&lane->gather);
    err_t err = batch_gather_add(&lane->gather, record);
    if (err != OK) {
        producer_fail(producer, no_memory(producer));
        return OFFER_FULL;
    }
    producer->held += batch_gather_bytes(&lane->gather) - before;
    producer->records++;
    return OFFER_TAKEN;
}

/* ---- sending ---- */

static void lane_seal(struct producer *producer, struct producer_lane *lane)
{
    assert(lane->sealed.records == 0 && lane->gather.records > 0);
    int32_t sequence = lane->next_sequence;
    err_t err = batch_seal(&producer->packer, &lane->gather, producer->producer_id,
                           producer->producer_epoch, sequence, &lane->sealed);
    if (err != OK) {
        producer_fail(producer, no_memory(producer));
        return;
    }
    lane->next_sequence = batch_sequence_add(sequence, lane->sealed.records);
    lane->sealed_at = session_now(&producer->cli->session);
    lane->retry_at = 0;
    if (producer->lane_count > 1 && producer->sticky == lane->partition) {
        producer->sticky = (producer->sticky + 1) % producer->lane_count;
    }
}

static void lane_done(struct producer *producer, struct producer_lane *lane)
{
    assert(producer->held >= lane->sealed.plain_bytes);
    producer->held -= lane->sealed.plain_bytes;
    producer->acked += lane->sealed.records;
    producer->acked_bytes += (int64_t)lane->sealed.plain_bytes;
    lane->acked += lane->sealed.records;
    lane->sealed.records = 0;
    lane->last_error = KAFKA_NONE;
}

static void lane_retry(struct producer *producer, struct producer_lane *lane)
{
    assert(lane->sealed.records > 0);
    lane->retry_at = session_now(&producer->cli->session) + RETRY_US;
    producer->stale = true;
}

static void request_fill(struct producer *producer, struct producer_lane *lane, struct link *link,
                         struct kmsg_produce_request *request,
                         struct kmsg_produce_request_topic *topic,
                         struct kmsg_produce_request_partition *partition)
{
    assert(lane->sealed.records > 0 && link->state == LINK_READY);
    kmsg_produce_request_init(request);
    kmsg_produce_request_topic_init(topic);
    kmsg_produce_request_partition_init(partition);
    request->transactional_id = (struct slice){0};
    request->acks = producer->options.acks;
    request->timeout_ms = (int32_t)min_i64(producer->cli->session.timeout_us / 1000, INT32_MAX);
    request->topic_data.items = topic;
    request->topic_data.count = 1;
    if (link_version(link, API_PRODUCE) >= 13) {
        topic->topic_id = producer->topic_id;
    } else {
        topic->name = producer->topic;
    }
    topic->partition_data.items = partition;
    topic->partition_data.count = 1;
    partition->index = lane->partition;
    partition->records.bytes = buf_slice(&lane->sealed.bytes);
}

static void lane_send(struct producer *producer, struct producer_lane *lane)
{
    assert(lane->sealed.records > 0 && !lane->asked);
    struct session *session = &producer->cli->session;
    struct kmsg_produce_request request;
    struct kmsg_produce_request_topic topic;
    struct kmsg_produce_request_partition partition;
    struct net_address address;
    struct link *link;
    if (!metadata_address(&producer->metadata, lane->leader, &address)) {
        lane_retry(producer, lane);
        return;
    }
    err_t err = session_link(session, lane->leader, &address, &link);
    if (err != OK || link->state == LINK_CLOSED) {
        lane_retry(producer, lane);
        return;
    }
    if (link->state != LINK_READY) {
        return; /* it is being dialled: opening or closing it ends the wait */
    }
    request_fill(producer, lane, link, &request, &topic, &partition);
    if (producer->options.acks == 0) {
        err = link_tell(link, API_PRODUCE, &request);
        if (err == OK) {
            lane_done(producer, lane);
        }
    } else {
        arena_clear(&lane->arena);
        err = ask_start(&lane->ask, link, API_PRODUCE, &request, &lane->arena, &lane->response, 0);
        lane->asked = err == OK;
    }
    if (err == ERR_UNSUPPORTED) {
        producer_fail(producer, cli_fail_err(producer->cli, err, link, "produce"));
    } else if (err != OK) {
        lane_retry(producer, lane);
    }
}

static const char *fatal_next(int16_t code)
{
    switch (code) {
    case KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER:
    case KAFKA_UNKNOWN_PRODUCER_ID:
        return "the partition lost records that it had acknowledged, or its state of this producer: look at the "
               "brokers' logs before writing again";
    case KAFKA_INVALID_RECORD:
        return "a compacted topic needs keys (--key), and timestamps must lie in the topic's bounds";
    default: return kafka_next(code);
    }
}

static void lane_refused(struct producer *producer, struct producer_lane *lane, int16_t code,
                         struct slice message)
{
    assert(code != KAFKA_NONE);
    lane->last_error = code;
    if (code == KAFKA_DUPLICATE_SEQUENCE_NUMBER) {
        lane_done(producer, lane);
        return;
    }
    if (kafka_error_retriable(code) && code != KAFKA_CORRUPT_MESSAGE) {
        lane_retry(producer, lane);
        return;
    }
    producer_fail(producer,
                  cli_fail(producer->cli, kafka_exit(code), fatal_next(code),
                           "%.*s partition %d refuses a batch of %d records: %s%s%.*s",
                           (int)producer->topic.n, (const char *)producer->topic.p, lane->partition,
                           lane->sealed.records, kafka_error_name(code), message.n > 0 ? ": " : "",
                           (int)min_i64((int64_t)message.n, 300),
                           message.n > 0 ? (const char *)message.p : ""));
}

static void lane_answered(struct producer *producer, struct producer_lane *lane)
{
    assert(lane->asked && !lane->ask.out && lane->sealed.records > 0);
    lane->asked = false;
    if (lane->ask.err != OK) {
        lane_retry(producer, lane);
        return;
    }
    const struct kmsg_produce_response *response = &lane->response;
    if (response->responses.count != 1 ||
        response->responses.items[0].partition_responses.count != 1 ||
        response->responses.items[0].partition_responses.items[0].index != lane->partition) {
        producer_fail(producer,
                      cli_fail(producer->cli, EXIT_FAILED, "`odradek doctor` looks closer",
                               "a broker answered for another partition than was asked"));
        return;
    }
    const struct kmsg_produce_response_partition *row =
        &response->responses.items[0].partition_responses.items[0];
    if (row->error_code == KAFKA_NONE) {
        lane_done(producer, lane);
    } else {
        lane_refused(producer, lane, row->error_code, row->error_message);
    }
}

static void lane_overdue(struct producer *producer, struct producer_lane *lane)
{
    assert(lane->sealed.records > 0);
    producer_fail(
        producer,
        cli_fail(producer->cli, EXIT_TIMED_OUT,
                 "`odradek cluster` shows whether the partition has a leader and replicas in sync",
                 "%.*s partition %d: a batch of %d records was not acknowledged within "
                 "%lld s; it may have been written or not%s%s",
                 (int)producer->topic.n, (const char *)producer->topic.p, lane->partition,
                 lane->sealed.records, (long long)(producer->options.delivery_us / 1000000),
                 lane->last_error == KAFKA_NONE ? "" : "; last answer: ",
                 lane->last_error == KAFKA_NONE ? "" : kafka_error_name(lane->last_error)));
}

static void lane_step(struct producer *producer, struct producer_lane *lane, time_us now)
{
    if (lane->asked && !lane->ask.out) {
        lane_answered(producer, lane);
    }
    if (lane->sealed.records == 0 && lane->gather.records > 0 && producer->failed == EXIT_OK) {
        lane_seal(producer, lane);
    }
    if (lane->sealed.records == 0 || lane->asked || producer->failed != EXIT_OK) {
        return;
    }
    if (now - lane->sealed_at > producer->options.delivery_us) {
        lane_overdue(producer, lane);
    } else if (now >= lane->retry_at) {
        lane_send(producer, lane);
    }
}

void producer_step(struct producer *producer)
{
    assert(producer->acked <= producer->records);
    time_us now = session_now(&producer->cli->session);
    if (producer->stale && now - producer->metadata_at >= REFRESH_US &&
        producer->failed == EXIT_OK) {
        refresh(producer);
    }
    for (int32_t i = 0; i < producer->lane_count; i++) {
        lane_step(producer, &producer->lanes[i], now);
    }
}

time_us producer_deadline(const struct producer *producer)
{
    assert(producer->lane_count > 0);
    time_us now = session_now(&producer->cli->session);
    for (int32_t i = 0; i < producer->lane_count; i++) {
        const struct producer_lane *lane = &producer->lanes[i];
        if (lane->asked && !lane->ask.out) {
            return now;
        }
        if (lane->sealed.records > 0 && !lane->asked && lane->retry_at > 0) {
            return now + RETRY_US;
        }
    }
    return producer->stale ? now + REFRESH_US : TIME_NEVER;
}

bool producer_done(const struct producer *producer)
{
    for (int32_t i = 0; i < producer->lane_count && producer->failed == EXIT_OK; i++) {
        const struct producer_lane *lane = &producer->lanes[i];
        if (lane->gather.records > 0 || lane->sealed.records > 0) {
            return false;
        }
        assert(!lane->asked);
    }
    return true;
}
