#include <criterion/criterion.h>

#include "common/base/framing.h"
#include "common/base/prng.h"

static uint8_t block_bytes[8 << 20] __attribute__((aligned(16)));

static void heap_make(struct memory_block *block, struct memory_source *source, struct heap *heap)
{
    *block = (struct memory_block){block_bytes, sizeof(block_bytes), 0};
    *source = memory_block_source(block);
    heap_init(heap, source, sizeof(block_bytes));
}

/* Frames of many sizes in pieces of random size come out whole and in order, also when read into the gathering room. */
Test(framing, any_cut_of_the_stream_gives_the_same_frames)
{
    static uint8_t stream[400000];
    static const size_t sizes[] = {0, 1, 3, 4096, 5, 100000, 0, 70000, 12, 4095, 200000, 2};
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        stream[n + 1] = (uint8_t)(sizes[i] >> 16);
        stream[n + 2] = (uint8_t)(sizes[i] >> 8);
        stream[n + 3] = (uint8_t)sizes[i];
        memset(stream + n + 4, (int)i + 1, sizes[i]);
        n += 4 + sizes[i];
    }
    struct memory_block block;
    struct memory_source source;
    struct heap heap;
    struct prng prng;
    prng_init(&prng, 7);
    for (int round = 0; round < 300; round++) {
        heap_make(&block, &source, &heap);
        struct framing framing;
        framing_init(&framing, &heap, 200000);
        size_t seen = 0;
        for (size_t at = 0; at < n;) {
            size_t step = (size_t)prng_between(&prng, 1, round % 3 == 0 ? 7000 : 90000);
            step = step < n - at ? step : n - at;
            size_t room_n = 0;
            uint8_t *room = prng_chance(&prng, 500) ? framing_room(&framing, &room_n) : NULL;
            struct slice frame = {0};
            struct slice piece = slice_of(stream + at, step);
            if (room != NULL) {
                step = step < room_n ? step : room_n;
                memcpy(room, stream + at, step);
                frame = framing_filled(&framing, step);
                piece.n = 0;
            } else {
                cr_assert_eq(framing_next(&framing, &piece, &frame), OK);
            }
            at += step;
            while (frame.p != NULL) {
                cr_assert_lt(seen, ARRAY_LEN(sizes));
                cr_assert_eq(frame.n, sizes[seen]);
                for (size_t i = 0; i < frame.n; i += 97) {
                    cr_assert_eq(frame.p[i], seen + 1);
                }
                seen++;
                cr_assert_eq(framing_next(&framing, &piece, &frame), OK);
            }
            cr_assert_eq(piece.n, 0);
        }
        cr_assert_eq(seen, ARRAY_LEN(sizes));
        framing_release(&framing);
        heap_release(&heap);
    }
}

Test(framing, lies_about_the_length_take_no_memory)
{
    struct memory_block block;
    struct memory_source source;
    struct heap heap;
    heap_make(&block, &source, &heap);
    struct framing framing;
    struct slice frame;
    framing_init(&framing, &heap, 100u << 20);
    struct slice piece = slice_of("\x06\x00\x00\x00garbage", 11);
    cr_assert_eq(framing_next(&framing, &piece, &frame), OK);
    cr_assert_leq(heap.live, 4096);
    framing_release(&framing);
    piece = slice_of("\xff\xff\xff\xff", 4);
    cr_assert_eq(framing_next(&framing, &piece, &frame), ERR_MALFORMED);
    framing_release(&framing);
    piece = slice_of("\x06\x40\x00\x01", 4);
    cr_assert_eq(framing_next(&framing, &piece, &frame), ERR_TOO_LARGE);
    framing_release(&framing);
    cr_assert_eq(heap.live, 0);
    heap_release(&heap);
}
