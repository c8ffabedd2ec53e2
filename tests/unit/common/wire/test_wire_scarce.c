/* Messages and batches with too little memory, values that no version can carry, and numbers at the edges. */
#include <criterion/criterion.h>

#include "common/wire/frame.h"
#include "common/wire/kafka_error.h"
#include "common/wire/kmsg_walk.h"
#include "common/wire/record_batch_build.h"
#include "common/wire/record_batch_rules.h"
#include "common/wire/varint.h"
#include "kmsg/fetch.h"
#include "kmsg/metadata.h"
#include "tests/lib/memory.h"

struct fixture {
    struct test_memory memory;
    struct test_memory scarce; /* what `pieces` and `heap` take from */
    struct arena plenty;
    struct arena pieces;
    struct heap heap;
    struct buf buf;
    struct prng prng;
};

static void setup(struct fixture *f)
{
    test_memory_init(&f->memory);
    test_memory_init(&f->scarce);
    arena_init(&f->plenty, &f->memory.source, 4096, (size_t)1 << 28);
    arena_init(&f->pieces, &f->scarce.source, 256, (size_t)1 << 28);
    heap_init(&f->heap, &f->scarce.source, (size_t)1 << 28);
    buf_init(&f->buf, &f->heap, 1 << 24);
    prng_init(&f->prng, 17);
}

static void teardown(struct fixture *f)
{
    buf_release(&f->buf);
    cr_assert_eq(f->heap.live, 0);
    heap_release(&f->heap);
    arena_release(&f->plenty);
    arena_release(&f->pieces);
    cr_assert_eq(f->memory.out + f->scarce.out, 0);
}

static void starve(struct fixture *f, size_t most)
{
    arena_release(&f->pieces);
    test_memory_by_piece(&f->pieces);
    test_memory_heap_by_piece(&f->heap);
    f->scarce.most = most;
}

static void feed(struct fixture *f)
{
    f->scarce.most = SIZE_MAX;
    arena_release(&f->pieces);
}

#define CLIENT_ID_MAX INT16_MAX

#define EACH_NEWEST(m)                                                    \
    for (size_t i_ = 0; i_ < kmsg_message_count; i_++)                    \
        for (const struct kmsg_message *m = kmsg_messages[i_]; m != NULL; \
             arena_clear(&f.plenty), m = NULL)

/* --- memory --- */

static err_t decode_all(struct fixture *f, const struct kmsg_message *m, struct slice bytes)
{
    void *back = arena_alloc(&f->plenty, m->shape->size);
    return kmsg_decode(m, m->version_max, &bytes, &f->pieces, back);
}

Test(wire_scarce, messages_are_whole_or_refused)
{
    struct fixture f;
    setup(&f);
    unsigned failures = 0;
    EACH_NEWEST(m)
    {
        int16_t version = m->version_max;
        void *message = arena_alloc(&f.plenty, m->shape->size);
        struct prng same = f.prng;
        err_t err = ERR_NO_MEMORY;
        for (size_t most = 0; err != OK; most += 1 + most / 4) {
            f.prng = same;
            starve(&f, most);
            err = kmsg_random(m, version, &f.prng, 2, &f.pieces, message);
            cr_assert(err == OK || err == ERR_NO_MEMORY);
            feed(&f);
            failures += err != OK;
        }
        f.prng = same;
        cr_assert_eq(kmsg_random(m, version, &f.prng, 2, &f.plenty, message), OK);
        size_t size;
        cr_assert_eq(kmsg_size(m, version, message, &size), OK);
        buf_release(&f.buf);
        starve(&f, 0);
        cr_assert_eq(kmsg_encode_buf(m, version, message, &f.buf), size > 0 ? ERR_NO_MEMORY : OK);
        cr_assert_eq(f.buf.n, 0);
        feed(&f);
        buf_clear(&f.buf);
        cr_assert_eq(kmsg_encode_buf(m, version, message, &f.buf), OK);
        cr_assert_eq(f.buf.n, size);
        err = ERR_NO_MEMORY;
        for (size_t most = 0; err != OK; most += 1 + most / 4) {
            starve(&f, most);
            err = decode_all(&f, m, buf_slice(&f.buf));
            cr_assert(err == OK || err == ERR_NO_MEMORY, "%s", m->name);
            feed(&f);
            failures += err != OK;
        }
    }
    cr_assert_gt(failures, 500);
    teardown(&f);
}

static void count_drop(void *owner)
{
    ++*(int *)owner;
}

/* A response of Fetch with `count` file ranges of so many bytes. */
static struct kmsg_fetch_response *fetched(struct fixture *f, int *drops, int32_t count, size_t n)
{
    struct kmsg_fetch_response *response = ARENA_NEW(&f->plenty, struct kmsg_fetch_response);
    kmsg_fetch_response_init(response);
    response->responses.items = kmsg_fetch_response_topic_array(&f->plenty, 1);
    response->responses.count = 1;
    struct kmsg_fetch_response_topic *topic = &response->responses.items[0];
    topic->topic = slice_str("t");
    topic->partitions.items = kmsg_fetch_response_partition_array(&f->plenty, count);
    topic->partitions.count = count;
    for (int32_t i = 0; i < count; i++) {
        topic->partitions.items[i].records = (struct kmsg_records){
            .file = (struct disk_file *)drops, .n = n, .drop = count_drop, .owner = drops};
    }
    return response;
}

/* How often it fails before there is enough memory. */
static unsigned ranges_scarce(struct fixture *f, int32_t count)
{
    unsigned failures = 0;
    err_t err = ERR_NO_MEMORY;
    for (size_t most = 0; err != OK; most++) {
        int drops = 0;
        struct kmsg_fetch_response *response = fetched(f, &drops, count, 10);
        response->responses.items[0].partitions.items[1].records.drop = NULL;
        struct chain chain;
        chain_init(&chain, &f->heap);
        starve(f, most);
        err = kmsg_encode_chain(&kmsg_fetch_response_desc, 11, response, &f->pieces, &chain);
        feed(f);
        cr_assert(err == OK || err == ERR_NO_MEMORY);
        cr_assert_eq(drops, err == OK ? 0 : count - 1);
        cr_assert_eq(chain.bytes > 0, err == OK);
        chain_release(&chain);
        cr_assert_eq(drops, count - 1);
        failures += err != OK;
    }
    return failures;
}

Test(wire_scarce, file_ranges_are_given_back_whatever_fails)
{
    struct fixture f;
    setup(&f);
    cr_assert_geq(ranges_scarce(&f, 3), 5);
    cr_assert_gt(ranges_scarce(&f, 20), 20); /* not small: written in a second walk */
    teardown(&f);
}

Test(wire_scarce, file_ranges_beyond_a_frame_are_refused)
{
    static const struct {
        int32_t count;
        size_t n;
    } cases[] = {{1, (size_t)INT32_MAX + 5}, {2, INT32_MAX - 2}};
    struct fixture f;
    setup(&f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int drops = 0;
        struct kmsg_fetch_response *response = fetched(&f, &drops, cases[i].count, cases[i].n);
        struct chain chain;
        chain_init(&chain, &f.heap);
        cr_assert_eq(kmsg_encode_chain(&kmsg_fetch_response_desc, 11, response, &f.pieces, &chain),
                     ERR_TOO_LARGE);
        cr_assert_eq(drops, cases[i].count);
        cr_assert_eq(chain.bytes, 0);
    }
    kmsg_drop(&kmsg_fetch_response_desc, fetched(&f, &(int){0}, 1, 5));
    teardown(&f);
}

/* --- values that this version cannot carry --- */

/* Tries each text of a struct, wherever it lies: too long, and null where only other versions allow that. */
struct spoiler {
    struct fixture *f;
    const struct kmsg_message *message;
    const void *whole;
    int16_t version;
    unsigned spoilt;
};

static void expect(struct spoiler *s, err_t want)
{
    size_t size;
    struct chain chain;
    chain_init(&chain, &s->f->heap);
    s->spoilt++;
    cr_assert_eq(kmsg_size(s->message, s->version, s->whole, &size), want, "%s %d",
                 s->message->name, s->version);
    cr_assert_eq(kmsg_encode_buf(s->message, s->version, s->whole, &s->f->buf), want);
    cr_assert_eq(kmsg_encode_chain(s->message, s->version, (void *)s->whole, &s->f->plenty, &chain),
                 want);
    cr_assert_null(chain.head);
    cr_assert_eq(s->f->buf.n, 0);
}

static void spoil_struct(struct spoiler *s, const struct kmsg_shape *shape, uint8_t *at);

static void spoil_text(struct spoiler *s, const struct kmsg_field *field, uint8_t type,
                       struct slice *text)
{
    static uint8_t longest[KMSG_STRING_MAX + 1];
    struct slice was = *text;
    if (type == KMSG_STRING) {
        *text = slice_of(longest, sizeof(longest));
        expect(s, ERR_TOO_LARGE);
    }
    *text = (struct slice){0};
    if (field->type != KMSG_ARRAY_OF && (field->flags & KMSG_NULLABLE) != 0 &&
        !kmsg_null_in(field, s->version)) {
        expect(s, ERR_INVALID);
    }
    *text = was;
}

static void spoil_array(struct spoiler *s, const struct kmsg_field *field,
                        struct kmsg_any_array *array)
{
    size_t size = kmsg_type_size(field->element, field->shape);
    for (int32_t i = 0; i < array->count; i++) {
        uint8_t *item = (uint8_t *)array->items + size * (size_t)i;
        if (field->element == KMSG_STRUCT) {
            spoil_struct(s, field->shape, item);
        } else if (field->element == KMSG_STRING) {
            spoil_text(s, field, field->element, (struct slice *)item);
        }
    }
    if (!kmsg_null_in(field, s->version)) {
        struct kmsg_any_array was = *array;
        array->count = -1;
        expect(s, ERR_INVALID);
        *array = was;
    }
}

static void spoil_struct(struct spoiler *s, const struct kmsg_shape *shape, uint8_t *at)
{
    for (unsigned i = 0; i < shape->field_count; i++) {
        const struct kmsg_field *field = &shape->fields[i];
        uint8_t *in = at + field->offset;
        if (!kmsg_field_in(field, s->version)) {
            continue;
        }
        if (field->type == KMSG_STRING || field->type == KMSG_BYTES) {
            spoil_text(s, field, field->type, (struct slice *)in);
        } else if (field->type == KMSG_RECORDS) {
            struct kmsg_records was = *(struct kmsg_records *)in;
            *(struct kmsg_records *)in = (struct kmsg_records){0};
            if ((field->flags & KMSG_NULLABLE) && !kmsg_null_in(field, s->version)) {
                expect(s, ERR_INVALID);
            }
            *(struct kmsg_records *)in = was;
        } else if (field->type == KMSG_ARRAY_OF) {
            spoil_array(s, field, (struct kmsg_any_array *)in);
        } else if (field->type == KMSG_STRUCT && (field->flags & KMSG_POINTER)) {
            uint8_t *was = *(uint8_t **)in;
            *(uint8_t **)in = NULL;
            if (!kmsg_null_in(field, s->version)) {
                expect(s, ERR_INVALID);
            }
            *(uint8_t **)in = was;
            if (was != NULL) {
                spoil_struct(s, field->shape, was);
            }
        } else if (field->type == KMSG_STRUCT) {
            spoil_struct(s, field->shape, in);
        }
    }
}

Test(wire_scarce, what_a_version_cannot_carry_is_refused_wherever_it_lies)
{
    struct fixture f;
    setup(&f);
    unsigned spoilt = 0;
    EACH_NEWEST(m)
    {
        for (int16_t version = m->version_min; version <= m->version_max; version++) {
            void *message = arena_alloc(&f.plenty, m->shape->size);
            cr_assert_eq(kmsg_random(m, version, &f.prng, 2, &f.plenty, message), OK);
            struct spoiler s = {.f = &f, .message = m, .whole = message, .version = version};
            spoil_struct(&s, m->shape, message);
            spoilt += s.spoilt;
            size_t size;
            cr_assert_eq(kmsg_size(m, version, message, &size), OK, "and it is whole again");
        }
    }
    cr_assert_gt(spoilt, 2000);
    teardown(&f);
}

/* --- frames --- */

Test(wire_scarce, requests_that_do_not_fit_a_frame)
{
    struct fixture f;
    setup(&f);
    static char name[KMSG_STRING_MAX + 1];
    const struct kmsg_api *api = kmsg_api_find(3);
    struct kmsg_metadata_request request;
    kmsg_metadata_request_init(&request);
    struct slice id = slice_of(name, CLIENT_ID_MAX + 1);
    cr_assert_eq(frame_request_encode(api, 12, 1, id, &request, &f.buf), ERR_TOO_LARGE);
    request.topics.items = kmsg_metadata_request_topic_array(&f.plenty, 1);
    request.topics.count = 1;
    request.topics.items[0].name = slice_of(name, sizeof(name));
    cr_assert_eq(frame_request_encode(api, 12, 1, slice_str("me"), &request, &f.buf),
                 ERR_TOO_LARGE);
    cr_assert_eq(f.buf.n, 0); /* nor is its head left behind */
    request.topics.items[0].name = slice_str("t");
    buf_release(&f.buf);
    starve(&f, 0);
    cr_assert_eq(frame_request_encode(api, 12, 1, slice_str("me"), &request, &f.buf),
                 ERR_NO_MEMORY);
    cr_assert_eq(f.buf.n, 0);
    feed(&f);
    static const struct slice ids[] = {{0}, {(const uint8_t *)"", 0}, {(const uint8_t *)"me", 2}};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        buf_clear(&f.buf);
        cr_assert_eq(frame_request_encode(api, 12, 7, ids[i], &request, &f.buf), OK);
        struct frame_request read;
        cr_assert_eq(frame_request_decode(slice_of(f.buf.p + 4, f.buf.n - 4), &read), OK);
        cr_assert_eq(read.correlation_id, 7);
        cr_assert(slice_same(read.client_id, ids[i]));
        for (size_t n = 0; n < 12 + ids[i].n; n++) { /* its header, cut anywhere */
            if (n != 10 + ids[i].n) {
                cr_assert_eq(frame_request_decode(slice_of(f.buf.p + 4, n), &read),
                             n < 11 + ids[i].n ? ERR_TRUNCATED : OK, "%zu", n);
            }
        }
    }
    teardown(&f);
}

Test(wire_scarce, tags_of_a_response_are_skipped_or_refused)
{
    static const struct {
        uint8_t bytes[12];
        size_t n;
        err_t err;
    } cases[] = {
        {{0}, 0, ERR_TRUNCATED},
        {{0}, 3, ERR_TRUNCATED},
        {{0}, 4, ERR_TRUNCATED},
        {{0, 0, 0, 1, 0}, 5, OK},
        {{0, 0, 0, 1, 1, 9, 2, 5, 5}, 9, OK},
        {{0, 0, 0, 1, 1, 9, 3, 5, 5}, 9, ERR_TRUNCATED},
        {{0, 0, 0, 1, 1, 9}, 6, ERR_TRUNCATED},
        {{0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 10, ERR_MALFORMED},
        {{0, 0, 0, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 11, ERR_MALFORMED},
        {{0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f}, 9, ERR_TOO_LARGE},
    };
    const struct kmsg_api *api = kmsg_api_find(3);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice body;
        int32_t id;
        struct slice frame = slice_of(cases[i].bytes, cases[i].n);
        cr_assert_eq(frame_response_body(api, 12, frame, &body), cases[i].err, "%zu", i);
        cr_assert_eq(frame_response_id(frame, &id), cases[i].n < 4 ? ERR_TRUNCATED : OK);
        cr_assert(cases[i].err != OK || body.n == 0);
    }
}

Test(wire_scarce, a_frame_that_finds_no_room)
{
    struct fixture f;
    struct frame_reader reader;
    struct slice frame;
    uint8_t *p;
    size_t n;
    uint8_t bytes[] = {0, 0, 0x20, 0, 1, 2, 3};
    setup(&f);
    frame_reader_init(&reader, &f.heap, 1 << 20);
    struct slice in = slice_of(bytes, sizeof(bytes));
    starve(&f, 0);
    cr_assert_eq(frame_reader_next(&reader, &in, &frame), ERR_NO_MEMORY);
    feed(&f);
    frame_reader_release(&reader);
    frame_reader_init(&reader, &f.heap, 1 << 20);
    in = slice_of(bytes, 4);
    cr_assert_eq(frame_reader_next(&reader, &in, &frame), OK);
    cr_assert_eq(frame_reader_room(&reader, &p, &n), OK);
    cr_assert_null(p, "nothing of it has come yet");
    frame_reader_idle(&reader);
    cr_assert(reader.gathering, "a frame is begun");
    in = slice_of(bytes + 4, 3);
    cr_assert_eq(frame_reader_next(&reader, &in, &frame), OK);
    size_t have = 3;
    while (have < 0x2000) { /* read straight into its buffer */
        if (reader.room == have) {
            starve(&f, 0);
            cr_assert_eq(frame_reader_room(&reader, &p, &n), ERR_NO_MEMORY);
            cr_assert_null(p);
            feed(&f);
        }
        cr_assert_eq(frame_reader_room(&reader, &p, &n), OK);
        cr_assert_gt(n, 0);
        memset(p, 7, n);
        frame_reader_filled(&reader, n);
        have += n;
    }
    cr_assert_eq(frame_reader_room(&reader, &p, &n), OK);
    cr_assert_null(p, "all of it is there");
    in = (struct slice){0};
    cr_assert_eq(frame_reader_next(&reader, &in, &frame), OK);
    cr_assert_eq(frame.n, 0x2000);
    cr_assert_eq(frame_reader_room(&reader, &p, &n), OK);
    cr_assert_null(p, "it was given");
    frame_reader_idle(&reader);
    cr_assert_null(reader.p);
    frame_reader_release(&reader);
    teardown(&f);
}

/* --- batches --- */

static err_t build(struct fixture *f, int64_t first, int64_t second, struct batch_header *ret)
{
    struct batch_builder builder;
    struct batch_options options = batch_options_plain();
    options.producer_id = 4;
    options.producer_epoch = 0;
    options.base_sequence = 0;
    options.transactional = true;
    batch_begin(&builder, &options, &f->buf);
    err_t err = batch_append(&builder, first, slice_str("k"), slice_str("v"));
    err = err == OK ? batch_append(&builder, second, slice_str("k"), slice_str("v")) : err;
    return err == OK ? batch_finish(&builder, crc32c_portable(), ret) : err;
}

Test(wire_scarce, batches_without_memory)
{
    struct fixture f;
    struct batch_header header;
    setup(&f);
    starve(&f, 0);
    cr_assert_eq(build(&f, 1, 2, &header), ERR_NO_MEMORY);
    feed(&f);
    buf_clear(&f.buf);
    f.buf.limit = 64; /* the header fits, a record does not */
    cr_assert_eq(build(&f, 1, 2, &header), ERR_TOO_LARGE);
    f.buf.limit = 1 << 20;
    buf_clear(&f.buf);
    cr_assert_eq(build(&f, 1, 2, &header), OK);
    cr_assert(batch_facts(&header).transactional);
    buf_clear(&f.buf);
    cr_assert_eq(build(&f, INT64_MIN, INT64_MAX, &header), ERR_RANGE);
    struct batch_builder builder;
    struct batch_options options = batch_options_plain();
    buf_clear(&f.buf);
    batch_begin(&builder, &options, &f.buf);
    buf_put(&f.buf, NULL, (size_t)1 << 25); /* somebody else filled it */
    cr_assert_eq(batch_finish(&builder, crc32c_portable(), &header), ERR_TOO_LARGE);
    batch_abandon(&builder);
    batch_begin(&builder, &options, &f.buf);
    static uint8_t byte;
    struct record vast = {.offset = 0, .value = slice_of(&byte, (size_t)INT32_MAX + 1)};
    cr_assert_eq(batch_add(&builder, &vast), ERR_TOO_LARGE);
    teardown(&f);
}

/* Two records a while apart; base_timestamp then moved so that the second's leaves 64 bits. */
Test(wire_scarce, timestamps_beyond_64_bits)
{
    struct fixture f;
    struct batch_header header;
    setup(&f);
    cr_assert_eq(build(&f, 0, 100, &header), OK);
    struct slice plain = slice_of(f.buf.p + BATCH_HEADER_BYTES, f.buf.n - BATCH_HEADER_BYTES);
    header.base_timestamp = INT64_MAX - 50;
    struct record_reader reader;
    struct record record;
    bool more;
    record_reader_init(&reader, &header, plain);
    cr_assert_eq(record_reader_next(&reader, &record, &more), OK);
    cr_assert_eq(record.timestamp, INT64_MAX - 50);
    cr_assert_eq(record_reader_next(&reader, &record, &more), ERR_MALFORMED);
    header.base_timestamp = 0;
    header.records = 1; /* and one more record than was told */
    record_reader_init(&reader, &header, plain);
    cr_assert_eq(record_reader_next(&reader, &record, &more), OK);
    cr_assert_eq(record_reader_next(&reader, &record, &more), ERR_MALFORMED);
    teardown(&f);
}

Test(wire_scarce, counts_that_no_batch_has)
{
    struct batch_header good = {
        .magic = BATCH_MAGIC, .base_offset = 5, .last_offset_delta = 3, .records = 4};
    cr_assert_eq(batch_check_counts(&good), OK);
    struct batch_header bad[] = {good, good, good, good, good, good};
    bad[0].last_offset_delta = -1;
    bad[1].records = -1;
    bad[2].records = 5;
    bad[3].base_offset = -1;
    bad[4].base_offset = INT64_MAX - INT32_MAX + 1;
    bad[5].attributes = 7;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cr_assert_eq(batch_check_counts(&bad[i]), ERR_MALFORMED, "%zu", i);
    }
    char text[512];
    good.attributes = BATCH_LOG_APPEND_TIME;
    cr_assert_gt(batch_describe(&good, text, sizeof(text)), 0);
    cr_assert_not_null(strstr(text, "LogAppendTime"));
}

Test(wire_scarce, bounds_of_timestamps_are_told_without_overflow)
{
    struct produce_rules rules = {.now = -5, .before_max_ms = INT64_MAX, .after_max_ms = INT64_MAX};
    struct record_fault fault = {.kind = RECORD_FAULT_TIMESTAMP, .timestamp = 7};
    char text[200];
    (void)record_fault_text(&rules, &fault, text, sizeof(text));
    cr_assert_not_null(strstr(text, "[-9223372036854775808, 9223372036854775802]"), "%s", text);
    rules.now = 5;
    (void)record_fault_text(&rules, &fault, text, sizeof(text));
    cr_assert_not_null(strstr(text, "[-9223372036854775802, 9223372036854775807]"), "%s", text);
}

/* --- words --- */

Test(wire_scarce, errors_beyond_the_table)
{
    cr_assert_str_eq(kafka_error_name(-2), "UNKNOWN");
    cr_assert_str_eq(kafka_error_name(INT16_MAX), "UNKNOWN");
    cr_assert_not(kafka_error_retriable(-2));
    cr_assert_not(kafka_error_retriable(INT16_MAX));
    cr_assert(kafka_error_retriable(KAFKA_NOT_CONTROLLER));
}

Test(wire_scarce, a_line_is_cut_where_its_room_or_its_memory_ends)
{
    struct fixture f;
    int drops = 0;
    setup(&f);
    struct kmsg_fetch_response *response = fetched(&f, &drops, 2, 77);
    response->responses.items[0].topic = slice_str("a\\\x7f\"b");
    response->responses.items[0].partitions.items[1].records = (struct kmsg_records){0};
    kmsg_print(&kmsg_fetch_response_desc, 11, response, 4000, &f.buf);
    buf_put(&f.buf, "", 1);
    cr_assert_not_null(strstr((char *)f.buf.p, "a\\\\\\u007f\\\"b"), "%s", (char *)f.buf.p);
    cr_assert_not_null(strstr((char *)f.buf.p, "77"));
    size_t whole = f.buf.n - 1;
    for (size_t n = 3; n <= whole; n++) {
        buf_clear(&f.buf);
        kmsg_print(&kmsg_fetch_response_desc, 11, response, n, &f.buf);
        cr_assert_leq(f.buf.n, n);
        cr_assert(n == whole || memcmp(f.buf.p + n - 3, "...", 3) == 0, "%zu", n);
    }
    buf_release(&f.buf);
    starve(&f, 0);
    kmsg_print(&kmsg_fetch_response_desc, 11, response, 100, &f.buf);
    cr_assert_eq(f.buf.err, ERR_NO_MEMORY);
    feed(&f);
    buf_clear(&f.buf);
    kmsg_drop(&kmsg_fetch_response_desc, response);
    cr_assert_eq(drops, 1);
    teardown(&f);
}
