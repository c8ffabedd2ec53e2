/* Random batches against a model of plain arrays: the image, its changes, its difference, its records, its hash. */
#include "common/base/prng.h"
#include "tests/unit/common/meta/world.h"

#define BROKERS    6
#define TOPICS     5
#define PARTITIONS 9
#define KEYS       4

struct topic_model {
    bool there;
    int generation; /* of its id: a name that comes back gets another */
    int partitions;
    struct meta_partition partition[PARTITIONS];
    int value[KEYS]; /* 0: not set */
};

struct model {
    struct {
        bool there;
        struct meta_broker broker;
    } brokers[BROKERS];
    struct topic_model topics[TOPICS];
    int64_t next_id;
    int generations;
};

static const char *const topic_names[TOPICS] = {"a", "b.c", "orders", "orders-2", "z"};
static const char *const keys[KEYS] = {"a.ms", "b", "min.insync.replicas", "z.z"};
static const char *const values[] = {"", "1", "a longer value", "x"};

struct maker {
    struct model *model;
    struct prng *prng;
    int64_t offset;
    struct meta_record records[32];
    uint32_t count;
};

static struct meta_record *add(struct maker *maker, enum meta_record_kind kind)
{
    struct meta_record *record = &maker->records[maker->count++];
    *record = (struct meta_record){.kind = kind};
    return record;
}

static void make_broker(struct maker *maker)
{
    int id = (int)prng_below(maker->prng, BROKERS);
    bool there = maker->model->brokers[id].there;
    struct meta_broker *model = &maker->model->brokers[id].broker;
    if (there && prng_chance(maker->prng, 200)) {
        add(maker, META_BROKER_GONE)->broker_gone = (struct meta_broker_gone){
            .id = id, .epoch = model->epoch};
        maker->model->brokers[id].there = false;
        return;
    }
    bool fresh = !there || (model->epoch < maker->offset && prng_chance(maker->prng, 300));
    if (fresh) {
        *model = (struct meta_broker){
            .id = id,
            .epoch = maker->offset,
            .incarnation = test_uuid('I', (int)prng_below(maker->prng, 1000)),
            .rack = prng_chance(maker->prng, 500) ? slice_str("r1") : (struct slice){0},
            .endpoints = {{.listener = slice_str("A"), .host = slice_str("h"), .port = 1},
                          {.listener = slice_str("B"), .host = slice_str(""), .port = 2}},
            .endpoint_count = (uint32_t)prng_below(maker->prng, 3),
            .dirs = {test_uuid('D', id)},
            .dir_count = 1};
    }
    model->fenced = prng_chance(maker->prng, 500);
    struct meta_record *record = add(maker, META_BROKER);
    record->broker = *model;
    record->broker.epoch = fresh ? -1 : model->epoch;
    maker->model->brokers[id].there = true;
}

static void make_partition(struct maker *maker, struct topic_model *topic, struct uuid id,
                           int index)
{
    struct meta_partition *model = &topic->partition[index];
    if (index == topic->partitions) {
        *model = (struct meta_partition){.topic = id, .index = index, .partition_epoch = -1};
        topic->partitions++;
    }
    model->replica_count = 3;
    model->isr.count = 0;
    model->elr.count = 0;
    for (uint32_t i = 0; i < 3; i++) {
        model->replicas[i] = (struct meta_replica){.broker = (int32_t)i,
                                                   .dir = test_uuid('D', (int)i),
                                                   .synced = prng_chance(maker->prng, 500)};
        struct meta_ids *seat = prng_chance(maker->prng, 600) ? &model->isr : &model->elr;
        cr_assert(meta_ids_add(seat, (int32_t)i));
    }
    model->leader = model->isr.count > 0 ? model->isr.id[0] : META_NO_BROKER;
    model->leader_epoch++;
    model->partition_epoch++;
    add(maker, META_PARTITION)->partition = *model;
}

static void make_topic(struct maker *maker)
{
    int t = (int)prng_below(maker->prng, TOPICS);
    struct topic_model *topic = &maker->model->topics[t];
    struct slice name = slice_str(topic_names[t]);
    if (!topic->there) {
        *topic = (struct topic_model){.there = true, .generation = ++maker->model->generations};
        add(maker, META_TOPIC)->topic = (struct meta_topic_record){
            .id = test_uuid('T', topic->generation), .name = name};
        return;
    }
    struct uuid id = test_uuid('T', topic->generation);
    unsigned what = (unsigned)prng_below(maker->prng, 10);
    if (what == 0) {
        add(maker, META_TOPIC_GONE)->topic_gone.id = id;
        *topic = (struct topic_model){0};
    } else if (what < 7) {
        int index = (int)prng_below(maker->prng, (uint64_t)topic->partitions + 1);
        make_partition(maker, topic, id, index < PARTITIONS ? index : 0);
    } else {
        size_t key = prng_below(maker->prng, KEYS);
        int value = (int)prng_below(maker->prng, ARRAY_LEN(values) + 1);
        topic->value[key] = value;
        add(maker, META_CONFIG)->config = (struct meta_config){
            .resource = META_RESOURCE_TOPIC,
            .name = name,
            .key = slice_str(keys[key]),
            .value = value == 0 ? (struct slice){0} : slice_str(values[value - 1])};
    }
}

static void make_other(struct maker *maker)
{
    maker->model->next_id += 1000;
    add(maker, META_PRODUCER_IDS)->producer_ids = (struct meta_producer_ids){
        .next_id = maker->model->next_id, .broker = 1, .broker_epoch = 2};
}

static void model_check_topic(const struct meta_image *image, const struct topic_model *model,
                              int t)
{
    const struct meta_topic *topic = meta_topic_named(image, slice_str(topic_names[t]));
    cr_assert_eq(topic != NULL, model->there);
    for (int k = 0; k < KEYS; k++) {
        struct slice value = meta_config_value(image, META_RESOURCE_TOPIC,
                                               slice_str(topic_names[t]), slice_str(keys[k]));
        cr_assert_eq(value.p != NULL, model->value[k] != 0);
        cr_assert(value.p == NULL || slice_eq(value, slice_str(values[model->value[k] - 1])));
    }
    if (topic == NULL) {
        return;
    }
    cr_assert_eq(topic, meta_topic(image, test_uuid('T', model->generation)));
    cr_assert_eq(meta_topic_partitions(topic), (uint32_t)model->partitions);
    for (int p = 0; p < model->partitions; p++) {
        cr_assert(meta_partition_equal(meta_partition(topic, p), &model->partition[p]));
    }
}

static void model_check(const struct meta_image *image, const struct model *model)
{
    uint32_t brokers = 0;
    uint32_t topics = 0;
    uint32_t partitions = 0;
    for (int i = 0; i < BROKERS; i++) {
        const struct meta_broker *broker = meta_broker(image, i);
        cr_assert_eq(broker != NULL, model->brokers[i].there);
        if (broker != NULL) {
            brokers++;
            cr_assert_eq(broker->epoch, model->brokers[i].broker.epoch);
            cr_assert_eq(broker->fenced, model->brokers[i].broker.fenced);
            cr_assert(uuid_eq(broker->incarnation, model->brokers[i].broker.incarnation));
            cr_assert_eq(broker->rack.p == NULL, model->brokers[i].broker.rack.p == NULL);
        }
    }
    for (int t = 0; t < TOPICS; t++) {
        model_check_topic(image, &model->topics[t], t);
        topics += model->topics[t].there;
        partitions += (uint32_t)model->topics[t].partitions;
    }
    cr_assert_eq(meta_broker_count(image), brokers);
    cr_assert_eq(meta_topic_count(image), topics);
    cr_assert_eq(meta_partition_total(image), partitions);
    cr_assert_eq(meta_next_producer_id(image), model->next_id);
}

static bool change_among(const struct meta_change *change, const struct meta_changes *changes)
{
    unsigned found = 0;
    for (size_t i = 0; i < changes->count; i++) {
        const struct meta_change *other = &changes->items[i];
        found += other->kind == change->kind && other->broker == change->broker &&
                 other->partition == change->partition && uuid_eq(other->topic, change->topic) &&
                 slice_eq(other->name, change->name);
    }
    cr_assert_leq(found, 1, "each subject once");
    return found == 1;
}

/* What differs was told; what was told and does not differ was at least in the batch (and came back to what it was). */
static void changes_check(struct meta_world *world, const struct meta_image *old, bool all_differ)
{
    struct meta_changes diff;
    cr_assert_eq(meta_image_diff(old, world->image, &world->arena, &diff), OK);
    for (size_t i = 0; i < diff.count; i++) {
        cr_assert(change_among(&diff.items[i], &world->changes));
    }
    for (size_t i = 0; i < world->changes.count; i++) {
        bool differs = change_among(&world->changes.items[i], &diff);
        cr_assert(differs || !all_differ);
    }
}

/* The records of an image build one with the same hash and no difference. */
static void rebuild_check(struct meta_world *world, uint32_t max)
{
    struct meta_image *built = meta_image_empty(&world->store);
    struct meta_cursor cursor = {0};
    int64_t offset = meta_offset(world->image);
    for (;;) {
        struct meta_batch batch;
        struct meta_image *next;
        cr_assert_eq(meta_image_records(world->image, &cursor, &world->arena, max, &batch), OK);
        if (batch.count == 0) {
            break;
        }
        cr_assert_leq(batch.count, max);
        cr_assert_eq(
            meta_image_apply(&world->store, built, batch, offset, 1, &world->arena, NULL, &next),
            OK);
        meta_image_drop(&world->store, built);
        built = next;
    }
    struct meta_changes diff;
    cr_assert_eq(meta_image_diff(world->image, built, &world->arena, &diff), OK);
    cr_assert_eq(diff.count, 0);
    cr_assert_eq(meta_image_hash(built), meta_image_hash(world->image));
    meta_image_drop(&world->store, built);
}

static void run(uint64_t seed)
{
    struct meta_world world;
    meta_world_init(&world);
    struct prng prng;
    prng_init(&prng, seed);
    struct model model = {0};
    struct model held_model = {0};
    struct meta_image *held = world.image;
    meta_image_hold(held);
    for (int step = 0; step < 150; step++) {
        struct maker maker = {
            .model = &model, .prng = &prng, .offset = meta_offset(world.image) + 1};
        uint32_t records = 1 + (uint32_t)prng_below(&prng, 8);
        while (maker.count < records) {
            unsigned what = (unsigned)prng_below(&prng, 10);
            what < 3 ? make_broker(&maker) : what < 9 ? make_topic(&maker) : make_other(&maker);
        }
        struct meta_image *old = world.image;
        meta_image_hold(old);
        uint64_t old_hash = meta_image_hash(old);
        meta_world_apply(&world, maker.records, maker.count);
        model_check(world.image, &model);
        changes_check(&world, old, maker.count == 1 && maker.records[0].kind == META_PARTITION);
        cr_assert_eq(meta_image_hash(old), old_hash);
        meta_image_drop(&world.store, old);
        if (step % 30 == 7) {
            rebuild_check(&world, 1 + (uint32_t)prng_below(&prng, 20));
        }
        if (step % 40 == 20) { /* an image held for long stays what it was */
            model_check(held, &held_model);
            meta_image_drop(&world.store, held);
            held = world.image;
            held_model = model;
            meta_image_hold(held);
        }
    }
    model_check(held, &held_model);
    meta_image_drop(&world.store, held);
    meta_world_release(&world);
}

Test(meta_image_random, equals_its_model)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        run(seed);
    }
}

/* Takes all memory of the heap but a few pieces, so that any allocation may be the one that fails. */
struct eater {
    struct {
        void *p;
        size_t n;
    } pieces[16384];
    size_t count;
};

static void eat(struct meta_world *world, struct eater *eater, struct prng *prng)
{
    static const size_t sizes[] = {1024, 896, 768, 640, 512, 448, 384, 320, 256, 240, 224, 208,
                                   192,  176, 160, 144, 128, 112, 96,  80,  64,  48,  32,  16};
    eater->count = 0;
    for (bool any = true;
         any;) { /* of every size in turn, or there would be nothing of most sizes to give back */
        any = false;
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            void *p = heap_alloc(&world->heap, sizes[i]);
            if (p != NULL) {
                any = true;
                cr_assert_lt(eater->count, ARRAY_LEN(eater->pieces));
                eater->pieces[eater->count].p = p;
                eater->pieces[eater->count++].n = sizes[i];
            }
        }
    }
    for (uint64_t left = prng_below(prng, 40); left > 0 && eater->count > 0; left--) {
        size_t i = prng_below(prng, eater->count);
        heap_free(&world->heap, eater->pieces[i].p, eater->pieces[i].n);
        eater->pieces[i] = eater->pieces[--eater->count];
    }
}

static void spit(struct meta_world *world, struct eater *eater)
{
    while (eater->count > 0) {
        eater->count--;
        heap_free(&world->heap, eater->pieces[eater->count].p, eater->pieces[eater->count].n);
    }
}

/* Whatever allocation fails, the old image is whole and nothing leaks. */
Test(meta_image_random, out_of_memory_changes_nothing)
{
    static struct eater eater;
    unsigned failures = 0;
    unsigned successes = 0;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct meta_world world;
        meta_world_init(&world);
        struct prng prng;
        prng_init(&prng, seed);
        struct model model = {0};
        for (int step = 0; step < 60; step++) {
            struct maker maker = {
                .model = &model, .prng = &prng, .offset = meta_offset(world.image) + 1};
            struct model before = model;
            while (maker.count < 6) {
                make_topic(&maker);
            }
            world.heap.arena.limit = world.heap.arena.total + 70000;
            eat(&world, &eater, &prng);
            struct meta_image *next = NULL;
            err_t err = meta_world_try(&world, maker.records, maker.count, &next);
            spit(&world, &eater);
            if (err != OK) {
                cr_assert_eq(err, ERR_NO_MEMORY);
                failures++;
                model = before;
            } else {
                successes++;
                meta_image_drop(&world.store, world.image);
                world.image = next;
            }
            model_check(world.image, &model);
        }
        meta_world_release(&world);
    }
    cr_assert_gt(failures, 100, "%u failed, %u did not", failures, successes);
    cr_assert_gt(successes, 100, "%u failed, %u did not", failures, successes);
}
