#include "cli/consumer.h"

#include <stdio.h>

#include "common/port/memory.h"

#define RETRY_US        50000
#define REFRESH_US      50000
#define FETCH_WAIT_MS   500
#define FETCH_ARENA_MAX ((size_t)256 << 20)
#define META_ARENA_MAX  ((size_t)64 << 20)
#define LEADERS_MAX     1024

static void consumer_fail(struct consumer *consumer, int code)
{
    assert(code != EXIT_OK);
    if (consumer->failed == EXIT_OK) {
        consumer->failed = code;
    }
}

/* ---- where things are ---- */

static void leaders_take(struct consumer *consumer,
                         const struct kmsg_metadata_response_topic *topic)
{
    assert(consumer->count >= 0);
    for (int32_t i = 0; i < consumer->count; i++) {
        struct consumer_partition *p = &consumer->partitions[i];
        p->leader = -1;
        for (int32_t k = 0; k < topic->partitions.count; k++) {
            if (topic->partitions.items[k].partition_index == p->partition) {
                p->leader = topic->partitions.items[k].leader_id;
            }
        }
    }
}

/* Nobody answers at all: give up after --timeout. */
static void silence(struct consumer *consumer, err_t err)
{
    assert(err != OK);
    struct session *session = &consumer->cli->session;
    if (!consumer->silent_since_known) {
        consumer->silent_since_known = true;
        consumer->silent_since = session_now(session);
    } else if (session_now(session) - consumer->silent_since > session->timeout_us) {
        consumer_fail(consumer, cli_fail_err(consumer->cli, err, NULL, "consume"));
    }
}

static void refresh(struct consumer *consumer)
{
    assert(consumer->stale);
    struct cli *cli = consumer->cli;
    struct kmsg_metadata_response fresh;
    consumer->metadata_at = session_now(&cli->session);
    consumer->metadata.brokers.count = 0;
    arena_clear(&consumer->metadata_arena);
    err_t err = session_metadata(&cli->session, &consumer->topic, 1, &consumer->metadata_arena,
                                 &fresh);
    if (err != OK || fresh.topics.count != 1) {
        silence(consumer, err == OK ? ERR_MALFORMED : err);
        return;
    }
    consumer->silent_since_known = false;
    consumer->metadata = fresh;
    const struct kmsg_metadata_response_topic *topic = &fresh.topics.items[0];
    bool other = !uuid_is_none(consumer->topic_id) && !uuid_is_none(topic->topic_id) &&
                 !uuid_eq(consumer->topic_id, topic->topic_id);
    if (topic->error_code == KAFKA_UNKNOWN_TOPIC_OR_PARTITION || other) {
        consumer_fail(consumer,
                      cli_fail(cli, EXIT_FAILED, NULL, "topic %.*s was deleted while it was read",
                               (int)consumer->topic.n, (const char *)consumer->topic.p));
        return;
    }
    if (topic->error_code == KAFKA_NONE) {
        leaders_take(consumer, topic);
        consumer->stale = false;
    }
}

int consumer_init(struct consumer *consumer, struct cli *cli, struct slice topic,
                  const struct place *places, int32_t count, consumer_record_fn *record, void *ctx)
{
    assert(record != NULL && count >= 0);
    const struct kmsg_metadata_response_topic *found;
    memset(consumer, 0, sizeof(*consumer));
    consumer->cli = cli;
    consumer->ctx = ctx;
    consumer->record = record;
    consumer->topic = topic;
    arena_init(&consumer->metadata_arena, memory_source(cli->host), 16384, META_ARENA_MAX);
    batch_read_init(&consumer->read, &cli->session.heap);
    int code = topic_metadata(cli, &consumer->metadata_arena, topic, &consumer->metadata, &found);
    if (code != EXIT_OK) {
        return code;
    }
    consumer->partitions = arena_array(&cli->arena, (size_t)count, sizeof(*consumer->partitions));
    consumer->fetches = arena_array(&cli->arena, LEADERS_MAX, sizeof(*consumer->fetches));
    if (consumer->partitions == NULL || consumer->fetches == NULL) {
        return cli_fail(cli, EXIT_FAILED, NULL, "%s", err_text(ERR_NO_MEMORY));
    }
    consumer->count = count;
    consumer->fetch_room = LEADERS_MAX;
    consumer->topic_id = found->topic_id;
    for (int32_t i = 0; i < count; i++) {
        assert(places[i].offset >= 0);
        consumer->partitions[i] = (struct consumer_partition){.partition = places[i].partition,
                                                              .offset = places[i].offset,
                                                              .stop = INT64_MAX,
                                                              .bytes = CONSUMER_PARTITION_BYTES};
    }
    leaders_take(consumer, found);
    return EXIT_OK;
}

void consumer_release(struct consumer *consumer)
{
    if (consumer->cli == NULL) {
        return;
    }
    for (int32_t i = 0; i < consumer->fetch_count; i++) {
        ask_drop(&consumer->fetches[i].ask);
        arena_release(&consumer->fetches[i].arena);
    }
    batch_read_release(&consumer->read);
    arena_release(&consumer->metadata_arena);
}

/* ---- sending ---- */

static struct consumer_fetch *fetch_of(struct consumer *consumer, int32_t leader)
{
    assert(leader >= 0);
    for (int32_t i = 0; i < consumer->fetch_count; i++) {
        if (consumer->fetches[i].leader == leader) {
            return &consumer->fetches[i];
        }
    }
    if (consumer->fetch_count == consumer->fetch_room) {
        return NULL;
    }
    struct consumer_fetch *fetch = &consumer->fetches[consumer->fetch_count++];
    fetch->leader = leader;
    arena_init(&fetch->arena, memory_source(consumer->cli->host), 65536, FETCH_ARENA_MAX);
    return fetch;
}

static bool wanted(const struct consumer_partition *p, int32_t leader, time_us now)
{
    return p->leader == leader && !p->out && p->offset < p->stop && now >= p->retry_at;
}

static void retry(struct consumer *consumer, struct consumer_partition *p)
{
    assert(p->partition >= 0);
    p->retry_at = session_now(&consumer->cli->session) + RETRY_US;
    consumer->stale = true;
}

static void retry_leader(struct consumer *consumer, int32_t leader)
{
    assert(leader >= 0);
    for (int32_t i = 0; i < consumer->count; i++) {
        struct consumer_partition *p = &consumer->partitions[i];
        if (p->leader == leader && (p->out || p->offset < p->stop)) {
            p->out = false;
            retry(consumer, p);
        }
    }
}

static err_t fetch_send(struct consumer *consumer, struct consumer_fetch *fetch, struct link *link,
                        time_us now)
{
    assert(!fetch->asked && fetch->leader >= 0);
    struct kmsg_fetch_request request;
    arena_clear(&fetch->arena);
    kmsg_fetch_request_init(&request);
    request.max_wait_ms = FETCH_WAIT_MS;
    request.min_bytes = 1;
    request.max_bytes = CONSUMER_FETCH_BYTES;
    request.topics.items = kmsg_fetch_request_topic_array(&fetch->arena, 1);
    ENSURE(request.topics.items != NULL, ERR_NO_MEMORY);
    request.topics.count = 1;
    struct kmsg_fetch_request_topic *topic = &request.topics.items[0];
    if (link_version(link, API_FETCH) >= 13) {
        topic->topic_id = consumer->topic_id;
    } else {
        topic->topic = consumer->topic;
    }
    topic->partitions.items = kmsg_fetch_request_partition_array(&fetch->arena, consumer->count);
    ENSURE(topic->partitions.items != NULL, ERR_NO_MEMORY);
    for (int32_t i = 0; i < consumer->count; i++) {
        struct consumer_partition *p = &consumer->partitions[i];
        if (wanted(p, fetch->leader, now)) {
            struct kmsg_fetch_request_partition *row =
                &topic->partitions.items[topic->partitions.count++];
            row->partition = p->partition;
            row->fetch_offset = p->offset;
            row->partition_max_bytes = p->bytes;
            request.max_bytes = (int32_t)max_i64(request.max_bytes, p->bytes);
        }
    }
    TRY(ask_start(&fetch->ask, link, API_FETCH, &request, &fetch->arena, &fetch->response,
                  FETCH_WAIT_MS * 1000));
    fetch->asked = true;
    for (int32_t i = 0; i < consumer->count; i++) {
        struct consumer_partition *p = &consumer->partitions[i];
        p->out = p->out || wanted(p, fetch->leader, now);
    }
    return OK;
}

static void leader_ask(struct consumer *consumer, int32_t leader, time_us now)
{
    assert(leader >= 0);
    struct session *session = &consumer->cli->session;
    struct consumer_fetch *fetch = fetch_of(consumer, leader);
    struct net_address address;
    struct link *link = NULL;
    if (fetch == NULL || fetch->asked) {
        return;
    }
    bool known = metadata_address(&consumer->metadata, leader, &address);
    err_t err = known ? session_link(session, leader, &address, &link) : ERR_NOT_FOUND;
    if (err != OK || link->state == LINK_CLOSED) {
        retry_leader(consumer, leader);
        return;
    }
    if (link->state != LINK_READY) {
        return;
    }
    err = fetch_send(consumer, fetch, link, now);
    if (err == ERR_NO_MEMORY || err == ERR_UNSUPPORTED) {
        consumer_fail(consumer, cli_fail_err(consumer->cli, err, link, "fetch"));
    } else if (err != OK) {
        retry_leader(consumer, leader);
    }
}

static void send_all(struct consumer *consumer)
{
    time_us now = session_now(&consumer->cli->session);
    for (int32_t i = 0; i < consumer->count; i++) {
        struct consumer_partition *p = &consumer->partitions[i];
        if (p->leader < 0 && p->offset < p->stop) {
            consumer->stale = true;
        } else if (wanted(p, p->leader, now)) {
            leader_ask(consumer, p->leader, now);
        }
    }
}

/* ---- receiving ---- */

static struct consumer_partition *partition_find(struct consumer *consumer, int32_t partition)
{
    for (int32_t i = 0; i < consumer->count; i++) {
        if (consumer->partitions[i].partition == partition) {
            return &consumer->partitions[i];
        }
    }
    return NULL;
}

/* A batch that is larger than what was asked for comes whole from today's brokers, cut from old ones. */
static void grow(struct consumer *consumer, struct consumer_partition *p)
{
    assert(p->bytes > 0);
    if (p->bytes >= (int32_t)(SESSION_FRAME_MAX / 2)) {
        consumer_fail(consumer,
                      cli_fail(consumer->cli, EXIT_FAILED, NULL,
                               "partition %d offset %lld: a batch of more than %zu MiB",
                               p->partition, (long long)p->offset, SESSION_FRAME_MAX >> 21));
        return;
    }
    p->bytes *= 2;
}

static void records_take(struct consumer *consumer, struct consumer_partition *p,
                         struct slice bytes)
{
    assert(p->offset >= 0);
    struct batch_read *read = &consumer->read;
    struct record record;
    bool more = false;
    err_t err = OK;
    if (bytes.n == 0) {
        return;
    }
    batch_read_begin(read, bytes, p->offset);
    while (!consumer->enough && p->offset < p->stop) {
        err = batch_read_next(read, &record, &more);
        if (err != OK || !more) {
            break;
        }
        if (record.offset >= p->stop) {
            p->offset = p->stop;
            return;
        }
        p->offset = read->next_offset;
        p->records++;
        consumer->enough = !consumer->record(consumer, p, &record);
    }
    if (err != OK) {
        consumer_fail(
            consumer,
            cli_fail(consumer->cli, EXIT_FAILED,
                     "the broker sends bytes that are no records: look at its log; --from an "
                     "offset behind the batch passes over it",
                     "partition %d, batch at offset %lld: %s", p->partition,
                     (long long)read->batch.base_offset, batch_read_reason(read, err)));
        return;
    }
    if (!consumer->enough && !more) {
        p->offset = max_i64(p->offset, read->next_offset);
    }
    if (read->cut) {
        grow(consumer, p);
    }
}

static void out_of_range(struct consumer *consumer, struct consumer_partition *p,
                         const struct kmsg_fetch_response_partition *row)
{
    assert(row->error_code == KAFKA_OFFSET_OUT_OF_RANGE);
    struct cli *cli = consumer->cli;
    if (row->log_start_offset > p->offset) {
        cli_note(
            cli,
            "odradek: partition %d: offsets %lld to %lld are gone (retention, or trimmed); going on at %lld",
            p->partition, (long long)p->offset, (long long)row->log_start_offset - 1,
            (long long)row->log_start_offset);
        p->offset = row->log_start_offset;
        return;
    }
    consumer_fail(consumer,
                  cli_fail(cli, EXIT_FAILED,
                           "`odradek topics offsets` shows where the partitions begin and end",
                           "partition %d has no offset %lld", p->partition, (long long)p->offset));
}

static void row_take(struct consumer *consumer, const struct kmsg_fetch_response_partition *row)
{
    assert(consumer->failed == EXIT_OK && !consumer->enough);
    struct consumer_partition *p = partition_find(consumer, row->partition_index);
    if (p == NULL || !p->out) {
        return;
    }
    p->out = false;
    if (row->error_code == KAFKA_NONE) {
        records_take(consumer, p, row->records.bytes);
    } else if (row->error_code == KAFKA_OFFSET_OUT_OF_RANGE) {
        out_of_range(consumer, p, row);
    } else if (kafka_error_retriable(row->error_code)) {
        retry(consumer, p);
    } else {
        char what[64];
        (void)snprintf(what, sizeof(what), "partition %d", p->partition);
        consumer_fail(consumer,
                      cli_fail_kafka(consumer->cli, row->error_code, (struct slice){0}, what));
    }
}

static void fetch_take(struct consumer *consumer, struct consumer_fetch *fetch)
{
    assert(fetch->leader >= 0);
    const struct kmsg_fetch_response *response = &fetch->response;
    assert(fetch->asked && !fetch->ask.out);
    fetch->asked = false;
    if (fetch->ask.err != OK || kafka_error_retriable(response->error_code)) {
        retry_leader(consumer, fetch->leader);
        return;
    }
    if (response->error_code != KAFKA_NONE) {
        consumer_fail(consumer, cli_fail_kafka(consumer->cli, response->error_code,
                                               (struct slice){0}, "fetch"));
        return;
    }
    for (int32_t t = 0; t < response->responses.count; t++) {
        for (int32_t i = 0; i < response->responses.items[t].partitions.count; i++) {
            row_take(consumer, &response->responses.items[t].partitions.items[i]);
            if (consumer->enough || consumer->failed != EXIT_OK) {
                return;
            }
        }
    }
    for (int32_t i = 0; i < consumer->count; i++) { /* what was not answered is asked again */
        struct consumer_partition *p = &consumer->partitions[i];
        p->out = p->out && p->leader != fetch->leader;
    }
}

bool consumer_done(const struct consumer *consumer)
{
    assert(consumer->count >= 0);
    for (int32_t i = 0; i < consumer->count; i++) {
        if (consumer->partitions[i].offset < consumer->partitions[i].stop) {
            return false;
        }
    }
    return true;
}

static bool answered(const struct consumer *consumer)
{
    for (int32_t i = 0; i < consumer->fetch_count; i++) {
        if (consumer->fetches[i].asked && !consumer->fetches[i].ask.out) {
            return true;
        }
    }
    return false;
}

void consumer_step(struct consumer *consumer, time_us until)
{
    struct session *session = &consumer->cli->session;
    time_us now = session_now(session);
    if (consumer->stale && now - consumer->metadata_at >= REFRESH_US) {
        refresh(consumer);
    }
    send_all(consumer);
    bool waiting = consumer->stale;
    for (int32_t i = 0; i < consumer->count; i++) {
        waiting = waiting || consumer->partitions[i].retry_at > now;
    }
    if (!answered(consumer) && consumer->failed == EXIT_OK) {
        session_turn(session, waiting ? min_i64(until, now + RETRY_US) : until);
    }
    for (int32_t i = 0; i < consumer->fetch_count; i++) {
        struct consumer_fetch *fetch = &consumer->fetches[i];
        if (fetch->asked && !fetch->ask.out && !consumer->enough && consumer->failed == EXIT_OK) {
            fetch_take(consumer, fetch);
        }
    }
}
