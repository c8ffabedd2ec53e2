/*
 * sim_requests [--rounds N] [--verbose] SEED: every API that a broker serves, in every version, asked with random requests
 * whose fields are mostly words that mean something here (names, ids and numbers of what is there, and their hostile
 * neighbours), against a whole cluster in the fake world. Each request gets an answer that can be read to its last byte; those
 * that Kafka answers by closing the connection are named below. Afterwards the cluster still serves.
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/api/api.h"
#include "common/wire/kmsg_walk.h"
#include "kmsg/create_topics.h"
#include "kmsg/metadata.h"
#include "tests/sim/client.h"
#include "tests/sim/cluster.h"

#define SECOND    INT64_C(1000000)
#define TOPIC     "story"
#define ITEMS_MAX 3

struct run {
    struct world *world;
    struct cluster *cluster;
    struct client *client;
    struct prng prng;
    struct uuid topic;
    bool seasoned; /* else fields stay random */
    uint32_t answered;
    uint32_t closed;
    uint32_t failed;
};

/* ---- words that mean something ---- */

static const char *const words[] = {
    TOPIC,
    "story-2",
    "__consumer_offsets",
    "__cluster_metadata",
    "",
    ".",
    "..",
    "no such",
    "101",
    "1",
    "-1",
    "PLAINTEXT",
    "rack-1",
    "kraft.version",
    "metadata.version",
    "min.insync.replicas",
    "retention.ms",
    "x/../../",
    "\xff\xfe",
};
static const int64_t numbers[] = {
    0, 1, 2, 3, 7, -1, -2, -3, 101, 102, 103, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN,
};

static void put_number(struct prng *prng, uint8_t *out, size_t size)
{
    int64_t v = numbers[prng_below(prng, ARRAY_LEN(numbers))];
    memcpy(out, &v, size);
}

static void season_value(struct run *run, uint8_t type, uint8_t *out)
{
    struct prng *prng = &run->prng;
    if (!run->seasoned) {
        return;
    }
    switch ((enum kmsg_type)type) {
    case KMSG_STRING:
        if (((struct slice *)out)->p != NULL && prng_chance(prng, 950)) {
            *(struct slice *)out = slice_str(words[prng_below(prng, ARRAY_LEN(words))]);
        }
        break;
    case KMSG_UUID:
        if (prng_chance(prng, 700)) {
            *(struct uuid *)out = prng_chance(prng, 600) ? run->topic : UUID_NONE;
        }
        break;
    case KMSG_I8:
    case KMSG_I16:
    case KMSG_U16:
    case KMSG_I32:
    case KMSG_U32:
    case KMSG_I64:
        if (prng_chance(prng, 800)) {
            put_number(prng, out, kmsg_type_size(type, NULL));
        }
        break;
    default: break;
    }
}

static void season(struct run *run, const struct kmsg_shape *shape, int16_t version, uint8_t *out);

static void season_array(struct run *run, const struct kmsg_field *field, int16_t version,
                         struct kmsg_any_array *array)
{
    size_t size = kmsg_type_size(field->element, field->shape);
    for (int32_t i = 0; i < array->count; i++) {
        uint8_t *item = (uint8_t *)array->items + size * (size_t)i;
        if (field->element == KMSG_STRUCT) {
            season(run, field->shape, version, item);
        } else {
            season_value(run, field->element, item);
        }
    }
}

/* Who asks is not to wait for ever: waits are short. acks=0 has no answer. */
static bool tame(struct run *run, const struct kmsg_field *field, uint8_t *out)
{
    if (strstr(field->name, "wait_ms") != NULL || strcmp(field->name, "timeout_ms") == 0) {
        int32_t wait = (int32_t)prng_below(&run->prng, 200) - 20;
        memcpy(out, &wait, sizeof(wait));
        return true;
    }
    if (strcmp(field->name, "acks") == 0) {
        int16_t acks = prng_chance(&run->prng, 500) ? -1 : 1;
        memcpy(out, &acks, sizeof(acks));
        return true;
    }
    return false;
}

static void season(struct run *run, const struct kmsg_shape *shape, int16_t version, uint8_t *out)
{
    for (unsigned i = 0; i < shape->field_count; i++) {
        const struct kmsg_field *field = &shape->fields[i];
        uint8_t *at = out + field->offset;
        if (!kmsg_field_in(field, version) || tame(run, field, at)) {
            continue;
        }
        if (field->type == KMSG_ARRAY_OF) {
            season_array(run, field, version, (struct kmsg_any_array *)at);
        } else if (field->type != KMSG_STRUCT) {
            season_value(run, field->type, at);
        } else if ((field->flags & KMSG_POINTER) == 0) {
            season(run, field->shape, version, at);
        } else if (*(void **)at != NULL) {
            season(run, field->shape, version, *(void **)at);
        }
    }
}

/* ---- asking ---- */

/* APIs whose handler may close the connection on what a field says, as Kafka's does. */
static bool may_close(int16_t key)
{
    return key == 1 /* a follower's fetch of old */ || key == 75 /* a negative cursor */;
}

static void anew(struct run *run)
{
    client_close(run->client);
    run->client = client_open(run->world, run->cluster->desk);
}

static void fail(struct run *run, const struct kmsg_api *api, int16_t version, const char *what)
{
    run->failed++;
    (void)printf("FAILED %s %d: %s\n", api->name, version, what);
}

static void ask_one(struct run *run, const struct kmsg_api *api, int16_t version, bool seasoned)
{
    struct arena *arena = &run->client->arena;
    void *request = arena_alloc(arena, api->request->shape->size);
    void *response = arena_alloc(arena, api->response->shape->size);
    assert(request != NULL && response != NULL);
    err_t err = kmsg_random(api->request, version, &run->prng, ITEMS_MAX, arena, request);
    assert(err == OK);
    run->seasoned = seasoned;
    season(run, api->request->shape, version, request);
    uint32_t broker = (uint32_t)prng_below(&run->prng, run->cluster->broker_count);
    err = client_ask(run->client, &run->cluster->brokers[broker].address, api, version, request,
                     response);
    if (err == OK) {
        struct slice body = run->client->answer;
        err = kmsg_decode(api->response, version, &body, arena, response);
        if (err != OK || body.n != 0) {
            fail(run, api, version, "the answer has bytes behind its end");
        }
        run->answered++;
        client_forget(run->client);
        return;
    }
    run->closed++;
    if (err == ERR_TIMEOUT) {
        fail(run, api, version, "no answer");
    } else if (!may_close(api->key)) {
        fail(run, api, version, err_text(err));
    }
    anew(run);
}

/* ---- the cluster ---- */

static bool topic_make(struct run *run)
{
    struct kmsg_create_topics_request_topic topic;
    struct kmsg_create_topics_request request;
    struct kmsg_create_topics_response response;
    kmsg_create_topics_request_topic_init(&topic);
    topic.name = slice_str(TOPIC);
    topic.num_partitions = 3;
    topic.replication_factor = (int16_t)run->cluster->broker_count;
    kmsg_create_topics_request_init(&request);
    request.topics.items = &topic;
    request.topics.count = 1;
    request.timeout_ms = 5000;
    if (client_ask(run->client, &run->cluster->brokers[0].address, kmsg_api_find(19), 7, &request,
                   &response) != OK) {
        anew(run);
        return false;
    }
    bool answered = response.topics.count == 1;
    client_forget(run->client);
    world_sleep(run->world, SECOND / 5);
    const struct meta_topic *made = meta_topic_named(broker_image(&run->cluster->brokers[0]),
                                                     slice_str(TOPIC));
    run->topic = made == NULL ? run->topic : meta_topic_id(made);
    return answered;
}

static bool begin(struct run *run)
{
    bool good = true;
    for (uint32_t i = 0; i < run->cluster->controller_count; i++) {
        good = controller_start(run->cluster, i) && good;
    }
    good = good && world_run(run->world, cluster_led, run->cluster, 10 * SECOND);
    for (uint32_t i = 0; i < run->cluster->broker_count; i++) {
        good = broker_start(run->cluster, i) && good;
    }
    return good && world_run(run->world, cluster_agreed, run->cluster, 20 * SECOND) &&
           topic_make(run);
}

static void ask_all(struct run *run, uint32_t rounds)
{
    for (size_t i = 0; i < api_handler_count; i++) {
        const struct kmsg_api *api = kmsg_api_find(api_handlers[i].key);
        assert(api != NULL);
        for (int16_t version = api->version_min; version <= api->version_max; version++) {
            for (uint32_t round = 0; round < rounds; round++) {
                ask_one(run, api, version, round % 8 != 7);
            }
        }
        (void)topic_make(run); /* it may have been deleted */
    }
}

static bool serves(struct run *run)
{
    return topic_make(run) && world_run(run->world, cluster_agreed, run->cluster, 30 * SECOND);
}

int main(int argc, char **argv)
{
    uint32_t rounds = 12;
    bool verbose = false;
    uint64_t seed = 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) {
            rounds = (uint32_t)strtoul(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
        } else {
            seed = strtoull(argv[i], NULL, 10);
        }
    }
    struct run run = {.world = world_open(seed, verbose)};
    prng_init(&run.prng, seed ^ UINT64_C(0x72657175657374));
    run.cluster = cluster_open(run.world, NULL);
    config_override(&run.cluster->config, slice_str("auto.create.topics.enable=true"));
    run.client = client_open(run.world, run.cluster->desk);
    bool good = begin(&run);
    if (good) {
        ask_all(&run, rounds);
        good = serves(&run);
    }
    client_close(run.client);
    good = cluster_stop(run.cluster) && good;
    cluster_close(run.cluster);
    world_close(run.world);
    (void)printf("seed %llu: %u requests answered, %u closed, %u failed; the cluster %s\n",
                 (unsigned long long)seed, run.answered, run.closed, run.failed,
                 good ? "serves" : "DOES NOT SERVE");
    return good && run.failed == 0 ? 0 : 1;
}
