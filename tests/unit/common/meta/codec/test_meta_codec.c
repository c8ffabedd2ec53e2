#include <criterion/criterion.h>

#include "common/base/prng.h"
#include "common/meta/codec/meta_codec.h"
#include "common/meta/image.h"
#include "tests/unit/common/meta/world.h"

struct codec_world {
    struct meta_world meta;
    struct arena arena;
    struct buf buf;
};

static void codec_world_init(struct codec_world *world)
{
    meta_world_init(&world->meta);
    arena_init(&world->arena, &world->meta.memory.source, 1 << 16, (size_t)1 << 26);
    buf_init(&world->buf, &world->meta.heap, RPC_FRAME_MAX);
}

static void codec_world_release(struct codec_world *world)
{
    arena_release(&world->arena);
    buf_release(&world->buf);
    meta_world_release(&world->meta);
}

static err_t decode(struct codec_world *world, struct slice bytes, struct meta_batch *ret_batch,
                    struct meta_unknown *ret_unknown)
{
    arena_clear(&world->arena);
    return meta_batch_decode(bytes, &world->arena, ret_batch, ret_unknown);
}

/* One of each kind, every field away from its default; together they fit an image. */
static void records_full(struct meta_record records[9])
{
    records[0] = (struct meta_record){.kind = META_CLUSTER,
                                      .cluster = {slice_str("MkU3OEVBNTcwNTJENDM2Qk")}};
    records[1] = (struct meta_record){
        .kind = META_BROKER,
        .broker = {.id = 7,
                   .epoch = -1,
                   .incarnation = test_uuid('I', 1),
                   .rack = slice_str("n\xc3\xb6rd"),
                   .endpoints = {{slice_str("PLAINTEXT"), slice_str("127.0.0.1"), 19092, 0},
                                 {slice_str("INTERNAL"), slice_str("h"), 65535, 3}},
                   .endpoint_count = 2,
                   .dirs = {test_uuid('D', 1), test_uuid('D', 2)},
                   .dir_count = 2,
                   .fenced = true,
                   .shutting_down = true}};
    records[2] = (struct meta_record){.kind = META_TOPIC,
                                      .topic = {test_uuid('T', 1), slice_str("orders")}};
    records[3] = (struct meta_record){.kind = META_PARTITION,
                                      .partition = {.topic = test_uuid('T', 1),
                                                    .index = 0,
                                                    .replicas = {{7, test_uuid('D', 1), true},
                                                                 {8, UUID_NONE, false},
                                                                 {300, UUID_NONE, true}},
                                                    .replica_count = 3,
                                                    .isr = {{8}, 1},
                                                    .elr = {{7}, 1},
                                                    .last_known_elr = {{300}, 1},
                                                    .leader = META_NO_BROKER,
                                                    .leader_epoch = 3,
                                                    .partition_epoch = 5,
                                                    .recovery = META_RECOVERING}};
    records[4] = (struct meta_record){
        .kind = META_CONFIG,
        .config = {META_RESOURCE_TOPIC, slice_str("orders"), slice_str("k"), slice_of("", 0)}};
    records[5] = (struct meta_record){
        .kind = META_CONFIG,
        .config = {META_RESOURCE_BROKER, slice_of("", 0), slice_str("gone"), {0}}};
    records[6] = (struct meta_record){.kind = META_PRODUCER_IDS, .producer_ids = {1000, 7, 12}};
    records[7] = (struct meta_record){.kind = META_FEATURE,
                                      .feature = {slice_str("transaction.version"), 2}};
    records[8] = (struct meta_record){.kind = META_TOPIC_GONE, .topic_gone = {test_uuid('T', 1)}};
}

Test(meta_codec, what_is_written_is_read)
{
    struct codec_world world;
    codec_world_init(&world);
    struct meta_record records[9];
    records_full(records);
    struct meta_batch batch;
    cr_assert_eq(meta_batch_encode((struct meta_batch){records, 9}, &world.buf), OK);
    cr_assert_eq(decode(&world, buf_slice(&world.buf), &batch, NULL), OK);
    cr_assert_eq(batch.count, 9);
    for (uint32_t i = 0; i < 9; i++) {
        cr_assert_eq(batch.records[i].kind, records[i].kind);
    }
    const struct meta_broker *broker = &batch.records[1].broker;
    cr_assert_eq(broker->epoch, -1);
    cr_assert_eq(broker->dir_count, 2);
    cr_assert(uuid_eq(broker->dirs[1], test_uuid('D', 2)));
    cr_assert(broker->fenced && broker->shutting_down);
    cr_assert_eq(meta_broker_endpoint(broker, slice_str("INTERNAL"))->port, 65535);
    cr_assert_eq(meta_broker_endpoint(broker, slice_str("INTERNAL"))->security_protocol, 3);
    cr_assert(meta_partition_equal(&batch.records[3].partition, &records[3].partition));
    cr_assert_not_null(batch.records[4].config.value.p, "empty, not taken away");
    cr_assert_null(batch.records[5].config.value.p);
    cr_assert_eq(batch.records[7].feature.level, 2);

    /* The image made of what was read is the image made of what was written. */
    meta_world_apply(&world.meta, batch.records, 8);
    uint64_t hash = meta_image_hash(world.meta.image);
    meta_image_drop(&world.meta.store, world.meta.image);
    world.meta.image = meta_image_empty(&world.meta.store);
    meta_world_apply(&world.meta, records, 8);
    cr_assert_eq(meta_image_hash(world.meta.image), hash);
    codec_world_release(&world);
}

/* The format is a promise: logs of yesterday are read tomorrow. */
Test(meta_codec, the_bytes_of_a_partition_do_not_change)
{
    static const uint8_t golden[] = {
        0x08, 0x01, 0x12, 0x3c, 0x08, 0x06, 0x10, 0x01, 0x82, 0x01, 0x35, 0x0a, 0x10,
        'T',  0x00, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x1a, 0x04, 0x08, 0x07, 0x18, 0x01, 0x1a, 0x02, 0x08, 0x08,
        0x1a, 0x05, 0x08, 0xac, 0x02, 0x18, 0x01, 0x22, 0x01, 0x08, 0x2a, 0x01, 0x07,
        0x32, 0x02, 0xac, 0x02, 0x38, 0x01, 0x40, 0x03, 0x48, 0x05, 0x50, 0x01};
    struct codec_world world;
    codec_world_init(&world);
    struct meta_record records[9];
    records_full(records);
    records[3].partition.replicas[0].dir = UUID_NONE;
    cr_assert_eq(meta_batch_encode((struct meta_batch){&records[3], 1}, &world.buf), OK);
    struct slice bytes = buf_slice(&world.buf);
    struct meta_batch batch;
    cr_assert_eq(decode(&world, slice_of(golden, sizeof(golden)), &batch, NULL), OK);
    cr_assert(meta_partition_equal(&batch.records[0].partition, &records[3].partition));
    cr_assert(slice_eq(bytes, slice_of(golden, sizeof(golden))));
    codec_world_release(&world);
}

Test(meta_codec, what_this_build_does_not_know_is_named)
{
    static const struct {
        uint8_t bytes[24];
        size_t n;
        int what;
        uint32_t number;
    } cases[] = {
        {{0x08, 0x02}, 2, META_UNKNOWN_BATCH_VERSION, 2},
        {{0}, 0, META_UNKNOWN_BATCH_VERSION, 0},
        {{0x08, 0x01, 0x18, 0x05}, 4, META_UNKNOWN_FIELD, 3},
        {{0x08, 0x01, 0x12, 0x04, 0x08, 0x1e, 0x10, 0x01}, 8, META_UNKNOWN_RECORD_KIND, 30},
        {{0x08, 0x01, 0x12, 0x04, 0x08, 0x09, 0x10, 0x07}, 8, META_UNKNOWN_RECORD_VERSION, 7},
        /* a feature with a third field */
        {{0x08, 0x01, 0x12, 0x0b, 0x08, 0x09, 0x10, 0x01, 0x9a, 0x01, 0x04, 0x0a, 0x00, 0x18, 0x01},
         15,
         META_UNKNOWN_FIELD,
         3},
    };
    struct codec_world world;
    codec_world_init(&world);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct meta_batch batch;
        struct meta_unknown unknown;
        err_t err = decode(&world, slice_of(cases[i].bytes, cases[i].n), &batch, &unknown);
        cr_assert_eq(err, ERR_VERSION, "case %zu: %s", i, err_text(err));
        cr_assert_eq((int)unknown.what, cases[i].what);
        cr_assert_eq(unknown.number, cases[i].number);
        cr_assert_eq(batch.count, 0);
        cr_assert_gt(strlen(meta_unknown_text(&unknown)), 5);
    }
    codec_world_release(&world);
}

static void damaged(struct codec_world *world, const struct meta_record *record, err_t want,
                    int line)
{
    /* The encoder would stop at such a record: encode the good one and look for its bytes instead. */
    struct meta_batch batch;
    buf_clear(&world->buf);
    cr_assert_eq(meta_batch_encode((struct meta_batch){record, 1}, &world->buf), OK);
    err_t err = decode(world, buf_slice(&world->buf), &batch, NULL);
    cr_assert_eq(err, want, "line %d: %s", line, err_text(err));
}

Test(meta_codec, values_out_of_bounds_are_refused)
{
    struct codec_world world;
    codec_world_init(&world);
    struct meta_record records[9];
    records_full(records);
    /* What the encoder writes without a look, because the core never makes it. */
    struct meta_record config = records[4];
    config.config.resource = (enum meta_resource)3;
    damaged(&world, &config, ERR_RANGE, __LINE__);
    struct meta_record topic = records[2];
    topic.topic.id = UUID_NONE;
    damaged(&world, &topic, ERR_RANGE, __LINE__);
    struct meta_record gone = {.kind = META_BROKER_GONE, .broker_gone = {.id = -1, .epoch = 4}};
    damaged(&world, &gone, ERR_RANGE, __LINE__);
    struct meta_record broker = records[1];
    broker.broker.endpoints[0].security_protocol = 4;
    damaged(&world, &broker, ERR_RANGE, __LINE__);
    broker = records[1];
    broker.broker.endpoints[0].listener = slice_of("", 0);
    damaged(&world, &broker, ERR_RANGE, __LINE__);
    struct meta_record ids = records[6];
    ids.producer_ids.broker = -2;
    damaged(&world, &ids, ERR_RANGE, __LINE__);
    codec_world_release(&world);
}

static void put(struct buf *buf, const char *bytes, size_t n)
{
    buf_put(buf, bytes, n);
}

Test(meta_codec, hostile_counts_take_no_memory)
{
    struct codec_world world;
    codec_world_init(&world);
    struct meta_batch batch;
    /* One record more than there may be, of two bytes each. */
    put(&world.buf, "\x08\x01", 2);
    for (int i = 0; i <= METADATA_BATCH_RECORDS_MAX; i++) {
        put(&world.buf, "\x12\x00", 2);
    }
    cr_assert_eq(decode(&world, buf_slice(&world.buf), &batch, NULL), ERR_TOO_LARGE);
    cr_assert_eq(world.arena.total, 0);

    /* One partition with 100,000 empty replicas: 200 KB that would be 8 MB of structs. */
    enum { REPLICAS = 100000 };
    buf_clear(&world.buf);
    static const uint8_t head[] = {0x08, 0x01, 0x12, 0x8a, 0x9b, 0x0c, 0x08, 0x06,
                                   0x10, 0x01, 0x82, 0x01, 0xc0, 0x9a, 0x0c};
    buf_put(&world.buf, head, sizeof(head));
    for (int i = 0; i < REPLICAS; i++) {
        put(&world.buf, "\x1a\x00", 2);
    }
    size_t body = world.buf.n - sizeof(head);
    cr_assert_eq(body, 200000);
    /* lengths: record 8 + body, partition body */
    static const uint8_t lengths[] = {0x12, 0xc9, 0x9a, 0x0c, 0x08, 0x06, 0x10,
                                      0x01, 0x82, 0x01, 0xc0, 0x9a, 0x0c};
    memcpy(world.buf.p + 2, lengths, sizeof(lengths));
    err_t err = decode(&world, buf_slice(&world.buf), &batch, NULL);
    cr_assert(err == ERR_TOO_LARGE || err == ERR_RANGE, "%s", err_text(err));
    cr_assert_leq(world.arena.total, world.buf.n * META_DECODE_RATIO * 2 + (1 << 17));

    /* A full batch of the smallest records is fine. */
    buf_clear(&world.buf);
    static struct meta_record many[METADATA_BATCH_RECORDS_MAX];
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        many[i] = (struct meta_record){.kind = META_FEATURE, .feature = {slice_str("f"), 0}};
    }
    cr_assert_eq(meta_batch_encode((struct meta_batch){many, ARRAY_LEN(many)}, &world.buf), OK);
    err = decode(&world, buf_slice(&world.buf), &batch, NULL);
    cr_assert_eq(err, OK, "%s", err_text(err));
    cr_assert_eq(batch.count, ARRAY_LEN(many));
    codec_world_release(&world);
}

/* Whatever is done to the bytes: an error, or a batch that encodes again; never a crash, never much memory. */
Test(meta_codec, damaged_bytes_are_survived)
{
    struct codec_world world;
    codec_world_init(&world);
    struct meta_record records[9];
    records_full(records);
    cr_assert_eq(meta_batch_encode((struct meta_batch){records, 9}, &world.buf), OK);
    struct prng prng;
    prng_init(&prng, 1);
    unsigned outcomes[ERR_COUNT] = {0};
    for (int round = 0; round < 60000; round++) {
        uint8_t bytes[1024];
        size_t n = world.buf.n;
        cr_assert_lt(n, sizeof(bytes));
        memcpy(bytes, world.buf.p, n);
        for (uint64_t changes = 1 + prng_below(&prng, 3); changes > 0; changes--) {
            size_t at = prng_below(&prng, n);
            if (prng_chance(&prng, 700)) {
                bytes[at] = (uint8_t)prng_u64(&prng);
            } else {
                n = at + 1;
            }
        }
        struct meta_batch batch;
        struct meta_unknown unknown;
        err_t err = decode(&world, slice_of(bytes, n), &batch, &unknown);
        outcomes[err]++;
        cr_assert_leq(world.arena.total, (size_t)1 << 18);
        if (err == OK) {
            struct buf again;
            buf_init(&again, &world.meta.heap, RPC_FRAME_MAX);
            cr_assert_eq(meta_batch_encode(batch, &again), OK);
            buf_release(&again);
        }
    }
    cr_assert_gt(outcomes[OK], 100);
    cr_assert_gt(outcomes[ERR_MALFORMED], 100);
    cr_assert_gt(outcomes[ERR_RANGE], 100);
    cr_assert_gt(outcomes[ERR_VERSION], 100);
    codec_world_release(&world);
}
