/*
 * Any bytes as one of the small files: checkpoints, meta.properties, partition.metadata, the mark of a clean shutdown, producer
 * snapshots, quorum-state. The first byte chooses which. What is read is written and read again, to the same bytes.
 */
#include "common/base/crc32c.h"
#include "common/log/clean_shutdown.h"
#include "common/log/epoch_checkpoint.h"
#include "common/log/meta_properties.h"
#include "common/log/offset_checkpoint.h"
#include "common/log/partition_metadata.h"
#include "common/log/producer_snapshot.h"
#include "controller/node/raft_disk_internal.h"
#include "tests/fuzz/fuzz.h"

struct bench {
    struct arena arena;
    struct buf first;
    struct buf second;
};

/* Each reads `in` and writes what it understood into `out`. */
static err_t offsets(struct bench *b, struct slice in, struct buf *out)
{
    struct offset_line *lines;
    size_t count;
    TRY(offset_checkpoint_decode(in, &b->arena, &lines, &count));
    offset_checkpoint_encode(out, lines, count);
    return OK;
}

static err_t epochs(struct bench *b, struct slice in, struct buf *out)
{
    struct epoch_line *lines;
    size_t count;
    TRY(epoch_checkpoint_decode(in, &b->arena, &lines, &count));
    for (size_t i = 1; i < count; i++) {
        assert(lines[i - 1].epoch < lines[i].epoch);
        assert(lines[i - 1].start_offset <= lines[i].start_offset);
    }
    epoch_checkpoint_encode(out, lines, count);
    return OK;
}

static err_t properties(struct bench *b, struct slice in, struct buf *out)
{
    (void)b;
    struct meta_properties p;
    TRY(meta_properties_decode(in, &p));
    assert(memchr(p.cluster_id, '\0', sizeof(p.cluster_id)) != NULL);
    assert(p.node_id >= 0 || p.version == 0);
    p.node_id = p.node_id < 0
                    ? 1
                    : p.node_id; /* old files may lack both: the broker puts its own there */
    p.directory_id = uuid_is_none(p.directory_id) ? (struct uuid){.b = {1}} : p.directory_id;
    meta_properties_encode(out, &p);
    return OK;
}

static err_t metadata(struct bench *b, struct slice in, struct buf *out)
{
    (void)b;
    struct uuid topic;
    TRY(partition_metadata_decode(in, &topic));
    assert(!uuid_is_none(topic));
    partition_metadata_encode(out, topic);
    return OK;
}

static err_t shutdown_mark(struct bench *b, struct slice in, struct buf *out)
{
    (void)b;
    int64_t epoch;
    TRY(clean_shutdown_decode(in, &epoch));
    clean_shutdown_encode(out, epoch);
    return OK;
}

static err_t producers(struct bench *b, struct slice in, struct buf *out)
{
    struct producer_line *lines;
    size_t count;
    uint8_t *copy = arena_alloc(&b->arena, in.n + 1);
    memcpy(copy, in.p, in.n);
    if (in.n >= 6) { /* the checksum is put right: mutations reach what stands behind it */
        store_be32(copy + 2, crc32c(crc32c_portable(), copy + 6, in.n - 6));
    }
    TRY(producer_snapshot_decode(slice_of(copy, in.n), crc32c_portable(), &b->arena, &lines,
                                 &count));
    producer_snapshot_encode(out, crc32c_portable(), lines, count);
    return OK;
}

static err_t quorum(struct bench *b, struct slice in, struct buf *out)
{
    (void)b;
    struct quorum_state state;
    TRY(quorum_state_parse(in, &state));
    assert(state.founders.count <= VOTERS_MAX);
    quorum_state_print(&state, out);
    return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static err_t (*const kinds[])(struct bench *, struct slice, struct buf *) = {
        offsets, epochs, properties, metadata, shutdown_mark, producers, quorum};
    struct test_memory memory;
    struct heap heap;
    struct bench b;
    struct slice in = slice_of(data, n);
    uint8_t kind = (uint8_t)(fuzz_byte(&in) % ARRAY_LEN(kinds));
    test_memory_init(&memory);
    heap_init(&heap, &memory.source, (size_t)64 << 20);
    arena_init(&b.arena, &memory.source, 4096, (size_t)64 << 20);
    buf_init(&b.first, &heap, (size_t)16 << 20);
    buf_init(&b.second, &heap, (size_t)16 << 20);
    err_t err = kinds[kind](&b, in, &b.first);
    assert(b.arena.total <= 65536 + 128 * n);
    if (err == OK) {
        assert(b.first.err == OK);
        err = kinds[kind](&b, buf_slice(&b.first), &b.second);
        assert(err == OK && slice_eq(buf_slice(&b.first), buf_slice(&b.second)));
    }
    buf_release(&b.first);
    buf_release(&b.second);
    arena_release(&b.arena);
    heap_release(&heap);
    assert(memory.out == 0);
    return 0;
}
