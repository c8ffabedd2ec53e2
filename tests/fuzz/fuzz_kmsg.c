/*
 * libFuzzer target: Kafka frames and messages from hostile bytes.
 *
 * The first byte chooses: even, a stream of request frames, cut by frame_reader in pieces of the second byte's size and decoded
 * as requests; odd, one message named by the next two bytes (index, version). Whatever decodes must encode, decode again and
 * encode to the same bytes, and its memory must stay in proportion to the input.
 */
#include <stdlib.h>

#include "common/wire/frame.h"

#define CHUNK             4096u
#define AMPLIFICATION_MAX 96u
#define FRAME_MAX         65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

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

struct world {
    struct arena arena;
    struct heap heap;
    struct buf first;
    struct buf second;
};

/* An accepted message goes out and comes in again. */
static void check_again(struct world *w, const struct kmsg_message *message, int16_t version,
                        const void *decoded)
{
    buf_clear(&w->first);
    buf_clear(&w->second);
    assert(kmsg_encode_buf(message, version, decoded, &w->first) == OK);
    void *again = arena_alloc(&w->arena, message->shape->size);
    struct slice in = buf_slice(&w->first);
    assert(kmsg_decode(message, version, &in, &w->arena, again) == OK);
    assert(in.n == 0);
    assert(kmsg_encode_buf(message, version, again, &w->second) == OK);
    assert(slice_eq(buf_slice(&w->first), buf_slice(&w->second)));
    buf_clear(&w->second);
    kmsg_print(message, version, decoded, 1000, &w->second);
    assert(w->second.n <= 1000);
}

static void fuzz_message(struct world *w, const struct kmsg_message *message, int16_t version,
                         struct slice in)
{
    arena_release(&w->arena);
    size_t given = in.n;
    void *decoded = arena_alloc(&w->arena, message->shape->size);
    err_t err = kmsg_decode(message, version, &in, &w->arena, decoded);
    assert(w->arena.total <= 2 * CHUNK + message->shape->size + AMPLIFICATION_MAX * given);
    if (err == OK) {
        assert(in.n <= given);
        check_again(w, message, version, decoded);
    }
}

static void fuzz_frame(struct world *w, struct slice frame)
{
    struct frame_request request;
    if (frame_request_decode(frame, &request) == OK && request.version_known) {
        fuzz_message(w, request.api->request, request.version, request.body);
    }
}

static void fuzz_stream(struct world *w, size_t piece, const uint8_t *data, size_t n)
{
    struct frame_reader reader;
    frame_reader_init(&reader, &w->heap, FRAME_MAX);
    err_t err = OK;
    for (size_t at = 0; at < n && err == OK;) {
        size_t take_n = n - at < piece ? n - at : piece;
        struct slice in = slice_of(data + at, take_n);
        uint8_t *room;
        size_t room_n;
        err = frame_reader_room(&reader, &room, &room_n);
        if (err == OK && room != NULL && at % 2 == 0) {
            take_n = take_n < room_n ? take_n : room_n;
            memcpy(room, data + at, take_n);
            frame_reader_filled(&reader, take_n);
            in = (struct slice){0};
        }
        at += take_n;
        struct slice frame = {0};
        while (err == OK && (err = frame_reader_next(&reader, &in, &frame)) == OK &&
               frame.p != NULL) {
            fuzz_frame(w, frame);
        }
        assert(reader.room <= 4096 + 4 * at);
    }
    frame_reader_release(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n < 3) {
        return 0;
    }
    struct world w;
    arena_init(&w.arena, &source, CHUNK, 256 << 20);
    heap_init(&w.heap, &source, 256 << 20);
    buf_init(&w.first, &w.heap, 64 << 20);
    buf_init(&w.second, &w.heap, 64 << 20);
    if (data[0] % 2 == 0) {
        fuzz_stream(&w, (size_t)data[1] + 1, data + 2, n - 2);
    } else {
        const struct kmsg_message *m = kmsg_messages[data[1] % kmsg_message_count];
        int16_t version = (int16_t)(m->version_min +
                                    data[2] % (m->version_max - m->version_min + 1));
        fuzz_message(&w, m, version, slice_of(data + 3, n - 3));
    }
    buf_release(&w.first);
    buf_release(&w.second);
    heap_release(&w.heap);
    arena_release(&w.arena);
    return 0;
}
