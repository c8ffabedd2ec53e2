#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/wire/kmsg.h"
#include "kmsg/api_versions.h"
#include "kmsg/describe_topic_partitions.h"
#include "kmsg/fetch.h"
#include "kmsg/metadata.h"
#include "kmsg/produce.h"

static void *take(void *ctx, size_t bytes)
{
    (void)ctx;
    void *p = NULL;
    return posix_memalign(&p, 16, bytes) == 0 ? p : NULL;
}

static void give(void *ctx, void *p, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(p);
}

static const struct memory_source source = {take, give, NULL};

struct fixture {
    struct arena arena;
    struct heap heap;
    struct buf buf;
};

static void setup(struct fixture *f)
{
    arena_init(&f->arena, &source, 4096, 64 << 20);
    heap_init(&f->heap, &source, 64 << 20);
    buf_init(&f->buf, &f->heap, 1 << 20);
}

static void teardown(struct fixture *f)
{
    buf_release(&f->buf);
    arena_release(&f->arena);
    heap_release(&f->heap);
}

/* Written by hand from the protocol's description: Produce v3, and v9 with compact lengths and tags. */
static const uint8_t produce_v3[] = "\xff\xff"                 /* transactional_id null */
                                    "\xff\xff\x00\x00\x75\x30" /* acks -1, timeout 30000 */
                                    "\x00\x00\x00\x01\x00\x02"
                                    "ab" /* one topic "ab" */
                                    "\x00\x00\x00\x01\x00\x00\x00\x07\x00\x00\x00\x03"
                                    "xyz";
static const uint8_t produce_v9[] = "\x00\xff\xff\x00\x00\x75\x30"
                                    "\x02\x03"
                                    "ab"
                                    "\x02\x00\x00\x00\x07\x04"
                                    "xyz"
                                    "\x00\x00"         /* tags of partition and topic: none */
                                    "\x01\x2a\x02\x09" /* an unknown tag 42 of two bytes */
                                    "\x09";

static void check_produce(struct fixture *f, int16_t version, const uint8_t *p, size_t n)
{
    struct kmsg_produce_request request;
    struct slice in = slice_of(p, n);
    cr_assert_eq(kmsg_decode(&kmsg_produce_request_desc, version, &in, &f->arena, &request), OK);
    cr_assert_eq(in.n, 0);
    cr_assert_null(request.transactional_id.p);
    cr_assert_eq(request.acks, -1);
    cr_assert_eq(request.timeout_ms, 30000);
    cr_assert_eq(request.topic_data.count, 1);
    struct kmsg_produce_request_topic *topic = &request.topic_data.items[0];
    cr_assert(slice_eq(topic->name, slice_str("ab")));
    cr_assert(uuid_is_none(topic->topic_id));
    cr_assert_eq(topic->partition_data.count, 1);
    cr_assert_eq(topic->partition_data.items[0].index, 7);
    struct slice records = topic->partition_data.items[0].records.bytes;
    cr_assert(slice_eq(records, slice_str("xyz")));
    cr_assert(records.p > p && records.p < p + n, "records borrow from the frame");
    size_t size;
    cr_assert_eq(kmsg_size(&kmsg_produce_request_desc, version, &request, &size), OK);
    cr_assert_eq(size, version == 3 ? n : n - 4, "the unknown tag is not kept");
    cr_assert_eq(kmsg_encode_buf(&kmsg_produce_request_desc, version, &request, &f->buf), OK);
    cr_assert_eq(f->buf.n, size);
    size_t same = version == 3 ? n : n - 5;
    cr_assert_eq(memcmp(f->buf.p, p, same), 0);
    buf_clear(&f->buf);
}

Test(kmsg, produce_by_hand)
{
    struct fixture f;
    setup(&f);
    check_produce(&f, 3, produce_v3, sizeof(produce_v3) - 1);
    check_produce(&f, 9, produce_v9, sizeof(produce_v9) - 1);
    teardown(&f);
}

Test(kmsg, apis_are_found_by_key)
{
    const struct kmsg_api *produce = kmsg_api_find(0);
    cr_assert_not_null(produce);
    cr_assert_str_eq(produce->name, "Produce");
    cr_assert_eq(produce->version_min, 3);
    cr_assert_eq(produce->version_max, 13);
    cr_assert_eq(produce->advertised_min, 0);
    cr_assert_eq(produce->request, &kmsg_produce_request_desc);
    cr_assert_null(kmsg_api_find(4));
    cr_assert_null(kmsg_api_find(-1));
    cr_assert_null(kmsg_api_find(INT16_MAX));
    for (size_t i = 0; i < kmsg_api_count; i++) {
        cr_assert_eq(kmsg_api_find(kmsg_apis[i].key), &kmsg_apis[i]);
    }
    cr_assert_eq(kmsg_message_find("FetchResponse"), &kmsg_fetch_response_desc);
    cr_assert_null(kmsg_message_find("Nothing"));
}

Test(kmsg, a_value_that_the_version_lacks_is_an_error_unless_dropped)
{
    struct fixture f;
    setup(&f);
    struct kmsg_fetch_request fetch;
    kmsg_fetch_request_init(&fetch);
    size_t size;
    fetch.session_id = 5; /* from v7, drop */
    cr_assert_eq(kmsg_size(&kmsg_fetch_request_desc, 4, &fetch, &size), OK);
    fetch.replica_state.replica_id = 1; /* from v15 */
    cr_assert_eq(kmsg_size(&kmsg_fetch_request_desc, 14, &fetch, &size), ERR_INVALID);
    cr_assert_eq(kmsg_size(&kmsg_fetch_request_desc, 15, &fetch, &size), OK);
    fetch.replica_id = 3; /* up to v14 */
    cr_assert_eq(kmsg_size(&kmsg_fetch_request_desc, 15, &fetch, &size), ERR_INVALID);
    teardown(&f);
}

Test(kmsg, null_where_the_version_has_none)
{
    struct fixture f;
    setup(&f);
    struct kmsg_metadata_request metadata;
    kmsg_metadata_request_init(&metadata);
    metadata.topics.count = -1;
    size_t size;
    cr_assert_eq(kmsg_size(&kmsg_metadata_request_desc, 0, &metadata, &size), ERR_INVALID);
    cr_assert_eq(kmsg_size(&kmsg_metadata_request_desc, 1, &metadata, &size), OK);
    struct slice in = slice_of("\xff\xff\xff\xff", 4);
    cr_assert_eq(kmsg_decode(&kmsg_metadata_request_desc, 0, &in, &f.arena, &metadata),
                 ERR_MALFORMED);
    in = slice_of("\xff\xff\xff\xff", 4);
    cr_assert_eq(kmsg_decode(&kmsg_metadata_request_desc, 1, &in, &f.arena, &metadata), OK);
    cr_assert_eq(metadata.topics.count, -1);
    cr_assert(metadata.allow_auto_topic_creation, "default of a field from v4");
    teardown(&f);
}

Test(kmsg, private_tags_travel_with_a_fetch)
{
    struct fixture f;
    setup(&f);
    struct kmsg_fetch_request fetch;
    kmsg_fetch_request_init(&fetch);
    fetch.topics.items = kmsg_fetch_request_topic_array(&f.arena, 1);
    fetch.topics.count = 1;
    struct kmsg_fetch_request_topic *topic = &fetch.topics.items[0];
    topic->partitions.items = kmsg_fetch_request_partition_array(&f.arena, 2);
    topic->partitions.count = 2;
    cr_assert_eq(topic->partitions.items[1].durable_offset, -1);
    topic->partitions.items[1].durable_offset = 1234567890123;
    topic->partitions.items[1].high_watermark = 99;
    cr_assert_eq(kmsg_encode_buf(&kmsg_fetch_request_desc, 18, &fetch, &f.buf), OK);
    struct kmsg_fetch_request back;
    struct slice in = buf_slice(&f.buf);
    cr_assert_eq(kmsg_decode(&kmsg_fetch_request_desc, 18, &in, &f.arena, &back), OK);
    cr_assert_eq(back.topics.items[0].partitions.items[0].durable_offset, -1);
    cr_assert_eq(back.topics.items[0].partitions.items[0].high_watermark, INT64_MAX);
    cr_assert_eq(back.topics.items[0].partitions.items[1].durable_offset, 1234567890123);
    cr_assert_eq(back.topics.items[0].partitions.items[1].high_watermark, 99);
    cr_assert_eq(back.topics.items[0].partitions.items[1].bad_crc_offset, -1);
    size_t size;
    cr_assert_eq(kmsg_size(&kmsg_fetch_request_desc, 14, &fetch, &size), ERR_INVALID,
                 "a follower that speaks an older version must not believe it told its offset");
    teardown(&f);
}

Test(kmsg, a_struct_that_may_be_null_is_a_pointer)
{
    struct fixture f;
    setup(&f);
    struct kmsg_describe_topic_partitions_request request;
    kmsg_describe_topic_partitions_request_init(&request);
    cr_assert_null(request.cursor);
    cr_assert_eq(request.response_partition_limit, 2000);
    struct kmsg_describe_topic_partitions_request_cursor cursor = {slice_str("t"), 3};
    request.cursor = &cursor;
    cr_assert_eq(kmsg_encode_buf(&kmsg_describe_topic_partitions_request_desc, 0, &request, &f.buf),
                 OK);
    struct slice in = buf_slice(&f.buf);
    struct kmsg_describe_topic_partitions_request back;
    cr_assert_eq(kmsg_decode(&kmsg_describe_topic_partitions_request_desc, 0, &in, &f.arena, &back),
                 OK);
    cr_assert_not_null(back.cursor);
    cr_assert_eq(back.cursor->partition_index, 3);
    cr_assert(slice_eq(back.cursor->topic_name, cursor.topic_name));
    teardown(&f);
}

Test(kmsg, hostile_counts_take_no_memory)
{
    struct fixture f;
    setup(&f);
    struct kmsg_produce_request request;
    uint8_t bytes[64] = "\xff\xff\xff\xff\x00\x00\x75\x30\x00\x0f\x42\x40"; /* a million topics */
    struct slice in = slice_of(bytes, sizeof(bytes));
    cr_assert_eq(kmsg_decode(&kmsg_produce_request_desc, 3, &in, &f.arena, &request),
                 ERR_TRUNCATED);
    cr_assert_eq(f.arena.total, 0);
    memcpy(bytes + 8, "\x7f\xff\xff\xff", 4);
    in = slice_of(bytes, sizeof(bytes));
    cr_assert_eq(kmsg_decode(&kmsg_produce_request_desc, 3, &in, &f.arena, &request),
                 ERR_TOO_LARGE);
    memcpy(bytes + 8, "\x00\x00\x00\x14", 4); /* 20 topics of at least 6 bytes do not fit into 52 */
    in = slice_of(bytes, sizeof(bytes));
    cr_assert_eq(kmsg_decode(&kmsg_produce_request_desc, 3, &in, &f.arena, &request),
                 ERR_TRUNCATED);
    cr_assert_eq(f.arena.total, 0);
    teardown(&f);
}

static void count_drop(void *owner)
{
    ++*(int *)owner;
}

static struct disk_file *some_file(void)
{
    static int file;
    return (struct disk_file *)&file;
}

static struct kmsg_fetch_response *fetch_response(struct fixture *f, int *drops, int32_t partitions)
{
    struct kmsg_fetch_response *response = ARENA_NEW(&f->arena, struct kmsg_fetch_response);
    kmsg_fetch_response_init(response);
    response->responses.items = kmsg_fetch_response_topic_array(&f->arena, 1);
    response->responses.count = 1;
    struct kmsg_fetch_response_topic *topic = &response->responses.items[0];
    topic->topic = slice_str("t");
    topic->partitions.items = kmsg_fetch_response_partition_array(&f->arena, partitions);
    topic->partitions.count = partitions;
    for (int32_t i = 0; i < partitions; i++) {
        topic->partitions.items[i].partition_index = i;
        topic->partitions.items[i].records = (struct kmsg_records){.file = some_file(),
                                                                   .at = 1000 * i,
                                                                   .n = (size_t)(10 * i),
                                                                   .drop = count_drop,
                                                                   .owner = drops};
    }
    return response;
}

Test(kmsg, file_ranges_go_into_the_chain)
{
    struct fixture f;
    setup(&f);
    int drops = 0;
    struct kmsg_fetch_response *response = fetch_response(&f, &drops, 3);
    size_t size;
    cr_assert_eq(kmsg_size(&kmsg_fetch_response_desc, 11, response, &size), OK);
    struct chain chain;
    chain_init(&chain, &f.heap);
    cr_assert_eq(kmsg_encode_chain(&kmsg_fetch_response_desc, 11, response, &f.arena, &chain), OK);
    cr_assert_eq(chain.bytes, size);
    cr_assert_eq(drops, 1, "the empty range of partition 0 is given back at once");
    unsigned files = 0;
    for (const struct chain_piece *p = chain.head; p != NULL; p = p->next) {
        if (p->kind == CHAIN_FILE) {
            files++;
            cr_assert_eq(p->left, 10 * files);
            cr_assert_eq(p->file.at, 1000 * files);
        }
    }
    cr_assert_eq(files, 2);
    kmsg_drop(&kmsg_fetch_response_desc, response);
    cr_assert_eq(drops, 1, "the chain owns the others");
    chain_release(&chain);
    cr_assert_eq(drops, 3);
    teardown(&f);
}

Test(kmsg, file_ranges_are_dropped_once_on_error)
{
    struct fixture f;
    setup(&f);
    int drops = 0;
    struct kmsg_fetch_response *response = fetch_response(&f, &drops, 3);
    response->responses.items[0].partitions.items[2].diverging_epoch.epoch = 4; /* from v12 */
    struct chain chain;
    chain_init(&chain, &f.heap);
    cr_assert_eq(kmsg_encode_chain(&kmsg_fetch_response_desc, 11, response, &f.arena, &chain),
                 ERR_INVALID);
    cr_assert_eq(drops, 3);
    cr_assert_eq(chain.bytes, 0);
    /* And when memory is out half way. */
    for (size_t limit = 0; limit < 16384; limit += 512) {
        drops = 0;
        response = fetch_response(&f, &drops, 8);
        struct heap small;
        heap_init(&small, &source, limit);
        chain_init(&chain, &small);
        err_t err = kmsg_encode_chain(&kmsg_fetch_response_desc, 11, response, &f.arena, &chain);
        cr_assert(err == OK || err == ERR_NO_MEMORY);
        cr_assert(err == OK || drops == 8);
        chain_release(&chain);
        cr_assert_eq(drops, 8);
        heap_release(&small);
    }
    teardown(&f);
}

Test(kmsg, a_message_prints_as_one_bounded_line)
{
    struct fixture f;
    setup(&f);
    struct kmsg_produce_request request;
    struct slice in = slice_of(produce_v3, sizeof(produce_v3) - 1);
    cr_assert_eq(kmsg_decode(&kmsg_produce_request_desc, 3, &in, &f.arena, &request), OK);
    request.transactional_id = slice_str("a\"b\n");
    kmsg_print(&kmsg_produce_request_desc, 3, &request, 1000, &f.buf);
    static const char line[] =
        "{\"transactional_id\":\"a\\\"b\\u000a\",\"acks\":-1,\"timeout_ms\":30000,\"topic_data\":"
        "[{\"name\":\"ab\",\"partition_data\":[{\"index\":7,\"records\":\"<3 bytes>\"}]}]}";
    cr_assert(slice_eq(buf_slice(&f.buf), slice_str(line)), "%.*s", (int)f.buf.n, f.buf.p);
    for (size_t max = 3; max < sizeof(line) - 1; max++) {
        buf_clear(&f.buf);
        kmsg_print(&kmsg_produce_request_desc, 3, &request, max, &f.buf);
        cr_assert_leq(f.buf.n, max);
        cr_assert_eq(memcmp(f.buf.p + f.buf.n - 3, "...", 3), 0, "%zu", max);
    }
    teardown(&f);
}

Test(kmsg, lengths_beyond_the_protocols_are_refused)
{
    struct fixture f;
    setup(&f);
    struct kmsg_produce_request request;
    kmsg_produce_request_init(&request);
    static uint8_t text[INT16_MAX + 1];
    request.transactional_id = slice_of(text, INT16_MAX);
    size_t size;
    cr_assert_eq(kmsg_size(&kmsg_produce_request_desc, 9, &request, &size), OK);
    request.transactional_id.n++;
    cr_assert_eq(kmsg_size(&kmsg_produce_request_desc, 3, &request, &size), ERR_TOO_LARGE);
    cr_assert_eq(kmsg_size(&kmsg_produce_request_desc, 9, &request, &size), ERR_TOO_LARGE);
    /* The same, received: a compact length of 32768. */
    static uint8_t bytes[INT16_MAX + 100] = "\x81\x80\x02";
    struct slice in = slice_of(bytes, sizeof(bytes));
    cr_assert_eq(kmsg_decode(&kmsg_produce_request_desc, 9, &in, &f.arena, &request),
                 ERR_MALFORMED);
    teardown(&f);
}

static err_t decode_produce_v9(struct fixture *f, const void *tags, size_t n)
{
    uint8_t bytes[100] = "\x00\xff\xff\x00\x00\x75\x30\x01"; /* no topics */
    memcpy(bytes + 8, tags, n);
    struct slice in = slice_of(bytes, 8 + n);
    struct kmsg_produce_request request;
    return kmsg_decode(&kmsg_produce_request_desc, 9, &in, &f->arena, &request);
}

Test(kmsg, tagged_fields_are_bounded)
{
    struct fixture f;
    setup(&f);
    cr_assert_eq(decode_produce_v9(&f, "\x00", 1), OK);
    cr_assert_eq(decode_produce_v9(&f, "\x02\x09\x00\x07\x01\xaa", 6), OK, "skipped, in any order");
    cr_assert_eq(decode_produce_v9(&f, "\x91\x4e", 2), ERR_TOO_LARGE, "10001 tags");
    cr_assert_eq(decode_produce_v9(&f, "\x05\x01\x00", 3), ERR_TRUNCATED);
    cr_assert_eq(decode_produce_v9(&f, "\x01\x01\x05\x00", 4), ERR_TRUNCATED);
    cr_assert_eq(decode_produce_v9(&f, "\xff\xff\xff\xff\xff\x01", 6), ERR_MALFORMED);
    /* A known tag must fill its size: Metadata has none, Fetch's cluster_id is tag 0. */
    struct kmsg_fetch_request fetch;
    kmsg_fetch_request_init(&fetch);
    fetch.cluster_id = slice_str("id");
    cr_assert_eq(kmsg_encode_buf(&kmsg_fetch_request_desc, 12, &fetch, &f.buf), OK);
    struct slice in = buf_slice(&f.buf);
    cr_assert_eq(kmsg_decode(&kmsg_fetch_request_desc, 12, &in, &f.arena, &fetch), OK);
    cr_assert_eq(f.buf.p[f.buf.n - 4], 3, "size of the tag");
    f.buf.p[f.buf.n - 3] = 2; /* a shorter string inside: one byte is left over */
    in = buf_slice(&f.buf);
    cr_assert_eq(kmsg_decode(&kmsg_fetch_request_desc, 12, &in, &f.arena, &fetch), ERR_MALFORMED);
    teardown(&f);
}
