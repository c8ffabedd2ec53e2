/*
 * Any bytes as what a controller finds on its disk: quorum-state, the metadata log, a snapshot. As they come, or with the checksums
 * of batches and snapshot put right. The store opens or says why not; then its entries and its snapshot are read.
 */
#include "common/base/crc32c.h"
#include "common/port/memory.h"
#include "controller/node/raft_disk_internal.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/fake_disk.h"
#include "tests/sim/internal.h"

#define DIR "/meta/__cluster_metadata-0"

static void on_durable(void *ctx, uint64_t write)
{
    (void)ctx;
    (void)write;
}

static void on_snapshot(void *ctx, raft_index index, raft_term term)
{
    (void)ctx;
    (void)index;
    (void)term;
}

static void on_failed(void *ctx, const char *sentence)
{
    (void)sentence;
    *(bool *)ctx = true;
}

static const struct raft_disk_events events = {on_durable, on_snapshot, on_failed};

static void batches_right(uint8_t *p, size_t n)
{
    while (n >= BATCH_HEADER_BYTES) {
        size_t bytes = BATCH_PREFIX_BYTES + (size_t)load_be32(p + 8);
        if (bytes < BATCH_HEADER_BYTES || bytes > n) {
            bytes = n;
            store_be32(p + 8, (uint32_t)(n - BATCH_PREFIX_BYTES));
        }
        p[16] = BATCH_MAGIC;
        store_be32(p + 17, crc32c(crc32c_portable(), p + BATCH_CRC_FROM, bytes - BATCH_CRC_FROM));
        p += bytes;
        n -= bytes;
    }
}

static void snapshot_right(uint8_t *p, size_t n)
{
    if (n >= 28) {
        memcpy(p, "odrsnap1", 8);
        store_be32(p + n - 4, crc32c(crc32c_portable(), p, n - 4));
    }
}

static void file_put(struct host *host, const char *path, struct slice bytes,
                     void (*right)(uint8_t *, size_t))
{
    if (bytes.n > 0) {
        uint8_t *copy = malloc(bytes.n);
        memcpy(copy, bytes.p, bytes.n);
        if (right != NULL) {
            right(copy, bytes.n);
        }
        fake_disk_put(host, path, copy, bytes.n);
        free(copy);
    }
}

static void store_use(struct raft_disk *store, const struct raft_durable_state *durable,
                      struct arena *arena, struct slice *in)
{
    struct raft_snapshot snapshot;
    struct slice body;
    raft_disk_snapshot_id(store, &snapshot);
    err_t err = raft_disk_snapshot_body(store, arena, &body);
    assert((err == OK) == (snapshot.index > 0) || err == ERR_CORRUPT);
    for (int i = 0; i < 4; i++) {
        struct raft_entry *entries;
        size_t count;
        raft_index low = durable->first_index;
        raft_index first = low + fuzz_byte(in) % 8;
        raft_index last = first + fuzz_byte(in) % 8;
        err = raft_disk_read(store, first, last, 1 + fuzz_number(in, 2), arena, &entries, &count);
        assert(err == OK || err == ERR_RANGE || err == ERR_CORRUPT);
        assert(err != OK || (count >= 1 && count <= (size_t)(last - first + 1)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice in = slice_of(data, n);
    uint8_t mode = fuzz_byte(&in);
    struct world *world = world_open(1, false);
    struct host *host = world_host(world, "here");
    struct heap heap;
    struct arena arena;
    struct loop *loop;
    struct raft_durable_state durable;
    struct raft_disk *store;
    bool failed = false;
    heap_init(&heap, memory_source(host), (size_t)256 << 20);
    arena_init(&arena, memory_source(host), 4096, (size_t)256 << 20);
    err_t err = loop_open(host, "store", &loop);
    assert(err == OK);
    IGNORE(disk_mkdir(host, "/meta"));
    IGNORE(disk_mkdir(host, DIR));
    file_put(host, DIR "/quorum-state", fuzz_piece(&in), NULL);
    file_put(host, DIR "/00000000000000000000.log", fuzz_piece(&in),
             mode & 1 ? batches_right : NULL);
    file_put(host,
             mode & 2 ? DIR "/00000000000000000003-0000000002.checkpoint" : DIR "/download.part",
             fuzz_piece(&in), mode & 1 ? snapshot_right : NULL);
    err = raft_disk_open(loop, &heap, "/meta", &events, &failed, &arena, &durable, &store);
    if (err == OK) {
        store_use(store, &durable, &arena, &in);
        raft_disk_close(store);
    }
    assert(arena.total <= ((size_t)1 << 20) + 256 * n);
    arena_release(&arena);
    assert(heap.live == 0);
    heap_release(&heap);
    loop_stop(loop);
    loop_join(loop);
    world_close(world);
    return 0;
}
