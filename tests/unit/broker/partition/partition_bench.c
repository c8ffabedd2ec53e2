#include "partition_bench.h"

#include <sys/stat.h>
#include <unistd.h>

#include "bench_server.h"
#include "common/port/clock.h"
#include "common/port/console.h"
#include "common/port/entropy.h"
#include "common/port/memory.h"
#include "common/wire/record_batch_build.h"

/* ---- letters ---- */

struct call {
    struct mail mail;
    void (*fn)(void *arg);
    void *arg;
    sem_t done;
};

static void call_delivered(struct mail *mail)
{
    struct call *call = CONTAINER_OF(mail, struct call, mail);
    call->fn(call->arg);
    CHECK(sem_post(&call->done) == 0);
}

void bench_call(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    struct call call = {.mail = {.deliver = call_delivered}, .fn = fn, .arg = arg};
    CHECK(sem_init(&call.done, 0, 0) == 0);
    loop_post(loop, &call.mail);
    CHECK(sem_wait(&call.done) == 0);
    CHECK(sem_destroy(&call.done) == 0);
}

/* ---- metadata ---- */

static struct meta_record broker_record(struct bench *b, uint32_t i)
{
    struct meta_record record = {.kind = META_BROKER};
    struct bench_node *node = &b->nodes[i];
    record.broker.id = node->id;
    record.broker.epoch = b->epochs[i];
    record.broker.endpoints[0] = (struct meta_endpoint){
        .listener = slice_str("INTERNAL"), .host = slice_str("127.0.0.1"), .port = node->port};
    record.broker.endpoint_count = 1;
    record.broker.dirs[0] = b->dirs[i];
    record.broker.dir_count = 1;
    record.broker.fenced = !node->up;
    return record;
}

struct applying {
    struct bench_node *node;
    struct meta_batch batch;
    int64_t offset;
};

static void apply_here(void *arg)
{
    struct applying *applying = arg;
    struct bench_node *node = applying->node;
    struct arena arena;
    struct meta_changes changes;
    struct meta_image *image;
    arena_init(&arena, memory_source(node->bench->host), 4096, 1 << 20);
    CHECK(meta_image_apply(&node->store, node->image, applying->batch, applying->offset, 1, &arena,
                           &changes, &image) == OK);
    partitions_apply(node->table, image, &changes);
    if (node->bench->applied != NULL) {
        node->bench->applied(node, node->image, image, &changes);
    }
    meta_image_drop(&node->store, node->image);
    node->image = image;
    arena_release(&arena);
}

struct letter {
    struct mail mail;
    struct applying applying;
    struct meta_record records[5];
};

static void letter_delivered(struct mail *mail)
{
    struct letter *letter = CONTAINER_OF(mail, struct letter, mail);
    apply_here(&letter->applying);
    free(letter);
}

/* Who hosts a partition looks at settings anew only if the metadata says that some moved. */
static bool settings_moved(struct bench *b, struct meta_record *record)
{
    /* Padding that differs only has them looked at once more. NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
    bool same = memcmp(&b->told, &b->settings, sizeof(b->told)) == 0;
    if (same || uuid_is_none(b->topic)) {
        return false;
    }
    b->told = b->settings;
    *record = (struct meta_record){.kind = META_CONFIG};
    record->config.resource = b->cluster_wide ? META_RESOURCE_BROKER : META_RESOURCE_TOPIC;
    record->config.name = slice_str(b->cluster_wide ? "" : b->topic_name);
    record->config.key = slice_str("segment.ms");
    record->config.value = slice_str(b->offset % 2 == 0 ? "1000" : "2000");
    return true;
}

/* Posted with the mutex held: every node sees the batches in the same order. */
static void publish(struct bench *b, const struct meta_record *records, uint32_t count)
{
    struct meta_record moved;
    CHECK(count <= 4);
    b->offset++;
    bool moves = settings_moved(b, &moved);
    for (uint32_t i = 0; i < b->node_count; i++) {
        if (!b->nodes[i].up) {
            continue;
        }
        struct letter *letter = calloc(1, sizeof(*letter));
        memcpy(letter->records, records, count * sizeof(*records));
        letter->records[count] = moved;
        letter->mail.deliver = letter_delivered;
        letter->applying = (struct applying){
            .node = &b->nodes[i], .batch = {letter->records, count + moves}, .offset = b->offset};
        loop_post(b->nodes[i].control, &letter->mail);
    }
}

static void nothing(void *arg)
{
    (void)arg;
}

/* Waits until what was published has been applied. */
static void settle(struct bench *b)
{
    for (uint32_t i = 0; i < b->node_count; i++) {
        if (b->nodes[i].up) {
            bench_call(b->nodes[i].control, nothing, NULL);
        }
    }
}

static void publish_partition(struct bench *b)
{
    struct meta_record record = {.kind = META_PARTITION, .partition = b->partition};
    publish(b, &record, 1);
}

void bench_lead(struct bench *b, int32_t leader)
{
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    b->partition.leader = leader;
    b->partition.leader_epoch++;
    b->partition.partition_epoch++;
    publish_partition(b);
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
    settle(b);
}

void bench_lead_in_sync(struct bench *b, int32_t wanted)
{
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    bool in = meta_ids_has(&b->partition.isr, wanted);
    b->partition.leader = in ? wanted : b->partition.isr.id[0];
    b->partition.leader_epoch++;
    b->partition.partition_epoch++;
    publish_partition(b);
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
    settle(b);
}

void bench_place(struct bench *b, uint32_t node)
{
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    b->partition.replicas[node].dir = b->dirs[node];
    b->partition.partition_epoch++;
    publish_partition(b);
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
    settle(b);
}

void bench_isr(struct bench *b, uint32_t nodes)
{
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    b->partition.isr.count = 0;
    for (uint32_t i = 0; i < b->node_count; i++) {
        if (nodes & (1u << i)) {
            b->partition.isr.id[b->partition.isr.count++] = b->nodes[i].id;
        }
    }
    b->partition.partition_epoch++;
    publish_partition(b);
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
    settle(b);
}

void bench_create(struct bench *b)
{
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    struct meta_record records[2] = {{.kind = META_TOPIC}, {.kind = META_PARTITION}};
    b->topic = entropy_uuid(b->host);
    b->partition = (struct meta_partition){
        .topic = b->topic, .replica_count = b->node_count, .leader = 0};
    for (uint32_t i = 0; i < b->node_count; i++) {
        b->partition.replicas[i] = (struct meta_replica){.broker = b->nodes[i].id,
                                                         .synced = b->settings.durable};
        b->partition.isr.id[i] = b->nodes[i].id;
    }
    b->partition.isr.count = b->node_count;
    b->partition.leader = b->nodes[0].id;
    records[0].topic = (struct meta_topic_record){.id = b->topic, .name = slice_str(b->topic_name)};
    records[1].partition = b->partition;
    publish(b, records, 2);
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
    settle(b);
}

void bench_second(struct bench *b)
{
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    struct meta_record record = {.kind = META_PARTITION, .partition = b->partition};
    record.partition.index = 1;
    record.partition.leader = b->nodes[0].id;
    for (uint32_t i = 0; i < b->node_count; i++) {
        record.partition.replicas[i].dir = UUID_NONE;
    }
    publish(b, &record, 1);
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
    settle(b);
}

void bench_other_topic(struct bench *b, struct uuid id, const char *name)
{
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    struct meta_record record = {.kind = name != NULL ? META_TOPIC : META_TOPIC_GONE};
    if (name != NULL) {
        record.topic = (struct meta_topic_record){.id = id, .name = slice_str(name)};
    } else {
        record.topic_gone.id = id;
    }
    publish(b, &record, 1);
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
    settle(b);
}

void bench_other_topic_anew(struct bench *b, struct uuid gone, struct uuid id, const char *name)
{
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    struct meta_record records[2] = {{.kind = META_TOPIC_GONE}, {.kind = META_TOPIC}};
    records[0].topic_gone.id = gone;
    records[1].topic = (struct meta_topic_record){.id = id, .name = slice_str(name)};
    publish(b, records, 2);
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
    settle(b);
}

void bench_delete(struct bench *b)
{
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    struct meta_record record = {.kind = META_TOPIC_GONE, .topic_gone = {b->topic}};
    publish(b, &record, 1);
    b->topic = UUID_NONE;
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
    settle(b);
}

/* ---- what the room tells ---- */

static void on_settings(void *ctx, const struct meta_image *image, const struct meta_topic *topic,
                        struct partition_settings *ret_settings)
{
    struct bench_node *node = ctx;
    CHECK(meta_topic(image, meta_topic_id(topic)) == topic);
    atomic_fetch_add(&node->bench->settings_asked, 1);
    *ret_settings = node->bench->settings;
}

static void on_ask_isr(void *ctx, struct uuid topic, int32_t index,
                       const struct replica_isr_ask *ask)
{
    struct bench_node *node = ctx;
    struct bench *b = node->bench;
    struct partition_isr_answer answer = {.ask_number = ask->number,
                                          .error = KAFKA_INVALID_UPDATE_VERSION};
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    if (uuid_eq(topic, b->topic) && index == 0 &&
        ask->partition_epoch == b->partition.partition_epoch &&
        ask->leader_epoch == b->partition.leader_epoch && node->id == b->partition.leader) {
        b->partition.isr.count = ask->count;
        for (uint32_t i = 0; i < ask->count; i++) {
            b->partition.isr.id[i] = ask->isr[i].id;
        }
        b->partition.partition_epoch++;
        answer.error = KAFKA_NONE;
        answer.leader_epoch = b->partition.leader_epoch;
        answer.partition_epoch = b->partition.partition_epoch;
        answer.isr_count = ask->count;
        memcpy(answer.isr, b->partition.isr.id, sizeof(answer.isr));
        publish_partition(b);
    }
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
    partitions_isr_answer(node->table, topic, index, &answer);
}

static void on_lost(void *ctx, struct uuid topic, int32_t index, int32_t partition_epoch)
{
    struct bench_node *node = ctx;
    (void)topic;
    (void)index;
    (void)partition_epoch;
    atomic_fetch_add(&node->lost, 1);
}

/* As the controllers decide: only while somebody else is in sync, and under a new epoch. */
static void on_rotten(void *ctx, struct uuid topic, int32_t index, int32_t leader_epoch)
{
    struct bench_node *node = ctx;
    struct bench *b = node->bench;
    struct meta_ids others = {0};
    (void)index;
    atomic_fetch_add(&node->rotten, 1);
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    for (uint32_t i = 0; i < b->partition.isr.count; i++) {
        if (b->partition.isr.id[i] != node->id) {
            CHECK(meta_ids_add(&others, b->partition.isr.id[i]));
        }
    }
    struct meta_replica *own = &b->partition.replicas[node - b->nodes];
    if (uuid_eq(topic, b->topic) && others.count > 0 && !uuid_is_none(own->dir) &&
        leader_epoch == b->partition.leader_epoch) {
        own->dir = UUID_NONE;
        b->partition.isr = others;
        b->partition.leader = meta_ids_has(&others, b->partition.leader) ? b->partition.leader
                                                                         : others.id[0];
        b->partition.leader_epoch++;
        b->partition.partition_epoch++;
        publish_partition(b);
    }
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
}

void bench_rotten(struct bench *b, uint32_t node)
{
    on_rotten(&b->nodes[node], b->topic, 0, b->partition.leader_epoch);
    settle(b);
}

static void on_assigned(void *ctx, struct uuid topic, int32_t index, struct uuid dir)
{
    struct bench_node *node = ctx;
    struct bench *b = node->bench;
    char folder[200];
    (void)snprintf(folder, sizeof(folder), "%s/node%d/%s-%d", b->root, node->id, b->topic_name,
                   index);
    CHECK(access(folder, F_OK) == 0);
    atomic_fetch_add(&node->assigned, 1);
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    if (uuid_eq(topic, b->topic) && index == 0 && !atomic_load(&node->homeless)) {
        b->partition.replicas[node - b->nodes].dir = dir;
        b->partition.partition_epoch++;
        publish_partition(b);
    }
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
}

static void on_synced(void *ctx, struct uuid topic, int32_t index, int32_t partition_epoch)
{
    struct bench_node *node = ctx;
    struct bench *b = node->bench;
    atomic_fetch_add(&node->synced, 1);
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    if (uuid_eq(topic, b->topic) && index == 0 && partition_epoch == b->partition.partition_epoch) {
        b->partition.replicas[node - b->nodes].synced = true;
        b->partition.partition_epoch++;
        publish_partition(b);
    }
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
}

static void on_dir_failed(void *ctx, struct uuid dir)
{
    struct bench_node *node = ctx;
    (void)dir;
    atomic_fetch_add(&node->dirs_failed, 1);
}

static void again_delivered(struct mail *mail)
{
    struct bench_node *node = CONTAINER_OF(mail, struct bench_node, again);
    if (node->bench->again != NULL) {
        node->bench->again(node);
    }
    partitions_apply(node->table, node->image, NULL);
}

static void on_again(void *ctx)
{
    struct bench_node *node = ctx;
    atomic_fetch_add(&node->short_of_memory, 1);
    node->again.deliver = again_delivered;
    loop_post(node->control, &node->again);
}

static void on_ready(void *ctx)
{
    struct bench_node *node = ctx;
    CHECK(sem_post(&node->ready) == 0);
}

static void on_stopped(void *ctx)
{
    struct bench_node *node = ctx;
    CHECK(sem_post(&node->stopped) == 0);
}

/* ---- nodes ---- */

static void trace_line(void *ctx, struct slice line)
{
    if (getenv("BENCH_TRACE") != NULL) {
        console_write(ctx, line);
    }
}

static time_ms trace_now(void *ctx)
{
    return clock_wall_ms(ctx);
}

static void node_dir(const struct bench_node *node, char *out, size_t room)
{
    (void)snprintf(out, room, "%s/node%d", node->bench->root, node->id);
}

static void node_first(void *arg)
{
    struct bench_node *node = arg;
    struct bench *b = node->bench;
    if (b->opened != NULL) {
        b->opened(node);
    }
    partitions_start(node->table);
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    CHECK(partitions_registered(node->table, slice_str("a-cluster"), b->epochs[node - b->nodes]) ==
          OK);
    struct meta_record records[BENCH_NODES + 2];
    uint32_t count = 0;
    for (uint32_t i = 0; i < b->node_count; i++) {
        records[count++] = broker_record(b, i);
    }
    if (!uuid_is_none(b->topic)) {
        records[count] = (struct meta_record){.kind = META_TOPIC};
        records[count++].topic = (struct meta_topic_record){.id = b->topic,
                                                            .name = slice_str(b->topic_name)};
        records[count] = (struct meta_record){.kind = META_PARTITION};
        records[count++].partition = b->partition;
    }
    struct applying applying = {.node = node, .batch = {records, count}, .offset = b->offset};
    node->up = true;
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
    apply_here(&applying);
}

static void node_open(struct bench_node *node)
{
    struct bench *b = node->bench;
    char dir[160];
    char sentence[256];
    node_dir(node, dir, sizeof(dir));
    heap_init(&node->heap, memory_source(b->host), (size_t)1 << 30);
    heap_init(&node->net_heap, memory_source(b->host), (size_t)1 << 30);
    meta_store_init(&node->store, &node->heap);
    node->image = meta_image_empty(&node->store);
    CHECK(loop_open(b->host, "control", &node->control) == OK);
    struct partitions_config config = {
        .host = b->host,
        .control = node->control,
        .reactor_count = BENCH_REACTORS,
        .trace = &node->trace,
        .crc = crc32c_detect(),
        .broker_id = node->id,
        .dirs = {b->other_dir != NULL ? b->other_dir : dir, dir},
        .dir_count = b->other_dir != NULL ? 2 : 1,
        .listener = "INTERNAL",
        .lag_time_max_ms = 1000,
        .producer_expiration_ms = 86400000,
        .checkpoint_ms = b->checkpoint_ms,
        .retention_ms = 100,
        .fetch_wait_max_ms = 500,
        .fetch_timeout_ms = 1000,
        .fetch_bytes_max = 10 << 20,
        .fetch_partition_bytes_max = 1 << 20,
        .unsynced_bytes_max = 1 << 20,
        .events = {.ctx = node,
                   .settings = on_settings,
                   .ask_isr = on_ask_isr,
                   .lost = on_lost,
                   .rotten = on_rotten,
                   .assigned = on_assigned,
                   .synced = on_synced,
                   .dir_failed = on_dir_failed,
                   .again = on_again,
                   .ready = on_ready,
                   .stopped = on_stopped},
    };
    for (uint32_t i = 0; i < BENCH_REACTORS; i++) {
        CHECK(loop_open(b->host, "reactor", &node->reactors[i]) == OK);
        config.reactors[i] = node->reactors[i];
    }
    err_t err = partitions_open(&config, sentence, sizeof(sentence), &node->table);
    if (err != OK) {
        (void)fprintf(stderr, "%s\n", sentence);
    }
    CHECK(err == OK);
}

void bench_start(struct bench *b, uint32_t i)
{
    struct bench_node *node = &b->nodes[i];
    CHECK(!node->up);
    CHECK(sem_init(&node->ready, 0, 0) == 0 && sem_init(&node->stopped, 0, 0) == 0);
    node_open(node);
    for (uint32_t r = 0; r < BENCH_REACTORS; r++) {
        loop_start(node->reactors[r], nothing, NULL);
    }
    bench_call(node->reactors[0], bench_serve, node);
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    b->offset++;
    b->epochs[i] = b->offset;
    b->dirs[i] = partitions_dir(node->table, partitions_dir_count(node->table) - 1).id;
    node->up = true;
    struct meta_record record = broker_record(b, i);
    node->up = false;
    publish(b, &record, 1);
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
    loop_start(node->control, node_first, node);
    CHECK(sem_wait(&node->ready) == 0);
}

static void stop_here(void *arg)
{
    struct bench_node *node = arg;
    partitions_stop(node->table);
}

static void abandon_here(void *arg)
{
    struct bench_node *node = arg;
    partitions_abandon(node->table);
}

static void node_close(struct bench_node *node)
{
    loop_stop(node->control);
    loop_join(node->control);
    for (uint32_t r = 0; r < BENCH_REACTORS; r++) {
        loop_stop(node->reactors[r]);
        loop_join(node->reactors[r]);
    }
    partitions_close(node->table);
    meta_image_drop(&node->store, node->image);
    heap_release(&node->net_heap);
    heap_release(&node->heap);
}

void bench_glimpse(struct bench *b, uint32_t i)
{
    struct bench_node *node = &b->nodes[i];
    CHECK(!node->up);
    node_open(node);
    for (uint32_t r = 0; r < BENCH_REACTORS; r++) {
        loop_start(node->reactors[r], nothing, NULL);
    }
    loop_start(node->control, nothing, NULL);
    node_close(node);
}

void bench_stop(struct bench *b, uint32_t i, bool clean)
{
    struct bench_node *node = &b->nodes[i];
    CHECK(pthread_mutex_lock(&b->mutex) == 0);
    node->up = false;
    struct meta_record record = broker_record(b, i);
    publish(b, &record, 1);
    CHECK(pthread_mutex_unlock(&b->mutex) == 0);
    bench_call(node->reactors[0], bench_unserve, node);
    bench_call(node->control, clean ? stop_here : abandon_here, node);
    CHECK(sem_wait(&node->stopped) == 0);
    node_close(node);
}

void bench_init(struct bench *b, uint32_t node_count)
{
    static const struct partition_settings usual = {.segment_bytes = 1 << 20,
                                                    .segment_ms = 604800000,
                                                    .retention_ms = -1,
                                                    .retention_bytes = -1,
                                                    .file_delete_delay_ms = 0,
                                                    .timestamp_before_max_ms = INT64_MAX,
                                                    .timestamp_after_max_ms = 3600000,
                                                    .index_interval_bytes = 4096,
                                                    .index_bytes_max = 10 << 20,
                                                    .message_bytes_max = 1 << 20,
                                                    .min_isr = 1,
                                                    .durable = true,
                                                    .deleted = true};
    memset(b, 0, sizeof(*b));
    b->host = host_open(
        &(struct host_options){.pool_threads = 3, .memory_max_bytes = BENCH_MEMORY_BYTES});
    CHECK(b->host != NULL && pthread_mutex_init(&b->mutex, NULL) == 0);
    (void)snprintf(b->root, sizeof(b->root), "/tmp/odradek-partition-XXXXXX");
    CHECK(mkdtemp(b->root) != NULL);
    b->node_count = node_count;
    b->settings = usual;
    b->topic_name = BENCH_TOPIC;
    b->checkpoint_ms = 50;
    for (uint32_t i = 0; i < node_count; i++) {
        b->nodes[i].bench = b;
        b->nodes[i].id = (int32_t)i + 1;
        trace_init(&b->nodes[i].trace, "bench", trace_line, trace_now, b->host);
    }
}

void bench_release(struct bench *b)
{
    char command[200];
    for (uint32_t i = 0; i < b->node_count; i++) {
        if (b->nodes[i].up) {
            bench_stop(b, i, false);
        }
    }
    host_close(b->host);
    (void)snprintf(command, sizeof(command), "rm -rf %s", b->root);
    CHECK(system(command) == 0);
}

/* ---- asking ---- */

struct partition *bench_partition(struct bench *b, uint32_t node)
{
    struct partition *p = partitions_find(b->nodes[node].table, b->topic, 0);
    CHECK(p != NULL);
    return p;
}

struct partition_facts bench_facts(struct bench *b, uint32_t node)
{
    struct partition_facts facts;
    struct partition *p = bench_partition(b, node);
    partition_facts(p, &facts);
    partition_drop(p);
    return facts;
}

enum kafka_error bench_delete_below(struct bench *b, uint32_t node, int64_t to)
{
    struct partition *p = bench_partition(b, node);
    int64_t offset;
    enum kafka_error error = partition_delete_records(p, to, &offset);
    partition_drop(p);
    return error;
}

uint8_t *bench_batch(int64_t producer, int32_t sequence, int32_t records, size_t bytes,
                     size_t *ret_n)
{
    struct memory_block block = {.n = records * (bytes + 200) * 4 + (1 << 18)};
    block.p = malloc(block.n);
    struct memory_source source = memory_block_source(&block);
    struct heap heap;
    struct buf buf;
    struct batch_builder builder;
    struct batch_header header;
    struct batch_options options = batch_options_plain();
    heap_init(&heap, &source, block.n);
    buf_init(&buf, &heap, block.n);
    options.producer_id = producer;
    options.producer_epoch = producer >= 0 ? 0 : -1;
    options.base_sequence = producer >= 0 ? sequence : -1;
    batch_begin(&builder, &options, &buf);
    uint8_t *value = malloc(bytes + 1);
    memset(value, 'v', bytes + 1);
    for (int32_t i = 0; i < records; i++) {
        CHECK(batch_append(&builder, 1700000000000 + i, slice_str("key"), slice_of(value, bytes)) ==
              OK);
    }
    CHECK(batch_finish(&builder, crc32c_detect(), &header) == OK);
    uint8_t *batch = malloc(buf.n);
    memcpy(batch, buf.p, buf.n);
    *ret_n = buf.n;
    free(value);
    free(block.p);
    return batch;
}

static void ticket_told(struct mail *mail)
{
    struct produce_ticket *ticket = CONTAINER_OF(mail, struct produce_ticket, mail);
    CHECK(sem_post(&CONTAINER_OF(ticket, struct bench_ticket, ticket)->told) == 0);
}

void bench_ticket_init(struct bench_ticket *asked, struct loop *loop)
{
    *asked = (struct bench_ticket){.ticket = {.mail = {.deliver = ticket_told}, .loop = loop}};
    CHECK(sem_init(&asked->told, 0, 0) == 0);
}

static struct produce_ticket produce(struct bench *b, uint32_t node, int16_t acks, uint8_t *batch,
                                     size_t n)
{
    struct bench_ticket asked;
    struct partition *p = bench_partition(b, node);
    bench_ticket_init(&asked, b->nodes[node].reactors[0]);
    if (!partition_produce(p, &asked.ticket, batch, n, acks)) {
        CHECK(sem_wait(&asked.told) == 0);
    }
    partition_drop(p);
    free(batch);
    return asked.ticket;
}

struct produce_ticket bench_produce(struct bench *b, uint32_t node, int16_t acks, int32_t records,
                                    size_t bytes)
{
    size_t n;
    uint8_t *batch = bench_batch(-1, -1, records, bytes, &n);
    return produce(b, node, acks, batch, n);
}

struct produce_ticket bench_produce_as(struct bench *b, uint32_t node, int16_t acks,
                                       int64_t producer, int32_t sequence)
{
    size_t n;
    uint8_t *batch = bench_batch(producer, sequence, 1, 10, &n);
    return produce(b, node, acks, batch, n);
}
