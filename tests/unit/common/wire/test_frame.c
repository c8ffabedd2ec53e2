#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/wire/frame.h"
#include "kmsg/api_versions.h"
#include "kmsg/metadata.h"

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

/* ---- Headers ---- */

static struct frame_request decode(const void *p, size_t n)
{
    struct frame_request request;
    cr_assert_eq(frame_request_decode(slice_of(p, n), &request), OK);
    return request;
}

Test(frame, request_header_v1_and_v2)
{
    struct frame_request v1 = decode("\x00\x03\x00\x08\x00\x00\x00\x2a\x00\x02me!", 13);
    cr_assert_eq(v1.key, 3);
    cr_assert_eq(v1.version, 8);
    cr_assert(v1.version_known);
    cr_assert_eq(v1.correlation_id, 42);
    cr_assert(slice_eq(v1.client_id, slice_str("me")));
    cr_assert(slice_eq(v1.body, slice_str("!")));
    /* Flexible: the client id keeps its int16 length, tags follow (one unknown here). */
    struct frame_request v2 = decode("\x00\x03\x00\x09\x00\x00\x00\x2a\xff\xff\x01\x05\x02zz!", 16);
    cr_assert(v2.version_known);
    cr_assert_null(v2.client_id.p);
    cr_assert(slice_eq(v2.body, slice_str("!")));
}

Test(frame, unknown_keys_and_versions_are_told)
{
    struct frame_request request = decode("\x7f\xff\x00\x09\x00\x00\x00\x07", 8);
    cr_assert_null(request.api);
    cr_assert_eq(request.correlation_id, 7);
    request = decode("\x00\x03\x00\x63\x00\x00\x00\x07", 8);
    cr_assert_not_null(request.api);
    cr_assert(!request.version_known);
    request = decode("\x00\x12\x00\x63\x00\x00\x00\x07\x00\x01x\x00\x01", 13);
    cr_assert_eq(request.key, 18);
    cr_assert(!request.version_known);
    cr_assert(slice_eq(request.client_id, slice_str("x")));
    request = decode("\x00\x12\xff\xff\x00\x00\x00\x07\x00\x01x", 11);
    cr_assert(!request.version_known);
}

Test(frame, truncated_request_headers)
{
    static const char whole[] = "\x00\x03\x00\x09\x00\x00\x00\x2a\x00\x02me\x01\x05\x02zz";
    for (size_t n = 0; n < sizeof(whole) - 1; n++) {
        char *copy = malloc(n + 1);
        memcpy(copy, whole, n);
        struct frame_request request;
        cr_assert_eq(frame_request_decode(slice_of(copy, n), &request), ERR_TRUNCATED, "%zu", n);
        free(copy);
    }
}

Test(frame, response_headers_and_the_exception_of_api_versions)
{
    struct arena arena;
    struct heap heap;
    arena_init(&arena, &source, 4096, 1 << 20);
    heap_init(&heap, &source, 1 << 20);
    struct chain chain;
    chain_init(&chain, &heap);
    struct kmsg_api_versions_response versions;
    kmsg_api_versions_response_init(&versions);
    const struct kmsg_api *api = kmsg_api_find(18);
    cr_assert_eq(frame_response_encode(api, 3, 5, &versions, &arena, &chain), OK);
    /* length 12: id, error code, compact empty array, throttle time, no tags */
    cr_assert_eq(chain.bytes, 16);
    cr_assert_eq(memcmp(chain.head->memory.at, "\0\0\0\x0c\0\0\0\x05\0\0\x01\0\0\0\0\0", 16), 0);
    struct slice body;
    struct slice frame = slice_of(chain.head->memory.at + 4, 12);
    cr_assert_eq(frame_response_body(api, 3, frame, &body), OK);
    cr_assert_eq(body.n, 8);
    chain_release(&chain);

    struct kmsg_metadata_response metadata;
    kmsg_metadata_response_init(&metadata);
    api = kmsg_api_find(3);
    cr_assert_eq(frame_response_encode(api, 9, 6, &metadata, &arena, &chain), OK);
    frame = slice_of(chain.head->memory.at + 4, chain.bytes - 4);
    int32_t id;
    cr_assert_eq(frame_response_id(frame, &id), OK);
    cr_assert_eq(id, 6);
    cr_assert_eq(frame_response_body(api, 9, frame, &body), OK);
    cr_assert_eq(body.n, frame.n - 5, "an empty tag section stands in the header");
    struct kmsg_metadata_response back;
    cr_assert_eq(kmsg_decode(api->response, 9, &body, &arena, &back), OK);
    cr_assert_eq(body.n, 0);
    chain_release(&chain);
    arena_release(&arena);
    heap_release(&heap);
}

Test(frame, a_request_is_read_as_it_was_written)
{
    struct arena arena;
    struct heap heap;
    struct buf buf;
    arena_init(&arena, &source, 4096, 1 << 20);
    heap_init(&heap, &source, 1 << 20);
    buf_init(&buf, &heap, 1 << 20);
    struct kmsg_metadata_request metadata;
    kmsg_metadata_request_init(&metadata);
    metadata.topics.count = -1;
    for (int16_t version = 1; version <= 13; version++) {
        buf_clear(&buf);
        cr_assert_eq(
            frame_request_encode(kmsg_api_find(3), version, 77, slice_str("c"), &metadata, &buf),
            OK);
        struct frame_request request = decode(buf.p + 4, buf.n - 4);
        cr_assert_eq(buf.n - 4, (size_t)buf.p[3]);
        cr_assert_eq(request.correlation_id, 77);
        struct kmsg_metadata_request back;
        cr_assert_eq(kmsg_decode(request.api->request, version, &request.body, &arena, &back), OK);
        cr_assert_eq(back.topics.count, -1);
        cr_assert_eq(request.body.n, 0);
    }
    buf_release(&buf);
    arena_release(&arena);
    heap_release(&heap);
}

/* ---- Cutting a stream ---- */

struct stream {
    struct heap heap;
    struct frame_reader reader;
};

static void stream_start(struct stream *s, size_t heap_limit, size_t max)
{
    heap_init(&s->heap, &source, heap_limit);
    frame_reader_init(&s->reader, &s->heap, max);
}

static void stream_end(struct stream *s)
{
    frame_reader_release(&s->reader);
    cr_assert_eq(s->heap.live, 0);
    heap_release(&s->heap);
}

/* Frames of these lengths one behind the other; byte i of frame k is k + i. */
static uint8_t *stream_bytes(const size_t *lengths, size_t count, size_t *ret_n)
{
    size_t n = 0;
    for (size_t k = 0; k < count; k++) {
        n += 4 + lengths[k];
    }
    uint8_t *bytes = malloc(n);
    uint8_t *p = bytes;
    for (size_t k = 0; k < count; k++) {
        for (int shift = 24; shift >= 0; shift -= 8) {
            *p++ = (uint8_t)(lengths[k] >> shift);
        }
        for (size_t i = 0; i < lengths[k]; i++) {
            *p++ = (uint8_t)(k + i);
        }
    }
    *ret_n = n;
    return bytes;
}

static void check_frame(struct slice frame, size_t k, size_t length)
{
    cr_assert_eq(frame.n, length, "frame %zu", k);
    for (size_t i = 0; i < length; i++) {
        cr_assert_eq(frame.p[i], (uint8_t)(k + i));
    }
}

/* Feeds the bytes in random pieces, some of them read straight into the reader's room. */
static void feed(struct stream *s, struct prng *prng, const uint8_t *bytes, size_t n,
                 const size_t *lengths, size_t count)
{
    size_t at = 0;
    size_t k = 0;
    while (at < n) {
        size_t piece = (size_t)prng_between(prng, 1, 3000);
        piece = piece > n - at ? n - at : piece;
        uint8_t *copy = NULL;
        struct slice in = {0};
        uint8_t *room;
        size_t room_n;
        cr_assert_eq(frame_reader_room(&s->reader, &room, &room_n), OK);
        if (room != NULL && prng_chance(prng, 700)) {
            piece = piece > room_n ? room_n : piece;
            memcpy(room, bytes + at, piece);
            frame_reader_filled(&s->reader, piece);
        } else {
            copy = malloc(piece);
            memcpy(copy, bytes + at, piece);
            in = slice_of(copy, piece);
        }
        at += piece;
        struct slice frame;
        for (;;) {
            cr_assert_eq(frame_reader_next(&s->reader, &in, &frame), OK);
            if (frame.p == NULL) {
                break;
            }
            cr_assert_lt(k, count);
            check_frame(frame, k, lengths[k]);
            k++;
        }
        cr_assert_eq(in.n, 0);
        free(copy);
        if (prng_chance(prng, 100)) {
            frame_reader_idle(&s->reader);
        }
    }
    cr_assert_eq(k, count);
}

Test(frame, a_stream_is_cut_however_it_arrives)
{
    static const size_t lengths[] = {10, 0, 1, 5000, 70000, 3, 4096, 0, 20000, 8};
    struct stream s;
    stream_start(&s, 1 << 20, 100000);
    size_t n;
    uint8_t *bytes = stream_bytes(lengths, ARRAY_LEN(lengths), &n);
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct prng prng;
        prng_init(&prng, seed);
        feed(&s, &prng, bytes, n, lengths, ARRAY_LEN(lengths));
    }
    free(bytes);
    stream_end(&s);
}

Test(frame, a_whole_frame_is_returned_in_place)
{
    struct stream s;
    stream_start(&s, 0, 100); /* no memory at all */
    const uint8_t bytes[] = "\0\0\0\2ab\0\0\0\1c";
    struct slice in = slice_of(bytes, sizeof(bytes) - 1);
    struct slice frame;
    cr_assert_eq(frame_reader_next(&s.reader, &in, &frame), OK);
    cr_assert_eq(frame.p, bytes + 4);
    cr_assert_eq(frame_reader_next(&s.reader, &in, &frame), OK);
    cr_assert_eq(frame.p, bytes + 10);
    cr_assert_eq(frame_reader_next(&s.reader, &in, &frame), OK);
    cr_assert_null(frame.p);
    stream_end(&s);
}

Test(frame, bad_lengths_are_refused_before_memory_is_taken)
{
    struct stream s;
    stream_start(&s, 0, 1000);
    struct slice frame;
    struct slice in = slice_of("\xff\xff\xff\xff", 4);
    cr_assert_eq(frame_reader_next(&s.reader, &in, &frame), ERR_MALFORMED);
    stream_end(&s);
    stream_start(&s, 0, 1000);
    in = slice_of("\0\0\x03\xe9", 4);
    cr_assert_eq(frame_reader_next(&s.reader, &in, &frame), ERR_TOO_LARGE);
    stream_end(&s);
}

Test(frame, memory_follows_the_bytes_received_not_the_length_declared)
{
    struct stream s;
    stream_start(&s, 8 << 20, 100 << 20);
    uint8_t bytes[1004] = "\x06\x40\0\0"; /* 100 MiB */
    struct slice in = slice_of(bytes, sizeof(bytes));
    struct slice frame;
    cr_assert_eq(frame_reader_next(&s.reader, &in, &frame), OK);
    cr_assert_null(frame.p);
    cr_assert_leq(s.heap.live, 8192);
    uint8_t *room;
    size_t n;
    size_t received = 1000;
    while (received < 1 << 20) {
        cr_assert_eq(frame_reader_room(&s.reader, &room, &n), OK);
        cr_assert_not_null(room);
        n = n > 1500 ? 1500 : n;
        frame_reader_filled(&s.reader, n);
        received += n;
        in = (struct slice){0};
        cr_assert_eq(frame_reader_next(&s.reader, &in, &frame), OK);
        cr_assert_null(frame.p);
        cr_assert_leq(s.reader.room, received * 4 + 4096);
    }
    stream_end(&s);
}
