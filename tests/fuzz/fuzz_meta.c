/*
 * Any bytes as a metadata batch. Besides the sanitizers this holds: memory stays within its allowance; what is read can be
 * written and read again; an image takes it or refuses it, and then is what it was.
 */
#include "common/meta/codec/meta_codec.h"
#include "common/meta/image.h"
#include "tests/lib/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void apply(struct heap *heap, struct arena *arena, struct meta_batch batch)
{
    struct meta_store store;
    meta_store_init(&store, heap);
    struct meta_image *image = meta_image_empty(&store);
    struct meta_image *next = NULL;
    assert(image != NULL);
    uint64_t hash = meta_image_hash(image);
    struct meta_changes changes;
    err_t err = meta_image_apply(&store, image, batch, 7, 1, arena, &changes, &next);
    assert(err == OK || err == ERR_CORRUPT || err == ERR_NO_MEMORY);
    assert(meta_image_hash(image) == hash && (err == OK) == (next != NULL));
    meta_image_drop(&store, next);
    meta_image_drop(&store, image);
    assert(heap->live == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct test_memory memory;
    struct heap heap;
    struct arena arena;
    struct buf again;
    struct meta_batch batch;
    struct meta_unknown unknown;
    test_memory_init(&memory);
    heap_init(&heap, &memory.source, (size_t)1 << 26);
    arena_init(&arena, &memory.source, 4096, (size_t)1 << 28);
    buf_init(&again, &heap, (size_t)1 << 24);
    err_t err = meta_batch_decode(slice_of(data, n), &arena, &batch, &unknown);
    assert(arena.total <= 16 * (n * META_DECODE_RATIO + 4096) +
                              METADATA_BATCH_RECORDS_MAX * sizeof(struct meta_record));
    if (err == OK) {
        err = meta_batch_encode(batch, &again);
        assert(err == OK);
        err = meta_batch_decode(buf_slice(&again), &arena, &batch, NULL);
        assert(err == OK);
        buf_release(&again);
        apply(&heap, &arena, batch);
    }
    buf_release(&again);
    arena_release(&arena);
    heap_release(&heap);
    assert(memory.out == 0);
    return 0;
}
