/*
 * The first byte chooses a codec, the rest is decompressed as it stands; what it gives is compressed and comes back the same. All
 * memory has returned at the end, and the bounds hold.
 */
#include <stdlib.h>

#include "common/base/limits.h"
#include "common/codec/codec.h"

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

static void round_trip(struct heap *heap, struct decoder *decoder, enum compression codec,
                       struct slice bytes)
{
    struct encoder encoder;
    struct buf packed;
    struct buf plain;
    encoder_init(&encoder, heap);
    buf_init(&packed, heap, SIZE_MAX / 4);
    buf_init(&plain, heap, SIZE_MAX / 4);
    err_t err = encoder_open(&encoder, codec, CODEC_LEVEL_DEFAULT, &packed);
    err = err == OK ? encoder_push(&encoder, bytes) : err;
    err = err == OK ? encoder_finish(&encoder) : err;
    assert(err == OK);
    err = decoder_all(decoder, codec, buf_slice(&packed), &plain);
    assert(err == OK && slice_eq(buf_slice(&plain), bytes));
    encoder_release(&encoder);
    buf_release(&packed);
    buf_release(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0) {
        return 0;
    }
    const struct memory_source source = {take, give, NULL};
    struct heap heap;
    struct decoder decoder;
    struct buf plain;
    enum compression codec = (enum compression)(1 + data[0] % 4);
    heap_init(&heap, &source, SIZE_MAX);
    decoder_init(&decoder, &heap);
    buf_init(&plain, &heap, 1 << 20);
    err_t err = decoder_all(&decoder, codec, slice_of(data + 1, n - 1), &plain);
    assert(decoder.out_bytes <= BATCH_OUTPUT_MAX + (4u << 20));
    assert(err != ERR_NO_MEMORY);
    if (data[0] &
        0x80) { /* what comes out of a decoder is well compressible, what goes in is not */
        round_trip(&heap, &decoder, codec, slice_of(data, n));
    } else if (err == OK) {
        round_trip(&heap, &decoder, codec, buf_slice(&plain));
    }
    buf_release(&plain);
    decoder_release(&decoder);
    assert(heap.live == 0);
    heap_release(&heap);
    return 0;
}
