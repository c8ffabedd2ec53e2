#include "tests/sim/story.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/wire/kafka_error.h"
#include "common/wire/record_batch_build.h"
#include "kmsg/create_topics.h"
#include "kmsg/fetch.h"
#include "kmsg/init_producer_id.h"
#include "kmsg/metadata.h"
#include "kmsg/produce.h"
#include "tests/lib/fake_disk.h"

#define TOPIC        "story"
#define TRIES_MAX    200
#define PAUSE_US     100000
#define RECORDS_MAX  20
#define VALUE_MAX    700
#define RECORD_TIME  INT64_C(1800000000000)
#define API_PRODUCE  0
#define API_FETCH    1
#define API_METADATA 3
#define API_CREATE   19
#define API_PRODUCER 22

static bool wrong(struct story *story, const char *what, int64_t a, int64_t b)
{
    (void)snprintf(story->wrong, sizeof(story->wrong), "%s (%lld, %lld)", what, (long long)a,
                   (long long)b);
    return false;
}

void story_open(struct story *story, struct cluster *cluster, struct client *client, uint64_t seed)
{
    *story = (struct story){.cluster = cluster, .client = client, .seed = seed, .producer_id = -1};
    prng_init(&story->prng, seed ^ UINT64_C(0x73746f7279));
    for (int32_t i = 0; i < PARTITIONS; i++) {
        story->leader[i] = -1;
    }
}

/* Any broker that runs. */
static const struct net_address *anyone(struct story *story)
{
    uint32_t i = (uint32_t)prng_below(&story->prng, story->cluster->broker_count);
    while (story->cluster->brokers[i].node == NULL) {
        i = (i + 1) % story->cluster->broker_count;
    }
    return &story->cluster->brokers[i].address;
}

static void wait_a_little(struct story *story)
{
    story->retries++;
    client_forget(story->client);
    world_sleep(story->cluster->world, PAUSE_US);
}

/* ---- beginning ---- */

static bool topic_create(struct story *story)
{
    struct kmsg_create_topics_request_topic topic;
    struct kmsg_create_topics_request request;
    struct kmsg_create_topics_response response;
    kmsg_create_topics_request_topic_init(&topic);
    topic.name = slice_str(TOPIC);
    topic.num_partitions = PARTITIONS;
    topic.replication_factor = (int16_t)story->cluster->broker_count;
    kmsg_create_topics_request_init(&request);
    request.topics.items = &topic;
    request.topics.count = 1;
    request.timeout_ms = 5000;
    int16_t error = -1;
    for (int i = 0; i < TRIES_MAX; i++) {
        err_t err = client_ask(story->client, anyone(story), kmsg_api_find(API_CREATE), 7, &request,
                               &response);
        error = err == OK && response.topics.count == 1 ? response.topics.items[0].error_code : -1;
        if (error == KAFKA_NONE || error == KAFKA_TOPIC_ALREADY_EXISTS) {
            return true;
        }
        wait_a_little(story);
    }
    return wrong(story, "the topic could not be created", error, 0);
}

static bool producer_get(struct story *story)
{
    struct kmsg_init_producer_id_request request;
    struct kmsg_init_producer_id_response response;
    kmsg_init_producer_id_request_init(&request);
    request.transactional_id = (struct slice){0};
    request.transaction_timeout_ms = 60000;
    for (int i = 0; i < TRIES_MAX; i++) {
        if (client_ask(story->client, anyone(story), kmsg_api_find(API_PRODUCER), 4, &request,
                       &response) == OK &&
            response.error_code == KAFKA_NONE) {
            story->producer_id = response.producer_id;
            story->producer_epoch = response.producer_epoch;
            return true;
        }
        wait_a_little(story);
    }
    return wrong(story, "no producer id", 0, 0);
}

bool story_begin(struct story *story)
{
    return topic_create(story) && producer_get(story);
}

/* ---- leaders ---- */

static void leaders_take(struct story *story, const struct kmsg_metadata_response *response)
{
    for (int32_t i = 0; i < response->topics.items[0].partitions.count; i++) {
        const struct kmsg_metadata_response_partition *partition =
            &response->topics.items[0].partitions.items[i];
        int32_t leader = partition->leader_id - broker_id(0);
        if (partition->partition_index < PARTITIONS) {
            bool good = leader >= 0 && leader < (int32_t)story->cluster->broker_count;
            story->leader[partition->partition_index] = good ? leader : -1;
        }
    }
}

static void leaders_ask(struct story *story)
{
    struct kmsg_metadata_request_topic topic;
    struct kmsg_metadata_request request;
    struct kmsg_metadata_response response;
    kmsg_metadata_request_topic_init(&topic);
    topic.name = slice_str(TOPIC);
    kmsg_metadata_request_init(&request);
    request.topics.items = &topic;
    request.topics.count = 1;
    request.allow_auto_topic_creation = false;
    if (client_ask(story->client, anyone(story), kmsg_api_find(API_METADATA), 9, &request,
                   &response) == OK &&
        response.topics.count == 1) {
        leaders_take(story, &response);
    }
}

/* ---- writing ---- */

/* The value of a record is a function of its place. */
static struct slice value_at(struct story *story, int32_t partition, int64_t offset, uint8_t *room)
{
    struct prng prng;
    prng_init(&prng, story->seed * 1000003 + (uint64_t)partition * 500009 + (uint64_t)offset);
    size_t n = prng_below(&prng, VALUE_MAX);
    for (size_t i = 0; i < n; i++) {
        room[i] = (uint8_t)prng_u64(&prng);
    }
    return slice_of(room, n);
}

static void batch_make(struct story *story, int32_t partition, int32_t records, struct buf *out)
{
    struct batch_options options = batch_options_plain();
    options.producer_id = story->producer_id;
    options.producer_epoch = story->producer_epoch;
    options.base_sequence = story->written[partition];
    struct batch_builder builder;
    struct batch_header header;
    uint8_t room[VALUE_MAX];
    batch_begin(&builder, &options, out);
    for (int32_t i = 0; i < records; i++) {
        struct slice value = value_at(story, partition, story->written[partition] + i, room);
        err_t err = batch_append(&builder, RECORD_TIME + i, slice_str("key"), value);
        assert(err == OK);
    }
    err_t err = batch_finish(&builder, crc32c_detect(), &header);
    assert(err == OK);
}

/* -1: no answer. */
static int16_t produce_once(struct story *story, int32_t partition, struct slice batch,
                            int64_t *ret_offset)
{
    struct kmsg_produce_request_partition data;
    struct kmsg_produce_request_topic topic;
    struct kmsg_produce_request request;
    struct kmsg_produce_response response;
    kmsg_produce_request_partition_init(&data);
    data.index = partition;
    data.records.bytes = batch;
    kmsg_produce_request_topic_init(&topic);
    topic.name = slice_str(TOPIC);
    topic.partition_data.items = &data;
    topic.partition_data.count = 1;
    kmsg_produce_request_init(&request);
    request.transactional_id = (struct slice){0};
    request.acks = -1;
    request.timeout_ms = 5000;
    request.topic_data.items = &topic;
    request.topic_data.count = 1;
    err_t err = client_ask(story->client,
                           &story->cluster->brokers[story->leader[partition]].address,
                           kmsg_api_find(API_PRODUCE), 9, &request, &response);
    if (err != OK || response.responses.count != 1 ||
        response.responses.items[0].partition_responses.count != 1) {
        return -1;
    }
    *ret_offset = response.responses.items[0].partition_responses.items[0].base_offset;
    return response.responses.items[0].partition_responses.items[0].error_code;
}

static bool batch_write(struct story *story, int32_t partition, int32_t records, struct slice batch)
{
    int16_t error = -1;
    int64_t offset = -1;
    for (int i = 0; i < TRIES_MAX; i++) {
        if (story->leader[partition] >= 0) {
            error = produce_once(story, partition, batch, &offset);
        }
        if (story->leader[partition] >= 0 && error == KAFKA_NONE) {
            if (offset != story->written[partition]) {
                return wrong(story, "a batch was written at another offset than the next", offset,
                             story->written[partition]);
            }
            story->written[partition] += records;
            client_forget(story->client);
            return true;
        }
        wait_a_little(story);
        leaders_ask(story);
    }
    return wrong(story, "a batch was never acknowledged", partition, error);
}

bool story_write(struct story *story, uint32_t rounds)
{
    for (uint32_t i = 0; i < rounds * PARTITIONS; i++) {
        int32_t partition = (int32_t)(i % PARTITIONS);
        int32_t records = (int32_t)prng_between(&story->prng, 1, RECORDS_MAX);
        struct buf batch;
        buf_init(&batch, &story->client->heap, 1 << 20);
        batch_make(story, partition, records, &batch);
        bool good = batch_write(story, partition, records, buf_slice(&batch));
        buf_release(&batch);
        if (!good) {
            return false;
        }
    }
    return true;
}

/* ---- reading ---- */

static bool batch_read(struct story *story, int32_t partition, struct slice batch, int64_t *next)
{
    struct batch_header header;
    struct record_reader reader;
    struct record record;
    uint8_t room[VALUE_MAX];
    bool more = true;
    if (batch_check(crc32c_detect(), batch, &header) != OK) {
        return wrong(story, "a batch read is damaged", partition, *next);
    }
    record_reader_init(&reader, &header,
                       slice_of(batch.p + BATCH_HEADER_BYTES, batch.n - BATCH_HEADER_BYTES));
    while (record_reader_next(&reader, &record, &more) == OK && more) {
        if (record.offset < *next) {
            continue; /* a batch is read from its beginning */
        }
        if (record.offset != *next ||
            !slice_eq(record.value, value_at(story, partition, *next, room))) {
            return wrong(story, "another record was read than written", record.offset, *next);
        }
        (*next)++;
    }
    return true;
}

static int16_t fetch_once(struct story *story, int32_t partition, int64_t offset,
                          struct slice *ret_records)
{
    struct kmsg_fetch_request_partition part;
    struct kmsg_fetch_request_topic topic;
    struct kmsg_fetch_request request;
    struct kmsg_fetch_response response;
    kmsg_fetch_request_partition_init(&part);
    part.partition = partition;
    part.fetch_offset = offset;
    part.partition_max_bytes = (int32_t)prng_between(&story->prng, 1, 100000);
    kmsg_fetch_request_topic_init(&topic);
    topic.topic = slice_str(TOPIC);
    topic.partitions.items = &part;
    topic.partitions.count = 1;
    kmsg_fetch_request_init(&request);
    request.max_wait_ms = 500;
    request.min_bytes = 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    err_t err = client_ask(story->client,
                           &story->cluster->brokers[story->leader[partition]].address,
                           kmsg_api_find(API_FETCH), 12, &request, &response);
    if (err != OK || response.error_code != KAFKA_NONE || response.responses.count != 1 ||
        response.responses.items[0].partitions.count != 1) {
        return -1;
    }
    *ret_records = response.responses.items[0].partitions.items[0].records.bytes;
    return response.responses.items[0].partitions.items[0].error_code;
}

static bool partition_read(struct story *story, int32_t partition)
{
    int64_t next = 0;
    uint32_t tries = 0;
    while (next < story->written[partition]) {
        struct slice records = {0};
        struct slice batch;
        int64_t before = next;
        bool good = story->leader[partition] >= 0 &&
                    fetch_once(story, partition, next, &records) == KAFKA_NONE;
        while (good && batch_cut(&records, &batch) == OK) {
            if (!batch_read(story, partition, batch, &next)) {
                return false;
            }
        }
        client_forget(story->client);
        if (next == before) {
            if (++tries == TRIES_MAX) {
                return wrong(story, "acknowledged records cannot be read", next,
                             story->written[partition]);
            }
            wait_a_little(story);
            leaders_ask(story);
        }
    }
    return next == story->written[partition] ||
           wrong(story, "more was read than written", next, story->written[partition]);
}

bool story_read(struct story *story)
{
    for (int32_t i = 0; i < PARTITIONS; i++) {
        if (!partition_read(story, i)) {
            return false;
        }
    }
    return true;
}

/* ---- replicas ---- */

bool story_replicas_equal(struct story *story)
{
    for (int32_t i = 0; i < PARTITIONS; i++) {
        char path[128];
        uint8_t *bytes[BROKERS_MAX];
        size_t n[BROKERS_MAX];
        bool same = true;
        (void)snprintf(path, sizeof(path), "/data/" TOPIC "-%d/00000000000000000000.log", i);
        for (uint32_t b = 0; b < story->cluster->broker_count; b++) {
            bytes[b] = fake_disk_bytes(story->cluster->brokers[b].host, path, &n[b]);
            same = same && bytes[b] != NULL && bytes[0] != NULL && n[b] > 0 && n[b] == n[0] &&
                   memcmp(bytes[b], bytes[0], n[0]) == 0;
        }
        for (uint32_t b = 0; b < story->cluster->broker_count; b++) {
            free(bytes[b]);
        }
        if (!same) {
            return wrong(story, "replicas are not the same bytes", i, 0);
        }
    }
    return true;
}
