#include "bench_server.h"

#include "common/port/memory.h"
#include "common/wire/frame.h"
#include "kmsg/fetch.h"
#include "partition_bench.h"

#define PARTS_MAX 4

/* One request of a connection: of one topic, few partitions. */
struct served {
    struct list_node node;
    struct served_conn *conn;
    struct arena arena;
    struct frame_request request;
    uint8_t *frame;
    struct kmsg_fetch_request fetch;
    struct fetch_wait wait;
    struct timer timer;
    struct partition *partitions[PARTS_MAX];
    struct fetch_part parts[PARTS_MAX];
    uint32_t count;
    bool late;
    bool done;
    bool dead; /* its connection is gone */
};

#define SESSION 5

struct served_conn {
    struct list_node list_node; /* in node->conns */
    int32_t session_epoch;      /* of the next request; 0: no session */
    struct uuid topic;
    struct kmsg_fetch_request_partition known[PARTS_MAX]; /* what the session means */
    int32_t known_count;
    bool asked_second;
    struct bench_node *node;
    struct net_conn *net;
    struct frame_reader reader;
    struct list requests; /* in order */
};

static void step(struct served *served);

static void served_free(struct served *served)
{
    for (uint32_t i = 0; i < served->count; i++) {
        if (served->partitions[i] != NULL) {
            fetch_part_clear(&served->parts[i]);
            partition_drop(served->partitions[i]);
        }
    }
    arena_release(&served->arena);
    free(served->frame);
    free(served);
}

/* Answers of a connection leave in order. */
static void flush(struct served_conn *conn)
{
    struct list_node *node;
    while ((node = list_first(&conn->requests)) != NULL) {
        struct served *served = CONTAINER_OF(node, struct served, node);
        if (!served->done) {
            return;
        }
        struct kmsg_fetch_response response;
        kmsg_fetch_response_init(&response);
        response.responses.items = kmsg_fetch_response_topic_array(&served->arena, 1);
        response.responses.count = served->count > 0 ? 1 : 0;
        struct kmsg_fetch_response_topic *topic = &response.responses.items[0];
        response.session_id = served->fetch.session_epoch >= 0 ? SESSION : 0;
        topic->topic_id = served->fetch.topics.items[0].topic_id;
        topic->partitions.items = kmsg_fetch_response_partition_array(&served->arena,
                                                                      (int32_t)served->count);
        topic->partitions.count = (int32_t)served->count;
        for (uint32_t i = 0; i < served->count; i++) {
            struct fetch_part *part = &served->parts[i];
            struct kmsg_fetch_response_partition *answer = &topic->partitions.items[i];
            answer->partition_index = served->fetch.topics.items[0].partitions.items[i].partition;
            answer->error_code = (int16_t)(served->partitions[i] == NULL ? KAFKA_UNKNOWN_TOPIC_ID
                                                                         : part->error);
            answer->high_watermark = part->high_watermark_now;
            answer->last_stable_offset = part->last_stable_offset;
            answer->log_start_offset = part->log_start;
            answer->producers = part->producers;
            answer->diverging_epoch.epoch = part->diverging_epoch;
            answer->diverging_epoch.end_offset = part->diverging_end;
            answer->records = part->records;
            part->records = (struct kmsg_records){0};
        }
        struct chain chain;
        chain_init(&chain, &conn->node->net_heap);
        CHECK(frame_response_encode(served->request.api, served->request.version,
                                    served->request.correlation_id, &response, &served->arena,
                                    &chain) == OK);
        net_send(conn->net, &chain);
        chain_release(&chain);
        list_remove(&served->node);
        served_free(served);
    }
}

static void told(struct mail *mail)
{
    struct served *served = CONTAINER_OF(CONTAINER_OF(mail, struct fetch_wait, mail), struct served,
                                         wait);
    for (uint32_t i = 0; i < served->count; i++) {
        partition_unwatch(&served->parts[i]);
    }
    fetch_wait_again(&served->wait);
    if (!served->dead) {
        step(served);
    } else if (fetch_wait_idle(&served->wait)) {
        served_free(served);
    }
}

static void timed_out(struct timer *timer)
{
    struct served *served = CONTAINER_OF(timer, struct served, timer);
    served->late = true;
    for (uint32_t i = 0; i < served->count; i++) {
        partition_unwatch(&served->parts[i]);
    }
    if (fetch_wait_idle(&served->wait)) {
        step(served);
    }
}

static void finish(struct served *served)
{
    timer_cancel(served->conn->node->reactors[0], &served->timer);
    served->done = true;
    flush(served->conn);
}

/* Asks all partitions; answers, or parks. */
static void step(struct served *served)
{
    size_t bytes = 0;
    bool at_once = served->late || served->fetch.max_wait_ms == 0;
    bool cold = false;
    for (uint32_t i = 0; i < served->count; i++) {
        const struct kmsg_fetch_request_partition *ask =
            &served->fetch.topics.items[0].partitions.items[i];
        if (served->partitions[i] == NULL) {
            at_once = true;
            continue;
        }
        bool wants = served->fetch.max_bytes > 0;
        partition_fetch(served->partitions[i], &served->parts[i],
                        wants ? (size_t)ask->partition_max_bytes : 0, wants);
        at_once = at_once || served->parts[i].at_once;
        bytes += served->parts[i].records.n;
        if (served->parts[i].cold) {
            cold = true;
            partition_warm(served->partitions[i], &served->parts[i], &served->wait);
        }
    }
    if (cold) {
        return;
    }
    if (at_once || (int64_t)bytes >= served->fetch.min_bytes) {
        finish(served);
        return;
    }
    for (uint32_t i = 0; i < served->count; i++) {
        if (!partition_watch(served->partitions[i], &served->parts[i], &served->wait)) {
            for (uint32_t j = 0; j < i; j++) {
                partition_unwatch(&served->parts[j]);
            }
            if (fetch_wait_idle(&served->wait)) {
                step(served);
            }
            return;
        }
    }
    if (!timer_armed(&served->timer)) {
        timer_arm(served->conn->node->reactors[0], &served->timer,
                  loop_now_us(served->conn->node->reactors[0]) +
                      (int64_t)served->fetch.max_wait_ms * 1000);
    }
}

static void session_put(struct served_conn *conn, const struct kmsg_fetch_request_partition *ask)
{
    int32_t i = 0;
    while (i < conn->known_count && conn->known[i].partition != ask->partition) {
        i++;
    }
    CHECK(i < PARTS_MAX);
    conn->known[i] = *ask;
    conn->known_count += i == conn->known_count;
}

static void session_forget(struct served_conn *conn, int32_t partition)
{
    for (int32_t i = 0; i < conn->known_count; i++) {
        if (conn->known[i].partition == partition) {
            conn->known[i] = conn->known[--conn->known_count];
        }
    }
}

/* KIP-227: what a request of a session means is put in place of what it names. */
static void session_take(struct served_conn *conn, struct served *served)
{
    struct kmsg_fetch_request *fetch = &served->fetch;
    if (fetch->session_epoch < 0) {
        return;
    }
    CHECK(fetch->session_epoch == 0 ||
          (fetch->session_id == SESSION && fetch->session_epoch == conn->session_epoch));
    conn->known_count = fetch->session_epoch == 0 ? 0 : conn->known_count;
    conn->session_epoch = fetch->session_epoch + 1;
    for (int32_t t = 0; t < fetch->topics.count; t++) {
        conn->topic = fetch->topics.items[t].topic_id;
        for (int32_t i = 0; i < fetch->topics.items[t].partitions.count; i++) {
            session_put(conn, &fetch->topics.items[t].partitions.items[i]);
            atomic_fetch_add(&conn->node->named, 1);
        }
    }
    for (int32_t t = 0; t < fetch->forgotten_topics_data.count; t++) {
        session_forget(conn, fetch->forgotten_topics_data.items[t].partitions.items[0]);
    }
    CHECK(conn->known_count > 0);
    fetch->topics.items = kmsg_fetch_request_topic_array(&served->arena, 1);
    fetch->topics.count = 1;
    fetch->topics.items[0].topic_id = conn->topic;
    fetch->topics.items[0].partitions.items = kmsg_fetch_request_partition_array(&served->arena,
                                                                                 conn->known_count);
    fetch->topics.items[0].partitions.count = conn->known_count;
    memcpy(fetch->topics.items[0].partitions.items, conn->known,
           (size_t)conn->known_count * sizeof(conn->known[0]));
}

/* Whether this question for a partition is answered as if it was not known. */
static bool unknown(struct served_conn *conn, int32_t partition)
{
    if (partition != 1 || atomic_load(&conn->node->unknowing) == 0) {
        return false;
    }
    atomic_fetch_sub(&conn->node->unknowing, 1);
    return true;
}

/* How long a poll waits that leaves out partition 1, which was asked for on this connection. */
static void note_left_out(struct served_conn *conn, const struct served *served)
{
    const struct kmsg_fetch_request_topic *topic = &served->fetch.topics.items[0];
    bool second = false;
    for (int32_t i = 0; i < topic->partitions.count; i++) {
        second = second || topic->partitions.items[i].partition == 1;
    }
    conn->asked_second = conn->asked_second || second;
    if (!second && conn->asked_second && served->fetch.max_bytes > 0 &&
        served->fetch.max_wait_ms > atomic_load(&conn->node->left_out_ms)) {
        atomic_store(&conn->node->left_out_ms, served->fetch.max_wait_ms);
    }
}

static void serve_fetch(struct served_conn *conn, struct slice frame)
{
    if (atomic_load(&conn->node->deaf)) {
        return;
    }
    struct served *served = calloc(1, sizeof(*served));
    served->conn = conn;
    served->frame = malloc(frame.n);
    memcpy(served->frame, frame.p, frame.n);
    arena_init(&served->arena, memory_source(conn->node->bench->host), 4096, 64 << 20);
    CHECK(frame_request_decode(slice_of(served->frame, frame.n), &served->request) == OK);
    CHECK(served->request.key == 1 && served->request.version_known);
    struct slice body = served->request.body;
    CHECK(kmsg_decode(&kmsg_fetch_request_desc, served->request.version, &body, &served->arena,
                      &served->fetch) == OK);
    session_take(conn, served);
    CHECK(served->fetch.topics.count == 1);
    const struct kmsg_fetch_request_topic *topic = &served->fetch.topics.items[0];
    CHECK(topic->partitions.count <= PARTS_MAX);
    served->count = (uint32_t)topic->partitions.count;
    note_left_out(conn, served);
    fetch_wait_init(&served->wait, conn->node->reactors[0], told);
    served->timer.fire = timed_out;
    for (uint32_t i = 0; i < served->count; i++) {
        const struct kmsg_fetch_request_partition *ask = &topic->partitions.items[i];
        struct fetch_part *part = &served->parts[i];
        served->partitions[i] = unknown(conn, ask->partition)
                                    ? NULL
                                    : partitions_find(conn->node->table, topic->topic_id,
                                                      ask->partition);
        part->replica_id = served->fetch.replica_state.replica_id;
        part->broker_epoch = served->fetch.replica_state.replica_epoch;
        part->current_leader_epoch = ask->current_leader_epoch;
        part->fetch_offset = ask->fetch_offset;
        part->last_fetched_epoch = ask->last_fetched_epoch;
        part->durable_offset = ask->durable_offset;
        part->bad_crc_offset = ask->bad_crc_offset;
        part->producers_below = ask->producers_below;
        part->arena = &served->arena;
        part->high_watermark = ask->high_watermark;
        part->follower_log_start = ask->log_start_offset;
    }
    atomic_fetch_add(&conn->node->fetches, 1);
    list_push(&conn->requests, &served->node);
    step(served);
}

static void conn_bytes(void *ctx, const uint8_t *p, size_t n)
{
    struct served_conn *conn = ctx;
    struct slice bytes = slice_of(p, n);
    struct slice frame;
    do {
        CHECK(frame_reader_next(&conn->reader, &bytes, &frame) == OK);
        if (frame.p != NULL) {
            serve_fetch(conn, frame);
        }
    } while (frame.p != NULL);
}

/* What is parked is let go; a letter that is on its way frees the request when it comes. */
static void conn_free(struct served_conn *conn)
{
    struct list_node *node;
    while ((node = list_pop(&conn->requests)) != NULL) {
        struct served *served = CONTAINER_OF(node, struct served, node);
        timer_cancel(conn->node->reactors[0], &served->timer);
        for (uint32_t i = 0; i < served->count; i++) {
            partition_unwatch(&served->parts[i]);
        }
        served->dead = true;
        if (fetch_wait_idle(&served->wait)) {
            served_free(served);
        }
    }
    frame_reader_release(&conn->reader);
    list_remove(&conn->list_node);
    free(conn);
}

static void conn_closed(void *ctx, err_t why)
{
    (void)why;
    conn_free(ctx);
}

static const struct net_events conn_events = {.bytes = conn_bytes, .closed = conn_closed};

static void accepted(void *ctx, struct net_conn *net)
{
    struct bench_node *node = ctx;
    struct served_conn *conn = calloc(1, sizeof(*conn));
    conn->node = node;
    conn->net = net;
    list_push(&node->conns, &conn->list_node);
    list_init(&conn->requests);
    frame_reader_init(&conn->reader, &node->net_heap, 1 << 20);
    net_start(node->reactors[0], net, &conn_events, conn);
}

void bench_serve(void *arg)
{
    struct bench_node *node = arg;
    list_init(&node->conns);
    struct net_address address = {.host = "127.0.0.1", .port = node->port};
    CHECK(net_listen(node->reactors[0], &address, 16, accepted, node, &node->listener) == OK);
    node->port = net_listener_port(node->listener);
}

void bench_unserve(void *arg)
{
    struct bench_node *node = arg;
    net_unlisten(node->listener);
    while (!list_empty(&node->conns)) {
        struct served_conn *conn = CONTAINER_OF(list_first(&node->conns), struct served_conn,
                                                list_node);
        net_close(conn->net);
        conn_free(conn);
    }
}
