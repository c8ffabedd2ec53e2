/*
 * Shards that are kept warm: whatever happened to the log and to who leads it, what a follower's core holds, and what a new
 * leader begins with, is what the log read anew from its beginning gives.
 */
#include <criterion/criterion.h>
#include <unistd.h>

#include "broker/coord/coord_internal.h"
#include "common/base/prng.h"
#include "common/port/entropy.h"
#include "coord_bench.h"
#include "group_same.h"

/* ---- records ---- */

struct writer {
    struct bench *bench;
    struct prng prng;
    struct heap heap;
    int64_t written; /* records */
};

static void writer_init(struct writer *w, struct bench *b, uint64_t seed)
{
    *w = (struct writer){.bench = b};
    prng_init(&w->prng, seed);
    heap_init(&w->heap, memory_source(b->host), 1 << 20);
}

static struct slice draw(struct prng *prng, const char *const *words, uint32_t count)
{
    return slice_str(words[prng_below(prng, count)]);
}

static const char *const groups[] = {"a", "bb", "ccc", "d-d", "e.e", "f_f"};
static const char *const topics[] = {"orders", "payments", "x"};
static const char *const texts[] = {"", "m", "a longer note about where it was"};
static const char *const members[] = {"m-1", "m-2", "m-3", "m-4"};
static const char *const instances[] = {"i-1", "i-2"};

union key {
    struct kmsg_offset_commit_key offset;
    struct kmsg_group_metadata_key group;
};
union value {
    struct kmsg_offset_commit_value offset;
    struct kmsg_group_metadata_value group;
};
struct drawn {
    union key key;
    union value value;
    struct kmsg_group_metadata_value_member_metadata members[4];
};

static struct group_record draw_offset(struct prng *prng, struct drawn *d)
{
    d->key.offset = (struct kmsg_offset_commit_key){.group = draw(prng, groups, ARRAY_LEN(groups)),
                                                    .topic = draw(prng, topics, ARRAY_LEN(topics)),
                                                    .partition = (int32_t)prng_below(prng, 6)};
    struct group_record record = {.key_desc = &kmsg_offset_commit_key_desc, .key = &d->key};
    if (!prng_chance(prng, 250)) {
        kmsg_offset_commit_value_init(&d->value.offset);
        d->value.offset.offset = (int64_t)prng_below(prng, 1000000);
        d->value.offset.metadata = draw(prng, texts, ARRAY_LEN(texts));
        d->value.offset.commit_timestamp = (int64_t)prng_below(prng, 1000000);
        d->value.offset.leader_epoch = (int32_t)prng_below(prng, 5);
        record.value_desc = &kmsg_offset_commit_value_desc;
        record.value = &d->value;
        record.value_version = 3;
    }
    return record;
}

static struct group_record draw_group(struct prng *prng, struct drawn *d)
{
    d->key.group = (struct kmsg_group_metadata_key){.group = draw(prng, groups, ARRAY_LEN(groups))};
    struct group_record record = {.key_desc = &kmsg_group_metadata_key_desc, .key = &d->key};
    if (prng_chance(prng, 250)) {
        return record;
    }
    struct kmsg_group_metadata_value *value = &d->value.group;
    kmsg_group_metadata_value_init(value);
    value->protocol_type = slice_str("consumer");
    value->generation = (int32_t)prng_below(prng, 100);
    value->current_state_timestamp = (int64_t)prng_below(prng, 1000000);
    value->members.items = d->members;
    value->members.count = (int32_t)prng_below(prng, 4);
    for (int32_t i = 0; i < value->members.count; i++) {
        d->members[i] = (struct kmsg_group_metadata_value_member_metadata){
            .member_id = slice_str(members[i]),
            .group_instance_id = i < 2 && prng_chance(prng, 300) ? slice_str(instances[i])
                                                                 : (struct slice){0},
            .client_id = draw(prng, texts, 2),
            .client_host = slice_str("/127.0.0.1"),
            .rebalance_timeout = 60000,
            .session_timeout = (int32_t)prng_between(prng, 6000, 60000),
            .subscription = draw(prng, texts, ARRAY_LEN(texts)),
            .assignment = draw(prng, texts, ARRAY_LEN(texts))};
        value->protocol = slice_str("range");
        value->leader = slice_str(members[0]);
    }
    record.value_desc = &kmsg_group_metadata_value_desc;
    record.value = value;
    record.value_version = 3;
    return record;
}

/* One batch at the leader, who may still be on the way to that. */
static enum kafka_error write_batch(struct writer *w, uint32_t node, int16_t acks)
{
    enum { MOST = 12 };
    struct drawn drawn[MOST];
    struct group_record records[MOST];
    uint32_t count = 1 + (uint32_t)prng_below(&w->prng, MOST);
    struct buf out;
    for (uint32_t i = 0; i < count; i++) {
        records[i] = prng_chance(&w->prng, 700) ? draw_offset(&w->prng, &drawn[i])
                                                : draw_group(&w->prng, &drawn[i]);
    }
    buf_init(&out, &w->heap, 1 << 20);
    CHECK(records_encode(crc32c_detect(), records, count, clock_wall_ms(w->bench->host), &w->heap,
                         &out) == OK);
    enum kafka_error error = KAFKA_NOT_LEADER_OR_FOLLOWER;
    for (int i = 0; i < 5000 && error == KAFKA_NOT_LEADER_OR_FOLLOWER; i++) {
        error = coord_bench_send(w->bench, node, acks, &out);
        (void)usleep(error == KAFKA_NONE ? 0 : 1000);
    }
    buf_release(&out);
    w->written += count;
    return error;
}

/* ---- cold ---- */

struct cold {
    struct coords coords;
    struct coord_shard shard;
    int64_t end;
};

/* What the leader's log gives, up to its high watermark. */
static struct cold *cold_read(struct bench *b, uint32_t leader)
{
    struct cold *cold = calloc(1, sizeof(*cold));
    size_t n;
    CHECK(cold != NULL);
    uint8_t *bytes = bench_read(b, leader, 0, &n, &cold->end);
    cold->coords.config.host = b->host;
    cold->coords.config.crc = crc32c_detect();
    cold->shard.coords = &cold->coords;
    struct group_config config = {.session_min_ms = 6000,
                                  .session_max_ms = 1800000,
                                  .members_max = 100,
                                  .retention_check_ms = 600000};
    heap_init(&cold->shard.heap, memory_source(b->host), (size_t)1 << 30);
    group_shard_init(&cold->shard.core, &config, &cold->shard.heap, memory_source(b->host));
    int64_t offset = 0;
    uint64_t records = 0;
    CHECK(records_replay(&cold->shard, slice_of(bytes, n), &offset, &records) == OK);
    CHECK(offset == cold->end);
    free(bytes);
    return cold;
}

static void cold_free(struct cold *cold)
{
    struct list waiting;
    list_init(&waiting);
    group_shard_release(&cold->shard.core, &waiting);
    heap_release(&cold->shard.heap);
    free(cold);
}

/* ---- looking at a node's shard ---- */

struct look {
    struct coord_shard *shard;
    enum shard_state state;
    int64_t end; /* FOLLOWING: it holds all below */
    bool leads;
    const struct cold *with;
    const char *difference;
    bool read;
    uint64_t load_read;
    uint64_t load_kept;
};

static void look_here(void *arg)
{
    struct look *look = arg;
    struct coord_shard *shard = look->shard;
    shard_enter(shard);
    look->state = shard->state;
    look->read = look->leads ? shard->state == SHARD_ACTIVE
                             : shard->state == SHARD_FOLLOWING && shard->loader.begun &&
                                   shard->loader.offset == look->end;
    look->load_read = shard->load_read;
    look->load_kept = shard->load_kept;
    if (look->with != NULL && look->read) {
        group_check(&shard->core);
        look->difference = group_difference(&shard->core, &look->with->shard.core);
    }
    shard_leave(shard);
}

static bool is_read(void *arg)
{
    struct look *look = arg;
    bench_call(look->shard->home, look_here, look);
    return look->read;
}

struct looked_at {
    struct bench *bench;
    uint32_t node;
};

static bool is_leading(void *arg)
{
    struct looked_at *at = arg;
    return bench_facts(at->bench, at->node).leader;
}

/* Follower or leader: it comes to hold what the leader's log says. */
static struct look expect_same(struct bench *b, uint32_t node, uint32_t leader)
{
    struct looked_at leads = {b, leader};
    cr_assert(bench_soon(is_leading, &leads));
    cr_assert(bench_soon_high_watermark(b, leader, bench_facts(b, leader).log_end));
    struct cold *cold = cold_read(b, leader);
    struct look look = {.shard = coord_bench_shard(b, node),
                        .end = cold->end,
                        .leads = node == leader,
                        .with = cold};
    CHECK(bench_soon(is_read, &look));
    cr_assert_null(look.difference, "node %u, led by %u: %s", node, leader, look.difference);
    cold_free(cold);
    return look;
}

/* ---- tests ---- */

static void random_history(uint64_t seed)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct writer w;
    uint32_t leader = 0;
    uint64_t kept = 0;
    cr_assert_not_null(b);
    coord_bench_open(b, 3);
    writer_init(&w, b, seed);
    for (uint32_t step = 0; step < 40; step++) {
        uint32_t what = (uint32_t)prng_below(&w.prng, 100);
        uint32_t other = (leader + 1 + (uint32_t)prng_below(&w.prng, 2)) % 3;
        if (what < 60) {
            cr_assert_eq(write_batch(&w, leader, -1), KAFKA_NONE);
        } else if (what < 75) {
            expect_same(b, other, leader);
        } else if (what < 90) {
            cr_assert(bench_soon_in_isr(b, other));
            bench_lead(b, b->nodes[other].id);
            leader = other;
            kept += expect_same(b, leader, leader).load_kept;
        } else {
            coord_bench_stop(b, other, prng_chance(&w.prng, 500));
            cr_assert_eq(write_batch(&w, leader, 1), KAFKA_NONE);
            bench_start(b, other);
            cr_assert(bench_soon_in_isr(b, other));
            cr_assert(bench_soon_high_watermark(b, leader, bench_facts(b, leader).log_end));
        }
    }
    cr_assert(w.written == 0 || kept > 0, "no takeover was a warm one");
    heap_release(&w.heap);
    coord_bench_close(b);
    free(b);
}

Test(warm, is_what_the_log_says)
{
    for (uint64_t seed = 1; seed <= 2; seed++) {
        random_history(seed);
    }
}

Test(warm, leading_begins_with_the_tail_alone)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct writer w;
    cr_assert_not_null(b);
    coord_bench_open(b, 2);
    writer_init(&w, b, 5);
    for (int i = 0; i < 200; i++) {
        cr_assert_eq(write_batch(&w, 0, -1), KAFKA_NONE);
    }
    expect_same(b, 1, 0);
    bench_lead(b, 2);
    struct look look = expect_same(b, 1, 1);
    cr_assert_eq(look.load_read, 0);
    cr_assert_eq(look.load_kept, (uint64_t)w.written);
    /* The old leader follows, from the log's beginning, and is as good afterwards. */
    expect_same(b, 0, 1);
    heap_release(&w.heap);
    coord_bench_close(b);
    free(b);
}

/* An unclean election takes committed records away: what was kept of them goes too. */
Test(warm, is_thrown_away_when_committed_records_go)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct writer w;
    cr_assert_not_null(b);
    coord_bench_open(b, 3);
    writer_init(&w, b, 6);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(write_batch(&w, 0, -1), KAFKA_NONE);
    }
    coord_bench_stop(b, 2, true);
    bench_isr(b, 3);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(write_batch(&w, 0, -1), KAFKA_NONE);
    }
    expect_same(b, 1, 0);
    uint64_t before = bench_facts(b, 1).rewinds;
    coord_bench_stop(b, 0, true);
    bench_start(b, 2);
    bench_lead(b, -1);
    bench_isr(b, 4);
    bench_lead(b, 3);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(write_batch(&w, 2, -1), KAFKA_NONE);
    }
    cr_assert(bench_soon_in_isr(b, 1));
    cr_assert_gt(bench_facts(b, 1).rewinds, before);
    bench_lead(b, 2); /* while it rests from that: the log is read anew */
    struct look look = expect_same(b, 1, 1);
    cr_assert_gt(look.load_read, 0u);
    heap_release(&w.heap);
    coord_bench_close(b);
    free(b);
}

static bool nothing_held(void *arg)
{
    struct coord_shard *shard = arg;
    shard_enter(shard);
    bool idle = shard->state == SHARD_IDLE && shard->memory.bytes == 0;
    shard_leave(shard);
    return idle;
}

Test(warm, gives_its_memory_back)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct writer w;
    cr_assert_not_null(b);
    coord_bench_open(b, 2);
    writer_init(&w, b, 7);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(write_batch(&w, 0, -1), KAFKA_NONE);
    }
    expect_same(b, 1, 0);
    struct coord_shard *shards[2] = {coord_bench_shard(b, 0), coord_bench_shard(b, 1)};
    cr_assert_gt(shards[1]->memory.bytes, 0u);
    cr_assert_eq(atomic_load(&shards[1]->coords->follow_bytes), shards[1]->memory.bytes);
    cr_assert_eq(atomic_load(&shards[0]->coords->follow_bytes), 0u);
    bench_delete(b);
    for (int i = 0; i < 2; i++) {
        cr_assert(bench_soon(nothing_held, shards[i]));
        cr_assert_eq(atomic_load(&shards[i]->coords->follow_bytes), 0u);
    }
    heap_release(&w.heap);
    coord_bench_close(b);
    free(b);
}

struct seek {
    struct coord_shard *shard;
    struct slice topic;
    bool active;
    uint32_t offsets; /* in that topic */
};

static bool is_swept(void *arg)
{
    struct seek *seek = arg;
    uint32_t at = 0;
    shard_enter(seek->shard);
    seek->active = seek->shard->state == SHARD_ACTIVE;
    seek->offsets = 0;
    for (const struct group *g;
         seek->active && (g = group_next(&seek->shard->core, &at)) != NULL;) {
        const struct group_topic *topic = map_get(&g->topics, seek->topic);
        seek->offsets += topic == NULL ? 0 : topic->count;
    }
    shard_leave(seek->shard);
    return seek->active && seek->offsets == 0;
}

static bool is_of_second_epoch(void *arg)
{
    struct coord_shard *shard = arg;
    shard_enter(shard);
    bool yes = shard->epoch == 1;
    shard_leave(shard);
    return yes;
}

/* A topic is deleted while the shard waits for its log to be committed: its offsets go when the shard begins. */
Test(warm, a_topic_goes_while_the_shard_is_loaded)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct writer w;
    cr_assert_not_null(b);
    coord_bench_open(b, 2);
    writer_init(&w, b, 8);
    struct uuid id = entropy_uuid(b->host), again = entropy_uuid(b->host);
    bench_other_topic(b, id, "orders");
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(write_batch(&w, 0, -1), KAFKA_NONE);
    }
    struct seek seek = {.shard = coord_bench_shard(b, 0), .topic = slice_str("orders")};
    coord_bench_stop(b, 1, true);                    /* it stays in the set for a while */
    cr_assert_eq(write_batch(&w, 0, 1), KAFKA_NONE); /* so this is not committed */
    bench_lead(b, 1);
    cr_assert(bench_soon(is_of_second_epoch, seek.shard));
    bench_other_topic(b, id, NULL);
    bench_other_topic(b, again, "orders"); /* another one of that name */
    cr_assert(bench_soon(is_swept, &seek));
    seek.topic = slice_str("payments");
    cr_assert_not(is_swept(&seek));
    cr_assert_gt(seek.offsets, 0u);
    heap_release(&w.heap);
    coord_bench_close(b);
    free(b);
}

/* The folder as the cleaner of another server may leave it: the last batch of the last full segment is gone, and nothing was written
 * behind it. */
static void clean_last(struct bench *b, int64_t end, off_t last_at)
{
    char path[300];
    const char *const hints[] = {"index", "timeindex"};
    (void)snprintf(path, sizeof(path), "%s/node1/%s-0/%020d.log", b->root, b->topic_name, 0);
    CHECK(truncate(path, last_at) == 0);
    for (size_t i = 0; i < ARRAY_LEN(hints); i++) {
        (void)snprintf(path, sizeof(path), "%s/node1/%s-0/%020d.%s", b->root, b->topic_name, 0,
                       hints[i]);
        CHECK(unlink(path) == 0);
    }
    (void)snprintf(path, sizeof(path), "%s/node1/%s-0/%020lld.log", b->root, b->topic_name,
                   (long long)end);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL && fclose(file) == 0);
}

Test(warm, a_log_whose_last_records_were_compacted_away_is_loaded)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct writer w;
    cr_assert_not_null(b);
    coord_bench_open(b, 1);
    writer_init(&w, b, 9);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(write_batch(&w, 0, -1), KAFKA_NONE);
    }
    int64_t before = w.written;
    off_t bytes = (off_t)bench_facts(b, 0).bytes;
    cr_assert_eq(write_batch(&w, 0, -1), KAFKA_NONE);
    int64_t end = bench_facts(b, 0).log_end;
    coord_bench_stop(b, 0, true);
    b->settings.compacted = true;
    clean_last(b, end, bytes);
    bench_start(b, 0);
    bench_lead(b, 1);
    struct look look = {.shard = coord_bench_shard(b, 0), .leads = true};
    cr_assert(bench_soon(is_read, &look));
    cr_assert_eq(bench_facts(b, 0).log_end, end);
    /* The shard may hear later than the partition that this broker leads, and have followed it until then. */
    cr_assert_eq(look.load_read + look.load_kept, (uint64_t)before);
    heap_release(&w.heap);
    coord_bench_close(b);
    free(b);
}
